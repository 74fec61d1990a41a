//! OpenSubtitles (opensubtitles.com), with a key of the user and, for fetching, the user's sign-in.
//!
//! Searching needs the key alone. Fetching counts against a daily quota of the account; the link that it gives lives for hours and is
//! asked for again once when it has ended.

mod error;
mod sign_in;
mod wire;

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use http::{StatusCode, header};
use serde::Deserialize;
use url::Url;

use self::sign_in::{Session, SignIn};
use super::{MAX_SUBTITLES, SIGN_IN_OPERATION, Subtitle, SubtitleFile, SubtitleId, SubtitleProvider, SubtitleSearch};
use crate::model::ProviderId;
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::pace::Pace;
use crate::provider::{CheckUp, Trouble, lenient};
use crate::{Error, ErrorKind, Result};

/// The service bears about five requests a second: four in the long run and one at once are never more.
const RATE_PER_S: NonZeroU32 = NonZeroU32::new(4).unwrap();
const BURST: NonZeroU32 = NonZeroU32::MIN;

/// Sign-ins are counted by themselves, about one a second: no more than thirty in a minute.
const SIGN_INS_PER_MIN: NonZeroU32 = NonZeroU32::new(29).unwrap();

/// Most pages of 60 that one search reads.
const MAX_PAGES: u64 = 2;

/// Most redirects of a search or a file that are followed.
const MAX_REDIRECTS: usize = 3;

/// How long a used-up quota is taken for granted: until it is renewed, and no longer than this, as its owner may have bought more.
const MAX_QUOTA_PAUSE: Duration = Duration::from_secs(3600);

const FETCH: &str = "fetch subtitle";

/// Settings of [`OpenSubtitles`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSubtitlesConfig {
    /// Name of this instance. Default: `opensubtitles`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// An API key, from opensubtitles.com/consumers.
    pub key: Secret,
    /// Name of the user at opensubtitles.com. Default: none; then subtitles are found, but the service may give no files.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password. Default: none.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Where the API is. Default: `https://api.opensubtitles.com/api/v1`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
}

impl OpenSubtitlesConfig {
    /// Where the API of the real service is.
    pub const BASE_URL: &str = "https://api.opensubtitles.com/api/v1";

    /// The real service, with this key and without a user.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { id: default_id(), key, user: None, password: None, base_url: default_base_url() }
    }
}

fn default_id() -> ProviderId {
    ProviderId::new("opensubtitles")
}

#[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
fn default_base_url() -> Url {
    OpenSubtitlesConfig::BASE_URL.parse().unwrap()
}

/// Finds subtitles at OpenSubtitles. All that use the account share one instance: it keeps the pace and the sign-in.
#[derive(Debug)]
pub struct OpenSubtitles {
    id: ProviderId,
    endpoint: wire::Endpoint,
    sign_in: Option<SignIn>,
    http: HttpClient,
    pace: Pace,
    sign_in_pace: Pace,
    /// Until when no downloads are left.
    used_up_until: Mutex<Option<Instant>>,
}

impl OpenSubtitles {
    /// A provider with these settings.
    ///
    /// # Errors
    /// `InvalidInput` for an empty key, a user without a password or the other way round, or an address that is none of http or https.
    pub fn new(config: OpenSubtitlesConfig, http: HttpClient) -> Result<Self> {
        let OpenSubtitlesConfig { id, key, user, password, base_url } = config;
        let wrong = |detail: &'static str| {
            Error::new(ErrorKind::InvalidInput, "set up provider").at(id.to_string()).detail(detail)
        };
        let key = Secret::new(key.expose().trim());
        if key.is_empty() {
            return Err(wrong("the key is empty").advise("make a key at opensubtitles.com/consumers"));
        }
        if !matches!(base_url.scheme(), "http" | "https") {
            return Err(wrong("the address is none of http or https"));
        }
        let user = user.map(|user| user.trim().to_owned()).filter(|user| !user.is_empty());
        let sign_in = match (user, password.filter(|password| !password.is_empty())) {
            (Some(user), Some(password)) => Some(SignIn::new(user, password)),
            (None, None) => None,
            _ => return Err(wrong("a user needs a password, and a password a user").advise("set both, or neither")),
        };
        let endpoint = wire::Endpoint { base_url, key };
        let of_account = |pace: Pace, part| pace.of_account(&http, &endpoint.base_url, &endpoint.key, part);
        let pace = of_account(Pace::new(RATE_PER_S, BURST), "");
        let sign_in_pace = of_account(Pace::per_minute(SIGN_INS_PER_MIN, BURST), "sign-in");
        Ok(Self { id, endpoint, sign_in, http, pace, sign_in_pace, used_up_until: Mutex::default() })
    }

    /// With our name; every error that leaves this provider passes here.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.id.to_string()))
    }

    /// The service as `session` wants to be asked, or as the settings name it.
    fn endpoint(&self, session: Option<&Session>) -> wire::Endpoint {
        match session {
            Some(session) => wire::Endpoint { base_url: session.base_url.clone(), ..self.endpoint.clone() },
            None => self.endpoint.clone(),
        }
    }

    /// Sends a request in its turn.
    async fn send(&self, call: &Call, operation: &'static str, request: Request) -> Result<Reply> {
        self.pace.turn(call, operation).await?;
        self.http.send(call, request).await
    }

    /// The reply, unless it complains.
    fn checked(&self, reply: Reply, operation: &'static str, session: Option<&Session>) -> Result<Reply> {
        let password = self.sign_in.as_ref().map(|sign_in| &sign_in.password);
        let secrets: Vec<&Secret> =
            [Some(&self.endpoint.key), password, session.map(|session| &session.token)].into_iter().flatten().collect();
        let Some(complaint) = error::complaint(&reply, operation, &secrets, SystemTime::now()) else {
            return Ok(reply);
        };
        if let (ErrorKind::RateLimited, Some(wait)) = (complaint.kind(), complaint.retry_after()) {
            self.pace.pause(wait);
        }
        Err(complaint)
    }

    /// A session of the user, if there is one; never the one that is `stale`.
    async fn session(&self, call: &Call, stale: Option<&Secret>) -> Result<Option<Session>> {
        const OPERATION: &str = SIGN_IN_OPERATION;
        let Some(sign_in) = &self.sign_in else { return Ok(None) };
        let begin = async {
            self.sign_in_pace.turn(call, OPERATION).await?;
            let request = self.endpoint.login(&sign_in.user, &sign_in.password);
            let reply = self.send(call, OPERATION, request).await?;
            // A 403 is about the key: that error is none of user and password.
            let is_refused = reply.status == StatusCode::UNAUTHORIZED;
            let operation = if is_refused { OPERATION } else { "ask for token" };
            self.endpoint.parse_login(&self.checked(reply, operation, None)?)
        };
        sign_in.session(call, stale, begin).await.map(Some)
    }

    /// Asks with the user's token. A token that the service takes no longer is renewed once.
    async fn ask_signed(
        &self,
        call: &Call,
        operation: &'static str,
        request: impl Fn(&wire::Endpoint, Option<&Secret>) -> Request,
    ) -> Result<(wire::Endpoint, Reply)> {
        let mut session = self.session(call, None).await?;
        let mut is_renewed = false;
        loop {
            let endpoint = self.endpoint(session.as_ref());
            let token = session.as_ref().map(|session| &session.token);
            let reply = self.send(call, operation, request(&endpoint, token)).await?;
            let is_stale = reply.status == StatusCode::UNAUTHORIZED && !lenient::is_web_page(&reply);
            if let (true, false, Some(token)) = (is_stale, is_renewed, token) {
                is_renewed = true;
                session = self.session(call, Some(&token.clone())).await?;
                continue;
            }
            let checked = self.checked(reply, operation, session.as_ref());
            return match checked {
                Err(error) if is_stale && session.is_none() => Err(error.advise(error::SET_USER)),
                checked => checked.map(|reply| (endpoint, reply)),
            };
        }
    }

    /// One page of a search. The service redirects questions that are not in its own order; ours are, but orders change.
    async fn search_page(&self, call: &Call, search: &SubtitleSearch, page: u64) -> Result<wire::Found> {
        const OPERATION: &str = "search subtitles";
        let session = self.sign_in.as_ref().and_then(SignIn::current);
        let endpoint = self.endpoint(session.as_ref());
        let Some(mut request) = endpoint.search(search, page) else {
            return Ok(wire::Found { subtitles: Vec::new(), page_count: 0 });
        };
        for _ in 0..=MAX_REDIRECTS {
            let from = request.url.clone();
            let reply = self.send(call, OPERATION, request).await?;
            match endpoint.redirect(&reply, &from)? {
                Some(next) => request = next,
                None => return wire::parse_search(&self.checked(reply, OPERATION, None)?, search, &self.id),
            }
        }
        Err(Error::new(ErrorKind::Malformed, OPERATION).detail("too many redirects"))
    }

    async fn search_pages(&self, call: &Call, search: &SubtitleSearch) -> Result<Vec<Subtitle>> {
        let mut subtitles: Vec<Subtitle> = Vec::new();
        for page in 1..=MAX_PAGES {
            let found = self.search_page(call, search, page).await?;
            for subtitle in found.subtitles {
                if subtitles.len() < MAX_SUBTITLES && !subtitles.iter().any(|known| known.id == subtitle.id) {
                    subtitles.push(subtitle);
                }
            }
            if page >= found.page_count {
                break;
            }
        }
        Ok(subtitles)
    }

    /// The error of a quota that is known to be used up.
    fn used_up(&self) -> Result<()> {
        let until = *self.used_up_until.lock().unwrap_or_else(PoisonError::into_inner);
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(left) if !left.is_zero() => Err(Error::new(ErrorKind::AccountLimit, FETCH)
                .detail("no downloads were left a while ago")
                .advise("wait for the next day, or become a VIP at opensubtitles.com")
                .after(left)),
            _ => Ok(()),
        }
    }

    async fn link(&self, call: &Call, file_id: u64) -> Result<(Url, Option<String>)> {
        self.used_up()?;
        let answer = self.ask_signed(call, FETCH, |endpoint, token| endpoint.download(file_id, token)).await;
        if let Err(error) = &answer
            && error.kind() == ErrorKind::AccountLimit
        {
            let wait = error.retry_after().unwrap_or(MAX_QUOTA_PAUSE).min(MAX_QUOTA_PAUSE);
            let until = Instant::now().checked_add(wait);
            *self.used_up_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
        let (endpoint, reply) = answer?;
        endpoint.parse_download(&reply)
    }

    /// The reply behind a link, redirects followed by hand: each hop passes the address policy anew, and none learns our key.
    async fn file(&self, call: &Call, mut link: Url) -> Result<Reply> {
        for _ in 0..=MAX_REDIRECTS {
            let reply = self.http.send(call, wire::file(link.clone())).await?;
            if !reply.status.is_redirection() {
                return Ok(reply);
            }
            let location = reply.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| link.join(location).ok());
            link = next
                .filter(|next| wire::is_followed(&link, next))
                .ok_or_else(|| Error::new(ErrorKind::Malformed, FETCH).detail("a redirect that leads nowhere"))?;
        }
        Err(Error::new(ErrorKind::LimitExceeded, FETCH).detail("too many redirects"))
    }

    async fn fetch_file(&self, call: &Call, id: &SubtitleId) -> Result<SubtitleFile> {
        let file_id = id.as_str().parse().map_err(|_| {
            Error::new(ErrorKind::NotFound, FETCH).detail("it is no id of OpenSubtitles").advise("search again")
        })?;
        let (link, mut name) = self.link(call, file_id).await?;
        let mut reply = self.file(call, link).await?;
        if reply.status == StatusCode::GONE {
            let (link, new_name) = self.link(call, file_id).await?;
            name = new_name.or(name);
            reply = self.file(call, link).await?;
        }
        if !reply.status.is_success() || lenient::is_web_page(&reply) {
            let later = "OpenSubtitles does not give the file just now; try again in a while, or choose another one";
            return Err(lenient::status_error(&reply, FETCH).advise(later));
        }
        Ok(SubtitleFile { name, bytes: reply.body })
    }

    async fn look(&self, call: &Call) -> Result<CheckUp> {
        const OPERATION: &str = "check up";
        if self.sign_in.is_some() {
            let (_, reply) = self.ask_signed(call, OPERATION, |endpoint, token| endpoint.user(token)).await?;
            return wire::parse_user(&reply);
        }
        let reply = self.send(call, OPERATION, self.endpoint.formats()).await?;
        wire::parse_formats(&self.checked(reply, OPERATION, None)?)?;
        Ok(CheckUp::default()
            .with(Trouble::warning("no user is set: subtitles are found, but not given", error::SET_USER)))
    }
}

#[async_trait]
impl SubtitleProvider for OpenSubtitles {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, call: &Call, request: &SubtitleSearch) -> Result<Vec<Subtitle>> {
        self.named(self.search_pages(call, request).await)
    }

    async fn fetch(&self, call: &Call, id: &SubtitleId) -> Result<SubtitleFile> {
        self.named(self.fetch_file(call, id).await)
    }

    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        self.named(self.look(call).await)
    }
}

#[cfg(test)]
mod tests {
    use crate::provider::subtitles::SubtitlesConfig;

    /// Goal: the settings have the documented defaults, show no secret, and a misspelt one is refused.
    #[test]
    fn settings_have_defaults_and_no_strangers() {
        let text = r#"{"vendor":"opensubtitles","key":"0a1b","user":"mia","password":"p4ss"}"#;
        let SubtitlesConfig::OpenSubtitles(config) = serde_json::from_str(text).unwrap();
        assert_eq!(config.base_url.as_str(), "https://api.opensubtitles.com/api/v1");
        assert_eq!((config.id.as_str(), config.user.as_deref()), ("opensubtitles", Some("mia")));
        let shown = format!("{config:?}");
        assert!(!shown.contains("0a1b") && !shown.contains("p4ss"), "{shown}");
        let text = r#"{"vendor":"opensubtitles","key":"0a","kee":1}"#;
        assert!(serde_json::from_str::<SubtitlesConfig>(text).is_err());
    }
}
