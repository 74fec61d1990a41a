//! A real server on a free port, over a temporary folder, with a film, a title and a release that need nothing outside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prostream_core::model::{Language, Location, Playable, ProviderId, Release, Title, TitleKind, TitleSummary};
use prostream_core::net::Call;
use prostream_core::playback::PlaybackConfig;
use prostream_core::provider::CheckUp;
use prostream_core::provider::indexer::{Indexer, Query, Releases};
use prostream_core::provider::metadata::{
    Capabilities, Discover, MetadataProvider, TitlePage, TitleRequest, TitleSearch, Trending,
};
use prostream_core::provider::subtitles::{Subtitle, SubtitleFile, SubtitleId, SubtitleProvider, SubtitleSearch};
use prostream_core::resolve::ProviderSet;
use prostream_core::store::records::SqliteRecords;
use prostream_core::store::sqlite::SqliteDatabase;
use prostream_core::{Error, ErrorKind, ProStream, ProStreamBuilder, Result};
use prostream_server::auth::{Accounts, Role};
use prostream_server::config::Config;
use prostream_server::{Asset, Assets, ServerHandle, ServerParts, serve};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const FILM_ID: &str = "tt7654321";

/// A film whose releases the indexer cannot list.
pub(crate) const TROUBLE_ID: &str = "tt7654322";

/// The film that the demonstration ships: about a minute of H.264 with two AAC tracks and subtitles.
pub(crate) const FILM: &[u8] = include_bytes!("../../assets/demo-film.mkv");

pub(crate) struct TestApp {
    pub(crate) server: ServerHandle,
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) film: PathBuf,
    pub(crate) _folder: tempfile::TempDir,
}

pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.listen.addresses = vec![([127, 0, 0, 1], 0).into()];
    config
}

pub(crate) fn assets() -> Assets {
    Assets::new(vec![
        Asset::new("index.html", "text/html; charset=utf-8", b"<!doctype html><title>test</title>"),
        Asset::new("app.js", "text/javascript; charset=utf-8", b"\"use strict\";"),
    ])
}

/// The film in a library of its own, and an engine that may read it.
pub(crate) fn film_and_engine(folder: &tempfile::TempDir) -> (PathBuf, ProStreamBuilder) {
    let library = folder.path().join("library");
    std::fs::create_dir(&library).unwrap();
    let film = library.join("A.Film.2020.1080p.WEB-DL.H.264-GRP.mkv");
    std::fs::write(&film, FILM).unwrap();
    let config = PlaybackConfig { library: vec![library], ..PlaybackConfig::default() };
    (film, ProStream::builder().playback(config))
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::with_engine(config, |engine| engine).await
    }

    /// With an engine that `change` has changed.
    pub(crate) async fn with_engine(config: Config, change: impl FnOnce(ProStreamBuilder) -> ProStreamBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (film, engine) = film_and_engine(&folder);
        let engine = change(engine);
        let database = SqliteDatabase::open(folder.path().join("prostream.db")).await.unwrap();
        let life = Duration::from_secs(config.auth.access_token_life_s.into());
        let accounts = Arc::new(Accounts::open(folder.path(), database.clone(), &config.auth, life).await.unwrap());
        let records = SqliteRecords::new(database).await.unwrap().sealed_by(accounts.records_seal());
        let catalogue = Catalogue { id: ProviderId::new("test_catalogue") };
        let shelf = Shelf { id: ProviderId::new("test_shelf"), film: film.clone() };
        let providers = ProviderSet {
            metadata: vec![Arc::new(catalogue)],
            indexers: vec![Arc::new(shelf)],
            debrid: Vec::new(),
            subtitles: vec![Arc::new(Captions { id: ProviderId::new("test_captions") })],
        };
        let parts = ServerParts {
            engine: engine.records(Arc::new(records)).build().unwrap(),
            accounts: Arc::clone(&accounts),
            providers: Arc::new(providers),
            assets: assets(),
        };
        let server = serve(config, parts).await.unwrap();
        let base = format!("http://{}", server.addresses()[0]);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { server, base, http, accounts, film, _folder: folder }
    }

    /// Adds a user and says an access token.
    pub(crate) async fn user(&self, name: &str) -> String {
        self.accounts.add_user(name, PASSWORD, Role::User).await.unwrap();
        self.accounts.access_token_of(name).await.unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.http.request(method, url)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Response {
        self.request(Method::GET, path).bearer_auth(token).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Response {
        let request = self.request(Method::POST, path).bearer_auth(token).header("content-type", "application/json");
        request.body(body.to_string()).send().await.unwrap()
    }

    /// Starts playing the film by its path.
    pub(crate) async fn play(&self, token: &str) -> Value {
        let reply = self.post_as(token, "/api/v1/playbacks", &json!({ "path": self.film })).await;
        assert_eq!(reply.status(), StatusCode::CREATED);
        body(reply).await
    }
}

/// The JSON of an answer.
pub(crate) async fn body(reply: Response) -> Value {
    serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap()
}

/// Checks that an answer is this problem, with everything a problem has.
pub(crate) async fn assert_problem(reply: Response, status: u16, code: &str) -> Value {
    assert_eq!(reply.status().as_u16(), status);
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let request_id = reply.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = body(reply).await;
    assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(status.into()), Some(code)), "{body}");
    assert_eq!(body["request_id"], request_id);
    body
}

/// Knows one film, and one that only brings trouble.
#[derive(Debug)]
struct Catalogue {
    id: ProviderId,
}

fn film_summary() -> TitleSummary {
    TitleSummary {
        media_id: FILM_ID.parse().unwrap(),
        kind: TitleKind::Movie,
        name: "A Film".to_owned(),
        year: Some(2020),
        overview: None,
        poster_url: None,
    }
}

/// How many films the catalogue lists as watched these days.
pub(crate) const LISTED_COUNT: u64 = 130;

#[async_trait]
impl MetadataProvider for Catalogue {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        let is_match = request.text.to_lowercase().contains("film");
        Ok(if is_match { vec![film_summary()] } else { Vec::new() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_trending().with_discovery()
    }

    /// 130 films, 20 to a page; no series.
    async fn trending(&self, _call: &Call, request: &Trending) -> Result<TitlePage> {
        request.check()?;
        let from = u64::from(request.page - 1) * 20;
        let numbers = from..LISTED_COUNT.min(from + 20);
        let film = |number: u64| TitleSummary {
            media_id: format!("tmdb:movie:{}", number + 1).parse().unwrap(),
            name: format!("Film {number}"),
            ..film_summary()
        };
        let is_series = request.kind == Some(TitleKind::Series);
        let titles = numbers.filter(|_| !is_series).map(film).collect();
        Ok(TitlePage { titles, has_more: !is_series && from + 20 < LISTED_COUNT })
    }

    /// Dramas alone.
    async fn discover(&self, _call: &Call, request: &Discover) -> Result<TitlePage> {
        request.check()?;
        match request.genre.as_deref() {
            Some("Drama") => Ok(TitlePage { titles: vec![film_summary()], has_more: false }),
            Some(_) => Err(Error::new(ErrorKind::InvalidInput, "discover titles").at("test_catalogue")),
            None => Err(Error::new(ErrorKind::Unsupported, "discover titles").at("test_catalogue")),
        }
    }

    async fn title(&self, _call: &Call, request: &TitleRequest) -> Result<Title> {
        let id = request.media_id.to_string();
        if ![FILM_ID, TROUBLE_ID].contains(&id.as_str()) {
            return Err(Error::new(ErrorKind::NotFound, "find title").at("test_catalogue"));
        }
        Ok(Title {
            summary: TitleSummary { media_id: request.media_id.clone(), ..film_summary() },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: Some(1),
            genres: vec!["Test".to_owned()],
            backdrop_url: None,
            imdb_id: Some(id),
            tmdb_id: None,
            tvdb_id: None,
            seasons: Vec::new(),
        })
    }
}

/// Lists the film of the library, and one release that does not fit.
#[derive(Debug)]
struct Shelf {
    id: ProviderId,
    film: PathBuf,
}

#[async_trait]
impl Indexer for Shelf {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _call: &Call, query: &Query) -> Result<Releases> {
        if query.imdb_id.as_deref() == Some(TROUBLE_ID) {
            let error = Error::new(ErrorKind::Unauthorized, "list releases").at("test_shelf");
            return Err(error.detail("the key is wrong").advise("look at its settings"));
        }
        let file_name = self.film.file_name().unwrap().to_string_lossy().into_owned();
        let release = |name: &str| Release {
            indexer: self.id.clone(),
            tracker: None,
            name: name.to_owned(),
            info_hash: None,
            link: None,
            size_bytes: Some(FILM.len() as u64),
            seeder_count: None,
            age_days: None,
            playable: Some(Playable {
                location: Location::File(self.film.clone()),
                file_name: file_name.clone(),
                size_bytes: Some(FILM.len() as u64),
                info_hash: None,
                provider: self.id.clone(),
                expires_at: None,
            }),
        };
        let releases =
            vec![release("A.Film.2020.1080p.WEB-DL.H.264-GRP"), release("Something.Else.1999.720p.HDTV.H.264-GRP")];
        Ok(Releases { releases, ..Releases::default() })
    }
}

/// Has three subtitles of the film: one for its very file, one in the letters of Windows, and one that is none.
#[derive(Debug)]
struct Captions {
    id: ProviderId,
}

#[async_trait]
impl SubtitleProvider for Captions {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _call: &Call, request: &SubtitleSearch) -> Result<Vec<Subtitle>> {
        let subtitle = |id: &str, language: &str| Subtitle {
            provider: self.id.clone(),
            id: SubtitleId::new(id).unwrap(),
            language: Language::parse(language),
            release_name: Some("A.Film.2020".to_owned()),
            is_hash_match: id == "exact" && request.file_hash.is_some(),
            is_hearing_impaired: false,
            is_foreign_parts_only: false,
            is_machine_translated: false,
            is_trusted: false,
            download_count: 7,
            frames_per_s: (id == "frames").then_some(25.0),
        };
        let all = [subtitle("none", ""), subtitle("frames", "ru"), subtitle("exact", "pt-BR")];
        let is_wanted = |one: &Subtitle| {
            request.languages.is_empty() || one.language.as_ref().is_some_and(|own| request.languages.contains(own))
        };
        Ok(all.into_iter().filter(is_wanted).collect())
    }

    async fn fetch(&self, _call: &Call, id: &SubtitleId) -> Result<SubtitleFile> {
        let bytes: &'static [u8] = match id.as_str() {
            "exact" => b"1\n00:00:01,000 --> 00:00:02,000\nOl\xc3\xa1\n",
            "frames" => b"{25}{50}\xe6",
            "none" => b"no subtitle",
            _ => return Err(Error::new(ErrorKind::NotFound, "fetch subtitle").at("test_captions")),
        };
        Ok(SubtitleFile { name: None, bytes: bytes.into() })
    }

    async fn check_up(&self, _call: &Call) -> Result<CheckUp> {
        Ok(CheckUp::default())
    }
}

/// An addon link that was made.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: String,
    pub(crate) token: String,
    /// Everything below its token, as a path.
    pub(crate) base: String,
    pub(crate) made: Value,
}

impl TestApp {
    /// Makes an addon link with these settings.
    pub(crate) async fn link(&self, token: &str, settings: Value) -> Link {
        let reply = self.post_as(token, "/api/v1/addons", &json!({ "name": "TV", "settings": settings })).await;
        assert_eq!(reply.status(), StatusCode::CREATED);
        assert_eq!(reply.headers()["cache-control"], "no-store");
        let made = body(reply).await;
        let url: reqwest::Url = made["manifest_url"].as_str().unwrap().parse().unwrap();
        let base = url.path().strip_suffix("/manifest.json").unwrap().to_owned();
        let token = base.rsplit('/').next().unwrap().to_owned();
        Link { id: made["id"].as_str().unwrap().to_owned(), token, base, made }
    }

    /// Asks without following where the answer leads.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Response {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        http.request(method, url).send().await.unwrap()
    }
}
