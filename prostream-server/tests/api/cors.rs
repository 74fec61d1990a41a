use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::app::{TestApp, config};

const FRIEND: &str = "https://tv.example";

/// Origins that resemble an allowed one, or that careless servers let through.
const HOSTILE: [&str; 12] = [
    "null",
    "https://evil.example",
    "https://tv.example.evil.example",
    "https://eviltv.example",
    "http://tv.example",
    "https://tv.example:8443",
    "https://tv.example/",
    "https://TV.example",
    "https://sub.tv.example",
    "https://tv.example, https://evil.example",
    "*",
    "file://",
];

async fn asked(app: &TestApp, method: Method, path: &str, origin: &str) -> HeaderMap {
    let mut request = app.request(method.clone(), path).header("origin", origin);
    if method == Method::OPTIONS {
        request = request.header("access-control-request-method", "GET");
    }
    request.send().await.unwrap().headers().clone()
}

/// Goal: `/api/` opens to exact origins of the configuration only, and never with credentials (EDGE-08).
#[tokio::test]
async fn edge_08_the_api_opens_to_listed_origins() {
    let mut config = config();
    config.cors.allowed_origins = vec![FRIEND.to_owned()];
    let app = TestApp::with(config).await;
    for path in ["/api/v1/me", "/api/v1/titles?query=a", "/api/v1/auth/login", "/api/v1/playbacks/0", "/api/v1/nothing"]
    {
        for method in [Method::GET, Method::OPTIONS] {
            for origin in HOSTILE {
                let headers = asked(&app, method.clone(), path, origin).await;
                assert!(!headers.contains_key("access-control-allow-origin"), "{path} {origin}");
                assert_eq!(headers["vary"], "Origin");
            }
            let headers = asked(&app, method, path, FRIEND).await;
            assert_eq!(headers["access-control-allow-origin"], FRIEND);
            assert!(!headers.contains_key("access-control-allow-credentials"));
        }
    }
    let preflight = app
        .request(Method::OPTIONS, "/api/v1/me")
        .header("origin", FRIEND)
        .header("access-control-request-method", "GET");
    let reply = preflight.send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert_eq!(reply.headers()["access-control-allow-headers"], "Authorization, Content-Type");
}

/// Goal: `/hls/` opens to every origin without credentials, also when it refuses; the page opens to none (EDGE-08).
#[tokio::test]
async fn edge_08_media_open_to_all_without_credentials() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let playback = app.play(&token).await;
    for path in [playback["hls_url"].as_str().unwrap(), playback["file_url"].as_str().unwrap(), "/hls/none/main.m3u8"] {
        for method in [Method::GET, Method::OPTIONS] {
            let headers = asked(&app, method, path, "https://player.example").await;
            assert_eq!(headers["access-control-allow-origin"], "*", "{path}");
            assert!(!headers.contains_key("access-control-allow-credentials"));
        }
    }
    for path in ["/", "/docs", "/openapi.json", "/health/live"] {
        assert!(!asked(&app, Method::GET, path, FRIEND).await.contains_key("access-control-allow-origin"), "{path}");
    }
}
