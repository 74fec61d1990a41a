//! Many people who watch at the same time, at the pace of the film: do all of them get every segment in time, and what does the server take?
//!
//! A thousand viewers of one film of 1080p at 5 Mbit/s for three minutes, and a hundred viewers of a hundred films; each over HTTP and from
//! disk, each with a playback, a connection and (twenty at a time) an address of its own. A viewer plays as soon as the first segments of
//! picture and sound are there, and asks for the next ones whenever a segment begins to play: what comes after that segment has ended is a
//! stall. Told are stalls, how long segments took (the median and what 99 of 100 do not exceed), memory every second, descriptors, processor
//! time, and what is left of all that when the viewers have gone and the server has had time to notice. The peer of the same run is nginx with
//! ready-made files, before as many viewers, for a shorter while.
//!
//! ```text
//! cargo build --release -p prostream-server
//! cargo run --release -p prostream-benches --bin many_viewers [--short] [--scenario one-film|hundred-films] [--place disk|http]
//!     [--file film.mp4|film.mkv] [--viewers N] [--seconds N] [--idle-wait-s N] [--prostream PATH] [--set KEY=VALUE]
//! ```
//! Without `--scenario` and `--place` all four; without `--file` the MP4. `--short` has 50 viewers of one small film over HTTP and 10 of ten
//! from disk, for fifteen seconds, and judges stalls and errors alone. Otherwise the exit code is 1 when one film stalls anyone, takes half a second
//! for more than one segment of a hundred, takes 400 MiB or more or ever more, or leaves more than 64 MiB or a descriptor behind. Needs ffmpeg
//! with libx264, nginx, and Linux. A hundred films on disk take 13 GB there while they are played.
#![forbid(unsafe_code)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use prostream_benches::Error;
use prostream_benches::figures::{Figure, mib, ms, percentile, print_table};
use prostream_benches::media::{self, Media, Salt};
use prostream_benches::nginx::Nginx;
use prostream_benches::options::Options;
use prostream_benches::origin::Origin;
use prostream_benches::process::{Memory, cpu_of, descriptors_of, memory_of};
use prostream_benches::server::{Presented, Server, Setup};
use prostream_benches::target::{Place, Target};
use prostream_benches::viewers::{Seen, Viewer, watch};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Longest that one segment of a hundred may take.
const MOST_P99: Duration = Duration::from_millis(500);
/// Most memory while everyone watches.
const MOST_MEMORY_BYTES: u64 = 400 << 20;
/// Most that the last third of the time may have above the second: what grows more grows for ever.
const MOST_GROWTH_BYTES: u64 = 32 << 20;
/// Most memory that may be left behind.
const MOST_LEFT_BYTES: u64 = 64 << 20;
/// How long the server may take to give back what nobody uses, unless `--idle-wait-s` says otherwise.
const IDLE_WAIT: Duration = Duration::from_secs(120);
/// Between two looks at the memory.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// One of the things that are measured.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    film_count: usize,
    viewer_count: usize,
    place: Place,
}

/// What all scenarios share.
struct Plan {
    /// How long each viewer watches.
    watched: Duration,
    /// How long it takes until all have come.
    arrival: Duration,
    /// How long nginx is watched.
    watched_of_nginx: Duration,
    idle_wait: Duration,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("many_viewers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Error> {
    let options = Options::read(&[], &["--scenario", "--place", "--file", "--viewers", "--seconds", "--idle-wait-s"])?;
    // A connection here and one there for each viewer, and what the origin needs.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;

    let seconds = |name: &str, usual: u64| -> Result<Duration, Error> {
        Ok(Duration::from_secs(options.number(name)?.unwrap_or(usual)))
    };
    let plan = if options.is_short {
        Plan {
            watched: seconds("--seconds", 15)?,
            arrival: Duration::from_secs(2),
            watched_of_nginx: Duration::from_secs(5),
            idle_wait: seconds("--idle-wait-s", 0)?,
        }
    } else {
        Plan {
            watched: seconds("--seconds", 180)?,
            arrival: Duration::from_secs(12),
            watched_of_nginx: Duration::from_secs(30),
            idle_wait: seconds("--idle-wait-s", IDLE_WAIT.as_secs())?,
        }
    };
    let folder = tempfile::tempdir()?;
    eprintln!("making the files");
    let (size, rate) = if options.is_short { ("640x360", "2M") } else { ("1920x1080", "5M") };
    let clip = media::clip(folder.path(), size, rate)?;
    let films = media::films(folder.path(), &clip, plan.watched.as_secs() as u32 + 30)?;
    let wanted = options.text("--file").unwrap_or("film.mp4");
    let film = films.iter().find(|film| film.name == wanted).ok_or("--file is film.mp4 or film.mkv")?;

    let viewers = options.number("--viewers")?.map(|count| count as usize);
    let (many, some) = if options.is_short { (50, 10) } else { (1000, 100) };
    let mut is_good = true;
    for (name, film_count, viewer_count) in [("one-film", 1, many), ("hundred-films", some, some)] {
        for (place, place_name) in [(Place::Http, "http"), (Place::Disk, "disk")] {
            let is_wanted = |option: &str, name: &str| options.text(option).is_none_or(|wanted| wanted == name);
            // In short, each place is seen once.
            let is_short_cut = options.is_short
                && options.text("--scenario").or(options.text("--place")).is_none()
                && (film_count == 1) != (place == Place::Http);
            if is_wanted("--scenario", name) && is_wanted("--place", place_name) && !is_short_cut {
                let viewer_count = viewers.unwrap_or(viewer_count);
                is_good &=
                    measure(&options, &plan, film, Scenario { name, film_count, viewer_count, place }, folder.path())?;
            }
        }
    }
    Ok(is_good)
}

fn measure(options: &Options, plan: &Plan, film: &Media, scenario: Scenario, folder: &Path) -> Result<bool, Error> {
    let origin = Origin::start(std::slice::from_ref(film), Duration::ZERO)?;
    // Only as long as this scenario: a hundred films are large.
    let copies = tempfile::tempdir_in(folder)?;
    let targets = targets(film, scenario, &origin, copies.path())?;
    let mut server = Server::start(Setup::new(options, folder, Some(origin.address())))?;
    let pid = server.pid();

    server.hang_up();
    thread::sleep(SAMPLE_INTERVAL);
    let start = (memory_of(pid)?, descriptors_of(pid)?);
    eprintln!("{}, {}: starting {} playbacks", scenario.name, scenario.place.name(), scenario.viewer_count);
    let opening = Instant::now();
    let mut viewers = Vec::new();
    for (number, target) in (0..scenario.viewer_count).zip(targets.iter().cycle()) {
        let presented = server.play(target)?;
        viewers.push(viewer(&presented, server.address(), plan.watched, arrival(plan, scenario, number)));
    }
    let opening = opening.elapsed();
    server.hang_up();
    eprintln!("opened in {:.1} s; watching", opening.as_secs_f64());

    let fetched_bytes = Arc::new(AtomicU64::new(0));
    let sampler = Sampler::start(pid, Arc::clone(&fetched_bytes));
    let cpu = cpu_of(pid)?;
    let seen = watch(viewers, &fetched_bytes)?;
    let cpu_s_per_gb = (cpu_of(pid)? - cpu).as_secs_f64() / (seen.bytes as f64 / 1e9);
    let memory = sampler.stop()?;
    let left = wait_until_idle(plan, pid, start)?;

    let peer = watch_nginx(plan, scenario, &mut server, targets.first().ok_or("no film")?, folder)?;
    drop(server);
    Ok(tell(options, film, scenario, &Outcome { seen, cpu_s_per_gb, memory, start, left, peer }))
}

/// What all of it came to.
struct Outcome {
    seen: Seen,
    cpu_s_per_gb: f64,
    memory: Vec<Memory>,
    start: (Memory, usize),
    left: Left,
    /// What viewers of nginx saw, and its processor time per GB.
    peer: (Seen, f64),
}

fn tell(options: &Options, film: &Media, scenario: Scenario, outcome: &Outcome) -> bool {
    let Outcome { seen, cpu_s_per_gb, memory, start, left, peer: (seen_of_nginx, cpu_of_nginx) } = outcome;
    for error in seen.errors.iter().take(5) {
        println!("{error}");
    }
    let all = |memory: &[Memory]| memory.iter().map(|memory| memory.resident_bytes).max().unwrap_or(0);
    let own = memory.iter().map(|memory| memory.own_bytes).max().unwrap_or(0);
    let (second, last) = memory[memory.len() / 3..].split_at(memory.len() / 3);
    let growth = all(last).saturating_sub(all(second));
    let left_bytes = left.memory.resident_bytes.saturating_sub(start.0.resident_bytes);
    // One film is what limits are asked for; the short form says nothing about times and memory.
    let limit = |limit: f64| (scenario.film_count == 1 && !options.is_short).then_some(limit);
    let figure = |name: &str, ours: f64, at_most: Option<f64>, unit: &'static str| Figure {
        name: name.to_owned(),
        ours,
        at_most,
        peer: None,
        unit,
    };
    let times = |share: f64| ms(percentile(&seen.segment_times, share));
    let of_nginx = |share: f64| Some(("nginx", ms(percentile(&seen_of_nginx.segment_times, share))));
    let figures = [
        figure("viewers that were given up", seen.errors.len() as f64, Some(0.0), "viewers"),
        figure("stalls", seen.stall_count as f64, Some(0.0), "stalls"),
        figure("stalled together", seen.stalled.as_secs_f64(), None, "s"),
        Figure { peer: of_nginx(0.5), ..figure("segment, median", times(0.5), None, "ms") },
        Figure { peer: of_nginx(0.99), ..figure("segment, 99 of 100", times(0.99), limit(ms(MOST_P99)), "ms") },
        figure("segment, longest", times(1.0), None, "ms"),
        Figure { peer: Some(("nginx", *cpu_of_nginx)), ..figure("CPU", *cpu_s_per_gb, None, "s per GB") },
        figure("segments", seen.segment_times.len() as f64, None, "segments"),
        figure("memory at the start", mib(start.0.resident_bytes), None, "MiB"),
        figure("memory, most", mib(all(memory)), limit(mib(MOST_MEMORY_BYTES)), "MiB"),
        figure("memory of its own, most", mib(own), None, "MiB"),
        figure("memory, growth in the last third", mib(growth), limit(mib(MOST_GROWTH_BYTES)), "MiB"),
        figure("memory left behind", mib(left_bytes), limit(mib(MOST_LEFT_BYTES)), "MiB"),
        figure("descriptors left behind", left.descriptor_count as f64 - start.1 as f64, limit(0.0), "descriptors"),
        figure("time until they were given back", left.after.as_secs_f64(), None, "s"),
    ];
    let title = format!(
        "{}: {} viewers of {} films of {:.0} MB ({}), {}",
        scenario.name,
        scenario.viewer_count,
        scenario.film_count,
        film.size_bytes as f64 / 1e6,
        film.name,
        scenario.place.name()
    );
    let is_good = print_table(&title, &figures);
    let curve: Vec<String> = memory
        .iter()
        .step_by((memory.len() / 20).max(1))
        .map(|memory| format!("{:.0}", mib(memory.resident_bytes)))
        .collect();
    println!("\nmemory over time, MiB: {}", curve.join(" "));
    is_good
}

/// The films of a scenario.
fn targets(film: &Media, scenario: Scenario, origin: &Origin, copies: &Path) -> Result<Vec<Target>, Error> {
    let mut targets = Vec::new();
    for number in 0..scenario.film_count as u32 {
        targets.push(match scenario.place {
            Place::Http => Target::Url(origin.url(film.name, number)),
            Place::Disk if scenario.film_count == 1 => Target::Path(film.path.clone()),
            Place::Disk => Target::Path(copy(film, number, copies)?),
        });
    }
    Ok(targets)
}

/// The same film as a file of its own.
fn copy(film: &Media, number: u32, folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join(format!("{number}-{}", film.name));
    std::fs::copy(&film.path, &path)?;
    File::options().write(true).open(&path)?.write_all_at(&Salt::bytes(number), film.salt.offset)?;
    Ok(path)
}

/// Evenly, so that their requests are spread out, too.
fn arrival(plan: &Plan, scenario: Scenario, number: usize) -> Duration {
    plan.arrival.mul_f64(number as f64 / scenario.viewer_count as f64)
}

/// Someone who watches a film from its start for so long.
fn viewer(presented: &Presented, address: std::net::SocketAddr, watched: Duration, comes_after: Duration) -> Viewer {
    let picture = &presented.playlists[0];
    let mut steps = Vec::new();
    let mut played = Duration::ZERO;
    for (number, (path, duration)) in picture.segments.iter().enumerate() {
        if played >= watched {
            break;
        }
        played += *duration;
        let sound = presented.playlists[1].segments.get(number).map(|(path, _)| path.clone());
        steps.push((std::iter::once(path.clone()).chain(sound).collect(), *duration));
    }
    let inits = presented.playlists.iter().take(2).map(|playlist| playlist.init.clone()).collect();
    Viewer { address, inits, steps, comes_after }
}

/// The same number of viewers before nginx, which has the segments of the first film as files.
fn watch_nginx(
    plan: &Plan,
    scenario: Scenario,
    server: &mut Server,
    target: &Target,
    folder: &Path,
) -> Result<(Seen, f64), Error> {
    let ready_made = tempfile::tempdir_in(folder)?;
    let mut presented = server.play(target)?;
    let like = viewer(&presented, server.address(), plan.watched_of_nginx, Duration::ZERO);
    for (kind, playlist) in presented.playlists.iter_mut().take(2).enumerate() {
        let count = like.steps.len();
        playlist.segments.truncate(count);
        let paths = std::iter::once(&mut playlist.init).chain(playlist.segments.iter_mut().map(|(path, _)| path));
        for (number, path) in paths.enumerate() {
            let name = format!("{kind}-{number:05}");
            std::fs::write(ready_made.path().join(&name), server.get(path)?)?;
            *path = format!("/{name}");
        }
    }
    let nginx = Nginx::start(ready_made.path(), None)?;
    let viewers = (0..scenario.viewer_count)
        .map(|number| viewer(&presented, nginx.address(), plan.watched_of_nginx, arrival(plan, scenario, number)))
        .collect();
    let cpu = nginx.cpu()?;
    let seen = watch(viewers, &Arc::new(AtomicU64::new(0)))?;
    let cpu_s_per_gb = (nginx.cpu()? - cpu).as_secs_f64() / (seen.bytes as f64 / 1e9);
    Ok((seen, cpu_s_per_gb))
}

/// What is left when all have gone.
struct Left {
    memory: Memory,
    descriptor_count: usize,
    after: Duration,
}

/// Waits until memory and descriptors are what they were, or for as long as the server may take.
fn wait_until_idle(plan: &Plan, pid: u32, start: (Memory, usize)) -> Result<Left, Error> {
    let gone = Instant::now();
    loop {
        thread::sleep(SAMPLE_INTERVAL);
        let left = Left { memory: memory_of(pid)?, descriptor_count: descriptors_of(pid)?, after: gone.elapsed() };
        let is_idle =
            left.memory.resident_bytes <= start.0.resident_bytes + MOST_LEFT_BYTES && left.descriptor_count <= start.1;
        if is_idle || left.after >= plan.idle_wait {
            return Ok(left);
        }
    }
}

/// Looks at the memory of a process every second.
struct Sampler {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<Vec<Memory>, Error>>,
}

impl Sampler {
    fn start(pid: u32, fetched_bytes: Arc<AtomicU64>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            let mut before = 0;
            while !stop.load(Relaxed) {
                samples.push(memory_of(pid)?);
                let now = fetched_bytes.load(Relaxed);
                if samples.len() % 10 == 0 {
                    let rate = (now - before) as f64 / 10e6;
                    let memory = samples.last().map_or(0.0, |memory| mib(memory.resident_bytes));
                    eprintln!("after {} s: {rate:.0} MB/s, {memory:.0} MiB", samples.len());
                    before = now;
                }
                thread::sleep(SAMPLE_INTERVAL);
            }
            Ok(samples)
        });
        Self { is_over, thread }
    }

    fn stop(self) -> Result<Vec<Memory>, Error> {
        self.is_over.store(true, Relaxed);
        self.thread.join().map_err(|_| "the sampler panicked")?
    }
}
