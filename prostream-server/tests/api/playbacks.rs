use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{FILM_ID, TestApp, assert_problem, body};

/// Goal: a title becomes a playback whose every playlist and segment is there, typed, cacheable and as long as announced.
#[tokio::test]
async fn a_title_plays_to_its_end() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let wish = json!({ "media_id": FILM_ID, "device": "chromium", "start_s": 3.5 });
    let reply = app.post_as(&token, "/api/v1/playbacks", &wish).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    let location = reply.headers()["location"].to_str().unwrap().to_owned();
    let playback = body(reply).await;
    assert_eq!(location, format!("/api/v1/playbacks/{}", playback["id"].as_str().unwrap()));
    assert_eq!((playback["state"].as_str(), playback["start_s"].as_f64()), (Some("ready"), Some(3.5)));
    assert!(playback["tracks"].as_array().unwrap().len() >= 3);
    assert!(!playback["why"].as_array().unwrap().is_empty());

    let main = playback["hls_url"].as_str().unwrap();
    let main = main.strip_suffix("?t=3.5").expect("the start stands in the address");
    let reply = app.get(main).await;
    assert_eq!(reply.headers()["content-type"], "application/vnd.apple.mpegurl");
    assert_eq!(reply.headers()["cache-control"], "private, no-store");
    let base = main.strip_suffix("main.m3u8").unwrap();
    let playlists = addresses(&reply.text().await.unwrap());
    assert!(playlists.len() >= 4, "{playlists:?}");
    for playlist in playlists {
        let reply = app.get(&format!("{base}{playlist}")).await;
        assert_eq!(reply.status(), StatusCode::OK, "{playlist}");
        assert_eq!(reply.headers()["cache-control"], "private, no-store");
        let folder = playlist.rsplit_once('/').unwrap().0.to_owned();
        for segment in addresses(&reply.text().await.unwrap()) {
            let address = format!("{base}{folder}/{segment}");
            let reply = app.get(&address).await;
            assert_eq!(reply.status(), StatusCode::OK, "{address}");
            assert_eq!(reply.headers()["cache-control"], "private, max-age=31536000, immutable");
            let content_type = reply.headers()["content-type"].to_str().unwrap().to_owned();
            assert!(
                ["video/mp4", "audio/mp4", "text/vtt"].iter().any(|known| content_type.starts_with(known)),
                "{content_type}"
            );
            let etag = reply.headers()["etag"].clone();
            let announced = reply.content_length();
            assert_eq!(announced, Some(reply.bytes().await.unwrap().len() as u64));
            let again = app.request(Method::GET, &address).header("if-none-match", etag.clone()).send().await.unwrap();
            assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &etag));
            let head = app.request(Method::HEAD, &address).send().await.unwrap();
            assert_eq!(
                head.headers().get("content-length").map(|length| length.to_str().unwrap().parse().unwrap()),
                announced
            );
        }
    }
}

/// Goal: who goes on in the middle of a film is taken there by the playlist; a start that makes no sense is refused, and what else stands in
/// a query changes nothing.
#[tokio::test]
async fn a_start_is_told_to_players() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let wish = json!({ "path": app.film, "start_s": 3.5 });
    let playback = body(app.post_as(&token, "/api/v1/playbacks", &wish).await).await;
    let started = playback["hls_url"].as_str().unwrap();
    let plain = started.split('?').next().unwrap();
    let start_of = async |address: String| {
        let text = app.get(&address).await.text().await.unwrap();
        assert!(text.starts_with("#EXTM3U"), "{text}");
        text.lines().find(|line| line.starts_with("#EXT-X-START")).map(str::to_owned)
    };
    let expected = Some("#EXT-X-START:TIME-OFFSET=3.500000,PRECISE=YES".to_owned());
    assert_eq!(start_of(started.to_owned()).await, expected);
    assert_eq!(start_of(format!("{plain}?t=3.5&reload=1")).await, expected);
    assert_eq!(start_of(plain.to_owned()).await, None);
    assert_eq!(start_of(format!("{plain}?reload=1")).await, None);
    for bad in ["-1", "x", "", "NaN", "inf", "1e300", "1&t=2"] {
        assert_problem(app.get(&format!("{plain}?t={bad}")).await, 400, "invalid_input").await;
    }
}

/// Every address of a playlist: its plain lines and the `URI` attributes.
fn addresses(playlist: &str) -> Vec<String> {
    playlist
        .lines()
        .filter_map(|line| match line.split_once("URI=\"") {
            Some((_, rest)) => rest.split('"').next(),
            None => (!line.starts_with('#') && !line.is_empty()).then_some(line),
        })
        .map(str::to_owned)
        .collect()
}

/// Goal: exactly one source, no unknown field, nothing outside the library, nothing on the inside of the network.
#[tokio::test]
async fn wishes_are_checked() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let film = app.film.to_str().unwrap();
    let outside = app.film.parent().unwrap().parent().unwrap().join("prostream.db");
    let traversal = app.film.parent().unwrap().join("../prostream.db");
    let own = format!("{}/health/live", app.base);
    for (wish, status, code) in [
        (json!({}), 400, "invalid_input"),
        (json!({ "path": film, "media_id": FILM_ID }), 400, "invalid_input"),
        (json!({ "path": film, "owner": "leo" }), 400, "invalid_input"),
        (json!({ "path": film, "release": "r0" }), 400, "invalid_input"),
        (json!({ "path": film, "start_s": -1 }), 400, "invalid_input"),
        (json!({ "path": film, "start_s": 1e300 }), 400, "invalid_input"),
        (json!({ "path": film, "device": "toaster" }), 400, "invalid_input"),
        (json!({ "path": film, "device": { "wheels": 4 } }), 400, "invalid_input"),
        (json!({ "media_id": "nothing" }), 400, "invalid_input"),
        (json!({ "media_id": "tt0000001" }), 404, "not_found"),
        (json!({ "url": "film.mkv" }), 400, "invalid_input"),
        (json!({ "url": own }), 403, "forbidden"),
        (json!({ "url": "http://169.254.169.254/latest" }), 403, "forbidden"),
        (json!({ "url": "file:///etc/passwd" }), 403, "forbidden"),
        (json!({ "path": outside }), 403, "forbidden"),
        (json!({ "path": traversal }), 403, "forbidden"),
        (json!({ "path": "/etc/passwd" }), 403, "forbidden"),
        (json!({ "path": "/no/such/file" }), 403, "forbidden"),
    ] {
        let reply = app.post_as(&token, "/api/v1/playbacks", &wish).await;
        assert_eq!(reply.status().as_u16(), status, "{wish}");
        assert_problem(reply, status, code).await;
    }
    let list = body(app.get_as(&token, "/api/v1/playbacks").await).await;
    assert_eq!(list["playbacks"].as_array().unwrap().len(), 0, "a refused wish leaves nothing behind");
}

/// Goal: what is another's answers as if it were missing, with equal bodies (AUTHZ-02).
#[tokio::test]
async fn authz_02_playbacks_belong_to_their_owner() {
    let app = TestApp::start().await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let playback = app.play(&mia).await;
    let path = format!("/api/v1/playbacks/{}", playback["id"].as_str().unwrap());
    assert_eq!(body(app.get_as(&mia, &path).await).await["hls_url"], playback["hls_url"]);
    let mut answers: Vec<Value> = Vec::new();
    for path in [path.as_str(), "/api/v1/playbacks/00112233445566778899aabbccddeeff"] {
        for method in [Method::GET, Method::DELETE] {
            let reply = app.request(method, path).bearer_auth(&leo).send().await.unwrap();
            let mut problem = assert_problem(reply, 404, "not_found").await;
            problem.as_object_mut().unwrap().remove("request_id");
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    for (token, expected) in [(&mia, 1), (&leo, 0)] {
        let list = body(app.get_as(token, "/api/v1/playbacks").await).await;
        assert_eq!(list["playbacks"].as_array().unwrap().len(), expected);
    }

    let reply = app.request(Method::DELETE, &path).bearer_auth(&mia).send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert_problem(app.get_as(&mia, &path).await, 404, "not_found").await;
    assert_problem(app.get(playback["hls_url"].as_str().unwrap()).await, 404, "not_found").await;
}

/// Goal: whatever is wrong with a media token, the answer is the same (MEDIA-02); it opens one playback, and nothing of the API.
#[tokio::test]
async fn media_02_bad_tokens_are_alike() {
    let app = TestApp::start().await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let (playback, other, ended) = (app.play(&mia).await, app.play(&leo).await, app.play(&mia).await);
    let token_of = |playback: &Value| playback["hls_url"].as_str().unwrap().split('/').nth(2).unwrap().to_owned();
    let ended_path = format!("/api/v1/playbacks/{}", ended["id"].as_str().unwrap());
    app.request(Method::DELETE, &ended_path).bearer_auth(&mia).send().await.unwrap();
    let good = token_of(&playback);
    let mut altered = good.clone().into_bytes();
    let last = altered.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    let mixed = format!("{}.{}", good.rsplit_once('.').unwrap().0, token_of(&other).rsplit_once('.').unwrap().1);
    let mut answers: Vec<Value> = Vec::new();
    for token in [
        String::from_utf8(altered).unwrap(),
        mixed,
        token_of(&ended),
        "x".to_owned(),
        mia.clone(),
        format!("1.{}.", "0".repeat(32)),
    ] {
        let mut problem = assert_problem(app.get(&format!("/hls/{token}/main.m3u8")).await, 404, "not_found").await;
        problem.as_object_mut().unwrap().remove("request_id");
        answers.push(problem);
    }
    for name in
        ["%2e%2e/main.m3u8", "main.m3u8%00", "..%2f..%2fetc%2fpasswd", "p3c1/video-1/%31.m4s", "p3c1/video-1/1.sh"]
    {
        let reply = app.get(&format!("/hls/{good}/{name}")).await;
        assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{name}");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_problem(app.get_as(&good, "/api/v1/me").await, 401, "unauthorized").await;
    assert_eq!(app.get(&format!("/hls/{good}/main.m3u8")).await.status(), StatusCode::OK);
}

/// Goal: logout ends what plays within a second, and nothing of other sign-ins (AUTH-06, MEDIA-01).
#[tokio::test]
async fn media_01_logout_ends_playing() {
    let app = TestApp::start().await;
    let first = app.user("mia").await;
    let second = app.accounts.access_token_of("mia").await.unwrap();
    let (ends, stays) = (app.play(&first).await, app.play(&second).await);
    assert_eq!(app.get(ends["hls_url"].as_str().unwrap()).await.status(), StatusCode::OK);
    app.post_as(&first, "/api/v1/auth/logout", &json!({})).await;
    let asked = Instant::now();
    while app.get(ends["hls_url"].as_str().unwrap()).await.status() == StatusCode::OK {
        assert!(asked.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(app.get(stays["hls_url"].as_str().unwrap()).await.status(), StatusCode::OK);
}
