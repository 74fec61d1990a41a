//! TMDB (themoviedb.org), with a key of the user.
//!
//! This product uses the TMDB API but is not endorsed or certified by TMDB: whoever shows its data shows that sentence.

mod error;
mod names;
mod wire;

use std::num::NonZeroU32;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde::Deserialize;
use url::Url;

use super::{MAX_EPISODES, MAX_QUERY_CHARS, MAX_SEARCH_RESULTS, MetadataProvider, TitleRequest, TitleSearch};
use crate::model::{MediaId, ProviderId, Season, Title, TitleId, TitleKind, TitleSummary};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::pace::Pace;
use crate::provider::{CheckUp, lenient};
use crate::{Error, ErrorKind, Result};

/// Most pages of 20 titles that one search reads.
const MAX_SEARCH_PAGES: u64 = 3;

/// A search reads on, as long as there are pages, until it has so many titles: fewer are left of a page after its filter.
const ENOUGH_RESULTS: usize = 20;

/// Half of what TMDB bears (about 40 requests a second), as others may share the address.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(20).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Settings of [`Tmdb`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TmdbConfig {
    /// Name of this instance. Default: `tmdb`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// A v3 API key (32 hex digits) or an API read access token (it has dots); which one it is shows in its shape.
    pub key: Secret,
    /// Where the API is. Default: `https://api.themoviedb.org/3`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
    /// Where pictures are. Default: `https://image.tmdb.org/t/p`.
    #[serde(default = "default_image_base_url")]
    pub image_base_url: Url,
}

impl TmdbConfig {
    /// The real service, with this key.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, base_url: default_base_url(), image_base_url: default_image_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("tmdb")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    "https://api.themoviedb.org/3".parse().unwrap()
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_image_base_url() -> Url {
    "https://image.tmdb.org/t/p".parse().unwrap()
}

/// Describes titles by TMDB. Knows TMDB numbers and IMDb ids; search results carry TMDB numbers.
#[derive(Debug)]
pub struct Tmdb {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
    pace: Pace,
}

impl Tmdb {
    /// A provider with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, or an address that is none of http or https.
    pub fn new(config: TmdbConfig, http: HttpClient) -> Result<Self> {
        let TmdbConfig { id, key, base_url, image_base_url } = config;
        let wrong = |detail: &'static str| {
            Error::new(ErrorKind::InvalidInput, "set up provider").at(id.to_string()).detail(detail)
        };
        if key.expose().trim().is_empty() {
            return Err(wrong("the key is empty").advise("get a key at themoviedb.org/settings/api"));
        }
        for url in [&base_url, &image_base_url] {
            if !matches!(url.scheme(), "http" | "https") {
                return Err(wrong("an address is none of http or https"));
            }
        }
        let key = Secret::new(key.expose().trim());
        let endpoint = wire::Endpoint { base_url, image_base_url, key };
        let pace = Pace::new(RATE_PER_S, BURST).of_account(&http, &endpoint.base_url, &endpoint.key, "");
        Ok(Self { id, endpoint, http, pace })
    }

    /// Sends a request in its turn and reads what TMDB complains about, if it does.
    async fn send(&self, call: &Call, operation: &'static str, request: Request) -> Result<Reply> {
        self.pace.turn(call, operation).await?;
        let reply = self.http.send(call, request).await?;
        match error::complaint(&reply, operation, &self.endpoint.key) {
            Some(complaint) => Err(complaint),
            None => Ok(reply),
        }
    }

    async fn search_pages(&self, call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        let text = lenient::clean(&request.text, MAX_QUERY_CHARS);
        let mut titles: Vec<TitleSummary> = Vec::new();
        if text.is_empty() {
            return Ok(titles);
        }
        // The mixed search has no year filter: its rows are filtered here, and a few more pages make up for what is lost.
        let filter_year = request.year.filter(|_| request.kind.is_none());
        for page in 1..=MAX_SEARCH_PAGES {
            let reply = self.send(call, "search titles", self.endpoint.search(request, &text, page)).await?;
            let found = wire::parse_search(&self.endpoint, &reply, request.kind)?;
            titles.extend(found.titles.into_iter().filter(|title| filter_year.is_none() || title.year == filter_year));
            if titles.len() >= ENOUGH_RESULTS || page >= found.page_count {
                break;
            }
        }
        titles.truncate(MAX_SEARCH_RESULTS);
        Ok(titles)
    }

    async fn details(&self, call: &Call, kind: TitleKind, number: u64, request: &TitleRequest) -> Result<Title> {
        let language = request.language.as_ref();
        let reply = self.send(call, "describe title", self.endpoint.details(kind, number, language)).await?;
        wire::parse_details(&self.endpoint, &reply, kind, language)
    }

    /// The title behind an IMDb id. Where the id leads to several, the one that says so itself is it.
    async fn find(&self, call: &Call, digits: &str, request: &TitleRequest) -> Result<Title> {
        let wanted = request.media_id.episode.map(|_| TitleKind::Series);
        let reply = self.send(call, "find title", self.endpoint.find(digits)).await?;
        let candidates = wire::parse_find(&reply, wanted)?;
        let asked = format!("tt{digits}");
        let mut likeliest = None;
        for (kind, number) in &candidates {
            let title = self.details(call, *kind, *number, request).await?;
            if candidates.len() == 1 || title.imdb_id.as_ref() == Some(&asked) {
                return Ok(title);
            }
            likeliest = likeliest.or(Some(title));
        }
        likeliest.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "find title").advise("TMDB does not know this IMDb id; check it")
        })
    }

    /// The episodes of all seasons, some seasons at a time.
    async fn fill_seasons(
        &self,
        call: &Call,
        number: u64,
        request: &TitleRequest,
        seasons: &mut [Season],
    ) -> Result<()> {
        let known = seasons.len().min(wire::MAX_SEASONS);
        let groups = seasons.get_mut(..known).unwrap_or_default().chunks_mut(wire::SEASONS_PER_REQUEST);
        try_join_all(groups.map(|group| async move {
            let numbers: Vec<u32> = group.iter().map(|season| season.number).collect();
            let question = self.endpoint.seasons(number, &numbers, request.language.as_ref());
            let reply = self.send(call, "list episodes", question).await?;
            wire::fill_seasons(&reply, group)
        }))
        .await?;
        let mut left = MAX_EPISODES;
        for season in seasons {
            season.episodes.truncate(left);
            left = left.saturating_sub(season.episodes.len());
        }
        Ok(())
    }

    async fn describe(&self, call: &Call, request: &TitleRequest) -> Result<Title> {
        let mut title = match &request.media_id.title {
            TitleId::Tmdb(kind, number) => self.details(call, *kind, *number, request).await?,
            TitleId::Imdb(digits) => self.find(call, digits, request).await?,
            TitleId::Kitsu(_) | TitleId::Local(_) => {
                return Err(Error::new(ErrorKind::NotFound, "find title")
                    .advise("TMDB knows IMDb ids and its own numbers only"));
            }
        };
        if let Some(number) = title.tmdb_id {
            self.fill_seasons(call, number, request, &mut title.seasons).await?;
        }
        if title.runtime_min.is_none() {
            title.runtime_min = usual_runtime(&title.seasons);
        }
        // A media id stays in the catalogue it was asked in; only an episode's own IMDb id gives way to that of its series.
        if let TitleId::Imdb(digits) = &request.media_id.title {
            match title.imdb_id.as_deref().and_then(|id| id.strip_prefix("tt")) {
                Some(own) => title.summary.media_id = MediaId::of_title(TitleId::Imdb(own.to_owned())),
                None if title.summary.kind == TitleKind::Movie => {
                    title.summary.media_id = MediaId::of_title(TitleId::Imdb(digits.clone()));
                }
                None => {}
            }
        }
        Ok(title)
    }
}

/// The length in the middle of all known ones: specials and double episodes do not move it.
fn usual_runtime(seasons: &[Season]) -> Option<u32> {
    let mut runtimes: Vec<u32> =
        seasons.iter().flat_map(|season| &season.episodes).filter_map(|episode| episode.runtime_min).collect();
    runtimes.sort_unstable();
    runtimes.get(runtimes.len() / 2).copied()
}

#[async_trait]
impl MetadataProvider for Tmdb {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        self.search_pages(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    async fn title(&self, call: &Call, request: &TitleRequest) -> Result<Title> {
        self.describe(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    /// Reads the settings that TMDB tells every client: short, and the key is needed.
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        let check_up = async {
            let reply = self.send(call, "check up", self.endpoint.configuration()).await?;
            wire::parse_configuration(&reply).map(|()| CheckUp::default())
        };
        check_up.await.map_err(|error| error.at(self.id.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use crate::provider::metadata::MetadataConfig;

    /// Goal: the settings have the documented defaults, and a misspelt one is refused.
    #[test]
    fn settings_have_defaults_and_no_strangers() {
        let config: MetadataConfig = serde_json::from_str(r#"{"vendor":"tmdb","key":"0a"}"#).unwrap();
        let MetadataConfig::Tmdb(config) = config else { panic!("another vendor") };
        assert_eq!(config.base_url.as_str(), "https://api.themoviedb.org/3");
        assert_eq!(config.image_base_url.as_str(), "https://image.tmdb.org/t/p");
        assert_eq!(config.id.as_str(), "tmdb");
        assert!(!format!("{config:?}").contains("0a"));
        assert!(serde_json::from_str::<MetadataConfig>(r#"{"vendor":"tmdb","key":"0a","kee":1}"#).is_err());
    }
}
