//! The whole path, step by step: a name, a title, its releases with the reasons of their ranks, a playable, a presentation.
//!
//! The real clients of TMDB, Prowlarr and AllDebrid ask stand-ins of these services on loopback, which speak the same wire formats and
//! know a few invented titles: no key and no account are needed. With your own keys, [`ProviderSet`] is all that changes.
//!
//! `cargo run -p prostream-examples --example whole_path [NAME]`
//!
//! [`ProviderSet`]: prostream_core::resolve::ProviderSet

use std::sync::Arc;
use std::time::Duration;

use prostream_core::hls::playlist;
use prostream_core::model::DeviceProfile;
use prostream_core::net::Call;
use prostream_core::playback::{PlaybackSource, StartPlayback};
use prostream_core::resolve::Viewer;
use prostream_core::{Error, ErrorKind, ProStream, Result};
use prostream_server::demo::StandIns;

#[tokio::main]
async fn main() -> Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "Paper Lanterns".to_owned());
    let stand_ins = StandIns::start().await?;
    let done = play_by_name(&stand_ins, &name).await;
    stand_ins.shutdown().await;
    done
}

async fn play_by_name(stand_ins: &StandIns, name: &str) -> Result<()> {
    let http = stand_ins.client()?;
    let engine = ProStream::builder().http(http.clone()).build()?;
    let mut viewer = Viewer::new("somebody", Arc::new(stand_ins.providers(&http)?));
    viewer.device = DeviceProfile::named("chromium").unwrap_or_else(DeviceProfile::any);
    // One deadline for everything that follows.
    let call = Call::within(Duration::from_secs(30));

    let titles = engine.search_titles(&call, &viewer, name).await?;
    let title = titles.first().ok_or_else(|| Error::new(ErrorKind::NotFound, "find title").detail(name.to_owned()))?;
    println!("title     {} ({})", title.name, title.media_id);

    // A series has no bytes, its episodes have.
    let described = engine.title(&call, &viewer, &title.media_id).await?;
    let media_id =
        if described.seasons.is_empty() { title.media_id.clone() } else { title.media_id.with_episode(1, 1) };

    let found = engine.find_releases(&call, &viewer, &media_id).await?;
    for candidate in &found.ranking.candidates {
        let reasons: Vec<_> = candidate.reasons.iter().map(|reason| reason.text.as_str()).collect();
        println!("release   {:4}  {}  ({})", candidate.score, candidate.release.name, reasons.join(", "));
    }
    for rejected in &found.ranking.rejected {
        println!("dropped         {}  ({})", rejected.release.name, rejected.reason);
    }

    // The best one that the debrid service has is unlocked. `start_playback` does this by itself; here it is shown.
    let resolution = engine.resolve(&call, &viewer, &media_id, None).await?;
    println!("playable  {} from {}", resolution.playable.file_name, resolution.playable.provider);

    let playback = engine.start_playback(&call, &viewer, &StartPlayback::new(PlaybackSource::Title(media_id))).await?;
    let film = playback.presentation();
    println!("\n{}", playlist::multivariant(film.as_ref()));
    for rendition in film.renditions() {
        let last = rendition.info().listed_durations_s().len().saturating_sub(1);
        let segment = rendition.segment(u32::try_from(last).unwrap_or(u32::MAX)).await?;
        println!("{}: segment {last} has {} bytes", rendition.info().name, segment.into_bytes().await?.len());
    }
    Ok(())
}
