//! Who needs which torrent at which service. Many of us use one account: what one has added and gives up again may be what another waits for.
//! So nobody takes away what is claimed or being tried, and nobody asks for what is just being taken away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::InfoHash;
use crate::provider::debrid::{DebridService, TorrentId};

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
    /// Tries under way.
    try_count: usize,
    /// What was left to the last of them to be taken away: at most one torrent for each try and each removal meanwhile.
    left: Vec<TorrentId>,
    /// What is played meanwhile.
    played: Vec<TorrentId>,
}

impl Need {
    fn is_over(&self) -> bool {
        self.claim_count == 0 && self.try_count == 0 && !self.is_removed_now
    }

    /// Begins to take it away, unless it is claimed, and then it goes with the last claim, or goes already.
    fn begin_removal(&mut self) -> bool {
        self.is_ours |= self.claim_count > 0;
        let begins = self.claim_count == 0 && !self.is_removed_now;
        self.is_removed_now |= begins;
        begins
    }
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
        self.once_removed(service, info_hash, |need| need.claim_count = need.claim_count.saturating_add(1)).await;
        Claim(Held::of(self, service, info_hash))
    }

    /// Begins to add, look at and perhaps take away a torrent; waits until a removal of it that is under way is over. Several may try at once:
    /// the last of them takes away what none plays.
    ///
    /// # Cancel safety
    /// Safe to drop at any point: nothing has begun then.
    pub(super) async fn begin_try(self: &Arc<Self>, service: &Arc<dyn DebridService>, info_hash: InfoHash) -> Try {
        self.once_removed(service, info_hash, |need| need.try_count = need.try_count.saturating_add(1)).await;
        Try(Held::of(self, service, info_hash))
    }

    async fn once_removed(&self, service: &Arc<dyn DebridService>, info_hash: InfoHash, begin: impl FnOnce(&mut Need)) {
        loop {
            // Listened for before looking, so that no end is missed.
            let mut removed = std::pin::pin!(self.removed.notified());
            removed.as_mut().enable();
            {
                let mut needs = self.needs();
                let need = needs.entry(key(service, info_hash)).or_default();
                if !need.is_removed_now {
                    return begin(need);
                }
            }
            removed.await;
        }
    }

    /// The right to take away what one of us has added and does not need. None where another needs it, who will take it away then, where it is
    /// tried just now, whose last will, or where it is being taken away already.
    pub(crate) fn removal(
        self: &Arc<Self>,
        service: &Arc<dyn DebridService>,
        info_hash: InfoHash,
        torrent: &TorrentId,
    ) -> Option<Removal> {
        let mut needs = self.needs();
        let need = needs.entry(key(service, info_hash)).or_default();
        if need.try_count > 0 {
            need.left.push(torrent.clone());
            return None;
        }
        need.begin_removal().then(|| Removal(Held::of(self, service, info_hash)))
    }

    /// The needs. They are whole at every point where a holder could panic, so a poisoned lock is no reason to stop.
    fn needs(&self) -> MutexGuard<'_, HashMap<Key, Need>> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A torrent at a service, and the right to note what becomes of it.
#[derive(Debug)]
struct Held {
    needs: Arc<Needs>,
    service: Arc<dyn DebridService>,
    info_hash: InfoHash,
}

impl Held {
    fn of(needs: &Arc<Needs>, service: &Arc<dyn DebridService>, info_hash: InfoHash) -> Self {
        Self { needs: Arc::clone(needs), service: Arc::clone(service), info_hash }
    }

    /// Notes something, and forgets what is over by it.
    fn note<T>(&self, note: impl FnOnce(&mut Need) -> T) -> Option<T> {
        let mut needs = self.needs.needs();
        let key = key(&self.service, self.info_hash);
        let need = needs.get_mut(&key)?;
        let noted = note(need);
        if need.is_over() {
            needs.remove(&key);
        }
        Some(noted)
    }
}

/// Somebody needs a torrent, as long as this is held.
#[derive(Debug)]
pub(crate) struct Claim(Held);

impl Claim {
    /// One of us has added it.
    pub(crate) fn set_ours(&self) {
        self.0.note(|need| need.is_ours = true);
    }

    /// Has one of us added it?
    pub(crate) fn is_ours(&self) -> bool {
        self.0.note(|need| need.is_ours).unwrap_or_default()
    }

    /// No longer needed: the right to take it away, where one of us has added it and nobody else needs or tries it.
    pub(crate) fn give_up(self, torrent: &TorrentId) -> Option<Removal> {
        let is_ours = self.is_ours();
        let (needs, service, info_hash) = (Arc::clone(&self.0.needs), Arc::clone(&self.0.service), self.0.info_hash);
        drop(self);
        // Whoever claims it in between takes it over.
        is_ours.then(|| needs.removal(&service, info_hash, torrent)).flatten()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.note(|need| need.claim_count = need.claim_count.saturating_sub(1));
    }
}

/// Somebody tries a torrent, as long as this is held.
#[derive(Debug)]
pub(super) struct Try(Held);

impl Try {
    /// It is played, whoever of those who try it has added it.
    pub(super) fn played(&self, torrent: TorrentId) {
        self.0.note(|need| need.played.push(torrent));
    }

    /// One of us has added it, and it is not played.
    pub(super) fn left(&self, torrent: TorrentId) {
        self.0.note(|need| need.left.push(torrent));
    }

    /// The try is over: for the last of those who tried, what has to be taken away now. None where another needs it, who will do so then.
    pub(super) fn end(self) -> Option<(Removal, Vec<TorrentId>)> {
        let left = self.0.note(|need| {
            // This one is counted until it is dropped.
            if need.try_count > 1 {
                return Vec::new();
            }
            let played = std::mem::take(&mut need.played);
            let mut left = std::mem::take(&mut need.left);
            left.retain(|torrent| !played.contains(torrent));
            left.sort_unstable_by(|one, other| one.0.cmp(&other.0));
            left.dedup();
            if left.is_empty() || need.begin_removal() { left } else { Vec::new() }
        })?;
        (!left.is_empty()).then(|| (Removal(Held::of(&self.0.needs, &self.0.service, self.0.info_hash)), left))
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        self.0.note(|need| need.try_count = need.try_count.saturating_sub(1));
    }
}

/// A torrent is being taken away, as long as this is held.
#[derive(Debug)]
pub(crate) struct Removal(Held);

impl Drop for Removal {
    fn drop(&mut self) {
        self.0.note(|need| (need.is_removed_now, need.is_ours) = (false, false));
        self.0.needs.removed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::silent::Silent;
    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn id(text: &str) -> TorrentId {
        TorrentId(text.to_owned())
    }

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
        assert!(
            first.give_up(&id("7")).is_none() && needs.removal(&one, HASH, &id("7")).is_none(),
            "the second needs it"
        );
        assert!(needs.removal(&other, HASH, &id("7")).is_some(), "another account is another matter");
        assert!(second.give_up(&id("7")).is_some());
        let users = needs.claim(&one, HASH).await;
        assert!(users.give_up(&id("7")).is_none());
        // A race that loses hands over what it has added.
        let claim = needs.claim(&one, HASH).await;
        assert!(needs.removal(&one, HASH, &id("7")).is_none() && claim.is_ours());
        drop(claim);
        assert!(needs.needs().is_empty());
    }

    /// Goal: nobody asks for what is just being taken away.
    #[tokio::test(start_paused = true)]
    async fn a_claim_waits_for_a_removal() {
        let (needs, one) = (Arc::new(Needs::default()), service());
        let removal = needs.removal(&one, HASH, &id("7")).unwrap();
        assert!(needs.removal(&one, HASH, &id("7")).is_none(), "once is enough");
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

    /// Goal: of several who try a torrent at once none loses it to another: what was added for it goes with the last, unless it is played;
    /// who comes while it goes waits.
    #[tokio::test(start_paused = true)]
    async fn what_is_tried_is_not_taken_away() {
        let (needs, one) = (Arc::new(Needs::default()), service());
        let (first, second) = (needs.begin_try(&one, HASH).await, needs.begin_try(&one, HASH).await);
        first.left(id("7"));
        assert!(first.end().is_none(), "the second looks at it");
        assert!(needs.removal(&one, HASH, &id("8")).is_none());
        second.left(id("7"));
        let (removal, left) = second.end().unwrap();
        assert_eq!(left, [id("7"), id("8")]);
        let waiting = tokio::time::timeout(Duration::from_secs(1), needs.begin_try(&one, HASH));
        assert!(waiting.await.is_err());
        drop(removal);

        let (first, second) = (needs.begin_try(&one, HASH).await, needs.begin_try(&one, HASH).await);
        second.played(id("7"));
        assert!(second.end().is_none());
        first.left(id("7"));
        assert!(first.end().is_none(), "it is played");
        // Somebody fetches it: it is his from now on.
        let claim = needs.claim(&one, HASH).await;
        let tried = needs.begin_try(&one, HASH).await;
        tried.left(id("7"));
        assert!(tried.end().is_none() && claim.is_ours());
        drop(claim);
        // Who is cut off leaves nothing behind.
        drop(needs.begin_try(&one, HASH).await);
        assert!(needs.removal(&one, HASH, &id("7")).is_some());
        assert!(needs.needs().is_empty());
    }
    /// Goal: who gives up what he has fetched takes it from under nobody who looks at it just then: that one leaves it, or plays it.
    #[tokio::test]
    async fn what_is_given_up_is_not_taken_from_who_tries_it() {
        let (needs, one) = (Arc::new(Needs::default()), service());
        for is_played in [false, true] {
            let claim = needs.claim(&one, HASH).await;
            claim.set_ours();
            let tried = needs.begin_try(&one, HASH).await;
            assert!(claim.give_up(&id("7")).is_none(), "it is looked at");
            if is_played {
                tried.played(id("7"));
            }
            let left = tried.end().map(|(_, left)| left);
            assert_eq!(left, (!is_played).then(|| vec![id("7")]));
            assert!(needs.needs().is_empty());
        }
    }
}
