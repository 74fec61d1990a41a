//! The invented titles of the demo, their releases, and which of them the debrid service has.

use prostream_core::model::InfoHash;
use prostream_core::testing::stand_in::{
    StandInEpisode, StandInMovie, StandInRelease, StandInSeason, StandInSeries, StandInTorrent, TmdbStandIn,
};

/// A title and everything the stand-ins know of it.
pub(super) struct DemoTitle {
    pub(super) tmdb_id: u64,
    pub(super) name: &'static str,
    overview: &'static str,
    genre: &'static str,
    first_date: &'static str,
    /// Names of the episodes of its only season; empty for a film.
    episodes: &'static [&'static str],
    pub(super) releases: Vec<DemoRelease>,
}

/// A release of it.
pub(super) struct DemoRelease {
    pub(super) name: &'static str,
    seeder_count: u32,
    has: Has,
}

/// What the debrid service has of it.
enum Has {
    /// These files, at once; each is the demo film.
    Films(Vec<String>),
    /// Nothing yet of so many bytes: it would have to be fetched.
    Nothing(u64),
    /// Nothing yet, but it is fetched within a few looks: this file, the demo film.
    Later(String),
}

/// So many looks it takes until what is fetched is there.
const LOOKS: u32 = 6;

/// A release of one file that is there.
fn ready(name: &'static str, seeder_count: u32) -> DemoRelease {
    DemoRelease { name, seeder_count, has: Has::Films(vec![format!("{name}.mkv")]) }
}

/// A release that is not there, of this many megabytes.
fn absent(name: &'static str, megabytes: u64, seeder_count: u32) -> DemoRelease {
    DemoRelease { name, seeder_count, has: Has::Nothing(megabytes * 1_000_000) }
}

/// A release of one file that is not there, and is fetched soon.
fn slow(name: &'static str, seeder_count: u32) -> DemoRelease {
    DemoRelease { name, seeder_count, has: Has::Later(format!("{name}.mkv")) }
}

/// A release of a whole season that is there.
fn pack(name: &'static str, files: &[&str], seeder_count: u32) -> DemoRelease {
    DemoRelease { name, seeder_count, has: Has::Films(files.iter().map(|file| format!("{file}.mkv")).collect()) }
}

/// All of them.
pub(super) fn all() -> Vec<DemoTitle> {
    vec![
        DemoTitle {
            tmdb_id: 900_001,
            name: "Paper Lanterns at Noon",
            overview: "A lamplighter who was never needed by day finds out what noon is for. A generated minute of colour, counting every frame of itself.",
            genre: "Drama",
            first_date: "2019-05-04",
            episodes: &[],
            releases: vec![
                ready("Paper.Lanterns.at.Noon.2019.480p.WEB-DL.AAC1.0.H.264-LUMEN", 58),
                ready("Paper.Lanterns.at.Noon.2019.360p.WEBRip.AAC1.0.x264-TINDER", 21),
                absent("Paper.Lanterns.at.Noon.2019.1080p.BluRay.x265.AAC5.1-WICK", 40, 12),
                absent("Paper.Lanterns.at.Noon.2019.HDCAM.x264-GLARE", 7, 140),
                absent("The.Making.of.Paper.Lanterns.at.Noon.2019.720p.WEB-DL.H.264-LUMEN", 20, 33),
            ],
        },
        DemoTitle {
            tmdb_id: 900_002,
            name: "The Cartographer's Apprentice",
            overview: "She is told to draw the coast as it is. The coast disagrees.",
            genre: "Adventure",
            first_date: "2021-09-17",
            episodes: &[],
            releases: vec![
                absent("The.Cartographers.Apprentice.2021.720p.WEB-DL.AAC2.0.H.264-QUILL", 22, 75),
                ready("The.Cartographers.Apprentice.2021.480p.WEB-DL.AAC1.0.H.264-LUMEN", 40),
                ready("The Cartographers Apprentice (2021) 360p WEBRip x264 AAC", 9),
            ],
        },
        DemoTitle {
            tmdb_id: 900_003,
            name: "2047",
            overview: "A year, a bus line and a film whose title is a number.",
            genre: "Science Fiction",
            first_date: "2016-02-11",
            episodes: &[],
            releases: vec![ready("2047.2016.480p.WEB-DL.AAC1.0.H.264-LUMEN", 14)],
        },
        DemoTitle {
            tmdb_id: 900_005,
            name: "A Slow Boat Upriver",
            overview: "Nobody has it yet. It is on its way, and it says how far it has come.",
            genre: "Drama",
            first_date: "2022-03-08",
            episodes: &[],
            releases: vec![slow("A.Slow.Boat.Upriver.2022.480p.WEB-DL.AAC1.0.H.264-LUMEN", 3)],
        },
        DemoTitle {
            tmdb_id: 900_004,
            name: "Harbour Lights",
            overview: "Three nights in a port where the lighthouse answers back.",
            genre: "Mystery",
            first_date: "2020-10-01",
            episodes: &["Low Water", "The Second Keeper", "Fog Signal"],
            releases: vec![
                pack(
                    "Harbour.Lights.S01.480p.WEB-DL.AAC1.0.H.264-LUMEN",
                    &[
                        "Harbour.Lights.S01E01.Low.Water.480p.WEB-DL.AAC1.0.H.264-LUMEN",
                        "Harbour.Lights.S01E02.The.Second.Keeper.480p.WEB-DL.AAC1.0.H.264-LUMEN",
                        "Harbour.Lights.S01E03.Fog.Signal.480p.WEB-DL.AAC1.0.H.264-LUMEN",
                    ],
                    64,
                ),
                ready("Harbour.Lights.S01E01.Low.Water.360p.WEBRip.x264-TINDER", 11),
                absent("Harbour.Lights.S01E02.1080p.WEB-DL.AAC2.0.H.264-QUILL", 45, 8),
            ],
        },
    ]
}

impl DemoTitle {
    /// The files that the film host serves for it.
    pub(super) fn file_names(self) -> Vec<String> {
        let files = self.releases.into_iter().map(|release| match release.has {
            Has::Films(files) => files,
            Has::Later(file) => vec![file],
            Has::Nothing(_) => Vec::new(),
        });
        files.flatten().collect()
    }

    /// Tells the metadata stand-in of it.
    pub(super) fn describe(&self, tmdb: TmdbStandIn) -> TmdbStandIn {
        let genres = vec![self.genre.to_owned()];
        if self.episodes.is_empty() {
            return tmdb.with_movie(StandInMovie {
                tmdb_id: self.tmdb_id,
                imdb_id: Some(self.imdb_id()),
                title: self.name.to_owned(),
                release_date: self.first_date.to_owned(),
                runtime_min: 1,
                overview: self.overview.to_owned(),
                genres,
                ..StandInMovie::default()
            });
        }
        let episodes = self.episodes.iter().map(|name| StandInEpisode {
            name: (*name).to_owned(),
            air_date: self.first_date.to_owned(),
            overview: String::new(),
            runtime_min: 1,
        });
        tmdb.with_series(StandInSeries {
            tmdb_id: self.tmdb_id,
            imdb_id: Some(self.imdb_id()),
            name: self.name.to_owned(),
            first_air_date: self.first_date.to_owned(),
            overview: self.overview.to_owned(),
            genres,
            seasons: vec![StandInSeason { number: 1, name: "Season 1".to_owned(), episodes: episodes.collect() }],
            ..StandInSeries::default()
        })
    }

    /// IMDb has given out no number of nine digits that begins with 99.
    pub(super) fn imdb_id(&self) -> String {
        format!("tt99{:07}", self.tmdb_id)
    }

    fn is_series(&self) -> bool {
        !self.episodes.is_empty()
    }
}

impl DemoRelease {
    /// As the indexer lists it, where each of its files has `film_bytes`.
    pub(super) fn listed(&self, title: &DemoTitle, film_bytes: u64) -> StandInRelease {
        let size_bytes = match &self.has {
            Has::Films(files) => film_bytes * files.len() as u64,
            Has::Nothing(size_bytes) => *size_bytes,
            Has::Later(_) => film_bytes,
        };
        let release = if title.is_series() {
            StandInRelease::series(self.name, self.info_hash(), size_bytes)
        } else {
            StandInRelease::movie(self.name, self.info_hash(), size_bytes)
        };
        StandInRelease { seeder_count: Some(self.seeder_count), ..release }
    }

    /// As the debrid service knows it, where each of its files has `film_bytes`.
    pub(super) fn held(&self, film_bytes: u64) -> StandInTorrent {
        let torrent = StandInTorrent::new(self.info_hash(), self.name);
        match &self.has {
            Has::Films(files) if files.len() > 1 => files
                .iter()
                .fold(torrent, |torrent, file| torrent.with_file(format!("{}/{file}", self.name), film_bytes)),
            Has::Films(files) => files.iter().fold(torrent, |torrent, file| torrent.with_file(file, film_bytes)),
            Has::Later(file) => torrent.with_file(file, film_bytes).ready_after(LOOKS),
            // Far more looks than anybody takes in a demo.
            Has::Nothing(size_bytes) => torrent.with_file(format!("{}.mkv", self.name), *size_bytes).ready_after(1_000),
        }
    }

    /// Invented: a hash of the name.
    fn info_hash(&self) -> InfoHash {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(self.name.as_bytes());
        let mut hash = [0; 20];
        hash.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        InfoHash(hash)
    }
}
