//! A stand-in of OpenSubtitles: the API under `/api/v1/`, files under `/download/`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::subtitle::StandInSubtitle;
use super::{Mishap, StandIn, StandInReply, StandInRequest, titles, wire};

/// Rows of a page.
const PAGE_SIZE: usize = 60;

/// Downloads of a day.
const ALLOWED_DOWNLOADS: u32 = 100;

/// Until when a used-up quota lasts.
const RESET_IN: Duration = Duration::from_secs(3600);

/// Parameters that a search takes.
const PARAMETERS: [&str; 13] = [
    "ai_translated",
    "episode_number",
    "foreign_parts_only",
    "hearing_impaired",
    "imdb_id",
    "languages",
    "moviehash",
    "page",
    "parent_imdb_id",
    "parent_tmdb_id",
    "query",
    "season_number",
    "tmdb_id",
];
/// And two more, which narrow a search by name.
const NAME_PARAMETERS: [&str; 2] = ["type", "year"];

/// OpenSubtitles, played by us: search in the one canonical order of its parameters, sign-in, downloads with their quota, links that end.
///
/// It refuses programs that do not name themselves, redirects searches whose parameters are not sorted or not in lower case, and asks for a
/// token before it gives a link. Files lie on its own host.
///
/// ```
/// use prostream_core::testing::stand_in::{OpenSubtitlesStandIn, StandInSubtitle};
/// let subtitle = StandInSubtitle { number: 7, language: "en".to_owned(), ..Default::default() };
/// let service = OpenSubtitlesStandIn::new("k3y", "mia", "p4ssword").with_subtitle(subtitle);
/// ```
#[derive(Debug)]
pub struct OpenSubtitlesStandIn {
    key: String,
    user: String,
    password: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    subtitles: Vec<StandInSubtitle>,
    downloads_left: u32,
    /// The token that is good now, if any.
    token: Option<String>,
    token_count: u32,
    /// The host that sign-ins name; none: the one that was asked.
    named_host: Option<String>,
    /// Links by their names, and whether they have ended.
    links: HashMap<String, (u64, bool)>,
    secrets_at_links: usize,
    last_tokens_at: Vec<(String, String)>,
    mishap: Option<Mishap>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            subtitles: Vec::new(),
            downloads_left: ALLOWED_DOWNLOADS,
            token: None,
            token_count: 0,
            named_host: None,
            links: HashMap::new(),
            secrets_at_links: 0,
            last_tokens_at: Vec::new(),
            mishap: None,
        }
    }
}

/// HTTP status and words.
type Complaint = (StatusCode, Value);

fn complaint(status: StatusCode, words: &str) -> Complaint {
    (status, json!({"message": words, "status": status.as_u16()}))
}

impl OpenSubtitlesStandIn {
    /// A stand-in that takes this key and knows this user.
    #[must_use]
    pub fn new(key: impl Into<String>, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { key: key.into(), user: user.into(), password: password.into(), state: Mutex::default() }
    }

    /// Has a subtitle.
    #[must_use]
    pub fn with_subtitle(self, subtitle: StandInSubtitle) -> Self {
        self.given_subtitle(subtitle);
        self
    }

    /// From now on it has a subtitle.
    pub fn given_subtitle(&self, subtitle: StandInSubtitle) {
        self.state().subtitles.push(subtitle);
    }

    /// So many downloads are left of the day.
    pub fn given_downloads_left(&self, downloads_left: u32) {
        self.state().downloads_left = downloads_left;
    }

    /// The token that was given ends.
    pub fn given_token_ended(&self) {
        self.state().token = None;
    }

    /// The links that were given until now end.
    pub fn given_links_ended(&self) {
        self.state().links.values_mut().for_each(|(_, has_ended)| *has_ended = true);
    }

    /// From now on sign-ins name this host.
    pub fn given_named_host(&self, host: impl Into<String>) {
        self.state().named_host = Some(host.into());
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        self.state().mishap = mishap;
    }

    /// How many sign-ins there were.
    #[must_use]
    pub fn sign_in_count(&self) -> u32 {
        self.state().token_count
    }

    /// Requests for files that carried a key or a token, which belong to the API alone.
    #[must_use]
    pub fn secrets_at_links(&self) -> usize {
        self.state().secrets_at_links
    }

    /// Host and path of each request that carried a token.
    #[must_use]
    pub fn tokens_at(&self) -> Vec<(String, String)> {
        self.state().last_tokens_at.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who it is, as `AppName v1.2.3`.
    fn names_itself(headers: &HeaderMap) -> bool {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        agent.split_once(" v").is_some_and(|(name, version)| {
            !name.is_empty() && version.starts_with(|first: char| first.is_ascii_digit()) && version.contains('.')
        })
    }

    fn answer(&self, request: &StandInRequest, path: &str) -> Result<Value, Complaint> {
        if !Self::names_itself(request.headers()) {
            return Err(complaint(StatusCode::FORBIDDEN, "User-Agent header is wrong. Please use AppName v1.2.3"));
        }
        if request.headers().get("api-key").is_none_or(|key| key.as_bytes() != self.key.as_bytes()) {
            return Err(complaint(StatusCode::FORBIDDEN, "You cannot consume this service"));
        }
        let mut state = self.state();
        let token = wire::bearer(request).map(str::to_owned);
        if token.is_some() {
            state.last_tokens_at.push((wire::host(request), path.to_owned()));
        }
        let is_signed = token.is_some() && token == state.token;
        let unsigned = || complaint(StatusCode::UNAUTHORIZED, "invalid token");
        match (request.method(), path) {
            (&Method::GET, "subtitles") => state.search(&wire::query(request)),
            (&Method::GET, "infos/formats") => Ok(json!({"data": {"output_formats": ["srt", "sub", "mpl", "webvtt"]}})),
            (&Method::GET, "infos/user") if is_signed => Ok(json!({"data": {
                "allowed_downloads": ALLOWED_DOWNLOADS, "level": "Sub leecher", "user_id": 1, "ext_installed": false,
                "vip": false, "downloads_count": ALLOWED_DOWNLOADS.saturating_sub(state.downloads_left),
                "remaining_downloads": state.downloads_left,
            }})),
            (&Method::POST, "login") => self.sign_in(&mut state, request),
            (&Method::POST, "download") if is_signed => state.download(request),
            (&Method::GET, "infos/user") | (&Method::POST, "download") => Err(unsigned()),
            _ => Err(complaint(StatusCode::NOT_FOUND, "no such resource")),
        }
    }

    fn sign_in(&self, state: &mut State, request: &StandInRequest) -> Result<Value, Complaint> {
        let body = json_body(request)?;
        if body["username"] != self.user.as_str() || body["password"] != self.password.as_str() {
            return Err(complaint(StatusCode::UNAUTHORIZED, "Error, invalid username/password"));
        }
        state.token_count += 1;
        let token = format!("eyJ0.t0ken{}.c2ln", state.token_count);
        state.token = Some(token.clone());
        let host = state.named_host.clone().unwrap_or_else(|| wire::host(request));
        Ok(json!({
            "user": {"allowed_translations": 1, "allowed_downloads": ALLOWED_DOWNLOADS, "level": "Sub leecher", "user_id": 1,
                "ext_installed": false, "vip": false},
            "base_url": host, "token": token, "status": 200,
        }))
    }
}

fn json_body(request: &StandInRequest) -> Result<Value, Complaint> {
    let is_json =
        request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"application/json");
    let body = serde_json::from_slice(request.body()).ok().filter(|_| is_json);
    body.ok_or_else(|| complaint(StatusCode::BAD_REQUEST, "Error, the request is no JSON"))
}

impl StandIn for OpenSubtitlesStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let path = request.uri().path();
        let right = if let Some(name) = path.strip_prefix("/download/") {
            self.state().file(name, request.headers())
        } else if let Some(path) = path.strip_prefix("/api/v1/") {
            match canonical(path, request) {
                Some(location) => redirect(&location),
                None => match self.answer(request, path) {
                    Ok(body) => {
                        let named = |link: &str| format!("http://{}{link}", wire::host(request));
                        wire::json(StatusCode::OK, &with_host(body, named))
                    }
                    Err((status, body)) => wire::json(status, &body),
                },
            }
        } else {
            wire::reply(StatusCode::NOT_FOUND, "text/html", Bytes::from_static(b"<h1>Not Found</h1>"))
        };
        match self.state().mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

/// Links are told with the host that was asked.
fn with_host(mut body: Value, named: impl Fn(&str) -> String) -> Value {
    if let Some(link) = body.get("link").and_then(Value::as_str).map(&named) {
        body["link"] = link.into();
    }
    body
}

/// Where a search belongs that is not sorted, or not in lower case.
fn canonical(path: &str, request: &StandInRequest) -> Option<String> {
    let query = request.uri().query().filter(|_| path == "subtitles")?;
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_by_key(|pair| pair.split('=').next().unwrap_or_default().to_ascii_lowercase());
    let sorted = pairs.join("&").to_ascii_lowercase();
    (sorted != query).then(|| format!("/api/v1/subtitles?{sorted}"))
}

fn redirect(location: &str) -> StandInReply {
    let mut reply = wire::reply(StatusCode::MOVED_PERMANENTLY, "text/html", Bytes::new());
    if let Ok(location) = HeaderValue::from_str(location) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    reply
}

impl State {
    fn search(&self, query: &[(String, String)]) -> Result<Value, Complaint> {
        let unknown = |name: &&String| ![&PARAMETERS[..], &NAME_PARAMETERS].concat().contains(&name.as_str());
        if let Some(name) = query.iter().map(|(name, _)| name).find(unknown) {
            return Err((
                StatusCode::BAD_REQUEST,
                json!({"errors": [format!("{name} is no parameter")], "status": 400}),
            ));
        }
        let value = |name: &str| wire::value(query, name);
        let asked = ["imdb_id", "tmdb_id", "parent_imdb_id", "parent_tmdb_id", "moviehash", "query"];
        if !asked.iter().any(|name| value(name).is_some()) {
            return Err((StatusCode::BAD_REQUEST, json!({"errors": ["Not enough parameters"], "status": 400})));
        }
        let page: usize = value("page").map_or(Ok(1), str::parse).unwrap_or(0);
        if page == 0 {
            return Err((StatusCode::BAD_REQUEST, json!({"errors": ["page is invalid"], "status": 400})));
        }
        let hash = value("moviehash");
        let rows: Vec<Value> =
            self.subtitles.iter().filter(|one| one.is_wanted(query)).map(|one| one.row(hash)).collect();
        let total = rows.len();
        let rows: Vec<Value> = rows.into_iter().skip((page - 1) * PAGE_SIZE).take(PAGE_SIZE).collect();
        Ok(json!({
            "total_pages": total.div_ceil(PAGE_SIZE), "total_count": total, "per_page": PAGE_SIZE, "page": page, "data": rows,
        }))
    }

    fn download(&mut self, request: &StandInRequest) -> Result<Value, Complaint> {
        let body = json_body(request)?;
        let number = body["file_id"].as_u64();
        let subtitle = self.subtitles.iter().find(|one| Some(one.number) == number);
        let subtitle = subtitle.ok_or_else(|| complaint(StatusCode::NOT_FOUND, "Error, invalid file_id"))?;
        let reset = OffsetDateTime::from(SystemTime::now() + RESET_IN).format(&Rfc3339).unwrap_or_default();
        let used = ALLOWED_DOWNLOADS.saturating_sub(self.downloads_left);
        let (number, name) = (subtitle.number, format!("{}.srt", subtitle.release));
        let Some(left) = self.downloads_left.checked_sub(1) else {
            return Err((
                StatusCode::NOT_ACCEPTABLE,
                json!({
                    "requests": used, "remaining": -1, "reset_time": "01 hours and 00 minutes", "reset_time_utc": reset,
                    "message": format!("You have downloaded your allowed {ALLOWED_DOWNLOADS} subtitles for 24h."),
                }),
            ));
        };
        self.downloads_left = left;
        let link = format!("{:016x}", self.links.len() + 1);
        self.links.insert(link.clone(), (number, false));
        Ok(json!({
            "link": format!("/download/{link}"), "file_name": name, "requests": used + 1, "remaining": left,
            "message": format!("Your quota will be renewed in 01 hours ({reset})"), "reset_time": "01 hours and 00 minutes",
            "reset_time_utc": reset,
        }))
    }

    fn file(&mut self, name: &str, headers: &HeaderMap) -> StandInReply {
        if headers.contains_key("api-key") || headers.contains_key(header::AUTHORIZATION) {
            self.secrets_at_links += 1;
        }
        let gone = |status| wire::reply(status, "text/plain", Bytes::new());
        let Some((number, has_ended)) = self.links.get(name) else { return gone(StatusCode::NOT_FOUND) };
        match self.subtitles.iter().find(|one| one.number == *number) {
            _ if *has_ended => gone(StatusCode::GONE),
            Some(subtitle) => wire::reply(StatusCode::OK, "application/x-subrip", subtitle.bytes.clone()),
            None => gone(StatusCode::NOT_FOUND),
        }
    }
}

impl StandInSubtitle {
    /// Do all conditions of a search hold?
    fn is_wanted(&self, query: &[(String, String)]) -> bool {
        let has_hash = |hash: &str| self.file_hash.as_deref() == Some(hash);
        // A file that is known leads to subtitles by itself.
        let has_ids = query.iter().any(|(name, _)| matches!(name.as_str(), "query") || name.ends_with("_id"));
        query.iter().all(|(name, value)| match name.as_str() {
            "imdb_id" => self.episode.is_none() && self.imdb_number() == Some(value.as_str()),
            "parent_imdb_id" => self.episode.is_some() && self.imdb_number() == Some(value.as_str()),
            "tmdb_id" => self.episode.is_none() && self.tmdb_id.is_some_and(|id| id.to_string() == *value),
            "parent_tmdb_id" => self.episode.is_some() && self.tmdb_id.is_some_and(|id| id.to_string() == *value),
            "season_number" => self.episode.is_some_and(|(season, _)| season.to_string() == *value),
            "episode_number" => self.episode.is_some_and(|(_, episode)| episode.to_string() == *value),
            "query" => titles::is_match(value, [self.title.as_str()]),
            "year" => self.year.to_string() == *value,
            "type" => value == if self.episode.is_some() { "episode" } else { "movie" },
            "languages" => value.split(',').any(|code| self.language.eq_ignore_ascii_case(code)),
            "moviehash" => has_ids || has_hash(value),
            _ => true,
        })
    }

    /// The digits of its IMDb id, without what pads them.
    fn imdb_number(&self) -> Option<&str> {
        Some(self.imdb_id.as_deref()?.strip_prefix("tt")?.trim_start_matches('0'))
    }

    fn row(&self, hash: Option<&str>) -> Value {
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut row = json!({"id": format!("9{}", self.number), "type": "subtitle", "attributes": {
            "subtitle_id": format!("9{}", self.number), "language": known(&self.language), "download_count": self.download_count,
            "new_download_count": 0, "hearing_impaired": self.is_hearing_impaired, "hd": true, "fps": self.frames_per_s, "votes": 0,
            "ratings": 0.0, "from_trusted": self.is_trusted, "foreign_parts_only": self.is_foreign_parts_only,
            "upload_date": "2020-01-01T00:00:00Z", "ai_translated": false, "machine_translated": self.is_machine_translated,
            "release": self.release, "comments": "", "legacy_subtitle_id": null, "uploader": {"uploader_id": 1, "name": "x", "rank": "x"},
            "feature_details": {
                "feature_id": 1, "feature_type": if self.episode.is_some() { "Episode" } else { "Movie" }, "year": self.year,
                "title": self.title, "movie_name": self.title, "imdb_id": self.imdb_number().and_then(|id| id.parse::<u64>().ok()),
                "tmdb_id": self.tmdb_id, "season_number": self.episode.map(|one| one.0), "episode_number": self.episode.map(|one| one.1),
            },
            "related_links": [],
            "files": [{"file_id": self.number, "cd_number": 1, "file_name": format!("{}.srt", self.release)}],
        }});
        if let Some(hash) = hash {
            row["attributes"]["moviehash_match"] = (self.file_hash.as_deref() == Some(hash)).into();
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> OpenSubtitlesStandIn {
        OpenSubtitlesStandIn::new("k3y", "mia", "p4ssword").with_subtitle(StandInSubtitle {
            number: 7,
            imdb_id: Some("tt0000042".to_owned()),
            language: "en".to_owned(),
            bytes: Bytes::from_static(b"text"),
            ..Default::default()
        })
    }

    fn ask(
        service: &OpenSubtitlesStandIn,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> StandInReply {
        let mut request = http::Request::builder().method(method).uri(uri).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        service.reply(&request.body(body.to_string().into()).unwrap())
    }

    const HEADERS: [(&str, &str); 2] = [("api-key", "k3y"), ("user-agent", "Test v1.0.0")];

    /// Goal: key, name of the program, order of the parameters, sign-in and quota are insisted on, as the service does.
    #[test]
    fn complaints_are_the_services_own() {
        let service = service();
        let get = |uri: &str, headers: &[(&str, &str)]| ask(&service, "GET", uri, headers, Value::Null);
        let found = get("/api/v1/subtitles?imdb_id=42&languages=de,en", &HEADERS);
        assert_eq!(
            serde_json::from_slice::<Value>(found.body()).unwrap()["data"][0]["attributes"]["files"][0]["file_id"],
            7
        );
        for (uri, headers, status) in [
            ("/api/v1/subtitles?imdb_id=42", &HEADERS[..1], 403),
            ("/api/v1/subtitles?imdb_id=42", &[("user-agent", "reqwest"), ("api-key", "k3y")], 403),
            ("/api/v1/subtitles?imdb_id=42", &HEADERS[1..], 403),
            ("/api/v1/subtitles?languages=en", &HEADERS, 400),
            ("/api/v1/subtitles?imdb_id=42&nothing=1", &HEADERS, 400),
            ("/api/v1/infos/user", &HEADERS, 401),
            ("/api/v1/nothing", &HEADERS, 404),
            ("/download/0", &[], 404),
        ] {
            assert_eq!(get(uri, headers).status().as_u16(), status, "{uri} {headers:?}");
        }
        let moved = get("/api/v1/subtitles?languages=EN&imdb_id=42", &HEADERS);
        assert_eq!(moved.headers()["location"], "/api/v1/subtitles?imdb_id=42&languages=en");
    }

    /// Goal: a token opens the downloads, each counts, and links end.
    #[test]
    fn downloads_need_a_token_and_count() {
        let service = service();
        service.given_downloads_left(1);
        let post = |uri: &str, headers: &[(&str, &str)], body| {
            let reply = ask(&service, "POST", uri, &[&HEADERS, headers].concat(), body);
            (reply.status().as_u16(), serde_json::from_slice::<Value>(reply.body()).unwrap())
        };
        let wrong = json!({"username": "mia", "password": "no"});
        assert_eq!(post("/api/v1/login", &[], wrong).0, 401);
        let (_, body) = post("/api/v1/login", &[], json!({"username": "mia", "password": "p4ssword"}));
        let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
        let signed = [("authorization", bearer.as_str())];
        assert_eq!(post("/api/v1/download", &[], json!({"file_id": 7})).0, 401);
        assert_eq!(post("/api/v1/download", &signed, json!({"file_id": 8})).0, 404);
        let (_, body) = post("/api/v1/download", &signed, json!({"file_id": 7}));
        let link: http::Uri = body["link"].as_str().unwrap().parse().unwrap();
        assert_eq!(ask(&service, "GET", link.path(), &[], Value::Null).body(), "text");
        let (status, body) = post("/api/v1/download", &signed, json!({"file_id": 7}));
        assert_eq!((status, &body["remaining"]), (406, &json!(-1)));
        service.given_links_ended();
        assert_eq!(ask(&service, "GET", link.path(), &HEADERS, Value::Null).status().as_u16(), 410);
        assert_eq!((service.secrets_at_links(), service.sign_in_count()), (1, 1));
    }
}
