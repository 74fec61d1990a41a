//! What is particular to Debrid-Link.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prostream_core::ErrorKind;
use prostream_core::model::{InfoHash, Magnet};
use prostream_core::net::{Call, Secret};
use prostream_core::provider::debrid::debrid_link::{DebridLinkConfig, DebridLinkSignIn};
use prostream_core::provider::debrid::{
    DebridConfig, DebridService, DebridSignIn, SignInState, TorrentId, TorrentState,
};
use prostream_core::provider::indexer::TorrentLink;
use prostream_core::testing::debrid::DebridScene;
use prostream_core::testing::stand_in::{DebridLinkStandIn, Mishap, StandInTorrent};

use crate::scenes::Mounted;

struct Scene(Mounted<DebridLinkStandIn>);

const CLIENT_ID: &str = "t3st-cl1ent";

#[async_trait]
impl DebridScene for Scene {
    const KEY: &'static str = "debrid-link-t3st-k3y";

    /// The service says no more than that it has not added the torrent.
    const BLOCKED: ErrorKind = ErrorKind::Unavailable;

    async fn start() -> Self {
        let media = "http://media.example/films/".parse().unwrap();
        Self(Mounted::new(DebridLinkStandIn::new(Self::KEY, CLIENT_ID, media)).await)
    }

    fn service_with_key(&self, key: &str) -> Arc<dyn DebridService> {
        let config = DebridLinkConfig { base_url: self.0.url(""), ..DebridLinkConfig::new(Secret::new(key)) };
        DebridConfig::DebridLink(config).build(&self.0.http).unwrap()
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
        Arc::new(DebridLinkSignIn::new(self.0.url(""), CLIENT_ID, self.0.http.clone()))
    }
}

prostream_core::debrid_suite!(Scene);

const HASH: InfoHash = InfoHash([0x33; 20]);

fn call() -> Call {
    Call::within(Duration::from_secs(30))
}

fn film() -> StandInTorrent {
    StandInTorrent::new(HASH, "Film").with_file("Film/Film.mkv", 7)
}

fn link() -> TorrentLink {
    Magnet::from_hash(HASH).into()
}

/// Many torrents, none of them [`HASH`].
async fn given_many_in_account(scene: &Scene, count: u16) {
    for number in 0..count {
        let mut hash = [0x44; 20];
        hash[..2].copy_from_slice(&number.to_be_bytes());
        scene.given_in_account(InfoHash(hash)).await;
    }
}

/// Goal: what lies on the last page of the account is the user's, too, and what is added newly is ours.
#[tokio::test]
async fn all_pages_of_the_account_are_looked_through() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    scene.given_in_account(HASH).await;
    given_many_in_account(&scene, 250).await;
    assert!(scene.service().add(&call(), &link()).await.unwrap().was_known);
    scene.service().remove(&call(), &TorrentId(HASH.to_string()[..24].to_owned())).await.unwrap();
    let added = scene.service().add(&call(), &link()).await.unwrap();
    assert!(added.is_ready && !added.was_known);
}

/// Goal: an account too large to be looked through cannot be told apart from what we add: that counts as the user's.
#[tokio::test]
async fn what_cannot_be_told_counts_as_the_users() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    given_many_in_account(&scene, 2_001).await;
    let added = scene.service().add(&call(), &link()).await.unwrap();
    assert!(added.was_known && added.is_ready);
}

/// Goal: an id that the service does not know makes it answer with the whole account, and nothing of that is taken for what was asked.
/// Method: the torrent asked for beside it lies on the last page.
#[tokio::test]
async fn a_lifted_filter_mixes_nothing_up() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    let service = scene.service();
    let torrent = service.add(&call(), &link()).await.unwrap().torrent;
    given_many_in_account(&scene, 250).await;
    let strange = TorrentId("123456".to_owned());
    let states = service.status(&call(), &[strange.clone(), torrent]).await.unwrap();
    assert!(matches!(states.as_slice(), [TorrentState::Failed { .. }, TorrentState::Ready]), "{states:?}");
    assert_eq!(service.files(&call(), &strange).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Goal: a route that was asked too often is left alone for the hour, every other one goes on.
#[tokio::test]
async fn a_flooded_route_is_left_alone_for_an_hour() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    scene.0.stand_in.given_flood(Some("seedbox/add"));
    let service = scene.service();
    let hour = Duration::from_secs(3_600);
    let error = service.add(&call(), &link()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(hour)));
    let adds = async || scene.0.requests().await.iter().filter(|path| path.ends_with("/seedbox/add")).count();
    let asked = adds().await;
    let error = service.add(&call(), &link()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some_and(|wait| wait <= hour) && error.advice().is_some());
    assert_eq!(adds().await, asked, "not asked again");
    service.account(&call()).await.unwrap();
}

/// Goal: a link is looked up when it is wanted, never handed out from before.
#[tokio::test]
async fn a_link_is_always_a_fresh_one() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    let service = scene.service();
    let added = service.add(&call(), &link()).await.unwrap();
    let file = service.files(&call(), &added.torrent).await.unwrap().remove(0);
    scene.0.stand_in.expire_links();
    let fresh = service.unlock(&call(), &file).await.unwrap();
    assert!(scene.0.stand_in.is_live_link(fresh.url.query().unwrap()));
    service.remove(&call(), &added.torrent).await.unwrap();
    assert_eq!(service.unlock(&call(), &file).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Goal: files that come as a single archive cannot be played, and that is said.
#[tokio::test]
async fn an_archive_is_no_film() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    scene.0.stand_in.given_archives();
    let service = scene.service();
    let added = service.add(&call(), &link()).await.unwrap();
    let error = service.files(&call(), &added.torrent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.advice().is_some());
}

/// Goal: files that are listed one by one play, though the service offers them as an archive as well.
#[tokio::test]
async fn an_archive_beside_the_files_is_in_nobodys_way() {
    let scene = Scene::start().await;
    scene.given_torrent(film().with_file("Film/Extra.mkv", 5).with_file("Film/Film.nfo", 1)).await;
    scene.0.stand_in.given_archives_beside_files();
    let service = scene.service();
    let added = service.add(&call(), &link()).await.unwrap();
    let files = service.files(&call(), &added.torrent).await.unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.entry.path.as_str()).collect();
    assert_eq!(paths, ["Film/Film.mkv", "Film/Extra.mkv", "Film/Film.nfo"]);
    let fresh = service.unlock(&call(), &files[1]).await.unwrap();
    assert_eq!(fresh.file_name.as_deref(), Some("Extra.mkv"));
}

/// Goal: a tree that cannot be read costs the folders, not the files.
#[tokio::test]
async fn a_strange_tree_is_asked_for_as_a_list() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    scene.0.stand_in.given_strange_trees();
    let service = scene.service();
    let added = service.add(&call(), &link()).await.unwrap();
    let file = service.files(&call(), &added.torrent).await.unwrap().remove(0);
    assert_eq!((file.entry.path.as_str(), file.entry.size_bytes), ("Film.mkv", 7));
    service.unlock(&call(), &file).await.unwrap();
}

/// Goal: the owner sees what may still be fetched; an account whose limits are not told is no worse an account.
#[tokio::test]
async fn the_quota_is_told_where_it_is_known() {
    let scene = Scene::start().await;
    let quota = scene.service().account(&call()).await.unwrap().quota.unwrap();
    assert_eq!(quota.used, Some(0.25));
    assert!(quota.left_bytes.is_some_and(|left| left > 0) && quota.blocked_until.is_none());
    scene.given_used_up_quota().await;
    let quota = scene.service().account(&call()).await.unwrap().quota.unwrap();
    assert_eq!(quota.used, Some(1.0));
    scene.0.stand_in.given_no_limits();
    let account = scene.service().account(&call()).await.unwrap();
    assert!(account.is_premium && account.quota.is_none());
}

/// Goal: more torrents in preparation than the plan allows are a limit of the account.
#[tokio::test]
async fn too_many_transfers_are_an_account_limit() {
    let scene = Scene::start().await;
    given_many_in_account(&scene, 20).await;
    let error = scene.service().add(&call(), &link()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountLimit);
}

/// Goal: where this server is refused, a viewer who fetches by himself is still served: his address counts.
#[tokio::test]
async fn a_viewer_who_fetches_by_himself_is_served() {
    let scene = Scene::start().await;
    scene.given_torrent(film()).await;
    scene.given_refused_address().await;
    let his = Call { viewer_address: Some("2001:db8::7".parse().unwrap()), ..call() };
    let service = scene.service();
    let broken = TorrentLink::File { info_hash: HASH, bytes: "no torrent".into() };
    assert_eq!(service.add(&his, &broken).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let added = service.add(&his, &link()).await.unwrap();
    let file = service.files(&his, &added.torrent).await.unwrap().remove(0);
    service.unlock(&his, &file).await.unwrap();
    assert!(scene.viewer_addresses().await.iter().all(|address| address == "2001:db8::7"));
}

/// Goal: a program that the service does not know is told so at once.
#[tokio::test]
async fn an_unknown_program_cannot_sign_in() {
    let scene = Scene::start().await;
    let sign_in = DebridLinkSignIn::new(scene.0.url(""), "str4nger", scene.0.http.clone());
    let error = sign_in.begin(&call()).await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Unauthorized, Some("debrid_link")));
}

/// Goal: a key can be renewed again and again, although the service names what renews it only once.
#[tokio::test]
async fn a_grant_can_be_renewed_more_than_once() {
    let scene = Scene::start().await;
    let sign_in = scene.sign_in();
    let prompt = sign_in.begin(&call()).await.unwrap();
    scene.given_sign_in(true).await;
    let SignInState::Granted(mut grant) = sign_in.poll(&call(), &prompt).await.unwrap() else { panic!("not granted") };
    for _ in 0..2 {
        grant = sign_in.renew(&call(), &grant.renewal.unwrap()).await.unwrap();
        assert!(grant.expires_at.is_some());
    }
    scene.service_with_key(grant.key.expose()).account(&call()).await.unwrap();
}
