//! `/health/live` and `/health/ready`: for whoever starts and stops this server.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::table::{Route, get};
use crate::app::App;
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, json};
use crate::request::Request;

#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`: otherwise a problem is answered.
    status: &'static str,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/health/live", "Is the process alive?").gives::<Health>(200, "it is").public(RateClass::Public, live),
        get("/health/ready", "Does the server take new requests?")
            .gives::<Health>(200, "it does")
            .public(RateClass::Public, ready),
    ]
}

async fn live(_app: Arc<App>, _request: Request) -> Answer {
    json(StatusCode::OK, &Health { status: "ok" })
}

async fn ready(app: Arc<App>, _request: Request) -> Answer {
    if app.is_ready() {
        return json(StatusCode::OK, &Health { status: "ok" });
    }
    Err(Problem::of(prostream_core::ErrorKind::Unavailable).detail("the server is stopping"))
}
