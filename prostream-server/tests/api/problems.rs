use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{PASSWORD, TestApp, assert_problem};

/// Goal: 404 for what is not there, whatever the method; 405 with `Allow` for what is, by another method (EDGE-06).
#[tokio::test]
async fn edge_06_paths_and_methods() {
    let app = TestApp::start().await;
    for method in [Method::GET, Method::POST, Method::PUT, Method::TRACE, Method::OPTIONS] {
        let reply = app.request(method, "/api/v1/nothing").send().await.unwrap();
        assert_problem(reply, 404, "not_found").await;
    }
    for (method, path, allow) in [
        (Method::POST, "/health/live", "GET, HEAD"),
        (Method::GET, "/api/v1/auth/login", "POST"),
        (Method::PUT, "/api/v1/playbacks", "POST, GET, HEAD"),
        (Method::PATCH, "/api/v1/playbacks/00", "GET, HEAD, DELETE"),
        (Method::TRACE, "/", "GET, HEAD"),
        (Method::OPTIONS, "/api/v1/me", "GET, HEAD"),
        (Method::POST, "/hls/token/main.m3u8", "GET, HEAD"),
    ] {
        let reply = app.request(method, path).send().await.unwrap();
        assert_eq!(reply.headers()["allow"], allow, "{path}");
        assert_problem(reply, 405, "method_not_allowed").await;
    }
    for path in
        ["/api/v1/me/", "//api/v1/me", "/api//v1/me", "/API/v1/me", "/api/v1/%6de", "/docs/", "/docs/../api/v1/me/x"]
    {
        assert_eq!(app.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// Goal: bodies are JSON, small, plain and flat, or answered as what they are (EDGE-04).
#[tokio::test]
async fn edge_04_bodies_have_limits() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    for path in [
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/v1/auth/register",
        "/api/v1/auth/setup",
        "/api/v1/playbacks",
    ] {
        let post = |body: Vec<u8>| {
            app.request(Method::POST, path).bearer_auth(&token).header("content-type", "application/json").body(body)
        };
        let large = [b"{\"name\": \"".as_slice(), &vec![b'a'; 8 << 20], b"\"}"].concat();
        // The answer may come before the body is sent, and end the sending: both are a refusal.
        if let Ok(reply) = post(large).send().await {
            assert_problem(reply, 413, "too_large").await;
        }
        let deep = [b"{\"device\": ".as_slice(), &vec![b'['; 30_000], &vec![b']'; 30_000], b"}"].concat();
        assert_problem(post(deep).send().await.unwrap(), 400, "invalid_input").await;
        let encoded = post(b"{}".to_vec()).header("content-encoding", "gzip").send().await.unwrap();
        assert_problem(encoded, 415, "unsupported_media_type").await;
        for wrong in ["", "{", "[]", "null", "{\"name\": \"a\", \"name\": \"b\"}", "\u{feff}{}"] {
            assert_problem(post(wrong.as_bytes().to_vec()).send().await.unwrap(), 400, "invalid_input").await;
        }
        let text = app.request(Method::POST, path).bearer_auth(&token).body("{}").send().await.unwrap();
        assert_problem(text, 415, "unsupported_media_type").await;
    }
}

/// Goal: the answers of every class carry what keeps browsers in check (EDGE-09).
#[tokio::test]
async fn edge_09_headers_of_every_class() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    for (reply, content_type) in [
        (app.get("/").await, "text/html; charset=utf-8"),
        (app.get("/app.js").await, "text/javascript; charset=utf-8"),
        (app.get("/docs").await, "text/html; charset=utf-8"),
        (app.get("/docs/swagger-ui-bundle.js").await, "text/javascript"),
        (app.get("/openapi.json").await, "application/json"),
        (app.get("/health/live").await, "application/json"),
        (app.get_as(&token, "/api/v1/me").await, "application/json"),
    ] {
        let url = reply.url().clone();
        assert_eq!(reply.status(), StatusCode::OK, "{url}");
        assert_eq!(reply.headers()["content-type"], content_type, "{url}");
        assert_eq!(reply.headers()["x-content-type-options"], "nosniff", "{url}");
        assert_eq!(reply.headers()["referrer-policy"], "no-referrer", "{url}");
        if content_type.starts_with("text/html") {
            let policy = reply.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'none'"), "{url}");
            let page = reply.text().await.unwrap();
            assert!(!page.contains("<script>") && !page.contains("//cdn") && !page.contains("https://"), "{url}");
        }
    }
    let reply = app.get("/app.js").await;
    let etag = reply.headers()["etag"].clone();
    let reply = app.request(Method::GET, "/app.js").header("if-none-match", etag).send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::NOT_MODIFIED);
}

/// Goal: links never follow what a client calls the server, and forwarding headers do not widen a budget (EDGE-07).
#[tokio::test]
async fn edge_07_hosts_and_forwarded_addresses_are_not_believed() {
    let mut config = crate::app::config();
    config.limits.login_per_address = 3;
    let app = TestApp::with(config).await;
    let token = app.user("mia").await;
    let play =
        app.request(Method::POST, "/api/v1/playbacks").bearer_auth(&token).header("content-type", "application/json");
    let reply = play.header("host", "evil.example").body(json!({ "path": app.film }).to_string()).send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert!(!reply.headers()["location"].to_str().unwrap().contains("evil"));
    assert!(!reply.text().await.unwrap().contains("evil"));
    let mut let_in = 0;
    for n in 0..9 {
        let login = app.request(Method::POST, "/api/v1/auth/login").header("content-type", "application/json");
        let login = ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"]
            .iter()
            .fold(login, |login, name| login.header(*name, format!("203.0.113.{n}")));
        let body = json!({ "name": format!("user{n}"), "password": PASSWORD }).to_string();
        let_in += usize::from(login.body(body).send().await.unwrap().status() == StatusCode::UNAUTHORIZED);
    }
    assert_eq!(let_in, 3);
}
