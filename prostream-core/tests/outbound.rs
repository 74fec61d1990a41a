//! Nothing inside is reached, whoever names the address and however it is written (OUT-01 to OUT-03).
#![cfg(feature = "http")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use prostream_core::model::{DeviceProfile, InfoHash, MediaId, TitleKind};
use prostream_core::net::{Call, HttpClient, Request, Secret};
use prostream_core::playback::{PlaybackSource, StartPlayback};
use prostream_core::provider::debrid::alldebrid::{AllDebridConfig, AllDebridSignIn};
use prostream_core::provider::debrid::{DebridConfig, DebridSignIn};
use prostream_core::provider::indexer::prowlarr::ProwlarrConfig;
use prostream_core::provider::indexer::torznab::TorznabConfig;
use prostream_core::provider::indexer::{Indexer, IndexerConfig, Query};
use prostream_core::provider::metadata::cinemeta::CinemetaConfig;
use prostream_core::provider::metadata::tmdb::TmdbConfig;
use prostream_core::provider::metadata::{MetadataConfig, TitleRequest, TitleSearch};
use prostream_core::provider::subtitles::opensubtitles::OpenSubtitlesConfig;
use prostream_core::provider::subtitles::{SubtitleId, SubtitleProvider, SubtitleSearch, SubtitlesConfig};
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_core::source::{HttpSource, HttpSourceConfig, Lease, LeasedLink};
use prostream_core::store::records::{MemoryRecords, PlaybackRecord, Records};
use prostream_core::testing::outbound::{
    Access, EntryPoint, Outside, Told, nothing_inside_is_reached, passes_where_every_address_is_ours,
};
use prostream_core::testing::stand_in::{
    AllDebridStandIn, CinemetaStandIn, OpenSubtitlesStandIn, ProwlarrStandIn, StandIn, StandInMovie, StandInRelease,
    StandInReply, StandInRequest, StandInSubtitle, StandInTorrent, TorznabStandIn,
};
use prostream_core::{ErrorKind, ProStream, Result};
use url::Url;

const KEY: &str = "k3yOfTheStandIn";
const HASH: InfoHash = InfoHash([0x44; 20]);
const FILM: &str = "The.Long.Walk.2019.1080p.WEB-DL.H.264-GROUP";
const FILM_ID: &str = "tt7654321";

fn call() -> Call {
    Call::within(Duration::from_secs(30))
}

/// Fetches from an address that can be read as one.
#[derive(Clone, Copy)]
enum Fetch {
    ApiRequest,
    MediaLink,
    Source,
    RenewedLink,
    ViewersLink,
    StoredPlayback,
    Tmdb,
    TmdbTitle,
    Cinemeta,
    Torznab,
    Prowlarr,
    AllDebrid,
    AllDebridSignIn,
    OpenSubtitles,
    OpenSubtitlesSignIn,
}

struct Named(&'static str, Fetch);

#[async_trait]
impl EntryPoint for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn follows_redirects(&self) -> bool {
        // Those of media links, and of Cinemeta, whose catalogues lie behind one.
        matches!(
            self.1,
            Fetch::MediaLink
                | Fetch::Source
                | Fetch::RenewedLink
                | Fetch::ViewersLink
                | Fetch::StoredPlayback
                | Fetch::Cinemeta
        )
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let url = Url::parse(address).map_err(|_| Told::unreadable())?;
        fetch(self.1, outside, outside.client(access), url).await.map_err(Told::from)
    }
}

async fn fetch(what: Fetch, outside: &Outside, http: &HttpClient, url: Url) -> Result<()> {
    let query = Query::new(TitleKind::Movie, "The Long Walk");
    match what {
        Fetch::ApiRequest => {
            let reply = http.send(&call(), Request::get(url)).await?;
            answered(reply.status)
        }
        Fetch::MediaLink => {
            let reply = http.stream(&call(), Request::get(url)).await?;
            answered(reply.status)
        }
        Fetch::Source => HttpSource::open(http, url, &[], &HttpSourceConfig::default()).await.map(drop),
        Fetch::RenewedLink => {
            // The first link has ended, and the service that is asked for the next is hostile.
            let ended = outside.host(Arc::new(Missing));
            let link = LeasedLink { url: ended, headers: Vec::new(), expires_at: None };
            let lease = Arc::new(Hostile(url));
            HttpSource::open_leased(http, link, lease, "film", &HttpSourceConfig::default()).await.map(drop)
        }
        Fetch::ViewersLink => {
            let engine = ProStream::builder().http(http.clone()).build()?;
            let viewer = Viewer::new("mia", Arc::default());
            engine.start_playback(&call(), &viewer, &StartPlayback::new(PlaybackSource::Url(url))).await.map(drop)
        }
        Fetch::StoredPlayback => {
            let records = Arc::new(MemoryRecords::new());
            records.add_playback(&stored(&url)).await?;
            let engine = ProStream::builder().http(http.clone()).records(records).build()?;
            engine.playbacks().playback(&call(), &Viewer::new("mia", Arc::default()), "stored").await.map(drop)
        }
        Fetch::Tmdb | Fetch::TmdbTitle => {
            let config =
                TmdbConfig { base_url: url, ..TmdbConfig::new(Secret::new("0123456789abcdef0123456789abcdef")) };
            let tmdb = MetadataConfig::Tmdb(config).build(http)?;
            match what {
                Fetch::Tmdb => tmdb.search(&call(), &TitleSearch::new("The Long Walk")).await.map(drop),
                _ => tmdb.title(&call(), &TitleRequest::new(film_id())).await.map(drop),
            }
        }
        Fetch::Cinemeta => {
            let config = CinemetaConfig { base_url: url, ..CinemetaConfig::default() };
            let cinemeta = MetadataConfig::Cinemeta(config).build(http)?;
            cinemeta.title(&call(), &TitleRequest::new(film_id())).await?;
            cinemeta.search(&call(), &TitleSearch::new("The Long Walk")).await.map(drop)
        }
        Fetch::Torznab => torznab(http, url)?.search(&call(), &query).await.map(drop),
        Fetch::Prowlarr => prowlarr(http, url)?.search(&call(), &query).await.map(drop),
        Fetch::AllDebrid => alldebrid(url).build(http)?.account(&call()).await.map(drop),
        Fetch::AllDebridSignIn => AllDebridSignIn::new(url, http.clone()).begin(&call()).await.map(drop),
        Fetch::OpenSubtitles => {
            opensubtitles(http, url)?.search(&call(), &SubtitleSearch::of_name("The Long Walk")).await.map(drop)
        }
        Fetch::OpenSubtitlesSignIn => opensubtitles(http, url)?.check_up(&call()).await.map(drop),
    }
}

fn answered(status: http::StatusCode) -> Result<()> {
    match status.is_success() {
        true => Ok(()),
        false => Err(prostream_core::Error::new(ErrorKind::NotFound, "fetch").detail(status.to_string())),
    }
}

fn film_id() -> MediaId {
    FILM_ID.parse().unwrap()
}

fn torznab(http: &HttpClient, url: Url) -> Result<Arc<dyn Indexer>> {
    let id = "torznab:one".parse().unwrap();
    IndexerConfig::Torznab(TorznabConfig { id, url, key: Secret::new(KEY) }).build(http)
}

fn prowlarr(http: &HttpClient, url: Url) -> Result<Arc<dyn Indexer>> {
    let id = "prowlarr".parse().unwrap();
    IndexerConfig::Prowlarr(ProwlarrConfig { id, url, key: Secret::new(KEY) }).build(http)
}

fn alldebrid(base_url: Url) -> DebridConfig {
    DebridConfig::AllDebrid(AllDebridConfig { base_url, ..AllDebridConfig::new(Secret::new(KEY)) })
}

fn opensubtitles(http: &HttpClient, base_url: Url) -> Result<Arc<dyn SubtitleProvider>> {
    let (user, password) = (Some("mia".to_owned()), Some(Secret::new("p4ssword")));
    let config = OpenSubtitlesConfig { base_url, user, password, ..OpenSubtitlesConfig::new(Secret::new(KEY)) };
    SubtitlesConfig::OpenSubtitles(config).build(http)
}

/// A playback as it stands in the records: started when the address was allowed, or written by whoever could write there.
fn stored(url: &Url) -> PlaybackRecord {
    let what = serde_json::json!({ "kind": "link", "url": url });
    PlaybackRecord {
        id: "stored".to_owned(),
        owner: "mia".to_owned(),
        media_id: None,
        name: "film.mkv".to_owned(),
        reopen: serde_json::json!({ "what": what, "device": DeviceProfile::any() }).to_string(),
        start_ms: None,
        created_at_ms: 0,
        expires_at_ms: i64::MAX,
    }
}

/// A host that knows nothing.
#[derive(Debug)]
struct Missing;

impl StandIn for Missing {
    fn reply(&self, _request: &StandInRequest) -> StandInReply {
        let mut reply = Response::new(Bytes::new());
        *reply.status_mut() = http::StatusCode::NOT_FOUND;
        reply
    }
}

/// Gives a link of its own choice.
#[derive(Debug)]
struct Hostile(Url);

#[async_trait]
impl Lease for Hostile {
    async fn renew(&self, _call: &Call) -> Result<LeasedLink> {
        Ok(LeasedLink { url: self.0.clone(), headers: Vec::new(), expires_at: None })
    }
}

/// A service whose answers name another link than its own.
#[derive(Debug)]
struct Lying<S> {
    service: S,
    /// How its own links begin.
    own: &'static str,
    /// What stands there instead, as the answer writes it.
    instead: String,
}

impl<S: StandIn> StandIn for Lying<S> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let reply = self.service.reply(request);
        let (head, body) = reply.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let mut parts = text.split("http://").peekable();
        let mut changed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(['"', '<']).unwrap_or(part.len());
            let (address, rest) = part.split_at(end);
            match address.contains(self.own) {
                true => changed.push_str(&self.instead),
                false => changed.push_str(&format!("http://{address}")),
            }
            changed.push_str(rest);
        }
        Response::from_parts(head, changed.into())
    }
}

fn in_json(text: &str) -> String {
    serde_json::Value::from(text).to_string().trim_matches('"').to_owned()
}

/// The link of a release, as a hostile indexer answers it.
enum ReleaseLink {
    Torznab,
    Prowlarr,
}

#[async_trait]
impl EntryPoint for ReleaseLink {
    fn name(&self) -> &str {
        match self {
            ReleaseLink::Torznab => "release link from Torznab",
            ReleaseLink::Prowlarr => "release link from Prowlarr",
        }
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let http = outside.client(access);
        let mut release = StandInRelease::movie(FILM, HASH, 7 << 30);
        release.shows_hash = false;
        let indexer = match self {
            ReleaseLink::Torznab => {
                let service = TorznabStandIn::new(KEY).with_release(release);
                let hostile = Lying { service, own: "/dl/example/", instead: address.to_owned() };
                torznab(http, outside.host(Arc::new(hostile)).join("api").unwrap())?
            }
            ReleaseLink::Prowlarr => {
                let service = ProwlarrStandIn::new(KEY);
                service.add_release(release);
                let hostile = Lying { service, own: "/1/download", instead: in_json(address) };
                prowlarr(http, outside.host(Arc::new(hostile)))?
            }
        };
        let found = indexer.search(&call(), &Query::new(TitleKind::Movie, "The Long Walk")).await?;
        // A row whose link is none is left out.
        let release = found.releases.first().ok_or_else(Told::unreadable)?;
        indexer.torrent(&call(), release).await.map(drop).map_err(Told::from)
    }
}

/// The direct link that a hostile debrid service gives for a title.
struct DebridLink;

#[async_trait]
impl EntryPoint for DebridLink {
    fn name(&self) -> &str {
        "direct link from AllDebrid"
    }

    fn is_slow(&self) -> bool {
        true
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let http = outside.client(access);
        let movie = StandInMovie {
            imdb_id: Some(FILM_ID.to_owned()),
            title: "The Long Walk".to_owned(),
            release_date: "2019-05-04".to_owned(),
            ..StandInMovie::default()
        };
        let cinemeta = outside.host(Arc::new(CinemetaStandIn::new().with_movie(movie)));
        let release = StandInRelease::movie(FILM, HASH, 7 << 30);
        let indexer = outside.host(Arc::new(TorznabStandIn::new(KEY).with_release(release))).join("api").unwrap();
        let torrent = StandInTorrent::new(HASH, FILM).with_file(format!("{FILM}.mkv"), 7 << 30);
        let service = AllDebridStandIn::new(KEY, "http://films.example/films/".parse().unwrap()).with_torrent(torrent);
        let hostile = Lying { service, own: "films.example", instead: in_json(address) };
        let config = CinemetaConfig { base_url: cinemeta, ..CinemetaConfig::default() };
        let providers = ProviderSet {
            metadata: vec![MetadataConfig::Cinemeta(config).build(http)?],
            indexers: vec![torznab(http, indexer)?],
            debrid: vec![alldebrid(outside.host(Arc::new(hostile))).build(http)?],
            ..ProviderSet::default()
        };
        let engine = ProStream::builder().http(http.clone()).build()?;
        let viewer = Viewer::new("mia", Arc::new(providers));
        let wish = StartPlayback::new(PlaybackSource::Title(film_id()));
        engine.start_playback(&call(), &viewer, &wish).await.map(drop).map_err(Told::from)
    }
}

/// The link of a file that a hostile subtitle service gives.
struct SubtitleLink;

#[async_trait]
impl EntryPoint for SubtitleLink {
    fn name(&self) -> &str {
        "subtitle link from OpenSubtitles"
    }

    fn is_slow(&self) -> bool {
        true
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let subtitle = StandInSubtitle { number: 7, ..StandInSubtitle::default() };
        let service = OpenSubtitlesStandIn::new(KEY, "mia", "p4ssword").with_subtitle(subtitle);
        let hostile = Lying { service, own: "/download/", instead: in_json(address) };
        let base_url = outside.host(Arc::new(hostile)).join("api/v1").unwrap();
        let service = opensubtitles(outside.client(access), base_url)?;
        service.fetch(&call(), &SubtitleId::new("7").unwrap()).await.map(drop).map_err(Told::from)
    }
}

/// Goal: whoever names an address, and however it is written, no connection goes where none may go, and the error tells nothing of what is
/// there (OUT-01 to OUT-03).
/// Method: every entry point of this crate, every spelling, as it is, behind a redirect, behind a name that is public first and inside then,
/// and behind one that is both; a trap on all addresses of this machine counts what arrives. The same fetches with exceptions do arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_03_nothing_inside_is_reached() {
    let outside = Outside::start().await;
    let named = [
        Named("API request", Fetch::ApiRequest),
        Named("media link", Fetch::MediaLink),
        Named("file behind a link", Fetch::Source),
        Named("renewed link", Fetch::RenewedLink),
        Named("viewer's link", Fetch::ViewersLink),
        Named("link of a stored playback", Fetch::StoredPlayback),
        Named("TMDB, search", Fetch::Tmdb),
        Named("TMDB, title", Fetch::TmdbTitle),
        Named("Cinemeta", Fetch::Cinemeta),
        Named("Torznab", Fetch::Torznab),
        Named("Prowlarr", Fetch::Prowlarr),
        Named("AllDebrid", Fetch::AllDebrid),
        Named("AllDebrid, sign-in", Fetch::AllDebridSignIn),
        Named("OpenSubtitles", Fetch::OpenSubtitles),
        Named("OpenSubtitles, sign-in", Fetch::OpenSubtitlesSignIn),
    ];
    let mut entries: Vec<&dyn EntryPoint> = named.iter().map(|entry| entry as &dyn EntryPoint).collect();
    entries.extend([&ReleaseLink::Torznab as &dyn EntryPoint, &ReleaseLink::Prowlarr, &DebridLink, &SubtitleLink]);
    nothing_inside_is_reached(&outside, &entries).await;
}

/// Goal: what holds for the loopback holds for private networks, clouds' metadata and every other address.
/// Method: the test above in a network in which all of them are this machine's, where the system allows one.
#[test]
fn out_03_nothing_beyond_the_loopback_is_reached() {
    assert_ne!(passes_where_every_address_is_ours("out_03_nothing_inside_is_reached"), Some(false));
}
