//! Outside services, one room per role: metadata, indexers, debrid services, subtitles. The trait stands at the door of its room,
//! vendors behind it never import each other.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod check_up;
pub mod debrid;
pub mod indexer;
#[cfg(feature = "http")]
mod lenient;
pub mod metadata;
#[cfg(feature = "http")]
mod pace;
mod remembered;
pub mod subtitles;

pub use check_up::{CheckUp, MAX_TROUBLES, Trouble};
