//! Cinemeta, the catalogue of Stremio: no key, IMDb ids and English only. What describes titles while no TMDB key is set.

mod wire;

use std::num::NonZeroU32;
use std::pin::pin;

use async_trait::async_trait;
use futures_util::future::{Either, select, try_join};
use serde::Deserialize;
use url::Url;

use super::{
    CHECK_UP_WORD, Capabilities, Discover, DiscoverSort, FindTitle, MAX_QUERY_CHARS, MAX_SEARCH_RESULTS,
    MetadataProvider, OutsideId, TitlePage, TitleRequest, TitleSearch, Trending,
};
use crate::model::{ProviderId, Title, TitleId, TitleKind, TitleSummary};
use crate::net::{Call, HttpClient, Reply, Request};
use crate::provider::pace::Pace;
use crate::provider::{CheckUp, lenient};
use crate::{Error, ErrorKind, Result};
use wire::Catalogue;

/// Most redirects of one question: its catalogues answer with one.
const MAX_REDIRECTS: usize = 3;

/// No limit is known; this is polite.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(5).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// Settings of [`Cinemeta`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CinemetaConfig {
    /// Name of this instance. Default: `cinemeta`.
    pub id: ProviderId,
    /// Where the catalogue is. Default: `https://v3-cinemeta.strem.io`.
    pub base_url: Url,
    /// The one host whose pictures are taken. Default: `https://images.metahub.space`.
    pub image_base_url: Url,
}

impl Default for CinemetaConfig {
    #[expect(clippy::unwrap_used, reason = "constants that the tests read")]
    fn default() -> Self {
        Self {
            id: ProviderId::new("cinemeta"),
            base_url: "https://v3-cinemeta.strem.io".parse().unwrap(),
            image_base_url: "https://images.metahub.space".parse().unwrap(),
        }
    }
}

/// Describes titles by Cinemeta. Knows IMDb ids only.
#[derive(Debug)]
pub struct Cinemeta {
    id: ProviderId,
    base_url: Url,
    image_base_url: Url,
    http: HttpClient,
    pace: Pace,
}

impl Cinemeta {
    /// A provider with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is none of http or https.
    pub fn new(config: CinemetaConfig, http: HttpClient) -> Result<Self> {
        let CinemetaConfig { id, base_url, image_base_url } = config;
        if [&base_url, &image_base_url].iter().any(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(Error::new(ErrorKind::InvalidInput, "set up provider")
                .at(id.to_string())
                .detail("an address is none of http or https"));
        }
        Ok(Self { id, base_url, image_base_url, http, pace: Pace::new(RATE_PER_S, BURST) })
    }

    /// Sends a request and follows its redirects by hand: each hop passes the address policy anew.
    async fn ask(&self, call: &Call, operation: &'static str, mut request: Request) -> Result<Reply> {
        for _ in 0..=MAX_REDIRECTS {
            self.pace.turn(call, operation).await?;
            let reply = self.http.send(call, request.clone()).await?;
            match wire::redirect(&reply, &request.url)? {
                Some(next) => request.url = next,
                None => return wire::complaint(&reply, operation).map_or(Ok(reply), Err),
            }
        }
        Err(Error::new(ErrorKind::Malformed, operation).detail("too many redirects"))
    }

    async fn search_kind(&self, call: &Call, kind: TitleKind, text: &str) -> Result<Vec<TitleSummary>> {
        match self.ask(call, "search titles", wire::search(&self.base_url, kind, text)).await {
            Ok(reply) => wire::parse_search(&reply, kind, &self.image_base_url),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn meta(&self, call: &Call, kind: TitleKind, digits: &str) -> Result<Option<Title>> {
        match self.ask(call, "describe title", wire::meta(&self.base_url, kind, digits)).await {
            Ok(reply) => wire::parse_meta(&reply, kind, &self.image_base_url),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn search_titles(&self, call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        let text = lenient::clean(&request.text, MAX_QUERY_CHARS);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let found = match request.kind {
            Some(kind) => self.search_kind(call, kind, &text).await?,
            None => {
                let movies = self.search_kind(call, TitleKind::Movie, &text);
                let series = self.search_kind(call, TitleKind::Series, &text);
                let (movies, series) = try_join(movies, series).await?;
                alternate(movies, series)
            }
        };
        let mut found: Vec<_> =
            found.into_iter().filter(|title| request.year.is_none() || title.year == request.year).collect();
        // The two lists are each in order, but say nothing about each other: the name that was typed goes first.
        let typed = text.to_lowercase();
        found.sort_by_key(|title| title.name.to_lowercase() != typed);
        found.truncate(MAX_SEARCH_RESULTS);
        Ok(found)
    }

    async fn describe(&self, call: &Call, request: &TitleRequest) -> Result<Title> {
        let TitleId::Imdb(digits) = &request.media_id.title else {
            return Err(unknown("Cinemeta knows IMDb ids only; a TMDB key makes TMDB numbers known"));
        };
        self.found(call, digits, request.media_id.episode.map(|_| TitleKind::Series)).await
    }

    /// The title of an IMDb id, of the wanted kind.
    async fn found(&self, call: &Call, digits: &str, kind: Option<TitleKind>) -> Result<Title> {
        let found = if let Some(kind) = kind {
            self.meta(call, kind, digits).await?
        } else {
            // The id does not say what it is: both are asked, and the first that knows it is enough.
            let movie = pin!(self.meta(call, TitleKind::Movie, digits));
            let series = pin!(self.meta(call, TitleKind::Series, digits));
            let (first, other) = match select(movie, series).await {
                Either::Left((first, other)) => (first, Either::Right(other)),
                Either::Right((first, other)) => (first, Either::Left(other)),
            };
            match first {
                Ok(Some(title)) => Some(title),
                first => match other.await {
                    Ok(Some(title)) => Some(title),
                    other => {
                        first?;
                        other?
                    }
                },
            }
        };
        found.ok_or_else(|| unknown("Cinemeta does not know this IMDb id; check it"))
    }

    async fn list(&self, call: &Call, kind: TitleKind, catalogue: Catalogue<'_>, page: u32) -> Result<TitlePage> {
        match self.ask(call, "list titles", wire::list(&self.base_url, kind, catalogue, page)).await {
            Ok(reply) => wire::parse_list(&reply, kind, &self.image_base_url),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(TitlePage::default()),
            Err(error) => Err(error),
        }
    }

    async fn trending_page(&self, call: &Call, request: &Trending) -> Result<TitlePage> {
        request.check()?;
        let Some(kind) = request.kind else {
            let movies = self.list(call, TitleKind::Movie, Catalogue::Top, request.page);
            let series = self.list(call, TitleKind::Series, Catalogue::Top, request.page);
            let (movies, series) = try_join(movies, series).await?;
            let has_more = movies.has_more || series.has_more;
            return Ok(TitlePage { titles: alternate(movies.titles, series.titles), has_more });
        };
        self.list(call, kind, Catalogue::Top, request.page).await
    }

    async fn discover_page(&self, call: &Call, request: &Discover) -> Result<TitlePage> {
        request.check()?;
        let genre = request.genre.as_deref().map(capitalized);
        let catalogue = match (genre.as_deref(), request.year, request.sort) {
            (None, None, DiscoverSort::Popularity) => Catalogue::Top,
            (Some(genre), None, DiscoverSort::Popularity) => Catalogue::TopOfGenre(genre),
            (Some(genre), None, DiscoverSort::Rating) => Catalogue::BestOfGenre(genre),
            (None, Some(year), DiscoverSort::Popularity) => Catalogue::OfYear(year),
            _ => {
                return Err(Error::new(ErrorKind::Unsupported, "discover titles")
                    .detail("Cinemeta has no such list")
                    .advise("ask for one genre or one year by popularity, or one genre by rating; TMDB has all"));
            }
        };
        self.list(call, request.kind, catalogue, request.page).await
    }
}

fn unknown(advice: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, "find title").advise(advice)
}

/// A genre as Cinemeta writes it: `Drama`, `Sci-Fi`, `Film-Noir`.
fn capitalized(genre: &str) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(genre.len());
    for letter in genre.trim().chars() {
        if begins {
            out.extend(letter.to_uppercase());
        } else {
            out.extend(letter.to_lowercase());
        }
        begins = matches!(letter, '-' | ' ');
    }
    out
}

/// One of the first, one of the second, and so on.
fn alternate(first: Vec<TitleSummary>, second: Vec<TitleSummary>) -> Vec<TitleSummary> {
    let mut out = Vec::with_capacity(first.len().saturating_add(second.len()));
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return out,
            (one, other) => out.extend(one.into_iter().chain(other)),
        }
    }
}

#[async_trait]
impl MetadataProvider for Cinemeta {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        self.search_titles(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    async fn title(&self, call: &Call, request: &TitleRequest) -> Result<Title> {
        self.describe(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_trending().with_discovery().with_finding()
    }

    async fn find(&self, call: &Call, request: &FindTitle) -> Result<TitleSummary> {
        let found = match &request.id {
            OutsideId::Imdb(digits) => self.found(call, digits, request.kind).await,
            OutsideId::Tvdb(_) => Err(Error::new(ErrorKind::Unsupported, "find title")
                .detail("Cinemeta knows IMDb ids only")
                .advise("a TMDB key makes numbers of TheTVDB known")),
        };
        found.map(|title| title.summary).map_err(|error| error.at(self.id.to_string()))
    }

    async fn trending(&self, call: &Call, request: &Trending) -> Result<TitlePage> {
        self.trending_page(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    async fn discover(&self, call: &Call, request: &Discover) -> Result<TitlePage> {
        self.discover_page(call, request).await.map_err(|error| error.at(self.id.to_string()))
    }

    /// One search, as it passes both hosts: that of the descriptions and that of the catalogues.
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        let kind = TitleKind::Movie;
        let check_up = async {
            let reply = self.ask(call, "check up", wire::search(&self.base_url, kind, CHECK_UP_WORD)).await?;
            wire::parse_search(&reply, kind, &self.image_base_url).map(|_| CheckUp::default())
        };
        check_up.await.map_err(|error| error.at(self.id.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use crate::provider::metadata::MetadataConfig;

    /// Goal: no setting is needed, and a misspelt one is refused.
    #[test]
    fn settings_have_defaults_and_no_strangers() {
        let config: MetadataConfig = serde_json::from_str(r#"{"vendor":"cinemeta"}"#).unwrap();
        let MetadataConfig::Cinemeta(config) = config else { panic!("another vendor") };
        assert_eq!(config.base_url.as_str(), "https://v3-cinemeta.strem.io/");
        assert!(serde_json::from_str::<MetadataConfig>(r#"{"vendor":"cinemeta","key":"x"}"#).is_err());
    }
}
