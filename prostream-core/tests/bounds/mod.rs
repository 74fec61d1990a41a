//! The bounds that hostile input must stay within (PARSE-04): a second for one file, 64 MiB for those that are read one after the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Longest time for one file, of its thread on a processor: a busy machine takes nothing of it. A limit of what input may do, hundreds of
/// times above what it takes.
const MAX_TIME: Duration = Duration::from_secs(1);

/// Most memory that reading files one after the other may add to the process, in KiB.
const MAX_GROWTH_KIB: u64 = 64 * 1024;

/// Watches that were begun and not ended, and the most there ever were: tests of a process run beside each other and share its memory.
static WATCHED: AtomicU64 = AtomicU64::new(0);
static MOST_WATCHED: AtomicU64 = AtomicU64::new(1);

/// Watches the process from here on.
pub(crate) struct Bounds {
    peak_kib: Option<u64>,
}

impl Bounds {
    pub(crate) fn start() -> Self {
        let watched = WATCHED.fetch_add(1, Ordering::SeqCst) + 1;
        MOST_WATCHED.fetch_max(watched, Ordering::SeqCst);
        Self { peak_kib: peak_kib() }
    }

    /// Runs one file's worth of work.
    pub(crate) fn check<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = thread_time();
        let answer = work();
        let took = thread_time().saturating_sub(started);
        assert!(took < MAX_TIME, "one file took {took:?}");
        answer
    }

    /// After all of them.
    pub(crate) fn finish(self) {
        if let (Some(before), Some(after)) = (self.peak_kib, peak_kib()) {
            // The system keeps the count in parts, one for each thread: it may lag a little, and so seem to shrink.
            let growth_kib = after.saturating_sub(before);
            let most_kib = MAX_GROWTH_KIB * MOST_WATCHED.load(Ordering::SeqCst);
            assert!(growth_kib <= most_kib, "memory grew by {growth_kib} KiB");
        }
    }
}

impl Drop for Bounds {
    fn drop(&mut self) {
        WATCHED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long this thread has been on a processor.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The most memory that the process ever had resident; `None` where the system does not say.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
