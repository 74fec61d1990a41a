//! The envelope of every reply: is it a success, and if not, what does the service say?

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::error_of;
use super::Endpoint;
use crate::net::{Reply, Secret};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl Endpoint {
    /// Takes the envelope off: the body speaks before the HTTP status.
    pub(super) fn envelope(&self, reply: &Reply, operation: &'static str) -> Result<(Value, Option<Pagination>)> {
        let envelope: Envelope = read(reply, operation)?;
        match (envelope.success, envelope.value, envelope.error) {
            (Some(true), Some(value), _) if reply.status.is_success() => Ok((value, envelope.pagination)),
            (_, _, Some(code)) => Err(lenient::with_wait(
                complaint(&code, envelope.words.as_deref(), &[&self.key.now()], operation),
                reply,
            )),
            _ if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
            _ => Err(Error::new(ErrorKind::Malformed, operation).detail("the reply says neither success nor error")),
        }
    }

    pub(super) fn open<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        lenient::part(self.envelope(reply, operation)?.0, operation)
    }
}

/// A body that speaks JSON, whatever the status; without one the status speaks.
pub(in super::super) fn read<T: DeserializeOwned>(reply: &Reply, operation: &'static str) -> Result<T> {
    if let Some(refusal) = lenient::edge_refusal(reply, operation, "Debrid-Link") {
        return Err(refusal);
    }
    let is_readable = !reply.body.iter().all(u8::is_ascii_whitespace) && !lenient::is_web_page(reply);
    if !is_readable && !reply.status.is_success() {
        return Err(
            lenient::status_error(reply, operation).advise("Debrid-Link is having trouble; try again in a while")
        );
    }
    match lenient::json(reply, operation) {
        Err(_) if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
        answer => answer,
    }
}

/// Does it say that its route was asked too often? The service counts each route by itself.
pub(in super::super) fn is_flood(reply: &Reply) -> bool {
    serde_json::from_slice::<Envelope>(&reply.body)
        .is_ok_and(|envelope| envelope.error.as_deref() == Some("floodDetected"))
}

/// The error of a code and the service's words beside it, without `secrets`.
pub(in super::super) fn complaint(
    code: &str,
    words: Option<&str>,
    secrets: &[&Secret],
    operation: &'static str,
) -> Error {
    let words = lenient::quote(words.unwrap_or_default(), secrets);
    error_of(&lenient::quote(code, secrets), &words, operation)
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    success: Option<bool>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    pagination: Option<Pagination>,
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, rename = "error_description", deserialize_with = "lenient::text")]
    words: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    #[serde(default, deserialize_with = "lenient::maybe")]
    pub(super) next: Option<i64>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::endpoint;
    use super::*;

    /// Goal: the body speaks before the HTTP status; without a readable body the status speaks.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open::<Value>(&Reply::of(status, body), "test").unwrap_err().kind();
        let bad_key = r#"{"success":false,"error":"badToken","error_id":"x1"}"#;
        assert_eq!(kind(200, bad_key), ErrorKind::Unauthorized);
        assert_eq!(kind(401, bad_key), ErrorKind::Unauthorized);
        assert_eq!(kind(403, r#"{"success":false,"error":"serverNotAllowed"}"#), ErrorKind::AddressRefused);
        assert_eq!(kind(500, r#"{"success":true,"value":{}}"#), ErrorKind::Unavailable);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"success":true}"#), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"success":tr"#), ErrorKind::Malformed);
        assert_eq!(kind(200, ""), ErrorKind::Malformed);
    }

    /// Goal: a flood is known by its code alone, whatever the status.
    #[test]
    fn floods_are_told_by_their_code() {
        assert!(is_flood(&Reply::of(400, r#"{"success":false,"error":"floodDetected"}"#)));
        for other in
            [r#"{"success":false,"error":"maxAttempts"}"#, r#"{"success":true,"value":{}}"#, "floodDetected", "{", ""]
        {
            assert!(!is_flood(&Reply::of(429, other)), "{other}");
        }
    }

    /// Goal: no key in an error text, even if the service repeats it, and no markup.
    #[test]
    fn complaints_hold_no_key() {
        let body = r#"{"success":false,"error":"newThing","error_description":"<b>k3y</b> is odd"}"#;
        let error = endpoint().open::<Value>(&Reply::of(400, body), "test").unwrap_err();
        assert_eq!(error.detail_text(), Some("newThing: … is odd"));
    }

    /// Goal: the wait that a flood's reply names goes before the hour.
    #[test]
    fn a_flood_may_name_its_wait() {
        let mut reply = Reply::of(429, r#"{"success":false,"error":"floodDetected"}"#);
        let wait = |reply: &Reply| endpoint().open::<Value>(reply, "test").unwrap_err().retry_after();
        assert_eq!(wait(&reply), Some(Duration::from_secs(3_600)));
        reply.headers.insert("retry-after", "90".parse().unwrap());
        assert_eq!(wait(&reply), Some(Duration::from_secs(90)));
    }
}
