//! The envelope of every reply: is it a success, and if not, what does the service say?

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::{error_of, error_without_code};
use super::Endpoint;
use crate::net::Reply;
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

/// Longest pause of an account that is believed.
const MAX_COOLDOWN: Duration = Duration::from_secs(31 * 24 * 3_600);

impl Endpoint {
    /// Takes the envelope off: success speaks first, then the code, then the HTTP status, as failures may come with 200.
    pub(super) fn open(&self, reply: &Reply, operation: &'static str) -> std::result::Result<Answer, Failure> {
        if let Some(error) = lenient::edge_refusal(reply, operation, "TorBox") {
            return Err(Failure::plain(error));
        }
        let envelope: Envelope = match lenient::json(reply, operation) {
            Ok(envelope) => envelope,
            // A text, a page or nothing: then the status says more.
            Err(_) if !reply.status.is_success() => {
                let error = lenient::status_error(reply, operation);
                return Err(Failure::plain(error.advise("TorBox is having trouble; try again in a while")));
            }
            Err(error) => return Err(Failure::plain(error)),
        };
        let Some(is_success) = envelope.success else {
            return Err(Failure::plain(match reply.status {
                StatusCode::UNPROCESSABLE_ENTITY => Error::new(ErrorKind::Unsupported, operation)
                    .detail("the service wants another request")
                    .advise("TorBox has changed its interface: look for a newer ProStream"),
                status if status.is_success() => {
                    Error::new(ErrorKind::Malformed, operation).detail("the reply says neither success nor failure")
                }
                _ => lenient::status_error(reply, operation),
            }));
        };
        let words = lenient::quote(envelope.detail.as_deref().unwrap_or_default(), &[&self.key]);
        let code = envelope.code(reply.status).map(|code| lenient::quote(&code, &[&self.key]));
        let error = match &code {
            None if is_success && reply.status.is_success() => return Ok(Answer { data: envelope.data, words }),
            Some(code) => error_of(code, &words, reply.status, operation),
            None => error_without_code(&words, reply.status, operation),
        };
        let error = match cooldown(&envelope.data) {
            Some(wait) => error.after(wait),
            None => lenient::with_wait(error, reply),
        };
        Err(Failure { code, error })
    }

    pub(super) fn open_as<T: DeserializeOwned>(&self, reply: &Reply, operation: &'static str) -> Result<T> {
        let answer = self.open(reply, operation).map_err(|failure| failure.error)?;
        lenient::part(answer.data, operation)
    }

    /// Rows, of which none is told as an empty list, as null, as an empty object or as "not found"; a single one comes without its list.
    pub(super) fn open_rows(&self, reply: &Reply, operation: &'static str) -> Result<Vec<Value>> {
        match self.open(reply, operation) {
            Ok(Answer { data: Value::Array(rows), .. }) => Ok(rows),
            Ok(Answer { data: Value::Null, .. }) => Ok(Vec::new()),
            Ok(Answer { data: Value::Object(fields), .. }) if fields.is_empty() => Ok(Vec::new()),
            Ok(Answer { data: Value::Object(fields), .. }) if fields.contains_key("id") => {
                Ok(vec![Value::Object(fields)])
            }
            Ok(_) => Err(Error::new(ErrorKind::Malformed, operation).detail("there is no list")),
            Err(failure) if failure.is("ITEM_NOT_FOUND") => Ok(Vec::new()),
            Err(failure) => Err(failure.error),
        }
    }
}

/// How long an account has to pause, by the service's own clock.
fn cooldown(data: &Value) -> Option<Duration> {
    let moment = |name: &str| lenient::moment(data.get(name)?.as_str());
    let wait = moment("cooldown_until")?.duration_since(moment("current_time")?).unwrap_or_default();
    Some(wait.min(MAX_COOLDOWN))
}

/// What came without failure.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) data: Value,
    pub(super) words: String,
}

/// What did not, and the service's code for it.
#[derive(Debug)]
pub(super) struct Failure {
    code: Option<String>,
    pub(super) error: Error,
}

impl Failure {
    /// One that the service's words say nothing of.
    fn plain(error: Error) -> Self {
        Self { code: None, error }
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::maybe")]
    success: Option<bool>,
    /// A code, null, the word "null", or only `true`.
    #[serde(default)]
    error: Value,
    #[serde(default, deserialize_with = "lenient::text")]
    detail: Option<String>,
    #[serde(default)]
    data: Value,
}

impl Envelope {
    /// The code of the failure. Where none is told, the data of a limit or the status stands for one.
    fn code(&self, status: StatusCode) -> Option<String> {
        let told = self.error.as_str().map(str::trim).filter(|code| !code.is_empty() && *code != "null");
        if let Some(code) = told {
            return Some(code.to_owned());
        }
        if self.success == Some(true) && status.is_success() {
            return None;
        }
        let has = |name: &str| self.data.get(name).is_some();
        let implied = match status {
            _ if has("active_limit") => "ACTIVE_LIMIT",
            _ if has("monthly_limit") => "MONTHLY_LIMIT",
            _ if has("cooldown_until") => "COOLDOWN_LIMIT",
            StatusCode::NOT_FOUND => "ITEM_NOT_FOUND",
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "NO_AUTH",
            _ => return None,
        };
        Some(implied.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: success speaks first, then the code, then the status; what is no envelope is judged by its status.
    #[test]
    fn envelopes_are_read_whatever_the_status() {
        let kind = |status, body: &str| endpoint().open(&Reply::of(status, body), "test").unwrap_err().error.kind();
        let bad_token = r#"{"success":false,"error":"BAD_TOKEN","detail":"no","data":null}"#;
        assert_eq!(kind(200, bad_token), ErrorKind::Unauthorized);
        assert_eq!(kind(403, bad_token), ErrorKind::Unauthorized);
        assert_eq!(kind(403, r#"{"success":false,"error":true,"detail":"no"}"#), ErrorKind::Unauthorized);
        assert_eq!(kind(500, r#"{"success":false,"error":"AUTH_ERROR"}"#), ErrorKind::Unavailable);
        assert_eq!(kind(400, r#"{"success":false,"error":true,"detail":"either"}"#), ErrorKind::InvalidInput);
        assert_eq!(kind(200, r#"{"success":false,"error":"null","detail":"?"}"#), ErrorKind::Unavailable);
        assert_eq!(kind(404, r#"{"success":true,"error":"ITEM_NOT_FOUND","data":null}"#), ErrorKind::NotFound);
        assert_eq!(kind(404, r#"{"success":true,"error":null,"data":null}"#), ErrorKind::NotFound);
        assert_eq!(kind(429, r#"{"success":false,"error":"NEW_LIMIT"}"#), ErrorKind::RateLimited);
        assert_eq!(kind(429, r#"{"detail":"60 per 1 hour"}"#), ErrorKind::RateLimited);
        assert_eq!(
            kind(422, r#"{"detail":[{"loc":["query","token"],"msg":"Field required"}]}"#),
            ErrorKind::Unsupported
        );
        assert_eq!(kind(500, "Internal Server Error"), ErrorKind::Unavailable);
        assert_eq!(kind(403, "error code: 1006"), ErrorKind::AddressRefused);
        assert_eq!(kind(429, "error code: 1015"), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<html>busy</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>hello</html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
        assert_eq!(kind(200, r#"{"success":tr"#), ErrorKind::Malformed);
        assert_eq!(kind(200, ""), ErrorKind::Malformed);
        for error in ["null", r#""null""#, r#""""#] {
            let body = format!(r#"{{"success":true,"error":{error},"data":1}}"#);
            assert_eq!(endpoint().open(&Reply::of(200, &body), "test").unwrap().data, 1, "{error}");
        }
    }

    /// Goal: limits are known by their data where no code is told, and a pause says how long by the service's clock.
    #[test]
    fn limits_are_known_by_their_data() {
        let error = |status, data: &str| {
            let body = format!(r#"{{"success":false,"error":true,"detail":"no","data":{data}}}"#);
            endpoint().open(&Reply::of(status, &body), "test").unwrap_err()
        };
        assert!(error(200, r#"{"active_limit":3,"current_active_downloads":3}"#).is("ACTIVE_LIMIT"));
        assert!(error(400, r#"{"monthly_limit":10,"current_downloads":10}"#).is("MONTHLY_LIMIT"));
        let pause = r#"{"cooldown_until":"2025-08-29T20:44:35Z","current_time":"2025-08-29T20:44:05.25+00:00"}"#;
        let pause = error(400, pause);
        assert!(pause.is("COOLDOWN_LIMIT"));
        assert_eq!(pause.error.kind(), ErrorKind::AccountLimit);
        assert_eq!(pause.error.retry_after(), Some(Duration::from_millis(29_750)));
        let ages = r#"{"cooldown_until":"9999-12-31T00:00:00Z","current_time":"2025-08-29T20:44:05Z"}"#;
        assert_eq!(error(400, ages).error.retry_after(), Some(MAX_COOLDOWN));
    }
}
