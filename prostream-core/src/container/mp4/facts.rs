//! What one pass over a sample table tells of a track: where it begins and ends, where it can be cut, how fast it runs.

use std::ops::Range;

use super::table::{Budget, SampleTable};
use crate::Result;
use crate::container::SyncPoint;
use crate::container::sync::{MAX_IDR_DISTANCE_S, are_near};
use crate::model::Codec;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TableFacts {
    timescale: u32,
    /// As in [`Track`](crate::container::Track).
    pub(super) start_ticks: i64,
    pub(super) end_ticks: i64,
    pub(super) sync_points: Vec<SyncPoint>,
    pub(super) has_closed_gops: bool,
    sample_count: u32,
    /// Smallest and largest duration of all samples but the last.
    pub(super) durations: Option<(u32, u32)>,
    decode_ticks: i64,
}

impl TableFacts {
    /// Walks the samples that are shown, once and only where composition offsets make that needed.
    pub(super) fn of(
        table: &SampleTable,
        shown: &Range<u32>,
        codec: Codec,
        timescale: u32,
        budget: &mut Budget,
    ) -> Result<Self> {
        let Some((first, last)) = table.sample(shown.start).zip(table.sample(shown.end.saturating_sub(1))) else {
            return Ok(Self::default());
        };
        let mut facts = Self {
            timescale,
            start_ticks: first.pts_ticks,
            end_ticks: last.pts_ticks.saturating_add(last.duration_ticks.into()),
            sample_count: shown.end.saturating_sub(shown.start),
            durations: table.duration_bounds(),
            decode_ticks: last.dts_ticks.saturating_sub(first.dts_ticks),
            has_closed_gops: true,
            ..Self::default()
        };
        let is_video = matches!(codec, Codec::H264 | Codec::Hevc | Codec::Av1 | Codec::Vp9);
        let syncs = if is_video { table.syncs().unwrap_or_default() } else { &[] };
        let syncs = syncs.get(syncs.partition_point(|sync| *sync < shown.start)..).unwrap_or_default();
        let syncs = syncs.get(..syncs.partition_point(|sync| *sync < shown.end)).unwrap_or_default();
        budget.take::<SyncPoint>(syncs.len())?;
        facts.sync_points.reserve_exact(syncs.len());
        if table.is_in_order() {
            for sample in syncs.iter().filter_map(|sync| table.sample(*sync)) {
                facts.push_sync(sample.pts_ticks, sample.index, sample.offset_bytes);
            }
            return Ok(facts);
        }
        // The earliest picture from each sync point up to the next.
        let mut earliest: Vec<i64> = Vec::new();
        budget.take::<i64>(syncs.len())?;
        for time in table.times(shown.clone()) {
            facts.start_ticks = facts.start_ticks.min(time.pts_ticks);
            facts.end_ticks = facts.end_ticks.max(time.pts_ticks.saturating_add(time.duration_ticks.into()));
            if time.is_sync && !syncs.is_empty() {
                let offset_bytes = table.sample(time.index).map_or(0, |sample| sample.offset_bytes);
                if facts.push_sync(time.pts_ticks, time.index, offset_bytes) {
                    earliest.push(time.pts_ticks);
                }
            }
            if let Some(earliest) = earliest.last_mut() {
                *earliest = time.pts_ticks.min(*earliest);
            }
        }
        facts.judge_gops(earliest, codec);
        Ok(facts)
    }

    /// Of samples that lie in fragments: durations of all but the last, how many there are, and how long they last together.
    pub(super) fn of_fragments(
        timescale: u32,
        durations: Option<(u32, u32)>,
        sample_count: u32,
        decode_ticks: i64,
        (start_ticks, end_ticks): (i64, i64),
    ) -> Self {
        let sample_count = sample_count.saturating_add(1);
        Self { timescale, start_ticks, end_ticks, durations, sample_count, decode_ticks, ..Self::default() }
    }

    /// Judges sync points by the earliest picture from each up to the next.
    pub(super) fn judge_fragments(&mut self, points: &[SyncPoint], earliest: Vec<i64>, codec: Codec) {
        self.sync_points = points.to_vec();
        self.judge_gops(earliest, codec);
    }

    /// Adds a sync point. Their times rise; one that does not is no place to cut.
    fn push_sync(&mut self, pts_ticks: i64, sample_index: u32, offset_bytes: u64) -> bool {
        let is_rising = self.sync_points.last().is_none_or(|last| last.pts_ticks < pts_ticks);
        if is_rising {
            self.sync_points.push(SyncPoint { pts_ticks, sample_index, offset_bytes, block_offset_bytes: 0 });
        }
        is_rising
    }

    /// A sync point that is followed, in decode order, by a picture shown before it leads an open GOP. Nothing that follows an IDR picture
    /// is shown before it, so in H.264 such a sync point is a recovery point: no place to cut while IDR pictures are near enough.
    fn judge_gops(&mut self, mut earliest: Vec<i64>, codec: Codec) {
        let mut least = i64::MAX;
        for earliest in earliest.iter_mut().rev() {
            least = least.min(*earliest);
            *earliest = least;
        }
        let is_closed = |(point, earliest): (&SyncPoint, &i64)| *earliest >= point.pts_ticks;
        self.has_closed_gops = self.sync_points.iter().zip(&earliest).all(is_closed);
        if self.has_closed_gops || codec != Codec::H264 {
            return;
        }
        let closed = || self.sync_points.iter().zip(&earliest).filter(|pair| is_closed(*pair)).map(|(point, _)| *point);
        let most = MAX_IDR_DISTANCE_S.saturating_mul(self.timescale.into());
        let times = closed().map(|point| point.pts_ticks).chain([self.end_ticks]);
        let is_near = are_near(times, self.start_ticks, most);
        if is_near && closed().next().is_some() {
            self.sync_points = closed().collect();
            self.has_closed_gops = true;
        }
    }

    /// Frames a second where they are even: all durations the same, or apart by the one tick that a coarse timescale costs.
    pub(super) fn frame_rate(&self) -> Option<(u32, u32)> {
        let (least, most) = self.durations.filter(|(least, _)| *least > 0)?;
        if least == most {
            return Some(reduced(self.timescale, least));
        }
        if most.abs_diff(least) > 1 {
            return None;
        }
        let frames = u64::from(self.sample_count.saturating_sub(1));
        let ticks = u64::try_from(self.decode_ticks).ok()?;
        // Within half a thousandth of a rate in use, or in thousandths.
        const IN_USE: [(u32, u32); 9] =
            [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1), (50, 1), (60_000, 1001), (60, 1)];
        let rate = (frames as f64) * f64::from(self.timescale) / (ticks as f64);
        let near = IN_USE.into_iter().find(|(n, d)| (f64::from(*n) / f64::from(*d) / rate - 1.0).abs() < 0.0005);
        near.or_else(|| rate.is_finite().then(|| reduced((rate * 1000.0).round() as u32, 1000)))
    }

    /// Payload bits a second over all that is shown.
    pub(super) fn average_bits_per_s(&self, table: &SampleTable, shown: &Range<u32>) -> u64 {
        let bits = u128::from(table.size_of(shown.clone())).saturating_mul(8).saturating_mul(self.timescale.into());
        let ticks = u128::try_from(self.end_ticks.saturating_sub(self.start_ticks)).unwrap_or(0);
        bits.checked_div(ticks).and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }
}

/// A fraction in lowest terms.
fn reduced(numerator: u32, denominator: u32) -> (u32, u32) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    let divide = |value: u32| value.checked_div(a).unwrap_or(value);
    (divide(numerator), divide(denominator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(gops: &[(i64, i64)], codec: Codec) -> TableFacts {
        let mut facts = TableFacts { timescale: 1, end_ticks: gops.last().unwrap().0 + 5, ..TableFacts::default() };
        for (index, (pts, _)) in gops.iter().enumerate() {
            facts.push_sync(*pts, index as u32, 0);
        }
        facts.judge_gops(gops.iter().map(|gop| gop.1).collect(), codec);
        facts
    }

    fn points(facts: &TableFacts) -> Vec<i64> {
        facts.sync_points.iter().map(|point| point.pts_ticks).collect()
    }

    /// Goal: pictures shown before a sync point that they follow make it an open one, however far behind they stand.
    #[test]
    fn leading_pictures_open_a_gop() {
        assert!(facts(&[(0, 0), (10, 10), (20, 20)], Codec::Hevc).has_closed_gops);
        let open = facts(&[(0, 0), (10, 8), (20, 20)], Codec::Hevc);
        assert_eq!((open.has_closed_gops, points(&open)), (false, vec![0, 10, 20]));
        assert!(!facts(&[(0, 0), (10, 10), (20, 9)], Codec::Hevc).has_closed_gops);
    }

    /// Goal: H.264 is cut at IDR pictures alone while they are at most 20 s apart, else at recovery points too.
    #[test]
    fn recovery_points_are_cut_only_when_idr_pictures_are_far() {
        let near = facts(&[(0, 0), (10, 8), (20, 20)], Codec::H264);
        assert_eq!((near.has_closed_gops, points(&near)), (true, vec![0, 20]));
        let far = facts(&[(0, 0), (10, 8), (21, 21)], Codec::H264);
        assert_eq!((far.has_closed_gops, points(&far)), (false, vec![0, 10, 21]));
    }

    /// Goal: rates of coarse timescales are those in use; uneven pictures have none.
    #[test]
    fn frame_rates_are_those_in_use() {
        let rate = |durations, timescale, sample_count, decode_ticks| {
            let durations = Some(durations);
            TableFacts { timescale, durations, sample_count, decode_ticks, ..TableFacts::default() }.frame_rate()
        };
        assert_eq!(rate((1001, 1001), 24_000, 100, 99_099), Some((24_000, 1001)));
        assert_eq!(rate((512, 512), 12_800, 100, 50_688), Some((25, 1)));
        assert_eq!(rate((41, 42), 1000, 24_001, 1_001_000), Some((24_000, 1001)));
        assert_eq!(rate((66, 67), 1000, 1501, 100_000), Some((15, 1)));
        assert_eq!(rate((40, 80), 1000, 100, 5_000), None);
        assert_eq!(rate((0, 1), 1000, 100, 50), None);
    }
}
