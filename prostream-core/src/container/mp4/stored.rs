//! Where the samples of a file lie, in a stored index.

use super::fragment::Defaults;
use super::fragments::{FragmentTrack, FragmentedLayout, Place};
use super::table::{self, SampleTable};
use super::{Layout, TrackTable};
use crate::container::stored::{Reader, Writer};
use crate::{Error, ErrorKind, Result};

/// Writes what [`read_layout`] reads.
pub(in crate::container) fn write_layout(layout: &Layout, writer: &mut Writer) {
    // How much memory is shared is counted again.
    let Layout { tables, shared_bytes: _ } = layout;
    table::write_tables(tables.iter().map(|table| &table.samples), writer);
    for table in tables {
        let TrackTable { samples: _, shown, odd_nal_length_size } = table;
        writer.number(shown.start.into());
        writer.number(shown.end.into());
        writer.option(odd_nal_length_size.as_ref(), |writer, size| writer.byte(*size));
    }
}

/// Reads the layout of a file with so many tracks.
pub(in crate::container) fn read_layout(reader: &mut Reader<'_>, track_count: usize) -> Result<Layout> {
    let (tables, shared_bytes) = table::read_tables(reader)?;
    if tables.len() != track_count {
        return Err(inconsistent("tracks without a table"));
    }
    let read = |samples: SampleTable| {
        let shown = reader.small()?..reader.small()?;
        if shown.start > shown.end || shown.end > samples.count() {
            return Err(inconsistent("samples that do not exist are shown"));
        }
        Ok(TrackTable { samples, shown, odd_nal_length_size: reader.option(Reader::byte)? })
    };
    Ok(Layout { tables: tables.into_iter().map(read).collect::<Result<_>>()?, shared_bytes })
}

/// Writes what [`read_fragmented_layout`] reads.
pub(in crate::container) fn write_fragmented_layout(layout: &FragmentedLayout, writer: &mut Writer) {
    let FragmentedLayout { tracks, heads, defaults, extent, places, timescale } = layout;
    writer.list(tracks, |writer, track| {
        let FragmentTrack { track_id, description, shift_ticks, is_all_sync, odd_nal_length_size, decode_start_ticks } =
            track;
        writer.number((*track_id).into());
        writer.number((*description).into());
        writer.signed(*shift_ticks);
        writer.flag(*is_all_sync);
        writer.option(odd_nal_length_size.as_ref(), |writer, size| writer.byte(*size));
        writer.signed(*decode_start_ticks);
    });
    table::write_tables(heads.iter(), writer);
    writer.list(defaults, |writer, one| {
        let Defaults { track_id, description, duration, size, flags } = *one;
        [track_id, description, duration, size, flags].into_iter().for_each(|field| writer.number(field.into()));
    });
    writer.range(*extent);
    let mut last = Place { offset_bytes: 0, ticks: 0 };
    writer.list(places, |writer, place| {
        let Place { offset_bytes, ticks } = *place;
        writer.number(offset_bytes.saturating_sub(last.offset_bytes));
        writer.signed(ticks.wrapping_sub(last.ticks));
        last = *place;
    });
    writer.number((*timescale).into());
}

/// Reads the layout of a file with so many tracks.
pub(in crate::container) fn read_fragmented_layout(
    reader: &mut Reader<'_>,
    track_count: usize,
) -> Result<FragmentedLayout> {
    let tracks = reader.list(6, |reader| {
        Ok(FragmentTrack {
            track_id: reader.small()?,
            description: reader.small()?,
            shift_ticks: reader.signed()?,
            is_all_sync: reader.flag()?,
            odd_nal_length_size: reader.option(Reader::byte)?,
            decode_start_ticks: reader.signed()?,
        })
    })?;
    // Heads share nothing: they are too short for an order.
    let (heads, _) = table::read_tables(reader)?;
    let defaults = reader.list(5, |reader| {
        Ok(Defaults {
            track_id: reader.small()?,
            description: reader.small()?,
            duration: reader.small()?,
            size: reader.small()?,
            flags: reader.small()?,
        })
    })?;
    let extent = reader.range()?;
    let mut last = Place { offset_bytes: 0, ticks: 0 };
    let places = reader.list(2, |reader| {
        last = Place {
            offset_bytes: last.offset_bytes.saturating_add(reader.number()?),
            ticks: last.ticks.wrapping_add(reader.signed()?),
        };
        Ok(last)
    })?;
    let timescale = reader.small()?;
    if tracks.len() != track_count || heads.len() != track_count {
        return Err(inconsistent("tracks without fragments"));
    }
    if timescale == 0 || places.is_empty() || !places.is_sorted_by(|one, next| one.offset_bytes < next.offset_bytes) {
        return Err(inconsistent("fragments out of order"));
    }
    Ok(FragmentedLayout { tracks, heads, defaults, extent, places, timescale })
}

pub(super) fn inconsistent(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read stored index").detail(detail)
}
