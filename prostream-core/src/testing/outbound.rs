//! The outside as hostile as it gets, for everything that fetches from an address which somebody else can influence (OUT-01 to OUT-03).
//!
//! [`Outside`] plays public hosts, the names of the world, and a trap that counts every connection to an address that must not be reached;
//! [`SPELLINGS`] are ways to write such addresses. Whoever fetches is an [`EntryPoint`]; [`nothing_inside_is_reached`] tries spellings on each
//! of them in each [`Way`]. [`passes_where_every_address_is_ours`] runs a test again where not only the loopback leads into the trap.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener as StdTcpListener};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Host, Url};

use crate::Error;
use crate::net::{AddressPolicy, AllowedHost, HttpClient, HttpClientConfig, StagedNames};
use crate::testing::stand_in::{StandIn, StandInReply, StandInRequest};

/// An address that must not be reached, written in one of many ways.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The address; `{port}` stands for the port.
    pub text: &'static str,
    /// What it means: the address behind a literal, or the one that the name has.
    pub inner: &'static str,
    /// It is a name that has to be looked up before anybody can tell.
    pub is_looked_up: bool,
}

const fn literal(text: &'static str, inner: &'static str) -> Spelling {
    Spelling { text, inner, is_looked_up: false }
}

const fn name(text: &'static str, inner: &'static str) -> Spelling {
    Spelling { text, inner, is_looked_up: true }
}

/// Spellings of addresses that are not public.
pub const SPELLINGS: &[Spelling] = &[
    // The loopback, as addresses are written...
    literal("http://127.0.0.1:{port}/", "127.0.0.1"),
    literal("https://127.0.0.1:{port}/", "127.0.0.1"),
    literal("http://127.0.0.53:{port}/", "127.0.0.53"),
    literal("http://127.255.255.254:{port}/", "127.255.255.254"),
    literal("http://127.1:{port}/", "127.0.0.1"),
    literal("http://127.0.1:{port}/", "127.0.0.1"),
    literal("http://2130706433:{port}/", "127.0.0.1"),
    literal("http://0x7f000001:{port}/", "127.0.0.1"),
    literal("http://0x7F.1:{port}/", "127.0.0.1"),
    literal("http://0x7f.0x0.0x0.0x1:{port}/", "127.0.0.1"),
    literal("http://0177.0.0.1:{port}/", "127.0.0.1"),
    literal("http://0177.0x0.1:{port}/", "127.0.0.1"),
    literal("http://017700000001:{port}/", "127.0.0.1"),
    literal("http://127.000.000.001:{port}/", "127.0.0.1"),
    literal("http://127.0.0.1.:{port}/", "127.0.0.1"),
    // ...and as they are disguised.
    literal("HTTP://127.0.0.1:{port}/", "127.0.0.1"),
    literal("http:127.0.0.1:{port}/", "127.0.0.1"),
    literal("http:///127.0.0.1:{port}/", "127.0.0.1"),
    literal("http:\\\\127.0.0.1:{port}\\", "127.0.0.1"),
    literal(" http://127.0.0.1:{port}/ ", "127.0.0.1"),
    literal("http://127.0\t.0.1:{port}/", "127.0.0.1"),
    literal("http://%31%32%37.0.0.1:{port}/", "127.0.0.1"),
    literal("http://127%2e0%2e0%2e1:{port}/", "127.0.0.1"),
    literal("http://\u{ff11}\u{ff12}\u{ff17}.0.0.1:{port}/", "127.0.0.1"),
    literal("http://\u{2460}27.0.0.1:{port}/", "127.0.0.1"),
    literal("http://127\u{3002}0\u{3002}0\u{3002}1:{port}/", "127.0.0.1"),
    literal("http://127.0.0.1:{port}#@media.example/", "127.0.0.1"),
    literal("http://127.0.0.1:{port}\\@media.example/", "127.0.0.1"),
    literal("http://127.0.0.1:{port}?@media.example/", "127.0.0.1"),
    literal("http://media.example@127.0.0.1:{port}/", "127.0.0.1"),
    literal("http://media.example:80@127.0.0.1:{port}/", "127.0.0.1"),
    literal("http://media.example%2f@127.0.0.1:{port}/", "127.0.0.1"),
    literal("http://user:secret@media.example:{port}/", "127.0.0.1"),
    // No address at all means this machine.
    literal("http://0.0.0.0:{port}/", "0.0.0.0"),
    literal("http://0:{port}/", "0.0.0.0"),
    literal("http://0x0:{port}/", "0.0.0.0"),
    literal("http://[::]:{port}/", "::"),
    // Inner networks, clouds, carriers.
    literal("http://10.0.0.1:{port}/", "10.0.0.1"),
    literal("http://10.1:{port}/", "10.0.0.1"),
    literal("http://172.16.0.1:{port}/", "172.16.0.1"),
    literal("http://172.31.255.254:{port}/", "172.31.255.254"),
    literal("http://192.168.1.1:{port}/", "192.168.1.1"),
    literal("http://192.168.257:{port}/", "192.168.1.1"),
    literal("http://3232235777:{port}/", "192.168.1.1"),
    literal("http://0xc0a80101:{port}/", "192.168.1.1"),
    literal("http://169.254.169.254:{port}/latest/meta-data/", "169.254.169.254"),
    literal("http://0xa9fea9fe:{port}/latest/meta-data/", "169.254.169.254"),
    literal("http://2852039166:{port}/", "169.254.169.254"),
    literal("http://169.254.43518:{port}/", "169.254.169.254"),
    literal("http://0251.0376.0251.0376:{port}/", "169.254.169.254"),
    literal("http://169.254.170.2:{port}/", "169.254.170.2"),
    literal("http://100.64.0.1:{port}/", "100.64.0.1"),
    literal("http://100.100.100.200:{port}/", "100.100.100.200"),
    literal("http://168.63.129.16:{port}/", "168.63.129.16"),
    literal("http://192.0.0.192:{port}/", "192.0.0.192"),
    // For examples, measurements and many.
    literal("http://192.0.2.1:{port}/", "192.0.2.1"),
    literal("http://198.51.100.1:{port}/", "198.51.100.1"),
    literal("http://203.0.113.1:{port}/", "203.0.113.1"),
    literal("http://198.18.0.1:{port}/", "198.18.0.1"),
    literal("http://224.0.0.1:{port}/", "224.0.0.1"),
    literal("http://239.255.255.250:{port}/", "239.255.255.250"),
    literal("http://240.0.0.1:{port}/", "240.0.0.1"),
    literal("http://255.255.255.255:{port}/", "255.255.255.255"),
    literal("http://4294967295:{port}/", "255.255.255.255"),
    // IPv6, by itself and around IPv4.
    literal("http://[::1]:{port}/", "::1"),
    literal("http://[0:0:0:0:0:0:0:1]:{port}/", "::1"),
    literal("http://[0000::0001]:{port}/", "::1"),
    literal("http://[::ffff:127.0.0.1]:{port}/", "::ffff:127.0.0.1"),
    literal("http://[::FFFF:7F00:1]:{port}/", "::ffff:127.0.0.1"),
    literal("http://[::ffff:a9fe:a9fe]:{port}/", "::ffff:169.254.169.254"),
    literal("http://[::127.0.0.1]:{port}/", "::7f00:1"),
    literal("http://[::ffff:0:127.0.0.1]:{port}/", "::ffff:0:7f00:1"),
    literal("http://[64:ff9b::127.0.0.1]:{port}/", "64:ff9b::7f00:1"),
    literal("http://[64:ff9b::a9fe:a9fe]:{port}/", "64:ff9b::a9fe:a9fe"),
    literal("http://[64:ff9b:1::7f00:1]:{port}/", "64:ff9b:1::7f00:1"),
    literal("http://[2002:7f00:1::1]:{port}/", "2002:7f00:1::1"),
    literal("http://[2002:c0a8:101::1]:{port}/", "2002:c0a8:101::1"),
    literal("http://[2001:0:7f00:1::1]:{port}/", "2001:0:7f00:1::1"),
    literal("http://[2600::5efe:7f00:1]:{port}/", "2600::5efe:7f00:1"),
    literal("http://[fc00::1]:{port}/", "fc00::1"),
    literal("http://[fd00:ec2::254]:{port}/latest/meta-data/", "fd00:ec2::254"),
    literal("http://[fe80::1]:{port}/", "fe80::1"),
    literal("http://[fe80::1%25lo]:{port}/", "fe80::1"),
    literal("http://[fe80::1%lo]:{port}/", "fe80::1"),
    literal("http://[fec0::1]:{port}/", "fec0::1"),
    literal("http://[ff02::1]:{port}/", "ff02::1"),
    literal("http://[2001:db8::1]:{port}/", "2001:db8::1"),
    literal("http://[100::1]:{port}/", "100::1"),
    // Names that mean this machine or this network wherever they are asked for...
    literal("http://localhost:{port}/", "127.0.0.1"),
    literal("http://LOCALHOST:{port}/", "127.0.0.1"),
    literal("http://localhost.:{port}/", "127.0.0.1"),
    literal("http://loc%61lhost:{port}/", "127.0.0.1"),
    literal("http://\u{ff4c}ocalhost:{port}/", "127.0.0.1"),
    literal("http://any.localhost:{port}/", "127.0.0.1"),
    literal("http://metadata.google.internal:{port}/", "169.254.169.254"),
    literal("http://nas.local:{port}/", "192.168.1.7"),
    literal("http://router.home.arpa:{port}/", "192.168.1.1"),
    // ...and names that have to be looked up.
    name("http://localhost.localdomain:{port}/", "127.0.0.1"),
    name("http://ip6-localhost:{port}/", "::1"),
    name("http://metadata:{port}/", "169.254.169.254"),
    name("http://intranet:{port}/", "10.0.0.5"),
    name("http://prowlarr:{port}/", "172.18.0.2"),
    name("http://db.corp:{port}/", "fd00::5"),
    name("http://kubernetes.default.svc:{port}/", "10.96.0.1"),
    name("http://127.0.0.1.names.example:{port}/", "127.0.0.1"),
    name("http://mapped.names.example:{port}/", "::ffff:127.0.0.1"),
    name("http://translated.names.example.:{port}/", "64:ff9b::7f00:1"),
    name("http://Unspecified.Names.Example:{port}/", "0.0.0.0"),
    name("http://b\u{fc}cher.names.example:{port}/", "127.0.0.1"),
];

/// Only where every address is ours: a public one of this very machine.
const OWN_PUBLIC: Spelling = literal("http://198.20.0.2:{port}/", "198.20.0.2");
/// The same behind a name.
const OWN_PUBLIC_NAME: Spelling = name("http://own.names.example:{port}/", "198.20.0.2");

/// The address of every public host that is played.
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 20, 0, 1));
/// Where that is, when the machine has it not. No spelling means it.
const PLAYED_AT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 77, 0, 1));

/// Set in the process in which every address is ours.
const IS_OURS: &str = "PROSTREAM_TEST_EVERY_ADDRESS_IS_OURS";

/// Set to `all`, each entry point is tried with every spelling, which takes some minutes.
const WITH_ALL: &str = "PROSTREAM_OUTBOUND";

/// Longest head and body that the played hosts read.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Longest wait of a played host for the next bytes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How a failure that is a connection is told.
const CAUGHT: &str = "connections were caught";
/// Most failures that are told.
const MAX_SHOWN: usize = 50;
/// Fetches under way at a time.
const CONCURRENCY: usize = 16;

impl Spelling {
    /// The address at a port.
    #[must_use]
    pub fn at(&self, port: u16) -> String {
        self.text.replace("{port}", &port.to_string())
    }

    fn inner(&self) -> IpAddr {
        self.inner.parse().expect("an address")
    }

    /// It is no plain absolute address: whoever reads it may find no address in it, or another one, or one that fits no setting.
    fn is_odd(&self) -> bool {
        let lower = self.text.to_ascii_lowercase();
        let is_absolute = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
        let is_disguised = !lower.is_ascii() || lower.contains([' ', '\t', '\\', '?', '#']);
        !is_absolute || is_disguised || lower.contains("///") || Url::parse(&self.at(80)).is_err()
    }

    /// A literal, or the one name that no system asks a network for.
    fn is_known_to_every_system(&self) -> bool {
        match Url::parse(&self.at(80)).as_ref().map(Url::host) {
            Ok(Some(Host::Domain(name))) => name == "localhost",
            _ => true,
        }
    }

    /// Would a connection that nobody refuses arrive at the trap?
    fn leads_to_the_trap(&self, is_ours: bool) -> bool {
        let Ok(url) = Url::parse(&self.at(80)) else { return false };
        if !url.username().is_empty() {
            return false;
        }
        match self.inner().to_canonical() {
            IpAddr::V4(address) if address.is_loopback() || address.is_unspecified() => true,
            IpAddr::V6(address) if address == Ipv6Addr::LOCALHOST || address == Ipv6Addr::UNSPECIFIED => true,
            IpAddr::V4(address) => is_ours && address.octets()[0] < 224,
            IpAddr::V6(address) => {
                is_ours && matches!(address.segments()[0], 0x0064 | 0x0100 | 0x2000..=0x3fff | 0xfc00..=0xfdff)
            }
        }
    }
}

/// How an address gets to whoever fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As it is.
    Direct,
    /// A public host redirects to it.
    Redirect,
    /// Its name has a public address when it is looked up first, and this one from then on.
    Rebinding,
    /// Its name has a public address and this one at once.
    Mixed,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 4] = [Way::Direct, Way::Redirect, Way::Rebinding, Way::Mixed];
}

/// What a fetch may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Public addresses only.
    Public,
    /// Every spelling is an exception as well: the same fetch arrives, so a trap that caught nothing was not blind.
    Everything,
}

/// How a fetch failed, in whatever form the entry point tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The kind, as [`crate::ErrorKind::code`] names it.
    pub code: String,
    /// All that is told.
    pub text: String,
}

impl Told {
    /// Not even asked for: there is no address in the text.
    #[must_use]
    pub fn unreadable() -> Self {
        Self { code: "unreadable".to_owned(), text: String::new() }
    }
}

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        let text = format!("{error} | {error:?} | {}", error.advice().unwrap_or_default());
        Self { code: error.kind().code().to_owned(), text }
    }
}

/// Something that fetches from an address which somebody else can influence.
#[async_trait]
pub trait EntryPoint: Send + Sync {
    /// What it is, for the table.
    fn name(&self) -> &str;

    /// Does it go where redirects lead? API clients do not.
    fn follows_redirects(&self) -> bool {
        true
    }

    /// Does it take the client that is handed to it? What brings its own asks the system for names, which is not played.
    fn takes_a_client(&self) -> bool {
        true
    }

    /// Is a fetch so slow, because it starts a program or keeps a pace, that every third spelling has to do, even where all were asked for?
    fn is_slow(&self) -> bool {
        false
    }

    /// Fetches something from `address`, as far as it gets.
    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told>;
}

/// The outside: public hosts, names, and a trap for every connection to any other address of this machine.
pub struct Outside {
    port: u16,
    closed_port: u16,
    is_ours: bool,
    shared: Arc<Shared>,
    public: HttpClient,
    everything: HttpClient,
    markers: AtomicUsize,
    _listening: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    caught: AtomicUsize,
    welcomed: AtomicUsize,
    stage: Mutex<Stage>,
}

/// What is said where, and what was asked.
#[derive(Default)]
struct Stage {
    hosts: HashMap<String, Arc<dyn StandIn>>,
    redirects: Vec<String>,
    turning: Vec<(IpAddr, usize)>,
    mixed: Vec<IpAddr>,
}

impl Shared {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a name at this moment.
    fn look_up(&self, name: &str) -> Vec<IpAddr> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let number = |end: &str| name.strip_suffix(end)?.parse::<usize>().ok();
        let mut stage = self.stage();
        if let Some((inner, count)) = number(".turns.example").and_then(|at| stage.turning.get_mut(at)) {
            *count = count.saturating_add(1);
            return vec![if *count == 1 { PUBLIC } else { *inner }];
        }
        if let Some(inner) = number(".mixed.example").and_then(|at| stage.mixed.get(at)) {
            return vec![*inner, PUBLIC, *inner];
        }
        if name.ends_with(".stage.example") || stage.hosts.contains_key(&name) {
            return vec![PUBLIC];
        }
        let is_it = |spelling: &&Spelling| match Url::parse(&spelling.at(80)).as_ref().map(Url::host) {
            Ok(Some(Host::Domain(host))) => host.trim_end_matches('.') == name,
            _ => false,
        };
        SPELLINGS.iter().chain([&OWN_PUBLIC_NAME]).find(is_it).map(Spelling::inner).into_iter().collect()
    }

    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let (stand_in, location) = {
            let stage = self.stage();
            let number = request.uri().path().strip_prefix("/redirects/").and_then(|rest| rest.split('/').next());
            let number = number.and_then(|number| number.parse::<usize>().ok());
            let location = number.and_then(|at| stage.redirects.get(at).cloned());
            (stage.hosts.get(&host).cloned(), location)
        };
        if let Some(location) = location {
            let mut reply = Response::new(Bytes::new());
            // The same for an open and a closed port.
            let statuses = [301, 302, 303, 307, 308];
            *reply.status_mut() = StatusCode::from_u16(statuses[location.len() % statuses.len()]).expect("a status");
            reply.headers_mut().insert(header::LOCATION, HeaderValue::from_bytes(location.as_bytes()).expect("a text"));
            return reply;
        }
        match stand_in {
            Some(stand_in) => stand_in.reply(request),
            None => {
                let mut reply = Response::new(Bytes::new());
                *reply.status_mut() = StatusCode::NOT_FOUND;
                reply
            }
        }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("port", &self.port).field("is_ours", &self.is_ours).finish_non_exhaustive()
    }
}

impl Outside {
    /// Starts to listen, on one port of every address of this machine: what arrives at the address of the played hosts is welcome, and
    /// whatever arrives at any other is caught.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        let listener = match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("listen"),
        };
        let port = listener.local_addr().expect("an address").port();
        let closed = StdTcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("listen");
        let closed_port = closed.local_addr().expect("an address").port();
        drop(closed);
        let is_ours = std::env::var_os(IS_OURS).is_some();
        let shared = Arc::new(Shared::default());
        let names = Arc::clone(&shared);
        let names = StagedNames {
            lookup: Arc::new(move |name| names.look_up(name)),
            played_at: if is_ours {
                |address| address
            } else {
                |address| if address == PUBLIC { PLAYED_AT } else { address }
            },
        };
        let client = |allow| {
            let config =
                HttpClientConfig { policy: AddressPolicy { allow }, max_retries: 0, ..HttpClientConfig::default() };
            HttpClient::with_staged_names(config, &names).expect("a client")
        };
        let (public, everything) = (client(Vec::new()), client(exceptions(port)));
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&shared)));
        let markers = AtomicUsize::new(0);
        Self { port, closed_port, is_ours, shared, public, everything, markers, _listening: listening }
    }

    /// A client for which the names are played.
    #[must_use]
    pub fn client(&self, access: Access) -> &HttpClient {
        match access {
            Access::Public => &self.public,
            Access::Everything => &self.everything,
        }
    }

    /// The exceptions that belong to an access, as they stand in settings, for who makes a client of its own. It finds no played host by
    /// name: where those are played is an exception, too.
    #[must_use]
    pub fn exceptions(&self, access: Access) -> Vec<String> {
        let all = match access {
            Access::Public => Vec::new(),
            Access::Everything => exceptions(self.port),
        };
        let written = |exception: AllowedHost| match exception.host.contains(':') {
            true => format!("[{}]:{}", exception.host, exception.port),
            false => format!("{}:{}", exception.host, exception.port),
        };
        all.into_iter().map(written).chain([format!("{PLAYED_AT}:{}", self.port)]).collect()
    }

    /// A public host that answers as `stand_in` does.
    #[must_use]
    pub fn host(&self, stand_in: Arc<dyn StandIn>) -> Url {
        let mut stage = self.shared.stage();
        let name = format!("{}.stage.example", stage.hosts.len());
        let url = Url::parse(&format!("http://{name}:{}/", self.port)).expect("an address");
        stage.hosts.insert(name, stand_in);
        url
    }

    /// The same under a name of the test's own choice, also the name of a real service.
    #[must_use]
    pub fn named_host(&self, name: &str, stand_in: Arc<dyn StandIn>) -> Url {
        self.shared.stage().hosts.insert(name.to_owned(), stand_in);
        Url::parse(&format!("http://{name}:{}/", self.port)).expect("an address")
    }

    /// An address of a public host that redirects to `location`, with each status in turn; so does everything below it.
    fn redirect(&self, location: String, has_names: bool) -> String {
        let mut stage = self.shared.stage();
        stage.redirects.push(location);
        let number = stage.redirects.len() - 1;
        let host = if has_names { "redirects.stage.example".to_owned() } else { PLAYED_AT.to_string() };
        format!("http://{host}:{}/redirects/{number}", self.port)
    }

    /// An address whose name is public when it is looked up first, and `inner` from then on.
    fn turning(&self, inner: IpAddr) -> String {
        let mut stage = self.shared.stage();
        stage.turning.push((inner, 0));
        format!("http://{}.turns.example:{}/", stage.turning.len() - 1, self.port)
    }

    /// An address whose name is public and `inner` at once.
    fn mixed(&self, inner: IpAddr) -> String {
        let mut stage = self.shared.stage();
        stage.mixed.push(inner);
        format!("http://{}.mixed.example:{}/", stage.mixed.len() - 1, self.port)
    }

    /// Connections that the trap has caught so far, those included that nobody waited for.
    ///
    /// Connections are taken in the order in which they came: when one of our own was answered, all before it were counted.
    async fn caught(&self) -> usize {
        let mut marker = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.expect("the trap listens");
        marker.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("the trap reads");
        let _ = marker.read_to_end(&mut Vec::new()).await;
        let markers = self.markers.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared.caught.load(Ordering::SeqCst) - markers
    }

    fn welcomed(&self) -> usize {
        self.shared.welcomed.load(Ordering::SeqCst)
    }

    /// Every third spelling, each entry point other ones; all of them where [`WITH_ALL`] says so.
    fn spellings(&self, entry: &dyn EntryPoint) -> Vec<Spelling> {
        let own: &[Spelling] = if self.is_ours { &[OWN_PUBLIC, OWN_PUBLIC_NAME] } else { &[] };
        let all = SPELLINGS.iter().chain(own).copied();
        let is_whole = std::env::var_os(WITH_ALL).is_some_and(|value| value == "all") && !entry.is_slow();
        let step = if is_whole { 1 } else { 3 };
        let first = entry.name().bytes().map(usize::from).sum::<usize>() % step;
        all.filter(|spelling| entry.takes_a_client() || !spelling.is_looked_up).skip(first).step_by(step).collect()
    }
}

/// Every spelling at a port as an exact exception; those that are no address are none.
fn exceptions(port: u16) -> Vec<AllowedHost> {
    let all = SPELLINGS.iter().chain([&OWN_PUBLIC, &OWN_PUBLIC_NAME]);
    let host = |spelling: &Spelling| Url::parse(&spelling.at(port)).ok()?.host_str().map(str::to_owned);
    all.filter_map(host).map(|host| format!("{host}:{port}").parse().expect("an exception")).collect()
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let local = stream.local_addr().map(|address| address.ip().to_canonical());
        let is_welcome = local.is_ok_and(|address| address == PUBLIC || address == PLAYED_AT);
        let counter = if is_welcome { &shared.welcomed } else { &shared.caught };
        counter.fetch_add(1, Ordering::SeqCst);
        let shared = is_welcome.then(|| Arc::clone(&shared));
        connections.spawn(timeout(PATIENCE, answer(stream, shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one request; without a stage as the trap does, to whatever comes.
async fn answer(mut stream: TcpStream, stage: Option<Arc<Shared>>) -> Option<()> {
    let mut bytes = Vec::new();
    let Some(stage) = stage else {
        stream.read_buf(&mut bytes).await.ok()?;
        stream.write_all(b"HTTP/1.1 404 Caught\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.ok()?;
        return stream.shutdown().await.ok();
    };
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(bytes.get(..head_len)?).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let mut request = StandInRequest::new(Bytes::new());
    *request.method_mut() = first.next()?.parse().ok()?;
    *request.uri_mut() = first.next()?.parse().ok()?;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request.headers_mut().append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    let len = request.headers().get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    let end = head_len + len.unwrap_or(0).min(MAX_REQUEST_BYTES);
    while bytes.len() < end {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    *request.body_mut() = Bytes::copy_from_slice(bytes.get(head_len..end)?);
    let reply = stage.reply(&request);
    let mut head = format!(
        "HTTP/1.1 {} Told\r\ncontent-length: {}\r\nconnection: close\r\n",
        reply.status().as_u16(),
        reply.body().len()
    )
    .into_bytes();
    for (name, value) in reply.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    stream.write_all(&head).await.ok()?;
    stream.write_all(reply.body()).await.ok()?;
    stream.shutdown().await.ok()
}

/// One row of the table.
struct Row {
    entry: String,
    way: Way,
    tried: usize,
    caught: usize,
    arrived: String,
    told: String,
}

/// Tries every spelling on every entry point in every way, and prints the table.
///
/// # Panics
/// When a connection was caught; when a fetch succeeded or its error is not the one of a refused address, or differs where a port is closed;
/// when a played host was not asked; when the same fetch does not arrive although it may.
pub async fn nothing_inside_is_reached(outside: &Outside, entries: &[&dyn EntryPoint]) {
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for &entry in entries {
        for way in Way::ALL {
            if entry.takes_a_client() || matches!(way, Way::Direct | Way::Redirect) {
                rows.push(try_way(outside, entry, way, &mut wrong).await);
            }
        }
    }
    let mut table = format!(
        "\n{:<34} {:<10} {:>9} {:>11}   {:<16} {}\n",
        "entry point", "way", "spellings", "connections", "when allowed", "told"
    );
    for row in &rows {
        let way = format!("{:?}", row.way).to_lowercase();
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "{:<34} {way:<10} {:>9} {:>11}   {:<16} {}",
            row.entry, row.tried, row.caught, row.arrived, row.told
        );
    }
    println!("{table}");
    // Connections first: they are what this is about.
    wrong.sort_by_key(|why| !why.contains(CAUGHT));
    let count = wrong.len();
    wrong.truncate(MAX_SHOWN);
    assert!(wrong.is_empty(), "{count} wrong, of them:\n{}", wrong.join("\n"));
}

async fn try_way(outside: &Outside, entry: &dyn EntryPoint, way: Way, wrong: &mut Vec<String>) -> Row {
    let spellings = outside.spellings(entry);
    let before = (outside.caught().await, outside.welcomed());
    let outcomes: Vec<_> = stream::iter(spellings.iter().map(|spelling| try_one(outside, entry, way, spelling)))
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let caught = outside.caught().await - before.0;
    let welcomed = outside.welcomed() - before.1;
    let what = format!("{}, {way:?}", entry.name());
    let mut told: HashMap<String, usize> = HashMap::new();
    for outcome in outcomes {
        *told.entry(outcome.code).or_default() += 1;
        wrong.extend(outcome.wrong.map(|why| format!("{what}: {why}")));
    }
    if caught > 0 {
        // Which ones? One after the other.
        let mut before = outside.caught().await;
        let mut culprits = Vec::new();
        for spelling in &spellings {
            try_one(outside, entry, way, spelling).await;
            let now = outside.caught().await;
            if now > before {
                culprits.push(spelling.text);
            }
            before = now;
        }
        wrong.push(format!("{what}: {caught} {CAUGHT}, of {culprits:?}"));
    }
    if way != Way::Direct && welcomed < spellings.len() {
        wrong.push(format!("{what}: the public host was asked {welcomed} times for {} spellings", spellings.len()));
    }

    let (arrived, expected) = arrivals(outside, entry, way, &spellings).await;
    if arrived.len() < expected.len() {
        let missing: Vec<_> = expected.iter().filter(|text| !arrived.contains(text)).collect();
        wrong.push(format!("{what}: allowed and not arrived, so the trap may be blind: {missing:?}"));
    }
    let mut told: Vec<_> = told.into_iter().collect();
    told.sort_by_key(|(code, count)| (usize::MAX - count, code.clone()));
    Row {
        entry: entry.name().to_owned(),
        way,
        tried: spellings.len(),
        caught,
        arrived: match expected.is_empty() {
            true => "follows none".to_owned(),
            false => format!("{} of {} arrive", arrived.len(), expected.len()),
        },
        told: told.iter().map(|(code, count)| format!("{code} {count}")).collect::<Vec<_>>().join(", "),
    }
}

struct Outcome {
    code: String,
    wrong: Option<String>,
}

async fn try_one(outside: &Outside, entry: &dyn EntryPoint, way: Way, spelling: &Spelling) -> Outcome {
    let fetch = async |address: String| entry.fetch(outside, Access::Public, &address).await;
    let has_names = entry.takes_a_client();
    let mut closed = None;
    let outcome = match way {
        Way::Direct => {
            closed = Some(fetch(spelling.at(outside.closed_port)).await);
            fetch(spelling.at(outside.port)).await
        }
        Way::Redirect => {
            closed = Some(fetch(outside.redirect(spelling.at(outside.closed_port), has_names)).await);
            fetch(outside.redirect(spelling.at(outside.port), has_names)).await
        }
        Way::Rebinding => {
            let address = outside.turning(spelling.inner());
            // Reaches the public host with its first request; what follows, here or in the second fetch, meets the inner address.
            let _ = fetch(address.clone()).await;
            fetch(address).await
        }
        Way::Mixed => fetch(outside.mixed(spelling.inner())).await,
    };
    let told = match outcome {
        Err(told) => told,
        // The public one of its addresses served.
        Ok(()) if way == Way::Mixed => return Outcome { code: "fetched".to_owned(), wrong: None },
        Ok(()) => return Outcome { code: "fetched".to_owned(), wrong: Some(format!("{} was fetched", spelling.text)) },
    };
    let without_port = |told: &Told| {
        let [open, closed] = [outside.port, outside.closed_port].map(|port| port.to_string());
        (told.code.clone(), told.text.replace(&open, "PORT").replace(&closed, "PORT"))
    };
    let is_said = match way {
        Way::Direct => spelling.is_odd() || told.code == "forbidden",
        Way::Redirect => spelling.is_odd() || !entry.follows_redirects() || told.code == "forbidden",
        Way::Rebinding => told.code == "forbidden",
        Way::Mixed => true,
    };
    let wrong = match &closed {
        _ if !is_said => Some(format!("{} is told as {}: {}", spelling.text, told.code, told.text)),
        Some(Ok(())) => Some(format!("{} at a closed port was fetched", spelling.text)),
        Some(Err(closed)) if without_port(closed) != without_port(&told) => {
            Some(format!("{}: an open port is told apart: {told:?}, {closed:?}", spelling.text))
        }
        _ => None,
    };
    Outcome { code: told.code, wrong }
}

/// The same fetches with every spelling as an exception: which arrived at the trap, and which should.
async fn arrivals(
    outside: &Outside,
    entry: &dyn EntryPoint,
    way: Way,
    spellings: &[Spelling],
) -> (Vec<&'static str>, Vec<&'static str>) {
    let leads = |spelling: &&Spelling| {
        let is_found = entry.takes_a_client() || spelling.is_known_to_every_system();
        spelling.leads_to_the_trap(outside.is_ours) && !spelling.is_odd() && is_found
    };
    let all: Vec<_> = spellings.iter().filter(leads).collect();
    // Names that turn are no exceptions: what they turn to is shown to listen by the names that do not.
    let tried: Vec<&Spelling> = match way {
        Way::Direct => all,
        Way::Redirect if entry.follows_redirects() => all,
        Way::Redirect => Vec::new(),
        Way::Rebinding | Way::Mixed => all.into_iter().filter(|spelling| spelling.is_looked_up).collect(),
    };
    let mut arrived = Vec::new();
    for spelling in &tried {
        let before = outside.caught().await;
        let address = match way {
            Way::Redirect => outside.redirect(spelling.at(outside.port), entry.takes_a_client()),
            _ => spelling.at(outside.port),
        };
        let _ = entry.fetch(outside, Access::Everything, &address).await;
        if outside.caught().await > before {
            arrived.push(spelling.text);
        }
    }
    (arrived, tried.iter().map(|spelling| spelling.text).collect())
}

/// Runs the test `name` of this program once more, in a network of its own in which every address of the world is this machine's: there
/// every connection that is tried arrives at the trap, wherever it goes. `None` where the system does not allow such a network, and in it.
///
/// # Panics
/// When the test cannot be started.
#[must_use]
pub fn passes_where_every_address_is_ours(name: &str) -> Option<bool> {
    if std::env::var_os(IS_OURS).is_some() {
        return None;
    }
    const NETWORK: &str = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo src 127.0.0.1 \
        && ip -6 route add local ::/0 dev lo && ip addr add 198.20.0.2/32 dev lo && exec \"$0\" \"$@\"";
    let within = || {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", NETWORK]).stdin(Stdio::null());
        command
    };
    let trial = within().arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !trial.is_ok_and(|status| status.success()) {
        println!(
            "no network of our own can be had here: addresses beyond the loopback lead nowhere and are not counted"
        );
        return None;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let status = within().arg(program).args([name, "--exact", "--nocapture"]).env(IS_OURS, "1").status();
    Some(status.expect("the test starts").success())
}
