use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, Stream, StreamExt};

use super::once::Shelf;
use super::{Found, Resolver, Viewer, answers, is_playable_id, release_key, wanted};
use crate::model::{InfoHash, MediaId, ProviderId, Release, Title};
use crate::net::Call;
use crate::provider::indexer::{Indexer, Missing, Query, Releases, Sharing};
use crate::release::{Candidate, Ranker, Ranking, Wanted};
use crate::{Error, ErrorKind, Result};

/// Most releases that are judged for one media id, over all indexers.
pub(super) const MAX_JUDGED_RELEASES: usize = 5_000;

/// What was listed while something was missing is played from without asking again for one to two of these, in seconds: a tracker that fails
/// is asked again with the next search, and not with each press of play.
const LISTED_S: u64 = 60;

/// Which list of a search that missed something.
#[derive(Clone, Copy, Debug)]
enum Listed {
    /// All that it has shown, also while it runs, or where it was cut off: for who names one of these.
    Shown,
    /// All that it has found, each indexer having answered or failed: for who wants the best.
    Ended,
}

/// What happens while releases are looked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReleaseEvent {
    /// The title is known; the indexers are being asked.
    Title(Arc<Title>),
    /// An indexer answered.
    IndexerAnswered {
        /// Which.
        indexer: ProviderId,
        /// How many releases it listed.
        release_count: usize,
        /// After which time.
        elapsed: Duration,
        /// Trackers behind it that are missing in its answer.
        missing: Vec<Missing>,
    },
    /// An indexer failed, or did not answer in time.
    IndexerFailed {
        /// Which.
        indexer: ProviderId,
        /// Why.
        error: Arc<Error>,
    },
    /// All releases so far, judged anew.
    Ranked(Arc<Ranking>),
    /// Nothing more comes.
    Done {
        /// An indexer failed or did not answer in time.
        is_partial: bool,
    },
    /// It ended before there was anything to judge; nothing more comes.
    Failed(Arc<Error>),
}

impl Resolver {
    /// Looks for releases of a film or an episode; events come as the indexers answer, each with a ranking of all that is there.
    /// Ends with [`ReleaseEvent::Done`] or [`ReleaseEvent::Failed`]. An answer of the last minutes is given again without asking.
    ///
    /// # Cancel safety
    /// Safe to drop at any point.
    pub fn releases(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
    ) -> impl Stream<Item = ReleaseEvent> + Send + 'static {
        let search =
            Search { resolver: self.clone(), call: call.clone(), viewer: viewer.clone(), media_id: media_id.clone() };
        let (sender, receiver) = tokio::sync::mpsc::channel(32);
        let work = async move {
            if let Err(error) = search.run(&sender, None).await {
                // The receiver is polled beside us: a send fails only when it is gone.
                let _ = sender.send(ReleaseEvent::Failed(Arc::new(error))).await;
            }
        };
        // The search runs inside the stream: dropping the stream drops the search, no task is left behind.
        let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|event| (event, receiver))
        });
        futures_util::stream::select(events.map(Some), work.into_stream().map(|()| None))
            .filter_map(|event| async move { event })
    }

    /// The releases of a film or an episode once all indexers have answered or their time is over: the deadline of indexers, or the soft one
    /// ([`super::ResolveConfig::soft_deadline`]) once any has listed something.
    ///
    /// # Errors
    /// `InvalidInput` for a series without an episode; what [`Self::title`] answers; the indexers' error when all of them failed.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn find_releases(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<Found> {
        if let Some(found) = self.found.get(&Self::found_key(viewer, media_id)).await {
            return Ok(found);
        }
        let search =
            Search { resolver: self.clone(), call: call.clone(), viewer: viewer.clone(), media_id: media_id.clone() };
        let (sender, mut receiver) = tokio::sync::mpsc::channel(32);
        let drain = async { while receiver.recv().await.is_some() {} };
        let patience = Some(self.config.soft_deadline);
        let run = async move { search.run(&sender, patience).await };
        let (found, ()) = futures_util::join!(run, drain);
        found
    }

    /// The releases to play one of: as [`Self::find_releases`], but what was listed a moment ago is good enough, also where something was missing
    /// in it, when the release of this key is there, or any where none is named. Whoever searches asks again; whoever plays chose from that.
    ///
    /// # Errors
    /// As there.
    /// # Cancel safety
    /// As there.
    pub(super) async fn releases_to_play(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        release: Option<&str>,
    ) -> Result<Found> {
        let key = Self::found_key(viewer, media_id);
        if let Some(found) = self.found.get(&key).await {
            return Ok(found);
        }
        let listed = if release.is_some() { Listed::Shown } else { Listed::Ended };
        let is_wanted = |candidate: &Candidate| release.is_none_or(|key| release_key(&candidate.release) == key);
        match self.partly_found(&key, listed).await {
            Some(found) if found.ranking.candidates.iter().any(is_wanted) => Ok(found),
            _ => Box::pin(self.find_releases(call, viewer, media_id)).await,
        }
    }

    /// What a search found a moment ago that missed something.
    async fn partly_found(&self, key: &str, listed: Listed) -> Option<Found> {
        let now = self.listed_at();
        for at in [now, now.saturating_sub(1)] {
            if let Some(found) = self.found.get(&partly_key(key, listed, at)).await {
                return Some(found);
            }
        }
        None
    }

    async fn keep_partly(&self, key: &str, listed: Listed, found: Found) {
        self.found.insert(partly_key(key, listed, self.listed_at()), found).await;
    }

    /// The time of day in steps of [`LISTED_S`].
    fn listed_at(&self) -> u64 {
        (self.now_s)() / LISTED_S
    }
}

/// Lists are kept beside each other, under the time at which they were made: older ones are not found any more.
fn partly_key(key: &str, listed: Listed, at: u64) -> String {
    format!("{key}\n{listed:?} {at}")
}

struct Search {
    resolver: Resolver,
    call: Call,
    viewer: Viewer,
    media_id: MediaId,
}

type Events = tokio::sync::mpsc::Sender<ReleaseEvent>;

impl Search {
    /// With `patience` no indexer is waited for longer than that, once any has listed something.
    async fn run(self, events: &Events, patience: Option<Duration>) -> Result<Found> {
        let key = Resolver::found_key(&self.viewer, &self.media_id);
        if let Some(found) = self.resolver.found.get(&key).await {
            say(events, ReleaseEvent::Title(Arc::clone(&found.title))).await;
            say(events, ReleaseEvent::Ranked(Arc::clone(&found.ranking))).await;
            say(events, ReleaseEvent::Done { is_partial: found.is_partial }).await;
            return Ok(found);
        }
        let title = self.resolver.title(&self.call, &self.viewer, &self.media_id).await?;
        if !is_playable_id(&self.media_id, title.summary.kind) {
            return Err(Error::new(ErrorKind::InvalidInput, "find releases")
                .detail("a series needs a season and an episode")
                .advise(format!("ask for {}:1:1, or whichever episode you want", self.media_id)));
        }
        let wanted = Arc::new(wanted(&title, self.media_id.episode));
        say(events, ReleaseEvent::Title(Arc::clone(&title))).await;

        let (found, is_cut) = self.ask_all(events, &title, &wanted, patience).await?;
        // A partial answer is worth showing, and playing from; but the next one who searches deserves another try.
        if !found.is_partial {
            self.resolver.found.insert(key, found.clone()).await;
        } else if !is_cut {
            self.resolver.keep_partly(&key, Listed::Shown, found.clone()).await;
            self.resolver.keep_partly(&key, Listed::Ended, found.clone()).await;
        } else if self.resolver.partly_found(&key, Listed::Shown).await.is_none() {
            // What was cut short takes the place of nothing that shows more.
            self.resolver.keep_partly(&key, Listed::Shown, found.clone()).await;
        }
        say(events, ReleaseEvent::Done { is_partial: found.is_partial }).await;
        Ok(found)
    }

    /// What all indexers found, and whether `patience` ended before they had answered.
    async fn ask_all(
        &self,
        events: &Events,
        title: &Arc<Title>,
        wanted: &Arc<Wanted>,
        patience: Option<Duration>,
    ) -> Result<(Found, bool)> {
        let key = Resolver::found_key(&self.viewer, &self.media_id);
        let query = Arc::new(self.resolver.query(&self.call, &self.viewer, title, wanted, &self.media_id).await);
        let call = self.call.at_most(self.resolver.config.indexer_deadline);
        let started = Instant::now();
        let mut answers: FuturesUnordered<_> = self
            .viewer
            .providers
            .indexers
            .iter()
            .map(|indexer| self.resolver.ask(Arc::clone(indexer), call.clone(), Arc::clone(&query), started))
            .collect();
        if answers.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "find releases")
                .detail("no indexer is configured")
                .advise("configure Prowlarr, a Torznab indexer or a local folder"));
        }
        let mut ranker = Ranker::new(wanted, &self.viewer.preferences, &self.viewer.device);
        let mut judged_count = 0;
        let mut ranking = Arc::new(Ranking::default());
        let (mut is_partial, mut is_cut) = (false, false);
        let mut answered_count = 0;
        let mut last_error = None;
        loop {
            let left = patience.filter(|_| judged_count > 0).map(|most| most.saturating_sub(started.elapsed()));
            let next = match left {
                Some(left) => match tokio::time::timeout(left, answers.next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        (is_partial, is_cut) = (true, true);
                        break;
                    }
                },
                // Until something is there, the first answer is waited for; then the rest is given its time.
                None => answers.next().await,
            };
            let Some((indexer, elapsed, answer)) = next else { break };
            match answer {
                Ok(answer) => {
                    answered_count += 1;
                    is_partial |= answer.is_partial;
                    let release_count = answer.releases.len();
                    let room = MAX_JUDGED_RELEASES.saturating_sub(judged_count);
                    is_partial |= release_count > room;
                    let releases: Vec<Release> = answer.releases.iter().take(room).cloned().collect();
                    judged_count += releases.len();
                    let missing = answer.missing.clone();
                    say(events, ReleaseEvent::IndexerAnswered { indexer, release_count, elapsed, missing }).await;
                    let hashes: Vec<InfoHash> = releases.iter().filter_map(|release| release.info_hash).collect();
                    let known = self.resolver.readiness(&self.viewer, wanted, &hashes).await;
                    ranker.add(releases, &|release| release.info_hash.and_then(|hash| known.get(&hash).cloned()));
                    ranking = Arc::new(ranker.ranking());
                    // Who sees a release may choose it before the others are there, and leave the search by that.
                    if patience.is_none() {
                        let (title, wanted, ranking) = (Arc::clone(title), Arc::clone(wanted), Arc::clone(&ranking));
                        let shown = Found { title, wanted, ranking, is_partial: true };
                        self.resolver.keep_partly(&key, Listed::Shown, shown).await;
                    }
                    say(events, ReleaseEvent::Ranked(Arc::clone(&ranking))).await;
                }
                Err(error) => {
                    tracing::warn!(%indexer, %error, "indexer failed");
                    is_partial = true;
                    last_error = Some(Arc::clone(&error));
                    say(events, ReleaseEvent::IndexerFailed { indexer, error }).await;
                }
            }
        }
        if answered_count == 0
            && let Some(error) = last_error
        {
            return Err(again(&error));
        }
        Ok((Found { title: Arc::clone(title), wanted: Arc::clone(wanted), ranking, is_partial }, is_cut))
    }
}

impl Resolver {
    /// One indexer's answer, asked for once by all who want it, in this process and among those that share the cache.
    async fn ask(
        &self,
        indexer: Arc<dyn Indexer>,
        call: Call,
        query: Arc<Query>,
        started: Instant,
    ) -> (ProviderId, Duration, Result<Arc<Releases>, Arc<Error>>) {
        let sharing = indexer.sharing();
        // Without a name, the very indexer: it is held as long as the question is under way.
        let whose = sharing.as_ref().map_or_else(|| format!("{:x}", Arc::as_ptr(&indexer).addr()), Sharing::name);
        let asked = serde_json::to_string(query.as_ref()).unwrap_or_else(|_| format!("{query:?}"));
        let key = format!("releases 1\n{whose}\n{asked}");
        let flight = || {
            let shelf = sharing.clone().map(|sharing| {
                let seal = Some(sharing.seal().clone());
                (sharing, Shelf { cache: Arc::clone(&self.cache), key: key.clone(), seal })
            });
            let limit = self.config.indexer_deadline;
            let call = Call { viewer_address: None, deadline: Call::within(limit).deadline, ..call.clone() };
            let search =
                search(Arc::clone(&indexer), call, Arc::clone(&query), shelf, self.config.releases_time_to_live);
            async move { tokio::time::timeout(limit, search).await.map_err(|_| timed_out())? }.boxed()
        };
        let answer = self.releases_asked.ask(&call, "search releases", &key, flight).await;
        let answer = answer.map_err(|error| match error.provider() {
            None if error.kind() == ErrorKind::TimedOut => Arc::new(timed_out().at(indexer.id().to_string())),
            _ => error,
        });
        (indexer.id().clone(), started.elapsed(), answer)
    }
}

async fn search(
    indexer: Arc<dyn Indexer>,
    call: Call,
    query: Arc<Query>,
    shelf: Option<(Sharing, Shelf)>,
    time_to_live: Duration,
) -> Result<Arc<Releases>> {
    let ask = indexer.search(&call, &query);
    let Some((sharing, shelf)) = shelf else { return ask.await.map(Arc::new) };
    let read = |bytes: &[u8], has_waited| answers::read(bytes, has_waited, indexer.as_ref());
    let written = |answer: &Releases| answers::written(answer, indexer.id(), &sharing, time_to_live);
    shelf.answer(read, written, ask).await.map(Arc::new)
}

fn timed_out() -> Error {
    Error::new(ErrorKind::TimedOut, "search releases")
        .advise("the other indexers' releases are shown; try again for the rest")
}

/// The same error once more, for a second reader.
pub(crate) fn again(error: &Arc<Error>) -> Error {
    let mut copy = Error::new(error.kind(), error.operation()).because(Arc::clone(error));
    if let Some(provider) = error.provider() {
        copy = copy.at(provider.to_owned());
    }
    if let Some(detail) = error.detail_text() {
        copy = copy.detail(detail.to_owned());
    }
    if let Some(advice) = error.advice() {
        copy = copy.advise(advice.to_owned());
    }
    match error.retry_after() {
        Some(wait) => copy.after(wait),
        None => copy,
    }
}

/// A listener that left does not end the search: its answer is still remembered.
async fn say(events: &Events, event: ReleaseEvent) {
    let _ = events.send(event).await;
}
