//! Requests: where they go, and what they say.

use std::net::IpAddr;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::Endpoint;
use crate::model::InfoHash;
use crate::net::{Body, Request, Secret};
use crate::provider::indexer::TorrentLink;

/// Torrents of a page of the account's list. The service would send 1000 at once, each with all its files.
pub(in super::super) const PAGE: u64 = 200;

/// Largest page of torrents: 200 torrents with some 150 files each, or one with as many as are read.
const MAX_PAGE_BYTES: u64 = 16 << 20;

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
    pub(in super::super) fn device(&self) -> Request {
        Request::get(self.url("user/auth/device/start", &[("app", "ProStream")]))
    }

    /// Was the code typed? Needs no key.
    pub(in super::super) fn device_token(&self, device_code: &Secret) -> Request {
        let body = Body::Json(json!({"device_code": device_code.expose()}));
        Request::post(self.url("user/auth/device/token", &[]), body)
    }

    pub(in super::super) fn user(&self) -> Request {
        self.get("user/me", &[("settings", "false")])
    }

    pub(in super::super) fn check_cached(&self, hashes: &[InfoHash]) -> Request {
        let hashes = hashes.iter().map(InfoHash::to_string).collect::<Vec<_>>().join(",");
        self.get("torrents/checkcached", &[("hash", &hashes), ("format", "object"), ("list_files", "false")])
    }

    /// A torrent as it is now: without `bypass_cache` the answer may be ten minutes old.
    pub(in super::super) fn torrent(&self, id: u64) -> Request {
        self.list(&[("bypass_cache", "true"), ("id", &id.to_string())])
    }

    /// [`PAGE`] torrents of the account as they are now.
    pub(in super::super) fn torrents(&self, offset: u64) -> Request {
        let (offset, limit) = (offset.to_string(), PAGE.to_string());
        self.list(&[("bypass_cache", "true"), ("offset", &offset), ("limit", &limit)])
    }

    fn list(&self, query: &[(&str, &str)]) -> Request {
        let mut request = self.get("torrents/mylist", query);
        request.max_body_bytes = Some(MAX_PAGE_BYTES);
        request
    }

    /// What waits for a free slot.
    pub(in super::super) fn queue(&self) -> Request {
        self.get("queued/getqueued", &[("type", "torrent"), ("bypass_cache", "true")])
    }

    /// Adds a torrent. Not sent twice: additions are counted, and what a second one answers is not documented.
    pub(in super::super) fn add(&self, torrent: &TorrentLink) -> Request {
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
    pub(in super::super) fn link(&self, torrent: u64, file: u64, viewer: Option<IpAddr>) -> Request {
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

    pub(in super::super) fn delete(&self, torrent: u64) -> Request {
        self.control("torrents/controltorrent", json!({"torrent_id": torrent, "operation": "delete", "all": false}))
    }

    pub(in super::super) fn delete_queued(&self, queued: u64) -> Request {
        self.control("queued/controlqueued", json!({"queued_id": queued, "operation": "delete", "all": false}))
    }

    fn control(&self, path: &str, body: Value) -> Request {
        let mut request = self.post(path, Body::Json(body));
        request.is_idempotent = true;
        request
    }
}
