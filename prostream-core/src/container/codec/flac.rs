//! FLAC: `dfLa`, Matroska's CodecPrivate, and the length of frames.

use super::bits::{BitReader, ByteReader};
use super::boxes::write_full_box;
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{AudioFormat, Codec};

const STREAMINFO_SIZE: u32 = 34;

/// Configures a track from metadata blocks (RFC 9639 section 8): the payload of `dfLa` behind its flags, or what follows `fLaC` in Matroska.
///
/// Only STREAMINFO is passed on: pictures and tags have no place in an init segment.
pub(super) fn configure(blocks: &[u8]) -> Result<CodecConfig> {
    let parse = || {
        let mut reader = ByteReader::new(blocks);
        let header = reader.u32()?;
        if (header >> 24) & 0x7F != 0 || header & 0xFF_FFFF != STREAMINFO_SIZE {
            return None;
        }
        let info = reader.take(usize::try_from(STREAMINFO_SIZE).ok()?)?;
        let mut bits = BitReader::new(info);
        let (smallest, largest) = (bits.bits(16)?, bits.bits(16)?);
        bits.skip(48);
        let sample_rate_hz = bits.bits(20)?;
        let channel_count = u16::try_from(bits.bits(3)?).ok()?.saturating_add(1);
        if sample_rate_hz == 0 {
            return None;
        }
        let mut payload = vec![0x80, 0, 0, 34];
        payload.extend_from_slice(info);
        let format = AudioFormat {
            sample_rate_hz,
            channel_count,
            packet_samples: (smallest == largest && largest >= 16).then_some(largest),
            joint_object_coding: false,
        };
        let record = write_full_box(*b"dfLa", 0, &payload);
        Some(CodecConfig::audio(Codec::Flac, "fLaC".to_owned(), *b"fLaC", record, format))
    };
    parse().ok_or_else(|| malformed("STREAMINFO is broken or missing"))
}

/// Samples of a frame, from its header (RFC 9639 section 9.1.1).
pub(super) fn samples(packet: &[u8]) -> Option<u32> {
    let mut reader = ByteReader::new(packet);
    if reader.u16()? & 0xFFFE != 0xFFF8 {
        return None;
    }
    let code = reader.u8()? >> 4;
    reader.u8()?;
    match code {
        1 => Some(192),
        2..=5 => Some(144u32 << code),
        6 | 7 => {
            // The coded number in between is as long as its first byte says, like UTF-8.
            let more = reader.u8()?.leading_ones();
            reader.take(usize::try_from(more.saturating_sub(1)).ok()?)?;
            let size = if code == 6 { u32::from(reader.u8()?) } else { u32::from(reader.u16()?) };
            size.checked_add(1)
        }
        8..=15 => Some(1u32 << code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &[u8] = &[
        0x12, 0x00, 0x12, 0x00, 0x00, 0x00, 0xc2, 0x00, 0x04, 0xff, 0x0b, 0xb8, 0x00, 0xf0, 0x00, 0x00, 0x25, 0x80,
        0xba, 0xd7, 0xbf, 0x8f, 0x78, 0x1a, 0x23, 0x30, 0xb6, 0xb7, 0xb8, 0x71, 0x2d, 0xac, 0xb3, 0x04,
    ];

    /// Goal: whatever follows, STREAMINFO leaves alone and as the last block.
    #[test]
    fn only_streaminfo_is_passed_on() {
        let blocks = [&[0, 0, 0, 34][..], INFO, &[0x84, 0, 0, 2, 1, 2]].concat();
        let config = configure(&blocks).unwrap();
        let format = config.audio.unwrap();
        assert_eq!((format.sample_rate_hz, format.channel_count, format.packet_samples), (48_000, 1, Some(4608)));
        assert_eq!(&config.sample_entry.boxes[0][8..], [&[0, 0, 0, 0, 0x80, 0, 0, 34][..], INFO].concat());
        assert!((0..38).all(|len| configure(&blocks[..len]).is_err()));
    }

    /// Goal: all ways of giving a block size.
    #[test]
    fn frames_have_the_samples_of_their_header() {
        assert_eq!(samples(&[0xFF, 0xF8, 0x1A, 0]), Some(192));
        assert_eq!(samples(&[0xFF, 0xF8, 0x5A, 0]), Some(4608));
        assert_eq!(samples(&[0xFF, 0xF9, 0xCA, 0]), Some(4096));
        assert_eq!(samples(&[0xFF, 0xF8, 0x6A, 0, 0x05, 0x3F]), Some(64));
        assert_eq!(samples(&[0xFF, 0xF8, 0x7A, 0, 0xC5, 0x81, 0x03, 0xE7]), Some(1000));
        assert_eq!(samples(&[0xFF, 0xF8, 0x7A, 0, 0xC5, 0x81, 0x03]), None);
        assert_eq!(samples(&[0xFF, 0xF8, 0x0A, 0]), None);
        assert_eq!(samples(b"fLaC"), None);
    }
}
