//! Replies about the account, and those of a sign-in.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use url::Url;

use super::Endpoint;
use crate::net::{Reply, Secret};
use crate::provider::debrid::Account;
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    pub(in super::super) fn parse_pin(&self, reply: &Reply) -> Result<Pin> {
        self.open(reply, "begin sign-in")
    }

    /// The key, once the PIN was typed.
    pub(in super::super) fn parse_pin_check(&self, reply: &Reply) -> Result<Option<Secret>> {
        const OPERATION: &str = "look at sign-in";
        let PinCheck { activated, apikey } = self.open(reply, OPERATION)?;
        match (activated, apikey) {
            (false, _) => Ok(None),
            (true, Some(key)) if !key.is_empty() => Ok(Some(key)),
            _ => Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the PIN was accepted, and there is no key")),
        }
    }

    pub(in super::super) fn parse_account(&self, reply: &Reply) -> Result<Account> {
        let UserData { user } = self.open(reply, "read account")?;
        let until = user.premium_until.filter(|seconds| *seconds > 0);
        Ok(Account {
            user_name: lenient::clean(user.username.as_deref().unwrap_or_default(), MAX_NAME_CHARS),
            is_premium: user.is_premium.unwrap_or(false) || user.is_trial.unwrap_or(false),
            premium_until: until.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
            // Its quotas are of hosters, not of torrents.
            quota: None,
        })
    }
}

/// A PIN and where to type it.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Pin {
    pub(in super::super) pin: String,
    pub(in super::super) check: Secret,
    pub(in super::super) user_url: Url,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(in super::super) expires_in: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct PinCheck {
    activated: bool,
    apikey: Option<Secret>,
}

#[derive(Debug, Deserialize)]
struct UserData {
    user: User,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    username: Option<String>,
    #[serde(default, rename = "isPremium", deserialize_with = "lenient::maybe")]
    is_premium: Option<bool>,
    #[serde(default, rename = "isTrial", deserialize_with = "lenient::maybe")]
    is_trial: Option<bool>,
    /// Seconds since 1970, 0 for a free user; documented as a number, shown as a text.
    #[serde(default, rename = "premiumUntil", deserialize_with = "lenient::number")]
    premium_until: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, success};
    use super::*;

    /// Goal: the end of a plan is read as a number and as a text; a free account has none.
    #[test]
    fn accounts_are_read_leniently() {
        let account = |user: &str| endpoint().parse_account(&success(&format!(r#"{{"user":{user}}}"#))).unwrap();
        let until = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_545_757_200));
        let paid =
            account(r#"{"username":"u","isPremium":true,"premiumUntil":"1545757200","limitedHostersQuotas":[]}"#);
        assert_eq!((paid.is_premium, paid.premium_until), (true, until));
        assert_eq!(account(r#"{"username":"u","isPremium":true,"premiumUntil":1545757200}"#).premium_until, until);
        let free = account(r#"{"username":"u","isPremium":false,"premiumUntil":0}"#);
        assert_eq!((free.is_premium, free.premium_until), (false, None));
        account(r#"{"username":"u","premiumUntil":18446744073709551615}"#);
    }
}
