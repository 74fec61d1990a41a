//! The outside tools that make films and read them.

use std::path::Path;
use std::process::Command;

use prostream_core::testing;

/// Runs a tool and gives what it prints.
///
/// # Panics
/// When it is not installed or fails.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> String {
    let output = testing::tool::run(Command::new(tool).args(arguments));
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("tools print UTF-8")
}

/// Runs ffmpeg, which writes the file that the arguments end with, or prints.
pub(crate) fn ffmpeg(arguments: &[&str]) -> String {
    run("ffmpeg", &[&["-v", "error", "-nostdin", "-y"], arguments].concat())
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("temporary folders have names in UTF-8")
}
