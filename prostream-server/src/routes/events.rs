//! Server-sent events (WHATWG HTML, section 9.2): how they are written, kept alive and ended.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{CACHE_CONTROL, HeaderValue};
use prostream_core::{Error, ErrorKind};
use serde::Serialize;
use tokio::time::timeout;

use crate::app::App;
use crate::reply::{self, Answer, Problem, ProblemBody};

/// The media type.
pub(super) const TYPE: &str = "text/event-stream";

/// So often something is said when nothing happens: proxies close what is silent for a minute.
const SILENCE: Duration = Duration::from_secs(15);
/// Such a stream ends after so long, and its listener comes back: whether it still may listen is asked anew.
const MAX_LENGTH: Duration = Duration::from_secs(3600);

/// One event. JSON has no line breaks of its own, so one `data` line is enough.
pub(super) fn message<T: Serialize>(name: &str, data: &T) -> Option<Bytes> {
    let data = serde_json::to_string(data)
        .inspect_err(|error| tracing::error!(%error, kind = %ErrorKind::Internal, "cannot write event"))
        .ok()?;
    Some(format!("event: {name}\ndata: {data}\n\n").into())
}

/// An error within an event: a problem as elsewhere.
pub(super) fn problem(error: &Error, request_id: &str) -> ProblemBody {
    Problem::about(error).body(request_id)
}

/// The answer: these events until they end, the server stops, or the hour is over.
pub(super) fn answer(app: &App, events: impl Stream<Item = Bytes> + Send + 'static) -> Answer {
    let spoken = stream::unfold(Box::pin(events), |mut events| async move {
        match timeout(SILENCE, events.next()).await {
            Ok(event) => event.map(|event| (event, events)),
            Err(_) => Some((Bytes::from_static(b":\n\n"), events)),
        }
    });
    let stop = app.stop.clone();
    let ended = async move {
        // Either way it ends; the listener of a server that stops finds that out by coming back.
        let _ = timeout(MAX_LENGTH, stop.cancelled()).await;
    };
    let mut response = reply::stream(TYPE, spoken.map(Ok::<_, Error>).take_until(Box::pin(ended)));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
