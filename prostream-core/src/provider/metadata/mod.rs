//! Metadata providers: what a title is called, when it came out, which episodes it has.

#[cfg(feature = "http")]
pub mod cinemeta;
mod request;
#[cfg(feature = "http")]
pub mod tmdb;

use std::fmt;
#[cfg(feature = "http")]
use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "http")]
use serde::Deserialize;

use crate::model::{Picture, ProviderId, Title, TitleSummary};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::HttpClient;
use crate::provider::CheckUp;
use crate::{Error, ErrorKind, Result};

pub use request::{
    Discover, DiscoverSort, FindTitle, MAX_PAGE, OutsideId, Period, TitlePage, TitleRequest, TitleSearch, Trending,
};

/// Longest search text that is sent, in characters (AUTHZ-04).
pub const MAX_QUERY_CHARS: usize = 200;

/// Most titles in the answer to a search.
pub const MAX_SEARCH_RESULTS: usize = 100;

/// Most other names of a title that are kept.
pub const MAX_OTHER_NAMES: usize = 200;

/// Most pictures of one kind in an answer.
pub const MAX_PICTURES: usize = 100;

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

/// What a provider can do beside searching and describing. Data: suites and the resolver select by it.
///
/// ```
/// use prostream_core::provider::metadata::Capabilities;
/// let capabilities = Capabilities::none().with_trending().with_finding();
/// assert!(capabilities.lists_trending && !capabilities.has_pictures);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// [`MetadataProvider::trending`] answers.
    pub lists_trending: bool,
    /// [`MetadataProvider::discover`] answers, at least for the popular titles of a kind.
    pub discovers: bool,
    /// [`MetadataProvider::find`] knows IMDb ids.
    pub finds_imdb: bool,
    /// [`MetadataProvider::find`] knows numbers of TheTVDB.
    pub finds_tvdb: bool,
    /// [`MetadataProvider::pictures`] answers.
    pub has_pictures: bool,
    /// Texts come in other languages than English.
    pub speaks_languages: bool,
}

impl Capabilities {
    /// None of all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            lists_trending: false,
            discovers: false,
            finds_imdb: false,
            finds_tvdb: false,
            has_pictures: false,
            speaks_languages: false,
        }
    }

    /// With a list of what is watched these days.
    #[must_use]
    pub const fn with_trending(mut self) -> Self {
        self.lists_trending = true;
        self
    }

    /// With lists by genre, year and order.
    #[must_use]
    pub const fn with_discovery(mut self) -> Self {
        self.discovers = true;
        self
    }

    /// With titles found by their IMDb id.
    #[must_use]
    pub const fn with_finding(mut self) -> Self {
        self.finds_imdb = true;
        self
    }

    /// With titles found by their number at TheTVDB.
    #[must_use]
    pub const fn with_finding_by_tvdb(mut self) -> Self {
        self.finds_tvdb = true;
        self
    }

    /// With all pictures of a title.
    #[must_use]
    pub const fn with_pictures(mut self) -> Self {
        self.has_pictures = true;
        self
    }

    /// With texts in other languages than English.
    #[must_use]
    pub const fn with_languages(mut self) -> Self {
        self.speaks_languages = true;
        self
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

    /// What it can do beside that. Nothing by default.
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    /// The title that has this number in another catalogue, in the provider's own numbering.
    ///
    /// # Errors
    /// `NotFound` when the vendor knows no title of the wanted kind by it; `Unsupported` for a catalogue it cannot look up; otherwise as
    /// [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn find(&self, call: &Call, request: &FindTitle) -> Result<TitleSummary> {
        let _ = (call, request);
        Err(cannot(self.id(), "find title"))
    }

    /// A page of what is watched these days, most watched first.
    ///
    /// # Errors
    /// `InvalidInput` for a page out of bounds; `Unsupported` where the vendor has no such list; otherwise as [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn trending(&self, call: &Call, request: &Trending) -> Result<TitlePage> {
        let _ = (call, request);
        Err(cannot(self.id(), "list trending titles"))
    }

    /// A page of the titles that fit some conditions.
    ///
    /// # Errors
    /// `InvalidInput` for what is out of bounds, and for a genre that the vendor does not have; `Unsupported` where the vendor cannot list by
    /// these conditions together; otherwise as [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn discover(&self, call: &Call, request: &Discover) -> Result<TitlePage> {
        let _ = (call, request);
        Err(cannot(self.id(), "discover titles"))
    }

    /// The pictures of a title: those in the language asked for first, then those without words, then English ones. At most 100 of each kind.
    ///
    /// # Errors
    /// `Unsupported` where the vendor has one of each only, which come with the title; otherwise as [`Self::title`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn pictures(&self, call: &Call, request: &TitleRequest) -> Result<Vec<Picture>> {
        let _ = (call, request);
        Err(cannot(self.id(), "list pictures"))
    }

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

fn cannot(provider: &ProviderId, operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .at(provider.to_string())
        .detail("the provider has no such thing")
        .advise("use another metadata provider for it, such as TMDB")
}
