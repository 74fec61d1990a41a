//! Complaints of too many requests: they bind all that use the account, not only who hears them.

use std::time::Duration;

use http::StatusCode;

use crate::net::Reply;
use crate::provider::pace::Pace;
use crate::{Error, ErrorKind, Result};

/// Passes on what was read of a reply. A complaint of too many requests lets nothing of `paces` pass for as long as the service asks, or for
/// `pause` where it does not say, and tells that wait.
pub(super) fn heed<T>(paces: &[&Pace], pause: Duration, reply: &Reply, answer: Result<T>) -> Result<T> {
    let is_complaint = answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::RateLimited);
    if !is_complaint && reply.status != StatusCode::TOO_MANY_REQUESTS {
        return answer;
    }
    let wait = answer.as_ref().err().and_then(Error::retry_after).unwrap_or(pause);
    for pace in paces {
        pace.pause(wait);
    }
    answer.map_err(|error| if is_complaint { error.after(wait) } else { error })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::net::Call;

    /// Goal: a complaint, by status or by words, stops all paces for its own time or for ours; every other answer stops none.
    #[tokio::test]
    async fn complaints_stop_every_pace() {
        const PAUSE: Duration = Duration::from_secs(500);
        let error = |kind| Error::new(kind, "test");
        for (status, answer, told, is_paused) in [
            (429, Err(error(ErrorKind::RateLimited)), Some(PAUSE), true),
            (429, Err(error(ErrorKind::RateLimited).after(PAUSE * 2)), Some(PAUSE * 2), true),
            (200, Err(error(ErrorKind::RateLimited)), Some(PAUSE), true),
            (429, Err(error(ErrorKind::Malformed)), None, true),
            (429, Ok(()), None, true),
            (503, Err(error(ErrorKind::Unavailable)), None, false),
            (200, Ok(()), None, false),
        ] {
            let pace = || Pace::new(NonZeroU32::MIN, NonZeroU32::MIN);
            let (one, other) = (pace(), pace());
            let answer = heed(&[&one, &other], PAUSE, &Reply::of(status, ""), answer);
            assert_eq!(answer.err().and_then(|error| error.retry_after()), told, "{status}");
            for pace in [one, other] {
                let turn = pace.turn(&Call::within(Duration::from_secs(60)), "test").await;
                assert_eq!(turn.is_err_and(|error| error.kind() == ErrorKind::RateLimited), is_paused, "{status}");
            }
        }
    }
}
