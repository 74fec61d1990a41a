//! Playlists (RFC 8216): pure functions of a presentation.

use super::Presentation;

/// Placeholder.
#[must_use]
pub fn multivariant(_presentation: &dyn Presentation) -> String {
    String::new()
}
