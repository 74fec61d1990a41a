//! Init segments.

use bytes::Bytes;

use super::super::clock::rescale;
use super::TRACK_ID;
use super::roll;
use super::writer::BoxWriter;
use crate::model::{Codec, TrackInfo, TrackKind, VideoFormat};
use crate::{Error, ErrorKind, Result};

/// Timescale of the movie header; all times that matter are in the track's own.
const MOVIE_TIMESCALE: u32 = 1000;

/// The init segment of a track: `ftyp` and a `moov` without samples.
///
/// `duration_ticks` is the length of the presentation in ticks of the track, for the `mehd` box.
///
/// # Errors
/// `Unsupported` for a track without a sample entry: text, and codecs that are not packaged.
pub fn init_segment(track: &TrackInfo, duration_ticks: u64) -> Result<Bytes> {
    if track.sample_entry.kind == [0; 4] {
        return Err(Error::new(ErrorKind::Unsupported, "write init segment").detail(track.codec_string.clone()));
    }
    let ticks = i64::try_from(duration_ticks).unwrap_or(i64::MAX);
    let movie_ticks = rescale(ticks, u64::from(track.timescale), u64::from(MOVIE_TIMESCALE)).unsigned_abs();
    let mut out = BoxWriter::with_capacity(1024);
    out.write(*b"ftyp", |out| {
        out.bytes(b"iso6");
        out.u32(0);
        out.bytes(b"iso6cmfcmp41");
    });
    out.write(*b"moov", |out| {
        write_mvhd(out);
        out.write(*b"trak", |out| {
            write_tkhd(out, track);
            out.write(*b"mdia", |out| write_mdia(out, track));
        });
        out.write(*b"mvex", |out| {
            out.write_full(*b"mehd", 1, 0, |out| out.u64(movie_ticks));
            out.write_full(*b"trex", 0, 0, |out| {
                out.u32(TRACK_ID);
                out.u32(1); // default sample description
                out.zeros(12); // duration, size and flags come with each fragment
            });
        });
    });
    Ok(out.finish())
}

fn write_mvhd(out: &mut BoxWriter) {
    out.write_full(*b"mvhd", 0, 0, |out| {
        out.zeros(8); // times of creation and change: equal bytes for equal files
        out.u32(MOVIE_TIMESCALE);
        out.u32(0); // in a fragmented file the duration stands in mehd
        out.u32(0x0001_0000); // rate 1.0
        out.u16(0x0100); // volume 1.0
        out.zeros(10);
        write_matrix(out, [1, 0, 0, 1], [0, 0]);
        out.zeros(24);
        out.u32(TRACK_ID.saturating_add(1)); // next track
    });
}

fn write_tkhd(out: &mut BoxWriter, track: &TrackInfo) {
    const ENABLED_IN_MOVIE: u32 = 3;
    out.write_full(*b"tkhd", 0, ENABLED_IN_MOVIE, |out| {
        out.zeros(8);
        out.u32(TRACK_ID);
        out.zeros(4);
        out.u32(0); // duration, as above
        out.zeros(8);
        out.zeros(4); // layer, alternate group
        out.u16(if track.kind == TrackKind::Audio { 0x0100 } else { 0 });
        out.zeros(2);
        let (width, height) = track.video.as_ref().map_or((0, 0), pixel_shape);
        let (across, down) = (signed(width), signed(height));
        // A turned picture is moved back into the first quadrant.
        match track.video.as_ref().map_or(0, |video| video.rotation_degrees) {
            90 => write_matrix(out, [0, 1, -1, 0], [down, 0]),
            180 => write_matrix(out, [-1, 0, 0, -1], [across, down]),
            270 => write_matrix(out, [0, -1, 1, 0], [0, across]),
            _ => write_matrix(out, [1, 0, 0, 1], [0, 0]),
        }
        out.u32(width << 16);
        out.u32(height << 16);
    });
}

/// A matrix of whole numbers `[a, b, c, d]` and a shift, as `{a, b, 0, c, d, 0, x, y, 1}` in 16.16 and 2.30 fixed point.
fn write_matrix(out: &mut BoxWriter, [a, b, c, d]: [i32; 4], [x, y]: [i32; 2]) {
    let mut fixed = |value: i32| out.bytes(&(value << 16).to_be_bytes());
    for value in [a, b, 0, c, d, 0, x, y] {
        fixed(value);
    }
    out.u32(0x4000_0000);
}

fn signed(size: u32) -> i32 {
    i32::try_from(size.min(0x7fff)).unwrap_or_default()
}

/// Width and height in square pixels, before rotation, as they fit into 16 bits.
fn pixel_shape(video: &VideoFormat) -> (u32, u32) {
    let square_width = |(across, down): (u32, u32)| {
        let down = u64::from(down);
        let wide =
            u64::from(video.width).saturating_mul(u64::from(across)).saturating_add(down / 2).checked_div(down)?;
        Some(u32::try_from(wide).unwrap_or(u32::MAX))
    };
    // An aspect of or by nothing says nothing.
    let aspect = video.pixel_aspect.filter(|&(across, _)| across > 0);
    let width = aspect.and_then(square_width).unwrap_or(video.width);
    (width.min(0xffff), video.height.min(0xffff))
}

/// Width and height as they are shown: pixel aspect and rotation applied.
#[must_use]
pub fn display_size(video: &VideoFormat) -> (u32, u32) {
    let (width, height) = pixel_shape(video);
    if matches!(video.rotation_degrees, 90 | 270) { (height, width) } else { (width, height) }
}

fn write_mdia(out: &mut BoxWriter, track: &TrackInfo) {
    out.write_full(*b"mdhd", 0, 0, |out| {
        out.zeros(8);
        out.u32(track.timescale);
        out.u32(0);
        out.u16(0x55c4); // "und": the language proper stands in elng
        out.zeros(2);
    });
    let is_video = track.kind == TrackKind::Video;
    out.write_full(*b"hdlr", 0, 0, |out| {
        out.zeros(4);
        out.bytes(if is_video { b"vide" } else { b"soun" });
        out.zeros(12);
        out.bytes(if is_video { b"video\0" } else { b"audio\0" });
    });
    if let Some(language) = &track.language {
        out.write_full(*b"elng", 0, 0, |out| {
            out.bytes(language.as_str().as_bytes());
            out.zeros(1);
        });
    }
    out.write(*b"minf", |out| {
        if is_video {
            out.write_full(*b"vmhd", 0, 1, |out| out.zeros(8));
        } else {
            out.write_full(*b"smhd", 0, 0, |out| out.zeros(4));
        }
        out.write(*b"dinf", |out| {
            out.write_full(*b"dref", 0, 0, |out| {
                out.u32(1);
                out.write_full(*b"url ", 0, 1, |_| {}); // in this very file
            });
        });
        out.write(*b"stbl", |out| {
            out.write_full(*b"stsd", 0, 0, |out| {
                out.u32(1);
                write_sample_entry(out, track);
            });
            out.write_full(*b"stts", 0, 0, |out| out.u32(0));
            out.write_full(*b"stsc", 0, 0, |out| out.u32(0));
            out.write_full(*b"stsz", 0, 0, |out| out.zeros(8));
            out.write_full(*b"stco", 0, 0, |out| out.u32(0));
            if let Some(distance) = roll::distance(track) {
                roll::write_description(out, distance);
            }
        });
    });
}

fn write_sample_entry(out: &mut BoxWriter, track: &TrackInfo) {
    out.write(track.sample_entry.kind, |out| {
        out.zeros(6);
        out.u16(1); // data reference
        if let Some(video) = &track.video {
            out.zeros(16);
            out.u16(u16::try_from(video.width).unwrap_or(u16::MAX));
            out.u16(u16::try_from(video.height).unwrap_or(u16::MAX));
            out.u32(0x0048_0000); // 72 dpi
            out.u32(0x0048_0000);
            out.zeros(4);
            out.u16(1); // frames in a sample
            out.zeros(32); // name of the compressor
            out.u16(0x0018); // depth
            out.u16(0xffff);
        } else {
            let audio = track.audio.as_ref();
            out.zeros(8);
            out.u16(audio.map_or(2, |audio| audio.channel_count));
            out.u16(flac_bits_per_sample(track).unwrap_or(16));
            out.zeros(4);
            // A rate that does not fit is left to the codec's own box, as FLAC in ISOBMFF and ffmpeg do it.
            let rate = audio.map_or(0, |audio| audio.sample_rate_hz);
            out.u32(u16::try_from(rate).map_or(0, |rate| u32::from(rate) << 16));
        }
        for child in &track.sample_entry.boxes {
            out.bytes(child);
        }
    });
}

/// Bits of a sample from the STREAMINFO block in `dfLa` (RFC 9639 section 8.2), which the sample entry of FLAC repeats.
fn flac_bits_per_sample(track: &TrackInfo) -> Option<u16> {
    if track.codec != Codec::Flac {
        return None;
    }
    let config = track.sample_entry.boxes.iter().find(|child| child.get(4..8) == Some(b"dfLa"))?;
    // Box header 8, version and flags 4, block header 4, block and frame sizes 10; then 20 bits of rate, 3 of channels, 5 of depth.
    let (&high, &low) = (config.get(28)?, config.get(29)?);
    Some((u16::from(high & 1) << 4 | u16::from(low >> 4)).saturating_add(1))
}
