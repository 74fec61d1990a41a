//! What is known of torrents at the viewer's services: seen by playing, adding and being refused, or said by a service that is asked.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::fading::{certainty_percent, words};
use super::{Resolver, Viewer};
use crate::model::{InfoHash, ProviderId, TitleKind};
use crate::net::Call;
use crate::provider::debrid::{Cached, MAX_BATCH};
use crate::release::{Readiness, ReleaseName, Wanted, matches};
use crate::store::now_ms;
use crate::store::records::{Availability, Observation, ObservedFile};

/// What a service has said of its cache is believed for so long before it is asked again.
const SAID_TIME_TO_LIVE: Duration = Duration::from_secs(15 * 60);

/// Observations as they count now for one file: by service, in the viewer's order, and torrent.
pub(super) type Seen = HashMap<(usize, InfoHash), Sighting>;

/// All that was observed of each torrent and its files, likewise.
type Observed = HashMap<(usize, InfoHash), Vec<Observation>>;

/// What was seen last, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) availability: Availability,
    /// From 1 to 100.
    pub(super) certainty_percent: u8,
    pub(super) age: Duration,
}

impl Sighting {
    /// What an observation is worth at `now_ms`; `None` when it does not count any more.
    pub(super) fn of(observation: &Observation, now_ms: i64, absent_for: Duration) -> Option<Self> {
        let age = age(observation, now_ms);
        let certainty_percent = certainty_percent(observation.availability, age, absent_for);
        (certainty_percent > 0).then_some(Self { availability: observation.availability, certainty_percent, age })
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.availability, Availability::Played | Availability::Ready)
    }

    pub(super) fn is_refused(&self) -> bool {
        self.availability == Availability::Refused
    }

    /// From 0 to 10: finer differences do not stand against the order of ranks and services.
    pub(super) fn tenths(&self) -> u8 {
        self.certainty_percent / 10
    }

    /// For people, with the service where it matters which.
    fn text(&self, service: &ProviderId) -> String {
        let ago = words(self.age);
        match self.availability {
            Availability::Played => format!("played here {ago} ago"),
            Availability::Ready => format!("was ready at {service} {ago} ago"),
            Availability::Absent => format!("was absent at {service} {ago} ago"),
            Availability::Refused => format!("refused by {service} {ago} ago"),
        }
    }
}

/// Which file of a torrent is asked about.
#[derive(Clone, Copy)]
pub(super) enum FileOf<'a> {
    /// The one that holds a film or an episode, as far as its path tells.
    Wanted(&'a Wanted),
    /// The one at this path.
    Path(&'a str),
}

impl FileOf<'_> {
    fn is(&self, file: &ObservedFile) -> bool {
        match self {
            FileOf::Path(path) => ObservedFile::of(path).as_ref() == Some(file),
            FileOf::Wanted(wanted) => {
                let name = ReleaseName::parse(file.as_str());
                let is_one = !name.episodes.is_empty() || !name.absolute_episodes.is_empty() || name.date.is_some();
                (is_one || wanted.kind == TitleKind::Movie) && matches(&name, wanted).is_match
            }
        }
    }
}

fn age(observation: &Observation, now_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms.saturating_sub(observation.seen_at_ms)).unwrap_or(0))
}

/// What counts of all that was observed of one torrent at one service, for one of its files.
fn judge(observations: &[Observation], of: FileOf<'_>, now_ms: i64, absent_for: Duration) -> Option<Sighting> {
    let sighting = |one: &Observation| Sighting::of(one, now_ms, absent_for);
    let torrent = observations.iter().filter(|one| one.file.is_none()).filter_map(sighting).min_by_key(|one| one.age);
    let is_file = |one: &&Observation| one.file.as_ref().is_some_and(|file| of.is(file));
    let file = observations.iter().filter(is_file).filter_map(sighting).min_by_key(|one| one.age);
    match (file, torrent) {
        (Some(file), Some(torrent)) => Some(joined(file, torrent)),
        (file, torrent) => file.or(torrent),
    }
}

/// What was seen of a file goes before what was seen of its torrent, unless the torrent has gone since; a refusal of either stands.
fn joined(file: Sighting, torrent: Sighting) -> Sighting {
    if torrent.is_refused() {
        return torrent;
    }
    match (file.is_ready(), torrent.is_ready()) {
        _ if file.is_refused() => file,
        (true, true) if torrent.certainty_percent > file.certainty_percent => torrent,
        (_, true) => file,
        (_, false) if torrent.age < file.age => torrent,
        (_, false) => file,
    }
}

impl Resolver {
    /// What is known of `hashes` at each service, services that can say so asked where nothing was seen lately.
    pub(super) async fn seen(&self, call: &Call, viewer: &Viewer, of: FileOf<'_>, hashes: &[InfoHash]) -> Seen {
        let (mut observed, unsure) = self.observed(viewer, hashes).await;
        let call = call.at_most(self.config.cached_deadline);
        let questions = unsure.into_iter().map(|(at, unsure)| {
            let call = &call;
            async move { (at, self.ask_cached(call, viewer, at, &unsure).await) }
        });
        for (at, said) in join_all(questions).await {
            for one in said {
                observed.entry((at, one.info_hash)).or_default().push(one);
            }
        }
        self.judge_all(&observed, of)
    }

    /// What the records say of `hashes` at each service.
    pub(super) async fn recalled(&self, viewer: &Viewer, of: FileOf<'_>, hashes: &[InfoHash]) -> Seen {
        self.judge_all(&self.observed(viewer, hashes).await.0, of)
    }

    fn judge_all(&self, observed: &Observed, of: FileOf<'_>) -> Seen {
        let (now_ms, absent_for) = (now_ms(), self.config.absence_time_to_live);
        let judged = |(key, all): (&_, &Vec<Observation>)| Some((*key, judge(all, of, now_ms, absent_for)?));
        observed.iter().filter_map(judged).collect()
    }

    /// What is known of whether each of `hashes` plays at once, for ranking: ready at any service, or absent at all we know of.
    pub(super) async fn readiness(
        &self,
        viewer: &Viewer,
        wanted: &Wanted,
        hashes: &[InfoHash],
    ) -> HashMap<InfoHash, Readiness> {
        let seen = self.recalled(viewer, FileOf::Wanted(wanted), hashes).await;
        let mut best: HashMap<InfoHash, (usize, Sighting)> = HashMap::new();
        // What is surest to play; where nothing is, what is likeliest to have changed, and a refusal last. Then the viewer's order decides.
        let order = |(at, one): &(usize, Sighting)| {
            let certainty = i16::from(one.certainty_percent);
            let hope = if one.is_ready() { certainty } else { certainty.saturating_neg() };
            (one.is_ready(), !one.is_refused(), hope, std::cmp::Reverse(*at))
        };
        for ((at, hash), one) in seen {
            let known = best.entry(hash).or_insert((at, one));
            *known = std::cmp::max_by_key(*known, (at, one), order);
        }
        let told = best.into_iter().filter_map(|(hash, (at, one))| {
            let text = one.text(viewer.providers.debrid.get(at)?.id());
            let readiness = Readiness { is_ready: one.is_ready(), certainty_percent: one.certainty_percent, text };
            Some((hash, readiness))
        });
        told.collect()
    }

    /// What the records hold, and for each service that can be asked what it should be asked about.
    async fn observed(&self, viewer: &Viewer, hashes: &[InfoHash]) -> (Observed, Vec<(usize, Vec<InfoHash>)>) {
        let mut hashes = hashes.to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        let now_ms = now_ms();
        let (mut observed, mut unsure) = (Observed::new(), Vec::new());
        for (at, service) in viewer.providers.debrid.iter().enumerate() {
            let mut sure = Vec::new();
            for part in hashes.chunks(500) {
                let observations = match self.records.observations(service.id(), part).await {
                    Ok(observations) => observations,
                    Err(error) => {
                        tracing::warn!(%error, "observations could not be read");
                        continue;
                    }
                };
                for one in observations {
                    let is_refused = one.availability == Availability::Refused
                        && Sighting::of(&one, now_ms, self.config.absence_time_to_live).is_some();
                    if one.file.is_none() && (is_refused || age(&one, now_ms) < SAID_TIME_TO_LIVE) {
                        sure.push(one.info_hash);
                    }
                    observed.entry((at, one.info_hash)).or_default().push(one);
                }
            }
            if service.capabilities().has_cached_check {
                let open = hashes.iter().filter(|hash| !sure.contains(hash)).take(MAX_BATCH);
                unsure.push((at, open.copied().collect()));
            }
        }
        (observed, unsure)
    }

    /// What one service says; nothing where it does not answer in time.
    async fn ask_cached(&self, call: &Call, viewer: &Viewer, at: usize, hashes: &[InfoHash]) -> Vec<Observation> {
        let Some(service) = viewer.providers.debrid.get(at).filter(|_| !hashes.is_empty()) else { return Vec::new() };
        let answer = match tokio::time::timeout(call.remaining(), service.check_cached(call, hashes)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::debug!(service = %service.id(), %error, "the service does not say what is cached");
                return Vec::new();
            }
            Err(_) => return Vec::new(),
        };
        let seen_at_ms = now_ms();
        let observation = |(info_hash, cached): (&InfoHash, Cached)| {
            let availability = match cached {
                Cached::Yes => Availability::Ready,
                Cached::No => Availability::Absent,
                Cached::Unknown => return None,
            };
            let (service, info_hash) = (service.id().clone(), *info_hash);
            Some(Observation { service, info_hash, file: None, availability, seen_at_ms })
        };
        let said: Vec<Observation> = hashes.iter().zip(answer).filter_map(observation).collect();
        if let Err(error) = self.records.observe_all(&said).await {
            tracing::warn!(%error, "what a service said could not be kept");
        }
        said
    }

    /// A file of a torrent is played from a service.
    pub(crate) async fn note_played(&self, service: &ProviderId, info_hash: InfoHash, path: &str) {
        let lessons = [(None, Availability::Ready), (ObservedFile::of(path), Availability::Played)];
        super::race::observe(self.records.as_ref(), service, info_hash, &lessons).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::race::{Choose, unlock_chosen};
    use super::super::silent::Silent;
    use super::super::{ProviderSet, ResolveConfig};
    use super::*;
    use crate::ErrorKind;
    use crate::model::{DeviceProfile, EpisodeNumber, Release};
    use crate::provider::debrid::{DebridService, TorrentId};
    use crate::release::{Preferences, rank};
    use crate::store::cache::MemoryCache;
    use crate::store::records::{MemoryRecords, Records};

    const HASH: InfoHash = InfoHash([7; 20]);
    const DAY_MS: i64 = 24 * 3_600_000;
    const ABSENT_FOR: Duration = Duration::from_secs(6 * 3_600);

    fn path(episode: u32) -> String {
        format!("Rocket.Harbour.S01.1080p.WEB-DL-GRP/Rocket.Harbour.S01E{episode:02}.1080p.WEB-DL-GRP.mkv")
    }

    fn wanted(episode: u32) -> Wanted {
        Wanted {
            kind: TitleKind::Series,
            names: vec!["Rocket Harbour".to_owned()],
            year: None,
            episode: Some(EpisodeNumber { season: 1, episode }),
            absolute_episode: None,
            air_date: None,
            runtime_min: None,
        }
    }

    /// Holds a season of three episodes, the first of which it refuses, and has lost the third.
    fn pack() -> Silent {
        Silent::new("one")
            .with_file(path(1), Some(ErrorKind::Refused))
            .with_file(path(2), None)
            .with_file(path(3), Some(ErrorKind::NotFound))
    }

    struct Stage {
        pack: Arc<Silent>,
        records: Arc<MemoryRecords>,
        resolver: Resolver,
        viewer: Viewer,
    }

    impl Stage {
        fn new() -> Self {
            let pack = Arc::new(pack());
            let records = Arc::new(MemoryRecords::new());
            let resolver = Resolver::new(ResolveConfig::default(), records.clone(), Arc::new(MemoryCache::default()));
            let providers = ProviderSet { debrid: vec![pack.clone()], ..ProviderSet::default() };
            Self { pack, records, resolver, viewer: Viewer::new("anna", Arc::new(providers)) }
        }

        async fn unlock(&self, episode: u32) -> Option<ErrorKind> {
            let call = Call::within(Duration::from_secs(60));
            let choose: Choose = Arc::new(move |_| Ok(usize::try_from(episode).unwrap() - 1));
            let torrent = TorrentId("1".to_owned());
            let records = self.records.as_ref();
            let unlocked = unlock_chosen(&call, self.pack.as_ref(), &torrent, HASH, &choose, records).await;
            unlocked.err().map(|error| error.kind())
        }

        async fn observe(&self, info_hash: InfoHash, file: Option<u32>, availability: Availability, age_ms: i64) {
            let file = file.and_then(|episode| ObservedFile::of(&path(episode)));
            let service = self.pack.id().clone();
            let observation = Observation { service, info_hash, file, availability, seen_at_ms: now_ms() - age_ms };
            self.records.observe(&observation).await.unwrap();
        }

        async fn readiness(&self, episode: u32) -> Option<(bool, String)> {
            let known = self.resolver.readiness(&self.viewer, &wanted(episode), &[HASH]).await;
            let known = known.get(&HASH)?;
            // The time that has passed is another one each time.
            let text = known.text.trim_end_matches(|letter: char| letter != 'e' && letter != 'y');
            Some((known.is_ready, text.to_owned()))
        }

        async fn seen(&self, of: FileOf<'_>) -> Option<Availability> {
            let seen = self.resolver.recalled(&self.viewer, of, &[HASH]).await;
            seen.get(&(0, HASH)).map(|sighting| sighting.availability)
        }
    }

    /// Goal: a file that a service refuses, or has lost, takes nothing from its neighbours; the refusal is not tried again.
    /// Method: a season of which one episode is refused and one is gone, each asked for twice.
    #[tokio::test]
    async fn one_refused_file_leaves_its_neighbours_ready() {
        let stage = Stage::new();
        assert_eq!(stage.unlock(1).await, Some(ErrorKind::Refused));
        assert_eq!(stage.seen(FileOf::Wanted(&wanted(1))).await, Some(Availability::Refused));
        assert_eq!(stage.seen(FileOf::Path(&path(1))).await, Some(Availability::Refused));
        for other in [2, 3] {
            assert_eq!(stage.seen(FileOf::Wanted(&wanted(other))).await, Some(Availability::Ready), "{other}");
        }
        assert_eq!(stage.unlock(1).await, Some(ErrorKind::Refused));
        assert_eq!(stage.pack.unlock_count(), 1, "the service is not asked again");
        assert_eq!((stage.unlock(2).await, stage.unlock(3).await), (None, Some(ErrorKind::NotFound)));
        assert_eq!(stage.seen(FileOf::Wanted(&wanted(3))).await, Some(Availability::Absent));
        let told = [stage.readiness(1).await, stage.readiness(2).await, stage.readiness(3).await];
        let expected = [(false, "refused by one"), (true, "was ready at one"), (false, "was absent at one")];
        assert_eq!(told, expected.map(|(is_ready, text)| Some((is_ready, text.to_owned()))));
    }

    /// Goal: a play makes its file ready, and counts more than a torrent that is said to be ready, however late that was said.
    #[tokio::test]
    async fn a_play_makes_its_file_ready() {
        let stage = Stage::new();
        stage.observe(HASH, None, Availability::Absent, DAY_MS / 24).await;
        assert_eq!(stage.readiness(1).await.map(|known| known.0), Some(false));
        stage.resolver.note_played(stage.pack.id(), HASH, &path(1)).await;
        assert_eq!(stage.readiness(1).await, Some((true, "played here".to_owned())));
        assert_eq!(stage.readiness(2).await, Some((true, "was ready at one".to_owned())));
    }

    /// Goal: of two releases that are as good, the one that was seen ready lately comes first, and each says what was seen and when.
    /// Method: the same two, with what was seen of them exchanged.
    #[tokio::test]
    async fn fading_changes_the_order_of_two_equal_releases() {
        for (lately, earlier) in [(1, 2), (2, 1)] {
            let stage = Stage::new();
            stage.observe(InfoHash([lately; 20]), None, Availability::Ready, 3 * 3_600_000).await;
            stage.observe(InfoHash([earlier; 20]), None, Availability::Ready, 4 * DAY_MS).await;
            let release = |number: u8| Release {
                indexer: ProviderId::new("shelf"),
                tracker: None,
                name: "Rocket.Harbour.S01.1080p.WEB-DL.H.264-GRP".to_owned(),
                info_hash: Some(InfoHash([number; 20])),
                link: None,
                size_bytes: None,
                seeder_count: None,
                age_days: None,
                playable: None,
            };
            let hashes = [InfoHash([1; 20]), InfoHash([2; 20])];
            let known = stage.resolver.readiness(&stage.viewer, &wanted(1), &hashes).await;
            let known = |release: &Release| known.get(&release.info_hash?).cloned();
            let (preferences, device) = (Preferences::default(), DeviceProfile::any());
            let ranking = rank(vec![release(1), release(2)], &wanted(1), &preferences, &device, &known);
            let first: Vec<_> = ranking.candidates.iter().map(|one| one.release.info_hash.unwrap().0[0]).collect();
            assert_eq!(first, [lately, earlier]);
            let told = |at: usize, text: &str| ranking.candidates[at].reasons.iter().any(|reason| reason.text == text);
            assert!(told(0, "was ready at one 3 h ago") && told(1, "was ready at one 4 d ago"));
        }
    }

    /// Goal: what was seen of a file and of its torrent come together: the file goes first, unless the torrent has gone since; a refusal of either
    /// stands; and each ends with its lifetime.
    #[test]
    fn a_file_goes_before_its_torrent() {
        let (played, ready, absent, refused) =
            (Availability::Played, Availability::Ready, Availability::Absent, Availability::Refused);
        let hour_ms = 3_600_000;
        let judged = |file: Option<(Availability, i64)>, torrent: Option<(Availability, i64)>| {
            let observation = |file: Option<ObservedFile>, (availability, age_ms): (Availability, i64)| Observation {
                service: ProviderId::new("one"),
                info_hash: HASH,
                file,
                availability,
                seen_at_ms: 1_000 * DAY_MS - age_ms,
            };
            let of_neighbour = observation(ObservedFile::of(&path(9)), (refused, 0));
            let file = file.map(|seen| observation(ObservedFile::of(&path(1)), seen));
            let torrent = torrent.map(|seen| observation(None, seen));
            let all: Vec<Observation> = file.into_iter().chain(torrent).chain([of_neighbour]).collect();
            let judged = |of| judge(&all, of, 1_000 * DAY_MS, ABSENT_FOR).map(|sighting| sighting.availability);
            let path = path(1);
            let by_path = judged(FileOf::Path(&path));
            assert_eq!(by_path, judged(FileOf::Wanted(&wanted(1))));
            by_path
        };
        let rows = [
            (None, None, None),
            (None, Some((ready, 7 * DAY_MS - 1)), Some(ready)),
            (None, Some((ready, 7 * DAY_MS)), None),
            (None, Some((absent, 6 * hour_ms - 1)), Some(absent)),
            (None, Some((absent, 6 * hour_ms)), None),
            (None, Some((refused, 90 * DAY_MS - 1)), Some(refused)),
            (None, Some((refused, 90 * DAY_MS)), None),
            (Some((played, 30 * DAY_MS - 1)), None, Some(played)),
            (Some((played, 30 * DAY_MS)), None, None),
            (Some((played, hour_ms)), Some((ready, hour_ms)), Some(played)),
            (Some((played, 20 * DAY_MS)), Some((ready, hour_ms)), Some(ready)),
            (Some((played, hour_ms)), Some((absent, 0)), Some(absent)),
            (Some((played, 0)), Some((absent, hour_ms)), Some(played)),
            (Some((absent, hour_ms)), Some((ready, 0)), Some(absent)),
            (Some((refused, 60 * DAY_MS)), Some((ready, 0)), Some(refused)),
            (Some((refused, 60 * DAY_MS)), Some((absent, 0)), Some(refused)),
            (Some((played, 0)), Some((refused, hour_ms)), Some(refused)),
            // From a clock that was put back since.
            (None, Some((ready, -hour_ms)), Some(ready)),
        ];
        for (file, torrent, expected) in rows {
            assert_eq!(judged(file, torrent), expected, "{file:?} {torrent:?}");
        }
    }
}
