//! Records of the engine's own nouns: what a service was known to hold, and playbacks.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::model::{InfoHash, MediaId, ProviderId};

pub use memory::MemoryRecords;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteRecords;

/// What was learned about a torrent at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It was ready when we last looked.
    Ready,
    /// It had to be fetched when we last looked.
    Absent,
    /// The service refused it: final, shown, never worked around.
    Refused,
}

/// One observation of [`Availability`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// At which service.
    pub service: ProviderId,
    /// Which torrent.
    pub info_hash: InfoHash,
    /// What was seen.
    pub availability: Availability,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub seen_at_ms: i64,
}

/// One viewer playing one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_at_ms: i64,
    /// When it ends if nobody uses it, likewise.
    pub expires_at_ms: i64,
}

/// Keeps records. Every function that reads or changes what belongs to somebody takes the owner: what is another's answers as if it
/// were missing (AUTHZ-02).
#[async_trait]
pub trait Records: Send + Sync + fmt::Debug + 'static {
    /// Remembers what was seen, in place of what was seen before of the same torrent at the same service.
    ///
    /// # Errors
    /// `Storage`, as all functions here.
    async fn observe(&self, observation: &Observation) -> Result<()>;

    /// What was last seen of each of `hashes` at a service; those never seen are left out. At most 1,000 hashes.
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

    /// Forgets playbacks that expired before `now_ms` and observations older than `observed_before_ms`; says how many rows went.
    ///
    /// # Errors
    /// `Storage`.
    async fn prune(&self, now_ms: i64, observed_before_ms: i64) -> Result<u64>;
}
