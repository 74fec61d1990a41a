//! What a route may reach.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prostream_core::model::{AccountId, DeviceProfile};
use prostream_core::net::Call;
use prostream_core::playback::Playback;
use prostream_core::release::Preferences;
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_core::{ErrorKind, ProStream};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::addon::Begun;
use crate::assets::Assets;
use crate::auth::{Accounts, Caller, PathTokens};
use crate::config::Config;
use crate::limit::Budgets;
use crate::reply::Problem;

/// Longest wait for what a route asks of the engine.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// How often the end of a playback in use is moved.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// Most playbacks whose last move is remembered; beyond it all are forgotten, at the cost of one early move each.
const MAX_TOUCHED: usize = 10_000;

/// Everything behind the routes.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) budgets: Budgets,
    pub(crate) assets: Assets,
    pub(crate) house: House,
    /// The API description, ready to be sent.
    pub(crate) openapi: Bytes,
    /// Cancelled when the server stops: streams of events end, readiness turns false.
    pub(crate) stop: CancellationToken,
    is_ready: AtomicBool,
    /// What links begin with where no public address is configured; relative links until it is set.
    own_url: OnceLock<Url>,
    /// What links begin with that make no sense without a beginning, where neither of the two is known.
    listened_url: OnceLock<Url>,
}

/// What is served: everything, or one playback.
pub(crate) enum House {
    /// Accounts, titles, playbacks.
    Full(Box<FullHouse>),
    /// One playback without accounts: `prostream play`.
    Single {
        /// Makes and reads its one token.
        tokens: PathTokens,
        /// The playback.
        playback: Arc<Playback>,
    },
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            House::Full(_) => "Full",
            House::Single { .. } => "Single",
        })
    }
}

/// The parts of a server with accounts.
pub(crate) struct FullHouse {
    pub(crate) engine: ProStream,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) providers: Arc<ProviderSet>,
    /// What everybody's releases are ranked by.
    preferences: Preferences,
    touched: Mutex<HashMap<String, Instant>>,
    /// What addons have begun to play.
    pub(crate) begun: Begun,
}

impl FullHouse {
    pub(crate) fn new(
        engine: ProStream,
        accounts: Arc<Accounts>,
        providers: Arc<ProviderSet>,
        preferences: Preferences,
    ) -> Self {
        Self { engine, accounts, providers, preferences, touched: Mutex::default(), begun: Begun::default() }
    }

    /// On whose behalf the engine is asked.
    pub(crate) fn viewer(&self, user_id: &str, device: Option<DeviceProfile>) -> Viewer {
        let mut viewer = Viewer::new(user_id, Arc::clone(&self.providers));
        viewer.preferences = self.preferences.clone();
        if let Some(device) = device {
            viewer.device = device;
        }
        viewer
    }

    /// A playback by its media token; its end moves on.
    async fn open_media(&self, token: &str) -> Result<Arc<Playback>, Problem> {
        let (playback_id, user_id) = self.accounts.open_media(token).await?;
        let playbacks = self.engine.playbacks();
        let playback = match playbacks.opened(&playback_id).await {
            Some(playback) => playback,
            None => {
                let call = Call::within(CALL_LIMIT).for_account(AccountId(user_id.clone()));
                playbacks.playback(&call, &self.viewer(&user_id, None), &playback_id).await?
            }
        };
        if playback.record().owner != user_id {
            return Err(Problem::not_found());
        }
        if self.is_touch_due(&playback_id) {
            playbacks.touch(&playback).await?;
        }
        Ok(playback)
    }

    fn is_touch_due(&self, playback_id: &str) -> bool {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if touched.get(playback_id).is_some_and(|last| last.elapsed() < TOUCH_INTERVAL) {
            return false;
        }
        if touched.len() >= MAX_TOUCHED {
            touched.clear();
        }
        touched.insert(playback_id.to_owned(), Instant::now());
        true
    }
}

impl App {
    pub(crate) fn new(config: Config, house: House, assets: Assets, openapi: Bytes) -> Arc<Self> {
        Arc::new(Self {
            budgets: Budgets::new(&config.limits),
            config,
            assets,
            house,
            openapi,
            stop: CancellationToken::new(),
            is_ready: AtomicBool::new(true),
            own_url: OnceLock::new(),
            listened_url: OnceLock::new(),
        })
    }

    /// The parts of a server with accounts.
    ///
    /// # Errors
    /// `NotFound` on a server of one playback; its table has no route that asks.
    pub(crate) fn full(&self) -> Result<&FullHouse, Problem> {
        match &self.house {
            House::Full(full) => Ok(full),
            House::Single { .. } => Err(Problem::not_found()),
        }
    }

    /// Who holds an access token.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<Caller, Problem> {
        Ok(self.full()?.accounts.authenticate(token).await?)
    }

    /// The playback that a media token opens. Every bad token answers alike (MEDIA-01).
    pub(crate) async fn open_media(&self, token: &str) -> Result<Arc<Playback>, Problem> {
        match &self.house {
            House::Full(full) => full.open_media(token).await,
            House::Single { tokens, playback } => {
                let is_ours = tokens.read(token).is_some_and(|id| id == playback.id());
                if is_ours {
                    Ok(Arc::clone(playback))
                } else {
                    Err(prostream_core::Error::new(ErrorKind::NotFound, "open playback").into())
                }
            }
        }
    }

    /// A call on behalf of a user.
    pub(crate) fn call(&self, caller: &Caller, client: IpAddr) -> Call {
        self.call_of(&caller.user_id, client)
    }

    /// A call on behalf of the user of this id.
    pub(crate) fn call_of(&self, user_id: &str, client: IpAddr) -> Call {
        let mut call = Call::within(CALL_LIMIT).for_account(AccountId(user_id.to_owned()));
        call.viewer_address = Some(client);
        call
    }

    /// Takes new requests?
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// From now on not ready any more.
    pub(crate) fn retire(&self) {
        self.is_ready.store(false, Ordering::Release);
    }

    /// From now on links begin with this address, unless a public one is configured.
    pub(crate) fn use_own_url(&self, url: Url) {
        // Set once, while the server starts.
        let _ = self.own_url.set(url);
    }

    /// From now on links that need a beginning begin with the first of these addresses that others can use, unless one is configured.
    pub(crate) fn note_addresses(&self, addresses: &[SocketAddr]) {
        let usable = addresses.iter().find(|address| !address.ip().is_unspecified());
        if let Some(url) = usable.and_then(|address| format!("http://{address}/").parse().ok()) {
            // Set once, while the server starts.
            let _ = self.listened_url.set(url);
        }
    }

    /// An address that is used away from this server's own pages: in other players, in files. Never made from what a client calls us.
    ///
    /// # Errors
    /// `Unsupported` where nothing says how this server is reached.
    pub(crate) fn absolute_link(&self, path: &str) -> Result<String, Problem> {
        let link = self.link(path);
        if !link.starts_with('/') {
            return Ok(link);
        }
        match self.listened_url.get() {
            Some(base) => Ok(format!("{}{path}", base.as_str().trim_end_matches('/'))),
            None => Err(Problem::of(ErrorKind::Unsupported)
                .detail("this server does not know the address by which others reach it")
                .advise("set listen.public_url")),
        }
    }

    /// An address as clients get it: absolute when its beginning is known.
    pub(crate) fn link(&self, path: &str) -> String {
        match self.config.listen.public_url.as_ref().or_else(|| self.own_url.get()) {
            Some(base) => format!("{}{path}", base.as_str().trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}
