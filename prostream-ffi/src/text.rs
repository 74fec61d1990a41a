//! Text from C.

use std::ffi::{CStr, c_char};

use crate::status::Failure;

/// Longest text that is taken, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Copies a text that C gave.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string.
pub(crate) unsafe fn read(text: *const c_char, name: &str) -> Result<String, Failure> {
    // SAFETY: handed on to the caller.
    unsafe { read_optional(text, name) }?.ok_or_else(|| Failure::invalid_input(format!("{name} is NULL")))
}

/// The same where NULL means nothing.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string.
pub(crate) unsafe fn read_optional(text: *const c_char, name: &str) -> Result<Option<String>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller promises a NUL-terminated string.
    let text = unsafe { CStr::from_ptr(text) };
    if text.count_bytes() > MAX_TEXT_BYTES {
        return Err(Failure::invalid_input(format!("{name} is longer than 1 MiB")));
    }
    match text.to_str() {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Failure::invalid_input(format!("{name} is not UTF-8"))),
    }
}
