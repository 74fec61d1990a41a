//! Everything that is being fetched in this process, within its limits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use moka::future::Cache as MokaCache;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pulse::Pulse;
use super::{Preparing, PreparingConfig, PreparingState, age};
use crate::model::MediaId;
use crate::playback::looks::IsInUse;
use crate::resolve::{Claim, Fetcher, TorrentId, Viewer};
use crate::store::records::PreparingRecord;
use crate::{Error, ErrorKind, Result};

/// Most titles that are opened at the same time.
const MAX_OPENING: usize = 8;
/// How long it is told what became of one, and of how many.
const TOLD_FOR: Duration = Duration::from_secs(600);
const MAX_TOLD: u64 = 1_000;

/// One torrent that is fetched for one viewer.
pub(super) struct Item {
    pub(super) record: Arc<PreparingRecord>,
    pub(super) viewer: Viewer,
    pub(super) service: Fetcher,
    pulse: Mutex<Pulse>,
    /// It is there and being opened: the service is not asked about it.
    pub(super) is_opening: AtomicBool,
    /// Its file is still to be chosen, at a service that fetches nothing before.
    pub(super) is_unselected: AtomicBool,
    torrent: OnceLock<TorrentId>,
    claim: Mutex<Option<Claim>>,
    states: watch::Sender<PreparingState>,
    _place: Place,
}

impl Item {
    pub(super) fn new(
        record: PreparingRecord,
        viewer: Viewer,
        service: Fetcher,
        claim: Claim,
        place: Place,
    ) -> Arc<Self> {
        let torrent = OnceLock::new();
        if let Some(id) = &record.torrent {
            torrent.get_or_init(|| TorrentId(id.clone()));
        }
        Arc::new(Self {
            pulse: Mutex::new(Pulse::new(age(&record), Instant::now())),
            is_opening: AtomicBool::new(false),
            is_unselected: AtomicBool::new(service.needs_selection()),
            torrent,
            claim: Mutex::new(Some(claim)),
            states: watch::Sender::new(PreparingState::Fetching { progress: None, speed_bytes_per_s: None }),
            record: Arc::new(record),
            viewer,
            service,
            _place: place,
        })
    }

    pub(super) fn preparing(&self) -> Preparing {
        Preparing { record: Arc::clone(&self.record), states: self.states.subscribe() }
    }

    /// The service's own number; `None` where the program was stopped before the service had answered.
    pub(super) fn torrent(&self) -> Option<TorrentId> {
        self.torrent.get().cloned()
    }

    /// The service has answered after all.
    pub(super) fn set_torrent(&self, torrent: TorrentId) {
        // Set once, by the one task that asks the service.
        let _ = self.torrent.set(torrent);
    }

    pub(super) fn tell(&self, state: PreparingState) {
        self.states.send_replace(state);
    }

    pub(super) fn pulse(&self) -> MutexGuard<'_, Pulse> {
        lock(&self.pulse)
    }

    /// When it is to be asked about again.
    pub(super) fn next_at(&self) -> Instant {
        self.pulse().next_at()
    }

    /// One of us has added it.
    pub(super) fn set_ours(&self) {
        if let Some(claim) = lock(&self.claim).as_ref() {
            claim.set_ours();
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        lock(&self.claim).as_ref().is_some_and(Claim::is_ours)
    }

    /// What keeps others from taking it away; given once.
    pub(super) fn take_claim(&self) -> Option<Claim> {
        lock(&self.claim).take()
    }
}

/// Everything that is being fetched. Cheap to clone.
#[derive(Clone)]
pub(in crate::playback) struct Preparings {
    pub(super) config: Arc<PreparingConfig>,
    /// Additions under way, by who asks for what.
    pub(super) starting: MokaCache<String, Preparing>,
    pub(super) tasks: TaskTracker,
    /// Nothing more is asked of services: the program ends.
    pub(super) stop: CancellationToken,
    pub(super) openings: Arc<Semaphore>,
    pub(super) is_in_use: IsInUse,
    /// What became of those that are over.
    told: MokaCache<String, Preparing>,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    items: HashMap<String, Arc<Item>>,
    /// How many places each viewer takes.
    places: HashMap<String, usize>,
    /// Who asks about the torrents of an account, to be woken when there are others.
    pollers: HashMap<usize, Arc<Notify>>,
}

/// Room for one, as long as it is held.
pub(super) struct Place {
    book: Arc<Mutex<Book>>,
    owner: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = lock(&self.book);
        if let Some(count) = book.places.get_mut(&self.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                book.places.remove(&self.owner);
            }
        }
    }
}

impl Preparings {
    pub(in crate::playback) fn new(config: PreparingConfig, is_in_use: IsInUse) -> Self {
        Self {
            starting: MokaCache::new(u64::try_from(config.max_count).unwrap_or(u64::MAX)),
            config: Arc::new(config),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            openings: Arc::new(Semaphore::new(MAX_OPENING)),
            is_in_use,
            told: MokaCache::builder().max_capacity(MAX_TOLD).time_to_live(TOLD_FOR).build(),
            book: Arc::default(),
        }
    }

    /// Stops asking services, and waits for what must not be cut off. What is being fetched goes on when the program starts again.
    pub(in crate::playback) async fn settle(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Room for one more of this viewer.
    pub(super) fn place(&self, owner: &str) -> Result<Place> {
        let full = |detail: &'static str| {
            Err(Error::new(ErrorKind::LimitExceeded, "prepare title")
                .detail(detail)
                .advise("wait until some of them play, or cancel some"))
        };
        let mut book = self.book();
        if book.places.values().sum::<usize>() >= self.config.max_count {
            return full("too many titles are being fetched");
        }
        let count = book.places.entry(owner.to_owned()).or_default();
        if *count >= self.config.max_per_viewer {
            return full("too many titles are being fetched for one viewer");
        }
        *count = count.saturating_add(1);
        Ok(Place { book: Arc::clone(&self.book), owner: owner.to_owned() })
    }

    /// Room for one that had it before the program ended.
    pub(super) fn place_of_before(&self, owner: &str) -> Place {
        let mut book = self.book();
        let count = book.places.entry(owner.to_owned()).or_default();
        *count = count.saturating_add(1);
        Place { book: Arc::clone(&self.book), owner: owner.to_owned() }
    }

    pub(super) fn insert(&self, item: Arc<Item>) {
        self.book().items.insert(item.record.id.clone(), item);
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.book().items.contains_key(id)
    }

    pub(super) fn item(&self, id: &str) -> Option<Arc<Item>> {
        self.book().items.get(id).cloned()
    }

    /// What is fetched for this viewer and title already, to be played on the same device.
    pub(super) fn same(&self, viewer: &Viewer, media_id: &MediaId, release: Option<&str>) -> Option<Preparing> {
        let book = self.book();
        let mut items = book.items.values();
        let item = items.find(|item| {
            let record = &item.record;
            let is_release = release.is_none_or(|release| release == record.release);
            record.owner == viewer.id
                && record.media_id == *media_id
                && is_release
                && item.viewer.device == viewer.device
        });
        item.map(|item| item.preparing())
    }

    pub(super) async fn find(&self, owner: &str, id: &str) -> Option<Preparing> {
        let found = match self.item(id) {
            Some(item) => Some(item.preparing()),
            None => self.told.get(id).await,
        };
        found.filter(|preparing| preparing.record.owner == owner)
    }

    pub(super) fn list(&self, owner: &str) -> Vec<Preparing> {
        let book = self.book();
        let own = book.items.values().filter(|item| item.record.owner == owner);
        let mut found: Vec<Preparing> = own.map(|item| item.preparing()).collect();
        found.sort_by_key(|preparing| std::cmp::Reverse(preparing.record.created_at_ms));
        found
    }

    /// It is over: those who follow it are told, and for some minutes those who ask.
    pub(super) async fn end(&self, item: &Arc<Item>, state: PreparingState) {
        let is_told = !matches!(state, PreparingState::Cancelled);
        let preparing = item.preparing();
        item.tell(state);
        if is_told {
            self.told.insert(item.record.id.clone(), preparing).await;
        }
        let mut book = self.book();
        book.items.remove(&item.record.id);
        // Nobody may be left to be asked about.
        if let Some(wake) = book.pollers.get(&item.service.account()) {
            wake.notify_one();
        }
    }

    /// Tells no more of one that has failed; false where there is none of this viewer.
    pub(super) async fn forget_failed(&self, owner: &str, id: &str) -> bool {
        let is_failed =
            |told: &Preparing| told.record.owner == owner && matches!(told.state(), PreparingState::Failed(_));
        if !self.told.get(id).await.as_ref().is_some_and(is_failed) {
            return false;
        }
        self.told.invalidate(id).await;
        true
    }

    /// Every service that fetches something.
    pub(super) fn services(&self) -> Vec<Fetcher> {
        let by_account: HashMap<usize, Fetcher> =
            self.book().items.values().map(|item| (item.service.account(), item.service.clone())).collect();
        by_account.into_values().collect()
    }

    /// Wakes whoever asks about the torrents of this account; where there is nobody, the caller is to begin, and to be woken by this.
    pub(super) fn begin_polling(&self, service: &Fetcher) -> Option<Arc<Notify>> {
        let mut book = self.book();
        if let Some(wake) = book.pollers.get(&service.account()) {
            wake.notify_one();
            return None;
        }
        let wake = Arc::new(Notify::new());
        book.pollers.insert(service.account(), Arc::clone(&wake));
        Some(wake)
    }

    /// What is fetched by this account; with nothing left the one who asks has ended by this.
    pub(super) fn items_at(&self, service: &Fetcher) -> Option<Vec<Arc<Item>>> {
        let mut book = self.book();
        let at = service.account();
        let items: Vec<_> = book.items.values().filter(|item| item.service.account() == at).cloned().collect();
        if items.is_empty() {
            book.pollers.remove(&at);
            return None;
        }
        Some(items)
    }

    /// It is not being opened any more.
    pub(super) fn opened(&self, item: &Item) {
        item.is_opening.store(false, Ordering::Relaxed);
        if let Some(wake) = self.book().pollers.get(&item.service.account()) {
            wake.notify_one();
        }
    }
}

/// What is locked here is whole at every point where a holder could panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
