use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{FILM, FILM_ID, TestApp, body, config};

/// Goal: ranges of the original file as RFC 9110 has them, each with exactly its bytes.
#[tokio::test]
async fn ranges_give_their_bytes() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let url = playback["file_url"].as_str().unwrap();
    let size = FILM.len();
    for (range, expected) in [
        ("bytes=0-0", Some((0, 1))),
        ("bytes=0-", Some((0, size))),
        ("bytes=100-299", Some((100, 300))),
        ("bytes=-500", Some((size - 500, size))),
        ("bytes=-99999999", Some((0, size))),
        (&format!("bytes={}-{}", size - 1, size + 5), Some((size - 1, size))),
        (&format!("bytes={size}-"), None),
        ("bytes=-0", None),
    ] {
        let reply = app.request(Method::GET, url).header("range", range).send().await.unwrap();
        match expected {
            Some((start, end)) => {
                assert_eq!(reply.status(), StatusCode::PARTIAL_CONTENT, "{range}");
                assert_eq!(reply.headers()["content-range"], format!("bytes {start}-{}/{size}", end - 1), "{range}");
                assert_eq!(reply.content_length(), Some((end - start) as u64), "{range}");
                assert_eq!(reply.bytes().await.unwrap(), &FILM[start..end], "{range}");
            }
            None => {
                assert_eq!(reply.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
                assert_eq!(reply.headers()["content-range"], format!("bytes */{size}"));
                assert!(reply.bytes().await.unwrap().is_empty());
            }
        }
    }
    for ignored in ["bytes=5-1", "bytes=0-1,5-9", "items=0-1", "bytes=x"] {
        let reply = app.request(Method::GET, url).header("range", ignored).send().await.unwrap();
        assert_eq!((reply.status(), reply.content_length()), (StatusCode::OK, Some(size as u64)), "{ignored}");
    }
}

/// Goal: validators: a part only of the file that the client began with, nothing twice, and HEAD as GET without a body.
#[tokio::test]
async fn validators_guard_the_file() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let url = playback["file_url"].as_str().unwrap();
    let head = app.request(Method::HEAD, url).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["accept-ranges"], "bytes");
    assert_eq!(head.headers()["content-length"], FILM.len().to_string());
    assert_eq!(head.headers()["content-type"], "video/x-matroska");
    assert!(head.headers()["content-disposition"].to_str().unwrap().contains("A.Film.2020"));
    let etag = head.headers()["etag"].to_str().unwrap().to_owned();
    assert!(!etag.starts_with("W/"));
    for (if_range, status) in
        [(etag.as_str(), 206), ("\"other\"", 200), (&format!("W/{etag}"), 200), ("Sat, 21 Nov 2026 10:00:00 GMT", 200)]
    {
        let reply = app
            .request(Method::GET, url)
            .header("range", "bytes=0-9")
            .header("if-range", if_range)
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status().as_u16(), status, "{if_range}");
    }
    for (tags, status) in
        [(etag.clone(), 304), (format!("\"a\", W/{etag}"), 304), ("*".to_owned(), 304), ("\"a\"".to_owned(), 200)]
    {
        let reply = app.request(Method::GET, url).header("if-none-match", &tags).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), status, "{tags}");
    }
    // Ranges are defined for GET alone (RFC 9110 section 14.2).
    for range in ["bytes=0-9", "bytes=999999999-"] {
        let head = app.request(Method::HEAD, url).header("range", range).send().await.unwrap();
        let length = head.headers()["content-length"].to_str().unwrap();
        assert_eq!((head.status(), length), (StatusCode::OK, FILM.len().to_string().as_str()), "{range}");
        assert!(!head.headers().contains_key("content-range"));
    }
}

/// Goal: init segments and segments answer ranges as files do: exactly their bytes, 416 beyond the end, and validators as for the whole.
/// Method: every rendition of the film; parts that lie in the head that is made and in the payload that is read, and across both.
#[tokio::test]
async fn segments_answer_ranges() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let base = playback["hls_url"].as_str().unwrap().strip_suffix("main.m3u8").unwrap();
    let main = app.get(playback["hls_url"].as_str().unwrap()).await.text().await.unwrap();
    let folder = |kind: &str| {
        let start = main.find(&format!("/{kind}-")).expect("a rendition of this kind");
        let from = main[..start].rfind(['"', '\n']).unwrap() + 1;
        main[from..].split_once("/index.m3u8").unwrap().0.to_owned()
    };
    for name in ["video/init.mp4", "video/0.m4s", "audio/init.mp4", "audio/0.m4s", "text/0.vtt"] {
        let (kind, file) = name.split_once('/').unwrap();
        let url = format!("{base}{}/{file}", folder(kind));
        let reply = app.get(&url).await;
        assert_eq!(reply.headers()["accept-ranges"], "bytes", "{name}");
        let (content_type, etag) = (reply.headers()["content-type"].clone(), reply.headers()["etag"].clone());
        let whole = reply.bytes().await.unwrap();
        let size = whole.len();
        let parts = [(0, 1), (0, size), (8, size.min(2_000)), (size / 2, size), (size - 1, size)];
        for (start, end) in parts {
            let range = format!("bytes={start}-{}", end - 1);
            let reply = app.request(Method::GET, &url).header("range", &range).send().await.unwrap();
            assert_eq!(reply.status(), StatusCode::PARTIAL_CONTENT, "{name} {range}");
            assert_eq!(reply.headers()["content-range"], format!("bytes {start}-{}/{size}", end - 1));
            assert_eq!((&reply.headers()["content-type"], &reply.headers()["etag"]), (&content_type, &etag));
            assert_eq!(reply.headers()["cache-control"], "private, max-age=31536000, immutable");
            assert_eq!(reply.content_length(), Some((end - start) as u64));
            assert!(reply.bytes().await.unwrap() == whole[start..end], "{name} {range}");
        }
        let with = async |fields: &[(&'static str, &str)]| {
            let request = fields
                .iter()
                .fold(app.request(Method::GET, &url), |request, (field, value)| request.header(*field, *value));
            request.send().await.unwrap()
        };
        let beyond = with(&[("range", &format!("bytes={size}-"))]).await;
        assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{name}");
        assert_eq!(beyond.headers()["content-range"], format!("bytes */{size}"));
        assert_eq!(beyond.headers()["cache-control"], "no-store");
        let (range, etag) = (("range", "bytes=1-3"), etag.to_str().unwrap());
        assert_eq!(with(&[range, ("if-range", etag)]).await.status(), StatusCode::PARTIAL_CONTENT);
        let other = with(&[range, ("if-range", "\"other\"")]).await;
        assert_eq!((other.status(), other.bytes().await.unwrap()), (StatusCode::OK, whole.clone()));
        assert_eq!(with(&[range, ("if-none-match", etag)]).await.status(), StatusCode::NOT_MODIFIED);
        let head = app.request(Method::HEAD, &url).send().await.unwrap();
        assert_eq!(
            (head.status(), head.headers()["content-length"].to_str().unwrap()),
            (StatusCode::OK, size.to_string().as_str())
        );
    }
}

/// Goal: the list hands the very file to a player, also from where a browser saved it: whole address, name and length of the film.
#[tokio::test]
async fn the_list_leads_to_the_file() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let reply = app.get(playback["m3u_url"].as_str().unwrap()).await;
    assert_eq!(reply.headers()["content-type"], "audio/x-mpegurl");
    assert_eq!(reply.headers()["cache-control"], "private, no-store");
    assert_eq!(
        reply.headers()["content-disposition"],
        "attachment; filename*=UTF-8''A.Film.2020.1080p.WEB-DL.H.264-GRP.mkv.m3u"
    );
    let list = reply.text().await.unwrap();
    let lines: Vec<&str> = list.lines().collect();
    let [head, "#EXTENC:UTF-8", entry, address] = lines[..] else { panic!("{list}") };
    assert_eq!(head, "#EXTM3U");
    let (length, name) = entry.strip_prefix("#EXTINF:").and_then(|entry| entry.split_once(',')).unwrap();
    assert_eq!(length, "60");
    assert_eq!(name, "A.Film.2020.1080p.WEB-DL.H.264-GRP.mkv");
    assert!(address.starts_with("http://"), "{address}");
    let part = app.request(Method::GET, address).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!((part.status(), &part.bytes().await.unwrap()[..]), (StatusCode::PARTIAL_CONTENT, &FILM[10..20]));

    // With a start, and the name of the film where it is one.
    let film = json!({ "media_id": FILM_ID, "start_s": 12.5 });
    let titled = body(app.post_as(&token, "/api/v1/playbacks", &film).await).await;
    let list = app.get(titled["m3u_url"].as_str().unwrap()).await.text().await.unwrap();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines[2..4], ["#EXTINF:60,A Film (2020)", "#EXTVLCOPT:start-time=12.5"]);
    assert!(lines[4].ends_with(titled["file_url"].as_str().unwrap()), "{list}");

    let id = playback["id"].as_str().unwrap();
    app.request(Method::DELETE, &format!("/api/v1/playbacks/{id}")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(app.get(playback["m3u_url"].as_str().unwrap()).await.status(), StatusCode::NOT_FOUND);
}

/// Goal: the list names the public address where the server has one, whatever host was called.
#[tokio::test]
async fn the_list_names_the_public_address() {
    let mut config = config();
    config.listen.public_url = Some("https://films.example/".parse().unwrap());
    let app = TestApp::with(config).await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    let path = playback["m3u_url"].as_str().unwrap().strip_prefix("https://films.example").unwrap().to_owned();
    let list = app.get(&path).await.text().await.unwrap();
    assert_eq!(list.lines().last(), playback["file_url"].as_str());
    assert!(playback["file_url"].as_str().unwrap().starts_with("https://films.example/hls/"));
}
