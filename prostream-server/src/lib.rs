//! The `prostream` server: routes, accounts, limits and the API description over the engine of `prostream-core`.
//!
//! [`serve`] runs a server with accounts, [`serve_single`] one that plays a single playback. Both take what they serve as arguments and read
//! no environment, so that tests start the real thing.
#![deny(unsafe_code)]

mod addon;
mod app;
mod assets;
pub mod auth;
pub mod cli;
pub mod config;
pub mod demo;
mod doctor;
mod edge;
mod limit;
pub mod memory;
mod openapi;
pub mod page;
pub mod providers;
mod range;
mod reply;
mod request;
mod routes;
mod sign_in;
mod size;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prostream_core::playback::Playback;
use prostream_core::resolve::ProviderSet;
use prostream_core::{Error, ErrorKind, ProStream, Result};
use tokio_util::task::AbortOnDropHandle;
use warp::Filter;

use app::{App, FullHouse, House};
use auth::{Accounts, Keys, PathTokens};
use config::Config;
use edge::{Edge, EdgeConfig};

pub use assets::{Asset, Assets};

/// How often budgets that are over and memory that nobody uses are given up.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(15);
/// Every so many times sign-in sessions that are over are forgotten as well.
const TICKS_PER_PRUNING: u32 = 4;

/// What a server with accounts is made of.
#[derive(Debug)]
pub struct ServerParts {
    /// The engine.
    pub engine: ProStream,
    /// Who may sign in.
    pub accounts: Arc<Accounts>,
    /// The services that all users share.
    pub providers: Arc<ProviderSet>,
    /// The files of the page.
    pub assets: Assets,
}

/// A server that runs. Dropped, it stops at once; [`Self::shutdown`] lets running requests finish.
#[derive(Debug)]
pub struct ServerHandle {
    edge: Edge,
    app: Arc<App>,
    _housekeeping: AbortOnDropHandle<()>,
}

/// Runs a server with accounts until its handle goes.
///
/// # Errors
/// `InvalidInput` for a configuration that makes no sense, `Storage` when an address cannot be listened on.
pub async fn serve(config: Config, parts: ServerParts) -> Result<ServerHandle> {
    let ServerParts { engine, accounts, providers, assets } = parts;
    let house = FullHouse::new(engine, accounts, providers, config.preferences()?);
    resume(&house).await;
    start(config, House::Full(Box::new(house)), assets, routes::full_table()).await
}

/// Goes on with what services were fetching when the program ended. Without it the server is as good, so a failure is told and no more.
async fn resume(house: &FullHouse) {
    match house.engine.playbacks().resume(|owner| Some(house.viewer(owner, None))).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "services go on fetching what was asked for before"),
        Err(error) => tracing::warn!(%error, "what services were fetching cannot be gone on with"),
    }
}

/// Runs a server that plays one playback and knows no accounts. The second value is its media token: `/hls/{token}/main.m3u8` is the
/// playlist, `/#play={token}` the page that plays it.
///
/// # Errors
/// As [`serve`].
pub async fn serve_single(config: Config, playback: Arc<Playback>, assets: Assets) -> Result<(ServerHandle, String)> {
    let tokens = PathTokens::of_media(&Keys::random()?);
    let token = tokens.issue(playback.id());
    let handle = start(config, House::Single { tokens, playback }, assets, routes::single_table()).await?;
    Ok((handle, token))
}

/// The API description of a server with accounts (OpenAPI 3.1, JSON).
///
/// # Errors
/// `Internal`.
pub fn api_description() -> Result<String> {
    openapi::document(&routes::full_table())
}

async fn start(config: Config, house: House, assets: Assets, table: Vec<routes::Route>) -> Result<ServerHandle> {
    config.check()?;
    let description = openapi::document(&table)?;
    let edge_config = EdgeConfig::new(&config);
    let addresses = config.listen.addresses.clone();
    let app = App::new(config, house, assets, description.into());
    let service = warp::service(routes::filter(Arc::clone(&app), table).recover(routes::recover));
    let edge = Edge::listen(&addresses, edge_config, service, app.stop.clone()).await.map_err(|error| {
        Error::new(ErrorKind::Storage, "listen")
            .detail(error.to_string())
            .advise("is another server running? choose another address with listen.addresses")
            .because(error)
    })?;
    app.note_addresses(edge.addresses());
    let housekeeping = AbortOnDropHandle::new(tokio::spawn(keep_house(Arc::clone(&app))));
    Ok(ServerHandle { edge, app, _housekeeping: housekeeping })
}

async fn keep_house(app: Arc<App>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING_INTERVAL);
    for tick in (0..TICKS_PER_PRUNING).cycle() {
        ticks.tick().await;
        app.budgets.forget_rested();
        let Ok(full) = app.full() else { continue };
        if full.engine.playbacks().trim_idle().await.is_some() {
            // Nobody plays: what was kept for the next bytes of a film goes back to the system.
            let _ = tokio::task::spawn_blocking(memory::give_back).await;
        }
        if tick == 0
            && let Err(error) = full.accounts.prune().await
        {
            tracing::warn!(%error, "cannot forget sign-in sessions that are over");
        }
    }
}

impl ServerHandle {
    /// Makes links absolute, beginning with the address that is listened on: for a server that is only reached there, such as the demo.
    /// A configured public address goes before it.
    pub fn use_absolute_links(&self) {
        if let Some(url) = self.addresses().first().and_then(|address| format!("http://{address}/").parse().ok()) {
            self.app.use_own_url(url);
        }
    }

    /// The addresses that are listened on, with their real ports, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.edge.addresses()
    }

    /// Stops: no new connection, the running requests finish within `limits.shutdown_timeout_s`, then the rest is cut (EDGE-11).
    /// True when nothing had to be cut.
    pub async fn shutdown(self) -> bool {
        self.app.retire();
        let limit = Duration::from_secs(self.app.config.limits.shutdown_timeout_s.into());
        let is_clean = self.edge.shutdown(limit).await;
        if let Ok(full) = self.app.full() {
            // What was learned of files is written in milliseconds; a disk that hangs does not keep the program.
            let closing = full.engine.playbacks().close();
            if tokio::time::timeout(limit, closing).await.is_err() {
                tracing::warn!("what was being written could not be finished");
            }
        }
        is_clean
    }
}
