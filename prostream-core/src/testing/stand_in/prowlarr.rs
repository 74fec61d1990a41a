//! A Prowlarr with the releases that it is given: search, list of indexers, status, download links.
//!
//! Source: `SearchController`, `NewznabController` and `ApiKeyAuthenticationHandler` of Prowlarr.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Mishap, StandIn, StandInRelease, StandInReply, StandInRequest, wire};

/// A Prowlarr. The path of its address may begin with a URL base.
pub struct ProwlarrStandIn {
    key: String,
    url_base: String,
    searches_by_imdb: bool,
    page_size: Option<usize>,
    releases: Mutex<Vec<StandInRelease>>,
    further: Mutex<Vec<Further>>,
    troubles: Mutex<Troubles>,
}

/// A torrent indexer beside the first, with what it lists. Its links lead nowhere.
#[derive(Clone, Debug)]
struct Further {
    name: String,
    releases: Vec<StandInRelease>,
    /// It is left alone after failures.
    is_failing: bool,
    /// It has reached its limit of queries, which no list tells.
    is_limited: bool,
}

/// Number of the first of them.
const FIRST_FURTHER: i64 = 11;

/// What is wrong with it.
#[derive(Clone, Debug, Default)]
struct Troubles {
    is_failing: bool,
    is_empty: bool,
    complaint: Option<String>,
    app_name: Option<String>,
    mishap: Option<Mishap>,
}

impl ProwlarrStandIn {
    /// One that takes this key and lists nothing.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            url_base: String::new(),
            searches_by_imdb: true,
            page_size: None,
            further: Mutex::default(),
            releases: Mutex::default(),
            troubles: Mutex::default(),
        }
    }

    /// With all routes behind `url_base`, such as `/prowlarr`.
    #[must_use]
    pub fn with_url_base(mut self, url_base: impl Into<String>) -> Self {
        self.url_base = url_base.into();
        self
    }

    /// With an indexer that knows texts only.
    #[must_use]
    pub fn without_ids(mut self) -> Self {
        self.searches_by_imdb = false;
        self
    }

    /// With a first indexer that gives so many rows at once, and further ones when it is asked for them.
    #[must_use]
    pub fn with_pages(mut self, size: usize) -> Self {
        self.page_size = Some(size);
        self
    }

    /// With a torrent indexer beside the first, which lists these.
    #[must_use]
    pub fn with_indexer(self, name: impl Into<String>, releases: Vec<StandInRelease>) -> Self {
        self.further().push(Further { name: name.into(), releases, is_failing: false, is_limited: false });
        self
    }

    /// This further indexer fails and is left alone for a while.
    pub fn given_failing(&self, name: &str) {
        self.further().iter_mut().filter(|one| one.name == name).for_each(|one| one.is_failing = true);
    }

    /// This further indexer has reached its limit of queries.
    pub fn given_limited(&self, name: &str) {
        self.further().iter_mut().filter(|one| one.name == name).for_each(|one| one.is_limited = true);
    }

    fn further(&self) -> MutexGuard<'_, Vec<Further>> {
        self.further.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With a release.
    #[must_use]
    pub fn with_release(self, release: StandInRelease) -> Self {
        self.add_release(release);
        self
    }

    /// Lists a release from now on.
    pub fn add_release(&self, release: StandInRelease) {
        self.releases().push(release);
    }

    /// Lists nothing from now on; links that were given out lead nowhere.
    pub fn clear_releases(&self) {
        self.releases().clear();
    }

    /// Its one torrent indexer fails and is left alone for a while.
    pub fn given_failing_indexer(&self) {
        self.troubles().is_failing = true;
    }

    /// Nobody has switched a torrent indexer on.
    pub fn given_no_torrent_indexer(&self) {
        self.troubles().is_empty = true;
    }

    /// It complains of something on its page System, Status.
    pub fn given_complaint(&self, words: impl Into<String>) {
        self.troubles().complaint = Some(words.into());
    }

    /// Another program of the same family answers in its place.
    pub fn given_other_program(&self, name: impl Into<String>) {
        self.troubles().app_name = Some(name.into());
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        self.troubles().mishap = mishap;
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn releases(&self) -> MutexGuard<'_, Vec<StandInRelease>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(&self, request: &StandInRequest) -> StandInReply {
        let query = wire::query(request);
        let first = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let indexers: Vec<i64> = numbers(&query, "indexerIds");
        let is_asked = |id: i64| indexers.is_empty() || indexers.contains(&id) || indexers.contains(&-2);
        let further: Vec<(i64, Further)> = (FIRST_FURTHER..)
            .zip(self.further().iter().cloned())
            .filter(|(id, one)| is_asked(*id) && !one.is_failing && !one.is_limited)
            .collect();
        if !indexers.is_empty() && !is_asked(1) && further.is_empty() {
            return wire::json(
                StatusCode::BAD_REQUEST,
                &json!({"message": "Search failed due to all selected indexers being unavailable", "description": ""}),
            );
        }
        let mode = first("type").unwrap_or("search");
        let text = first("query").unwrap_or_default();
        // Only the modes of films and series know tokens; elsewhere they are words that no release has.
        let (text, tokens) =
            if matches!(mode, "movie" | "tvsearch") { cut_tokens(text) } else { (text.to_owned(), Vec::new()) };
        let token = |name: &str| tokens.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let season = token("season").and_then(|value| value.parse().ok());
        let imdb = token("imdbid").map(|id| id.trim_start_matches('t').parse::<u64>().unwrap_or_default());
        let has_unknown_id = tokens.iter().any(|(name, _)| !matches!(name.as_str(), "imdbid" | "season" | "episode"))
            || (imdb.is_some() && !self.searches_by_imdb);
        let categories: Vec<u32> = numbers(&query, "categories");
        let is_wanted = |release: &StandInRelease| {
            release.is_in(&categories)
                && release.matches_text(&text)
                && imdb.is_none_or(|imdb| release.imdb_number == imdb)
                && release.matches_episode(season, token("episode"))
        };
        let releases = self.releases();
        let of_first = releases.iter().enumerate().filter(|(_, release)| is_asked(1) && is_wanted(release));
        // One id that the indexer does not know takes it out of the search, without a word.
        let mut rows: Vec<Value> =
            of_first.filter(|_| !has_unknown_id).map(|(index, release)| self.row(request, index, release)).collect();
        if let Some(size) = self.page_size {
            let number = |name: &str| first(name).and_then(|value| value.parse::<usize>().ok());
            let limit = number("limit").unwrap_or(size).min(size);
            rows = rows.into_iter().skip(number("offset").unwrap_or(0)).take(limit).collect();
        }
        for (id, one) in &further {
            // These know texts only.
            for release in one.releases.iter().filter(|release| tokens.is_empty() && is_wanted(release)) {
                let mut row = self.row(request, usize::MAX, release);
                row["indexerId"] = (*id).into();
                row["indexer"] = one.name.as_str().into();
                row["guid"] = format!("https://tracker{id}.example/{}", release.info_hash).into();
                rows.push(row);
            }
        }
        wire::json(StatusCode::OK, &Value::Array(rows))
    }

    /// Both links are rewritten to our own; a field whose value is null is left out.
    fn row(&self, request: &StandInRequest, index: usize, release: &StandInRelease) -> Value {
        let host = wire::host(request);
        let file = url::form_urlencoded::byte_serialize(release.name.as_bytes()).collect::<String>();
        let link = format!("http://{host}{}/1/download?apikey={}&link={index:x}&file={file}", self.url_base, self.key);
        let guid = format!("https://tracker.example/t/{index}");
        let mut row = json!({
            "guid": guid, "infoUrl": guid, "title": release.name, "sortTitle": release.name.to_lowercase(),
            "size": release.size_bytes, "age": release.age_days, "ageHours": f64::from(release.age_days) * 24.0, "ageMinutes": f64::from(release.age_days) * 1440.0,
            "indexerId": 1, "indexer": "Example", "publishDate": "2024-05-01T12:00:00Z",
            "imdbId": release.imdb_number, "tmdbId": 0, "tvdbId": 0, "tvMazeId": 0, "indexerFlags": ["freeleech"],
            "categories": [{"id": release.category, "name": "", "subCategories": []}],
            "protocol": release.protocol, "fileName": format!("{}.torrent", release.name),
        });
        let Some(fields) = row.as_object_mut() else { return row };
        if release.torrent_file.is_some() || release.protocol != "torrent" {
            fields.insert("downloadUrl".into(), link.into());
        } else {
            fields.insert("magnetUrl".into(), link.into());
        }
        if release.shows_hash && release.protocol == "torrent" {
            fields.insert("infoHash".into(), release.info_hash.to_string().to_uppercase().into());
        }
        if let Some(count) = release.seeder_count {
            fields.insert("seeders".into(), count.into());
            fields.insert("leechers".into(), 3.into());
        }
        row
    }

    fn indexers(&self) -> StandInReply {
        let mut params = vec!["q", "season", "ep"];
        if self.searches_by_imdb {
            params.push("imdbId");
        }
        let limit = self.page_size.unwrap_or(100);
        let mut rows = json!([
            {"id": 1, "name": "Example", "enable": !self.troubles().is_empty, "redirect": false, "protocol": "torrent", "privacy": "public", "priority": 25,
             "supportsSearch": true, "supportsPagination": self.page_size.is_some(), "implementation": "Cardigann",
             "capabilities": {"limitsMax": limit, "limitsDefault": limit, "supportsRawSearch": false,
                              "categories": [{"id": 2000, "name": "Movies", "subCategories": []}, {"id": 5000, "name": "TV", "subCategories": []}],
                              "searchParams": ["q"], "tvSearchParams": params, "movieSearchParams": params}},
            {"id": 2, "name": "Broken", "enable": false, "protocol": "torrent"},
            {"id": 3, "name": "News", "enable": true, "protocol": "usenet",
             "capabilities": {"movieSearchParams": ["q", "imdbId"], "tvSearchParams": ["q", "season", "ep", "imdbId"]}},
        ]);
        let further = self.further();
        let further = (FIRST_FURTHER..).zip(further.iter()).map(|(id, one)| {
            json!({"id": id, "name": one.name, "enable": true, "protocol": "torrent", "privacy": "private", "supportsSearch": true,
                   "capabilities": {"limitsMax": 0, "searchParams": ["q"], "tvSearchParams": ["q"], "movieSearchParams": ["q"]}})
        });
        if let Some(rows) = rows.as_array_mut() {
            rows.extend(further);
        }
        wire::json(StatusCode::OK, &rows)
    }

    /// Those that are left alone after failures.
    fn failing_indexers(&self) -> StandInReply {
        let first = self.troubles().is_failing.then_some(1);
        let further = self.further();
        let further = (FIRST_FURTHER..).zip(further.iter()).filter(|(_, one)| one.is_failing).map(|(id, _)| id);
        let row = |id: i64| {
            json!({"id": id, "indexerId": id, "disabledTill": "2099-12-31T12:00:00Z",
                   "mostRecentFailure": "2024-05-01T12:00:00Z", "initialFailure": "2024-05-01T11:00:00Z"})
        };
        wire::json(StatusCode::OK, &first.into_iter().chain(further).map(row).collect())
    }

    fn health(&self) -> StandInReply {
        let troubles = self.troubles();
        let row = |source: &str, kind: &str, message: &str| json!({"source": source, "type": kind, "message": message, "wikiUrl": "https://wiki.example/prowlarr"});
        // A failing indexer is told here as well.
        let failing = troubles
            .is_failing
            .then(|| row("IndexerStatusCheck", "error", "All indexers are unavailable due to failures"));
        let complaint = troubles.complaint.as_deref().map(|words| row("ProxyCheck", "error", words));
        wire::json(StatusCode::OK, &failing.into_iter().chain(complaint).collect())
    }

    fn download(&self, request: &StandInRequest) -> StandInReply {
        let query = wire::query(request);
        let link = query.iter().find(|(key, _)| key == "link").map(|(_, value)| value.as_str());
        let Some(index) = link.and_then(|link| usize::from_str_radix(link, 16).ok()) else {
            return wire::json(StatusCode::BAD_REQUEST, &json!({"message": "Failed to normalize provided link"}));
        };
        let releases = self.releases();
        match releases.get(index) {
            Some(release) => release.download(StatusCode::MOVED_PERMANENTLY),
            None => wire::reply(
                StatusCode::GONE,
                "application/rss+xml",
                r#"<?xml version="1.0" encoding="UTF-8"?><error code="410" description="Release not found" />"#,
            ),
        }
    }
}

/// Shows no key.
impl fmt::Debug for ProwlarrStandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProwlarrStandIn").field("url_base", &self.url_base).finish_non_exhaustive()
    }
}

impl StandIn for ProwlarrStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let right = self.right_reply(request);
        match self.troubles().mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl ProwlarrStandIn {
    fn right_reply(&self, request: &StandInRequest) -> StandInReply {
        let Some(path) = request.uri().path().strip_prefix(self.url_base.as_str()) else {
            return wire::json(StatusCode::NOT_FOUND, &json!({"message": "NotFound"}));
        };
        if path == "/ping" {
            return wire::json(StatusCode::OK, &json!({"status": "OK"}));
        }
        // The key of the address wins over that of the header, even if it is wrong.
        let query = wire::query(request);
        let in_address = query.iter().find(|(name, _)| name == "apikey").map(|(_, key)| key.as_str());
        let in_header = request.headers().get("x-api-key").and_then(|key| key.to_str().ok());
        if in_address.or(in_header) != Some(self.key.as_str()) {
            return wire::reply(StatusCode::UNAUTHORIZED, "text/plain", Bytes::new());
        }
        match path {
            "/api/v1/search" => self.search(request),
            "/api/v1/indexer" => self.indexers(),
            "/api/v1/indexerstatus" => self.failing_indexers(),
            "/api/v1/health" => self.health(),
            "/api/v1/system/status" => {
                let name = self.troubles().app_name.clone().unwrap_or_else(|| "Prowlarr".to_owned());
                wire::json(StatusCode::OK, &json!({"appName": name, "version": "2.0.0", "urlBase": self.url_base}))
            }
            "/1/download" => self.download(request),
            _ => wire::json(StatusCode::NOT_FOUND, &json!({"message": "NotFound"})),
        }
    }
}

fn numbers<T: std::str::FromStr>(query: &[(String, String)], name: &str) -> Vec<T> {
    query.iter().filter(|(key, _)| key == name).filter_map(|(_, value)| value.parse().ok()).collect()
}

/// `{ImdbId:tt1}{Season:1} text` as the text and the tokens, their names in lower case.
fn cut_tokens(text: &str) -> (String, Vec<(String, String)>) {
    let mut rest = text;
    let mut kept = String::new();
    let mut tokens = Vec::new();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((token, after)) = after.split_once('}') else { break };
        kept.push_str(before);
        if let Some((name, value)) = token.split_once(':') {
            tokens.push((name.to_lowercase(), value.to_owned()));
        }
        rest = after;
    }
    kept.push_str(rest);
    (kept, tokens)
}
