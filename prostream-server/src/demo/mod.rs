//! What `prostream demo` plays besides the real server: stand-ins of TMDB, Prowlarr, AllDebrid and OpenSubtitles, and a host of one generated film,
//! each on a loopback port of its own inside this process. They speak the real wire formats; the real clients ask them.

mod captions;
mod losing;
mod mount;
mod titles;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prostream_core::net::{AddressPolicy, AllowedHost, HttpClient, HttpClientConfig, Secret};
use prostream_core::provider::debrid::alldebrid::{AllDebrid, AllDebridConfig};
use prostream_core::provider::indexer::prowlarr::{Prowlarr, ProwlarrConfig};
use prostream_core::provider::metadata::tmdb::{Tmdb, TmdbConfig};
use prostream_core::provider::subtitles::opensubtitles::{OpenSubtitles, OpenSubtitlesConfig};
use prostream_core::resolve::ProviderSet;
use prostream_core::testing::stand_in::{
    AllDebridStandIn, FilmHost, OpenSubtitlesStandIn, ProwlarrStandIn, TmdbStandIn,
};
use prostream_core::{Error, ErrorKind, Result};
use url::Url;

use losing::LosingHost;
use mount::Mount;

/// The film that the demo ships: `assets/make_demo_film.sh` makes it and says what is in it.
pub const FILM: &[u8] = include_bytes!("../../assets/demo-film.mkv");

/// Keys of the stand-ins. They open nothing but these.
const TMDB_KEY: &str = "0123456789abcdef0123456789abcdef";
const PROWLARR_KEY: &str = "demo-prowlarr-key";
const ALLDEBRID_KEY: &str = "demo-alldebrid-key";
const OPENSUBTITLES_KEY: &str = "demo-opensubtitles-key";
const OPENSUBTITLES_USER: &str = "demo";
const OPENSUBTITLES_PASSWORD: &str = "demo-password";

/// The running stand-ins.
#[derive(Debug)]
pub struct StandIns {
    mounts: Vec<Mount>,
    tmdb_url: Url,
    prowlarr_url: Url,
    alldebrid_url: Url,
    opensubtitles_url: Url,
    films: Arc<FilmHost>,
    alldebrid: Arc<AllDebridStandIn>,
}

impl StandIns {
    /// Starts them on free loopback ports, with the film that the demo ships.
    ///
    /// # Errors
    /// `Storage` when no port can be taken.
    pub async fn start() -> Result<Self> {
        Self::start_with(Bytes::from_static(FILM), None).await
    }

    /// The same with another film, and with a host that does not serve the file any more that was read first, so long after it was.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(film: Bytes, lost_after: Option<Duration>) -> Result<Self> {
        let film_bytes = film.len() as u64;
        let films = Arc::new(
            titles::all()
                .into_iter()
                .flat_map(titles::DemoTitle::file_names)
                .fold(FilmHost::new(), |host, name| host.with_file(format!("/films/{name}"), film.clone())),
        );
        let film_mount = Mount::start(Arc::new(LosingHost::new(Arc::clone(&films), lost_after))).await?;
        let media_url = film_mount.url("films")?;

        let mut tmdb = TmdbStandIn::new(TMDB_KEY);
        let mut prowlarr = ProwlarrStandIn::new(PROWLARR_KEY);
        let mut alldebrid = AllDebridStandIn::new(ALLDEBRID_KEY, media_url);
        for title in titles::all() {
            tmdb = title.describe(tmdb);
            for release in &title.releases {
                prowlarr = prowlarr.with_release(release.listed(&title, film_bytes));
                alldebrid = alldebrid.with_torrent(release.held(film_bytes));
            }
        }
        let alldebrid = Arc::new(alldebrid);
        let opensubtitles = OpenSubtitlesStandIn::new(OPENSUBTITLES_KEY, OPENSUBTITLES_USER, OPENSUBTITLES_PASSWORD);
        let opensubtitles = match titles::all().first() {
            Some(title) => captions::describe(opensubtitles, title, &film),
            None => opensubtitles,
        };
        let tmdb_mount = Mount::start(Arc::new(tmdb)).await?;
        let prowlarr_mount = Mount::start(Arc::new(prowlarr)).await?;
        let alldebrid_mount = Mount::start(Arc::clone(&alldebrid)).await?;
        let opensubtitles_mount = Mount::start(Arc::new(opensubtitles)).await?;
        Ok(Self {
            opensubtitles_url: opensubtitles_mount.url("api/v1")?,
            tmdb_url: tmdb_mount.url("3")?,
            prowlarr_url: prowlarr_mount.url("")?,
            alldebrid_url: alldebrid_mount.url("")?,
            mounts: vec![film_mount, tmdb_mount, prowlarr_mount, alldebrid_mount, opensubtitles_mount],
            films,
            alldebrid,
        })
    }

    /// The exact addresses that a client must be allowed to reach, as `host:port`.
    #[must_use]
    pub fn outbound_allow(&self) -> Vec<AllowedHost> {
        let allowed =
            |mount: &Mount| AllowedHost { host: Ipv4Addr::LOCALHOST.to_string(), port: mount.address().port() };
        self.mounts.iter().map(allowed).collect()
    }

    /// A client that reaches them and public addresses.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn client(&self) -> Result<HttpClient> {
        HttpClient::new(HttpClientConfig {
            policy: AddressPolicy { allow: self.outbound_allow() },
            ..HttpClientConfig::default()
        })
    }

    /// The real providers, pointed at them.
    ///
    /// # Errors
    /// None that depends on anything outside.
    pub fn providers(&self, http: &HttpClient) -> Result<ProviderSet> {
        let tmdb = TmdbConfig { base_url: self.tmdb_url.clone(), ..TmdbConfig::new(Secret::new(TMDB_KEY)) };
        let prowlarr = ProwlarrConfig {
            id: prostream_core::model::ProviderId::new("prowlarr"),
            url: self.prowlarr_url.clone(),
            key: Secret::new(PROWLARR_KEY),
        };
        let alldebrid = AllDebridConfig {
            base_url: self.alldebrid_url.clone(),
            ..AllDebridConfig::new(Secret::new(ALLDEBRID_KEY))
        };
        let opensubtitles = OpenSubtitlesConfig {
            base_url: self.opensubtitles_url.clone(),
            user: Some(OPENSUBTITLES_USER.to_owned()),
            password: Some(Secret::new(OPENSUBTITLES_PASSWORD)),
            ..OpenSubtitlesConfig::new(Secret::new(OPENSUBTITLES_KEY))
        };
        Ok(ProviderSet {
            metadata: vec![Arc::new(Tmdb::new(tmdb, http.clone())?)],
            indexers: vec![Arc::new(Prowlarr::new(prowlarr, http.clone())?)],
            debrid: vec![Arc::new(AllDebrid::new(alldebrid, http.clone())?)],
            subtitles: vec![Arc::new(OpenSubtitles::new(opensubtitles, http.clone())?)],
        })
    }

    /// The film host, with its log of requests.
    #[must_use]
    pub fn films(&self) -> &Arc<FilmHost> {
        &self.films
    }

    /// The debrid service, to set the stage while it runs.
    #[must_use]
    pub fn alldebrid(&self) -> &Arc<AllDebridStandIn> {
        &self.alldebrid
    }

    /// Stops them.
    pub async fn shutdown(self) {
        for mount in self.mounts {
            mount.shutdown().await;
        }
    }
}

/// Any free loopback port.
fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, "start stand-in").detail("no loopback port can be taken").because(error)
}
