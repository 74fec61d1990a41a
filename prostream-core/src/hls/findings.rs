//! What the pictures of a presentation have shown of its cuts, as they passed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::container::CutFinding;

/// What was found out of the cuts of a presentation since it was opened. It changes nothing of what is being played: whoever keeps the index
/// keeps this with it, for the next time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutFindings {
    /// Every segment was seen, and each begins with a picture that needs nothing before it, as do all that follow: the index may say so
    /// ([`Track::has_closed_gops`](crate::container::Track::has_closed_gops)).
    pub are_all_closed: bool,
    /// A segment begins with a picture that decoding cannot start at, whatever the index says: it should be
    /// [made anew](crate::container::complete) before the file is opened again.
    pub has_false_cut: bool,
}

/// Takes down what is found, from many readers at once.
#[derive(Debug)]
pub(super) struct Findings {
    /// A bit for each segment that is known to be closed.
    closed: Vec<AtomicU64>,
    segment_count: usize,
    has_false_cut: AtomicBool,
}

impl Findings {
    /// Nothing is known of so many segments.
    pub(super) fn new(segment_count: usize) -> Self {
        let words = segment_count.div_ceil(64);
        Self {
            closed: std::iter::repeat_with(AtomicU64::default).take(words).collect(),
            segment_count,
            has_false_cut: AtomicBool::new(false),
        }
    }

    pub(super) fn note(&self, segment: usize, finding: CutFinding) {
        match finding {
            CutFinding::Closed => {
                if let Some(word) = self.closed.get(segment / 64).filter(|_| segment < self.segment_count) {
                    word.fetch_or(1 << (segment % 64), Ordering::Relaxed);
                }
            }
            CutFinding::Open => {}
            CutFinding::NotSync => self.has_false_cut.store(true, Ordering::Relaxed),
        }
    }

    pub(super) fn so_far(&self) -> CutFindings {
        let closed: u64 = self
            .closed
            .iter()
            .map(|word| u64::from(word.load(Ordering::Relaxed).count_ones()))
            .fold(0, u64::saturating_add);
        CutFindings {
            are_all_closed: closed == self.segment_count as u64,
            has_false_cut: self.has_false_cut.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: all are closed only when each was seen to be; one that is no start is never forgotten.
    #[test]
    fn all_segments_count() {
        let findings = Findings::new(130);
        for segment in (0..129).chain([0, 500]) {
            findings.note(segment, CutFinding::Closed);
        }
        assert_eq!(findings.so_far(), CutFindings::default());
        findings.note(129, CutFinding::Open);
        assert!(!findings.so_far().are_all_closed);
        findings.note(129, CutFinding::Closed);
        assert_eq!(findings.so_far(), CutFindings { are_all_closed: true, has_false_cut: false });
        findings.note(3, CutFinding::NotSync);
        assert!(findings.so_far().has_false_cut);
    }
}
