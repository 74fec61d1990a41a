//! `moov`: its tracks as a [`MediaIndex`].

use super::locate::fragmented;
use super::table::Budget;
use super::track::{self, MovieFacts};
use super::{Layout, malformed};
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::container::{ContainerKind, Layout as AnyLayout, MAX_TRACKS, MediaIndex};
use crate::model::{Codec, TrackKind};
use crate::{Error, ErrorKind, Result};

/// Reads the payload of `moov` (ISO/IEC 14496-12 section 8.2.1).
pub(super) fn parse(size_bytes: u64, moov: &[u8]) -> Result<MediaIndex> {
    if Children::find(moov, *b"cmov").is_some() {
        return Err(Error::new(ErrorKind::Unsupported, "read mp4").detail("compressed moov (cmov)"));
    }
    if Children::find(moov, *b"mvex").is_some() {
        return Err(fragmented());
    }
    let mvhd = Children::find(moov, *b"mvhd").ok_or_else(|| malformed("mvhd is missing"))?;
    let (timescale, duration) = parse_mvhd(mvhd).ok_or_else(|| malformed("mvhd is cut short"))?;
    let traks: Vec<&[u8]> = Children::of(moov).filter(|child| child.kind == *b"trak").map(|child| child.body).collect();
    if traks.len() > MAX_TRACKS {
        return Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("over 256 tracks"));
    }
    let movie =
        MovieFacts { timescale, chapter_tracks: traks.iter().flat_map(|trak| track::chapter_ids(trak)).collect() };
    let mut budget = Budget::new();
    let (mut tracks, mut tables) = (Vec::new(), Vec::new());
    for trak in traks {
        if let Some((track, table)) = track::parse(trak, &movie, &mut budget)? {
            tracks.push(track);
            tables.push(table);
        }
    }
    mark_defaults(&mut tracks);
    Ok(MediaIndex {
        container: ContainerKind::Mp4,
        size_bytes,
        duration_ns: duration_of(&tracks)
            .or_else(|| u64::try_from(to_ns(duration.into(), timescale)?).ok())
            .unwrap_or(0),
        tracks,
        chapters: Vec::new(),
        attachments: Vec::new(),
        layout: AnyLayout::Mp4(Layout { tables }),
    })
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
