//! Where commands that need settings read them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prostream_core::model::{DeviceProfile, Language};
use prostream_core::net::{AllowedHost, Call};
use prostream_core::resolve::Viewer;
use prostream_core::{Error, ErrorKind, ProStream, Result};

use crate::config::{Config, Exception};
use crate::providers;

/// Arguments of every command that asks outside services.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// Settings file; without it `prostream.toml` of the current folder, if there is one. See docs/SETTINGS.md.
    #[arg(long, value_name = "FILE", env = "PROSTREAM_CONFIG")]
    config: Option<PathBuf>,
    /// One setting, stronger than the file and the environment, such as `limits.idle_timeout_s=30`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// Reach this host although it is not public, such as `192.168.1.5:9696`; may be given several times.
    #[arg(long = "allow-outbound", value_name = "HOST:PORT")]
    allow_outbound: Vec<AllowedHost>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// Read when no file is named.
const USUAL_FILE: &str = "prostream.toml";

impl SettingsArgs {
    /// The settings, with `extra` the strongest.
    pub(super) fn load(&self, extra: &[(&str, String)]) -> Result<Config> {
        let usual = PathBuf::from(USUAL_FILE);
        let file = self.config.clone().or_else(|| usual.is_file().then_some(usual));
        let set = self.set.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let flags: Vec<(&str, &str)> = set.chain(extra.iter().map(|(key, value)| (*key, value.as_str()))).collect();
        let mut config = Config::load(file.as_deref(), std::env::vars(), &flags)?;
        config.outbound.allow.extend(self.allow_outbound.iter().cloned().map(Exception));
        Ok(config)
    }
}

/// An engine for one command, and on whose behalf it works.
pub(super) struct Session {
    pub(super) engine: ProStream,
    pub(super) viewer: Viewer,
    pub(super) call: Call,
}

/// Whose device and language a command assumes.
#[derive(Debug, Args)]
pub(super) struct ViewerArgs {
    /// Device to rank for: any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay.
    #[arg(long, default_value = "any", value_parser = device)]
    device: DeviceProfile,
    /// Language of names and texts, such as `fr` or `pt-BR`.
    #[arg(long, value_parser = language)]
    language: Option<Language>,
    /// Longest wait for the answer, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout_s: u64,
}

fn device(name: &str) -> Result<DeviceProfile, String> {
    DeviceProfile::named(name)
        .ok_or_else(|| "one of any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay".to_owned())
}

fn language(text: &str) -> Result<Language, String> {
    Language::parse(text).ok_or_else(|| "a BCP 47 tag such as en or pt-BR".to_owned())
}

impl Session {
    pub(super) fn open(settings: &SettingsArgs, viewer_args: &ViewerArgs) -> Result<Self> {
        let config = settings.load(&[])?;
        let (http, engine) = providers::engine(&config)?;
        let set = providers::build(&config.providers, &http)?;
        if set.metadata.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "read settings")
                .detail("no metadata provider is configured")
                .advise("set PROSTREAM_PROVIDERS_TMDB_KEY, or switch Cinemeta on"));
        }
        let engine = engine.build()?;
        let mut viewer = Viewer::new("command-line", Arc::new(set));
        viewer.preferences = config.preferences()?;
        viewer.device = viewer_args.device.clone();
        viewer.language.clone_from(&viewer_args.language);
        Ok(Self { engine, viewer, call: Call::within(Duration::from_secs(viewer_args.timeout_s)) })
    }
}
