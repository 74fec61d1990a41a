//! Metadata providers: what a title is called, when it came out, which episodes it has.

#[cfg(feature = "http")]
pub mod cinemeta;
#[cfg(feature = "http")]
pub mod tmdb;

use std::fmt;
#[cfg(feature = "http")]
use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "http")]
use serde::Deserialize;

use crate::Result;
use crate::model::{Language, MediaId, ProviderId, Title, TitleKind, TitleSummary};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::HttpClient;
use crate::provider::CheckUp;

/// Longest search text that is sent, in characters (AUTHZ-04).
pub const MAX_QUERY_CHARS: usize = 200;

/// Most titles in the answer to a search.
pub const MAX_SEARCH_RESULTS: usize = 100;

/// Most other names of a title that are kept.
pub const MAX_OTHER_NAMES: usize = 200;

/// Most episodes of a title that are kept, all seasons together.
pub const MAX_EPISODES: usize = 20_000;

/// What is searched for to see whether a search works.
const CHECK_UP_WORD: &str = "test";

/// One configured provider, of whichever vendor: `vendor = "tmdb"` and that vendor's settings beside it.
#[cfg(feature = "http")]
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "vendor", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MetadataConfig {
    /// TMDB, with a key.
    Tmdb(tmdb::TmdbConfig),
    /// Cinemeta, without one.
    Cinemeta(cinemeta::CinemetaConfig),
}

#[cfg(feature = "http")]
impl MetadataConfig {
    /// The provider with these settings, asking through `http`.
    ///
    /// # Errors
    /// `InvalidInput` for settings that cannot work: an empty key, an address that is none of http or https.
    pub fn build(self, http: &HttpClient) -> Result<Arc<dyn MetadataProvider>> {
        Ok(match self {
            MetadataConfig::Tmdb(config) => Arc::new(tmdb::Tmdb::new(config, http.clone())?),
            MetadataConfig::Cinemeta(config) => Arc::new(cinemeta::Cinemeta::new(config, http.clone())?),
        })
    }
}

/// A search by name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TitleSearch {
    /// What the person typed; a year at its end is cut off by the caller into `year`.
    pub text: String,
    /// Only titles of this year.
    pub year: Option<u16>,
    /// Only films or only series.
    pub kind: Option<TitleKind>,
    /// Language of the names in the answer; the vendor's default where it has no such text.
    pub language: Option<Language>,
}

impl TitleSearch {
    /// A search for films and series of any year.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), year: None, kind: None, language: None }
    }
}

/// A question for one title.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TitleRequest {
    /// Which title; an episode in it is ignored: seasons come with the title.
    pub media_id: MediaId,
    /// Language of the texts, with fallback to English and to the original.
    pub language: Option<Language>,
}

impl TitleRequest {
    /// A question in the vendor's default language.
    #[must_use]
    pub fn new(media_id: MediaId) -> Self {
        Self { media_id, language: None }
    }
}

/// Describes titles.
#[async_trait]
pub trait MetadataProvider: Send + Sync + fmt::Debug + 'static {
    /// Vendor and instance, for configuration, logs and metrics: `tmdb`.
    fn id(&self) -> &ProviderId;

    /// Titles whose name fits, best first; empty when none does. At most 100.
    ///
    /// # Errors
    /// `Unauthorized` for a bad key; `RateLimited`, `Unavailable` or `TimedOut` when worth another try; `Malformed` for a reply that breaks
    /// its format.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn search(&self, call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>>;

    /// One title with its names, ids, seasons and episodes.
    ///
    /// # Errors
    /// `NotFound` when the vendor does not know the id or cannot look ids of its catalogue up; otherwise as [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn title(&self, call: &Call, request: &TitleRequest) -> Result<Title>;

    /// Is it there, and does it take our key? The default searches for a word and is content with any answer; a vendor that can tell for
    /// less says so itself.
    ///
    /// # Errors
    /// As [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        self.search(call, &TitleSearch::new(CHECK_UP_WORD)).await.map(|_| CheckUp::default())
    }
}
