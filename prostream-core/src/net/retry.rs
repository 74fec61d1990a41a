//! When and how often a request is tried again: pure arithmetic over the time that is handed in.

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, StatusCode, header};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Wait before the first retry; doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// Longest wait that we choose ourselves.
const MAX_BACKOFF: Duration = Duration::from_secs(8);
/// Longest wait that another side may ask for; more is cut, so that a hostile date does not become a number of years.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Retries that a quiet host has saved up at most.
const BUDGET_BURST: f64 = 10.0;
/// Retries earned by a request.
const BUDGET_PER_REQUEST: f64 = 0.1;
/// Retries earned by a second.
const BUDGET_PER_S: f64 = 1.0;
/// The breaker counts in two halves of this length; outcomes older than both do not count.
const BREAKER_HALF_WINDOW: Duration = Duration::from_secs(15);
/// Fewer outcomes than this open no breaker.
const BREAKER_MIN_OUTCOMES: u32 = 10;
/// How long an open breaker lets nothing through.
const BREAKER_OPEN: Duration = Duration::from_secs(15);

/// Statuses that another try may heal.
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The wait before retry number `retry` (from 0): doubling and capped, half of it fixed, half of it by chance, so that many who
/// failed together do not come back together.
pub(crate) fn backoff(retry: u32) -> Duration {
    backoff_by(retry, chance())
}

/// A number from 0 to 1, by chance.
pub(super) fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

/// [`backoff`] with a `chance` from 0 to 1.
pub(super) fn backoff_by(retry: u32, chance: f64) -> Duration {
    let whole = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(retry)).min(MAX_BACKOFF);
    whole.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

/// How long the other side asks us to wait: seconds or an HTTP date (RFC 9110 section 10.2.3), at most a day.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    // An IMF-fixdate is an RFC 2822 date that says GMT.
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default().min(MAX_RETRY_AFTER))
}

/// How many retries a host has left: one for every ten requests and one a second, so that retries never become the load.
#[derive(Debug)]
pub(super) struct RetryBudget {
    tokens: f64,
    filled: Instant,
}

impl RetryBudget {
    pub(super) fn new(now: Instant) -> Self {
        Self { tokens: BUDGET_BURST, filled: now }
    }

    /// A first try was made.
    pub(super) fn earn(&mut self, now: Instant) {
        self.fill(now);
        self.tokens = (self.tokens + BUDGET_PER_REQUEST).min(BUDGET_BURST);
    }

    /// May one be tried again? If so it is paid for.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        self.fill(now);
        let has_token = self.tokens >= 1.0;
        if has_token {
            self.tokens -= 1.0;
        }
        has_token
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        self.tokens = (self.tokens + passed.as_secs_f64() * BUDGET_PER_S).min(BUDGET_BURST);
        self.filled = now;
    }
}

/// Stops asking a host that fails: half of at least ten outcomes within 30 s open it for 15 s, then one probe decides.
#[derive(Debug)]
pub(super) struct Breaker {
    /// The window is two halves: the one that fills, and the one before it.
    halves: [Outcomes; 2],
    half_began: Instant,
    state: BreakerState,
}

#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    failed: u32,
    all: u32,
}

#[derive(Clone, Copy, Debug)]
enum BreakerState {
    Closed,
    Open {
        until: Instant,
    },
    /// One request is on its way to see; were it never heard of again, the next may try at `until`.
    Probing {
        until: Instant,
    },
}

impl Breaker {
    pub(super) fn new(now: Instant) -> Self {
        Self { halves: [Outcomes::default(); 2], half_began: now, state: BreakerState::Closed }
    }

    /// May a request be sent now? If not: after which time.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.state {
            BreakerState::Closed => Ok(()),
            BreakerState::Open { until } | BreakerState::Probing { until } if now < until => {
                Err(until.saturating_duration_since(now))
            }
            BreakerState::Open { .. } | BreakerState::Probing { .. } => {
                self.state = BreakerState::Probing { until: later(now, BREAKER_OPEN) };
                Ok(())
            }
        }
    }

    /// A request ended.
    pub(super) fn record(&mut self, now: Instant, is_failure: bool) {
        match self.state {
            BreakerState::Closed => {}
            // Sent before it opened: says nothing of now.
            BreakerState::Open { .. } => return,
            BreakerState::Probing { .. } if is_failure => {
                self.state = BreakerState::Open { until: later(now, BREAKER_OPEN) };
                return;
            }
            BreakerState::Probing { .. } => *self = Self::new(now),
        }
        self.turn(now);
        let [current, previous] = &mut self.halves;
        current.all = current.all.saturating_add(1);
        current.failed = current.failed.saturating_add(u32::from(is_failure));
        let all = current.all.saturating_add(previous.all);
        let failed = current.failed.saturating_add(previous.failed);
        if all >= BREAKER_MIN_OUTCOMES && failed.saturating_mul(2) >= all {
            self.state = BreakerState::Open { until: later(now, BREAKER_OPEN) };
        }
    }

    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.half_began);
        if age >= BREAKER_HALF_WINDOW.saturating_mul(2) {
            self.halves = [Outcomes::default(); 2];
            self.half_began = now;
        } else if age >= BREAKER_HALF_WINDOW {
            let [current, _] = self.halves;
            self.halves = [Outcomes::default(), current];
            self.half_began = now;
        }
    }
}

fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).expect("a header value"));
        // 1994-11-06 08:49:37 UTC
        retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    /// Goal: both forms of the header are read, whatever its size, and nonsense is no wait.
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked(" 0 "), Some(Duration::ZERO));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("Fri, 31 Dec 9999 23:59:59 GMT"), Some(MAX_RETRY_AFTER));
        assert_eq!(asked("18446744073709551615"), Some(MAX_RETRY_AFTER));
        for nonsense in ["", "-1", "soon", "1.5", "18446744073709551616", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }

    /// Goal: waits double up to the cap, and at least half of each is fixed.
    #[test]
    fn backoff_doubles_with_half_of_it_fixed() {
        for retry in 0..40 {
            let (least, most) = (backoff_by(retry, 0.0), backoff_by(retry, 1.0));
            assert_eq!(least * 2, most);
            assert!(most <= MAX_BACKOFF);
            assert!((least..=most).contains(&backoff(retry)));
        }
        assert_eq!(backoff_by(0, 1.0), FIRST_BACKOFF);
        assert_eq!(backoff_by(2, 1.0), FIRST_BACKOFF * 4);
        assert_eq!(backoff_by(40, 1.0), MAX_BACKOFF);
    }

    /// Goal: a host that is down is asked little more often than one that is up.
    /// Method: 1000 requests within one second, each wanting two retries.
    #[test]
    fn retries_stay_a_tenth_of_the_requests() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(start);
        let mut retries = 0;
        for n in 0..1000_u64 {
            let now = start + Duration::from_millis(n);
            budget.earn(now);
            retries += u32::from(budget.spend(now)) + u32::from(budget.spend(now));
        }
        assert!((100..=112).contains(&retries), "{retries}");
        assert!(budget.spend(start + Duration::from_secs(3)), "a second earns one");
    }

    /// Goal: a failing host is left alone, asked once after a while, and used again when it answers.
    #[test]
    fn breaker_opens_probes_and_closes() {
        let start = Instant::now();
        let mut breaker = Breaker::new(start);
        for _ in 0..9 {
            breaker.record(start, true);
            assert_eq!(breaker.admit(start), Ok(()), "fewer than ten say nothing");
        }
        breaker.record(start, true);
        assert_eq!(breaker.admit(start), Err(BREAKER_OPEN));
        let probe = start + BREAKER_OPEN;
        assert_eq!(breaker.admit(probe), Ok(()));
        assert!(breaker.admit(probe).is_err(), "one probe at a time");
        breaker.record(probe, true);
        assert_eq!(breaker.admit(probe), Err(BREAKER_OPEN), "a failed probe opens it again");
        let probe = probe + BREAKER_OPEN;
        assert_eq!(breaker.admit(probe), Ok(()));
        breaker.record(probe, false);
        assert_eq!(breaker.admit(probe), Ok(()));
        assert_eq!(breaker.admit(probe), Ok(()), "closed for all");
    }

    /// Goal: failures that are few among many, or long ago, open nothing.
    #[test]
    fn breaker_counts_a_window_and_a_share() {
        let start = Instant::now();
        let mut breaker = Breaker::new(start);
        for _ in 0..11 {
            breaker.record(start, false);
        }
        for _ in 0..10 {
            breaker.record(start, true);
        }
        assert_eq!(breaker.admit(start), Ok(()), "10 of 21");
        let mut breaker = Breaker::new(start);
        for n in 0..30 {
            breaker.record(start + Duration::from_secs(4 * n), true);
        }
        assert_eq!(breaker.admit(start + Duration::from_secs(120)), Ok(()), "at most 8 in any window");
    }
}
