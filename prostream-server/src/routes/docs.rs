//! `/openapi.json` and the page that shows it. The page's files come with the program; nothing is loaded from elsewhere.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};

use super::table::{Route, get};
use crate::app::App;
use crate::limit::RateClass;
use crate::reply::{self, Answer, Problem};
use crate::request::Request;

/// The frame of the page. Swagger UI's own would run a script that names files relative to a path with a slash at its end.
const INDEX: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>ProStream API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;

const START: &str =
    "SwaggerUIBundle({url: \"/openapi.json\", dom_id: \"#swagger-ui\", deepLinking: true, validatorUrl: null});\n";

/// Files that the page needs, by the names Swagger UI gives them.
const FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

/// As the page of the player, but that Swagger UI styles by attribute and shows pictures of its own as data.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/openapi.json", "The description of this API (OpenAPI 3.1)")
            .gives_bytes(200, "the description", &["application/json"])
            .public(RateClass::Public, openapi),
        get("/docs", "A page that shows the description")
            .gives_bytes(200, "the page", &["text/html"])
            .public(RateClass::Public, index),
        get("/docs/{file}", "A file of that page")
            .gives_bytes(200, "the file", &["text/css", "text/javascript"])
            .public(RateClass::Public, file),
    ]
}

async fn openapi(app: Arc<App>, _request: Request) -> Answer {
    Ok(reply::bytes("application/json", app.openapi.clone()))
}

async fn index(_app: Arc<App>, _request: Request) -> Answer {
    Ok(guarded(reply::bytes("text/html; charset=utf-8", INDEX)))
}

async fn file(_app: Arc<App>, request: Request) -> Answer {
    let name = request.param("file");
    if name == "start.js" {
        return Ok(guarded(reply::bytes("text/javascript; charset=utf-8", START)));
    }
    if !FILES.contains(&name) {
        return Err(Problem::not_found());
    }
    let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi.json"));
    let found = utoipa_swagger_ui::serve(name, config).ok().flatten().ok_or_else(Problem::not_found)?;
    let mut response = reply::bytes(&found.content_type, found.bytes.into_owned());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    if found.gzpipped {
        response.headers_mut().insert(http::header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(guarded(response))
}

fn guarded(mut response: warp::reply::Response) -> warp::reply::Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
    response
}
