//! The server beside a fresh `ffmpeg -c copy` to fragmented-MP4 HLS: the same files, the same HTTP origin, turn by turn in one run.
//!
//! Measured for ten minutes of 1080p at 5 Mbit/s, as MP4 and as Matroska, from disk and over HTTP:
//! * *first segment*: from `POST /api/v1/playbacks` on a running server, with a file or link that it has never seen, to the last byte of
//!   the first segments of picture and sound; for ffmpeg from its start until its playlist names the first segment. Median of the runs.
//! * *CPU*: processor seconds, user and system, per GB of the file, while all segments of all renditions are fetched once; for ffmpeg of
//!   the whole conversion, into a folder for temporary files as servers use it, and once more into memory. Sum of the passes. Our side
//!   includes what the system takes to send the segments to a client, which ffmpeg's does not: its folder would still have to be served.
//!
//! ```text
//! cargo build --release -p prostream-server
//! cargo run --release -p prostream-benches --bin against_ffmpeg [--short] [--delay-ms N] [--prostream PATH] [--set KEY=VALUE]
//! ```
//! `--short` takes a minute of film and few runs, to see that everything still works; it judges nothing. Otherwise the exit code is 1 when
//! the first segment is not three times sooner or a GB does not take four times less processor time, for any file from any place.
//! `--delay-ms` makes the origin wait before each answer, as a distant one does; nothing is judged then. Needs ffmpeg with libx264, and
//! Linux.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use prostream_benches::Error;
use prostream_benches::ffmpeg;
use prostream_benches::figures::median;
use prostream_benches::media::{self, Media};
use prostream_benches::options::Options;
use prostream_benches::origin::Origin;
use prostream_benches::server::{Server, Setup};
use prostream_benches::target::{Place, Target, Targets};

/// How much sooner the first segment has to be there.
const LEAST_SPEED_RATIO: f64 = 3.0;
/// How much less processor time a GB has to take.
const LEAST_CPU_RATIO: f64 = 4.0;

/// Runs to the first segment, and passes over the whole file.
fn counts(options: &Options) -> (usize, usize) {
    if options.is_short { (3, 1) } else { (9, 3) }
}

/// Both figures of one file: ours, then ffmpeg's.
struct Figures {
    first_segment: [Duration; 2],
    cpu_s_per_gb: [f64; 3],
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("against_ffmpeg: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Error> {
    let options = Options::read(&[], &["--delay-ms"])?;
    let delay = Duration::from_millis(options.number("--delay-ms")?.unwrap_or(0));
    let folder = tempfile::tempdir()?;
    eprintln!("making the files");
    let (size, rate, seconds) = if options.is_short { ("640x360", "2M", 60) } else { ("1920x1080", "5M", 600) };
    let clip = media::clip(folder.path(), size, rate)?;
    let files = media::films(folder.path(), &clip, seconds)?;
    let origin = Origin::start(&files, delay)?;
    let mut server = Server::start(Setup::new(&options, folder.path(), Some(origin.address())))?;
    let mut targets = Targets::new(&origin);

    println!("ours / ffmpeg / ratio; origin on loopback, {} ms before each answer", delay.as_millis());
    let mut is_good = true;
    for file in &files {
        for place in [Place::Disk, Place::Http] {
            let figures = measure(&options, file, &mut || targets.fresh(file, place), &mut server)?;
            let name = format!("{} of {:.0} MB, {}", file.name, file.size_bytes as f64 / 1e6, place.name());
            let [ours, theirs] = figures.first_segment.map(|time| time.as_secs_f64() * 1e3);
            let speed = theirs / ours;
            println!("{name}: first segment {ours:.1} ms / {theirs:.1} ms / {speed:.1}");
            let [ours, memory, disk] = figures.cpu_s_per_gb;
            println!("{name}: CPU {ours:.2} s per GB / {disk:.2} s per GB / {:.1}", disk / ours);
            println!(
                "{name}: CPU, ffmpeg into memory: {ours:.2} s per GB / {memory:.2} s per GB / {:.1}",
                memory / ours
            );
            is_good &= speed >= LEAST_SPEED_RATIO && disk / ours >= LEAST_CPU_RATIO;
        }
    }
    let is_judged = !options.is_short && delay.is_zero();
    if is_judged && !is_good {
        eprintln!(
            "too slow: at least {LEAST_SPEED_RATIO} times sooner and {LEAST_CPU_RATIO} times less CPU are asked for"
        );
    }
    Ok(is_good || !is_judged)
}

fn measure(
    options: &Options,
    file: &Media,
    fresh: &mut dyn FnMut() -> Result<Target, Error>,
    server: &mut Server,
) -> Result<Figures, Error> {
    let (run_count, pass_count) = counts(options);
    // Once without a clock: the pages of both programs and of the file are in memory for all that follows.
    server.first_segment(&fresh()?)?;
    ffmpeg::first_segment(&fresh()?, 0.0)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..run_count {
        times[0].push(server.first_segment(&fresh()?)?);
        times[1].push(ffmpeg::first_segment(&fresh()?, 0.0)?);
    }
    let mut cpu = [Duration::ZERO; 3];
    for _ in 0..pass_count {
        let (ours, segment_bytes) = server.whole_file(&fresh()?)?;
        // Boxes cost a little, payload is copied: far from the size of the file, something was left out.
        if segment_bytes < file.size_bytes / 10 * 9 {
            return Err(format!("only {segment_bytes} bytes of segments for {} bytes", file.size_bytes).into());
        }
        cpu[0] += ours;
        cpu[1] += ffmpeg::whole_file(&fresh()?, ffmpeg::Output::Memory)?;
        cpu[2] += ffmpeg::whole_file(&fresh()?, ffmpeg::Output::Disk)?;
    }
    let gigabytes = file.size_bytes as f64 * pass_count as f64 / 1e9;
    // A clock tick of 10 ms is the finest that the system counts.
    Ok(Figures {
        first_segment: times.map(|times| median(&times)),
        cpu_s_per_gb: cpu.map(|time| time.max(Duration::from_millis(10)).as_secs_f64() / gigabytes),
    })
}
