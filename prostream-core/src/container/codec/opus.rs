//! Opus: `dOps`, Matroska's OpusHead, and the length of packets.

use super::bits::ByteReader;
use super::boxes::write_box;
use super::{CodecConfig, malformed};
use crate::Result;
use crate::model::{AudioFormat, Codec};

/// Opus always decodes to this rate.
const SAMPLE_RATE_HZ: u32 = 48_000;
/// A packet holds at most 120 ms (RFC 6716 section 3.2.5).
const MAX_SAMPLES: u32 = 5760;

/// Configures a track from the payload of `dOps` ("Encapsulation of Opus in ISO Base Media File Format" section 4.3.2).
pub(super) fn configure(body: &[u8]) -> Result<CodecConfig> {
    let parse = || {
        let mut reader = ByteReader::new(body);
        let (version, channel_count) = (reader.u8()?, reader.u8()?);
        reader.take(8)?;
        if reader.u8()? != 0 {
            reader.take(usize::from(channel_count).saturating_add(2))?;
        }
        let used = body.len().checked_sub(reader.rest().len())?;
        (version == 0 && channel_count > 0).then_some((channel_count, body.get(..used)?))
    };
    let (channel_count, body) = parse().ok_or_else(|| malformed("dOps is broken"))?;
    let format = AudioFormat {
        sample_rate_hz: SAMPLE_RATE_HZ,
        channel_count: channel_count.into(),
        packet_samples: None,
        joint_object_coding: false,
    };
    Ok(CodecConfig::audio(Codec::Opus, "Opus".to_owned(), *b"Opus", write_box(*b"dOps", body), format))
}

/// The payload of `dOps` from an OpusHead (RFC 7845 section 5.1), whose numbers are little-endian.
pub(super) fn dops_from_head(head: &[u8]) -> Option<Vec<u8>> {
    let rest = head.strip_prefix(b"OpusHead")?;
    let (&[_, channels, skip_low, skip_high, r0, r1, r2, r3, gain_low, gain_high, family], map) =
        rest.split_first_chunk::<11>()?;
    let mut out = vec![0, channels, skip_high, skip_low, r3, r2, r1, r0, gain_high, gain_low, family];
    if family != 0 {
        out.extend_from_slice(map.get(..usize::from(channels).saturating_add(2))?);
    }
    Some(out)
}

/// The payload of `dOps` for mono or stereo without an OpusHead.
pub(super) fn dops_from_delay(channel_count: u16, codec_delay_ns: u64) -> Option<Vec<u8>> {
    let channels = u8::try_from(channel_count).ok().filter(|count| matches!(count, 1 | 2))?;
    let skip = codec_delay_ns.saturating_mul(48) / 1_000_000;
    let [skip_high, skip_low] = u16::try_from(skip).ok()?.to_be_bytes();
    Some(vec![0, channels, skip_high, skip_low, 0, 0, 0xBB, 0x80, 0, 0, 0])
}

/// Samples of a packet, from its first two bytes (RFC 6716 section 3.1 and 3.2).
pub(super) fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let (config, count_code) = (toc >> 3, toc & 3);
    let size = usize::from(config & 3);
    let frame = match config {
        0..12 => [480u32, 960, 1920, 2880].get(size),
        12..16 => [480, 960].get(size & 1),
        _ => [120, 240, 480, 960].get(size),
    }?;
    let count = match count_code {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3F),
    };
    Some(frame.saturating_mul(count)).filter(|samples| (1..=MAX_SAMPLES).contains(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: byte order is turned, the channel map kept.
    #[test]
    fn head_becomes_dops() {
        let head = b"OpusHead\x01\x06\x38\x01\x80\xbb\0\0\x01\0\x01\x04\x02\0\x04\x01\x02\x03\x05";
        let body = dops_from_head(head).unwrap();
        assert_eq!(body, b"\0\x06\x01\x38\0\0\xbb\x80\0\x01\x01\x04\x02\0\x04\x01\x02\x03\x05");
        let config = configure(&body).unwrap();
        assert_eq!((config.codec_string.as_str(), config.audio.unwrap().channel_count), ("Opus", 6));
        assert!((0..head.len()).all(|len| dops_from_head(&head[..len]).is_none()));
        assert!(configure(&body[..12]).is_err());
    }

    /// Goal: all modes and counts of the table of contents, and no packet beyond 120 ms.
    #[test]
    fn packets_have_the_samples_of_their_toc() {
        assert_eq!(samples(&[0xFC]), Some(960));
        assert_eq!(samples(&[0x08]), Some(960));
        assert_eq!(samples(&[0x18]), Some(2880));
        assert_eq!(samples(&[0x68]), Some(960));
        assert_eq!(samples(&[0x81]), Some(240));
        assert_eq!(samples(&[0xFB, 0x83]), Some(2880));
        assert_eq!(samples(&[0x1B, 3]), None);
        assert_eq!(samples(&[0xFB, 0]), None);
        assert_eq!((samples(&[0xFB]), samples(&[])), (None, None));
    }
}
