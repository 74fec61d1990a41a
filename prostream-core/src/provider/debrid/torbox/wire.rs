//! TorBox's wire format: requests out, replies in; pure. Source: api-docs.torbox.app and TorBox's public Postman documentation, v1.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::{edge_refusal, error_of, error_without_code};
use super::{ADD, FILES, READ, REMOVE, UNLOCK};
use crate::model::{FileEntry, InfoHash};
use crate::net::{Body, Reply, Request, Secret};
use crate::provider::debrid::{Account, MAX_FILES, Quota, RemoteFile, TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Torrents of a page of the account's list. The service would send 1000 at once, each with all its files.
pub(super) const PAGE: u64 = 200;

/// Largest page of torrents: 200 torrents with some 150 files each, or one with as many as are read.
const MAX_PAGE_BYTES: u64 = 16 << 20;

/// Longest pause of an account that is believed.
const MAX_COOLDOWN: Duration = Duration::from_secs(31 * 24 * 3_600);

/// Where and with which key requests go. The key goes into a header but for links, whose request wants it in the address, which is why
/// addresses stand in no log as they are.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: Secret,
}

impl Endpoint {
    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/v1/api/{path}", self.base_url.path().trim_end_matches('/')));
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Request {
        Request::get(self.url(path, query)).bearer(self.key.clone())
    }

    fn post(&self, path: &str, body: Body) -> Request {
        Request::post(self.url(path, &[]), body).bearer(self.key.clone())
    }

    /// A code to be typed; needs no key.
    pub(super) fn device(&self) -> Request {
        Request::get(self.url("user/auth/device/start", &[("app", "ProStream")]))
    }

    /// Was the code typed? Needs no key.
    pub(super) fn device_token(&self, device_code: &Secret) -> Request {
        let body = Body::Json(json!({"device_code": device_code.expose()}));
        Request::post(self.url("user/auth/device/token", &[]), body)
    }

    pub(super) fn user(&self) -> Request {
        self.get("user/me", &[("settings", "false")])
    }

    pub(super) fn check_cached(&self, hashes: &[InfoHash]) -> Request {
        let hashes = hashes.iter().map(InfoHash::to_string).collect::<Vec<_>>().join(",");
        self.get("torrents/checkcached", &[("hash", &hashes), ("format", "object"), ("list_files", "false")])
    }

    /// A torrent as it is now: without `bypass_cache` the answer may be ten minutes old.
    pub(super) fn torrent(&self, id: u64) -> Request {
        self.list(&[("bypass_cache", "true"), ("id", &id.to_string())])
    }

    /// [`PAGE`] torrents of the account as they are now.
    pub(super) fn torrents(&self, offset: u64) -> Request {
        let (offset, limit) = (offset.to_string(), PAGE.to_string());
        self.list(&[("bypass_cache", "true"), ("offset", &offset), ("limit", &limit)])
    }

    fn list(&self, query: &[(&str, &str)]) -> Request {
        let mut request = self.get("torrents/mylist", query);
        request.max_body_bytes = Some(MAX_PAGE_BYTES);
        request
    }

    /// What waits for a free slot.
    pub(super) fn queue(&self) -> Request {
        self.get("queued/getqueued", &[("type", "torrent"), ("bypass_cache", "true")])
    }

    /// Adds a torrent. Not sent twice: additions are counted, and what a second one answers is not documented.
    pub(super) fn add(&self, torrent: &TorrentLink) -> Request {
        // Zipped, which is what happens to many files where it is allowed, nothing could be played.
        let mut fields = vec![("seed".to_owned(), "1".to_owned()), ("allow_zip".to_owned(), "false".to_owned())];
        let body = match torrent {
            TorrentLink::Magnet(magnet) => {
                fields.push(("magnet".to_owned(), magnet.to_uri()));
                Body::Fields(fields)
            }
            TorrentLink::File { info_hash, bytes } => Body::File {
                fields,
                field: "file".to_owned(),
                file_name: format!("{info_hash}.torrent"),
                content_type: "application/x-bittorrent".to_owned(),
                bytes: Bytes::clone(bytes),
            },
        };
        self.post("torrents/createtorrent", body)
    }

    /// A link to a file. This request alone wants the key in its address, and no header beside it.
    pub(super) fn link(&self, torrent: u64, file: u64, viewer: Option<IpAddr>) -> Request {
        let (torrent, file, viewer) =
            (torrent.to_string(), file.to_string(), viewer.map(|address| address.to_string()));
        let mut query = vec![
            ("token", self.key.expose()),
            ("torrent_id", torrent.as_str()),
            ("file_id", file.as_str()),
            ("zip_link", "false"),
            ("redirect", "false"),
        ];
        query.extend(viewer.as_deref().map(|address| ("user_ip", address)));
        Request::get(self.url("torrents/requestdl", &query))
    }

    pub(super) fn delete(&self, torrent: u64) -> Request {
        self.control("torrents/controltorrent", json!({"torrent_id": torrent, "operation": "delete", "all": false}))
    }

    pub(super) fn delete_queued(&self, queued: u64) -> Request {
        self.control("queued/controlqueued", json!({"queued_id": queued, "operation": "delete", "all": false}))
    }

    fn control(&self, path: &str, body: Value) -> Request {
        let mut request = self.post(path, Body::Json(body));
        request.is_idempotent = true;
        request
    }

    /// Takes the envelope off: success speaks first, then the code, then the HTTP status, as failures may come with 200.
    fn open(&self, reply: &Reply, operation: &'static str) -> std::result::Result<Answer, Failure> {
        if let Some(error) = edge_refusal(reply, operation) {
            return Err(Failure::plain(error));
        }
        let envelope: Envelope = match lenient::json(reply, operation) {
            Ok(envelope) => envelope,
            // A text, a page or nothing: then the status says more.
            Err(_) if !reply.status.is_success() => {
                let error = lenient::status_error(reply, operation);
                return Err(Failure::plain(error.advise("TorBox is having trouble; try again in a while")));
            }
            Err(error) => return Err(Failure::plain(error)),
        };
        let Some(is_success) = envelope.success else {
            return Err(Failure::plain(match reply.status {
                StatusCode::UNPROCESSABLE_ENTITY => Error::new(ErrorKind::Unsupported, operation)
                    .detail("the service wants another request")
                    .advise("TorBox has changed its interface: look for a newer ProStream"),
                status if status.is_success() => {
                    Error::new(ErrorKind::Malformed, operation).detail("the reply says neither success nor failure")
                }
                _ => lenient::status_error(reply, operation),
            }));
        };
        let words = lenient::quote(envelope.detail.as_deref().unwrap_or_default(), &[&self.key]);
        let code = envelope.code(reply.status).map(|code| lenient::quote(&code, &[&self.key]));
        let error = match &code {
            None if is_success && reply.status.is_success() => return Ok(Answer { data: envelope.data, words }),
            Some(code) => error_of(code, &words, reply.status, operation),
            None => error_without_code(&words, reply.status, operation),
        };
        let error = match cooldown(&envelope.data) {
            Some(wait) => error.after(wait),
            None => lenient::with_wait(error, reply),
        };
        Err(Failure { code, error })
    }

    fn open_as<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        let answer = self.open(reply, operation).map_err(|failure| failure.error)?;
        lenient::part(answer.data, operation)
    }

    /// Rows, of which none is told as an empty list, as null, as an empty object or as "not found"; a single one comes without its list.
    fn open_rows(&self, reply: &Reply, operation: &'static str) -> Result<Vec<Value>> {
        match self.open(reply, operation) {
            Ok(Answer { data: Value::Array(rows), .. }) => Ok(rows),
            Ok(Answer { data: Value::Null, .. }) => Ok(Vec::new()),
            Ok(Answer { data: Value::Object(fields), .. }) if fields.is_empty() => Ok(Vec::new()),
            Ok(Answer { data: Value::Object(fields), .. }) if fields.contains_key("id") => {
                Ok(vec![Value::Object(fields)])
            }
            Ok(_) => Err(Error::new(ErrorKind::Malformed, operation).detail("there is no list")),
            Err(failure) if failure.is("ITEM_NOT_FOUND") => Ok(Vec::new()),
            Err(failure) => Err(failure.error),
        }
    }

    pub(super) fn parse_device(&self, reply: &Reply) -> Result<Device> {
        const OPERATION: &str = "begin sign-in";
        let data: DeviceData = self.open_as(reply, OPERATION)?;
        let is_page = |url: &Url| matches!(url.scheme(), "http" | "https");
        let pages = [data.verification_url, data.friendly_verification_url];
        let url = pages.into_iter().flatten().find_map(|page| Url::parse(page.trim()).ok().filter(is_page));
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, OPERATION).detail(detail);
        Ok(Device {
            code: data.code,
            device_code: data.device_code,
            url: url.ok_or_else(|| wrong("there is no page to type the code at"))?,
            interval: data.interval.map(Duration::from_secs),
            expires_at: lenient::moment(data.expires_at.as_deref()),
        })
    }

    /// The key, once the code was typed.
    pub(super) fn parse_device_token(&self, reply: &Reply) -> Result<Option<Secret>> {
        const OPERATION: &str = "look at sign-in";
        let TokenData { access_token } = match self.open(reply, OPERATION) {
            Ok(answer) => lenient::part(answer.data, OPERATION)?,
            Err(failure) if failure.is("DEVICE_CODE_NOT_USED") => return Ok(None),
            Err(failure) if failure.is("ITEM_NOT_FOUND") => {
                return Err(Error::new(ErrorKind::Unauthorized, OPERATION)
                    .detail("the code has ended")
                    .advise("start the sign-in at TorBox again"));
            }
            Err(failure) => return Err(failure.error),
        };
        if access_token.is_empty() {
            return Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the code was typed, and there is no key"));
        }
        Ok(Some(access_token))
    }

    pub(super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        let user: User = self.open_as(reply, "read account")?;
        let blocked_until = lenient::moment(user.cooldown_until.as_deref()).filter(|until| *until > now);
        Ok(Account {
            user_name: lenient::clean(user.email.as_deref().unwrap_or_default(), MAX_NAME_CHARS),
            // 0 is the free plan; the others differ in what they allow.
            is_premium: user.plan.map_or(user.is_subscribed.unwrap_or(false), |plan| plan > 0),
            premium_until: lenient::moment(user.premium_expires_at.as_deref()),
            quota: blocked_until.map(|until| Quota { blocked_until: Some(until), ..Quota::default() }),
        })
    }

    /// Of the hashes asked about those that are cached: as the keys of an object, or as a list of torrents.
    pub(super) fn parse_cached(&self, reply: &Reply) -> Result<HashSet<InfoHash>> {
        const OPERATION: &str = "check cached";
        let data = match self.open(reply, OPERATION) {
            Ok(answer) => answer.data,
            Err(failure) if failure.is("ITEM_NOT_FOUND") => Value::Null,
            Err(failure) => return Err(failure.error),
        };
        let hash_of = |row: &Value| row.get("hash").unwrap_or(row).as_str()?.parse().ok();
        match data {
            Value::Null => Ok(HashSet::new()),
            Value::Array(rows) => Ok(rows.iter().filter_map(hash_of).collect()),
            Value::Object(rows) => {
                let cached = rows.iter().filter(|(_, row)| !matches!(row, Value::Null | Value::Bool(false)));
                Ok(cached.filter_map(|(hash, _)| hash.parse().ok()).collect())
            }
            _ => Err(Error::new(ErrorKind::Malformed, OPERATION).detail("what is cached is no list")),
        }
    }

    pub(super) fn parse_torrents(&self, reply: &Reply) -> Result<Page> {
        let rows = self.open_rows(reply, READ)?;
        let is_last = u64::try_from(rows.len()).unwrap_or(u64::MAX) < PAGE;
        Ok(Page { rows: fitting(rows), is_last })
    }

    pub(super) fn parse_queue(&self, reply: &Reply) -> Result<Vec<QueueRow>> {
        self.open_rows(reply, READ).map(fitting)
    }

    /// What `add` came to. The reply names the torrent's hash: another one than ours would make us play something else.
    pub(super) fn parse_add(&self, reply: &Reply, hash: InfoHash) -> Result<Created> {
        let answer = match self.open(reply, ADD) {
            Ok(answer) => answer,
            Err(failure) if failure.is("DUPLICATE_ITEM") => return Ok(Created::Duplicate(failure.error)),
            Err(failure) => return Err(failure.error),
        };
        let data: AddData = lenient::part(answer.data, ADD)?;
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, ADD).detail(detail);
        if data.hash.as_deref().and_then(|hash| hash.parse().ok()).is_some_and(|answered: InfoHash| answered != hash) {
            return Err(wrong("the reply is about another torrent"));
        }
        let id = match (data.torrent_id, data.queued_id) {
            (Some(id), _) => Id::Torrent(id),
            (None, Some(id)) => Id::Queued { id, hash },
            (None, None) => return Err(wrong("the torrent has no id")),
        };
        // Only the text for people says so. Were it worded anew, one question more would tell.
        let is_ready = matches!(id, Id::Torrent(_)) && answer.words.to_ascii_lowercase().contains("using cached");
        Ok(Created::New { torrent: id.to_id(), is_ready })
    }

    /// The link alone. What it must not be is the address of a redirect, which has the key in it.
    pub(super) fn parse_link(&self, reply: &Reply) -> Result<Url> {
        let link: String = self.open_as(reply, UNLOCK)?;
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, UNLOCK).detail(detail);
        let url = Url::parse(link.trim()).map_err(|_| wrong("the link is no http address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the link is no http address"));
        }
        if link.contains(self.key.expose()) {
            return Err(wrong("the link holds the key"));
        }
        Ok(url)
    }

    /// Was there something to delete?
    pub(super) fn parse_control(&self, reply: &Reply) -> Result<bool> {
        match self.open(reply, REMOVE) {
            Ok(_) => Ok(true),
            Err(failure) if failure.is("ITEM_NOT_FOUND") => Ok(false),
            Err(failure) => Err(failure.error),
        }
    }
}

fn fitting<T: DeserializeOwned>(rows: Vec<Value>) -> Vec<T> {
    rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect()
}

/// How long an account has to pause, by the service's own clock.
fn cooldown(data: &Value) -> Option<Duration> {
    let moment = |name: &str| lenient::moment(data.get(name)?.as_str());
    let wait = moment("cooldown_until")?.duration_since(moment("current_time")?).unwrap_or_default();
    Some(wait.min(MAX_COOLDOWN))
}

/// A torrent's number at the service. One of the queue gets another when it starts, and only its hash stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Torrent(u64),
    Queued { id: u64, hash: InfoHash },
}

impl Id {
    /// `None` for an id that is none of ours.
    pub(super) fn of(torrent: &TorrentId) -> Option<Self> {
        let Some(queued) = torrent.0.strip_prefix("queued:") else {
            return torrent.0.parse().ok().map(Id::Torrent);
        };
        let (id, hash) = queued.split_once(':')?;
        Some(Id::Queued { id: id.parse().ok()?, hash: hash.parse().ok()? })
    }

    fn to_id(self) -> TorrentId {
        TorrentId(match self {
            Id::Torrent(id) => id.to_string(),
            Id::Queued { id, hash } => format!("queued:{id}:{hash}"),
        })
    }
}

/// What a file is unlocked by: torrent and file.
fn handle(torrent: u64, file: u64) -> Secret {
    Secret::new(format!("{torrent}/{file}"))
}

/// The two numbers of a handle; `None` for one that is none of ours.
pub(super) fn read_handle(handle: &Secret) -> Option<(u64, u64)> {
    let (torrent, file) = handle.expose().split_once('/')?;
    Some((torrent.parse().ok()?, file.parse().ok()?))
}

/// What came without failure.
#[derive(Debug)]
struct Answer {
    data: Value,
    words: String,
}

/// What did not, and the service's code for it.
#[derive(Debug)]
struct Failure {
    code: Option<String>,
    error: Error,
}

impl Failure {
    /// One that the service's words say nothing of.
    fn plain(error: Error) -> Self {
        Self { code: None, error }
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    success: Option<bool>,
    /// A code, null, the word "null", or only `true`.
    #[serde(default)]
    error: Value,
    #[serde(default, deserialize_with = "lenient::text")]
    detail: Option<String>,
    #[serde(default)]
    data: Value,
}

impl Envelope {
    /// The code of the failure. Where none is told, the data of a limit or the status stands for one.
    fn code(&self, status: StatusCode) -> Option<String> {
        let told = self.error.as_str().map(str::trim).filter(|code| !code.is_empty() && *code != "null");
        if let Some(code) = told {
            return Some(code.to_owned());
        }
        if self.success == Some(true) && status.is_success() {
            return None;
        }
        let has = |name: &str| self.data.get(name).is_some();
        let implied = match status {
            _ if has("active_limit") => "ACTIVE_LIMIT",
            _ if has("monthly_limit") => "MONTHLY_LIMIT",
            _ if has("cooldown_until") => "COOLDOWN_LIMIT",
            StatusCode::NOT_FOUND => "ITEM_NOT_FOUND",
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "NO_AUTH",
            _ => return None,
        };
        Some(implied.to_owned())
    }
}

#[derive(Debug, Deserialize)]
struct DeviceData {
    device_code: Secret,
    code: String,
    #[serde(default, deserialize_with = "lenient::number")]
    interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    expires_at: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    verification_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    friendly_verification_url: Option<String>,
}

/// A code and where to type it.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) code: String,
    pub(super) device_code: Secret,
    pub(super) url: Url,
    pub(super) interval: Option<Duration>,
    pub(super) expires_at: Option<SystemTime>,
}

#[derive(Debug, Deserialize)]
struct TokenData {
    access_token: Secret,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    email: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    plan: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    is_subscribed: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    premium_expires_at: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cooldown_until: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AddData {
    #[serde(default, deserialize_with = "lenient::number")]
    torrent_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    queued_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
}

/// What `add` came to.
#[derive(Debug)]
pub(super) enum Created {
    /// It is in the account, as it may have been before.
    New { torrent: TorrentId, is_ready: bool },
    /// It was in the account before, under a number that is not told; the error for when it is not found there.
    Duplicate(Error),
}

/// A part of the account's torrents.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<TorrentRow>,
    /// Nothing follows.
    pub(super) is_last: bool,
}

/// A torrent of the account.
#[derive(Debug, Deserialize)]
pub(super) struct TorrentRow {
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    download_state: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    progress: Option<f64>,
    #[serde(default, deserialize_with = "lenient::number")]
    download_speed: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    download_finished: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    download_present: Option<bool>,
    #[serde(default, deserialize_with = "lenient::list")]
    files: Vec<FileRow>,
}

#[derive(Debug, Deserialize)]
struct FileRow {
    /// Counts from 0.
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    /// With the torrent's folder.
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    short_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    infected: Option<bool>,
}

/// A torrent that waits for a free slot.
#[derive(Debug, Deserialize)]
pub(super) struct QueueRow {
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
}

impl QueueRow {
    pub(super) fn id(&self) -> Option<u64> {
        self.id
    }
}

/// Why a state means that nothing will come, by qBittorrent's names and the service's own; what is not known is still on its way.
fn failure(state: &str) -> Option<&'static str> {
    match state.trim().to_ascii_lowercase().as_str() {
        "error" | "failed" => Some("the service reports an error"),
        "missingfiles" | "reported missing" => Some("its files are missing at the service"),
        "expired" => Some("the service no longer keeps it"),
        _ => None,
    }
}

/// What is said of a torrent that is not in the account.
pub(super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

/// What is said of a torrent that waits for a free slot.
pub(super) fn queued() -> TorrentState {
    TorrentState::Preparing { progress: None, speed_bytes_per_s: None }
}

impl TorrentRow {
    pub(super) fn id(&self) -> Option<u64> {
        self.id
    }

    pub(super) fn hash(&self) -> Option<InfoHash> {
        self.hash.as_deref()?.parse().ok()
    }

    /// `completed` is no state to go by: the files may still be on their way to the service's storage.
    pub(super) fn state(&self) -> TorrentState {
        if self.download_finished == Some(true) && self.download_present == Some(true) {
            return TorrentState::Ready;
        }
        match self.download_state.as_deref().and_then(failure) {
            Some(reason) => TorrentState::Failed { reason: reason.to_owned() },
            None => TorrentState::Preparing {
                progress: self.progress.map(|share| share.clamp(0.0, 1.0) as f32),
                speed_bytes_per_s: self.download_speed.filter(|speed| *speed > 0),
            },
        }
    }

    /// Its files. What has no number cannot be unlocked, and what the service found a virus in is not offered.
    pub(super) fn files(self) -> Result<Vec<RemoteFile>> {
        let wrong = |kind, detail: &'static str| Error::new(kind, FILES).detail(detail);
        let torrent = self.id.ok_or_else(|| wrong(ErrorKind::Malformed, "the torrent has no id"))?;
        if self.files.len() > MAX_FILES {
            return Err(wrong(ErrorKind::LimitExceeded, "the torrent has too many files"));
        }
        let file = |row: FileRow| {
            let id = row.id.filter(|_| row.infected != Some(true))?;
            let path = path(row.name.as_deref().or(row.short_name.as_deref())?)?;
            let entry = FileEntry { path, size_bytes: row.size.unwrap_or(0) };
            Some(RemoteFile { entry, handle: handle(torrent, id) })
        };
        let files: Vec<RemoteFile> = self.files.into_iter().filter_map(file).collect();
        if files.is_empty() {
            return Err(wrong(ErrorKind::NotFound, "the torrent has no files").advise("choose another release"));
        }
        Ok(files)
    }
}

/// A path below a torrent, which cannot climb out of it.
fn path(name: &str) -> Option<String> {
    let parts = name.split(['/', '\\']).map(|part| lenient::clean(part, MAX_NAME_CHARS));
    let parts: Vec<String> = parts.filter(|part| !matches!(part.as_str(), "" | "." | "..")).collect();
    Some(parts.join("/")).filter(|path| !path.is_empty())
}

/// A torrent that the account holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) torrent: TorrentId,
    pub(super) is_ready: bool,
    pub(super) has_failed: bool,
}

/// All that the account holds.
pub(super) fn held(rows: &[TorrentRow], queue: &[QueueRow]) -> HashMap<InfoHash, Held> {
    let waiting = queue.iter().filter_map(|row| {
        let (id, hash) = (row.id?, row.hash.as_deref()?.parse().ok()?);
        Some((hash, Held { torrent: Id::Queued { id, hash }.to_id(), is_ready: false, has_failed: false }))
    });
    let started = rows.iter().filter_map(|row| {
        let (state, torrent) = (row.state(), Id::Torrent(row.id?).to_id());
        let has_failed = matches!(state, TorrentState::Failed { .. });
        Some((row.hash()?, Held { torrent, is_ready: state == TorrentState::Ready, has_failed }))
    });
    waiting.chain(started).collect()
}

/// States of `torrents`, in their order.
pub(super) fn states(rows: &[TorrentRow], queue: &[QueueRow], torrents: &[Option<Id>]) -> Vec<TorrentState> {
    let by_id: HashMap<u64, &TorrentRow> = rows.iter().filter_map(|row| Some((row.id?, row))).collect();
    let waiting: HashSet<u64> = queue.iter().filter_map(|row| row.id).collect();
    let state = |torrent: &Option<Id>| match torrent {
        Some(Id::Torrent(id)) => by_id.get(id).map_or_else(gone, |row| row.state()),
        Some(Id::Queued { id, .. }) if waiting.contains(id) => queued(),
        Some(Id::Queued { hash, .. }) => {
            rows.iter().find(|row| row.hash() == Some(*hash)).map_or_else(gone, TorrentRow::state)
        }
        None => gone(),
    };
    torrents.iter().map(state).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const HASH: InfoHash = InfoHash([0xab; 20]);

    fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example".parse().unwrap(), key: Secret::new("k3y") }
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn success(data: &str) -> Reply {
        reply(200, &format!(r#"{{"success":true,"error":null,"detail":"Fine.","data":{data}}}"#))
    }

    /// Goal: success speaks first, then the code, then the status; what is no envelope is judged by its status.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open(&reply(status, body), "test").unwrap_err().error.kind();
        let bad_token = r#"{"success":false,"error":"BAD_TOKEN","detail":"no","data":null}"#;
        assert_eq!(kind(200, bad_token), ErrorKind::Unauthorized);
        assert_eq!(kind(403, bad_token), ErrorKind::Unauthorized);
        assert_eq!(kind(403, r#"{"success":false,"error":true,"detail":"no"}"#), ErrorKind::Unauthorized);
        assert_eq!(kind(500, r#"{"success":false,"error":"AUTH_ERROR"}"#), ErrorKind::Unavailable);
        assert_eq!(kind(400, r#"{"success":false,"error":true,"detail":"either"}"#), ErrorKind::InvalidInput);
        assert_eq!(kind(200, r#"{"success":false,"error":"null","detail":"?"}"#), ErrorKind::Unavailable);
        assert_eq!(kind(404, r#"{"success":true,"error":"ITEM_NOT_FOUND","data":null}"#), ErrorKind::NotFound);
        assert_eq!(kind(404, r#"{"success":true,"error":null,"data":null}"#), ErrorKind::NotFound);
        assert_eq!(kind(429, r#"{"success":false,"error":"NEW_LIMIT"}"#), ErrorKind::RateLimited);
        assert_eq!(kind(429, r#"{"detail":"60 per 1 hour"}"#), ErrorKind::RateLimited);
        assert_eq!(
            kind(422, r#"{"detail":[{"loc":["query","token"],"msg":"Field required"}]}"#),
            ErrorKind::Unsupported
        );
        assert_eq!(kind(500, "Internal Server Error"), ErrorKind::Unavailable);
        assert_eq!(kind(403, "error code: 1006"), ErrorKind::AddressRefused);
        assert_eq!(kind(429, "error code: 1015"), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"success":tr"#), ErrorKind::Malformed);
        assert_eq!(kind(200, ""), ErrorKind::Malformed);
        for error in ["null", r#""null""#, r#""""#] {
            let body = format!(r#"{{"success":true,"error":{error},"data":1}}"#);
            assert_eq!(endpoint().open(&reply(200, &body), "test").unwrap().data, 1, "{error}");
        }
    }

    /// Goal: limits are known by their data where no code is told, and a pause says how long by the service's clock.
    #[test]
    fn limits_are_known_by_their_data() {
        let error = |status, data: &str| {
            let body = format!(r#"{{"success":false,"error":true,"detail":"no","data":{data}}}"#);
            endpoint().open(&reply(status, &body), "test").unwrap_err()
        };
        assert!(error(200, r#"{"active_limit":3,"current_active_downloads":3}"#).is("ACTIVE_LIMIT"));
        assert!(error(400, r#"{"monthly_limit":10,"current_downloads":10}"#).is("MONTHLY_LIMIT"));
        let pause = r#"{"cooldown_until":"2025-08-29T20:44:35Z","current_time":"2025-08-29T20:44:05.25+00:00"}"#;
        let pause = error(400, pause);
        assert!(pause.is("COOLDOWN_LIMIT"));
        assert_eq!(pause.error.kind(), ErrorKind::AccountLimit);
        assert_eq!(pause.error.retry_after(), Some(Duration::from_millis(29_750)));
        let ages = r#"{"cooldown_until":"9999-12-31T00:00:00Z","current_time":"2025-08-29T20:44:05Z"}"#;
        assert_eq!(error(400, ages).error.retry_after(), Some(MAX_COOLDOWN));
    }

    /// Goal: no key in an error text, even if the service repeats it, and none in a request that is logged.
    #[test]
    fn the_key_shows_nowhere() {
        let body = r#"{"success":false,"error":"NEW","detail":"<b>k3y</b> is odd"}"#;
        let failure = endpoint().open(&reply(200, body), "test").unwrap_err();
        assert_eq!(failure.error.detail_text(), Some("NEW: … is odd"));
        let request = endpoint().link(1, 0, None);
        assert!(request.url.query().unwrap().contains("token=k3y"));
        assert!(!format!("{request:?}").contains("k3y"));
    }

    /// Goal: a link that holds the key, or is no web address, is not handed out.
    #[test]
    fn links_hold_no_key() {
        let kind = |link: &str| endpoint().parse_link(&success(link)).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind(r#""https://cdn.example/f.mkv?t=1""#), Ok(()));
        for wrong in [
            r#""https://api.example/v1/api/torrents/requestdl?token=k3y&redirect=true""#,
            r#""file:///etc/passwd""#,
            r#""no address""#,
            "null",
            r#"{"url":"https://cdn.example/f"}"#,
        ] {
            assert_eq!(kind(wrong), Err(ErrorKind::Malformed), "{wrong}");
        }
    }

    /// Goal: what is cached is read from objects and lists, in either case; none has many forms.
    #[test]
    fn cached_hashes_are_read_in_every_form() {
        let cached = |data: &str| endpoint().parse_cached(&success(data));
        let upper = HASH.to_string().to_ascii_uppercase();
        for some in [
            format!(r#"{{"{upper}":{{"name":"a","size":1,"hash":"{upper}"}},"no hash":{{}}}}"#),
            format!(r#"[{{"name":"a","size":1,"hash":"{upper}"}},7]"#),
            format!(r#"["{HASH}"]"#),
        ] {
            assert_eq!(cached(&some).unwrap(), [HASH].into(), "{some}");
        }
        for none in ["null", "{}", "[]", &format!(r#"{{"{HASH}":null}}"#), &format!(r#"{{"{HASH}":false}}"#)] {
            assert!(cached(none).unwrap().is_empty(), "{none}");
        }
        let not_found = reply(404, r#"{"success":false,"error":"ITEM_NOT_FOUND","data":null}"#);
        assert!(endpoint().parse_cached(&not_found).unwrap().is_empty());
        assert_eq!(cached(r#""odd""#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: one torrent, many and none are told apart, whatever form they come in; a list of another kind is none.
    #[test]
    fn lists_come_in_many_forms() {
        let ids = |reply: &Reply| -> Result<Vec<u64>> {
            Ok(endpoint().parse_torrents(reply)?.rows.iter().filter_map(TorrentRow::id).collect())
        };
        assert_eq!(ids(&success(r#"{"id":7}"#)).unwrap(), [7]);
        assert_eq!(ids(&success(r#"[{"id":"7"},{"id":8},"odd"]"#)).unwrap(), [7, 8]);
        for none in ["null", "[]", "{}"] {
            assert!(ids(&success(none)).unwrap().is_empty(), "{none}");
        }
        let not_found = r#"{"success":true,"error":"ITEM_NOT_FOUND","detail":"none","data":null}"#;
        assert!(ids(&reply(404, not_found)).unwrap().is_empty());
        assert_eq!(ids(&success(r#""odd""#)).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(ids(&reply(404, "Not Found")).unwrap_err().kind(), ErrorKind::NotFound, "that is no empty list");
        let row = r#"{"id":1},"#.repeat(199);
        let page = |rows: &str| endpoint().parse_torrents(&success(&format!("[{rows}]"))).unwrap();
        assert!(page(row.trim_end_matches(',')).is_last);
        assert!(!page(&format!("{row}\"odd\"")).is_last, "a row that does not fit is counted");
    }

    fn row(fields: &str) -> TorrentRow {
        serde_json::from_str(&format!("{{{fields}}}")).unwrap()
    }

    /// Goal: ready is what is finished and present; states that end are failures; everything else goes on.
    #[test]
    fn states_mean_what_is_documented() {
        let state = |name: &str, finished: bool, present: bool| {
            row(&format!(
                r#""id":1,"download_state":"{name}","progress":0.5,"download_finished":{finished},"download_present":{present}"#
            ))
            .state()
        };
        for name in ["cached", "completed", "uploading", "stalled (no seeds)", "new"] {
            assert_eq!(state(name, true, true), TorrentState::Ready, "{name}");
        }
        let going_on = TorrentState::Preparing { progress: Some(0.5), speed_bytes_per_s: None };
        for name in [
            "downloading",
            "uploading",
            "stalled (no seeds)",
            "stalledDL",
            "paused",
            "completed",
            "metaDL",
            "queuedDL",
            "checkingResumeData",
            "new",
        ] {
            assert_eq!(state(name, false, false), going_on, "{name}");
            assert_eq!(state(name, true, false), going_on, "{name}");
        }
        for name in ["error", "missingFiles", "failed", "expired"] {
            assert!(matches!(state(name, false, false), TorrentState::Failed { .. }), "{name}");
        }
        let odd = row(r#""id":1,"progress":7,"download_speed":"9""#).state();
        assert_eq!(odd, TorrentState::Preparing { progress: Some(1.0), speed_bytes_per_s: Some(9) });
    }

    /// Goal: number 0 is a file; what cannot be unlocked or is infected is left out; no path climbs out.
    #[test]
    fn files_are_read_with_their_numbers() {
        let torrent = row(
            r#""id":7,"files":[{"id":0,"name":"Film/Film.mkv","short_name":"Film.mkv","size":9},{"id":1,"name":"../x\\y.mkv"},
               {"name":"none"},{"id":2,"name":"virus.mkv","infected":true},{"id":3,"short_name":"only.mkv"},"odd"]"#,
        );
        let files = torrent.files().unwrap();
        let read: Vec<_> = files
            .iter()
            .map(|file| (file.entry.path.as_str(), file.entry.size_bytes, read_handle(&file.handle)))
            .collect();
        assert_eq!(
            read,
            [("Film/Film.mkv", 9, Some((7, 0))), ("x/y.mkv", 0, Some((7, 1))), ("only.mkv", 0, Some((7, 3)))]
        );
        assert_eq!(row(r#""id":7,"files":[]"#).files().unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(row(r#""files":[{"id":0,"name":"a"}]"#).files().unwrap_err().kind(), ErrorKind::Malformed);
        for wrong in ["", "1", "1/", "/1", "x/1", "1/1/1"] {
            assert_eq!(read_handle(&Secret::new(wrong)), None, "{wrong}");
        }
    }

    /// Goal: an addition answers for the torrent sent, as a torrent or as one of the queue, and a wrong hash is noticed.
    #[test]
    fn additions_answer_for_the_torrent_sent() {
        let parse = |detail: &str, data: &str| {
            let body = format!(r#"{{"success":true,"error":null,"detail":"{detail}","data":{data}}}"#);
            match endpoint().parse_add(&reply(200, &body), HASH) {
                Ok(Created::New { torrent, is_ready }) => Ok((Id::of(&torrent).unwrap(), is_ready)),
                Ok(Created::Duplicate(error)) | Err(error) => Err(error.kind()),
            }
        };
        let cached = "Found Cached Torrent. Using Cached Torrent.";
        let upper = HASH.to_string().to_ascii_uppercase();
        assert_eq!(parse(cached, &format!(r#"{{"torrent_id":7,"hash":"{upper}"}}"#)), Ok((Id::Torrent(7), true)));
        assert_eq!(parse("Torrent added.", r#"{"torrent_id":"7"}"#), Ok((Id::Torrent(7), false)));
        let queued = Id::Queued { id: 9, hash: HASH };
        assert_eq!(parse("Torrent queued successfully.", r#"{"queued_id":9}"#), Ok((queued, false)));
        assert_eq!(
            parse(cached, &format!(r#"{{"torrent_id":7,"hash":"{}"}}"#, InfoHash([1; 20]))),
            Err(ErrorKind::Malformed)
        );
        assert_eq!(parse(cached, "{}"), Err(ErrorKind::Malformed));
        assert_eq!(parse(cached, "null"), Err(ErrorKind::Malformed));
        let duplicate = reply(400, r#"{"success":false,"error":"DUPLICATE_ITEM","detail":"there"}"#);
        assert!(matches!(endpoint().parse_add(&duplicate, HASH), Ok(Created::Duplicate(_))));
        for wrong in ["queued:", "queued:1", "queued:1:", "queued:x:abababababababababababababababababababab", "-1", ""]
        {
            assert_eq!(Id::of(&TorrentId(wrong.to_owned())), None, "{wrong}");
        }
    }

    /// Goal: the plan decides, its end and a pause are moments, and a pause that is over is none.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_753_908_042);
        let account = |user: &str| endpoint().parse_account(&success(user), now).unwrap();
        let paid = account(
            r#"{"email":"v@example.com","plan":"2","premium_expires_at":"2025-07-30T20:40:43Z","cooldown_until":"2025-07-30T20:40:44Z"}"#,
        );
        assert!(paid.is_premium);
        assert_eq!(paid.premium_until, Some(now + Duration::from_secs(1)));
        assert_eq!(paid.quota.unwrap().blocked_until, Some(now + Duration::from_secs(2)));
        let free = account(
            r#"{"plan":0,"is_subscribed":true,"premium_expires_at":null,"cooldown_until":"2024-01-01T00:00:00Z"}"#,
        );
        assert_eq!((free.is_premium, free.premium_until, free.quota), (false, None, None));
        assert!(account(r#"{"is_subscribed":true}"#).is_premium);
        assert!(!account("{}").is_premium);
    }

    /// Goal: a queued torrent is found under its hash once it has started; what was both counts as started.
    #[test]
    fn queued_torrents_are_followed() {
        let queue = [QueueRow { id: Some(9), hash: Some(HASH.to_string()) }];
        let rows = [row(&format!(r#""id":7,"hash":"{HASH}","download_finished":true,"download_present":true"#))];
        let id = Id::Queued { id: 9, hash: HASH };
        assert_eq!(states(&[], &queue, &[Some(id)]), [queued()]);
        assert_eq!(
            states(&rows, &[], &[Some(id), Some(Id::Torrent(7)), None]),
            [TorrentState::Ready, TorrentState::Ready, gone()]
        );
        assert_eq!(states(&[], &[], &[Some(id)]), [gone()]);
        assert_eq!(held(&[], &queue)[&HASH].torrent, id.to_id());
        assert_eq!(
            held(&rows, &queue)[&HASH],
            Held { torrent: Id::Torrent(7).to_id(), is_ready: true, has_failed: false }
        );
        assert_eq!(Id::of(&id.to_id()), Some(id));
    }

    /// A good body with one byte changed and its end cut off.
    fn damaged(body: &str, at: usize, byte: u8, cut: usize) -> Reply {
        let mut bytes = body.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: bytes.into() }
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let data = [
            r#"{"email":"u","plan":1,"premium_expires_at":"2025-07-30T20:40:42Z","cooldown_until":"2025-07-30T20:40:42.1+00:00"}"#,
            r#"{"torrent_id":7,"hash":"abababababababababababababababababababab"}"#,
            r#"[{"id":7,"hash":"ab","progress":0.5,"download_speed":1,"files":[{"id":0,"name":"a/b","size":1}]}]"#,
            r#"{"abababababababababababababababababababab":{"size":1}}"#,
            r#""https://a.example/f""#,
            r#"{"device_code":"d","code":"c","interval":5,"expires_at":"2025-07-30T20:40:42Z","verification_url":"https://a.example"}"#,
        ];
        let bodies =
            data.map(|data| format!(r#"{{"success":true,"error":null,"detail":"Using cached","data":{data}}}"#));
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(body in 0usize..6, at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let reply = damaged(&bodies[body], at, byte, cut);
            let _ = endpoint.parse_account(&reply, SystemTime::UNIX_EPOCH);
            let _ = endpoint.parse_add(&reply, HASH);
            let _ = endpoint.parse_cached(&reply);
            let _ = endpoint.parse_queue(&reply);
            let _ = endpoint.parse_link(&reply);
            let _ = endpoint.parse_control(&reply);
            let _ = endpoint.parse_device(&reply);
            let _ = endpoint.parse_device_token(&reply);
            if let Ok(page) = endpoint.parse_torrents(&reply) {
                let _ = held(&page.rows, &[]);
                page.rows.into_iter().for_each(|row| drop(row.files()));
            }
        });
    }
}
