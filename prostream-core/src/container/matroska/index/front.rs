//! What stands before the first cluster, where the rest of the file is, and the first block of each track.

use bytes::Bytes;

use super::super::blocks::{Lacing, split_laces};
use super::super::cluster::{Block, Walker};
use super::super::cursor::{Cursor, Element, Found, Read, Stop};
use super::super::ebml::id;
use super::super::header::{self, Info, Seek};
use super::super::tracks::TrackHeader;
use super::super::{limit_exceeded, malformed};
use crate::container::ContainerKind;
use crate::model::{ByteRange, TrackKind};

/// How much is asked for at a place whose length is not known.
pub(in super::super) const WINDOW_BYTES: u64 = 256 * 1024;
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
pub(super) const MAX_FIRST_BLOCK_NS: i64 = 5_000_000_000;
/// As much of a first frame as its codec may need.
const MAX_FIRST_FRAME_BYTES: u64 = 64 * 1024;
/// How far from the end the last cluster, or Cues that no SeekHead names, are searched.
pub(super) const MAX_TAIL_BYTES: u64 = 2 * 1024 * 1024;

/// What stands before the first cluster, and where the rest is.
pub(super) struct Front {
    pub(super) kind: ContainerKind,
    /// First byte of the Segment's data: positions in the file count from here.
    pub(super) segment_data: u64,
    pub(super) segment_end: u64,
    pub(super) first_cluster: u64,
    pub(super) info: Option<ByteRange>,
    pub(super) tracks: Option<ByteRange>,
    pub(super) cues: Option<ByteRange>,
    pub(super) seeks: Vec<Seek>,
    /// Tags, Chapters and Attachments that stand before the first cluster.
    pub(super) extras: Vec<Seek>,
}

impl Front {
    /// Where an element of this kind should stand.
    pub(super) fn find_extra(&self, wanted: u32) -> Option<u64> {
        let seek = self.extras.iter().chain(&self.seeks).find(|seek| seek.id == wanted)?;
        self.segment_data.checked_add(seek.position).filter(|offset| *offset < self.segment_end)
    }
}

pub(super) fn read_bytes(cursor: &Cursor<'_>, range: ByteRange) -> Read<Bytes> {
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

pub(super) fn read_front(cursor: &mut Cursor<'_>) -> Read<Front> {
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
pub(super) fn follow_seek_heads(cursor: &mut Cursor<'_>, front: &mut Front) -> Read<()> {
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
pub(super) struct First {
    pub(super) time_ns: i64,
    /// Its first frame, as much as its codec may need; only where the codec needs it.
    pub(super) frame: Option<Vec<u8>>,
}

/// The first block of each video and audio track; `None` for those that have none near the start.
pub(super) fn find_first_frames(
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
        Lacing::None => Some(&data[..]),
        lacing => split_laces(lacing, &data).ok().and_then(|frames| data.get(frames.into_iter().next()?)),
    };
    Ok(frame.map(|frame| header.encoding.start_of_frame(frame, MAX_FIRST_FRAME_BYTES as usize).into_owned()))
}
