//! Sync samples that are none: recovery points of H.264, which some writers list with the IDR pictures (PACKAGING 5.4).

use super::boxes::File;
use super::facts::MAX_IDR_DISTANCE_S;
use super::table::SampleTable;
use crate::container::codec::is_random_access;
use crate::container::{SyncPoint, Track};
use crate::model::{ByteRange, Codec};

/// Most sync samples that are looked at.
const MAX_LOOKS: usize = 256;
/// Of a sample, as much as is read for the type of its first slice: parameter sets and messages stand in front.
const MAX_SAMPLE_HEAD_BYTES: u64 = 16 * 1024;

/// Looks at the sync samples of a track whose first bytes happen to be at hand: nothing is read for it, so it is head and tail that are judged,
/// as they come along with every source.
///
/// Where one is no IDR picture, others that were not seen may be none either: GOPs are not known to be closed. Those that are known to be none
/// are no places to cut, as long as the others are near enough.
pub(super) fn verify(track: &mut Track, table: &SampleTable, nal_length_size: u8, file: &File<'_>) {
    if track.info.codec != Codec::H264 {
        return;
    }
    let is_idr = |point: &SyncPoint| {
        let sample = table.sample(point.sample_index)?;
        let size = u64::from(sample.size_bytes).min(MAX_SAMPLE_HEAD_BYTES);
        let end_at_hand = file.have.end_of_run(sample.offset_bytes);
        let head = ByteRange::new(sample.offset_bytes, end_at_hand.min(sample.offset_bytes.saturating_add(size)));
        is_random_access(Codec::H264, nal_length_size, &file.have.bytes(head)?)
    };
    let seen = track
        .sync_points
        .iter()
        .take(MAX_LOOKS)
        .filter_map(|point| is_idr(point).map(|is_idr| (point.sample_index, is_idr)));
    let seen: Vec<(u32, bool)> = seen.collect();
    if seen.iter().all(|(_, is_idr)| *is_idr) {
        return;
    }
    let is_false = |point: &SyncPoint| seen.contains(&(point.sample_index, false));
    let first = track.sync_points.first().map(|point| point.sample_index);
    // Where not one but the first is an IDR picture, those that were not seen are none either.
    let has_others = seen.iter().any(|(sample, is_idr)| *is_idr && Some(*sample) != first);
    let is_kept = |point: &&SyncPoint| Some(point.sample_index) == first || (has_others && !is_false(point));
    let rest = || track.sync_points.iter().filter(is_kept).copied();
    let most = MAX_IDR_DISTANCE_S.saturating_mul(track.info.timescale.into());
    let mut last = track.start_ticks;
    let is_near = rest().map(|point| point.pts_ticks).chain([track.end_ticks]).all(|pts| {
        let distance = pts.saturating_sub(last);
        last = pts;
        distance <= most
    });
    let all_seen = seen.len() == track.sync_points.len();
    track.has_closed_gops = false;
    if is_near {
        let points: Vec<SyncPoint> = rest().collect();
        track.has_closed_gops = all_seen && points.iter().all(|point| !is_false(point));
        track.sync_points = points;
    }
}
