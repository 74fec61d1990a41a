//! From the settings to the outgoing client and the providers behind it.

use std::sync::Arc;

use prostream_core::model::ProviderId;
use prostream_core::net::{AddressPolicy, HttpClient, HttpClientConfig, Secret, SharedBudget};
use prostream_core::provider::debrid::{DebridConfig, DebridService};
use prostream_core::provider::indexer::local_folder::LocalFolderConfig;
use prostream_core::provider::indexer::prowlarr::ProwlarrConfig;
use prostream_core::provider::indexer::torznab::TorznabConfig;
use prostream_core::provider::indexer::{Indexer, IndexerConfig};
use prostream_core::provider::metadata::cinemeta::CinemetaConfig;
use prostream_core::provider::metadata::tmdb::TmdbConfig;
use prostream_core::provider::metadata::{MetadataConfig, MetadataProvider};
use prostream_core::provider::subtitles::opensubtitles::OpenSubtitlesConfig;
use prostream_core::provider::subtitles::{SubtitleProvider, SubtitlesConfig};
use prostream_core::resolve::ProviderSet;
use prostream_core::store::cache::RedisCache;
use prostream_core::store::redis::{Redis, RedisBudget};
use prostream_core::{Error, ErrorKind, ProStream, ProStreamBuilder, Result};

use crate::config::{Config, DebridAccount, Providers};
use crate::sign_in::{Renewable, read_key_file};

/// The outgoing client, with the exceptions of the settings and no others, and the beginning of an engine that asks through it. Both share
/// with other servers what the settings say.
///
/// # Errors
/// `InvalidInput` for an address of a Redis that is none; `Internal` when TLS cannot be set up.
pub fn engine(config: &Config) -> Result<(HttpClient, ProStreamBuilder)> {
    let allow = config.outbound.allow.iter().map(|exception| exception.0.clone()).collect();
    let redis = config.cache.redis()?;
    let budget = |redis: &Redis| Arc::new(RedisBudget::new(redis.clone())) as Arc<dyn SharedBudget>;
    let http = HttpClient::new(HttpClientConfig {
        policy: AddressPolicy { allow },
        shared_budget: redis.as_ref().map(budget),
        ..HttpClientConfig::default()
    })?;
    let builder = ProStream::builder().http(http.clone()).playback(config.library.playback());
    let builder = match redis {
        Some(redis) => builder.cache(Arc::new(RedisCache::new(redis))),
        None => builder,
    };
    Ok((http, builder))
}

/// The providers of the settings, in their order: TMDB before Cinemeta.
///
/// # Errors
/// `InvalidInput` for settings that cannot work, such as two instances of one name.
pub fn build(settings: &Providers, http: &HttpClient) -> Result<ProviderSet> {
    let Attempts { metadata, indexers, debrid, subtitles } = attempt(settings, http)?;
    let set = ProviderSet {
        metadata: metadata.into_iter().collect::<Result<_>>()?,
        indexers: indexers.into_iter().collect::<Result<_>>()?,
        debrid: debrid.into_iter().collect::<Result<_>>()?,
        subtitles: subtitles.into_iter().collect::<Result<_>>()?,
    };
    check_names(&set)?;
    Ok(set)
}

/// What came of each entry of the settings: a provider, or why it cannot be one. An error names its provider.
pub(crate) struct Attempts {
    pub(crate) metadata: Vec<Result<Arc<dyn MetadataProvider>>>,
    pub(crate) indexers: Vec<Result<Arc<dyn Indexer>>>,
    pub(crate) debrid: Vec<Result<Arc<dyn DebridService>>>,
    pub(crate) subtitles: Vec<Result<Arc<dyn SubtitleProvider>>>,
}

/// Tries to build each provider of the settings, in their order.
///
/// # Errors
/// `InvalidInput` for a name that none may have.
pub(crate) fn attempt(settings: &Providers, http: &HttpClient) -> Result<Attempts> {
    let mut metadata = Vec::new();
    if let Some(key) = settings.tmdb.key.clone().filter(|key| !key.is_empty()) {
        let mut config = TmdbConfig::new(key);
        if let Some(base_url) = &settings.tmdb.base_url {
            config.base_url.clone_from(base_url);
        }
        metadata.push(MetadataConfig::Tmdb(config).build(http));
    }
    if settings.cinemeta.is_enabled {
        let mut config = CinemetaConfig::default();
        if let Some(base_url) = &settings.cinemeta.base_url {
            config.base_url.clone_from(base_url);
        }
        metadata.push(MetadataConfig::Cinemeta(config).build(http));
    }

    let mut indexers = Vec::new();
    for one in &settings.prowlarr {
        let id = id("prowlarr", one.name.as_deref())?;
        indexers.push(
            IndexerConfig::Prowlarr(ProwlarrConfig { id, url: one.url.clone(), key: one.key.clone() }).build(http),
        );
    }
    for one in &settings.torznab {
        let id = id("torznab", one.name.as_deref())?;
        indexers
            .push(IndexerConfig::Torznab(TorznabConfig { id, url: one.url.clone(), key: one.key.clone() }).build(http));
    }
    for one in &settings.local_folder {
        let id = id("local_folder", one.name.as_deref())?;
        indexers.push(IndexerConfig::LocalFolder(LocalFolderConfig { id, path: one.path.clone() }).build(http));
    }

    let mut debrid = Vec::new();
    for (vendor, accounts) in settings.debrid() {
        for one in accounts {
            let id = id(vendor, one.name.as_deref())?;
            let service = key_of(vendor, one)
                .map_err(|error| error.at(id.to_string()))
                .and_then(|key| DebridConfig::new(vendor, id, key, one.base_url.clone())?.build(http));
            debrid.push(service);
        }
    }

    let mut subtitles = Vec::new();
    if let Some(key) = settings.opensubtitles.key.clone().filter(|key| !key.is_empty()) {
        let mut config = OpenSubtitlesConfig::new(key);
        config.user.clone_from(&settings.opensubtitles.user);
        config.password.clone_from(&settings.opensubtitles.password);
        if let Some(base_url) = &settings.opensubtitles.base_url {
            config.base_url.clone_from(base_url);
        }
        subtitles.push(SubtitlesConfig::OpenSubtitles(config).build(http));
    }

    Ok(Attempts { metadata, indexers, debrid, subtitles })
}

fn key_of(vendor: &str, account: &DebridAccount) -> Result<Secret> {
    match (&account.key, &account.key_file) {
        (_, Some(file)) => Ok(read_key_file(file, vendor)?.key),
        (key, None) => Ok(key.clone().unwrap_or_else(|| Secret::new(""))),
    }
}

/// The accounts of `set`, which [`build`] made of these settings, whose keys end and can be renewed.
///
/// # Errors
/// `InvalidInput` for a key that can only be renewed with a client id, and there is none.
pub(crate) fn renewable(config: &Config, set: &ProviderSet, http: &HttpClient) -> Result<Vec<Renewable>> {
    let accounts =
        config.providers.debrid().into_iter().flat_map(|(vendor, all)| all.iter().map(move |one| (vendor, one)));
    let mut renewable = Vec::new();
    for ((vendor, account), service) in accounts.zip(&set.debrid) {
        let Some(path) = &account.key_file else { continue };
        if read_key_file(path, vendor)?.renewal.is_some() {
            let client_id = config.sign_in.client_id(vendor)?;
            let sign_in = DebridConfig::sign_in(vendor, account.base_url.clone(), client_id, http)?;
            renewable.push(Renewable { vendor, path: path.clone(), service: Arc::clone(service), sign_in });
        }
    }
    Ok(renewable)
}

fn id(vendor: &str, name: Option<&str>) -> Result<ProviderId> {
    match name {
        None => Ok(ProviderId::new(vendor)),
        // Parsed, so that a name with odd characters is an error and not a log line that lies.
        Some(name) => format!("{vendor}:{name}").parse(),
    }
}

/// What is learned of a service is kept under its name: two of one name would mix.
fn check_names(set: &ProviderSet) -> Result<()> {
    let indexers: Vec<Arc<str>> = set.indexers.iter().map(|one| Arc::from(one.id().as_str())).collect();
    let debrid: Vec<Arc<str>> = set.debrid.iter().map(|one| Arc::from(one.id().as_str())).collect();
    for names in [indexers, debrid] {
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err(Error::new(ErrorKind::InvalidInput, "read settings")
                    .detail(format!("two providers are called {name}"))
                    .advise("give each a `name` of its own"));
            }
        }
    }
    Ok(())
}
