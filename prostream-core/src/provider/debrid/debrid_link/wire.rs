//! Debrid-Link's wire format: requests out, replies in; pure. Source: debrid-link.com/api_doc/v2, as public clients speak it.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::error_of;
use crate::model::InfoHash;
use crate::net::{Body, Reply, Request, Secret};
use crate::provider::debrid::account_key::AccountKey;
use crate::provider::debrid::known::Listing;
use crate::provider::debrid::tree::{self, Node};
use crate::provider::debrid::{Account, Link, Quota, TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Torrents a page; 20 to 100 are allowed.
const PER_PAGE: usize = 100;

/// Most torrents asked for by their ids in one request; older clients name 50, newer ones 100.
pub(super) const MAX_IDS: usize = 50;

/// Longest id that is taken for one of the service's, in characters: it goes into paths and lists.
const MAX_ID_CHARS: usize = 128;

/// How the files of a torrent are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    /// One after the other, names without folders.
    List,
    /// Folders within folders.
    Tree,
}

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: AccountKey,
}

impl Endpoint {
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_query(None);
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    fn get(&self, path: &str) -> Request {
        Request::get(self.url(path)).bearer(self.key.now())
    }

    pub(super) fn account(&self) -> Request {
        self.get("/api/v2/account/infos")
    }

    pub(super) fn limits(&self) -> Request {
        self.get("/api/v2/seedbox/limits")
    }

    /// A page of the torrents with these ids, or of all. `viewer` is where the viewer is who fetches by himself.
    pub(super) fn list(&self, ids: &[&str], page: u64, structure: Structure, viewer: Option<IpAddr>) -> Request {
        let mut request = self.get("/api/v2/seedbox/list");
        let mut query = request.url.query_pairs_mut();
        query.append_pair("page", &page.to_string()).append_pair("perPage", &PER_PAGE.to_string());
        if !ids.is_empty() {
            query.append_pair("ids", &ids.join(","));
        }
        if structure == Structure::Tree {
            query.append_pair("structureType", "tree");
        }
        if let Some(viewer) = viewer {
            query.append_pair("ip", &viewer.to_string());
        }
        drop(query);
        request
    }

    /// Adds a torrent, and does not wait until the service has read what is in it. Not sent twice: that a second one gives the same id is
    /// seen, but not promised.
    pub(super) fn add(&self, torrent: &TorrentLink, viewer: Option<IpAddr>) -> Request {
        let body = match torrent {
            TorrentLink::Magnet(magnet) => {
                let mut fields = json!({"url": magnet.to_uri(), "wait": false, "async": true});
                if let (Some(fields), Some(viewer)) = (fields.as_object_mut(), viewer) {
                    fields.insert("ip".to_owned(), viewer.to_string().into());
                }
                Body::Json(fields)
            }
            TorrentLink::File { info_hash, bytes } => {
                let flags = [("wait", "false"), ("async", "true")];
                let mut fields: Vec<_> =
                    flags.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
                fields.extend(viewer.map(|viewer| ("ip".to_owned(), viewer.to_string())));
                Body::File {
                    fields,
                    field: "file".to_owned(),
                    file_name: format!("{info_hash}.torrent"),
                    content_type: "application/x-bittorrent".to_owned(),
                    bytes: Bytes::clone(bytes),
                }
            }
        };
        Request::post(self.url("/api/v2/seedbox/add"), body).bearer(self.key.now())
    }

    /// Removes a torrent; `id` is one that [`id`] took.
    pub(super) fn remove(&self, id: &str) -> Request {
        Request { method: Method::DELETE, ..self.get(&format!("/api/v2/seedbox/{id}/remove")) }
    }

    /// Takes the envelope off: the body speaks before the HTTP status.
    fn envelope(&self, reply: &Reply, operation: &'static str) -> Result<(Value, Option<Pagination>)> {
        let envelope: Envelope = read(reply, operation)?;
        match (envelope.success, envelope.value, envelope.error) {
            (Some(true), Some(value), _) if reply.status.is_success() => Ok((value, envelope.pagination)),
            (_, _, Some(code)) => Err(lenient::with_wait(
                complaint(&code, envelope.words.as_deref(), &[&self.key.now()], operation),
                reply,
            )),
            _ if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
            _ => Err(Error::new(ErrorKind::Malformed, operation).detail("the reply says neither success nor error")),
        }
    }

    fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        lenient::part(self.envelope(reply, operation)?.0, operation)
    }

    pub(super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        let user: User = self.open(reply, "read account")?;
        let left = user.premium_left.filter(|seconds| *seconds > 0);
        Ok(Account {
            user_name: lenient::clean(user.username.as_deref().unwrap_or_default(), MAX_NAME_CHARS),
            is_premium: left.is_some(),
            premium_until: left.and_then(|seconds| now.checked_add(Duration::from_secs(seconds))),
            quota: None,
        })
    }

    /// What may still be fetched. What other users have fetched before is served beyond it, so nothing is ever blocked.
    pub(super) fn parse_limits(&self, reply: &Reply) -> Result<Option<Quota>> {
        let limits: Limits = self.open(reply, "read limits")?;
        let left = |limit: Option<Limit>| {
            let limit = limit?;
            // -1 stands for a limit that there is not.
            Some((limit.value.filter(|most| *most >= 0.0)? - limit.current?.max(0.0)).max(0.0) as u64)
        };
        let used = limits.usage_percent.and_then(|usage| usage.current).filter(|percent| *percent >= 0.0);
        let quota = Quota {
            used: used.map(|percent| (percent / 100.0) as f32),
            left_bytes: [left(limits.day_size), left(limits.month_size)].into_iter().flatten().min(),
            blocked_until: None,
        };
        Ok((quota != Quota::default()).then_some(quota))
    }

    /// A page, and which one follows it.
    pub(super) fn parse_list(&self, reply: &Reply, operation: &'static str) -> Result<Page> {
        let (value, pagination) = self.envelope(reply, operation)?;
        let rows: Vec<Value> = lenient::part(value, operation)?;
        Ok(Page {
            rows: rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect(),
            // -1 after the last one.
            next: pagination.and_then(|pagination| pagination.next).and_then(|next| u64::try_from(next).ok()),
        })
    }

    /// What `add` came to. The reply names the torrent's hash: another one than ours would make us play something else.
    pub(super) fn parse_add(&self, reply: &Reply, hash: InfoHash) -> Result<(TorrentId, bool)> {
        const OPERATION: &str = "add torrent";
        let row: TorrentRow = self.open(reply, OPERATION)?;
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, OPERATION).detail(detail);
        if row.hash().is_some_and(|answered| answered != hash) {
            return Err(wrong("the reply is about another torrent"));
        }
        let is_ready = row.state() == TorrentState::Ready;
        let torrent = TorrentId(row.id.ok_or_else(|| wrong("the torrent has no id"))?);
        if id(&torrent).is_none() {
            return Err(wrong("the torrent has an odd id"));
        }
        Ok((torrent, is_ready))
    }

    /// The service removes whatever it is told, and answers with what it was told.
    pub(super) fn parse_remove(&self, reply: &Reply) -> Result<()> {
        match self.envelope(reply, "remove torrent") {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A body that speaks JSON, whatever the status; without one the status speaks.
pub(super) fn read<T: DeserializeOwned>(reply: &Reply, operation: &'static str) -> Result<T> {
    let is_readable = !reply.body.iter().all(u8::is_ascii_whitespace) && !lenient::is_web_page(reply);
    if !is_readable && !reply.status.is_success() {
        return Err(
            lenient::status_error(reply, operation).advise("Debrid-Link is having trouble; try again in a while")
        );
    }
    match lenient::json(reply, operation) {
        Err(_) if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
        answer => answer,
    }
}

/// The error of a code and the service's words beside it, without `secrets`.
pub(super) fn complaint(code: &str, words: Option<&str>, secrets: &[&Secret], operation: &'static str) -> Error {
    let words = lenient::quote(words.unwrap_or_default(), secrets);
    error_of(&lenient::quote(code, secrets), &words, operation)
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    success: Option<bool>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    pagination: Option<Pagination>,
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, rename = "error_description", deserialize_with = "lenient::text")]
    words: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pagination {
    #[serde(default, deserialize_with = "lenient::maybe")]
    next: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    username: Option<String>,
    /// Seconds.
    #[serde(default, rename = "premiumLeft", deserialize_with = "lenient::number")]
    premium_left: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Limits {
    #[serde(default, rename = "usagePercent", deserialize_with = "lenient::maybe")]
    usage_percent: Option<Limit>,
    #[serde(default, rename = "daySize", deserialize_with = "lenient::maybe")]
    day_size: Option<Limit>,
    #[serde(default, rename = "monthSize", deserialize_with = "lenient::maybe")]
    month_size: Option<Limit>,
}

/// How much was used, of how much.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Limit {
    #[serde(default, deserialize_with = "lenient::maybe")]
    current: Option<f64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    value: Option<f64>,
}

/// Torrents, and the number of the next page where there is one.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<TorrentRow>,
    pub(super) next: Option<u64>,
}

/// A torrent of the account.
#[derive(Debug, Deserialize)]
pub(super) struct TorrentRow {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(default, rename = "hashString", deserialize_with = "lenient::maybe")]
    hash_string: Option<String>,
    /// Flags below 100, which stands for finished.
    #[serde(default, deserialize_with = "lenient::number")]
    status: Option<u64>,
    /// 0 to 100.
    #[serde(default, rename = "downloadPercent", deserialize_with = "lenient::maybe")]
    download_percent: Option<f64>,
    #[serde(default, rename = "downloadSpeed", deserialize_with = "lenient::number")]
    download_speed: Option<u64>,
    /// 0 where there is none.
    #[serde(default, deserialize_with = "lenient::number")]
    error: Option<u64>,
    /// Its many files are listed as a single archive.
    #[serde(default, rename = "isZip", deserialize_with = "lenient::maybe")]
    is_zip: Option<bool>,
    #[serde(default, deserialize_with = "lenient::list")]
    files: Vec<Value>,
}

/// What is said of a torrent that is not in the account.
pub(super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

impl TorrentRow {
    fn hash(&self) -> Option<InfoHash> {
        self.hash_string.as_deref()?.parse().ok()
    }

    pub(super) fn is_archive(&self) -> bool {
        self.is_zip.unwrap_or(false)
    }

    pub(super) fn state(&self) -> TorrentState {
        let percent = self.download_percent.filter(|percent| percent.is_finite());
        // What is whole stays whole, whatever its tracker says today.
        if percent.is_some_and(|percent| percent >= 100.0) || self.status.is_some_and(|status| status >= 100) {
            return TorrentState::Ready;
        }
        match self.error {
            None | Some(0) => TorrentState::Preparing {
                progress: percent.map(|percent| (percent / 100.0).clamp(0.0, 1.0) as f32),
                speed_bytes_per_s: self.download_speed.filter(|speed| *speed > 0),
            },
            Some(_) => TorrentState::Failed { reason: "the service reports that it cannot fetch it".to_owned() },
        }
    }

    /// The files in the service's order, with their paths where they were asked for as a tree. One without an id cannot be asked for
    /// again and is left out.
    ///
    /// # Errors
    /// `LimitExceeded` for a tree too large or too deep.
    pub(super) fn files(self) -> Result<Vec<TorrentFile>> {
        let is_ready = self.state() == TorrentState::Ready;
        let nodes = tree::flatten(self.files, |node| {
            let entry: Entry = serde_json::from_value(node).ok()?;
            let name = entry.name.unwrap_or_default();
            match (entry.children.or(entry.files), entry.id) {
                (Some(entries), _) => Some(Node::Folder(name, entries)),
                (None, Some(id)) if !id.is_empty() => {
                    let is_whole = entry.download_percent.map_or(is_ready, |percent| percent >= 100.0);
                    let url = entry.download_url.filter(|url| !url.is_empty());
                    Some(Node::File(name, (id, entry.size.unwrap_or(0), url, is_whole)))
                }
                (None, _) => None,
            }
        })?;
        let file = |(path, (id, size_bytes, url, is_whole))| TorrentFile { id, path, size_bytes, url, is_whole };
        Ok(nodes.into_iter().map(file).collect())
    }
}

/// A file, or in a tree a folder. How a folder is written is not documented: whatever holds a list of nodes is one.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, rename = "downloadUrl", deserialize_with = "lenient::maybe")]
    download_url: Option<Secret>,
    #[serde(default, rename = "downloadPercent", deserialize_with = "lenient::maybe")]
    download_percent: Option<f64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    children: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    files: Option<Vec<Value>>,
}

/// A file of a torrent.
#[derive(Debug)]
pub(super) struct TorrentFile {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) size_bytes: u64,
    url: Option<Secret>,
    is_whole: bool,
}

impl TorrentFile {
    /// Its link: works for whoever has it, as long as the service keeps the file.
    pub(super) fn link(&self) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        let Some(address) = &self.url else {
            return Err(if self.is_whole {
                Error::new(ErrorKind::NotFound, OPERATION)
                    .detail("the file has no link any more")
                    .advise("choose another release")
            } else {
                Error::new(ErrorKind::NotCached, OPERATION)
                    .advise("Debrid-Link is still fetching it; try again in a while")
            });
        };
        let wrong = || Error::new(ErrorKind::Malformed, OPERATION).detail("the link is no http address");
        let url = Url::parse(address.expose().trim()).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        Ok(Link {
            url,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: Some(self.size_bytes).filter(|size| *size > 0),
            file_name: self.path.rsplit('/').next().map(str::to_owned),
        })
    }
}

/// What the account holds. Not every row need tell its hash.
pub(super) fn listing(rows: &[TorrentRow]) -> Listing {
    Listing {
        ids: rows.iter().filter_map(|row| row.id.clone().map(TorrentId)).collect(),
        hashes: rows.iter().filter_map(TorrentRow::hash).collect(),
    }
}

/// The service's id of a torrent; `None` for one that is none of its: a strange one in a list of ids makes it answer with everything.
pub(super) fn id(torrent: &TorrentId) -> Option<&str> {
    let is_id = (1..=MAX_ID_CHARS).contains(&torrent.0.len())
        && torrent.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then_some(torrent.0.as_str())
}

/// What [`files`](super::DebridLink) hands out and unlocking takes back: the torrent's id and the file's. Secret, because whoever knows
/// the service's ids can guess its links.
pub(super) fn handle(torrent: &str, file: &str) -> Secret {
    Secret::new(format!("{torrent}/{file}"))
}

/// The ids within a handle.
pub(super) fn ids_of(handle: &Secret) -> Option<(&str, &str)> {
    handle.expose().split_once('/')
}

#[cfg(test)]
pub(super) mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example".parse().unwrap(), key: AccountKey::new(Secret::new("k3y")) }
    }

    pub(in super::super) fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn success(value: &str) -> Reply {
        reply(200, &format!(r#"{{"success":true,"value":{value}}}"#))
    }

    fn row(fields: &str) -> TorrentRow {
        serde_json::from_str(fields).unwrap()
    }

    /// Goal: the body speaks before the HTTP status; without a readable body the status speaks.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open::<Value>(&reply(status, body), "test").unwrap_err().kind();
        let bad_key = r#"{"success":false,"error":"badToken","error_id":"x1"}"#;
        assert_eq!(kind(200, bad_key), ErrorKind::Unauthorized);
        assert_eq!(kind(401, bad_key), ErrorKind::Unauthorized);
        assert_eq!(kind(403, r#"{"success":false,"error":"serverNotAllowed"}"#), ErrorKind::AddressRefused);
        assert_eq!(kind(500, r#"{"success":true,"value":{}}"#), ErrorKind::Unavailable);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"success":true}"#), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"success":tr"#), ErrorKind::Malformed);
        assert_eq!(kind(200, ""), ErrorKind::Malformed);
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"success":false,"error":"newThing","error_description":"<b>k3y</b> is odd"}"#;
        let error = endpoint().open::<Value>(&reply(400, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("newThing: … is odd"));
    }

    /// Goal: the wait that a flood's reply names goes before the hour.
    #[test]
    fn a_flood_may_name_its_wait() {
        let mut reply = reply(429, r#"{"success":false,"error":"floodDetected"}"#);
        let wait = |reply: &Reply| endpoint().open::<Value>(reply, "test").unwrap_err().retry_after();
        assert_eq!(wait(&reply), Some(Duration::from_secs(3_600)));
        reply.headers.insert("retry-after", "90".parse().unwrap());
        assert_eq!(wait(&reply), Some(Duration::from_secs(90)));
    }

    /// Goal: what is left of a plan, in seconds, becomes its end; a free account has none.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let account = |value: &str| endpoint().parse_account(&success(value), now).unwrap();
        let paid = account(r#"{"username":"u","accountType":1,"premiumLeft":"500","pts":3}"#);
        assert_eq!((paid.is_premium, paid.premium_until), (true, Some(now + Duration::from_secs(500))));
        for free in [r#"{"username":"u","premiumLeft":0}"#, r#"{"username":"u"}"#, r#"{"premiumLeft":-7}"#] {
            let free = account(free);
            assert_eq!((free.is_premium, free.premium_until), (false, None));
        }
        account(r#"{"username":"u","premiumLeft":18446744073709551615}"#);
    }

    /// Goal: the tighter of the two limits of bytes counts; one that there is not does not; no limits are no quota.
    #[test]
    fn limits_become_a_quota() {
        let quota = |value: &str| endpoint().parse_limits(&success(value)).unwrap();
        let both = quota(
            r#"{"usagePercent":{"current":25,"value":100},"daySize":{"current":100,"value":400},
                "monthSize":{"current":5,"value":1000},"dayCount":{"current":1,"value":50}}"#,
        );
        assert_eq!(both, Some(Quota { used: Some(0.25), left_bytes: Some(300), blocked_until: None }));
        let passed = quota(r#"{"daySize":{"current":500,"value":400},"monthSize":{"current":5,"value":-1}}"#);
        assert_eq!(passed, Some(Quota { used: None, left_bytes: Some(0), blocked_until: None }));
        assert_eq!(quota(r#"{"daySize":{"current":5,"value":-1},"usagePercent":"odd"}"#), None);
        assert_eq!(quota("{}"), None);
    }

    /// Goal: pages end at -1 and where nothing is said; odd rows are left out.
    #[test]
    fn pages_are_read() {
        let page = |body: &str| endpoint().parse_list(&reply(200, body), "test");
        let first =
            page(r#"{"success":true,"value":[{"id":"a"},5],"pagination":{"page":0,"pages":2,"next":1,"previous":-1}}"#);
        let first = first.unwrap();
        assert_eq!((first.rows.len(), first.next), (1, Some(1)));
        assert_eq!(page(r#"{"success":true,"value":[],"pagination":{"next":-1}}"#).unwrap().next, None);
        assert_eq!(page(r#"{"success":true,"value":[],"pagination":"odd"}"#).unwrap().next, None);
        assert_eq!(page(r#"{"success":true,"value":{"id":"a"}}"#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: an addition is paired with its answer, and a wrong hash or an id that would break out of a path is noticed.
    #[test]
    fn additions_answer_for_the_torrent_sent() {
        let hash: InfoHash = "842783e3005495d5d1637f5364b59343c7844707".parse().unwrap();
        let parse = |value: &str| endpoint().parse_add(&success(value), hash);
        let ready =
            r#"{"id":"a1","hashString":"842783E3005495D5D1637F5364B59343C7844707","status":100,"downloadPercent":100}"#;
        assert_eq!(parse(ready).unwrap(), (TorrentId("a1".to_owned()), true));
        assert_eq!(parse(r#"{"id":"a1","status":6}"#).unwrap(), (TorrentId("a1".to_owned()), false));
        for wrong in [
            r#"{"id":"a1","hashString":"0000000000000000000000000000000000000000"}"#,
            r#"{"id":"a1/../x"}"#,
            r#"{"id":"a,b"}"#,
            r#"{"id":""}"#,
            "{}",
        ] {
            assert_eq!(parse(wrong).unwrap_err().kind(), ErrorKind::Malformed, "{wrong}");
        }
    }

    /// Goal: what is whole is ready even if its tracker is in trouble; what is not and has an error has failed.
    #[test]
    fn rows_say_how_far_they_are() {
        let state = |fields: &str| row(fields).state();
        assert_eq!(state(r#"{"status":100,"error":2,"downloadPercent":100}"#), TorrentState::Ready);
        assert_eq!(state(r#"{"status":4,"downloadPercent":100.0}"#), TorrentState::Ready);
        assert_eq!(state(r#"{"status":100}"#), TorrentState::Ready);
        let preparing = TorrentState::Preparing { progress: Some(0.5), speed_bytes_per_s: Some(9) };
        assert_eq!(state(r#"{"status":6,"downloadPercent":50,"downloadSpeed":9,"error":0}"#), preparing);
        let unknown = TorrentState::Preparing { progress: None, speed_bytes_per_s: None };
        assert_eq!(state("{}"), unknown);
        assert!(matches!(state(r#"{"status":0,"error":3,"errorString":"no"}"#), TorrentState::Failed { .. }));
    }

    /// Goal: lists and trees alike; what has no id is left out.
    #[test]
    fn files_come_as_a_list_or_a_tree() {
        let files = |files: &str| {
            let row = row(&format!(r#"{{"status":100,"files":{files}}}"#));
            row.files().unwrap().into_iter().map(|file| (file.path, file.size_bytes)).collect::<Vec<_>>()
        };
        let list =
            r#"[{"id":"a-0","name":"E01.mkv","size":15,"downloadUrl":"https://a.example/1"},{"name":"no id"},5]"#;
        assert_eq!(files(list), [("E01.mkv".to_owned(), 15)]);
        for children in ["children", "files"] {
            let tree = format!(
                r#"[{{"name":"Show","{children}":[{{"name":"S01","{children}":[{{"id":"a-0","name":"E01.mkv","size":"15"}}]}}]}},
                    {{"id":"a-1","name":"../x","size":2}}]"#
            );
            assert_eq!(files(&tree), [("Show/S01/E01.mkv".to_owned(), 15), (".._x".to_owned(), 2)]);
        }
    }

    /// Goal: a link, or why there is none.
    #[test]
    fn files_have_a_link_or_say_why_not() {
        let link = |fields: &str| {
            row(&format!(r#"{{"downloadPercent":50,"files":[{{"id":"a-0",{fields}}}]}}"#)).files().unwrap()[0].link()
        };
        let whole = link(r#""name":"f.mkv","size":9,"downloadUrl":"https://a.example/f.mkv","downloadPercent":100"#);
        let whole = whole.unwrap();
        assert_eq!((whole.size_bytes, whole.file_name.as_deref()), (Some(9), Some("f.mkv")));
        let kind = |fields: &str| link(fields).unwrap_err().kind();
        assert_eq!(kind(r#""downloadUrl":"","downloadPercent":100"#), ErrorKind::NotFound);
        assert_eq!(kind(r#""downloadPercent":40"#), ErrorKind::NotCached);
        assert_eq!(kind(r#""name":"f""#), ErrorKind::NotCached);
        assert_eq!(kind(r#""downloadUrl":"file:///etc/passwd""#), ErrorKind::Malformed);
    }

    /// Goal: only what the service could have named goes into a path or a list.
    #[test]
    fn odd_ids_are_none() {
        let is_id = |text: &str| id(&TorrentId(text.to_owned())).is_some();
        assert!(is_id("abc123") && is_id("a-b_C"));
        for odd in ["", "no number", "a,b", "a/b", "..", "ä", &"a".repeat(MAX_ID_CHARS + 1)] {
            assert!(!is_id(odd), "{odd:?}");
        }
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
        let user = r#"{"success":true,"value":{"username":"u","accountType":1,"premiumLeft":1545757200}}"#;
        let limits =
            r#"{"success":true,"value":{"usagePercent":{"current":9},"daySize":{"current":1e9,"value":9e18}}}"#;
        let torrent = r#"{"id":"a1","status":6,"downloadPercent":4.5,"error":0,"files":[{"name":"d","children":
            [{"id":"a1-0","name":"f","size":1,"downloadUrl":"https://a.example/f","downloadPercent":100}]}]}"#;
        let add = format!(r#"{{"success":true,"value":{torrent}}}"#);
        let list = format!(r#"{{"success":true,"value":[{torrent}],"pagination":{{"next":-1}}}}"#);
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&damaged(user, at, byte, cut), SystemTime::UNIX_EPOCH);
            let _ = endpoint.parse_limits(&damaged(limits, at, byte, cut));
            let _ = endpoint.parse_add(&damaged(&add, at, byte, cut), hash);
            let _ = endpoint.parse_remove(&damaged(&add, at, byte, cut));
            if let Ok(page) = endpoint.parse_list(&damaged(&list, at, byte, cut), "test") {
                let _ = listing(&page.rows);
                for row in page.rows {
                    let _ = row.state();
                    for file in row.files().unwrap_or_default() {
                        let _ = file.link();
                    }
                }
            }
        });
    }
}
