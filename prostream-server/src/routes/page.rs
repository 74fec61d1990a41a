//! `/` and the files of the page. They are the same for everyone and hold no secret: the page asks for what it shows.

use std::sync::Arc;

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, IF_NONE_MATCH};

use super::table::{Route, get};
use crate::app::App;
use crate::limit::RateClass;
use crate::reply::{self, Answer, Problem};
use crate::request::Request;

/// What the page may load: itself, and what it makes in memory for playing (hls.js makes its text tracks from an empty `data:` file). No inline script, nobody frames it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/", "The page").gives_bytes(200, "the page", &["text/html"]).public(RateClass::Public, index),
        get("/{asset}", "A file of the page")
            .gives_bytes(200, "the file", &["text/css", "text/javascript", "image/svg+xml"])
            .gives_bytes(304, "it has not changed", &[])
            .public(RateClass::Public, asset),
    ]
}

async fn index(app: Arc<App>, request: Request) -> Answer {
    send(&app, &request, "index.html")
}

async fn asset(app: Arc<App>, request: Request) -> Answer {
    send(&app, &request, request.param("asset"))
}

fn send(app: &App, request: &Request, name: &str) -> Answer {
    let asset = app.assets.find(name).ok_or_else(Problem::not_found)?;
    let mut response = if request.matches_etag(&IF_NONE_MATCH, &asset.etag) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        reply::bytes(asset.content_type, asset.bytes.clone())
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(ETAG, etag);
    }
    Ok(response)
}
