//! A provider of one's own: a shelf of films that this program knows, both as a metadata provider and as an indexer.
//!
//! A role is a trait. Whatever implements it stands beside the vendors that come with the library, under the same ranking, the same
//! deadlines and the same playback.
//!
//! `cargo run -p prostream-examples --example own_provider`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prostream_core::hls::playlist;
use prostream_core::model::{
    Location, MediaId, Playable, ProviderId, Release, Title, TitleId, TitleKind, TitleSummary,
};
use prostream_core::net::Call;
use prostream_core::playback::{PlaybackSource, StartPlayback};
use prostream_core::provider::indexer::{Indexer, Query, Releases};
use prostream_core::provider::metadata::{MetadataProvider, TitleRequest, TitleSearch};
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_core::{Error, ErrorKind, ProStream, Result};

/// A film on the shelf.
#[derive(Debug)]
struct Film {
    /// Its id is `local:` and this.
    id: &'static str,
    name: &'static str,
    year: u16,
    release_name: &'static str,
    path: PathBuf,
}

/// Films that this program knows.
#[derive(Debug)]
struct Shelf {
    id: ProviderId,
    films: Vec<Film>,
}

impl Shelf {
    fn new() -> Self {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../prostream-server/assets/demo-film.mkv"));
        let film = |id, name, year, release_name| Film { id, name, year, release_name, path: path.clone() };
        Self {
            id: ProviderId::new("shelf"),
            films: vec![
                film("lanterns", "Paper Lanterns at Noon", 2019, "Paper.Lanterns.at.Noon.2019.360p.WEB-DL.H.264-SHELF"),
                film("buses", "2047", 2016, "2047.2016.360p.WEB-DL.H.264-SHELF"),
            ],
        }
    }
}

impl Film {
    fn summary(&self) -> TitleSummary {
        TitleSummary {
            media_id: MediaId::of_title(TitleId::Local(self.id.to_owned())),
            kind: TitleKind::Movie,
            name: self.name.to_owned(),
            year: Some(self.year),
            overview: None,
            poster_url: None,
        }
    }

    /// A release that needs no debrid service: its file is already here.
    fn release(&self, shelf: &ProviderId) -> Release {
        Release {
            indexer: shelf.clone(),
            tracker: None,
            name: self.release_name.to_owned(),
            info_hash: None,
            link: None,
            size_bytes: None,
            seeder_count: None,
            age_days: None,
            playable: Some(Playable {
                location: Location::File(self.path.clone()),
                file_name: format!("{}.mkv", self.release_name),
                size_bytes: None,
                info_hash: None,
                provider: shelf.clone(),
                expires_at: None,
            }),
        }
    }
}

#[async_trait]
impl MetadataProvider for Shelf {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _call: &Call, request: &TitleSearch) -> Result<Vec<TitleSummary>> {
        let text = request.text.to_lowercase();
        let fits = |film: &&Film| film.name.to_lowercase().contains(&text);
        Ok(self.films.iter().filter(fits).map(Film::summary).collect())
    }

    async fn title(&self, _call: &Call, request: &TitleRequest) -> Result<Title> {
        let film = self.films.iter().find(|film| film.summary().media_id == request.media_id);
        let film = film.ok_or_else(|| Error::new(ErrorKind::NotFound, "describe title").at(self.id.to_string()))?;
        Ok(Title {
            summary: film.summary(),
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: Some(1),
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: None,
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
        // Everything on the shelf: whether a release holds what is asked for is decided from its name by whoever asked.
        let _ = query;
        let releases = self.films.iter().map(|film| film.release(&self.id)).collect();
        Ok(Releases { releases, ..Releases::default() })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let shelf = Arc::new(Shelf::new());
    let providers = ProviderSet { metadata: vec![shelf.clone()], indexers: vec![shelf], ..ProviderSet::default() };
    let viewer = Viewer::new("somebody", Arc::new(providers));
    let engine = ProStream::builder().build()?;
    let call = Call::within(Duration::from_secs(10));

    let titles = engine.search_titles(&call, &viewer, "lanterns").await?;
    let title = titles.first().ok_or_else(|| Error::new(ErrorKind::NotFound, "find title"))?;
    println!("{} is {}", title.name, title.media_id);
    let request = StartPlayback::new(PlaybackSource::Title(title.media_id.clone()));
    let playback = engine.start_playback(&call, &viewer, &request).await?;
    println!("plays {}", playback.file_name());
    println!("{}", playlist::multivariant(playback.presentation().as_ref()));
    Ok(())
}
