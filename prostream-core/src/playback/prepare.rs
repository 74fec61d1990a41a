//! What is made ready before anybody presses play: the best release of a title that somebody looks at is resolved and its index read.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use moka::future::Cache as MokaCache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{Opened, Playbacks, Reopen};
use crate::Result;
use crate::model::MediaId;
use crate::net::Call;
use crate::resolve::{Resolution, Viewer};

/// Most titles that are made ready at the same time; a wish beyond it is dropped, for play does without.
const MAX_PREPARING: usize = 4;
/// Longest time for one title.
const PREPARE_LIMIT: Duration = Duration::from_secs(30);
/// How long a title stays ready for whoever looked at it.
const READY_FOR: Duration = Duration::from_secs(300);
/// Most titles that are ready at the same time. Each holds up to a megabyte of its file.
const MAX_READY: u64 = 64;
/// A link that ends sooner is asked for again.
const MIN_LEFT: Duration = Duration::from_secs(60);

/// Titles that are ready, or being made so.
#[derive(Clone)]
pub(super) struct Preparations {
    /// By viewer, title, device and preferences. One resolving for all who wait, be it to prepare or to play.
    resolved: MokaCache<String, Arc<Resolution>>,
    /// Files of them that are open, so that play finds them connected.
    opened: MokaCache<String, Arc<Opened>>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Preparations {
    pub(super) fn new() -> Self {
        let resolved = MokaCache::builder().max_capacity(MAX_READY).time_to_live(READY_FOR).build();
        let opened = MokaCache::builder().max_capacity(MAX_READY).time_to_live(READY_FOR).build();
        Self { resolved, opened, permits: Arc::new(Semaphore::new(MAX_PREPARING)), tasks: TaskTracker::new() }
    }

    /// Waits for what is being made ready.
    pub(super) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Lets go of what nobody played in time.
    pub(super) async fn trim(&self) {
        self.resolved.run_pending_tasks().await;
        self.opened.run_pending_tasks().await;
    }
}

impl Playbacks {
    /// Makes the best release of a title ready in the background, with the viewer's own providers: resolved, its head and tail read, its
    /// index made. [`Self::start`] finds it so for some minutes. A few at a time; a wish beyond that is dropped.
    pub fn prepare(&self, viewer: &Viewer, media_id: &MediaId) {
        let Ok(permit) = Arc::clone(&self.preparations.permits).try_acquire_owned() else { return };
        let (playbacks, viewer, media_id) = (self.clone(), viewer.clone(), media_id.clone());
        self.preparations.tasks.spawn(async move {
            let call = Call::within(PREPARE_LIMIT);
            let work = playbacks.make_ready(&call, &viewer, &media_id);
            match tokio::time::timeout(PREPARE_LIMIT, work).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%media_id, %error, "title could not be made ready"),
                Err(_) => tracing::debug!(%media_id, "title could not be made ready in time"),
            }
            drop(permit);
        });
    }

    async fn make_ready(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<()> {
        let key = key(viewer, media_id);
        if self.preparations.opened.contains_key(&key) {
            return Ok(());
        }
        let found = self.resolve_once(call, viewer, media_id, &key).await?;
        let what = Reopen::of(&found)?;
        let opened = self.open_what(call, viewer, &what, Some(found.playable.clone()), &viewer.device).await?;
        self.preparations.opened.insert(key, Arc::new(opened)).await;
        Ok(())
    }

    async fn resolve_once(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        key: &str,
    ) -> Result<Arc<Resolution>> {
        let resolving = async { self.resolver.resolve(call, viewer, media_id, None).await.map(Arc::new) };
        let resolved = self.preparations.resolved.try_get_with(key.to_owned(), resolving).await;
        resolved.map_err(|error| crate::resolve::again(&error))
    }

    /// The best release of a title: the one that was made ready, or is being, else found now. Given once: who plays again resolves again.
    pub(super) async fn take_ready(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<Arc<Resolution>> {
        let key = key(viewer, media_id);
        let mut found = self.resolve_once(call, viewer, media_id, &key).await;
        self.preparations.resolved.invalidate(&key).await;
        let ends_soon =
            |found: &Arc<Resolution>| found.playable.expires_at.is_some_and(|end| end < SystemTime::now() + MIN_LEFT);
        if found.as_ref().is_ok_and(ends_soon) {
            found = self.resolver.resolve(call, viewer, media_id, None).await.map(Arc::new);
        }
        found
    }
}

/// Everything that decides what is found, and for whom.
fn key(viewer: &Viewer, media_id: &MediaId) -> String {
    let judged_by = serde_json::to_string(&(&viewer.preferences, &viewer.device)).unwrap_or_default();
    let digest = Sha256::digest(judged_by.as_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}\n{media_id}\n{hex}", viewer.id)
}
