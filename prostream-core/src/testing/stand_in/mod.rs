//! Stand-ins of the outside services: pure functions from request to reply that speak the real wire formats, errors and limits.
//! Tests mount them on a mock server, `prostream demo` on a listener inside its process.

mod alldebrid;
mod cinemeta;
mod debrid_link;
mod film_host;
mod mishap;
mod opensubtitles;
mod premiumize;
mod prowlarr;
mod real_debrid;
mod release;
mod subtitle;
mod titles;
mod tmdb;
mod torbox;
mod torrent;
mod torrent_file;
mod torznab;
mod wire;

use bytes::Bytes;

pub use alldebrid::AllDebridStandIn;
pub use cinemeta::CinemetaStandIn;
pub use debrid_link::DebridLinkStandIn;
pub use film_host::{FilmHost, FilmRequest};
pub use mishap::{Mishap, OtherTypes};
pub use opensubtitles::OpenSubtitlesStandIn;
pub use premiumize::PremiumizeStandIn;
pub use prowlarr::ProwlarrStandIn;
pub use real_debrid::RealDebridStandIn;
pub use release::StandInRelease;
pub use subtitle::StandInSubtitle;
pub use titles::{StandInEpisode, StandInMovie, StandInSeason, StandInSeries, StandInTranslation};
pub use tmdb::TmdbStandIn;
pub use torbox::TorBoxStandIn;
pub use torrent::{StandInTorrent, StandInUnlock};
pub use torznab::TorznabStandIn;

/// A request as a stand-in sees it: method, path and query in the URI, headers, whole body.
pub type StandInRequest = http::Request<Bytes>;

/// What it answers.
pub type StandInReply = http::Response<Bytes>;

/// An outside service, played by us. State lies behind `&self` (a mutex inside), so that tests can set the stage while it runs.
pub trait StandIn: Send + Sync + std::fmt::Debug + 'static {
    /// Answers one request.
    fn reply(&self, request: &StandInRequest) -> StandInReply;
}
