//! ISO base media files (ISO/IEC 14496-12): `moov` first or last, sample tables, edit lists.

use super::{MediaIndex, Packet, PacketQuery, Step};
use crate::model::Extents;
use crate::{Error, ErrorKind, Result};

/// The sample tables of a file.
#[derive(Debug)]
pub struct Layout {}

impl Layout {
    /// Memory of the tables, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        0
    }
}

/// Reads the index of a file of `size_bytes` from the bytes at hand.
///
/// # Errors
/// `Malformed` for broken boxes, `Unsupported` for what is not packaged, `LimitExceeded` for tables over the limits.
pub fn read_index(_size_bytes: u64, _have: &Extents) -> Result<Step<MediaIndex>> {
    Err(Error::new(ErrorKind::Unsupported, "read mp4"))
}

/// The packets of a query, from the tables alone.
pub(super) fn packets(_index: &MediaIndex, _layout: &Layout, _query: &PacketQuery) -> Result<Vec<Packet>> {
    Err(Error::new(ErrorKind::Unsupported, "read mp4"))
}

/// The payload bytes of a query, exactly.
pub(super) fn count_bytes(_index: &MediaIndex, _layout: &Layout, _query: &PacketQuery) -> u64 {
    0
}
