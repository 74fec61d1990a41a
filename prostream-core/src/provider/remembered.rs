//! An answer that is asked for once and believed for a while.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::net::Call;
use crate::{Error, ErrorKind, Result};

/// Keeps the last answer. Callers at once ask once: the others wait for that answer, within their own deadline. A failure is not kept.
pub(crate) struct Remembered<T> {
    life: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Remembered<T> {
    pub(crate) fn new(life: Duration) -> Self {
        Self { life, last: Mutex::new(None) }
    }

    /// The answer that is kept, or the one that `ask` gives now.
    pub(crate) async fn read(&self, call: &Call, ask: impl AsyncFnOnce(&Call) -> Result<T>) -> Result<T> {
        let mut last = tokio::time::timeout(call.remaining(), self.last.lock())
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "wait for an answer that another call asked for"))?;
        if let Some((_, answer)) = last.as_ref().filter(|(read_at, _)| read_at.elapsed() < self.life) {
            return Ok(answer.clone());
        }
        let answer = ask(call).await?;
        *last = Some((Instant::now(), answer.clone()));
        Ok(answer)
    }
}

impl<T> fmt::Debug for Remembered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("life", &self.life).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Goal: callers at once ask once; a failure is asked again; an answer that is too old too.
    #[tokio::test]
    async fn an_answer_is_asked_for_once() {
        let count = AtomicU32::new(0);
        let ask = async |_: &Call| {
            tokio::task::yield_now().await;
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::new(ErrorKind::Unavailable, "test")),
                asked => Ok(asked),
            }
        };
        let call = Call::within(Duration::from_secs(60));
        let remembered = Remembered::new(Duration::from_secs(600));
        assert_eq!(remembered.read(&call, ask).await.unwrap_err().kind(), ErrorKind::Unavailable);
        let both = tokio::join!(remembered.read(&call, ask), remembered.read(&call, ask));
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (1, 1));
        let forgetful = Remembered::new(Duration::ZERO);
        forgetful.read(&call, ask).await.unwrap();
        assert_eq!(forgetful.read(&call, ask).await.unwrap(), 3);
    }
}
