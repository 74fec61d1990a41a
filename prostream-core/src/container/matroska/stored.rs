//! Where the clusters lie, in a stored index.

use super::grid::Grid;
use super::timing::Timing;
use super::{Layout, TextBlock, TrackLayout};
use crate::container::Track;
use crate::container::stored::{Reader, Writer};
use crate::{Error, ErrorKind, Result};

/// Writes what [`read_layout`] reads.
pub(in crate::container) fn write_layout(layout: &Layout, writer: &mut Writer) {
    let Layout { clusters, timestamp_scale_ns, tracks, grid, has_false_cues, is_searched } = layout;
    writer.range(*clusters);
    writer.number(*timestamp_scale_ns);
    writer.list(tracks, write_track);
    writer.option(grid.as_ref(), |writer, grid| grid.write(writer));
    writer.flag(*has_false_cues);
    writer.flag(*is_searched);
}

/// Reads the layout of a file with these tracks.
pub(in crate::container) fn read_layout(reader: &mut Reader<'_>, tracks: &[Track]) -> Result<Layout> {
    let layout = Layout {
        clusters: reader.range()?,
        timestamp_scale_ns: reader.number()?,
        tracks: reader.list(12, read_track)?,
        grid: reader.option(|reader| Grid::read(reader, tracks))?,
        has_false_cues: reader.flag()?,
        is_searched: reader.flag()?,
    };
    if layout.tracks.len() != tracks.len() {
        return Err(inconsistent("tracks without a layout"));
    }
    Ok(layout)
}

pub(super) fn inconsistent(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read stored index").detail(detail)
}

fn write_track(writer: &mut Writer, track: &TrackLayout) {
    let TrackLayout {
        number,
        timing,
        default_duration_ns,
        prefix,
        is_zlib,
        odd_nal_length_size,
        may_have_adts,
        has_inline_webvtt_settings,
        text_blocks,
    } = track;
    writer.number(*number);
    let Timing { timescale, delay_ns, first_ns, step_ticks, tolerance_ns } = *timing;
    writer.number(timescale.into());
    writer.signed(delay_ns);
    writer.signed(first_ns);
    writer.option(step_ticks.as_ref(), |writer, step| writer.number((*step).into()));
    writer.number(tolerance_ns);
    writer.option(default_duration_ns.as_ref(), |writer, duration| writer.signed(*duration));
    writer.bytes(prefix);
    writer.flag(*is_zlib);
    writer.option(odd_nal_length_size.as_ref(), |writer, size| writer.byte(*size));
    writer.flag(*may_have_adts);
    writer.flag(*has_inline_webvtt_settings);
    let mut last = TextBlock { cluster_offset: 0, relative_offset: 0, time_ns: 0 };
    writer.list(text_blocks, |writer, block| {
        let TextBlock { cluster_offset, relative_offset, time_ns } = *block;
        writer.signed(cluster_offset.wrapping_sub(last.cluster_offset).cast_signed());
        writer.number(relative_offset);
        writer.signed(time_ns.wrapping_sub(last.time_ns));
        last = *block;
    });
}

fn read_track(reader: &mut Reader<'_>) -> Result<TrackLayout> {
    Ok(TrackLayout {
        number: reader.number()?,
        timing: Timing {
            timescale: reader.small().and_then(|timescale| match timescale {
                0 => Err(inconsistent("a timescale of 0")),
                _ => Ok(timescale),
            })?,
            delay_ns: reader.signed()?,
            first_ns: reader.signed()?,
            step_ticks: reader.option(Reader::small)?.filter(|step| *step > 0),
            tolerance_ns: reader.number()?,
        },
        default_duration_ns: reader.option(Reader::signed)?,
        prefix: reader.bytes()?,
        is_zlib: reader.flag()?,
        odd_nal_length_size: reader.option(Reader::byte)?,
        may_have_adts: reader.flag()?,
        has_inline_webvtt_settings: reader.flag()?,
        text_blocks: read_text_blocks(reader)?,
    })
}

fn read_text_blocks(reader: &mut Reader<'_>) -> Result<Vec<TextBlock>> {
    let (mut cluster_offset, mut time_ns) = (0u64, 0i64);
    reader.list(3, |reader| {
        cluster_offset = cluster_offset.wrapping_add(reader.signed()?.cast_unsigned());
        let relative_offset = reader.number()?;
        time_ns = time_ns.wrapping_add(reader.signed()?);
        Ok(TextBlock { cluster_offset, relative_offset, time_ns })
    })
}
