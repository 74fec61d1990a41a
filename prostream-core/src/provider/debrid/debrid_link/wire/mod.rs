//! Debrid-Link's wire format: requests out, replies in; pure. Source: debrid-link.com/api_doc/v2, as public clients speak it.

mod account;
mod files;
mod reply;
mod requests;
mod torrents;

use url::Url;

pub(super) use self::files::{TorrentFile, handle, ids_of};
pub(super) use self::reply::{complaint, is_flood, read};
pub(super) use self::requests::{MAX_IDS, Structure};
pub(super) use self::torrents::{TorrentRow, gone, id, listing};
use crate::provider::debrid::account_key::AccountKey;

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: AccountKey,
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::model::InfoHash;
    use crate::net::{Reply, Secret};

    pub(super) fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example".parse().unwrap(), key: AccountKey::new(Secret::new("k3y")) }
    }

    pub(super) fn success(value: &str) -> Reply {
        Reply::of(200, format!(r#"{{"success":true,"value":{value}}}"#))
    }

    pub(super) fn row(fields: &str) -> TorrentRow {
        serde_json::from_str(fields).unwrap()
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let hash = InfoHash([0x11; 20]);
        let user = r#"{"success":true,"value":{"username":"u","accountType":1,"premiumLeft":1545757200}}"#;
        let limits =
            r#"{"success":true,"value":{"usagePercent":{"current":9},"daySize":{"current":1e9,"value":9e18}}}"#;
        let torrent = r#"{"id":"a1","status":6,"downloadPercent":4.5,"error":0,"files":[{"name":"d","children":
            [{"id":"a1-0","name":"f","size":1,"downloadUrl":"https://a.example/f","downloadPercent":100}]}]}"#;
        let add = format!(r#"{{"success":true,"value":{torrent}}}"#);
        let list = format!(r#"{{"success":true,"value":[{torrent}],"pagination":{{"next":-1}}}}"#);
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&Reply::damaged(user, at, byte, cut), SystemTime::UNIX_EPOCH);
            let _ = endpoint.parse_limits(&Reply::damaged(limits, at, byte, cut));
            let _ = endpoint.parse_add(&Reply::damaged(&add, at, byte, cut), hash);
            let _ = endpoint.parse_remove(&Reply::damaged(&add, at, byte, cut));
            if let Ok(page) = endpoint.parse_list(&Reply::damaged(&list, at, byte, cut), "test") {
                let _ = listing(&page.rows);
                for row in page.rows {
                    let _ = row.state();
                    for file in row.files().unwrap_or_default() {
                        let _ = file.link();
                    }
                }
            }
        });
    }
}
