//! Media tokens: what opens `/hls/{token}/…` (MEDIA-01). They stand in the path, since players follow relative addresses without any
//! header of ours, and open one playback and nothing else.
//!
//! A token is `{key id}.{playback id}.{tag}`: one digit, 32 and 64 lower-case hex digits. The tag is HMAC-SHA-256 over the two before it.

use super::keys::{Keys, authenticate, from_hex, is_authentic, to_hex};

/// Which key signs. Another digit means another key, so that keys can be changed one day without breaking what plays.
const KEY_ID: &str = "1";

/// Makes and reads media tokens.
#[derive(Clone)]
pub(crate) struct MediaTokens {
    key: [u8; 32],
}

impl std::fmt::Debug for MediaTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MediaTokens(…)")
    }
}

impl MediaTokens {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self { key: keys.media }
    }

    /// The token of a playback.
    pub(crate) fn issue(&self, playback_id: &str) -> String {
        let tag = authenticate(&self.key, &Self::message(playback_id));
        format!("{KEY_ID}.{playback_id}.{}", to_hex(&tag))
    }

    /// The playback that a token opens; `None` for anything that we did not issue.
    pub(crate) fn read<'a>(&self, token: &'a str) -> Option<&'a str> {
        let mut parts = token.splitn(3, '.');
        let (key_id, playback_id, tag) = (parts.next()?, parts.next()?, parts.next()?);
        if key_id != KEY_ID {
            return None;
        }
        from_hex::<16>(playback_id)?;
        let tag = from_hex::<32>(tag)?;
        is_authentic(&self.key, &Self::message(playback_id), &tag).then_some(playback_id)
    }

    fn message(playback_id: &str) -> [&[u8]; 3] {
        [KEY_ID.as_bytes(), b".", playback_id.as_bytes()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYBACK: &str = "00112233445566778899aabbccddeeff";

    /// Goal: a token opens its playback; any change of it, and any other key, opens nothing.
    #[test]
    fn media_01_only_our_tokens_open() {
        let tokens = MediaTokens::new(&Keys::random().unwrap());
        let good = tokens.issue(PLAYBACK);
        assert_eq!(tokens.read(&good), Some(PLAYBACK));
        assert_eq!(MediaTokens::new(&Keys::random().unwrap()).read(&good), None);
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
}
