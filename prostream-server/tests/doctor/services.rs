//! The services, one row each: how it is set up, its stand-in, and the failures that only it has. What can happen to any of them
//! (`well`, `wrong-key`, [`MISHAPS`], `no-tls`, `not-allowed`, `dead-port`) comes by itself.
//!
//! A further service is a row here and its name in `service_tests!`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prostream_core::testing::stand_in::{
    AllDebridStandIn, CinemetaStandIn, Mishap, ProwlarrStandIn, StandIn, TmdbStandIn, TorznabStandIn,
};

use crate::stage::{OtherClock, Slow};

/// A key that no stand-in takes.
pub(crate) const WRONG_KEY: &str = "ffffffffffffffffffffffffffffffff";

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What can happen to any service, and the name of its file.
pub(crate) const MISHAPS: [(&str, Mishap); 5] = [
    ("web-page", Mishap::WebPage { status: 200 }),
    ("truncated", Mishap::Truncated),
    ("rate-limited", Mishap::RateLimited { retry_after_s: Some(600) }),
    ("broken", Mishap::Broken),
    ("huge", Mishap::Huge),
];

type Own = &'static [(&'static str, fn() -> Arc<dyn StandIn>)];

/// Makes the stand-in of a service.
pub(crate) type Stand = fn(&Service) -> Arc<dyn StandIn>;

/// A service and how it can fail.
pub(crate) struct Service {
    /// Its name in findings, and the folder of its files.
    pub(crate) vendor: &'static str,
    /// The key that its stand-in takes; empty where it takes none.
    pub(crate) key: &'static str,
    /// Where its API begins.
    pub(crate) path: &'static str,
    /// Settings that lead to an address, with a key.
    pub(crate) settings: fn(url: &str, key: &str) -> String,
    /// Its stand-in, with a mishap or without.
    pub(crate) stand_in: fn(Option<Mishap>) -> Arc<dyn StandIn>,
    /// Failures of its own: name of the file, stand-in.
    pub(crate) own: Own,
}

/// The stand-in as it should be.
pub(crate) fn well(service: &Service) -> Arc<dyn StandIn> {
    (service.stand_in)(None)
}

/// In the order in which findings are told.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        vendor: "tmdb",
        key: KEY,
        path: "/3",
        settings: |url, key| format!("[providers.tmdb]\nkey = \"{key}\"\nbase_url = \"{url}\"\n"),
        stand_in: |mishap| {
            let tmdb = TmdbStandIn::new(KEY);
            tmdb.given_mishap(mishap);
            Arc::new(tmdb)
        },
        own: &[("wrong-types", || {
            let tmdb = TmdbStandIn::new(KEY);
            tmdb.given_mishap(Some(Mishap::WrongTypes));
            Arc::new(tmdb)
        })],
    },
    Service {
        vendor: "cinemeta",
        key: "",
        path: "",
        settings: |url, _| format!("[providers.cinemeta]\nbase_url = \"{url}\"\n"),
        stand_in: |mishap| {
            let cinemeta = CinemetaStandIn::new();
            cinemeta.given_mishap(mishap);
            Arc::new(cinemeta)
        },
        own: &[("wrong-clock", || Arc::new(OtherClock(CinemetaStandIn::new(), Duration::from_secs(2 * 3600))))],
    },
    Service {
        vendor: "prowlarr",
        key: KEY,
        path: "",
        settings: |url, key| format!("[[providers.prowlarr]]\nkey = \"{key}\"\nurl = \"{url}\"\n"),
        stand_in: |mishap| {
            let prowlarr = ProwlarrStandIn::new(KEY);
            prowlarr.given_mishap(mishap);
            Arc::new(prowlarr)
        },
        own: &[
            ("failing-indexers", || {
                let prowlarr = ProwlarrStandIn::new(KEY);
                prowlarr.given_failing_indexer();
                Arc::new(prowlarr)
            }),
            ("no-indexer", || {
                let prowlarr = ProwlarrStandIn::new(KEY);
                prowlarr.given_no_torrent_indexer();
                Arc::new(prowlarr)
            }),
            ("complains", || {
                let prowlarr = ProwlarrStandIn::new(KEY);
                prowlarr.given_complaint("Unable to reach the proxy with key 0123456789abcdef0123456789abcdef");
                Arc::new(prowlarr)
            }),
            ("other-program", || {
                let prowlarr = ProwlarrStandIn::new(KEY);
                prowlarr.given_other_program("Lidarr");
                Arc::new(prowlarr)
            }),
            // Its address has a part that the settings lack.
            ("url-base", || Arc::new(ProwlarrStandIn::new(KEY).with_url_base("/prowlarr"))),
        ],
    },
    Service {
        vendor: "torznab",
        key: KEY,
        path: "/api",
        settings: |url, key| format!("[[providers.torznab]]\nkey = \"{key}\"\nurl = \"{url}\"\n"),
        stand_in: |mishap| {
            let torznab = TorznabStandIn::new(KEY);
            torznab.given_mishap(mishap);
            Arc::new(torznab)
        },
        own: &[
            ("no-search", || Arc::new(TorznabStandIn::new(KEY).without_search())),
            // Its capabilities are there for anybody: the search tells that the key is wrong.
            ("other-key", || Arc::new(TorznabStandIn::new("another key").with_open_capabilities())),
            // Two questions.
            ("slow", || Arc::new(Slow(TorznabStandIn::new(KEY), Duration::from_millis(2_200)))),
        ],
    },
    Service {
        vendor: "alldebrid",
        key: KEY,
        path: "",
        settings: |url, key| format!("[[providers.alldebrid]]\nkey = \"{key}\"\nbase_url = \"{url}\"\n"),
        stand_in: |mishap| {
            let alldebrid = alldebrid();
            alldebrid.given_mishap(mishap);
            Arc::new(alldebrid)
        },
        own: &[
            ("expired", || {
                let alldebrid = alldebrid();
                alldebrid.given_premium(false);
                Arc::new(alldebrid)
            }),
            ("ends-soon", || {
                let alldebrid = alldebrid();
                alldebrid.given_premium_until(unix_s() + 60 * 3600);
                Arc::new(alldebrid)
            }),
            ("refused-address", || {
                let alldebrid = alldebrid();
                alldebrid.given_refused_address(true);
                Arc::new(alldebrid)
            }),
            ("maintenance", || {
                let alldebrid = alldebrid();
                alldebrid.given_maintenance(true);
                Arc::new(alldebrid)
            }),
        ],
    },
];

fn alldebrid() -> AllDebridStandIn {
    AllDebridStandIn::new(KEY, "http://media.example/".parse().unwrap())
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
