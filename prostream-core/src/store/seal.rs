//! Values that are read by those alone who know a secret, wherever they lie.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use sha2::{Digest, Sha256};

use crate::net::Secret;
use crate::{Error, ErrorKind, Result};

/// What a seal adds to a value, in bytes: nonce and tag.
pub(super) const SEAL_BYTES: usize = NONCE_LEN + 16;

/// Nonce, then ciphertext with its tag. `place` is bound in: a value that was moved elsewhere does not open.
pub(super) fn seal(seal: &Secret, place: &str, value: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| Error::new(ErrorKind::Internal, "seal value");
    let mut text = Vec::with_capacity(value.len() + SEAL_BYTES);
    text.extend_from_slice(value);
    let nonce = key(seal)?.seal_in_place_append_tag(Aad::from(place), &mut text).map_err(failed)?;
    let mut sealed = nonce.as_ref().to_vec();
    sealed.append(&mut text);
    Ok(sealed)
}

/// What was sealed; `None` for what is damaged, moved, or of another seal.
pub(super) fn open(seal: &Secret, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut text = text.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let len = key(seal).ok()?.open_in_place(nonce, Aad::from(place), &mut text).ok()?.len();
    text.truncate(len);
    Some(text)
}

/// Begins a text that is sealed.
#[cfg(feature = "sqlite")]
const SEALED_TEXT: &str = "sealed:";

/// As [`seal`], for places that hold text: a mark and hex digits.
#[cfg(feature = "sqlite")]
pub(super) fn seal_text(secret: &Secret, place: &str, text: &str) -> Result<String> {
    use std::fmt::Write as _;
    let mut sealed = SEALED_TEXT.to_owned();
    for byte in seal(secret, place, text.as_bytes())? {
        let _ = write!(sealed, "{byte:02x}");
    }
    Ok(sealed)
}

/// A text that was sealed; one that never was is given as it is. `None` as [`open`] has it.
#[cfg(feature = "sqlite")]
pub(super) fn open_text(secret: &Secret, place: &str, text: &str) -> Option<String> {
    let Some(digits) = text.strip_prefix(SEALED_TEXT) else { return Some(text.to_owned()) };
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let sealed: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    String::from_utf8(open(secret, place, &sealed?)?).ok()
}

/// AES-256-GCM-SIV (RFC 8452): a nonce that chance gives twice does not open what it sealed.
fn key(seal: &Secret) -> Result<RandomizedNonceKey> {
    let mut hasher = Sha256::new();
    hasher.update("prostream seal 1\n");
    hasher.update(seal.expose());
    RandomizedNonceKey::new(&AES_256_GCM_SIV, &hasher.finalize())
        .map_err(|_| Error::new(ErrorKind::Internal, "make seal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a seal hides, and nothing that was touched opens.
    /// Method: every bit of a sealed value is turned; it is cut at every length; it is opened elsewhere and with another secret.
    #[test]
    fn what_was_touched_does_not_open() {
        let secret = Secret::new("secret");
        let sealed = seal(&secret, "here", b"passkey=k3y").unwrap();
        assert_eq!(sealed.len(), b"passkey=k3y".len() + SEAL_BYTES);
        assert!(!sealed.windows(3).any(|part| part == b"k3y"));
        assert_eq!(open(&secret, "here", &sealed).as_deref(), Some(b"passkey=k3y".as_slice()));
        assert_ne!(seal(&secret, "here", b"passkey=k3y").unwrap(), sealed, "each time another nonce");
        for bit in 0..sealed.len() * 8 {
            let mut touched = sealed.clone();
            touched[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&secret, "here", &touched), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(open(&secret, "here", &sealed[..len]), None, "{len} bytes");
        }
        assert_eq!(open(&secret, "there", &sealed), None);
        assert_eq!(open(&Secret::new("other"), "here", &sealed), None);
        assert_eq!(open(&secret, "here", &seal(&secret, "here", b"").unwrap()).as_deref(), Some(b"".as_slice()));
    }
    /// Goal: a sealed text shows nothing and opens only where it was sealed, as it was; one from before there was a seal is read as it is.
    #[cfg(feature = "sqlite")]
    #[test]
    fn texts_are_sealed_too() {
        let secret = Secret::new("secret");
        let text = "{\"url\":\"https://files.example/f\u{e4}?key=k3y\"}";
        let sealed = seal_text(&secret, "here", text).unwrap();
        assert!(sealed.is_ascii() && !sealed.contains("k3y"));
        assert_eq!(open_text(&secret, "here", &sealed).as_deref(), Some(text));
        assert_eq!(open_text(&secret, "here", text).as_deref(), Some(text));
        for damaged in
            [&sealed[..sealed.len() - 1], &sealed[..sealed.len() - 2], "sealed:", "sealed:zz", "sealed:\u{e4}\u{e4}"]
        {
            assert_eq!(open_text(&secret, "here", damaged), None, "{damaged}");
        }
        assert_eq!(open_text(&secret, "there", &sealed), None);
        assert_eq!(open_text(&Secret::new("other"), "here", &sealed), None);
    }
}
