//! Premiumize's errors. They come with HTTP 200 and are told by words, at times with a code beside them; neither is listed anywhere, so
//! the table holds what the service was seen to say. Source: premiumize.me/api, and the words that public clients of it look for.

use crate::{Error, ErrorKind};

pub(super) const CHECK_KEY: &str = "check the Premiumize key: premiumize.me/account";
pub(super) const LATER: &str = "Premiumize is having trouble; try again in a while";
pub(super) const PREPARING: &str = "Premiumize is still fetching it; try again in a while";
pub(super) const GONE: &str = "it is no longer at Premiumize; open the release again";
pub(super) const NEXT: &str = "Premiumize does not serve this; choose another release";
pub(super) const BAD_TORRENT: &str = "Premiumize cannot read this torrent; choose another release";
pub(super) const SIGN_IN: &str = "start the sign-in at Premiumize again";
const UNCONFIRMED: &str = "the Premiumize account is not confirmed yet: confirm it at premiumize.me";
const WRONG_PLACE: &str =
    "Premiumize refuses this server's address; run ProStream elsewhere, or ask Premiumize's support about this address";
const NO_PLAN: &str = "the Premiumize account has no running premium plan: renew it at premiumize.me";
const FAIR_USE: &str =
    "the fair-use points of the Premiumize account are used up; wait until some come back, or add booster points";
const TOO_MANY: &str =
    "Premiumize fetches as many torrents for this account as it may: remove some at premiumize.me/transfers";
const SLOWER: &str = "Premiumize asks for fewer requests; try again in a while";
const NOT_CACHED: &str = "Premiumize would have to fetch it first; choose a release that is cached";
const NOT_PERMITTED: &str = "Premiumize does not permit this and does not say why: look at the account at premiumize.me, or choose another release";
const CLIENT_ID: &str = "Premiumize does not know this program: check the client id that was registered there";

/// Part of code or words in lower case, kind, advice. The first row that fits is taken.
pub(super) const TABLE: &[(&str, ErrorKind, &str)] = &[
    // the key
    ("not logged in", ErrorKind::Unauthorized, CHECK_KEY),
    ("not confirmed", ErrorKind::Unauthorized, UNCONFIRMED),
    // where this server is: no words for it are known, and whatever speaks of the address means it
    ("ip address", ErrorKind::AddressRefused, WRONG_PLACE),
    // the plan
    ("not premium", ErrorKind::AccountLimit, NO_PLAN),
    ("topup_required", ErrorKind::AccountLimit, NO_PLAN),
    ("purchase premium", ErrorKind::AccountLimit, NO_PLAN),
    // its points and limits
    ("fair use limit", ErrorKind::AccountLimit, FAIR_USE),
    ("account_limit_reached", ErrorKind::AccountLimit, FAIR_USE),
    ("active downloads", ErrorKind::AccountLimit, TOO_MANY),
    ("limit of transfers", ErrorKind::AccountLimit, TOO_MANY),
    ("rate_limit_reached", ErrorKind::RateLimited, SLOWER),
    // a torrent
    ("not in cache", ErrorKind::NotCached, NOT_CACHED),
    ("already added", ErrorKind::NotCached, PREPARING),
    ("not compatible", ErrorKind::InvalidInput, BAD_TORRENT),
    ("not found", ErrorKind::NotFound, GONE),
    ("not_found", ErrorKind::NotFound, GONE),
    ("banned", ErrorKind::Refused, NEXT),
    ("service_unsupported", ErrorKind::Refused, NEXT),
    ("not supported", ErrorKind::Refused, NEXT),
    // Whom, or what, it does not permit is not said beside it: no word about the release.
    ("permission_denied", ErrorKind::Unavailable, NOT_PERMITTED),
    // the service
    ("service_down", ErrorKind::Unavailable, LATER),
];

/// Kind and advice of words that are known.
pub(super) fn known(words: &str) -> Option<(ErrorKind, &'static str)> {
    let words = words.to_lowercase();
    TABLE.iter().find(|row| words.contains(row.0)).map(|row| (row.1, row.2))
}

/// The error that a code and words stand for; what nobody knows is trouble of the service, told in its words.
pub(super) fn error_of(code: &str, words: &str, operation: &'static str) -> Error {
    let detail = match (code.is_empty(), words.is_empty()) {
        (false, false) => format!("{code}: {words}"),
        (true, true) => "the service gives no reason".to_owned(),
        _ => format!("{code}{words}"),
    };
    let (kind, advice) = known(&detail).unwrap_or((ErrorKind::Unavailable, LATER));
    Error::new(kind, operation).detail(detail).advise(advice)
}

/// The error of a sign-in. Source: RFC 6749 section 5.2, RFC 8628 section 3.5.
pub(super) fn sign_in_error_of(code: &str, operation: &'static str) -> Error {
    let (kind, advice) = match code {
        "invalid_client" | "unauthorized_client" => (ErrorKind::Unauthorized, CLIENT_ID),
        "access_denied" | "invalid_grant" | "expired_token" => (ErrorKind::Unauthorized, SIGN_IN),
        "slow_down" => (ErrorKind::RateLimited, SLOWER),
        _ => (ErrorKind::Unavailable, LATER),
    };
    Error::new(kind, operation).detail(code.to_owned()).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: everything the service was seen to say has the kind a caller can act on, in whatever case it is written.
    /// Method: the sentences and codes written out; together they touch every row of the table.
    #[test]
    fn every_known_sentence_has_its_kind() {
        use ErrorKind::{
            AccountLimit, AddressRefused, InvalidInput, NotCached, NotFound, RateLimited, Refused, Unauthorized,
            Unavailable,
        };
        let known = [
            ("", "Not logged in.", Unauthorized),
            ("", "customer_id and pin parameter missing or not logged in ", Unauthorized),
            ("permission_denied", "Account not confirmed", Unauthorized),
            ("permission_denied", "Your IP address is not allowed.", AddressRefused),
            ("", "Account not premium.", AccountLimit),
            ("topup_required", "", AccountLimit),
            ("", "Please purchase premium membership or activate free mode.", AccountLimit),
            ("", "Fair use limit reached!", AccountLimit),
            ("account_limit_reached", "", AccountLimit),
            ("", "You already have a maximum of 25 active downloads in progress!", AccountLimit),
            ("", "Limit of transfers reached!", AccountLimit),
            ("rate_limit_reached", "", RateLimited),
            ("", "content not in cache", NotCached),
            ("", "You already added this job.", NotCached),
            ("", "Src not compatible.", InvalidInput),
            ("", "Error: file not found", NotFound),
            ("", "item not found", NotFound),
            ("not_found", "The file was removed", NotFound),
            ("", "This torrent is banned", Refused),
            ("service_unsupported", "", Refused),
            ("", "Hoster not supported", Refused),
            ("permission_denied", "", Unavailable),
            ("permission_denied", "No.", Unavailable),
            ("permission_denied", "This torrent is banned", Refused),
            ("service_down", "", Unavailable),
        ];
        for (code, words, kind) in known {
            for words in [words.to_owned(), words.to_uppercase()] {
                let error = error_of(code, &words, "test");
                assert_eq!(error.kind(), kind, "{code} {words}");
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()));
            }
        }
        for (pattern, ..) in TABLE {
            let is_told =
                known.iter().any(|(code, words, _)| format!("{code} {words}").to_lowercase().contains(pattern));
            assert!(is_told, "{pattern} fits nothing that was seen");
            assert_eq!(*pattern, pattern.to_lowercase());
        }
    }

    /// Goal: what nobody knows keeps its words, and nothing at all is said to be nothing.
    #[test]
    fn unknown_words_are_kept() {
        let error = error_of("new_thing", "something new", "test");
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some("new_thing: something new")));
        assert_eq!(error_of("", "new", "test").detail_text(), Some("new"));
        assert_eq!(error_of("", "", "test").detail_text(), Some("the service gives no reason"));
    }

    /// Goal: a sign-in that ended is to be begun again; a program that is not known is told apart from it.
    #[test]
    fn sign_ins_end_in_their_own_ways() {
        for ended in ["access_denied", "invalid_grant", "expired_token"] {
            let error = sign_in_error_of(ended, "test");
            assert_eq!((error.kind(), error.advice()), (ErrorKind::Unauthorized, Some(SIGN_IN)));
        }
        let unknown_program = sign_in_error_of("invalid_client", "test");
        assert_eq!((unknown_program.kind(), unknown_program.advice()), (ErrorKind::Unauthorized, Some(CLIENT_ID)));
        assert_eq!(sign_in_error_of("slow_down", "test").kind(), ErrorKind::RateLimited);
        assert_eq!(sign_in_error_of("server_error", "test").kind(), ErrorKind::Unavailable);
    }
}
