//! TorBox's wire format: requests out, replies in; pure. Source: api-docs.torbox.app and TorBox's public Postman documentation, v1.

mod account;
mod files;
mod reply;
mod requests;
mod torrents;

use url::Url;

pub(super) use self::files::read_handle;
pub(super) use self::requests::PAGE;
pub(super) use self::torrents::{Created, Held, Id, QueueRow, TorrentRow, gone, held, queued, states};
use crate::net::Secret;

/// Where and with which key requests go. The key goes into a header but for links, whose request wants it in the address, which is why
/// addresses stand in no log as they are.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: Secret,
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::model::InfoHash;
    use crate::net::Reply;

    pub(super) const HASH: InfoHash = InfoHash([0xab; 20]);

    pub(super) fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example".parse().unwrap(), key: Secret::new("k3y") }
    }

    pub(super) fn success(data: &str) -> Reply {
        Reply::of(200, format!(r#"{{"success":true,"error":null,"detail":"Fine.","data":{data}}}"#))
    }

    pub(super) fn row(fields: &str) -> TorrentRow {
        serde_json::from_str(&format!("{{{fields}}}")).unwrap()
    }

    /// Goal: no key in an error text, even if the service repeats it, and none in a request that is logged.
    #[test]
    fn the_key_shows_nowhere() {
        let body = r#"{"success":false,"error":"NEW","detail":"<b>k3y</b> is odd"}"#;
        let failure = endpoint().open(&Reply::of(200, body), "test").unwrap_err();
        assert_eq!(failure.error.detail_text(), Some("NEW: … is odd"));
        let request = endpoint().link(1, 0, None);
        assert!(request.url.query().unwrap().contains("token=k3y"));
        assert!(!format!("{request:?}").contains("k3y"));
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let data = [
            r#"{"email":"u","plan":1,"premium_expires_at":"2025-07-30T20:40:42Z","cooldown_until":"2025-07-30T20:40:42.1+00:00"}"#,
            r#"{"torrent_id":7,"hash":"abababababababababababababababababababab"}"#,
            r#"[{"id":7,"hash":"ab","progress":0.5,"download_speed":1,"files":[{"id":0,"name":"a/b","size":1}]}]"#,
            r#"{"abababababababababababababababababababab":{"size":1}}"#,
            r#""https://a.example/f""#,
            r#"{"device_code":"d","code":"c","interval":5,"expires_at":"2025-07-30T20:40:42Z","verification_url":"https://a.example"}"#,
        ];
        let bodies =
            data.map(|data| format!(r#"{{"success":true,"error":null,"detail":"Using cached","data":{data}}}"#));
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(body in 0usize..6, at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let reply = Reply::damaged(&bodies[body], at, byte, cut);
            let _ = endpoint.parse_account(&reply, SystemTime::UNIX_EPOCH);
            let _ = endpoint.parse_add(&reply, HASH);
            let _ = endpoint.parse_cached(&reply);
            let _ = endpoint.parse_queue(&reply);
            let _ = endpoint.parse_link(&reply);
            let _ = endpoint.parse_control(&reply);
            let _ = endpoint.parse_device(&reply);
            let _ = endpoint.parse_device_token(&reply);
            if let Ok(page) = endpoint.parse_torrents(&reply) {
                let _ = held(&page.rows, &[]);
                page.rows.into_iter().for_each(|row| drop(row.files()));
            }
        });
    }
}
