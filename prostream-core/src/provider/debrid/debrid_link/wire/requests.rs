//! Requests: where they go, and what they say.

use std::net::IpAddr;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use url::Url;

use super::Endpoint;
use crate::net::{Body, Request};
use crate::provider::indexer::TorrentLink;

/// Torrents a page; 20 to 100 are allowed.
const PER_PAGE: usize = 100;

/// Most torrents asked for by their ids in one request; older clients name 50, newer ones 100.
pub(in super::super) const MAX_IDS: usize = 50;

/// How the files of a torrent are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Structure {
    /// One after the other, names without folders.
    List,
    /// Folders within folders.
    Tree,
}

impl Endpoint {
    pub(in super::super) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_query(None);
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    fn get(&self, path: &str) -> Request {
        Request::get(self.url(path)).bearer(self.key.now())
    }

    pub(in super::super) fn account(&self) -> Request {
        self.get("/api/v2/account/infos")
    }

    pub(in super::super) fn limits(&self) -> Request {
        self.get("/api/v2/seedbox/limits")
    }

    /// A page of the torrents with these ids, or of all. `viewer` is where the viewer is who fetches by himself.
    pub(in super::super) fn list(
        &self,
        ids: &[&str],
        page: u64,
        structure: Structure,
        viewer: Option<IpAddr>,
    ) -> Request {
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
    pub(in super::super) fn add(&self, torrent: &TorrentLink, viewer: Option<IpAddr>) -> Request {
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

    /// Removes a torrent; `id` is one that [`id`](super::id) took.
    pub(in super::super) fn remove(&self, id: &str) -> Request {
        Request { method: Method::DELETE, ..self.get(&format!("/api/v2/seedbox/{id}/remove")) }
    }
}
