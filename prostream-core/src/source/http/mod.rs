//! A file behind an HTTP link.
//!
//! `link.rs` sends one range request and checks the reply, `reader.rs` reads a range in order and resumes, `open.rs` learns everything
//! about the file in one round trip, `parked.rs` keeps the reply that has more to give, `facts.rs` reads the headers that tell one file
//! from another, `address.rs` knows where the file lies now and how its ends look.

mod address;
mod facts;
mod link;
mod open;
mod parked;
mod reader;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use url::Url;

use self::address::Address;
use self::facts::Facts;
use self::link::Link;
use self::reader::RangeReader;
use super::{ByteSource, ByteStream, Connections, END_SIZE, Lease, LeasedLink, Run, SourceStats};
use crate::model::{ByteRange, ContentId, Extents, Rope};
use crate::net::HttpClient;
use crate::{Error, ErrorKind, Result};

/// A request for bytes further on costs a round trip: gaps up to this are read through instead (PACKAGING 5.6).
const READ_THROUGH_BYTES: u64 = 2 << 20;

/// How an HTTP source reads.
#[derive(Clone, Debug)]
pub struct HttpSourceConfig {
    /// Size of the first request, from the start of the file. Default: [`END_SIZE`].
    pub head_size: u64,
    /// Size of the second, from its end, sent at the same time. Default: [`END_SIZE`].
    pub tail_size: u64,
    /// Does the first request ask for all that follows too? Then a reader who goes on where it stands, within 10 s, needs no other: the rest of
    /// a long index and the first segment come with the same round trip. What is on its way when nobody does is lost. Default: yes.
    pub goes_on: bool,
}

impl Default for HttpSourceConfig {
    fn default() -> Self {
        Self { head_size: END_SIZE, tail_size: END_SIZE, goes_on: true }
    }
}

/// A file behind an HTTP link that answers ranges (RFC 9110 section 14).
///
/// At most two connections to a link are open at a time, however many sources read it, and one where the host grants no more. A connection
/// that breaks is resumed at the exact byte; a reply that shows another file is an error, never other bytes. Where redirects led to is
/// asked directly until it refuses; then the link itself is asked again, and after it the [`Lease`], if there is one. At a new place the
/// length and the tag of the file, or else both its ends, are compared before a byte is read there.
pub struct HttpSource {
    link: Arc<Link>,
    facts: Arc<Facts>,
    at_hand: Mutex<Arc<Extents>>,
    identity: String,
}

impl HttpSource {
    /// Opens a link: head and tail at once, so that the length, the validator and both ends are known after one round trip.
    ///
    /// A host that does not answer ranges serves files of up to 64 MiB, which are read whole. `headers` are sent to the host of `url`
    /// and to no other.
    ///
    /// # Errors
    /// `Forbidden` by the address policy or the host, `NotFound`, `Unauthorized`, `RateLimited`, `Unavailable` (also for HTML in place
    /// of media), `TimedOut`; `SourceChanged` when both requests met different files; `Malformed` for replies that contradict
    /// themselves; `Unsupported` when the host neither answers ranges nor gives a length; `InvalidInput` for a header that is none.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn open(
        client: &HttpClient,
        url: Url,
        headers: &[(String, String)],
        config: &HttpSourceConfig,
    ) -> Result<Self> {
        let link = LeasedLink { url, headers: headers.to_vec(), expires_at: None };
        let name = link.url.to_string();
        Self::open_at(client, link, None, &name, config).await
    }

    /// As [`open`](Self::open), for a link that can be had anew. `name` tells the file from every other for caches, whatever link leads to
    /// it: an info hash and a path, say.
    ///
    /// # Errors
    /// As [`open`](Self::open), and what [`Lease::renew`] answers; later reads fail with `SourceChanged` when a fresh link leads to another file.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn open_leased(
        client: &HttpClient,
        link: LeasedLink,
        lease: Arc<dyn Lease>,
        name: &str,
        config: &HttpSourceConfig,
    ) -> Result<Self> {
        Self::open_at(client, link, Some(lease), name, config).await
    }

    async fn open_at(
        client: &HttpClient,
        link: LeasedLink,
        lease: Option<Arc<dyn Lease>>,
        name: &str,
        config: &HttpSourceConfig,
    ) -> Result<Self> {
        let connections = Connections::of(&named("link", link.url.as_str()));
        let link = Arc::new(Link::new(client.clone(), Address::new(link)?, lease, connections));
        let (facts, at_hand) = open::open(&link, config).await?;
        let identity = identity(name, &facts);
        Ok(Self { link, facts: Arc::new(facts), at_hand: Mutex::new(Arc::new(at_hand)), identity })
    }

    /// What the host says to tell this state of the file from another: a strong entity tag, or a date of change.
    #[must_use]
    pub fn validator(&self) -> Option<String> {
        let value = self.facts.validator.as_ref()?.value().as_bytes();
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Names the content of the file, wherever it lies; `None` when opening brought too little of its ends along.
    #[must_use]
    pub fn content_id(&self) -> Option<ContentId> {
        self.link.ends()?.content_id()
    }

    /// Takes what opening brought along: from now on it is read again, unless a cache in front keeps it. What is whole stays: its host
    /// may not answer ranges.
    pub(crate) fn take_at_hand(&self) -> Extents {
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if at_hand.end_of_run(0) >= self.facts.size_bytes {
            return Extents::new();
        }
        Arc::unwrap_or_clone(std::mem::take(&mut *at_hand))
    }

    fn ends_at_hand(&self) -> Arc<Extents> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reader(&self, range: ByteRange) -> Result<Reader> {
        if range.end > self.facts.size_bytes {
            return Err(Error::new(ErrorKind::InvalidInput, "read link").detail("beyond the end"));
        }
        Ok(Reader {
            link: self.link.clone(),
            facts: self.facts.clone(),
            at_hand: self.ends_at_hand(),
            rest: range,
            pieces: Vec::new().into_iter(),
            upstream: None,
        })
    }
}

#[async_trait]
impl ByteSource for HttpSource {
    fn size_bytes(&self) -> u64 {
        self.facts.size_bytes
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        let mut reader = self.reader(range)?;
        let mut rope = Rope::new();
        while let Some(piece) = reader.next().await? {
            rope.push(piece);
        }
        Ok(rope)
    }

    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        match self.reader(range) {
            Ok(reader) => Box::pin(futures_util::stream::try_unfold(reader, |mut reader| async move {
                Ok(reader.next().await?.map(|piece| (piece, reader)))
            })),
            Err(error) => Box::pin(futures_util::stream::once(async { Err(error) })),
        }
    }

    fn at_hand(&self) -> Extents {
        Extents::clone(&self.ends_at_hand())
    }

    fn seek_cost_bytes(&self) -> u64 {
        READ_THROUGH_BYTES
    }

    fn connections(&self) -> Option<Arc<Connections>> {
        Some(self.link.connections().clone())
    }

    fn stats(&self) -> SourceStats {
        SourceStats {
            request_count: self.link.request_count.load(Ordering::Relaxed),
            read_bytes: self.link.read_bytes.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource")
            .field("link", &self.link)
            .field("size_bytes", &self.facts.size_bytes)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Reads a range from what is at hand and, between that, from the link.
struct Reader {
    link: Arc<Link>,
    facts: Arc<Facts>,
    at_hand: Arc<Extents>,
    /// What neither `pieces` nor `upstream` will give.
    rest: ByteRange,
    pieces: std::vec::IntoIter<Bytes>,
    upstream: Option<RangeReader>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(piece) = self.pieces.next() {
                return Ok(Some(piece));
            }
            if let Some(upstream) = &mut self.upstream {
                match upstream.next().await? {
                    Some(piece) => return Ok(Some(piece)),
                    None => self.upstream = None,
                }
            }
            if self.rest.is_empty() {
                return Ok(None);
            }
            let taken = match Run::first(&self.at_hand, self.rest) {
                Run::Have(rope) => {
                    let len = rope.len();
                    self.pieces = rope.into_pieces().into_iter();
                    len
                }
                Run::Miss(range) => {
                    self.upstream = Some(RangeReader::new(self.link.clone(), self.facts.clone(), range));
                    range.len()
                }
            };
            self.rest.start = self.rest.start.saturating_add(taken).min(self.rest.end);
        }
    }
}

/// Of the address, which may hold secrets and is therefore hashed, and of what pins the file.
fn identity(name: &str, facts: &Facts) -> String {
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update([0]);
    hash.update(facts.size_bytes.to_le_bytes());
    hash.update(facts.validator.as_ref().map(|validator| validator.value().as_bytes()).unwrap_or_default());
    super::named_by("http", hash)
}

/// A name of what may be a secret.
fn named(kind: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(text);
    super::named_by(kind, hash)
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap> {
    let invalid = || Error::new(ErrorKind::InvalidInput, "open link").detail("a header that cannot be sent");
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| invalid())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}
