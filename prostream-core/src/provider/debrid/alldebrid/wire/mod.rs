//! AllDebrid's wire format: requests out, replies in; pure. Source: docs.alldebrid.com, "Alldebrid API v4" (and v4.1 for the status).

mod account;
mod files;
mod reply;
mod requests;
mod torrents;

use url::Url;

pub(super) use self::files::{Delayed, Unlocked};
pub(super) use self::torrents::{Uploaded, gone, listing, number, states};
use crate::net::Secret;

/// Where and with which key requests go. The key goes into a header: addresses land in logs.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: Secret,
}

#[cfg(test)]
mod tests {
    use super::files::About;
    use super::*;
    use crate::model::InfoHash;
    use crate::net::Reply;
    use crate::provider::debrid::TorrentId;

    pub(super) fn endpoint() -> Endpoint {
        Endpoint { base_url: "https://api.example".parse().unwrap(), key: Secret::new("k3y") }
    }

    pub(super) fn success(data: &str) -> Reply {
        Reply::of(200, format!(r#"{{"status":"success","demo":"true","data":{data}}}"#))
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let hash = InfoHash([0x11; 20]);
        let user =
            r#"{"status":"success","data":{"user":{"username":"u","isPremium":true,"premiumUntil":"1545757200"}}}"#;
        let upload = r#"{"status":"success","data":{"magnets":[{"id":7,"ready":true,"error":{"code":"X"}}]}}"#;
        let status = r#"{"status":"success","data":{"magnets":[{"id":7,"statusCode":1,"size":9,"downloaded":4}]}}"#;
        let files =
            r#"{"status":"success","data":{"magnets":[{"id":"7","files":[{"n":"a","e":[{"n":"b","s":1,"l":"c"}]}]}]}}"#;
        let unlock =
            r#"{"status":"success","data":{"link":"https://a.example/f","delayed":5,"status":2,"time_left":3}}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let endpoint = endpoint();
            let _ = endpoint.parse_account(&Reply::damaged(user, at, byte, cut));
            let _ = endpoint.parse_upload(&Reply::damaged(upload, at, byte, cut), hash);
            if let Ok(rows) = endpoint.parse_status(&Reply::damaged(status, at, byte, cut)) {
                let _ = states(&rows, &[TorrentId("7".to_owned())]);
            }
            let _ = endpoint.parse_files(&Reply::damaged(files, at, byte, cut)).and_then(super::super::tree::flatten);
            let _ = endpoint.parse_unlock(&Reply::damaged(unlock, at, byte, cut));
            let about = About { size_bytes: None, file_name: None };
            let _ = endpoint.parse_delayed(&Reply::damaged(unlock, at, byte, cut), &about);
        });
    }
}
