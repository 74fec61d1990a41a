//! TMDB's wire format: requests out, replies in; pure. Source: developer.themoviedb.org, API version 3.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::names::Localized;
use crate::model::{
    Episode, Language, MediaId, Picture, PictureKind, PictureSize, Season, Title, TitleId, TitleKind, TitleSummary,
};
use crate::net::{Reply, Request, Secret};
use crate::provider::lenient::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};
use crate::provider::metadata::{
    Discover, DiscoverSort, MAX_EPISODES, MAX_OTHER_NAMES, MAX_PAGE, MAX_PICTURES, OutsideId, Period, TitleSearch,
    Trending,
};
use crate::{Error, ErrorKind, Result};

/// Most seasons asked for in one request; the service takes 20 appended parts, one is kept free.
pub(super) const SEASONS_PER_REQUEST: usize = 19;

/// Most seasons of a series that are asked for; the rest is named without its episodes.
pub(super) const MAX_SEASONS: usize = 95;

/// Largest body of a title or a group of seasons, in bytes: seasons carry the crew and guests of each episode.
const MAX_TITLE_BYTES: u64 = 16 << 20;

/// Most genres that are kept.
const MAX_GENRES: usize = 32;

/// Most genres of a kind that are known; there are about twenty.
const MAX_GENRES_OF_KIND: usize = 200;

/// Fewest votes of a title in a list by rating: a few friends make no masterpiece.
const MIN_VOTES: &str = "200";

/// Widths in pixels that pictures are cut to; the original stands beside them. Source: `/configuration`.
const POSTER_WIDTHS: &[u32] = &[92, 154, 185, 342, 500, 780];
const BACKDROP_WIDTHS: &[u32] = &[300, 780, 1280];
const LOGO_WIDTHS: &[u32] = &[45, 92, 154, 185, 300, 500];

const POSTER_SIZE: &str = "w342";
const BACKDROP_SIZE: &str = "w1280";

/// Where and with which key requests go.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) image_base_url: Url,
    pub(super) key: Secret,
}

impl Endpoint {
    /// A GET of `path`, with the key as its shape wants it: a token (it has dots) as bearer, a v3 key in the query. The two are not
    /// interchangeable.
    fn get(&self, path: &str, language: Option<&Language>, query: &[(&str, &str)]) -> Request {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        let is_token = self.key.expose().contains('.');
        {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(query);
            if let Some(language) = language {
                pairs.append_pair("language", language.as_str());
            }
            if !is_token {
                pairs.append_pair("api_key", self.key.expose());
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let request = Request::get(url);
        if is_token { request.bearer(self.key.clone()) } else { request }
    }

    /// One page of a search: films and series together unless a kind is asked for; only then the year goes along, as the mixed search
    /// knows no such filter.
    pub(super) fn search(&self, search: &TitleSearch, text: &str, page: u32, language: Option<&Language>) -> Request {
        let page = page.to_string();
        let year = search.year.map(|year| year.to_string());
        let mut query = vec![("query", text), ("include_adult", "false"), ("page", page.as_str())];
        let (path, year_name) = match search.kind {
            None => ("/search/multi", None),
            Some(TitleKind::Movie) => ("/search/movie", Some("year")),
            Some(TitleKind::Series) => ("/search/tv", Some("first_air_date_year")),
        };
        if let (Some(name), Some(year)) = (year_name, year.as_deref()) {
            query.push((name, year));
        }
        self.get(path, language, &query)
    }

    /// What the service tells every client; the cheapest question that needs the key.
    pub(super) fn configuration(&self) -> Request {
        self.get("/configuration", None, &[])
    }

    /// Which titles an outside id stands for. Digits alone: nothing a person typed goes into a path.
    pub(super) fn find(&self, id: &OutsideId) -> Request {
        let (text, source) = match id {
            OutsideId::Imdb(digits) => (format!("tt{digits}"), "imdb_id"),
            OutsideId::Tvdb(number) => (number.to_string(), "tvdb_id"),
        };
        self.get(&format!("/find/{text}"), None, &[("external_source", source)])
    }

    /// What is watched these days.
    pub(super) fn trending(&self, request: &Trending, language: Option<&Language>) -> Request {
        let kind = request.kind.map_or("all", path_of);
        let period = match request.period {
            Period::Day => "day",
            Period::Week => "week",
        };
        self.get(&format!("/trending/{kind}/{period}"), language, &[("page", &request.page.to_string())])
    }

    /// Titles that fit some conditions; `genre` is TMDB's number, `today` is `YYYY-MM-DD`.
    pub(super) fn discover(
        &self,
        request: &Discover,
        genre: Option<u64>,
        language: Option<&Language>,
        today: &str,
    ) -> Request {
        let date = match request.kind {
            TitleKind::Movie => "primary_release_date",
            TitleKind::Series => "first_air_date",
        };
        let sort = match request.sort {
            DiscoverSort::Popularity => "popularity.desc".to_owned(),
            DiscoverSort::Rating => "vote_average.desc".to_owned(),
            DiscoverSort::Newest => format!("{date}.desc"),
        };
        let year = request.year.map(|year| (format!("{year:04}-01-01"), format!("{year:04}-12-31")));
        let (from, mut until) = year.unzip();
        if request.sort == DiscoverSort::Newest {
            // Dates in this form are in the order of their letters.
            until = Some(until.map_or(today.to_owned(), |until| until.min(today.to_owned())));
        }
        let (from_name, until_name) = (format!("{date}.gte"), format!("{date}.lte"));
        let (page, genre) = (request.page.to_string(), genre.map(|genre| genre.to_string()));
        let mut query = vec![("sort_by", sort.as_str()), ("include_adult", "false"), ("page", &page)];
        query.extend(genre.as_deref().map(|genre| ("with_genres", genre)));
        query.extend(from.as_deref().map(|from| (from_name.as_str(), from)));
        query.extend(until.as_deref().map(|until| (until_name.as_str(), until)));
        if request.sort == DiscoverSort::Rating {
            query.push(("vote_count.gte", MIN_VOTES));
        }
        self.get(&format!("/discover/{}", path_of(request.kind)), language, &query)
    }

    /// The genres of a kind with their numbers, in English.
    pub(super) fn genres(&self, kind: TitleKind) -> Request {
        self.get(&format!("/genre/{}/list", path_of(kind)), None, &[])
    }

    /// All pictures of a title in the language asked for, without words, and in English: without naming them only those of one language come.
    pub(super) fn pictures(&self, kind: TitleKind, id: u64, language: Option<&Language>) -> Request {
        let mut languages = vec!["null", "en"];
        languages.extend(language.map(Language::primary).filter(|primary| *primary != "en"));
        let query = [("include_image_language", languages.join(","))];
        let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut request = self.get(&format!("/{}/{id}/images", path_of(kind)), None, &query);
        request.max_body_bytes = Some(MAX_TITLE_BYTES);
        request
    }

    /// A title with its outside ids and its names.
    pub(super) fn details(&self, kind: TitleKind, id: u64, language: Option<&Language>) -> Request {
        let parts = "external_ids,alternative_titles,translations";
        let mut request = self.get(&format!("/{}/{id}", path_of(kind)), language, &[("append_to_response", parts)]);
        request.max_body_bytes = Some(MAX_TITLE_BYTES);
        request
    }

    /// Some seasons of a series with their episodes, at most [`SEASONS_PER_REQUEST`].
    pub(super) fn seasons(&self, id: u64, numbers: &[u32], language: Option<&Language>) -> Request {
        let parts: Vec<String> =
            numbers.iter().take(SEASONS_PER_REQUEST).map(|number| format!("season/{number}")).collect();
        let mut request = self.get(&format!("/tv/{id}"), language, &[("append_to_response", &parts.join(","))]);
        request.max_body_bytes = Some(MAX_TITLE_BYTES);
        request
    }

    /// The sizes of a picture, narrowest first: no size is wider than the original, and a drawing (SVG) has no other than that.
    fn sizes(&self, row: &PictureRow, widths: &[u32]) -> Vec<PictureSize> {
        let is_drawing = row.file_path.to_ascii_lowercase().ends_with(".svg");
        let narrower = widths.iter().filter(|width| !is_drawing && row.width.is_none_or(|original| **width < original));
        let sizes = narrower.map(|width| (Some(*width), format!("w{width}")));
        sizes
            .chain([(row.width, "original".to_owned())])
            .filter_map(|(width, size)| Some(PictureSize { width, url: self.picture(&size, Some(&row.file_path))? }))
            .collect()
    }

    /// Address of a picture on the catalogue's image host; `None` unless `path` is the plain `/name.ext` that TMDB writes (OUT-05).
    fn picture(&self, size: &str, path: Option<&str>) -> Option<String> {
        let name = path?.strip_prefix('/')?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let is_good = !name.is_empty() && name.len() <= 128 && !name.contains("..") && name.bytes().all(is_plain);
        is_good.then(|| format!("{}/{size}/{name}", self.image_base_url.as_str().trim_end_matches('/')))
    }
}

fn path_of(kind: TitleKind) -> &'static str {
    match kind {
        TitleKind::Movie => "movie",
        TitleKind::Series => "tv",
    }
}

/// A row of a list. Films have `title` and `release_date`, series `name` and `first_air_date`.
#[derive(Debug, Deserialize)]
struct Row {
    id: u64,
    #[serde(default, deserialize_with = "lenient::maybe")]
    media_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_title: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_language: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    release_date: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    first_air_date: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    overview: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    poster_path: Option<String>,
}

impl Row {
    fn name(&self) -> Option<String> {
        [&self.title, &self.name].into_iter().find_map(|name| lenient::clean_some(name.as_deref(), MAX_NAME_CHARS))
    }

    fn original_name(&self) -> Option<String> {
        [&self.original_title, &self.original_name]
            .into_iter()
            .find_map(|name| lenient::clean_some(name.as_deref(), MAX_NAME_CHARS))
    }

    fn year(&self) -> Option<u16> {
        [&self.release_date, &self.first_air_date].into_iter().find_map(|date| lenient::year(date.as_deref()))
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(deserialize_with = "lenient::required_list")]
    results: Vec<Row>,
    #[serde(default, deserialize_with = "lenient::number")]
    total_pages: Option<u64>,
}

/// A row of a list of titles.
#[derive(Debug)]
pub(super) struct ListRow {
    pub(super) summary: TitleSummary,
    /// The name is the original one, in a language that was not asked for.
    is_untranslated: bool,
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct ListPage {
    pub(super) rows: Vec<ListRow>,
    pub(super) page_count: u64,
}

impl ListPage {
    /// May the page after this one be asked for?
    pub(super) fn is_followed(&self, page: u32) -> bool {
        u64::from(page) < self.page_count.min(u64::from(MAX_PAGE))
    }

    /// Is there a row that another language may say more about?
    pub(super) fn has_gaps(&self) -> bool {
        self.rows.iter().any(|row| row.summary.overview.is_none() || row.is_untranslated)
    }

    /// Takes from the same page in another language what is missing here.
    pub(super) fn fill_from(&mut self, other: ListPage) {
        let mut others: HashMap<MediaId, ListRow> =
            other.rows.into_iter().map(|row| (row.summary.media_id.clone(), row)).collect();
        for row in &mut self.rows {
            let Some(other) = others.remove(&row.summary.media_id) else { continue };
            row.summary.overview = row.summary.overview.take().or(other.summary.overview);
            if row.is_untranslated && !other.is_untranslated {
                row.summary.name = other.summary.name;
                row.is_untranslated = false;
            }
        }
    }
}

/// Reads a page that was asked for in `language`; persons, collections and whatever comes next are left out. A film or series without a name
/// is one too.
pub(super) fn parse_list(
    endpoint: &Endpoint,
    reply: &Reply,
    kind: Option<TitleKind>,
    language: Option<&Language>,
    operation: &'static str,
) -> Result<ListPage> {
    let page: Page = lenient::json(reply, operation)?;
    let asked = language.map_or("en", Language::primary);
    let row = |row: Row| {
        let kind = match row.media_type.as_deref() {
            Some("movie") => TitleKind::Movie,
            Some("tv") => TitleKind::Series,
            Some(_) => return None,
            None => kind?,
        };
        let (name, original_name) = (row.name(), row.original_name());
        let original_language = row.original_language.as_deref().and_then(language_of);
        let is_foreign = original_language.is_some_and(|original| original.primary() != asked);
        Some(ListRow {
            is_untranslated: is_foreign && original_name.is_some() && (name.is_none() || name == original_name),
            summary: TitleSummary {
                media_id: MediaId::of_title(TitleId::Tmdb(kind, row.id)),
                kind,
                year: row.year(),
                overview: lenient::clean_some(row.overview.as_deref(), MAX_TEXT_CHARS),
                poster_url: endpoint.picture(POSTER_SIZE, row.poster_path.as_deref()),
                name: name.or(original_name)?,
            },
        })
    };
    let mut seen = HashSet::new();
    let rows = page.results.into_iter().filter_map(row).filter(|row| seen.insert(row.summary.media_id.clone()));
    Ok(ListPage { rows: rows.collect(), page_count: page.total_pages.unwrap_or(1) })
}

/// A genre and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Genre {
    pub(super) id: u64,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
struct GenresBody {
    #[serde(deserialize_with = "lenient::required_list")]
    genres: Vec<GenreRow>,
}

#[derive(Debug, Deserialize)]
struct GenreRow {
    id: u64,
    name: String,
}

/// Reads the genres of a kind.
pub(super) fn parse_genres(reply: &Reply) -> Result<Vec<Genre>> {
    let body: GenresBody = lenient::json(reply, "list genres")?;
    let genre = |row: GenreRow| Some(Genre { id: row.id, name: lenient::clean_some(Some(&row.name), MAX_NAME_CHARS)? });
    Ok(body.genres.into_iter().filter_map(genre).take(MAX_GENRES_OF_KIND).collect())
}

#[derive(Debug, Deserialize)]
struct PictureRow {
    file_path: String,
    #[serde(default, deserialize_with = "lenient::maybe")]
    iso_639_1: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    width: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct PicturesBody {
    #[serde(deserialize_with = "lenient::required_list")]
    posters: Vec<PictureRow>,
    #[serde(deserialize_with = "lenient::required_list")]
    backdrops: Vec<PictureRow>,
    #[serde(default, deserialize_with = "lenient::list")]
    logos: Vec<PictureRow>,
}

/// Reads the pictures of a title: of each kind those in the language asked for first, then those without words, then the others; among
/// equals TMDB's order.
pub(super) fn parse_pictures(endpoint: &Endpoint, reply: &Reply, language: Option<&Language>) -> Result<Vec<Picture>> {
    let body: PicturesBody = lenient::json(reply, "list pictures")?;
    let asked = language.map_or("en", Language::primary);
    let kinds = [
        (PictureKind::Poster, body.posters, POSTER_WIDTHS),
        (PictureKind::Backdrop, body.backdrops, BACKDROP_WIDTHS),
        (PictureKind::Logo, body.logos, LOGO_WIDTHS),
    ];
    let mut pictures = Vec::new();
    for (kind, rows, widths) in kinds {
        let mut found: Vec<Picture> = rows
            .into_iter()
            .take(MAX_PICTURES)
            .filter_map(|row| {
                let sizes = endpoint.sizes(&row, widths);
                let language = row.iso_639_1.as_deref().and_then(language_of);
                (!sizes.is_empty()).then_some(Picture { kind, language, sizes })
            })
            .collect();
        found.sort_by_key(|picture| match &picture.language {
            Some(language) if language.primary() == asked => 0,
            None => 1,
            Some(_) => 2,
        });
        pictures.extend(found);
    }
    Ok(pictures)
}

/// Is this TMDB's answer to every client? What stands in it is not used.
pub(super) fn parse_configuration(reply: &Reply) -> Result<()> {
    let Configuration { images } = lenient::json(reply, "check up")?;
    lenient::part::<Map<String, Value>>(images, "check up").map(drop)
}

#[derive(Debug, Deserialize)]
struct Configuration {
    images: Value,
}

#[derive(Debug, Deserialize)]
struct FoundId {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct FoundEpisode {
    show_id: u64,
}

#[derive(Debug, Deserialize)]
struct FoundBody {
    #[serde(deserialize_with = "lenient::required_list")]
    movie_results: Vec<FoundId>,
    #[serde(deserialize_with = "lenient::required_list")]
    tv_results: Vec<FoundId>,
    #[serde(default, deserialize_with = "lenient::list")]
    tv_episode_results: Vec<FoundEpisode>,
}

/// What an outside id may stand for, the likeliest first. One id can lead to a film *and* an unrelated series: the wanted kind decides the
/// order, the caller checks the outside id of each. An episode's id leads to its series, and only where nothing else fits.
pub(super) fn parse_find(reply: &Reply, wanted: Option<TitleKind>) -> Result<Vec<(TitleKind, u64)>> {
    let found: FoundBody = lenient::json(reply, "find title")?;
    let movies = found.movie_results.first().map(|row| (TitleKind::Movie, row.id));
    let series = found.tv_results.first().map(|row| (TitleKind::Series, row.id));
    let mut candidates: Vec<_> = match wanted {
        Some(TitleKind::Series) => series.into_iter().collect(),
        Some(TitleKind::Movie) => movies.into_iter().collect(),
        None => movies.into_iter().chain(series).collect(),
    };
    if candidates.is_empty() && wanted != Some(TitleKind::Movie) {
        candidates.extend(found.tv_episode_results.first().map(|row| (TitleKind::Series, row.show_id)));
    }
    Ok(candidates)
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ExternalIds {
    #[serde(default, deserialize_with = "lenient::maybe")]
    imdb_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    tvdb_id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Other {
    #[serde(default, deserialize_with = "lenient::maybe")]
    title: Option<String>,
}

/// Films list them as `titles`, series as `results`.
#[derive(Debug, Default, Deserialize)]
struct OtherNames {
    #[serde(default, deserialize_with = "lenient::list")]
    titles: Vec<Other>,
    #[serde(default, deserialize_with = "lenient::list")]
    results: Vec<Other>,
}

/// A season in the list of a series: no episodes yet.
#[derive(Debug, Deserialize)]
struct SeasonRow {
    season_number: u32,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DetailsBody {
    #[serde(flatten)]
    row: Row,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_language: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    runtime: Option<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    episode_run_time: Vec<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    genres: Vec<Named>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    backdrop_path: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    imdb_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    external_ids: Option<ExternalIds>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    alternative_titles: Option<OtherNames>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    translations: Option<Localized>,
    #[serde(default, deserialize_with = "lenient::list")]
    seasons: Vec<SeasonRow>,
}

/// Reads a title; its seasons come without episodes.
pub(super) fn parse_details(
    endpoint: &Endpoint,
    reply: &Reply,
    kind: TitleKind,
    language: Option<&Language>,
) -> Result<Title> {
    let body: DetailsBody = lenient::json(reply, "describe title")?;
    let translations = body.translations.unwrap_or_default();
    let original_language = body.original_language.as_deref().and_then(language_of);
    let (name, overview) = translations.best(
        language,
        original_language.as_ref(),
        body.row.name(),
        lenient::clean_some(body.row.overview.as_deref(), MAX_TEXT_CHARS),
    );
    let original_name = body.row.original_name();
    let name = name
        .or_else(|| original_name.clone())
        .ok_or_else(|| Error::new(ErrorKind::Malformed, "describe title").detail("the title has no name"))?;
    let external = body.external_ids.unwrap_or_default();
    let imdb_id = [body.imdb_id, external.imdb_id].into_iter().flatten().find(|id| is_imdb_id(id));
    let OtherNames { titles, results } = body.alternative_titles.unwrap_or_default();
    let alternative = titles.into_iter().chain(results).filter_map(|other| other.title);
    let mut seasons: BTreeMap<u32, Season> = BTreeMap::new();
    for row in body.seasons {
        let name = lenient::clean_some(row.name.as_deref(), MAX_NAME_CHARS);
        seasons.entry(row.season_number).or_insert(Season { number: row.season_number, name, episodes: Vec::new() });
    }
    Ok(Title {
        other_names: other_names(&name, original_name.as_deref(), translations.names().chain(alternative)),
        summary: TitleSummary {
            media_id: MediaId::of_title(TitleId::Tmdb(kind, body.row.id)),
            kind,
            name,
            year: body.row.year(),
            overview,
            poster_url: endpoint.picture(POSTER_SIZE, body.row.poster_path.as_deref()),
        },
        original_name,
        original_language,
        runtime_min: body.runtime.or(body.episode_run_time.first().copied()).and_then(minutes),
        genres: body
            .genres
            .iter()
            .filter_map(|genre| lenient::clean_some(genre.name.as_deref(), MAX_NAME_CHARS))
            .take(MAX_GENRES)
            .collect(),
        backdrop_url: endpoint.picture(BACKDROP_SIZE, body.backdrop_path.as_deref()),
        imdb_id,
        tmdb_id: Some(body.row.id),
        tvdb_id: external.tvdb_id,
        seasons: if kind == TitleKind::Series { seasons.into_values().collect() } else { Vec::new() },
    })
}

/// Every name but the two that stand elsewhere, each once whatever its case, at most [`MAX_OTHER_NAMES`].
fn other_names(name: &str, original: Option<&str>, names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: HashSet<String> = [Some(name), original].into_iter().flatten().map(str::to_lowercase).collect();
    names
        .filter_map(|other| lenient::clean_some(Some(&other), MAX_NAME_CHARS))
        .filter(|other| seen.insert(other.to_lowercase()))
        .take(MAX_OTHER_NAMES)
        .collect()
}

#[derive(Debug, Deserialize)]
struct EpisodeRow {
    episode_number: u32,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    air_date: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    overview: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    runtime: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct SeasonBody {
    #[serde(default, deserialize_with = "lenient::list")]
    episodes: Vec<EpisodeRow>,
}

/// Puts the episodes of a reply to [`Endpoint::seasons`] into `seasons`; a season that the reply leaves out stays without. What is there
/// already stays: a reply in another language fills gaps.
pub(super) fn fill_seasons(reply: &Reply, seasons: &mut [Season]) -> Result<()> {
    let mut body: Map<String, Value> = lenient::json(reply, "list episodes")?;
    for season in seasons {
        let Some(part) = body.remove(&format!("season/{}", season.number)) else { continue };
        let part: SeasonBody = lenient::part(part, "list episodes")?;
        let mut episodes: BTreeMap<u32, Episode> =
            std::mem::take(&mut season.episodes).into_iter().map(|episode| (episode.number, episode)).collect();
        for row in part.episodes.into_iter().take(MAX_EPISODES) {
            let episode = episodes.entry(row.episode_number).or_insert(Episode {
                number: row.episode_number,
                name: None,
                air_date: None,
                overview: None,
                runtime_min: None,
            });
            let fill = |slot: &mut Option<String>, text: Option<String>, max_chars| {
                *slot = slot.take().or_else(|| lenient::clean_some(text.as_deref(), max_chars));
            };
            fill(&mut episode.name, row.name, MAX_NAME_CHARS);
            fill(&mut episode.overview, row.overview, MAX_TEXT_CHARS);
            episode.air_date = episode.air_date.take().or_else(|| lenient::date(row.air_date.as_deref()));
            episode.runtime_min = episode.runtime_min.or(row.runtime.and_then(minutes));
        }
        season.episodes = episodes.into_values().collect();
    }
    Ok(())
}

/// Is there an episode without a text, which another language may have?
pub(super) fn has_text_gaps(seasons: &[Season]) -> bool {
    seasons.iter().flat_map(|season| &season.episodes).any(|episode| episode.overview.is_none())
}

/// TMDB writes 0 for an unknown length.
fn minutes(minutes: u64) -> Option<u32> {
    u32::try_from(minutes).ok().filter(|minutes| *minutes > 0)
}

/// TMDB writes `xx` for "no language" and `cn` for Cantonese. Source: `/configuration/languages`.
fn language_of(code: &str) -> Option<Language> {
    match code {
        "xx" => None,
        "cn" => Language::parse("yue"),
        code => Language::parse(code),
    }
}

fn is_imdb_id(text: &str) -> bool {
    matches!(text.parse::<MediaId>(), Ok(MediaId { title: TitleId::Imdb(_), episode: None }))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn endpoint(key: &str) -> Endpoint {
        Endpoint {
            base_url: "https://api.example/3/".parse().unwrap(),
            image_base_url: "https://image.example/t/p".parse().unwrap(),
            key: Secret::new(key),
        }
    }

    fn reply(body: &str) -> Reply {
        Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// Goal: only TMDB's own answer passes for one.
    #[test]
    fn a_check_up_knows_the_answer() {
        assert!(parse_configuration(&reply(r#"{"images":{"base_url":"x"},"change_keys":[]}"#)).is_ok());
        for other in ["{}", r#"{"images":"odd"}"#, "[]", r#"{"images":{"#] {
            assert_eq!(parse_configuration(&reply(other)).unwrap_err().kind(), ErrorKind::Malformed, "{other}");
        }
        assert_eq!(parse_configuration(&reply("<html>")).unwrap_err().kind(), ErrorKind::Unavailable);
    }

    /// Goal: a v3 key goes into the query, a token into the header, never both.
    #[test]
    fn the_key_goes_where_its_shape_wants_it() {
        let v3 = endpoint("0123456789abcdef0123456789abcdef").find(&OutsideId::Imdb("0133093".to_owned()));
        assert_eq!(
            v3.url.as_str(),
            "https://api.example/3/find/tt0133093?external_source=imdb_id&api_key=0123456789abcdef0123456789abcdef"
        );
        assert!(v3.bearer.is_none());
        let token = endpoint("eyJ.a.b").find(&OutsideId::Imdb("0133093".to_owned()));
        assert_eq!(token.bearer.unwrap().expose(), "eyJ.a.b");
        assert!(!token.url.as_str().contains("eyJ"));
    }

    /// Goal: what a person typed stays within its parameter.
    #[test]
    fn search_text_is_encoded() {
        let mut search = TitleSearch::new("unused");
        search.kind = Some(TitleKind::Series);
        search.year = Some(2011);
        let url = endpoint("k").search(&search, "a&api_key=b/../c", 2, None).url;
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        assert_eq!(url.path(), "/3/search/tv");
        assert!(pairs.contains(&("query".to_owned(), "a&api_key=b/../c".to_owned())));
        assert!(pairs.contains(&("first_air_date_year".to_owned(), "2011".to_owned())));
        assert!(pairs.contains(&("page".to_owned(), "2".to_owned())));
    }

    /// Goal: rows are taken as they come: persons and unknown types left out, blank and missing dates and pictures allowed.
    #[test]
    fn search_rows_are_read_leniently() {
        let body = r#"{"page":1,"total_pages":9,"total_results":7,"surprise":{},"results":[
            {"id":1,"media_type":"movie","title":"One","release_date":"1999-03-31","poster_path":"/p.jpg","overview":""},
            {"id":2,"media_type":"tv","name":"Two","first_air_date":"","poster_path":null},
            {"id":3,"media_type":"person","name":"Somebody"},
            {"id":4,"media_type":"collection","title":"Many"},
            {"id":5,"media_type":"movie","title":"","original_title":"Fünf","release_date":null},
            {"id":"six","media_type":"movie","title":"Six"},
            {"id":7,"media_type":"movie","title":7}]}"#;
        let page = parse_list(&endpoint("k"), &reply(body), None, None, "test").unwrap();
        let titles: Vec<_> = page.rows.iter().map(|row| &row.summary).collect();
        let names: Vec<_> = titles.iter().map(|title| (title.name.as_str(), title.year)).collect();
        assert_eq!(names, [("One", Some(1999)), ("Two", None), ("Fünf", None)]);
        assert_eq!(titles[0].poster_url.as_deref(), Some("https://image.example/t/p/w342/p.jpg"));
        assert_eq!(titles[1].media_id.to_string(), "tmdb:series:2");
        assert_eq!(page.page_count, 9);
    }

    /// Goal: a path that is not TMDB's plain form makes no picture address.
    #[test]
    fn pictures_stay_on_their_host() {
        let endpoint = endpoint("k");
        for wrong in ["//evil/p.jpg", "/../p.jpg", "/a/b.jpg", "p.jpg", "/", "/p.jpg?x", "javascript:x", "/p\n.jpg"] {
            assert_eq!(endpoint.picture("w342", Some(wrong)), None, "{wrong}");
        }
    }

    /// Goal: an IMDb id that leads to a film and a series is settled by the wanted kind; an episode's id leads to its series.
    #[test]
    fn the_wanted_kind_decides_what_an_id_stands_for() {
        let both = reply(r#"{"movie_results":[{"id":550}],"tv_results":[{"id":9}],"tv_episode_results":[]}"#);
        assert_eq!(parse_find(&both, Some(TitleKind::Series)).unwrap(), [(TitleKind::Series, 9)]);
        assert_eq!(parse_find(&both, None).unwrap(), [(TitleKind::Movie, 550), (TitleKind::Series, 9)]);
        let episode = reply(r#"{"movie_results":[],"tv_results":[],"tv_episode_results":[{"id":1,"show_id":7}]}"#);
        assert_eq!(parse_find(&episode, None).unwrap(), [(TitleKind::Series, 7)]);
        let nothing = reply(r#"{"movie_results":[],"tv_results":[]}"#);
        assert!(parse_find(&nothing, None).unwrap().is_empty());
    }

    /// Goal: where TMDB has no text in the language asked for, English speaks, and all other names are kept once.
    #[test]
    fn texts_fall_back_to_english() {
        let body = r#"{"id":1,"title":"原題","original_title":"原題","original_language":"ja","overview":"","runtime":0,
            "release_date":"2001-07-20","genres":[{"id":1,"name":"Animation"},"odd"],"imdb_id":"",
            "external_ids":{"imdb_id":"tt0245429","tvdb_id":null},
            "alternative_titles":{"titles":[{"title":"Chihiro"},{"title":"CHIHIRO"},{"title":null}]},
            "translations":{"translations":[
                {"iso_639_1":"en","iso_3166_1":"US","data":{"title":"Spirited","overview":"A girl."}},
                {"iso_639_1":"de","iso_3166_1":"DE","data":{"title":"","overview":""}},
                {"iso_639_1":"fr","iso_3166_1":"FR","data":{"title":"Le Voyage","overview":"Une fille."}}]}}"#;
        let german = Language::parse("de").unwrap();
        let title = parse_details(&endpoint("k"), &reply(body), TitleKind::Movie, Some(&german)).unwrap();
        assert_eq!(title.summary.name, "Spirited");
        assert_eq!(title.summary.overview.as_deref(), Some("A girl."));
        assert_eq!(title.original_name.as_deref(), Some("原題"));
        assert_eq!(title.other_names, ["Le Voyage", "Chihiro"]);
        assert_eq!(title.imdb_id.as_deref(), Some("tt0245429"));
        assert_eq!((title.runtime_min, title.genres), (None, vec!["Animation".to_owned()]));
    }

    /// Goal: seasons and episodes come sorted and once, those that a reply leaves out stay without episodes.
    #[test]
    fn seasons_are_filled_from_appended_parts() {
        let details = r#"{"id":7,"name":"Show","seasons":[
            {"season_number":2,"name":""},{"season_number":0,"name":"Specials"},{"season_number":1}]}"#;
        let mut title = parse_details(&endpoint("k"), &reply(details), TitleKind::Series, None).unwrap();
        let numbers: Vec<u32> = title.seasons.iter().map(|season| season.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        let parts = r#"{"id":7,"season/1":{"episodes":[
            {"episode_number":2,"name":"B","air_date":"","runtime":null},
            {"episode_number":1,"name":"A","air_date":"2020-01-01","runtime":50,"episode_type":"novel"},
            {"episode_number":1,"name":"again"}]},"season/2":{"episodes":[]}}"#;
        fill_seasons(&reply(parts), &mut title.seasons).unwrap();
        let first: Vec<_> =
            title.seasons[1].episodes.iter().map(|episode| (episode.number, episode.runtime_min)).collect();
        assert_eq!(first, [(1, Some(50)), (2, None)]);
        assert!(title.seasons[0].episodes.is_empty());
    }

    /// Goal: a reply in another language fills what is missing and changes nothing that is there.
    #[test]
    fn other_languages_fill_gaps_only() {
        let german = Language::parse("de").unwrap();
        let list = |rows: &str, language: Option<&Language>| {
            parse_list(&endpoint("k"), &reply(&format!(r#"{{"results":[{rows}]}}"#)), None, language, "test").unwrap()
        };
        let mut page = list(
            r#"{"id":1,"media_type":"movie","title":"紙の船","original_title":"紙の船","original_language":"ja","overview":""},
               {"id":2,"media_type":"tv","name":"Hafen","original_name":"Harbour","original_language":"en","overview":"Deutsch."},
               {"id":3,"media_type":"tv","name":"Dorf","original_name":"Dorf","original_language":"de","overview":""}"#,
            Some(&german),
        );
        assert!(page.has_gaps());
        page.fill_from(list(
            r#"{"id":3,"media_type":"tv","name":"Village","original_name":"Dorf","original_language":"de","overview":"V."},
               {"id":2,"media_type":"tv","name":"Harbour","original_name":"Harbour","original_language":"en","overview":"English."},
               {"id":1,"media_type":"movie","title":"Paper Boats","original_title":"紙の船","original_language":"ja","overview":"B."}"#,
            None,
        ));
        let told: Vec<_> =
            page.rows.iter().map(|row| (row.summary.name.as_str(), row.summary.overview.as_deref().unwrap())).collect();
        assert_eq!(told, [("Paper Boats", "B."), ("Hafen", "Deutsch."), ("Dorf", "V.")]);
        assert!(!page.has_gaps());

        let mut seasons = [Season { number: 1, name: None, episodes: Vec::new() }];
        let part = |rows: &str| reply(&format!(r#"{{"season/1":{{"episodes":[{rows}]}}}}"#));
        fill_seasons(&part(r#"{"episode_number":1,"name":"Eins","overview":""}"#), &mut seasons).unwrap();
        assert!(has_text_gaps(&seasons));
        fill_seasons(&part(r#"{"episode_number":1,"name":"One","overview":"O.","runtime":9}"#), &mut seasons).unwrap();
        let episode = &seasons[0].episodes[0];
        assert_eq!((episode.name.as_deref(), episode.overview.as_deref()), (Some("Eins"), Some("O.")));
        assert!(!has_text_gaps(&seasons) && episode.runtime_min == Some(9));
    }

    /// Goal: pages end where TMDB's do, whatever it counts.
    #[test]
    fn no_page_beyond_the_last_is_promised() {
        let page =
            parse_list(&endpoint("k"), &reply(r#"{"results":[],"total_pages":38102}"#), None, None, "test").unwrap();
        assert!(page.is_followed(499) && !page.is_followed(500));
        let page = parse_list(&endpoint("k"), &reply(r#"{"results":[]}"#), None, None, "test").unwrap();
        assert!(!page.is_followed(1));
    }

    /// Goal: a list by conditions asks with the names that TMDB knows: what it does not know it ignores without a word.
    #[test]
    fn conditions_have_tmdbs_names() {
        let query = |discover: &Discover, genre| {
            let url = endpoint("k.k").discover(discover, genre, None, "2024-05-06").url;
            (url.path().to_owned(), url.query().unwrap().to_owned())
        };
        let (path, all) = query(&Discover::new(TitleKind::Movie), None);
        assert_eq!(
            (path.as_str(), all.as_str()),
            ("/3/discover/movie", "sort_by=popularity.desc&include_adult=false&page=1")
        );
        let mut discover = Discover { year: Some(2019), page: 3, ..Discover::new(TitleKind::Series) };
        discover.sort = DiscoverSort::Rating;
        assert_eq!(
            query(&discover, Some(18)),
            (
                "/3/discover/tv".to_owned(),
                "sort_by=vote_average.desc&include_adult=false&page=3&with_genres=18&first_air_date.gte=2019-01-01\
                 &first_air_date.lte=2019-12-31&vote_count.gte=200"
                    .to_owned()
            )
        );
        for (year, until) in [(None, "2024-05-06"), (Some(2024), "2024-05-06"), (Some(2019), "2019-12-31")] {
            let newest = Discover { year, sort: DiscoverSort::Newest, ..Discover::new(TitleKind::Movie) };
            let (_, query) = query(&newest, None);
            assert!(query.starts_with("sort_by=primary_release_date.desc"), "{query}");
            assert!(query.ends_with(&format!("primary_release_date.lte={until}")), "{query}");
        }
    }

    /// Goal: pictures come in the order they are wanted in, in sizes that are no wider than themselves.
    #[test]
    fn pictures_come_in_order_and_in_sizes() {
        let body = r#"{"id":1,"backdrops":[{"file_path":"/b.jpg","iso_639_1":null,"width":1280,"height":720}],
            "posters":[{"file_path":"/en.jpg","iso_639_1":"en","width":2000},{"file_path":"/none.jpg","iso_639_1":"xx","width":160},
                {"file_path":"/de.jpg","iso_639_1":"de"},{"file_path":"//evil/x.jpg"},{"iso_639_1":"de"}],
            "logos":[{"file_path":"/l.SVG","iso_639_1":"de","width":500}]}"#;
        let german = Language::parse("de-AT").unwrap();
        let pictures = parse_pictures(&endpoint("k"), &reply(body), Some(&german)).unwrap();
        let told: Vec<_> = pictures
            .iter()
            .map(|picture| {
                (picture.kind, picture.sizes.last().unwrap().url.rsplit('/').next().unwrap(), picture.sizes.len())
            })
            .collect();
        assert_eq!(
            told,
            [
                (PictureKind::Poster, "de.jpg", 7),
                (PictureKind::Poster, "none.jpg", 3),
                (PictureKind::Poster, "en.jpg", 7),
                (PictureKind::Backdrop, "b.jpg", 3),
                (PictureKind::Logo, "l.SVG", 1),
            ]
        );
        assert_eq!(pictures[1].sizes[0].url, "https://image.example/t/p/w92/none.jpg");
        assert_eq!(
            pictures[1].sizes[2],
            PictureSize { width: Some(160), url: "https://image.example/t/p/original/none.jpg".to_owned() }
        );
        let url = endpoint("k.k").pictures(TitleKind::Movie, 7, Some(&german)).url;
        assert_eq!(url.as_str(), "https://api.example/3/movie/7/images?include_image_language=null%2Cen%2Cde");
    }

    /// A good body with one byte changed and its end cut off.
    fn damaged(body: &str, at: usize, byte: u8, cut: usize) -> Reply {
        let mut bytes = body.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: bytes.into() }
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let search =
            r#"{"total_pages":2,"results":[{"id":1,"media_type":"tv","name":"Two","first_air_date":"2001-01-01"}]}"#;
        let find = r#"{"movie_results":[{"id":550}],"tv_results":[{"id":9}],"tv_episode_results":[{"show_id":3}]}"#;
        let details = r#"{"id":7,"name":"Show","runtime":5,"seasons":[{"season_number":1,"name":"x"}],"translations":
            {"translations":[{"iso_639_1":"en","data":{"name":"a"}}]},"external_ids":{"imdb_id":"tt0944947","tvdb_id":5}}"#;
        let seasons = r#"{"id":7,"season/1":{"episodes":[{"episode_number":2,"air_date":"2001-01-01","runtime":5}]}}"#;
        let genres = r#"{"genres":[{"id":28,"name":"Action"}]}"#;
        let pictures =
            r#"{"posters":[{"file_path":"/p.jpg","iso_639_1":"de","width":1000}],"backdrops":[],"logos":[]}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let _ = parse_list(&endpoint("k"), &damaged(search, at, byte, cut), None, None, "test");
            let _ = parse_genres(&damaged(genres, at, byte, cut));
            let _ = parse_pictures(&endpoint("k"), &damaged(pictures, at, byte, cut), None);
            let _ = parse_find(&damaged(find, at, byte, cut), None);
            let _ = parse_details(&endpoint("k"), &damaged(details, at, byte, cut), TitleKind::Series, None);
            let mut season = [Season { number: 1, name: None, episodes: Vec::new() }];
            let _ = fill_seasons(&damaged(seasons, at, byte, cut), &mut season);
        });
    }
}
