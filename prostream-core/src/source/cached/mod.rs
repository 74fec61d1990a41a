//! Remote files read through memory.
//!
//! `blocks.rs` keeps bytes that were read, `run.rs` is one request upstream and those who read along, `walks.rs` sees who moves forward;
//! here readers find the one or the other, or start a run of their own. Who reads here and there gets what he asks for, rounded up to a
//! block; for who moves forward one request goes on to the end of the file, as far ahead of him as there is room for, and no further.

mod blocks;
mod run;
mod walks;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::blocks::{Blocks, FileName};
use self::run::{BATCH, Demand, Followed, Follower, Run as Fetch, Share};
use self::walks::Walks;
use super::connections::Leaving;
use super::{ByteSource, ByteStream, Connections, Run, SourceStats};
use crate::model::{ByteRange, Extents, Rope};
use crate::{Error, ErrorKind, Result};

/// Smallest size of a block, in bytes.
const MIN_BLOCK_SIZE: u64 = 4 << 10;
/// How long a request upstream stays open while its readers do not read; then its connection is given back (PACKAGING 5.6). Until then
/// who only pauses for a moment goes on without another request. Whoever waits for the connection gets it at once: see [`Turn`].
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// While others wait for a connection, each has it for so many bytes …
const TURN_BYTES: u64 = 8 << 20;
/// … or so long, whichever is over first; less when his readers can do without him.
const TURN_TIME: Duration = Duration::from_secs(5);
/// Most that a run holds behind its furthest reader, for those near him.
const MAX_BEHIND: u64 = 2 << 20;
/// After bytes could not be read ahead, nothing is for so long: whoever needs them asks, and hears why.
const FAILURE_COOL_DOWN: Duration = Duration::from_secs(10);
/// From so many files on, those that nobody has read for long are forgotten when another comes.
const MANY_FILES: usize = 64;

/// Limits of a [`BlockCache`].
#[derive(Clone, Debug)]
pub struct BlockCacheConfig {
    /// Most bytes held, over all files: what was read, and what requests under way have read ahead. Default: 256 MiB. Up to three
    /// quarters of it are shared evenly by the requests under way, each of which reads at most 24 MiB ahead; each may hold two blocks even
    /// where that is more than its share, so a budget of 0 still shares requests among those who read at the same time.
    pub budget_bytes: u64,
    /// Most bytes held of one file beside what is read ahead of its viewers. Default: 32 MiB, more than a viewer goes back whose player
    /// keeps what it has played; memory that comes free soon is still warm for the next bytes.
    pub file_budget_bytes: u64,
    /// Most bytes held when nobody was here for `idle_after`, see [`BlockCache::trim_if_idle`]. Default: 32 MiB.
    pub idle_budget_bytes: u64,
    /// See `idle_budget_bytes`. Default: 60 s.
    pub idle_after: Duration,
    /// Size of a block: what is dropped at once, and to what ends of requests are rounded up. Default: 256 KiB; at least 4 KiB.
    pub block_size: u64,
}

impl Default for BlockCacheConfig {
    fn default() -> Self {
        Self {
            budget_bytes: 256 << 20,
            file_budget_bytes: 32 << 20,
            idle_budget_bytes: 32 << 20,
            idle_after: Duration::from_secs(60),
            block_size: 256 << 10,
        }
    }
}

/// Blocks of remote files in memory, shared by everyone who reads them: each is fetched once for all who wait (single flight),
/// neighbours in one request. Payload is never copied: the pieces that a source gave are kept and handed on.
///
/// The bytes are counted as they are handed on; a source whose pieces are parts of larger buffers may hold somewhat more memory.
pub struct BlockCache {
    config: BlockCacheConfig,
    state: Mutex<State>,
    /// Requests under way, and what they hold.
    run_count: AtomicUsize,
    run_bytes: AtomicU64,
    tasks: TaskTracker,
    closed: CancellationToken,
}

#[derive(Debug)]
struct State {
    blocks: Blocks,
    files: HashMap<FileName, FileState>,
    last_use: Instant,
    /// Trimmed since then.
    is_trimmed: bool,
}

/// What goes on in a file.
#[derive(Debug, Default)]
struct FileState {
    /// Requests under way.
    fetches: Vec<Arc<Fetch>>,
    walks: Walks,
    failed_at: Option<Instant>,
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
        let config = BlockCacheConfig { block_size: config.block_size.max(MIN_BLOCK_SIZE), ..config };
        let blocks = Blocks::new(config.block_size, config.file_budget_bytes);
        let state = State { blocks, files: HashMap::new(), last_use: Instant::now(), is_trimmed: true };
        Arc::new(Self {
            config,
            state: Mutex::new(state),
            run_count: AtomicUsize::new(0),
            run_bytes: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        })
    }

    /// Somebody is here, whether or not he reads through the cache: it is not idle.
    pub(crate) fn note_use(&self) {
        self.lock().note_use();
    }

    /// Bytes held: for later, and by requests under way.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.lock().blocks.used_bytes().saturating_add(self.run_bytes.load(Ordering::Relaxed))
    }

    /// Drops the oldest bytes down to the idle budget if no request is under way and nobody was here for a while. Answers how many bytes
    /// were dropped, `None` where it is not quiet or was trimmed since somebody was here. Whether or not there were any, what passed through is
    /// free now, and the caller may want its allocator to give it back.
    pub fn trim_if_idle(&self) -> Option<u64> {
        let mut state = self.lock();
        let now = Instant::now();
        let is_idle = now.saturating_duration_since(state.last_use) >= self.config.idle_after;
        if !is_idle || self.run_count.load(Ordering::Relaxed) > 0 {
            return None;
        }
        state.forget_files(now);
        let before = state.blocks.used_bytes();
        state.blocks.shrink_to(self.config.idle_budget_bytes);
        let dropped_bytes = before.saturating_sub(state.blocks.used_bytes());
        let was_trimmed = std::mem::replace(&mut state.is_trimmed, true);
        (dropped_bytes > 0 || !was_trimmed).then_some(dropped_bytes)
    }

    /// Keeps bytes of the source with this identity that were read without the cache, as if somebody had just read them here.
    #[cfg(feature = "http")]
    pub(crate) fn put(&self, identity: &str, bytes: &Extents) {
        let size = self.config.block_size;
        let mut blocks = Vec::new();
        for (start, rope) in bytes.iter() {
            let end = start.saturating_add(rope.len());
            let mut at = start;
            while at < end {
                let next = (at / size).saturating_add(1).saturating_mul(size).min(end);
                blocks.push((at, rope.slice(at.saturating_sub(start), next.saturating_sub(at))));
                at = next;
            }
        }
        self.keep(&identity.into(), blocks, 0, 0);
    }

    /// Ends all requests under way and waits until they are gone. Reads that need one fail with `Cancelled` from then on.
    pub async fn close(&self) {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A viewer begins to read `range`: how many bytes are worth reading ahead of him.
    fn note(&self, file: &File, range: ByteRange) -> u64 {
        let now = Instant::now();
        let mut state = self.lock();
        if state.files.len() >= MANY_FILES && !state.files.contains_key(&file.name) {
            state.forget_files(now);
        }
        state.files.entry(file.name.clone()).or_default().walks.note(range, now)
    }

    /// Finds the bytes at the start of `missing`, which lies within the file and between what is at hand, or sends for them. `ahead` of
    /// the reader bytes are read before anybody asks for them.
    fn find(self: &Arc<Self>, file: &File, missing: ByteRange, ahead: u64) -> Result<Found> {
        let at = missing.start;
        let mut state = self.lock();
        let state = &mut *state;
        state.note_use();
        let going_on = state.files.entry(file.name.clone()).or_default();
        let batch = ByteRange::new(at, missing.end.min(at.saturating_add(BATCH)));
        if let Some(rope) = state.blocks.read(&file.name, batch) {
            let end = at.saturating_add(rope.len());
            for fetch in &going_on.fetches {
                fetch.see(end, ahead);
            }
            return Ok(Found::Have(rope));
        }
        if let Some(follower) = going_on.fetches.iter().find_map(|fetch| fetch.join(missing, ahead)) {
            return Ok(Found::Coming(follower));
        }
        if self.closed.is_cancelled() {
            return Err(run::stopped());
        }
        if ahead == 0 {
            // A jump: the connection's bytes are for him now, not for what may be asked for later.
            going_on.fetches.iter().for_each(|fetch| fetch.hold());
        }
        let end = match ahead {
            0 => state.blocks.end_of_block(missing.end.saturating_sub(1)),
            _ => u64::MAX,
        };
        let follower = self.start(state, file, ByteRange::new(at, end), at, ahead, Some(missing));
        follower.map(Found::Coming).ok_or_else(|| Error::new(ErrorKind::Internal, "read through cache"))
    }

    /// A viewer who moves forward has read up to `at`: sees to it that what comes next is there before he asks for it.
    fn read_on(self: &Arc<Self>, file: &File, at: u64, ahead: u64) {
        let size = file.inner.size_bytes();
        let wanted = at.saturating_add(ahead).min(size);
        let mut state = self.lock();
        let state = &mut *state;
        let going_on = state.files.entry(file.name.clone()).or_default();
        let mut end = at;
        loop {
            let before = end;
            end = file.at_hand.end_of_run(end);
            end = state.blocks.end_of_run(&file.name, end, wanted.max(end));
            if let Some(fetch) = going_on.fetches.iter().find(|fetch| fetch.covers(end)) {
                if fetch.see(at, ahead) {
                    return;
                }
                end = fetch.end_offset().max(end);
            }
            if end >= wanted {
                return;
            }
            if end == before {
                break;
            }
        }
        let now = Instant::now();
        let has_failed = going_on.failed_at.is_some_and(|at| now.saturating_duration_since(at) < FAILURE_COOL_DOWN);
        let is_enough = end.saturating_sub(at) > ahead / 2;
        let is_coming = going_on.fetches.iter().any(|fetch| fetch.covers(end));
        if has_failed || is_enough || is_coming || self.closed.is_cancelled() {
            return;
        }
        self.start(state, file, ByteRange::new(end, u64::MAX), at, ahead, None);
    }

    /// Sends a request for `range`, or as much of it as nobody else fetches, for a viewer at `furthest`, who may be here to read along.
    fn start(
        self: &Arc<Self>,
        state: &mut State,
        file: &File,
        range: ByteRange,
        furthest: u64,
        ahead: u64,
        reads: Option<ByteRange>,
    ) -> Option<Follower> {
        let at = range.start;
        let going_on = state.files.entry(file.name.clone()).or_default();
        let mut end = range.end.min(file.inner.size_bytes());
        if let Run::Miss(missing) = Run::first(&file.at_hand, ByteRange::new(at, end)) {
            end = missing.end;
        }
        end = state.blocks.next_run(&file.name, ByteRange::new(at, end), file.inner.seek_cost_bytes() / 4);
        for other in &going_on.fetches {
            end = end.min(other.limit_for(at));
            other.stop_before(at);
        }
        let range = ByteRange::new(at, end);
        let fetch = Fetch::new(range, self.config.block_size, furthest, ahead);
        // Before its task looks whether anybody wants it.
        let follower = reads.and_then(|reads| fetch.join(reads, ahead));
        going_on.fetches.push(fetch.clone());
        self.run_count.fetch_add(1, Ordering::Relaxed);
        let feed = Feed {
            cache: self.clone(),
            name: file.name.clone(),
            connections: file.inner.connections(),
            fetch,
            counted_bytes: 0,
        };
        self.tasks.spawn(feed.run(file.inner.clone().stream(range)));
        follower
    }

    /// What one of the requests under way may hold.
    fn share(&self) -> Share {
        let all = self.config.budget_bytes / 4 * 3;
        let count = self.run_count.load(Ordering::Relaxed).max(1) as u64;
        let share = all / count;
        let behind = (share / 8).min(MAX_BEHIND);
        // Others began when there was more for each: they are waited for.
        let is_full = self.run_bytes.load(Ordering::Relaxed) >= all;
        let ahead = if is_full { 0 } else { share.saturating_sub(behind).saturating_sub(self.config.block_size) };
        Share { ahead: ahead.max(self.config.block_size), behind }
    }

    /// Keeps what a run gives away, and counts what it holds from now on instead of `before`.
    fn keep(&self, name: &FileName, blocks: Vec<(u64, Rope)>, before: u64, now: u64) {
        self.keep_in(&mut self.lock(), name, blocks, before, now);
    }

    fn keep_in(&self, state: &mut State, name: &FileName, blocks: Vec<(u64, Rope)>, before: u64, now: u64) {
        self.run_bytes.fetch_add(now, Ordering::Relaxed);
        let run_bytes = self.run_bytes.fetch_sub(before, Ordering::Relaxed).saturating_sub(before);
        for (start, rope) in blocks {
            state.blocks.insert(name, start, rope);
        }
        state.blocks.shrink_to(self.config.budget_bytes.saturating_sub(run_bytes));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_use(&mut self) {
        self.last_use = Instant::now();
        self.is_trimmed = false;
    }

    /// Forgets files that nobody reads nor has read for long.
    fn forget_files(&mut self, now: Instant) {
        self.files.retain(|_, file| file.walks.forget(now) || !file.fetches.is_empty());
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache").field("used_bytes", &self.used_bytes()).finish_non_exhaustive()
    }
}

/// The task that feeds a run: takes from the source what is asked for, and puts away what its readers have passed.
struct Feed {
    cache: Arc<BlockCache>,
    name: FileName,
    /// Those of the link, where they are few.
    connections: Option<Arc<Connections>>,
    fetch: Arc<Fetch>,
    /// Counted in [`BlockCache::run_bytes`].
    counted_bytes: u64,
}

/// How long and for how much a run has had its connection.
struct Turn {
    since: Instant,
    read_bytes: u64,
}

impl Feed {
    async fn run(mut self, mut body: ByteStream) {
        let mut turn = Turn { since: Instant::now(), read_bytes: 0 };
        let mut leaving = None;
        let failure = loop {
            let share = self.cache.share();
            match self.fetch.demand(share.ahead) {
                Demand::Stop => break None,
                Demand::Wait => {
                    tokio::select! {
                        () = self.fetch.asked() => {}
                        () = wanted(self.connections.as_deref()) => {
                            leaving = self.leave();
                            if leaving.is_some() {
                                break None;
                            }
                        }
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
                Some(Ok(piece)) => {
                    let most = BATCH.min(self.cache.config.block_size).min(self.fetch.rest());
                    let (pieces, failure) = all_ready(piece, &mut body, most);
                    turn.read_bytes =
                        pieces.iter().fold(turn.read_bytes, |sum, piece| sum.saturating_add(piece.len() as u64));
                    self.push(pieces, share.behind);
                    if failure.is_some() {
                        break failure;
                    }
                }
                Some(Err(error)) => break Some(error),
                None => {
                    break Some(Error::new(ErrorKind::Internal, "read through cache").detail("the source ended early"));
                }
            }
            if turn.is_over() || self.fetch.is_comfortable() {
                leaving = self.leave();
                if leaving.is_some() {
                    break None;
                }
                if turn.is_over() {
                    turn = Turn { since: Instant::now(), read_bytes: 0 };
                }
            }
        };
        drop(body);
        drop(leaving);
        // First kept, then said: who is told that the run is over finds the bytes.
        let held = self.fetch.held();
        self.cache.keep(&self.name, held, std::mem::take(&mut self.counted_bytes), 0);
        if failure.is_some() {
            let mut state = self.cache.lock();
            state.files.entry(self.name.clone()).or_default().failed_at = Some(Instant::now());
        }
        self.fetch.end(failure);
    }

    /// A promise to give up the connection, if somebody waits for one.
    fn leave(&self) -> Option<Leaving> {
        self.connections.as_ref()?.leave()
    }

    fn push(&mut self, pieces: Vec<Bytes>, behind: u64) {
        // Under one lock: a reader who found what is given away neither here nor there would send for it, and for all behind it, again.
        let mut state = self.cache.lock();
        let passed = self.fetch.push(pieces, behind);
        let now = self.fetch.held_bytes();
        let before = std::mem::replace(&mut self.counted_bytes, now);
        self.cache.keep_in(&mut state, &self.name, passed, before, now);
    }
}

impl Drop for Feed {
    /// However the task ends, nobody waits for it any longer.
    fn drop(&mut self) {
        self.fetch.end(Some(run::stopped()));
        self.cache.run_bytes.fetch_sub(self.counted_bytes, Ordering::Relaxed);
        self.cache.run_count.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.cache.lock();
        if let Some(file) = state.files.get_mut(&self.name) {
            file.fetches.retain(|fetch| !Arc::ptr_eq(fetch, &self.fetch));
        }
    }
}

impl Turn {
    fn is_over(&self) -> bool {
        self.read_bytes >= TURN_BYTES || self.since.elapsed() >= TURN_TIME
    }
}

/// Waits until somebody waits for a connection; for ever where there are as many as anybody wants.
async fn wanted(connections: Option<&Connections>) {
    match connections {
        Some(connections) => connections.wanted().await,
        None => std::future::pending().await,
    }
}

/// `first` and what else has come by now, until there are `most` bytes, so that many small pieces wake the readers once; and the failure
/// behind them.
fn all_ready(first: Bytes, body: &mut ByteStream, most: u64) -> (Vec<Bytes>, Option<Error>) {
    let mut len = first.len() as u64;
    let mut pieces = vec![first];
    while len < most {
        match body.next().now_or_never() {
            Some(Some(Ok(piece))) => {
                len = len.saturating_add(piece.len() as u64);
                pieces.push(piece);
            }
            Some(Some(Err(error))) => return (pieces, Some(error)),
            // An end that came too early is seen when the next piece is asked for.
            Some(None) | None => break,
        }
    }
    (pieces, None)
}

/// A source read through a [`BlockCache`]. Sources with the same identity share their bytes.
///
/// A range of which nothing is known is one request upstream, whose bytes flow to the reader as they come; for a viewer who moves forward
/// it goes on, so that the whole film is one. What the source had at hand from opening is never asked for. A viewer may pause for as long as
/// he likes: after 30 s his request ends, and when he reads on another begins at the same byte.
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
            ahead: None,
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

    /// As [`ByteSource::stream`], but up to 24 MiB are read ahead.
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

    fn connections(&self) -> Option<Arc<Connections>> {
        self.file.inner.connections()
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
    /// How far is read ahead of him; `None` before he has asked for anything that was not at hand.
    ahead: Option<u64>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(piece) = self.pieces.next() {
                return Ok(Some(piece));
            }
            if self.rest.is_empty() {
                return Ok(None);
            }
            if let Some(follower) = &self.follower {
                match follower.next(self.rest).await {
                    Followed::Pieces(rope) => {
                        self.take(rope);
                        continue;
                    }
                    // Who lags reads what was put away, and may catch up.
                    Followed::LeftBehind => {}
                    Followed::Failed(error) => return Err(error),
                }
            }
            match Run::first(&self.file.at_hand, self.rest) {
                Run::Have(rope) => self.take(rope),
                Run::Miss(missing) => {
                    let ahead = *self.ahead.get_or_insert_with(|| self.cache.note(&self.file, self.rest));
                    match self.cache.find(&self.file, missing, ahead)? {
                        Found::Have(rope) => self.take(rope),
                        Found::Coming(follower) => {
                            self.leave();
                            self.follower = Some(follower);
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, rope: Rope) {
        self.rest.start = self.rest.start.saturating_add(rope.len()).min(self.rest.end);
        self.pieces = rope.into_pieces().into_iter();
        // Not every reader asks once more when he has all that he wanted.
        if self.rest.is_empty() {
            self.leave();
            if let Some(ahead) = self.ahead.filter(|ahead| *ahead > 0) {
                self.cache.read_on(&self.file, self.rest.end, ahead);
            }
        }
    }

    fn leave(&mut self) {
        if let Some(follower) = self.follower.take() {
            follower.leave();
        }
    }
}
