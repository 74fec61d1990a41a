//! Matroska and WebM (RFC 9559): tracks, cues, and the blocks of a span of clusters.

use super::{MediaIndex, Packet, PacketQuery, Step};
use crate::model::Extents;
use crate::{Error, ErrorKind, Result};

/// Where clusters lie and what a block needs to be read.
#[derive(Debug)]
pub struct Layout {}

impl Layout {
    /// Memory of the cue lists, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        0
    }
}

/// Reads the index of a file of `size_bytes` from the bytes at hand.
///
/// # Errors
/// `Malformed` for broken elements, `Unsupported` for what is not packaged, `LimitExceeded` for tables over the limits.
pub fn read_index(_size_bytes: u64, _have: &Extents) -> Result<Step<MediaIndex>> {
    Err(Error::new(ErrorKind::Unsupported, "read matroska"))
}

/// The packets of a query, from the bytes of its span; asks for the span where it is not at hand.
pub(super) fn packets(
    _index: &MediaIndex,
    _layout: &Layout,
    _query: &PacketQuery,
    _have: &Extents,
) -> Result<Step<Vec<Packet>>> {
    Err(Error::new(ErrorKind::Unsupported, "read matroska"))
}

/// The bytes of a query's span with all tracks in it: never low.
pub(super) fn estimate_bytes(_index: &MediaIndex, _layout: &Layout, _query: &PacketQuery) -> u64 {
    0
}
