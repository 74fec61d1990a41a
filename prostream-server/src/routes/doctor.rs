//! `/api/v1/doctor`: how the providers and the set-up of this server are, for those who look after it.

use std::sync::Arc;

use http::StatusCode;

use super::table::{Route, get};
use crate::app::App;
use crate::auth::Caller;
use crate::doctor::{Report, check_setup, missing_of};
use crate::limit::RateClass;
use crate::reply::{Answer, json};
use crate::request::Request;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/doctor", "What is wrong with the providers and the set-up, in plain words (administrators)")
            .gives::<Report>(
                200,
                "what was found, after at most 15 seconds; a provider that failed is a finding, no problem",
            )
            .admin(RateClass::Search, check_up),
    ]
}

/// What stands in the findings comes from settings and services: the addresses of the home network among it are for administrators.
async fn check_up(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let full = app.full()?;
    let (call, viewer) = (app.call(&caller, request.client), full.viewer(&caller.user_id, None));
    let (mut findings, asked) = tokio::join!(check_setup(&app.config), full.engine.check_up(&call, &viewer));
    findings.extend(missing_of(&full.providers));
    findings.extend(asked);
    findings.sort_by_key(|finding| finding.part);
    json(StatusCode::OK, &Report::new(findings))
}
