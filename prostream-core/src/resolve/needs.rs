//! Who needs which torrent at which service. Many of us use one account: what one has added and gives up again may be what another waits for.
//! So nobody takes away what is claimed, and nobody asks for what is just being taken away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::InfoHash;
use crate::provider::debrid::DebridService;

/// One account at a service, as long as somebody holds it, and a torrent.
type Key = (usize, InfoHash);

fn key(service: &Arc<dyn DebridService>, info_hash: InfoHash) -> Key {
    (account(service), info_hash)
}

/// Tells one account from another, as long as the service is held.
pub(super) fn account(service: &Arc<dyn DebridService>) -> usize {
    Arc::as_ptr(service).cast::<()>().addr()
}

#[derive(Debug, Default)]
struct Need {
    claim_count: usize,
    /// One of us has added it: whoever needs it last takes it away.
    is_ours: bool,
    is_removed_now: bool,
}

/// All needs of a process. Empty where nothing is fetched or taken away.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    needs: Mutex<HashMap<Key, Need>>,
    /// A removal is over.
    removed: Notify,
}

impl Needs {
    /// Needs a torrent from now on; waits until a removal of it that is under way is over.
    ///
    /// # Cancel safety
    /// Safe to drop at any point: nothing is claimed then.
    pub(crate) async fn claim(self: &Arc<Self>, service: &Arc<dyn DebridService>, info_hash: InfoHash) -> Claim {
        loop {
            // Listened for before looking, so that no end is missed.
            let mut removed = std::pin::pin!(self.removed.notified());
            removed.as_mut().enable();
            {
                let mut needs = self.needs();
                let need = needs.entry(key(service, info_hash)).or_default();
                if !need.is_removed_now {
                    need.claim_count = need.claim_count.saturating_add(1);
                    return Claim { needs: Arc::clone(self), service: Arc::clone(service), info_hash };
                }
            }
            removed.await;
        }
    }

    /// The right to take away what one of us has added and does not need; none where another needs it, who will take it away then, or where
    /// it is being taken away already.
    pub(crate) fn removal(self: &Arc<Self>, service: &Arc<dyn DebridService>, info_hash: InfoHash) -> Option<Removal> {
        let mut needs = self.needs();
        let need = needs.entry(key(service, info_hash)).or_default();
        if need.claim_count > 0 {
            need.is_ours = true;
            return None;
        }
        if need.is_removed_now {
            return None;
        }
        need.is_removed_now = true;
        Some(Removal { needs: Arc::clone(self), service: Arc::clone(service), info_hash })
    }

    /// The needs. They are whole at every point where a holder could panic, so a poisoned lock is no reason to stop.
    fn needs(&self) -> MutexGuard<'_, HashMap<Key, Need>> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody needs a torrent, as long as this is held.
#[derive(Debug)]
pub(crate) struct Claim {
    needs: Arc<Needs>,
    service: Arc<dyn DebridService>,
    info_hash: InfoHash,
}

impl Claim {
    /// One of us has added it.
    pub(crate) fn set_ours(&self) {
        if let Some(need) = self.needs.needs().get_mut(&key(&self.service, self.info_hash)) {
            need.is_ours = true;
        }
    }

    /// Has one of us added it?
    pub(crate) fn is_ours(&self) -> bool {
        self.needs.needs().get(&key(&self.service, self.info_hash)).is_some_and(|need| need.is_ours)
    }

    /// No longer needed: the right to take it away, where one of us has added it and nobody else needs it.
    pub(crate) fn give_up(self) -> Option<Removal> {
        let is_ours = self.is_ours();
        let (needs, service, info_hash) = (Arc::clone(&self.needs), Arc::clone(&self.service), self.info_hash);
        drop(self);
        // Whoever claims it in between takes it over.
        is_ours.then(|| needs.removal(&service, info_hash)).flatten()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut needs = self.needs.needs();
        let key = key(&self.service, self.info_hash);
        let Some(need) = needs.get_mut(&key) else { return };
        need.claim_count = need.claim_count.saturating_sub(1);
        if need.claim_count == 0 && !need.is_removed_now {
            needs.remove(&key);
        }
    }
}

/// A torrent is being taken away, as long as this is held.
#[derive(Debug)]
pub(crate) struct Removal {
    needs: Arc<Needs>,
    service: Arc<dyn DebridService>,
    info_hash: InfoHash,
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.needs.needs().remove(&key(&self.service, self.info_hash));
        self.needs.removed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::silent::Silent;
    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn service() -> Arc<dyn DebridService> {
        Arc::new(Silent::new("one"))
    }

    /// Goal: what one of us has added goes with the last who needs it, and nobody takes it from him; what was the user's goes with nobody.
    #[tokio::test]
    async fn the_last_one_takes_it_away() {
        let (needs, one, other) = (Arc::new(Needs::default()), service(), service());
        let (first, second) = (needs.claim(&one, HASH).await, needs.claim(&one, HASH).await);
        first.set_ours();
        assert!(second.is_ours());
        assert!(first.give_up().is_none() && needs.removal(&one, HASH).is_none(), "the second needs it");
        assert!(needs.removal(&other, HASH).is_some(), "another account is another matter");
        assert!(second.give_up().is_some());
        let users = needs.claim(&one, HASH).await;
        assert!(users.give_up().is_none());
        // A race that loses hands over what it has added.
        let claim = needs.claim(&one, HASH).await;
        assert!(needs.removal(&one, HASH).is_none() && claim.is_ours());
        drop(claim);
        assert!(needs.needs().is_empty());
    }

    /// Goal: nobody asks for what is just being taken away.
    #[tokio::test(start_paused = true)]
    async fn a_claim_waits_for_a_removal() {
        let (needs, one) = (Arc::new(Needs::default()), service());
        let removal = needs.removal(&one, HASH).unwrap();
        assert!(needs.removal(&one, HASH).is_none(), "once is enough");
        let claiming = tokio::time::timeout(Duration::from_secs(1), needs.claim(&one, HASH));
        assert!(claiming.await.is_err());
        let (claim, ()) = tokio::join!(needs.claim(&one, HASH), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(removal);
        });
        assert!(!claim.is_ours());
        drop(claim);
        assert!(needs.needs().is_empty());
    }
}
