//! Outside services, one room per role: metadata, indexers, debrid services. The trait stands at the door of its room,
//! vendors behind it never import each other.

pub mod debrid;
pub mod indexer;
#[cfg(feature = "http")]
mod lenient;
pub mod metadata;
#[cfg(feature = "http")]
mod pace;
