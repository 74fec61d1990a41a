//! What all stand-ins do with requests and replies.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::{StandInReply, StandInRequest};

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> StandInReply {
    let mut reply = http::Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> StandInReply {
    reply(status, "application/json; charset=utf-8", body.to_string())
}

/// The pairs of the query, decoded, in order.
pub(super) fn query(request: &StandInRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The pairs of a form body, decoded, in order.
pub(super) fn form(request: &StandInRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

/// The first value under `name`.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
}

/// The key of `Authorization: Bearer …`.
pub(super) fn bearer(request: &StandInRequest) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Seconds since 1970 now.
pub(super) fn unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The host that was asked, as it stands in the request.
pub(super) fn host(request: &StandInRequest) -> String {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    host.unwrap_or("localhost").to_owned()
}

/// A path with its `%20` and the like decoded.
pub(super) fn decode_path(path: &str) -> String {
    // Form decoding takes `+`, `&` and `=` for more than themselves, which paths do not.
    let form = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a path is decoded as a path, not as a form.
    #[test]
    fn paths_are_decoded() {
        assert_eq!(decode_path("/a%20b+c&d=e%2Bf/%C3%A4.mkv"), "/a b+c&d=e+f/ä.mkv");
    }
}
