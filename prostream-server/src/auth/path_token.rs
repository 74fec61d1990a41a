//! Tokens that stand in the path of an address: what opens `/hls/{token}/…` (MEDIA-01) and `/addon/{token}/…`. Players follow relative
//! addresses without any header of ours, so these are all they have; each kind has a key of its own and opens nothing of the other.
//!
//! A token is `{key id}.{id}.{tag}`: one digit, 32 and 64 lower-case hex digits. The tag is HMAC-SHA-256 over the two before it.

use super::keys::{Keys, authenticate, from_hex, is_authentic, to_hex};

/// Which key signs. Another digit means another key, so that keys can be changed one day without breaking what plays.
const KEY_ID: &str = "1";

/// Makes and reads the tokens of one kind.
#[derive(Clone)]
pub(crate) struct PathTokens {
    key: [u8; 32],
}

impl std::fmt::Debug for PathTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PathTokens(…)")
    }
}

impl PathTokens {
    /// Those of playbacks: the id in them is the playback's.
    pub(crate) fn of_media(keys: &Keys) -> Self {
        Self { key: keys.media }
    }

    /// Those of addons: the id in them is random and stands nowhere else; the database has its hash.
    pub(crate) fn of_addons(keys: &Keys) -> Self {
        Self { key: keys.addon }
    }

    /// The token of an id.
    pub(crate) fn issue(&self, id: &str) -> String {
        let tag = authenticate(&self.key, &Self::message(id));
        format!("{KEY_ID}.{id}.{}", to_hex(&tag))
    }

    /// The id in a token; `None` for anything that we did not issue.
    pub(crate) fn read<'a>(&self, token: &'a str) -> Option<&'a str> {
        let mut parts = token.splitn(3, '.');
        let (key_id, id, tag) = (parts.next()?, parts.next()?, parts.next()?);
        if key_id != KEY_ID {
            return None;
        }
        from_hex::<16>(id)?;
        let tag = from_hex::<32>(tag)?;
        is_authentic(&self.key, &Self::message(id), &tag).then_some(id)
    }

    fn message(id: &str) -> [&[u8]; 3] {
        [KEY_ID.as_bytes(), b".", id.as_bytes()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYBACK: &str = "00112233445566778899aabbccddeeff";

    /// Goal: a token opens its playback; any change of it, and any other key, opens nothing.
    #[test]
    fn media_01_only_our_tokens_open() {
        let tokens = PathTokens::of_media(&Keys::random().unwrap());
        let good = tokens.issue(PLAYBACK);
        assert_eq!(tokens.read(&good), Some(PLAYBACK));
        assert_eq!(PathTokens::of_media(&Keys::random().unwrap()).read(&good), None);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(changed) = String::from_utf8(bytes) {
                    assert_eq!(tokens.read(&changed), None, "byte {at}, bit {bit}");
                }
            }
        }
        for wrong in
            ["", ".", "..", "1..", &good[1..], &good[..good.len() - 1], &format!("{good}0"), &good.to_uppercase()]
        {
            assert_eq!(tokens.read(wrong), None, "{wrong}");
        }
    }

    /// Goal: the token of a playback is none of an addon, and the other way round, although both look alike.
    #[test]
    fn kinds_are_kept_apart() {
        let keys = Keys::random().unwrap();
        let (media, addons) = (PathTokens::of_media(&keys), PathTokens::of_addons(&keys));
        assert_eq!(addons.read(&media.issue(PLAYBACK)), None);
        assert_eq!(media.read(&addons.issue(PLAYBACK)), None);
        assert_eq!(addons.read(&addons.issue(PLAYBACK)), Some(PLAYBACK));
    }
}
