//! What is particular to Premiumize.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use prostream_core::ErrorKind;
use prostream_core::model::{InfoHash, Magnet};
use prostream_core::net::{Call, Secret};
use prostream_core::provider::debrid::premiumize::{PremiumizeConfig, PremiumizeSignIn};
use prostream_core::provider::debrid::{
    Cached, DebridConfig, DebridService, DebridSignIn, MAX_BATCH, SignInState, TorrentState,
};
use prostream_core::provider::indexer::TorrentLink;
use prostream_core::testing::debrid::DebridScene;
use prostream_core::testing::stand_in::{Mishap, PremiumizeStandIn, StandInTorrent, StandInUnlock};
use sha1::{Digest, Sha1};

use crate::scenes::Mounted;

const PROGRAM: &str = "a-program";

struct Scene(Mounted<PremiumizeStandIn>);

#[async_trait]
impl DebridScene for Scene {
    const KEY: &'static str = "premiumize-t3st-k3y";

    async fn start() -> Self {
        let media = "http://media.example/films/".parse().unwrap();
        Self(Mounted::new(PremiumizeStandIn::new(Self::KEY, PROGRAM, media)).await)
    }

    fn service_with_key(&self, key: &str) -> Arc<dyn DebridService> {
        let config = PremiumizeConfig { base_url: self.0.url(""), ..PremiumizeConfig::new(Secret::new(key)) };
        DebridConfig::Premiumize(config).build(&self.0.http).unwrap()
    }

    async fn given_torrent(&self, torrent: StandInTorrent) {
        self.0.stand_in.given_torrent(torrent);
    }

    async fn given_in_account(&self, info_hash: InfoHash) {
        self.0.stand_in.given_in_account(info_hash);
    }

    async fn given_expired_plan(&self) {
        self.0.stand_in.given_premium(false);
    }

    async fn given_refused_address(&self) {
        self.0.stand_in.given_refused_address(true);
    }

    async fn given_mishap(&self, mishap: Option<Mishap>) {
        self.0.stand_in.given_mishap(mishap);
    }

    async fn given_used_up_quota(&self) {
        self.0.stand_in.given_limit_used(1.0);
    }

    async fn given_sign_in(&self, is_accepted: bool) {
        self.0.stand_in.given_sign_in(is_accepted);
    }

    async fn account_torrents(&self) -> Vec<InfoHash> {
        self.0.stand_in.account_torrents()
    }

    async fn viewer_addresses(&self) -> Vec<String> {
        Vec::new()
    }

    async fn request_count(&self) -> usize {
        self.0.requests().await.len()
    }

    fn sign_in(&self) -> Arc<dyn DebridSignIn> {
        Arc::new(PremiumizeSignIn::new(self.0.url(""), PROGRAM, self.0.http.clone()))
    }
}

prostream_core::debrid_suite!(Scene);

const HASH: InfoHash = InfoHash([0x33; 20]);

fn call() -> Call {
    Call::within(Duration::from_secs(20))
}

fn magnet(info_hash: InfoHash) -> TorrentLink {
    Magnet::from_hash(info_hash).into()
}

fn show() -> StandInTorrent {
    StandInTorrent::new(HASH, "Show")
        .with_file("Show/S01/E01.mkv", 10)
        .with_file("Show/S01/E02.mkv", 20)
        .with_file("Show/readme.txt", 1)
}

impl Scene {
    async fn given(torrent: StandInTorrent) -> Self {
        let scene = Self::start().await;
        scene.given_torrent(torrent).await;
        scene
    }

    async fn asked(&self, path: &str) -> usize {
        self.0.requests().await.iter().filter(|asked| asked.starts_with(path)).count()
    }
}

/// Goal: a batch of hashes is one question, answered in its order.
#[tokio::test]
async fn a_batch_is_one_question() {
    let scene = Scene::given(show()).await;
    let mut hashes: Vec<InfoHash> = (0..MAX_BATCH as u8).map(|index| InfoHash([index; 20])).collect();
    hashes[70] = HASH;
    let answers = scene.service().check_cached(&call(), &hashes).await.unwrap();
    let expected: Vec<Cached> =
        hashes.iter().map(|hash| if *hash == HASH { Cached::Yes } else { Cached::No }).collect();
    assert_eq!(answers, expected);
    assert_eq!(scene.asked("/api/cache/check").await, 1);
    assert!(scene.service().check_cached(&call(), &[]).await.unwrap().is_empty());
}

/// Goal: what a short answer leaves out is not known, rather than not cached.
#[tokio::test]
async fn a_short_answer_leaves_the_rest_unknown() {
    let scene = Scene::given(show()).await;
    scene.0.stand_in.given_short_cache_answers();
    let answers = scene.service().check_cached(&call(), &[HASH, InfoHash([1; 20]), HASH]).await.unwrap();
    assert_eq!(answers, [Cached::Yes, Cached::No, Cached::Unknown]);
}

/// Goal: an uncached torrent that is added twice, or by a second instance, is one transfer, and the first alone may remove it.
#[tokio::test]
async fn an_uncached_torrent_is_one_transfer() {
    let scene = Scene::given(show().ready_after(100)).await;
    let service = scene.service();
    let first = service.add(&call(), &magnet(HASH)).await.unwrap();
    let second = service.add(&call(), &magnet(HASH)).await.unwrap();
    let elsewhere = scene.service().add(&call(), &magnet(HASH)).await.unwrap();
    assert!(!first.was_known && second.was_known && elsewhere.was_known);
    assert!(first.torrent == second.torrent && first.torrent == elsewhere.torrent);
    assert_eq!(scene.account_torrents().await, [HASH]);
    service.remove(&call(), &first.torrent).await.unwrap();
    assert!(scene.account_torrents().await.is_empty());
}

/// Goal: what was fetched is served from the cache under the same id, and removing it takes the transfer and its folder.
#[tokio::test]
async fn what_was_fetched_is_served_and_removed_whole() {
    let scene = Scene::given(show().ready_after(1)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(HASH)).await.unwrap();
    for _ in 0..2 {
        service.status(&call(), std::slice::from_ref(&added.torrent)).await.unwrap();
    }
    let again = service.add(&call(), &magnet(HASH)).await.unwrap();
    assert!(again.is_ready && again.torrent == added.torrent);
    let file = service.files(&call(), &added.torrent).await.unwrap().remove(0);
    service.unlock(&call(), &file).await.unwrap();
    assert_eq!(scene.asked("/api/folder").await, 0, "the cache serves it");
    service.remove(&call(), &added.torrent).await.unwrap();
    assert!(scene.account_torrents().await.is_empty());
}

/// Goal: a folder that the user has made his own stays; only the transfer goes.
#[tokio::test]
async fn a_folder_of_another_name_stays() {
    let scene = Scene::given(show().ready_after(0)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(HASH)).await.unwrap();
    assert!(!added.was_known);
    scene.0.stand_in.given_renamed_folder(HASH, "Mine");
    service.remove(&call(), &added.torrent).await.unwrap();
    assert_eq!(scene.account_torrents().await, [HASH]);
    assert_eq!((scene.asked("/api/folder/delete").await, scene.asked("/api/transfer/delete").await), (0, 1));
}

/// Goal: what has left the cache is served from the user's cloud, folders within folders and single files alike.
#[tokio::test]
async fn what_left_the_cache_is_served_from_the_cloud() {
    let single = StandInTorrent::new(HASH, "Film").with_file("Film.mkv", 7);
    let whole = [("Show/S01/E01.mkv", 10), ("Show/S01/E02.mkv", 20), ("Show/readme.txt", 1)];
    for (torrent, expected) in [(single, &[("Film.mkv", 7)][..]), (show(), &whole[..])] {
        let scene = Scene::given(torrent).await;
        scene.given_in_account(HASH).await;
        scene.0.stand_in.given_evicted(HASH);
        let service = scene.service();
        let added = service.add(&call(), &magnet(HASH)).await.unwrap();
        assert!(added.is_ready && added.was_known);
        let mut files = service.files(&call(), &added.torrent).await.unwrap();
        files.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
        let entries: Vec<(&str, u64)> =
            files.iter().map(|file| (file.entry.path.as_str(), file.entry.size_bytes)).collect();
        assert_eq!(entries, expected);
        let link = service.unlock(&call(), &files[0]).await.unwrap();
        assert_eq!(
            (link.size_bytes, link.file_name.as_deref()),
            (Some(expected[0].1), expected[0].0.rsplit('/').next())
        );
        assert!(link.url.as_str().starts_with("http://media.example/films/"));
    }
}

/// Goal: who clears the list of finished transfers still has their torrents, as long as they are cached; then they are gone.
#[tokio::test]
async fn a_cleared_list_is_no_end() {
    let scene = Scene::given(show()).await;
    let service = scene.service();
    scene.given_in_account(HASH).await;
    let added = service.add(&call(), &magnet(HASH)).await.unwrap();
    scene.0.stand_in.given_cleared_list();
    let status = async || service.status(&call(), std::slice::from_ref(&added.torrent)).await.unwrap().remove(0);
    assert_eq!(status().await, TorrentState::Ready);
    assert_eq!(service.files(&call(), &added.torrent).await.unwrap().len(), 3);
    scene.0.stand_in.given_evicted(HASH);
    assert!(matches!(status().await, TorrentState::Failed { .. }));
    assert_eq!(service.files(&call(), &added.torrent).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Goal: a torrent file that is not cached is uploaded; its transfer, which does not tell its hash, is found all the same.
#[tokio::test]
async fn an_uncached_torrent_file_is_uploaded() {
    let info = b"d6:lengthi3e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    let info_hash = InfoHash(Sha1::digest(info).as_slice().try_into().unwrap());
    let bytes: bytes::Bytes = [b"d4:info".as_slice(), info, b"e"].concat().into();
    let scene = Scene::given(StandInTorrent::new(info_hash, "a").with_file("a", 3).ready_after(1)).await;
    let service = scene.service();
    let link = TorrentLink::File { info_hash, bytes: bytes.clone() };
    let added = service.add(&call(), &link).await.unwrap();
    assert!(!added.was_known && !added.is_ready);
    let mut states = Vec::new();
    for _ in 0..2 {
        states.extend(service.status(&call(), std::slice::from_ref(&added.torrent)).await.unwrap());
    }
    assert!(
        matches!(states[..], [TorrentState::Preparing { progress: Some(_), .. }, TorrentState::Ready]),
        "{states:?}"
    );
    assert_eq!(service.files(&call(), &added.torrent).await.unwrap().len(), 1);
    service.remove(&call(), &added.torrent).await.unwrap();
    assert!(scene.account_torrents().await.is_empty());
    let other = TorrentLink::File { info_hash: HASH, bytes };
    assert_eq!(service.add(&call(), &other).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// Goal: a torrent file that the service fetches already, nobody can tell which, is "not yet", and nothing of the user's is touched.
#[tokio::test]
async fn a_torrent_file_that_is_there_is_not_yet() {
    let info = b"d6:lengthi3e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    let info_hash = InfoHash(Sha1::digest(info).as_slice().try_into().unwrap());
    let scene = Scene::given(StandInTorrent::new(info_hash, "a").with_file("a", 3).ready_after(100)).await;
    let link = TorrentLink::File { info_hash, bytes: [b"d4:info".as_slice(), info, b"e"].concat().into() };
    scene.service().add(&call(), &link).await.unwrap();
    let error = scene.service().add(&call(), &link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotCached);
    assert_eq!(scene.account_torrents().await, [info_hash]);
}

/// Goal: a banned torrent is a failure with its reason, and a refusal where its files are asked for.
#[tokio::test]
async fn a_banned_torrent_has_failed() {
    let scene = Scene::given(show().unlocking(StandInUnlock::Blocked)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(HASH)).await.unwrap();
    let state = service.status(&call(), std::slice::from_ref(&added.torrent)).await.unwrap().remove(0);
    assert!(matches!(&state, TorrentState::Failed { reason } if reason.contains("banned")), "{state:?}");
    assert_eq!(service.files(&call(), &added.torrent).await.unwrap_err().kind(), ErrorKind::Refused);
}

/// Goal: a transfer that failed before is no reason not to try again, and the new one is ours.
#[tokio::test]
async fn what_failed_is_tried_again() {
    let scene = Scene::given(show().failing()).await;
    scene.given_in_account(HASH).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(HASH)).await.unwrap();
    assert!(!added.was_known && !added.is_ready);
    service.remove(&call(), &added.torrent).await.unwrap();
    assert_eq!(scene.account_torrents().await, [HASH], "the user's own stays");
}

/// Goal: more downloads at once than allowed are a limit of the account.
#[tokio::test]
async fn too_many_downloads_are_an_account_limit() {
    let scene = Scene::start().await;
    (1..=25).for_each(|index| scene.0.stand_in.given_in_account(InfoHash([index; 20])));
    let error = scene.service().add(&call(), &magnet(HASH)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountLimit);
}

/// Goal: the fair-use points are told as the share that is used up.
#[tokio::test]
async fn fair_use_points_are_a_quota() {
    let scene = Scene::start().await;
    let used = async || scene.service().account(&call()).await.unwrap().quota.unwrap().used;
    assert_eq!(used().await, Some(0.25));
    scene.given_used_up_quota().await;
    assert_eq!(used().await, Some(1.0));
}

/// Goal: a rate limit that says nothing is answered with the pause that the service is known to want.
/// Method: a call that cannot wait for another try.
#[tokio::test]
async fn a_silent_rate_limit_means_two_minutes() {
    let scene = Scene::start().await;
    scene.given_mishap(Some(Mishap::RateLimited { retry_after_s: None })).await;
    let error = scene.service().account(&Call::within(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(120))));
}

/// Goal: a program that asks too often is told to slow down, one that is not known that it is not; a grant says when it ends.
#[tokio::test]
async fn sign_ins_tell_what_is_wrong() {
    let scene = Scene::start().await;
    let sign_in = scene.sign_in();
    let prompt = sign_in.begin(&call()).await.unwrap();
    scene.0.stand_in.given_hurried_sign_in();
    let error = sign_in.poll(&call(), &prompt).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some_and(|wait| wait > prompt.interval));
    let stranger = PremiumizeSignIn::new(scene.0.url(""), "another", scene.0.http.clone());
    let error = stranger.begin(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.advice().is_some_and(|advice| advice.contains("client id")));
    scene.given_sign_in(true).await;
    let SignInState::Granted(grant) = sign_in.poll(&call(), &prompt).await.unwrap() else { panic!("not granted") };
    assert!(grant.expires_at.is_some_and(|end| end > SystemTime::now()));
}
