//! `moov`: its tracks as a [`MediaIndex`].

use std::ops::Range;

use super::chapters;
use super::fragment::Defaults;
use super::fragments::FragmentTrack;
use super::malformed;
use super::table::{Budget, SampleTable};
use super::track::{self, MovieFacts, Parsed};
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::container::{Chapter, ContainerKind, Layout, MAX_TRACKS, MediaIndex, Track};
use crate::model::{Codec, TrackKind};
use crate::{Error, ErrorKind, Result};

/// What `moov` says.
#[derive(Debug, Default)]
pub(super) struct Movie {
    pub(super) tracks: Vec<Track>,
    /// Their samples, as far as `moov` lists them.
    pub(super) tables: Vec<SampleTable>,
    /// Which of these are presented.
    pub(super) shown: Vec<Range<u32>>,
    /// What their fragments need.
    pub(super) fragment_tracks: Vec<FragmentTrack>,
    /// Of every track, those that are left out too.
    pub(super) defaults: Vec<Defaults>,
    /// Further samples may lie in fragments (`mvex`).
    pub(super) is_extended: bool,
    /// What may still be allocated.
    pub(super) budget: Budget,
    timescale: u32,
    duration: u64,
    chapters: Vec<Chapter>,
}

/// Reads the payload of `moov` (ISO/IEC 14496-12 section 8.2.1).
pub(super) fn parse(moov: &[u8]) -> Result<Movie> {
    if Children::find(moov, *b"cmov").is_some() {
        return Err(Error::new(ErrorKind::Unsupported, "read mp4").detail("compressed moov (cmov)"));
    }
    let mvhd = Children::find(moov, *b"mvhd").ok_or_else(|| malformed("mvhd is missing"))?;
    let (timescale, duration) = parse_mvhd(mvhd).ok_or_else(|| malformed("mvhd is cut short"))?;
    let traks: Vec<&[u8]> = Children::of(moov).filter(|child| child.kind == *b"trak").map(|child| child.body).collect();
    if traks.len() > MAX_TRACKS {
        return Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("over 256 tracks"));
    }
    let mvex = Children::find(moov, *b"mvex");
    let trex = Children::of(mvex.unwrap_or_default()).filter(|child| child.kind == *b"trex").take(MAX_TRACKS);
    let chapter_tracks = traks.iter().flat_map(|trak| track::chapter_ids(trak)).collect();
    let defaults = trex.filter_map(|child| Defaults::parse(child.body)).collect();
    let facts = MovieFacts { timescale, chapter_tracks, defaults };
    let mut movie = Movie { is_extended: mvex.is_some(), timescale, duration, ..Movie::default() };
    movie.chapters = chapters::parse(moov);
    for trak in traks {
        let Some(parsed) = track::parse(trak, &facts, &mut movie.budget)? else { continue };
        let Parsed { track, table, shown, shift_ticks, odd_nal_length_size } = parsed;
        let known = facts.defaults.iter().find(|defaults| defaults.track_id == track.info.number);
        movie.fragment_tracks.push(FragmentTrack {
            track_id: track.info.number,
            description: known.map_or(1, |defaults| defaults.description),
            shift_ticks,
            is_all_sync: track.info.kind != TrackKind::Video,
            odd_nal_length_size,
            decode_start_ticks: 0,
        });
        movie.tracks.push(track);
        movie.tables.push(table);
        movie.shown.push(shown);
    }
    movie.defaults = facts.defaults;
    mark_defaults(&mut movie.tracks);
    Ok(movie)
}

impl Movie {
    /// The track that is cut: the main video, else the first sound.
    pub(super) fn main_track(&self) -> Option<usize> {
        let of_kind = |kind: TrackKind| {
            let all = || {
                let tracks = self.tracks.iter().enumerate();
                tracks.filter(move |(_, track)| track.info.kind == kind && track.info.codec != Codec::Other)
            };
            all().find(|(_, track)| track.info.is_default).or_else(|| all().next()).map(|(at, _)| at)
        };
        of_kind(TrackKind::Video).or_else(|| of_kind(TrackKind::Audio))
    }

    pub(super) fn is_packaged(&self, track_index: usize) -> bool {
        self.tracks.get(track_index).is_some_and(|track| track.info.codec != Codec::Other)
    }

    /// Is it packaged, and pictures or sound?
    pub(super) fn is_timed(&self, track_index: usize) -> bool {
        let is_text = |track: &Track| track.info.kind == TrackKind::Subtitle;
        self.is_packaged(track_index) && !self.tracks.get(track_index).is_some_and(is_text)
    }

    /// The tracks with the layout of their samples.
    pub(super) fn into_index(self, size_bytes: u64, layout: Layout) -> MediaIndex {
        let Self { tracks, timescale, duration, chapters, .. } = self;
        MediaIndex {
            container: ContainerKind::Mp4,
            size_bytes,
            duration_ns: duration_of(&tracks)
                .or_else(|| u64::try_from(to_ns(duration.into(), timescale)?).ok())
                .unwrap_or(0),
            tracks,
            chapters,
            attachments: Vec::new(),
            layout,
            is_completed: false,
        }
    }
}

fn parse_mvhd(body: &[u8]) -> Option<(u32, u64)> {
    let mut reader = ByteReader::new(body);
    let is_long = reader.u8()? == 1;
    reader.take(if is_long { 19 } else { 11 })?;
    let timescale = reader.u32()?;
    let duration = if is_long { reader.u64()? } else { u64::from(reader.u32()?) };
    // All ones: not known.
    Some((timescale, if duration >= u64::from(u32::MAX) && !is_long { 0 } else { duration }))
}

/// Of the tracks that the file enables, the first of each kind is the one to choose; where it enables none, the first is.
fn mark_defaults(tracks: &mut [crate::container::Track]) {
    for kind in [TrackKind::Video, TrackKind::Audio, TrackKind::Subtitle] {
        let mut seen = false;
        for track in tracks.iter_mut().filter(|track| track.info.kind == kind) {
            track.info.is_default = track.info.is_default && !seen && track.info.codec != Codec::Other;
            seen = seen || track.info.is_default;
        }
    }
}

/// From the first sample to the end of the last, over all video and audio tracks.
fn duration_of(tracks: &[crate::container::Track]) -> Option<u64> {
    let timed = || {
        tracks.iter().filter(|track| {
            matches!(track.info.kind, TrackKind::Video | TrackKind::Audio) && track.end_ticks > track.start_ticks
        })
    };
    let start = timed().filter_map(|track| to_ns(track.start_ticks.into(), track.info.timescale)).min()?;
    let end = timed().filter_map(|track| to_ns(track.end_ticks.into(), track.info.timescale)).max()?;
    u64::try_from(end.checked_sub(start)?).ok()
}

/// `None` for a timescale of 0.
fn to_ns(ticks: i128, timescale: u32) -> Option<i128> {
    ticks.saturating_mul(1_000_000_000).checked_div(timescale.into())
}
