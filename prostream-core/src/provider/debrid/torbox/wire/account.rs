//! Replies about the account, and those of a sign-in.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use url::Url;

use super::Endpoint;
use crate::net::{Reply, Secret};
use crate::provider::debrid::{Account, Quota};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    pub(in super::super) fn parse_device(&self, reply: &Reply) -> Result<Device> {
        const OPERATION: &str = "begin sign-in";
        let data: DeviceData = self.open_as(reply, OPERATION)?;
        let is_page = |url: &Url| matches!(url.scheme(), "http" | "https");
        let pages = [data.verification_url, data.friendly_verification_url];
        let url = pages.into_iter().flatten().find_map(|page| Url::parse(page.trim()).ok().filter(is_page));
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, OPERATION).detail(detail);
        Ok(Device {
            code: data.code,
            device_code: data.device_code,
            url: url.ok_or_else(|| wrong("there is no page to type the code at"))?,
            interval: data.interval.map(Duration::from_secs),
            expires_at: lenient::moment(data.expires_at.as_deref()),
        })
    }

    /// The key, once the code was typed.
    pub(in super::super) fn parse_device_token(&self, reply: &Reply) -> Result<Option<Secret>> {
        const OPERATION: &str = "look at sign-in";
        let TokenData { access_token } = match self.open(reply, OPERATION) {
            Ok(answer) => lenient::part(answer.data, OPERATION)?,
            Err(failure) if failure.is("DEVICE_CODE_NOT_USED") => return Ok(None),
            Err(failure) if failure.is("ITEM_NOT_FOUND") => {
                return Err(Error::new(ErrorKind::Unauthorized, OPERATION)
                    .detail("the code has ended")
                    .advise("start the sign-in at TorBox again"));
            }
            Err(failure) => return Err(failure.error),
        };
        if access_token.is_empty() {
            return Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the code was typed, and there is no key"));
        }
        Ok(Some(access_token))
    }

    pub(in super::super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        let user: User = self.open_as(reply, "read account")?;
        let blocked_until = lenient::moment(user.cooldown_until.as_deref()).filter(|until| *until > now);
        Ok(Account {
            user_name: lenient::clean(user.email.as_deref().unwrap_or_default(), MAX_NAME_CHARS),
            // 0 is the free plan; the others differ in what they allow.
            is_premium: user.plan.map_or(user.is_subscribed.unwrap_or(false), |plan| plan > 0),
            premium_until: lenient::moment(user.premium_expires_at.as_deref()),
            quota: blocked_until.map(|until| Quota { blocked_until: Some(until), ..Quota::default() }),
        })
    }
}

#[derive(Debug, Deserialize)]
struct DeviceData {
    device_code: Secret,
    code: String,
    #[serde(default, deserialize_with = "lenient::number")]
    interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    expires_at: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    verification_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    friendly_verification_url: Option<String>,
}

/// A code and where to type it.
#[derive(Debug)]
pub(in super::super) struct Device {
    pub(in super::super) code: String,
    pub(in super::super) device_code: Secret,
    pub(in super::super) url: Url,
    pub(in super::super) interval: Option<Duration>,
    pub(in super::super) expires_at: Option<SystemTime>,
}

#[derive(Debug, Deserialize)]
struct TokenData {
    access_token: Secret,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    email: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    plan: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    is_subscribed: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    premium_expires_at: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cooldown_until: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, success};
    use super::*;

    /// Goal: the plan decides, its end and a pause are moments, and a pause that is over is none.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_753_908_042);
        let account = |user: &str| endpoint().parse_account(&success(user), now).unwrap();
        let paid = account(
            r#"{"email":"v@example.com","plan":"2","premium_expires_at":"2025-07-30T20:40:43Z","cooldown_until":"2025-07-30T20:40:44Z"}"#,
        );
        assert!(paid.is_premium);
        assert_eq!(paid.premium_until, Some(now + Duration::from_secs(1)));
        assert_eq!(paid.quota.unwrap().blocked_until, Some(now + Duration::from_secs(2)));
        let free = account(
            r#"{"plan":0,"is_subscribed":true,"premium_expires_at":null,"cooldown_until":"2024-01-01T00:00:00Z"}"#,
        );
        assert_eq!((free.is_premium, free.premium_until, free.quota), (false, None, None));
        assert!(account(r#"{"is_subscribed":true}"#).is_premium);
        assert!(!account("{}").is_premium);
    }
}
