//! Sample tables in columns (ISO/IEC 14496-12 sections 8.6 and 8.7): about five bytes a sample, lookups in O(log n), iteration in one pass.

mod columns;
mod interleave;
mod sizes;
mod stored;

use std::ops::Range;
use std::sync::Arc;

use super::malformed;
use crate::container::MAX_INDEX_BYTES;
use crate::{Error, ErrorKind, Result};

pub(super) use columns::description_changes;
pub(super) use interleave::interleave;
use interleave::{Interleave, Position};
use sizes::Sizes;
pub(super) use stored::{read_tables, write_tables};

/// Most samples of a track (PARSE-02).
pub(super) const MAX_SAMPLES: u32 = 10_000_000;
/// Largest time in ticks that is believed: sums and products below stay far from overflow (PARSE-03).
const MAX_TICKS: i64 = 1 << 53;
/// How much memory the tables of a file may still take.
#[derive(Debug)]
pub(super) struct Budget {
    left_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// The whole budget of one file.
    pub(super) fn new() -> Self {
        Self { left_bytes: MAX_INDEX_BYTES }
    }

    /// Takes the room for `count` items of `T`.
    pub(super) fn take<T>(&mut self, count: usize) -> Result<()> {
        let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
        self.left_bytes = self
            .left_bytes
            .checked_sub(bytes)
            .ok_or_else(|| Error::new(ErrorKind::LimitExceeded, "read mp4").detail("sample tables over 64 MiB"))?;
        Ok(())
    }
}

/// One sample, times folded with the edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) index: u32,
    pub(super) dts_ticks: i64,
    pub(super) pts_ticks: i64,
    pub(super) duration_ticks: u32,
    pub(super) size_bytes: u32,
    pub(super) offset_bytes: u64,
    pub(super) is_sync: bool,
}

/// The samples of one track.
#[derive(Debug, Default)]
pub(super) struct SampleTable {
    count: u32,
    sizes: Arc<Sizes>,
    times: Vec<TimeRun>,
    /// Duration of the last sample where `stts` says 0.
    last_duration: u32,
    compositions: Compositions,
    chunks: Chunks,
    syncs: Syncs,
}

/// Where chunks lie.
#[derive(Debug)]
enum Chunks {
    /// As the boxes list them.
    Listed { runs: Vec<ChunkRun>, offsets: ChunkOffsets },
    /// By the order of all tracks.
    Interleaved { order: Arc<Interleave>, slot: usize },
}

impl Default for Chunks {
    fn default() -> Self {
        Chunks::Listed { runs: Vec::new(), offsets: ChunkOffsets::default() }
    }
}

impl Chunks {
    /// How many are listed.
    fn count(&self) -> usize {
        match self {
            Chunks::Interleaved { .. } => 0,
            Chunks::Listed { offsets, .. } => offsets.len(),
        }
    }

    /// Memory of what is listed, in bytes: the order belongs to all tracks.
    fn memory_bytes(&self) -> usize {
        match self {
            Chunks::Interleaved { .. } => 0,
            Chunks::Listed { runs, offsets } => {
                let offsets = match offsets {
                    ChunkOffsets::Four(column) => size_of_val(column.as_slice()),
                    ChunkOffsets::Eight(column) => size_of_val(column.as_slice()),
                };
                offsets.saturating_add(size_of_val(runs.as_slice()))
            }
        }
    }
}

/// Samples with the same duration.
#[derive(Clone, Copy, Debug)]
struct TimeRun {
    first_sample: u32,
    first_dts: i64,
    delta: u32,
}

/// Composition offsets.
#[derive(Debug, Default)]
enum Compositions {
    /// None at all: presentation time is decode time.
    #[default]
    None,
    /// First sample and offset of each run.
    Runs(Vec<(u32, i32)>),
    /// An index into few values for each sample: B-frames make runs of one.
    Palette { values: Vec<i32>, indexes: Vec<u8> },
}

/// Chunks with the same number of samples.
#[derive(Clone, Copy, Debug)]
struct ChunkRun {
    first_chunk: u32,
    first_sample: u32,
    samples_per_chunk: u32,
}

#[derive(Debug)]
enum ChunkOffsets {
    Four(Vec<u32>),
    Eight(Vec<u64>),
}

impl Default for ChunkOffsets {
    fn default() -> Self {
        ChunkOffsets::Four(Vec::new())
    }
}

/// Sync samples.
#[derive(Debug, Default)]
enum Syncs {
    /// Every sample is one: the file has no `stss`.
    #[default]
    All,
    /// These, rising.
    Listed(Vec<u32>),
}

impl SampleTable {
    /// Reads the payload of `stbl`; every time is moved by `shift_ticks`.
    pub(super) fn parse(stbl: &[u8], shift_ticks: i64, budget: &mut Budget) -> Result<Self> {
        if shift_ticks.abs() > MAX_TICKS {
            return Err(malformed("edit list beyond all time"));
        }
        let (count, sizes) = columns::parse_sizes(stbl, budget)?;
        if count == 0 {
            return Ok(Self::default());
        }
        if count > MAX_SAMPLES {
            return Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("over 10 million samples in a track"));
        }
        let (times, last_duration) = columns::parse_times(stbl, count, shift_ticks, budget)?;
        let chunk_offsets = columns::parse_chunk_offsets(stbl, budget)?;
        let chunk_runs = columns::parse_chunk_runs(stbl, count, chunk_offsets.len(), budget)?;
        let compositions = columns::parse_compositions(stbl, count, budget)?;
        let syncs = columns::parse_syncs(stbl, count, budget)?;
        let chunks = Chunks::Listed { runs: chunk_runs, offsets: chunk_offsets };
        Ok(Self { count, sizes: Arc::new(sizes), times, last_duration, compositions, chunks, syncs })
    }

    /// Memory of the columns, in bytes, without the order that all tracks share.
    pub(super) fn memory_bytes(&self) -> usize {
        let compositions = match &self.compositions {
            Compositions::None => 0,
            Compositions::Runs(runs) => size_of_val(runs.as_slice()),
            Compositions::Palette { values, indexes } => size_of_val(values.as_slice()).saturating_add(indexes.len()),
        };
        let syncs = match &self.syncs {
            Syncs::All => 0,
            Syncs::Listed(column) => size_of_val(column.as_slice()),
        };
        let times = size_of_val(self.times.as_slice());
        [self.sizes.memory_bytes(), times, compositions, self.chunks.memory_bytes(), syncs]
            .into_iter()
            .fold(size_of::<Self>(), usize::saturating_add)
    }

    /// How many samples there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Is decode order presentation order, as far as the table says?
    pub(super) fn is_in_order(&self) -> bool {
        matches!(self.compositions, Compositions::None)
    }

    /// The sync samples, or `None` when every sample is one.
    pub(super) fn syncs(&self) -> Option<&[u32]> {
        match &self.syncs {
            Syncs::All => None,
            Syncs::Listed(list) => Some(list),
        }
    }

    /// Keeps only some of the sync samples, where not every sample is one.
    pub(super) fn keep_syncs(&mut self, is_kept: impl Fn(u32) -> bool) {
        if let Syncs::Listed(list) = &mut self.syncs {
            list.retain(|sync| is_kept(*sync));
        }
    }

    /// The first sample whose decode time is `ticks` or later; `count` when there is none.
    pub(super) fn first_at_or_after(&self, ticks: i64) -> u32 {
        let next = self.times.partition_point(|run| run.first_dts < ticks);
        let Some(run) = next.checked_sub(1).and_then(|index| self.times.get(index)) else { return 0 };
        let run_end = self.times.get(next).map_or(self.count, |run| run.first_sample);
        let ahead = ticks.saturating_sub(run.first_dts);
        let delta = i64::from(run.delta);
        let is_between = ahead.checked_rem(delta).is_some_and(|rest| rest != 0);
        let steps = ahead.checked_div(delta).map_or(i64::MAX, |steps| steps.saturating_add(is_between.into()));
        u32::try_from(steps).map_or(run_end, |steps| run.first_sample.saturating_add(steps).min(run_end))
    }

    /// The samples, in decode order, whose presentation can start in `[from, to)`: all that do, and for tables with composition
    /// offsets some that do not.
    pub(super) fn range_by_time(&self, from: Option<i64>, to: Option<i64>) -> Range<u32> {
        let (least, most) = self.composition_bounds();
        let start = from.map_or(0, |from| self.first_at_or_after(from.saturating_sub(most)));
        let end = to.map_or(self.count, |to| self.first_at_or_after(to.saturating_sub(least)));
        start..end.max(start)
    }

    /// Smallest and largest duration of all samples but the last; `None` below two samples.
    pub(super) fn duration_bounds(&self) -> Option<(u32, u32)> {
        let but_last = self.count.checked_sub(1).filter(|count| *count > 0)?;
        let deltas = || self.times.iter().take_while(|run| run.first_sample < but_last).map(|run| run.delta);
        deltas().min().zip(deltas().max())
    }

    fn composition_bounds(&self) -> (i64, i64) {
        let bounds = |values: &mut dyn Iterator<Item = i32>| {
            values.fold((0i64, 0i64), |(least, most), value| (least.min(value.into()), most.max(value.into())))
        };
        match &self.compositions {
            Compositions::None => (0, 0),
            Compositions::Runs(runs) => bounds(&mut runs.iter().map(|run| run.1)),
            Compositions::Palette { values, .. } => bounds(&mut values.iter().copied()),
        }
    }

    /// Bytes of a range of samples.
    pub(super) fn size_of(&self, range: Range<u32>) -> u64 {
        // The sum before a sample takes as long as the sizes of half a block.
        if range.len() <= sizes::BLOCK as usize {
            let samples = range.start..range.end.min(self.count);
            return samples.fold(0, |sum, sample| sum.saturating_add(self.size(sample).into()));
        }
        let sum_before = |sample: u32| self.sizes.sum_before(sample.min(self.count));
        sum_before(range.end).saturating_sub(sum_before(range.start))
    }

    fn size(&self, sample: u32) -> u32 {
        self.sizes.at(sample)
    }

    /// The samples of a range, in decode order; the range is cut at the end of the track.
    pub(super) fn samples(&self, range: Range<u32>) -> Samples<'_> {
        let times = self.times(range);
        let chunk = self.chunk_of(times.next);
        let offset = chunk.offset.saturating_add(self.size_of(chunk.first_sample..times.next));
        Samples { times, chunk, offset }
    }

    /// The same without where they lie, which takes longer to find than when they are.
    pub(super) fn times(&self, range: Range<u32>) -> Times<'_> {
        let end = range.end.min(self.count);
        let next = range.start.min(end);
        Times {
            table: self,
            next,
            end,
            time: self.times.partition_point(|run| run.first_sample <= next).saturating_sub(1),
            composition: match &self.compositions {
                Compositions::Runs(runs) => runs.partition_point(|run| run.0 <= next).saturating_sub(1),
                _ => 0,
            },
            sync: self.syncs().map_or(0, |list| list.partition_point(|sync| *sync < next)),
        }
    }

    /// One sample.
    pub(super) fn sample(&self, index: u32) -> Option<Sample> {
        self.samples(index..index.saturating_add(1)).next()
    }

    /// The chunk that holds a sample.
    fn chunk_of(&self, sample: u32) -> Chunk {
        let (runs, offsets) = match &self.chunks {
            Chunks::Listed { runs, offsets } => (runs, offsets),
            Chunks::Interleaved { order, slot } => return order.find(*slot, sample),
        };
        let run_index = runs.partition_point(|run| run.first_sample <= sample).saturating_sub(1);
        let Some(run) = runs.get(run_index) else { return Chunk::default() };
        let ahead = sample.saturating_sub(run.first_sample).checked_div(run.samples_per_chunk).unwrap_or(0);
        ListedChunk::new(runs, offsets, run_index, run.first_chunk.saturating_add(ahead)).into()
    }

    /// The chunk after another.
    fn chunk_after(&self, chunk: Chunk) -> Chunk {
        match (&self.chunks, chunk.place) {
            (Chunks::Interleaved { order, slot }, ChunkPlace::InOrder(position)) => order.next(*slot, position),
            (Chunks::Listed { runs, offsets }, ChunkPlace::Listed { run_index, number }) => {
                ListedChunk::after(runs, offsets, run_index, number).into()
            }
            // A chunk of another table.
            _ => Chunk::default(),
        }
    }
}

impl ChunkOffsets {
    fn len(&self) -> usize {
        match self {
            ChunkOffsets::Four(offsets) => offsets.len(),
            ChunkOffsets::Eight(offsets) => offsets.len(),
        }
    }

    fn at(&self, chunk: u32) -> u64 {
        let index = usize::try_from(chunk).unwrap_or(usize::MAX);
        match self {
            ChunkOffsets::Four(offsets) => offsets.get(index).copied().map_or(0, u64::from),
            ChunkOffsets::Eight(offsets) => offsets.get(index).copied().unwrap_or(0),
        }
    }
}

/// Samples that lie one behind the other.
#[derive(Clone, Debug, Default)]
struct Chunk {
    first_sample: u32,
    end_sample: u32,
    offset: u64,
    place: ChunkPlace,
}

/// From where the next chunk is found.
#[derive(Clone, Debug)]
enum ChunkPlace {
    Listed { run_index: usize, number: u32 },
    InOrder(Position),
}

impl Default for ChunkPlace {
    fn default() -> Self {
        ChunkPlace::Listed { run_index: 0, number: 0 }
    }
}

/// The same of a table that lists its chunks: no memory of its own, for those who go through all of them.
#[derive(Clone, Copy, Debug, Default)]
struct ListedChunk {
    first_sample: u32,
    end_sample: u32,
    offset: u64,
    run_index: usize,
    number: u32,
}

impl ListedChunk {
    /// A chunk by its number and the run it lies in.
    fn new(runs: &[ChunkRun], offsets: &ChunkOffsets, run_index: usize, number: u32) -> Self {
        let Some(run) = runs.get(run_index) else { return Self::default() };
        let before = number.saturating_sub(run.first_chunk).saturating_mul(run.samples_per_chunk);
        let first_sample = run.first_sample.saturating_add(before);
        let end_sample = first_sample.saturating_add(run.samples_per_chunk);
        Self { first_sample, end_sample, offset: offsets.at(number), run_index, number }
    }

    /// The chunk after that number.
    fn after(runs: &[ChunkRun], offsets: &ChunkOffsets, run_index: usize, number: u32) -> Self {
        let number = number.saturating_add(1);
        let next_run = run_index.saturating_add(1);
        let is_next = runs.get(next_run).is_some_and(|run| run.first_chunk <= number);
        Self::new(runs, offsets, if is_next { next_run } else { run_index }, number)
    }
}

impl From<ListedChunk> for Chunk {
    fn from(chunk: ListedChunk) -> Self {
        let ListedChunk { first_sample, end_sample, offset, run_index, number } = chunk;
        Self { first_sample, end_sample, offset, place: ChunkPlace::Listed { run_index, number } }
    }
}

/// When a sample is.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleTime {
    pub(super) index: u32,
    pub(super) dts_ticks: i64,
    pub(super) pts_ticks: i64,
    pub(super) duration_ticks: u32,
    pub(super) is_sync: bool,
}

/// When the samples of a range are, in one pass over the columns.
#[derive(Debug)]
pub(super) struct Times<'a> {
    table: &'a SampleTable,
    next: u32,
    end: u32,
    time: usize,
    composition: usize,
    sync: usize,
}

impl Iterator for Times<'_> {
    type Item = SampleTime;

    fn next(&mut self) -> Option<SampleTime> {
        let index = self.next;
        if index >= self.end {
            return None;
        }
        let table = self.table;
        self.next = index.saturating_add(1);
        while table.times.get(self.time.saturating_add(1)).is_some_and(|run| run.first_sample <= index) {
            self.time = self.time.saturating_add(1);
        }
        let run = table.times.get(self.time)?;
        // Built so that no time of the table passes MAX_TICKS.
        let ahead = i64::from(index.saturating_sub(run.first_sample)).saturating_mul(run.delta.into());
        let dts_ticks = run.first_dts.saturating_add(ahead);
        let is_last = self.next == table.count;
        let duration_ticks = if is_last && run.delta == 0 { table.last_duration } else { run.delta };
        let composition = match &table.compositions {
            Compositions::None => 0,
            Compositions::Runs(runs) => {
                while runs.get(self.composition.saturating_add(1)).is_some_and(|run| run.0 <= index) {
                    self.composition = self.composition.saturating_add(1);
                }
                runs.get(self.composition).map_or(0, |run| run.1)
            }
            Compositions::Palette { values, indexes } => usize::try_from(index)
                .ok()
                .and_then(|index| values.get(usize::from(*indexes.get(index)?)))
                .copied()
                .unwrap_or(0),
        };
        let is_sync = match &table.syncs {
            Syncs::All => true,
            Syncs::Listed(list) => {
                let is_sync = list.get(self.sync) == Some(&index);
                self.sync = self.sync.saturating_add(usize::from(is_sync));
                is_sync
            }
        };
        let pts_ticks = dts_ticks.saturating_add(composition.into());
        Some(SampleTime { index, dts_ticks, pts_ticks, duration_ticks, is_sync })
    }
}

/// The samples of a range, in one pass over the columns.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    times: Times<'a>,
    chunk: Chunk,
    offset: u64,
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let SampleTime { index, dts_ticks, pts_ticks, duration_ticks, is_sync } = self.times.next()?;
        let table = self.times.table;
        if index >= self.chunk.end_sample {
            self.chunk = table.chunk_after(std::mem::take(&mut self.chunk));
            self.offset = self.chunk.offset;
        }
        let size_bytes = table.size(index);
        let offset_bytes = self.offset;
        self.offset = offset_bytes.saturating_add(size_bytes.into());
        Some(Sample { index, dts_ticks, pts_ticks, duration_ticks, size_bytes, offset_bytes, is_sync })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::container::codec::boxes::{write_box, write_full_box};

    fn numbers(values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    fn counted(kind: [u8; 4], entry_count: usize, values: &[u32]) -> Vec<u8> {
        write_full_box(kind, 0, &[numbers(&[entry_count as u32]), numbers(values)].concat()).to_vec()
    }

    /// `stbl` of samples given one by one: size, duration, composition offset; chunks of the given sizes, each at its own place.
    fn stbl(samples: &[(u32, u32, i32)], chunks: &[u32], syncs: Option<&[u32]>) -> Vec<u8> {
        let chunks: Vec<(u32, u64)> = (0..).zip(chunks).map(|(at, count)| (*count, chunk_place(at))).collect();
        let mut out = stbl_at(samples, &chunks);
        if let Some(syncs) = syncs {
            out.extend(counted(*b"stss", syncs.len(), syncs));
        }
        out
    }

    /// The same with chunks of so many samples at these places.
    pub(super) fn stbl_at(samples: &[(u32, u32, i32)], chunks: &[(u32, u64)]) -> Vec<u8> {
        let count = samples.len();
        let sizes: Vec<u32> = samples.iter().map(|sample| sample.0).collect();
        let durations: Vec<u32> = samples.iter().flat_map(|sample| [1, sample.1]).collect();
        let offsets: Vec<u32> = samples.iter().flat_map(|sample| [1, sample.2 as u32]).collect();
        let runs: Vec<u32> = chunks.iter().zip(1..).flat_map(|(chunk, number)| [number, chunk.0, 1]).collect();
        let places: Vec<u32> = chunks.iter().map(|chunk| chunk.1 as u32).collect();
        let mut out = write_full_box(*b"stsz", 0, &[numbers(&[0, count as u32]), numbers(&sizes)].concat()).to_vec();
        out.extend(counted(*b"stts", count, &durations));
        out.extend(counted(*b"ctts", count, &offsets));
        out.extend(counted(*b"stsc", chunks.len(), &runs));
        out.extend(counted(*b"stco", chunks.len(), &places));
        out
    }

    fn chunk_place(chunk: u32) -> u64 {
        // Backwards, so that nothing can rely on rising offsets.
        1_000_000_000 - u64::from(chunk) * 1_000_000
    }

    pub(super) fn parse(stbl: &[u8]) -> Result<SampleTable> {
        SampleTable::parse(stbl, 0, &mut Budget::new())
    }

    proptest! {
        /// Goal: columns, running sums and lookups say the same as the samples counted one by one.
        #[test]
        fn table_agrees_with_counting(
            samples in prop::collection::vec((0u32..70_000, 0u32..4, -5i32..5), 1..400),
            chunk_sizes in prop::collection::vec(1u32..9, 400),
            probes in prop::collection::vec(0i64..900, 8),
        ) {
            let mut chunks = Vec::new();
            let mut left = samples.len() as u32;
            for size in chunk_sizes {
                if left == 0 { break; }
                chunks.push(size.min(left));
                left = left.saturating_sub(size);
            }
            let table = parse(&stbl(&samples, &chunks, Some(&[1]))).unwrap();
            let mut expected = Vec::new();
            let (mut dts, mut chunk, mut in_chunk, mut place) = (0i64, 0usize, 0u32, chunk_place(0));
            for (index, (size, duration, offset)) in samples.iter().enumerate() {
                if in_chunk == chunks[chunk] {
                    (chunk, in_chunk) = (chunk + 1, 0);
                    place = chunk_place(chunk as u32);
                }
                let last_duration = samples.iter().rev().map(|s| s.1).find(|d| *d != 0).unwrap_or(0);
                let is_last = index + 1 == samples.len();
                expected.push(Sample {
                    index: index as u32,
                    dts_ticks: dts,
                    pts_ticks: dts + i64::from(*offset),
                    duration_ticks: if is_last && *duration == 0 { last_duration } else { *duration },
                    size_bytes: *size,
                    offset_bytes: place,
                    is_sync: index == 0,
                });
                dts += i64::from(*duration);
                in_chunk += 1;
                place += u64::from(*size);
            }
            let all: Vec<Sample> = table.samples(0..u32::MAX).collect();
            prop_assert_eq!(&all, &expected);
            for probe in probes {
                let first = expected.iter().position(|sample| sample.dts_ticks >= probe).unwrap_or(expected.len());
                prop_assert_eq!(table.first_at_or_after(probe) as usize, first);
                let index = probe as usize % expected.len();
                prop_assert_eq!(table.sample(index as u32), Some(expected[index]));
                let sum: u64 = expected[..index].iter().map(|sample| u64::from(sample.size_bytes)).sum();
                prop_assert_eq!(table.size_of(0..index as u32), sum);
                let range = table.range_by_time(Some(probe), Some(probe + 7));
                for sample in expected.iter().filter(|sample| (probe..probe + 7).contains(&sample.pts_ticks)) {
                    prop_assert!(range.contains(&sample.index));
                }
            }
        }
    }

    /// Goal: a film of 108 minutes costs at most 1.4 MB.
    /// Method: 160,000 pictures with B-frames in chunks of half a second, 300,000 packets of sound in chunks of ten.
    #[test]
    fn a_film_costs_little() {
        let mut budget = Budget::new();
        let video: Vec<_> = (0..160_000u32).map(|n| (40_000 + n % 7 * 9_999, 1001, (n % 4) as i32 * 1001)).collect();
        let sound: Vec<_> = (0..300_000u32).map(|n| (300 + n % 200, 1024, 0)).collect();
        let video = SampleTable::parse(&stbl_in_runs(&video, 12), 0, &mut budget).unwrap();
        let sound = SampleTable::parse(&stbl_in_runs(&sound, 10), 0, &mut budget).unwrap();
        let used = video.memory_bytes() + sound.memory_bytes();
        assert!(used <= 1_400_000, "{used} bytes");
    }

    /// As writers do it: one run of durations, one of chunks.
    fn stbl_in_runs(samples: &[(u32, u32, i32)], per_chunk: u32) -> Vec<u8> {
        let count = samples.len() as u32;
        let sizes: Vec<u32> = samples.iter().map(|sample| sample.0).collect();
        let offsets: Vec<u32> = samples.iter().flat_map(|sample| [1, sample.2 as u32]).collect();
        let chunks = count.div_ceil(per_chunk);
        let mut out = write_full_box(*b"stsz", 0, &[numbers(&[0, count]), numbers(&sizes)].concat()).to_vec();
        out.extend(counted(*b"stts", 1, &[count, samples[0].1]));
        out.extend(counted(*b"ctts", samples.len(), &offsets));
        out.extend(counted(*b"stsc", 1, &[1, per_chunk, 1]));
        out.extend(counted(*b"stco", chunks as usize, &(0..chunks).collect::<Vec<_>>()));
        out
    }

    /// Goal: the rarer boxes, `co64` and `stz2` in its three field sizes, say the same as the usual ones.
    #[test]
    fn rare_boxes_are_read() {
        for (field, packed) in [(4, vec![0x12, 0x30]), (8, vec![1, 2, 3]), (16, vec![0, 1, 0, 2, 0, 3])] {
            let mut body = write_full_box(*b"stz2", 0, &[numbers(&[field, 3]), packed].concat()).to_vec();
            body.extend(counted(*b"stts", 1, &[3, 10]));
            body.extend(counted(*b"stsc", 1, &[1, 3, 1]));
            body.extend(counted(*b"co64", 1, &[2, 5]));
            let table = parse(&body).unwrap();
            let found: Vec<_> = table.samples(0..3).map(|sample| (sample.size_bytes, sample.offset_bytes)).collect();
            let base = (2 << 32) + 5;
            assert_eq!(found, [(1, base), (2, base + 1), (3, base + 3)]);
            assert!(table.syncs().is_none());
        }
    }

    /// Goal: tables that promise more than they hold, or more than anyone has time for, are refused before anything is allocated.
    #[test]
    fn claims_are_checked_before_allocation() {
        let usual = |stsz: &[u32], stts: &[u32], stsc: &[u32]| {
            let mut body = write_full_box(*b"stsz", 0, &numbers(stsz)).to_vec();
            body.extend(counted(*b"stts", stts.len() / 2, stts));
            body.extend(counted(*b"stsc", stsc.len() / 3, stsc));
            body.extend(counted(*b"stco", 1, &[0]));
            parse(&body).map_err(|error| error.kind())
        };
        assert!(usual(&[1, 10], &[10, 1], &[1, 10, 1]).is_ok());
        assert_eq!(usual(&[0, u32::MAX], &[10, 1], &[1, 10, 1]).unwrap_err(), ErrorKind::Malformed);
        assert_eq!(usual(&[1, u32::MAX], &[10, 1], &[1, u32::MAX, 1]).unwrap_err(), ErrorKind::LimitExceeded);
        assert_eq!(usual(&[1, 11], &[10, 1], &[1, 10, 1]).unwrap_err(), ErrorKind::Malformed);
        assert_eq!(usual(&[1, 10], &[], &[1, 10, 1]).unwrap_err(), ErrorKind::Malformed);
        assert_eq!(usual(&[1, 10], &[10, 1], &[1, 0, 1]).unwrap_err(), ErrorKind::Malformed);
        assert_eq!(usual(&[1, 10], &[10, 1], &[2, 10, 1]).unwrap_err(), ErrorKind::Malformed);
        assert_eq!(
            usual(&[1, 9_000_000], &[9_000_000, u32::MAX], &[1, 9_000_000, 1]).unwrap_err(),
            ErrorKind::Malformed
        );
        assert_eq!(usual(&[1], &[10, 1], &[1, 10, 1]).unwrap_err(), ErrorKind::Malformed);
        let box_without_body = write_box(*b"stsz", &[]);
        assert!(parse(&box_without_body).is_err() && parse(&[]).is_err());
    }
}
