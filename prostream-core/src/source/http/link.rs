use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use url::Url;

use super::facts::{ContentRange, Facts, Validator};
use crate::model::ByteRange;
use crate::net::retry::retry_after;
use crate::net::{Call, HttpClient, Request, StreamReply, redact_url};
use crate::source::ByteStream;
use crate::{Error, ErrorKind, Result};

/// Most connections to one link at a time: what debrid services and CDNs commonly grant.
const MAX_CONNECTIONS: usize = 2;
/// Longest wait for one of them, and then for the headers of a reply.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The part of a file that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// `bytes=0-9`.
    Part(ByteRange),
    /// `bytes=-10`: as many bytes before the end.
    Last(u64),
}

/// A reply to a range request, checked as far as its headers go.
pub(super) struct Opened {
    /// Which bytes the body holds; its end is `None` where the host did not say a length.
    pub(super) start: u64,
    pub(super) end: Option<u64>,
    /// Length of the whole file, if the host knows.
    pub(super) size_bytes: Option<u64>,
    pub(super) validator: Option<Validator>,
    /// False for a 200: the host sends the file from its first byte.
    pub(super) is_partial: bool,
    pub(super) body: ByteStream,
    /// Held as long as the body is read.
    pub(super) _permit: OwnedSemaphorePermit,
}

impl Opened {
    /// What pins the file; `None` where the host gives no length.
    pub(super) fn facts(&self) -> Option<Facts> {
        Some(Facts { size_bytes: self.size_bytes?, validator: self.validator.clone() })
    }
}

/// An address that answers ranges: knows where it led to last, and how many may ask at a time.
pub(super) struct Link {
    client: HttpClient,
    original: Url,
    headers: HeaderMap,
    /// Where the redirects of the original ended: asked directly from then on.
    current: Mutex<Url>,
    connections: Arc<Semaphore>,
    /// The host takes `If-Range` for a reason to send everything although nothing changed.
    ignores_if_range: AtomicBool,
    pub(super) request_count: AtomicU64,
    pub(super) read_bytes: AtomicU64,
}

impl Link {
    pub(super) fn new(client: HttpClient, original: Url, headers: HeaderMap) -> Self {
        Self {
            client,
            current: Mutex::new(original.clone()),
            original,
            headers,
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            ignores_if_range: AtomicBool::new(false),
            request_count: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
        }
    }

    /// Sends one request for a part, and checks what came against what is known of the file.
    ///
    /// A final address that no longer serves the file is given up once: the original leads to the next.
    pub(super) async fn open(&self, wanted: Wanted, known: Option<&Facts>) -> Result<Opened> {
        let call = Call::within(MAX_WAIT);
        let permit = timeout(call.remaining(), self.connections.clone().acquire_owned())
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "read link").detail("all connections of the link are in use"))?
            .map_err(|closed| Error::new(ErrorKind::Internal, "read link").because(closed))?;
        let call = Call::within(MAX_WAIT);
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reply = self.send(&call, &current, wanted, known).await;
        let is_stale = matches!(&reply, Ok(reply) if matches!(reply.status.as_u16(), 401 | 403 | 404 | 410));
        if is_stale && current != self.original {
            drop(reply);
            reply = self.send(&call, &self.original, wanted, known).await;
        }
        let mut reply = reply?;
        // A 200 to a conditional request says that the file changed. Some hosts say so about every file: asked without condition,
        // the headers tell.
        if reply.status == StatusCode::OK
            && let Some(facts) = known
            && facts.validator.as_ref().is_some_and(|validator| !validator.is_contradicted_by(&reply.headers))
            && !self.ignores_if_range.swap(true, Ordering::Relaxed)
        {
            let url = reply.url.clone();
            drop(reply);
            reply = self.send(&call, &url, wanted, known).await?;
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = reply.url.clone();
        self.check(reply, wanted, known, permit)
    }

    async fn send(&self, call: &Call, url: &Url, wanted: Wanted, known: Option<&Facts>) -> Result<StreamReply> {
        let mut request = Request::get(url.clone());
        // What the caller gave was meant for the host of the original.
        if url.origin() == self.original.origin() {
            request.headers = self.headers.clone();
        }
        let range = match wanted {
            Wanted::Part(range) => format!("bytes={}-{}", range.start, range.end.saturating_sub(1)),
            Wanted::Last(len) => format!("bytes=-{len}"),
        };
        let range = HeaderValue::try_from(range)
            .map_err(|error| Error::new(ErrorKind::Internal, "read link").because(error))?;
        request.headers.insert(header::RANGE, range);
        request.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(validator) = known.and_then(|facts| facts.validator.as_ref())
            && !self.ignores_if_range.load(Ordering::Relaxed)
        {
            request.headers.insert(header::IF_RANGE, validator.value().clone());
        }
        self.request_count.fetch_add(1, Ordering::Relaxed);
        self.client.stream(call, request).await.map_err(advised)
    }

    fn check(
        &self,
        reply: StreamReply,
        wanted: Wanted,
        known: Option<&Facts>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Opened> {
        let headers = &reply.headers;
        let malformed = |detail| Error::new(ErrorKind::Malformed, "read link").detail(detail);
        let content_range = ContentRange::of(headers);
        if !matches!(reply.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Err(status_error(reply.status, headers, known));
        }
        let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if [&b"text/html"[..], b"application/xhtml"]
            .iter()
            .any(|html| media_type.get(..html.len()).is_some_and(|start| start.eq_ignore_ascii_case(html)))
        {
            return Err(Error::new(ErrorKind::Unavailable, "read link")
                .detail("HTML instead of media")
                .advise("the link has probably expired: ask for a new one"));
        }
        if headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(malformed("a compressed body, although none was asked for"));
        }
        let is_partial = reply.status == StatusCode::PARTIAL_CONTENT;
        let (start, end, size_bytes) = if is_partial {
            let content_range = content_range.ok_or_else(|| malformed("a part without a proper Content-Range"))?;
            let range = content_range.range.ok_or_else(|| malformed("a part without a range"))?;
            let is_what_was_asked = match wanted {
                Wanted::Part(part) => range.start == part.start,
                Wanted::Last(_) => content_range.size_bytes == Some(range.end),
            };
            if !is_what_was_asked {
                return Err(malformed("another part than the one asked for"));
            }
            (range.start, Some(range.end), content_range.size_bytes)
        } else {
            let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
            (0, length, length)
        };
        if let Some(facts) = known {
            let is_other_size = size_bytes.is_some_and(|size| size != facts.size_bytes);
            if is_other_size || facts.validator.as_ref().is_some_and(|known| known.is_contradicted_by(headers)) {
                return Err(changed());
            }
        }
        let validator = Validator::of(headers);
        Ok(Opened { start, end, size_bytes, validator, is_partial, body: reply.body, _permit: permit })
    }

    /// The host refused a second connection: from now on there is one. Called while none is open.
    pub(super) fn allow_one_connection(&self) {
        self.connections.forget_permits(1);
    }

    /// Counts bytes that came.
    pub(super) fn count(&self, len: usize) {
        self.read_bytes.fetch_add(len as u64, Ordering::Relaxed);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact_url(&self.original))
    }
}

pub(super) fn changed() -> Error {
    Error::new(ErrorKind::SourceChanged, "read link")
        .detail("another file lies behind the link now")
        .advise("open the link anew")
}

fn status_error(status: StatusCode, headers: &HeaderMap, known: Option<&Facts>) -> Error {
    let kind = match status.as_u16() {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        // A part of a file whose length is known exists, unless it is another file by now.
        416 if known.is_some() => return changed(),
        416 => ErrorKind::Unsupported,
        429 => ErrorKind::RateLimited,
        _ => ErrorKind::Unavailable,
    };
    let error = Error::new(kind, "read link").detail(format!("the host answered {}", status.as_u16()));
    match retry_after(headers, SystemTime::now()) {
        Some(wait) => advised(error.after(wait)),
        None => advised(error),
    }
}

/// Says what a person can do about a link that does not answer as it should, unless the error already does.
fn advised(error: Error) -> Error {
    if error.advice().is_some() {
        return error;
    }
    let advice = match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::NotFound => {
            "the link is wrong or has expired: get a new one"
        }
        ErrorKind::RateLimited => "the host limits how often it is asked: wait a little",
        ErrorKind::Unavailable | ErrorKind::TimedOut => {
            "the host is down or out of reach: check the address, or try again later"
        }
        ErrorKind::LimitExceeded => "the link leads nowhere: get a new one",
        _ => "get another link to the file",
    };
    error.advise(advice)
}
