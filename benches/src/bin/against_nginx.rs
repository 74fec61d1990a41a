//! The server beside nginx with sendfile: the same segments, byte for byte, once packaged as they are asked for and once as ready-made files.
//!
//! Measured for ten minutes of 1080p at 5 Mbit/s, as MP4 and as Matroska, from disk: processor seconds, user and system, per GB of segments
//! of the picture, and processor time per segment of the sound, which the server has in memory by then. All contenders take turns, a few
//! seconds each, round after round; sixteen connections each. Servers have one processor and the client the other, which throws away what it
//! receives without copying it.
//!
//! ```text
//! cargo build --release -p prostream-server
//! cargo run --release -p prostream-benches --bin against_nginx [--short] [--opt-in KEY=VALUE] [--free] [--prostream PATH] [--set KEY=VALUE]
//! ```
//! `--opt-in` starts a second server with this setting and measures it beside the others, such as `library.memory_map=true`. With `--free`
//! nothing is kept on one processor. `--short` takes a minute of film and one round; it judges nothing. Otherwise the exit code is 1 when a
//! GB of pictures takes more than 3.5 times what nginx takes (5 times of Matroska), 1.5 times (3) with the setting, or a segment of sound
//! more than 0.15 ms. Needs ffmpeg with libx264, nginx (Debian's nginx-light is enough), taskset, and Linux.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use prostream_benches::Error;
use prostream_benches::figures::{Figure, print_table};
use prostream_benches::load::{Fetched, fetch_for};
use prostream_benches::media::{self, Media};
use prostream_benches::nginx::Nginx;
use prostream_benches::options::Options;
use prostream_benches::process::{Core, cpu_of};
use prostream_benches::server::{Presented, Server, Setup};
use prostream_benches::target::Target;

/// Connections of the client to each contender.
const CONNECTION_COUNT: usize = 16;
/// Most processor time per GB, in times of what nginx takes, as the server comes: MP4, Matroska.
const MOST_BY_DEFAULT: [f64; 2] = [3.5, 5.0];
/// The same with the setting of `--opt-in`.
const MOST_WITH_OPT_IN: [f64; 2] = [1.5, 3.0];
/// Most processor time of a segment of sound, in milliseconds.
const MOST_PER_SOUND_MS: f64 = 0.15;

/// Who serves, and what it took so far.
struct Contender {
    name: &'static str,
    pid: u32,
    address: SocketAddr,
    /// Paths of the segments of the picture and of the sound.
    paths: [Vec<String>; 2],
    fetched: [Fetched; 2],
    cpu: [Duration; 2],
}

impl Contender {
    fn new(name: &'static str, pid: u32, address: SocketAddr, paths: [Vec<String>; 2]) -> Self {
        Self { name, pid, address, paths, fetched: Default::default(), cpu: Default::default() }
    }

    /// Lets it serve pictures (0) or sound (1) for a while.
    fn take_turn(&mut self, kind: usize, time: Duration) -> Result<(), Error> {
        let before = cpu_of(self.pid)?;
        let fetched = fetch_for(time, self.address, &self.paths[kind], CONNECTION_COUNT)?;
        self.cpu[kind] += cpu_of(self.pid)? - before;
        self.fetched[kind].count += fetched.count;
        self.fetched[kind].bytes += fetched.bytes;
        Ok(())
    }

    fn cpu_s_per_gb(&self) -> f64 {
        self.cpu[0].as_secs_f64() / (self.fetched[0].bytes as f64 / 1e9)
    }

    fn cpu_ms_per_sound(&self) -> f64 {
        self.cpu[1].as_secs_f64() * 1e3 / self.fetched[1].count as f64
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("against_nginx: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Error> {
    let options = Options::read(&["--free"], &["--opt-in"])?;
    let folder = tempfile::tempdir()?;
    eprintln!("making the files");
    let (size, rate, seconds) = if options.is_short { ("640x360", "2M", 60) } else { ("1920x1080", "5M", 600) };
    let clip = media::clip(folder.path(), size, rate)?;
    let films = media::films(folder.path(), &clip, seconds)?;
    let is_kept = !options.has("--free");
    if is_kept {
        Core::Client.keep_this_process()?;
    }
    let core = is_kept.then_some(Core::Server);
    let opt_in: Option<Vec<String>> =
        options.text("--opt-in").map(|setting| options.settings.iter().cloned().chain([setting.to_owned()]).collect());
    let mut is_good = true;
    for (film, (by_default, with_opt_in)) in films.iter().zip(MOST_BY_DEFAULT.into_iter().zip(MOST_WITH_OPT_IN)) {
        let setup = Setup { core, ..Setup::new(&options, folder.path(), None) };
        let mut contestants = vec![("as it comes", by_default, Server::start(setup)?)];
        if let Some(settings) = &opt_in {
            contestants.push(("with the opt-in", with_opt_in, Server::start(Setup { settings, ..setup })?));
        }
        is_good &= measure(&options, film, folder.path(), core, contestants)?;
    }
    if !is_good && !options.is_short {
        eprintln!("more processor time than is asked for");
    }
    Ok(is_good || options.is_short)
}

/// Compares the servers with nginx over one film; each comes with its name and the most it may take.
fn measure(
    options: &Options,
    film: &Media,
    folder: &Path,
    core: Option<Core>,
    mut servers: Vec<(&'static str, f64, Server)>,
) -> Result<bool, Error> {
    let target = Target::Path(film.path.clone());
    let ready_made = tempfile::tempdir_in(folder)?;
    let mut contenders = Vec::new();
    for (name, _, server) in &mut servers {
        let presented = server.play(&target)?;
        if contenders.is_empty() {
            let paths = write_segments(server, &presented, ready_made.path())?;
            // In front: the first is what the others are measured by.
            let nginx = Nginx::start(ready_made.path(), core)?;
            contenders.push((Contender::new("nginx", nginx.pid(), nginx.address(), paths), Some(nginx)));
        }
        contenders.push((Contender::new(name, server.pid(), server.address(), paths_of(&presented)), None));
    }
    let (round_count, turn) =
        if options.is_short { (1, Duration::from_millis(500)) } else { (6, Duration::from_secs(3)) };
    // Once without a clock: files, code and what is kept of the sound are in memory for all that follows.
    for (contender, _) in &mut contenders {
        for kind in [0, 1] {
            fetch_for(turn / 2, contender.address, &contender.paths[kind], CONNECTION_COUNT)?;
        }
    }
    for round in 0..round_count {
        for at in 0..contenders.len() {
            // Whoever begins a round has the machine as the last one left it: that falls on each in turn.
            let at = (at + round) % contenders.len();
            for kind in [0, 1] {
                contenders[at].0.take_turn(kind, turn)?;
            }
        }
    }
    let mut figures = Vec::new();
    let (nginx, ours) = contenders.split_first().ok_or("nobody serves")?;
    for ((contender, _), (_, most, _)) in ours.iter().zip(&servers) {
        let ratio = contender.cpu_s_per_gb() / nginx.0.cpu_s_per_gb();
        println!("{}, {}: pictures take {ratio:.2} times the CPU of nginx, at most {most}", film.name, contender.name);
        figures.push(Figure {
            name: format!("CPU of pictures, {}, in times of nginx", contender.name),
            ours: ratio,
            at_most: Some(*most),
            peer: None,
            unit: "times",
        });
        figures.push(Figure {
            name: format!("CPU of pictures, {}", contender.name),
            ours: contender.cpu_s_per_gb(),
            at_most: None,
            peer: Some(("nginx", nginx.0.cpu_s_per_gb())),
            unit: "s per GB",
        });
        figures.push(Figure {
            name: format!("CPU of a segment of sound, {}", contender.name),
            ours: contender.cpu_ms_per_sound(),
            at_most: Some(MOST_PER_SOUND_MS),
            peer: Some(("nginx", nginx.0.cpu_ms_per_sound())),
            unit: "ms",
        });
    }
    Ok(print_table(&format!("{} of {:.0} MB from disk", film.name, film.size_bytes as f64 / 1e6), &figures))
}

fn paths_of(presented: &Presented) -> [Vec<String>; 2] {
    let of = |at: usize| presented.playlists[at].segments.iter().map(|(path, _)| path.clone()).collect();
    [of(0), of(1)]
}

/// Writes the segments of picture and sound into `folder`, and says under which paths.
fn write_segments(server: &mut Server, presented: &Presented, folder: &Path) -> Result<[Vec<String>; 2], Error> {
    let mut paths: [Vec<String>; 2] = Default::default();
    for (kind, playlist) in presented.playlists.iter().take(2).enumerate() {
        for (number, (path, _)) in playlist.segments.iter().enumerate() {
            let name = format!("{kind}-{number:05}.m4s");
            std::fs::write(folder.join(&name), server.get(path)?)?;
            paths[kind].push(format!("/{name}"));
        }
    }
    Ok(paths)
}
