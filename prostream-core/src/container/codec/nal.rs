//! NAL units with lengths of four bytes: what the sample entries that we write announce (PACKAGING 5.3, payload exceptions).

use super::malformed;
use crate::Result;

/// Rewrites a frame of H.264 or HEVC whose NAL units carry lengths of `length_size` bytes, or start codes where that is 0 (ISO/IEC 14496-10
/// annex B), to lengths of four bytes.
///
/// # Errors
/// `Malformed` when the units do not fill the frame.
pub(in crate::container) fn with_four_byte_lengths(frame: &[u8], length_size: u8) -> Result<Vec<u8>> {
    // Shorter lengths grow each unit by at most three bytes; most frames have few units.
    let mut out = Vec::with_capacity(frame.len().saturating_add(64));
    let mut append = |unit: &[u8]| {
        let length = u32::try_from(unit.len()).map_err(|_| malformed("NAL unit too large"))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(unit);
        Ok(())
    };
    if length_size == 0 {
        let mut rest = skip_start_code(frame);
        while let Some(stream) = rest {
            let end = find_start_code(stream);
            let unit = stream.get(..end.unwrap_or(stream.len())).unwrap_or_default();
            // Zeros before the next start code belong to it.
            let size = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
            if let Some(unit) = unit.get(..size).filter(|unit| !unit.is_empty()) {
                append(unit)?;
            }
            rest = end.and_then(|end| stream.get(end.saturating_add(3)..));
        }
        return Ok(out);
    }
    let mut rest = frame;
    while !rest.is_empty() {
        let broken = || malformed("NAL lengths do not fill the frame");
        let (length, after) = rest.split_at_checked(usize::from(length_size)).ok_or_else(broken)?;
        let length = length.iter().fold(0usize, |value, byte| value << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length).ok_or_else(broken)?;
        append(unit)?;
        rest = after;
    }
    Ok(out)
}

fn find_start_code(stream: &[u8]) -> Option<usize> {
    stream.windows(3).position(|window| window == [0, 0, 1])
}

fn skip_start_code(stream: &[u8]) -> Option<&[u8]> {
    stream.get(find_start_code(stream)?.saturating_add(3)..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &[u8] = &[0, 0, 0, 2, 0x65, 0xAA, 0, 0, 0, 3, 0x41, 0, 0xBB];

    /// Goal: the same units, whatever stood before them.
    #[test]
    fn all_forms_become_four_bytes() {
        for (length_size, frame) in [
            (1, &[2, 0x65, 0xAA, 3, 0x41, 0, 0xBB][..]),
            (2, &[0, 2, 0x65, 0xAA, 0, 3, 0x41, 0, 0xBB]),
            (0, &[0, 0, 0, 1, 0x65, 0xAA, 0, 0, 0, 1, 0x41, 0, 0xBB]),
            (0, &[0, 0, 1, 0x65, 0xAA, 0, 0, 1, 0x41, 0, 0xBB, 0]),
        ] {
            assert_eq!(with_four_byte_lengths(frame, length_size).unwrap(), FOUR);
        }
    }

    /// Goal: lengths that lie are an error.
    #[test]
    fn lying_lengths() {
        assert!(with_four_byte_lengths(&[3, 0x65, 0xAA], 1).is_err());
        assert!(with_four_byte_lengths(&[0], 2).is_err());
        assert_eq!(with_four_byte_lengths(&[1, 2, 3], 0).unwrap(), [0u8; 0]);
    }
}
