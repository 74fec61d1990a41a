//! A stand-in of Premiumize: one account with its transfers and its cloud, and the torrents the service knows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::torrent_file;
use super::{Mishap, StandIn, StandInReply, StandInRequest, StandInTorrent, StandInUnlock, wire};
use crate::model::{FileEntry, InfoHash, Magnet};

/// Transfers that may be in preparation at once.
const MAX_ACTIVE: usize = 25;

/// The number of the user's own folder of everything.
const ROOT: &str = "ROOT";

const DEVICE_CODE: &str = "a-device-code";
const USER_CODE: &str = "WXYZ";

/// Ten years.
const TOKEN_LIFE_S: u64 = 315_360_000;

/// Premiumize, played by us: account, cache, direct links of cached torrents, transfers into the cloud, the cloud, sign-in by code. Errors
/// come with HTTP 200 and words. A torrent whose files are [`StandInUnlock::Down`] has left the cache and is listed in the cloud only; a
/// [`StandInUnlock::Blocked`] one is banned. Direct links lead below a media address of your choice: `{media}/{file name}?token=…`.
///
/// A transfer that finishes puts a folder, or a single file, into the cloud; deleting the transfer leaves it there. The rate limit is
/// unpublished and not played. Zips, searches and hosters are not there.
#[derive(Debug)]
pub struct PremiumizeStandIn {
    key: String,
    client_id: String,
    media_url: Url,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: HashMap<InfoHash, StandInTorrent>,
    held: BTreeMap<u64, Held>,
    next_id: u64,
    evicted: HashSet<InfoHash>,
    cache_answers: CacheAnswers,
    is_premium: bool,
    is_refused: bool,
    limit_used: f64,
    sign_in: SignIn,
    mishap: Option<Mishap>,
}

/// How the cache is told of.
#[derive(Clone, Copy, Debug)]
enum CacheAnswers {
    Whole,
    /// The last answers are missing.
    Short,
}

/// What the owner did with the code.
#[derive(Clone, Copy, Debug)]
enum SignIn {
    Waiting,
    Hurried,
    Accepted,
    Ended,
}

/// A transfer and what it has put into the cloud.
#[derive(Debug)]
struct Held {
    info_hash: InfoHash,
    /// It came as a file: then it does not tell its hash.
    is_from_file: bool,
    steps_done: u32,
    is_listed: bool,
    cloud: Cloud,
    /// What the user calls its folder since.
    other_name: Option<String>,
}

/// What a transfer has put into the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cloud {
    NotYet,
    There,
    Removed,
}

/// A code, where there is one, and the words.
#[derive(Clone, Copy, Debug)]
struct Complaint(Option<&'static str>, &'static str);

const NOT_LOGGED_IN: Complaint = Complaint(None, "Not logged in.");
const NO_ENDPOINT: Complaint = Complaint(Some("not_found"), "Endpoint not found");
const NOT_PREMIUM: Complaint = Complaint(None, "Account not premium.");
const WRONG_PLACE: Complaint = Complaint(Some("permission_denied"), "Your IP address is not allowed.");
const FAIR_USE: Complaint = Complaint(Some("account_limit_reached"), "Fair use limit reached!");
const TOO_MANY: Complaint = Complaint(None, "You already have a maximum of 25 active downloads in progress!");
const ALREADY_ADDED: Complaint = Complaint(None, "You already added this job.");
const NOT_COMPATIBLE: Complaint = Complaint(None, "Src not compatible.");
const NOT_IN_CACHE: Complaint = Complaint(None, "content not in cache");
const NO_ITEM: Complaint = Complaint(None, "item not found");

type Answer = Result<Value, Complaint>;

impl PremiumizeStandIn {
    /// A stand-in with a premium account behind `key`, whose direct links lead below `media_url`. It knows the program `client_id`.
    #[must_use]
    pub fn new(key: impl Into<String>, client_id: impl Into<String>, media_url: Url) -> Self {
        let state = State {
            known: HashMap::new(),
            held: BTreeMap::new(),
            next_id: 100_001,
            evicted: HashSet::new(),
            cache_answers: CacheAnswers::Whole,
            is_premium: true,
            is_refused: false,
            limit_used: 0.25,
            sign_in: SignIn::Waiting,
            mishap: None,
        };
        Self { key: key.into(), client_id: client_id.into(), media_url, state: Mutex::new(state) }
    }

    /// From now on it can get a torrent.
    pub fn given_torrent(&self, torrent: StandInTorrent) {
        self.state().known.insert(torrent.info_hash, torrent);
    }

    /// The user has added a torrent himself.
    pub fn given_in_account(&self, info_hash: InfoHash) {
        self.state().hold(info_hash, false);
    }

    /// The user has cleared the list of transfers that are finished; what they made stays in the cloud.
    pub fn given_cleared_list(&self) {
        let mut state = self.state();
        let State { known, held, .. } = &mut *state;
        held.values_mut().for_each(|held| held.is_listed &= !held.is_done(known));
    }

    /// The user has given the folders of a torrent another name.
    pub fn given_renamed_folder(&self, info_hash: InfoHash, name: &str) {
        let mut state = self.state();
        let of_it = state.held.values_mut().filter(|held| held.info_hash == info_hash);
        of_it.for_each(|held| held.other_name = Some(name.to_owned()));
    }

    /// A torrent has left the cache; what was fetched before lies on in the cloud.
    pub fn given_evicted(&self, info_hash: InfoHash) {
        self.state().evicted.insert(info_hash);
    }

    /// The cache is told of in answers that end one too early.
    pub fn given_short_cache_answers(&self) {
        self.state().cache_answers = CacheAnswers::Short;
    }

    /// The plan has ended, or runs again.
    pub fn given_premium(&self, is_premium: bool) {
        self.state().is_premium = is_premium;
    }

    /// The address that asks is refused, or no longer.
    pub fn given_refused_address(&self, is_refused: bool) {
        self.state().is_refused = is_refused;
    }

    /// The fair-use points are used up to this share.
    pub fn given_limit_used(&self, share: f64) {
        self.state().limit_used = share;
    }

    /// The owner has typed the code, or refused it.
    pub fn given_sign_in(&self, is_accepted: bool) {
        self.state().sign_in = if is_accepted { SignIn::Accepted } else { SignIn::Ended };
    }

    /// The program asks too often whether the code was typed.
    pub fn given_hurried_sign_in(&self) {
        self.state().sign_in = SignIn::Hurried;
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        self.state().mishap = mishap;
    }

    /// What the account holds, as transfers or in the cloud, in the order it was added.
    #[must_use]
    pub fn account_torrents(&self) -> Vec<InfoHash> {
        let state = self.state();
        state
            .held
            .values()
            .filter(|held| held.is_listed || held.cloud == Cloud::There)
            .map(|held| held.info_hash)
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a request: in a header, or as the older `apikey`.
    fn is_right_key(&self, request: &StandInRequest, form: &[(String, String)]) -> bool {
        let query = wire::query(request);
        let older = || wire::value(form, "apikey").or_else(|| wire::value(&query, "apikey"));
        wire::bearer(request).or_else(older) == Some(self.key.as_str())
    }

    fn answer(&self, state: &mut State, request: &StandInRequest) -> Answer {
        let Some(path) = request.uri().path().strip_prefix("/api/") else { return Err(NO_ENDPOINT) };
        let form = if request.method() == Method::GET { wire::query(request) } else { wire::form(request) };
        if !self.is_right_key(request, &form) {
            return Err(NOT_LOGGED_IN);
        }
        let id = wire::value(&form, "id");
        if state.is_refused && path != "account/info" {
            return Err(WRONG_PLACE);
        }
        match (path, request.method()) {
            ("account/info", _) => Ok(state.account()),
            ("cache/check", _) => Ok(state.check_cached(&form)),
            ("transfer/directdl", &Method::POST) => state.direct(&self.media_url, wire::value(&form, "src")),
            ("transfer/create", &Method::POST) => state.create(request, wire::value(&form, "src")),
            ("transfer/list", _) => Ok(json!({"transfers": state.transfers()})),
            ("transfer/delete", &Method::POST) => {
                let number = id.and_then(|id| id.parse().ok());
                let held = number.and_then(|number: u64| state.held.get_mut(&number)).filter(|held| held.is_listed);
                held.ok_or(Complaint(None, "transfer not found"))?.is_listed = false;
                Ok(json!({}))
            }
            ("folder/list", _) => state.folder(id.unwrap_or(ROOT)),
            ("folder/delete" | "item/delete", &Method::POST) => {
                let (number, _) = id.and_then(place).ok_or(NO_ITEM)?;
                let held = state.held.get_mut(&number).filter(|held| held.cloud == Cloud::There);
                held.ok_or(NO_ITEM)?.cloud = Cloud::Removed;
                Ok(json!({}))
            }
            ("item/details", _) => state.item(&self.media_url, id.unwrap_or_default()),
            _ => Err(NO_ENDPOINT),
        }
    }

    /// `/token`, which speaks OAuth and not the API.
    fn token(&self, state: &State, request: &StandInRequest) -> StandInReply {
        let form = wire::form(request);
        let refuse = |code: &str| wire::json(StatusCode::BAD_REQUEST, &json!({"error": code}));
        if wire::value(&form, "client_id") != Some(&self.client_id) {
            return refuse("invalid_client");
        }
        if wire::value(&form, "response_type") == Some("device_code") {
            let prompt = json!({
                "device_code": DEVICE_CODE, "user_code": USER_CODE, "verification_uri": "https://www.premiumize.me/device",
                "interval": 5, "expires_in": 600,
            });
            return wire::json(StatusCode::OK, &prompt);
        }
        if wire::value(&form, "grant_type") != Some("device_code") || wire::value(&form, "code") != Some(DEVICE_CODE) {
            return refuse("invalid_grant");
        }
        match state.sign_in {
            SignIn::Waiting => refuse("authorization_pending"),
            SignIn::Hurried => refuse("slow_down"),
            SignIn::Ended => refuse("access_denied"),
            SignIn::Accepted => {
                let grant = json!({
                    "access_token": self.key, "token_type": "bearer", "expires_in": TOKEN_LIFE_S, "scope": "",
                });
                wire::json(StatusCode::OK, &grant)
            }
        }
    }
}

impl StandIn for PremiumizeStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut state = self.state();
        let right = if request.uri().path() == "/token" {
            self.token(&state, request)
        } else {
            let told = match self.answer(&mut state, request) {
                Ok(mut fields) => {
                    fields["status"] = "success".into();
                    fields
                }
                Err(Complaint(None, words)) => json!({"status": "error", "message": words}),
                Err(Complaint(Some(code), words)) => json!({"status": "error", "code": code, "message": words}),
            };
            wire::json(StatusCode::OK, &told)
        };
        match state.mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl Held {
    /// It is fetched.
    fn is_done(&self, known: &HashMap<InfoHash, StandInTorrent>) -> bool {
        known.get(&self.info_hash).is_some_and(|torrent| {
            let is_fetched = torrent.is_cached || self.steps_done >= torrent.steps_to_ready;
            is_fetched && !torrent.fails && torrent.unlock != StandInUnlock::Blocked
        })
    }

    /// [`Self::is_done`]; what is fetched lies in the cloud from then on.
    fn finish(&mut self, known: &HashMap<InfoHash, StandInTorrent>) -> bool {
        let is_done = self.is_done(known);
        if is_done && self.cloud == Cloud::NotYet {
            self.cloud = Cloud::There;
        }
        is_done
    }
}

impl State {
    fn account(&self) -> Value {
        json!({
            "customer_id": 123_456_789, "limit_used": self.limit_used, "space_used": 1_024, "booster_points": 0,
            "premium_until": if self.is_premium { 4_102_444_800_u64 } else { 1_545_757_200 },
        })
    }

    /// May something be fetched or served?
    fn check_plan(&self) -> Result<(), Complaint> {
        if !self.is_premium {
            return Err(NOT_PREMIUM);
        }
        if self.limit_used >= 1.0 { Err(FAIR_USE) } else { Ok(()) }
    }

    /// The torrent, where its files can be served at once.
    fn cached(&self, info_hash: InfoHash) -> Option<&StandInTorrent> {
        let was_fetched = || self.held.values().any(|held| held.info_hash == info_hash && held.is_done(&self.known));
        let torrent = self.known.get(&info_hash)?;
        let is_served = !matches!(torrent.unlock, StandInUnlock::Down | StandInUnlock::Blocked);
        (is_served && !self.evicted.contains(&info_hash) && (torrent.is_cached || was_fetched())).then_some(torrent)
    }

    fn check_cached(&self, form: &[(String, String)]) -> Value {
        let items = form.iter().filter(|(name, _)| name == "items[]").map(|(_, item)| item);
        let found: Vec<Option<&StandInTorrent>> = items.map(|item| self.cached(source(item)?)).collect();
        let told_count = match self.cache_answers {
            CacheAnswers::Whole => found.len(),
            CacheAnswers::Short => found.len().saturating_sub(1),
        };
        let found = &found[..told_count];
        let each = |tell: &dyn Fn(Option<&StandInTorrent>) -> Value| -> Vec<Value> {
            found.iter().map(|torrent| tell(*torrent)).collect()
        };
        json!({
            "response": each(&|torrent| torrent.is_some().into()),
            "transcoded": each(&|_| false.into()),
            "filename": each(&|torrent| torrent.map_or(Value::Null, |torrent| torrent.name.clone().into())),
            // A text where there is one, a number where there is none.
            "filesize": each(&|torrent| torrent.map_or(0.into(), |torrent| torrent.size_bytes().to_string().into())),
        })
    }

    fn direct(&self, media_url: &Url, src: Option<&str>) -> Answer {
        self.check_plan()?;
        let torrent = self.cached(src.and_then(source).ok_or(NOT_COMPATIBLE)?).ok_or(NOT_IN_CACHE)?;
        let link = |file: &FileEntry| direct_link(media_url, file);
        let content: Vec<Value> = torrent
            .files
            .iter()
            .map(|file| {
                json!({
                    "path": file.path, "size": file.size_bytes.to_string(), "link": link(file), "stream_link": null,
                    "transcode_status": "not_applicable",
                })
            })
            .collect();
        let first = torrent.files.first();
        Ok(json!({
            "location": first.map(link), "filename": first.map(file_name), "filesize": first.map(|file| file.size_bytes),
            "content": content,
        }))
    }

    /// A transfer, as the service numbers them.
    fn hold(&mut self, info_hash: InfoHash, is_from_file: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let mut held =
            Held { info_hash, is_from_file, steps_done: 0, is_listed: true, cloud: Cloud::NotYet, other_name: None };
        held.finish(&self.known);
        self.held.insert(id, held);
        id
    }

    fn create(&mut self, request: &StandInRequest, src: Option<&str>) -> Answer {
        self.check_plan()?;
        let file =
            torrent_file::multipart(request).into_iter().find(|part| matches!(part.field.as_str(), "src" | "file"));
        let is_from_file = file.is_some();
        let hash = match file {
            Some(part) => torrent_file::info_hash(part.bytes),
            None => src.and_then(source),
        };
        let hash = hash.ok_or(NOT_COMPATIBLE)?;
        let fails = self.known.get(&hash).is_some_and(|torrent| torrent.fails);
        if !fails && self.held.values().any(|held| held.is_listed && held.info_hash == hash) {
            return Err(ALREADY_ADDED);
        }
        let active = self.held.values().filter(|held| held.is_listed && !held.is_done(&self.known));
        if active.count() >= MAX_ACTIVE {
            return Err(TOO_MANY);
        }
        let id = self.hold(hash, is_from_file);
        Ok(json!({"id": id.to_string(), "name": self.name(hash), "type": "torrent"}))
    }

    fn name(&self, info_hash: InfoHash) -> String {
        let known = self.known.get(&info_hash).map(|torrent| torrent.name.clone());
        known.unwrap_or_else(|| format!("magnet:?xt=urn:btih:{info_hash}"))
    }

    /// The list; a transfer in preparation goes a step further by being looked at.
    fn transfers(&mut self) -> Vec<Value> {
        let ids: Vec<u64> = self.held.iter().filter(|(_, held)| held.is_listed).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| self.row(id)).collect()
    }

    fn row(&mut self, id: u64) -> Option<Value> {
        let held = self.held.get_mut(&id)?;
        let known = self.known.get(&held.info_hash);
        let is_done = held.finish(&self.known);
        let src = if held.is_from_file {
            format!("https://www.premiumize.me/api/job/src?id={id}")
        } else {
            format!("magnet:?xt=urn:btih:{}", held.info_hash)
        };
        let mut row = json!({
            "id": id.to_string(), "message": null, "progress": null, "src": src, "folder_id": null, "file_id": null,
        });
        row["status"] = match known {
            Some(torrent) if torrent.unlock == StandInUnlock::Blocked => "banned".into(),
            Some(torrent) if torrent.fails => {
                row["message"] = "No seeders were found".into();
                "error".into()
            }
            Some(torrent) if is_done => {
                row["progress"] = 1.into();
                match single_file(torrent) {
                    Some(_) => row["file_id"] = format!("{id}.0").into(),
                    None => row["folder_id"] = format!("{id}.").into(),
                }
                "finished".into()
            }
            Some(torrent) => {
                row["progress"] = (f64::from(held.steps_done) / f64::from(torrent.steps_to_ready.max(1))).into();
                row["message"] = "Downloading at 1.50 MB/s. 7 peers".into();
                // Where it will lie: not what it made.
                row["folder_id"] = ROOT.into();
                held.steps_done += 1;
                "running".into()
            }
            None => "queued".into(),
        };
        row["name"] = match known {
            Some(torrent) => single_file(torrent).map_or_else(|| folder_name(torrent), |file| file.path.clone()).into(),
            None => src.into(),
        };
        Some(row)
    }

    /// What a number of the cloud names: a folder (its names within the transfer's folder) or a file, and the torrent.
    fn in_cloud(&self, id: u64) -> Result<&StandInTorrent, Complaint> {
        let held = self.held.get(&id).filter(|held| held.cloud == Cloud::There).ok_or(NO_ITEM)?;
        self.known.get(&held.info_hash).ok_or(NO_ITEM)
    }

    fn folder(&self, id: &str) -> Answer {
        if id == ROOT {
            return Ok(json!({"content": [], "name": "My Files", "parent_id": null, "folder_id": ROOT}));
        }
        let (number, folder) = place(id).ok_or(NO_ITEM)?;
        let torrent = self.in_cloud(number)?;
        let mut content: Vec<Value> = Vec::new();
        for (index, file) in torrent.files.iter().enumerate() {
            let Some(rest) = within(torrent, file).strip_prefix(folder) else { continue };
            match rest.split_once('/') {
                Some((name, _)) if content.iter().any(|entry| entry["name"] == name) => {}
                Some((name, _)) => content.push(json!({
                    "id": format!("{number}.{folder}{name}/"), "name": name, "type": "folder", "created_at": 1_700_000_000,
                })),
                None => content.push(json!({
                    "id": format!("{number}.{index}"), "name": rest, "type": "file", "size": file.size_bytes,
                    "created_at": 1_700_000_000, "mime_type": "video/x-matroska", "link": "https://media.example/listed",
                    "stream_link": null, "transcode_status": "not_applicable", "virus_scan": "ok",
                })),
            }
        }
        let name = folder.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty());
        let other_name = self.held.get(&number).and_then(|held| held.other_name.clone());
        let root_name = || other_name.unwrap_or_else(|| folder_name(torrent));
        let name = name.map_or_else(root_name, ToOwned::to_owned);
        Ok(json!({"content": content, "name": name, "parent_id": ROOT, "folder_id": id}))
    }

    fn item(&self, media_url: &Url, id: &str) -> Answer {
        let (number, index) = place(id).ok_or(NO_ITEM)?;
        let torrent = self.in_cloud(number)?;
        let file = index.parse::<usize>().ok().and_then(|index| torrent.files.get(index)).ok_or(NO_ITEM)?;
        if torrent.unlock == StandInUnlock::Down {
            return Err(NO_ITEM);
        }
        self.check_plan()?;
        Ok(json!({
            "id": id, "name": file_name(file), "type": "file", "size": file.size_bytes, "created_at": 1_700_000_000,
            "folder_id": ROOT, "link": direct_link(media_url, file), "stream_link": "", "transcode_status": "good_as_is",
        }))
    }
}

/// A transfer's number, and what stands behind it.
fn place(id: &str) -> Option<(u64, &str)> {
    let (number, rest) = id.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// A magnet or a bare hash.
fn source(text: &str) -> Option<InfoHash> {
    let magnet = text.parse::<Magnet>().map(|magnet| magnet.info_hash);
    magnet.or_else(|_| text.parse()).ok()
}

/// A torrent of one file has no folder.
fn single_file(torrent: &StandInTorrent) -> Option<&FileEntry> {
    match torrent.files.as_slice() {
        [file] if !file.path.contains('/') => Some(file),
        _ => None,
    }
}

/// The folder that all files of a torrent lie in; a torrent without gets one of its name.
fn folder_name(torrent: &StandInTorrent) -> String {
    let first = torrent.files.first().and_then(|file| file.path.split_once('/')).map(|(folder, _)| folder);
    let is_shared = |folder: &&str| torrent.files.iter().all(|file| file.path.starts_with(&format!("{folder}/")));
    first.filter(is_shared).unwrap_or(&torrent.name).to_owned()
}

/// The path of a file within that folder.
fn within<'a>(torrent: &StandInTorrent, file: &'a FileEntry) -> &'a str {
    file.path.strip_prefix(&format!("{}/", folder_name(torrent))).unwrap_or(&file.path)
}

fn direct_link(media_url: &Url, file: &FileEntry) -> String {
    let mut url = media_url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(file_name(file));
    }
    url.set_query(Some("token=1"));
    url.into()
}

fn file_name(file: &FileEntry) -> &str {
    file.path.rsplit('/').next().unwrap_or(&file.path)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn service(torrent: StandInTorrent) -> PremiumizeStandIn {
        let service = PremiumizeStandIn::new("key", "program", "http://media.example/films/".parse().unwrap());
        service.given_torrent(torrent);
        service
    }

    fn show() -> StandInTorrent {
        StandInTorrent::new(HASH, "Show").with_file("Show/S01/E01.mkv", 10).with_file("Show/readme.txt", 1)
    }

    fn ask(service: &PremiumizeStandIn, path: &str, form: &str) -> Value {
        let request = http::Request::post(path).header("authorization", "Bearer key");
        let reply = service.reply(&request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap());
        serde_json::from_slice(reply.body()).unwrap()
    }

    /// Goal: from a hash to a direct link, and nothing in the account.
    #[test]
    fn a_cached_torrent_is_served_by_its_magnet() {
        let service = service(show());
        let checked = ask(&service, "/api/cache/check", &format!("items[]={HASH}&items[]=00"));
        assert_eq!(checked["response"], json!([true, false]));
        let direct = ask(&service, "/api/transfer/directdl", &format!("src=magnet:?xt=urn:btih:{HASH}"));
        assert_eq!(direct["content"][0]["link"], "http://media.example/films/E01.mkv?token=1");
        assert!(service.account_torrents().is_empty());
    }

    /// Goal: what is not cached is fetched into the cloud, step by step, and lies there when the transfer is gone.
    #[test]
    fn a_transfer_makes_a_folder() {
        let service = service(show().ready_after(1));
        let src = format!("src=magnet:?xt=urn:btih:{HASH}");
        assert_eq!(ask(&service, "/api/transfer/directdl", &src)["message"], "content not in cache");
        let id = ask(&service, "/api/transfer/create", &src)["id"].as_str().unwrap().to_owned();
        assert_eq!(ask(&service, "/api/transfer/create", &src)["message"], "You already added this job.");
        assert_eq!(ask(&service, "/api/transfer/list", "")["transfers"][0]["status"], "running");
        let row = ask(&service, "/api/transfer/list", "")["transfers"][0].clone();
        assert_eq!((row["status"].as_str(), row["name"].as_str()), (Some("finished"), Some("Show")));
        ask(&service, "/api/transfer/delete", &format!("id={id}"));
        let folder = row["folder_id"].as_str().unwrap();
        let request = http::Request::get(format!("/api/folder/list?id={folder}")).header("authorization", "Bearer key");
        let listed: Value = serde_json::from_slice(service.reply(&request.body(Bytes::new()).unwrap()).body()).unwrap();
        assert_eq!(listed["content"][0]["name"], "S01");
        assert_eq!(service.account_torrents(), [HASH]);
        ask(&service, "/api/folder/delete", &format!("id={folder}"));
        assert!(service.account_torrents().is_empty());
    }

    /// Goal: errors come with HTTP 200; the twenty-sixth download at once is one too many.
    #[test]
    fn limits_are_the_documented_ones() {
        let service = service(show());
        let create = |index: u8| {
            ask(&service, "/api/transfer/create", &format!("src=magnet:?xt=urn:btih:{}", InfoHash([index; 20])))
        };
        assert!((100..125).all(|index| create(index)["status"] == "success"));
        assert_eq!(create(125)["message"], TOO_MANY.1);
        service.given_limit_used(1.0);
        assert_eq!(create(126)["message"], FAIR_USE.1);
        let request = http::Request::get("/api/account/info").body(Bytes::new()).unwrap();
        let reply = service.reply(&request);
        assert_eq!(reply.status(), StatusCode::OK);
        assert!(String::from_utf8_lossy(reply.body()).contains(NOT_LOGGED_IN.1));
    }
}
