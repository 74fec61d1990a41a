//! Debrid-Link, with a key of the user.
//!
//! It has no way to ask whether a torrent is cached but to add it. Files have their links from the start, so unlocking looks the link up
//! anew. Where this server stands decides whether it serves at all: it refuses addresses of data centres and VPNs, which is shown and
//! never worked around; where a viewer fetches by himself it wants to hear his address instead.

mod device;
mod error;
mod flood;
mod wire;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use self::flood::{Route, Shut};
use self::wire::{Structure, TorrentRow};
use super::account_key::AccountKey;
use super::known::{Known, Listing, Shared};
use super::{
    Account, Added, Cached, Capabilities, DebridService, Link, RemoteFile, TorrentId, TorrentState, checked_key,
    throttle,
};
use crate::model::{FileEntry, InfoHash, ProviderId};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::indexer::{MAX_TORRENT_BYTES, TorrentLink};
use crate::provider::pace::Pace;
use crate::{Error, ErrorKind, Result};

pub use device::DebridLinkSignIn;

/// No limit is documented, only that passing it costs an hour. The most careful of the known clients keeps to 60 requests a minute; a film
/// takes four or five at once.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(1).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// How long nothing is asked after a complaint of too many requests that is no flood and does not say how long: the minute that the most
/// careful client counts by has passed then.
const PAUSE: Duration = Duration::from_secs(60);

/// Most pages of the account that are looked through, of 100 torrents each. An account that holds more cannot be told apart from what we
/// add: then everything counts as the user's.
const MAX_PAGES: usize = 20;

/// Settings of [`DebridLink`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebridLinkConfig {
    /// Name of this instance. Default: `debrid_link`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// An API key of the account, from debrid-link.com/webapp/apikey, or the key of a sign-in.
    pub key: Secret,
    /// Where the API is. Default: `https://debrid-link.com`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
}

impl DebridLinkConfig {
    /// Where the API of the real service is.
    pub const BASE_URL: &str = "https://debrid-link.com";

    /// The real service, with this key.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, base_url: default_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("debrid_link")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    DebridLinkConfig::BASE_URL.parse().unwrap()
}

/// One account at Debrid-Link. All that use the account share one instance: it keeps the account's pace and pauses, and knows what was
/// there before.
#[derive(Debug)]
pub struct DebridLink {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
    pace: Pace,
    shut: Mutex<Shut>,
    known: Shared<Known>,
}

impl DebridLink {
    /// A service with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, or an address that is none of http or https.
    pub fn new(config: DebridLinkConfig, http: HttpClient) -> Result<Self> {
        let DebridLinkConfig { id, key, base_url } = config;
        let key = checked_key(&id, &key, &base_url, "make a key at debrid-link.com/webapp/apikey")?;
        let pace = Pace::new(RATE_PER_S, BURST).of_account(&http, &base_url, &key, "");
        let endpoint = wire::Endpoint { base_url, key: AccountKey::new(key) };
        Ok(Self { id, endpoint, http, pace, shut: Mutex::default(), known: Shared::default() })
    }

    fn shut(&self) -> MutexGuard<'_, Shut> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks and reads the answer. A route that the service has shut is not asked before its time; any other complaint of too many requests
    /// stops all that use this account for a while.
    async fn ask<T>(
        &self,
        call: &Call,
        operation: &'static str,
        route: Route,
        request: Request,
        read: impl FnOnce(&Reply) -> Result<T>,
    ) -> Result<T> {
        let left = self.shut().left(Instant::now(), route);
        if let Some(left) = left {
            return Err(error::error_of("floodDetected", "the pause is not over", operation).after(left));
        }
        self.pace.turn(call, operation).await?;
        let reply = self.http.send(call, request).await?;
        let answer = read(&reply);
        if let Err(error) = &answer
            && error.kind() == ErrorKind::RateLimited
            && wire::is_flood(&reply)
        {
            self.shut().shut(Instant::now(), route, error.retry_after().unwrap_or(flood::PAUSE));
            return answer;
        }
        throttle::heed(&[&self.pace], PAUSE, &reply, answer)
    }

    /// With our name; every error that leaves this provider passes here.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    /// The torrents with these ids, or all of the account. A filter by ids that it does not know makes the service answer with everything,
    /// so what was not asked for is left out, and the pages are followed until all are found.
    async fn torrents(
        &self,
        call: &Call,
        operation: &'static str,
        ids: &[&str],
        structure: Structure,
    ) -> Result<Vec<TorrentRow>> {
        let mut rows: Vec<TorrentRow> = Vec::new();
        let is_among = |row: &TorrentRow| row.id.as_deref().is_some_and(|id| ids.contains(&id));
        let mut number = 0;
        for _ in 0..MAX_PAGES {
            let request = self.endpoint.list(ids, number, structure, call.viewer_address);
            let read = |reply: &Reply| self.endpoint.parse_list(reply, operation);
            let page = self.ask(call, operation, Route::List, request, read).await?;
            rows.extend(page.rows.into_iter().filter(|row| ids.is_empty() || is_among(row)));
            let has_all = !ids.is_empty() && ids.iter().all(|id| rows.iter().any(|row| row.id.as_deref() == Some(*id)));
            match page.next {
                Some(next) if next > number && !has_all => number = next,
                _ => return Ok(rows),
            }
        }
        Err(Error::new(ErrorKind::LimitExceeded, operation)
            .detail("the account holds more torrents than are looked through")
            .advise("remove some torrents at debrid-link.com"))
    }

    /// One torrent; `None` when it is gone.
    async fn torrent(
        &self,
        call: &Call,
        operation: &'static str,
        id: &str,
        structure: Structure,
    ) -> Result<Option<TorrentRow>> {
        let rows = self.torrents(call, operation, &[id], structure).await?;
        Ok(rows.into_iter().next())
    }

    async fn read_account(&self, call: &Call) -> Result<Account> {
        const OPERATION: &str = "read account";
        let read = |reply: &Reply| self.endpoint.parse_account(reply, SystemTime::now());
        let mut account = self.ask(call, OPERATION, Route::Account, self.endpoint.account(), read).await?;
        let read = |reply: &Reply| self.endpoint.parse_limits(reply);
        match self.ask(call, "read limits", Route::Limits, self.endpoint.limits(), read).await {
            Ok(quota) => account.quota = quota,
            Err(error) => tracing::debug!(provider = %self.id, %error, "the limits of the account cannot be read"),
        }
        Ok(account)
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
        match self.torrents(call, "read torrents", &[], Structure::List).await {
            Ok(rows) => Some(self.known.now().listed(begun, wire::listing(&rows))),
            Err(error) => {
                tracing::debug!(provider = %self.id, %error, "what the account holds cannot be read: what is added counts as the user's");
                None
            }
        }
    }

    async fn add_torrent(&self, call: &Call, torrent: &TorrentLink) -> Result<Added> {
        const OPERATION: &str = "add torrent";
        if let TorrentLink::File { bytes, .. } = torrent
            && bytes.len() as u64 > MAX_TORRENT_BYTES
        {
            return Err(Error::new(ErrorKind::LimitExceeded, OPERATION).detail("the torrent file is too large"));
        }
        let hash = torrent.info_hash();
        let before = self.listing(call).await;
        let request = self.endpoint.add(torrent, call.viewer_address);
        let read = |reply: &Reply| self.endpoint.parse_add(reply, hash);
        let (torrent, is_ready) = self.ask(call, OPERATION, Route::Add, request, read).await?;
        let was_known = self.known.now().was_there(Instant::now(), before.as_deref(), &torrent, hash);
        Ok(Added { torrent, was_known, is_ready })
    }

    async fn read_status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        let ids: Vec<&str> = torrents.iter().filter_map(wire::id).collect();
        let mut rows = Vec::new();
        for ids in ids.chunks(wire::MAX_IDS) {
            rows.extend(self.torrents(call, "read torrents", ids, Structure::List).await?);
        }
        let state = |torrent: &TorrentId| {
            let row = rows.iter().find(|row| row.id.as_ref() == Some(&torrent.0));
            row.map_or_else(wire::gone, TorrentRow::state)
        };
        Ok(torrents.iter().map(state).collect())
    }

    async fn list_files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>> {
        const OPERATION: &str = "list files";
        let id = wire::id(torrent).ok_or_else(|| gone(OPERATION))?;
        let row = self.torrent(call, OPERATION, id, Structure::Tree).await?.ok_or_else(|| gone(OPERATION))?;
        match row.state() {
            TorrentState::Ready => {}
            TorrentState::Preparing { .. } => {
                return Err(Error::new(ErrorKind::NotCached, OPERATION)
                    .advise("Debrid-Link is still fetching it; try again in a while"));
            }
            TorrentState::Failed { reason } => {
                return Err(Error::new(ErrorKind::NotFound, OPERATION).detail(reason).advise("choose another release"));
            }
        }
        let is_archive = row.is_archive();
        let mut files = row.files()?;
        if files.is_empty() {
            // How a tree is written is not documented: one that cannot be read is asked for as a list, which has no folders.
            let row = self.torrent(call, OPERATION, id, Structure::List).await?.ok_or_else(|| gone(OPERATION))?;
            files = row.files()?;
        }
        let file = |file: wire::TorrentFile| RemoteFile {
            handle: wire::handle(id, &file.id),
            entry: FileEntry { path: file.path, size_bytes: file.size_bytes },
        };
        let files: Vec<RemoteFile> = files.into_iter().map(file).collect();
        // Of a torrent with many files the service may say the same, and list them one by one nevertheless: each has its link then.
        if is_archive && !files.iter().any(|file| file.entry.is_video()) {
            return Err(Error::new(ErrorKind::Unsupported, OPERATION)
                .detail("the service offers its files as a single archive only")
                .advise("choose another release"));
        }
        if files.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, OPERATION)
                .detail("the torrent has no files")
                .advise("choose another release"));
        }
        Ok(files)
    }

    /// Looks the link up: one that was handed out before may be dead by now.
    async fn unlock_file(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        let (torrent, file) = wire::ids_of(&file.handle).ok_or_else(|| gone(OPERATION))?;
        let row = self.torrent(call, OPERATION, torrent, Structure::List).await?.ok_or_else(|| gone(OPERATION))?;
        let files = row.files()?;
        files.iter().find(|listed| listed.id == file).ok_or_else(|| gone(OPERATION))?.link()
    }

    async fn delete(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        let Some(id) = wire::id(torrent) else { return Ok(()) };
        let read = |reply: &Reply| self.endpoint.parse_remove(reply);
        self.ask(call, "remove torrent", Route::Remove, self.endpoint.remove(id), read).await?;
        self.known.now().removed(torrent);
        Ok(())
    }
}

fn gone(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation).detail("it is no longer at the service").advise("open the release again")
}

#[async_trait]
impl DebridService for DebridLink {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_torrent_files().with_viewer_address()
    }

    fn replace_key(&self, key: &Secret) -> Result<()> {
        self.named(self.endpoint.key.replace(key))
    }

    async fn account(&self, call: &Call) -> Result<Account> {
        self.named(self.read_account(call).await)
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
