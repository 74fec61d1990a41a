//! What the headers of a reply say about the file behind a link.

use http::{HeaderMap, HeaderValue, header};

use crate::model::ByteRange;

/// What pins a file: while both stay the same, it is the same file.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) size_bytes: u64,
    pub(super) validator: Option<Validator>,
}

impl Facts {
    /// Do two replies speak of different files?
    pub(super) fn differs_from(&self, other: &Facts) -> bool {
        let validators = match (&self.validator, &other.validator) {
            (Some(one), Some(two)) => one.differs_from(two),
            _ => false,
        };
        validators || self.size_bytes != other.size_bytes
    }
}

/// What a host says to tell one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Validator {
    /// A strong entity tag.
    ETag(HeaderValue),
    /// A date of change, where there is no strong tag.
    LastModified(HeaderValue),
}

impl Validator {
    /// The best that a reply gives: a weak tag does not promise the same bytes, so the date is preferred to it (RFC 9110 section 8.8).
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let tag = headers.get(header::ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
        tag.cloned().map(Self::ETag).or_else(|| headers.get(header::LAST_MODIFIED).cloned().map(Self::LastModified))
    }

    /// As it is sent in `If-Range`.
    pub(super) fn value(&self) -> &HeaderValue {
        match self {
            Self::ETag(value) | Self::LastModified(value) => value,
        }
    }

    /// Does a later reply say something else? A reply that says nothing contradicts nothing.
    pub(super) fn is_contradicted_by(&self, headers: &HeaderMap) -> bool {
        Self::of(headers).is_some_and(|now| self.differs_from(&now))
    }

    /// Of the same kind, but not the same: a tag and a date cannot be compared.
    fn differs_from(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self != other
    }
}

/// `Content-Range: bytes 0-9/100` (RFC 9110 section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// Which bytes the body holds; `None` in a reply 416.
    pub(super) range: Option<ByteRange>,
    /// Length of the whole file; `None` where the host does not know.
    pub(super) size_bytes: Option<u64>,
}

impl ContentRange {
    /// Of a reply; `None` when there is none or it makes no sense.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(header::CONTENT_RANGE)?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, size) = rest.trim().split_once('/')?;
        let size_bytes = match size {
            "*" => None,
            digits => Some(number(digits)?),
        };
        let range = match range {
            "*" => None,
            range => {
                let (first, last) = range.split_once('-')?;
                let (start, last) = (number(first)?, number(last)?);
                if last < start || size_bytes.is_some_and(|size| last >= size) {
                    return None;
                }
                Some(ByteRange::new(start, last.checked_add(1)?))
            }
        };
        if range.is_none() && size_bytes.is_none() {
            return None;
        }
        Some(Self { range, size_bytes })
    }
}

/// Digits only: `u64::from_str` would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every form that means something is read, and no number that cannot be is believed.
    #[test]
    fn content_range_is_read_strictly() {
        let part = |start, end, size_bytes| Some(ContentRange { range: Some(ByteRange::new(start, end)), size_bytes });
        assert_eq!(ContentRange::parse("bytes 0-9/100"), part(0, 10, Some(100)));
        assert_eq!(ContentRange::parse("Bytes 5-5/6"), part(5, 6, Some(6)));
        assert_eq!(ContentRange::parse("bytes 0-9/*"), part(0, 10, None));
        assert_eq!(ContentRange::parse("bytes */100"), Some(ContentRange { range: None, size_bytes: Some(100) }));
        assert_eq!(
            ContentRange::parse("bytes 4294967296-8589934591/1099511627776"),
            part(1 << 32, 1 << 33, Some(1 << 40))
        );
        for nonsense in [
            "",
            "bytes",
            "bytes 0-9",
            "bytes 9-0/100",
            "bytes 0-100/100",
            "bytes +0-9/100",
            "bytes -9/100",
            "bytes 0-/100",
            "items 0-9/100",
            "bytes */*",
            "bytes 0-18446744073709551615/*",
            "bytes 0-18446744073709551616/*",
            "bytes a-b/c",
        ] {
            assert_eq!(ContentRange::parse(nonsense), None, "{nonsense}");
        }
    }

    /// Goal: a changed file is told by what was pinned, and a host that says nothing later is believed to have the same file.
    #[test]
    fn validators_contradict_only_their_own_kind() {
        let headers = |pairs: &[(http::HeaderName, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        let date = (header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT");
        let strong = Validator::of(&headers(&[(header::ETAG, "\"a\""), date.clone()])).expect("a tag");
        assert_eq!(strong.value(), "\"a\"");
        assert!(strong.is_contradicted_by(&headers(&[(header::ETAG, "\"b\"")])));
        assert!(!strong.is_contradicted_by(&headers(&[(header::ETAG, "\"a\"")])));
        assert!(!strong.is_contradicted_by(&headers(&[])));
        let dated = Validator::of(&headers(&[(header::ETAG, "W/\"a\""), date.clone()])).expect("a date");
        assert_eq!(dated, Validator::LastModified(HeaderValue::from_static(date.1)));
        assert!(dated.is_contradicted_by(&headers(&[(header::LAST_MODIFIED, "Mon, 07 Nov 1994 08:49:37 GMT")])));
        assert_eq!(Validator::of(&headers(&[(header::ETAG, "W/\"a\"")])), None);
    }
}
