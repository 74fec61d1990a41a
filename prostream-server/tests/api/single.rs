use std::sync::Arc;

use prostream_core::net::Call;
use prostream_core::playback::{PlaybackSource, StartPlayback};
use prostream_core::resolve::{ProviderSet, Viewer};
use prostream_server::serve_single;
use reqwest::StatusCode;
use std::time::Duration;

use crate::app::{assets, config, film_and_engine};

/// Goal: a server of one playback plays it with its token, shows the page, and has nothing else: no accounts, no API.
#[tokio::test]
async fn one_playback_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (film, engine) = film_and_engine(&folder);
    let engine = engine.build().unwrap();
    let viewer = Viewer::new("local", Arc::new(ProviderSet::default()));
    let call = Call::within(Duration::from_secs(10));
    let playback =
        engine.start_playback(&call, &viewer, &StartPlayback::new(PlaybackSource::Path(film))).await.unwrap();
    let (server, token) = serve_single(config(), playback, assets()).await.unwrap();
    let base = format!("http://{}", server.addresses()[0]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = |path: String| {
        let request = http.get(format!("{base}{path}"));
        async move { request.send().await.unwrap().status() }
    };
    for path in
        ["/".to_owned(), "/health/ready".to_owned(), format!("/hls/{token}/main.m3u8"), format!("/hls/{token}/file")]
    {
        assert_eq!(status(path.clone()).await, StatusCode::OK, "{path}");
    }
    for path in ["/api/v1/me", "/api/v1/titles?query=a", "/openapi.json", "/docs", "/hls/x/main.m3u8"] {
        assert_eq!(status(path.to_owned()).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(server.shutdown().await);
}
