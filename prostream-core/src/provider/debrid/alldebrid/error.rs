//! AllDebrid's own error codes. Source: docs.alldebrid.com, "All errors", and the codes seen beyond it.

use crate::{Error, ErrorKind};

const CHECK_KEY: &str = "check the AllDebrid key: alldebrid.com/apikeys";
const BANNED: &str = "AllDebrid has closed this account: ask its support";
const WRONG_PLACE: &str = "AllDebrid refuses this server's address, as it does with those of data centres and VPNs; \
                           run ProStream on a home connection, or ask AllDebrid's support about this address";
const NEW_PLACE: &str = "AllDebrid does not know this server's address yet: open the e-mail it has sent and allow it";
const NO_PLAN: &str = "the AllDebrid account has no running premium plan: renew it at alldebrid.com";
const LATER: &str = "AllDebrid is having trouble; try again in a while";
const SLOWER: &str = "AllDebrid asks for fewer requests; try again in a while";
const UPDATE: &str = "AllDebrid has changed its interface: look for a newer ProStream";
const NEXT: &str = "AllDebrid does not serve this; choose another release";
const GONE: &str = "it is no longer at AllDebrid; open the release again";
const HOSTER_LATER: &str = "the place behind the link does not answer; try again later or choose another release";
const QUOTA: &str = "the quota for the place behind the link is used up; try again tomorrow or choose another release";
const BAD_TORRENT: &str = "AllDebrid cannot read this torrent; choose another release";
const TOO_MANY: &str = "the AllDebrid account holds too many torrents: remove some at alldebrid.com/magnets";
const PREPARING: &str = "AllDebrid is still fetching it; try again in a while";
const NOT_OURS: &str = "this belongs to a part of AllDebrid that ProStream does not use; please report it";
const SIGN_IN: &str = "start the sign-in at AllDebrid again";

/// Code, kind, advice. Sorted by the part of the service they come from.
pub(super) const TABLE: &[(&str, ErrorKind, &str)] = &[
    // the key
    ("AUTH_MISSING_APIKEY", ErrorKind::Unauthorized, CHECK_KEY),
    ("AUTH_BAD_APIKEY", ErrorKind::Unauthorized, CHECK_KEY),
    ("AUTH_USER_BANNED", ErrorKind::Unauthorized, BANNED),
    // where this server is; final, never worked around
    ("AUTH_BLOCKED", ErrorKind::AddressRefused, WRONG_PLACE),
    ("NO_SERVER", ErrorKind::AddressRefused, WRONG_PLACE),
    ("MAGNET_NO_SERVER", ErrorKind::AddressRefused, WRONG_PLACE),
    // the plan
    ("MUST_BE_PREMIUM", ErrorKind::AccountLimit, NO_PLAN),
    ("MAGNET_MUST_BE_PREMIUM", ErrorKind::AccountLimit, NO_PLAN),
    ("FREE_TRIAL_LIMIT_REACHED", ErrorKind::AccountLimit, NO_PLAN),
    // the service
    ("GENERIC", ErrorKind::Unavailable, LATER),
    ("MAINTENANCE", ErrorKind::Unavailable, LATER),
    ("404", ErrorKind::Unsupported, UPDATE),
    ("DISCONTINUED", ErrorKind::Unsupported, UPDATE),
    // a link, for good
    ("LINK_IS_MISSING", ErrorKind::InvalidInput, NEXT),
    ("BAD_LINK", ErrorKind::InvalidInput, NEXT),
    ("LINK_HOST_NOT_SUPPORTED", ErrorKind::Refused, NEXT),
    ("LINK_NOT_SUPPORTED", ErrorKind::Refused, NEXT),
    ("LINK_DOWN", ErrorKind::NotFound, GONE),
    ("LINK_PASS_PROTECTED", ErrorKind::Refused, NEXT),
    ("REDIRECTOR_NOT_SUPPORTED", ErrorKind::Refused, NEXT),
    ("REDIRECTOR_ERROR", ErrorKind::Refused, NEXT),
    // a link, for now
    ("LINK_HOST_UNAVAILABLE", ErrorKind::Unavailable, HOSTER_LATER),
    ("LINK_TOO_MANY_DOWNLOADS", ErrorKind::Unavailable, HOSTER_LATER),
    ("LINK_HOST_FULL", ErrorKind::Unavailable, HOSTER_LATER),
    ("LINK_HOST_LIMIT_REACHED", ErrorKind::AccountLimit, QUOTA),
    ("LINK_ERROR", ErrorKind::Unavailable, HOSTER_LATER),
    ("LINK_TEMPORARY_UNAVAILABLE", ErrorKind::Unavailable, HOSTER_LATER),
    ("DOWNLOAD_FAILED", ErrorKind::Unavailable, HOSTER_LATER),
    // what an unlock left behind
    ("STREAM_INVALID_GEN_ID", ErrorKind::NotFound, GONE),
    ("STREAM_INVALID_STREAM_ID", ErrorKind::NotFound, GONE),
    ("DELAYED_INVALID_ID", ErrorKind::NotFound, GONE),
    // a torrent, as given
    ("MAGNET_NO_URI", ErrorKind::InvalidInput, BAD_TORRENT),
    ("MAGNET_INVALID_URI", ErrorKind::InvalidInput, BAD_TORRENT),
    ("MAGNET_INVALID_FILE", ErrorKind::InvalidInput, BAD_TORRENT),
    ("MAGNET_FILE_UPLOAD_FAILED", ErrorKind::Unavailable, LATER),
    ("MAGNET_INVALID_ID", ErrorKind::NotFound, GONE),
    // torrents, their limits
    ("MAGNET_TOO_MANY_ACTIVE", ErrorKind::AccountLimit, TOO_MANY),
    ("MAGNET_TOO_MANY", ErrorKind::AccountLimit, TOO_MANY),
    ("MAGNET_TOO_LARGE", ErrorKind::Refused, NEXT),
    ("MAGNET_PROCESSING_COOLDOWN", ErrorKind::RateLimited, SLOWER),
    // torrents, how they end
    ("MAGNET_UPLOAD_FAILED", ErrorKind::Unavailable, LATER),
    ("MAGNET_INTERNAL_ERROR", ErrorKind::Unavailable, LATER),
    ("MAGNET_CANT_BOOTSTRAP", ErrorKind::NotFound, NEXT),
    ("MAGNET_MAGNET_TOO_BIG", ErrorKind::Refused, NEXT),
    ("MAGNET_TOOK_TOO_LONG", ErrorKind::NotFound, NEXT),
    ("MAGNET_LINKS_REMOVED", ErrorKind::NotFound, GONE),
    ("MAGNET_PROCESSING_FAILED", ErrorKind::Unavailable, LATER),
    ("MAGNET_PROCESSING", ErrorKind::NotCached, PREPARING),
    // sign-in by PIN and by e-mail
    ("PIN_ALREADY_AUTHED", ErrorKind::Unauthorized, SIGN_IN),
    ("PIN_EXPIRED", ErrorKind::Unauthorized, SIGN_IN),
    ("PIN_INVALID", ErrorKind::Unauthorized, SIGN_IN),
    ("ALREADY_SENT", ErrorKind::RateLimited, NEW_PLACE),
    // saved links and notices
    ("USER_LINK_MISSING", ErrorKind::InvalidInput, NOT_OURS),
    ("USER_LINK_INVALID", ErrorKind::InvalidInput, NOT_OURS),
    ("MISSING_NOTIF_ENDPOINT", ErrorKind::InvalidInput, NOT_OURS),
    // resellers
    ("VOUCHER_DURATION_INVALID", ErrorKind::InvalidInput, NOT_OURS),
    ("VOUCHER_NB_INVALID", ErrorKind::InvalidInput, NOT_OURS),
    ("NO_MORE_VOUCHER", ErrorKind::AccountLimit, NOT_OURS),
    ("INSUFFICIENT_BALANCE", ErrorKind::AccountLimit, NOT_OURS),
    ("ACCOUNT_INVALID", ErrorKind::InvalidInput, NOT_OURS),
    ("NO_JSON_PARAM", ErrorKind::InvalidInput, NOT_OURS),
    ("JSON_INVALID", ErrorKind::InvalidInput, NOT_OURS),
    // free days
    ("FREEDAYS_INVALID_COUNTRY", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_INVALID_PHONE", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_INVALID_PROVIDER", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_USED_PHONE", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_ALREADY_REQUESTED", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_INVALID_STATUS", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_TOO_MUCH_RETRIES", ErrorKind::RateLimited, NOT_OURS),
    ("FREEDAYS_INVALID_CODE", ErrorKind::InvalidInput, NOT_OURS),
    ("FREEDAYS_DENIED", ErrorKind::Refused, NOT_OURS),
    ("FREEDAYS_ERROR_SENDING", ErrorKind::Unavailable, NOT_OURS),
];

/// The error that a code stands for, and `words` of the service beside it; an unknown code is trouble of the service, told in its words.
///
/// `has_token`: `AUTH_BLOCKED` came with a token, so it is no ban but a first visit from a new address, which its owner can allow.
pub(super) fn error_of(code: &str, words: &str, has_token: bool, operation: &'static str) -> Error {
    let (kind, advice) = match TABLE.iter().find(|row| row.0 == code) {
        Some(("AUTH_BLOCKED", ..)) if has_token => (ErrorKind::Unauthorized, NEW_PLACE),
        Some((_, kind, advice)) => (*kind, *advice),
        None => (ErrorKind::Unavailable, LATER),
    };
    let detail = if words.is_empty() { code.to_owned() } else { format!("{code}: {words}") };
    Error::new(kind, operation).detail(detail).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every documented and every seen code has the kind a caller can act on.
    /// Method: the service's own classes, written out; together they are the table.
    #[test]
    fn every_documented_code_has_its_kind() {
        use ErrorKind::{
            AccountLimit, AddressRefused, InvalidInput, NotCached, NotFound, RateLimited, Refused, Unauthorized,
            Unavailable, Unsupported,
        };
        let documented: &[(ErrorKind, &[&str])] = &[
            (
                Unauthorized,
                &[
                    "AUTH_MISSING_APIKEY",
                    "AUTH_BAD_APIKEY",
                    "AUTH_USER_BANNED",
                    "PIN_ALREADY_AUTHED",
                    "PIN_EXPIRED",
                    "PIN_INVALID",
                ],
            ),
            (AddressRefused, &["AUTH_BLOCKED", "NO_SERVER", "MAGNET_NO_SERVER"]),
            (
                Refused,
                &[
                    "LINK_HOST_NOT_SUPPORTED",
                    "LINK_NOT_SUPPORTED",
                    "LINK_PASS_PROTECTED",
                    "REDIRECTOR_NOT_SUPPORTED",
                    "REDIRECTOR_ERROR",
                    "MAGNET_TOO_LARGE",
                    "MAGNET_MAGNET_TOO_BIG",
                    "FREEDAYS_DENIED",
                ],
            ),
            (
                AccountLimit,
                &[
                    "MUST_BE_PREMIUM",
                    "MAGNET_MUST_BE_PREMIUM",
                    "FREE_TRIAL_LIMIT_REACHED",
                    "LINK_HOST_LIMIT_REACHED",
                    "MAGNET_TOO_MANY_ACTIVE",
                    "MAGNET_TOO_MANY",
                    "NO_MORE_VOUCHER",
                    "INSUFFICIENT_BALANCE",
                ],
            ),
            (
                Unavailable,
                &[
                    "GENERIC",
                    "MAINTENANCE",
                    "LINK_HOST_UNAVAILABLE",
                    "LINK_TOO_MANY_DOWNLOADS",
                    "LINK_HOST_FULL",
                    "LINK_ERROR",
                    "LINK_TEMPORARY_UNAVAILABLE",
                    "DOWNLOAD_FAILED",
                    "MAGNET_FILE_UPLOAD_FAILED",
                    "MAGNET_UPLOAD_FAILED",
                    "MAGNET_INTERNAL_ERROR",
                    "MAGNET_PROCESSING_FAILED",
                    "FREEDAYS_ERROR_SENDING",
                ],
            ),
            (Unsupported, &["404", "DISCONTINUED"]),
            (
                NotFound,
                &[
                    "LINK_DOWN",
                    "STREAM_INVALID_GEN_ID",
                    "STREAM_INVALID_STREAM_ID",
                    "DELAYED_INVALID_ID",
                    "MAGNET_INVALID_ID",
                    "MAGNET_CANT_BOOTSTRAP",
                    "MAGNET_TOOK_TOO_LONG",
                    "MAGNET_LINKS_REMOVED",
                ],
            ),
            (RateLimited, &["MAGNET_PROCESSING_COOLDOWN", "ALREADY_SENT", "FREEDAYS_TOO_MUCH_RETRIES"]),
            (NotCached, &["MAGNET_PROCESSING"]),
            (
                InvalidInput,
                &[
                    "LINK_IS_MISSING",
                    "BAD_LINK",
                    "MAGNET_NO_URI",
                    "MAGNET_INVALID_URI",
                    "MAGNET_INVALID_FILE",
                    "USER_LINK_MISSING",
                    "USER_LINK_INVALID",
                    "MISSING_NOTIF_ENDPOINT",
                    "VOUCHER_DURATION_INVALID",
                    "VOUCHER_NB_INVALID",
                    "ACCOUNT_INVALID",
                    "NO_JSON_PARAM",
                    "JSON_INVALID",
                    "FREEDAYS_INVALID_COUNTRY",
                    "FREEDAYS_INVALID_PHONE",
                    "FREEDAYS_INVALID_PROVIDER",
                    "FREEDAYS_USED_PHONE",
                    "FREEDAYS_ALREADY_REQUESTED",
                    "FREEDAYS_INVALID_STATUS",
                    "FREEDAYS_INVALID_CODE",
                ],
            ),
        ];
        let mut codes = std::collections::HashSet::new();
        for (kind, of_kind) in documented {
            for code in *of_kind {
                let error = error_of(code, "words", false, "test");
                assert_eq!(error.kind(), *kind, "{code}");
                assert_eq!(error.detail_text(), Some(format!("{code}: words").as_str()));
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()), "{code}");
                assert!(codes.insert(*code), "{code} stands in two classes");
            }
        }
        assert_eq!(codes.len(), TABLE.len(), "the table has rows that are not documented, or one twice");
    }

    /// Goal: a first visit from a new address is something its owner can allow; without a token it is a refusal.
    #[test]
    fn a_new_address_is_no_refusal() {
        assert_eq!(error_of("AUTH_BLOCKED", "", true, "test").kind(), ErrorKind::Unauthorized);
        assert_eq!(error_of("AUTH_BLOCKED", "", false, "test").kind(), ErrorKind::AddressRefused);
    }

    /// Goal: a code nobody knows keeps its text.
    #[test]
    fn unknown_codes_keep_their_words() {
        let error = error_of("NEW_THING", "something new", false, "test");
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some("NEW_THING: something new")));
    }
}
