//! ISO base media files (ISO/IEC 14496-12): `moov` first or last, sample tables, edit lists, fragments.

mod boxes;
mod chapters;
mod descriptions;
mod edits;
mod facts;
mod fragment;
mod fragments;
mod listing;
mod locate;
mod movie;
mod open;
mod stored;
mod table;
mod track;

use std::ops::Range;

use super::codec::nal;
use super::{Boundary, Layout as AnyLayout, MediaIndex, Packet, PacketQuery, Payload, Step};
use crate::model::{ByteRange, Codec, Extents};
use crate::{Error, ErrorKind, Result};

use boxes::{File, Read, Stop, WHOLE_GAP_BYTES, to_step};
pub use fragments::FragmentedLayout;
use movie::Movie;
use open::{Found, Opening};
pub(super) use stored::{read_fragmented_layout, read_layout, write_fragmented_layout, write_layout};
use table::{Sample, SampleTable};

/// Most packets that one answer holds: about 80 MB of them.
const MAX_PACKETS: u32 = 1_000_000;
/// So many any file may have, however small it is.
const FEW_PACKETS: u32 = 65_536;
/// Payload that lies at most this far apart is asked for in one piece.
const GAP_BYTES: u64 = 128 * 1024;
/// NAL units of a picture that are counted on where their lengths grow and their number is not known.
const ASSUMED_NAL_COUNT: u64 = 16;

/// The sample tables of a file, in the order of its tracks; those of tracks that are not packaged are empty.
#[derive(Debug)]
pub struct Layout {
    tables: Vec<TrackTable>,
    /// Memory of what they share, in bytes.
    shared_bytes: usize,
}

/// The samples of a track.
#[derive(Debug)]
struct TrackTable {
    samples: SampleTable,
    /// Those that are presented, or needed for those that are: the edit list may leave out others.
    shown: Range<u32>,
    /// Size of the lengths before NAL units, where it is not 4.
    odd_nal_length_size: Option<u8>,
}

impl Layout {
    /// Memory of the tables, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.tables.iter().map(|table| table.samples.memory_bytes()).fold(self.shared_bytes, usize::saturating_add)
    }

    /// Is the payload of a track sent as it lies in the file?
    pub(super) fn is_verbatim(&self, track_index: usize) -> bool {
        self.tables.get(track_index).is_none_or(|table| table.odd_nal_length_size.is_none())
    }

    /// Decode time of the first sample of a track.
    pub(super) fn decode_start_ticks(&self, track_index: usize) -> Option<i64> {
        let table = self.tables.get(track_index)?;
        table.samples.sample(table.shown.start).map(|sample| sample.dts_ticks)
    }

    /// How many samples of a track are marked as sync samples; `None` where all are.
    pub(super) fn sync_count(&self, track_index: usize) -> Option<usize> {
        self.tables.get(track_index)?.samples.syncs().map(<[u32]>::len)
    }

    /// Takes the mark from sync samples that are none.
    pub(super) fn keep_syncs(&mut self, track_index: usize, is_kept: impl Fn(u32) -> bool) {
        if let Some(table) = self.tables.get_mut(track_index) {
            table.samples.keep_syncs(is_kept);
        }
    }

    /// Can decoding start at each sample of a track?
    pub(super) fn is_all_sync(&self, track_index: usize) -> bool {
        self.tables.get(track_index).is_some_and(|table| !table.shown.is_empty() && table.samples.syncs().is_none())
    }
}

/// Reads the index of a file from the bytes at hand, round by round.
#[derive(Debug)]
pub struct IndexReader {
    size_bytes: u64,
    /// A fragmented file of which `moov` was read.
    opening: Option<Box<Opening>>,
}

impl IndexReader {
    /// A reader of a file of this length.
    #[must_use]
    pub fn new(size_bytes: u64) -> Self {
        Self { size_bytes, opening: None }
    }

    /// Goes on with the bytes at hand: all that were there in the last round, and those that were asked for.
    ///
    /// Asks for what is missing of the box headers on the way to `moov`, then for what is missing of `moov` itself: nothing for the usual
    /// file of which head and tail are at hand. Of a fragmented file it looks into the first and the last fragment besides, and at all of
    /// them where no list says where they lie.
    ///
    /// # Errors
    /// `Malformed` for broken boxes, `Unsupported` for what is not packaged, `LimitExceeded` for tables over the limits.
    pub fn read(&mut self, have: &Extents) -> Result<Step<MediaIndex>> {
        to_step(self.go_on(&File { size_bytes: self.size_bytes, have, whole_gap_bytes: WHOLE_GAP_BYTES }))
    }

    fn go_on(&mut self, file: &File<'_>) -> Read<MediaIndex> {
        let opening = match &mut self.opening {
            Some(opening) => opening,
            None => {
                let (moov, end) = locate::find_movie(file)?;
                let movie = movie::parse(&moov)?;
                if !movie.is_extended {
                    return Ok(plain_index(movie, file));
                }
                self.opening.insert(Box::new(Opening::new(movie, end)))
            }
        };
        match opening.read(file)? {
            Found::Fragmented(index) => Ok(index),
            Found::Plain(movie) => Ok(plain_index(movie, file)),
        }
    }
}

/// Reads the index of a file of `size_bytes` from the bytes at hand, all over again: see [`IndexReader::read`].
///
/// # Errors
/// As there.
pub fn read_index(size_bytes: u64, have: &Extents) -> Result<Step<MediaIndex>> {
    IndexReader::new(size_bytes).read(have)
}

/// The index of a file without fragments.
fn plain_index(mut movie: Movie, file: &File<'_>) -> MediaIndex {
    for (track, table) in movie.tracks.iter_mut().zip(&movie.tables) {
        if table.count() == 0 && track.info.codec != Codec::Other {
            track::refuse_track(&mut track.info, "no samples");
        }
    }
    let shared_bytes = table::interleave(&mut movie.tables);
    let odd = movie.fragment_tracks.iter().map(|track| track.odd_nal_length_size);
    let samples = std::mem::take(&mut movie.tables).into_iter().zip(std::mem::take(&mut movie.shown));
    let tables = samples.zip(odd).map(|((samples, shown), odd_nal_length_size)| TrackTable {
        samples,
        shown,
        odd_nal_length_size,
    });
    let layout = Layout { tables: tables.collect(), shared_bytes };
    movie.into_index(file.size_bytes, AnyLayout::Mp4(layout))
}

/// The packets of a query of a fragmented file.
pub(super) fn fragmented_packets(
    index: &MediaIndex,
    layout: &FragmentedLayout,
    query: &PacketQuery,
    have: &Extents,
) -> Result<Step<Vec<Packet>>> {
    to_step(fragments::packets(index, layout, query, have))
}

/// The packet of a sync point of a fragmented file.
pub(super) fn fragmented_sync_packet(
    index: &MediaIndex,
    layout: &FragmentedLayout,
    boundary: &Boundary,
    have: &Extents,
) -> Result<Step<Packet>> {
    to_step(fragments::sync_packet(index, layout, boundary, have))
}

/// A byte distance that is never below what the packets of a query take.
pub(super) fn estimate_fragmented_bytes(index: &MediaIndex, layout: &FragmentedLayout, query: &PacketQuery) -> u64 {
    fragments::estimate_bytes(index, layout, query)
}

/// The packets of a query. Tracks that are sent as they lie in the file need no bytes for it.
pub(super) fn packets(
    index: &MediaIndex,
    layout: &Layout,
    query: &PacketQuery,
    have: &Extents,
) -> Result<Step<Vec<Packet>>> {
    let samples = samples(index, layout, query)?;
    let odd = layout.tables.get(query.track_index).and_then(|table| table.odd_nal_length_size);
    if odd.is_some() {
        let file = File { size_bytes: index.size_bytes, have, whole_gap_bytes: 0 };
        return to_step(to_packets(&file, samples, odd));
    }
    samples.iter().try_for_each(|sample| payload_of(sample, index.size_bytes).map(drop))?;
    Ok(Step::Done(samples.iter().map(to_packet).collect()))
}

/// The packets of a query as far as tables know them: payload as it lies in the file, be it there or not.
pub(super) fn tabled_packets(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> Result<Vec<Packet>> {
    Ok(samples(index, layout, query)?.iter().map(to_packet).collect())
}

/// When the first packet of a query is shown.
pub(super) fn first_tabled_ticks(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> Result<Option<i64>> {
    let table = layout.tables.get(query.track_index).ok_or_else(|| invalid("no such track"))?;
    let selection = Selection::of(index, table, query).ok_or_else(|| invalid("a boundary of no track"))?;
    let mut times = table.samples.times(selection.samples.clone()).map(|time| time.pts_ticks);
    Ok(times.find(|ticks| selection.holds(*ticks)))
}

fn samples(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> Result<Vec<Sample>> {
    let table = layout.tables.get(query.track_index).ok_or_else(|| invalid("no such track"))?;
    let selection = Selection::of(index, table, query).ok_or_else(|| invalid("a boundary of no track"))?;
    let range = selection.samples.clone();
    if range.end.saturating_sub(range.start) > most_packets(index.size_bytes) {
        return Err(too_many_packets());
    }
    let mut samples = Vec::with_capacity(range.len());
    samples.extend(table.samples.samples(range).filter(|sample| selection.holds(sample.pts_ticks)));
    // What is cut at is a place to begin, even where it is so only for want of a better one.
    if let Some((first, from)) = samples.first_mut().zip(query.from)
        && from.track_index == query.track_index
        && from.point.sample_index == first.index
    {
        first.is_sync = true;
    }
    Ok(samples)
}

/// Most packets at once of a file of so many bytes: each has a byte of its own. Counts that nothing stands behind, and samples that lie upon each
/// other, fill no memory that a small file could not (PARSE-01).
fn most_packets(size_bytes: u64) -> u32 {
    u32::try_from(size_bytes).unwrap_or(u32::MAX).clamp(FEW_PACKETS, MAX_PACKETS)
}

fn too_many_packets() -> Error {
    limit_exceeded("more packets at once than a million, or than the file has bytes")
}

fn to_packet(sample: &Sample) -> Packet {
    Packet {
        pts_ticks: sample.pts_ticks,
        dts_ticks: sample.dts_ticks,
        duration_ticks: sample.duration_ticks,
        is_sync: sample.is_sync,
        payload: Payload::InFile(ByteRange::with_len(sample.offset_bytes, sample.size_bytes.into())),
    }
}

/// Where the bytes of a sample lie, all of them within the file.
fn payload_of(sample: &Sample, size_bytes: u64) -> Result<ByteRange> {
    let payload = ByteRange::with_len(sample.offset_bytes, sample.size_bytes.into());
    if sample.size_bytes > 0 && (payload.len() != u64::from(sample.size_bytes) || payload.end > size_bytes) {
        return Err(Error::new(ErrorKind::Malformed, "read packets")
            .detail("a sample lies beyond the end of the file")
            .advise(crate::container::BROKEN_ADVICE));
    }
    Ok(payload)
}

/// Packets whose bytes are at hand, lengths of NAL units brought to four bytes where they are others.
fn to_packets(file: &File<'_>, samples: Vec<Sample>, odd_nal_length_size: Option<u8>) -> Read<Vec<Packet>> {
    let mut missing: Vec<ByteRange> = Vec::new();
    for sample in &samples {
        let payload = payload_of(sample, file.size_bytes)?;
        if !payload.is_empty() && file.have.end_of_run(payload.start) < payload.end {
            match missing.last_mut() {
                Some(before)
                    if before.start <= payload.start && payload.start <= before.end.saturating_add(GAP_BYTES) =>
                {
                    before.end = before.end.max(payload.end);
                }
                _ => missing.push(payload),
            }
        }
    }
    if !missing.is_empty() {
        missing.sort_unstable();
        let mut joined: Vec<ByteRange> = Vec::with_capacity(missing.len());
        for range in missing {
            match joined.last_mut() {
                Some(before) if range.start <= before.end => before.end = before.end.max(range.end),
                _ => joined.push(range),
            }
        }
        return Err(Stop::Need(joined.into_iter().flat_map(|range| file.missing(range)).collect()));
    }
    let mut packets: Vec<Packet> = samples.iter().map(to_packet).collect();
    let Some(length_size) = odd_nal_length_size else { return Ok(packets) };
    for packet in &mut packets {
        let Payload::InFile(range) = packet.payload else { continue };
        let frame = file.have.bytes(range).unwrap_or_default();
        packet.payload = Payload::Rewritten(nal::with_four_byte_lengths(&frame, length_size)?.into());
    }
    Ok(packets)
}

/// The payload bytes of a query: exactly, but for NAL units whose lengths grow, of which more than usual are counted on.
pub(super) fn count_bytes(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> u64 {
    let Some(table) = layout.tables.get(query.track_index) else { return 0 };
    let growth = table.odd_nal_length_size.map_or(0, |size| 4u64.saturating_sub(size.into()));
    let selection = Selection::of(index, table, query);
    let count = selection.as_ref().map_or(0, |selection| selection.samples.len() as u64);
    let growth = growth.saturating_mul(count).saturating_mul(ASSUMED_NAL_COUNT);
    let bytes = match selection {
        None => 0,
        Some(selection) if selection.is_exact => table.samples.size_of(selection.samples),
        Some(selection) => table
            .samples
            .samples(selection.samples.clone())
            .filter(|sample| selection.holds(sample.pts_ticks))
            .fold(0u64, |sum, sample| sum.saturating_add(sample.size_bytes.into())),
    };
    bytes.saturating_add(growth)
}

/// The samples of a query by the ownership rule of PACKAGING 5.3.
#[derive(Clone, Debug)]
struct Selection {
    /// All that are wanted lie in here.
    samples: Range<u32>,
    /// All of `samples` are wanted: no look at their times.
    is_exact: bool,
    /// Wanted presentation times where the range is not exact.
    from_ticks: Option<i64>,
    to_ticks: Option<i64>,
}

impl Selection {
    /// `None` when a boundary names a track that does not exist.
    fn of(index: &MediaIndex, table: &TrackTable, query: &PacketQuery) -> Option<Self> {
        let shown = &table.shown;
        let within = |sample: u32| sample.clamp(shown.start, shown.end);
        let table = &table.samples;
        let own = |boundary: &Boundary| boundary.track_index == query.track_index && table.syncs().is_some();
        if query.from.iter().chain(&query.to).all(own) {
            let start = within(query.from.map_or(0, |boundary| boundary.point.sample_index));
            let end = within(query.to.map_or(u32::MAX, |boundary| boundary.point.sample_index));
            return Some(Self { samples: start..end.max(start), is_exact: true, from_ticks: None, to_ticks: None });
        }
        let timescale = index.tracks.get(query.track_index)?.info.timescale;
        let convert = |boundary: Option<Boundary>| match boundary {
            None => Some(None),
            Some(boundary) => {
                let from_timescale = index.tracks.get(boundary.track_index)?.info.timescale;
                Some(Some(first_tick_at_or_after(boundary.point.pts_ticks, from_timescale, timescale)))
            }
        };
        let (from_ticks, to_ticks) = (convert(query.from)?, convert(query.to)?);
        let samples = table.range_by_time(from_ticks, to_ticks);
        let samples = within(samples.start)..within(samples.end);
        Some(Self { samples, is_exact: table.is_in_order(), from_ticks, to_ticks })
    }

    fn holds(&self, pts_ticks: i64) -> bool {
        self.is_exact
            || (self.from_ticks.is_none_or(|from| from <= pts_ticks) && self.to_ticks.is_none_or(|to| pts_ticks < to))
    }
}

/// The first tick of one timescale that is not before a tick of another: exact, so that neighbours never share or lose a packet.
fn first_tick_at_or_after(ticks: i64, timescale: u32, into: u32) -> i64 {
    // 64 and 32 bits: the product fits with room to spare.
    let scaled = i128::from(ticks).saturating_mul(into.into());
    let timescale = i128::from(timescale.max(1));
    let is_between = scaled.rem_euclid(timescale) != 0;
    let ceiling = scaled.div_euclid(timescale).saturating_add(is_between.into());
    i64::try_from(ceiling).unwrap_or(if ceiling < 0 { i64::MIN } else { i64::MAX })
}

fn malformed(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read mp4").detail(detail).advise(crate::container::BROKEN_ADVICE)
}

fn limit_exceeded(detail: &'static str) -> Error {
    Error::new(ErrorKind::LimitExceeded, "read mp4").detail(detail)
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, "read packets").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: times compare across timescales without rounding, below zero and at the ends too.
    #[test]
    fn ticks_convert_to_the_first_not_before() {
        assert_eq!(first_tick_at_or_after(1001, 24_000, 48_000), 2002);
        assert_eq!(first_tick_at_or_after(1, 3, 48_000), 16_000);
        assert_eq!(first_tick_at_or_after(1, 7, 10), 2);
        assert_eq!(first_tick_at_or_after(-1, 7, 10), -1);
        assert_eq!(first_tick_at_or_after(i64::MAX, 1, u32::MAX), i64::MAX);
        assert_eq!(first_tick_at_or_after(i64::MIN, 0, 2), i64::MIN);
    }
}
