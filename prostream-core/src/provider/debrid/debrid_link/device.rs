//! Sign-in by a code (OAuth device flow). Source: debrid-link.com/api_doc/v2, "OAuth2"; RFC 8628.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::wire::{self, Endpoint};
use crate::model::ProviderId;
use crate::net::{Body, Call, HttpClient, Reply, Request, Secret};
use crate::provider::debrid::account_key::AccountKey;
use crate::provider::debrid::sign_in::{checked_page, expires_in};
use crate::provider::debrid::{DebridSignIn, Grant, SignInPrompt, SignInState};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// What is asked for: no more than this provider does.
const SCOPE: &str = "get.account get.post.delete.seedbox";
/// Source: RFC 8628 section 3.4; the service takes it beside an older name.
const GRANT_DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Wait between two polls where none is named, and the longest that is believed. Source: RFC 8628 section 3.2.
const INTERVAL: Duration = Duration::from_secs(5);
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// Life of a code where none is named, and the longest that is believed.
const CODE_LIFE: Duration = Duration::from_secs(900);
const MAX_CODE_LIFE: Duration = Duration::from_secs(3_600);
/// Life of a key that can be renewed, where none is named.
const KEY_LIFE: Duration = Duration::from_secs(86_400);

/// Sign-in at Debrid-Link: the owner types a code, the key lasts for a day and is renewed.
#[derive(Debug)]
pub struct DebridLinkSignIn {
    id: ProviderId,
    endpoint: Endpoint,
    client_id: String,
    http: HttpClient,
}

impl DebridLinkSignIn {
    /// A sign-in at `base_url`, usually [`DebridLinkConfig::BASE_URL`](super::DebridLinkConfig::BASE_URL), of the program that the
    /// service knows as `client_id`.
    #[must_use]
    pub fn new(base_url: Url, client_id: impl Into<String>, http: HttpClient) -> Self {
        let endpoint = Endpoint { base_url, key: AccountKey::new(Secret::new("")) };
        Self { id: super::default_id(), endpoint, client_id: client_id.into(), http }
    }

    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    /// A form with our name in it. Not sent twice: what it asks for may be handed out once.
    fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request {
        let named = [("client_id", self.client_id.as_str())];
        let fields = named.iter().chain(fields).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request::post(self.endpoint.url(path), Body::Form(fields.collect()))
    }
}

#[async_trait]
impl DebridSignIn for DebridLinkSignIn {
    async fn begin(&self, call: &Call) -> Result<SignInPrompt> {
        let prompt = async {
            let request = self.form("/api/oauth/device/code", &[("scope", SCOPE)]);
            let reply = self.http.send(call, request).await?;
            prompt(answered(&reply, &Secret::new(""), "begin sign-in")?)
        };
        self.named(prompt.await)
    }

    async fn poll(&self, call: &Call, prompt: &SignInPrompt) -> Result<SignInState> {
        let state = async {
            const OPERATION: &str = "look at sign-in";
            let code = &prompt.device_code;
            let request = self.form("/api/oauth/token", &[("code", code.expose()), ("grant_type", GRANT_DEVICE)]);
            let reply = self.http.send(call, request).await?;
            Ok(match answer(&reply, code, OPERATION)? {
                Answer::Pending => SignInState::Waiting,
                Answer::Given(token) => SignInState::Granted(grant(token, None, OPERATION)?),
            })
        };
        self.named(state.await)
    }

    async fn renew(&self, call: &Call, renewal: &Secret) -> Result<Grant> {
        let grant = async {
            const OPERATION: &str = "renew sign-in";
            let fields = [("refresh_token", renewal.expose()), ("grant_type", "refresh_token")];
            let reply = self.http.send(call, self.form("/api/oauth/token", &fields)).await?;
            grant(answered(&reply, renewal, OPERATION)?, Some(renewal), OPERATION)
        };
        self.named(grant.await)
    }
}

/// What a sign-in's reply comes to.
#[derive(Debug, PartialEq)]
enum Answer<T> {
    Given(T),
    /// The owner has not agreed yet.
    Pending,
}

/// Reads a reply of the sign-in: bare JSON, or an error code. `secret` is what the service was told and may repeat.
fn answer<T: DeserializeOwned>(reply: &Reply, secret: &Secret, operation: &'static str) -> Result<Answer<T>> {
    let body: Value = wire::read(reply, operation)?;
    match body.get("error").and_then(Value::as_str) {
        Some("authorization_pending") => Ok(Answer::Pending),
        Some(code) => {
            let words = body.get("error_description").and_then(Value::as_str);
            Err(lenient::with_wait(wire::complaint(code, words, &[secret], operation), reply))
        }
        None if !reply.status.is_success() => Err(lenient::status_error(reply, operation)),
        None => lenient::part(body, operation).map(Answer::Given),
    }
}

/// The same where there is nothing to wait for.
fn answered<T: DeserializeOwned>(reply: &Reply, secret: &Secret, operation: &'static str) -> Result<T> {
    match answer(reply, secret, operation)? {
        Answer::Given(given) => Ok(given),
        Answer::Pending => Err(wire::complaint("authorization_pending", None, &[], operation)),
    }
}

#[derive(Debug, Deserialize)]
struct Code {
    device_code: Secret,
    user_code: String,
    verification_url: Url,
    #[serde(default, deserialize_with = "lenient::number")]
    interval: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Token {
    access_token: Secret,
    #[serde(default, deserialize_with = "lenient::maybe")]
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::number")]
    expires_in: Option<u64>,
}

fn prompt(code: Code) -> Result<SignInPrompt> {
    let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, "begin sign-in").detail(detail);
    let user_code = lenient::clean(&code.user_code, MAX_NAME_CHARS);
    if user_code.is_empty() || code.device_code.is_empty() {
        return Err(wrong("there is no code to type"));
    }
    let life = code.expires_in.map_or(CODE_LIFE, Duration::from_secs).min(MAX_CODE_LIFE);
    let interval = code.interval.map_or(INTERVAL, Duration::from_secs);
    Ok(SignInPrompt {
        user_code,
        url: checked_page(code.verification_url)?,
        device_code: code.device_code,
        interval: interval.clamp(Duration::from_secs(1), MAX_INTERVAL),
        expires_at: expires_in(life),
    })
}

/// The grant in a token; where a renewal brings no new refresh token, the `old` one goes on working.
fn grant(token: Token, old: Option<&Secret>, operation: &'static str) -> Result<Grant> {
    if token.access_token.is_empty() {
        return Err(Error::new(ErrorKind::Malformed, operation).detail("the owner has agreed, and there is no key"));
    }
    let renewal = token.refresh_token.filter(|fresh| !fresh.is_empty()).or_else(|| old.cloned());
    let life = token.expires_in.map_or(KEY_LIFE, Duration::from_secs);
    Ok(Grant { key: token.access_token, expires_at: Some(expires_in(life)), renewal })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = r#"{"device_code":"d","user_code":" AB-CD ","verification_url":"https://a.example/device"}"#;

    fn token(body: &str) -> Result<Answer<Token>> {
        answer(&Reply::of(200, body), &Secret::new("d3vice"), "test")
    }

    /// Goal: waiting is no error, everything else has its kind, and no secret is repeated.
    #[test]
    fn answers_wait_or_say_why_not() {
        let refused = |status, code: &str| {
            let body = format!(r#"{{"error":"{code}","error_description":"d3vice is odd"}}"#);
            answer::<Token>(&Reply::of(status, &body), &Secret::new("d3vice"), "test")
        };
        assert!(matches!(refused(400, "authorization_pending"), Ok(Answer::Pending)));
        let error = refused(400, "expired_token").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(error.detail_text(), Some("expired_token: … is odd"));
        assert_eq!(refused(200, "access_denied").unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(refused(400, "slow_down").unwrap_err().kind(), ErrorKind::RateLimited);
        assert_eq!(refused(401, "invalid_client").unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(token("{}").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(token("<html>").unwrap_err().kind(), ErrorKind::Unavailable);
        let pending = Reply::of(400, r#"{"error":"authorization_pending"}"#);
        assert_eq!(answered::<Code>(&pending, &Secret::new(""), "test").unwrap_err().kind(), ErrorKind::Unauthorized);
    }

    /// Goal: waits are kept within what can be believed; a prompt without code or page is none.
    #[test]
    fn prompts_are_within_bounds() {
        let read = |body: &str| prompt(serde_json::from_str(body).unwrap());
        let plain = read(CODE).unwrap();
        assert_eq!((plain.user_code.as_str(), plain.interval), ("AB-CD", INTERVAL));
        let with = |fields: &str| read(&CODE.replace("\"device_code\":\"d\"", fields));
        assert_eq!(with(r#""device_code":"d","interval":0"#).unwrap().interval, Duration::from_secs(1));
        assert_eq!(with(r#""device_code":"d","interval":9999999"#).unwrap().interval, MAX_INTERVAL);
        with(r#""device_code":"d","expires_in":18446744073709551615"#).unwrap();
        assert_eq!(with(r#""device_code":"""#).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(read(&CODE.replace("https:", "file:")).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(read(&CODE.replace("AB-CD", "")).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: a renewal without a new refresh token keeps the old one; an empty key is none.
    #[test]
    fn grants_keep_what_renews_them() {
        let read = |body: &str, old: Option<&Secret>| match token(body).unwrap() {
            Answer::Given(token) => grant(token, old, "test"),
            Answer::Pending => panic!("pending"),
        };
        let old = Secret::new("old");
        let first = read(r#"{"access_token":"a","refresh_token":"r","expires_in":"60"}"#, None).unwrap();
        assert_eq!((first.key.expose(), first.renewal), ("a", Some(Secret::new("r"))));
        assert!(first.expires_at.is_some());
        assert_eq!(read(r#"{"access_token":"a","refresh_token":""}"#, Some(&old)).unwrap().renewal, Some(old.clone()));
        assert_eq!(
            read(r#"{"access_token":"a","refresh_token":"new"}"#, Some(&old)).unwrap().renewal,
            Some(Secret::new("new"))
        );
        read(r#"{"access_token":"a","expires_in":18446744073709551615}"#, None).unwrap();
        assert_eq!(read(r#"{"access_token":""}"#, None).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let good = r#"{"device_code":"d","user_code":"u","verification_url":"https://a.example","access_token":"a","interval":3}"#;
        proptest::proptest!(|(at in 0..good.len(), byte: u8, cut in 0usize..100)| {
            let damaged = Reply::damaged(good, at, byte, cut);
            let secret = Secret::new("");
            let _ = answered::<Code>(&damaged, &secret, "test").and_then(prompt);
            let _ = answered::<Token>(&damaged, &secret, "test").and_then(|token| grant(token, None, "test"));
        });
    }
}
