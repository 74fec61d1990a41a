//! What commands print: text for people, JSON for programs, errors with advice.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use prostream_core::{Error, ErrorKind, Result};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Where a command's answer goes.
#[derive(Debug)]
pub(super) struct Output {
    is_json: bool,
}

impl Output {
    pub(super) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// One JSON object on a line of its own, flushed: whoever started us may wait for it.
    pub(super) fn object(&self, value: &impl Serialize) -> Result<()> {
        let text =
            serde_json::to_string(value).map_err(|error| Error::new(ErrorKind::Internal, "print").because(error))?;
        self.line(&text)
    }

    /// A line of text. A reader that went away ends the command quietly.
    pub(super) fn line(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(|error| Error::new(ErrorKind::Cancelled, "print").because(error))
    }

    /// Prints an error, with its causes and what to do next, and says how the process ends.
    pub(super) fn fail(&self, error: &Error) -> ExitCode {
        if error.kind() == ErrorKind::Cancelled && error.operation() == "print" {
            return ExitCode::SUCCESS;
        }
        if self.is_json {
            let problem = Problem {
                code: error.kind().code(),
                message: error.to_string(),
                advice: error.advice(),
                retry_after_s: error.retry_after().map(|wait| wait.as_secs_f64()),
            };
            // Nobody is left to hear of a failure to print.
            let _ = self.object(&serde_json::json!({ "error": problem }));
        } else {
            let (red, bold, plain) =
                if io::stderr().is_terminal() { ("\x1b[31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
            eprintln!("{red}error:{plain} {}", printable(&error.to_string()));
            let mut cause = std::error::Error::source(error);
            while let Some(inner) = cause {
                eprintln!("  because {}", printable(&inner.to_string()));
                cause = inner.source();
            }
            if let Some(advice) = error.advice() {
                eprintln!("{bold}advice:{plain} {}", printable(advice));
            }
        }
        ExitCode::from(exit_code(error.kind()))
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<f64>,
}

/// Text from outside must not move the cursor of a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The exit code of a failed command, as `--help` lists them.
#[must_use]
pub const fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidInput => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::Refused
        | ErrorKind::AddressRefused
        | ErrorKind::AccountLimit => 4,
        ErrorKind::Unsupported | ErrorKind::Malformed | ErrorKind::LimitExceeded => 5,
        ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::NotCached => 6,
        _ => 1,
    }
}

/// Logs go to standard error, so that standard output stays what it says.
pub(super) fn start_log(filter: &str, is_json: bool) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "read log filter")
            .advise("use error, warn, info, debug or trace")
            .because(error)
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started =
        if is_json { builder.json().try_init() } else { builder.with_ansi(io::stderr().is_terminal()).try_init() };
    started.map_err(|error| Error::new(ErrorKind::Internal, "start log").because(error))
}
