//! A film host that loses a file: what is played first cannot be had any more after a while. For a look at what happens then.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode};
use prostream_core::testing::stand_in::{FilmHost, StandIn, StandInReply, StandInRequest};

/// Serves as [`FilmHost`] does; without a time it loses nothing.
#[derive(Debug)]
pub(super) struct LosingHost {
    films: Arc<FilmHost>,
    lost_after: Option<Duration>,
    /// The path that was asked for first, and when.
    first: OnceLock<(String, Instant)>,
}

impl LosingHost {
    pub(super) fn new(films: Arc<FilmHost>, lost_after: Option<Duration>) -> Self {
        Self { films, lost_after, first: OnceLock::new() }
    }
}

impl StandIn for LosingHost {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let path = request.uri().path();
        let (first, since) = self.first.get_or_init(|| (path.to_owned(), Instant::now()));
        if first == path && self.lost_after.is_some_and(|after| since.elapsed() >= after) {
            let mut reply = Response::new(Bytes::new());
            *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return reply;
        }
        self.films.reply(request)
    }
}
