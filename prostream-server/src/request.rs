//! A request as a route sees it: parameters of the path, the query, and a body that is read with every limit on.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
};
use serde::de::DeserializeOwned;

use crate::config::{AddressBlock, Limits};
use crate::reply::Problem;

/// Deepest nesting of a JSON body (EDGE-04).
const MAX_JSON_DEPTH: usize = 64;

/// The pieces of a body as they come; an error means that the connection broke.
pub(crate) type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// A request whose path has matched.
pub(crate) struct Request {
    /// Names it in answers and logs.
    pub(crate) id: String,
    /// Who asks, with trusted proxies seen through.
    pub(crate) client: IpAddr,
    /// Its header fields.
    pub(crate) headers: HeaderMap,
    /// Its query, without the question mark.
    pub(crate) query: String,
    /// What stood in the places that the template names, percent-decoding not applied: no id of ours needs it.
    pub(crate) params: Vec<(&'static str, String)>,
    /// Its body, unread.
    pub(crate) body: BodyStream,
}

impl Request {
    /// A parameter of the path. Empty for a name that the template does not have.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// A parameter of the path, percent-decoded (RFC 3986 section 2.1).
    ///
    /// # Errors
    /// It is no percent-encoded UTF-8.
    pub(crate) fn decoded_param(&self, name: &str) -> Result<String, Problem> {
        decode(self.param(name)).ok_or_else(|| Problem::invalid(format!("{name} is not percent-encoded UTF-8")))
    }

    /// Does one of the validators in this field match? Weak comparison (RFC 9110 section 8.8.3.2), as `If-None-Match` wants it.
    pub(crate) fn matches_etag(&self, field: &HeaderName, etag: &str) -> bool {
        let fields = self.headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
        fields
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|one| one == "*" || one.trim_start_matches("W/") == etag)
    }

    /// A header field as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The access token (RFC 6750 section 2.1). Nowhere else is one taken from.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let mut fields = self.headers.get_all(AUTHORIZATION).iter();
        let (field, None) = (fields.next()?, fields.next()) else { return None };
        let (scheme, token) = field.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// A cookie by name.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(http::header::COOKIE)
            .iter()
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(';'))
            .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
    }

    /// Does the client ask for this media type by name?
    pub(crate) fn accepts(&self, media_type: &str) -> bool {
        self.headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(','))
            .any(|range| range.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type)))
    }

    /// Does the client take this content coding? Only one that it names, without the weight 0 (RFC 9110 section 12.5.3).
    pub(crate) fn accepts_encoding(&self, coding: &str) -> bool {
        let fields = self.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|field| field.to_str().ok());
        fields.flat_map(|field| field.split(',')).any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(coding) && weight.is_none_or(|weight| weight > 0.0)
        })
    }

    /// Reads the query.
    ///
    /// # Errors
    /// A parameter is missing, unknown, twice there or malformed.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        let mut object = serde_json::Map::new();
        for (key, value) in pairs {
            if object.insert(key.clone().into_owned(), value.into_owned().into()).is_some() {
                return Err(Problem::invalid(format!("the parameter {key:?} stands twice")));
            }
        }
        serde_json::from_value(object.into()).map_err(|error| Problem::invalid(format!("query: {error}")))
    }

    /// Reads a JSON body.
    ///
    /// # Errors
    /// 415 for another type or an encoded body, 413 beyond the limit (before reading, when the length is announced), 408 when it does not
    /// come in time, 400 for what is no such JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self, limits: &Limits) -> Result<T, Problem> {
        let media_type = self.header(&CONTENT_TYPE).and_then(|field| field.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type("send application/json"));
        }
        if self.headers.contains_key(CONTENT_ENCODING) {
            return Err(Problem::unsupported_media_type("send the body without Content-Encoding"));
        }
        let announced = self.header(&CONTENT_LENGTH).and_then(|field| field.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limits.body_size_bytes) {
            return Err(Problem::too_large(limits.body_size_bytes));
        }
        let deadline = Duration::from_secs(limits.body_timeout_s.into());
        let body = tokio::time::timeout(deadline, read_body(&mut self.body, limits.body_size_bytes))
            .await
            .map_err(|_| Problem::body_timed_out())??;
        if !is_shallow(&body) {
            return Err(Problem::invalid(format!("body: nested deeper than {MAX_JSON_DEPTH}")));
        }
        // serde reads a struct from an array as well, by position: nothing that an API should take.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Problem::invalid("body: a JSON object is needed"));
        }
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("body: {error}")))
    }
}

/// Percent-decodes a text (RFC 3986 section 2.1); `None` for what is no percent-encoded UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' { digit(rest.next()?)? << 4 | digit(rest.next()?)? } else { byte };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

async fn read_body(body: &mut BodyStream, limit_bytes: usize) -> Result<Bytes, Problem> {
    let mut all = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Problem::invalid("the body broke off"))?;
        if all.len() + piece.len() > limit_bytes {
            return Err(Problem::too_large(limit_bytes));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// Is the JSON text nested no deeper than [`MAX_JSON_DEPTH`]? Counts brackets outside of strings, whatever else is wrong with it.
fn is_shallow(text: &[u8]) -> bool {
    let (mut depth, mut is_in_string, mut is_escaped) = (0usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_string => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            _ if is_in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Who asks (EDGE-07): the peer, or, when the peer is a trusted proxy, the right-most address of `X-Forwarded-For` that is not one itself.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[AddressBlock]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|block| block.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let hops = headers.get_all("x-forwarded-for").iter().filter_map(|field| field.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|field| field.split(',')).map(str::trim).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: depth is counted by structure, not by characters in strings.
    #[test]
    fn edge_04_depth_is_limited() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes();
        assert!(is_shallow(&nested(64)));
        assert!(!is_shallow(&nested(65)));
        assert!(!is_shallow(&nested(200_000)));
        let text = format!("{{\"a\": \"{}\\\"{}\"}}", "[".repeat(100), "{".repeat(100));
        assert!(is_shallow(text.as_bytes()));
    }

    /// Goal: forwarding headers count only behind a trusted proxy, and only as far as trusted hops go.
    #[test]
    fn edge_07_forwarded_addresses_need_a_trusted_proxy() {
        let trusted: Vec<AddressBlock> = vec!["10.0.0.0/8".parse().unwrap()];
        let client = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in forwarded {
                headers.append("x-forwarded-for", field.parse().unwrap());
            }
            client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
