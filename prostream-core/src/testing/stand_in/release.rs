//! What indexer stand-ins list.

use bytes::Bytes;
use http::{StatusCode, header};

use super::{StandInReply, wire};
use crate::model::{InfoHash, Magnet};

/// A release that an indexer stand-in lists.
#[derive(Clone, Debug, PartialEq)]
pub struct StandInRelease {
    /// Release name.
    pub name: String,
    /// Info hash; what the link leads to.
    pub info_hash: InfoHash,
    /// Is the info hash part of the listing? Otherwise it is only found behind the link.
    pub shows_hash: bool,
    /// Torrent file behind the link, in place of a redirect to a magnet.
    pub torrent_file: Option<Bytes>,
    /// Length in bytes; 0 is unknown.
    pub size_bytes: u64,
    /// Peers with all of it; `None` leaves the field out.
    pub seeder_count: Option<u32>,
    /// Newznab category: 2000 films, 5000 series, and their children.
    pub category: u32,
    /// Digits of the IMDb id; 0 is unknown.
    pub imdb_number: u64,
    /// `torrent` or `usenet`.
    pub protocol: &'static str,
    /// Days since it was listed.
    pub age_days: u32,
}

impl StandInRelease {
    /// A film with 25 seeders whose hash is listed.
    #[must_use]
    pub fn movie(name: impl Into<String>, info_hash: InfoHash, size_bytes: u64) -> Self {
        Self {
            name: name.into(),
            info_hash,
            shows_hash: true,
            torrent_file: None,
            size_bytes,
            seeder_count: Some(25),
            category: 2040,
            imdb_number: 0,
            protocol: "torrent",
            age_days: 12,
        }
    }

    /// The same for an episode or a season.
    #[must_use]
    pub fn series(name: impl Into<String>, info_hash: InfoHash, size_bytes: u64) -> Self {
        Self { category: 5040, ..Self::movie(name, info_hash, size_bytes) }
    }

    /// Does the name hold every word of `text`, as sites search?
    pub(super) fn matches_text(&self, text: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
        };
        let name = words(&self.name);
        words(text).iter().all(|word| name.contains(word))
    }

    /// Is it of one of these categories, or of a child of one? No category asks for all.
    pub(super) fn is_in(&self, categories: &[u32]) -> bool {
        categories.is_empty()
            || categories.iter().any(|&wanted| {
                wanted == self.category || (wanted % 1_000 == 0 && self.category / 1_000 == wanted / 1_000)
            })
    }

    /// Does it hold the episode, or the season, by its name? A day is its year as the season and `05/31` as the episode.
    pub(super) fn matches_episode(&self, season: Option<u32>, episode: Option<&str>) -> bool {
        let day = episode.and_then(|text| text.split_once('/'));
        match (season, day, episode.and_then(|text| text.parse::<u32>().ok())) {
            (Some(year), Some((month, day)), _) => self.matches_text(&format!("{year} {month} {day}")),
            (Some(season), None, Some(episode)) => self.matches_text(&format!("S{season:02}E{episode:02}")),
            (Some(season), None, None) => self.name.to_uppercase().contains(&format!("S{season:02}")),
            (None, _, _) => true,
        }
    }

    fn magnet(&self) -> Magnet {
        Magnet { name: Some(self.name.clone()), ..Magnet::from_hash(self.info_hash) }
    }

    /// What stands behind its download link.
    pub(super) fn download(&self, redirect: StatusCode) -> StandInReply {
        match &self.torrent_file {
            Some(file) => wire::reply(StatusCode::OK, "application/x-bittorrent", file.clone()),
            None => {
                let mut reply = wire::reply(redirect, "text/plain", Bytes::new());
                if let Ok(location) = self.magnet().to_uri().parse() {
                    reply.headers_mut().insert(header::LOCATION, location);
                }
                reply
            }
        }
    }
}
