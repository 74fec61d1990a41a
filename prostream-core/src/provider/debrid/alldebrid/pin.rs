//! Sign-in by PIN. Source: docs.alldebrid.com, "PIN authentication".

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::wire;
use crate::model::ProviderId;
use crate::net::{Call, HttpClient, Secret};
use crate::provider::debrid::sign_in::{checked_page, expires_in};
use crate::provider::debrid::{DebridSignIn, Grant, SignInPrompt, SignInState};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Source: "every 5 seconds".
const INTERVAL: Duration = Duration::from_secs(5);
/// Life of a PIN, documented and the longest that is believed.
const LIFE: Duration = Duration::from_secs(600);

/// Sign-in at AllDebrid: the owner types a PIN, the key lasts until it is withdrawn.
#[derive(Debug)]
pub struct AllDebridSignIn {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
}

impl AllDebridSignIn {
    /// A sign-in at `base_url`, usually [`AllDebridConfig::BASE_URL`](super::AllDebridConfig::BASE_URL).
    #[must_use]
    pub fn new(base_url: Url, http: HttpClient) -> Self {
        let endpoint = wire::Endpoint { base_url, key: Secret::new("") };
        Self { id: super::default_id(), endpoint, http }
    }

    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }
}

#[async_trait]
impl DebridSignIn for AllDebridSignIn {
    async fn begin(&self, call: &Call) -> Result<SignInPrompt> {
        let prompt = async {
            let pin = self.endpoint.parse_pin(&self.http.send(call, self.endpoint.pin()).await?)?;
            let life = pin.expires_in.map_or(LIFE, Duration::from_secs).min(LIFE);
            Ok(SignInPrompt {
                user_code: lenient::clean(&pin.pin, MAX_NAME_CHARS),
                url: checked_page(pin.user_url)?,
                // Both are asked for at each poll.
                device_code: Secret::new(format!("{} {}", pin.pin, pin.check.expose())),
                interval: INTERVAL,
                expires_at: expires_in(life),
            })
        };
        self.named(prompt.await)
    }

    async fn poll(&self, call: &Call, prompt: &SignInPrompt) -> Result<SignInState> {
        let state = async {
            let (pin, check) = prompt.device_code.expose().split_once(' ').unwrap_or_default();
            let reply = self.http.send(call, self.endpoint.pin_check(pin, check)).await?;
            Ok(match self.endpoint.parse_pin_check(&reply)? {
                None => SignInState::Waiting,
                Some(key) => SignInState::Granted(Grant { key, expires_at: None, renewal: None }),
            })
        };
        self.named(state.await)
    }

    async fn renew(&self, _call: &Call, _renewal: &Secret) -> Result<Grant> {
        self.named(Err(Error::new(ErrorKind::Unsupported, "renew sign-in").detail("its keys do not end")))
    }
}
