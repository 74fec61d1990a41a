//! Bytes of one file, wherever it lies: length and `read_at`.
//!
//! A [`ByteSource`] is opened once and read by many; every range costs at most one request upstream.

mod cached;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only links have connections"))]
mod connections;
mod file;
#[cfg(feature = "http")]
mod http;
mod lease;
#[cfg(target_os = "linux")]
mod mapped;
mod memory;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;
use crate::model::{ByteRange, Extents, Rope};

pub use crate::net::ByteStream;

pub use cached::{BlockCache, BlockCacheConfig, CachedSource};
pub use connections::{Connections, Leaving};
pub use file::{FileAccess, FileSource};
#[cfg(feature = "http")]
pub use http::{HttpSource, HttpSourceConfig};
pub use lease::{Lease, LeasedLink};
pub use memory::MemorySource;

/// How much of the start and of the end of a file is read at once when it is opened, in bytes: enough for the index of most files. The same
/// for every kind of source, because readers look at some things only where they are at hand, and those must not depend on the place.
pub const END_SIZE: u64 = 512 * 1024;

/// How much a source has done, for `probe` and the benches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceStats {
    /// Requests sent (HTTP) or system calls made (file).
    pub request_count: u64,
    /// Bytes that came from below.
    pub read_bytes: u64,
}

/// Bytes of one file. The length is known from opening on and does not change: a source that finds another file behind
/// its link answers [`SourceChanged`](crate::ErrorKind::SourceChanged) instead of mixing bytes.
#[async_trait]
pub trait ByteSource: Send + Sync + fmt::Debug + 'static {
    /// Length of the file in bytes.
    fn size_bytes(&self) -> u64;

    /// Names the file as long as it is unchanged, for caches: a path with its time of change, an address with its ETag.
    /// Holds no secret.
    fn identity(&self) -> &str;

    /// Exactly the bytes of `range`, in as many pieces as they came.
    ///
    /// # Errors
    /// `InvalidInput` when the range reaches beyond the end; `Unavailable`, `TimedOut`, `RateLimited`, `Forbidden`,
    /// `SourceChanged` or `Storage` as the place of the bytes fails.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn read_at(&self, range: ByteRange) -> Result<Rope>;

    /// The bytes of `range` as they come, without holding them all. The stream reads no further than it is polled.
    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream;

    /// The bytes that opening brought along (head and tail of a remote file), so that nobody asks for them again.
    fn at_hand(&self) -> Extents {
        Extents::new()
    }

    /// Gaps up to this many bytes are cheaper to read and drop than to start another read behind them.
    fn seek_cost_bytes(&self) -> u64 {
        64 * 1024
    }

    /// Adds the bytes of `range` to `out` where they lie in the memory of this machine and having them costs a copy, no more: waits for nothing.
    /// `false`, with `out` as it was, where they do not, where nobody can tell, and where [`stream`](Self::stream) does not even copy.
    fn copy_ready(&self, range: ByteRange, out: &mut Vec<u8>) -> bool {
        let _ = (range, out);
        false
    }

    /// The connections that all streams of this source share, where they are few: who reads ahead can leave his to those who wait.
    fn connections(&self) -> Option<Arc<Connections>> {
        None
    }

    /// Lies on this machine: a small read costs no request, so that thousands of them are a way to search in it.
    fn is_local(&self) -> bool {
        false
    }

    /// What was done so far.
    fn stats(&self) -> SourceStats;
}

/// The beginning of a range: either at hand or missing.
enum Run {
    /// These bytes are here.
    Have(Rope),
    /// These are not.
    Miss(ByteRange),
}

impl Run {
    /// Of `range`, which is not empty.
    fn first(have: &Extents, range: ByteRange) -> Self {
        let end = have.end_of_run(range.start).min(range.end);
        if let Some(rope) = have.rope(ByteRange::new(range.start, end)).filter(|rope| !rope.is_empty()) {
            return Run::Have(rope);
        }
        let next = have.iter().map(|(at, _)| at).find(|&at| at > range.start);
        Run::Miss(ByteRange::new(range.start, next.unwrap_or(u64::MAX).min(range.end)))
    }
}

/// An identity of what was hashed: `kind:` and 32 hex digits.
fn named_by(kind: &str, hash: sha2::Sha256) -> String {
    use sha2::Digest;
    let hex: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}:{hex}")
}
