//! The services, one row each: how it is set up, its stand-in, and the failures that only it has. What can happen to any of them
//! (`well`, `wrong-key`, [`MISHAPS`], `no-tls`, `not-allowed`, `dead-port`) comes by itself.
//!
//! A further service is a row here and its name in `service_tests!`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prostream_core::testing::stand_in::{
    AllDebridStandIn, CinemetaStandIn, DebridLinkStandIn, Mishap, OpenSubtitlesStandIn, PremiumizeStandIn,
    ProwlarrStandIn, RealDebridStandIn, StandIn, TmdbStandIn, TorBoxStandIn, TorznabStandIn,
};
use url::Url;

use crate::stage::{OtherClock, Slow};

/// A key that no stand-in takes.
pub(crate) const WRONG_KEY: &str = "ffffffffffffffffffffffffffffffff";

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Of the user of services that have some.
pub(crate) const PASSWORD: &str = "p4sswordOfMia";

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

/// A debrid service: its name, what makes its stand-in, and what can happen to it alone.
macro_rules! debrid {
    ($vendor:literal, $make:ident, [$($golden:literal => |$stand_in:ident| $happens:expr,)*]) => {
        Service {
            vendor: $vendor,
            key: KEY,
            path: "",
            settings: |url, key| {
                format!(concat!("[[providers.", $vendor, "]]\nkey = \"{}\"\nbase_url = \"{}\"\n"), key, url)
            },
            stand_in: |mishap| {
                let stand_in = $make();
                stand_in.given_mishap(mishap);
                Arc::new(stand_in)
            },
            own: &[$(($golden, || {
                let $stand_in = $make();
                $happens;
                Arc::new($stand_in)
            }),)*],
        }
    };
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
    debrid!("alldebrid", alldebrid, [
        "expired" => |stand_in| stand_in.given_premium(false),
        "ends-soon" => |stand_in| stand_in.given_premium_until(unix_s() + 60 * 3600),
        "refused-address" => |stand_in| stand_in.given_refused_address(true),
        "maintenance" => |stand_in| stand_in.given_maintenance(true),
    ]),
    debrid!("real_debrid", real_debrid, [
        "expired" => |stand_in| stand_in.given_premium(false),
    ]),
    debrid!("premiumize", premiumize, [
        "expired" => |stand_in| stand_in.given_premium(false),
        "used-up" => |stand_in| stand_in.given_limit_used(1.0),
        "nearly-used-up" => |stand_in| stand_in.given_limit_used(0.95),
    ]),
    debrid!("debrid_link", debrid_link, [
        "expired" => |stand_in| stand_in.given_premium(false),
        "used-up" => |stand_in| stand_in.given_used_up_quota(),
    ]),
    debrid!("torbox", torbox, [
        "expired" => |stand_in| stand_in.given_plan(false),
        "refused-address" => |stand_in| stand_in.given_refused_address(true),
    ]),
    Service {
        vendor: "opensubtitles",
        key: KEY,
        path: "/api/v1",
        settings: |url, key| {
            let user = format!("user = \"mia\"\npassword = \"{PASSWORD}\"");
            format!("[providers.opensubtitles]\nkey = \"{key}\"\n{user}\nbase_url = \"{url}\"\n")
        },
        stand_in: |mishap| {
            let opensubtitles = OpenSubtitlesStandIn::new(KEY, "mia", PASSWORD);
            opensubtitles.given_mishap(mishap);
            Arc::new(opensubtitles)
        },
        own: &[
            ("wrong-password", || Arc::new(OpenSubtitlesStandIn::new(KEY, "mia", "another password"))),
            ("used-up", || {
                let opensubtitles = OpenSubtitlesStandIn::new(KEY, "mia", PASSWORD);
                opensubtitles.given_downloads_left(0);
                Arc::new(opensubtitles)
            }),
        ],
    },
];

fn alldebrid() -> AllDebridStandIn {
    AllDebridStandIn::new(KEY, media())
}

fn real_debrid() -> RealDebridStandIn {
    RealDebridStandIn::new(KEY, media())
}

fn premiumize() -> PremiumizeStandIn {
    PremiumizeStandIn::new(KEY, "program", media())
}

fn debrid_link() -> DebridLinkStandIn {
    DebridLinkStandIn::new(KEY, "program", media())
}

fn torbox() -> TorBoxStandIn {
    TorBoxStandIn::new(KEY, media())
}

fn media() -> Url {
    "http://media.example/".parse().unwrap()
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
