//! Sample tables in columns (ISO/IEC 14496-12 sections 8.6 and 8.7): about five bytes a sample, lookups in O(log n), iteration in one pass.

use std::ops::Range;

use super::malformed;
use crate::container::MAX_INDEX_BYTES;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::{Error, ErrorKind, Result};

/// Most samples of a track (PARSE-02).
pub(super) const MAX_SAMPLES: u32 = 10_000_000;
/// Largest time in ticks that is believed: sums and products below stay far from overflow (PARSE-03).
const MAX_TICKS: i64 = 1 << 53;
/// A running sum of sizes is kept for each so many samples.
const SUM_STEP: u32 = 64;

/// How much memory the tables of a file may still take.
#[derive(Debug)]
pub(super) struct Budget {
    left_bytes: u64,
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
    sizes: Sizes,
    /// Sum of the sizes before sample `k * SUM_STEP`; empty for fixed sizes.
    size_sums: Vec<u64>,
    times: Vec<TimeRun>,
    /// Duration of the last sample where `stts` says 0.
    last_duration: u32,
    compositions: Compositions,
    chunk_runs: Vec<ChunkRun>,
    chunk_offsets: ChunkOffsets,
    syncs: Syncs,
}

#[derive(Debug)]
enum Sizes {
    Fixed(u32),
    Two(Vec<u16>),
    Three(Vec<[u8; 3]>),
    Four(Vec<u32>),
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes::Fixed(0)
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
        let (count, sizes) = parse_sizes(stbl, budget)?;
        if count == 0 {
            return Ok(Self::default());
        }
        if count > MAX_SAMPLES {
            return Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("over 10 million samples in a track"));
        }
        let (times, last_duration) = parse_times(stbl, count, shift_ticks, budget)?;
        let chunk_offsets = parse_chunk_offsets(stbl, budget)?;
        let chunk_runs = parse_chunk_runs(stbl, count, chunk_offsets.len(), budget)?;
        let compositions = parse_compositions(stbl, count, budget)?;
        let syncs = parse_syncs(stbl, count, budget)?;
        let size_sums = sum_sizes(&sizes, count, budget)?;
        Ok(Self { count, sizes, size_sums, times, last_duration, compositions, chunk_runs, chunk_offsets, syncs })
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

    /// The first sample whose decode time is `ticks` or later; `count` when there is none.
    pub(super) fn first_at_or_after(&self, ticks: i64) -> u32 {
        let next = self.times.partition_point(|run| run.first_dts < ticks);
        let Some(run) = next.checked_sub(1).and_then(|index| self.times.get(index)) else { return 0 };
        let run_end = self.times.get(next).map_or(self.count, |run| run.first_sample);
        let ahead = ticks.saturating_sub(run.first_dts);
        let steps = match i64::from(run.delta) {
            0 => i64::MAX,
            delta => ahead / delta + i64::from(ahead % delta != 0),
        };
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
        self.sum_before(range.end.min(self.count)).saturating_sub(self.sum_before(range.start.min(self.count)))
    }

    fn sum_before(&self, sample: u32) -> u64 {
        if let Sizes::Fixed(size) = self.sizes {
            return u64::from(size).saturating_mul(u64::from(sample));
        }
        let step = sample / SUM_STEP;
        let base = usize::try_from(step).ok().and_then(|step| self.size_sums.get(step)).copied().unwrap_or(0);
        let rest = step.saturating_mul(SUM_STEP)..sample;
        rest.fold(base, |sum, index| sum.saturating_add(self.size(index).into()))
    }

    fn size(&self, sample: u32) -> u32 {
        self.sizes.at(sample)
    }

    /// The samples of a range, in decode order; the range is cut at the end of the track.
    pub(super) fn samples(&self, range: Range<u32>) -> Samples<'_> {
        let end = range.end.min(self.count);
        let next = range.start.min(end);
        let chunk = self.chunk_of(next);
        Samples {
            table: self,
            next,
            end,
            time: self.times.partition_point(|run| run.first_sample <= next).saturating_sub(1),
            composition: match &self.compositions {
                Compositions::Runs(runs) => runs.partition_point(|run| run.0 <= next).saturating_sub(1),
                _ => 0,
            },
            sync: self.syncs().map_or(0, |list| list.partition_point(|sync| *sync < next)),
            offset: chunk.offset.saturating_add(self.size_of(chunk.first_sample..next)),
            chunk,
        }
    }

    /// One sample.
    pub(super) fn sample(&self, index: u32) -> Option<Sample> {
        self.samples(index..index.saturating_add(1)).next()
    }

    /// The chunk that holds a sample.
    fn chunk_of(&self, sample: u32) -> Chunk {
        let run_index = self.chunk_runs.partition_point(|run| run.first_sample <= sample).saturating_sub(1);
        let Some(run) = self.chunk_runs.get(run_index) else { return Chunk::default() };
        let ahead = sample.saturating_sub(run.first_sample).checked_div(run.samples_per_chunk).unwrap_or(0);
        self.chunk(run_index, run.first_chunk.saturating_add(ahead))
    }

    /// A chunk by its number and the run it lies in.
    fn chunk(&self, run_index: usize, number: u32) -> Chunk {
        let Some(run) = self.chunk_runs.get(run_index) else { return Chunk::default() };
        let before = number.saturating_sub(run.first_chunk).saturating_mul(run.samples_per_chunk);
        let first_sample = run.first_sample.saturating_add(before);
        Chunk {
            run_index,
            number,
            first_sample,
            end_sample: first_sample.saturating_add(run.samples_per_chunk),
            offset: self.chunk_offsets.at(number),
        }
    }

    /// The chunk after another.
    fn chunk_after(&self, chunk: &Chunk) -> Chunk {
        let number = chunk.number.saturating_add(1);
        let next_run = chunk.run_index.saturating_add(1);
        match self.chunk_runs.get(next_run) {
            Some(run) if run.first_chunk <= number => self.chunk(next_run, number),
            _ => self.chunk(chunk.run_index, number),
        }
    }
}

impl Sizes {
    fn at(&self, sample: u32) -> u32 {
        let index = usize::try_from(sample).unwrap_or(usize::MAX);
        match self {
            Sizes::Fixed(size) => *size,
            Sizes::Two(sizes) => sizes.get(index).copied().map_or(0, u32::from),
            Sizes::Three(sizes) => sizes.get(index).map_or(0, |&[a, b, c]| u32::from_be_bytes([0, a, b, c])),
            Sizes::Four(sizes) => sizes.get(index).copied().unwrap_or(0),
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

#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    run_index: usize,
    number: u32,
    first_sample: u32,
    end_sample: u32,
    offset: u64,
}

/// The samples of a range, in one pass over the columns.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    table: &'a SampleTable,
    next: u32,
    end: u32,
    time: usize,
    composition: usize,
    sync: usize,
    chunk: Chunk,
    offset: u64,
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
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
        if index >= self.chunk.end_sample {
            self.chunk = table.chunk_after(&self.chunk);
            self.offset = self.chunk.offset;
        }
        let size_bytes = table.size(index);
        let offset_bytes = self.offset;
        self.offset = offset_bytes.saturating_add(size_bytes.into());
        let pts_ticks = dts_ticks.saturating_add(composition.into());
        Some(Sample { index, dts_ticks, pts_ticks, duration_ticks, size_bytes, offset_bytes, is_sync })
    }
}

/// The entries of a table box behind version and flags and what `fields` reads: `count` of `entry_size` bytes each, all of them there.
fn entries(reader: ByteReader<'_>, count: u32, entry_size: usize) -> Result<std::slice::ChunksExact<'_, u8>> {
    let bytes = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(entry_size))
        .and_then(|len| reader.rest().get(..len))
        .ok_or_else(|| malformed("a sample table is shorter than it says"))?;
    Ok(bytes.chunks_exact(entry_size))
}

/// Version, flags and entry count of the usual table box; `None` when the box is not there.
fn table<'a>(stbl: &'a [u8], kind: [u8; 4]) -> Result<Option<(ByteReader<'a>, u32)>> {
    let Some(body) = Children::find(stbl, kind) else { return Ok(None) };
    let mut reader = ByteReader::new(body);
    match reader.u32().and_then(|_| reader.u32()) {
        Some(count) => Ok(Some((reader, count))),
        None => Err(malformed("a sample table is shorter than it says")),
    }
}

fn pair(entry: &[u8]) -> Option<(u32, u32)> {
    let mut reader = ByteReader::new(entry);
    reader.u32().zip(reader.u32())
}

/// `stsz` (section 8.7.3.2) or `stz2` (section 8.7.3.3).
fn parse_sizes(stbl: &[u8], budget: &mut Budget) -> Result<(u32, Sizes)> {
    let short = || malformed("a sample table is shorter than it says");
    if let Some((mut reader, fixed)) = table(stbl, *b"stsz")? {
        let count = reader.u32().ok_or_else(short)?;
        if fixed != 0 {
            return Ok((count, Sizes::Fixed(fixed)));
        }
        let entries = entries(reader, count, 4)?.filter_map(|entry| entry.first_chunk::<4>());
        let largest = entries.clone().map(|entry| u32::from_be_bytes(*entry)).max().unwrap_or(0);
        let len = usize::try_from(count).unwrap_or(usize::MAX);
        let sizes = if largest <= 0xFFFF {
            budget.take::<u16>(len)?;
            Sizes::Two(entries.map(|&[_, _, c, d]| u16::from_be_bytes([c, d])).collect())
        } else if largest <= 0xFF_FFFF {
            budget.take::<[u8; 3]>(len)?;
            Sizes::Three(entries.map(|&[_, b, c, d]| [b, c, d]).collect())
        } else {
            budget.take::<u32>(len)?;
            Sizes::Four(entries.map(|entry| u32::from_be_bytes(*entry)).collect())
        };
        return Ok((count, sizes));
    }
    let Some((mut reader, field_size)) = table(stbl, *b"stz2")? else {
        return Err(malformed("stsz is missing"));
    };
    let count = reader.u32().ok_or_else(short)?;
    let len = usize::try_from(count).unwrap_or(usize::MAX);
    let sizes: Vec<u16> = match field_size & 0xFF {
        4 => {
            let packed = entries(reader, count.div_ceil(2), 1)?;
            budget.take::<u16>(len)?;
            packed.flatten().flat_map(|byte| [byte >> 4, byte & 0xF]).map(u16::from).take(len).collect()
        }
        8 => {
            let packed = entries(reader, count, 1)?;
            budget.take::<u16>(len)?;
            packed.flatten().copied().map(u16::from).collect()
        }
        16 => {
            let packed = entries(reader, count, 2)?;
            budget.take::<u16>(len)?;
            packed.filter_map(|entry| entry.first_chunk::<2>()).map(|entry| u16::from_be_bytes(*entry)).collect()
        }
        _ => return Err(malformed("stz2 of an unknown field size")),
    };
    Ok((count, Sizes::Two(sizes)))
}

fn sum_sizes(sizes: &Sizes, count: u32, budget: &mut Budget) -> Result<Vec<u64>> {
    if matches!(sizes, Sizes::Fixed(_)) {
        return Ok(Vec::new());
    }
    let len = usize::try_from(count / SUM_STEP).unwrap_or(usize::MAX).saturating_add(1);
    budget.take::<u64>(len)?;
    let mut sums = Vec::with_capacity(len);
    let mut sum = 0u64;
    for index in 0..count {
        if index.is_multiple_of(SUM_STEP) {
            sums.push(sum);
        }
        sum = sum.saturating_add(sizes.at(index).into());
    }
    if count.is_multiple_of(SUM_STEP) {
        sums.push(sum);
    }
    Ok(sums)
}

/// `stts` (section 8.6.1.2), and how long the last sample lasts where that is 0. Entries beyond the last sample are left out; samples
/// beyond the last entry last as long as it says, as players have it.
fn parse_times(stbl: &[u8], count: u32, shift: i64, budget: &mut Budget) -> Result<(Vec<TimeRun>, u32)> {
    let (reader, entry_count) = table(stbl, *b"stts")?.ok_or_else(|| malformed("stts is missing"))?;
    let entries = entries(reader, entry_count, 8)?;
    budget.take::<TimeRun>(entries.len())?;
    let mut runs: Vec<TimeRun> = Vec::with_capacity(entries.len());
    let (mut sample, mut dts) = (0u32, shift);
    for (run_count, delta) in entries.filter_map(pair) {
        if sample >= count {
            break;
        }
        if run_count == 0 {
            continue;
        }
        let run_count = run_count.min(count.saturating_sub(sample));
        if runs.last().is_none_or(|last| last.delta != delta) {
            runs.push(TimeRun { first_sample: sample, first_dts: dts, delta });
        }
        sample = sample.saturating_add(run_count);
        dts = dts.saturating_add(i64::from(run_count).saturating_mul(delta.into()));
        if dts > MAX_TICKS {
            return Err(malformed("sample times beyond all time"));
        }
    }
    let last = runs.last().ok_or_else(|| malformed("stts is empty"))?;
    let rest = i64::from(count.saturating_sub(sample)).saturating_mul(last.delta.into());
    if dts.saturating_add(rest) > MAX_TICKS {
        return Err(malformed("sample times beyond all time"));
    }
    let last_duration = runs.iter().rev().map(|run| run.delta).find(|delta| *delta != 0).unwrap_or(0);
    Ok((runs, last_duration))
}

/// `ctts` (section 8.6.1.3). Offsets are read with a sign in either version: writers put negative ones into version 0 too.
fn parse_compositions(stbl: &[u8], count: u32, budget: &mut Budget) -> Result<Compositions> {
    let Some((reader, entry_count)) = table(stbl, *b"ctts")? else { return Ok(Compositions::None) };
    let entries = entries(reader, entry_count, 8)?;
    let pairs = entries.clone().filter_map(pair).map(|(run_count, offset)| (run_count, offset.cast_signed()));
    if pairs.clone().all(|(_, offset)| offset == 0) {
        return Ok(Compositions::None);
    }
    let len = usize::try_from(count).unwrap_or(usize::MAX);
    // A byte a sample instead of eight a run; only where that is less, so that the file pays for what is allocated.
    if entries.len().saturating_mul(size_of::<(u32, i32)>()) > len
        && let Some(palette) = parse_palette(pairs.clone(), len, budget)?
    {
        return Ok(palette);
    }
    budget.take::<(u32, i32)>(entries.len())?;
    let mut runs: Vec<(u32, i32)> = Vec::with_capacity(entries.len());
    let mut sample = 0u32;
    for (run_count, offset) in pairs {
        if run_count > 0 && sample < count && runs.last().is_none_or(|last| last.1 != offset) {
            runs.push((sample, offset));
        }
        sample = sample.saturating_add(run_count);
    }
    if sample < count {
        // What the table does not speak of has no offset.
        runs.push((sample, 0));
    }
    Ok(Compositions::Runs(runs))
}

/// Offsets as indexes into at most 256 values; `None` when there are more.
fn parse_palette(
    pairs: impl Iterator<Item = (u32, i32)>,
    len: usize,
    budget: &mut Budget,
) -> Result<Option<Compositions>> {
    budget.take::<u8>(len)?;
    let mut values: Vec<i32> = vec![0];
    let mut indexes: Vec<u8> = Vec::with_capacity(len);
    for (run_count, offset) in pairs {
        let position = values.iter().position(|value| *value == offset).unwrap_or_else(|| {
            values.push(offset);
            values.len().saturating_sub(1)
        });
        let Ok(index) = u8::try_from(position) else { return Ok(None) };
        let room = len.saturating_sub(indexes.len());
        let run_count = usize::try_from(run_count).unwrap_or(usize::MAX).min(room);
        indexes.extend(std::iter::repeat_n(index, run_count));
    }
    indexes.resize(len, 0);
    Ok(Some(Compositions::Palette { values, indexes }))
}

/// `stco` or `co64` (section 8.7.5).
fn parse_chunk_offsets(stbl: &[u8], budget: &mut Budget) -> Result<ChunkOffsets> {
    if let Some((reader, count)) = table(stbl, *b"stco")? {
        let entries = entries(reader, count, 4)?;
        budget.take::<u32>(entries.len())?;
        let offsets = entries.filter_map(|entry| entry.first_chunk()).map(|entry| u32::from_be_bytes(*entry));
        return Ok(ChunkOffsets::Four(offsets.collect()));
    }
    let (reader, count) = table(stbl, *b"co64")?.ok_or_else(|| malformed("stco is missing"))?;
    let entries = entries(reader, count, 8)?;
    budget.take::<u64>(entries.len())?;
    let offsets = entries.filter_map(|entry| entry.first_chunk()).map(|entry| u64::from_be_bytes(*entry));
    Ok(ChunkOffsets::Eight(offsets.collect()))
}

/// `stsc` (section 8.7.4): must cover every sample with chunks that are there.
fn parse_chunk_runs(stbl: &[u8], count: u32, chunk_count: usize, budget: &mut Budget) -> Result<Vec<ChunkRun>> {
    let (reader, entry_count) = table(stbl, *b"stsc")?.ok_or_else(|| malformed("stsc is missing"))?;
    let entries = entries(reader, entry_count, 12)?;
    budget.take::<ChunkRun>(entries.len())?;
    let chunk_count = u32::try_from(chunk_count).unwrap_or(u32::MAX);
    let mut runs: Vec<ChunkRun> = Vec::with_capacity(entries.len());
    for (first_chunk, samples_per_chunk) in entries.filter_map(pair) {
        let first_chunk = first_chunk.checked_sub(1).ok_or_else(|| malformed("stsc counts chunks from 1"))?;
        let first_sample = match runs.last() {
            None if first_chunk == 0 => 0,
            Some(last) if first_chunk > last.first_chunk => first_chunk
                .checked_sub(last.first_chunk)
                .and_then(|chunks| chunks.checked_mul(last.samples_per_chunk))
                .and_then(|samples| samples.checked_add(last.first_sample))
                .ok_or_else(|| malformed("stsc tells of too many samples"))?,
            _ => return Err(malformed("stsc does not rise")),
        };
        if samples_per_chunk == 0 {
            return Err(malformed("a chunk without samples"));
        }
        if first_sample >= count || first_chunk >= chunk_count {
            break;
        }
        runs.push(ChunkRun { first_chunk, first_sample, samples_per_chunk });
    }
    let covered = runs.last().map_or(0, |last| {
        let chunks = u64::from(chunk_count.saturating_sub(last.first_chunk));
        chunks.saturating_mul(last.samples_per_chunk.into()).saturating_add(last.first_sample.into())
    });
    if covered < u64::from(count) {
        return Err(malformed("fewer chunks than the samples need"));
    }
    Ok(runs)
}

/// `stss` (section 8.6.2); samples that do not exist are left out, and a list without any keeps the first sample.
fn parse_syncs(stbl: &[u8], count: u32, budget: &mut Budget) -> Result<Syncs> {
    let Some((reader, entry_count)) = table(stbl, *b"stss")? else { return Ok(Syncs::All) };
    let entries = entries(reader, entry_count, 4)?;
    budget.take::<u32>(entries.len().max(1))?;
    let mut list: Vec<u32> = entries
        .filter_map(|entry| entry.first_chunk::<4>())
        .filter_map(|entry| u32::from_be_bytes(*entry).checked_sub(1))
        .filter(|sample| *sample < count)
        .collect();
    list.sort_unstable();
    list.dedup();
    if list.is_empty() {
        list.push(0);
    }
    if u32::try_from(list.len()) == Ok(count) {
        return Ok(Syncs::All);
    }
    Ok(Syncs::Listed(list))
}

/// Which sample descriptions the chunks of a track use, as indexes from 0; `None` when there is more than one.
pub(super) fn only_description(stbl: &[u8]) -> Result<Option<u32>> {
    let Some((reader, count)) = table(stbl, *b"stsc")? else { return Ok(Some(0)) };
    let mut used =
        entries(reader, count, 12)?.filter_map(|entry| entry.last_chunk::<4>()).map(|last| u32::from_be_bytes(*last));
    let Some(first) = used.next() else { return Ok(Some(0)) };
    Ok(used.all(|other| other == first).then(|| first.saturating_sub(1)))
}
