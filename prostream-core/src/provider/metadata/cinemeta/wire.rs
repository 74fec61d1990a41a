//! Cinemeta's wire format: requests out, replies in; pure. It has no documentation and makes no promise: everything but id, type and name
//! may be missing or of another type. Source: observed replies of `v3-cinemeta.strem.io`.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::model::{Episode, MediaId, Season, Title, TitleId, TitleKind, TitleSummary};
use crate::net::{Reply, Request};
use crate::provider::lenient::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};
use crate::provider::metadata::{MAX_EPISODES, TitlePage};
use crate::{Error, ErrorKind, Result};

/// Most genres that are kept.
const MAX_GENRES: usize = 32;

/// Largest body of a title, in bytes: a daily show has thousands of episodes.
const MAX_TITLE_BYTES: u64 = 16 << 20;

fn type_of(kind: TitleKind) -> &'static str {
    match kind {
        TitleKind::Movie => "movie",
        TitleKind::Series => "series",
    }
}

fn kind_of(text: &str) -> Option<TitleKind> {
    match text {
        "movie" => Some(TitleKind::Movie),
        "series" => Some(TitleKind::Series),
        _ => None,
    }
}

/// A GET of `path` below `base`.
fn get(base: &Url, path: &str) -> Request {
    let mut url = base.clone();
    url.set_query(None);
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    Request::get(url)
}

/// A search in the catalogue of one kind.
pub(super) fn search(base: &Url, kind: TitleKind, text: &str) -> Request {
    get(base, &format!("/catalog/{}/top/search={}.json", type_of(kind), encode(text)))
}

/// Rows of a catalogue page that are taken: the real ones hold 40 to 50, and a page begins where so many before it end.
pub(super) const PAGE_ROWS: u32 = 40;

/// The catalogues of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Catalogue<'a> {
    /// What most people look at.
    Top,
    /// The same of one genre.
    TopOfGenre(&'a str),
    /// The best rated of one genre.
    BestOfGenre(&'a str),
    /// What came out in one year.
    OfYear(u16),
}

/// A page of a catalogue, from 1.
pub(super) fn list(base: &Url, kind: TitleKind, catalogue: Catalogue<'_>, page: u32) -> Request {
    let (id, genre) = match catalogue {
        Catalogue::Top => ("top", None),
        Catalogue::TopOfGenre(genre) => ("top", Some(encode(genre))),
        Catalogue::BestOfGenre(genre) => ("imdbRating", Some(encode(genre))),
        Catalogue::OfYear(year) => ("year", Some(year.to_string())),
    };
    let skip = page.saturating_sub(1).saturating_mul(PAGE_ROWS);
    let skip = (skip > 0).then(|| format!("skip={skip}"));
    let extras: Vec<String> = genre.map(|genre| format!("genre={genre}")).into_iter().chain(skip).collect();
    let extras = if extras.is_empty() { String::new() } else { format!("/{}", extras.join("&")) };
    get(base, &format!("/catalog/{}/{id}{extras}.json", type_of(kind)))
}

/// A title by the digits of its IMDb id.
pub(super) fn meta(base: &Url, kind: TitleKind, digits: &str) -> Request {
    let mut request = get(base, &format!("/meta/{}/tt{digits}.json", type_of(kind)));
    request.max_body_bytes = Some(MAX_TITLE_BYTES);
    request
}

/// Percent-encodes everything but letters, digits, `-`, `_` and `~`: `&`, `=`, `/` and `.` mean something in the path, and a blank is `%20`,
/// never `+`.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Where a redirect leads: `None` for a reply that is none.
///
/// # Errors
/// `Malformed` without a usable address; `Forbidden` when it leads from https to anything else.
pub(super) fn redirect(reply: &Reply, from: &Url) -> Result<Option<Url>> {
    if !matches!(reply.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let wrong = |kind, detail: &'static str| Error::new(kind, "follow redirect").detail(detail);
    let location = reply.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| wrong(ErrorKind::Malformed, "a redirect names no address"))?;
    let to = from.join(location).map_err(|_| wrong(ErrorKind::Malformed, "a redirect names no usable address"))?;
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(Some(to)),
        _ => Err(wrong(ErrorKind::Forbidden, "a redirect leads away from https")),
    }
}

/// What a reply without a usable body says; `None` when the body is to be read. An unknown title may be a 404.
pub(super) fn complaint(reply: &Reply, operation: &'static str) -> Option<Error> {
    if reply.status.is_success() && !lenient::is_web_page(reply) {
        return None;
    }
    let mut error = lenient::status_error(reply, operation);
    if lenient::is_web_page(reply) && error.kind() == ErrorKind::Unavailable {
        error = error.detail("a web page came instead of data");
    }
    Some(match error.kind() {
        ErrorKind::NotFound => error.advise("Cinemeta does not know this title; check its id"),
        _ => error.advise("Cinemeta is having trouble; try again in a while, or use a TMDB key"),
    })
}

#[derive(Debug, Deserialize)]
struct CatalogBody {
    #[serde(deserialize_with = "lenient::required_list")]
    metas: Vec<Meta>,
}

#[derive(Debug, Deserialize)]
struct MetaBody {
    /// An object, `{}` or null; the latter two mean "unknown".
    meta: Value,
}

#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "lenient::maybe")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    imdb_id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::maybe")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    description: Option<String>,
    /// `1999`, `"1999"`, `"2011–2019"`, `"2019–"`.
    #[serde(default, deserialize_with = "lenient::text")]
    year: Option<String>,
    #[serde(default, rename = "releaseInfo", deserialize_with = "lenient::text")]
    release_info: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    released: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    runtime: Option<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    genres: Vec<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    genre: Vec<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    poster: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    background: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    moviedb_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    tvdb_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    videos: Vec<Video>,
}

/// An episode: `name` where the addon standard says `title`, `number` where `episode` is missing.
#[derive(Debug, Deserialize)]
struct Video {
    #[serde(default, deserialize_with = "lenient::number")]
    season: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    episode: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    number: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    released: Option<String>,
    #[serde(default, rename = "firstAired", deserialize_with = "lenient::maybe")]
    first_aired: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    overview: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    description: Option<String>,
}

/// Reads search results; rows without an IMDb id or a name are left out.
pub(super) fn parse_search(reply: &Reply, asked: TitleKind, images: &Url) -> Result<Vec<TitleSummary>> {
    let body: CatalogBody = lenient::json(reply, "search titles")?;
    Ok(body.metas.iter().filter_map(|meta| summary(meta, asked, images)).collect())
}

/// Reads a page of [`list`]; a page that is not full is the last one.
pub(super) fn parse_list(reply: &Reply, asked: TitleKind, images: &Url) -> Result<TitlePage> {
    let body: CatalogBody = lenient::json(reply, "list titles")?;
    let rows = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let has_more = body.metas.len() >= rows;
    let mut seen = HashSet::new();
    let summaries = body.metas.iter().take(rows).filter_map(|meta| summary(meta, asked, images));
    Ok(TitlePage { titles: summaries.filter(|title| seen.insert(title.media_id.clone())).collect(), has_more })
}

/// Reads a title; `None` for the ways in which Cinemeta says that it knows none.
pub(super) fn parse_meta(reply: &Reply, asked: TitleKind, images: &Url) -> Result<Option<Title>> {
    let body: MetaBody = lenient::json(reply, "describe title")?;
    let is_empty = body.meta.is_null() || body.meta.as_object().is_some_and(serde_json::Map::is_empty);
    if is_empty {
        return Ok(None);
    }
    let meta: Meta = lenient::part(body.meta, "describe title")?;
    let Some(summary) = summary(&meta, asked, images) else {
        return Err(Error::new(ErrorKind::Malformed, "describe title").detail("the title has no id or no name"));
    };
    if summary.kind != asked {
        return Ok(None);
    }
    let genres = if meta.genres.is_empty() { &meta.genre } else { &meta.genres };
    Ok(Some(Title {
        imdb_id: Some(summary.media_id.title.to_string()),
        original_name: None,
        other_names: Vec::new(),
        original_language: None,
        runtime_min: meta.runtime.as_deref().and_then(minutes),
        genres: genres
            .iter()
            .filter_map(|genre| lenient::clean_some(Some(genre), MAX_NAME_CHARS))
            .take(MAX_GENRES)
            .collect(),
        backdrop_url: picture(meta.background.as_deref(), images),
        tmdb_id: meta.moviedb_id,
        tvdb_id: meta.tvdb_id,
        seasons: if asked == TitleKind::Series { seasons(meta.videos) } else { Vec::new() },
        summary,
    }))
}

fn summary(meta: &Meta, asked: TitleKind, images: &Url) -> Option<TitleSummary> {
    let is_title = |text: &&str| matches!(text.parse::<MediaId>(), Ok(id) if matches!(id.title, TitleId::Imdb(_)));
    let id = [meta.imdb_id.as_deref(), meta.id.as_deref()].into_iter().flatten().find(is_title)?;
    let media_id = MediaId::of_title(id.parse::<MediaId>().ok()?.title);
    let dates = [meta.year.as_deref(), meta.release_info.as_deref(), meta.released.as_deref()];
    Some(TitleSummary {
        media_id,
        kind: meta.kind.as_deref().and_then(kind_of).unwrap_or(asked),
        name: lenient::clean_some(meta.name.as_deref(), MAX_NAME_CHARS)?,
        year: dates.into_iter().find_map(lenient::year),
        overview: lenient::clean_some(meta.description.as_deref(), MAX_TEXT_CHARS),
        poster_url: picture(meta.poster.as_deref(), images),
    })
}

/// The address of a picture when it lies on the image host, `None` otherwise (OUT-05).
fn picture(address: Option<&str>, images: &Url) -> Option<String> {
    let url = Url::parse(address?.trim()).ok()?;
    let is_ours = url.origin() == images.origin() && url.username().is_empty() && url.password().is_none();
    (is_ours && url.as_str().len() <= MAX_NAME_CHARS).then(|| url.into())
}

/// Sorts videos into seasons: they come in any order, the same number sometimes twice.
fn seasons(videos: Vec<Video>) -> Vec<Season> {
    let mut seasons: BTreeMap<u32, BTreeMap<u32, Episode>> = BTreeMap::new();
    for video in videos.into_iter().take(MAX_EPISODES) {
        let number = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
        let (Some(season), Some(number)) = (number(video.season), number(video.episode.or(video.number))) else {
            continue;
        };
        let first_text = |texts: [Option<String>; 2], max_chars| {
            texts.into_iter().find_map(|text| lenient::clean_some(text.as_deref(), max_chars))
        };
        let dates = [video.released.as_deref(), video.first_aired.as_deref()];
        seasons.entry(season).or_default().entry(number).or_insert(Episode {
            number,
            name: first_text([video.name, video.title], MAX_NAME_CHARS),
            air_date: dates.into_iter().find_map(lenient::date),
            overview: first_text([video.overview, video.description], MAX_TEXT_CHARS),
            runtime_min: None,
        });
    }
    let season = |(number, episodes): (u32, BTreeMap<u32, Episode>)| Season {
        number,
        name: None,
        episodes: episodes.into_values().collect(),
    };
    seasons.into_iter().map(season).collect()
}

/// `"142 min"`, `"2h 22min"`, `"1 h"`, `"142"`.
fn minutes(text: &str) -> Option<u32> {
    let mut total = 0u32;
    let mut digits = String::new();
    let mut has_hours = false;
    for c in text.chars().take(32) {
        match c {
            '0'..='9' => digits.push(c),
            'h' if !has_hours => {
                has_hours = true;
                total = digits.parse::<u32>().ok()?.checked_mul(60)?;
                digits.clear();
            }
            'm' => break,
            _ => {}
        }
    }
    let rest = if digits.is_empty() { 0 } else { digits.parse::<u32>().ok()? };
    total.checked_add(rest).filter(|minutes| *minutes > 0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn base() -> Url {
        "https://v3.example/".parse().unwrap()
    }

    fn images() -> Url {
        "https://images.metahub.space".parse().unwrap()
    }

    /// Goal: the text stays one extra value of the path, whatever was typed.
    #[test]
    fn search_text_stays_in_its_place() {
        let url = search(&base(), TitleKind::Movie, "big buck&skip=1/../ä").url;
        assert_eq!(
            url.as_str(),
            "https://v3.example/catalog/movie/top/search=big%20buck%26skip%3D1%2F%2E%2E%2F%C3%A4.json"
        );
    }

    /// Goal: pages follow each other without a gap and without a row twice, also where the real ones hold more rows than we take.
    #[test]
    fn pages_lie_end_to_end() {
        let path = |catalogue, page| list(&base(), TitleKind::Series, catalogue, page).url.path().to_owned();
        assert_eq!(path(Catalogue::Top, 1), "/catalog/series/top.json");
        assert_eq!(path(Catalogue::Top, 3), "/catalog/series/top/skip=80.json");
        assert_eq!(path(Catalogue::TopOfGenre("a&b/.."), 2), "/catalog/series/top/genre=a%26b%2F%2E%2E&skip=40.json");
        assert_eq!(path(Catalogue::BestOfGenre("Drama"), 1), "/catalog/series/imdbRating/genre=Drama.json");
        assert_eq!(path(Catalogue::OfYear(2024), 1), "/catalog/series/year/genre=2024.json");
        let rows = |count: u32| {
            let row = |number: u32| format!(r#"{{"id":"tt{number:07}","type":"series","name":"N"}}"#);
            let rows: Vec<String> = (0..count).map(row).collect();
            let body = format!(r#"{{"metas":[{}]}}"#, rows.join(","));
            let page = parse_list(&Reply::ok(&body), TitleKind::Series, &images()).unwrap();
            (page.titles.len(), page.has_more)
        };
        assert_eq!((rows(47), rows(40), rows(39), rows(0)), ((40, true), (40, true), (39, false), (0, false)));
    }

    /// Goal: unknown titles look three ways; here the two that have a body.
    #[test]
    fn an_empty_meta_is_an_unknown_title() {
        for body in [r#"{"meta":{}}"#, r#"{"meta":null}"#] {
            assert_eq!(parse_meta(&Reply::ok(body), TitleKind::Movie, &images()).unwrap(), None);
        }
        let error = parse_meta(&Reply::ok("{}"), TitleKind::Movie, &images()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }

    /// Goal: numbers as text, texts as numbers, single values for lists, videos in any order.
    #[test]
    fn a_title_is_read_leniently() {
        let body = r#"{"meta":{"id":"tt0944947","type":"series","name":"Show","year":"2011–2019","runtime":"57 min",
            "genre":"Drama","genres":null,"director":null,"imdbRating":9.2,"moviedb_id":"1399","tvdb_id":121361,
            "poster":"https://images.metahub.space/poster/small/tt0944947/img","background":"https://evil.example/x",
            "videos":[{"season":1,"episode":"2","title":"B","released":"2011-04-25T01:00:00.000Z"},
                {"season":0,"number":1,"name":"Extra"},{"season":"1","episode":1,"name":"A","firstAired":"2011-04-18T01:00:00Z"},
                {"season":1,"episode":1,"name":"again"},{"name":"no number"},7]}}"#;
        let title = parse_meta(&Reply::ok(body), TitleKind::Series, &images()).unwrap().unwrap();
        assert_eq!((title.summary.year, title.runtime_min), (Some(2011), Some(57)));
        assert_eq!((title.tmdb_id, title.tvdb_id), (Some(1399), Some(121_361)));
        assert_eq!(title.genres, ["Drama"]);
        assert!(title.summary.poster_url.is_some());
        assert_eq!(title.backdrop_url, None, "another host");
        let numbers: Vec<_> = title.seasons.iter().map(|season| (season.number, season.episodes.len())).collect();
        assert_eq!(numbers, [(0, 1), (1, 2)]);
        assert_eq!(title.seasons[1].episodes[0].name.as_deref(), Some("A"));
        assert_eq!(title.seasons[1].episodes[1].air_date.as_deref(), Some("2011-04-25"));
    }

    /// Goal: a redirect never leaves https and never another scheme than http and https.
    #[test]
    fn redirects_stay_on_https() {
        let to = |location: &str, from: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::LOCATION, location.parse().unwrap());
            let reply = Reply { status: StatusCode::TEMPORARY_REDIRECT, headers, body: Bytes::new() };
            redirect(&reply, &from.parse().unwrap())
        };
        assert_eq!(to("/b", "https://a.example/a").unwrap().unwrap().as_str(), "https://a.example/b");
        assert!(to("http://127.0.0.1:9/b", "http://127.0.0.1:8/a").unwrap().is_some());
        for wrong in ["http://a.example/b", "file:///etc/passwd", "javascript:x"] {
            assert_eq!(to(wrong, "https://a.example/a").unwrap_err().kind(), ErrorKind::Forbidden, "{wrong}");
        }
    }

    /// Goal: lengths in all the ways they are written.
    #[test]
    fn runtimes_are_minutes() {
        for (text, expected) in [
            ("142 min", Some(142)),
            ("2h 22min", Some(142)),
            ("1 h", Some(60)),
            ("45", Some(45)),
            ("", None),
            ("0 min", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
        assert_eq!(minutes("99999999999 min"), None);
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let metas = r#"{"metas":[{"id":"tt0000007","type":"movie","name":"Film","releaseInfo":"2011–2019"}]}"#;
        let meta = r#"{"meta":{"id":"tt0000007","type":"series","name":"Show","year":"2011–2019","runtime":"1h 57 min",
            "videos":[{"season":1,"episode":"2","released":"2011-04-25T01:00:00.000Z"}]}}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut, runtime: String)| {
            let _ = parse_search(&Reply::damaged(metas, at, byte, cut), TitleKind::Movie, &images());
            let _ = parse_meta(&Reply::damaged(meta, at, byte, cut), TitleKind::Series, &images());
            let _ = minutes(&runtime);
        });
    }
}
