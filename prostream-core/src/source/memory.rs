use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::{ByteSource, ByteStream, SourceStats};
use crate::model::{ByteRange, Rope};
use crate::{Error, ErrorKind, Result};

/// A file in memory: for tests, and for small things that were fetched whole.
pub struct MemorySource {
    bytes: Bytes,
    identity: String,
    request_count: AtomicU64,
    read_bytes: AtomicU64,
}

impl MemorySource {
    /// A source of `bytes`.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        /// Not named by its address: memory is used again, and caches must not take the next file for this one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let bytes = bytes.into();
        let identity = format!("memory:{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { bytes, identity, request_count: AtomicU64::new(0), read_bytes: AtomicU64::new(0) }
    }

    fn take(&self, range: ByteRange) -> Result<Bytes> {
        self.request_count.fetch_add(1, Ordering::Relaxed);
        self.read_bytes.fetch_add(range.len(), Ordering::Relaxed);
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        let end = usize::try_from(range.end).unwrap_or(usize::MAX);
        if end > self.bytes.len() {
            return Err(Error::new(ErrorKind::InvalidInput, "read memory").detail("beyond the end"));
        }
        Ok(self.bytes.slice(start..end))
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource").field("size_bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl ByteSource for MemorySource {
    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        self.take(range).map(Rope::from)
    }

    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        let answer = self.take(range);
        Box::pin(futures_util::stream::once(async move { answer }))
    }

    fn is_local(&self) -> bool {
        true
    }

    fn stats(&self) -> SourceStats {
        SourceStats {
            request_count: self.request_count.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
        }
    }
}
