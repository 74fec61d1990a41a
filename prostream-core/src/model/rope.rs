use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::ByteRange;

/// A run of bytes in pieces, as they came from a source: slicing shares the pieces, nothing is copied.
///
/// ```
/// use bytes::Bytes;
/// use prostream_core::model::Rope;
/// let mut rope = Rope::from(Bytes::from_static(b"hello "));
/// rope.push(Bytes::from_static(b"world"));
/// assert_eq!(rope.slice(4, 3).into_bytes(), "o w");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Rope {
    pieces: Vec<Bytes>,
    len: u64,
}

impl Rope {
    /// Holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Holds no byte?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a piece at the end; an empty piece is left out.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len() as u64;
            self.pieces.push(piece);
        }
    }

    /// Adds all pieces of `other` at the end.
    pub fn append(&mut self, other: Rope) {
        self.len += other.len;
        self.pieces.extend(other.pieces);
    }

    /// The pieces in order; none is empty.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The pieces in order, by value.
    #[must_use]
    pub fn into_pieces(self) -> Vec<Bytes> {
        self.pieces
    }

    /// `len` bytes from `offset`, sharing the pieces; cut at the end of the rope.
    #[must_use]
    pub fn slice(&self, offset: u64, len: u64) -> Rope {
        let mut out = Rope::new();
        let mut skip = offset;
        let mut left = len;
        for piece in &self.pieces {
            let size = piece.len() as u64;
            if left == 0 {
                break;
            }
            if skip >= size {
                skip -= size;
                continue;
            }
            let take = left.min(size - skip);
            // Both values are at most `size`, which came from a usize.
            out.push(piece.slice(skip as usize..(skip + take) as usize));
            skip = 0;
            left -= take;
        }
        out
    }

    /// Copies up to `out.len()` bytes from `offset` and says how many there were. For headers, never for payload.
    pub fn copy_to(&self, offset: u64, out: &mut [u8]) -> usize {
        let mut skip = offset;
        let mut done = 0;
        for piece in &self.pieces {
            let size = piece.len() as u64;
            if skip >= size {
                skip -= size;
                continue;
            }
            let rest = &piece[skip as usize..];
            skip = 0;
            let take = rest.len().min(out.len() - done);
            out[done..done + take].copy_from_slice(&rest[..take]);
            done += take;
            if done == out.len() {
                break;
            }
        }
        done
    }

    /// All bytes in one piece: shared when there is but one, copied together otherwise.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        let mut pieces = self.pieces;
        if pieces.len() <= 1 {
            return pieces.pop().unwrap_or_default();
        }
        let mut out = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
        for piece in &pieces {
            out.extend_from_slice(piece);
        }
        out.freeze()
    }
}

impl From<Bytes> for Rope {
    fn from(piece: Bytes) -> Self {
        let mut rope = Rope::new();
        rope.push(piece);
        rope
    }
}

/// The parts of a file that are at hand: what a parser is fed with.
///
/// ```
/// use bytes::Bytes;
/// use prostream_core::model::{ByteRange, Extents};
/// let mut have = Extents::new();
/// have.insert(100, Bytes::from_static(b"abc").into());
/// have.insert(103, Bytes::from_static(b"def").into());
/// assert_eq!(have.bytes(ByteRange::new(102, 105)).unwrap(), "cde");
/// assert!(have.bytes(ByteRange::new(105, 107)).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Extents {
    // By start; neither overlapping nor touching.
    parts: BTreeMap<u64, Rope>,
}

impl Extents {
    /// Holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the bytes that lie at `offset` in the file. Bytes that are already here stay; neighbours are joined.
    pub fn insert(&mut self, offset: u64, rope: Rope) {
        let mut start = offset;
        let mut rest = rope;
        // The part before, if it reaches here.
        if let Some((&at, before)) = self.parts.range(..=offset).next_back() {
            let end = at + before.len();
            if end >= offset {
                let known = end - offset;
                if known >= rest.len() {
                    return;
                }
                let mut joined = before.clone();
                joined.append(rest.slice(known, u64::MAX));
                start = at;
                rest = joined;
            }
        }
        let end = start + rest.len();
        let covered: Vec<u64> = self.parts.range(start..=end).map(|(&at, _)| at).collect();
        for at in covered {
            if let Some(part) = self.parts.remove(&at) {
                let part_end = at + part.len();
                let have_end = start + rest.len();
                if part_end > have_end {
                    rest.append(part.slice(have_end.saturating_sub(at), u64::MAX));
                }
            }
        }
        if !rest.is_empty() {
            self.parts.insert(start, rest);
        }
    }

    /// The bytes of `range` in pieces, or `None` unless all of them are here.
    #[must_use]
    pub fn rope(&self, range: ByteRange) -> Option<Rope> {
        if range.is_empty() {
            return Some(Rope::new());
        }
        let (&at, part) = self.parts.range(..=range.start).next_back()?;
        if at + part.len() < range.end {
            return None;
        }
        Some(part.slice(range.start - at, range.len()))
    }

    /// The bytes of `range` in one piece, or `None` unless all of them are here. For headers: joined pieces are copied.
    #[must_use]
    pub fn bytes(&self, range: ByteRange) -> Option<Bytes> {
        self.rope(range).map(Rope::into_bytes)
    }

    /// How far the bytes reach without a hole from `offset`: the end offset, `offset` itself when there is nothing.
    #[must_use]
    pub fn end_of_run(&self, offset: u64) -> u64 {
        match self.parts.range(..=offset).next_back() {
            Some((&at, part)) => (at + part.len()).max(offset),
            None => offset,
        }
    }

    /// The parts with their offsets, in order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Rope)> {
        self.parts.iter().map(|(&at, rope)| (at, rope))
    }

    /// How many bytes are held.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.parts.values().map(Rope::len).sum()
    }

    /// Holds no byte?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Goal: whatever the order and overlap of the pieces, what is read back is the file.
        #[test]
        fn extents_give_back_the_file(pieces in prop::collection::vec((0u64..200, 1u64..40), 1..30), from in 0u64..200, len in 0u64..60) {
            let file: Vec<u8> = (0..240).map(|n| n as u8).collect();
            let mut have = Extents::new();
            let mut known = [false; 240];
            for (start, size) in pieces {
                let end = start + size;
                have.insert(start, Bytes::copy_from_slice(&file[start as usize..end as usize]).into());
                known[start as usize..end as usize].fill(true);
            }
            let end = (from + len).min(240);
            let all_known = known[from as usize..end as usize].iter().all(|k| *k);
            match have.bytes(ByteRange::new(from, end)) {
                Some(bytes) => prop_assert_eq!(&bytes[..], &file[from as usize..end as usize]),
                None => prop_assert!(!all_known),
            }
            prop_assert_eq!(have.len(), known.iter().filter(|k| **k).count() as u64);
        }
    }
}
