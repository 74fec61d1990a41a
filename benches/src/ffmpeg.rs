//! ffmpeg as the packager.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::media::ffmpeg;
use crate::process::cpu_of_children;
use crate::target::Target;

/// How often the playlist is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Longest wait for a first segment.
const LIMIT: Duration = Duration::from_secs(60);

/// Copies a file to HLS in `folder`, in segments of `segment_s` seconds, from `start_s` on.
fn packager(target: &Target, folder: &Path, segment_s: &str, start_s: f64) -> Command {
    let input: &OsStr = match target {
        Target::Path(path) => path.as_os_str(),
        Target::Url(url) => url.as_ref(),
    };
    let mut command = ffmpeg();
    if start_s > 0.0 {
        command.args(["-ss", &format!("{start_s:.3}")]);
    }
    command
        .arg("-i")
        .arg(input)
        .args(["-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-f", "hls", "-hls_time", segment_s])
        .args(["-hls_playlist_type", "event", "-hls_segment_type", "fmp4", "-hls_segment_filename"])
        .arg(folder.join("%05d.m4s"))
        .arg(folder.join("index.m3u8"));
    command
}

/// In memory where the system has such a folder: a disk would count against ffmpeg.
fn output_folder() -> Result<tempfile::TempDir, Error> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

/// From the start of the process until its playlist names a finished segment, of two seconds like our first one, of what begins at
/// `start_s`.
///
/// # Errors
/// ffmpeg is missing or makes none.
pub fn first_segment(target: &Target, start_s: f64) -> Result<Duration, Error> {
    let folder = output_folder()?;
    let playlist = folder.path().join("index.m3u8");
    let started = Instant::now();
    let mut child = packager(target, folder.path(), "2", start_s).spawn()?;
    let found = loop {
        if std::fs::read_to_string(&playlist).is_ok_and(|text| text.contains("00000.m4s")) {
            break Ok(started.elapsed());
        }
        if started.elapsed() > LIMIT {
            break Err("ffmpeg makes no segment".into());
        }
        thread::sleep(POLL_INTERVAL);
    };
    stop(&mut child)?;
    found
}

fn stop(child: &mut Child) -> Result<(), Error> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Where the conversion of a whole file goes.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    /// A folder in memory.
    Memory,
    /// The usual folder for temporary files, where servers that spawn ffmpeg have it write.
    Disk,
}

/// Processor time of the whole conversion, in segments of six seconds.
///
/// # Errors
/// What ffmpeg says.
pub fn whole_file(target: &Target, output: Output) -> Result<Duration, Error> {
    let folder = match output {
        Output::Memory => output_folder()?,
        Output::Disk => tempfile::tempdir()?,
    };
    let before = cpu_of_children()?;
    let status = packager(target, folder.path(), "6", 0.0).status()?;
    if !status.success() {
        return Err(format!("ffmpeg: {status}").into());
    }
    Ok(cpu_of_children()? - before)
}
