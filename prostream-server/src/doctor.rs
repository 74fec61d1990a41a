//! What the check-up of a server adds to that of its providers: its own set-up, and the form in which both are told.
//!
//! No finding names a folder or a file: settings are named, whoever wrote them knows what stands there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use prostream_core::doctor::{self, Part};
use prostream_core::net::{AddressPolicy, AllowedHost, Call, HttpClient, HttpClientConfig, Request};
use prostream_core::resolve::ProviderSet;
use prostream_core::{Error, ErrorKind, Result};
use serde::Serialize;
use url::{Host, Url};
use utoipa::ToSchema;

use crate::config::Config;
use crate::reply::REQUEST_ID;

/// Longest wait for a disk: a folder of the network may hang.
const DISK_LIMIT: Duration = Duration::from_secs(5);

/// Longest wait for whoever listens at our own address.
const SELF_LIMIT: Duration = Duration::from_secs(3);

/// File of the data folder that holds everything but the signing key.
pub(crate) const DATABASE_FILE: &str = "prostream.db";

/// Parts of the set-up that are looked at, as `prostream doctor NAME` takes them.
pub(crate) const SETUP_NAMES: [&str; 6] = [
    "ranking.file",
    "data.folder",
    "library.folders",
    "listen.addresses",
    "listen.public_url",
    "listen.trusted_proxies",
];

/// What a check-up found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckUp)]
pub(crate) struct Report {
    /// The worst of the findings.
    pub(crate) verdict: Verdict,
    /// The set-up of the server first, then metadata providers, indexers, debrid services and subtitle providers.
    pub(crate) findings: Vec<Finding>,
}

/// One thing that was found, in plain words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// `server`, `metadata`, `indexer`, `debrid` or `subtitles`.
    part: &'static str,
    /// A provider such as `torznab:home`, or a part of the set-up such as `data.folder`.
    #[schema(example = "alldebrid")]
    pub(crate) about: String,
    /// How it is.
    pub(crate) verdict: Verdict,
    /// What was found.
    #[schema(example = "it refuses this server's address")]
    pub(crate) what: String,
    /// What exactly, where there is more to say.
    pub(crate) why: Option<String>,
    /// What to do about it; there unless all is well.
    pub(crate) advice: Option<String>,
    /// The kind of the error behind it, as the `code` of a problem.
    code: Option<&'static str>,
    /// When another try makes sense, where the service says so, in seconds.
    pub(crate) retry_after_s: Option<u64>,
}

/// How something is: as it should be, worth a look, or not working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    Warning,
    Failed,
}

impl Report {
    pub(crate) fn new(findings: Vec<doctor::Finding>) -> Self {
        let findings: Vec<Finding> = findings.into_iter().map(Finding::from).collect();
        let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
        Self { verdict, findings }
    }
}

impl From<doctor::Finding> for Finding {
    fn from(finding: doctor::Finding) -> Self {
        Self {
            part: match finding.part {
                Part::Server => "server",
                Part::Metadata => "metadata",
                Part::Indexer => "indexer",
                Part::Debrid => "debrid",
                Part::Subtitles => "subtitles",
            },
            about: finding.about,
            verdict: match finding.verdict {
                doctor::Verdict::Ok => Verdict::Ok,
                doctor::Verdict::Warning => Verdict::Warning,
                doctor::Verdict::Failed => Verdict::Failed,
            },
            what: finding.what,
            why: finding.why,
            advice: finding.advice,
            code: finding.code,
            retry_after_s: finding.retry_after_s,
        }
    }
}

/// The roles that nobody fills, and TMDB where it has no key. `is_filled` says of metadata, indexers and debrid services whether one is set
/// up, working or not.
pub(crate) fn missing_providers(is_filled: [bool; 3], has_tmdb: bool) -> Vec<doctor::Finding> {
    let mut findings = Vec::new();
    let [has_metadata, has_indexer, has_debrid] = is_filled;
    if !has_metadata {
        findings.push(doctor::Finding::failed(
            Part::Metadata,
            "metadata",
            "no metadata provider",
            "set PROSTREAM_PROVIDERS_TMDB_KEY or switch Cinemeta on to search titles",
        ));
    } else if !has_tmdb {
        let finding = doctor::Finding::warning(
            Part::Metadata,
            "tmdb",
            "it has no key and is not asked",
            "make a key at themoviedb.org/settings/api and set PROSTREAM_PROVIDERS_TMDB_KEY",
        );
        findings.push(finding.why("Cinemeta describes titles in its place: in English, by IMDb ids"));
    }
    if !has_indexer {
        findings.push(doctor::Finding::warning(
            Part::Indexer,
            "indexer",
            "no indexer",
            "add Prowlarr, Torznab or a local folder to the settings file to find releases",
        ));
    }
    if !has_debrid {
        findings.push(doctor::Finding::warning(
            Part::Debrid,
            "debrid",
            "no debrid service",
            "add a debrid service that you have an account with to the settings file, or run prostream sign-in; local files play without",
        ));
    }
    findings
}

/// As [`missing_providers`], of the providers of a server that runs.
pub(crate) fn missing_of(set: &ProviderSet) -> Vec<doctor::Finding> {
    let is_filled = [!set.metadata.is_empty(), !set.indexers.is_empty(), !set.debrid.is_empty()];
    missing_providers(is_filled, set.metadata.iter().any(|one| one.id().vendor() == "tmdb"))
}

/// What matters whether the server runs or not: its folders, and how it is reached.
pub(crate) async fn check_setup(config: &Config) -> Vec<doctor::Finding> {
    let (data, library) = (config.data.folder.clone(), config.library.folders.clone());
    let data = on_disk("data.folder", move || vec![check_data(&data)]);
    let library = on_disk("library.folders", move || check_library(&library));
    let (data, library) = tokio::join!(data, library);
    data.into_iter().chain(library).chain(check_reach(config)).collect()
}

/// Runs what may block, at most [`DISK_LIMIT`]; what still hangs then is left to itself.
async fn on_disk(
    about: &'static str,
    check: impl FnOnce() -> Vec<doctor::Finding> + Send + 'static,
) -> Vec<doctor::Finding> {
    match tokio::time::timeout(DISK_LIMIT, tokio::task::spawn_blocking(check)).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(_)) | Err(_) => {
            let advice = "check the disk, or the machine in the network that it is on";
            vec![doctor::Finding::failed(Part::Server, about, "the disk does not answer", advice)]
        }
    }
}

/// Can data be written? Nothing stays behind, and a folder that is missing is not made.
fn check_data(folder: &Path) -> doctor::Finding {
    const ABOUT: &str = "data.folder";
    const ADVICE: &str = "choose a folder that this user may write with --data";
    let failed = |what, error: &io::Error| doctor::Finding::failed(Part::Server, ABOUT, what, ADVICE).why(cause(error));
    let is_there = folder.exists();
    let nearest = if is_there { folder } else { nearest_that_exists(folder) };
    if let Err(error) = tempfile::Builder::new().prefix(".prostream-doctor-").tempfile_in(nearest) {
        return failed(if is_there { "it cannot be written" } else { "it is not there and cannot be made" }, &error);
    }
    match std::fs::OpenOptions::new().read(true).write(true).open(folder.join(DATABASE_FILE)) {
        Ok(_) => doctor::Finding::ok(Part::Server, ABOUT, "it can be written"),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_there => {
            doctor::Finding::ok(Part::Server, ABOUT, "it can be written; there is no database in it yet")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            doctor::Finding::ok(Part::Server, ABOUT, "it is not there yet: `prostream serve` makes it")
        }
        Err(error) => failed("the database in it cannot be written", &error),
    }
}

/// The folder that is there and nearest above one that is not.
fn nearest_that_exists(folder: &Path) -> &Path {
    let above = folder.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    above.into_iter().find(|path| path.exists()).unwrap_or(Path::new("."))
}

fn check_library(folders: &[PathBuf]) -> Vec<doctor::Finding> {
    const ABOUT: &str = "library.folders";
    let unreadable = |(number, folder): (usize, &PathBuf)| {
        let error = std::fs::read_dir(folder).err()?;
        let what = match folders.len() {
            1 => "the folder cannot be read".to_owned(),
            _ => format!("folder number {number} cannot be read"),
        };
        let advice = "check that the folder is there, that its disk is mounted, and that this user may read it";
        Some(doctor::Finding::failed(Part::Server, ABOUT, what, advice).why(cause(&error)))
    };
    let failed: Vec<_> = (1..).zip(folders).filter_map(unreadable).collect();
    match folders.len() {
        0 => Vec::new(),
        1 if failed.is_empty() => vec![doctor::Finding::ok(Part::Server, ABOUT, "the folder can be read")],
        count if failed.is_empty() => {
            vec![doctor::Finding::ok(Part::Server, ABOUT, format!("{count} folders can be read"))]
        }
        _ => failed,
    }
}

/// In words of the system, without the path that stands in some of them.
fn cause(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    }
}

/// Is the way from outside one that browsers keep a sign-in on, and that tells clients apart?
fn check_reach(config: &Config) -> Vec<doctor::Finding> {
    let mut findings = Vec::new();
    let warning = |about, what: &str, advice| doctor::Finding::warning(Part::Server, about, what, advice);
    let public_url = config.listen.public_url.as_ref();
    let is_tls = public_url.is_some_and(|url| url.scheme() == "https");
    if public_url.is_some_and(|url| url.scheme() == "http" && !is_loopback(url)) && config.auth.is_cookie_secure {
        findings.push(warning(
            "listen.public_url",
            "browsers do not keep a sign-in at a plain http address",
            "put a proxy that speaks TLS before the server and write https, or set auth.is_cookie_secure = false",
        ));
    }
    let is_open = config.listen.addresses.iter().any(|address| !address.ip().is_loopback());
    if is_open && !is_tls {
        findings.push(warning(
            "listen.addresses",
            "other machines reach the server without TLS: names and passwords can be read on the way",
            "put a proxy that speaks TLS before it and name its address in listen.public_url, or listen on 127.0.0.1",
        ));
    }
    if is_tls && config.listen.trusted_proxies.is_empty() {
        findings.push(warning(
            "listen.trusted_proxies",
            "all clients look like one: the proxy that speaks TLS is not trusted to name them",
            "name the address of the proxy in listen.trusted_proxies, such as 127.0.0.1",
        ));
    }
    findings
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Can the addresses be listened on, or do we listen there already? If we do: does the public address lead to us?
pub(crate) async fn check_listen(config: &Config) -> Vec<doctor::Finding> {
    let mut findings = Vec::new();
    let mut is_running = false;
    for address in &config.listen.addresses {
        let (finding, is_ours) = check_address(*address).await;
        findings.push(finding);
        is_running |= is_ours;
    }
    if let Some(url) = config.listen.public_url.as_ref().filter(|_| is_running) {
        findings.push(check_public(url).await);
    }
    findings
}

async fn check_address(address: SocketAddr) -> (doctor::Finding, bool) {
    const ABOUT: &str = "listen.addresses";
    let failed = |what: String, advice| doctor::Finding::failed(Part::Server, ABOUT, what, advice);
    let error = match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => {
            return (doctor::Finding::ok(Part::Server, ABOUT, format!("{} takes any free port", address.ip())), false);
        }
        Ok(_) => return (doctor::Finding::ok(Part::Server, ABOUT, format!("{address} is free")), false),
        Err(error) => error,
    };
    let finding = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let own = SocketAddr::new(reachable(address.ip()), address.port());
            let url = Url::parse(&format!("http://{own}/"));
            if let Ok(url) = url
                && ask_us(&url).await.is_ok()
            {
                return (doctor::Finding::ok(Part::Server, ABOUT, format!("ProStream runs at {address}")), true);
            }
            failed(
                format!("another program listens at {address}"),
                "stop it, or choose another port with --listen or listen.addresses",
            )
        }
        io::ErrorKind::AddrNotAvailable => failed(
            format!("this machine has no address {}", address.ip()),
            "name an address of this machine in listen.addresses, such as 127.0.0.1:8420",
        ),
        io::ErrorKind::PermissionDenied => failed(
            format!("this user may not listen at {address}"),
            "choose a port above 1023, or let a proxy listen there",
        ),
        _ => failed(format!("{address} cannot be listened on"), "choose another address in listen.addresses")
            .why(cause(&error)),
    };
    (finding, false)
}

/// Where somebody who listens on all addresses is asked.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

async fn check_public(url: &Url) -> doctor::Finding {
    const ABOUT: &str = "listen.public_url";
    match ask_us(url).await {
        Ok(()) => doctor::Finding::ok(Part::Server, ABOUT, "it leads here"),
        Err(error) => {
            let advice = "check name and port of the public address, and that the proxy there passes requests on to this server; \
                          a network may not let its own machines in at its public address";
            let finding =
                doctor::Finding::warning(Part::Server, ABOUT, "it does not lead here from this machine", advice);
            finding.why(error.detail_text().unwrap_or("no answer").to_owned())
        }
    }
}

/// Does a ProStream answer below this address? It is one of ours, so it may be asked wherever it is.
async fn ask_us(base: &Url) -> Result<()> {
    const OPERATION: &str = "ask own address";
    let wrong = |detail| Error::new(ErrorKind::Malformed, OPERATION).detail(detail);
    let (Some(host), Some(port)) = (base.host(), base.port_or_known_default()) else {
        return Err(wrong("the address names no host"));
    };
    let host = match host {
        Host::Domain(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let policy = AddressPolicy { allow: vec![AllowedHost { host, port }] };
    let http = HttpClient::new(HttpClientConfig { policy, max_retries: 0, ..HttpClientConfig::default() })?;
    let mut url = base.clone();
    url.set_path(&format!("{}/health/live", base.path().trim_end_matches('/')));
    let reply = http.send(&Call::within(SELF_LIMIT), Request::get(url)).await?;
    let is_ours = reply.status == StatusCode::OK
        && reply.headers.contains_key(&REQUEST_ID)
        && serde_json::from_slice::<serde_json::Value>(&reply.body).is_ok_and(|body| body["status"] == "ok");
    if is_ours { Ok(()) } else { Err(wrong("another program answers there")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abouts(findings: &[doctor::Finding]) -> Vec<(&str, doctor::Verdict)> {
        findings.iter().map(|finding| (finding.about.as_str(), finding.verdict)).collect()
    }

    fn reach(public_url: Option<&str>, listen: &str, edit: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        config.listen.public_url = public_url.map(|url| url.parse().unwrap());
        config.listen.addresses = vec![listen.parse().unwrap()];
        edit(&mut config);
        check_reach(&config).into_iter().map(|finding| finding.about).collect()
    }

    /// Goal: what browsers and limits suffer from is told; a server for this machine alone, or behind a trusted proxy, is fine.
    #[test]
    fn ways_from_outside_are_judged() {
        assert!(reach(None, "127.0.0.1:8420", |_| {}).is_empty());
        assert!(reach(Some("http://localhost:8420"), "[::1]:8420", |_| {}).is_empty());
        assert_eq!(reach(None, "0.0.0.0:8420", |_| {}), ["listen.addresses"]);
        assert_eq!(reach(Some("http://tv.example"), "0.0.0.0:80", |_| {}), ["listen.public_url", "listen.addresses"]);
        let plain = |config: &mut Config| config.auth.is_cookie_secure = false;
        assert_eq!(reach(Some("http://tv.example"), "0.0.0.0:80", plain), ["listen.addresses"]);
        assert_eq!(reach(Some("https://tv.example"), "127.0.0.1:8420", |_| {}), ["listen.trusted_proxies"]);
        let trusting = |config: &mut Config| config.listen.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        assert!(reach(Some("https://tv.example"), "0.0.0.0:8420", trusting).is_empty());
    }

    /// Goal: a folder that can be written is told from one that cannot, and the check leaves nothing behind.
    #[test]
    fn the_data_folder_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let verdict = |path: &str| check_data(&folder.path().join(path)).verdict;
        assert_eq!(verdict(""), doctor::Verdict::Ok);
        assert_eq!(verdict("not/yet/there"), doctor::Verdict::Ok);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing stays behind");
        std::fs::write(folder.path().join("file"), b"").unwrap();
        assert_eq!(verdict("file"), doctor::Verdict::Failed);
        assert_eq!(verdict("file/below"), doctor::Verdict::Failed);
        std::fs::create_dir(folder.path().join(DATABASE_FILE)).unwrap();
        assert_eq!(verdict(""), doctor::Verdict::Failed);
    }

    /// Goal: each folder that cannot be read is told by its number, and no path is.
    #[test]
    fn library_folders_are_told_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let (there, gone) = (folder.path().to_owned(), folder.path().join("gone"));
        assert!(check_library(&[]).is_empty());
        assert_eq!(check_library(&[there.clone(), there.clone()])[0].what, "2 folders can be read");
        let findings = check_library(&[there, gone]);
        assert_eq!(abouts(&findings), [("library.folders", doctor::Verdict::Failed)]);
        assert_eq!(findings[0].what, "folder number 2 cannot be read");
        assert!(!format!("{findings:?}").contains(folder.path().to_str().unwrap()));
    }

    /// Goal: a free address is told from one that another program has.
    #[tokio::test]
    async fn a_taken_address_is_told() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        // Whoever connects is sent away: no ProStream.
        let address = taken.local_addr().unwrap();
        let closing = std::thread::spawn(move || drop(taken.accept()));
        let (finding, is_ours) = check_address(address).await;
        assert_eq!((finding.verdict, is_ours), (doctor::Verdict::Failed, false), "{finding:?}");
        closing.join().unwrap();
        let (finding, is_ours) = check_address("127.0.0.1:0".parse().unwrap()).await;
        assert_eq!((finding.verdict, is_ours), (doctor::Verdict::Ok, false), "{finding:?}");
    }
}
