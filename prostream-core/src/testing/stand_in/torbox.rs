//! A stand-in of TorBox: one account, its torrents and its queue, and the torrents the service knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::torrent_file;
use super::{Mishap, StandIn, StandInReply, StandInRequest, StandInTorrent, StandInUnlock, wire};
use crate::model::{FileEntry, InfoHash, Magnet};

/// Requests to one endpoint that pass in any second and in any minute; the others are answered with 429.
const PER_SECOND: usize = 5;
const PER_MINUTE: usize = 300;

/// Additions that pass in any minute and in any hour.
const ADDS_PER_MINUTE: usize = 10;
const ADDS_PER_HOUR: usize = 60;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Torrents of a list, where the request names no other number.
const DEFAULT_LIMIT: usize = 1_000;

/// TorBox, played by us: account, cached check, additions of magnets and files, list, queue, links, deletion and sign-in by code; its
/// envelope with all its oddities, its errors and its limits, the rate limits included. Direct links lead below a media address of your
/// choice: `{media}/{file name}?token=…`.
///
/// Usenet, web downloads, feeds and search are not there: unknown paths are 404 `ENDPOINT_NOT_FOUND`. Links are never delayed and never
/// streams: a torrent that says so is unlocked at once.
#[derive(Debug)]
pub struct TorBoxStandIn {
    key: String,
    media_url: Url,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: HashMap<InfoHash, StandInTorrent>,
    held: BTreeMap<u64, Held>,
    queue: BTreeMap<u64, InfoHash>,
    next_id: u64,
    next_queued_id: u64,
    has_plan: bool,
    is_refused: bool,
    is_used_up: bool,
    is_cooling_down: bool,
    refuses_duplicates: bool,
    slots: Slots,
    sign_in: SignIn,
    viewer_addresses: Vec<String>,
    recent: HashMap<String, VecDeque<Instant>>,
    mishap: Option<Mishap>,
}

/// What is free for torrents that have to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slots {
    Free,
    /// None; more are queued.
    Taken,
    /// None, and the queue takes no more.
    Full,
}

const DEVICE_CODE: &str = "2f5f4a0e-1f3c-4f5e-9d0b-3c1d2e4f5a6b";

/// What the owner did with the code.
#[derive(Clone, Copy, Debug)]
enum SignIn {
    Waiting,
    Accepted,
    Ended,
}

/// A torrent of the account.
#[derive(Debug)]
struct Held {
    info_hash: InfoHash,
    name: String,
    steps_done: u32,
}

/// What is said without failure: text and data.
type Good = (&'static str, Value);

/// Status, `success`, code, text, data: a failure may have 200, and what is not found may be a success.
#[derive(Clone, Debug)]
struct Complaint(StatusCode, bool, Value, &'static str, Value);

fn complaint(status: StatusCode, code: &str, words: &'static str) -> Complaint {
    Complaint(status, false, code.into(), words, Value::Null)
}

fn not_found() -> Complaint {
    complaint(StatusCode::NOT_FOUND, "ITEM_NOT_FOUND", "The item you requested could not be found.")
}

type Answer = Result<Good, Complaint>;

/// A torrent, and whether a file brought it.
enum Sent {
    Magnet(Magnet),
    File(InfoHash),
}

impl TorBoxStandIn {
    /// A stand-in with a paid account behind `key`, whose direct links lead below `media_url`.
    #[must_use]
    pub fn new(key: impl Into<String>, media_url: Url) -> Self {
        let state = State {
            known: HashMap::new(),
            held: BTreeMap::new(),
            queue: BTreeMap::new(),
            next_id: 1,
            next_queued_id: 1,
            has_plan: true,
            is_refused: false,
            is_used_up: false,
            is_cooling_down: false,
            refuses_duplicates: false,
            slots: Slots::Free,
            sign_in: SignIn::Waiting,
            viewer_addresses: Vec::new(),
            recent: HashMap::new(),
            mishap: None,
        };
        Self { key: key.into(), media_url, state: Mutex::new(state) }
    }

    /// From now on it can get a torrent.
    pub fn given_torrent(&self, torrent: StandInTorrent) {
        self.state().known.insert(torrent.info_hash, torrent);
    }

    /// The user has added a torrent himself.
    pub fn given_in_account(&self, info_hash: InfoHash) {
        self.state().hold(info_hash, None);
    }

    /// The user has added a torrent himself, and it waits for a free slot.
    pub fn given_in_queue(&self, info_hash: InfoHash) {
        self.state().enqueue(info_hash);
    }

    /// The plan has ended, or runs again.
    pub fn given_plan(&self, has_plan: bool) {
        self.state().has_plan = has_plan;
    }

    /// What stands before the service refuses the address that asks, or no longer.
    pub fn given_refused_address(&self, is_refused: bool) {
        self.state().is_refused = is_refused;
    }

    /// The downloads of the month are used up.
    pub fn given_used_up_quota(&self) {
        self.state().is_used_up = true;
    }

    /// The account has to pause for two hours, or no longer.
    pub fn given_cooldown(&self, is_cooling_down: bool) {
        self.state().is_cooling_down = is_cooling_down;
    }

    /// What is added twice is refused, where it is otherwise answered with what is there: which of the two happens is not documented.
    pub fn given_refused_duplicates(&self) {
        self.state().refuses_duplicates = true;
    }

    /// All slots for torrents that have to be fetched are taken: more are queued.
    pub fn given_taken_slots(&self) {
        self.state().slots = Slots::Taken;
    }

    /// All slots are taken, and nothing more is queued.
    pub fn given_full_queue(&self) {
        self.state().slots = Slots::Full;
    }

    /// All that was queued starts.
    pub fn start_queued(&self) {
        let mut state = self.state();
        for info_hash in std::mem::take(&mut state.queue).into_values() {
            state.hold(info_hash, None);
        }
    }

    /// The owner has typed the code, or let it end.
    pub fn given_sign_in(&self, is_accepted: bool) {
        self.state().sign_in = if is_accepted { SignIn::Accepted } else { SignIn::Ended };
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        self.state().mishap = mishap;
    }

    /// The torrents of the account in the order they were added, then those that are queued.
    #[must_use]
    pub fn account_torrents(&self) -> Vec<InfoHash> {
        let state = self.state();
        state.held.values().map(|held| held.info_hash).chain(state.queue.values().copied()).collect()
    }

    /// The addresses of viewers that were told, in order.
    #[must_use]
    pub fn viewer_addresses(&self) -> Vec<String> {
        self.state().viewer_addresses.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &mut State, request: &StandInRequest, path: &str) -> Answer {
        let query = wire::query(request);
        let number = |name: &str| wire::value(&query, name).and_then(|value| value.parse::<u64>().ok());
        match path {
            "user/auth/device/start" => return Ok(("Device code started.", device())),
            "user/auth/device/token" => return state.device_token(&self.key, &json_body(request)?),
            // Links alone take the key from the address, and from nowhere else.
            "torrents/requestdl" => {
                if wire::value(&query, "token") != Some(&self.key) {
                    return Err(bad_token());
                }
            }
            _ => match wire::bearer(request) {
                None => return Err(complaint(StatusCode::FORBIDDEN, "NO_AUTH", "No authentication was provided.")),
                Some(key) if key != self.key => return Err(bad_token()),
                Some(_) => {}
            },
        }
        let is_fresh = wire::value(&query, "bypass_cache") == Some("true");
        match (request.method(), path) {
            (&Method::GET, "user/me") => Ok(("User found.", state.user())),
            (&Method::GET, "torrents/checkcached") => state.cached(&query),
            (&Method::POST, "torrents/createtorrent") => state.create(request),
            (&Method::GET, "torrents/mylist") => {
                // What is remembered is as it was before anything was added.
                let empty = BTreeMap::new();
                let remembered = if is_fresh { None } else { Some(std::mem::replace(&mut state.held, empty)) };
                let answer = match wire::value(&query, "id") {
                    Some(_) => number("id").and_then(|id| state.row(id)).ok_or_else(not_found),
                    None => state.rows(number("offset"), number("limit")),
                };
                if let Some(held) = remembered {
                    state.held = held;
                }
                answer.map(|data| ("Torrent list retrieved.", data))
            }
            (&Method::GET, "queued/getqueued") => {
                let row = |(id, hash): (&u64, &InfoHash)| json!({"id": id, "hash": hash.to_string(), "name": "queued", "type": "torrent", "magnet": null});
                let rows: Vec<Value> = if is_fresh { state.queue.iter().map(row).collect() } else { Vec::new() };
                Ok(("Queued downloads retrieved.", rows.into()))
            }
            (&Method::POST, "torrents/controltorrent") => {
                let body = json_body(request)?;
                let is_deletion = body["operation"] == "delete" && body["all"] == false;
                let id = body["torrent_id"].as_u64().filter(|_| is_deletion).ok_or_else(missing_option)?;
                state.held.remove(&id).ok_or_else(not_found)?;
                Ok(("Torrent deleted.", Value::Null))
            }
            (&Method::POST, "queued/controlqueued") => {
                let body = json_body(request)?;
                let id = body["queued_id"].as_u64().filter(|_| body["operation"] == "delete");
                state.queue.remove(&id.ok_or_else(missing_option)?).ok_or_else(not_found)?;
                Ok(("Queued download deleted.", Value::Null))
            }
            (&Method::GET, "torrents/requestdl") => {
                let (torrent, file) = (number("torrent_id"), number("file_id"));
                let (torrent, file) = torrent.zip(file).ok_or_else(missing_option)?;
                let link = state.link(&self.media_url, torrent, file)?;
                state.viewer_addresses.extend(wire::value(&query, "user_ip").map(str::to_owned));
                Ok(("Download requested.", link.into()))
            }
            _ => Err(complaint(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", "This endpoint does not exist.")),
        }
    }
}

fn bad_token() -> Complaint {
    complaint(StatusCode::FORBIDDEN, "BAD_TOKEN", "The provided token is invalid.")
}

fn missing_option() -> Complaint {
    complaint(StatusCode::BAD_REQUEST, "MISSING_REQUIRED_OPTION", "A required option is missing.")
}

fn json_body(request: &StandInRequest) -> Result<Value, Complaint> {
    serde_json::from_slice(request.body()).map_err(|_| missing_option())
}

fn device() -> Value {
    json!({
        "device_code": DEVICE_CODE, "code": "B7K2QX", "interval": 5, "expires_at": "2100-01-01T00:00:00+00:00",
        "verification_url": "https://torbox.app/oauth/device?code=B7K2QX", "friendly_verification_url": "https://tor.box/link",
    })
}

impl StandIn for TorBoxStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut state = self.state();
        let path = request.uri().path().strip_prefix("/v1/api/").unwrap_or_default();
        if state.is_refused {
            return wire::reply(StatusCode::FORBIDDEN, "text/plain", "error code: 1006");
        }
        if !state.is_in_time(path, Instant::now()) {
            return Mishap::RateLimited { retry_after_s: None }.befall(StandInReply::default());
        }
        // Checked before anything else is looked at, and told in the words of the framework.
        if path == "torrents/requestdl" && wire::value(&wire::query(request), "token").is_none() {
            let missing = json!({"detail": [{"type": "missing", "loc": ["query", "token"], "msg": "Field required"}]});
            return wire::json(StatusCode::UNPROCESSABLE_ENTITY, &missing);
        }
        let (status, body) = match self.answer(&mut state, request, path) {
            Ok((words, data)) => {
                // Both mean that there is none.
                let error = if path == "user/me" { json!("null") } else { Value::Null };
                // A link is a bare text, which a mishap of the types would leave as it is.
                let is_odd = state.mishap == Some(Mishap::WrongTypes) && data.is_string();
                let data = if is_odd { json!([data]) } else { data };
                (StatusCode::OK, json!({"success": true, "error": error, "detail": words, "data": data}))
            }
            Err(Complaint(status, is_success, code, words, data)) => {
                (status, json!({"success": is_success, "error": code, "detail": words, "data": data}))
            }
        };
        let right = wire::json(status, &body);
        match state.mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl State {
    /// Counts a request to an endpoint; false when it is one too many.
    fn is_in_time(&mut self, path: &str, now: Instant) -> bool {
        let recent = self.recent.entry(path.to_owned()).or_default();
        let age = |at: &Instant| now.saturating_duration_since(*at);
        while recent.front().is_some_and(|at| age(at) >= HOUR) {
            recent.pop_front();
        }
        let within = |span: Duration| recent.iter().rev().take_while(|at| age(at) < span).count();
        let is_in_time = match path {
            "torrents/createtorrent" => within(MINUTE) < ADDS_PER_MINUTE && within(HOUR) < ADDS_PER_HOUR,
            _ => within(Duration::from_secs(1)) < PER_SECOND && within(MINUTE) < PER_MINUTE,
        };
        if is_in_time {
            recent.push_back(now);
        }
        is_in_time
    }

    fn user(&self) -> Value {
        json!({
            "id": 7, "email": "viewer@example.com", "plan": if self.has_plan { 2 } else { 0 }, "total_downloaded": 0,
            "is_subscribed": self.has_plan, "server": 1, "customer": "c", "auth_id": "a", "user_referral": "r",
            "premium_expires_at": if self.has_plan { "2100-01-01T00:00:00Z" } else { "2020-01-01T00:00:00.5+00:00" },
            "cooldown_until": if self.is_cooling_down { json!("2099-01-01T02:00:00Z") } else { Value::Null },
        })
    }

    /// Cached hashes are the keys, written in capitals as they sometimes are; none at all is null.
    fn cached(&self, query: &[(String, String)]) -> Answer {
        let asked = wire::value(query, "hash").ok_or_else(missing_option)?;
        let hashes = asked.split(',').filter_map(|hash| hash.parse::<InfoHash>().ok());
        let cached = hashes.filter_map(|hash| self.known.get(&hash)).filter(|torrent| torrent.is_cached);
        let rows: Vec<(String, Value)> = cached
            .map(|torrent| {
                let hash = torrent.info_hash.to_string().to_ascii_uppercase();
                let row = json!({"name": torrent.name, "size": torrent.size_bytes(), "hash": hash});
                (hash, row)
            })
            .collect();
        let data = match wire::value(query, "format") {
            _ if rows.is_empty() => Value::Null,
            Some("list") => rows.into_iter().map(|(_, row)| row).collect(),
            _ => Value::Object(rows.into_iter().collect()),
        };
        Ok(("Torrent cache retrieved.", data))
    }

    /// Adds a torrent; one that is there already keeps its id.
    fn hold(&mut self, info_hash: InfoHash, name: Option<String>) -> u64 {
        if let Some((id, _)) = self.held.iter().find(|(_, held)| held.info_hash == info_hash) {
            return *id;
        }
        let id = self.next_id;
        self.next_id += 1;
        let known_name = self.known.get(&info_hash).map(|torrent| torrent.name.clone());
        let name = known_name.or(name).unwrap_or_else(|| info_hash.to_string());
        self.held.insert(id, Held { info_hash, name, steps_done: 0 });
        id
    }

    fn enqueue(&mut self, info_hash: InfoHash) -> u64 {
        if let Some((id, _)) = self.queue.iter().find(|(_, queued)| **queued == info_hash) {
            return *id;
        }
        let id = self.next_queued_id;
        self.next_queued_id += 1;
        self.queue.insert(id, info_hash);
        id
    }

    fn create(&mut self, request: &StandInRequest) -> Answer {
        let parts = torrent_file::multipart(request);
        let part = |field: &str| parts.iter().find(|part| part.field == field);
        let bozo = || complaint(StatusCode::BAD_REQUEST, "BOZO_TORRENT", "The torrent is invalid.");
        let sent = match (part("magnet"), part("file")) {
            (Some(magnet), None) => {
                let text = std::str::from_utf8(magnet.bytes).map_err(|_| bozo())?;
                Sent::Magnet(text.parse().map_err(|_| bozo())?)
            }
            (None, Some(file)) => Sent::File(torrent_file::info_hash(file.bytes).ok_or_else(bozo)?),
            _ => {
                let words = "You must provide either a file or magnet link.";
                return Err(Complaint(StatusCode::BAD_REQUEST, false, true.into(), words, Value::Null));
            }
        };
        let (info_hash, name) = match sent {
            Sent::Magnet(magnet) => (magnet.info_hash, magnet.name),
            Sent::File(info_hash) => (info_hash, None),
        };
        self.may_create(info_hash)?;
        let is_new = self.held.values().all(|held| held.info_hash != info_hash);
        let is_cached = self.known.get(&info_hash).is_some_and(|torrent| torrent.is_cached);
        let hash = info_hash.to_string();
        if is_new && !is_cached {
            match self.slots {
                Slots::Free => {}
                Slots::Taken => {
                    let id = self.enqueue(info_hash);
                    let data = json!({"queued_id": id, "auth_id": "a", "hash": hash});
                    return Ok(("Torrent queued successfully.", data));
                }
                Slots::Full => {
                    let data = json!({"active_limit": 3, "current_active_downloads": 3});
                    let words = "You have reached your active download limit.";
                    return Err(Complaint(StatusCode::OK, false, "ACTIVE_LIMIT".into(), words, data));
                }
            }
        }
        let id = self.hold(info_hash, name);
        let words =
            if is_cached { "Found Cached Torrent. Using Cached Torrent." } else { "Torrent added successfully." };
        Ok((words, json!({"torrent_id": id, "auth_id": "a", "hash": hash})))
    }

    fn may_create(&self, info_hash: InfoHash) -> Result<(), Complaint> {
        if !self.has_plan {
            let words = "This feature is not available on your plan.";
            return Err(complaint(StatusCode::FORBIDDEN, "PLAN_RESTRICTED_FEATURE", words));
        }
        if self.is_cooling_down {
            let data =
                json!({"cooldown_until": "2099-01-01T02:00:00Z", "current_time": "2099-01-01T00:00:00.123456+00:00"});
            let words = "You are on cooldown.";
            return Err(Complaint(StatusCode::BAD_REQUEST, false, "COOLDOWN_LIMIT".into(), words, data));
        }
        if self.is_used_up {
            let data = json!({"monthly_limit": 10, "current_downloads": 10});
            let words = "You have reached your monthly limit.";
            return Err(Complaint(StatusCode::BAD_REQUEST, false, "MONTHLY_LIMIT".into(), words, data));
        }
        let is_there = self.held.values().any(|held| held.info_hash == info_hash)
            || self.queue.values().any(|queued| *queued == info_hash);
        if is_there && self.refuses_duplicates {
            return Err(complaint(
                StatusCode::BAD_REQUEST,
                "DUPLICATE_ITEM",
                "This torrent is already in your account.",
            ));
        }
        if self.known.get(&info_hash).is_some_and(|torrent| torrent.unlock == StandInUnlock::Blocked) {
            let words = "The download is larger than your plan allows.";
            return Err(complaint(StatusCode::BAD_REQUEST, "DOWNLOAD_TOO_LARGE", words));
        }
        Ok(())
    }

    /// One row; a torrent in preparation goes a step further by being asked about.
    fn row(&mut self, id: u64) -> Option<Value> {
        let held = self.held.get_mut(&id)?;
        let known = self.known.get(&held.info_hash);
        let steps = known.map(|known| known.steps_to_ready);
        let is_cached = known.is_some_and(|known| known.is_cached);
        let fails = known.is_some_and(|known| known.fails);
        let is_ready = is_cached || (!fails && steps.is_some_and(|steps| held.steps_done >= steps));
        let (state, progress, speed) = match steps {
            _ if is_ready => ("cached", 1.0, 0),
            _ if fails => ("error", 0.0, 0),
            Some(steps) => ("downloading", f64::from(held.steps_done) / f64::from(steps.max(1)), 1_000_000),
            None => ("stalled (no seeds)", 0.0, 0),
        };
        if !is_ready {
            held.steps_done += 1;
        }
        let files: Vec<Value> = match known.filter(|_| is_ready) {
            Some(known) => known.files.iter().enumerate().map(|(index, file)| file_row(index, file)).collect(),
            None => Vec::new(),
        };
        Some(json!({
            "id": id, "hash": held.info_hash.to_string(), "name": held.name, "size": known.map_or(0, StandInTorrent::size_bytes),
            "active": !is_ready, "auth_id": "a", "magnet": null, "created_at": "2025-07-30T20:40:42Z", "updated_at": "2025-07-30T20:44:35Z",
            "expires_at": "2025-08-29T20:44:35Z", "download_state": state, "progress": progress, "download_speed": speed,
            "upload_speed": 0, "seeds": 0, "peers": 0, "ratio": 0, "eta": 8_640_000, "server": 0, "torrent_file": true,
            "cached": is_cached, "download_present": is_ready, "download_finished": is_ready, "files": files, "inactive_check": 0,
            "availability": 0,
        }))
    }

    /// Some torrents, one more than asked for; none is "not found" and yet a success.
    fn rows(&mut self, offset: Option<u64>, limit: Option<u64>) -> Result<Value, Complaint> {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        let offset = offset.and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
        let ids: Vec<u64> = self.held.keys().copied().skip(offset).take(limit.saturating_add(1)).collect();
        let rows: Vec<Value> = ids.into_iter().filter_map(|id| self.row(id)).collect();
        if rows.is_empty() {
            let Complaint(status, _, code, words, data) = not_found();
            return Err(Complaint(status, true, code, words, data));
        }
        Ok(rows.into())
    }

    fn link(&self, media_url: &Url, torrent: u64, file: u64) -> Result<String, Complaint> {
        let held = self.held.get(&torrent).ok_or_else(not_found)?;
        let known = self.known.get(&held.info_hash).ok_or_else(not_found)?;
        let file = usize::try_from(file).ok().and_then(|index| known.files.get(index)).ok_or_else(not_found)?;
        if known.unlock == StandInUnlock::Down {
            return Err(complaint(StatusCode::BAD_REQUEST, "LINK_OFFLINE", "The link is offline."));
        }
        let mut url = media_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(file_name(file));
        }
        url.set_query(Some("token=1"));
        Ok(url.into())
    }

    fn device_token(&self, key: &str, body: &Value) -> Answer {
        if body["device_code"] != DEVICE_CODE {
            return Err(not_found());
        }
        match self.sign_in {
            SignIn::Waiting => {
                Err(complaint(StatusCode::BAD_REQUEST, "DEVICE_CODE_NOT_USED", "The device code has not been used."))
            }
            SignIn::Accepted => Ok(("Token retrieved.", json!({"access_token": key, "token_type": "Bearer"}))),
            SignIn::Ended => Err(not_found()),
        }
    }
}

/// Numbers of files begin at 0; their names have the folder in them.
fn file_row(index: usize, file: &FileEntry) -> Value {
    json!({
        "id": index, "name": file.path, "short_name": file_name(file), "size": file.size_bytes, "mimetype": "video/x-matroska",
        "md5": null, "hash": "", "s3_path": "", "absolute_path": "", "zipped": false, "infected": false, "opensubtitles_hash": null,
    })
}

fn file_name(file: &FileEntry) -> &str {
    file.path.rsplit('/').next().unwrap_or(&file.path)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const HASH: InfoHash = InfoHash([0xc7; 20]);

    fn service() -> TorBoxStandIn {
        let service = TorBoxStandIn::new("key", "http://media.example/films/".parse().unwrap());
        service.given_torrent(StandInTorrent::new(HASH, "Show").with_file("Show/E01.mkv", 10));
        service
    }

    fn ask(service: &TorBoxStandIn, method: Method, path: &str, body: &str) -> (u16, Value) {
        let request = http::Request::builder().method(method).uri(format!("/v1/api/{path}"));
        let request = request.header("authorization", "Bearer key");
        let request = request.header("content-type", "multipart/form-data; boundary=B");
        let reply = service.reply(&request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap())
    }

    /// Goal: from a hash to a direct link; the key belongs into that request's address.
    #[test]
    fn a_torrent_becomes_a_link() {
        let service = service();
        let form = format!(
            "--B\r\nContent-Disposition: form-data; name=\"magnet\"\r\n\r\n{}\r\n--B--\r\n",
            Magnet::from_hash(HASH).to_uri()
        );
        let (_, added) = ask(&service, Method::POST, "torrents/createtorrent", &form);
        let id = added["data"]["torrent_id"].as_u64().unwrap();
        let (_, old) = ask(&service, Method::GET, &format!("torrents/mylist?id={id}"), "");
        assert_eq!(old["error"], "ITEM_NOT_FOUND", "what is remembered is old");
        let (_, listed) = ask(&service, Method::GET, &format!("torrents/mylist?bypass_cache=true&id={id}"), "");
        assert_eq!((&listed["data"]["files"][0]["id"], &listed["data"]["download_present"]), (&json!(0), &json!(true)));
        let link = format!("torrents/requestdl?torrent_id={id}&file_id=0");
        assert_eq!(ask(&service, Method::GET, &link, "").0, 422);
        let (_, link) = ask(&service, Method::GET, &format!("{link}&token=key"), "");
        assert_eq!(link["data"], "http://media.example/films/E01.mkv?token=1");
    }

    /// Goal: each endpoint counts by itself, and additions count by the hour.
    #[test]
    fn the_rate_limits_are_the_documented_ones() {
        let service = service();
        let now = Instant::now();
        let mut state = service.state();
        assert!((0..5).all(|_| state.is_in_time("user/me", now)));
        assert!(!state.is_in_time("user/me", now) && state.is_in_time("torrents/mylist", now));
        let add = "torrents/createtorrent";
        for minute in 0..6 {
            let now = now + minute * MINUTE;
            assert!((0..10).all(|_| state.is_in_time(add, now)));
            assert!(!state.is_in_time(add, now));
        }
        assert!(!state.is_in_time(add, now + 6 * MINUTE));
        assert!(state.is_in_time(add, now + HOUR));
    }
}
