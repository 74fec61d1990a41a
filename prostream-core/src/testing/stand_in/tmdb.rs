//! A stand-in of TMDB: the API under `/3/`, pictures under `/t/p/`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::titles::{self, StandInMovie, StandInSeries, StandInTranslation};
use super::{Mishap, StandIn, StandInReply, StandInRequest, wire};

/// Rows of a page.
const PAGE_SIZE: usize = 20;

/// Most pages that may be asked for, whatever `total_pages` says.
const MAX_PAGE: usize = 500;

/// Most parts of `append_to_response`.
const MAX_APPENDED: usize = 20;

/// TMDB, played by us: searches, lists of what is watched and of what fits conditions, details with appended parts, find, pictures; both forms of
/// the key; its error bodies and limits.
///
/// `language` chooses among the translations of a title. Nothing else of the API is there: the rest is 404 code 34, as a resource that does not
/// exist.
///
/// ```
/// use prostream_core::testing::stand_in::{StandInMovie, TmdbStandIn};
/// let film = StandInMovie { tmdb_id: 1, title: "Paper Boats".to_owned(), ..Default::default() };
/// let tmdb = TmdbStandIn::new("0123456789abcdef0123456789abcdef").with_movie(film);
/// ```
#[derive(Debug)]
pub struct TmdbStandIn {
    key: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    movies: Vec<StandInMovie>,
    series: Vec<StandInSeries>,
    images: HashMap<String, (String, Bytes)>,
    mishap: Option<Mishap>,
}

/// TMDB's own number, the HTTP status it comes with, and its words.
type Complaint = (u16, StatusCode, &'static str);

const NO_KEY: Complaint = (7, StatusCode::UNAUTHORIZED, "Invalid API key: You must be granted a valid key.");
const NOT_FOUND: Complaint = (34, StatusCode::NOT_FOUND, "The resource you requested could not be found.");
const BAD_PAGE: Complaint =
    (22, StatusCode::BAD_REQUEST, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer.");
const TOO_MANY_APPENDED: Complaint =
    (27, StatusCode::BAD_REQUEST, "Too many append to response objects: The maximum number of remote calls is 20.");
const BAD_SOURCE: Complaint =
    (5, StatusCode::UNPROCESSABLE_ENTITY, "Invalid parameters: Your request parameters are incorrect.");
const NO_METHOD: Complaint =
    (42, StatusCode::METHOD_NOT_ALLOWED, "This request method is not supported for this resource.");

impl TmdbStandIn {
    /// A stand-in that takes this key: as bearer when it has dots, in the query otherwise.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), state: Mutex::default() }
    }

    /// Knows a film.
    #[must_use]
    pub fn with_movie(self, movie: StandInMovie) -> Self {
        self.given_movie(movie);
        self
    }

    /// Knows a series.
    #[must_use]
    pub fn with_series(self, series: StandInSeries) -> Self {
        self.given_series(series);
        self
    }

    /// Serves a picture in all sizes. `path` is what titles name: `/poster.jpg`.
    #[must_use]
    pub fn with_image(self, path: impl Into<String>, content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.state().images.insert(path.into(), (content_type.into(), bytes.into()));
        self
    }

    /// From now on it knows a film.
    pub fn given_movie(&self, movie: StandInMovie) {
        self.state().movies.push(movie);
    }

    /// From now on it knows a series.
    pub fn given_series(&self, series: StandInSeries) {
        self.state().series.push(series);
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        self.state().mishap = mishap;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token is no v3 key and a v3 key is no token.
    fn knows_key(&self, request: &StandInRequest, query: &[(String, String)]) -> bool {
        if self.key.contains('.') {
            wire::bearer(request) == Some(self.key.as_str())
        } else {
            wire::value(query, "api_key") == Some(self.key.as_str())
        }
    }

    fn answer(&self, request: &StandInRequest, path: &str) -> Result<Value, Complaint> {
        let query = wire::query(request);
        if !self.knows_key(request, &query) {
            return Err(NO_KEY);
        }
        if request.method() != Method::GET {
            return Err(NO_METHOD);
        }
        let state = self.state();
        let question = Question { query: &query };
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["search", what @ ("multi" | "movie" | "tv")] => state.search(what, &question),
            ["find", id] => state.find(id, &question),
            ["trending", what @ ("all" | "movie" | "tv" | "person"), "day" | "week"] => state.trending(what, &question),
            ["discover", what @ ("movie" | "tv")] => state.discover(what, &question),
            ["genre", "movie" | "tv", "list"] => Ok(genre_list()),
            ["movie", id, "images"] => {
                let movie = state.movie(id).ok_or(NOT_FOUND)?;
                Ok(pictures(movie.tmdb_id, movie.poster_path.as_deref(), movie.backdrop_path.as_deref(), &question))
            }
            ["tv", id, "images"] => {
                let series = state.series(id).ok_or(NOT_FOUND)?;
                Ok(pictures(series.tmdb_id, series.poster_path.as_deref(), series.backdrop_path.as_deref(), &question))
            }
            ["movie", id] => {
                let movie = state.movie(id).ok_or(NOT_FOUND)?;
                question.append(movie_details(movie, &question), |part| movie_part(movie, part))
            }
            ["movie", id, part @ ..] => {
                state.movie(id).and_then(|movie| movie_part(movie, &part.join("/"))).ok_or(NOT_FOUND)
            }
            ["tv", id] => {
                let series = state.series(id).ok_or(NOT_FOUND)?;
                question.append(series_details(series, &question), |part| series_part(series, part, &question))
            }
            ["tv", id, part @ ..] => {
                state.series(id).and_then(|series| series_part(series, &part.join("/"), &question)).ok_or(NOT_FOUND)
            }
            ["configuration"] => Ok(configuration()),
            _ => Err(NOT_FOUND),
        }
    }
}

impl StandIn for TmdbStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let path = request.uri().path();
        if let Some(image) = path.strip_prefix("/t/p/").and_then(|rest| rest.split_once('/')) {
            let state = self.state();
            return match state.images.get(&format!("/{}", image.1)) {
                Some((content_type, bytes)) => {
                    let mut reply = wire::reply(StatusCode::OK, "application/octet-stream", bytes.clone());
                    if let Ok(content_type) = content_type.parse() {
                        reply.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
                    }
                    reply
                }
                None => wire::reply(StatusCode::NOT_FOUND, "text/html", Bytes::from_static(b"<h1>File not Found</h1>")),
            };
        }
        let answer = match path.strip_prefix("/3/") {
            Some(path) => self.answer(request, path),
            None => Err(NOT_FOUND),
        };
        let right = match answer {
            Ok(body) => wire::json(StatusCode::OK, &body),
            Err((code, status, words)) => {
                wire::json(status, &json!({"success": false, "status_code": code, "status_message": words}))
            }
        };
        match self.state().mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

struct Question<'a> {
    query: &'a [(String, String)],
}

impl Question<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        wire::value(self.query, name)
    }

    fn translation<'t>(&self, translations: &'t [StandInTranslation]) -> Option<&'t StandInTranslation> {
        let language = self.value("language")?;
        let (primary, country) = language.split_once('-').map_or((language, None), |(a, b)| (a, Some(b)));
        translations.iter().find(|one| one.language == primary && country.is_none_or(|country| one.country == country))
    }

    fn is_english(&self) -> bool {
        self.value("language").is_none_or(|language| language.starts_with("en"))
    }

    /// Name and overview in the language asked for. A name that is not translated is the original one, an overview is empty: TMDB falls
    /// back for the one and not for the other.
    fn texts(
        &self,
        english: &str,
        original: &str,
        overview: &str,
        translations: &[StandInTranslation],
    ) -> (String, String) {
        if self.is_english() {
            return (english.to_owned(), overview.to_owned());
        }
        let translation = self.translation(translations);
        let title = translation.map(|one| one.title.as_str()).filter(|title| !title.is_empty()).unwrap_or(original);
        (title.to_owned(), translation.map(|one| one.overview.clone()).unwrap_or_default())
    }

    /// A page of a list, 20 rows each; what is counted may be more than can be asked for.
    fn page_of(&self, rows: Vec<Value>) -> Result<Value, Complaint> {
        let page = match self.value("page") {
            None => 1,
            Some(text) => text.parse().ok().filter(|page| (1..=MAX_PAGE).contains(page)).ok_or(BAD_PAGE)?,
        };
        let total = rows.len();
        let rows: Vec<Value> = rows.into_iter().skip((page - 1) * PAGE_SIZE).take(PAGE_SIZE).collect();
        Ok(
            json!({"page": page, "results": rows, "total_pages": total.div_ceil(PAGE_SIZE).max(1), "total_results": total}),
        )
    }

    /// Adds the parts of `append_to_response`; names that do not exist are left out without a word.
    fn append(&self, mut body: Map<String, Value>, part: impl Fn(&str) -> Option<Value>) -> Result<Value, Complaint> {
        let names: Vec<&str> =
            self.value("append_to_response").unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect();
        if names.len() > MAX_APPENDED {
            return Err(TOO_MANY_APPENDED);
        }
        for name in names {
            if let Some(mut value) = part(name) {
                // An appended part does not repeat the id of its title; a season has one of its own.
                if let (Some(fields), false) = (value.as_object_mut(), name.starts_with("season/")) {
                    fields.remove("id");
                }
                body.insert(name.to_owned(), value);
            }
        }
        Ok(Value::Object(body))
    }
}

impl State {
    fn movie(&self, id: &str) -> Option<&StandInMovie> {
        let id: u64 = id.parse().ok()?;
        self.movies.iter().find(|movie| movie.tmdb_id == id)
    }

    fn series(&self, id: &str) -> Option<&StandInSeries> {
        let id: u64 = id.parse().ok()?;
        self.series.iter().find(|series| series.tmdb_id == id)
    }

    fn search(&self, what: &str, question: &Question<'_>) -> Result<Value, Complaint> {
        let typed = question.value("query").unwrap_or_default();
        let has_year = |date: &str, names: &[&str]| {
            names.iter().filter_map(|name| question.value(name)).all(|year| date.starts_with(year))
        };
        let mut rows = Vec::new();
        if what != "tv" {
            let is_wanted = |movie: &&StandInMovie| {
                let names = movie.other_titles.iter().chain(&movie.original_title).chain([&movie.title]);
                titles::is_match(typed, names.map(String::as_str))
                    && (what == "multi" || has_year(&movie.release_date, &["year", "primary_release_year"]))
            };
            rows.extend(self.movies.iter().filter(is_wanted).map(|movie| movie_row(movie, what == "multi", question)));
        }
        if what != "movie" {
            let is_wanted = |series: &&StandInSeries| {
                let names = series.other_names.iter().chain(&series.original_name).chain([&series.name]);
                titles::is_match(typed, names.map(String::as_str))
                    && (what == "multi" || has_year(&series.first_air_date, &["year", "first_air_date_year"]))
            };
            let series = self.series.iter().filter(is_wanted);
            rows.extend(series.map(|series| series_row(series, what == "multi", question)));
        }
        if what == "multi" && !rows.is_empty() {
            // A person of that name: a mixed search has them, and who asks for titles leaves them out.
            rows.push(person_row(typed));
        }
        question.page_of(rows)
    }

    /// All that is known, in its order, each with its type; a list of all has people as well.
    fn trending(&self, what: &str, question: &Question<'_>) -> Result<Value, Complaint> {
        let mut rows = Vec::new();
        if matches!(what, "all" | "person") {
            rows.push(person_row("Somebody"));
        }
        if matches!(what, "all" | "movie") {
            rows.extend(self.movies.iter().map(|movie| movie_row(movie, true, question)));
        }
        if matches!(what, "all" | "tv") {
            rows.extend(self.series.iter().map(|series| series_row(series, true, question)));
        }
        question.page_of(rows)
    }

    /// What fits the conditions that are known, in the order it is known in, or by date; others are ignored without a word.
    fn discover(&self, what: &str, question: &Question<'_>) -> Result<Value, Complaint> {
        let genre = question.value("with_genres").and_then(|id| id.parse::<u64>().ok());
        let is_wanted = |genres: &[String], date: &str, name: &str| {
            let is_after = question.value(&format!("{name}.gte")).is_none_or(|from| date >= from);
            let is_before =
                question.value(&format!("{name}.lte")).is_none_or(|until| !date.is_empty() && date <= until);
            is_after && is_before && genre.is_none_or(|genre| genres.iter().any(|name| genre_id(name) == genre))
        };
        let mut rows: Vec<(&str, Value)> = match what {
            "movie" => {
                let movies = self.movies.iter();
                let wanted = movies.filter(|one| is_wanted(&one.genres, &one.release_date, "primary_release_date"));
                wanted.map(|movie| (movie.release_date.as_str(), movie_row(movie, false, question))).collect()
            }
            _ => {
                let series = self.series.iter();
                let wanted = series.filter(|one| is_wanted(&one.genres, &one.first_air_date, "first_air_date"));
                wanted.map(|series| (series.first_air_date.as_str(), series_row(series, false, question))).collect()
            }
        };
        if question.value("sort_by").is_some_and(|sort| sort.ends_with("date.desc")) {
            rows.sort_by(|one, other| other.0.cmp(one.0));
        }
        question.page_of(rows.into_iter().map(|(_, row)| row).collect())
    }

    fn find(&self, id: &str, question: &Question<'_>) -> Result<Value, Complaint> {
        let source = question.value("external_source").ok_or(BAD_SOURCE)?;
        let is_asked = |imdb_id: &Option<String>, tvdb_id: Option<u64>| match source {
            "imdb_id" => imdb_id.as_deref() == Some(id),
            "tvdb_id" => tvdb_id.is_some_and(|tvdb_id| tvdb_id.to_string() == id),
            _ => false,
        };
        let movies = self.movies.iter().filter(|movie| is_asked(&movie.imdb_id, None));
        let series = self.series.iter().filter(|series| is_asked(&series.imdb_id, series.tvdb_id));
        Ok(json!({
            "movie_results": movies.map(|movie| movie_row(movie, true, question)).collect::<Vec<_>>(),
            "person_results": [],
            "tv_results": series.map(|series| series_row(series, true, question)).collect::<Vec<_>>(),
            "tv_episode_results": [],
            "tv_season_results": [],
        }))
    }
}

fn language_of(language: &str) -> &str {
    if language.is_empty() { "en" } else { language }
}

fn movie_row(movie: &StandInMovie, has_type: bool, question: &Question<'_>) -> Value {
    let original = movie.original_title.as_ref().unwrap_or(&movie.title);
    let (title, overview) = question.texts(&movie.title, original, &movie.overview, &movie.translations);
    let mut row = json!({
        "adult": false, "backdrop_path": movie.backdrop_path, "genre_ids": genre_ids(&movie.genres), "id": movie.tmdb_id,
        "original_language": language_of(&movie.original_language), "original_title": original, "overview": overview,
        "popularity": 1.5, "poster_path": movie.poster_path, "release_date": movie.release_date, "title": title,
        "video": false, "vote_average": 0.0, "vote_count": 0,
    });
    if has_type {
        row["media_type"] = "movie".into();
    }
    row
}

fn series_row(series: &StandInSeries, has_type: bool, question: &Question<'_>) -> Value {
    let original = series.original_name.as_ref().unwrap_or(&series.name);
    let (name, overview) = question.texts(&series.name, original, &series.overview, &series.translations);
    let mut row = json!({
        "adult": false, "backdrop_path": series.backdrop_path, "genre_ids": genre_ids(&series.genres), "id": series.tmdb_id,
        "origin_country": [], "original_language": language_of(&series.original_language), "original_name": original,
        "overview": overview, "popularity": 1.5, "poster_path": series.poster_path, "first_air_date": series.first_air_date,
        "name": name,
        "vote_average": 0.0, "vote_count": 0,
    });
    if has_type {
        row["media_type"] = "tv".into();
    }
    row
}

fn person_row(name: &str) -> Value {
    json!({"id": 1, "media_type": "person", "name": name, "profile_path": null, "known_for": []})
}

/// TMDB's genres and their numbers, as many as the tests speak of.
const GENRES: &[(u64, &str)] = &[(28, "Action"), (16, "Animation"), (35, "Comedy"), (18, "Drama"), (10_751, "Family")];

/// 0 for a genre that it does not have.
fn genre_id(name: &str) -> u64 {
    GENRES.iter().find(|genre| genre.1 == name).map_or(0, |genre| genre.0)
}

fn genre_ids(names: &[String]) -> Vec<u64> {
    names.iter().map(|name| genre_id(name)).collect()
}

fn genres(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| json!({"id": genre_id(name), "name": name})).collect()
}

fn genre_list() -> Value {
    let genres: Vec<Value> = GENRES.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
    json!({ "genres": genres })
}

/// The pictures of a title: those without words always, those with English ones where English is asked for.
fn pictures(id: u64, poster: Option<&str>, backdrop: Option<&str>, question: &Question<'_>) -> Value {
    let asked = question.value("include_image_language").unwrap_or_default();
    let picture = |path: &str, language: Option<&str>, width: u32, height: u32| {
        json!({"aspect_ratio": f64::from(width) / f64::from(height), "file_path": path, "height": height, "iso_639_1": language,
               "vote_average": 0.0, "vote_count": 0, "width": width})
    };
    let has = |language: &str| asked.split(',').any(|one| one == language);
    let poster = poster.filter(|_| has("en")).map(|path| picture(path, Some("en"), 1_000, 1_500));
    let backdrop = backdrop.filter(|_| has("null")).map(|path| picture(path, None, 1_920, 1_080));
    json!({"id": id, "backdrops": Vec::from_iter(backdrop), "logos": [], "posters": Vec::from_iter(poster)})
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn movie_details(movie: &StandInMovie, question: &Question<'_>) -> Map<String, Value> {
    let original = movie.original_title.as_ref().unwrap_or(&movie.title);
    let (title, overview) = question.texts(&movie.title, original, &movie.overview, &movie.translations);
    fields(json!({
        "adult": false, "backdrop_path": movie.backdrop_path, "belongs_to_collection": null, "budget": 0,
        "genres": genres(&movie.genres), "homepage": "", "id": movie.tmdb_id, "imdb_id": movie.imdb_id, "origin_country": [],
        "original_language": language_of(&movie.original_language), "original_title": original, "overview": overview,
        "popularity": 1.5, "poster_path": movie.poster_path, "production_companies": [], "production_countries": [],
        "release_date": movie.release_date, "revenue": 0, "runtime": movie.runtime_min, "spoken_languages": [],
        "status": "Released", "tagline": "", "title": title, "video": false, "vote_average": 0.0, "vote_count": 0,
    }))
}

fn series_details(series: &StandInSeries, question: &Question<'_>) -> Map<String, Value> {
    let original = series.original_name.as_ref().unwrap_or(&series.name);
    let (name, overview) = question.texts(&series.name, original, &series.overview, &series.translations);
    let season = |season: &titles::StandInSeason| {
        json!({
            "air_date": season.episodes.first().map(|episode| &episode.air_date), "episode_count": season.episodes.len(),
            "id": u64::from(season.number) + 1, "name": season.display_name(), "overview": "", "poster_path": null,
            "season_number": season.number, "vote_average": 0.0,
        })
    };
    fields(json!({
        "adult": false, "backdrop_path": series.backdrop_path, "created_by": [], "episode_run_time": [],
        "first_air_date": series.first_air_date, "genres": genres(&series.genres), "homepage": "", "id": series.tmdb_id,
        "in_production": false, "languages": [], "last_air_date": null, "last_episode_to_air": null, "name": name,
        "networks": [], "next_episode_to_air": null,
        "number_of_episodes": series.seasons.iter().filter(|one| one.number > 0).map(|one| one.episodes.len()).sum::<usize>(),
        "number_of_seasons": series.seasons.iter().filter(|one| one.number > 0).count(), "origin_country": [],
        "original_language": language_of(&series.original_language), "original_name": original, "overview": overview,
        "popularity": 1.5, "poster_path": series.poster_path, "production_companies": [], "production_countries": [],
        "seasons": series.seasons.iter().map(season).collect::<Vec<_>>(), "spoken_languages": [], "status": "Ended",
        "tagline": "", "type": "Scripted", "vote_average": 0.0, "vote_count": 0,
    }))
}

fn movie_part(movie: &StandInMovie, name: &str) -> Option<Value> {
    let id = movie.tmdb_id;
    Some(match name {
        "external_ids" => {
            json!({"id": id, "imdb_id": movie.imdb_id, "wikidata_id": null, "facebook_id": "", "twitter_id": null})
        }
        "alternative_titles" => {
            let titles: Vec<Value> = movie
                .other_titles
                .iter()
                .map(|title| json!({"iso_3166_1": "US", "title": title, "type": ""}))
                .collect();
            json!({"id": id, "titles": titles})
        }
        "translations" => {
            json!({"id": id, "translations": translations("title", &movie.title, &movie.overview, &movie.translations)})
        }
        _ => return None,
    })
}

/// Episodes have English texts only: in another language TMDB leaves the overview empty.
fn series_part(series: &StandInSeries, name: &str, question: &Question<'_>) -> Option<Value> {
    let id = series.tmdb_id;
    Some(match name {
        "external_ids" => {
            json!({"id": id, "imdb_id": series.imdb_id, "tvdb_id": series.tvdb_id, "tvrage_id": null, "wikidata_id": ""})
        }
        "alternative_titles" => {
            let titles: Vec<Value> = series
                .other_names
                .iter()
                .map(|title| json!({"iso_3166_1": "US", "title": title, "type": ""}))
                .collect();
            json!({"id": id, "results": titles})
        }
        "translations" => {
            json!({"id": id, "translations": translations("name", &series.name, &series.overview, &series.translations)})
        }
        name => {
            let number: u32 = name.strip_prefix("season/")?.parse().ok()?;
            let season = series.seasons.iter().find(|season| season.number == number)?;
            let episode = |(episode, number): (&titles::StandInEpisode, u32)| {
                json!({
                    "air_date": episode.air_date, "crew": [], "episode_number": number, "episode_type": "standard",
                    "guest_stars": [], "id": u64::from(season.number) * 1_000 + u64::from(number), "name": episode.name,
                    "overview": if question.is_english() { episode.overview.as_str() } else { "" }, "production_code": "", "runtime": Some(episode.runtime_min).filter(|min| *min > 0),
                    "season_number": season.number, "show_id": id, "still_path": null, "vote_average": 0.0, "vote_count": 0,
                })
            };
            json!({
                "_id": "5256c89f19c2956ff6046d47", "air_date": season.episodes.first().map(|episode| &episode.air_date),
                "episodes": season.episodes.iter().zip(1..).map(episode).collect::<Vec<_>>(), "id": u64::from(number) + 1,
                "name": season.display_name(), "overview": "", "poster_path": null, "season_number": number,
            })
        }
    })
}

/// English and the others; a name that equals the original one is blank.
fn translations(name_key: &str, english: &str, overview: &str, others: &[StandInTranslation]) -> Vec<Value> {
    let row = |language: &str, country: &str, title: &str, overview: &str| {
        json!({
            "iso_3166_1": country, "iso_639_1": language, "name": language, "english_name": language,
            "data": {name_key: title, "overview": overview, "homepage": "", "tagline": ""},
        })
    };
    let mut rows = vec![row("en", "US", english, overview)];
    rows.extend(others.iter().map(|one| row(&one.language, &one.country, &one.title, &one.overview)));
    rows
}

fn configuration() -> Value {
    json!({
        "change_keys": ["images", "title"],
        "images": {
            "base_url": "http://image.tmdb.org/t/p/", "secure_base_url": "https://image.tmdb.org/t/p/",
            "backdrop_sizes": ["w300", "w780", "w1280", "original"],
            "logo_sizes": ["w45", "w92", "w154", "w185", "w300", "w500", "original"],
            "poster_sizes": ["w92", "w154", "w185", "w342", "w500", "w780", "original"],
            "profile_sizes": ["w45", "w185", "h632", "original"], "still_sizes": ["w92", "w185", "w300", "original"],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn ask(tmdb: &TmdbStandIn, uri: &str) -> (u16, Value) {
        let reply = tmdb.reply(&http::Request::get(uri).body(Bytes::new()).unwrap());
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap())
    }

    /// Goal: a wrong key is 401 code 7, an unknown title 404 code 34, a bad page 400 code 22, too many parts 400 code 27.
    #[test]
    fn complaints_are_tmdbs_own() {
        let tmdb = TmdbStandIn::new(KEY).with_movie(StandInMovie { tmdb_id: 7, ..Default::default() });
        let parts = vec!["credits"; 21].join(",");
        for (uri, status, code) in [
            ("/3/movie/7?api_key=no".to_owned(), 401, 7),
            (format!("/3/movie/8?api_key={KEY}"), 404, 34),
            (format!("/3/nothing?api_key={KEY}"), 404, 34),
            (format!("/3/search/movie?query=a&page=501&api_key={KEY}"), 400, 22),
            (format!("/3/movie/7?append_to_response={parts}&api_key={KEY}"), 400, 27),
        ] {
            let (answered, body) = ask(&tmdb, &uri);
            assert_eq!((answered, &body["status_code"]), (status, &json!(code)), "{uri}");
        }
    }

    /// Goal: appended parts stand under their names, unknown ones are left out.
    #[test]
    fn parts_are_appended_under_their_names() {
        let season = titles::StandInSeason { number: 1, episodes: vec![Default::default()], ..Default::default() };
        let series = StandInSeries { tmdb_id: 9, tvdb_id: Some(3), seasons: vec![season], ..Default::default() };
        let tmdb = TmdbStandIn::new(KEY).with_series(series);
        let (_, body) =
            ask(&tmdb, &format!("/3/tv/9?append_to_response=external_ids,season/1,season/2,x&api_key={KEY}"));
        assert_eq!(body["external_ids"]["tvdb_id"], 3);
        assert_eq!(body["season/1"]["episodes"][0]["episode_number"], 1);
        assert!(body.get("season/2").is_none() && body.get("x").is_none());
    }
}
