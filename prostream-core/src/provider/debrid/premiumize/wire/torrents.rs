//! Replies about torrents: what is cached, and what the account fetches or has fetched, and how far each of it is.

use serde::Deserialize;
use serde_json::Value;

use super::super::error::{BAD_TORRENT, GONE, NEXT, PREPARING, known};
use super::Endpoint;
use super::files::OPERATION_FILES;
use super::reply::malformed;
use crate::model::{InfoHash, Magnet};
use crate::net::Reply;
use crate::provider::debrid::known::Listing;
use crate::provider::debrid::{Cached, TorrentId, TorrentState};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    /// What the service says of `asked_count` hashes, in their order; of those it says nothing of, `Unknown`.
    pub(in super::super) fn parse_cached(&self, reply: &Reply, asked_count: usize) -> Result<Vec<Cached>> {
        const OPERATION: &str = "ask the cache";
        let CacheData { response } = self.open(reply, OPERATION)?;
        if response.len() > asked_count {
            // Which of them belong to what was asked nobody can tell.
            return Err(malformed(OPERATION, "the reply answers more than was asked"));
        }
        let told = response.iter().map(is_cached);
        Ok(told.chain(std::iter::repeat(Cached::Unknown)).take(asked_count).collect())
    }

    /// The service's number of a transfer that was created.
    pub(in super::super) fn parse_created(&self, reply: &Reply) -> Result<String> {
        const OPERATION: &str = "add torrent";
        let Numbered { id } = self.open(reply, OPERATION)?;
        id.filter(|id| !id.is_empty()).ok_or_else(|| malformed(OPERATION, "the transfer has no id"))
    }

    pub(in super::super) fn parse_transfers(&self, reply: &Reply) -> Result<Vec<Transfer>> {
        let TransferData { transfers } = self.open(reply, "read torrents")?;
        Ok(transfers)
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
struct CacheData {
    response: Vec<Value>,
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
pub(in super::super) struct Transfer {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(in super::super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(in super::super) name: Option<String>,
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
pub(in super::super) enum Made<'a> {
    /// One file.
    File(&'a str),
    /// A folder.
    Folder(&'a str),
}

impl Transfer {
    pub(in super::super) fn hash(&self) -> Option<InfoHash> {
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
    pub(in super::super) fn is_alive(&self) -> bool {
        self.failure().is_none()
    }

    pub(in super::super) fn state(&self) -> TorrentState {
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
    pub(in super::super) fn check_ready(&self) -> Result<()> {
        match (self.failure(), self.state()) {
            (Some((kind, reason)), _) => Err(Error::new(kind, OPERATION_FILES).detail(reason).advise(NEXT)),
            (None, TorrentState::Ready) => Ok(()),
            _ => Err(Error::new(ErrorKind::NotCached, OPERATION_FILES).advise(PREPARING)),
        }
    }

    /// What it made, as far as the service tells. Before it is finished a folder may be the one it will lie in: that is the user's.
    pub(in super::super) fn made(&self) -> Option<Made<'_>> {
        if self.state() != TorrentState::Ready {
            return None;
        }
        let file = self.file_id.as_deref().filter(|id| !id.is_empty()).map(Made::File);
        file.or_else(|| self.folder_id.as_deref().filter(|id| !id.is_empty()).map(Made::Folder))
    }
}

/// What the account holds. Failed transfers are no reason to call a new one the user's; their numbers are kept all the same.
pub(in super::super) fn listing(rows: &[Transfer]) -> Listing {
    Listing {
        ids: rows.iter().filter_map(|row| Some(TorrentId(row.id.clone()?))).collect(),
        hashes: rows.iter().filter(|row| row.is_alive()).filter_map(Transfer::hash).collect(),
    }
}

/// What is said of a torrent that is neither in the account nor in the cache.
pub(in super::super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

pub(in super::super) fn gone_error(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation).detail("it is no longer at the service").advise(GONE)
}

/// What a [`TorrentId`] of ours says: `hash` for a cached torrent, `hash:transfer` for one that the service fetches.
///
/// The hash stands in both, since a transfer does not always tell it and what it fetched is served by the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Held<'a> {
    pub(in super::super) hash: Option<InfoHash>,
    pub(in super::super) transfer: Option<&'a str>,
}

impl<'a> Held<'a> {
    pub(in super::super) fn read(torrent: &'a TorrentId) -> Self {
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
pub(in super::super) fn cached_id(hash: InfoHash) -> TorrentId {
    TorrentId(hash.to_string())
}

/// The id of a torrent that a transfer fetches.
pub(in super::super) fn transfer_id(hash: InfoHash, transfer: &str) -> TorrentId {
    TorrentId(format!("{hash}:{transfer}"))
}

/// Why a torrent file cannot be given to the service.
pub(in super::super) fn bad_torrent(error: Error) -> Error {
    if error.kind() == ErrorKind::LimitExceeded {
        return error;
    }
    let detail = error.detail_text().unwrap_or("it is no torrent file").to_owned();
    Error::new(ErrorKind::InvalidInput, "add torrent").detail(detail).advise(BAD_TORRENT)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HASH, endpoint, success};
    use super::*;

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
}
