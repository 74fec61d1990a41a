//! Replies about the account and its limits.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::Endpoint;
use crate::Result;
use crate::net::Reply;
use crate::provider::debrid::{Account, Quota};
use crate::provider::lenient::{self, MAX_NAME_CHARS};

impl Endpoint {
    pub(in super::super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        let user: User = self.open(reply, "read account")?;
        let left = user.premium_left.filter(|seconds| *seconds > 0);
        Ok(Account {
            user_name: lenient::clean(user.username.as_deref().unwrap_or_default(), MAX_NAME_CHARS),
            is_premium: left.is_some(),
            premium_until: left.and_then(|seconds| now.checked_add(Duration::from_secs(seconds))),
            quota: None,
        })
    }

    /// What may still be fetched. What other users have fetched before is served beyond it, so nothing is ever blocked.
    pub(in super::super) fn parse_limits(&self, reply: &Reply) -> Result<Option<Quota>> {
        let limits: Limits = self.open(reply, "read limits")?;
        let left = |limit: Option<Limit>| {
            let limit = limit?;
            // -1 stands for a limit that there is not.
            Some((limit.value.filter(|most| *most >= 0.0)? - limit.current?.max(0.0)).max(0.0) as u64)
        };
        let used = limits.usage_percent.and_then(|usage| usage.current).filter(|percent| *percent >= 0.0);
        let quota = Quota {
            used: used.map(|percent| (percent / 100.0) as f32),
            left_bytes: [left(limits.day_size), left(limits.month_size)].into_iter().flatten().min(),
            blocked_until: None,
        };
        Ok((quota != Quota::default()).then_some(quota))
    }
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient::text")]
    username: Option<String>,
    /// Seconds.
    #[serde(default, rename = "premiumLeft", deserialize_with = "lenient::number")]
    premium_left: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Limits {
    #[serde(default, rename = "usagePercent", deserialize_with = "lenient::maybe")]
    usage_percent: Option<Limit>,
    #[serde(default, rename = "daySize", deserialize_with = "lenient::maybe")]
    day_size: Option<Limit>,
    #[serde(default, rename = "monthSize", deserialize_with = "lenient::maybe")]
    month_size: Option<Limit>,
}

/// How much was used, of how much.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Limit {
    #[serde(default, deserialize_with = "lenient::maybe")]
    current: Option<f64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    value: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, success};
    use super::*;

    /// Goal: what is left of a plan, in seconds, becomes its end; a free account has none.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let account = |value: &str| endpoint().parse_account(&success(value), now).unwrap();
        let paid = account(r#"{"username":"u","accountType":1,"premiumLeft":"500","pts":3}"#);
        assert_eq!((paid.is_premium, paid.premium_until), (true, Some(now + Duration::from_secs(500))));
        for free in [r#"{"username":"u","premiumLeft":0}"#, r#"{"username":"u"}"#, r#"{"premiumLeft":-7}"#] {
            let free = account(free);
            assert_eq!((free.is_premium, free.premium_until), (false, None));
        }
        account(r#"{"username":"u","premiumLeft":18446744073709551615}"#);
    }

    /// Goal: the tighter of the two limits of bytes counts; one that there is not does not; no limits are no quota.
    #[test]
    fn limits_become_a_quota() {
        let quota = |value: &str| endpoint().parse_limits(&success(value)).unwrap();
        let both = quota(
            r#"{"usagePercent":{"current":25,"value":100},"daySize":{"current":100,"value":400},
                "monthSize":{"current":5,"value":1000},"dayCount":{"current":1,"value":50}}"#,
        );
        assert_eq!(both, Some(Quota { used: Some(0.25), left_bytes: Some(300), blocked_until: None }));
        let passed = quota(r#"{"daySize":{"current":500,"value":400},"monthSize":{"current":5,"value":-1}}"#);
        assert_eq!(passed, Some(Quota { used: None, left_bytes: Some(0), blocked_until: None }));
        assert_eq!(quota(r#"{"daySize":{"current":5,"value":-1},"usagePercent":"odd"}"#), None);
        assert_eq!(quota("{}"), None);
    }
}
