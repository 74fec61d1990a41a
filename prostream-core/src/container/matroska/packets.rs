//! The packets of a segment from its span of clusters.
//!
//! What belongs to a segment is decided by the rules of PACKAGING 5.3 from the file alone, never from which bytes happen to be at hand, so
//! segments lie end to end in whatever order they are asked for.

use std::cmp::Ordering;

use super::blocks::{Lacing, split_laces};
use super::cluster::{Block, Walker, find_cluster, is_cluster};
use super::cursor::{Cursor, Read, Stop};
use super::scan::{CutTrack, PICTURE_HEAD_BYTES, Start};
use super::timing::{Timing, compare};
use super::{Layout, TrackLayout, limit_exceeded, malformed, text, tracks};
use crate::container::codec;
use crate::container::{Boundary, MediaIndex, Packet, PacketQuery, Payload, SyncPoint, Track};
use crate::model::{ByteRange, Codec, TrackKind};

/// Least that is read beyond a span, and what is asked for where a header is missing.
pub(super) const WINDOW_BYTES: u64 = 64 * 1024;
/// How much of the next segment is read along with a span, in time.
const MARGIN_NS: i128 = 400_000_000;
/// First step of reading on for sound that is muxed farther behind.
const STEP_BYTES: u64 = 256 * 1024;
/// Longest such step, and most that is read beyond a span at first.
const MAX_WINDOW_BYTES: u64 = 1024 * 1024;
/// Largest span of clusters that is read for one segment.
const MAX_SPAN_BYTES: u64 = 256 * 1024 * 1024;
/// Most bytes of rewritten frames of one segment.
const MAX_REWRITTEN_BYTES: u64 = MAX_SPAN_BYTES;
/// Most packets of one segment.
const MAX_PACKETS: usize = 1_000_000;
/// A boundary's block this far into its cluster or nearer is reached by reading the cluster from its start.
const MAX_LEAD_BYTES: u64 = 256 * 1024;
/// Enough of a cluster to know its time.
const CLUSTER_HEAD_BYTES: u64 = 256;
/// Longest header of a cluster, and of the block that a cue points at.
const HEADERS_BYTES: u64 = 64;
/// How far from its cue a boundary's block is searched.
const MAX_BOUNDARY_SEARCH_BYTES: u64 = 64 * 1024 * 1024;
/// How far a block of a track may lie behind the pictures that it belongs to, in time …
const MAX_SKEW_NS: i64 = 3_000_000_000;
/// … and in bytes, in both directions.
const MAX_SKEW_BYTES: u64 = 16 * 1024 * 1024;
/// How far is gone back first where the first block behind a boundary comes too late; each next step is four times as far.
const FIRST_LOOK_BACK_BYTES: u64 = 1024 * 1024;
/// Most pictures behind a keyframe that may be shown before it: what a decoder can hold back (H.264 and H.265: 16), twice.
const MAX_LEADING_PICTURES: usize = 32;
/// Of a frame, as much as is read to find bytes that are left out at its start.
const FRAME_START_BYTES: usize = 16;
/// Of a frame, as much as is read for its length in samples.
const MAX_FRAME_HEAD_BYTES: u64 = 8 * 1024;

/// The bytes that all tracks of a segment share.
pub(super) struct Span {
    /// Where the cluster of the first boundary begins.
    pub(super) start: u64,
    /// A little beyond the block of the next boundary; the end of the clusters for the last segment.
    pub(super) end: u64,
    /// How far into the span the first boundary's block lies, where that is far.
    lead: u64,
}

impl Span {
    /// # Errors
    /// `LimitExceeded` for more than [`MAX_SPAN_BYTES`].
    pub(super) fn new(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> Read<Self> {
        let clusters = layout.clusters;
        let from = query.from.map(|boundary| place(index, layout, &boundary));
        let start = from.map_or(clusters.start, |point| point.offset_bytes);
        let end = match query.to {
            None => clusters.end,
            Some(boundary) => {
                let to = place(index, layout, &boundary);
                let block = to.offset_bytes.saturating_add(to.block_offset_bytes).saturating_add(HEADERS_BYTES);
                block.saturating_add(margin(index, query, &boundary, block.saturating_sub(start))).min(index.size_bytes)
            }
        };
        let lead = from.map_or(0, |point| point.block_offset_bytes);
        let lead =
            if (MAX_LEAD_BYTES..MAX_SPAN_BYTES).contains(&lead) && start.saturating_add(lead) < end { lead } else { 0 };
        if end.saturating_sub(start).saturating_sub(lead) > MAX_SPAN_BYTES {
            return Err(limit_exceeded("span of one segment").into());
        }
        Ok(Self { start, end, lead })
    }

    fn hull(&self) -> ByteRange {
        ByteRange::new(self.start, self.end)
    }

    /// What is asked for first. Where many keyframes share a cluster, the part before the first boundary's block is left out.
    fn ranges(&self) -> Vec<ByteRange> {
        if self.lead == 0 {
            return vec![self.hull()];
        }
        let head = ByteRange::with_len(self.start, CLUSTER_HEAD_BYTES);
        vec![head, ByteRange::new(self.start.saturating_add(self.lead), self.end)]
    }
}

/// What is read beyond the next boundary's block: the sound that goes with the last pictures stands behind that block, a keyframe, so it
/// is as much as [`MARGIN_NS`] take at the rate of the span. Without it each segment of sound would cost a read of its own.
fn margin(index: &MediaIndex, query: &PacketQuery, to: &Boundary, span_bytes: u64) -> u64 {
    let Some(track) = index.tracks.get(to.track_index) else { return WINDOW_BYTES };
    let from_ticks = match query.from {
        Some(from) if from.track_index == to.track_index => from.point.pts_ticks,
        _ => track.start_ticks,
    };
    let ticks = i128::from(to.point.pts_ticks).saturating_sub(i128::from(from_ticks)).max(1);
    let margin = i128::from(span_bytes)
        .saturating_mul(i128::from(track.info.timescale))
        .saturating_mul(MARGIN_NS)
        .checked_div(ticks.saturating_mul(1_000_000_000))
        .unwrap_or(0);
    u64::try_from(margin).unwrap_or(u64::MAX).clamp(WINDOW_BYTES, MAX_WINDOW_BYTES)
}

/// Where a boundary lies in the file; for one that is only a time, the last sync point of any track before it.
fn place(index: &MediaIndex, layout: &Layout, boundary: &Boundary) -> SyncPoint {
    let point = boundary.point;
    if layout.clusters.start <= point.offset_bytes && point.offset_bytes < index.size_bytes {
        return point;
    }
    let timescale = timescale(index, boundary.track_index);
    let before = index.tracks.iter().filter_map(|track| {
        let after = track.sync_points.partition_point(|sync| {
            compare(sync.pts_ticks, track.info.timescale, point.pts_ticks, timescale) != Ordering::Greater
        });
        track.sync_points.get(after.checked_sub(1)?)
    });
    let found = before.max_by_key(|sync| (sync.offset_bytes, sync.block_offset_bytes)).copied();
    found.unwrap_or(SyncPoint { offset_bytes: layout.clusters.start, block_offset_bytes: 0, ..point })
}

fn timescale(index: &MediaIndex, track_index: usize) -> u32 {
    index.tracks.get(track_index).map_or(1, |track| track.info.timescale)
}

/// The packets of a query.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    index: &MediaIndex,
    layout: &Layout,
    query: &PacketQuery,
) -> Read<Vec<Packet>> {
    let no_track = || malformed("no such track");
    let track = index.tracks.get(query.track_index).ok_or_else(no_track)?;
    let track_layout = layout.tracks.get(query.track_index).ok_or_else(no_track)?;
    let is_text = tracks::is_text(track.info.codec);
    let resolved = resolve(cursor, index, layout, query)?;
    let query = &resolved;
    let owns = Ownership { index, query, timescale: track.info.timescale };
    if is_text && !track_layout.text_blocks.is_empty() {
        let packets = text::read_indexed(cursor, layout, track_layout, |pts_ticks| owns.by_time(pts_ticks))?;
        return rewrite(cursor, track, track_layout, packets);
    }
    let span = Span::new(index, layout, query)?;
    let missing = cursor.missing(&span.ranges());
    if !missing.is_empty() {
        return Err(Stop::Need(missing));
    }
    let reader = Reader { index, layout, track, track_layout, query, owns, span };
    let owns_by_file_order = track.info.kind == TrackKind::Video
        && [query.from, query.to].iter().flatten().all(|boundary| boundary.track_index == query.track_index);
    let result = if owns_by_file_order {
        reader.read_pictures(cursor)
    } else if is_text {
        reader.read_text(cursor)
    } else {
        reader.read_by_time(cursor)
    };
    result.map_err(|stop| reader.widen(cursor, stop))
}

/// The packet that a boundary of its own track names, for which little more than its bytes are read.
pub(super) fn read_sync(
    cursor: &mut Cursor<'_>,
    index: &MediaIndex,
    layout: &Layout,
    boundary: &Boundary,
) -> Read<Packet> {
    let none = || malformed("no keyframe where the Cues name one");
    let packet = at_block(cursor, index, layout, boundary, WINDOW_BYTES, |cursor, reader, block| {
        let frame = reader.frames(cursor, block)?.into_iter().next().ok_or_else(none)?;
        let mut packets = Vec::with_capacity(1);
        // What is looked at and what is given are the same bytes.
        cursor.bytes(frame.range)?;
        reader.push(cursor, &mut packets, frame, true)?;
        let packets = reader.finish(cursor, packets, None)?;
        Ok(packets.into_iter().next().ok_or_else(none)?)
    })?;
    Ok(packet.ok_or_else(none)?)
}

/// Can decoding start where a boundary of its own track says? For this the heads of a cluster and of one frame are read.
pub(super) fn look_at_sync(
    cursor: &mut Cursor<'_>,
    index: &MediaIndex,
    layout: &Layout,
    boundary: &Boundary,
) -> Read<Option<bool>> {
    let window_bytes = HEADERS_BYTES.saturating_add(PICTURE_HEAD_BYTES);
    at_block(cursor, index, layout, boundary, window_bytes, |cursor, reader, block| {
        let start = CutTrack::of(reader.track, reader.track_layout).start(cursor, block)?;
        Ok(start == Some(Start::Sync))
    })
}

/// What is made of the block that a boundary of its own track names; `None` where there is none. The head of its cluster and so many bytes of the
/// block are asked for at once.
fn at_block<T>(
    cursor: &mut Cursor<'_>,
    index: &MediaIndex,
    layout: &Layout,
    boundary: &Boundary,
    window_bytes: u64,
    then: impl FnOnce(&mut Cursor<'_>, &Reader<'_>, &Block) -> Read<T>,
) -> Read<Option<T>> {
    let track = index.tracks.get(boundary.track_index).zip(layout.tracks.get(boundary.track_index));
    let Some((track, track_layout)) = track else { return Ok(None) };
    let query = PacketQuery { track_index: boundary.track_index, from: Some(*boundary), to: None };
    let owns = Ownership { index, query: &query, timescale: track.info.timescale };
    let point = place(index, layout, boundary);
    let span = Span { start: point.offset_bytes, end: point.offset_bytes, lead: 0 };
    let reader = Reader { index, layout, track, track_layout, query: &query, owns, span };
    let block = point.offset_bytes.saturating_add(point.block_offset_bytes);
    let head = ByteRange::with_len(point.offset_bytes, CLUSTER_HEAD_BYTES);
    let missing = cursor.missing(&[head, ByteRange::with_len(block, window_bytes)]);
    if point.block_offset_bytes != 0 && !missing.is_empty() {
        return Err(Stop::Need(missing));
    }
    let Some((mut walker, _)) = reader.find_boundary(cursor, boundary)? else { return Ok(None) };
    let Some(block) = walker.next_block(cursor)? else { return Ok(None) };
    then(cursor, &reader, &block).map(Some)
}

/// The query with boundaries whose places are known. Those of a grid are searched in the file.
fn resolve(cursor: &mut Cursor<'_>, index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> Read<PacketQuery> {
    let Some(grid) = &layout.grid else { return Ok(*query) };
    let mut find = |boundary: Option<Boundary>| {
        let find = |boundary: Boundary| {
            let point = grid.resolve(cursor, index, layout, boundary.point)?;
            Ok::<_, Stop>(Boundary { point, ..boundary })
        };
        boundary.map(find).transpose()
    };
    // One after the other: what the first brings is often enough for the second.
    Ok(PacketQuery { from: find(query.from)?, to: find(query.to)?, ..*query })
}

/// A byte distance that is never below what the packets of a query take.
pub(super) fn estimate_bytes(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> u64 {
    if let Some(grid) = &layout.grid {
        let own =
            |boundary: Boundary| layout.tracks.get(boundary.track_index).map(|own| (own, boundary.point.pts_ticks));
        let file_ns = |boundary: Option<Boundary>| boundary.and_then(own).map(|(own, ticks)| own.timing.file_ns(ticks));
        let end_ns = i64::try_from(index.duration_ns).unwrap_or(i64::MAX);
        return grid.estimate_bytes(
            layout.clusters,
            file_ns(query.from).unwrap_or(0),
            file_ns(query.to).unwrap_or(end_ns),
        );
    }
    let start = query.from.map_or(layout.clusters.start, |boundary| {
        let point = place(index, layout, &boundary);
        point.offset_bytes.saturating_add(point.block_offset_bytes)
    });
    let end = match query.to {
        None => layout.clusters.end,
        Some(boundary) => {
            let point = place(index, layout, &boundary);
            if point.block_offset_bytes != 0 {
                point.offset_bytes.saturating_add(point.block_offset_bytes).saturating_add(HEADERS_BYTES)
            } else {
                // Somewhere in its cluster: at most to the next one that is known.
                let points = index.tracks.get(boundary.track_index).map_or(&[][..], |track| &track.sync_points);
                let next = points.partition_point(|sync| sync.offset_bytes <= point.offset_bytes);
                points.get(next).map_or(layout.clusters.end, |sync| sync.offset_bytes)
            }
        }
    };
    end.saturating_sub(start)
}

/// Which times of a track lie in a query.
pub(super) struct Ownership<'a> {
    pub(super) index: &'a MediaIndex,
    pub(super) query: &'a PacketQuery,
    pub(super) timescale: u32,
}

impl Ownership<'_> {
    /// Is a time of the track before, at or behind a boundary?
    fn compare(&self, pts_ticks: i64, boundary: &Boundary) -> Ordering {
        compare(pts_ticks, self.timescale, boundary.point.pts_ticks, timescale(self.index, boundary.track_index))
    }

    /// Does a packet that starts then belong to the segment, for all but the pictures that were cut?
    pub(super) fn by_time(&self, pts_ticks: i64) -> bool {
        self.query.from.is_none_or(|from| self.compare(pts_ticks, &from) != Ordering::Less)
            && self.query.to.is_none_or(|to| self.compare(pts_ticks, &to) == Ordering::Less)
    }
}

/// A frame that may belong to the segment.
#[derive(Clone, Copy, Debug)]
struct Frame {
    pts_ticks: i64,
    range: ByteRange,
}

struct Reader<'a> {
    index: &'a MediaIndex,
    layout: &'a Layout,
    track: &'a Track,
    track_layout: &'a TrackLayout,
    query: &'a PacketQuery,
    owns: Ownership<'a>,
    span: Span,
}

impl Reader<'_> {
    /// Bytes missing inside the span are asked for with all of it; beyond it, in steps that grow, so that sound muxed far behind its
    /// pictures costs few requests.
    fn widen(&self, cursor: &Cursor<'_>, stop: Stop) -> Stop {
        let Stop::Need(ranges) = stop else { return stop };
        let hull = self.span.hull();
        let mut wide = Vec::with_capacity(ranges.len());
        for range in ranges {
            if range.intersect(hull).is_empty() {
                let behind = range.start.saturating_sub(hull.end).clamp(STEP_BYTES, MAX_WINDOW_BYTES);
                wide.push(ByteRange::new(range.start, range.end.max(range.start.saturating_add(behind))));
            } else {
                wide.push(ByteRange::new(hull.start, hull.end.max(range.end)));
            }
        }
        Stop::Need(cursor.missing(&wide))
    }

    fn walker(&self, at: u64) -> Walker {
        Walker::new(at, self.layout.clusters.end, self.layout.timestamp_scale_ns)
    }

    fn timing(&self) -> &Timing {
        &self.track_layout.timing
    }

    /// A walker whose next block is the one that a boundary of this track names; `None` when there is none.
    ///
    /// That block is the first of the track in the boundary's cluster, or behind it, with the boundary's time; a keyframe may be off by
    /// the rounding of stamps. Where the Cues lie and there is none, it is the next keyframe: the same for the segment before and the one
    /// after.
    fn find_boundary(&self, cursor: &mut Cursor<'_>, boundary: &Boundary) -> Read<Option<(Walker, u64)>> {
        let point = place(self.index, self.layout, boundary);
        let Some(own) = self.layout.tracks.get(boundary.track_index) else { return Ok(None) };
        let rounding = own.timing.ticks(i64::try_from(own.timing.tolerance_ns).unwrap_or(0));
        let earliest = point.pts_ticks.saturating_sub(rounding);
        let mut walker = self.walker(point.offset_bytes);
        walker.enter_cluster(cursor)?;
        if point.block_offset_bytes != 0
            && let Some(cluster) = walker.cluster()
            && cluster.offset == point.offset_bytes
            && let Some(block) = walker.block_at(cursor, cluster.data.saturating_add(point.block_offset_bytes))?
            && block.track == own.number
            && own.timing.snap(block.time_ns).abs_diff(point.pts_ticks) <= rounding.unsigned_abs()
        {
            walker.rewind(&block);
            return Ok(Some((walker, block.offset)));
        }
        while let Some(block) = walker.next_block(cursor)? {
            if block.offset.saturating_sub(point.offset_bytes) > MAX_BOUNDARY_SEARCH_BYTES {
                return Err(malformed("no keyframe where the Cues name one").into());
            }
            if block.track != own.number {
                continue;
            }
            let pts_ticks = own.timing.snap(block.time_ns);
            if pts_ticks == point.pts_ticks || (pts_ticks >= earliest && block.is_key(cursor)?) {
                walker.rewind(&block);
                return Ok(Some((walker, block.offset)));
            }
        }
        Ok(None)
    }

    /// Video: blocks in order of the file, from the block of one boundary up to that of the next.
    fn read_pictures(&self, cursor: &mut Cursor<'_>) -> Read<Vec<Packet>> {
        let mut walker = match &self.query.from {
            None => self.walker(self.layout.clusters.start),
            Some(boundary) => match self.find_boundary(cursor, boundary)? {
                Some((walker, _)) => walker,
                None => return Ok(Vec::new()),
            },
        };
        let next = match &self.query.to {
            None => None,
            Some(boundary) => self.find_boundary(cursor, boundary)?,
        };
        let end = next.map_or(u64::MAX, |(_, offset)| offset);
        let mut packets = Vec::new();
        // What is broken is passed over to the next cluster, but never beyond the next boundary.
        walker = walker.up_to(end);
        while walker.at < end {
            let block = match walker.next_block(cursor) {
                Ok(Some(block)) => block,
                Ok(None) => break,
                // What is whole of the segment can be shown.
                Err(Stop::Fail(_)) if !packets.is_empty() => break,
                Err(stop) => return Err(stop),
            };
            if block.offset >= end {
                break;
            }
            if block.track != self.track_layout.number {
                continue;
            }
            let is_sync = block.is_key(cursor)?;
            for frame in self.frames(cursor, &block)? {
                self.push(cursor, &mut packets, frame, is_sync)?;
            }
        }
        let after = match next {
            Some((walker, _)) if self.timing().step_ticks.is_none() && !packets.is_empty() => {
                self.first_picture(cursor, walker)?
            }
            _ => None,
        };
        self.finish(cursor, packets, after)
    }

    /// The earliest presentation time of the segment that begins at the walker's next block: that of its keyframe, or of the pictures
    /// that follow it in decode order and lead it in time.
    fn first_picture(&self, cursor: &mut Cursor<'_>, mut walker: Walker) -> Read<Option<i64>> {
        let mut key_ticks = None;
        let mut first = None;
        let mut count = 0usize;
        while count < MAX_LEADING_PICTURES
            && let Some(block) = walker.next_block(cursor)?
        {
            if block.track != self.track_layout.number {
                continue;
            }
            count = count.saturating_add(1);
            let pts_ticks = self.timing().snap(block.time_ns);
            let key_ticks = *key_ticks.get_or_insert(pts_ticks);
            if pts_ticks > key_ticks {
                break;
            }
            first = Some(first.map_or(pts_ticks, |first: i64| first.min(pts_ticks)));
        }
        Ok(first)
    }

    /// Sound, and pictures that were not the ones cut: packets that start in the segment.
    fn read_by_time(&self, cursor: &mut Cursor<'_>) -> Read<Vec<Packet>> {
        if let Some(to) = &self.query.to
            && self.owns.compare(self.track.start_ticks, to) != Ordering::Less
        {
            return Ok(Vec::new());
        }
        let mut walker = self.find_start(cursor)?;
        let limit_ns = self.limit_ns();
        let mut packets: Vec<Packet> = Vec::new();
        let mut after = None;
        'blocks: while let Some(block) = walker.next_block(cursor)? {
            if self.query.to.is_some() && (block.time_ns > limit_ns || self.is_far_behind(&block)) {
                break;
            }
            if block.track != self.track_layout.number {
                continue;
            }
            let is_sync = self.track.info.kind != TrackKind::Video || block.is_key(cursor)?;
            for frame in self.frames(cursor, &block)? {
                if self.owns.by_time(frame.pts_ticks) {
                    self.push(cursor, &mut packets, frame, is_sync)?;
                } else if let Some(to) = &self.query.to
                    && self.track.info.kind != TrackKind::Video
                    && self.owns.compare(frame.pts_ticks, to) != Ordering::Less
                {
                    after = Some(frame.pts_ticks);
                    break 'blocks;
                }
            }
        }
        self.finish(cursor, packets, after)
    }

    fn is_far_behind(&self, block: &Block) -> bool {
        block.offset.saturating_sub(self.span.end) > MAX_SKEW_BYTES
    }

    /// The time at which reading on for a track that falls silent ends.
    fn limit_ns(&self) -> i64 {
        let Some(to) = &self.query.to else { return i64::MAX };
        let timescale = i128::from(timescale(self.index, to.track_index).max(1));
        let ns = i128::from(to.point.pts_ticks).saturating_mul(1_000_000_000).checked_div(timescale).unwrap_or(0);
        i64::try_from(ns).unwrap_or(i64::MAX).saturating_add(MAX_SKEW_NS)
    }

    /// A walker from a place where no packet of the segment lies before it: the boundary's block, its cluster, or clusters before.
    fn find_start(&self, cursor: &mut Cursor<'_>) -> Read<Walker> {
        let Some(from) = &self.query.from else { return Ok(self.walker(self.layout.clusters.start)) };
        let point = place(self.index, self.layout, from);
        let is_exact = point == from.point;
        if is_exact
            && let Some((walker, _)) = self.find_boundary(cursor, from)?
            && self.is_early_enough(cursor, walker, from)?
        {
            return Ok(walker);
        }
        let mut walker = self.walker(point.offset_bytes);
        if !is_cluster(cursor, walker.at)? {
            walker.enter_cluster(cursor)?;
        }
        let mut back = FIRST_LOOK_BACK_BYTES;
        while !self.is_early_enough(cursor, walker, from)? && walker.at > self.layout.clusters.start {
            if back > MAX_SKEW_BYTES {
                break;
            }
            let target = point.offset_bytes.saturating_sub(back);
            let known = self.last_known_cluster(target);
            // Where none is known, one that lies a little later is found; the steps grow.
            let start = if self.layout.grid.is_some() && target > self.layout.clusters.start {
                find_cluster(cursor, target, point.offset_bytes, back)?.unwrap_or(point.offset_bytes)
            } else {
                known
            };
            walker = self.walker(start);
            let whole = ByteRange::new(walker.at, point.offset_bytes);
            if cursor.end_of_run(whole.start) < whole.end {
                return Err(Stop::Need(vec![whole]));
            }
            back = back.saturating_mul(4);
        }
        Ok(walker)
    }

    /// The last cluster at or before `offset` that the index knows.
    fn last_known_cluster(&self, offset: u64) -> u64 {
        let points = self.index.tracks.iter().filter_map(|track| {
            let after = track.sync_points.partition_point(|point| point.offset_bytes <= offset);
            Some(track.sync_points.get(after.checked_sub(1)?)?.offset_bytes)
        });
        points.max().unwrap_or(self.layout.clusters.start).max(self.layout.clusters.start)
    }

    /// Is it certain that no packet of the segment lies before the walker? So it is when the first block behind it starts before the
    /// boundary, follows it without a gap for another packet, or is the track's first.
    fn is_early_enough(&self, cursor: &mut Cursor<'_>, mut walker: Walker, from: &Boundary) -> Read<bool> {
        let limit_ns = self.limit_ns();
        let mut first: Option<(i64, i64, i64)> = None;
        while let Some(block) = walker.next_block(cursor)? {
            if self.query.to.is_some() && (block.time_ns > limit_ns || self.is_far_behind(&block)) {
                break;
            }
            if block.track != self.track_layout.number {
                continue;
            }
            let Some((first_ticks, first_ns, frame_count)) = first else {
                let pts_ticks = self.timing().snap(block.time_ns);
                if pts_ticks <= self.track.start_ticks || self.owns.compare(pts_ticks, from) != Ordering::Greater {
                    return Ok(true);
                }
                if let Some(step) = self.timing().step_ticks {
                    return Ok(self.owns.compare(pts_ticks.saturating_sub(i64::from(step)), from) == Ordering::Less);
                }
                let frame_count = i64::try_from(self.frames(cursor, &block)?.len()).unwrap_or(1);
                first = Some((pts_ticks, block.time_ns, frame_count));
                continue;
            };
            // Without a fixed length, the distance to the next block tells, shared by the frames of the block; a little more for stamps
            // that are rounded.
            let frame_ns = block.time_ns.saturating_sub(first_ns).checked_div(frame_count).unwrap_or(0);
            let tolerance_ns = i64::try_from(self.timing().tolerance_ns).unwrap_or(0);
            let distance = self.timing().ticks(frame_ns.saturating_add(tolerance_ns));
            return Ok(self.owns.compare(first_ticks.saturating_sub(distance), from) == Ordering::Less);
        }
        // Silence from here on: what was muxed ahead of the pictures, if anything, is not searched for.
        Ok(first.is_none())
    }

    /// Text that starts in the segment, as far as its blocks lie in the span.
    fn read_text(&self, cursor: &mut Cursor<'_>) -> Read<Vec<Packet>> {
        let mut walker = self.walker(self.span.start);
        walker.enter_cluster(cursor)?;
        let mut blocks = Vec::new();
        while walker.at < self.span.end
            && let Some(block) = walker.next_block(cursor)?
        {
            if block.offset >= self.span.end {
                break;
            }
            if block.track != self.track_layout.number || !self.owns.by_time(self.timing().snap(block.time_ns)) {
                continue;
            }
            if blocks.len() >= MAX_PACKETS {
                return Err(limit_exceeded("packets of one segment").into());
            }
            let duration = block.details(cursor)?.duration;
            blocks.push(text::Cue { time_ns: block.time_ns, duration, data: block.data });
        }
        let packets = text::finish(cursor, self.layout, self.track_layout, blocks)?;
        rewrite(cursor, self.track, self.track_layout, packets)
    }

    /// The frames of a block with their times.
    fn frames(&self, cursor: &mut Cursor<'_>, block: &Block) -> Read<Vec<Frame>> {
        let base_ticks = self.timing().snap(block.time_ns);
        if block.lacing == Lacing::None {
            return Ok(vec![Frame { pts_ticks: base_ticks, range: block.data }]);
        }
        let data = cursor.bytes(block.data)?;
        let laces = split_laces(block.lacing, &data)?;
        let mut frames = Vec::with_capacity(laces.len());
        let mut pts_ticks = base_ticks;
        for lace in laces {
            let range = ByteRange::with_len(block.data.start.saturating_add(lace.start as u64), lace.len() as u64);
            frames.push(Frame { pts_ticks, range });
            let duration = self.frame_ticks(data.get(lace).unwrap_or_default());
            pts_ticks = pts_ticks.saturating_add(duration.unwrap_or(0));
        }
        Ok(frames)
    }

    /// How long one frame is, by its codec or DefaultDuration.
    fn frame_ticks(&self, frame: &[u8]) -> Option<i64> {
        match self.timing().step_ticks {
            Some(step) => Some(i64::from(step)),
            None => self.own_ticks(frame),
        }
    }

    /// How long one frame says it is, or DefaultDuration.
    fn own_ticks(&self, frame: &[u8]) -> Option<i64> {
        let by_codec = self.track.info.audio.as_ref().and_then(|audio| {
            let frame = self.track_layout.start_of_frame(frame);
            codec::packet_samples(audio, self.track.info.codec, &frame)
        });
        by_codec.map(i64::from).or_else(|| self.track_layout.default_duration_ns.map(|ns| self.timing().ticks(ns)))
    }

    fn push(&self, cursor: &mut Cursor<'_>, packets: &mut Vec<Packet>, frame: Frame, is_sync: bool) -> Read<()> {
        if packets.len() >= MAX_PACKETS {
            return Err(limit_exceeded("packets of one segment").into());
        }
        let mut range = frame.range;
        if self.track_layout.prefix.is_empty() && !self.track_layout.is_zlib {
            let skip = left_out_size(self.track, self.track_layout, cursor.peek(range.start, FRAME_START_BYTES));
            range = ByteRange::new(range.start.saturating_add(skip as u64).min(range.end), range.end);
        }
        let payload = if self.track_layout.prefix.is_empty() {
            Payload::InFile(range)
        } else {
            Payload::Prefixed(self.track_layout.prefix.clone(), range)
        };
        packets.push(Packet { pts_ticks: frame.pts_ticks, dts_ticks: 0, duration_ticks: 0, is_sync, payload });
        Ok(())
    }

    /// Gives the packets their decode times and durations, and sees to it that their bytes are at hand.
    ///
    /// `after`: when the packets that follow begin, where that is known.
    fn finish(&self, cursor: &mut Cursor<'_>, mut packets: Vec<Packet>, after: Option<i64>) -> Read<Vec<Packet>> {
        let hull = self.span.hull();
        let outside: Vec<ByteRange> = packets
            .iter()
            .map(|packet| in_file(&packet.payload))
            .filter(|range| !hull.contains_range(*range) || self.span.lead != 0)
            .collect();
        let missing = cursor.missing(&outside);
        if !missing.is_empty() {
            return Err(Stop::Need(missing));
        }
        let after = match (after, packets.iter().max_by_key(|packet| packet.pts_ticks)) {
            (Some(after), _) => Some(after),
            (None, None) => None,
            (None, Some(last)) => {
                // The last block of FLAC is as short as its sound (RFC 9639 section 9.1.6).
                let ticks = match self.timing().step_ticks.filter(|_| self.track.info.codec != Codec::Flac) {
                    Some(step) => Some(i64::from(step)),
                    None => {
                        let range = in_file(&last.payload);
                        let head = ByteRange::with_len(range.start, range.len().min(MAX_FRAME_HEAD_BYTES));
                        self.own_ticks(&cursor.bytes(head)?)
                    }
                };
                ticks.map(|ticks| last.pts_ticks.saturating_add(ticks))
            }
        };
        stamp(&mut packets, after);
        rewrite(cursor, self.track, self.track_layout, packets)
    }
}

/// How many bytes at the start of a frame do not belong into MP4: the temporal delimiter of AV1, the ADTS header of AAC.
fn left_out_size(track: &Track, layout: &TrackLayout, start: &[u8]) -> usize {
    match track.info.codec {
        Codec::Av1 => codec::delimiter_size(start),
        Codec::Aac if layout.may_have_adts => codec::adts_header_size(start).unwrap_or(0),
        _ => 0,
    }
}

/// Rewrites the frames that cannot be sent as they lie in the file: unpacks them, gives their NAL units lengths of four bytes.
fn rewrite(cursor: &Cursor<'_>, track: &Track, layout: &TrackLayout, mut packets: Vec<Packet>) -> Read<Vec<Packet>> {
    if !layout.is_zlib && layout.odd_nal_length_size.is_none() {
        return Ok(packets);
    }
    let mut rewritten_bytes = 0u64;
    for packet in &mut packets {
        let mut frame = layout.unpack(cursor.bytes(in_file(&packet.payload))?)?;
        if layout.is_zlib {
            frame = frame.slice(left_out_size(track, layout, &frame).min(frame.len())..);
        }
        if let Some(length_size) = layout.odd_nal_length_size {
            frame = codec::nal::with_four_byte_lengths(&frame, length_size)?.into();
        }
        rewritten_bytes = rewritten_bytes.saturating_add(frame.len() as u64);
        if rewritten_bytes > MAX_REWRITTEN_BYTES {
            return Err(limit_exceeded("unpacked frames of one segment").into());
        }
        packet.payload = Payload::Rewritten(frame);
    }
    Ok(packets)
}

fn in_file(payload: &Payload) -> ByteRange {
    match payload {
        Payload::InFile(range) | Payload::Prefixed(_, range) => *range,
        Payload::Rewritten(_) => ByteRange::default(),
    }
}

/// Decode times by PACKAGING 5.3: with P the presentation times in order, packet `i` is decoded at P\[i\] and lasts until P\[i + 1\]; the
/// last until `after`, or as long as the one before it.
fn stamp(packets: &mut [Packet], after: Option<i64>) {
    let mut order: Vec<i64> = packets.iter().map(|packet| packet.pts_ticks).collect();
    order.sort_unstable();
    let mut duration_ticks = 0;
    let next = order.iter().skip(1).copied().map(Some).chain([after]);
    for ((packet, dts_ticks), next) in packets.iter_mut().zip(order.iter().copied()).zip(next) {
        if let Some(next) = next {
            duration_ticks = u32::try_from(next.saturating_sub(dts_ticks).max(0)).unwrap_or(u32::MAX);
        }
        packet.dts_ticks = dts_ticks;
        packet.duration_ticks = duration_ticks;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(pts_ticks: i64) -> Packet {
        let payload = Payload::InFile(ByteRange::new(0, 1));
        Packet { pts_ticks, dts_ticks: 0, duration_ticks: 0, is_sync: false, payload }
    }

    /// Goal: I P b b of an open GOP: decode times are the sorted presentation times, so the leading pictures come first.
    #[test]
    fn decode_times_of_an_open_gop() {
        let mut packets = [30, 10, 20, 60, 40, 50].map(packet);
        stamp(&mut packets, Some(70));
        assert_eq!(packets.each_ref().map(|packet| packet.dts_ticks), [10, 20, 30, 40, 50, 60]);
        assert!(packets.iter().all(|packet| packet.duration_ticks == 10));
    }

    proptest! {
        /// Goal: decode times never go back, are the presentation times in another order, and durations add up to the end.
        #[test]
        fn decode_times_are_monotone(pts in prop::collection::vec(-1_000_000i64..1_000_000, 1..200), tail in 0i64..10_000) {
            let mut packets: Vec<Packet> = pts.iter().copied().map(packet).collect();
            let end = pts.iter().max().unwrap() + tail;
            stamp(&mut packets, Some(end));
            prop_assert!(packets.is_sorted_by_key(|packet| packet.dts_ticks));
            prop_assert_eq!(packets.iter().map(|packet| packet.pts_ticks).collect::<Vec<_>>(), pts.clone());
            let mut sorted = pts;
            sorted.sort_unstable();
            prop_assert_eq!(packets.iter().map(|packet| packet.dts_ticks).collect::<Vec<_>>(), sorted);
            let total: i64 = packets.iter().map(|packet| i64::from(packet.duration_ticks)).sum();
            prop_assert_eq!(packets[0].dts_ticks + total, end);
        }
    }
}
