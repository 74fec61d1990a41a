//! Fragmented MP4 (ISO/IEC 14496-12, CMAF): init segments and movie fragments. Pure.
//!
//! Each rendition is a file of one track. Headers are written straight into one buffer: this runs for every segment.

use bytes::Bytes;

use super::clock::rescale;
use crate::container::Packet;
use crate::model::{Codec, TrackInfo, TrackKind, VideoFormat};
use crate::{Error, ErrorKind, Result};

/// `track_ID` of the one track in each rendition.
pub const TRACK_ID: u32 = 1;
/// Timescale of the movie header; all times that matter are in the track's own.
const MOVIE_TIMESCALE: u32 = 1000;

/// Sample flags (ISO/IEC 14496-12, 8.8.3.1) of a sample that needs no other.
const SYNC_FLAGS: u32 = 0x0200_0000;
/// Sample flags of a sample that needs others: depends on others, not a sync sample.
const NON_SYNC_FLAGS: u32 = 0x0101_0000;

const TFHD_DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
const TFHD_DEFAULT_DURATION: u32 = 0x08;
const TFHD_DEFAULT_SIZE: u32 = 0x10;
const TFHD_DEFAULT_FLAGS: u32 = 0x20;
const TRUN_DATA_OFFSET: u32 = 0x01;
const TRUN_FIRST_SAMPLE_FLAGS: u32 = 0x04;
const TRUN_DURATION: u32 = 0x100;
const TRUN_SIZE: u32 = 0x200;
const TRUN_FLAGS: u32 = 0x400;
const TRUN_COMPOSITION_OFFSET: u32 = 0x800;

/// Writes boxes one after the other into a single buffer.
#[derive(Debug, Default)]
struct BoxWriter {
    out: Vec<u8>,
}

impl BoxWriter {
    fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity) }
    }

    /// One box: its size is filled in once `content` is written.
    fn write(&mut self, kind: [u8; 4], content: impl FnOnce(&mut Self)) {
        let at = self.out.len();
        self.u32(0);
        self.bytes(&kind);
        content(self);
        let size = u32::try_from(self.out.len().saturating_sub(at)).unwrap_or(u32::MAX);
        self.patch(at, size);
    }

    /// A box that begins with a version and flags.
    fn write_full(&mut self, kind: [u8; 4], version: u8, flags: u32, content: impl FnOnce(&mut Self)) {
        self.write(kind, |out| {
            out.u32(u32::from(version) << 24 | flags);
            content(out);
        });
    }

    fn patch(&mut self, at: usize, value: u32) {
        if let Some(slot) = self.out.get_mut(at..at.saturating_add(4)) {
            slot.copy_from_slice(&value.to_be_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn zeros(&mut self, count: usize) {
        self.out.resize(self.out.len().saturating_add(count), 0);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }
}

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

/// The head of a media segment: everything before the payload, which follows packet by packet in the order given.
#[derive(Clone, Debug)]
pub struct FragmentHeader {
    /// `styp`, `moof` and the header of `mdat`.
    pub bytes: Bytes,
    /// Bytes of payload that follow.
    pub payload_size: u64,
}

/// What a fragment has in common over its samples, and so writes once.
struct Shape {
    duration: Option<u32>,
    size: Option<u32>,
    flags: Flags,
    has_offsets: bool,
    payload_size: u64,
}

enum Flags {
    All(u32),
    FirstIsSync,
    Each,
}

impl Shape {
    fn of(packets: &[Packet]) -> Result<Self> {
        let mut shape = Self {
            duration: packets.first().map(|packet| packet.duration_ticks),
            size: packets.first().map(sample_size).transpose()?,
            flags: Flags::Each,
            has_offsets: false,
            payload_size: 0,
        };
        let mut sync_count = 0usize;
        for packet in packets {
            let size = sample_size(packet)?;
            shape.payload_size = shape.payload_size.saturating_add(u64::from(size));
            if shape.size != Some(size) {
                shape.size = None;
            }
            if shape.duration != Some(packet.duration_ticks) {
                shape.duration = None;
            }
            shape.has_offsets |= packet.pts_ticks != packet.dts_ticks;
            sync_count = sync_count.saturating_add(usize::from(packet.is_sync));
        }
        shape.flags = match sync_count {
            count if count == packets.len() => Flags::All(SYNC_FLAGS),
            0 => Flags::All(NON_SYNC_FLAGS),
            1 if packets.first().is_some_and(|packet| packet.is_sync) => Flags::FirstIsSync,
            _ => Flags::Each,
        };
        Ok(shape)
    }
}

fn sample_size(packet: &Packet) -> Result<u32> {
    u32::try_from(packet.payload.size_bytes())
        .map_err(|_| Error::new(ErrorKind::LimitExceeded, "write segment").detail("sample over 4 GiB"))
}

/// The head of the segment `index` that holds `packets`, whose times are moved back by `shift_ticks`.
///
/// `start_ticks` (unshifted) is where a segment without packets lies.
///
/// # Errors
/// `LimitExceeded` for a sample over 4 GiB; `Malformed` when a composition offset does not fit into 32 bits.
pub fn fragment_header(index: u32, packets: &[Packet], shift_ticks: i64, start_ticks: i64) -> Result<FragmentHeader> {
    let shape = Shape::of(packets)?;
    let mut out = BoxWriter::with_capacity(packets.len().saturating_mul(16).saturating_add(160));
    out.write(*b"styp", |out| {
        out.bytes(b"msdh");
        out.u32(0);
        out.bytes(b"msdhmsix");
    });
    let moof = out.out.len();
    let first_dts = packets.first().map_or(start_ticks, |packet| packet.dts_ticks);
    let mut data_offset = 0;
    let mut written = Ok(());
    out.write(*b"moof", |out| {
        out.write_full(*b"mfhd", 0, 0, |out| out.u32(index.saturating_add(1)));
        out.write(*b"traf", |out| {
            write_tfhd(out, &shape);
            // Never negative: the origin is the earliest time there is.
            let time = u64::try_from(first_dts.saturating_sub(shift_ticks)).unwrap_or(0);
            out.write_full(*b"tfdt", 1, 0, |out| out.u64(time));
            (data_offset, written) = write_trun(out, &shape, packets);
        });
    });
    written?;
    let has_long_size = shape.payload_size.saturating_add(8) > u64::from(u32::MAX);
    let mdat_header: u32 = if has_long_size { 16 } else { 8 };
    let moof_size = u32::try_from(out.out.len().saturating_sub(moof)).unwrap_or(u32::MAX);
    out.patch(data_offset, moof_size.saturating_add(mdat_header));
    if has_long_size {
        out.u32(1);
        out.bytes(b"mdat");
        out.u64(shape.payload_size.saturating_add(16));
    } else {
        out.u32(u32::try_from(shape.payload_size.saturating_add(8)).unwrap_or(u32::MAX));
        out.bytes(b"mdat");
    }
    Ok(FragmentHeader { bytes: out.finish(), payload_size: shape.payload_size })
}

fn write_tfhd(out: &mut BoxWriter, shape: &Shape) {
    let default_flags = match shape.flags {
        Flags::All(flags) => Some(flags),
        Flags::FirstIsSync => Some(NON_SYNC_FLAGS),
        Flags::Each => None,
    };
    let mut flags = TFHD_DEFAULT_BASE_IS_MOOF;
    flags |= shape.duration.map_or(0, |_| TFHD_DEFAULT_DURATION);
    flags |= shape.size.map_or(0, |_| TFHD_DEFAULT_SIZE);
    flags |= default_flags.map_or(0, |_| TFHD_DEFAULT_FLAGS);
    out.write_full(*b"tfhd", 0, flags, |out| {
        out.u32(TRACK_ID);
        for value in [shape.duration, shape.size, default_flags].into_iter().flatten() {
            out.u32(value);
        }
    });
}

/// Writes the samples and says where the data offset stands, which is known once the `moof` is complete.
fn write_trun(out: &mut BoxWriter, shape: &Shape, packets: &[Packet]) -> (usize, Result<()>) {
    let mut flags = TRUN_DATA_OFFSET;
    flags |= if shape.duration.is_none() { TRUN_DURATION } else { 0 };
    flags |= if shape.size.is_none() { TRUN_SIZE } else { 0 };
    flags |= if shape.has_offsets { TRUN_COMPOSITION_OFFSET } else { 0 };
    flags |= match shape.flags {
        Flags::All(_) => 0,
        Flags::FirstIsSync => TRUN_FIRST_SAMPLE_FLAGS,
        Flags::Each => TRUN_FLAGS,
    };
    let mut data_offset = 0;
    let mut written = Ok(());
    out.write_full(*b"trun", 1, flags, |out| {
        out.u32(u32::try_from(packets.len()).unwrap_or(u32::MAX));
        data_offset = out.out.len();
        out.u32(0);
        if matches!(shape.flags, Flags::FirstIsSync) {
            out.u32(SYNC_FLAGS);
        }
        for packet in packets {
            if shape.duration.is_none() {
                out.u32(packet.duration_ticks);
            }
            if shape.size.is_none() {
                // Shape::of has seen that it fits.
                out.u32(u32::try_from(packet.payload.size_bytes()).unwrap_or(u32::MAX));
            }
            if matches!(shape.flags, Flags::Each) {
                out.u32(if packet.is_sync { SYNC_FLAGS } else { NON_SYNC_FLAGS });
            }
            if shape.has_offsets {
                match i32::try_from(packet.pts_ticks.saturating_sub(packet.dts_ticks)) {
                    Ok(offset) => out.bytes(&offset.to_be_bytes()),
                    Err(_) => written = Err(ErrorKind::Malformed),
                }
            }
        }
    });
    let written = written
        .map_err(|kind| Error::new(kind, "write segment").detail("presentation and decode time lie too far apart"));
    (data_offset, written)
}

/// Most bytes that the head of a segment with so many packets takes: for bandwidths, where none is written.
#[must_use]
pub fn header_size_bound(kind: TrackKind, packet_count: u64) -> u64 {
    // For each sample its size and duration; for video also flags and composition offset.
    let each: u64 = if kind == TrackKind::Video { 16 } else { 8 };
    packet_count.saturating_mul(each).saturating_add(144)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Payload;
    use crate::model::{AudioFormat, ByteRange, Language, SampleEntry};

    fn track(kind: TrackKind) -> TrackInfo {
        let is_video = kind == TrackKind::Video;
        TrackInfo {
            number: 1,
            kind,
            codec: if is_video { Codec::H264 } else { Codec::Aac },
            codec_string: String::new(),
            sample_entry: SampleEntry {
                kind: if is_video { *b"avc1" } else { *b"mp4a" },
                boxes: vec![Bytes::from_static(b"\0\0\0\x09avcC\x01")],
            },
            timescale: 24_000,
            language: Language::parse("pt-BR"),
            name: None,
            is_default: true,
            is_forced: false,
            is_hearing_impaired: false,
            is_commentary: false,
            video: is_video.then(|| VideoFormat {
                width: 720,
                height: 576,
                pixel_aspect: Some((16, 15)),
                rotation_degrees: 90,
                ..VideoFormat::default()
            }),
            audio: (!is_video).then(|| AudioFormat {
                sample_rate_hz: 48_000,
                channel_count: 6,
                ..AudioFormat::default()
            }),
        }
    }

    fn packet(pts_ticks: i64, dts_ticks: i64, size: u64, is_sync: bool) -> Packet {
        let payload = Payload::InFile(ByteRange::with_len(1000, size));
        Packet { pts_ticks, dts_ticks, duration_ticks: 1001, is_sync, payload }
    }

    /// The children of a run of boxes: kind and content.
    fn boxes(mut bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            out.push((bytes[4..8].try_into().unwrap(), &bytes[8..size]));
            bytes = &bytes[size..];
        }
        out
    }

    fn descend<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
        path.iter().fold(bytes, |inside, kind| boxes(inside).into_iter().find(|found| found.0 == **kind).unwrap().1)
    }

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    /// Goal: the picture is declared as it is shown: square pixels, turned by the matrix.
    #[test]
    fn init_declares_shape_and_rotation() {
        let init = init_segment(&track(TrackKind::Video), 48_000).unwrap();
        let tkhd = descend(&init, &[b"moov", b"trak", b"tkhd"]);
        let matrix: Vec<i32> = (0..9).map(|n| word(tkhd, 40 + n * 4) as i32 >> 16).collect();
        assert_eq!(matrix, [0, 1, 0, -1, 0, 0, 576, 0, 0x4000]);
        assert_eq!((word(tkhd, 76) >> 16, word(tkhd, 80) >> 16), (768, 576));
        assert_eq!(display_size(track(TrackKind::Video).video.as_ref().unwrap()), (576, 768));
        let stsd = descend(&init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]);
        let entry = boxes(&stsd[8..])[0];
        assert_eq!(entry.0, *b"avc1");
        assert_eq!(boxes(&entry.1[78..]), [(*b"avcC", &[1u8][..])]);
        assert_eq!(descend(&init, &[b"moov", b"mvex", b"mehd"])[4..], 2000u64.to_be_bytes());
    }

    /// Goal: audio declares its channels and rate, and its language by its full tag.
    #[test]
    fn init_declares_audio() {
        let init = init_segment(&track(TrackKind::Audio), 0).unwrap();
        let stsd = descend(&init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]);
        let entry = boxes(&stsd[8..])[0].1;
        assert_eq!(entry[16..18], 6u16.to_be_bytes());
        assert_eq!(word(entry, 24), 48_000 << 16);
        assert_eq!(descend(&init, &[b"moov", b"trak", b"mdia", b"elng"])[4..], *b"pt-BR\0");
    }

    /// Goal: a track that cannot be written is refused, not written wrong.
    #[test]
    fn init_refuses_a_track_without_entry() {
        let mut text = track(TrackKind::Audio);
        text.sample_entry = SampleEntry::default();
        assert_eq!(init_segment(&text, 0).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    /// Goal: times, sizes and flags of a usual video segment, with everything common written once.
    #[test]
    fn fragment_describes_its_samples() {
        let packets = [packet(2002, 1001, 500, true), packet(1001, 2002, 70, false), packet(5005, 3003, 80, false)];
        let header = fragment_header(4, &packets, 1001, 0).unwrap();
        assert_eq!(header.payload_size, 650);
        let moof = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof"]);
        assert_eq!(word(descend(moof, &[b"mfhd"]), 4), 5);
        assert_eq!(descend(moof, &[b"traf", b"tfdt"])[4..], 0u64.to_be_bytes());
        let tfhd = descend(moof, &[b"traf", b"tfhd"]);
        assert_eq!([word(tfhd, 0), word(tfhd, 8), word(tfhd, 12)], [0x02_0028, 1001, NON_SYNC_FLAGS]);
        let trun = descend(moof, &[b"traf", b"trun"]);
        assert_eq!(word(trun, 0), 0x0100_0a05);
        assert_eq!(word(trun, 4), 3);
        assert_eq!(word(trun, 8) as usize, moof.len() + 8 + 8);
        assert_eq!(word(trun, 12), SYNC_FLAGS);
        let samples: Vec<(u32, i32)> =
            (0..3).map(|n| (word(trun, 16 + n * 8), word(trun, 20 + n * 8) as i32)).collect();
        assert_eq!(samples, [(500, 1001), (70, -1001), (80, 2002)]);
        assert_eq!(header.bytes[header.bytes.len() - 8..], *b"\0\0\x02\x92mdat");
    }

    /// Goal: equal samples cost nothing each; mixed flags are written for each.
    #[test]
    fn common_values_are_hoisted() {
        let equal: Vec<Packet> = (0..100).map(|n| packet(n * 1001, n * 1001, 64, true)).collect();
        let header = fragment_header(0, &equal, 0, 0).unwrap();
        assert!(header.bytes.len() < 150, "{}", header.bytes.len());
        let mixed = [packet(0, 0, 1, true), packet(1001, 1001, 1, false), packet(2002, 2002, 1, true)];
        let header = fragment_header(0, &mixed, 0, 0).unwrap();
        let trun = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof", b"traf", b"trun"]);
        assert_eq!(word(trun, 0) & 0xffff, TRUN_DATA_OFFSET | TRUN_FLAGS);
        assert_eq!([word(trun, 12), word(trun, 16), word(trun, 20)], [SYNC_FLAGS, NON_SYNC_FLAGS, SYNC_FLAGS]);
    }

    /// Goal: payload over 4 GiB has its size in 64 bits and is pointed at behind it.
    #[test]
    fn large_payload_has_a_long_size() {
        let packets = [packet(0, 0, 3 << 30, true), packet(1001, 1001, 3 << 30, false)];
        let header = fragment_header(0, &packets, 0, 0).unwrap();
        let tail = header.bytes.len() - 16;
        assert_eq!(header.bytes[tail..tail + 8], *b"\0\0\0\x01mdat");
        assert_eq!(header.bytes[tail + 8..], ((6u64 << 30) + 16).to_be_bytes());
        let moof = descend(&header.bytes[..tail], &[b"moof"]);
        assert_eq!(word(descend(moof, &[b"traf", b"trun"]), 8) as usize, moof.len() + 8 + 16);
    }

    /// Goal: a segment without packets still says where it lies.
    #[test]
    fn empty_segment_keeps_its_time() {
        let header = fragment_header(0, &[], 100, 700).unwrap();
        let moof = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof"]);
        assert_eq!(descend(moof, &[b"traf", b"tfdt"])[4..], 600u64.to_be_bytes());
    }

    /// Goal: the size that bandwidths count on is never below the size written.
    #[test]
    fn header_bound_holds() {
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let is_video = kind == TrackKind::Video;
            let mut packets: Vec<Packet> = (0..144)
                .map(|n| {
                    let offset = if is_video { n % 3 } else { 0 };
                    packet(n * 1001 + offset, n * 1001, 100 + n as u64, !is_video || n % 48 == 0)
                })
                .collect();
            packets[7].duration_ticks = 1002;
            packets[0].payload = Payload::InFile(ByteRange::with_len(0, 4_000_000_000));
            packets[1].payload = packets[0].payload.clone();
            let header = fragment_header(0, &packets, 0, 0).unwrap();
            let bound = header_size_bound(kind, 144);
            assert!((header.bytes.len() as u64..=header.bytes.len() as u64 + 24).contains(&bound), "{bound}");
        }
    }
}
