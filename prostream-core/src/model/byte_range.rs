use std::fmt;

/// A half-open range of bytes in a file: `start..end`, in bytes from the start of the file.
///
/// ```
/// use prostream_core::model::ByteRange;
/// let range = ByteRange::new(10, 30);
/// assert_eq!(range.len(), 20);
/// assert_eq!(ByteRange::with_len(10, 20), range);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte; never below `start`.
    pub end: u64,
}

impl ByteRange {
    /// `start..end`; an `end` below `start` makes the range empty.
    #[must_use]
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// `len` bytes from `start`, cut at `u64::MAX`.
    #[must_use]
    pub const fn with_len(start: u64, len: u64) -> Self {
        Self { start, end: start.saturating_add(len) }
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Holds no byte?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Does it hold all of `other`?
    #[must_use]
    pub const fn contains_range(&self, other: ByteRange) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The bytes that both hold; empty when they do not meet.
    #[must_use]
    pub fn intersect(&self, other: ByteRange) -> ByteRange {
        ByteRange::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl fmt::Debug for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}
