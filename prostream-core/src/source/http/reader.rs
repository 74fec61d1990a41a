use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::facts::Facts;
use super::link::{Link, MAX_ASKED_WAIT, Opened, Wanted};
use crate::model::ByteRange;
use crate::net::retry::backoff;
use crate::{Error, ErrorKind, Result};

/// Most tries in a row that serve no byte: the first of a range and its resumptions alike.
const MAX_FRUITLESS: u32 = 3;
/// Connections that any range may take, beside one for each [`BYTES_PER_CONNECTION`] that came: a host that serves a byte at a time
/// ends, one that caps its parts goes on.
const FREE_CONNECTIONS: u64 = 32;
/// See [`FREE_CONNECTIONS`].
const BYTES_PER_CONNECTION: u64 = 64 * 1024;

/// Reads one range in order, from one connection, and goes on at the exact byte when that one breaks.
pub(super) struct RangeReader {
    link: Arc<Link>,
    facts: Arc<Facts>,
    range: ByteRange,
    at: u64,
    opened: Option<Opened>,
    /// `opened` rested before this reader came, and has given it nothing yet.
    is_parked: bool,
    fruitless: u32,
    connects: u64,
}

impl RangeReader {
    /// `range` lies within the file.
    pub(super) fn new(link: Arc<Link>, facts: Arc<Facts>, range: ByteRange) -> Self {
        Self { link, facts, range, at: range.start, opened: None, is_parked: false, fruitless: 0, connects: 0 }
    }

    /// The next bytes; `None` at the end of the range, and only there.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.at < self.range.end {
            let began = Instant::now();
            let failure = match self.read().await {
                Ok(piece) => {
                    self.is_parked = false;
                    self.fruitless = 0;
                    self.at = self.at.saturating_add(piece.len() as u64);
                    self.link.count(piece.len());
                    // At once: who has all that he wanted does not ask again.
                    if let Some(opened) = self.opened.take_if(|_| self.at >= self.range.end) {
                        self.link.park(self.at, opened);
                    }
                    return Ok(Some(piece));
                }
                Err(error) => error,
            };
            self.opened = None;
            // A reply that rested may have been given up by its host: that says nothing of the next.
            if !std::mem::take(&mut self.is_parked) {
                self.link.failed(began, &failure);
                self.wait_after(failure).await?;
            }
        }
        Ok(None)
    }

    /// One piece, cut at the end of the range; never empty.
    async fn read(&mut self) -> Result<Bytes> {
        if self.opened.is_none() {
            self.opened = self.link.parked().take(self.at);
            self.is_parked = self.opened.is_some();
        }
        let opened = match &mut self.opened {
            Some(opened) => opened,
            None => {
                self.connects = self.connects.saturating_add(1);
                let rest = ByteRange::new(self.at, self.range.end);
                let opened = self.link.open(Wanted::Part(rest), Some(&self.facts)).await?;
                if !opened.is_partial && self.at > 0 {
                    return Err(no_ranges());
                }
                self.opened.insert(opened)
            }
        };
        let end = opened.end.unwrap_or(u64::MAX).min(self.range.end);
        let left = end.saturating_sub(self.at);
        // At 0 the connection served what it promised, and that is not all: ask for the rest.
        if left > 0
            && let Some(piece) = opened.next(left).await
        {
            return piece;
        }
        Err(Error::new(ErrorKind::Unavailable, "read link").detail("the body ended early"))
    }

    /// Decides whether a failure is worth another try and waits as long as it takes; the failure itself when not.
    async fn wait_after(&mut self, failure: Error) -> Result<()> {
        self.fruitless = self.fruitless.saturating_add(1);
        let earned = self.at.saturating_sub(self.range.start) / BYTES_PER_CONNECTION;
        let may_try = failure.kind().is_transient()
            && self.fruitless <= MAX_FRUITLESS
            && self.connects <= FREE_CONNECTIONS.saturating_add(earned);
        let asked = failure.retry_after().unwrap_or_default();
        if !may_try || asked > MAX_ASKED_WAIT {
            return Err(failure);
        }
        tracing::debug!(at = self.at, fruitless = self.fruitless, kind = failure.kind().code(), "link is resumed");
        // The first resumption after bytes came goes at once: a cut connection is not a host that is down.
        let is_first = self.fruitless == 1 && failure.kind() == ErrorKind::Unavailable && self.at > self.range.start;
        let own = if is_first { Duration::ZERO } else { backoff(self.fruitless.saturating_sub(1)) };
        tokio::time::sleep(own.max(asked)).await;
        Ok(())
    }
}

pub(super) fn no_ranges() -> Error {
    Error::new(ErrorKind::Unsupported, "read link")
        .detail("the host does not answer ranges")
        .advise("choose another release or service: this host sends whole files only")
}
