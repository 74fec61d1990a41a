//! The info hashes of a torrent file: SHA-1 (BEP 3) and SHA-256 (BEP 52) of the `info` dictionary exactly as it stands, so it is found, not
//! re-encoded.

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::MAX_TORRENT_BYTES;
use crate::model::{InfoHash, InfoHashV2};
use crate::{Error, ErrorKind, Result};

/// Deepest nesting that is read. Real files need five: root, `info`, `files`, a file, its `path`.
const MAX_DEPTH: u8 = 32;

/// Most digits of a length prefix or an integer: those of 2^64.
const MAX_DIGITS: usize = 20;

/// The hashes of a torrent: a hybrid one has both, none has neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hashes {
    v1: Option<InfoHash>,
    pub(super) v2: Option<InfoHashV2>,
}

/// What a torrent file goes by: its version 1 info hash, or the first 20 bytes of the other where it has none.
///
/// # Errors
/// Those of [`hashes`].
pub(super) fn info_hash(file: &[u8]) -> Result<InfoHash> {
    let Hashes { v1, v2 } = hashes(file)?;
    v1.or(v2.map(|hash| hash.truncated())).ok_or_else(|| malformed("its info dictionary has no pieces"))
}

/// The info hashes of a torrent file.
///
/// # Errors
/// `LimitExceeded` above [`MAX_TORRENT_BYTES`] or nested too deeply; `Malformed` for what is no torrent file; `Unsupported` for a version that
/// we do not know.
pub(super) fn hashes(file: &[u8]) -> Result<Hashes> {
    if u64::try_from(file.len()).unwrap_or(u64::MAX) > MAX_TORRENT_BYTES {
        return Err(too_large());
    }
    let mut walker = Walker { rest: file };
    let mut info = None;
    walker.dictionary(0, |key, value| {
        if key == b"info" && info.replace(value).is_some() {
            return Err(malformed("it has two info dictionaries"));
        }
        Ok(())
    })?;
    let info = info.ok_or_else(|| malformed("it has no info dictionary"))?;
    let (mut has_pieces, mut has_tree, mut version) = (false, false, None);
    Walker { rest: info }.dictionary(1, |key, value| {
        has_pieces |= key == b"pieces";
        has_tree |= key == b"file tree";
        if key == b"meta version" {
            version = Some(value);
        }
        Ok(())
    })?;
    let is_version_2 = has_tree && version == Some(b"i2e");
    match (has_pieces, is_version_2, version) {
        (false, false, Some(_)) => {
            return Err(
                Error::new(ErrorKind::Unsupported, OPERATION).detail("a torrent of a version that is not known")
            );
        }
        (false, false, None) => return Err(malformed("its info dictionary has no pieces")),
        _ => {}
    }
    Ok(Hashes {
        v1: has_pieces.then(|| InfoHash(Sha1::digest(info).into())),
        v2: is_version_2.then(|| InfoHashV2(Sha256::digest(info).into())),
    })
}

const OPERATION: &str = "read torrent file";

fn malformed(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, OPERATION).detail(detail)
}

fn too_large() -> Error {
    Error::new(ErrorKind::LimitExceeded, OPERATION).detail("it is larger or deeper than any real one")
}

/// Walks over bencoded values without keeping them.
struct Walker<'a> {
    rest: &'a [u8],
}

impl<'a> Walker<'a> {
    fn peek(&self) -> Result<u8> {
        self.rest.first().copied().ok_or_else(|| malformed("it ends too early"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.take(1)? == [wanted] { Ok(()) } else { Err(malformed("it is not bencoded")) }
    }

    /// Reads a dictionary and hands out each key with its value as it stands.
    fn dictionary(&mut self, depth: u8, mut entry: impl FnMut(&'a [u8], &'a [u8]) -> Result<()>) -> Result<()> {
        self.expect(b'd')?;
        while self.peek()? != b'e' {
            let key = self.string()?;
            let before = self.rest;
            self.skip(depth.saturating_add(1))?;
            let value = before.len().checked_sub(self.rest.len()).and_then(|len| before.get(..len));
            entry(key, value.unwrap_or_default())?;
        }
        self.expect(b'e')
    }

    fn skip(&mut self, depth: u8) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(too_large());
        }
        match self.peek()? {
            b'd' => self.dictionary(depth, |_, _| Ok(())),
            b'l' => {
                self.expect(b'l')?;
                while self.peek()? != b'e' {
                    self.skip(depth.saturating_add(1))?;
                }
                self.expect(b'e')
            }
            b'i' => {
                self.expect(b'i')?;
                if self.peek()? == b'-' {
                    self.expect(b'-')?;
                }
                self.digits()?;
                self.expect(b'e')
            }
            _ => self.string().map(drop),
        }
    }

    fn digits(&mut self) -> Result<&'a [u8]> {
        let count = self.rest.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > MAX_DIGITS {
            return Err(malformed("it is not bencoded"));
        }
        self.take(count)
    }

    fn string(&mut self) -> Result<&'a [u8]> {
        let digits = self.digits()?;
        let len = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        self.expect(b':')?;
        self.take(len.ok_or_else(|| malformed("it ends too early"))?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INFO: &str = "d6:lengthi5e4:name4:film12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";

    /// SHA-1 of [`INFO`], computed with another program.
    const INFO_SHA1: &str = "f0d9292645605a26f31a9b41bb861208b96f1794";

    fn torrent(info: &str) -> Vec<u8> {
        format!("d8:announce9:udp://a:113:announce-listll9:udp://a:1ee4:info{info}4:note3:4:ie").into_bytes()
    }

    /// Goal: the hash is that of the bytes as they stand, wherever the dictionary lies in the file.
    #[test]
    fn the_hash_is_that_of_the_raw_info_dictionary() {
        assert_eq!(info_hash(&torrent(INFO)).unwrap().to_string(), INFO_SHA1);
    }

    /// Goal: a hybrid torrent has both hashes and goes by the first; one of version 2 alone goes by the beginning of its hash (BEP 52).
    /// Method: the hashes were computed with another program.
    #[test]
    fn torrents_of_version_2_have_their_hashes() {
        const V2_INFO: &str =
            "d9:file treed4:filmd0:d6:lengthi5eeee12:meta versioni2e4:name4:film12:piece lengthi16384ee";
        const V2_SHA256: &str = "9428d9b137bb435d5481a249535eaec354346b5778bbdf571ec4f83e8268073b";
        const HYBRID_INFO: &str = "d9:file treed4:filmd0:d6:lengthi5eeee6:lengthi5e12:meta versioni2e4:name4:film12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
        const HYBRID_SHA1: &str = "a0c48cd6c3cb5b62fcca029e4269e7a709d57460";
        const HYBRID_SHA256: &str = "558a04a6f3e87d2ed4ac635b4a2be5d705b76f76e5a06bb7aba19355364ed7e7";
        let Hashes { v1, v2 } = hashes(&torrent(V2_INFO)).unwrap();
        assert_eq!((v1, v2.unwrap().to_string().as_str()), (None, V2_SHA256));
        assert_eq!(info_hash(&torrent(V2_INFO)).unwrap().to_string(), V2_SHA256[..40]);
        let Hashes { v1, v2 } = hashes(&torrent(HYBRID_INFO)).unwrap();
        assert_eq!((v1.unwrap().to_string().as_str(), v2.unwrap().to_string().as_str()), (HYBRID_SHA1, HYBRID_SHA256));
        assert_eq!(info_hash(&torrent(HYBRID_INFO)).unwrap().to_string(), HYBRID_SHA1);
        assert_eq!(hashes(&torrent(INFO)).unwrap().v2, None);
    }

    /// Goal: nothing but a whole torrent file with one version 1 info dictionary has a hash.
    #[test]
    fn what_is_no_torrent_has_no_hash() {
        let kind = |bytes: &[u8]| info_hash(bytes).unwrap_err().kind();
        for wrong in
            ["", "<html>", "i5e", "d4:info", "d4:infoi5ee", "de", "d4:infodee4:", "d99999999999999999999:", "d-1:"]
        {
            assert_eq!(kind(wrong.as_bytes()), ErrorKind::Malformed, "{wrong}");
        }
        assert_eq!(kind(format!("d4:info{INFO}4:info{INFO}e").as_bytes()), ErrorKind::Malformed);
        for unknown in ["d4:infod9:file treede12:meta versioni3eee", "d4:infod12:meta versioni2eee"] {
            assert_eq!(kind(unknown.as_bytes()), ErrorKind::Unsupported, "{unknown}");
        }
        assert_eq!(kind(&[b"d1:a".as_slice(), &[b'l'; 100_000]].concat()), ErrorKind::LimitExceeded);
        assert_eq!(kind(&vec![b'd'; (10 << 20) + 1]), ErrorKind::LimitExceeded);
    }

    proptest! {
        /// Goal: a torrent file that is cut short never has a hash; any other change never panics.
        #[test]
        fn cut_and_changed_files_do_no_harm(at in 0usize..160, byte: u8) {
            let whole = torrent(INFO);
            let cut = whole.get(..at.min(whole.len() - 1)).unwrap();
            prop_assert!(info_hash(cut).is_err());
            let mut changed = whole.clone();
            let index = at % changed.len();
            changed[index] = byte;
            let _ = info_hash(&changed);
        }
    }
}
