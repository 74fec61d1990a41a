//! Sync points that are none: recovery points of H.264, which most writers list with the IDR pictures (PACKAGING 5.4). Chromium decodes nothing
//! from there.
//!
//! Nothing is read here: a [`Check`] says which bytes it needs, and is right about as much as it was shown. Where every source brings its head and
//! tail along, those are judged without a request; a local file is looked into.

use super::{Boundary, Layout, MediaIndex, NAL_LENGTH_SIZE, Payload, Step, SyncPoint, Track, codec};
use crate::model::{ByteRange, Codec, Extents, TrackKind};

/// Longest wait for an IDR picture: beyond it recovery points are cut at too (PACKAGING 5.4), in seconds.
pub(super) const MAX_IDR_DISTANCE_S: i64 = 20;
/// Most sync points of one track that are looked at: eleven hours with one every two seconds.
const MAX_LOOKS: usize = 20_000;
/// Of a larger number, so many are looked at before the rest is believed …
const SAMPLE_LOOKS: usize = 16;
/// … and of no more than this number all are.
const MAX_WHOLE_LOOKS: usize = 32;
/// As much of a picture as is looked at: parameter sets and messages may stand in front of its first slice.
const PICTURE_HEAD_BYTES: u64 = 4 * 1024;

/// What is known of the sync points of one track.
#[derive(Debug)]
pub(super) struct Check {
    track_index: usize,
    /// For each sync point, once it was looked at: can decoding start there? `Some(None)` where its bytes do not tell.
    seen: Vec<Option<Option<bool>>>,
}

impl Check {
    /// A check for each track of which the pictures may tell. Nothing is known yet.
    pub(super) fn all_of(index: &MediaIndex) -> Vec<Self> {
        let may_lie = |codec| matches!(codec, Codec::H264 | Codec::Hevc);
        let tracks = index.tracks.iter().enumerate();
        tracks
            .filter(|(_, track)| track.info.kind == TrackKind::Video && may_lie(track.info.codec))
            .filter(|(_, track)| !track.sync_points.is_empty() && index.grid_gop().is_none())
            .map(|(track_index, track)| Self { track_index, seen: vec![None; track.sync_points.len()] })
            .collect()
    }

    /// Looks at these sync points, by their numbers, and says which bytes are missing for it.
    pub(super) fn look(&mut self, index: &MediaIndex, wanted: &[usize], have: &Extents) -> Vec<ByteRange> {
        let mut missing = Vec::new();
        let points = index.tracks.get(self.track_index).map_or(&[][..], |track| &track.sync_points);
        for at in wanted {
            let (Some(point), Some(seen @ None)) = (points.get(*at), self.seen.get_mut(*at)) else { continue };
            match look_at(index, Boundary { track_index: self.track_index, point: *point }, have) {
                Step::Done(finding) => *seen = Some(finding),
                Step::Need(ranges) => missing.extend(ranges),
            }
        }
        missing
    }

    /// The numbers of some sync points, spread over the whole file, or of all where there are few.
    pub(super) fn sample(&self) -> Vec<usize> {
        spread(self.seen.len())
    }

    /// The numbers of those that were not looked at, as many as ever are.
    pub(super) fn unseen(&self) -> Vec<usize> {
        let unseen = self.seen.iter().enumerate().filter(|(_, seen)| seen.is_none());
        unseen.map(|(at, _)| at).take(MAX_LOOKS).collect()
    }

    /// The numbers of those whose bytes may be here. A film has thousands; finding the bytes of each takes longer than to open it.
    pub(super) fn near(&self, index: &MediaIndex, have: &Extents) -> Vec<usize> {
        let points = index.tracks.get(self.track_index).map_or(&[][..], |track| &track.sync_points);
        // Where a cue of Matroska leads is not always where its cluster begins.
        let is_near = |point: &SyncPoint| {
            matches!(index.layout, Layout::Matroska(_)) || have.end_of_run(point.offset_bytes) > point.offset_bytes
        };
        self.unseen().into_iter().filter(|at| points.get(*at).is_some_and(is_near)).collect()
    }

    /// Was a sync point seen that is none?
    pub(super) fn has_false(&self) -> bool {
        self.seen.contains(&Some(Some(false)))
    }

    /// Is there a reason to look at all of them? Seen with the eyes, or told by a table: its GOPs are open, so there may be others that it does not
    /// tell from closed ones.
    pub(super) fn is_doubtful(&self, index: &MediaIndex) -> bool {
        let track = index.tracks.get(self.track_index).filter(|track| track.info.codec == Codec::H264);
        let is_told = match (&index.layout, track) {
            (Layout::Mp4(layout), Some(track)) => {
                !track.has_closed_gops || layout.sync_count(self.track_index) != Some(track.sync_points.len())
            }
            _ => false,
        };
        self.has_false() || is_told
    }

    /// Takes what was seen into an index with a table or fragments: sync points that are none are no places to cut, as long as the others are near
    /// enough, and no sample in a table is marked as one. Matroska is only told: its clusters are searched instead, now or later.
    pub(super) fn apply(self, index: &mut MediaIndex) {
        let has_false = self.has_false();
        let Some(track) = index.tracks.get_mut(self.track_index) else { return };
        if let Layout::Matroska(layout) = &mut index.layout {
            layout.has_false_cues |= has_false;
            return;
        }
        let all_seen = self.seen.iter().all(|seen| matches!(seen, Some(Some(_))));
        let is_h264 = track.info.codec == Codec::H264;
        // But for the first, with which the film begins, whatever it is.
        let mut known_false: Vec<SyncPoint> = Vec::new();
        if has_false {
            let seen = || track.sync_points.iter().zip(&self.seen);
            known_false.extend(seen().skip(1).filter(|(_, seen)| **seen == Some(Some(false))).map(|(point, _)| *point));
            // Where not one but the first is an IDR picture, those that were not seen are none either; unless that leaves too few.
            let has_others = seen().skip(1).any(|(_, seen)| *seen == Some(Some(true)));
            let kept = (!has_others).then(|| without_false(track, &self.seen, true)).flatten();
            let kept = kept.or_else(|| without_false(track, &self.seen, false));
            let is_near = kept.is_some();
            track.sync_points = kept.unwrap_or_else(|| std::mem::take(&mut track.sync_points));
            // Nothing that follows an IDR picture needs what stands before it.
            let begins_true = self.seen.first() == Some(&Some(Some(true)));
            let is_true =
                |point: &SyncPoint| known_false.binary_search_by_key(&point.pts_ticks, |it| it.pts_ticks).is_err();
            let are_true = is_near && begins_true && track.sync_points.iter().all(is_true);
            track.has_closed_gops = all_seen && are_true && (is_h264 || track.has_closed_gops);
        }
        if let Layout::Mp4(layout) = &mut index.layout
            && (is_h264 || has_false)
        {
            let points = &track.sync_points;
            let is_near = track.has_closed_gops || layout.sync_count(self.track_index) != Some(points.len());
            layout.keep_syncs(self.track_index, |sample| {
                let is_point = points.binary_search_by_key(&sample, |point| point.sample_index).is_ok();
                (is_point || !is_near) && known_false.binary_search_by_key(&sample, |it| it.sample_index).is_err()
            });
        }
    }
}

/// The sync points of a track without those that are none; `None` where they would lie too far apart.
fn without_false(track: &Track, seen: &[Option<Option<bool>>], are_unseen_false: bool) -> Option<Vec<SyncPoint>> {
    // A player is given another init segment there: what begins with one can be decoded.
    let is_described =
        |point: &SyncPoint| track.descriptions.iter().any(|it| it.from_sample_index == point.sample_index);
    let is_false = |seen: &Option<Option<bool>>| match seen {
        Some(seen) => *seen == Some(false),
        None => are_unseen_false,
    };
    let points = track.sync_points.iter().zip(seen).enumerate();
    let kept = points.filter(|(at, (point, seen))| *at == 0 || !is_false(seen) || is_described(point));
    let kept: Vec<SyncPoint> = kept.map(|(_, (point, _))| *point).collect();
    let times = kept.iter().map(|point| point.pts_ticks).chain([track.end_ticks]);
    let most = MAX_IDR_DISTANCE_S.saturating_mul(track.info.timescale.into());
    are_near(times, track.start_ticks, most).then_some(kept)
}

/// Is no step between these times, from `start` on, longer than `most`?
pub(super) fn are_near(times: impl Iterator<Item = i64>, start: i64, most: i64) -> bool {
    let mut last = start;
    let mut times = times;
    times.all(|time| {
        let distance = time.saturating_sub(last);
        last = time;
        distance <= most
    })
}

/// Can decoding start at a sync point? `None` where its bytes do not tell, or cannot be had.
fn look_at(index: &MediaIndex, boundary: Boundary, have: &Extents) -> Step<Option<bool>> {
    if let Layout::Matroska(layout) = &index.layout {
        return super::matroska::look_at_sync(index, layout, &boundary, have).unwrap_or(Step::Done(None));
    }
    let codec = index.tracks.get(boundary.track_index).map_or(Codec::Other, |track| track.info.codec);
    let packet = match index.sync_packet(&boundary, have) {
        Ok(Step::Done(packet)) => packet,
        Ok(Step::Need(ranges)) => return Step::Need(ranges),
        Err(_) => return Step::Done(None),
    };
    if let Payload::InFile(range) | Payload::Prefixed(_, range) = &packet.payload {
        let head = ByteRange::with_len(range.start, range.len().min(PICTURE_HEAD_BYTES));
        let missing = ByteRange::new(have.end_of_run(head.start), head.end);
        if head.end > index.size_bytes {
            return Step::Done(None);
        }
        if !missing.is_empty() {
            return Step::Need(vec![missing]);
        }
    }
    let start = packet.payload.start(have, PICTURE_HEAD_BYTES);
    Step::Done(start.and_then(|start| codec::is_random_access(codec, NAL_LENGTH_SIZE, &start)))
}

/// Numbers below `count`, spread over all of it, at distances that differ: where every fourth is unlike the others, some of those are met and
/// some of the others.
fn spread(count: usize) -> Vec<usize> {
    if count <= MAX_WHOLE_LOOKS {
        return (0..count).collect();
    }
    let step = count.checked_div(SAMPLE_LOOKS).unwrap_or(1).max(1);
    let mut shift = 0usize;
    let mut numbers = Vec::with_capacity(SAMPLE_LOOKS);
    for at in 0..SAMPLE_LOOKS {
        shift = shift.saturating_add(at);
        numbers.push(at.saturating_mul(step).saturating_add(shift.checked_rem(step).unwrap_or(0)));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: few are all looked at; of many a few, all over the file, and however regularly the true ones come, both kinds are met.
    #[test]
    fn a_sample_meets_every_kind() {
        assert_eq!(spread(20), (0..20).collect::<Vec<_>>());
        for count in [33, 64, 100, 128, 900, 3600, 5000] {
            let numbers = spread(count);
            assert_eq!(numbers.len(), SAMPLE_LOOKS);
            assert!(numbers.is_sorted_by(|a, b| a < b) && *numbers.last().unwrap() < count, "{count}: {numbers:?}");
            assert!(*numbers.last().unwrap() >= count * 7 / 8, "{count}: {numbers:?}");
            for period in 2..=6 {
                assert!(numbers.iter().any(|at| at % period == 0), "{count}, every {period}: {numbers:?}");
                assert!(numbers.iter().any(|at| at % period != 0), "{count}, every {period}: {numbers:?}");
            }
        }
    }
}
