//! Files whose keyframes nobody knows: cut by a grid of times, and searched when a segment is asked for (PACKAGING 5.4, "No Cues").
//!
//! The sync points of such an index are times alone. Where a segment really begins is found in the file: the first sync sample at or past
//! its time. That does not depend on what was searched before, so segments laid end to end are the film, and no error adds up.
//!
//! The search is by interpolation: the byte at which a time should lie, the next cluster from there, and again between the two nearest
//! clusters that are known, until one lies shortly before the time.

mod stored;

use std::sync::OnceLock;

use super::cluster::{Walker, cluster_timestamp, find_cluster, time_ns};
use super::cursor::{Cursor, Read, Stop};
use super::scan::{CutTrack, Start, has_enough_sync_samples};
use super::{Layout, malformed};
use crate::container::{MediaIndex, SyncPoint};
use crate::model::ByteRange;

/// The step of the grid, as long as GOPs are not longer: the target of the cut rule.
const STEP_NS: i64 = 6_000_000_000;
/// Where the first cut is, if GOPs are that short.
const FIRST_STEP_NS: i64 = 2_000_000_000;
/// Longest step: a file with longer GOPs has segments without pictures.
const MAX_STEP_NS: i64 = 60_000_000_000;
/// No point of the grid lies nearer to the end than this.
const MIN_TAIL_NS: i64 = 1_000_000_000;
/// Most points: 109 hours.
const MAX_POINTS: usize = 65_536;
/// How far into the clusters the first GOPs are looked at …
const MAX_FIRST_GOPS_BYTES: u64 = 8 * 1024 * 1024;
/// … how much is asked for at a time there …
const FIRST_GOPS_WINDOW_BYTES: u64 = 2 * 1024 * 1024;
/// … and how many keyframes are enough.
const FIRST_KEYFRAMES: usize = 4;
/// Most places that are looked at in one search.
const MAX_PROBES: u32 = 24;
/// After so many, halves instead of interpolation: a file whose rate changes a lot.
const MAX_INTERPOLATIONS: u32 = 6;
/// A cluster that begins at least this long before the wanted time has no later sync sample before it …
const LEAD_NS: i64 = 2_000_000_000;
/// … and at most this much longer is walked through instead of searched on.
const MAX_WALK_NS: i64 = 4_000_000_000;
/// Two clusters that lie this near leave nothing to search between them.
const MIN_BRACKET_BYTES: u64 = 256 * 1024;
/// How much is asked for where a cluster is searched, beside the length of a usual cluster …
const PROBE_WINDOW_BYTES: u64 = 64 * 1024;
/// … and at most.
const MAX_PROBE_WINDOW_BYTES: u64 = 8 * 1024 * 1024;
/// How far behind the cluster before it a sync sample is searched.
const MAX_WALK_BYTES: u64 = 256 * 1024 * 1024;
/// How much is asked for at a time there.
const WALK_WINDOW_BYTES: u64 = 1024 * 1024;
const MAX_WALK_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// What a search needs, and what searches have found.
#[derive(Debug)]
pub(super) struct Grid {
    /// Index of the track that is cut.
    track_index: usize,
    cut: CutTrack,
    /// Recovery points are begun with as well.
    takes_marked: bool,
    /// From one keyframe to the next, as far as was seen.
    pub(super) longest_gop_ns: i64,
    /// Length of a cluster, as the first says.
    usual_cluster_bytes: u64,
    /// Time of the first block of the track, and where the last ends.
    first_ns: i64,
    end_ns: i64,
    /// For each sync point of the track where it was found. Only the answers of whole searches are kept, so they change nothing but the time
    /// that the next one takes.
    found: Vec<OnceLock<SyncPoint>>,
}

/// What the first clusters show of a file.
pub(super) struct FirstGops {
    pub(super) longest_ns: i64,
    pub(super) takes_marked: bool,
    /// Length of the first cluster in bytes, where it says.
    pub(super) cluster_bytes: Option<u64>,
}

/// Looks at the first GOPs from the first cluster on.
pub(super) fn first_gops(cursor: &mut Cursor<'_>, cut: &CutTrack, mut walker: Walker) -> Read<FirstGops> {
    let start = walker.at;
    let before = std::mem::replace(&mut cursor.window, FIRST_GOPS_WINDOW_BYTES);
    let mut points: Vec<(i64, Start)> = Vec::new();
    let (mut first_ns, mut last_ns) = (None, 0);
    let mut cluster_bytes = None;
    while points.len() < FIRST_KEYFRAMES && walker.at.saturating_sub(start) < MAX_FIRST_GOPS_BYTES {
        let block = match walker.next_block(cursor) {
            Ok(Some(block)) => block,
            Ok(None) | Err(Stop::Fail(_)) => break,
            Err(stop) => return Err(stop),
        };
        let own_bytes = || Some(block.cluster.end?.saturating_sub(block.cluster.offset));
        cluster_bytes = cluster_bytes.or_else(own_bytes);
        if block.track != cut.number {
            continue;
        }
        first_ns = first_ns.or(Some(block.time_ns));
        last_ns = block.time_ns.max(last_ns);
        if cut.is_video
            && let Some(start) = cut.start(cursor, &block)?
        {
            points.push((block.time_ns, start));
        }
    }
    cursor.window = before;
    let takes_marked = points.iter().any(|(_, start)| *start == Start::Marked)
        && (points.iter().skip(1).all(|(_, start)| *start == Start::Marked)
            || !has_enough_sync_samples(points.iter().copied()));
    let mut longest_ns = 0;
    let mut last = first_ns;
    let used = points.iter().filter(|(_, start)| takes_marked || *start == Start::Sync).map(|(time_ns, _)| *time_ns);
    // The last GOP that was seen is at least as long as what was seen of it.
    for time_ns in used.chain((cut.is_video).then_some(last_ns)) {
        longest_ns = last.map_or(0, |last: i64| time_ns.saturating_sub(last)).max(longest_ns);
        last = Some(time_ns);
    }
    Ok(FirstGops { longest_ns, takes_marked, cluster_bytes })
}

/// Times of the grid in nanoseconds from its first.
pub(super) fn times(longest_gop_ns: i64, length_ns: i64) -> Vec<i64> {
    let steps = longest_gop_ns.max(1).saturating_add(STEP_NS.saturating_sub(1)).checked_div(STEP_NS).unwrap_or(1);
    let step = steps.saturating_mul(STEP_NS).min(MAX_STEP_NS);
    let last = length_ns.saturating_sub(MIN_TAIL_NS);
    let first = (longest_gop_ns <= FIRST_STEP_NS).then_some(FIRST_STEP_NS);
    let rest = (1i64..).map(|n| n.saturating_mul(step));
    let times = std::iter::once(0).chain(first.into_iter().chain(rest).take_while(|time_ns| *time_ns < last));
    times.take(MAX_POINTS).collect()
}

impl Grid {
    pub(super) fn new(
        track_index: usize,
        cut: CutTrack,
        gops: &FirstGops,
        (first_ns, end_ns): (i64, i64),
        point_count: usize,
    ) -> Self {
        Self {
            track_index,
            cut,
            takes_marked: gops.takes_marked,
            longest_gop_ns: gops.longest_ns,
            usual_cluster_bytes: gops.cluster_bytes.unwrap_or(0).min(MAX_PROBE_WINDOW_BYTES),
            first_ns,
            end_ns,
            found: std::iter::repeat_with(OnceLock::new).take(point_count).collect(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(self.found.as_slice())
    }

    /// Bytes between two times, as good as can be told: twice the average, because more than that is rare.
    pub(super) fn estimate_bytes(&self, clusters: ByteRange, from_ns: i64, to_ns: i64) -> u64 {
        let length = i128::from(self.end_ns.saturating_sub(self.first_ns).max(1));
        let share =
            i128::from(clusters.len()).saturating_mul(2).saturating_mul(i128::from(to_ns.saturating_sub(from_ns)));
        u64::try_from(share.checked_div(length).unwrap_or(0)).unwrap_or(0).min(clusters.len())
    }

    /// The first sync sample at or past the time of `point`, a point of the grid or any other time. Where there is none, the time itself,
    /// and a cluster before it.
    pub(super) fn resolve(
        &self,
        cursor: &mut Cursor<'_>,
        index: &MediaIndex,
        layout: &Layout,
        point: SyncPoint,
    ) -> Read<SyncPoint> {
        let points = index.tracks.get(self.track_index).map_or(&[][..], |track| &track.sync_points);
        let at = points.binary_search_by_key(&point.pts_ticks, |known| known.pts_ticks).ok();
        let cell = at.and_then(|at| self.found.get(at));
        if let Some(found) = cell.and_then(OnceLock::get) {
            return Ok(*found);
        }
        let before = cursor.window;
        let found = self.search(cursor, layout, point);
        cursor.window = before;
        let found = found?;
        if let Some(cell) = cell {
            // Whoever was first found the same.
            let _ = cell.set(found);
        }
        Ok(found)
    }

    fn search(&self, cursor: &mut Cursor<'_>, layout: &Layout, point: SyncPoint) -> Read<SyncPoint> {
        let own = layout.tracks.get(self.track_index).ok_or_else(|| malformed("no such track"))?;
        let wanted_ns = own.timing.file_ns(point.pts_ticks);
        let offset = self.cluster_before(cursor, layout, wanted_ns.saturating_sub(LEAD_NS))?;
        // A stamp may be off by its rounding.
        let tolerance = own.timing.ticks(i64::try_from(own.timing.tolerance_ns).unwrap_or(0));
        let earliest = point.pts_ticks.saturating_sub(tolerance);
        let mut walker = Walker::new(offset, layout.clusters.end, layout.timestamp_scale_ns);
        cursor.window = WALK_WINDOW_BYTES;
        loop {
            let walked = walker.at.saturating_sub(offset);
            if walked > MAX_WALK_BYTES {
                return Err(malformed("no keyframe for a long time").into());
            }
            cursor.window = walked.clamp(WALK_WINDOW_BYTES, MAX_WALK_WINDOW_BYTES);
            let Some(block) = walker.next_block(cursor)? else { break };
            let pts_ticks = own.timing.snap(block.time_ns);
            if block.track != self.cut.number || pts_ticks < earliest {
                continue;
            }
            if self.cut.start(cursor, &block)?.is_some_and(|start| self.takes_marked || start == Start::Sync) {
                return Ok(SyncPoint {
                    pts_ticks,
                    sample_index: 0,
                    offset_bytes: block.cluster.offset,
                    block_offset_bytes: block.offset.saturating_sub(block.cluster.data),
                });
            }
        }
        Ok(SyncPoint { sample_index: u32::MAX, offset_bytes: offset, block_offset_bytes: 0, ..point })
    }

    /// A cluster that begins at or before `goal_ns`, shortly before it where that can be found; else the first.
    fn cluster_before(&self, cursor: &mut Cursor<'_>, layout: &Layout, goal_ns: i64) -> Read<u64> {
        let (mut low, mut low_ns) = (layout.clusters.start, self.first_ns);
        // No cluster from here on begins at or before the goal.
        let (mut high, mut high_ns) = (layout.clusters.end, self.end_ns);
        let usual_bytes = self.usual_cluster_bytes;
        let window = usual_bytes.saturating_add(PROBE_WINDOW_BYTES).min(MAX_PROBE_WINDOW_BYTES);
        for probe in 0..MAX_PROBES {
            let between = high.saturating_sub(low);
            if goal_ns.saturating_sub(low_ns) <= MAX_WALK_NS || between <= MIN_BRACKET_BYTES {
                break;
            }
            let share = if probe < MAX_INTERPOLATIONS {
                let length_ns = i128::from(high_ns.saturating_sub(low_ns).max(1));
                i128::from(between)
                    .saturating_mul(i128::from(goal_ns.saturating_sub(low_ns)))
                    .checked_div(length_ns)
                    .unwrap_or(0)
            } else {
                i128::from(between / 2)
            };
            // The next cluster lies behind that byte, by half a cluster on average.
            let share = u64::try_from(share).unwrap_or(between).saturating_sub(usual_bytes / 2);
            let guess = low.saturating_add(share).clamp(low.saturating_add(1), high.saturating_sub(1));
            let mut from = guess;
            let mut found = None;
            while let Some(offset) = find_cluster(cursor, from, high, window)? {
                let timestamp = cluster_timestamp(cursor, offset)?;
                let own_ns = timestamp.and_then(|timestamp| time_ns(timestamp, 0, layout.timestamp_scale_ns));
                // What does not lie between its neighbours in time is payload that looks like a cluster, or broken.
                match own_ns.filter(|own_ns| (low_ns..=high_ns).contains(own_ns)) {
                    Some(own_ns) => {
                        found = Some((offset, own_ns));
                        break;
                    }
                    None => from = offset.saturating_add(1),
                }
            }
            match found {
                Some((offset, own_ns)) if own_ns <= goal_ns => (low, low_ns) = (offset, own_ns),
                Some((_, own_ns)) => (high, high_ns) = (guess, own_ns),
                None => high = guess,
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: multiples of six seconds, the first sooner; longer steps where GOPs are longer, and none too near to the end.
    #[test]
    fn grids() {
        let seconds = |gop: i64, length: i64| -> Vec<i64> {
            times(gop * 1_000_000_000, length * 1_000_000_000).iter().map(|ns| ns / 1_000_000_000).collect()
        };
        assert_eq!(seconds(1, 20), [0, 2, 6, 12, 18]);
        assert_eq!(seconds(5, 19), [0, 6, 12]);
        assert_eq!(seconds(10, 40), [0, 12, 24, 36]);
        assert_eq!(seconds(500, 70), [0, 60]);
        assert_eq!(seconds(0, 0), [0]);
        assert_eq!(times(0, i64::MAX).len(), MAX_POINTS);
    }
}
