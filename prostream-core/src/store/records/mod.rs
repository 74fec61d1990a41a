//! Records of the engine's own nouns: what a service was known to hold, playbacks, and the indexes of files.
//!
//! Indexes are rows, not files of their own: at most 2 MB each, written once and read whole, they come and go with their aliases in one
//! transaction, and one backup holds everything.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{ContentId, InfoHash, MediaId, ProviderId};
use crate::{Error, ErrorKind, Result};

pub use memory::MemoryRecords;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteRecords;

/// Most hashes that one call asks about.
pub const MAX_HASHES: usize = 1_000;

/// Longest path of a file that is kept as it is, in bytes; of a longer one its hash is.
pub const MAX_FILE_BYTES: usize = 512;

/// Most files of one torrent at one service of which something is kept; those that were seen longest ago go.
pub const MAX_OBSERVED_FILES: usize = 64;

/// Most torrents in preparation that are kept, those of all owners together; beyond it no other is added.
pub const MAX_PREPARINGS: u32 = 1_000;

/// Most playbacks that one call lists.
pub const MAX_LISTED_PLAYBACKS: u32 = 100;

/// Most names that one content keeps; the ones unused for longest go.
pub const MAX_ALIASES: u32 = 32;

/// Largest index that is kept, in bytes; a larger one is not.
pub const MAX_STORED_INDEX_BYTES: usize = 64 << 20;

/// The use of an index or an alias is noted again after so many milliseconds: a write for each playback would be no use.
#[cfg(feature = "sqlite")]
const USE_NOTED_EACH_MS: i64 = 3_600_000;

/// What was learned about a torrent, or a file of it, at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It was played.
    Played,
    /// It was ready when we last looked.
    Ready,
    /// It had to be fetched when we last looked, or could not be unlocked.
    Absent,
    /// The service refused it: shown, and not asked for again as long as it counts (90 days), never worked around.
    Refused,
}

impl Availability {
    /// The stable name that is kept: `played`, `ready`, `absent`, `refused`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Availability::Played => "played",
            Availability::Ready => "ready",
            Availability::Absent => "absent",
            Availability::Refused => "refused",
        }
    }
}

impl FromStr for Availability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Played, Self::Ready, Self::Absent, Self::Refused]
            .into_iter()
            .find(|availability| availability.as_str() == text)
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "read availability"))
    }
}

/// Names a file of a torrent at a service: its path as the service writes it, or a hash of one that is longer than [`MAX_FILE_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObservedFile(String);

impl ObservedFile {
    /// The file of this path; `None` without a path.
    ///
    /// ```
    /// use prostream_core::store::records::{MAX_FILE_BYTES, ObservedFile};
    /// assert_eq!(ObservedFile::of("Show/Show.S01E02.mkv").unwrap().as_str(), "Show/Show.S01E02.mkv");
    /// assert!(ObservedFile::of(&"x".repeat(5_000)).unwrap().as_str().len() <= MAX_FILE_BYTES);
    /// assert_eq!(ObservedFile::of(""), None);
    /// ```
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = match path.len() {
            0 => return None,
            1..=MAX_FILE_BYTES => path.to_owned(),
            _ => Sha256::digest(path.as_bytes())
                .iter()
                .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}")),
        };
        Some(Self(name))
    }

    /// The name that is kept, at most [`MAX_FILE_BYTES`] long.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One observation of [`Availability`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// At which service.
    pub service: ProviderId,
    /// Which torrent.
    pub info_hash: InfoHash,
    /// Which of its files; `None` for the torrent as a whole. What is known of one file says nothing of the others.
    pub file: Option<ObservedFile>,
    /// What was seen.
    pub availability: Availability,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub seen_at_ms: i64,
}

/// One viewer playing one thing.
#[derive(Clone, PartialEq, Eq)]
pub struct PlaybackRecord {
    /// Random, 128 bits as 32 lower-case hex digits.
    pub id: String,
    /// Whose it is: an opaque name of the embedding program's user.
    pub owner: String,
    /// What is played, where it came from a title.
    pub media_id: Option<MediaId>,
    /// Name for people: the release or the file.
    pub name: String,
    /// JSON text of what is needed to open it again: [`crate::playback`] writes and reads it. May hold secrets, so it is never shown.
    pub reopen: String,
    /// Where its viewer wished to begin, in milliseconds.
    pub start_ms: Option<i64>,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_at_ms: i64,
    /// When it ends if nobody uses it, likewise.
    pub expires_at_ms: i64,
}

impl fmt::Debug for PlaybackRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaybackRecord")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("media_id", &self.media_id)
            .field("name", &self.name)
            .field("start_ms", &self.start_ms)
            .field("created_at_ms", &self.created_at_ms)
            .field("expires_at_ms", &self.expires_at_ms)
            .finish_non_exhaustive()
    }
}

/// A torrent that a service fetches for a viewer, to be played when it is there. Holds no link and no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparingRecord {
    /// Random, 128 bits as 32 lower-case hex digits; later the id of the playback.
    pub id: String,
    /// Whose it is: an opaque name of the embedding program's user.
    pub owner: String,
    /// What is to be played.
    pub media_id: MediaId,
    /// Name of the release.
    pub name: String,
    /// Key of the release.
    pub release: String,
    /// The service that fetches it.
    pub service: ProviderId,
    /// Which torrent.
    pub info_hash: InfoHash,
    /// The service's own number of it; `None` until the service has answered.
    pub torrent: Option<String>,
    /// It was there before us, or nobody can tell: it is never removed.
    pub was_known: bool,
    /// It was given up: what is left is to take it away, where it was not known.
    pub is_ending: bool,
    /// JSON text of the device that will play it: [`crate::playback`] writes and reads it.
    pub device: String,
    /// Where its viewer wished to begin, in milliseconds.
    pub start_ms: Option<i64>,
    /// When it was asked for, in milliseconds since 1970-01-01 UTC.
    pub created_at_ms: i64,
}

/// What a file is known by, and which content that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaAlias {
    /// The name: of a file of a torrent, a link or a file on this machine. Holds no secret.
    pub alias: String,
    /// The content.
    pub content_id: ContentId,
    /// What the place of the file says to tell one state of it from another (an `ETag`, or a date of change).
    pub validator: Option<String>,
}

/// The index of a content, as [`crate::container::MediaIndex::to_stored`] writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredIndex {
    /// The content.
    pub content_id: ContentId,
    /// Form of the bytes.
    pub format: u32,
    /// The index.
    pub bytes: Bytes,
}

impl fmt::Debug for StoredIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredIndex")
            .field("content_id", &self.content_id)
            .field("format", &self.format)
            .field("size_bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Missing, or another's: both are answered with this, so that nobody learns which ids exist (AUTHZ-02).
fn not_found(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation)
}

fn id_is_taken(operation: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, operation).detail("the id is there already")
}

fn too_many_preparings() -> Error {
    Error::new(ErrorKind::LimitExceeded, "keep preparing")
        .detail("too many titles are being fetched")
        .advise("wait until some of them play, or cancel some")
}

fn check_index_size(index: &StoredIndex) -> Result<()> {
    if index.bytes.len() <= MAX_STORED_INDEX_BYTES {
        return Ok(());
    }
    Err(Error::new(ErrorKind::LimitExceeded, "keep index"))
}

/// Keeps records. Every function that reads or changes what belongs to somebody takes the owner: what is another's answers as if it
/// were missing (AUTHZ-02).
#[async_trait]
pub trait Records: Send + Sync + fmt::Debug + 'static {
    /// Remembers what was seen, in place of what was seen before of the same torrent, or the same file of it, at the same service. One
    /// that was seen earlier than what is known changes nothing: observations may arrive in any order. Of more than
    /// [`MAX_OBSERVED_FILES`] files of a torrent those seen longest ago go.
    ///
    /// # Errors
    /// `Storage`, as all functions here.
    async fn observe(&self, observation: &Observation) -> Result<()>;

    /// Remembers several at once, as [`Self::observe`] does one; one that cannot be kept ends it.
    ///
    /// # Errors
    /// `Storage`; `LimitExceeded` for more than 1,000.
    async fn observe_all(&self, observations: &[Observation]) -> Result<()> {
        if observations.len() > MAX_HASHES {
            return Err(Error::new(ErrorKind::LimitExceeded, "keep observations"));
        }
        for observation in observations {
            self.observe(observation).await?;
        }
        Ok(())
    }

    /// What was last seen of each of `hashes` at a service, and of each of their files; those never seen are left out. At most 1,000
    /// hashes.
    ///
    /// # Errors
    /// `Storage`; `LimitExceeded` for more hashes.
    async fn observations(&self, service: &ProviderId, hashes: &[InfoHash]) -> Result<Vec<Observation>>;

    /// Adds a playback.
    ///
    /// # Errors
    /// `Storage`; `InvalidInput` when the id is there already.
    async fn add_playback(&self, record: &PlaybackRecord) -> Result<()>;

    /// A playback of this owner that has not expired at `now_ms`.
    ///
    /// # Errors
    /// `NotFound`, also for another's; `Storage`.
    async fn playback(&self, owner: &str, id: &str, now_ms: i64) -> Result<PlaybackRecord>;

    /// The playbacks of this owner that have not expired, newest first, at most `limit` (and 100).
    ///
    /// # Errors
    /// `Storage`.
    async fn playbacks(&self, owner: &str, now_ms: i64, limit: u32) -> Result<Vec<PlaybackRecord>>;

    /// Moves the end of a playback.
    ///
    /// # Errors
    /// `NotFound`; `Storage`.
    async fn extend_playback(&self, id: &str, expires_at_ms: i64) -> Result<()>;

    /// Ends a playback of this owner.
    ///
    /// # Errors
    /// `NotFound`, also for another's; `Storage`.
    async fn remove_playback(&self, owner: &str, id: &str) -> Result<()>;

    /// Keeps what is about to be asked of a service, before it is asked.
    ///
    /// # Errors
    /// `Storage`; `InvalidInput` when the id is there already; `LimitExceeded` when [`MAX_PREPARINGS`] are kept.
    async fn add_preparing(&self, record: &PreparingRecord) -> Result<()>;

    /// Notes what the service answered: its number of the torrent, and whether it was there before.
    ///
    /// # Errors
    /// `NotFound`, also for one that was given up meanwhile; `Storage`.
    async fn note_preparing(&self, id: &str, torrent: &str, was_known: bool) -> Result<()>;

    /// Gives one of this owner up: from now on it is kept only until what was added for it is taken away.
    ///
    /// # Errors
    /// `NotFound`, also for another's and for one that was given up before; `Storage`.
    async fn end_preparing(&self, owner: &str, id: &str) -> Result<()>;

    /// Forgets one; one that is not there is no error.
    ///
    /// # Errors
    /// `Storage`.
    async fn remove_preparing(&self, id: &str) -> Result<()>;

    /// Puts a playback in the place of what was prepared under the same id for the same owner, both or neither.
    ///
    /// # Errors
    /// `NotFound`, also for another's and for one that was given up meanwhile; `InvalidInput` when there is a playback of the id; `Storage`.
    async fn play_prepared(&self, record: &PlaybackRecord) -> Result<()>;

    /// All that are kept, of every owner, oldest first: for a program that starts again.
    ///
    /// # Errors
    /// `Storage`.
    async fn preparings(&self) -> Result<Vec<PreparingRecord>>;

    /// Forgets playbacks that expired before `now_ms` and observations older than `observed_before_ms`; says how many rows went.
    ///
    /// # Errors
    /// `Storage`.
    async fn prune(&self, now_ms: i64, observed_before_ms: i64) -> Result<u64>;

    /// Keeps the index of a content, in place of one that was there; its aliases stay. Beyond `budget_bytes` over all indexes those unused for
    /// longest go with their aliases, perhaps this one too.
    ///
    /// # Errors
    /// `Storage`; `LimitExceeded` for an index over [`MAX_STORED_INDEX_BYTES`].
    async fn keep_index(&self, index: &StoredIndex, now_ms: i64, budget_bytes: u64) -> Result<()>;

    /// The index of a content in this format, and notes that it is used. One in another format is forgotten.
    ///
    /// # Errors
    /// `Storage`.
    async fn index(&self, content_id: ContentId, format: u32, now_ms: i64) -> Result<Option<Bytes>>;

    /// Forgets an index and its aliases; one that is not there is no error.
    ///
    /// # Errors
    /// `Storage`.
    async fn forget_index(&self, content_id: ContentId) -> Result<()>;

    /// Gives the content of an index that is kept another name, which may have meant another content before. A content without an index gets
    /// none. Of more than [`MAX_ALIASES`] names of one content those unused for longest go.
    ///
    /// # Errors
    /// `Storage`.
    async fn keep_alias(&self, alias: &MediaAlias, now_ms: i64) -> Result<()>;

    /// What a name means, and notes that it is used.
    ///
    /// # Errors
    /// `Storage`.
    async fn alias(&self, alias: &str, now_ms: i64) -> Result<Option<MediaAlias>>;

    /// Forgets a name; one that is not there is no error.
    ///
    /// # Errors
    /// `Storage`.
    async fn forget_alias(&self, alias: &str) -> Result<()>;
}
