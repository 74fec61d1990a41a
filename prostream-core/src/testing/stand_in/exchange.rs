//! What every stand-in needs of a request and for a reply.

use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::Value;

use super::{StandInReply, StandInRequest};

/// A JSON reply.
pub(super) fn json(status: StatusCode, body: &Value) -> StandInReply {
    reply(status, "application/json; charset=utf-8", body.to_string().into())
}

/// A reply of any kind.
pub(super) fn reply(status: StatusCode, content_type: &str, body: Bytes) -> StandInReply {
    let mut reply = StandInReply::new(body);
    *reply.status_mut() = status;
    if let Ok(value) = content_type.parse() {
        reply.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    reply
}

/// Names and values of the query, decoded.
pub(super) fn query(request: &StandInRequest) -> Vec<(String, String)> {
    pairs(request.uri().query().unwrap_or_default().as_bytes())
}

/// Names and values of a form body, decoded.
pub(super) fn form(request: &StandInRequest) -> Vec<(String, String)> {
    pairs(request.body())
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

/// The first value under `name`.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
}

/// The key of `Authorization: Bearer …`.
pub(super) fn bearer(request: &StandInRequest) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
