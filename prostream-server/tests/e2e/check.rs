//! Compares what a player got with the file it was made from (PACKAGING 5.3).

use std::path::Path;

use crate::fragment::{self, Sample};
use crate::player::{Fetched, Kind, MediaPlaylist, Presentation};
use crate::reference;
use crate::subtitles::check_subtitles;

/// A rounding of `EXTINF`, which has six decimals.
const EXTINF_STEP_S: f64 = 1e-6;
/// Most sound before the first picture that does not move it: what encoders put in front of sound.
const MAX_PRIMING_S: f64 = 0.1;
/// Matroska stamps are rounded to this.
const MATROSKA_TICK_S: f64 = 0.001;

/// What a file is, as far as the comparison depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Original<'a> {
    pub(crate) file: &'a Path,
    /// Matroska keeps milliseconds; MP4 keeps exact ticks.
    pub(crate) is_matroska: bool,
}

/// What was found on the way.
#[derive(Debug)]
pub(crate) struct Checked {
    /// By text rendition: how many cues stand in several segments.
    pub(crate) repeated_cues: Vec<usize>,
    /// The one constant that all times moved by, in seconds.
    pub(crate) offset_s: f64,
}

/// Checks every rendition of a presentation.
///
/// # Panics
/// Where anything differs, with what and where.
pub(crate) fn check(
    original: Original<'_>,
    presentation: &Presentation,
    fetched: &[Fetched],
    folder: &Path,
) -> Checked {
    let renditions = || presentation.playlists.iter().zip(fetched);
    let of = |kind: Kind| renditions().filter(move |(playlist, _)| playlist.kind == kind);
    for (kind, letter) in [(Kind::Video, "v"), (Kind::Audio, "a"), (Kind::Text, "s")] {
        let expected = reference::stream_count(original.file, letter);
        assert_eq!(of(kind).count(), expected, "renditions of {kind:?} in\n{}", presentation.multivariant);
    }
    // Where each segment begins, by the track that was cut.
    let (cut_playlist, cut) = renditions().next().expect("a rendition");
    let is_timed = |(playlist, _): &(&MediaPlaylist, &Fetched)| playlist.kind != Kind::Text;
    let timelines: Vec<Timeline> =
        renditions().filter(is_timed).map(|(playlist, rendition)| Timeline::read(playlist, rendition)).collect();
    let cuts_s = Timeline::read(cut_playlist, cut).segment_starts_s();
    let listed_from_s = listed_from_s(&timelines);
    let mut offsets = Offsets::default();
    for (kind, letter) in [(Kind::Video, "v"), (Kind::Audio, "a")] {
        for (number, (playlist, rendition)) in of(kind).enumerate() {
            let what = &playlist.path;
            let mut stream = reference::stream(original.file, &format!("{letter}:{number}"));
            let timeline = Timeline::read(playlist, rendition);
            // Sound that an edit list cuts off, more than a second before the film begins, is not sent.
            if original.file.to_string_lossy().contains("trimmed") {
                let left_out = stream.packets.len().saturating_sub(timeline.samples().count());
                stream.packets.drain(..left_out);
            }
            timeline.check_joins(what, original.is_matroska);
            timeline.check_ownership(what, &cuts_s, original.is_matroska);
            timeline.check_lengths(what, playlist, listed_from_s, original.is_matroska);
            check_payload(what, &stream, rendition, &timeline, folder);
            offsets.add(what, &stream, &timeline, original.is_matroska);
        }
    }
    let offset_s = offsets.one_constant(original.is_matroska);
    let text = of(Kind::Text).enumerate().map(|(number, (playlist, rendition))| {
        let cues = reference::cues(original.file, number);
        check_subtitles(&playlist.path, &cues, &rendition.segments, &cuts_s, offset_s)
    });
    Checked { repeated_cues: text.collect(), offset_s }
}

/// Where all lists count from: the first picture, of which sound may lie a little before, else what begins first.
fn listed_from_s(timelines: &[Timeline]) -> f64 {
    let first_s = timelines.iter().map(Timeline::start_s).fold(f64::MAX, f64::min);
    let pictures_s = timelines.first().filter(|first| first.kind == Kind::Video).map(Timeline::start_s);
    pictures_s.filter(|pictures_s| pictures_s - first_s <= MAX_PRIMING_S).unwrap_or(first_s)
}

/// Same count, same order, same hashes.
fn check_payload(what: &str, stream: &reference::Stream, rendition: &Fetched, timeline: &Timeline, folder: &Path) {
    let joined = folder.join("joined.mp4");
    let pieces = [std::slice::from_ref(&rendition.init), &rendition.segments[..]].concat().concat();
    std::fs::write(&joined, pieces).expect("a file is written");
    let hashes = reference::joined_hashes(&joined);
    assert_eq!(hashes.len(), timeline.samples().count(), "{what}: ffprobe reads what the fragments declare");
    assert_eq!(hashes.len(), stream.packets.len(), "{what}: packets in the segments and in the file");
    let differs = hashes.iter().zip(&stream.packets).position(|(hash, packet)| *hash != packet.hash);
    assert_eq!(differs, None, "{what}: first packet whose payload is another");
}

/// The samples of all segments of a rendition.
struct Timeline {
    timescale: f64,
    kind: Kind,
    segments: Vec<Vec<Sample>>,
}

impl Timeline {
    fn read(playlist: &MediaPlaylist, rendition: &Fetched) -> Self {
        Self {
            timescale: f64::from(fragment::timescale(&rendition.init)),
            kind: playlist.kind,
            segments: rendition.segments.iter().map(|segment| fragment::samples(segment)).collect(),
        }
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.segments.iter().flatten()
    }

    fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / self.timescale
    }

    /// When the first sample of each segment is shown or heard. A segment of video begins with its key picture, where leading pictures are
    /// shown before it.
    fn segment_starts_s(&self) -> Vec<f64> {
        let first = |segment: &Vec<Sample>| segment.first().map(|sample| self.seconds(sample.pts_ticks));
        self.segments.iter().map_while(first).collect()
    }

    /// Each fragment begins to decode where the one before ends, with a sync sample, and nothing comes before 0. Only Matroska has empty
    /// fragments, where a track ends before the others: its index does not tell where.
    fn check_joins(&self, what: &str, is_matroska: bool) {
        let filled = self.segments.iter().take_while(|segment| !segment.is_empty()).count();
        assert!(filled > 0 && (is_matroska || filled == self.segments.len()), "{what}: segment {filled} is empty");
        assert!(self.segments.iter().skip(filled).all(Vec::is_empty), "{what}: a gap at segment {filled}");
        let mut next_ticks = None;
        for (at, segment) in self.segments.iter().take(filled).enumerate() {
            let first = &segment[0];
            assert!(first.is_sync, "{what}: segment {at} begins with a sync sample");
            assert!(first.dts_ticks >= 0, "{what}: segment {at} is decoded before 0");
            assert_eq!(
                first.dts_ticks,
                next_ticks.unwrap_or(first.dts_ticks),
                "{what}: segment {at} joins the one before"
            );
            next_ticks = segment.last().map(|last| last.dts_ticks + last.duration_ticks);
        }
        assert!(self.samples().all(|sample| sample.pts_ticks >= 0), "{what}: nothing is shown before 0");
    }

    /// Sound belongs to the segment in which it starts.
    fn check_ownership(&self, what: &str, cuts_s: &[f64], is_matroska: bool) {
        if self.kind != Kind::Audio {
            return;
        }
        let tolerance = if is_matroska { MATROSKA_TICK_S } else { 1.0 / self.timescale };
        for (at, segment) in self.segments.iter().enumerate() {
            let from = if at == 0 { f64::MIN } else { cuts_s[at] };
            let to = cuts_s.get(at + 1).copied().unwrap_or(f64::MAX);
            for sample in segment {
                let start = self.seconds(sample.pts_ticks);
                let is_within = start > from - tolerance && start < to + tolerance;
                assert!(is_within, "{what}: sound at {start} s in segment {at}, which is {from} to {to}");
            }
        }
    }

    /// When the first sample is shown or heard.
    fn start_s(&self) -> f64 {
        let start_ticks = self.samples().map(|sample| sample.pts_ticks).min();
        self.seconds(start_ticks.expect("a rendition has samples"))
    }

    /// When the last sample ends.
    fn end_s(&self) -> f64 {
        let end_ticks = self.samples().map(|sample| sample.pts_ticks + sample.duration_ticks).max();
        self.seconds(end_ticks.expect("a rendition has samples"))
    }

    /// Segments last as long as the playlist says, each and together. Of Matroska the muxer's statistics tell where a track ends, to the
    /// packet.
    fn check_lengths(&self, what: &str, playlist: &MediaPlaylist, listed_from_s: f64, is_matroska: bool) {
        let listed: Vec<f64> = playlist.segments.iter().map(|segment| segment.0).collect();
        let target_s = playlist.text.lines().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"));
        let target_s: f64 = target_s.and_then(|number| number.parse().ok()).expect("a target duration");
        assert!(listed.iter().all(|duration| duration.round() <= target_s), "{what}: longer than the target");
        let starts = self.segment_starts_s();
        let tick = 1.0 / self.timescale + EXTINF_STEP_S;
        let packet = self.samples().map(|sample| self.seconds(sample.duration_ticks)).fold(0.0, f64::max);
        let is_exact = !is_matroska || self.kind == Kind::Video;
        // Sound in Matroska is listed before its packets are read.
        let tolerance = if is_exact { tick } else { packet + MATROSKA_TICK_S };
        // A track that begins later than another, or a little sooner, is listed from where all are.
        let from_start = std::iter::once(listed_from_s).chain(starts.iter().copied().skip(1));
        for (at, (start, next)) in from_start.zip(starts.iter().skip(1)).enumerate() {
            let (measured, listed) = (next - start, listed[at]);
            assert!(
                (measured - listed).abs() <= tolerance,
                "{what}: segment {at} lasts {measured} s, listed {listed} s"
            );
        }
        let tolerance = if is_matroska { packet + MATROSKA_TICK_S } else { tick };
        let listed_end_s = listed_from_s + listed.iter().sum::<f64>();
        let end_s = self.end_s();
        assert!((end_s - listed_end_s).abs() <= tolerance, "{what}: ends at {end_s} s, listed {listed_end_s} s");
    }
}

/// By how much times moved from the file to the player, in seconds.
#[derive(Debug, Default)]
struct Offsets {
    /// By rendition: name, least and most, length of a tick.
    tracks: Vec<(String, f64, f64, f64)>,
}

impl Offsets {
    fn add(&mut self, what: &str, stream: &reference::Stream, timeline: &Timeline, is_matroska: bool) {
        let (ticks, seconds) = stream.time_base;
        let pairs = || timeline.samples().zip(&stream.packets);
        if !is_matroska {
            assert_eq!((1.0, timeline.timescale), (ticks as f64, seconds as f64), "{what}: ticks are as in the file");
            let mut moved = pairs().map(|(sample, packet)| sample.pts_ticks - packet.pts_ticks);
            let first = moved.next().expect("samples");
            let other = moved.position(|ticks| ticks != first);
            assert_eq!(other, None, "{what}: a packet that did not move by {first} ticks as the first one did");
        }
        let in_file = |ticks_count: i64| ticks_count as f64 * ticks as f64 / seconds as f64;
        let moved = pairs().map(|(sample, packet)| timeline.seconds(sample.pts_ticks) - in_file(packet.pts_ticks));
        let (least, most) =
            moved.fold((f64::MAX, f64::MIN), |(least, most), moved| (least.min(moved), most.max(moved)));
        self.tracks.push((what.to_owned(), least, most, 1.0 / timeline.timescale));
    }

    /// The one constant, within the resolution of the container: a millisecond, or a tick of either track.
    fn one_constant(&self, is_matroska: bool) -> f64 {
        let least = self.tracks.iter().map(|track| track.1).fold(f64::MAX, f64::min);
        let most = self.tracks.iter().map(|track| track.2).fold(f64::MIN, f64::max);
        let tick = self.tracks.iter().map(|track| track.3).fold(0.0, f64::max);
        let tolerance = if is_matroska { 2.0 * MATROSKA_TICK_S } else { tick };
        assert!(most - least <= tolerance + 1e-9, "times moved differently: {:#?}", self.tracks);
        f64::midpoint(least, most)
    }
}
