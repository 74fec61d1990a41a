//! The bounds that hostile input must stay within (PARSE-04): a second for one file, 64 MiB for the process that reads them all.

use std::time::{Duration, Instant};

/// Longest time for one file. A limit of what input may do, hundreds of times above what it takes.
const MAX_TIME: Duration = Duration::from_secs(1);

/// Most memory that reading files one after the other may add to the process, in KiB.
const MAX_GROWTH_KIB: u64 = 64 * 1024;

/// Watches the process from here on.
pub(crate) struct Bounds {
    peak_kib: Option<u64>,
}

impl Bounds {
    pub(crate) fn start() -> Self {
        Self { peak_kib: peak_kib() }
    }

    /// Runs one file's worth of work.
    pub(crate) fn check<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let answer = work();
        assert!(started.elapsed() < MAX_TIME, "one file took {:?}", started.elapsed());
        answer
    }

    /// After all of them.
    pub(crate) fn finish(self) {
        if let (Some(before), Some(after)) = (self.peak_kib, peak_kib()) {
            // The system keeps the count in parts, one for each thread: it may lag a little, and so seem to shrink.
            let growth_kib = after.saturating_sub(before);
            assert!(growth_kib <= MAX_GROWTH_KIB, "memory grew by {growth_kib} KiB");
        }
    }
}

/// The most memory that the process ever had resident; `None` where the system does not say.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
