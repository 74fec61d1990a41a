//! Places in the file into sync points.

use super::super::cues::Cue;
use super::front::Front;
use crate::container::SyncPoint;

/// Cues of which more than one in so many lies before the one that precedes it in time are no list of keyframes.
const ORDERLY_CUES: usize = 8;

/// Where the cluster of a cue begins, if that may be.
pub(super) fn cluster_offset(front: &Front, cue: &Cue) -> Option<u64> {
    let offset = front.segment_data.checked_add(cue.cluster_position)?;
    (front.first_cluster..front.segment_end).contains(&offset).then_some(offset)
}

/// Do places in the file rise with the times? Cues of one time may name one place each.
pub(super) fn is_in_file_order<'a>(cues: impl Iterator<Item = &'a Cue>) -> bool {
    count_steps_back(cues).0 == 0
}

/// Is a large part of the places out of that order, as when B-frames are in the Cues? A single one that lies is not.
pub(super) fn is_far_from_file_order<'a>(cues: impl Iterator<Item = &'a Cue>) -> bool {
    let (steps_back, count) = count_steps_back(cues);
    steps_back.saturating_mul(ORDERLY_CUES) > count
}

/// How many cues lie before the one that precedes them in time, and how many there are.
fn count_steps_back<'a>(cues: impl Iterator<Item = &'a Cue>) -> (usize, usize) {
    let mut sorted: Vec<&Cue> = cues.collect();
    sorted.sort_unstable_by_key(|cue| (cue.time, cue.cluster_position, cue.relative_position));
    let place = |cue: &&Cue| (cue.cluster_position, cue.relative_position);
    let pairs = sorted.iter().zip(sorted.iter().skip(1));
    (pairs.filter(|(before, behind)| place(behind) < place(before)).count(), sorted.len())
}

/// Sync points with strictly rising times and places that do not go back: cues that break this order lie.
pub(super) fn sort_sync_points(points: impl Iterator<Item = SyncPoint>, segment_end: u64) -> Vec<SyncPoint> {
    let mut points: Vec<SyncPoint> = points.collect();
    // A block cannot lie behind the next known cluster: such a place is no help, and says nothing of the order.
    let mut clusters: Vec<u64> = points.iter().map(|point| point.offset_bytes).collect();
    clusters.sort_unstable();
    for point in &mut points {
        let behind = clusters.partition_point(|offset| *offset <= point.offset_bytes);
        let next_cluster = clusters.get(behind).copied().unwrap_or(u64::MAX).min(segment_end);
        if point.offset_bytes.saturating_add(point.block_offset_bytes) >= next_cluster {
            point.block_offset_bytes = 0;
        }
    }
    points.sort_unstable_by_key(|point| (point.pts_ticks, point.offset_bytes, point.block_offset_bytes));
    // From the back: a point stays when nothing behind it in time lies before it in the file. So one place that lies far out goes,
    // not all that follow it.
    let mut next: Option<SyncPoint> = None;
    points.reverse();
    points.retain(|point| {
        let stays = next.is_none_or(|next| {
            let is_before = match (point.block_offset_bytes, next.block_offset_bytes) {
                // Not known where in its cluster.
                (0, _) | (_, 0) => point.offset_bytes <= next.offset_bytes,
                (own, behind) => (point.offset_bytes, own) < (next.offset_bytes, behind),
            };
            point.pts_ticks < next.pts_ticks && is_before
        });
        if stays {
            next = Some(*point);
        }
        stays
    });
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: sync points rise in time and never go back in the file, whatever the Cues say.
    #[test]
    fn sync_points_rise() {
        let points = [point(30, 300, 0), point(0, 50, 0), point(10, 400, 0), point(10, 90, 0), point(20, 60, 0)];
        assert_eq!(sort_sync_points(points.into_iter(), 1000), [point(0, 50, 0), point(20, 60, 0), point(30, 300, 0)]);
    }

    /// Goal: a relative position that points behind the next cluster is not believed; several keyframes may share a cluster.
    #[test]
    fn relative_positions_stay_in_their_cluster() {
        let points = [point(0, 50, 10), point(5, 50, 20), point(10, 90, 300), point(20, 200, 900)];
        let sorted = sort_sync_points(points.into_iter(), 1000);
        assert_eq!(sorted, [point(0, 50, 10), point(5, 50, 20), point(10, 90, 0), point(20, 200, 0)]);
    }

    fn point(pts_ticks: i64, offset_bytes: u64, block_offset_bytes: u64) -> SyncPoint {
        SyncPoint { pts_ticks, sample_index: 0, offset_bytes, block_offset_bytes }
    }
}
