//! What becomes of a playback, as events.

use std::time::Duration;

use bytes::Bytes;
use prostream_core::playback::PlaybackConfig;
use prostream_core::source::BlockCacheConfig;
use prostream_server::demo::{FILM, StandIns};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{TestApp, assert_problem, body};
use crate::over_stand_ins::{start, told};

/// So long after it was first read the file of the first release is gone: more than opening takes in a debug build on a busy machine.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// The demo's film with some megabytes of nothing behind it (an EBML Void element): opening reads both ends of a file and keeps them, which
/// would be the whole of the film alone.
fn film() -> Bytes {
    const NOTHING_BYTES: usize = 4 << 20;
    let mut void = vec![0xEC, 0x10];
    void.extend(&u32::try_from(NOTHING_BYTES).unwrap().to_be_bytes()[1..]);
    [FILM, &void, &vec![0; NOTHING_BYTES]].concat().into()
}

/// Goal: who follows a playback whose file dies hears at the route of another one: its address, which plays at the time that is told, and why;
/// without a sign-in, for others' and for unknown playbacks nothing is told.
/// Method: a host that loses what it served first; nothing that was read is kept, so that the segment that is asked for cannot be had.
#[tokio::test]
async fn a_lost_file_is_told_with_what_goes_on() {
    let stand_ins = StandIns::start_with(film(), Some(LOST_AFTER)).await.unwrap();
    let blocks =
        BlockCacheConfig { budget_bytes: 0, file_budget_bytes: 0, block_size: 4 << 10, ..BlockCacheConfig::default() };
    let playback = PlaybackConfig { blocks, ..PlaybackConfig::default() };
    let app = start(&stand_ins, tempfile::tempdir().unwrap(), playback).await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let found = body(app.get_as(&mia, "/api/v1/titles?query=paper%20lanterns").await).await;
    let wish = json!({ "media_id": found["titles"][0]["media_id"], "device": "chromium" });
    let reply = app.post_as(&mia, "/api/v1/playbacks", &wish).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    let playback = body(reply).await;
    let (id, path) = (playback["id"].as_str().unwrap(), playback["hls_url"].as_str().unwrap());

    let events = format!("/api/v1/playbacks/{id}/events");
    assert_problem(app.get(&events).await, 401, "unauthorized").await;
    assert_problem(app.get_as(&leo, &events).await, 404, "not_found").await;
    let unknown = "/api/v1/playbacks/00112233445566778899aabbccddeeff/events";
    assert_problem(app.get_as(&mia, unknown).await, 404, "not_found").await;

    let segments = segments(&app, path).await;
    let wanted = segments.len() - 2;
    let asking = async {
        tokio::time::sleep(LOST_AFTER + Duration::from_secs(1)).await;
        let (address, _) = &segments[wanted];
        assert_ne!(app.get(address).await.status(), StatusCode::OK, "the file is lost");
    };
    let (told, ()) = tokio::join!(told(&app, &mia, id, &["next", "failed"]), asking);
    let (name, data) = told.last().unwrap();
    assert_eq!((name.as_str(), told.len()), ("next", 1), "{told:?}");
    let before: f64 = segments[..wanted].iter().map(|(_, duration_s)| duration_s).sum();
    let start_s = data["start_s"].as_f64().unwrap();
    assert!((start_s - before).abs() < 0.1, "{start_s} {before}");
    assert!(data["because"]["code"].is_string() && data["because"]["title"].is_string(), "{data}");
    let next = &data["playback"];
    assert_eq!((&next["state"], &next["start_s"]), (&json!("ready"), &data["start_s"]));
    assert!(next["id"] != playback["id"] && next["name"] != playback["name"], "{next}");
    let text = app.get(next["hls_url"].as_str().unwrap()).await.text().await.unwrap();
    assert!(text.contains("#EXT-X-START:TIME-OFFSET="), "{text}");
    let (address, _) = &self::segments(&app, next["hls_url"].as_str().unwrap()).await[wanted];
    assert_eq!(app.get(address).await.status(), StatusCode::OK, "it goes on where the other was lost");
    // It is another playback of the same viewer, and of nobody else.
    let next_events = format!("/api/v1/playbacks/{}/events", next["id"].as_str().unwrap());
    assert_problem(app.get_as(&leo, &next_events).await, 404, "not_found").await;
    let ended = app.request(Method::DELETE, &format!("/api/v1/playbacks/{id}")).bearer_auth(&mia).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_problem(app.get_as(&mia, &events).await, 404, "not_found").await;
    app.server.shutdown().await;
    stand_ins.shutdown().await;
}

/// Addresses of the first variant's segments, with their durations in seconds.
async fn segments(app: &TestApp, main: &str) -> Vec<(String, f64)> {
    let folder = |path: &str| path.split('?').next().unwrap().rsplit_once('/').unwrap().0.to_owned();
    let list = app.get(main).await.text().await.unwrap();
    let variant = list.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap();
    let variant = format!("{}/{variant}", folder(main));
    let list = app.get(&variant).await.text().await.unwrap();
    let mut duration_s = 0.0;
    let mut segments = Vec::new();
    for line in list.lines() {
        match line.strip_prefix("#EXTINF:") {
            Some(rest) => duration_s = rest.trim_end_matches(',').parse().unwrap(),
            None if !line.starts_with('#') && !line.is_empty() => {
                segments.push((format!("{}/{line}", folder(&variant)), duration_s));
            }
            None => {}
        }
    }
    assert!(segments.len() > 4, "{list}");
    segments
}
