//! How fast one account may ask: a token bucket below a service's documented limit, shared by all that ask through one provider, and by
//! all processes where the client has a budget for that.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use url::Url;

use crate::model::AccountId;
use crate::net::{Call, HttpClient, Rate, Secret, SharedBudget, Turn};
use crate::{Error, ErrorKind, Result};

/// Shortest wait for a turn that other processes took.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// Lets requests pass at a steady rate with short bursts: at most `burst + rate_per_s` in any second.
pub(crate) struct Pace {
    bucket: DefaultDirectRateLimiter,
    clock: DefaultClock,
    rate: Rate,
    shared: Option<Shared>,
    paused_until: std::sync::Mutex<Option<Instant>>,
}

/// The same pace, kept together with other processes.
struct Shared {
    budget: Arc<dyn SharedBudget>,
    account: AccountId,
    /// One of this process asks for a turn at a time, in the order they came; the others would only ask in vain.
    queue: Mutex<()>,
}

impl Pace {
    /// `rate_per_s` requests a second in the long run, `burst` at once after a pause, counted by this process alone.
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
        Self {
            bucket: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            rate: Rate { interval: quota.replenish_interval(), burst: quota.burst_size() },
            shared: None,
            paused_until: std::sync::Mutex::new(None),
        }
    }

    /// Lets nothing of this process pass for so long: the service has said that it was asked too often. A longer pause that is under way stays.
    pub(crate) fn pause(&self, wait: Duration) {
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Instant::now().checked_add(wait));
    }

    /// The same for all processes that ask `service` with `key`, if `http` has a budget that they share. While the budget cannot be
    /// asked, this process keeps the pace by itself.
    ///
    /// `part` tells the paces of one account apart; empty where there is one.
    pub(crate) fn of_account(self, http: &HttpClient, service: &Url, key: &Secret, part: &str) -> Self {
        let account = account(service, key, part);
        let shared =
            http.shared_budget().map(|budget| Shared { budget: Arc::clone(budget), account, queue: Mutex::default() });
        Self { shared, ..self }
    }

    /// Waits for this request's turn.
    ///
    /// # Errors
    /// `RateLimited` when the turn would come after the call's deadline: at once, where that is known.
    /// # Cancel safety
    /// Safe to drop at any point: at most one turn is used up.
    pub(crate) async fn turn(&self, call: &Call, operation: &'static str) -> Result<()> {
        // Our own first: what this process alone asks too fast, nobody else has to be asked about.
        while let Some(time) = self.until_turn() {
            wait(call, operation, time).await?;
        }
        let Some(Shared { budget, account, queue }) = &self.shared else { return Ok(()) };
        let Ok(_place) = tokio::time::timeout(call.remaining(), queue.lock()).await else {
            return Err(too_late(operation));
        };
        loop {
            match budget.take(account, self.rate).await {
                Ok(Turn::Taken) => return Ok(()),
                Ok(Turn::After(time)) => wait(call, operation, time.max(MIN_WAIT)).await?,
                Err(error) => {
                    tracing::debug!(%error, "the pace is kept by this process alone");
                    return Ok(());
                }
            }
        }
    }

    /// How long the next request has to wait for this process; with `None` its turn is taken.
    fn until_turn(&self) -> Option<Duration> {
        let paused_until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = paused_until.map(|until| until.saturating_duration_since(Instant::now()));
        pause.filter(|wait| !wait.is_zero()).or_else(|| {
            let not_until = self.bucket.check().err()?;
            Some(not_until.wait_time_from(self.clock.now()))
        })
    }
}

async fn wait(call: &Call, operation: &'static str, time: Duration) -> Result<()> {
    if time >= call.remaining() {
        return Err(too_late(operation).after(time));
    }
    tokio::time::sleep(time).await;
    Ok(())
}

fn too_late(operation: &'static str) -> Error {
    Error::new(ErrorKind::RateLimited, operation).detail("the turn would come after the deadline")
}

/// Names who asks whom, never the key: 128 bits of a hash.
fn account(service: &Url, key: &Secret, part: &str) -> AccountId {
    let mut hasher = Sha256::new();
    hasher.update("prostream account\n");
    hasher.update(service.origin().ascii_serialization());
    hasher.update("\n");
    hasher.update(key.expose());
    hasher.update("\n");
    hasher.update(part);
    let hex = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    AccountId(hex)
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("rate", &self.rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::net::HttpClientConfig;

    /// Answers as it is told, and counts how often it is asked.
    #[derive(Debug)]
    struct Told {
        answer: Option<Turn>,
        asked_count: AtomicUsize,
    }

    #[async_trait]
    impl SharedBudget for Told {
        async fn take(&self, account: &AccountId, _: Rate) -> Result<Turn> {
            assert!(account.0.len() == 32 && !account.0.contains("k3y"), "{account:?}");
            self.asked_count.fetch_add(1, Ordering::Relaxed);
            self.answer.ok_or_else(|| Error::new(ErrorKind::Unavailable, "test"))
        }
    }

    fn shared(answer: Option<Turn>) -> (Pace, Arc<Told>) {
        let told = Arc::new(Told { answer, asked_count: AtomicUsize::new(0) });
        let budget: Arc<dyn SharedBudget> = told.clone();
        let config = HttpClientConfig { shared_budget: Some(budget), ..HttpClientConfig::default() };
        let http = HttpClient::new(config).unwrap();
        let service = Url::parse("https://api.example/v1").unwrap();
        let pace = Pace::new(NonZeroU32::MIN, NonZeroU32::MIN).of_account(&http, &service, &Secret::new("k3y"), "");
        (pace, told)
    }

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

    /// Goal: a turn that other processes took is not taken here.
    #[tokio::test]
    async fn a_turn_that_others_took_is_waited_for() {
        let (pace, told) = shared(Some(Turn::After(Duration::from_secs(3600))));
        let error = pace.turn(&Call::within(Duration::from_secs(60)), "test").await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(3600))));
        assert_eq!(told.asked_count.load(Ordering::Relaxed), 1);
    }

    /// Goal: without the place where turns are counted, this process goes on, and keeps the pace by itself.
    #[tokio::test]
    async fn without_the_budget_the_pace_is_kept_alone() {
        let (pace, told) = shared(None);
        let call = Call::within(Duration::ZERO);
        // A deadline of nothing leaves no time to queue, where the lock is free nobody waits.
        pace.turn(&call, "test").await.unwrap();
        assert_eq!(pace.turn(&call, "test").await.unwrap_err().kind(), ErrorKind::RateLimited);
        assert_eq!(told.asked_count.load(Ordering::Relaxed), 1, "our own pace comes first");
    }

    /// Goal: an account is one name everywhere, and another key or service is another account.
    #[test]
    fn accounts_are_told_apart_without_their_keys() {
        let service = Url::parse("https://api.example/v1").unwrap();
        let one = account(&service, &Secret::new("k3y"), "");
        assert_eq!(one, account(&Url::parse("https://api.example/v2/").unwrap(), &Secret::new("k3y"), ""));
        assert_ne!(one, account(&service, &Secret::new("other"), ""));
        assert_ne!(one, account(&Url::parse("https://other.example/v1").unwrap(), &Secret::new("k3y"), ""));
    }
}
