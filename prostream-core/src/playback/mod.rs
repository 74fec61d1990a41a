//! What is being played: opens playables, keeps their indexes and presentations, and finds a playback again after a restart.

mod events;
mod known;
mod library;
mod looks;
mod prepare;
mod preparing;
#[cfg(feature = "http")]
mod remote;
mod reopen;
mod shared;
mod subtitles;

#[cfg(feature = "http")]
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "http")]
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use moka::future::Cache as MokaCache;
use url::Url;

use crate::container;
use crate::hls::{NativePackager, PackagerConfig, Presentation};
use crate::model::{DeviceProfile, InfoHash, Location, MediaId, Playable, ProviderId, Title};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::HttpClient;
#[cfg(feature = "http")]
use crate::resolve::ProviderSet;
use crate::resolve::{Resolution, Resolver, Tried, Viewer};
#[cfg(feature = "http")]
use crate::source::CachedSource;
use crate::source::{BlockCache, BlockCacheConfig, ByteSource, FileAccess, FileSource};
use crate::store::now_ms;
use crate::store::records::{PlaybackRecord, Records};
use crate::{Error, ErrorKind, Result};

pub use events::{Next, PlaybackEvent};
pub use preparing::{Preparing, PreparingConfig, PreparingState, Started};

use known::{Known, KnownFiles};
use looks::{IsInUse, Look};
use prepare::Preparations;
use preparing::Preparings;
#[cfg(feature = "http")]
use remote::{RemoteFile, Way};
use reopen::Reopen;
use shared::{FilesInUse, OpenFile, Shown};

pub use subtitles::SubtitleWish;

/// Most links that are read for the first time at once and shared by all who wait for them.
#[cfg(feature = "http")]
const MAX_CONNECTING: u64 = 1_000;

/// Most playbacks of which it is remembered that they could not be opened, and what goes on in their place.
const MAX_OFFERS: u64 = 1_000;
/// How long a playback that could not be opened again counts as lost.
const UNOPENED_FOR: Duration = Duration::from_secs(60);
/// How long the same release is offered to all who follow a playback.
const OFFERED_FOR: Duration = Duration::from_secs(600);

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
    /// The same in the records, where they outlive the process. Default: 256 MiB, more than a hundred long films.
    pub stored_index_budget_bytes: u64,
    /// How long a title that was made ready waits to be played ([`Playbacks::prepare`]); then what was added for it at a service is removed
    /// again. Default: 5 minutes.
    pub prepared_for: Duration,
    /// Limits of fetching what nobody has cached ([`Playbacks::start_or_prepare`]).
    pub preparing: PreparingConfig,
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
            stored_index_budget_bytes: 256 << 20,
            prepared_for: Duration::from_secs(300),
            preparing: PreparingConfig::default(),
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
    /// Where to begin, in seconds: kept with the playback, for whoever looks at it again.
    pub start_s: Option<f64>,
    /// With a title: where no service has it, one is to fetch it ([`Playbacks::start_or_prepare`]), which uses up the viewer's account.
    /// Default: no.
    pub prepares: bool,
}

impl StartPlayback {
    /// The best release of a title, or the link or file itself.
    #[must_use]
    pub fn new(source: PlaybackSource) -> Self {
        Self { source, release: None, start_s: None, prepares: false }
    }
}

/// One viewer playing one thing.
pub struct Playback {
    record: PlaybackRecord,
    shown: Arc<Shown>,
    file_name: String,
    title: Option<Arc<Title>>,
    release: Option<String>,
    why: Vec<String>,
    tried: Vec<Tried>,
    position: Position,
    /// Torrents that this viewing had before and lost.
    lost: Vec<InfoHash>,
}

/// Where a player is, in milliseconds.
#[derive(Debug)]
struct Position(AtomicU64);

impl Position {
    fn new(start_ms: Option<i64>) -> Self {
        Self(AtomicU64::new(start_ms.and_then(|start| u64::try_from(start).ok()).unwrap_or(0)))
    }

    fn note(&self, seconds: f64) {
        // The cast saturates; a time before the first picture is 0.
        self.0.store((seconds * 1000.0) as u64, Ordering::Relaxed);
    }
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

    /// What a player sees: one for all who play the file on the same kind of device.
    #[must_use]
    pub fn presentation(&self) -> &Arc<dyn Presentation> {
        &self.shown.presentation
    }

    /// The original file, for players that take it as it is: one for all who play it with the same accounts.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn ByteSource> {
        &self.shown.file.source
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

    /// Where the segment begins that was asked for last ([`Self::note_position`]), in seconds; before that where the viewer wished to begin.
    #[must_use]
    pub fn position_s(&self) -> f64 {
        self.position.0.load(Ordering::Relaxed) as f64 / 1000.0
    }

    /// Where the viewer wished to begin, in seconds.
    #[must_use]
    pub fn start_s(&self) -> Option<f64> {
        self.record.start_ms.map(|start| start as f64 / 1000.0)
    }
}

impl Playback {
    fn new(record: PlaybackRecord, opened: Opened) -> Self {
        Self {
            file_name: record.name.clone(),
            position: Position::new(record.start_ms),
            record,
            shown: opened.shown,
            title: None,
            release: None,
            why: opened.track_notes,
            tried: Vec::new(),
            lost: Vec::new(),
        }
    }

    fn is_of_torrent(&self, wanted: InfoHash) -> bool {
        let stored = Reopen::from_json(&self.record.reopen);
        stored.is_ok_and(|stored| matches!(stored.what, Reopen::Torrent { info_hash, .. } if info_hash == wanted))
    }
}

/// What is to be played.
struct Start {
    playable: Playable,
    what: Reopen,
    media_id: Option<MediaId>,
    start_s: Option<f64>,
    /// What was found for a title is looked at until it is played, or is not.
    look: Option<Look>,
}

/// A file that was opened for playing.
struct Opened {
    shown: Arc<Shown>,
    track_notes: Vec<String>,
}

/// A link that is open or will be, by what it is known by and whose accounts it is read with.
#[cfg(feature = "http")]
type RemoteKey = (String, u64);

/// Links that are in use, for all who read the same with the same accounts.
#[cfg(feature = "http")]
#[derive(Debug, Default)]
struct Remotes {
    files: HashMap<RemoteKey, Weak<RemoteFile>>,
    /// Sets of providers that are in use, with their numbers. A number is never used again.
    accounts: Vec<(Weak<ProviderSet>, u64)>,
    last_number: u64,
}

#[cfg(feature = "http")]
impl Remotes {
    /// Tells one set of accounts from another. A link that its viewer gave needs none: whoever has it may read it.
    fn accounts_of(&mut self, what: &Reopen, viewer: &Viewer) -> u64 {
        if !matches!(what, Reopen::Torrent { .. }) {
            return 0;
        }
        self.accounts.retain(|(set, _)| set.strong_count() > 0);
        let set = Arc::downgrade(&viewer.providers);
        if let Some((_, number)) = self.accounts.iter().find(|(other, _)| other.ptr_eq(&set)) {
            return *number;
        }
        self.last_number = self.last_number.saturating_add(1);
        self.accounts.push((set, self.last_number));
        self.last_number
    }

    fn find(&self, key: &RemoteKey) -> Option<Arc<RemoteFile>> {
        self.files.get(key).and_then(Weak::upgrade).filter(|file| !file.has_changed())
    }

    fn insert(&mut self, key: RemoteKey, file: &Arc<RemoteFile>) {
        self.files.retain(|_, file| file.strong_count() > 0);
        self.files.insert(key, Arc::downgrade(file));
    }
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
    blocks: Arc<BlockCache>,
    known: Arc<KnownFiles>,
    files: Arc<FilesInUse>,
    #[cfg(feature = "http")]
    remotes: Arc<Mutex<Remotes>>,
    /// Links that are being read for the first time, once for all who wait.
    #[cfg(feature = "http")]
    connecting: MokaCache<RemoteKey, (Arc<RemoteFile>, Known)>,
    preparations: Preparations,
    preparings: Preparings,
    open: MokaCache<String, Arc<Playback>>,
    /// Why playbacks could not be opened again, for whoever follows them.
    unopened: MokaCache<String, Arc<Error>>,
    /// Releases that go on in place of others, by the playback that was lost.
    offers: MokaCache<String, Next>,
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
        let known = KnownFiles::new(Arc::clone(&records), config.index_budget_bytes, config.stored_index_budget_bytes);
        let known = Arc::new(known);
        let learner = Arc::clone(&known);
        let open: MokaCache<String, Arc<Playback>> = MokaCache::builder()
            .max_capacity(config.max_open)
            .time_to_idle(config.idle_close)
            .eviction_listener(move |_: Arc<String>, playback: Arc<Playback>, _| learner.learn(&playback.shown, false))
            .build();
        let played = open.clone();
        // What is merely held open to be played is not played: those who look at it tell of each other.
        let is_in_use: IsInUse =
            Arc::new(move |info_hash| played.iter().any(|(_, playback)| playback.is_of_torrent(info_hash)));
        let preparations = Preparations::new(config.prepared_for, Arc::clone(&is_in_use));
        let preparings = Preparings::new(config.preparing.clone(), is_in_use);
        Self {
            blocks: BlockCache::new(config.blocks.clone()),
            config: Arc::new(config),
            records,
            resolver,
            packager: Arc::new(NativePackager::new(PackagerConfig::default())),
            #[cfg(feature = "http")]
            http,
            known,
            files: Arc::default(),
            #[cfg(feature = "http")]
            remotes: Arc::default(),
            #[cfg(feature = "http")]
            connecting: MokaCache::new(MAX_CONNECTING),
            preparations,
            preparings,
            open,
            unopened: MokaCache::builder().max_capacity(MAX_OFFERS).time_to_live(UNOPENED_FOR).build(),
            offers: MokaCache::builder().max_capacity(MAX_OFFERS).time_to_live(OFFERED_FOR).build(),
        }
    }

    /// Starts playing: resolves, opens, plans, and keeps a record under a random id. Has nothing fetched: [`Self::start_or_prepare`] does.
    ///
    /// # Errors
    /// `InvalidInput`, `Forbidden` for a path outside the library or an address that may not be reached, what resolving answers
    /// ([`Resolver::resolve`]), and what opening the file answers ([`container::open`]).
    /// # Cancel safety
    /// As [`Resolver::resolve`]: also what does not open, or is left while it opens, is taken away again; no record is left behind.
    pub async fn start(&self, call: &Call, viewer: &Viewer, request: &StartPlayback) -> Result<Arc<Playback>> {
        let (playable, what) = match &request.source {
            PlaybackSource::Path(path) => (library::playable(&self.config.library, path).await?, Reopen::file(path)?),
            PlaybackSource::Url(url) => (link_playable(url), Reopen::Link { url: url.clone() }),
            PlaybackSource::Title(media_id) => {
                // Its file stays open, and its torrent where it is, until playing has found it.
                let mut prepared = None;
                let found = match request.release.as_deref() {
                    None => prepared.insert(self.take_ready(call, viewer, media_id).await?).0.found.clone(),
                    release => self.resolver.resolve(call, viewer, media_id, release).await?,
                };
                return self.begin(call, viewer, found, media_id, request.start_s, Vec::new()).await;
            }
        };
        let start = Start { playable, what, media_id: None, start_s: request.start_s, look: None };
        self.add(call, viewer, start, |playback| playback).await
    }

    /// Plays what was found for a title. What was newly added for it is taken away where it does not play, also when this is dropped. `lost`
    /// are torrents that the same viewing had before.
    async fn begin(
        &self,
        call: &Call,
        viewer: &Viewer,
        found: Resolution,
        media_id: &MediaId,
        start_s: Option<f64>,
        lost: Vec<InfoHash>,
    ) -> Result<Arc<Playback>> {
        let look = Some(self.preparations.looks.begin(viewer, &found));
        let what = Reopen::of(&found)?;
        let Resolution { title, candidate, playable, tried, .. } = found;
        let mut why: Vec<String> = tried_notes(&tried).collect();
        why.extend(candidate.reasons.iter().map(|reason| reason.text.clone()));
        let release = crate::resolve::release_key(&candidate.release);
        let start = Start { playable, what, media_id: Some(media_id.clone()), start_s, look };
        let found = |mut playback: Playback| {
            why.append(&mut playback.why);
            Playback { title: Some(title), release: Some(release), why, tried, lost, ..playback }
        };
        self.add(call, viewer, start, found).await
    }

    /// Opens what is to be played, and keeps a record; `completed` by what else is known of it.
    async fn add(
        &self,
        call: &Call,
        viewer: &Viewer,
        start: Start,
        completed: impl FnOnce(Playback) -> Playback,
    ) -> Result<Arc<Playback>> {
        let Start { playable, what, media_id, start_s, mut look } = start;
        let (name, service) = (playable.file_name.clone(), playable.provider.clone());
        let opened = self.open_what(call, viewer, &what, Some(playable), &viewer.device).await?;
        let created_at_ms = now_ms();
        let record = PlaybackRecord {
            id: random_id()?,
            owner: viewer.id.clone(),
            media_id,
            name,
            reopen: what.to_json(&viewer.device, opened.shown.known.content_id)?,
            start_ms: start_s.map(start_ms),
            created_at_ms,
            expires_at_ms: created_at_ms.saturating_add(self.lifetime_ms(opened.shown.presentation.as_ref())),
        };
        self.records.add_playback(&record).await?;
        if let Some(look) = &mut look {
            look.played();
        }
        self.note_played(&what, &service).await;
        let playback = Arc::new(completed(Playback::new(record, opened)));
        self.open.insert(playback.id().to_owned(), Arc::clone(&playback)).await;
        Ok(playback)
    }

    /// What is played from a service is known to be there, the next time that somebody looks for it.
    async fn note_played(&self, what: &Reopen, service: &ProviderId) {
        if let Reopen::Torrent { info_hash, path } = what {
            self.resolver.note_played(service, *info_hash, path).await;
        }
    }

    /// A playback of this viewer, opened again where it was closed.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's; what opening answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn playback(&self, call: &Call, viewer: &Viewer, id: &str) -> Result<Arc<Playback>> {
        let record = self.records.playback(&viewer.id, id, now_ms()).await?;
        if let Some(playback) = self.opened(id).await {
            return Ok(playback);
        }
        // One opening for all who wait; a failure is not kept.
        let opening = Box::pin(self.open_again(call, viewer, record));
        let opened = self.open.try_get_with(id.to_owned(), opening).await;
        if let Err(error) = &opened
            && events::is_loss(error.kind())
        {
            self.unopened.insert(id.to_owned(), Arc::clone(error)).await;
        }
        opened.map_err(|error| {
            Error::new(error.kind(), error.operation())
                .advise(error.advice().unwrap_or("start the playback again").to_owned())
                .because(error)
        })
    }

    /// The playback of an id if it is open in this process, whoever it belongs to: for requests that carry a signed token.
    /// None too when another file was found in its place: then it has to be opened anew.
    pub async fn opened(&self, id: &str) -> Option<Arc<Playback>> {
        // What viewers of files on this machine leave behind is given back as well.
        self.blocks.note_use();
        let playback = self.open.get(id).await?;
        if playback.shown.file.is_stale() {
            self.open.invalidate(id).await;
            return None;
        }
        Some(playback)
    }

    /// As [`Self::opened`], for who only watches it: that is no use of it, and keeps nothing open.
    fn peek(&self, id: &str) -> Option<Arc<Playback>> {
        let mut open = self.open.iter();
        open.find_map(|(key, playback)| (*key == id).then_some(playback))
            .filter(|playback| !playback.shown.file.is_stale())
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
        let expires_at_ms = now_ms().saturating_add(self.lifetime_ms(playback.presentation().as_ref()));
        self.records.extend_playback(playback.id(), expires_at_ms).await
    }

    /// Ends a playback of this viewer: from now on its id opens nothing. One that is being fetched is given up, and what was newly added for
    /// it is taken away in the background.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's; `Storage`.
    pub async fn end(&self, viewer: &Viewer, id: &str) -> Result<()> {
        if self.cancel_preparing(viewer, id).await? {
            return Ok(());
        }
        self.records.remove_playback(&viewer.id, id).await?;
        self.open.invalidate(id).await;
        Ok(())
    }

    /// Opens a file on this machine without a record: for programs that name the file themselves.
    ///
    /// # Errors
    /// What opening answers.
    pub async fn open_file(&self, path: &Path, device: &DeviceProfile) -> Result<Arc<dyn Presentation>> {
        self.open_local(path, device).await.map(|opened| Arc::clone(&opened.shown.presentation))
    }

    /// Gives memory back that nobody needs now: playbacks that were closed, and what was held for their viewers; and takes down what playing
    /// has shown of files. To be called now and then. Answers how many bytes of films were dropped, once after each time that somebody played:
    /// then the caller may want its allocator to give memory back, too.
    pub async fn trim_idle(&self) -> Option<u64> {
        self.open.run_pending_tasks().await;
        self.learn();
        self.preparations.trim().await;
        self.known.trim().await;
        self.packager.trim_idle();
        let dropped_bytes = self.blocks.trim_if_idle();
        if let Some(dropped_bytes) = dropped_bytes {
            tracing::debug!(dropped_bytes, "the block cache was trimmed");
        }
        dropped_bytes
    }

    /// Waits until what was learned of files is kept, and ends all reading. For the end of a program.
    pub async fn close(&self) {
        self.preparings.settle().await;
        self.preparations.settle().await;
        self.resolver.settle().await;
        self.learn();
        self.known.settle().await;
        self.blocks.close().await;
    }

    /// Takes down what playing has shown of files, for the next time that they are opened.
    fn learn(&self) {
        self.open.iter().for_each(|(_, playback)| self.known.learn(&playback.shown, true));
    }

    async fn open_again(&self, call: &Call, viewer: &Viewer, record: PlaybackRecord) -> Result<Arc<Playback>> {
        let stored = Reopen::from_json(&record.reopen)?;
        let opened = self.open_what(call, viewer, &stored.what, None, &stored.device).await?;
        if !stored.is(opened.shown.known.content_id) {
            // It may be another again the next time.
            #[cfg(feature = "http")]
            if let Some(alias) = stored.what.alias() {
                self.known.forget_alias(&alias).await;
            }
            return Err(Error::new(ErrorKind::SourceChanged, "open playback")
                .detail("the torrent leads to another file than before")
                .advise("start the playback again, or choose another release"));
        }
        self.unopened.invalidate(&record.id).await;
        Ok(Arc::new(Playback::new(record, opened)))
    }

    /// Opens a file; `fresh` says where it lies, where that was just found out.
    async fn open_what(
        &self,
        call: &Call,
        viewer: &Viewer,
        what: &Reopen,
        fresh: Option<Playable>,
        device: &DeviceProfile,
    ) -> Result<Opened> {
        match what {
            Reopen::File { path } => {
                // One that is gone is said to be so in the words of the library.
                library::playable_local(path).await?;
                self.open_local(path, device).await
            }
            Reopen::Link { .. } | Reopen::Torrent { .. } => self.open_remote(call, viewer, what, fresh, device).await,
        }
    }

    async fn open_local(&self, path: &Path, device: &DeviceProfile) -> Result<Opened> {
        let source = FileSource::open_for(path, self.config.file_access).await?;
        let file = self.files.join(OpenFile::local(Arc::new(source)));
        let source = &file.source;
        let known = match self.known.find(source.identity()).await {
            Some(known) if known.content_id.size_bytes() == source.size_bytes() => known,
            _ => {
                let index = Arc::new(Box::pin(container::open(source)).await?);
                let content_id = known::content_id(source.as_ref()).await?;
                let known = Known { content_id, validator: None, index };
                self.known.keep(source.identity().to_owned(), &known).await;
                self.known.complete_later(source, &known);
                known
            }
        };
        self.show(known, &file, device)
    }

    /// A file behind a link. One that is known is not asked for anything: it connects at the first byte that somebody reads.
    #[cfg(feature = "http")]
    async fn open_remote(
        &self,
        call: &Call,
        viewer: &Viewer,
        what: &Reopen,
        fresh: Option<Playable>,
        device: &DeviceProfile,
    ) -> Result<Opened> {
        let alias = what.alias().ok_or_else(|| Error::new(ErrorKind::Internal, "open link"))?;
        let accounts = self.remotes().accounts_of(what, viewer);
        let way = Way {
            http: self.http.clone(),
            resolver: self.resolver.clone(),
            viewer: viewer.clone(),
            known: Arc::clone(&self.known),
            what: what.clone(),
            alias: alias.clone(),
        };
        let key = (alias, accounts);
        let (remote, known) = match self.known.find(&key.0).await {
            Some(known) => {
                let mut remotes = self.remotes();
                let same = remotes.find(&key).filter(|remote| remote.content_id() == known.content_id);
                let remote = same.unwrap_or_else(|| {
                    let validator = known.validator.clone();
                    let remote = Arc::new(RemoteFile::known(way, known.content_id, validator, accounts, fresh));
                    remotes.insert(key, &remote);
                    remote
                });
                (remote, known)
            }
            None => {
                // In a place of its own: the way to a film is long, and stacks are short where nothing is optimised.
                let connecting = Box::pin(self.connect(call, way, accounts, fresh));
                let connected = self.connecting.try_get_with(key.clone(), connecting).await;
                // Only those who came meanwhile share it; whoever comes later finds the file known.
                self.connecting.invalidate(&key).await;
                self.connecting.run_pending_tasks().await;
                connected.map_err(|error| crate::resolve::again(&error))?
            }
        };
        let source = self.through_memory(&remote);
        let file = self.files.join(OpenFile::remote(remote, source));
        self.show(known, &file, device)
    }

    #[cfg(not(feature = "http"))]
    async fn open_remote(
        &self,
        _call: &Call,
        _viewer: &Viewer,
        _what: &Reopen,
        _fresh: Option<Playable>,
        _device: &DeviceProfile,
    ) -> Result<Opened> {
        Err(Error::new(ErrorKind::Unsupported, "open link").detail("built without the http feature"))
    }

    /// Reads the index of a link that nothing is known of, unless its content is known under another name.
    #[cfg(feature = "http")]
    async fn connect(
        &self,
        call: &Call,
        way: Way,
        accounts: u64,
        fresh: Option<Playable>,
    ) -> Result<(Arc<RemoteFile>, Known)> {
        let key = (way.alias.clone(), accounts);
        // Others may have been at it since the caller looked.
        let open = self.remotes().find(&key);
        if let Some(remote) = open
            && let Some(index) = self.known.find_content(remote.content_id()).await
        {
            let known = Known { content_id: remote.content_id(), validator: remote.validator(), index };
            return Ok((remote, known));
        }
        let remote = Arc::new(Box::pin(RemoteFile::connect(way, call, accounts, fresh)).await?);
        let index = match self.known.find_content(remote.content_id()).await {
            Some(index) => index,
            None => Arc::new(Box::pin(container::open(&self.through_memory(&remote))).await?),
        };
        // The index knows where everything is: what opening brought along may go when memory is short.
        self.blocks.put(remote.identity(), &remote.take_at_hand());
        let known = Known { content_id: remote.content_id(), validator: remote.validator(), index };
        self.remotes().insert(key.clone(), &remote);
        self.known.keep(key.0, &known).await;
        self.known.complete_later(&self.through_memory(&remote), &known);
        Ok((remote, known))
    }

    /// A link read through the block cache.
    #[cfg(feature = "http")]
    fn through_memory(&self, remote: &Arc<RemoteFile>) -> Arc<dyn ByteSource> {
        Arc::new(CachedSource::new(Arc::clone(remote) as Arc<dyn ByteSource>, Arc::clone(&self.blocks)))
    }

    /// The links in use. They are whole at every point where a holder could panic, so a poisoned lock is no reason to stop.
    #[cfg(feature = "http")]
    fn remotes(&self) -> std::sync::MutexGuard<'_, Remotes> {
        self.remotes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, known: Known, file: &Arc<OpenFile>, device: &DeviceProfile) -> Result<Opened> {
        let left_out = |track: &container::Track| {
            let reason = device.why_not(&track.info)?;
            Some(format!("track {} is left out: {reason}", track.info.number))
        };
        let track_notes = known.index.tracks.iter().filter_map(left_out).collect();
        let index = Arc::clone(&known.index);
        let shown = file.shown(known, device, || self.packager.present(index, Arc::clone(&file.source), device))?;
        Ok(Opened { shown, track_notes })
    }

    fn lifetime_ms(&self, presentation: &dyn Presentation) -> i64 {
        let cuts = presentation.renditions().first().map(|rendition| rendition.info().segment_durations_s.iter().sum());
        let film: f64 = cuts.unwrap_or(0.0);
        let idle = i64::try_from(self.config.idle_expiry.as_millis()).unwrap_or(i64::MAX);
        // A float to integer cast saturates; a film of more than 2^53 ms does not exist.
        idle.saturating_add((film * 1000.0) as i64)
    }
}

/// A place in a film, in milliseconds.
fn start_ms(start_s: f64) -> i64 {
    (start_s.max(0.0) * 1000.0).round() as i64
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
        provider: ProviderId::new("link"),
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
