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
