//! A stand-in of Cinemeta.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::titles::{self, StandInMovie, StandInSeries};
use super::{Mishap, StandIn, StandInReply, StandInRequest, wire};

/// Where catalogues are redirected to; the real one goes to another host.
const CATALOGUES: &str = "/cinemeta-catalogs/top";

/// Rows of a catalogue page: the real ones hold about so many.
const PAGE_SIZE: usize = 47;

/// Cinemeta, played by us: searches and catalogues behind their redirect, metas by IMDb id, the three ways of knowing nothing.
///
/// Only titles with an IMDb id are known. Pictures are named on the real image host.
#[derive(Debug, Default)]
pub struct CinemetaStandIn {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    movies: Vec<StandInMovie>,
    series: Vec<StandInSeries>,
    mishap: Option<Mishap>,
}

impl CinemetaStandIn {
    /// A stand-in that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

    fn answer(&self, path: &str) -> StandInReply {
        let state = self.state();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["catalog", ..] => {
                let mut reply = wire::reply(StatusCode::TEMPORARY_REDIRECT, "text/plain", Bytes::new());
                if let Ok(location) = HeaderValue::try_from(format!("{CATALOGUES}{path}")) {
                    reply.headers_mut().insert(header::LOCATION, location);
                }
                reply
            }
            ["cinemeta-catalogs", "top", "catalog", kind, rest @ ..] => {
                let (id, extras) = match rest {
                    [id] => (id.strip_suffix(".json").unwrap_or_default(), ""),
                    [id, extras] => (*id, extras.strip_suffix(".json").unwrap_or_default()),
                    _ => ("", ""),
                };
                let extras: Vec<(&str, String)> = extras
                    .split('&')
                    .filter_map(|extra| extra.split_once('='))
                    .map(|(name, value)| (name, wire::decode_path(value)))
                    .collect();
                let extra = |name: &str| extras.iter().find(|one| one.0 == name).map(|one| one.1.as_str());
                let metas = match extra("search") {
                    Some(typed) if id == "top" => state.search(kind, typed),
                    _ => state.list(kind, id, extra("genre"), extra("skip")),
                };
                wire::json(StatusCode::OK, &json!({"metas": metas}))
            }
            ["meta", kind, id] => {
                let meta = id.strip_suffix(".json").and_then(|id| state.meta(kind, id));
                wire::json(StatusCode::OK, &json!({"meta": meta.unwrap_or_else(|| json!({}))}))
            }
            ["manifest.json"] => wire::json(
                StatusCode::OK,
                &json!({"id": "com.linvo.cinemeta", "version": "3.0.13", "name": "Cinemeta", "types": ["movie", "series"]}),
            ),
            _ => wire::reply(StatusCode::NOT_FOUND, "text/plain", "Not Found"),
        }
    }
}

impl StandIn for CinemetaStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let right = self.answer(request.uri().path());
        match self.state().mishap {
            // A redirect is answered rightly by another host: things go wrong where it leads to.
            Some(Mishap::Truncated | Mishap::WrongTypes) if right.status().is_redirection() => right,
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl State {
    fn search(&self, kind: &str, typed: &str) -> Vec<Value> {
        let rows: Vec<Value> = match kind {
            "movie" => self
                .movies
                .iter()
                .filter(|movie| titles::is_match(typed, [movie.title.as_str()]))
                .filter_map(|movie| row(movie.imdb_id.as_deref(), kind, &movie.title, &year(&movie.release_date)))
                .collect(),
            "series" => self
                .series
                .iter()
                .filter(|series| titles::is_match(typed, [series.name.as_str()]))
                .filter_map(|series| row(series.imdb_id.as_deref(), kind, &series.name, &span(series)))
                .collect(),
            _ => Vec::new(),
        };
        rows.into_iter().take(PAGE_SIZE).collect()
    }

    /// A catalogue without a search: what is known in its order, of a genre, or of the year that is given as one.
    fn list(&self, kind: &str, id: &str, genre: Option<&str>, skip: Option<&str>) -> Vec<Value> {
        if !matches!(id, "top" | "imdbRating" | "year") || (id != "top" && genre.is_none()) {
            return Vec::new();
        }
        let is_in = |genres: &[String], date: &str| match (id, genre) {
            ("year", Some(asked)) => year(date) == asked,
            (_, Some(asked)) => genres.iter().any(|genre| genre == asked),
            (_, None) => true,
        };
        let movie_row = |movie: &StandInMovie| {
            let is_in = is_in(&movie.genres, &movie.release_date);
            is_in.then(|| row(movie.imdb_id.as_deref(), kind, &movie.title, &year(&movie.release_date)))?
        };
        let series_row = |series: &StandInSeries| {
            let is_in = is_in(&series.genres, &series.first_air_date);
            is_in.then(|| row(series.imdb_id.as_deref(), kind, &series.name, &span(series)))?
        };
        let rows: Vec<Value> = match kind {
            "movie" => self.movies.iter().filter_map(movie_row).collect(),
            "series" => self.series.iter().filter_map(series_row).collect(),
            _ => Vec::new(),
        };
        let skip = skip.and_then(|skip| skip.parse().ok()).unwrap_or(0);
        rows.into_iter().skip(skip).take(PAGE_SIZE).collect()
    }

    fn meta(&self, kind: &str, id: &str) -> Option<Value> {
        let is_asked = |imdb_id: &Option<String>| imdb_id.as_deref() == Some(id);
        match kind {
            "movie" => {
                let movie = self.movies.iter().find(|movie| is_asked(&movie.imdb_id))?;
                let mut meta = row(movie.imdb_id.as_deref(), kind, &movie.title, &year(&movie.release_date))?;
                meta["description"] = movie.overview.clone().into();
                meta["year"] = year(&movie.release_date).into();
                meta["released"] = format!("{}T00:00:00.000Z", movie.release_date).into();
                meta["runtime"] = format!("{} min", movie.runtime_min).into();
                meta["genres"] = movie.genres.clone().into();
                meta["moviedb_id"] = movie.tmdb_id.into();
                meta["videos"] = json!([]);
                meta["behaviorHints"] = json!({"defaultVideoId": id, "hasScheduledVideos": false});
                Some(meta)
            }
            "series" => {
                let series = self.series.iter().find(|series| is_asked(&series.imdb_id))?;
                let mut meta = row(series.imdb_id.as_deref(), kind, &series.name, &span(series))?;
                meta["description"] = series.overview.clone().into();
                meta["year"] = span(series).into();
                meta["genres"] = series.genres.clone().into();
                meta["moviedb_id"] = series.tmdb_id.into();
                // Written as a text here and as a number elsewhere: both are seen.
                meta["tvdb_id"] = series.tvdb_id.map(|id| id.to_string()).into();
                meta["videos"] = videos(id, series).into();
                meta["behaviorHints"] = json!({"defaultVideoId": null, "hasScheduledVideos": false});
                Some(meta)
            }
            _ => None,
        }
    }
}

fn row(imdb_id: Option<&str>, kind: &str, name: &str, release_info: &str) -> Option<Value> {
    let id = imdb_id?;
    Some(json!({
        "id": id, "imdb_id": id, "type": kind, "name": name, "releaseInfo": release_info,
        "poster": format!("https://images.metahub.space/poster/small/{id}/img"),
        "background": format!("https://images.metahub.space/background/medium/{id}/img"),
    }))
}

fn year(date: &str) -> String {
    date.get(..4).unwrap_or_default().to_owned()
}

/// `2011–2019`, with an en dash.
fn span(series: &StandInSeries) -> String {
    let last = series.seasons.iter().flat_map(|season| &season.episodes).map(|episode| year(&episode.air_date)).max();
    format!("{}–{}", year(&series.first_air_date), last.unwrap_or_default())
}

/// Episodes, the last one first: the real order is any.
fn videos(id: &str, series: &StandInSeries) -> Vec<Value> {
    let mut videos = Vec::new();
    for season in &series.seasons {
        for (episode, number) in season.episodes.iter().zip(1u32..) {
            let aired = format!("{}T01:00:00.000Z", episode.air_date);
            videos.push(json!({
                "id": format!("{id}:{}:{number}", season.number), "name": episode.name, "season": season.number, "episode": number,
                "number": number, "firstAired": aired, "released": aired, "overview": episode.overview,
                "description": episode.overview, "rating": "0",
            }));
        }
    }
    videos.reverse();
    videos
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(cinemeta: &CinemetaStandIn, uri: &str) -> StandInReply {
        cinemeta.reply(&http::Request::get(uri).body(Bytes::new()).unwrap())
    }

    /// Goal: a catalogue redirects, and the search stands where it leads to.
    #[test]
    fn catalogues_redirect() {
        let movie = StandInMovie {
            imdb_id: Some("tt0000007".to_owned()),
            title: "Paper Boats".to_owned(),
            ..Default::default()
        };
        let cinemeta = CinemetaStandIn::new().with_movie(movie);
        let reply = ask(&cinemeta, "/catalog/movie/top/search=paper%20boats.json");
        assert_eq!(reply.status(), StatusCode::TEMPORARY_REDIRECT);
        let reply = ask(&cinemeta, reply.headers()[header::LOCATION].to_str().unwrap());
        let body: Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(body["metas"][0]["id"], "tt0000007");
    }

    /// Goal: an unknown id, and an id of the other kind, give an empty meta.
    #[test]
    fn unknown_titles_are_empty() {
        let movie = StandInMovie { imdb_id: Some("tt0000007".to_owned()), ..Default::default() };
        let cinemeta = CinemetaStandIn::new().with_movie(movie);
        for uri in ["/meta/series/tt0000007.json", "/meta/movie/tt0000008.json"] {
            assert_eq!(ask(&cinemeta, uri).body().as_ref(), br#"{"meta":{}}"#);
        }
    }
}
