//! Nothing inside is reached through the server and the program, whoever names the address and however it is written (OUT-01 to OUT-03).

use std::process::{Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use prostream_core::model::{MediaId, TitleKind};
use prostream_core::net::{Call, HttpClient, Secret};
use prostream_core::provider::indexer::Query;
use prostream_core::provider::metadata::TitleRequest;
use prostream_core::provider::subtitles::SubtitleSearch;
use prostream_core::testing::outbound::{
    Access, EntryPoint, Outside, Told, nothing_inside_is_reached, passes_where_every_address_is_ours,
};
use prostream_server::config::{Config, Providers};
use prostream_server::providers;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::app::{FILM_ID, TestApp, body, config};

/// `POST /api/v1/playbacks` with a link of the viewer's own.
struct ViewersLink {
    public: OnceCell<(TestApp, String)>,
    everything: OnceCell<(TestApp, String)>,
}

#[async_trait]
impl EntryPoint for ViewersLink {
    fn name(&self) -> &str {
        "POST /playbacks, url"
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let start = || async {
            let mut config = config();
            config.limits.search_per_user = 100_000;
            config.limits.api_per_user = 100_000;
            let http = outside.client(access).clone();
            let app = TestApp::with_engine(config, |engine| engine.http(http)).await;
            let token = app.user("mia").await;
            (app, token)
        };
        let app = if access == Access::Public { &self.public } else { &self.everything };
        let (app, token) = app.get_or_init(start).await;
        let reply = app.post_as(token, "/api/v1/playbacks", &json!({ "url": address })).await;
        if reply.status().is_success() {
            return Ok(());
        }
        let mut problem = body(reply).await;
        problem.as_object_mut().unwrap().remove("request_id");
        Err(Told { code: problem["code"].as_str().unwrap().to_owned(), text: problem.to_string() })
    }
}

/// A provider at an address of the settings, asked with the client of the settings.
struct Configured {
    name: &'static str,
    vendor: &'static str,
    client: OnceCell<HttpClient>,
}

impl Configured {
    fn new(name: &'static str, vendor: &'static str) -> Self {
        Self { name, vendor, client: OnceCell::new() }
    }
}

#[async_trait]
impl EntryPoint for Configured {
    fn name(&self) -> &str {
        self.name
    }

    fn follows_redirects(&self) -> bool {
        self.vendor == "cinemeta"
    }

    fn takes_a_client(&self) -> bool {
        false
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let client = || {
            let mut config = Config::default();
            let exceptions = json!(outside.exceptions(access));
            config.outbound.allow = serde_json::from_value(exceptions).unwrap();
            providers::engine(&config).unwrap().0
        };
        let http = match access {
            Access::Public => self.client.get_or_init(async || client()).await.clone(),
            // Each its own: one that meets failures again and again leaves the host alone for a while.
            Access::Everything => client(),
        };
        let settings = self.settings(address).ok_or_else(Told::unreadable)?;
        let set = providers::build(&settings, &http)?;
        let call = Call::within(Duration::from_secs(30));
        if let Some(metadata) = set.metadata.first() {
            let film: MediaId = FILM_ID.parse().unwrap();
            metadata.title(&call, &TitleRequest::new(film)).await?;
        }
        if let Some(indexer) = set.indexers.first() {
            indexer.search(&call, &Query::new(TitleKind::Movie, "A Film")).await?;
        }
        if let Some(debrid) = set.debrid.first() {
            debrid.account(&call).await?;
        }
        if let Some(subtitles) = set.subtitles.first() {
            subtitles.search(&call, &SubtitleSearch::of_name("A Film")).await?;
        }
        Ok(())
    }
}

impl Configured {
    /// The settings, when they can be read; nothing but this vendor is in them.
    fn settings(&self, address: &str) -> Option<Providers> {
        let mut providers = Providers::default();
        providers.cinemeta.is_enabled = self.vendor == "cinemeta";
        match self.vendor {
            "tmdb" => {
                providers.tmdb.key = Some(Secret::new("0123456789abcdef0123456789abcdef"));
                providers.tmdb.base_url = Some(address.parse().ok()?);
            }
            "cinemeta" => providers.cinemeta.base_url = Some(address.parse().ok()?),
            "prowlarr" => providers.prowlarr = one(json!({ "url": address, "key": "k" }))?,
            "torznab" => providers.torznab = one(json!({ "url": address, "key": "k" }))?,
            "alldebrid" => providers.alldebrid = one(json!({ "base_url": address, "key": "k" }))?,
            "opensubtitles" => {
                providers.opensubtitles.key = Some(Secret::new("k"));
                providers.opensubtitles.base_url = Some(address.parse().ok()?);
            }
            other => panic!("{other} is no vendor"),
        }
        Some(providers)
    }
}

fn one<T: serde::de::DeserializeOwned>(settings: Value) -> Option<Vec<T>> {
    Some(vec![serde_json::from_value(settings).ok()?])
}

/// A command of the program, with a link.
struct Program(&'static str);

#[async_trait]
impl EntryPoint for Program {
    fn name(&self) -> &str {
        self.0
    }

    fn takes_a_client(&self) -> bool {
        false
    }

    fn is_slow(&self) -> bool {
        true
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let command = self.0.split(' ').next_back().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_prostream"));
        program.args([command, "--json"]);
        for exception in outside.exceptions(access) {
            program.args(["--allow-outbound", &exception]);
        }
        program.args(["--", address]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{address}: {error}: {text}"));
        Err(Told { code: told["error"]["code"].as_str().unwrap().to_owned(), text })
    }
}

/// Goal: whoever names an address to the server or the program, and however it is written, no connection goes where none may go, and the
/// answer tells nothing of what is there (OUT-01 to OUT-03).
/// Method: as for the entry points of the core: `prostream-core/tests/outbound.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_03_nothing_inside_is_reached() {
    let outside = Outside::start().await;
    let viewers_link = ViewersLink { public: OnceCell::new(), everything: OnceCell::new() };
    let configured = [
        Configured::new("settings, TMDB", "tmdb"),
        Configured::new("settings, Cinemeta", "cinemeta"),
        Configured::new("settings, Prowlarr", "prowlarr"),
        Configured::new("settings, Torznab", "torznab"),
        Configured::new("settings, AllDebrid", "alldebrid"),
        Configured::new("settings, OpenSubtitles", "opensubtitles"),
    ];
    let mut entries: Vec<&dyn EntryPoint> = vec![&viewers_link];
    entries.extend(configured.iter().map(|entry| entry as &dyn EntryPoint));
    let programs = [Program("prostream play"), Program("prostream probe")];
    entries.extend(programs.iter().map(|entry| entry as &dyn EntryPoint));
    nothing_inside_is_reached(&outside, &entries).await;
}

/// Goal: what holds for the loopback holds for private networks, clouds' metadata and every other address.
/// Method: the test above in a network in which all of them are this machine's, where the system allows one.
#[test]
fn out_03_nothing_beyond_the_loopback_is_reached() {
    let name = "outbound::out_03_nothing_inside_is_reached";
    assert_ne!(passes_where_every_address_is_ours(name), Some(false));
}
