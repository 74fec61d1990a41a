//! Titles that nobody has cached: a service fetches them, the viewer sees how far they are, and they play; whatever happens on the way, what
//! we added and do not play is taken away, and what the user had stays.
#![cfg(all(feature = "http", feature = "sqlite"))]

#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod one_film;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod scenes;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
#[path = "cases/workshop.rs"]
mod workshop;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use one_film::{ONE, RELEASE, Shelf, client, hash, media_id, wait_until};
use prostream_core::model::{ByteRange, DeviceProfile, FileEntry, InfoHash, ProviderId};
use prostream_core::net::{Call, HttpClient, Secret};
use prostream_core::playback::{
    PlaybackConfig, PlaybackSource, Preparing, PreparingConfig, PreparingState, StartPlayback, Started,
};
use prostream_core::provider::debrid::{
    Account, Added, Cached, Capabilities, DebridConfig, DebridService, Link, RemoteFile, TorrentId, TorrentState,
};
use prostream_core::provider::indexer::TorrentLink;
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_core::store::now_ms;
use prostream_core::store::records::{PreparingRecord, Records, SqliteRecords};
use prostream_core::testing::stand_in::{AllDebridStandIn, FilmHost, Mishap, RealDebridStandIn, StandInTorrent};
use prostream_core::{Error, ErrorKind, ProStream, Result};
use scenes::Mounted;
use url::Url;
use workshop::Workshop;

const KEY: &str = "a-key-of-the-stand-ins";
/// So many questions that nobody waits for the answer.
const NEVER: u32 = 1_000_000;

fn film() -> &'static Bytes {
    static FILM: OnceLock<Bytes> = OnceLock::new();
    FILM.get_or_init(|| {
        let workshop = Workshop::new();
        let path = workshop.ffmpeg(
            "-f lavfi -i testsrc2=size=320x180:rate=24:duration=4 -f lavfi -i sine=duration=4 -c:v libx264 -preset ultrafast -g 48 -c:a aac film.mkv",
        );
        std::fs::read(path).unwrap().into()
    })
}

/// Two services of different vendors, the host behind their links, and a data folder; engines come and go.
struct House {
    first: Mounted<AllDebridStandIn>,
    second: Mounted<RealDebridStandIn>,
    host: Mounted<FilmHost>,
    http: HttpClient,
    folder: tempfile::TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    First,
    Second,
}

fn torrent(number: u8) -> StandInTorrent {
    StandInTorrent::new(hash(number), RELEASE).with_file(format!("{RELEASE}/{RELEASE}.mkv"), film().len() as u64)
}

impl House {
    async fn new() -> Self {
        let host = Mounted::new(FilmHost::new().with_file(format!("/{RELEASE}.mkv"), film().clone())).await;
        let first = Mounted::new(AllDebridStandIn::new(KEY, host.url("/"))).await;
        let second = Mounted::new(RealDebridStandIn::new(KEY, host.url("/"))).await;
        first.stand_in.given_rate_limit(false);
        second.stand_in.given_rate_limit(false);
        let http = client(&[host.url("/"), first.url("/"), second.url("/")]);
        Self { first, second, host, http, folder: tempfile::tempdir().unwrap() }
    }

    async fn with(torrent: StandInTorrent) -> Self {
        let house = Self::new().await;
        house.first.stand_in.given_torrent(torrent.clone());
        house.second.stand_in.given_torrent(torrent);
        house
    }

    /// The accounts as a program that has just started knows them.
    fn providers(&self, has: Has) -> Arc<ProviderSet> {
        let (vendor, url) = match has {
            Has::First => ("alldebrid", self.first.url("/")),
            Has::Second => ("real_debrid", self.second.url("/")),
        };
        let config = DebridConfig::new(vendor, ProviderId::new(vendor), Secret::new(KEY), Some(url)).unwrap();
        let shelf = Shelf::new(film().len() as u64);
        Arc::new(ProviderSet {
            metadata: vec![shelf.clone()],
            indexers: vec![shelf],
            debrid: vec![config.build(&self.http).unwrap()],
            ..ProviderSet::default()
        })
    }

    fn viewer(&self, has: Has) -> Viewer {
        Viewer::new("mia", self.providers(has))
    }

    async fn records(&self) -> SqliteRecords {
        SqliteRecords::open(self.folder.path().join("data.db")).await.unwrap()
    }

    async fn engine(&self) -> ProStream {
        self.engine_with(config()).await
    }

    async fn engine_with(&self, preparing: PreparingConfig) -> ProStream {
        let playback = PlaybackConfig { preparing, ..PlaybackConfig::default() };
        let builder = ProStream::builder().http(self.http.clone()).playback(playback);
        builder.records(Arc::new(self.records().await)).build().unwrap()
    }

    /// What the account holds.
    fn held(&self, has: Has) -> Vec<InfoHash> {
        match has {
            Has::First => self.first.stand_in.account_torrents(),
            Has::Second => self.second.stand_in.account_torrents(),
        }
    }

    async fn status_count(&self) -> usize {
        self.first.requests().await.iter().filter(|path| path.starts_with("/v4.1/magnet/status")).count()
    }
}

/// Looks often, so that the tests are quick.
fn config() -> PreparingConfig {
    PreparingConfig { poll_interval: Duration::from_millis(40), ..PreparingConfig::default() }
}

fn call() -> Call {
    Call::within(Duration::from_secs(30))
}

fn wish(number: u8) -> StartPlayback {
    let mut wish = StartPlayback::new(PlaybackSource::Title(media_id(number)));
    wish.prepares = true;
    wish
}

/// A wish to play the film, perhaps of this release, and to have nothing fetched.
fn title(release: Option<String>) -> StartPlayback {
    let mut request = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
    request.release = release;
    request
}

async fn prepare(engine: &ProStream, viewer: &Viewer, number: u8) -> Preparing {
    match engine.start_or_prepare(&call(), viewer, &wish(number)).await.unwrap() {
        Started::Preparing(preparing) => preparing,
        Started::Playing(playback) => panic!("it plays at once: {playback:?}"),
    }
}

/// Everything that is told of it, up to its end.
async fn told(preparing: &Preparing) -> Vec<PreparingState> {
    let changes = preparing.changes().collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(30), changes).await.expect("it comes to an end")
}

/// Waits until it fetches and this much of it is there, at least.
async fn until_fetching(preparing: &Preparing, share: f32) {
    let is_reached = |state: &PreparingState| matches!(state, PreparingState::Fetching { progress: Some(is_there), .. } if *is_there >= share);
    let mut reached = Box::pin(preparing.changes().filter(|state| std::future::ready(is_reached(state))));
    let state = tokio::time::timeout(Duration::from_secs(30), reached.next()).await.expect("it goes on");
    assert!(state.is_some(), "it ended before");
}

async fn failure(preparing: &Preparing) -> Arc<Error> {
    match told(preparing).await.pop() {
        Some(PreparingState::Failed(error)) => error,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// The playback under this id gives the film's own bytes.
async fn assert_plays(engine: &ProStream, viewer: &Viewer, id: &str) {
    let playback = engine.playbacks().playback(&call(), viewer, id).await.unwrap();
    assert_eq!((playback.id(), playback.file_name()), (id, format!("{RELEASE}.mkv").as_str()));
    let bytes = playback.source().read_at(ByteRange::new(0, film().len() as u64)).await.unwrap().into_bytes();
    assert!(bytes == *film());
}

/// Goal: what no service has is fetched for who wishes it, and for nobody else; he sees how far it is, and then it plays under the same id,
/// also for who comes later. Asked for again meanwhile it is the same.
#[tokio::test]
async fn what_nobody_has_is_fetched_and_plays() {
    for has in [Has::First, Has::Second] {
        let house = House::with(torrent(ONE).ready_after(6)).await;
        let (engine, viewer) = (house.engine().await, house.viewer(has));
        let refused = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
        for error in [
            engine.start_playback(&call(), &viewer, &refused).await.unwrap_err(),
            engine.start_or_prepare(&call(), &viewer, &refused).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotCached, "{has:?}");
        }
        let mut wish = wish(ONE);
        wish.start_s = Some(1.5);
        let Started::Preparing(preparing) = engine.start_or_prepare(&call(), &viewer, &wish).await.unwrap() else {
            panic!("nobody has it")
        };
        assert_eq!((preparing.name(), preparing.start_s()), (RELEASE, Some(1.5)));
        assert_eq!(prepare(&engine, &viewer, ONE).await.id(), preparing.id());
        assert_eq!(engine.playbacks().preparings(&viewer).len(), 1);
        let error = engine.playbacks().playback(&call(), &viewer, preparing.id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "it does not play yet");

        let told = told(&preparing).await;
        let shares: Vec<f32> = told
            .iter()
            .filter_map(|state| match state {
                PreparingState::Fetching { progress, .. } => *progress,
                _ => None,
            })
            .collect();
        assert!(shares.len() >= 2 && shares.is_sorted() && shares.last() > shares.first(), "{has:?}: {shares:?}");
        let has_speed = |state: &PreparingState| {
            matches!(state, PreparingState::Fetching { speed_bytes_per_s: Some(1_000_000), .. })
        };
        assert!(told.iter().any(has_speed), "{told:?}");
        assert!(matches!(told.last(), Some(PreparingState::Ready)), "{told:?}");

        assert_plays(&engine, &viewer, preparing.id()).await;
        let playback = engine.playbacks().playback(&call(), &viewer, preparing.id()).await.unwrap();
        assert_eq!((playback.start_s(), playback.release()), (Some(1.5), Some(preparing.release())));
        assert!(playback.why()[0].contains("fetched"), "{:?}", playback.why());
        assert!(matches!(
            engine.playbacks().preparing(&viewer, preparing.id()).await.unwrap().state(),
            PreparingState::Ready
        ));
        assert_eq!(house.held(has), [hash(ONE)], "what is played stays");
        assert_eq!(house.records().await.preparings().await.unwrap(), []);
        assert!(matches!(engine.start_or_prepare(&call(), &viewer, &wish).await.unwrap(), Started::Playing(_)));
        // From its record alone, by a program that has just started.
        engine.playbacks().close().await;
        let engine = house.engine().await;
        assert_eq!(engine.playbacks().resume(|_| Some(house.viewer(has))).await.unwrap(), 0);
        assert_plays(&engine, &viewer, preparing.id()).await;
    }
}

/// Goal: who gives up leaves nothing behind that was not there before, and ends nothing that is another's.
#[tokio::test]
async fn giving_up_takes_away_what_we_added() {
    for has in [Has::First, Has::Second] {
        for was_users in [false, true] {
            let house = House::with(torrent(ONE).ready_after(NEVER)).await;
            if was_users {
                house.first.stand_in.given_in_account(hash(ONE));
                house.second.stand_in.given_in_account(hash(ONE));
            }
            let (engine, viewer) = (house.engine().await, house.viewer(has));
            let preparing = prepare(&engine, &viewer, ONE).await;
            assert_eq!(house.held(has), [hash(ONE)]);
            let other = Viewer::new("leo", Arc::clone(&viewer.providers));
            for id in [preparing.id(), "00000000000000000000000000000000"] {
                let ended = engine.playbacks().end(&other, id).await.unwrap_err();
                let read = engine.playbacks().preparing(&other, id).await.unwrap_err();
                assert_eq!((ended.kind(), read.kind()), (ErrorKind::NotFound, ErrorKind::NotFound));
            }
            assert!(engine.playbacks().preparings(&other).is_empty());
            engine.playbacks().end(&viewer, preparing.id()).await.unwrap();
            assert!(matches!(told(&preparing).await.pop(), Some(PreparingState::Cancelled)));
            let expected: &[InfoHash] = if was_users { &[hash(ONE)] } else { &[] };
            engine.playbacks().close().await;
            assert_eq!(house.held(has), expected, "{has:?}");
            assert_eq!(house.records().await.preparings().await.unwrap(), []);
            let again = engine.playbacks().end(&viewer, preparing.id()).await.unwrap_err();
            assert_eq!(again.kind(), ErrorKind::NotFound);
        }
    }
}

/// Goal: what was newly added to be played and does not play is taken away again, whether its file is no film or nobody waits any more until
/// it is open: it stayed in the account for ever. What the user had stays.
#[tokio::test]
async fn what_does_not_open_is_taken_away() {
    for (has, was_users) in [(Has::First, false), (Has::Second, false), (Has::First, true)] {
        let house = House::with(torrent(ONE)).await;
        if was_users {
            house.first.stand_in.given_in_account(hash(ONE));
        }
        let expected: &[InfoHash] = if was_users { &[hash(ONE)] } else { &[] };
        house.host.stand_in.put_file(format!("/{RELEASE}.mkv"), vec![7; film().len()]);
        let (engine, viewer) = (house.engine().await, house.viewer(has));
        for release in [None, Some(hash(ONE).to_string())] {
            let error = engine.start_playback(&call(), &viewer, &title(release)).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Unsupported), "{error}");
            engine.playbacks().close().await;
            assert_eq!(house.held(has), expected, "{has:?}");
        }
    }
}

/// Goal: likewise where nobody waits any more until it is open. Method: the host thinks for so long that the caller leaves first.
#[tokio::test]
async fn what_is_left_while_it_opens_is_taken_away() {
    let house = House::with(torrent(ONE)).await;
    let films = FilmHost::new().with_file(format!("/{RELEASE}.mkv"), film().clone());
    let slow = Mounted::slow(films, Duration::from_secs(60)).await;
    let service = Mounted::new(AllDebridStandIn::new(KEY, slow.url("/")).with_torrent(torrent(ONE))).await;
    service.stand_in.given_rate_limit(false);
    let house = House { http: client(&[slow.url("/"), service.url("/")]), first: service, host: slow, ..house };
    let (engine, viewer) = (house.engine().await, house.viewer(Has::First));
    for release in [None, Some(hash(ONE).to_string())] {
        house.host.stand_in.clear_requests();
        let (playing, viewer, request) = (engine.clone(), viewer.clone(), title(release));
        let starting = tokio::spawn(async move { playing.start_playback(&call(), &viewer, &request).await.map(drop) });
        wait_until(|| !house.host.stand_in.requests().is_empty()).await;
        assert_eq!(house.held(Has::First), [hash(ONE)]);
        starting.abort();
        assert!(starting.await.unwrap_err().is_cancelled());
        engine.playbacks().close().await;
        assert_eq!(house.held(Has::First), []);
    }
}

/// Goal: what plays stays; of several who start the same at once, by one way or the other, none takes it from under those who play.
#[tokio::test]
async fn who_leaves_takes_nothing_from_who_plays() {
    for release in [None, Some(hash(ONE).to_string())] {
        let house = House::with(torrent(ONE)).await;
        let (engine, viewer) = (house.engine().await, house.viewer(Has::First));
        let playback = engine.start_playback(&call(), &viewer, &title(release)).await.unwrap();
        engine.playbacks().end(&viewer, playback.id()).await.unwrap();
        engine.playbacks().close().await;
        assert_eq!(house.held(Has::First), [hash(ONE)]);
    }
    let house = House::with(torrent(ONE)).await;
    let (engine, viewer) = (house.engine().await, house.viewer(Has::First));
    let start = async |release: Option<String>, limit: Duration| {
        let request = title(release);
        tokio::time::timeout(limit, engine.start_playback(&call(), &viewer, &request)).await
    };
    let (long, moment) = (Duration::from_secs(30), Duration::from_millis(40));
    let named = Some(hash(ONE).to_string());
    let (first, second, _) = tokio::join!(start(None, long), start(named.clone(), long), async {
        (start(None, moment).await, start(named, moment).await)
    });
    assert!(first.unwrap().is_ok() && second.unwrap().is_ok());
    engine.playbacks().close().await;
    assert_eq!(house.held(Has::First), [hash(ONE)]);
}

/// Goal: two viewers who wait for one torrent of one account: it goes with the last of them, and the first does not take it from the other.
#[tokio::test]
async fn the_last_who_waits_takes_it_away() {
    let house = House::with(torrent(ONE).ready_after(NEVER)).await;
    let (engine, mia) = (house.engine().await, house.viewer(Has::First));
    let leo = Viewer::new("leo", Arc::clone(&mia.providers));
    let (first, second) = (prepare(&engine, &mia, ONE).await, prepare(&engine, &leo, ONE).await);
    assert_ne!(first.id(), second.id());
    // Whoever merely tries whether it is there takes nothing away either.
    let ben = Viewer::new("ben", Arc::clone(&mia.providers));
    let request = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
    assert!(engine.start_playback(&call(), &ben, &request).await.is_err());
    engine.playbacks().end(&mia, first.id()).await.unwrap();
    wait_until(|| matches!(first.state(), PreparingState::Cancelled)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.held(Has::First), [hash(ONE)]);
    assert!(!second.state().is_over());
    engine.playbacks().end(&leo, second.id()).await.unwrap();
    wait_until(|| house.held(Has::First).is_empty()).await;
    engine.playbacks().close().await;
}

/// An engine that looks at what is fetched once a minute, and lets go of what it made ready soon.
fn brief(house: &House, prepared_for: Duration) -> ProStream {
    let preparing = PreparingConfig { poll_interval: Duration::from_secs(60), ..PreparingConfig::default() };
    let playback = PlaybackConfig { preparing, prepared_for, ..PlaybackConfig::default() };
    ProStream::builder().http(house.http.clone()).playback(playback).build().unwrap()
}

/// Makes it ready, whole.
async fn look(engine: &ProStream, viewer: &Viewer) {
    engine.prepare(viewer, &media_id(ONE));
    engine.playbacks().close().await;
}

/// The time of what was made ready is over.
async fn let_go(engine: &ProStream, prepared_for: Duration) {
    tokio::time::sleep(prepared_for + Duration::from_millis(100)).await;
    engine.playbacks().trim_idle().await;
    engine.playbacks().close().await;
}

/// Goal: of two who only look at a title the last one takes its torrent away: the first, who had added it, left it for the second, and the
/// second had nothing to take away. Where one of them plays it, it stays; what the user had stays.
#[tokio::test]
async fn the_last_who_looks_takes_it_away() {
    let prepared_for = Duration::from_millis(600);
    for (was_users, plays) in [(false, None), (false, Some("mia")), (false, Some("leo")), (true, None)] {
        let house = House::with(torrent(ONE)).await;
        if was_users {
            house.first.stand_in.given_in_account(hash(ONE));
        }
        let (engine, mia) = (brief(&house, prepared_for), house.viewer(Has::First));
        let leo = Viewer::new("leo", Arc::clone(&mia.providers));
        look(&engine, &mia).await;
        tokio::time::sleep(prepared_for / 2).await;
        look(&engine, &leo).await;
        assert_eq!(house.held(Has::First), [hash(ONE)]);
        let mut playback = None;
        if let Some(who) = plays {
            let viewer = Viewer { id: who.to_owned(), ..mia.clone() };
            playback = Some(engine.start_playback(&call(), &viewer, &title(None)).await.unwrap());
        }
        // First of the one, then of the other.
        for _ in 0..2 {
            let_go(&engine, prepared_for / 2).await;
        }
        let_go(&engine, prepared_for).await;
        let stays = was_users || playback.is_some();
        assert_eq!(house.held(Has::First), vec![hash(ONE); usize::from(stays)], "{plays:?}");
    }
}

/// Goal: what one gives up while another looks at it is left to that one: it was kept and forgotten.
/// Method: it comes to be there between two questions of the one who waits for it.
#[tokio::test]
async fn what_is_given_up_goes_with_the_last_who_looks_at_it() {
    let prepared_for = Duration::from_secs(1);
    let house = House::with(torrent(ONE).ready_after(NEVER)).await;
    let (engine, mia) = (brief(&house, prepared_for), house.viewer(Has::First));
    let leo = Viewer::new("leo", Arc::clone(&mia.providers));
    let preparing = prepare(&engine, &mia, ONE).await;
    until_fetching(&preparing, 0.0).await;
    house.first.stand_in.given_torrent(torrent(ONE));
    engine.prepare(&leo, &media_id(ONE));
    wait_until(|| house.host.stand_in.requests().len() >= 2).await;
    engine.playbacks().end(&mia, preparing.id()).await.unwrap();
    engine.playbacks().close().await;
    assert_eq!(house.held(Has::First), [hash(ONE)], "the other looks at it");
    let_go(&engine, prepared_for).await;
    assert_eq!(house.held(Has::First), []);
}

/// Goal: a torrent that the service gives up says why, one that stands still is given up by us; what we added goes, what the user had stays.
#[tokio::test]
async fn what_comes_to_nothing_says_why() {
    for was_users in [false, true] {
        let house = House::with(torrent(ONE).ready_after(NEVER)).await;
        if was_users {
            house.first.stand_in.given_in_account(hash(ONE));
        }
        let expected: &[InfoHash] = if was_users { &[hash(ONE)] } else { &[] };
        let (engine, viewer) = (house.engine().await, house.viewer(Has::First));
        let preparing = prepare(&engine, &viewer, ONE).await;
        house.first.stand_in.given_torrent(torrent(ONE).failing());
        let error = failure(&preparing).await;
        assert_eq!((error.kind(), error.provider()), (ErrorKind::NotFound, Some("alldebrid")));
        assert!(error.detail_text().is_some_and(|reason| !reason.is_empty()), "{error}");
        assert!(error.advice().is_some_and(|advice| advice.contains("another release")));
        let later = engine.playbacks().preparing(&viewer, preparing.id()).await.unwrap();
        assert!(matches!(later.state(), PreparingState::Failed(_)), "it is told for some minutes");
        engine.playbacks().end(&viewer, preparing.id()).await.unwrap();
        assert!(engine.playbacks().preparing(&viewer, preparing.id()).await.is_err(), "until its viewer has read it");
        engine.playbacks().close().await;
        assert_eq!(house.held(Has::First), expected);

        // Nobody shares it: it stays in the queue.
        let house = House::new().await;
        if was_users {
            house.first.stand_in.given_in_account(hash(ONE));
        }
        let engine = house.engine_with(PreparingConfig { stall_after: Duration::from_millis(600), ..config() }).await;
        let viewer = house.viewer(Has::First);
        let error = failure(&prepare(&engine, &viewer, ONE).await).await;
        assert_eq!((error.kind(), error.provider()), (ErrorKind::TimedOut, Some("alldebrid")));
        assert!(error.to_string().contains("no progress"), "{error}");
        engine.playbacks().close().await;
        assert_eq!(house.held(Has::First), expected);
        assert_eq!(house.records().await.preparings().await.unwrap(), []);
    }
}

/// Goal: a service that cannot be asked for a while costs that while; an account that does not work any more is told.
#[tokio::test]
async fn errors_of_the_service_do_not_end_it() {
    let limited = Mishap::RateLimited { retry_after_s: Some(1) };
    for mishap in [Mishap::WebPage { status: 200 }, Mishap::Truncated, limited] {
        let house = House::with(torrent(ONE).ready_after(4)).await;
        // Short of the standstill, had it been one.
        let config = PreparingConfig { stall_after: Duration::from_millis(900), ..config() };
        let (engine, viewer) = (house.engine_with(config).await, house.viewer(Has::First));
        let preparing = prepare(&engine, &viewer, ONE).await;
        house.first.stand_in.given_mishap(Some(mishap));
        let before = house.first.requests().await.len();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let asked = house.first.requests().await.len() - before;
        assert!((1..=8).contains(&asked), "{mishap:?}: {asked} requests");
        assert!(!preparing.state().is_over(), "{mishap:?}");
        house.first.stand_in.given_mishap(None);
        let told = told(&preparing).await;
        assert!(matches!(told.last(), Some(PreparingState::Ready)), "{mishap:?}: {told:?}");
        assert_plays(&engine, &viewer, preparing.id()).await;
        engine.playbacks().close().await;
    }
}

/// A service that fetches nothing before its file was chosen, which it knows some time after it was given the torrent; and whose account can
/// be made to fail.
#[derive(Debug)]
struct Depot {
    id: ProviderId,
    link: Url,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    is_there: bool,
    looked_count: u32,
    asked_count: u32,
    selected: Vec<String>,
    fails: Option<ErrorKind>,
}

impl Depot {
    fn viewer(link: Url) -> (Arc<Self>, Viewer) {
        let depot = Arc::new(Self { id: ProviderId::new("depot"), link, held: Mutex::default() });
        let shelf = Shelf::new(film().len() as u64);
        let debrid: Vec<Arc<dyn DebridService>> = vec![depot.clone()];
        let providers =
            ProviderSet { metadata: vec![shelf.clone()], indexers: vec![shelf], debrid, ..ProviderSet::default() };
        (depot, Viewer::new("mia", Arc::new(providers)))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }
}

#[async_trait]
impl DebridService for Depot {
    fn id(&self) -> &ProviderId {
        &self.id
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_selection()
    }
    async fn account(&self, _: &Call) -> Result<Account> {
        Err(Error::new(ErrorKind::Unsupported, "read account"))
    }
    async fn check_cached(&self, _: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>> {
        Ok(vec![Cached::Unknown; hashes.len()])
    }
    async fn add(&self, _: &Call, _: &TorrentLink) -> Result<Added> {
        let was_known = std::mem::replace(&mut self.held().is_there, true);
        Ok(Added { torrent: TorrentId("a".to_owned()), was_known, is_ready: false })
    }
    async fn status(&self, _: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        assert_eq!(torrents.len(), 1);
        let mut held = self.held();
        held.asked_count += 1;
        if let Some(kind) = held.fails {
            return Err(Error::new(kind, "read torrents").at("depot").advise("renew the plan"));
        }
        let is_ready = !held.selected.is_empty() && held.asked_count > 5;
        let preparing = TorrentState::Preparing { progress: Some(0.5), speed_bytes_per_s: None };
        Ok(vec![if is_ready { TorrentState::Ready } else { preparing }])
    }
    async fn files(&self, _: &Call, _: &TorrentId) -> Result<Vec<RemoteFile>> {
        let mut held = self.held();
        held.looked_count += 1;
        if held.looked_count < 3 {
            return Err(Error::new(ErrorKind::NotCached, "list files"));
        }
        let file = |path: &str, size_bytes| RemoteFile {
            entry: FileEntry { path: path.to_owned(), size_bytes },
            handle: Secret::new(path),
        };
        Ok(vec![file("readme.txt", 1), file(&format!("{RELEASE}.mkv"), film().len() as u64)])
    }
    async fn select(&self, _: &Call, _: &TorrentId, files: &[RemoteFile]) -> Result<()> {
        self.held().selected = files.iter().map(|file| file.entry.path.clone()).collect();
        Ok(())
    }
    async fn unlock(&self, _: &Call, _: &RemoteFile) -> Result<Link> {
        Ok(Link { url: self.link.clone(), expires_at: None, headers: Vec::new(), size_bytes: None, file_name: None })
    }
    async fn remove(&self, _: &Call, _: &TorrentId) -> Result<()> {
        self.held().is_there = false;
        Ok(())
    }
}

/// Goal: where the file has to be chosen it is, as soon as the service knows the files; an account that does not work any more is told, after
/// a few tries.
#[tokio::test]
async fn a_file_is_chosen_and_a_dead_account_is_told() {
    let house = House::new().await;
    let engine = house.engine().await;
    let link = house.host.url(&format!("/{RELEASE}.mkv"));
    let (depot, viewer) = Depot::viewer(link.clone());
    let preparing = prepare(&engine, &viewer, ONE).await;
    let told = told(&preparing).await;
    assert!(matches!(told.last(), Some(PreparingState::Ready)), "{told:?}");
    assert_eq!(depot.held().selected, [format!("{RELEASE}.mkv")]);
    assert_plays(&engine, &viewer, preparing.id()).await;

    for (kind, fails) in
        [(ErrorKind::AccountLimit, true), (ErrorKind::Unauthorized, true), (ErrorKind::Unavailable, false)]
    {
        let (depot, viewer) = Depot::viewer(link.clone());
        let preparing = prepare(&engine, &viewer, 2).await;
        depot.held().fails = Some(kind);
        if fails {
            let error = failure(&preparing).await;
            assert_eq!((error.kind(), error.advice()), (kind, Some("renew the plan")));
            wait_until(|| !depot.held().is_there).await;
        } else {
            tokio::time::sleep(Duration::from_millis(700)).await;
            assert!(!preparing.state().is_over());
        }
    }
    engine.playbacks().close().await;
}

/// Goal: a program that is stopped in the middle, without a word, goes on where it was when it starts again, and the film plays under the id
/// that its viewer knows. Method: the first program has a runtime of its own, which is dropped with all that runs.
#[test]
fn a_program_that_starts_again_goes_on() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for has in [Has::First, Has::Second] {
        let (outside, first) = (runtime(), runtime());
        let house = outside.block_on(House::with(torrent(ONE).ready_after(40)));
        let id = first.block_on(async {
            let (engine, viewer) = (house.engine().await, house.viewer(has));
            let preparing = prepare(&engine, &viewer, ONE).await;
            until_fetching(&preparing, 0.01).await;
            preparing.id().to_owned()
        });
        first.shutdown_background();
        outside.block_on(async {
            house.first.stand_in.given_torrent(torrent(ONE).ready_after(3));
            house.second.stand_in.given_torrent(torrent(ONE).ready_after(3));
            let engine = house.engine().await;
            let viewer = house.viewer(has);
            assert!(engine.playbacks().preparing(&viewer, &id).await.is_err());
            assert_eq!(engine.playbacks().resume(|owner| (owner == "mia").then(|| viewer.clone())).await.unwrap(), 1);
            let preparing = engine.playbacks().preparing(&viewer, &id).await.unwrap();
            let told = told(&preparing).await;
            assert!(matches!(told.last(), Some(PreparingState::Ready)), "{has:?}: {told:?}");
            assert_plays(&engine, &viewer, &id).await;
            assert_eq!(house.held(has), [hash(ONE)]);
            engine.playbacks().close().await;
        });
    }
}

/// Goal: Real-Debrid fetches nothing before the files are chosen, which can be long after a magnet was added; a program that starts again in
/// between chooses them all the same.
#[test]
fn files_are_chosen_after_a_restart() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (outside, first) = (runtime(), runtime());
    let house = outside.block_on(House::with(torrent(ONE).ready_after(2)));
    let id = first.block_on(async {
        let (engine, viewer) = (house.engine().await, house.viewer(Has::Second));
        // Those that only look whether it is there take it away again; the one that stays is not known for long.
        house.second.stand_in.given_late_metadata(12);
        prepare(&engine, &viewer, ONE).await.id().to_owned()
    });
    first.shutdown_background();
    assert_eq!(house.second.stand_in.selected_files(), [[0; 0]], "nothing is chosen yet");
    outside.block_on(async {
        let (engine, viewer) = (house.engine().await, house.viewer(Has::Second));
        assert_eq!(engine.playbacks().resume(|_| Some(viewer.clone())).await.unwrap(), 1);
        let told = told(&engine.playbacks().preparing(&viewer, &id).await.unwrap()).await;
        assert!(matches!(told.last(), Some(PreparingState::Ready)), "{told:?}");
        assert_eq!(house.second.stand_in.selected_files(), [[1]]);
        assert_plays(&engine, &viewer, &id).await;
        engine.playbacks().close().await;
    });
}

fn record(number: u8, torrent: Option<&str>) -> PreparingRecord {
    PreparingRecord {
        id: format!("{number:032x}"),
        owner: "mia".to_owned(),
        media_id: media_id(number),
        name: RELEASE.to_owned(),
        release: hash(number).to_string(),
        service: ProviderId::new("alldebrid"),
        info_hash: hash(number),
        torrent: torrent.map(str::to_owned),
        was_known: true,
        is_ending: false,
        device: serde_json::to_string(&DeviceProfile::any()).unwrap(),
        start_ms: None,
        created_at_ms: now_ms(),
    }
}

/// Goal: a program that was stopped between its word and the service's answer asks again, and removes only what was surely not the user's.
#[tokio::test]
async fn an_intent_without_an_answer_is_asked_for_again() {
    for is_there in [false, true] {
        let house = House::with(torrent(ONE).ready_after(NEVER)).await;
        if is_there {
            // By the user, or by us in the last moment: nobody can tell.
            house.first.stand_in.given_in_account(hash(ONE));
        }
        house.records().await.add_preparing(&record(ONE, None)).await.unwrap();
        let (engine, viewer) = (house.engine().await, house.viewer(Has::First));
        assert_eq!(engine.playbacks().resume(|_| Some(viewer.clone())).await.unwrap(), 1);
        let preparing = engine.playbacks().preparing(&viewer, &record(ONE, None).id).await.unwrap();
        until_fetching(&preparing, 0.0).await;
        let kept = house.records().await.preparings().await.unwrap();
        assert_eq!((kept[0].torrent.is_some(), kept[0].was_known), (true, is_there));
        engine.playbacks().end(&viewer, preparing.id()).await.unwrap();
        engine.playbacks().close().await;
        assert_eq!(house.held(Has::First), vec![hash(ONE); usize::from(is_there)]);
    }
}

/// Goal: what could not be taken away when it was given up is taken away by the program that starts next; what nobody is left for is left.
#[tokio::test]
async fn what_was_given_up_is_taken_away_after_a_restart() {
    let house = House::with(torrent(ONE).ready_after(NEVER)).await;
    let (engine, viewer) = (house.engine().await, house.viewer(Has::First));
    let preparing = prepare(&engine, &viewer, ONE).await;
    house.first.stand_in.given_maintenance(true);
    engine.playbacks().end(&viewer, preparing.id()).await.unwrap();
    engine.playbacks().close().await;
    house.first.stand_in.given_maintenance(false);
    assert_eq!(house.held(Has::First), [hash(ONE)]);
    let engine = house.engine().await;
    assert_eq!(engine.playbacks().resume(|_| Some(viewer.clone())).await.unwrap(), 0);
    engine.playbacks().close().await;
    assert_eq!(house.held(Has::First), []);
    assert_eq!(house.records().await.preparings().await.unwrap(), []);

    house.first.stand_in.given_in_account(hash(ONE));
    let ours = PreparingRecord { was_known: false, ..record(ONE, Some("100002")) };
    house.records().await.add_preparing(&ours).await.unwrap();
    let engine = house.engine().await;
    assert_eq!(engine.playbacks().resume(|_| None).await.unwrap(), 0);
    engine.playbacks().close().await;
    assert_eq!(house.held(Has::First), [hash(ONE)]);
    assert_eq!(house.records().await.preparings().await.unwrap(), []);
}

/// Goal: however many are fetched, a service is asked about all of them at once.
#[tokio::test]
async fn a_hundred_cost_one_question_at_a_time() {
    let house = House::new().await;
    let records = house.records().await;
    for number in 1..=100 {
        house.first.stand_in.given_torrent(torrent(number).ready_after(NEVER));
        house.first.stand_in.given_in_account(hash(number));
        records.add_preparing(&record(number, Some(&format!("{}", 100_000 + u32::from(number))))).await.unwrap();
    }
    let (engine, viewer) = (
        house.engine_with(PreparingConfig { poll_interval: Duration::from_millis(500), ..config() }).await,
        house.viewer(Has::First),
    );
    assert_eq!(engine.playbacks().resume(|_| Some(viewer.clone())).await.unwrap(), 100);
    let all = engine.playbacks().preparings(&viewer);
    let count_of = |wanted: fn(&PreparingState) -> bool| all.iter().filter(|one| wanted(&one.state())).count();
    let is_seen = |state: &PreparingState| matches!(state, PreparingState::Fetching { progress: Some(_), .. });
    wait_until(|| count_of(is_seen) == 100).await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let asked = house.first.requests().await;
    assert!((2..=5).contains(&asked.len()), "{asked:?}");
    assert!(asked.iter().all(|path| path.starts_with("/v4.1/magnet/status")), "{asked:?}");

    // One that is given up ends nobody else's.
    let given_up = all.iter().find(|one| *one.media_id() == media_id(7)).unwrap();
    engine.playbacks().end(&viewer, given_up.id()).await.unwrap();
    assert_eq!(count_of(PreparingState::is_over), 1);
    engine.playbacks().close().await;
    assert_eq!(house.held(Has::First).len(), 100, "all of them were the user's");
}

/// Goal: nobody has more fetched than he may, and all together no more than the process may; room that becomes free is used again.
#[tokio::test]
async fn there_is_a_limit() {
    let house = House::new().await;
    (1..=4).for_each(|number| house.first.stand_in.given_torrent(torrent(number).ready_after(NEVER)));
    let engine = house.engine_with(PreparingConfig { max_per_viewer: 2, max_count: 3, ..config() }).await;
    let mia = house.viewer(Has::First);
    let leo = Viewer::new("leo", Arc::clone(&mia.providers));
    let first = prepare(&engine, &mia, 1).await;
    prepare(&engine, &mia, 2).await;
    let refused = async |viewer: &Viewer, number| {
        let error = engine.start_or_prepare(&call(), viewer, &wish(number)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.advice().is_some());
    };
    refused(&mia, 3).await;
    prepare(&engine, &leo, 3).await;
    refused(&leo, 4).await;
    wait_until(|| house.held(Has::First).len() == 3).await;
    engine.playbacks().end(&mia, first.id()).await.unwrap();
    drop(first);
    wait_until(|| !house.held(Has::First).contains(&hash(1))).await;
    prepare(&engine, &leo, 4).await;
    engine.playbacks().close().await;
    assert!(house.status_count().await > 0);
}
