//! The settings, one struct per concern.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use prostream_core::net::{AllowedHost, Secret};
use prostream_core::playback::PlaybackConfig;
use prostream_core::source::FileAccess;
use prostream_core::store::redis::{Redis, RedisConfig};
use prostream_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::setting::concern;
use super::{AddressBlock, Concern, Setting};

concern! {
    /// Where the server listens and how it is reached from outside.
    Listen at "listen" {
        /// Addresses to listen on. Port 0 takes any free one. Listen on other than loopback only behind a proxy that speaks TLS.
        addresses: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 8420))], "address:port";
        /// The address people type, used for every link that is given out. Links are never made from what a client sends as `Host`.
        /// Without it they are relative, which is right for one server without a proxy.
        public_url: Option<Url> = None, "http or https address";
        /// Peers whose `X-Forwarded-For` is believed; the right-most address there that is not itself in this list is the client.
        trusted_proxies: Vec<AddressBlock> = Vec::new(), "address or address/bits";
    }
}

concern! {
    /// Where data is kept.
    Data at "data" {
        /// Folder of the database and the signing key. Made when it is missing, readable by its owner alone.
        folder: PathBuf = PathBuf::from("prostream-data"), "path";
    }
}

concern! {
    /// What several servers share, so that together they ask the outside once and at the pace of one.
    Cache at "cache" {
        /// Address of a Redis or Valkey, `redis://[user:password@]host[:port][/database]` or `redis+unix:///path`. Metadata and what indexers
        /// answered lie there (answers encrypted, with a key made of the indexer's), and the pace of accounts is counted there. Without it each
        /// server does this in its own memory; while it does not answer, nothing is kept and each server keeps the pace by itself. The
        /// connection is not encrypted: keep it in a network you trust.
        redis_url: Option<Secret> = None, "address of a Redis";
        /// Longest wait for an answer of the Redis; from 10 to 10000.
        redis_timeout_ms: u32 = 500, "milliseconds";
    }
}

impl Cache {
    /// The Redis that is set, if one is.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is none of Redis.
    pub fn redis(&self) -> Result<Option<Redis>> {
        let deadline = Duration::from_millis(self.redis_timeout_ms.into());
        let config = |url: &Secret| RedisConfig { deadline, ..RedisConfig::new(url.clone()) };
        self.redis_url.as_ref().filter(|url| !url.is_empty()).map(|url| Redis::new(&config(url))).transpose()
    }
}

concern! {
    /// What may be reached from here. Public addresses of other machines always may; our own, private, loopback and link-local ones only when they stand here.
    Outbound at "outbound" {
        /// Exact exceptions, such as a Prowlarr in the home network: `192.168.1.5:9696`. Providers configured below need theirs, too.
        allow: Vec<Exception> = Vec::new(), "host:port";
    }
}

concern! {
    /// Films on this machine.
    Library at "library" {
        /// Folders whose files may be played by path, and which the local indexer lists. Nothing outside of them is ever opened.
        folders: Vec<PathBuf> = Vec::new(), "path";
        /// Map the files into memory instead of copying their bytes: a tenth less processor time (Linux). Only for folders whose files
        /// nobody writes to in place: one that is cut short in the moment its bytes are sent ends the program.
        memory_map: bool = false, "true or false";
    }
}

impl Library {
    /// What the engine has to know of it.
    #[must_use]
    pub fn playback(&self) -> PlaybackConfig {
        let file_access = if self.memory_map { FileAccess::Map } else { FileAccess::Copy };
        PlaybackConfig { library: self.folders.clone(), file_access, ..PlaybackConfig::default() }
    }
}

concern! {
    /// What releases are ranked by.
    Ranking at "ranking" {
        /// TOML file of languages, limits, weights and rules of one's own, as docs/ranking.example.toml shows. Without it the defaults hold.
        file: Option<PathBuf> = None, "path";
    }
}

concern! {
    /// Pages of other origins that may call `/api/`. What lies under `/hls/` is open to all, because its address is the permission.
    Cors at "cors" {
        /// Exact origins, such as `https://tv.example`. Never `*`, never `null`; credentials are never allowed.
        allowed_origins: Vec<String> = Vec::new(), "origin";
    }
}

concern! {
    /// Who may sign in, and for how long.
    Auth at "auth" {
        /// Anyone who can reach the server may make an account.
        is_registration_open: bool = false, "true or false";
        /// Life of an access token; at most 900.
        access_token_life_s: u32 = 900, "seconds";
        /// A sign-in that was not used for this long ends.
        refresh_idle_s: u32 = 14 * 86_400, "seconds";
        /// A sign-in ends after this long, used or not.
        refresh_life_s: u32 = 30 * 86_400, "seconds";
        /// Memory of one password hash (argon2id); at least 19456. Two are computed at a time.
        password_memory_kib: u32 = 19_456, "KiB";
        /// Passes of one password hash; at least 2.
        password_passes: u32 = 2, "passes";
        /// Whether the refresh cookie is bound to https. Turn off only for a server that is reached over plain http and by name; loopback
        /// addresses need no change in current browsers.
        is_cookie_secure: bool = true, "true or false";
    }
}

concern! {
    /// Signing in at debrid services by a code (`prostream sign-in`). Two of them sign in only programs that their owner has registered there.
    SignIn at "sign_in" {
        /// Client id of your program at Premiumize, from premiumize.me/registerclient.
        premiumize_client_id: Option<String> = None, "text";
        /// Client id of your program at Debrid-Link, from your account at debrid-link.com. The server needs it too, to renew keys.
        debrid_link_client_id: Option<String> = None, "text";
    }
}

impl SignIn {
    /// The client id to sign in with at `vendor`; `None` where none is needed.
    ///
    /// # Errors
    /// `InvalidInput`, naming the setting, where one is needed and missing.
    pub fn client_id(&self, vendor: &str) -> Result<Option<&str>> {
        let (client_id, from) = match vendor {
            "premiumize" => (&self.premiumize_client_id, "premiumize.me/registerclient"),
            "debrid_link" => (&self.debrid_link_client_id, "debrid-link.com"),
            _ => return Ok(None),
        };
        let client_id = client_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
        client_id.map(Some).ok_or_else(|| {
            let (key, variable) = (format!("sign_in.{vendor}_client_id"), vendor.to_uppercase());
            Error::new(ErrorKind::InvalidInput, "read settings")
                .at(vendor.to_owned())
                .detail("it signs in only programs that are registered with it, and there is no client id")
                .advise(format!(
                    "register a program at {from} and set {key} (PROSTREAM_SIGN_IN_{variable}_CLIENT_ID); or make a key on its page"
                ))
        })
    }
}

concern! {
    /// How much one client, and all together, may take.
    Limits at "limits" {
        /// Connections in all. Without it three quarters of the descriptors that the system allows.
        connections: Option<usize> = None, "connections";
        /// Connections of one address; more are closed at once. Addresses of trusted proxies are not counted.
        connections_per_address: usize = 64, "connections";
        /// Wait for the first byte of a connection.
        first_byte_timeout_s: u32 = 5, "seconds";
        /// Wait for the whole header of a request, from its first byte.
        header_timeout_s: u32 = 10, "seconds";
        /// How long a connection may rest between two requests.
        idle_timeout_s: u32 = 60, "seconds";
        /// Wait for the whole body of a request.
        body_timeout_s: u32 = 30, "seconds";
        /// How long a client may take nothing of an answer that waits for it.
        write_timeout_s: u32 = 30, "seconds";
        /// Largest body of a request.
        body_size_bytes: usize = 64 << 10, "bytes";
        /// How long running requests may finish when the server stops.
        shutdown_timeout_s: u32 = 20, "seconds";
        /// Tries to sign in to one account in five minutes, right or wrong.
        login_per_account: u32 = 10, "tries in 5 minutes";
        /// Tries to sign in from one address in five minutes.
        login_per_address: u32 = 50, "tries in 5 minutes";
        /// Requests of one user to `/api/`.
        api_per_user: u32 = 600, "requests a minute";
        /// Requests of one user that ask outside services: searches, releases, new playbacks.
        search_per_user: u32 = 60, "requests a minute";
        /// Requests without sign-in of one address: the page, health, the API description.
        public_per_address: u32 = 600, "requests a minute";
        /// Requests of one address under `/hls/`.
        media_per_address: u32 = 12_000, "requests a minute";
        /// Requests through one addon link; those that ask outside services draw from `search_per_user` as well.
        addon_per_token: u32 = 300, "requests a minute";
        /// Requests of one address under `/addon/`, with whichever token.
        addon_per_address: u32 = 600, "requests a minute";
    }
}

concern! {
    /// The Movie Database: names, years, episodes.
    Tmdb at "providers.tmdb" {
        /// API key or read access token. Without it TMDB is not asked.
        key: Option<Secret> = None, "text";
        /// Another address of the API, for tests and mirrors.
        base_url: Option<Url> = None, "http or https address";
    }
}

concern! {
    /// Cinemeta: names, years, episodes, without a key.
    Cinemeta at "providers.cinemeta" {
        /// Ask it.
        is_enabled: bool = true, "true or false";
        /// Another address of the API, for tests and mirrors.
        base_url: Option<Url> = None, "http or https address";
    }
}

concern! {
    /// OpenSubtitles: subtitles that do not come with the film.
    OpenSubtitles at "providers.opensubtitles" {
        /// API key, from opensubtitles.com/consumers. Without it OpenSubtitles is not asked.
        key: Option<Secret> = None, "text";
        /// Name of a user there. Without one subtitles are found, but not given.
        user: Option<String> = None, "text";
        /// The user's password.
        password: Option<Secret> = None, "text";
        /// Another address of the API, for tests and mirrors.
        base_url: Option<Url> = None, "http or https address";
    }
}

/// One entry of a list of providers: what its fields are, for the page of settings.
macro_rules! entry {
    (
        $(#[doc = $about:literal])+
        $name:ident at $section:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $ty:ty, $unit:literal; )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Name of this instance where there are several, shown as `vendor:name`.
            #[serde(default)]
            pub name: Option<String>,
            $( $(#[doc = $doc])+ pub $field: $ty, )*
        }

        impl $name {
            /// What is known of these settings.
            pub(super) fn concern() -> Concern {
                let setting = |field: &str, docs, unit| Setting {
                    key: format!("{}.{field}", $section),
                    docs,
                    unit,
                    default: None,
                    form: super::setting::Form::Text,
                };
                Concern {
                    section: $section,
                    about: &[$($about),+],
                    is_list: true,
                    settings: vec![
                        setting("name", &[" Name of this instance where there are several, shown as `vendor:name`."], "letters, digits, `-`, `_`"),
                        $( setting(stringify!($field), &[$($doc),+], $unit), )*
                    ],
                }
            }
        }
    };
}

entry! {
    /// A Prowlarr, which asks many indexers.
    Prowlarr at "providers.prowlarr" {
        /// Its address, with its base path where it has one.
        url: Url, "http or https address";
        /// Its API key.
        key: Secret, "text";
    }
}

entry! {
    /// An indexer that speaks Torznab.
    Torznab at "providers.torznab" {
        /// Address of its API, up to and without the question mark.
        url: Url, "http or https address";
        /// Its API key; empty where it needs none.
        key: Secret, "text";
    }
}

entry! {
    /// A folder of films as an indexer: what lies there is playable at once. It should also stand in `library.folders`.
    LocalFolder at "providers.local_folder" {
        /// The folder.
        path: PathBuf, "path";
    }
}

entry! {
    /// An account at a debrid service, which holds torrents and gives links to their files.
    DebridAccount at "providers" {
        /// Its API key, or private token. Either this or `key_file`.
        key: Option<Secret>, "text";
        /// A file that holds the key: what `prostream sign-in` wrote, which the server keeps fresh where keys end, or the key alone.
        key_file: Option<PathBuf>, "path";
        /// Another address of the API, for tests.
        base_url: Option<Url>, "http or https address";
    }
}

impl DebridAccount {
    /// What is known of the accounts of each vendor: the section, and where a key comes from.
    const VENDORS: [(&str, &[&str]); 5] = [
        ("providers.alldebrid", &[" An AllDebrid account. Keys: alldebrid.com/apikeys."]),
        ("providers.real_debrid", &[" A Real-Debrid account. Its private token: real-debrid.com/apitoken."]),
        ("providers.premiumize", &[" A Premiumize account. Its key: premiumize.me/account."]),
        ("providers.debrid_link", &[" A Debrid-Link account. Keys: debrid-link.com/webapp/apikey."]),
        ("providers.torbox", &[" A TorBox account. Its key: torbox.app/settings."]),
    ];

    pub(super) fn concerns() -> impl Iterator<Item = Concern> {
        Self::VENDORS.into_iter().map(|(section, about)| {
            let mut concern = Self::concern();
            for setting in &mut concern.settings {
                setting.key = setting.key.replacen(concern.section, section, 1);
            }
            Concern { section, about, ..concern }
        })
    }
}

/// Outside services.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    /// The Movie Database.
    pub tmdb: Tmdb,
    /// Cinemeta.
    pub cinemeta: Cinemeta,
    /// OpenSubtitles.
    pub opensubtitles: OpenSubtitles,
    /// Prowlarrs.
    pub prowlarr: Vec<Prowlarr>,
    /// Torznab indexers.
    pub torznab: Vec<Torznab>,
    /// Local folders.
    pub local_folder: Vec<LocalFolder>,
    /// AllDebrid accounts.
    pub alldebrid: Vec<DebridAccount>,
    /// Real-Debrid accounts.
    pub real_debrid: Vec<DebridAccount>,
    /// Premiumize accounts.
    pub premiumize: Vec<DebridAccount>,
    /// Debrid-Link accounts.
    pub debrid_link: Vec<DebridAccount>,
    /// TorBox accounts.
    pub torbox: Vec<DebridAccount>,
}

impl Providers {
    /// The accounts at debrid services, by the vendor's name, in the order in which they are tried where nothing tells them apart.
    #[must_use]
    pub fn debrid(&self) -> [(&'static str, &[DebridAccount]); 5] {
        [
            ("alldebrid", &self.alldebrid),
            ("real_debrid", &self.real_debrid),
            ("premiumize", &self.premiumize),
            ("debrid_link", &self.debrid_link),
            ("torbox", &self.torbox),
        ]
    }
}

/// An exact exception to the outbound policy, read from `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception(pub AllowedHost);

impl<'de> Deserialize<'de> for Exception {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom(format!("{text:?} is not HOST:PORT")))
    }
}

impl super::setting::Value for Exception {
    const FORM: super::setting::Form = super::setting::Form::Text;
    fn shown(&self) -> Option<String> {
        self.0.shown()
    }
}
