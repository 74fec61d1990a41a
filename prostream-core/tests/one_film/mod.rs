//! One film, and what it takes to play it: a shelf that knows it and lists its release, the host behind the links of debrid services, and a
//! client that reaches them. Tests mount the services themselves: what those do is what they are about.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use prostream_core::Result;
use prostream_core::model::{InfoHash, MediaId, ProviderId, Release, Title, TitleId, TitleKind, TitleSummary};
use prostream_core::net::{AddressPolicy, Call, HttpClient, HttpClientConfig};
use prostream_core::provider::indexer::{Indexer, Query, Releases};
use prostream_core::provider::metadata::{MetadataProvider, TitleRequest, TitleSearch};
use prostream_core::testing::stand_in::{FilmHost, StandIn, StandInReply, StandInRequest};
use url::Url;

use crate::workshop::Workshop;

pub(crate) const RELEASE: &str = "The.Long.Walk.2019.1080p.WEB-DL.H.264-GROUP";

/// The number of the film where one is enough.
pub(crate) const ONE: u8 = 1;

/// What an indexer of the outside finds the film by.
pub(crate) const IMDB_NUMBER: u64 = 7_654_321;

/// The film under this number. It has as many as a test needs, each with a torrent of its own.
pub(crate) fn media_id(number: u8) -> MediaId {
    MediaId::of_title(TitleId::Local(format!("walk-{number}")))
}

/// The torrent of the film under this number.
pub(crate) const fn hash(number: u8) -> InfoHash {
    InfoHash([number; 20])
}

/// Encodes 20 s of it to some megabytes, so that a segment in the middle is not among what opening brings along. Other seeds give other
/// bytes.
pub(crate) fn long_film(seed: u32) -> Bytes {
    let pictures = format!("testsrc2=size=320x180:rate=24:duration=20,noise=alls=40:all_seed={seed}");
    let workshop = Workshop::new();
    let path = workshop.ffmpeg(&format!(
        "-f lavfi -i {pictures} -f lavfi -i sine=duration=20 -c:v libx264 -preset ultrafast -crf 12 -g 48 -c:a aac film.mkv"
    ));
    let film = std::fs::read(path).unwrap();
    assert!(film.len() > 4 << 20, "large enough that most lies between the ends");
    film.into()
}

/// Knows the film, and lists its one release.
#[derive(Debug)]
pub(crate) struct Shelf {
    id: ProviderId,
    size_bytes: u64,
}

impl Shelf {
    /// Its release is so large.
    pub(crate) fn new(size_bytes: u64) -> Arc<Self> {
        Arc::new(Self { id: ProviderId::new("shelf"), size_bytes })
    }
}

#[async_trait]
impl MetadataProvider for Shelf {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _call: &Call, _request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        Ok(Vec::new())
    }

    async fn title(&self, _call: &Call, request: &TitleRequest) -> Result<Title> {
        Ok(Title {
            summary: TitleSummary {
                media_id: MediaId::of_title(request.media_id.title.clone()),
                kind: TitleKind::Movie,
                name: "The Long Walk".to_owned(),
                year: Some(2019),
                overview: None,
                poster_url: None,
            },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: None,
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: Some(format!("tt{IMDB_NUMBER}")),
            tmdb_id: None,
            tvdb_id: None,
            seasons: Vec::new(),
        })
    }
}

#[async_trait]
impl Indexer for Shelf {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _call: &Call, query: &Query) -> Result<Releases> {
        let number = query.local_id.as_deref().and_then(|id| id.strip_prefix("walk-")).unwrap().parse().unwrap();
        let release = Release {
            indexer: self.id.clone(),
            tracker: None,
            name: RELEASE.to_owned(),
            info_hash: Some(hash(number)),
            link: None,
            size_bytes: Some(self.size_bytes),
            seeder_count: Some(10),
            age_days: None,
            playable: None,
        };
        Ok(Releases { releases: vec![release], ..Releases::default() })
    }
}

type IsLive = dyn Fn(&str) -> bool + Send + Sync;

/// How a host of films answers in place of what was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    /// With this status and nothing else.
    Status(u16),
    /// With this file under every address, as if it were what was asked for.
    Film(Bytes),
}

impl Instead {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        match self {
            Self::Status(status) => http::Response::builder().status(*status).body(Bytes::new()).unwrap(),
            Self::Film(bytes) => FilmHost::new().with_file(request.uri().path(), bytes.clone()).reply(request),
        }
    }
}

/// The host behind the links of debrid services: a link that has ended is gone.
pub(crate) struct LinkHost {
    pub(crate) films: FilmHost,
    is_live: OnceLock<Box<IsLive>>,
    refused_count: AtomicUsize,
    ended: Mutex<Instead>,
    fault: Mutex<Option<Instead>>,
}

impl LinkHost {
    pub(crate) fn new(films: FilmHost) -> Self {
        let (refused_count, ended) = (AtomicUsize::new(0), Mutex::new(Instead::Status(410)));
        Self { films, is_live: OnceLock::new(), refused_count, ended, fault: Mutex::default() }
    }

    /// How it answers links that have ended: 410 without a word.
    pub(crate) fn given_ended(&self, ended: Instead) {
        *self.ended.lock().unwrap() = ended;
    }

    /// Answers everything so from now on.
    pub(crate) fn given_fault(&self, fault: Option<Instead>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Tells links that live from those that have ended, by their query: the services know, and they are mounted after their host.
    pub(crate) fn given_live_links(&self, is_live: impl Fn(&str) -> bool + Send + Sync + 'static) {
        assert!(self.is_live.set(Box::new(is_live)).is_ok(), "once");
    }

    /// Requests with a link that had ended.
    pub(crate) fn refused_count(&self) -> usize {
        self.refused_count.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for LinkHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkHost").field("films", &self.films).finish_non_exhaustive()
    }
}

impl StandIn for LinkHost {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        if let Some(fault) = self.fault.lock().unwrap().as_ref() {
            return fault.reply(request);
        }
        // An address without a query is no link of a service.
        if let Some(query) = request.uri().query()
            && !self.is_live.get().unwrap()(query)
        {
            self.refused_count.fetch_add(1, Ordering::Relaxed);
            return self.ended.lock().unwrap().reply(request);
        }
        self.films.reply(request)
    }
}

/// A client that reaches these hosts of the loopback, and no other inner address.
pub(crate) fn client(hosts: &[Url]) -> HttpClient {
    let host = |url: &Url| format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
    let policy = AddressPolicy { allow: hosts.iter().map(host).collect() };
    HttpClient::new(HttpClientConfig { policy, ..HttpClientConfig::default() }).unwrap()
}

/// Waits until it is so, some ten seconds at the most.
pub(crate) async fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come to that");
}
