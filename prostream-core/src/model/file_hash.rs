//! The hash by which subtitle services know a film file: of its size and its two ends, so that no file has to be read whole.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

/// Names a film file: the wrapping sum of its size and of all little-endian 64-bit words of its first and last 64 KiB, written as 16
/// lower-case hex digits. Two files of one hash are the same cut of the same film, for all that subtitle services know.
///
/// ```
/// use prostream_core::model::FileHash;
/// let end = vec![1; FileHash::END_BYTES];
/// let hash = FileHash::of(200_000, &end, &end).unwrap();
/// assert_eq!(hash.to_string().parse::<FileHash>().unwrap(), hash);
/// ```
///
/// Source: the page "HashSourceCodes" of OpenSubtitles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileHash(u64);

impl FileHash {
    /// Length of each end, in bytes.
    pub const END_BYTES: usize = 64 * 1024;

    /// Smallest file that has a hash, in bytes: that of two whole ends.
    pub const MIN_FILE_BYTES: u64 = 2 * Self::END_BYTES as u64;

    /// The hash of a file of `size_bytes` with these ends; `None` for a file that is too small, or ends that are not
    /// [`END_BYTES`](Self::END_BYTES) long.
    #[must_use]
    pub fn of(size_bytes: u64, first: &[u8], last: &[u8]) -> Option<Self> {
        if size_bytes < Self::MIN_FILE_BYTES || [first, last].iter().any(|end| end.len() != Self::END_BYTES) {
            return None;
        }
        let words = [first, last].into_iter().flat_map(|end| end.as_chunks::<8>().0);
        Some(Self(words.fold(size_bytes, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))))
    }
}

impl FromStr for FileHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_hash = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hash = is_hash.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        hash.map(Self)
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "read file hash").advise("a file hash is 16 hex digits"))
    }
}

impl TryFrom<String> for FileHash {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<FileHash> for String {
    fn from(hash: FileHash) -> String {
        hash.to_string()
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: usize = FileHash::END_BYTES;

    fn hash(size_bytes: u64, first: &[u8], last: &[u8]) -> Option<String> {
        FileHash::of(size_bytes, first, last).map(|hash| hash.to_string())
    }

    /// Goal: the sum is that of the definition: little-endian words of both ends and the size, wrapping, padded with zeros.
    /// Method: ends whose sums can be worked out by hand: 8,192 words each.
    #[test]
    fn hashes_are_sums_of_size_and_words() {
        let zeros = vec![0; END];
        assert_eq!(hash(131_072, &zeros, &zeros).as_deref(), Some("0000000000020000"));
        // One word in all: its first byte is the lowest.
        let mut one = zeros.clone();
        one[..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(hash(131_072, &one, &zeros).as_deref(), Some("0807060504050201"));
        assert_eq!(hash(131_072, &zeros, &one).as_deref(), Some("0807060504050201"));
        // 16,384 words of -1 are -16,384: the sum wraps.
        let ones = vec![0xff; END];
        assert_eq!(hash(131_072, &ones, &ones).as_deref(), Some("000000000001c000"));
        assert_eq!(hash(u64::MAX, &ones, &ones).as_deref(), Some("ffffffffffffbfff"));
        // 0x0101010101010101 sixteen thousand three hundred and eighty-four times is that word shifted by 14 bits.
        let same = vec![1; END];
        let expected = 0x0101_0101_0101_0101_u64.wrapping_mul(16_384).wrapping_add(200_000);
        assert_eq!(hash(200_000, &same, &same), Some(format!("{expected:016x}")));
    }

    /// Goal: a file without two whole ends has no hash.
    #[test]
    fn small_files_have_none() {
        let end = vec![0; END];
        assert_eq!(hash(131_071, &end, &end), None);
        for wrong in [0, 1, END - 1, END + 1] {
            assert_eq!(hash(1 << 30, &vec![0; wrong], &end), None, "{wrong}");
            assert_eq!(hash(1 << 30, &end, &vec![0; wrong]), None, "{wrong}");
        }
    }

    /// Goal: what is written is read again, in any case; anything else is none.
    #[test]
    fn hashes_are_read_as_they_are_written() {
        let read = |text: &str| text.parse::<FileHash>();
        assert_eq!(read("8E245d9679d31e12").unwrap().to_string(), "8e245d9679d31e12");
        for wrong in
            ["", "8e245d9679d31e1", "8e245d9679d31e123", "+e245d9679d31e12", "8e245d9679d31e1g", "８e245d9679d31"]
        {
            assert_eq!(read(wrong).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong}");
        }
    }
}
