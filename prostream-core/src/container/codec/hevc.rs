//! HEVC: decoder configuration records and sequence parameter sets.

use std::fmt::Write as _;

use super::avc::read_vui_head;
use super::bits::{BitReader, ByteReader, rbsp};
use super::boxes::write_box;
use super::visual::{Coded, MAX_SIDE, Picture};
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{Codec, DolbyVision, VideoFormat};

/// NAL unit types of ISO/IEC 23008-2 table 7-1.
const NAL_VPS: u8 = 32;
const NAL_SPS: u8 = 33;
const NAL_PPS: u8 = 34;

/// Most short-term reference picture sets of a parameter set (section 7.4.3.2.1).
const MAX_SHORT_TERM_SETS: u32 = 64;

/// Configures a track from the payload of `hvcC` (ISO/IEC 14496-15 section 8.3.3.1), which is Matroska's CodecPrivate too.
pub(super) fn configure(record: &[u8], picture: Picture) -> Result<CodecConfig> {
    let mut out = record.to_vec();
    let parsed = Record::parse(record, &mut out).ok_or_else(|| malformed("hvcC is cut short"))?;
    let Some(sps) = parsed.sps else {
        return Ok(picture.other("hev1 without parameter sets in its header".to_owned()));
    };
    let (kind, codec_string) = match picture.dolby_vision.as_ref().map(|record| record.facts) {
        // Profile 5 has colours of its own: nobody may take it for plain HEVC.
        Some(DolbyVision { profile: 5, level, .. }) => (*b"dvh1", format!("dvh1.05.{level:02}")),
        _ => (*b"hvc1", parsed.codec_string),
    };
    Ok(picture.configure(Coded {
        codec: Codec::Hevc,
        codec_string,
        kind,
        record: write_box(*b"hvcC", &out),
        bit_depth: Some(parsed.bit_depth),
        stream: parse_sps(sps),
        nal_length_size: parsed.nal_length_size,
    }))
}

/// Is a NAL unit, known by its header byte, a slice, and is it one of a random access picture (IDR, CRA, BLA)? `None` for no slice.
pub(super) fn is_irap(nal: &[u8]) -> Option<bool> {
    match (nal.first()? >> 1) & 0x3F {
        16..=23 => Some(true),
        0..=31 => Some(false),
        _ => None,
    }
}

/// Is a slice one of a picture that is skipped after random access (RASL)? `None` for no slice.
pub(super) fn is_rasl(nal: &[u8]) -> Option<bool> {
    match (nal.first()? >> 1) & 0x3F {
        8 | 9 => Some(true),
        0..=31 => Some(false),
        _ => None,
    }
}

struct Record<'a> {
    codec_string: String,
    bit_depth: u8,
    nal_length_size: u8,
    sps: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// Reads `record`; in `out`, a copy of it, lengths become four bytes and the arrays of parameter sets are marked complete, as
    /// `hvc1` wants them.
    fn parse(record: &'a [u8], out: &mut [u8]) -> Option<Self> {
        let mut reader = ByteReader::new(record);
        reader.take(1)?;
        let profile = reader.u8()?;
        let compatibility = reader.u32()?;
        let constraints = reader.take(6)?;
        let level = reader.u8()?;
        reader.take(4)?;
        let bit_depth = (reader.u8()? & 7).saturating_add(8);
        reader.take(3)?;
        let nal_length_size = (reader.u8()? & 3).saturating_add(1);
        if let Some(byte) = out.get_mut(21) {
            *byte |= 3;
        }
        let mut sps = None;
        for _ in 0..reader.u8()? {
            let array_at = record.len().checked_sub(reader.rest().len())?;
            let nal_type = reader.u8()? & 0x3F;
            if matches!(nal_type, NAL_VPS | NAL_SPS | NAL_PPS)
                && let Some(byte) = out.get_mut(array_at)
            {
                *byte |= 0x80;
            }
            for _ in 0..reader.u16()? {
                let len = reader.u16()?;
                let unit = reader.take(usize::from(len))?;
                if nal_type == NAL_SPS {
                    sps = sps.or(Some(unit));
                }
            }
        }
        Some(Self {
            codec_string: codec_string(profile, compatibility, constraints, level),
            bit_depth,
            nal_length_size,
            sps,
        })
    }
}

/// `hvc1.2.4.L153.B0` (ISO/IEC 14496-15 annex E.3).
fn codec_string(profile: u8, compatibility: u32, constraints: &[u8], level: u8) -> String {
    let space = match profile >> 6 {
        1 => "A",
        2 => "B",
        3 => "C",
        _ => "",
    };
    let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
    let mut out = format!("hvc1.{space}{}.{:X}.{tier}{level}", profile & 0x1F, compatibility.reverse_bits());
    let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
    for byte in constraints.iter().take(used) {
        // Writing to a string cannot fail.
        let _ = write!(out, ".{byte:X}");
    }
    out
}

/// Reads a sequence parameter set, NAL header included (ISO/IEC 23008-2 section 7.3.2.2.1). `None` when its size cannot be read; what is
/// broken behind that is left out.
pub(super) fn parse_sps(nal: &[u8]) -> Option<VideoFormat> {
    let payload = rbsp(nal.get(2..)?);
    let mut bits = BitReader::new(&payload);
    bits.skip(4);
    let max_sub_layers = bits.bits(3)?;
    bits.skip(1);
    // general_progressive_source_flag and general_interlaced_source_flag, behind profile and compatibility.
    let mut source = bits.clone();
    source.skip(40);
    let is_interlaced = !source.flag()? && source.flag()?;
    skip_profile_tier_level(&mut bits, max_sub_layers)?;
    bits.ue()?;
    let chroma_format = bits.ue_up_to(3)?;
    let has_separate_planes = chroma_format == 3 && bits.flag()?;
    let (width, height) = (bits.ue_up_to(MAX_SIDE)?, bits.ue_up_to(MAX_SIDE)?);
    let (mut crop_width, mut crop_height) = (0, 0);
    if bits.flag()? {
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        let chroma = if has_separate_planes { 0 } else { chroma_format };
        crop_width = left.saturating_add(right).saturating_mul(if matches!(chroma, 1 | 2) { 2 } else { 1 });
        crop_height = top.saturating_add(bottom).saturating_mul(if chroma == 1 { 2 } else { 1 });
    }
    let mut format = VideoFormat {
        width: width.checked_sub(crop_width)?,
        height: height.checked_sub(crop_height)?,
        is_interlaced,
        ..VideoFormat::default()
    };
    // Broken or cut off: what was read so far stands.
    let _ = read_to_vui(&mut bits, max_sub_layers, &mut format);
    Some(format)
}

fn skip_profile_tier_level(bits: &mut BitReader<'_>, max_sub_layers: u32) -> Option<()> {
    bits.skip(96);
    let mut present = Vec::with_capacity(8);
    for _ in 0..max_sub_layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if max_sub_layers > 0 {
        bits.skip(2 * u64::from(8u32.saturating_sub(max_sub_layers)));
    }
    for (has_profile, has_level) in present {
        bits.skip(if has_profile { 88 } else { 0 });
        bits.skip(if has_level { 8 } else { 0 });
    }
    Some(())
}

fn read_to_vui(bits: &mut BitReader<'_>, max_sub_layers: u32, format: &mut VideoFormat) -> Option<()> {
    format.bit_depth = u8::try_from(bits.ue_up_to(8)?).ok()?.checked_add(8);
    bits.ue_up_to(8)?;
    let poc_bits = bits.ue_up_to(12)?.saturating_add(4);
    let first = if bits.flag()? { 0 } else { max_sub_layers };
    for _ in first..=max_sub_layers {
        bits.ue()?;
        // Of the highest layer at last, which is that of the whole stream.
        format.reorder_count = u8::try_from(bits.ue()?).ok();
        bits.ue()?;
    }
    bits.skip_ue(6)?;
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2);
    if bits.flag()? {
        bits.skip(8);
        bits.skip_ue(2)?;
        bits.skip(1);
    }
    let mut delta_count = 0;
    for index in 0..bits.ue_up_to(MAX_SHORT_TERM_SETS)? {
        delta_count = skip_short_term_set(bits, index, delta_count)?;
    }
    if bits.flag()? {
        let count = bits.ue_up_to(32)?;
        bits.skip(u64::from(count.saturating_mul(poc_bits.saturating_add(1))));
    }
    bits.skip(2);
    if !bits.flag()? {
        return Some(());
    }
    read_vui_head(bits, format)?;
    bits.skip(3);
    if bits.flag()? {
        bits.skip_ue(4)?;
    }
    if bits.flag()? {
        let (tick, scale) = (bits.bits(32)?, bits.bits(32)?);
        if tick != 0 && scale != 0 {
            format.frame_rate = Some((scale, tick));
        }
    }
    Some(())
}

/// Section 7.3.4.
fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Option<()> {
    // Coefficients of a list; the two smaller sizes begin without a DC value, the largest has a third of the lists.
    for (coefficients, lists, has_dc) in [(16, 6, false), (64, 6, false), (64, 6, true), (64, 2, true)] {
        for _ in 0..lists {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            if has_dc {
                bits.se()?;
            }
            for _ in 0..coefficients {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// Section 7.3.7; gives how many pictures the set has, which the next one may build on.
fn skip_short_term_set(bits: &mut BitReader<'_>, index: u32, previous_count: u32) -> Option<u32> {
    if index != 0 && bits.flag()? {
        bits.skip(1);
        bits.ue()?;
        let mut count = 0u32;
        for _ in 0..=previous_count {
            let is_used = bits.flag()?;
            if is_used || bits.flag()? {
                count = count.saturating_add(1);
            }
        }
        return Some(count);
    }
    let (negative, positive) = (bits.ue_up_to(16)?, bits.ue_up_to(16)?);
    let count = negative.saturating_add(positive);
    for _ in 0..count {
        bits.ue()?;
        bits.skip(1);
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x265, 320x180, Main 10, BT.2020 PQ, 24000/1001 frames a second.
    const SPS: &[u8] = &[
        0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3c,
        0xa0, 0x0a, 0x08, 0x0b, 0x9f, 0x6d, 0x96, 0x56, 0x69, 0x24, 0xca, 0xf0, 0x16, 0xa1, 0x22, 0x01, 0x20, 0x80,
        0x00, 0x01, 0xf4, 0x80, 0x00, 0x2e, 0xe0, 0x04,
    ];

    fn record() -> Vec<u8> {
        let mut record =
            vec![1, 0x22, 0x20, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 153, 0xF0, 0, 0xFC, 0xFD, 0xFA, 0xFA, 0, 0, 0x0D, 1];
        record.extend_from_slice(&[33, 0, 1, 0, SPS.len() as u8]);
        record.extend_from_slice(SPS);
        record
    }

    /// Goal: flags reversed, tier and level, constraint bytes without trailing zeros.
    #[test]
    fn codec_string_follows_the_annex() {
        assert_eq!(codec_string(2, 0x2000_0000, &[0xB0, 0, 0, 0, 0, 0], 153), "hvc1.2.4.L153.B0");
        assert_eq!(codec_string(0x61, 0x6000_0000, &[0x90, 0, 1, 0, 0, 0], 93), "hvc1.A1.6.H93.90.0.1");
        assert_eq!(codec_string(1, 0x6000_0000, &[0; 6], 120), "hvc1.1.6.L120");
    }

    /// Goal: the parameter set gives size, depth, colour and rate as x265 was told.
    #[test]
    fn sps_gives_size_and_colour() {
        let format = parse_sps(SPS).unwrap();
        assert_eq!((format.width, format.height, format.bit_depth), (320, 180, Some(10)));
        let color = format.color.unwrap();
        assert_eq!((color.primaries, color.transfer, color.matrix, color.full_range), (9, 16, 9, false));
        assert_eq!(format.frame_rate, Some((24000, 1001)));
        assert!((0..15).all(|len| parse_sps(&SPS[..len]).is_none()));
        assert!((15..SPS.len()).filter_map(|len| parse_sps(&SPS[..len])).all(|cut| cut.width == 320));
    }

    /// Goal: what leaves is an `hvc1` record: complete arrays, lengths of four bytes.
    #[test]
    fn record_leaves_complete() {
        let config = configure(&record(), Picture::default()).unwrap();
        assert_eq!((config.sample_entry.kind, config.nal_length_size), (*b"hvc1", 2));
        assert_eq!(config.codec_string, "hvc1.2.4.H153.B0");
        let out = &config.sample_entry.boxes[0];
        assert_eq!((out[8 + 21] & 3, out[8 + 23]), (3, 0x80 | 33));
        assert!(configure(&record()[..30], Picture::default()).is_err());
    }
}
