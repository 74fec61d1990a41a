//! Frames that were compressed with zlib (RFC 1950): unpacked under a bound, because a few bytes can claim gigabytes (PARSE-04).

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{limit_exceeded, malformed};
use crate::Result;

/// Largest frame after unpacking. The largest keyframes of discs take a few MiB.
const MAX_FRAME_BYTES: u64 = 64 * 1024 * 1024;
/// How many times as long as it was a frame may become: coded pictures and sound hardly shrink, text and bitmaps to a tenth. zlib could
/// reach a thousand.
const MAX_RATIO: u64 = 64;
/// Short frames are exempt from that: a frame of up to this length is no danger.
const MAX_SMALL_FRAME_BYTES: u64 = 64 * 1024;

/// A whole frame.
///
/// # Errors
/// `Malformed` for what is no complete zlib stream; `LimitExceeded` when it becomes too large.
pub(super) fn inflate(packed: &[u8]) -> Result<Vec<u8>> {
    let limit = (packed.len() as u64).saturating_mul(MAX_RATIO).clamp(MAX_SMALL_FRAME_BYTES, MAX_FRAME_BYTES);
    let mut frame = Vec::new();
    let size = ZlibDecoder::new(packed).take(limit.saturating_add(1)).read_to_end(&mut frame);
    match size {
        Ok(size) if size as u64 > limit => Err(limit_exceeded("unpacked frame too large")),
        Ok(_) => Ok(frame),
        Err(_) => Err(malformed("broken zlib stream")),
    }
}

/// Up to `want` bytes of the start of a frame, as far as the start of its packed bytes gives them.
pub(super) fn inflate_start(packed: &[u8], want: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    // What came before the stream breaks off is good.
    let _ = ZlibDecoder::new(packed).take(want as u64).read_to_end(&mut frame);
    frame
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;
    use crate::ErrorKind;

    fn deflate(frame: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(frame).unwrap();
        encoder.finish().unwrap()
    }

    /// Goal: frames come back; a stream that is cut is broken, but its start can be read.
    #[test]
    fn frames_come_back() {
        let frame: Vec<u8> = (0..50_000u32).map(|n| ((n * n) >> 7) as u8).collect();
        let packed = deflate(&frame);
        assert_eq!(inflate(&packed).unwrap(), frame);
        let cut = &packed[..packed.len() / 2];
        assert_eq!(inflate(cut).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(inflate_start(cut, 1000), frame[..1000]);
        assert_eq!(inflate_start(&packed, usize::MAX), frame);
        assert_eq!(inflate(b"plain").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(inflate_start(b"plain", 9), [0u8; 0]);
    }

    /// Goal: a bomb is refused before it takes memory: 256 MiB of zeros in 256 KiB, and 60 MiB that are too many for their length.
    #[test]
    fn bombs_are_refused() {
        for size in [256 << 20, 60 << 20] {
            let packed = deflate(&vec![0; size]);
            assert!(packed.len() < 300_000);
            assert_eq!(inflate(&packed).unwrap_err().kind(), ErrorKind::LimitExceeded);
        }
        let short = vec![0; 60_000];
        assert_eq!(inflate(&deflate(&short)).unwrap(), short);
    }
}
