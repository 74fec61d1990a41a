//! Titles that nobody has cached: a service fetches one for its viewer, who sees how far it is; when it is there it plays, under the same id.
//!
//! What is about to be added at a service is written down before, and what became of it after, so that a program that starts again knows it.
//! Where it was stopped in between, the torrent is added again, which changes nothing where it is there; then it counts as the user's, unless
//! the service says that it was not there even now. What was newly added is taken away when it is cancelled or comes to nothing; what the user
//! had before never is.

mod book;
mod poll;
mod pulse;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::{Playback, PlaybackSource, Playbacks, StartPlayback, prepare, random_id};
use crate::model::{InfoHash, MediaId, ProviderId};
use crate::net::Call;
use crate::resolve::{Fetchable, Fetcher, Removal, TorrentId, Viewer, Walk};
use crate::store::now_ms;
use crate::store::records::PreparingRecord;
use crate::{Error, ErrorKind, Result};

pub(super) use book::Preparings;
use book::{Item, Place};

/// Longest time for following the link of a release and for waiting until what another had added is taken away.
const LINK_LIMIT: Duration = Duration::from_secs(20);
/// Longest time for taking something away once.
const REMOVAL_LIMIT: Duration = Duration::from_secs(20);
/// Waits after a removal that failed; after the last one it is left to the next start of the program.
const REMOVAL_WAITS: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300)];
/// What could not be taken away for so long is forgotten.
const REMOVAL_FORGOTTEN_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Limits of fetching what nobody has cached.
#[derive(Clone, Debug)]
pub struct PreparingConfig {
    /// How often a service is asked about torrents that are less than two minutes old; three times as long up to a quarter of an hour, twelve
    /// times after that, and no longer than an hour. One question is about all torrents of an account. Default: 5 s.
    pub poll_interval: Duration,
    /// After which time without progress a torrent is given up. Time in which the service does not answer is not counted. Default: 30 minutes.
    pub stall_after: Duration,
    /// After which time it is given up in any case. Default: 24 hours.
    pub give_up_after: Duration,
    /// Most torrents that are fetched for one viewer at the same time. Default: 10.
    pub max_per_viewer: usize,
    /// Most torrents that are fetched at the same time, for all viewers. Default: 500.
    pub max_count: usize,
}

impl Default for PreparingConfig {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(5),
            stall_after: Duration::from_secs(30 * 60),
            give_up_after: Duration::from_secs(24 * 3600),
            max_per_viewer: 10,
            max_count: 500,
        }
    }
}

/// What a wish to play came to.
#[derive(Clone, Debug)]
pub enum Started {
    /// It plays.
    Playing(Arc<Playback>),
    /// A service fetches it first.
    Preparing(Preparing),
}

/// How far a title is that a service fetches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PreparingState {
    /// The service fetches it.
    Fetching {
        /// Share that is done, 0 to 1, where the service says so.
        progress: Option<f32>,
        /// Bytes a second, where the service says so.
        speed_bytes_per_s: Option<u64>,
    },
    /// There is a playback of the same id.
    Ready,
    /// It will not play; what was newly added for it is being taken away.
    Failed(Arc<Error>),
    /// Its viewer gave it up; likewise.
    Cancelled,
}

impl PreparingState {
    /// Will it stay as it is?
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, PreparingState::Fetching { .. })
    }
}

/// A title that a service fetches for a viewer.
#[derive(Clone)]
pub struct Preparing {
    record: Arc<PreparingRecord>,
    states: watch::Receiver<PreparingState>,
}

impl fmt::Debug for Preparing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preparing").field("id", &self.record.id).field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Preparing {
    /// Random name, 32 hex digits; later that of the playback.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// What is to be played.
    #[must_use]
    pub fn media_id(&self) -> &MediaId {
        &self.record.media_id
    }

    /// Name of the release.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Key of the release.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.record.release
    }

    /// Who fetches it.
    #[must_use]
    pub fn service(&self) -> &ProviderId {
        &self.record.service
    }

    /// Where the viewer wished to begin, in seconds.
    #[must_use]
    pub fn start_s(&self) -> Option<f64> {
        self.record.start_ms.map(|start| start as f64 / 1000.0)
    }

    /// How long ago it was asked for.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        age(&self.record)
    }

    /// How far it is now.
    #[must_use]
    pub fn state(&self) -> PreparingState {
        self.states.borrow().clone()
    }

    /// How far it is, now and each time that the service was asked, up to its end. Who reads slowly misses what was before the last.
    pub fn changes(&self) -> impl Stream<Item = PreparingState> + Send + 'static + use<> {
        let mut states = self.states.clone();
        states.mark_changed();
        stream::unfold(Some(states), |states| async move {
            let mut states = states?;
            states.changed().await.ok()?;
            let state = states.borrow_and_update().clone();
            let is_over = state.is_over();
            Some((state, (!is_over).then_some(states)))
        })
    }
}

fn age(record: &PreparingRecord) -> Duration {
    Duration::from_millis(u64::try_from(now_ms().saturating_sub(record.created_at_ms)).unwrap_or(0))
}

/// A wish to have a title fetched.
#[derive(Clone)]
struct Wish {
    viewer: Viewer,
    media_id: MediaId,
    start_ms: Option<i64>,
}

impl Playbacks {
    /// Starts playing as [`Self::start`] does. Where no service has any of the best releases and the request
    /// [prepares](StartPlayback::prepares), the best one (or the one that it names) is added at the first service that takes it, and fetched.
    /// Asked for again by the same viewer for the same device, what is being fetched is answered again.
    ///
    /// # Errors
    /// As [`Self::start`]; what adding a torrent answers ([`crate::provider::debrid::DebridService::add`]); `LimitExceeded` when too many are being fetched.
    /// # Cancel safety
    /// As [`Self::start`]. A torrent that is being added is added all the same, and fetched: asked for again it is found.
    pub async fn start_or_prepare(&self, call: &Call, viewer: &Viewer, request: &StartPlayback) -> Result<Started> {
        let media_id = match &request.source {
            PlaybackSource::Title(media_id) if request.prepares => media_id,
            _ => return self.start(call, viewer, request).await.map(Started::Playing),
        };
        if let Some(preparing) = self.preparings.same(viewer, media_id, request.release.as_deref()) {
            return Ok(Started::Preparing(preparing));
        }
        let error = match Box::pin(self.start(call, viewer, request)).await {
            Ok(playback) => return Ok(Started::Playing(playback)),
            Err(error) => error,
        };
        // Of several releases one may be refused or gone and the others merely absent.
        let may_be_absent = matches!(error.kind(), ErrorKind::NotCached | ErrorKind::Refused | ErrorKind::NotFound);
        if !may_be_absent || viewer.providers.debrid.is_empty() {
            return Err(error);
        }
        let wish =
            Wish { viewer: viewer.clone(), media_id: media_id.clone(), start_ms: request.start_s.map(super::start_ms) };
        let key = prepare::key(viewer, media_id) + "\n" + request.release.as_deref().unwrap_or_default();
        // One addition for all who ask for the same at the same time.
        let fetching = Box::pin(self.fetch(call, wish, request.release.as_deref()));
        let fetched = self.preparings.starting.try_get_with(key.clone(), fetching).await;
        self.preparings.starting.invalidate(&key).await;
        fetched.map(Started::Preparing).map_err(|error| crate::resolve::again(&error))
    }

    /// What is being fetched for this viewer under this id, and for some minutes what became of it.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's, and for what was cancelled.
    pub async fn preparing(&self, viewer: &Viewer, id: &str) -> Result<Preparing> {
        let found = self.preparings.find(&viewer.id, id).await;
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "read preparing"))
    }

    /// What is being fetched for this viewer, newest first.
    #[must_use]
    pub fn preparings(&self, viewer: &Viewer) -> Vec<Preparing> {
        self.preparings.list(&viewer.id)
    }

    /// Goes on with what was being fetched when the program ended, and takes away what was given up. To be called once, when it starts;
    /// `viewer_of` gives the viewer to an owner's name, or nothing where there is none any more: then it is forgotten and left as it is.
    /// Answers how many go on.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn resume(&self, viewer_of: impl Fn(&str) -> Option<Viewer>) -> Result<usize> {
        let mut count = 0;
        let (over, going): (Vec<_>, Vec<_>) =
            self.records.preparings().await?.into_iter().partition(|record| record.is_ending);
        // What others still need is claimed before anything is taken away.
        for record in going.into_iter().chain(over) {
            if self.preparings.has(&record.id) {
                continue;
            }
            let device = serde_json::from_str(&record.device).ok();
            let viewer = viewer_of(&record.owner).zip(device).map(|(viewer, device)| Viewer { device, ..viewer });
            let found = viewer.and_then(|viewer| {
                let service = Fetcher::of(&viewer, &record.service)?;
                Some((viewer, service))
            });
            let is_late = record.is_ending && age(&record) > REMOVAL_FORGOTTEN_AFTER;
            let Some((viewer, service)) = found.filter(|_| !is_late) else {
                tracing::warn!(service = %record.service, "what was being fetched is left as it is: its viewer or service is gone");
                self.records.remove_preparing(&record.id).await?;
                continue;
            };
            if record.is_ending {
                let added = record.torrent.filter(|_| !record.was_known).map(TorrentId);
                let removal = added
                    .and_then(|torrent| Some((self.resolver.removal(&service, record.info_hash, &torrent)?, torrent)));
                self.take_away(&service, &record.id, record.info_hash, removal);
                continue;
            }
            let claim = self.resolver.claim(&Call::within(LINK_LIMIT), &service, record.info_hash).await?;
            if !record.was_known {
                claim.set_ours();
                if let Some(torrent) = &record.torrent {
                    service.adopt(&TorrentId(torrent.clone()));
                }
            }
            let place = self.preparings.place_of_before(&record.owner);
            self.preparings.insert(Item::new(record, viewer, service, claim, place));
            count += 1;
        }
        for service in self.preparings.services() {
            self.watch_over(&service);
        }
        Ok(count)
    }

    /// Gives up what is fetched for this viewer under this id; false where nothing is.
    pub(super) async fn cancel_preparing(&self, viewer: &Viewer, id: &str) -> Result<bool> {
        let Some(item) = self.preparings.item(id).filter(|item| item.record.owner == viewer.id) else {
            return Ok(self.preparings.forget_failed(&viewer.id, id).await);
        };
        match self.records.end_preparing(&viewer.id, id).await {
            Ok(()) => {
                self.let_go(&item, PreparingState::Cancelled).await;
                Ok(true)
            }
            // It plays by now, or has failed.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(self.preparings.forget_failed(&viewer.id, id).await)
            }
            Err(error) => Err(error),
        }
    }

    /// It comes to nothing. Where that cannot be written down it goes on, and comes to nothing the next time.
    async fn fail(&self, item: &Arc<Item>, error: Error) {
        match self.records.end_preparing(&item.record.owner, &item.record.id).await {
            Ok(()) => {
                tracing::info!(release = %item.record.name, %error, "a release could not be fetched");
                self.let_go(item, PreparingState::Failed(Arc::new(error))).await;
            }
            // Its viewer was first.
            Err(gone) if gone.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the end of a preparation could not be kept"),
        }
    }

    /// After its end was written down: tells those who follow it, and takes away what nobody needs.
    async fn let_go(&self, item: &Arc<Item>, state: PreparingState) {
        self.preparings.end(item, state).await;
        let removal = item
            .take_claim()
            .zip(item.torrent())
            .and_then(|(claim, torrent)| Some((claim.give_up(&torrent)?, torrent)));
        self.take_away(&item.service, &item.record.id, item.record.info_hash, removal);
    }

    /// Takes a torrent away in the background, where there is the right to and nobody plays it, and forgets its record. Where somebody looks
    /// at it, as what is ready to be played, it goes with the last of them.
    fn take_away(&self, service: &Fetcher, id: &str, info_hash: InfoHash, removal: Option<(Removal, TorrentId)>) {
        let (playbacks, service, id) = (self.clone(), service.clone(), id.to_owned());
        self.preparings.tasks.spawn(async move {
            let is_played = (playbacks.preparings.is_in_use)(info_hash);
            let left = |torrent: &TorrentId| {
                let added = playbacks.resolver.newly_added(&service, info_hash, torrent.clone());
                playbacks.preparations.looks.hand_over(&service, info_hash, added).is_some()
            };
            if let (Some((_, torrent)), false) = (&removal, is_played)
                && left(torrent)
                && !playbacks.remove(&service, torrent).await
            {
                return;
            }
            drop(removal);
            if let Err(error) = playbacks.records.remove_preparing(&id).await {
                tracing::warn!(%error, "a preparation that is over could not be forgotten");
            }
        });
    }

    /// Removes a torrent, trying again some times; false where it is left to the next start of the program.
    async fn remove(&self, service: &Fetcher, torrent: &TorrentId) -> bool {
        for wait in REMOVAL_WAITS {
            let Err(error) = service.remove(&Call::within(REMOVAL_LIMIT), torrent).await else { return true };
            tracing::warn!(service = %service.id(), %error, "a torrent that we added could not be removed");
            let wait = wait.max(error.retry_after().unwrap_or_default());
            if self.preparings.stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return false;
            }
        }
        false
    }

    /// Finds a service that fetches one of the best releases, or the one that is named.
    async fn fetch(&self, call: &Call, wish: Wish, release: Option<&str>) -> Result<Preparing> {
        let place = self.preparings.place(&wish.viewer.id)?;
        let fetchable = self.resolver.fetchable(call, &wish.viewer, &wish.media_id, release).await?;
        // A task of its own: who gives up waiting must not leave behind what nobody knows of.
        let playbacks = self.clone();
        let adding = self.preparings.tasks.spawn(async move { playbacks.add_first(&wish, fetchable, place).await });
        match tokio::time::timeout(call.remaining(), adding).await {
            Ok(Ok(added)) => added,
            Ok(Err(error)) => Err(Error::new(ErrorKind::Internal, "add torrent").because(error)),
            Err(_) => Err(Error::new(ErrorKind::TimedOut, "add torrent")
                .detail("the service did not answer in time")
                .advise("ask again in a moment: what it takes on until then is found")),
        }
    }

    async fn add_first(&self, wish: &Wish, fetchable: Vec<Fetchable>, place: Place) -> Result<Preparing> {
        let mut walk = Walk::default();
        let mut place = Some(place);
        for one in fetchable {
            if !walk.is_open(&one.service) {
                continue;
            }
            match self.add_one(wish, &one, &mut place).await {
                Ok(preparing) => return Ok(preparing),
                Err(error) => {
                    tracing::info!(release = %one.name, service = %one.service.id(), %error, "a release is not fetched here");
                    walk.failed(&one.service, error);
                }
            }
        }
        Err(walk.into_error())
    }

    async fn add_one(&self, wish: &Wish, one: &Fetchable, place: &mut Option<Place>) -> Result<Preparing> {
        let call = Call::within(LINK_LIMIT);
        let link = one.link(&call).await?;
        let info_hash = link.info_hash();
        let claim = self.resolver.claim(&call, &one.service, info_hash).await?;
        let device = serde_json::to_string(&wish.viewer.device)
            .map_err(|error| Error::new(ErrorKind::Internal, "keep preparing").because(error))?;
        let mut record = PreparingRecord {
            id: random_id()?,
            owner: wish.viewer.id.clone(),
            media_id: wish.media_id.clone(),
            name: one.name.clone(),
            release: one.release.clone(),
            service: one.service.id().clone(),
            info_hash,
            torrent: None,
            was_known: true,
            is_ending: false,
            device,
            start_ms: wish.start_ms,
            created_at_ms: now_ms(),
        };
        self.records.add_preparing(&record).await?;
        let added = match self.resolver.add(&one.service, &link).await {
            Ok(added) => added,
            Err(error) => {
                self.records.remove_preparing(&record.id).await?;
                return Err(error);
            }
        };
        if !added.was_known {
            claim.set_ours();
        }
        record.torrent = Some(added.torrent.0.clone());
        record.was_known = !claim.is_ours();
        if let Err(error) = self.records.note_preparing(&record.id, &added.torrent.0, record.was_known).await {
            let removal = claim.give_up(&added.torrent).map(|right| (right, added.torrent));
            self.take_away(&one.service, &record.id, info_hash, removal);
            return Err(error);
        }
        let place = place.take().ok_or_else(|| Error::new(ErrorKind::Internal, "keep preparing"))?;
        let item = Item::new(record, wish.viewer.clone(), one.service.clone(), claim, place);
        let preparing = item.preparing();
        self.preparings.insert(item);
        self.watch_over(&one.service);
        Ok(preparing)
    }
}
