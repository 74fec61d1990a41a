//! What is particular to TorBox.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use prostream_core::ErrorKind;
use prostream_core::model::{InfoHash, Magnet};
use prostream_core::net::{Call, Secret};
use prostream_core::provider::debrid::torbox::{TorBoxConfig, TorBoxSignIn};
use prostream_core::provider::debrid::{Cached, DebridConfig, DebridService, DebridSignIn, TorrentId, TorrentState};
use prostream_core::testing::debrid::DebridScene;
use prostream_core::testing::stand_in::{Mishap, StandInTorrent, TorBoxStandIn};

use crate::scenes::Mounted;

struct Scene(Mounted<TorBoxStandIn>);

#[async_trait]
impl DebridScene for Scene {
    const KEY: &'static str = "torbox-t3st-k3y";

    /// It is larger than the plan allows, which another plan may.
    const BLOCKED: ErrorKind = ErrorKind::LimitExceeded;

    async fn start() -> Self {
        let media = "http://media.example/films/".parse().unwrap();
        Self(Mounted::new(TorBoxStandIn::new(Self::KEY, media)).await)
    }

    fn service_with_key(&self, key: &str) -> Arc<dyn DebridService> {
        let config = TorBoxConfig { base_url: self.0.url(""), ..TorBoxConfig::new(Secret::new(key)) };
        DebridConfig::TorBox(config).build(&self.0.http).unwrap()
    }

    async fn given_torrent(&self, torrent: StandInTorrent) {
        self.0.stand_in.given_torrent(torrent);
    }

    async fn given_in_account(&self, info_hash: InfoHash) {
        self.0.stand_in.given_in_account(info_hash);
    }

    async fn given_expired_plan(&self) {
        self.0.stand_in.given_plan(false);
    }

    async fn given_refused_address(&self) {
        self.0.stand_in.given_refused_address(true);
    }

    async fn given_mishap(&self, mishap: Option<Mishap>) {
        self.0.stand_in.given_mishap(mishap);
    }

    async fn given_used_up_quota(&self) {
        self.0.stand_in.given_used_up_quota();
    }

    async fn given_sign_in(&self, is_accepted: bool) {
        self.0.stand_in.given_sign_in(is_accepted);
    }

    async fn account_torrents(&self) -> Vec<InfoHash> {
        self.0.stand_in.account_torrents()
    }

    async fn viewer_addresses(&self) -> Vec<String> {
        self.0.stand_in.viewer_addresses()
    }

    async fn request_count(&self) -> usize {
        self.0.requests().await.len()
    }

    fn sign_in(&self) -> Arc<dyn DebridSignIn> {
        Arc::new(TorBoxSignIn::new(self.0.url(""), self.0.http.clone()))
    }
}

prostream_core::debrid_suite!(Scene);

const HASH: InfoHash = InfoHash([0x33; 20]);
const OTHER: InfoHash = InfoHash([0x44; 20]);

impl Scene {
    /// How often a path was asked for.
    async fn count(&self, path: &str) -> usize {
        self.0.requests().await.iter().filter(|request| request.starts_with(path)).count()
    }
}

const ADDITIONS: &str = "/v1/api/torrents/createtorrent";

fn call() -> Call {
    Call::within(Duration::from_secs(10))
}

fn film(info_hash: InfoHash) -> StandInTorrent {
    StandInTorrent::new(info_hash, "Film").with_file("Film/Film.mkv", 7)
}

fn numbered(number: u16) -> InfoHash {
    let mut hash = [0x55; 20];
    hash[..2].copy_from_slice(&number.to_be_bytes());
    InfoHash(hash)
}

async fn add(service: &dyn DebridService, info_hash: InfoHash) -> prostream_core::Result<(TorrentId, bool, bool)> {
    let added = service.add(&call(), &Magnet::from_hash(info_hash).into()).await?;
    Ok((added.torrent, added.was_known, added.is_ready))
}

/// Goal: more hashes than one question takes are asked about in several, and answered in order.
#[tokio::test]
async fn many_hashes_are_asked_about_in_batches() {
    let scene = Scene::start().await;
    for number in [7, 149] {
        scene.given_torrent(film(numbered(number))).await;
    }
    let hashes: Vec<InfoHash> = (0..150).map(numbered).collect();
    let answer = scene.service().check_cached(&call(), &hashes).await.unwrap();
    let cached: Vec<usize> = (0..150).filter(|at| answer[*at] == Cached::Yes).collect();
    assert_eq!((answer.len(), cached), (150, vec![7, 149]));
    assert_eq!(scene.count("/v1/api/torrents/checkcached").await, 2);
}

/// Goal: additions are few: what the account holds is found there and costs none.
#[tokio::test]
async fn what_the_account_holds_costs_no_addition() {
    let scene = Scene::start().await;
    scene.given_torrent(film(HASH)).await;
    scene.given_in_account(HASH).await;
    let (torrent, was_known, is_ready) = add(scene.service().as_ref(), HASH).await.unwrap();
    assert!(was_known && is_ready);
    assert_eq!(scene.service().files(&call(), &torrent).await.unwrap().len(), 1);
    assert_eq!(scene.count(ADDITIONS).await, 0);
}

/// Goal: a service that refuses what is there has it found, and as the user's.
/// Method: the second addition is asked for before the listing of the first is old, so it is sent.
#[tokio::test]
async fn a_duplicate_is_found_in_the_account() {
    let scene = Scene::start().await;
    scene.0.stand_in.given_refused_duplicates();
    scene.given_torrent(film(HASH)).await;
    let service = scene.service();
    let (first, first_was_known, _) = add(service.as_ref(), HASH).await.unwrap();
    let (second, second_was_known, is_ready) = add(service.as_ref(), HASH).await.unwrap();
    assert_eq!((first, first_was_known), (second, false));
    assert!(second_was_known && is_ready);
    assert_eq!(scene.count(ADDITIONS).await, 2);
}

/// Goal: a torrent that waits for a slot is ours, in preparation, and can be taken away again.
#[tokio::test]
async fn a_queued_torrent_is_in_preparation() {
    let scene = Scene::start().await;
    scene.0.stand_in.given_taken_slots();
    scene.given_torrent(film(HASH).ready_after(3)).await;
    let service = scene.service();
    let (torrent, was_known, is_ready) = add(service.as_ref(), HASH).await.unwrap();
    assert!(!was_known && !is_ready);
    let waiting = TorrentState::Preparing { progress: None, speed_bytes_per_s: None };
    assert_eq!(service.status(&call(), std::slice::from_ref(&torrent)).await.unwrap().remove(0), waiting);
    let both = [TorrentId("987654321".to_owned()), torrent.clone()];
    let states = service.status(&call(), &both).await.unwrap();
    assert!(matches!(&states[..], [TorrentState::Failed { .. }, second] if *second == waiting), "{states:?}");
    assert_eq!(service.files(&call(), &torrent).await.unwrap_err().kind(), ErrorKind::NotCached);
    service.remove(&call(), &torrent).await.unwrap();
    assert!(scene.account_torrents().await.is_empty());
    service.remove(&call(), &torrent).await.unwrap();
    let state = service.status(&call(), &[torrent]).await.unwrap().remove(0);
    assert!(matches!(state, TorrentState::Failed { .. }), "{state:?}");
}

/// Goal: a queued torrent that has started, under a new number, is still the same torrent: it becomes ready, opens and can be removed.
#[tokio::test]
async fn a_queued_torrent_is_followed_when_it_starts() {
    let scene = Scene::start().await;
    scene.0.stand_in.given_taken_slots();
    scene.given_torrent(film(HASH).ready_after(0)).await;
    let service = scene.service();
    let (torrent, ..) = add(service.as_ref(), HASH).await.unwrap();
    scene.0.stand_in.start_queued();
    assert_eq!(service.status(&call(), std::slice::from_ref(&torrent)).await.unwrap(), [TorrentState::Ready]);
    let file = service.files(&call(), &torrent).await.unwrap().remove(0);
    service.unlock(&call(), &file).await.unwrap();
    service.remove(&call(), &torrent).await.unwrap();
    assert!(scene.account_torrents().await.is_empty());
}

/// Goal: what the user has queued himself is his.
#[tokio::test]
async fn what_the_user_has_queued_is_his() {
    let scene = Scene::start().await;
    scene.given_torrent(film(HASH).ready_after(3)).await;
    scene.0.stand_in.given_in_queue(HASH);
    let (_, was_known, is_ready) = add(scene.service().as_ref(), HASH).await.unwrap();
    assert!(was_known && !is_ready);
    assert_eq!(scene.account_torrents().await, [HASH]);
}

/// Goal: a failure that comes with HTTP 200 is one; what is cached needs no slot.
#[tokio::test]
async fn no_free_slot_is_a_limit_of_the_account() {
    let scene = Scene::start().await;
    scene.0.stand_in.given_full_queue();
    scene.given_torrent(film(HASH).ready_after(3)).await;
    scene.given_torrent(film(OTHER)).await;
    let service = scene.service();
    assert_eq!(add(service.as_ref(), HASH).await.unwrap_err().kind(), ErrorKind::AccountLimit);
    assert!(add(service.as_ref(), OTHER).await.unwrap().2);
}

/// Goal: an account that has to pause says until when, in the account and in the error.
#[tokio::test]
async fn a_pause_says_how_long() {
    let scene = Scene::start().await;
    scene.given_torrent(film(HASH)).await;
    let service = scene.service();
    assert_eq!(service.account(&call()).await.unwrap().quota, None);
    scene.0.stand_in.given_cooldown(true);
    let quota = service.account(&call()).await.unwrap().quota.unwrap();
    assert!(quota.blocked_until.is_some_and(|until| until > SystemTime::now()));
    let error = add(service.as_ref(), HASH).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountLimit);
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7_199), "less than two hours by a fraction");
}

/// Goal: however many ask at once, the service's rate limit is never touched (OUT-06).
/// Method: more requests than pass in a second, against a stand-in that counts them.
#[tokio::test]
async fn an_account_keeps_its_pace() {
    let scene = Scene::start().await;
    let service = scene.service();
    let call = Call::within(Duration::from_secs(30));
    try_join_all((0..11).map(|_| service.account(&call))).await.unwrap();
    assert_eq!(scene.0.requests().await.len(), 11, "none was refused and sent again");
}

/// Goal: additions stay below their own, much lower limit: who cannot wait for his turn is told at once how long it is.
#[tokio::test]
async fn additions_keep_their_own_pace() {
    let scene = Scene::start().await;
    let service = scene.service();
    for number in 0..6 {
        add(service.as_ref(), numbered(number)).await.unwrap();
    }
    let error = add(service.as_ref(), numbered(6)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some());
    assert_eq!(scene.count(ADDITIONS).await, 6);
}

/// Goal: the key stands in the address of the one request that wants it there, and in no link.
#[tokio::test]
async fn the_key_is_in_the_address_for_links_alone() {
    let scene = Scene::start().await;
    scene.given_torrent(film(HASH)).await;
    let service = scene.service();
    service.account(&call()).await.unwrap();
    service.check_cached(&call(), &[HASH]).await.unwrap();
    let (torrent, ..) = add(service.as_ref(), HASH).await.unwrap();
    let file = service.files(&call(), &torrent).await.unwrap().remove(0);
    let link = service.unlock(&call(), &file).await.unwrap();
    service.remove(&call(), &torrent).await.unwrap();
    let with_key: Vec<String> =
        scene.0.requests().await.into_iter().filter(|request| request.contains(Scene::KEY)).collect();
    assert!(matches!(&with_key[..], [only] if only.starts_with("/v1/api/torrents/requestdl?")), "{with_key:?}");
    assert!(!link.url.as_str().contains(Scene::KEY));
    assert!(link.expires_at.is_some_and(|end| end > SystemTime::now()));
}

/// Goal: an account with more torrents than a page is read to its end.
/// Method: the last of 405 torrents is asked about beside the first, then added: it is on the third page.
#[tokio::test]
async fn an_account_is_read_page_by_page() {
    let scene = Scene::start().await;
    for number in 0..405 {
        scene.given_torrent(film(numbered(number))).await;
        scene.given_in_account(numbered(number)).await;
    }
    let service = scene.service();
    let asked = ["405", "1", "406"].map(|id| TorrentId(id.to_owned()));
    let states = service.status(&call(), &asked).await.unwrap();
    assert!(
        matches!(states.as_slice(), [TorrentState::Ready, TorrentState::Ready, TorrentState::Failed { .. }]),
        "{states:?}"
    );
    assert_eq!(scene.count("/v1/api/torrents/mylist").await, 3);
    assert_eq!(add(service.as_ref(), numbered(404)).await.unwrap(), (TorrentId("405".to_owned()), true, true));
}

/// Goal: when the account cannot be read, nobody can tell what was there: what is added counts as the user's.
/// Method: names so long that the list is above its cap of a body: the listing fails, the addition works.
#[tokio::test]
async fn what_cannot_be_told_counts_as_the_users() {
    let scene = Scene::start().await;
    let name = "n".repeat(100_000);
    for number in 0..200 {
        scene.given_torrent(StandInTorrent::new(numbered(number), name.clone())).await;
        scene.given_in_account(numbered(number)).await;
    }
    scene.given_torrent(film(HASH)).await;
    let call = Call::within(Duration::from_secs(30));
    let added = scene.service().add(&call, &Magnet::from_hash(HASH).into()).await.unwrap();
    assert!(added.was_known && added.is_ready);
}
