use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache as MokaCache;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::shared::Shown;
use crate::container::{self, MediaIndex, STORED_FORMAT};
use crate::model::{ByteRange, ContentId};
use crate::source::ByteSource;
use crate::store::now_ms;
use crate::store::records::{MediaAlias, Records, StoredIndex};
use crate::{Error, ErrorKind, Result};

/// Most names of files that are remembered in memory; the others are asked of the records.
const MAX_ALIASES_IN_MEMORY: u64 = 10_000;
/// How long a new index waits to be written: the records take one writer at a time, and whoever begins to play has something to write too.
const STORED_AFTER: Duration = Duration::from_secs(1);
/// Most files that are searched for their keyframes at the same time.
const MAX_COMPLETING: usize = 1;
/// How long the search waits while somebody plays the file.
const COMPLETED_AFTER: Duration = Duration::from_secs(30);
/// How long an index is held in memory that nobody asks for.
const INDEX_IDLE: Duration = Duration::from_secs(24 * 3600);

/// A file that was read before.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) content_id: ContentId,
    /// What the place of the file said when it was last looked at.
    pub(super) validator: Option<String>,
    pub(super) index: Arc<MediaIndex>,
}

/// The indexes of all files that were read, by content, and the names that these are known by: in memory what is in use, in the records
/// all of them. The records help and never stand in the way: where they fail, files are read again.
#[derive(Debug)]
pub(super) struct KnownFiles {
    records: Arc<dyn Records>,
    stored_budget_bytes: u64,
    indexes: MokaCache<ContentId, Arc<MediaIndex>>,
    aliases: MokaCache<String, MediaAlias>,
    /// Writes that nobody waits for.
    writes: TaskTracker,
    /// Held by whoever writes an index.
    writing: tokio::sync::Mutex<()>,
    /// Indexes that are completed, one after the other, until the end of the program.
    completing: Semaphore,
    searched: Mutex<HashSet<ContentId>>,
    completions: TaskTracker,
    closed: CancellationToken,
}

impl KnownFiles {
    /// Up to `memory_budget_bytes` of indexes in memory, up to `stored_budget_bytes` in the records.
    pub(super) fn new(records: Arc<dyn Records>, memory_budget_bytes: u64, stored_budget_bytes: u64) -> Self {
        let indexes = MokaCache::builder()
            .max_capacity(memory_budget_bytes)
            .weigher(|_, index: &Arc<MediaIndex>| u32::try_from(index.memory_bytes()).unwrap_or(u32::MAX))
            .time_to_idle(INDEX_IDLE)
            .build();
        let aliases = MokaCache::new(MAX_ALIASES_IN_MEMORY);
        Self {
            records,
            stored_budget_bytes,
            indexes,
            aliases,
            writes: TaskTracker::new(),
            writing: tokio::sync::Mutex::default(),
            completing: Semaphore::new(MAX_COMPLETING),
            searched: Mutex::default(),
            completions: TaskTracker::new(),
            closed: CancellationToken::new(),
        }
    }

    /// The file of this name, if it was read before, in this process or another.
    pub(super) async fn find(&self, alias: &str) -> Option<Known> {
        let MediaAlias { alias: _, content_id, validator } = self.find_alias(alias).await?;
        let index = self.find_content(content_id).await?;
        Some(Known { content_id, validator, index })
    }

    /// The index of a content, whatever it is known by.
    pub(super) async fn find_content(&self, content_id: ContentId) -> Option<Arc<MediaIndex>> {
        match self.indexes.get(&content_id).await {
            Some(index) => Some(index),
            None => self.load(content_id).await,
        }
    }

    async fn find_alias(&self, alias: &str) -> Option<MediaAlias> {
        if let Some(known) = self.aliases.get(alias).await {
            return Some(known);
        }
        let stored = self.records.alias(alias, now_ms()).await;
        let stored = stored.inspect_err(|error| tracing::warn!(%error, "the name of a file could not be looked up"));
        let known = stored.ok()??;
        self.aliases.insert(alias.to_owned(), known.clone()).await;
        Some(known)
    }

    /// The index of a content from the records; one that cannot be read is forgotten.
    async fn load(&self, content_id: ContentId) -> Option<Arc<MediaIndex>> {
        let stored = self.records.index(content_id, STORED_FORMAT, now_ms()).await;
        let stored = stored.inspect_err(|error| tracing::warn!(%error, "a stored index could not be loaded"));
        let read = |stored: Bytes| {
            MediaIndex::from_stored(&stored).and_then(|index| {
                let is_own = index.size_bytes == content_id.size_bytes();
                if is_own { Ok(Arc::new(index)) } else { Err(other_content()) }
            })
        };
        match read(stored.ok()??) {
            Ok(index) => {
                self.indexes.insert(content_id, Arc::clone(&index)).await;
                Some(index)
            }
            Err(error) => {
                tracing::warn!(%error, "a stored index is no use: the file is read again");
                self.forget(content_id).await;
                None
            }
        }
    }

    /// Keeps what was read of a file. It is known from now on; the records are written behind the caller's back.
    pub(super) async fn keep(self: &Arc<Self>, alias: String, known: &Known) {
        let Known { content_id, validator, index } = known.clone();
        let alias = MediaAlias { alias, content_id, validator };
        self.aliases.insert(alias.alias.clone(), alias.clone()).await;
        self.indexes.insert(content_id, Arc::clone(&index)).await;
        let files = Arc::clone(self);
        self.writes.spawn(async move {
            // Whoever shuts down does not wait for that.
            files.closed.run_until_cancelled(tokio::time::sleep(STORED_AFTER)).await;
            if let Err(error) = files.store(content_id, index, Some(&alias)).await {
                tracing::warn!(%error, "the index of a file could not be stored");
            }
        });
    }

    /// A file whose keyframes nobody knows, or whose Cues lie, is searched for them in the background, and cut by them when it is opened the next
    /// time. Not while its first viewer begins: it takes some thousands of small reads.
    pub(super) fn complete_later(self: &Arc<Self>, source: &Arc<dyn ByteSource>, known: &Known) {
        if known.index.grid_gop().is_some() || known.index.has_false_cues() {
            self.complete(source, known, COMPLETED_AFTER);
        }
    }

    /// Takes down what playing has shown of the cuts of a file, for the next time that it is opened.
    pub(super) fn learn(self: &Arc<Self>, shown: &Shown, is_playing: bool) {
        let Some(found) = shown.news() else { return };
        let known = &shown.known;
        if found.has_false_cut {
            // Once: what a search has found is as good as it gets.
            if !known.index.is_completed {
                tracing::info!("a segment does not begin with a keyframe: the file is searched for them");
                self.complete(&shown.file.source, known, if is_playing { COMPLETED_AFTER } else { Duration::ZERO });
            }
        } else if found.are_all_closed && known.index.grid_gop().is_none() {
            let (files, known) = (Arc::clone(self), known.clone());
            let cut_track = shown.presentation.cuts().track_index;
            self.writes.spawn(async move {
                if let Err(error) = files.keep_closed(&known, cut_track).await {
                    tracing::warn!(%error, "what was learned of a file could not be stored");
                }
            });
        }
    }

    /// Searches a file for its keyframes, unless that is under way or was done since `known` was opened.
    fn complete(self: &Arc<Self>, source: &Arc<dyn ByteSource>, known: &Known, after: Duration) {
        if !self.searched().insert(known.content_id) {
            return;
        }
        let (files, source, known) = (Arc::clone(self), Arc::clone(source), known.clone());
        let search = Search { files: Arc::clone(self), content_id: known.content_id };
        let work = async move {
            tokio::time::sleep(after).await;
            let Ok(_permit) = files.completing.acquire().await else { return Ok(None) };
            if files.newest(&known).await.is_none() {
                return Ok(None);
            }
            container::complete(&source, &known.index).await
        };
        self.completions.spawn(async move {
            let found = match search.files.closed.run_until_cancelled(work).await {
                // What was found is written, whoever shuts down.
                Some(Ok(Some(complete))) => search.files.replace(search.content_id, Arc::new(complete)).await,
                Some(Err(error)) => Err(error),
                Some(Ok(None)) | None => Ok(()),
            };
            if let Err(error) = found {
                tracing::info!(%error, "the keyframes of a file were not found");
            }
        });
    }

    /// Every GOP of a track was seen to be closed: its segments are independent.
    async fn keep_closed(&self, known: &Known, track_index: usize) -> Result<()> {
        let is_open = |index: &MediaIndex| index.tracks.get(track_index).is_some_and(|track| !track.has_closed_gops);
        let Some(newest) = self.newest(known).await.filter(|index| is_open(index)) else { return Ok(()) };
        let marked = tokio::task::spawn_blocking(move || {
            // By way of its stored form: nothing else needs a second one.
            let mut index = MediaIndex::from_stored(&newest.to_stored())?;
            if let Some(track) = index.tracks.get_mut(track_index) {
                track.has_closed_gops = true;
            }
            Ok(Arc::new(index))
        });
        let marked = marked.await.map_err(|error| Error::new(ErrorKind::Cancelled, "store index").because(error))??;
        self.replace(known.content_id, marked).await
    }

    /// The index of a content now, if it cuts where the known one does: then nobody has made a better one since.
    async fn newest(&self, known: &Known) -> Option<Arc<MediaIndex>> {
        let newest = self.find_content(known.content_id).await?;
        let newest_points = newest.tracks.iter().map(|track| &track.sync_points);
        let is_same = newest.grid_gop() == known.index.grid_gop()
            && newest_points.eq(known.index.tracks.iter().map(|track| &track.sync_points));
        is_same.then_some(newest)
    }

    /// A better index of a known content.
    async fn replace(&self, content_id: ContentId, index: Arc<MediaIndex>) -> Result<()> {
        self.indexes.insert(content_id, Arc::clone(&index)).await;
        self.store(content_id, index, None).await
    }

    /// Writes an index to the records, or the better one that was made of it since.
    async fn store(&self, content_id: ContentId, index: Arc<MediaIndex>, alias: Option<&MediaAlias>) -> Result<()> {
        // One after the other: what waited for long would else replace what is newer.
        let _turn = self.writing.lock().await;
        let index = self.indexes.get(&content_id).await.unwrap_or(index);
        let written = tokio::task::spawn_blocking(move || index.to_stored());
        let bytes = written.await.map_err(|error| Error::new(ErrorKind::Cancelled, "store index").because(error))?;
        let stored = StoredIndex { content_id, format: STORED_FORMAT, bytes: bytes.into() };
        self.records.keep_index(&stored, now_ms(), self.stored_budget_bytes).await?;
        match alias {
            Some(alias) => self.records.keep_alias(alias, now_ms()).await,
            None => Ok(()),
        }
    }

    /// Contents that are searched or wait for it. Whole at every point where a holder could panic.
    fn searched(&self) -> MutexGuard<'_, HashSet<ContentId>> {
        self.searched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A known content has another name, or another validator under the same one.
    #[cfg(feature = "http")]
    pub(super) async fn rename(&self, alias: MediaAlias) {
        self.aliases.insert(alias.alias.clone(), alias.clone()).await;
        let records = Arc::clone(&self.records);
        self.writes.spawn(async move {
            if let Err(error) = records.keep_alias(&alias, now_ms()).await {
                tracing::warn!(%error, "the name of a file could not be stored");
            }
        });
    }

    /// Another file goes by this name now.
    #[cfg(feature = "http")]
    pub(super) async fn forget_alias(&self, alias: &str) {
        self.aliases.invalidate(alias).await;
        if let Err(error) = self.records.forget_alias(alias).await {
            tracing::warn!(%error, "the name of a file could not be forgotten");
        }
    }

    /// An index that proved wrong.
    async fn forget(&self, content_id: ContentId) {
        self.indexes.invalidate(&content_id).await;
        if let Err(error) = self.records.forget_index(content_id).await {
            tracing::warn!(%error, "a stored index could not be forgotten");
        }
    }

    /// Lets go of what was not used for long.
    pub(super) async fn trim(&self) {
        self.indexes.run_pending_tasks().await;
        self.aliases.run_pending_tasks().await;
    }

    /// Waits for what is being written.
    pub(super) async fn settle(&self) {
        self.closed.cancel();
        self.completions.close();
        self.completions.wait().await;
        self.writes.close();
        self.writes.wait().await;
    }
}

/// A search under way; however it ends, another may begin then.
struct Search {
    files: Arc<KnownFiles>,
    content_id: ContentId,
}

impl Drop for Search {
    fn drop(&mut self) {
        self.files.searched().remove(&self.content_id);
    }
}

fn other_content() -> Error {
    Error::new(ErrorKind::Malformed, "read stored index").detail("it is of another file")
}

/// Length and ends of a file as its content id: both ends were read when it was opened, or are read now.
///
/// # Errors
/// What the source answers.
pub(super) async fn content_id(source: &dyn ByteSource) -> Result<ContentId> {
    let size_bytes = source.size_bytes();
    let first = ByteRange::new(0, ContentId::END_SIZE.min(size_bytes));
    let last = ByteRange::new(size_bytes.saturating_sub(ContentId::END_SIZE), size_bytes);
    let have = source.at_hand();
    let mut ends = Vec::with_capacity(2);
    for range in [first, last] {
        ends.push(match have.bytes(range) {
            Some(bytes) => bytes,
            None => source.read_at(range).await?.into_bytes(),
        });
    }
    let [first, last] = [ends.first(), ends.last()].map(|end| end.map(|bytes| bytes.as_ref()).unwrap_or_default());
    Ok(ContentId::from_ends(size_bytes, first, last))
}
