//! `prostream play`: one file or link, to a browser or player.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prostream_core::model::DeviceProfile;
use prostream_core::net::{Call, HttpClient, HttpClientConfig};
use prostream_core::playback::{PlaybackConfig, PlaybackSource, StartPlayback};
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_core::{Error, ErrorKind, ProStream, Result};
use serde_json::json;

use super::output::{Output, printable};
use super::{ListenArgs, OutboundArgs, Target, wait_for_signal};
use crate::config::Config;
use crate::{page, serve_single};

/// Longest wait for a file to be opened.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// Arguments of `play`.
#[derive(Debug, Args)]
pub(super) struct PlayArgs {
    /// A file, or an http or https link.
    #[arg(value_name = "FILE|URL")]
    target: Target,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    outbound: OutboundArgs,
}

pub(super) async fn run(args: PlayArgs, output: &Output) -> Result<()> {
    let (source, library) = match args.target {
        Target::File(path) => (PlaybackSource::Path(path.clone()), vec![folder_of(&path)?]),
        Target::Link(url) => (PlaybackSource::Url(url), Vec::new()),
    };
    let http = HttpClient::new(HttpClientConfig { policy: args.outbound.policy(), ..HttpClientConfig::default() })?;
    // One person plays one thing: it stays open for as long as the program runs.
    let never = Duration::from_secs(365 * 24 * 3600);
    let playback = PlaybackConfig { library, idle_close: never, ..PlaybackConfig::default() };
    let engine = ProStream::builder().http(http).playback(playback).build()?;
    let mut viewer = Viewer::new("play", Arc::new(ProviderSet::default()));
    viewer.device = DeviceProfile::any();
    let playback = engine.start_playback(&Call::within(OPEN_LIMIT), &viewer, &StartPlayback::new(source)).await?;

    let mut config = Config::default();
    config.listen.addresses = vec![args.listen.listen];
    let (server, token) = serve_single(config, Arc::clone(&playback), page::assets()).await?;
    let address = *server.addresses().first().ok_or_else(|| Error::new(ErrorKind::Internal, "listen"))?;
    let name: String = url::form_urlencoded::byte_serialize(playback.file_name().as_bytes()).collect();
    let page_url = format!("http://{address}/#play={token}&name={name}");
    let hls_url = format!("http://{address}/hls/{token}/main.m3u8");
    let file_url = format!("http://{address}/hls/{token}/file");
    if output.is_json() {
        output.object(&json!({ "page_url": page_url, "hls_url": hls_url, "file_url": file_url }))?;
    } else {
        output.line(&format!("Playing {}", printable(playback.file_name())))?;
        for note in playback.why() {
            output.line(&format!("  {}", printable(note)))?;
        }
        output.line(&format!("\n  in a browser   {page_url}"))?;
        output.line(&format!("  HLS            {hls_url}"))?;
        output.line(&format!("  original file  {file_url}\n"))?;
        output.line("The links open this file and nothing else. Ctrl+C stops.")?;
    }
    wait_for_signal().await;
    server.shutdown().await;
    Ok(())
}

/// The folder that a file lies in: the whole library of this program.
fn folder_of(path: &Path) -> Result<PathBuf> {
    let missing = |error| {
        Error::new(ErrorKind::NotFound, "open file")
            .advise("check the path; quote it if it holds spaces")
            .because(error)
    };
    let file = path.canonicalize().map_err(missing)?;
    match file.parent() {
        Some(folder) if file.is_file() => Ok(folder.to_owned()),
        _ => Err(Error::new(ErrorKind::InvalidInput, "open file")
            .detail("it is not a file")
            .advise("name a film, not a folder")),
    }
}
