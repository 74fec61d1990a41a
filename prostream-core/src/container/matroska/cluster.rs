//! Walking clusters: one block after the other, over whatever else lies between them.
//!
//! The walk is flat. The size of a cluster is not used, only the sizes of what is in it, so clusters of unknown size (live streams) and
//! clusters whose size lies are read alike. Where no element stands, the next cluster is searched.

use super::blocks::{BlockHeader, Lacing, MAX_BLOCK_HEADER_LEN, parse_block_header};
use super::cursor::{Cursor, Element, Found, Read, Stop};
use super::ebml::{self, id};
use super::malformed;
use crate::model::ByteRange;

/// How far the next cluster is searched behind broken bytes: clusters of the largest discs take as much.
const MAX_RESYNC_BYTES: u64 = 32 * 1024 * 1024;
/// How much is asked for at a time in that search: at first …
const RESYNC_WINDOW_BYTES: u64 = 256 * 1024;
/// … and at most, when it goes on.
const MAX_RESYNC_WINDOW_BYTES: u64 = 4 * 1024 * 1024;
/// Most elements before the `Timestamp` of a cluster that are looked at.
const MAX_CLUSTER_FRONT: usize = 16;
/// Largest element with an id we do not know that is skipped; a larger one is taken for broken bytes.
const MAX_UNKNOWN_BYTES: u64 = 1024 * 1024;
/// Largest time of a block: 36 years in nanoseconds. More is no film and would overflow later.
const MAX_TIME_NS: i128 = 1 << 60;
/// Most children of a BlockGroup that are looked at.
const MAX_GROUP_CHILDREN: usize = 256;

/// The cluster that a block is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Where its id begins.
    pub(super) offset: u64,
    /// Where its data begins.
    pub(super) data: u64,
    /// One past its data, as it says itself: a hint. `None` when unknown.
    pub(super) end: Option<u64>,
    /// Its `Timestamp`, once the walk has passed it.
    pub(super) timestamp: Option<u64>,
}

/// A block in the file, its frames unread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Where its SimpleBlock or BlockGroup begins.
    pub(super) offset: u64,
    /// Its cluster.
    pub(super) cluster: Cluster,
    /// `TrackNumber`.
    pub(super) track: u64,
    /// Cluster and block time together, in nanoseconds.
    pub(super) time_ns: i64,
    /// How frames share it.
    pub(super) lacing: Lacing,
    /// What follows the block's header: lace sizes and frames.
    pub(super) data: ByteRange,
    /// Data of the BlockGroup around it.
    group: Option<ByteRange>,
    key_flag: bool,
}

/// What a BlockGroup says of its block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GroupDetails {
    /// `BlockDuration`, in units of `TimestampScale`.
    pub(super) duration: Option<u64>,
    has_reference: bool,
}

impl Block {
    /// Can decoding start here? The flag of a SimpleBlock; in a BlockGroup, no reference to another block.
    pub(super) fn is_key(&self, cursor: &mut Cursor<'_>) -> Read<bool> {
        match self.group {
            None => Ok(self.key_flag),
            Some(_) => Ok(!self.details(cursor)?.has_reference),
        }
    }

    /// Reads the BlockGroup around the block; nothing for a SimpleBlock.
    pub(super) fn details(&self, cursor: &mut Cursor<'_>) -> Read<GroupDetails> {
        let mut details = GroupDetails::default();
        let Some(group) = self.group else { return Ok(details) };
        let mut at = group.start;
        for _ in 0..MAX_GROUP_CHILDREN {
            let Some(child) = child_at(cursor, at, group.end)? else { break };
            let end = child.end.unwrap_or(group.end);
            match child.id {
                id::REFERENCE_BLOCK => details.has_reference = true,
                id::BLOCK_DURATION => details.duration = read_uint(cursor, &child)?,
                _ => {}
            }
            at = end;
        }
        Ok(details)
    }
}

/// The element at `at`, if one stands there that ends by `end`.
fn child_at(cursor: &mut Cursor<'_>, at: u64, end: u64) -> Read<Option<Element>> {
    if at >= end {
        return Ok(None);
    }
    match cursor.header(at)? {
        Found::Element(element) if element.end.is_some_and(|child_end| child_end <= end) => Ok(Some(element)),
        _ => Ok(None),
    }
}

/// The value of an unsigned integer element; `None` when it is longer than eight bytes or cut by the end of the file.
fn read_uint(cursor: &mut Cursor<'_>, element: &Element) -> Read<Option<u64>> {
    let Some(len) = element.end.and_then(|end| usize::try_from(end.saturating_sub(element.data)).ok()) else {
        return Ok(None);
    };
    if len > 8 || element.end.is_none_or(|end| end > cursor.size) {
        return Ok(None);
    }
    let bytes = cursor.peek(element.data, len);
    if bytes.len() < len {
        let have = bytes.len() as u64;
        return Err(cursor.ask(element.data.saturating_add(have)));
    }
    Ok(ebml::uint(bytes).ok())
}

/// Walks blocks in order of the file. A copy of it can be kept to come back to a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    /// Where the next element is expected.
    pub(super) at: u64,
    end: u64,
    timestamp_scale_ns: u64,
    cluster: Option<Cluster>,
}

impl Walker {
    /// Walks from `at`, where a cluster should begin, up to `end`.
    pub(super) fn new(at: u64, end: u64, timestamp_scale_ns: u64) -> Self {
        Self { at, end, timestamp_scale_ns, cluster: None }
    }

    /// The cluster that the walk is in.
    pub(super) fn cluster(&self) -> Option<Cluster> {
        self.cluster
    }

    /// The same walk, but not beyond `end`.
    pub(super) fn up_to(self, end: u64) -> Self {
        Self { end: self.end.min(end), ..self }
    }

    /// Leaves the cluster that the walk is in, if something that may follow a cluster stands where it says that it ends. Without that the
    /// walk goes on block by block.
    pub(super) fn leave_cluster(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let Some(end) = self.cluster.and_then(|cluster| cluster.end).filter(|end| *end > self.at) else {
            return Ok(());
        };
        let follows = end >= self.end
            || matches!(cursor.header(end)?, Found::Element(next) if id::is_level_1(next.id) || is_start_over(next.id));
        if follows {
            self.at = end;
        }
        Ok(())
    }

    /// Goes back to a block, which is then the next one.
    pub(super) fn rewind(&mut self, block: &Block) {
        self.at = block.offset;
        self.cluster = Some(block.cluster);
    }

    /// Walks into the cluster at [`Walker::at`] up to its first block, which is not read; the cluster's time is known then. Broken bytes
    /// there are passed over like anywhere.
    pub(super) fn enter_cluster(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        if !is_cluster(cursor, self.at)? && !self.resync(cursor, self.at)? {
            self.at = self.end;
            return Ok(());
        }
        if let Some(block) = self.next_block(cursor)? {
            self.rewind(&block);
        }
        Ok(())
    }

    /// The next block; `None` at the end of the clusters.
    ///
    /// # Errors
    /// `Malformed` when broken bytes are not followed by a cluster within [`MAX_RESYNC_BYTES`].
    pub(super) fn next_block(&mut self, cursor: &mut Cursor<'_>) -> Read<Option<Block>> {
        while self.at < self.end {
            let element = match cursor.header(self.at)? {
                Found::End => break,
                Found::Element(element) if is_credible(cursor, &element) => element,
                // Cut off by the end of the file, or broken.
                Found::Element(element) if is_known(&element) => match self.resync(cursor, self.at) {
                    Ok(true) => continue,
                    Ok(false) | Err(Stop::Fail(_)) => break,
                    Err(stop) => return Err(stop),
                },
                Found::Element(_) | Found::Junk => {
                    if self.resync(cursor, self.at)? {
                        continue;
                    }
                    break;
                }
            };
            match element.id {
                id::CLUSTER => {
                    let Element { offset, data, end, .. } = element;
                    self.cluster = Some(Cluster { offset, data, end, timestamp: None });
                    self.at = element.data;
                    continue;
                }
                other if is_start_over(other) => break,
                _ => {}
            }
            // is_credible lets no other element of unknown size pass.
            let Some(end) = element.end else { break };
            match element.id {
                id::TIMESTAMP => {
                    let value = read_uint(cursor, &element)?;
                    if let Some(cluster) = &mut self.cluster {
                        cluster.timestamp = value;
                    }
                }
                id::SIMPLE_BLOCK | id::BLOCK_GROUP => {
                    if let Some(cluster) = self.cluster
                        && let Some(block) = self.read_block(cursor, &element, end, cluster)?
                    {
                        self.at = end;
                        return Ok(Some(block));
                    }
                }
                _ => {}
            }
            self.at = end;
        }
        self.at = self.end;
        Ok(None)
    }

    /// The block at `offset`, if one stands there, in the cluster that the walk is in.
    pub(super) fn block_at(&self, cursor: &mut Cursor<'_>, offset: u64) -> Read<Option<Block>> {
        let Some(cluster) = self.cluster else { return Ok(None) };
        match cursor.header(offset)? {
            Found::Element(element) if matches!(element.id, id::SIMPLE_BLOCK | id::BLOCK_GROUP) => match element.end {
                Some(end) if end <= cursor.size => self.read_block(cursor, &element, end, cluster),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn read_block(
        &self,
        cursor: &mut Cursor<'_>,
        element: &Element,
        end: u64,
        cluster: Cluster,
    ) -> Read<Option<Block>> {
        let Some(place) = find_block(cursor, element, end)? else { return Ok(None) };
        let Some(timestamp) = cluster.timestamp else { return Ok(None) };
        let time_ns = time_ns(timestamp, place.header.relative_time, self.timestamp_scale_ns)
            .ok_or_else(|| malformed("time of a block out of range"))?;
        Ok(Some(Block {
            offset: element.offset,
            cluster,
            track: place.header.track,
            time_ns,
            lacing: place.header.lacing,
            data: place.data,
            group: place.group,
            key_flag: place.header.is_key,
        }))
    }

    /// Moves to the next cluster at or after `from`; false when there is none before the end.
    fn resync(&mut self, cursor: &mut Cursor<'_>, from: u64) -> Read<bool> {
        let limit = from.saturating_add(MAX_RESYNC_BYTES);
        match find_cluster(cursor, from, self.end.min(limit), RESYNC_WINDOW_BYTES)? {
            Some(offset) => {
                self.at = offset;
                self.cluster = None;
                Ok(true)
            }
            None if limit < self.end.min(cursor.size) => Err(Stop::Fail(malformed("broken bytes between clusters"))),
            None => Ok(false),
        }
    }
}

/// The first cluster that begins in `from..end`. What is missing is asked for in windows that grow.
pub(super) fn find_cluster(cursor: &mut Cursor<'_>, from: u64, end: u64, window: u64) -> Read<Option<u64>> {
    let end = end.min(cursor.size);
    let mut at = from;
    while at < end {
        let bytes = cursor.piece(at);
        if bytes.is_empty() {
            let grown = at.saturating_sub(from).min(MAX_RESYNC_WINDOW_BYTES).max(window);
            return Err(Stop::Need(vec![ByteRange::new(at, end.min(at.saturating_add(grown)))]));
        }
        // The first byte of its id.
        match bytes.iter().position(|byte| *byte == 0x1F) {
            None => at = at.saturating_add(bytes.len() as u64),
            Some(skip) => {
                at = at.saturating_add(skip as u64);
                if at < end && is_cluster(cursor, at)? {
                    return Ok(Some(at));
                }
                at = at.saturating_add(1);
            }
        }
    }
    Ok(None)
}

/// The `Timestamp` of the cluster at `offset`; `None` where it says none.
pub(super) fn cluster_timestamp(cursor: &mut Cursor<'_>, offset: u64) -> Read<Option<u64>> {
    let Found::Element(Element { id: id::CLUSTER, data, .. }) = cursor.header(offset)? else { return Ok(None) };
    let mut at = data;
    for _ in 0..MAX_CLUSTER_FRONT {
        let Found::Element(child) = cursor.header(at)? else { break };
        match (child.id, child.end) {
            (id::TIMESTAMP, _) => return read_uint(cursor, &child),
            (other, Some(end)) if id::is_in_cluster(other) && end <= cursor.size => at = end,
            _ => break,
        }
    }
    Ok(None)
}

/// Another file was appended: its times start over.
fn is_start_over(id: u32) -> bool {
    matches!(id, id::EBML | id::SEGMENT)
}

/// A block without the time that its cluster gives it.
pub(super) struct BlockPlace {
    pub(super) header: BlockHeader,
    /// What follows the block's header.
    pub(super) data: ByteRange,
    /// Data of the BlockGroup around it.
    pub(super) group: Option<ByteRange>,
}

impl BlockPlace {
    /// `BlockDuration` of the group around the block.
    pub(super) fn duration(&self, cursor: &mut Cursor<'_>) -> Read<Option<u64>> {
        let Some(group) = self.group else { return Ok(None) };
        let mut at = group.start;
        for _ in 0..MAX_GROUP_CHILDREN {
            let Some(child) = child_at(cursor, at, group.end)? else { break };
            if child.id == id::BLOCK_DURATION {
                return read_uint(cursor, &child);
            }
            at = child.end.unwrap_or(group.end);
        }
        Ok(None)
    }
}

/// The block in a SimpleBlock or BlockGroup that ends at `end`.
pub(super) fn find_block(cursor: &mut Cursor<'_>, element: &Element, end: u64) -> Read<Option<BlockPlace>> {
    let (block, group) = match element.id {
        id::SIMPLE_BLOCK => (ByteRange::new(element.data, end), None),
        _ => {
            let group = ByteRange::new(element.data, end);
            let mut at = group.start;
            let mut found = None;
            for _ in 0..MAX_GROUP_CHILDREN {
                let Some(child) = child_at(cursor, at, end)? else { break };
                let child_end = child.end.unwrap_or(end);
                if child.id == id::BLOCK {
                    found = Some(ByteRange::new(child.data, child_end));
                    break;
                }
                at = child_end;
            }
            let Some(block) = found else { return Ok(None) };
            (block, Some(group))
        }
    };
    let want = usize::try_from(block.len()).unwrap_or(MAX_BLOCK_HEADER_LEN).min(MAX_BLOCK_HEADER_LEN);
    let bytes = cursor.peek(block.start, want);
    match parse_block_header(bytes) {
        Some(header) => Ok(Some(BlockPlace {
            header,
            data: ByteRange::new(block.start.saturating_add(header.len), block.end),
            group,
        })),
        None if bytes.len() < want => {
            let have = bytes.len() as u64;
            Err(cursor.ask(block.start.saturating_add(have)))
        }
        None => Ok(None),
    }
}

/// Does a cluster begin at `offset`? Looks at its first child too: four bytes alone may be payload.
pub(super) fn is_cluster(cursor: &mut Cursor<'_>, offset: u64) -> Read<bool> {
    match cursor.header(offset)? {
        Found::Element(Element { id: id::CLUSTER, data, .. }) => {
            Ok(matches!(cursor.header(data)?, Found::Element(child) if id::is_in_cluster(child.id)))
        }
        _ => Ok(false),
    }
}

/// Is this an element that belongs between blocks, rather than broken bytes that look like one?
fn is_credible(cursor: &Cursor<'_>, element: &Element) -> bool {
    if element.id == id::CLUSTER || is_start_over(element.id) {
        return true;
    }
    match element.end {
        Some(end) if end <= cursor.size => is_known(element) || end.saturating_sub(element.data) <= MAX_UNKNOWN_BYTES,
        _ => false,
    }
}

fn is_known(element: &Element) -> bool {
    id::is_in_cluster(element.id) || id::is_level_1(element.id)
}

/// A time of the file in nanoseconds; `None` beyond any film.
pub(super) fn time_ns(timestamp: u64, relative: i16, timestamp_scale_ns: u64) -> Option<i64> {
    let units = i128::from(timestamp).saturating_add(i128::from(relative));
    let ns = units.checked_mul(i128::from(timestamp_scale_ns))?;
    if ns.abs() > MAX_TIME_NS { None } else { i64::try_from(ns).ok() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::Extents;

    fn walk(file: &[u8]) -> Vec<(i64, u64)> {
        let mut have = Extents::new();
        // Odd pieces: headers lie across them.
        for (index, piece) in file.chunks(7).enumerate() {
            have.insert(index as u64 * 7, Bytes::copy_from_slice(piece).into());
        }
        let mut cursor = Cursor::new(file.len() as u64, &have, 1024);
        let mut walker = Walker::new(0, file.len() as u64, 1_000_000);
        let mut out = Vec::new();
        while let Some(block) = walker.next_block(&mut cursor).unwrap() {
            out.push((block.time_ns / 1_000_000, block.data.len()));
        }
        out
    }

    fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
        [id, &[0x80 | data.len() as u8], data].concat()
    }

    fn simple_block(time: i16, payload: &[u8]) -> Vec<u8> {
        element(&[0xA3], &[&[0x81][..], &time.to_be_bytes(), &[0x80], payload].concat())
    }

    const CLUSTER_UNKNOWN: &[u8] = &[0x1F, 0x43, 0xB6, 0x75, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    /// Goal: a cluster of unknown size ends where the next one begins, or another level-1 element.
    #[test]
    fn clusters_of_unknown_size() {
        let file = [
            CLUSTER_UNKNOWN,
            &element(&[0xE7], &[10]),
            &simple_block(1, b"abc"),
            &element(&[0x12, 0x54, 0xC3, 0x67], b"tags"),
            CLUSTER_UNKNOWN,
            &element(&[0xE7], &[20]),
            &element(&[0xEC], b"void"),
            &simple_block(-2, b"abcdef"),
        ]
        .concat();
        assert_eq!(walk(&file), [(11, 3), (18, 6)]);
    }

    /// Goal: zeros in the middle cost what they cover, not the rest of the file.
    #[test]
    fn broken_bytes_are_passed_over() {
        let file = [
            CLUSTER_UNKNOWN,
            &element(&[0xE7], &[10]),
            &simple_block(0, b"abc"),
            &[0; 100],
            &[0x1F, 0x43, 0xB6, 0x75, 0x81, 0x00],
            CLUSTER_UNKNOWN,
            &element(&[0xE7], &[20]),
            &simple_block(0, b"a"),
        ]
        .concat();
        assert_eq!(walk(&file), [(10, 3), (20, 1)]);
    }

    /// Goal: of a file that was cut, all whole blocks are read.
    #[test]
    fn truncated_file() {
        let whole =
            [CLUSTER_UNKNOWN, &element(&[0xE7], &[10]), &simple_block(0, b"abc"), &simple_block(5, b"abcdef")].concat();
        assert_eq!(walk(&whole[..whole.len() - 1]), [(10, 3)]);
        assert_eq!(walk(&whole), [(10, 3), (15, 6)]);
    }

    /// Goal: a BlockGroup is a keyframe unless it refers to another block, and knows its duration.
    #[test]
    fn block_groups() {
        let block = element(&[0xA1], &[0x82, 0, 3, 0, 1, 2, 3]);
        let file = [
            CLUSTER_UNKNOWN,
            &element(&[0xE7], &[0]),
            &element(&[0xA0], &[block.clone(), element(&[0x9B], &[40])].concat()),
            &element(&[0xA0], &[element(&[0xFB], &[0xFF]), block].concat()),
        ]
        .concat();
        let mut have = Extents::new();
        have.insert(0, Bytes::from(file.clone()).into());
        let mut cursor = Cursor::new(file.len() as u64, &have, 1024);
        let mut walker = Walker::new(0, file.len() as u64, 1_000_000);
        let first = walker.next_block(&mut cursor).unwrap().unwrap();
        assert_eq!((first.track, first.time_ns, first.data.len()), (2, 3_000_000, 3));
        assert!(first.is_key(&mut cursor).unwrap());
        assert_eq!(first.details(&mut cursor).unwrap().duration, Some(40));
        let second = walker.next_block(&mut cursor).unwrap().unwrap();
        assert!(!second.is_key(&mut cursor).unwrap());
    }
}
