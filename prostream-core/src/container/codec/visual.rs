//! What a container says about pictures beside the codec's own record, and the boxes that carry it on.

use bytes::Bytes;

use super::CodecConfig;
use super::bits::ByteReader;
use super::boxes::{Children, write_box};
use crate::model::{Codec, ColorInfo, DolbyVision, SampleEntry, VideoFormat};

/// Largest width or height that is believed, in pixels.
pub(super) const MAX_SIDE: u32 = 1 << 16;

/// Size of a Dolby Vision record.
const DOLBY_VISION_SIZE: usize = 24;

/// Pictures as the container describes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// Width and height in pixels, 0 when not said.
    pub(super) width_height: (u32, u32),
    /// Pixel aspect ratio; square is not said.
    pub(super) pixel_aspect: Option<(u32, u32)>,
    /// Colour.
    pub(super) color: Option<ColorInfo>,
    /// Payload of `mdcv`.
    pub(super) mastering: Option<[u8; 24]>,
    /// Payload of `clli`.
    pub(super) light_level: Option<[u8; 4]>,
    /// Dolby Vision record.
    pub(super) dolby_vision: Option<DolbyVisionRecord>,
}

/// A Dolby Vision configuration record (Dolby Vision Streams within the ISO Base Media File Format 2.2, section 3).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DolbyVisionRecord {
    payload: Vec<u8>,
    pub(super) facts: DolbyVision,
}

impl DolbyVisionRecord {
    /// Reads the payload of `dvcC`, `dvvC` or `dvwC`, which are alike; `None` when it is too short to be one.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let (high, low, compatibility) = (*payload.get(2)?, *payload.get(3)?, payload.get(4)? >> 4);
        let facts = DolbyVision { profile: high >> 1, level: ((high & 1) << 5) | (low >> 3), compatibility };
        // Nothing is defined behind its reserved bytes.
        Some(Self { payload: payload.get(..DOLBY_VISION_SIZE).unwrap_or(payload).to_vec(), facts })
    }

    /// The box that carries it on: which one, the profile says. `None` for profile 7, whose second layer no player of HLS puts together:
    /// what is passed on is its HDR10 base layer.
    fn to_box(&self) -> Option<Bytes> {
        let kind = match self.facts.profile {
            7 => return None,
            0..=6 => *b"dvcC",
            8..=10 => *b"dvvC",
            _ => *b"dvwC",
        };
        Some(write_box(kind, &self.payload))
    }
}

impl Picture {
    /// Reads the fixed part of a VisualSampleEntry (ISO/IEC 14496-12 section 12.1.3) and the boxes behind it; gives those boxes too.
    pub(super) fn from_sample_entry(body: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = ByteReader::new(body);
        reader.take(24)?;
        let width_height = (u32::from(reader.u16()?), u32::from(reader.u16()?));
        reader.take(50)?;
        let boxes = reader.rest();
        let mut picture = Picture { width_height, ..Picture::default() };
        for child in Children::of(boxes) {
            match &child.kind {
                b"colr" if picture.color.is_none() => picture.color = parse_colr(child.body),
                b"pasp" => {
                    let mut reader = ByteReader::new(child.body);
                    picture.pixel_aspect = reader.u32().zip(reader.u32()).and_then(|(h, v)| pixel_aspect(h, v));
                }
                b"mdcv" => picture.mastering = child.body.first_chunk().copied(),
                b"clli" => picture.light_level = child.body.first_chunk().copied(),
                b"dvcC" | b"dvvC" | b"dvwC" => picture.dolby_vision = DolbyVisionRecord::parse(child.body),
                _ => {}
            }
        }
        Some((picture, boxes))
    }

    /// The boxes that follow the codec's own in a sample entry.
    fn boxes(&self) -> Vec<Bytes> {
        let mut boxes = Vec::new();
        if let Some(color) = self.color {
            let mut payload = b"nclx".to_vec();
            for field in [color.primaries, color.transfer, color.matrix] {
                payload.extend_from_slice(&field.to_be_bytes());
            }
            payload.push(if color.full_range { 0x80 } else { 0 });
            boxes.push(write_box(*b"colr", &payload));
        }
        if let Some((horizontal, vertical)) = self.pixel_aspect {
            boxes.push(write_box(*b"pasp", &[horizontal.to_be_bytes(), vertical.to_be_bytes()].concat()));
        }
        if let Some(payload) = &self.mastering {
            boxes.push(write_box(*b"mdcv", payload));
        }
        if let Some(payload) = &self.light_level {
            boxes.push(write_box(*b"clli", payload));
        }
        boxes.extend(self.dolby_vision.as_ref().and_then(DolbyVisionRecord::to_box));
        boxes
    }

    /// The whole configuration: what the container says first, then what the bitstream says.
    pub(super) fn configure(mut self, coded: Coded) -> CodecConfig {
        let stream = coded.stream.unwrap_or_default();
        if self.width_height.0 == 0 || self.width_height.1 == 0 {
            self.width_height = (stream.width, stream.height);
        }
        self.pixel_aspect = self.pixel_aspect.or(stream.pixel_aspect);
        self.color = self.color.or(stream.color);
        let mut boxes = vec![coded.record];
        boxes.extend(self.boxes());
        CodecConfig {
            codec: coded.codec,
            codec_string: coded.codec_string,
            sample_entry: SampleEntry { kind: coded.kind, boxes },
            video: Some(VideoFormat {
                width: self.width_height.0,
                height: self.width_height.1,
                pixel_aspect: self.pixel_aspect,
                frame_rate: stream.frame_rate,
                bit_depth: coded.bit_depth.or(stream.bit_depth),
                color: self.color,
                rotation_degrees: 0,
                dolby_vision: self.dolby_vision.map(|record| record.facts),
                reorder_count: stream.reorder_count,
                is_interlaced: stream.is_interlaced,
            }),
            audio: None,
            nal_length_size: coded.nal_length_size,
        }
    }

    /// A track that is recognised and not packaged.
    pub(super) fn other(self, codec_string: String) -> CodecConfig {
        CodecConfig {
            video: Some(VideoFormat {
                width: self.width_height.0,
                height: self.width_height.1,
                pixel_aspect: self.pixel_aspect,
                color: self.color,
                ..VideoFormat::default()
            }),
            ..CodecConfig::other(codec_string)
        }
    }
}

/// What a codec's own record says.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    /// How the samples are coded.
    pub(super) codec: Codec,
    /// RFC 6381 string.
    pub(super) codec_string: String,
    /// Type of the sample entry.
    pub(super) kind: [u8; 4],
    /// The codec's box.
    pub(super) record: Bytes,
    /// Bits of a component, where the record says.
    pub(super) bit_depth: Option<u8>,
    /// What the parameter sets say, where they could be read.
    pub(super) stream: Option<VideoFormat>,
    /// As in [`CodecConfig`].
    pub(super) nal_length_size: u8,
}

/// `colr` with `nclx` (ISO/IEC 14496-12 section 12.1.5) or `nclc` (QuickTime); ICC profiles say nothing here.
fn parse_colr(body: &[u8]) -> Option<ColorInfo> {
    let mut reader = ByteReader::new(body);
    let kind = reader.fourcc()?;
    let (primaries, transfer, matrix) = (reader.u16()?, reader.u16()?, reader.u16()?);
    match &kind {
        b"nclx" => Some(ColorInfo {
            primaries,
            transfer,
            matrix,
            full_range: reader.u8().is_some_and(|byte| byte & 0x80 != 0),
        }),
        b"nclc" => Some(ColorInfo { primaries, transfer, matrix, full_range: false }),
        _ => None,
    }
}

/// A pixel aspect ratio in lowest terms; `None` for square and for nonsense.
pub(super) fn pixel_aspect(horizontal: u32, vertical: u32) -> Option<(u32, u32)> {
    let (mut a, mut b) = (horizontal, vertical);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b)?);
    }
    let (horizontal, vertical) = (horizontal.checked_div(a)?, vertical.checked_div(a)?);
    (horizontal != vertical && horizontal != 0 && vertical != 0).then_some((horizontal, vertical))
}

/// Sample aspect ratios by number (ISO/IEC 23091-2 table 4, from 1 on).
pub(super) fn sample_aspect_by_number(number: u32) -> Option<(u32, u32)> {
    const TABLE: [(u32, u32); 16] = [
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    TABLE.get(index).and_then(|&(h, v)| pixel_aspect(h, v))
}

/// Where the tail of an AV1 or VP9 codec string is needed: colour that is known and differs from what a missing tail means.
pub(super) fn is_plain_color(color: Option<ColorInfo>) -> bool {
    let plain = |value: u16| matches!(value, 0..=2);
    color.is_none_or(|c| plain(c.primaries) && plain(c.transfer) && plain(c.matrix) && !c.full_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: ratios are reduced, square ones vanish, zeros are no ratio.
    #[test]
    fn pixel_aspect_is_reduced() {
        assert_eq!(pixel_aspect(128, 90), Some((64, 45)));
        assert_eq!(pixel_aspect(7, 7), None);
        assert_eq!(pixel_aspect(0, 0), None);
        assert_eq!(pixel_aspect(5, 0), None);
        assert_eq!(sample_aspect_by_number(1), None);
        assert_eq!(sample_aspect_by_number(14), Some((4, 3)));
        assert_eq!(sample_aspect_by_number(17), None);
    }

    /// Goal: `nclx` and `nclc` are read, ICC profiles passed over.
    #[test]
    fn colr_is_read() {
        let color = ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: true };
        assert_eq!(parse_colr(b"nclx\0\x09\0\x10\0\x09\x80"), Some(color));
        assert_eq!(parse_colr(b"nclc\0\x09\0\x10\0\x09"), Some(ColorInfo { full_range: false, ..color }));
        assert_eq!(parse_colr(b"prof\0\x09\0\x10\0\x09"), None);
        assert_eq!(parse_colr(b"nclx\0"), None);
    }
}
