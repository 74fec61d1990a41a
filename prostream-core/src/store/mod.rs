//! What we keep: records, and an expiring cache.

pub mod cache;
pub mod records;
#[cfg(feature = "sqlite")]
pub mod sqlite;
