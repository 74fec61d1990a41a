//! A stand-in of Real-Debrid: one account, and the torrents the service knows.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::torrent_file;
use super::{Mishap, StandIn, StandInReply, StandInRequest, StandInTorrent, StandInUnlock, wire};
use crate::model::{FileEntry, InfoHash, Magnet};

/// Requests of any minute; those beyond are answered with 429, and count as well.
const PER_MINUTE: usize = 250;

/// Torrents that may be in preparation at once.
const MAX_ACTIVE: usize = 100;

/// Torrents on a page, however many are asked for.
const PAGE: usize = 100;

/// Real-Debrid, played by us: account, adding of magnets and files, choosing files, info, listing by pages, unlocking, deletion and the device
/// flow; its errors and its limits, the rate limit included. Direct links lead below a media address of your choice:
/// `{media}/{file name}?token=…`.
///
/// A torrent is added anew each time, also when it is there. Hosters, downloads and streaming are not there: unknown paths are error 3.
#[derive(Debug)]
pub struct RealDebridStandIn {
    key: String,
    media_url: Url,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: HashMap<InfoHash, StandInTorrent>,
    held: BTreeMap<u64, Held>,
    next_id: u64,
    metadata_looks: u32,
    has_long_links: bool,
    infringing: HashMap<InfoHash, bool>,
    link_generation: u32,
    is_premium: bool,
    is_refused: bool,
    is_used_up: bool,
    refuses_doubles: bool,
    owner: Owner,
    refresh_token: u32,
    viewer_addresses: Vec<String>,
    has_rate_limit: bool,
    recent: VecDeque<Instant>,
    mishap: Option<Mishap>,
}

const OPEN_SOURCE_CLIENT: &str = "X245A4XAIBGVM";
const DEVICE_CODE: &str = "OOYTGWLH2CSXCX3WNBAT3SKWRP5YIKCFDHJEBQQTS";
const CLIENT_ID: &str = "N0TARE4LCL1ENT";
const CLIENT_SECRET: &str = "4d5f6a7b8c9d0e1f4d5f6a7b8c9d0e1f";
const GRANT_TYPE: &str = "http://oauth.net/grant_type/device/1.0";

/// What the owner did with the code.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Waits,
    Agreed,
    LetItEnd,
}

/// A torrent of the account.
#[derive(Debug)]
struct Held {
    info_hash: InfoHash,
    /// Looks until its files are known.
    metadata_looks: u32,
    /// Numbers of the chosen files, from 1.
    selected: BTreeSet<usize>,
    was_queued: bool,
    steps_done: u32,
}

/// HTTP status, code and word of an error.
#[derive(Clone, Copy, Debug)]
struct Complaint(u16, i64, &'static str);

const MISSING_PARAMETER: Complaint = Complaint(400, 1, "parameter_missing");
const BAD_PARAMETER: Complaint = Complaint(400, 2, "wrong_parameter");
const UNKNOWN_METHOD: Complaint = Complaint(404, 3, "unknown_method");
const UNKNOWN_RESOURCE: Complaint = Complaint(404, 7, "unknown_ressource");
const BAD_TOKEN: Complaint = Complaint(401, 8, "bad_token");
const PERMISSION_DENIED: Complaint = Complaint(403, 9, "permission_denied");
const TOO_MANY_ACTIVE: Complaint = Complaint(503, 21, "too_many_active_downloads");
const IP_NOT_ALLOWED: Complaint = Complaint(403, 22, "ip_not_allowed");
const TRAFFIC_EXHAUSTED: Complaint = Complaint(503, 23, "traffic_exhausted");
const FILE_UNAVAILABLE: Complaint = Complaint(503, 24, "file_unavailable");
const TORRENT_INVALID: Complaint = Complaint(400, 30, "torrent_file_invalid");
const ALREADY_DONE: Complaint = Complaint(202, 31, "action_already_done");
const ALREADY_ACTIVE: Complaint = Complaint(503, 33, "torrent_already_active");
const INFRINGING: Complaint = Complaint(451, 35, "infringing_file");
const DISABLED: Complaint = Complaint(403, 37, "disabled_endpoint");

/// What a call came to, when it went well.
#[derive(Debug)]
enum Done {
    With(StatusCode, Value),
    /// A part of a list, and how many there are in all.
    Page(Vec<Value>, usize),
    /// 204, no body.
    Nothing,
}

type Answer = Result<Done, Complaint>;

fn ok(body: Value) -> Answer {
    Ok(Done::With(StatusCode::OK, body))
}

impl RealDebridStandIn {
    /// A stand-in with a premium account behind `key`, whose direct links lead below `media_url`.
    #[must_use]
    pub fn new(key: impl Into<String>, media_url: Url) -> Self {
        let state = State {
            known: HashMap::new(),
            held: BTreeMap::new(),
            next_id: 1,
            metadata_looks: 0,
            has_long_links: false,
            infringing: HashMap::new(),
            link_generation: 1,
            is_premium: true,
            is_refused: false,
            is_used_up: false,
            refuses_doubles: false,
            owner: Owner::Waits,
            refresh_token: 1,
            viewer_addresses: Vec::new(),
            has_rate_limit: true,
            recent: VecDeque::new(),
            mishap: None,
        };
        Self { key: key.into(), media_url, state: Mutex::new(state) }
    }

    /// Can get a torrent.
    #[must_use]
    pub fn with_torrent(self, torrent: StandInTorrent) -> Self {
        self.given_torrent(torrent);
        self
    }

    /// From now on it can get a torrent.
    pub fn given_torrent(&self, torrent: StandInTorrent) {
        self.state().known.insert(torrent.info_hash, torrent);
    }

    /// The user has added a torrent himself, and chosen its videos.
    pub fn given_in_account(&self, info_hash: InfoHash) {
        let videos =
            |files: &[FileEntry]| (1..).zip(files).filter(|(_, file)| file.is_video()).map(|(id, _)| id).collect();
        let chosen: Vec<usize> = self.state().known.get(&info_hash).map_or_else(Vec::new, |known| videos(&known.files));
        self.given_selected_in_account(info_hash, &chosen);
    }

    /// The user has added a torrent himself, and chosen these files by their numbers, which start at 1; none yet where there are none.
    pub fn given_selected_in_account(&self, info_hash: InfoHash, files: &[usize]) {
        let mut state = self.state();
        let id = state.hold(info_hash);
        if let Some(held) = state.held.get_mut(&id) {
            held.selected = files.iter().copied().collect();
            held.was_queued = !files.is_empty();
        }
    }

    /// The files of magnets that are added from now on are known after so many looks.
    pub fn given_late_metadata(&self, looks: u32) {
        self.state().metadata_looks = looks;
    }

    /// Links to files are written longer than it takes them, as the service does at times.
    pub fn given_long_links(&self) {
        self.state().has_long_links = true;
    }

    /// The service may not serve this torrent, and says so when it is added, or when its files are known and chosen.
    pub fn given_infringing(&self, info_hash: InfoHash, is_seen_late: bool) {
        self.state().infringing.insert(info_hash, is_seen_late);
    }

    /// A torrent of the account cannot be added a second time, as the service sometimes says.
    pub fn given_refused_doubles(&self) {
        self.state().refuses_doubles = true;
    }

    /// The plan has ended, or runs again.
    pub fn given_premium(&self, is_premium: bool) {
        self.state().is_premium = is_premium;
    }

    /// The address that asks is refused, as those of data centres are, or no longer.
    pub fn given_refused_address(&self, is_refused: bool) {
        self.state().is_refused = is_refused;
    }

    /// The traffic of the account is used up.
    pub fn given_used_up_traffic(&self) {
        self.state().is_used_up = true;
    }

    /// The owner has agreed to the sign-in, or let its code end.
    pub fn given_sign_in(&self, is_accepted: bool) {
        self.state().owner = if is_accepted { Owner::Agreed } else { Owner::LetItEnd };
    }

    /// The documented rate limit holds (as it does from the start), or not.
    pub fn given_rate_limit(&self, has_rate_limit: bool) {
        self.state().has_rate_limit = has_rate_limit;
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        self.state().mishap = mishap;
    }

    /// All direct links given so far end; new ones carry another token.
    pub fn expire_links(&self) {
        let mut state = self.state();
        state.link_generation = state.link_generation.wrapping_add(1);
    }

    /// Is this the query of a direct link that still works? For the host behind the links.
    #[must_use]
    pub fn is_live_link(&self, query: &str) -> bool {
        query == format!("token={}", self.state().link_generation)
    }

    /// The torrents of the account, in the order they were added.
    #[must_use]
    pub fn account_torrents(&self) -> Vec<InfoHash> {
        self.state().held.values().map(|held| held.info_hash).collect()
    }

    /// The numbers of the files that were chosen, for each torrent of the account in the order they were added.
    #[must_use]
    pub fn selected_files(&self) -> Vec<Vec<usize>> {
        self.state().held.values().map(|held| held.selected.iter().copied().collect()).collect()
    }

    /// The addresses of viewers that it was told, in order.
    #[must_use]
    pub fn viewer_addresses(&self) -> Vec<String> {
        self.state().viewer_addresses.clone()
    }

    /// The user has removed a torrent himself.
    pub fn removed_by_user(&self, info_hash: InfoHash) {
        self.state().held.retain(|_, held| held.info_hash != info_hash);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &mut State, request: &StandInRequest) -> Answer {
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/oauth/v2/") {
            return self.sign_in(state, request, rest);
        }
        let Some(rest) = path.strip_prefix("/rest/1.0/") else { return Err(UNKNOWN_METHOD) };
        if wire::bearer(request) != Some(&self.key) {
            return Err(BAD_TOKEN);
        }
        let form = wire::form(request);
        if let Some(address) = wire::value(&form, "ip") {
            state.viewer_addresses.push(address.to_owned());
        }
        let (call, id) = rest.rsplit_once('/').unwrap_or((rest, ""));
        match (request.method(), call, id) {
            (&Method::GET, "user", "") => ok(state.user()),
            (&Method::GET, "torrents", "") => Ok(state.list(request)),
            (&Method::POST, "torrents", "addMagnet") => {
                let text = wire::value(&form, "magnet").ok_or(MISSING_PARAMETER)?;
                let magnet = text.parse::<Magnet>().or_else(|_| text.parse().map(Magnet::from_hash));
                state.add(magnet.map_err(|_| BAD_PARAMETER)?.info_hash)
            }
            (&Method::PUT, "torrents", "addTorrent") => {
                let hash = torrent_file::info_hash(request.body()).ok_or(TORRENT_INVALID)?;
                state.add(hash)
            }
            (&Method::GET, "torrents/info", id) => ok(state.info(id)?),
            (&Method::POST, "torrents/selectFiles", id) => {
                state.select(id, wire::value(&form, "files").ok_or(MISSING_PARAMETER)?)
            }
            (&Method::DELETE, "torrents/delete", id) => {
                number(id).and_then(|id| state.held.remove(&id)).ok_or(UNKNOWN_RESOURCE)?;
                Ok(Done::Nothing)
            }
            (&Method::POST, "unrestrict", "link") => {
                let link = wire::value(&form, "link").ok_or(MISSING_PARAMETER)?;
                ok(state.unlock(&self.media_url, link)?)
            }
            _ if rest.starts_with("torrents/instantAvailability") => Err(DISABLED),
            _ => Err(UNKNOWN_METHOD),
        }
    }

    fn sign_in(&self, state: &mut State, request: &StandInRequest, call: &str) -> Answer {
        let (query, form) = (wire::query(request), wire::form(request));
        let is = |pairs: &[(String, String)], name: &str, value: &str| wire::value(pairs, name) == Some(value);
        match call {
            "device/code" if is(&query, "client_id", OPEN_SOURCE_CLIENT) => ok(json!({
                "device_code": DEVICE_CODE, "user_code": "ABCDEF0123456", "interval": 5, "expires_in": 1800,
                "verification_url": "https://real-debrid.com/device",
                "direct_verification_url": "https://real-debrid.com/authorize?client_id=X245A4XAIBGVM&device_id=ABCDEF0123456",
            })),
            "device/credentials" if is(&query, "client_id", OPEN_SOURCE_CLIENT) && is(&query, "code", DEVICE_CODE) => {
                match state.owner {
                    // What is not granted yet has no code.
                    Owner::Waits => {
                        Ok(Done::With(StatusCode::FORBIDDEN, json!({"error": "not_allowed_yet", "error_code": null})))
                    }
                    Owner::Agreed => ok(json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})),
                    Owner::LetItEnd => Err(BAD_PARAMETER),
                }
            }
            "token" if request.method() == Method::POST => {
                let refresh_token = refresh_token(state.refresh_token);
                let has_credentials = is(&form, "client_id", CLIENT_ID)
                    && is(&form, "client_secret", CLIENT_SECRET)
                    && is(&form, "grant_type", GRANT_TYPE);
                let has_code = is(&form, "code", DEVICE_CODE) || is(&form, "code", &refresh_token);
                if !has_credentials || !has_code {
                    return Err(PERMISSION_DENIED);
                }
                // What renews an access is used up by it.
                state.refresh_token += 1;
                ok(json!({"access_token": self.key, "expires_in": 86_400, "token_type": "Bearer",
                    "refresh_token": self::refresh_token(state.refresh_token)}))
            }
            _ => Err(BAD_PARAMETER),
        }
    }
}

fn refresh_token(number: u32) -> String {
    format!("R3FR3SH{number:06}")
}

impl StandIn for RealDebridStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut state = self.state();
        if !state.is_in_time(Instant::now()) && state.has_rate_limit {
            return wire::json(StatusCode::TOO_MANY_REQUESTS, &json!({"error": "too_many_requests", "error_code": 34}));
        }
        let right = match self.answer(&mut state, request) {
            Ok(done) => done.reply(),
            Err(Complaint(status, code, word)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                wire::json(status, &json!({"error": word, "error_code": code}))
            }
        };
        match state.mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl Done {
    fn reply(self) -> StandInReply {
        let nothing = || wire::reply(StatusCode::NO_CONTENT, "application/json", Bytes::new());
        match self {
            Done::With(status, body) => wire::json(status, &body),
            Done::Nothing => nothing(),
            Done::Page(rows, total) => {
                let mut reply = if rows.is_empty() { nothing() } else { wire::json(StatusCode::OK, &rows.into()) };
                reply.headers_mut().insert("X-Total-Count", HeaderValue::from(total));
                reply
            }
        }
    }
}

/// The number behind an id.
fn number(id: &str) -> Option<u64> {
    if id.len() != 13 { None } else { id.strip_prefix('T')?.parse().ok() }
}

fn torrent_id(number: u64) -> String {
    format!("T{number:012}")
}

const PAGE_LINKS: &str = "https://real-debrid.com/d/";

fn page_link(torrent: u64, file: usize) -> String {
    format!("{PAGE_LINKS}{torrent:07}{file:06}")
}

impl State {
    /// Counts a request; false when it is one too many.
    fn is_in_time(&mut self, now: Instant) -> bool {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        while self.recent.front().is_some_and(|at| age(at) >= Duration::from_secs(60)) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.recent.len() <= PER_MINUTE
    }

    fn user(&self) -> Value {
        let (kind, left, end) = if self.is_premium {
            ("premium", 2_000_000_000_u64, "2100-01-01T00:00:00.000Z")
        } else {
            ("free", 0, "2020-01-01T00:00:00.000Z")
        };
        json!({"id": 1_000_001, "username": "viewer", "email": "vi*****@example.com", "points": 1000, "locale": "en",
            "avatar": "https://fcdn.real-debrid.com/images/forum/empty.png", "type": kind, "premium": left, "expiration": end})
    }

    fn hold(&mut self, info_hash: InfoHash) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let held = Held { info_hash, metadata_looks: 0, selected: BTreeSet::new(), was_queued: false, steps_done: 0 };
        self.held.insert(id, held);
        id
    }

    fn is_ready(&self, held: &Held) -> bool {
        !held.selected.is_empty()
            && self.known.get(&held.info_hash).is_some_and(|known| {
                known.is_cached || (!known.fails && held.was_queued && held.steps_done >= known.steps_to_ready)
            })
    }

    fn add(&mut self, info_hash: InfoHash) -> Answer {
        if self.is_refused {
            return Err(IP_NOT_ALLOWED);
        }
        if !self.is_premium {
            return Err(PERMISSION_DENIED);
        }
        if self.infringing.get(&info_hash) == Some(&false) {
            return Err(INFRINGING);
        }
        if self.refuses_doubles && self.held.values().any(|held| held.info_hash == info_hash) {
            return Err(ALREADY_ACTIVE);
        }
        if self.held.values().filter(|held| !self.is_ready(held)).count() >= MAX_ACTIVE {
            return Err(TOO_MANY_ACTIVE);
        }
        let looks = self.metadata_looks;
        let id = self.hold(info_hash);
        if let Some(held) = self.held.get_mut(&id) {
            held.metadata_looks = looks;
        }
        let id = torrent_id(id);
        let uri = format!("https://api.real-debrid.com/rest/1.0/torrents/info/{id}");
        Ok(Done::With(StatusCode::CREATED, json!({"id": id, "uri": uri})))
    }

    fn select(&mut self, id: &str, files: &str) -> Answer {
        let number = number(id).ok_or(UNKNOWN_RESOURCE)?;
        let held = self.held.get_mut(&number).ok_or(UNKNOWN_RESOURCE)?;
        let known = self.known.get(&held.info_hash).filter(|_| held.metadata_looks == 0).ok_or(BAD_PARAMETER)?;
        if self.infringing.contains_key(&held.info_hash) {
            return Err(INFRINGING);
        }
        if !held.selected.is_empty() {
            return Err(ALREADY_DONE);
        }
        let chosen: Option<BTreeSet<usize>> = match files {
            "all" => Some((1..=known.files.len()).collect()),
            some => {
                some.split(',').map(|id| id.parse().ok().filter(|id| (1..=known.files.len()).contains(id))).collect()
            }
        };
        held.selected = chosen.filter(|chosen| !chosen.is_empty()).ok_or(BAD_PARAMETER)?;
        Ok(Done::Nothing)
    }

    /// A page of the account, newest first; looking at it moves nothing on.
    fn list(&self, request: &StandInRequest) -> Done {
        let query = wire::query(request);
        let value = |name: &str| wire::value(&query, name).and_then(|value| value.parse::<usize>().ok());
        let limit = value("limit").unwrap_or(PAGE).clamp(1, PAGE);
        let offset = value("page").map_or_else(|| value("offset").unwrap_or(0), |page| page.saturating_sub(1) * limit);
        let rows = self.held.iter().rev().skip(offset).take(limit).map(|(id, held)| {
            let mut row = self.row(*id, held);
            if let Some(fields) = row.as_object_mut() {
                fields.retain(|name, _| !matches!(name.as_str(), "files" | "original_filename" | "original_bytes"));
            }
            row
        });
        Done::Page(rows.collect(), self.held.len())
    }

    /// One torrent; one in preparation goes a step further by being asked about.
    fn info(&mut self, id: &str) -> Result<Value, Complaint> {
        let id = number(id).ok_or(UNKNOWN_RESOURCE)?;
        let row = self.row(id, self.held.get(&id).ok_or(UNKNOWN_RESOURCE)?);
        if let Some(held) = self.held.get_mut(&id) {
            match row["status"].as_str() {
                Some("magnet_conversion") => held.metadata_looks = held.metadata_looks.saturating_sub(1),
                Some("queued") => held.was_queued = true,
                Some("downloading") => held.steps_done += 1,
                _ => {}
            }
        }
        Ok(row)
    }

    fn row(&self, id: u64, held: &Held) -> Value {
        let known = self.known.get(&held.info_hash);
        let name = known.map_or("Invalid Magnet", |known| known.name.as_str());
        let mut row = json!({
            "id": torrent_id(id), "filename": name, "original_filename": name, "hash": held.info_hash.to_string(),
            "bytes": 0, "original_bytes": 0, "host": "real-debrid.com", "split": 2000, "progress": 0,
            "status": "magnet_conversion", "added": "2025-03-14T14:16:27.000Z", "files": [], "links": [],
        });
        // Nobody shares it, or its files are not known yet.
        let Some(known) = known.filter(|_| held.metadata_looks == 0) else { return row };
        if known.fails {
            row["status"] = "dead".into();
            return row;
        }
        // The torrent's own folder is left out where all files lie in it.
        let root = format!("{}/", known.name);
        let has_root = known.files.iter().all(|file| file.path.starts_with(&root));
        let path = |file: &FileEntry| {
            let path = if has_root { file.path.strip_prefix(&root).unwrap_or(&file.path) } else { &file.path };
            format!("/{path}")
        };
        let files = (1..).zip(&known.files).map(|(id, file)| {
            json!({"id": id, "path": path(file), "bytes": file.size_bytes, "selected": u8::from(held.selected.contains(&id))})
        });
        row["files"] = files.collect();
        row["original_bytes"] = known.size_bytes().into();
        let selected = (1..).zip(&known.files).filter(|(id, _)| held.selected.contains(id));
        row["bytes"] = selected.map(|(_, file)| file.size_bytes).sum::<u64>().into();
        if held.selected.is_empty() {
            row["status"] = "waiting_files_selection".into();
        } else if self.is_ready(held) {
            row["status"] = "downloaded".into();
            row["progress"] = 100.into();
            row["ended"] = "2025-03-14T15:29:36.000Z".into();
            let written = |link: String| if self.has_long_links { format!("{link}ABC") } else { link };
            row["links"] = links(id, held, known).into_iter().map(written).collect();
        } else if held.was_queued {
            row["status"] = "downloading".into();
            row["progress"] = (100 * u64::from(held.steps_done) / u64::from(known.steps_to_ready.max(1))).into();
            row["speed"] = 1_000_000.into();
            row["seeders"] = 7.into();
        } else {
            row["status"] = "queued".into();
        }
        row
    }

    /// The torrent and file behind a page link.
    fn behind(&self, link: &str) -> Option<(&StandInTorrent, &FileEntry)> {
        let code = link.strip_prefix(PAGE_LINKS).filter(|code| code.len() == 13)?;
        let (torrent, file) = code.split_at_checked(7)?;
        let held = self.held.get(&torrent.parse().ok()?)?;
        let known = self.known.get(&held.info_hash)?;
        Some((known, known.files.get(file.parse::<usize>().ok()?.checked_sub(1)?)?))
    }

    fn unlock(&self, media_url: &Url, link: &str) -> Result<Value, Complaint> {
        if self.is_refused {
            return Err(IP_NOT_ALLOWED);
        }
        if !self.is_premium {
            return Err(PERMISSION_DENIED);
        }
        if self.is_used_up {
            return Err(TRAFFIC_EXHAUSTED);
        }
        let (torrent, file) = self.behind(link).ok_or(FILE_UNAVAILABLE)?;
        match torrent.unlock {
            StandInUnlock::Down => return Err(FILE_UNAVAILABLE),
            StandInUnlock::Blocked => return Err(INFRINGING),
            // The service makes nobody wait for a link, and its torrents have no streams.
            StandInUnlock::Direct
            | StandInUnlock::Delayed
            | StandInUnlock::DelayedInVain
            | StandInUnlock::StreamsOnly => {}
        }
        let file_name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let mut url = media_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(file_name);
        }
        url.set_query(Some(&format!("token={}", self.link_generation)));
        let code = link.strip_prefix(PAGE_LINKS).unwrap_or_default();
        Ok(json!({
            "id": code, "filename": file_name, "mimeType": "video/x-matroska", "filesize": file.size_bytes, "link": link,
            "host": "real-debrid.com", "host_icon": "https://fcdn.real-debrid.com/0830/images/hosters/realdebrid.png",
            "chunks": 32, "crc": 1, "download": url.as_str(), "streamable": 1,
        }))
    }
}

/// A link for each chosen file; a single one for an archive of all where one of several is no video.
fn links(id: u64, held: &Held, known: &StandInTorrent) -> Vec<String> {
    let is_video = |id: &usize| id.checked_sub(1).and_then(|at| known.files.get(at)).is_some_and(FileEntry::is_video);
    let is_packed = held.selected.len() > 1 && !held.selected.iter().all(is_video);
    let links = held.selected.iter().map(|file| page_link(id, *file));
    if is_packed { links.take(1).collect() } else { links.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn service() -> RealDebridStandIn {
        let torrent = StandInTorrent::new(HASH, "Show")
            .with_file("Show/a.nfo", 1)
            .with_file("Show/E01.mkv", 10)
            .with_file("Show/E02.mkv", 20);
        RealDebridStandIn::new("key", "http://media.example/films/".parse().unwrap()).with_torrent(torrent)
    }

    fn ask(service: &RealDebridStandIn, method: Method, path: &str, form: &str) -> (u16, Value) {
        let request = http::Request::builder().method(method).uri(path).header("authorization", "Bearer key");
        let reply = service.reply(&request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap());
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap_or_default())
    }

    fn added(service: &RealDebridStandIn) -> String {
        let (status, added) = ask(service, Method::POST, "/rest/1.0/torrents/addMagnet", &format!("magnet={HASH}"));
        assert_eq!(status, 201);
        added["id"].as_str().unwrap().to_owned()
    }

    /// Goal: from a hash to a direct link, and to its end; adding twice makes two.
    #[test]
    fn a_torrent_becomes_a_link() {
        let service = service();
        let id = added(&service);
        let info = |id: &str| ask(&service, Method::GET, &format!("/rest/1.0/torrents/info/{id}"), "").1;
        assert_eq!(info(&id)["status"], "waiting_files_selection");
        let select = format!("/rest/1.0/torrents/selectFiles/{id}");
        assert_eq!(ask(&service, Method::POST, &select, "files=3").0, 204);
        assert_eq!(ask(&service, Method::POST, &select, "files=2").0, 202);
        let ready = info(&id);
        assert_eq!((&ready["status"], &ready["files"][2]["path"]), (&"downloaded".into(), &"/E02.mkv".into()));
        let link = format!("link={}", ready["links"][0].as_str().unwrap());
        let (_, unlocked) = ask(&service, Method::POST, "/rest/1.0/unrestrict/link", &link);
        let url: Url = unlocked["download"].as_str().unwrap().parse().unwrap();
        assert_eq!((url.path(), service.is_live_link(url.query().unwrap())), ("/films/E02.mkv", true));
        service.expire_links();
        assert!(!service.is_live_link(url.query().unwrap()));
        assert_ne!(added(&service), id);
        assert_eq!(service.account_torrents(), [HASH, HASH]);
    }

    /// Goal: a file that is no video makes an archive of all, and an empty account has no body.
    #[test]
    fn a_mixed_choice_is_packed() {
        let service = service();
        let (status, body) = ask(&service, Method::GET, "/rest/1.0/torrents", "");
        assert_eq!((status, body), (204, Value::Null));
        service.given_selected_in_account(HASH, &[1, 2, 3]);
        let (_, listed) = ask(&service, Method::GET, "/rest/1.0/torrents", "");
        assert_eq!((listed[0]["links"].as_array().unwrap().len(), listed[0].get("files")), (1, None));
    }

    /// Goal: the 251st request of a minute is one too many, and refused ones count as well.
    #[test]
    fn the_rate_limit_is_the_documented_one() {
        let service = service();
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut state = service.state();
        assert!((0..250).all(|_| state.is_in_time(now)));
        assert!(!state.is_in_time(later(59)));
        assert!((0..249).all(|_| state.is_in_time(later(60))));
        assert!(!state.is_in_time(later(60)));
    }

    /// Goal: what is gone for good says so.
    #[test]
    fn the_question_of_the_cache_is_disabled() {
        let (status, body) = ask(&service(), Method::GET, "/rest/1.0/torrents/instantAvailability/x/y", "");
        assert_eq!((status, &body["error_code"]), (403, &37.into()));
    }
}
