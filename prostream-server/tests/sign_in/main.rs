//! `prostream sign-in`: the real program, led to stand-ins of the services on the loopback, at TRACE; and a server that renews what it wrote.

#[path = "../e2e/program.rs"]
#[allow(dead_code, reason = "shared with the tests of films")]
mod program;
#[path = "../doctor/stage.rs"]
#[allow(dead_code, reason = "shared with the tests of the doctor")]
mod stage;

use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prostream_core::testing::stand_in::{
    AllDebridStandIn, DebridLinkStandIn, PremiumizeStandIn, RealDebridStandIn, StandIn, StandInReply, StandInRequest,
    TorBoxStandIn,
};
use reqwest::Method;
use serde_json::{Value, json};

use program::Program;
use stage::{Mounted, Slow};

/// The key that every service grants.
const KEY: &str = "m4rkKeyOfTheOwner";

/// Names under which services answer what is secret.
const SECRET_FIELDS: [&str; 6] = ["device_code", "check", "apikey", "access_token", "refresh_token", "client_secret"];

/// A stand-in whose codes live for `life_s`, and which keeps the secrets that it told.
#[derive(Debug)]
struct Telling<S> {
    inner: Arc<S>,
    life_s: Option<u64>,
    secrets: Arc<Mutex<Vec<String>>>,
}

impl<S: StandIn> StandIn for Telling<S> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let (head, body) = self.inner.reply(request).into_parts();
        let Ok(mut json) = serde_json::from_slice::<Value>(&body) else { return StandInReply::from_parts(head, body) };
        look_into(&mut json, self.life_s, &mut self.secrets.lock().unwrap());
        StandInReply::from_parts(head, Bytes::from(json.to_string()))
    }
}

fn look_into(value: &mut Value, life_s: Option<u64>, secrets: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| look_into(item, life_s, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (value.as_str(), life_s) {
                    (Some(text), _) if SECRET_FIELDS.contains(&name.as_str()) => secrets.push(text.to_owned()),
                    (None, Some(life_s)) if name == "expires_in" => *value = life_s.into(),
                    _ => look_into(value, life_s, secrets),
                }
            }
        }
        _ => {}
    }
}

/// A service that listens.
struct Service {
    vendor: &'static str,
    mounted: Mounted,
    secrets: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn new<S: StandIn>(vendor: &'static str, inner: Arc<S>) -> Self {
        Self::living(vendor, inner, None).await
    }

    async fn living<S: StandIn>(vendor: &'static str, inner: Arc<S>, life_s: Option<u64>) -> Self {
        let secrets = Arc::new(Mutex::new(Vec::new()));
        let mounted = Mounted::new(Arc::new(Telling { inner, life_s, secrets: Arc::clone(&secrets) })).await;
        Self { vendor, mounted, secrets }
    }

    fn url(&self) -> String {
        self.mounted.url("http", "")
    }

    /// Signs in with these arguments more. Its log, which is at TRACE, holds no secret.
    async fn sign_in(&self, more: &[&str]) -> Output {
        let (url, address) = (self.url(), self.mounted.address().to_string());
        let mut arguments = vec!["sign-in", self.vendor, "--base-url", &url, "--allow-outbound", &address];
        arguments.extend(["--log", "trace"]);
        arguments.extend(more);
        let output = tokio::task::block_in_place(|| program::run(&arguments));
        let log = text(&output.stderr);
        assert!(log.contains("TRACE") && log.contains("request was sent"), "the log is at TRACE: {log}");
        self.assert_no_secret(&log);
        output
    }

    fn assert_no_secret(&self, log: &str) {
        let secrets = self.secrets.lock().unwrap();
        assert!(!secrets.is_empty(), "the service told what may not show");
        for secret in secrets.iter() {
            assert!(!log.contains(secret.as_str()), "{secret} stands in {log}");
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn media() -> url::Url {
    "http://media.example/".parse().unwrap()
}

/// Goal: whoever agrees gets the key, once and on standard output alone, and is told where it goes and how long it lasts.
/// Method: AllDebrid, as a person sees it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once() {
    let stand_in = Arc::new(AllDebridStandIn::new(KEY, media()));
    stand_in.given_pin(true);
    let output = Service::new("alldebrid", stand_in).await.sign_in(&[]).await;
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told} {}", text(&output.stderr));
    assert_eq!(told.matches(KEY).count(), 1, "{told}");
    for part in [
        "https://alldebrid.com/pin/?pin=ABCD",
        "code  ABCD",
        "lives for 10 minutes",
        "[[providers.alldebrid]]",
        "PROSTREAM_PROVIDERS_ALLDEBRID=",
        "until you withdraw it",
        "prostream doctor alldebrid",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// Goal: a key that ends goes into a private file and not to the terminal; a server with that file renews it before its end, goes on with
/// the new one, and writes it into the file.
/// Method: Real-Debrid; before the server starts, the file is made to hold a key that has ended and is due.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ends_is_kept_and_renewed() {
    let stand_in = Arc::new(RealDebridStandIn::new(KEY, media()));
    stand_in.given_sign_in(true);
    let service = Service::new("real_debrid", stand_in).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("real_debrid.json");
    let output = service.sign_in(&["--json", "--write", file.to_str().unwrap()]).await;
    let [prompt, granted] = lines(&output).try_into().unwrap();
    assert_eq!((prompt["user_code"].as_str(), prompt["interval_s"].as_u64()), (Some("ABCDEF0123456"), Some(5)));
    assert_eq!((granted["is_renewable"].as_bool(), granted["file"].as_str()), (Some(true), file.to_str()));
    service.assert_no_secret(&text(&output.stdout));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let read = || serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()).unwrap();
    let mut held = read();
    assert_eq!(held["key"], KEY);
    assert_eq!(held["expires_at"], granted["expires_at"]);
    let first_renewal = held["renewal"].clone();
    held["key"] = "3nded".into();
    held["renew_at"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(&file, held.to_string()).unwrap();

    let (log, findings) = serve(&service, &file, folder.path(), &|| read()["key"] == KEY).await;
    assert_eq!(findings["findings"][0]["verdict"], "ok", "{findings}");
    assert_ne!(read()["renewal"], first_renewal, "what renews a key is used up by it");
    service.assert_no_secret(&log);
    assert!(log.contains("a key was renewed"));
}

/// Runs a server with the account of `file` until `is_done`; gives its log, and what it then finds about the service.
async fn serve(service: &Service, file: &Path, folder: &Path, is_done: &(dyn Fn() -> bool + Sync)) -> (String, Value) {
    let (settings, data) = (folder.join("prostream.toml"), folder.join("data"));
    let account = format!("[[providers.{}]]\nkey_file = {file:?}\nbase_url = \"{}\"\n", service.vendor, service.url());
    std::fs::write(&settings, format!("{account}[providers.cinemeta]\nis_enabled = false\n")).unwrap();
    let (settings, data) = (settings.to_str().unwrap(), data.to_str().unwrap());
    let added = tokio::task::block_in_place(|| {
        program::run(&["user", "add", "mia", "--role", "admin", "--json", "--config", settings, "--data", data])
    });
    let password = serde_json::from_slice::<Value>(&added.stdout).unwrap()["password"].clone();
    let address = service.mounted.address().to_string();
    let arguments = ["serve", "--log", "trace", "--config", settings, "--data", data, "--listen", "127.0.0.1:0"];
    let arguments = [&arguments[..], &["--allow-outbound", &address]].concat();
    let program = tokio::task::block_in_place(|| Program::start(&arguments));
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was renewed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let base = program.address("api_url");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let login = http.request(Method::POST, format!("{base}/auth/login")).header("content-type", "application/json");
    let login = login.body(json!({"name": "mia", "password": password}).to_string()).send().await.unwrap();
    let login: Value = serde_json::from_slice(&login.bytes().await.unwrap()).unwrap();
    let findings = http.get(format!("{base}/doctor")).bearer_auth(login["access_token"].as_str().unwrap());
    let mut findings: Value = serde_json::from_slice(&findings.send().await.unwrap().bytes().await.unwrap()).unwrap();
    findings["findings"].as_array_mut().unwrap().retain(|finding| finding["about"] == service.vendor);
    (tokio::task::block_in_place(|| program.stop_and_tell()), findings)
}

/// Goal: a declined code fails with what to do next, and leaves no file.
#[tokio::test(flavor = "multi_thread")]
async fn a_declined_code_says_what_to_do() {
    let stand_in = Arc::new(TorBoxStandIn::new(KEY, media()));
    stand_in.given_sign_in(false);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let output = Service::new("torbox", stand_in).await.sign_in(&["--write", file.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("run `prostream sign-in torbox` again"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file and no draft is left");
}

/// Goal: nobody waits longer than the code lives.
/// Method: AllDebrid, whose owner does nothing for two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_types_ends() {
    let stand_in = Arc::new(AllDebridStandIn::new(KEY, media()));
    let output = Service::living("alldebrid", stand_in, Some(2)).await.sign_in(&["--json"]).await;
    let [prompt, failed] = lines(&output).try_into().unwrap();
    assert!(prompt["expires_in_s"].as_u64().unwrap() <= 2, "{prompt}");
    assert_eq!(failed["error"]["code"], "unauthorized", "{failed}");
    assert_eq!(output.status.code(), Some(4));
}

/// Goal: a slow service is waited for, a program that it has to know is named by the settings, and a key without renewal says when to come again.
/// Method: Debrid-Link and Premiumize, which answer after two seconds; without, with a wrong, and with the right client id.
#[tokio::test(flavor = "multi_thread")]
async fn slow_services_that_know_programs() {
    let debrid_link = DebridLinkStandIn::new(KEY, "pr0gram", media());
    debrid_link.given_sign_in(true);
    let premiumize = PremiumizeStandIn::new(KEY, "pr0gram", media());
    premiumize.given_sign_in(true);
    let wait = Duration::from_secs(2);
    let debrid_link = Service::new("debrid_link", Arc::new(Slow(debrid_link, wait))).await;
    let premiumize = Service::new("premiumize", Arc::new(Slow(premiumize, wait))).await;

    for (service, lasts) in
        [(&debrid_link, "sign in with --write FILE"), (&premiumize, "cannot be renewed: sign in again")]
    {
        let name = service.vendor.to_uppercase();
        let missing = tokio::task::block_in_place(|| program::run(&["sign-in", service.vendor]));
        assert_eq!(missing.status.code(), Some(2));
        let told = text(&missing.stderr);
        assert!(told.contains(&format!("PROSTREAM_SIGN_IN_{name}_CLIENT_ID")), "{told}");
        let client_id = format!("sign_in.{}_client_id=pr0gram", service.vendor);
        let output = service.sign_in(&["--set", &client_id]).await;
        let told = text(&output.stdout);
        assert!(output.status.success() && told.contains(KEY) && told.contains(lasts), "{told}");
        let stranger = format!("sign_in.{}_client_id=another", service.vendor);
        let output = service.sign_in(&["--set", &stranger]).await;
        assert_eq!(output.status.code(), Some(4));
        assert!(text(&output.stderr).contains("client id"), "{}", text(&output.stderr));
    }
}

/// Goal: an unknown service is told with those that exist; a file that is no key stays as it is and nothing is asked for.
#[test]
fn mistakes_are_told_before_anything_is_asked() {
    let output = program::run(&["sign-in", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(["alldebrid", "real_debrid", "premiumize", "debrid_link", "torbox"].iter().all(|name| told.contains(name)));

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "dear diary").unwrap();
    let dead = format!("http://{}", stage::dead_address());
    let output = program::run(&["sign-in", "torbox", "--base-url", &dead, "--write", file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "dear diary");
}
