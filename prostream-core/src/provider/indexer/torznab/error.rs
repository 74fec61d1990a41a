//! What Torznab errors mean: codes of error documents, which may come with any status, and statuses without a document.

use crate::net::{Reply, Secret};
use crate::provider::lenient;
use crate::{Error, ErrorKind};

/// Why a document is not the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// `<error code="…" description="…"/>`
    Error {
        /// The code, where it is a number.
        code: Option<u16>,
        /// Free text, which may repeat what we sent.
        description: String,
    },
    /// HTML: a proxy, a protection page, or an address that is no Torznab endpoint.
    WebPage,
    /// Nested deeper than any feed.
    TooDeep,
    /// Something else.
    Malformed(&'static str),
}

/// The error behind a reply that is not the document that was asked for.
pub(super) fn failure(reply: &Reply, trouble: &Trouble, key: &Secret, operation: &'static str) -> Error {
    let error = match trouble {
        Trouble::Error { code, description } => {
            let (kind, advice) = kind_of(reply.status.as_u16(), *code, description, key);
            let error = Error::new(kind, operation).detail(describe(*code, description, key));
            if advice.is_empty() { error } else { error.advise(advice) }
        }
        _ if !reply.status.is_success() => status_failure(reply, operation),
        Trouble::WebPage => Error::new(ErrorKind::Unavailable, operation)
            .detail("a web page came instead of a feed")
            .advise("check the address: it normally ends in /api"),
        Trouble::TooDeep => Error::new(ErrorKind::LimitExceeded, operation).detail("the feed is nested too deeply"),
        Trouble::Malformed(detail) => Error::new(ErrorKind::Malformed, operation).detail(*detail),
    };
    lenient::with_wait(error, reply)
}

/// The one table of codes. Source: Newznab's `errors.md`; 410 and 429 are Prowlarr's, 900 is what Jackett says for a tracker's failure.
fn kind_of(status: u16, code: Option<u16>, description: &str, key: &Secret) -> (ErrorKind, &'static str) {
    const CHECK_KEY: &str = "check the API key of the indexer";
    let says = |words: &str| description.to_ascii_lowercase().contains(words);
    match code.unwrap_or(900) {
        100..=199 => (ErrorKind::Unauthorized, CHECK_KEY),
        _ if status == 429 || says("limit reached") => (ErrorKind::RateLimited, ""),
        429 | 500 | 501 => (ErrorKind::RateLimited, ""),
        // Sites ask for the key as for any other parameter.
        200 if key.is_empty() => (ErrorKind::Unauthorized, "the indexer wants an API key"),
        200 | 201 => (ErrorKind::InvalidInput, "check that the address names an indexer that is set up"),
        202 | 203 => (ErrorKind::Unsupported, ""),
        300 | 301 => (ErrorKind::NotFound, ""),
        410 => (ErrorKind::Unavailable, "the indexer is disabled"),
        910 => (ErrorKind::Unavailable, "the API of the indexer is disabled"),
        _ => (ErrorKind::Unavailable, ""),
    }
}

fn describe(code: Option<u16>, description: &str, key: &Secret) -> String {
    // Trackers' own failures are passed on with the address that failed, and that may hold a passkey.
    let words = lenient::quote(&lenient::without_addresses(description), &[key]);
    match code {
        Some(code) => format!("error {code}: {words}"),
        None => format!("error: {words}"),
    }
}

/// The error that a status without an error document tells.
pub(super) fn status_failure(reply: &Reply, operation: &'static str) -> Error {
    match reply.status.as_u16() {
        401 => {
            Error::new(ErrorKind::Unauthorized, operation).detail("HTTP 401").advise("check the API key of the indexer")
        }
        410 => Error::new(ErrorKind::NotFound, operation).detail("HTTP 410"),
        404 => Error::new(ErrorKind::NotFound, operation).detail("HTTP 404").advise("check the address of the indexer"),
        300..=399 => Error::new(ErrorKind::Unavailable, operation)
            .detail("a redirect came instead of an answer")
            .advise("give the address that the indexer itself answers at"),
        _ => lenient::status_error(reply, operation),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn kind(status: u16, code: u16, description: &str) -> ErrorKind {
        let reply =
            Reply { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::new() };
        let trouble = Trouble::Error { code: Some(code), description: description.into() };
        failure(&reply, &trouble, &Secret::new("k3y"), "search").kind()
    }

    /// Goal: each documented code has its kind, whatever the status; the status decides only where it says more.
    #[test]
    fn codes_have_their_kinds() {
        for (kind_of_code, codes) in [
            (ErrorKind::Unauthorized, [100, 101, 102, 103, 104, 105, 106, 107].as_slice()),
            (ErrorKind::InvalidInput, &[200, 201]),
            (ErrorKind::Unsupported, &[202, 203]),
            (ErrorKind::NotFound, &[300, 301]),
            (ErrorKind::RateLimited, &[429, 500, 501]),
            (ErrorKind::Unavailable, &[410, 900, 910, 999]),
        ] {
            for code in codes {
                for status in [200, 400] {
                    assert_eq!(kind(status, *code, ""), kind_of_code, "{code} with {status}");
                }
            }
        }
        assert_eq!(kind(400, 203, "Function Not Available"), ErrorKind::Unsupported);
        assert_eq!(kind(200, 300, ""), ErrorKind::NotFound);
        assert_eq!(kind(410, 410, "disabled"), ErrorKind::Unavailable);
        assert_eq!(kind(200, 500, "Request limit reached (100/100)"), ErrorKind::RateLimited);
        assert_eq!(kind(429, 900, "TooManyRequests"), ErrorKind::RateLimited);
        assert_eq!(kind(400, 900, "tracker is down"), ErrorKind::Unavailable);
        assert_eq!(kind(200, 910, ""), ErrorKind::Unavailable);
    }

    /// Goal: an indexer that repeats our key does not bring it into a log.
    #[test]
    fn descriptions_hold_no_key() {
        let reply = Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::new() };
        let trouble = Trouble::Error { code: Some(100), description: "bad key k3y\n".into() };
        let error = failure(&reply, &trouble, &Secret::new("k3y"), "search");
        assert_eq!(error.to_string(), "search: unauthorized: error 100: bad key …");
        let description =
            "Exception (site): GET https://tracker.example/0123456789abcdef/dl?passkey=s3cret failed".into();
        let error = failure(&reply, &Trouble::Error { code: Some(900), description }, &Secret::new("k3y"), "search");
        assert_eq!(
            error.to_string(),
            "search: unavailable: error 900: Exception (site): GET https://tracker.example/… failed"
        );
    }
}
