//! A server over the demo's stand-ins, and what it tells of a playback.

use std::sync::Arc;
use std::time::Duration;

use prostream_core::ProStream;
use prostream_core::playback::PlaybackConfig;
use prostream_core::store::records::SqliteRecords;
use prostream_core::store::sqlite::SqliteDatabase;
use prostream_server::auth::Accounts;
use prostream_server::demo::StandIns;
use prostream_server::{ServerParts, serve};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::app::{TestApp, assets, config};

/// A server over the stand-ins; `folder` is what an earlier one has left.
pub(crate) async fn start(stand_ins: &StandIns, folder: tempfile::TempDir, playback: PlaybackConfig) -> TestApp {
    let config = config();
    let http = stand_ins.client().unwrap();
    let providers = Arc::new(stand_ins.providers(&http).unwrap());
    let database = SqliteDatabase::open(folder.path().join("prostream.db")).await.unwrap();
    let records = Arc::new(SqliteRecords::new(database.clone()).await.unwrap());
    let engine = ProStream::builder().http(http.clone()).records(records).playback(playback).build().unwrap();
    let life = Duration::from_secs(config.auth.access_token_life_s.into());
    let accounts = Arc::new(Accounts::open(folder.path(), database, &config.auth, life).await.unwrap());
    let parts = ServerParts { engine, accounts: Arc::clone(&accounts), providers, assets: assets() };
    let server = serve(config, parts).await.unwrap();
    let base = format!("http://{}", server.addresses()[0]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    TestApp { server, base, http, accounts, film: folder.path().join("none"), _folder: folder }
}

/// Everything that is told, up to an event of one of these names.
pub(crate) async fn told(app: &TestApp, token: &str, id: &str, last: &[&str]) -> Vec<(String, Value)> {
    let request = app.request(Method::GET, &format!("/api/v1/playbacks/{id}/events")).bearer_auth(token);
    let mut reply = request.send().await.unwrap();
    assert_eq!(
        (reply.status(), reply.headers()["content-type"].as_bytes()),
        (StatusCode::OK, &b"text/event-stream"[..])
    );
    let (mut events, mut pending) = (Vec::new(), String::new());
    let reading = async {
        while let Some(piece) = reply.chunk().await.unwrap() {
            pending.push_str(std::str::from_utf8(&piece).unwrap());
            while let Some((block, rest)) = pending.split_once("\n\n") {
                if let Some((name, data)) = block.split_once('\n') {
                    let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                    events.push((name.strip_prefix("event: ").unwrap().to_owned(), data));
                }
                pending = rest.to_owned();
                if events.last().is_some_and(|(name, _)| last.contains(&name.as_str())) {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("it comes to that");
    events
}
