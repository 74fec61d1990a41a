//! How many requests go to one side at a time: more while they are answered, half as many when it pushes back (OUT-06).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most requests to one side at a time, and how many the first ones may be.
const MOST: u8 = 8;
/// What pushes back within this after a cut was sent before it, and tells nothing new.
const CUT_EVERY: Duration = Duration::from_secs(1);

/// What came of a request, as far as the number of others beside it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It was answered.
    Answered,
    /// The other side has too much to do: 429, 502 to 504, no answer in time, no connection.
    PushedBack,
    /// Neither: given up by who asked.
    None,
}

/// Additive increase, multiplicative decrease, as TCP has it (RFC 5681): one more for each round that is answered, half for a push-back.
#[derive(Debug)]
struct Aimd {
    /// From 1 to [`MOST`].
    limit: f64,
    cut_at: Option<Instant>,
}

impl Aimd {
    fn told(&mut self, sign: Sign, now: Instant) {
        match sign {
            Sign::Answered => self.limit = (self.limit + 1.0 / self.limit).min(f64::from(MOST)),
            Sign::PushedBack => {
                if self.cut_at.is_none_or(|cut_at| now.saturating_duration_since(cut_at) >= CUT_EVERY) {
                    self.limit = (self.limit / 2.0).max(1.0);
                    self.cut_at = Some(now);
                }
            }
            Sign::None => {}
        }
    }

    fn whole(&self) -> usize {
        // Between 1 and 8: nothing is lost.
        self.limit as usize
    }
}

/// One side that is asked: a host, or one of those that a host asks for us.
#[derive(Debug)]
pub(super) struct Lane {
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    aimd: Aimd,
    /// Permits that exist, those that are lent included.
    lent_and_free: usize,
}

impl Lane {
    pub(super) fn new() -> Self {
        let most = usize::from(MOST);
        let aimd = Aimd { limit: f64::from(MOST), cut_at: None };
        Self { permits: Arc::new(Semaphore::new(most)), state: Mutex::new(State { aimd, lent_and_free: most }) }
    }

    /// Waits for a place. Given back when it is dropped.
    ///
    /// # Cancel safety
    /// Safe to drop: whoever waits has nothing.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        // Never closed; were it, requests would go unlimited rather than never.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        Place { lane: Arc::clone(self), permit }
    }

    /// Tells what came of a request.
    pub(super) fn told(&self, sign: Sign, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.aimd.told(sign, now);
        let wanted = state.aimd.whole();
        if wanted > state.lent_and_free {
            self.permits.add_permits(wanted.saturating_sub(state.lent_and_free));
            state.lent_and_free = wanted;
        } else {
            let gone = self.permits.forget_permits(state.lent_and_free.saturating_sub(wanted));
            state.lent_and_free = state.lent_and_free.saturating_sub(gone);
        }
    }

    /// Most requests at a time as of now.
    #[cfg(test)]
    pub(super) fn limit(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).aimd.whole()
    }
}

/// A place among the requests of a [`Lane`].
#[derive(Debug)]
pub(super) struct Place {
    lane: Arc<Lane>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut state = self.lane.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The limit was cut while all places were taken.
        if state.lent_and_free > state.aimd.whole() {
            permit.forget();
            state.lent_and_free = state.lent_and_free.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn places(lane: &Arc<Lane>) -> Vec<Place> {
        std::iter::from_fn(|| lane.enter().now_or_never()).take(100).collect()
    }

    /// Goal: OUT-06: from 1 to 8 requests at a time: half of them after a push-back, however many came at once, and one more for each round
    /// that is answered.
    #[test]
    fn out_06_a_side_that_pushes_back_is_asked_less() {
        let lane = Arc::new(Lane::new());
        let mut now = Instant::now();
        assert_eq!(places(&lane).len(), 8);
        for expected in [4, 2, 1, 1] {
            now += CUT_EVERY;
            for _ in 0..8 {
                lane.told(Sign::PushedBack, now);
            }
            assert_eq!(places(&lane).len(), expected);
        }
        lane.told(Sign::None, now);
        assert_eq!(places(&lane).len(), 1);
        for expected in 2..=8 {
            for _ in 0..expected {
                lane.told(Sign::Answered, now);
            }
            assert_eq!(places(&lane).len(), expected);
        }
        lane.told(Sign::Answered, now);
        assert_eq!(places(&lane).len(), 8, "never more");
    }

    /// Goal: requests under way when the limit is cut end in peace, and their places with them.
    #[test]
    fn places_beyond_a_cut_limit_go_when_they_are_given_back() {
        let lane = Arc::new(Lane::new());
        let mut taken = places(&lane);
        lane.told(Sign::PushedBack, Instant::now());
        taken.truncate(5);
        assert_eq!(places(&lane).len(), 0, "five run, four may");
        taken.truncate(3);
        assert_eq!(places(&lane).len(), 1);
        drop(taken);
        assert_eq!(places(&lane).len(), 4);
    }

    proptest! {
        /// Goal: whatever is told and given back in whatever order, as many places are free in the end as the limit says, and that is from 1 to 8.
        #[test]
        fn places_are_as_many_as_the_limit(steps in prop::collection::vec((0..4u8, 0..3_000u64), 0..200)) {
            let lane = Arc::new(Lane::new());
            let mut now = Instant::now();
            let mut taken: Vec<Place> = Vec::new();
            for (step, wait_ms) in steps {
                now += Duration::from_millis(wait_ms);
                match step {
                    0 => lane.told(Sign::Answered, now),
                    1 => lane.told(Sign::PushedBack, now),
                    2 => taken.extend(lane.enter().now_or_never()),
                    _ => drop(taken.pop()),
                }
                prop_assert!((1..=8).contains(&lane.limit()));
            }
            drop(taken);
            prop_assert_eq!(places(&lane).len(), lane.limit());
        }
    }
}
