//! Exact conversion of media times between timescales.

/// Nanoseconds in a second: the timescale of times that belong to no track.
pub(crate) const NS_PER_S: u64 = 1_000_000_000;

/// `ticks` of `from` ticks a second in `to` ticks a second, rounded to the nearest, halves away from zero; cut at the ends of `i64`.
///
/// A timescale of 0 is taken as 1: no reader gives one, and a wrong time is better than a panic.
#[must_use]
pub(crate) fn rescale(ticks: i64, from: u64, to: u64) -> i64 {
    let from = i128::from(from.max(1));
    let product = product(ticks, to);
    let half = from / 2;
    let away_from_zero = product.saturating_add(if product >= 0 { half } else { half.saturating_neg() });
    // `from` is at least 1: the division is never refused.
    saturate(away_from_zero.checked_div(from).unwrap_or_default())
}

/// Like [`rescale`], rounded up: the first tick of `to` that is not before `ticks` of `from`.
#[must_use]
pub(crate) fn rescale_up(ticks: i64, from: u64, to: u64) -> i64 {
    let from = i128::from(from.max(1));
    let product = product(ticks, to);
    let floor = product.div_euclid(from);
    saturate(if product.rem_euclid(from) == 0 { floor } else { floor.saturating_add(1) })
}

/// Below 2^63 times below 2^64: it fits, and so do a half of a timescale and one more.
fn product(ticks: i64, to: u64) -> i128 {
    i128::from(ticks).saturating_mul(i128::from(to))
}

/// Ticks as seconds, for playlists.
#[must_use]
pub(crate) fn seconds(ticks: i64, timescale: u32) -> f64 {
    // Exact below 2^53 ticks: three thousand years at 90 kHz.
    ticks as f64 / f64::from(timescale.max(1))
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Goal: a time that is exact in both timescales stays exact, also below zero.
    #[test]
    fn exact_times_stay_exact() {
        assert_eq!(rescale(3_003, 30_000, 90_000), 9_009);
        assert_eq!(rescale(-1_024, 48_000, NS_PER_S), -21_333_333);
        assert_eq!(rescale(i64::MAX, 1, NS_PER_S), i64::MAX);
        assert_eq!(rescale_up(1, 3, 1), 1);
        assert_eq!(rescale_up(-1, 3, 1), 0);
    }

    proptest! {
        /// Goal: an origin found in one track shifts that very track to exactly zero.
        #[test]
        fn ticks_survive_the_way_over_nanoseconds(ticks in -1_000_000_000_000i64..1_000_000_000_000, timescale in 1u64..500_000_000) {
            prop_assert_eq!(rescale(rescale(ticks, timescale, NS_PER_S), NS_PER_S, timescale), ticks);
        }
    }
}
