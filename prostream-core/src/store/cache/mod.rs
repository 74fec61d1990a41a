//! An expiring cache of small values, by key.

mod memory;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

pub use memory::MemoryCache;

/// Largest value, in bytes; a larger one is not kept.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// Keeps values for a while. A value may vanish at any time; an answer is never older than its time to live.
#[async_trait]
pub trait Cache: Send + Sync + fmt::Debug + 'static {
    /// The value of `key`, if it is there and not expired.
    ///
    /// # Errors
    /// `Storage` or `Unavailable` as the place of the values fails.
    async fn read(&self, key: &str) -> Result<Option<Bytes>>;

    /// Keeps a value for `time_to_live`, in place of any before it.
    ///
    /// # Errors
    /// As [`Self::read`].
    async fn write(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()>;

    /// Forgets a value.
    ///
    /// # Errors
    /// As [`Self::read`].
    async fn remove(&self, key: &str) -> Result<()>;
}
