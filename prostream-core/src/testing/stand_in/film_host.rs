//! A file host that answers ranges, as the servers behind debrid links do, and keeps a log of what was asked.
//!
//! Source: RFC 9110 sections 13.1.5 (`If-Range`) and 14 (ranges).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};

use super::{StandIn, StandInReply, StandInRequest, wire};

/// Most requests that the log keeps; the oldest half goes first.
const MAX_LOGGED: usize = 10_000;

/// A request that the host answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilmRequest {
    /// Method.
    pub method: Method,
    /// Path, decoded.
    pub path: String,
    /// The `Range` header as it came.
    pub range: Option<String>,
    /// What was answered.
    pub status: StatusCode,
    /// Bytes of the file in the answer.
    pub sent_bytes: u64,
}

/// Files in memory behind HTTP, with ranges, ETags and a log.
#[derive(Default)]
pub struct FilmHost {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, File>,
    log: Vec<FilmRequest>,
}

struct File {
    bytes: Bytes,
    etag: HeaderValue,
}

impl FilmHost {
    /// A host without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file at `path`, which begins with `/`.
    #[must_use]
    pub fn with_file(self, path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.put_file(path, bytes);
        self
    }

    /// Serves a file from now on, in place of one that was there: its ETag is that of its bytes.
    pub fn put_file(&self, path: impl Into<String>, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let digest: String = Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"file\""));
        self.state().files.insert(path.into(), File { bytes, etag });
    }

    /// Answers 404 from now on.
    pub fn remove_file(&self, path: &str) {
        self.state().files.remove(path);
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<FilmRequest> {
        self.state().log.clone()
    }

    /// Forgets the log.
    pub fn clear_requests(&self) {
        self.state().log.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FilmHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilmHost").field("file_count", &self.state().files.len()).finish_non_exhaustive()
    }
}

impl StandIn for FilmHost {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let path = wire::decode_path(request.uri().path());
        let state = &mut *self.state();
        let reply = match state.files.get(&path) {
            None => wire::reply(StatusCode::NOT_FOUND, "text/plain", "no such file"),
            Some(_) if !matches!(*request.method(), Method::GET | Method::HEAD) => {
                let mut reply = wire::reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", Bytes::new());
                reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                reply
            }
            Some(file) => file.reply(request, content_type(&path)),
        };
        if state.log.len() >= MAX_LOGGED {
            state.log.drain(..MAX_LOGGED / 2);
        }
        let is_file = matches!(reply.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        state.log.push(FilmRequest {
            method: request.method().clone(),
            path,
            range: request
                .headers()
                .get(header::RANGE)
                .map(|range| String::from_utf8_lossy(range.as_bytes()).into_owned()),
            status: reply.status(),
            sent_bytes: if is_file { reply.body().len() as u64 } else { 0 },
        });
        reply
    }
}

impl File {
    fn reply(&self, request: &StandInRequest, content_type: &'static str) -> StandInReply {
        let size = self.bytes.len() as u64;
        let headers = request.headers();
        // A range of another version than the one asked about would mix two files: the whole of this one is sent instead.
        let is_current = headers.get(header::IF_RANGE).is_none_or(|etag| *etag == self.etag);
        let range = headers.get(header::RANGE).filter(|_| is_current && request.method() == Method::GET);
        let (status, bytes, content_range) = match range.and_then(|range| read_range(range.to_str().ok()?, size)) {
            None => (StatusCode::OK, self.bytes.clone(), None),
            Some(Some((first, last))) => {
                let part = self.bytes.slice(first as usize..=last as usize);
                (StatusCode::PARTIAL_CONTENT, part, Some(format!("bytes {first}-{last}/{size}")))
            }
            Some(None) => (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new(), Some(format!("bytes */{size}"))),
        };
        let body_len = bytes.len();
        let body = if request.method() == Method::HEAD { Bytes::new() } else { bytes };
        let mut reply = wire::reply(status, content_type, body);
        let headers = reply.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body_len));
        if let Some(value) = content_range.and_then(|range| HeaderValue::try_from(range).ok()) {
            headers.insert(header::CONTENT_RANGE, value);
        }
        reply
    }
}

/// First and last byte of a `Range` header: `None` for what a server leaves aside (another unit, several ranges, nonsense),
/// `Some(None)` for a range that no byte of the file is in.
fn read_range(text: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let satisfiable = |first: u64, last: u64| (first < size).then(|| (first, last.min(size - 1)));
    match (first.trim(), last.trim()) {
        ("", last) => {
            let count = number(last)?;
            Some(if count == 0 { None } else { satisfiable(size.saturating_sub(count), u64::MAX) })
        }
        (first, "") => Some(satisfiable(number(first)?, u64::MAX)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first { None } else { Some(satisfiable(first, last)) }
        }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("mkv") => "video/x-matroska",
        Some("mp4" | "m4v") => "video/mp4",
        Some("webm") => "video/webm",
        Some("mov") => "video/quicktime",
        Some("srt" | "txt") => "text/plain; charset=utf-8",
        Some("vtt") => "text/vtt; charset=utf-8",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(host: &FilmHost, method: Method, headers: &[(&str, &str)]) -> StandInReply {
        let mut request = http::Request::builder().method(method).uri("/a%20film.mkv");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        host.reply(&request.body(Bytes::new()).unwrap())
    }

    fn range(host: &FilmHost, range: &str) -> (u16, String, Bytes) {
        let reply = ask(host, Method::GET, &[("range", range)]);
        let content_range = reply.headers().get("content-range").map(|value| value.to_str().unwrap().to_owned());
        (reply.status().as_u16(), content_range.unwrap_or_default(), reply.into_body())
    }

    fn host() -> FilmHost {
        FilmHost::new().with_file("/a film.mkv", &b"0123456789"[..])
    }

    /// Goal: ranges are those of RFC 9110: within, open, suffix, beyond the end, and not understood.
    #[test]
    fn ranges_follow_the_standard() {
        let host = host();
        assert_eq!(range(&host, "bytes=2-4"), (206, "bytes 2-4/10".into(), "234".into()));
        assert_eq!(range(&host, "bytes=7-"), (206, "bytes 7-9/10".into(), "789".into()));
        assert_eq!(range(&host, "bytes=-3"), (206, "bytes 7-9/10".into(), "789".into()));
        assert_eq!(range(&host, "bytes=-99"), (206, "bytes 0-9/10".into(), "0123456789".into()));
        assert_eq!(range(&host, "bytes=8-99"), (206, "bytes 8-9/10".into(), "89".into()));
        for outside in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(range(&host, outside), (416, "bytes */10".into(), Bytes::new()), "{outside}");
        }
        for other in ["bytes=4-2", "lines=1-2", "bytes=0-1,3-4", "bytes=x-", "bytes=-"] {
            assert_eq!(range(&host, other), (200, String::new(), "0123456789".into()), "{other}");
        }
    }

    /// Goal: HEAD tells the length without the bytes, and a changed file is never mixed with the old one.
    #[test]
    fn etags_and_head_tell_the_version_and_length() {
        let host = host();
        let head = ask(&host, Method::HEAD, &[]);
        assert_eq!((head.headers()["content-length"].to_str().unwrap(), head.body().len()), ("10", 0));
        let etag = head.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(ask(&host, Method::GET, &[("range", "bytes=0-1"), ("if-range", &etag)]).status(), 206);
        host.put_file("/a film.mkv", &b"abcdefghij"[..]);
        let changed = ask(&host, Method::GET, &[("range", "bytes=0-1"), ("if-range", &etag)]);
        assert_eq!((changed.status().as_u16(), changed.body().len()), (200, 10));
        host.remove_file("/a film.mkv");
        assert_eq!(ask(&host, Method::GET, &[]).status(), 404);
    }

    /// Goal: tests can count on the log: what was asked, in order, and how much was sent.
    #[test]
    fn the_log_tells_what_was_asked() {
        let host = host();
        range(&host, "bytes=0-3");
        ask(&host, Method::HEAD, &[]);
        let log = host.requests();
        let told: Vec<_> =
            log.iter().map(|entry| (entry.method.as_str(), entry.range.as_deref(), entry.sent_bytes)).collect();
        assert_eq!(told, [("GET", Some("bytes=0-3"), 4), ("HEAD", None, 0)]);
        assert_eq!(log[0].path, "/a film.mkv");
        host.clear_requests();
        assert_eq!(host.requests(), []);
    }
}
