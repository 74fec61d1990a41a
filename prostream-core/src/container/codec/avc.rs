//! H.264: decoder configuration records and sequence parameter sets.

use super::bits::{BitReader, ByteReader, rbsp};
use super::boxes::write_box;
use super::visual::{Coded, MAX_SIDE, Picture, pixel_aspect, sample_aspect_by_number};
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{Codec, ColorInfo, VideoFormat};

/// NAL unit types of ISO/IEC 14496-10 table 7-1.
const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;

/// Configures a track from the payload of `avcC` (ISO/IEC 14496-15 section 5.3.3.1), which is Matroska's CodecPrivate too.
pub(super) fn configure(record: &[u8], picture: Picture) -> Result<CodecConfig> {
    let parsed = Record::parse(record).ok_or_else(|| malformed("avcC is cut short"))?;
    if parsed.version != 1 {
        return Err(malformed("avcC of an unknown version"));
    }
    let Some(sps) = parsed.sps else {
        return Ok(picture.other("avc3 without parameter sets in its header".to_owned()));
    };
    let stream = parse_sps(sps);
    let mut out = record.to_vec();
    // Whatever the file uses, packets leave with lengths of four bytes.
    if let Some(byte) = out.get_mut(4) {
        *byte |= 3;
    }
    Ok(picture.configure(Coded {
        codec: Codec::H264,
        codec_string: format!("avc1.{:02x}{:02x}{:02x}", parsed.profile, parsed.compatibility, parsed.level),
        kind: *b"avc1",
        record: write_box(*b"avcC", &out),
        bit_depth: None,
        stream,
        nal_length_size: parsed.nal_length_size,
    }))
}

/// Configures a track without a record from an Annex B frame that carries its parameter sets; `None` when it does not.
pub(super) fn configure_from_annex_b(frame: &[u8], picture: Picture) -> Option<Result<CodecConfig>> {
    let mut sps = None;
    let mut pps = None;
    for nal in annex_b_units(frame) {
        match nal.first()? & 0x1F {
            NAL_SPS if sps.is_none() => sps = Some(nal),
            NAL_PPS if pps.is_none() => pps = Some(nal),
            _ => {}
        }
    }
    let (sps, pps) = (sps?, pps?);
    let mut record = vec![1, *sps.get(1)?, *sps.get(2)?, *sps.get(3)?, 0xFF, 0xE1];
    record.extend_from_slice(&u16::try_from(sps.len()).ok()?.to_be_bytes());
    record.extend_from_slice(sps);
    record.push(1);
    record.extend_from_slice(&u16::try_from(pps.len()).ok()?.to_be_bytes());
    record.extend_from_slice(pps);
    Some(configure(&record, picture).map(|config| CodecConfig { nal_length_size: 0, ..config }))
}

/// The NAL units of an Annex B byte stream (ISO/IEC 14496-10 annex B), without start codes and trailing zeros.
pub(super) fn annex_b_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let unit = rest?;
        let end = unit.windows(3).position(|window| window == [0, 0, 1]);
        let body = unit.get(..end.unwrap_or(unit.len()))?;
        rest = end.and_then(|end| unit.get(end.saturating_add(3)..));
        let size = body.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
        body.get(..size)
    })
    .filter(|unit| !unit.is_empty())
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    let at = stream.windows(3).position(|window| window == [0, 0, 1])?;
    stream.get(at.saturating_add(3)..)
}

/// Is a NAL unit, known by its header byte, a slice, and is it one of an IDR picture? `None` for no slice.
pub(super) fn is_idr(nal: &[u8]) -> Option<bool> {
    match nal.first()? & 0x1F {
        NAL_IDR => Some(true),
        1..=4 => Some(false),
        _ => None,
    }
}

struct Record<'a> {
    version: u8,
    profile: u8,
    compatibility: u8,
    level: u8,
    nal_length_size: u8,
    sps: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    fn parse(record: &'a [u8]) -> Option<Self> {
        let mut reader = ByteReader::new(record);
        let (version, profile, compatibility, level) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
        let nal_length_size = (reader.u8()? & 3).saturating_add(1);
        let sps_count = reader.u8()? & 0x1F;
        let mut sps = None;
        for _ in 0..sps_count {
            let len = reader.u16()?;
            let unit = reader.take(usize::from(len))?;
            sps = sps.or(Some(unit));
        }
        Some(Self { version, profile, compatibility, level, nal_length_size, sps })
    }
}

/// Reads a sequence parameter set, NAL header included (ISO/IEC 14496-10 section 7.3.2.1.1). `None` when its size cannot be read;
/// what is broken behind that (VUI) is left out.
pub(super) fn parse_sps(nal: &[u8]) -> Option<VideoFormat> {
    let payload = rbsp(nal.get(1..)?);
    let mut bits = BitReader::new(&payload);
    let profile = bits.bits(8)?;
    bits.skip(16);
    bits.ue()?;
    let mut chroma_format = 1;
    let mut bit_depth = 8;
    let mut has_separate_planes = false;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma_format = bits.ue_up_to(3)?;
        if chroma_format == 3 {
            has_separate_planes = bits.flag()?;
        }
        bit_depth = u8::try_from(bits.ue_up_to(6)?).ok()?.saturating_add(8);
        bits.ue_up_to(6)?;
        bits.skip(1);
        if bits.flag()? {
            for index in 0..if chroma_format == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if index < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue_up_to(12)?;
    match bits.ue_up_to(2)? {
        0 => {
            bits.ue_up_to(12)?;
        }
        1 => {
            bits.skip(1);
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue_up_to(255)? {
                bits.se()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.skip(1);
    let width = bits.ue_up_to(MAX_SIDE / 16)?.saturating_add(1).saturating_mul(16);
    let height_units = bits.ue_up_to(MAX_SIDE / 16)?.saturating_add(1);
    let is_frame_only = bits.flag()?;
    let fields: u32 = if is_frame_only { 1 } else { 2 };
    if !is_frame_only {
        bits.skip(1);
    }
    bits.skip(1);
    let height = height_units.saturating_mul(16).saturating_mul(fields);
    let (mut crop_width, mut crop_height) = (0, 0);
    if bits.flag()? {
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        // Units of cropping: section 7.4.2.1.1, equations 7-19 to 7-22.
        let chroma = if has_separate_planes { 0 } else { chroma_format };
        let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_y = fields.saturating_mul(if chroma == 1 { 2 } else { 1 });
        crop_width = left.saturating_add(right).saturating_mul(unit_x);
        crop_height = top.saturating_add(bottom).saturating_mul(unit_y);
    }
    let mut format = VideoFormat {
        width: width.checked_sub(crop_width)?,
        height: height.checked_sub(crop_height)?,
        bit_depth: Some(bit_depth),
        // Baseline shows pictures in the order in which it decodes them.
        reorder_count: (profile == 66).then_some(0),
        is_interlaced: !is_frame_only,
        ..VideoFormat::default()
    };
    if bits.flag() == Some(true) {
        // Broken or cut off: what was read so far stands.
        let _ = read_vui(&mut bits, &mut format);
    }
    Some(format)
}

fn skip_scaling_list(bits: &mut BitReader<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            let delta = bits.se()?;
            next = (delta.checked_add(last)?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// Aspect ratio and colour: the part of the VUI that H.264 (annex E.1.1) and HEVC (annex E.2.1) share.
pub(super) fn read_vui_head(bits: &mut BitReader<'_>, format: &mut VideoFormat) -> Option<()> {
    if bits.flag()? {
        let number = bits.bits(8)?;
        format.pixel_aspect =
            if number == 255 { pixel_aspect(bits.bits(16)?, bits.bits(16)?) } else { sample_aspect_by_number(number) };
    }
    if bits.flag()? {
        bits.skip(1);
    }
    if bits.flag()? {
        bits.skip(3);
        let full_range = bits.flag()?;
        if bits.flag()? {
            let mut field = || bits.bits(8).and_then(|value| u16::try_from(value).ok());
            let (primaries, transfer, matrix) = (field()?, field()?, field()?);
            format.color = Some(ColorInfo { primaries, transfer, matrix, full_range });
        }
    }
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?;
    }
    Some(())
}

fn read_vui(bits: &mut BitReader<'_>, format: &mut VideoFormat) -> Option<()> {
    read_vui_head(bits, format)?;
    if bits.flag()? {
        let (tick, scale) = (bits.bits(32)?, bits.bits(32)?);
        let is_fixed = bits.flag()?;
        // Two ticks a frame (annex E.2.1, table E-6).
        let tick = tick.checked_mul(2)?;
        if is_fixed && tick != 0 && scale != 0 {
            format.frame_rate = Some((scale, tick));
        }
    }
    let mut has_hrd = false;
    for _ in ["nal", "vcl"] {
        if bits.flag()? {
            skip_hrd(bits)?;
            has_hrd = true;
        }
    }
    bits.skip(if has_hrd { 2 } else { 1 });
    if bits.flag()? {
        bits.skip(1);
        bits.skip_ue(4)?;
        format.reorder_count = u8::try_from(bits.ue()?).ok();
    }
    Some(())
}

/// Section E.1.2.
fn skip_hrd(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.ue_up_to(31)?.saturating_add(1);
    bits.skip(8);
    for _ in 0..count {
        bits.skip_ue(2)?;
        bits.skip(1);
    }
    bits.skip(20);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264, 320x180 (cropped from 192), High 4:2:0 8 bit, 25 frames a second for certain.
    const SPS_320X180: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0x28, 0xf1, 0x42, 0x99, 0x60,
    ];

    fn record(nal_length_size: u8) -> Vec<u8> {
        let mut record = vec![1, 0x64, 0, 0x0c, 0xFC | (nal_length_size - 1), 0xE1, 0, SPS_320X180.len() as u8];
        record.extend_from_slice(SPS_320X180);
        record.extend_from_slice(&[1, 0, 4, 0x68, 0xeb, 0xe3, 0xcb]);
        record
    }

    /// Goal: the frame size after cropping, the depth and the rate are those that x264 was told.
    #[test]
    fn sps_gives_the_cropped_size() {
        let format = parse_sps(SPS_320X180).unwrap();
        assert_eq!((format.width, format.height, format.bit_depth), (320, 180, Some(8)));
        assert_eq!(format.frame_rate, Some((50, 2)));
        assert_eq!(format.reorder_count, Some(2), "as x264 with its usual three B pictures in a pyramid");
    }

    /// Goal: a parameter set cut anywhere is an answer or none, never a panic, and without VUI still a size.
    #[test]
    fn a_cut_sps_never_panics() {
        let sizes: Vec<_> = (0..SPS_320X180.len()).map(|len| parse_sps(&SPS_320X180[..len])).collect();
        assert!(sizes[..6].iter().all(Option::is_none));
        assert!(sizes.last().unwrap().as_ref().is_some_and(|format| format.width == 320));
    }

    /// Goal: the codec string comes from bytes 1 to 3 and the record leaves with lengths of four bytes.
    #[test]
    fn record_gives_string_and_box() {
        let config = configure(&record(2), Picture::default()).unwrap();
        assert_eq!(config.codec_string, "avc1.64000c");
        assert_eq!(config.nal_length_size, 2);
        assert_eq!(&config.sample_entry.boxes[0][..], &write_box(*b"avcC", &record(4))[..]);
        assert_eq!(config.video.unwrap().width, 320);
        assert!(configure(&record(4)[..20], Picture::default()).is_err());
    }

    /// Goal: an Annex B frame with its parameter sets makes the same record.
    #[test]
    fn annex_b_parameter_sets_make_a_record() {
        let frame =
            [&[0, 0, 0, 1][..], SPS_320X180, &[0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb, 0, 0, 0, 1, 0x65, 0x88]].concat();
        let config = configure_from_annex_b(&frame, Picture::default()).unwrap().unwrap();
        assert_eq!(config.nal_length_size, 0);
        assert_eq!(&config.sample_entry.boxes[0][..], &write_box(*b"avcC", &record(4))[..]);
        assert!(configure_from_annex_b(&frame[..8], Picture::default()).is_none());
    }
}
