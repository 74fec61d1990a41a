//! What the client decides about a host, from what came of its requests: whether one is sent, whether one is tried again and when. Pure: the
//! time, and the chance in a wait, are handed in.

use std::time::{Duration, Instant, SystemTime};

use http::{StatusCode, header};

use super::lane::Sign;
use super::retry::{Breaker, RetryBudget, backoff_by, is_retryable, retry_after};
use super::{Reply, clock};
use crate::{Error, ErrorKind, Result};

/// A host that has not answered within this is slow, whoever waited for it. When a caller's own deadline ends a request sooner, that says
/// something of the caller: other callers must not be kept from a host that would have answered them. As long as
/// [`HttpClientConfig::connect_timeout`](super::HttpClientConfig::connect_timeout) is by default.
const HOST_PATIENCE: Duration = Duration::from_secs(5);

/// The counted part of a host's state.
#[derive(Debug)]
pub(super) struct Health {
    /// Retries left.
    budget: RetryBudget,
    /// Is it asked at all?
    breaker: Breaker,
    /// How far its clock was ahead of ours in its last reply, in seconds, and when that came.
    clock: Option<(Instant, i64)>,
}

/// A request that came to an end, as far as another try of it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    /// It may be sent twice.
    pub(super) is_idempotent: bool,
    /// Tries beyond the first so far.
    pub(super) retries: u8,
    /// Most of them.
    pub(super) max_retries: u8,
    /// What is left of the caller's time.
    pub(super) remaining: Duration,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self { budget: RetryBudget::new(now), breaker: Breaker::new(now), clock: None }
    }

    /// A caller wants something: that earns a part of a retry.
    pub(super) fn begin(&mut self, now: Instant) {
        self.budget.earn(now);
    }

    /// May a request be sent now?
    ///
    /// # Errors
    /// `Unavailable` with the time after which the host is asked again.
    pub(super) fn admit(&mut self, now: Instant) -> Result<()> {
        self.breaker.admit(now).map_err(|wait| {
            Error::new(ErrorKind::Unavailable, super::SEND_OPERATION)
                .detail("the host failed too often and is left alone for a while")
                .advise("check that the service is up; it is asked again by itself")
                .after(wait)
        })
    }

    /// A request that was sent ended, at `now`, which the wall clock calls `wall`. `given_up_after` is how long the host had, where the caller's
    /// own deadline ended it. What was given up early counts neither for the host nor against it. Answers what it says of requests at a time.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        wall: SystemTime,
        outcome: &Result<Reply>,
        given_up_after: Option<Duration>,
    ) -> Sign {
        let is_timeout = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut);
        let is_early = is_timeout && given_up_after.is_some_and(|waited| waited < HOST_PATIENCE);
        if !is_early {
            self.breaker.record(now, is_failure_of_host(outcome));
        }
        let told = outcome.as_ref().ok().and_then(|reply| clock::offset_s(&reply.headers, wall));
        self.clock = told.map(|offset_s| (now, offset_s)).or(self.clock);
        match outcome {
            _ if is_early => Sign::None,
            Ok(reply) if is_retryable(reply.status) => Sign::PushedBack,
            Ok(_) => Sign::Answered,
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut) => Sign::PushedBack,
            Err(_) => Sign::None,
        }
    }

    /// The wait before the request is tried again, if it is; then it is paid for. `chance` is from 0 to 1.
    pub(super) fn retry(
        &mut self,
        now: Instant,
        wall: SystemTime,
        outcome: &Result<Reply>,
        tried: &Tried,
        chance: f64,
    ) -> Option<Duration> {
        let asked = match outcome {
            // Who is told to ask less, and not how long, does not ask at once: how long each service means its askers know.
            Ok(reply) if reply.status == StatusCode::TOO_MANY_REQUESTS => Some(retry_after(&reply.headers, wall)?),
            Ok(reply) if is_retryable(reply.status) => retry_after(&reply.headers, wall),
            Err(error) if is_connection_failure(error) => None,
            _ => return None,
        };
        let wait = backoff_by(u32::from(tried.retries), chance).max(asked.unwrap_or_default());
        let may_retry = tried.is_idempotent
            && tried.retries < tried.max_retries
            && wait < tried.remaining
            && self.budget.spend(now);
        may_retry.then_some(wait)
    }

    /// How far the host's clock was ahead of ours, in seconds, and when it told.
    pub(super) fn clock(&self) -> Option<(Instant, i64)> {
        self.clock
    }
}

/// Did the connection fail, rather than the answer displease?
fn is_connection_failure(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable && error.retry_after().is_none()
}

/// Does it say that the host is down for everybody? A wrong key, a limit and a 500 are about one user or one request; a 503 in JSON is the
/// service's own verdict about what was asked for, where a host that is down sends a page of something before it.
fn is_failure_of_host(outcome: &Result<Reply>) -> bool {
    match outcome {
        Ok(reply) => match reply.status {
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => true,
            StatusCode::SERVICE_UNAVAILABLE => !is_json(reply),
            _ => false,
        },
        Err(error) => matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut),
    }
}

fn is_json(reply: &Reply) -> bool {
    let content_type = reply.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| content_type.to_ascii_lowercase().contains("json"))
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    /// An answer of a service: status, content type, seconds of `Retry-After`.
    type Answer = (u16, &'static str, Option<u64>);

    const WELL: Answer = (200, "application/json", None);

    fn reply((status, content_type, retry_after_s): Answer) -> Result<Reply> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        Ok(Reply { status: StatusCode::from_u16(status).expect("a status"), headers, body: Bytes::new() })
    }

    /// Goal: what is about one user, or about what was asked for, closes a host to nobody; what is about the host does.
    #[test]
    fn a_users_own_trouble_opens_no_breaker() {
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let is_open_after = |answer: Answer| {
            let mut health = Health::new(start);
            for n in 0..1000 {
                let now = start + Duration::from_millis(10 * n);
                if health.admit(now).is_err() {
                    return true;
                }
                health.ended(now, wall, &reply(answer), None);
            }
            false
        };
        let (json, page) = ("application/json; charset=utf-8", "text/html");
        for status in [400, 401, 402, 403, 404, 409, 422, 429, 451, 500, 503] {
            assert!(!is_open_after((status, json, None)), "{status}");
        }
        for status in [401, 403, 429, 500] {
            assert!(!is_open_after((status, page, None)), "{status}");
        }
        for (status, content_type) in [(502, page), (502, json), (503, page), (503, "text/plain"), (504, page)] {
            assert!(is_open_after((status, content_type, None)), "{status} {content_type}");
        }
    }

    /// Goal: callers who are in a hurry close a healthy host to nobody, also where one of them is the probe; a host that hangs, or that falls silent
    /// for as long as the client waits, is left alone as ever.
    /// Method: a thousand requests that time out: given up by callers after a while, or ended by the client's own limits.
    #[test]
    fn a_callers_short_deadline_is_no_failure_of_the_host() {
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let timed_out = || Err(Error::new(ErrorKind::TimedOut, "test"));
        let opens_after = |given_up_after: Option<Duration>| {
            let mut health = Health::new(start);
            let is_open = |n: u64| {
                let now = start + Duration::from_millis(10 * n);
                if health.admit(now).is_err() {
                    return true;
                }
                health.ended(now, wall, &timed_out(), given_up_after);
                false
            };
            (0..1000).position(is_open)
        };
        for early_ms in [0, 1, 1_500, 4_999] {
            assert_eq!(opens_after(Some(Duration::from_millis(early_ms))), None, "{early_ms} ms");
        }
        for late in [Some(HOST_PATIENCE), Some(Duration::from_secs(12)), None] {
            assert_eq!(opens_after(late), Some(10), "{late:?}");
        }
        // A connection that breaks is the host's doing, however little time was left.
        let mut health = Health::new(start);
        for _ in 0..10 {
            let broken = Err(Error::new(ErrorKind::Unavailable, "test"));
            health.ended(start, wall, &broken, Some(Duration::ZERO));
        }
        assert!(health.admit(start).is_err());
        // The probe is in a hurry: it decides nothing, and the next one is let through in its time.
        let probed = start + Duration::from_secs(15);
        health.admit(probed).expect("a probe");
        health.ended(probed, wall, &timed_out(), Some(Duration::from_secs(1)));
        let wait = health.admit(probed).expect_err("a probe is under way").retry_after().expect("a wait");
        health.admit(probed + wait).expect("another probe");
        health.ended(probed + wait, wall, &reply(WELL), None);
        assert!(health.admit(probed + wait).is_ok());
    }

    /// Goal: a 429 that names no time is not tried again at once; one that names a time is, then; trouble of the host is, soon.
    #[test]
    fn a_silent_429_is_not_tried_again() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let tried = Tried { is_idempotent: true, retries: 0, max_retries: 2, remaining: Duration::from_secs(30) };
        let wait = |answer: Answer| Health::new(now).retry(now, wall, &reply(answer), &tried, 1.0);
        for content_type in ["text/html", "application/json"] {
            assert_eq!(wait((429, content_type, None)), None);
            assert_eq!(wait((429, content_type, Some(5))), Some(Duration::from_secs(5)));
            assert_eq!(wait((429, content_type, Some(60))), None, "beyond the call");
            assert_eq!(wait((503, content_type, None)), Some(Duration::from_millis(250)));
        }
    }

    /// What a simulated minute of trouble came to.
    #[derive(Debug)]
    struct Minute {
        /// Requests that the users would have sent while it lasted.
        normal: u32,
        /// Requests that reached the service.
        sent: u32,
        /// The most of them within any second, once the trouble had lasted for half a minute.
        most_in_a_second_late: u32,
        /// From the end of the trouble to the end of the last call that failed.
        recovered_after: Duration,
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Begin { user: u64 },
        Send { began_ms: u64, retries: u8 },
        End { began_ms: u64, retries: u8, answer: Answer },
    }

    /// Fifty users ask one host once in `every_ms` each, whatever comes of it. After a good minute it answers `trouble` for a minute, then it
    /// is well again. Time, network (50 ms) and chance are simulated; every decision is [`Health`]'s, in the order in which the client asks
    /// for it. Not simulated: at most 16 requests at a time, and a vendor's pace, which both send less.
    fn simulate(trouble: Answer, every_ms: u64) -> Minute {
        const USERS: u64 = 50;
        const CALL_MS: u64 = 30_000;
        const LATENCY_MS: u64 = 50;
        const TROUBLE_MS: std::ops::Range<u64> = 60_000..120_000;
        const END_MS: u64 = 240_000;
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut health = Health::new(start);
        let mut events: BTreeMap<(Reverse<u64>, Reverse<u64>), Event> = BTreeMap::new();
        let mut number = 0;
        let mut plan = |events: &mut BTreeMap<_, _>, ms: u64, event: Event| {
            number += 1;
            events.insert((Reverse(ms), Reverse(number)), event);
        };
        for user in 0..USERS {
            plan(&mut events, user * every_ms / USERS, Event::Begin { user });
        }
        let mut random = 1_u64;
        let (mut normal, mut last_failed_ms) = (0, TROUBLE_MS.end);
        let mut sent_ms = Vec::new();
        while let Some(((Reverse(ms), _), event)) = events.pop_last() {
            match event {
                Event::Begin { user } => {
                    normal += u32::from(TROUBLE_MS.contains(&ms));
                    health.begin(at(ms));
                    plan(&mut events, ms, Event::Send { began_ms: ms, retries: 0 });
                    if ms + every_ms < END_MS {
                        plan(&mut events, ms + every_ms, Event::Begin { user });
                    }
                }
                Event::Send { began_ms, retries } => match health.admit(at(ms)) {
                    Ok(()) => {
                        let answer = if TROUBLE_MS.contains(&ms) { trouble } else { WELL };
                        if TROUBLE_MS.contains(&ms) {
                            sent_ms.push(ms);
                        }
                        plan(&mut events, ms + LATENCY_MS, Event::End { began_ms, retries, answer });
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable);
                        assert!(error.retry_after().is_some_and(|wait| wait <= Duration::from_secs(15)));
                        last_failed_ms = last_failed_ms.max(ms);
                    }
                },
                Event::End { began_ms, retries, answer } => {
                    let outcome = reply(answer);
                    health.ended(at(ms), wall, &outcome, None);
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let chance = (random >> 33) as f64 / f64::from(u32::MAX >> 1);
                    let remaining = Duration::from_millis((began_ms + CALL_MS).saturating_sub(ms));
                    let tried = Tried { is_idempotent: true, retries, max_retries: 2, remaining };
                    match health.retry(at(ms), wall, &outcome, &tried, chance) {
                        Some(wait) => {
                            let again_ms = ms + u64::try_from(wait.as_millis()).expect("a wait");
                            plan(&mut events, again_ms, Event::Send { began_ms, retries: retries + 1 });
                        }
                        None if answer != WELL => last_failed_ms = last_failed_ms.max(ms),
                        None => {}
                    }
                }
            }
        }
        let late: Vec<u64> = sent_ms.iter().copied().filter(|ms| *ms >= TROUBLE_MS.start + 30_000).collect();
        let in_a_second = |from: &u64| late.iter().filter(|ms| (*from..*from + 1_000).contains(*ms)).count();
        Minute {
            normal,
            sent: sent_ms.len().try_into().expect("a count"),
            most_in_a_second_late: late.iter().map(in_a_second).max().unwrap_or(0).try_into().expect("a count"),
            recovered_after: Duration::from_millis(last_failed_ms - TROUBLE_MS.end),
        }
    }

    /// Goal: OUT-06: a service that fails for a minute under fifty users gets at most 1.2 times the requests of a good minute, all are served
    /// again within 20 s after it is back, and one that is down is probed, not stormed.
    /// Method: simulated time over the decisions of the real client; a row per kind of trouble.
    #[test]
    fn a_minute_of_trouble_under_fifty_users() {
        let page = "text/html";
        for (trouble, every_ms, is_left_alone) in [
            ((500, page, None), 2_000, false),
            ((502, page, None), 2_000, true),
            ((503, page, None), 2_000, true),
            ((503, page, None), 10_000, true),
            ((504, page, Some(1)), 2_000, true),
            ((503, "application/json", None), 2_000, false),
            ((429, page, None), 2_000, false),
            ((429, page, Some(5)), 2_000, false),
        ] {
            let minute = simulate(trouble, every_ms);
            println!("{trouble:?} every {every_ms} ms: {minute:?}");
            let row = format!("{trouble:?} every {every_ms} ms: {minute:?}");
            assert_eq!(u64::from(minute.normal), 50 * 60_000 / every_ms, "{row}");
            assert!(minute.sent > 0 && minute.sent * 5 <= minute.normal * 6, "{row}");
            assert!(minute.recovered_after < Duration::from_secs(20), "{row}");
            if is_left_alone {
                assert!(minute.sent < minute.normal, "{row}");
                assert!(minute.most_in_a_second_late <= 2, "{row}");
            }
        }
    }
}
