//! Keyframes by themselves (trick play, RFC 8216 section 4.3.3.6): what a player shows while someone looks for a place.
//!
//! Each is a resource of its own: a fragment of one sample, read with one small read. It is shown at its own time and until the next.

use super::clock::seconds;
use super::playlist::target_duration_s_of;
use super::rates::{peak_bits_per_s, rate_of};
use super::{Cuts, fmp4};
use crate::container::{Boundary, Layout, MediaIndex, Packet, PacketQuery, SyncPoint, Track};
use crate::model::TrackKind;

/// Shortest distance between two keyframes that are listed, in seconds: of a film that is nothing but keyframes, one of each second is enough to
/// find a place.
const MIN_DISTANCE_S: u32 = 1;
/// The last one may be shown for an instant only, which says nothing of its rate: from this length on it counts, in seconds.
const MIN_COUNTED_S: f64 = 0.5;
/// Most keyframes of a rendition: 18 hours at the shortest distance. What comes after them is shown by the last.
const MAX_KEYFRAMES: usize = 65_536;

/// The keyframes of a rendition, as playlists need them.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyframeInfo {
    /// How long each is shown, in seconds: until the next one, or the end. Never empty.
    pub durations_s: Vec<f64>,
    /// Which of them come after a change of sample description, rising.
    pub changes: Vec<usize>,
    /// Largest bits a second over any of them that lasts long enough to count; never low. Exact for MP4; of Matroska the bytes up to the next
    /// keyframe are known, not how many of them are its own.
    pub peak_bits_per_s: u64,
    /// Bits a second over the whole.
    pub average_bits_per_s: u64,
}

/// The keyframes of a track that are offered, and how long each is shown.
#[derive(Debug)]
pub(super) struct Keyframes {
    points: Vec<SyncPoint>,
    durations_ticks: Vec<u32>,
}

impl Keyframes {
    /// Chooses among the sync points of a track, or the samples of one where every sample is one; `None` where there are none to choose.
    ///
    /// `starts`: where its segments begin, and the end.
    pub(super) fn choose(index: &MediaIndex, cuts: &Cuts, track_index: usize, starts: &[i64]) -> Option<Self> {
        let track = index.tracks.get(track_index).filter(|track| track.info.kind == TrackKind::Video)?;
        // Cuts of a grid are times: where the keyframes lie is found out when a segment is read.
        if index.grid_gop().is_some() {
            return None;
        }
        let end = *starts.last()?;
        let points = if track.sync_points.is_empty() {
            of_each_second(index, track_index, track, end)
        } else {
            spread(track, cuts.boundaries.first()?.point.pts_ticks, end)
        };
        let nexts = points.iter().skip(1).map(|point| point.pts_ticks).chain([end]);
        let length = |(point, next): (&SyncPoint, i64)| u32::try_from(next.saturating_sub(point.pts_ticks).max(1)).ok();
        let durations_ticks = points.iter().zip(nexts).map(length).collect::<Option<Vec<u32>>>()?;
        (!points.is_empty()).then_some(Self { points, durations_ticks })
    }

    /// What playlists need of them.
    pub(super) fn info(&self, index: &MediaIndex, cuts: &Cuts, track_index: usize) -> KeyframeInfo {
        let timescale = index.tracks.get(track_index).map_or(1, |track| track.info.timescale);
        let durations_s: Vec<f64> =
            self.durations_ticks.iter().map(|ticks| seconds((*ticks).into(), timescale)).collect();
        let header = fmp4::header_size_bound(TrackKind::Video, 1);
        let size = |at: usize| self.size_bound(index, track_index, at).saturating_add(header);
        let sizes: Vec<u64> = (0..self.points.len()).map(size).collect();
        let changes = cuts.changes.iter().filter_map(|change| {
            let first = cuts.boundaries.get(change.segment_index)?.point.pts_ticks;
            let at = self.points.partition_point(|point| point.pts_ticks < first);
            (at < self.points.len()).then_some(at)
        });
        // Players fetch one at a time, so also one that is shorter than half the longest counts by itself.
        let alone = sizes.iter().zip(&durations_s).filter(|(_, duration)| **duration >= MIN_COUNTED_S);
        let alone = alone.map(|(size, duration)| rate_of(&[*size], &[*duration])).max().unwrap_or(0);
        KeyframeInfo {
            changes: changes.collect(),
            peak_bits_per_s: peak_bits_per_s(&sizes, &durations_s, target_duration_s_of(durations_s.iter().copied()))
                .max(alone),
            average_bits_per_s: rate_of(&sizes, &durations_s),
            durations_s,
        }
    }

    /// Most bytes that keyframe `at` takes.
    fn size_bound(&self, index: &MediaIndex, track_index: usize, at: usize) -> u64 {
        let Some(point) = self.points.get(at) else { return 0 };
        let to = match index.layout {
            Layout::Mp4(_) => Some(point.just_after()),
            // The next sync point of all, not of those that are offered.
            _ => index.tracks.get(track_index).and_then(|track| {
                let next = track.sync_points.partition_point(|other| other.pts_ticks <= point.pts_ticks);
                track.sync_points.get(next).copied()
            }),
        };
        let boundary = |point: SyncPoint| Boundary { track_index, point };
        index.estimate_bytes(&PacketQuery { track_index, from: Some(boundary(*point)), to: to.map(boundary) })
    }

    /// Where keyframe `at` lies, and how long it is shown.
    pub(super) fn get(&self, at: usize) -> Option<(SyncPoint, u32)> {
        Some((*self.points.get(at)?, *self.durations_ticks.get(at)?))
    }
}

/// A keyframe as the one sample of a fragment: it is decoded when it is shown.
pub(super) fn alone(packet: Packet, duration_ticks: u32) -> Packet {
    Packet { dts_ticks: packet.pts_ticks, duration_ticks, is_sync: true, ..packet }
}

/// Sync points from `first` on, not nearer to each other than the shortest distance.
fn spread(track: &Track, first: i64, end: i64) -> Vec<SyncPoint> {
    let least = i64::from(MIN_DISTANCE_S).saturating_mul(i64::from(track.info.timescale));
    let mut points: Vec<SyncPoint> = Vec::new();
    for point in track.sync_points.iter().filter(|point| (first..end).contains(&point.pts_ticks)) {
        let is_far = points.last().is_none_or(|last| point.pts_ticks.saturating_sub(last.pts_ticks) >= least);
        if is_far && points.len() < MAX_KEYFRAMES {
            points.push(*point);
        }
    }
    points
}

/// The first sample of each second, of a table in which every sample is a sync point.
fn of_each_second(index: &MediaIndex, track_index: usize, track: &Track, end: i64) -> Vec<SyncPoint> {
    let mut points = Vec::new();
    if !index.is_all_sync(track_index) {
        return points;
    }
    let second = i64::from(MIN_DISTANCE_S).saturating_mul(i64::from(track.info.timescale)).max(1);
    let boundary = |pts_ticks: i64| {
        let point = SyncPoint { pts_ticks, sample_index: 0, offset_bytes: 0, block_offset_bytes: 0 };
        Boundary { track_index, point }
    };
    let mut from = track.start_ticks;
    while from < end && points.len() < MAX_KEYFRAMES {
        let to = from.saturating_add(second);
        let query = PacketQuery { track_index, from: Some(boundary(from)), to: Some(boundary(to)) };
        if let Ok(Some(packets)) = index.tabled_packets(&query)
            && let Some(first) = packets.iter().map(|packet| packet.pts_ticks).min()
        {
            points.push(boundary(first).point);
        }
        from = to;
    }
    points
}
