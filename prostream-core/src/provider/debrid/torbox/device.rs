//! Sign-in by device code. Source: TorBox's public Postman documentation, "Device Auth".

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use url::Url;

use super::wire;
use crate::model::ProviderId;
use crate::net::{Call, HttpClient, Secret};
use crate::provider::debrid::sign_in::expires_in;
use crate::provider::debrid::{DebridSignIn, Grant, SignInPrompt, SignInState};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// Documented time between two polls, where the reply names none.
const INTERVAL: Duration = Duration::from_secs(5);
/// Longest time between two polls that is believed.
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// Life of a code, documented and the longest that is believed.
const LIFE: Duration = Duration::from_secs(600);

/// Sign-in at TorBox: the owner types a code, the key lasts until it is withdrawn.
#[derive(Debug)]
pub struct TorBoxSignIn {
    id: ProviderId,
    endpoint: wire::Endpoint,
    http: HttpClient,
}

impl TorBoxSignIn {
    /// A sign-in at `base_url`, usually [`TorBoxConfig::BASE_URL`](super::TorBoxConfig::BASE_URL).
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
impl DebridSignIn for TorBoxSignIn {
    async fn begin(&self, call: &Call) -> Result<SignInPrompt> {
        let prompt = async {
            let device = self.endpoint.parse_device(&self.http.send(call, self.endpoint.device()).await?)?;
            let left = device.expires_at.and_then(|end| end.duration_since(SystemTime::now()).ok());
            Ok(SignInPrompt {
                user_code: lenient::clean(&device.code, MAX_NAME_CHARS),
                url: device.url,
                device_code: device.device_code,
                interval: device.interval.map_or(INTERVAL, |wait| wait.clamp(Duration::from_secs(1), MAX_INTERVAL)),
                expires_at: expires_in(left.map_or(LIFE, |left| left.min(LIFE))),
            })
        };
        self.named(prompt.await)
    }

    async fn poll(&self, call: &Call, prompt: &SignInPrompt) -> Result<SignInState> {
        let state = async {
            let reply = self.http.send(call, self.endpoint.device_token(&prompt.device_code)).await?;
            Ok(match self.endpoint.parse_device_token(&reply)? {
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
