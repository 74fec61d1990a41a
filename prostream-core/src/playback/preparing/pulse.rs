//! How often a service is asked about a torrent, and when it is no use any more. Plain numbers, no waiting.

use std::time::Duration;

use tokio::time::Instant;

use super::PreparingConfig;

/// Up to this age a torrent is young: most that will be there soon are there by then.
const YOUNG: Duration = Duration::from_secs(120);
/// Up to this age it is asked about every [`MIDDLE_TIMES`] intervals, then every [`OLD_TIMES`].
const MIDDLE: Duration = Duration::from_secs(900);
const MIDDLE_TIMES: u32 = 3;
const OLD_TIMES: u32 = 12;

/// Longest wait after errors in a row, unless the service asks for more.
const MAX_BACKOFF: Duration = Duration::from_secs(300);
/// Longest wait that a service can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How long nothing is asked after so many errors in a row (from 1): twice as long each time.
pub(super) fn backoff(config: &PreparingConfig, error_count: u32, retry_after: Option<Duration>) -> Duration {
    let doubled = config.poll_interval.saturating_mul(1 << error_count.saturating_sub(1).min(16));
    doubled.min(MAX_BACKOFF).max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER))
}

/// What is to be thought of a torrent after the service has told how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    GoesOn,
    /// There was no progress for too long.
    Stalled,
    /// It takes too long altogether.
    TooLong,
}

/// What was seen of one torrent.
#[derive(Debug)]
pub(super) struct Pulse {
    /// How old it was when we began to look.
    age_before: Duration,
    began_at: Instant,
    furthest: f32,
    progressed_at: Instant,
    answered_at: Instant,
    /// The service could not be asked since then, which is nobody's standstill.
    is_unanswered: bool,
    error_count: u32,
    next_at: Instant,
}

impl Pulse {
    /// A torrent of this age, to be asked about at once.
    pub(super) fn new(age_before: Duration, now: Instant) -> Self {
        Self {
            age_before,
            began_at: now,
            furthest: 0.0,
            progressed_at: now,
            answered_at: now,
            is_unanswered: false,
            error_count: 0,
            next_at: now,
        }
    }

    /// When it is to be asked about again.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// How far it is: a share of 0 to 1 and bytes a second, where the service says so. Any further share is progress, and any speed where
    /// there is no share.
    pub(super) fn seen(
        &mut self,
        config: &PreparingConfig,
        progress: Option<f32>,
        speed_bytes_per_s: Option<u64>,
        now: Instant,
    ) -> Verdict {
        if self.is_unanswered {
            self.progressed_at = (self.progressed_at + now.saturating_duration_since(self.answered_at)).min(now);
        }
        (self.is_unanswered, self.answered_at, self.error_count) = (false, now, 0);
        let has_progressed = match progress {
            Some(progress) => progress > self.furthest,
            None => speed_bytes_per_s.is_some_and(|speed| speed > 0),
        };
        if has_progressed {
            self.furthest = progress.unwrap_or(self.furthest);
            self.progressed_at = now;
        }
        self.next_at = now + self.interval(config, now);
        if self.age(now) >= config.give_up_after {
            Verdict::TooLong
        } else if now.saturating_duration_since(self.progressed_at) >= config.stall_after {
            Verdict::Stalled
        } else {
            Verdict::GoesOn
        }
    }

    /// The service did not say how far it is. When it is asked again is a matter of all its torrents.
    pub(super) fn missed(&mut self, config: &PreparingConfig, now: Instant) -> Verdict {
        self.is_unanswered = true;
        if self.age(now) >= config.give_up_after { Verdict::TooLong } else { Verdict::GoesOn }
    }

    /// It is there, and could not be opened: the next look is later, each time.
    pub(super) fn not_opened(
        &mut self,
        config: &PreparingConfig,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> Verdict {
        self.error_count = self.error_count.saturating_add(1);
        self.next_at = now + backoff(config, self.error_count, retry_after);
        self.missed(config, now)
    }

    fn age(&self, now: Instant) -> Duration {
        self.age_before.saturating_add(now.saturating_duration_since(self.began_at))
    }

    fn interval(&self, config: &PreparingConfig, now: Instant) -> Duration {
        let times = match self.age(now) {
            age if age < YOUNG => 1,
            age if age < MIDDLE => MIDDLE_TIMES,
            _ => OLD_TIMES,
        };
        config.poll_interval.saturating_mul(times).min(MAX_RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn config() -> PreparingConfig {
        PreparingConfig::default()
    }

    /// Goal: the older a torrent, the less often it is asked about, also when it was old before the program started.
    #[test]
    fn old_torrents_are_asked_about_less_often() {
        let now = Instant::now();
        for (age, seconds) in [(0, 5), (1, 5), (2, 15), (14, 15), (15, 60), (600, 60)] {
            let mut pulse = Pulse::new(age * MINUTE, now);
            assert_eq!(pulse.next_at(), now, "at once");
            pulse.seen(&config(), Some(0.5), None, now);
            assert_eq!(pulse.next_at() - now, Duration::from_secs(seconds), "{age} min");
        }
    }

    /// Goal: half an hour without progress is a standstill; progress of any kind begins it anew, and errors of the service are not counted.
    #[test]
    fn a_standstill_ends_it() {
        let now = Instant::now();
        let mut pulse = Pulse::new(Duration::ZERO, now);
        let seen = |pulse: &mut Pulse, minute: u32, progress, speed| {
            pulse.seen(&config(), progress, speed, now + minute * MINUTE)
        };
        assert_eq!(seen(&mut pulse, 20, Some(0.1), Some(0)), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 49, Some(0.1), Some(9)), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 50, Some(0.1), Some(9)), Verdict::Stalled, "speed without a further share is none");
        assert_eq!(seen(&mut pulse, 51, Some(0.2), None), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 80, None, Some(9)), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 109, None, None), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 110, None, None), Verdict::Stalled);
        assert_eq!(seen(&mut pulse, 111, Some(0.3), None), Verdict::GoesOn);
        // Five hours of errors; then 29 minutes without progress are 29 minutes.
        assert_eq!(pulse.missed(&config(), now + 112 * MINUTE), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 411, Some(0.3), None), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 440, Some(0.3), None), Verdict::GoesOn);
        assert_eq!(seen(&mut pulse, 441, Some(0.3), None), Verdict::Stalled);
    }

    /// Goal: a day is the end, whatever goes on, and whenever the program was started.
    #[test]
    fn a_day_is_the_end() {
        let now = Instant::now();
        let mut pulse = Pulse::new(23 * 60 * MINUTE, now);
        assert_eq!(pulse.seen(&config(), Some(0.1), None, now + 59 * MINUTE), Verdict::GoesOn);
        assert_eq!(pulse.seen(&config(), Some(0.2), None, now + 60 * MINUTE), Verdict::TooLong);
        assert_eq!(pulse.missed(&config(), now + 60 * MINUTE), Verdict::TooLong);
    }

    /// Goal: waits after errors grow to their limit, and the service may ask for more, within reason.
    #[test]
    fn errors_back_off() {
        let wait = |count, retry_after| backoff(&config(), count, retry_after).as_secs();
        assert_eq!([1, 2, 3, 7, 40, u32::MAX].map(|count| wait(count, None)), [5, 10, 20, 300, 300, 300]);
        assert_eq!(wait(1, Some(Duration::from_secs(60))), 60);
        assert_eq!(wait(9, Some(Duration::from_secs(60))), 300);
        assert_eq!(wait(1, Some(Duration::MAX)), 3600);
        let now = Instant::now();
        let mut pulse = Pulse::new(Duration::ZERO, now);
        pulse.not_opened(&config(), None, now);
        pulse.not_opened(&config(), None, now);
        assert_eq!(pulse.next_at() - now, Duration::from_secs(10));
    }
}
