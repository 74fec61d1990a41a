//! Ten lines from a file to what a player asks for.
//!
//! `cargo run -p prostream-examples --example file_to_playlist [FILE]`

use std::path::PathBuf;

use prostream_core::{ProStream, Result, hls::playlist, model::DeviceProfile};

/// Played when no file is named: the film that the server ships for its demo.
const DEMO_FILM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../prostream-server/assets/demo-film.mkv");

#[tokio::main]
async fn main() -> Result<()> {
    let path = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| DEMO_FILM.into()));
    let film = ProStream::builder().build()?.open_file(&path, &DeviceProfile::any()).await?;
    println!("{}", playlist::multivariant(film.as_ref()));
    for rendition in film.renditions() {
        println!("{}: {}", rendition.info().name, rendition.info().track.codec_string);
        println!("{}", playlist::media(film.as_ref(), rendition.info()));
        let init = rendition.init().await?;
        let first = rendition.segment(0).await?.into_bytes().await?;
        println!("init segment of {} bytes, first segment of {} bytes\n", init.len(), first.len());
    }
    Ok(())
}
