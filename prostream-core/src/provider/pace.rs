//! How fast one account may ask: a token bucket below a service's documented limit, shared by all that ask through one provider.

use std::fmt;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::net::Call;
use crate::{Error, ErrorKind, Result};

/// Lets requests pass at a steady rate with short bursts: at most `burst + rate_per_s` in any second.
pub(crate) struct Pace {
    bucket: DefaultDirectRateLimiter,
    clock: DefaultClock,
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
        Self { bucket: RateLimiter::direct(quota), clock: DefaultClock::default() }
    }

    /// Waits for this request's turn.
    ///
    /// # Errors
    /// `RateLimited`, at once, when the turn would come after the call's deadline.
    /// # Cancel safety
    /// Safe to drop at any point: no turn is used up.
    pub(crate) async fn turn(&self, call: &Call, operation: &'static str) -> Result<()> {
        while let Err(not_until) = self.bucket.check() {
            let wait = not_until.wait_time_from(self.clock.now());
            if wait >= call.remaining() {
                return Err(Error::new(ErrorKind::RateLimited, operation)
                    .detail("the turn would come after the deadline")
                    .after(wait));
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
}
