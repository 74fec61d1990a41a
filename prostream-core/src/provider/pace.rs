//! How fast one account may ask: a token bucket below a service's documented limit, shared by all that ask through one provider.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::net::Call;
use crate::{Error, ErrorKind, Result};

/// Lets requests pass at a steady rate with short bursts: at most `burst + rate_per_s` in any second.
pub(crate) struct Pace {
    bucket: DefaultDirectRateLimiter,
    clock: DefaultClock,
    paused_until: Mutex<Option<Instant>>,
}

impl Pace {
    /// `rate_per_s` requests a second in the long run, `burst` at once after a pause.
    pub(crate) fn new(rate_per_s: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::of(Quota::per_second(rate_per_s).allow_burst(burst))
    }

    /// The same for rates below one a second: at most `burst + rate_per_min` in any minute.
    pub(crate) fn per_minute(rate_per_min: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::of(Quota::per_minute(rate_per_min).allow_burst(burst))
    }

    /// The same for rates below one a minute: at most `burst + rate_per_hour` in any hour.
    pub(crate) fn per_hour(rate_per_hour: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::of(Quota::per_hour(rate_per_hour).allow_burst(burst))
    }

    fn of(quota: Quota) -> Self {
        Self { bucket: RateLimiter::direct(quota), clock: DefaultClock::default(), paused_until: Mutex::new(None) }
    }

    /// Lets nothing pass for so long: the service has said that it was asked too often. A longer pause that is under way stays.
    pub(crate) fn pause(&self, wait: Duration) {
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Instant::now().checked_add(wait));
    }

    /// Waits for this request's turn.
    ///
    /// # Errors
    /// `RateLimited`, at once, when the turn would come after the call's deadline.
    /// # Cancel safety
    /// Safe to drop at any point: no turn is used up.
    pub(crate) async fn turn(&self, call: &Call, operation: &'static str) -> Result<()> {
        while let Some(wait) = self.wait() {
            if wait >= call.remaining() {
                return Err(Error::new(ErrorKind::RateLimited, operation)
                    .detail("the turn would come after the deadline")
                    .after(wait));
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// How long the next request has to wait; with `None` its turn is taken.
    fn wait(&self) -> Option<Duration> {
        let paused_until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = paused_until.map(|until| until.saturating_duration_since(Instant::now()));
        pause.filter(|wait| !wait.is_zero()).or_else(|| {
            let not_until = self.bucket.check().err()?;
            Some(not_until.wait_time_from(self.clock.now()))
        })
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nobody waits for a turn that cannot come in time.
    #[tokio::test]
    async fn a_turn_beyond_the_deadline_is_refused_at_once() {
        let pace = Pace::new(NonZeroU32::MIN, NonZeroU32::MIN);
        let call = Call::within(Duration::ZERO);
        pace.turn(&call, "test").await.unwrap();
        let error = pace.turn(&call, "test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().is_some());
    }

    /// Goal: during a pause nothing passes, and a shorter one does not end a longer one.
    #[tokio::test]
    async fn a_pause_lets_nothing_pass() {
        let pace = Pace::new(NonZeroU32::MIN, NonZeroU32::MIN);
        pace.pause(Duration::from_secs(3_600));
        pace.pause(Duration::ZERO);
        let error = pace.turn(&Call::within(Duration::from_secs(60)), "test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(60)));
    }
}
