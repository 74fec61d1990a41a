//! Real-Debrid's own error codes. Source: api.real-debrid.com, "List of numeric error codes", and what clients have seen beyond it.

use crate::{Error, ErrorKind};

const CHECK_KEY: &str = "check the Real-Debrid key at real-debrid.com/apitoken, or sign in at Real-Debrid again";
const TWO_FACTORS: &str = "Real-Debrid asks for a second factor: sign in at real-debrid.com once, then try again";
const LOCKED: &str = "Real-Debrid has locked this account: ask its support";
const NOT_ACTIVATED: &str = "the Real-Debrid account is not active yet: open the e-mail that it has sent";
const WRONG_PLACE: &str = "Real-Debrid refuses this server's address, as it does with those of data centres and VPNs; \
                           run ProStream on a home connection, or ask Real-Debrid's support about this address";
const NO_PLAN: &str =
    "the Real-Debrid account has no running premium plan, or is locked: look at real-debrid.com and renew it";
const LATER: &str = "Real-Debrid is having trouble; try again in a while";
const SLOWER: &str = "Real-Debrid asks for fewer requests; try again in a while";
const UPDATE: &str = "Real-Debrid has changed its interface: look for a newer ProStream";
const NEXT: &str = "Real-Debrid does not serve this; choose another release";
const GONE: &str = "it is no longer at Real-Debrid; open the release again or choose another one";
const HOSTER_LATER: &str = "the place behind the link does not answer; try again later or choose another release";
const QUOTA: &str = "the quota for the place behind the link is used up; try again tomorrow or choose another release";
const TRAFFIC: &str = "the traffic of the Real-Debrid account is used up; try again tomorrow";
const FAIR_USE: &str = "Real-Debrid's limit of fair use is reached; try again tomorrow";
const BAD_TORRENT: &str = "Real-Debrid cannot read this torrent; choose another release";
const TOO_MANY: &str =
    "Real-Debrid fetches too many torrents for this account already: wait, or remove some at real-debrid.com/torrents";
const PREPARING: &str = "Real-Debrid is still fetching it; try again in a while";
const NOT_OURS: &str = "this belongs to a part of Real-Debrid that ProStream does not use; please report it";
const SIGN_IN: &str = "start the sign-in at Real-Debrid again";

/// The torrent is being fetched for this account already.
pub(super) const ALREADY_ACTIVE: i64 = 33;
/// What was asked for has been done before.
pub(super) const ALREADY_DONE: i64 = 31;
/// As many torrents as allowed are being fetched; also said by the HTTP status 509 alone.
pub(super) const TOO_MANY_ACTIVE: i64 = 21;

/// Code, kind, advice.
pub(super) const TABLE: &[(i64, ErrorKind, &str)] = &[
    (-1, ErrorKind::Unavailable, LATER),
    // the request
    (1, ErrorKind::InvalidInput, NOT_OURS),
    (2, ErrorKind::InvalidInput, BAD_TORRENT),
    (3, ErrorKind::Unsupported, UPDATE),
    (4, ErrorKind::Unsupported, UPDATE),
    (5, ErrorKind::RateLimited, SLOWER),
    (6, ErrorKind::Unavailable, HOSTER_LATER),
    (7, ErrorKind::NotFound, GONE),
    // the account
    (8, ErrorKind::Unauthorized, CHECK_KEY),
    (9, ErrorKind::AccountLimit, NO_PLAN),
    (10, ErrorKind::Unauthorized, TWO_FACTORS),
    (11, ErrorKind::Unauthorized, TWO_FACTORS),
    (12, ErrorKind::Unauthorized, CHECK_KEY),
    (13, ErrorKind::Unauthorized, CHECK_KEY),
    (14, ErrorKind::Unauthorized, LOCKED),
    (15, ErrorKind::Unauthorized, NOT_ACTIVATED),
    // places behind links
    (16, ErrorKind::Refused, NEXT),
    (17, ErrorKind::Unavailable, HOSTER_LATER),
    (18, ErrorKind::AccountLimit, QUOTA),
    (19, ErrorKind::Unavailable, HOSTER_LATER),
    (20, ErrorKind::AccountLimit, NO_PLAN),
    (TOO_MANY_ACTIVE, ErrorKind::AccountLimit, TOO_MANY),
    // where this server is; final, never worked around
    (22, ErrorKind::AddressRefused, WRONG_PLACE),
    (23, ErrorKind::AccountLimit, TRAFFIC),
    (24, ErrorKind::NotFound, GONE),
    (25, ErrorKind::Unavailable, LATER),
    // torrents
    (26, ErrorKind::Refused, NEXT),
    (27, ErrorKind::Unavailable, LATER),
    (28, ErrorKind::Refused, NEXT),
    (29, ErrorKind::Refused, NEXT),
    (30, ErrorKind::InvalidInput, BAD_TORRENT),
    (ALREADY_DONE, ErrorKind::InvalidInput, GONE),
    (32, ErrorKind::InvalidInput, NOT_OURS),
    (ALREADY_ACTIVE, ErrorKind::NotCached, PREPARING),
    // limits and refusals
    (34, ErrorKind::RateLimited, SLOWER),
    (35, ErrorKind::Refused, NEXT),
    (36, ErrorKind::AccountLimit, FAIR_USE),
    (37, ErrorKind::Unsupported, UPDATE),
];

/// The error that a code stands for, and `words` of the service beside it; an unknown code is trouble of the service, told in its words.
pub(super) fn error_of(code: i64, words: &str, operation: &'static str) -> Error {
    let row = TABLE.iter().find(|row| row.0 == code);
    let (kind, advice) = row.map_or((ErrorKind::Unavailable, LATER), |row| (row.1, row.2));
    let detail = if words.is_empty() { format!("code {code}") } else { format!("code {code}: {words}") };
    Error::new(kind, operation).detail(detail).advise(advice)
}

/// What a person can do about an error that the HTTP status alone tells.
pub(super) fn advice_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized => CHECK_KEY,
        ErrorKind::RateLimited => SLOWER,
        ErrorKind::Refused => NEXT,
        ErrorKind::NotFound => GONE,
        _ => LATER,
    }
}

/// A torrent file that cannot be given to the service.
pub(super) fn bad_torrent(error: Error) -> Error {
    let kind = if error.kind() == ErrorKind::LimitExceeded { error.kind() } else { ErrorKind::InvalidInput };
    let detail = error.detail_text().unwrap_or_default().to_owned();
    Error::new(kind, "add torrent").detail(detail).advise(BAD_TORRENT).because(error)
}

/// A code that was not typed in time, or access that was withdrawn.
pub(super) fn sign_in_ended(operation: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Unauthorized, operation).detail(detail).advise(SIGN_IN)
}

/// The files were put into one archive, or its links are incomplete: no link leads to a single file.
pub(super) fn packed(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .detail("its links do not belong to single files: they were packed into an archive")
        .advise("remove the torrent at real-debrid.com/torrents and open the release again, or choose another release")
}

/// The file is not among those that were chosen when the torrent was added.
pub(super) fn not_selected(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .detail("the file is not among those that Real-Debrid was told to fetch")
        .advise("remove the torrent at real-debrid.com/torrents and open the release again, or choose another release")
}

/// It is there, and its files are not.
pub(super) fn preparing(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotCached, operation).advise(PREPARING)
}

/// It is not, or no longer, in the account.
pub(super) fn gone(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation).detail("it is no longer at the service").advise(GONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every documented code has the kind a caller can act on.
    /// Method: the service's own classes, written out; together they are the table.
    #[test]
    fn every_documented_code_has_its_kind() {
        use ErrorKind::{
            AccountLimit, AddressRefused, InvalidInput, NotCached, NotFound, RateLimited, Refused, Unauthorized,
            Unavailable, Unsupported,
        };
        let documented: &[(ErrorKind, &[i64])] = &[
            (Unavailable, &[-1, 6, 17, 19, 25, 27]),
            (InvalidInput, &[1, 2, 30, 31, 32]),
            (Unsupported, &[3, 4, 37]),
            (RateLimited, &[5, 34]),
            (NotFound, &[7, 24]),
            (Unauthorized, &[8, 10, 11, 12, 13, 14, 15]),
            (AccountLimit, &[9, 18, 20, 21, 23, 36]),
            (Refused, &[16, 26, 28, 29, 35]),
            (AddressRefused, &[22]),
            (NotCached, &[33]),
        ];
        let mut codes = std::collections::BTreeSet::new();
        for (kind, of_kind) in documented {
            for code in *of_kind {
                let error = error_of(*code, "words", "test");
                assert_eq!(error.kind(), *kind, "{code}");
                assert_eq!(error.detail_text(), Some(format!("code {code}: words").as_str()));
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()), "{code}");
                assert!(codes.insert(*code), "{code} stands in two classes");
            }
        }
        // -1 and 1 to 37, none left out.
        assert!(codes.iter().copied().eq([-1].into_iter().chain(1..=37)), "{codes:?}");
        assert_eq!(codes.len(), TABLE.len(), "the table has rows that are not documented, or one twice");
    }

    /// Goal: a code nobody knows keeps its text.
    #[test]
    fn unknown_codes_keep_their_words() {
        let error = error_of(99, "something_new", "test");
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some("code 99: something_new")));
    }
}
