//! Remote files read through memory.
//!
//! `blocks.rs` keeps bytes that came, `run.rs` is one request upstream and those who read along; here readers find the one or
//! the other, or start a run of their own. A reader asks for what he wants and no more: a run ends with his range, rounded up to
//! a block.

mod blocks;
mod run;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::blocks::{Blocks, FileName};
use self::run::{Demand, Followed, Follower, Run as Fetch};
use super::{ByteSource, ByteStream, Run, SourceStats};
use crate::model::{ByteRange, Extents, Rope};
use crate::{Error, ErrorKind, Result};

/// Smallest size of a block, in bytes.
const MIN_BLOCK_SIZE: u64 = 4 << 10;
/// Most bytes of one request upstream; a longer range takes several, one after the other.
const MAX_RUN_BYTES: u64 = 64 << 20;
/// How long a request upstream stays open while its readers do not read; then its connection is given back. Shorter
/// than a link waits for one of its two connections, so that two paused viewers do not fail a third.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Limits of a [`BlockCache`].
#[derive(Clone, Debug)]
pub struct BlockCacheConfig {
    /// Most bytes held for later, over all files. Default: 256 MiB. Beside it each request under way holds up to 16 MiB: 8 MiB ahead
    /// of its readers and 8 MiB behind. A budget of 0 still shares requests among those who read at the same time.
    pub budget_bytes: u64,
    /// Most of them of one file. Default: 64 MiB, more than a viewer goes back; memory that comes free soon is still warm for the next bytes.
    pub file_budget_bytes: u64,
    /// Size of a block: what is dropped at once, and to what ends of requests are rounded up. Default: 256 KiB; at least 4 KiB.
    pub block_size: u64,
}

impl Default for BlockCacheConfig {
    fn default() -> Self {
        Self { budget_bytes: 256 << 20, file_budget_bytes: 64 << 20, block_size: 256 << 10 }
    }
}

/// Blocks of remote files in memory, shared by everyone who reads them: each is fetched once for all who wait (single flight),
/// neighbours in one request. Payload is never copied: the pieces that a source gave are kept and handed on.
///
/// The bytes are counted as they are handed on; a source whose pieces are parts of larger buffers may hold somewhat more memory.
pub struct BlockCache {
    block_size: u64,
    state: Mutex<State>,
    tasks: TaskTracker,
    closed: CancellationToken,
}

#[derive(Debug)]
struct State {
    blocks: Blocks,
    /// Requests under way.
    fetches: HashMap<FileName, Vec<Arc<Fetch>>>,
}

/// Where a reader goes on.
enum Found {
    /// These bytes are here.
    Have(Rope),
    /// They are on their way.
    Coming(Follower),
}

impl BlockCache {
    /// An empty cache.
    #[must_use]
    pub fn new(config: BlockCacheConfig) -> Arc<Self> {
        let block_size = config.block_size.max(MIN_BLOCK_SIZE);
        let blocks = Blocks::new(block_size, config.budget_bytes, config.file_budget_bytes);
        let state = State { blocks, fetches: HashMap::new() };
        Arc::new(Self {
            block_size,
            state: Mutex::new(state),
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        })
    }

    /// Bytes held for later.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.lock().blocks.used_bytes()
    }

    /// Ends all requests under way and waits until they are gone. Reads that need one fail with `Cancelled` from then on.
    pub async fn close(&self) {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Finds the bytes at the start of `missing`, which lies within the file and between what is at hand, or sends for them.
    fn find(self: &Arc<Self>, file: &File, missing: ByteRange) -> Result<Found> {
        let at = missing.start;
        let mut state = self.lock();
        if let Some(rope) = state.blocks.read(&file.name, missing) {
            return Ok(Found::Have(rope));
        }
        let fetches = state.fetches.get(&file.name).map(Vec::as_slice).unwrap_or_default();
        if let Some(follower) = fetches.iter().find_map(|fetch| fetch.join(at)) {
            return Ok(Found::Coming(follower));
        }
        if self.closed.is_cancelled() {
            return Err(run::stopped());
        }

        let mut end = state.blocks.end_of_block(missing.end.saturating_sub(1)).min(file.inner.size_bytes());
        end = end.min(at.saturating_add(MAX_RUN_BYTES));
        if let Run::Miss(range) = Run::first(&file.at_hand, ByteRange::new(at, end)) {
            end = range.end;
        }
        end = state.blocks.next_start(&file.name, ByteRange::new(at, end));
        for other in fetches {
            end = end.min(other.limit_for(at));
            other.stop_before(at);
        }
        let range = ByteRange::new(at, end);
        let fetch = Fetch::new(range, self.block_size);
        let follower = fetch.join(at).ok_or_else(|| Error::new(ErrorKind::Internal, "read through cache"))?;
        state.fetches.entry(file.name.clone()).or_default().push(fetch.clone());
        drop(state);
        let feed = Feed { cache: self.clone(), name: file.name.clone(), fetch };
        self.tasks.spawn(feed.run(file.inner.clone().stream(range), at));
        Ok(Found::Coming(follower))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache").field("used_bytes", &self.used_bytes()).finish_non_exhaustive()
    }
}

/// The task that feeds a run: takes from the source what is asked for, and puts full blocks away.
struct Feed {
    cache: Arc<BlockCache>,
    name: FileName,
    fetch: Arc<Fetch>,
}

impl Feed {
    async fn run(self, mut body: ByteStream, start: u64) {
        let mut gathered = Gathered { start, rope: Rope::new() };
        let failure = loop {
            match self.fetch.demand() {
                Demand::Stop => break None,
                Demand::Wait => {
                    tokio::select! {
                        () = self.fetch.asked() => {}
                        () = tokio::time::sleep(MAX_PAUSE) => break None,
                        () = self.cache.closed.cancelled() => break Some(run::stopped()),
                    }
                    continue;
                }
                Demand::Read => {}
            }
            let piece = tokio::select! {
                biased;
                () = self.cache.closed.cancelled() => break Some(run::stopped()),
                piece = body.next() => piece,
                // Somebody left: perhaps the last.
                () = self.fetch.asked() => continue,
            };
            match piece {
                Some(Ok(piece)) => gathered.add(self.fetch.push(piece), &self.cache, &self.name),
                Some(Err(error)) => break Some(error),
                None => {
                    break Some(Error::new(ErrorKind::Internal, "read through cache").detail("the source ended early"));
                }
            }
        };
        // First kept, then said: who is told that the run is over finds the bytes.
        gathered.put_away(&self.cache, &self.name);
        self.fetch.end(failure);
    }
}

impl Drop for Feed {
    /// However the task ends, nobody waits for it any longer.
    fn drop(&mut self) {
        self.fetch.end(Some(run::stopped()));
        let mut state = self.cache.lock();
        if let Some(fetches) = state.fetches.get_mut(&self.name) {
            fetches.retain(|fetch| !Arc::ptr_eq(fetch, &self.fetch));
            if fetches.is_empty() {
                state.fetches.remove(&self.name);
            }
        }
    }
}

/// Bytes of one block that are not put away yet.
struct Gathered {
    start: u64,
    rope: Rope,
}

impl Gathered {
    fn add(&mut self, mut piece: Bytes, cache: &BlockCache, name: &FileName) {
        while !piece.is_empty() {
            let end = self.start.saturating_add(self.rope.len());
            let room = cache.block_size.saturating_sub(end % cache.block_size);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(piece.len());
            self.rope.push(piece.split_to(room));
            if self.start.saturating_add(self.rope.len()).is_multiple_of(cache.block_size) {
                self.put_away(cache, name);
            }
        }
    }

    fn put_away(&mut self, cache: &BlockCache, name: &FileName) {
        let rope = std::mem::take(&mut self.rope);
        let start = self.start;
        self.start = start.saturating_add(rope.len());
        if !rope.is_empty() {
            cache.lock().blocks.insert(name, start, rope);
        }
    }
}

/// A source read through a [`BlockCache`]. Sources with the same identity share their bytes.
///
/// A range of up to 64 MiB of which nothing is known is one request upstream, whose bytes flow to the reader as they come. What
/// the source had at hand from opening is never asked for.
#[derive(Debug)]
pub struct CachedSource {
    cache: Arc<BlockCache>,
    file: Arc<File>,
}

struct File {
    inner: Arc<dyn ByteSource>,
    name: FileName,
    at_hand: Extents,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl CachedSource {
    /// Reads `inner` through `cache`.
    #[must_use]
    pub fn new(inner: Arc<dyn ByteSource>, cache: Arc<BlockCache>) -> Self {
        let (name, at_hand) = (inner.identity().into(), inner.at_hand());
        Self { cache, file: Arc::new(File { inner, name, at_hand }) }
    }

    fn reader(&self, range: ByteRange) -> Result<Reader> {
        if range.end > self.file.inner.size_bytes() {
            return Err(Error::new(ErrorKind::InvalidInput, "read through cache").detail("beyond the end"));
        }
        Ok(Reader {
            cache: self.cache.clone(),
            file: self.file.clone(),
            rest: range,
            pieces: Vec::new().into_iter(),
            follower: None,
        })
    }
}

#[async_trait]
impl ByteSource for CachedSource {
    fn size_bytes(&self) -> u64 {
        self.file.inner.size_bytes()
    }

    fn identity(&self) -> &str {
        &self.file.name
    }

    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        let mut reader = self.reader(range)?;
        let mut rope = Rope::new();
        while let Some(piece) = reader.next().await? {
            rope.push(piece);
        }
        Ok(rope)
    }

    /// As [`ByteSource::stream`], but up to 8 MiB of the range are read ahead.
    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        match self.reader(range) {
            Ok(reader) => Box::pin(futures_util::stream::try_unfold(reader, |mut reader| async move {
                Ok(reader.next().await?.map(|piece| (piece, reader)))
            })),
            Err(error) => Box::pin(futures_util::stream::once(async { Err(error) })),
        }
    }

    fn at_hand(&self) -> Extents {
        self.file.at_hand.clone()
    }

    fn seek_cost_bytes(&self) -> u64 {
        self.file.inner.seek_cost_bytes()
    }

    fn is_local(&self) -> bool {
        self.file.inner.is_local()
    }

    fn stats(&self) -> SourceStats {
        self.file.inner.stats()
    }
}

/// Reads a range in order from what is at hand, from blocks, and along with requests under way.
struct Reader {
    cache: Arc<BlockCache>,
    file: Arc<File>,
    /// What `pieces` does not hold.
    rest: ByteRange,
    pieces: std::vec::IntoIter<Bytes>,
    follower: Option<Follower>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(piece) = self.pieces.next() {
                return Ok(Some(piece));
            }
            if self.rest.is_empty() {
                self.follower = None;
                return Ok(None);
            }
            if let Some(follower) = &self.follower {
                match follower.next(self.rest.start).await {
                    Followed::Piece(mut piece) => {
                        piece.truncate(usize::try_from(self.rest.len()).unwrap_or(usize::MAX));
                        self.advance(piece.len() as u64);
                        return Ok(Some(piece));
                    }
                    Followed::LeftBehind => self.follower = None,
                    Followed::Failed(error) => return Err(error),
                }
            }
            let found = match Run::first(&self.file.at_hand, self.rest) {
                Run::Have(rope) => Found::Have(rope),
                Run::Miss(missing) => self.cache.find(&self.file, missing)?,
            };
            match found {
                Found::Have(rope) => {
                    self.advance(rope.len());
                    self.pieces = rope.into_pieces().into_iter();
                }
                Found::Coming(follower) => self.follower = Some(follower),
            }
        }
    }

    fn advance(&mut self, len: u64) {
        self.rest.start = self.rest.start.saturating_add(len).min(self.rest.end);
    }
}
