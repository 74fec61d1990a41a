//! Matroska and WebM (RFC 9559): tracks, cues, and the blocks of a span of clusters.
//!
//! From the front (SeekHead, Info, Tracks) and the Cues comes an index that knows where decoding can start, but not where each
//! sample lies: that is read from the block headers of a span when its packets are asked for. Payload is not copied; packets name
//! ranges of the file.
//!
//! * `ebml`, `cursor`: bytes into elements. `blocks`, `cluster`: clusters into blocks.
//! * `header`, `tracks`, `cues`, `index`: the front of the file into a [`MediaIndex`]. `timing`: stamps into ticks.
//! * `scan`, `grid`: files without Cues, searched for their keyframes once, or whenever a segment is asked for.
//! * `extras`: statistics, chapters and attachments, where they are at hand.
//! * `packets`, `text`: a span into packets. `rates`: of sound, where nobody counted. `zlib`: frames that are unpacked.
//!
//! `TrackTimestampScale` is deprecated and not applied; `DiscardPadding` is not needed where everything is kept.

mod blocks;
mod cluster;
mod cues;
mod cursor;
mod ebml;
mod extras;
mod grid;
mod header;
mod index;
mod packets;
mod rates;
mod scan;
mod stored;
mod text;
mod timing;
mod tracks;
mod zlib;

use std::borrow::Cow;

use bytes::Bytes;

use super::{Boundary, MediaIndex, Packet, PacketQuery, Step};
use crate::model::{ByteRange, Extents};
use crate::{Error, ErrorKind, Result};
use cursor::{Cursor, Read, Stop};
pub(crate) use extras::NextAttachment;
use grid::Grid;
pub use scan::Scan;
pub(super) use stored::{read_layout, write_layout};
pub(crate) use text::TextWalk;
use timing::Timing;

/// Where clusters lie and what a block needs to be read.
#[derive(Debug)]
pub struct Layout {
    /// From the first cluster to the end of the last, as far as known: other elements may lie within.
    clusters: ByteRange,
    /// Nanoseconds in a unit of the file's times.
    timestamp_scale_ns: u64,
    /// In the order of [`MediaIndex::tracks`].
    tracks: Vec<TrackLayout>,
    /// For files whose keyframes are not known: the sync points of the cut track are nothing but times.
    grid: Option<Grid>,
    /// A cue was seen to name a picture that decoding cannot start at.
    pub(super) has_false_cues: bool,
}

/// What a block of one track needs to be read.
#[derive(Debug)]
struct TrackLayout {
    /// `TrackNumber`.
    number: u64,
    timing: Timing,
    /// `DefaultDuration`, where it says nothing impossible; `None` when absent.
    default_duration_ns: Option<i64>,
    /// Bytes that stand before each frame and were stripped from the file.
    prefix: Bytes,
    /// Each frame is a zlib stream.
    is_zlib: bool,
    /// H.264 and HEVC whose NAL units have no lengths of four bytes: their size, 0 for start codes.
    odd_nal_length_size: Option<u8>,
    /// AAC whose header says nothing: frames may carry ADTS headers, which are left out.
    may_have_adts: bool,
    /// Each block is `id\nsettings\ntext`.
    has_inline_webvtt_settings: bool,
    /// Text tracks: where the Cues say that blocks lie, in order of the file.
    text_blocks: Vec<TextBlock>,
}

/// A block of a text track that the Cues name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TextBlock {
    /// Where its cluster begins.
    cluster_offset: u64,
    /// Where it begins, relative to the first byte of the cluster's data.
    relative_offset: u64,
    /// In nanoseconds.
    time_ns: i64,
}

impl TrackLayout {
    /// A frame as its codec made it, from all of its bytes in the file.
    ///
    /// # Errors
    /// `Malformed` for broken compression, `LimitExceeded` for a frame that becomes too large.
    fn unpack(&self, frame: Bytes) -> Result<Bytes> {
        if self.is_zlib {
            return zlib::inflate(&frame).map(Bytes::from);
        }
        Ok(if self.prefix.is_empty() { frame } else { [self.prefix.as_ref(), &frame].concat().into() })
    }

    /// As much of a frame as its first bytes in the file tell.
    fn start_of_frame<'a>(&self, start: &'a [u8]) -> Cow<'a, [u8]> {
        /// As much as a codec needs.
        const WANTED_BYTES: usize = 64 * 1024;
        if self.is_zlib {
            Cow::Owned(zlib::inflate_start(start, WANTED_BYTES))
        } else if self.prefix.is_empty() {
            Cow::Borrowed(start)
        } else {
            Cow::Owned([self.prefix.as_ref(), start].concat())
        }
    }
}

impl Layout {
    /// Memory of the cue lists, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let of_track = |track: &TrackLayout| {
            size_of::<TrackLayout>()
                .saturating_add(track.prefix.len())
                .saturating_add(size_of_val(track.text_blocks.as_slice()))
        };
        let grid = self.grid.as_ref().map_or(0, Grid::memory_bytes);
        self.tracks.iter().map(of_track).fold(grid, usize::saturating_add)
    }

    /// How far apart the keyframes of the first GOPs are in nanoseconds, where cuts are a grid of times because none are known.
    pub(super) fn grid_gop_ns(&self) -> Option<i64> {
        self.grid.as_ref().map(|grid| grid.longest_gop_ns)
    }
}

/// Reads the index of a file of `size_bytes` from the bytes at hand.
///
/// A file without Cues is read through for an index if it is small. The cuts of a large one are a grid of times
/// ([`MediaIndex::grid_gop`]), until a [`Scan`] was made.
///
/// # Errors
/// `Malformed` for broken elements, `Unsupported` for what is not packaged, `LimitExceeded` for tables over the limits.
pub fn read_index(size_bytes: u64, have: &Extents) -> Result<Step<MediaIndex>> {
    let mut cursor = Cursor::new(size_bytes, have, index::WINDOW_BYTES);
    let result = index::read(&mut cursor, None).map(|index| rates::with_rates_of_sound(index, have));
    step(&cursor, result)
}

/// As [`read_index`], with what a finished scan found instead of what the Cues say.
///
/// # Errors
/// As [`read_index`].
pub fn read_index_after_scan(size_bytes: u64, have: &Extents, scan: &Scan) -> Result<Step<MediaIndex>> {
    let mut cursor = Cursor::new(size_bytes, have, index::WINDOW_BYTES);
    let result = index::read(&mut cursor, Some(scan)).map(|index| rates::with_rates_of_sound(index, have));
    step(&cursor, result)
}

/// Do the Cues name the blocks of this text track, so that its text can be had in small ranges? Otherwise all clusters are read for it.
#[must_use]
pub fn text_is_indexed(index: &MediaIndex, track_index: usize) -> bool {
    match &index.layout {
        super::Layout::Matroska(layout) => {
            layout.tracks.get(track_index).is_some_and(|track| !track.text_blocks.is_empty())
        }
        super::Layout::Mp4(_) | super::Layout::Fragmented(_) => false,
    }
}

/// The attachment that follows the bytes of another, which end at `at`; `None` where no other follows. Its bytes are passed over.
pub(crate) fn attachment_behind(index: &MediaIndex, at: u64, have: &Extents) -> Result<Step<Option<NextAttachment>>> {
    let mut cursor = Cursor::new(index.size_bytes, have, packets::WINDOW_BYTES);
    let result = extras::attachment_behind(&mut cursor, at);
    step(&cursor, result)
}

/// When the next cue of an indexed text track begins behind a time, in ticks of the track.
pub(crate) fn next_text_start(index: &MediaIndex, track_index: usize, after_ticks: i64) -> Option<i64> {
    match &index.layout {
        super::Layout::Matroska(layout) => text::next_start(layout.tracks.get(track_index)?, after_ticks),
        super::Layout::Mp4(_) | super::Layout::Fragmented(_) => None,
    }
}

/// The packets of a query, from the bytes of its span; asks for the span where it is not at hand. When it is done, all bytes that the
/// packets name are at hand.
pub(super) fn packets(
    index: &MediaIndex,
    layout: &Layout,
    query: &PacketQuery,
    have: &Extents,
) -> Result<Step<Vec<Packet>>> {
    let mut cursor = Cursor::new(index.size_bytes, have, packets::WINDOW_BYTES);
    let result = packets::read(&mut cursor, index, layout, query);
    step(&cursor, result)
}

/// The packet of a sync point, from the bytes around it; asks for those where they are not at hand.
pub(super) fn sync_packet(
    index: &MediaIndex,
    layout: &Layout,
    boundary: &Boundary,
    have: &Extents,
) -> Result<Step<Packet>> {
    let mut cursor = Cursor::new(index.size_bytes, have, packets::WINDOW_BYTES);
    let result = packets::read_sync(&mut cursor, index, layout, boundary);
    step(&cursor, result)
}

/// Can decoding start at a sync point? From the first bytes of its cluster and its block; asks for those where they are not at hand.
pub(super) fn look_at_sync(
    index: &MediaIndex,
    layout: &Layout,
    boundary: &Boundary,
    have: &Extents,
) -> Result<Step<Option<bool>>> {
    /// Enough for the head of a block.
    const WINDOW_BYTES: u64 = 4 * 1024;
    let mut cursor = Cursor::new(index.size_bytes, have, WINDOW_BYTES);
    let result = packets::look_at_sync(&mut cursor, index, layout, boundary);
    step(&cursor, result)
}

/// The bytes of a query's span with all tracks in it: never low.
pub(super) fn estimate_bytes(index: &MediaIndex, layout: &Layout, query: &PacketQuery) -> u64 {
    packets::estimate_bytes(index, layout, query)
}

/// Turns what a reader answered into a step: what it needs is cut down to what is missing.
fn step<T>(cursor: &Cursor<'_>, result: Read<T>) -> Result<Step<T>> {
    match result {
        Ok(done) => Ok(Step::Done(done)),
        Err(Stop::Fail(error)) => Err(error),
        Err(Stop::Need(ranges)) => {
            let missing = cursor.missing(&ranges);
            if missing.is_empty() {
                // What is needed lies beyond the end of the file.
                return Err(malformed("the file ends too soon"));
            }
            Ok(Step::Need(missing))
        }
    }
}

fn malformed(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read matroska").detail(detail).advise(crate::container::BROKEN_ADVICE)
}

fn limit_exceeded(detail: &'static str) -> Error {
    Error::new(ErrorKind::LimitExceeded, "read matroska").detail(detail).advise(crate::container::BROKEN_ADVICE)
}
