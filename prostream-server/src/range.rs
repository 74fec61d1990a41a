//! `Range` (RFC 9110 section 14.2), for one range of bytes.

use http_range_header::{EndPosition, RangeUnsatisfiableError, StartPosition, parse_range_header};
use prostream_core::model::ByteRange;

/// What a request wants of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range was asked for, or none that we answer.
    All,
    /// This part, which is not empty and lies within the file.
    Part(ByteRange),
    /// A part beyond its end.
    Beyond,
}

/// Reads a `Range` field for a file of `size_bytes`. A field that is malformed, of another unit or of several ranges counts as absent, as
/// section 14.2 allows.
pub(crate) fn wanted(field: Option<&str>, size_bytes: u64) -> Wanted {
    let Some(field) = field else { return Wanted::All };
    let parsed = match parse_range_header(field) {
        Ok(parsed) => parsed,
        // "-0" is well formed and asks for nothing.
        Err(RangeUnsatisfiableError::ZeroSuffix) => return Wanted::Beyond,
        Err(_) => return Wanted::All,
    };
    let [range] = parsed.ranges.as_slice() else { return Wanted::All };
    match (range.start, range.end) {
        (StartPosition::FromLast(_), _) if size_bytes == 0 => Wanted::Beyond,
        (StartPosition::FromLast(count), _) => {
            Wanted::Part(ByteRange::new(size_bytes.saturating_sub(count), size_bytes))
        }
        (StartPosition::Index(start), EndPosition::Index(last)) if start > last => Wanted::All,
        (StartPosition::Index(start), _) if start >= size_bytes => Wanted::Beyond,
        (StartPosition::Index(start), EndPosition::Index(last)) => {
            Wanted::Part(ByteRange::new(start, last.saturating_add(1).min(size_bytes)))
        }
        (StartPosition::Index(start), EndPosition::LastByte) => Wanted::Part(ByteRange::new(start, size_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the answers of RFC 9110 for a file of 1,000 bytes, in the cases where servers usually slip.
    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let part = |start, end| Wanted::Part(ByteRange::new(start, end));
        for (field, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-999", part(0, 1000)),
            ("bytes=0-1000", part(0, 1000)),
            ("bytes=990-5000", part(990, 1000)),
            ("bytes=990-", part(990, 1000)),
            ("bytes=999-999", part(999, 1000)),
            ("bytes=-1", part(999, 1000)),
            ("bytes=-1000", part(0, 1000)),
            ("bytes=-5000", part(0, 1000)),
            ("bytes=1000-", Wanted::Beyond),
            ("bytes=1000-2000", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=0-18446744073709551615", part(0, 1000)),
            ("bytes=5-1", Wanted::All),
            ("bytes=0-1,5-9", Wanted::All),
            ("bytes=", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("bytes=1-2-3", Wanted::All),
            ("items=0-1", Wanted::All),
            ("0-1", Wanted::All),
            ("", Wanted::All),
        ] {
            assert_eq!(wanted(Some(field), 1000), expected, "{field}");
        }
        assert_eq!(wanted(None, 1000), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Beyond);
        assert_eq!(wanted(Some("bytes=-5"), 0), Wanted::Beyond);
    }
}
