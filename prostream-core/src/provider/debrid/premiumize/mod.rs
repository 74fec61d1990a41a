//! Premiumize, with a key of the user.
//!
//! It answers what is cached, and serves that by the magnet alone: nothing is added and nothing has to be removed. What is not cached is
//! fetched by a transfer into the user's cloud; what lies there already is the user's.

mod device;
mod error;
mod wire;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use futures_util::future::join;
use serde::Deserialize;
use url::Url;

use super::known::{Known, Listing, Shared};
use super::{
    Account, Added, Cached, Capabilities, DebridService, Link, MAX_FILES, RemoteFile, TorrentId, TorrentState,
    checked_key, path, throttle,
};
use crate::model::{InfoHash, ProviderId};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::indexer::TorrentLink;
use crate::provider::pace::Pace;
use crate::{Error, ErrorKind, Result};

pub use device::PremiumizeSignIn;

/// No limit is published; this is far below what its own page asks for, and enough for the few requests that a film takes.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(5).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Most folders of a fetched torrent that are looked into; each is a request of its own.
const MAX_FOLDERS: usize = 50;

/// Settings of [`Premiumize`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PremiumizeConfig {
    /// Name of this instance. Default: `premiumize`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// The API key of the account, from premiumize.me/account, or a key that was granted by [`PremiumizeSignIn`].
    pub key: Secret,
    /// Where the service is; the API lies below `/api` there. Default: `https://www.premiumize.me`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
}

impl PremiumizeConfig {
    /// Where the real service is. Without `www.` it only redirects.
    pub const BASE_URL: &str = "https://www.premiumize.me";

    /// The real service, with this key.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, base_url: default_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("premiumize")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    PremiumizeConfig::BASE_URL.parse().unwrap()
}

/// One account at Premiumize. All that use the account share one instance: it keeps the account's pace and knows what was there before.
#[derive(Debug)]
pub struct Premiumize {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
    pace: Pace,
    known: Shared<Known>,
}

/// A torrent that the service fetches.
#[derive(Debug)]
struct Fetched {
    /// The service's number of the transfer.
    transfer: TorrentId,
    is_ready: bool,
    /// It was there before it was asked for.
    was_there: bool,
}

impl Premiumize {
    /// A service with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, or an address that is none of http or https.
    pub fn new(config: PremiumizeConfig, http: HttpClient) -> Result<Self> {
        let PremiumizeConfig { id, key, base_url } = config;
        let key = checked_key(&id, &key, &base_url, "the key stands at premiumize.me/account")?;
        let endpoint = wire::Endpoint { base_url, key };
        let pace = Pace::new(RATE_PER_S, BURST).of_account(&http, &endpoint.base_url, &endpoint.key, "");
        Ok(Self { id, endpoint, http, pace, known: Shared::default() })
    }

    /// Asks once, in turn. A complaint of too many requests stops all that use this account for a while.
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
        throttle::heed(&[&self.pace], wire::PAUSE, &reply, answer)
    }

    /// With our name; every error that leaves this provider passes here.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    async fn transfers(&self, call: &Call) -> Result<Vec<wire::Transfer>> {
        let read = |reply: &Reply| self.endpoint.parse_transfers(reply);
        self.ask(call, "read torrents", self.endpoint.transfers(), read).await
    }

    /// What the account holds now, asked for once by all that add at the same time; `None` when it cannot be read.
    async fn listing(&self, call: &Call) -> Option<Arc<Listing>> {
        let _turn = self.known.turn(call).await?;
        let now = Instant::now();
        let (last, begun) = {
            let known = self.known.now();
            (known.listing(now), known.begin(now))
        };
        if let Some(listing) = last {
            return Some(listing);
        }
        match self.transfers(call).await {
            Ok(rows) => Some(self.known.now().listed(begun, wire::listing(&rows))),
            Err(error) => {
                tracing::debug!(provider = %self.id, %error, "what the account holds cannot be read: what is added counts as the user's");
                None
            }
        }
    }

    async fn ask_cache(&self, call: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>> {
        let mut answers = Vec::with_capacity(hashes.len());
        for batch in hashes.chunks(wire::MAX_ITEMS) {
            let read = |reply: &Reply| self.endpoint.parse_cached(reply, batch.len());
            answers.extend(self.ask(call, "ask the cache", self.endpoint.check_cached(batch), read).await?);
        }
        Ok(answers)
    }

    /// The files of a cached torrent with fresh links.
    async fn direct(&self, call: &Call, hash: InfoHash, operation: &'static str) -> Result<Vec<wire::Item>> {
        let read = |reply: &Reply| self.endpoint.parse_direct(reply, operation);
        self.ask(call, operation, self.endpoint.direct(hash), read).await
    }

    /// Can the torrent be unlocked now? Asked where plan, points and the torrent itself are looked at, not only the cache.
    async fn is_served(&self, call: &Call, hash: InfoHash) -> Result<bool> {
        let error = match self.direct(call, hash, "add torrent").await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::NotCached => Ok(false),
            // What it says of a torrent that is not cached is not documented: the cache itself decides what unknown words mean.
            ErrorKind::Unavailable | ErrorKind::NotFound => match self.ask_cache(call, &[hash]).await {
                Ok(answers) if answers == [Cached::No] => Ok(false),
                _ => Err(error),
            },
            _ => Err(error),
        }
    }

    /// The transfer of a torrent that goes on or is finished, where the account has one and it tells its hash.
    async fn transfer_of(&self, call: &Call, hash: InfoHash) -> Result<Option<Fetched>> {
        let rows = self.transfers(call).await?;
        let mut alive = rows.into_iter().filter(|row| row.hash() == Some(hash) && row.is_alive());
        Ok(alive.find_map(|row| {
            let is_ready = row.state() == TorrentState::Ready;
            Some(Fetched { transfer: TorrentId(row.id?), is_ready, was_there: true })
        }))
    }

    async fn add_torrent(&self, call: &Call, torrent: &TorrentLink) -> Result<Added> {
        torrent.check_file().map_err(wire::bad_torrent)?;
        let hash = torrent.info_hash();
        let (before, is_served) = join(self.listing(call), self.is_served(call, hash)).await;
        let (before, is_served) = (before.as_deref(), is_served?);
        let mut there = None;
        if before.is_some_and(|before| before.hashes.contains(&hash)) {
            there = self.transfer_of(call, hash).await?;
        }
        if there.is_none() && is_served {
            let id = wire::cached_id(hash);
            let was_known = self.known.now().was_there(Instant::now(), before, &id, hash);
            return Ok(Added { torrent: id, was_known, is_ready: true });
        }
        let Fetched { transfer, is_ready, was_there } = match there {
            Some(there) => there,
            None => self.create(call, torrent).await?,
        };
        // A transfer is known by the service's number of it alone: not every one tells its hash.
        let mut known = self.known.now();
        let was_known = known.was_there(Instant::now(), before, &transfer, hash) || was_there;
        if !was_there {
            // Once it is fetched it is served like any cached torrent: the next listing tells that a transfer stands behind it.
            known.outdate();
        }
        Ok(Added { torrent: wire::transfer_id(hash, &transfer.0), was_known, is_ready: is_ready || is_served })
    }

    /// A new transfer, or the one that the service says is there already.
    async fn create(&self, call: &Call, torrent: &TorrentLink) -> Result<Fetched> {
        let read = |reply: &Reply| self.endpoint.parse_created(reply);
        match self.ask(call, "add torrent", self.endpoint.create(torrent), read).await {
            Ok(id) => Ok(Fetched { transfer: TorrentId(id), is_ready: false, was_there: false }),
            Err(error) if error.kind() == ErrorKind::NotCached => {
                self.transfer_of(call, torrent.info_hash()).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn read_status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        let held: Vec<wire::Held<'_>> = torrents.iter().map(wire::Held::read).collect();
        let rows =
            if held.iter().any(|held| held.transfer.is_some()) { self.transfers(call).await? } else { Vec::new() };
        let by_id: HashMap<&str, &wire::Transfer> =
            rows.iter().filter_map(|row| Some((row.id.as_deref()?, row))).collect();
        let state = |held: &wire::Held<'_>| Some(by_id.get(held.transfer?)?.state());
        let states: Vec<Option<TorrentState>> = held.iter().map(state).collect();
        // What no transfer tells of may still lie in the cache: a user can clear the list of finished ones.
        let open = held.iter().zip(&states).filter(|(_, state)| state.is_none());
        let asked: Vec<InfoHash> = open.filter_map(|(held, _)| held.hash).collect();
        let mut answers = self.ask_cache(call, &asked).await?.into_iter();
        let told = held.iter().zip(states).map(|(held, state)| match (state, held.hash) {
            (Some(state), _) => state,
            (None, Some(_)) => match answers.next() {
                Some(Cached::Yes) => TorrentState::Ready,
                Some(Cached::Unknown) => TorrentState::Preparing { progress: None, speed_bytes_per_s: None },
                Some(Cached::No) | None => wire::gone(),
            },
            (None, None) => wire::gone(),
        });
        Ok(told.collect())
    }

    async fn list_files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>> {
        const OPERATION: &str = "list files";
        let held = wire::Held::read(torrent);
        let not_served = match held.hash {
            Some(hash) => match self.direct(call, hash, OPERATION).await {
                Ok(items) => return Ok(wire::cached_files(hash, &items)),
                Err(error) => error,
            },
            None => wire::gone_error(OPERATION),
        };
        // What is no longer cached may still lie in the user's cloud, where the transfer has put it.
        let is_elsewhere =
            matches!(not_served.kind(), ErrorKind::NotCached | ErrorKind::NotFound | ErrorKind::Unavailable);
        let Some(id) = held.transfer.filter(|_| is_elsewhere) else { return Err(not_served) };
        let rows = self.transfers(call).await?;
        let Some(row) = rows.iter().find(|row| row.id.as_deref() == Some(id)) else {
            return Err(wire::gone_error(OPERATION));
        };
        row.check_ready()?;
        match row.made() {
            Some(wire::Made::File(id)) => {
                let read = |reply: &Reply| self.endpoint.parse_item(reply, OPERATION);
                let item = self.ask(call, OPERATION, self.endpoint.item(id), read).await?;
                Ok(vec![wire::cloud_file(id, path::join("", &item.path), item.size)])
            }
            Some(wire::Made::Folder(id)) => self.walk(call, OPERATION, id).await,
            None => Err(not_served),
        }
    }

    /// The files below a folder of the user's cloud, folder by folder.
    async fn walk(&self, call: &Call, operation: &'static str, root: &str) -> Result<Vec<RemoteFile>> {
        let mut files = Vec::new();
        let mut open: Vec<(Option<String>, String)> = vec![(None, root.to_owned())];
        let mut folder_count = 0usize;
        while let Some((at, id)) = open.pop() {
            folder_count = folder_count.saturating_add(1);
            if folder_count > MAX_FOLDERS {
                return Err(Error::new(ErrorKind::LimitExceeded, operation).detail("the torrent has too many folders"));
            }
            let read = |reply: &Reply| self.endpoint.parse_folder(reply);
            let folder = self.ask(call, operation, self.endpoint.folder(&id), read).await?;
            let at = at.unwrap_or_else(|| path::join("", folder.name.as_deref().unwrap_or_default()));
            for entry in folder.content {
                let Some(id) = entry.id.as_deref().filter(|id| !id.is_empty()) else { continue };
                let path = path::join(&at, entry.name.as_deref().unwrap_or_default());
                if entry.is_folder() {
                    open.push((Some(path), id.to_owned()));
                } else if files.len() >= MAX_FILES {
                    return Err(wire::too_many_files());
                } else {
                    files.push(wire::cloud_file(id, path, entry.size));
                }
            }
        }
        Ok(files)
    }

    async fn unlock_file(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        match wire::Handle::read(&file.handle) {
            Some(wire::Handle::Cached(hash, path)) => {
                wire::find(&self.direct(call, hash, OPERATION).await?, path)?.link()
            }
            Some(wire::Handle::Cloud(id)) => {
                let read = |reply: &Reply| self.endpoint.parse_item(reply, OPERATION);
                self.ask(call, OPERATION, self.endpoint.item(id), read).await?.link()
            }
            None => Err(Error::new(ErrorKind::InvalidInput, OPERATION).detail("the file is none of this service")),
        }
    }

    /// Removes a transfer and what it made; of a cached torrent there is nothing to remove.
    async fn delete(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        let Some(id) = wire::Held::read(torrent).transfer else {
            self.known.now().removed(torrent);
            return Ok(());
        };
        let rows = self.transfers(call).await?;
        if let Some(row) = rows.iter().find(|row| row.id.as_deref() == Some(id)) {
            // What it made goes first: as long as the transfer is there, another try finds the rest.
            match row.made() {
                Some(wire::Made::File(id)) => self.tell(call, self.endpoint.delete_item(id)).await?,
                Some(wire::Made::Folder(id)) if self.is_its_own(call, row, id).await? => {
                    self.tell(call, self.endpoint.delete_folder(id)).await?;
                }
                _ => {}
            }
            self.tell(call, self.endpoint.delete_transfer(id)).await?;
        }
        self.known.now().removed(&TorrentId(id.to_owned()));
        Ok(())
    }

    /// Was the folder made by the transfer? Then it bears its name; any other may hold what the user had before.
    async fn is_its_own(&self, call: &Call, row: &wire::Transfer, folder: &str) -> Result<bool> {
        let read = |reply: &Reply| self.endpoint.parse_folder(reply);
        match self.ask(call, "remove torrent", self.endpoint.folder(folder), read).await {
            Ok(folder) => Ok(folder.name.is_some_and(|name| !name.is_empty() && Some(&name) == row.name.as_ref())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Says what to remove; what is gone already is well.
    async fn tell(&self, call: &Call, request: Request) -> Result<()> {
        const OPERATION: &str = "remove torrent";
        match self.ask(call, OPERATION, request, |reply| self.endpoint.open::<wire::Done>(reply, OPERATION)).await {
            Ok(wire::Done {}) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl DebridService for Premiumize {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_cached_check().with_torrent_files().with_cached_unadded()
    }

    async fn account(&self, call: &Call) -> Result<Account> {
        let read = |reply: &Reply| self.endpoint.parse_account(reply, SystemTime::now());
        self.named(self.ask(call, "read account", self.endpoint.account(), read).await)
    }

    async fn check_cached(&self, call: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>> {
        self.named(self.ask_cache(call, hashes).await)
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
