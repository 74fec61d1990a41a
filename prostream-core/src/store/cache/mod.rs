//! An expiring cache of small values, by key, and claims on the work that makes them.

mod memory;
#[cfg(feature = "redis")]
mod redis;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;
use crate::net::Secret;

#[cfg(feature = "redis")]
pub use self::redis::RedisCache;
pub use memory::MemoryCache;

/// Largest value, in bytes; a larger one is not kept.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// Keeps values for a while. A value may vanish at any time; an answer is never older than its time to live.
///
/// A cache that fails is no reason to fail: who asks goes on as if nothing was kept. An implementation that can be away for long answers
/// with an error at once while it is, and says so in the log, but not at each question.
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

    /// The value of `key`, if it was written with the same seal by [`Self::write_sealed`].
    ///
    /// # Errors
    /// As [`Self::read`].
    async fn read_sealed(&self, key: &str, seal: &Secret) -> Result<Option<Bytes>> {
        let _ = (key, seal);
        Ok(None)
    }

    /// Keeps a value that holds secrets. Where it leaves the memory of this process it is encrypted with a key made of `seal`, so that it
    /// is read by those alone who have the same seal. The default is not to keep it.
    ///
    /// # Errors
    /// As [`Self::read`].
    async fn write_sealed(&self, key: &str, value: Bytes, time_to_live: Duration, seal: &Secret) -> Result<()> {
        let _ = (value, time_to_live, seal);
        self.remove(key).await
    }

    /// Says that `owner` is at work on what `key` names, so that others who share this cache wait for the outcome instead of doing the same.
    /// True when nobody else said so within their `time_to_live`; then it holds for `time_to_live` from now, and saying it again in time
    /// prolongs it. A claim spares work and protects nothing: it may vanish. By default everybody works.
    ///
    /// # Errors
    /// As [`Self::read`].
    async fn claim(&self, key: &str, owner: &str, time_to_live: Duration) -> Result<bool> {
        let _ = (key, owner, time_to_live);
        Ok(true)
    }

    /// The work that `owner` claimed is done or given up. The claim of somebody else stays.
    ///
    /// # Errors
    /// As [`Self::read`].
    async fn release(&self, key: &str, owner: &str) -> Result<()> {
        let _ = (key, owner);
        Ok(())
    }
}
