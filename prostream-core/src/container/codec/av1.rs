//! AV1: configuration records, sequence headers, temporal delimiters.

use super::bits::BitReader;
use super::boxes::write_box;
use super::visual::{Coded, Picture, is_plain_color};
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{Codec, ColorInfo, VideoFormat};

/// OBU types of the AV1 specification section 6.2.2.
const OBU_SEQUENCE_HEADER: u8 = 1;
const OBU_TEMPORAL_DELIMITER: u8 = 2;
const OBU_FRAME_HEADER: u8 = 3;
const OBU_FRAME: u8 = 6;

/// Configures a track from the payload of `av1C` (AV1-ISOBMFF section 2.3), which is Matroska's CodecPrivate too.
pub(super) fn configure(record: &[u8], picture: Picture) -> Result<CodecConfig> {
    let Some((&[0x81, profile_level, flags, _], units)) = record.split_first_chunk::<4>() else {
        return Err(malformed("av1C is cut short or of an unknown version"));
    };
    let sequence = sequence_header(units);
    let stream = sequence.map(|sequence| sequence.format);
    let bit_depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let is_mono = flags & 0x10 != 0;
    let (sub_x, sub_y, position) = ((flags >> 3) & 1, (flags >> 2) & 1, flags & 3);
    let tier = if flags & 0x80 == 0 { 'M' } else { 'H' };
    let color = picture.color.or(stream.as_ref().and_then(|format| format.color));
    let mut codec_string = format!("av01.{}.{:02}{tier}.{bit_depth:02}", profile_level >> 5, profile_level & 0x1F);
    if is_mono || (sub_x, sub_y) != (1, 1) || !is_plain_color(color) {
        // A tail is whole or not there (AV1-ISOBMFF section 5); unknown colour counts as BT.709.
        let color = color.unwrap_or(ColorInfo { primaries: 1, transfer: 1, matrix: 1, full_range: false });
        codec_string.push_str(&format!(
            ".{}.{sub_x}{sub_y}{position}.{:02}.{:02}.{:02}.{}",
            u8::from(is_mono),
            color.primaries,
            color.transfer,
            color.matrix,
            u8::from(color.full_range)
        ));
    }
    Ok(picture.configure(Coded {
        codec: Codec::Av1,
        codec_string,
        kind: *b"av01",
        record: write_box(*b"av1C", record),
        bit_depth: Some(bit_depth),
        stream,
        nal_length_size: 0,
    }))
}

/// Makes the payload of `av1C` from a frame that carries its sequence header; `None` when it does not.
pub(super) fn record_from_frame(frame: &[u8]) -> Option<Vec<u8>> {
    let sequence = sequence_header(frame)?;
    let size = u8::try_from(sequence.payload.len()).ok().filter(|size| *size < 0x80)?;
    let mut record = vec![0x81, sequence.profile_level, sequence.flags, 0];
    // The header again with a size field, which configOBUs must have.
    record.extend_from_slice(&[(OBU_SEQUENCE_HEADER << 3) | 2, size]);
    record.extend_from_slice(sequence.payload);
    Some(record)
}

/// How many bytes at the start of a frame are a temporal delimiter, which files must not carry (AV1-ISOBMFF section 2.4).
///
/// Matroska files of old writers do; MP4 files should not.
#[must_use]
pub fn delimiter_size(frame: &[u8]) -> usize {
    let mut units = Units { rest: frame };
    match units.next() {
        Some(unit) if unit.kind == OBU_TEMPORAL_DELIMITER => frame.len().saturating_sub(units.rest.len()),
        _ => 0,
    }
}

/// Does decoding start at this frame: a key frame that is shown, after a sequence header? `None` when its header is not there.
pub(super) fn is_key_frame(frame: &[u8]) -> Option<bool> {
    let mut is_reduced = false;
    let mut has_sequence = false;
    for unit in (Units { rest: frame }) {
        match unit.kind {
            OBU_SEQUENCE_HEADER => {
                has_sequence = true;
                is_reduced = SequenceHeader::parse(unit.payload)?.is_still;
            }
            OBU_FRAME_HEADER | OBU_FRAME => {
                let mut bits = BitReader::new(unit.payload);
                // show_existing_frame, frame_type, show_frame (section 5.9.2).
                let is_key = is_reduced || (!bits.flag()? && bits.bits(2)? == 0 && bits.flag()?);
                return Some(has_sequence && is_key);
            }
            _ => {}
        }
    }
    None
}

struct Unit<'a> {
    kind: u8,
    payload: &'a [u8],
}

/// The OBUs of a frame (section 5.3.1). A last one without size, or longer than what is at hand, is cut at the end.
struct Units<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        let (&header, mut rest) = self.rest.split_first()?;
        if header & 0x81 != 0 {
            return None;
        }
        if header & 4 != 0 {
            rest = rest.get(1..)?;
        }
        let size = if header & 2 == 0 { rest.len() } else { leb128(&mut rest)? };
        let (payload, rest) = rest.split_at(size.min(rest.len()));
        self.rest = rest;
        Some(Unit { kind: (header >> 3) & 0xF, payload })
    }
}

/// Section 4.10.5.
fn leb128(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0u64;
    for shift in (0..56u32).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

fn sequence_header(units: &[u8]) -> Option<SequenceHeader<'_>> {
    (Units { rest: units })
        .find(|unit| unit.kind == OBU_SEQUENCE_HEADER)
        .and_then(|unit| SequenceHeader::parse(unit.payload))
}

struct SequenceHeader<'a> {
    payload: &'a [u8],
    /// Second byte of `av1C`.
    profile_level: u8,
    /// Third byte of `av1C`.
    flags: u8,
    /// The header of a still picture, whose frame headers are shorter.
    is_still: bool,
    format: VideoFormat,
}

impl<'a> SequenceHeader<'a> {
    /// Section 5.5.1.
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut bits = BitReader::new(payload);
        let profile = bits.byte(3)?;
        bits.skip(1);
        let is_still = bits.flag()?;
        let point = if is_still {
            OperatingPoint { level: bits.byte(5)?, ..OperatingPoint::default() }
        } else {
            OperatingPoint::parse(&mut bits)?
        };
        let (width_bits, height_bits) = (bits.bits(4)?.saturating_add(1), bits.bits(4)?.saturating_add(1));
        let width = bits.bits(width_bits)?.saturating_add(1);
        let height = bits.bits(height_bits)?.saturating_add(1);
        skip_tools(&mut bits, is_still)?;
        let color = ColorConfig::parse(&mut bits, profile)?;
        Some(Self {
            payload,
            profile_level: (profile << 5) | point.level,
            flags: (u8::from(point.is_high_tier) << 7) | color.flags,
            is_still,
            format: VideoFormat {
                width,
                height,
                frame_rate: point.frame_rate,
                bit_depth: Some(color.bit_depth),
                color: color.info,
                ..VideoFormat::default()
            },
        })
    }
}

/// The first operating point, and the rate that stands before it.
#[derive(Default)]
struct OperatingPoint {
    level: u8,
    is_high_tier: bool,
    frame_rate: Option<(u32, u32)>,
}

impl OperatingPoint {
    fn parse(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut out = Self::default();
        let mut delay_bits = None;
        if bits.flag()? {
            let (tick, scale) = (bits.bits(32)?, bits.bits(32)?);
            if bits.flag()? {
                let ticks = tick.checked_mul(bits.ue()?.checked_add(1)?);
                out.frame_rate = ticks.filter(|ticks| *ticks != 0 && scale != 0).map(|ticks| (scale, ticks));
            }
            if bits.flag()? {
                delay_bits = Some(bits.bits(5)?.saturating_add(1));
                bits.skip(42);
            }
        }
        let has_display_delay = bits.flag()?;
        for index in 0..=bits.bits(5)? {
            bits.skip(12);
            let level = bits.byte(5)?;
            let is_high_tier = level > 7 && bits.flag()?;
            if index == 0 {
                (out.level, out.is_high_tier) = (level, is_high_tier);
            }
            if let Some(delay_bits) = delay_bits
                && bits.flag()?
            {
                bits.skip(u64::from(delay_bits).saturating_mul(2).saturating_add(1));
            }
            if has_display_delay && bits.flag()? {
                bits.skip(4);
            }
        }
        Some(out)
    }
}

/// The flags between frame size and colour.
fn skip_tools(bits: &mut BitReader<'_>, is_still: bool) -> Option<()> {
    if !is_still && bits.flag()? {
        bits.skip(7);
    }
    bits.skip(3);
    if !is_still {
        bits.skip(4);
        let has_order_hint = bits.flag()?;
        if has_order_hint {
            bits.skip(2);
        }
        // Either chosen by each frame or forced; integer motion vectors are spoken of only where it may be on.
        let may_have_screen_content = bits.flag()? || bits.flag()?;
        if may_have_screen_content && !bits.flag()? {
            bits.skip(1);
        }
        if has_order_hint {
            bits.skip(3);
        }
    }
    bits.skip(3);
    Some(())
}

/// Section 5.5.2.
struct ColorConfig {
    bit_depth: u8,
    /// As in the third byte of `av1C`, without the tier.
    flags: u8,
    info: Option<ColorInfo>,
}

impl ColorConfig {
    fn parse(bits: &mut BitReader<'_>, profile: u8) -> Option<Self> {
        let is_high = bits.flag()?;
        let is_twelve = profile == 2 && is_high && bits.flag()?;
        let is_mono = profile != 1 && bits.flag()?;
        let has_description = bits.flag()?;
        let mut info = ColorInfo { primaries: 2, transfer: 2, matrix: 2, full_range: false };
        if has_description {
            let mut field = || bits.bits(8).and_then(|value| u16::try_from(value).ok());
            (info.primaries, info.transfer, info.matrix) = (field()?, field()?, field()?);
        }
        let (mut sub_x, mut sub_y, mut position) = (true, true, 0);
        if !is_mono && (info.primaries, info.transfer, info.matrix) == (1, 13, 0) {
            // sRGB.
            (sub_x, sub_y, info.full_range) = (false, false, true);
        } else {
            info.full_range = bits.flag()?;
            if !is_mono {
                (sub_x, sub_y) = match (profile, is_twelve) {
                    (0, _) => (true, true),
                    (1, _) => (false, false),
                    (_, false) => (true, false),
                    (_, true) => {
                        let sub_x = bits.flag()?;
                        (sub_x, sub_x && bits.flag()?)
                    }
                };
                if sub_x && sub_y {
                    position = bits.byte(2)?;
                }
            }
        }
        let flags = (u8::from(is_high) << 6)
            | (u8::from(is_twelve) << 5)
            | (u8::from(is_mono) << 4)
            | (u8::from(sub_x) << 3)
            | (u8::from(sub_y) << 2)
            | position;
        let bit_depth = if is_twelve {
            12
        } else if is_high {
            10
        } else {
            8
        };
        Some(Self { bit_depth, flags, info: has_description.then_some(info) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a libaom stream: temporal delimiter, sequence header (320x180, 8 bit, 4:2:0, level 2.0), frame.
    const FRAME: &[u8] = &[
        0x12, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40, 0x32, 0xbe, 0x0e,
        0x14, 0x00, 0xa0, 0xb0, 0x10,
    ];

    /// Goal: a frame alone is enough for the record, size, depth and string.
    #[test]
    fn a_frame_makes_the_record() {
        let record = record_from_frame(FRAME).unwrap();
        let config = configure(&record, Picture::default()).unwrap();
        let video = config.video.unwrap();
        assert_eq!((video.width, video.height, video.bit_depth), (320, 180, Some(8)));
        assert_eq!(config.codec_string, "av01.0.00M.08");
        assert_eq!(&record[4..], &FRAME[2..15]);
        (0..FRAME.len()).for_each(|len| drop(record_from_frame(&FRAME[..len])));
    }

    /// Goal: the tail of the string is there only where a missing one would say something else.
    #[test]
    fn codec_string_has_a_tail_only_when_needed() {
        let plain = configure(&[0x81, 0x08, 0x0C, 0], Picture::default()).unwrap();
        assert_eq!(plain.codec_string, "av01.0.08M.08");
        let hdr = ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: false };
        let picture = Picture { color: Some(hdr), ..Picture::default() };
        let config = configure(&[0x81, 0x0D, 0xCE, 0], picture).unwrap();
        assert_eq!(config.codec_string, "av01.0.13H.10.0.112.09.16.09.0");
        assert!(configure(&[0x01, 0x08, 0x0C, 0], Picture::default()).is_err());
    }

    /// Goal: only a delimiter at the start counts, and a key frame is one with its sequence header.
    #[test]
    fn delimiters_and_key_frames_are_told() {
        assert_eq!((delimiter_size(FRAME), delimiter_size(&FRAME[2..]), delimiter_size(&[])), (2, 0, 0));
        assert_eq!(is_key_frame(FRAME), Some(true));
        assert_eq!(is_key_frame(&[0x32, 1, 0x14]), Some(false));
        assert_eq!(is_key_frame(&FRAME[..2]), None);
    }
}
