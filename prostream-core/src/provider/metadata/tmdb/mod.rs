//! TMDB (themoviedb.org), with a key of the user.
//!
//! This product uses the TMDB API but is not endorsed or certified by TMDB: whoever shows its data shows that sentence.

mod error;
mod names;
mod wire;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde::Deserialize;
use url::Url;

use super::{
    Capabilities, Discover, FindTitle, MAX_EPISODES, MAX_QUERY_CHARS, MAX_SEARCH_RESULTS, MetadataProvider, OutsideId,
    TitlePage, TitleRequest, TitleSearch, Trending,
};
use crate::model::{Language, MediaId, Picture, ProviderId, Season, Title, TitleId, TitleKind, TitleSummary};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::pace::Pace;
use crate::provider::remembered::Remembered;
use crate::provider::{CheckUp, lenient};
use crate::{Error, ErrorKind, Result};
use wire::{Genre, ListPage};

/// Most pages of 20 titles that one search reads.
const MAX_SEARCH_PAGES: u32 = 3;

/// A search reads on, as long as there are pages, until it has so many titles: fewer are left of a page after its filter.
const ENOUGH_RESULTS: usize = 20;

/// How long the list of genres is believed.
const GENRES_LIFE: Duration = Duration::from_secs(24 * 3600);

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
    movie_genres: Remembered<Arc<[Genre]>>,
    series_genres: Remembered<Arc<[Genre]>>,
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
        let (movie_genres, series_genres) = (Remembered::new(GENRES_LIFE), Remembered::new(GENRES_LIFE));
        Ok(Self { id, endpoint, http, pace, movie_genres, series_genres })
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

    /// A page of a list: what it lacks in the language asked for comes in its fallbacks. Those that fail leave gaps, not errors.
    async fn list_page(
        &self,
        call: &Call,
        operation: &'static str,
        kind: Option<TitleKind>,
        language: Option<&Language>,
        request: impl Fn(Option<&Language>) -> Request,
    ) -> Result<ListPage> {
        let ask = async |language: Option<&Language>| {
            let reply = self.send(call, operation, request(language)).await?;
            wire::parse_list(&self.endpoint, &reply, kind, language, operation)
        };
        let mut page = ask(language).await?;
        for fallback in names::fallbacks(language) {
            if !page.has_gaps() {
                break;
            }
            match ask(Some(&fallback)).await {
                Ok(other) => page.fill_from(other),
                Err(error) => {
                    tracing::debug!(%error, "texts in another language could not be read");
                    break;
                }
            }
        }
        Ok(page)
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
            let ask = |language: Option<&Language>| self.endpoint.search(request, &text, page, language);
            let found = self.list_page(call, "search titles", request.kind, request.language.as_ref(), ask).await?;
            let is_last = !found.is_followed(page);
            let found = found.rows.into_iter().map(|row| row.summary);
            titles.extend(found.filter(|title| filter_year.is_none() || title.year == filter_year));
            if titles.len() >= ENOUGH_RESULTS || is_last {
                break;
            }
        }
        titles.truncate(MAX_SEARCH_RESULTS);
        Ok(titles)
    }

    async fn trending_page(&self, call: &Call, request: &Trending) -> Result<TitlePage> {
        request.check()?;
        let ask = |language: Option<&Language>| self.endpoint.trending(request, language);
        let operation = "list trending titles";
        let page = self.list_page(call, operation, request.kind, request.language.as_ref(), ask).await?;
        Ok(title_page(page, request.page))
    }

    async fn discover_page(&self, call: &Call, request: &Discover) -> Result<TitlePage> {
        request.check()?;
        let genre = match &request.genre {
            Some(name) => Some(self.genre_number(call, request.kind, name).await?),
            None => None,
        };
        let today = lenient::day(SystemTime::now());
        let ask = |language: Option<&Language>| self.endpoint.discover(request, genre, language, &today);
        let language = request.language.as_ref();
        let page = self.list_page(call, "discover titles", Some(request.kind), language, ask).await?;
        Ok(title_page(page, request.page))
    }

    /// TMDB's number of a genre.
    async fn genre_number(&self, call: &Call, kind: TitleKind, name: &str) -> Result<u64> {
        let known = match kind {
            TitleKind::Movie => &self.movie_genres,
            TitleKind::Series => &self.series_genres,
        };
        let ask = async |call: &Call| {
            let reply = self.send(call, "list genres", self.endpoint.genres(kind)).await?;
            Ok(wire::parse_genres(&reply)?.into())
        };
        let genres: Arc<[Genre]> = known.read(call, ask).await?;
        let name = name.trim().to_lowercase();
        genres.iter().find(|genre| genre.name.to_lowercase() == name).map(|genre| genre.id).ok_or_else(|| {
            let names: Vec<&str> = genres.iter().map(|genre| genre.name.as_str()).collect();
            Error::new(ErrorKind::InvalidInput, "discover titles")
                .detail("TMDB has no such genre")
                .advise(format!("use one of: {}", names.join(", ")))
        })
    }

    async fn details(&self, call: &Call, kind: TitleKind, number: u64, language: Option<&Language>) -> Result<Title> {
        let reply = self.send(call, "describe title", self.endpoint.details(kind, number, language)).await?;
        wire::parse_details(&self.endpoint, &reply, kind, language)
    }

    /// The title behind an outside id. Where the id leads to several, the one that says so itself is it.
    async fn found(
        &self,
        call: &Call,
        id: &OutsideId,
        kind: Option<TitleKind>,
        language: Option<&Language>,
    ) -> Result<Title> {
        let reply = self.send(call, "find title", self.endpoint.find(id)).await?;
        let candidates = wire::parse_find(&reply, kind)?;
        let mut likeliest = None;
        for (kind, number) in &candidates {
            let title = self.details(call, *kind, *number, language).await?;
            let bears_it = match id {
                OutsideId::Imdb(digits) => {
                    title.imdb_id.as_deref().and_then(|id| id.strip_prefix("tt")) == Some(digits)
                }
                OutsideId::Tvdb(number) => title.tvdb_id == Some(*number),
            };
            if candidates.len() == 1 || bears_it {
                return Ok(title);
            }
            likeliest = likeliest.or(Some(title));
        }
        likeliest.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "find title").advise("TMDB does not know this outside id; check it")
        })
    }

    async fn list_pictures(&self, call: &Call, request: &TitleRequest) -> Result<Vec<Picture>> {
        let (kind, number) = match &request.media_id.title {
            TitleId::Tmdb(kind, number) => (*kind, *number),
            TitleId::Imdb(digits) => {
                let wanted = request.media_id.episode.map(|_| TitleKind::Series);
                let title = self.found(call, &OutsideId::Imdb(digits.clone()), wanted, None).await?;
                match title.summary.media_id.title {
                    TitleId::Tmdb(kind, number) => (kind, number),
                    _ => return Err(unknown_catalogue()),
                }
            }
            TitleId::Kitsu(_) | TitleId::Local(_) => return Err(unknown_catalogue()),
        };
        let language = request.language.as_ref();
        let reply = self.send(call, "list pictures", self.endpoint.pictures(kind, number, language)).await?;
        wire::parse_pictures(&self.endpoint, &reply, language)
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
            let language = request.language.as_ref();
            let ask = async |language: Option<&Language>| {
                self.send(call, "list episodes", self.endpoint.seasons(number, &numbers, language)).await
            };
            wire::fill_seasons(&ask(language).await?, group)?;
            for fallback in names::fallbacks(language) {
                if !wire::has_text_gaps(group) {
                    break;
                }
                // What is there is an answer; a text more or less is none.
                let filled = match ask(Some(&fallback)).await {
                    Ok(reply) => wire::fill_seasons(&reply, group),
                    Err(error) => Err(error),
                };
                if let Err(error) = filled {
                    tracing::debug!(%error, "texts in another language could not be read");
                    break;
                }
            }
            Ok::<_, Error>(())
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
            TitleId::Tmdb(kind, number) => self.details(call, *kind, *number, request.language.as_ref()).await?,
            TitleId::Imdb(digits) => {
                let wanted = request.media_id.episode.map(|_| TitleKind::Series);
                self.found(call, &OutsideId::Imdb(digits.clone()), wanted, request.language.as_ref()).await?
            }
            TitleId::Kitsu(_) | TitleId::Local(_) => return Err(unknown_catalogue()),
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

fn unknown_catalogue() -> Error {
    Error::new(ErrorKind::NotFound, "find title").advise("TMDB knows IMDb ids and its own numbers only")
}

fn title_page(page: ListPage, number: u32) -> TitlePage {
    let has_more = page.is_followed(number);
    TitlePage { titles: page.rows.into_iter().map(|row| row.summary).collect(), has_more }
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

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_trending()
            .with_discovery()
            .with_finding()
            .with_finding_by_tvdb()
            .with_pictures()
            .with_languages()
    }

    async fn find(&self, call: &Call, request: &FindTitle) -> Result<TitleSummary> {
        let found = self.found(call, &request.id, request.kind, request.language.as_ref()).await;
        found.map(|title| title.summary).map_err(|error| error.at(self.id.to_string()))
    }

    async fn trending(&self, call: &Call, request: &Trending) -> Result<TitlePage> {
        self.trending_page(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    async fn discover(&self, call: &Call, request: &Discover) -> Result<TitlePage> {
        self.discover_page(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    async fn pictures(&self, call: &Call, request: &TitleRequest) -> Result<Vec<Picture>> {
        self.list_pictures(call, request).await.map_err(|error| error.at(self.id.to_string()))
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
