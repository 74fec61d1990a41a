//! Processor time, as Linux counts it. Source: proc(5), `/proc/[pid]/stat`.

use std::time::Duration;

use prostream_benches::Error;

/// `USER_HZ`: the same on every Linux that this runs on.
const TICKS_PER_S: u64 = 100;

/// Time of a running process, all its threads, user and system.
pub(crate) fn of_process(pid: u32) -> Result<Duration, Error> {
    // utime and stime.
    read(&format!("/proc/{pid}/stat"), [14, 15])
}

/// Time of all ended children of this process that were waited for.
pub(crate) fn of_children() -> Result<Duration, Error> {
    // cutime and cstime.
    read("/proc/self/stat", [16, 17])
}

/// The sum of two fields, counted from 1.
fn read(path: &str, fields: [usize; 2]) -> Result<Duration, Error> {
    let stat = std::fs::read_to_string(path)?;
    // The second field is the name in parentheses, which may hold anything.
    let (_, rest) = stat.rsplit_once(')').ok_or("no process name")?;
    let mut ticks = 0;
    for field in fields {
        let text = rest.split_whitespace().nth(field - 3).ok_or("too few fields")?;
        ticks += text.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
}
