//! Real-Debrid's wire format: requests out, replies in; pure. Source: api.real-debrid.com, "API documentation" (REST 1.0) and "Authentication".

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::{
    ALREADY_DONE, TOO_MANY_ACTIVE, advice_of, error_of, not_selected, packed, preparing, sign_in_ended,
};
use crate::model::{FileEntry, InfoHash};
use crate::net::{Body, Call, Reply, Request, Secret};
use crate::provider::debrid::account_key::AccountKey;
use crate::provider::debrid::{Account, Link, MAX_FILES, RemoteFile, TorrentId, TorrentState, checked_link, path};
use crate::provider::indexer::TorrentLink;
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Most torrents asked for on a page. Documented are up to 5000, seen is less: what comes is counted.
const PAGE_LIMIT: usize = 500;

/// Longest id of a torrent; the service's have 13 letters and digits.
const MAX_ID_LEN: usize = 64;

/// The handle of a file that was not chosen: there is no link to it.
const NOT_SELECTED: &str = "not selected";

/// Known to the service as a program without a secret of its own. Source: "Authentication for opensource apps".
const CLIENT_ID: &str = "X245A4XAIBGVM";
const GRANT_TYPE: &str = "http://oauth.net/grant_type/device/1.0";

/// Life of a code, documented and the longest that is believed.
const CODE_LIFE: Duration = Duration::from_secs(1_800);
/// Time between two looks at a sign-in: what is documented, and the bounds of what is believed.
const INTERVAL_S: (u64, u64, u64) = (1, 5, 60);
/// Life of access whose end is not told: short, so that it is renewed too often and not too late.
const ACCESS_LIFE: Duration = Duration::from_secs(3_600);

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
///
/// No request is tried again by itself: refused ones count against the account, and a 503 with a code in it is a verdict.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: AccountKey,
}

fn form<const N: usize>(fields: [(&str, &str); N]) -> Body {
    Body::Form(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

impl Endpoint {
    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Request {
        let url = self.url(&format!("/rest/1.0{path}"), &[]);
        Request { method, ..Request::post(url, body) }.bearer(self.key.now())
    }

    pub(super) fn user(&self) -> Request {
        self.request(Method::GET, "/user", Body::Empty)
    }

    /// A page of the account's torrents, `offset` of them left out.
    pub(super) fn torrents(&self, offset: usize) -> Request {
        let (offset, limit) = (offset.to_string(), PAGE_LIMIT.to_string());
        let mut request = self.request(Method::GET, "/torrents", Body::Empty);
        request.url.query_pairs_mut().append_pair("offset", &offset).append_pair("limit", &limit);
        request
    }

    pub(super) fn info(&self, torrent: &TorrentId) -> Request {
        self.request(Method::GET, &format!("/torrents/info/{}", torrent.0), Body::Empty)
    }

    pub(super) fn add(&self, torrent: &TorrentLink) -> Request {
        match torrent {
            TorrentLink::Magnet(magnet) => {
                self.request(Method::POST, "/torrents/addMagnet", form([("magnet", &magnet.to_uri())]))
            }
            TorrentLink::File { bytes, .. } => {
                let body = Body::Bytes { content_type: "application/x-bittorrent", bytes: Bytes::clone(bytes) };
                self.request(Method::PUT, "/torrents/addTorrent", body)
            }
        }
    }

    pub(super) fn select(&self, torrent: &TorrentId, files: &[u64]) -> Request {
        let files: Vec<String> = files.iter().map(u64::to_string).collect();
        let path = format!("/torrents/selectFiles/{}", torrent.0);
        self.request(Method::POST, &path, form([("files", &files.join(","))]))
    }

    pub(super) fn delete(&self, torrent: &TorrentId) -> Request {
        self.request(Method::DELETE, &format!("/torrents/delete/{}", torrent.0), Body::Empty)
    }

    /// Asks for a direct link; where the viewer fetches by himself, for his address.
    pub(super) fn unlock(&self, call: &Call, link: &Secret) -> Request {
        let body = match call.viewer_address {
            Some(address) => form([("link", link.expose()), ("ip", &address.to_string())]),
            None => form([("link", link.expose())]),
        };
        self.request(Method::POST, "/unrestrict/link", body)
    }

    /// A code for a sign-in; needs no key.
    pub(super) fn device_code(&self) -> Request {
        let query = [("client_id", CLIENT_ID), ("new_credentials", "yes")];
        Request::get(self.url("/oauth/v2/device/code", &query))
    }

    /// What a program signs in with for this user, once he has agreed; needs no key.
    pub(super) fn credentials(&self, device_code: &Secret) -> Request {
        let query = [("client_id", CLIENT_ID), ("code", device_code.expose())];
        let url = self.url("/oauth/v2/device/credentials", &query);
        Request { is_idempotent: false, ..Request::get(url) }
    }

    /// Access for a device code, or fresh access for what renews it; needs no key.
    pub(super) fn token(&self, credentials: &Credentials, code: &Secret) -> Request {
        let body = form([
            ("client_id", credentials.client_id.expose()),
            ("client_secret", credentials.client_secret.expose()),
            ("code", code.expose()),
            ("grant_type", GRANT_TYPE),
        ]);
        Request::post(self.url("/oauth/v2/token", &[]), body)
    }

    /// The code of an error reply.
    pub(super) fn code(&self, reply: &Reply) -> Option<i64> {
        if reply.status.is_success() { None } else { complaint(reply)?.code() }
    }

    /// Is it a success? The code in the body speaks before the HTTP status.
    pub(super) fn check(&self, reply: &Reply, operation: &'static str) -> Result<()> {
        if reply.status.is_success() && !lenient::is_web_page(reply) {
            return Ok(());
        }
        let complaint = complaint(reply);
        let code = complaint.as_ref().and_then(Complaint::code);
        // Seen without a body that can be read.
        let code = code.or_else(|| (reply.status.as_u16() == 509).then_some(TOO_MANY_ACTIVE));
        Err(match code {
            Some(code) => {
                let words = complaint.and_then(|complaint| complaint.error).unwrap_or_default();
                lenient::with_wait(error_of(code, &lenient::quote(&words, &[&self.key.now()]), operation), reply)
            }
            None => {
                let error = lenient::status_error(reply, operation);
                let advice = advice_of(error.kind());
                error.advise(advice)
            }
        })
    }

    fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        self.check(reply, operation)?;
        lenient::json(reply, operation)
    }

    pub(super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        const OPERATION: &str = "read account";
        let user: User = self.open(reply, OPERATION)?;
        let name = user.username.ok_or_else(|| malformed(OPERATION, "the account has no name"))?;
        let left = user.premium.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let is_premium = left.is_some() || user.kind.as_deref() == Some("premium");
        let named = lenient::moment(user.expiration.as_deref());
        Ok(Account {
            user_name: lenient::clean(&name, MAX_NAME_CHARS),
            is_premium,
            premium_until: named
                .or_else(|| now.checked_add(left?))
                // Of a plan that has ended, an end that is still to come says nothing.
                .filter(|until| is_premium || *until <= now),
            // Its traffic is counted by hoster; torrents have none.
            quota: None,
        })
    }

    /// One page of torrents. An empty one has no body.
    pub(super) fn parse_torrents(&self, reply: &Reply) -> Result<Page> {
        const OPERATION: &str = "read torrents";
        self.check(reply, OPERATION)?;
        if reply.status == StatusCode::NO_CONTENT || reply.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Page { torrents: Vec::new(), row_count: 0, total_count: Some(0) });
        }
        let rows = match lenient::json(reply, OPERATION)? {
            Value::Array(rows) => rows,
            Value::Object(rows) if rows.is_empty() => Vec::new(),
            _ => return Err(malformed(OPERATION, "torrents are no list")),
        };
        let total = reply.headers.get("x-total-count").and_then(|total| total.to_str().ok()?.trim().parse().ok());
        Ok(Page {
            row_count: rows.len(),
            total_count: total,
            torrents: rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect(),
        })
    }

    pub(super) fn parse_info(&self, reply: &Reply) -> Result<Torrent> {
        const OPERATION: &str = "read torrent";
        let torrent: Torrent = self.open(reply, OPERATION)?;
        if torrent.status.is_none() {
            return Err(malformed(OPERATION, "the torrent has no state"));
        }
        if torrent.files.len() > MAX_FILES {
            return Err(Error::new(ErrorKind::LimitExceeded, OPERATION).detail("the torrent has too many files"));
        }
        Ok(torrent)
    }

    pub(super) fn parse_added(&self, reply: &Reply) -> Result<TorrentId> {
        const OPERATION: &str = "add torrent";
        let AddedRow { id } = self.open(reply, OPERATION)?;
        let id = id.map(TorrentId).filter(is_id);
        id.ok_or_else(|| malformed(OPERATION, "the torrent has no id"))
    }

    /// Files were chosen, now or before.
    pub(super) fn parse_selected(&self, reply: &Reply) -> Result<()> {
        if self.code(reply) == Some(ALREADY_DONE) { Ok(()) } else { self.check(reply, "select files") }
    }

    pub(super) fn parse_unlock(&self, reply: &Reply) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        let data: UnlockData = self.open(reply, OPERATION)?;
        let address = data.download.ok_or_else(|| malformed(OPERATION, "the reply names no link"))?;
        Ok(Link {
            url: checked_link(&address, OPERATION)?,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: data.filesize.filter(|size| *size > 0),
            file_name: lenient::clean_some(data.filename.as_deref(), MAX_NAME_CHARS),
        })
    }

    pub(super) fn parse_device_code(&self, reply: &Reply) -> Result<DeviceCode> {
        const OPERATION: &str = "begin sign-in";
        let data: DeviceCodeData = self.open(reply, OPERATION)?;
        let page = |text: Option<String>| checked_link(&text?, OPERATION).ok();
        let url = page(data.direct_verification_url).or_else(|| page(data.verification_url));
        let (least, usual, most) = INTERVAL_S;
        match (filled(data.device_code), data.user_code.filter(|code| !code.trim().is_empty()), url) {
            (Some(device_code), Some(user_code), Some(url)) => Ok(DeviceCode {
                device_code,
                user_code: lenient::clean(&user_code, MAX_NAME_CHARS),
                url,
                interval: Duration::from_secs(data.interval.unwrap_or(usual).clamp(least, most)),
                life: data.expires_in.map_or(CODE_LIFE, Duration::from_secs).min(CODE_LIFE),
            }),
            _ => Err(malformed(OPERATION, "there is no code, or no page for it")),
        }
    }

    /// What to sign in with for this user; `None` until he has agreed, which the service says by an error without a code.
    pub(super) fn parse_credentials(&self, reply: &Reply) -> Result<Option<Credentials>> {
        const OPERATION: &str = "look at sign-in";
        if !reply.status.is_success() {
            let is_waiting = reply.status.is_client_error()
                && reply.status != StatusCode::TOO_MANY_REQUESTS
                && complaint(reply).is_some_and(|complaint| complaint.code().is_none());
            return if is_waiting { Ok(None) } else { Err(self.refused(reply, OPERATION, "the code has ended")) };
        }
        let data: CredentialsData = self.open(reply, OPERATION)?;
        let both = filled(data.client_id).zip(filled(data.client_secret));
        Ok(both.map(|(client_id, client_secret)| Credentials { client_id, client_secret }))
    }

    pub(super) fn parse_token(&self, reply: &Reply, operation: &'static str) -> Result<Access> {
        if !reply.status.is_success() {
            return Err(self.refused(reply, operation, "access was withdrawn, or the code has ended"));
        }
        let data: TokenData = self.open(reply, operation)?;
        match (filled(data.access_token), filled(data.refresh_token)) {
            (Some(key), Some(refresh)) => {
                Ok(Access { key, refresh, life: data.expires_in.map_or(ACCESS_LIFE, Duration::from_secs) })
            }
            _ => Err(malformed(operation, "there is no key, or nothing to renew it with")),
        }
    }

    /// A sign-in that is refused has ended, whatever the code; trouble of the service stays trouble.
    fn refused(&self, reply: &Reply, operation: &'static str, detail: &'static str) -> Error {
        match self.check(reply, operation) {
            Err(error) if error.kind().is_transient() || error.kind() == ErrorKind::AddressRefused => error,
            _ => sign_in_ended(operation, detail),
        }
    }
}

fn malformed(operation: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, operation).detail(detail)
}

fn filled(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.is_empty())
}

/// What an error reply says, where it is no page of something in between.
fn complaint(reply: &Reply) -> Option<Complaint> {
    if lenient::is_web_page(reply) { None } else { serde_json::from_slice(&reply.body).ok() }
}

/// Can it be an id of the service? It becomes a part of addresses.
pub(super) fn is_id(torrent: &TorrentId) -> bool {
    let id = &torrent.0;
    !id.is_empty() && id.len() <= MAX_ID_LEN && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Does a link to the file exist? Otherwise it was not chosen when its torrent was added.
pub(super) fn check_selected(file: &RemoteFile, operation: &'static str) -> Result<()> {
    if file.handle.expose() == NOT_SELECTED { Err(not_selected(operation)) } else { Ok(()) }
}

/// What is said of a torrent that is not in the account.
pub(super) fn gone_state() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

#[derive(Debug, Deserialize)]
struct Complaint {
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    error_code: Option<String>,
}

impl Complaint {
    fn code(&self) -> Option<i64> {
        self.error_code.as_deref()?.trim().parse().ok()
    }
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    username: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    premium: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    expiration: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AddedRow {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct UnlockData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    download: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    filesize: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct DeviceCodeData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    device_code: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::text")]
    user_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    verification_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    direct_verification_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CredentialsData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    client_id: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    client_secret: Option<Secret>,
}

#[derive(Debug, Deserialize)]
struct TokenData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    access_token: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
}

/// A code, and the page where it is typed.
#[derive(Debug)]
pub(super) struct DeviceCode {
    pub(super) device_code: Secret,
    pub(super) user_code: String,
    pub(super) url: Url,
    pub(super) interval: Duration,
    pub(super) life: Duration,
}

/// What this program is to the service on behalf of one user.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) client_id: Secret,
    pub(super) client_secret: Secret,
}

/// Access to an account, and what renews it.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) key: Secret,
    pub(super) refresh: Secret,
    pub(super) life: Duration,
}

/// A page of torrents.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) torrents: Vec<Torrent>,
    /// Rows that came, those that could not be read included.
    pub(super) row_count: usize,
    /// Torrents of the account, where the service says so.
    pub(super) total_count: Option<usize>,
}

/// A torrent of the account; without its files in a listing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Torrent {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    progress: Option<f64>,
    #[serde(default, deserialize_with = "lenient::number")]
    speed: Option<u64>,
    #[serde(default, deserialize_with = "lenient::php_list")]
    files: Vec<FileRow>,
    #[serde(default, deserialize_with = "lenient::php_list")]
    links: Vec<Secret>,
}

#[derive(Clone, Debug, Deserialize)]
struct FileRow {
    id: u64,
    path: String,
    #[serde(default, deserialize_with = "lenient::number")]
    bytes: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    selected: Option<u64>,
}

impl FileRow {
    fn entry(&self) -> FileEntry {
        FileEntry { path: path::clean(&self.path), size_bytes: self.bytes.unwrap_or(0) }
    }

    fn is_selected(&self) -> bool {
        self.selected.is_some_and(|selected| selected > 0)
    }
}

/// Where a torrent is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its files are not known yet.
    Metadata,
    /// Somebody has to choose its files.
    Selection,
    /// It is fetched.
    Preparing,
    /// Its links are there.
    Ready,
    /// It will not come; the text is for people.
    Failed(&'static str),
}

impl Torrent {
    /// One that was just added.
    pub(super) fn new(id: &TorrentId, hash: InfoHash) -> Self {
        Self { id: Some(id.0.clone()), hash: Some(hash.to_string()), ..Self::default() }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn hash(&self) -> Option<InfoHash> {
        self.hash.as_deref()?.parse().ok()
    }

    /// Source: api.real-debrid.com, "/torrents/info/{id}", "status". An unknown one is a wait: it is no end.
    pub(super) fn stage(&self) -> Stage {
        match self.status.as_deref() {
            Some("magnet_conversion") => Stage::Metadata,
            Some("waiting_files_selection") => Stage::Selection,
            // Links follow the end of the download; without them there is nothing to unlock.
            Some("downloaded") if !self.links.is_empty() => Stage::Ready,
            Some("magnet_error") => Stage::Failed("the service could not find out what the magnet holds"),
            Some("error") => Stage::Failed("the service had an error while fetching it"),
            Some("virus") => Stage::Failed("the service has found a virus in it"),
            Some("dead") => Stage::Failed("nobody shares it"),
            _ => Stage::Preparing,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.stage() == Stage::Ready
    }

    pub(super) fn state(&self) -> TorrentState {
        match self.stage() {
            Stage::Ready => TorrentState::Ready,
            Stage::Failed(reason) => TorrentState::Failed { reason: reason.to_owned() },
            Stage::Metadata | Stage::Selection | Stage::Preparing => TorrentState::Preparing {
                // Compressing and uploading have their own counts, which do not say how much is left.
                progress: match self.status.as_deref() {
                    Some("queued" | "downloading") => {
                        self.progress.map(|percent| (percent / 100.0).clamp(0.0, 1.0) as f32)
                    }
                    _ => None,
                },
                speed_bytes_per_s: self.speed.filter(|speed| *speed > 0),
            },
        }
    }

    /// The service may have found another torrent behind what it was given: that would make us play something else.
    pub(super) fn check_hash(&self, hash: InfoHash) -> Result<()> {
        match self.hash() {
            Some(answered) if answered != hash => Err(malformed("add torrent", "the reply is about another torrent")),
            _ => Ok(()),
        }
    }

    /// What to choose: every video, as a single file of another kind would have all of them packed into one archive; where there is no
    /// video, the largest file.
    pub(super) fn worth_selecting(&self) -> Vec<u64> {
        let videos: Vec<u64> = self.files.iter().filter(|file| file.entry().is_video()).map(|file| file.id).collect();
        if !videos.is_empty() {
            return videos;
        }
        self.files.iter().max_by_key(|file| file.bytes).map(|file| file.id).into_iter().collect()
    }

    /// All files; those that were chosen with their links.
    ///
    /// # Errors
    /// `NotCached` when it is not ready, `NotFound` when it has failed, `Unsupported` when its files were packed into an archive.
    pub(super) fn remote_files(&self) -> Result<Vec<RemoteFile>> {
        const OPERATION: &str = "list files";
        match self.stage() {
            Stage::Ready => {}
            Stage::Failed(reason) => {
                return Err(Error::new(ErrorKind::NotFound, OPERATION).detail(reason).advise("choose another release"));
            }
            Stage::Metadata | Stage::Selection | Stage::Preparing => return Err(preparing(OPERATION)),
        }
        let selected: BTreeSet<u64> = self.files.iter().filter(|file| file.is_selected()).map(|file| file.id).collect();
        if selected.len() != self.links.len() {
            return Err(packed(OPERATION));
        }
        // The first link belongs to the chosen file with the lowest id, and so on.
        let links: HashMap<u64, &Secret> = selected.into_iter().zip(&self.links).collect();
        let entries: Vec<FileEntry> = self.files.iter().map(FileRow::entry).collect();
        let root = self.missing_root(&entries);
        let files = self.files.iter().zip(entries).map(|(file, mut entry)| {
            if let Some(root) = &root {
                entry.path = format!("{root}/{}", entry.path);
            }
            let link = links.get(&file.id).map(|link| (*link).clone());
            RemoteFile { entry, handle: link.unwrap_or_else(|| Secret::new(NOT_SELECTED)) }
        });
        Ok(files.collect())
    }

    /// The torrent's own folder, which the service usually leaves out of the paths; `None` where it is there, or where there is none: a
    /// torrent of a single file without a folder is called like the file.
    fn missing_root(&self, entries: &[FileEntry]) -> Option<String> {
        let root = path::join("", self.original_filename.as_deref().filter(|name| !name.is_empty())?);
        let is_there = |entry: &FileEntry| {
            entry.path.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (!entries.iter().any(is_there)).then_some(root)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example/".parse().unwrap(), key: AccountKey::new(Secret::new("k3y")) }
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn torrent(body: &str) -> Torrent {
        endpoint().parse_info(&reply(200, body)).unwrap()
    }

    /// Goal: the code speaks before the HTTP status; without a readable code the status speaks.
    #[test]
    fn replies_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open::<Value>(&reply(status, body), "test").unwrap_err().kind();
        let code = |code: &str| format!(r#"{{"error":"words","error_code":{code}}}"#);
        assert_eq!(kind(401, &code("8")), ErrorKind::Unauthorized);
        assert_eq!(kind(403, &code("9")), ErrorKind::AccountLimit);
        assert_eq!(kind(403, &code("22")), ErrorKind::AddressRefused);
        assert_eq!(kind(403, &code("37")), ErrorKind::Unsupported);
        assert_eq!(kind(404, &code("7")), ErrorKind::NotFound);
        assert_eq!(kind(429, &code("34")), ErrorKind::RateLimited);
        assert_eq!(kind(451, &code("35")), ErrorKind::Refused);
        assert_eq!(kind(503, &code("24")), ErrorKind::NotFound);
        assert_eq!(kind(503, &code("\"23\"")), ErrorKind::AccountLimit);
        assert_eq!(kind(500, &code("-1")), ErrorKind::Unavailable);
        assert_eq!(kind(401, "{}"), ErrorKind::Unauthorized);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(451, ""), ErrorKind::Refused);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(509, "<html>busy</html>"), ErrorKind::AccountLimit);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, r#"{"id":"#), ErrorKind::Malformed);
        assert!(endpoint().check(&reply(204, ""), "test").is_ok());
        assert_eq!(endpoint().check(&reply(200, "<html>"), "test").unwrap_err().kind(), ErrorKind::Unavailable);
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"error":"<b>k3y</b> is odd","error_code":8}"#;
        let error = endpoint().check(&reply(401, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("code 8: … is odd"));
    }

    /// Goal: the viewer's address is sent where he fetches, and nowhere else.
    #[test]
    fn the_viewers_address_is_a_field_of_its_own() {
        let fields = |call: &Call| match endpoint().unlock(call, &Secret::new("l1nk")).body {
            Body::Form(fields) => fields,
            other => panic!("{other:?}"),
        };
        let call = Call::within(Duration::from_secs(1));
        assert_eq!(fields(&call), [("link".to_owned(), "l1nk".to_owned())]);
        let his = Call { viewer_address: Some("2001:db8::7".parse().unwrap()), ..call };
        assert_eq!(fields(&his)[1], ("ip".to_owned(), "2001:db8::7".to_owned()));
    }

    /// Goal: a torrent file is sent as it is, and addresses keep what stands before the API.
    #[test]
    fn requests_go_where_the_documentation_says() {
        let endpoint = Endpoint {
            base_url: "https://proxy.example/rd/?x=1".parse().unwrap(),
            key: AccountKey::new(Secret::new("k")),
        };
        let file = TorrentLink::File { info_hash: InfoHash([1; 20]), bytes: Bytes::from_static(b"de") };
        let request = endpoint.add(&file);
        assert_eq!(request.method, Method::PUT);
        assert_eq!(request.url.as_str(), "https://proxy.example/rd/rest/1.0/torrents/addTorrent");
        assert!(matches!(request.body, Body::Bytes { bytes, .. } if bytes == "de"));
        let select = endpoint.select(&TorrentId("A1".to_owned()), &[1, 3]);
        assert_eq!(select.url.path(), "/rd/rest/1.0/torrents/selectFiles/A1");
        assert!(matches!(select.body, Body::Form(fields) if fields == [("files".to_owned(), "1,3".to_owned())]));
        let listing = endpoint.torrents(500);
        assert_eq!((listing.url.query(), listing.is_idempotent), (Some("offset=500&limit=500"), false));
    }

    /// Goal: the end of a plan is read from its date, and from the seconds that are left; one that has ended has no end to come.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let account = |user: &str| endpoint().parse_account(&reply(200, user), now).unwrap();
        let paid = account(
            r#"{"id":1,"username":"u","type":"premium","premium":"60","expiration":"2025-03-14T14:16:27.000Z"}"#,
        );
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1_741_961_787);
        assert_eq!((paid.is_premium, paid.premium_until), (true, Some(until)));
        let by_seconds = account(r#"{"username":"u","premium":60,"expiration":"soon"}"#);
        assert_eq!((by_seconds.is_premium, by_seconds.premium_until), (true, now.checked_add(Duration::from_secs(60))));
        let free = account(r#"{"username":7,"type":"free","premium":0,"expiration":"2025-03-14T14:16:27.000Z"}"#);
        assert_eq!((free.user_name.as_str(), free.is_premium, free.premium_until), ("7", false, None));
        account(r#"{"username":"u","premium":18446744073709551615}"#);
        let nameless = endpoint().parse_account(&reply(200, r#"{"username":["odd"]}"#), now);
        assert_eq!(nameless.unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: an empty account is empty in all its spellings, and rows that cannot be read are counted, so that the next page begins right.
    #[test]
    fn listings_come_in_several_shapes() {
        let page = |status, body: &str| endpoint().parse_torrents(&reply(status, body));
        for (status, body) in [(204, ""), (200, ""), (200, "[]"), (200, "{}")] {
            let page = page(status, body).unwrap();
            assert_eq!((page.torrents.len(), page.row_count), (0, 0), "{status} {body}");
        }
        let mut counted = reply(200, r#"[{"id":"A"},7,{"id":"B","links":"odd"}]"#);
        counted.headers.insert("x-total-count", "1200".parse().unwrap());
        let page_of_three = endpoint().parse_torrents(&counted).unwrap();
        assert_eq!((page_of_three.torrents.len(), page_of_three.row_count), (1, 3));
        assert_eq!(page_of_three.total_count, Some(1_200));
        assert_eq!(page(200, r#"{"torrents":1}"#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: every status means what is documented; an unknown one is a wait, and a download without links is not ready.
    #[test]
    fn statuses_mean_what_is_documented() {
        let stage = |status: &str| {
            torrent(&format!(r#"{{"id":"A","status":"{status}","links":["https://real-debrid.com/d/1"]}}"#)).stage()
        };
        assert_eq!(stage("magnet_conversion"), Stage::Metadata);
        assert_eq!(stage("waiting_files_selection"), Stage::Selection);
        for waiting in ["queued", "downloading", "compressing", "uploading", "something new"] {
            assert_eq!(stage(waiting), Stage::Preparing, "{waiting}");
        }
        assert_eq!(stage("downloaded"), Stage::Ready);
        for failed in ["magnet_error", "error", "virus", "dead"] {
            assert!(matches!(stage(failed), Stage::Failed(reason) if !reason.is_empty()), "{failed}");
        }
        let no_links = torrent(r#"{"status":"downloaded","links":[]}"#);
        assert_eq!(no_links.stage(), Stage::Preparing);
        assert_eq!(no_links.remote_files().unwrap_err().kind(), ErrorKind::NotCached);
        let going = torrent(r#"{"status":"downloading","progress":25,"speed":5,"links":{}}"#);
        let preparing = TorrentState::Preparing { progress: Some(0.25), speed_bytes_per_s: Some(5) };
        assert_eq!(going.state(), preparing);
        for wrong in ["{}", r#"{"status":["odd"]}"#, r#"{"status":"queued","files":"odd"}"#] {
            let error = endpoint().parse_info(&reply(200, wrong)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{wrong}");
        }
    }

    /// Goal: the first link is that of the first chosen file, whatever stands between them and in whatever order they come.
    #[test]
    fn links_belong_to_the_chosen_files() {
        let files = torrent(
            r#"{"status":"downloaded","original_filename":"Show","links":["l1","l2"],"files":[
                {"id":4,"path":"/b.mkv","bytes":40,"selected":1},{"id":1,"path":"/a.txt","bytes":10,"selected":0},
                {"id":2,"path":"/a.mkv","bytes":20,"selected":1},{"id":3,"path":"/a.nfo","bytes":30,"selected":0}]}"#,
        )
        .remote_files()
        .unwrap();
        let told: Vec<(&str, &str)> =
            files.iter().map(|file| (file.entry.path.as_str(), file.handle.expose())).collect();
        let expected =
            [("Show/b.mkv", "l2"), ("Show/a.txt", NOT_SELECTED), ("Show/a.mkv", "l1"), ("Show/a.nfo", NOT_SELECTED)];
        assert_eq!(told, expected);
        let error = check_selected(&files[1], "test").unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.advice().is_some());
        assert!(check_selected(&files[0], "test").is_ok());
    }

    /// Goal: other counts of links than of chosen files mean an archive.
    #[test]
    fn packed_torrents_are_told() {
        for links in [r#"["l1"]"#, r#"["l1","l2","l3"]"#] {
            let packed = torrent(&format!(
                r#"{{"status":"downloaded","links":{links},"files":[{{"id":1,"path":"/a.mkv","selected":1}},
                    {{"id":2,"path":"/b.srt","selected":1}}]}}"#
            ));
            let error = packed.remote_files().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{links}");
            assert!(error.advice().is_some());
        }
    }

    /// Goal: the torrent's folder is put back where the service left it out, and nowhere else.
    #[test]
    fn the_torrents_folder_is_there_once() {
        let path = |name: &str, path: &str| {
            let body = format!(
                r#"{{"status":"downloaded","original_filename":"{name}","links":["l"],
                    "files":[{{"id":1,"path":"{path}","bytes":1,"selected":1}}]}}"#
            );
            torrent(&body).remote_files().unwrap().remove(0).entry.path
        };
        assert_eq!(path("Show", "/S01/E01.mkv"), "Show/S01/E01.mkv");
        assert_eq!(path("Show", "/Show/E01.mkv"), "Show/E01.mkv");
        assert_eq!(path("Film.mkv", "/Film.mkv"), "Film.mkv");
        assert_eq!(path("Film", "Film.mkv"), "Film/Film.mkv");
        assert_eq!(path("", "/../E01.mkv"), "_/E01.mkv");
    }

    /// Goal: videos are chosen and nothing beside them; without a video the largest file is.
    #[test]
    fn videos_are_chosen() {
        let chosen = |files: &str| {
            torrent(&format!(r#"{{"status":"waiting_files_selection","files":{files}}}"#)).worth_selecting()
        };
        let pack = r#"[{"id":1,"path":"/a.MKV","bytes":9},{"id":2,"path":"/a.srt"},{"id":3,"path":"/b.mp4"}]"#;
        assert_eq!(chosen(pack), [1, 3]);
        assert_eq!(chosen(r#"[{"id":1,"path":"/a.rar","bytes":1},{"id":2,"path":"/b.rar","bytes":2}]"#), [2]);
        assert!(chosen("[]").is_empty());
    }

    /// Goal: what becomes a part of an address holds nothing that could lead elsewhere.
    #[test]
    fn ids_are_letters_and_digits() {
        let is = |id: &str| is_id(&TorrentId(id.to_owned()));
        assert!(is("F36NGHRDO5CZM"));
        for wrong in ["", "no number", "../user", "A?x=1", "ä", &"A".repeat(MAX_ID_LEN + 1)] {
            assert!(!is(wrong), "{wrong}");
        }
    }

    /// Goal: a link, and the ways it must not go.
    #[test]
    fn unlocks_give_a_link_or_say_why_not() {
        let parse = |data: &str| endpoint().parse_unlock(&reply(200, data));
        let link = parse(r#"{"download":"https://a.example/f.mkv","filename":"f.mkv","filesize":9}"#).unwrap();
        assert_eq!((link.size_bytes, link.file_name.as_deref()), (Some(9), Some("f.mkv")));
        for wrong in [r#"{"download":""}"#, r#"{"download":["odd"]}"#, r#"{"download":"file:///etc/passwd"}"#, "{}"] {
            assert_eq!(parse(wrong).unwrap_err().kind(), ErrorKind::Malformed, "{wrong}");
        }
    }

    /// Goal: an error without a code means "not yet", every other one an end, and trouble stays trouble.
    #[test]
    fn sign_ins_wait_end_or_are_granted() {
        let look = |status, body: &str| endpoint().parse_credentials(&reply(status, body));
        assert!(look(403, r#"{"error":"not yet","error_code":null}"#).unwrap().is_none());
        assert!(look(200, r#"{"client_id":"a","client_secret":null}"#).unwrap().is_none());
        assert!(look(200, r#"{"client_id":"a","client_secret":"b"}"#).unwrap().is_some());
        assert_eq!(look(400, r#"{"error":"bad","error_code":2}"#).unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(look(503, r#"{"error":"busy","error_code":25}"#).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(look(429, "{}").unwrap_err().kind(), ErrorKind::RateLimited);
        assert_eq!(look(403, "<html>").unwrap_err().kind(), ErrorKind::Unavailable);
        let token = |status, body: &str| endpoint().parse_token(&reply(status, body), "test");
        let access = token(200, r#"{"access_token":"a","refresh_token":"r"}"#).unwrap();
        assert_eq!(access.life, ACCESS_LIFE);
        assert_eq!(token(403, "{}").unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(token(200, r#"{"access_token":"a"}"#).unwrap_err().kind(), ErrorKind::Malformed);
        let begin = |body: &str| endpoint().parse_device_code(&reply(200, body));
        let code = begin(
            r#"{"device_code":"d","user_code":"U","interval":0,"expires_in":9999,"verification_url":"https://a.example/device"}"#,
        )
        .unwrap();
        assert_eq!((code.interval, code.life, code.url.path()), (Duration::from_secs(1), CODE_LIFE, "/device"));
        assert_eq!(begin(r#"{"device_code":"d","user_code":"U"}"#).unwrap_err().kind(), ErrorKind::Malformed);
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
        let user = r#"{"username":"u","type":"premium","premium":60,"expiration":"2025-03-14T14:16:27.000Z"}"#;
        let info = r#"{"id":"A","hash":"1111111111111111111111111111111111111111","original_filename":"a","status":"downloaded","progress":50,
            "files":[{"id":1,"path":"/a/b.mkv","bytes":1,"selected":1}],"links":["https://a.example/d/1"]}"#;
        let page = format!("[{info}]");
        let unlock = r#"{"download":"https://a.example/f","filename":"f","filesize":5}"#;
        let device = r#"{"device_code":"d","user_code":"U","interval":5,"expires_in":1800,"verification_url":"https://a.example/d"}"#;
        let token = r#"{"client_id":"a","client_secret":"b","access_token":"a","refresh_token":"r","expires_in":60,"error_code":7}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&damaged(user, at, byte, cut), SystemTime::now());
            if let Ok(torrent) = endpoint.parse_info(&damaged(info, at, byte, cut)) {
                let _ = (torrent.state(), torrent.worth_selecting(), torrent.remote_files());
                let _ = torrent.check_hash(InfoHash([0x11; 20]));
            }
            let _ = endpoint.parse_torrents(&damaged(&page, at, byte, cut));
            let _ = endpoint.parse_added(&damaged(info, at, byte, cut));
            let _ = endpoint.parse_unlock(&damaged(unlock, at, byte, cut));
            let _ = endpoint.parse_device_code(&damaged(device, at, byte, cut));
            let _ = endpoint.parse_token(&damaged(token, at, byte, cut), "test");
            let mut refused = damaged(token, at, byte, cut);
            let _ = endpoint.parse_credentials(&refused);
            refused.status = StatusCode::FORBIDDEN;
            let _ = (endpoint.parse_credentials(&refused), endpoint.code(&refused), endpoint.check(&refused, "test"));
        });
    }
}
