//! What we keep: records, and an expiring cache; and what several processes keep together.

pub mod cache;
pub mod records;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "redis", feature = "sqlite"))]
mod seal;
#[cfg(feature = "sqlite")]
pub mod sqlite;

/// The time of day in milliseconds since 1970-01-01 UTC, as records keep it.
#[must_use]
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
