//! What Prowlarr's statuses mean. Its error bodies are JSON, XML or nothing, so the status decides.

use crate::net::Reply;
use crate::provider::lenient;
use crate::{Error, ErrorKind};

/// The error behind a reply that is no success, for the API and for `/{id}/download` alike.
///
/// Source: Prowlarr's `ApiKeyAuthenticationHandler`, `SearchController` and `NewznabController`.
pub(super) fn failure(reply: &Reply, operation: &'static str) -> Error {
    let error = |kind| Error::new(kind, operation);
    let error = match reply.status.as_u16() {
        401 => error(ErrorKind::Unauthorized)
            .detail("Prowlarr does not take the API key")
            .advise("copy the key from Prowlarr, Settings, General"),
        400 if says_all_unavailable(reply) => error(ErrorKind::Unavailable)
            .detail("none of the torrent indexers in Prowlarr is available")
            .advise("look at the indexers in Prowlarr"),
        400 => error(ErrorKind::InvalidInput).detail("Prowlarr does not take the request"),
        404 => error(ErrorKind::NotFound)
            .detail("Prowlarr does not know the address or the indexer")
            .advise("check the address, and the URL base in Prowlarr, Settings, General"),
        410 => error(ErrorKind::NotFound).detail("the release is gone or its indexer is disabled"),
        429 => error(ErrorKind::RateLimited).detail("the indexer asks for a pause"),
        // Not Prowlarr's own: it redirects nothing but downloads. A login page of something in front of it.
        300..=399 => error(ErrorKind::Unavailable)
            .detail("a redirect came instead of an answer")
            .advise("give the address that Prowlarr itself answers at"),
        500..=599 => error(ErrorKind::Unavailable).detail("Prowlarr or the indexer failed"),
        _ => return lenient::status_error(reply, operation),
    };
    lenient::with_wait(error, reply)
}

/// `{"message":"Search failed due to all selected indexers being unavailable", …}`
fn says_all_unavailable(reply: &Reply) -> bool {
    const WORDS: &[u8] = b"indexers being unavailable";
    reply.body.windows(WORDS.len()).any(|words| words.eq_ignore_ascii_case(WORDS))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    /// Goal: every status of the API has its kind, with a wait where one is asked for.
    #[test]
    fn each_status_has_its_kind() {
        let table = [
            (401, "", ErrorKind::Unauthorized),
            (
                400,
                r#"{"message":"Search failed due to all selected indexers being unavailable"}"#,
                ErrorKind::Unavailable,
            ),
            (400, r#"[{"propertyName":"type"}]"#, ErrorKind::InvalidInput),
            (404, r#"{"message":"NotFound"}"#, ErrorKind::NotFound),
            (410, r#"<error code="410"/>"#, ErrorKind::NotFound),
            (429, r#"<error code="429"/>"#, ErrorKind::RateLimited),
            (500, r#"<error code="900"/>"#, ErrorKind::Unavailable),
            (503, "<html>", ErrorKind::Unavailable),
            (302, "", ErrorKind::Unavailable),
            (403, "<html>", ErrorKind::Unavailable),
        ];
        for (status, body, kind) in table {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", "30".parse().unwrap());
            let reply = Reply {
                status: StatusCode::from_u16(status).unwrap(),
                headers,
                body: Bytes::from_static(body.as_bytes()),
            };
            let error = failure(&reply, "search");
            assert_eq!(error.kind(), kind, "{status}");
            assert_eq!(error.retry_after().is_some(), kind.is_transient(), "{status}");
        }
    }
}
