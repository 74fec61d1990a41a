//! The fault table: what goes wrong outside, and what the caller of the engine sees of it. Each test prints its rows (`--nocapture`).
//!
//! A minute of 500s, 502s, 503s and 429s under fifty users stands in `net/health.rs`, over simulated time; what each vendor makes of its own
//! errors stands in the suites under `tests/debrid`, `tests/indexer.rs` and `tests/metadata.rs`.
#![cfg(all(feature = "http", feature = "sqlite"))]

#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod one_film;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod scenes;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
#[path = "cases/workshop.rs"]
mod workshop;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use one_film::{IMDB_NUMBER, LinkHost, ONE, RELEASE, Shelf, client, hash, long_film, media_id, wait_until};
use prostream_core::model::{ByteRange, InfoHash, ProviderId};
use prostream_core::net::{Call, HttpClient, Secret};
use prostream_core::playback::{
    Playback, PlaybackConfig, PlaybackEvent, PlaybackSource, PreparingConfig, PreparingState, StartPlayback, Started,
};
use prostream_core::provider::debrid::DebridConfig;
use prostream_core::provider::indexer::Indexer;
use prostream_core::provider::indexer::prowlarr::{Prowlarr, ProwlarrConfig};
use prostream_core::provider::metadata::MetadataProvider;
use prostream_core::resolve::{ProviderSet, ResolveConfig, Viewer};
use prostream_core::source::BlockCacheConfig;
use prostream_core::testing::stand_in::{
    AllDebridStandIn, FilmHost, Mishap, OtherTypes, ProwlarrStandIn, RealDebridStandIn, StandInRelease, StandInTorrent,
    StandInUnlock,
};
use prostream_core::{Error, ErrorKind, ProStream, Result};
use scenes::Mounted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

const KEY: &str = "a-key-of-the-stand-ins";
const TORRENT: InfoHash = hash(ONE);
const OTHER_TORRENT: InfoHash = hash(2);
const OTHER_RELEASE: &str = "The.Long.Walk.2019.720p.WEB-DL.H.264-OTHER";
/// An indexer and two services of different vendors that have its release. Whoever uses them has one client.
struct Outside {
    indexer: Mounted<ProwlarrStandIn>,
    first: Mounted<AllDebridStandIn>,
    second: Mounted<RealDebridStandIn>,
    http: HttpClient,
    allow: Vec<Url>,
}

/// What the viewer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    First,
    Second,
    Both,
}

impl Outside {
    async fn new() -> Self {
        Self::with(torrent(), Duration::ZERO).await
    }

    /// With this torrent at both services, the first of which thinks about each answer for a while.
    async fn with(torrent: StandInTorrent, delay: Duration) -> Self {
        let media: Url = "http://media.example/films/".parse().unwrap();
        let first = AllDebridStandIn::new(KEY, media.clone()).with_torrent(torrent.clone());
        first.given_rate_limit(false);
        let second = RealDebridStandIn::new(KEY, media).with_torrent(torrent);
        second.given_rate_limit(false);
        let release = StandInRelease { imdb_number: IMDB_NUMBER, ..StandInRelease::movie(RELEASE, TORRENT, 2 << 30) };
        let indexer = Mounted::new(ProwlarrStandIn::new(KEY).with_release(release)).await;
        let (first, second) = (Mounted::slow(first, delay).await, Mounted::new(second).await);
        let allow = vec![indexer.url("/"), first.url("/"), second.url("/")];
        Self { http: client(&allow), allow, indexer, first, second }
    }

    fn given_mishap(&self, mishap: Mishap) {
        self.first.stand_in.given_mishap(Some(mishap));
        self.second.stand_in.given_mishap(Some(mishap));
    }

    fn indexer(&self) -> Arc<dyn Indexer> {
        let config =
            ProwlarrConfig { id: ProviderId::new("prowlarr"), url: self.indexer.url("/"), key: Secret::new(KEY) };
        Arc::new(Prowlarr::new(config, self.http.clone()).unwrap())
    }

    fn viewer(&self, has: Has, key: &str) -> Viewer {
        let account = |vendor: &str, url: Url| {
            DebridConfig::new(vendor, ProviderId::new(vendor), Secret::new(key), Some(url)).unwrap().build(&self.http)
        };
        let first = account("alldebrid", self.first.url("/")).unwrap();
        let second = account("real_debrid", self.second.url("/")).unwrap();
        let debrid = match has {
            Has::First => vec![first],
            Has::Second => vec![second],
            Has::Both => vec![first, second],
        };
        let metadata: Vec<Arc<dyn MetadataProvider>> = vec![Shelf::new(2 << 30)];
        Viewer::new(
            format!("mia with {key}"),
            Arc::new(ProviderSet { metadata, indexers: vec![self.indexer()], debrid, ..ProviderSet::default() }),
        )
    }

    /// What a viewer sees who presses play in a program that has just begun.
    async fn play(&self, has: Has) -> Seen {
        // Everything answers at once, but 40 MB are made by a busy machine.
        let engine = engine_within(Duration::from_secs(15));
        let viewer = self.viewer(has, KEY);
        let seen = Seen::of(engine.resolve(&call(), &viewer, &media_id(ONE), None).await.map(|_| ()));
        engine.playbacks().close().await;
        seen
    }
}

fn torrent() -> StandInTorrent {
    StandInTorrent::new(TORRENT, RELEASE).with_file(format!("{RELEASE}/{RELEASE}.mkv"), 2 << 30)
}

/// One that waits for no answer for long.
fn engine() -> ProStream {
    engine_within(Duration::from_secs(3))
}

/// One that waits so long for what an indexer or a candidate has to say.
fn engine_within(deadline: Duration) -> ProStream {
    let config = ResolveConfig {
        indexer_deadline: deadline,
        candidate_deadline: deadline,
        head_start: Duration::from_millis(200),
        ..ResolveConfig::default()
    };
    ProStream::builder().resolve(config).build().unwrap()
}

fn call() -> Call {
    Call::within(Duration::from_secs(20))
}

/// Whatever advice there is.
const ANY: &str = "?";

/// What a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    kind: Option<ErrorKind>,
    retry_after_s: Option<u64>,
    advice: Option<String>,
}

impl Seen {
    fn of(answer: Result<()>) -> Self {
        let error = answer.err();
        Self {
            kind: error.as_ref().map(prostream_core::Error::kind),
            retry_after_s: error.as_ref().and_then(|error| error.retry_after()).map(|wait| wait.as_secs()),
            advice: error.as_ref().and_then(|error| error.advice()).map(str::to_owned),
        }
    }

    /// Prints the row of the table and checks it: nothing for "plays on", else kind, wait and a part of the advice.
    fn assert(self, fault: &str, kind: Option<ErrorKind>, retry_after_s: Option<u64>, advice: &str) {
        let what = self.kind.map_or("plays on", ErrorKind::code);
        let wait = self.retry_after_s.map_or_else(String::new, |wait| format!("{wait} s"));
        println!("{fault} | {what} | {wait} | {}", self.advice.as_deref().unwrap_or_default());
        assert_eq!((self.kind, self.retry_after_s), (kind, retry_after_s), "{fault}: {self:?}");
        match advice {
            ANY => {}
            "" => assert_eq!(self.advice, None, "{fault}"),
            part => assert!(self.advice.as_deref().is_some_and(|advice| advice.contains(part)), "{fault}: {self:?}"),
        }
    }
}

/// What befalls every answer of a service, and what is seen of it: fault, mishap, kind, wait.
fn mishaps() -> Vec<(&'static str, Mishap, ErrorKind, Option<u64>)> {
    let limited = |retry_after_s| Mishap::RateLimited { retry_after_s };
    vec![
        ("429 with Retry-After", limited(Some(120)), ErrorKind::RateLimited, Some(120)),
        ("429 without Retry-After", limited(None), ErrorKind::RateLimited, None),
        ("500", Mishap::Broken, ErrorKind::Unavailable, None),
        ("HTML instead of JSON", Mishap::WebPage { status: 200 }, ErrorKind::Unavailable, None),
        ("truncated JSON", Mishap::Truncated, ErrorKind::Malformed, None),
        ("wrong types", Mishap::WrongTypes, ErrorKind::Malformed, None),
        ("40 MB", Mishap::Huge, ErrorKind::LimitExceeded, None),
    ]
}

/// Goal: whatever one service does, its user is told what it was; who has another plays on.
#[tokio::test]
async fn a_service_that_misbehaves() {
    for (fault, mishap, kind, retry_after_s) in mishaps() {
        for has in [Has::First, Has::Second] {
            let outside = Outside::new().await;
            outside.given_mishap(mishap);
            // What they are given where they do not say how long.
            let silent = if has == Has::First { 15 } else { 60 };
            let retry_after_s = retry_after_s.or((kind == ErrorKind::RateLimited).then_some(silent));
            outside.play(has).await.assert(&format!("service ({has:?}): {fault}"), Some(kind), retry_after_s, ANY);
        }
        let outside = Outside::new().await;
        outside.first.stand_in.given_mishap(Some(mishap));
        outside.play(Has::Both).await.assert(&format!("first of two services: {fault}"), None, None, "");
        assert_eq!(outside.second.stand_in.account_torrents(), [TORRENT]);
    }
}

/// Goal: values of other types throughout are told as an answer that cannot be read, or has nothing to play; never a panic, never a wrong film.
#[tokio::test]
async fn values_of_other_types() {
    for types in OtherTypes::ALL {
        let mishap = Mishap::OtherTypes(types);
        let mut rows = Vec::new();
        for has in [Has::First, Has::Second] {
            let outside = Outside::new().await;
            outside.given_mishap(mishap);
            rows.push((format!("service ({has:?}): {types:?}"), outside.play(has).await));
        }
        let outside = Outside::new().await;
        outside.indexer.stand_in.given_mishap(Some(mishap));
        rows.push((format!("indexer: {types:?}"), outside.play(Has::First).await));
        for (fault, seen) in rows {
            let kind = seen.kind.unwrap_or_else(|| panic!("{fault}: it plays"));
            assert!(
                matches!(kind, ErrorKind::Malformed | ErrorKind::NotFound | ErrorKind::NotCached),
                "{fault}: {seen:?}"
            );
            seen.assert(&fault, Some(kind), None, ANY);
        }
        let outside = Outside::new().await;
        outside.first.stand_in.given_mishap(Some(mishap));
        outside.play(Has::Both).await.assert(&format!("first of two services: {types:?}"), None, None, "");
    }
}

/// Goal: the same of an indexer.
#[tokio::test]
async fn an_indexer_that_misbehaves() {
    // What it lists is a bare list, which that mishap leaves as it is.
    for (fault, mishap, kind, retry_after_s) in mishaps().into_iter().filter(|row| row.1 != Mishap::WrongTypes) {
        let outside = Outside::new().await;
        outside.indexer.stand_in.given_mishap(Some(mishap));
        outside.play(Has::First).await.assert(&format!("indexer: {fault}"), Some(kind), retry_after_s, ANY);
    }
}

/// Goal: of two indexers one may fail: what the other lists is played.
#[tokio::test]
async fn another_indexer_goes_on() {
    let (outside, broken) = (Outside::new().await, Outside::new().await);
    broken.indexer.stand_in.given_mishap(Some(Mishap::Broken));
    let mut viewer = outside.viewer(Has::First, KEY);
    let mut providers = ProviderSet::clone(&viewer.providers);
    providers.indexers.insert(0, broken.indexer());
    viewer.providers = Arc::new(providers);
    let engine = engine();
    let played = engine.resolve(&call(), &viewer, &media_id(ONE), None).await.map(|_| ());
    Seen::of(played).assert("first of two indexers: 500", None, None, "");
    assert!(engine.find_releases(&call(), &viewer, &media_id(ONE)).await.unwrap().is_partial, "and the viewer is told");
}

/// Goal: what is wrong with an account is named with what to do; the wrong key of one user is nobody else's trouble, though they share the
/// client and the host, and however often he tries.
#[tokio::test]
async fn accounts_that_do_not_work() {
    let outside = Outside::new().await;
    outside.first.stand_in.given_refused_address(true);
    outside.play(Has::First).await.assert("refused address", Some(ErrorKind::AddressRefused), None, "address");
    outside.play(Has::Both).await.assert("first of two services: refused address", None, None, "");

    let outside = Outside::new().await;
    outside.first.stand_in.given_premium(false);
    outside.play(Has::First).await.assert("expired account", Some(ErrorKind::AccountLimit), None, "plan");
    outside.play(Has::Both).await.assert("first of two services: expired account", None, None, "");

    for has in [Has::First, Has::Second] {
        let outside = Outside::new().await;
        let (engine, wrong, right) = (engine(), outside.viewer(has, "wr0ng"), outside.viewer(has, KEY));
        for _ in 0..15 {
            let error = engine.resolve(&call(), &wrong, &media_id(ONE), None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
        }
        let seen = Seen::of(engine.resolve(&call(), &wrong, &media_id(ONE), None).await.map(|_| ()));
        seen.assert("wrong key, the sixteenth time", Some(ErrorKind::Unauthorized), None, "key");
        let seen = Seen::of(engine.resolve(&call(), &right, &media_id(ONE), None).await.map(|_| ()));
        seen.assert("another user's wrong key", None, None, "");
    }
}

/// Goal: what a service refuses is not asked for again: the second try says so without a request.
#[tokio::test]
async fn blocked_content_is_remembered() {
    let outside = Outside::with(torrent().unlocking(StandInUnlock::Blocked), Duration::ZERO).await;
    let (engine, viewer) = (engine(), outside.viewer(Has::First, KEY));
    let seen = Seen::of(engine.resolve(&call(), &viewer, &media_id(ONE), None).await.map(|_| ()));
    seen.assert("blocked content", Some(ErrorKind::Refused), None, "another release");
    wait_until(|| outside.first.stand_in.account_torrents().is_empty()).await;
    let asked = outside.first.requests().await.len();
    let error = engine.resolve(&call(), &viewer, &media_id(ONE), None).await.unwrap_err();
    assert!(error.to_string().contains("has refused it before"), "{error}");
    Seen::of(Err(error)).assert("blocked content, the second time", Some(ErrorKind::Refused), None, "another release");
    assert_eq!(outside.first.requests().await.len(), asked, "the service is asked nothing");
}

/// Goal: a torrent that never finishes is said to be none that can be played now; what we added is taken away, what the user had stays.
#[tokio::test]
async fn a_torrent_that_never_finishes() {
    for was_users in [false, true] {
        let outside = Outside::with(torrent().ready_after(1_000_000), Duration::ZERO).await;
        if was_users {
            outside.first.stand_in.given_in_account(TORRENT);
        }
        let seen = outside.play(Has::First).await;
        seen.assert("torrent that never finishes", Some(ErrorKind::NotCached), None, "release");
        let expected: &[InfoHash] = if was_users { &[TORRENT] } else { &[] };
        wait_until(|| outside.first.stand_in.account_torrents() == expected).await;
        assert!(outside.first.requests().await.len() <= 8, "it is not asked again and again");

        // Who wishes it fetched is told when it takes too long, however it goes on.
        let preparing = PreparingConfig {
            poll_interval: Duration::from_millis(50),
            give_up_after: Duration::from_secs(1),
            ..PreparingConfig::default()
        };
        let playback = PlaybackConfig { preparing, ..PlaybackConfig::default() };
        let engine = ProStream::builder().playback(playback).build().unwrap();
        let mut wish = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
        wish.prepares = true;
        let viewer = outside.viewer(Has::First, KEY);
        let Started::Preparing(preparing) = engine.start_or_prepare(&call(), &viewer, &wish).await.unwrap() else {
            panic!("it plays")
        };
        let mut states = Box::pin(preparing.changes());
        let error = loop {
            match states.next().await {
                Some(PreparingState::Fetching { .. }) => {}
                Some(PreparingState::Failed(error)) => break error,
                other => panic!("{other:?}"),
            }
        };
        let again = Error::new(error.kind(), error.operation()).advise(error.advice().unwrap_or_default().to_owned());
        let fault = "torrent that never finishes, fetched";
        Seen::of(Err(again)).assert(fault, Some(ErrorKind::TimedOut), None, "another release");
        engine.playbacks().close().await;
        assert_eq!(outside.first.stand_in.account_torrents(), expected);
    }
}

/// Goal: whoever presses play on what no service has is told so, also while it is made ready ahead because he looks at its page, and nothing
/// is left behind. What had been added to look at it was taken away under him, and he heard that it is no longer at the service.
#[tokio::test]
async fn looking_at_once_takes_nothing_from_another() {
    for has in [Has::First, Has::Second] {
        let outside = Outside::with(torrent().ready_after(1_000_000), Duration::from_millis(20)).await;
        for step in 0..8 {
            let (engine, viewer) = (engine_within(Duration::from_secs(15)), outside.viewer(has, KEY));
            engine.prepare(&viewer, &media_id(ONE));
            tokio::time::sleep(Duration::from_millis(15) * step).await;
            let error = engine.resolve(&call(), &viewer, &media_id(ONE), None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotCached, "{has:?}, step {step}: {error:?}");
            engine.playbacks().close().await;
        }
        wait_until(|| outside.first.stand_in.account_torrents().is_empty()).await;
        wait_until(|| outside.second.stand_in.account_torrents().is_empty()).await;
    }
}

/// Goal: a service that hangs costs the head start, and leaves nothing behind: what it adds after it has lost is taken away, unless it was the
/// user's. Method: the first service thinks for two seconds about each answer, so that adding takes longer than a candidate may; the second
/// has the film at once.
#[tokio::test]
async fn a_first_service_that_hangs_costs_the_head_start() {
    const THINKING: Duration = Duration::from_secs(2);
    for was_users in [false, true] {
        let outside = Outside::with(torrent(), THINKING).await;
        if was_users {
            outside.first.stand_in.given_in_account(TORRENT);
        }
        let (engine, viewer) = (engine(), outside.viewer(Has::Both, KEY));
        let began = Instant::now();
        let played = engine.resolve(&call(), &viewer, &media_id(ONE), None).await;
        // It had not even said what it did with the torrent.
        assert!(began.elapsed() < 2 * THINKING, "{:?}", began.elapsed());
        assert_eq!(played.as_ref().unwrap().playable.provider, ProviderId::new("real_debrid"));
        Seen::of(played.map(|_| ())).assert("first of two services hangs", None, None, "");
        engine.playbacks().close().await;
        let expected: &[InfoHash] = if was_users { &[TORRENT] } else { &[] };
        wait_until(|| outside.first.stand_in.account_torrents() == expected).await;
        let asked = outside.first.requests().await;
        assert!(asked.iter().any(|path| path.contains("magnet/upload")), "it was tried: {asked:?}");
        assert_eq!(asked.iter().any(|path| path.contains("magnet/delete")), !was_users, "{asked:?}");
        assert_eq!(outside.second.stand_in.account_torrents(), [TORRENT], "what is played stays");
    }
}

/// Answers every request with a byte of an endless body now and then.
async fn trickle() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
                // A client takes no answer to what it has not asked.
                let mut asked = [0; 4096];
                let _ = connection.read(&mut asked).await;
                let mut sent = connection.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    sent = connection.write_all(b" ").await;
                }
            });
        }
    });
    url
}

/// Goal: a body that comes a byte now and then is never silent, and still holds nobody beyond his time.
#[tokio::test]
async fn a_body_that_trickles() {
    let mut outside = Outside::new().await;
    let (slow, slow_indexer) = (trickle().await, trickle().await);
    outside.allow.extend([slow.clone(), slow_indexer.clone()]);
    outside.http = client(&outside.allow);
    let account = DebridConfig::new("torbox", ProviderId::new("torbox"), Secret::new(KEY), Some(slow)).unwrap();
    let service = account.build(&outside.http).unwrap();
    let config = ProwlarrConfig { id: ProviderId::new("slow"), url: slow_indexer, key: Secret::new(KEY) };
    let indexer: Arc<dyn Indexer> = Arc::new(Prowlarr::new(config, outside.http.clone()).unwrap());

    let mut viewer = outside.viewer(Has::First, KEY);
    let good = ProviderSet::clone(&viewer.providers);
    let mut set = |indexers: Vec<Arc<dyn Indexer>>, debrid| {
        viewer.id.push('+');
        viewer.providers =
            Arc::new(ProviderSet { metadata: good.metadata.clone(), indexers, debrid, ..ProviderSet::default() });
        viewer.clone()
    };
    let engine = engine();
    let both = vec![Arc::clone(&service), Arc::clone(&good.debrid[0])];
    for (fault, viewer, kind) in [
        ("service: slow body", set(good.indexers.clone(), vec![service]), Some(ErrorKind::TimedOut)),
        ("first of two services: slow body", set(good.indexers.clone(), both), None),
        ("indexer: slow body", set(vec![Arc::clone(&indexer)], good.debrid.clone()), Some(ErrorKind::TimedOut)),
        ("first of two indexers: slow body", set(vec![indexer, good.indexers[0].clone()], good.debrid.clone()), None),
    ] {
        let (call, media_id) = (call(), media_id(ONE));
        let playing = engine.resolve(&call, &viewer, &media_id, None);
        let played = tokio::time::timeout(Duration::from_secs(15), playing).await;
        let played = played.expect("the deadline of the candidate or the indexer holds").map(|_| ());
        let told = format!("{played:?}");
        let seen = Seen::of(played);
        assert_eq!((seen.kind, seen.retry_after_s), (kind, None), "{fault}: {told}");
        println!("{fault} | {} | | {}", kind.map_or("plays on", ErrorKind::code), seen.advice.unwrap_or_default());
    }
}

fn film() -> &'static Bytes {
    static FILM: OnceLock<Bytes> = OnceLock::new();
    FILM.get_or_init(|| long_film(1))
}

/// The host with the film under the names of all these torrents, and the two services that have them.
async fn staged(at_first: Vec<StandInTorrent>, at_second: Vec<StandInTorrent>) -> (Mounted<LinkHost>, Outside) {
    let names = [RELEASE, OTHER_RELEASE].map(|name| format!("/{name}.mkv"));
    let films = names.iter().fold(FilmHost::new(), |host, path| host.with_file(path, film().clone()));
    let host = Mounted::new(LinkHost::new(films)).await;
    let mut outside = Outside::new().await;
    let first = AllDebridStandIn::new(KEY, host.url("/"));
    let first = at_first.into_iter().fold(first, AllDebridStandIn::with_torrent);
    let second = RealDebridStandIn::new(KEY, host.url("/"));
    let second = at_second.into_iter().fold(second, RealDebridStandIn::with_torrent);
    first.given_rate_limit(false);
    second.given_rate_limit(false);
    // The links of the two differ.
    (0..1_000).for_each(|_| second.expire_links());
    (outside.first, outside.second) = (Mounted::new(first).await, Mounted::new(second).await);
    let (first, second) = (Arc::clone(&outside.first.stand_in), Arc::clone(&outside.second.stand_in));
    host.stand_in.given_live_links(move |query| first.is_live_link(query) || second.is_live_link(query));
    outside.allow.extend([host.url("/"), outside.first.url("/"), outside.second.url("/")]);
    outside.http = client(&outside.allow);
    (host, outside)
}

/// Goal: a link that ends again and again, and a service that dies in the middle, cost the viewer nothing: every byte is right. Method: all
/// links end every 300 ms while the film is read from its end to its beginning, so that reading ahead helps nobody; at half of it the first
/// service goes into maintenance.
#[tokio::test]
async fn a_film_plays_through_whatever_its_links_do() {
    const PART: u64 = 128 << 10;
    let size_bytes = film().len() as u64;
    let torrent = StandInTorrent::new(TORRENT, RELEASE).with_file(format!("{RELEASE}.mkv"), size_bytes);
    let (host, outside) = staged(vec![torrent.clone()], vec![torrent]).await;
    let (engine, viewer) =
        (ProStream::builder().http(outside.http.clone()).build().unwrap(), outside.viewer(Has::Both, KEY));
    let request = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
    let playback = engine.start_playback(&call(), &viewer, &request).await.unwrap();

    let mut last_expired = Instant::now();
    let (mut renewals, mut is_dead) = (0, false);
    let mut end = playback.source().size_bytes();
    while end > 0 {
        let start = end.saturating_sub(PART);
        if last_expired.elapsed() > Duration::from_millis(300) {
            outside.first.stand_in.expire_links();
            outside.second.stand_in.expire_links();
            last_expired = Instant::now();
            renewals += 1;
        }
        if !is_dead && start < size_bytes / 2 {
            outside.first.stand_in.given_maintenance(true);
            outside.first.stand_in.expire_links();
            is_dead = true;
        }
        let bytes = playback.source().read_at(ByteRange::new(start, end)).await.unwrap().into_bytes();
        assert!(bytes == film().slice(start as usize..end as usize), "at {start}");
        tokio::time::sleep(Duration::from_millis(60)).await;
        end = start;
    }
    assert!(renewals >= 3 && is_dead, "{renewals}");
    assert!(host.stand_in.refused_count() >= 3, "old links were tried");
    let asked = outside.second.requests().await;
    assert!(asked.iter().any(|path| path.contains("unrestrict/link")), "the second went on: {asked:?}");
    Seen::of(Ok(())).assert("link ends every 300 ms, service dies mid-film", None, None, "");
}

/// Goal: a service that dies in the middle of a film which nobody else has costs the viewer that release, not the film: another one is open,
/// at the segment that was asked for in vain, the same for all who listen; when that dies too, the reason is told with advice.
/// Method: the first service has one torrent, the second the other; both hold the same pictures, so that the right segment can be told.
#[tokio::test]
async fn another_release_goes_on_when_a_service_dies_that_alone_had_it() {
    let size_bytes = film().len() as u64;
    let torrent = |hash, name: &str| StandInTorrent::new(hash, name).with_file(format!("{name}.mkv"), size_bytes);
    let (_host, mut outside) =
        staged(vec![torrent(TORRENT, RELEASE)], vec![torrent(OTHER_TORRENT, OTHER_RELEASE)]).await;
    let released =
        |hash, name: &str| StandInRelease { imdb_number: IMDB_NUMBER, ..StandInRelease::movie(name, hash, size_bytes) };
    let indexer = ProwlarrStandIn::new(KEY)
        .with_release(released(TORRENT, RELEASE))
        .with_release(released(OTHER_TORRENT, OTHER_RELEASE));
    outside.indexer = Mounted::new(indexer).await;
    outside.allow.push(outside.indexer.url("/"));
    outside.http = client(&outside.allow);
    // So little memory that what was read once is read again.
    let blocks =
        BlockCacheConfig { budget_bytes: 0, file_budget_bytes: 0, block_size: 4 << 10, ..BlockCacheConfig::default() };
    let playback = PlaybackConfig { blocks, ..PlaybackConfig::default() };
    let engine = ProStream::builder().http(outside.http.clone()).playback(playback).build().unwrap();
    let viewer = outside.viewer(Has::Both, KEY);
    let request = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
    let playback = engine.start_playback(&call(), &viewer, &request).await.unwrap();
    assert_eq!(playback.record().name, format!("{RELEASE}.mkv"));
    let segment = async |playback: &Playback, number: u32| {
        let rendition = Arc::clone(&playback.presentation().renditions()[0]);
        playback.note_position(rendition.info(), number);
        rendition.segment(number).await?.into_bytes().await
    };
    let last = playback.presentation().renditions()[0].info().segment_durations_s.len() as u32 - 1;
    segment(&playback, 0).await.unwrap();

    let playbacks = engine.playbacks().clone();
    let follow = async |id: &str| playbacks.events(&call(), &viewer, id).await.unwrap();
    let mut listeners = [follow(playback.id()).await.boxed(), follow(playback.id()).await.boxed()];
    outside.first.stand_in.given_maintenance(true);
    outside.first.stand_in.expire_links();
    let started = Instant::now();
    let Err(failed) = segment(&playback, last - 1).await else { panic!("the service is dead") };
    let mut offered = Vec::new();
    for listener in &mut listeners {
        let event = tokio::time::timeout(Duration::from_secs(20), listener.next()).await.unwrap().unwrap();
        let PlaybackEvent::Next(next) = event else { panic!("{event:?}") };
        assert_eq!(next.because.kind(), failed.kind());
        offered.push(next);
    }
    println!("another release was open {:?} after the first was asked in vain", started.elapsed());
    let next = &offered[0];
    assert_eq!(next.playback.id(), offered[1].playback.id());
    assert_eq!(next.playback.record().name, format!("{OTHER_RELEASE}.mkv"));
    let durations = &playback.presentation().renditions()[0].info().segment_durations_s;
    let at: f64 = durations[..last as usize - 1].iter().sum();
    assert!((next.start_s - at).abs() < 0.002, "{} {at}", next.start_s);
    assert_eq!(next.playback.start_s(), Some(next.start_s));
    let pictures = film_segment(last - 1).await;
    assert!(segment(&next.playback, last - 1).await.unwrap() == pictures);
    assert!(
        playbacks.events(&call(), &Viewer::new("eve", Arc::clone(&viewer.providers)), playback.id()).await.is_err()
    );
    Seen::of(Ok(())).assert("service dies that alone has the release: the next one", None, None, "");

    let mut events = follow(next.playback.id()).await.boxed();
    outside.second.stand_in.given_mishap(Some(Mishap::Broken));
    outside.second.stand_in.expire_links();
    assert!(segment(&next.playback, 1).await.is_err());
    let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await.unwrap().unwrap();
    let PlaybackEvent::Failed(error) = event else { panic!("{event:?}") };
    let kind = Some(error.kind());
    Seen::of(Err(prostream_core::Error::new(error.kind(), "follow playback")
        .advise(error.advice().unwrap_or_default().to_owned())))
    .assert("service dies, and no release is left", kind, None, ANY);
    assert!(error.advice().is_some());
}

/// Goal: whoever follows a playback hears of a loss once, however long it lasts and however often another release is looked for in vain;
/// after the file was well in between, the next loss is told again. It was told each 15 seconds.
/// Method: no other release exists; time is moved past the wait between two searches, several times.
#[tokio::test]
async fn a_loss_is_told_once_and_not_each_15_seconds() {
    let size_bytes = film().len() as u64;
    let torrent = StandInTorrent::new(TORRENT, RELEASE).with_file(format!("{RELEASE}.mkv"), size_bytes);
    let (_host, outside) = staged(vec![torrent], Vec::new()).await;
    // What was read once is read again.
    let blocks =
        BlockCacheConfig { budget_bytes: 0, file_budget_bytes: 0, block_size: 4 << 10, ..BlockCacheConfig::default() };
    let playback = PlaybackConfig { blocks, ..PlaybackConfig::default() };
    let engine = ProStream::builder().http(outside.http.clone()).playback(playback).build().unwrap();
    let viewer = outside.viewer(Has::First, KEY);
    let request = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
    let playback = engine.start_playback(&call(), &viewer, &request).await.unwrap();
    let mut events = engine.playbacks().events(&call(), &viewer, playback.id()).await.unwrap().boxed();
    let middle = ByteRange::new(size_bytes / 2, size_bytes / 2 + 1_000);

    for loss in ["first", "second"] {
        outside.first.stand_in.given_mishap(Some(Mishap::Broken));
        outside.first.stand_in.expire_links();
        assert!(playback.source().read_at(middle).await.is_err(), "{loss}");
        let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await.unwrap().unwrap();
        assert!(matches!(event, PlaybackEvent::Failed(_)), "{loss}: {event:?}");
        for _ in 0..3 {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(16)).await;
            tokio::time::resume();
            // Somebody tries again meanwhile, in vain.
            assert!(playback.source().read_at(middle).await.is_err(), "{loss}");
            let again = tokio::time::timeout(Duration::from_secs(2), events.next()).await;
            assert!(again.is_err(), "the {loss} loss is told again: {again:?}");
        }
        outside.first.stand_in.given_mishap(None);
        let mut tries = 0;
        while let Err(error) = playback.source().read_at(middle).await {
            tries += 1;
            assert!(tries < 40, "{loss}: {error:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// A segment of the film's pictures, from memory.
async fn film_segment(number: u32) -> Bytes {
    let presentation = workshop::present(workshop::memory(film().to_vec())).await.unwrap();
    presentation.renditions()[0].segment(number).await.unwrap().into_bytes().await.unwrap()
}
