//! Requests: where they go, and what they say.

use bytes::Bytes;
use url::Url;

use super::Endpoint;
use crate::net::{Body, Request, Secret};
use crate::provider::indexer::TorrentLink;

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
    pub(in super::super) fn pin(&self) -> Request {
        Request::get(self.url("/v4.1/pin/get"))
    }

    /// Was the PIN typed? Needs no key.
    pub(in super::super) fn pin_check(&self, pin: &str, check: &str) -> Request {
        let form = [("pin", pin), ("check", check)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Request::post(self.url("/v4/pin/check"), Body::Form(form.into()))
    }

    pub(in super::super) fn user(&self) -> Request {
        Request::get(self.url("/v4/user")).bearer(self.key.clone())
    }

    /// Adds a torrent. Not sent twice: that a second upload gives the same id is seen, but not promised.
    pub(in super::super) fn upload(&self, torrent: &TorrentLink) -> Request {
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
    pub(in super::super) fn status(&self, torrent: Option<u64>) -> Request {
        match torrent {
            Some(id) => self.ask("/v4.1/magnet/status", &[("id", &id.to_string())]),
            None => self.ask("/v4.1/magnet/status", &[]),
        }
    }

    pub(in super::super) fn files(&self, torrent: u64) -> Request {
        self.ask("/v4/magnet/files", &[("id[]", &torrent.to_string())])
    }

    pub(in super::super) fn delete(&self, torrent: u64) -> Request {
        self.ask("/v4/magnet/delete", &[("id", &torrent.to_string())])
    }

    pub(in super::super) fn unlock(&self, link: &Secret) -> Request {
        self.ask("/v4/link/unlock", &[("link", link.expose())])
    }

    pub(in super::super) fn delayed(&self, id: u64) -> Request {
        self.ask("/v4/link/delayed", &[("id", &id.to_string())])
    }
}
