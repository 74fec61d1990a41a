//! What goes back: JSON, and problems (RFC 9457) from one table of statuses.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use prostream_core::{BoxError, Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;
use warp::reply::{Reply, Response};

/// Names one request in answers and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The status of every kind of error: when it is the caller's or ours, and when it happened at an outside service. The two differ where
/// the first would tell the client something wrong about itself: a bad TMDB key is no reason to sign in again.
const STATUSES: [(ErrorKind, StatusCode, StatusCode); ErrorKind::ALL.len()] = [
    (ErrorKind::InvalidInput, StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST),
    (ErrorKind::Unauthorized, StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY),
    (ErrorKind::RateLimited, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE),
    (ErrorKind::NotFound, StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
    (ErrorKind::Forbidden, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
    (ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE),
    (ErrorKind::TimedOut, StatusCode::GATEWAY_TIMEOUT, StatusCode::GATEWAY_TIMEOUT),
    (ErrorKind::Refused, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
    (ErrorKind::Unsupported, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY),
    (ErrorKind::Malformed, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_GATEWAY),
    (ErrorKind::LimitExceeded, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_GATEWAY),
    (ErrorKind::NotCached, StatusCode::CONFLICT, StatusCode::CONFLICT),
    (ErrorKind::SourceChanged, StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY),
    (ErrorKind::AccountLimit, StatusCode::PAYMENT_REQUIRED, StatusCode::PAYMENT_REQUIRED),
    (ErrorKind::Cancelled, StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE),
    (ErrorKind::Ambiguous, StatusCode::CONFLICT, StatusCode::CONFLICT),
    (ErrorKind::Storage, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::INTERNAL_SERVER_ERROR),
    (ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::INTERNAL_SERVER_ERROR),
    (ErrorKind::AddressRefused, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
];

/// The status that an error is answered with.
fn status_of(kind: ErrorKind, is_outside: bool) -> StatusCode {
    let row = STATUSES.iter().find(|row| row.0 == kind);
    row.map_or(StatusCode::INTERNAL_SERVER_ERROR, |row| if is_outside { row.2 } else { row.1 })
}

/// A refusal or failure on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem(Box<Told>);

#[derive(Debug)]
struct Told {
    status: StatusCode,
    code: &'static str,
    title: Cow<'static, str>,
    detail: Option<String>,
    advice: Option<String>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    /// What the addon protocol calls it.
    addon_word: Option<&'static str>,
    cause: Option<Error>,
}

/// What is handed back by a route.
pub(crate) type Answer = Result<Response, Problem>;

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        let title = title.into();
        Self(Box::new(Told {
            status,
            code,
            title,
            detail: None,
            advice: None,
            retry_after: None,
            allow: None,
            addon_word: None,
            cause: None,
        }))
    }

    /// A kind of the engine's, said by the server itself.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        Self::new(status_of(kind, false), kind.code(), kind.to_string())
    }

    /// Input that makes no sense.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::of(ErrorKind::InvalidInput).detail(detail)
    }

    /// Nobody, or nobody we know, is asking.
    pub(crate) fn unauthorized() -> Self {
        Self::of(ErrorKind::Unauthorized).advise("sign in again: POST /api/v1/auth/login")
    }

    /// There is nothing here; also the answer for what belongs to somebody else.
    pub(crate) fn not_found() -> Self {
        Self::of(ErrorKind::NotFound)
    }

    /// The path exists, the method does not (RFC 9110 section 15.5.6).
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "method not allowed");
        problem.0.allow = Some(allow);
        problem
    }

    /// The body is larger than the limit.
    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "body too large")
            .detail(format!("the limit is {limit_bytes} bytes"))
    }

    /// The target is longer than the limit.
    pub(crate) fn target_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "target_too_long", "request target too long")
    }

    /// The header fields are larger than the limit.
    pub(crate) fn header_too_large() -> Self {
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "header_too_large", "request header fields too large")
    }

    /// The body is not of a kind that is read here.
    pub(crate) fn unsupported_media_type(detail: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "unsupported media type").detail(detail)
    }

    /// The body did not come in time.
    pub(crate) fn body_timed_out() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_timed_out", "the body did not arrive in time")
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The same problem for clients of the addon protocol, which read one member of their own and the status.
    /// Source: `stremio-addon-sdk`, `src/getRouter.js`.
    pub(crate) fn for_addon(mut self) -> Self {
        let is_missing = self.0.status == StatusCode::NOT_FOUND;
        self.0.addon_word = Some(if is_missing { "not found" } else { "handler error" });
        self
    }

    /// The body of this problem; shared by responses and events.
    pub(crate) fn body(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:prostream:problem:{}", self.0.code),
            title: self.0.title.clone().into_owned(),
            status: self.0.status.as_u16(),
            code: self.0.code,
            detail: self.0.detail.clone(),
            advice: self.0.advice.clone(),
            retry_after_s: self.0.retry_after.map(whole_seconds),
            request_id: request_id.to_owned(),
            err: self.0.addon_word,
        }
    }

    /// The response; the cause goes into the log under the same request id.
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        match (&self.0.cause, self.0.status.is_server_error()) {
            (Some(cause), true) => tracing::error!(request_id, error = ?cause, "request failed"),
            (Some(cause), false) => tracing::debug!(request_id, error = ?cause, "request refused"),
            (None, _) => {}
        }
        let body = serde_json::to_vec(&self.body(request_id)).unwrap_or_default();
        let mut response = Response::new(body.into());
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.0.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if let Some(allow) = self.0.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Rounded up, so that whoever waits this long has waited long enough.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut problem = Self::about(&error);
        problem.0.cause = Some(error);
        problem
    }
}

impl Problem {
    /// What a client is told about an error; the error itself stays with whoever logs it.
    pub(crate) fn about(error: &Error) -> Self {
        let kind = error.kind();
        let is_outside = error.provider().is_some();
        let mut problem = Self::new(status_of(kind, is_outside), kind.code(), kind.to_string());
        // What broke on this machine is for the log alone.
        if !matches!(kind, ErrorKind::Storage | ErrorKind::Internal) {
            problem.0.detail = match (error.provider(), error.detail_text()) {
                (Some(provider), Some(detail)) => Some(format!("{provider}: {detail}")),
                (Some(provider), None) => Some(format!("at {provider}")),
                (None, detail) => detail.map(str::to_owned),
            };
            problem.0.advice = error.advice().map(str::to_owned);
            problem.0.retry_after = error.retry_after();
        }
        problem
    }
}

/// `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A name of the kind of problem.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The kind in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The kind as a short stable name, such as `not_found`.
    pub(crate) code: &'static str,
    /// What exactly was wrong.
    pub(crate) detail: Option<String>,
    /// What to do about it.
    pub(crate) advice: Option<String>,
    /// When another try makes sense, in seconds.
    pub(crate) retry_after_s: Option<u64>,
    /// Names this request in the server's log.
    pub(crate) request_id: String,
    /// Below `/addon/` alone: what the addon protocol calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) err: Option<&'static str>,
}

/// JSON that belongs to one user and is kept nowhere.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value)
        .map_err(|error| Problem::from(Error::new(ErrorKind::Internal, "write answer").because(error)))?;
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A body in memory of a given type.
pub(crate) fn bytes(content_type: &str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    let content_type =
        HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A body that is made while it is sent: nothing is read before the client takes it, and nothing is copied.
pub(crate) fn stream<S, E>(content_type: &str, body: S) -> Response
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError> + Send + 'static,
{
    let mut response = warp::reply::stream(Shareable(Mutex::new(Box::pin(body)))).into_response();
    let content_type =
        HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Makes a stream `Sync`, as warp wants its bodies: the lock is never taken, since a stream is polled through `&mut` alone.
struct Shareable<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream> Stream for Shareable<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(context)
    }
}

/// Sets a header field, unless its value could not stand in one.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Response {
    warp::reply::with_status(warp::reply(), status).into_response()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status, self.0.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no kind is answered by accident.
    #[test]
    fn every_kind_has_a_status() {
        for kind in ErrorKind::ALL {
            let rows: Vec<_> = STATUSES.iter().filter(|row| row.0 == kind).collect();
            assert_eq!(rows.len(), 1, "{kind:?}");
            assert!(rows[0].1.is_client_error() || rows[0].1.is_server_error());
            assert_eq!(Problem::from(Error::new(kind, "test")).body("id").code, kind.code());
        }
    }

    /// Goal: what belongs into the log alone never reaches a body (EDGE-09).
    /// Method: an error of each kind carries a path and SQL in its cause, and in its detail where ours may not be shown.
    #[test]
    fn edge_09_causes_stay_in_the_log() {
        for kind in ErrorKind::ALL {
            let mut error = Error::new(kind, "test").because("/var/lib/secret: SELECT * FROM users");
            if matches!(kind, ErrorKind::Storage | ErrorKind::Internal) {
                error = error.detail("/var/lib/secret: SELECT * FROM users");
            }
            let body = serde_json::to_string(&Problem::from(error).body("id")).unwrap();
            assert!(!body.contains("secret") && !body.contains("SELECT"), "{body}");
        }
    }

    /// Goal: a wait is never rounded to before its end.
    #[test]
    fn waits_round_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
    }
}
