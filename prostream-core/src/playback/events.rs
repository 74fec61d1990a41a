//! What happens to a playback while somebody follows it: when its file cannot be had any more, anywhere, another release goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::reopen::Stored;
use super::{Playback, Playbacks, Reopen};
use crate::hls::RenditionInfo;
use crate::model::InfoHash;
use crate::net::Call;
use crate::resolve::Viewer;
use crate::store::now_ms;
use crate::store::records::PlaybackRecord;
use crate::{Error, ErrorKind, Result};

/// Longest search for another release.
const OFFER_LIMIT: Duration = Duration::from_secs(60);
/// Most releases that are opened in one search.
const MAX_OPENED: usize = 3;
/// Most releases that one viewing has lost; then it ends.
const MAX_LOST: usize = 20;
/// After a search in vain the next one waits so long.
const COOL_DOWN: Duration = Duration::from_secs(15);
/// So often a playback that is closed is looked for, and one that is open is asked whether it still exists.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What happens to a playback.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PlaybackEvent {
    /// Its file cannot be had any more: another release of the same title is open and goes on. Nothing more comes.
    Next(Next),
    /// Its file cannot be had, and no other release either, now. As long as that lasts it is tried again each 15 seconds, and not told
    /// again; once the file could be read in between, the next loss is.
    Failed(Arc<Error>),
}

/// Another release that goes on where one has ended.
#[derive(Clone, Debug)]
pub struct Next {
    /// The playback of it: the same viewer's, for the same kind of device.
    pub playback: Arc<Playback>,
    /// Where the first segment lies that was asked for in vain, in seconds. A player that has not come so far goes on where it is.
    pub start_s: f64,
    /// What became of the release before.
    pub because: Arc<Error>,
}

/// Whether the bytes of a file can be had.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Why they could not be had at the last try.
    pub(super) loss: Option<Arc<Error>>,
    /// When some were last read; nobody is woken for it.
    pub(super) well_at: Option<Instant>,
}

/// Does it say that the file behind a link is out of reach, after all that reading does by itself to get at it?
pub(super) const fn is_loss(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::Refused
            | ErrorKind::AddressRefused
            | ErrorKind::AccountLimit
            | ErrorKind::NotCached
            | ErrorKind::Malformed
            | ErrorKind::SourceChanged
    )
}

impl Playback {
    /// Notes that a player asks for this segment: where the next release goes on, should this one end.
    pub fn note_position(&self, rendition: &RenditionInfo, segment: u32) {
        let count = usize::try_from(segment).unwrap_or(usize::MAX);
        let before: f64 = rendition.segment_durations_s.iter().take(count).sum();
        self.position.note(rendition.start_s + before);
    }
}

impl Playbacks {
    /// What happens to a playback of this viewer, as long as it exists and the stream is held. Listening keeps no file open.
    ///
    /// # Errors
    /// `NotFound`, also for another viewer's; `Storage`.
    /// # Cancel safety
    /// Safe to drop at any point: what a search newly added at a service is taken away again.
    pub async fn events(
        &self,
        call: &Call,
        viewer: &Viewer,
        id: &str,
    ) -> Result<impl Stream<Item = PlaybackEvent> + Send + use<>> {
        self.records.playback(&viewer.id, id, now_ms()).await?;
        let (sender, receiver) = mpsc::channel(8);
        let watch = Watch { playbacks: self.clone(), call: call.clone(), viewer: viewer.clone(), id: id.to_owned() };
        // It runs inside the stream: dropping the stream drops it, no task is left behind.
        let work = Box::pin(async move { watch.run(&sender).await });
        let events =
            stream::unfold(
                receiver,
                |mut receiver| async move { receiver.recv().await.map(|event| (event, receiver)) },
            );
        Ok(stream::select(events.map(Some), work.into_stream().map(|()| None)).filter_map(std::future::ready))
    }

    /// Another release in place of one that is lost. Who asks again soon is told of the same.
    async fn another(&self, call: &Call, viewer: &Viewer, id: &str, because: Arc<Error>) -> Result<Next> {
        let offer = async {
            let record = self.records.playback(&viewer.id, id, now_ms()).await?;
            let lost = self.open.get(id).await;
            let call = Call { deadline: Call::within(OFFER_LIMIT).deadline, ..call.clone() };
            let offering = Box::pin(self.open_another(&call, viewer, &record, lost.as_deref(), because));
            timeout(OFFER_LIMIT, offering).await.map_err(|_| Error::new(ErrorKind::TimedOut, "find another release"))?
        };
        self.offers.try_get_with(id.to_owned(), offer).await.map_err(|error| crate::resolve::again(&error))
    }

    async fn open_another(
        &self,
        call: &Call,
        viewer: &Viewer,
        record: &PlaybackRecord,
        lost: Option<&Playback>,
        because: Arc<Error>,
    ) -> Result<Next> {
        let Some(media_id) = &record.media_id else { return Err(crate::resolve::again(&because)) };
        let Stored { what, device, .. } = Reopen::from_json(&record.reopen)?;
        let viewer = Viewer { device, ..viewer.clone() };
        let mut given_up: Vec<InfoHash> = lost.map(|playback| playback.lost.clone()).unwrap_or_default();
        if let Reopen::Torrent { info_hash, .. } = what {
            given_up.push(info_hash);
        }
        if given_up.len() > MAX_LOST {
            return Err(crate::resolve::again(&because));
        }
        let start_s = lost.map_or_else(|| record.start_ms.map_or(0.0, |ms| ms as f64 / 1000.0), Playback::position_s);
        for _ in 0..MAX_OPENED {
            let found = self.resolver.resolve_another(call, &viewer, media_id, &given_up).await?;
            let info_hash = found.playable.info_hash;
            match self.begin(call, &viewer, found, media_id, Some(start_s), given_up.clone()).await {
                Ok(playback) => return Ok(Next { playback, start_s, because }),
                Err(error) => {
                    tracing::info!(%error, "another release does not open");
                    let Some(info_hash) = info_hash else { return Err(error) };
                    given_up.push(info_hash);
                }
            }
        }
        Err(crate::resolve::again(&because))
    }
}

/// Follows one playback for one listener.
struct Watch {
    playbacks: Playbacks,
    call: Call,
    viewer: Viewer,
    id: String,
}

impl Watch {
    async fn run(self, events: &mpsc::Sender<PlaybackEvent>) {
        let mut told_at: Option<Instant> = None;
        while self.exists().await {
            let Health { loss, well_at } = self.health().await;
            if well_at.zip(told_at).is_some_and(|(well_at, told_at)| well_at > told_at) {
                told_at = None;
            }
            let Some(because) = loss else { continue };
            match self.playbacks.another(&self.call, &self.viewer, &self.id, because).await {
                Ok(next) => {
                    let _ = events.send(PlaybackEvent::Next(next)).await;
                    return;
                }
                Err(error) => {
                    if told_at.is_none() {
                        let _ = events.send(PlaybackEvent::Failed(Arc::new(error))).await;
                        told_at = Some(Instant::now());
                    }
                    tokio::time::sleep(COOL_DOWN).await;
                }
            }
        }
    }

    /// A storage that fails for a moment ends nothing.
    async fn exists(&self) -> bool {
        let record = self.playbacks.records.playback(&self.viewer.id, &self.id, now_ms()).await;
        !record.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// Waits a while for the file to be lost; holds nothing open meanwhile.
    async fn health(&self) -> Health {
        let watched = self.playbacks.peek(&self.id).map(|playback| playback.shown.file.health());
        match watched {
            Some(Some(mut health)) => {
                // Nothing is lost, or it was closed meanwhile: it is looked for again.
                let _ = timeout(LOOK_EVERY, health.wait_for(|health| health.loss.is_some())).await;
                let health = health.borrow();
                health.clone()
            }
            // A file of this machine.
            Some(None) => {
                tokio::time::sleep(LOOK_EVERY).await;
                Health::default()
            }
            None => {
                let loss = self.playbacks.unopened.get(&self.id).await;
                if loss.is_none() {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Health { loss, well_at: None }
            }
        }
    }
}
