//! Sign-in by code (OAuth device flow). Source: premiumize.me/api, "OAuth2"; RFC 8628.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::error::SIGN_IN;
use super::wire;
use crate::model::ProviderId;
use crate::net::{Call, HttpClient, Secret};
use crate::provider::debrid::sign_in::expires_in;
use crate::provider::debrid::{DebridSignIn, Grant, SignInPrompt, SignInState};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Shortest time between two polls, where the service names none, and the longest that is believed. Source: RFC 8628 section 3.2.
const INTERVAL: Duration = Duration::from_secs(5);
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// How much slower to ask after `slow_down`. Source: RFC 8628 section 3.5.
const SLOWER_BY: Duration = Duration::from_secs(5);
/// Life of a code, documented and the longest that is believed.
const LIFE: Duration = Duration::from_secs(600);

/// Sign-in at Premiumize: the owner types a code. A grant ends after years and cannot be renewed: then he signs in again.
#[derive(Debug)]
pub struct PremiumizeSignIn {
    id: ProviderId,
    endpoint: wire::Endpoint,
    client_id: String,
    http: HttpClient,
}

impl PremiumizeSignIn {
    /// A sign-in at `base_url`, usually [`PremiumizeConfig::BASE_URL`](super::PremiumizeConfig::BASE_URL). `client_id` names the program
    /// that asks, as whoever runs it has registered it with the service.
    #[must_use]
    pub fn new(base_url: Url, client_id: impl Into<String>, http: HttpClient) -> Self {
        let endpoint = wire::Endpoint { base_url, key: Secret::new("") };
        Self { id: super::default_id(), endpoint, client_id: client_id.into(), http }
    }

    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }
}

#[async_trait]
impl DebridSignIn for PremiumizeSignIn {
    async fn begin(&self, call: &Call) -> Result<SignInPrompt> {
        let prompt = async {
            let reply = self.http.send(call, self.endpoint.device_code(&self.client_id)).await?;
            let code = self.endpoint.parse_device_code(&reply)?;
            let interval = code.interval.map_or(INTERVAL, Duration::from_secs);
            Ok(SignInPrompt {
                user_code: lenient::clean(&code.user_code, MAX_NAME_CHARS),
                url: code.verification_uri,
                device_code: code.device_code,
                interval: interval.clamp(INTERVAL, MAX_INTERVAL),
                expires_at: expires_in(code.expires_in.map_or(LIFE, Duration::from_secs).min(LIFE)),
            })
        };
        self.named(prompt.await)
    }

    async fn poll(&self, call: &Call, prompt: &SignInPrompt) -> Result<SignInState> {
        let state = async {
            let reply = self.http.send(call, self.endpoint.token(&self.client_id, &prompt.device_code)).await?;
            Ok(match self.endpoint.parse_token(&reply)? {
                None => SignInState::Waiting,
                Some(token) => SignInState::Granted(Grant {
                    key: token.access_token,
                    expires_at: token.expires_in.map(|life| expires_in(Duration::from_secs(life))),
                    renewal: None,
                }),
            })
        };
        self.named(state.await.map_err(|error: Error| match error.kind() {
            ErrorKind::RateLimited if error.retry_after().is_none() => {
                error.after(prompt.interval.saturating_add(SLOWER_BY))
            }
            _ => error,
        }))
    }

    async fn renew(&self, _call: &Call, _renewal: &Secret) -> Result<Grant> {
        self.named(Err(Error::new(ErrorKind::Unsupported, "renew sign-in")
            .detail("its keys cannot be renewed")
            .advise(SIGN_IN)))
    }
}
