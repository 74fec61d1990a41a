//! Many who want the same at once, in one process and in several that share a Redis: the outside is asked once, and at the pace of one.
#![cfg(feature = "http")]

#[allow(dead_code, reason = "shared with tests that change the stage")]
mod scenes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use prostream_core::model::{InfoHash, Language, MediaId, ProviderId};
use prostream_core::net::{AddressPolicy, Call, HttpClient, HttpClientConfig, Secret};
use prostream_core::provider::indexer::Indexer;
use prostream_core::provider::indexer::prowlarr::{Prowlarr, ProwlarrConfig};
use prostream_core::provider::indexer::torznab::{Torznab, TorznabConfig};
use prostream_core::provider::metadata::MetadataProvider;
use prostream_core::provider::metadata::tmdb::{Tmdb, TmdbConfig};
use prostream_core::resolve::{Found, ProviderSet, ReleaseEvent, Viewer};
use prostream_core::testing::stand_in::{
    ProwlarrStandIn, StandInMovie, StandInRelease, StandInTranslation, TmdbStandIn, TorznabStandIn,
};
use prostream_core::{ErrorKind, ProStream, ProStreamBuilder};

use scenes::Mounted;

const KEY: &str = "k3yOfTheIndexer";
const TMDB_KEY: &str = "0123456789abcdef0123456789abcdef";

/// How long each answer takes: long enough for all to be there, also on a busy machine.
const THINKING: Duration = Duration::from_millis(1500);

/// The outside: a metadata provider and two indexers that are slow.
struct Outside {
    tmdb: Mounted<TmdbStandIn>,
    prowlarr: Mounted<ProwlarrStandIn>,
    torznab: Mounted<TorznabStandIn>,
}

impl Outside {
    async fn new() -> Self {
        Self::thinking(THINKING).await
    }

    async fn thinking(time: Duration) -> Self {
        let german = StandInTranslation {
            language: "de".into(),
            country: "DE".into(),
            title: "Papierlaternen".into(),
            overview: String::new(),
        };
        let film = StandInMovie {
            tmdb_id: 900_001,
            imdb_id: Some("tt7654321".into()),
            title: "Paper Lanterns".into(),
            release_date: "2019-05-04".into(),
            runtime_min: 96,
            translations: vec![german],
            ..StandInMovie::default()
        };
        let release = |name: &str, hash| StandInRelease {
            imdb_number: 7_654_321,
            ..StandInRelease::movie(format!("Paper.Lanterns.2019.{name}-GRP"), InfoHash([hash; 20]), 4 << 30)
        };
        // Its hash is found behind the link alone, and the link holds the key.
        let hidden = StandInRelease { shows_hash: false, ..release("2160p.WEB-DL.H265", 3) };
        Self {
            tmdb: Mounted::slow(TmdbStandIn::new(TMDB_KEY).with_movie(film), time).await,
            prowlarr: Mounted::slow(ProwlarrStandIn::new(KEY).with_release(release("1080p.WEB-DL.H264", 1)), time)
                .await,
            torznab: Mounted::slow(
                TorznabStandIn::new(KEY).with_release(release("720p.WEB-DL.H264", 2)).with_release(hidden),
                time,
            )
            .await,
        }
    }

    /// Providers as a process of its own has them.
    fn providers(&self) -> Arc<ProviderSet> {
        let urls = [self.tmdb.url(""), self.prowlarr.url(""), self.torznab.url("")];
        let allow = urls.iter().map(|url| format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap()).collect();
        let config = HttpClientConfig { policy: AddressPolicy { allow }, ..HttpClientConfig::default() };
        let http = HttpClient::new(config).unwrap();
        let tmdb = TmdbConfig { base_url: self.tmdb.url("/3"), ..TmdbConfig::new(Secret::new(TMDB_KEY)) };
        let key = Secret::new(KEY);
        let prowlarr =
            ProwlarrConfig { id: ProviderId::new("prowlarr"), url: self.prowlarr.url("/"), key: key.clone() };
        let torznab = TorznabConfig { id: ProviderId::new("torznab"), url: self.torznab.url("/api"), key };
        Arc::new(ProviderSet {
            metadata: vec![Arc::new(Tmdb::new(tmdb, http.clone()).unwrap()) as Arc<dyn MetadataProvider>],
            indexers: vec![
                Arc::new(Prowlarr::new(prowlarr, http.clone()).unwrap()) as Arc<dyn Indexer>,
                Arc::new(Torznab::new(torznab, http).unwrap()),
            ],
            ..ProviderSet::default()
        })
    }

    /// How often each thing was asked for: path and query, with the name of who was asked.
    async fn asked(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (who, requests) in [
            ("tmdb", self.tmdb.requests().await),
            ("prowlarr", self.prowlarr.requests().await),
            ("torznab", self.torznab.requests().await),
        ] {
            for request in requests {
                *counts.entry(format!("{who} {request}")).or_default() += 1;
            }
        }
        counts
    }

    /// Everything was asked for once, and everybody was asked.
    async fn assert_asked_once(&self) {
        let asked = self.asked().await;
        assert!(asked.values().all(|count| *count == 1), "{asked:#?}");
        for who in ["tmdb /3/movie/", "prowlarr /api/v1/search", "torznab /api?t=movie"] {
            assert!(asked.keys().any(|request| request.starts_with(who)), "{who}: {asked:#?}");
        }
    }
}

fn media_id() -> MediaId {
    "tmdb:movie:900001".parse().unwrap()
}

fn long() -> Call {
    Call::within(Duration::from_secs(60))
}

/// Names of what was found, and which links.
fn summary(found: &Found) -> Vec<(String, bool)> {
    let mut rows: Vec<(String, bool)> = found
        .ranking
        .candidates
        .iter()
        .map(|candidate| {
            let link = candidate.release.link.as_ref().filter(|_| candidate.release.info_hash.is_none());
            (candidate.release.name.clone(), link.is_some_and(|link| link.as_str().contains(KEY)))
        })
        .collect();
    rows.sort();
    rows
}

fn all_three() -> Vec<(String, bool)> {
    let row = |name: &str, has_link| (format!("Paper.Lanterns.2019.{name}-GRP"), has_link);
    vec![row("1080p.WEB-DL.H264", false), row("2160p.WEB-DL.H265", true), row("720p.WEB-DL.H264", false)]
}

/// Releases as events; true when they were told as they should be.
async fn listen(engine: &ProStream, viewer: &Viewer) -> bool {
    let events: Vec<ReleaseEvent> = engine.releases(&long(), viewer, &media_id()).collect().await;
    let answered = events.iter().filter(|event| matches!(event, ReleaseEvent::IndexerAnswered { .. })).count();
    let is_done = matches!(events.last(), Some(ReleaseEvent::Done { is_partial: false }));
    matches!(events.first(), Some(ReleaseEvent::Title(_))) && answered == 2 && is_done
}

/// Callers of one engine at once: people of many names, half of them listening to events, and some who leave.
async fn crowd(engine: &ProStream, providers: &Arc<ProviderSet>, count: usize) {
    let viewer = |number: usize| Viewer::new(format!("person {number}"), Arc::clone(providers));
    // The first to come have no time: theirs are the questions that all others wait for.
    let hasty = join_all((0..5).map(|number| async move {
        let hasty = Call::within(Duration::from_millis(300));
        let error = engine.find_releases(&hasty, &viewer(number), &media_id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }));
    // These go in the middle of it.
    let leaving = join_all((0..5).map(|number| async move {
        let time = THINKING + Duration::from_millis(300);
        let left = tokio::time::timeout(time, engine.find_releases(&long(), &viewer(number), &media_id())).await;
        assert!(left.is_err(), "three answers that wait for each other take longer");
    }));
    let patient = join_all((0..count).map(|number| async move {
        let viewer = viewer(number);
        if number % 2 == 0 {
            let found = engine.find_releases(&long(), &viewer, &media_id()).await.unwrap();
            assert_eq!(summary(&found), all_three());
            assert!(!found.is_partial);
        } else {
            assert!(listen(engine, &viewer).await);
        }
    }));
    tokio::join!(hasty, leaving, patient);
}

fn engine(builder: ProStreamBuilder) -> ProStream {
    builder.build().unwrap()
}

/// Goal: 200 callers at once, one upstream request per question: to the metadata provider and to each indexer.
/// Method: stand-ins that think for a while count what they are asked, by address; callers who come first and go first change nothing.
#[tokio::test]
async fn two_hundred_callers_cost_one_request_for_each_question() {
    let outside = Outside::new().await;
    let (engine, providers) = (engine(ProStream::builder()), outside.providers());
    crowd(&engine, &providers, 200).await;
    outside.assert_asked_once().await;
}

/// TMDB and Cinemeta side by side, TMDB first.
/// Goal: who reads German is told the German name, and indexers are asked by the one that releases bear; viewers of both languages ask the same.
#[tokio::test]
async fn indexers_are_asked_by_the_name_that_releases_bear() {
    let outside = Outside::thinking(Duration::ZERO).await;
    let engine = engine(ProStream::builder());
    let providers = outside.providers();
    for (language, name) in [(Some("de"), "Papierlaternen"), (None, "Paper Lanterns")] {
        let mut viewer = Viewer::new("one", Arc::clone(&providers));
        viewer.language = language.and_then(Language::parse);
        let found = engine.find_releases(&long(), &viewer, &media_id()).await.unwrap();
        assert_eq!((found.title.summary.name.as_str(), found.is_partial), (name, false));
        assert_eq!(summary(&found), all_three());
    }
    outside.assert_asked_once().await;
    let asked = outside.asked().await;
    let texts = asked.keys().filter(|request| request.contains("type=search") || request.contains("t=search"));
    let names: Vec<bool> = texts.map(|request| request.contains("Paper+Lanterns+2019")).collect();
    assert_eq!(names, [true, true], "{asked:#?}");
}

mod two_catalogues {
    use prostream_core::provider::metadata::cinemeta::{Cinemeta, CinemetaConfig};
    use prostream_core::provider::metadata::{Discover, DiscoverSort, Trending};
    use prostream_core::testing::stand_in::{CinemetaStandIn, Mishap};

    use super::*;

    struct Both {
        tmdb: Mounted<TmdbStandIn>,
        cinemeta: Mounted<CinemetaStandIn>,
        viewer: Viewer,
        engine: ProStream,
    }

    fn film(number: u64, title: &str, year: u16) -> StandInMovie {
        StandInMovie {
            tmdb_id: 900_000 + number,
            imdb_id: Some(format!("tt765{number:04}")),
            title: title.to_owned(),
            release_date: format!("{year}-05-04"),
            overview: format!("About {title}."),
            ..StandInMovie::default()
        }
    }

    impl Both {
        async fn new(tmdb: Vec<StandInMovie>, cinemeta: Vec<StandInMovie>, thinking: Duration) -> Self {
            let tmdb = tmdb.into_iter().fold(TmdbStandIn::new(TMDB_KEY), TmdbStandIn::with_movie);
            let cinemeta = cinemeta.into_iter().fold(CinemetaStandIn::new(), CinemetaStandIn::with_movie);
            let (tmdb, cinemeta) = (Mounted::new(tmdb).await, Mounted::slow(cinemeta, thinking).await);
            let first = TmdbConfig { base_url: tmdb.url("/3"), ..TmdbConfig::new(Secret::new(TMDB_KEY)) };
            let second = CinemetaConfig { base_url: cinemeta.url(""), ..CinemetaConfig::default() };
            let metadata = vec![
                Arc::new(Tmdb::new(first, tmdb.http.clone()).unwrap()) as Arc<dyn MetadataProvider>,
                Arc::new(Cinemeta::new(second, cinemeta.http.clone()).unwrap()),
            ];
            let viewer = Viewer::new("one", Arc::new(ProviderSet { metadata, ..ProviderSet::default() }));
            Self { tmdb, cinemeta, viewer, engine: ProStream::builder().build().unwrap() }
        }

        async fn search(&self, text: &str) -> Vec<String> {
            let found = self.engine.search_titles(&long(), &self.viewer, text).await.unwrap();
            found.iter().map(|title| title.media_id.to_string()).collect()
        }
    }

    /// Goal: the same title of two catalogues stands there once, also under another name, and what only the second knows follows.
    #[tokio::test]
    async fn the_same_title_stands_there_once() {
        let tmdb = vec![film(1, "Paper Boats", 2019), film(2, "Paper Kites", 2012)];
        let cinemeta = vec![
            film(1, "Paper boats!", 2019),
            film(2, "The Paper Kites", 2012),
            film(3, "Paper Trains", 1999),
            film(4, "Paper Planes", 2012),
        ];
        let both = Both::new(tmdb, cinemeta, Duration::ZERO).await;
        let expected = ["tmdb:movie:900001", "tmdb:movie:900002", "tt7650003", "tt7650004"];
        assert_eq!(both.search("paper").await, expected);
    }

    /// Goal: a number at the end of a name that looks like a year costs nobody the title, and a year still narrows: `Paper Kites 2049` is a name,
    /// whatever came out in that year, and of two films of one name that of the year stands first. In parentheses it is a year and nothing else.
    #[tokio::test]
    async fn a_name_that_ends_like_a_year_is_found() {
        let films = || {
            let mut films =
                vec![film(1, "Paper Kites 2049", 2017), film(2, "Tin Robot", 2004), film(3, "Tin Robot", 1984)];
            films.push(film(4, "Tin Robot 1984", 2020));
            films
        };
        let both = Both::new(films(), films(), Duration::ZERO).await;
        assert_eq!(both.search("paper kites 2049").await, ["tmdb:movie:900001"]);
        assert_eq!(both.search("Tin Robot 1984").await, ["tmdb:movie:900004", "tmdb:movie:900003"]);
        assert_eq!(both.search("Tin Robot 2004").await, ["tmdb:movie:900002"]);
        assert_eq!(both.search("Tin Robot (1984)").await, ["tmdb:movie:900003"]);
        assert!(both.search("Paper Kites (2049)").await.is_empty());
    }

    /// Goal: that a provider failed is told, and not that there is no such title, also where two questions were asked at once.
    #[tokio::test]
    async fn a_name_that_ends_like_a_year_fails_like_any() {
        let both = Both::new(vec![film(1, "Paper Kites 2049", 2017)], Vec::new(), Duration::ZERO).await;
        both.tmdb.stand_in.given_mishap(Some(Mishap::WebPage { status: 503 }));
        let error = both.engine.search_titles(&long(), &both.viewer, "Paper Kites 2049").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    /// Goal: what one catalogue lacks of a title comes from the other, by the id that both know.
    #[tokio::test]
    async fn details_are_filled_from_the_second() {
        let bare = StandInMovie { overview: String::new(), ..film(1, "Paper Boats", 2019) };
        let whole = StandInMovie { runtime_min: 97, ..film(1, "Paper Boats", 2019) };
        let both = Both::new(vec![bare], vec![whole], Duration::ZERO).await;
        for id in ["tmdb:movie:900001", "tt7650001"] {
            let title = both.engine.title(&long(), &both.viewer, &id.parse().unwrap()).await.unwrap();
            assert_eq!(title.summary.media_id.to_string(), id);
            assert_eq!((title.summary.overview.as_deref(), title.runtime_min), (Some("About Paper Boats."), Some(97)));
            assert!(title.summary.poster_url.is_some());
        }
    }

    /// Goal: a second catalogue that is slow, or away, costs a little time and no answer.
    #[tokio::test]
    async fn a_second_catalogue_delays_nothing_for_long() {
        let films = || vec![film(1, "Paper Boats", 2019)];
        let slow = Both::new(films(), films(), Duration::from_secs(15)).await;
        let answer = tokio::time::timeout(Duration::from_secs(10), slow.search("paper")).await;
        assert_eq!(answer.expect("it is not waited for"), ["tmdb:movie:900001"]);
        let id: MediaId = "tmdb:movie:900001".parse().unwrap();
        let call = long();
        let title = slow.engine.title(&call, &slow.viewer, &id);
        assert!(tokio::time::timeout(Duration::from_secs(10), title).await.unwrap().is_ok());
        let away = Both::new(films(), films(), Duration::ZERO).await;
        away.cinemeta.stand_in.given_mishap(Some(Mishap::WebPage { status: 503 }));
        assert_eq!(away.search("paper").await, ["tmdb:movie:900001"]);
    }

    /// Goal: lists come from the first catalogue that has them; the second takes its place where it fails, and refuses what it cannot do.
    #[tokio::test]
    async fn lists_come_from_the_first_that_has_them() {
        let both =
            Both::new(vec![film(1, "Paper Boats", 2019)], vec![film(3, "Paper Trains", 1999)], Duration::ZERO).await;
        let ids = |page: prostream_core::provider::metadata::TitlePage| -> Vec<String> {
            page.titles.iter().map(|title| title.media_id.to_string()).collect()
        };
        let trending = async |page| {
            let mut request = Trending::default();
            request.page = page;
            both.engine.trending(&long(), &both.viewer, &request).await
        };
        assert_eq!(ids(trending(1).await.unwrap()), ["tmdb:movie:900001"]);
        both.tmdb.stand_in.given_mishap(Some(Mishap::WebPage { status: 403 }));
        assert_eq!(ids(trending(1).await.unwrap()), ["tmdb:movie:900001"], "it is kept");
        assert!(trending(2).await.unwrap().titles.is_empty());
        let mut discover = Discover::new(prostream_core::model::TitleKind::Movie);
        assert_eq!(ids(both.engine.discover(&long(), &both.viewer, &discover).await.unwrap()), ["tt7650003"]);
        discover.sort = DiscoverSort::Newest;
        let error = both.engine.discover(&long(), &both.viewer, &discover).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "what went wrong says more than what is not there");
        discover.page = 501;
        let error = both.engine.discover(&long(), &both.viewer, &discover).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[cfg(feature = "redis")]
#[path = "support/redis.rs"]
mod redis_process;

#[cfg(feature = "redis")]
mod processes {
    use std::time::Instant;

    use prostream_core::model::AccountId;
    use prostream_core::net::{Rate, SharedBudget, Turn};
    use prostream_core::provider::debrid::DebridService;
    use prostream_core::provider::debrid::alldebrid::{AllDebrid, AllDebridConfig};
    use prostream_core::resolve::ResolveConfig;
    use prostream_core::store::cache::RedisCache;
    use prostream_core::store::redis::{PREFIX, Redis, RedisBudget, RedisConfig};
    use prostream_core::testing::stand_in::{AllDebridStandIn, Mishap};

    use super::redis_process::RedisProcess;
    use super::*;

    /// A connection of one more process.
    fn connect(process: &RedisProcess, deadline: Duration) -> Redis {
        let url = Secret::new(process.url());
        Redis::new(&RedisConfig { deadline, rest: Duration::ZERO, ..RedisConfig::new(url) }).unwrap()
    }

    /// An engine that shares nothing with others but this Redis.
    fn engine_at(process: &RedisProcess) -> ProStream {
        let cache = RedisCache::new(connect(process, Duration::from_secs(10)));
        engine(ProStream::builder().cache(Arc::new(cache)))
    }

    /// Goal: 200 callers at once over three processes, one upstream request per question; and no secret lies in what they share.
    /// Method: three engines with their own stores, clients and providers; afterwards a fourth, which comes later, asks nothing at all.
    #[tokio::test]
    async fn three_processes_cost_one_request_for_each_question() {
        let (outside, redis) = (Outside::new().await, RedisProcess::start());
        let processes: Vec<_> = (0..3).map(|_| (engine_at(&redis), outside.providers())).collect();
        join_all(processes.iter().map(|(engine, providers)| crowd(engine, providers, 67))).await;
        outside.assert_asked_once().await;

        let (late, providers) = (engine_at(&redis), outside.providers());
        let found = late.find_releases(&long(), &Viewer::new("late", providers), &media_id()).await.unwrap();
        assert_eq!(summary(&found), all_three());
        outside.assert_asked_once().await;

        let keys = redis.ask(&["KEYS", "*"]);
        assert_eq!(keys.len(), 3, "a title and two answers, no claim is left: {keys:?}");
        for key in keys {
            assert!(key.starts_with(PREFIX));
            assert!(redis.ask(&["TTL", &key])[0].parse::<i64>().unwrap() > 0, "{key}");
            let value = redis.ask(&["GET", &key]).join("\n");
            assert!(!value.contains(KEY) && !value.contains("GRP") && !value.contains(TMDB_KEY), "{value}");
        }
    }

    /// Goal: of many in three processes who get an answer that is no longer fresh, one refreshes it, and nobody waits; who is away then takes
    /// nothing away.
    #[tokio::test]
    async fn three_processes_refresh_once() {
        const FRESH: Duration = Duration::from_secs(3);
        let (outside, redis) = (Outside::new().await, RedisProcess::start());
        let resolve = ResolveConfig { metadata_time_to_live: FRESH, ..ResolveConfig::default() };
        let processes: Vec<_> = (0..3)
            .map(|_| {
                let cache = RedisCache::new(connect(&redis, Duration::from_secs(10)));
                let builder = ProStream::builder().cache(Arc::new(cache)).resolve(resolve.clone());
                (engine(builder), Viewer::new("one", outside.providers()))
            })
            .collect();
        let ask = async |number: usize| {
            let (engine, viewer) = &processes[number % 3];
            engine.title(&long(), viewer, &media_id()).await.unwrap().summary.name.clone()
        };
        let asked = async || {
            let asked = outside.asked().await;
            asked
                .iter()
                .filter(|(request, _)| request.starts_with("tmdb /3/movie/"))
                .map(|(_, count)| count)
                .sum::<usize>()
        };
        assert_eq!(ask(0).await, "Paper Lanterns");
        // Times are kept in whole seconds.
        tokio::time::sleep(FRESH + Duration::from_secs(1)).await;
        let names = tokio::time::timeout(THINKING, join_all((0..90).map(ask))).await.expect("nobody waits");
        assert!(names.iter().all(|name| name == "Paper Lanterns"));
        tokio::time::sleep(THINKING + Duration::from_millis(500)).await;
        assert_eq!(asked().await, 2);
        join_all((0..3).map(ask)).await;
        assert_eq!(asked().await, 2, "all three have what one has fetched");

        outside.tmdb.stand_in.given_mishap(Some(Mishap::Broken));
        tokio::time::sleep(FRESH + Duration::from_secs(1)).await;
        for number in 0..6 {
            assert_eq!(ask(number).await, "Paper Lanterns");
        }
    }

    /// Goal: who has another key at the same indexer gets nothing that was found with this one.
    #[tokio::test]
    async fn answers_are_for_those_with_the_key_alone() {
        let (outside, redis) = (Outside::new().await, RedisProcess::start());
        let (first, second) = (engine_at(&redis), engine_at(&redis));
        let viewer = Viewer::new("one", outside.providers());
        first.find_releases(&long(), &viewer, &media_id()).await.unwrap();
        let mut providers = ProviderSet::clone(&outside.providers());
        let http = scenes_client(&outside);
        let wrong = TorznabConfig {
            id: ProviderId::new("torznab"),
            url: outside.torznab.url("/api"),
            key: Secret::new("wr0ng"),
        };
        providers.indexers = vec![Arc::new(Torznab::new(wrong, http).unwrap())];
        let other = Viewer::new("one", Arc::new(providers));
        let error = second.find_releases(&long(), &other, &media_id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
    }

    fn scenes_client(outside: &Outside) -> HttpClient {
        outside.torznab.http.clone()
    }

    /// What is claimed now.
    fn claims(redis: &RedisProcess) -> Vec<String> {
        let mut claims = redis.ask(&["KEYS", &format!("{PREFIX}claim:*")]);
        // Of nothing it writes an empty line.
        claims.retain(|key| !key.is_empty());
        claims
    }

    /// Goal: a process that dies while others wait for it costs them a few seconds, not their answer.
    #[tokio::test]
    async fn a_process_that_dies_at_work_is_replaced() {
        let (outside, redis) = (Outside::new().await, RedisProcess::start());
        let (dying, living) = (engine_at(&redis), engine_at(&redis));
        let viewer = Viewer::new("one", outside.providers());
        // A runtime that is gone gives nothing back, as a process.
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let providers = outside.providers();
        process.spawn(async move {
            let viewer = Viewer::new("two", providers);
            dying.find_releases(&long(), &viewer, &media_id()).await.map(drop)
        });
        tokio::time::sleep(THINKING / 2).await;
        process.shutdown_background();
        tokio::time::sleep(THINKING / 10).await;
        assert_eq!(claims(&redis).len(), 1, "it was at the title when it died");
        let found = living.find_releases(&long(), &viewer, &media_id()).await.unwrap();
        assert_eq!(summary(&found), all_three());
    }

    /// Goal: who leaves in the middle of a question holds up nobody who asks it next, in any process: his claim stood for four seconds.
    #[tokio::test]
    async fn who_leaves_holds_up_nobody() {
        let (outside, redis) = (Outside::new().await, RedisProcess::start());
        let (engine, viewer) = (engine_at(&redis), Viewer::new("one", outside.providers()));
        let asking = async { engine.find_releases(&long(), &viewer, &media_id()).await };
        assert!(tokio::time::timeout(THINKING / 2, asking).await.is_err());
        // In less time than a claim lives by itself.
        for _ in 0..100 {
            if claims(&redis).is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it is still claimed");
    }

    /// Goal: a Redis that is dead, or answers nothing, takes nothing from anybody.
    #[tokio::test]
    async fn without_a_redis_it_goes_on() {
        let (outside, mut redis) = (Outside::new().await, RedisProcess::start());
        let quick = |redis: &RedisProcess| {
            let cache = RedisCache::new(connect(redis, Duration::from_millis(100)));
            engine(ProStream::builder().cache(Arc::new(cache)))
        };
        let (frozen, dead) = (quick(&redis), quick(&redis));
        redis.freeze();
        crowd(&frozen, &outside.providers(), 20).await;
        outside.assert_asked_once().await;
        redis.wake();
        redis.end();
        let viewer = Viewer::new("one", outside.providers());
        let found = dead.find_releases(&long(), &viewer, &media_id()).await.unwrap();
        assert_eq!(summary(&found), all_three());
        assert!(outside.asked().await.values().all(|count| *count == 2), "each process for itself");
    }

    fn rate(rate_per_s: u32, burst: u32) -> Rate {
        Rate { interval: Duration::from_secs(1) / rate_per_s, burst: burst.try_into().unwrap() }
    }

    /// Goal: an account's turns are counted for all processes together, and no two accounts share any.
    /// Method: three budgets ask 20 times each, as fast as they can; more than a burst passes only as time passes.
    #[tokio::test]
    async fn three_processes_share_the_turns_of_an_account() {
        let redis = RedisProcess::start();
        let budgets: Vec<_> = (0..3).map(|_| RedisBudget::new(connect(&redis, Duration::from_secs(10)))).collect();
        let account = AccountId("0123".into());
        let started = Instant::now();
        let turns = join_all(budgets.iter().cycle().take(60).map(|budget| budget.take(&account, rate(1, 5)))).await;
        let passed_s = started.elapsed().as_secs() as usize;
        let taken = turns.iter().filter(|turn| matches!(turn, Ok(Turn::Taken))).count();
        assert!((5..=6 + passed_s).contains(&taken), "{taken} in {passed_s} s");
        for turn in turns {
            match turn.unwrap() {
                Turn::Taken => {}
                Turn::After(wait) => assert!(wait <= Duration::from_secs(1), "{wait:?}"),
            }
        }
        let other = budgets[0].take(&AccountId("4567".into()), rate(1, 5)).await.unwrap();
        assert_eq!(other, Turn::Taken);
        let keys = redis.ask(&["KEYS", "*"]);
        assert_eq!(keys.len(), 2);
        for key in keys {
            let left_ms: u64 = redis.ask(&["PTTL", &key])[0].parse().unwrap();
            assert!((1..=5_001).contains(&left_ms), "{key}: {left_ms}");
        }
    }

    /// Goal: a clock that was put back, or nonsense in a key, closes no account.
    #[tokio::test]
    async fn a_clock_that_was_put_back_closes_no_account() {
        let redis = RedisProcess::start();
        let budget = RedisBudget::new(connect(&redis, Duration::from_secs(10)));
        let account = AccountId("0123".into());
        for nonsense in ["9999999999999999", "-1", "soon", "nan", "inf", ""] {
            redis.ask(&["SET", &format!("{PREFIX}pace:0123"), nonsense]);
            let turn = budget.take(&account, rate(1, 5)).await.unwrap();
            let wait = if let Turn::After(wait) = turn { wait } else { Duration::ZERO };
            assert!(wait <= Duration::from_secs(5), "{nonsense}: {wait:?}");
        }
    }

    /// Goal: OUT-06: one account asks at its pace, however many processes use it.
    /// Method: three clients of one AllDebrid account, each with callers who have two seconds; what came through is no more than the burst
    /// and what the pace allows in the time that passed. Alone each would have let as much through.
    #[tokio::test]
    async fn three_processes_keep_the_pace_of_one_account() {
        let redis = RedisProcess::start();
        let mounted = Mounted::new(AllDebridStandIn::new(KEY, "http://127.0.0.1:9/".parse().unwrap())).await;
        let services: Vec<AllDebrid> = (0..3)
            .map(|_| {
                let budget: Arc<dyn SharedBudget> =
                    Arc::new(RedisBudget::new(connect(&redis, Duration::from_secs(10))));
                let allow = vec![format!("127.0.0.1:{}", mounted.url("/").port().unwrap()).parse().unwrap()];
                let config = HttpClientConfig {
                    policy: AddressPolicy { allow },
                    shared_budget: Some(budget),
                    ..HttpClientConfig::default()
                };
                let settings = AllDebridConfig { base_url: mounted.url("/"), ..AllDebridConfig::new(Secret::new(KEY)) };
                AllDebrid::new(settings, HttpClient::new(config).unwrap()).unwrap()
            })
            .collect();
        let started = Instant::now();
        let call = Call::within(Duration::from_secs(2));
        let answers = join_all(services.iter().cycle().take(90).map(|service| service.account(&call))).await;
        let passed_s = started.elapsed().as_secs_f64();
        let sent = mounted.requests().await.len();
        let most = 3.0 + 8.0 * passed_s + 1.0;
        assert!(sent >= 3 && (sent as f64) <= most, "{sent} requests in {passed_s} s");
        let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
        // Who has his turn in the last moment may not have his answer in time.
        let told = |kind| matches!(kind, ErrorKind::RateLimited | ErrorKind::TimedOut);
        assert!(refused.clone().all(|error| told(error.kind())), "{:?}", refused.collect::<Vec<_>>());
        let keys = redis.ask(&["KEYS", "*"]);
        assert!(keys.len() == 1 && !keys[0].contains(KEY), "{keys:?}");
    }
}
