//! Answers in parts: validators and `Range` (RFC 9110 sections 13 and 14), for one range of bytes.

use futures_util::{TryStreamExt, stream};
use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http_range_header::{EndPosition, RangeUnsatisfiableError, StartPosition, parse_range_header};
use prostream_core::model::ByteRange;
use prostream_core::source::ByteStream;
use warp::reply::Response;

use crate::reply::{self, empty, set};
use crate::request::Request;

/// What is known of a content before its first byte is read.
pub(crate) struct Content {
    pub(crate) content_type: &'static str,
    /// Strong validator with its quotes.
    pub(crate) etag: String,
    pub(crate) size_bytes: u64,
    /// Its `Cache-Control`.
    pub(crate) cache: &'static str,
}

impl Content {
    /// All of it, the one range that is asked for, or that it has not changed. Several ranges at once are answered with all, as section 14.2
    /// allows. `body` is called only where bytes are sent.
    pub(crate) fn answer(&self, request: &Request, body: impl FnOnce(ByteRange) -> ByteStream) -> Response {
        let mut response = if request.matches_etag(&IF_NONE_MATCH, &self.etag) {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            match wanted(self.asked_range(request), self.size_bytes) {
                Wanted::All => self.bytes(ByteRange::new(0, self.size_bytes), body),
                Wanted::Part(range) => {
                    let mut response = self.bytes(range, body);
                    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                    let (first, last) = (range.start, range.end.saturating_sub(1));
                    set(&mut response, CONTENT_RANGE, &format!("bytes {first}-{last}/{}", self.size_bytes));
                    response
                }
                Wanted::Beyond => {
                    let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
                    set(&mut response, CONTENT_RANGE, &format!("bytes */{}", self.size_bytes));
                    response
                }
            }
        };
        set(&mut response, ETAG, &self.etag);
        // A refusal is about one request, not about the content.
        let is_refused = response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
        let cache = if is_refused { "no-store" } else { self.cache };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        response
    }

    /// `If-Range` compares strongly, and we give no dates: anything but our own validator means the whole content.
    fn asked_range<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let is_valid = !request.headers.contains_key(IF_RANGE) || request.header(&IF_RANGE) == Some(self.etag.as_str());
        if is_valid { request.header(&RANGE) } else { None }
    }

    fn bytes(&self, range: ByteRange, body: impl FnOnce(ByteRange) -> ByteStream) -> Response {
        let mut response = reply::stream(self.content_type, body(range));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(range.len()));
        response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response
    }
}

/// The bytes `range` of a body that is only to be had from its start: what lies before is dropped, what lies behind is never asked for.
pub(crate) fn part_of(body: ByteStream, range: ByteRange) -> ByteStream {
    Box::pin(stream::try_unfold((body, 0u64), move |(mut body, mut at)| async move {
        while at < range.end {
            let Some(mut piece) = body.try_next().await? else { break };
            let held = ByteRange::with_len(at, piece.len() as u64);
            at = held.end;
            let wanted = held.intersect(range);
            if !wanted.is_empty() {
                // Both lie within the piece, whose length is a `usize`.
                piece.truncate((wanted.end - held.start) as usize);
                let piece = piece.split_off((wanted.start - held.start) as usize);
                return Ok(Some((piece, (body, at))));
            }
        }
        Ok(None)
    }))
}

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
    use bytes::Bytes;
    use prostream_core::{Error, ErrorKind};

    use super::*;

    /// Goal: a part is its bytes, however the body falls into pieces, and the body is read no further.
    /// Method: every range of ten bytes in every size of piece; behind the last piece that a part needs lies an error.
    #[tokio::test]
    async fn parts_are_cut_from_pieces() {
        let all = Bytes::from_static(b"0123456789");
        for piece_size in 1..=10usize {
            for start in 0..10usize {
                for end in start + 1..=10 {
                    let needed = all.chunks(piece_size).take(end.div_ceil(piece_size));
                    let needed = needed.map(|piece| Ok(Bytes::copy_from_slice(piece)));
                    let broken = Err(Error::new(ErrorKind::Internal, "read too far"));
                    let body = stream::iter(needed.chain([broken]).collect::<Vec<_>>());
                    let part = part_of(Box::pin(body), ByteRange::new(start as u64, end as u64));
                    let pieces: Vec<Bytes> = part.try_collect().await.expect("nothing behind the part is read");
                    assert_eq!(pieces.concat(), all[start..end], "{start}..{end} in pieces of {piece_size}");
                    assert!(pieces.iter().all(|piece| !piece.is_empty()));
                }
            }
        }
    }

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
