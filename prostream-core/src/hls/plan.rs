//! The plan of segments: where a presentation is cut. Pure.

use crate::Result;
use crate::container::{Boundary, MediaIndex};

/// Version of the cut rule (PACKAGING 5.4); part of every URL.
pub const CUT_RULE: u32 = 1;

/// The cuts of one presentation: segment `k` lies between boundary `k` and `k + 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuts {
    /// Index in [`MediaIndex::tracks`] of the track that was cut: the main video, or the first audio.
    pub track_index: usize,
    /// First boundary of each segment; never empty.
    pub boundaries: Vec<Boundary>,
    /// Earliest presentation or decode time over all selected tracks in nanoseconds: what every time is shifted by (PACKAGING 5.3).
    pub origin_ns: i64,
    /// End of the last segment in ticks of the cut track.
    pub end_ticks: i64,
}

/// Plans the cuts of a file for the selected tracks.
///
/// # Errors
/// `Unsupported` when no selected track is audio or video.
pub fn plan(_index: &MediaIndex, _selected: &[usize]) -> Result<Cuts> {
    Err(crate::Error::new(crate::ErrorKind::Unsupported, "plan segments"))
}
