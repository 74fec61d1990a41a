//! What is particular to Real-Debrid.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use prostream_core::ErrorKind;
use prostream_core::model::{InfoHash, Magnet};
use prostream_core::net::{Call, Secret};
use prostream_core::provider::debrid::real_debrid::{RealDebridConfig, RealDebridSignIn};
use prostream_core::provider::debrid::{
    Added, DebridConfig, DebridService, DebridSignIn, SignInState, TorrentId, TorrentState,
};
use prostream_core::testing::debrid::DebridScene;
use prostream_core::testing::stand_in::{Mishap, RealDebridStandIn, StandInTorrent};

use crate::scenes::Mounted;

struct Scene(Mounted<RealDebridStandIn>);

#[async_trait]
impl DebridScene for Scene {
    const KEY: &'static str = "real-debrid-t3st-k3y";

    async fn start() -> Self {
        let media = "http://media.example/films/".parse().unwrap();
        Self(Mounted::new(RealDebridStandIn::new(Self::KEY, media)).await)
    }

    fn service_with_key(&self, key: &str) -> Arc<dyn DebridService> {
        let config = RealDebridConfig { base_url: self.0.url(""), ..RealDebridConfig::new(Secret::new(key)) };
        DebridConfig::RealDebrid(config).build(&self.0.http).unwrap()
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
        self.0.stand_in.given_used_up_traffic();
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
        Arc::new(RealDebridSignIn::new(self.0.url(""), self.0.http.clone()))
    }
}

prostream_core::debrid_suite!(Scene);

const HASH: InfoHash = InfoHash([0x33; 20]);

fn call() -> Call {
    Call::within(Duration::from_secs(10))
}

/// Videos with other files between them; numbers start at 1.
fn pack() -> StandInTorrent {
    let files = [("a.nfo", 1), ("E01.mkv", 10), ("E01.srt", 2), ("E02.mkv", 20), ("z.txt", 3)];
    files.iter().fold(StandInTorrent::new(HASH, "Show"), |torrent, (name, size)| {
        torrent.with_file(format!("Show/{name}"), *size)
    })
}

async fn add(service: &dyn DebridService, info_hash: InfoHash) -> Added {
    service.add(&call(), &Magnet::from_hash(info_hash).into()).await.unwrap()
}

/// The link's file for each file of the torrent, or the kind of error.
async fn unlocked(service: &dyn DebridService, torrent: &TorrentId) -> Vec<Result<String, ErrorKind>> {
    let mut unlocked = Vec::new();
    for file in service.files(&call(), torrent).await.unwrap() {
        let link = service.unlock(&call(), &file).await;
        unlocked.push(link.map(|link| link.file_name.unwrap()).map_err(|error| error.kind()));
    }
    unlocked
}

/// Goal: only videos are chosen, so that each has its link and the link is that of its own file; the others say why there is none.
#[tokio::test]
async fn each_video_has_its_own_link() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    let service = scene.service();
    let added = add(service.as_ref(), HASH).await;
    assert_eq!(scene.0.stand_in.selected_files(), [[2, 4]]);
    let none = Err(ErrorKind::Unsupported);
    let expected = [none.clone(), Ok("E01.mkv".to_owned()), none.clone(), Ok("E02.mkv".to_owned()), none];
    assert_eq!(unlocked(service.as_ref(), &added.torrent).await, expected);
}

/// Goal: a link that is longer than the service takes it is asked for once more as long as usual, and only such a one is.
#[tokio::test]
async fn a_link_that_is_too_long_is_cut() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    scene.0.stand_in.given_long_links();
    let service = scene.service();
    let added = add(service.as_ref(), HASH).await;
    let files = service.files(&call(), &added.torrent).await.unwrap();
    assert!(files[1].handle.expose().len() > files[0].handle.expose().len());
    assert_eq!(service.unlock(&call(), &files[1]).await.unwrap().file_name.as_deref(), Some("E01.mkv"));
    service.remove(&call(), &added.torrent).await.unwrap();
    let before = scene.0.requests().await.len();
    assert_eq!(service.unlock(&call(), &files[1]).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(scene.0.requests().await.len(), before + 2);
}

/// Goal: what the user chose stays his choice; where another of its videos is wanted, one of ours plays it beside his, is found the next time,
/// and goes without his.
#[tokio::test]
async fn the_users_choice_is_not_changed() {
    for chosen in [vec![4], vec![2, 3]] {
        let scene = Scene::start().await;
        scene.given_torrent(pack()).await;
        scene.0.stand_in.given_selected_in_account(HASH, &chosen);
        let service = scene.service();
        let added = add(service.as_ref(), HASH).await;
        assert!(!added.was_known && added.is_ready, "{chosen:?}");
        assert_eq!(scene.0.stand_in.selected_files(), [chosen.clone(), vec![2, 4]]);
        let files = service.files(&call(), &added.torrent).await.unwrap();
        service.select(&call(), &added.torrent, &files[1..2]).await.unwrap();
        assert_eq!(service.unlock(&call(), &files[1]).await.unwrap().file_name.as_deref(), Some("E01.mkv"));
        let error = service.select(&call(), &added.torrent, &files[..1]).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.advice().is_some(), "no video");
        // Also by who has just begun, and looks at his first.
        let again = add(scene.service().as_ref(), HASH).await;
        assert_eq!((&again.torrent, again.was_known), (&added.torrent, true));
        service.remove(&call(), &added.torrent).await.unwrap();
        assert_eq!(scene.0.stand_in.selected_files(), [chosen]);
    }
}

/// Goal: extras that the user left out are not worth an entry of ours.
#[tokio::test]
async fn extras_are_not_missed() {
    let scene = Scene::start().await;
    let torrent = StandInTorrent::new(HASH, "Film").with_file("Film/film.mkv", 90).with_file("Film/sample.mkv", 29);
    scene.given_torrent(torrent).await;
    scene.0.stand_in.given_selected_in_account(HASH, &[1]);
    let added = add(scene.service().as_ref(), HASH).await;
    assert!(added.was_known && added.is_ready);
    assert_eq!(scene.account_torrents().await, [HASH]);
}

/// Goal: where the service would have to fetch what the user left out, nothing of ours is left, and what he has still plays.
#[tokio::test]
async fn what_is_there_does_where_the_rest_is_not() {
    let scene = Scene::start().await;
    scene.given_torrent(pack().ready_after(2)).await;
    scene.0.stand_in.given_selected_in_account(HASH, &[4]);
    let service = scene.service();
    let first = add(service.as_ref(), HASH).await;
    while service.status(&call(), std::slice::from_ref(&first.torrent)).await.unwrap() != [TorrentState::Ready] {}
    let added = add(service.as_ref(), HASH).await;
    assert_eq!((&added.torrent, added.was_known, added.is_ready), (&first.torrent, true, true));
    assert_eq!(scene.0.stand_in.selected_files(), [[4]]);
    let files = service.files(&call(), &added.torrent).await.unwrap();
    let request_count = scene.0.requests().await.len();
    let error = service.select(&call(), &added.torrent, &files[1..2]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.advice().is_some());
    assert_eq!(scene.0.requests().await.len(), request_count);
    assert_eq!(service.unlock(&call(), &files[3]).await.unwrap().file_name.as_deref(), Some("E02.mkv"));
}

/// Goal: an archive is said to be one, with advice, and never taken for a file.
#[tokio::test]
async fn a_packed_torrent_is_unsupported() {
    let scene = Scene::start().await;
    scene.given_torrent(pack().ready_after(2)).await;
    scene.0.stand_in.given_selected_in_account(HASH, &[2, 3]);
    let service = scene.service();
    let first = add(service.as_ref(), HASH).await;
    while service.status(&call(), std::slice::from_ref(&first.torrent)).await.unwrap() != [TorrentState::Ready] {}
    let added = add(service.as_ref(), HASH).await;
    let error = service.files(&call(), &added.torrent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.advice().is_some());
    assert_eq!(scene.account_torrents().await, [HASH]);
}

/// Goal: an entry of the user that leads nowhere is left as it is, and one of ours comes beside it and goes again.
#[tokio::test]
async fn an_unfinished_entry_of_the_user_is_left_alone() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    scene.0.stand_in.given_selected_in_account(HASH, &[]);
    let service = scene.service();
    let added = add(service.as_ref(), HASH).await;
    assert!(!added.was_known && added.is_ready);
    assert_eq!(scene.0.stand_in.selected_files(), [vec![], vec![2, 4]]);
    service.remove(&call(), &added.torrent).await.unwrap();
    assert_eq!(scene.0.stand_in.selected_files(), [Vec::<usize>::new()]);
}

/// Goal: a torrent is found however far behind it lies in the account.
/// Method: more torrents than pages of the stand-in hold; the one asked for is the oldest.
#[tokio::test]
async fn the_whole_account_is_looked_through() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    scene.given_in_account(HASH).await;
    for index in (0..251_u8).filter(|index| InfoHash([*index; 20]) != HASH) {
        scene.given_in_account(InfoHash([index; 20])).await;
    }
    let service = scene.service();
    let added = add(service.as_ref(), HASH).await;
    assert!(added.was_known && added.is_ready);
    let pages = scene.0.requests().await.iter().filter(|path| path.contains("/torrents?")).count();
    assert_eq!(pages, 3);
    assert_eq!(scene.account_torrents().await.iter().filter(|hash| **hash == HASH).count(), 1);
}

/// Goal: where the account is larger than what is read of it nobody can tell what was there: what is added counts as the user's, and plays.
#[tokio::test]
async fn what_cannot_be_told_counts_as_the_users() {
    let scene = Scene::start().await;
    let film = pack();
    for index in 0..1_001_u16 {
        let mut hash = [0x44; 20];
        hash[..2].copy_from_slice(&index.to_be_bytes());
        let hash = InfoHash(hash);
        scene.given_torrent(StandInTorrent { info_hash: hash, ..film.clone() }).await;
        scene.given_in_account(hash).await;
    }
    scene.given_torrent(film).await;
    let service = scene.service();
    let added = service.add(&Call::within(Duration::from_secs(30)), &Magnet::from_hash(HASH).into()).await.unwrap();
    assert!(added.was_known && added.is_ready);
    let files = service.files(&call(), &added.torrent).await.unwrap();
    assert!(service.unlock(&call(), &files[1]).await.is_ok());
}

/// Goal: a listing may be old: what its owner has removed since is added, and what he has added since is used when the service says so.
#[tokio::test]
async fn an_old_listing_is_put_right() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    scene.given_in_account(HASH).await;
    let service = scene.service();
    assert!(add(service.as_ref(), HASH).await.was_known);
    scene.0.stand_in.removed_by_user(HASH);
    let added = add(service.as_ref(), HASH).await;
    assert!(!added.was_known && added.is_ready);

    let other = InfoHash([0x55; 20]);
    scene.given_torrent(StandInTorrent { info_hash: other, ..pack() }).await;
    scene.given_in_account(other).await;
    scene.0.stand_in.given_refused_doubles();
    let found = add(service.as_ref(), other).await;
    assert!(found.was_known && found.is_ready);
    assert_eq!(scene.account_torrents().await, [HASH, other]);
}

/// Goal: a magnet whose files are known a little later is waited for; one whose files come much later is chosen from when it is asked about.
#[tokio::test]
async fn files_that_are_known_late_are_chosen() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    scene.0.stand_in.given_late_metadata(1);
    let service = scene.service();
    let soon = add(service.as_ref(), HASH).await;
    assert!(soon.is_ready);
    service.remove(&call(), &soon.torrent).await.unwrap();

    scene.0.stand_in.given_late_metadata(5);
    let late = service.add(&Call::within(Duration::from_secs(2)), &Magnet::from_hash(HASH).into()).await.unwrap();
    assert!(!late.is_ready && !late.was_known);
    let mut looks = 0;
    while service.status(&call(), std::slice::from_ref(&late.torrent)).await.unwrap() != [TorrentState::Ready] {
        looks += 1;
        assert!(looks < 5, "its files were not chosen");
    }
    assert_eq!(scene.0.stand_in.selected_files(), [[2, 4]]);
}

/// Goal: content that may not be served is refused, and leaves nothing in the account, whether the service sees it before it has added it or
/// after.
#[tokio::test]
async fn infringing_content_is_refused_and_leaves_nothing() {
    for is_seen_late in [false, true] {
        let scene = Scene::start().await;
        scene.given_torrent(pack()).await;
        scene.0.stand_in.given_infringing(HASH, is_seen_late);
        let error = scene.service().add(&call(), &Magnet::from_hash(HASH).into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.advice().is_some() && scene.account_torrents().await.is_empty(), "{is_seen_late}");
    }
}

/// Goal: many torrents cost a listing, not a question each; the answers come in the order asked.
#[tokio::test]
async fn many_states_are_read_from_the_listing() {
    let scene = Scene::start().await;
    let hashes = [1_u8, 2, 3, 4, 5, 6].map(|byte| InfoHash([byte; 20]));
    for (at, hash) in hashes.into_iter().enumerate() {
        let torrent = StandInTorrent { info_hash: hash, ..pack() };
        scene.given_torrent(if at == 2 { torrent.ready_after(9) } else { torrent }).await;
        scene.given_in_account(hash).await;
    }
    let service = scene.service();
    let mut ids = Vec::new();
    for hash in hashes {
        ids.push(add(service.as_ref(), hash).await.torrent);
    }
    ids.insert(0, TorrentId("T999999999999".to_owned()));
    let before = scene.0.requests().await.len();
    let states = service.status(&call(), &ids).await.unwrap();
    assert_eq!(scene.0.requests().await.len(), before + 1);
    assert!(matches!(states[0], TorrentState::Failed { .. }));
    assert!(matches!(states[3], TorrentState::Preparing { .. }));
    let ready = states.iter().filter(|state| **state == TorrentState::Ready).count();
    assert_eq!((states.len(), ready), (7, 5));
}

/// Goal: after a complaint of too many requests nothing is sent for a while, neither again nor by others: refused requests count, too.
#[tokio::test]
async fn a_complaint_stops_all_requests() {
    let scene = Scene::start().await;
    let service = scene.service();
    scene.given_mishap(Some(Mishap::RateLimited { retry_after_s: None })).await;
    let error = service.account(&call()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(60))));
    scene.given_mishap(None).await;
    let error = service.account(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(30)));
    assert_eq!(scene.0.requests().await.len(), 1);
}

/// Goal: a 503 with a code is a verdict: it is not asked for again.
#[tokio::test]
async fn a_verdict_is_not_asked_for_twice() {
    let scene = Scene::start().await;
    scene.given_torrent(pack()).await;
    let service = scene.service();
    let added = add(service.as_ref(), HASH).await;
    let file = service.files(&call(), &added.torrent).await.unwrap().remove(1);
    scene.0.stand_in.given_used_up_traffic();
    let before = scene.0.requests().await.len();
    let error = service.unlock(&call(), &file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountLimit);
    assert_eq!(scene.0.requests().await.len(), before + 1);
}

/// Goal: however many ask at once, all are answered and none is sent twice (OUT-06).
#[tokio::test]
async fn an_account_keeps_its_pace() {
    let scene = Scene::start().await;
    let service = scene.service();
    let call = Call::within(Duration::from_secs(30));
    try_join_all((0..16).map(|_| service.account(&call))).await.unwrap();
    assert_eq!(scene.0.requests().await.len(), 16);
}

/// Goal: a grant says when it ends, what renews it is used up by that, and a prompt that has ended asks nobody.
#[tokio::test]
async fn grants_end_and_are_renewed_once() {
    let scene = Scene::start().await;
    let sign_in = scene.sign_in();
    let prompt = sign_in.begin(&call()).await.unwrap();
    assert_eq!((prompt.interval, prompt.url.path()), (Duration::from_secs(5), "/authorize"));
    scene.given_sign_in(true).await;
    let SignInState::Granted(grant) = sign_in.poll(&call(), &prompt).await.unwrap() else { panic!("not granted") };
    assert!(grant.expires_at.is_some_and(|end| end > SystemTime::now()));
    let renewal = grant.renewal.unwrap();
    let fresh = sign_in.renew(&call(), &renewal).await.unwrap();
    let again = sign_in.renew(&call(), &renewal).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Unauthorized);
    sign_in.renew(&call(), &fresh.renewal.unwrap()).await.unwrap();

    let mut ended = prompt;
    ended.expires_at = SystemTime::UNIX_EPOCH;
    let before = scene.0.requests().await.len();
    assert_eq!(sign_in.poll(&call(), &ended).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(scene.0.requests().await.len(), before);
}
