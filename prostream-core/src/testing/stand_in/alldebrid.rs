//! A stand-in of AllDebrid: one account, and the torrents the service knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::torrent_file;
use super::{Mishap, StandIn, StandInReply, StandInRequest, StandInTorrent, StandInUnlock, wire};
use crate::model::{FileEntry, InfoHash, Magnet};

/// Requests that pass in any second and in any minute; the others are answered with 429.
const PER_SECOND: usize = 12;
const PER_MINUTE: usize = 600;

/// Torrents that may be in preparation at once, and torrents of an account.
const MAX_ACTIVE: usize = 30;
const MAX_TORRENTS: usize = 1_000;

/// AllDebrid, played by us: account, upload of magnets and files, status, files, unlocking with delayed links, deletion; its errors and its
/// limits, the rate limit included. Direct links lead below a media address of your choice: `{media}/{file name}?token=…`.
///
/// The live mode of the status, hosters and saved links are not there: unknown paths are 404 code `404`.
#[derive(Debug)]
pub struct AllDebridStandIn {
    key: String,
    media_url: Url,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: HashMap<InfoHash, StandInTorrent>,
    held: BTreeMap<u64, Held>,
    next_id: u64,
    delayed: HashMap<u64, (String, u32)>,
    link_generation: u32,
    is_premium: bool,
    premium_until_s: u64,
    is_refused: bool,
    is_in_maintenance: bool,
    is_used_up: bool,
    pin: Pin,
    has_rate_limit: bool,
    recent: VecDeque<Instant>,
    mishap: Option<Mishap>,
}

const PIN_CHECK: &str = "664c3ca2635c99f291d28e11ea18e154750bd21a";

/// What the owner did with the PIN.
#[derive(Clone, Copy, Debug)]
enum Pin {
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

/// A code, its words, and the HTTP status: errors usually come with 200.
#[derive(Clone, Copy, Debug)]
struct Complaint(&'static str, &'static str, StatusCode);

const fn complaint(code: &'static str, words: &'static str) -> Complaint {
    Complaint(code, words, StatusCode::OK)
}

const MISSING_KEY: Complaint =
    Complaint("AUTH_MISSING_APIKEY", "The auth apikey was not sent", StatusCode::UNAUTHORIZED);
const BAD_KEY: Complaint = Complaint("AUTH_BAD_APIKEY", "The auth apikey is invalid", StatusCode::UNAUTHORIZED);
const NO_SERVER: Complaint =
    Complaint("NO_SERVER", "Server are not allowed to use this feature", StatusCode::FORBIDDEN);
const MAINTENANCE: Complaint = complaint("MAINTENANCE", "Alldebrid is under maintenance, please retry later");
const NO_ENDPOINT: Complaint = Complaint("404", "Endpoint doesn't exist", StatusCode::NOT_FOUND);
const NOT_PREMIUM: Complaint = complaint("MAGNET_MUST_BE_PREMIUM", "You must be premium to use this feature");
const LINK_NOT_PREMIUM: Complaint = complaint("MUST_BE_PREMIUM", "You must be premium to process this link");
const NO_URI: Complaint = complaint("MAGNET_NO_URI", "No magnet sent");
const INVALID_URI: Complaint = complaint("MAGNET_INVALID_URI", "Magnet is not valid");
const INVALID_FILE: Complaint = complaint("MAGNET_INVALID_FILE", "File is not a valid torrent");
const UPLOAD_FAILED: Complaint = complaint("MAGNET_FILE_UPLOAD_FAILED", "File upload failed");
const INVALID_ID: Complaint = complaint("MAGNET_INVALID_ID", "This magnet ID does not exists or is invalid");
const TOO_MANY_ACTIVE: Complaint =
    complaint("MAGNET_TOO_MANY_ACTIVE", "Already have maximum allowed active magnets (30)");
const TOO_MANY: Complaint = complaint("MAGNET_TOO_MANY", "Maximum magnets allowed reached (1000)");
const NO_LINK: Complaint = complaint("LINK_IS_MISSING", "No link was sent");
const LINK_DOWN: Complaint = complaint("LINK_DOWN", "This link is not available on the file hoster website");
const NOT_SUPPORTED: Complaint = complaint("LINK_NOT_SUPPORTED", "The link is not supported for this host");
const LIMIT_REACHED: Complaint = complaint("LINK_HOST_LIMIT_REACHED", "Download limit reached for this host");
const PIN_INVALID: Complaint = complaint("PIN_INVALID", "The pin is invalid");
const PIN_EXPIRED: Complaint = complaint("PIN_EXPIRED", "The pin is expired");
const INVALID_DELAYED: Complaint = complaint("DELAYED_INVALID_ID", "This delayed link id is invalid");

type Answer = Result<Value, Complaint>;

impl AllDebridStandIn {
    /// A stand-in with a premium account behind `key`, whose direct links lead below `media_url`.
    #[must_use]
    pub fn new(key: impl Into<String>, media_url: Url) -> Self {
        let state = State {
            known: HashMap::new(),
            held: BTreeMap::new(),
            next_id: 100_001,
            delayed: HashMap::new(),
            link_generation: 1,
            is_premium: true,
            // 2100-01-01
            premium_until_s: 4_102_444_800,
            is_refused: false,
            is_in_maintenance: false,
            is_used_up: false,
            pin: Pin::Waiting,
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

    /// The user has added a torrent himself.
    pub fn given_in_account(&self, info_hash: InfoHash) {
        self.state().hold(info_hash, None);
    }

    /// The plan has ended, or runs again.
    pub fn given_premium(&self, is_premium: bool) {
        self.state().is_premium = is_premium;
    }

    /// The plan runs until then, in seconds since 1970.
    pub fn given_premium_until(&self, until_s: u64) {
        self.state().premium_until_s = until_s;
    }

    /// The address that asks is refused, as those of data centres are, or no longer.
    pub fn given_refused_address(&self, is_refused: bool) {
        self.state().is_refused = is_refused;
    }

    /// The service is under maintenance, or no longer.
    pub fn given_maintenance(&self, is_in_maintenance: bool) {
        self.state().is_in_maintenance = is_in_maintenance;
    }

    /// The quota of torrents' links is used up.
    pub fn given_used_up_quota(&self) {
        self.state().is_used_up = true;
    }

    /// The owner has typed the PIN, or let it end.
    pub fn given_pin(&self, is_accepted: bool) {
        self.state().pin = if is_accepted { Pin::Accepted } else { Pin::Ended };
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &mut State, request: &StandInRequest) -> Answer {
        let path = request.uri().path();
        let Some(rest) = path.strip_prefix("/v4/").or_else(|| path.strip_prefix("/v4.1/")) else {
            return Err(NO_ENDPOINT);
        };
        if rest == "ping" {
            return Ok(json!({"ping": "pong"}));
        }
        // Parameters of a call that fit are taken from the query as well.
        let form: Vec<(String, String)> =
            if request.method() == Method::GET { wire::query(request) } else { wire::form(request) };
        match rest {
            "pin/get" => {
                return Ok(json!({"pin": "ABCD", "check": PIN_CHECK, "expires_in": 600,
                    "user_url": "https://alldebrid.com/pin/?pin=ABCD", "base_url": "https://alldebrid.com/pin/"}));
            }
            "pin/check" => {
                if wire::value(&form, "pin") != Some("ABCD") || wire::value(&form, "check") != Some(PIN_CHECK) {
                    return Err(PIN_INVALID);
                }
                return match state.pin {
                    Pin::Waiting => Ok(json!({"activated": false, "expires_in": 581})),
                    Pin::Accepted => Ok(json!({"apikey": self.key, "activated": true, "expires_in": 570})),
                    Pin::Ended => Err(PIN_EXPIRED),
                };
            }
            _ => {}
        }
        match wire::bearer(request) {
            None => return Err(MISSING_KEY),
            Some(key) if key != self.key => return Err(BAD_KEY),
            Some(_) => {}
        }
        if state.is_in_maintenance {
            return Err(MAINTENANCE);
        }
        let id = |name: &str| wire::value(&form, name).and_then(|id| id.parse::<u64>().ok());
        match rest {
            "user" => Ok(state.user()),
            "magnet/upload" => state.upload_magnets(&form),
            "magnet/upload/file" => state.upload_files(request),
            "magnet/status" if path.starts_with("/v4.1/") => match wire::value(&form, "id") {
                Some(_) => state.status_of(id("id")),
                None => Ok(json!({"magnets": state.status_of_all()})),
            },
            "magnet/status" => Err(complaint("DISCONTINUED", "This endpoint is discontinued, use /v4.1/magnet/status")),
            "magnet/files" => Ok(json!({"magnets": state.files(&form)})),
            "magnet/delete" => {
                id("id").and_then(|id| state.held.remove(&id)).ok_or(INVALID_ID)?;
                Ok(json!({"message": "Magnet was successfully deleted"}))
            }
            "link/unlock" => state.unlock(&self.media_url, wire::value(&form, "link")),
            "link/delayed" => state.look_at_delayed(&self.media_url, id("id")),
            _ => Err(NO_ENDPOINT),
        }
    }
}

impl StandIn for AllDebridStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut state = self.state();
        if state.has_rate_limit && !state.is_in_time(Instant::now()) {
            return Mishap::RateLimited { retry_after_s: None }.befall(StandInReply::default());
        }
        let right = match self.answer(&mut state, request) {
            Ok(data) => wire::json(StatusCode::OK, &json!({"status": "success", "data": data})),
            Err(complaint) => wire::json(complaint.2, &json!({"status": "error", "error": complaint.body()})),
        };
        match state.mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl Complaint {
    fn body(self) -> Value {
        json!({"code": self.0, "message": self.1})
    }
}

impl State {
    /// Counts a request; false when it is one too many.
    fn is_in_time(&mut self, now: Instant) -> bool {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        while self.recent.front().is_some_and(|at| age(at) >= Duration::from_secs(60)) {
            self.recent.pop_front();
        }
        let in_last_second = self.recent.iter().rev().take_while(|at| age(at) < Duration::from_secs(1)).count();
        let is_in_time = in_last_second < PER_SECOND && self.recent.len() < PER_MINUTE;
        if is_in_time {
            self.recent.push_back(now);
        }
        is_in_time
    }

    fn user(&self) -> Value {
        json!({"user": {
            "username": "viewer", "email": "viewer@example.com", "isPremium": self.is_premium, "isSubscribed": false, "isTrial": false,
            // Documented as a number, sent as a text.
            "premiumUntil": if self.is_premium { json!(self.premium_until_s.to_string()) } else { json!(0) },
            "lang": "en", "preferedDomain": "com", "fidelityPoints": 0, "limitedHostersQuotas": [], "notifications": [],
        }})
    }

    /// Adds a torrent; one that is there already keeps its id.
    fn hold(&mut self, info_hash: InfoHash, name: Option<String>) -> u64 {
        if let Some((id, _)) = self.held.iter().find(|(_, held)| held.info_hash == info_hash) {
            return *id;
        }
        let id = self.next_id;
        self.next_id += 1;
        let known_name = self.known.get(&info_hash).map(|torrent| torrent.name.clone());
        let name = known_name.or(name).unwrap_or_else(|| "noname".to_owned());
        self.held.insert(id, Held { info_hash, name, steps_done: 0 });
        id
    }

    fn is_ready(&self, held: &Held) -> bool {
        self.known
            .get(&held.info_hash)
            .is_some_and(|torrent| torrent.is_cached || (!torrent.fails && held.steps_done >= torrent.steps_to_ready))
    }

    fn add(&mut self, info_hash: InfoHash, name: Option<String>) -> Result<Value, Complaint> {
        if self.is_refused {
            return Err(NO_SERVER);
        }
        if !self.is_premium {
            return Err(NOT_PREMIUM);
        }
        let is_new = self.held.values().all(|held| held.info_hash != info_hash);
        if is_new && self.held.len() >= MAX_TORRENTS {
            return Err(TOO_MANY);
        }
        let is_cached = self.known.get(&info_hash).is_some_and(|torrent| torrent.is_cached);
        if is_new && !is_cached && self.held.values().filter(|held| !self.is_ready(held)).count() >= MAX_ACTIVE {
            return Err(TOO_MANY_ACTIVE);
        }
        let id = self.hold(info_hash, name);
        let held = &self.held[&id];
        let size = self.known.get(&info_hash).map_or(0, StandInTorrent::size_bytes);
        Ok(json!({
            "hash": info_hash.to_string(), "name": held.name, "filename_original": "", "size": size, "ready": self.is_ready(held),
            "id": id,
        }))
    }

    fn upload_magnets(&mut self, form: &[(String, String)]) -> Answer {
        let sent: Vec<&str> = form
            .iter()
            .filter(|(name, _)| name.starts_with("magnets[") && name.ends_with(']'))
            .map(|(_, value)| value.as_str())
            .collect();
        if sent.is_empty() {
            return Err(NO_URI);
        }
        if self.is_refused {
            return Err(NO_SERVER);
        }
        let mut magnets = Vec::new();
        for text in sent {
            let magnet = text.parse::<Magnet>().or_else(|_| text.parse().map(Magnet::from_hash));
            let entry = magnet.map_err(|_| INVALID_URI).and_then(|magnet| self.add(magnet.info_hash, magnet.name));
            let mut entry = entry.unwrap_or_else(|complaint| json!({"error": complaint.body()}));
            entry["magnet"] = text.into();
            magnets.push(entry);
        }
        Ok(json!({"magnets": magnets}))
    }

    fn upload_files(&mut self, request: &StandInRequest) -> Answer {
        if self.is_refused {
            return Err(NO_SERVER);
        }
        let parts = torrent_file::multipart(request);
        if parts.is_empty() {
            return Err(UPLOAD_FAILED);
        }
        let mut files = Vec::new();
        for part in parts.iter().filter(|part| part.field.starts_with("files[")) {
            let hash = torrent_file::info_hash(part.bytes).ok_or(INVALID_FILE);
            let entry = hash.and_then(|hash| self.add(hash, None));
            let mut entry = entry.unwrap_or_else(|complaint| json!({"error": complaint.body()}));
            entry["file"] = part.file_name.clone().into();
            files.push(entry);
        }
        Ok(json!({"files": files}))
    }

    /// One status row; a torrent in preparation goes a step further by being asked about.
    fn row(&mut self, id: u64) -> Option<Value> {
        let known = self.known.get(&self.held.get(&id)?.info_hash);
        let (steps_to_ready, size) = known.map_or((None, 0), |known| (Some(known.steps_to_ready), known.size_bytes()));
        let held = self.held.get_mut(&id)?;
        let is_cached = known.is_some_and(|known| known.is_cached);
        let mut row = json!({
            "id": id, "filename": held.name, "size": size, "hash": held.info_hash.to_string(), "uploadDate": 1_700_000_000,
            "type": "m", "notified": false, "version": 2,
        });
        if known.is_some_and(|known| known.fails) {
            row["status"] = "Not downloaded in 20 min".into();
            row["statusCode"] = 8.into();
            return Some(row);
        }
        let is_ready = is_cached || steps_to_ready.is_some_and(|steps| held.steps_done >= steps);
        if is_ready {
            row["status"] = "Ready".into();
            row["statusCode"] = 4.into();
            row["completionDate"] = 1_700_000_600.into();
            return Some(row);
        }
        row["completionDate"] = 0.into();
        row["uploaded"] = 0.into();
        row["processingPerc"] = 0.into();
        match steps_to_ready {
            Some(steps) => {
                row["status"] = "Downloading".into();
                row["statusCode"] = 1.into();
                row["downloaded"] = (size / u64::from(steps.max(1)) * u64::from(held.steps_done)).into();
                row["downloadSpeed"] = 1_000_000.into();
                row["seeders"] = 7.into();
                held.steps_done += 1;
            }
            // Nobody shares it: it stays in the queue.
            None => {
                row["status"] = "In Queue".into();
                row["statusCode"] = 0.into();
            }
        }
        Some(row)
    }

    fn status_of(&mut self, id: Option<u64>) -> Answer {
        let id = id.ok_or(INVALID_ID)?;
        // A single id is answered with a single object, although a list is documented.
        let mut row = self.row(id).ok_or(INVALID_ID)?;
        if row["statusCode"] == 4 {
            row["files"] = self.tree(id).into();
        }
        Ok(json!({"magnets": row}))
    }

    fn status_of_all(&mut self) -> Vec<Value> {
        let ids: Vec<u64> = self.held.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.row(id)).collect()
    }

    fn files(&self, form: &[(String, String)]) -> Vec<Value> {
        let asked = form.iter().filter(|(name, _)| name.starts_with("id[")).map(|(_, id)| id);
        // The id is a text here and a number everywhere else.
        let entry = |id: &String| match id.parse().ok().filter(|id| self.held.contains_key(id)) {
            Some(number) => json!({"id": id, "files": self.tree(number)}),
            None => json!({"id": id, "error": INVALID_ID.body()}),
        };
        asked.map(entry).collect()
    }

    /// The files of a ready torrent as folders within folders.
    fn tree(&self, id: u64) -> Vec<Value> {
        let Some(held) = self.held.get(&id).filter(|held| self.is_ready(held)) else { return Vec::new() };
        let Some(torrent) = self.known.get(&held.info_hash) else { return Vec::new() };
        let mut root = Vec::new();
        for (index, file) in torrent.files.iter().enumerate() {
            let mut folders: Vec<&str> = file.path.split('/').collect();
            let name = folders.pop().unwrap_or_default();
            let mut level = &mut root;
            for folder in folders {
                let at = level.iter().position(|node: &Value| node["n"] == folder && node.get("e").is_some());
                let at = at.unwrap_or_else(|| {
                    level.push(json!({"n": folder, "e": []}));
                    level.len() - 1
                });
                let Some(entries) = level[at]["e"].as_array_mut() else { return Vec::new() };
                level = entries;
            }
            level.push(json!({"n": name, "s": file.size_bytes, "l": page_link(torrent.info_hash, index)}));
        }
        root
    }

    /// The torrent and file behind a page link.
    fn behind(&self, link: &str) -> Option<(&StandInTorrent, &FileEntry)> {
        let (hash, index) = link.strip_prefix(PAGE_LINKS)?.split_once('-')?;
        let torrent = self.known.get(&hash.parse().ok()?)?;
        Some((torrent, torrent.files.get(index.parse::<usize>().ok()?)?))
    }

    fn direct_link(&self, media_url: &Url, file: &FileEntry) -> String {
        let mut url = media_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(file_name(file));
        }
        url.set_query(Some(&format!("token={}", self.link_generation)));
        url.into()
    }

    fn unlock(&mut self, media_url: &Url, link: Option<&str>) -> Answer {
        let link = link.filter(|link| !link.is_empty()).ok_or(NO_LINK)?;
        if self.is_refused {
            return Err(NO_SERVER);
        }
        if !self.is_premium {
            return Err(LINK_NOT_PREMIUM);
        }
        if self.is_used_up {
            return Err(LIMIT_REACHED);
        }
        let (torrent, file) = self.behind(link).ok_or(LINK_DOWN)?;
        let mut data = json!({
            "link": "", "host": "alldebrid", "filename": file_name(file), "filesize": file.size_bytes, "streams": [], "paws": false,
            "id": "abcdefgh12", "hostDomain": "alldebrid.com",
        });
        match torrent.unlock {
            StandInUnlock::Direct => data["link"] = self.direct_link(media_url, file).into(),
            StandInUnlock::Down => return Err(LINK_DOWN),
            StandInUnlock::Blocked => return Err(NOT_SUPPORTED),
            StandInUnlock::StreamsOnly => {
                data["streams"] = json!([
                    {"id": "137+140", "ext": "mp4", "quality": 1080, "filesize": 0, "proto": "https", "name": "1080p"},
                    {"id": "140", "ext": "mp3", "quality": "mp3", "filesize": 0, "proto": "https", "name": "mp3"},
                ]);
            }
            StandInUnlock::Delayed | StandInUnlock::DelayedInVain => {
                let id = self.next_id;
                self.next_id += 1;
                self.delayed.insert(id, (link.to_owned(), 0));
                data["delayed"] = id.into();
            }
        }
        Ok(data)
    }

    fn look_at_delayed(&mut self, media_url: &Url, id: Option<u64>) -> Answer {
        let id = id.ok_or(INVALID_DELAYED)?;
        let (link, look_count) = self.delayed.get_mut(&id).ok_or(INVALID_DELAYED)?;
        *look_count += 1;
        let (link, look_count) = (link.clone(), *look_count);
        let (torrent, file) = self.behind(&link).ok_or(INVALID_DELAYED)?;
        Ok(match (torrent.unlock, look_count) {
            (_, 1) => json!({"status": 1, "time_left": 4}),
            (StandInUnlock::DelayedInVain, _) => json!({"status": 3, "time_left": 0}),
            _ => json!({"status": 2, "time_left": 0, "link": self.direct_link(media_url, file)}),
        })
    }
}

const PAGE_LINKS: &str = "https://alldebrid.com/f/";

fn page_link(info_hash: InfoHash, index: usize) -> String {
    format!("{PAGE_LINKS}{info_hash}-{index}")
}

fn file_name(file: &FileEntry) -> &str {
    file.path.rsplit('/').next().unwrap_or(&file.path)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn service() -> AllDebridStandIn {
        let torrent = StandInTorrent::new(HASH, "Show").with_file("Show/S01/E01.mkv", 10).with_file("readme.txt", 1);
        AllDebridStandIn::new("key", "http://media.example/films/".parse().unwrap()).with_torrent(torrent)
    }

    fn ask(service: &AllDebridStandIn, path: &str, form: &str) -> Value {
        let request = http::Request::post(path).header("authorization", "Bearer key");
        let reply = service.reply(&request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap());
        serde_json::from_slice(reply.body()).unwrap()
    }

    /// Goal: from a hash to a direct link, and to its end.
    #[test]
    fn a_torrent_becomes_a_link() {
        let service = service();
        let added = ask(&service, "/v4/magnet/upload", &format!("magnets[]={HASH}"));
        let id = added["data"]["magnets"][0]["id"].as_u64().unwrap();
        let files = ask(&service, "/v4/magnet/files", &format!("id[]={id}"));
        let link = &files["data"]["magnets"][0]["files"][0]["e"][0]["e"][0]["l"];
        let unlocked = ask(&service, "/v4/link/unlock", &format!("link={}", link.as_str().unwrap()));
        let url: Url = unlocked["data"]["link"].as_str().unwrap().parse().unwrap();
        assert_eq!((url.path(), service.is_live_link(url.query().unwrap())), ("/films/E01.mkv", true));
        service.expire_links();
        assert!(!service.is_live_link(url.query().unwrap()));
    }

    /// Goal: the thirteenth request of a second is one too many.
    #[test]
    fn the_rate_limit_is_the_documented_one() {
        let service = service();
        let now = Instant::now();
        let mut state = service.state();
        assert!((0..12).all(|_| state.is_in_time(now)));
        assert!(!state.is_in_time(now));
        assert!(state.is_in_time(now + Duration::from_secs(1)));
    }
}
