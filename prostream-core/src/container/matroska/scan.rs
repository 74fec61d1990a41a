//! What Cues should say, found in the clusters themselves: where the keyframes of the track that is cut lie.
//!
//! Muxers begin a cluster with each keyframe, so the heads of the clusters are enough: a few bytes of each. Whether this file was made in
//! that way is seen in its first clusters, which are walked block by block; where it was not, all are.

use super::cluster::{Block, Walker};
use super::cursor::{Cursor, Read, Stop};
use super::{Layout, TrackLayout, limit_exceeded};
use crate::Result;
use crate::container::{MediaIndex, Step, Track, codec};
use crate::model::{ByteRange, Codec, Extents, TrackKind};

/// Most places that are found: 40 MiB of memory. All pictures of a film of four hours, each of them a keyframe, are 350,000.
const MAX_POINTS: usize = 1_000_000;
/// Most blocks that are looked at.
const MAX_BLOCKS: u64 = 16_000_000;
/// How many clusters with keyframes are walked block by block before the rest is judged by them.
const HABIT_CLUSTERS: u32 = 8;
/// As much of a frame as is looked at for the kind of its picture: parameter sets and messages may stand in front.
pub(super) const PICTURE_HEAD_BYTES: u64 = 1024;
/// Sync samples farther apart than this are too rare to cut at: then other pictures that decoding can begin with serve as well (PACKAGING 5.4).
const MAX_SYNC_DISTANCE_NS: i64 = 20_000_000_000;
/// How long the last block may last, in nanoseconds.
pub(super) const MAX_LAST_BLOCK_NS: i64 = 1_000_000_000;

/// The track that cuts are made from, as far as finding its sync samples goes.
#[derive(Clone, Debug)]
pub(super) struct CutTrack {
    pub(super) number: u64,
    pub(super) is_video: bool,
    pub(super) codec: Codec,
    /// As in `CodecConfig`.
    pub(super) nal_length_size: u8,
    pub(super) encoding: super::tracks::Encoding,
}

/// What a block is to whom wants to begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A sync sample, as far as can be seen.
    Sync,
    /// Marked as a keyframe, but no sync sample by the rule of PACKAGING 5.4: a recovery point.
    Marked,
}

impl CutTrack {
    pub(super) fn of(track: &Track, layout: &TrackLayout) -> Self {
        use super::tracks::Encoding;
        let encoding = match (layout.is_zlib, layout.prefix.is_empty()) {
            (true, _) => Encoding::Zlib,
            (false, true) => Encoding::Plain,
            (false, false) => Encoding::HeaderStripping(layout.prefix.clone()),
        };
        Self {
            number: layout.number,
            is_video: track.info.kind == TrackKind::Video,
            codec: track.info.codec,
            nal_length_size: layout.odd_nal_length_size.unwrap_or(4),
            encoding,
        }
    }

    /// Can decoding start at a block of this track? `None` where it is not even marked so.
    pub(super) fn start(&self, cursor: &mut Cursor<'_>, block: &Block) -> Read<Option<Start>> {
        if !self.is_video {
            return Ok(Some(Start::Sync));
        }
        if !block.is_key(cursor)? {
            return Ok(None);
        }
        let is_plain_frame = block.lacing == super::blocks::Lacing::None;
        if !is_plain_frame || !matches!(self.codec, Codec::H264 | Codec::Hevc) {
            return Ok(Some(Start::Sync));
        }
        let head = cursor.bytes(ByteRange::with_len(block.data.start, block.data.len().min(PICTURE_HEAD_BYTES)))?;
        let head = self.encoding.start_of_frame(&head, PICTURE_HEAD_BYTES as usize);
        let is_sync = codec::is_random_access(self.codec, self.nal_length_size, &head);
        Ok(Some(if is_sync == Some(false) { Start::Marked } else { Start::Sync }))
    }
}

/// A place where decoding can start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) time_ns: i64,
    /// Where its cluster begins in the file.
    pub(super) cluster_offset: u64,
    /// Where its block begins, relative to the first byte of the cluster's data.
    pub(super) block_offset: u64,
    pub(super) start: Start,
}

impl Point {
    pub(super) fn of(block: &Block, start: Start) -> Self {
        Self {
            time_ns: block.time_ns,
            cluster_offset: block.cluster.offset,
            block_offset: block.offset.saturating_sub(block.cluster.data),
            start,
        }
    }
}

/// A search for keyframes from the first cluster to the last. It does no I/O: [`Scan::step`] says which bytes it needs next, a few of each
/// cluster, and does not come back to them.
#[derive(Debug)]
pub struct Scan {
    cut: CutTrack,
    walker: Walker,
    size_bytes: u64,
    window_bytes: u64,
    /// Where the first block of the cut track was already seen in the walker's cluster.
    seen_cluster: Option<u64>,
    /// Clusters with a keyframe that were walked whole, and whether all of those keyframes came first in them.
    walked_clusters: u32,
    keyframes_come_first: bool,
    block_count: u64,
    points: Vec<Point>,
    end_ns: i64,
    /// `DefaultDuration` of the cut track.
    default_duration_ns: i64,
}

impl Scan {
    /// A search in the file that `index` is of; `None` when it is no Matroska file or has no track to cut. `window_bytes` is how much is
    /// asked for at each place.
    #[must_use]
    pub fn new(index: &MediaIndex, window_bytes: u64) -> Option<Self> {
        let crate::container::Layout::Matroska(layout) = &index.layout else { return None };
        let at = index.tracks.iter().position(|track| !track.sync_points.is_empty())?;
        let (track, own) = (index.tracks.get(at)?, layout.tracks.get(at)?);
        Some(Self::of(CutTrack::of(track, own), layout, own, index.size_bytes, window_bytes))
    }

    fn of(cut: CutTrack, layout: &Layout, own: &TrackLayout, size_bytes: u64, window_bytes: u64) -> Self {
        Self {
            cut,
            walker: Walker::new(layout.clusters.start, layout.clusters.end, layout.timestamp_scale_ns),
            size_bytes,
            window_bytes,
            seen_cluster: None,
            walked_clusters: 0,
            keyframes_come_first: true,
            block_count: 0,
            points: Vec::new(),
            end_ns: 0,
            default_duration_ns: own.default_duration_ns.unwrap_or(0).min(MAX_LAST_BLOCK_NS),
        }
    }

    /// Goes on as far as the bytes at hand allow. It takes the ends of one cluster, and the start of a frame, to make a step; what lies before
    /// may be forgotten at any time.
    ///
    /// # Errors
    /// `LimitExceeded` for more keyframes or blocks than a film has.
    pub fn step(&mut self, have: &Extents) -> Result<Step<()>> {
        let mut cursor = Cursor::new(self.size_bytes, have, self.window_bytes);
        let result = self.run(&mut cursor);
        super::step(&cursor, result)
    }

    /// Where decoding can start, in order of the file.
    pub(super) fn points(&self) -> impl Iterator<Item = &Point> {
        chosen(&self.points)
    }

    /// Where the last block that was seen ends.
    pub(super) fn end_ns(&self) -> i64 {
        self.end_ns
    }

    fn run(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        loop {
            // A copy: what lacks bytes is done again from here.
            let mut walker = self.walker;
            let block = match walker.next_block(cursor) {
                Ok(Some(block)) => block,
                Ok(None) => return Ok(()),
                // What stands before the broken bytes can be played.
                Err(Stop::Fail(_)) if !self.points.is_empty() => return Ok(()),
                Err(stop) => return Err(stop),
            };
            let is_own = block.track == self.cut.number;
            let is_first = is_own && self.seen_cluster != Some(block.cluster.offset);
            let wanted = is_own && (self.cut.is_video || is_first);
            let start = if wanted { self.cut.start(cursor, &block)? } else { None };
            let hops = is_first && self.walked_clusters >= HABIT_CLUSTERS && self.keyframes_come_first;
            if hops {
                walker.leave_cluster(cursor)?;
            }
            // Nothing is missing: take it in.
            self.walker = walker;
            self.block_count = self.block_count.saturating_add(1);
            self.end_ns = self.end_ns.max(block.time_ns.saturating_add(self.default_duration_ns));
            if let Some(start) = start {
                if is_first {
                    self.walked_clusters = self.walked_clusters.saturating_add(1);
                } else {
                    self.keyframes_come_first = false;
                }
                self.points.push(Point::of(&block, start));
            }
            if is_first {
                self.seen_cluster = Some(block.cluster.offset);
            }
            if self.points.len() > MAX_POINTS || self.block_count > MAX_BLOCKS {
                return Err(limit_exceeded("too many keyframes or blocks").into());
            }
        }
    }
}

/// Of all that were found those to cut at: sync samples alone, where there are enough of them.
pub(super) fn chosen(points: &[Point]) -> impl Iterator<Item = &Point> {
    let takes_all = !has_enough_sync_samples(points.iter().map(|point| (point.time_ns, point.start)));
    points.iter().filter(move |point| takes_all || point.start == Start::Sync)
}

/// Is no stretch without a sync sample longer than [`MAX_SYNC_DISTANCE_NS`], unless there is nothing else in it to begin with either?
pub(super) fn has_enough_sync_samples(points: impl Iterator<Item = (i64, Start)>) -> bool {
    let mut last_sync = None;
    for (time_ns, start) in points {
        match start {
            Start::Sync => last_sync = Some(time_ns),
            Start::Marked if last_sync.is_none_or(|last| time_ns.saturating_sub(last) > MAX_SYNC_DISTANCE_NS) => {
                return false;
            }
            Start::Marked => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(seconds: i64, start: Start) -> Point {
        Point { time_ns: seconds * 1_000_000_000, cluster_offset: 0, block_offset: 0, start }
    }

    fn times(points: &[Point]) -> Vec<i64> {
        chosen(points).map(|point| point.time_ns / 1_000_000_000).collect()
    }

    /// Goal: recovery points are cut at only where sync samples are rare (PACKAGING 5.4).
    #[test]
    fn recovery_points_serve_where_sync_samples_are_rare() {
        use Start::{Marked, Sync};
        assert_eq!(times(&[point(0, Sync), point(8, Marked), point(16, Sync)]), [0, 16]);
        assert_eq!(times(&[point(0, Sync), point(8, Marked), point(16, Marked), point(24, Marked)]), [0, 8, 16, 24]);
        // Nothing but long GOPs.
        assert_eq!(times(&[point(0, Sync), point(40, Sync)]), [0, 40]);
        assert_eq!(times(&[point(0, Marked), point(4, Marked)]), [0, 4]);
    }
}
