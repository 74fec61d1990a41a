//! Replies about torrents: what the account holds, what was added to it, and how far each of them is.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::error::ALREADY_DONE;
use super::Endpoint;
use super::files::FileRow;
use super::reply::malformed;
use crate::model::InfoHash;
use crate::net::{Reply, Secret};
use crate::provider::debrid::{MAX_FILES, TorrentId, TorrentState};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

/// Longest id of a torrent; the service's have 13 letters and digits.
const MAX_ID_LEN: usize = 64;

impl Endpoint {
    /// One page of torrents. An empty one has no body.
    pub(in super::super) fn parse_torrents(&self, reply: &Reply) -> Result<Page> {
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

    pub(in super::super) fn parse_info(&self, reply: &Reply) -> Result<Torrent> {
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

    pub(in super::super) fn parse_added(&self, reply: &Reply) -> Result<TorrentId> {
        const OPERATION: &str = "add torrent";
        let AddedRow { id } = self.open(reply, OPERATION)?;
        let id = id.map(TorrentId).filter(is_id);
        id.ok_or_else(|| malformed(OPERATION, "the torrent has no id"))
    }

    /// Files were chosen, now or before.
    pub(in super::super) fn parse_selected(&self, reply: &Reply) -> Result<()> {
        if self.code(reply) == Some(ALREADY_DONE) { Ok(()) } else { self.check(reply, "select files") }
    }
}

/// Can it be an id of the service? It becomes a part of addresses.
pub(in super::super) fn is_id(torrent: &TorrentId) -> bool {
    let id = &torrent.0;
    !id.is_empty() && id.len() <= MAX_ID_LEN && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What is said of a torrent that is not in the account.
pub(in super::super) fn gone_state() -> TorrentState {
    TorrentState::Failed { reason: "it is no longer at the service".to_owned() }
}

#[derive(Debug, Deserialize)]
struct AddedRow {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
}

/// A page of torrents.
#[derive(Debug)]
pub(in super::super) struct Page {
    pub(in super::super) torrents: Vec<Torrent>,
    /// Rows that came, those that could not be read included.
    pub(in super::super) row_count: usize,
    /// Torrents of the account, where the service says so.
    pub(in super::super) total_count: Option<usize>,
}

/// A torrent of the account; without its files in a listing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in super::super) struct Torrent {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hash: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    pub(super) original_filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    progress: Option<f64>,
    #[serde(default, deserialize_with = "lenient::number")]
    speed: Option<u64>,
    #[serde(default, deserialize_with = "lenient::php_list")]
    pub(super) files: Vec<FileRow>,
    #[serde(default, deserialize_with = "lenient::php_list")]
    pub(super) links: Vec<Secret>,
}

/// Where a torrent is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Stage {
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
    pub(in super::super) fn new(id: &TorrentId, hash: InfoHash) -> Self {
        Self { id: Some(id.0.clone()), hash: Some(hash.to_string()), ..Self::default() }
    }

    pub(in super::super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(in super::super) fn hash(&self) -> Option<InfoHash> {
        self.hash.as_deref()?.parse().ok()
    }

    /// Source: api.real-debrid.com, "/torrents/info/{id}", "status". An unknown one is a wait: it is no end.
    pub(in super::super) fn stage(&self) -> Stage {
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

    pub(in super::super) fn is_ready(&self) -> bool {
        self.stage() == Stage::Ready
    }

    pub(in super::super) fn state(&self) -> TorrentState {
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
    pub(in super::super) fn check_hash(&self, hash: InfoHash) -> Result<()> {
        match self.hash() {
            Some(answered) if answered != hash => Err(malformed("add torrent", "the reply is about another torrent")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, torrent};
    use super::*;

    /// Goal: an empty account is empty in all its spellings, and rows that cannot be read are counted, so that the next page begins right.
    #[test]
    fn listings_come_in_several_shapes() {
        let page = |status, body: &str| endpoint().parse_torrents(&Reply::of(status, body));
        for (status, body) in [(204, ""), (200, ""), (200, "[]"), (200, "{}")] {
            let page = page(status, body).unwrap();
            assert_eq!((page.torrents.len(), page.row_count), (0, 0), "{status} {body}");
        }
        let mut counted = Reply::of(200, r#"[{"id":"A"},7,{"id":"B","links":"odd"}]"#);
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
            let error = endpoint().parse_info(&Reply::of(200, wrong)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{wrong}");
        }
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
}
