//! The rules of [`prostream_core::provider::subtitles::SubtitleProvider`] over every vendor, and what is particular to each.
#![cfg(feature = "http")]

mod scenes;

mod opensubtitles {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use prostream_core::ErrorKind;
    use prostream_core::net::{Call, Secret};
    use prostream_core::provider::subtitles::opensubtitles::OpenSubtitlesConfig;
    use prostream_core::provider::subtitles::{SubtitleId, SubtitleProvider, SubtitleSearch, SubtitlesConfig};
    use prostream_core::testing::outbound::{Access, Outside};
    use prostream_core::testing::stand_in::{
        Mishap, OpenSubtitlesStandIn, StandIn, StandInReply, StandInRequest, StandInSubtitle,
    };
    use prostream_core::testing::subtitles::SubtitleScene;

    use super::scenes::Mounted;

    const KEY: &str = "k3yOfTheProgram";
    const USER: &str = "mia";
    const PASSWORD: &str = "p4ssw0rdOfMia";

    struct Scene(Mounted<OpenSubtitlesStandIn>);

    fn config<T: StandIn>(scene: &Mounted<T>, key: &str) -> OpenSubtitlesConfig {
        OpenSubtitlesConfig {
            user: Some(USER.to_owned()),
            password: Some(Secret::new(PASSWORD)),
            base_url: scene.url("/api/v1"),
            ..OpenSubtitlesConfig::new(Secret::new(key))
        }
    }

    fn provider<T: StandIn>(scene: &Mounted<T>) -> Arc<dyn SubtitleProvider> {
        SubtitlesConfig::OpenSubtitles(config(scene, KEY)).build(&scene.http).unwrap()
    }

    #[async_trait]
    impl SubtitleScene for Scene {
        const KEY: &'static str = KEY;
        const SECRETS: &'static [&'static str] = &[PASSWORD, "t0ken", "/download/"];

        async fn start() -> Self {
            Self(Mounted::new(OpenSubtitlesStandIn::new(KEY, USER, PASSWORD)).await)
        }

        fn provider_with_key(&self, key: &str) -> Arc<dyn SubtitleProvider> {
            SubtitlesConfig::OpenSubtitles(config(&self.0, key)).build(&self.0.http).unwrap()
        }

        async fn given_subtitle(&self, subtitle: StandInSubtitle) {
            self.0.stand_in.given_subtitle(subtitle);
        }

        async fn given_quota_used_up(&self) {
            self.0.stand_in.given_downloads_left(0);
        }

        async fn given_mishap(&self, mishap: Option<Mishap>) {
            self.0.stand_in.given_mishap(mishap);
        }
    }

    prostream_core::subtitle_suite!(Scene);

    fn call() -> Call {
        Call::within(Duration::from_secs(30))
    }

    fn id(text: &str) -> SubtitleId {
        SubtitleId::new(text).unwrap()
    }

    fn service() -> OpenSubtitlesStandIn {
        OpenSubtitlesStandIn::new(KEY, USER, PASSWORD).with_subtitle(StandInSubtitle {
            number: 7,
            imdb_id: Some("tt0910001".to_owned()),
            title: "Paper Boats".to_owned(),
            language: "en".to_owned(),
            bytes: Bytes::from_static(b"text"),
            ..Default::default()
        })
    }

    async fn asked<T: StandIn>(scene: &Mounted<T>, path: &str) -> usize {
        scene.requests().await.iter().filter(|asked| asked.starts_with(path)).count()
    }

    /// Goal: one sign-in serves all, is kept, and is renewed once for all when the service has ended it.
    #[tokio::test]
    async fn one_sign_in_serves_all() {
        let scene = Mounted::new(service()).await;
        let provider = provider(&scene);
        for sign_ins in 1..=2 {
            let seven = id("7");
            let call = call();
            let fetches = (0..5).map(|_| provider.fetch(&call, &seven));
            for file in futures_util::future::join_all(fetches).await {
                assert_eq!(file.unwrap().bytes, "text");
            }
            assert_eq!(scene.stand_in.sign_in_count(), sign_ins);
            scene.stand_in.given_token_ended();
        }
    }

    /// Goal: a token that is refused although it is new is not renewed for ever.
    #[tokio::test]
    async fn a_token_is_renewed_once() {
        #[derive(Debug)]
        struct Forgetful(OpenSubtitlesStandIn);
        impl StandIn for Forgetful {
            fn reply(&self, request: &StandInRequest) -> StandInReply {
                if request.uri().path().ends_with("/download") {
                    self.0.given_token_ended();
                }
                self.0.reply(request)
            }
        }
        let scene = Mounted::new(Forgetful(service())).await;
        let error = provider(&scene).fetch(&call(), &id("7")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(asked(&scene, "/api/v1/login").await, 2);
        assert_eq!(asked(&scene, "/api/v1/download").await, 2);
    }

    /// Goal: a wrong password is said to be one, and not tried again and again; searching needs none.
    #[tokio::test]
    async fn a_wrong_password_is_told_and_not_repeated() {
        let scene = Mounted::new(service()).await;
        let config = OpenSubtitlesConfig { password: Some(Secret::new("wr0ng")), ..config(&scene, KEY) };
        let provider = SubtitlesConfig::OpenSubtitles(config).build(&scene.http).unwrap();
        for _ in 0..3 {
            let error = provider.fetch(&call(), &id("7")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            assert!(error.advice().is_some_and(|advice| advice.contains("password")), "{error}");
        }
        assert_eq!(asked(&scene, "/api/v1/login").await, 1);
        assert_eq!(provider.search(&call(), &SubtitleSearch::of_name("paper boats")).await.unwrap().len(), 1);
    }

    /// Goal: without a user subtitles are found; that they are not given is told, with advice, by a fetch and by a check-up.
    #[tokio::test]
    async fn without_a_user_nothing_is_given() {
        let scene = Mounted::new(service()).await;
        let config = OpenSubtitlesConfig { user: None, password: None, ..config(&scene, KEY) };
        let provider = SubtitlesConfig::OpenSubtitles(config).build(&scene.http).unwrap();
        assert_eq!(provider.search(&call(), &SubtitleSearch::of_name("paper boats")).await.unwrap().len(), 1);
        let error = provider.fetch(&call(), &id("7")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.advice().is_some_and(|advice| advice.contains("set user name and password")), "{error}");
        let check_up = provider.check_up(&call()).await.unwrap();
        assert_eq!(check_up.troubles.len(), 1);
        assert!(!check_up.troubles[0].is_failure);
    }

    /// Goal: a link that has ended is asked for again, once; keys and tokens never go to where files lie.
    #[tokio::test]
    async fn an_ended_link_is_asked_for_again() {
        #[derive(Debug)]
        struct Ending(OpenSubtitlesStandIn, bool);
        impl StandIn for Ending {
            fn reply(&self, request: &StandInRequest) -> StandInReply {
                if request.uri().path() == "/download/0000000000000001" || self.1 {
                    self.0.given_links_ended();
                }
                self.0.reply(request)
            }
        }
        let scene = Mounted::new(Ending(service(), false)).await;
        assert_eq!(provider(&scene).fetch(&call(), &id("7")).await.unwrap().bytes, "text");
        assert_eq!(asked(&scene, "/api/v1/download").await, 2);
        assert_eq!(scene.stand_in.0.secrets_at_links(), 0);
        let scene = Mounted::new(Ending(service(), true)).await;
        let error = provider(&scene).fetch(&call(), &id("7")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert_eq!(asked(&scene, "/api/v1/download").await, 2);
    }

    /// Goal: our questions are in the service's own order, so none is redirected; one that is, is followed on the same host alone.
    #[tokio::test]
    async fn redirects_stay_at_the_service() {
        #[derive(Debug)]
        struct Moving(OpenSubtitlesStandIn, &'static str);
        impl StandIn for Moving {
            fn reply(&self, request: &StandInRequest) -> StandInReply {
                if !self.1.is_empty() && request.uri().path() == "/api/v1/subtitles" {
                    return http::Response::builder()
                        .status(301)
                        .header("location", self.1)
                        .body(Bytes::new())
                        .unwrap();
                }
                self.0.reply(request)
            }
        }
        for (location, kind, count) in [
            ("", None, 1),
            ("/api/v1/infos/formats", Some(ErrorKind::Malformed), 1),
            ("/api/v1/subtitles?again=1", Some(ErrorKind::Malformed), 4),
            ("http://evil.example/", Some(ErrorKind::Malformed), 1),
            ("//127.0.0.1:9/", Some(ErrorKind::Malformed), 1),
        ] {
            let scene = Mounted::new(Moving(service(), location)).await;
            let mut search = SubtitleSearch::of_name("Paper BOATS");
            search.languages =
                ["pt", "EN"].iter().filter_map(|tag| prostream_core::model::Language::parse(tag)).collect();
            let found = provider(&scene).search(&call(), &search).await;
            assert_eq!(found.err().map(|error| error.kind()), kind, "{location}");
            assert_eq!(asked(&scene, "/api/v1/subtitles").await, count, "{location}");
        }
    }

    /// Goal: the host that a sign-in names is asked from then on, if it is the service's own; any other never hears of the token.
    /// Method: the real names, played; the first answer names the host for VIPs, then an outsider.
    #[tokio::test]
    async fn the_token_goes_to_the_services_own_hosts_alone() {
        let outside = Outside::start().await;
        let http = outside.client(Access::Public);
        for (named, asked_at) in [
            ("vip-api.opensubtitles.com", "vip-api.opensubtitles.com"),
            ("evil.example", "api.opensubtitles.com"),
            ("api.opensubtitles.com.evil.example", "api.opensubtitles.com"),
        ] {
            let service = Arc::new(service());
            service.given_named_host(named);
            let mut hosts = Vec::new();
            for name in [
                "api.opensubtitles.com",
                "vip-api.opensubtitles.com",
                "evil.example",
                "api.opensubtitles.com.evil.example",
            ] {
                hosts.push(outside.named_host(name, Arc::clone(&service) as Arc<dyn StandIn>));
            }
            let config = OpenSubtitlesConfig {
                user: Some(USER.to_owned()),
                password: Some(Secret::new(PASSWORD)),
                base_url: hosts[0].join("api/v1").unwrap(),
                ..OpenSubtitlesConfig::new(Secret::new(KEY))
            };
            let provider = SubtitlesConfig::OpenSubtitles(config).build(http).unwrap();
            assert_eq!(provider.fetch(&call(), &id("7")).await.unwrap().bytes, "text", "{named}");
            let tokens_at = service.tokens_at();
            assert!(!tokens_at.is_empty());
            assert!(
                tokens_at.iter().all(|(host, _)| host.split(':').next() == Some(asked_at)),
                "{named}: {tokens_at:?}"
            );
        }
    }

    /// Goal: what cannot work is refused before anything is sent.
    #[tokio::test]
    async fn settings_are_checked() {
        let scene = Mounted::new(service()).await;
        let good = config(&scene, KEY);
        for wrong in [
            OpenSubtitlesConfig { key: Secret::new(" "), ..good.clone() },
            OpenSubtitlesConfig { user: None, ..good.clone() },
            OpenSubtitlesConfig { password: None, ..good.clone() },
            OpenSubtitlesConfig { base_url: "file:///x".parse().unwrap(), ..good.clone() },
        ] {
            let error = SubtitlesConfig::OpenSubtitles(wrong).build(&scene.http).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert!(scene.requests().await.is_empty());
    }
}

mod engine {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use prostream_core::hls::subtitle_file::FileHints;
    use prostream_core::model::{FileHash, Language, ProviderId, Title};
    use prostream_core::net::Call;
    use prostream_core::playback::{PlaybackConfig, PlaybackSource, StartPlayback, SubtitleWish};
    use prostream_core::provider::CheckUp;
    use prostream_core::provider::metadata::{MetadataProvider, TitleRequest, TitleSearch};
    use prostream_core::provider::subtitles::{Subtitle, SubtitleFile, SubtitleId, SubtitleProvider, SubtitleSearch};
    use prostream_core::resolve::{ProviderSet, SubtitleRequest, Viewer, subtitle_key};
    use prostream_core::store::cache::{Cache, MemoryCache};
    use prostream_core::{Error, ErrorKind, ProStream, Result};

    /// Has one subtitle, and notes what it is asked.
    #[derive(Debug)]
    struct Shelf {
        id: ProviderId,
        language: &'static str,
        file: Bytes,
        /// What every question ends with, where it fails.
        failure: Option<ErrorKind>,
        searches: Mutex<Vec<SubtitleSearch>>,
        fetches: AtomicUsize,
    }

    /// The film that the demonstration ships.
    const FILM: &[u8] = include_bytes!("../../prostream-server/assets/demo-film.mkv");
    const SRT: &[u8] = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n";

    fn shelf(name: &str, language: &'static str) -> Shelf {
        Shelf {
            id: ProviderId::new(name),
            language,
            file: Bytes::from_static(SRT),
            failure: None,
            searches: Mutex::default(),
            fetches: AtomicUsize::new(0),
        }
    }

    impl Shelf {
        async fn answer(&self) -> Result<()> {
            tokio::task::yield_now().await;
            match self.failure {
                Some(kind) => Err(Error::new(kind, "test").at(self.id.to_string())),
                None => Ok(()),
            }
        }

        fn asked(&self) -> Vec<SubtitleSearch> {
            self.searches.lock().unwrap().clone()
        }
    }

    #[async_trait]
    impl SubtitleProvider for Shelf {
        fn id(&self) -> &ProviderId {
            &self.id
        }

        async fn search(&self, _call: &Call, request: &SubtitleSearch) -> Result<Vec<Subtitle>> {
            self.searches.lock().unwrap().push(request.clone());
            self.answer().await?;
            Ok(vec![Subtitle {
                provider: self.id.clone(),
                id: SubtitleId::new("7").unwrap(),
                language: Language::parse(self.language),
                release_name: None,
                is_hash_match: false,
                is_hearing_impaired: false,
                is_foreign_parts_only: false,
                is_machine_translated: false,
                is_trusted: false,
                download_count: 0,
                frames_per_s: None,
            }])
        }

        async fn fetch(&self, _call: &Call, id: &SubtitleId) -> Result<SubtitleFile> {
            assert_eq!(id.as_str(), "7");
            self.fetches.fetch_add(1, Ordering::SeqCst);
            self.answer().await?;
            Ok(SubtitleFile { name: None, bytes: self.file.clone() })
        }

        async fn check_up(&self, _call: &Call) -> Result<CheckUp> {
            Ok(CheckUp::default())
        }
    }

    /// Knows no title.
    #[derive(Debug)]
    struct Blank(ProviderId);

    #[async_trait]
    impl MetadataProvider for Blank {
        fn id(&self) -> &ProviderId {
            &self.0
        }

        async fn search(&self, _: &Call, _: &TitleSearch) -> Result<Vec<prostream_core::model::TitleSummary>> {
            Ok(Vec::new())
        }

        async fn title(&self, _: &Call, _: &TitleRequest) -> Result<Title> {
            Err(Error::new(ErrorKind::Unavailable, "describe title"))
        }
    }

    fn viewer(shelves: &[&Arc<Shelf>]) -> Viewer {
        let set = ProviderSet {
            metadata: vec![Arc::new(Blank(ProviderId::new("blank")))],
            subtitles: shelves.iter().map(|shelf| Arc::clone(shelf) as Arc<dyn SubtitleProvider>).collect(),
            ..ProviderSet::default()
        };
        Viewer::new("mia", Arc::new(set))
    }

    fn request(id: &str) -> SubtitleRequest {
        SubtitleRequest::of_title(id.parse().unwrap())
    }

    fn call() -> Call {
        Call::within(Duration::from_secs(30))
    }

    fn languages(tags: &[&str]) -> Vec<Language> {
        tags.iter().filter_map(|tag| Language::parse(tag)).collect()
    }

    /// Goal: all providers are asked, the preferred language stands first, and one that fails leaves its part out.
    #[tokio::test]
    async fn the_answers_of_all_stand_in_order() {
        let (one, two) = (Arc::new(shelf("one", "fr")), Arc::new(shelf("two", "de")));
        let dead = Arc::new(Shelf { failure: Some(ErrorKind::Unavailable), ..shelf("dead", "de") });
        let engine = ProStream::builder().build().unwrap();
        let mut wanted = request("tt9100001");
        wanted.languages = languages(&["de", "fr"]);
        let found = engine.find_subtitles(&call(), &viewer(&[&one, &two, &dead]), &wanted).await.unwrap();
        assert!(found.is_partial);
        assert_eq!(found.subtitles.iter().map(subtitle_key).collect::<Vec<_>>(), ["two-7", "one-7"]);
        let error = engine.find_subtitles(&call(), &viewer(&[&dead]), &wanted).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = engine.find_subtitles(&call(), &viewer(&[]), &wanted).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.advice().is_some());
    }

    /// Goal: an id is enough where no metadata provider answers; one of another catalogue is not, unless the file or its name tells more.
    #[tokio::test]
    async fn what_is_known_is_told() {
        let one = Arc::new(shelf("one", "de"));
        let engine = ProStream::builder().build().unwrap();
        let viewer = viewer(&[&one]);
        engine.find_subtitles(&call(), &viewer, &request("tt9100001:1:2")).await.unwrap();
        engine.find_subtitles(&call(), &viewer, &request("tmdb:movie:7")).await.unwrap();
        let error = engine.find_subtitles(&call(), &viewer, &request("kitsu:12:1")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let error = engine.find_subtitles(&call(), &viewer, &request("tmdb:series:7")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let mut of_file = SubtitleRequest::default();
        let error = engine.find_subtitles(&call(), &viewer, &of_file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        of_file.file_name = Some("Paper.Harbour.S02E03.mkv".to_owned());
        engine.find_subtitles(&call(), &viewer, &of_file).await.unwrap();
        let asked = one.asked();
        let episode = |search: &SubtitleSearch| search.episode.map(|number| (number.season, number.episode));
        assert_eq!((asked[0].imdb_id.as_deref(), episode(&asked[0])), (Some("tt9100001"), Some((1, 2))));
        assert_eq!((asked[1].tmdb_id, episode(&asked[1])), (Some(7), None));
        assert_eq!((asked[2].name.as_deref(), episode(&asked[2])), (Some("Paper Harbour"), Some((2, 3))));
        assert_eq!(asked.len(), 3);
    }

    /// Goal: however many ask, and in whatever order they prefer languages, a provider is asked once, also for a file; failures are not kept.
    #[tokio::test]
    async fn one_question_serves_all() {
        let one = Arc::new(shelf("one", "de"));
        let cache: Arc<dyn Cache> = Arc::new(MemoryCache::default());
        let viewer = viewer(&[&one]);
        // Two engines: what one has found the other one finds in the cache.
        for _ in 0..2 {
            let engine = ProStream::builder().cache(Arc::clone(&cache)).build().unwrap();
            let all = (0..20).map(|at| {
                let (engine, viewer) = (engine.clone(), viewer.clone());
                async move {
                    let mut wanted = request("tt9100001");
                    wanted.languages = languages(if at % 2 == 0 { &["de", "fr"] } else { &["fr", "de"] });
                    let found = engine.find_subtitles(&call(), &viewer, &wanted).await.unwrap();
                    let wish = SubtitleWish::new(subtitle_key(&found.subtitles[0]));
                    engine.playbacks().subtitle(&call(), &viewer, &wish).await.unwrap()
                }
            });
            for text in futures_util::future::join_all(all).await {
                assert_eq!(text, "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n");
            }
        }
        assert_eq!((one.asked().len(), one.fetches.load(Ordering::SeqCst)), (1, 1));
    }

    /// Goal: shifts and hints cost no request; what is no subtitle, or no key, is told.
    #[tokio::test]
    async fn texts_are_converted_as_wished() {
        let cyrillic = Bytes::from_static(b"{25}{50}\xe6");
        let one = Arc::new(Shelf { file: cyrillic, ..shelf("one", "ru") });
        let bad = Arc::new(Shelf { file: Bytes::from_static(b"nothing"), ..shelf("bad", "ru") });
        let engine = ProStream::builder().build().unwrap();
        let viewer = viewer(&[&one, &bad]);
        let mut wish = SubtitleWish::new("one-7");
        wish.hints = FileHints { language: Language::parse("ru"), frames_per_s: Some(25.0) };
        let text = async |wish: &SubtitleWish| engine.playbacks().subtitle(&call(), &viewer, wish).await;
        assert_eq!(text(&wish).await.unwrap(), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nж\n");
        wish.shift_ms = -1_500;
        assert_eq!(text(&wish).await.unwrap(), "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nж\n");
        wish.hints.frames_per_s = Some(50.0);
        assert_eq!(text(&wish).await.unwrap(), "WEBVTT\n");
        assert_eq!(one.fetches.load(Ordering::SeqCst), 1);
        for (key, kind) in [
            ("bad-7", ErrorKind::Unsupported),
            ("bad-7", ErrorKind::Unsupported),
            ("none-7", ErrorKind::NotFound),
            ("one", ErrorKind::NotFound),
            ("one-../x", ErrorKind::NotFound),
        ] {
            let error = text(&SubtitleWish::new(key)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{key}");
        }
        assert_eq!(bad.fetches.load(Ordering::SeqCst), 1);
    }

    /// Goal: what is played is looked for by its very file.
    #[tokio::test]
    async fn a_playback_is_known_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Paper.Boats.2019.1080p.mkv");
        std::fs::write(&path, FILM).unwrap();
        let config = PlaybackConfig { library: vec![folder.path().to_owned()], ..PlaybackConfig::default() };
        let engine = ProStream::builder().playback(config).build().unwrap();
        let one = Arc::new(shelf("one", "de"));
        let viewer = viewer(&[&one]);
        let wish = StartPlayback::new(PlaybackSource::Path(path));
        let playback = engine.start_playback(&call(), &viewer, &wish).await.unwrap();
        let found = engine.playbacks().find_subtitles(&call(), &viewer, &playback, &languages(&["de"])).await.unwrap();
        assert_eq!(found.subtitles.len(), 1);
        let asked = one.asked();
        let (first, last) = (&FILM[..FileHash::END_BYTES], &FILM[FILM.len() - FileHash::END_BYTES..]);
        assert_eq!(asked[0].file_hash, FileHash::of(FILM.len() as u64, first, last));
        assert!(asked[0].file_hash.is_some());
        assert_eq!((asked[0].name.as_deref(), asked[0].year), (Some("Paper Boats"), Some(2019)));
    }
}
