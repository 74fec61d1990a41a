//! The rules of [`MetadataProvider`], for every vendor.
//!
//! A vendor brings a [`MetadataScene`]: its stand-in and itself in front of it. [`metadata_suite!`](crate::metadata_suite) makes a test of
//! each rule.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ErrorKind;
use crate::model::{PictureKind, TitleKind};
use crate::net::Call;
use crate::provider::metadata::{
    Discover, DiscoverSort, FindTitle, MAX_QUERY_CHARS, MetadataProvider, OutsideId, Period, TitlePage, TitleRequest,
    TitleSearch, Trending,
};
use crate::testing::stand_in::{Mishap, StandInEpisode, StandInMovie, StandInSeason, StandInSeries};

/// Sets the stage at one vendor's stand-in, in our words. A fresh scene knows no title.
#[async_trait]
pub trait MetadataScene: Sized + Send + Sync {
    /// A key that the stand-in takes; empty for a vendor without keys.
    const KEY: &'static str;

    /// A stand-in that listens, and nothing in it.
    async fn start() -> Self;

    /// The vendor in front of it, with `key` where it takes one.
    fn provider_with_key(&self, key: &str) -> Arc<dyn MetadataProvider>;

    /// The vendor knows a film.
    async fn given_movie(&self, movie: StandInMovie);

    /// The vendor knows a series.
    async fn given_series(&self, series: StandInSeries);

    /// This happens to every request, or nothing any more.
    async fn given_mishap(&self, mishap: Option<Mishap>);

    /// The vendor with the right key.
    fn provider(&self) -> Arc<dyn MetadataProvider> {
        self.provider_with_key(Self::KEY)
    }
}

/// A test for each rule of this module; the argument is a [`MetadataScene`], and `with keys` where the vendor takes some. The crate that
/// uses it has tokio with its macros.
#[macro_export]
macro_rules! metadata_suite {
    ($scene:ty, with keys) => {
        $crate::metadata_suite!($scene);
        $crate::metadata_suite!(@ $scene; a_wrong_key_is_unauthorized keys_never_show a_check_up_tells_a_wrong_key);
    };
    ($scene:ty) => {
        $crate::metadata_suite!(@ $scene;
            finds_films_and_series_by_name a_search_can_be_narrowed nothing_found_is_no_error any_text_can_be_searched
            results_lead_to_their_titles describes_a_film describes_a_series every_season_comes imdb_ids_stay_imdb_ids
            an_episode_leads_to_its_series unknown_ids_are_not_found texts_are_cleaned a_rate_limit_says_how_long
            a_web_page_is_unavailable broken_data_is_malformed
            a_passed_deadline_is_no_failure_of_the_service a_check_up_tells_what_is_wrong
            what_is_watched_is_listed lists_fit_their_conditions lists_go_on_page_by_page lists_have_bounds
            outside_ids_find_the_right_kind pictures_come_in_sizes);
    };
    (@ $scene:ty; $($rule:ident)*) => { $(
        #[tokio::test]
        async fn $rule() {
            $crate::testing::metadata::$rule::<$scene>().await;
        }
    )* };
}

/// Far less than any `Retry-After` of the rules, far more than a loopback needs.
fn call() -> Call {
    Call::within(Duration::from_secs(10))
}

fn film() -> StandInMovie {
    StandInMovie {
        tmdb_id: 700_001,
        imdb_id: Some("tt9100001".to_owned()),
        title: "Paper Boats".to_owned(),
        release_date: "2019-05-04".to_owned(),
        runtime_min: 97,
        overview: "Two sisters race what they fold.".to_owned(),
        genres: vec!["Drama".to_owned(), "Family".to_owned()],
        ..StandInMovie::default()
    }
}

fn season(number: u32, count: u32) -> StandInSeason {
    let episode = |index: u32| StandInEpisode {
        name: format!("Part {number}.{index}"),
        air_date: format!("2021-03-{:02}", index.min(28)),
        ..StandInEpisode::default()
    };
    StandInSeason { number, episodes: (1..=count).map(episode).collect(), ..StandInSeason::default() }
}

fn series() -> StandInSeries {
    StandInSeries {
        tmdb_id: 700_002,
        imdb_id: Some("tt9100002".to_owned()),
        tvdb_id: Some(4_242),
        name: "Paper Harbour".to_owned(),
        first_air_date: "2021-03-01".to_owned(),
        overview: "A port, and who passes it.".to_owned(),
        genres: vec!["Drama".to_owned()],
        seasons: vec![season(2, 3), season(0, 1), season(1, 12)],
        ..StandInSeries::default()
    }
}

async fn start_with_both<S: MetadataScene>() -> S {
    let scene = S::start().await;
    scene.given_movie(film()).await;
    scene.given_series(series()).await;
    scene
}

fn request(media_id: &str) -> TitleRequest {
    TitleRequest::new(media_id.parse().unwrap())
}

/// Goal: a name finds films and series, and nothing else.
pub async fn finds_films_and_series_by_name<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let mut found = scene.provider().search(&call(), &TitleSearch::new("paper")).await.unwrap();
    found.sort_by_key(|title| title.kind);
    let rows: Vec<_> = found.iter().map(|title| (title.kind, title.name.as_str(), title.year)).collect();
    let expected = [(TitleKind::Movie, "Paper Boats", Some(2019)), (TitleKind::Series, "Paper Harbour", Some(2021))];
    assert_eq!(rows, expected);
}

/// Goal: kind and year leave out the rest.
pub async fn a_search_can_be_narrowed<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider();
    for (kind, year, expected) in [
        (Some(TitleKind::Movie), None, Some("Paper Boats")),
        (Some(TitleKind::Series), None, Some("Paper Harbour")),
        (None, Some(2019), Some("Paper Boats")),
        (None, Some(2021), Some("Paper Harbour")),
        (Some(TitleKind::Movie), Some(2019), Some("Paper Boats")),
        (Some(TitleKind::Series), Some(2021), Some("Paper Harbour")),
        (Some(TitleKind::Movie), Some(2021), None),
        (Some(TitleKind::Series), Some(1999), None),
    ] {
        let search = TitleSearch { kind, year, ..TitleSearch::new("paper") };
        let found = provider.search(&call(), &search).await.unwrap();
        let names: Vec<&str> = found.iter().map(|title| title.name.as_str()).collect();
        assert_eq!(names, expected.into_iter().collect::<Vec<_>>(), "{search:?}");
    }
}

/// Goal: a name that nothing bears finds nothing, without an error.
pub async fn nothing_found_is_no_error<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    for text in ["zeppelin", "", " \u{7}\n "] {
        assert_eq!(scene.provider().search(&call(), &TitleSearch::new(text)).await.unwrap(), [], "{text:?}");
    }
}

/// Goal: whatever is typed is a text to search for, and nothing more.
pub async fn any_text_can_be_searched<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let long = "paper ".repeat(MAX_QUERY_CHARS);
    for text in ["../../meta/movie/tt9100001", "a&b=c?d#e%2e%2e/", "+\"';<x>", "ü 名\u{202e}", long.as_str()] {
        let found = scene.provider().search(&call(), &TitleSearch::new(text)).await;
        assert!(found.is_ok(), "{text:?}: {found:?}");
    }
    let found = scene.provider().search(&call(), &TitleSearch::new("PAPER  boats")).await.unwrap();
    assert_eq!(found.len(), 1);
}

/// Goal: what a search names can be asked for, and is the same title.
pub async fn results_lead_to_their_titles<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider();
    let found = provider.search(&call(), &TitleSearch::new("paper")).await.unwrap();
    assert_eq!(found.len(), 2);
    for summary in found {
        let title = provider.title(&call(), &TitleRequest::new(summary.media_id.clone())).await.unwrap();
        assert_eq!(
            (title.summary.media_id, title.summary.kind, title.summary.name),
            (summary.media_id, summary.kind, summary.name)
        );
    }
}

/// Goal: a film with all that the vendor says of it, and no seasons.
pub async fn describes_a_film<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let title = scene.provider().title(&call(), &request("tt9100001")).await.unwrap();
    assert_eq!((title.summary.kind, title.summary.name.as_str()), (TitleKind::Movie, "Paper Boats"));
    assert_eq!((title.summary.year, title.runtime_min), (Some(2019), Some(97)));
    assert_eq!(title.summary.overview.as_deref(), Some("Two sisters race what they fold."));
    assert_eq!(title.genres, ["Drama", "Family"]);
    assert_eq!((title.imdb_id.as_deref(), title.tmdb_id), (Some("tt9100001"), Some(700_001)));
    assert!(title.seasons.is_empty());
}

/// Goal: seasons in order with the specials first, episodes in order with their names and dates.
pub async fn describes_a_series<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let title = scene.provider().title(&call(), &request("tt9100002")).await.unwrap();
    assert_eq!((title.summary.kind, title.summary.year), (TitleKind::Series, Some(2021)));
    assert_eq!((title.tmdb_id, title.tvdb_id), (Some(700_002), Some(4_242)));
    let counts: Vec<_> = title.seasons.iter().map(|season| (season.number, season.episodes.len())).collect();
    assert_eq!(counts, [(0, 1), (1, 12), (2, 3)]);
    let first = &title.seasons[1];
    assert!(first.episodes.iter().map(|episode| episode.number).eq(1..=12));
    assert_eq!(first.episodes[9].name.as_deref(), Some("Part 1.10"));
    assert_eq!(first.episodes[9].air_date.as_deref(), Some("2021-03-10"));
}

/// Goal: a long series comes whole, however many requests that takes.
pub async fn every_season_comes<S: MetadataScene>() {
    let scene = S::start().await;
    scene.given_series(StandInSeries { seasons: (1..=45).map(|number| season(number, 2)).collect(), ..series() }).await;
    let title = scene.provider().title(&call(), &request("tt9100002")).await.unwrap();
    assert!(title.seasons.iter().map(|season| season.number).eq(1..=45));
    assert!(title.seasons.iter().all(|season| season.episodes.len() == 2));
}

/// Goal: who asks by IMDb id is answered by IMDb id.
pub async fn imdb_ids_stay_imdb_ids<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    for id in ["tt9100001", "tt9100002"] {
        let title = scene.provider().title(&call(), &request(id)).await.unwrap();
        assert_eq!(title.summary.media_id.to_string(), id);
    }
}

/// Goal: an episode's media id names its series, seasons and all, and never a film.
pub async fn an_episode_leads_to_its_series<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let title = scene.provider().title(&call(), &request("tt9100002:1:2")).await.unwrap();
    assert_eq!((title.summary.media_id.to_string().as_str(), title.seasons.len()), ("tt9100002", 3));
    let error = scene.provider().title(&call(), &request("tt9100001:1:2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// Goal: ids that the vendor does not know, and those of catalogues it cannot look up, are not found, with advice.
pub async fn unknown_ids_are_not_found<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    for id in ["tt9199999", "kitsu:12", "local:film", "tmdb:movie:799999"] {
        let error = scene.provider().title(&call(), &request(id)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{id}: {error}");
        assert!(error.advice().is_some(), "{id}");
    }
}

/// Goal: texts from outside are of bounded length and hold nothing that moves a terminal (OUT-05).
pub async fn texts_are_cleaned<S: MetadataScene>() {
    let scene = S::start().await;
    let title = format!("Paper\u{1b}[2J\u{202e} Boats\0{}", "x".repeat(100_000));
    scene.given_movie(StandInMovie { title, overview: "a\r\nb\u{7}".to_owned(), ..film() }).await;
    let title = scene.provider().title(&call(), &request("tt9100001")).await.unwrap();
    let name = &title.summary.name;
    assert!(name.starts_with("Paper[2J Boatsxxx") && name.chars().count() <= 1_000, "{name}");
    assert_eq!(title.summary.overview.as_deref(), Some("a  b"));
    let found = scene.provider().search(&call(), &TitleSearch::new("boats")).await.unwrap();
    assert_eq!(found.first().map(|title| &title.name), Some(name));
}

/// Goal: a wrong key is said to be one, with advice and the name of the vendor.
pub async fn a_wrong_key_is_unauthorized<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider_with_key("00000000000000000000000000000000");
    for error in [
        provider.search(&call(), &TitleSearch::new("paper")).await.unwrap_err(),
        provider.title(&call(), &request("tt9100001")).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(error.provider(), Some(provider.id().as_str()));
        assert!(error.advice().is_some());
        assert!(!format!("{error} {error:?}").contains("00000000"));
    }
}

/// Goal: no key in anything that could be logged (PRIV-03).
pub async fn keys_never_show<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider();
    assert!(!format!("{provider:?}").contains(S::KEY));
    for mishap in [Mishap::WebPage { status: 403 }, Mishap::Truncated, Mishap::WrongTypes, Mishap::Broken] {
        scene.given_mishap(Some(mishap)).await;
        let error = provider.search(&call(), &TitleSearch::new("paper")).await.unwrap_err();
        let mut told = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            told.push_str(&format!(" {cause} {cause:?}"));
            source = cause.source();
        }
        assert!(!told.contains(S::KEY), "{told}");
    }
}

/// Goal: the wait that the vendor asks for reaches the caller, who is not kept waiting for it.
pub async fn a_rate_limit_says_how_long<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    scene.given_mishap(Some(Mishap::RateLimited { retry_after_s: Some(120) })).await;
    let error = scene.provider().search(&call(), &TitleSearch::new("paper")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
}

/// Goal: what stands between us and the vendor, and speaks HTML, is trouble that passes; it is never "not found".
pub async fn a_web_page_is_unavailable<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let mishaps = [200, 403, 502].map(|status| Mishap::WebPage { status }).into_iter().chain([Mishap::Broken]);
    for mishap in mishaps {
        scene.given_mishap(Some(mishap)).await;
        let provider = scene.provider();
        for error in [
            provider.search(&call(), &TitleSearch::new("paper")).await.unwrap_err(),
            provider.title(&call(), &request("tt9100001")).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{mishap:?}: {error}");
        }
    }
}

/// Goal: data that ends early or is of other types is an error, and never an empty answer.
pub async fn broken_data_is_malformed<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    for mishap in [Mishap::Truncated, Mishap::WrongTypes] {
        scene.given_mishap(Some(mishap)).await;
        let provider = scene.provider();
        for error in [
            provider.search(&call(), &TitleSearch::new("paper")).await.unwrap_err(),
            provider.title(&call(), &request("tt9100001")).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Malformed, "{mishap:?}: {error}");
        }
    }
}

/// Goal: who has no time left is told so, at once.
pub async fn a_passed_deadline_is_no_failure_of_the_service<S: MetadataScene>() {
    let scene = S::start().await;
    let error = scene.provider().search(&Call::within(Duration::ZERO), &TitleSearch::new("paper")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// Goal: a check-up is content with a vendor that knows no title, and tells what is wrong with one that answers wrongly.
pub async fn a_check_up_tells_what_is_wrong<S: MetadataScene>() {
    let scene = S::start().await;
    let provider = scene.provider();
    assert_eq!(provider.check_up(&call()).await.unwrap().troubles, []);
    for (mishap, kind) in [
        (Mishap::WebPage { status: 200 }, ErrorKind::Unavailable),
        (Mishap::Truncated, ErrorKind::Malformed),
        (Mishap::WrongTypes, ErrorKind::Malformed),
        (Mishap::RateLimited { retry_after_s: Some(60) }, ErrorKind::RateLimited),
    ] {
        scene.given_mishap(Some(mishap)).await;
        let error = provider.check_up(&call()).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some(provider.id().as_str())), "{mishap:?}: {error}");
    }
}

fn names(page: &TitlePage) -> Vec<&str> {
    page.titles.iter().map(|title| title.name.as_str()).collect()
}

/// A vendor that says it has no such thing answers that, and nothing else.
fn assert_unsupported<T: std::fmt::Debug>(answer: crate::Result<T>, provider: &dyn MetadataProvider) {
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Unsupported, Some(provider.id().as_str())), "{error}");
    assert!(error.advice().is_some());
}

/// Goal: what is watched these days is listed, films and series together or one of them, and people never.
pub async fn what_is_watched_is_listed<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider();
    if !provider.capabilities().lists_trending {
        return assert_unsupported(provider.trending(&call(), &Trending::default()).await, provider.as_ref());
    }
    for (kind, expected) in [
        (None, vec!["Paper Boats", "Paper Harbour"]),
        (Some(TitleKind::Movie), vec!["Paper Boats"]),
        (Some(TitleKind::Series), vec!["Paper Harbour"]),
    ] {
        for period in [Period::Day, Period::Week] {
            let page = provider.trending(&call(), &Trending { kind, period, ..Trending::default() }).await.unwrap();
            assert_eq!((names(&page), page.has_more), (expected.clone(), false), "{kind:?}");
            for title in page.titles {
                let described = provider.title(&call(), &TitleRequest::new(title.media_id.clone())).await.unwrap();
                assert_eq!((described.summary.media_id, described.summary.kind), (title.media_id, title.kind));
            }
        }
    }
}

/// Goal: a list by genre or year holds what fits and leaves out the rest; what a vendor cannot list is told as that.
pub async fn lists_fit_their_conditions<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let later = StandInMovie {
        tmdb_id: 700_003,
        imdb_id: Some("tt9100003".to_owned()),
        title: "Tin Boats".to_owned(),
        release_date: "2020-01-01".to_owned(),
        genres: vec!["Comedy".to_owned()],
        ..StandInMovie::default()
    };
    scene.given_movie(later).await;
    let provider = scene.provider();
    let discover = Discover::new(TitleKind::Movie);
    if !provider.capabilities().discovers {
        return assert_unsupported(provider.discover(&call(), &discover).await, provider.as_ref());
    }
    let with = |genre: Option<&str>, year, sort| Discover {
        genre: genre.map(str::to_owned),
        year,
        sort,
        ..Discover::new(TitleKind::Movie)
    };
    use DiscoverSort::{Newest, Popularity, Rating};
    for (request, expected) in [
        (with(None, None, Popularity), vec!["Paper Boats", "Tin Boats"]),
        (with(Some("dRAMA"), None, Popularity), vec!["Paper Boats"]),
        (with(Some("Comedy"), None, Rating), vec!["Tin Boats"]),
        (with(None, Some(2019), Popularity), vec!["Paper Boats"]),
        (with(None, Some(1999), Popularity), vec![]),
        (with(None, None, Newest), vec!["Tin Boats", "Paper Boats"]),
        (with(Some("Drama"), Some(2020), Popularity), vec![]),
        (with(Some("Drama"), Some(2019), Newest), vec!["Paper Boats"]),
    ] {
        match provider.discover(&call(), &request).await {
            Ok(page) => assert_eq!(names(&page), expected, "{request:?}"),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                assert_ne!((request.genre.is_some(), request.year.is_some(), request.sort), (false, false, Popularity));
                assert_unsupported::<()>(Err(error), provider.as_ref());
            }
            Err(error) => panic!("{request:?}: {error}"),
        }
    }
    let series = provider.discover(&call(), &Discover::new(TitleKind::Series)).await.unwrap();
    assert_eq!(names(&series), ["Paper Harbour"]);
}

/// Goal: page after page gives every title once, in order, and the last one says that it is the last.
pub async fn lists_go_on_page_by_page<S: MetadataScene>() {
    const COUNT: u64 = 95;
    let scene = S::start().await;
    for number in 0..COUNT {
        let film = StandInMovie {
            tmdb_id: 710_000 + number,
            imdb_id: Some(format!("tt92{number:05}")),
            title: format!("Film {number}"),
            release_date: "2019-05-04".to_owned(),
            ..StandInMovie::default()
        };
        scene.given_movie(film).await;
    }
    let provider = scene.provider();
    if !provider.capabilities().lists_trending {
        return;
    }
    let expected: Vec<String> = (0..COUNT).map(|number| format!("Film {number}")).collect();
    for is_discovery in [false, true] {
        let mut found = Vec::new();
        for page in 1..=10 {
            let answer = match is_discovery {
                false => {
                    let request = Trending { kind: Some(TitleKind::Movie), page, ..Trending::default() };
                    provider.trending(&call(), &request).await
                }
                true => provider.discover(&call(), &Discover { page, ..Discover::new(TitleKind::Movie) }).await,
            };
            let answer = answer.unwrap();
            found.extend(answer.titles.into_iter().map(|title| title.name));
            if !answer.has_more {
                break;
            }
        }
        assert_eq!(found, expected);
    }
}

/// Goal: what is out of bounds is refused and never sent; a genre that does not exist finds nothing or is refused with advice.
pub async fn lists_have_bounds<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider();
    if provider.capabilities().lists_trending {
        for page in [0, 501] {
            let error = provider.trending(&call(), &Trending { page, ..Trending::default() }).await.unwrap_err();
            assert_eq!((error.kind(), error.provider()), (ErrorKind::InvalidInput, Some(provider.id().as_str())));
        }
    }
    if provider.capabilities().discovers {
        let request = Discover { page: 501, ..Discover::new(TitleKind::Series) };
        assert_eq!(provider.discover(&call(), &request).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let request = Discover { genre: Some("Knitting".to_owned()), ..Discover::new(TitleKind::Movie) };
        match provider.discover(&call(), &request).await {
            Ok(page) => assert_eq!(page, TitlePage::default()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                assert!(error.advice().is_some_and(|advice| advice.contains("Drama")));
            }
        }
    }
}

/// Goal: an outside id finds the title that bears it, of the kind that is wanted and of no other.
pub async fn outside_ids_find_the_right_kind<S: MetadataScene>() {
    let scene = start_with_both::<S>().await;
    let provider = scene.provider();
    let find = async |id: &OutsideId, kind| {
        let request = FindTitle { kind, ..FindTitle::new(id.clone()) };
        provider.find(&call(), &request).await
    };
    let (film, series) = (OutsideId::Imdb("9100001".to_owned()), OutsideId::Imdb("9100002".to_owned()));
    if provider.capabilities().finds_imdb {
        for (id, kind, name) in [
            (&film, None, "Paper Boats"),
            (&film, Some(TitleKind::Movie), "Paper Boats"),
            (&series, None, "Paper Harbour"),
            (&series, Some(TitleKind::Series), "Paper Harbour"),
        ] {
            assert_eq!(find(id, kind).await.unwrap().name, name, "{id:?} {kind:?}");
        }
        let unknown = OutsideId::Imdb("9199999".to_owned());
        for (id, kind) in [(&film, Some(TitleKind::Series)), (&series, Some(TitleKind::Movie)), (&unknown, None)] {
            assert_eq!(find(id, kind).await.unwrap_err().kind(), ErrorKind::NotFound, "{id:?} {kind:?}");
        }
    } else {
        assert_unsupported(find(&film, None).await, provider.as_ref());
    }
    let tvdb = OutsideId::Tvdb(4_242);
    if provider.capabilities().finds_tvdb {
        assert_eq!(find(&tvdb, None).await.unwrap().name, "Paper Harbour");
        assert_eq!(find(&tvdb, Some(TitleKind::Movie)).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(find(&OutsideId::Tvdb(1), None).await.unwrap_err().kind(), ErrorKind::NotFound);
    } else {
        assert_unsupported(find(&tvdb, None).await, provider.as_ref());
    }
}

/// Goal: a vendor that has pictures lists posters and wide ones, each from narrow to wide.
pub async fn pictures_come_in_sizes<S: MetadataScene>() {
    let scene = S::start().await;
    let (poster_path, backdrop_path) = (Some("/poster.jpg".to_owned()), Some("/wide.jpg".to_owned()));
    scene.given_movie(StandInMovie { poster_path, backdrop_path, ..film() }).await;
    let provider = scene.provider();
    let pictures = provider.pictures(&call(), &request("tt9100001")).await;
    if !provider.capabilities().has_pictures {
        return assert_unsupported(pictures, provider.as_ref());
    }
    let pictures = pictures.unwrap();
    let kinds: Vec<PictureKind> = pictures.iter().map(|picture| picture.kind).collect();
    assert_eq!(kinds, [PictureKind::Poster, PictureKind::Backdrop]);
    for picture in pictures {
        assert!(picture.sizes.len() > 1);
        assert!(picture.sizes.windows(2).all(|pair| pair[0].width < pair[1].width), "{picture:?}");
    }
    for id in ["tt9199999", "kitsu:12"] {
        assert_eq!(provider.pictures(&call(), &request(id)).await.unwrap_err().kind(), ErrorKind::NotFound, "{id}");
    }
}

/// Goal: a check-up tells a wrong key.
pub async fn a_check_up_tells_a_wrong_key<S: MetadataScene>() {
    let scene = S::start().await;
    let error = scene.provider_with_key("0a").check_up(&call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
}
