//! The plan of segments: where a presentation is cut. Pure.

use std::ops::Range;

use super::clock::{NS_PER_S, rescale, rescale_up};
use crate::container::{Boundary, Layout, MediaIndex, PacketQuery, SyncPoint, Track};
use crate::model::{Codec, TrackKind};
use crate::{Error, ErrorKind, Result};

/// Version of the cut rule (PACKAGING 5.4); part of every URL.
pub const CUT_RULE: u32 = 1;
/// Wanted length of a segment, in seconds: a cut follows the first sync point past each multiple of it.
pub const TARGET_S: u32 = 6;
/// Where the first cut aims, in seconds: a short first segment is there sooner.
pub const FIRST_TARGET_S: u32 = 2;
/// Shortest distance between two cuts, in seconds.
pub const MIN_SEGMENT_S: u32 = 1;
/// Most bytes of the file between two cuts, as long as a sync point lies in between that allows it.
pub const MAX_SPAN_BYTES: u64 = 64 * 1024 * 1024;
/// How much sound before the first picture does not move it, in nanoseconds: what encoders put in front of sound lasts less.
pub const MAX_PRIMING_NS: i64 = 100_000_000;
/// Most segments of a presentation: 109 hours at the target length.
pub const MAX_SEGMENTS: usize = 65_536;

/// The cuts of one presentation: segment `k` lies between boundary `k` and `k + 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuts {
    /// Index in [`MediaIndex::tracks`] of the track that was cut: the main video, or the first audio.
    pub track_index: usize,
    /// First boundary of each segment; never empty.
    pub boundaries: Vec<Boundary>,
    /// Earliest presentation time over all selected tracks in nanoseconds: what every time is shifted by (PACKAGING 5.3).
    pub origin_ns: i64,
    /// Where playlists, and the clocks of players, count from, in nanoseconds: the first picture, as long as sound begins at most
    /// [`MAX_PRIMING_NS`] before it, else the origin.
    ///
    /// Players find a time by adding up lengths. Some place each segment where the sum says and what begins first at 0 (Shaka Player, Chromium by
    /// itself), others go by the times in the media and place the first picture at 0 (hls.js): so all of them agree.
    pub start_ns: i64,
    /// End of the last segment in ticks of the cut track.
    pub end_ticks: i64,
    /// Where the sample description of the cut track changes, in order. Empty for nearly every file.
    pub changes: Vec<Change>,
}

/// A segment that begins with another sample description than the one before it: players are given another init segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which segment; never the first.
    pub segment_index: usize,
    /// Index in [`Track::descriptions`] of the description from here on.
    pub description_index: usize,
}

impl Cuts {
    /// How many segments there are; never 0.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.boundaries.len()
    }

    /// The packets of a track that belong to a segment (PACKAGING 5.3); `None` beyond the last segment.
    #[must_use]
    pub fn query(&self, track_index: usize, segment_index: usize) -> Option<PacketQuery> {
        let from = *self.boundaries.get(segment_index)?;
        let to = self.boundaries.get(segment_index.saturating_add(1)).copied();
        // Packets before the first boundary belong to the first segment, those after the last to the last.
        Some(PacketQuery { track_index, from: (segment_index > 0).then_some(from), to })
    }

    /// What is taken off every time of a track with this timescale.
    #[must_use]
    pub fn shift_ticks(&self, timescale: u32) -> i64 {
        rescale(self.origin_ns, NS_PER_S, u64::from(timescale))
    }

    /// How long after what playlists count from, in ticks of this timescale; negative before it.
    pub(super) fn since_start(&self, ticks: i64, timescale: u32) -> i64 {
        ticks.saturating_sub(rescale(self.start_ns, NS_PER_S, u64::from(timescale)))
    }
}

/// The tracks that a plan is made for: the main video, where there is one, and every audio track that is packaged.
///
/// The device has no say in it, so that the same file is cut and timed in the same way for everyone.
#[must_use]
pub fn select(index: &MediaIndex) -> Vec<usize> {
    let packaged = |kind: TrackKind| {
        index
            .tracks
            .iter()
            .enumerate()
            .filter(move |(_, track)| track.info.kind == kind && track.info.codec != Codec::Other)
    };
    let video = packaged(TrackKind::Video)
        .find(|(_, track)| track.info.is_default)
        .or_else(|| packaged(TrackKind::Video).next())
        .map(|(at, _)| at);
    video.into_iter().chain(packaged(TrackKind::Audio).map(|(at, _)| at)).collect()
}

/// Plans the cuts of a file for the selected tracks.
///
/// # Errors
/// `Unsupported` when no selected track is audio or video, or the video has no keyframes; `LimitExceeded` for more than [`MAX_SEGMENTS`]; what the tables of an MP4
/// file say about its first packets.
pub fn plan(index: &MediaIndex, selected: &[usize]) -> Result<Cuts> {
    let tracks = || selected.iter().filter_map(|&at| index.tracks.get(at).map(|track| (at, track)));
    let first_of = |kind: TrackKind| tracks().find(|(_, track)| track.info.kind == kind);
    let (track_index, reference) =
        first_of(TrackKind::Video).or_else(|| first_of(TrackKind::Audio)).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "plan segments")
                .detail("no video or audio track that can be packaged")
                .advise("choose another file")
        })?;
    // Video that names no sync points is cut anywhere, if each of its samples is one.
    if reference.info.kind == TrackKind::Video && reference.sync_points.is_empty() && !index.is_all_sync(track_index) {
        return Err(Error::new(ErrorKind::Unsupported, "plan segments")
            .detail("the video has no keyframes to cut at")
            .advise("choose another release"));
    }
    let timescale = u64::from(reference.info.timescale);
    let audible_end = tracks()
        .map(|(_, track)| rescale(track.end_ticks, u64::from(track.info.timescale), timescale))
        .max()
        .unwrap_or(reference.end_ticks);
    let breaks = breaks(reference);
    let stretch = Stretch { breaks: &breaks, ..Stretch::of(reference) };
    let points = cut(&stretch, audible_end)?;
    let changes = points.iter().enumerate().skip(1).filter_map(|(segment_index, point)| {
        let found = breaks.iter().find(|found| found.pts_ticks == point.pts_ticks)?;
        Some(Change { segment_index, description_index: found.description_index })
    });
    let changes = changes.collect();
    let boundaries: Vec<Boundary> = points.into_iter().map(|point| Boundary { track_index, point }).collect();
    let begins_ns = |track: &Track| rescale(track.start_ticks, u64::from(track.info.timescale), NS_PER_S);
    let reference_ns = begins_ns(reference);
    let origin_ns = tracks().map(|(_, track)| begins_ns(track)).min().unwrap_or(reference_ns);
    let start_ns = if reference_ns.saturating_sub(origin_ns) > MAX_PRIMING_NS { origin_ns } else { reference_ns };
    let own_end = own_end_ticks(reference, &boundaries);
    let has_tail = boundaries.last().is_some_and(|boundary| boundary.point.pts_ticks >= own_end);
    let end_ticks = if has_tail { audible_end } else { own_end };
    Ok(Cuts { track_index, boundaries, origin_ns, start_ns, end_ticks, changes })
}

/// Where another sample description of a track begins to apply and decoding can start, rising: what has to be a cut (PACKAGING 5.4).
fn breaks(track: &Track) -> Vec<Break> {
    let mut breaks: Vec<Break> = Vec::with_capacity(track.descriptions.len());
    for (description_index, description) in track.descriptions.iter().enumerate() {
        let after = track.sync_points.partition_point(|point| point.sample_index < description.from_sample_index);
        let pts_ticks = match track.sync_points.get(after) {
            Some(point) => point.pts_ticks,
            None if track.sync_points.is_empty() => description.from_ticks,
            // Nothing that comes after it can be decoded by itself.
            None => continue,
        };
        // Of two descriptions at one place the later is in force.
        breaks.retain(|earlier| earlier.pts_ticks < pts_ticks);
        breaks.push(Break { pts_ticks, description_index });
    }
    breaks
}

/// See [`breaks`].
#[derive(Clone, Copy, Debug)]
struct Break {
    pts_ticks: i64,
    description_index: usize,
}

/// Where the cut track itself ends: cuts behind it are made for longer tracks.
fn own_end_ticks(track: &Track, boundaries: &[Boundary]) -> i64 {
    let last_sync = track.sync_points.last().map_or(i64::MAX, |point| point.pts_ticks);
    let last = boundaries.iter().rev().map(|boundary| boundary.point.pts_ticks).find(|&ticks| ticks <= last_sync);
    let last = last.unwrap_or(track.start_ticks);
    // A container that ends before its last sync point still has a last segment.
    if track.end_ticks > last { track.end_ticks } else { last.saturating_add(shortest_ticks(track)) }
}

/// The least a segment lasts: one picture, or a 24th of a second where the rate is not known.
fn shortest_ticks(track: &Track) -> i64 {
    let timescale = i64::from(track.info.timescale);
    let (rate, per) = track.info.video.as_ref().and_then(|video| video.frame_rate).unwrap_or((24, 1));
    timescale.saturating_mul(i64::from(per.max(1))).checked_div(i64::from(rate)).unwrap_or(0).max(1)
}

/// What the cut rule looks at.
#[derive(Debug)]
struct Stretch<'a> {
    points: &'a [SyncPoint],
    start_ticks: i64,
    end_ticks: i64,
    timescale: u32,
    /// Where there must be a cut.
    breaks: &'a [Break],
}

impl<'a> Stretch<'a> {
    fn of(track: &'a Track) -> Self {
        Self {
            points: &track.sync_points,
            start_ticks: track.start_ticks,
            end_ticks: track.end_ticks,
            timescale: track.info.timescale.max(1),
            breaks: &[],
        }
    }

    /// The next time after `ticks` at which there must be a cut.
    fn next_break(&self, ticks: i64) -> Option<i64> {
        self.breaks.iter().map(|found| found.pts_ticks).find(|pts_ticks| *pts_ticks > ticks)
    }

    fn ticks(&self, seconds: u32) -> i64 {
        i64::from(seconds).saturating_mul(i64::from(self.timescale))
    }

    /// The time that the cut after one at `at` aims for; both count from the first cut.
    fn aim(&self, at: i64, is_first: bool) -> i64 {
        let target = self.ticks(TARGET_S);
        let goal = if is_first {
            self.ticks(FIRST_TARGET_S)
        } else {
            at.div_euclid(target).saturating_add(1).saturating_mul(target)
        };
        goal.max(at.saturating_add(self.ticks(MIN_SEGMENT_S)))
    }
}

/// Cut rule 1: sync points where there are some, else times; then further times if other tracks go on until `audible_end`.
fn cut(stretch: &Stretch<'_>, audible_end: i64) -> Result<Vec<SyncPoint>> {
    let mut cuts = if stretch.points.is_empty() {
        let mut cuts = vec![at_time(stretch.start_ticks)];
        extend_by_time(stretch, &mut cuts, stretch.start_ticks, stretch.end_ticks.max(audible_end))?;
        return Ok(cuts);
    } else {
        cut_at_sync_points(stretch)?
    };
    // A tail that is not long stays in the last segment.
    let tail_start = stretch.end_ticks.max(cuts.last().map_or(0, |point| point.pts_ticks));
    if audible_end.saturating_sub(tail_start) > stretch.ticks(TARGET_S) {
        extend_by_time(stretch, &mut cuts, tail_start, audible_end)?;
    }
    Ok(cuts)
}

fn cut_at_sync_points(stretch: &Stretch<'_>) -> Result<Vec<SyncPoint>> {
    let points = stretch.points;
    let Some(&first) = points.first() else { return Ok(Vec::new()) };
    let since_first = |point: &SyncPoint| point.pts_ticks.saturating_sub(first.pts_ticks);
    let mut cuts = vec![first];
    let mut last = first;
    // What comes after the last cut.
    let mut rest = points.get(1..).unwrap_or_default();
    loop {
        let aim = stretch.aim(since_first(&last), cuts.len() == 1);
        let next = rest.partition_point(|point| since_first(point) < aim);
        let reach = rest.get(next).or(rest.last());
        let is_too_large = reach.is_some_and(|point| span_bytes(&last, point) > MAX_SPAN_BYTES);
        let earliest = last.pts_ticks.saturating_add(stretch.ticks(MIN_SEGMENT_S));
        let within = is_too_large
            .then(|| {
                rest.iter()
                    .take(next)
                    .rposition(|point| point.pts_ticks >= earliest && span_bytes(&last, point) <= MAX_SPAN_BYTES)
            })
            .flatten();
        let forced =
            stretch.next_break(last.pts_ticks).map(|time| rest.partition_point(|point| point.pts_ticks < time));
        let at = within.unwrap_or(next).min(forced.unwrap_or(usize::MAX));
        let Some(&point) = rest.get(at) else { return Ok(cuts) };
        push(&mut cuts, point)?;
        last = point;
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
    }
}

/// Adds cuts by time behind `from`, each at a multiple of the target since the first cut, until less than the shortest segment is left
/// before `end`.
fn extend_by_time(stretch: &Stretch<'_>, cuts: &mut Vec<SyncPoint>, from: i64, end: i64) -> Result<()> {
    let Some(&first) = cuts.first() else { return Ok(()) };
    let mut last = from;
    loop {
        let aim = stretch.aim(last.saturating_sub(first.pts_ticks), cuts.len() == 1);
        let wanted = first.pts_ticks.saturating_add(aim);
        let forced = stretch.next_break(last).filter(|time| *time < end.min(wanted));
        if let Some(time) = forced.filter(|_| stretch.points.is_empty()) {
            push(cuts, at_time(time))?;
            last = time;
            continue;
        }
        let time = wanted;
        if time.saturating_add(stretch.ticks(MIN_SEGMENT_S)) > end || time <= last {
            return Ok(());
        }
        // Behind the last sync point: no sample of the cut track belongs here, and the bytes of the others lie after it.
        let point = match stretch.points.last() {
            Some(behind) => SyncPoint { pts_ticks: time, sample_index: u32::MAX, ..*behind },
            None => at_time(time),
        };
        push(cuts, point)?;
        last = time;
    }
}

fn push(cuts: &mut Vec<SyncPoint>, point: SyncPoint) -> Result<()> {
    if cuts.len() >= MAX_SEGMENTS {
        return Err(Error::new(ErrorKind::LimitExceeded, "plan segments").detail("too many segments"));
    }
    cuts.push(point);
    Ok(())
}

fn at_time(pts_ticks: i64) -> SyncPoint {
    SyncPoint { pts_ticks, sample_index: 0, offset_bytes: 0, block_offset_bytes: 0 }
}

fn span_bytes(from: &SyncPoint, to: &SyncPoint) -> u64 {
    let place = |point: &SyncPoint| point.offset_bytes.saturating_add(point.block_offset_bytes);
    place(from).abs_diff(place(to))
}

/// The times at which the segments of a track begin, in its own ticks and unshifted, and the end of the last: one more than there are
/// segments, never falling. Two equal times are a segment without packets at the end of a track that ends early.
///
/// A track that was cut at its sync points begins its segments there. Another begins with its first packet at or after each cut: found in the tables of MP4,
/// counted in packets from the start of the track in Matroska, where nothing is read for it.
///
/// # Errors
/// What the tables of an MP4 file say.
pub fn segment_starts(index: &MediaIndex, cuts: &Cuts, track_index: usize) -> Result<Vec<i64>> {
    let Some(track) = index.tracks.get(track_index) else {
        return Err(Error::new(ErrorKind::InvalidInput, "plan segments").detail("no such track"));
    };
    let timescale = u64::from(track.info.timescale);
    let cut_timescale = index.tracks.get(cuts.track_index).map_or(timescale, |cut| u64::from(cut.info.timescale));
    let begins_at_cuts = track_index == cuts.track_index && !track.sync_points.is_empty();
    let end = if begins_at_cuts { own_end_ticks(track, &cuts.boundaries) } else { track.end_ticks };
    let mut starts = Vec::with_capacity(cuts.boundaries.len().saturating_add(1));
    for (at, boundary) in cuts.boundaries.iter().enumerate() {
        let nominal = rescale_up(boundary.point.pts_ticks, cut_timescale, timescale);
        let next = cuts.boundaries.get(at.saturating_add(1));
        let next_nominal = next.map_or(i64::MAX, |next| rescale_up(next.point.pts_ticks, cut_timescale, timescale));
        let first = if begins_at_cuts {
            Some(nominal)
        } else if at == 0 {
            Some(track.start_ticks)
        } else {
            first_packet_ticks(index, track_index, *boundary, nominal..next_nominal.min(end))?
        };
        starts.push(match first {
            Some(start) if start < next_nominal => start,
            // The track has ended.
            None if next_nominal >= end => end,
            // A stretch without packets is as long as its cuts say.
            _ => nominal,
        });
    }
    starts.push(end);
    // Whatever a hostile file says: never backwards, never beyond the end.
    let mut least = i64::MIN;
    for start in &mut starts {
        least = least.max((*start).min(end));
        *start = least;
    }
    Ok(starts)
}

/// Start of the first packet at or after a boundary; `None` where MP4 has none in `stretch`, which runs from the boundary to the next.
fn first_packet_ticks(
    index: &MediaIndex,
    track_index: usize,
    boundary: Boundary,
    stretch: Range<i64>,
) -> Result<Option<i64>> {
    let nominal = stretch.start;
    let Some(track) = index.tracks.get(track_index) else { return Ok(None) };
    let timescale = u64::from(track.info.timescale);
    if let Layout::Mp4(_) = &index.layout {
        // Packets of common codecs are well below a quarter of a second, so the first look nearly always finds one. No look goes beyond the
        // next boundary: together they see each packet once.
        let mut window = (i64::from(track.info.timescale) / 4).max(1);
        let mut end = nominal;
        while end < stretch.end {
            end = nominal.saturating_add(window).min(stretch.end);
            let to = Boundary { track_index, point: at_time(end) };
            let query = PacketQuery { track_index, from: Some(boundary), to: Some(to) };
            if let first @ Some(_) = index.first_tabled_ticks(&query)? {
                return Ok(first);
            }
            window = window.saturating_mul(8);
        }
        return Ok(None);
    }
    let audio = track.info.audio.as_ref();
    let rate = audio.map_or(0, |audio| u64::from(audio.sample_rate_hz));
    let samples = audio.and_then(|audio| audio.packet_samples).unwrap_or(0);
    if rate == 0 || samples == 0 {
        return Ok(Some(nominal));
    }
    // Packet n starts at n * samples / rate: counted, so that no rounding adds up.
    let since = nominal.saturating_sub(track.start_ticks).max(0);
    let count = rescale_up(since, timescale.saturating_mul(u64::from(samples)), rate);
    let ticks = rescale(count.saturating_mul(i64::from(samples)), rate, timescale);
    Ok(Some(track.start_ticks.saturating_add(ticks)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stretch(points: &[SyncPoint], end_ticks: i64) -> Stretch<'_> {
        let start_ticks = points.first().map_or(0, |point| point.pts_ticks);
        Stretch { points, start_ticks, end_ticks, timescale: 1000, breaks: &[] }
    }

    fn points(times_ms: &[i64], bytes_per_ms: u64) -> Vec<SyncPoint> {
        times_ms
            .iter()
            .enumerate()
            .map(|(at, &pts_ticks)| SyncPoint {
                pts_ticks,
                sample_index: at as u32,
                offset_bytes: (pts_ticks - times_ms[0]) as u64 * bytes_per_ms,
                block_offset_bytes: 0,
            })
            .collect()
    }

    fn cut_times(times_ms: &[i64], bytes_per_ms: u64, end: i64) -> Vec<i64> {
        let points = points(times_ms, bytes_per_ms);
        cut(&stretch(&points, end), end).unwrap().iter().map(|point| point.pts_ticks).collect()
    }

    /// Goal: the rule as it is written down, on GOPs of two seconds.
    #[test]
    fn short_first_segment_then_multiples_of_six_seconds() {
        let times: Vec<i64> = (0..15).map(|n| n * 2000).collect();
        assert_eq!(cut_times(&times, 1, 30_000), [0, 2000, 6000, 12_000, 18_000, 24_000]);
    }

    /// Goal: times count from the first sync point, so a film that starts late is cut like any other.
    #[test]
    fn a_late_start_moves_all_cuts() {
        let times: Vec<i64> = (0..15).map(|n| 10_083 + n * 2000).collect();
        assert_eq!(cut_times(&times, 1, 40_083), [10_083, 12_083, 16_083, 22_083, 28_083, 34_083]);
    }

    /// Goal: a GOP that ends just before a multiple does not give a segment shorter than a second.
    #[test]
    fn cuts_keep_a_second_apart() {
        assert_eq!(cut_times(&[0, 5900, 6100, 6950, 12_100], 1, 14_000), [0, 5900, 6950, 12_100]);
    }

    /// Goal: a span over the limit is cut earlier where a sync point allows it, and left as it is where none does.
    #[test]
    fn large_spans_are_cut_at_the_last_sync_point_within_the_limit() {
        let second = MAX_SPAN_BYTES / 4000;
        let times: Vec<i64> = (0..13).map(|n| n * 1000).collect();
        assert_eq!(cut_times(&times, second, 13_000), [0, 2000, 6000, 10_000, 12_000]);
        assert_eq!(cut_times(&[0, 9000, 18_000], second, 20_000), [0, 9000, 18_000]);
    }

    /// Goal: sound that goes on long after the picture is cut by time; a short rest is not.
    #[test]
    fn a_long_tail_gets_further_cuts() {
        let points = points(&[0, 4000], 1);
        let times = |audible_end| -> Vec<i64> {
            cut(&stretch(&points, 5000), audible_end).unwrap().iter().map(|point| point.pts_ticks).collect()
        };
        assert_eq!(times(9000), [0, 4000]);
        assert_eq!(times(20_000), [0, 4000, 6000, 12_000, 18_000]);
    }

    /// Goal: where the sample description changes there is a cut, however near the last one, and the others follow the rule from there.
    #[test]
    fn changes_of_description_are_cuts() {
        let times: Vec<i64> = (0..15).map(|n| n * 1000).collect();
        let points = points(&times, 1);
        let breaks = [3000, 4000, 11_000].map(|pts_ticks| Break { pts_ticks, description_index: 0 });
        let cut_times = |stretch: &Stretch<'_>| -> Vec<i64> {
            cut(stretch, 15_000).unwrap().iter().map(|point| point.pts_ticks).collect()
        };
        let pictures = Stretch { breaks: &breaks, ..stretch(&points, 15_000) };
        assert_eq!(cut_times(&pictures), [0, 2000, 3000, 4000, 6000, 11_000, 12_000]);
        let sound = Stretch { points: &[], ..pictures };
        assert_eq!(cut_times(&sound), [0, 2000, 3000, 4000, 6000, 11_000, 12_000]);
    }

    /// Goal: audio alone is cut by time, and never leaves less than a second for the last segment.
    #[test]
    fn audio_is_cut_by_time() {
        let cuts = cut(&stretch(&[], 18_900), 18_900).unwrap();
        assert_eq!(cuts.iter().map(|point| point.pts_ticks).collect::<Vec<_>>(), [0, 2000, 6000, 12_000]);
    }

    /// Goal: a hostile length ends in an error, not in memory.
    #[test]
    fn endless_audio_is_refused() {
        assert_eq!(cut(&stretch(&[], i64::MAX), i64::MAX).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    proptest! {
        /// Goal: whatever the GOPs, cuts begin with the first sync point, rise, lie on sync points a second apart, and follow the rule.
        /// Method: the rule is checked from its words, for each pair of neighbours.
        #[test]
        fn cuts_follow_the_rule(gaps in prop::collection::vec(1i64..9000, 0..200), start in -5000i64..5000, bytes_per_ms in 0u64..40_000) {
            let mut times = vec![start];
            for gap in gaps {
                times.push(times.last().unwrap() + gap);
            }
            let end = times.last().unwrap() + 1;
            let all = points(&times, bytes_per_ms);
            let cuts = cut(&stretch(&all, end), end).unwrap();
            prop_assert_eq!(cuts[0], all[0]);
            prop_assert!(cuts.iter().all(|cut| all.contains(cut)));
            for (at, pair) in cuts.windows(2).enumerate() {
                let (from, to) = (pair[0].pts_ticks - start, pair[1].pts_ticks - start);
                prop_assert!(to - from >= 1000);
                let goal = if at == 0 { 2000 } else { (from / 6000 + 1) * 6000 }.max(from + 1000);
                let between = || all.iter().filter(|point| (from + 1000..to).contains(&(point.pts_ticks - start)));
                if to >= goal {
                    // Nothing that suits comes sooner.
                    prop_assert!(between().all(|point| point.pts_ticks - start < goal));
                    if span_bytes(&pair[0], &pair[1]) > MAX_SPAN_BYTES {
                        prop_assert!(between().all(|point| span_bytes(&pair[0], point) > MAX_SPAN_BYTES));
                    }
                } else {
                    prop_assert!(span_bytes(&pair[0], &pair[1]) <= MAX_SPAN_BYTES);
                }
            }
        }
    }
}
