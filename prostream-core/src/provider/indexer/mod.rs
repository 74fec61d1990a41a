//! Indexers: which releases hold a title.

#[cfg(feature = "http")]
mod link;
#[cfg(feature = "http")]
mod listing;
pub mod local_folder;
#[cfg(feature = "http")]
pub mod prowlarr;
mod sharing;
#[cfg(feature = "http")]
mod torrent_file;
#[cfg(feature = "http")]
pub mod torznab;

use std::fmt;
#[cfg(feature = "http")]
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
#[cfg(feature = "http")]
use serde::Deserialize;
use serde::Serialize;

#[cfg(feature = "http")]
use crate::model::InfoHashV2;
use crate::model::{EpisodeNumber, InfoHash, Magnet, ProviderId, Release, TitleKind};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::HttpClient;
use crate::provider::CheckUp;
use crate::{Error, ErrorKind, Result};

pub use sharing::Sharing;

/// One configured indexer, of whichever vendor: `vendor = "prowlarr"` and that vendor's settings beside it.
#[cfg(feature = "http")]
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "vendor", rename_all = "snake_case")]
#[non_exhaustive]
pub enum IndexerConfig {
    /// Prowlarr's JSON API.
    Prowlarr(prowlarr::ProwlarrConfig),
    /// Any Torznab feed: Jackett, Zilean, one indexer of Prowlarr.
    Torznab(torznab::TorznabConfig),
    /// Films in a folder of this machine.
    LocalFolder(local_folder::LocalFolderConfig),
}

#[cfg(feature = "http")]
impl IndexerConfig {
    /// The indexer with these settings, asking through `http`.
    ///
    /// # Errors
    /// `InvalidInput` for settings that cannot work: an empty key, an address that is none of http or https, a path
    /// that is no folder.
    pub fn build(self, http: &HttpClient) -> Result<Arc<dyn Indexer>> {
        Ok(match self {
            IndexerConfig::Prowlarr(config) => Arc::new(prowlarr::Prowlarr::new(config, http.clone())?),
            IndexerConfig::Torznab(config) => Arc::new(torznab::Torznab::new(config, http.clone())?),
            IndexerConfig::LocalFolder(config) => Arc::new(local_folder::LocalFolder::new(config)?),
        })
    }
}

/// An address that a vendor can put paths and queries behind.
#[cfg(feature = "http")]
fn check_endpoint(url: &url::Url) -> Result<()> {
    if matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "configure indexer")
        .detail("the address is not a plain http or https address")
        .advise("give the address without a query; the key has its own setting"))
}

/// What is searched for to see whether a search works.
const CHECK_UP_WORD: &str = "test";

/// Most releases taken from one answer of an indexer; the rest is dropped and the answer says `is_partial`.
pub const MAX_RELEASES: usize = 1_000;

/// What is looked for. A vendor uses what it can and says what that was.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Query {
    /// Film or series.
    pub kind: TitleKind,
    /// Names of the title, the one that releases bear first: it is searched for; never empty.
    pub names: Vec<String>,
    /// Name in the original language, which some releases bear instead.
    pub original_name: Option<String>,
    /// Year of a film.
    pub year: Option<u16>,
    /// Season and episode.
    pub episode: Option<EpisodeNumber>,
    /// First airing of the episode, `YYYY-MM-DD`, where releases may bear it in place of a number: daily shows.
    pub air_date: Option<String>,
    /// Number of the episode counted through all seasons, where releases may bear it: anime.
    pub absolute_episode: Option<u32>,
    /// `tt…`.
    pub imdb_id: Option<String>,
    /// TMDB number.
    pub tmdb_id: Option<u64>,
    /// TheTVDB number.
    pub tvdb_id: Option<u64>,
    /// The local library's own name for the title ([`crate::model::TitleId::Local`]).
    pub local_id: Option<String>,
}

impl Query {
    /// A query by name alone.
    #[must_use]
    pub fn new(kind: TitleKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            names: vec![name.into()],
            original_name: None,
            year: None,
            episode: None,
            air_date: None,
            absolute_episode: None,
            imdb_id: None,
            tmdb_id: None,
            tvdb_id: None,
            local_id: None,
        }
    }
}

/// What an indexer answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Releases {
    /// The releases, unsorted, without duplicates of (name, info hash, link).
    pub releases: Vec<Release>,
    /// The vendor searched by an outside id, not only by text.
    pub was_by_id: bool,
    /// The answer is known to be incomplete: a page was missing, a limit reached, one of several queries failed.
    pub is_partial: bool,
    /// Trackers behind the vendor of which something is missing, each with the reason; at most [`MAX_MISSING`].
    pub missing: Vec<Missing>,
}

/// A tracker behind a vendor that asks several, of which something is missing in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Missing {
    /// Its name, for people.
    pub tracker: String,
    /// Why, in plain words without secrets.
    pub reason: String,
}

/// Most trackers that are told as missing.
pub const MAX_MISSING: usize = 50;

/// What stands behind the link of a release.
#[derive(Clone, Debug, PartialEq)]
pub enum TorrentLink {
    /// A magnet.
    Magnet(Magnet),
    /// A torrent file, at most [`MAX_TORRENT_BYTES`].
    File {
        /// SHA-1 of its `info` dictionary as it stands; the first 20 bytes of its SHA-256 for a torrent of version 2 alone.
        info_hash: InfoHash,
        /// The file.
        bytes: Bytes,
    },
}

/// Largest torrent file that is read, in bytes.
pub const MAX_TORRENT_BYTES: u64 = 10 << 20;

impl TorrentLink {
    /// Which torrent.
    #[must_use]
    pub fn info_hash(&self) -> InfoHash {
        match self {
            TorrentLink::Magnet(magnet) => magnet.info_hash,
            TorrentLink::File { info_hash, .. } => *info_hash,
        }
    }

    /// Its version 2 hash, where it has one: read from the file, or as the magnet tells it.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn info_hash_v2(&self) -> Option<InfoHashV2> {
        match self {
            TorrentLink::Magnet(magnet) => magnet.info_hash_v2,
            TorrentLink::File { bytes, .. } => torrent_file::hashes(bytes).ok()?.v2,
        }
    }

    /// That a torrent file is the torrent its hash names, for a service that is asked by the hash and may never see the file.
    ///
    /// # Errors
    /// `LimitExceeded` for a file that is too large; `Malformed` and `Unsupported` for what is not that torrent.
    #[cfg(feature = "http")]
    pub(crate) fn check_file(&self) -> Result<()> {
        let TorrentLink::File { info_hash, bytes } = self else { return Ok(()) };
        if torrent_file::info_hash(bytes)? == *info_hash {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Malformed, "read torrent file").detail("it is another torrent than the one named"))
    }
}

/// Lists releases.
#[async_trait]
pub trait Indexer: Send + Sync + fmt::Debug + 'static {
    /// Vendor and instance, for configuration, logs and metrics: `prowlarr`, `torznab:home`.
    fn id(&self) -> &ProviderId;

    /// Releases that may hold what `query` asks for. Whether they do is decided by the caller, from their names. Callers who ask the same
    /// at the same time get one answer: the call is that of one of them, with a deadline of its own.
    ///
    /// # Errors
    /// `Unauthorized` for a bad key; `RateLimited`, `Unavailable` or `TimedOut` when worth another try; `Malformed`.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn search(&self, call: &Call, query: &Query) -> Result<Releases>;

    /// With whom answers may be shared: with all who ask the same place with the same key. By default with nobody but those who ask
    /// through this very indexer, and while they wait.
    fn sharing(&self) -> Option<Sharing> {
        None
    }

    /// Is it there, does it take our key, and can it search? The default searches for a word and is content with any answer; a vendor
    /// that can tell for less, or more, says so itself. Nothing remembered is used: the vendor is asked now.
    ///
    /// # Errors
    /// As [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        self.search(call, &Query::new(TitleKind::Movie, CHECK_UP_WORD)).await.map(|_| CheckUp::default())
    }

    /// Follows the link of a release that came without an info hash. May count as a grab against the indexer's limit: only for a
    /// release that was picked.
    ///
    /// # Errors
    /// `NotFound` when the release is gone or has no link; otherwise as [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn torrent(&self, call: &Call, release: &Release) -> Result<TorrentLink> {
        let _ = (call, release);
        Err(Error::new(ErrorKind::NotFound, "follow release link").at(self.id().to_string()))
    }
}
