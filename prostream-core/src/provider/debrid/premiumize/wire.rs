//! Premiumize's wire format: requests out, replies in; pure. Source: premiumize.me/api, and what public clients of it meet beyond it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::{BAD_TORRENT, CHECK_KEY, GONE, LATER, NEXT, PREPARING, error_of, known, sign_in_error_of};
use crate::model::{FileEntry, InfoHash, Magnet};
use crate::net::{Body, Reply, Request, Secret};
use crate::provider::debrid::known::Listing;
use crate::provider::debrid::{
    Account, Cached, Link, MAX_FILES, Quota, RemoteFile, TorrentId, TorrentState, checked_link, path,
};
use crate::provider::indexer::TorrentLink;
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Most hashes in one question of the cache. No limit is documented; this many are asked by all its clients.
pub(super) const MAX_ITEMS: usize = 100;

/// Pause after a 429 that does not say how long. Source: the clients of the service, which keep two minutes.
const PAUSE: Duration = Duration::from_secs(120);

/// Longest wait for a deferred file that is believed.
const MAX_DELAY_S: u64 = 3_600;

const OPERATION_FILES: &str = "list files";
const OPERATION_UNLOCK: &str = "unlock link";

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: Secret,
}

impl Endpoint {
    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_query(None);
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    fn get(&self, path: &str, id: Option<&str>) -> Request {
        let mut url = self.url(path);
        if let Some(id) = id {
            url.query_pairs_mut().append_pair("id", id);
        }
        Request::get(url).bearer(self.key.clone())
    }

    /// A question that changes nothing, or something that may be said twice.
    fn ask(&self, path: &str, form: Vec<(String, String)>) -> Request {
        let mut request = Request::post(self.url(path), Body::Form(form)).bearer(self.key.clone());
        request.is_idempotent = true;
        request
    }

    pub(super) fn account(&self) -> Request {
        self.get("/api/account/info", None)
    }

    /// Which of at most [`MAX_ITEMS`] are cached?
    pub(super) fn check_cached(&self, hashes: &[InfoHash]) -> Request {
        let items = hashes.iter().map(|hash| ("items[]".to_owned(), hash.to_string()));
        self.ask("/api/cache/check", items.collect())
    }

    /// The files of a cached torrent with their links. By the bare hash: trackers may hold a passkey, and nothing is fetched here.
    pub(super) fn direct(&self, hash: InfoHash) -> Request {
        self.ask("/api/transfer/directdl", vec![field("src", Magnet::from_hash(hash).to_uri())])
    }

    /// Lets the service fetch a torrent. Not sent twice: that a second one is refused is seen, but not promised.
    pub(super) fn create(&self, torrent: &TorrentLink) -> Request {
        let body = match torrent {
            TorrentLink::Magnet(magnet) => Body::Form(vec![field("src", magnet.to_uri())]),
            TorrentLink::File { info_hash, bytes } => Body::File {
                fields: Vec::new(),
                field: "file".to_owned(),
                file_name: format!("{info_hash}.torrent"),
                content_type: "application/x-bittorrent".to_owned(),
                bytes: Bytes::clone(bytes),
            },
        };
        Request::post(self.url("/api/transfer/create"), body).bearer(self.key.clone())
    }

    pub(super) fn transfers(&self) -> Request {
        self.get("/api/transfer/list", None)
    }

    pub(super) fn delete_transfer(&self, id: &str) -> Request {
        self.ask("/api/transfer/delete", vec![field("id", id)])
    }

    pub(super) fn folder(&self, id: &str) -> Request {
        self.get("/api/folder/list", Some(id))
    }

    pub(super) fn delete_folder(&self, id: &str) -> Request {
        self.ask("/api/folder/delete", vec![field("id", id)])
    }

    pub(super) fn item(&self, id: &str) -> Request {
        self.get("/api/item/details", Some(id))
    }

    pub(super) fn delete_item(&self, id: &str) -> Request {
        self.ask("/api/item/delete", vec![field("id", id)])
    }

    /// A code to be typed; needs no key.
    pub(super) fn device_code(&self, client_id: &str) -> Request {
        let form = vec![field("response_type", "device_code"), field("client_id", client_id)];
        Request::post(self.url("/token"), Body::Form(form))
    }

    /// Was the code typed? Needs no key.
    pub(super) fn token(&self, client_id: &str, device_code: &Secret) -> Request {
        let form = vec![
            field("grant_type", "device_code"),
            field("code", device_code.expose()),
            field("client_id", client_id),
        ];
        Request::post(self.url("/token"), Body::Form(form))
    }

    /// Looks at the envelope, which lies flat among the fields: the body speaks before the HTTP status, as errors come with 200.
    pub(super) fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        let told = read(reply, operation)?;
        let Ok(envelope) = Envelope::deserialize(&told) else {
            return Err(wrong_shape(reply, operation));
        };
        match envelope.status.as_deref() {
            Some("success") => lenient::part(told, operation),
            Some("deferred") => {
                let wait = Duration::from_secs(envelope.delay.unwrap_or(0).min(MAX_DELAY_S));
                Err(Error::new(ErrorKind::NotCached, operation).advise(PREPARING).after(wait))
            }
            Some("error") => Err(lenient::with_wait(self.complaint(&envelope, reply, operation), reply)),
            _ => Err(wrong_shape(reply, operation)),
        }
    }

    fn complaint(&self, envelope: &Envelope, reply: &Reply, operation: &'static str) -> Error {
        let secrets = [&self.key];
        let code = envelope.code.as_deref().or(envelope.error.as_deref()).unwrap_or_default();
        let words = envelope.message.as_deref().unwrap_or_default();
        let error = error_of(&lenient::quote(code, &secrets), &lenient::quote(words, &secrets), operation);
        // Words that nobody knows, with a status that says more than they do.
        if error.kind() == ErrorKind::Unavailable && !reply.status.is_success() {
            return status_error(reply, operation);
        }
        error
    }

    pub(super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        const OPERATION: &str = "read account";
        let data: AccountData = self.open(reply, OPERATION)?;
        let customer = data.customer_id.ok_or_else(|| malformed(OPERATION, "the account has no number"))?;
        let until = data.premium_until.filter(|seconds| *seconds > 0);
        let until = until.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        Ok(Account {
            user_name: lenient::clean(&customer, MAX_NAME_CHARS),
            is_premium: until.is_some_and(|until| until > now),
            premium_until: until,
            quota: data.limit_used.map(|used| Quota { used: Some(used.max(0.0) as f32), ..Quota::default() }),
        })
    }

    /// What the service says of `asked_count` hashes, in their order; of those it says nothing of, `Unknown`.
    pub(super) fn parse_cached(&self, reply: &Reply, asked_count: usize) -> Result<Vec<Cached>> {
        const OPERATION: &str = "ask the cache";
        let CacheData { response } = self.open(reply, OPERATION)?;
        if response.len() > asked_count {
            // Which of them belong to what was asked nobody can tell.
            return Err(malformed(OPERATION, "the reply answers more than was asked"));
        }
        let told = response.iter().map(is_cached);
        Ok(told.chain(std::iter::repeat(Cached::Unknown)).take(asked_count).collect())
    }

    /// The files of a cached torrent; one that is a single file may come without a list.
    pub(super) fn parse_direct(&self, reply: &Reply, operation: &'static str) -> Result<Vec<Item>> {
        let data: DirectData = self.open(reply, operation)?;
        let content = data.content.unwrap_or_default();
        if content.len() > MAX_FILES {
            return Err(too_many_files());
        }
        let mut items: Vec<Item> =
            content.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).filter(Item::is_whole).collect();
        if items.is_empty() {
            let single = Item { path: data.filename.unwrap_or_default(), size: data.filesize, link: data.location };
            items.extend(Some(single).filter(Item::is_whole));
        }
        if items.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, operation).detail("the torrent has no files").advise(NEXT));
        }
        Ok(items)
    }

    /// The service's number of a transfer that was created.
    pub(super) fn parse_created(&self, reply: &Reply) -> Result<String> {
        const OPERATION: &str = "add torrent";
        let Numbered { id } = self.open(reply, OPERATION)?;
        id.filter(|id| !id.is_empty()).ok_or_else(|| malformed(OPERATION, "the transfer has no id"))
    }

    pub(super) fn parse_transfers(&self, reply: &Reply) -> Result<Vec<Transfer>> {
        let TransferData { transfers } = self.open(reply, "read torrents")?;
        Ok(transfers)
    }

    pub(super) fn parse_folder(&self, reply: &Reply) -> Result<Folder> {
        self.open(reply, OPERATION_FILES)
    }

    /// A file in the user's cloud; `path` is its name.
    pub(super) fn parse_item(&self, reply: &Reply, operation: &'static str) -> Result<Item> {
        let entry: Entry = self.open(reply, operation)?;
        let item = Item { path: entry.name.unwrap_or_default(), size: entry.size, link: entry.link };
        Some(item).filter(Item::is_whole).ok_or_else(|| malformed(operation, "the file has no name or no link"))
    }

    pub(super) fn parse_device_code(&self, reply: &Reply) -> Result<DeviceCode> {
        const OPERATION: &str = "begin sign-in";
        let told = read(reply, OPERATION)?;
        match sign_in_complaint(&told) {
            Some(code) => Err(sign_in_error_of(&lenient::quote(&code, &[]), OPERATION)),
            None => lenient::part(told, OPERATION),
        }
    }

    /// The token, once the code was typed.
    pub(super) fn parse_token(&self, reply: &Reply) -> Result<Option<Token>> {
        const OPERATION: &str = "look at sign-in";
        let told = read(reply, OPERATION)?;
        match sign_in_complaint(&told).as_deref() {
            Some("authorization_pending") => Ok(None),
            Some(code) => Err(sign_in_error_of(&lenient::quote(code, &[]), OPERATION)),
            None => {
                let token: Token = lenient::part(told, OPERATION)?;
                if token.access_token.is_empty() {
                    return Err(malformed(OPERATION, "the code was accepted, and there is no key"));
                }
                Ok(Some(token))
            }
        }
    }
}

fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn malformed(operation: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, operation).detail(detail)
}

pub(super) fn too_many_files() -> Error {
    Error::new(ErrorKind::LimitExceeded, OPERATION_FILES).detail("the torrent has too many files")
}

/// The JSON of a reply; where there is none, what its status says.
fn read(reply: &Reply, operation: &'static str) -> Result<Value> {
    lenient::json(reply, operation)
        .map_err(|error| if reply.status.is_success() { error } else { status_error(reply, operation) })
}

fn wrong_shape(reply: &Reply, operation: &'static str) -> Error {
    if reply.status.is_success() {
        malformed(operation, "the reply says neither success nor error")
    } else {
        status_error(reply, operation)
    }
}

/// What the status alone says. 401 and 403 are about the token, unless they come with a web page of something in between.
fn status_error(reply: &Reply, operation: &'static str) -> Error {
    let is_about_the_key = matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if is_about_the_key && !lenient::is_web_page(reply) {
        let detail = format!("HTTP {}", reply.status.as_u16());
        return Error::new(ErrorKind::Unauthorized, operation).detail(detail).advise(CHECK_KEY);
    }
    let error = lenient::status_error(reply, operation).advise(LATER);
    match error.retry_after() {
        None if error.kind() == ErrorKind::RateLimited => error.after(PAUSE),
        _ => error,
    }
}

fn is_cached(answer: &Value) -> Cached {
    let said = |yes: bool| if yes { Cached::Yes } else { Cached::No };
    match answer {
        Value::Bool(yes) => said(*yes),
        Value::Number(number) => {
            number.as_u64().filter(|number| *number <= 1).map_or(Cached::Unknown, |n| said(n == 1))
        }
        Value::String(text) => match text.as_str() {
            "true" | "1" => Cached::Yes,
            "false" | "0" => Cached::No,
            _ => Cached::Unknown,
        },
        _ => Cached::Unknown,
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    /// Where older parts of the service write the code.
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    /// Seconds.
    #[serde(default, deserialize_with = "lenient::number")]
    delay: Option<u64>,
}

/// A reply of which only the success counts.
#[derive(Debug, Deserialize)]
pub(super) struct Done {}

#[derive(Debug, Deserialize)]
struct AccountData {
    #[serde(default, deserialize_with = "lenient::text")]
    customer_id: Option<String>,
    /// Seconds since 1970; `null` or `false` for a free account.
    #[serde(default, deserialize_with = "lenient::number")]
    premium_until: Option<u64>,
    #[serde(default, deserialize_with = "lenient::decimal")]
    limit_used: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct CacheData {
    response: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct DirectData {
    #[serde(default)]
    content: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    location: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::text")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    filesize: Option<u64>,
}

/// A file with its link. Of the two links this is the original's; `stream_link` is a converted copy.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    /// Path as the service writes it: with the torrent's root folder, or without.
    pub(super) path: String,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<Secret>,
}

impl Item {
    /// It can be named and unlocked.
    fn is_whole(&self) -> bool {
        !path::clean(&self.path).is_empty() && self.link.as_ref().is_some_and(|link| !link.expose().trim().is_empty())
    }

    /// # Errors
    /// `Malformed` for a link that is none.
    pub(super) fn link(&self) -> Result<Link> {
        let address = self.link.as_ref().map_or("", |link| link.expose());
        let name = path::clean(&self.path);
        Ok(Link {
            url: checked_link(address, OPERATION_UNLOCK)?,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: self.size.filter(|size| *size > 0),
            file_name: name.rsplit('/').next().filter(|name| !name.is_empty()).map(ToOwned::to_owned),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Numbered {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TransferData {
    #[serde(deserialize_with = "lenient::required_list")]
    transfers: Vec<Transfer>,
}

/// A transfer of the account: a torrent, or anything else that the service fetches into the user's cloud.
#[derive(Debug, Deserialize)]
pub(super) struct Transfer {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::decimal")]
    progress: Option<f64>,
    /// A magnet; for a torrent file an address that tells nothing.
    #[serde(default, deserialize_with = "lenient::text")]
    src: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    folder_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    file_id: Option<String>,
}

/// What a finished transfer has put into the user's cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made<'a> {
    /// One file.
    File(&'a str),
    /// A folder.
    Folder(&'a str),
}

impl Transfer {
    pub(super) fn hash(&self) -> Option<InfoHash> {
        let magnet: Magnet = self.src.as_deref()?.trim().parse().ok()?;
        Some(magnet.info_hash)
    }

    fn status(&self) -> String {
        self.status.as_deref().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Why nothing will come of it, for a caller and for people.
    fn failure(&self) -> Option<(ErrorKind, &'static str)> {
        match self.status().as_str() {
            "deleted" => Some((ErrorKind::NotFound, "it was removed at the service")),
            "banned" => Some((ErrorKind::Refused, "the service has banned it")),
            "timeout" => Some((ErrorKind::NotFound, "the service gave up: nobody shares it")),
            "error" => {
                let known = known(self.message.as_deref().unwrap_or_default());
                let known = known.filter(|(kind, _)| matches!(kind, ErrorKind::AccountLimit | ErrorKind::Refused));
                Some(known.unwrap_or((ErrorKind::NotFound, "the service could not fetch it")))
            }
            _ => None,
        }
    }

    /// It is, or will be, of use.
    pub(super) fn is_alive(&self) -> bool {
        self.failure().is_none()
    }

    pub(super) fn state(&self) -> TorrentState {
        match (self.failure(), self.status().as_str()) {
            (Some((_, reason)), _) => TorrentState::Failed { reason: reason.to_owned() },
            (None, "finished" | "seeding") => TorrentState::Ready,
            (None, status) => TorrentState::Preparing {
                // What waits has no share of its own, whatever stands there.
                progress: self.progress.filter(|_| status == "running").map(|share| share.clamp(0.0, 1.0) as f32),
                speed_bytes_per_s: None,
            },
        }
    }

    /// Why it has no files yet, or never will; nothing for a finished one.
    ///
    /// # Errors
    /// `NotCached` in preparation; `Refused` for what the service bans, `AccountLimit` for what its plan stopped, `NotFound` for what
    /// failed otherwise.
    pub(super) fn check_ready(&self) -> Result<()> {
        match (self.failure(), self.state()) {
            (Some((kind, reason)), _) => Err(Error::new(kind, OPERATION_FILES).detail(reason).advise(NEXT)),
            (None, TorrentState::Ready) => Ok(()),
            _ => Err(Error::new(ErrorKind::NotCached, OPERATION_FILES).advise(PREPARING)),
        }
    }

    /// What it made, as far as the service tells. Before it is finished a folder may be the one it will lie in: that is the user's.
    pub(super) fn made(&self) -> Option<Made<'_>> {
        if self.state() != TorrentState::Ready {
            return None;
        }
        let file = self.file_id.as_deref().filter(|id| !id.is_empty()).map(Made::File);
        file.or_else(|| self.folder_id.as_deref().filter(|id| !id.is_empty()).map(Made::Folder))
    }
}

/// What the account holds. Failed transfers are no reason to call a new one the user's; their numbers are kept all the same.
pub(super) fn listing(rows: &[Transfer]) -> Listing {
    Listing {
        ids: rows.iter().filter_map(|row| Some(TorrentId(row.id.clone()?))).collect(),
        hashes: rows.iter().filter(|row| row.is_alive()).filter_map(Transfer::hash).collect(),
    }
}

/// What is said of a torrent that is neither in the account nor in the cache.
pub(super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

pub(super) fn gone_error(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation).detail("it is no longer at the service").advise(GONE)
}

/// What a [`TorrentId`] of ours says: `hash` for a cached torrent, `hash:transfer` for one that the service fetches.
///
/// The hash stands in both, since a transfer does not always tell it and what it fetched is served by the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held<'a> {
    pub(super) hash: Option<InfoHash>,
    pub(super) transfer: Option<&'a str>,
}

impl<'a> Held<'a> {
    pub(super) fn read(torrent: &'a TorrentId) -> Self {
        match torrent.0.split_once(':') {
            Some((hash, transfer)) => Self { hash: hash.parse().ok(), transfer: Some(transfer) },
            None => match torrent.0.parse() {
                Ok(hash) => Self { hash: Some(hash), transfer: None },
                Err(_) => Self { hash: None, transfer: Some(&torrent.0) },
            },
        }
    }
}

/// The id of a cached torrent.
pub(super) fn cached_id(hash: InfoHash) -> TorrentId {
    TorrentId(hash.to_string())
}

/// The id of a torrent that a transfer fetches.
pub(super) fn transfer_id(hash: InfoHash, transfer: &str) -> TorrentId {
    TorrentId(format!("{hash}:{transfer}"))
}

/// A folder of the user's cloud.
#[derive(Debug, Deserialize)]
pub(super) struct Folder {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::required_list")]
    pub(super) content: Vec<Entry>,
}

/// A file or a folder of the user's cloud.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<Secret>,
}

impl Entry {
    pub(super) fn is_folder(&self) -> bool {
        self.kind.as_deref() == Some("folder")
    }
}

/// What a handle says: where its file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handle<'a> {
    /// In the cache: the torrent, and the path as the service writes it.
    Cached(InfoHash, &'a str),
    /// In the user's cloud: the service's number of the file.
    Cloud(&'a str),
}

const CLOUD: &str = "cloud";

impl<'a> Handle<'a> {
    pub(super) fn read(handle: &'a Secret) -> Option<Self> {
        let (place, rest) = handle.expose().split_once(':')?;
        if place == CLOUD { Some(Self::Cloud(rest)) } else { Some(Self::Cached(place.parse().ok()?, rest)) }
    }
}

/// The files of a cached torrent, in the service's order.
pub(super) fn cached_files(hash: InfoHash, items: &[Item]) -> Vec<RemoteFile> {
    let file = |item: &Item| RemoteFile {
        entry: FileEntry { path: path::clean(&item.path), size_bytes: item.size.unwrap_or(0) },
        handle: Secret::new(format!("{hash}:{}", item.path)),
    };
    items.iter().map(file).collect()
}

/// The file of a cached torrent at `path`, as the service writes it.
pub(super) fn find<'a>(items: &'a [Item], path: &str) -> Result<&'a Item> {
    items.iter().find(|item| item.path == path).ok_or_else(|| gone_error(OPERATION_UNLOCK))
}

/// A file of the user's cloud.
pub(super) fn cloud_file(id: &str, path: String, size: Option<u64>) -> RemoteFile {
    let entry = FileEntry { path, size_bytes: size.unwrap_or(0) };
    RemoteFile { entry, handle: Secret::new(format!("{CLOUD}:{id}")) }
}

/// Why a torrent file cannot be given to the service.
pub(super) fn bad_torrent(error: Error) -> Error {
    if error.kind() == ErrorKind::LimitExceeded {
        return error;
    }
    let detail = error.detail_text().unwrap_or("it is no torrent file").to_owned();
    Error::new(ErrorKind::InvalidInput, "add torrent").detail(detail).advise(BAD_TORRENT)
}

fn sign_in_complaint(told: &Value) -> Option<String> {
    told.get("error")?.as_str().map(ToOwned::to_owned)
}

/// A code and where to type it. Source: RFC 8628 section 3.2.
#[derive(Debug, Deserialize)]
pub(super) struct DeviceCode {
    pub(super) device_code: Secret,
    pub(super) user_code: String,
    pub(super) verification_uri: Url,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) expires_in: Option<u64>,
}

/// A granted token.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) access_token: Secret,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) expires_in: Option<u64>,
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const HASH: InfoHash = InfoHash([0x11; 20]);

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

    fn success(fields: &str) -> Reply {
        reply(200, &format!(r#"{{"status":"success",{fields}}}"#))
    }

    /// Goal: the body speaks before the HTTP status; without a readable body the status speaks.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let error = |status, body: &str| endpoint().open::<Value>(&reply(status, body), "test").unwrap_err();
        let kind = |status, body: &str| error(status, body).kind();
        let bad_key = r#"{"status":"error","message":"Not logged in."}"#;
        assert_eq!((kind(200, bad_key), kind(500, bad_key)), (ErrorKind::Unauthorized, ErrorKind::Unauthorized));
        let unknown = r#"{"status":"error","message":"odd"}"#;
        assert_eq!((kind(200, unknown), kind(403, unknown)), (ErrorKind::Unavailable, ErrorKind::Unauthorized));
        assert_eq!(kind(200, r#"{"status":"error","error":"topup_required"}"#), ErrorKind::AccountLimit);
        assert_eq!((kind(401, ""), kind(403, "{}")), (ErrorKind::Unauthorized, ErrorKind::Unauthorized));
        assert_eq!((kind(403, "<html>busy</html>"), kind(521, "")), (ErrorKind::Unavailable, ErrorKind::Unavailable));
        assert_eq!(error(429, "").retry_after(), Some(PAUSE));
        for broken in ["", "{}", "[]", "7", r#"{"status":"succ"#, r#"{"status":["success"]}"#] {
            assert_eq!(kind(200, broken), ErrorKind::Malformed, "{broken}");
        }
        let deferred = error(200, r#"{"status":"deferred","delay":30}"#);
        assert_eq!((deferred.kind(), deferred.retry_after()), (ErrorKind::NotCached, Some(Duration::from_secs(30))));
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"status":"error","code":"NEW","message":"<b>k3y</b> is odd"}"#;
        let error = endpoint().open::<Value>(&reply(200, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("NEW: … is odd"));
    }

    /// Goal: numbers and texts alike; a free account is one without an end, an expired one has it behind it.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let account = |fields: &str| endpoint().parse_account(&success(fields), now);
        let paid = account(r#""customer_id":123,"premium_until":1800000000,"limit_used":0.5"#).unwrap();
        let text = account(r#""customer_id":"123","premium_until":"1800000000","limit_used":"0.5""#).unwrap();
        assert!(paid == text && paid.is_premium && paid.user_name == "123");
        assert_eq!(paid.quota, Some(Quota { used: Some(0.5), ..Quota::default() }));
        for free in ["null", "false", "0"] {
            let account = account(&format!(r#""customer_id":1,"premium_until":{free}"#)).unwrap();
            assert_eq!((account.is_premium, account.premium_until, account.quota), (false, None, None), "{free}");
        }
        let expired = account(r#""customer_id":1,"premium_until":1600000000"#).unwrap();
        assert!(!expired.is_premium && expired.premium_until.is_some());
        assert!(
            !account(r#""customer_id":1,"premium_until":18446744073709551615"#)
                .is_ok_and(|odd| odd.is_premium && odd.premium_until.is_none())
        );
        assert_eq!(account(r#""limit_used":0"#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: answers of every type seen are read, those missing are unknown, and too many are no answer.
    #[test]
    fn the_cache_answers_in_mixed_types() {
        let parse =
            |response: &str, count| endpoint().parse_cached(&success(&format!(r#""response":{response}"#)), count);
        use Cached::{No, Unknown, Yes};
        let mixed = parse(r#"[true,false,1,0,"true","false",null,7,"maybe"]"#, 11).unwrap();
        assert_eq!(mixed, [Yes, No, Yes, No, Yes, No, Unknown, Unknown, Unknown, Unknown, Unknown]);
        assert_eq!(parse("[]", 2).unwrap(), [Unknown, Unknown]);
        assert_eq!(parse("[true,true]", 1).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(parse("{}", 1).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: a list, and a single file without one; what has no path or no link is left out, and nothing at all is no torrent.
    #[test]
    fn direct_links_come_in_two_shapes() {
        let files = |fields: &str| {
            let items = endpoint().parse_direct(&success(fields), "test")?;
            Ok::<_, Error>(cached_files(HASH, &items).into_iter().map(|file| file.entry.path).collect::<Vec<_>>())
        };
        let list = r#""content":[{"path":"/Root/a.mkv","size":"5","link":"https://a.example/a"},{"path":"b","link":null},
            {"path":"c","link":""},{"path":"/","link":"https://a.example/d"},{"link":"https://a.example/e"},7]"#;
        assert_eq!(files(list).unwrap(), ["Root/a.mkv"]);
        let single = r#""location":"https://a.example/a","filename":"a.mkv","filesize":5"#;
        assert_eq!(files(single).unwrap(), ["a.mkv"]);
        assert_eq!(files(&format!(r#"{single},"content":[]"#)).unwrap(), ["a.mkv"]);
        assert_eq!(files(r#""content":[]"#).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(files(&format!(r#"{single},"content":"odd""#)).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: the handle of a file leads to it again, to the original and not to its converted copy.
    #[test]
    fn handles_lead_back_to_their_file() {
        let fields = r#""content":[{"path":"/Root/a:b.mkv","size":5,"link":"https://a.example/a","stream_link":"https://a.example/s"}]"#;
        let items = endpoint().parse_direct(&success(fields), "test").unwrap();
        let file = cached_files(HASH, &items).remove(0);
        let Some(Handle::Cached(hash, path)) = Handle::read(&file.handle) else { panic!("no handle") };
        assert_eq!(hash, HASH);
        let link = find(&items, path).unwrap().link().unwrap();
        assert_eq!((link.url.as_str(), link.file_name.as_deref()), ("https://a.example/a", Some("a:b.mkv")));
        assert_eq!(find(&items, "other").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(Handle::read(&cloud_file("x:y", "a".to_owned(), None).handle), Some(Handle::Cloud("x:y")));
        for wrong in ["", "a", "nohash:a"] {
            assert_eq!(Handle::read(&Secret::new(wrong)), None);
        }
        let odd = r#""content":[{"path":"a","link":"file:///etc/passwd"}]"#;
        let items = endpoint().parse_direct(&success(odd), "test").unwrap();
        assert_eq!(items[0].link().unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: an id says what it was made of; any other is taken for the service's number of a transfer.
    #[test]
    fn ids_say_what_they_were_made_of() {
        assert_eq!(Held::read(&cached_id(HASH)), Held { hash: Some(HASH), transfer: None });
        assert_eq!(Held::read(&transfer_id(HASH, "t:1")), Held { hash: Some(HASH), transfer: Some("t:1") });
        let other = TorrentId("7".to_owned());
        assert_eq!(Held::read(&other), Held { hash: None, transfer: Some("7") });
    }

    fn transfer(fields: &str) -> Transfer {
        let body = format!(r#""transfers":[{{"id":7,"name":"a",{fields}}}]"#);
        endpoint().parse_transfers(&success(&body)).unwrap().remove(0)
    }

    /// Goal: every status means what is documented; what nobody knows is still in preparation.
    #[test]
    fn transfers_say_how_far_they_are() {
        let state = |status: &str| transfer(&format!(r#""status":"{status}","progress":"0.5""#)).state();
        for ready in ["finished", "seeding", "Finished"] {
            assert_eq!(state(ready), TorrentState::Ready, "{ready}");
        }
        for failed in ["error", "deleted", "banned", "timeout"] {
            assert!(matches!(state(failed), TorrentState::Failed { .. }), "{failed}");
        }
        assert_eq!(state("running"), TorrentState::Preparing { progress: Some(0.5), speed_bytes_per_s: None });
        for waiting in ["waiting", "queued", "something new", ""] {
            assert_eq!(
                state(waiting),
                TorrentState::Preparing { progress: None, speed_bytes_per_s: None },
                "{waiting}"
            );
        }
        let kind = |fields: &str| transfer(fields).check_ready().unwrap_err().kind();
        assert_eq!(kind(r#""status":"running""#), ErrorKind::NotCached);
        assert_eq!(kind(r#""status":"banned""#), ErrorKind::Refused);
        assert_eq!(kind(r#""status":"timeout""#), ErrorKind::NotFound);
        assert_eq!(kind(r#""status":"error","message":"Fair use limit reached!""#), ErrorKind::AccountLimit);
        assert_eq!(kind(r#""status":"error","message":"content not in cache""#), ErrorKind::NotFound);
    }

    /// Goal: a transfer owns what it made, and nothing before it is finished: the folder it will lie in is the user's.
    #[test]
    fn a_transfer_owns_what_it_made() {
        let both = r#""file_id":"f","folder_id":"d""#;
        assert_eq!(transfer(&format!(r#""status":"finished",{both}"#)).made(), Some(Made::File("f")));
        assert_eq!(transfer(r#""status":"finished","file_id":"","folder_id":"d""#).made(), Some(Made::Folder("d")));
        assert_eq!(transfer(r#""status":"finished","file_id":null"#).made(), None);
        for status in ["running", "error"] {
            assert_eq!(transfer(&format!(r#""status":"{status}",{both}"#)).made(), None);
        }
    }

    /// Goal: all numbers are listed, hashes only of what lives and tells it.
    #[test]
    fn listings_hold_what_can_be_told() {
        let body = format!(
            r#""transfers":[{{"id":1,"status":"running","src":"magnet:?xt=urn:btih:{HASH}"}},{{"id":"2","status":"finished","src":"https://a.example/?id=2"}},
            {{"id":3,"status":"error","src":"magnet:?xt=urn:btih:{}"}},{{"status":"queued"}},"odd"]"#,
            InfoHash([0x22; 20])
        );
        let listing = listing(&endpoint().parse_transfers(&success(&body)).unwrap());
        assert_eq!(listing.ids, ["1", "2", "3"].map(|id| TorrentId(id.to_owned())).into());
        assert_eq!(listing.hashes, [HASH].into());
    }

    /// Goal: a sign-in waits, is granted, or ends, whatever the HTTP status.
    #[test]
    fn sign_ins_are_read() {
        let token = |status, body: &str| endpoint().parse_token(&reply(status, body));
        assert!(token(400, r#"{"error":"authorization_pending"}"#).unwrap().is_none());
        assert_eq!(token(400, r#"{"error":"access_denied"}"#).unwrap_err().kind(), ErrorKind::Unauthorized);
        let granted = token(200, r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#).unwrap().unwrap();
        assert_eq!((granted.access_token.expose(), granted.expires_in), ("t", Some(60)));
        assert_eq!(token(200, r#"{"access_token":""}"#).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(token(200, "{}").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(token(503, "<html>").unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(endpoint().parse_device_code(&reply(200, "{}")).unwrap_err().kind(), ErrorKind::Malformed);
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
        let account = r#"{"status":"success","customer_id":"1","premium_until":1545757200,"limit_used":0.5}"#;
        let cache = r#"{"status":"success","response":[true,1,"0",null]}"#;
        let direct = r#"{"status":"success","location":"https://a.example/f","filename":"f","content":[{"path":"a/b","size":"1","link":"https://a.example/f"}]}"#;
        let transfers = format!(
            r#"{{"status":"success","transfers":[{{"id":"7","status":"running","progress":0.5,"src":"magnet:?xt=urn:btih:{HASH}","file_id":"f"}}]}}"#
        );
        let folder = r#"{"status":"success","name":"n","content":[{"id":"1","name":"a","type":"folder","size":1}]}"#;
        let item = r#"{"status":"success","id":"1","name":"a","size":1,"link":"https://a.example/f"}"#;
        let code = r#"{"device_code":"d","user_code":"u","verification_uri":"https://a.example/device","interval":5}"#;
        let token = r#"{"access_token":"t","expires_in":60,"error":"slow_down"}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&damaged(account, at, byte, cut), SystemTime::UNIX_EPOCH);
            let _ = endpoint.parse_cached(&damaged(cache, at, byte, cut), 4);
            if let Ok(items) = endpoint.parse_direct(&damaged(direct, at, byte, cut), "test") {
                let _ = (items[0].link(), cached_files(HASH, &items));
            }
            let _ = endpoint.parse_created(&damaged(item, at, byte, cut));
            if let Ok(rows) = endpoint.parse_transfers(&damaged(&transfers, at, byte, cut)) {
                let _ = (listing(&rows), rows.first().map(|row| (row.state(), row.made().is_some())));
            }
            let _ = endpoint.parse_folder(&damaged(folder, at, byte, cut));
            let _ = endpoint.parse_item(&damaged(item, at, byte, cut), "test");
            let _ = endpoint.parse_device_code(&damaged(code, at, byte, cut));
            let _ = endpoint.parse_token(&damaged(token, at, byte, cut));
        });
    }
}
