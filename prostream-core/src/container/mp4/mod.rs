//! ISO base media files (ISO/IEC 14496-12): `moov` first or last, sample tables, edit lists.

mod facts;
mod locate;
mod movie;
mod stored;
mod table;
mod track;

use std::ops::Range;

use super::{Boundary, MediaIndex, Packet, PacketQuery, Payload, Step};
use crate::model::{ByteRange, Extents};
use crate::{Error, ErrorKind, Result};

pub(super) use stored::{read_layout, write_layout};
use table::{Sample, SampleTable};

/// Most packets that one answer holds: about 80 MB of them.
const MAX_PACKETS: u32 = 1_000_000;

/// The sample tables of a file, in the order of its tracks; those of tracks that are not packaged are empty.
#[derive(Debug)]
pub struct Layout {
    tables: Vec<SampleTable>,
}

impl Layout {
    /// Memory of the tables, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.tables.iter().map(SampleTable::memory_bytes).fold(0, usize::saturating_add)
    }
}

/// Reads the index of a file of `size_bytes` from the bytes at hand.
///
/// Asks for what is missing of the box headers on the way to `moov`, then for what is missing of `moov` itself: nothing for the usual
/// file of which head and tail are at hand.
///
/// # Errors
/// `Malformed` for broken boxes, `Unsupported` for what is not packaged, `LimitExceeded` for tables over the limits.
pub fn read_index(size_bytes: u64, have: &Extents) -> Result<Step<MediaIndex>> {
    match locate::find_movie(size_bytes, have)? {
        Step::Need(ranges) => Ok(Step::Need(ranges)),
        Step::Done(moov) => movie::parse(size_bytes, &moov).map(Step::Done),
    }
}

/// The packets of a query, from the tables alone.
pub(super) fn packets(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> Result<Vec<Packet>> {
    let table = layout.tables.get(query.track_index).ok_or_else(|| invalid("no such track"))?;
    let selection = Selection::of(index, table, query).ok_or_else(|| invalid("a boundary of no track"))?;
    let range = selection.samples.clone();
    if range.end.saturating_sub(range.start) > MAX_PACKETS {
        return Err(Error::new(ErrorKind::LimitExceeded, "read packets").detail("over a million packets at once"));
    }
    let mut packets = Vec::with_capacity(range.len());
    for sample in table.samples(range).filter(|sample| selection.holds(sample)) {
        let payload = ByteRange::with_len(sample.offset_bytes, sample.size_bytes.into());
        let is_whole = payload.len() == u64::from(sample.size_bytes) && payload.end <= index.size_bytes;
        if !is_whole && sample.size_bytes > 0 {
            return Err(Error::new(ErrorKind::Malformed, "read packets")
                .detail("a sample lies beyond the end of the file")
                .advise(crate::container::BROKEN_ADVICE));
        }
        packets.push(Packet {
            pts_ticks: sample.pts_ticks,
            dts_ticks: sample.dts_ticks,
            duration_ticks: sample.duration_ticks,
            is_sync: sample.is_sync,
            payload: Payload::InFile(payload),
        });
    }
    Ok(packets)
}

/// The payload bytes of a query, exactly.
pub(super) fn count_bytes(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> u64 {
    let Some(table) = layout.tables.get(query.track_index) else { return 0 };
    match Selection::of(index, table, query) {
        None => 0,
        Some(selection) if selection.is_exact => table.size_of(selection.samples),
        Some(selection) => table
            .samples(selection.samples.clone())
            .filter(|sample| selection.holds(sample))
            .fold(0, |sum, sample| sum.saturating_add(sample.size_bytes.into())),
    }
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
    fn of(index: &MediaIndex, table: &SampleTable, query: &PacketQuery) -> Option<Self> {
        let own = |boundary: &Boundary| boundary.track_index == query.track_index && table.syncs().is_some();
        if query.from.iter().chain(&query.to).all(own) {
            let start = query.from.map_or(0, |boundary| boundary.point.sample_index).min(table.count());
            let end = query.to.map_or(table.count(), |boundary| boundary.point.sample_index).min(table.count());
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
        Some(Self { samples, is_exact: table.is_in_order(), from_ticks, to_ticks })
    }

    fn holds(&self, sample: &Sample) -> bool {
        self.is_exact
            || (self.from_ticks.is_none_or(|from| from <= sample.pts_ticks)
                && self.to_ticks.is_none_or(|to| sample.pts_ticks < to))
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
