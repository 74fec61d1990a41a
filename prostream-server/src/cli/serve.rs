//! `prostream serve`: the server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prostream_core::store::now_ms;
use prostream_core::store::records::{Records, SqliteRecords};
use prostream_core::store::sqlite::SqliteDatabase;
use prostream_core::{Error, ErrorKind, Result};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::Output;
use super::settings::SettingsArgs;
use super::wait_for_signal;
use crate::auth::Accounts;
use crate::config::Config;
use crate::doctor::{DATABASE_FILE, missing_of};
use crate::sign_in::keep_renewed;
use crate::{ServerParts, page, providers, serve};

/// How often records that are over are forgotten.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// How long what was seen at a service is kept.
const OBSERVATIONS_KEPT_MS: i64 = 90 * 24 * 3600 * 1000;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address and port, in place of `listen.addresses`.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder of the database and the signing key, in place of `data.folder`.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// The settings with the flags of `serve` and `user` on top.
pub(super) fn load(settings: &SettingsArgs, listen: Option<SocketAddr>, data: Option<&Path>) -> Result<Config> {
    let mut flags = Vec::new();
    if let Some(address) = listen {
        flags.push(("listen.addresses", address.to_string()));
    }
    if let Some(folder) = data {
        flags.push(("data.folder", folder.to_string_lossy().into_owned()));
    }
    settings.load(&flags)
}

/// Opens the data folder, which is made when it is missing.
pub(super) async fn open_data(config: &Config) -> Result<(SqliteDatabase, Arc<Accounts>)> {
    let folder = &config.data.folder;
    make_folder(folder).map_err(|error| {
        Error::new(ErrorKind::Storage, "open data folder")
            .detail(folder.display().to_string())
            .advise("choose a folder that this user may write with --data")
            .because(error)
    })?;
    let database = SqliteDatabase::open(folder.join(DATABASE_FILE)).await?;
    let access_life = Duration::from_secs(config.auth.access_token_life_s.into());
    let accounts = Accounts::open(folder, database.clone(), &config.auth, access_life).await?;
    Ok((database, Arc::new(accounts)))
}

/// Only its owner may look into it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

pub(super) async fn run(args: ServeArgs, output: &Output) -> Result<()> {
    let config = load(&args.settings, args.listen, args.data.as_deref())?;
    let (http, engine) = providers::engine(&config)?;
    let set = Arc::new(providers::build(&config.providers, &http)?);
    let renewable = providers::renewable(&config, &set, &http)?;
    let (database, accounts) = open_data(&config).await?;
    let records = Arc::new(SqliteRecords::new(database).await?.sealed_by(accounts.records_seal()));
    let engine = engine.records(Arc::clone(&records) as Arc<dyn Records>).build()?;

    let notes = missing_of(&set);
    let public_url = config.listen.public_url.clone();
    let setup_token = accounts.setup_token();
    let server = serve(config, ServerParts { engine, accounts, providers: set, assets: page::assets() }).await?;
    let address = *server.addresses().first().ok_or_else(|| Error::new(ErrorKind::Internal, "listen"))?;
    let page_url = public_url.map_or_else(|| format!("http://{address}/"), |url| url.to_string());
    let setup_url = setup_token.map(|token| format!("{page_url}#setup={token}"));
    if output.is_json() {
        let api_url = format!("{}/api/v1", page_url.trim_end_matches('/'));
        output.object(&json!({ "page_url": page_url, "api_url": api_url, "setup_url": setup_url }))?;
    } else {
        output.line(&format!("ProStream is ready at {page_url}"))?;
        if let Some(setup_url) = setup_url {
            output.line(
                "\nNobody can sign in yet. Open this link once and choose the administrator's name and password:",
            )?;
            output.line(&format!("\n  {setup_url}\n"))?;
        }
        for note in notes {
            output.line(&format!("note: {}: {}", note.what, note.advice.unwrap_or_default()))?;
        }
    }
    let stop = CancellationToken::new();
    let renewing = tokio::spawn(keep_renewed(renewable, stop.clone()));
    tokio::select! {
        () = wait_for_signal() => {}
        () = prune(records.as_ref()) => {}
    }
    stop.cancel();
    server.shutdown().await;
    // One that has begun is waited for, and no longer than its own limit.
    let _ = renewing.await;
    Ok(())
}

async fn prune(records: &dyn Records) {
    let mut ticks = tokio::time::interval(PRUNE_INTERVAL);
    loop {
        ticks.tick().await;
        let now = now_ms();
        if let Err(error) = records.prune(now, now.saturating_sub(OBSERVATIONS_KEPT_MS)).await {
            tracing::warn!(%error, "records that are over could not be forgotten");
        }
    }
}
