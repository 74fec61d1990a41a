//! The rules of [`DebridService`], for every vendor.
//!
//! A vendor brings a [`DebridScene`]: its stand-in and itself in front of it. [`debrid_suite!`](crate::debrid_suite) makes a test of each
//! rule.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::model::{FileEntry, InfoHash, Magnet};
use crate::net::{Call, Secret};
use crate::provider::debrid::{Cached, DebridService, DebridSignIn, RemoteFile, SignInState, TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::testing::stand_in::{Mishap, OtherTypes, StandInTorrent, StandInUnlock};
use crate::{Error, ErrorKind};

/// Sets the stage at one vendor's stand-in, in our words. A fresh scene has a premium account without torrents.
#[async_trait]
pub trait DebridScene: Sized + Send + Sync {
    /// A key that the stand-in takes.
    const KEY: &'static str;

    /// What the service's word for content that it does not serve comes to: one that may not be final is not remembered as a refusal.
    const BLOCKED: ErrorKind = ErrorKind::Refused;

    /// A stand-in that listens, and nothing in it.
    async fn start() -> Self;

    /// The vendor in front of it, with `key`. Each call gives a fresh instance.
    fn service_with_key(&self, key: &str) -> Arc<dyn DebridService>;

    /// The service can get a torrent.
    async fn given_torrent(&self, torrent: StandInTorrent);

    /// The user has a torrent already.
    async fn given_in_account(&self, info_hash: InfoHash);

    /// The user's plan has ended.
    async fn given_expired_plan(&self);

    /// The service refuses the address that asks.
    async fn given_refused_address(&self);

    /// This happens to every request, or nothing any more.
    async fn given_mishap(&self, mishap: Option<Mishap>);

    /// The account has fetched all that its plan allows for now.
    async fn given_used_up_quota(&self);

    /// The owner has agreed to the sign-in, or let its code end.
    async fn given_sign_in(&self, is_accepted: bool);

    /// The addresses of viewers that the service was told, in order.
    async fn viewer_addresses(&self) -> Vec<String>;

    /// The sign-in in front of it; whoever signs in gets [`Self::KEY`].
    fn sign_in(&self) -> Arc<dyn DebridSignIn>;

    /// What the account holds.
    async fn account_torrents(&self) -> Vec<InfoHash>;

    /// How often the service was asked anything.
    async fn request_count(&self) -> usize;

    /// The vendor with the right key.
    fn service(&self) -> Arc<dyn DebridService> {
        self.service_with_key(Self::KEY)
    }
}

/// A test for each rule of this module; the argument is a [`DebridScene`]. The crate that uses it has tokio with its macros.
#[macro_export]
macro_rules! debrid_suite {
    ($scene:ty) => {
        $crate::debrid_suite!(@ $scene;
            reports_the_account an_expired_plan_is_an_account_limit a_wrong_key_is_unauthorized secrets_never_show
            says_of_the_cache_what_it_knows a_cached_torrent_is_ready_at_once an_uncached_torrent_becomes_ready
            an_unknown_torrent_stays_in_preparation adding_twice_changes_nothing torrent_files_are_taken what_the_user_had_is_known
            what_the_user_had_stays of_two_additions_at_once_one_is_ours removing_what_is_gone_is_no_error
            a_torrent_that_is_gone_has_failed states_come_in_the_order_asked files_are_flat_and_have_sizes
            files_come_when_the_torrent_is_ready unlocking_gives_a_link a_file_that_is_gone_is_not_found
            a_refused_address_is_refused a_rate_limit_says_how_long a_silent_429_stops_the_account a_web_page_is_unavailable broken_data_is_malformed
            a_bare_403_refuses_no_release
            values_of_other_types_are_no_answer
            a_passed_deadline_is_no_failure_of_the_service a_huge_body_is_cut several_are_added_in_the_order_given
            a_torrent_that_cannot_be_fetched_has_failed blocked_content_is_refused a_used_up_quota_is_an_account_limit
            the_viewers_address_is_told_only_when_he_fetches signing_in_gives_a_key_that_works
            a_sign_in_that_ended_is_unauthorized a_grant_that_ends_can_be_renewed
            a_check_up_tells_and_changes_nothing);
    };
    (@ $scene:ty; $($rule:ident)*) => { $(
        #[tokio::test]
        async fn $rule() {
            $crate::testing::debrid::$rule::<$scene>().await;
        }
    )* };
}

const MINE: InfoHash = InfoHash([0x11; 20]);
const YOURS: InfoHash = InfoHash([0x22; 20]);
const FILE: &str = "Paper.Boats.2019.1080p/Paper.Boats.2019.1080p.mkv";
const FILE_SIZE: u64 = 2_345_678_901;

/// Far less than any `Retry-After` of the rules, far more than a loopback needs.
fn call() -> Call {
    Call::within(Duration::from_secs(10))
}

fn film(info_hash: InfoHash) -> StandInTorrent {
    StandInTorrent::new(info_hash, "Paper.Boats.2019.1080p").with_file(FILE, FILE_SIZE)
}

fn magnet(info_hash: InfoHash) -> TorrentLink {
    TorrentLink::Magnet(Magnet::from_hash(info_hash))
}

/// What the account holds once a cached torrent was added.
fn held_when_cached(service: &dyn DebridService, info_hash: InfoHash) -> Vec<InfoHash> {
    if service.capabilities().serves_cached_unadded { Vec::new() } else { vec![info_hash] }
}

/// Goal: the owner sees whose account it is and that it may be used.
pub async fn reports_the_account<S: DebridScene>() {
    let scene = S::start().await;
    let account = scene.service().account(&call()).await.unwrap();
    assert!(account.is_premium);
    assert!(account.premium_until.is_some_and(|until| until > SystemTime::now()));
    assert!(!account.user_name.is_empty());
}

/// Goal: an ended plan is seen in the account and named as the reason, not as a wrong key or a missing torrent.
pub async fn an_expired_plan_is_an_account_limit<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    scene.given_expired_plan().await;
    let service = scene.service();
    let account = service.account(&call()).await.unwrap();
    assert!(!account.is_premium);
    assert!(account.premium_until.is_none_or(|until| until <= SystemTime::now()));
    let error = service.add(&call(), &magnet(MINE)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountLimit);
    assert!(error.advice().is_some());
}

/// Goal: a wrong key is said to be one, whatever is asked, with advice and the name of the service.
pub async fn a_wrong_key_is_unauthorized<S: DebridScene>() {
    let scene = S::start().await;
    let service = scene.service_with_key("wr0ng-k3y");
    let errors = [
        service.account(&call()).await.unwrap_err(),
        service.add(&call(), &magnet(MINE)).await.unwrap_err(),
        service.status(&call(), &[TorrentId("1".to_owned())]).await.unwrap_err(),
        service.files(&call(), &TorrentId("1".to_owned())).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert_eq!(error.provider(), Some(service.id().as_str()));
        assert!(error.advice().is_some());
    }
}

/// Everything that a log could hold of an error.
fn told(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {}", error.advice().unwrap_or_default());
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

/// Goal: no key, no direct link and no handle in anything that could be logged (PRIV-03).
pub async fn secrets_never_show<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    assert!(!format!("{service:?}").contains(S::KEY));
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    let file = service.files(&call(), &added.torrent).await.unwrap().remove(0);
    assert!(!format!("{file:?}").contains(file.handle.expose()));
    let link = service.unlock(&call(), &file).await.unwrap();
    assert!(!format!("{link:?}").contains(link.url.as_str()));
    for mishap in [Mishap::WebPage { status: 403 }, Mishap::Truncated, Mishap::WrongTypes, Mishap::Broken] {
        scene.given_mishap(Some(mishap)).await;
        let error = service.unlock(&call(), &file).await.unwrap_err();
        let told = told(&error);
        assert!(!told.contains(S::KEY) && !told.contains(file.handle.expose()), "{told}");
    }
    scene.given_mishap(None).await;
    let error = scene.service_with_key("wr0ng-k3y").account(&call()).await.unwrap_err();
    assert!(!told(&error).contains("wr0ng-k3y"));
}

/// Goal: an answer for each hash in the order asked, and never more than the service says.
pub async fn says_of_the_cache_what_it_knows<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let answer = service.check_cached(&call(), &[YOURS, MINE]).await.unwrap();
    if service.capabilities().has_cached_check {
        assert_eq!(answer, [Cached::No, Cached::Yes]);
    } else {
        assert_eq!(answer, [Cached::Unknown, Cached::Unknown]);
    }
    assert!(scene.account_torrents().await.is_empty(), "a question adds nothing");
}

/// Goal: what is cached can be unlocked as soon as it is added.
pub async fn a_cached_torrent_is_ready_at_once<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    assert!(added.is_ready && !added.was_known);
    assert_eq!(service.status(&call(), &[added.torrent]).await.unwrap(), [TorrentState::Ready]);
    assert_eq!(scene.account_torrents().await, held_when_cached(service.as_ref(), MINE));
}

/// Goal: what is not cached says how far it is, and then that it is ready.
pub async fn an_uncached_torrent_becomes_ready<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE).ready_after(3)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    assert!(!added.is_ready);
    let mut shares = Vec::new();
    for _ in 0..10 {
        match service.status(&call(), std::slice::from_ref(&added.torrent)).await.unwrap().remove(0) {
            TorrentState::Preparing { progress, .. } => shares.push(progress.unwrap()),
            TorrentState::Ready => break,
            TorrentState::Failed { reason } => panic!("{reason}"),
        }
    }
    assert_eq!(shares.len(), 3);
    assert!(shares.is_sorted() && shares[0] < shares[2], "{shares:?}");
    assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
    assert_eq!(service.status(&call(), &[added.torrent]).await.unwrap(), [TorrentState::Ready]);
}

/// Goal: a torrent that nobody has is no failure yet, and not ready.
pub async fn an_unknown_torrent_stays_in_preparation<S: DebridScene>() {
    let scene = S::start().await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    assert!(!added.is_ready);
    let state = service.status(&call(), &[added.torrent]).await.unwrap().remove(0);
    assert!(matches!(state, TorrentState::Preparing { .. }), "{state:?}");
}

/// Goal: adding what is there gives the same torrent and changes nothing.
pub async fn adding_twice_changes_nothing<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let first = service.add(&call(), &magnet(MINE)).await.unwrap();
    let second = service.add(&call(), &magnet(MINE)).await.unwrap();
    assert_eq!(first.torrent, second.torrent);
    assert_eq!(scene.account_torrents().await, held_when_cached(service.as_ref(), MINE));
}

/// Goal: a torrent file is as good as a magnet, where the service takes files.
pub async fn torrent_files_are_taken<S: DebridScene>() {
    use sha1::{Digest, Sha1};

    let scene = S::start().await;
    let service = scene.service();
    if !service.capabilities().takes_torrent_files {
        return;
    }
    let info = b"d6:lengthi3e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    let info_hash = InfoHash(Sha1::digest(info).as_slice().try_into().unwrap());
    scene.given_torrent(film(info_hash)).await;
    let bytes = [b"d8:announce15:http://t.exampl4:info".as_slice(), info, b"e"].concat().into();
    let added = service.add(&call(), &TorrentLink::File { info_hash, bytes }).await.unwrap();
    assert!(added.is_ready && !added.was_known);
    assert_eq!(scene.account_torrents().await, held_when_cached(service.as_ref(), info_hash));
    let broken = TorrentLink::File { info_hash, bytes: "no torrent".into() };
    assert_eq!(service.add(&call(), &broken).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// Goal: what the user added himself is known as his, what we add is not.
pub async fn what_the_user_had_is_known<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    scene.given_torrent(film(YOURS).ready_after(5)).await;
    scene.given_in_account(YOURS).await;
    let service = scene.service();
    assert!(service.add(&call(), &magnet(YOURS)).await.unwrap().was_known);
    assert!(!service.add(&call(), &magnet(MINE)).await.unwrap().was_known);
}

/// Goal: who removes what he newly added, and only that, leaves the account as it was.
pub async fn what_the_user_had_stays<S: DebridScene>() {
    let scene = S::start().await;
    for hash in [MINE, YOURS] {
        scene.given_torrent(film(hash)).await;
    }
    scene.given_in_account(YOURS).await;
    let service = scene.service();
    for hash in [YOURS, MINE, YOURS] {
        let added = service.add(&call(), &magnet(hash)).await.unwrap();
        if !added.was_known {
            service.remove(&call(), &added.torrent).await.unwrap();
        }
    }
    assert_eq!(scene.account_torrents().await, [YOURS]);
}

/// Goal: when two add the same torrent at once, at most one of them is told that it is his to remove.
pub async fn of_two_additions_at_once_one_is_ours<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let (call, link) = (call(), magnet(MINE));
    let (first, second) = futures_util::future::join(service.add(&call, &link), service.add(&call, &link)).await;
    let owners = [first, second].into_iter().filter(|added| !added.as_ref().unwrap().was_known).count();
    assert_eq!(owners, 1);
}

/// Goal: removing works once, and again is no error.
pub async fn removing_what_is_gone_is_no_error<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    service.remove(&call(), &added.torrent).await.unwrap();
    assert!(scene.account_torrents().await.is_empty());
    service.remove(&call(), &added.torrent).await.unwrap();
}

/// Goal: a torrent that is gone is told apart from one that is not ready.
pub async fn a_torrent_that_is_gone_has_failed<S: DebridScene>() {
    let scene = S::start().await;
    let service = scene.service();
    for gone in ["987654321", "no number"].map(|id| TorrentId(id.to_owned())) {
        let states = service.status(&call(), std::slice::from_ref(&gone)).await.unwrap();
        assert!(matches!(states.as_slice(), [TorrentState::Failed { .. }]), "{states:?}");
        assert_eq!(service.files(&call(), &gone).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

/// Goal: a batch is answered in its own order, whatever the service's is.
pub async fn states_come_in_the_order_asked<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE).ready_after(100)).await;
    scene.given_torrent(film(YOURS)).await;
    let service = scene.service();
    let slow = service.add(&call(), &magnet(MINE)).await.unwrap().torrent;
    let ready = service.add(&call(), &magnet(YOURS)).await.unwrap().torrent;
    let gone = TorrentId("987654321".to_owned());
    let states = service.status(&call(), &[gone, ready, slow]).await.unwrap();
    assert!(
        matches!(
            states.as_slice(),
            [TorrentState::Failed { .. }, TorrentState::Ready, TorrentState::Preparing { progress: Some(_), .. }]
        ),
        "{states:?}"
    );
    assert!(service.status(&call(), &[]).await.unwrap().is_empty());
}

/// Goal: every file once, with its whole path and its size, folders within folders included.
pub async fn files_are_flat_and_have_sizes<S: DebridScene>() {
    let scene = S::start().await;
    let pack = [("Show/S01/E01.mkv", 10), ("Show/S01/E02.mkv", 20), ("Show/S01/subs/E01.srt", 3), ("readme.txt", 1)];
    let torrent =
        pack.iter().fold(StandInTorrent::new(MINE, "Show"), |torrent, (path, size)| torrent.with_file(*path, *size));
    scene.given_torrent(torrent).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    let files = service.files(&call(), &added.torrent).await.unwrap();
    let mut entries: Vec<FileEntry> = files.into_iter().map(|file| file.entry).collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    assert_eq!(entries, pack.map(|(path, size_bytes)| FileEntry { path: path.to_owned(), size_bytes }));
}

/// Goal: files of a torrent in preparation are "not yet", not "none".
pub async fn files_come_when_the_torrent_is_ready<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE).ready_after(100)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    assert_eq!(service.files(&call(), &added.torrent).await.unwrap_err().kind(), ErrorKind::NotCached);
}

async fn first_file(service: &dyn DebridService, info_hash: InfoHash) -> RemoteFile {
    let added = service.add(&call(), &magnet(info_hash)).await.unwrap();
    service.files(&call(), &added.torrent).await.unwrap().remove(0)
}

/// Goal: a file becomes an address with its size and name.
pub async fn unlocking_gives_a_link<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let file = first_file(service.as_ref(), MINE).await;
    let link = service.unlock(&call(), &file).await.unwrap();
    assert!(matches!(link.url.scheme(), "http" | "https"));
    assert_eq!(link.size_bytes, Some(FILE_SIZE));
    assert_eq!(link.file_name.as_deref(), FILE.rsplit('/').next());
}

/// Goal: a file that is gone is said to be, so that the next release is tried.
pub async fn a_file_that_is_gone_is_not_found<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE).unlocking(StandInUnlock::Down)).await;
    let service = scene.service();
    let file = first_file(service.as_ref(), MINE).await;
    assert_eq!(service.unlock(&call(), &file).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Goal: a refused address is a final refusal with advice in plain words, at adding and at unlocking.
pub async fn a_refused_address_is_refused<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let file = first_file(service.as_ref(), MINE).await;
    scene.given_refused_address().await;
    for error in
        [service.add(&call(), &magnet(YOURS)).await.unwrap_err(), service.unlock(&call(), &file).await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::AddressRefused);
        assert!(!error.kind().is_transient());
        assert!(error.advice().is_some_and(|advice| advice.contains("address")), "{:?}", error.advice());
    }
}

/// Goal: the wait that the service asks for reaches the caller, who is not kept waiting for it.
pub async fn a_rate_limit_says_how_long<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_mishap(Some(Mishap::RateLimited { retry_after_s: Some(120) })).await;
    let error = scene.service().account(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
}

/// Goal: a 429 that names no time is told with one, and until then nothing is asked again, neither by whom it was told nor by others of the
/// account, who are told how long at once.
pub async fn a_silent_429_stops_the_account<S: DebridScene>() {
    let scene = S::start().await;
    let service = scene.service();
    scene.given_mishap(Some(Mishap::RateLimited { retry_after_s: None })).await;
    let error = service.account(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let pause = error.retry_after().unwrap();
    assert!(pause > Duration::from_secs(10), "longer than any of these waits: {pause:?}");
    scene.given_mishap(None).await;
    for _ in 0..3 {
        let error = service.account(&call()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().is_some_and(|left| left <= pause && left > pause / 2));
    }
    assert_eq!(scene.request_count().await, 1);
}

/// Goal: what stands between us and the service, and speaks HTML, is trouble that passes.
pub async fn a_web_page_is_unavailable<S: DebridScene>() {
    let scene = S::start().await;
    let service = scene.service();
    let mishaps = [200, 403, 503].map(|status| Mishap::WebPage { status }).into_iter().chain([Mishap::Broken]);
    for mishap in mishaps {
        scene.given_mishap(Some(mishap)).await;
        for error in
            [service.account(&call()).await.unwrap_err(), service.add(&call(), &magnet(MINE)).await.unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{mishap:?}: {error}");
        }
    }
}

/// Goal: a 403 of what stands before the service, in plain text, is never taken for a refusal of what was asked for: those are remembered. Where
/// it names a rule against addresses it is told as that, and else as trouble that passes.
pub async fn a_bare_403_refuses_no_release<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let torrent = service.add(&call(), &magnet(MINE)).await.unwrap().torrent;
    let file = service.files(&call(), &torrent).await.unwrap().remove(0);
    for (text, kind) in [
        ("error code: 1006", ErrorKind::AddressRefused),
        ("error code: 1020", ErrorKind::AddressRefused),
        ("error code: 1010", ErrorKind::Unavailable),
        ("Forbidden", ErrorKind::Unavailable),
        ("", ErrorKind::Unavailable),
    ] {
        scene.given_mishap(Some(Mishap::PlainText { status: 403, text })).await;
        for error in [
            service.account(&call()).await.unwrap_err(),
            service.add(&call(), &magnet(YOURS)).await.unwrap_err(),
            service.status(&call(), std::slice::from_ref(&torrent)).await.unwrap_err(),
            service.files(&call(), &torrent).await.unwrap_err(),
            service.unlock(&call(), &file).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{text:?}: {error}");
            assert_eq!(
                error.advice().is_some_and(|advice| advice.contains("address")),
                kind == ErrorKind::AddressRefused
            );
        }
    }
}

/// Goal: data that ends early or is of other types is an error, and never half an answer.
pub async fn broken_data_is_malformed<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let torrent = service.add(&call(), &magnet(MINE)).await.unwrap().torrent;
    let file = service.files(&call(), &torrent).await.unwrap().remove(0);
    for mishap in [Mishap::Truncated, Mishap::WrongTypes] {
        scene.given_mishap(Some(mishap)).await;
        for error in [
            service.account(&call()).await.unwrap_err(),
            service.add(&call(), &magnet(MINE)).await.unwrap_err(),
            service.status(&call(), &[torrent.clone(), TorrentId("2".to_owned())]).await.unwrap_err(),
            service.files(&call(), &torrent).await.unwrap_err(),
            service.unlock(&call(), &file).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Malformed, "{mishap:?}: {error}");
        }
    }
}

/// Goal: values of other types throughout are an error that says so, or read as what they mean; never a panic or half an answer.
/// Method: numbers for texts, objects for lists, null for everything; what comes is compared with the right answer.
pub async fn values_of_other_types_are_no_answer<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    let files = service.files(&call(), &added.torrent).await.unwrap();
    for types in OtherTypes::ALL {
        scene.given_mishap(Some(Mishap::OtherTypes(types))).await;
        let mut errors = Vec::new();
        match service.files(&call(), &added.torrent).await {
            // A name may be any text, also one of digits.
            Ok(other) => {
                let sizes = |files: &[RemoteFile]| files.iter().map(|file| file.entry.size_bytes).collect::<Vec<_>>();
                assert_eq!(sizes(&other), sizes(&files), "{types:?}");
            }
            Err(error) => errors.push(error),
        }
        errors.extend(service.account(&call()).await.err());
        errors.extend(service.add(&call(), &magnet(YOURS)).await.err());
        errors.extend(service.status(&call(), std::slice::from_ref(&added.torrent)).await.err());
        errors.extend(service.unlock(&call(), &files[0]).await.err());
        for error in &errors {
            assert!(
                matches!(error.kind(), ErrorKind::Malformed | ErrorKind::NotCached | ErrorKind::NotFound),
                "{types:?}: {error}"
            );
        }
        assert!(!errors.is_empty(), "{types:?} was noticed by nobody");
    }
}

/// Goal: who has no time left is told so, at once.
pub async fn a_passed_deadline_is_no_failure_of_the_service<S: DebridScene>() {
    let scene = S::start().await;
    let error = scene.service().account(&Call::within(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// Goal: a body without end costs no more than its cap.
pub async fn a_huge_body_is_cut<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_mishap(Some(Mishap::Huge)).await;
    let error = scene.service().account(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

/// Goal: several torrents are answered one by one, in the order given; one that cannot be added spoils no other.
pub async fn several_are_added_in_the_order_given<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    scene.given_torrent(film(YOURS).ready_after(100)).await;
    let service = scene.service();
    let mut links = vec![magnet(YOURS), magnet(MINE)];
    if service.capabilities().takes_torrent_files {
        links.insert(1, TorrentLink::File { info_hash: InfoHash([0x77; 20]), bytes: "no torrent".into() });
    }
    let mut added = service.add_all(&call(), &links).await;
    if links.len() == 3 {
        assert_eq!(added.remove(1).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let ready: Vec<bool> = added.into_iter().map(|added| added.unwrap().is_ready).collect();
    assert_eq!(ready, [false, true]);
}

/// Goal: a torrent that the service has given up is said to have failed, with a reason, and is no wait without end.
pub async fn a_torrent_that_cannot_be_fetched_has_failed<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE).failing()).await;
    let service = scene.service();
    let added = service.add(&call(), &magnet(MINE)).await.unwrap();
    assert!(!added.is_ready);
    let state = service.status(&call(), &[added.torrent]).await.unwrap().remove(0);
    assert!(matches!(&state, TorrentState::Failed { reason } if !reason.is_empty()), "{state:?}");
}

/// Goal: what the service will not serve is a final refusal where it says that, wherever on the way, and no refusal where it says less.
pub async fn blocked_content_is_refused<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE).unlocking(StandInUnlock::Blocked)).await;
    let service = scene.service();
    let call = call();
    let way = async {
        let added = service.add(&call, &magnet(MINE)).await?;
        let file = service.files(&call, &added.torrent).await?.remove(0);
        service.select(&call, &added.torrent, std::slice::from_ref(&file)).await?;
        service.unlock(&call, &file).await
    };
    let error = way.await.unwrap_err();
    assert_eq!(error.kind(), S::BLOCKED, "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("choose a")), "{:?}", error.advice());
}

/// Goal: a used-up quota is a limit of the account, not a failure of the film or of the service.
pub async fn a_used_up_quota_is_an_account_limit<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    scene.given_used_up_quota().await;
    let call = call();
    let way = async {
        let added = service.add(&call, &magnet(MINE)).await?;
        let file = service.files(&call, &added.torrent).await?.remove(0);
        service.unlock(&call, &file).await
    };
    let error = way.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountLimit, "{error}");
    assert!(error.advice().is_some());
}

/// Goal: where bytes go through this server nobody learns where the viewer is; where he fetches by himself the service that wants to
/// know is told, and told nothing else.
pub async fn the_viewers_address_is_told_only_when_he_fetches<S: DebridScene>() {
    let scene = S::start().await;
    scene.given_torrent(film(MINE)).await;
    let service = scene.service();
    let file = first_file(service.as_ref(), MINE).await;
    service.unlock(&call(), &file).await.unwrap();
    assert!(scene.viewer_addresses().await.is_empty());
    let his = Call { viewer_address: Some("203.0.113.7".parse().unwrap()), ..call() };
    service.unlock(&his, &file).await.unwrap();
    let told = scene.viewer_addresses().await;
    assert_eq!(told.is_empty(), !service.capabilities().takes_viewer_address);
    assert!(told.iter().all(|address| address == "203.0.113.7"), "{told:?}");
}

/// Goal: whoever types the code gets a key that works; until then the answer is to wait. No code and no key shows.
pub async fn signing_in_gives_a_key_that_works<S: DebridScene>() {
    let scene = S::start().await;
    let sign_in = scene.sign_in();
    let prompt = sign_in.begin(&call()).await.unwrap();
    assert!(!prompt.user_code.is_empty() && prompt.expires_at > SystemTime::now());
    assert!(prompt.interval >= Duration::from_secs(1));
    assert!(!format!("{prompt:?}").contains(prompt.device_code.expose()));
    assert_eq!(sign_in.poll(&call(), &prompt).await.unwrap(), SignInState::Waiting);
    scene.given_sign_in(true).await;
    let SignInState::Granted(grant) = sign_in.poll(&call(), &prompt).await.unwrap() else { panic!("not granted") };
    assert!(!format!("{grant:?} {sign_in:?}").contains(grant.key.expose()));
    assert!(scene.service_with_key(grant.key.expose()).account(&call()).await.unwrap().is_premium);
}

/// Goal: a code that was not typed in time is said to have ended, and what to do.
pub async fn a_sign_in_that_ended_is_unauthorized<S: DebridScene>() {
    let scene = S::start().await;
    let sign_in = scene.sign_in();
    let prompt = sign_in.begin(&call()).await.unwrap();
    scene.given_sign_in(false).await;
    let error = sign_in.poll(&call(), &prompt).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("again")), "{:?}", error.advice());
}

/// Goal: a renewed key works, also in a service that is in use; a withdrawn grant gives none; where nothing can be renewed that is said, so that the owner signs in again.
pub async fn a_grant_that_ends_can_be_renewed<S: DebridScene>() {
    let scene = S::start().await;
    let sign_in = scene.sign_in();
    let prompt = sign_in.begin(&call()).await.unwrap();
    scene.given_sign_in(true).await;
    let SignInState::Granted(grant) = sign_in.poll(&call(), &prompt).await.unwrap() else { panic!("not granted") };
    match grant.renewal {
        Some(renewal) => {
            let fresh = sign_in.renew(&call(), &renewal).await.unwrap();
            scene.service_with_key(fresh.key.expose()).account(&call()).await.unwrap();
            let service = scene.service_with_key("3nded");
            assert_eq!(service.account(&call()).await.unwrap_err().kind(), ErrorKind::Unauthorized);
            service.replace_key(&fresh.key).unwrap();
            service.account(&call()).await.unwrap();
            let withdrawn = sign_in.renew(&call(), &Secret::new("withdrawn")).await.unwrap_err();
            assert_eq!(withdrawn.kind(), ErrorKind::Unauthorized);
        }
        None => {
            let error = sign_in.renew(&call(), &grant.key).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert_eq!(scene.service().replace_key(&grant.key).unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }
}

/// Goal: a check-up tells the account, a wrong key and an ended plan, and leaves the account as it was.
pub async fn a_check_up_tells_and_changes_nothing<S: DebridScene>() {
    let scene = S::start().await;
    assert!(scene.service_with_key(S::KEY).check_up(&call()).await.unwrap().is_premium);
    let error = scene.service_with_key("wrong").check_up(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    scene.given_expired_plan().await;
    match scene.service_with_key(S::KEY).check_up(&call()).await {
        Ok(account) => assert!(!account.is_premium),
        Err(error) => assert_eq!(error.kind(), ErrorKind::AccountLimit, "{error}"),
    }
    assert_eq!(scene.account_torrents().await, []);
}
