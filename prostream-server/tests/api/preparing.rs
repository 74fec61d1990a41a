//! Titles that a service fetches first, over the demo's stand-ins.

use std::time::Duration;

use prostream_core::playback::{PlaybackConfig, PreparingConfig};
use prostream_core::testing::stand_in::StandInTorrent;
use prostream_server::demo::{FILM, StandIns};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, assert_problem, body};
use crate::over_stand_ins::{self, told};

const SLOW: &str = "A.Slow.Boat.Upriver.2022.480p.WEB-DL.AAC1.0.H.264-LUMEN";

/// A server that looks often how far a film is.
async fn start(stand_ins: &StandIns, folder: tempfile::TempDir) -> TestApp {
    let preparing = PreparingConfig { poll_interval: Duration::from_millis(100), ..PreparingConfig::default() };
    over_stand_ins::start(stand_ins, folder, PlaybackConfig { preparing, ..PlaybackConfig::default() }).await
}

/// The film that nobody has: its media id.
async fn slow(app: &TestApp, token: &str) -> String {
    let found = body(app.get_as(token, "/api/v1/titles?query=slow%20boat").await).await;
    found["titles"][0]["media_id"].as_str().unwrap().to_owned()
}

/// From now on the service takes so many looks to fetch it.
fn takes(stand_ins: &StandIns, looks: u32) {
    let torrent = StandInTorrent::new(hash(), SLOW).with_file(format!("{SLOW}.mkv"), FILM.len() as u64);
    stand_ins.alldebrid().given_torrent(torrent.ready_after(looks));
}

/// The demo's hashes are those of the names.
fn hash() -> prostream_core::model::InfoHash {
    use sha2::{Digest, Sha256};
    let mut hash = [0; 20];
    hash.iter_mut().zip(Sha256::digest(SLOW)).for_each(|(to, from)| *to = from);
    prostream_core::model::InfoHash(hash)
}

/// Goal: what nobody has is refused with advice, fetched for who says so, told as it comes, and plays at its place in the end; a second wish
/// leads to the same; and to others it does not exist.
#[tokio::test]
async fn a_title_is_fetched_and_plays() {
    let stand_ins = StandIns::start().await.unwrap();
    takes(&stand_ins, 8);
    let app = start(&stand_ins, tempfile::tempdir().unwrap()).await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let media_id = slow(&app, &mia).await;
    let reply = app.post_as(&mia, "/api/v1/playbacks", &json!({ "media_id": media_id })).await;
    assert!(assert_problem(reply, 409, "not_cached").await["advice"].is_string());
    let wrong = json!({ "url": "https://films.example/film.mkv", "prepare": true });
    assert_problem(app.post_as(&mia, "/api/v1/playbacks", &wrong).await, 400, "invalid_input").await;

    let wish = json!({ "media_id": media_id, "prepare": true, "start_s": 2.5 });
    let reply = app.post_as(&mia, "/api/v1/playbacks", &wish).await;
    assert_eq!(reply.status(), StatusCode::ACCEPTED);
    let location = reply.headers()["location"].to_str().unwrap().to_owned();
    let preparing = body(reply).await;
    let id = preparing["id"].as_str().unwrap();
    assert_eq!(location, format!("/api/v1/playbacks/{id}"));
    assert_eq!((&preparing["state"], &preparing["name"]), (&json!("preparing"), &json!(SLOW)));
    let again = app.post_as(&mia, "/api/v1/playbacks", &wish).await;
    assert_eq!((again.status(), body(again).await["id"].as_str()), (StatusCode::ACCEPTED, Some(id)));
    let shown = body(app.get_as(&mia, &location).await).await;
    assert_eq!((&shown["state"], &shown["start_s"]), (&json!("preparing"), &json!(2.5)));
    let listed = body(app.get_as(&mia, "/api/v1/playbacks").await).await;
    assert_eq!((&listed["preparing"][0]["id"], &listed["playbacks"]), (&json!(id), &json!([])));
    for (method, path) in [
        (Method::GET, location.clone()),
        (Method::GET, format!("{location}/events")),
        (Method::DELETE, location.clone()),
    ] {
        let reply = app.request(method, &path).bearer_auth(&leo).send().await.unwrap();
        assert_problem(reply, 404, "not_found").await;
    }

    let events = told(&app, &mia, id, &["ready", "failed"]).await;
    let (last, before) = events.split_last().unwrap();
    assert!(before.len() >= 2 && before.iter().all(|(name, _)| name == "preparing"), "{events:?}");
    let shares: Vec<f64> = before.iter().filter_map(|(_, data)| data["progress"].as_f64()).collect();
    assert!(shares.is_sorted() && shares.last() > shares.first(), "{shares:?}");
    assert!(before.iter().any(|(_, data)| data["speed_bytes_per_s"] == 1_000_000));
    assert!(before.iter().all(|(_, data)| data["elapsed_ms"].is_u64()));
    assert_eq!(last.0, "ready", "{last:?}");
    let playback = &last.1["playback"];
    assert_eq!((&playback["id"], &playback["state"], &playback["start_s"]), (&json!(id), &json!("ready"), &json!(2.5)));
    let playlist = app.get(playback["hls_url"].as_str().unwrap()).await.text().await.unwrap();
    assert!(playlist.starts_with("#EXTM3U"), "{playlist}");
    let shown = body(app.get_as(&mia, &location).await).await;
    assert_eq!((&shown["state"], &shown["hls_url"]), (&json!("ready"), &playback["hls_url"]));
    // Who comes late hears that it is ready, too.
    assert_eq!(told(&app, &mia, id, &["ready"]).await.len(), 1);
    let listed = body(app.get_as(&mia, "/api/v1/playbacks").await).await;
    assert_eq!((&listed["preparing"], &listed["playbacks"][0]["id"]), (&json!([]), &json!(id)));
    app.server.shutdown().await;
    stand_ins.shutdown().await;
}

/// Goal: a wish can be taken back; one that comes to nothing says why, as an event and for a while at its place.
#[tokio::test]
async fn a_wish_is_taken_back_or_fails() {
    let stand_ins = StandIns::start().await.unwrap();
    takes(&stand_ins, 1_000_000);
    let app = start(&stand_ins, tempfile::tempdir().unwrap()).await;
    let mia = app.user("mia").await;
    let wish = json!({ "media_id": slow(&app, &mia).await, "prepare": true });
    let path_of = |preparing: Value| format!("/api/v1/playbacks/{}", preparing["id"].as_str().unwrap());
    let path = path_of(body(app.post_as(&mia, "/api/v1/playbacks", &wish).await).await);
    assert_eq!(stand_ins.alldebrid().account_torrents(), [hash()]);
    let delete = async |path: &str| app.request(Method::DELETE, path).bearer_auth(&mia).send().await.unwrap();
    assert_eq!(delete(&path).await.status(), StatusCode::NO_CONTENT);
    assert_problem(app.get_as(&mia, &path).await, 404, "not_found").await;
    assert_problem(delete(&path).await, 404, "not_found").await;
    for _ in 0..500 {
        if stand_ins.alldebrid().account_torrents().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stand_ins.alldebrid().account_torrents(), []);

    let path = path_of(body(app.post_as(&mia, "/api/v1/playbacks", &wish).await).await);
    stand_ins.alldebrid().given_torrent(StandInTorrent::new(hash(), SLOW).failing());
    let events = told(&app, &mia, path.rsplit('/').next().unwrap(), &["ready", "failed"]).await;
    let (name, data) = events.last().unwrap();
    assert_eq!((name.as_str(), &data["error"]["code"]), ("failed", &json!("not_found")));
    assert!(data["error"]["detail"].is_string() && data["error"]["advice"].is_string(), "{data}");
    let shown = body(app.get_as(&mia, &path).await).await;
    assert_eq!((&shown["state"], &shown["error"]["detail"]), (&json!("failed"), &data["error"]["detail"]));
    app.server.shutdown().await;
    stand_ins.shutdown().await;
}

/// Goal: a server that starts again goes on with what was asked for before, and it plays at its place.
#[tokio::test]
async fn a_server_that_starts_again_goes_on() {
    let stand_ins = StandIns::start().await.unwrap();
    takes(&stand_ins, 1_000_000);
    let app = start(&stand_ins, tempfile::tempdir().unwrap()).await;
    let mia = app.user("mia").await;
    let wish = json!({ "media_id": slow(&app, &mia).await, "prepare": true });
    let preparing = body(app.post_as(&mia, "/api/v1/playbacks", &wish).await).await;
    let id = preparing["id"].as_str().unwrap();
    let TestApp { server, _folder: folder, .. } = app;
    server.shutdown().await;
    takes(&stand_ins, 3);

    let app = start(&stand_ins, folder).await;
    let mia = app.accounts.access_token_of("mia").await.unwrap();
    let events = told(&app, &mia, id, &["ready", "failed"]).await;
    let (name, data) = events.last().unwrap();
    assert_eq!((name.as_str(), &data["playback"]["id"]), ("ready", &json!(id)), "{data}");
    let playlist = app.get(data["playback"]["hls_url"].as_str().unwrap()).await.text().await.unwrap();
    assert!(playlist.starts_with("#EXTM3U"), "{playlist}");
    app.server.shutdown().await;
    stand_ins.shutdown().await;
}
