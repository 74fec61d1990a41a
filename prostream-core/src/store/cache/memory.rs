use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::ops::compute::{CompResult, Op};
use sha2::{Digest, Sha256};

use super::{Cache, MAX_VALUE_BYTES};
use crate::Result;
use crate::net::Secret;

/// What an entry costs beside its key and value, in bytes: a rough count of moka's own bookkeeping.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// Most claims at a time; beyond, claims that are not looked at are forgotten, and their work may be done twice.
const MAX_CLAIMS: u64 = 10_000;

/// A cache in the memory of this process, within a budget of bytes. Clones share it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> prostream_core::Result<()> {
/// use std::time::Duration;
/// use prostream_core::store::cache::{Cache, MemoryCache};
/// let cache = MemoryCache::default();
/// cache.write("title:tt0133093", "…".into(), Duration::from_secs(60)).await?;
/// assert!(cache.read("title:tt0133093").await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemoryCache {
    entries: moka::future::Cache<String, Entry>,
    claims: moka::future::Cache<String, Claim>,
    budget_bytes: u64,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    time_to_live: Duration,
    /// Hash of the seal it was written with.
    seal: Option<[u8; 32]>,
}

#[derive(Clone)]
struct Claim {
    owner: String,
    time_to_live: Duration,
}

/// What is kept says for how long.
trait Lives: Clone + Send + Sync + 'static {
    fn time_to_live(&self) -> Duration;
}

impl Lives for Entry {
    fn time_to_live(&self) -> Duration {
        self.time_to_live
    }
}

impl Lives for Claim {
    fn time_to_live(&self) -> Duration {
        self.time_to_live
    }
}

struct OwnTime;

impl<T: Lives> Expiry<String, T> for OwnTime {
    fn expire_after_create(&self, _key: &String, kept: &T, _now: Instant) -> Option<Duration> {
        Some(kept.time_to_live())
    }

    fn expire_after_update(&self, _: &String, kept: &T, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.time_to_live())
    }
}

impl MemoryCache {
    /// Default budget, in bytes: 32 MiB.
    pub const DEFAULT_BUDGET_BYTES: u64 = 32 << 20;

    /// A cache that keeps at most about `budget_bytes` of keys and values; what is used least gives way.
    #[must_use]
    pub fn with_budget(budget_bytes: u64) -> Self {
        let entries = moka::future::Cache::builder()
            .max_capacity(budget_bytes)
            .weigher(|key: &String, entry: &Entry| {
                let cost = key.len().saturating_add(entry.value.len()).saturating_add(ENTRY_OVERHEAD_BYTES);
                u32::try_from(cost).unwrap_or(u32::MAX)
            })
            .expire_after(OwnTime)
            .build();
        let claims = moka::future::Cache::builder().max_capacity(MAX_CLAIMS).expire_after(OwnTime).build();
        Self { entries, claims, budget_bytes }
    }

    async fn read_as(&self, key: &str, seal: Option<[u8; 32]>) -> Option<Bytes> {
        self.entries.get(key).await.filter(|entry| entry.seal == seal).map(|entry| entry.value)
    }

    async fn write_as(&self, key: &str, value: Bytes, time_to_live: Duration, seal: Option<[u8; 32]>) {
        if value.len() > MAX_VALUE_BYTES || time_to_live.is_zero() {
            // What was there before is out of date all the same.
            return self.entries.invalidate(key).await;
        }
        // A slice of a larger buffer would keep all of it alive, outside the budget.
        let value = Bytes::copy_from_slice(&value);
        self.entries.insert(key.to_owned(), Entry { value, time_to_live, seal }).await;
    }
}

fn hashed(seal: &Secret) -> Option<[u8; 32]> {
    Some(Sha256::digest(seal.expose()).into())
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::with_budget(Self::DEFAULT_BUDGET_BYTES)
    }
}

/// Values and keys may be about people: only sizes are shown.
impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("budget_bytes", &self.budget_bytes)
            .field("entry_count", &self.entries.entry_count())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.read_as(key, None).await)
    }

    async fn write(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        self.write_as(key, value, time_to_live, None).await;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<()> {
        self.entries.invalidate(key).await;
        Ok(())
    }

    async fn read_sealed(&self, key: &str, seal: &Secret) -> Result<Option<Bytes>> {
        Ok(self.read_as(key, hashed(seal)).await)
    }

    async fn write_sealed(&self, key: &str, value: Bytes, time_to_live: Duration, seal: &Secret) -> Result<()> {
        self.write_as(key, value, time_to_live, hashed(seal)).await;
        Ok(())
    }

    async fn claim(&self, key: &str, owner: &str, time_to_live: Duration) -> Result<bool> {
        let claim = Claim { owner: owner.to_owned(), time_to_live };
        let outcome = self
            .claims
            .entry_by_ref(key)
            .and_compute_with(|held| {
                let is_free = held.is_none_or(|held| held.value().owner == claim.owner);
                std::future::ready(if is_free { Op::Put(claim) } else { Op::Nop })
            })
            .await;
        Ok(matches!(outcome, CompResult::Inserted(_) | CompResult::ReplacedWith(_)))
    }

    async fn release(&self, key: &str, owner: &str) -> Result<()> {
        self.claims
            .entry_by_ref(key)
            .and_compute_with(|held| {
                let is_ours = held.is_some_and(|held| held.value().owner == owner);
                std::future::ready(if is_ours { Op::Remove } else { Op::Nop })
            })
            .await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the budget holds, whatever is written.
    /// Method: ten times the budget in small values; what is left weighs no more than the budget.
    #[tokio::test]
    async fn the_budget_holds() {
        let cache = MemoryCache::with_budget(64 << 10);
        for number in 0..640 {
            cache.write(&format!("key {number}"), vec![0; 1 << 10].into(), Duration::from_secs(60)).await.unwrap();
        }
        cache.entries.run_pending_tasks().await;
        assert!(cache.entries.weighted_size() <= 64 << 10, "{}", cache.entries.weighted_size());
        assert!(cache.entries.entry_count() > 0);
    }

    /// Goal: a cache in a log shows no key and no value.
    #[tokio::test]
    async fn debug_shows_sizes_only() {
        let cache = MemoryCache::default();
        cache.write("key of a person", "something private".into(), Duration::from_secs(60)).await.unwrap();
        let shown = format!("{cache:?}");
        assert!(!shown.contains("person") && !shown.contains("private"), "{shown}");
    }
}
