use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::walks::MAX_AHEAD;
use crate::model::{ByteRange, Rope};
use crate::{Error, ErrorKind};

/// A reader this far ahead of a run, or of what others asked it for, waits for it rather than sending a request of his own.
const JOIN_AHEAD: u64 = 2 << 20;
/// A run with no more than this to come is joined anywhere: its bytes are on their way.
const JOIN_REST: u64 = 16 << 20;
/// A run this far ahead of its readers can do without its connection for a while.
const COMFORT: u64 = 4 << 20;
/// Most bytes that a follower is handed at once: who reads slowly holds no more than this and the buffers it lies in.
pub(super) const BATCH: u64 = 128 << 10;

/// One request upstream and those who read along.
///
/// It holds what its readers have not come by yet; what they have passed goes to the blocks. So each byte is held, and counted, once.
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
    /// Bytes that came and were not put away, with their offsets; none crosses the end of a block.
    pieces: VecDeque<(u64, Bytes)>,
    kept_bytes: u64,
    /// One past the last byte that came.
    end: u64,
    /// Where the run ends: moved forward when another run begins there.
    stop: u64,
    /// Where the reader is who got furthest.
    furthest: u64,
    /// Up to where those who follow asked for bytes, and how many of them.
    wanted: BTreeMap<u64, usize>,
    /// How far is read ahead of viewers who move forward. 0: only what is asked for.
    ahead: u64,
    /// Nobody follows, and it looks as if nobody will: nothing is read until somebody does.
    is_held: bool,
    /// The task waits until the furthest reader comes by here.
    wakes_at: Option<u64>,
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

/// How much a run may hold, as its share of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Ahead of its readers.
    pub(super) ahead: u64,
    /// Behind the one who got furthest, for those near him.
    pub(super) behind: u64,
}

/// What a follower gets.
#[derive(Debug)]
pub(super) enum Followed {
    /// Bytes from where he is; not empty.
    Pieces(Rope),
    /// The run ended before, or no longer holds what he wants: look elsewhere.
    LeftBehind,
    /// The source failed.
    Failed(Error),
}

/// One who reads along.
#[derive(Debug)]
pub(super) struct Follower {
    run: Arc<Run>,
    wanted: u64,
    /// He got what he wanted, or reads it elsewhere.
    is_content: bool,
}

impl Run {
    /// A run over `range` for a viewer at `furthest`, from where up to `ahead` bytes are read before anybody asks for them.
    pub(super) fn new(range: ByteRange, block_size: u64, furthest: u64, ahead: u64) -> Arc<Self> {
        let state = State {
            pieces: VecDeque::new(),
            kept_bytes: 0,
            end: range.start,
            stop: range.end,
            furthest,
            wanted: BTreeMap::new(),
            ahead,
            is_held: false,
            wakes_at: None,
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

    /// Reads along over `range`, if the run comes by its start soon; from then on it reads up to `ahead` beyond its readers.
    pub(super) fn join(self: &Arc<Self>, range: ByteRange, ahead: u64) -> Option<Follower> {
        let at = range.start;
        let mut state = self.lock();
        let low = state.end.saturating_sub(state.kept_bytes);
        let wanted = state.wanted().unwrap_or(0).clamp(state.end, state.end.saturating_add(JOIN_REST));
        let coming = wanted.saturating_add(JOIN_AHEAD);
        let is_near = at <= coming || state.stop.saturating_sub(state.end) <= JOIN_REST;
        if state.ended.is_some() || at < low || at >= state.stop || !is_near {
            return None;
        }
        let count = state.wanted.entry(range.end).or_default();
        *count = count.saturating_add(1);
        state.ahead = state.ahead.max(ahead);
        state.is_held = false;
        drop(state);
        self.asked.notify_one();
        Some(Follower { run: self.clone(), wanted: range.end, is_content: false })
    }

    /// A viewer who moves forward is at `at`, and reads what was put away or comes soon. Is that near enough for this run to be his?
    pub(super) fn see(&self, at: u64, ahead: u64) -> bool {
        let mut state = self.lock();
        let is_his =
            state.ended.is_none() && state.furthest <= at.saturating_add(JOIN_AHEAD) && at <= state.end.max(self.start);
        if is_his && at > state.furthest {
            state.furthest = at;
            state.ahead = state.ahead.max(ahead);
            state.is_held = false;
            self.wake(&mut state);
        }
        is_his
    }

    /// Does the run hold the byte at `offset`, or come by there next?
    pub(super) fn covers(&self, offset: u64) -> bool {
        let state = self.lock();
        let low = state.end.saturating_sub(state.kept_bytes);
        state.ended.is_none() && low <= offset && offset <= state.end && offset < state.stop
    }

    /// One past the last byte that came.
    pub(super) fn end_offset(&self) -> u64 {
        self.lock().end
    }

    /// How many bytes are to come at most.
    pub(super) fn rest(&self) -> u64 {
        let state = self.lock();
        state.stop.saturating_sub(state.end)
    }

    /// Somebody jumped elsewhere, perhaps the viewer that this is read ahead of: unless somebody follows, nothing is read until he comes.
    pub(super) fn hold(&self) {
        let mut state = self.lock();
        state.is_held |= state.wanted.is_empty();
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

    /// What to do next, when no more than `most` may be held ahead of the readers; a reader who has caught up is always read for.
    pub(super) fn demand(&self, most: u64) -> Demand {
        let mut state = self.lock();
        state.wakes_at = None;
        let rest = state.stop.saturating_sub(state.end);
        if rest == 0 {
            return Demand::Stop;
        }
        let is_followed = !state.wanted.is_empty();
        if !is_followed && state.ahead == 0 {
            // A rest within a block is read to its end: the connection can be used again, and the neighbour will want the bytes.
            if rest <= self.block_size {
                return Demand::Read;
            }
            // Said at once, so that nobody joins a run that goes.
            state.ended = Some(Ended::Done);
            return Demand::Stop;
        }
        if is_followed && state.furthest >= state.end {
            return Demand::Read;
        }
        let furthest = state.furthest;
        let asked = state.wanted().unwrap_or(furthest).min(furthest.saturating_add(MAX_AHEAD));
        let ahead = if state.is_held { 0 } else { state.ahead };
        let limit = asked.max(furthest.saturating_add(ahead)).min(furthest.saturating_add(most));
        if state.end < limit {
            return Demand::Read;
        }
        // Not for each piece that is read: an eighth of the window at a time.
        let step = (state.end.saturating_sub(furthest) / 8).max(1);
        state.wakes_at = Some(furthest.saturating_add(step));
        Demand::Wait
    }

    /// Can the readers do without more for a while?
    pub(super) fn is_comfortable(&self) -> bool {
        let state = self.lock();
        state.furthest.saturating_add(COMFORT) <= state.end
    }

    /// Waits until the demand may have changed.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Hands pieces to all who follow, and what lies beyond the end of the run to nobody. Gives back the blocks that the readers have
    /// passed by more than `behind` bytes: the run no longer holds them.
    pub(super) fn push(&self, pieces: impl IntoIterator<Item = Bytes>, behind: u64) -> Vec<(u64, Rope)> {
        let mut state = self.lock();
        for mut piece in pieces {
            piece.truncate(usize::try_from(state.stop.saturating_sub(state.end)).unwrap_or(usize::MAX));
            while !piece.is_empty() {
                let at = state.end;
                let room = self.block_size.saturating_sub(at % self.block_size);
                let part = piece.split_to(usize::try_from(room).unwrap_or(usize::MAX).min(piece.len()));
                state.end = at.saturating_add(part.len() as u64);
                state.kept_bytes = state.kept_bytes.saturating_add(part.len() as u64);
                state.pieces.push_back((at, part));
            }
        }
        let before = state.furthest.saturating_sub(behind).min(state.end);
        let passed = state.take_blocks(self.block_size, before);
        drop(state);
        self.grown.notify_waiters();
        passed
    }

    /// Everything that the run holds, by block.
    pub(super) fn held(&self) -> Vec<(u64, Rope)> {
        let state = self.lock();
        by_block(self.block_size, state.pieces.iter().cloned())
    }

    /// How many bytes it holds.
    pub(super) fn held_bytes(&self) -> u64 {
        self.lock().kept_bytes
    }

    /// Ends the run, unless it ended before; what it held was put away. It keeps so much as brings the one who got furthest on by a block,
    /// even where the budget keeps nothing.
    pub(super) fn end(&self, failure: Option<Error>) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.ended = Some(failure.map_or(Ended::Done, Ended::Failed));
        }
        let low = state.furthest;
        let high = low.saturating_add(self.block_size);
        let is_followed = !state.wanted.is_empty();
        state.pieces.retain(|(at, piece)| is_followed && *at < high && at.saturating_add(piece.len() as u64) > low);
        state.kept_bytes = state.pieces.iter().fold(0, |sum, (_, piece)| sum.saturating_add(piece.len() as u64));
        drop(state);
        self.grown.notify_waiters();
    }

    fn wake(&self, state: &mut State) {
        if state.wakes_at.is_some_and(|at| state.furthest >= at || state.furthest >= state.end) {
            state.wakes_at = None;
            self.asked.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Up to where somebody who follows asked for bytes; `None` when nobody does.
    fn wanted(&self) -> Option<u64> {
        self.wanted.last_key_value().map(|(end, _)| *end)
    }

    /// Takes the whole blocks that end at or before `offset`.
    fn take_blocks(&mut self, block_size: u64, offset: u64) -> Vec<(u64, Rope)> {
        let end = offset.saturating_sub(offset % block_size);
        let count = self.pieces.partition_point(|(at, _)| *at < end);
        let passed = by_block(block_size, self.pieces.drain(..count));
        let taken = passed.iter().fold(0u64, |sum, (_, rope)| sum.saturating_add(rope.len()));
        self.kept_bytes = self.kept_bytes.saturating_sub(taken);
        passed
    }
}

/// Joins neighbouring pieces that lie in the same block.
fn by_block(block_size: u64, pieces: impl Iterator<Item = (u64, Bytes)>) -> Vec<(u64, Rope)> {
    let mut blocks: Vec<(u64, Rope)> = Vec::new();
    for (at, piece) in pieces {
        match blocks.last_mut() {
            Some((start, rope)) if *start / block_size == at / block_size => rope.push(piece),
            _ => blocks.push((at, piece.into())),
        }
    }
    blocks
}

impl Follower {
    /// The next bytes of `range`, as soon as they are there.
    pub(super) async fn next(&self, range: ByteRange) -> Followed {
        loop {
            let mut grown = pin!(self.run.grown.notified());
            // Listens before it looks, so that nothing comes in between.
            grown.as_mut().enable();
            if let Some(followed) = self.look(range) {
                return followed;
            }
            grown.await;
        }
    }

    /// He has all that he wanted of this run: it may go on for who comes next.
    pub(super) fn leave(mut self) {
        self.is_content = true;
    }

    fn look(&self, range: ByteRange) -> Option<Followed> {
        let at = range.start;
        let mut state = self.run.lock();
        if at < state.end {
            let first = state.pieces.partition_point(|(offset, piece)| offset.saturating_add(piece.len() as u64) <= at);
            let mut rope = Rope::new();
            let end = range.end.min(at.saturating_add(BATCH));
            for (offset, piece) in state.pieces.range(first..) {
                let reached = at.saturating_add(rope.len());
                let Some(skip) = reached.checked_sub(*offset).filter(|_| reached < end) else { break };
                // Both are at most the length of the piece.
                let last = piece.len().min(usize::try_from(end.saturating_sub(*offset)).unwrap_or(usize::MAX));
                rope.push(piece.slice(usize::try_from(skip).unwrap_or(last).min(last)..last));
            }
            state.furthest = state.furthest.max(at.saturating_add(rope.len()));
            self.run.wake(&mut state);
            return Some(if rope.is_empty() { Followed::LeftBehind } else { Followed::Pieces(rope) });
        }
        state.furthest = state.furthest.max(at);
        self.run.wake(&mut state);
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
        if let Some(count) = state.wanted.get_mut(&self.wanted) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.wanted.remove(&self.wanted);
            }
        }
        if state.wanted.is_empty() {
            // Who leaves in the middle goes elsewhere: nothing is read ahead of him.
            state.is_held |= !self.is_content;
            drop(state);
            self.run.asked.notify_one();
        }
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
    const MANY: u64 = 1 << 40;

    fn piece(len: u64) -> [Bytes; 1] {
        [Bytes::from(vec![1; len as usize])]
    }

    fn bounded(end: u64) -> Arc<Run> {
        Run::new(ByteRange::new(0, end), BLOCK, 0, 0)
    }

    fn from(at: u64) -> ByteRange {
        ByteRange::new(at, MANY)
    }

    /// Goal: a run that nobody follows ends, unless it is about to end anyway.
    #[test]
    fn an_abandoned_run_finishes_its_block_only() {
        let run = bounded(10 * BLOCK);
        let follower = run.join(from(0), 0).expect("a new run");
        assert_eq!(run.demand(MANY), Demand::Read);
        run.push(piece(9 * BLOCK), 0);
        drop(follower);
        assert_eq!(run.demand(MANY), Demand::Read, "one block is left");
        run.push(piece(BLOCK), 0);
        assert_eq!(run.demand(MANY), Demand::Stop);
        let run = bounded(10 * BLOCK);
        drop(run.join(from(0), 0).expect("a new run"));
        assert_eq!(run.demand(MANY), Demand::Stop);
        assert!(run.join(from(0), 0).is_none(), "it goes");
    }

    /// Goal: a run that reads ahead goes on when its reader got what he wanted, up to its window; a reader who leaves in the middle
    /// holds it, and the next one sets it going again.
    #[test]
    fn a_run_reads_ahead_of_who_goes_on() {
        let run = Run::new(ByteRange::new(0, MANY), BLOCK, 0, 20 * BLOCK);
        let follower = run.join(ByteRange::new(0, 10 * BLOCK), 20 * BLOCK).expect("a new run");
        run.push(piece(10 * BLOCK), 0);
        assert!(
            matches!(follower.look(ByteRange::new(0, 10 * BLOCK)), Some(Followed::Pieces(rope)) if rope.len() == 10 * BLOCK)
        );
        follower.leave();
        assert_eq!(run.demand(MANY), Demand::Read);
        assert_eq!(run.demand(5 * BLOCK), Demand::Read, "less may be held, but nothing is yet");
        run.push(piece(20 * BLOCK), 0);
        assert_eq!(run.demand(MANY), Demand::Wait);
        assert!(run.see(15 * BLOCK, 20 * BLOCK), "he reads on");
        assert_eq!(run.demand(MANY), Demand::Read);
        drop(run.join(from(15 * BLOCK), 20 * BLOCK));
        assert_eq!(run.demand(MANY), Demand::Wait, "he left in the middle");
        assert!(run.see(16 * BLOCK, 20 * BLOCK));
        assert_eq!(run.demand(MANY), Demand::Read);
        run.hold();
        assert_eq!(run.demand(MANY), Demand::Wait, "somebody jumped");
    }

    /// Goal: a run waits for its readers; what they passed is given away once, and who is far behind is told so.
    #[tokio::test]
    async fn a_run_stays_within_its_window() {
        const WINDOW: u64 = 64 * BLOCK;
        let run = bounded(MANY);
        let follower = run.join(from(0), 0).expect("a new run");
        assert!(run.push(piece(WINDOW), 0).is_empty());
        assert!(matches!(follower.next(ByteRange::new(0, 1)).await, Followed::Pieces(rope) if rope.len() == 1));
        assert_eq!(run.demand(WINDOW - 1), Demand::Wait);
        assert!(
            matches!(follower.next(ByteRange::new(WINDOW - 1, WINDOW)).await, Followed::Pieces(rope) if rope.len() == 1)
        );
        assert_eq!(run.demand(WINDOW), Demand::Read);
        let passed: Vec<u64> = run
            .push(piece(10), BLOCK)
            .into_iter()
            .map(|(at, rope)| {
                assert_eq!(rope.len(), BLOCK);
                at
            })
            .collect();
        assert_eq!(passed, (0..63).map(|n| n * BLOCK).collect::<Vec<_>>());
        assert_eq!(run.held_bytes(), BLOCK + 10);
        assert!(matches!(follower.next(from(0)).await, Followed::LeftBehind));
        assert!(matches!(follower.next(from(63 * BLOCK)).await, Followed::Pieces(rope) if rope.len() == BLOCK + 10));
    }

    /// Goal: of two runs no byte is fetched twice: the earlier ends where the later begins.
    #[tokio::test]
    async fn a_run_ends_where_another_begins() {
        let run = bounded(MANY);
        let follower = run.join(ByteRange::new(0, 10), 0).expect("a new run");
        assert!(run.join(from(50 * JOIN_AHEAD), 0).is_none(), "too far to wait for");
        assert!(run.join(ByteRange::new(JOIN_AHEAD, 3 * JOIN_AHEAD), 0).is_some(), "near enough to wait for");
        assert!(run.join(from(4 * JOIN_AHEAD), 0).is_none(), "he who asked for what lies between has left");
        run.stop_before(BLOCK);
        run.push(piece(2 * BLOCK), 0);
        assert_eq!(run.end_offset(), BLOCK);
        assert!(matches!(follower.next(from(BLOCK)).await, Followed::LeftBehind));
        assert_eq!(run.demand(MANY), Demand::Stop);
        let other = Run::new(ByteRange::new(70, 80), BLOCK, 70, 0);
        assert_eq!((other.limit_for(10), other.limit_for(75)), (70, u64::MAX));
    }

    /// Goal: segments that are asked for at once are one request: what lies between is wanted by another.
    #[test]
    fn a_burst_joins_one_run() {
        let run = bounded(MANY);
        let ranges = [0, 1, 2].map(|n| ByteRange::with_len(n * 2 * JOIN_AHEAD, 2 * JOIN_AHEAD));
        let followers = ranges.map(|range| run.join(range, 0));
        assert!(followers.iter().all(Option::is_some));
    }

    /// Goal: all who wait hear of a failure, after the bytes that came before it.
    #[tokio::test]
    async fn a_failure_reaches_everyone_after_the_bytes() {
        let run = bounded(100);
        let followers = [run.join(from(0), 0).expect("a new run"), run.join(from(5), 0).expect("a run")];
        run.push(piece(10), 0);
        run.end(Some(Error::new(ErrorKind::RateLimited, "read link").advise("wait")));
        run.end(None);
        for follower in &followers {
            assert!(matches!(follower.next(from(5)).await, Followed::Pieces(rope) if rope.len() == 5));
            let Followed::Failed(error) = follower.next(from(10)).await else { panic!("no failure") };
            assert_eq!((error.kind(), error.advice()), (ErrorKind::RateLimited, Some("wait")));
        }
        assert!(run.join(from(5), 0).is_none(), "the next one asks anew");
    }

    /// Goal: a run that ends holds on to nothing but a block for the one who got furthest.
    #[test]
    fn an_ended_run_holds_next_to_nothing() {
        let run = bounded(MANY);
        let _follower = run.join(from(0), 0).expect("a new run");
        run.push(piece(100 * BLOCK), 0);
        assert_eq!(run.held().len(), 100);
        run.end(None);
        assert_eq!(run.held_bytes(), BLOCK);
    }
}
