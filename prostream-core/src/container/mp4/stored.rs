//! The sample tables of a file in a stored index.

use super::Layout;
use super::table::{Budget, SampleTable};
use crate::container::stored::{Reader, Writer};
use crate::{Error, ErrorKind, Result};

/// Writes what [`read_layout`] reads.
pub(in crate::container) fn write_layout(layout: &Layout, writer: &mut Writer) {
    let Layout { tables } = layout;
    writer.list(tables, |writer, table| table.write(writer));
}

/// Reads the layout of a file with so many tracks.
pub(in crate::container) fn read_layout(reader: &mut Reader<'_>, track_count: usize) -> Result<Layout> {
    let mut budget = Budget::new();
    let tables = reader.list(SampleTable::MIN_STORED_SIZE, |reader| SampleTable::read(reader, &mut budget))?;
    if tables.len() != track_count {
        return Err(inconsistent("tracks without a table"));
    }
    Ok(Layout { tables })
}

pub(super) fn inconsistent(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read stored index").detail(detail)
}
