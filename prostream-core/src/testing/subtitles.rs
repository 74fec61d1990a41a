//! The rules of [`SubtitleProvider`], for every vendor.
//!
//! A vendor brings a [`SubtitleScene`]: its stand-in and itself in front of it. [`subtitle_suite!`](crate::subtitle_suite) makes a test of
//! each rule.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::ErrorKind;
use crate::model::{EpisodeNumber, Language, TitleKind};
use crate::net::Call;
use crate::provider::subtitles::{MAX_SUBTITLE_BYTES, MAX_SUBTITLES, SubtitleId, SubtitleProvider, SubtitleSearch};
use crate::testing::stand_in::{Mishap, StandInSubtitle};

/// Sets the stage at one vendor's stand-in, in our words. A fresh scene has no subtitle, and no download was made.
#[async_trait]
pub trait SubtitleScene: Sized + Send + Sync {
    /// A key that the stand-in takes.
    const KEY: &'static str;

    /// Secrets beside the key that must not show: a password.
    const SECRETS: &'static [&'static str];

    /// A stand-in that listens, and nothing in it.
    async fn start() -> Self;

    /// The vendor in front of it, with `key`.
    fn provider_with_key(&self, key: &str) -> Arc<dyn SubtitleProvider>;

    /// The vendor has a subtitle.
    async fn given_subtitle(&self, subtitle: StandInSubtitle);

    /// The account may fetch no more for a while.
    async fn given_quota_used_up(&self);

    /// This happens to every request, or nothing any more.
    async fn given_mishap(&self, mishap: Option<Mishap>);

    /// The vendor with the right key.
    fn provider(&self) -> Arc<dyn SubtitleProvider> {
        self.provider_with_key(Self::KEY)
    }
}

/// A test for each rule of this module; the argument is a [`SubtitleScene`]. The crate that uses it has tokio with its macros.
#[macro_export]
macro_rules! subtitle_suite {
    ($scene:ty) => {
        $crate::subtitle_suite!(@ $scene;
            finds_by_the_ids_of_a_title finds_by_the_name_of_a_title an_episode_finds_its_own a_file_finds_what_was_made_for_it
            languages_narrow_a_search a_language_stands_for_its_regions tells_what_is_known_of_a_subtitle nothing_found_is_no_error
            any_name_can_be_searched answers_are_bounded fetches_what_was_found what_is_gone_is_not_found
            a_used_up_quota_is_an_account_limit a_file_that_is_too_large_is_refused texts_are_cleaned a_wrong_key_is_unauthorized
            secrets_never_show a_rate_limit_says_how_long a_web_page_is_unavailable broken_data_is_malformed
            a_passed_deadline_is_no_failure_of_the_service a_check_up_tells_what_is_wrong a_check_up_tells_a_wrong_key
            a_check_up_tells_a_used_up_quota);
    };
    (@ $scene:ty; $($rule:ident)*) => { $(
        #[tokio::test]
        async fn $rule() {
            $crate::testing::subtitles::$rule::<$scene>().await;
        }
    )* };
}

const HASH: &str = "8e245d9679d31e12";
const TEXT: &[u8] = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n";

/// Far less than any `Retry-After` of the rules, far more than a loopback needs.
fn call() -> Call {
    Call::within(Duration::from_secs(20))
}

fn subtitle(number: u64, language: &str) -> StandInSubtitle {
    StandInSubtitle {
        number,
        imdb_id: Some("tt0910001".to_owned()),
        tmdb_id: Some(700_001),
        title: "Paper Boats".to_owned(),
        year: 2019,
        language: language.to_owned(),
        release: format!("Paper.Boats.2019.1080p.WEB.H264-GRP{number}"),
        bytes: Bytes::from_static(TEXT),
        ..StandInSubtitle::default()
    }
}

fn of_episode(number: u64, season: u32, episode: u32) -> StandInSubtitle {
    StandInSubtitle {
        imdb_id: Some("tt0910002".to_owned()),
        tmdb_id: Some(700_002),
        title: "Paper Harbour".to_owned(),
        episode: Some((season, episode)),
        ..subtitle(number, "en")
    }
}

fn search() -> SubtitleSearch {
    SubtitleSearch {
        kind: Some(TitleKind::Movie),
        imdb_id: Some("tt0910001".to_owned()),
        tmdb_id: Some(700_001),
        year: Some(2019),
        ..SubtitleSearch::of_name("Paper Boats")
    }
}

fn in_languages(tags: &[&str]) -> SubtitleSearch {
    SubtitleSearch { languages: tags.iter().filter_map(|tag| Language::parse(tag)).collect(), ..search() }
}

fn id(text: &str) -> SubtitleId {
    SubtitleId::new(text).unwrap()
}

/// Languages and hash matches of the answer, sorted.
async fn found<S: SubtitleScene>(scene: &S, search: &SubtitleSearch) -> Vec<(String, bool)> {
    let found = scene.provider().search(&call(), search).await.unwrap();
    let tag = |language: Option<Language>| language.map(|language| language.to_string()).unwrap_or_default();
    let mut found: Vec<_> = found.into_iter().map(|one| (tag(one.language), one.is_hash_match)).collect();
    found.sort();
    found
}

fn expected(tags: &[&str]) -> Vec<(String, bool)> {
    tags.iter().map(|tag| ((*tag).to_owned(), false)).collect()
}

async fn start_with_film<S: SubtitleScene>() -> S {
    let scene = S::start().await;
    scene.given_subtitle(StandInSubtitle { file_hash: Some(HASH.to_owned()), ..subtitle(11, "en") }).await;
    scene.given_subtitle(subtitle(12, "de")).await;
    scene.given_subtitle(subtitle(13, "pt-BR")).await;
    scene
        .given_subtitle(StandInSubtitle {
            imdb_id: None,
            tmdb_id: None,
            title: "Zeppelin".into(),
            ..subtitle(14, "en")
        })
        .await;
    scene
}

/// Goal: an IMDb id finds the title's subtitles and no others, and so does a TMDB number.
pub async fn finds_by_the_ids_of_a_title<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let all = expected(&["de", "en", "pt-BR"]);
    assert_eq!(found(&scene, &search()).await, all);
    assert_eq!(found(&scene, &SubtitleSearch { tmdb_id: None, name: None, ..search() }).await, all);
    assert_eq!(found(&scene, &SubtitleSearch { imdb_id: None, name: None, ..search() }).await, all);
}

/// Goal: without ids the name and the year do.
pub async fn finds_by_the_name_of_a_title<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let named = SubtitleSearch { imdb_id: None, tmdb_id: None, ..search() };
    assert_eq!(found(&scene, &named).await, expected(&["de", "en", "pt-BR"]));
    assert_eq!(found(&scene, &SubtitleSearch { year: Some(1999), ..named }).await, []);
}

/// Goal: an episode's subtitles, by the id of its series, and not those of its neighbours or of a film of the same number.
pub async fn an_episode_finds_its_own<S: SubtitleScene>() {
    let scene = S::start().await;
    for (number, season, episode) in [(21, 1, 2), (22, 1, 3), (23, 2, 2)] {
        scene.given_subtitle(of_episode(number, season, episode)).await;
    }
    let by_ids = SubtitleSearch {
        kind: Some(TitleKind::Series),
        imdb_id: Some("tt0910002".to_owned()),
        tmdb_id: Some(700_002),
        episode: Some(EpisodeNumber { season: 1, episode: 2 }),
        ..SubtitleSearch::of_name("Paper Harbour")
    };
    let by_name = SubtitleSearch { imdb_id: None, tmdb_id: None, ..by_ids.clone() };
    for search in [by_ids, by_name] {
        let found = scene.provider().search(&call(), &search).await.unwrap();
        let releases: Vec<_> = found.iter().filter_map(|one| one.release_name.as_deref()).collect();
        assert_eq!(releases, ["Paper.Boats.2019.1080p.WEB.H264-GRP21"], "{search:?}");
    }
}

/// Goal: a subtitle that was made for the very file is marked, beside those of the title, and a file alone finds it too.
pub async fn a_file_finds_what_was_made_for_it<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let file_hash = HASH.parse().ok();
    let both = found(&scene, &SubtitleSearch { file_hash, ..search() }).await;
    assert_eq!(both, [("de".to_owned(), false), ("en".to_owned(), true), ("pt-BR".to_owned(), false)]);
    let alone = SubtitleSearch { file_hash, ..SubtitleSearch::default() };
    assert_eq!(found(&scene, &alone).await, [("en".to_owned(), true)]);
    let another = SubtitleSearch { file_hash: "00000000000000ff".parse().ok(), ..search() };
    assert_eq!(found(&scene, &another).await, expected(&["de", "en", "pt-BR"]));
}

/// Goal: only the languages asked for come.
pub async fn languages_narrow_a_search<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    assert_eq!(found(&scene, &in_languages(&["pt-BR", "de"])).await, expected(&["de", "pt-BR"]));
    assert_eq!(found(&scene, &in_languages(&["fr"])).await, []);
}

/// Goal: a language without a region finds all of its regions; one with a region not the others.
pub async fn a_language_stands_for_its_regions<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    assert_eq!(found(&scene, &in_languages(&["pt"])).await, expected(&["pt-BR"]));
    assert_eq!(found(&scene, &in_languages(&["pt-PT"])).await, []);
    assert_eq!(found(&scene, &in_languages(&["en-GB"])).await, expected(&["en"]));
}

/// Goal: what a choice among subtitles goes by reaches the caller.
pub async fn tells_what_is_known_of_a_subtitle<S: SubtitleScene>() {
    let scene = S::start().await;
    let marked = StandInSubtitle {
        is_hearing_impaired: true,
        is_foreign_parts_only: true,
        is_machine_translated: true,
        is_trusted: true,
        download_count: 5_000_000_000,
        frames_per_s: 23.976,
        ..subtitle(11, "en")
    };
    scene.given_subtitle(marked).await;
    scene.given_subtitle(subtitle(12, "")).await;
    let provider = scene.provider();
    let mut found = provider.search(&call(), &search()).await.unwrap();
    found.sort_by_key(|one| one.language.is_none());
    let [marked, plain] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(&marked.provider, provider.id());
    assert!(
        marked.is_hearing_impaired && marked.is_foreign_parts_only && marked.is_machine_translated && marked.is_trusted
    );
    assert_eq!((marked.download_count, marked.frames_per_s), (5_000_000_000, Some(23.976)));
    assert!(!plain.is_hearing_impaired && !plain.is_machine_translated && !plain.is_trusted && !plain.is_hash_match);
    assert_eq!((plain.language.as_ref(), plain.frames_per_s), (None, None));
}

/// Goal: a title that nobody wrote subtitles for, and a question that asks for nothing, find nothing, without an error.
pub async fn nothing_found_is_no_error<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    for nothing in [
        SubtitleSearch { imdb_id: Some("tt9199999".to_owned()), ..search() },
        SubtitleSearch::of_name("nobody knows this"),
        SubtitleSearch::of_name(" \u{7} "),
        SubtitleSearch::default(),
    ] {
        assert_eq!(scene.provider().search(&call(), &nothing).await.unwrap(), [], "{nothing:?}");
    }
}

/// Goal: whatever a title is called is a text to search for, and nothing more.
pub async fn any_name_can_be_searched<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let long = "paper ".repeat(1_000);
    for name in ["../../login", "a&languages=xx,b=c?d#e%2e%2e/", "+\"';<x>", "Ü 名\u{202e}", long.as_str()] {
        let found = scene.provider().search(&call(), &SubtitleSearch::of_name(name)).await;
        assert!(found.is_ok(), "{name:?}: {found:?}");
    }
    assert_eq!(scene.provider().search(&call(), &SubtitleSearch::of_name("PAPER  boats")).await.unwrap().len(), 3);
}

/// Goal: a title that everybody wrote subtitles for fills no memory, and none comes twice.
pub async fn answers_are_bounded<S: SubtitleScene>() {
    let scene = S::start().await;
    for number in 1..=2 * MAX_SUBTITLES as u64 {
        scene.given_subtitle(subtitle(number, "en")).await;
    }
    let found = scene.provider().search(&call(), &search()).await.unwrap();
    assert!((MAX_SUBTITLES / 2..=MAX_SUBTITLES).contains(&found.len()), "{}", found.len());
    let ids: std::collections::HashSet<_> = found.iter().map(|one| &one.id).collect();
    assert_eq!(ids.len(), found.len());
}

/// Goal: what a search names can be fetched, byte for byte, with its name.
pub async fn fetches_what_was_found<S: SubtitleScene>() {
    let scene = S::start().await;
    let bytes = Bytes::from_static(b"\xff\xfe1\0\r\0\n\0");
    scene.given_subtitle(StandInSubtitle { bytes: bytes.clone(), ..subtitle(11, "en") }).await;
    let provider = scene.provider();
    let found = provider.search(&call(), &search()).await.unwrap();
    let file = provider.fetch(&call(), &found[0].id).await.unwrap();
    assert_eq!(file.bytes, bytes);
    assert_eq!(file.name.as_deref(), Some("Paper.Boats.2019.1080p.WEB.H264-GRP11.srt"));
}

/// Goal: an id that the vendor does not know, or that is none of its own, is not found, with advice.
pub async fn what_is_gone_is_not_found<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    for unknown in ["999999", "another-vendors", "18446744073709551616"] {
        let error = scene.provider().fetch(&call(), &id(unknown)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{unknown}: {error}");
        assert!(error.advice().is_some(), "{unknown}");
    }
}

/// Goal: an account that may fetch no more says so, and for how long; searching goes on.
pub async fn a_used_up_quota_is_an_account_limit<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    scene.given_quota_used_up().await;
    let provider = scene.provider();
    for _ in 0..2 {
        let error = provider.fetch(&call(), &id("11")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccountLimit, "{error}");
        let wait = error.retry_after().unwrap();
        assert!(wait > Duration::from_secs(60) && wait <= Duration::from_secs(24 * 3600), "{wait:?}");
        assert!(error.advice().is_some());
    }
    assert_eq!(provider.search(&call(), &search()).await.unwrap().len(), 3);
}

/// Goal: a file that is no subtitle by its size is not read to its end; the largest allowed one is.
pub async fn a_file_that_is_too_large_is_refused<S: SubtitleScene>() {
    let scene = S::start().await;
    let largest = vec![b'a'; MAX_SUBTITLE_BYTES as usize];
    scene.given_subtitle(StandInSubtitle { bytes: largest.clone().into(), ..subtitle(11, "en") }).await;
    scene.given_subtitle(StandInSubtitle { bytes: [&largest[..], b"a"].concat().into(), ..subtitle(12, "en") }).await;
    assert_eq!(scene.provider().fetch(&call(), &id("11")).await.unwrap().bytes.len(), largest.len());
    let error = scene.provider().fetch(&call(), &id("12")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

/// Goal: texts from outside are of bounded length and hold nothing that moves a terminal (OUT-05).
pub async fn texts_are_cleaned<S: SubtitleScene>() {
    let scene = S::start().await;
    let release = format!("Paper\u{1b}[2J\u{202e} Boats\0{}", "x".repeat(100_000));
    scene.given_subtitle(StandInSubtitle { release, ..subtitle(11, "en") }).await;
    let found = scene.provider().search(&call(), &search()).await.unwrap();
    let name = found[0].release_name.as_deref().unwrap();
    assert!(name.starts_with("Paper[2J Boatsxxx") && name.chars().count() <= 1_000, "{name}");
    let file = scene.provider().fetch(&call(), &found[0].id).await.unwrap();
    assert!(file.name.is_some_and(|name| name.starts_with("Paper[2J Boatsxxx") && name.chars().count() <= 1_000));
}

/// Goal: a wrong key is said to be one, with advice and the name of the vendor.
pub async fn a_wrong_key_is_unauthorized<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let provider = scene.provider_with_key("00000000000000000000000000000000");
    for error in
        [provider.search(&call(), &search()).await.unwrap_err(), provider.fetch(&call(), &id("11")).await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(error.provider(), Some(provider.id().as_str()));
        assert!(error.advice().is_some());
        assert!(!format!("{error} {error:?}").contains("00000000"));
    }
}

/// Goal: no key, password, token or link in anything that could be logged (PRIV-03).
pub async fn secrets_never_show<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let provider = scene.provider();
    let file = provider.fetch(&call(), &id("11")).await.unwrap();
    let mut told = format!("{provider:?} {file:?}");
    for mishap in [Mishap::WebPage { status: 403 }, Mishap::Truncated, Mishap::WrongTypes, Mishap::Broken] {
        scene.given_mishap(Some(mishap)).await;
        for error in [
            provider.search(&call(), &search()).await.unwrap_err(),
            provider.fetch(&call(), &id("11")).await.unwrap_err(),
            scene.provider().check_up(&call()).await.unwrap_err(),
        ] {
            told.push_str(&format!(" {error} {error:?} {:?}", error.advice()));
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                told.push_str(&format!(" {cause} {cause:?}"));
                source = cause.source();
            }
        }
    }
    for secret in S::SECRETS.iter().chain([&S::KEY]) {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

/// Goal: the wait that the vendor asks for reaches the caller, who is not kept waiting for it.
pub async fn a_rate_limit_says_how_long<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    scene.given_mishap(Some(Mishap::RateLimited { retry_after_s: Some(120) })).await;
    let error = scene.provider().search(&call(), &search()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(120))));
    let error = scene.provider().fetch(&call(), &id("11")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
}

/// Goal: what stands between us and the vendor, and speaks HTML, is trouble that passes; it is never "not found", and never a subtitle.
pub async fn a_web_page_is_unavailable<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let mishaps = [200, 403, 502].map(|status| Mishap::WebPage { status }).into_iter().chain([Mishap::Broken]);
    for mishap in mishaps {
        scene.given_mishap(Some(mishap)).await;
        let provider = scene.provider();
        for error in [
            provider.search(&call(), &search()).await.unwrap_err(),
            provider.fetch(&call(), &id("11")).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{mishap:?}: {error}");
        }
    }
}

/// Goal: data that ends early or is of other types is an error, and never an empty answer.
pub async fn broken_data_is_malformed<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    for mishap in [Mishap::Truncated, Mishap::WrongTypes] {
        scene.given_mishap(Some(mishap)).await;
        let provider = scene.provider();
        for error in [
            provider.search(&call(), &search()).await.unwrap_err(),
            provider.fetch(&call(), &id("11")).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Malformed, "{mishap:?}: {error}");
        }
    }
}

/// Goal: a deadline that has passed is the caller's matter and no failure of the vendor.
pub async fn a_passed_deadline_is_no_failure_of_the_service<S: SubtitleScene>() {
    let scene = start_with_film::<S>().await;
    let provider = scene.provider();
    let passed = Call::within(Duration::ZERO);
    let error = provider.search(&passed, &search()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(provider.search(&call(), &search()).await.is_ok());
}

/// Goal: a check-up is content with a vendor that has no subtitle, and tells what is wrong with one that answers wrongly.
pub async fn a_check_up_tells_what_is_wrong<S: SubtitleScene>() {
    let scene = S::start().await;
    assert_eq!(scene.provider().check_up(&call()).await.unwrap().troubles, []);
    for (mishap, kind) in [
        (Mishap::WebPage { status: 200 }, ErrorKind::Unavailable),
        (Mishap::Truncated, ErrorKind::Malformed),
        (Mishap::WrongTypes, ErrorKind::Malformed),
        (Mishap::RateLimited { retry_after_s: Some(60) }, ErrorKind::RateLimited),
    ] {
        scene.given_mishap(Some(mishap)).await;
        let provider = scene.provider();
        let error = provider.check_up(&call()).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some(provider.id().as_str())), "{mishap:?}: {error}");
    }
}

/// Goal: a check-up tells a wrong key.
pub async fn a_check_up_tells_a_wrong_key<S: SubtitleScene>() {
    let scene = S::start().await;
    let error = scene.provider_with_key("0a").check_up(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
}

/// Goal: a check-up tells an account that may fetch no more, and when it helps to look again.
pub async fn a_check_up_tells_a_used_up_quota<S: SubtitleScene>() {
    let scene = S::start().await;
    scene.given_quota_used_up().await;
    let check_up = scene.provider().check_up(&call()).await.unwrap();
    let [trouble] = check_up.troubles.as_slice() else { panic!("{check_up:?}") };
    assert!(!trouble.is_failure && !trouble.advice.is_empty(), "{trouble:?}");
}
