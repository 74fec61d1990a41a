//! What an account held before we came: services do not say so when a torrent is added, and what the user had is never removed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
use tokio::time::timeout;

use super::TorrentId;
use crate::model::InfoHash;
use crate::net::Call;

/// How long a listing of the account is believed, from before its first page was asked for. Short: what a user adds elsewhere in between, also
/// while the other pages come, would be taken for ours.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// How long our own additions are remembered: longer than any call that still holds a listing from before them.
const REMEMBER_FOR: Duration = Duration::from_secs(600);

/// All torrents of the account at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) ids: HashSet<TorrentId>,
    pub(super) hashes: HashSet<InfoHash>,
}

/// What is known of an account, for all that use it at the same time.
#[derive(Debug, Default)]
pub(super) struct Shared<T> {
    /// Who lists the account holds it, so that it is listed once for all that wait.
    turn: AsyncMutex<()>,
    state: Mutex<T>,
}

impl<T> Shared<T> {
    /// The turn to list the account; `None` when it does not come within the call's time.
    pub(super) async fn turn(&self, call: &Call) -> Option<AsyncMutexGuard<'_, ()>> {
        timeout(call.remaining(), self.turn.lock()).await.ok()
    }

    /// What is known now; nobody waits while he holds it.
    pub(super) fn now(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last listing, and what was added since.
#[derive(Debug, Default)]
pub(super) struct Known {
    last: Option<(Instant, Arc<Listing>)>,
    added: Vec<(Instant, TorrentId)>,
    outdated_count: u64,
}

/// A listing that is being asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    at: Instant,
    outdated_count: u64,
}

impl Known {
    /// The last listing, if it is still to be believed.
    pub(super) fn listing(&self, now: Instant) -> Option<Arc<Listing>> {
        let (at, listing) = self.last.as_ref()?;
        (now.saturating_duration_since(*at) < FRESH_FOR).then(|| Arc::clone(listing))
    }

    /// A listing will be asked for at `now`.
    pub(super) fn begin(&self, now: Instant) -> Begun {
        Begun { at: now, outdated_count: self.outdated_count }
    }

    /// Keeps a listing, unless it was outdated while it came.
    pub(super) fn listed(&mut self, begun: Begun, listing: Listing) -> Arc<Listing> {
        let listing = Arc::new(listing);
        if begun.outdated_count == self.outdated_count {
            self.last = Some((begun.at, Arc::clone(&listing)));
        }
        listing
    }

    /// Was the torrent `id`, which the service has just named for `hash`, there before? `before` is a listing from before it was added;
    /// without one nobody can tell, and it counts as the user's. Of two additions at the same time only the first is the one that added it.
    pub(super) fn was_there(&mut self, now: Instant, before: Option<&Listing>, id: &TorrentId, hash: InfoHash) -> bool {
        self.added.retain(|(at, _)| now.saturating_duration_since(*at) < REMEMBER_FOR);
        let is_second = self.added.iter().any(|(_, added)| added == id);
        if !is_second {
            self.added.push((now, id.clone()));
        }
        is_second || before.is_none_or(|before| before.ids.contains(id) || before.hashes.contains(&hash))
    }

    /// Forgets a torrent that was removed.
    pub(super) fn removed(&mut self, id: &TorrentId) {
        self.added.retain(|(_, added)| added != id);
        self.outdate();
    }

    /// The last listing no longer tells what is there: a new one is asked for before the next addition.
    pub(super) fn outdate(&mut self) {
        self.last = None;
        self.outdated_count = self.outdated_count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> TorrentId {
        TorrentId(number.to_string())
    }

    const HASH: InfoHash = InfoHash([7; 20]);

    /// Goal: what was listed, by number or by hash, is the user's; what was not is ours, once.
    #[test]
    fn only_what_was_not_listed_is_ours() {
        let now = Instant::now();
        let mut known = Known::default();
        let by_id = Listing { ids: [id(1)].into(), hashes: HashSet::new() };
        assert!(known.was_there(now, Some(&by_id), &id(1), HASH));
        let by_hash = Listing { ids: HashSet::new(), hashes: [HASH].into() };
        assert!(known.was_there(now, Some(&by_hash), &id(2), HASH));
        let empty = Listing::default();
        assert!(!known.was_there(now, Some(&empty), &id(3), HASH));
        assert!(known.was_there(now, Some(&empty), &id(3), HASH), "a second addition finds it there");
        known.removed(&id(3));
        assert!(!known.was_there(now, Some(&empty), &id(3), HASH), "removed and added again");
    }

    /// Goal: where nobody can tell, it is the user's.
    #[test]
    fn without_a_listing_it_is_the_users() {
        assert!(Known::default().was_there(Instant::now(), None, &id(1), HASH));
    }

    /// Goal: an old listing is not believed.
    #[test]
    fn listings_grow_old() {
        let now = Instant::now();
        let mut known = Known::default();
        known.listed(known.begin(now), Listing::default());
        assert!(known.listing(now).is_some());
        assert!(known.listing(now + FRESH_FOR).is_none());
        known.outdate();
        assert!(known.listing(now).is_none());
    }

    /// Goal: a listing that may still name what was removed while it came serves who asked for it, and nobody else.
    #[test]
    fn a_listing_that_was_outdated_on_its_way_is_not_kept() {
        let now = Instant::now();
        let mut known = Known::default();
        let begun = known.begin(now);
        known.removed(&id(1));
        let listing = known.listed(begun, Listing { ids: [id(1)].into(), hashes: HashSet::new() });
        assert!(listing.ids.contains(&id(1)) && known.listing(now).is_none());
        known.listed(known.begin(now), Listing::default());
        assert!(known.listing(now).is_some());
    }

    /// Goal: who lists the account keeps nobody beyond his own time, and nobody at all from what is known.
    #[tokio::test]
    async fn a_listing_keeps_nobody_beyond_his_deadline() {
        let shared = Shared::<Known>::default();
        let in_no_time = Call::within(Duration::ZERO);
        let turn = shared.turn(&in_no_time).await.unwrap();
        assert!(shared.turn(&in_no_time).await.is_none());
        assert!(!shared.now().was_there(Instant::now(), Some(&Listing::default()), &id(1), HASH));
        drop(turn);
        assert!(shared.turn(&in_no_time).await.is_some());
    }
}
