//! Premiumize's wire format: requests out, replies in; pure. Source: premiumize.me/api, and what public clients of it meet beyond it.

mod account;
mod files;
mod reply;
mod requests;
mod torrents;

use url::Url;

pub(super) use self::files::{Handle, Item, cached_files, cloud_file, find, too_many_files};
pub(super) use self::reply::{Done, PAUSE};
pub(super) use self::requests::MAX_ITEMS;
pub(super) use self::torrents::{Held, Made, Transfer, bad_torrent, cached_id, gone, gone_error, listing, transfer_id};
use crate::net::Secret;

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
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

    pub(super) const HASH: InfoHash = InfoHash([0x11; 20]);

    pub(super) fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example".parse().unwrap(), key: Secret::new("k3y") }
    }

    pub(super) fn success(fields: &str) -> Reply {
        Reply::of(200, format!(r#"{{"status":"success",{fields}}}"#))
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let account = r#"{"status":"success","customer_id":"1","premium_until":1545757200,"limit_used":0.5}"#;
        let cache = r#"{"status":"success","response":[true,1,"0",null]}"#;
        let direct = r#"{"status":"success","location":"https://a.example/f","filename":"f","content":[{"path":"a/b","size":"1","link":"https://a.example/f"}]}"#;
        let transfers = format!(
            r#"{{"status":"success","transfers":[{{"id":"7","status":"running","progress":0.5,"src":"magnet:?xt=urn:btih:{HASH}","file_id":"f"}}]}}"#
        );
        let folder = r#"{"status":"success","name":"n","content":[{"id":"1","name":"a","type":"folder","size":1}]}"#;
        let item = r#"{"status":"success","id":"1","name":"a","size":1,"link":"https://a.example/f"}"#;
        let code = r#"{"device_code":"d","user_code":"u","verification_uri":"https://a.example/device","interval":5}"#;
        let token = r#"{"access_token":"t","expires_in":60,"error":"slow_down"}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&Reply::damaged(account, at, byte, cut), SystemTime::UNIX_EPOCH);
            let _ = endpoint.parse_cached(&Reply::damaged(cache, at, byte, cut), 4);
            if let Ok(items) = endpoint.parse_direct(&Reply::damaged(direct, at, byte, cut), "test") {
                let _ = (items[0].link(), cached_files(HASH, &items));
            }
            let _ = endpoint.parse_created(&Reply::damaged(item, at, byte, cut));
            if let Ok(rows) = endpoint.parse_transfers(&Reply::damaged(&transfers, at, byte, cut)) {
                let _ = (listing(&rows), rows.first().map(|row| (row.state(), row.made().is_some())));
            }
            let _ = endpoint.parse_folder(&Reply::damaged(folder, at, byte, cut));
            let _ = endpoint.parse_item(&Reply::damaged(item, at, byte, cut), "test");
            let _ = endpoint.parse_device_code(&Reply::damaged(code, at, byte, cut));
            let _ = endpoint.parse_token(&Reply::damaged(token, at, byte, cut));
        });
    }
}
