//! Statuses: 0, or the number of an error kind.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use prostream_core::{Error, ErrorKind};

/// 0 is success; everything else is one of the PROSTREAM_... numbers below. A number keeps its meaning for ever; new ones may come.
#[allow(non_camel_case_types)]
pub type prostream_status = i32;

/// It worked.
pub const PROSTREAM_OK: prostream_status = 0;
/// An argument makes no sense: NULL, not UTF-8, a malformed id, an option out of its range.
pub const PROSTREAM_INVALID_INPUT: prostream_status = 1;
/// A credential is missing, wrong or expired.
pub const PROSTREAM_UNAUTHORIZED: prostream_status = 2;
/// The other side asked us to slow down.
pub const PROSTREAM_RATE_LIMITED: prostream_status = 3;
/// It does not exist: a title, a file, a segment beyond the end.
pub const PROSTREAM_NOT_FOUND: prostream_status = 4;
/// A policy forbids it: an address that may not be reached, a path outside the library.
pub const PROSTREAM_FORBIDDEN: prostream_status = 5;
/// The other side is down or cannot be reached just now.
pub const PROSTREAM_UNAVAILABLE: prostream_status = 6;
/// The time given was not enough.
pub const PROSTREAM_TIMED_OUT: prostream_status = 7;
/// The service refuses this content.
pub const PROSTREAM_REFUSED: prostream_status = 8;
/// A container or codec that cannot be packaged.
pub const PROSTREAM_UNSUPPORTED: prostream_status = 9;
/// Bytes from outside break their own format.
pub const PROSTREAM_MALFORMED: prostream_status = 10;
/// A documented limit was reached.
pub const PROSTREAM_LIMIT_EXCEEDED: prostream_status = 11;
/// The service has to fetch it first.
pub const PROSTREAM_NOT_CACHED: prostream_status = 12;
/// The file behind a link is no longer the file that was opened.
pub const PROSTREAM_SOURCE_CHANGED: prostream_status = 13;
/// The account is expired, out of quota, or on a plan that does not include this.
pub const PROSTREAM_ACCOUNT_LIMIT: prostream_status = 14;
/// The caller gave up.
pub const PROSTREAM_CANCELLED: prostream_status = 15;
/// More than one answer fits: choose.
pub const PROSTREAM_AMBIGUOUS: prostream_status = 16;
/// Reading or writing on this machine failed.
pub const PROSTREAM_STORAGE: prostream_status = 17;
/// A defect of the library.
pub const PROSTREAM_INTERNAL: prostream_status = 18;
/// The service refuses this machine's address.
pub const PROSTREAM_ADDRESS_REFUSED: prostream_status = 19;
/// A handle that was never given out, was freed, or is of another type.
pub const PROSTREAM_INVALID_HANDLE: prostream_status = 100;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::new(CString::default());
}

/// An error on its way to C.
pub(crate) struct Failure {
    pub(crate) status: prostream_status,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn invalid_handle(what: &str) -> Self {
        Self { status: PROSTREAM_INVALID_HANDLE, text: format!("not a live {what} handle") }
    }

    pub(crate) fn invalid_input(text: impl Into<String>) -> Self {
        Self { status: PROSTREAM_INVALID_INPUT, text: text.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut text = error.to_string();
        if let Some(advice) = error.advice() {
            text.push_str(" (advice: ");
            text.push_str(advice);
            text.push(')');
        }
        Self { status: status_of(error.kind()), text }
    }
}

/// The status of an error kind: its number.
pub(crate) fn status_of(kind: ErrorKind) -> prostream_status {
    kind as prostream_status
}

/// Keeps the text of a failure for this thread. A thread that is just ending keeps nothing.
pub(crate) fn remember(text: &str) {
    // The text has no NUL any more: the conversion cannot fail, and an empty text is no worse than none.
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    let _ = LAST_ERROR.try_with(|last| last.replace(text));
}

/// What went wrong in the last call of this thread that did not return PROSTREAM_OK, with advice, in English, for people.
///
/// @return never NULL; empty before the first failure. Valid until the next call into the library on the same thread, or the thread's
///         end; not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn prostream_last_error() -> *const c_char {
    LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The short name of a status, such as "not_found".
///
/// @return never NULL; "unknown" for a number that is none. Valid for ever; not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn prostream_status_name(status: prostream_status) -> *const c_char {
    let name = match status {
        PROSTREAM_OK => c"ok",
        PROSTREAM_INVALID_INPUT => c"invalid_input",
        PROSTREAM_UNAUTHORIZED => c"unauthorized",
        PROSTREAM_RATE_LIMITED => c"rate_limited",
        PROSTREAM_NOT_FOUND => c"not_found",
        PROSTREAM_FORBIDDEN => c"forbidden",
        PROSTREAM_UNAVAILABLE => c"unavailable",
        PROSTREAM_TIMED_OUT => c"timed_out",
        PROSTREAM_REFUSED => c"refused",
        PROSTREAM_UNSUPPORTED => c"unsupported",
        PROSTREAM_MALFORMED => c"malformed",
        PROSTREAM_LIMIT_EXCEEDED => c"limit_exceeded",
        PROSTREAM_NOT_CACHED => c"not_cached",
        PROSTREAM_SOURCE_CHANGED => c"source_changed",
        PROSTREAM_ACCOUNT_LIMIT => c"account_limit",
        PROSTREAM_CANCELLED => c"cancelled",
        PROSTREAM_AMBIGUOUS => c"ambiguous",
        PROSTREAM_STORAGE => c"storage",
        PROSTREAM_INTERNAL => c"internal",
        PROSTREAM_ADDRESS_REFUSED => c"address_refused",
        PROSTREAM_INVALID_HANDLE => c"invalid_handle",
        _ => c"unknown",
    };
    name.as_ptr()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    /// Goal: every error kind has its status, under the same name.
    #[test]
    fn every_kind_has_its_named_status() {
        for kind in ErrorKind::ALL {
            let name = prostream_status_name(status_of(kind));
            // SAFETY: the function gives static NUL-terminated text.
            let name = unsafe { CStr::from_ptr(name) };
            assert_eq!(name.to_str().unwrap(), kind.code());
        }
    }
}
