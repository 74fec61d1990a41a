//! Cases of what a player is told: cuts, playlists, times.
