//! The rules of [`prostream_core::provider::metadata::MetadataProvider`] over every vendor, and what is particular to each.
#![cfg(feature = "http")]

mod scenes;

mod tmdb {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use prostream_core::ErrorKind;
    use prostream_core::model::{Language, TitleKind};
    use prostream_core::net::{AddressPolicy, Call, HttpClient, HttpClientConfig, Secret};
    use prostream_core::provider::metadata::tmdb::TmdbConfig;
    use prostream_core::provider::metadata::{
        Discover, MetadataConfig, MetadataProvider, TitleRequest, TitleSearch, Trending,
    };
    use prostream_core::testing::metadata::MetadataScene;
    use prostream_core::testing::stand_in::{
        Mishap, StandInEpisode, StandInMovie, StandInSeason, StandInSeries, StandInTranslation, TmdbStandIn,
    };

    use super::scenes::Mounted;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const TOKEN: &str = "eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl";

    /// The same API with either form of key.
    trait Key: Send + Sync {
        const TEXT: &'static str;
    }
    #[derive(Default)]
    struct V3;
    #[derive(Default)]
    struct Token;
    impl Key for V3 {
        const TEXT: &'static str = KEY;
    }
    impl Key for Token {
        const TEXT: &'static str = TOKEN;
    }

    struct Scene<K>(Mounted<TmdbStandIn>, K);

    fn provider(scene: &Mounted<TmdbStandIn>, key: &str) -> Arc<dyn MetadataProvider> {
        let config = TmdbConfig {
            base_url: scene.url("/3"),
            image_base_url: scene.url("/t/p"),
            ..TmdbConfig::new(Secret::new(key))
        };
        MetadataConfig::Tmdb(config).build(&scene.http).unwrap()
    }

    #[async_trait]
    impl<K: Key + Default> MetadataScene for Scene<K> {
        const KEY: &'static str = K::TEXT;

        async fn start() -> Self {
            Self(Mounted::new(TmdbStandIn::new(K::TEXT)).await, K::default())
        }

        fn provider_with_key(&self, key: &str) -> Arc<dyn MetadataProvider> {
            provider(&self.0, key)
        }

        async fn given_movie(&self, movie: StandInMovie) {
            self.0.stand_in.given_movie(movie);
        }

        async fn given_series(&self, series: StandInSeries) {
            self.0.stand_in.given_series(series);
        }

        async fn given_mishap(&self, mishap: Option<Mishap>) {
            self.0.stand_in.given_mishap(mishap);
        }
    }

    mod with_v3_key {
        prostream_core::metadata_suite!(super::Scene<super::V3>, with keys);
    }

    mod with_token {
        prostream_core::metadata_suite!(super::Scene<super::Token>, with keys);
    }

    fn call() -> Call {
        Call::within(Duration::from_secs(10))
    }

    /// Goal: an IMDb id that leads to a film and to an unrelated series is the title that bears it.
    #[tokio::test]
    async fn of_two_titles_behind_an_id_the_bearer_is_it() {
        let film = StandInMovie {
            tmdb_id: 1,
            imdb_id: Some("tt9000001".to_owned()),
            title: "Film".to_owned(),
            ..Default::default()
        };
        let series = StandInSeries {
            tmdb_id: 2,
            imdb_id: Some("tt9000001".to_owned()),
            name: "Show".to_owned(),
            ..Default::default()
        };
        let scene = Mounted::new(TmdbStandIn::new(KEY).with_movie(film).with_series(series)).await;
        let provider = provider(&scene, KEY);
        let kind = async |id: &str| {
            provider.title(&call(), &TitleRequest::new(id.parse().unwrap())).await.unwrap().summary.kind
        };
        assert_eq!(kind("tt9000001").await, TitleKind::Movie);
        assert_eq!(kind("tt9000001:1:1").await, TitleKind::Series);
    }

    /// Goal: the language asked for, then English, then the original; other names are kept for matching releases.
    #[tokio::test]
    async fn texts_come_in_the_best_language() {
        let french = StandInTranslation {
            language: "fr".to_owned(),
            country: "FR".to_owned(),
            title: "Bateaux de papier".to_owned(),
            overview: String::new(),
        };
        let film = StandInMovie {
            tmdb_id: 1,
            title: "Paper Boats".to_owned(),
            original_title: Some("紙の船".to_owned()),
            original_language: "ja".to_owned(),
            overview: "English.".to_owned(),
            translations: vec![french],
            other_titles: vec!["Paper Ships".to_owned()],
            ..Default::default()
        };
        let scene = Mounted::new(TmdbStandIn::new(KEY).with_movie(film)).await;
        let provider = provider(&scene, KEY);
        for (language, name) in [
            (None, "Paper Boats"),
            (Some("fr-FR"), "Bateaux de papier"),
            (Some("de"), "Paper Boats"),
            (Some("ja"), "紙の船"),
        ] {
            let mut request = TitleRequest::new("tmdb:movie:1".parse().unwrap());
            request.language = language.and_then(Language::parse);
            let title = provider.title(&call(), &request).await.unwrap();
            assert_eq!(title.summary.name, name, "{language:?}");
            assert_eq!(title.summary.overview.as_deref(), Some("English."));
            assert_eq!(title.original_name.as_deref(), Some("紙の船"));
            assert!(title.other_names.contains(&"Paper Ships".to_owned()));
        }
    }

    /// Goal: a list speaks the language asked for too, and English where it has nothing, with one request more; a list that is whole costs none.
    #[tokio::test]
    async fn lists_fall_back_to_english() {
        let translation = |language: &str, title: &str, overview: &str| StandInTranslation {
            language: language.to_owned(),
            country: language.to_uppercase(),
            title: title.to_owned(),
            overview: overview.to_owned(),
        };
        let film = StandInMovie {
            tmdb_id: 1,
            title: "Paper Boats".to_owned(),
            original_title: Some("紙の船".to_owned()),
            original_language: "ja".to_owned(),
            overview: "English.".to_owned(),
            translations: vec![translation("fr", "Bateaux de papier", "Français.")],
            ..Default::default()
        };
        let scene = Mounted::new(TmdbStandIn::new(KEY).with_movie(film)).await;
        let provider = provider(&scene, KEY);
        for (language, name, overview, request_count) in [
            ("fr-FR", "Bateaux de papier", "Français.", 1),
            ("de", "Paper Boats", "English.", 2),
            ("de-AT", "Paper Boats", "English.", 3),
            ("ja", "紙の船", "English.", 2),
            ("en", "Paper Boats", "English.", 1),
        ] {
            let before = scene.requests().await.len();
            let mut request = Trending::default();
            request.language = Language::parse(language);
            let page = provider.trending(&call(), &request).await.unwrap();
            let title = &page.titles[0];
            assert_eq!((title.name.as_str(), title.overview.as_deref()), (name, Some(overview)), "{language}");
            assert_eq!(scene.requests().await.len() - before, request_count, "{language}");
        }
    }

    /// Goal: texts of episodes fall back as well, with one request more for each group of seasons, and only where some are missing.
    #[tokio::test]
    async fn episodes_fall_back_to_english() {
        let episode = StandInEpisode { name: "One".to_owned(), overview: "English.".to_owned(), ..Default::default() };
        let season = |number| StandInSeason { number, episodes: vec![episode.clone()], ..Default::default() };
        let series = StandInSeries {
            tmdb_id: 1,
            name: "Show".to_owned(),
            seasons: (1..=30).map(season).collect(),
            ..Default::default()
        };
        let scene = Mounted::new(TmdbStandIn::new(KEY).with_series(series)).await;
        let provider = provider(&scene, KEY);
        for (language, request_count) in [("en", 3), ("de", 5)] {
            let before = scene.requests().await.len();
            let mut request = TitleRequest::new("tmdb:series:1".parse().unwrap());
            request.language = Language::parse(language);
            let title = provider.title(&call(), &request).await.unwrap();
            let mut episodes = title.seasons.iter().flat_map(|season| &season.episodes);
            assert!(episodes.all(|episode| episode.overview.as_deref() == Some("English.")), "{language}");
            assert_eq!(scene.requests().await.len() - before, request_count, "{language}");
        }
    }

    /// Goal: the genres are asked for once for each kind.
    #[tokio::test]
    async fn genres_are_asked_for_once() {
        let scene = Mounted::new(TmdbStandIn::new(KEY)).await;
        let provider = provider(&scene, KEY);
        for _ in 0..3 {
            for kind in [TitleKind::Movie, TitleKind::Series] {
                let mut discover = Discover::new(kind);
                discover.genre = Some("Drama".to_owned());
                provider.discover(&call(), &discover).await.unwrap();
            }
        }
        let requests = scene.requests().await;
        assert_eq!(requests.iter().filter(|request| request.starts_with("/3/genre/")).count(), 2, "{requests:?}");
        assert_eq!(requests.len(), 8);
    }

    /// Goal: a year is found on a later page of the mixed search, which has no such filter; pages are limited.
    #[tokio::test]
    async fn a_year_is_looked_for_on_further_pages() {
        let tmdb = TmdbStandIn::new(KEY);
        for number in 0..200u64 {
            let release_date = if number == 45 { "2001-01-01" } else { "1999-01-01" }.to_owned();
            tmdb.given_movie(StandInMovie {
                tmdb_id: number + 1,
                title: "Again".to_owned(),
                release_date,
                ..Default::default()
            });
        }
        let scene = Mounted::new(tmdb).await;
        let mut search = TitleSearch::new("again");
        search.year = Some(2001);
        let found = provider(&scene, KEY).search(&call(), &search).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(scene.requests().await.len(), 3);
    }

    /// Goal: pictures are named below the set address, where they are.
    #[tokio::test]
    async fn pictures_lie_on_the_image_host() {
        let film = StandInMovie {
            tmdb_id: 1,
            title: "Film".to_owned(),
            poster_path: Some("/poster.png".to_owned()),
            backdrop_path: Some("//elsewhere.example/x.png".to_owned()),
            ..Default::default()
        };
        let scene =
            Mounted::new(TmdbStandIn::new(KEY).with_movie(film).with_image("/poster.png", "image/png", "png")).await;
        let title =
            provider(&scene, KEY).title(&call(), &TitleRequest::new("tmdb:movie:1".parse().unwrap())).await.unwrap();
        let poster = title.summary.poster_url.unwrap();
        assert_eq!(poster, scene.url("/t/p/w342/poster.png").as_str());
        assert_eq!(title.backdrop_url, None);
        let request = prostream_core::net::Request::get(poster.parse().unwrap());
        assert_eq!(scene.http.send(&call(), request).await.unwrap().body, "png");
    }

    /// Goal: the key stands in the address of each request, and in no error about a host that cannot be reached (PRIV-03).
    #[tokio::test]
    async fn an_unreachable_host_shows_no_key() {
        let scene = Mounted::new(TmdbStandIn::new(KEY)).await;
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let policy = AddressPolicy { allow: vec![closed.to_string().parse().unwrap()] };
        let http = HttpClient::new(HttpClientConfig { policy, ..HttpClientConfig::default() }).unwrap();
        let base_url = format!("http://{closed}/3").parse().unwrap();
        let config = TmdbConfig { base_url, ..TmdbConfig::new(Secret::new(KEY)) };
        for http in [&http, &scene.http] {
            let provider = MetadataConfig::Tmdb(config.clone()).build(http).unwrap();
            let error = provider.search(&call(), &TitleSearch::new("paper")).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Forbidden), "{error}");
            let mut told = format!("{error} {error:?} {:?}", error.advice());
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                told.push_str(&format!(" {cause} {cause:?}"));
                source = cause.source();
            }
            assert!(!told.contains(KEY), "{told}");
        }
    }

    /// Goal: an empty key is refused before anything is sent.
    #[tokio::test]
    async fn settings_are_checked() {
        let scene = Mounted::new(TmdbStandIn::new(KEY)).await;
        let error = MetadataConfig::Tmdb(TmdbConfig::new(Secret::new(" "))).build(&scene.http).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.advice().is_some());
    }
}

mod cinemeta {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use prostream_core::ErrorKind;
    use prostream_core::model::TitleKind;
    use prostream_core::net::Call;
    use prostream_core::provider::metadata::cinemeta::CinemetaConfig;
    use prostream_core::provider::metadata::{MetadataConfig, MetadataProvider, TitleSearch};
    use prostream_core::testing::metadata::MetadataScene;
    use prostream_core::testing::stand_in::{
        CinemetaStandIn, Mishap, StandIn, StandInMovie, StandInReply, StandInRequest, StandInSeries,
    };

    use super::scenes::Mounted;

    struct Scene(Mounted<CinemetaStandIn>);

    #[async_trait]
    impl MetadataScene for Scene {
        const KEY: &'static str = "";

        async fn start() -> Self {
            Self(Mounted::new(CinemetaStandIn::new()).await)
        }

        fn provider_with_key(&self, _key: &str) -> Arc<dyn MetadataProvider> {
            let config = CinemetaConfig { base_url: self.0.url(""), ..CinemetaConfig::default() };
            MetadataConfig::Cinemeta(config).build(&self.0.http).unwrap()
        }

        async fn given_movie(&self, movie: StandInMovie) {
            self.0.stand_in.given_movie(movie);
        }

        async fn given_series(&self, series: StandInSeries) {
            self.0.stand_in.given_series(series);
        }

        async fn given_mishap(&self, mishap: Option<Mishap>) {
            self.0.stand_in.given_mishap(mishap);
        }
    }

    prostream_core::metadata_suite!(Scene);

    /// A catalogue that only ever redirects.
    #[derive(Debug)]
    struct Elsewhere(&'static str);

    impl StandIn for Elsewhere {
        fn reply(&self, _request: &StandInRequest) -> StandInReply {
            let reply = http::Response::builder().status(307).header("location", self.0);
            reply.body(Bytes::new()).unwrap()
        }
    }

    /// Goal: redirects end, and none leads to an address that the policy forbids, or to another scheme.
    #[tokio::test]
    async fn redirects_are_judged_and_counted() {
        for (location, kind, request_count) in [
            ("/again", ErrorKind::Malformed, 4),
            ("http://127.0.0.1:9/top.json", ErrorKind::Forbidden, 1),
            ("http://169.254.169.254/latest", ErrorKind::Forbidden, 1),
            ("file:///etc/passwd", ErrorKind::Forbidden, 1),
        ] {
            let scene = Mounted::new(Elsewhere(location)).await;
            let config = CinemetaConfig { base_url: scene.url(""), ..CinemetaConfig::default() };
            let provider = MetadataConfig::Cinemeta(config).build(&scene.http).unwrap();
            let mut search = TitleSearch::new("paper");
            search.kind = Some(TitleKind::Movie);
            let error = provider.search(&Call::within(Duration::from_secs(10)), &search).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{location}: {error}");
            assert_eq!(scene.requests().await.len(), request_count, "{location}");
        }
    }
}
