//! A sample table in a stored index. Whatever lookups rely on is checked when it is read.

use std::sync::Arc;

use super::interleave::Interleave;
use super::{ChunkOffsets, ChunkRun, Chunks, Compositions, MAX_SAMPLES, SampleTable, Sizes, Syncs, TimeRun};
use crate::Result;
use crate::container::mp4::stored::inconsistent;
use crate::container::stored::{Reader, Writer};

/// When a sample is decoded if nothing is between it and the run before.
fn end_of_run(run: &TimeRun, sample: u32) -> i64 {
    let ahead = i64::from(sample.saturating_sub(run.first_sample)).saturating_mul(run.delta.into());
    run.first_dts.saturating_add(ahead)
}

/// Where chunks lie if nothing lies between them: what does is the sound between pictures, or the other way round, so that a chunk takes two
/// or three bytes in place of eight.
struct ChunkPlaces<'a> {
    sizes: &'a Sizes,
    sample_count: u32,
    runs: &'a [ChunkRun],
    chunk: u32,
    sample: u32,
    end: u64,
}

impl<'a> ChunkPlaces<'a> {
    fn new(sizes: &'a Sizes, sample_count: u32, runs: &'a [ChunkRun]) -> Self {
        Self { sizes, sample_count, runs, chunk: 0, sample: 0, end: 0 }
    }

    /// Behind the chunk before.
    fn expected(&self) -> u64 {
        self.end
    }

    /// The next chunk begins at `offset`.
    fn advance(&mut self, offset: u64) {
        while let [_, rest @ ..] = self.runs
            && rest.first().is_some_and(|next| next.first_chunk <= self.chunk)
        {
            self.runs = rest;
        }
        let len = self.runs.first().map_or(0, |run| run.samples_per_chunk);
        let last = self.sample.saturating_add(len).min(self.sample_count);
        self.end = (self.sample..last).fold(offset, |end, sample| end.wrapping_add(self.sizes.at(sample).into()));
        self.sample = last;
        self.chunk = self.chunk.saturating_add(1);
    }
}

/// Writes the tables of a file, and once what they share.
pub(in crate::container::mp4) fn write_tables<'a>(
    tables: impl ExactSizeIterator<Item = &'a SampleTable> + Clone,
    writer: &mut Writer,
) {
    writer.number(tables.len() as u64);
    tables.clone().for_each(|table| table.write(writer));
    let order = tables.clone().find_map(|table| match &table.chunks {
        Chunks::Interleaved { order, slot: _ } => Some(order),
        Chunks::Listed { runs: _, offsets: _ } => None,
    });
    writer.option(order, |writer, order| order.write(writer));
}

/// Reads what [`write_tables`] wrote, and how much memory the tables share, in bytes.
pub(in crate::container::mp4) fn read_tables(reader: &mut Reader<'_>) -> Result<(Vec<SampleTable>, usize)> {
    let mut tables = reader.list(SampleTable::MIN_STORED_SIZE, SampleTable::read)?;
    let Some(order) = reader.option(|reader| Interleave::read(reader, &tables))? else {
        // A table that waits for an order has no chunks.
        return match tables.iter().all(|table| table.count == 0 || table.chunks.count() > 0) {
            true => Ok((tables, 0)),
            false => Err(inconsistent("samples without a place")),
        };
    };
    let memory_bytes = order.memory_bytes();
    let order = Arc::new(order);
    for (slot, table) in tables.iter_mut().enumerate().filter(|(_, table)| table.count > 0) {
        if table.chunks.count() > 0 {
            return Err(inconsistent("samples with two places"));
        }
        table.chunks = Chunks::Interleaved { order: order.clone(), slot };
    }
    Ok((tables, memory_bytes))
}

impl SampleTable {
    /// Least bytes of a table.
    pub(in crate::container::mp4) const MIN_STORED_SIZE: usize = 8;

    pub(in crate::container::mp4) fn write(&self, writer: &mut Writer) {
        let Self { count, sizes, times, last_duration, compositions, chunks, syncs } = self;
        writer.number((*count).into());
        sizes.write(writer);
        let mut last = TimeRun { first_sample: 0, first_dts: 0, delta: 0 };
        writer.list(times, |writer, run| {
            let TimeRun { first_sample, first_dts, delta } = *run;
            writer.number(first_sample.saturating_sub(last.first_sample).into());
            writer.signed(first_dts.wrapping_sub(end_of_run(&last, first_sample)));
            writer.number(delta.into());
            last = *run;
        });
        writer.number((*last_duration).into());
        match compositions {
            Compositions::None => writer.byte(0),
            Compositions::Runs(runs) => {
                writer.byte(1);
                writer.list(runs, |writer, (first_sample, offset)| {
                    writer.number((*first_sample).into());
                    writer.signed((*offset).into());
                });
            }
            Compositions::Palette { values, indexes } => {
                writer.byte(2);
                writer.list(values, |writer, value| writer.signed((*value).into()));
                writer.bytes(indexes);
            }
        }
        match chunks {
            Chunks::Listed { runs, offsets } => {
                writer.byte(0);
                write_chunks(runs, offsets, sizes, *count, writer);
            }
            // Which of the order's tracks it is, its place among the tables says.
            Chunks::Interleaved { order: _, slot: _ } => writer.byte(1),
        }
        match syncs {
            Syncs::All => writer.byte(0),
            Syncs::Listed(column) => {
                writer.byte(1);
                writer.differences(column.iter().copied().map(u64::from));
            }
        }
    }

    pub(in crate::container::mp4) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let count: u32 = reader.small()?;
        if count > MAX_SAMPLES {
            return Err(inconsistent("over 10 million samples in a track"));
        }
        let sizes = Sizes::read(reader, count)?;
        let mut last = TimeRun { first_sample: 0, first_dts: 0, delta: 0 };
        let times = reader.list(3, |reader| {
            let first_sample = last.first_sample.saturating_add(reader.small()?);
            let first_dts = end_of_run(&last, first_sample).wrapping_add(reader.signed()?);
            last = TimeRun { first_sample, first_dts, delta: reader.small()? };
            Ok(last)
        })?;
        let last_duration = reader.small()?;
        let compositions = match reader.byte()? {
            0 => Compositions::None,
            1 => Compositions::Runs(reader.list(2, |reader| Ok((reader.small()?, reader.small_signed()?)))?),
            2 => Compositions::Palette {
                values: reader.list(1, Reader::small_signed)?,
                indexes: reader.column(|[index]: [u8; 1]| index)?,
            },
            _ => return Err(inconsistent("unknown composition offsets")),
        };
        let chunks = match reader.byte()? {
            0 => read_chunks(reader, &sizes, count)?,
            1 if count > 0 => Chunks::default(),
            _ => return Err(inconsistent("unknown chunks")),
        };
        let syncs = match reader.byte()? {
            0 => Syncs::All,
            1 => Syncs::Listed(reader.differences()?),
            _ => return Err(inconsistent("unknown sync samples")),
        };
        let table = Self { count, sizes: Arc::new(sizes), times, last_duration, compositions, chunks, syncs };
        table.check()?;
        Ok(table)
    }

    /// Do the columns speak of the same samples, in order?
    fn check(&self) -> Result<()> {
        let is_count = |len: usize| u32::try_from(len) == Ok(self.count);
        if !starts_at_0(self.count, self.times.first().map(|run| run.first_sample))
            || !self
                .times
                .is_sorted_by(|one, next| one.first_sample < next.first_sample && one.first_dts <= next.first_dts)
        {
            return Err(inconsistent("times out of order"));
        }
        let is_fine = match &self.compositions {
            Compositions::None => true,
            Compositions::Runs(runs) => runs.is_sorted_by(|one, next| one.0 < next.0),
            Compositions::Palette { values, indexes } => {
                let is_known = |index: &u8| usize::from(*index) < values.len();
                is_count(indexes.len()) && indexes.iter().all(is_known)
            }
        };
        if !is_fine {
            return Err(inconsistent("composition offsets of other samples"));
        }
        if let Syncs::Listed(list) = &self.syncs
            && (!list.is_sorted_by(|one, next| one < next) || list.last().is_some_and(|last| *last >= self.count))
        {
            return Err(inconsistent("sync samples that do not exist"));
        }
        Ok(())
    }
}

/// Does the first of runs begin with the first of `count` samples?
fn starts_at_0(count: u32, first_sample: Option<u32>) -> bool {
    first_sample == Some(0) || (count == 0 && first_sample.is_none())
}

fn write_chunks(runs: &[ChunkRun], offsets: &ChunkOffsets, sizes: &Sizes, sample_count: u32, writer: &mut Writer) {
    writer.list(runs, |writer, run| {
        let ChunkRun { first_chunk, first_sample, samples_per_chunk } = *run;
        writer.number(first_chunk.into());
        writer.number(first_sample.into());
        writer.number(samples_per_chunk.into());
    });
    writer.flag(matches!(offsets, ChunkOffsets::Eight(_)));
    writer.number(offsets.len() as u64);
    let mut places = ChunkPlaces::new(sizes, sample_count, runs);
    for chunk in (0..).take(offsets.len()) {
        let offset = offsets.at(chunk);
        writer.signed(offset.wrapping_sub(places.expected()).cast_signed());
        places.advance(offset);
    }
}

fn read_chunks(reader: &mut Reader<'_>, sizes: &Sizes, sample_count: u32) -> Result<Chunks> {
    let runs = reader.list(3, |reader| {
        Ok(ChunkRun { first_chunk: reader.small()?, first_sample: reader.small()?, samples_per_chunk: reader.small()? })
    })?;
    let is_eight = reader.flag()?;
    let mut places = ChunkPlaces::new(sizes, sample_count, &runs);
    let mut next = |reader: &mut Reader<'_>| {
        let offset = places.expected().wrapping_add(reader.signed()?.cast_unsigned());
        places.advance(offset);
        Ok(offset)
    };
    let offsets = if is_eight {
        ChunkOffsets::Eight(reader.list(1, next)?)
    } else {
        let narrow = |offset| u32::try_from(offset).map_err(|_| inconsistent("a chunk beyond four bytes"));
        ChunkOffsets::Four(reader.list(1, |reader| next(reader).and_then(narrow))?)
    };
    let chunk_count = u64::try_from(offsets.len()).unwrap_or(u64::MAX);
    let covered = runs.last().map_or(0, |run| {
        let chunks = chunk_count.saturating_sub(run.first_chunk.into());
        chunks.saturating_mul(run.samples_per_chunk.into()).saturating_add(run.first_sample.into())
    });
    let rises =
        |one: &ChunkRun, next: &ChunkRun| one.first_chunk < next.first_chunk && one.first_sample < next.first_sample;
    if !starts_at_0(sample_count, runs.first().map(|run| run.first_sample))
        || covered < sample_count.into()
        || !runs.is_sorted_by(rises)
    {
        return Err(inconsistent("chunks of other samples"));
    }
    Ok(Chunks::Listed { runs, offsets })
}
