//! Replies about the account, and those of a sign-in.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::Deserialize;
use url::Url;

use super::super::error::sign_in_ended;
use super::Endpoint;
use super::reply::{complaint, malformed};
use crate::net::{Reply, Secret};
use crate::provider::debrid::{Account, checked_link};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Life of a code, documented and the longest that is believed.
const CODE_LIFE: Duration = Duration::from_secs(1_800);

/// Time between two looks at a sign-in: what is documented, and the bounds of what is believed.
const INTERVAL_S: (u64, u64, u64) = (1, 5, 60);

/// Life of access whose end is not told: short, so that it is renewed too often and not too late.
const ACCESS_LIFE: Duration = Duration::from_secs(3_600);

impl Endpoint {
    pub(in super::super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        const OPERATION: &str = "read account";
        let user: User = self.open(reply, OPERATION)?;
        let name = user.username.ok_or_else(|| malformed(OPERATION, "the account has no name"))?;
        let left = user.premium.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let is_premium = left.is_some() || user.kind.as_deref() == Some("premium");
        let named = lenient::moment(user.expiration.as_deref());
        Ok(Account {
            user_name: lenient::clean(&name, MAX_NAME_CHARS),
            is_premium,
            premium_until: named
                .or_else(|| now.checked_add(left?))
                // Of a plan that has ended, an end that is still to come says nothing.
                .filter(|until| is_premium || *until <= now),
            // Its traffic is counted by hoster; torrents have none.
            quota: None,
        })
    }

    pub(in super::super) fn parse_device_code(&self, reply: &Reply) -> Result<DeviceCode> {
        const OPERATION: &str = "begin sign-in";
        let data: DeviceCodeData = self.open(reply, OPERATION)?;
        let page = |text: Option<String>| checked_link(&text?, OPERATION).ok();
        let url = page(data.direct_verification_url).or_else(|| page(data.verification_url));
        let (least, usual, most) = INTERVAL_S;
        match (filled(data.device_code), data.user_code.filter(|code| !code.trim().is_empty()), url) {
            (Some(device_code), Some(user_code), Some(url)) => Ok(DeviceCode {
                device_code,
                user_code: lenient::clean(&user_code, MAX_NAME_CHARS),
                url,
                interval: Duration::from_secs(data.interval.unwrap_or(usual).clamp(least, most)),
                life: data.expires_in.map_or(CODE_LIFE, Duration::from_secs).min(CODE_LIFE),
            }),
            _ => Err(malformed(OPERATION, "there is no code, or no page for it")),
        }
    }

    /// What to sign in with for this user; `None` until he has agreed, which the service says by an error without a code.
    pub(in super::super) fn parse_credentials(&self, reply: &Reply) -> Result<Option<Credentials>> {
        const OPERATION: &str = "look at sign-in";
        if !reply.status.is_success() {
            let is_waiting = reply.status.is_client_error()
                && reply.status != StatusCode::TOO_MANY_REQUESTS
                && complaint(reply).is_some_and(|complaint| complaint.code().is_none());
            return if is_waiting { Ok(None) } else { Err(self.refused(reply, OPERATION, "the code has ended")) };
        }
        let data: CredentialsData = self.open(reply, OPERATION)?;
        let both = filled(data.client_id).zip(filled(data.client_secret));
        Ok(both.map(|(client_id, client_secret)| Credentials { client_id, client_secret }))
    }

    pub(in super::super) fn parse_token(&self, reply: &Reply, operation: &'static str) -> Result<Access> {
        if !reply.status.is_success() {
            return Err(self.refused(reply, operation, "access was withdrawn, or the code has ended"));
        }
        let data: TokenData = self.open(reply, operation)?;
        match (filled(data.access_token), filled(data.refresh_token)) {
            (Some(key), Some(refresh)) => {
                Ok(Access { key, refresh, life: data.expires_in.map_or(ACCESS_LIFE, Duration::from_secs) })
            }
            _ => Err(malformed(operation, "there is no key, or nothing to renew it with")),
        }
    }

    /// A sign-in that is refused has ended, whatever the code; trouble of the service stays trouble.
    fn refused(&self, reply: &Reply, operation: &'static str, detail: &'static str) -> Error {
        match self.check(reply, operation) {
            Err(error) if error.kind().is_transient() || error.kind() == ErrorKind::AddressRefused => error,
            _ => sign_in_ended(operation, detail),
        }
    }
}

fn filled(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.is_empty())
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    username: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    premium: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    expiration: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DeviceCodeData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    device_code: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::text")]
    user_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    verification_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    direct_verification_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CredentialsData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    client_id: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    client_secret: Option<Secret>,
}

#[derive(Debug, Deserialize)]
struct TokenData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    access_token: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
}

/// A code, and the page where it is typed.
#[derive(Debug)]
pub(in super::super) struct DeviceCode {
    pub(in super::super) device_code: Secret,
    pub(in super::super) user_code: String,
    pub(in super::super) url: Url,
    pub(in super::super) interval: Duration,
    pub(in super::super) life: Duration,
}

/// What this program is to the service on behalf of one user.
#[derive(Debug)]
pub(in super::super) struct Credentials {
    pub(in super::super) client_id: Secret,
    pub(in super::super) client_secret: Secret,
}

/// Access to an account, and what renews it.
#[derive(Debug)]
pub(in super::super) struct Access {
    pub(in super::super) key: Secret,
    pub(in super::super) refresh: Secret,
    pub(in super::super) life: Duration,
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: the end of a plan is read from its date, and from the seconds that are left; one that has ended has no end to come.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let account = |user: &str| endpoint().parse_account(&Reply::of(200, user), now).unwrap();
        let paid = account(
            r#"{"id":1,"username":"u","type":"premium","premium":"60","expiration":"2025-03-14T14:16:27.000Z"}"#,
        );
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1_741_961_787);
        assert_eq!((paid.is_premium, paid.premium_until), (true, Some(until)));
        let by_seconds = account(r#"{"username":"u","premium":60,"expiration":"soon"}"#);
        assert_eq!((by_seconds.is_premium, by_seconds.premium_until), (true, now.checked_add(Duration::from_secs(60))));
        let free = account(r#"{"username":7,"type":"free","premium":0,"expiration":"2025-03-14T14:16:27.000Z"}"#);
        assert_eq!((free.user_name.as_str(), free.is_premium, free.premium_until), ("7", false, None));
        account(r#"{"username":"u","premium":18446744073709551615}"#);
        let nameless = endpoint().parse_account(&Reply::of(200, r#"{"username":["odd"]}"#), now);
        assert_eq!(nameless.unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: an error without a code means "not yet", every other one an end, and trouble stays trouble.
    #[test]
    fn sign_ins_wait_end_or_are_granted() {
        let look = |status, body: &str| endpoint().parse_credentials(&Reply::of(status, body));
        assert!(look(403, r#"{"error":"not yet","error_code":null}"#).unwrap().is_none());
        assert!(look(200, r#"{"client_id":"a","client_secret":null}"#).unwrap().is_none());
        assert!(look(200, r#"{"client_id":"a","client_secret":"b"}"#).unwrap().is_some());
        assert_eq!(look(400, r#"{"error":"bad","error_code":2}"#).unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(look(503, r#"{"error":"busy","error_code":25}"#).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(look(429, "{}").unwrap_err().kind(), ErrorKind::RateLimited);
        assert_eq!(look(403, "<html>").unwrap_err().kind(), ErrorKind::Unavailable);
        let token = |status, body: &str| endpoint().parse_token(&Reply::of(status, body), "test");
        let access = token(200, r#"{"access_token":"a","refresh_token":"r"}"#).unwrap();
        assert_eq!(access.life, ACCESS_LIFE);
        assert_eq!(token(403, "{}").unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(token(200, r#"{"access_token":"a"}"#).unwrap_err().kind(), ErrorKind::Malformed);
        let begin = |body: &str| endpoint().parse_device_code(&Reply::of(200, body));
        let code = begin(
            r#"{"device_code":"d","user_code":"U","interval":0,"expires_in":9999,"verification_url":"https://a.example/device"}"#,
        )
        .unwrap();
        assert_eq!((code.interval, code.life, code.url.path()), (Duration::from_secs(1), CODE_LIFE, "/device"));
        assert_eq!(begin(r#"{"device_code":"d","user_code":"U"}"#).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
