use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::model::ByteRange;
use crate::{Error, ErrorKind};

/// How far a run reads ahead of the reader who is furthest, in bytes.
pub(super) const WINDOW: u64 = 8 << 20;
/// How many bytes a run keeps for those who follow it; who falls further behind reads from the cache.
const MAX_KEPT: u64 = 2 * WINDOW;
/// A reader this far ahead of a run waits for it rather than sending a request of his own.
const JOIN_AHEAD: u64 = 2 << 20;
/// A run with no more than this to come is joined anywhere: its bytes are on their way.
const JOIN_REST: u64 = 16 << 20;

/// One request upstream and those who read along.
#[derive(Debug)]
pub(super) struct Run {
    start: u64,
    block_size: u64,
    state: Mutex<State>,
    /// Bytes came, or the run ended.
    grown: Notify,
    /// Somebody came, went or read on: one task listens.
    asked: Notify,
}

#[derive(Debug)]
struct State {
    /// The last bytes that came, with their offsets.
    pieces: VecDeque<(u64, Bytes)>,
    kept_bytes: u64,
    /// One past the last byte that came.
    end: u64,
    /// Where the run ends: moved forward when another run begins there.
    stop: u64,
    /// Where the reader is who got furthest.
    furthest: u64,
    follower_count: usize,
    ended: Option<Ended>,
}

#[derive(Debug)]
enum Ended {
    Done,
    Failed(Error),
}

/// What the task that feeds a run does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Read on.
    Read,
    /// Wait until somebody reads on.
    Wait,
    /// Nobody needs more.
    Stop,
}

/// What a follower gets.
#[derive(Debug)]
pub(super) enum Followed {
    /// Bytes from where he is; not empty.
    Piece(Bytes),
    /// The run ended before, or no longer keeps what he wants: look elsewhere.
    LeftBehind,
    /// The source failed.
    Failed(Error),
}

/// One who reads along; the run ends when the last one is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    run: Arc<Run>,
}

impl Run {
    pub(super) fn new(range: ByteRange, block_size: u64) -> Arc<Self> {
        let state = State {
            pieces: VecDeque::new(),
            kept_bytes: 0,
            end: range.start,
            stop: range.end,
            furthest: range.start,
            follower_count: 0,
            ended: None,
        };
        Arc::new(Self {
            start: range.start,
            block_size,
            state: Mutex::new(state),
            grown: Notify::new(),
            asked: Notify::new(),
        })
    }

    /// Reads along from `at`, if the run comes by there soon.
    pub(super) fn join(self: &Arc<Self>, at: u64) -> Option<Follower> {
        let mut state = self.lock();
        let low = state.end.saturating_sub(state.kept_bytes);
        let is_near = at <= state.end.saturating_add(JOIN_AHEAD) || state.stop.saturating_sub(state.end) <= JOIN_REST;
        if state.ended.is_some() || at < low || at >= state.stop || !is_near {
            return None;
        }
        state.follower_count = state.follower_count.saturating_add(1);
        Some(Follower { run: self.clone() })
    }

    /// Makes room for a run that begins at `at`: ends before it, if it is still to come there.
    pub(super) fn stop_before(&self, at: u64) {
        let mut state = self.lock();
        if state.end <= at && at < state.stop {
            state.stop = at;
            drop(state);
            self.asked.notify_one();
        }
    }

    /// Where a run that begins at `at` must end, lest it fetches what this one does.
    pub(super) fn limit_for(&self, at: u64) -> u64 {
        let state = self.lock();
        if state.ended.is_none() && self.start > at { self.start } else { u64::MAX }
    }

    pub(super) fn demand(&self) -> Demand {
        let mut state = self.lock();
        let rest = state.stop.saturating_sub(state.end);
        // A rest within a block is read to its end: the connection can be used again, and the neighbour will want the bytes.
        let is_abandoned = state.follower_count == 0 && rest > self.block_size;
        if rest == 0 {
            return Demand::Stop;
        }
        if is_abandoned {
            // Said at once, so that nobody joins a run that goes.
            state.ended = Some(Ended::Done);
            return Demand::Stop;
        }
        if state.end >= state.furthest.saturating_add(WINDOW) { Demand::Wait } else { Demand::Read }
    }

    /// Waits until the demand may have changed.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Hands a piece to all who follow; what lies beyond the end of the run is cut off. The piece as it was kept.
    pub(super) fn push(&self, mut piece: Bytes) -> Bytes {
        let mut state = self.lock();
        let room = usize::try_from(state.stop.saturating_sub(state.end)).unwrap_or(usize::MAX);
        piece.truncate(room);
        let len = piece.len() as u64;
        if len > 0 {
            let at = state.end;
            state.pieces.push_back((at, piece.clone()));
            state.end = at.saturating_add(len);
            state.kept_bytes = state.kept_bytes.saturating_add(len);
            while state.kept_bytes > MAX_KEPT {
                let Some((_, oldest)) = state.pieces.pop_front() else { break };
                state.kept_bytes = state.kept_bytes.saturating_sub(oldest.len() as u64);
            }
            drop(state);
            self.grown.notify_waiters();
        }
        piece
    }

    /// Ends the run, unless it ended before.
    pub(super) fn end(&self, failure: Option<Error>) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.ended = Some(failure.map_or(Ended::Done, Ended::Failed));
        }
        drop(state);
        self.grown.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// The next bytes from `at`, as soon as they are there.
    pub(super) async fn next(&self, at: u64) -> Followed {
        loop {
            let mut grown = pin!(self.run.grown.notified());
            // Listens before it looks, so that nothing comes in between.
            grown.as_mut().enable();
            if let Some(followed) = self.look(at) {
                return followed;
            }
            grown.await;
        }
    }

    fn look(&self, at: u64) -> Option<Followed> {
        let mut state = self.run.lock();
        if at > state.furthest {
            state.furthest = at;
            self.run.asked.notify_one();
        }
        if at < state.end {
            let after = state.pieces.partition_point(|&(offset, _)| offset <= at);
            let piece = after.checked_sub(1).and_then(|index| state.pieces.get(index)).and_then(|(offset, piece)| {
                let skip = usize::try_from(at.checked_sub(*offset)?).ok()?;
                (skip < piece.len()).then(|| piece.slice(skip..))
            });
            return Some(piece.map_or(Followed::LeftBehind, Followed::Piece));
        }
        match &state.ended {
            Some(Ended::Failed(error)) => Some(Followed::Failed(again(error))),
            Some(Ended::Done) => Some(Followed::LeftBehind),
            None if at >= state.stop => Some(Followed::LeftBehind),
            None => None,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.run.lock();
        state.follower_count = state.follower_count.saturating_sub(1);
        drop(state);
        self.run.asked.notify_one();
    }
}

/// The same error for one more of those who waited; the cause stays with the first.
fn again(error: &Error) -> Error {
    let mut copy = Error::new(error.kind(), error.operation());
    if let Some(provider) = error.provider() {
        copy = copy.at(provider.to_owned());
    }
    if let Some(detail) = error.detail_text() {
        copy = copy.detail(detail.to_owned());
    }
    if let Some(advice) = error.advice() {
        copy = copy.advise(advice.to_owned());
    }
    if let Some(wait) = error.retry_after() {
        copy = copy.after(wait);
    }
    copy
}

/// What followers are told when the task that feeds them is gone.
pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "read through cache").detail("the cache is closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = 1 << 10;

    fn piece(len: u64) -> Bytes {
        Bytes::from(vec![1; len as usize])
    }

    /// Goal: a run that nobody follows ends, unless it is about to end anyway.
    #[test]
    fn an_abandoned_run_finishes_its_block_only() {
        let run = Run::new(ByteRange::new(0, 10 * BLOCK), BLOCK);
        let follower = run.join(0).expect("a new run");
        assert_eq!(run.demand(), Demand::Read);
        run.push(piece(9 * BLOCK));
        drop(follower);
        assert_eq!(run.demand(), Demand::Read, "one block is left");
        run.push(piece(BLOCK));
        assert_eq!(run.demand(), Demand::Stop);
        let run = Run::new(ByteRange::new(0, 10 * BLOCK), BLOCK);
        drop(run.join(0).expect("a new run"));
        assert_eq!(run.demand(), Demand::Stop);
        assert!(run.join(0).is_none(), "it goes");
    }

    /// Goal: a run waits for its readers, and who is far behind is told so.
    #[tokio::test]
    async fn a_run_stays_within_its_window() {
        let run = Run::new(ByteRange::new(0, 10 * WINDOW), BLOCK);
        let follower = run.join(0).expect("a new run");
        run.push(piece(WINDOW));
        assert_eq!(run.demand(), Demand::Wait);
        assert!(matches!(follower.next(WINDOW - 1).await, Followed::Piece(piece) if piece.len() == 1));
        assert_eq!(run.demand(), Demand::Read);
        run.push(piece(WINDOW));
        run.push(piece(WINDOW));
        assert!(matches!(follower.next(0).await, Followed::LeftBehind));
        assert!(matches!(follower.next(WINDOW).await, Followed::Piece(_)));
        assert!(run.lock().kept_bytes <= MAX_KEPT);
    }

    /// Goal: of two runs no byte is fetched twice: the earlier ends where the later begins.
    #[tokio::test]
    async fn a_run_ends_where_another_begins() {
        let run = Run::new(ByteRange::new(0, 100 * WINDOW), BLOCK);
        let follower = run.join(0).expect("a new run");
        assert!(run.join(50 * WINDOW).is_none(), "too far to wait for");
        assert!(run.join(JOIN_AHEAD).is_some(), "near enough to wait for");
        run.stop_before(BLOCK);
        assert_eq!(run.push(piece(2 * BLOCK)).len() as u64, BLOCK);
        assert!(matches!(follower.next(BLOCK).await, Followed::LeftBehind));
        assert_eq!(run.demand(), Demand::Stop);
        assert_eq!(Run::new(ByteRange::new(70, 80), BLOCK).limit_for(10), 70);
        assert_eq!(Run::new(ByteRange::new(70, 80), BLOCK).limit_for(75), u64::MAX);
    }

    /// Goal: all who wait hear of a failure, after the bytes that came before it.
    #[tokio::test]
    async fn a_failure_reaches_everyone_after_the_bytes() {
        let run = Run::new(ByteRange::new(0, 100), BLOCK);
        let followers = [run.join(0).expect("a new run"), run.join(5).expect("a run")];
        run.push(piece(10));
        run.end(Some(Error::new(ErrorKind::RateLimited, "read link").advise("wait")));
        run.end(None);
        for follower in &followers {
            assert!(matches!(follower.next(5).await, Followed::Piece(piece) if piece.len() == 5));
            let Followed::Failed(error) = follower.next(10).await else { panic!("no failure") };
            assert_eq!((error.kind(), error.advice()), (ErrorKind::RateLimited, Some("wait")));
        }
        assert!(run.join(5).is_none(), "the next one asks anew");
    }
}
