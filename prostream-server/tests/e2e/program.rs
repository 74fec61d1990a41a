//! The program under test, started as a user would start it.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for a first line, and for an end: far more than either takes, also in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which program: a release build where one is named, else the one built with these tests.
fn path() -> PathBuf {
    std::env::var_os("PROSTREAM_BIN").map_or_else(|| env!("CARGO_BIN_EXE_prostream").into(), PathBuf::from)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    // Settings of whoever runs the tests are not to reach the program.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PROSTREAM_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that runs until it is told to stop.
pub(crate) struct Program {
    child: Child,
    /// The object that it printed when it was ready.
    pub(crate) ready: Value,
    errors: Option<JoinHandle<String>>,
}

impl Program {
    /// Starts it with `--json` and waits for its first line.
    ///
    /// # Panics
    /// When the first line is not an object, is an error, or does not come.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = command(&[arguments, &["--json"]].concat()).spawn().expect("the program starts");
        let mut errors = child.stderr.take().expect("piped");
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            // Ends with the program.
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let (told, first) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = lines.read_line(&mut line);
            let _ = told.send(line);
            // What else it prints is read, so that it never waits for a reader.
            let _ = std::io::copy(&mut lines, &mut std::io::sink());
        });
        let line = first.recv_timeout(PATIENCE).unwrap_or_default();
        let mut program = Self { child, ready: Value::Null, errors: Some(errors) };
        match serde_json::from_str(&line) {
            Ok(ready @ Value::Object(_)) if ready["error"].is_null() => program.ready = ready,
            _ => {
                let errors = program.end();
                panic!("{arguments:?}: the first line is {line:?}; {errors}");
            }
        }
        program
    }

    /// An address out of the first line.
    pub(crate) fn address(&self, name: &str) -> url::Url {
        let text = self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready));
        url::Url::parse(text).unwrap_or_else(|error| panic!("{name} {text}: {error}"))
    }

    /// Asks it to stop, as a service manager does.
    ///
    /// # Panics
    /// When it does not end in time with exit code 0, or panicked on its way.
    pub(crate) fn stop(self) {
        self.stop_and_tell();
    }

    /// As [`Self::stop`]; gives what it wrote to standard error.
    ///
    /// # Panics
    /// As [`Self::stop`].
    pub(crate) fn stop_and_tell(mut self) -> String {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(asked.success(), "the program is still there to be stopped");
        let ended = self.wait();
        let errors = self.end();
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "SIGTERM ends the program well: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        errors
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child is waited for") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Ends it, if it still runs, and gives what it wrote to standard error.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.errors.take().map(|errors| errors.join().expect("a reader does not panic")).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
///
/// # Panics
/// When it does not end by itself.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let mut child = command(arguments).spawn().expect("the program starts");
    let read = |stream: Option<Box<dyn Read + Send>>| {
        let mut stream = stream.expect("piped");
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            bytes
        })
    };
    let stdout = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let stderr = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child is waited for") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{arguments:?}: still runs");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let bytes = |reader: JoinHandle<Vec<u8>>| reader.join().expect("a reader does not panic");
    Output { status, stdout: bytes(stdout), stderr: bytes(stderr) }
}
