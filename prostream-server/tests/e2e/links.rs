//! Links that a player is given: what they open, and that nothing else opens.

use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;

use crate::films::{address_in, block_on, start_playback};
use crate::player::{self, ask, fetch};
use crate::program::Program;

const MOVIE: &str = "tmdb:movie:900001";

fn demo() -> Program {
    Program::start(&["demo", "--listen", "127.0.0.1:0"])
}

/// What an error says, without the number of the request, which is another each time.
async fn refusal(client: &Client, url: &Url) -> (u16, Value) {
    let response = ask(client, url).await;
    let status = response.status().as_u16();
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(media_type, "application/problem+json", "{url}");
    let text = response.text().await.expect("UTF-8");
    let mut problem: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"));
    let id = problem.as_object_mut().and_then(|problem| problem.remove("request_id"));
    assert!(id.is_some(), "{url}: {problem}");
    (status, problem)
}

/// The address with another token in it.
fn with_token(url: &Url, token: &str) -> Url {
    let mut url = url.clone();
    let path = url.path().replacen(token_of(&url), token, 1);
    url.set_path(&path);
    url
}

fn token_of(url: &Url) -> &str {
    url.path().split('/').nth(2).expect("/hls/{token}/…")
}

/// Goal: a token that was altered, put together from two, of another program or of a playback that has ended opens nothing, and all of them
/// are answered alike: nobody learns which part was wrong.
#[test]
fn only_the_right_token_opens() {
    let (demo, other_demo) = (demo(), demo());
    block_on(async {
        let client = player::client();
        let one = start_playback(&demo, MOVIE).await;
        let two = start_playback(&demo, MOVIE).await;
        let other = start_playback(&other_demo, MOVIE).await;
        let [url, second, foreign] = [
            address_in(&demo, &one, "hls_url"),
            address_in(&demo, &two, "hls_url"),
            address_in(&other_demo, &other, "hls_url"),
        ];
        let presentation = player::open(&client, &url).await;
        let segment = presentation.playlists[0].segments[0].1.clone();
        let token = token_of(&url);
        let (start, seal) = token.rsplit_once('.').expect("a token has parts");
        let flip = |text: &str, at: usize| {
            let mut letters: Vec<char> = text.chars().collect();
            letters[at] = if letters[at] == '0' { '1' } else { '0' };
            letters.into_iter().collect::<String>()
        };
        let mut tokens: Vec<String> =
            (0..token.len()).step_by(7).filter(|at| token.as_bytes()[*at] != b'.').map(|at| flip(token, at)).collect();
        let second_seal = token_of(&second).rsplit_once('.').expect("a token has parts").1;
        tokens.push(format!("{start}.{second_seal}"));
        tokens.push(token_of(&foreign).to_owned());
        tokens.push(format!("{start}."));
        tokens.push(seal.to_owned());
        tokens.push("x".repeat(400));
        tokens.push(demo.ready["access_token"].as_str().expect("an access token").to_owned());
        let expected = refusal(&client, &with_token(&url, "nonsense")).await;
        assert!([403, 404].contains(&expected.0), "{expected:?}");
        for token in &tokens {
            for address in [&url, &segment, &address_in(&demo, &one, "file_url")] {
                assert_eq!(refusal(&client, &with_token(address, token)).await, expected, "{address} with {token}");
            }
        }
        // What was right all along still is.
        fetch(&client, &segment).await;

        let ended = address_in(&demo, &one, "hls_url");
        let id = one["id"].as_str().expect("an id");
        let mut playback = demo.address("api_url");
        playback.path_segments_mut().expect("an http address").pop_if_empty().extend(["playbacks", id]);
        let request =
            client.request(Method::DELETE, playback).bearer_auth(demo.ready["access_token"].as_str().expect("a token"));
        assert!(request.send().await.expect("an answer").status().is_success(), "the playback is ended");
        for address in [&ended, &segment, &address_in(&demo, &one, "file_url")] {
            assert_eq!(refusal(&client, address).await, expected, "{address} after its end");
        }
        fetch(&client, &second).await;
    });
    demo.stop();
    other_demo.stop();
}

/// Goal: what a presentation does not have is a 404, not another segment and not a failure.
#[test]
fn beyond_the_end_is_not_found() {
    let demo = demo();
    block_on(async {
        let client = player::client();
        let answer = start_playback(&demo, MOVIE).await;
        let presentation = player::open(&client, &address_in(&demo, &answer, "hls_url")).await;
        for playlist in &presentation.playlists {
            let first = &playlist.segments[0].1;
            let ending = first.path().rsplit('.').next().expect("an ending");
            let count = playlist.segments.len();
            for name in [
                format!("{count}.{ending}"),
                format!("4294967295.{ending}"),
                format!("4294967296.{ending}"),
                format!("00.{ending}"),
                format!("-1.{ending}"),
                "0.ts".to_owned(),
                "../video-99/0.m4s".to_owned(),
            ] {
                let url = first.join(&name).expect("an address");
                assert_eq!(refusal(&client, &url).await.0, 404, "{url}");
            }
        }
    });
    demo.stop();
}

/// Goal: the original file is there in whole and in ranges (RFC 9110 section 14).
#[test]
fn the_original_file_is_served_in_ranges() {
    let demo = demo();
    block_on(async {
        let client = player::client();
        let answer = start_playback(&demo, MOVIE).await;
        let url = address_in(&demo, &answer, "file_url");
        let whole = fetch(&client, &url).await;
        let size = whole.len();
        for (asked, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=0-1023".to_owned(), 0, 1024),
            (format!("bytes={}-{}", size / 2, size / 2 + 99_999), size / 2, size / 2 + 100_000),
            (format!("bytes={}-", size - 10), size - 10, size),
            ("bytes=-77".to_owned(), size - 77, size),
            (format!("bytes={}-{}", size - 5, size + 100), size - 5, size),
        ] {
            let response = client.get(url.clone()).header(RANGE, &asked).send().await.expect("an answer");
            assert_eq!(response.status(), 206, "{asked}");
            let told = response.headers()[CONTENT_RANGE].to_str().expect("text").to_owned();
            assert_eq!(told, format!("bytes {from}-{}/{size}", to - 1), "{asked}");
            assert!(response.bytes().await.expect("a body") == whole[from..to], "{asked}");
        }
        let response = client.get(url.clone()).header(RANGE, format!("bytes={size}-")).send().await.expect("an answer");
        assert_eq!(response.status(), 416);
        assert_eq!(response.headers()[CONTENT_RANGE].to_str().expect("text"), format!("bytes */{size}"));
    });
    demo.stop();
}

/// Goal: what the API cannot play is told with a status, a code and advice, and nobody plays without signing in.
#[test]
fn what_cannot_be_played_is_told() {
    let demo = demo();
    block_on(async {
        let client = player::client();
        let mut url = demo.address("api_url");
        url.path_segments_mut().expect("an http address").pop_if_empty().push("playbacks");
        let token = demo.ready["access_token"].as_str().expect("an access token");
        // Not its last letter, some bits of which say nothing.
        let (claims, seal) = token.rsplit_once('.').expect("an access token has parts");
        let wrong_key = format!("{claims}.{}{}", if seal.starts_with('A') { 'B' } else { 'A' }, &seal[1..]);
        let mut failures = Vec::new();
        for (what, key, body, status, code) in [
            ("no such title", token, json!({"media_id": "tmdb:movie:999999999"}), 404, "not_found"),
            ("no media id", token, json!({"media_id": "nonsense"}), 400, "invalid_input"),
            ("neither title nor link", token, json!({}), 400, "invalid_input"),
            ("outside the library", token, json!({"path": "/etc/passwd"}), 403, "forbidden"),
            ("outside the library", token, json!({"path": "../../etc/passwd"}), 403, "forbidden"),
            ("forbidden address", token, json!({"url": "http://127.0.0.1:1/film.mkv"}), 403, "forbidden"),
            ("wrong key", &wrong_key, json!({"media_id": MOVIE}), 401, "unauthorized"),
            ("no key", "", json!({"media_id": MOVIE}), 401, "unauthorized"),
        ] {
            let request = client.post(url.clone()).header("content-type", "application/json");
            let request = if key.is_empty() { request } else { request.bearer_auth(key) };
            let response = request.body(body.to_string()).send().await.expect("an answer");
            let answered = response.status().as_u16();
            let text = response.text().await.expect("UTF-8");
            let problem: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
            let has_advice = problem["advice"].as_str().is_some_and(|advice| !advice.is_empty());
            if (answered, problem["code"].as_str(), has_advice) != (status, Some(code), true) {
                failures.push(format!("{what}: not {status}, {code} and advice, but {text}"));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
    demo.stop();
}
