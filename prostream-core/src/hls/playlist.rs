//! Playlists (RFC 8216): pure functions of a presentation.
//!
//! The multivariant playlist lies at [`MULTIVARIANT_NAME`]; everything else lies below it, at `{variant_id}/{rendition}/…`
//! ([`RenditionFile`]).
//!
//! * `multivariant`: variants and their renditions; `groups`: which audio stands beside which, what tracks are called.
//! * `media`: segments and keyframes. `address`: what everything is called in a URL.

mod address;
mod groups;
mod media;
mod multivariant;

use std::fmt::{self, Write};

pub use address::{FileKind, RenditionFile};
pub use media::{keyframes, media};
pub(super) use media::{target_duration_s, target_duration_s_of};
pub use multivariant::{length_s, multivariant, multivariant_from};

/// Name of the multivariant playlist.
pub const MULTIVARIANT_NAME: &str = "main.m3u8";
/// Media type of playlists.
pub const CONTENT_TYPE: &str = "application/vnd.apple.mpegurl";

fn part(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

fn line(out: &mut String, text: fmt::Arguments<'_>) {
    part(out, text);
    out.push('\n');
}

#[cfg(test)]
mod tests;
