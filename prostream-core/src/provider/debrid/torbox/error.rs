//! TorBox's own error codes. Source: TorBox's public Postman documentation, "Errors", and the codes seen beyond it.

use http::StatusCode;

use crate::{Error, ErrorKind};

const CHECK_KEY: &str = "check the TorBox key: torbox.app/settings";
const NO_PLAN: &str = "the plan of the TorBox account does not include this: see torbox.app/subscription";
const MONTH: &str =
    "the TorBox account has used up its downloads of this month: wait for the next, or see torbox.app/subscription";
const COOLDOWN: &str =
    "the TorBox account has to pause before it may fetch again; its page at torbox.app shows until when";
const SLOTS: &str =
    "TorBox fetches as many torrents as the plan allows: wait until one is done, or choose a release that is cached";
const TOO_LARGE: &str = "it is larger than the TorBox plan allows; choose a smaller release";
const LATER: &str = "TorBox is having trouble; try again in a while";
const SLOWER: &str = "TorBox asks for fewer requests; try again in a while";
const UPDATE: &str = "TorBox has changed its interface: look for a newer ProStream";
const REPORT: &str = "TorBox did not understand the request; please report it";
const NEXT: &str = "TorBox does not serve this; choose another release";
const BAD_TORRENT: &str = "TorBox cannot read this torrent; choose another release";
const GONE: &str = "it is no longer at TorBox; open the release again";
const UNLISTED: &str = "TorBox has it already, but does not list it yet; try again in a while";
const SIGN_IN: &str = "start the sign-in at TorBox again";
const TYPE_CODE: &str = "type the code at tor.box/link";
const NOT_OURS: &str = "this belongs to a part of TorBox that ProStream does not use; please report it";

/// Code, kind, advice. Sorted by the part of the service they come from.
pub(super) const TABLE: &[(&str, ErrorKind, &str)] = &[
    // the key
    ("NO_AUTH", ErrorKind::Unauthorized, CHECK_KEY),
    ("BAD_TOKEN", ErrorKind::Unauthorized, CHECK_KEY),
    ("AUTH_ERROR", ErrorKind::Unauthorized, CHECK_KEY),
    // sign-in
    ("OAUTH_VERIFICATION_ERROR", ErrorKind::Unauthorized, SIGN_IN),
    ("INVALID_DEVICE", ErrorKind::Unauthorized, SIGN_IN),
    ("DEVICE_CODE_NOT_USED", ErrorKind::Unauthorized, TYPE_CODE),
    // the plan
    ("PLAN_RESTRICTED_FEATURE", ErrorKind::AccountLimit, NO_PLAN),
    ("MONTHLY_LIMIT", ErrorKind::AccountLimit, MONTH),
    ("COOLDOWN_LIMIT", ErrorKind::AccountLimit, COOLDOWN),
    ("ACTIVE_LIMIT", ErrorKind::AccountLimit, SLOTS),
    // Neither a limit of the account alone, as the next release may be smaller, nor a refusal for good, as plans change.
    ("DOWNLOAD_TOO_LARGE", ErrorKind::LimitExceeded, TOO_LARGE),
    // trouble that passes
    ("DATABASE_ERROR", ErrorKind::Unavailable, LATER),
    ("UNKNOWN_ERROR", ErrorKind::Unavailable, LATER),
    ("DOWNLOAD_SERVER_ERROR", ErrorKind::Unavailable, LATER),
    ("NO_SERVERS_AVAILABLE_ERROR", ErrorKind::Unavailable, LATER),
    ("REDIRECT_ERROR", ErrorKind::Unavailable, LATER),
    // the interface
    ("ENDPOINT_NOT_FOUND", ErrorKind::Unsupported, UPDATE),
    ("INVALID_OPTION", ErrorKind::InvalidInput, REPORT),
    ("MISSING_REQUIRED_OPTION", ErrorKind::InvalidInput, REPORT),
    ("TOO_MANY_OPTIONS", ErrorKind::InvalidInput, REPORT),
    ("TOO_MUCH_DATA", ErrorKind::LimitExceeded, REPORT),
    // a torrent
    ("BOZO_TORRENT", ErrorKind::InvalidInput, BAD_TORRENT),
    ("DUPLICATE_ITEM", ErrorKind::Unavailable, UNLISTED),
    ("ITEM_NOT_FOUND", ErrorKind::NotFound, GONE),
    ("LINK_OFFLINE", ErrorKind::NotFound, NEXT),
    ("DIFF_ISSUE", ErrorKind::NotFound, NEXT),
    // hosters, Usenet, feeds, search, payment
    ("VENDOR_DISABLED", ErrorKind::Refused, NOT_OURS),
    ("BOZO_NZB", ErrorKind::InvalidInput, NOT_OURS),
    ("BOZO_RSS_FEED", ErrorKind::InvalidInput, NOT_OURS),
    ("BOZO_REGEX", ErrorKind::InvalidInput, NOT_OURS),
    ("SEARCH_ERROR", ErrorKind::Unavailable, NOT_OURS),
    ("SELLIX_ERROR", ErrorKind::Unavailable, NOT_OURS),
    ("BAD_CONFIRMATION", ErrorKind::Unauthorized, NOT_OURS),
    ("CONFIRMATION_EXPIRED", ErrorKind::Unauthorized, NOT_OURS),
];

/// The error that a code stands for, and `words` of the service beside it; an unknown code is trouble of the service, told in its words.
///
/// `AUTH_ERROR` is a wrong key, but trouble of the service where it comes with a status of that.
pub(super) fn error_of(code: &str, words: &str, status: StatusCode, operation: &'static str) -> Error {
    let (kind, advice) = match TABLE.iter().find(|row| row.0 == code) {
        Some(("AUTH_ERROR", ..)) if status.is_server_error() => (ErrorKind::Unavailable, LATER),
        Some((_, kind, advice)) => (*kind, *advice),
        None if status == StatusCode::TOO_MANY_REQUESTS => (ErrorKind::RateLimited, SLOWER),
        None => (ErrorKind::Unavailable, LATER),
    };
    told(Error::new(kind, operation).advise(advice), code, words)
}

/// The error of a complaint without a code: what its status tells.
pub(super) fn error_without_code(words: &str, status: StatusCode, operation: &'static str) -> Error {
    let (kind, advice) = match status {
        StatusCode::TOO_MANY_REQUESTS => (ErrorKind::RateLimited, SLOWER),
        status if status.is_client_error() => (ErrorKind::InvalidInput, REPORT),
        _ => (ErrorKind::Unavailable, LATER),
    };
    told(Error::new(kind, operation).advise(advice), "no code", words)
}

fn told(error: Error, code: &str, words: &str) -> Error {
    error.detail(if words.is_empty() { code.to_owned() } else { format!("{code}: {words}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every documented and every seen code has the kind a caller can act on.
    /// Method: the service's own classes, written out; together they are the table.
    #[test]
    fn every_documented_code_has_its_kind() {
        use ErrorKind::{
            AccountLimit, InvalidInput, LimitExceeded, NotFound, Refused, Unauthorized, Unavailable, Unsupported,
        };
        let documented: &[(ErrorKind, &[&str])] = &[
            (
                Unauthorized,
                &[
                    "NO_AUTH",
                    "BAD_TOKEN",
                    "AUTH_ERROR",
                    "OAUTH_VERIFICATION_ERROR",
                    "INVALID_DEVICE",
                    "DEVICE_CODE_NOT_USED",
                    "BAD_CONFIRMATION",
                    "CONFIRMATION_EXPIRED",
                ],
            ),
            (AccountLimit, &["PLAN_RESTRICTED_FEATURE", "MONTHLY_LIMIT", "COOLDOWN_LIMIT", "ACTIVE_LIMIT"]),
            (Refused, &["VENDOR_DISABLED"]),
            (
                Unavailable,
                &[
                    "DATABASE_ERROR",
                    "UNKNOWN_ERROR",
                    "DOWNLOAD_SERVER_ERROR",
                    "NO_SERVERS_AVAILABLE_ERROR",
                    "REDIRECT_ERROR",
                    "DUPLICATE_ITEM",
                    "SEARCH_ERROR",
                    "SELLIX_ERROR",
                ],
            ),
            (Unsupported, &["ENDPOINT_NOT_FOUND"]),
            (
                InvalidInput,
                &[
                    "INVALID_OPTION",
                    "MISSING_REQUIRED_OPTION",
                    "TOO_MANY_OPTIONS",
                    "BOZO_TORRENT",
                    "BOZO_NZB",
                    "BOZO_RSS_FEED",
                    "BOZO_REGEX",
                ],
            ),
            (LimitExceeded, &["DOWNLOAD_TOO_LARGE", "TOO_MUCH_DATA"]),
            (NotFound, &["ITEM_NOT_FOUND", "LINK_OFFLINE", "DIFF_ISSUE"]),
        ];
        let mut codes = std::collections::HashSet::new();
        for (kind, of_kind) in documented {
            for code in *of_kind {
                let error = error_of(code, "words", StatusCode::BAD_REQUEST, "test");
                assert_eq!(error.kind(), *kind, "{code}");
                assert_eq!(error.detail_text(), Some(format!("{code}: words").as_str()));
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()), "{code}");
                assert!(codes.insert(*code), "{code} stands in two classes");
            }
        }
        assert_eq!(codes.len(), TABLE.len(), "the table has rows that are not documented, or one twice");
    }

    /// Goal: the service's own trouble is not taken for a wrong key.
    #[test]
    fn an_auth_error_of_the_server_is_no_wrong_key() {
        let kind = |status| error_of("AUTH_ERROR", "", status, "test").kind();
        assert_eq!(kind(StatusCode::FORBIDDEN), ErrorKind::Unauthorized);
        assert_eq!(kind(StatusCode::INTERNAL_SERVER_ERROR), ErrorKind::Unavailable);
    }

    /// Goal: a code nobody knows keeps its text.
    #[test]
    fn unknown_codes_keep_their_words() {
        let error = error_of("NEW_THING", "something new", StatusCode::BAD_REQUEST, "test");
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some("NEW_THING: something new")));
    }
}
