//! Prowlarr's JSON API as pure functions. Source: `Prowlarr.Api.V1/Search` and `Indexers` of Prowlarr, and its OpenAPI document.

use std::fmt;
use std::time::SystemTime;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::super::link::{choose_way, parse_hash, parse_link, parse_magnet};
use super::super::listing::{Found, Part, Words, imdb_digits};
use super::super::{MAX_RELEASES, Query};
use super::error::failure;
use crate::model::{ProviderId, Release, TitleKind};
use crate::net::{Reply, Request, Secret};
use crate::provider::{CheckUp, Trouble, lenient};
use crate::{Error, ErrorKind, Result};

/// The header that carries the key.
pub(super) const KEY_HEADER: &str = "X-Api-Key";

/// `indexerIds` value for all torrent indexers.
const ALL_TORRENT_INDEXERS: i64 = -2;

/// Most rows read from one list: usenet rows and duplicates are dropped from them later.
const MAX_ROWS: usize = 4 * MAX_RELEASES;

/// Largest list of indexers, in bytes: an exception to the limit of API replies (OUT-04), as each stands there with all of its settings.
const MAX_LIST_BYTES: u64 = 16 << 20;

/// An unknown date comes out as year 1; no listing is older than BitTorrent.
const MAX_AGE_DAYS: u64 = 20_000;

/// Rows of an answer where the indexer does not say how many it gives.
const DEFAULT_ROWS: u32 = 100;

/// One indexer that Prowlarr asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexerInfo {
    pub(super) id: i64,
    pub(super) name: String,
    /// Most rows that are asked for at once.
    pub(super) page_rows: u32,
    /// Further rows can be asked for.
    pub(super) has_pages: bool,
    movie_params: Vec<String>,
    series_params: Vec<String>,
}

/// A search by text at all torrent indexers together: who is left out of it, and why, is not told.
pub(super) fn text_search(base: &Url, key: &Secret, kind: TitleKind, text: &str) -> Request {
    search(base, key, kind, "search", text, &[ALL_TORRENT_INDEXERS], DEFAULT_ROWS)
}

/// A search by words at one indexer: by text, but for a day where the indexer knows seasons and episodes, as sites write dates in many ways.
pub(super) fn words_search_at(base: &Url, key: &Secret, kind: TitleKind, words: &Words, at: &IndexerInfo) -> Request {
    let knows = |name: &str| at.series_params.iter().any(|param| param == name);
    let numbers = words.part.numbers().filter(|_| matches!(words.part, Part::Day(..)));
    match numbers.filter(|_| ["q", "season", "ep"].into_iter().all(knows)) {
        Some((season, episode)) => {
            let text = format!("{} {{Season:{season}}}{{Episode:{episode}}}", words.name);
            search(base, key, kind, "tvsearch", &text, &[at.id], at.page_rows)
        }
        None => search(base, key, kind, "search", &words.text, &[at.id], at.page_rows),
    }
}

/// A search by an outside id at one indexer that lists it.
pub(super) fn id_search(base: &Url, key: &Secret, kind: TitleKind, text: &str, at: &IndexerInfo) -> Request {
    let mode = match kind {
        TitleKind::Movie => "movie",
        TitleKind::Series => "tvsearch",
    };
    search(base, key, kind, mode, text, &[at.id], at.page_rows)
}

fn search(base: &Url, key: &Secret, kind: TitleKind, mode: &str, text: &str, indexers: &[i64], rows: u32) -> Request {
    let mut request = api_request(base, key, "/api/v1/search");
    let category = match kind {
        TitleKind::Movie => "2000",
        TitleKind::Series => "5000",
    };
    let mut pairs = request.url.query_pairs_mut();
    pairs.append_pair("query", text).append_pair("type", mode).append_pair("categories", category);
    for indexer in indexers {
        pairs.append_pair("indexerIds", &indexer.to_string());
    }
    // Without a limit some definitions ask their site for no rows at all.
    pairs.append_pair("limit", &rows.to_string()).append_pair("offset", "0");
    drop(pairs);
    // One that has too much to do is asked less; the others are not.
    if let [indexer] = indexers {
        request.lane = *indexer;
    }
    request
}

pub(super) fn list_indexers(base: &Url, key: &Secret) -> Request {
    let mut request = api_request(base, key, "/api/v1/indexer");
    request.max_body_bytes = Some(MAX_LIST_BYTES);
    request
}

/// The key travels as a header: an address may be logged by proxies.
pub(super) fn api_request(base: &Url, key: &Secret, path: &str) -> Request {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    let mut request = Request::get(url);
    request.secret_headers.push((KEY_HEADER, key.clone()));
    request
}

/// The search by id that the query allows at an indexer, by the first id that the indexer lists: with one that it does not list it would answer
/// nothing, without a word.
pub(super) fn id_text(query: &Query, indexer: &IndexerInfo) -> Option<String> {
    let imdb = imdb_digits(query).map(|digits| ("imdbid", format!("{{ImdbId:tt{digits}}}")));
    let tmdb = query.tmdb_id.map(|id| ("tmdbid", format!("{{TmdbId:{id}}}")));
    let tvdb = query.tvdb_id.map(|id| ("tvdbid", format!("{{TvdbId:{id}}}")));
    let (ids, part) = match (query.kind, query.episode) {
        (TitleKind::Movie, _) => ([imdb, tmdb, None], String::new()),
        (TitleKind::Series, None) => ([tvdb, imdb, tmdb], String::new()),
        (TitleKind::Series, Some(number)) => {
            ([tvdb, imdb, tmdb], format!("{{Season:{}}}{{Episode:{}}}", number.season, number.episode))
        }
    };
    let params = match query.kind {
        TitleKind::Movie => &indexer.movie_params,
        TitleKind::Series => &indexer.series_params,
    };
    let knows = |name: &str| params.iter().any(|param| param == name);
    let knows_part = part.is_empty() || (knows("season") && knows("ep"));
    let (_, token) = ids.iter().flatten().find(|(name, _)| knows_part && knows(name))?;
    Some(format!("{token}{part}"))
}

/// Reads the list of indexers: those that are on, speak torrent, and can be searched.
pub(super) fn read_indexers(reply: &Reply) -> Result<Vec<IndexerInfo>> {
    const OPERATION: &str = "list indexers";
    if !reply.status.is_success() {
        return Err(failure(reply, OPERATION));
    }
    let rows: Rows<IndexerRow> = lenient::json(reply, OPERATION)?;
    let lower = |params: Vec<String>| params.iter().map(|param| param.to_ascii_lowercase()).collect();
    Ok(rows
        .rows
        .into_iter()
        .filter(IndexerRow::is_torrent)
        .filter_map(|row| {
            // A definition that is broken has none: it is asked by text all the same.
            let capabilities = row.capabilities.unwrap_or_default();
            let rows = capabilities.limits_max.and_then(|rows| u32::try_from(rows).ok()).filter(|rows| *rows > 0);
            Some(IndexerInfo {
                id: row.id?,
                name: lenient::clean_some(row.name.as_deref(), lenient::MAX_NAME_CHARS)
                    .unwrap_or_else(|| "one without a name".to_owned()),
                page_rows: rows.unwrap_or(DEFAULT_ROWS).min(DEFAULT_ROWS),
                has_pages: row.supports_pagination.unwrap_or(false),
                movie_params: lower(capabilities.movie_search_params),
                series_params: lower(capabilities.tv_search_params),
            })
        })
        .collect())
}

pub(super) fn list_failing(base: &Url, key: &Secret) -> Request {
    api_request(base, key, "/api/v1/indexerstatus")
}

/// Reads which indexers Prowlarr leaves alone at `now` after failures.
pub(super) fn read_failing(reply: &Reply, now: SystemTime) -> Result<Vec<i64>> {
    const OPERATION: &str = "list failing indexers";
    if !reply.status.is_success() {
        return Err(failure(reply, OPERATION));
    }
    let rows: Rows<FailingRow> = lenient::json(reply, OPERATION)?;
    Ok(rows.rows.into_iter().filter(|row| row.is_failing(now)).filter_map(|row| row.indexer_id).collect())
}

/// Most names of failing indexers that are told.
const MAX_TOLD: usize = 5;

/// Reads how a Prowlarr is: who answers, its indexers, those that fail at `now`, and its own complaints.
pub(super) fn read_check_up(
    status: &Reply,
    indexers: &Reply,
    failing: &Reply,
    health: &Reply,
    key: &Secret,
    now: SystemTime,
) -> Result<CheckUp> {
    const OPERATION: &str = "check up";
    for reply in [status, indexers, failing, health] {
        if !reply.status.is_success() {
            return Err(failure(reply, OPERATION));
        }
    }
    let StatusRow { app_name } = lenient::json(status, OPERATION)?;
    let name = app_name.map(|name| lenient::quote(&name, &[key])).unwrap_or_default();
    if name != "Prowlarr" {
        return Err(Error::new(ErrorKind::Unsupported, OPERATION)
            .detail(if name.is_empty() { "another program answers".to_owned() } else { format!("{name} answers") })
            .advise("give the address of Prowlarr; its port is 9696 where nobody changed it"));
    }
    let rows: Rows<IndexerRow> = lenient::json(indexers, OPERATION)?;
    let usable: Vec<IndexerRow> = rows.rows.into_iter().filter(IndexerRow::is_torrent).collect();
    let rows: Rows<FailingRow> = lenient::json(failing, OPERATION)?;
    let failing: Vec<i64> =
        rows.rows.into_iter().filter(|row| row.is_failing(now)).filter_map(|row| row.indexer_id).collect();
    let is_failing = |row: &&IndexerRow| row.id.is_some_and(|id| failing.contains(&id));
    let failing_names: Vec<String> = usable
        .iter()
        .filter(is_failing)
        .map(|row| {
            row.name.as_deref().map_or_else(|| "one without a name".to_owned(), |name| lenient::quote(name, &[key]))
        })
        .collect();

    let (count, failing_count) = (usable.len(), failing_names.len());
    let mut check_up = CheckUp::well(match count {
        1 => "1 torrent indexer".to_owned(),
        count => format!("{count} torrent indexers"),
    });
    const LOOK: &str = "look at them in Prowlarr, System, Status; it asks them again by itself after a while";
    if count == 0 {
        check_up = check_up.with(Trouble::failure(
            "no torrent indexer is switched on in it",
            "add one in Prowlarr, Indexers, or switch one on there",
        ));
    } else if failing_count > 0 {
        let told = failing_names.iter().take(MAX_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if failing_count > MAX_TOLD { ", and more" } else { "" };
        let what = match (failing_count, count) {
            (1, 1) => "its only torrent indexer is failing".to_owned(),
            (failing, count) if failing == count => format!("all of its {count} torrent indexers are failing"),
            (1, count) => format!("1 of its {count} torrent indexers is failing"),
            (failing, count) => format!("{failing} of its {count} torrent indexers are failing"),
        };
        let trouble = if failing_count == count { Trouble::failure(what, LOOK) } else { Trouble::warning(what, LOOK) };
        check_up = check_up.with(trouble.why(format!("{told}{more}")));
    }
    let rows: Rows<HealthRow> = lenient::json(health, OPERATION)?;
    Ok(rows.rows.into_iter().filter_map(|row| row.into_trouble(key)).fold(check_up, CheckUp::with))
}

/// Reads found releases; says as well whether some rows were left out for their number, and how many rows there were.
pub(super) fn read_releases(reply: &Reply, base: &Url, indexer: &ProviderId) -> Result<(Found, usize)> {
    const OPERATION: &str = "search";
    if !reply.status.is_success() {
        return Err(failure(reply, OPERATION));
    }
    let rows: Rows<ReleaseRow> = lenient::json(reply, OPERATION)?;
    let count = rows.rows.len();
    let releases = rows.rows.into_iter().filter_map(|row| row.into_release(base, indexer)).collect();
    Ok(((releases, rows.is_cut), count))
}

/// A JSON array: rows of another shape are skipped, rows beyond [`MAX_ROWS`] are dropped. One row is held at a time in its raw form.
struct Rows<T> {
    rows: Vec<T>,
    is_cut: bool,
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: serde::de::DeserializeOwned> Visitor<'de> for RowsVisitor<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows<T>, A::Error> {
                let mut found = Rows { rows: Vec::new(), is_cut: false };
                while found.rows.len() < MAX_ROWS {
                    let Some(row) = seq.next_element::<Value>()? else { return Ok(found) };
                    found.rows.extend(serde_json::from_value(row));
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    found.is_cut = true;
                }
                Ok(found)
            }
        }

        deserializer.deserialize_seq(RowsVisitor(std::marker::PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusRow {
    #[serde(default, deserialize_with = "lenient::text")]
    app_name: Option<String>,
}

/// An indexer that Prowlarr leaves alone after failures.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailingRow {
    #[serde(default, deserialize_with = "lenient::maybe")]
    indexer_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    disabled_till: Option<String>,
}

impl FailingRow {
    /// A row whose time is over counts no longer; one without a readable time does.
    fn is_failing(&self, now: SystemTime) -> bool {
        let till = self.disabled_till.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        till.is_none_or(|till| till > now)
    }
}

/// A complaint of Prowlarr's own.
#[derive(Deserialize)]
struct HealthRow {
    #[serde(default, deserialize_with = "lenient::text")]
    source: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
}

impl HealthRow {
    /// What is told of failing indexers better is left out, and so is what is no trouble.
    fn into_trouble(self, key: &Secret) -> Option<Trouble> {
        const TOLD: [&str; 3] = ["IndexerStatusCheck", "IndexerLongTermStatusCheck", "UpdateCheck"];
        let is_told = self.source.as_deref().is_some_and(|source| TOLD.contains(&source));
        if is_told || !matches!(self.kind.as_deref(), Some("warning" | "error")) {
            return None;
        }
        let words = lenient::quote(&lenient::without_addresses(&self.message?), &[key]);
        Some(Trouble::warning("it complains of something", "look at Prowlarr, System, Status").why(words))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexerRow {
    #[serde(default, deserialize_with = "lenient::maybe")]
    id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    enable: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    protocol: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    supports_pagination: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    capabilities: Option<CapabilitiesRow>,
}

impl IndexerRow {
    /// Is it on, and does it list torrents?
    fn is_torrent(&self) -> bool {
        self.enable.unwrap_or(true) && self.protocol.as_deref() == Some("torrent")
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CapabilitiesRow {
    #[serde(default, deserialize_with = "lenient::number")]
    limits_max: Option<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    movie_search_params: Vec<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    tv_search_params: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseRow {
    #[serde(default, deserialize_with = "lenient::text")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    guid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    download_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    magnet_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    info_hash: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    indexer: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    protocol: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    seeders: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    age: Option<u64>,
}

impl ReleaseRow {
    /// `None` for usenet, and for what has no name or leads nowhere.
    fn into_release(self, base: &Url, indexer: &ProviderId) -> Option<Release> {
        if self.protocol.is_some_and(|protocol| protocol != "torrent") {
            return None;
        }
        // Any of these may hold a raw magnet. Else the first two are Prowlarr's own links; the one that was a magnet costs the site
        // nothing to follow.
        let magnet = [&self.magnet_url, &self.guid, &self.download_url]
            .into_iter()
            .flatten()
            .find_map(|text| parse_magnet(text));
        let (info_hash, v2) = self.info_hash.as_deref().map(parse_hash).unwrap_or_default();
        let link = [&self.magnet_url, &self.download_url].into_iter().flatten().find_map(|text| parse_link(text, base));
        let (info_hash, link) = choose_way(info_hash, magnet.or(v2), link)?;
        Some(Release {
            indexer: indexer.clone(),
            tracker: lenient::clean_some(self.indexer.as_deref(), lenient::MAX_NAME_CHARS),
            name: lenient::clean_some(self.title.as_deref(), lenient::MAX_NAME_CHARS)?,
            info_hash,
            link,
            size_bytes: self.size.filter(|size| *size > 0),
            seeder_count: self.seeders.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            age_days: self.age.filter(|days| *days <= MAX_AGE_DAYS).and_then(|days| u32::try_from(days).ok()),
            playable: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::listing::searches;
    use super::*;
    use crate::model::EpisodeNumber;

    const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    fn base() -> Url {
        Url::parse("http://media.example:9696/prowlarr/").unwrap()
    }

    fn read(rows: &str) -> Vec<Release> {
        read_releases(&Reply::ok(rows), &base(), &ProviderId::new("prowlarr")).unwrap().0.0
    }

    fn pairs(request: &Request) -> Vec<(String, String)> {
        request.url.query_pairs().into_owned().collect()
    }

    /// Goal: the request is what Prowlarr's own page sends, behind the URL base, with the key in a header only.
    #[test]
    fn a_search_asks_all_torrent_indexers_with_a_limit() {
        let request = text_search(&base(), &Secret::new("k3y"), TitleKind::Movie, "Sintel & more 2010");
        assert_eq!(request.url.path(), "/prowlarr/api/v1/search");
        let wanted = [
            ("query", "Sintel & more 2010"),
            ("type", "search"),
            ("categories", "2000"),
            ("indexerIds", "-2"),
            ("limit", "100"),
            ("offset", "0"),
        ];
        assert_eq!(pairs(&request), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!request.url.as_str().contains("k3y"));
        assert_eq!(request.secret_headers, [("X-Api-Key", Secret::new("k3y"))]);
    }

    /// Goal: ids go only to indexers that list them, one id to each, and an episode only to those that know seasons.
    #[test]
    fn ids_go_to_the_indexers_that_know_them() {
        let indexer = |id, params: &[&str]| IndexerInfo {
            id,
            name: "Example".to_owned(),
            page_rows: 50,
            has_pages: false,
            movie_params: params.iter().map(ToString::to_string).collect(),
            series_params: params.iter().map(ToString::to_string).collect(),
        };
        let indexers = [
            indexer(1, &["q", "season", "ep", "imdbid", "tvdbid"]),
            indexer(2, &["q", "imdbid"]),
            indexer(3, &["q"]),
            indexer(4, &["q", "season", "ep", "imdbid"]),
        ];
        let texts = |query: &Query| indexers.iter().map(|indexer| id_text(query, indexer)).collect::<Vec<_>>();
        let some = |text: &str| Some(text.to_owned());
        let mut query =
            Query { imdb_id: Some("tt944947".into()), tvdb_id: Some(121_361), ..Query::new(TitleKind::Movie, "x") };
        let film = some("{ImdbId:tt0944947}");
        assert_eq!(texts(&query), [film.clone(), film.clone(), None, film]);
        query.kind = TitleKind::Series;
        query.episode = Some(EpisodeNumber { season: 1, episode: 2 });
        let by_tvdb = "{TvdbId:121361}{Season:1}{Episode:2}";
        assert_eq!(texts(&query), [some(by_tvdb), None, None, some("{ImdbId:tt0944947}{Season:1}{Episode:2}")]);
        assert_eq!(texts(&Query::new(TitleKind::Movie, "x")), [None, None, None, None]);
        let request = id_search(&base(), &Secret::new("k"), TitleKind::Series, by_tvdb, &indexers[0]);
        assert!(request.url.as_str().ends_with(
            "query=%7BTvdbId%3A121361%7D%7BSeason%3A1%7D%7BEpisode%3A2%7D&type=tvsearch&categories=5000&indexerIds=1&limit=50&offset=0"
        ));
    }

    /// Goal: a day is told as season and episode to indexers that know these, and as text to the others; all else is text.
    #[test]
    fn days_go_to_the_indexers_that_know_seasons() {
        let indexer = |params: &[&str]| IndexerInfo {
            id: 1,
            name: "Example".to_owned(),
            page_rows: 50,
            has_pages: false,
            movie_params: Vec::new(),
            series_params: params.iter().map(ToString::to_string).collect(),
        };
        let mut query = Query::new(TitleKind::Series, "The Hour");
        query.episode = Some(EpisodeNumber { season: 9, episode: 120 });
        query.air_date = Some("2024-05-31".to_owned());
        let asked = |params: &[&str]| -> Vec<(String, String)> {
            let at = indexer(params);
            let request = |words| words_search_at(&base(), &Secret::new("k"), TitleKind::Series, words, &at);
            let two = |request: Request| (pairs(&request)[0].1.clone(), pairs(&request)[1].1.clone());
            searches(&query).iter().map(|words| two(request(words))).collect()
        };
        let row = |text: &str, mode: &str| (text.to_owned(), mode.to_owned());
        let texts = [row("The Hour S09E120", "search"), row("The Hour S09", "search")];
        let knowing = asked(&["q", "season", "ep"]);
        assert_eq!(
            (&knowing[..2], &knowing[2]),
            (&texts[..], &row("The Hour {Season:2024}{Episode:05/31}", "tvsearch"))
        );
        let plain = asked(&["q"]);
        assert_eq!((&plain[..2], &plain[2]), (&texts[..], &row("The Hour 2024 05 31", "search")));
    }

    /// Goal: a whole row is read as it is; unknown numbers are unknown, not zero.
    #[test]
    fn rows_are_read_with_their_traps() {
        let rows = format!(
            r#"[{{"guid":"https://example.org/t/1","title":" Sintel.2010\u0007.1080p ","size":129302391,"seeders":25,"age":12,"indexer":"Example",
                 "magnetUrl":"http://media.example:9696/prowlarr/3/download?apikey=KEY&link=a","downloadUrl":"http://media.example:9696/prowlarr/3/download?apikey=KEY&link=b",
                 "infoHash":"{upper}","protocol":"torrent","imdbId":0,"categories":[{{"id":2040}}]}},
                {{"guid":"g","title":"Bare","size":0,"age":739000,"protocol":"torrent","infoHash":"{HASH}","seeders":null}}]"#,
            upper = HASH.to_uppercase()
        );
        let releases = read(&rows);
        let first = &releases[0];
        assert_eq!((first.name.as_str(), first.tracker.as_deref()), ("Sintel.2010.1080p", Some("Example")));
        assert_eq!(first.info_hash.unwrap().to_string(), HASH);
        assert!(first.link.as_ref().unwrap().as_str().ends_with("link=a"), "the magnet link is the cheaper one");
        assert_eq!((first.size_bytes, first.seeder_count, first.age_days), (Some(129_302_391), Some(25), Some(12)));
        let bare = &releases[1];
        assert_eq!((bare.size_bytes, bare.seeder_count, bare.age_days, bare.link.as_ref()), (None, None, None, None));
        assert!(!format!("{releases:?}").contains("KEY"));
    }

    /// Goal: a raw magnet is found in each of the three places where versions and forks put it.
    #[test]
    fn raw_magnets_are_taken_wherever_they_stand() {
        for field in ["magnetUrl", "guid", "downloadUrl"] {
            let releases = read(&format!(r#"[{{"title":"A","{field}":"magnet:?xt=urn:btih:{HASH}&dn=A B"}}]"#));
            assert_eq!(releases[0].info_hash.unwrap().to_string(), HASH, "{field}");
            assert_eq!(releases[0].link.as_ref().unwrap().scheme(), "magnet", "{field}");
        }
    }

    /// Goal: usenet, nameless and dead-end rows are left out, rows of another shape do not take the others with them.
    #[test]
    fn useless_rows_are_left_out() {
        let rows = format!(
            r#"[{{"title":"U","protocol":"usenet","downloadUrl":"http://x.example/1"}},{{"title":"?","protocol":"unknown","infoHash":"{HASH}"}},
                {{"infoHash":"{HASH}","protocol":"torrent"}},{{"title":"No way","protocol":"torrent"}},{{"title":"F","downloadUrl":"file:///etc/passwd"}},
                7, null, {{"title":["x"],"infoHash":{{}}}}, {{"title":"Good","infoHash":"{HASH}","size":"12","seeders":-1}}]"#
        );
        let releases = read(&rows);
        assert_eq!(releases.len(), 1, "{releases:?}");
        assert_eq!((releases[0].size_bytes, releases[0].seeder_count), (Some(12), None));
        assert_eq!(read("[]"), []);
    }

    /// Goal: a list beyond any real one is cut, and says so.
    #[test]
    fn long_lists_are_cut() {
        let row = format!(r#"{{"title":"A","infoHash":"{HASH}"}}"#);
        let rows = format!("[{}]", vec![row; MAX_ROWS + 1].join(","));
        let ((releases, is_cut), _) = read_releases(&Reply::ok(&rows), &base(), &ProviderId::new("prowlarr")).unwrap();
        assert_eq!((releases.len(), is_cut), (MAX_ROWS, true));
    }

    /// Goal: only indexers that can be asked are known, with their limits; a broken definition without capabilities is asked by text.
    #[test]
    fn broken_and_disabled_indexers_are_left_out() {
        let list = r#"[{"id":1,"name":"One\u202e","enable":true,"protocol":"torrent","supportsPagination":true,
                        "capabilities":{"limitsMax":30,"movieSearchParams":["q","imdbId"],"tvSearchParams":["q"]}},
                       {"id":2,"enable":true,"protocol":"torrent"},{"id":3,"enable":false,"protocol":"torrent","capabilities":{}},
                       {"id":4,"enable":true,"protocol":"usenet","capabilities":{"movieSearchParams":["q","imdbId"]}}]"#;
        let bare = IndexerInfo {
            id: 2,
            name: "one without a name".to_owned(),
            page_rows: 100,
            has_pages: false,
            movie_params: Vec::new(),
            series_params: Vec::new(),
        };
        let whole = IndexerInfo {
            id: 1,
            name: "One".to_owned(),
            page_rows: 30,
            has_pages: true,
            movie_params: vec!["q".into(), "imdbid".into()],
            series_params: vec!["q".into()],
        };
        assert_eq!(read_indexers(&Reply::ok(list)).unwrap(), [whole, bare]);
    }

    /// What a Prowlarr with these answers tells, at 2024-05-13 12:00 UTC.
    fn check_up(app: &str, indexers: &str, failing: &str, health: &str) -> Result<CheckUp> {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_715_601_600);
        let status = format!(r#"{{"appName":"{app}","version":"2.0.0"}}"#);
        read_check_up(
            &Reply::ok(&status),
            &Reply::ok(indexers),
            &Reply::ok(failing),
            &Reply::ok(health),
            &Secret::new("k3y"),
            now,
        )
    }

    /// Goal: which indexers fail is told by their names; those that are off, speak usenet or are over their failure do not count.
    #[test]
    fn failing_indexers_are_told_by_name() {
        let indexers = r#"[{"id":1,"name":"One","enable":true,"protocol":"torrent"},{"id":2,"name":"Two\u202e k3y","enable":true,"protocol":"torrent"},
                           {"id":3,"name":"Off","enable":false,"protocol":"torrent"},{"id":4,"name":"News","enable":true,"protocol":"usenet"}]"#;
        let failing = |rows: &[(i64, &str)]| {
            let rows = rows.iter().map(|(id, till)| format!(r#"{{"indexerId":{id},"disabledTill":"{till}"}}"#));
            let failing = format!("[{}]", rows.collect::<Vec<_>>().join(","));
            check_up("Prowlarr", indexers, &failing, "[]").unwrap()
        };
        let (later, before) = ("2024-05-13T12:30:00Z", "2024-05-13T11:30:00Z");
        assert_eq!(failing(&[(1, before), (3, later), (4, later)]), CheckUp::well("2 torrent indexers"));
        let one = &failing(&[(2, later)]).troubles[0];
        assert_eq!((one.what.as_ref(), one.is_failure), ("1 of its 2 torrent indexers is failing", false));
        assert_eq!(one.why.as_deref(), Some("Two …"));
        let all = &failing(&[(2, "soon"), (1, later)]).troubles[0];
        assert_eq!((all.what.as_ref(), all.is_failure), ("all of its 2 torrent indexers are failing", true));
        let none = check_up("Prowlarr", r#"[{"id":3,"enable":false,"protocol":"torrent"},7]"#, "[]", "[]").unwrap();
        assert!(none.troubles[0].is_failure, "{none:?}");
    }

    /// Goal: its own complaints are told once and without the key; notices are none.
    #[test]
    fn complaints_of_its_own_are_told() {
        let health = r#"[{"source":"IndexerStatusCheck","type":"error","message":"told already"},{"type":"notice","message":"no trouble"},
                         {"source":"ProxyCheck","type":"error","message":"no proxy for k3y"},{"type":"warning"},{"type":"warning","message":7}, 3]"#;
        let indexers = r#"[{"id":1,"protocol":"torrent"}]"#;
        let troubles = check_up("Prowlarr", indexers, "[]", health).unwrap().troubles;
        let why: Vec<_> = troubles.iter().map(|one| one.why.as_deref()).collect();
        assert_eq!(why, [Some("no proxy for …"), Some("7")]);
    }

    /// Goal: a neighbour of Prowlarr that answers at its address is told from it; broken answers have their kinds.
    #[test]
    fn another_program_is_no_prowlarr() {
        let error = check_up("Lidarr", "[]", "[]", "[]").unwrap_err();
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unsupported, Some("Lidarr answers")));
        assert_eq!(check_up("Prowlarr", "{", "[]", "[]").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(check_up("Prowlarr", "[]", "<html>", "[]").unwrap_err().kind(), ErrorKind::Unavailable);
    }

    /// Goal: each broken body has its kind.
    #[test]
    fn broken_bodies_are_told_apart() {
        let kind =
            |body: &str| read_releases(&Reply::ok(body), &base(), &ProviderId::new("prowlarr")).unwrap_err().kind();
        assert_eq!(kind(r#"[{"title":"A""#), ErrorKind::Malformed);
        assert_eq!(kind(r#"{"message":"no list"}"#), ErrorKind::Malformed);
        assert_eq!(kind("<!DOCTYPE html><html>"), ErrorKind::Unavailable);
    }

    proptest! {
        /// Goal: no body makes the reader panic or give a release without a way to it.
        #[test]
        fn any_body_is_survived(body in r#"(\[|\{|"|title|infoHash|guid|magnet:\?xt=urn:btih:|:|,|[0-9a-f]{40}|null|-1|1e99|\}|\]|.){0,60}"#) {
            if let Ok(((releases, _), _)) = read_releases(&Reply::ok(&body), &base(), &ProviderId::new("prowlarr")) {
                for release in releases {
                    prop_assert!(release.info_hash.is_some() || release.link.is_some());
                }
            }
        }
    }
}
