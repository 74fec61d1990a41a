//! The index of a file from its front and its Cues.
//!
//! * `front`: what stands before the first cluster, where the rest is, and the first block of each track.
//! * `points`: places in the file into sync points.

mod front;
mod points;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::cluster::{self, Walker, find_cluster};
use super::cues::{self, Cue};
use super::cursor::{Cursor, Found, Read, Stop};
use super::ebml::id;
use super::extras::{self, Length, Statistics};
use super::grid::{self, FirstGops, Grid};
use super::header::{self, Info};
use super::scan::{self, CutTrack, MAX_LAST_BLOCK_NS, Point, Scan, Start};
use super::timing::Timing;
use super::tracks::{self, Encoding, TrackHeader};
use super::{Layout, TextBlock, TrackLayout, limit_exceeded, malformed};
use crate::container::codec::CodecConfig;
use crate::container::{Layout as AnyLayout, MAX_OPEN_BYTES, MediaIndex, SyncPoint, Track};
use crate::model::{ByteRange, Codec, TrackKind};
use front::{First, Front, MAX_FIRST_BLOCK_NS, MAX_TAIL_BYTES};
use points::{cluster_offset, is_far_from_file_order, is_in_file_order, sort_sync_points};

pub(super) use front::WINDOW_BYTES;

/// How much is asked for at a time when a small file without Cues is read through.
const READ_THROUGH_WINDOW_BYTES: u64 = 4 * 1024 * 1024;
/// Most blocks that a file without Cues may have: one for every 64 bytes of the largest file that is read through.
const MAX_SCANNED_BLOCKS: usize = 1_000_000;
/// Most cues whose blocks are looked at before the Cues are believed.
const MAX_CHECKED_CUES: usize = 32;
/// What follows the last cue where nothing is known of it.
const LAST_BLOCK_NS: i64 = 1_000_000_000;
/// Rates are judged by what lies this near to the start of the file: as much as every source brings when it is opened …
const OBSERVED_BYTES: u64 = 512 * 1024;
/// … and not by less than this time.
const MIN_OBSERVED_NS: i64 = 250_000_000;
/// How much of the end of a file is read for its length where nothing else tells: a little first, then all that one cluster may take.
const END_BYTES: [u64; 2] = [4 * 1024 * 1024, 32 * 1024 * 1024];

/// Reads the index. `scan` stands in for Cues that are absent or lie.
pub(super) fn read(cursor: &mut Cursor<'_>, scan: Option<&Scan>) -> Read<MediaIndex> {
    let mut front = front::read_front(cursor)?;
    front::follow_seek_heads(cursor, &mut front)?;
    let info = match front.info {
        Some(range) => header::parse_info(&cursor.bytes(range)?)?,
        None => Info::default(),
    };
    let tracks = front.tracks.ok_or_else(|| malformed("no Tracks element"))?;
    let headers = tracks::parse(&cursor.bytes(tracks)?)?;
    if headers.is_empty() {
        return Err(malformed("no tracks").into());
    }
    // Asked for in one round: the two lie at the two ends of the file.
    let (firsts, cues) = both(
        front::find_first_frames(cursor, &front, &info, &headers),
        match front.cues {
            Some(range) => front::read_bytes(cursor, range).and_then(|data| Ok(cues::parse(&data)?)),
            None => Ok(Vec::new()),
        },
    )?;
    let mut configs = Vec::with_capacity(headers.len());
    for (header, first) in headers.iter().zip(&firsts) {
        let config = header.codec(None).or_else(|| header.codec(Some(first.as_ref()?.frame.as_deref()?)));
        configs.push(config.unwrap_or_else(|| header.unsupported(&header.codec_id)));
    }
    Reader { front, info, headers, configs, firsts }.build(cursor, cues, scan)
}

/// Both answers, or everything that both need.
fn both<A, B>(a: Read<A>, b: Read<B>) -> Read<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Stop::Need(mut a)), Err(Stop::Need(b))) => {
            a.extend(b);
            Err(Stop::Need(a))
        }
        (Err(Stop::Fail(error)), _) | (_, Err(Stop::Fail(error))) => Err(Stop::Fail(error)),
        (Err(stop), _) | (_, Err(stop)) => Err(stop),
    }
}

/// Everything that was read, to be put together.
struct Reader {
    front: Front,
    info: Info,
    headers: Vec<TrackHeader>,
    configs: Vec<CodecConfig>,
    firsts: Vec<Option<First>>,
}

/// What a file without Cues gives when it is read through.
#[derive(Default)]
struct ReadThrough {
    points: Vec<Point>,
    text: Vec<Cue>,
    end_ns: i64,
}

impl Reader {
    fn build(self, cursor: &mut Cursor<'_>, mut cues: Vec<Cue>, scan: Option<&Scan>) -> Read<MediaIndex> {
        let cut_track = self.cut_track();
        let cut = cut_track.and_then(|at| self.cut(at));
        let mut scanned_end_ns = 0;
        let mut gops = None;
        if let Some(cut) = &cut {
            let cue_of = |point: &Point| self.cue_of(point, cut.number);
            if let Some(scan) = scan {
                cues.retain(|cue| cue.track != cut.number);
                cues.extend(scan.points().map(cue_of));
                scanned_end_ns = scan.end_ns();
            } else if !self.are_credible(cursor, &cues, cut.number) {
                if self.front.segment_end <= MAX_OPEN_BYTES {
                    let found = self.read_through(cursor, cut)?;
                    cues = found.text;
                    cues.extend(scan::chosen(&found.points).map(cue_of));
                    scanned_end_ns = found.end_ns;
                } else {
                    cues.retain(|cue| cue.track != cut.number);
                    let start = self.front.first_cluster;
                    let walker = Walker::new(start, self.front.segment_end, self.info.timestamp_scale_ns);
                    gops = Some(grid::first_gops(cursor, cut, walker)?);
                }
            }
        }
        let end_ns = self.end_ns(cursor, &cues, scanned_end_ns, gops.is_some())?;
        let clusters = self.clusters(cursor, &cues);
        let extra = |wanted| self.front.find_extra(wanted);
        let data = extra(id::TAGS).and_then(|offset| extras::data_at_hand(cursor, offset, id::TAGS));
        let statistics = data.map(|tags| extras::parse_statistics(&tags, &self.info.writing_app)).unwrap_or_default();
        let data = extra(id::CHAPTERS).and_then(|offset| extras::data_at_hand(cursor, offset, id::CHAPTERS));
        let chapters = data.map(|data| extras::parse_chapters(&data)).unwrap_or_default();
        let attachments = extra(id::ATTACHMENTS).map(|offset| extras::read_attachments(cursor, offset));
        let observed = self.observed_bits_per_s(cursor);
        let timestamp_scale_ns = self.info.timestamp_scale_ns;
        let mut tracks = Vec::with_capacity(self.headers.len());
        let mut layouts = Vec::with_capacity(self.headers.len());
        let Reader { front, headers, configs, firsts, .. } = self;
        let mut places: BTreeMap<u64, Vec<Cue>> = BTreeMap::new();
        let mut grid = None;
        for cue in &cues {
            places.entry(cue.track).or_default().push(*cue);
        }
        for (index, ((header, config), first)) in headers.into_iter().zip(configs).zip(firsts).enumerate() {
            let first_ns = first.map_or(0, |first| first.time_ns);
            let timing = header.timing(&config, first_ns, timestamp_scale_ns);
            let number = u64::from(header.number);
            let own = || {
                places.get(&number).into_iter().flatten().filter_map(|cue| {
                    let offset = cluster_offset(&front, cue)?;
                    Some((cluster::time_ns(cue.time, 0, timestamp_scale_ns)?, offset, cue.relative_position))
                })
            };
            let sync_points = if cut_track == Some(index)
                && let (Some(gops), Some(cut)) = (&gops, &cut)
            {
                let points = grid_points(gops, &timing, first_ns, end_ns);
                grid = Some(Grid::new(index, cut.clone(), gops, (first_ns, end_ns), points.len()));
                points
            } else if cut_track == Some(index) {
                let points = own().map(|(time_ns, offset_bytes, block_offset_bytes)| SyncPoint {
                    pts_ticks: timing.snap(time_ns),
                    sample_index: 0,
                    offset_bytes,
                    block_offset_bytes,
                });
                sort_sync_points(points, front.segment_end)
            } else {
                Vec::new()
            };
            let mut text_blocks: Vec<TextBlock> = Vec::new();
            if tracks::is_text(config.codec) && own().all(|(_, _, relative)| relative != 0) {
                text_blocks.extend(own().map(|(time_ns, cluster_offset, relative_offset)| TextBlock {
                    cluster_offset,
                    relative_offset,
                    time_ns,
                }));
                text_blocks.sort_unstable();
                text_blocks.dedup_by_key(|block| (block.cluster_offset, block.relative_offset));
            }
            let start_ticks = if header.kind == TrackKind::Subtitle { 0 } else { timing.first_ticks() };
            let counted = statistics.get(&header.uid).copied().unwrap_or_default();
            let last_sync = sync_points.last().map_or(start_ticks, |point| point.pts_ticks);
            layouts.push(TrackLayout {
                number,
                timing,
                default_duration_ns: i64::try_from(header.default_duration_ns)
                    .ok()
                    .filter(|ns| (1..=MAX_FIRST_BLOCK_NS).contains(ns)),
                prefix: match &header.encoding {
                    Encoding::HeaderStripping(prefix) => prefix.clone(),
                    Encoding::Plain | Encoding::Zlib | Encoding::Other(_) => Bytes::new(),
                },
                is_zlib: header.encoding == Encoding::Zlib,
                odd_nal_length_size: (config.nal_length_size != 4 && matches!(config.codec, Codec::H264 | Codec::Hevc))
                    .then_some(config.nal_length_size),
                may_have_adts: header.has_no_codec_private(),
                has_inline_webvtt_settings: header.has_inline_webvtt_settings(),
                text_blocks,
            });
            let header_kind = header.kind;
            let container_end = timing.ticks(end_ns);
            let own_end = if header.kind == TrackKind::Subtitle {
                None
            } else {
                counted_end_ticks(&counted, &timing).filter(|end| (start_ticks..container_end).contains(end))
            };
            tracks.push(Track {
                info: header.into_info(config, timing.timescale),
                start_ticks,
                end_ticks: own_end.unwrap_or(container_end).max(last_sync.saturating_add(1)),
                sync_points,
                // Only the pictures themselves tell.
                descriptions: Vec::new(),
                has_closed_gops: false,
                average_bits_per_s: match (counted.bits_per_s, header_kind) {
                    (0, TrackKind::Audio) => observed.get(&number).copied().unwrap_or(0),
                    (counted, _) => counted,
                },
            });
        }
        Ok(MediaIndex {
            container: front.kind,
            size_bytes: cursor.size,
            duration_ns: u64::try_from(end_ns).unwrap_or(0),
            tracks,
            chapters,
            attachments: attachments.unwrap_or_default(),
            layout: AnyLayout::Matroska(Layout {
                clusters,
                timestamp_scale_ns,
                tracks: layouts,
                grid,
                has_false_cues: false,
                is_searched: scan.is_some(),
            }),
        })
    }

    /// Bits a second of each track, by number, in the first blocks that are at hand: where no muxer counted, sound is told from the pictures
    /// between two cuts by it.
    fn observed_bits_per_s(&self, cursor: &mut Cursor<'_>) -> BTreeMap<u64, u64> {
        let end = OBSERVED_BYTES.min(self.front.segment_end);
        let start = self.front.first_cluster;
        let mut walker = Walker::new(start, self.front.segment_end, self.info.timestamp_scale_ns).up_to(end);
        // First and last time, bytes before the last block, and its own.
        let mut seen: BTreeMap<u64, (i64, i64, u64, u64)> = BTreeMap::new();
        // What is missing, or broken, ends what can be seen.
        while let Ok(Some(block)) = walker.next_block(cursor) {
            let own = seen.entry(block.track).or_insert((block.time_ns, block.time_ns, 0, 0));
            own.1 = own.1.max(block.time_ns);
            own.2 = own.2.saturating_add(own.3);
            own.3 = block.data.len();
        }
        let rate = |(first, last, bytes, _): (i64, i64, u64, u64)| {
            let length_ns = last.saturating_sub(first);
            let bits = i128::from(bytes).saturating_mul(8_000_000_000);
            let rate = bits.checked_div(i128::from(length_ns)).filter(|_| length_ns >= MIN_OBSERVED_NS)?;
            u64::try_from(rate).ok()
        };
        seen.into_iter().filter_map(|(number, seen)| Some((number, rate(seen)?))).collect()
    }

    /// The track whose cues are sync points: the first video that we package, else the first video, else the same of audio.
    fn cut_track(&self) -> Option<usize> {
        let find = |kind, is_packaged: bool| {
            self.headers
                .iter()
                .zip(&self.configs)
                .position(|(header, config)| header.kind == kind && (!is_packaged || config.codec != Codec::Other))
        };
        find(TrackKind::Video, true)
            .or_else(|| find(TrackKind::Video, false))
            .or_else(|| find(TrackKind::Audio, true))
            .or_else(|| find(TrackKind::Audio, false))
    }

    /// What it takes to find the sync samples of a track.
    fn cut(&self, at: usize) -> Option<CutTrack> {
        let (header, config) = (self.headers.get(at)?, self.configs.get(at)?);
        Some(CutTrack {
            number: u64::from(header.number),
            is_video: header.kind == TrackKind::Video,
            codec: config.codec,
            nal_length_size: config.nal_length_size,
            encoding: header.encoding.clone(),
        })
    }

    fn cue_of(&self, point: &Point, track: u64) -> Cue {
        let time = u64::try_from(point.time_ns).unwrap_or(0).checked_div(self.info.timestamp_scale_ns);
        Cue {
            time: time.unwrap_or(0),
            cluster_position: point.cluster_offset.saturating_sub(self.front.segment_data),
            relative_position: point.block_offset,
            track,
        }
    }

    /// May these Cues be taken at their word for the track that is cut? Keyframes stand in the order of their times. Where the Cues do
    /// not, all pictures are in them, and only the blocks tell; of a large file a few that are out of order are left out instead.
    fn are_credible(&self, cursor: &mut Cursor<'_>, cues: &[Cue], cut_number: u64) -> bool {
        let own = || cues.iter().filter(|cue| cue.track == cut_number && self.cluster_of(cue).is_some());
        let is_in_order = if self.front.segment_end <= MAX_OPEN_BYTES {
            is_in_file_order(own())
        } else {
            !is_far_from_file_order(own())
        };
        is_in_order && own().next().is_some() && !self.names_other_pictures(cursor, own())
    }

    /// Do the first of these cues name a picture that is no keyframe? Known only of blocks that are at hand.
    fn names_other_pictures<'a>(&self, cursor: &mut Cursor<'_>, cues: impl Iterator<Item = &'a Cue>) -> bool {
        cues.take(MAX_CHECKED_CUES).filter(|cue| cue.relative_position != 0).any(|cue| {
            let Some(offset) = self.cluster_of(cue) else { return false };
            let mut walker = Walker::new(offset, self.front.segment_end, self.info.timestamp_scale_ns);
            if walker.enter_cluster(cursor).is_err() {
                return false;
            }
            let Some(cluster) = walker.cluster().filter(|cluster| cluster.offset == offset) else { return false };
            let block = walker.block_at(cursor, cluster.data.saturating_add(cue.relative_position));
            let own = block.ok().flatten().filter(|block| block.track == cue.track);
            let is_picture = self
                .headers
                .iter()
                .any(|header| u64::from(header.number) == cue.track && header.kind == TrackKind::Video);
            is_picture && own.is_some_and(|block| matches!(block.is_key(cursor), Ok(false)))
        })
    }

    fn cluster_of(&self, cue: &Cue) -> Option<u64> {
        cluster_offset(&self.front, cue)
    }

    /// Reads through a file without Cues: keyframes of the track that is cut (for audio the first block of each cluster), and all text.
    fn read_through(&self, cursor: &mut Cursor<'_>, cut: &CutTrack) -> Read<ReadThrough> {
        let window = std::mem::replace(&mut cursor.window, READ_THROUGH_WINDOW_BYTES);
        let result = self.read_blocks(cursor, cut);
        cursor.window = window;
        result
    }

    fn read_blocks(&self, cursor: &mut Cursor<'_>, cut: &CutTrack) -> Read<ReadThrough> {
        let mut found = ReadThrough::default();
        let mut last_cluster = None;
        let mut walker = Walker::new(self.front.first_cluster, self.front.segment_end, self.info.timestamp_scale_ns);
        for _ in 0..MAX_SCANNED_BLOCKS {
            let block = match walker.next_block(cursor) {
                Ok(Some(block)) => block,
                Ok(None) => return Ok(found),
                // What stands before the broken bytes can be played.
                Err(Stop::Fail(_)) if !found.points.is_empty() => return Ok(found),
                Err(stop) => return Err(stop),
            };
            let mut tracks = self.headers.iter().zip(&self.configs);
            let own = tracks.find(|(header, _)| u64::from(header.number) == block.track);
            let Some((header, config)) = own else { continue };
            if block.track == cut.number {
                let is_first = last_cluster.replace(block.cluster.offset) != Some(block.cluster.offset);
                if (cut.is_video || is_first)
                    && let Some(start) = cut.start(cursor, &block)?
                {
                    found.points.push(Point::of(&block, start));
                }
            } else if tracks::is_text(config.codec) {
                found.text.push(self.cue_of(&Point::of(&block, Start::Sync), block.track));
            }
            let duration = i64::try_from(header.default_duration_ns).unwrap_or(0).min(MAX_LAST_BLOCK_NS);
            found.end_ns = found.end_ns.max(block.time_ns.saturating_add(duration));
        }
        Err(limit_exceeded("too many blocks").into())
    }

    /// Where the file ends in time: as Info says, unless that is absent or before the last cue; then as its last blocks say. Without Cues
    /// (`must_look`) these are read where they are not at hand.
    fn end_ns(&self, cursor: &mut Cursor<'_>, cues: &[Cue], scanned_end_ns: i64, must_look: bool) -> Read<i64> {
        let by_info = self.info.duration_ns();
        let last_cue = cues.iter().max_by_key(|cue| cue.time).and_then(|cue| {
            Some((cluster::time_ns(cue.time, 0, self.info.timestamp_scale_ns)?, cluster_offset(&self.front, cue)?))
        });
        let (last_ns, last_offset) = last_cue.unwrap_or((0, self.front.first_cluster));
        if by_info > last_ns {
            return Ok(by_info.max(scanned_end_ns));
        }
        if scanned_end_ns > last_ns {
            return Ok(scanned_end_ns);
        }
        // The last clusters, as far as they are at hand.
        let segment_end = self.front.segment_end;
        let start = if must_look {
            self.last_clusters(cursor)?
        } else if cursor.end_of_run(last_offset) >= segment_end {
            last_offset
        } else {
            cursor.start_of_run(segment_end).max(segment_end.saturating_sub(MAX_TAIL_BYTES))
        };
        let mut walker = Walker::new(start.max(self.front.first_cluster), segment_end, self.info.timestamp_scale_ns);
        let mut end_ns = last_ns;
        // What cannot be read there does not matter: this is the best that is known.
        if walker.enter_cluster(cursor).is_ok() {
            while let Ok(Some(block)) = walker.next_block(cursor) {
                let header = self.headers.iter().find(|header| u64::from(header.number) == block.track);
                let duration_ns = header.map_or(0, |header| header.default_duration_ns);
                let duration_ns = i64::try_from(duration_ns).unwrap_or(0).min(MAX_LAST_BLOCK_NS);
                end_ns = end_ns.max(block.time_ns.saturating_add(duration_ns));
            }
        }
        Ok(if end_ns > last_ns { end_ns } else { last_ns.saturating_add(LAST_BLOCK_NS) })
    }

    /// Where some of the last clusters begin; all bytes from there on are at hand.
    fn last_clusters(&self, cursor: &mut Cursor<'_>) -> Read<u64> {
        let end = self.front.segment_end;
        for size in END_BYTES {
            let start = end.saturating_sub(size).max(self.front.first_cluster);
            let at_hand = cursor.start_of_run(end).max(start);
            for from in [at_hand, start] {
                if cursor.end_of_run(from) < end {
                    return Err(Stop::Need(vec![ByteRange::new(from, end)]));
                }
                if let Some(cluster) = find_cluster(cursor, from, end, WINDOW_BYTES)? {
                    return Ok(cluster);
                }
            }
        }
        Ok(end)
    }

    /// From the first cluster to the first element behind the last cue that is known to be none: what is read for the last segment.
    fn clusters(&self, cursor: &mut Cursor<'_>, cues: &[Cue]) -> ByteRange {
        let front = &self.front;
        let last = cues.iter().filter_map(|cue| cluster_offset(front, cue)).max().unwrap_or(front.first_cluster);
        let behind = front.seeks.iter().filter_map(|seek| {
            let offset = front.segment_data.saturating_add(seek.position);
            if offset <= last || seek.id == id::CLUSTER {
                return None;
            }
            // Believed only where it can be seen.
            match cursor.header(offset) {
                Ok(Found::Element(element)) if element.id == seek.id => Some(offset),
                _ => None,
            }
        });
        ByteRange::new(front.first_cluster, behind.min().unwrap_or(front.segment_end).min(front.segment_end))
    }
}

/// The grid of times that a track is cut by whose keyframes are not known.
fn grid_points(gops: &FirstGops, timing: &Timing, first_ns: i64, end_ns: i64) -> Vec<SyncPoint> {
    let times = grid::times(gops.longest_ns, end_ns.saturating_sub(first_ns));
    let point = |time_ns| SyncPoint {
        pts_ticks: timing.first_ticks().saturating_add(timing.ticks(time_ns)),
        sample_index: 0,
        offset_bytes: 0,
        block_offset_bytes: 0,
    };
    times.into_iter().map(point).collect()
}

/// Where a track ends by its statistics, on its grid.
fn counted_end_ticks(counted: &Statistics, timing: &Timing) -> Option<i64> {
    let end_ns = match counted.length? {
        Length::FromFirst(length_ns) => timing.first_ns.saturating_add(length_ns),
        Length::FromZero(end_ns) => end_ns,
    };
    Some(timing.snap(end_ns))
}
