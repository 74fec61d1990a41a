//! The boxes of a file, of which only some bytes are at hand.

use bytes::Bytes;

use super::malformed;
use crate::container::Step;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::fourcc_text;
use crate::model::{ByteRange, Extents};
use crate::{Error, ErrorKind, Result};

/// Size and type, with a 64-bit size.
const LONG_HEADER_SIZE: u64 = 16;
/// While a file is opened, a gap up to this size is asked for whole: what follows the payload is `moov`, or fragments, and one request is
/// cheaper than several.
pub(super) const WHOLE_GAP_BYTES: u64 = 16 * 1024 * 1024;
/// What is asked for where only a header is wanted and the gap is large.
pub(super) const HEADER_READ_BYTES: u64 = 4096;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// These bytes are missing.
    Need(Vec<ByteRange>),
    /// There will be none.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// An answer, or why there is none.
pub(super) type Read<T> = std::result::Result<T, Stop>;

/// The answer as callers of a reader get it.
pub(super) fn to_step<T>(read: Read<T>) -> Result<Step<T>> {
    match read {
        Ok(answer) => Ok(Step::Done(answer)),
        Err(Stop::Need(ranges)) => Ok(Step::Need(ranges)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A box of the file itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileBox {
    pub(super) kind: [u8; 4],
    /// Where its header begins.
    pub(super) at: u64,
    /// Its payload; past the end of the file for a file that is cut off.
    pub(super) body: ByteRange,
}

/// A file by its length and the bytes of it that are at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    pub(super) size_bytes: u64,
    pub(super) have: &'a Extents,
    /// Gaps up to this size are asked for whole where only a header in them is wanted.
    pub(super) whole_gap_bytes: u64,
}

impl File<'_> {
    /// The header of the box at an offset; `None` at the end of the file. Where it is missing, `window` bytes are asked for, or all up to
    /// the next bytes at hand.
    pub(super) fn header(&self, at: u64, window: u64) -> Read<Option<FileBox>> {
        let room = self.size_bytes.saturating_sub(at);
        if room < 8 {
            return Ok(None);
        }
        let end_at_hand = self.have.end_of_run(at).min(self.size_bytes);
        let at_hand = end_at_hand.saturating_sub(at).min(LONG_HEADER_SIZE);
        let bytes = self.have.bytes(ByteRange::with_len(at, at_hand)).unwrap_or_default();
        let mut reader = ByteReader::new(&bytes);
        let parsed = reader.u32().zip(reader.fourcc()).and_then(|(size, kind)| match size {
            0 => Some((room, 8, kind)),
            1 if room < LONG_HEADER_SIZE => Some((0, LONG_HEADER_SIZE, kind)),
            1 => Some((reader.u64()?, LONG_HEADER_SIZE, kind)),
            size => Some((u64::from(size), 8, kind)),
        });
        let Some((size, header_size, kind)) = parsed else {
            return Err(Stop::Need(vec![self.next_gap(end_at_hand, window)]));
        };
        if size < header_size {
            return Err(malformed("a box smaller than its own header").into());
        }
        if !kind.iter().all(|byte| (0x20..0x7F).contains(byte) || *byte == 0xA9) {
            let detail = format!("no box where one should be: {}", fourcc_text(kind));
            let error = Error::new(ErrorKind::Malformed, "read mp4").detail(detail);
            return Err(error.advise(crate::container::BROKEN_ADVICE).into());
        }
        let body = ByteRange::new(at.saturating_add(header_size), at.saturating_add(size));
        Ok(Some(FileBox { kind, at, body }))
    }

    /// The payload of a box, or what is missing of it. `more` bytes behind it are asked for along with it.
    pub(super) fn body(&self, of: &FileBox, more: u64) -> Read<Bytes> {
        if of.body.end > self.size_bytes {
            return Err(malformed("the file is cut off inside its index").into());
        }
        let wanted = ByteRange::new(of.body.start, of.body.end.saturating_add(more).min(self.size_bytes));
        self.have.bytes(of.body).ok_or_else(|| Stop::Need(self.missing(wanted)))
    }

    /// What to ask for from the first missing byte on.
    fn next_gap(&self, from: u64, window: u64) -> ByteRange {
        let starts = self.have.iter().map(|(start, _)| start);
        let end = starts.filter(|start| *start > from).min().unwrap_or(self.size_bytes).min(self.size_bytes);
        let gap = ByteRange::new(from, end);
        if gap.len() <= self.whole_gap_bytes { gap } else { ByteRange::with_len(from, window).intersect(gap) }
    }

    /// The parts of a range that are not at hand.
    pub(super) fn missing(&self, range: ByteRange) -> Vec<ByteRange> {
        let mut gaps = Vec::new();
        let mut at = self.have.end_of_run(range.start);
        if at >= range.end {
            return gaps;
        }
        for (start, rope) in self.have.iter().filter(|(start, _)| *start > range.start) {
            let gap = ByteRange::new(at, start.min(range.end));
            if !gap.is_empty() {
                gaps.push(gap);
            }
            at = at.max(start.saturating_add(rope.len()));
            if at >= range.end {
                return gaps;
            }
        }
        gaps.push(ByteRange::new(at, range.end));
        gaps
    }
}
