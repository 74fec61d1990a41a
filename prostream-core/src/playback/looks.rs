//! Torrents that were found for somebody and are not played yet: made ready, or just being opened. What was newly added for them is taken
//! away by the last who looks at one, unless any of them plays it: nobody takes it from under another, and nothing is left behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::model::InfoHash;
use crate::net::Call;
use crate::resolve::{Fetcher, NewlyAdded, Resolution, Viewer};

/// Longest time for taking something away.
const REMOVAL_LIMIT: Duration = Duration::from_secs(30);

/// Does anybody play a torrent now?
pub(super) type IsInUse = Arc<dyn Fn(InfoHash) -> bool + Send + Sync>;

/// An account, as long as its service is held, and a torrent.
type Key = (usize, InfoHash);

/// Torrents that are looked at. As many as titles are ready or being opened. Cheap to clone.
#[derive(Clone)]
pub(super) struct Looks {
    by_torrent: Arc<Mutex<HashMap<Key, Looked>>>,
    is_in_use: IsInUse,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Looked {
    look_count: usize,
    /// One of those who look plays it: it stays.
    is_played: bool,
    /// What those who went had newly added: at most one torrent for each.
    left: Vec<NewlyAdded>,
}

impl Looked {
    fn leave(&mut self, added: NewlyAdded) {
        if !self.is_played && !self.left.iter().any(|other| other.is_same(&added)) {
            self.left.push(added);
        }
    }
}

impl Looks {
    /// Nobody looks at anything. What is taken away is so in `tasks`.
    pub(super) fn new(is_in_use: IsInUse, tasks: TaskTracker) -> Self {
        Self { by_torrent: Arc::default(), is_in_use, tasks }
    }

    /// Begins to look at what was found for a viewer. A file of this machine, or a link that is no torrent's, is nothing to take away.
    pub(super) fn begin(&self, viewer: &Viewer, found: &Resolution) -> Look {
        let playable = &found.playable;
        let at = playable.info_hash.and_then(|hash| Some((Fetcher::of(viewer, &playable.provider)?, hash)));
        if let Some((service, info_hash)) = &at {
            let mut all = self.all();
            let looked = all.entry((service.account(), *info_hash)).or_default();
            looked.look_count = looked.look_count.saturating_add(1);
        }
        Look { looks: self.clone(), at, added: found.newly_added.clone() }
    }

    /// Leaves what was newly added to the last of those who look at it; given back where nobody does.
    pub(super) fn hand_over(&self, service: &Fetcher, info_hash: InfoHash, added: NewlyAdded) -> Option<NewlyAdded> {
        match self.all().get_mut(&(service.account(), info_hash)) {
            Some(looked) => {
                looked.leave(added);
                None
            }
            None => Some(added),
        }
    }

    async fn remove(self, service: Fetcher, info_hash: InfoHash, left: Vec<NewlyAdded>) {
        for added in left {
            // Somebody may have come since it was decided.
            if (self.is_in_use)(info_hash) {
                return;
            }
            if let Some(added) = self.hand_over(&service, info_hash, added) {
                added.remove(&Call::within(REMOVAL_LIMIT)).await;
            }
        }
    }

    /// They are whole at every point where a holder could panic, so a poisoned lock is no reason to stop.
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Looked>> {
        self.by_torrent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody looks at a torrent, as long as this is held.
pub(super) struct Look {
    looks: Looks,
    at: Option<(Fetcher, InfoHash)>,
    added: Option<NewlyAdded>,
}

impl Look {
    /// It is played: it stays, whoever has added it.
    pub(super) fn played(&mut self) {
        self.added = None;
        let Some((service, info_hash)) = &self.at else { return };
        if let Some(looked) = self.looks.all().get_mut(&(service.account(), *info_hash)) {
            looked.is_played = true;
            looked.left.clear();
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let Some((service, info_hash)) = self.at.take() else { return };
        let key = (service.account(), info_hash);
        let left = {
            let mut all = self.looks.all();
            let Some(looked) = all.get_mut(&key) else { return };
            if let Some(added) = self.added.take() {
                looked.leave(added);
            }
            looked.look_count = looked.look_count.saturating_sub(1);
            if looked.look_count > 0 {
                return;
            }
            all.remove(&key).map(|looked| looked.left).unwrap_or_default()
        };
        if left.is_empty() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => {
                let removal = self.looks.clone().remove(service, info_hash, left);
                self.looks.tasks.spawn_on(removal, &runtime);
            }
            Err(_) => tracing::warn!(service = %service.id(), "a torrent that we added is left: the program has ended"),
        }
    }
}
