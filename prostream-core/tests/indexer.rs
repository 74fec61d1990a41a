//! The rules of [`prostream_core::provider::indexer::Indexer`], over every vendor.
#![cfg(feature = "http")]

mod scenes;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use prostream_core::ErrorKind;
use prostream_core::model::{InfoHash, Location, Release, TitleKind};
use prostream_core::net::{AddressPolicy, AllowedHost, Call, HttpClient, HttpClientConfig};
use prostream_core::provider::indexer::{Indexer, IndexerConfig, Query};
use prostream_core::testing::indexer::{HttpIndexerScene, IndexerScene, ReplyChange};
use prostream_core::testing::stand_in::{
    ProwlarrStandIn, StandIn, StandInRelease, StandInReply, StandInRequest, TorznabStandIn,
};
use url::Url;
use wiremock::{Mock, MockServer, ResponseTemplate};

use scenes::Mounted;

const KEY: &str = "k3yOfTheIndexer";
const MAX_BODY_BYTES: usize = 64 << 10;

/// What the largest answers of an indexer have: a feed of Torznab, and the list of a Prowlarr's indexers.
const MAX_LARGE_BODY_BYTES: usize = 16 << 20;

/// A stand-in whose replies can be changed on their way out.
struct Changing<T> {
    stand_in: T,
    change: Mutex<Option<ReplyChange>>,
}

impl<T> Changing<T> {
    fn new(stand_in: T) -> Self {
        Self { stand_in, change: Mutex::new(None) }
    }

    fn change(&self, change: ReplyChange) {
        *self.change.lock().unwrap() = Some(change);
    }
}

impl<T: fmt::Debug> fmt::Debug for Changing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changing").field(&self.stand_in).finish()
    }
}

impl<T: StandIn> StandIn for Changing<T> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let reply = self.stand_in.reply(request);
        match &*self.change.lock().unwrap() {
            Some(change) => change(reply),
            None => reply,
        }
    }
}

/// A client that reaches these servers, tries nothing twice and takes small bodies only, where a request names no limit of its own.
fn client(servers: &[&Url]) -> HttpClient {
    let allowed = |url: &&Url| AllowedHost { host: url.host_str().unwrap().to_owned(), port: url.port().unwrap() };
    let config = HttpClientConfig {
        policy: AddressPolicy { allow: servers.iter().map(allowed).collect() },
        max_retries: 0,
        max_body_bytes: MAX_BODY_BYTES as u64,
        ..HttpClientConfig::default()
    };
    HttpClient::new(config).unwrap()
}

fn build(http: &HttpClient, settings: serde_json::Value) -> Arc<dyn Indexer> {
    serde_json::from_value::<IndexerConfig>(settings).unwrap().build(http).unwrap()
}

fn call() -> Call {
    Call::within(Duration::from_secs(20))
}

struct ProwlarrScene {
    mounted: Mounted<Changing<ProwlarrStandIn>>,
    indexer: Arc<dyn Indexer>,
}

impl ProwlarrScene {
    /// Behind a URL base.
    fn build(api: &Url, key: &str) -> Arc<dyn Indexer> {
        build(&client(&[api]), serde_json::json!({"vendor": "prowlarr", "url": api, "key": key}))
    }
}

#[async_trait]
impl IndexerScene for ProwlarrScene {
    async fn start() -> Self {
        let mounted = Mounted::new(Changing::new(ProwlarrStandIn::new(KEY).with_url_base("/prowlarr"))).await;
        let indexer = Self::build(&mounted.url("/prowlarr/"), KEY);
        Self { mounted, indexer }
    }

    async fn given_release(&self, release: StandInRelease) {
        self.mounted.stand_in.stand_in.add_release(release);
    }

    fn indexer(&self) -> Arc<dyn Indexer> {
        self.indexer.clone()
    }
}

#[async_trait]
impl HttpIndexerScene for ProwlarrScene {
    const KEY: &'static str = KEY;
    const MAX_BODY_BYTES: usize = MAX_LARGE_BODY_BYTES;

    async fn given_replies(&self, change: ReplyChange) {
        self.mounted.stand_in.change(change);
    }

    async fn given_no_releases(&self) {
        self.mounted.stand_in.stand_in.clear_releases();
    }

    fn indexer_with_key(&self, key: &str) -> Arc<dyn Indexer> {
        Self::build(&self.mounted.url("/prowlarr/"), key)
    }
}

struct TorznabScene {
    mounted: Mounted<Changing<TorznabStandIn>>,
    indexer: Arc<dyn Indexer>,
}

impl TorznabScene {
    fn build(api: &Url, key: &str) -> Arc<dyn Indexer> {
        let settings = serde_json::json!({"vendor": "torznab", "id": "torznab:home", "url": api, "key": key});
        build(&client(&[api]), settings)
    }
}

#[async_trait]
impl IndexerScene for TorznabScene {
    async fn start() -> Self {
        let mounted = Mounted::new(Changing::new(TorznabStandIn::new(KEY))).await;
        let indexer = Self::build(&mounted.url("/api"), KEY);
        Self { mounted, indexer }
    }

    async fn given_release(&self, release: StandInRelease) {
        self.mounted.stand_in.stand_in.add_release(release);
    }

    fn indexer(&self) -> Arc<dyn Indexer> {
        self.indexer.clone()
    }
}

#[async_trait]
impl HttpIndexerScene for TorznabScene {
    const KEY: &'static str = KEY;
    const MAX_BODY_BYTES: usize = MAX_LARGE_BODY_BYTES;

    async fn given_replies(&self, change: ReplyChange) {
        self.mounted.stand_in.change(change);
    }

    async fn given_no_releases(&self) {
        self.mounted.stand_in.stand_in.clear_releases();
    }

    fn indexer_with_key(&self, key: &str) -> Arc<dyn Indexer> {
        Self::build(&self.mounted.url("/api"), key)
    }
}

struct LocalFolderScene {
    folder: tempfile::TempDir,
    indexer: Arc<dyn Indexer>,
}

#[async_trait]
impl IndexerScene for LocalFolderScene {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = serde_json::json!({"vendor": "local_folder", "path": folder.path()});
        let indexer = build(&client(&[]), settings);
        Self { folder, indexer }
    }

    async fn given_release(&self, release: StandInRelease) {
        let path = self.folder.path().join(format!("{}.mkv", release.name));
        std::fs::write(path, b"film").unwrap();
    }

    fn indexer(&self) -> Arc<dyn Indexer> {
        self.indexer.clone()
    }
}

mod prowlarr {
    use super::*;

    prostream_core::indexer_suite!(ProwlarrScene);
    prostream_core::http_indexer_suite!(ProwlarrScene);

    fn sintel() -> Query {
        let mut query = Query::new(TitleKind::Movie, "Sintel");
        (query.year, query.imdb_id) = (Some(2010), Some("tt1727587".into()));
        query
    }

    fn given_status(path: &'static str, status: u16, body: &'static str) -> impl StandIn {
        #[derive(Debug)]
        struct Failing(ProwlarrStandIn, &'static str, u16, &'static str);
        impl StandIn for Failing {
            fn reply(&self, request: &StandInRequest) -> StandInReply {
                if request.uri().path() != self.1 {
                    return self.0.reply(request);
                }
                let mut reply = http::Response::new(Bytes::from_static(self.3.as_bytes()));
                *reply.status_mut() = http::StatusCode::from_u16(self.2).unwrap();
                reply
            }
        }
        let release = StandInRelease::movie("Sintel.2010.1080p-GRP", InfoHash([1; 20]), 1);
        Failing(ProwlarrStandIn::new(KEY).with_release(release), path, status, body)
    }

    fn settings<T: StandIn>(mounted: &Mounted<T>) -> serde_json::Value {
        serde_json::json!({"vendor": "prowlarr", "url": mounted.url(""), "key": KEY})
    }

    async fn start<T: StandIn>(stand_in: T) -> (Mounted<T>, Arc<dyn Indexer>) {
        let mounted = Mounted::new(stand_in).await;
        let indexer = build(&mounted.http, settings(&mounted));
        (mounted, indexer)
    }

    /// Goal: what only widens a search does not spoil it: without the list of indexers the answer is partial.
    #[tokio::test]
    async fn a_failed_id_search_makes_the_answer_partial() {
        let (_mount, indexer) = start(given_status("/api/v1/indexer", 500, "")).await;
        let found = indexer.search(&call(), &sintel()).await.unwrap();
        assert_eq!((found.releases.len(), found.is_partial, found.was_by_id), (1, true, false));
    }

    /// Goal: a query that only widens the search never costs the answer that is there.
    /// Method: the list of indexers comes later than the deadline.
    #[tokio::test]
    async fn a_slow_id_search_does_not_cost_the_answer() {
        let server = MockServer::start().await;
        let late = ResponseTemplate::new(200).set_body_string("[]").set_delay(Duration::from_secs(60));
        let rows = r#"[{"title":"Sintel.2010","infoHash":"08ada5a7a6183aae1e09d831df6748d566095a10"}]"#;
        Mock::given(wiremock::matchers::path("/api/v1/indexer")).respond_with(late).mount(&server).await;
        Mock::given(wiremock::matchers::path("/api/v1/search"))
            .respond_with(ResponseTemplate::new(200).set_body_string(rows))
            .mount(&server)
            .await;
        let url: Url = server.uri().parse().unwrap();
        let indexer = ProwlarrScene::build(&url, KEY);
        let limit = Duration::from_secs(4);
        let call = Call::within(limit);
        let found = tokio::time::timeout(limit, indexer.search(&call, &sintel())).await.unwrap().unwrap();
        assert_eq!((found.releases.len(), found.is_partial, found.was_by_id), (1, true, false));
    }

    /// Goal: the one loud failure of a search is told as what it is.
    #[tokio::test]
    async fn unavailable_indexers_are_unavailable() {
        let body = r#"{"message":"Search failed due to all selected indexers being unavailable"}"#;
        let (_mount, indexer) = start(given_status("/api/v1/search", 400, body)).await;
        let error = indexer.search(&call(), &sintel()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.advice().is_some());
    }

    /// Goal: the list of indexers is asked for once, not with every search, and the key travels in a header only.
    #[tokio::test]
    async fn the_list_of_indexers_is_remembered() {
        let (mounted, indexer) = start(ProwlarrStandIn::new(KEY)).await;
        for _ in 0..3 {
            indexer.search(&call(), &sintel()).await.unwrap();
        }
        let requests = mounted.requests().await;
        let count = |part: &str| requests.iter().filter(|request| request.contains(part)).count();
        let lists = requests.iter().filter(|request| *request == "/api/v1/indexer").count();
        let counts = (lists, count("/api/v1/indexerstatus"), count("/api/v1/search?"), count(KEY));
        assert_eq!(counts, (1, 1, 6, 0), "{requests:?}");
    }

    fn listed(name: &str, hash: u8) -> Vec<StandInRelease> {
        vec![StandInRelease::movie(format!("Sintel.2010.{name}-GRP"), InfoHash([hash; 20]), 1)]
    }

    fn several() -> ProwlarrStandIn {
        ProwlarrStandIn::new(KEY)
            .with_release(listed("first", 1).remove(0))
            .with_indexer("Second", listed("second", 2))
            .with_indexer("Third", listed("third", 3))
            .with_indexer("Fourth", listed("fourth", 4))
    }

    /// Goal: indexers that Prowlarr leaves alone are not asked, those that have reached their limit cost nobody else's answer, and each is named
    /// with a reason.
    #[tokio::test]
    async fn what_is_missing_has_a_name_and_a_reason() {
        let (mounted, indexer) = start(several()).await;
        let all = indexer.search(&call(), &sintel()).await.unwrap();
        assert_eq!((all.releases.len(), all.is_partial, all.missing.len()), (4, false, 0));
        let trackers: Vec<_> = all.releases.iter().filter_map(|release| release.tracker.as_deref()).collect();
        assert_eq!(trackers, ["Example", "Second", "Third", "Fourth"]);

        mounted.stand_in.given_failing("Second");
        mounted.stand_in.given_limited("Fourth");
        let indexer = build(&mounted.http, settings(&mounted));
        let before = mounted.requests().await.len();
        let some = indexer.search(&call(), &sintel()).await.unwrap();
        assert_eq!((some.releases.len(), some.is_partial), (2, true));
        let missing: Vec<_> = some.missing.iter().map(|one| (one.tracker.as_str(), one.reason.as_str())).collect();
        assert_eq!(
            missing,
            [
                ("Second", "Prowlarr leaves it alone for a while, as it failed"),
                ("Fourth", "it is not available, or has reached its limit of queries"),
            ]
        );
        let requests = mounted.requests().await;
        assert!(requests[before..].iter().all(|request| !request.contains("indexerIds=11&")), "{requests:?}");

        mounted.stand_in.given_failing_indexer();
        for name in ["Third", "Fourth"] {
            mounted.stand_in.given_failing(name);
        }
        let indexer = build(&mounted.http, settings(&mounted));
        let error = indexer.search(&call(), &sintel()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.advice().is_some());
    }

    /// Goal: an indexer that is slow costs its own rows and nobody else's.
    /// Method: one of four thinks longer than there is time.
    #[tokio::test]
    async fn a_slow_indexer_costs_its_own_rows_only() {
        let server = MockServer::start().await;
        let list = r#"[{"id":1,"name":"Quick","protocol":"torrent"},{"id":2,"name":"Slow","protocol":"torrent"}]"#;
        let rows = r#"[{"title":"Sintel.2010","infoHash":"08ada5a7a6183aae1e09d831df6748d566095a10"}]"#;
        let answer = |body: &str| ResponseTemplate::new(200).set_body_string(body.to_owned());
        for (path, id, reply) in [
            ("/api/v1/indexer", None, answer(list)),
            ("/api/v1/indexerstatus", None, answer("[]")),
            ("/api/v1/search", Some("1"), answer(rows)),
            ("/api/v1/search", Some("2"), answer(rows).set_delay(Duration::from_secs(60))),
        ] {
            let mock = Mock::given(wiremock::matchers::path(path));
            let mock = match id {
                Some(id) => mock.and(wiremock::matchers::query_param("indexerIds", id)),
                None => mock,
            };
            mock.respond_with(reply).mount(&server).await;
        }
        let indexer = ProwlarrScene::build(&server.uri().parse().unwrap(), KEY);
        let limit = Duration::from_secs(6);
        let found =
            tokio::time::timeout(limit, indexer.search(&Call::within(limit), &sintel())).await.unwrap().unwrap();
        assert_eq!((found.releases.len(), found.is_partial), (1, true));
        let missing: Vec<_> = found.missing.iter().map(|one| (one.tracker.as_str(), one.reason.as_str())).collect();
        assert_eq!(missing, [("Slow", "it did not answer in time")]);
    }

    /// Goal: an indexer with pages gives more than one of them, up to a limit that the answer tells.
    #[tokio::test]
    async fn further_pages_are_read() {
        for (count, expected, is_partial) in [(25u8, 25, false), (10, 10, false), (95, 30, true)] {
            let stand_in = ProwlarrStandIn::new(KEY).with_pages(10).without_ids();
            for number in 0..count {
                stand_in.add_release(listed(&number.to_string(), number).remove(0));
            }
            let (_mount, indexer) = start(stand_in).await;
            let found = indexer.search(&call(), &sintel()).await.unwrap();
            assert_eq!((found.releases.len(), found.is_partial), (expected, is_partial), "{count}");
        }
    }

    /// Goal: each indexer is asked at its own pace: what would come too soon is not sent, and says so.
    #[tokio::test]
    async fn each_indexer_has_its_own_pace() {
        let (mounted, indexer) = start(several()).await;
        let short = Call::within(Duration::from_millis(1_500));
        let mut answers = Vec::new();
        for _ in 0..20 {
            let call = Call { deadline: Call::within(Duration::from_millis(1_500)).deadline, ..short.clone() };
            answers.push(indexer.search(&call, &sintel()).await);
        }
        let asked = mounted.requests().await.iter().filter(|request| request.contains("indexerIds=12&")).count();
        assert!((12..20).contains(&asked), "{asked}");
        let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
        assert!(refused.clone().count() > 0 && refused.into_iter().all(|error| error.kind() == ErrorKind::RateLimited));
    }

    /// A release whose link goes on to another server.
    async fn redirected(to: &str) -> (Mounted<Changing<ProwlarrStandIn>>, Release) {
        let stand_in = ProwlarrStandIn::new(KEY).with_release(StandInRelease {
            shows_hash: false,
            ..StandInRelease::movie("Sintel.2010.1080p-GRP", InfoHash([1; 20]), 1)
        });
        let (mounted, indexer) = start(Changing::new(stand_in)).await;
        let release = indexer.search(&call(), &sintel()).await.unwrap().releases.remove(0);
        let to = to.to_owned();
        mounted.stand_in.change(Arc::new(move |_| {
            let mut reply = http::Response::new(Bytes::new());
            *reply.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
            reply.headers_mut().insert("location", to.parse().unwrap());
            reply
        }));
        (mounted, release)
    }

    /// Goal: a link may lead to the site itself, which gets no key of ours.
    #[tokio::test]
    async fn a_link_to_the_site_is_followed_without_the_key() {
        let site = MockServer::start().await;
        let torrent: &[u8] = b"d4:infod6:lengthi5e4:name4:film12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
        Mock::given(wiremock::matchers::any())
            .respond_with(ResponseTemplate::new(200).set_body_bytes(torrent))
            .mount(&site)
            .await;
        let site_url: Url = format!("{}/dl/1.torrent", site.uri()).parse().unwrap();
        let (mounted, release) = redirected(site_url.as_str()).await;
        let indexer = build(&client(&[&mounted.url(""), &site_url]), settings(&mounted));
        let found = indexer.torrent(&call(), &release).await.unwrap();
        assert_eq!(found.info_hash().to_string(), "f0d9292645605a26f31a9b41bb861208b96f1794");
        let asked = &site.received_requests().await.unwrap()[0];
        assert!(!format!("{:?} {}", asked.headers, asked.url).contains(KEY));
        // Without the exception the same hop is refused by the address policy.
        let strict = build(&mounted.http, settings(&mounted));
        assert_eq!(strict.torrent(&call(), &release).await.unwrap_err().kind(), ErrorKind::Forbidden);
    }

    /// Goal: a ring of redirects ends.
    #[tokio::test]
    async fn a_ring_of_redirects_ends() {
        let (mounted, release) = redirected("/again").await;
        let indexer = build(&mounted.http, settings(&mounted));
        let before = mounted.requests().await.len();
        assert_eq!(indexer.torrent(&call(), &release).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert_eq!(mounted.requests().await.len() - before, 6, "one request and five redirects");
    }

    /// Goal: settings that cannot work are refused at once, with advice; a misspelt one too.
    #[test]
    fn settings_are_checked() {
        let http = client(&[]);
        for (url, key) in [("ftp://a.example", KEY), ("http://a.example/?apikey=x", KEY), ("http://a.example", "")] {
            let settings = serde_json::json!({"vendor": "prowlarr", "url": url, "key": key});
            let error = serde_json::from_value::<IndexerConfig>(settings).unwrap().build(&http).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
            assert!(error.advice().is_some());
        }
        let misspelt = serde_json::json!({"vendor": "prowlarr", "url": "http://a.example", "key": KEY, "api_key": KEY});
        assert!(serde_json::from_value::<IndexerConfig>(misspelt).is_err());
    }
}

mod torznab {
    use super::*;

    prostream_core::indexer_suite!(TorznabScene);
    prostream_core::http_indexer_suite!(TorznabScene);

    /// Goal: an id is never sent to an indexer that does not list it: it would answer with an error.
    #[tokio::test]
    async fn ids_are_sent_only_where_they_are_known() {
        let release = StandInRelease::movie("Sintel.2010.1080p-GRP", InfoHash([1; 20]), 1);
        let mounted = Mounted::new(TorznabStandIn::new(KEY).without_ids().with_release(release)).await;
        let indexer = TorznabScene::build(&mounted.url("/api"), KEY);
        let mut query = Query::new(TitleKind::Movie, "Sintel");
        query.imdb_id = Some("tt1727587".into());
        let found = indexer.search(&call(), &query).await.unwrap();
        assert_eq!((found.releases.len(), found.was_by_id, found.is_partial), (1, false, false));
        indexer.search(&call(), &query).await.unwrap();
        let requests = mounted.requests().await;
        let count = |part: &str| requests.iter().filter(|request| request.contains(part)).count();
        assert_eq!((count("t=caps"), count("t=search"), count("imdbid")), (1, 2, 0));
    }
}

mod widening {
    use prostream_core::model::EpisodeNumber;

    use super::*;

    /// Names that are found, of two releases.
    async fn found<S: HttpIndexerScene>(query: &Query, releases: [StandInRelease; 2]) -> Vec<String> {
        let scene = S::start().await;
        for release in releases {
            scene.given_release(release).await;
        }
        let found = scene.indexer().search(&call(), query).await.unwrap();
        assert!(!found.is_partial, "{found:?}");
        let mut names: Vec<String> = found.releases.into_iter().map(|release| release.name).collect();
        names.sort();
        names
    }

    async fn finds_all(query: &Query, releases: [StandInRelease; 2]) {
        let mut names: Vec<String> = releases.iter().map(|release| release.name.clone()).collect();
        names.sort();
        assert_eq!(found::<TorznabScene>(query, releases.clone()).await, names);
        assert_eq!(found::<ProwlarrScene>(query, releases).await, names);
    }

    fn film(name: &str, hash: u8) -> StandInRelease {
        StandInRelease::movie(name, InfoHash([hash; 20]), 1 << 30)
    }

    fn episode(name: &str, hash: u8) -> StandInRelease {
        StandInRelease::series(name, InfoHash([hash; 20]), 1 << 30)
    }

    /// Goal: sites that compare letters as they stand find a title with accents and `&`, however its releases write it.
    #[tokio::test]
    async fn names_are_found_without_their_accents() {
        let mut query = Query::new(TitleKind::Movie, "Café & Lumières");
        query.year = Some(2010);
        let releases = [film("Cafe.and.Lumieres.2010.1080p-GRP", 1), film("Café.Lumières.2010.720p-GRP", 2)];
        finds_all(&query, releases).await;
    }

    /// Goal: releases of a film that bear its original name are found.
    #[tokio::test]
    async fn the_original_name_is_found() {
        let mut query = Query::new(TitleKind::Movie, "Paper Boats");
        (query.year, query.original_name) = (Some(2010), Some("Bateaux de papier".to_owned()));
        finds_all(&query, [film("Paper.Boats.2010.1080p-GRP", 1), film("Bateaux.de.Papier.2010.720p-GRP", 2)]).await;
    }

    /// Goal: an episode of a daily show is found by its date.
    #[tokio::test]
    async fn a_daily_show_is_found_by_its_date() {
        let mut query = Query::new(TitleKind::Series, "The Hour");
        query.episode = Some(EpisodeNumber { season: 9, episode: 120 });
        query.air_date = Some("2024-05-31".to_owned());
        finds_all(&query, [episode("The.Hour.S09E120.1080p-GRP", 1), episode("The.Hour.2024.05.31.720p-GRP", 2)]).await;
    }

    /// Goal: an episode of an anime is found by its number counted through all seasons.
    #[tokio::test]
    async fn an_anime_is_found_by_its_absolute_number() {
        let mut query = Query::new(TitleKind::Series, "Harbor Lights");
        query.episode = Some(EpisodeNumber { season: 2, episode: 3 });
        query.absolute_episode = Some(5);
        finds_all(
            &query,
            [episode("Harbor.Lights.S02E03.1080p-GRP", 1), episode("[GRP] Harbor Lights - 05 [720p]", 2)],
        )
        .await;
    }

    /// Goal: whatever is known of a title, the number of requests to an indexer has an end.
    #[tokio::test]
    async fn requests_are_counted() {
        let mounted = Mounted::new(TorznabStandIn::new(KEY)).await;
        let mut query = Query::new(TitleKind::Series, "Café & Lumières");
        query.original_name = Some("Kissaten".to_owned());
        query.episode = Some(EpisodeNumber { season: 2, episode: 3 });
        (query.air_date, query.absolute_episode) = (Some("2024-05-31".to_owned()), Some(5));
        query.imdb_id = Some("tt1727587".into());
        TorznabScene::build(&mounted.url("/api"), KEY).search(&call(), &query).await.unwrap();
        let searches = mounted.requests().await.iter().filter(|request| !request.contains("t=caps")).count();
        assert_eq!(searches, 6);
    }
}

mod torznab_pages {
    use super::*;

    fn many(stand_in: TorznabStandIn, count: u8) -> TorznabStandIn {
        let release =
            |number: u8| StandInRelease::movie(format!("Sintel.2010.{number}-GRP"), InfoHash([number; 20]), 1);
        (0..count).map(release).fold(stand_in, TorznabStandIn::with_release)
    }

    async fn found(stand_in: TorznabStandIn) -> (usize, bool, usize) {
        let mounted = Mounted::new(stand_in).await;
        let settings = serde_json::json!({"vendor": "torznab", "url": mounted.url("/api"), "key": KEY});
        let indexer = build(&mounted.http, settings);
        let found = indexer.search(&call(), &Query::new(TitleKind::Movie, "Sintel")).await.unwrap();
        let requests = mounted.requests().await;
        let searches = requests.iter().filter(|request| request.contains("t=search")).count();
        (found.releases.len(), found.is_partial, searches)
    }

    /// Goal: a list of several pages comes whole, up to a limit that the answer tells; one that comes at once costs one request.
    #[tokio::test]
    async fn further_pages_are_read() {
        assert_eq!(found(many(TorznabStandIn::new(KEY).with_pages(40), 95)).await, (95, false, 3));
        assert_eq!(found(many(TorznabStandIn::new(KEY).with_pages(40), 40)).await, (40, false, 1));
        assert_eq!(found(many(TorznabStandIn::new(KEY).with_pages(10), 95)).await, (30, true, 3));
        assert_eq!(found(many(TorznabStandIn::new(KEY), 150)).await, (150, false, 1));
        assert_eq!(found(many(TorznabStandIn::new(KEY), 100)).await, (100, false, 2), "a page, or all there is");
    }

    /// Goal: a Jackett that names no limits gives all its rows, as it is told none to cut to; rows that end at the usual size of a page without
    /// a word are not called whole.
    #[tokio::test]
    async fn without_limits_all_rows_come() {
        let jackett = || TorznabStandIn::new(KEY).without_limits();
        assert_eq!(found(many(jackett(), 150)).await, (150, false, 1));
        assert_eq!(found(many(jackett(), 99)).await, (99, false, 1));
        assert_eq!(found(many(jackett(), 100)).await, (100, true, 2));
        assert_eq!(found(many(jackett().with_pages(100), 150)).await, (150, false, 2), "a site with pages");
    }

    /// Goal: a feed may be larger than other answers.
    #[tokio::test]
    async fn feeds_may_be_large() {
        let long = "x".repeat(500);
        let release = |number: u8| StandInRelease::movie(format!("Sintel.{long}.{number}"), InfoHash([number; 20]), 1);
        let stand_in =
            (0..150).map(release).fold(TorznabStandIn::new(KEY).without_limits(), TorznabStandIn::with_release);
        let mounted = Mounted::new(stand_in).await;
        let indexer = TorznabScene::build(&mounted.url("/api"), KEY);
        let found = indexer.search(&call(), &Query::new(TitleKind::Movie, "Sintel")).await.unwrap();
        assert_eq!(found.releases.len(), 150);
    }

    /// Goal: an id that is listed and refused all the same takes nothing from the answer.
    #[tokio::test]
    async fn a_refused_id_spoils_nothing() {
        let mounted = Mounted::new(many(TorznabStandIn::new(KEY).with_ids_that_are_refused(), 1)).await;
        let indexer = TorznabScene::build(&mounted.url("/api"), KEY);
        let mut query = Query::new(TitleKind::Movie, "Sintel");
        query.imdb_id = Some("tt1727587".into());
        let found = indexer.search(&call(), &query).await.unwrap();
        assert_eq!((found.releases.len(), found.is_partial, found.was_by_id), (1, false, false));
    }
}

mod local_folder {
    use super::*;

    prostream_core::indexer_suite!(LocalFolderScene);

    /// Goal: a file is playable as it is, and found again by its own id.
    #[tokio::test]
    async fn files_are_playable_and_have_ids() {
        use prostream_core::provider::indexer::local_folder::{LocalFolder, LocalFolderConfig};

        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("Été (2010)")).unwrap();
        std::fs::write(folder.path().join("Été (2010)/film.mkv"), b"film").unwrap();
        let config = LocalFolderConfig { id: "local_folder:films".parse().unwrap(), path: folder.path().to_owned() };
        let indexer = LocalFolder::new(config).unwrap();

        let found = indexer.search(&call(), &Query::new(TitleKind::Movie, "ETE")).await.unwrap();
        let release = &found.releases[0];
        assert_eq!((release.name.as_str(), release.size_bytes), ("Été (2010) film", Some(4)));
        let playable = release.playable.as_ref().unwrap();
        let Location::File(path) = &playable.location else { panic!("no file") };
        assert_eq!(std::fs::read(path).unwrap(), b"film");

        let (name, local_id) = indexer.files(&call()).await.unwrap().remove(0);
        assert_eq!(name, release.name);
        let by_id = |local_id: &str| {
            let mut query = Query::new(TitleKind::Movie, "other");
            query.local_id = Some(local_id.to_owned());
            query
        };
        let again = indexer.search(&call(), &by_id(&local_id)).await.unwrap();
        assert_eq!((again.releases, again.was_by_id), (found.releases, true));
        assert_eq!(indexer.search(&call(), &by_id("none")).await.unwrap().releases, []);
    }
}
