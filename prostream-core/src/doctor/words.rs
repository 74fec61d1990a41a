//! What a kind of error means for somebody who looks after the settings. One table.

use super::Part;
use crate::net::SEND_OPERATION;
use crate::provider::subtitles::SIGN_IN_OPERATION;
use crate::{Error, ErrorKind};

const LATER: &str = "try again in a while; if it stays, ask at the service";
const SETTINGS: &str = "check its settings";
const ADDRESS: &str = "check its address in the settings";
const PAUSE: &str = "leave it alone for a while, and look whether another program uses the same key";
const REPORT: &str = "this should not happen in a check-up; please report it";

/// What is wrong, and what helps where the error itself gives no advice.
pub(super) fn of(error: &Error) -> (&'static str, &'static str) {
    match error.kind() {
        ErrorKind::Unavailable if error.operation() == SEND_OPERATION => ("it cannot be reached", LATER),
        ErrorKind::Unauthorized if error.operation() == SIGN_IN_OPERATION => {
            ("its user and password are not accepted", "check its user and password")
        }
        kind => of_kind(kind),
    }
}

const fn of_kind(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::InvalidInput => ("its settings cannot work", SETTINGS),
        ErrorKind::Unauthorized => ("its key is not accepted: wrong, expired or withdrawn", "check its key"),
        ErrorKind::RateLimited => ("it asks for a pause: it was asked too often", PAUSE),
        ErrorKind::NotFound => ("what is asked for is not there", ADDRESS),
        ErrorKind::Forbidden => ("ProStream may not go there", SETTINGS),
        ErrorKind::Unavailable => ("it is there, but does not answer as it should", LATER),
        ErrorKind::TimedOut => {
            ("it does not answer in time", "check that it runs and that the network lets it through")
        }
        ErrorKind::Refused => {
            ("it refuses to answer", "check its key, and what stands before it: a login page, a proxy")
        }
        ErrorKind::Unsupported => ("it does not offer what ProStream needs", ADDRESS),
        ErrorKind::Malformed => ("its answer cannot be read", LATER),
        ErrorKind::LimitExceeded => ("its answer is larger than any should be", ADDRESS),
        ErrorKind::NotCached => ("it is not ready", LATER),
        ErrorKind::SourceChanged => ("it changed while it was looked at", "try again"),
        ErrorKind::AccountLimit => (
            "its account is at a limit, or its plan does not include this",
            "look at the account at the service: renew the plan, or wait until its limits are lifted",
        ),
        ErrorKind::Cancelled => ("the check-up was given up", "try again"),
        ErrorKind::Ambiguous => ("more than one answer fits", REPORT),
        ErrorKind::Storage => (
            "this machine cannot read or write what it needs",
            "check that disk and folder are there, and that ProStream may use them",
        ),
        ErrorKind::Internal => ("ProStream fails at this itself", REPORT),
        ErrorKind::AddressRefused => (
            "it refuses this server's address",
            "run ProStream where the service allows it, such as a home connection, or use another service",
        ),
    }
}

/// An advice that goes before the error's own: a vendor's words about a title that it does not know are no help where a question that it
/// always answers was asked, and who asks for a pause has no trouble.
pub(super) fn instead(part: Part, kind: ErrorKind) -> Option<&'static str> {
    match (part, kind) {
        (Part::Metadata | Part::Debrid | Part::Subtitles, ErrorKind::NotFound) => Some(ADDRESS),
        (_, ErrorKind::RateLimited) => Some(PAUSE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: who cannot be reached is told from who answers wrongly.
    #[test]
    fn silence_is_told_from_a_wrong_answer() {
        let what = |operation| of(&Error::new(ErrorKind::Unavailable, operation)).0;
        assert_ne!(what(SEND_OPERATION), what("read account"));
    }

    /// Goal: who is told to check a key has a wrong key, and not a wrong password.
    #[test]
    fn a_password_is_told_from_a_key() {
        let what = |operation| of(&Error::new(ErrorKind::Unauthorized, operation)).0;
        assert!(what(SIGN_IN_OPERATION).contains("password") && !what("search").contains("password"));
    }

    /// Goal: no kind is without words, and no two kinds sound alike.
    #[test]
    fn every_kind_has_words_of_its_own() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            let (what, advice) = of_kind(*kind);
            assert!(!what.is_empty() && !advice.is_empty(), "{kind:?}");
            assert!(ErrorKind::ALL[..index].iter().all(|other| of_kind(*other).0 != what), "{kind:?}");
        }
    }
}
