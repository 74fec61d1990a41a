//! Subtitles that do not come with the film.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{FILM_ID, TestApp, assert_problem, body};

/// Addresses and languages of a list.
fn listed(list: &Value) -> Vec<(String, String)> {
    let all = list["subtitles"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (text(&one["vtt_url"]), text(&one["language"]))).collect()
}

async fn list(app: &TestApp, token: &str, id: &str, query: &str) -> Value {
    body(app.get_as(token, &format!("/api/v1/playbacks/{id}/subtitles{query}")).await).await
}

/// Goal: what plays finds its subtitles, that of the very file first, each at an address that gives it as WebVTT, shifted as wished.
#[tokio::test]
async fn a_playback_finds_its_subtitles() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let id = playback["id"].as_str().unwrap();
    let found = list(&app, &token, id, "").await;
    assert_eq!(found["is_partial"], json!(false));
    let first = &found["subtitles"][0];
    let told = (&first["id"], &first["provider"], &first["is_hash_match"], &first["download_count"]);
    assert_eq!(told, (&json!("test_captions-exact"), &json!("test_captions"), &json!(true), &json!(7)));
    let all = listed(&found);
    assert_eq!(all.iter().map(|one| one.1.as_str()).collect::<Vec<_>>(), ["pt-BR", "", "ru"]);

    let exact = app.get(&all[0].0).await;
    let headers = exact.headers().clone();
    assert_eq!(
        (&headers["content-type"], &headers["cache-control"]),
        (&"text/vtt".parse().unwrap(), &"private, no-cache".parse().unwrap())
    );
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(exact.text().await.unwrap(), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOlá\n");
    let again = app.request(Method::GET, &all[0].0).header("if-none-match", &headers["etag"]).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let text = async |address: String| app.get(&address).await.text().await.unwrap();
    let later = text(format!("{}&shift_ms=90500", all[0].0)).await;
    assert_eq!(later, "WEBVTT\n\n00:01:31.500 --> 00:01:32.500\nOlá\n");
    let earlier = text(format!("{}&shift_ms=-1500", all[0].0)).await;
    assert_eq!(earlier, "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nOlá\n");
    // What its provider said of the file stands in its address.
    assert_eq!(text(all[2].0.clone()).await, "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nж\n");
    let problem = assert_problem(app.get(&all[1].0).await, 422, "unsupported").await;
    assert_eq!(problem["advice"], "choose another subtitle");
}

/// Goal: languages narrow the list and put it in order; what is no language is told.
#[tokio::test]
async fn languages_are_asked_for() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let id = playback["id"].as_str().unwrap();
    for (query, expected) in
        [("?language=ru", vec!["ru"]), ("?language=ru,pt-br", vec!["pt-BR", "ru"]), ("?language=de", vec![])]
    {
        let found = list(&app, &token, id, query).await;
        assert_eq!(listed(&found).iter().map(|one| one.1.as_str()).collect::<Vec<_>>(), expected, "{query}");
    }
    for wrong in ["?language=english!", "?languages=en", "?language=en&language=de"] {
        let reply = app.get_as(&token, &format!("/api/v1/playbacks/{id}/subtitles{wrong}")).await;
        assert_problem(reply, 400, "invalid_input").await;
    }
}

/// Goal: a list is its owner's, a text whoever's has the playback's token; what is not there, or no wish, is told, and a playback that
/// ended gives nothing any more.
#[tokio::test]
async fn tokens_are_the_permission() {
    let app = TestApp::start().await;
    let (token, other) = (app.user("mia").await, app.user("leo").await);
    let playback = app.play(&token).await;
    let id = playback["id"].as_str().unwrap();
    let path = format!("/api/v1/playbacks/{id}/subtitles");
    assert_problem(app.get(&path).await, 401, "unauthorized").await;
    assert_problem(app.get_as(&other, &path).await, 404, "not_found").await;
    let (address, _) = listed(&list(&app, &token, id, "").await)[0].clone();
    let plain = address.split('?').next().unwrap().to_owned();
    for (address, status, code) in [
        (plain.replace("exact", "unknown"), 404, "not_found"),
        (plain.replace("test_captions-", "another-"), 404, "not_found"),
        (plain.replace("exact", "..%2fexact"), 404, "not_found"),
        (plain.replace("/hls/", "/hls/x"), 404, "not_found"),
        (format!("{plain}?shift_ms=soon"), 400, "invalid_input"),
        (format!("{plain}?shift_ms=86400001"), 400, "invalid_input"),
        (format!("{plain}?frames_per_s=x"), 400, "invalid_input"),
        (format!("{plain}?shift=1"), 400, "invalid_input"),
    ] {
        assert_problem(app.get(&address).await, status, code).await;
    }
    assert_eq!(app.get(&address).await.status(), StatusCode::OK);
    let ended =
        app.request(Method::DELETE, &format!("/api/v1/playbacks/{id}")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_problem(app.get(&address).await, 404, "not_found").await;
}

/// Goal: an addon lists subtitles as its protocol has it, also for the file that the player describes, at addresses of its own.
#[tokio::test]
async fn an_addon_lists_subtitles() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({})).await;
    let ask = async |below: &str| body(app.get(&format!("{}/subtitles/{below}.json", link.base)).await).await;
    let hash = format!("movie/{FILM_ID}/videoHash=8e245d9679d31e12&videoSize=1&filename=a.mkv");
    let found = ask(&hash).await;
    assert_eq!(found["cacheMaxAge"], 0);
    let codes = |found: &Value| {
        let all = found["subtitles"].as_array().unwrap();
        all.iter().map(|one| one["lang"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&found), ["por", "und", "rus"], "the very file first");
    assert_eq!(found["subtitles"][0]["id"], "test_captions-exact");
    let address = found["subtitles"][0]["url"].as_str().unwrap();
    assert!(address.starts_with(&format!("{}{}/subtitles/", app.base, link.base)), "{address}");
    let reply = app.get(address).await;
    assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    assert_eq!(reply.text().await.unwrap(), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOlá\n");
    assert_eq!(codes(&ask(&format!("movie/{FILM_ID}/videoHash=none")).await), ["und", "rus", "por"]);
    assert_eq!(codes(&ask(&format!("series/{FILM_ID}")).await), [""; 0], "a whole series has none");
    let revoked = app.request(Method::DELETE, &format!("/api/v1/addons/{}", link.id)).bearer_auth(&token);
    assert_eq!(revoked.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let started = std::time::Instant::now();
    while app.get(address).await.status() != StatusCode::NOT_FOUND {
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "the link is revoked");
    }
}
