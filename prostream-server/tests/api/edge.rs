use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{TestApp, config};

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.server.addresses()[0]).await.unwrap()
}

/// What comes until the server closes; how long that took.
async fn until_closed(mut stream: TcpStream) -> (Vec<u8>, Duration) {
    let start = Instant::now();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the server never closed");
    (bytes, start.elapsed())
}

/// Goal: whoever is silent, half-hearted or idle is closed in time, while others are served (EDGE-01).
/// Method: limits of 1 and 2 s, connections of each kind at once.
#[tokio::test]
async fn edge_01_slow_clients_are_closed() {
    let mut config = config();
    config.limits.first_byte_timeout_s = 1;
    config.limits.header_timeout_s = 1;
    config.limits.idle_timeout_s = 2;
    let app = TestApp::with(config).await;
    let silent = connect(&app).await;
    let mut preface = connect(&app).await;
    preface.write_all(b"PRI * HTT").await.unwrap();
    let mut half = connect(&app).await;
    half.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-").await.unwrap();
    let mut idle = connect(&app).await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (silent, preface, half, idle, health) = tokio::join!(
        until_closed(silent),
        until_closed(preface),
        until_closed(half),
        until_closed(idle),
        app.get("/health/live"),
    );
    assert_eq!(health.status(), StatusCode::OK);
    for (answer, _) in [silent, preface, half] {
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
    }
    assert!(idle.0.starts_with(b"HTTP/1.1 200"));
    assert!(idle.1 >= Duration::from_secs(2), "an idle connection may rest for its time, not the header's");
}

/// Goal: a reader that stops reading is closed, and frees what it held (EDGE-02).
#[tokio::test]
async fn edge_02_stalled_readers_are_closed() {
    let mut config = config();
    config.limits.write_timeout_s = 1;
    config.limits.idle_timeout_s = 1;
    let app = TestApp::with(config).await;
    let token = app.user("mia").await;
    // Many times the film fits no socket buffer, so the server has to wait for the reader.
    std::fs::write(&app.film, [crate::app::FILM, &vec![0; 64 << 20]].concat()).unwrap();
    let playback = app.play(&token).await;
    let mut stalled = connect(&app).await;
    let request = format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", playback["file_url"].as_str().unwrap());
    stalled.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut received = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = stalled.read(&mut buffer).await {
        received += count;
    }
    assert!(received > 0 && received < 64 << 20, "the rest of the file was not sent after the stall: {received}");
}

/// Goal: one address cannot take all places (EDGE-03).
#[tokio::test]
async fn edge_03_connections_of_an_address_are_limited() {
    let mut config = config();
    config.limits.connections_per_address = 3;
    let app = TestApp::with(config).await;
    let held = [connect(&app).await, connect(&app).await, connect(&app).await];
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (answer, wait) = until_closed(connect(&app).await).await;
    assert!(answer.is_empty() && wait < Duration::from_secs(1));
    drop(held);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(app.get("/health/live").await.status(), StatusCode::OK);
}

/// Goal: malformed requests get 4xx or nothing, and no second request is served from a body (EDGE-04, EDGE-06).
#[tokio::test]
async fn edge_06_malformed_requests_are_refused() {
    let mut config = config();
    config.limits.first_byte_timeout_s = 1;
    config.limits.header_timeout_s = 1;
    config.limits.idle_timeout_s = 1;
    let app = TestApp::with(config).await;
    let many: String = (0..70).map(|n| format!("X-{n}: a\r\n")).collect();
    let large = "a".repeat(40 << 10);
    let long = "a".repeat(9 << 10);
    let smuggled = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    for raw in [
        "GET /health/live HTTP/1.1\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(),
        "GET  /health/live HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1 \r\nHost: a\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.2\r\nHost: a\r\n\r\n".to_owned(),
        "GET /health/live HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(),
        "GET /health/live FTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /health/live\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "TRACE /health/live HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "G\u{e9}T /health/live HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: a\r\nX\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".to_owned(),
        format!("GET /health/live HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("GET /health/live HTTP/1.1\r\nHost: a\r\nX: {large}\r\n\r\n"),
        format!("GET /health/live?{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n{smuggled}"
        ),
        format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{smuggled}"),
        format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1a\r\n\r\n{smuggled}"),
        format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 10737418240\r\n\r\n{smuggled}"),
    ] {
        let mut stream = connect(&app).await;
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let shown: String = raw.chars().take(90).collect();
        let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(closed.is_ok(), "never closed: {shown:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 2") && !answer.contains("HTTP/1.1 5"), "{shown:?}: {answer}");
    }
}

/// Goal: a stop lets a running answer finish, closes the idle, and takes nothing new (EDGE-11).
#[tokio::test]
async fn edge_11_a_stop_drains() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    std::fs::write(&app.film, [crate::app::FILM, &vec![7; 32 << 20]].concat()).unwrap();
    let playback = app.play(&token).await;
    let size = crate::app::FILM.len() + (32 << 20);
    let idle = connect(&app).await;
    let mut running = app.get(playback["file_url"].as_str().unwrap()).await;
    let mut received = running.chunk().await.unwrap().unwrap().len();
    let address = app.server.addresses()[0];
    let stop = tokio::spawn(app.server.shutdown());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!stop.is_finished());
    while let Some(piece) = running.chunk().await.unwrap() {
        received += piece.len();
    }
    assert_eq!(received, size);
    drop(idle);
    assert!(stop.await.unwrap(), "nothing had to be cut");
}
