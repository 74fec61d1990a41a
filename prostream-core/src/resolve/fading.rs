//! How much what was seen counts, the older it is. Pure.

use std::time::Duration;

use crate::store::records::Availability;

const HOUR: Duration = Duration::from_secs(3600);
/// How long a file that was played counts.
const PLAYED_FOR: Duration = HOUR.saturating_mul(30 * 24);
/// How long what was ready, without being played, counts.
const READY_FOR: Duration = HOUR.saturating_mul(7 * 24);
/// How long a refusal counts: so long it is shown, and the service is not asked for the same again. Then it may be, for services change
/// their minds. Servers keep observations for as long.
const REFUSED_FOR: Duration = HOUR.saturating_mul(90 * 24);
/// What counts for so many half-lives is worth an eighth at its end, which is then no jump.
const HALF_LIVES: f64 = 3.0;
/// A torrent that is said to be ready counts a little less than a file that was played.
const READY_PERCENT: f64 = 90.0;

/// How far what was seen so long ago can be relied on: from 1 to 100, and 0 once it does not count any more. It halves with each third of its
/// lifetime, which is 30 days for what was played, 7 days for what was ready, `absent_for` for what was absent, and 90 days for a refusal.
pub(super) fn certainty_percent(availability: Availability, age: Duration, absent_for: Duration) -> u8 {
    let (full, lifetime) = match availability {
        Availability::Played => (100.0, PLAYED_FOR),
        Availability::Ready => (READY_PERCENT, READY_FOR),
        Availability::Absent => (100.0, absent_for),
        Availability::Refused => (100.0, REFUSED_FOR),
    };
    if age >= lifetime {
        return 0;
    }
    let half_lives = HALF_LIVES * age.as_secs_f64() / lifetime.as_secs_f64();
    let percent: f64 = full * (-half_lives).exp2();
    // From an eighth of `full` up to it.
    percent.round() as u8
}

/// A time for people.
pub(crate) fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Availability; 4] =
        [Availability::Played, Availability::Ready, Availability::Absent, Availability::Refused];

    proptest! {
        /// Goal: what is older never counts more, nothing counts more than in full, and at its end it is over.
        #[test]
        fn what_was_seen_fades(
            kind in 0..ALL.len(), one_s in 0_u64..20_000_000, other_s in any::<u64>(), absent_s in 0_u64..1_000_000,
        ) {
            let percent = |seconds| {
                certainty_percent(ALL[kind], Duration::from_secs(seconds), Duration::from_secs(absent_s))
            };
            let (newer_s, older_s) = (one_s.min(other_s), one_s.max(other_s));
            prop_assert!(percent(newer_s) >= percent(older_s));
            prop_assert!(percent(newer_s) <= 100);
            let lifetime = [PLAYED_FOR, READY_FOR, Duration::from_secs(absent_s), REFUSED_FOR][kind];
            prop_assert_eq!(percent(newer_s) == 0, Duration::from_secs(newer_s) >= lifetime);
        }

        /// Goal: a play counts more than a torrent that was ready as long ago; a refusal outlasts both.
        #[test]
        fn a_play_counts_more(seconds in 0_u64..90 * 86_400) {
            let percent = |kind| certainty_percent(kind, Duration::from_secs(seconds), Duration::ZERO);
            let (played, ready) = (percent(Availability::Played), percent(Availability::Ready));
            prop_assert!(played > ready || (played, ready) == (0, 0));
            prop_assert!(percent(Availability::Refused) >= played && percent(Availability::Refused) > 0);
        }
    }

    /// Goal: the lifetimes are the documented ones, and each third of one halves.
    #[test]
    fn each_third_of_a_lifetime_halves() {
        let day = HOUR * 24;
        let lifetimes = [day * 30, day * 7, HOUR * 6, day * 90];
        for (kind, lifetime) in ALL.into_iter().zip(lifetimes) {
            let at = |thirds| certainty_percent(kind, lifetime / 3 * thirds, HOUR * 6);
            let expected = if kind == Availability::Ready { [90, 45, 23, 0] } else { [100, 50, 25, 0] };
            assert_eq!([at(0), at(1), at(2), at(3)], expected, "{kind:?}");
        }
    }

    /// Goal: people read a time in its largest useful unit.
    #[test]
    fn times_are_told_in_words() {
        let told = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|s| words(Duration::from_secs(s)));
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
    }
}
