//! `/api/v1/titles`: what titles there are, and what one is.

use std::str::FromStr;
use std::sync::Arc;

use http::StatusCode;
use prostream_core::model::{self, Language, MediaId, TitleKind};
use prostream_core::provider::metadata::{self, Discover, DiscoverSort, Period, Trending};
use prostream_core::resolve::Viewer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::table::{Route, get};
use crate::app::{App, FullHouse};
use crate::auth::Caller;
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, json};
use crate::request::Request;

/// Longest text of a search, in characters (AUTHZ-04).
const MAX_QUERY_CHARS: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    query: String,
    #[serde(default)]
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TitleQuery {
    #[serde(default)]
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrendingQuery {
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    period: AskedPeriod,
    #[serde(default)]
    page: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

/// How far back a list looks.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskedPeriod {
    Day,
    #[default]
    Week,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscoverQuery {
    kind: Kind,
    #[serde(default)]
    genre: Option<String>,
    #[serde(default)]
    year: Option<String>,
    #[serde(default)]
    sort: AskedSort,
    #[serde(default)]
    page: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

/// The order of a list.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskedSort {
    #[default]
    Popularity,
    Rating,
    Newest,
}

/// A parameter that is a number.
fn number<T: FromStr>(text: Option<String>, name: &str) -> Result<Option<T>, Problem> {
    let wrong = |_| Problem::invalid(format!("{name} is a number"));
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// A page of a list of titles.
#[derive(Serialize, ToSchema)]
struct TitlePage {
    /// In the list's order.
    titles: Vec<TitleSummary>,
    /// The next page may have some.
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
struct Titles {
    /// Best match first.
    titles: Vec<TitleSummary>,
}

/// Film or series.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Movie,
    Series,
}

#[derive(Serialize, ToSchema)]
pub(super) struct TitleSummary {
    /// Names it for every other call.
    #[schema(example = "tt1254207")]
    media_id: String,
    /// Film or series.
    kind: Kind,
    /// Name in the language asked for.
    name: String,
    /// Year it came out, or began.
    year: Option<u16>,
    /// A few sentences.
    overview: Option<String>,
    /// Poster, at the catalogue's image host.
    poster_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Title {
    #[serde(flatten)]
    summary: TitleSummary,
    /// Name in the original language.
    original_name: Option<String>,
    /// Language it was made in (BCP 47).
    original_language: Option<String>,
    /// Length of the film, or of a usual episode, in minutes.
    runtime_min: Option<u32>,
    /// Genres, for people.
    genres: Vec<String>,
    /// Wide picture, at the catalogue's image host.
    backdrop_url: Option<String>,
    /// `tt…`, when known.
    imdb_id: Option<String>,
    /// TMDB number, when known.
    tmdb_id: Option<u64>,
    /// Seasons of a series in order, the specials (0) first; empty for a film.
    seasons: Vec<Season>,
}

#[derive(Serialize, ToSchema)]
struct Season {
    /// Number; 0 holds the specials.
    number: u32,
    /// Name, where it has one.
    name: Option<String>,
    /// Episodes in order.
    episodes: Vec<Episode>,
}

#[derive(Serialize, ToSchema)]
struct Episode {
    /// Number within the season.
    number: u32,
    /// Name.
    name: Option<String>,
    /// First aired, `YYYY-MM-DD`.
    air_date: Option<String>,
    /// A few sentences.
    overview: Option<String>,
    /// Length in minutes.
    runtime_min: Option<u32>,
}

pub(super) fn routes() -> Vec<Route> {
    const PAGE: &str = "page of the list, from 1 to 500";
    vec![
        get("/api/v1/trending", "What is watched these days")
            .query("kind", "`movie` or `series`; otherwise both", false)
            .query("period", "`day` or `week` (the usual)", false)
            .query("page", PAGE, false)
            .query("language", "language of names and texts (BCP 47)", false)
            .gives::<TitlePage>(200, "most watched first")
            .user(RateClass::Search, trending),
        get("/api/v1/discover", "Titles of a kind, a genre, a year")
            .query("kind", "`movie` or `series`", true)
            .query("genre", "English name of a genre", false)
            .query("year", "year it came out, or began", false)
            .query("sort", "`popularity` (the usual), `rating` or `newest`", false)
            .query("page", PAGE, false)
            .query("language", "language of names and texts (BCP 47)", false)
            .gives::<TitlePage>(200, "in the order asked for")
            .user(RateClass::Search, discover),
        get("/api/v1/titles", "Titles by name")
            .query("query", "the name, at most 200 characters", true)
            .query("language", "language of names and texts (BCP 47)", false)
            .gives::<Titles>(200, "what was found")
            .user(RateClass::Search, search),
        get("/api/v1/titles/{media_id}", "One title")
            .query("language", "language of names and texts (BCP 47)", false)
            .gives::<Title>(200, "the title")
            .user(RateClass::Search, title),
    ]
}

async fn search(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let input: SearchQuery = request.query()?;
    let text = input.query.trim();
    if text.is_empty() || text.chars().count() > MAX_QUERY_CHARS || text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("query has from 1 to {MAX_QUERY_CHARS} characters")));
    }
    let full = app.full()?;
    let viewer = viewer(full, &caller, input.language)?;
    let found = full.engine.search_titles(&app.call(&caller, request.client), &viewer, text).await?;
    json(StatusCode::OK, &Titles { titles: found.into_iter().map(TitleSummary::from).collect() })
}

async fn trending(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let input: TrendingQuery = request.query()?;
    let mut asked = Trending::default();
    asked.kind = input.kind.map(TitleKind::from);
    asked.period = match input.period {
        AskedPeriod::Day => Period::Day,
        AskedPeriod::Week => Period::Week,
    };
    asked.page = number(input.page, "page")?.unwrap_or(asked.page);
    let full = app.full()?;
    let viewer = viewer(full, &caller, input.language)?;
    let page = full.engine.trending(&app.call(&caller, request.client), &viewer, &asked).await?;
    json(StatusCode::OK, &TitlePage::from(page))
}

async fn discover(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let input: DiscoverQuery = request.query()?;
    let mut asked = Discover::new(input.kind.into());
    asked.genre = input.genre;
    asked.year = number(input.year, "year")?;
    asked.sort = match input.sort {
        AskedSort::Popularity => DiscoverSort::Popularity,
        AskedSort::Rating => DiscoverSort::Rating,
        AskedSort::Newest => DiscoverSort::Newest,
    };
    asked.page = number(input.page, "page")?.unwrap_or(asked.page);
    let full = app.full()?;
    let viewer = viewer(full, &caller, input.language)?;
    let page = full.engine.discover(&app.call(&caller, request.client), &viewer, &asked).await?;
    json(StatusCode::OK, &TitlePage::from(page))
}

async fn title(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let input: TitleQuery = request.query()?;
    let media_id: MediaId = request.decoded_param("media_id")?.parse()?;
    let full = app.full()?;
    let viewer = viewer(full, &caller, input.language)?;
    let title = full.engine.title(&app.call(&caller, request.client), &viewer, &media_id).await?;
    json(StatusCode::OK, &Title::from(title.as_ref()))
}

/// Whoever calls, with the language that the query asks for.
fn viewer(full: &FullHouse, caller: &Caller, language: Option<String>) -> Result<Viewer, Problem> {
    let wrong = || Problem::invalid("language is a BCP 47 tag, such as en or pt-BR");
    let mut viewer = full.viewer(&caller.user_id, None);
    viewer.language = language.map(|text| Language::parse(&text).ok_or_else(wrong)).transpose()?;
    Ok(viewer)
}

impl From<Kind> for TitleKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Movie => TitleKind::Movie,
            Kind::Series => TitleKind::Series,
        }
    }
}

impl From<metadata::TitlePage> for TitlePage {
    fn from(page: metadata::TitlePage) -> Self {
        Self { titles: page.titles.into_iter().map(TitleSummary::from).collect(), has_more: page.has_more }
    }
}

impl From<model::TitleSummary> for TitleSummary {
    fn from(title: model::TitleSummary) -> Self {
        let kind = match title.kind {
            TitleKind::Movie => Kind::Movie,
            TitleKind::Series => Kind::Series,
        };
        Self {
            media_id: title.media_id.to_string(),
            kind,
            name: title.name,
            year: title.year,
            overview: title.overview,
            poster_url: title.poster_url,
        }
    }
}

impl From<&model::Title> for Title {
    fn from(title: &model::Title) -> Self {
        Self {
            summary: title.summary.clone().into(),
            original_name: title.original_name.clone(),
            original_language: title.original_language.as_ref().map(ToString::to_string),
            runtime_min: title.runtime_min,
            genres: title.genres.clone(),
            backdrop_url: title.backdrop_url.clone(),
            imdb_id: title.imdb_id.clone(),
            tmdb_id: title.tmdb_id,
            seasons: title.seasons.iter().map(Season::from).collect(),
        }
    }
}

impl From<&model::Season> for Season {
    fn from(season: &model::Season) -> Self {
        let episode = |episode: &model::Episode| Episode {
            number: episode.number,
            name: episode.name.clone(),
            air_date: episode.air_date.clone(),
            overview: episode.overview.clone(),
            runtime_min: episode.runtime_min,
        };
        Self {
            number: season.number,
            name: season.name.clone(),
            episodes: season.episodes.iter().map(episode).collect(),
        }
    }
}
