use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Names the content of a file: its length and a hash of its first and last 64 KiB. Two links with the same content id
/// give the same bytes, whatever their addresses.
///
/// ```
/// use prostream_core::model::ContentId;
/// let id = ContentId::from_ends(3, b"abc", b"abc");
/// assert_eq!(id.to_string().parse::<ContentId>().unwrap(), id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId {
    size_bytes: u64,
    hash: [u8; 16],
}

impl ContentId {
    /// How many bytes of each end are hashed.
    pub const END_SIZE: u64 = 64 * 1024;

    /// From the length of the file and its first and last [`Self::END_SIZE`] bytes (all of it, twice, when it is shorter).
    #[must_use]
    pub fn from_ends(size_bytes: u64, first: &[u8], last: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(size_bytes.to_be_bytes());
        hasher.update(first);
        hasher.update(last);
        let digest = hasher.finalize();
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self { size_bytes, hash }
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-", self.size_bytes)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentId {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || crate::Error::new(crate::ErrorKind::InvalidInput, "read content id");
        let (size, hash) = text.split_once('-').ok_or_else(wrong)?;
        if hash.len() != 32 || !hash.is_ascii() {
            return Err(wrong());
        }
        let size_bytes = u64::from_str_radix(size, 16).map_err(|_| wrong())?;
        let hash = u128::from_str_radix(hash, 16).map_err(|_| wrong())?.to_be_bytes();
        Ok(Self { size_bytes, hash })
    }
}
