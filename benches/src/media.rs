//! Files to play: generated, so that everyone measures the same.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// A file to play.
#[derive(Debug)]
pub struct Media {
    /// `film.mp4`, `film.mkv`.
    pub name: &'static str,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
    /// Where it can be changed.
    pub salt: Salt,
}

/// A place near the front of a file where any four letters may stand, so that the same film can be many files: the minor version of an MP4's
/// brand, which readers ignore, and the name of the program that wrote a Matroska file.
#[derive(Clone, Copy, Debug)]
pub struct Salt {
    /// Of its first byte.
    pub offset: u64,
}

impl Salt {
    /// How long it is.
    pub const SIZE: usize = 4;

    /// The `number`th.
    #[must_use]
    pub fn bytes(number: u32) -> [u8; Self::SIZE] {
        std::array::from_fn(|at| b'a' + (number >> (4 * at) & 15) as u8)
    }

    fn of(path: &Path) -> Result<Self, Error> {
        let mut head = Vec::new();
        File::open(path)?.take(4096).read_to_end(&mut head)?;
        let offset = if head.get(4..8) == Some(b"ftyp") {
            Some(12)
        } else {
            // Muxer and writing program both carry this name; the second is the program.
            head.windows(4).rposition(|letters| letters == b"Lavf")
        };
        Ok(Self { offset: offset.ok_or("a file without a place for salt")? as u64 })
    }
}

/// A quiet ffmpeg.
#[must_use]
pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]).stdin(Stdio::null());
    command
}

/// Twenty seconds of noise, H.264 of `size` at `rate` bits a second with a keyframe every two seconds, and AAC.
///
/// # Errors
/// What ffmpeg says.
pub fn clip(folder: &Path, size: &str, rate: &str) -> Result<PathBuf, Error> {
    let path = folder.join("clip.mp4");
    let picture = format!("testsrc2=s={size}:r=24:d=20,noise=alls=24:allf=t,format=yuv420p");
    let sound = "aevalsrc=sin(440*2*PI*t)+0.2*random(0):s=48000:d=20:c=stereo";
    let mut command = ffmpeg();
    command
        .args(["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"])
        .args(["-g", "48", "-keyint_min", "48", "-sc_threshold", "0"])
        .args(["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-c:a", "aac", "-b:a", "128k"])
        .arg(&path);
    run(&mut command)?;
    Ok(path)
}

/// The same film as MP4, its index in front, and as Matroska, its cues behind, as muxers write them: picture and sound of `clip` again and
/// again for `seconds`.
///
/// # Errors
/// What ffmpeg says.
pub fn films(folder: &Path, clip: &Path, seconds: u32) -> Result<Vec<Media>, Error> {
    let mut films = Vec::new();
    for name in ["film.mp4", "film.mkv"] {
        let path = folder.join(name);
        let mut copy = ffmpeg();
        copy.args(["-stream_loop", "-1", "-i"]).arg(clip);
        copy.args(["-map", "0:v", "-map", "0:a", "-c", "copy", "-t", &seconds.to_string()]);
        if name.ends_with(".mp4") {
            copy.args(["-movflags", "+faststart"]);
        }
        run(copy.arg(&path))?;
        let size_bytes = path.metadata()?.len();
        let salt = Salt::of(&path)?;
        films.push(Media { name, path, size_bytes, salt });
    }
    Ok(films)
}

fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
