//! What is being played: opens playables, keeps their indexes and presentations, and finds a playback again after a restart.

mod library;
mod reopen;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache as MokaCache;
use url::Url;

use crate::container::{self, MediaIndex};
use crate::hls::{NativePackager, PackagerConfig, Presentation};
use crate::model::{DeviceProfile, Location, MediaId, Playable, Title};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::HttpClient;
use crate::resolve::{Resolver, Tried, Viewer};
use crate::source::{BlockCache, BlockCacheConfig, ByteSource, FileAccess, FileSource};
#[cfg(feature = "http")]
use crate::source::{CachedSource, HttpSource, HttpSourceConfig};
use crate::store::now_ms;
use crate::store::records::{PlaybackRecord, Records};
use crate::{Error, ErrorKind, Result};

use reopen::Reopen;

/// Limits of [`Playbacks`].
#[derive(Clone, Debug)]
pub struct PlaybackConfig {
    /// Folders whose files may be played by path. Default: none.
    pub library: Vec<PathBuf>,
    /// How files of this machine are read. Default: copied.
    pub file_access: FileAccess,
    /// Most playbacks held open; the one unused for longest is closed and opened again when it is asked for. Default: 1,000.
    pub max_open: u64,
    /// After which time without a request an open playback is closed. Default: 10 minutes.
    pub idle_close: Duration,
    /// How long a playback can be found again after its last use. Default: 12 h beyond the length of the film.
    pub idle_expiry: Duration,
    /// Memory for the indexes of files, in bytes (PARSE-01). Default: 512 MiB.
    pub index_budget_bytes: u64,
    /// Blocks of remote files in memory.
    pub blocks: BlockCacheConfig,
}

impl Default for PlaybackConfig {
    fn default() -> Self {
        Self {
            library: Vec::new(),
            file_access: FileAccess::default(),
            max_open: 1_000,
            idle_close: Duration::from_secs(600),
            idle_expiry: Duration::from_secs(12 * 3600),
            index_budget_bytes: 512 << 20,
            blocks: BlockCacheConfig::default(),
        }
    }
}

/// What to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaybackSource {
    /// A film or an episode: the whole way from title to bytes.
    Title(MediaId),
    /// A link.
    Url(Url),
    /// A file of the library.
    Path(PathBuf),
}

/// A wish to play something.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartPlayback {
    /// What.
    pub source: PlaybackSource,
    /// With a title: this release and no other, by its key ([`crate::resolve::release_key`]).
    pub release: Option<String>,
}

impl StartPlayback {
    /// The best release of a title, or the link or file itself.
    #[must_use]
    pub fn new(source: PlaybackSource) -> Self {
        Self { source, release: None }
    }
}

/// One viewer playing one thing.
pub struct Playback {
    record: PlaybackRecord,
    presentation: Arc<dyn Presentation>,
    source: Arc<dyn ByteSource>,
    file_name: String,
    title: Option<Arc<Title>>,
    release: Option<String>,
    why: Vec<String>,
    tried: Vec<Tried>,
}

impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playback").field("id", &self.record.id).field("name", &self.record.name).finish_non_exhaustive()
    }
}

impl Playback {
    /// Random name, 32 hex digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// What is kept of it.
    #[must_use]
    pub fn record(&self) -> &PlaybackRecord {
        &self.record
    }

    /// What a player sees.
    #[must_use]
    pub fn presentation(&self) -> &Arc<dyn Presentation> {
        &self.presentation
    }

    /// The original file, for players that take it as it is.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn ByteSource> {
        &self.source
    }

    /// Name of the original file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The title, when it was opened as one in this process.
    #[must_use]
    pub fn title(&self) -> Option<&Arc<Title>> {
        self.title.as_ref()
    }

    /// Key of the release that is played.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Why this release and these tracks, in sentences for people.
    #[must_use]
    pub fn why(&self) -> &[String] {
        &self.why
    }

    /// Releases that were tried before this one.
    #[must_use]
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }
}

/// A file that was opened for playing.
struct Opened {
    presentation: Arc<dyn Presentation>,
    source: Arc<dyn ByteSource>,
    track_notes: Vec<String>,
}

/// All playbacks of an engine. Cheap to clone.
#[derive(Clone)]
pub struct Playbacks {
    config: Arc<PlaybackConfig>,
    records: Arc<dyn Records>,
    resolver: Resolver,
    packager: Arc<NativePackager>,
    #[cfg(feature = "http")]
    http: HttpClient,
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only links are read through the block cache"))]
    blocks: Arc<BlockCache>,
    indexes: MokaCache<String, Arc<MediaIndex>>,
    open: MokaCache<String, Arc<Playback>>,
}

impl fmt::Debug for Playbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playbacks").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Playbacks {
    /// No playback yet.
    #[must_use]
    pub fn new(
        config: PlaybackConfig,
        records: Arc<dyn Records>,
        resolver: Resolver,
        #[cfg(feature = "http")] http: HttpClient,
    ) -> Self {
        let indexes = MokaCache::builder()
            .max_capacity(config.index_budget_bytes)
            .weigher(|_, index: &Arc<MediaIndex>| u32::try_from(index.memory_bytes()).unwrap_or(u32::MAX))
            .time_to_idle(Duration::from_secs(24 * 3600))
            .build();
        let open = MokaCache::builder().max_capacity(config.max_open).time_to_idle(config.idle_close).build();
        Self {
            blocks: BlockCache::new(config.blocks.clone()),
            config: Arc::new(config),
            records,
            resolver,
            packager: Arc::new(NativePackager::new(PackagerConfig::default())),
            #[cfg(feature = "http")]
            http,
            indexes,
            open,
        }
    }

    /// Starts playing: resolves, opens, plans, and keeps a record under a random id.
    ///
    /// # Errors
    /// `InvalidInput`, `Forbidden` for a path outside the library or an address that may not be reached, what resolving answers
    /// ([`Resolver::resolve`]), and what opening the file answers ([`container::open`]).
    /// # Cancel safety
    /// As [`Resolver::resolve`]; no record is left behind.
    pub async fn start(&self, call: &Call, viewer: &Viewer, request: &StartPlayback) -> Result<Arc<Playback>> {
        let mut why = Vec::new();
        let mut tried = Vec::new();
        let mut title = None;
        let mut release = None;
        let (playable, reopen, media_id) = match &request.source {
            PlaybackSource::Path(path) => {
                let playable = library::playable(&self.config.library, path).await?;
                (playable, Reopen::file(path)?, None)
            }
            PlaybackSource::Url(url) => (link_playable(url), Reopen::Link { url: url.clone() }, None),
            PlaybackSource::Title(media_id) => {
                let found = self.resolver.resolve(call, viewer, media_id, request.release.as_deref()).await?;
                why.extend(tried_notes(&found.tried));
                why.extend(found.candidate.reasons.iter().map(|reason| reason.text.clone()));
                release = Some(crate::resolve::release_key(&found.candidate.release));
                let reopen = Reopen::of(&found)?;
                title = Some(found.title);
                tried = found.tried;
                (found.playable, reopen, Some(media_id.clone()))
            }
        };
        let opened = self.open_playable(call, &playable, &viewer.device).await?;
        why.extend(opened.track_notes);
        let created_at_ms = now_ms();
        let record = PlaybackRecord {
            id: random_id()?,
            owner: viewer.id.clone(),
            media_id,
            name: playable.file_name.clone(),
            reopen: reopen.to_json(&viewer.device)?,
            created_at_ms,
            expires_at_ms: created_at_ms.saturating_add(self.lifetime_ms(opened.presentation.as_ref())),
        };
        self.records.add_playback(&record).await?;
        let playback = Arc::new(Playback {
            record,
            presentation: opened.presentation,
            source: opened.source,
            file_name: playable.file_name,
            title,
            release,
            why,
            tried,
        });
        self.open.insert(playback.id().to_owned(), Arc::clone(&playback)).await;
        Ok(playback)
    }

    /// A playback of this viewer, opened again where it was closed.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's; what opening answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn playback(&self, call: &Call, viewer: &Viewer, id: &str) -> Result<Arc<Playback>> {
        let record = self.records.playback(&viewer.id, id, now_ms()).await?;
        if let Some(playback) = self.open.get(id).await {
            return Ok(playback);
        }
        // One opening for all who wait; a failure is not kept.
        self.open.try_get_with(id.to_owned(), self.open_again(call, viewer, record)).await.map_err(|error| {
            Error::new(error.kind(), error.operation())
                .advise(error.advice().unwrap_or("start the playback again").to_owned())
                .because(error)
        })
    }

    /// The playback of an id if it is open in this process, whoever it belongs to: for requests that carry a signed token.
    pub async fn opened(&self, id: &str) -> Option<Arc<Playback>> {
        self.open.get(id).await
    }

    /// The playbacks of this viewer, newest first.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn list(&self, viewer: &Viewer, limit: u32) -> Result<Vec<PlaybackRecord>> {
        self.records.playbacks(&viewer.id, now_ms(), limit).await
    }

    /// Moves the end of a playback that is in use: `idle_expiry` and the length of the film from now.
    ///
    /// # Errors
    /// `NotFound`; `Storage`.
    pub async fn touch(&self, playback: &Playback) -> Result<()> {
        let expires_at_ms = now_ms().saturating_add(self.lifetime_ms(playback.presentation.as_ref()));
        self.records.extend_playback(playback.id(), expires_at_ms).await
    }

    /// Ends a playback of this viewer: from now on its id opens nothing.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's; `Storage`.
    pub async fn end(&self, viewer: &Viewer, id: &str) -> Result<()> {
        self.records.remove_playback(&viewer.id, id).await?;
        self.open.invalidate(id).await;
        Ok(())
    }

    /// Opens a file on this machine without a record: for programs that name the file themselves.
    ///
    /// # Errors
    /// What opening answers.
    pub async fn open_file(&self, path: &std::path::Path, device: &DeviceProfile) -> Result<Arc<dyn Presentation>> {
        let source: Arc<dyn ByteSource> = Arc::new(FileSource::open_for(path, self.config.file_access).await?);
        self.present(source, device).await.map(|opened| opened.presentation)
    }

    async fn open_again(&self, call: &Call, viewer: &Viewer, record: PlaybackRecord) -> Result<Arc<Playback>> {
        let (reopen, device) = Reopen::from_json(&record.reopen)?;
        let playable = match reopen {
            Reopen::File { path } => library::playable_local(&path).await?,
            Reopen::Link { url } => link_playable(&url),
            Reopen::Torrent { info_hash, path } => self.resolver.reopen(call, viewer, info_hash, &path).await?,
        };
        let opened = self.open_playable(call, &playable, &device).await?;
        Ok(Arc::new(Playback {
            record,
            presentation: opened.presentation,
            source: opened.source,
            file_name: playable.file_name,
            title: None,
            release: None,
            why: opened.track_notes,
            tried: Vec::new(),
        }))
    }

    async fn open_playable(&self, call: &Call, playable: &Playable, device: &DeviceProfile) -> Result<Opened> {
        let source = match &playable.location {
            Location::File(path) => {
                Arc::new(FileSource::open_for(path, self.config.file_access).await?) as Arc<dyn ByteSource>
            }
            Location::Link { url, headers } => self.open_link(call, url, headers).await?,
        };
        self.present(source, device).await
    }

    #[cfg(feature = "http")]
    async fn open_link(&self, call: &Call, url: &Url, headers: &[(String, String)]) -> Result<Arc<dyn ByteSource>> {
        let config = HttpSourceConfig::default();
        let opening = HttpSource::open(&self.http, url.clone(), headers, &config);
        let source = tokio::time::timeout(call.remaining(), opening).await.map_err(|_| {
            Error::new(ErrorKind::TimedOut, "open link").advise("the host is slow or down; try another release")
        })??;
        Ok(Arc::new(CachedSource::new(Arc::new(source), Arc::clone(&self.blocks))))
    }

    #[cfg(not(feature = "http"))]
    async fn open_link(&self, _call: &Call, _url: &Url, _headers: &[(String, String)]) -> Result<Arc<dyn ByteSource>> {
        Err(Error::new(ErrorKind::Unsupported, "open link").detail("built without the http feature"))
    }

    async fn present(&self, source: Arc<dyn ByteSource>, device: &DeviceProfile) -> Result<Opened> {
        let index = match self.indexes.get(source.identity()).await {
            Some(index) if index.size_bytes == source.size_bytes() => index,
            _ => {
                let index = Arc::new(container::open(&source).await?);
                self.indexes.insert(source.identity().to_owned(), Arc::clone(&index)).await;
                index
            }
        };
        let track_notes = index
            .tracks
            .iter()
            .filter_map(|track| {
                let reason = device.why_not(&track.info)?;
                Some(format!("track {} is left out: {reason}", track.info.number))
            })
            .collect();
        let presentation = self.packager.present(index, Arc::clone(&source), device)?;
        Ok(Opened { presentation, source, track_notes })
    }

    fn lifetime_ms(&self, presentation: &dyn Presentation) -> i64 {
        let cuts = presentation.renditions().first().map(|rendition| rendition.info().segment_durations_s.iter().sum());
        let film: f64 = cuts.unwrap_or(0.0);
        let idle = i64::try_from(self.config.idle_expiry.as_millis()).unwrap_or(i64::MAX);
        // A float to integer cast saturates; a film of more than 2^53 ms does not exist.
        idle.saturating_add((film * 1000.0) as i64)
    }
}

fn tried_notes(tried: &[Tried]) -> impl Iterator<Item = String> + '_ {
    tried.iter().map(|one| format!("{} was tried first: {}", one.name, one.error))
}

fn link_playable(url: &Url) -> Playable {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let name = percent_decode(last);
    Playable {
        location: Location::Link { url: url.clone(), headers: Vec::new() },
        file_name: if name.is_empty() { "file".to_owned() } else { name },
        size_bytes: None,
        info_hash: None,
        provider: crate::model::ProviderId::new("link"),
        expires_at: None,
    }
}

/// A path segment as people read it; what is no UTF-8 and control characters are replaced.
fn percent_decode(segment: &str) -> String {
    // A form decoder reads `+` as a space, which a path does not mean.
    let escaped = segment.replace('+', "%2B");
    let decoded = url::form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned());
    decoded.unwrap_or_default().chars().filter(|c| !c.is_control()).take(255).collect()
}

fn random_id() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Internal, "make playback id").because(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
