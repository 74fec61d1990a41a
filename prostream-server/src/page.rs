//! The files of the page, built into the program.

use crate::{Asset, Assets};

/// All of them. `hls.js` is empty when the build had no Node: the page then uses what the browser plays by itself.
#[must_use]
pub fn assets() -> Assets {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    Assets::new(vec![
        Asset::new("index.html", "text/html; charset=utf-8", include_bytes!("../ui/index.html")),
        Asset::new("style.css", "text/css; charset=utf-8", include_bytes!("../ui/style.css")),
        Asset::new("icon.svg", "image/svg+xml", include_bytes!("../ui/icon.svg")),
        Asset::new("app.js", SCRIPT, include_bytes!("../ui/app.js")),
        Asset::new("api.js", SCRIPT, include_bytes!("../ui/api.js")),
        Asset::new("fetching.js", SCRIPT, include_bytes!("../ui/fetching.js")),
        Asset::new("links.js", SCRIPT, include_bytes!("../ui/links.js")),
        Asset::new("player.js", SCRIPT, include_bytes!("../ui/player.js")),
        Asset::new("position.js", SCRIPT, include_bytes!("../ui/position.js")),
        Asset::new("releases.js", SCRIPT, include_bytes!("../ui/releases.js")),
        Asset::new("subtitles.js", SCRIPT, include_bytes!("../ui/subtitles.js")),
        Asset::new("hls.js", SCRIPT, include_bytes!(concat!(env!("OUT_DIR"), "/hls.js"))),
    ])
}
