//! [`ProStream`]: wires the rooms, decides nothing.

use std::path::Path;
use std::sync::Arc;

use futures_util::Stream;

use crate::Result;
#[cfg(feature = "http")]
use crate::doctor::{self, Finding};
use crate::hls::Presentation;
use crate::model::{DeviceProfile, MediaId, Title, TitleSummary};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::{HttpClient, HttpClientConfig};
use crate::playback::{Playback, PlaybackConfig, Playbacks, StartPlayback, Started};
use crate::provider::metadata::{Discover, TitlePage, Trending};
use crate::resolve::{
    Found, FoundSubtitles, ReleaseEvent, Resolution, ResolveConfig, Resolver, SubtitleRequest, Viewer,
};
use crate::store::cache::{Cache, MemoryCache};
use crate::store::records::{MemoryRecords, Records};

/// The engine: shared infrastructure for any number of viewers. Cheap to clone.
///
/// ```no_run
/// use std::path::Path;
/// use prostream_core::{ProStream, hls::playlist, model::DeviceProfile};
///
/// # async fn run() -> prostream_core::Result<()> {
/// let engine = ProStream::builder().build()?;
/// let film = engine.open_file(Path::new("film.mkv"), &DeviceProfile::any()).await?;
/// println!("{}", playlist::multivariant(film.as_ref()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ProStream {
    resolver: Resolver,
    playbacks: Playbacks,
    #[cfg(feature = "http")]
    http: HttpClient,
}

/// Builds a [`ProStream`]. Setters cannot fail; [`Self::build`] checks everything.
#[derive(Debug, Default)]
pub struct ProStreamBuilder {
    records: Option<Arc<dyn Records>>,
    cache: Option<Arc<dyn Cache>>,
    resolve: ResolveConfig,
    playback: PlaybackConfig,
    #[cfg(feature = "http")]
    http: Option<HttpClient>,
}

impl ProStreamBuilder {
    /// Where records are kept. Default: in memory, gone with the process.
    #[must_use]
    pub fn records(mut self, records: Arc<dyn Records>) -> Self {
        self.records = Some(records);
        self
    }

    /// Where metadata and what indexers answered are cached. Several processes that share it ask the outside once. Default: in memory.
    #[must_use]
    pub fn cache(mut self, cache: Arc<dyn Cache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Limits of resolving.
    #[must_use]
    pub fn resolve(mut self, config: ResolveConfig) -> Self {
        self.resolve = config;
        self
    }

    /// Limits of playing, and the library.
    #[must_use]
    pub fn playback(mut self, config: PlaybackConfig) -> Self {
        self.playback = config;
        self
    }

    /// The outgoing client. Default: one with default limits, which reaches public addresses only.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(mut self, client: HttpClient) -> Self {
        self.http = Some(client);
        self
    }

    /// The engine.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn build(self) -> Result<ProStream> {
        let records = self.records.unwrap_or_else(|| Arc::new(MemoryRecords::new()));
        let cache = self.cache.unwrap_or_else(|| Arc::new(MemoryCache::default()));
        let resolver = Resolver::new(self.resolve, Arc::clone(&records), cache);
        #[cfg(feature = "http")]
        let http = match self.http {
            Some(http) => http,
            None => HttpClient::new(HttpClientConfig::default())?,
        };
        let playbacks = Playbacks::new(
            self.playback,
            records,
            resolver.clone(),
            #[cfg(feature = "http")]
            http.clone(),
        );
        Ok(ProStream {
            resolver,
            playbacks,
            #[cfg(feature = "http")]
            http,
        })
    }
}

impl ProStream {
    /// A builder with the defaults.
    #[must_use]
    pub fn builder() -> ProStreamBuilder {
        ProStreamBuilder::default()
    }

    /// The outgoing client, for building providers.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// All playbacks.
    #[must_use]
    pub fn playbacks(&self) -> &Playbacks {
        &self.playbacks
    }

    /// How the providers of a viewer are, in plain words: [`crate::doctor::check_up`].
    #[cfg(feature = "http")]
    pub async fn check_up(&self, call: &Call, viewer: &Viewer) -> Vec<Finding> {
        doctor::check_up(call, &viewer.providers, &self.http).await
    }

    /// Titles by name: [`Resolver::search_titles`].
    ///
    /// # Errors
    /// As there.
    pub async fn search_titles(&self, call: &Call, viewer: &Viewer, text: &str) -> Result<Vec<TitleSummary>> {
        self.resolver.search_titles(call, viewer, text).await
    }

    /// One title: [`Resolver::title`].
    ///
    /// # Errors
    /// As there.
    pub async fn title(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<Arc<Title>> {
        self.resolver.title(call, viewer, media_id).await
    }

    /// What is watched these days: [`Resolver::trending`].
    ///
    /// # Errors
    /// As there.
    pub async fn trending(&self, call: &Call, viewer: &Viewer, request: &Trending) -> Result<TitlePage> {
        self.resolver.trending(call, viewer, request).await
    }

    /// Titles that fit some conditions: [`Resolver::discover`].
    ///
    /// # Errors
    /// As there.
    pub async fn discover(&self, call: &Call, viewer: &Viewer, request: &Discover) -> Result<TitlePage> {
        self.resolver.discover(call, viewer, request).await
    }

    /// Releases as the indexers answer: [`Resolver::releases`].
    pub fn releases(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
    ) -> impl Stream<Item = ReleaseEvent> + Send + 'static {
        self.resolver.releases(call, viewer, media_id)
    }

    /// Releases once all indexers have answered: [`Resolver::find_releases`].
    ///
    /// # Errors
    /// As there.
    pub async fn find_releases(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<Found> {
        self.resolver.find_releases(call, viewer, media_id).await
    }

    /// From a media id to bytes: [`Resolver::resolve`].
    ///
    /// # Errors
    /// As there.
    pub async fn resolve(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        release: Option<&str>,
    ) -> Result<Resolution> {
        self.resolver.resolve(call, viewer, media_id, release).await
    }

    /// Subtitles of a title or a file: [`Resolver::find_subtitles`]; for what is played, [`Playbacks::find_subtitles`].
    ///
    /// # Errors
    /// As there.
    pub async fn find_subtitles(
        &self,
        call: &Call,
        viewer: &Viewer,
        request: &SubtitleRequest,
    ) -> Result<FoundSubtitles> {
        self.resolver.find_subtitles(call, viewer, request).await
    }

    /// Starts playing: [`Playbacks::start`].
    ///
    /// # Errors
    /// As there.
    pub async fn start_playback(&self, call: &Call, viewer: &Viewer, request: &StartPlayback) -> Result<Arc<Playback>> {
        self.playbacks.start(call, viewer, request).await
    }

    /// Starts playing, or has a service fetch what nobody has cached: [`Playbacks::start_or_prepare`].
    ///
    /// # Errors
    /// As there.
    pub async fn start_or_prepare(&self, call: &Call, viewer: &Viewer, request: &StartPlayback) -> Result<Started> {
        self.playbacks.start_or_prepare(call, viewer, request).await
    }

    /// Makes the best release of a title ready in the background, before anybody presses play: [`Playbacks::prepare`].
    pub fn prepare(&self, viewer: &Viewer, media_id: &MediaId) {
        self.playbacks.prepare(viewer, media_id);
    }

    /// Opens a file on this machine for a device: ten lines from a file to a playlist.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported`, `Malformed`: see [`crate::container::open`].
    pub async fn open_file(&self, path: &Path, device: &DeviceProfile) -> Result<Arc<dyn Presentation>> {
        self.playbacks.open_file(path, device).await
    }
}
