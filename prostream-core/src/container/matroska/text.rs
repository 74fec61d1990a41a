//! Text tracks: through the Cues where those name its blocks, else from the blocks of a span, or on a walk that passes over everything else.

use bytes::Bytes;

use super::cluster::{Walker, find_block};
use super::cursor::{Cursor, Found, Read, Stop};
use super::ebml::id;
use super::packets::{Ownership, Span};
use super::{Layout, TrackLayout, limit_exceeded, tracks};
use crate::Result;
use crate::container::{Layout as AnyLayout, MediaIndex, Packet, PacketQuery, Payload, Step};
use crate::model::{ByteRange, Extents};

/// Longest any cue is shown: an hour.
const MAX_CUE_NS: i64 = 3_600_000_000_000;
/// Read around each indexed block: nearly all are shorter.
const BLOCK_WINDOW_BYTES: u64 = 4 * 1024;
/// Blocks closer than this are read together.
const MAX_GAP_BYTES: u64 = 16 * 1024;
/// Header lengths of a cluster: an id of four bytes and a size of one to eight. The longest first, as muxers reserve it.
const CLUSTER_HEADER_LENGTHS: [u64; 8] = [12, 11, 10, 9, 8, 7, 6, SHORTEST_CLUSTER_HEADER];
const SHORTEST_CLUSTER_HEADER: u64 = 5;
/// Most cues that a walk finds at a time.
const MAX_FOUND: usize = 1_000_000;
/// Largest text of one cue.
const MAX_TEXT_BYTES: u64 = 1024 * 1024;

/// A block of text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cue {
    pub(super) time_ns: i64,
    /// `BlockDuration`, in units of `TimestampScale`.
    pub(super) duration: Option<u64>,
    pub(super) data: ByteRange,
}

/// The cues that `is_wanted` names, of a track whose blocks the Cues name: small ranges, wherever they lie.
///
/// A block is looked for where the Cues say it is in its cluster. The length of the cluster's own header is not known without
/// reading it, so all lengths it may have are tried. A cue that is not there is left out.
pub(super) fn read_indexed(
    cursor: &mut Cursor<'_>,
    layout: &Layout,
    track: &TrackLayout,
    is_wanted: impl Fn(i64) -> bool,
) -> Read<Vec<Packet>> {
    cursor.window = BLOCK_WINDOW_BYTES;
    let mut cues = Vec::new();
    let mut needs: Vec<ByteRange> = Vec::new();
    for indexed in track.text_blocks.iter().filter(|block| is_wanted(track.timing.snap(block.time_ns))) {
        let place =
            |header_len: u64| indexed.cluster_offset.saturating_add(header_len).saturating_add(indexed.relative_offset);
        for header_len in CLUSTER_HEADER_LENGTHS {
            match read_cue(cursor, track.number, indexed.time_ns, place(header_len)) {
                Ok(Some(cue)) => {
                    cues.push(cue);
                    break;
                }
                Ok(None) => {}
                // All that are missing are asked for together.
                Err(Stop::Need(ranges)) => {
                    needs.push(ByteRange::with_len(place(SHORTEST_CLUSTER_HEADER), BLOCK_WINDOW_BYTES));
                    needs.extend(ranges);
                    break;
                }
                Err(stop) => return Err(stop),
            }
        }
    }
    if !needs.is_empty() {
        return Err(Stop::Need(join(needs)));
    }
    cues.sort_by_key(|cue: &Cue| cue.time_ns);
    finish(cursor, layout, track, cues)
}

/// Joins ranges that lie near each other: one read instead of two.
fn join(mut ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    ranges.sort_unstable();
    let mut joined: Vec<ByteRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(MAX_GAP_BYTES) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

fn read_cue(cursor: &mut Cursor<'_>, track_number: u64, time_ns: i64, offset: u64) -> Read<Option<Cue>> {
    let Found::Element(element) = cursor.header(offset)? else { return Ok(None) };
    let Some(end) = element.end.filter(|end| *end <= cursor.size) else { return Ok(None) };
    if !matches!(element.id, id::SIMPLE_BLOCK | id::BLOCK_GROUP) || end.saturating_sub(offset) > MAX_TEXT_BYTES {
        return Ok(None);
    }
    if cursor.end_of_run(offset) < end {
        return Err(Stop::Need(vec![ByteRange::new(offset, end)]));
    }
    let Some(place) = find_block(cursor, &element, end)?.filter(|place| place.header.track == track_number) else {
        return Ok(None);
    };
    Ok(Some(Cue { time_ns, duration: place.duration(cursor)?, data: place.data }))
}

/// Makes packets of cues in order of the file. One whose block says no duration has none.
pub(super) fn finish(
    cursor: &mut Cursor<'_>,
    layout: &Layout,
    track: &TrackLayout,
    cues: Vec<Cue>,
) -> Read<Vec<Packet>> {
    let missing = cursor.missing(&cues.iter().map(|cue| cue.data).collect::<Vec<_>>());
    if !missing.is_empty() {
        return Err(Stop::Need(missing));
    }
    let mut packets = Vec::with_capacity(cues.len());
    for cue in cues {
        let pts_ticks = track.timing.snap(cue.time_ns);
        let data = if track.has_inline_webvtt_settings { skip_two_lines(cursor, cue.data)? } else { cue.data };
        let payload =
            if track.prefix.is_empty() { Payload::InFile(data) } else { Payload::Prefixed(track.prefix.clone(), data) };
        packets.push(Packet {
            pts_ticks,
            dts_ticks: pts_ticks,
            duration_ticks: duration_ticks(layout, track, cue.duration),
            is_sync: true,
            payload,
        });
    }
    Ok(packets)
}

/// How long a cue is shown; 0 where its block does not say.
fn duration_ticks(layout: &Layout, track: &TrackLayout, duration: Option<u64>) -> u32 {
    let unit_ns = i64::try_from(layout.timestamp_scale_ns).unwrap_or(i64::MAX);
    let units = duration.and_then(|units| i64::try_from(units).ok()).unwrap_or(0);
    u32::try_from(track.timing.ticks(units.saturating_mul(unit_ns).min(MAX_CUE_NS))).unwrap_or(u32::MAX)
}

/// When the next cue of a track begins that its Cues name behind a time; in ticks of the track.
pub(super) fn next_start(track: &TrackLayout, after_ticks: i64) -> Option<i64> {
    let starts = track.text_blocks.iter().map(|block| track.timing.snap(block.time_ns));
    starts.filter(|start| *start > after_ticks).min()
}

/// A walk through clusters that picks out the text of all tracks and passes over everything else.
///
/// It reads nothing but headers where its window is small and sound and pictures are large. It goes on where it stopped: bytes before
/// [`position`](Self::position) are not needed again.
#[derive(Debug)]
pub(crate) struct TextWalk {
    walker: Walker,
    end: u64,
    /// What is wanted of it: text that starts in this segment, or all of it.
    query: Option<PacketQuery>,
    found: Vec<(usize, Packet)>,
}

impl TextWalk {
    /// Through a whole file; `None` for one that is not Matroska.
    pub(crate) fn of_file(index: &MediaIndex) -> Option<Self> {
        let AnyLayout::Matroska(layout) = &index.layout else { return None };
        let clusters = layout.clusters;
        let walker = Walker::new(clusters.start, clusters.end, layout.timestamp_scale_ns);
        Some(Self { walker, end: clusters.end, query: None, found: Vec::new() })
    }

    /// Through the span of one segment, which is the same for all tracks; `None` for a file that is not Matroska, for one without Cues, whose
    /// spans have to be searched, and for a span over its limits.
    pub(crate) fn of_segment(index: &MediaIndex, query: PacketQuery) -> Option<Self> {
        let AnyLayout::Matroska(layout) = &index.layout else { return None };
        let span = layout.grid.is_none().then(|| Span::new(index, layout, &query).ok())??;
        let walker = Walker::new(span.start, layout.clusters.end, layout.timestamp_scale_ns);
        Some(Self { walker, end: span.end, query: Some(query), found: Vec::new() })
    }

    /// Where it goes on.
    pub(crate) fn position(&self) -> u64 {
        self.walker.at
    }

    /// What it found since this was asked for last: index of the track, and the packet with its bytes.
    pub(crate) fn take(&mut self) -> Vec<(usize, Packet)> {
        std::mem::take(&mut self.found)
    }

    /// Goes on as far as the bytes at hand reach; asks for `window_bytes` where it must go on. Broken bytes end it: what stands before them
    /// was found.
    ///
    /// # Errors
    /// `LimitExceeded` for more text than any film has.
    pub(crate) fn step(&mut self, index: &MediaIndex, have: &Extents, window_bytes: u64) -> Result<Step<()>> {
        let AnyLayout::Matroska(layout) = &index.layout else { return Ok(Step::Done(())) };
        let mut cursor = Cursor::new(index.size_bytes, have, window_bytes);
        match self.walk(&mut cursor, index, layout) {
            Ok(()) => {}
            Err(Stop::Need(ranges)) => {
                let missing = cursor.missing(&ranges);
                if !missing.is_empty() {
                    return Ok(Step::Need(missing));
                }
            }
            Err(Stop::Fail(error)) if error.kind() == crate::ErrorKind::LimitExceeded => return Err(error),
            Err(Stop::Fail(_)) => {}
        }
        self.walker.at = self.end;
        Ok(Step::Done(()))
    }

    fn walk(&mut self, cursor: &mut Cursor<'_>, index: &MediaIndex, layout: &Layout) -> Read<()> {
        while self.walker.at < self.end
            && let Some(block) = self.walker.next_block(cursor)?
        {
            if block.offset >= self.end {
                break;
            }
            let by_number = layout.tracks.iter().position(|track| track.number == block.track);
            let Some((at, layout_of)) = by_number.and_then(|at| Some((at, layout.tracks.get(at)?))) else { continue };
            let Some(track) = index.tracks.get(at).filter(|track| tracks::is_text(track.info.codec)) else { continue };
            let pts_ticks = layout_of.timing.snap(block.time_ns);
            let is_owned = self
                .query
                .as_ref()
                .is_none_or(|query| Ownership { index, query, timescale: track.info.timescale }.by_time(pts_ticks));
            if !is_owned || block.data.len() > MAX_TEXT_BYTES {
                continue;
            }
            if self.found.len() >= MAX_FOUND {
                return Err(limit_exceeded("text").into());
            }
            let read = block.details(cursor).and_then(|details| {
                let skip = layout_of.has_inline_webvtt_settings;
                let data = if skip { skip_two_lines(cursor, block.data)? } else { block.data };
                Ok((details.duration, cursor.bytes(data)?))
            });
            let (duration, data) = match read {
                Ok(read) => read,
                Err(stop) => {
                    self.walker.rewind(&block);
                    return Err(stop);
                }
            };
            // One line that cannot be unpacked is no reason to leave out all others.
            let Ok(sample) = layout_of.unpack(data) else { continue };
            // Copied: it shall not hold the pictures around it.
            let sample = Bytes::copy_from_slice(&sample);
            let packet = Packet {
                pts_ticks,
                dts_ticks: pts_ticks,
                duration_ticks: duration_ticks(layout, layout_of, duration),
                is_sync: true,
                payload: Payload::Rewritten(sample),
            };
            self.found.push((at, packet));
        }
        Ok(())
    }
}

/// Leaves out the lines with the cue's id and settings.
fn skip_two_lines(cursor: &Cursor<'_>, data: ByteRange) -> Read<ByteRange> {
    if data.len() > MAX_TEXT_BYTES {
        return Err(limit_exceeded("text of one cue").into());
    }
    let bytes = cursor.bytes(data)?;
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let skip = ends.nth(1).map_or(0, |at| at.saturating_add(1));
    Ok(ByteRange::new(data.start.saturating_add(skip as u64), data.end))
}
