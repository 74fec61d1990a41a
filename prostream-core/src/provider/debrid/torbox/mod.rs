//! TorBox, with a key of the user.
//!
//! It says what is cached before anything is added, and serves any address. Additions are few, 60 an hour and no more: what
//! the account holds already is looked up and not added again. Torrents that have to wait for a free slot stand in a queue of their own,
//! under numbers of their own, until they start.

mod device;
mod error;
mod wire;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use futures_util::future::try_join;
use serde::Deserialize;
use url::Url;

use super::known::{Known, Listing, Shared};
use super::sign_in::expires_in;
use super::{
    Account, Added, Cached, Capabilities, DebridService, Link, MAX_BATCH, RemoteFile, TorrentId, TorrentState,
    checked_key, throttle,
};
use crate::model::{InfoHash, ProviderId};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::indexer::{MAX_TORRENT_BYTES, TorrentLink};
use crate::provider::pace::Pace;
use crate::{Error, ErrorKind, Result};

pub use device::TorBoxSignIn;
use wire::{Held, Id};

/// Documented are 300 requests a minute for each endpoint, in older pages 5 a second: 2 at once and 3 a second stay below both, in whatever
/// second or minute. Source: support.torbox.app, "API Rate Limits".
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(3).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// Documented are 10 additions a minute: 6 at once and 4 a minute stay below.
const ADDS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(4).unwrap();
const ADDS_AT_ONCE: NonZeroU32 = NonZeroU32::new(6).unwrap();

/// Documented are 60 additions an hour: 20 after a pause and 40 an hour stay below.
const ADDS_PER_HOUR: NonZeroU32 = NonZeroU32::new(40).unwrap();
const ADDS_AFTER_A_PAUSE: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// How long an endpoint is not asked after a complaint of too many requests that does not say how long: its limits are counted by the minute.
/// A client that keeps five minutes is known; for who waits to watch that is an evening.
const PAUSE: Duration = Duration::from_secs(60);

/// Within which time a link has to be begun: the documentation says an hour in one place and three in another.
const LINK_LIFE: Duration = Duration::from_secs(3_600);

/// Most pages of an account's torrents that are read: 5 000 torrents.
const MAX_PAGES: u64 = 25;

/// Settings of [`TorBox`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorBoxConfig {
    /// Name of this instance. Default: `torbox`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// An API key of the account, from torbox.app/settings.
    pub key: Secret,
    /// Where the API is. Default: `https://api.torbox.app`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
}

impl TorBoxConfig {
    /// Where the API of the real service is.
    pub const BASE_URL: &str = "https://api.torbox.app";

    /// The real service, with this key.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, base_url: default_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("torbox")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    TorBoxConfig::BASE_URL.parse().unwrap()
}

/// One account at TorBox. All that use the account share one instance: it keeps the account's pace and knows what was there before.
#[derive(Debug)]
pub struct TorBox {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
    paces: Paces,
    holdings: Shared<Holdings>,
}

/// The service counts each endpoint by itself.
#[derive(Debug)]
struct Paces {
    account: Pace,
    cached: Pace,
    torrents: Pace,
    queue: Pace,
    links: Pace,
    control: Pace,
    adds_per_minute: Pace,
    adds_per_hour: Pace,
}

impl Paces {
    fn new(http: &HttpClient, endpoint: &wire::Endpoint) -> Self {
        let of = |pace: Pace, part: &str| pace.of_account(http, &endpoint.base_url, &endpoint.key, part);
        let general = |part: &str| of(Pace::new(RATE_PER_S, BURST), part);
        Self {
            account: general("account"),
            cached: general("cached"),
            torrents: general("torrents"),
            queue: general("queue"),
            links: general("links"),
            control: general("control"),
            adds_per_minute: of(Pace::per_minute(ADDS_PER_MINUTE, ADDS_AT_ONCE), "adds a minute"),
            adds_per_hour: of(Pace::per_hour(ADDS_PER_HOUR, ADDS_AFTER_A_PAUSE), "adds an hour"),
        }
    }
}

/// What the account holds: whose it is, and under which numbers.
#[derive(Debug, Default)]
struct Holdings {
    known: Known,
    torrents: Arc<HashMap<InfoHash, Held>>,
}

/// What the account held at one moment.
#[derive(Debug)]
struct Before {
    listing: Arc<Listing>,
    torrents: Arc<HashMap<InfoHash, Held>>,
}

/// What became of a torrent.
enum Found {
    Row(wire::TorrentRow),
    Queued,
    Gone,
}

const ADD: &str = "add torrent";
const READ: &str = "read torrents";
const FILES: &str = "list files";
const UNLOCK: &str = "unlock link";
const REMOVE: &str = "remove torrent";

impl TorBox {
    /// A service with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, or an address that is none of http or https.
    pub fn new(config: TorBoxConfig, http: HttpClient) -> Result<Self> {
        let TorBoxConfig { id, key, base_url } = config;
        let key = checked_key(&id, &key, &base_url, "make a key at torbox.app/settings")?;
        let endpoint = wire::Endpoint { base_url, key };
        let paces = Paces::new(&http, &endpoint);
        Ok(Self { id, endpoint, http, paces, holdings: Shared::default() })
    }

    /// Asks once, when all of `paces` let it pass. A complaint of too many requests stops all that use this endpoint for a while.
    async fn ask<T>(
        &self,
        call: &Call,
        operation: &'static str,
        paces: &[&Pace],
        request: Request,
        read: impl FnOnce(&Reply) -> Result<T> + Send,
    ) -> Result<T> {
        for pace in paces {
            pace.turn(call, operation).await?;
        }
        let reply = self.http.send(call, request).await?;
        let answer = read(&reply);
        throttle::heed(paces, PAUSE, &reply, answer)
    }

    /// With our name; every error that leaves this provider passes here.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    /// All torrents of the account, page by page.
    async fn list_torrents(&self, call: &Call) -> Result<Vec<wire::TorrentRow>> {
        let mut rows = Vec::new();
        for page in 0..MAX_PAGES {
            let request = self.endpoint.torrents(page.saturating_mul(wire::PAGE));
            let read = |reply: &Reply| self.endpoint.parse_torrents(reply);
            let found = self.ask(call, READ, &[&self.paces.torrents], request, read).await?;
            rows.extend(found.rows);
            if found.is_last {
                return Ok(rows);
            }
        }
        Err(Error::new(ErrorKind::LimitExceeded, READ).detail("the account holds too many torrents"))
    }

    async fn list_queue(&self, call: &Call) -> Result<Vec<wire::QueueRow>> {
        let read = |reply: &Reply| self.endpoint.parse_queue(reply);
        self.ask(call, READ, &[&self.paces.queue], self.endpoint.queue(), read).await
    }

    async fn read_holdings(&self, call: &Call) -> Result<HashMap<InfoHash, Held>> {
        let (torrents, queue) = try_join(self.list_torrents(call), self.list_queue(call)).await?;
        Ok(wire::held(&torrents, &queue))
    }

    /// What the account holds now, asked for once by all that add at the same time; `None` when it cannot be read.
    async fn before(&self, call: &Call) -> Option<Before> {
        let _turn = self.holdings.turn(call).await?;
        let now = Instant::now();
        let (last, begun) = {
            let holdings = self.holdings.now();
            let last = holdings.known.listing(now);
            (
                last.map(|listing| Before { listing, torrents: Arc::clone(&holdings.torrents) }),
                holdings.known.begin(now),
            )
        };
        if last.is_some() {
            return last;
        }
        match self.read_holdings(call).await {
            Ok(torrents) => {
                let listing = Listing {
                    ids: torrents.values().map(|held| held.torrent.clone()).collect(),
                    hashes: torrents.keys().copied().collect(),
                };
                let torrents = Arc::new(torrents);
                let mut holdings = self.holdings.now();
                holdings.torrents = Arc::clone(&torrents);
                Some(Before { listing: holdings.known.listed(begun, listing), torrents })
            }
            Err(error) => {
                tracing::debug!(provider = %self.id, %error, "what the account holds cannot be read: what is added counts as the user's");
                None
            }
        }
    }

    async fn add_torrent(&self, call: &Call, torrent: &TorrentLink) -> Result<Added> {
        if let TorrentLink::File { bytes, .. } = torrent
            && bytes.len() as u64 > MAX_TORRENT_BYTES
        {
            return Err(Error::new(ErrorKind::LimitExceeded, ADD).detail("the torrent file is too large"));
        }
        let hash = torrent.info_hash();
        let there = |held: &Held| Added { torrent: held.torrent.clone(), was_known: true, is_ready: held.is_ready };
        let before = self.before(call).await;
        // One that failed is worth an addition: the service may fetch it anew.
        let held = before.as_ref().and_then(|before| before.torrents.get(&hash)).filter(|held| !held.has_failed);
        if let Some(held) = held {
            return Ok(there(held));
        }
        let paces = [&self.paces.adds_per_minute, &self.paces.adds_per_hour];
        let read = |reply: &Reply| self.endpoint.parse_add(reply, hash);
        let (torrent, is_ready) = match self.ask(call, ADD, &paces, self.endpoint.add(torrent), read).await? {
            wire::Created::New { torrent, is_ready } => (torrent, is_ready),
            wire::Created::Duplicate(error) => {
                return self.read_holdings(call).await?.get(&hash).map(there).ok_or(error);
            }
        };
        let listing = before.as_ref().map(|before| &*before.listing);
        let was_known = self.holdings.now().known.was_there(Instant::now(), listing, &torrent, hash);
        Ok(Added { torrent, was_known, is_ready })
    }

    /// Looks for one torrent. One of the queue may have started, under a new number.
    async fn find(&self, call: &Call, torrent: &TorrentId) -> Result<Found> {
        let row = match Id::of(torrent) {
            None => None,
            Some(Id::Torrent(id)) => {
                let read = |reply: &Reply| self.endpoint.parse_torrents(reply);
                let found = self.ask(call, READ, &[&self.paces.torrents], self.endpoint.torrent(id), read).await?;
                found.rows.into_iter().find(|row| row.id() == Some(id))
            }
            Some(Id::Queued { id, hash }) => {
                // In this order: what starts in between is seen in one of the two.
                if self.list_queue(call).await?.iter().any(|row| row.id() == Some(id)) {
                    return Ok(Found::Queued);
                }
                self.list_torrents(call).await?.into_iter().find(|row| row.hash() == Some(hash))
            }
        };
        Ok(row.map_or(Found::Gone, Found::Row))
    }

    async fn read_status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        if let [torrent] = torrents {
            return Ok(vec![match self.find(call, torrent).await? {
                Found::Row(row) => row.state(),
                Found::Queued => wire::queued(),
                Found::Gone => wire::gone(),
            }]);
        }
        let ids: Vec<Option<Id>> = torrents.iter().map(Id::of).collect();
        let is_any = |is: fn(&Id) -> bool| ids.iter().flatten().any(is);
        let queue =
            if is_any(|id| matches!(id, Id::Queued { .. })) { self.list_queue(call).await? } else { Vec::new() };
        let rows = if is_any(|_| true) { self.list_torrents(call).await? } else { Vec::new() };
        Ok(wire::states(&rows, &queue, &ids))
    }

    async fn list_files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>> {
        let fetching =
            || Error::new(ErrorKind::NotCached, FILES).advise("TorBox is still fetching it; try again in a while");
        let row = match self.find(call, torrent).await? {
            Found::Row(row) => row,
            Found::Queued => return Err(fetching()),
            Found::Gone => {
                return Err(Error::new(ErrorKind::NotFound, FILES)
                    .detail("it is no longer at the service")
                    .advise("open the release again"));
            }
        };
        match row.state() {
            TorrentState::Ready => row.files(),
            TorrentState::Preparing { .. } => Err(fetching()),
            TorrentState::Failed { reason } => {
                Err(Error::new(ErrorKind::NotFound, FILES).detail(reason).advise("choose another release"))
            }
        }
    }

    async fn unlock_file(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        let Some((torrent, id)) = wire::read_handle(&file.handle) else {
            return Err(Error::new(ErrorKind::NotFound, UNLOCK).detail("the file is none of this service"));
        };
        let request = self.endpoint.link(torrent, id, call.viewer_address);
        let read = |reply: &Reply| self.endpoint.parse_link(reply);
        let url = self.ask(call, UNLOCK, &[&self.paces.links], request, read).await?;
        let name = file.entry.path.rsplit('/').next().filter(|name| !name.is_empty());
        Ok(Link {
            url,
            expires_at: Some(expires_in(LINK_LIFE)),
            headers: Vec::new(),
            size_bytes: Some(file.entry.size_bytes).filter(|size| *size > 0),
            file_name: name.map(str::to_owned),
        })
    }

    /// False when there was nothing to delete.
    async fn control(&self, call: &Call, request: Request) -> Result<bool> {
        let read = |reply: &Reply| self.endpoint.parse_control(reply);
        self.ask(call, REMOVE, &[&self.paces.control], request, read).await
    }

    async fn delete(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        match Id::of(torrent) {
            None => return Ok(()),
            Some(Id::Torrent(id)) => {
                self.control(call, self.endpoint.delete(id)).await?;
            }
            Some(Id::Queued { id, .. }) => {
                let is_deleted = self.control(call, self.endpoint.delete_queued(id)).await?;
                // It may have started since.
                if !is_deleted
                    && let Found::Row(row) = self.find(call, torrent).await?
                    && let Some(id) = row.id()
                {
                    self.control(call, self.endpoint.delete(id)).await?;
                }
            }
        }
        self.holdings.now().known.removed(torrent);
        Ok(())
    }
}

#[async_trait]
impl DebridService for TorBox {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_cached_check().with_torrent_files().with_viewer_address()
    }

    async fn account(&self, call: &Call) -> Result<Account> {
        let read = |reply: &Reply| self.endpoint.parse_account(reply, SystemTime::now());
        self.named(self.ask(call, "read account", &[&self.paces.account], self.endpoint.user(), read).await)
    }

    /// The service may answer from what it knew up to an hour ago.
    async fn check_cached(&self, call: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>> {
        const OPERATION: &str = "check cached";
        let answer = async {
            let mut answer = Vec::with_capacity(hashes.len());
            for batch in hashes.chunks(MAX_BATCH) {
                let request = self.endpoint.check_cached(batch);
                let read = |reply: &Reply| self.endpoint.parse_cached(reply);
                let found = self.ask(call, OPERATION, &[&self.paces.cached], request, read).await?;
                answer.extend(batch.iter().map(|hash| if found.contains(hash) { Cached::Yes } else { Cached::No }));
            }
            Ok(answer)
        };
        self.named(answer.await)
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
