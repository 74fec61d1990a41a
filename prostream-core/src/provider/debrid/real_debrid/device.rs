//! Sign-in by a code. Source: api.real-debrid.com, "Authentication for applications: device flow", "for opensource apps".

use std::time::SystemTime;

use async_trait::async_trait;
use url::Url;

use super::error::sign_in_ended;
use super::wire::{Access, Credentials, Endpoint};
use crate::Result;
use crate::model::ProviderId;
use crate::net::{Call, HttpClient, Secret};
use crate::provider::debrid::account_key::AccountKey;
use crate::provider::debrid::sign_in::{checked_page, expires_in};
use crate::provider::debrid::{DebridSignIn, Grant, SignInPrompt, SignInState};

const LOOK: &str = "look at sign-in";
const RENEW: &str = "renew sign-in";

/// Sign-in at Real-Debrid: the owner types a code; the key ends after a while and is renewed.
#[derive(Debug)]
pub struct RealDebridSignIn {
    id: ProviderId,
    endpoint: Endpoint,
    http: HttpClient,
}

impl RealDebridSignIn {
    /// A sign-in at `base_url`, usually [`RealDebridConfig::BASE_URL`](super::RealDebridConfig::BASE_URL).
    #[must_use]
    pub fn new(base_url: Url, http: HttpClient) -> Self {
        let endpoint = Endpoint { base_url, key: AccountKey::new(Secret::new("")) };
        Self { id: super::default_id(), endpoint, http }
    }

    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    async fn grant(
        &self,
        call: &Call,
        operation: &'static str,
        credentials: &Credentials,
        code: &Secret,
    ) -> Result<Grant> {
        let reply = self.http.send(call, self.endpoint.token(credentials, code)).await?;
        let Access { key, refresh, life } = self.endpoint.parse_token(&reply, operation)?;
        let renewal = renewal(credentials, &refresh);
        Ok(Grant { key, expires_at: Some(expires_in(life)), renewal: Some(renewal) })
    }
}

/// Access is renewed with all three: the service makes a client of its own for each user.
fn renewal(credentials: &Credentials, refresh: &Secret) -> Secret {
    let Credentials { client_id, client_secret } = credentials;
    Secret::new(format!("{} {} {}", client_id.expose(), client_secret.expose(), refresh.expose()))
}

/// Takes a [`renewal`] apart; `None` for what is none.
fn parts(renewal: &Secret) -> Option<(Credentials, Secret)> {
    let mut parts = renewal.expose().split(' ').map(Secret::new).filter(|part| !part.is_empty());
    let credentials = Credentials { client_id: parts.next()?, client_secret: parts.next()? };
    let refresh = parts.next()?;
    parts.next().is_none().then_some((credentials, refresh))
}

#[async_trait]
impl DebridSignIn for RealDebridSignIn {
    async fn begin(&self, call: &Call) -> Result<SignInPrompt> {
        let prompt = async {
            let code = self.endpoint.parse_device_code(&self.http.send(call, self.endpoint.device_code()).await?)?;
            Ok(SignInPrompt {
                user_code: code.user_code,
                url: checked_page(code.url)?,
                device_code: code.device_code,
                interval: code.interval,
                expires_at: expires_in(code.life),
            })
        };
        self.named(prompt.await)
    }

    async fn poll(&self, call: &Call, prompt: &SignInPrompt) -> Result<SignInState> {
        let state = async {
            // The service does not tell a code that has ended from one that nobody has typed yet.
            if prompt.expires_at <= SystemTime::now() {
                return Err(sign_in_ended(LOOK, "the code has ended"));
            }
            let reply = self.http.send(call, self.endpoint.credentials(&prompt.device_code)).await?;
            let Some(credentials) = self.endpoint.parse_credentials(&reply)? else { return Ok(SignInState::Waiting) };
            self.grant(call, LOOK, &credentials, &prompt.device_code).await.map(SignInState::Granted)
        };
        self.named(state.await)
    }

    async fn renew(&self, call: &Call, renewal: &Secret) -> Result<Grant> {
        let grant = async {
            let (credentials, refresh) =
                parts(renewal).ok_or_else(|| sign_in_ended(RENEW, "what renews the access is not whole"))?;
            self.grant(call, RENEW, &credentials, &refresh).await
        };
        self.named(grant.await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what renews an access carries all three secrets, comes apart again, shows none, and anything else is refused.
    #[test]
    fn renewals_carry_client_and_token() {
        let credentials = Credentials { client_id: Secret::new("1D"), client_secret: Secret::new("S3C") };
        let whole = renewal(&credentials, &Secret::new("R3F"));
        let (client, refresh) = parts(&whole).unwrap();
        let told = [client.client_id.expose(), client.client_secret.expose(), refresh.expose()];
        assert_eq!(told, ["1D", "S3C", "R3F"]);
        assert!(!format!("{whole:?} {client:?}").contains("S3C"));
        for wrong in ["", "withdrawn", "a b", "a b c d", "a  b"] {
            assert!(parts(&Secret::new(wrong)).is_none(), "{wrong:?}");
        }
    }
}
