//! Tracks and what they are.

use super::{Reader, Writer, read_language, unreadable};
use crate::Result;
use crate::container::{Description, SyncPoint, Track};
use crate::model::{
    AudioFormat, Codec, ColorInfo, DolbyVision, SampleEntry, TextFormat, TrackInfo, TrackKind, VideoFormat,
};

/// Least bytes of a track.
pub(super) const MIN_SIZE: usize = 16;

pub(super) fn write(writer: &mut Writer, track: &Track) {
    let Track { info, start_ticks, end_ticks, sync_points, has_closed_gops, average_bits_per_s, descriptions } = track;
    write_info(writer, info);
    writer.signed(*start_ticks);
    writer.signed(*end_ticks);
    write_sync_points(writer, sync_points);
    writer.flag(*has_closed_gops);
    writer.number(*average_bits_per_s);
    writer.list(descriptions, write_description);
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Track> {
    let track = Track {
        info: read_info(reader)?,
        start_ticks: reader.signed()?,
        end_ticks: reader.signed()?,
        sync_points: read_sync_points(reader)?,
        has_closed_gops: reader.flag()?,
        average_bits_per_s: reader.number()?,
        descriptions: reader.list(4, read_description)?,
    };
    let is_sent = track.info.kind != TrackKind::Subtitle && track.info.codec != Codec::Other;
    if is_sent && !is_sendable(&track) {
        return Err(unreadable("a track that cannot be described"));
    }
    Ok(track)
}

/// Is all that playlists and init segments take as it is what they take?
fn is_sendable(track: &Track) -> bool {
    let described = track.descriptions.iter().map(|description| (&description.codec_string, &description.sample_entry));
    let mut all = described.chain([(&track.info.codec_string, &track.info.sample_entry)]);
    all.all(|(codec_string, entry)| is_codec_string(codec_string) && is_made_of_boxes(entry))
}

/// Can it stand in a list within quotation marks?
fn is_codec_string(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b','))
}

/// Is each child one box, as long as it says?
fn is_made_of_boxes(entry: &SampleEntry) -> bool {
    entry.boxes.iter().all(|child| {
        let said = child.first_chunk::<4>().and_then(|size| usize::try_from(u32::from_be_bytes(*size)).ok());
        child.len() >= 8 && said == Some(child.len())
    })
}

/// Each field as the difference to that of the point before.
fn write_sync_points(writer: &mut Writer, points: &[SyncPoint]) {
    let mut last = SyncPoint { pts_ticks: 0, sample_index: 0, offset_bytes: 0, block_offset_bytes: 0 };
    writer.list(points, |writer, point| {
        let SyncPoint { pts_ticks, sample_index, offset_bytes, block_offset_bytes } = *point;
        writer.signed(pts_ticks.wrapping_sub(last.pts_ticks));
        writer.signed(i64::from(sample_index).saturating_sub(last.sample_index.into()));
        writer.signed(offset_bytes.wrapping_sub(last.offset_bytes).cast_signed());
        writer.number(block_offset_bytes);
        last = *point;
    });
}

fn read_sync_points(reader: &mut Reader<'_>) -> Result<Vec<SyncPoint>> {
    let (mut pts_ticks, mut sample_index, mut offset_bytes) = (0i64, 0i64, 0u64);
    let points = reader.list(4, |reader| {
        pts_ticks = pts_ticks.wrapping_add(reader.signed()?);
        sample_index = sample_index.saturating_add(reader.signed()?);
        offset_bytes = offset_bytes.wrapping_add(reader.signed()?.cast_unsigned());
        Ok(SyncPoint {
            pts_ticks,
            sample_index: sample_index.try_into().map_err(|_| unreadable("a sample that cannot be"))?,
            offset_bytes,
            block_offset_bytes: reader.number()?,
        })
    })?;
    // What plans rely on.
    if !points.is_sorted_by(|one, next| one.pts_ticks < next.pts_ticks) {
        return Err(unreadable("sync points out of order"));
    }
    Ok(points)
}

fn write_description(writer: &mut Writer, description: &Description) {
    let Description { from_sample_index, from_ticks, sample_entry, codec_string } = description;
    writer.number((*from_sample_index).into());
    writer.signed(*from_ticks);
    write_sample_entry(writer, sample_entry);
    writer.text(codec_string);
}

fn read_description(reader: &mut Reader<'_>) -> Result<Description> {
    Ok(Description {
        from_sample_index: reader.small()?,
        from_ticks: reader.signed()?,
        sample_entry: read_sample_entry(reader)?,
        codec_string: reader.text()?,
    })
}

fn write_sample_entry(writer: &mut Writer, entry: &SampleEntry) {
    let SampleEntry { kind, boxes } = entry;
    writer.raw(kind);
    writer.list(boxes, |writer, child| writer.bytes(child));
}

fn read_sample_entry(reader: &mut Reader<'_>) -> Result<SampleEntry> {
    let kind = reader.raw(4)?.first_chunk().copied().unwrap_or_default();
    Ok(SampleEntry { kind, boxes: reader.list(1, Reader::bytes)? })
}

fn write_info(writer: &mut Writer, info: &TrackInfo) {
    let TrackInfo {
        number,
        kind,
        codec,
        codec_string,
        sample_entry,
        timescale,
        language,
        name,
        is_default,
        is_forced,
        is_hearing_impaired,
        is_commentary,
        video,
        audio,
    } = info;
    writer.number((*number).into());
    writer.byte(match kind {
        TrackKind::Video => 0,
        TrackKind::Audio => 1,
        TrackKind::Subtitle => 2,
    });
    writer.codec(*codec);
    writer.text(codec_string);
    write_sample_entry(writer, sample_entry);
    writer.number((*timescale).into());
    writer.option(language.as_ref(), |writer, language| writer.text(language.as_str()));
    writer.option(name.as_ref(), |writer, name| writer.text(name));
    for flag in [is_default, is_forced, is_hearing_impaired, is_commentary] {
        writer.flag(*flag);
    }
    writer.option(video.as_ref(), write_video);
    writer.option(audio.as_ref(), write_audio);
}

fn read_info(reader: &mut Reader<'_>) -> Result<TrackInfo> {
    Ok(TrackInfo {
        number: reader.small()?,
        kind: match reader.byte()? {
            0 => TrackKind::Video,
            1 => TrackKind::Audio,
            2 => TrackKind::Subtitle,
            _ => return Err(unreadable("an unknown kind of track")),
        },
        codec: reader.codec()?,
        codec_string: reader.text()?,
        sample_entry: read_sample_entry(reader)?,
        timescale: reader.small().and_then(|timescale| match timescale {
            0 => Err(unreadable("a timescale of 0")),
            _ => Ok(timescale),
        })?,
        language: reader.option(read_language)?,
        name: reader.option(Reader::text)?,
        is_default: reader.flag()?,
        is_forced: reader.flag()?,
        is_hearing_impaired: reader.flag()?,
        is_commentary: reader.flag()?,
        video: reader.option(read_video)?,
        audio: reader.option(read_audio)?,
    })
}

/// A number is never used again for another codec.
pub(super) fn codec_number(codec: Codec) -> u8 {
    match codec {
        Codec::Other => 0,
        Codec::H264 => 1,
        Codec::Hevc => 2,
        Codec::Av1 => 3,
        Codec::Vp9 => 4,
        Codec::Aac => 5,
        Codec::Ac3 => 6,
        Codec::Eac3 => 7,
        Codec::Opus => 8,
        Codec::Flac => 9,
        Codec::Mp3 => 10,
        Codec::Text(TextFormat::Srt) => 11,
        Codec::Text(TextFormat::WebVtt) => 12,
        Codec::Text(TextFormat::Tx3g) => 13,
        Codec::Text(TextFormat::Ass) => 14,
    }
}

pub(super) fn read_codec(reader: &mut Reader<'_>) -> Result<Codec> {
    const KNOWN: [Codec; 15] = [
        Codec::Other,
        Codec::H264,
        Codec::Hevc,
        Codec::Av1,
        Codec::Vp9,
        Codec::Aac,
        Codec::Ac3,
        Codec::Eac3,
        Codec::Opus,
        Codec::Flac,
        Codec::Mp3,
        Codec::Text(TextFormat::Srt),
        Codec::Text(TextFormat::WebVtt),
        Codec::Text(TextFormat::Tx3g),
        Codec::Text(TextFormat::Ass),
    ];
    let number = reader.byte()?;
    KNOWN.into_iter().find(|codec| codec_number(*codec) == number).ok_or_else(|| unreadable("an unknown codec"))
}

fn write_video(writer: &mut Writer, video: &VideoFormat) {
    let VideoFormat {
        width,
        height,
        pixel_aspect,
        frame_rate,
        bit_depth,
        color,
        rotation_degrees,
        dolby_vision,
        reorder_count,
        is_interlaced,
    } = video;
    writer.number((*width).into());
    writer.number((*height).into());
    writer.option(pixel_aspect.as_ref(), write_pair);
    writer.option(frame_rate.as_ref(), write_pair);
    writer.option(bit_depth.as_ref(), |writer, depth| writer.byte(*depth));
    writer.option(color.as_ref(), |writer, color| {
        let ColorInfo { primaries, transfer, matrix, full_range } = color;
        writer.number((*primaries).into());
        writer.number((*transfer).into());
        writer.number((*matrix).into());
        writer.flag(*full_range);
    });
    writer.number((*rotation_degrees).into());
    writer.option(dolby_vision.as_ref(), |writer, dolby| {
        let DolbyVision { profile, level, compatibility } = dolby;
        [profile, level, compatibility].into_iter().for_each(|field| writer.byte(*field));
    });
    writer.option(reorder_count.as_ref(), |writer, count| writer.byte(*count));
    writer.flag(*is_interlaced);
}

fn read_video(reader: &mut Reader<'_>) -> Result<VideoFormat> {
    Ok(VideoFormat {
        width: reader.small()?,
        height: reader.small()?,
        pixel_aspect: reader.option(read_pair)?,
        frame_rate: reader.option(read_pair)?,
        bit_depth: reader.option(Reader::byte)?,
        color: reader.option(|reader| {
            Ok(ColorInfo {
                primaries: reader.small()?,
                transfer: reader.small()?,
                matrix: reader.small()?,
                full_range: reader.flag()?,
            })
        })?,
        rotation_degrees: reader.small()?,
        dolby_vision: reader.option(|reader| {
            Ok(DolbyVision { profile: reader.byte()?, level: reader.byte()?, compatibility: reader.byte()? })
        })?,
        reorder_count: reader.option(Reader::byte)?,
        is_interlaced: reader.flag()?,
    })
}

fn write_pair(writer: &mut Writer, (one, other): &(u32, u32)) {
    writer.number((*one).into());
    writer.number((*other).into());
}

fn read_pair(reader: &mut Reader<'_>) -> Result<(u32, u32)> {
    Ok((reader.small()?, reader.small()?))
}

fn write_audio(writer: &mut Writer, audio: &AudioFormat) {
    let AudioFormat { sample_rate_hz, channel_count, packet_samples, joint_object_coding } = audio;
    writer.number((*sample_rate_hz).into());
    writer.number((*channel_count).into());
    writer.option(packet_samples.as_ref(), |writer, samples| writer.number((*samples).into()));
    writer.flag(*joint_object_coding);
}

fn read_audio(reader: &mut Reader<'_>) -> Result<AudioFormat> {
    Ok(AudioFormat {
        sample_rate_hz: reader.small()?,
        channel_count: reader.small()?,
        packet_samples: reader.option(Reader::small)?,
        joint_object_coding: reader.flag()?,
    })
}
