//! VP9: codec configuration, from `vpcC`, from Matroska's CodecPrivate, or from the header of a key frame.

use super::bits::{BitReader, ByteReader};
use super::boxes::write_full_box;
use super::visual::{Coded, Picture, is_plain_color};
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{Codec, ColorInfo, VideoFormat};

/// Chroma 4:2:0 with the samples beside (`chromaSubsampling` of VP9-ISOBMFF section "Semantics"): 1 is collocated with luma.
const CHROMA_420: u8 = 1;

/// Levels by largest luma picture and luma samples a second (VP9 levels, webmproject.org/vp9/levels).
const LEVELS: [(u8, u64, u64); 14] = [
    (10, 36_864, 829_440),
    (11, 73_728, 2_764_800),
    (20, 122_880, 4_608_000),
    (21, 245_760, 9_216_000),
    (30, 552_960, 20_736_000),
    (31, 983_040, 36_864_000),
    (40, 2_228_224, 83_558_400),
    (41, 2_228_224, 160_432_128),
    (50, 8_912_896, 311_951_360),
    (51, 8_912_896, 588_251_136),
    (52, 8_912_896, 1_176_502_272),
    (60, 35_651_584, 1_176_502_272),
    (61, 35_651_584, 2_353_004_544),
    (62, 35_651_584, 4_706_009_088),
];

/// Frames a second that a level is computed for where nothing is said.
const USUAL_RATE: u64 = 30;

/// What a `vpcC` box says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record {
    profile: u8,
    /// Level times ten; 0 when unknown.
    level: u8,
    bit_depth: u8,
    chroma: u8,
    color: Option<ColorInfo>,
    /// From a frame header.
    width_height: Option<(u32, u32)>,
}

impl Record {
    /// Reads the payload of `vpcC` (VP9-ISOBMFF, version 1 of the box).
    pub(super) fn from_vpcc(body: &[u8]) -> Result<Self> {
        let mut reader = ByteReader::new(body);
        let mut parse = || {
            let version = reader.u8()?;
            reader.take(3)?;
            let (profile, level, packed) = (reader.u8()?, reader.u8()?, reader.u8()?);
            let (primaries, transfer, matrix) = (reader.u8()?, reader.u8()?, reader.u8()?);
            let color = ColorInfo {
                primaries: primaries.into(),
                transfer: transfer.into(),
                matrix: matrix.into(),
                full_range: packed & 1 != 0,
            };
            (version == 1).then_some(Self {
                profile,
                level,
                bit_depth: packed >> 4,
                chroma: (packed >> 1) & 7,
                color: Some(color).filter(|c| (c.primaries, c.transfer, c.matrix) != (2, 2, 2) || c.full_range),
                width_height: None,
            })
        };
        parse().ok_or_else(|| malformed("vpcC is cut short or of an unknown version"))
    }

    /// Reads the features of Matroska's CodecPrivate (WebM "VP9 Codec Feature Metadata"); `None` when the profile is not among them.
    pub(super) fn from_features(private: &[u8]) -> Option<Self> {
        let mut out = Self { profile: 0, level: 0, bit_depth: 8, chroma: CHROMA_420, color: None, width_height: None };
        let mut has_profile = false;
        let mut reader = ByteReader::new(private);
        while let Some((id, len)) = reader.u8().zip(reader.u8()) {
            let value = *reader.take(usize::from(len))?.first()?;
            match id {
                1 => (out.profile, has_profile) = (value, true),
                2 => out.level = value,
                3 => out.bit_depth = value,
                4 => out.chroma = value,
                _ => {}
            }
        }
        has_profile.then_some(out)
    }

    /// Reads the uncompressed header of a key frame (VP9 bitstream specification section 6.2); `None` when it is none.
    pub(super) fn from_key_frame(frame: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(frame);
        let profile = read_profile(&mut bits)?;
        // show_existing_frame, frame_type; then show_frame, error_resilient_mode.
        if bits.bits(2)? != 0 {
            return None;
        }
        bits.skip(2);
        if bits.bits(24)? != 0x49_8342 {
            return None;
        }
        let bit_depth = match profile >= 2 && bits.flag()? {
            true => 12,
            false if profile >= 2 => 10,
            false => 8,
        };
        let space = bits.bits(3)?;
        let (full_range, chroma);
        if space == 7 {
            (full_range, chroma) = (true, 3);
            bits.skip(if profile & 1 == 1 { 1 } else { 0 });
        } else {
            full_range = bits.flag()?;
            chroma = if profile & 1 == 1 {
                let (sub_x, sub_y) = (bits.flag()?, bits.flag()?);
                bits.skip(1);
                match (sub_x, sub_y) {
                    (true, true) => CHROMA_420,
                    (true, false) => 2,
                    // 4:4:0 has no number of its own.
                    _ => 3,
                }
            } else {
                CHROMA_420
            };
        }
        let width_height = (bits.bits(16)?.saturating_add(1), bits.bits(16)?.saturating_add(1));
        // Colour spaces of section 7.2.2 in the numbers of ISO/IEC 23091-2; BT.2020 does not say its transfer.
        let color = match space {
            1 => Some((6, 6, 6)),
            2 => Some((1, 1, 1)),
            3 => Some((6, 6, 6)),
            4 => Some((7, 7, 7)),
            5 => Some((9, 2, 9)),
            7 => Some((1, 13, 0)),
            _ => None,
        };
        Some(Self {
            profile,
            level: 0,
            bit_depth,
            chroma,
            color: color.map(|(primaries, transfer, matrix)| ColorInfo { primaries, transfer, matrix, full_range }),
            width_height: Some(width_height),
        })
    }

    /// Configures a track.
    pub(super) fn configure(self, picture: Picture) -> CodecConfig {
        let (width, height) = match self.width_height {
            Some(size) if picture.width_height.0 == 0 => size,
            _ => picture.width_height,
        };
        let level = if self.level == 0 { level_of(width, height) } else { self.level };
        let color = picture.color.or(self.color);
        let known = color.unwrap_or(ColorInfo { primaries: 2, transfer: 2, matrix: 2, full_range: false });
        let mut codec_string = format!("vp09.{:02}.{level:02}.{:02}", self.profile, self.bit_depth);
        if self.chroma > CHROMA_420 || !is_plain_color(color) {
            codec_string.push_str(&format!(
                ".{:02}.{:02}.{:02}.{:02}.{:02}",
                self.chroma,
                known.primaries,
                known.transfer,
                known.matrix,
                u8::from(known.full_range)
            ));
        }
        let narrow = |field: u16| u8::try_from(field).unwrap_or(2);
        let packed = (self.bit_depth << 4) | ((self.chroma & 7) << 1) | u8::from(known.full_range);
        let (primaries, transfer, matrix) = (narrow(known.primaries), narrow(known.transfer), narrow(known.matrix));
        let record = write_full_box(*b"vpcC", 1, &[self.profile, level, packed, primaries, transfer, matrix, 0, 0]);
        let stream = VideoFormat { width, height, color: self.color, ..VideoFormat::default() };
        picture.configure(Coded {
            codec: Codec::Vp9,
            codec_string,
            kind: *b"vp09",
            record,
            bit_depth: Some(self.bit_depth),
            stream: Some(stream),
            nal_length_size: 0,
        })
    }
}

/// Frame marker and profile.
fn read_profile(bits: &mut BitReader<'_>) -> Option<u8> {
    if bits.bits(2)? != 2 {
        return None;
    }
    let (low, high) = (bits.byte(1)?, bits.byte(1)?);
    let profile = (high << 1) | low;
    if profile == 3 {
        bits.skip(1);
    }
    Some(profile)
}

/// Does decoding start at this frame? `None` when it is no VP9 frame.
pub(super) fn is_key_frame(frame: &[u8]) -> Option<bool> {
    let mut bits = BitReader::new(frame);
    read_profile(&mut bits)?;
    Some(bits.bits(2)? == 0)
}

/// The lowest level whose picture and rate hold a film of this size.
fn level_of(width: u32, height: u32) -> u8 {
    let picture = u64::from(width).saturating_mul(u64::from(height));
    let rate = picture.saturating_mul(USUAL_RATE);
    LEVELS.iter().find(|row| picture <= row.1 && rate <= row.2).map_or(62, |row| row.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a libvpx stream, 320x180, profile 0.
    const FRAME: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x36, 0x0c, 0x38, 0x24];

    /// Goal: without any header of the container a key frame tells all.
    #[test]
    fn a_key_frame_makes_the_record() {
        let record = Record::from_key_frame(FRAME).unwrap();
        let config = record.configure(Picture::default());
        let video = config.video.unwrap();
        assert_eq!((video.width, video.height, video.bit_depth), (320, 180, Some(8)));
        assert_eq!(config.codec_string, "vp09.00.11.08");
        assert_eq!(&config.sample_entry.boxes[0][8..], &[1, 0, 0, 0, 0, 11, 0x82, 2, 2, 2, 0, 0]);
        assert!((0..9).all(|len| Record::from_key_frame(&FRAME[..len]).is_none()));
    }

    /// Goal: levels rise with the picture.
    #[test]
    fn levels_hold_the_picture() {
        assert_eq!((level_of(1280, 720), level_of(1920, 1080), level_of(3840, 2160)), (31, 40, 50));
        assert_eq!((level_of(0, 0), level_of(u32::MAX, u32::MAX)), (10, 62));
    }

    /// Goal: `vpcC` is read and written the same; wide colour makes the long string.
    #[test]
    fn vpcc_passes_through() {
        let body = [1, 0, 0, 0, 2, 51, 0xA2, 9, 16, 9, 0, 0];
        let config = Record::from_vpcc(&body).unwrap().configure(Picture::default());
        assert_eq!(config.codec_string, "vp09.02.51.10.01.09.16.09.00");
        assert_eq!(&config.sample_entry.boxes[0][8..], &body);
        assert!(Record::from_vpcc(&body[..8]).is_err());
    }

    /// Goal: Matroska's features are read, and without a profile among them a frame is asked for.
    #[test]
    fn features_are_read() {
        let record = Record::from_features(&[1, 1, 2, 2, 1, 41, 3, 1, 10, 4, 1, 1]).unwrap();
        assert_eq!(record.configure(Picture::default()).codec_string, "vp09.02.41.10");
        assert_eq!(Record::from_features(&[]), None);
        assert_eq!(Record::from_features(&[1, 9]), None);
    }
}
