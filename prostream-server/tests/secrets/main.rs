//! No secret shows (R3, PRIV-01 to PRIV-03): the real program, with all providers and at TRACE, is led the whole way and into every mishap;
//! then its log, all its answers, the `Debug` texts and the files of its data folder are searched for what was planted.

#[path = "../e2e/program.rs"]
#[allow(dead_code, reason = "shared with the tests of films")]
mod program;
#[path = "../../../prostream-core/tests/support/redis.rs"]
mod redis;
#[path = "../doctor/stage.rs"]
#[allow(dead_code, reason = "shared with the tests of the doctor")]
mod stage;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use prostream_core::model::InfoHash;
use prostream_core::testing::stand_in::{
    AllDebridStandIn, DebridLinkStandIn, FilmHost, Mishap, OpenSubtitlesStandIn, OtherTypes, PremiumizeStandIn,
    ProwlarrStandIn, RealDebridStandIn, StandIn, StandInMovie, StandInRelease, StandInReply, StandInRequest,
    StandInSubtitle, StandInTorrent, TmdbStandIn, TorBoxStandIn, TorznabStandIn,
};
use prostream_server::config::Config;
use prostream_server::providers;
use reqwest::Method;
use serde_json::{Value, json};

use program::Program;
use redis::RedisProcess;
use stage::Mounted;

/// The film that the demonstration ships.
const FILM: &[u8] = include_bytes!("../../assets/demo-film.mkv");

/// Secrets: part of each is so plain that it stays itself in an address, a form and a JSON text.
const TMDB: &str = "7e57ab1e0ddba11c0ffee0ddba117e57";
const PROWLARR: &str = "m4rkProwlarr";
const TORZNAB: &str = "m4rkTorznab";
const OPENSUBTITLES: &str = "m4rkOpenSubtitles";
const PASSWORD: &str = "m4rkSubtitlePassword";
const REDIS: &str = "m4rkRedisPassword";
const DEBRID: [&str; 5] = ["m4rkAllDebrid", "m4rkRealDebrid", "m4rkPremiumize", "m4rkDebridLink", "m4rkTorBox"];
/// Stands in every direct link that a service gives.
const DIRECT_LINK: &str = "m4rkDirectLink";
/// Stands in links that a user gives.
const USER_LINK: &str = "m4rkUserLink";
/// Stands in every key that is wrong.
const WRONG: &str = "m4rkWr0ng";

const VENDORS: [&str; 5] = ["alldebrid", "real_debrid", "premiumize", "debrid_link", "torbox"];

/// The key whose plain part is `marker`. TMDB's goes into addresses when it looks like this; Torznab's stands in links as it is.
fn key(marker: &str) -> String {
    match marker {
        TMDB => marker.to_owned(),
        TORZNAB => format!("{marker}/b:c"),
        _ => format!("{marker}+a/b=c"),
    }
}

/// A stand-in that keeps all that it was told.
#[derive(Debug)]
struct Listening<S> {
    inner: S,
    told: Arc<Mutex<String>>,
}

impl<S: StandIn> StandIn for Listening<S> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut told = self.told.lock().unwrap();
        writeln!(told, "{} {:?} {:?}", request.uri(), request.headers(), request.body()).unwrap();
        drop(told);
        self.inner.reply(request)
    }
}

/// Gives the film whatever the path.
#[derive(Debug)]
struct AnyPath(FilmHost);

impl StandIn for AnyPath {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut request = request.clone();
        *request.uri_mut() = "/film.mkv".parse().unwrap();
        self.0.reply(&request)
    }
}

/// Shares a stand-in between the stage and whoever changes it.
#[derive(Debug)]
struct Shared<S>(Arc<S>);

impl<S: StandIn> StandIn for Shared<S> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        self.0.reply(request)
    }
}

type SetMishap = Box<dyn Fn(Option<Mishap>) + Send + Sync>;

/// All outside services. What each was told is kept with the secret that it must have been told.
struct Outside {
    services: Vec<(&'static str, Mounted, Arc<Mutex<String>>)>,
    mishaps: Vec<SetMishap>,
    redis: RedisProcess,
}

fn info_hash(number: usize) -> InfoHash {
    InfoHash([u8::try_from(number).unwrap() + 1; 20])
}

fn release_name(number: usize) -> String {
    format!("Paper.Lanterns.2019.1080p.WEB-DL.H264-H4RMLESS{number}")
}

impl Outside {
    async fn new() -> Self {
        let redis = RedisProcess::start();
        let mut outside = Self { services: Vec::new(), mishaps: Vec::new(), redis };
        outside.mount(DIRECT_LINK, AnyPath(FilmHost::new().with_file("/film.mkv", FILM))).await;
        let media =
            |outside: &Self| -> url::Url { outside.url(DIRECT_LINK, &format!("/{DIRECT_LINK}/")).parse().unwrap() };
        let media = media(&outside);
        let film = StandInMovie {
            tmdb_id: 900_001,
            imdb_id: Some("tt7654321".into()),
            title: "Paper Lanterns".into(),
            release_date: "2019-05-04".into(),
            runtime_min: 1,
            ..StandInMovie::default()
        };
        let release = |number: usize| StandInRelease {
            imdb_number: 7_654_321,
            ..StandInRelease::movie(release_name(number), info_hash(number), FILM.len() as u64)
        };
        macro_rules! service {
            ($marker:expr, $stand_in:expr) => {{
                let stand_in = Arc::new($stand_in);
                let other = Arc::clone(&stand_in);
                outside.mishaps.push(Box::new(move |mishap| other.given_mishap(mishap)));
                outside.mount($marker, Shared(stand_in)).await;
            }};
        }
        service!(TMDB, TmdbStandIn::new(key(TMDB)).with_movie(film));
        // Each release lies at one service; of the last the hash is found behind a link with the key alone.
        let hidden = StandInRelease { shows_hash: false, ..release(4) };
        service!(PROWLARR, {
            let prowlarr = ProwlarrStandIn::new(key(PROWLARR)).with_release(release(0)).with_release(release(1));
            prowlarr.with_release(release(2))
        });
        service!(TORZNAB, TorznabStandIn::new(key(TORZNAB)).with_release(release(3)).with_release(hidden));
        let torrent = |number: usize| {
            let name = release_name(number);
            StandInTorrent::new(info_hash(number), &name).with_file(format!("{name}/{name}.mkv"), FILM.len() as u64)
        };
        macro_rules! debrid {
            ($number:expr, $stand_in:expr) => {{
                let stand_in = $stand_in;
                stand_in.given_torrent(torrent($number));
                service!(DEBRID[$number], stand_in);
            }};
        }
        debrid!(0, AllDebridStandIn::new(key(DEBRID[0]), media.clone()));
        debrid!(1, RealDebridStandIn::new(key(DEBRID[1]), media.clone()));
        debrid!(2, PremiumizeStandIn::new(key(DEBRID[2]), "client", media.clone()));
        debrid!(3, DebridLinkStandIn::new(key(DEBRID[3]), "client", media.clone()));
        debrid!(4, TorBoxStandIn::new(key(DEBRID[4]), media));
        let subtitle = StandInSubtitle {
            number: 7,
            imdb_id: Some("tt7654321".into()),
            tmdb_id: Some(900_001),
            language: "en".into(),
            release: "Paper.Lanterns.2019".into(),
            bytes: "1\n00:00:01,000 --> 00:00:02,000\nHello\n".into(),
            ..StandInSubtitle::default()
        };
        let opensubtitles = OpenSubtitlesStandIn::new(key(OPENSUBTITLES), "mia", key(PASSWORD));
        service!(OPENSUBTITLES, opensubtitles.with_subtitle(subtitle));
        outside
    }

    async fn mount(&mut self, marker: &'static str, inner: impl StandIn) {
        let told = Arc::<Mutex<String>>::default();
        let mounted = Mounted::new(Arc::new(Listening { inner, told: Arc::clone(&told) })).await;
        self.services.push((marker, mounted, told));
    }

    fn url(&self, marker: &str, path: &str) -> String {
        self.services.iter().find(|(one, ..)| *one == marker).unwrap().1.url("http", path)
    }

    fn given_mishap(&self, mishap: Option<Mishap>) {
        self.mishaps.iter().for_each(|set| set(mishap));
    }

    /// Was whoever has to know this secret told it?
    fn was_told(&self, marker: &str) -> bool {
        let service = if marker == PASSWORD { OPENSUBTITLES } else { marker };
        let (.., told) = self.services.iter().find(|(one, ..)| *one == service).unwrap();
        told.lock().unwrap().contains(marker)
    }

    /// Settings with every provider; `key` makes the keys.
    fn settings(&self, key: impl Fn(&str) -> String) -> String {
        let redis =
            self.redis.url().replace("redis://", &format!("redis://:{}@", key(REDIS).replace(['+', '/', '='], "")));
        let mut text = format!("[cache]\nredis_url = \"{redis}\"\n[providers.cinemeta]\nis_enabled = false\n");
        writeln!(text, "[providers.tmdb]\nkey = \"{}\"\nbase_url = \"{}\"", key(TMDB), self.url(TMDB, "/3")).unwrap();
        let mut entry = |section: &str, marker: &str, name: &str, path: &str| {
            let (key, url) = (key(marker), self.url(marker, path));
            writeln!(text, "[[providers.{section}]]\nkey = \"{key}\"\n{name} = \"{url}\"").unwrap();
        };
        entry("prowlarr", PROWLARR, "url", "");
        entry("torznab", TORZNAB, "url", "/api");
        for (vendor, marker) in VENDORS.into_iter().zip(DEBRID) {
            entry(vendor, marker, "base_url", "");
        }
        let (password, url) = (key(PASSWORD), self.url(OPENSUBTITLES, "/api/v1"));
        let section = format!("[providers.opensubtitles]\nkey = \"{}\"\nuser = \"mia\"", key(OPENSUBTITLES));
        writeln!(text, "{section}\npassword = \"{password}\"\nbase_url = \"{url}\"").unwrap();
        text
    }
}

/// The program with these settings, and a person who is signed in.
struct Running {
    program: Program,
    base: String,
    token: String,
    folder: tempfile::TempDir,
    http: reqwest::Client,
    /// All that it answered.
    answers: String,
    /// What its answers may hold and its log may not.
    for_the_caller: Vec<String>,
}

impl Running {
    async fn start(outside: &Outside, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prostream.toml");
        std::fs::write(&file, settings).unwrap();
        let data = folder.path().join("data");
        let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
        let added = program::run(&["user", "add", "mia", "--role", "admin", "--json", "--data", data]);
        let added: Value = serde_json::from_slice(&added.stdout).unwrap();
        let password = added["password"].as_str().unwrap().to_owned();
        let addresses: Vec<String> =
            outside.services.iter().map(|(_, mounted, _)| mounted.address().to_string()).collect();
        let mut arguments =
            vec!["serve", "--log", "trace", "--config", file, "--data", data, "--listen", "127.0.0.1:0"];
        arguments.extend(addresses.iter().flat_map(|address| ["--allow-outbound", address.as_str()]));
        let program = tokio::task::block_in_place(|| Program::start(&arguments));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = program.address("page_url").as_str().trim_end_matches('/').to_owned();
        let mut running = Self {
            program,
            base,
            token: String::new(),
            folder,
            http,
            answers: String::new(),
            for_the_caller: vec![password.clone()],
        };
        let answer =
            running.send(Method::POST, "/api/v1/auth/login", Some(json!({"name": "mia", "password": password}))).await;
        running.token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        running.for_the_caller.push(running.token.clone());
        running
    }

    /// Asks and keeps the answer, headers and all.
    async fn send(&mut self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let reply = request.send().await.unwrap();
        writeln!(self.answers, "{path} {} {:?}", reply.status(), reply.headers()).unwrap();
        let cookies = reply.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let values = cookies.filter_map(|cookie| cookie.split(['=', ';']).nth(1).map(str::to_owned));
        self.for_the_caller.extend(values.filter(|value| !value.is_empty()));
        // A film is no text.
        let bytes = reply.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 20)]).into_owned();
        self.answers.push_str(&text);
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Starts playing and reads what a player reads first.
    async fn play(&mut self, body: Value) -> Value {
        let playback = self.send(Method::POST, "/api/v1/playbacks", Some(body)).await;
        if let Some(url) = playback["hls_url"].as_str() {
            self.for_the_caller.extend(url.split('/').nth_back(1).map(str::to_owned));
            let path = url.strip_prefix(&self.base).unwrap_or(url).to_owned();
            let list = self.send(Method::GET, &path, None).await;
            let list = list.as_str().unwrap_or_default().to_owned();
            let folder = &path[..=path.rfind('/').unwrap()];
            if let Some(media) = list.lines().find(|line| !line.starts_with('#') && !line.is_empty()) {
                let media = format!("{folder}{media}");
                let segments = self.send(Method::GET, &media, None).await;
                let folder = &media[..=media.rfind('/').unwrap()];
                let segment = segments.as_str().unwrap_or_default().lines().find(|line| line.ends_with(".m4s"));
                if let Some(segment) = segment {
                    self.send(Method::GET, &format!("{folder}{segment}"), None).await;
                }
            }
            let id = playback["id"].as_str().unwrap();
            self.send(Method::GET, &format!("/api/v1/playbacks/{id}"), None).await;
            let found = self.send(Method::GET, &format!("/api/v1/playbacks/{id}/subtitles"), None).await;
            if let Some(url) = found["subtitles"][0]["vtt_url"].as_str() {
                let path = url.strip_prefix(&self.base).unwrap_or(url).to_owned();
                self.send(Method::GET, &path, None).await;
            }
        }
        playback
    }

    /// Every route that touches a provider.
    async fn look_around(&mut self, text: &str) {
        self.send(Method::GET, &format!("/api/v1/titles?query={text}"), None).await;
        self.send(Method::GET, "/api/v1/titles/tmdb:movie:900001", None).await;
        self.send(Method::GET, "/api/v1/titles/tmdb:movie:900001/releases", None).await;
        let events = self.http.get(format!("{}/api/v1/titles/tmdb:movie:900001/releases", self.base));
        let events = events.bearer_auth(&self.token).header("accept", "text/event-stream").send().await.unwrap();
        self.answers.push_str(&events.text().await.unwrap());
        self.send(Method::GET, "/api/v1/playbacks", None).await;
        self.send(Method::GET, "/api/v1/doctor", None).await;
    }

    /// Ends it: its log, and what lies in its data folder.
    fn end(self) -> (String, Vec<u8>, String, Vec<String>) {
        let mut files = Vec::new();
        // While it runs, so that the write-ahead log is there as well.
        read_all(&self.folder.path().join("data"), &mut files);
        let log = tokio::task::block_in_place(|| self.program.stop_and_tell());
        read_all(&self.folder.path().join("data"), &mut files);
        (log, files, self.answers, self.for_the_caller)
    }
}

fn read_all(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else {
            into.extend(std::fs::read(path).unwrap());
        }
    }
}

/// What a secret looks like: as it is (its plain part stays itself in addresses, forms and JSON), in hexadecimal, and in base64 at each of
/// the three places where it can begin.
fn forms(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut forms = vec![secret.to_owned(), hex];
    for before in 0..3 {
        let bytes = [&b"   "[..before], secret.as_bytes()].concat();
        let text = base64(&bytes[..bytes.len() / 3 * 3]);
        // Its first group is also what stands before.
        forms.push(text[if before == 0 { 0 } else { 4 }..].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend([18, 12, 6, 0].map(|shift| char::from(LETTERS[bits >> shift & 63])));
    }
    text
}

/// Where a secret shows, with what stands around it.
fn shown(secret: &str, place: &[u8]) -> Option<String> {
    forms(secret).into_iter().find_map(|form| {
        let at = place.windows(form.len()).position(|window| window == form.as_bytes())?;
        let around = &place[at.saturating_sub(300)..place.len().min(at + form.len() + 100)];
        Some(format!("{secret} as {form}: {}", String::from_utf8_lossy(around)))
    })
}

/// Goal: the search finds a secret in each of its forms. Without this the test below could pass for nothing.
#[test]
fn the_search_finds_what_is_there() {
    assert_eq!(base64(b"Man"), "TWFu");
    let (secret, key) = (DEBRID[0], key(DEBRID[0]));
    let form = url::form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>();
    assert_ne!(form, key);
    let hidden = [
        form,
        serde_json::to_string(&key).unwrap().replace('/', "\\/"),
        format!("{:?}", url::Url::parse(&format!("http://x.example/?key={key}")).unwrap()),
        base64(format!("{key}  ").as_bytes()),
        base64(format!("u:{key}  ").as_bytes()),
        base64(format!("u::{key}  ").as_bytes()),
        base64(format!("uv::{key}  ").as_bytes()),
        key.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
    ];
    for text in hidden {
        assert!(shown(secret, format!("before {text} after").as_bytes()).is_some(), "{text}");
    }
    assert!(shown(secret, DEBRID[1].as_bytes()).is_none());
}

fn assert_none(secrets: &[&str], place: &[u8], name: &str) {
    let found: Vec<String> = secrets.iter().filter_map(|secret| shown(secret, place)).collect();
    assert!(found.is_empty(), "{name}: {found:#?}");
}

/// Goal: PRIV-01 to PRIV-03: whatever is asked and whatever goes wrong, no key, direct link or link of a user stands in the log at TRACE, in an
/// answer, in a `Debug` text, or in the clear in the data folder; nor does a password or token in the log.
/// Method: the program with all providers; each release lies at one service, so that each gives a link; then every mishap at all of them; then
/// the same with wrong keys. What must show, shows: the services were told their keys, the log holds a release's name and is at TRACE.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows() {
    let outside = Outside::new().await;
    let secrets: Vec<&str> = [TMDB, PROWLARR, TORZNAB, OPENSUBTITLES, PASSWORD, REDIS, DIRECT_LINK, WRONG]
        .into_iter()
        .chain(DEBRID)
        .collect();
    let settings = outside.settings(key);

    // The program's own texts for those who debug it.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &settings).unwrap();
    let config = Config::load(Some(file.path()), [], &[]).unwrap();
    let (http, engine) = providers::engine(&config).unwrap();
    let set = providers::build(&config.providers, &http).unwrap();
    let engine_text = format!("{:?}", engine.build().unwrap());
    let debug = format!("{config:?} {config:#?} {http:?} {set:?} {set:#?} {engine_text}");
    assert!(set.debrid.len() == 5 && set.indexers.len() == 2 && set.metadata.len() == 1 && set.subtitles.len() == 1);
    assert!(debug.contains("alldebrid"), "it does say something");
    assert_none(&secrets, debug.as_bytes(), "Debug");

    let mut running = Running::start(&outside, &settings).await;
    running.look_around("paper").await;
    let releases = running.send(Method::GET, "/api/v1/titles/tmdb:movie:900001/releases", None).await;
    let releases = releases["candidates"].as_array().unwrap_or_else(|| panic!("{releases}")).clone();
    assert_eq!(releases.len(), 5, "{releases:?}");
    for release in &releases {
        let body = json!({"media_id": "tmdb:movie:900001", "release": release["release"]});
        let played = running.play(body).await;
        assert!(played["hls_url"].is_string(), "{}: {played}", release["name"]);
    }
    let link = outside.url(DIRECT_LINK, &format!("/given.mkv?token={USER_LINK}"));
    assert!(running.play(json!({"url": link})).await["hls_url"].is_string());
    for wrong in ["http://127.0.0.1:9/", "http://nobody.invalid/", "ftp://files.example/"] {
        running.play(json!({"url": format!("{wrong}{USER_LINK}?token={USER_LINK}")})).await;
    }
    let mishaps = [
        Mishap::WebPage { status: 200 },
        Mishap::WebPage { status: 403 },
        Mishap::Truncated,
        Mishap::WrongTypes,
        Mishap::OtherTypes(OtherTypes::NumbersAndTexts),
        Mishap::OtherTypes(OtherTypes::ListsAndObjects),
        Mishap::OtherTypes(OtherTypes::Null),
        Mishap::RateLimited { retry_after_s: Some(600) },
        Mishap::Broken,
    ];
    for (number, mishap) in mishaps.into_iter().enumerate() {
        outside.given_mishap(Some(mishap));
        running.look_around(&format!("lanterns{number}")).await;
        let release = &releases[number % releases.len()]["release"];
        running.play(json!({"media_id": "tmdb:movie:900001", "release": release})).await;
    }
    outside.given_mishap(None);
    let first = running.end();

    let mut running = Running::start(
        &outside,
        &outside.settings(|marker| match marker {
            TMDB => format!("{WRONG}abcdef0123456789abcdef"),
            marker => format!("{WRONG}{}", &marker[4..]),
        }),
    )
    .await;
    running.look_around("paper").await;
    running.play(json!({"media_id": "tmdb:movie:900001"})).await;
    let second = running.end();

    for marker in outside.services.iter().map(|(marker, ..)| *marker).chain([PASSWORD]) {
        assert!(outside.was_told(marker), "{marker} never came to whom it is for");
    }
    assert!(first.2.contains("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello"), "a subtitle was given");
    for (log, files, answers, for_the_caller) in [first, second] {
        assert!(log.contains("TRACE") && log.contains("request was sent"), "the log is at TRACE");
        assert_none(&secrets, log.as_bytes(), "log");
        assert_none(&[USER_LINK], log.as_bytes(), "log");
        assert_none(&for_the_caller.iter().map(String::as_str).collect::<Vec<_>>(), log.as_bytes(), "log");
        assert_none(&secrets, answers.as_bytes(), "answers");
        assert_none(&[USER_LINK], answers.as_bytes(), "answers");
        assert!(files.len() > 4096, "there is a database");
        assert_none(&secrets, &files, "data folder");
        // All that leads to the film again is kept sealed.
        assert_none(&[USER_LINK], &files, "data folder");
        if answers.contains("hls_url") {
            assert!(log.contains("H4RMLESS"), "what is no secret is seen by this search");
        }
    }
}
