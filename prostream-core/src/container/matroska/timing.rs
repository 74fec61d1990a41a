//! Times: timescales, and stamps of the file put onto the grid of the track (PACKAGING 5.3).

use std::cmp::Ordering;

const NS_PER_S: i128 = 1_000_000_000;
/// Stamps up to this far from the grid are put onto it.
const SNAP_NS: u64 = 1_000_000;
/// Highest frame rate that a `DefaultDuration` is believed to mean.
const MAX_FRAMES_PER_S: u64 = 1000;
/// Longest `DefaultDuration` that is believed to be one: ten seconds.
const MAX_DEFAULT_DURATION_NS: u64 = 10_000_000_000;

/// How times of the file become ticks of a track. Each stamp is converted on its own, so segments do not depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timing {
    /// Ticks a second.
    pub(super) timescale: u32,
    /// What is taken from each time of the file: `CodecDelay` (RFC 9559 section 5.1.4.1.25).
    pub(super) delay_ns: i64,
    /// Time of the track's first block, where the grid begins; before `delay_ns` is taken off.
    pub(super) first_ns: i64,
    /// Ticks from one packet to the next, where they are all alike.
    pub(super) step_ticks: Option<u32>,
    /// How far a stamp may be from the grid.
    pub(super) tolerance_ns: u64,
}

impl Timing {
    /// `timestamp_scale_ns` is the resolution of the file: where it is coarser than a millisecond, stamps may be that far off.
    pub(super) fn new(
        timescale: u32,
        delay_ns: i64,
        first_ns: i64,
        step_ticks: Option<u32>,
        timestamp_scale_ns: u64,
    ) -> Self {
        Self {
            timescale: timescale.max(1),
            delay_ns,
            first_ns,
            step_ticks: step_ticks.filter(|step| *step > 0),
            tolerance_ns: SNAP_NS.max(timestamp_scale_ns),
        }
    }

    /// A length in ticks, rounded to nearest.
    pub(super) fn ticks(&self, ns: i64) -> i64 {
        saturate(round_div(i128::from(ns).saturating_mul(i128::from(self.timescale)), NS_PER_S))
    }

    /// Where the grid begins, in ticks: the track's first packet.
    pub(super) fn first_ticks(&self) -> i64 {
        self.ticks(self.first_ns.saturating_sub(self.delay_ns))
    }

    /// The time of the file that ticks of the track stand for, in nanoseconds.
    pub(super) fn file_ns(&self, ticks: i64) -> i64 {
        let ns = round_div(i128::from(ticks).saturating_mul(NS_PER_S), i128::from(self.timescale));
        saturate(ns).saturating_add(self.delay_ns)
    }

    /// A time of the file in ticks: on the grid where it is near enough, as it is otherwise.
    pub(super) fn snap(&self, time_ns: i64) -> i64 {
        let raw = self.ticks(time_ns.saturating_sub(self.delay_ns));
        let Some(step) = self.step_ticks.map(i128::from) else { return raw };
        let since_first = i128::from(time_ns).saturating_sub(i128::from(self.first_ns));
        // |time| < 2^61 ns and timescale < 2^32: far below 2^127.
        let scaled = since_first.saturating_mul(i128::from(self.timescale));
        let count = round_div(scaled, step.saturating_mul(NS_PER_S));
        let grid_ticks = count.saturating_mul(step);
        let off = scaled.saturating_sub(grid_ticks.saturating_mul(NS_PER_S)).abs();
        let tolerance = i128::from(self.tolerance_ns).saturating_mul(i128::from(self.timescale));
        if off <= tolerance { saturate(i128::from(self.first_ticks()).saturating_add(grid_ticks)) } else { raw }
    }
}

fn round_div(value: i128, by: i128) -> i128 {
    // Callers divide by positive numbers only.
    let by = by.max(1);
    value.saturating_add(by / 2).div_euclid(by)
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Compares times in ticks of two timescales, exactly.
pub(super) fn compare(a_ticks: i64, a_timescale: u32, b_ticks: i64, b_timescale: u32) -> Ordering {
    let a = i128::from(a_ticks).saturating_mul(i128::from(b_timescale));
    a.cmp(&i128::from(b_ticks).saturating_mul(i128::from(a_timescale)))
}

/// The frame rate that a `DefaultDuration` in nanoseconds means, as numerator and denominator: `n`, `n / 1.001` or `n / 2` for a whole
/// `n` where one is within 0.02 %, which is a fifth of what lies between 24 and 23.976.
pub(super) fn frame_rate(default_duration_ns: u64) -> Option<(u32, u32)> {
    if default_duration_ns == 0 || default_duration_ns > MAX_DEFAULT_DURATION_NS {
        return None;
    }
    let near = |numerator: u64, denominator: u64| {
        // d * n / (1e9 * m) within 1 +- 1/5000
        let product = i128::from(default_duration_ns).saturating_mul(i128::from(numerator));
        let exact = NS_PER_S.saturating_mul(i128::from(denominator));
        product.saturating_sub(exact).abs().saturating_mul(5000) <= exact
    };
    let nearest = |scale: u64| {
        let value = round_div(NS_PER_S.saturating_mul(i128::from(scale)), i128::from(default_duration_ns));
        u64::try_from(value).ok().filter(|value| *value > 0)
    };
    let whole = nearest(1).filter(|rate| *rate <= MAX_FRAMES_PER_S);
    let candidates = [
        whole.map(|rate| (rate, 1)),
        // n * 1000 / 1001
        round_ntsc(default_duration_ns)
            .filter(|rate| *rate <= MAX_FRAMES_PER_S)
            .map(|rate| (rate.saturating_mul(1000), 1001)),
        nearest(2).filter(|rate| *rate <= MAX_FRAMES_PER_S).map(|rate| (rate, 2)),
    ];
    let (numerator, denominator) = candidates.into_iter().flatten().find(|(n, d)| near(*n, *d))?;
    Some((u32::try_from(numerator).ok()?, u32::try_from(denominator).ok()?))
}

/// The whole `n` for which `n / 1.001` frames a second come nearest.
fn round_ntsc(default_duration_ns: u64) -> Option<u64> {
    let value = round_div(1_001_000_000, i128::from(default_duration_ns));
    u64::try_from(value).ok().filter(|value| *value > 0)
}

/// Timescale of a video track with this frame rate and the ticks of one frame: 24000 and 1001, 25000 and 1000. A millisecond is at least a
/// few ticks, so that stamps off the grid lose nothing.
pub(super) fn video_grid((numerator, denominator): (u32, u32)) -> Option<(u32, u32)> {
    if denominator == 1001 {
        return Some((numerator.max(1), 1001));
    }
    Some((numerator.checked_mul(1000).filter(|scale| *scale > 0)?, denominator.checked_mul(1000)?))
}

/// Timescale for stamps that follow no grid: one in which every stamp of the file is a whole number, up to microseconds.
pub(super) fn free_timescale(timestamp_scale_ns: u64) -> u32 {
    match timestamp_scale_ns {
        // 90 ticks a millisecond, what players know best.
        scale if scale >= 1_000_000 => 90_000,
        scale if scale > 1_000 => {
            u32::try_from(1_000_000_000u64.checked_div(scale).unwrap_or(1_000_000)).unwrap_or(1_000_000)
        }
        _ => 1_000_000,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Goal: what muxers write for the usual rates, rounded or cut, is recognised exactly.
    #[test]
    fn usual_frame_rates() {
        for (ns, rate) in [
            (41_708_333, (24_000, 1001)),
            (41_708_375, (24_000, 1001)),
            (41_666_667, (24, 1)),
            (41_666_666, (24, 1)),
            (40_000_000, (25, 1)),
            (33_366_666, (30_000, 1001)),
            (33_333_333, (30, 1)),
            (20_000_000, (50, 1)),
            (16_683_333, (60_000, 1001)),
            (16_666_667, (60, 1)),
            (80_000_000, (25, 2)),
            (8_341_667, (120_000, 1001)),
        ] {
            assert_eq!(frame_rate(ns), Some(rate), "{ns} ns");
        }
        assert_eq!(frame_rate(0), None);
        assert_eq!(frame_rate(1), None);
        assert_eq!(frame_rate(u64::MAX), None);
    }

    /// Goal: 23.976 frames a second, stamped in milliseconds, come back to exactly 1001 ticks each, with no running error.
    #[test]
    fn millisecond_stamps_snap() {
        let timing = Timing::new(24_000, 0, 21_000_000, Some(1001), 1_000_000);
        for n in 0..200_000i64 {
            let exact_ns = 21_000_000 + n * 1_001_000_000_000 / 24_000;
            let stamped_ns = (exact_ns + 500_000) / 1_000_000 * 1_000_000;
            assert_eq!(timing.snap(stamped_ns), 504 + n * 1001);
        }
    }

    /// Goal: stamps off the grid stay what they are.
    #[test]
    fn far_stamps_stay() {
        let timing = Timing::new(24_000, 0, 0, Some(1001), 1_000_000);
        assert_eq!(timing.snap(20_000_000), 480);
        assert_eq!(timing.snap(43_000_000), 1032);
        assert_eq!(timing.snap(42_000_000), 1001);
    }

    /// Goal: CodecDelay is taken off, and times before zero are times.
    #[test]
    fn codec_delay_is_taken_off() {
        let timing = Timing::new(48_000, 6_500_000, 0, Some(960), 1_000_000);
        assert_eq!(timing.first_ticks(), -312);
        assert_eq!(timing.snap(21_000_000), 648);
        assert_eq!(timing.file_ns(-312), 0);
        assert_eq!(timing.file_ns(648), 20_000_000);
    }

    proptest! {
        /// Goal: no stamp moves by more than the tolerance, whatever the numbers.
        #[test]
        fn snapping_stays_near(timescale in 1u32.., step in 1u32..10_000_000, first in 0i64..1 << 60, time in 0i64..1 << 60) {
            let timing = Timing::new(timescale, 0, first, Some(step), 1_000_000);
            let back_ns = i128::from(timing.snap(time)) * NS_PER_S / i128::from(timescale);
            let half_tick_ns = NS_PER_S / i128::from(timescale);
            prop_assert!((back_ns - i128::from(time)).abs() <= 1_000_000 + 2 * half_tick_ns + 1);
        }

        /// Goal: a hostile DefaultDuration never panics, and a rate is near what it says.
        #[test]
        fn frame_rates_are_near(ns in 0u64..) {
            if let Some((numerator, denominator)) = frame_rate(ns) {
                let ratio = ns as f64 * f64::from(numerator) / f64::from(denominator) / 1e9;
                prop_assert!((ratio - 1.0).abs() < 0.0003);
            }
        }
    }
}
