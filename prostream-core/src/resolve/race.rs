//! Tries candidates at services: the best one first, the next one beside it when it takes long, and whoever is ready first is played.
//!
//! Adding a torrent must not be cut off in its middle, or nobody would know what was added. So each try is a task that ends by itself: told
//! that it has lost, it stops at the next safe point and takes away what it newly added. Nobody who drops a race leaves anything behind.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OnceCell, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cached::{Seen, Sighting};
use super::needs::Needs;
use super::playable::{NewlyAdded, Unlocked, remove_added};
use crate::model::{InfoHash, ProviderId};
use crate::net::Call;
use crate::provider::debrid::{Added, DebridService, RemoteFile, TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::store::now_ms;
use crate::store::records::{Availability, Observation, ObservedFile, Records};
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

/// In which order entrants are tried at services: by rank, each where it was seen ready first, the surest of these before the others; what
/// was seen absent last of all, the longer ago the sooner. What a service has refused is not asked for again; the second answer has it.
fn lanes(entrants: &[Entrant], service_count: usize, seen: &Seen) -> (Vec<Lane>, Vec<Lane>) {
    /// After the surest (10) down to the least sure (0).
    const UNSEEN: u8 = 11;
    let (mut open, mut refused) = (Vec::new(), Vec::new());
    for (entrant, one) in entrants.iter().enumerate() {
        for service in 0..service_count {
            let lane = Lane { entrant, service };
            match one.info_hash.and_then(|hash| seen.get(&(service, hash))) {
                Some(sighting) if sighting.is_refused() => refused.push(lane),
                Some(sighting) if sighting.is_ready() => {
                    open.push((false, 0, entrant, 10_u8.saturating_sub(sighting.tenths()), lane));
                }
                Some(absent) => open.push((true, absent.tenths(), entrant, 0, lane)),
                None => open.push((false, 0, entrant, UNSEEN, lane)),
            }
        }
    }
    open.sort_by_key(|(is_absent, absence, entrant, doubt, lane)| {
        (*is_absent, *absence, *entrant, *doubt, lane.service)
    });
    (open.into_iter().map(|(.., lane)| lane).take(MAX_TRIES).collect(), refused)
}

/// Runs a race over `entrants`, best first, at `services`, in the viewer's order. `seen` is what was observed of them.
pub(super) async fn run(
    call: &Call,
    rules: Rules,
    entrants: Vec<Entrant>,
    services: &[Arc<dyn DebridService>],
    seen: &Seen,
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
        let (link, tried) = match link {
            Err(error) => return self.give_up(ended, error),
            // What one of us is just taking away would be gone in a moment: waited for.
            Ok(link) => {
                let begin = self.ground.needs.begin_try(&self.service, link.info_hash());
                match self.lost.run_until_cancelled(timeout(self.call.remaining(), begin)).await {
                    None => return,
                    Some(Err(_)) => return self.give_up(ended, too_late(Some(&self.service))),
                    Some(Ok(tried)) => (link, tried),
                }
            }
        };
        let (answer, added) = self.unlock(&link).await;
        // Of two that are ready at once the race takes one, and the other hears nothing.
        let is_good = answer.is_ok();
        let (taken, is_taken) = oneshot::channel();
        let is_kept = ended.send(Ended { answer, taken }).is_ok() && is_good && is_taken.await.is_ok();
        // What we added and do not play is taken away again; what the user had stays.
        match added {
            Some(added) if is_kept => tried.played(added.torrent),
            Some(added) if !added.was_known => tried.left(added.torrent),
            _ => {}
        }
        if let Some((_removal, torrents)) = tried.end() {
            let call = Call { deadline: Call::within(CLEAN_UP_LIMIT).deadline, ..self.call.clone() };
            for torrent in torrents {
                remove_added(&call, self.service.as_ref(), &torrent).await;
            }
        }
    }

    fn give_up(&self, ended: oneshot::Sender<Ended>, error: Error) {
        // Nobody may be there to hear it.
        let _ = ended.send(Ended { answer: Err(error), taken: oneshot::channel().0 });
    }

    /// The answer, and what was added for it.
    async fn unlock(&self, link: &TorrentLink) -> (Result<Unlocked>, Option<Added>) {
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
                self.observe(link.info_hash(), error.kind()).await;
                return (Err(error), None);
            }
        };
        let newly = (!added.was_known).then(|| {
            let needs = Arc::clone(&self.ground.needs);
            NewlyAdded::new(Arc::clone(&self.service), added.torrent.clone(), link.info_hash(), needs)
        });
        let work = self.unlock_added(link.info_hash(), &added);
        let Some(answer) = self.lost.run_until_cancelled(work).await else {
            return (Err(Error::new(ErrorKind::Cancelled, "try release")), Some(added));
        };
        (answer.map(|unlocked| Unlocked { newly_added: newly, ..unlocked }), Some(added))
    }

    async fn unlock_added(&self, info_hash: InfoHash, added: &Added) -> Result<Unlocked> {
        let (call, service) = (&self.call, self.service.as_ref());
        if !added.is_ready {
            let states = match service.status(call, std::slice::from_ref(&added.torrent)).await {
                Ok(states) => states,
                Err(error) => {
                    self.observe(info_hash, error.kind()).await;
                    return Err(error);
                }
            };
            match states.into_iter().next() {
                Some(TorrentState::Ready) => {}
                Some(TorrentState::Failed { reason }) => {
                    return Err(Error::new(ErrorKind::NotFound, "prepare torrent")
                        .at(service.id().to_string())
                        .detail(reason));
                }
                Some(TorrentState::Preparing { .. }) | None => {
                    self.observe(info_hash, ErrorKind::NotCached).await;
                    return Err(Error::new(ErrorKind::NotCached, "prepare torrent")
                        .at(service.id().to_string())
                        .detail("the service would have to fetch it first")
                        .advise("choose a release that is cached"));
                }
            }
        }
        unlock_chosen(call, service, &added.torrent, info_hash, &self.choose, self.ground.records.as_ref()).await
    }

    /// Remembers why a torrent cannot be had. Final or passing is the reader's matter.
    async fn observe(&self, info_hash: InfoHash, kind: ErrorKind) {
        let lessons = lessons_of_torrent(kind);
        observe(self.ground.records.as_ref(), self.service.id(), info_hash, lessons.as_slice()).await;
    }
}

/// The file that is told among those of a ready torrent, unlocked; what was seen of both is remembered. A file that the service has refused
/// before is not asked for again.
pub(super) async fn unlock_chosen(
    call: &Call,
    service: &dyn DebridService,
    torrent: &TorrentId,
    info_hash: InfoHash,
    choose: &Choose,
    records: &dyn Records,
) -> Result<Unlocked> {
    let files = match service.files(call, torrent).await {
        Ok(files) => files,
        Err(error) => {
            observe(records, service.id(), info_hash, lessons_of_torrent(error.kind()).as_slice()).await;
            return Err(error);
        }
    };
    let file = choose(&files).map(|at| files.get(at))?;
    let file = file.ok_or_else(|| Error::new(ErrorKind::Internal, "pick file"))?;
    let name = ObservedFile::of(&file.entry.path);
    if was_refused(records, service.id(), info_hash, name.as_ref()).await {
        return Err(refused_before(service.id()));
    }
    let unlocking = async {
        service.select(call, torrent, std::slice::from_ref(file)).await?;
        service.unlock(call, file).await
    };
    let link = unlocking.await;
    let is_only_video = files.iter().all(|other| other == file || !other.entry.is_video());
    let lessons = lessons_of_file(link.as_ref().map(|_| ()).map_err(Error::kind), name, is_only_video);
    observe(records, service.id(), info_hash, &lessons).await;
    Ok(Unlocked::new(service.id().clone(), info_hash, &file.entry, link?))
}

/// Something that was seen of a torrent (`None`) or a file of it.
type Lesson = (Option<ObservedFile>, Availability);

/// What is learned of a torrent when a service does not give it.
fn lessons_of_torrent(kind: ErrorKind) -> Option<Lesson> {
    match kind {
        ErrorKind::NotCached => Some((None, Availability::Absent)),
        ErrorKind::Refused => Some((None, Availability::Refused)),
        _ => None,
    }
}

/// What is learned of a file of a ready torrent, and of the torrent, when the file is unlocked or not. One file's trouble is not that of
/// the others; where there are no others, it is the torrent's.
fn lessons_of_file(
    answer: std::result::Result<(), ErrorKind>,
    file: Option<ObservedFile>,
    is_only_video: bool,
) -> Vec<Lesson> {
    let seen = match answer {
        Ok(()) => Availability::Ready,
        Err(ErrorKind::NotCached | ErrorKind::NotFound) => Availability::Absent,
        Err(ErrorKind::Refused) => Availability::Refused,
        Err(_) => return Vec::new(),
    };
    match file {
        Some(file) if seen == Availability::Ready || !is_only_video => {
            vec![(None, Availability::Ready), (Some(file), seen)]
        }
        _ => vec![(None, seen)],
    }
}

/// Has the service refused this file, as long as that counts?
async fn was_refused(
    records: &dyn Records,
    service: &ProviderId,
    info_hash: InfoHash,
    file: Option<&ObservedFile>,
) -> bool {
    let observations = records.observations(service, &[info_hash]).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "observations could not be read");
        Vec::new()
    });
    let now_ms = now_ms();
    observations.iter().any(|one| {
        let is_it = one.file.is_some() && one.file.as_ref() == file;
        is_it && Sighting::of(one, now_ms, Duration::ZERO).is_some_and(|sighting| sighting.is_refused())
    })
}

/// Keeps what was seen of a torrent and its files at a service.
pub(super) async fn observe(records: &dyn Records, service: &ProviderId, info_hash: InfoHash, lessons: &[Lesson]) {
    let seen_at_ms = now_ms();
    let observation = |(file, availability): &Lesson| Observation {
        service: service.clone(),
        info_hash,
        file: file.clone(),
        availability: *availability,
        seen_at_ms,
    };
    let observations: Vec<Observation> = lessons.iter().map(observation).collect();
    if observations.is_empty() {
        return;
    }
    if let Err(error) = records.observe_all(&observations).await {
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

    fn sighting(availability: Availability, certainty_percent: u8) -> Sighting {
        Sighting { availability, certainty_percent, age: Duration::ZERO }
    }

    fn pairs(lanes: &[Lane]) -> Vec<(usize, usize)> {
        lanes.iter().map(|lane| (lane.entrant, lane.service)).collect()
    }

    /// Goal: rank decides first, then what was seen: ready before unseen, absent last of all, refused never.
    /// Method: three entrants at two services with something seen of each kind.
    #[test]
    fn lanes_follow_rank_and_what_was_seen() {
        let entrants = [entrant(1), entrant(2), entrant(3)];
        let seen = [
            ((0, InfoHash([1; 20])), sighting(Availability::Absent, 80)),
            ((1, InfoHash([2; 20])), sighting(Availability::Ready, 20)),
            ((0, InfoHash([3; 20])), sighting(Availability::Refused, 20)),
        ];
        let (open, refused) = lanes(&entrants, 2, &seen.into_iter().collect());
        assert_eq!(pairs(&open), [(0, 1), (1, 1), (1, 0), (2, 1), (0, 0)]);
        assert_eq!(refused, [Lane { entrant: 2, service: 0 }]);
        let many: Vec<Entrant> = (0..40).map(entrant).collect();
        assert_eq!(lanes(&many, 3, &Seen::new()).0.len(), MAX_TRIES);
    }

    /// Goal: what was seen fades in the order, too: the surest service first, and of absences the oldest; small differences decide nothing.
    #[test]
    fn lanes_follow_how_sure_it_is() {
        let entrants = [entrant(1), entrant(2)];
        let ordered = |seen: [(usize, u8, Availability, u8); 4]| {
            let seen = seen.map(|(service, hash, availability, percent)| {
                ((service, InfoHash([hash; 20])), sighting(availability, percent))
            });
            pairs(&lanes(&entrants, 2, &seen.into_iter().collect()).0)
        };
        let (played, ready, absent) = (Availability::Played, Availability::Ready, Availability::Absent);
        let by_certainty = ordered([(0, 1, ready, 30), (1, 1, played, 95), (0, 2, ready, 81), (1, 2, ready, 88)]);
        assert_eq!(by_certainty, [(0, 1), (0, 0), (1, 0), (1, 1)]);
        let by_age = ordered([(0, 1, absent, 100), (1, 1, absent, 55), (0, 2, absent, 20), (1, 2, absent, 51)]);
        assert_eq!(by_age, [(1, 0), (0, 1), (1, 1), (0, 0)]);
    }

    /// Goal: one file's trouble is not that of its neighbours; where it has none, it is the torrent's; trouble on the way says nothing.
    #[test]
    fn a_file_is_not_its_torrent() {
        let file = || ObservedFile::of("Show/Show.S01E01.mkv");
        let (ready, absent, refused) = (Availability::Ready, Availability::Absent, Availability::Refused);
        for is_only in [false, true] {
            assert_eq!(lessons_of_file(Ok(()), file(), is_only), [(None, ready), (file(), ready)]);
            assert!(lessons_of_file(Err(ErrorKind::Unavailable), file(), is_only).is_empty());
        }
        for (kind, seen) in
            [(ErrorKind::NotCached, absent), (ErrorKind::NotFound, absent), (ErrorKind::Refused, refused)]
        {
            assert_eq!(lessons_of_file(Err(kind), file(), false), [(None, ready), (file(), seen)]);
            assert_eq!(lessons_of_file(Err(kind), file(), true), [(None, seen)]);
            assert_eq!(lessons_of_file(Err(kind), None, false), [(None, seen)], "a file without a path");
        }
        assert_eq!(lessons_of_torrent(ErrorKind::NotFound), None);
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
