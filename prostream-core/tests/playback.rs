//! Playbacks of files that are known: what is asked of hosts and services, and what is not; and what happens when files change.
#![cfg(all(feature = "http", feature = "sqlite"))]

#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
#[path = "cases/ebml.rs"]
mod ebml;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod one_film;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod scenes;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
#[path = "cases/workshop.rs"]
mod workshop;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use one_film::{Instead, LinkHost, ONE, RELEASE, Shelf, client, hash, long_film, media_id};
use prostream_core::hls::{CutFindings, playlist};
use prostream_core::model::{ByteRange, DeviceProfile, InfoHash, ProviderId, Release};
use prostream_core::net::{Call, HttpClient, Secret};
use prostream_core::playback::{Playback, PlaybackConfig, PlaybackEvent, PlaybackSource, StartPlayback};
use prostream_core::provider::debrid::DebridService;
use prostream_core::provider::debrid::alldebrid::{AllDebrid, AllDebridConfig};
use prostream_core::provider::indexer::{Indexer, Query, Releases};
use prostream_core::resolve::{ProviderSet, ReleaseEvent, ResolveConfig, Viewer};
use prostream_core::source::BlockCacheConfig;
use prostream_core::store::records::{Records, SqliteRecords};
use prostream_core::testing::stand_in::{AllDebridStandIn, FilmHost, StandInTorrent};
use prostream_core::{ErrorKind, ProStream, Result};
use scenes::Mounted;
use url::Url;
use workshop::{Workshop, rendition};

const KEY: &str = "a-key-of-the-stand-in";

/// The film, and another one.
fn films() -> &'static [Bytes; 2] {
    static FILMS: OnceLock<[Bytes; 2]> = OnceLock::new();
    FILMS.get_or_init(|| [1, 2].map(long_film))
}

/// A host of films, two debrid services whose links lead there, and a data folder; engines come and go.
struct House {
    host: Mounted<LinkHost>,
    debrid: Mounted<AllDebridStandIn>,
    /// Holds the same, and is asked when the first fails.
    second: Mounted<AllDebridStandIn>,
    /// Where its links lead.
    second_host: Mounted<LinkHost>,
    folder: tempfile::TempDir,
    viewer: Viewer,
    http: HttpClient,
}

impl House {
    async fn new() -> Self {
        let file_name = format!("{RELEASE}.mkv");
        let film_host = || {
            let host = FilmHost::new().with_file("/film.mkv", films()[0].clone());
            Mounted::new(LinkHost::new(host.with_file(format!("/{file_name}"), films()[0].clone())))
        };
        let (host, second_host) = (film_host().await, film_host().await);
        let size_bytes = films()[0].len() as u64;
        let service = |folder: &str, host: &Mounted<LinkHost>| {
            let torrent = StandInTorrent::new(hash(ONE), RELEASE).with_file(format!("{folder}{file_name}"), size_bytes);
            Mounted::new(AllDebridStandIn::new(KEY, host.url("/")).with_torrent(torrent))
        };
        let (debrid, second) = (service(&format!("{RELEASE}/"), &host).await, service("", &second_host).await);
        // Its links differ from those that the first one gives here.
        (0..10).for_each(|_| second.stand_in.expire_links());
        for (host, service) in [(&host, &debrid), (&second_host, &second)] {
            let service = Arc::clone(&service.stand_in);
            host.stand_in.given_live_links(move |query| service.is_live_link(query));
        }
        let http = client(&[host.url("/"), second_host.url("/"), debrid.url("/"), second.url("/")]);
        let account = |mounted: &Mounted<AllDebridStandIn>, instance: &str| -> Arc<dyn DebridService> {
            let id = ProviderId::with_instance("alldebrid", instance);
            let settings = AllDebridConfig { id, base_url: mounted.url("/"), ..AllDebridConfig::new(Secret::new(KEY)) };
            Arc::new(AllDebrid::new(settings, http.clone()).unwrap())
        };
        let shelf = Shelf::new(size_bytes);
        let providers = ProviderSet {
            metadata: vec![shelf.clone()],
            indexers: vec![shelf],
            debrid: vec![account(&debrid, "first"), account(&second, "second")],
            ..ProviderSet::default()
        };
        let viewer = Viewer::new("mia", Arc::new(providers));
        Self { host, debrid, second, second_host, folder: tempfile::tempdir().unwrap(), viewer, http }
    }

    /// A program that starts with what earlier ones left in the data folder.
    async fn engine(&self) -> ProStream {
        let records = SqliteRecords::open(self.folder.path().join("data.db")).await.unwrap();
        let playback = PlaybackConfig { library: vec![self.folder.path().to_owned()], ..PlaybackConfig::default() };
        let builder = ProStream::builder().http(self.http.clone()).playback(playback);
        builder.records(Arc::new(records) as Arc<dyn Records>).build().unwrap()
    }

    /// Requests to the host since the last look.
    fn take_requests(&self) -> usize {
        let count = self.host.stand_in.films.requests().len();
        self.host.stand_in.films.clear_requests();
        count
    }

    async fn start(&self, engine: &ProStream, source: PlaybackSource) -> Result<Arc<Playback>> {
        engine.start_playback(&call(), &self.viewer, &StartPlayback::new(source)).await
    }

    fn link(&self) -> PlaybackSource {
        PlaybackSource::Url(self.host.url("/film.mkv"))
    }
}

fn call() -> Call {
    Call::within(Duration::from_secs(30))
}

/// What a player reads before its first segment: all playlists and init segments.
async fn front(playback: &Playback) -> Vec<Bytes> {
    let presentation = playback.presentation();
    let mut front = vec![Bytes::from(playlist::multivariant(presentation.as_ref()))];
    for rendition in presentation.renditions() {
        front.push(playlist::media(presentation.as_ref(), rendition.info()).into());
        front.push(rendition.init().await.unwrap());
    }
    front
}

async fn segment(playback: &Playback, name: &str, index: u32) -> Result<Bytes> {
    rendition(playback.presentation(), name).segment(index).await?.into_bytes().await
}

/// Goal: a known file answers its playlists with no request to the source at all, in this process and after a restart; then the first
/// segment costs one request to see that it is the same file, and one for its bytes.
#[tokio::test]
async fn a_known_link_is_asked_for_nothing_until_its_first_segment() {
    let house = House::new().await;
    let engine = house.engine().await;
    let playback = house.start(&engine, house.link()).await.unwrap();
    assert_eq!(house.take_requests(), 2, "head and tail");
    let expected = (front(&playback).await, segment(&playback, "video", 1).await.unwrap());
    engine.playbacks().close().await;

    let engine = house.engine().await;
    house.take_requests();
    for _ in 0..2 {
        let playback = house.start(&engine, house.link()).await.unwrap();
        assert!(front(&playback).await == expected.0);
    }
    let again = engine.playbacks().playback(&call(), &house.viewer, playback.id()).await.unwrap();
    assert!(front(&again).await == expected.0, "the playback of before the restart");
    assert_eq!(house.take_requests(), 0);
    assert!(segment(&again, "video", 1).await.unwrap() == expected.1);
    let count = house.take_requests();
    assert!((1..=2).contains(&count), "{count} requests");
    assert!(!segment(&again, "audio", 1).await.unwrap().is_empty());
    assert_eq!(house.take_requests(), 0, "sound came with the pictures");
}

/// Goal: the file of a torrent is known by the torrent, whatever link a service gives; a playback that goes on after a restart asks the
/// service only when bytes are wanted.
#[tokio::test]
async fn a_torrent_is_known_under_every_link() {
    let house = House::new().await;
    let engine = house.engine().await;
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    let expected = (front(&playback).await, segment(&playback, "video", 1).await.unwrap());
    engine.playbacks().close().await;

    house.debrid.stand_in.expire_links();
    let engine = house.engine().await;
    house.take_requests();
    let asked_before = house.debrid.requests().await.len();
    let again = engine.playbacks().playback(&call(), &house.viewer, playback.id()).await.unwrap();
    assert!(front(&again).await == expected.0);
    assert_eq!(again.file_name(), playback.file_name());
    assert_eq!(house.debrid.requests().await.len(), asked_before, "nothing is asked of the service");
    assert_eq!(house.take_requests(), 0);
    assert!(segment(&again, "video", 1).await.unwrap() == expected.1);
    let count = house.take_requests();
    assert!((1..=2).contains(&count), "{count} requests");
    assert!(house.debrid.requests().await.len() > asked_before);

    let new = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    assert!(front(&new).await == expected.0);
    assert!(segment(&new, "video", 1).await.unwrap() == expected.1);
    assert_eq!(house.take_requests(), 0, "what one viewer read is there for the next with the same accounts");
}

/// Goal: bytes of two files are never mixed: where another file lies, reading fails, its old index is dropped, and it opens anew.
#[tokio::test]
async fn a_file_that_changed_is_read_anew() {
    let house = House::new().await;
    let engine = house.engine().await;
    house.start(&engine, house.link()).await.unwrap();
    engine.playbacks().close().await;

    house.host.stand_in.films.put_file("/film.mkv", films()[1].clone());
    let engine = house.engine().await;
    let stale = house.start(&engine, house.link()).await.unwrap();
    for name in ["video", "audio"] {
        assert_eq!(segment(&stale, name, 1).await.unwrap_err().kind(), ErrorKind::SourceChanged, "{name}");
    }
    assert!(engine.playbacks().opened(stale.id()).await.is_none(), "it does not stay open");
    let fresh = engine.playbacks().playback(&call(), &house.viewer, stale.id()).await.unwrap();

    // Again, while it is connected and nothing of the middle was read.
    house.host.stand_in.films.put_file("/film.mkv", films()[0].clone());
    assert_eq!(segment(&fresh, "video", 3).await.unwrap_err().kind(), ErrorKind::SourceChanged);
    assert!(engine.playbacks().opened(fresh.id()).await.is_none());
    house.host.stand_in.films.put_file("/film.mkv", films()[1].clone());
    let fresh = engine.playbacks().playback(&call(), &house.viewer, stale.id()).await.unwrap();
    let direct = workshop::present(workshop::memory(films()[1].to_vec())).await.unwrap();
    let expected = rendition(&direct, "video").segment(1).await.unwrap().into_bytes().await.unwrap();
    assert!(segment(&fresh, "video", 1).await.unwrap() == expected);
}

/// Goal: who comes to a file that nobody has read yet waits for those who read it.
#[tokio::test]
async fn a_link_is_read_once_for_all_who_start_at_once() {
    let house = House::new().await;
    let engine = house.engine().await;
    let starts = (0..20).map(|_| house.start(&engine, house.link()));
    for playback in futures_util::future::join_all(starts).await {
        assert!(!front(&playback.unwrap()).await.is_empty());
    }
    assert_eq!(house.take_requests(), 2);
}

/// Goal: an index that cannot be read, as another version or a damaged disk leaves it, costs a look at the file and nothing else.
#[tokio::test]
async fn a_damaged_index_is_read_again() {
    let house = House::new().await;
    let engine = house.engine().await;
    let expected = front(house.start(&engine, house.link()).await.unwrap().as_ref()).await;
    engine.playbacks().close().await;

    let records = SqliteRecords::open(house.folder.path().join("data.db")).await.unwrap();
    let damage = "UPDATE media_indexes SET bytes = CAST(substr(bytes, 1, 40) || zeroblob(length(bytes) - 40) AS BLOB)";
    let done = sqlx::query(damage).execute(records.database().writer()).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    records.database().close().await;
    let engine = house.engine().await;
    house.take_requests();
    assert!(front(house.start(&engine, house.link()).await.unwrap().as_ref()).await == expected);
    assert_eq!(house.take_requests(), 2, "it was opened as if it were new");
    engine.playbacks().close().await;
    let engine = house.engine().await;
    house.start(&engine, house.link()).await.unwrap();
    assert_eq!(house.take_requests(), 0, "and is known again");
}

/// Goal: opening starts when somebody looks at a title, not when he presses play.
#[tokio::test]
async fn play_finds_a_title_that_was_prepared_ready() {
    let house = House::new().await;
    let engine = house.engine().await;
    for _ in 0..3 {
        engine.prepare(&house.viewer, &media_id(ONE));
    }
    wait_until(|| house.host.stand_in.films.requests().len() >= 2).await;
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    front(&playback).await;
    assert_eq!(house.take_requests(), 2, "read once, and not for play");
    assert_eq!(unlock_count(&house.debrid).await, 1);
    assert!(playback.title().is_some() && playback.release().is_some() && !playback.why().is_empty());
    assert!(!segment(&playback, "video", 1).await.unwrap().is_empty());
    assert_eq!(house.take_requests(), 0, "the link is open already, and its first request goes on");
    assert!(!segment(&playback, "video", 3).await.unwrap().is_empty());
    assert_eq!(house.take_requests(), 1);
}

/// How often a service was asked for a link.
async fn unlock_count(service: &Mounted<AllDebridStandIn>) -> usize {
    service.requests().await.iter().filter(|path| path.contains("link/unlock")).count()
}

/// All segments of the pictures and the sound, asked for at once.
async fn whole_film(playback: &Playback) -> Vec<Bytes> {
    let presentation = playback.presentation();
    let all = presentation.renditions().iter().flat_map(|rendition| {
        let count = rendition.info().listed_durations_s().len();
        (0..count)
            .map(move |index| async move { rendition.segment(index as u32).await.unwrap().into_bytes().await.unwrap() })
    });
    futures_util::future::join_all(all).await
}

/// Goal: a link that ends mid-film costs its viewers nothing: one of them has it renewed, all go on at the same byte.
#[tokio::test]
async fn a_link_that_ends_is_renewed_once_and_playing_goes_on() {
    let house = House::new().await;
    let direct = workshop::present(workshop::memory(films()[0].to_vec())).await.unwrap();
    let engine = house.engine().await;
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    assert!(!segment(&playback, "video", 0).await.unwrap().is_empty());
    assert_eq!(unlock_count(&house.debrid).await, 1);
    house.debrid.stand_in.expire_links();
    // Nothing that was read ahead helps: a restart forgets it, and the film is played from the middle of the file too.
    engine.playbacks().close().await;
    let engine = house.engine().await;
    let other = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    house.debrid.stand_in.expire_links();
    let unlocked_before = unlock_count(&house.debrid).await;
    let mut expected = Vec::new();
    for rendition in direct.renditions() {
        for index in 0..rendition.info().listed_durations_s().len() {
            expected.push(rendition.segment(index as u32).await.unwrap().into_bytes().await.unwrap());
        }
    }
    let (one, two) = tokio::join!(whole_film(&other), whole_film(&other));
    assert!(one == expected && two == expected);
    assert!(house.host.stand_in.refused_count() > 0, "the old link was tried");
    assert_eq!(unlock_count(&house.debrid).await - unlocked_before, 1);
}

/// Goal: when a service dies, another that holds the same torrent goes on with the same file.
#[tokio::test]
async fn another_service_goes_on_when_one_dies() {
    let house = House::new().await;
    let direct = workshop::present(workshop::memory(films()[0].to_vec())).await.unwrap();
    let expected = rendition(&direct, "video").segment(3).await.unwrap().into_bytes().await.unwrap();
    let engine = house.engine().await;
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    assert_eq!(unlock_count(&house.second).await, 0);
    // Behind what the first request goes on with.
    house.debrid.stand_in.expire_links();
    house.debrid.stand_in.given_maintenance(true);
    assert!(segment(&playback, "video", 3).await.unwrap() == expected);
    assert_eq!(unlock_count(&house.second).await, 1);
}

/// A segment from the middle of the first film, behind what its first request goes on with.
async fn middle() -> Bytes {
    let direct = workshop::present(workshop::memory(films()[0].to_vec())).await.unwrap();
    rendition(&direct, "video").segment(3).await.unwrap().into_bytes().await.unwrap()
}

/// Goal: a link that has ended is renewed at its service, however its host says so: with a status, as if the file were shorter, or with
/// another film in its place.
#[tokio::test]
async fn an_ended_link_is_renewed_however_it_says_so() {
    let expected = middle().await;
    let statuses = [401, 403, 404, 410, 416].map(Instead::Status);
    let placeholder = films()[1].slice(..60_000);
    for ended in statuses.into_iter().chain([Instead::Film(placeholder), Instead::Film(films()[1].clone())]) {
        let what = format!("{ended:?}").chars().take(60).collect::<String>();
        let house = House::new().await;
        let engine = house.engine().await;
        let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
        house.host.stand_in.given_ended(ended);
        house.debrid.stand_in.expire_links();
        assert!(segment(&playback, "video", 3).await.unwrap() == expected, "{what}");
        assert_eq!((unlock_count(&house.debrid).await, unlock_count(&house.second).await), (2, 0), "{what}");
    }
}

/// Goal: a media host that dies, or that serves none of its service's fresh links either, is left for another service that has the file, at
/// the same byte. The service itself answers all the time.
#[tokio::test]
async fn another_service_goes_on_when_a_media_host_dies() {
    let expected = middle().await;
    let statuses = [500, 503, 403, 416].map(Instead::Status);
    for fault in statuses.into_iter().chain([Instead::Film(films()[1].clone())]) {
        let what = format!("{fault:?}").chars().take(60).collect::<String>();
        let house = House::new().await;
        let engine = house.engine().await;
        let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
        house.host.stand_in.given_fault(Some(fault));
        assert!(segment(&playback, "video", 3).await.unwrap() == expected, "{what}");
        assert_eq!(unlock_count(&house.second).await, 1, "{what}");
        // Its next link is had there, too: the first is left as long as the second serves.
        house.second.stand_in.expire_links();
        let unlocked = unlock_count(&house.debrid).await;
        let end = playback.source().size_bytes();
        let last = playback.source().read_at(ByteRange::new(end - 70_000, end - 69_000)).await.unwrap().into_bytes();
        assert!(last == films()[0].slice(end as usize - 70_000..end as usize - 69_000), "{what}");
        assert_eq!(unlock_count(&house.debrid).await, unlocked, "{what}");
    }
}

/// Goal: where a torrent leads to another film everywhere, not a byte of it comes under the addresses of the first, also after the
/// playback was closed; its followers hear of the loss, and the film plays when it is back.
#[tokio::test]
async fn another_film_in_place_of_a_torrents_is_a_loss() {
    let house = House::new().await;
    let engine = house.engine().await;
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    let id = playback.id().to_owned();
    let mut events = engine.playbacks().events(&call(), &house.viewer, &id).await.unwrap().boxed();
    let hosts = [&house.host, &house.second_host];
    hosts.iter().for_each(|host| host.stand_in.given_fault(Some(Instead::Film(films()[1].clone()))));
    assert_eq!(segment(&playback, "video", 3).await.unwrap_err().kind(), ErrorKind::SourceChanged);
    drop(playback);
    for _ in 0..2 {
        let error = engine.playbacks().playback(&call(), &house.viewer, &id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error}");
        assert!(error.advice().is_some());
    }
    let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap().unwrap();
    assert!(matches!(event, PlaybackEvent::Failed(_)), "no other release is there: {event:?}");
    hosts.iter().for_each(|host| host.stand_in.given_fault(None));
    let back = engine.playbacks().playback(&call(), &house.viewer, &id).await.unwrap();
    assert!(segment(&back, "video", 3).await.unwrap() == middle().await);
}

/// Goal: who only listens to what happens to a playback keeps it open for nobody.
/// Method: the listener looks more often than an idle playback lives.
#[tokio::test]
async fn a_listener_keeps_no_playback_open() {
    let house = House::new().await;
    let config = PlaybackConfig { idle_close: Duration::from_millis(500), ..PlaybackConfig::default() };
    let engine = ProStream::builder().http(house.http.clone()).playback(config).build().unwrap();
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    let id = playback.id().to_owned();
    drop(playback);
    let mut events = engine.playbacks().events(&call(), &house.viewer, &id).await.unwrap().boxed();
    for _ in 0..5 {
        let nothing = tokio::time::timeout(Duration::from_millis(200), events.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
    }
    assert!(engine.playbacks().opened(&id).await.is_none());
}

/// Goal: who only looks at a title leaves no trace in the account behind the service; what was the user's, and what is played, stays.
#[tokio::test]
async fn what_was_prepared_in_vain_is_taken_back() {
    let house = House::new().await;
    let (brief, long) = (Duration::from_millis(100), Duration::from_secs(600));
    let prepare = async |prepared_for: Duration| {
        let config = PlaybackConfig { prepared_for, ..PlaybackConfig::default() };
        let engine = ProStream::builder().http(house.http.clone()).playback(config).build().unwrap();
        engine.prepare(&house.viewer, &media_id(ONE));
        wait_until(|| house.host.stand_in.films.requests().len() >= 2).await;
        house.take_requests();
        engine
    };
    let end = async |engine: &ProStream| {
        // First what is under way, then the end of its time.
        engine.playbacks().close().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        engine.playbacks().trim_idle().await;
        engine.playbacks().close().await;
    };
    let engine = prepare(brief).await;
    assert_eq!(house.debrid.stand_in.account_torrents(), [hash(ONE)]);
    end(&engine).await;
    assert_eq!(house.debrid.stand_in.account_torrents(), []);

    let engine = prepare(long).await;
    let playback = house.start(&engine, PlaybackSource::Title(media_id(ONE))).await.unwrap();
    end(&engine).await;
    assert_eq!(house.debrid.stand_in.account_torrents(), [hash(ONE)], "it is played");
    drop(playback);

    let engine = prepare(brief).await;
    end(&engine).await;
    assert_eq!(house.debrid.stand_in.account_torrents(), [hash(ONE)], "it was there before");
}

/// Lists one release after a while, or never; in its answer something is missing.
#[derive(Debug)]
struct Late {
    id: ProviderId,
    hash: InfoHash,
    name: String,
    delay: Duration,
    is_partial: bool,
    asked_count: AtomicUsize,
}

impl Late {
    fn new(id: &'static str, number: u8, name: &str, delay: Duration, is_partial: bool) -> Arc<Self> {
        let name = name.to_owned();
        Arc::new(Self { id: ProviderId::new(id), hash: hash(number), name, delay, is_partial, asked_count: 0.into() })
    }
}

#[async_trait]
impl Indexer for Late {
    fn id(&self) -> &ProviderId {
        &self.id
    }
    async fn search(&self, _: &Call, _: &Query) -> Result<Releases> {
        self.asked_count.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.delay).await;
        let release = Release {
            indexer: self.id.clone(),
            tracker: None,
            name: self.name.clone(),
            info_hash: Some(self.hash),
            link: None,
            size_bytes: Some(films()[0].len() as u64),
            seeder_count: Some(10),
            age_days: None,
            playable: None,
        };
        Ok(Releases { releases: vec![release], is_partial: self.is_partial, ..Releases::default() })
    }
}

/// Goal: what was listed a moment ago plays, and nobody is asked again: an indexer that answers late, because one of its trackers is missing,
/// was asked again for each start, and cut off before it had answered. Whoever searches again asks again.
/// Method: what only the late one lists is the film; the search is followed to its end, or left as soon as the release is seen. Play without a
/// name takes the best of a search that has ended, and asks where it was left.
#[tokio::test]
async fn what_was_listed_plays_without_asking_again() {
    let house = House::new().await;
    let soft_deadline = Duration::from_millis(200);
    for is_left in [false, true] {
        let other = "The.Long.Walk.2019.480p.WEB-DL.H.264-OTHER";
        let quick = Late::new("quick", 9, other, Duration::ZERO, false);
        let late = Late::new("late", ONE, RELEASE, soft_deadline * 3, true);
        let never = Late::new("never", 8, other, Duration::from_secs(3600), false);
        let mut indexers: Vec<Arc<dyn Indexer>> = vec![quick.clone(), late.clone()];
        if is_left {
            indexers.push(never.clone());
        }
        let providers = ProviderSet { indexers, ..ProviderSet::clone(&house.viewer.providers) };
        let viewer = Viewer::new("mia", Arc::new(providers));
        let resolve = ResolveConfig { soft_deadline, ..ResolveConfig::default() };
        let engine = ProStream::builder().http(house.http.clone()).resolve(resolve).build().unwrap();
        let asked = || [&quick, &late, &never].map(|indexer| indexer.asked_count.load(Ordering::Relaxed));
        let mut request = StartPlayback::new(PlaybackSource::Title(media_id(ONE)));
        let search = async || {
            let mut events = Box::pin(engine.releases(&call(), &viewer, &media_id(ONE)));
            while let Some(event) = events.next().await {
                match event {
                    ReleaseEvent::Done { is_partial } => assert!(is_partial),
                    ReleaseEvent::Ranked(ranking) if is_left && ranking.candidates.len() == 2 => return,
                    _ => {}
                }
            }
        };
        search().await;
        let never_count = usize::from(is_left);
        assert_eq!(asked(), [1, 1, never_count]);
        request.release = Some(hash(ONE).to_string());
        for _ in 0..2 {
            let playback = engine.start_playback(&call(), &viewer, &request).await.unwrap();
            assert_eq!(playback.release(), request.release.as_deref());
        }
        assert_eq!(asked(), [1, 1, never_count]);
        if !is_left {
            request.release = None;
            let playback = engine.start_playback(&call(), &viewer, &request).await.unwrap();
            assert_eq!((playback.release(), asked()), (Some(hash(ONE).to_string().as_str()), [1, 1, 0]));
        }
        // What nobody has listed is looked for.
        request.release = Some(hash(7).to_string());
        let error = engine.start_playback(&call(), &viewer, &request).await.unwrap_err();
        assert_eq!((error.kind(), asked()), (ErrorKind::NotFound, [2, 2, 2 * never_count]));
        // That was cut short, which takes nothing from what was listed before.
        request.release = Some(hash(ONE).to_string());
        engine.start_playback(&call(), &viewer, &request).await.unwrap();
        assert_eq!(asked(), [2, 2, 2 * never_count]);
        search().await;
        assert_eq!(asked(), [3, 3, 3 * never_count], "a search asks again");
        engine.find_releases(&call(), &viewer, &media_id(ONE)).await.unwrap();
        assert_eq!(asked(), [4, 4, 4 * never_count]);
    }
}

/// Goal: local files are known too, and one that was written over is not taken for the other.
#[tokio::test]
async fn a_local_file_is_known_by_its_state() {
    let house = House::new().await;
    let path = house.folder.path().join("film.mkv");
    std::fs::write(&path, &films()[0]).unwrap();
    let engine = house.engine().await;
    let start = async |engine: &ProStream| {
        let playback = house.start(engine, PlaybackSource::Path(path.clone())).await.unwrap();
        let read_bytes = playback.source().stats().read_bytes;
        (front(&playback).await, segment(&playback, "video", 1).await.unwrap(), read_bytes)
    };
    let first = start(&engine).await;
    assert!(first.2 > 0);
    engine.playbacks().close().await;
    let engine = house.engine().await;
    let second = start(&engine).await;
    assert!(first.0 == second.0 && first.1 == second.1);
    assert_eq!(second.2, 0, "opened without a read");
    replace(&path, &films()[1]);
    let third = start(&engine).await;
    assert!(third.2 > 0 && third.1 != second.1);
}

/// Another file takes the place, as a download that is finished does.
fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("part");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(beside, path).unwrap();
}

/// Goal: viewers of one file cost little more than one: it is opened once, and they share its source and what they see of it. Another kind
/// of device sees it in its own way, other accounts read it themselves; when all have left, nothing is held.
#[tokio::test]
async fn viewers_of_a_file_share_what_is_open() {
    let house = House::new().await;
    let engine = house.engine().await;
    let mut playbacks = Vec::new();
    for _ in 0..50 {
        playbacks.push(house.start(&engine, house.link()).await.unwrap());
    }
    assert_eq!(house.take_requests(), 2, "one opening");
    let first = Arc::clone(&playbacks[0]);
    assert!(playbacks.iter().all(|other| Arc::ptr_eq(first.source(), other.source())));
    assert!(playbacks.iter().all(|other| Arc::ptr_eq(first.presentation(), other.presentation())));
    assert!(playbacks[1..].iter().all(|other| first.id() != other.id()));

    // What opening brought along is not held for as long as somebody plays, but it is not asked for again either.
    assert!(first.source().at_hand().is_empty());
    let size = first.source().size_bytes();
    for range in [ByteRange::with_len(0, 1 << 19), ByteRange::new(size - (1 << 19), size)] {
        let read = first.source().read_at(range).await.unwrap().into_bytes();
        assert!(read == films()[0].slice(range.start as usize..range.end as usize));
    }
    assert_eq!(house.take_requests(), 0);

    let start = async |viewer: &Viewer, source: PlaybackSource| {
        engine.start_playback(&call(), viewer, &StartPlayback::new(source)).await.unwrap()
    };
    let mpv = Viewer { device: DeviceProfile::named("mpv").unwrap(), ..house.viewer.clone() };
    let other = start(&mpv, house.link()).await;
    assert!(Arc::ptr_eq(first.source(), other.source()));
    assert!(!Arc::ptr_eq(first.presentation(), other.presentation()));

    let own = start(&house.viewer, PlaybackSource::Title(media_id(ONE))).await;
    let same = start(&house.viewer, PlaybackSource::Title(media_id(ONE))).await;
    let tom = Viewer::new("tom", Arc::new(ProviderSet::clone(&house.viewer.providers)));
    let toms = start(&tom, PlaybackSource::Title(media_id(ONE))).await;
    assert!(Arc::ptr_eq(own.source(), same.source()));
    assert!(!Arc::ptr_eq(own.source(), toms.source()));

    let held = Arc::downgrade(first.source());
    for playback in playbacks.iter().chain([&other]) {
        engine.playbacks().end(&house.viewer, playback.id()).await.unwrap();
    }
    drop((first, other, playbacks));
    for _ in 0..500 {
        engine.playbacks().trim_idle().await;
        if held.upgrade().is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the file is held though nobody plays it");
}

/// Goal: a file on this machine is open once, however many play it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_local_file_takes_one_descriptor() {
    let house = House::new().await;
    let path = house.folder.path().canonicalize().unwrap().join("film.mkv");
    std::fs::write(&path, &films()[0]).unwrap();
    let engine = house.engine().await;
    let mut playbacks = Vec::new();
    for _ in 0..20 {
        playbacks.push(house.start(&engine, PlaybackSource::Path(path.clone())).await.unwrap());
    }
    assert!(playbacks.iter().all(|other| Arc::ptr_eq(playbacks[0].presentation(), other.presentation())));
    let links =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    assert_eq!(links.filter(|link| *link == path).count(), 1);
}

/// Goal: when nobody plays any more, it is told once, so that memory goes back to the system. Only readers of remote files told it: a server that
/// played its own folder kept what its viewers had left free.
#[tokio::test]
async fn viewers_of_local_files_leave_an_idle_house_too() {
    let house = House::new().await;
    let path = house.folder.path().canonicalize().unwrap().join("film.mkv");
    std::fs::write(&path, &films()[0]).unwrap();
    let blocks = BlockCacheConfig { idle_after: Duration::ZERO, ..BlockCacheConfig::default() };
    let config =
        PlaybackConfig { blocks, library: vec![path.parent().unwrap().to_owned()], ..PlaybackConfig::default() };
    let engine = ProStream::builder().http(house.http.clone()).playback(config).build().unwrap();
    let playback = house.start(&engine, PlaybackSource::Path(path)).await.unwrap();
    for _ in 0..2 {
        assert!(engine.playbacks().opened(playback.id()).await.is_some());
        segment(&playback, "video", 0).await.unwrap();
        assert_eq!(engine.playbacks().trim_idle().await, Some(0));
        assert_eq!(engine.playbacks().trim_idle().await, None, "once");
    }
}

/// All segments of the pictures, one after the other.
async fn pictures(playback: &Playback) -> Vec<Bytes> {
    let count = rendition(playback.presentation(), "video").info().listed_durations_s().len();
    let mut segments = Vec::new();
    for index in 0..count {
        segments.push(segment(playback, "video", index as u32).await.unwrap());
    }
    segments
}

/// Goal: a film of which every segment was seen to begin anew says so to its next viewers, also after a restart; nothing else changes.
#[tokio::test]
async fn what_playing_showed_of_the_cuts_is_kept() {
    let house = House::new().await;
    let engine = house.engine().await;
    let playback = house.start(&engine, house.link()).await.unwrap();
    assert!(!playback.presentation().has_independent_segments(), "nobody has looked yet");
    segment(&playback, "video", 0).await.unwrap();
    engine.playbacks().close().await;
    let engine = house.engine().await;
    let playback = house.start(&engine, house.link()).await.unwrap();
    assert!(!playback.presentation().has_independent_segments(), "one of many");
    let expected = pictures(&playback).await;
    engine.playbacks().close().await;

    let engine = house.engine().await;
    let next = house.start(&engine, house.link()).await.unwrap();
    assert!(next.presentation().has_independent_segments());
    assert_eq!(next.presentation().variant_id(), playback.presentation().variant_id());
    assert!(pictures(&next).await == expected);
}

/// Goal: a cut that proved to be no keyframe is gone when the file is played the next time, also after a restart; whoever plays by it goes
/// on with what he has, and its addresses lead nowhere else.
#[tokio::test]
async fn a_cut_that_is_no_keyframe_is_gone_the_next_time() {
    let house = House::new().await;
    let workshop = Workshop::new();
    let film = workshop.write("film.mkv", &films()[0]);
    let lying = std::fs::read(ebml::lying(&workshop, &film, 6, 9)).unwrap();
    house.host.stand_in.films.put_file("/film.mkv", lying);
    let engine = house.engine().await;
    let source = house.link();
    let playback = house.start(&engine, source.clone()).await.unwrap();
    pictures(&playback).await;
    assert!(playback.presentation().cut_findings().has_false_cut);
    engine.playbacks().end(&house.viewer, playback.id()).await.unwrap();

    let mut next = house.start(&engine, source.clone()).await.unwrap();
    for _ in 0..500 {
        if !Arc::ptr_eq(next.presentation(), playback.presentation()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        next = house.start(&engine, source.clone()).await.unwrap();
    }
    assert!(Arc::ptr_eq(next.source(), playback.source()));
    assert_ne!(next.presentation().variant_id(), playback.presentation().variant_id());
    pictures(&next).await;
    let expected = CutFindings { are_all_closed: true, has_false_cut: false };
    assert_eq!(next.presentation().cut_findings(), expected);
    engine.playbacks().close().await;

    let engine = house.engine().await;
    let after = house.start(&engine, source).await.unwrap();
    assert_eq!(after.presentation().variant_id(), next.presentation().variant_id());
    assert_eq!(after.presentation().cuts().boundaries, next.presentation().cuts().boundaries);
    assert!(after.presentation().has_independent_segments());
}

/// Goal: where a viewer wished to begin is kept with the playback.
#[tokio::test]
async fn a_playback_keeps_where_it_begins() {
    let house = House::new().await;
    let engine = house.engine().await;
    let mut request = StartPlayback::new(house.link());
    request.start_s = Some(12.5);
    let playback = engine.start_playback(&call(), &house.viewer, &request).await.unwrap();
    engine.playbacks().close().await;
    let engine = house.engine().await;
    let again = engine.playbacks().playback(&call(), &house.viewer, playback.id()).await.unwrap();
    assert_eq!(again.start_s(), Some(12.5));
}

/// Goal: an address that may not be reached is refused at once, and a name in it is not what makes a file known.
#[tokio::test]
async fn a_forbidden_address_stays_forbidden() {
    let house = House::new().await;
    let engine = house.engine().await;
    let mut forbidden: Url = house.host.url("/film.mkv");
    forbidden.set_port(Some(9)).unwrap();
    let error = house.start(&engine, PlaybackSource::Url(forbidden)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

async fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come to that");
}
