//! Playlists (RFC 8216): pure functions of a presentation.
