//! Fragmented MP4 (ISO/IEC 14496-12, CMAF): init segments and movie fragments. Pure.
//!
//! Each rendition is a file of one track. Headers are written straight into one buffer: this runs for every segment.

mod fragment;
mod init;
mod roll;
mod writer;

pub use fragment::{FragmentHeader, fragment_header, header_size_bound};
pub use init::{display_size, init_segment};

/// `track_ID` of the one track in each rendition.
pub const TRACK_ID: u32 = 1;

#[cfg(test)]
mod tests;
