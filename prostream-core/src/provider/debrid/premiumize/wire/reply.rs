//! The envelope of every reply: is it a success, and if not, what does the service say?

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::{CHECK_KEY, LATER, PREPARING, error_of};
use super::Endpoint;
use crate::net::Reply;
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

/// Pause after a complaint of too many requests that does not say how long. Source: the clients of the service, which keep two minutes.
pub(in super::super) const PAUSE: Duration = Duration::from_secs(120);

/// Longest wait for a deferred file that is believed.
const MAX_DELAY_S: u64 = 3_600;

impl Endpoint {
    /// Looks at the envelope, which lies flat among the fields: the body speaks before the HTTP status, as errors come with 200.
    pub(in super::super) fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        let told = read(reply, operation)?;
        let Ok(envelope) = Envelope::deserialize(&told) else {
            return Err(wrong_shape(reply, operation));
        };
        match envelope.status.as_deref() {
            Some("success") => lenient::part(told, operation),
            Some("deferred") => {
                let wait = Duration::from_secs(envelope.delay.unwrap_or(0).min(MAX_DELAY_S));
                Err(Error::new(ErrorKind::NotCached, operation).advise(PREPARING).after(wait))
            }
            Some("error") => Err(lenient::with_wait(self.complaint(&envelope, reply, operation), reply)),
            _ => Err(wrong_shape(reply, operation)),
        }
    }

    fn complaint(&self, envelope: &Envelope, reply: &Reply, operation: &'static str) -> Error {
        let secrets = [&self.key];
        let code = envelope.code.as_deref().or(envelope.error.as_deref()).unwrap_or_default();
        let words = envelope.message.as_deref().unwrap_or_default();
        let error = error_of(&lenient::quote(code, &secrets), &lenient::quote(words, &secrets), operation);
        // Words that nobody knows, with a status that says more than they do.
        if error.kind() == ErrorKind::Unavailable && !reply.status.is_success() {
            return status_error(reply, operation);
        }
        error
    }
}

pub(super) fn malformed(operation: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, operation).detail(detail)
}

/// The JSON of a reply; where there is none, what its status says.
pub(super) fn read(reply: &Reply, operation: &'static str) -> Result<Value> {
    if let Some(refusal) = lenient::edge_refusal(reply, operation, "Premiumize") {
        return Err(refusal);
    }
    lenient::json(reply, operation)
        .map_err(|error| if reply.status.is_success() { error } else { status_error(reply, operation) })
}

fn wrong_shape(reply: &Reply, operation: &'static str) -> Error {
    if reply.status.is_success() {
        malformed(operation, "the reply says neither success nor error")
    } else {
        status_error(reply, operation)
    }
}

/// What the status alone says. 401 and 403 are about the token, unless something in between says them: a web page, or a 403 that is no JSON.
fn status_error(reply: &Reply, operation: &'static str) -> Error {
    let is_about_the_key = match reply.status {
        StatusCode::UNAUTHORIZED => !lenient::is_web_page(reply),
        StatusCode::FORBIDDEN => lenient::is_json(reply),
        _ => false,
    };
    if is_about_the_key {
        let detail = format!("HTTP {}", reply.status.as_u16());
        return Error::new(ErrorKind::Unauthorized, operation).detail(detail).advise(CHECK_KEY);
    }
    let error = lenient::status_error(reply, operation).advise(LATER);
    match error.retry_after() {
        None if error.kind() == ErrorKind::RateLimited => error.after(PAUSE),
        _ => error,
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    /// Where older parts of the service write the code.
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    /// Seconds.
    #[serde(default, deserialize_with = "lenient::number")]
    delay: Option<u64>,
}

/// A reply of which only the success counts.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Done {}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: the body speaks before the HTTP status; without a readable body the status speaks.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let error = |status, body: &str| endpoint().open::<Value>(&Reply::of(status, body), "test").unwrap_err();
        let kind = |status, body: &str| error(status, body).kind();
        let bad_key = r#"{"status":"error","message":"Not logged in."}"#;
        assert_eq!((kind(200, bad_key), kind(500, bad_key)), (ErrorKind::Unauthorized, ErrorKind::Unauthorized));
        let unknown = r#"{"status":"error","message":"odd"}"#;
        assert_eq!((kind(200, unknown), kind(403, unknown)), (ErrorKind::Unavailable, ErrorKind::Unauthorized));
        assert_eq!(kind(200, r#"{"status":"error","error":"topup_required"}"#), ErrorKind::AccountLimit);
        assert_eq!((kind(401, ""), kind(403, "{}")), (ErrorKind::Unauthorized, ErrorKind::Unauthorized));
        assert_eq!(
            (kind(403, "Forbidden"), kind(403, "error code: 1020")),
            (ErrorKind::Unavailable, ErrorKind::AddressRefused)
        );
        assert_eq!((kind(403, "<html>busy</html>"), kind(521, "")), (ErrorKind::Unavailable, ErrorKind::Unavailable));
        assert_eq!(error(429, "").retry_after(), Some(PAUSE));
        for broken in ["", "{}", "[]", "7", r#"{"status":"succ"#, r#"{"status":["success"]}"#] {
            assert_eq!(kind(200, broken), ErrorKind::Malformed, "{broken}");
        }
        let deferred = error(200, r#"{"status":"deferred","delay":30}"#);
        assert_eq!((deferred.kind(), deferred.retry_after()), (ErrorKind::NotCached, Some(Duration::from_secs(30))));
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"status":"error","code":"NEW","message":"<b>k3y</b> is odd"}"#;
        let error = endpoint().open::<Value>(&Reply::of(200, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("NEW: … is odd"));
    }
}
