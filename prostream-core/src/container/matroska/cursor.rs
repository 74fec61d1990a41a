//! The bytes at hand, read at rising offsets without searching each time.

use bytes::Bytes;

use super::ebml::{self, MAX_HEADER_LEN};
use crate::Error;
use crate::model::{ByteRange, Extents};

/// Longest [`Cursor::peek`].
pub(super) const MAX_PEEK: usize = 64;

/// Why a reader stopped before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// These ranges are missing; in any order, perhaps over the end of the file.
    Need(Vec<ByteRange>),
    /// It cannot go on.
    Fail(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Fail(error)
    }
}

/// The result of a reader that may lack bytes.
pub(super) type Read<T> = Result<T, Stop>;

/// An element in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Its id.
    pub(super) id: u32,
    /// Where its id begins.
    pub(super) offset: u64,
    /// Where its data begins.
    pub(super) data: u64,
    /// One past its data; `None` when its size is unknown.
    pub(super) end: Option<u64>,
}

/// What stands at an offset of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An element, which may end beyond the file.
    Element(Element),
    /// No element.
    Junk,
    /// The file ends before the header does.
    End,
}

/// Reads the bytes at hand. It remembers the piece it read from, so that a walk through a span of many pieces costs no search.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    have: &'a Extents,
    /// All pieces with their offsets, in order.
    pieces: Vec<(u64, &'a Bytes)>,
    at: usize,
    /// Length of the file.
    pub(super) size: u64,
    /// How much to ask for where a header is missing and nothing else is known.
    pub(super) window: u64,
    scratch: [u8; MAX_PEEK],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(size: u64, have: &'a Extents, window: u64) -> Self {
        let mut pieces = Vec::new();
        for (offset, rope) in have.iter() {
            let mut at = offset;
            for piece in rope.pieces() {
                pieces.push((at, piece));
                at = at.saturating_add(piece.len() as u64);
            }
        }
        Self { have, pieces, at: 0, size, window, scratch: [0; MAX_PEEK] }
    }

    /// The bytes from `offset` to the end of the piece that holds it; empty when it is not at hand.
    pub(super) fn piece(&mut self, offset: u64) -> &'a [u8] {
        if let Some(bytes) = self.piece_by_index(self.at, offset) {
            return bytes;
        }
        if let Some(bytes) = self.piece_by_index(self.at.saturating_add(1), offset) {
            self.at = self.at.saturating_add(1);
            return bytes;
        }
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        let index = after.saturating_sub(1);
        match self.piece_by_index(index, offset) {
            Some(bytes) => {
                self.at = index;
                bytes
            }
            None => &[],
        }
    }

    fn piece_by_index(&self, index: usize, offset: u64) -> Option<&'a [u8]> {
        let (start, piece) = self.pieces.get(index)?;
        let skip = usize::try_from(offset.checked_sub(*start)?).ok()?;
        piece.get(skip..).filter(|rest| !rest.is_empty())
    }

    /// Up to `want` bytes (at most [`MAX_PEEK`]) from `offset`; fewer where bytes are missing.
    pub(super) fn peek(&mut self, offset: u64, want: usize) -> &[u8] {
        let want = want.min(MAX_PEEK);
        let first = self.piece(offset);
        if let Some(bytes) = first.get(..want) {
            return bytes;
        }
        let mut filled = 0usize;
        while filled < want {
            let rest = self.piece(offset.saturating_add(filled as u64));
            let take = rest.len().min(want.saturating_sub(filled));
            let (Some(from), Some(to)) = (rest.get(..take), self.scratch.get_mut(filled..filled.saturating_add(take)))
            else {
                break;
            };
            if take == 0 {
                break;
            }
            to.copy_from_slice(from);
            filled = filled.saturating_add(take);
        }
        self.scratch.get(..filled).unwrap_or_default()
    }

    /// What stands at `offset`.
    pub(super) fn header(&mut self, offset: u64) -> Read<Found> {
        let bytes = self.peek(offset, MAX_HEADER_LEN);
        let known = bytes.len() as u64;
        match ebml::parse_header(bytes) {
            ebml::Header::Found { id, size, len } => {
                let data = offset.saturating_add(len);
                Ok(Found::Element(Element { id, offset, data, end: size.map(|size| data.saturating_add(size)) }))
            }
            ebml::Header::Junk => Ok(Found::Junk),
            ebml::Header::Short if offset.saturating_add(known) >= self.size => Ok(Found::End),
            ebml::Header::Short => Err(self.ask(offset.saturating_add(known))),
        }
    }

    /// The bytes of `range` in one piece.
    pub(super) fn bytes(&self, range: ByteRange) -> Read<Bytes> {
        self.have.bytes(range).ok_or_else(|| Stop::Need(vec![range]))
    }

    /// Asks for a window at `offset`, where bytes are missing.
    pub(super) fn ask(&self, offset: u64) -> Stop {
        Stop::Need(vec![ByteRange::with_len(offset, self.window)])
    }

    /// Where the next bytes at hand begin after a hole at `offset`.
    pub(super) fn end_of_hole(&self, offset: u64) -> Option<u64> {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        self.pieces.get(after).map(|(start, _)| *start)
    }

    /// How far the bytes reach from `offset` without a hole.
    pub(super) fn end_of_run(&self, offset: u64) -> u64 {
        self.have.end_of_run(offset)
    }

    /// Where the bytes that reach up to `end` without a hole begin; `end` itself when the byte before it is missing.
    pub(super) fn start_of_run(&self, end: u64) -> u64 {
        let mut start = end;
        let before = self.pieces.partition_point(|(at, _)| *at < end);
        for (at, piece) in self.pieces.iter().take(before).rev() {
            if at.saturating_add(piece.len() as u64) < start {
                break;
            }
            start = *at;
        }
        start
    }

    /// The parts of `ranges` that are not at hand: inside the file, in order, not touching.
    pub(super) fn missing(&self, ranges: &[ByteRange]) -> Vec<ByteRange> {
        let file = ByteRange::new(0, self.size);
        let mut wanted: Vec<ByteRange> = ranges.iter().map(|range| range.intersect(file)).collect();
        wanted.retain(|range| !range.is_empty());
        wanted.sort_unstable();
        let mut missing: Vec<ByteRange> = Vec::new();
        for range in wanted {
            let mut at = range.start;
            while at < range.end {
                let run = self.have.end_of_run(at);
                if run > at {
                    at = run;
                    continue;
                }
                let end = self.end_of_hole(at).map_or(range.end, |next| next.min(range.end));
                match missing.last_mut() {
                    Some(last) if last.end >= at => last.end = last.end.max(end),
                    _ => missing.push(ByteRange::new(at, end)),
                }
                at = end;
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Extents {
        let mut have = Extents::new();
        have.insert(10, Bytes::from_static(b"abc").into());
        have.insert(13, Bytes::from_static(b"d").into());
        have.insert(14, Bytes::from_static(b"efgh").into());
        have.insert(30, Bytes::from_static(b"xy").into());
        have
    }

    /// Goal: reads cross pieces, stop at holes, and may jump back.
    #[test]
    fn peek_crosses_pieces() {
        let have = pieces();
        let mut cursor = Cursor::new(100, &have, 8);
        assert_eq!(cursor.peek(11, 5), b"bcdef");
        assert_eq!(cursor.peek(16, 9), b"gh");
        assert_eq!(cursor.peek(30, 1), b"x");
        assert_eq!(cursor.peek(10, 1), b"a");
        assert_eq!(cursor.peek(20, 4), b"");
        assert_eq!(cursor.peek(0, 4), b"");
    }

    /// Goal: what is missing is asked for once, without what is at hand and without what lies beyond the file.
    #[test]
    fn missing_ranges() {
        let have = pieces();
        let cursor = Cursor::new(40, &have, 8);
        let missing = cursor.missing(&[ByteRange::new(16, 90), ByteRange::new(5, 12), ByteRange::new(18, 22)]);
        assert_eq!(missing, [ByteRange::new(5, 10), ByteRange::new(18, 30), ByteRange::new(32, 40)]);
        assert_eq!([16, 18, 19, 32].map(|end| cursor.start_of_run(end)), [10, 10, 19, 30]);
    }
}
