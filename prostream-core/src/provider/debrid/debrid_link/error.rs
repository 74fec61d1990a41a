//! Debrid-Link's own error codes. Source: debrid-link.com/api_doc/v2 ("errors"), the codes that public clients have seen beyond it, and
//! those of OAuth (RFC 6749 section 5.2, RFC 8628 section 3.5).

use super::flood::PAUSE;
use crate::{Error, ErrorKind};

const CHECK_KEY: &str = "check the Debrid-Link key: debrid-link.com/webapp/apikey";
const SIGN_IN: &str = "sign in at Debrid-Link again";
const ALLOW: &str = "allow the sign-in at Debrid-Link, then try again";
const NO_PROGRAM: &str = "Debrid-Link does not know this program: check its client id";
const LOCKED: &str = "Debrid-Link has locked this account: sign in at debrid-link.com once, or ask its support";
const WRONG_PLACE: &str = "Debrid-Link refuses this server's address, as it does with those of data centres and VPNs; \
                           run ProStream on a home connection, or allow the address in the account at debrid-link.com";
const NO_PLAN: &str = "the Debrid-Link account has no running premium plan: renew it at debrid-link.com";
const LATER: &str = "Debrid-Link is having trouble; try again in a while";
const FLOOD: &str = "Debrid-Link was asked too often and pauses for an hour; try again then";
const SLOWER: &str = "Debrid-Link asks for fewer requests; try again in a while";
const UPDATE: &str = "Debrid-Link has changed its interface: look for a newer ProStream";
const NEXT: &str = "Debrid-Link does not serve this; choose another release";
const GONE: &str = "it is no longer at Debrid-Link; open the release again";
const QUOTA: &str = "the day's quota of the Debrid-Link account is used up: try again tomorrow";
const TRANSFERS: &str =
    "the Debrid-Link account fetches as many torrents as it may: wait for one, or remove some at debrid-link.com";
const BAD_TORRENT: &str = "Debrid-Link cannot read this torrent; choose another release";
const NOT_ADDED: &str = "Debrid-Link did not add this torrent; try again later or choose another release";
const HOSTER_LATER: &str = "the place behind the link does not answer; try again later or choose another release";

/// Code, kind, advice. Sorted by the part of the service they come from.
pub(super) const TABLE: &[(&str, ErrorKind, &str)] = &[
    // the key
    ("badToken", ErrorKind::Unauthorized, CHECK_KEY),
    ("badSign", ErrorKind::Unauthorized, CHECK_KEY),
    ("hidedToken", ErrorKind::Unauthorized, CHECK_KEY),
    ("accountLocked", ErrorKind::Unauthorized, LOCKED),
    ("captchaRequired", ErrorKind::Unauthorized, LOCKED),
    // sign-in
    ("expired_token", ErrorKind::Unauthorized, SIGN_IN),
    ("access_denied", ErrorKind::Unauthorized, SIGN_IN),
    ("invalid_grant", ErrorKind::Unauthorized, SIGN_IN),
    ("authorization_pending", ErrorKind::Unauthorized, ALLOW),
    ("unauthorized_client", ErrorKind::Unauthorized, NO_PROGRAM),
    ("invalid_client", ErrorKind::Unauthorized, NO_PROGRAM),
    ("invalid_request", ErrorKind::Unsupported, UPDATE),
    ("invalid_scope", ErrorKind::Unsupported, UPDATE),
    ("unsupported_grant_type", ErrorKind::Unsupported, UPDATE),
    ("unsupported_response_type", ErrorKind::Unsupported, UPDATE),
    // where this server is; final, never worked around
    ("serverNotAllowed", ErrorKind::AddressRefused, WRONG_PLACE),
    ("disabledServerHost", ErrorKind::AddressRefused, WRONG_PLACE),
    // the plan: what is said to accounts without one
    ("freeServerOverload", ErrorKind::AccountLimit, NO_PLAN),
    ("notFreeHost", ErrorKind::AccountLimit, NO_PLAN),
    // quotas
    ("maxLink", ErrorKind::AccountLimit, QUOTA),
    ("maxLinkHost", ErrorKind::AccountLimit, QUOTA),
    ("maxData", ErrorKind::AccountLimit, QUOTA),
    ("maxDataHost", ErrorKind::AccountLimit, QUOTA),
    ("maxTorrent", ErrorKind::AccountLimit, QUOTA),
    ("maxTransfer", ErrorKind::AccountLimit, TRANSFERS),
    // how often
    ("floodDetected", ErrorKind::RateLimited, FLOOD),
    ("maxAttempts", ErrorKind::RateLimited, SLOWER),
    ("slow_down", ErrorKind::RateLimited, SLOWER),
    // the request
    ("badArguments", ErrorKind::InvalidInput, BAD_TORRENT),
    ("badId", ErrorKind::NotFound, GONE),
    ("unknowR", ErrorKind::Unsupported, UPDATE),
    ("endpointDisabled", ErrorKind::Unsupported, UPDATE),
    // a torrent
    ("badTorrentFile", ErrorKind::InvalidInput, BAD_TORRENT),
    // It gives no reason: one that is final cannot be told from trouble that passes.
    ("notAddTorrent", ErrorKind::Unavailable, NOT_ADDED),
    ("torrentTooBig", ErrorKind::Refused, NEXT),
    // a link
    ("notDebrid", ErrorKind::Refused, NEXT),
    ("hostNotValid", ErrorKind::Refused, NEXT),
    ("badFilePassword", ErrorKind::Refused, NEXT),
    ("badFileUrl", ErrorKind::InvalidInput, NEXT),
    ("fileNotFound", ErrorKind::NotFound, GONE),
    ("fileNotAvailable", ErrorKind::Unavailable, HOSTER_LATER),
    ("maintenanceHost", ErrorKind::Unavailable, HOSTER_LATER),
    ("noServerHost", ErrorKind::Unavailable, HOSTER_LATER),
    // the service
    ("server_error", ErrorKind::Unavailable, LATER),
    ("internalError", ErrorKind::Unavailable, LATER),
];

/// The error that a code stands for, and `words` of the service beside it; an unknown code is trouble of the service, told in its words.
pub(super) fn error_of(code: &str, words: &str, operation: &'static str) -> Error {
    let row = TABLE.iter().find(|row| row.0 == code);
    let (kind, advice) = row.map_or((ErrorKind::Unavailable, LATER), |(_, kind, advice)| (*kind, *advice));
    let detail = if words.is_empty() { code.to_owned() } else { format!("{code}: {words}") };
    let error = Error::new(kind, operation).detail(detail).advise(advice);
    if code == "floodDetected" { error.after(PAUSE) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every documented and every seen code has the kind a caller can act on.
    /// Method: the service's own classes, written out; together they are the table.
    #[test]
    fn every_documented_code_has_its_kind() {
        use ErrorKind::{
            AccountLimit, AddressRefused, InvalidInput, NotFound, RateLimited, Refused, Unauthorized, Unavailable,
            Unsupported,
        };
        let documented: &[(ErrorKind, &[&str])] = &[
            (
                Unauthorized,
                &[
                    "badToken",
                    "badSign",
                    "hidedToken",
                    "expired_token",
                    "access_denied",
                    "unauthorized_client",
                    "invalid_client",
                    "invalid_grant",
                    "authorization_pending",
                    "accountLocked",
                    "captchaRequired",
                ],
            ),
            (AddressRefused, &["serverNotAllowed", "disabledServerHost"]),
            (
                AccountLimit,
                &[
                    "maxLink",
                    "maxLinkHost",
                    "maxData",
                    "maxDataHost",
                    "maxTorrent",
                    "maxTransfer",
                    "freeServerOverload",
                    "notFreeHost",
                ],
            ),
            (RateLimited, &["floodDetected", "maxAttempts", "slow_down"]),
            (Refused, &["torrentTooBig", "notDebrid", "hostNotValid", "badFilePassword"]),
            (InvalidInput, &["badArguments", "badFileUrl", "badTorrentFile"]),
            (NotFound, &["badId", "fileNotFound"]),
            (
                Unavailable,
                &[
                    "notAddTorrent",
                    "fileNotAvailable",
                    "maintenanceHost",
                    "noServerHost",
                    "server_error",
                    "internalError",
                ],
            ),
            (
                Unsupported,
                &[
                    "unknowR",
                    "endpointDisabled",
                    "invalid_request",
                    "invalid_scope",
                    "unsupported_grant_type",
                    "unsupported_response_type",
                ],
            ),
        ];
        let mut codes = std::collections::HashSet::new();
        for (kind, of_kind) in documented {
            for code in *of_kind {
                let error = error_of(code, "words", "test");
                assert_eq!(error.kind(), *kind, "{code}");
                assert_eq!(error.detail_text(), Some(format!("{code}: words").as_str()));
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()), "{code}");
                assert!(codes.insert(*code), "{code} stands in two classes");
            }
        }
        assert_eq!(codes.len(), TABLE.len(), "the table has rows that are not documented, or one twice");
    }

    /// Goal: a flood says how long, and nothing else invents a wait.
    #[test]
    fn only_a_flood_has_a_wait_of_its_own() {
        let waits = TABLE.iter().filter_map(|row| Some((row.0, error_of(row.0, "", "test").retry_after()?)));
        assert_eq!(waits.collect::<Vec<_>>(), [("floodDetected", PAUSE)]);
    }

    /// Goal: a code nobody knows keeps its text.
    #[test]
    fn unknown_codes_keep_their_words() {
        let error = error_of("newThing", "something new", "test");
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some("newThing: something new")));
    }
}
