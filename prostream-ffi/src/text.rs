//! Text from C.

use std::ffi::c_char;

use crate::status::Failure;

/// Longest text that is taken, in bytes without the NUL.
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
    // Looked at byte by byte, so that a text without an end is left after MAX_TEXT_BYTES.
    // SAFETY: not NULL; the caller promises readable bytes up to a NUL, and nothing is read beyond the first one.
    let size = (0..=MAX_TEXT_BYTES).find(|&at| unsafe { text.add(at).read() } == 0);
    let size = size.ok_or_else(|| Failure::invalid_input(format!("{name} is longer than 1 MiB")))?;
    // SAFETY: these bytes were just read.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), size) };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Failure::invalid_input(format!("{name} is not UTF-8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Option<String>, String> {
        assert_eq!(bytes.last(), Some(&0));
        // SAFETY: the last byte is NUL.
        unsafe { read_optional(bytes.as_ptr().cast(), "name") }.map_err(|failure| failure.text)
    }

    /// Goal: NULL is nothing, text is copied, anything else is an error that names the argument.
    #[test]
    fn text_is_utf8_of_bounded_length() {
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { read_optional(std::ptr::null(), "name") }.map_err(|failure| failure.text), Ok(None));
        assert_eq!(read_bytes("Grüße\0".as_bytes()), Ok(Some("Grüße".to_owned())));
        assert_eq!(read_bytes(b"\0"), Ok(Some(String::new())));
        assert_eq!(read_bytes(b"\xff\0"), Err("name is not UTF-8".to_owned()));
        let mut long = vec![b'a'; MAX_TEXT_BYTES];
        long.push(0);
        assert!(read_bytes(&long).is_ok());
        long.insert(0, b'a');
        assert_eq!(read_bytes(&long), Err("name is longer than 1 MiB".to_owned()));
    }
}
