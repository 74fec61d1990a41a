//! The server's one secret and the keys made from it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use prostream_core::{Error, ErrorKind, Result};
use sha2::Sha256;

/// Name of the key file in the data folder.
const FILE_NAME: &str = "signing.key";

/// 256 bits.
const KEY_BYTES: usize = 32;

/// One key for each use, so that a token of one kind can never pass for another.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(super) access: [u8; KEY_BYTES],
    pub(super) media: [u8; KEY_BYTES],
    pub(super) addon: [u8; KEY_BYTES],
    pub(super) refresh: [u8; KEY_BYTES],
    pub(super) records: [u8; KEY_BYTES],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Keys that live as long as this process.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub(crate) fn random() -> Result<Self> {
        Ok(Self::derived_from(&random_bytes()?))
    }

    /// The keys of a data folder; the first time they are made. The file is readable by its owner alone.
    ///
    /// # Errors
    /// `Storage` when the file cannot be read or made; `InvalidInput` when it holds something else than a key (R0: the server does not start).
    pub(crate) fn of_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        let failed = |error: io::Error| Error::new(ErrorKind::Storage, "read signing key").because(error);
        match fs::File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(1024).read_to_string(&mut text).map_err(failed)?;
                let secret =
                    from_hex::<KEY_BYTES>(text.trim()).filter(|secret| is_plausible(secret)).ok_or_else(|| {
                        Error::new(ErrorKind::InvalidInput, "read signing key")
                            .detail(format!("{FILE_NAME} in the data folder is not a key of 256 random bits"))
                            .advise("delete the file to have a new key made; everybody has to sign in again")
                    })?;
                Ok(Self::derived_from(&secret))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = random_bytes::<KEY_BYTES>()?;
                write_private(&path, to_hex(&secret).as_bytes()).map_err(failed)?;
                Ok(Self::derived_from(&secret))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn derived_from(secret: &[u8; KEY_BYTES]) -> Self {
        Self {
            access: authenticate(secret, &[b"prostream access token 1"]),
            media: authenticate(secret, &[b"prostream media token 1"]),
            addon: authenticate(secret, &[b"prostream addon token 1"]),
            refresh: authenticate(secret, &[b"prostream refresh token 1"]),
            records: authenticate(secret, &[b"prostream records seal 1"]),
        }
    }
}

/// Refuses the keys that a person would type: fewer than eight different bytes do not come out of a generator.
fn is_plausible(secret: &[u8]) -> bool {
    let mut distinct = secret.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() >= 8
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// HMAC-SHA-256 (RFC 2104) over the parts, one after the other. Callers choose parts whose ends are unmistakable.
pub(super) fn authenticate(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = new_mac(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Compares in constant time.
pub(super) fn is_authentic(key: &[u8; KEY_BYTES], parts: &[&[u8]], tag: &[u8]) -> bool {
    let mut mac = new_mac(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(tag).is_ok()
}

fn new_mac(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    // A key shorter than the block is filled up with zeros by definition; done here, making the MAC cannot fail.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    Hmac::new(&block.into())
}

/// Random bytes of the system.
///
/// # Errors
/// `Internal` when the system has none.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Internal, "draw random bytes").because(error.to_string()))?;
    Ok(bytes)
}

/// A password of 120 random bits, of letters and digits that are not mistaken for each other.
///
/// # Errors
/// `Internal` when the system has no random bytes.
pub fn random_password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = random_bytes::<24>()?;
    // 256 is a multiple of 32: every letter is as likely.
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// Lower-case hex.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads exactly `N` bytes of lower-case hex: each value has one spelling.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != N * 2 {
        return None;
    }
    for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a folder keeps its keys, and nobody else on the machine reads them.
    #[test]
    fn keys_stay_with_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::of_folder(folder.path()).unwrap();
        let again = Keys::of_folder(folder.path()).unwrap();
        assert_eq!(first.access, again.access);
        assert_ne!(first.access, first.media);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    /// Goal: the server does not start with a key that could be guessed (AUTH-04).
    #[test]
    fn auth_04_weak_keys_are_refused() {
        for weak in
            ["", "secret", &"00".repeat(32), &"ab".repeat(32), &"0123".repeat(16), &"zz".repeat(32), &"a1".repeat(16)]
        {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE_NAME), weak).unwrap();
            let error = Keys::of_folder(folder.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{weak}");
        }
    }

    /// Goal: a tag is good for one key and one input, and hex has one spelling.
    #[test]
    fn tags_verify_only_for_their_input() {
        let key = [7; 32];
        let tag = authenticate(&key, &[b"a", b"b"]);
        assert!(is_authentic(&key, &[b"ab"], &tag));
        assert!(!is_authentic(&key, &[b"ac"], &tag));
        assert!(!is_authentic(&[8; 32], &[b"ab"], &tag));
        assert_eq!(from_hex::<32>(&to_hex(&tag)), Some(tag));
        assert_eq!(from_hex::<1>("AB"), None);
    }
}
