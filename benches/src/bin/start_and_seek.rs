//! How soon something is there: playlists, the first segment, the next one, and one anywhere else, of a film on a host that is 50 ms away; and
//! what that takes from the host and from this machine. One table for each container, each figure beside its target (PACKAGING 5.7) and,
//! where ffmpeg can do the same, beside `ffmpeg -c copy` to HLS in the same run.
//!
//! * *cold*: a link and a file that the server has never seen; from the request to play it. *Warm*: the same link again.
//! * *first segment*: until the last byte of the first segments of picture and sound; for ffmpeg until its playlist names one.
//! * *next segment*: of the picture, half a second after the one before. *Seek*: twenty points of the film, picture and sound of each.
//! * *requests* and *bytes*: what the host saw while the whole film was fetched once, opening included.
//! * *memory at 100 streams*: as many viewers at the pace of the film, spread over all of it.
//!
//! ```text
//! cargo build --release -p prostream-server
//! cargo run --release -p prostream-benches --bin start_and_seek [--short] [--minutes N] [--delay-ms N] [--opt-in KEY=VALUE]
//!     [--prostream PATH] [--set KEY=VALUE]
//! ```
//! The film has 108 minutes at 5 Mbit/s and takes 8 GB in the folder for temporary files, once as MP4 and once as Matroska. `--opt-in` starts a
//! second server with this setting for one more line, the processor time per GB. `--short` takes two minutes of a small film and few runs; it
//! judges nothing. Otherwise the exit code is 1 when a target is missed. Needs ffmpeg with libx264 and ffprobe, and Linux.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use prostream_benches::Error;
use prostream_benches::ffmpeg::{self, Output};
use prostream_benches::figures::{Figure, median, mib, ms, percentile, print_table};
use prostream_benches::load::fetch_for;
use prostream_benches::media::{self, Media};
use prostream_benches::options::Options;
use prostream_benches::origin::Origin;
use prostream_benches::process::{cpu_of, memory_of};
use prostream_benches::server::{Presented, Server, Setup};
use prostream_benches::target::{Place, Target, Targets};
use prostream_benches::timeline;
use prostream_benches::viewers::{Viewer, watch};

/// How many points are sought.
const SEEK_COUNT: usize = 20;
/// How many segments follow each other.
const NEXT_COUNT: usize = 20;
/// Viewers whose memory is measured.
const STREAM_COUNT: usize = 100;
/// Connections that fetch for the figures of processor time.
const CONNECTION_COUNT: usize = 16;
/// Memory that 100 streams may take, besides what the budgets allow: the blocks of remote files, and spans and sound of Matroska.
const STREAMS_MIB: f64 = 60.0;
/// Budget of the blocks of remote files.
const BLOCKS_MIB: f64 = 256.0;
/// What an MP4 file is read into: 32 buffers of a MiB that are used again, and 16 MiB of sound kept from between the pictures.
const READS_MIB: f64 = 48.0;
/// Budgets of spans that wait for their readers, and of sound kept from them.
const SPANS_MIB: f64 = 128.0;

struct Bench<'b> {
    options: &'b Options,
    folder: &'b Path,
    film: &'b Media,
    origin: &'b Origin,
    server: Server,
    targets: Targets<'b>,
    figures: Vec<Figure>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("start_and_seek: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Error> {
    let options = Options::read(&[], &["--minutes", "--delay-ms", "--opt-in"])?;
    let minutes = options.number("--minutes")?.unwrap_or(if options.is_short { 2 } else { 108 });
    let delay = Duration::from_millis(options.number("--delay-ms")?.unwrap_or(50));
    let folder = tempfile::tempdir()?;
    eprintln!("making the files");
    let (size, rate) = if options.is_short { ("640x360", "2M") } else { ("1920x1080", "5M") };
    let clip = media::clip(folder.path(), size, rate)?;
    let films = media::films(folder.path(), &clip, minutes as u32 * 60)?;
    let origin = Origin::start(&films, delay)?;
    let mut is_good = true;
    for film in &films {
        let server = Server::start(Setup::new(&options, folder.path(), Some(origin.address())))?;
        let mut bench = Bench {
            options: &options,
            folder: folder.path(),
            film,
            origin: &origin,
            server,
            targets: Targets::new(&origin),
            figures: Vec::new(),
        };
        bench.starts()?;
        bench.next_segments()?;
        bench.seeks()?;
        bench.whole_film()?;
        bench.processor_time()?;
        bench.memory()?;
        bench.sync()?;
        let title = format!(
            "{} of {minutes} minutes and {:.0} MB, {} ms before each answer of the origin",
            film.name,
            film.size_bytes as f64 / 1e6,
            delay.as_millis()
        );
        is_good &= print_table(&title, &bench.figures);
    }
    Ok(is_good || options.is_short)
}

impl Bench<'_> {
    fn tell(
        &mut self,
        name: &str,
        ours: f64,
        at_most: Option<f64>,
        peer: Option<(&'static str, f64)>,
        unit: &'static str,
    ) {
        eprintln!("{}: {name}: {ours:.3} {unit}", self.film.name);
        self.figures.push(Figure { name: name.to_owned(), ours, at_most, peer, unit });
    }

    fn fresh(&mut self) -> Result<Target, Error> {
        self.targets.fresh(self.film, Place::Http)
    }

    /// Is the film Matroska?
    fn is_matroska(&self) -> bool {
        self.film.name.ends_with(".mkv")
    }

    /// Cold and warm starts, from the front and from three quarters.
    fn starts(&mut self) -> Result<(), Error> {
        let run_count = if self.options.is_short { 3 } else { 9 };
        let (mut playlists, mut warm, mut first, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut first_of_ffmpeg, mut later_of_ffmpeg) = (Vec::new(), Vec::new());
        let mut warm_request_count = 0;
        // Once without a clock: the pages of both programs and of the file are in memory for all that follows.
        let target = self.fresh()?;
        self.server.first_segment(&target)?;
        ffmpeg::first_segment(&target, 0.0)?;
        for _ in 0..run_count {
            let target = self.fresh()?;
            let started = Instant::now();
            let presented = self.server.play(&target)?;
            playlists.push(started.elapsed());
            self.fetch_step(&presented, 0)?;
            first.push(started.elapsed());

            let before = self.origin.asked().request_count;
            let started = Instant::now();
            self.server.play(&target)?;
            warm.push(started.elapsed());
            warm_request_count += self.origin.asked().request_count - before;

            let duration = presented.playlists[0].duration();
            let three_quarters = duration.mul_f64(0.75);
            let target = self.fresh()?;
            let started = Instant::now();
            let presented = self.server.play(&target)?;
            self.fetch_step(&presented, presented.playlists[0].segment_at(three_quarters))?;
            later.push(started.elapsed());

            first_of_ffmpeg.push(ffmpeg::first_segment(&self.fresh()?, 0.0)?);
            later_of_ffmpeg.push(ffmpeg::first_segment(&self.fresh()?, three_quarters.as_secs_f64())?);
        }
        let theirs = Some(("ffmpeg", ms(median(&first_of_ffmpeg))));
        self.tell("playlists, cold", ms(median(&playlists)), Some(70.0), theirs, "ms");
        self.tell("playlists, warm", ms(median(&warm)), None, theirs, "ms");
        self.tell("requests to the host for warm playlists", warm_request_count as f64, Some(0.0), None, "requests");
        self.tell("first segment, cold", ms(median(&first)), Some(130.0), theirs, "ms");
        let theirs = Some(("ffmpeg", ms(median(&later_of_ffmpeg))));
        self.tell("first segment from three quarters, cold", ms(median(&later)), None, theirs, "ms");
        Ok(())
    }

    /// Init segments, and a segment of picture and sound.
    fn fetch_step(&mut self, presented: &Presented, number: usize) -> Result<(), Error> {
        for playlist in presented.playlists.iter().take(2) {
            self.server.discard(&playlist.init)?;
            self.server.discard(&playlist.segments[number.min(playlist.segments.len() - 1)].0)?;
        }
        Ok(())
    }

    fn next_segments(&mut self) -> Result<(), Error> {
        let pause = Duration::from_millis(if self.options.is_short { 100 } else { 500 });
        let target = self.fresh()?;
        let presented = self.server.play(&target)?;
        self.fetch_step(&presented, 0)?;
        let mut times = Vec::new();
        for number in 1..=NEXT_COUNT.min(presented.playlists[0].segments.len() - 1) {
            thread::sleep(pause);
            let started = Instant::now();
            self.server.discard(&presented.playlists[0].segments[number].0)?;
            times.push(started.elapsed());
            self.fetch_step(&presented, number)?;
        }
        self.tell("next segment, median", ms(median(&times)), Some(5.0), None, "ms");
        self.tell("next segment, 95 of 100", ms(percentile(&times, 0.95)), None, None, "ms");
        Ok(())
    }

    fn seeks(&mut self) -> Result<(), Error> {
        let target = self.fresh()?;
        let presented = self.server.play(&target)?;
        self.fetch_step(&presented, 0)?;
        let duration = presented.playlists[0].duration();
        let (mut times, mut times_of_ffmpeg) = (Vec::new(), Vec::new());
        for number in 0..SEEK_COUNT {
            // Golden ratio: the points lie everywhere, far from each other, and are the same in every run.
            let point = duration.mul_f64((number as f64 + 1.0) * 0.618_033_988_75 % 1.0 * 0.98);
            let started = Instant::now();
            for playlist in presented.playlists.iter().take(2) {
                self.server.discard(&playlist.segments[playlist.segment_at(point)].0)?;
            }
            times.push(started.elapsed());
            if number % 5 == 0 {
                times_of_ffmpeg.push(ffmpeg::first_segment(&target, point.as_secs_f64())?);
            }
        }
        let theirs = Some(("ffmpeg", ms(median(&times_of_ffmpeg))));
        self.tell("seek, median of 20 points", ms(median(&times)), None, theirs, "ms");
        self.tell("seek, longest", ms(percentile(&times, 1.0)), None, None, "ms");
        Ok(())
    }

    /// Everything once, and what the host was asked for.
    fn whole_film(&mut self) -> Result<(), Error> {
        let target = self.fresh()?;
        let before = self.origin.asked();
        let presented = self.server.play(&target)?;
        let mut served = 0;
        let segments = |at: usize| presented.playlists[at].segments.clone();
        let sound = segments(1);
        for (number, (path, _)) in segments(0).iter().enumerate() {
            served += self.server.discard(path)?;
            if let Some((path, _)) = sound.get(number) {
                served += self.server.discard(path)?;
            }
        }
        let after = self.origin.asked();
        let requests = (after.request_count - before.request_count) as f64;
        let pulled = (after.sent_bytes - before.sent_bytes) as f64;
        let count = segments(0).len() as f64;
        self.tell("requests to the host per segment", requests / count, Some(0.05), None, "requests");
        self.tell("bytes pulled per byte served", pulled / served as f64, Some(1.02), None, "bytes");
        Ok(())
    }

    /// From disk, to see the work of the server alone.
    fn processor_time(&mut self) -> Result<(), Error> {
        let target = self.targets.fresh(self.film, Place::Disk)?;
        let (most, time) = (if self.is_matroska() { 0.8 } else { 0.6 }, if self.options.is_short { 1 } else { 8 });
        let time = Duration::from_secs(time);
        let ffmpeg_s = ffmpeg::whole_file(&target, Output::Disk)?.as_secs_f64() / (self.film.size_bytes as f64 / 1e9);
        let presented = self.server.play(&target)?;
        let theirs = Some(("ffmpeg", ffmpeg_s));
        let (pictures, sound) = cpu_of_segments(&mut self.server, &presented, time)?;
        self.tell("CPU of pictures from disk", pictures, Some(most), theirs, "s per GB");
        self.tell("CPU of a segment of sound from disk", sound, Some(0.15), None, "ms");
        if let Some(setting) = self.options.text("--opt-in") {
            let settings = [self.options.settings.as_slice(), &[setting.to_owned()]].concat();
            let setup = Setup { settings: &settings, ..Setup::new(self.options, self.folder, None) };
            let mut server = Server::start(setup)?;
            let presented = server.play(&target)?;
            let (pictures, _) = cpu_of_segments(&mut server, &presented, time)?;
            let most = if self.is_matroska() { None } else { Some(0.3) };
            self.tell("CPU of pictures from disk, with the opt-in", pictures, most, theirs, "s per GB");
        }
        Ok(())
    }

    /// Of the index, and of a hundred streams.
    fn memory(&mut self) -> Result<(), Error> {
        let probe = Command::new(&self.options.prostream).args(["probe", "--json"]).arg(&self.film.path).output()?;
        let report: serde_json::Value = serde_json::from_slice(&probe.stdout)?;
        let index = report["index_memory_bytes"].as_f64().ok_or("probe tells no index_memory_bytes")?;
        self.tell("memory of the index", index / 1e6, Some(2.0), None, "MB");
        let spans = if self.is_matroska() { SPANS_MIB } else { READS_MIB };
        for (place, budgets) in [(Place::Disk, spans), (Place::Http, spans + BLOCKS_MIB)] {
            let target = self.targets.fresh(self.film, place)?;
            let mut server = Server::start(Setup::new(self.options, self.folder, Some(self.origin.address())))?;
            let mut viewers = Vec::new();
            for number in 0..STREAM_COUNT {
                let presented = server.play(&target)?;
                viewers.push(viewer_from(number, &presented, &server, if self.options.is_short { 2 } else { 4 }));
            }
            let fetched_bytes = Arc::new(AtomicU64::new(0));
            let pid = server.pid();
            let watching = thread::spawn(move || watch(viewers, &fetched_bytes));
            let mut most = 0;
            while !watching.is_finished() {
                most = most.max(memory_of(pid)?.resident_bytes);
                thread::sleep(Duration::from_millis(100));
            }
            let seen = watching.join().map_err(|_| "the viewers panicked")??;
            if let Some(error) = seen.errors.first() {
                return Err(error.clone().into());
            }
            let name = format!("memory at 100 streams, {}", place.name());
            self.tell(&name, mib(most), Some(STREAMS_MIB + budgets), None, "MiB");
        }
        Ok(())
    }

    /// How far apart picture and sound begin, compared with the file.
    fn sync(&mut self) -> Result<(), Error> {
        let target = self.fresh()?;
        let presented = self.server.play(&target)?;
        let mut starts = [0.0; 2];
        for (start, playlist) in starts.iter_mut().zip(&presented.playlists) {
            let (init, segment) = (self.server.get(&playlist.init)?, self.server.get(&playlist.segments[0].0)?);
            *start = timeline::start_s(&init, &segment)?;
        }
        let error_s = (starts[1] - starts[0]) - sound_after_picture(&self.film.path)?;
        self.tell("A/V offset error", error_s.abs() * 1e3, Some(1.0), None, "ms");
        Ok(())
    }
}

/// Processor time per GB of pictures in seconds, and per segment of sound in milliseconds.
fn cpu_of_segments(server: &mut Server, presented: &Presented, time: Duration) -> Result<(f64, f64), Error> {
    let paths = |at: usize| -> Vec<String> {
        presented.playlists[at].segments.iter().map(|(path, _)| path.clone()).take(100).collect()
    };
    let (pictures, sound) = (paths(0), paths(1));
    // Once without a clock, so that everything is in memory.
    for path in pictures.iter().chain(&sound) {
        server.discard(path)?;
    }
    let before = cpu_of(server.pid())?;
    let fetched = fetch_for(time, server.address(), &pictures, CONNECTION_COUNT)?;
    let between = cpu_of(server.pid())?;
    let per_gb = (between - before).as_secs_f64() / (fetched.bytes as f64 / 1e9);
    let fetched = fetch_for(time, server.address(), &sound, CONNECTION_COUNT)?;
    let per_sound = ms(cpu_of(server.pid())? - between) / fetched.count as f64;
    Ok((per_gb, per_sound))
}

/// The `number`th of all viewers: each begins elsewhere, and watches so many segments.
fn viewer_from(number: usize, presented: &Presented, server: &Server, segment_count: usize) -> Viewer {
    let picture = &presented.playlists[0].segments;
    let first = (picture.len() - 1) * number / STREAM_COUNT;
    let steps = picture.iter().enumerate().skip(first).take(segment_count).map(|(at, (path, duration))| {
        let sound = presented.playlists[1].segments.get(at).map(|(path, _)| path.clone());
        (std::iter::once(path.clone()).chain(sound).collect(), *duration)
    });
    Viewer {
        address: server.address(),
        inits: presented.playlists.iter().take(2).map(|playlist| playlist.init.clone()).collect(),
        steps: steps.collect(),
        comes_after: Duration::from_millis(50 * number as u64),
    }
}

/// How many seconds after the first picture the first packet of sound plays, as ffprobe reads the file.
fn sound_after_picture(film: &Path) -> Result<f64, Error> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-read_intervals", "%+2", "-show_entries", "packet=codec_type,pts_time"]);
    let text = String::from_utf8(command.args(["-of", "csv=p=0"]).arg(film).output()?.stdout)?;
    let first = |kind: &str| -> Result<f64, Error> {
        let times = text.lines().filter_map(|line| line.strip_prefix(kind)?.split(',').nth(1)?.parse::<f64>().ok());
        times.reduce(f64::min).ok_or_else(|| format!("ffprobe finds no {kind} in {}", film.display()).into())
    };
    Ok(first("audio")? - first("video")?)
}
