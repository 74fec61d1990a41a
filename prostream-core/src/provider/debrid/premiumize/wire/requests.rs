//! Requests: where they go, and what they say.

use bytes::Bytes;
use url::Url;

use super::Endpoint;
use crate::model::{InfoHash, Magnet};
use crate::net::{Body, Request, Secret};
use crate::provider::indexer::TorrentLink;

/// Most hashes in one question of the cache. No limit is documented; this many are asked by all its clients.
pub(in super::super) const MAX_ITEMS: usize = 100;

impl Endpoint {
    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_query(None);
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    fn get(&self, path: &str, id: Option<&str>) -> Request {
        let mut url = self.url(path);
        if let Some(id) = id {
            url.query_pairs_mut().append_pair("id", id);
        }
        Request::get(url).bearer(self.key.clone())
    }

    /// A question that changes nothing, or something that may be said twice.
    fn ask(&self, path: &str, form: Vec<(String, String)>) -> Request {
        let mut request = Request::post(self.url(path), Body::Form(form)).bearer(self.key.clone());
        request.is_idempotent = true;
        request
    }

    pub(in super::super) fn account(&self) -> Request {
        self.get("/api/account/info", None)
    }

    /// Which of at most [`MAX_ITEMS`] are cached?
    pub(in super::super) fn check_cached(&self, hashes: &[InfoHash]) -> Request {
        let items = hashes.iter().map(|hash| ("items[]".to_owned(), hash.to_string()));
        self.ask("/api/cache/check", items.collect())
    }

    /// The files of a cached torrent with their links. By the bare hash: trackers may hold a passkey, and nothing is fetched here.
    pub(in super::super) fn direct(&self, hash: InfoHash) -> Request {
        self.ask("/api/transfer/directdl", vec![field("src", Magnet::from_hash(hash).to_uri())])
    }

    /// Lets the service fetch a torrent. Not sent twice: that a second one is refused is seen, but not promised.
    pub(in super::super) fn create(&self, torrent: &TorrentLink) -> Request {
        let body = match torrent {
            TorrentLink::Magnet(magnet) => Body::Form(vec![field("src", magnet.to_uri())]),
            TorrentLink::File { info_hash, bytes } => Body::File {
                fields: Vec::new(),
                field: "file".to_owned(),
                file_name: format!("{info_hash}.torrent"),
                content_type: "application/x-bittorrent".to_owned(),
                bytes: Bytes::clone(bytes),
            },
        };
        Request::post(self.url("/api/transfer/create"), body).bearer(self.key.clone())
    }

    pub(in super::super) fn transfers(&self) -> Request {
        self.get("/api/transfer/list", None)
    }

    pub(in super::super) fn delete_transfer(&self, id: &str) -> Request {
        self.ask("/api/transfer/delete", vec![field("id", id)])
    }

    pub(in super::super) fn folder(&self, id: &str) -> Request {
        self.get("/api/folder/list", Some(id))
    }

    pub(in super::super) fn delete_folder(&self, id: &str) -> Request {
        self.ask("/api/folder/delete", vec![field("id", id)])
    }

    pub(in super::super) fn item(&self, id: &str) -> Request {
        self.get("/api/item/details", Some(id))
    }

    pub(in super::super) fn delete_item(&self, id: &str) -> Request {
        self.ask("/api/item/delete", vec![field("id", id)])
    }

    /// A code to be typed; needs no key.
    pub(in super::super) fn device_code(&self, client_id: &str) -> Request {
        let form = vec![field("response_type", "device_code"), field("client_id", client_id)];
        Request::post(self.url("/token"), Body::Form(form))
    }

    /// Was the code typed? Needs no key.
    pub(in super::super) fn token(&self, client_id: &str, device_code: &Secret) -> Request {
        let form = vec![
            field("grant_type", "device_code"),
            field("code", device_code.expose()),
            field("client_id", client_id),
        ];
        Request::post(self.url("/token"), Body::Form(form))
    }
}

fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}
