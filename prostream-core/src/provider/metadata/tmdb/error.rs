//! TMDB's own error numbers. Source: developer.themoviedb.org, page "Errors".

use serde::Deserialize;

use crate::net::{Reply, Secret};
use crate::provider::lenient;
use crate::{Error, ErrorKind};

const CHECK_KEY: &str = "check the TMDB key: a v3 key of 32 characters or an API read access token";
const ACCOUNT_CLOSED: &str = "TMDB has suspended or disabled this account or key: see themoviedb.org/settings/api";
const LATER: &str = "TMDB is having trouble; try again in a while";
const SLOWER: &str = "TMDB asks for fewer requests; try again in a while";
const NOT_THERE: &str = "TMDB does not know this title; check its id";
const ASK_OTHERWISE: &str = "TMDB does not accept the question; check the title's name, id and year";
const OURS: &str = "this is a defect of ProStream; please report it";

/// Number, kind, advice. The numbers of plain success (1, 12, 13, 40) are no errors and stand in no row.
pub(super) const TABLE: &[(u64, ErrorKind, &str)] = &[
    (2, ErrorKind::Internal, OURS),
    (3, ErrorKind::Unauthorized, CHECK_KEY),
    (4, ErrorKind::Internal, OURS),
    (5, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (6, ErrorKind::NotFound, NOT_THERE),
    (7, ErrorKind::Unauthorized, CHECK_KEY),
    (8, ErrorKind::Internal, OURS),
    (9, ErrorKind::Unavailable, LATER),
    (10, ErrorKind::Unauthorized, ACCOUNT_CLOSED),
    (11, ErrorKind::Unavailable, LATER),
    (14, ErrorKind::Unauthorized, CHECK_KEY),
    (15, ErrorKind::Unavailable, LATER),
    (16, ErrorKind::Unauthorized, CHECK_KEY),
    (17, ErrorKind::Unauthorized, CHECK_KEY),
    (18, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (19, ErrorKind::Internal, OURS),
    (20, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (21, ErrorKind::NotFound, NOT_THERE),
    (22, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (23, ErrorKind::InvalidInput, ASK_OTHERWISE),
    (24, ErrorKind::Unavailable, LATER),
    (25, ErrorKind::RateLimited, SLOWER),
    (26, ErrorKind::Unauthorized, CHECK_KEY),
    (27, ErrorKind::Internal, OURS),
    (28, ErrorKind::Internal, OURS),
    (29, ErrorKind::Internal, OURS),
    (30, ErrorKind::Unauthorized, CHECK_KEY),
    (31, ErrorKind::Unauthorized, ACCOUNT_CLOSED),
    (32, ErrorKind::Unauthorized, ACCOUNT_CLOSED),
    (33, ErrorKind::Unauthorized, CHECK_KEY),
    (34, ErrorKind::NotFound, NOT_THERE),
    (35, ErrorKind::Unauthorized, CHECK_KEY),
    (36, ErrorKind::Unauthorized, CHECK_KEY),
    (37, ErrorKind::NotFound, NOT_THERE),
    (38, ErrorKind::Unauthorized, CHECK_KEY),
    (39, ErrorKind::Unauthorized, CHECK_KEY),
    (41, ErrorKind::Unauthorized, CHECK_KEY),
    (42, ErrorKind::Internal, OURS),
    (43, ErrorKind::Unavailable, LATER),
    (44, ErrorKind::NotFound, NOT_THERE),
    (45, ErrorKind::Unauthorized, ACCOUNT_CLOSED),
    (46, ErrorKind::Unavailable, LATER),
    (47, ErrorKind::InvalidInput, ASK_OTHERWISE),
];

/// An error body. Every field may be missing: validation errors carry only `errors`.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient::number")]
    status_code: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    status_message: Option<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    errors: Vec<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    success: Option<bool>,
}

/// What `reply` complains about; `None` when it is an answer. TMDB's number counts before the HTTP status, which many numbers share.
pub(super) fn complaint(reply: &Reply, operation: &'static str, key: &Secret) -> Option<Error> {
    if lenient::is_web_page(reply) {
        return Some(lenient::status_error(reply, operation).detail("a web page came instead of data").advise(LATER));
    }
    // A body that is no error body at all leaves the HTTP status to speak; an answer of success is not read twice unless it is short
    // enough to be an error body.
    let body: ErrorBody = if reply.status.is_success() && reply.body.len() > 1_024 {
        ErrorBody::default()
    } else {
        serde_json::from_slice(&reply.body).unwrap_or_default()
    };
    if reply.status.is_success() && body.success != Some(false) {
        return None;
    }
    let row = body.status_code.and_then(|code| TABLE.iter().find(|row| row.0 == code));
    let mut error = match row {
        Some((_, kind, advice)) => Error::new(*kind, operation).advise(*advice),
        None => lenient::status_error(reply, operation),
    };
    let words = body.status_message.as_deref().or(body.errors.first().map(String::as_str));
    let words = words.map(|words| lenient::quote(words, &[key])).filter(|words| !words.is_empty());
    if let Some(words) = words {
        error = error.detail(match body.status_code {
            Some(code) => format!("code {code}: {words}"),
            None => words,
        });
    }
    Some(lenient::with_wait(error, reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every number that TMDB documents, with its HTTP status, has the kind a caller can act on.
    /// Method: the documented table, sorted by kind; the rows together are 1 to 47 without a gap.
    #[test]
    fn every_documented_number_has_its_kind() {
        use ErrorKind::{Internal, InvalidInput, NotFound, RateLimited, Unauthorized, Unavailable};
        /// A kind, and the numbers that have it with the HTTP status each comes with.
        type Class = (Option<ErrorKind>, &'static [(u64, u16)]);
        let documented: &[Class] = &[
            (None, &[(1, 200), (12, 201), (13, 200), (40, 200)]),
            (Some(Internal), &[(2, 501), (4, 405), (8, 403), (19, 406), (27, 400), (28, 400), (29, 400), (42, 405)]),
            (
                Some(Unauthorized),
                &[
                    (3, 401),
                    (7, 401),
                    (10, 401),
                    (14, 401),
                    (16, 401),
                    (17, 401),
                    (26, 400),
                    (30, 401),
                    (31, 401),
                    (32, 401),
                    (33, 401),
                    (35, 401),
                    (36, 401),
                    (38, 401),
                    (39, 401),
                    (41, 422),
                    (45, 403),
                ],
            ),
            (Some(InvalidInput), &[(5, 422), (18, 400), (20, 422), (22, 400), (23, 400), (47, 400)]),
            (Some(NotFound), &[(6, 404), (21, 200), (34, 404), (37, 404), (44, 500)]),
            (Some(Unavailable), &[(9, 503), (11, 500), (15, 500), (24, 504), (43, 502), (46, 503)]),
            (Some(RateLimited), &[(25, 429)]),
        ];
        let mut numbers = Vec::new();
        for (kind, rows) in documented {
            for (code, status) in *rows {
                numbers.push(*code);
                let is_success = kind.is_none();
                let body = format!(r#"{{"success":{is_success},"status_code":{code},"status_message":"m"}}"#);
                let error = complaint(&Reply::of(*status, body), "test", &Secret::new("k"));
                assert_eq!(error.as_ref().map(Error::kind), *kind, "code {code}");
                assert!(error.is_none_or(|error| error.advice().is_some()), "code {code} has no advice");
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=47).collect::<Vec<u64>>());
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0), "the table is sorted and has no number twice");
    }

    /// Goal: a complaint without a number, or with an unknown one, keeps its words and takes its kind from the HTTP status.
    #[test]
    fn unknown_complaints_keep_their_words() {
        let key = Secret::new("s3cret");
        let error = complaint(&Reply::of(404, r#"{"errors":["no such s3cret"]}"#), "test", &key).unwrap();
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::NotFound, Some("no such …")));
        let unknown = r#"{"status_code":99,"status_message":"new"}"#.to_owned();
        let error = complaint(&Reply::of(503, unknown), "test", &key).unwrap();
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some("code 99: new")));
    }
}
