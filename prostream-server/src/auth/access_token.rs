//! Access tokens: JWT (RFC 7519, RFC 8725) with one algorithm, every claim required and of its type (AUTH-04).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use prostream_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::keys::{Keys, random_bytes, to_hex};

const ISSUER: &str = "prostream";
const AUDIENCE: &str = "prostream-api";

/// `typ` of the header (RFC 9068 section 2.1), so that no other JWT passes for an access token.
const TYPE: &str = "at+jwt";

/// How far clocks may differ, in seconds.
const LEEWAY_S: u64 = 10;

/// Longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 2048;

/// What an access token says. All of it is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    /// The user's id.
    pub(super) sub: String,
    /// The sign-in session.
    pub(super) sid: String,
    /// Names this one token.
    jti: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    /// The user's epoch: a token of an earlier one is void.
    pub(super) epoch: i64,
}

/// Makes and reads access tokens.
pub(super) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    life_s: u64,
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokens").field("life_s", &self.life_s).finish_non_exhaustive()
    }
}

impl AccessTokens {
    pub(super) fn new(keys: &Keys, life_s: u64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        Self {
            encoding: EncodingKey::from_secret(&keys.access),
            decoding: DecodingKey::from_secret(&keys.access),
            validation,
            life_s,
        }
    }

    /// How long a token lives, in seconds.
    pub(super) fn life_s(&self) -> u64 {
        self.life_s
    }

    /// A token for a sign-in session, from `now_s` (seconds since 1970) on.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) fn issue(&self, user_id: &str, sign_in_id: &str, epoch: i64, now_s: u64) -> Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user_id.to_owned(),
            sid: sign_in_id.to_owned(),
            jti: to_hex(&random_bytes::<16>()?),
            iat: now_s,
            nbf: now_s,
            exp: now_s.saturating_add(self.life_s),
            epoch,
        };
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &self.encoding)
            .map_err(|error| Error::new(ErrorKind::Internal, "issue access token").because(error))
    }

    /// What a token says, if it is ours and its time is now.
    ///
    /// # Errors
    /// `Unauthorized`, whatever is wrong with it.
    pub(super) fn read(&self, token: &str) -> Result<Claims> {
        let refused = || {
            Error::new(ErrorKind::Unauthorized, "read access token").advise("sign in again: POST /api/v1/auth/login")
        };
        if token.len() > MAX_TOKEN_BYTES {
            return Err(refused());
        }
        let read = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| refused().because(error))?;
        let Header { typ, alg: Algorithm::HS256, .. } = &read.header else { return Err(refused()) };
        let expected = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        // No key is ever looked up and no extension is known, so a header that names one (`kid`, `jku`, `jwk`, `x5u`, `crit`) is not ours.
        if typ.as_deref() != Some(TYPE) || read.header != expected {
            return Err(refused());
        }
        Ok(read.claims)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now_s() -> u64 {
        jsonwebtoken::get_current_timestamp()
    }

    fn tokens() -> (AccessTokens, Keys) {
        let keys = Keys::random().unwrap();
        (AccessTokens::new(&keys, 900), keys)
    }

    fn good_claims() -> Value {
        let now = now_s();
        json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "u", "sid": "s", "jti": "j", "iat": now, "nbf": now, "exp": now + 60, "epoch": 0 })
    }

    fn signed(header: Value, claims: &Value, key: &[u8]) -> String {
        let encode = |value: &Value| base64url(value.to_string().as_bytes());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let tag =
            jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key), Algorithm::HS256).unwrap();
        format!("{message}.{tag}")
    }

    fn base64url(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for place in 0..=chunk.len() {
                text.push(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63] as char);
            }
        }
        text
    }

    fn header() -> Value {
        json!({ "typ": TYPE, "alg": "HS256" })
    }

    /// Goal: what we issue we read, and the hand-made twin of it too: the tables below fail for their one difference only.
    #[test]
    fn auth_04_good_tokens_are_read() {
        let (tokens, keys) = tokens();
        let claims = tokens.read(&tokens.issue("mia", "s1", 3, now_s()).unwrap()).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str(), claims.epoch), ("mia", "s1", 3));
        assert!(tokens.read(&signed(header(), &good_claims(), &keys.access)).is_ok());
    }

    /// Goal: every claim is required, of its type, and right.
    #[test]
    fn auth_04_forged_claims_are_refused() {
        let (tokens, keys) = tokens();
        let now = now_s();
        let wrong_types = [json!(null), json!([]), json!({}), json!(true), json!("1"), json!(1.5), json!(-1)];
        let mut forged = Vec::new();
        for claim in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "epoch"] {
            let mut claims = good_claims();
            claims.as_object_mut().unwrap().remove(claim);
            forged.push(claims);
            for wrong in &wrong_types {
                let is_text = matches!(claim, "sub" | "sid" | "jti");
                if (is_text && wrong.is_string()) || (claim == "epoch" && wrong == &json!(-1)) {
                    continue;
                }
                let mut claims = good_claims();
                claims[claim] = wrong.clone();
                forged.push(claims);
            }
        }
        for (claim, wrong) in [
            ("iss", json!("other")),
            ("aud", json!("other")),
            ("aud", json!([AUDIENCE])),
            ("exp", json!(now - 60)),
            ("exp", json!((now + 60).to_string())),
            ("nbf", json!(now + 600)),
        ] {
            let mut claims = good_claims();
            claims[claim] = wrong;
            forged.push(claims);
        }
        assert!(forged.len() >= 60, "{}", forged.len());
        for claims in forged {
            let error = tokens.read(&signed(header(), &claims, &keys.access)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{claims}");
        }
    }

    /// Goal: only our header, our algorithm and our key.
    #[test]
    fn auth_04_forged_headers_are_refused() {
        let (tokens, keys) = tokens();
        for header in [
            json!({ "alg": "HS256" }),
            json!({ "typ": "JWT", "alg": "HS256" }),
            json!({ "typ": TYPE }),
            json!({ "typ": TYPE, "alg": "none" }),
            json!({ "typ": TYPE, "alg": "None" }),
            json!({ "typ": TYPE, "alg": "HS384" }),
            json!({ "typ": TYPE, "alg": "RS256" }),
            json!({ "typ": TYPE, "alg": "HS256", "kid": "1" }),
            json!({ "typ": TYPE, "alg": "HS256", "jku": "https://example.org/keys" }),
            json!({ "typ": TYPE, "alg": "HS256", "x5u": "https://example.org/keys" }),
            json!({ "typ": TYPE, "alg": "HS256", "jwk": { "kty": "oct", "k": "AA" } }),
            json!({ "typ": TYPE, "alg": "HS256", "crit": ["exp"] }),
            json!({ "typ": TYPE, "alg": "HS256", "b64": false }),
        ] {
            assert!(tokens.read(&signed(header.clone(), &good_claims(), &keys.access)).is_err(), "{header}");
        }
        assert!(tokens.read(&signed(self::header(), &good_claims(), &keys.media)).is_err());
        assert!(tokens.read(&signed(self::header(), &good_claims(), b"")).is_err());
        let good = signed(self::header(), &good_claims(), &keys.access);
        let (message, _tag) = good.rsplit_once('.').unwrap();
        for broken in [
            String::new(),
            message.to_owned(),
            format!("{message}."),
            format!("{good}."),
            format!("{good}="),
            "x".repeat(5000),
        ] {
            assert!(tokens.read(&broken).is_err());
        }
    }

    /// Goal: any one changed bit voids a token.
    #[test]
    fn auth_04_every_bit_counts() {
        let (tokens, _keys) = tokens();
        let good = tokens.issue("mia", "s1", 0, now_s()).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(changed) = String::from_utf8(bytes) {
                    assert!(tokens.read(&changed).is_err(), "byte {at}, bit {bit}");
                }
            }
        }
    }
}
