//! OpenSubtitles' errors: told by the HTTP status, with words beside it. Source: the API's documentation ("Errors", "Download"), and
//! what public clients look for.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::net::{Reply, Secret};
use crate::provider::lenient;
use crate::{Error, ErrorKind};

const ASK_OTHERWISE: &str = "OpenSubtitles does not accept the question; check the title's name and ids";
const CHECK_USER: &str =
    "check user name and password of OpenSubtitles; the name is that of opensubtitles.com, not of opensubtitles.org";
const CHECK_KEY: &str = "check the OpenSubtitles key: opensubtitles.com/consumers";
const GONE: &str = "OpenSubtitles no longer has this subtitle; choose another one";
const QUOTA: &str =
    "the day's downloads of the OpenSubtitles account are used up: wait for the next day, or become a VIP there";
const SLOWER: &str = "OpenSubtitles asks for fewer requests; try again in a while";
const LATER: &str = "OpenSubtitles is having trouble; try again in a while";
/// What there is to do where downloads need a sign-in and none is set.
pub(super) const SET_USER: &str =
    "set user name and password of an account at opensubtitles.com: without, it gives no files";

/// Longest wait for a quota that is believed: it is renewed once a day.
const MAX_QUOTA_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Status, kind, advice. What stands in no row has the kind of its status class.
pub(super) const TABLE: &[(u16, ErrorKind, &str)] = &[
    (400, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (401, ErrorKind::Unauthorized, CHECK_USER),
    (403, ErrorKind::Unauthorized, CHECK_KEY),
    (404, ErrorKind::NotFound, GONE),
    (406, ErrorKind::AccountLimit, QUOTA),
    (410, ErrorKind::NotFound, GONE),
    (422, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (429, ErrorKind::RateLimited, SLOWER),
    (500, ErrorKind::Unavailable, LATER),
    (502, ErrorKind::Unavailable, LATER),
    (503, ErrorKind::Unavailable, LATER),
    (504, ErrorKind::Unavailable, LATER),
];

/// An error body. Which field has the words differs from call to call.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    errors: Vec<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    reset_time_utc: Option<String>,
}

/// What `reply` complains about at `now`; `None` when it is an answer.
pub(super) fn complaint(reply: &Reply, operation: &'static str, secrets: &[&Secret], now: SystemTime) -> Option<Error> {
    if lenient::is_web_page(reply) {
        let error = lenient::status_error(reply, operation);
        return Some(error.detail("a web page came instead of data").advise(LATER));
    }
    if reply.status.is_success() {
        return None;
    }
    let status = reply.status.as_u16();
    let mut error = match TABLE.iter().find(|row| row.0 == status) {
        Some((_, kind, advice)) => Error::new(*kind, operation).detail(format!("HTTP {status}")).advise(*advice),
        None => lenient::status_error(reply, operation),
    };
    let body: ErrorBody = serde_json::from_slice(&reply.body).unwrap_or_default();
    let words = body.message.or(body.error).or_else(|| body.errors.into_iter().next()).unwrap_or_default();
    let words = lenient::quote(&words, secrets);
    if !words.is_empty() {
        error = error.detail(format!("HTTP {status}: {words}"));
    }
    let reset = lenient::moment(body.reset_time_utc.as_deref()).filter(|_| error.kind() == ErrorKind::AccountLimit);
    Some(match reset.and_then(|reset| reset.duration_since(now).ok()) {
        Some(wait) => error.after(wait.min(MAX_QUOTA_WAIT)),
        None => lenient::with_wait(error, reply),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn told(status: u16, body: &str) -> Error {
        complaint(&Reply::of(status, body), "test", &[&Secret::new("s3cret")], NOW).unwrap()
    }

    /// Goal: every documented status has the kind a caller can act on, and advice.
    /// Method: the statuses by kind, written out; together they are the table.
    #[test]
    fn every_documented_status_has_its_kind() {
        use ErrorKind::{AccountLimit, InvalidInput, NotFound, RateLimited, Unauthorized, Unavailable};
        let documented: &[(ErrorKind, &[u16])] = &[
            (InvalidInput, &[400, 422]),
            (Unauthorized, &[401, 403]),
            (NotFound, &[404, 410]),
            (AccountLimit, &[406]),
            (RateLimited, &[429]),
            (Unavailable, &[500, 502, 503, 504]),
        ];
        let mut count = 0;
        for (kind, statuses) in documented {
            for status in *statuses {
                let error = told(*status, r#"{"message":"words"}"#);
                assert_eq!(error.kind(), *kind, "{status}");
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()), "{status}");
                assert_eq!(error.detail_text(), Some(format!("HTTP {status}: words").as_str()));
                count += 1;
            }
        }
        assert_eq!(count, TABLE.len(), "the table has rows that are not documented");
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0), "the table is sorted and has no status twice");
    }

    /// Goal: words are found wherever they stand, without our secrets; without any the status speaks.
    #[test]
    fn words_are_kept_without_secrets() {
        assert_eq!(told(401, r#"{"errors":["no s3cret","x"]}"#).detail_text(), Some("HTTP 401: no …"));
        assert_eq!(told(403, r#"{"error":"s3cret?"}"#).detail_text(), Some("HTTP 403: …?"));
        assert_eq!(told(400, r#"{"errors":{"x":1}}"#).detail_text(), Some("HTTP 400"));
        assert_eq!(told(418, "").detail_text(), Some("HTTP 418"));
        let page = told(403, "<html>blocked</html>");
        assert_eq!(page.kind(), ErrorKind::Unavailable);
        assert!(complaint(&Reply::of(200, "{}"), "test", &[], NOW).is_none());
    }

    /// Goal: a used-up quota says how long; a reset that has passed, is none, or belongs to another error says nothing; a far one is cut.
    #[test]
    fn a_quota_says_when_it_is_renewed() {
        let wait = |status, reset: &str| told(status, &format!(r#"{{"reset_time_utc":{reset}}}"#)).retry_after();
        assert_eq!(wait(406, r#""1970-01-01T01:00:00.000Z""#), Some(Duration::from_secs(3600)));
        assert_eq!(wait(406, r#""2999-01-01T01:00:00Z""#), Some(MAX_QUOTA_WAIT));
        for nothing in [r#""1969-01-01T01:00:00Z""#, r#""soon""#, "5", "null"] {
            assert_eq!(wait(406, nothing), None, "{nothing}");
        }
        assert_eq!(wait(400, r#""1970-01-01T01:00:00.000Z""#), None);
    }
}
