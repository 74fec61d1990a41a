use std::time::Duration;

use tokio::time::Instant;

use crate::model::ByteRange;

/// How far is read ahead of a viewer who moves forward, in bytes (PACKAGING 5.6).
pub(super) const MAX_AHEAD: u64 = 24 << 20;
/// A read that begins so far beyond the one before still goes on from it: what lies between is cheaper to read than another request.
const NEAR: u64 = 2 << 20;
/// Where a viewer was is remembered for as long as he may pause without being taken for a new one.
pub(super) const MEMORY: Duration = Duration::from_secs(600);
/// Most places of one file that are remembered, one for each viewer or group of viewers near each other.
const MAX_WALKS: usize = 64;

/// Where the viewers of a file are, and which of them move forward.
///
/// Nothing is known here of segments and tracks. A player asks for pictures and sound of the same span in any order, and then for those
/// of the next: so a read that lies in the span before is part of it, and one that begins in its second half or soon behind it and goes on
/// beyond is a step forward. From the first step on the reads are a walk, and bytes are read ahead of it, as many as it is long, at most
/// [`MAX_AHEAD`]: a viewer who leaves after two segments has cost no more than them.
#[derive(Debug, Default)]
pub(super) struct Walks {
    /// The one that was read last at the end.
    walks: Vec<Walk>,
}

#[derive(Debug)]
struct Walk {
    start: u64,
    /// One past the furthest byte that was asked for.
    end: u64,
    /// The span that is read now.
    span: ByteRange,
    step_count: u32,
    last_read: Instant,
}

impl Walks {
    /// Somebody reads `range`, which is not empty. How many bytes are worth reading ahead of it: 0 when nothing says that the viewer goes on.
    pub(super) fn note(&mut self, range: ByteRange, now: Instant) -> u64 {
        let found = self.walks.iter().rposition(|walk| walk.holds(range.start));
        let mut walk = match found {
            Some(at) => self.walks.remove(at),
            None => Walk { start: range.start, end: range.start, span: range, step_count: 0, last_read: now },
        };
        walk.go_on(range);
        walk.last_read = now;
        let ahead = walk.ahead();
        if self.walks.len() >= MAX_WALKS {
            self.walks.remove(0);
        }
        self.walks.push(walk);
        ahead
    }

    /// Forgets viewers who have not read for long. Is any left?
    pub(super) fn forget(&mut self, now: Instant) -> bool {
        self.walks.retain(|walk| now.saturating_duration_since(walk.last_read) < MEMORY);
        !self.walks.is_empty()
    }
}

impl Walk {
    fn holds(&self, at: u64) -> bool {
        self.span.start.saturating_sub(NEAR) <= at && at <= self.end.saturating_add(NEAR)
    }

    fn go_on(&mut self, range: ByteRange) {
        let is_behind = range.start < self.span.start.saturating_add(self.span.len() / 2);
        // What is read on behind a span, because its sound lies a little farther, is no step yet.
        let is_small = range.len() < self.span.len() / 4;
        if !is_behind && !is_small && range.end > self.end {
            self.span = range;
            self.step_count = self.step_count.saturating_add(1);
        }
        self.end = self.end.max(range.end);
    }

    fn ahead(&self) -> u64 {
        if self.step_count == 0 { 0 } else { self.end.saturating_sub(self.start).min(MAX_AHEAD) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn note(walks: &mut Walks, start: u64, end: u64) -> u64 {
        walks.note(ByteRange::new(start, end), Instant::now())
    }

    /// Goal: one segment is no walk, whatever is read of it and in whatever order; the next one is.
    #[tokio::test]
    async fn the_second_segment_makes_a_walk() {
        let mut walks = Walks::default();
        // Pictures, sound that lies between them and reaches further, and a little more of it.
        for (start, end) in [(0, 4 * MB), (100, 4 * MB + 500), (4 * MB + 500, 5 * MB), (50, 3 * MB)] {
            assert_eq!(note(&mut walks, start, end), 0, "{start}");
        }
        assert_eq!(note(&mut walks, 4 * MB, 8 * MB), 8 * MB);
        assert_eq!(note(&mut walks, 4 * MB + 100, 8 * MB + 500), 8 * MB + 500);
        assert_eq!(note(&mut walks, 8 * MB, 12 * MB), 12 * MB);
        assert_eq!(note(&mut walks, 12 * MB, 60 * MB), MAX_AHEAD);
        assert_eq!(walks.walks.len(), 1);
    }

    /// Goal: a jump is another walk, forward and back, and so are reads of a little text here and there.
    #[tokio::test]
    async fn jumps_begin_anew() {
        let mut walks = Walks::default();
        note(&mut walks, 0, 4 * MB);
        assert!(note(&mut walks, 4 * MB, 8 * MB) > 0);
        assert_eq!(note(&mut walks, 100 * MB, 104 * MB), 0);
        assert_eq!(note(&mut walks, 0, 4 * MB), 0, "back to the start");
        for n in 1..100 {
            assert_eq!(note(&mut walks, n * 50 * MB, n * 50 * MB + 1000), 0, "{n}");
        }
        assert_eq!(walks.walks.len(), MAX_WALKS);
        assert!(!walks.forget(Instant::now() + MEMORY));
    }

    /// Goal: a burst of segments, asked for at once and out of order, is a walk too.
    #[tokio::test]
    async fn a_burst_is_a_walk() {
        let mut walks = Walks::default();
        note(&mut walks, 0, 4 * MB);
        note(&mut walks, 4 * MB, 8 * MB);
        let burst = [(12 * MB, 16 * MB), (8 * MB, 12 * MB), (16 * MB, 20 * MB)]
            .map(|(start, end)| note(&mut walks, start, end));
        assert!(burst[2] > 0, "{burst:?}");
    }
}
