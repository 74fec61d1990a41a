//! Text tracks: through the Cues where those name its blocks, else from the blocks of a span.

use super::cluster::find_block;
use super::cursor::{Cursor, Found, Read, Stop};
use super::ebml::id;
use super::{Layout, TrackLayout, limit_exceeded};
use crate::container::{Packet, Payload};
use crate::model::ByteRange;

/// Longest a cue without `BlockDuration` is shown.
const MAX_OPEN_CUE_NS: i64 = 5_000_000_000;
/// Longest any cue is shown: an hour.
const MAX_CUE_NS: i64 = 3_600_000_000_000;
/// Read around each indexed block: nearly all are shorter.
const BLOCK_WINDOW_BYTES: u64 = 4 * 1024;
/// Blocks closer than this are read together.
const MAX_GAP_BYTES: u64 = 16 * 1024;
/// Header lengths of a cluster: an id of four bytes and a size of one to eight. The longest first, as muxers reserve it.
const CLUSTER_HEADER_LENGTHS: [u64; 8] = [12, 11, 10, 9, 8, 7, 6, SHORTEST_CLUSTER_HEADER];
const SHORTEST_CLUSTER_HEADER: u64 = 5;
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

/// Makes packets of cues in order of the file. A cue without a duration is shown until the next, at most five seconds.
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
    let unit_ns = i64::try_from(layout.timestamp_scale_ns).unwrap_or(i64::MAX);
    // For each cue when the next one begins that does not begin together with it.
    let mut next_ns = Vec::with_capacity(cues.len());
    let (mut next, mut at) = (None, None);
    for cue in cues.iter().rev() {
        if at != Some(cue.time_ns) {
            next = at;
            at = Some(cue.time_ns);
        }
        next_ns.push(next.filter(|next| *next > cue.time_ns));
    }
    let mut packets = Vec::with_capacity(cues.len());
    for (cue, next) in cues.iter().zip(next_ns.into_iter().rev()) {
        let duration_ns = match cue.duration.and_then(|units| i64::try_from(units).ok()) {
            Some(units) => units.saturating_mul(unit_ns).min(MAX_CUE_NS),
            None => next.map_or(MAX_OPEN_CUE_NS, |next| next.saturating_sub(cue.time_ns).min(MAX_OPEN_CUE_NS)),
        };
        let pts_ticks = track.timing.snap(cue.time_ns);
        let data = if track.has_inline_webvtt_settings { skip_two_lines(cursor, cue.data)? } else { cue.data };
        let payload =
            if track.prefix.is_empty() { Payload::InFile(data) } else { Payload::Prefixed(track.prefix.clone(), data) };
        packets.push(Packet {
            pts_ticks,
            dts_ticks: pts_ticks,
            duration_ticks: u32::try_from(track.timing.ticks(duration_ns)).unwrap_or(u32::MAX),
            is_sync: true,
            payload,
        });
    }
    Ok(packets)
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
