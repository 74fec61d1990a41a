//! The walk over the top-level boxes to `moov`.

use bytes::Bytes;

use super::malformed;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::fourcc_text;
use crate::container::{MAX_INDEX_BYTES, Step};
use crate::model::{ByteRange, Extents};
use crate::{Error, ErrorKind, Result};

/// Size and type, with a 64-bit size.
const LONG_HEADER_SIZE: u64 = 16;
/// Most boxes that are stepped over; usual files have three to six.
const MAX_BOXES: u32 = 10_000;
/// A gap up to this size is asked for whole: what follows the payload is `moov`, and one request is cheaper than two.
const WHOLE_GAP_BYTES: u64 = 16 * 1024 * 1024;
/// What is asked for where only a header is wanted and the gap is large.
const HEADER_READ_BYTES: u64 = 4096;

struct Header {
    kind: [u8; 4],
    /// Past the end of the file for a file that is cut off.
    range: ByteRange,
    size: u64,
}

/// The payload of `moov`, or the ranges that are missing to get there.
pub(super) fn find_movie(size_bytes: u64, have: &Extents) -> Result<Step<Bytes>> {
    let mut at = 0u64;
    for _ in 0..MAX_BOXES {
        let header = match read_header(at, size_bytes, have)? {
            Step::Need(ranges) => return Ok(Step::Need(ranges)),
            Step::Done(None) => return Err(malformed("no moov box: not an MP4, or cut off before its index")),
            Step::Done(Some(header)) => header,
        };
        match &header.kind {
            b"moov" => return read_movie(&header, size_bytes, have),
            b"moof" => return Err(fragmented()),
            _ => at = header.range.end,
        }
    }
    Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("over 10,000 boxes before moov"))
}

/// Fragmented files are recognised and refused.
pub(super) fn fragmented() -> Error {
    Error::new(ErrorKind::Unsupported, "read mp4").detail("fragmented MP4 (moof) is not packaged yet")
}

/// The header of the box at an offset; `None` at the end of the file.
fn read_header(at: u64, size_bytes: u64, have: &Extents) -> Result<Step<Option<Header>>> {
    let room = size_bytes.saturating_sub(at);
    if room < 8 {
        return Ok(Step::Done(None));
    }
    let end_at_hand = have.end_of_run(at).min(size_bytes);
    let at_hand = end_at_hand.saturating_sub(at).min(LONG_HEADER_SIZE);
    let bytes = have.bytes(ByteRange::with_len(at, at_hand)).unwrap_or_default();
    let mut reader = ByteReader::new(&bytes);
    let parsed = reader.u32().zip(reader.fourcc()).and_then(|(size, kind)| match size {
        0 => Some((room, 8, kind)),
        1 if room < LONG_HEADER_SIZE => Some((0, LONG_HEADER_SIZE, kind)),
        1 => Some((reader.u64()?, LONG_HEADER_SIZE, kind)),
        size => Some((u64::from(size), 8, kind)),
    });
    let Some((size, header_size, kind)) = parsed else {
        return Ok(Step::Need(vec![next_gap(end_at_hand, size_bytes, have)]));
    };
    if size < header_size {
        return Err(malformed("a box smaller than its own header"));
    }
    if !kind.iter().all(|byte| (0x20..0x7F).contains(byte) || *byte == 0xA9) {
        let detail = format!("no box where one should be: {}", fourcc_text(kind));
        return Err(Error::new(ErrorKind::Malformed, "read mp4")
            .detail(detail)
            .advise(crate::container::BROKEN_ADVICE));
    }
    let range = ByteRange::new(at.saturating_add(header_size), at.saturating_add(size));
    Ok(Step::Done(Some(Header { kind, range, size })))
}

/// What to ask for from the first missing byte on: all up to the next bytes at hand, or a little where that would be much.
fn next_gap(from: u64, size_bytes: u64, have: &Extents) -> ByteRange {
    let end = have.iter().map(|(start, _)| start).find(|start| *start > from).unwrap_or(size_bytes).min(size_bytes);
    let gap = ByteRange::new(from, end);
    if gap.len() <= WHOLE_GAP_BYTES { gap } else { ByteRange::with_len(from, HEADER_READ_BYTES) }
}

fn read_movie(header: &Header, size_bytes: u64, have: &Extents) -> Result<Step<Bytes>> {
    if header.range.end > size_bytes {
        return Err(malformed("the file is cut off inside its index (moov)"));
    }
    if header.size > MAX_INDEX_BYTES {
        return Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("moov over 64 MiB"));
    }
    Ok(match have.bytes(header.range) {
        Some(bytes) => Step::Done(bytes),
        None => Step::Need(missing(header.range, have)),
    })
}

/// The parts of a range that are not at hand.
fn missing(range: ByteRange, have: &Extents) -> Vec<ByteRange> {
    let mut gaps = Vec::new();
    let mut at = range.start;
    for (start, rope) in have.iter() {
        let gap = ByteRange::new(at, start.min(range.end));
        if !gap.is_empty() {
            gaps.push(gap);
        }
        at = at.max(start.saturating_add(rope.len()));
    }
    let gap = ByteRange::new(at, range.end);
    if !gap.is_empty() {
        gaps.push(gap);
    }
    gaps
}
