//! Replies about the account, and those of a sign-in.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::super::error::sign_in_error_of;
use super::Endpoint;
use super::reply::{malformed, read};
use crate::Result;
use crate::net::{Reply, Secret};
use crate::provider::debrid::{Account, Quota};
use crate::provider::lenient::{self, MAX_NAME_CHARS};

impl Endpoint {
    pub(in super::super) fn parse_account(&self, reply: &Reply, now: SystemTime) -> Result<Account> {
        const OPERATION: &str = "read account";
        let data: AccountData = self.open(reply, OPERATION)?;
        let customer = data.customer_id.ok_or_else(|| malformed(OPERATION, "the account has no number"))?;
        let until = data.premium_until.filter(|seconds| *seconds > 0);
        let until = until.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        Ok(Account {
            user_name: lenient::clean(&customer, MAX_NAME_CHARS),
            is_premium: until.is_some_and(|until| until > now),
            premium_until: until,
            quota: data.limit_used.map(|used| Quota { used: Some(used.max(0.0) as f32), ..Quota::default() }),
        })
    }

    pub(in super::super) fn parse_device_code(&self, reply: &Reply) -> Result<DeviceCode> {
        const OPERATION: &str = "begin sign-in";
        let told = read(reply, OPERATION)?;
        match sign_in_complaint(&told) {
            Some(code) => Err(sign_in_error_of(&lenient::quote(&code, &[]), OPERATION)),
            None => lenient::part(told, OPERATION),
        }
    }

    /// The token, once the code was typed.
    pub(in super::super) fn parse_token(&self, reply: &Reply) -> Result<Option<Token>> {
        const OPERATION: &str = "look at sign-in";
        let told = read(reply, OPERATION)?;
        match sign_in_complaint(&told).as_deref() {
            Some("authorization_pending") => Ok(None),
            Some(code) => Err(sign_in_error_of(&lenient::quote(code, &[]), OPERATION)),
            None => {
                let token: Token = lenient::part(told, OPERATION)?;
                if token.access_token.is_empty() {
                    return Err(malformed(OPERATION, "the code was accepted, and there is no key"));
                }
                Ok(Some(token))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct AccountData {
    #[serde(default, deserialize_with = "lenient::text")]
    customer_id: Option<String>,
    /// Seconds since 1970; `null` or `false` for a free account.
    #[serde(default, deserialize_with = "lenient::number")]
    premium_until: Option<u64>,
    #[serde(default, deserialize_with = "lenient::decimal")]
    limit_used: Option<f64>,
}

fn sign_in_complaint(told: &Value) -> Option<String> {
    told.get("error")?.as_str().map(ToOwned::to_owned)
}

/// A code and where to type it. Source: RFC 8628 section 3.2.
#[derive(Debug, Deserialize)]
pub(in super::super) struct DeviceCode {
    pub(in super::super) device_code: Secret,
    pub(in super::super) user_code: String,
    pub(in super::super) verification_uri: Url,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(in super::super) interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(in super::super) expires_in: Option<u64>,
}

/// A granted token.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Token {
    pub(in super::super) access_token: Secret,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(in super::super) expires_in: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, success};
    use super::*;
    use crate::ErrorKind;

    /// Goal: numbers and texts alike; a free account is one without an end, an expired one has it behind it.
    #[test]
    fn accounts_are_read_leniently() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let account = |fields: &str| endpoint().parse_account(&success(fields), now);
        let paid = account(r#""customer_id":123,"premium_until":1800000000,"limit_used":0.5"#).unwrap();
        let text = account(r#""customer_id":"123","premium_until":"1800000000","limit_used":"0.5""#).unwrap();
        assert!(paid == text && paid.is_premium && paid.user_name == "123");
        assert_eq!(paid.quota, Some(Quota { used: Some(0.5), ..Quota::default() }));
        for free in ["null", "false", "0"] {
            let account = account(&format!(r#""customer_id":1,"premium_until":{free}"#)).unwrap();
            assert_eq!((account.is_premium, account.premium_until, account.quota), (false, None, None), "{free}");
        }
        let expired = account(r#""customer_id":1,"premium_until":1600000000"#).unwrap();
        assert!(!expired.is_premium && expired.premium_until.is_some());
        assert!(
            !account(r#""customer_id":1,"premium_until":18446744073709551615"#)
                .is_ok_and(|odd| odd.is_premium && odd.premium_until.is_none())
        );
        assert_eq!(account(r#""limit_used":0"#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: a sign-in waits, is granted, or ends, whatever the HTTP status.
    #[test]
    fn sign_ins_are_read() {
        let token = |status, body: &str| endpoint().parse_token(&Reply::of(status, body));
        assert!(token(400, r#"{"error":"authorization_pending"}"#).unwrap().is_none());
        assert_eq!(token(400, r#"{"error":"access_denied"}"#).unwrap_err().kind(), ErrorKind::Unauthorized);
        let granted = token(200, r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#).unwrap().unwrap();
        assert_eq!((granted.access_token.expose(), granted.expires_in), ("t", Some(60)));
        assert_eq!(token(200, r#"{"access_token":""}"#).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(token(200, "{}").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(token(503, "<html>").unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(endpoint().parse_device_code(&Reply::of(200, "{}")).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
