//! What is particular to AllDebrid.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use prostream_core::ErrorKind;
use prostream_core::model::{InfoHash, Magnet};
use prostream_core::net::{Call, Secret};
use prostream_core::provider::debrid::alldebrid::{AllDebridConfig, AllDebridSignIn};
use prostream_core::provider::debrid::{DebridConfig, DebridService, DebridSignIn, RemoteFile};
use prostream_core::testing::debrid::DebridScene;
use prostream_core::testing::stand_in::{AllDebridStandIn, Mishap, StandInTorrent, StandInUnlock};

use crate::scenes::Mounted;

struct Scene(Mounted<AllDebridStandIn>);

#[async_trait]
impl DebridScene for Scene {
    const KEY: &'static str = "alldebrid-t3st-k3y";

    async fn start() -> Self {
        let media = "http://media.example/films/".parse().unwrap();
        Self(Mounted::new(AllDebridStandIn::new(Self::KEY, media)).await)
    }

    fn service_with_key(&self, key: &str) -> Arc<dyn DebridService> {
        let config = AllDebridConfig { base_url: self.0.url(""), ..AllDebridConfig::new(Secret::new(key)) };
        DebridConfig::AllDebrid(config).build(&self.0.http).unwrap()
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
        self.0.stand_in.given_used_up_quota();
    }

    async fn given_sign_in(&self, is_accepted: bool) {
        self.0.stand_in.given_pin(is_accepted);
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
        Arc::new(AllDebridSignIn::new(self.0.url(""), self.0.http.clone()))
    }
}

prostream_core::debrid_suite!(Scene);

const HASH: InfoHash = InfoHash([0x33; 20]);

async fn file_that_unlocks(scene: &Scene, unlock: StandInUnlock) -> (Arc<dyn DebridService>, RemoteFile) {
    scene.given_torrent(StandInTorrent::new(HASH, "Film").with_file("Film.mkv", 7).unlocking(unlock)).await;
    let service = scene.service();
    let call = Call::within(Duration::from_secs(10));
    let added = service.add(&call, &Magnet::from_hash(HASH).into()).await.unwrap();
    let file = service.files(&call, &added.torrent).await.unwrap().remove(0);
    (service, file)
}

/// Goal: a delayed link is waited for, no faster than allowed.
/// Method: it is ready at the second look, so after two waits of five seconds.
#[tokio::test]
async fn a_delayed_link_is_waited_for() {
    let scene = Scene::start().await;
    let (service, file) = file_that_unlocks(&scene, StandInUnlock::Delayed).await;
    let link = service.unlock(&Call::within(Duration::from_secs(60)), &file).await.unwrap();
    assert_eq!((link.size_bytes, link.file_name.as_deref()), (Some(7), Some("Film.mkv")));
    let looks = scene.0.requests().await.iter().filter(|path| path.ends_with("/link/delayed")).count();
    assert_eq!(looks, 2);
}

/// Goal: a link that never comes is an error, not a wait for ever.
#[tokio::test]
async fn a_delayed_link_can_fail() {
    let scene = Scene::start().await;
    let (service, file) = file_that_unlocks(&scene, StandInUnlock::DelayedInVain).await;
    let error = service.unlock(&Call::within(Duration::from_secs(60)), &file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// Goal: who cannot wait for a delayed link is told at once, and when to come back.
#[tokio::test]
async fn a_delayed_link_beyond_the_deadline_is_not_cached() {
    let scene = Scene::start().await;
    let (service, file) = file_that_unlocks(&scene, StandInUnlock::Delayed).await;
    let error = service.unlock(&Call::within(Duration::from_secs(3)), &file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotCached);
    assert!(error.retry_after().is_some());
}

/// Goal: a link to a video site's streams is said to be none to a file.
#[tokio::test]
async fn streams_are_no_file() {
    let scene = Scene::start().await;
    let (service, file) = file_that_unlocks(&scene, StandInUnlock::StreamsOnly).await;
    let error = service.unlock(&Call::within(Duration::from_secs(10)), &file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// Goal: maintenance is trouble that passes.
#[tokio::test]
async fn maintenance_is_unavailable() {
    let scene = Scene::start().await;
    scene.0.stand_in.given_maintenance(true);
    let error = scene.service().account(&Call::within(Duration::from_secs(10))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    scene.0.stand_in.given_maintenance(false);
    scene.service().account(&Call::within(Duration::from_secs(10))).await.unwrap();
}

/// Goal: however many ask at once, the service's rate limit is never touched (OUT-06).
/// Method: twice as many requests as pass in a second, against a stand-in that counts them.
#[tokio::test]
async fn an_account_keeps_its_pace() {
    let scene = Scene::start().await;
    let service = scene.service();
    let call = Call::within(Duration::from_secs(30));
    try_join_all((0..24).map(|_| service.account(&call))).await.unwrap();
    assert_eq!(scene.0.requests().await.len(), 24, "none was refused and sent again");
}

/// Goal: when the account cannot be read, nobody can tell what was there: what is added counts as the user's.
/// Method: more torrents than the listing's cap of a body: the listing fails, the addition works.
#[tokio::test]
async fn what_cannot_be_told_counts_as_the_users() {
    let scene = Scene::start().await;
    let name = "n".repeat(8_000);
    for index in 0..900u16 {
        let mut hash = [0x44; 20];
        hash[..2].copy_from_slice(&index.to_be_bytes());
        scene.given_torrent(StandInTorrent::new(InfoHash(hash), name.clone())).await;
        scene.given_in_account(InfoHash(hash)).await;
    }
    scene.given_torrent(StandInTorrent::new(HASH, "Film").with_file("Film.mkv", 7)).await;
    let added = scene.service().add(&Call::within(Duration::from_secs(30)), &Magnet::from_hash(HASH).into()).await;
    let added = added.unwrap();
    assert!(added.was_known && added.is_ready);
}
