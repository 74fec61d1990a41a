//! Outside services, one room per role: metadata, indexers, debrid services. The trait stands at the door of its room,
//! vendors behind it never import each other.

pub mod debrid;
pub mod indexer;
pub mod metadata;
