//! Tries candidates at services: the best one first, the next one beside it when it takes long, and whoever is ready first is played.
//!
//! Adding a torrent must not be cut off in its middle, or nobody would know what was added. So each try is a task that ends by itself: told
//! that it has lost, it stops at the next safe point and takes away what it newly added. Nobody who drops a race leaves anything behind.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OnceCell, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::needs::Needs;
use super::playable::{NewlyAdded, Unlocked};
use crate::model::{InfoHash, ProviderId};
use crate::net::Call;
use crate::provider::debrid::{Added, DebridService, RemoteFile, TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::store::now_ms;
use crate::store::records::{Availability, Observation, Records};
use crate::{Error, ErrorKind, Result};

/// Most tries of one race, over all candidates and services.
const MAX_TRIES: usize = 32;
/// Longest time for taking away what a loser added.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(20);
/// So long the answer to an addition is waited for when it is too late to be played: only then is it known what has to be taken away.
pub(super) const ADDING_GRACE: Duration = Duration::from_secs(5);

/// Tells the wanted file among those of a torrent.
pub(super) type Choose = Arc<dyn Fn(&[RemoteFile]) -> Result<usize> + Send + Sync>;

/// Who takes part: a torrent, and how its file is told.
pub(super) struct Entrant {
    /// Which torrent, where it is known before its link is followed.
    pub(super) info_hash: Option<InfoHash>,
    /// Gives the link to hand to a service, asked for once by all tries.
    pub(super) link: Arc<dyn LinkOf>,
    /// Tells the file.
    pub(super) choose: Choose,
}

/// Where a torrent's link comes from.
#[async_trait::async_trait]
pub(super) trait LinkOf: Send + Sync {
    /// The link.
    async fn link(&self, call: &Call) -> Result<TorrentLink>;
}

/// How a race is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// How long the last try that began has for itself before the next one joins it.
    pub(super) head_start: Duration,
    /// Most tries at the same time.
    pub(super) max_parallel: usize,
    /// Longest time for one try.
    pub(super) try_limit: Duration,
}

/// What all races of a resolver share.
#[derive(Clone)]
pub(super) struct Ground {
    /// Where what was seen is kept.
    pub(super) records: Arc<dyn Records>,
    /// Tries that end by themselves.
    pub(super) tasks: TaskTracker,
    /// What is not to be taken away.
    pub(super) needs: Arc<Needs>,
}

/// One entrant at one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lane {
    entrant: usize,
    service: usize,
}

/// What became of a race.
pub(super) struct Outcome {
    /// The entrant that won, by its number.
    pub(super) winner: Option<(usize, Unlocked)>,
    /// For each entrant that was given up, in the order they were: why.
    pub(super) given_up: Vec<(usize, Error)>,
}

/// In which order entrants are tried at services: by rank, what was seen ready at a service first there, what was seen absent last of all.
/// What a service has refused is not asked for again; the second answer has it.
fn lanes(
    entrants: &[Entrant],
    service_count: usize,
    seen: &HashMap<(usize, InfoHash), Availability>,
) -> (Vec<Lane>, Vec<Lane>) {
    let (mut open, mut refused) = (Vec::new(), Vec::new());
    for (entrant, one) in entrants.iter().enumerate() {
        for service in 0..service_count {
            let lane = Lane { entrant, service };
            match one.info_hash.and_then(|hash| seen.get(&(service, hash))) {
                Some(Availability::Refused) => refused.push(lane),
                Some(Availability::Ready) => open.push((0, entrant, 0, lane)),
                None => open.push((0, entrant, 1, lane)),
                Some(Availability::Absent) => open.push((1, entrant, 0, lane)),
            }
        }
    }
    open.sort_by_key(|(absent, entrant, unseen, lane)| (*absent, *entrant, *unseen, lane.service));
    (open.into_iter().map(|(.., lane)| lane).take(MAX_TRIES).collect(), refused)
}

/// Runs a race over `entrants`, best first, at `services`, in the viewer's order. `seen` is what was observed of them.
pub(super) async fn run(
    call: &Call,
    rules: Rules,
    entrants: Vec<Entrant>,
    services: &[Arc<dyn DebridService>],
    seen: &HashMap<(usize, InfoHash), Availability>,
    ground: &Ground,
) -> Outcome {
    let (lanes, refused) = lanes(&entrants, services.len(), seen);
    let mut book = Book::new(entrants.len(), lanes.iter().chain(&refused));
    for lane in refused {
        if let Some(service) = services.get(lane.service) {
            book.failed(lane, refused_before(service.id()));
        }
    }
    let lost = CancellationToken::new();
    // Whoever drops the race ends it for all.
    let _guard = lost.clone().drop_guard();
    let mut waiting = lanes.into_iter();
    let mut running = FuturesUnordered::new();
    let mut next = waiting.next();
    let mut last_began = Instant::now();
    loop {
        // Accounts that do not work are not asked again.
        while let Some(lane) = next.filter(|lane| book.closed.contains(&lane.service)) {
            book.skipped(lane);
            next = waiting.next();
        }
        let is_time = running.is_empty() || last_began.elapsed() >= rules.head_start;
        if let Some(lane) = next
            && is_time
            && running.len() < rules.max_parallel.max(1)
            && !call.remaining().is_zero()
        {
            next = waiting.next();
            let (Some(entrant), Some(service)) = (entrants.get(lane.entrant), services.get(lane.service)) else {
                continue;
            };
            let attempt = Attempt {
                call: call.at_most(rules.try_limit),
                service: Arc::clone(service),
                link: Arc::clone(&entrant.link),
                choose: Arc::clone(&entrant.choose),
                lost: lost.clone(),
                ground: ground.clone(),
            };
            let (sender, receiver) = oneshot::channel();
            ground.tasks.spawn(attempt.run(sender));
            let limit = call.remaining().min(rules.try_limit);
            running.push(async move { (lane, timeout(limit, receiver).await) });
            last_began = Instant::now();
            continue;
        }
        let until_next = rules.head_start.saturating_sub(last_began.elapsed());
        let may_join = next.is_some() && running.len() < rules.max_parallel.max(1) && !call.remaining().is_zero();
        tokio::select! {
            ended = running.next() => match ended {
                None => break,
                Some((lane, Ok(Ok(Ended { answer: Ok(unlocked), taken })))) => {
                    // Its task waits for this word; without it, what it added is taken away.
                    if taken.send(()).is_ok() {
                        return Outcome { winner: Some((lane.entrant, unlocked)), given_up: book.given_up };
                    }
                }
                Some((lane, Ok(Ok(Ended { answer: Err(error), .. })))) => book.failed(lane, error),
                Some((lane, Err(_))) => book.failed(lane, too_late(services.get(lane.service))),
                Some((lane, Ok(Err(_)))) => book.failed(lane, Error::new(ErrorKind::Internal, "try release")),
            },
            () = tokio::time::sleep(until_next), if may_join => {}
        }
    }
    Outcome { winner: None, given_up: book.given_up }
}

/// Who is still in the race, and why the others are not.
struct Book {
    /// For each entrant: how many lanes are open, and the most telling error so far.
    open: Vec<(usize, Option<Error>)>,
    /// Services whose account does not work.
    closed: HashSet<usize>,
    given_up: Vec<(usize, Error)>,
}

impl Book {
    fn new<'l>(entrant_count: usize, lanes: impl Iterator<Item = &'l Lane>) -> Self {
        let mut open: Vec<(usize, Option<Error>)> = (0..entrant_count).map(|_| (0, None)).collect();
        for lane in lanes {
            if let Some((left, _)) = open.get_mut(lane.entrant) {
                *left = left.saturating_add(1);
            }
        }
        Self { open, closed: HashSet::new(), given_up: Vec::new() }
    }

    fn failed(&mut self, lane: Lane, error: Error) {
        if is_about_the_account(error.kind()) {
            self.closed.insert(lane.service);
        }
        if let Some((_, worst)) = self.open.get_mut(lane.entrant)
            && worst.as_ref().is_none_or(|worst| tells(error.kind()) >= tells(worst.kind()))
        {
            *worst = Some(error);
        }
        self.skipped(lane);
    }

    /// A lane is over; with its last one an entrant is given up. One whose services had all been closed before has no error of its own.
    fn skipped(&mut self, lane: Lane) {
        let Some((left, worst)) = self.open.get_mut(lane.entrant) else { return };
        *left = left.saturating_sub(1);
        if *left == 0
            && let Some(error) = worst.take()
        {
            self.given_up.push((lane.entrant, error));
        }
    }
}

/// An account that does not work will not work for the next candidate either.
pub(super) fn is_about_the_account(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unauthorized | ErrorKind::AccountLimit | ErrorKind::AddressRefused)
}

/// Of several services' errors about one release, which one a person should read: what can be mended, then what is final, then the rest.
pub(super) fn tells(kind: ErrorKind) -> u8 {
    match kind {
        kind if is_about_the_account(kind) => 4,
        ErrorKind::Ambiguous => 3,
        ErrorKind::Refused => 2,
        ErrorKind::NotCached => 0,
        _ => 1,
    }
}

pub(super) fn refused_before(service: &ProviderId) -> Error {
    Error::new(ErrorKind::Refused, "add torrent")
        .at(service.to_string())
        .detail("the service has refused it before")
        .advise("choose another release")
}

fn too_late(service: Option<&Arc<dyn DebridService>>) -> Error {
    let error = Error::new(ErrorKind::TimedOut, "try release").detail("the service did not answer in time");
    match service {
        Some(service) => error.at(service.id().to_string()).advise("the service is slow: try again in a moment"),
        None => error,
    }
}

/// How a try ended. An answer counts once it was `taken`; one that nobody takes is undone.
struct Ended {
    answer: Result<Unlocked>,
    taken: oneshot::Sender<()>,
}

/// One try, as a task.
struct Attempt {
    call: Call,
    service: Arc<dyn DebridService>,
    link: Arc<dyn LinkOf>,
    choose: Choose,
    lost: CancellationToken,
    ground: Ground,
}

impl Attempt {
    async fn run(self, ended: oneshot::Sender<Ended>) {
        let Some(link) = self.lost.run_until_cancelled(self.link.link(&self.call)).await else { return };
        let (answer, added) = match link {
            Err(error) => (Err(error), None),
            Ok(link) => self.unlock(&link).await,
        };
        // Of two that are ready at once the race takes one, and the other hears nothing.
        let is_good = answer.is_ok();
        let (taken, is_taken) = oneshot::channel();
        let is_kept = ended.send(Ended { answer, taken }).is_ok() && is_good && is_taken.await.is_ok();
        // What we added and do not play is taken away again; what the user had stays.
        if let Some(added) = added.filter(|_| !is_kept) {
            added.remove(&Call { deadline: Call::within(CLEAN_UP_LIMIT).deadline, ..self.call.clone() }).await;
        }
    }

    /// The answer, and what was newly added for it.
    async fn unlock(&self, link: &TorrentLink) -> (Result<Unlocked>, Option<NewlyAdded>) {
        if self.lost.is_cancelled() {
            return (Err(Error::new(ErrorKind::Cancelled, "try release")), None);
        }
        // Never cut off, also not when nobody waits for it any more: the torrent may have been added.
        let patient = Call {
            deadline: Call::within(self.call.remaining().saturating_add(ADDING_GRACE)).deadline,
            ..self.call.clone()
        };
        let added = match self.service.add(&patient, link).await {
            Ok(added) => added,
            Err(error) => {
                self.observe(link.info_hash(), Err(error.kind())).await;
                return (Err(error), None);
            }
        };
        let newly = (!added.was_known).then(|| {
            let needs = Arc::clone(&self.ground.needs);
            NewlyAdded::new(Arc::clone(&self.service), added.torrent.clone(), link.info_hash(), needs)
        });
        let work = self.unlock_added(link.info_hash(), &added);
        let Some(answer) = self.lost.run_until_cancelled(work).await else {
            return (Err(Error::new(ErrorKind::Cancelled, "try release")), newly);
        };
        self.observe(link.info_hash(), answer.as_ref().map(|_| ()).map_err(Error::kind)).await;
        let answer = answer.map(|unlocked| Unlocked { newly_added: newly.clone(), ..unlocked });
        (answer, newly)
    }

    async fn unlock_added(&self, info_hash: InfoHash, added: &Added) -> Result<Unlocked> {
        let (call, service) = (&self.call, self.service.as_ref());
        if !added.is_ready {
            let states = service.status(call, std::slice::from_ref(&added.torrent)).await?;
            match states.into_iter().next() {
                Some(TorrentState::Ready) => {}
                Some(TorrentState::Failed { reason }) => {
                    return Err(Error::new(ErrorKind::NotFound, "prepare torrent")
                        .at(service.id().to_string())
                        .detail(reason));
                }
                Some(TorrentState::Preparing { .. }) | None => {
                    return Err(Error::new(ErrorKind::NotCached, "prepare torrent")
                        .at(service.id().to_string())
                        .detail("the service would have to fetch it first")
                        .advise("choose a release that is cached"));
                }
            }
        }
        unlock_chosen(call, service, &added.torrent, info_hash, &self.choose).await
    }

    /// Remembers what was seen. Final or passing is the reader's matter.
    async fn observe(&self, info_hash: InfoHash, seen: std::result::Result<(), ErrorKind>) {
        let availability = match seen {
            Ok(()) => Availability::Ready,
            Err(ErrorKind::NotCached) => Availability::Absent,
            Err(ErrorKind::Refused) => Availability::Refused,
            Err(_) => return,
        };
        observe(self.ground.records.as_ref(), self.service.id(), info_hash, availability).await;
    }
}

/// The file that is told among those of a ready torrent, unlocked.
pub(super) async fn unlock_chosen(
    call: &Call,
    service: &dyn DebridService,
    torrent: &TorrentId,
    info_hash: InfoHash,
    choose: &Choose,
) -> Result<Unlocked> {
    let files = service.files(call, torrent).await?;
    let file = choose(&files).map(|at| files.get(at))?;
    let file = file.ok_or_else(|| Error::new(ErrorKind::Internal, "pick file"))?;
    service.select(call, torrent, std::slice::from_ref(file)).await?;
    let link = service.unlock(call, file).await?;
    Ok(Unlocked::new(service.id().clone(), info_hash, &file.entry, link))
}

/// Keeps what was seen of a torrent at a service.
pub(super) async fn observe(records: &dyn Records, service: &ProviderId, info_hash: InfoHash, seen: Availability) {
    let observation = Observation { service: service.clone(), info_hash, availability: seen, seen_at_ms: now_ms() };
    if let Err(error) = records.observe(&observation).await {
        tracing::warn!(%error, "observation could not be kept");
    }
}

/// A link that is known, or followed once for all tries of a candidate.
pub(super) struct OnceLink<F> {
    found: OnceCell<TorrentLink>,
    follow: F,
}

impl<F> OnceLink<F> {
    pub(super) fn new(known: Option<TorrentLink>, follow: F) -> Self {
        Self { found: OnceCell::new_with(known), follow }
    }
}

#[async_trait::async_trait]
impl<F, T> LinkOf for OnceLink<F>
where
    F: Fn(Call) -> T + Send + Sync,
    T: Future<Output = Result<TorrentLink>> + Send,
{
    async fn link(&self, call: &Call) -> Result<TorrentLink> {
        self.found.get_or_try_init(|| (self.follow)(call.clone())).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(byte: u8) -> Entrant {
        let info_hash = InfoHash([byte; 20]);
        let link = TorrentLink::Magnet(crate::model::Magnet::from_hash(info_hash));
        let follow = |_| async { Err(Error::new(ErrorKind::Internal, "test")) };
        Entrant {
            info_hash: Some(info_hash),
            link: Arc::new(OnceLink::new(Some(link), follow)),
            choose: Arc::new(|_| Ok(0)),
        }
    }

    /// Goal: rank decides first, then what was seen: ready before unseen, absent last of all, refused never.
    /// Method: three entrants at two services with something seen of each kind.
    #[test]
    fn lanes_follow_rank_and_what_was_seen() {
        let entrants = [entrant(1), entrant(2), entrant(3)];
        let seen = [
            ((0, InfoHash([1; 20])), Availability::Absent),
            ((1, InfoHash([2; 20])), Availability::Ready),
            ((0, InfoHash([3; 20])), Availability::Refused),
        ];
        let (open, refused) = lanes(&entrants, 2, &seen.into_iter().collect());
        let pairs: Vec<(usize, usize)> = open.iter().map(|lane| (lane.entrant, lane.service)).collect();
        assert_eq!(pairs, [(0, 1), (1, 1), (1, 0), (2, 1), (0, 0)]);
        assert_eq!(refused, [Lane { entrant: 2, service: 0 }]);
        let many: Vec<Entrant> = (0..40).map(entrant).collect();
        assert_eq!(lanes(&many, 3, &HashMap::new()).0.len(), MAX_TRIES);
    }

    /// Goal: an entrant is given up with its last lane, with the error that tells a person most.
    #[test]
    fn the_most_telling_error_is_kept() {
        let lane = |service| Lane { entrant: 0, service };
        let mut book = Book::new(1, [lane(0), lane(1), lane(2)].iter());
        book.failed(lane(0), Error::new(ErrorKind::Unauthorized, "test"));
        book.failed(lane(1), Error::new(ErrorKind::NotCached, "test"));
        assert!(book.given_up.is_empty());
        book.failed(lane(2), Error::new(ErrorKind::Unavailable, "test"));
        assert_eq!(book.given_up.first().map(|(_, error)| error.kind()), Some(ErrorKind::Unauthorized));
        assert!(book.closed.contains(&0) && !book.closed.contains(&1));
    }

    /// Goal: what one service has refused is still tried at the others, and is not given up before them.
    #[test]
    fn a_refusal_does_not_give_up_the_other_services() {
        let lane = |service| Lane { entrant: 0, service };
        let mut book = Book::new(1, [lane(0), lane(1)].iter());
        book.failed(lane(0), refused_before(&ProviderId::new("one")));
        assert!(book.given_up.is_empty(), "the other service may have it");
        book.failed(lane(1), Error::new(ErrorKind::NotCached, "test"));
        assert_eq!(book.given_up.first().map(|(_, error)| error.kind()), Some(ErrorKind::Refused));
    }
}
