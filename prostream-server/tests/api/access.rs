use prostream_server::api_description;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, config};

/// Goal: who may call what, for every route of the table (AUTHZ-01). A new route is in this matrix by being in the API description.
/// Method: each operation as nobody, a user, the owner, a disabled user, and with a media token instead of an access token.
#[tokio::test]
async fn authz_01_the_matrix() {
    let mut config = config();
    config.limits.login_per_address = 10_000;
    let app = TestApp::with(config).await;
    let (owner, other, disabled) = (app.user("mia").await, app.user("leo").await, app.user("old").await);
    app.accounts.set_disabled("old", true).await.unwrap();
    let description: Value = serde_json::from_str(&api_description().unwrap()).unwrap();
    let mut seen = 0;
    for (template, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            seen += 1;
            let method: Method = method.to_uppercase().parse().unwrap();
            let playback = app.play(&owner).await;
            let id = playback["id"].as_str().unwrap();
            let media_token = playback["hls_url"].as_str().unwrap().split('/').nth(2).unwrap().to_owned();
            let path = if template.starts_with("/api/") { template.replace("{id}", id) } else { template.clone() };
            let is_of_link = template.contains("{addon_id}");
            let link_id = if is_of_link { app.link(&owner, json!({})).await.id } else { String::new() };
            let path = path
                .replace("{addon_id}", &link_id)
                .replace("{type}/{id}", "movie/tt7654321")
                .replace("{extra}", "search=film")
                .replace("{release}", &"0".repeat(40))
                .replace("{media_id}", crate::app::FILM_ID)
                .replace("{token}", "1.00.00")
                .replace("{variant}/{rendition}/{file}", "p3c1/video-1/init.mp4")
                .replace("{file}", "start.js")
                .replace("{asset}", "app.js");
            let call = |bearer: Option<&str>| {
                let mut request = app.request(method.clone(), &path);
                if method == Method::POST {
                    request = request.header("content-type", "application/json").body(json!({ "x": 1 }).to_string());
                }
                if method == Method::PUT {
                    request =
                        request.header("content-type", "application/json").body(json!({ "name": "x" }).to_string());
                }
                if let Some(bearer) = bearer {
                    request = request.bearer_auth(bearer);
                }
                async move { request.send().await.unwrap().status() }
            };
            let needs_sign_in = operation.get("security").is_some();
            let is_owned = needs_sign_in && template.contains("id}") && !template.contains("{media_id}");
            for bearer in [None, Some(disabled.as_str()), Some(media_token.as_str()), Some("x")] {
                let status = call(bearer).await;
                assert_eq!(
                    status == StatusCode::UNAUTHORIZED,
                    needs_sign_in,
                    "{method} {path} with {bearer:?}: {status}"
                );
            }
            if is_owned {
                assert_eq!(call(Some(&other)).await, StatusCode::NOT_FOUND, "{method} {path}");
                assert!(call(Some(&owner)).await.is_success(), "{method} {path}");
            } else if needs_sign_in && !template.ends_with("logout") {
                assert_ne!(call(Some(&other)).await, StatusCode::UNAUTHORIZED, "{method} {path}");
            }
            if template.starts_with("/hls/") || template.starts_with("/addon/") {
                assert_eq!(call(Some(&owner)).await, StatusCode::NOT_FOUND, "an access token opens no media");
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}
