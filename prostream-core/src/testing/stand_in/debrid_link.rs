//! A stand-in of Debrid-Link: one account with its seedbox, and the torrents the service knows.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::torrent_file;
use super::{Mishap, StandIn, StandInReply, StandInRequest, StandInTorrent, StandInUnlock, wire};
use crate::model::{FileEntry, InfoHash, Magnet};

/// Torrents a page, at least and at most.
const PER_PAGE: std::ops::RangeInclusive<usize> = 20..=100;

/// Torrents in preparation at once.
const MAX_TRANSFERS: usize = 20;

/// What a plan may fetch a day, in bytes.
const DAY_SIZE: u64 = 400 << 30;

const USER_CODE: &str = "ABCD-EFGH";
const DEVICE_CODE: &str = "d3b1-dev1ce-c0de";
const REFRESH_TOKEN: &str = "d3b1-refre5h-t0ken";

/// Debrid-Link, played by us: account and limits, the seedbox with its pages, lists and trees, additions of magnets and files, removal, and
/// the sign-in by a code; its errors. It keeps the service's habits: a filter by ids that knows not all of them is no filter, and removing
/// what is not there succeeds. Direct links lead below a media address of your choice: `{media}/{file name}?token=…`.
///
/// Hosters, archives of files and the choice of files are not there: unknown paths are `unknowR`. How the service writes a tree is not
/// documented; here a folder has a name and `children`. A file is given its link with the list, so of [`StandInUnlock`] it knows what is
/// down and what is blocked, the latter from its addition on.
#[derive(Debug)]
pub struct DebridLinkStandIn {
    key: String,
    client_id: String,
    media_url: Url,
    state: Mutex<State>,
}

/// When the plan ends, in seconds since 1970: 2100-01-01.
const PLAN_ENDS_S: u64 = 4_102_444_800;

#[derive(Debug)]
struct State {
    known: HashMap<InfoHash, StandInTorrent>,
    /// In the order they were added; the service lists the newest first.
    held: Vec<Held>,
    viewer_addresses: Vec<String>,
    link_generation: u32,
    is_premium: bool,
    is_refused: bool,
    is_used_up: bool,
    is_archived: bool,
    is_archived_too: bool,
    has_trees: bool,
    has_limits: bool,
    flooded: Option<&'static str>,
    sign_in: SignIn,
    mishap: Option<Mishap>,
}

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

/// A code and the HTTP status it comes with.
#[derive(Clone, Copy, Debug)]
struct Complaint(&'static str, StatusCode);

const fn complaint(code: &'static str) -> Complaint {
    Complaint(code, StatusCode::BAD_REQUEST)
}

const BAD_TOKEN: Complaint = Complaint("badToken", StatusCode::UNAUTHORIZED);
const NOT_ALLOWED: Complaint = Complaint("serverNotAllowed", StatusCode::FORBIDDEN);
const UNKNOWN_ROUTE: Complaint = Complaint("unknowR", StatusCode::NOT_FOUND);
const DISABLED: Complaint = complaint("endpointDisabled");
const FLOOD: Complaint = complaint("floodDetected");
const BAD_ARGUMENTS: Complaint = complaint("badArguments");
const BAD_FILE: Complaint = complaint("badTorrentFile");
const NOT_ADDED: Complaint = complaint("notAddTorrent");
const FREE_OVERLOAD: Complaint = complaint("freeServerOverload");
const MAX_DATA: Complaint = complaint("maxData");
const MAX_TRANSFER: Complaint = complaint("maxTransfer");
const PENDING: Complaint = complaint("authorization_pending");
const EXPIRED: Complaint = complaint("expired_token");
const NO_CLIENT: Complaint = Complaint("invalid_client", StatusCode::UNAUTHORIZED);
const NO_GRANT_TYPE: Complaint = complaint("unsupported_grant_type");

/// What is answered: the whole body of a success.
type Answer = Result<Value, Complaint>;

impl DebridLinkStandIn {
    /// A stand-in with a premium account behind `key`, that knows the program `client_id`, and whose direct links lead below `media_url`.
    #[must_use]
    pub fn new(key: impl Into<String>, client_id: impl Into<String>, media_url: Url) -> Self {
        let state = State {
            known: HashMap::new(),
            held: Vec::new(),
            viewer_addresses: Vec::new(),
            link_generation: 1,
            is_premium: true,
            is_refused: false,
            is_used_up: false,
            is_archived: false,
            is_archived_too: false,
            has_trees: true,
            has_limits: true,
            flooded: None,
            sign_in: SignIn::Waiting,
            mishap: None,
        };
        Self { key: key.into(), client_id: client_id.into(), media_url, state: Mutex::new(state) }
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

    /// The address that asks is refused, as those of data centres are, unless it names the viewer's; or no longer.
    pub fn given_refused_address(&self, is_refused: bool) {
        self.state().is_refused = is_refused;
    }

    /// The day's quota is used up.
    pub fn given_used_up_quota(&self) {
        self.state().is_used_up = true;
    }

    /// The limits cannot be asked for.
    pub fn given_no_limits(&self) {
        self.state().has_limits = false;
    }

    /// Files of torrents are offered as a single archive.
    pub fn given_archives(&self) {
        self.state().is_archived = true;
    }

    /// Files of torrents are offered as an archive, and beside it one by one.
    pub fn given_archives_beside_files(&self) {
        self.state().is_archived_too = true;
    }

    /// Trees are written in a way that nobody knows.
    pub fn given_strange_trees(&self) {
        self.state().has_trees = false;
    }

    /// This path (such as `seedbox/add`) was asked too often, or none.
    pub fn given_flood(&self, path: Option<&'static str>) {
        self.state().flooded = path;
    }

    /// The owner has typed the code, or let it end.
    pub fn given_sign_in(&self, is_accepted: bool) {
        self.state().sign_in = if is_accepted { SignIn::Accepted } else { SignIn::Ended };
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
        self.state().held.iter().map(|held| held.info_hash).collect()
    }

    /// The addresses of viewers that were told, in order.
    #[must_use]
    pub fn viewer_addresses(&self) -> Vec<String> {
        self.state().viewer_addresses.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &mut State, request: &StandInRequest) -> Answer {
        let path = request.uri().path();
        if let Some(path) = path.strip_prefix("/api/oauth/") {
            return self.sign_in(state, path, &wire::form(request));
        }
        let Some(path) = path.strip_prefix("/api/v2/") else { return Err(UNKNOWN_ROUTE) };
        if wire::bearer(request) != Some(&self.key) {
            return Err(BAD_TOKEN);
        }
        if state.flooded == Some(path) {
            return Err(FLOOD);
        }
        let query = wire::query(request);
        let value = match (request.method(), path) {
            (&Method::GET, "account/infos") => state.account(),
            (&Method::GET, "seedbox/limits") if state.has_limits => state.limits(),
            (&Method::GET, "seedbox/list") => return state.list(&self.media_url, &query),
            (&Method::GET, "seedbox/cached") => return Err(DISABLED),
            (&Method::POST, "seedbox/add") => state.add(&self.media_url, request)?,
            (&Method::DELETE, path) => {
                match path.strip_prefix("seedbox/").and_then(|path| path.strip_suffix("/remove")) {
                    Some(ids) if !ids.is_empty() => state.remove(&wire::decode_path(ids)),
                    _ => return Err(UNKNOWN_ROUTE),
                }
            }
            _ => return Err(UNKNOWN_ROUTE),
        };
        Ok(json!({"success": true, "value": value}))
    }

    /// The sign-in speaks without the envelope.
    fn sign_in(&self, state: &State, path: &str, form: &[(String, String)]) -> Answer {
        let field = |name| wire::value(form, name);
        if field("client_id") != Some(&self.client_id) {
            return Err(NO_CLIENT);
        }
        let mut token = json!({"access_token": self.key, "expires_in": 86_400, "token_type": "bearer"});
        match (path, field("grant_type")) {
            ("device/code", _) => Ok(json!({
                "device_code": DEVICE_CODE, "user_code": USER_CODE, "verification_url": "https://debrid-link.com/device",
                "interval": 3, "expires_in": 900,
            })),
            (
                "token",
                Some("urn:ietf:params:oauth:grant-type:device_code" | "http://oauth.net/grant_type/device/1.0"),
            ) => match state.sign_in {
                SignIn::Accepted if field("code") == Some(DEVICE_CODE) => {
                    token["refresh_token"] = REFRESH_TOKEN.into();
                    Ok(token)
                }
                SignIn::Waiting if field("code") == Some(DEVICE_CODE) => Err(PENDING),
                _ => Err(EXPIRED),
            },
            // The refresh token stays the same and is not sent again.
            ("token", Some("refresh_token")) if field("refresh_token") == Some(REFRESH_TOKEN) => Ok(token),
            ("token", Some("refresh_token")) => Err(EXPIRED),
            ("token", _) => Err(NO_GRANT_TYPE),
            _ => Err(UNKNOWN_ROUTE),
        }
    }
}

impl StandIn for DebridLinkStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut state = self.state();
        let right = match self.answer(&mut state, request) {
            Ok(body) => wire::json(StatusCode::OK, &body),
            Err(Complaint(code, status)) => {
                wire::json(status, &json!({"success": false, "error": code, "error_id": "65f0c0ffee"}))
            }
        };
        match state.mishap {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

/// The id of a torrent: always the same for one hash.
fn id_of(info_hash: InfoHash) -> String {
    info_hash.to_string()[..24].to_owned()
}

impl State {
    fn account(&self) -> Value {
        json!({
            "username": "viewer", "email": "v**r@exam*******m", "emailVerified": true, "accountType": u8::from(self.is_premium),
            "premiumLeft": if self.is_premium { PLAN_ENDS_S.saturating_sub(wire::unix_s()) } else { 0 }, "pts": 12, "registerDate": "2019-03-02",
            "serverDetected": self.is_refused, "settings": {"https": true, "themeDark": false, "hideOldLinks": true, "cdn": "auto"},
        })
    }

    fn limits(&self) -> Value {
        let percent = if self.is_used_up { 100 } else { 25 };
        json!({
            "usagePercent": {"current": percent, "value": 100}, "dayCount": {"current": 3, "value": 50},
            "daySize": {"current": DAY_SIZE / 100 * percent, "value": DAY_SIZE}, "monthSize": {"current": 0, "value": -1},
            "activeTransferCount": {"current": 0, "value": MAX_TRANSFERS}, "nextResetSeconds": {"current": 0, "value": 5_400},
        })
    }

    /// Notes the viewer's address; without one a refused address stays refused.
    fn let_in(&mut self, viewer: Option<&str>) -> Result<(), Complaint> {
        self.viewer_addresses.extend(viewer.map(str::to_owned));
        if self.is_refused && viewer.is_none() { Err(NOT_ALLOWED) } else { Ok(()) }
    }

    fn list(&mut self, media_url: &Url, query: &[(String, String)]) -> Answer {
        self.let_in(wire::value(query, "ip"))?;
        let number = |name: &str, default: usize| match wire::value(query, name) {
            Some(text) => text.parse::<usize>().map_err(|_| BAD_ARGUMENTS),
            None => Ok(default),
        };
        let (page, per_page) = (number("page", 0)?, number("perPage", *PER_PAGE.start())?);
        if !PER_PAGE.contains(&per_page) {
            return Err(BAD_ARGUMENTS);
        }
        let asked: Vec<&str> = wire::value(query, "ids").map(|ids| ids.split(',').collect()).unwrap_or_default();
        let newest_first: Vec<InfoHash> = self.held.iter().rev().map(|held| held.info_hash).collect();
        let among = |hash: &InfoHash| asked.contains(&id_of(*hash).as_str());
        // A filter that knows not all its ids is none.
        let is_filter = !asked.is_empty() && newest_first.iter().filter(|hash| among(hash)).count() == asked.len();
        let found: Vec<InfoHash> = newest_first.into_iter().filter(|hash| !is_filter || among(hash)).collect();
        let page_count = found.len().div_ceil(per_page).max(1);
        let is_tree = wire::value(query, "structureType") == Some("tree");
        let on_page = found.into_iter().skip(page.saturating_mul(per_page)).take(per_page);
        let rows: Vec<Value> = on_page.filter_map(|hash| self.row(media_url, hash, is_tree, true)).collect();
        let next = if page + 1 < page_count { json!(page + 1) } else { json!(-1) };
        let previous = if page > 0 { json!(page - 1) } else { json!(-1) };
        Ok(json!({
            "success": true, "value": rows,
            "pagination": {"page": page, "pages": page_count, "next": next, "previous": previous},
        }))
    }

    fn add(&mut self, media_url: &Url, request: &StandInRequest) -> Answer {
        let parts = torrent_file::multipart(request);
        let (link, viewer) = if parts.is_empty() {
            let body: Value = serde_json::from_slice(request.body()).map_err(|_| BAD_ARGUMENTS)?;
            let text = |name: &str| body[name].as_str().map(str::to_owned);
            (text("url"), text("ip"))
        } else {
            let viewer = parts.iter().find(|part| part.field == "ip");
            (None, viewer.map(|part| String::from_utf8_lossy(part.bytes).into_owned()))
        };
        self.let_in(viewer.as_deref())?;
        if !self.is_premium {
            return Err(FREE_OVERLOAD);
        }
        let (info_hash, name) = match (link, parts.iter().find(|part| part.field == "file")) {
            (Some(link), _) => match (link.parse::<Magnet>(), link.parse::<InfoHash>()) {
                (Ok(magnet), _) => (magnet.info_hash, magnet.name),
                // A bare hash is taken only for what is cached.
                (_, Ok(hash)) if self.known.get(&hash).is_some_and(|torrent| torrent.is_cached) => (hash, None),
                (_, Ok(_)) => return Err(NOT_ADDED),
                _ => return Err(BAD_FILE),
            },
            (None, Some(file)) => (torrent_file::info_hash(file.bytes).ok_or(BAD_FILE)?, None),
            (None, None) => return Err(BAD_ARGUMENTS),
        };
        let known = self.known.get(&info_hash);
        if known.is_some_and(|torrent| torrent.unlock == StandInUnlock::Blocked) {
            return Err(NOT_ADDED);
        }
        if self.is_used_up {
            return Err(MAX_DATA);
        }
        let is_cached = known.is_some_and(|torrent| torrent.is_cached);
        let is_new = self.held.iter().all(|held| held.info_hash != info_hash);
        if is_new && !is_cached && self.held.iter().filter(|held| !self.is_ready(held)).count() >= MAX_TRANSFERS {
            return Err(MAX_TRANSFER);
        }
        self.hold(info_hash, name);
        self.row(media_url, info_hash, false, false).ok_or(NOT_ADDED)
    }

    /// Adds a torrent; one that is there already becomes the newest.
    fn hold(&mut self, info_hash: InfoHash, name: Option<String>) {
        if let Some(at) = self.held.iter().position(|held| held.info_hash == info_hash) {
            let held = self.held.remove(at);
            self.held.push(held);
            return;
        }
        let known_name = self.known.get(&info_hash).map(|torrent| torrent.name.clone());
        let name = known_name.or(name).unwrap_or_else(|| info_hash.to_string());
        self.held.push(Held { info_hash, name, steps_done: 0 });
    }

    /// Removes what is there, and answers with all that it was told.
    fn remove(&mut self, ids: &str) -> Value {
        let ids: Vec<&str> = ids.split(',').collect();
        self.held.retain(|held| !ids.contains(&id_of(held.info_hash).as_str()));
        json!(ids)
    }

    fn is_ready(&self, held: &Held) -> bool {
        self.known
            .get(&held.info_hash)
            .is_some_and(|torrent| torrent.is_cached || (!torrent.fails && held.steps_done >= torrent.steps_to_ready))
    }

    /// A torrent as the seedbox describes it; one in preparation goes a step further by being asked about.
    fn row(&mut self, media_url: &Url, info_hash: InfoHash, is_tree: bool, is_step: bool) -> Option<Value> {
        let at = self.held.iter().position(|held| held.info_hash == info_hash)?;
        let held = &self.held[at];
        let known = self.known.get(&info_hash);
        let is_ready = self.is_ready(held);
        let fails = known.is_some_and(|torrent| torrent.fails);
        let steps_to_ready = known.map_or(u32::MAX, |torrent| torrent.steps_to_ready.max(1));
        let percent = if is_ready { 100 } else { u64::from(held.steps_done) * 100 / u64::from(steps_to_ready) };
        let (status, error, words) = match (is_ready, fails) {
            (true, _) => (100, 0, ""),
            (false, true) => (0, 2, "Unregistered torrent"),
            // Flags: it is verified and downloaded at once.
            (false, false) => (6, 0, ""),
        };
        let row = json!({
            "id": id_of(info_hash), "name": held.name, "hashString": info_hash.to_string(), "uploadRatio": 0, "serverId": "s1",
            "wait": false, "peersConnected": u8::from(!is_ready && known.is_some()), "status": status, "error": error,
            "errorString": words, "totalSize": known.map_or(0, StandInTorrent::size_bytes), "downloadPercent": percent,
            "downloadSpeed": if is_ready || known.is_none() { 0 } else { 1_000_000 }, "uploadSpeed": 0, "created": 1_753_908_042 + at,
            "isZip": self.is_archived || self.is_archived_too, "files": known.map(|torrent| self.files(media_url, torrent, is_ready, percent, is_tree)),
            "trackers": [],
        });
        if is_step && !is_ready && !fails && known.is_some() {
            self.held[at].steps_done += 1;
        }
        Some(row)
    }

    fn files(&self, media_url: &Url, torrent: &StandInTorrent, is_ready: bool, percent: u64, is_tree: bool) -> Value {
        let id = id_of(torrent.info_hash);
        if self.is_archived {
            let name = format!("{}.zip", torrent.name);
            return json!([{"id": format!("{id}-zip"), "name": name, "size": torrent.size_bytes(), "downloadPercent": percent}]);
        }
        let mut root = Vec::new();
        for (index, file) in torrent.files.iter().enumerate() {
            let mut folders: Vec<&str> = file.path.split('/').collect();
            let name = folders.pop().unwrap_or_default();
            let mut node = json!({
                "id": format!("{id}-{index}"), "name": name, "size": file.size_bytes, "downloaded": false, "downloadPercent": percent,
                "downloadUrl": "",
            });
            if is_ready && torrent.unlock != StandInUnlock::Down {
                node["downloadUrl"] = self.direct_link(media_url, file).into();
            }
            let mut level = &mut root;
            for folder in folders.into_iter().filter(|_| is_tree) {
                let at = level.iter().position(|node: &Value| node["name"] == folder && node.get("children").is_some());
                let at = at.unwrap_or_else(|| {
                    level.push(json!({"name": folder, "children": []}));
                    level.len() - 1
                });
                let Some(children) = level[at]["children"].as_array_mut() else { return Value::Null };
                level = children;
            }
            level.push(node);
        }
        if is_tree && !self.has_trees { json!({"tree": root}) } else { root.into() }
    }

    fn direct_link(&self, media_url: &Url, file: &FileEntry) -> String {
        let mut url = media_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(file.path.rsplit('/').next().unwrap_or(&file.path));
        }
        url.set_query(Some(&format!("token={}", self.link_generation)));
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn service() -> DebridLinkStandIn {
        let torrent = StandInTorrent::new(HASH, "Show").with_file("Show/S01/E01.mkv", 10).with_file("readme.txt", 1);
        DebridLinkStandIn::new("key", "client", "http://media.example/films/".parse().unwrap()).with_torrent(torrent)
    }

    fn ask(service: &DebridLinkStandIn, method: &str, path: &str, body: &str) -> Value {
        let request = http::Request::builder().method(method).uri(format!("/api/v2/{path}"));
        let request = request.header("authorization", "Bearer key");
        let reply = service.reply(&request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
        serde_json::from_slice(reply.body()).unwrap()
    }

    /// Goal: from a hash to a direct link, as a list and as a tree, and to the link's end.
    #[test]
    fn a_torrent_becomes_a_link() {
        let service = service();
        let added = ask(&service, "POST", "seedbox/add", &format!(r#"{{"url":"{HASH}"}}"#));
        let file = &added["value"]["files"][0];
        assert_eq!(file["name"], "E01.mkv");
        let url: Url = file["downloadUrl"].as_str().unwrap().parse().unwrap();
        assert_eq!((url.path(), service.is_live_link(url.query().unwrap())), ("/films/E01.mkv", true));
        service.expire_links();
        assert!(!service.is_live_link(url.query().unwrap()));
        let tree = ask(&service, "GET", "seedbox/list?structureType=tree", "");
        assert_eq!(tree["value"][0]["files"][0]["children"][0]["children"][0]["id"], file["id"]);
    }

    /// Goal: the habits that clients fall for: a strange id lifts the filter, removing what is not there succeeds, pages end at -1.
    #[test]
    fn it_has_the_habits_of_the_service() {
        let service = service();
        for number in 0..25 {
            service.given_in_account(InfoHash([number; 20]));
        }
        let ids = id_of(InfoHash([3; 20]));
        let list = |query: &str| ask(&service, "GET", &format!("seedbox/list?{query}"), "");
        assert_eq!(list(&format!("ids={ids}"))["value"].as_array().unwrap().len(), 1);
        let all = list(&format!("ids={ids},strange"));
        assert_eq!((all["value"].as_array().unwrap().len(), &all["pagination"]["next"]), (20, &json!(1)));
        let last = list("page=1");
        assert_eq!((last["value"].as_array().unwrap().len(), &last["pagination"]["next"]), (5, &json!(-1)));
        assert_eq!(list("perPage=10")["error"], "badArguments");
        assert_eq!(ask(&service, "DELETE", "seedbox/strange/remove", "")["value"], json!(["strange"]));
        assert_eq!(service.account_torrents().len(), 25);
    }
}
