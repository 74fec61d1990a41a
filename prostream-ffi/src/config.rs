//! The configuration of an engine, as JSON.

use std::path::PathBuf;
use std::sync::Arc;

use prostream_core::net::{AddressPolicy, AllowedHost, HttpClient, HttpClientConfig};
use prostream_core::playback::PlaybackConfig;
use prostream_core::provider::debrid::DebridConfig;
use prostream_core::provider::indexer::IndexerConfig;
use prostream_core::provider::metadata::MetadataConfig;
use prostream_core::release::Preferences;
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_core::store::records::SqliteRecords;
use prostream_core::{ProStream, Result};
use serde::Deserialize;

/// What `prostream_engine_new` reads. Every field may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineConfig {
    /// File of the records; without it they are gone with the engine.
    data_file: Option<PathBuf>,
    /// Folders whose files may be opened by path; without any, every file that the process may read can be opened.
    library: Vec<PathBuf>,
    /// Exact exceptions to the rule that only public addresses are reached: `192.168.1.5:9696`.
    outbound_allow: Vec<String>,
    metadata: Vec<MetadataConfig>,
    indexers: Vec<IndexerConfig>,
    debrid: Vec<DebridConfig>,
    preferences: Preferences,
}

impl EngineConfig {
    pub(crate) async fn build(self) -> Result<(ProStream, Viewer, bool)> {
        let allow = self.outbound_allow.iter().map(|text| text.parse()).collect::<Result<Vec<AllowedHost>>>()?;
        let http =
            HttpClient::new(HttpClientConfig { policy: AddressPolicy { allow }, ..HttpClientConfig::default() })?;
        let providers = ProviderSet {
            metadata: self.metadata.into_iter().map(|config| config.build(&http)).collect::<Result<_>>()?,
            indexers: self.indexers.into_iter().map(|config| config.build(&http)).collect::<Result<_>>()?,
            debrid: self.debrid.into_iter().map(|config| config.build(&http)).collect::<Result<_>>()?,
            ..ProviderSet::default()
        };
        let has_library = !self.library.is_empty();
        let mut builder = ProStream::builder()
            .http(http)
            .playback(PlaybackConfig { library: self.library, ..PlaybackConfig::default() });
        if let Some(path) = self.data_file {
            builder = builder.records(Arc::new(SqliteRecords::open(path).await?));
        }
        self.preferences.check()?;
        let mut viewer = Viewer::new("c", Arc::new(providers));
        viewer.preferences = self.preferences;
        Ok((builder.build()?, viewer, has_library))
    }
}
