use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OnceCell, watch};

use super::events::{Health, is_loss};
use super::known::{KnownFiles, content_id};
use super::reopen::Reopen;
use crate::model::{ByteRange, ContentId, Extents, InfoHash, Location, Playable, ProviderId, Rope};
use crate::net::{Call, HttpClient};
use crate::resolve::{Resolver, Viewer};
use crate::source::{
    ByteSource, ByteStream, Connections, END_SIZE, HttpSource, HttpSourceConfig, Lease, LeasedLink, SourceStats,
};
use crate::store::records::MediaAlias;
use crate::{Error, ErrorKind, Result};

/// Longest wait for a link to answer, from asking the service for it.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// What a request for bytes further on costs, before the link says: as much as reading through (PACKAGING 5.6).
const SEEK_COST_BYTES: u64 = 2 << 20;

/// How links are opened, on whose behalf.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) http: HttpClient,
    pub(super) resolver: Resolver,
    pub(super) viewer: Viewer,
    pub(super) known: Arc<KnownFiles>,
    /// What leads to the file again.
    pub(super) what: Reopen,
    /// What the file is known by.
    pub(super) alias: String,
}

impl Way {
    /// The link to the file now.
    pub(super) async fn find(&self, call: &Call) -> Result<Playable> {
        match &self.what {
            Reopen::Torrent { info_hash, path } => self.resolver.reopen(call, &self.viewer, *info_hash, path).await,
            Reopen::Link { url } => Ok(super::link_playable(url)),
            Reopen::File { .. } => Err(Error::new(ErrorKind::Internal, "open link").detail("a file is no link")),
        }
    }

    /// Opens a link; `end_size` bytes of its start, and of its end where `with_tail`, come along.
    async fn open(&self, call: &Call, playable: &Playable, end_size: u64, with_tail: bool) -> Result<HttpSource> {
        let link = leased(playable)?;
        // Of a known file nothing but its parts is read, from anywhere.
        let config = HttpSourceConfig {
            head_size: end_size,
            tail_size: if with_tail { end_size } else { 0 },
            goes_on: with_tail,
        };
        let opening = async {
            match &self.what {
                Reopen::Torrent { info_hash, path } => {
                    let lease = TorrentLease {
                        resolver: self.resolver.clone(),
                        viewer: self.viewer.clone(),
                        info_hash: *info_hash,
                        path: path.clone(),
                        places: Mutex::new(Places { at: playable.provider.clone(), left: Vec::new() }),
                    };
                    HttpSource::open_leased(&self.http, link, Arc::new(lease), &self.alias, &config).await
                }
                _ => HttpSource::open(&self.http, link.url, &link.headers, &config).await,
            }
        };
        tokio::time::timeout(call.remaining(), opening).await.map_err(|_| {
            Error::new(ErrorKind::TimedOut, "open link").advise("the host is slow or down; try another release")
        })?
    }
}

fn leased(playable: &Playable) -> Result<LeasedLink> {
    match &playable.location {
        Location::Link { url, headers } => {
            Ok(LeasedLink { url: url.clone(), headers: headers.clone(), expires_at: playable.expires_at })
        }
        Location::File(_) => Err(Error::new(ErrorKind::Internal, "open link").detail("a file is no link")),
    }
}

/// Links to a file of a torrent: of the first of the viewer's services that gives one, so when one dies another goes on.
struct TorrentLease {
    resolver: Resolver,
    viewer: Viewer,
    info_hash: InfoHash,
    path: String,
    places: Mutex<Places>,
}

/// Which services its links come from.
struct Places {
    /// Gave the last one.
    at: ProviderId,
    /// Those whose hosts did not serve the file, as long as another does.
    left: Vec<ProviderId>,
}

impl TorrentLease {
    /// A link of a service that is none of these.
    async fn link_without(&self, call: &Call, left: &[ProviderId]) -> Result<Playable> {
        let mut viewer = self.viewer.clone();
        if !left.is_empty() {
            Arc::make_mut(&mut viewer.providers).debrid.retain(|service| !left.contains(service.id()));
        }
        self.resolver.reopen(call, &viewer, self.info_hash, &self.path).await
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TorrentLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorrentLease").field("info_hash", &self.info_hash).finish_non_exhaustive()
    }
}

#[async_trait]
impl Lease for TorrentLease {
    async fn renew(&self, call: &Call) -> Result<LeasedLink> {
        let left = self.places().left.clone();
        let playable = match self.link_without(call, &left).await {
            // Those that were left may serve it again.
            Err(_) if !left.is_empty() => self.link_without(call, &[]).await?,
            answer => answer?,
        };
        tracing::info!(service = %playable.provider, "link to a file of a torrent was renewed");
        let mut places = self.places();
        places.left.retain(|one| *one != playable.provider);
        places.at = playable.provider.clone();
        leased(&playable)
    }

    async fn elsewhere(&self, call: &Call) -> Result<Option<LeasedLink>> {
        let services = || self.viewer.providers.debrid.iter().map(|service| service.id());
        let left = {
            let places = self.places();
            let mut left = places.left.clone();
            left.push(places.at.clone());
            // All were left: whoever was first may serve it again.
            if services().all(|id| left.contains(id)) { vec![places.at.clone()] } else { left }
        };
        if services().all(|id| left.contains(id)) {
            return Ok(None);
        }
        let playable = self.link_without(call, &left).await?;
        tracing::info!(service = %playable.provider, "a file of a torrent is read from another service");
        *self.places() = Places { at: playable.provider.clone(), left };
        leased(&playable).map(Some)
    }
}

/// A file behind a link, named by its content. Where its index is known from before, nothing is asked of the host until the first byte is
/// read; then the file is compared with what it was before any of its bytes is given: by its length, by the host's validator where that is
/// the same, else by its two ends.
pub(super) struct RemoteFile {
    way: Way,
    content_id: ContentId,
    /// What the host said about the file that is known.
    validator: Option<String>,
    identity: String,
    /// A link that was just found, for the first try.
    fresh: Mutex<Option<Playable>>,
    source: OnceCell<Arc<HttpSource>>,
    has_changed: AtomicBool,
    health: watch::Sender<Health>,
}

impl RemoteFile {
    /// A file whose index is known. `fresh` is a link to it, where there is one already.
    pub(super) fn known(
        way: Way,
        content_id: ContentId,
        validator: Option<String>,
        accounts: u64,
        fresh: Option<Playable>,
    ) -> Self {
        let identity = identity(&way.alias, accounts, content_id);
        Self {
            way,
            content_id,
            validator,
            identity,
            fresh: Mutex::new(fresh),
            source: OnceCell::new(),
            has_changed: AtomicBool::new(false),
            health: watch::Sender::default(),
        }
    }

    /// A file that nothing is known of: it is connected to now, with as much of both ends as its index usually takes.
    pub(super) async fn connect(way: Way, call: &Call, accounts: u64, fresh: Option<Playable>) -> Result<Self> {
        let playable = match fresh {
            Some(playable) => playable,
            None => way.find(call).await?,
        };
        let source = Arc::new(way.open(call, &playable, END_SIZE, true).await?);
        let content_id = content_id(source.as_ref()).await?;
        let mut file = Self::known(way, content_id, source.validator(), accounts, None);
        file.source = OnceCell::new_with(Some(source));
        file.health.send_modify(|health| health.well_at = Some(Instant::now()));
        Ok(file)
    }

    pub(super) fn content_id(&self) -> ContentId {
        self.content_id
    }

    /// What the host says to tell this state of the file from another.
    pub(super) fn validator(&self) -> Option<String> {
        self.source.get().map_or_else(|| self.validator.clone(), |source| source.validator())
    }

    /// Another file was found in its place: what was planned of it is no use any more.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Relaxed)
    }

    /// What connecting brought along, for whoever keeps it as long as there is room.
    pub(super) fn take_at_hand(&self) -> Extents {
        self.source.get().map(|source| source.take_at_hand()).unwrap_or_default()
    }

    async fn source(&self) -> Result<Arc<HttpSource>> {
        if self.has_changed() {
            return Err(changed());
        }
        self.source.get_or_try_init(|| self.connect_again()).await.cloned()
    }

    async fn connect_again(&self) -> Result<Arc<HttpSource>> {
        let call = Call::within(CONNECT_LIMIT);
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
        let playable = match fresh {
            Some(playable) => playable,
            None => self.way.find(&call).await?,
        };
        let source = self.way.open(&call, &playable, ContentId::END_SIZE, false).await?;
        let is_same = source.size_bytes() == self.content_id.size_bytes() && {
            let validator = source.validator();
            let is_vouched_for = validator.is_some() && validator == self.validator;
            is_vouched_for || content_id(&source).await? == self.content_id
        };
        if !is_same {
            self.forget().await;
            return Err(changed());
        }
        let validator = source.validator();
        if validator.is_some() && validator != self.validator {
            let alias = self.way.alias.clone();
            self.way.known.rename(MediaAlias { alias, content_id: self.content_id, validator }).await;
        }
        Ok(Arc::new(source))
    }

    /// From now on the name means nothing: whoever opens it reads the file.
    async fn forget(&self) {
        if !self.has_changed.swap(true, Ordering::Relaxed) {
            tracing::info!("another file lies where one was known: it is read again");
            self.way.known.forget_alias(&self.way.alias).await;
        }
    }

    /// Tells when its bytes cannot be had, and when they can again.
    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    async fn note<T>(&self, answer: Result<T>) -> Result<T> {
        let error = match answer {
            Ok(answer) => {
                self.health.send_if_modified(|health| {
                    health.well_at = Some(Instant::now());
                    health.loss.take().is_some()
                });
                return Ok(answer);
            }
            Err(error) => error,
        };
        if error.kind() == ErrorKind::SourceChanged {
            self.forget().await;
        }
        // Another file behind the viewer's own link is what he plays next; what a torrent holds does not change.
        let is_his = error.kind() == ErrorKind::SourceChanged && !matches!(self.way.what, Reopen::Torrent { .. });
        if is_his || !is_loss(error.kind()) {
            return Err(error);
        }
        let error = Arc::new(error);
        self.health.send_modify(|health| health.loss = Some(Arc::clone(&error)));
        Err(crate::resolve::again(&error))
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::SourceChanged, "open link")
        .detail("another file lies there now")
        .advise("start the playback again")
}

/// Names the bytes for caches: those that one set of accounts has bought are not given to another.
pub(super) fn identity(alias: &str, accounts: u64, content_id: ContentId) -> String {
    format!("{alias}@{accounts}:{content_id}")
}

#[async_trait]
impl ByteSource for RemoteFile {
    fn size_bytes(&self) -> u64 {
        self.content_id.size_bytes()
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        let answer = match self.source().await {
            Ok(source) => source.read_at(range).await,
            Err(error) => Err(error),
        };
        self.note(answer).await
    }

    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        let file = Arc::clone(&self);
        let connected = async move { self.source().await.map(|source| source.stream(range)) };
        Box::pin(stream::once(connected).try_flatten().then(move |piece| {
            let file = Arc::clone(&file);
            async move { file.note(piece).await }
        }))
    }

    fn at_hand(&self) -> Extents {
        self.source.get().map(|source| source.at_hand()).unwrap_or_default()
    }

    fn seek_cost_bytes(&self) -> u64 {
        self.source.get().map_or(SEEK_COST_BYTES, |source| source.seek_cost_bytes())
    }

    fn connections(&self) -> Option<Arc<Connections>> {
        self.source.get()?.connections()
    }

    fn stats(&self) -> SourceStats {
        self.source.get().map(|source| source.stats()).unwrap_or_default()
    }
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile")
            .field("content_id", &self.content_id)
            .field("source", &self.source.get())
            .finish_non_exhaustive()
    }
}
