//! What every [`Indexer`] keeps to: [`indexer_suite!`](crate::indexer_suite) makes a test of each rule, and
//! [`http_indexer_suite!`](crate::http_indexer_suite) of those for indexers behind HTTP.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::model::{EpisodeNumber, InfoHash, TitleKind};
use crate::net::Call;
use crate::provider::indexer::{Indexer, Query, TorrentLink};
use crate::testing::stand_in::{StandInRelease, StandInReply};
use crate::{Error, ErrorKind};

/// Sets the stage for one vendor, in our words.
#[async_trait]
pub trait IndexerScene: Sized + Send + Sync {
    /// A vendor that lists nothing, with an indexer that is set up right.
    async fn start() -> Self;

    /// The vendor lists this from now on.
    async fn given_release(&self, release: StandInRelease);

    /// What is tested.
    fn indexer(&self) -> Arc<dyn Indexer>;
}

/// A change of what the vendor answers.
pub type ReplyChange = Arc<dyn Fn(StandInReply) -> StandInReply + Send + Sync>;

/// A vendor behind HTTP.
#[async_trait]
pub trait HttpIndexerScene: IndexerScene {
    /// The key that the indexer is set up with: it must show up nowhere.
    const KEY: &'static str;

    /// Largest body that the client takes, in bytes: at most 1 MiB.
    const MAX_BODY_BYTES: usize;

    /// Every reply goes through this from now on.
    async fn given_replies(&self, change: ReplyChange);

    /// The vendor lists nothing any more, and links it gave out lead nowhere.
    async fn given_no_releases(&self);

    /// An indexer with another key, for the same vendor.
    fn indexer_with_key(&self, key: &str) -> Arc<dyn Indexer>;
}

/// A test for each rule of every indexer; `$scene` is a type with [`IndexerScene`](crate::testing::indexer::IndexerScene).
#[macro_export]
macro_rules! indexer_suite {
    ($scene:ty) => {
        $crate::indexer_suite!(@ $scene; finds_a_film_by_name finds_an_episode finds_only_what_is_asked_for finding_nothing_is_fine
            a_check_up_finds_nothing_wrong);
    };
    (@ $scene:ty; $($rule:ident)*) => { $(
        #[tokio::test]
        async fn $rule() {
            $crate::testing::indexer::$rule::<$scene>().await;
        }
    )* };
}

/// A test for each rule of indexers behind HTTP; `$scene` has [`HttpIndexerScene`](crate::testing::indexer::HttpIndexerScene).
#[macro_export]
macro_rules! http_indexer_suite {
    ($scene:ty) => {
        $crate::indexer_suite!(@ $scene;
            tells_all_that_the_vendor_tells finds_by_outside_id a_bad_key_is_unauthorized broken_answers_have_their_kinds
            a_pause_is_passed_on usenet_is_left_out a_link_leads_to_a_magnet a_link_leads_to_a_torrent_file
            a_link_that_leads_nowhere_is_not_found a_known_hash_needs_no_link the_key_shows_up_nowhere the_deadline_is_kept
            a_check_up_asks_anew);
    };
}

fn call() -> Call {
    Call::within(Duration::from_secs(20))
}

const HASH: InfoHash = InfoHash([0xab; 20]);

fn sintel() -> StandInRelease {
    StandInRelease {
        imdb_number: 1_727_587,
        ..StandInRelease::movie("Sintel.2010.1080p.WEB.x264-GRP", HASH, 129_302_391)
    }
}

fn sintel_query() -> Query {
    Query { year: Some(2010), ..Query::new(TitleKind::Movie, "Sintel") }
}

fn episode_query(season: u32, episode: u32) -> Query {
    Query { episode: Some(EpisodeNumber { season, episode }), ..Query::new(TitleKind::Series, "The Show") }
}

async fn names<S: IndexerScene>(scene: &S, query: &Query) -> Vec<String> {
    let found = scene.indexer().search(&call(), query).await.unwrap();
    let mut names: Vec<String> = found.releases.into_iter().map(|release| release.name).collect();
    names.sort();
    names
}

/// Goal: a film is found by its name and year.
pub async fn finds_a_film_by_name<S: IndexerScene>() {
    let scene = S::start().await;
    scene.given_release(sintel()).await;
    let found = scene.indexer().search(&call(), &sintel_query()).await.unwrap();
    assert_eq!(found.releases.len(), 1, "{found:?}");
    let release = &found.releases[0];
    assert_eq!((release.name.as_str(), &release.indexer), ("Sintel.2010.1080p.WEB.x264-GRP", scene.indexer().id()));
    assert!(!found.is_partial);
}

/// Goal: an episode is found by itself and in a pack of its season.
pub async fn finds_an_episode<S: IndexerScene>() {
    let scene = S::start().await;
    scene.given_release(StandInRelease::series("The.Show.S01E02.1080p-GRP", HASH, 1 << 30)).await;
    scene.given_release(StandInRelease::series("The.Show.S01.1080p-GRP", InfoHash([2; 20]), 10 << 30)).await;
    let names = names(&scene, &episode_query(1, 2)).await;
    assert!(names.contains(&"The.Show.S01E02.1080p-GRP".to_owned()), "{names:?}");
    assert!(names.contains(&"The.Show.S01.1080p-GRP".to_owned()), "{names:?}");
}

/// Goal: what has another name is left out.
pub async fn finds_only_what_is_asked_for<S: IndexerScene>() {
    let scene = S::start().await;
    scene.given_release(sintel()).await;
    scene.given_release(StandInRelease::movie("Tears.of.Steel.2012.1080p-GRP", InfoHash([2; 20]), 1 << 30)).await;
    assert_eq!(names(&scene, &sintel_query()).await, ["Sintel.2010.1080p.WEB.x264-GRP"]);
}

/// Goal: an empty answer is an answer, neither an error nor partial.
pub async fn finding_nothing_is_fine<S: IndexerScene>() {
    let scene = S::start().await;
    for query in [sintel_query(), episode_query(1, 2)] {
        let found = scene.indexer().search(&call(), &query).await.unwrap();
        assert_eq!((found.releases.len(), found.is_partial), (0, false));
    }
}

/// Goal: size, seeders, age, tracker and hash come through, in our units and spelling; zero is unknown.
pub async fn tells_all_that_the_vendor_tells<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(sintel()).await;
    let bare = StandInRelease { seeder_count: None, ..StandInRelease::movie("Sintel.2010.Bare", InfoHash([2; 20]), 0) };
    scene.given_release(bare).await;
    let mut found = scene.indexer().search(&call(), &sintel_query()).await.unwrap().releases;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let (whole, bare) = (&found[0], &found[1]);
    assert_eq!((whole.size_bytes, whole.seeder_count), (Some(129_302_391), Some(25)));
    assert_eq!((whole.info_hash, whole.tracker.as_deref()), (Some(HASH), Some("Example")));
    assert!(whole.age_days.is_some());
    assert_eq!((bare.size_bytes, bare.seeder_count), (None, None));
}

/// Goal: a release whose name says something else is found by the id, and the answer says so.
pub async fn finds_by_outside_id<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(StandInRelease { name: "Durian.Project.1080p-GRP".into(), ..sintel() }).await;
    let by_name = scene.indexer().search(&call(), &sintel_query()).await.unwrap();
    assert_eq!((by_name.releases.len(), by_name.was_by_id), (0, false));
    let query = Query { imdb_id: Some("tt1727587".into()), ..sintel_query() };
    let by_id = scene.indexer().search(&call(), &query).await.unwrap();
    assert_eq!((by_id.releases.len(), by_id.was_by_id), (1, true));
}

/// Goal: a wrong key is told as such, with advice.
pub async fn a_bad_key_is_unauthorized<S: HttpIndexerScene>() {
    let scene = S::start().await;
    let error = scene.indexer_with_key("wrong").search(&call(), &sintel_query()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.advice().is_some());
    assert_eq!(error.provider(), Some(scene.indexer().id().as_str()));
}

fn changed(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> ReplyChange {
    let body = Bytes::from(body);
    Arc::new(move |_| {
        let mut reply = http::Response::new(body.clone());
        *reply.status_mut() = status;
        reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply
    })
}

/// Goal: a web page, half an answer, an endless one and a broken vendor are told apart, at the first request and at later ones.
pub async fn broken_answers_have_their_kinds<S: HttpIndexerScene>() {
    let page = b"<!DOCTYPE html><html><body>Checking your browser</body></html>".to_vec();
    let half: ReplyChange = Arc::new(|reply| {
        let (parts, body) = reply.into_parts();
        StandInReply::from_parts(parts, body.slice(..body.len() / 2))
    });
    let cases = [
        (changed(StatusCode::OK, "text/html", page.clone()), ErrorKind::Unavailable),
        (changed(StatusCode::FORBIDDEN, "text/html", page), ErrorKind::Unavailable),
        (changed(StatusCode::BAD_GATEWAY, "text/plain", Vec::new()), ErrorKind::Unavailable),
        (half, ErrorKind::Malformed),
        (changed(StatusCode::OK, "text/plain", vec![b' '; S::MAX_BODY_BYTES + 1]), ErrorKind::LimitExceeded),
    ];
    for (number, (change, kind)) in cases.into_iter().enumerate() {
        for has_asked_before in [false, true] {
            let scene = S::start().await;
            scene.given_release(sintel()).await;
            let indexer = scene.indexer();
            if has_asked_before {
                indexer.search(&call(), &sintel_query()).await.unwrap();
            }
            scene.given_replies(change.clone()).await;
            let error = indexer.search(&call(), &sintel_query()).await.unwrap_err();
            assert_eq!(error.kind(), kind, "case {number}, asked before: {has_asked_before}: {error}");
        }
    }
}

/// Goal: a vendor that wants a pause gets one as long as it says.
pub async fn a_pause_is_passed_on<S: HttpIndexerScene>() {
    let scene = S::start().await;
    let change: ReplyChange = Arc::new(|_| {
        let mut reply = http::Response::new(Bytes::new());
        *reply.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("90"));
        reply
    });
    scene.given_replies(change).await;
    let error = scene.indexer().search(&call(), &sintel_query()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(90))));
}

/// Goal: only torrents are listed, whatever else the vendor mixes in.
pub async fn usenet_is_left_out<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(sintel()).await;
    scene.given_release(StandInRelease { name: "Sintel.2010.Usenet".into(), protocol: "usenet", ..sintel() }).await;
    assert_eq!(names(&scene, &sintel_query()).await, ["Sintel.2010.1080p.WEB.x264-GRP"]);
}

/// Goal: a release that comes without a hash is found through its link, which redirects to a magnet.
pub async fn a_link_leads_to_a_magnet<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(StandInRelease { shows_hash: false, ..sintel() }).await;
    let indexer = scene.indexer();
    let release = indexer.search(&call(), &sintel_query()).await.unwrap().releases.remove(0);
    assert_eq!(release.info_hash, None);
    let torrent = indexer.torrent(&call(), &release).await.unwrap();
    assert!(matches!(&torrent, TorrentLink::Magnet(magnet) if magnet.name.is_some()), "{torrent:?}");
    assert_eq!(torrent.info_hash(), HASH);
}

/// Goal: a link to a torrent file gives the file and its hash; what is no torrent file is malformed.
pub async fn a_link_leads_to_a_torrent_file<S: HttpIndexerScene>() {
    const TORRENT: &[u8] =
        b"d8:announce9:udp://a:14:infod6:lengthi5e4:name4:film12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
    let scene = S::start().await;
    let with_file = |name: &str, file: &'static [u8]| StandInRelease {
        name: name.to_owned(),
        shows_hash: false,
        torrent_file: Some(Bytes::from_static(file)),
        ..sintel()
    };
    scene.given_release(with_file("Sintel.2010.A", TORRENT)).await;
    scene.given_release(with_file("Sintel.2010.B", b"d4:infoi1ee")).await;
    scene.given_release(with_file("Sintel.2010.C", b"<html>please log in</html>")).await;
    let indexer = scene.indexer();
    let mut found = indexer.search(&call(), &sintel_query()).await.unwrap().releases;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let torrent = indexer.torrent(&call(), &found[0]).await.unwrap();
    assert_eq!(torrent.info_hash().to_string(), "f0d9292645605a26f31a9b41bb861208b96f1794");
    assert!(matches!(&torrent, TorrentLink::File { bytes, .. } if bytes.as_ref() == TORRENT));
    assert_eq!(indexer.torrent(&call(), &found[1]).await.unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(indexer.torrent(&call(), &found[2]).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

/// Goal: a release that is gone is not found.
pub async fn a_link_that_leads_nowhere_is_not_found<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(StandInRelease { shows_hash: false, ..sintel() }).await;
    let indexer = scene.indexer();
    let release = indexer.search(&call(), &sintel_query()).await.unwrap().releases.remove(0);
    scene.given_no_releases().await;
    let error = indexer.torrent(&call(), &release).await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::NotFound, Some(indexer.id().as_str())));
}

/// Goal: a release with a hash and no link needs no request: its torrent is a magnet of the hash.
pub async fn a_known_hash_needs_no_link<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(sintel()).await;
    let indexer = scene.indexer();
    let mut release = indexer.search(&call(), &sintel_query()).await.unwrap().releases.remove(0);
    release.link = None;
    assert_eq!(indexer.torrent(&call(), &release).await.unwrap().info_hash(), HASH);
    release.info_hash = None;
    assert_eq!(indexer.torrent(&call(), &release).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Everything that a log could show of an error.
fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {:?} {:?}", error.detail_text(), error.advice());
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

/// Goal: the key, which stands in the links and which vendors repeat in their errors, never reaches a log.
pub async fn the_key_shows_up_nowhere<S: HttpIndexerScene>() {
    let scene = S::start().await;
    scene.given_release(StandInRelease { shows_hash: false, ..sintel() }).await;
    let indexer = scene.indexer();
    let found = indexer.search(&call(), &sintel_query()).await.unwrap();
    let mut text = format!("{indexer:?} {found:?}");
    let link = found.releases[0].link.as_ref().unwrap();
    assert!(link.as_str().contains(S::KEY), "the rule would test nothing");
    let release = found.releases[0].clone();
    let bodies = [
        format!("<error code=\"100\" description=\"bad key {}\"/>", S::KEY),
        format!("{{\"message\":\"bad key {}\"}}", S::KEY),
        format!("<html>{}</html>", S::KEY),
        format!("[{{\"title\": \"{}", S::KEY),
    ];
    for body in bodies {
        for status in [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY] {
            scene.given_replies(changed(status, "text/plain", body.clone().into_bytes())).await;
            text.push_str(&shown(&indexer.search(&call(), &sintel_query()).await.unwrap_err()));
            text.push_str(&shown(&indexer.torrent(&call(), &release).await.unwrap_err()));
        }
    }
    assert!(!text.contains(S::KEY), "{text}");
}

/// Goal: an answer that comes too late is not waited for.
pub async fn the_deadline_is_kept<S: HttpIndexerScene>() {
    let scene = S::start().await;
    let late = Call::within(Duration::ZERO);
    let error = scene.indexer().search(&late, &sintel_query()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// Goal: an indexer that lists something and is set up right has nothing wrong with it.
pub async fn a_check_up_finds_nothing_wrong<S: IndexerScene>() {
    let scene = S::start().await;
    scene.given_release(sintel()).await;
    let check_up = scene.indexer().check_up(&call()).await.unwrap();
    assert_eq!(check_up.troubles, []);
}

/// Goal: a check-up tells how the vendor is now, whatever was remembered of it, and a wrong key.
pub async fn a_check_up_asks_anew<S: HttpIndexerScene>() {
    let scene = S::start().await;
    let indexer = scene.indexer();
    indexer.search(&call(), &sintel_query()).await.unwrap();
    indexer.check_up(&call()).await.unwrap();
    let error = scene.indexer_with_key("wrong").check_up(&call()).await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Unauthorized, Some(indexer.id().as_str())), "{error}");
    scene.given_replies(changed(StatusCode::OK, "text/html", b"<!DOCTYPE html><html></html>".to_vec())).await;
    let error = indexer.check_up(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
