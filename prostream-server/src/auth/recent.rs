//! What the database said within the last second: checks on every request cost no statement, and a change made anywhere takes effect within
//! that second (AUTH-06).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How old an answer may be.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Most answers kept; beyond it old ones go, and if that is not enough, all.
const MAX_ENTRIES: usize = 10_000;

/// Answers by key, each for at most [`MAX_AGE`].
#[derive(Debug)]
pub(super) struct Recent<V> {
    entries: Mutex<HashMap<String, (Instant, V)>>,
}

impl<V: Clone> Recent<V> {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }

    pub(super) fn read(&self, key: &str) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(seen, _)| seen.elapsed() < MAX_AGE).map(|(_, value)| value.clone())
    }

    /// Keeps an answer that was asked for at `asked`: its age counts from before the question, so that it is never older than it seems.
    pub(super) fn keep(&self, key: &str, asked: Instant, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (seen, _)| seen.elapsed() < MAX_AGE);
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        entries.insert(key.to_owned(), (asked, value));
    }

    pub(super) fn forget_all(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
