//! Titles that a service fetches before they play: how far they are, once and as events.
//!
//! Events: `preparing {progress, speed_bytes_per_s, elapsed_ms}` each time that the service was asked, then `ready {playback}`, after which those
//! of the playback come; or `failed {error}`, which is the last one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use prostream_core::ErrorKind;
use prostream_core::playback::{Preparing, PreparingState};
use serde::Serialize;
use utoipa::ToSchema;

use super::events;
use super::playbacks::{FailedOut, PlaybackOut, shown};
use crate::app::App;
use crate::auth::Caller;
use crate::reply::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// A service fetches it.
    Preparing,
    /// It will not play.
    Failed,
}

/// A title that a service fetches first.
#[derive(Serialize, ToSchema)]
#[schema(as = Preparing)]
pub(super) struct PreparingOut {
    /// Random id; later that of the playback.
    id: String,
    /// How it is.
    state: State,
    /// Name of the release.
    name: String,
    /// The film or episode.
    media_id: String,
    /// The release that is fetched.
    release: String,
    /// Share that is there, 0 to 1, where the service says so.
    progress: Option<f32>,
    /// Bytes a second, where the service says so.
    speed_bytes_per_s: Option<u64>,
    /// How long ago it was asked for.
    elapsed_ms: u64,
    /// Where to begin, in seconds, as asked for.
    start_s: Option<f64>,
    /// Why it will not play.
    error: Option<ProblemBody>,
}

impl PreparingOut {
    pub(super) fn new(preparing: &Preparing, request_id: &str) -> Self {
        let (progress, speed_bytes_per_s, error) = match preparing.state() {
            PreparingState::Fetching { progress, speed_bytes_per_s } => (progress, speed_bytes_per_s, None),
            PreparingState::Failed(error) => (None, None, Some(events::problem(&error, request_id))),
            _ => (None, None, None),
        };
        Self {
            id: preparing.id().to_owned(),
            state: if error.is_some() { State::Failed } else { State::Preparing },
            name: preparing.name().to_owned(),
            media_id: preparing.media_id().to_string(),
            release: preparing.release().to_owned(),
            progress,
            speed_bytes_per_s,
            elapsed_ms: milliseconds(preparing.elapsed()),
            start_s: preparing.start_s(),
            error,
        }
    }
}

#[derive(Serialize)]
struct Told {
    progress: Option<f32>,
    speed_bytes_per_s: Option<u64>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct ReadyOut {
    playback: PlaybackOut,
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What is told of one, up to its end.
pub(super) fn told(
    app: Arc<App>,
    caller: Caller,
    client: std::net::IpAddr,
    preparing: Preparing,
    request_id: String,
) -> impl Stream<Item = Bytes> + Send + 'static {
    preparing.changes().filter_map(move |state| {
        let (app, caller, preparing) = (Arc::clone(&app), caller.clone(), preparing.clone());
        let request_id = request_id.clone();
        async move {
            let failed = |error: Problem| events::message("failed", &FailedOut { error: error.body(&request_id) });
            match state {
                PreparingState::Fetching { progress, speed_bytes_per_s } => {
                    let elapsed_ms = milliseconds(preparing.elapsed());
                    events::message("preparing", &Told { progress, speed_bytes_per_s, elapsed_ms })
                }
                PreparingState::Ready => match ready(&app, &caller, client, preparing.id()).await {
                    Ok(playback) => events::message("ready", &ReadyOut { playback }),
                    Err(problem) => failed(problem),
                },
                PreparingState::Failed(error) => failed(Problem::about(&error)),
                PreparingState::Cancelled => failed(Problem::of(ErrorKind::Cancelled)),
                _ => None,
            }
        }
    })
}

/// The playback, granted to who listens.
async fn ready(app: &App, caller: &Caller, client: std::net::IpAddr, id: &str) -> Result<PlaybackOut, Problem> {
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, None);
    let playback = full.engine.playbacks().playback(&app.call(caller, client), &viewer, id).await?;
    let token = full.accounts.grant_media(caller, id).await?;
    Ok(shown(app, &playback, &token))
}
