//! Handles: numbers that name objects, so that a stale or wrong one is an error and not a crash.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One counter for all types: a number names one object of one type, once.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The live objects of one type.
pub(crate) struct Handles<T> {
    live: Mutex<Option<HashMap<u64, Arc<T>>>>,
}

impl<T> Handles<T> {
    pub(crate) const fn new() -> Self {
        Self { live: Mutex::new(None) }
    }

    /// Gives an object a number; never 0, never reused.
    pub(crate) fn insert(&self, object: T) -> u64 {
        let handle = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get_or_insert_default().insert(handle, Arc::new(object));
        handle
    }

    /// The object of a live handle. It lives as long as the answer is held, even if another thread frees the handle.
    pub(crate) fn find(&self, handle: u64) -> Option<Arc<T>> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.as_ref()?.get(&handle).cloned()
    }

    /// Takes a handle out of use.
    pub(crate) fn remove(&self, handle: u64) -> Option<Arc<T>> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let live_handles = live.as_mut()?;
        let removed = live_handles.remove(&handle);
        if live_handles.is_empty() {
            // The last one gives the memory of the table back: a program that freed all handles has no leak.
            *live = None;
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::Handles;

    /// Goal: freed numbers and numbers of another type open nothing.
    #[test]
    fn stale_and_foreign_handles_find_nothing() {
        let (texts, numbers) = (Handles::new(), Handles::new());
        let text = texts.insert("a");
        let number = numbers.insert(1);
        assert!(texts.find(number).is_none());
        assert_eq!(texts.remove(text).as_deref(), Some(&"a"));
        assert!(texts.find(text).is_none());
        assert!(texts.remove(text).is_none());
        assert_ne!(texts.insert("b"), text);
    }
}
