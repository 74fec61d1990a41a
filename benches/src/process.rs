//! What a process takes, as Linux counts it, and where it may run. Source: proc(5).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Error;

/// `USER_HZ`: the same on every Linux that this runs on.
const TICKS_PER_S: u64 = 100;

/// Processor time of a running process, all its threads, user and system. A clock tick of 10 ms is the finest that the system tells.
///
/// # Errors
/// There is no such process.
pub fn cpu_of(pid: u32) -> Result<Duration, Error> {
    // utime and stime.
    cpu(&format!("/proc/{pid}/stat"), [14, 15])
}

/// Processor time of all ended children of this process that were waited for.
///
/// # Errors
/// The system does not tell.
pub fn cpu_of_children() -> Result<Duration, Error> {
    // cutime and cstime.
    cpu("/proc/self/stat", [16, 17])
}

/// The sum of two fields, counted from 1.
fn cpu(path: &str, fields: [usize; 2]) -> Result<Duration, Error> {
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

/// Memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// All of its pages that are in memory, those of mapped files included.
    pub resident_bytes: u64,
    /// Those that are its own and no file's.
    pub own_bytes: u64,
}

/// Memory of a running process now.
///
/// # Errors
/// There is no such process.
pub fn memory_of(pid: u32) -> Result<Memory, Error> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let bytes = |name: &str| -> Result<u64, Error> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| format!("no {name}"))?;
        Ok(line.split_whitespace().next().unwrap_or_default().parse::<u64>()? << 10)
    };
    Ok(Memory { resident_bytes: bytes("VmRSS:")?, own_bytes: bytes("RssAnon:")? })
}

/// How many descriptors a running process has open.
///
/// # Errors
/// There is no such process.
pub fn descriptors_of(pid: u32) -> Result<usize, Error> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// The children of a process that run now.
///
/// # Errors
/// There is no such process.
pub fn children_of(pid: u32) -> Result<Vec<u32>, Error> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Who ended meanwhile is nobody's child.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) {
            children.push(child);
        }
    }
    Ok(children)
}

/// One processor for what is measured and another for what measures, so that neither moves about nor takes the other's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// The first, for servers.
    Server,
    /// The second, for clients.
    Client,
}

impl Core {
    /// Its number, where the machine has two processors.
    #[must_use]
    pub fn number(self) -> Option<&'static str> {
        let has_two = std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
        has_two.then_some(match self {
            Self::Server => "0",
            Self::Client => "1",
        })
    }

    /// A program that runs on this processor alone, or anywhere when `core` is `None` or the machine has but one.
    #[must_use]
    pub fn command(core: Option<Self>, program: &Path) -> Command {
        match core.and_then(Self::number) {
            Some(number) => {
                let mut command = Command::new("taskset");
                command.args(["-c", number]).arg(program);
                command
            }
            None => Command::new(program),
        }
    }

    /// Keeps this process, and what it starts from now on, on this processor.
    ///
    /// # Errors
    /// `taskset` (util-linux) is missing.
    pub fn keep_this_process(self) -> Result<(), Error> {
        let Some(number) = self.number() else { return Ok(()) };
        let mut command = Command::new("taskset");
        command.args(["-acp", number, &std::process::id().to_string()]).stdout(Stdio::null());
        let status = command.status()?;
        if status.success() { Ok(()) } else { Err(format!("taskset: {status}").into()) }
    }
}
