//! AllDebrid, with a key of the user.
//!
//! It has no way to ask whether a torrent is cached but to add it; where this server stands decides whether it serves at all: addresses of
//! data centres and VPNs are refused, which is shown and never worked around.

mod error;
mod pin;
mod tree;
mod wire;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join;
use http::StatusCode;
use serde::Deserialize;
use url::Url;

use super::known::{Known, Listing, Shared};
use super::{
    Account, Added, Cached, Capabilities, DebridService, Link, RemoteFile, TorrentId, TorrentState, checked_key,
    throttle,
};
use crate::model::{InfoHash, ProviderId};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::indexer::{MAX_TORRENT_BYTES, TorrentLink};
use crate::provider::pace::Pace;
use crate::{Error, ErrorKind, Result};

pub use pin::AllDebridSignIn;

/// Documented are 12 requests a second and 600 a minute: 3 at once and 8 a second stay below both, in whatever second or minute.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(8).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// How long nothing is asked after a complaint of too many requests that does not say how long. Which of the two limits was passed it does not
/// say either: for that of a second this is long, and for that of a minute a request each quarter of one is asked in vain.
const PAUSE: Duration = Duration::from_secs(15);

/// How often a delayed link may be looked at. Source: docs.alldebrid.com, "Delayed links" (every 5 seconds or more).
const DELAYED_POLL: Duration = Duration::from_secs(5);

/// No link of any hoster (RFC 2606): what is answered to it tells of whoever asks.
const NO_LINK: &str = "https://check-up.invalid/";

/// Settings of [`AllDebrid`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllDebridConfig {
    /// Name of this instance. Default: `alldebrid`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// An API key of the account, from alldebrid.com/apikeys.
    pub key: Secret,
    /// Where the API is. Default: `https://api.alldebrid.com`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
}

impl AllDebridConfig {
    /// Where the API of the real service is.
    pub const BASE_URL: &str = "https://api.alldebrid.com";

    /// The real service, with this key.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, base_url: default_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("alldebrid")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    AllDebridConfig::BASE_URL.parse().unwrap()
}

/// One account at AllDebrid. All that use the account share one instance: it keeps the account's pace and knows what was there before.
#[derive(Debug)]
pub struct AllDebrid {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
    pace: Pace,
    known: Shared<Known>,
}

impl AllDebrid {
    /// A service with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, or an address that is none of http or https.
    pub fn new(config: AllDebridConfig, http: HttpClient) -> Result<Self> {
        let AllDebridConfig { id, key, base_url } = config;
        let key = checked_key(&id, &key, &base_url, "make a key at alldebrid.com/apikeys")?;
        let endpoint = wire::Endpoint { base_url, key };
        let pace = Pace::new(RATE_PER_S, BURST).of_account(&http, &endpoint.base_url, &endpoint.key, "");
        Ok(Self { id, endpoint, http, pace, known: Shared::default() })
    }

    /// Asks once, in turn. A complaint of too many requests stops all that use this account for a while; a torrent that has to wait, which is
    /// told among others, stops nothing.
    async fn ask<T>(
        &self,
        call: &Call,
        operation: &'static str,
        request: Request,
        read: impl FnOnce(&Reply) -> Result<T> + Send,
    ) -> Result<T> {
        self.pace.turn(call, operation).await?;
        let reply = self.http.send(call, request).await?;
        let answer = read(&reply);
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            throttle::heed(&[&self.pace], PAUSE, &reply, answer)
        } else {
            answer
        }
    }

    /// With our name; every error that leaves this provider passes here.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    /// What the account holds now, asked for once by all that add at the same time; `None` when it cannot be read.
    ///
    /// # Errors
    /// `RateLimited`: the addition would be one more request that is too many.
    async fn listing(&self, call: &Call) -> Result<Option<Arc<Listing>>> {
        let Some(_turn) = self.known.turn(call).await else { return Ok(None) };
        let now = Instant::now();
        let (last, begun) = {
            let known = self.known.now();
            (known.listing(now), known.begin(now))
        };
        if let Some(listing) = last {
            return Ok(Some(listing));
        }
        let request = self.endpoint.status(None);
        match self.ask(call, "read torrents", request, |reply| self.endpoint.parse_status(reply)).await {
            Ok(rows) => Ok(Some(self.known.now().listed(begun, wire::listing(&rows)))),
            Err(error) if error.kind() == ErrorKind::RateLimited => Err(error),
            Err(error) => {
                tracing::debug!(provider = %self.id, %error, "what the account holds cannot be read: what is added counts as the user's");
                Ok(None)
            }
        }
    }

    async fn add_torrent(&self, call: &Call, torrent: &TorrentLink) -> Result<Added> {
        if let TorrentLink::File { bytes, .. } = torrent
            && bytes.len() as u64 > MAX_TORRENT_BYTES
        {
            return Err(Error::new(ErrorKind::LimitExceeded, "add torrent").detail("the torrent file is too large"));
        }
        let hash = torrent.info_hash();
        let before = self.listing(call).await?;
        let read = |reply: &Reply| self.endpoint.parse_upload(reply, hash);
        let wire::Uploaded { id, is_ready } =
            self.ask(call, "add torrent", self.endpoint.upload(torrent), read).await?;
        let torrent = TorrentId(id.to_string());
        let was_known = self.known.now().was_there(Instant::now(), before.as_deref(), &torrent, hash);
        Ok(Added { torrent, was_known, is_ready })
    }

    async fn read_status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        let single = match torrents {
            [] => return Ok(Vec::new()),
            [torrent] => match wire::number(torrent) {
                Some(id) => Some(id),
                None => return Ok(vec![wire::gone()]),
            },
            _ => None,
        };
        let request = self.endpoint.status(single);
        match self.ask(call, "read torrents", request, |reply| self.endpoint.parse_status(reply)).await {
            Ok(rows) => Ok(wire::states(&rows, torrents)),
            Err(error) if error.kind() == ErrorKind::NotFound && single.is_some() => Ok(vec![wire::gone()]),
            Err(error) => Err(error),
        }
    }

    async fn list_files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>> {
        const OPERATION: &str = "list files";
        let gone = || {
            Error::new(ErrorKind::NotFound, OPERATION)
                .detail("it is no longer at the service")
                .advise("open the release again")
        };
        let id = wire::number(torrent).ok_or_else(gone)?;
        let read = |reply: &Reply| self.endpoint.parse_files(reply);
        let files = tree::flatten(self.ask(call, OPERATION, self.endpoint.files(id), read).await?)?;
        if !files.is_empty() {
            return Ok(files);
        }
        // A torrent that is not ready has no files yet, and the reply does not say which of the two it is.
        match self.read_status(call, std::slice::from_ref(torrent)).await?.pop() {
            Some(TorrentState::Ready) => Err(Error::new(ErrorKind::NotFound, OPERATION)
                .detail("the torrent has no files")
                .advise("choose another release")),
            Some(TorrentState::Preparing { .. }) => Err(Error::new(ErrorKind::NotCached, OPERATION)
                .advise("AllDebrid is still fetching it; try again in a while")),
            Some(TorrentState::Failed { .. }) | None => Err(gone()),
        }
    }

    async fn unlock_file(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        let read = |reply: &Reply| self.endpoint.parse_unlock(reply);
        let (id, about) = match self.ask(call, OPERATION, self.endpoint.unlock(&file.handle), read).await? {
            wire::Unlocked::Link(link) => return Ok(link),
            wire::Unlocked::Delayed { id, about } => (id, about),
        };
        let mut wait = DELAYED_POLL;
        loop {
            if wait >= call.remaining() {
                return Err(Error::new(ErrorKind::NotCached, OPERATION)
                    .detail("the service still prepares the link")
                    .advise("AllDebrid is still fetching it; try again in a while")
                    .after(wait));
            }
            tokio::time::sleep(DELAYED_POLL).await;
            let read = |reply: &Reply| self.endpoint.parse_delayed(reply, &about);
            match self.ask(call, OPERATION, self.endpoint.delayed(id), read).await? {
                wire::Delayed::Ready(link) => return Ok(link),
                wire::Delayed::Wait(left) => wait = left.max(DELAYED_POLL),
            }
        }
    }

    async fn delete(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        const OPERATION: &str = "remove torrent";
        let Some(id) = wire::number(torrent) else { return Ok(()) };
        let read = |reply: &Reply| self.endpoint.open::<serde_json::Value>(reply, OPERATION);
        match self.ask(call, OPERATION, self.endpoint.delete(id), read).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.known.now().removed(torrent);
        Ok(())
    }
}

#[async_trait]
impl DebridService for AllDebrid {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_torrent_files()
    }

    async fn account(&self, call: &Call) -> Result<Account> {
        let read = |reply: &Reply| self.endpoint.parse_account(reply);
        self.named(self.ask(call, "read account", self.endpoint.user(), read).await)
    }

    /// The account says nothing of this server's address, which is refused only where links are unlocked: an unlock of what is no link of
    /// any hoster brings the refusal, and nothing else. Every other complaint about that link is no news.
    async fn check_up(&self, call: &Call) -> Result<Account> {
        let read = |reply: &Reply| self.endpoint.open::<serde_json::Value>(reply, "check up");
        let place = self.ask(call, "check up", self.endpoint.unlock(&Secret::new(NO_LINK)), read);
        let (account, place) = join(self.account(call), place).await;
        match self.named(place) {
            Err(refusal) if refusal.kind() == ErrorKind::AddressRefused => account.and(Err(refusal)),
            _ => account,
        }
    }

    /// `Unknown` for all: the service has had no such question since the end of 2024.
    async fn check_cached(&self, _call: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>> {
        Ok(vec![Cached::Unknown; hashes.len()])
    }

    async fn add(&self, call: &Call, torrent: &TorrentLink) -> Result<Added> {
        self.named(self.add_torrent(call, torrent).await)
    }

    async fn status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        self.named(self.read_status(call, torrents).await)
    }

    async fn files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>> {
        self.named(self.list_files(call, torrent).await)
    }

    async fn unlock(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        self.named(self.unlock_file(call, file).await)
    }

    async fn remove(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        self.named(self.delete(call, torrent).await)
    }
}
