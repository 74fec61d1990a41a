//! Replies about torrents: what was added, what the account holds, and how far each of them is.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::Endpoint;
use super::reply::Complaint;
use crate::model::InfoHash;
use crate::net::Reply;
use crate::provider::debrid::known::Listing;
use crate::provider::debrid::{TorrentId, TorrentState};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    /// What `add` came to. The reply names the torrent's hash: another one than ours would make us play something else.
    pub(in super::super) fn parse_upload(&self, reply: &Reply, hash: InfoHash) -> Result<Uploaded> {
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

    /// Torrents by id: the service writes a list, a single object, or an object keyed by position.
    pub(in super::super) fn parse_status(&self, reply: &Reply) -> Result<Vec<TorrentRow>> {
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
pub(in super::super) struct Uploaded {
    pub(in super::super) id: u64,
    pub(in super::super) is_ready: bool,
}

#[derive(Debug, Deserialize)]
struct StatusData {
    magnets: Value,
}

/// A torrent of the account.
#[derive(Debug, Deserialize)]
pub(in super::super) struct TorrentRow {
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
pub(in super::super) fn gone() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

/// States of `torrents`, in their order.
pub(in super::super) fn states(rows: &[TorrentRow], torrents: &[TorrentId]) -> Vec<TorrentState> {
    let by_id: HashMap<u64, &TorrentRow> = rows.iter().filter_map(|row| Some((row.id?, row))).collect();
    let state =
        |torrent: &TorrentId| number(torrent).and_then(|id| by_id.get(&id)).map_or_else(gone, |row| row.state());
    torrents.iter().map(state).collect()
}

/// What the account holds. Not every row tells its hash.
pub(in super::super) fn listing(rows: &[TorrentRow]) -> Listing {
    Listing {
        ids: rows.iter().filter_map(|row| Some(TorrentId(row.id?.to_string()))).collect(),
        hashes: rows.iter().filter_map(|row| row.hash.as_deref()?.parse().ok()).collect(),
    }
}

/// The service's number of a torrent; `None` for an id that is none of its.
pub(in super::super) fn number(torrent: &TorrentId) -> Option<u64> {
    torrent.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, success};
    use super::*;

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
}
