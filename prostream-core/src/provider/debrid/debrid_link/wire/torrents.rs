//! Replies about torrents: what was added, what the account holds, and how far each of them is.

use serde::Deserialize;
use serde_json::Value;

use super::Endpoint;
use crate::model::InfoHash;
use crate::net::Reply;
use crate::provider::debrid::known::Listing;
use crate::provider::debrid::{TorrentId, TorrentState};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

/// Longest id that is taken for one of the service's, in characters: it goes into paths and lists.
const MAX_ID_CHARS: usize = 128;

impl Endpoint {
    /// A page, and which one follows it.
    pub(in super::super) fn parse_list(&self, reply: &Reply, operation: &'static str) -> Result<Page> {
        let (value, pagination) = self.envelope(reply, operation)?;
        let rows: Vec<Value> = lenient::part(value, operation)?;
        Ok(Page {
            rows: rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect(),
            // -1 after the last one.
            next: pagination.and_then(|pagination| pagination.next).and_then(|next| u64::try_from(next).ok()),
        })
    }

    /// What `add` came to. The reply names the torrent's hash: another one than ours would make us play something else.
    pub(in super::super) fn parse_add(&self, reply: &Reply, hash: InfoHash) -> Result<(TorrentId, bool)> {
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
    pub(in super::super) fn parse_remove(&self, reply: &Reply) -> Result<()> {
        match self.envelope(reply, "remove torrent") {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Torrents, and the number of the next page where there is one.
#[derive(Debug)]
pub(in super::super) struct Page {
    pub(in super::super) rows: Vec<TorrentRow>,
    pub(in super::super) next: Option<u64>,
}

/// A torrent of the account.
#[derive(Debug, Deserialize)]
pub(in super::super) struct TorrentRow {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(in super::super) id: Option<String>,
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
    /// Its many files are offered as an archive. Whether as nothing else its files tell.
    #[serde(default, rename = "isZip", deserialize_with = "lenient::maybe")]
    is_zip: Option<bool>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub(super) files: Vec<Value>,
}

impl TorrentRow {
    fn hash(&self) -> Option<InfoHash> {
        self.hash_string.as_deref()?.parse().ok()
    }

    pub(in super::super) fn is_archive(&self) -> bool {
        self.is_zip.unwrap_or(false)
    }

    pub(in super::super) fn state(&self) -> TorrentState {
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
}

/// What is said of a torrent that is not in the account.
pub(in super::super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

/// What the account holds. Not every row need tell its hash.
pub(in super::super) fn listing(rows: &[TorrentRow]) -> Listing {
    Listing {
        ids: rows.iter().filter_map(|row| row.id.clone().map(TorrentId)).collect(),
        hashes: rows.iter().filter_map(TorrentRow::hash).collect(),
    }
}

/// The service's id of a torrent; `None` for one that is none of its: a strange one in a list of ids makes it answer with everything.
pub(in super::super) fn id(torrent: &TorrentId) -> Option<&str> {
    let is_id = (1..=MAX_ID_CHARS).contains(&torrent.0.len())
        && torrent.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then_some(torrent.0.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, row, success};
    use super::*;

    /// Goal: pages end at -1 and where nothing is said; odd rows are left out.
    #[test]
    fn pages_are_read() {
        let page = |body: &str| endpoint().parse_list(&Reply::of(200, body), "test");
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

    /// Goal: only what the service could have named goes into a path or a list.
    #[test]
    fn odd_ids_are_none() {
        let is_id = |text: &str| id(&TorrentId(text.to_owned())).is_some();
        assert!(is_id("abc123") && is_id("a-b_C"));
        for odd in ["", "no number", "a,b", "a/b", "..", "ä", &"a".repeat(MAX_ID_CHARS + 1)] {
            assert!(!is_id(odd), "{odd:?}");
        }
    }
}
