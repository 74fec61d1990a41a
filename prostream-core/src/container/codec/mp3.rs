//! MPEG audio layer III: frame headers (ISO/IEC 11172-3 section 2.4.1.3, ISO/IEC 13818-3).

use crate::model::AudioFormat;

/// Reads the header of a frame; `None` when it is none of layer III.
pub(super) fn parse_frame(frame: &[u8]) -> Option<AudioFormat> {
    let (&[sync, version_layer, rates, mode], _) = frame.split_first_chunk::<4>()?;
    // Layer III is 01; version 01 is reserved.
    if sync != 0xFF || version_layer & 0xE6 != 0xE2 {
        return None;
    }
    let (shift, samples) = match (version_layer >> 3) & 3 {
        3 => (0, 1152),
        2 => (1, 576),
        0 => (2, 576),
        _ => return None,
    };
    let rate = [44_100u32, 48_000, 32_000].get(usize::from((rates >> 2) & 3))?;
    if rates >> 4 == 0xF {
        return None;
    }
    Some(AudioFormat {
        sample_rate_hz: rate >> shift,
        channel_count: if mode >> 6 == 3 { 1 } else { 2 },
        packet_samples: Some(samples),
        joint_object_coding: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the three versions give their rates and lengths, other layers none.
    #[test]
    fn versions_give_rate_and_length() {
        let parse = |frame: [u8; 4]| parse_frame(&frame).map(|f| (f.sample_rate_hz, f.channel_count, f.packet_samples));
        assert_eq!(parse([0xFF, 0xFB, 0x54, 0x00]), Some((48_000, 2, Some(1152))));
        assert_eq!(parse([0xFF, 0xF3, 0x50, 0xC0]), Some((22_050, 1, Some(576))));
        assert_eq!(parse([0xFF, 0xE3, 0x58, 0x00]), Some((8_000, 2, Some(576))));
        assert_eq!(parse([0xFF, 0xFD, 0x54, 0x00]), None);
        assert_eq!(parse([0xFF, 0xFB, 0xF4, 0x00]), None);
        assert_eq!(parse([0xFF, 0xFB, 0x5C, 0x00]), None);
    }
}
