//! Real-Debrid's wire format: requests out, replies in; pure. Source: api.real-debrid.com, "API documentation" (REST 1.0) and "Authentication".

mod account;
mod files;
mod reply;
mod requests;
mod torrents;

use url::Url;

pub(super) use self::account::{Access, Credentials};
pub(super) use self::files::{check_selected, shortened};
pub(super) use self::torrents::{Stage, Torrent, gone_state, is_id};
use crate::provider::debrid::account_key::AccountKey;

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
///
/// No request is tried again by itself: refused ones count against the account, and a 503 with a code in it is a verdict.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: AccountKey,
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::StatusCode;

    use super::*;
    use crate::model::InfoHash;
    use crate::net::{Reply, Secret};

    pub(super) fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example/".parse().unwrap(), key: AccountKey::new(Secret::new("k3y")) }
    }

    pub(super) fn torrent(body: &str) -> Torrent {
        endpoint().parse_info(&Reply::of(200, body)).unwrap()
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let user = r#"{"username":"u","type":"premium","premium":60,"expiration":"2025-03-14T14:16:27.000Z"}"#;
        let info = r#"{"id":"A","hash":"1111111111111111111111111111111111111111","original_filename":"a","status":"downloaded","progress":50,
            "files":[{"id":1,"path":"/a/b.mkv","bytes":1,"selected":1}],"links":["https://a.example/d/1"]}"#;
        let page = format!("[{info}]");
        let unlock = r#"{"download":"https://a.example/f","filename":"f","filesize":5}"#;
        let device = r#"{"device_code":"d","user_code":"U","interval":5,"expires_in":1800,"verification_url":"https://a.example/d"}"#;
        let token = r#"{"client_id":"a","client_secret":"b","access_token":"a","refresh_token":"r","expires_in":60,"error_code":7}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&Reply::damaged(user, at, byte, cut), SystemTime::now());
            if let Ok(torrent) = endpoint.parse_info(&Reply::damaged(info, at, byte, cut)) {
                let _ = (torrent.state(), torrent.worth_selecting(), torrent.remote_files());
                let _ = torrent.check_hash(InfoHash([0x11; 20]));
            }
            let _ = endpoint.parse_torrents(&Reply::damaged(&page, at, byte, cut));
            let _ = endpoint.parse_added(&Reply::damaged(info, at, byte, cut));
            let _ = endpoint.parse_unlock(&Reply::damaged(unlock, at, byte, cut));
            let _ = endpoint.parse_device_code(&Reply::damaged(device, at, byte, cut));
            let _ = endpoint.parse_token(&Reply::damaged(token, at, byte, cut), "test");
            let mut refused = Reply::damaged(token, at, byte, cut);
            let _ = endpoint.parse_credentials(&refused);
            refused.status = StatusCode::FORBIDDEN;
            let _ = (endpoint.parse_credentials(&refused), endpoint.code(&refused), endpoint.check(&refused, "test"));
        });
    }
}
