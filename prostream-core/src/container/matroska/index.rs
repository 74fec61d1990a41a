//! The index of a file from its front and its Cues.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::blocks::split_laces;
use super::cluster::{self, Block, Walker};
use super::cues::{self, Cue};
use super::cursor::{Cursor, Element, Found, Read, Stop};
use super::ebml::id;
use super::extras::{self, Length, Statistics};
use super::header::{self, Info, Seek};
use super::timing::Timing;
use super::tracks::{self, Encoding, TrackHeader};
use super::{Layout, TextBlock, TrackLayout, limit_exceeded, malformed};
use crate::container::codec::CodecConfig;
use crate::container::{ContainerKind, Layout as AnyLayout, MAX_OPEN_BYTES, MediaIndex, SyncPoint, Track};
use crate::model::{ByteRange, Codec, TrackKind};
use crate::{Error, ErrorKind};

/// How much is asked for at a place whose length is not known.
pub(super) const WINDOW_BYTES: u64 = 256 * 1024;
/// A hole of up to this size before bytes that are at hand is filled as a whole: Cues that begin just before the tail.
const MAX_HOLE_BYTES: u64 = 1024 * 1024;
/// Largest Info, Tracks, SeekHead or Cues that is read.
const MAX_ELEMENT_BYTES: u64 = 32 * 1024 * 1024;
/// Most elements before the first cluster.
const MAX_FRONT_ELEMENTS: usize = 10_000;
/// Most SeekHeads that are followed.
const MAX_SEEK_HEADS: usize = 8;
/// How far into the clusters the first block of each track is looked for, in bytes …
const MAX_FIRST_BLOCK_BYTES: u64 = 8 * 1024 * 1024;
/// … and in time.
const MAX_FIRST_BLOCK_NS: i64 = 5_000_000_000;
/// As much of a first frame as its codec may need.
const MAX_FIRST_FRAME_BYTES: u64 = 64 * 1024;
/// How much is asked for at a time when a file without Cues is read through.
const SCAN_WINDOW_BYTES: u64 = 4 * 1024 * 1024;
/// How far from the end the last cluster, or Cues that no SeekHead names, are searched.
const MAX_TAIL_BYTES: u64 = 2 * 1024 * 1024;
/// Most blocks that a file without Cues may have: one for every 64 bytes of the largest file that is read through.
const MAX_SCANNED_BLOCKS: usize = 1_000_000;
/// Most cues whose blocks are looked at before the Cues are believed.
const MAX_CHECKED_CUES: usize = 32;
/// How long the last block may last, in nanoseconds.
const MAX_LAST_BLOCK_NS: i64 = 1_000_000_000;
/// What follows the last cue where nothing is known of it.
const LAST_BLOCK_NS: i64 = 1_000_000_000;

/// What stands before the first cluster, and where the rest is.
struct Front {
    kind: ContainerKind,
    /// First byte of the Segment's data: positions in the file count from here.
    segment_data: u64,
    segment_end: u64,
    first_cluster: u64,
    info: Option<ByteRange>,
    tracks: Option<ByteRange>,
    cues: Option<ByteRange>,
    seeks: Vec<Seek>,
    /// Tags, Chapters and Attachments that stand before the first cluster.
    extras: Vec<Seek>,
}

impl Front {
    /// Where an element of this kind should stand.
    fn find_extra(&self, wanted: u32) -> Option<u64> {
        let seek = self.extras.iter().chain(&self.seeks).find(|seek| seek.id == wanted)?;
        self.segment_data.checked_add(seek.position).filter(|offset| *offset < self.segment_end)
    }
}

/// Reads the index.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Read<MediaIndex> {
    let mut front = read_front(cursor)?;
    follow_seek_heads(cursor, &mut front)?;
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
        find_first_frames(cursor, &front, &info, &headers),
        match front.cues {
            Some(range) => read_bytes(cursor, range).and_then(|data| Ok(cues::parse(&data)?)),
            None => Ok(Vec::new()),
        },
    )?;
    let mut configs = Vec::with_capacity(headers.len());
    for (header, first) in headers.iter().zip(&firsts) {
        let config = header.codec(None).or_else(|| header.codec(Some(first.as_ref()?.frame.as_deref()?)));
        configs.push(config.unwrap_or_else(|| header.unsupported(&header.codec_id)));
    }
    Reader { front, info, headers, configs, firsts }.build(cursor, &cues)
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

fn read_bytes(cursor: &Cursor<'_>, range: ByteRange) -> Read<Bytes> {
    if range.len() > MAX_ELEMENT_BYTES {
        return Err(limit_exceeded("element too large").into());
    }
    cursor.bytes(range)
}

/// The element at `offset` where its header is at hand; else asks for the hole there.
fn element_at(cursor: &mut Cursor<'_>, offset: u64) -> Read<Option<Element>> {
    match cursor.header(offset) {
        Ok(Found::Element(element)) => Ok(Some(element)),
        Ok(Found::Junk | Found::End) => Ok(None),
        Err(Stop::Need(ranges)) => {
            let widened = ranges.into_iter().map(|range| match cursor.end_of_hole(range.start) {
                Some(end) if end.saturating_sub(range.start) <= MAX_HOLE_BYTES => ByteRange::new(range.start, end),
                _ => range,
            });
            Err(Stop::Need(widened.collect()))
        }
        Err(stop) => Err(stop),
    }
}

fn read_front(cursor: &mut Cursor<'_>) -> Read<Front> {
    let head = element_at(cursor, 0)?.filter(|element| element.id == id::EBML);
    let head = head.ok_or_else(|| malformed("no EBML head"))?;
    let head_end = head.end.filter(|end| *end <= cursor.size).ok_or_else(|| malformed("broken EBML head"))?;
    let kind = header::parse_ebml_head(&read_bytes(cursor, ByteRange::new(head.data, head_end))?)?;
    let mut at = head_end;
    let segment = loop {
        let element = element_at(cursor, at)?.ok_or_else(|| malformed("no Segment"))?;
        match (element.id, element.end) {
            (id::SEGMENT, _) => break element,
            (id::VOID | id::CRC_32, Some(end)) if end <= cursor.size => at = end,
            _ => return Err(malformed("no Segment").into()),
        }
    };
    // A truncated file, or a size that lies, ends with the file.
    let segment_end = segment.end.unwrap_or(cursor.size).min(cursor.size);
    let mut front = Front {
        kind,
        segment_data: segment.data,
        segment_end,
        first_cluster: segment_end,
        info: None,
        tracks: None,
        cues: None,
        seeks: Vec::new(),
        extras: Vec::new(),
    };
    at = segment.data;
    for _ in 0..MAX_FRONT_ELEMENTS {
        let element = if at < segment_end { element_at(cursor, at)? } else { None };
        let (element, end) = match element {
            Some(Element { id: id::CLUSTER, .. }) => {
                front.first_cluster = at;
                return Ok(front);
            }
            Some(Element { end: Some(end), .. }) if end > segment_end => {
                return Err(malformed("the file ends in its header").into());
            }
            Some(element @ Element { end: Some(end), .. }) => (element, end),
            // Broken bytes: the rest may still be found through the SeekHead.
            Some(_) | None if !front.seeks.is_empty() || front.tracks.is_some() => {
                let mut walker = Walker::new(at, segment_end, 1);
                walker.enter_cluster(cursor)?;
                front.first_cluster = walker.cluster().ok_or_else(|| malformed("no clusters"))?.offset;
                return Ok(front);
            }
            Some(_) | None => return Err(malformed("no clusters").into()),
        };
        let data = ByteRange::new(element.data, end);
        match element.id {
            id::SEEK_HEAD => front.seeks.extend(header::parse_seek_head(&read_bytes(cursor, data)?)),
            id::INFO if front.info.is_none() => {
                read_bytes(cursor, data)?;
                front.info = Some(data);
            }
            id::TRACKS if front.tracks.is_none() => {
                read_bytes(cursor, data)?;
                front.tracks = Some(data);
            }
            id::CUES if front.cues.is_none() => front.cues = Some(data),
            id::TAGS | id::CHAPTERS | id::ATTACHMENTS => {
                front.extras.push(Seek { id: element.id, position: at.saturating_sub(front.segment_data) });
            }
            _ => {}
        }
        at = end;
    }
    Err(limit_exceeded("too many elements before the first cluster").into())
}

/// Finds what did not stand before the first cluster. A SeekHead is believed only where the element it names stands at its target.
fn follow_seek_heads(cursor: &mut Cursor<'_>, front: &mut Front) -> Read<()> {
    let mut visited: Vec<u64> = Vec::new();
    let mut next = 0usize;
    while let Some(seek) = front.seeks.get(next).copied() {
        next = next.saturating_add(1);
        let is_missing = match seek.id {
            id::INFO => front.info.is_none(),
            id::TRACKS => front.tracks.is_none(),
            id::CUES => front.cues.is_none(),
            // A second SeekHead is of use only for what is still missing.
            id::SEEK_HEAD => {
                visited.len() < MAX_SEEK_HEADS
                    && (front.info.is_none() || front.tracks.is_none() || front.cues.is_none())
            }
            _ => false,
        };
        let offset = front.segment_data.saturating_add(seek.position);
        if !is_missing || offset >= front.segment_end {
            continue;
        }
        let Some(element) = element_at(cursor, offset)? else { continue };
        let Some(end) = element.end.filter(|end| *end <= cursor.size && element.id == seek.id) else { continue };
        let data = ByteRange::new(element.data, end);
        match seek.id {
            id::INFO => front.info = Some(data),
            id::TRACKS => front.tracks = Some(data),
            id::CUES => front.cues = Some(data),
            _ if !visited.contains(&offset) => {
                visited.push(offset);
                front.seeks.extend(header::parse_seek_head(&read_bytes(cursor, data)?));
            }
            _ => {}
        }
    }
    if front.cues.is_none() && !front.seeks.iter().any(|seek| seek.id == id::CUES) {
        front.cues = find_cues_in_tail(cursor, front)?;
    }
    Ok(())
}

/// Looks for Cues that no SeekHead names among the bytes at hand at the end of the file.
fn find_cues_in_tail(cursor: &mut Cursor<'_>, front: &Front) -> Read<Option<ByteRange>> {
    let mut at = front.segment_end.saturating_sub(MAX_TAIL_BYTES).max(front.first_cluster);
    while at < front.segment_end {
        let bytes = cursor.piece(at);
        if bytes.is_empty() {
            let Some(next) = cursor.end_of_hole(at) else { break };
            at = next;
            continue;
        }
        // The first byte of the id of Cues.
        let Some(skip) = bytes.iter().position(|byte| *byte == 0x1C) else {
            at = at.saturating_add(bytes.len() as u64);
            continue;
        };
        at = at.saturating_add(skip as u64);
        if let Ok(Found::Element(Element { id: id::CUES, data, end: Some(end), .. })) = cursor.header(at)
            && end <= front.segment_end
            && cursor.end_of_run(data) >= end
            && matches!(cursor.header(data), Ok(Found::Element(child)) if matches!(child.id, id::CUE_POINT | id::CRC_32 | id::VOID))
        {
            return Ok(Some(ByteRange::new(data, end)));
        }
        at = at.saturating_add(1);
    }
    Ok(None)
}

/// The first block of a track.
struct First {
    time_ns: i64,
    /// Its first frame, as much as its codec may need; only where the codec needs it.
    frame: Option<Vec<u8>>,
}

/// The first block of each video and audio track; `None` for those that have none near the start.
fn find_first_frames(
    cursor: &mut Cursor<'_>,
    front: &Front,
    info: &Info,
    headers: &[TrackHeader],
) -> Read<Vec<Option<First>>> {
    let window = cursor.window;
    let mut firsts: Vec<Option<First>> = headers.iter().map(|_| None).collect();
    let mut left = headers.iter().filter(|header| header.kind != TrackKind::Subtitle).count();
    let mut walker = Walker::new(front.first_cluster, front.segment_end, info.timestamp_scale_ns);
    let mut start_ns = None;
    while left > 0 {
        let walked = walker.at.saturating_sub(front.first_cluster);
        if walked > MAX_FIRST_BLOCK_BYTES {
            break;
        }
        // The farther, the more at a time: few rounds where a track begins late.
        cursor.window = walked.clamp(window, MAX_FIRST_BLOCK_BYTES / 2);
        let block = match walker.next_block(cursor) {
            Ok(Some(block)) => block,
            // Broken bytes near the start do not make the rest of a film unreadable.
            Ok(None) | Err(Stop::Fail(_)) => break,
            Err(stop) => return Err(stop),
        };
        let start_ns = *start_ns.get_or_insert(block.time_ns);
        if block.time_ns.saturating_sub(start_ns) > MAX_FIRST_BLOCK_NS {
            break;
        }
        for (header, first) in headers.iter().zip(&mut firsts) {
            if u64::from(header.number) != block.track || first.is_some() || header.kind == TrackKind::Subtitle {
                continue;
            }
            let frame = match header.codec(None) {
                Some(_) => None,
                None => read_first_frame(cursor, header, &block)?,
            };
            *first = Some(First { time_ns: block.time_ns, frame });
            left = left.saturating_sub(1);
        }
    }
    cursor.window = window;
    Ok(firsts)
}

fn read_first_frame(cursor: &mut Cursor<'_>, header: &TrackHeader, block: &Block) -> Read<Option<Vec<u8>>> {
    let range = ByteRange::with_len(block.data.start, block.data.len().min(MAX_FIRST_FRAME_BYTES));
    let data = cursor.bytes(range)?;
    let frame = match block.lacing {
        super::blocks::Lacing::None => Some(&data[..]),
        lacing => split_laces(lacing, &data).ok().and_then(|frames| data.get(frames.into_iter().next()?)),
    };
    let prefix = match &header.encoding {
        Encoding::HeaderStripping(prefix) => prefix.as_ref(),
        Encoding::Plain | Encoding::Other(_) => &[],
    };
    Ok(frame.map(|frame| [prefix, frame].concat()))
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
struct Scan {
    cues: Vec<Cue>,
    end_ns: i64,
}

impl Reader {
    fn build(self, cursor: &mut Cursor<'_>, cues: &[Cue]) -> Read<MediaIndex> {
        let cut_track = self.cut_track();
        let mut scanned_end_ns = 0;
        let scanned;
        let cut_number = cut_track.and_then(|index| self.headers.get(index)).map(|header| u64::from(header.number));
        let mut cues = cues;
        let names_picture = |cue: &&Cue| Some(cue.track) == cut_number && self.cluster_of(cue).is_some();
        let is_missing = cut_number.is_some() && !cues.iter().any(|cue| names_picture(&cue));
        // Keyframes stand in the order of their times. Where the Cues do not, all pictures are in them, and only the blocks tell.
        let names_all = !is_in_file_order(cues.iter().filter(names_picture))
            || self.names_other_pictures(cursor, cues.iter().filter(names_picture));
        if is_missing || (names_all && self.front.segment_end <= MAX_OPEN_BYTES) {
            let scan = self.scan(cursor, cut_number)?;
            scanned_end_ns = scan.end_ns;
            scanned = scan.cues;
            cues = &scanned;
        }
        let end_ns = self.end_ns(cursor, cues, scanned_end_ns);
        let clusters = self.clusters(cursor, cues);
        let extra = |wanted| self.front.find_extra(wanted);
        let data = extra(id::TAGS).and_then(|offset| extras::data_at_hand(cursor, offset, id::TAGS));
        let statistics = data.map(|tags| extras::parse_statistics(&tags, &self.info.writing_app)).unwrap_or_default();
        let data = extra(id::CHAPTERS).and_then(|offset| extras::data_at_hand(cursor, offset, id::CHAPTERS));
        let chapters = data.map(|data| extras::parse_chapters(&data)).unwrap_or_default();
        let attachments = extra(id::ATTACHMENTS).map(|offset| extras::read_attachments(cursor, offset));
        let timestamp_scale_ns = self.info.timestamp_scale_ns;
        let mut tracks = Vec::with_capacity(self.headers.len());
        let mut layouts = Vec::with_capacity(self.headers.len());
        let Reader { front, headers, configs, firsts, .. } = self;
        let mut places: BTreeMap<u64, Vec<Cue>> = BTreeMap::new();
        for cue in cues {
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
            let sync_points = if cut_track == Some(index) {
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
                    Encoding::Plain | Encoding::Other(_) => Bytes::new(),
                },
                odd_nal_length_size: (config.nal_length_size != 4 && matches!(config.codec, Codec::H264 | Codec::Hevc))
                    .then_some(config.nal_length_size),
                may_have_adts: header.has_no_codec_private(),
                has_inline_webvtt_settings: header.has_inline_webvtt_settings(),
                text_blocks,
            });
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
                average_bits_per_s: counted.bits_per_s,
            });
        }
        Ok(MediaIndex {
            container: front.kind,
            size_bytes: cursor.size,
            duration_ns: u64::try_from(end_ns).unwrap_or(0),
            tracks,
            chapters,
            attachments: attachments.unwrap_or_default(),
            layout: AnyLayout::Matroska(Layout { clusters, timestamp_scale_ns, tracks: layouts }),
        })
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
    fn scan(&self, cursor: &mut Cursor<'_>, cut_number: Option<u64>) -> Read<Scan> {
        if self.front.segment_end > MAX_OPEN_BYTES {
            return Err(Error::new(ErrorKind::Unsupported, "read matroska")
                .detail("no index (Cues) of the pictures, and the file is too large to be read through for one")
                .advise("rewrite the file with an index, for example with mkvmerge; a file that is cut off has lost its own")
                .into());
        }
        let mut window = SCAN_WINDOW_BYTES;
        std::mem::swap(&mut cursor.window, &mut window);
        let result = self.scan_blocks(cursor, cut_number);
        cursor.window = window;
        result
    }

    fn scan_blocks(&self, cursor: &mut Cursor<'_>, cut_number: Option<u64>) -> Read<Scan> {
        let by_number =
            |number: u64| self.headers.iter().zip(&self.configs).find(|(header, _)| u64::from(header.number) == number);
        let cut_is_video = cut_number.and_then(by_number).is_some_and(|(header, _)| header.kind == TrackKind::Video);
        let mut scan = Scan::default();
        let mut last_cluster = None;
        let mut walker = Walker::new(self.front.first_cluster, self.front.segment_end, self.info.timestamp_scale_ns);
        for _ in 0..MAX_SCANNED_BLOCKS {
            let block = match walker.next_block(cursor) {
                Ok(Some(block)) => block,
                Ok(None) => return Ok(scan),
                // What stands before the broken bytes can be played.
                Err(Stop::Fail(_)) if !scan.cues.is_empty() => return Ok(scan),
                Err(stop) => return Err(stop),
            };
            let Some((header, config)) = by_number(block.track) else { continue };
            let is_wanted = if Some(block.track) == cut_number {
                if cut_is_video { block.is_key(cursor)? } else { last_cluster != Some(block.cluster.offset) }
            } else {
                tracks::is_text(config.codec)
            };
            if Some(block.track) == cut_number {
                last_cluster = Some(block.cluster.offset);
            }
            if is_wanted {
                let time = u64::try_from(block.time_ns).unwrap_or(0).checked_div(self.info.timestamp_scale_ns);
                scan.cues.push(Cue {
                    time: time.unwrap_or(0),
                    cluster_position: block.cluster.offset.saturating_sub(self.front.segment_data),
                    relative_position: block.offset.saturating_sub(block.cluster.data),
                    track: block.track,
                });
            }
            let duration = i64::try_from(header.default_duration_ns).unwrap_or(0).min(MAX_LAST_BLOCK_NS);
            scan.end_ns = scan.end_ns.max(block.time_ns.saturating_add(duration));
        }
        Err(limit_exceeded("too many blocks").into())
    }

    /// Where the file ends in time: as Info says, unless that is absent or before the last cue; then as its last blocks say.
    fn end_ns(&self, cursor: &mut Cursor<'_>, cues: &[Cue], scanned_end_ns: i64) -> i64 {
        let by_info = self.info.duration_ns();
        let last_cue = cues.iter().max_by_key(|cue| cue.time).and_then(|cue| {
            Some((cluster::time_ns(cue.time, 0, self.info.timestamp_scale_ns)?, cluster_offset(&self.front, cue)?))
        });
        let (last_ns, last_offset) = last_cue.unwrap_or((0, self.front.first_cluster));
        if by_info > last_ns {
            return by_info.max(scanned_end_ns);
        }
        if scanned_end_ns > last_ns {
            return scanned_end_ns;
        }
        // The last clusters, as far as they are at hand.
        let segment_end = self.front.segment_end;
        let start = if cursor.end_of_run(last_offset) >= segment_end {
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
        if end_ns > last_ns { end_ns } else { last_ns.saturating_add(LAST_BLOCK_NS) }
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

/// Where a track ends by its statistics, on its grid.
fn counted_end_ticks(counted: &Statistics, timing: &Timing) -> Option<i64> {
    let end_ns = match counted.length? {
        Length::FromFirst(length_ns) => timing.first_ns.saturating_add(length_ns),
        Length::FromZero(end_ns) => end_ns,
    };
    Some(timing.snap(end_ns))
}

/// Where the cluster of a cue begins, if that may be.
fn cluster_offset(front: &Front, cue: &Cue) -> Option<u64> {
    let offset = front.segment_data.checked_add(cue.cluster_position)?;
    (front.first_cluster..front.segment_end).contains(&offset).then_some(offset)
}

/// Do places in the file rise with the times? Cues of one time may name one place each.
fn is_in_file_order<'a>(cues: impl Iterator<Item = &'a Cue>) -> bool {
    let mut sorted: Vec<&Cue> = cues.collect();
    sorted.sort_unstable_by_key(|cue| (cue.time, cue.cluster_position, cue.relative_position));
    sorted.is_sorted_by_key(|cue| (cue.cluster_position, cue.relative_position))
}

/// Sync points with strictly rising times and places that do not go back: cues that break this order lie.
fn sort_sync_points(points: impl Iterator<Item = SyncPoint>, segment_end: u64) -> Vec<SyncPoint> {
    let mut points: Vec<SyncPoint> = points.collect();
    // A block cannot lie behind the next known cluster: such a place is no help, and says nothing of the order.
    let mut clusters: Vec<u64> = points.iter().map(|point| point.offset_bytes).collect();
    clusters.sort_unstable();
    for point in &mut points {
        let behind = clusters.partition_point(|offset| *offset <= point.offset_bytes);
        let next_cluster = clusters.get(behind).copied().unwrap_or(u64::MAX).min(segment_end);
        if point.offset_bytes.saturating_add(point.block_offset_bytes) >= next_cluster {
            point.block_offset_bytes = 0;
        }
    }
    points.sort_unstable_by_key(|point| (point.pts_ticks, point.offset_bytes, point.block_offset_bytes));
    // From the back: a point stays when nothing behind it in time lies before it in the file. So one place that lies far out goes,
    // not all that follow it.
    let mut next: Option<SyncPoint> = None;
    points.reverse();
    points.retain(|point| {
        let stays = next.is_none_or(|next| {
            let is_before = match (point.block_offset_bytes, next.block_offset_bytes) {
                // Not known where in its cluster.
                (0, _) | (_, 0) => point.offset_bytes <= next.offset_bytes,
                (own, behind) => (point.offset_bytes, own) < (next.offset_bytes, behind),
            };
            point.pts_ticks < next.pts_ticks && is_before
        });
        if stays {
            next = Some(*point);
        }
        stays
    });
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: sync points rise in time and never go back in the file, whatever the Cues say.
    #[test]
    fn sync_points_rise() {
        let points = [point(30, 300, 0), point(0, 50, 0), point(10, 400, 0), point(10, 90, 0), point(20, 60, 0)];
        assert_eq!(sort_sync_points(points.into_iter(), 1000), [point(0, 50, 0), point(20, 60, 0), point(30, 300, 0)]);
    }

    /// Goal: a relative position that points behind the next cluster is not believed; several keyframes may share a cluster.
    #[test]
    fn relative_positions_stay_in_their_cluster() {
        let points = [point(0, 50, 10), point(5, 50, 20), point(10, 90, 300), point(20, 200, 900)];
        let sorted = sort_sync_points(points.into_iter(), 1000);
        assert_eq!(sorted, [point(0, 50, 10), point(5, 50, 20), point(10, 90, 0), point(20, 200, 0)]);
    }

    fn point(pts_ticks: i64, offset_bytes: u64, block_offset_bytes: u64) -> SyncPoint {
        SyncPoint { pts_ticks, sample_index: 0, offset_bytes, block_offset_bytes }
    }
}
