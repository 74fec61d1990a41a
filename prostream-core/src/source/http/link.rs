use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use std::{fmt, mem};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::Url;

use super::address::{Address, Ends};
use super::facts::{ContentRange, Facts, Validator};
use super::parked::Parked;
use crate::model::{ByteRange, Rope};
use crate::net::retry::retry_after;
use crate::net::{Call, HttpClient, Request, StreamReply, redact_url};
use crate::source::connections::Connection;
use crate::source::{ByteStream, Connections, Lease, LeasedLink};
use crate::{Error, ErrorKind, Result};

/// Longest wait for one of the connections of a link, then for the headers of a reply, and for a fresh link.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Longest wait that a host may ask for before it is an error instead.
pub(super) const MAX_ASKED_WAIT: Duration = Duration::from_secs(10);
/// Longest time for a renewal with all that it asks and compares.
const MAX_RENEWAL: Duration = Duration::from_secs(90);
/// A host that has served no byte for so long, and failed, is left for another: a cut connection is not a host that is down.
const LEFT_AFTER: Duration = Duration::from_millis(300);
/// A link is renewed so long before its end.
const RENEWED_BEFORE_END: Duration = Duration::from_secs(60);
/// A link that has served nothing is renewed at most twice a minute, successful or not: what is wrong then is not its age.
const RENEWAL_COOL_DOWN: Duration = Duration::from_secs(30);
/// A host that refuses a connection which another reader has just left is asked again after these waits.
const TAKE_OVER_WAITS: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(400)];

/// The part of a file that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// `bytes=0-9`.
    Part(ByteRange),
    /// `bytes=10-`: all from there on, read as far as it is needed.
    From(u64),
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
    /// Came, and was not asked for yet: goes before the body.
    pub(super) rest: Bytes,
    pub(super) body: ByteStream,
    /// Held as long as the body is read.
    connection: Option<Connection>,
}

impl Opened {
    /// The next bytes, at most `most`, which is not 0; what came beyond is kept for the next call. `None` where the body ends.
    pub(super) async fn next(&mut self, most: u64) -> Option<Result<Bytes>> {
        let mut piece = mem::take(&mut self.rest);
        while piece.is_empty() {
            piece = match self.body.next().await? {
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            };
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if piece.len() > most {
            self.rest = piece.split_off(most);
        }
        Some(Ok(piece))
    }

    /// What pins the file; `None` where the host gives no length.
    pub(super) fn facts(&self) -> Option<Facts> {
        Some(Facts { size_bytes: self.size_bytes?, validator: self.validator.clone() })
    }
}

/// Why a request brought no bytes.
struct Refusal {
    error: Error,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The address does not serve the file, or no longer (401, 403, 404, 410, 416, HTML, another file).
    Stale,
    /// The host is asked too much, or by too many at once (429, 503, no connection).
    Busy,
    Other,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        // Links that have ended lead to a short film that says so, or answer as if the file were shorter.
        let reason = if error.kind() == ErrorKind::SourceChanged { Reason::Stale } else { Reason::Other };
        Self { error, reason }
    }
}

/// Why a fresh link is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// The old one has ended, or is about to.
    Ended,
    /// Its host is out of reach.
    Unreachable,
}

/// An address that answers ranges: knows where it led to last, how many may ask at a time, and how to get a fresh one.
pub(super) struct Link {
    client: HttpClient,
    address: Mutex<Address>,
    lease: Option<Arc<dyn Lease>>,
    /// When a fresh link was asked for last; locked while one is.
    renewed_at: tokio::sync::Mutex<Option<Instant>>,
    /// The link of now has served something since.
    has_served: AtomicBool,
    /// Since when its host has failed and served no byte.
    failing_since: Mutex<Option<Instant>>,
    /// Both ends of the file, once it was opened.
    ends: OnceLock<Ends>,
    connections: Arc<Connections>,
    /// Read by nobody just now.
    parked: Parked,
    /// The host takes `If-Range` for a reason to send everything although nothing changed.
    ignores_if_range: AtomicBool,
    pub(super) request_count: AtomicU64,
    pub(super) read_bytes: AtomicU64,
}

impl Link {
    pub(super) fn new(
        client: HttpClient,
        address: Address,
        lease: Option<Arc<dyn Lease>>,
        connections: Arc<Connections>,
    ) -> Self {
        Self {
            client,
            address: Mutex::new(address),
            lease,
            renewed_at: tokio::sync::Mutex::default(),
            has_served: AtomicBool::new(false),
            failing_since: Mutex::default(),
            ends: OnceLock::new(),
            connections,
            parked: Parked::default(),
            ignores_if_range: AtomicBool::new(false),
            request_count: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// From now on the file is this one.
    pub(super) fn hold_to(&self, facts: &Facts) {
        self.address().validator = facts.validator.clone();
    }

    /// How its ends look.
    pub(super) fn remember(&self, ends: Ends) {
        // Opened once.
        let _ = self.ends.set(ends);
    }

    pub(super) fn ends(&self) -> Option<&Ends> {
        self.ends.get()
    }

    /// Sends one request for a part, and checks what came against what is known of the file.
    ///
    /// A final address that no longer serves the file is given up: the original leads to the next, and after that a fresh link. A host that
    /// has failed for a while is left for another. A connection that the host refuses while another is open is given up too: from then on
    /// there is one.
    pub(super) async fn open(&self, wanted: Wanted, known: Option<&Facts>) -> Result<Opened> {
        let mut connection = self.connect().await?;
        let (mut has_given_up, mut has_renewed) = (false, false);
        let mut take_over_waits = TAKE_OVER_WAITS.into_iter();
        loop {
            let address = self.address().clone();
            if !has_renewed && let Some(renewal) = self.due_renewal(&address, known) {
                has_renewed = true;
                // While the old one still serves, failing to renew it is no failure; and a host that is down may come back.
                match self.renew(&address, known, renewal).await {
                    Err(error) if error.kind() == ErrorKind::SourceChanged && renewal == Renewal::Ended => {
                        return Err(error);
                    }
                    Ok(true) => continue,
                    Ok(false) | Err(_) => {}
                }
            }
            let began = Instant::now();
            let refusal = match self.ask(&address, wanted, known).await {
                Ok(mut opened) => {
                    if address.generation == self.address().generation {
                        self.has_served.store(true, Ordering::Relaxed);
                    }
                    opened.connection = Some(connection);
                    return Ok(opened);
                }
                Err(refusal) => refusal,
            };
            self.failed(began, &refusal.error);
            match refusal.reason {
                Reason::Busy => {
                    let asked = refusal.error.retry_after().unwrap_or_default();
                    if asked > MAX_ASKED_WAIT {
                        return Err(refusal.error);
                    }
                    match self.connections.give_up(connection) {
                        // Waits for the other one, and as long as the host says.
                        Ok(()) if !has_given_up => {
                            has_given_up = true;
                            let earliest = Instant::now().checked_add(asked).unwrap_or_else(Instant::now);
                            connection = self.connect().await?;
                            sleep_until(earliest).await;
                        }
                        Err(own) if own.is_taken_over => {
                            let Some(wait) = take_over_waits.next() else { return Err(refusal.error) };
                            connection = own;
                            sleep(wait.max(asked)).await;
                        }
                        Ok(()) | Err(_) => return Err(refusal.error),
                    }
                }
                Reason::Stale if !has_renewed && self.lease.is_some() => {
                    has_renewed = true;
                    if !self.renew(&address, known, Renewal::Ended).await? {
                        return Err(refusal.error);
                    }
                }
                Reason::Stale | Reason::Other => return Err(refusal.error),
            }
        }
    }

    /// Has it to be renewed before it is asked?
    fn due_renewal(&self, address: &Address, known: Option<&Facts>) -> Option<Renewal> {
        self.lease.as_ref()?;
        if self.failing_since().is_some_and(|since| since.elapsed() >= LEFT_AFTER) {
            return Some(Renewal::Unreachable);
        }
        let is_ending = known.is_some() && address.ends_within(RENEWED_BEFORE_END, SystemTime::now());
        is_ending.then_some(Renewal::Ended)
    }

    /// Notes that what was asked for at `began` brought no byte, where it is the host that cannot be reached.
    pub(super) fn failed(&self, began: Instant, error: &Error) {
        if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut) {
            self.failing_since().get_or_insert(began);
        }
    }

    fn failing_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failing_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a reply that has more to give from `at` on, for who reads on there soon.
    pub(super) fn park(self: &Arc<Self>, at: u64, opened: Opened) {
        if opened.is_partial && opened.end.is_some_and(|end| at < end) {
            self.parked.put(at, opened, &self.connections, Arc::downgrade(self));
        }
    }

    pub(super) fn parked(&self) -> &Parked {
        &self.parked
    }

    async fn connect(&self) -> Result<Connection> {
        if let Some(connection) = self.connections.try_acquire() {
            return Ok(connection);
        }
        // Nobody reads it: it is the first to go. Its host may not notice at once.
        let has_made_room = self.parked.drop_any();
        let error = |kind| Error::new(kind, "read link").detail("all connections of the link are in use");
        let connection = timeout(MAX_WAIT, self.connections.acquire()).await.map_err(|_| error(ErrorKind::TimedOut))?;
        let mut connection = connection.ok_or_else(|| error(ErrorKind::Internal))?;
        connection.is_taken_over |= has_made_room;
        Ok(connection)
    }

    /// Asks where the link led to last, and the link itself when that has ended.
    async fn ask(&self, address: &Address, wanted: Wanted, known: Option<&Facts>) -> Result<Opened, Refusal> {
        let call = Call::within(MAX_WAIT);
        match self.ask_at(&call, address, &address.current, wanted, known).await {
            Err(refusal) if refusal.reason == Reason::Stale && address.current != address.original => {
                self.ask_at(&call, address, &address.original, wanted, known).await
            }
            outcome => outcome,
        }
    }

    async fn ask_at(
        &self,
        call: &Call,
        address: &Address,
        url: &Url,
        wanted: Wanted,
        known: Option<&Facts>,
    ) -> Result<Opened, Refusal> {
        let validator = address.validator.as_ref().filter(|_| known.is_some());
        let mut reply = self.send(call, address, url, wanted, validator).await?;
        // A 200 to a conditional request says that the file changed. Some hosts say so about every file: asked without condition,
        // the headers tell.
        if reply.status == StatusCode::OK
            && validator.is_some_and(|validator| !validator.is_contradicted_by(&reply.headers))
            && !self.ignores_if_range.swap(true, Ordering::Relaxed)
        {
            let url = reply.url.clone();
            drop(reply);
            reply = self.send(call, address, &url, wanted, validator).await?;
        }
        let is_elsewhere = reply.url != address.current;
        if let Some(facts) = known.filter(|_| is_elsewhere && reply.status.is_success() && !is_html(&reply.headers)) {
            // Another place may call the same file by another tag, or another file by none.
            if validator.is_none() || validator != Validator::of(&reply.headers).as_ref() {
                let found = Address { current: reply.url.clone(), ..address.clone() };
                drop(reply);
                let verified = self.verify(call, found, facts).await?;
                reply = self.send(call, &verified, &verified.current, wanted, verified.validator.as_ref()).await?;
                self.settle(verified.clone());
                return check(reply, wanted, Some(facts), verified.validator.as_ref());
            }
        }
        let (found, is_media) = (reply.url.clone(), reply.status.is_success() && !is_html(&reply.headers));
        let opened = check(reply, wanted, known, validator)?;
        if is_elsewhere && is_media {
            self.settle(Address { current: found, ..address.clone() });
        }
        Ok(opened)
    }

    /// From now on the file is read here, unless somebody found a fresh link meanwhile.
    fn settle(&self, found: Address) {
        let mut address = self.address();
        if address.generation == found.generation {
            // What was pinned meanwhile stays.
            let validator = mem::take(&mut address.validator);
            *address = found;
            address.validator = address.validator.take().or(validator);
        }
    }

    /// Gets a fresh link: once for all who find that the one they `saw` has ended. `false` when that was done just now, and has
    /// served nothing since.
    async fn renew(&self, saw: &Address, known: Option<&Facts>, renewal: Renewal) -> Result<bool> {
        let Some(lease) = &self.lease else { return Ok(false) };
        let mut renewed_at = self.renewed_at.lock().await;
        if self.address().generation != saw.generation {
            return Ok(true);
        }
        let has_served = self.has_served.load(Ordering::Relaxed);
        if !has_served && renewed_at.is_some_and(|at| at.elapsed() < RENEWAL_COOL_DOWN) {
            return Ok(false);
        }
        let renewing = timeout(MAX_RENEWAL, self.renewed(lease.as_ref(), saw, known, renewal)).await;
        let outcome = renewing.unwrap_or_else(|_| Err(slow_service()));
        // Only now: who was dropped in the middle has not renewed.
        self.has_served.store(false, Ordering::Relaxed);
        *renewed_at = Some(Instant::now());
        let fresh = outcome?;
        tracing::debug!(link = redact_url(&fresh.original), "link was renewed");
        *self.address() = fresh;
        *self.failing_since() = None;
        Ok(true)
    }

    /// A fresh link that serves the file: of whoever has it first, and where that one does not serve it, of another. Where the host of now is
    /// out of reach, of another first.
    async fn renewed(
        &self,
        lease: &dyn Lease,
        saw: &Address,
        known: Option<&Facts>,
        renewal: Renewal,
    ) -> Result<Address> {
        let mut failure = None;
        for is_first in [true, false] {
            let call = Call::within(MAX_WAIT);
            let elsewhere = if is_first && renewal == Renewal::Ended {
                None
            } else {
                timeout(call.remaining(), lease.elsewhere(&call)).await.ok().and_then(Result::ok).flatten()
            };
            let link = match elsewhere {
                Some(link) => link,
                None if is_first => {
                    timeout(call.remaining(), lease.renew(&call)).await.map_err(|_| slow_service())??
                }
                None => break,
            };
            match self.verified(link, saw, known).await {
                Ok(fresh) => return Ok(fresh),
                Err(error) => failure.get_or_insert(error),
            };
        }
        Err(failure.unwrap_or_else(slow_service))
    }

    async fn verified(&self, link: LeasedLink, saw: &Address, known: Option<&Facts>) -> Result<Address> {
        let fresh = saw.renewed(link)?;
        match known {
            Some(facts) => self.verify(&Call::within(MAX_WAIT), fresh, facts).await.map_err(|refusal| refusal.error),
            // Nothing was read yet that could be mixed.
            None => Ok(fresh),
        }
    }

    /// Looks whether the file at a new place is the one that was opened: as long, and with the same ends, unless it has the same tag.
    async fn verify(&self, call: &Call, mut place: Address, facts: &Facts) -> Result<Address, Refusal> {
        let Some(ends) = self.ends.get() else { return Ok(place) };
        let url = place.current.clone();
        let reply = self.send(call, &place, &url, Wanted::Part(ends.head), None).await?;
        let (status, found) = (reply.status, reply.url.clone());
        let opened = check(reply, Wanted::Part(ends.head), Some(facts), None)?;
        if opened.size_bytes != Some(facts.size_bytes) || status != StatusCode::PARTIAL_CONTENT {
            return Err(changed().into());
        }
        let (before, now) = (place.validator.take(), opened.validator.clone());
        let head = collect(opened.body, ends.head.len()).await?;
        let is_same_tag = now.is_some() && now == before;
        let tail = if is_same_tag || ends.tail.is_empty() {
            None
        } else {
            let reply = self.send(call, &place, &found, Wanted::Part(ends.tail), None).await?;
            let opened = check(reply, Wanted::Part(ends.tail), Some(facts), None)?;
            let is_same_file = opened.is_partial && opened.validator == now;
            Some(collect(opened.body, ends.tail.len()).await?).filter(|_| is_same_file)
        };
        let is_it = match &tail {
            Some(tail) => ends.are(facts.size_bytes, &head, tail),
            None => is_same_tag || ends.tail.is_empty() && ends.are(facts.size_bytes, &head, &Rope::new()),
        };
        if !is_it {
            return Err(changed().into());
        }
        place.validator = now;
        place.current = found;
        Ok(place)
    }

    async fn send(
        &self,
        call: &Call,
        address: &Address,
        url: &Url,
        wanted: Wanted,
        validator: Option<&Validator>,
    ) -> Result<StreamReply, Refusal> {
        let mut request = Request::get(url.clone());
        // What the caller gave was meant for the host of the original.
        if url.origin() == address.original.origin() {
            request.headers = address.headers.clone();
        }
        let range = match wanted {
            Wanted::Part(range) => format!("bytes={}-{}", range.start, range.end.saturating_sub(1)),
            Wanted::From(start) => format!("bytes={start}-"),
            Wanted::Last(len) => format!("bytes=-{len}"),
        };
        let range = HeaderValue::try_from(range)
            .map_err(|error| Error::new(ErrorKind::Internal, "read link").because(error))?;
        request.headers.insert(header::RANGE, range);
        request.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(validator) = validator.filter(|_| !self.ignores_if_range.load(Ordering::Relaxed)) {
            request.headers.insert(header::IF_RANGE, validator.value().clone());
        }
        self.request_count.fetch_add(1, Ordering::Relaxed);
        self.client.stream(call, request).await.map_err(|error| {
            let reason = if error.kind() == ErrorKind::Unavailable { Reason::Busy } else { Reason::Other };
            Refusal { error: advised(error), reason }
        })
    }

    fn address(&self) -> MutexGuard<'_, Address> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts bytes that came.
    pub(super) fn count(&self, len: usize) {
        *self.failing_since() = None;
        self.read_bytes.fetch_add(len as u64, Ordering::Relaxed);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact_url(&self.address().original))
    }
}

/// Compares the headers of a reply with what was asked for, and with what is known of the file.
fn check(
    reply: StreamReply,
    wanted: Wanted,
    known: Option<&Facts>,
    pinned: Option<&Validator>,
) -> Result<Opened, Refusal> {
    let headers = &reply.headers;
    let malformed = |detail| Error::new(ErrorKind::Malformed, "read link").detail(detail);
    let content_range = ContentRange::of(headers);
    if !matches!(reply.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        let refusal = Refusal::from(status_error(reply.status, headers, known));
        let reason = match reply.status.as_u16() {
            401 | 403 | 404 | 410 => Reason::Stale,
            429 | 503 => Reason::Busy,
            _ => refusal.reason,
        };
        return Err(Refusal { reason, ..refusal });
    }
    if is_html(headers) {
        let error = Error::new(ErrorKind::Unavailable, "read link")
            .detail("HTML instead of media")
            .advise("the link has probably expired: ask for a new one");
        return Err(Refusal { error, reason: Reason::Stale });
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(malformed("a compressed body, although none was asked for").into());
    }
    let is_partial = reply.status == StatusCode::PARTIAL_CONTENT;
    let (start, end, size_bytes) = if is_partial {
        let content_range = content_range.ok_or_else(|| malformed("a part without a proper Content-Range"))?;
        let range = content_range.range.ok_or_else(|| malformed("a part without a range"))?;
        let is_what_was_asked = match wanted {
            Wanted::Part(part) => range.start == part.start,
            Wanted::From(start) => range.start == start,
            Wanted::Last(_) => content_range.size_bytes == Some(range.end),
        };
        if !is_what_was_asked {
            return Err(malformed("another part than the one asked for").into());
        }
        (range.start, Some(range.end), content_range.size_bytes)
    } else {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        (0, length, length)
    };
    if let Some(facts) = known {
        let is_other_size = size_bytes.is_some_and(|size| size != facts.size_bytes);
        if is_other_size || pinned.is_some_and(|pinned| pinned.is_contradicted_by(headers)) {
            return Err(changed().into());
        }
    }
    let validator = Validator::of(headers);
    Ok(Opened { start, end, size_bytes, validator, is_partial, rest: Bytes::new(), body: reply.body, connection: None })
}

/// Hosts say with a page that a link has ended, and call it a success.
fn is_html(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    [&b"text/html"[..], b"application/xhtml"]
        .iter()
        .any(|html| media_type.get(..html.len()).is_some_and(|start| start.eq_ignore_ascii_case(html)))
}

/// The first `len` bytes of a body, which must have as many.
async fn collect(mut body: ByteStream, len: u64) -> Result<Rope> {
    let mut rope = Rope::new();
    while rope.len() < len {
        let piece = body
            .next()
            .await
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "read link").detail("the body ended early"))??;
        rope.push(piece);
    }
    Ok(rope.slice(0, len))
}

fn slow_service() -> Error {
    Error::new(ErrorKind::TimedOut, "renew link").advise("the service is slow: try again in a moment")
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
