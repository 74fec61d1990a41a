//! What lies beside the streams: chapters, fonts, scripts, and why a track is left out.

use std::path::Path;
use std::process::Command;

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, RANGE, VARY,
};
use prostream_core::testing::tool;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{FILM, TestApp, assert_problem, body};

const SCRIPT: &str = "[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, \
    PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, \
    BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\n\
    Style: Default,Arial,48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,8,10,10,10,1\r\n\r\n\
    [Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n\
    Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\fad(100,100)}Hello\r\n";

const CHAPTERS: &str =
    "CHAPTER01=00:00:00.000\nCHAPTER01NAME=Opening\nCHAPTER02=00:00:20.000\nCHAPTER02NAME=The \"end\"\n";

/// Two display sets of a picture that shows nothing.
fn pictures() -> Vec<u8> {
    let mut stream = Vec::new();
    for (at_s, number) in [(1u32, 0u8), (3, 1)] {
        let composition = [1, 64, 0, 180, 0x10, 0, number, 0x80, 0, 0, 0];
        for (kind, body) in [(0x16, &composition[..]), (0x80, &[])] {
            stream.extend_from_slice(b"PG");
            stream.extend_from_slice(&(at_s * 90_000).to_be_bytes());
            stream.extend_from_slice(&[0, 0, 0, 0, kind, 0, body.len() as u8]);
            stream.extend_from_slice(body);
        }
    }
    stream
}

fn font(size: usize) -> Vec<u8> {
    [0u8, 1, 0, 0].into_iter().chain((4..size).map(|at| (at % 251) as u8)).collect()
}

/// Puts a film into the library that has everything; says what it was given.
fn film_with_extras(library: &Path) -> std::path::PathBuf {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("base.mkv", FILM);
    write("script.ass", SCRIPT.as_bytes());
    write("pictures.sup", &pictures());
    write("chapters.txt", CHAPTERS.as_bytes());
    write("One é.ttf", &font(700_000));
    write("page.ttf", b"<html><script>alert(1)</script></html>");
    write("cover.jpg", &[0xff, 0xd8, 0xff, 0xe0, 0, 0]);
    write("Two.otf", &font(5_000));
    let film = library.join("extras.mkv");
    let mut command = Command::new("mkvmerge");
    command.current_dir(folder.path()).arg("-q").arg("-o").arg(&film).args(["--chapters", "chapters.txt"]);
    let truetype = "application/x-truetype-font";
    let attachments =
        [("One é.ttf", truetype), ("page.ttf", truetype), ("cover.jpg", "image/jpeg"), ("Two.otf", "font/otf")];
    for (name, media_type) in attachments {
        command.args(["--attachment-mime-type", media_type, "--attach-file", name]);
    }
    let output = tool::run(command.args(["base.mkv", "script.ass", "pictures.sup"]));
    // It ends with 1 where it only warned.
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stdout));
    film
}

async fn play(app: &TestApp, token: &str, path: &Path) -> Value {
    let reply = app.post_as(token, "/api/v1/playbacks", &json!({ "path": path })).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    body(reply).await
}

fn field(reply: &Response, name: http::HeaderName) -> String {
    reply.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Goal: chapters, fonts and scripts are told and served, each as what it is; what is no font is not there, whatever it calls itself.
#[tokio::test]
async fn extras_are_served() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let film = film_with_extras(app.film.parent().unwrap());
    let playback = play(&app, &token, &film).await;

    let chapters = playback["chapters"].as_array().unwrap();
    assert_eq!(chapters.len(), 2);
    // Players count from the first picture, which in this film comes 21 ms after 0.
    assert_eq!((chapters[1]["start_s"].as_f64(), chapters[1]["title"].as_str()), (Some(19.979), Some("The \"end\"")));
    let reply = app.get(playback["chapters_json_url"].as_str().unwrap()).await;
    assert_eq!(field(&reply, CONTENT_TYPE), "application/json");
    assert_eq!(body(reply).await[1]["titles"][0]["title"], "The \"end\"");
    let reply = app.get(playback["chapters_vtt_url"].as_str().unwrap()).await;
    assert_eq!(field(&reply, CONTENT_TYPE), "text/vtt");
    let etag = field(&reply, ETAG);
    assert!(reply.text().await.unwrap().starts_with("WEBVTT\n\n1\n00:00:00.000 --> 00:00:19.979\nOpening\n"));
    let same = app.request(Method::GET, playback["chapters_vtt_url"].as_str().unwrap()).header(IF_NONE_MATCH, etag);
    assert_eq!(same.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    let list = app.get(playback["hls_url"].as_str().unwrap()).await.text().await.unwrap();
    assert!(list.contains("com.apple.hls.chapters"), "{list}");

    // The first is all that opening shows: it is larger than what opening reads.
    let first = &playback["fonts"][0];
    assert_eq!((first["name"].as_str(), first["size_bytes"].as_u64()), (Some("One é.ttf"), Some(700_000)));
    let reply = app.get(playback["fonts_url"].as_str().unwrap()).await;
    let fonts = body(reply).await["fonts"].as_array().unwrap().clone();
    let names: Vec<_> = fonts.iter().map(|font| font["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["One é.ttf", "page.ttf", "Two.otf"], "the cover is no font");
    for (at, content, media_type) in [(0, font(700_000), "font/ttf"), (2, font(5_000), "font/otf")] {
        let url = fonts[at]["url"].as_str().unwrap();
        let reply = app.get(url).await;
        assert_eq!((reply.status(), field(&reply, CONTENT_TYPE)), (StatusCode::OK, media_type.to_owned()));
        assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*");
        assert!(field(&reply, CONTENT_DISPOSITION).starts_with("attachment; filename*=UTF-8''"));
        assert!(reply.bytes().await.unwrap() == content);
        let part = app.request(Method::GET, url).header(RANGE, "bytes=4-9").send().await.unwrap();
        assert_eq!(
            (part.status(), part.bytes().await.unwrap()),
            (StatusCode::PARTIAL_CONTENT, content[4..10].to_vec().into())
        );
        let head = app.request(Method::HEAD, url).send().await.unwrap();
        assert_eq!(field(&head, CONTENT_LENGTH), content.len().to_string());
    }
    let below = fonts[0]["url"].as_str().unwrap().strip_suffix("1.ttf").unwrap();
    for nothing in ["2.ttf", "3.ttf", "3.otf", "1.otf", "0.ttf", "9.ttf", "01.ttf"] {
        assert_problem(app.get(&format!("{below}{nothing}")).await, 404, "not_found").await;
    }

    let tracks = playback["tracks"].as_array().unwrap();
    let track =
        |codec: &str| tracks.iter().find(|track| track["codec_string"].as_str().unwrap().contains(codec)).unwrap();
    let (script, pictures) = (track("ASS"), track("PGS"));
    assert_eq!((script["codec"].as_str(), script["left_out"].as_str()), (Some("ass"), None));
    assert!(pictures["left_out"].as_str().unwrap().contains("PGS"), "{pictures}");
    assert!(tracks.iter().filter(|track| track["kind"] != "subtitle").all(|track| track["left_out"].is_null()));
    let reply = app.get(script["script_url"].as_str().unwrap()).await;
    assert_eq!(field(&reply, CONTENT_TYPE), "text/x-ssa");
    assert_eq!(field(&reply, CACHE_CONTROL), "private, max-age=31536000, immutable");
    assert!(
        reply
            .text()
            .await
            .unwrap()
            .ends_with("Dialogue: 0,0:00:00.98,0:00:02.48,Default,,0,0,0,,{\\fad(100,100)}Hello\r\n")
    );
    let url = script["script_url"].as_str().unwrap().replace("script.ass", "0.vtt");
    let text = app.get(&url).await.text().await.unwrap();
    assert!(text.ends_with("00:00:01.000 --> 00:00:02.500 line:0\nHello\n"), "{text}");
}

/// Goal: a film without extras says so, and its addresses of them hold nothing.
#[tokio::test]
async fn a_plain_film_has_no_extras() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let none = |name: &str| playback[name].is_null() || playback[name].as_array().is_some_and(Vec::is_empty);
    for name in ["chapters", "chapters_json_url", "chapters_vtt_url", "fonts", "fonts_url"] {
        assert!(none(name), "{name}: {}", playback[name]);
    }
    let base = playback["hls_url"].as_str().unwrap().strip_suffix("main.m3u8").unwrap();
    assert_eq!(body(app.get(&format!("{base}chapters.json")).await).await, json!([]));
    assert_eq!(body(app.get(&format!("{base}fonts.json")).await).await, json!({ "fonts": [] }));
    assert_problem(app.get(&format!("{base}fonts/1.ttf")).await, 404, "not_found").await;
    let text = playback["tracks"].as_array().unwrap().iter().find(|track| track["kind"] == "subtitle").unwrap();
    let script = format!("{base}p3c1/text-{}/script.ass", text["number"]);
    assert_problem(app.get(&script).await, 404, "not_found").await;
}

/// Goal: playlists become small for whoever takes that, and for nobody else; segments never do.
#[tokio::test]
async fn playlists_are_packed() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let main = playback["hls_url"].as_str().unwrap();
    let plain = app.get(main).await.text().await.unwrap();
    let list = plain.lines().find(|line| line.ends_with("index.m3u8")).unwrap();
    let media = main.replace("main.m3u8", list);
    // A client that packs nothing by itself.
    let http = reqwest::Client::builder().no_proxy().no_gzip().no_brotli().build().unwrap();
    let ask = async |url: &str, coding: &str| {
        http.get(format!("{}{}", app.base, url.strip_prefix(&app.base).unwrap_or(url)))
            .header(ACCEPT_ENCODING, coding)
            .send()
            .await
            .unwrap()
    };
    for url in [main, &media] {
        let plain = ask(url, "identity").await;
        assert_eq!(
            (field(&plain, CONTENT_ENCODING), field(&plain, VARY)),
            (String::new(), "accept-encoding".to_owned())
        );
        let plain = plain.bytes().await.unwrap();
        for refusing in ["", "br", "gzip;q=0", "gzip; q=0.0, br", "xgzip"] {
            assert_eq!(ask(url, refusing).await.bytes().await.unwrap(), plain, "{refusing}");
        }
        for taking in ["gzip", "deflate, GZIP;q=0.5", "br, gzip"] {
            let packed = ask(url, taking).await;
            assert_eq!(field(&packed, CONTENT_ENCODING), "gzip", "{taking}");
            assert_eq!(field(&packed, CACHE_CONTROL), "private, no-store");
            let packed = packed.bytes().await.unwrap();
            assert!(packed.len() < plain.len());
            let mut unpacked = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
            assert!(unpacked == plain);
        }
    }
    let segment = ask(&media.replace("index.m3u8", "0.m4s"), "gzip").await;
    assert_eq!((segment.status(), field(&segment, CONTENT_ENCODING)), (StatusCode::OK, String::new()));
}
