//! Outside programs that make films and read them.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest run: many times what the longest takes, also on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);
/// A program that stood still so often is given up.
const MOST_TRIES: usize = 3;

/// Runs a program to its end and gives what it printed; it reads nothing.
///
/// Encoders stand still now and then (SVT-AV1 up to 3.1 waits for itself, using no processor: its issues 2300 and 2311): what has not ended after two
/// minutes is ended and started again, at most twice.
///
/// # Panics
/// When the program cannot be started, or stood still each time.
///
/// ```
/// use std::process::Command;
///
/// use prostream_core::testing::tool;
///
/// assert_eq!(tool::run(Command::new("echo").arg("a film")).stdout, b"a film\n");
/// ```
pub fn run(command: &Command) -> Output {
    run_within(command, LONGEST)
}

fn run_within(command: &Command, longest: Duration) -> Output {
    let program = command.get_program();
    for _ in 0..MOST_TRIES {
        let mut limited = Command::new("timeout");
        limited
            .args(["--foreground", "--signal=KILL", &longest.as_secs_f64().to_string()])
            .arg(program)
            .args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            limited.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        let begun = Instant::now();
        let output = limited.stdin(Stdio::null()).output().expect("timeout is needed (Debian: coreutils)");
        assert_ne!(output.status.code(), Some(127), "{program:?} is needed (Debian: ffmpeg, mkvtoolnix)");
        if output.status.success() || begun.elapsed() < longest {
            return output;
        }
        eprintln!("{command:?} stood still for {longest:?}");
    }
    panic!("{command:?} stood still {MOST_TRIES} times");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a program prints and how it ended is told, wherever it runs and whatever surrounds it.
    #[test]
    fn programs_are_run_as_they_are_described() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "b").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "cat a; echo $C >&2; cat; exit 3"]).current_dir(folder.path()).env("C", "d");
        let output = run(&command);
        assert_eq!((output.status.code(), &output.stdout[..], &output.stderr[..]), (Some(3), &b"b"[..], &b"d\n"[..]));
    }

    /// Goal: a program that stands still once does not stop the tests; one that always does is named.
    #[test]
    fn a_program_that_stands_still_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "[ -e a ] || { touch a; exec sleep 60; }; echo done"]).current_dir(folder.path());
        assert_eq!(run_within(&command, Duration::from_secs(1)).stdout, b"done\n");
        let stands_still = || run_within(Command::new("sleep").arg("60"), Duration::from_millis(100));
        let told = std::panic::catch_unwind(stands_still).unwrap_err();
        assert!(told.downcast::<String>().unwrap().contains("\"sleep\" \"60\" stood still 3 times"));
    }
}
