//! `prostream demo`: the real server and the real clients over stand-ins, on throw-away data.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use prostream_core::playback::{PlaybackConfig, PreparingConfig};
use prostream_core::store::records::SqliteRecords;
use prostream_core::store::sqlite::SqliteDatabase;
use prostream_core::{Error, ErrorKind, ProStream, Result};
use serde_json::json;

use super::output::Output;
use super::{ListenArgs, wait_for_signal};
use crate::auth::{Accounts, Role, random_password};
use crate::config::Config;
use crate::demo::{FILM, StandIns};
use crate::{ServerParts, page, serve};

/// The demo's access token is printed and its data is thrown away: it lives as long as an evening.
const ACCESS_LIFE: Duration = Duration::from_secs(12 * 3600);

/// How often it is asked how far a film is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Name of the demo's only user.
const USER: &str = "demo";

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    listen: ListenArgs,
    /// A film of your own in place of the generated one: all titles show it.
    #[arg(long, value_name = "FILE")]
    film: Option<PathBuf>,
    /// So many seconds after a release was first read its file cannot be had any more: watch another one go on.
    #[arg(long, value_name = "SECONDS")]
    lose_after: Option<u64>,
}

/// Largest film that is taken, in bytes: it is held in memory.
const MAX_FILM_BYTES: u64 = 2 << 30;

async fn film(path: &Path) -> Result<Bytes> {
    let failed = |error| Error::new(ErrorKind::NotFound, "read film").detail(path.display().to_string()).because(error);
    let size_bytes = tokio::fs::metadata(path).await.map_err(failed)?.len();
    if size_bytes > MAX_FILM_BYTES {
        return Err(Error::new(ErrorKind::LimitExceeded, "read film").advise("the demo takes films of at most 2 GiB"));
    }
    tokio::fs::read(path).await.map(Bytes::from).map_err(failed)
}

pub(super) async fn run(args: DemoArgs, output: &Output) -> Result<()> {
    let failed = |error| Error::new(ErrorKind::Storage, "make a temporary folder").because(error);
    let folder = tempfile::Builder::new().prefix("prostream-demo-").tempdir().map_err(failed)?;
    let film = match &args.film {
        Some(path) => film(path).await?,
        None => Bytes::from_static(FILM),
    };
    let stand_ins = StandIns::start_with(film, args.lose_after.map(Duration::from_secs)).await?;
    let http = stand_ins.client()?;
    let providers = Arc::new(stand_ins.providers(&http)?);

    let database = SqliteDatabase::open(folder.path().join("prostream.db")).await?;
    let mut config = Config::default();
    config.listen.addresses = vec![args.listen.listen];
    config.data.folder = folder.path().to_owned();
    config.auth.is_cookie_secure = false;
    let accounts = Arc::new(Accounts::open(folder.path(), database.clone(), &config.auth, ACCESS_LIFE).await?);
    let records = Arc::new(SqliteRecords::new(database).await?.sealed_by(accounts.records_seal()));
    // The stand-in fetches a film within seconds.
    let preparing = PreparingConfig { poll_interval: LOOK_EVERY, ..PreparingConfig::default() };
    let playback = PlaybackConfig { preparing, ..PlaybackConfig::default() };
    let engine = ProStream::builder().http(http).records(records).playback(playback).build()?;
    accounts.add_user(USER, &random_password()?, Role::Admin).await?;
    let access_token = accounts.access_token_of(USER).await?;

    let server = serve(config, ServerParts { engine, accounts, providers, assets: page::assets() }).await?;
    server.use_absolute_links();
    let address = *server.addresses().first().ok_or_else(|| Error::new(ErrorKind::Internal, "listen"))?;
    let page_url = format!("http://{address}/#access_token={access_token}");
    let api_url = format!("http://{address}/api/v1");
    if output.is_json() {
        output.object(&json!({ "page_url": page_url, "api_url": api_url, "access_token": access_token }))?;
    } else {
        output.line("ProStream demo: stand-ins of TMDB, Prowlarr, AllDebrid and OpenSubtitles, and one generated film, all inside this process.")?;
        output.line("Search for Paper Lanterns, Harbour Lights, The Cartographer's Apprentice or 2047;")?;
        output.line("or for A Slow Boat Upriver, which the service has to fetch first.\n")?;
        output.line(&format!("  open   {page_url}\n"))?;
        output.line(&format!("  API    {api_url}   (described at http://{address}/docs)"))?;
        output.line("\nThe link signs you in; all data is thrown away at the end. Ctrl+C stops.")?;
    }
    wait_for_signal().await;
    server.shutdown().await;
    stand_ins.shutdown().await;
    Ok(())
}
