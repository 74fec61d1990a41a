//! The boxes of a sample table, read into columns: what they claim is checked against what is there before anything is allocated.

use super::sizes::{Packed, Sizes};
use super::{Budget, ChunkOffsets, ChunkRun, Compositions, MAX_TICKS, Syncs, TimeRun};
use crate::Result;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::container::mp4::malformed;

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
pub(super) fn parse_sizes(stbl: &[u8], budget: &mut Budget) -> Result<(u32, Sizes)> {
    let short = || malformed("a sample table is shorter than it says");
    if let Some((mut reader, fixed)) = table(stbl, *b"stsz")? {
        let count = reader.u32().ok_or_else(short)?;
        if fixed != 0 {
            return Ok((count, Sizes::Fixed(fixed)));
        }
        let entries = entries(reader, count, 4)?.filter_map(|entry| entry.first_chunk::<4>());
        let sizes = Packed::pack(entries.map(|entry| u32::from_be_bytes(*entry)), count, budget)?;
        return Ok((count, Sizes::Packed(sizes)));
    }
    let Some((mut reader, field_size)) = table(stbl, *b"stz2")? else {
        return Err(malformed("stsz is missing"));
    };
    let count = reader.u32().ok_or_else(short)?;
    let sizes = match field_size & 0xFF {
        4 => {
            let halves = entries(reader, count.div_ceil(2), 1)?.flatten().flat_map(|byte| [byte >> 4, byte & 0xF]);
            let len = usize::try_from(count).unwrap_or(usize::MAX);
            Packed::pack(halves.map(u32::from).take(len), count, budget)?
        }
        8 => Packed::pack(entries(reader, count, 1)?.flatten().copied().map(u32::from), count, budget)?,
        16 => {
            let entries = entries(reader, count, 2)?.filter_map(|entry| entry.first_chunk::<2>());
            Packed::pack(entries.map(|entry| u16::from_be_bytes(*entry).into()), count, budget)?
        }
        _ => return Err(malformed("stz2 of an unknown field size")),
    };
    Ok((count, Sizes::Packed(sizes)))
}

/// `stts` (section 8.6.1.2), and how long the last sample lasts where that is 0. Entries beyond the last sample are left out; samples
/// beyond the last entry last as long as it says, as players have it.
pub(super) fn parse_times(stbl: &[u8], count: u32, shift: i64, budget: &mut Budget) -> Result<(Vec<TimeRun>, u32)> {
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
pub(super) fn parse_compositions(stbl: &[u8], count: u32, budget: &mut Budget) -> Result<Compositions> {
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
pub(super) fn parse_chunk_offsets(stbl: &[u8], budget: &mut Budget) -> Result<ChunkOffsets> {
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
pub(super) fn parse_chunk_runs(
    stbl: &[u8],
    count: u32,
    chunk_count: usize,
    budget: &mut Budget,
) -> Result<Vec<ChunkRun>> {
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
pub(super) fn parse_syncs(stbl: &[u8], count: u32, budget: &mut Budget) -> Result<Syncs> {
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

/// Where the sample description changes: first sample and description, counted from 0, of each run of chunks with the same; at most `most` of them.
pub(in crate::container::mp4) fn description_changes(stbl: &[u8], most: usize) -> Result<Vec<(u32, u32)>> {
    let Some((reader, count)) = table(stbl, *b"stsc")? else { return Ok(Vec::new()) };
    let mut changes: Vec<(u32, u32)> = Vec::new();
    let (mut sample, mut last) = (0u32, None);
    for entry in entries(reader, count, 12)? {
        let Some((first_chunk, samples_per_chunk)) = pair(entry) else { continue };
        let description = entry.last_chunk::<4>().map_or(0, |last| u32::from_be_bytes(*last).saturating_sub(1));
        if let Some((chunk, per_chunk)) = last {
            // What does not rise is refused where chunks are read.
            sample = sample.saturating_add(u32::saturating_sub(first_chunk, chunk).saturating_mul(per_chunk));
        }
        last = Some((first_chunk, samples_per_chunk));
        if changes.last().is_none_or(|change| change.1 != description) && changes.len() < most {
            changes.push((sample, description));
        }
    }
    Ok(changes)
}
