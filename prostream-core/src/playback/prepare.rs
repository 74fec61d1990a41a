//! What is made ready before anybody presses play: the best release of a title that somebody looks at is resolved and its index read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use moka::future::Cache as MokaCache;
use moka::notification::RemovalCause;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::looks::{IsInUse, Look, Looks};
use super::reopen::Stored;
use super::{Opened, Playbacks, Reopen};
use crate::Result;
use crate::model::MediaId;
use crate::net::Call;
use crate::resolve::{Like, Resolution, Viewer};
use crate::store::now_ms;

/// Most titles that are made ready at the same time; a wish beyond it is dropped, for play does without.
const MAX_PREPARING: usize = 4;
/// Longest time for one title.
const PREPARE_LIMIT: Duration = Duration::from_secs(30);
/// Most titles that are ready at the same time.
const MAX_READY: u64 = 64;
/// A link that ends sooner is asked for again.
const MIN_LEFT: Duration = Duration::from_secs(60);

/// Titles that are ready, or being made so.
#[derive(Clone)]
pub(super) struct Preparations {
    /// By viewer, title, device and preferences. One resolving for all who wait, be it to prepare or to play.
    ready: MokaCache<String, Arc<Prepared>>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    /// What was found for those who prepare or start, until it is played.
    pub(super) looks: Looks,
}

/// A title that was resolved.
pub(super) struct Prepared {
    pub(super) found: Resolution,
    /// Its file, held open so that play finds it connected.
    opened: Mutex<Option<Opened>>,
    /// As long as it waits to be played.
    look: Mutex<Option<Look>>,
}

impl Prepared {
    fn new(looks: &Looks, viewer: &Viewer, found: Resolution) -> Arc<Self> {
        let look = looks.begin(viewer, &found);
        Arc::new(Self { found, opened: Mutex::new(None), look: Mutex::new(Some(look)) })
    }

    fn opened(&self) -> MutexGuard<'_, Option<Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It waits no more.
    fn end_look(&self) {
        let look = self.look.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(look);
    }
}

impl Preparations {
    /// A title that was made ready and not played in time leaves no trace: what was added for it at a service is removed, unless `is_in_use`
    /// or another looks at it.
    pub(super) fn new(ready_for: Duration, is_in_use: IsInUse) -> Self {
        let tasks = TaskTracker::new();
        let on_end = |_: Arc<String>, prepared: Arc<Prepared>, cause: RemovalCause| {
            if cause.was_evicted() {
                prepared.opened().take();
            }
            // Whoever plays it looks at it by now.
            prepared.end_look();
        };
        let ready =
            MokaCache::builder().max_capacity(MAX_READY).time_to_live(ready_for).eviction_listener(on_end).build();
        let looks = Looks::new(is_in_use, tasks.clone());
        Self { ready, permits: Arc::new(Semaphore::new(MAX_PREPARING)), tasks, looks }
    }

    /// Waits for what is being made ready.
    pub(super) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Lets go of what nobody played in time.
    pub(super) async fn trim(&self) {
        self.ready.run_pending_tasks().await;
    }
}

impl Playbacks {
    /// Makes the best release of a title ready in the background, with the viewer's own providers: resolved, its head and tail read, its
    /// index made. [`Self::start`] finds it so for some minutes. A few at a time; a wish beyond that is dropped.
    pub fn prepare(&self, viewer: &Viewer, media_id: &MediaId) {
        self.prepare_like(viewer, media_id, None);
    }

    /// Makes the episode after the one that plays ready, as [`Self::prepare`] does: from the same torrent where it holds it, else of the same
    /// group where that can be played. Says which it is; `None` after the last one, and for what is no episode.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's playback; what finding the title answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn prepare_next(&self, call: &Call, viewer: &Viewer, id: &str) -> Result<Option<MediaId>> {
        let record = self.records.playback(&viewer.id, id, now_ms()).await?;
        let Some((media_id, number)) = record.media_id.and_then(|id| Some((id.clone(), id.episode?))) else {
            return Ok(None);
        };
        let title = self.resolver.title(call, viewer, &media_id).await?;
        let Some(next) = title.episode_after(number) else { return Ok(None) };
        let next = MediaId { episode: Some(next), ..media_id };
        let Stored { what, device, .. } = Reopen::from_json(&record.reopen)?;
        let info_hash = match what {
            Reopen::Torrent { info_hash, .. } => Some(info_hash),
            Reopen::File { .. } | Reopen::Link { .. } => None,
        };
        // It is started for the same device: only then is it what was made ready.
        let viewer = Viewer { device, ..viewer.clone() };
        self.prepare_like(&viewer, &next, Some(Like::new(info_hash, &record.name)));
        Ok(Some(next))
    }

    fn prepare_like(&self, viewer: &Viewer, media_id: &MediaId, like: Option<Like>) {
        let Ok(permit) = Arc::clone(&self.preparations.permits).try_acquire_owned() else { return };
        let (playbacks, viewer, media_id) = (self.clone(), viewer.clone(), media_id.clone());
        self.preparations.tasks.spawn(async move {
            let call = Call::within(PREPARE_LIMIT);
            let work = playbacks.make_ready(&call, &viewer, &media_id, like.as_ref());
            match tokio::time::timeout(PREPARE_LIMIT, work).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%media_id, %error, "title could not be made ready"),
                Err(_) => tracing::debug!(%media_id, "title could not be made ready in time"),
            }
            drop(permit);
        });
    }

    async fn make_ready(&self, call: &Call, viewer: &Viewer, media_id: &MediaId, like: Option<&Like>) -> Result<()> {
        let (prepared, _look) = self.resolve_once(call, viewer, media_id, &key(viewer, media_id), like).await?;
        if prepared.opened().is_some() {
            return Ok(());
        }
        let what = Reopen::of(&prepared.found)?;
        let fresh = Some(prepared.found.playable.clone());
        let opened = self.open_what(call, viewer, &what, fresh, &viewer.device).await?;
        *prepared.opened() = Some(opened);
        Ok(())
    }

    /// With a look at it for the caller: what is made ready may be let go of at any time.
    async fn resolve_once(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        key: &str,
        like: Option<&Like>,
    ) -> Result<(Arc<Prepared>, Look)> {
        let looks = &self.preparations.looks;
        let mut own = None;
        let resolving = async {
            let found = match like {
                Some(like) => self.resolver.resolve_like(call, viewer, media_id, like).await,
                None => self.resolver.resolve(call, viewer, media_id, None).await,
            };
            found.map(|found| {
                own = Some(looks.begin(viewer, &found));
                Prepared::new(looks, viewer, found)
            })
        };
        let ready = self.preparations.ready.try_get_with(key.to_owned(), resolving).await;
        let ready = ready.map_err(|error| crate::resolve::again(&error))?;
        let look = own.unwrap_or_else(|| looks.begin(viewer, &ready.found));
        Ok((ready, look))
    }

    /// The best release of a title: the one that was made ready, or is being, else found now. Given once: who plays again resolves again.
    pub(super) async fn take_ready(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
    ) -> Result<(Arc<Prepared>, Look)> {
        let key = key(viewer, media_id);
        let (prepared, look) = self.resolve_once(call, viewer, media_id, &key, None).await?;
        self.preparations.ready.invalidate(&key).await;
        self.preparations.ready.run_pending_tasks().await;
        let ends_at = prepared.found.playable.expires_at;
        if ends_at.is_some_and(|end| end < SystemTime::now() + MIN_LEFT) {
            let found = self.resolver.resolve(call, viewer, media_id, None).await?;
            let looks = &self.preparations.looks;
            let look = looks.begin(viewer, &found);
            return Ok((Prepared::new(looks, viewer, found), look));
        }
        Ok((prepared, look))
    }
}

/// Everything that decides what is found, and for whom.
pub(super) fn key(viewer: &Viewer, media_id: &MediaId) -> String {
    let judged_by = serde_json::to_string(&(&viewer.preferences, &viewer.device)).unwrap_or_default();
    let digest = Sha256::digest(judged_by.as_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}\n{media_id}\n{hex}", viewer.id)
}
