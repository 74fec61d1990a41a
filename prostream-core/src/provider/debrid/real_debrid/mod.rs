//! Real-Debrid, with a key of the user.
//!
//! It has no way to ask whether a torrent is cached: only adding it and choosing its files tells. So [`RealDebrid::add`](DebridService::add)
//! does both. It chooses every video and nothing else, as a single file of another kind would have all of them packed into one archive.
//! Files that were not chosen are listed and cannot be unlocked. An entry of the user is used as it is, whatever he chose in it.

mod device;
mod error;
mod held;
mod wire;

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use self::held::Held;
use self::wire::{Stage, Torrent};
use super::account_key::AccountKey;
use super::{
    Account, Added, Cached, Capabilities, DebridService, Link, RemoteFile, TorrentId, TorrentState, checked_key,
    throttle,
};
use crate::model::{InfoHash, ProviderId};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::indexer::TorrentLink;
use crate::provider::pace::Pace;
use crate::{Error, ErrorKind, Result};

pub use device::RealDebridSignIn;

/// Documented are 250 requests a minute, refused ones included. 3 a second and 8 at once are at most 188 in any minute: the user's other
/// programs need some, too.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(3).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// Most entries of one torrent that are looked at for one that lacks no file.
const MAX_OTHERS: usize = 4;

/// How long nothing is asked after the service has complained of too many requests and has not said how long: its minute has passed then.
const PAUSE: Duration = Duration::from_secs(60);

/// How long an addition waits for the files of a magnet to be known. A cached torrent's are known at once.
const METADATA_WAIT: Duration = Duration::from_secs(3);
/// Time between two looks while waiting for it.
const METADATA_POLL: Duration = Duration::from_secs(1);

/// Most pages of the account that are read.
const MAX_PAGES: usize = 10;

/// So many torrents are asked about one by one, which is exact; more of them cost a listing of the account.
const FEW: usize = 4;

/// Most of our torrents that are remembered to wait for their files to be chosen.
const MAX_UNSELECTED: usize = 1_000;

/// Settings of [`RealDebrid`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealDebridConfig {
    /// Name of this instance. Default: `real_debrid`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// The private token of the account, from real-debrid.com/apitoken, or what [`RealDebridSignIn`] has granted.
    pub key: Secret,
    /// Where the API is. Default: `https://api.real-debrid.com`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
}

impl RealDebridConfig {
    /// Where the API of the real service is.
    pub const BASE_URL: &str = "https://api.real-debrid.com";

    /// The real service, with this key.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, base_url: default_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("real_debrid")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    RealDebridConfig::BASE_URL.parse().unwrap()
}

/// One account at Real-Debrid. All that use the account share one instance: it keeps the account's pace and knows what it holds.
#[derive(Debug)]
pub struct RealDebrid {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
    pace: Pace,
    /// The last listing. Who adds holds the lock until the service has answered, so that two do not add the same torrent.
    held: Mutex<Option<Held>>,
    /// Torrents that we added and whose files could not be chosen yet.
    unselected: StdMutex<HashSet<TorrentId>>,
}

/// What an addition found, or made.
enum Entry {
    Found(TorrentId),
    Added { torrent: TorrentId, was_known: bool },
}

impl RealDebrid {
    /// A service with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, or an address that is none of http or https.
    pub fn new(config: RealDebridConfig, http: HttpClient) -> Result<Self> {
        let RealDebridConfig { id, key, base_url } = config;
        let key = checked_key(&id, &key, &base_url, "take the key from real-debrid.com/apitoken")?;
        let pace = Pace::new(RATE_PER_S, BURST).of_account(&http, &base_url, &key, "");
        let endpoint = wire::Endpoint { base_url, key: AccountKey::new(key) };
        Ok(Self { id, endpoint, http, pace, held: Mutex::default(), unselected: StdMutex::default() })
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
        throttle::heed(&[&self.pace], PAUSE, &reply, answer)
    }

    /// With our name; every error that leaves this provider passes here.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    fn unselected(&self) -> MutexGuard<'_, HashSet<TorrentId>> {
        self.unselected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the account holds now.
    async fn list(&self, call: &Call) -> Result<Held> {
        const OPERATION: &str = "read torrents";
        let read_at = Instant::now();
        let (mut torrents, mut row_count) = (Vec::new(), 0_usize);
        for _ in 0..MAX_PAGES {
            let request = self.endpoint.torrents(row_count);
            let page = self.ask(call, OPERATION, request, |reply| self.endpoint.parse_torrents(reply)).await?;
            torrents.extend(page.torrents);
            row_count = row_count.saturating_add(page.row_count);
            // How many come on a page is the service's choice: only its count, or an empty page, is the end.
            if page.row_count == 0 || page.total_count.is_some_and(|total| row_count >= total) {
                return Ok(Held::new(read_at, torrents, true));
            }
        }
        Ok(Held::new(read_at, torrents, false))
    }

    async fn info(&self, call: &Call, torrent: &TorrentId) -> Result<Torrent> {
        const OPERATION: &str = "read torrent";
        if !wire::is_id(torrent) {
            return Err(error::gone(OPERATION));
        }
        self.ask(call, OPERATION, self.endpoint.info(torrent), |reply| self.endpoint.parse_info(reply)).await
    }

    /// The entry of the account that can be used, or a new one; a new one in any case where it is to stand `beside` what there is.
    async fn find_or_add(&self, call: &Call, link: &TorrentLink, hash: InfoHash, beside: bool) -> Result<Entry> {
        const OPERATION: &str = "add torrent";
        let Ok(mut last) = timeout(call.remaining(), self.held.lock()).await else {
            return Err(
                Error::new(ErrorKind::TimedOut, OPERATION).detail("other additions to the account took too long")
            );
        };
        // Taken out: an addition that is given up may have happened, and the next one has to look.
        let mut held = match last.take().filter(|held| held.is_fresh(Instant::now())) {
            Some(held) => held,
            None => self.list(call).await?,
        };
        let usable = if beside { None } else { held.usable(hash, |id| self.is_unselected(id)) };
        if let Some(torrent) = usable {
            *last = Some(held);
            return Ok(Entry::Found(torrent));
        }
        let read = |reply: &Reply| match self.endpoint.code(reply) {
            Some(error::ALREADY_ACTIVE) => Ok(None),
            _ => self.endpoint.parse_added(reply).map(Some),
        };
        let torrent = match self.ask(call, OPERATION, self.endpoint.add(link), read).await {
            Ok(Some(torrent)) => torrent,
            // It is there, although we have not seen it.
            Ok(None) => {
                let held = self.list(call).await?;
                let found = held.any(hash).ok_or_else(|| error::error_of(error::ALREADY_ACTIVE, "", OPERATION))?;
                *last = Some(held);
                return Ok(Entry::Found(found));
            }
            Err(error) => {
                let is_refusal = !error.kind().is_transient() && error.kind() != ErrorKind::Malformed;
                *last = is_refusal.then_some(held);
                return Err(error);
            }
        };
        if held.torrent(&torrent).is_some() {
            *last = Some(held);
            return Ok(Entry::Found(torrent));
        }
        held.added(&torrent, hash);
        // Where not all of the account could be read, nobody can tell.
        let was_known = !held.is_whole();
        *last = Some(held);
        Ok(Entry::Added { torrent, was_known })
    }

    async fn add_torrent(&self, call: &Call, link: &TorrentLink) -> Result<Added> {
        // An entry of the account is found by the hash alone: the file has to be what its hash says.
        link.check_file().map_err(error::bad_torrent)?;
        let hash = link.info_hash();
        let mut entry = self.find_or_add(call, link, hash, false).await?;
        if let Entry::Found(torrent) = &entry {
            match self.advance(call, torrent).await {
                Ok(found) => {
                    let theirs = Added { torrent: torrent.clone(), was_known: true, is_ready: found.is_ready() };
                    return Ok(if found.lacks_files() { self.beside(call, link, hash, theirs).await } else { theirs });
                }
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.forget(call, torrent).await;
                    entry = self.find_or_add(call, link, hash, false).await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.make_ready(call, entry, hash).await
    }

    /// What the account holds of a torrent is somebody's choice of its files, which stays his, and may lack the one that is wanted: another entry
    /// that lacks none, or one of ours where that is ready at once; otherwise what there is, which may do.
    async fn beside(&self, call: &Call, link: &TorrentLink, hash: InfoHash, theirs: Added) -> Added {
        let Some(others) = self.others(call, hash, &theirs.torrent).await else { return theirs };
        for torrent in others {
            let found = self.info(call, &torrent).await;
            if found.is_ok_and(|found| found.is_ready() && !found.lacks_files()) {
                return Added { torrent, was_known: true, is_ready: true };
            }
        }
        let adding = async {
            let entry = self.find_or_add(call, link, hash, true).await?;
            self.make_ready(call, entry, hash).await
        };
        match adding.await {
            Ok(ours) if ours.is_ready => return ours,
            Ok(ours) if !ours.was_known => {
                if let Err(error) = self.delete(call, &ours.torrent).await {
                    tracing::warn!(provider = %self.id, %error, "a torrent that we added could not be removed");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(provider = %self.id, %error, "nothing of ours comes beside what there is"),
        }
        theirs
    }

    /// Other entries of a torrent that are ready; `None` where not all of the account was read: then nobody could tell what is ours.
    async fn others(&self, call: &Call, hash: InfoHash, than: &TorrentId) -> Option<Vec<TorrentId>> {
        let last = timeout(call.remaining(), self.held.lock()).await.ok()?;
        let held = last.as_ref().filter(|held| held.is_whole())?;
        Some(held.ready(hash).filter(|id| id != than).take(MAX_OTHERS).collect())
    }

    async fn make_ready(&self, call: &Call, entry: Entry, hash: InfoHash) -> Result<Added> {
        let (torrent, was_known) = match entry {
            Entry::Found(torrent) => return Ok(Added { torrent, was_known: true, is_ready: false }),
            Entry::Added { torrent, was_known } => (torrent, was_known),
        };
        match self.prepare(call, &torrent, hash).await {
            Ok(is_ready) => Ok(Added { torrent, was_known, is_ready }),
            // It is there: who asks for its state learns the rest, or what is in the way.
            Err(error) if error.kind().is_transient() => {
                tracing::debug!(provider = %self.id, %error, "a torrent was added and could not be looked at");
                self.await_selection(&torrent);
                Ok(Added { torrent, was_known, is_ready: false })
            }
            Err(error) => {
                if !was_known && let Err(error) = self.delete(call, &torrent).await {
                    tracing::warn!(provider = %self.id, %error, "a torrent that we added could not be removed");
                }
                Err(error)
            }
        }
    }

    /// Chooses the files of a torrent of ours as soon as they are known, and says whether it is ready then.
    async fn prepare(&self, call: &Call, id: &TorrentId, hash: InfoHash) -> Result<bool> {
        let patience =
            Instant::now().checked_add(METADATA_WAIT.min(call.remaining().checked_div(2).unwrap_or_default()));
        loop {
            let torrent = self.info(call, id).await?;
            torrent.check_hash(hash)?;
            match torrent.stage() {
                Stage::Selection => return Ok(self.select_videos(call, id, &torrent).await?.is_ready()),
                Stage::Metadata if Some(Instant::now()) < patience => tokio::time::sleep(METADATA_POLL).await,
                Stage::Metadata => {
                    self.await_selection(id);
                    return Ok(false);
                }
                Stage::Preparing | Stage::Ready | Stage::Failed(_) => return Ok(torrent.is_ready()),
            }
        }
    }

    /// Chooses what is worth it, and looks again: what is cached is ready then.
    async fn select_videos(&self, call: &Call, id: &TorrentId, torrent: &Torrent) -> Result<Torrent> {
        let files = torrent.worth_selecting();
        if files.is_empty() {
            return Ok(torrent.clone());
        }
        let request = self.endpoint.select(id, &files);
        self.ask(call, "select files", request, |reply| self.endpoint.parse_selected(reply)).await?;
        self.unselected().remove(id);
        self.info(call, id).await
    }

    /// Remembers that files of a torrent of ours are still to be chosen.
    fn await_selection(&self, torrent: &TorrentId) {
        let mut unselected = self.unselected();
        if unselected.len() < MAX_UNSELECTED {
            unselected.insert(torrent.clone());
        }
    }

    fn is_unselected(&self, torrent: &TorrentId) -> bool {
        self.unselected().contains(torrent)
    }

    async fn forget(&self, call: &Call, torrent: &TorrentId) {
        self.unselected().remove(torrent);
        // A listing that still names it does no harm: what it names is looked at before it is used.
        if let Ok(mut last) = timeout(call.remaining(), self.held.lock()).await
            && let Some(held) = last.as_mut()
        {
            held.removed(torrent);
        }
    }

    /// Looks at a torrent, and chooses its files where it is one of ours that still waits for that.
    async fn advance(&self, call: &Call, id: &TorrentId) -> Result<Torrent> {
        let torrent = self.info(call, id).await?;
        match torrent.stage() {
            Stage::Selection if self.is_unselected(id) => self.select_videos(call, id, &torrent).await,
            Stage::Selection | Stage::Metadata => Ok(torrent),
            Stage::Ready | Stage::Preparing | Stage::Failed(_) => {
                self.unselected().remove(id);
                Ok(torrent)
            }
        }
    }

    async fn state_of(&self, call: &Call, id: &TorrentId) -> Result<TorrentState> {
        match self.advance(call, id).await {
            Ok(torrent) => Ok(torrent.state()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(wire::gone_state()),
            Err(error) => Err(error),
        }
    }

    async fn read_status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        let held = if torrents.len() > FEW { Some(self.list(call).await?) } else { None };
        let mut states = Vec::with_capacity(torrents.len());
        for id in torrents {
            let listed = held.as_ref().filter(|_| !self.is_unselected(id));
            states.push(match listed.map(|held| (held.torrent(id), held.is_whole())) {
                Some((Some(torrent), _)) => torrent.state(),
                Some((None, true)) => wire::gone_state(),
                Some((None, false)) | None => self.state_of(call, id).await?,
            });
        }
        Ok(states)
    }

    async fn unlock_file(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        wire::check_selected(file, OPERATION)?;
        let unlock = |link: &Secret| {
            let request = self.endpoint.unlock(call, link);
            self.ask(call, OPERATION, request, |reply| self.endpoint.parse_unlock(reply))
        };
        match unlock(&file.handle).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                match wire::shortened(&file.handle) {
                    Some(link) => unlock(&link).await,
                    None => Err(error),
                }
            }
            answer => answer,
        }
    }

    async fn delete(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        const OPERATION: &str = "remove torrent";
        if !wire::is_id(torrent) {
            return Ok(());
        }
        let request = self.endpoint.delete(torrent);
        match self.ask(call, OPERATION, request, |reply| self.endpoint.check(reply, OPERATION)).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.forget(call, torrent).await;
        Ok(())
    }
}

#[async_trait]
impl DebridService for RealDebrid {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    /// No selection: [`add`](DebridService::add) chooses the files.
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_torrent_files().with_viewer_address()
    }

    fn replace_key(&self, key: &Secret) -> Result<()> {
        self.named(self.endpoint.key.replace(key))
    }

    async fn account(&self, call: &Call) -> Result<Account> {
        let now = SystemTime::now();
        let request = self.endpoint.user();
        self.named(self.ask(call, "read account", request, |reply| self.endpoint.parse_account(reply, now)).await)
    }

    /// `Unknown` for all: the service has had no such question since the end of 2024.
    async fn check_cached(&self, _call: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>> {
        Ok(vec![Cached::Unknown; hashes.len()])
    }

    async fn add(&self, call: &Call, torrent: &TorrentLink) -> Result<Added> {
        self.named(self.add_torrent(call, torrent).await)
    }

    /// Its files may still have to be chosen.
    fn adopt(&self, torrent: &TorrentId) {
        self.await_selection(torrent);
    }

    async fn status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        self.named(self.read_status(call, torrents).await)
    }

    async fn files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>> {
        self.named(self.info(call, torrent).await.and_then(|torrent| torrent.remote_files()))
    }

    /// Says whether the files are among those that were chosen: the service takes one choice a torrent, which was made by
    /// [`add`](DebridService::add) or by the user.
    ///
    /// # Errors
    /// `Unsupported` when one is not.
    async fn select(&self, _call: &Call, _torrent: &TorrentId, files: &[RemoteFile]) -> Result<()> {
        self.named(files.iter().try_for_each(|file| wire::check_selected(file, "select files")))
    }

    async fn unlock(&self, call: &Call, file: &RemoteFile) -> Result<Link> {
        self.named(self.unlock_file(call, file).await)
    }

    async fn remove(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        self.named(self.delete(call, torrent).await)
    }
}
