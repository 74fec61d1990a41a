//! The envelope of every reply: is it a success, and if not, what does the service say?

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::error_of;
use super::Endpoint;
use crate::net::Reply;
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    /// Takes the envelope off: the body speaks before the HTTP status, as errors usually come with 200.
    pub(in super::super) fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        if let Some(refusal) = lenient::edge_refusal(reply, operation, "AllDebrid") {
            return Err(refusal);
        }
        let is_readable = !reply.body.iter().all(u8::is_ascii_whitespace) && !lenient::is_web_page(reply);
        if !is_readable && !reply.status.is_success() {
            return Err(
                lenient::status_error(reply, operation).advise("AllDebrid is having trouble; try again in a while")
            );
        }
        let envelope: Envelope = match lenient::json(reply, operation) {
            Ok(envelope) => envelope,
            Err(_) if !reply.status.is_success() => return Err(lenient::status_error(reply, operation)),
            Err(error) => return Err(error),
        };
        match (envelope.status.as_deref(), envelope.data, envelope.error) {
            (Some("success"), Some(data), _) => lenient::part(data, operation),
            (_, _, Some(complaint)) => Err(lenient::with_wait(self.complaint(complaint, operation), reply)),
            _ if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
            _ => Err(Error::new(ErrorKind::Malformed, operation).detail("the reply says neither success nor error")),
        }
    }

    pub(super) fn complaint(&self, complaint: Complaint, operation: &'static str) -> Error {
        let secrets = [&self.key];
        let code = lenient::quote(complaint.code.as_deref().unwrap_or("no code"), &secrets);
        let words = lenient::quote(complaint.message.as_deref().unwrap_or_default(), &secrets);
        error_of(&code, &words, complaint.token.is_some_and(|token| !token.is_null()), operation)
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    error: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Complaint {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default)]
    token: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: the body speaks before the HTTP status; without a readable body the status speaks.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open::<Value>(&Reply::of(status, body), "test").unwrap_err().kind();
        let bad_key = r#"{"status":"error","error":{"code":"AUTH_BAD_APIKEY","message":"no"}}"#;
        assert_eq!(kind(200, bad_key), ErrorKind::Unauthorized);
        assert_eq!(kind(401, bad_key), ErrorKind::Unauthorized);
        assert_eq!(
            kind(403, r#"{"status":"error","error":{"code":"NO_SERVER","message":"no"}}"#),
            ErrorKind::AddressRefused
        );
        assert_eq!(kind(404, r#"{"status":"error","error":{"code":404}}"#), ErrorKind::Unsupported);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"status":"success"}"#), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"status":"succ"#), ErrorKind::Malformed);
        assert_eq!(kind(200, ""), ErrorKind::Malformed);
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"status":"error","error":{"code":"NEW","message":"<b>k3y</b> is odd"}}"#;
        let error = endpoint().open::<Value>(&Reply::of(200, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("NEW: … is odd"));
    }
}
