//! AllDebrid's wire format: requests out, replies in; pure. Source: docs.alldebrid.com, "Alldebrid API v4" (and v4.1 for the status).

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::error_of;
use crate::model::InfoHash;
use crate::net::{Body, Reply, Request, Secret};
use crate::provider::debrid::known::Listing;
use crate::provider::debrid::{Account, Link, TorrentId, TorrentState, checked_link};
use crate::provider::indexer::TorrentLink;
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

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

    fn post(&self, path: &str, body: Body) -> Request {
        Request::post(self.url(path), body).bearer(self.key.clone())
    }

    /// A question that changes nothing, or something that may be said twice.
    fn ask(&self, path: &str, form: &[(&str, &str)]) -> Request {
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut request = self.post(path, Body::Form(form));
        request.is_idempotent = true;
        request
    }

    /// A PIN; needs no key.
    pub(super) fn pin(&self) -> Request {
        Request::get(self.url("/v4.1/pin/get"))
    }

    /// Was the PIN typed? Needs no key.
    pub(super) fn pin_check(&self, pin: &str, check: &str) -> Request {
        let form = [("pin", pin), ("check", check)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Request::post(self.url("/v4/pin/check"), Body::Form(form.into()))
    }

    pub(super) fn parse_pin(&self, reply: &Reply) -> Result<Pin> {
        self.open(reply, "begin sign-in")
    }

    /// The key, once the PIN was typed.
    pub(super) fn parse_pin_check(&self, reply: &Reply) -> Result<Option<Secret>> {
        const OPERATION: &str = "look at sign-in";
        let PinCheck { activated, apikey } = self.open(reply, OPERATION)?;
        match (activated, apikey) {
            (false, _) => Ok(None),
            (true, Some(key)) if !key.is_empty() => Ok(Some(key)),
            _ => Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the PIN was accepted, and there is no key")),
        }
    }

    pub(super) fn user(&self) -> Request {
        Request::get(self.url("/v4/user")).bearer(self.key.clone())
    }

    /// Adds a torrent. Not sent twice: that a second upload gives the same id is seen, but not promised.
    pub(super) fn upload(&self, torrent: &TorrentLink) -> Request {
        match torrent {
            TorrentLink::Magnet(magnet) => {
                self.post("/v4/magnet/upload", Body::Form(vec![("magnets[]".to_owned(), magnet.to_uri())]))
            }
            TorrentLink::File { info_hash, bytes } => self.post(
                "/v4/magnet/upload/file",
                Body::File {
                    fields: Vec::new(),
                    field: "files[0]".to_owned(),
                    file_name: format!("{info_hash}.torrent"),
                    content_type: "application/x-bittorrent".to_owned(),
                    bytes: Bytes::clone(bytes),
                },
            ),
        }
    }

    /// The state of one torrent, or of all.
    pub(super) fn status(&self, torrent: Option<u64>) -> Request {
        match torrent {
            Some(id) => self.ask("/v4.1/magnet/status", &[("id", &id.to_string())]),
            None => self.ask("/v4.1/magnet/status", &[]),
        }
    }

    pub(super) fn files(&self, torrent: u64) -> Request {
        self.ask("/v4/magnet/files", &[("id[]", &torrent.to_string())])
    }

    pub(super) fn delete(&self, torrent: u64) -> Request {
        self.ask("/v4/magnet/delete", &[("id", &torrent.to_string())])
    }

    pub(super) fn unlock(&self, link: &Secret) -> Request {
        self.ask("/v4/link/unlock", &[("link", link.expose())])
    }

    pub(super) fn delayed(&self, id: u64) -> Request {
        self.ask("/v4/link/delayed", &[("id", &id.to_string())])
    }

    /// Takes the envelope off: the body speaks before the HTTP status, as errors usually come with 200.
    pub(super) fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        let is_readable = !reply.body.iter().all(u8::is_ascii_whitespace) && !lenient::is_web_page(reply);
        if !is_readable && !reply.status.is_success() {
            return Err(
                lenient::status_error(reply, operation).advise("AllDebrid is having trouble; try again in a while")
            );
        }
        let envelope: Envelope = match lenient::json(reply, operation) {
            Ok(envelope) => envelope,
            Err(_) if !reply.status.is_success() => return Err(lenient::status_error(reply, operation)),
            Err(error) => return Err(error),
        };
        match (envelope.status.as_deref(), envelope.data, envelope.error) {
            (Some("success"), Some(data), _) => lenient::part(data, operation),
            (_, _, Some(complaint)) => Err(lenient::with_wait(self.complaint(complaint, operation), reply)),
            _ if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
            _ => Err(Error::new(ErrorKind::Malformed, operation).detail("the reply says neither success nor error")),
        }
    }

    fn complaint(&self, complaint: Complaint, operation: &'static str) -> Error {
        let secrets = [&self.key];
        let code = lenient::quote(complaint.code.as_deref().unwrap_or("no code"), &secrets);
        let words = lenient::quote(complaint.message.as_deref().unwrap_or_default(), &secrets);
        error_of(&code, &words, complaint.token.is_some_and(|token| !token.is_null()), operation)
    }

    /// What `add` came to. The reply names the torrent's hash: another one than ours would make us play something else.
    pub(super) fn parse_upload(&self, reply: &Reply, hash: InfoHash) -> Result<Uploaded> {
        const OPERATION: &str = "add torrent";
        let data: UploadData = self.open(reply, OPERATION)?;
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, OPERATION).detail(detail);
        let entry =
            data.magnets.into_iter().chain(data.files).next().ok_or_else(|| wrong("the reply names no torrent"))?;
        if let Some(complaint) = entry.error {
            return Err(self.complaint(complaint, OPERATION));
        }
        if entry.hash.as_deref().and_then(|hash| hash.parse().ok()).is_some_and(|answered: InfoHash| answered != hash) {
            return Err(wrong("the reply is about another torrent"));
        }
        let id = entry.id.ok_or_else(|| wrong("the torrent has no id"))?;
        Ok(Uploaded { id, is_ready: entry.ready.unwrap_or(false) })
    }

    pub(super) fn parse_account(&self, reply: &Reply) -> Result<Account> {
        let UserData { user } = self.open(reply, "read account")?;
        let until = user.premium_until.filter(|seconds| *seconds > 0);
        Ok(Account {
            user_name: lenient::clean(user.username.as_deref().unwrap_or_default(), MAX_NAME_CHARS),
            is_premium: user.is_premium.unwrap_or(false) || user.is_trial.unwrap_or(false),
            premium_until: until.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
            // Its quotas are of hosters, not of torrents.
            quota: None,
        })
    }

    /// Torrents by id: the service writes a list, a single object, or an object keyed by position.
    pub(super) fn parse_status(&self, reply: &Reply) -> Result<Vec<TorrentRow>> {
        const OPERATION: &str = "read torrents";
        let data: StatusData = self.open(reply, OPERATION)?;
        let rows = match data.magnets {
            Value::Array(rows) => rows,
            Value::Object(fields) if fields.contains_key("id") => vec![Value::Object(fields)],
            Value::Object(fields) => fields.into_iter().map(|(_, row)| row).collect(),
            _ => return Err(Error::new(ErrorKind::Malformed, OPERATION).detail("torrents are no list")),
        };
        Ok(rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect())
    }

    /// The nodes of one torrent's file tree, as they came.
    pub(super) fn parse_files(&self, reply: &Reply) -> Result<Vec<Value>> {
        const OPERATION: &str = "list files";
        let data: FilesData = self.open(reply, OPERATION)?;
        let Some(entry) = data.magnets.into_iter().next() else {
            return Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the reply names no torrent"));
        };
        match entry.error {
            Some(complaint) => Err(self.complaint(complaint, OPERATION)),
            None => Ok(entry.files),
        }
    }

    pub(super) fn parse_unlock(&self, reply: &Reply) -> Result<Unlocked> {
        let data: UnlockData = self.open(reply, OPERATION_UNLOCK)?;
        let about = About {
            size_bytes: data.filesize,
            file_name: lenient::clean_some(data.filename.as_deref(), MAX_NAME_CHARS),
        };
        if let Some(link) = data.link.as_deref().filter(|link| !link.trim().is_empty()) {
            return Ok(Unlocked::Link(about.link(link)?));
        }
        if let Some(id) = data.delayed {
            return Ok(Unlocked::Delayed { id, about });
        }
        let error = if data.streams.is_empty() {
            Error::new(ErrorKind::Malformed, OPERATION_UNLOCK).detail("the reply names no link")
        } else {
            Error::new(ErrorKind::Unsupported, OPERATION_UNLOCK)
                .detail("the link leads to a streaming site, not to a file")
                .advise("choose another file or release")
        };
        Err(error)
    }

    /// One look at a delayed link.
    pub(super) fn parse_delayed(&self, reply: &Reply, about: &About) -> Result<Delayed> {
        let data: DelayedData = self.open(reply, OPERATION_UNLOCK)?;
        match (data.status, data.link.as_deref().filter(|link| !link.trim().is_empty())) {
            (Some(2), Some(link)) => Ok(Delayed::Ready(about.link(link)?)),
            (Some(1), _) => Ok(Delayed::Wait(Duration::from_secs(data.time_left.unwrap_or(0)))),
            (Some(3), _) => Err(Error::new(ErrorKind::Unavailable, OPERATION_UNLOCK)
                .detail("the service could not prepare the link")
                .advise("try again later or choose another release")),
            _ => Err(Error::new(ErrorKind::Malformed, OPERATION_UNLOCK).detail("the state of the link is unknown")),
        }
    }
}

const OPERATION_UNLOCK: &str = "unlock link";

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    error: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
struct Complaint {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default)]
    token: Option<Value>,
}

/// A PIN and where to type it.
#[derive(Debug, Deserialize)]
pub(super) struct Pin {
    pub(super) pin: String,
    pub(super) check: Secret,
    pub(super) user_url: Url,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) expires_in: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct PinCheck {
    activated: bool,
    apikey: Option<Secret>,
}

#[derive(Debug, Deserialize)]
struct UserData {
    user: User,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    username: Option<String>,
    #[serde(default, rename = "isPremium", deserialize_with = "lenient::maybe")]
    is_premium: Option<bool>,
    #[serde(default, rename = "isTrial", deserialize_with = "lenient::maybe")]
    is_trial: Option<bool>,
    /// Seconds since 1970, 0 for a free user; documented as a number, shown as a text.
    #[serde(default, rename = "premiumUntil", deserialize_with = "lenient::number")]
    premium_until: Option<u64>,
}

/// Magnets are answered under `magnets`, files under `files`.
#[derive(Debug, Deserialize)]
struct UploadData {
    #[serde(default, deserialize_with = "lenient::list")]
    magnets: Vec<UploadEntry>,
    #[serde(default, deserialize_with = "lenient::list")]
    files: Vec<UploadEntry>,
}

#[derive(Debug, Deserialize)]
struct UploadEntry {
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    ready: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    error: Option<Complaint>,
}

/// A torrent that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uploaded {
    pub(super) id: u64,
    pub(super) is_ready: bool,
}

#[derive(Debug, Deserialize)]
struct StatusData {
    magnets: Value,
}

/// A torrent of the account.
#[derive(Debug, Deserialize)]
pub(super) struct TorrentRow {
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, rename = "statusCode", deserialize_with = "lenient::number")]
    status_code: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    downloaded: Option<u64>,
    #[serde(default, rename = "downloadSpeed", deserialize_with = "lenient::number")]
    download_speed: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    error: Option<Complaint>,
}

/// Why a status code above 4 means that nothing will come. Source: docs.alldebrid.com, "Status codes".
fn failure(code: u64) -> &'static str {
    match code {
        5 => "the upload to the service's storage failed",
        6 => "the service could not unpack it",
        7 => "nothing was downloaded within 20 minutes",
        8 => "it is too big for the service",
        9 => "the service had an internal error",
        10 => "it took more than 72 hours",
        11 => "it was removed by the place that stored it",
        12 | 13 => "the service could not process it",
        14 => "its tracker reports an error",
        15 => "nobody shares it",
        _ => "the service reports a failure that is not known",
    }
}

/// What is said of a torrent that is not in the account.
pub(super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

impl TorrentRow {
    fn state(&self) -> TorrentState {
        if self.error.is_some() {
            return gone();
        }
        let says_ready = || self.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("ready"));
        match self.status_code {
            Some(4) => TorrentState::Ready,
            None if says_ready() => TorrentState::Ready,
            Some(code) if code > 4 => TorrentState::Failed { reason: failure(code).to_owned() },
            code => TorrentState::Preparing {
                // Compressing, moving and uploading have their own counts, which do not say how much is left.
                progress: if code == Some(1) { self.progress() } else { None },
                speed_bytes_per_s: self.download_speed.filter(|speed| *speed > 0),
            },
        }
    }

    fn progress(&self) -> Option<f32> {
        let (done, all) = (self.downloaded?, self.size.filter(|size| *size > 0)?);
        Some((done as f64 / all as f64).clamp(0.0, 1.0) as f32)
    }
}

/// States of `torrents`, in their order.
pub(super) fn states(rows: &[TorrentRow], torrents: &[TorrentId]) -> Vec<TorrentState> {
    let by_id: HashMap<u64, &TorrentRow> = rows.iter().filter_map(|row| Some((row.id?, row))).collect();
    let state =
        |torrent: &TorrentId| number(torrent).and_then(|id| by_id.get(&id)).map_or_else(gone, |row| row.state());
    torrents.iter().map(state).collect()
}

/// What the account holds. Not every row tells its hash.
pub(super) fn listing(rows: &[TorrentRow]) -> Listing {
    Listing {
        ids: rows.iter().filter_map(|row| Some(TorrentId(row.id?.to_string()))).collect(),
        hashes: rows.iter().filter_map(|row| row.hash.as_deref()?.parse().ok()).collect(),
    }
}

/// The service's number of a torrent; `None` for an id that is none of its.
pub(super) fn number(torrent: &TorrentId) -> Option<u64> {
    torrent.0.parse().ok()
}

#[derive(Debug, Deserialize)]
struct FilesData {
    #[serde(deserialize_with = "lenient::required_list")]
    magnets: Vec<FilesEntry>,
}

#[derive(Debug, Deserialize)]
struct FilesEntry {
    #[serde(default, deserialize_with = "lenient::list")]
    files: Vec<Value>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    error: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
struct UnlockData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    filesize: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    delayed: Option<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    streams: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct DelayedData {
    #[serde(default, deserialize_with = "lenient::number")]
    status: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    time_left: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<String>,
}

/// What an unlock says of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    size_bytes: Option<u64>,
    file_name: Option<String>,
}

impl About {
    fn link(&self, address: &str) -> Result<Link> {
        Ok(Link {
            url: checked_link(address, OPERATION_UNLOCK)?,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: self.size_bytes.filter(|size| *size > 0),
            file_name: self.file_name.clone(),
        })
    }
}

/// What an unlock came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unlocked {
    Link(Link),
    Delayed { id: u64, about: About },
}

/// How far a delayed link is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delayed {
    Ready(Link),
    Wait(Duration),
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

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
        reply(200, &format!(r#"{{"status":"success","demo":"true","data":{data}}}"#))
    }

    /// Goal: the body speaks before the HTTP status; without a readable body the status speaks.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open::<Value>(&reply(status, body), "test").unwrap_err().kind();
        let bad_key = r#"{"status":"error","error":{"code":"AUTH_BAD_APIKEY","message":"no"}}"#;
        assert_eq!(kind(200, bad_key), ErrorKind::Unauthorized);
        assert_eq!(kind(401, bad_key), ErrorKind::Unauthorized);
        assert_eq!(
            kind(403, r#"{"status":"error","error":{"code":"NO_SERVER","message":"no"}}"#),
            ErrorKind::AddressRefused
        );
        assert_eq!(kind(404, r#"{"status":"error","error":{"code":404}}"#), ErrorKind::Unsupported);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"status":"success"}"#), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"status":"succ"#), ErrorKind::Malformed);
        assert_eq!(kind(200, ""), ErrorKind::Malformed);
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"status":"error","error":{"code":"NEW","message":"<b>k3y</b> is odd"}}"#;
        let error = endpoint().open::<Value>(&reply(200, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("NEW: … is odd"));
    }

    /// Goal: the end of a plan is read as a number and as a text; a free account has none.
    #[test]
    fn accounts_are_read_leniently() {
        let account = |user: &str| endpoint().parse_account(&success(&format!(r#"{{"user":{user}}}"#))).unwrap();
        let until = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_545_757_200));
        let paid =
            account(r#"{"username":"u","isPremium":true,"premiumUntil":"1545757200","limitedHostersQuotas":[]}"#);
        assert_eq!((paid.is_premium, paid.premium_until), (true, until));
        assert_eq!(account(r#"{"username":"u","isPremium":true,"premiumUntil":1545757200}"#).premium_until, until);
        let free = account(r#"{"username":"u","isPremium":false,"premiumUntil":0}"#);
        assert_eq!((free.is_premium, free.premium_until), (false, None));
        account(r#"{"username":"u","premiumUntil":18446744073709551615}"#);
    }

    /// Goal: an upload is paired with its answer, whichever list it comes in, and a wrong hash is noticed.
    #[test]
    fn uploads_answer_for_the_torrent_sent() {
        let hash: InfoHash = "842783e3005495d5d1637f5364b59343c7844707".parse().unwrap();
        let parse = |data: &str| endpoint().parse_upload(&success(data), hash);
        let entry = r#"{"hash":"842783E3005495D5D1637F5364B59343C7844707","ready":true,"id":"7"}"#;
        for list in ["magnets", "files"] {
            let uploaded = parse(&format!(r#"{{"{list}":[{entry}]}}"#)).unwrap();
            assert_eq!(uploaded, Uploaded { id: 7, is_ready: true });
        }
        let refused = r#"{"magnets":[{"magnet":"x","error":{"code":"MAGNET_INVALID_URI","message":"bad"}}]}"#;
        assert_eq!(parse(refused).unwrap_err().kind(), ErrorKind::InvalidInput);
        let other = r#"{"magnets":[{"hash":"0000000000000000000000000000000000000000","ready":true,"id":7}]}"#;
        assert_eq!(parse(other).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(parse(r#"{"magnets":[]}"#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: a list, a single object and an object keyed by position all mean torrents.
    #[test]
    fn status_comes_in_three_shapes() {
        let row = r#"{"id":7,"filename":"a","size":100,"downloaded":25,"downloadSpeed":5,"status":"Downloading","statusCode":1}"#;
        let asked = [TorrentId("7".to_owned()), TorrentId("8".to_owned()), TorrentId("x".to_owned())];
        for magnets in [format!("[{row}]"), row.to_owned(), format!(r#"{{"0":{row},"1":{{"id":"9","error":{{}}}}}}"#)] {
            let rows = endpoint().parse_status(&success(&format!(r#"{{"magnets":{magnets}}}"#))).unwrap();
            let preparing = TorrentState::Preparing { progress: Some(0.25), speed_bytes_per_s: Some(5) };
            assert_eq!(states(&rows, &asked), [preparing, gone(), gone()]);
        }
        assert!(endpoint().parse_status(&success(r#"{"magnets":"none"}"#)).is_err());
    }

    /// Goal: every status code means what is documented; unknown ones above 4 are failures.
    #[test]
    fn status_codes_mean_what_is_documented() {
        let state = |code: u64| {
            let row = format!(r#"{{"magnets":[{{"id":1,"statusCode":{code},"status":"?"}}]}}"#);
            let rows = endpoint().parse_status(&success(&row)).unwrap();
            states(&rows, &[TorrentId("1".to_owned())]).remove(0)
        };
        for code in 0..=3 {
            assert!(matches!(state(code), TorrentState::Preparing { .. }), "{code}");
        }
        assert_eq!(state(4), TorrentState::Ready);
        for code in (5..=15).chain([99]) {
            assert!(matches!(state(code), TorrentState::Failed { .. }), "{code}");
        }
    }

    /// Goal: the three ways an unlock can go, and the ways it must not go.
    #[test]
    fn unlocks_give_a_link_or_say_why_not() {
        let parse = |data: &str| endpoint().parse_unlock(&success(data));
        let direct =
            parse(r#"{"link":"https://a.example/f.mkv","filename":"f.mkv","filesize":9,"streams":[],"id":"x"}"#);
        let Unlocked::Link(link) = direct.unwrap() else { panic!("no link") };
        assert_eq!((link.size_bytes, link.file_name.as_deref()), (Some(9), Some("f.mkv")));
        assert!(matches!(parse(r#"{"link":"","delayed":5}"#), Ok(Unlocked::Delayed { id: 5, .. })));
        let kind = |data: &str| parse(data).unwrap_err().kind();
        assert_eq!(
            kind(r#"{"link":"","streams":[{"id":"137+140","quality":1080},{"quality":"mp3"}]}"#),
            ErrorKind::Unsupported
        );
        assert_eq!(kind(r#"{"link":""}"#), ErrorKind::Malformed);
        assert_eq!(kind(r#"{"link":"file:///etc/passwd"}"#), ErrorKind::Malformed);
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
        let hash = InfoHash([0x11; 20]);
        let user =
            r#"{"status":"success","data":{"user":{"username":"u","isPremium":true,"premiumUntil":"1545757200"}}}"#;
        let upload = r#"{"status":"success","data":{"magnets":[{"id":7,"ready":true,"error":{"code":"X"}}]}}"#;
        let status = r#"{"status":"success","data":{"magnets":[{"id":7,"statusCode":1,"size":9,"downloaded":4}]}}"#;
        let files =
            r#"{"status":"success","data":{"magnets":[{"id":"7","files":[{"n":"a","e":[{"n":"b","s":1,"l":"c"}]}]}]}}"#;
        let unlock =
            r#"{"status":"success","data":{"link":"https://a.example/f","delayed":5,"status":2,"time_left":3}}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&damaged(user, at, byte, cut));
            let _ = endpoint.parse_upload(&damaged(upload, at, byte, cut), hash);
            if let Ok(rows) = endpoint.parse_status(&damaged(status, at, byte, cut)) {
                let _ = states(&rows, &[TorrentId("7".to_owned())]);
            }
            let _ = endpoint.parse_files(&damaged(files, at, byte, cut)).and_then(super::super::tree::flatten);
            let _ = endpoint.parse_unlock(&damaged(unlock, at, byte, cut));
            let about = About { size_bytes: None, file_name: None };
            let _ = endpoint.parse_delayed(&damaged(unlock, at, byte, cut), &about);
        });
    }
}
