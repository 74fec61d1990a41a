//! Debrid services: hold torrents for a user and unlock their files as direct links.

#[cfg(feature = "http")]
mod account_key;
#[cfg(feature = "http")]
pub mod alldebrid;
#[cfg(feature = "http")]
pub mod debrid_link;
#[cfg(feature = "http")]
mod known;
#[cfg(feature = "http")]
mod path;
#[cfg(feature = "http")]
pub mod premiumize;
#[cfg(feature = "http")]
pub mod real_debrid;
mod sign_in;
#[cfg(feature = "http")]
mod throttle;
#[cfg(feature = "http")]
pub mod torbox;
#[cfg(feature = "http")]
mod tree;

use std::fmt;
#[cfg(feature = "http")]
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::Result;
use crate::model::{FileEntry, InfoHash, Magnet, ProviderId};
#[cfg(feature = "http")]
use crate::net::HttpClient;
use crate::net::{Call, Secret};
use crate::provider::indexer::TorrentLink;
use crate::{Error, ErrorKind};

pub use sign_in::{DebridSignIn, Grant, SignInPrompt, SignInState};

/// Most torrents asked about in one call; a service that takes fewer at once is asked several times.
pub const MAX_BATCH: usize = 100;

/// Most files of one torrent that are read; a service that lists more is answered with `LimitExceeded`.
pub const MAX_FILES: usize = 20_000;

/// One configured service, of whichever vendor: `vendor = "alldebrid"` and that vendor's settings beside it.
#[cfg(feature = "http")]
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "vendor", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DebridConfig {
    /// AllDebrid.
    #[serde(rename = "alldebrid")]
    AllDebrid(alldebrid::AllDebridConfig),
    /// Premiumize.
    #[serde(rename = "premiumize")]
    Premiumize(premiumize::PremiumizeConfig),
    /// Debrid-Link.
    #[serde(rename = "debrid_link")]
    DebridLink(debrid_link::DebridLinkConfig),
    /// Real-Debrid.
    #[serde(rename = "real_debrid")]
    RealDebrid(real_debrid::RealDebridConfig),
    /// TorBox.
    #[serde(rename = "torbox")]
    TorBox(torbox::TorBoxConfig),
}

#[cfg(feature = "http")]
impl DebridConfig {
    /// Names of all vendors, as settings write them.
    pub const VENDORS: [&str; 5] = ["alldebrid", "real_debrid", "premiumize", "debrid_link", "torbox"];

    /// An account at a vendor, under the name `id`; without a `base_url` at the real service.
    ///
    /// ```
    /// use prostream_core::model::ProviderId;
    /// use prostream_core::net::Secret;
    /// use prostream_core::provider::debrid::DebridConfig;
    /// assert!(DebridConfig::new("torbox", ProviderId::new("torbox:home"), Secret::new("key"), None).is_ok());
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` for a vendor that is not among [`Self::VENDORS`].
    pub fn new(vendor: &str, id: ProviderId, key: Secret, base_url: Option<Url>) -> Result<Self> {
        macro_rules! account {
            ($variant:ident, $config:path) => {{
                let mut config = <$config>::new(key);
                config.id = id;
                config.base_url = base_url.unwrap_or(config.base_url);
                Self::$variant(config)
            }};
        }
        Ok(match vendor {
            "alldebrid" => account!(AllDebrid, alldebrid::AllDebridConfig),
            "real_debrid" => account!(RealDebrid, real_debrid::RealDebridConfig),
            "premiumize" => account!(Premiumize, premiumize::PremiumizeConfig),
            "debrid_link" => account!(DebridLink, debrid_link::DebridLinkConfig),
            "torbox" => account!(TorBox, torbox::TorBoxConfig),
            _ => return Err(Self::no_such_vendor("set up provider")),
        })
    }

    /// The sign-in by a code at a vendor; without a `base_url` at the real service. `client_id` is the name under which a service knows
    /// this program, where it signs in only programs that it knows (Premiumize, Debrid-Link).
    ///
    /// ```
    /// use prostream_core::net::{HttpClient, HttpClientConfig};
    /// use prostream_core::provider::debrid::DebridConfig;
    /// let http = HttpClient::new(HttpClientConfig::default()).unwrap();
    /// assert!(DebridConfig::sign_in("torbox", None, None, &http).is_ok());
    /// assert!(DebridConfig::sign_in("premiumize", None, None, &http).is_err());
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` for a vendor that is not among [`Self::VENDORS`], and for a missing `client_id`.
    pub fn sign_in(
        vendor: &str,
        base_url: Option<Url>,
        client_id: Option<&str>,
        http: &HttpClient,
    ) -> Result<Arc<dyn DebridSignIn>> {
        const OPERATION: &str = "begin sign-in";
        let http = http.clone();
        // Each vendor's own address is that of its settings.
        let url = |config: Self| base_url.unwrap_or_else(|| config.base_url().clone());
        let config = Self::new(vendor, ProviderId::new("sign-in"), Secret::new(""), None)
            .map_err(|_| Self::no_such_vendor(OPERATION))?;
        let known_as = || {
            client_id.filter(|id| !id.is_empty()).ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, OPERATION)
                    .at(vendor.to_owned())
                    .detail("it signs in only programs that it knows, and there is no client id")
            })
        };
        Ok(match config {
            Self::AllDebrid(_) => Arc::new(alldebrid::AllDebridSignIn::new(url(config), http)),
            Self::Premiumize(_) => Arc::new(premiumize::PremiumizeSignIn::new(url(config), known_as()?, http)),
            Self::DebridLink(_) => Arc::new(debrid_link::DebridLinkSignIn::new(url(config), known_as()?, http)),
            Self::RealDebrid(_) => Arc::new(real_debrid::RealDebridSignIn::new(url(config), http)),
            Self::TorBox(_) => Arc::new(torbox::TorBoxSignIn::new(url(config), http)),
        })
    }

    fn base_url(&self) -> &Url {
        match self {
            Self::AllDebrid(config) => &config.base_url,
            Self::Premiumize(config) => &config.base_url,
            Self::DebridLink(config) => &config.base_url,
            Self::RealDebrid(config) => &config.base_url,
            Self::TorBox(config) => &config.base_url,
        }
    }

    fn no_such_vendor(operation: &'static str) -> Error {
        Error::new(ErrorKind::InvalidInput, operation)
            .detail("there is no such debrid service")
            .advise(format!("choose one of {}", Self::VENDORS.join(", ")))
    }

    /// The service with these settings, asking through `http`.
    ///
    /// # Errors
    /// `InvalidInput` for settings that cannot work: an empty key, an address that is none of http or https.
    pub fn build(self, http: &HttpClient) -> Result<Arc<dyn DebridService>> {
        Ok(match self {
            DebridConfig::AllDebrid(config) => Arc::new(alldebrid::AllDebrid::new(config, http.clone())?),
            DebridConfig::Premiumize(config) => Arc::new(premiumize::Premiumize::new(config, http.clone())?),
            DebridConfig::DebridLink(config) => Arc::new(debrid_link::DebridLink::new(config, http.clone())?),
            DebridConfig::RealDebrid(config) => Arc::new(real_debrid::RealDebrid::new(config, http.clone())?),
            DebridConfig::TorBox(config) => Arc::new(torbox::TorBox::new(config, http.clone())?),
        })
    }
}

/// The key without the blanks around it, once key and address can work; `make_one` says where a key comes from.
#[cfg(feature = "http")]
fn checked_key(id: &ProviderId, key: &Secret, base_url: &Url, make_one: &'static str) -> Result<Secret> {
    let wrong =
        |detail: &'static str| Error::new(ErrorKind::InvalidInput, "set up provider").at(id.to_string()).detail(detail);
    let key = Secret::new(key.expose().trim());
    if key.is_empty() {
        return Err(wrong("the key is empty").advise(make_one));
    }
    if !matches!(base_url.scheme(), "http" | "https") {
        return Err(wrong("the address is none of http or https"));
    }
    Ok(key)
}

/// A direct link as a service writes it, once it is one.
#[cfg(feature = "http")]
fn checked_link(address: &str, operation: &'static str) -> Result<Url> {
    let url = Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| Error::new(ErrorKind::Malformed, operation).detail("the link is no http address"))
}

/// Can it be played at once?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cached {
    /// It has to be fetched first.
    No,
    /// Yes.
    Yes,
    /// The service does not say.
    Unknown,
}

/// What a service can do. Data: suites and the resolver select by it.
///
/// ```
/// use prostream_core::provider::debrid::Capabilities;
/// let capabilities = Capabilities::none().with_cached_check().with_torrent_files();
/// assert!(capabilities.has_cached_check && !capabilities.needs_selection);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// [`DebridService::check_cached`] answers yes or no without adding anything.
    pub has_cached_check: bool,
    /// [`DebridService::add`] takes torrent files, not only magnets.
    pub takes_torrent_files: bool,
    /// Files must be selected before the service fetches them.
    pub needs_selection: bool,
    /// The service wants to hear the address of a viewer who fetches by himself, and is told [`Call::viewer_address`].
    pub takes_viewer_address: bool,
    /// What is cached is served without being added: [`DebridService::add`] of it leaves the account as it was.
    pub serves_cached_unadded: bool,
}

impl Capabilities {
    /// None of all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            has_cached_check: false,
            takes_torrent_files: false,
            needs_selection: false,
            takes_viewer_address: false,
            serves_cached_unadded: false,
        }
    }

    /// With a question of what is cached.
    #[must_use]
    pub const fn with_cached_check(mut self) -> Self {
        self.has_cached_check = true;
        self
    }

    /// With torrent files.
    #[must_use]
    pub const fn with_torrent_files(mut self) -> Self {
        self.takes_torrent_files = true;
        self
    }

    /// With selection.
    #[must_use]
    pub const fn with_selection(mut self) -> Self {
        self.needs_selection = true;
        self
    }

    /// With the viewer's address.
    #[must_use]
    pub const fn with_viewer_address(mut self) -> Self {
        self.takes_viewer_address = true;
        self
    }

    /// With what is cached being served unadded.
    #[must_use]
    pub const fn with_cached_unadded(mut self) -> Self {
        self.serves_cached_unadded = true;
        self
    }
}

/// The account behind the key.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Name shown to its owner.
    pub user_name: String,
    /// It may use what we need.
    pub is_premium: bool,
    /// When that ends.
    pub premium_until: Option<SystemTime>,
    /// What may still be fetched, where the service says so.
    pub quota: Option<Quota>,
}

/// What an account may still fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quota {
    /// Share that is used up, 0 to 1 (more where a service lets it be passed).
    pub used: Option<f32>,
    /// Bytes that are left.
    pub left_bytes: Option<u64>,
    /// Nothing more is served until then.
    pub blocked_until: Option<SystemTime>,
}

/// A torrent at a service, by the service's own number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TorrentId(pub String);

/// What `add` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The torrent.
    pub torrent: TorrentId,
    /// It was the user's before we came, or we cannot tell: it must not be removed by us.
    pub was_known: bool,
    /// Its files can be unlocked now.
    pub is_ready: bool,
}

/// How far a torrent is.
#[derive(Clone, Debug, PartialEq)]
pub enum TorrentState {
    /// Its files can be unlocked.
    Ready,
    /// The service fetches it; 0 to 1 where it says how far.
    Preparing {
        /// Share that is done, 0 to 1.
        progress: Option<f32>,
        /// Bytes a second, where the service says so.
        speed_bytes_per_s: Option<u64>,
    },
    /// It will not become ready; the text is for people.
    Failed {
        /// Why, in our words.
        reason: String,
    },
}

/// A file that can be unlocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Path and size.
    pub entry: FileEntry,
    /// What the service wants to hear to unlock it; may be a secret address.
    pub handle: Secret,
}

/// A direct link. Secret: it never reaches a log or a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The address; answers ranges.
    pub url: Url,
    /// When it ends, where the service says so.
    pub expires_at: Option<SystemTime>,
    /// Headers to be sent along.
    pub headers: Vec<(String, String)>,
    /// Length of the file in bytes, where the service says so.
    pub size_bytes: Option<u64>,
    /// Name of the file, where the service says so.
    pub file_name: Option<String>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("expires_at", &self.expires_at)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// Holds torrents for us and unlocks their files as direct links. What the user had before is never removed.
#[async_trait]
pub trait DebridService: Send + Sync + fmt::Debug + 'static {
    /// Vendor and instance, for configuration, logs and metrics: `alldebrid`.
    fn id(&self) -> &ProviderId;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Goes on with another key of the same account: the one of a renewed sign-in ([`DebridSignIn::renew`]).
    ///
    /// # Errors
    /// `Unsupported` at a service where nothing is renewed; `InvalidInput` for an empty key, which replaces nothing.
    fn replace_key(&self, key: &Secret) -> Result<()> {
        let _ = key;
        Err(Error::new(ErrorKind::Unsupported, "replace key")
            .at(self.id().to_string())
            .detail("its keys are not renewed"))
    }

    /// Whose key it is, and until when.
    ///
    /// # Errors
    /// `Unauthorized` for a bad key; `AddressRefused` when this server's address is refused; `RateLimited`, `Unavailable`, `TimedOut`.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn account(&self, call: &Call) -> Result<Account>;

    /// The account for a check-up: as [`Self::account`], and with an error where the service tells otherwise, without anything being
    /// changed there, that it will not serve us.
    ///
    /// # Errors
    /// As [`Self::account`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn check_up(&self, call: &Call) -> Result<Account> {
        self.account(call).await
    }

    /// For each of `hashes` (at most [`MAX_BATCH`]), in the order asked: can it be played at once? `Unknown` where the service does not say.
    ///
    /// # Errors
    /// As [`Self::account`]; `AccountLimit` for an expired plan.
    /// # Cancel safety
    /// Safe to drop at any point: nothing changes on the vendor's side.
    async fn check_cached(&self, call: &Call, hashes: &[InfoHash]) -> Result<Vec<Cached>>;

    /// Gives the service a torrent. Adding one that is there already changes nothing, nor does adding a cached one where the service
    /// serves it without ([`Capabilities::serves_cached_unadded`]).
    ///
    /// # Errors
    /// `Refused` for content that the service does not serve; `AccountLimit` for an expired plan or too many torrents;
    /// `InvalidInput` for a magnet it cannot read; otherwise as [`Self::account`].
    /// # Cancel safety
    /// Not safe: the torrent may have been added.
    async fn add(&self, call: &Call, torrent: &TorrentLink) -> Result<Added>;

    /// Gives the service several torrents (at most [`MAX_BATCH`]): an answer for each, in the order given.
    ///
    /// # Errors
    /// As [`Self::add`], each torrent by itself.
    /// # Cancel safety
    /// Not safe: some may have been added.
    async fn add_all(&self, call: &Call, torrents: &[TorrentLink]) -> Vec<Result<Added>> {
        let mut added = Vec::with_capacity(torrents.len());
        for torrent in torrents {
            added.push(self.add(call, torrent).await);
        }
        added
    }

    /// Tells of a torrent that an earlier run of the program has newly added: what is left to do for it is done as for one that is added now.
    fn adopt(&self, torrent: &TorrentId) {
        let _ = torrent;
    }

    /// How far torrents are, in the order asked; a torrent that is gone is `Failed`.
    ///
    /// # Errors
    /// As [`Self::account`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>>;

    /// The files of a ready torrent, in the service's order.
    ///
    /// # Errors
    /// `NotFound` when it is gone; `NotCached` when it is not ready; otherwise as [`Self::account`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn files(&self, call: &Call, torrent: &TorrentId) -> Result<Vec<RemoteFile>>;

    /// Chooses the files to be fetched, where the service needs that; nothing elsewhere.
    ///
    /// # Errors
    /// As [`Self::account`].
    async fn select(&self, call: &Call, torrent: &TorrentId, files: &[RemoteFile]) -> Result<()> {
        let _ = (call, torrent, files);
        Ok(())
    }

    /// A direct link to a file.
    ///
    /// # Errors
    /// `Refused` when the service does not serve it; `NotFound` when it is gone; `AccountLimit` for quotas; otherwise as [`Self::account`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn unlock(&self, call: &Call, file: &RemoteFile) -> Result<Link>;

    /// Removes a torrent that [`Self::add`] newly added (`was_known == false`). Removing one that is gone is no error.
    ///
    /// # Errors
    /// As [`Self::account`].
    async fn remove(&self, call: &Call, torrent: &TorrentId) -> Result<()>;
}

impl From<Magnet> for TorrentLink {
    fn from(magnet: Magnet) -> Self {
        TorrentLink::Magnet(magnet)
    }
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::*;

    /// Goal: every vendor's settings have the documented defaults, a misspelt one is refused, and no key shows.
    #[test]
    fn settings_have_defaults_and_no_strangers() {
        for vendor in DebridConfig::VENDORS {
            let text = format!(r#"{{"vendor":"{vendor}","key":" k3y "}}"#);
            let config: DebridConfig = serde_json::from_str(&text).unwrap();
            assert!(!format!("{config:?}").contains("k3y"));
            let http = HttpClient::new(crate::net::HttpClientConfig::default()).unwrap();
            let service = config.build(&http).unwrap();
            assert_eq!(service.id().as_str(), vendor);
            assert!(!format!("{service:?}").contains("k3y"));
            for wrong in
                [format!(r#"{{"vendor":"{vendor}","key":"k","kee":1}}"#), format!(r#"{{"vendor":"{vendor}"}}"#)]
            {
                assert!(serde_json::from_str::<DebridConfig>(&wrong).is_err(), "{wrong}");
            }
            for wrong in [
                format!(r#"{{"vendor":"{vendor}","key":"  "}}"#),
                format!(r#"{{"vendor":"{vendor}","key":"k","base_url":"ftp://x"}}"#),
            ] {
                let config: DebridConfig = serde_json::from_str(&wrong).unwrap();
                assert_eq!(config.build(&http).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong}");
            }
        }
    }
}
