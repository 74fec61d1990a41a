//! `/api/v1/titles/{media_id}/releases`: releases of a title, best first, each with its reasons; as events while the indexers answer, for
//! whoever accepts `text/event-stream`.
//!
//! Events: `title`, `indexer_answered {indexer, release_count, elapsed_ms, missing [{tracker, reason}]}`, `indexer_failed {indexer, error}`, `ranked {candidates, rejected}`,
//! and at the end `done {is_partial}` or `failed {error}`; `error` is a problem as elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use prostream_core::model::MediaId;
use prostream_core::provider::indexer::Missing;
use prostream_core::release::{self, Ranking};
use prostream_core::resolve::{ReleaseEvent, release_key};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::{self, message, problem};
use super::playbacks::named_device;
use super::table::{Route, get};
use super::titles::Title;
use crate::app::App;
use crate::auth::Caller;
use crate::limit::RateClass;
use crate::reply::{Answer, ProblemBody, json};
use crate::request::Request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleasesQuery {
    #[serde(default)]
    device: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Releases {
    /// Those that fit, best first.
    candidates: Vec<Candidate>,
    /// Those that were left out.
    rejected: Vec<Rejected>,
    /// An indexer failed or did not answer in time.
    is_partial: bool,
}

#[derive(Serialize, ToSchema)]
struct Candidate {
    /// Names this release for `POST /api/v1/playbacks`.
    release: String,
    /// Release name.
    name: String,
    /// Who lists it.
    indexer: String,
    /// Tracker behind an indexer that asks several.
    tracker: Option<String>,
    /// All its files, in bytes.
    size_bytes: Option<u64>,
    /// Peers with all of it.
    seeder_count: Option<u32>,
    /// Days since it was listed.
    age_days: Option<u32>,
    /// Known to play at once, or known not to.
    known_ready: Option<bool>,
    /// Sum of the reasons.
    score: i32,
    /// Why it stands where it does, largest effect first.
    reasons: Vec<Reason>,
}

#[derive(Serialize, ToSchema)]
struct Reason {
    /// For people: `1080p`, `played here 3 h ago`.
    text: String,
    /// What it added to the score.
    points: i32,
}

#[derive(Serialize, ToSchema)]
struct Rejected {
    /// Release name.
    name: String,
    /// Who lists it.
    indexer: String,
    /// Why it was left out, for people.
    reason: String,
}

#[derive(Serialize)]
struct Ranked {
    candidates: Vec<Candidate>,
    rejected: Vec<Rejected>,
}

#[derive(Serialize)]
struct IndexerAnswered {
    indexer: String,
    release_count: usize,
    elapsed_ms: u128,
    missing: Vec<Missing>,
}

#[derive(Serialize)]
struct IndexerFailed {
    indexer: String,
    error: ProblemBody,
}

#[derive(Serialize)]
struct Done {
    is_partial: bool,
}

#[derive(Serialize)]
struct Failed {
    error: ProblemBody,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/v1/titles/{media_id}/releases",
            "Releases of a film or an episode, best first, each with its reasons",
        )
        .query(
            "device",
            "name of a device profile: any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay",
            false,
        )
        .gives::<Releases>(200, "the releases; as events while the indexers answer")
        .or_as(events::TYPE)
        .user(RateClass::Search, releases),
    ]
}

async fn releases(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let input: ReleasesQuery = request.query()?;
    let media_id: MediaId = request.decoded_param("media_id")?.parse()?;
    let device = input.device.as_deref().map(named_device).transpose()?;
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, device);
    let call = app.call(&caller, request.client);
    if !request.accepts(events::TYPE) {
        let found = full.engine.find_releases(&call, &viewer, &media_id).await?;
        if !found.is_partial && !found.ranking.candidates.is_empty() {
            full.engine.prepare(&viewer, &media_id);
        }
        let Ranked { candidates, rejected } = Ranked::from(found.ranking.as_ref());
        return json(StatusCode::OK, &Releases { candidates, rejected, is_partial: found.is_partial });
    }
    let id = request.id;
    let engine = full.engine.clone();
    let found = full
        .engine
        .releases(&call, &viewer, &media_id)
        .inspect(move |event| {
            // All have answered: whoever looks at the list is likely to play the first.
            if let ReleaseEvent::Done { is_partial: false } = event {
                engine.prepare(&viewer, &media_id);
            }
        })
        .filter_map(move |event| std::future::ready(written(&event, &id)));
    events::answer(&app, found)
}

/// An event as it goes over the wire; `None` for one that a later engine brings and this server does not know.
fn written(event: &ReleaseEvent, request_id: &str) -> Option<Bytes> {
    match event {
        ReleaseEvent::Title(title) => message("title", &Title::from(title.as_ref())),
        ReleaseEvent::IndexerAnswered { indexer, release_count, elapsed, missing } => {
            let answered = IndexerAnswered {
                indexer: indexer.to_string(),
                release_count: *release_count,
                elapsed_ms: elapsed.as_millis(),
                missing: missing.clone(),
            };
            message("indexer_answered", &answered)
        }
        ReleaseEvent::IndexerFailed { indexer, error } => {
            let failed = IndexerFailed { indexer: indexer.to_string(), error: problem(error, request_id) };
            message("indexer_failed", &failed)
        }
        ReleaseEvent::Ranked(ranking) => message("ranked", &Ranked::from(ranking.as_ref())),
        ReleaseEvent::Done { is_partial } => message("done", &Done { is_partial: *is_partial }),
        ReleaseEvent::Failed(error) => message("failed", &Failed { error: problem(error, request_id) }),
        _ => None,
    }
}

impl From<&Ranking> for Ranked {
    fn from(ranking: &Ranking) -> Self {
        let rejected = |one: &release::Rejected| Rejected {
            name: one.release.name.clone(),
            indexer: one.release.indexer.to_string(),
            reason: one.reason.clone(),
        };
        Self {
            candidates: ranking.candidates.iter().map(Candidate::from).collect(),
            rejected: ranking.rejected.iter().map(rejected).collect(),
        }
    }
}

impl From<&release::Candidate> for Candidate {
    fn from(candidate: &release::Candidate) -> Self {
        let release = &candidate.release;
        let reason = |reason: &release::Reason| Reason { text: reason.text.clone(), points: reason.points };
        Self {
            release: release_key(release),
            name: release.name.clone(),
            indexer: release.indexer.to_string(),
            tracker: release.tracker.clone(),
            size_bytes: release.size_bytes,
            seeder_count: release.seeder_count,
            age_days: release.age_days,
            known_ready: candidate.known_ready,
            score: candidate.score,
            reasons: candidate.reasons.iter().map(reason).collect(),
        }
    }
}
