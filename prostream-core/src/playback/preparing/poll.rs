//! Asks each service how far its torrents are, all of them in one question, until they play or are given up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::book::Item;
use super::pulse::{Verdict, backoff};
use super::{PreparingState, age};
use crate::net::Call;
use crate::playback::{Playback, Playbacks, Reopen};
use crate::resolve::{Fetcher, TorrentId, TorrentState, plain_link, words};
use crate::store::now_ms;
use crate::store::records::PlaybackRecord;
use crate::{Error, ErrorKind, Result};

/// Longest wait for a service to say how far torrents are.
const STATUS_LIMIT: Duration = Duration::from_secs(30);
/// Longest time for opening what is there.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// An account that fails so many times in a row fetches nothing more.
const MAX_ACCOUNT_ERRORS: u32 = 3;

/// What goes wrong at a service, over all its torrents.
#[derive(Default)]
struct Trouble {
    error_count: u32,
    account_error_count: u32,
    until: Option<Instant>,
}

impl Playbacks {
    /// Has somebody ask about the torrents of this service, now.
    pub(super) fn watch_over(&self, service: &Fetcher) {
        if let Some(wake) = self.preparings.begin_polling(service) {
            self.preparings.tasks.spawn(self.clone().poll(service.clone(), wake));
        }
    }

    async fn poll(self, service: Fetcher, wake: Arc<Notify>) {
        let preparings = self.preparings.clone();
        let mut trouble = Trouble::default();
        while let Some(items) = preparings.items_at(&service) {
            let waiting = items.into_iter().filter(|item| !item.is_opening.load(Ordering::Relaxed));
            let waiting: Vec<(Instant, Arc<Item>)> = waiting.map(|item| (item.next_at(), item)).collect();
            let next =
                waiting.iter().map(|(at, _)| *at).min().map(|at| trouble.until.map_or(at, |until| at.max(until)));
            let now = Instant::now();
            if next.is_none_or(|at| at > now) {
                let next_look = async {
                    match next {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = next_look => {}
                    () = wake.notified() => {}
                    () = preparings.stop.cancelled() => return,
                }
                continue;
            }
            // Those that are due soon are asked about now: so all come into step.
            let until = now + preparings.config.poll_interval / 2;
            let due: Vec<_> = waiting.into_iter().filter(|(at, _)| *at <= until).map(|(_, item)| item).collect();
            match self.look(&service, &due).await {
                None => return,
                Some(Ok(())) => trouble = Trouble::default(),
                Some(Err(error)) => self.have_trouble(&mut trouble, &due, Arc::new(error)).await,
            }
        }
    }

    /// The service cannot be asked: it is left alone for a while, and what it fetches goes on.
    async fn have_trouble(&self, trouble: &mut Trouble, due: &[Arc<Item>], error: Arc<Error>) {
        trouble.error_count = trouble.error_count.saturating_add(1);
        let is_account =
            matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::AccountLimit | ErrorKind::AddressRefused);
        trouble.account_error_count = if is_account { trouble.account_error_count.saturating_add(1) } else { 0 };
        let config = &self.preparings.config;
        let now = Instant::now();
        trouble.until = Some(now + backoff(config, trouble.error_count, error.retry_after()));
        tracing::debug!(%error, "the service does not say how far torrents are");
        for item in due {
            let verdict = item.pulse().missed(config, now);
            if trouble.account_error_count >= MAX_ACCOUNT_ERRORS || verdict == Verdict::TooLong {
                self.fail(item, crate::resolve::again(&error)).await;
            }
        }
    }

    /// Asks once about all of these; `None` when the program ends.
    async fn look(&self, service: &Fetcher, due: &[Arc<Item>]) -> Option<Result<()>> {
        for item in due.iter().filter(|item| item.torrent().is_none()) {
            if self.preparings.stop.is_cancelled() {
                return None;
            }
            if let Err(error) = self.add_again(item).await {
                return Some(Err(error));
            }
        }
        // Several viewers may wait for one torrent.
        let mut torrents: Vec<TorrentId> = due.iter().filter_map(|item| item.torrent()).collect();
        torrents.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        torrents.dedup();
        if torrents.is_empty() {
            return Some(Ok(()));
        }
        let call = Call::within(STATUS_LIMIT);
        let asking = tokio::time::timeout(STATUS_LIMIT, service.status(&call, &torrents));
        let states: HashMap<TorrentId, TorrentState> = match self.preparings.stop.run_until_cancelled(asking).await? {
            Ok(Ok(states)) => torrents.into_iter().zip(states).collect(),
            Ok(Err(error)) => return Some(Err(error)),
            Err(_) => {
                return Some(Err(Error::new(ErrorKind::TimedOut, "read torrents").at(service.id().to_string())));
            }
        };
        for item in due {
            if let Some(state) = item.torrent().and_then(|torrent| states.get(&torrent)) {
                self.saw(item, state).await;
            }
        }
        Some(Ok(()))
    }

    /// Adds what may have been added before the program ended. Errors that pass are the service's; others end it.
    async fn add_again(&self, item: &Arc<Item>) -> Result<()> {
        let link = plain_link(item.record.info_hash, &item.record.name);
        let added = match self.resolver.add(&item.service, &link).await {
            Ok(added) => added,
            Err(error) if may_pass(&error) => return Err(error),
            Err(error) => {
                item.pulse().not_opened(&self.preparings.config, None, Instant::now());
                self.fail(item, error).await;
                return Ok(());
            }
        };
        item.set_torrent(added.torrent.clone());
        if !added.was_known {
            // Not even there now: nobody but us has added it.
            item.set_ours();
        }
        match self.records.note_preparing(&item.record.id, &added.torrent.0, !item.is_ours()).await {
            Ok(()) => Ok(()),
            // Given up while it was being added, by who did not know its number: what is newly there goes.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (service, info_hash) = (&item.service, item.record.info_hash);
                let removal =
                    if added.was_known { None } else { self.resolver.removal(service, info_hash, &added.torrent) };
                self.take_away(service, &item.record.id, info_hash, removal.map(|right| (right, added.torrent)));
                Ok(())
            }
            Err(error) => {
                // It is known here, and asked for again after the next start.
                tracing::warn!(%error, "what a service answered could not be kept");
                Ok(())
            }
        }
    }

    async fn saw(&self, item: &Arc<Item>, state: &TorrentState) {
        let at = item.service.id().to_string();
        match state {
            TorrentState::Ready => self.open_later(item),
            TorrentState::Failed { reason } => {
                item.pulse().not_opened(&self.preparings.config, None, Instant::now());
                let error = Error::new(ErrorKind::NotFound, "prepare torrent").at(at).detail(reason.clone());
                self.fail(item, error.advise("choose another release")).await;
            }
            TorrentState::Preparing { progress, speed_bytes_per_s } => {
                let (progress, speed_bytes_per_s) = (*progress, *speed_bytes_per_s);
                item.tell(PreparingState::Fetching { progress, speed_bytes_per_s });
                let config = &self.preparings.config;
                let verdict = item.pulse().seen(config, progress, speed_bytes_per_s, Instant::now());
                let (detail, limit) = match verdict {
                    Verdict::GoesOn => return self.select(item).await,
                    Verdict::Stalled => ("there was no progress for", config.stall_after),
                    Verdict::TooLong => ("it was not there after", config.give_up_after),
                };
                let error = Error::new(ErrorKind::TimedOut, "prepare torrent").at(at);
                let error = error.detail(format!("{detail} {}", words(limit)));
                self.fail(item, error.advise("choose another release, one that more people share")).await;
            }
        }
    }

    /// Chooses the file, at a service that fetches nothing before; until it knows the files, at the next look.
    async fn select(&self, item: &Arc<Item>) {
        let Some(torrent) = item.torrent().filter(|_| item.is_unselected.load(Ordering::Relaxed)) else { return };
        let call = Call::within(STATUS_LIMIT);
        let (media_id, service) = (&item.record.media_id, &item.service);
        match Box::pin(self.resolver.select_wanted(&call, &item.viewer, media_id, service, &torrent)).await {
            Ok(()) => item.is_unselected.store(false, Ordering::Relaxed),
            Err(error) if may_pass(&error) => {}
            Err(error) => self.fail(item, error).await,
        }
    }

    /// It is there: it is opened beside the questions about the others.
    fn open_later(&self, item: &Arc<Item>) {
        if item.is_opening.swap(true, Ordering::Relaxed) {
            return;
        }
        let (playbacks, item) = (self.clone(), Arc::clone(item));
        self.preparings.tasks.spawn(async move {
            let preparings = &playbacks.preparings;
            let opening = async {
                // The semaphore is never closed.
                let _permit = preparings.openings.acquire().await;
                let limited = tokio::time::timeout(OPEN_LIMIT, Box::pin(playbacks.open_prepared(&item))).await;
                limited.unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "open prepared")))
            };
            match preparings.stop.run_until_cancelled(opening).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => playbacks.could_not_open(&item, error).await,
            }
            preparings.opened(&item);
        });
    }

    async fn could_not_open(&self, item: &Arc<Item>, error: Error) {
        let config = &self.preparings.config;
        let verdict = item.pulse().not_opened(config, error.retry_after(), Instant::now());
        if verdict == Verdict::TooLong || !may_pass(&error) {
            return self.fail(item, error).await;
        }
        tracing::debug!(release = %item.record.name, %error, "what was fetched cannot be opened yet");
    }

    /// Opens what was fetched and puts a playback in its place.
    async fn open_prepared(&self, item: &Arc<Item>) -> Result<()> {
        let (record, viewer) = (&item.record, &item.viewer);
        let torrent = item.torrent().ok_or_else(|| Error::new(ErrorKind::Internal, "open prepared"))?;
        let call = Call::within(OPEN_LIMIT);
        let of_torrent = (&torrent, record.info_hash);
        let opening = self.resolver.open_fetched(&call, viewer, &record.media_id, &item.service, of_torrent);
        let fetched = Box::pin(opening).await?;
        let (file_name, service) = (fetched.playable.file_name.clone(), fetched.playable.provider.clone());
        let what = Reopen::Torrent { info_hash: record.info_hash, path: fetched.path };
        let opened = Box::pin(self.open_what(&call, viewer, &what, Some(fetched.playable), &viewer.device)).await?;
        let created_at_ms = now_ms();
        let played = PlaybackRecord {
            id: record.id.clone(),
            owner: record.owner.clone(),
            media_id: Some(record.media_id.clone()),
            name: file_name,
            reopen: what.to_json(&viewer.device, opened.shown.known.content_id)?,
            start_ms: record.start_ms,
            created_at_ms,
            expires_at_ms: created_at_ms.saturating_add(self.lifetime_ms(opened.shown.presentation.as_ref())),
        };
        // Whoever gives it up at the same moment is before this, or ends a playback.
        self.records.play_prepared(&played).await?;
        self.note_played(&what, &service).await;
        let mut playback = Playback::new(played, opened);
        playback.why.insert(0, format!("{} fetched {} in {}", record.service, record.name, words(age(record))));
        playback.title = Some(fetched.title);
        playback.release = Some(record.release.clone());
        self.open.insert(record.id.clone(), Arc::new(playback)).await;
        // It is played from now on, and stays as all that is played.
        drop(item.take_claim());
        self.preparings.end(item, PreparingState::Ready).await;
        Ok(())
    }
}

/// Is it the service's or our own trouble, and worth another look? What a host or a file says of itself is final.
fn may_pass(error: &Error) -> bool {
    let kind = error.kind();
    kind.is_transient() || kind == ErrorKind::Storage || (kind == ErrorKind::Malformed && error.provider().is_some())
}
