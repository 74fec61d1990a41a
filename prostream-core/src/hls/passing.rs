//! Sound of MP4 that is copied out as the pictures around it are sent (PACKAGING 5.2).
//!
//! The tables tell where every sample lies, so nothing is looked for: what is skipped between two pictures is compared with a list of ranges.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

use crate::container::{Packet, Payload};
use crate::model::ByteRange;

/// Most bytes that are being copied out at a time, over all streams of pictures: a segment of sound takes about a hundred thousand. What
/// would be more is not copied.
pub(super) const MAX_PASSING_BYTES: u64 = 16 * 1024 * 1024;

/// The ranges of packets that lie in the file as they are, in order, neighbours joined; `None` when others are among them.
pub(super) fn joined_ranges(packets: &[Packet]) -> Option<Vec<ByteRange>> {
    let mut joined: Vec<ByteRange> = Vec::new();
    for packet in packets {
        let Payload::InFile(range) = &packet.payload else { return None };
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => joined.push(*range),
        }
    }
    Some(joined)
}

/// What passed of the sound of a segment.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Which parts of the file, rising, each with the place of its first byte in `bytes`.
    parts: Vec<(ByteRange, usize)>,
    bytes: Bytes,
    /// Memory of `bytes`.
    capacity: usize,
}

/// A part of a payload.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// It is here.
    Held(Bytes),
    /// It is read.
    InFile(Vec<ByteRange>),
}

impl Passed {
    /// Memory of it, in bytes.
    pub(super) fn weight(&self) -> u64 {
        let parts = self.parts.len().saturating_mul(size_of::<(ByteRange, usize)>());
        self.capacity.saturating_add(parts) as u64
    }

    /// The ranges of `wanted` in order, split into what is here and what is not.
    pub(super) fn split(&self, wanted: &[ByteRange]) -> Vec<Part> {
        let mut split = Split { passed: self, held: 0..0, parts: Vec::new() };
        let mut at = 0usize;
        for range in wanted {
            let mut from = range.start;
            if self.parts.get(at).is_none_or(|(part, _)| part.start > from) {
                at = self.parts.partition_point(|(part, _)| part.end <= from);
            }
            while from < range.end {
                match self.parts.get(at) {
                    Some((part, _)) if part.end <= from => at = at.saturating_add(1),
                    Some((part, place)) if part.start <= from => {
                        let to = part.end.min(range.end);
                        // Both lie within the part, whose bytes are in memory.
                        let skip = from.saturating_sub(part.start) as usize;
                        split.hold(place.saturating_add(skip), to.saturating_sub(from) as usize);
                        from = to;
                    }
                    next => {
                        let to = next.map_or(range.end, |(part, _)| part.start.min(range.end));
                        split.lack(ByteRange::new(from, to));
                        from = to;
                    }
                }
            }
        }
        split.close();
        split.parts
    }
}

/// Parts in the making.
struct Split<'a> {
    passed: &'a Passed,
    /// What is held and not among `parts` yet.
    held: std::ops::Range<usize>,
    parts: Vec<Part>,
}

impl Split<'_> {
    fn hold(&mut self, place: usize, len: usize) {
        if self.held.end != place {
            self.close();
            self.held = place..place;
        }
        self.held.end = place.saturating_add(len);
    }

    fn lack(&mut self, range: ByteRange) {
        self.close();
        match self.parts.last_mut() {
            Some(Part::InFile(ranges)) => ranges.push(range),
            _ => self.parts.push(Part::InFile(vec![range])),
        }
    }

    fn close(&mut self) {
        if !self.held.is_empty() {
            self.parts.push(Part::Held(self.passed.bytes.slice(self.held.clone())));
        }
        self.held = 0..0;
    }
}

/// The sound of one track that may lie between the pictures of a segment.
#[derive(Debug)]
pub(super) struct Passing {
    /// Where it lies, rising.
    wanted: Vec<ByteRange>,
    /// The first range that has not passed.
    at: usize,
    parts: Vec<(ByteRange, usize)>,
    bytes: BytesMut,
    /// Gives its share back when this is dropped.
    _share: Share,
}

impl Passing {
    /// Of the packets of a segment; `None` for what is no small track, and while too many others pass.
    pub(super) fn new(packets: &[Packet], max_bytes: u64, passing_bytes: &Arc<AtomicU64>) -> Option<Self> {
        let mut wanted = joined_ranges(packets)?;
        wanted.sort_unstable_by_key(|range| range.start);
        let size = wanted.iter().fold(0u64, |sum, range| sum.saturating_add(range.len()));
        if size == 0 || size > max_bytes {
            return None;
        }
        let share = Share::take(passing_bytes, size)?;
        let bytes = BytesMut::with_capacity(usize::try_from(size).ok()?);
        Some(Self { wanted, at: 0, parts: Vec::new(), bytes, _share: share })
    }

    /// From the first byte of it to the last.
    pub(super) fn extent(&self) -> Option<ByteRange> {
        let end = self.wanted.iter().map(|range| range.end).max()?;
        self.wanted.first().map(|first| ByteRange::new(first.start, end))
    }

    /// `skipped` lies at `offset` in the file and is not sent.
    pub(super) fn pass(&mut self, offset: u64, skipped: &[u8]) {
        let end = offset.saturating_add(skipped.len() as u64);
        while let Some(range) = self.wanted.get(self.at) {
            if range.start >= end {
                return;
            }
            // Never twice: a part begins where the last one ended, or later.
            let known = self.parts.last().map_or(0, |(part, _)| part.end);
            let from = range.start.max(offset).max(known);
            let to = range.end.min(end);
            if from < to {
                // Both lie within the piece.
                let (skip, until) = (from.saturating_sub(offset) as usize, to.saturating_sub(offset) as usize);
                let place = self.bytes.len();
                self.bytes.extend_from_slice(skipped.get(skip..until).unwrap_or_default());
                match self.parts.last_mut() {
                    Some((part, _)) if part.end == from => part.end = to,
                    _ => self.parts.push((ByteRange::new(from, to), place)),
                }
            }
            if range.end > end {
                return;
            }
            self.at = self.at.saturating_add(1);
        }
    }

    /// What passed; `None` when nothing did.
    pub(super) fn finish(self) -> Option<Passed> {
        let capacity = self.bytes.capacity();
        (!self.parts.is_empty()).then(|| Passed { parts: self.parts, bytes: self.bytes.freeze(), capacity })
    }
}

/// A share of what may be copied out at a time.
#[derive(Debug)]
struct Share {
    taken: Arc<AtomicU64>,
    size: u64,
}

impl Share {
    fn take(taken: &Arc<AtomicU64>, size: u64) -> Option<Self> {
        let add = |now: u64| now.checked_add(size).filter(|sum| *sum <= MAX_PASSING_BYTES);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Self { taken: taken.clone(), size })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(range: ByteRange) -> Packet {
        Packet { pts_ticks: 0, dts_ticks: 0, duration_ticks: 1, is_sync: true, payload: Payload::InFile(range) }
    }

    proptest! {
        /// Goal: whatever passes, in whatever pieces, what is held of it and what is read instead are together the bytes that were wanted.
        #[test]
        fn parts_are_what_was_wanted(
            packets in prop::collection::vec((0u64..3000, 0u64..90), 0..30),
            skips in prop::collection::vec((0u64..3000, 1u64..400), 0..20),
        ) {
            let file: Vec<u8> = (0..4000u32).map(|n| (n * 7 + n / 256) as u8).collect();
            let cut = |range: &ByteRange| file[range.start as usize..range.end as usize].to_vec();
            let packets: Vec<Packet> = packets.iter().map(|&(at, len)| packet(ByteRange::with_len(at, len))).collect();
            let wanted = joined_ranges(&packets).unwrap();
            let taken = Arc::default();
            let passed = Passing::new(&packets, 1 << 20, &taken).and_then(|mut passing| {
                for &(at, len) in &skips {
                    passing.pass(at, &cut(&ByteRange::with_len(at, len)));
                }
                passing.finish()
            });
            prop_assert_eq!(taken.load(Ordering::Relaxed), 0);
            let parts = passed.unwrap_or_default().split(&wanted);
            let bytes = |part: &Part| match part {
                Part::Held(bytes) => bytes.to_vec(),
                Part::InFile(ranges) => ranges.iter().flat_map(cut).collect(),
            };
            prop_assert_eq!(
                parts.iter().flat_map(bytes).collect::<Vec<u8>>(),
                wanted.iter().flat_map(cut).collect::<Vec<u8>>()
            );
        }
    }

    /// Goal: sound in the gaps between pictures is one piece afterwards; what lies before and behind them is read.
    #[test]
    fn what_passed_is_one_piece() {
        let packets = [10, 100, 110, 200, 300].map(|start| packet(ByteRange::with_len(start, 10)));
        let mut passing = Passing::new(&packets, 1000, &Arc::default()).unwrap();
        passing.pass(90, &[1; 25]);
        passing.pass(115, &[2; 20]);
        passing.pass(195, &[3; 30]);
        let parts = passing.finish().unwrap().split(&joined_ranges(&packets).unwrap());
        let held = [[1u8; 15].as_slice(), &[2; 5], &[3; 10]].concat();
        let read = |start| Part::InFile(vec![ByteRange::with_len(start, 10)]);
        assert_eq!(parts, [read(10), Part::Held(held.into()), read(300)]);
    }

    /// Goal: no more than its limit is copied out at a time, and nothing of what is no small track.
    #[test]
    fn what_passes_has_a_limit() {
        let packets = [packet(ByteRange::with_len(0, MAX_PASSING_BYTES / 2 + 1))];
        let taken = Arc::default();
        assert!(Passing::new(&packets, 1000, &taken).is_none());
        let first = Passing::new(&packets, u64::MAX, &taken);
        assert!(first.is_some() && Passing::new(&packets, u64::MAX, &taken).is_none());
        drop(first);
        assert!(Passing::new(&packets, u64::MAX, &taken).is_some());
    }
}
