//! What every reply has: is it a success, and if not, what does the service say?

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::error::{TOO_MANY_ACTIVE, advice_of, error_of};
use super::Endpoint;
use crate::net::Reply;
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    /// The code of an error reply.
    pub(in super::super) fn code(&self, reply: &Reply) -> Option<i64> {
        if reply.status.is_success() { None } else { complaint(reply)?.code() }
    }

    /// Is it a success? The code in the body speaks before the HTTP status.
    pub(in super::super) fn check(&self, reply: &Reply, operation: &'static str) -> Result<()> {
        if reply.status.is_success() && !lenient::is_web_page(reply) {
            return Ok(());
        }
        if let Some(refusal) = lenient::edge_refusal(reply, operation, "Real-Debrid") {
            return Err(refusal);
        }
        let complaint = complaint(reply);
        let code = complaint.as_ref().and_then(Complaint::code);
        // Seen without a body that can be read.
        let code = code.or_else(|| (reply.status.as_u16() == 509).then_some(TOO_MANY_ACTIVE));
        Err(match code {
            Some(code) => {
                let words = complaint.and_then(|complaint| complaint.error).unwrap_or_default();
                lenient::with_wait(error_of(code, &lenient::quote(&words, &[&self.key.now()]), operation), reply)
            }
            None => {
                let error = lenient::status_error(reply, operation);
                let advice = advice_of(error.kind());
                error.advise(advice)
            }
        })
    }

    pub(super) fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        self.check(reply, operation)?;
        lenient::json(reply, operation)
    }
}

pub(super) fn malformed(operation: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, operation).detail(detail)
}

/// What an error reply says, where it is no page of something in between.
pub(super) fn complaint(reply: &Reply) -> Option<Complaint> {
    if lenient::is_web_page(reply) { None } else { serde_json::from_slice(&reply.body).ok() }
}

#[derive(Debug, Deserialize)]
pub(super) struct Complaint {
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    error_code: Option<String>,
}

impl Complaint {
    pub(super) fn code(&self) -> Option<i64> {
        self.error_code.as_deref()?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::endpoint;
    use super::*;

    /// Goal: the code speaks before the HTTP status; without a readable code the status speaks.
    #[test]
    fn replies_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open::<Value>(&Reply::of(status, body), "test").unwrap_err().kind();
        let code = |code: &str| format!(r#"{{"error":"words","error_code":{code}}}"#);
        assert_eq!(kind(401, &code("8")), ErrorKind::Unauthorized);
        assert_eq!(kind(403, &code("9")), ErrorKind::AccountLimit);
        assert_eq!(kind(403, &code("22")), ErrorKind::AddressRefused);
        assert_eq!(kind(403, &code("37")), ErrorKind::Unsupported);
        assert_eq!(kind(404, &code("7")), ErrorKind::NotFound);
        assert_eq!(kind(429, &code("34")), ErrorKind::RateLimited);
        assert_eq!(kind(451, &code("35")), ErrorKind::Refused);
        assert_eq!(kind(503, &code("24")), ErrorKind::NotFound);
        assert_eq!(kind(503, &code("\"23\"")), ErrorKind::AccountLimit);
        assert_eq!(kind(500, &code("-1")), ErrorKind::Unavailable);
        assert_eq!(kind(401, "{}"), ErrorKind::Unauthorized);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(451, ""), ErrorKind::Refused);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(509, "<html>busy</html>"), ErrorKind::AccountLimit);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, r#"{"id":"#), ErrorKind::Malformed);
        assert!(endpoint().check(&Reply::of(204, ""), "test").is_ok());
        assert_eq!(endpoint().check(&Reply::of(200, "<html>"), "test").unwrap_err().kind(), ErrorKind::Unavailable);
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"error":"<b>k3y</b> is odd","error_code":8}"#;
        let error = endpoint().check(&Reply::of(401, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("code 8: … is odd"));
    }
}
