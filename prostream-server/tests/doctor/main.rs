//! `prostream doctor` against each failure, with its advice, as golden texts: the real program, started with settings that lead to
//! stand-ins on the loopback. One file a failure lies in `golden/`, by service.
//!
//! `PROSTREAM_WRITE_GENERATED=1 cargo test -p prostream-server --test doctor` writes them anew.

#[path = "../e2e/program.rs"]
#[allow(dead_code, reason = "shared with the tests of films")]
mod program;
mod services;
mod stage;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, stream};
use serde_json::Value;

use services::{PASSWORD, SERVICES, Service, WRONG_KEY};
use stage::{Mounted, dead_address};

/// Programs that run at once: most of their time they wait.
const AT_ONCE: usize = 4;

/// Settings of a server that asks nobody: each test adds what it is about.
const NOBODY: &str = "[providers.cinemeta]\nis_enabled = false\n";

/// One run of the program, and the file that holds what it has to print.
struct Run {
    golden: String,
    names: Vec<&'static str>,
    settings: String,
    /// Addresses that may be reached.
    allow: Vec<String>,
    /// Texts that no output may hold.
    secrets: Vec<String>,
    folder: tempfile::TempDir,
    _mounted: Option<Mounted>,
}

impl Run {
    fn new(golden: impl Into<String>, names: &[&'static str], settings: impl Into<String>) -> Self {
        Self {
            golden: golden.into(),
            names: names.to_vec(),
            settings: settings.into(),
            allow: Vec::new(),
            secrets: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            _mounted: None,
        }
    }

    /// With a stand-in that listens, at an address that is allowed.
    fn with(mut self, mounted: Mounted) -> Self {
        self.allow.push(mounted.address().to_string());
        self._mounted = Some(mounted);
        self
    }

    /// Runs the program for people and for programs, and checks what both say. Gives the text as its file has it.
    fn go(&self) -> String {
        let file = self.folder.path().join("prostream.toml");
        fs::write(&file, self.settings.replace("FOLDER", self.folder.path().to_str().unwrap())).unwrap();
        let data = self.folder.path().join("data");
        let mut arguments = vec!["doctor"];
        arguments.extend(&self.names);
        let shown = arguments.join(" ");
        arguments.extend(["--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        // A free port, unless the settings are about that.
        if !self.settings.contains("addresses") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        for address in &self.allow {
            arguments.extend(["--allow-outbound", address.as_str()]);
        }
        let people = program::run(&arguments);
        let programs = program::run(&[arguments.as_slice(), &["--json"]].concat());

        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        for output in [&people, &programs] {
            let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
            for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
                assert!(!all.contains(secret.as_str()), "{}: a secret stands in {all}", self.golden);
            }
            assert!(!all.contains("panicked"), "{all}");
        }
        let code = people.status.code();
        assert_eq!(programs.status.code(), code, "{}: both ends are alike", self.golden);
        let json: Value = serde_json::from_slice(&programs.stdout).unwrap();
        if json["error"].is_null() {
            self.check(&json, code);
        }
        let told = format!("$ prostream {shown}\n{}{}", text(&people.stdout), text(&people.stderr));
        format!("{}\nexit code {}\n", self.masked(&told), code.unwrap())
    }

    /// What programs are told fits the exit code, and whatever is not well has an advice.
    fn check(&self, json: &Value, code: Option<i32>) {
        let findings = json["findings"].as_array().unwrap();
        assert!(!findings.is_empty(), "{}", self.golden);
        assert_eq!(json["verdict"] == "failed", code == Some(1), "{}: {json}", self.golden);
        for finding in findings {
            assert_eq!(finding["advice"].is_string(), finding["verdict"] != "ok", "{}: {finding}", self.golden);
        }
    }

    /// Without what is different each time: ports and folders.
    fn masked(&self, text: &str) -> String {
        let text = text.replace(self.folder.path().to_str().unwrap(), "FOLDER");
        let mut parts = text.split("127.0.0.1:");
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            masked.push_str("127.0.0.1:");
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            masked.push_str(if rest.len() < part.len() { "PORT" } else { "" });
            masked.push_str(rest);
        }
        masked
    }
}

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor/golden")
}

/// Runs all, some at once, and compares each with its file; `group` is the folder of them, which holds no other.
async fn compare(group: &str, runs: Vec<Run>) {
    let folder = golden_folder().join(group);
    let is_writing = std::env::var_os("PROSTREAM_WRITE_GENERATED").is_some();
    if is_writing {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
    }
    let printed: Vec<(String, String)> = stream::iter(runs)
        .map(|run| async move {
            tokio::task::spawn_blocking(move || (run.golden.clone(), run.go())).await.expect("a run does not panic")
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut wrong = Vec::new();
    for (name, text) in &printed {
        let file = folder.join(format!("{name}.txt"));
        if is_writing {
            fs::write(&file, text).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        if kept != *text {
            wrong.push(format!("--- {group}/{name}.txt has\n{kept}--- and the program says\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "run with PROSTREAM_WRITE_GENERATED=1 and commit what is right:\n{}", wrong.join("\n"));
    let names: BTreeSet<String> = printed.into_iter().map(|(name, _)| format!("{name}.txt")).collect();
    let kept = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_eq!(
        kept.collect::<BTreeSet<_>>(),
        names,
        "each file of {group} belongs to a failure, and each failure has one"
    );
}

/// What can happen to a service, whichever it is; its own failures stand in its row.
async fn runs_of(service: &Service) -> Vec<Run> {
    let of = |golden: &str, url: &str, key: &str| {
        let settings = format!("{NOBODY}{}", (service.settings)(url, key));
        let settings = if service.vendor == "cinemeta" { settings.replacen(NOBODY, "", 1) } else { settings };
        Run {
            secrets: vec![service.key.to_owned(), WRONG_KEY.to_owned(), PASSWORD.to_owned()],
            ..Run::new(golden, &[service.vendor], settings)
        }
    };
    let mut runs = Vec::new();
    let mut well: Vec<(&str, services::Stand, &str)> = vec![("well", services::well, service.key)];
    if !service.key.is_empty() {
        well.push(("wrong-key", services::well, WRONG_KEY));
    }
    for (golden, stand, key) in well {
        let mounted = Mounted::new(stand(service)).await;
        runs.push(of(golden, &mounted.url("http", service.path), key).with(mounted));
    }
    for (golden, mishap) in services::MISHAPS {
        let mounted = Mounted::new((service.stand_in)(Some(mishap))).await;
        runs.push(of(golden, &mounted.url("http", service.path), service.key).with(mounted));
    }
    for (golden, stand_in) in service.own {
        let mounted = Mounted::new(stand_in()).await;
        runs.push(of(golden, &mounted.url("http", service.path), service.key).with(mounted));
    }
    let no_tls = Mounted::new(services::well(service)).await;
    runs.push(of("no-tls", &no_tls.url("https", service.path), service.key).with(no_tls));
    let not_allowed = Mounted::new(services::well(service)).await;
    let mut run = of("not-allowed", &not_allowed.url("http", service.path), service.key).with(not_allowed);
    run.allow.clear();
    runs.push(run);
    let dead = dead_address();
    let mut run = of("dead-port", &format!("http://{dead}{}", service.path), service.key);
    run.allow.push(dead.to_string());
    runs.push(run);
    runs
}

macro_rules! service_tests {
    ($($name:ident)*) => { $(
        /// Goal: each failure of this service is told with what helps, and without a key.
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let service = SERVICES.iter().find(|service| service.vendor == stringify!($name)).expect("it is in the table");
            compare(service.vendor, runs_of(service).await).await;
        }
    )*

    /// Goal: no service of the table is forgotten.
    #[test]
    fn every_service_is_tested() {
        let tested = [$(stringify!($name)),*];
        assert_eq!(SERVICES.iter().map(|service| service.vendor).collect::<Vec<_>>(), tested);
    } };
}

service_tests! { tmdb cinemeta prowlarr torznab alldebrid real_debrid premiumize debrid_link torbox opensubtitles }

/// Goal: a folder that offers nothing, or is none, is told.
#[tokio::test(flavor = "multi_thread")]
async fn local_folder() {
    let settings = format!("{NOBODY}[[providers.local_folder]]\npath = \"FOLDER/films\"\n");
    let run = |golden: &str, prepare: fn(&Path)| {
        let run = Run::new(golden, &["local_folder"], settings.clone());
        prepare(&run.folder.path().join("films"));
        run
    };
    let runs = vec![
        run("well", |films| {
            fs::create_dir(films).unwrap();
            fs::write(films.join("A.Film.2020.1080p.mkv"), b"film").unwrap();
        }),
        run("empty", |films| fs::create_dir(films).unwrap()),
        run("missing", |_| {}),
        run("no-folder", |films| fs::write(films, b"film").unwrap()),
    ];
    compare("local_folder", runs).await;
}

/// Goal: what is wrong with the set-up itself is told, and so is that nothing is.
#[tokio::test(flavor = "multi_thread")]
async fn setup() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // Whoever asks hears nothing: no ProStream.
    let silent = Run::new(
        "address-taken",
        &["listen.addresses"],
        format!("{NOBODY}[listen]\naddresses = [\"127.0.0.1:{port}\"]\n"),
    );
    let folders = Run::new(
        "folders",
        &["data", "library"],
        format!("{NOBODY}[library]\nfolders = [\"FOLDER/films\", \"FOLDER/gone\"]\n"),
    );
    fs::create_dir(folders.folder.path().join("films")).unwrap();
    fs::write(folders.folder.path().join("data"), b"no folder").unwrap();
    let reach = "[listen]\naddresses = [\"0.0.0.0:0\"]\npublic_url = \"http://tv.example\"\n";
    let ranking =
        Run::new("ranking-file", &["ranking.file"], format!("{NOBODY}[ranking]\nfile = \"FOLDER/ranking.toml\"\n"));
    fs::write(ranking.folder.path().join("ranking.toml"), "no_such_rule = 1\n").unwrap();
    let tmdb = SERVICES.iter().find(|service| service.vendor == "tmdb").unwrap();
    let alldebrid = SERVICES.iter().find(|service| service.vendor == "alldebrid").unwrap();
    let (names, links) = (Mounted::new(services::well(tmdb)).await, Mounted::new(services::well(alldebrid)).await);
    let settings = format!(
        "{NOBODY}[[providers.local_folder]]\npath = \"FOLDER/films\"\n[library]\nfolders = [\"FOLDER/films\"]\n{}{}",
        (tmdb.settings)(&names.url("http", tmdb.path), tmdb.key),
        (alldebrid.settings)(&links.url("http", alldebrid.path), alldebrid.key),
    );
    let mut well = Run::new("all-is-well", &[], settings).with(links);
    well.allow.push(names.address().to_string());
    fs::create_dir(well.folder.path().join("films")).unwrap();
    fs::create_dir(well.folder.path().join("data")).unwrap();
    fs::write(well.folder.path().join("films/A.Film.2020.1080p.mkv"), b"film").unwrap();
    let runs = vec![
        well,
        Run::new("nothing-set-up", &[], NOBODY),
        Run::new("unknown-setting", &[], "[limits]\nidle_timeout = 3\n"),
        Run::new("unknown-name", &["realdebrid"], NOBODY),
        Run::new("reach", &["listen"], format!("{NOBODY}{reach}")),
        folders,
        ranking,
        silent,
    ];
    compare("setup", runs).await;
    drop((taken, names));
}

/// Goal: a server that runs is told from a stranger at its address.
#[test]
fn a_running_server_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prostream.toml");
    fs::write(&file, NOBODY).unwrap();
    let (file, data) = (file.to_str().unwrap(), folder.path().join("data"));
    let data = data.to_str().unwrap();
    let server = program::Program::start(&["serve", "--config", file, "--data", data, "--listen", "127.0.0.1:0"]);
    let page = server.address("page_url");
    let address = format!("127.0.0.1:{}", page.port().unwrap());
    let output = program::run(&["doctor", "listen", "--config", file, "--data", data, "--listen", &address]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("ok       listen.addresses  ProStream runs at {address}")), "{text}");
    assert_eq!(output.status.code(), Some(0));
    server.stop();
}
