//! In which order the samples of all tracks lie in a file.
//!
//! Writers lay a few samples of one track behind a few of another, so a film has hundreds of thousands of chunks, and their offsets would take
//! more memory than all else. Where chunks follow each other, offsets are sums of sizes: what is kept is whose samples come next, in four bits for
//! up to four samples of a usual film, and the sums now and then.

use std::sync::Arc;

use super::sizes::{Bits, Sizes, bits_at};
use super::{Chunk, ChunkOffsets, ChunkPlace, ChunkRun, Chunks, ListedChunk, SampleTable};
use crate::Result;
use crate::container::mp4::stored::inconsistent;
use crate::container::stored::{Reader, Writer};

/// A position is kept for each so many runs.
const STEP: usize = 256;
/// Samples of the longest run; longer ones are several.
const MAX_RUN: u32 = 4;
/// Most tracks of a file whose order is kept.
const MAX_TRACKS: usize = 15;

/// See the module.
#[derive(Debug)]
pub(in crate::container::mp4) struct Interleave {
    sizes: Vec<Arc<Sizes>>,
    /// Bits of a run: whose it is, and above that how many samples less one.
    width: u32,
    run_count: usize,
    words: Vec<u64>,
    /// Sizes of what lies between chunks and belongs to no track, in order: runs of the track behind the last say where.
    gaps: Vec<u64>,
    /// Where every [`STEP`]th run begins: offset, number of gaps before …
    steps: Vec<(u64, u32)>,
    /// … and for each track how many of its samples lie before.
    before: Vec<u32>,
}

/// A place in the order.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    run: usize,
    offset: u64,
    gap: usize,
    before: Vec<u32>,
}

/// The chunks of a table whose place in the order is not known yet.
struct Queue<'a> {
    table: &'a SampleTable,
    runs: &'a [ChunkRun],
    offsets: &'a ChunkOffsets,
    next: Option<ListedChunk>,
}

/// Samples of one track, or what lies between.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// `None` is a gap.
    owner: Option<usize>,
    first_sample: u32,
    end_sample: u32,
    offset: u64,
}

/// The offset of the chunk that comes next, and whose it is. Where several begin at one place, those without a byte come first.
fn next_chunk(queues: &[Queue<'_>]) -> Option<(u64, usize)> {
    let waiting = || queues.iter().enumerate().filter_map(|(slot, queue)| Some((queue.next?.offset, slot)));
    let (offset, slot) = waiting().min()?;
    let mut there = waiting().filter(|(at, _)| *at == offset).map(|(_, slot)| slot);
    if there.clone().nth(1).is_none() {
        return Some((offset, slot));
    }
    let is_empty = |slot: &usize| {
        let found = queues.get(*slot).and_then(|queue| Some((queue.table, queue.next?)));
        found.is_some_and(|(table, chunk)| table.size_of(chunk.first_sample..chunk.end_sample.min(table.count)) == 0)
    };
    Some((offset, there.find(is_empty).unwrap_or(slot)))
}

/// Keeps the order of all tables instead of the offsets of their chunks, where that is possible and takes less memory.
pub(in crate::container::mp4) fn interleave(tables: &mut [SampleTable]) -> usize {
    let listed = |table: &SampleTable| table.chunks.memory_bytes();
    let used = tables.iter().map(listed).fold(0, usize::saturating_add);
    let Some(order) = Interleave::of(tables, used) else { return 0 };
    let memory = order.memory_bytes();
    if memory >= used {
        return 0;
    }
    let order = Arc::new(order);
    for (slot, table) in tables.iter_mut().enumerate().filter(|(_, table)| table.count > 0) {
        table.chunks = Chunks::Interleaved { order: order.clone(), slot };
    }
    memory
}

impl Interleave {
    /// `None` where chunks overlap or go backwards, or where the order takes more than `most_bytes`.
    fn of(tables: &[SampleTable], most_bytes: usize) -> Option<Self> {
        if tables.len() > MAX_TRACKS {
            return None;
        }
        let mut order = Self::empty(tables);
        let mut queues: Vec<Queue<'_>> = Vec::with_capacity(tables.len());
        for table in tables {
            let Chunks::Listed { runs, offsets } = &table.chunks else { return None };
            let next = (table.count > 0).then(|| ListedChunk::new(runs, offsets, 0, 0));
            queues.push(Queue { table, runs, offsets, next });
        }
        let mut at = Position { before: vec![0; tables.len()], ..Position::default() };
        let mut bits = Bits::default();
        let mut counted_steps = 0;
        while let Some((offset, slot)) = next_chunk(&queues) {
            let gap = offset.checked_sub(at.offset)?;
            if gap > 0 {
                order.push_run(tables.len(), 1, &at, &mut bits);
                order.gaps.push(gap);
                at.offset = offset;
                at.gap = at.gap.saturating_add(1);
            }
            let queue = queues.get_mut(slot)?;
            let (table, chunk) = (queue.table, queue.next?);
            let end = chunk.end_sample.min(table.count);
            let mut first = chunk.first_sample;
            while first < end {
                let run_end = end.min(first.saturating_add(MAX_RUN));
                order.push_run(slot, run_end.saturating_sub(first), &at, &mut bits);
                at.offset = at.offset.saturating_add(table.size_of(first..run_end));
                *at.before.get_mut(slot)? = run_end;
                first = run_end;
                // Every so often: counting takes longer than the run.
                if order.steps.len() > counted_steps {
                    counted_steps = order.steps.len();
                    if order.memory_bytes() > most_bytes {
                        return None;
                    }
                }
            }
            let next = || ListedChunk::after(queue.runs, queue.offsets, chunk.run_index, chunk.number);
            queue.next = (end < table.count).then(next);
        }
        order.words.shrink_to_fit();
        order.gaps.shrink_to_fit();
        order.steps.shrink_to_fit();
        order.before.shrink_to_fit();
        Some(order)
    }

    fn empty(tables: &[SampleTable]) -> Self {
        // One more for gaps.
        let slot_bits = usize::BITS.saturating_sub(tables.len().leading_zeros());
        Self {
            sizes: tables.iter().map(|table| table.sizes.clone()).collect(),
            width: slot_bits.saturating_add(2),
            run_count: 0,
            words: Vec::new(),
            gaps: Vec::new(),
            steps: Vec::new(),
            before: Vec::new(),
        }
    }

    /// The runs and the gaps: where every [`STEP`]th run begins follows from them.
    pub(super) fn write(&self, writer: &mut Writer) {
        let Self { sizes: _, width: _, run_count, words, gaps, steps: _, before: _ } = self;
        writer.number(*run_count as u64);
        writer.column(words.iter().map(|word| word.to_le_bytes()));
        writer.list(gaps, |writer, gap| writer.number(*gap));
    }

    /// The order of all samples of these tables, none left out and none twice.
    pub(super) fn read(reader: &mut Reader<'_>, tables: &[SampleTable]) -> Result<Self> {
        if tables.len() > MAX_TRACKS {
            return Err(inconsistent("an order of too many tracks"));
        }
        let mut order = Self::empty(tables);
        let run_count: usize = reader.small()?;
        order.words = reader.column(u64::from_le_bytes)?;
        order.gaps = reader.list(1, Reader::number)?;
        let bit_count = (run_count as u64).checked_mul(order.width.into());
        if bit_count.map(|bits| bits.div_ceil(64)) != Some(order.words.len() as u64) {
            return Err(inconsistent("an order of another length"));
        }
        let step_count = run_count.div_ceil(STEP);
        reader.take_memory::<(u64, u32)>(step_count)?;
        reader.take_memory::<u32>(step_count.saturating_mul(tables.len()))?;
        order.steps.reserve_exact(step_count);
        order.before.reserve_exact(step_count.saturating_mul(tables.len()));
        let mut at = Position { before: vec![0; tables.len()], ..Position::default() };
        order.run_count = run_count;
        while at.run < run_count {
            order.push_step(at.run, &at);
            let run = order.run(&mut at);
            let owner = run.and_then(|run| Some((run.end_sample, tables.get(run.owner?)?)));
            if owner.is_some_and(|(end_sample, table)| end_sample > table.count) {
                return Err(inconsistent("an order of samples that do not exist"));
            }
        }
        let is_whole = at.before.iter().zip(tables).all(|(before, table)| *before == table.count);
        if !is_whole || at.gap != order.gaps.len() {
            return Err(inconsistent("an order of other samples"));
        }
        Ok(order)
    }

    /// Keeps the position of a run, if it is a [`STEP`]th one.
    fn push_step(&mut self, run: usize, at: &Position) {
        if run.is_multiple_of(STEP) {
            self.steps.push((at.offset, u32::try_from(at.gap).unwrap_or(u32::MAX)));
            self.before.extend_from_slice(&at.before);
        }
    }

    fn push_run(&mut self, slot: usize, count: u32, at: &Position, bits: &mut Bits) {
        self.push_step(self.run_count, at);
        let value = (slot as u64) << 2 | u64::from(count.saturating_sub(1));
        bits.push(value, self.width, &mut self.words);
        self.run_count = self.run_count.saturating_add(1);
    }

    /// Memory of the order, without the sizes, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        [
            size_of_val(self.words.as_slice()),
            size_of_val(self.gaps.as_slice()),
            size_of_val(self.steps.as_slice()),
            size_of_val(self.before.as_slice()),
        ]
        .into_iter()
        .fold(size_of::<Self>(), usize::saturating_add)
    }

    /// The run that holds a sample.
    pub(super) fn find(&self, slot: usize, sample: u32) -> Chunk {
        let tracks = self.sizes.len();
        let before = |step: usize| self.before.get(step.saturating_mul(tracks).saturating_add(slot)).copied();
        // The last position that is not behind it.
        let (mut low, mut high) = (0, self.steps.len());
        while low < high {
            let middle = low.midpoint(high);
            if before(middle).is_some_and(|before| before <= sample) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        let step = low.saturating_sub(1);
        let (offset, gap) = self.steps.get(step).copied().unwrap_or_default();
        let first = step.saturating_mul(tracks);
        let position = Position {
            run: step.saturating_mul(STEP),
            offset,
            gap: usize::try_from(gap).unwrap_or(usize::MAX),
            before: self.before.get(first..first.saturating_add(tracks)).unwrap_or_default().to_vec(),
        };
        let mut chunk = self.next(slot, position);
        while chunk.end_sample <= sample {
            let ChunkPlace::InOrder(position) = chunk.place else { break };
            if position.run >= self.run_count {
                return Chunk { end_sample: u32::MAX, place: ChunkPlace::InOrder(position), ..chunk };
            }
            chunk = self.next(slot, position);
        }
        chunk
    }

    /// The next run of a track at or behind a position; its place is the position behind it.
    pub(super) fn next(&self, slot: usize, mut at: Position) -> Chunk {
        while let Some(Run { owner, first_sample, end_sample, offset }) = self.run(&mut at) {
            if owner == Some(slot) {
                return Chunk { first_sample, end_sample, offset, place: ChunkPlace::InOrder(at) };
            }
        }
        // Behind the last sample nobody asks.
        Chunk { first_sample: u32::MAX, end_sample: u32::MAX, offset: at.offset, place: ChunkPlace::InOrder(at) }
    }

    /// The run at a position, which moves behind it; `None` where the order ends.
    fn run(&self, at: &mut Position) -> Option<Run> {
        if at.run >= self.run_count {
            return None;
        }
        let bit = u64::from(self.width).saturating_mul(at.run as u64);
        let first = usize::try_from(bit / 64).unwrap_or(usize::MAX);
        let run = bits_at(&self.words, first, u32::try_from(bit % 64).unwrap_or(0), self.width);
        at.run = at.run.saturating_add(1);
        let (owner, count) = ((run >> 2) as usize, (run & 3).saturating_add(1));
        let offset = at.offset;
        let Some((sizes, before)) = self.sizes.get(owner).zip(at.before.get_mut(owner)) else {
            at.offset = offset.saturating_add(self.gaps.get(at.gap).copied().unwrap_or(0));
            at.gap = at.gap.saturating_add(1);
            return Some(Run { owner: None, first_sample: 0, end_sample: 0, offset });
        };
        let first_sample = *before;
        let end_sample = first_sample.saturating_add(count);
        *before = end_sample;
        at.offset = (first_sample..end_sample).fold(offset, |sum, sample| sum.saturating_add(sizes.at(sample).into()));
        Some(Run { owner: Some(owner), first_sample, end_sample, offset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{parse, stbl_at};
    use super::super::{read_tables, write_tables};
    use super::*;

    /// Samples of a track, and its chunks.
    type Dealt = (Vec<(u32, u32, i32)>, Vec<(u32, u64)>);

    /// How many hold the order, and how many the sizes of each table.
    fn shared(tables: &[SampleTable]) -> (usize, Vec<usize>) {
        let order = tables.iter().find_map(|table| match &table.chunks {
            Chunks::Interleaved { order, .. } => Some(Arc::strong_count(order)),
            Chunks::Listed { .. } => None,
        });
        (order.unwrap_or(0), tables.iter().map(|table| Arc::strong_count(&table.sizes)).collect())
    }

    proptest! {
        /// Goal: the order of all tracks gives the same samples as the offsets of their chunks, from wherever they are looked for,
        /// and comes back from a stored index as it was, once for all tracks.
        /// Method: chunks of up to four tracks dealt out at random, some behind a gap, some without a byte where another begins.
        #[test]
        fn order_agrees_with_offsets(
            dealt in prop::collection::vec((0usize..4, 1u32..11, 0u64..40), 1..700),
            sizes in prop::collection::vec(prop_oneof![1 => Just(0u32), 9 => 0u32..70_000], 700),
        ) {
            let mut place = 0;
            let mut tracks: Vec<Dealt> = vec![Dealt::default(); 4];
            for (track, count, gap) in dealt {
                // Most chunks follow each other.
                place += gap.saturating_sub(36);
                let (samples, chunks) = &mut tracks[track];
                chunks.push((count, place));
                for _ in 0..count {
                    let size = sizes[(samples.len() * 31 + track) % sizes.len()];
                    samples.push((size, 1, 0));
                    place += u64::from(size);
                }
            }
            let read = || -> Vec<SampleTable> {
                let table = |track: &Dealt| match track.0.is_empty() {
                    true => SampleTable::default(),
                    false => parse(&stbl_at(&track.0, &track.1)).unwrap(),
                };
                tracks.iter().map(table).collect()
            };
            let (listed, mut ordered) = (read(), read());
            let order = Arc::new(Interleave::of(&ordered, usize::MAX).unwrap());
            let memory_bytes = order.memory_bytes();
            for (slot, table) in ordered.iter_mut().enumerate().filter(|(_, table)| table.count > 0) {
                table.chunks = Chunks::Interleaved { order: order.clone(), slot };
            }
            drop(order);
            for (listed, ordered) in listed.iter().zip(&ordered) {
                prop_assert!(listed.samples(0..u32::MAX).eq(ordered.samples(0..u32::MAX)));
                for at in (0..listed.count()).step_by(7) {
                    prop_assert_eq!(listed.sample(at), ordered.sample(at));
                }
            }
            let mut writer = Writer::default();
            write_tables(ordered.iter(), &mut writer);
            let bytes = writer.into_bytes();
            let (stored, shared_bytes) = read_tables(&mut Reader::new(&bytes)).unwrap();
            prop_assert_eq!(format!("{stored:?}"), format!("{ordered:?}"));
            prop_assert_eq!(shared_bytes, memory_bytes);
            prop_assert_eq!(shared(&stored), shared(&ordered));
        }
    }

    /// Goal: a chunk of samples without a byte lies before the one that begins at its place. It was looked for behind that, which gave up the order.
    #[test]
    fn a_chunk_without_bytes_keeps_its_place() {
        let full = parse(&stbl_at(&[(10, 1, 0); 2], &[(2, 100)])).unwrap();
        let empty = parse(&stbl_at(&[(0, 1, 0), (5, 1, 0)], &[(1, 100), (1, 120)])).unwrap();
        let order = Interleave::of(&[full, empty], usize::MAX).unwrap();
        let place = |slot: usize, sample: u32| order.find(slot, sample).offset;
        assert_eq!([place(0, 0), place(1, 0), place(1, 1)], [100, 100, 120]);
    }

    /// Goal: chunks that overlap or lie in another order than their samples stay listed.
    #[test]
    fn what_has_no_order_stays_listed() {
        let samples = [(10, 1, 0); 4];
        for places in [[(2, 100), (2, 110)], [(2, 100), (2, 50)]] {
            let mut tables = [parse(&stbl_at(&samples, &places)).unwrap()];
            assert_eq!(interleave(&mut tables), 0);
            assert_eq!(tables[0].sample(2).unwrap().offset_bytes, places[1].1);
        }
    }
}
