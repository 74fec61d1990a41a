//! Requests: where they go, and what they say.

use bytes::Bytes;
use http::Method;
use url::Url;

use super::{Credentials, Endpoint};
use crate::net::{Body, Call, Request, Secret};
use crate::provider::debrid::TorrentId;
use crate::provider::indexer::TorrentLink;

/// Most torrents asked for on a page. Documented are up to 5000, seen is less: what comes is counted.
const PAGE_LIMIT: usize = 500;

/// Known to the service as a program without a secret of its own. Source: "Authentication for opensource apps".
const CLIENT_ID: &str = "X245A4XAIBGVM";

const GRANT_TYPE: &str = "http://oauth.net/grant_type/device/1.0";

fn form<const N: usize>(fields: [(&str, &str); N]) -> Body {
    Body::Form(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

impl Endpoint {
    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Request {
        let url = self.url(&format!("/rest/1.0{path}"), &[]);
        Request { method, ..Request::post(url, body) }.bearer(self.key.now())
    }

    pub(in super::super) fn user(&self) -> Request {
        self.request(Method::GET, "/user", Body::Empty)
    }

    /// A page of the account's torrents, `offset` of them left out.
    pub(in super::super) fn torrents(&self, offset: usize) -> Request {
        let (offset, limit) = (offset.to_string(), PAGE_LIMIT.to_string());
        let mut request = self.request(Method::GET, "/torrents", Body::Empty);
        request.url.query_pairs_mut().append_pair("offset", &offset).append_pair("limit", &limit);
        request
    }

    pub(in super::super) fn info(&self, torrent: &TorrentId) -> Request {
        self.request(Method::GET, &format!("/torrents/info/{}", torrent.0), Body::Empty)
    }

    pub(in super::super) fn add(&self, torrent: &TorrentLink) -> Request {
        match torrent {
            TorrentLink::Magnet(magnet) => {
                self.request(Method::POST, "/torrents/addMagnet", form([("magnet", &magnet.to_uri())]))
            }
            TorrentLink::File { bytes, .. } => {
                let body = Body::Bytes { content_type: "application/x-bittorrent", bytes: Bytes::clone(bytes) };
                self.request(Method::PUT, "/torrents/addTorrent", body)
            }
        }
    }

    pub(in super::super) fn select(&self, torrent: &TorrentId, files: &[u64]) -> Request {
        let files: Vec<String> = files.iter().map(u64::to_string).collect();
        let path = format!("/torrents/selectFiles/{}", torrent.0);
        self.request(Method::POST, &path, form([("files", &files.join(","))]))
    }

    pub(in super::super) fn delete(&self, torrent: &TorrentId) -> Request {
        self.request(Method::DELETE, &format!("/torrents/delete/{}", torrent.0), Body::Empty)
    }

    /// Asks for a direct link; where the viewer fetches by himself, for his address.
    pub(in super::super) fn unlock(&self, call: &Call, link: &Secret) -> Request {
        let body = match call.viewer_address {
            Some(address) => form([("link", link.expose()), ("ip", &address.to_string())]),
            None => form([("link", link.expose())]),
        };
        self.request(Method::POST, "/unrestrict/link", body)
    }

    /// A code for a sign-in; needs no key.
    pub(in super::super) fn device_code(&self) -> Request {
        let query = [("client_id", CLIENT_ID), ("new_credentials", "yes")];
        Request::get(self.url("/oauth/v2/device/code", &query))
    }

    /// What a program signs in with for this user, once he has agreed; needs no key.
    pub(in super::super) fn credentials(&self, device_code: &Secret) -> Request {
        let query = [("client_id", CLIENT_ID), ("code", device_code.expose())];
        let url = self.url("/oauth/v2/device/credentials", &query);
        Request { is_idempotent: false, ..Request::get(url) }
    }

    /// Access for a device code, or fresh access for what renews it; needs no key.
    pub(in super::super) fn token(&self, credentials: &Credentials, code: &Secret) -> Request {
        let body = form([
            ("client_id", credentials.client_id.expose()),
            ("client_secret", credentials.client_secret.expose()),
            ("code", code.expose()),
            ("grant_type", GRANT_TYPE),
        ]);
        Request::post(self.url("/oauth/v2/token", &[]), body)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::endpoint;
    use super::*;
    use crate::model::InfoHash;
    use crate::provider::debrid::account_key::AccountKey;

    /// Goal: the viewer's address is sent where he fetches, and nowhere else.
    #[test]
    fn the_viewers_address_is_a_field_of_its_own() {
        let fields = |call: &Call| match endpoint().unlock(call, &Secret::new("l1nk")).body {
            Body::Form(fields) => fields,
            other => panic!("{other:?}"),
        };
        let call = Call::within(Duration::from_secs(1));
        assert_eq!(fields(&call), [("link".to_owned(), "l1nk".to_owned())]);
        let his = Call { viewer_address: Some("2001:db8::7".parse().unwrap()), ..call };
        assert_eq!(fields(&his)[1], ("ip".to_owned(), "2001:db8::7".to_owned()));
    }

    /// Goal: a torrent file is sent as it is, and addresses keep what stands before the API.
    #[test]
    fn requests_go_where_the_documentation_says() {
        let endpoint = Endpoint {
            base_url: "https://proxy.example/rd/?x=1".parse().unwrap(),
            key: AccountKey::new(Secret::new("k")),
        };
        let file = TorrentLink::File { info_hash: InfoHash([1; 20]), bytes: Bytes::from_static(b"de") };
        let request = endpoint.add(&file);
        assert_eq!(request.method, Method::PUT);
        assert_eq!(request.url.as_str(), "https://proxy.example/rd/rest/1.0/torrents/addTorrent");
        assert!(matches!(request.body, Body::Bytes { bytes, .. } if bytes == "de"));
        let select = endpoint.select(&TorrentId("A1".to_owned()), &[1, 3]);
        assert_eq!(select.url.path(), "/rd/rest/1.0/torrents/selectFiles/A1");
        assert!(matches!(select.body, Body::Form(fields) if fields == [("files".to_owned(), "1,3".to_owned())]));
        let listing = endpoint.torrents(500);
        assert_eq!((listing.url.query(), listing.is_idempotent), (Some("offset=500&limit=500"), false));
    }
}
