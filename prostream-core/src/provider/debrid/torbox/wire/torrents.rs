//! Replies about torrents: what is cached, what the account holds or has in its queue, and how far each of them is.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::{ADD, READ, REMOVE};
use super::files::FileRow;
use super::{Endpoint, PAGE};
use crate::model::InfoHash;
use crate::net::Reply;
use crate::provider::debrid::{TorrentId, TorrentState};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    /// Of the hashes asked about those that are cached: as the keys of an object, or as a list of torrents.
    pub(in super::super) fn parse_cached(&self, reply: &Reply) -> Result<HashSet<InfoHash>> {
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

    pub(in super::super) fn parse_torrents(&self, reply: &Reply) -> Result<Page> {
        let rows = self.open_rows(reply, READ)?;
        let is_last = u64::try_from(rows.len()).unwrap_or(u64::MAX) < PAGE;
        Ok(Page { rows: fitting(rows), is_last })
    }

    pub(in super::super) fn parse_queue(&self, reply: &Reply) -> Result<Vec<QueueRow>> {
        self.open_rows(reply, READ).map(fitting)
    }

    /// What `add` came to. The reply names the torrent's hash: another one than ours would make us play something else.
    pub(in super::super) fn parse_add(&self, reply: &Reply, hash: InfoHash) -> Result<Created> {
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

    /// Was there something to delete?
    pub(in super::super) fn parse_control(&self, reply: &Reply) -> Result<bool> {
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

/// A torrent's number at the service. One of the queue gets another when it starts, and only its hash stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Id {
    Torrent(u64),
    Queued { id: u64, hash: InfoHash },
}

impl Id {
    /// `None` for an id that is none of ours.
    pub(in super::super) fn of(torrent: &TorrentId) -> Option<Self> {
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
pub(in super::super) enum Created {
    /// It is in the account, as it may have been before.
    New { torrent: TorrentId, is_ready: bool },
    /// It was in the account before, under a number that is not told; the error for when it is not found there.
    Duplicate(Error),
}

/// A part of the account's torrents.
#[derive(Debug)]
pub(in super::super) struct Page {
    pub(in super::super) rows: Vec<TorrentRow>,
    /// Nothing follows.
    pub(in super::super) is_last: bool,
}

/// A torrent of the account.
#[derive(Debug, Deserialize)]
pub(in super::super) struct TorrentRow {
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) id: Option<u64>,
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
    pub(super) files: Vec<FileRow>,
}

impl TorrentRow {
    pub(in super::super) fn id(&self) -> Option<u64> {
        self.id
    }

    pub(in super::super) fn hash(&self) -> Option<InfoHash> {
        self.hash.as_deref()?.parse().ok()
    }

    /// `completed` is no state to go by: the files may still be on their way to the service's storage.
    pub(in super::super) fn state(&self) -> TorrentState {
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
}

/// A torrent that waits for a free slot.
#[derive(Debug, Deserialize)]
pub(in super::super) struct QueueRow {
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
}

impl QueueRow {
    pub(in super::super) fn id(&self) -> Option<u64> {
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
pub(in super::super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

/// What is said of a torrent that waits for a free slot.
pub(in super::super) fn queued() -> TorrentState {
    TorrentState::Preparing { progress: None, speed_bytes_per_s: None }
}

/// A torrent that the account holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Held {
    pub(in super::super) torrent: TorrentId,
    pub(in super::super) is_ready: bool,
    pub(in super::super) has_failed: bool,
}

/// All that the account holds.
pub(in super::super) fn held(rows: &[TorrentRow], queue: &[QueueRow]) -> HashMap<InfoHash, Held> {
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
pub(in super::super) fn states(rows: &[TorrentRow], queue: &[QueueRow], torrents: &[Option<Id>]) -> Vec<TorrentState> {
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
    use super::super::tests::{HASH, endpoint, row, success};
    use super::*;

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
        let not_found = Reply::of(404, r#"{"success":false,"error":"ITEM_NOT_FOUND","data":null}"#);
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
        assert!(ids(&Reply::of(404, not_found)).unwrap().is_empty());
        assert_eq!(ids(&success(r#""odd""#)).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(ids(&Reply::of(404, "Not Found")).unwrap_err().kind(), ErrorKind::NotFound, "that is no empty list");
        let row = r#"{"id":1},"#.repeat(199);
        let page = |rows: &str| endpoint().parse_torrents(&success(&format!("[{rows}]"))).unwrap();
        assert!(page(row.trim_end_matches(',')).is_last);
        assert!(!page(&format!("{row}\"odd\"")).is_last, "a row that does not fit is counted");
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

    /// Goal: an addition answers for the torrent sent, as a torrent or as one of the queue, and a wrong hash is noticed.
    #[test]
    fn additions_answer_for_the_torrent_sent() {
        let parse = |detail: &str, data: &str| {
            let body = format!(r#"{{"success":true,"error":null,"detail":"{detail}","data":{data}}}"#);
            match endpoint().parse_add(&Reply::of(200, &body), HASH) {
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
        let duplicate = Reply::of(400, r#"{"success":false,"error":"DUPLICATE_ITEM","detail":"there"}"#);
        assert!(matches!(endpoint().parse_add(&duplicate, HASH), Ok(Created::Duplicate(_))));
        for wrong in ["queued:", "queued:1", "queued:1:", "queued:x:abababababababababababababababababababab", "-1", ""]
        {
            assert_eq!(Id::of(&TorrentId(wrong.to_owned())), None, "{wrong}");
        }
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
}
