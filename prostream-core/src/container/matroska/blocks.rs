//! Blocks and their lacing (RFC 9559 section 10).

use std::ops::Range;

use super::ebml::{Vint, parse_vint, vint_as_signed};
use super::malformed;
use crate::Result;

/// How several frames share a block (RFC 9559 section 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacing {
    /// One frame.
    None,
    /// Sizes as sums of bytes, each up to 255.
    Xiph,
    /// All of one size.
    Fixed,
    /// The first size, then differences.
    Ebml,
}

/// What stands before the frames of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// `TrackNumber`.
    pub(super) track: u64,
    /// Relative to the cluster's timestamp, in units of `TimestampScale`.
    pub(super) relative_time: i16,
    /// The flag of a SimpleBlock: decoding can start here. A Block in a BlockGroup does not have it.
    pub(super) is_key: bool,
    /// How frames share the block.
    pub(super) lacing: Lacing,
    /// Length of this header.
    pub(super) len: u64,
}

/// Longest [`BlockHeader`].
pub(super) const MAX_BLOCK_HEADER_LEN: usize = 11;

/// Reads the header of a block; `None` when it is cut short or no header.
pub(super) fn parse_block_header(bytes: &[u8]) -> Option<BlockHeader> {
    let Vint::Found { value: track, len } = parse_vint(bytes) else { return None };
    let rest = bytes.get(len..)?;
    let relative_time = i16::from_be_bytes(*rest.first_chunk::<2>()?);
    let flags = *rest.get(2)?;
    let lacing = match flags & 0x06 {
        0x00 => Lacing::None,
        0x02 => Lacing::Xiph,
        0x04 => Lacing::Fixed,
        _ => Lacing::Ebml,
    };
    // The time and the flags stand behind the number.
    let len = (len as u64).saturating_add(3);
    Some(BlockHeader { track, relative_time, is_key: flags & 0x80 != 0, lacing, len })
}

/// Where the frames of a block lie in `data`, which begins after its header.
///
/// # Errors
/// `Malformed` when the sizes do not fit the block.
pub(super) fn split_laces(lacing: Lacing, data: &[u8]) -> Result<Vec<Range<usize>>> {
    let broken = || malformed("broken lacing");
    if lacing == Lacing::None {
        return Ok(std::iter::once(0..data.len()).collect());
    }
    let (&count, mut rest) = data.split_first().ok_or_else(broken)?;
    let sized_count = usize::from(count);
    // The sizes of all frames but the last, which takes what is left.
    let mut sizes: Vec<usize> = Vec::with_capacity(sized_count);
    match lacing {
        Lacing::None => {}
        Lacing::Xiph => {
            for _ in 0..sized_count {
                let mut size = 0usize;
                loop {
                    let (&byte, after) = rest.split_first().ok_or_else(broken)?;
                    rest = after;
                    size = size.saturating_add(usize::from(byte));
                    if byte != 255 {
                        break;
                    }
                }
                sizes.push(size);
            }
        }
        Lacing::Fixed => {
            let frame_count = sized_count.saturating_add(1);
            if !rest.len().is_multiple_of(frame_count) {
                return Err(broken());
            }
            sizes.resize(sized_count, rest.len().checked_div(frame_count).unwrap_or(0));
        }
        Lacing::Ebml => {
            let mut size = 0i64;
            for index in 0..sized_count {
                let Vint::Found { value, len } = parse_vint(rest) else { return Err(broken()) };
                rest = rest.get(len..).ok_or_else(broken)?;
                size = match index {
                    0 => i64::try_from(value).map_err(|_| broken())?,
                    _ => size.saturating_add(vint_as_signed(value, len)),
                };
                sizes.push(usize::try_from(size).map_err(|_| broken())?);
            }
        }
    }
    let mut at = data.len().saturating_sub(rest.len());
    let mut frames = Vec::with_capacity(sized_count.saturating_add(1));
    for size in sizes {
        let end = at.checked_add(size).filter(|end| *end <= data.len()).ok_or_else(broken)?;
        frames.push(at..end);
        at = end;
    }
    frames.push(at..data.len());
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(lacing: Lacing, data: &[u8]) -> Vec<usize> {
        split_laces(lacing, data).unwrap().into_iter().map(|frame| frame.len()).collect()
    }

    /// Goal: header fields as RFC 9559 section 10.1 lays them out.
    #[test]
    fn block_header() {
        let header = parse_block_header(&[0x40, 0x81, 0xFF, 0xFE, 0x84, 0, 0]).unwrap();
        assert_eq!(header, BlockHeader { track: 129, relative_time: -2, is_key: true, lacing: Lacing::Fixed, len: 5 });
        assert_eq!(parse_block_header(&[0x81, 0, 0]), None);
    }

    /// Goal: the example of RFC 9559 section 10.3.2: frames of 800, 500 and 1000 bytes.
    #[test]
    fn xiph_lacing() {
        let mut data = vec![2, 255, 255, 255, 35, 255, 245];
        data.resize(7 + 800 + 500 + 1000, 0);
        assert_eq!(lengths(Lacing::Xiph, &data), [800, 500, 1000]);
    }

    /// Goal: the example of RFC 9559 section 10.3.3: 800, 500 (minus 300) and 1000 bytes.
    #[test]
    fn ebml_lacing() {
        let mut data = vec![2, 0x43, 0x20, 0x5E, 0xD3];
        data.resize(5 + 800 + 500 + 1000, 0);
        assert_eq!(lengths(Lacing::Ebml, &data), [800, 500, 1000]);
    }

    /// Goal: equal shares (RFC 9559 section 10.3.4); a remainder is an error.
    #[test]
    fn fixed_lacing() {
        assert_eq!(lengths(Lacing::Fixed, &[2, 0, 0, 0, 0, 0, 0]), [2, 2, 2]);
        assert!(split_laces(Lacing::Fixed, &[2, 0, 0, 0, 0]).is_err());
    }

    /// Goal: sizes that lie are errors, never a panic or an overrun.
    #[test]
    fn lying_laces() {
        assert!(split_laces(Lacing::Xiph, &[]).is_err());
        assert!(split_laces(Lacing::Xiph, &[3, 255, 255]).is_err());
        assert!(split_laces(Lacing::Xiph, &[1, 200, 0]).is_err());
        assert!(split_laces(Lacing::Ebml, &[2, 0x81, 0x80, 0]).is_err(), "a negative size");
        assert!(split_laces(Lacing::Ebml, &[1, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
    }
}
