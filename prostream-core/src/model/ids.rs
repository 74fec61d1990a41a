use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

/// Names one configured provider: vendor and, where there are several, instance: `alldebrid`, `torznab:home`.
///
/// ```
/// use prostream_core::model::ProviderId;
/// let id: ProviderId = "torznab:home".parse().unwrap();
/// assert_eq!((id.vendor(), id.instance()), ("torznab", Some("home")));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderId {
    text: String,
    vendor_len: usize,
}

impl ProviderId {
    /// The only instance of a vendor. `vendor` is one of our own names, in lower snake case.
    #[must_use]
    pub fn new(vendor: &str) -> Self {
        Self { text: vendor.to_owned(), vendor_len: vendor.len() }
    }

    /// One of several instances of a vendor.
    #[must_use]
    pub fn with_instance(vendor: &str, instance: &str) -> Self {
        Self { text: format!("{vendor}:{instance}"), vendor_len: vendor.len() }
    }

    /// The vendor: `torznab`.
    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.text[..self.vendor_len]
    }

    /// The instance: `home`.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.text.get(self.vendor_len + 1..)
    }

    /// Both: `torznab:home`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ProviderId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let (vendor, instance) =
            text.split_once(':').map_or((text, None), |(vendor, instance)| (vendor, Some(instance)));
        let good = |part: &str| !part.is_empty() && part.len() <= 64 && part.bytes().all(allowed);
        if !good(vendor) || !instance.is_none_or(good) {
            return Err(Error::new(ErrorKind::InvalidInput, "read provider id")
                .advise("use letters, digits, '-', '_' and '.', such as torznab:home"));
        }
        Ok(Self { text: text.to_owned(), vendor_len: vendor.len() })
    }
}

impl TryFrom<String> for ProviderId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> String {
        id.text
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A user's login at a provider, as an opaque name: budgets and limits are kept by it. Never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub String);

/// Version 1 info hash of a torrent: SHA-1 of its `info` dictionary (BEP 3), written as 40 lower-case hex digits.
///
/// ```
/// use prostream_core::model::InfoHash;
/// let hex: InfoHash = "08ADA5A7A6183AAE1E09D831DF6748D566095A10".parse().unwrap();
/// let base32: InfoHash = "BCW2LJ5GDA5K4HQJ3AY56Z2I2VTASWQQ".parse().unwrap();
/// assert_eq!(hex, base32);
/// assert_eq!(hex.to_string(), "08ada5a7a6183aae1e09d831df6748d566095a10");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InfoHash(pub [u8; 20]);

impl FromStr for InfoHash {
    type Err = Error;

    /// Reads 40 hex digits or 32 base32 characters (RFC 4648), in either case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::InvalidInput, "read info hash")
                .advise("an info hash has 40 hex digits or 32 base32 characters")
        };
        let text = text.trim();
        let mut out = [0u8; 20];
        match text.len() {
            40 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
                    *slot = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
                }
            }
            32 => {
                let mut bits = 0u64;
                let mut bit_count = 0;
                let mut at = 0;
                for byte in text.bytes() {
                    let value = match byte.to_ascii_uppercase() {
                        letter @ b'A'..=b'Z' => letter - b'A',
                        digit @ b'2'..=b'7' => digit - b'2' + 26,
                        _ => return Err(wrong()),
                    };
                    bits = bits << 5 | u64::from(value);
                    bit_count += 5;
                    if bit_count >= 8 {
                        bit_count -= 8;
                        if let Some(slot) = out.get_mut(at) {
                            *slot = (bits >> bit_count) as u8;
                        }
                        at += 1;
                    }
                }
            }
            _ => return Err(wrong()),
        }
        Ok(Self(out))
    }
}

impl TryFrom<String> for InfoHash {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<InfoHash> for String {
    fn from(hash: InfoHash) -> String {
        hash.to_string()
    }
}

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Version 2 info hash of a torrent: SHA-256 of its `info` dictionary (BEP 52), written as 64 lower-case hex digits.
///
/// ```
/// use prostream_core::model::InfoHashV2;
/// let text = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";
/// let hash: InfoHashV2 = text.parse().unwrap();
/// assert_eq!(format!("1220{text}").parse::<InfoHashV2>().unwrap(), hash);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InfoHashV2(pub [u8; 32]);

/// Bytes of a multihash before a SHA-256: which hash it is, and its length. Source: multiformats.io, as BEP 9 has it for `btmh`.
const SHA_256_PREFIX: &str = "1220";

impl InfoHashV2 {
    /// Its first 20 bytes: what peers, trackers and services call a torrent that has no version 1 hash (BEP 52). It is no version 1 hash.
    #[must_use]
    pub fn truncated(&self) -> InfoHash {
        let mut out = [0; 20];
        for (slot, byte) in out.iter_mut().zip(self.0) {
            *slot = byte;
        }
        InfoHash(out)
    }
}

impl FromStr for InfoHashV2 {
    type Err = Error;

    /// Reads 64 hex digits in either case, with or without the prefix of a multihash.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong =
            || Error::new(ErrorKind::InvalidInput, "read info hash").advise("a version 2 info hash has 64 hex digits");
        let text = text.trim();
        let digits = if text.len() == 68 { text.strip_prefix(SHA_256_PREFIX).ok_or_else(wrong)? } else { text };
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut out = [0; 32];
        for (slot, pair) in out.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *slot = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(out))
    }
}

impl fmt::Display for InfoHashV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InfoHashV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A magnet link: an info hash, with a name and trackers beside it (BEP 9). A hybrid torrent has hashes of both versions.
///
/// ```
/// use prostream_core::model::Magnet;
/// let magnet: Magnet = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=A+Film".parse().unwrap();
/// assert_eq!(magnet.name.as_deref(), Some("A Film"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Magnet {
    /// The torrent: its version 1 hash, or the first 20 bytes of the other where it has none.
    pub info_hash: InfoHash,
    /// Its version 2 hash, where the link tells it.
    pub info_hash_v2: Option<InfoHashV2>,
    /// `dn`: a name to show.
    pub name: Option<String>,
    /// `tr`: trackers, at most 64 of them. They may hold a user's passkey: never shown, never logged.
    pub trackers: Vec<String>,
}

impl Magnet {
    /// A magnet of nothing but the hash.
    #[must_use]
    pub fn from_hash(info_hash: InfoHash) -> Self {
        Self { info_hash, info_hash_v2: None, name: None, trackers: Vec::new() }
    }

    /// A magnet of a torrent that has a version 2 hash alone.
    #[must_use]
    pub fn from_hash_v2(info_hash_v2: InfoHashV2) -> Self {
        Self { info_hash_v2: Some(info_hash_v2), ..Self::from_hash(info_hash_v2.truncated()) }
    }

    /// Has the torrent no version 1 part? Then [`Self::info_hash`] is only what it is called.
    #[must_use]
    pub fn is_v2_only(&self) -> bool {
        self.info_hash_v2.is_some_and(|hash| hash.truncated() == self.info_hash)
    }

    /// The link, trackers included: for a debrid service, not for people.
    #[must_use]
    pub fn to_uri(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(name) = &self.name {
            query.append_pair("dn", name);
        }
        for tracker in &self.trackers {
            query.append_pair("tr", tracker);
        }
        let rest = query.finish();
        let separator = if rest.is_empty() { "" } else { "&" };
        let v1 = (!self.is_v2_only()).then(|| format!("xt=urn:btih:{}", self.info_hash));
        let v2 = self.info_hash_v2.map(|hash| format!("xt=urn:btmh:{SHA_256_PREFIX}{hash}"));
        let topics = v1.into_iter().chain(v2).collect::<Vec<_>>().join("&");
        format!("magnet:?{topics}{separator}{rest}")
    }
}

impl FromStr for Magnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |detail: &'static str| Error::new(ErrorKind::InvalidInput, "read magnet").detail(detail);
        if text.len() > 16 * 1024 {
            return Err(Error::new(ErrorKind::LimitExceeded, "read magnet").detail("longer than 16 KiB"));
        }
        let scheme = text.get(..8).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("magnet:?") {
            return Err(wrong("not a magnet link"));
        }
        let (mut v1, mut v2) = (None, None);
        let mut name = None;
        let mut trackers = Vec::new();
        for (key, value) in url::form_urlencoded::parse(&text.as_bytes()[8..]) {
            if key == "xt" || key.starts_with("xt.") {
                let prefix = value.get(..9).unwrap_or_default();
                if v1.is_none() && prefix.eq_ignore_ascii_case("urn:btih:") {
                    v1 = Some(value[9..].parse::<InfoHash>()?);
                } else if v2.is_none() && prefix.eq_ignore_ascii_case("urn:btmh:") {
                    v2 = value[9..].parse::<InfoHashV2>().ok();
                }
            } else if key == "dn" && name.is_none() && !value.is_empty() {
                name = Some(value.chars().filter(|c| !c.is_control()).take(512).collect());
            } else if key == "tr" && trackers.len() < 64 {
                trackers.push(value.into_owned());
            }
        }
        let info_hash = v1.or(v2.map(|hash| hash.truncated())).ok_or_else(|| wrong("it carries no info hash"))?;
        Ok(Self { info_hash, info_hash_v2: v2, name, trackers })
    }
}

impl fmt::Debug for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Magnet")
            .field("info_hash", &self.info_hash)
            .field("info_hash_v2", &self.info_hash_v2)
            .field("name", &self.name)
            .field("trackers", &self.trackers.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";
    const V2: &str = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";

    /// Goal: a hybrid torrent goes by its version 1 hash and keeps both, in either order; one of version 2 alone says so, and claims no other hash.
    #[test]
    fn magnets_have_hashes_of_both_versions() {
        let read = |text: &str| format!("magnet:?{text}").parse::<Magnet>();
        let (v1, v2) = (format!("xt=urn:btih:{V1}"), format!("xt=urn:btmh:1220{V2}"));
        for text in [format!("{v1}&{v2}"), format!("{v2}&{v1}"), format!("xt.1={}&xt.2={}", &v2[3..], &v1[3..])] {
            let magnet = read(&text).unwrap();
            assert_eq!((magnet.info_hash.to_string(), magnet.info_hash_v2), (V1.to_owned(), V2.parse().ok()), "{text}");
            assert!(!magnet.is_v2_only());
            assert_eq!(magnet.to_uri(), format!("magnet:?{v1}&{v2}"));
        }
        let magnet = read(&format!("{v2}&dn=a")).unwrap();
        assert!(magnet.is_v2_only());
        assert_eq!(magnet.info_hash.to_string(), V2[..40]);
        assert_eq!(magnet.to_uri(), format!("magnet:?{v2}&dn=a"));
        assert_eq!(read(&magnet.to_uri()[8..]).unwrap(), magnet);
        // A hash of another function costs a hybrid only that.
        let odd = format!("xt=urn:btmh:1114{}", &V2[..40]);
        assert_eq!(read(&format!("{odd}&{v1}")).unwrap().info_hash_v2, None);
        for wrong in [odd.as_str(), "xt=urn:btmh:", "xt=urn:btmh:1220", "xt=urn:sha1:x", "dn=a"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for wrong in [&V2[..63], &V2[..40], "", &format!("1114{V2}"), &format!("{V2}é"), &"g".repeat(64)] {
            assert!(wrong.parse::<InfoHashV2>().is_err(), "{wrong}");
        }
    }
}
