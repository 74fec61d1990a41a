//! Makes the films: every track is encoded once and kept, every film is muxed from copies.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use crate::tool::{argument, ffmpeg, run};

/// A film to be muxed from ready-made tracks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Film {
    /// Name of the file; its ending says the container.
    pub(crate) name: &'static str,
    /// Names of tracks of [`track`], in order; `name@1.5` begins one and a half seconds late.
    tracks: &'static [&'static str],
    muxer: Muxer,
}

#[derive(Clone, Copy, Debug)]
enum Muxer {
    /// With these arguments of ffmpeg before the file.
    Ffmpeg(&'static [&'static str]),
    /// The same, after a first pass: cut off what comes before so many seconds, which leaves an edit list that starts between keyframes.
    FfmpegFrom(&'static str, &'static [&'static str]),
    /// With these arguments of mkvmerge, after what ffmpeg muxes.
    Mkvmerge(&'static [&'static str]),
}

impl Film {
    /// Matroska and WebM keep milliseconds, and one length for all tracks.
    pub(crate) fn is_matroska(&self) -> bool {
        [".mkv", ".mka", ".webm"].iter().any(|ending| self.name.ends_with(ending))
    }

    /// How many tracks it has.
    pub(crate) fn track_count(&self) -> usize {
        self.tracks.len()
    }
}

const fn film(name: &'static str, tracks: &'static [&'static str], options: &'static [&'static str]) -> Film {
    Film { name, tracks, muxer: Muxer::Ffmpeg(options) }
}

const MOOV_FIRST: &[&str] = &["-movflags", "+faststart"];
const CUES_FIRST: &[&str] = &["-cues_to_front", "1"];
const LANGUAGES: &[&str] =
    &["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre", "-disposition:a:1", "0"];

/// All films. What they cover: MP4 with moov first and last, Matroska with Cues first and last, WebM; every codec that is packaged; edit
/// lists, late and trimmed starts, long GOPs, open GOPs, odd frame rates; several languages, subtitles; sound alone and pictures alone.
pub(crate) const FILMS: &[Film] = &[
    film("h264-aac-moov-first.mp4", &["h264", "aac"], MOOV_FIRST),
    film("h264-aac-moov-last.mp4", &["h264", "aac"], &[]),
    film(
        "h264-two-languages-text.mp4",
        &["h264", "aac", "ac3", "text.srt"],
        &["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre", "-c:s", "mov_text"],
    ),
    film("h264-ntsc-film-eac3.mp4", &["h264-23.976", "eac3"], MOOV_FIRST),
    film("h264-ntsc-ac3.mp4", &["h264-29.97", "ac3"], &[]),
    film("h264-50-aac-44100.mp4", &["h264-50", "aac-44100"], MOOV_FIRST),
    film("h264-late-sound.mp4", &["h264", "aac@1.5"], &[]),
    film("h264-late-picture.mp4", &["h264@0.7", "aac"], &[]),
    Film {
        name: "h264-trimmed-text.mp4",
        tracks: &["h264", "aac", "text.srt"],
        muxer: Muxer::FfmpegFrom("3.3", &["-c:s", "mov_text"]),
    },
    film("h264-short-sound.mp4", &["h264", "aac-short"], &[]),
    film("h264-long-gop.mp4", &["h264-long", "aac"], MOOV_FIRST),
    film("h264-opus-mp3.mp4", &["h264", "opus", "mp3"], &[]),
    film("h264-silent.mp4", &["h264"], MOOV_FIRST),
    film("hevc-eac3.mp4", &["hevc", "eac3"], &["-tag:v", "hvc1"]),
    film("hevc-open-gop-aac.mp4", &["hevc-open", "aac"], MOOV_FIRST),
    film("av1-opus.mp4", &["av1", "opus"], MOOV_FIRST),
    film("vp9-flac.mp4", &["vp9", "flac"], &[]),
    film("aac-alone.m4a", &["aac"], MOOV_FIRST),
    film("h264-aac-cues-first.mkv", &["h264", "aac"], CUES_FIRST),
    film("h264-aac-cues-last.mkv", &["h264", "aac"], &[]),
    film("h264-two-languages-text.mkv", &["h264", "aac", "aac-44100", "text.srt"], LANGUAGES),
    film("h264-ntsc-film-ac3.mkv", &["h264-23.976", "ac3"], CUES_FIRST),
    film("h264-ntsc-flac.mkv", &["h264-29.97", "flac"], &[]),
    film("h264-50-mp3.mkv", &["h264-50", "mp3"], CUES_FIRST),
    film("h264-late-sound.mkv", &["h264", "aac@1.5"], &[]),
    film("h264-short-sound.mkv", &["h264", "aac-short"], &[]),
    film("h264-long-gop-opus.mkv", &["h264-long", "opus"], &[]),
    film("h264-from-ten-text.mkv", &["h264", "aac", "text.srt"], &["-output_ts_offset", "10"]),
    film("hevc-eac3-webvtt.mkv", &["hevc", "eac3", "text.vtt"], &[]),
    film("hevc-open-gop-ac3.mkv", &["hevc-open", "ac3"], CUES_FIRST),
    film("av1-aac.mkv", &["av1", "aac"], CUES_FIRST),
    Film {
        name: "h264-laced.mkv",
        tracks: &["h264", "ac3", "mp3", "text.srt"],
        muxer: Muxer::Mkvmerge(&["--compression", "-1:none"]),
    },
    film("av1-opus.webm", &["av1", "opus"], &[]),
    film("vp9-opus-text.webm", &["vp9", "opus", "text.vtt"], CUES_FIRST),
    film("flac-alone.mka", &["flac"], &[]),
    film("opus-alone.webm", &["opus"], CUES_FIRST),
];

/// Four films of about 30 MB, so that their head and tail are far from all of them. Their request counts are measured.
pub(crate) const LONG_FILMS: &[Film] = &[
    film("long-moov-first.mp4", &["noise", "aac"], MOOV_FIRST),
    film("long-moov-last.mp4", &["noise", "aac"], &[]),
    film("long-cues-first.mkv", &["noise", "aac"], CUES_FIRST),
    film("long-cues-last.mkv", &["noise", "aac"], &[]),
];

/// The film with this name in [`FILMS`].
pub(crate) fn film_named(name: &str) -> &'static Film {
    FILMS.iter().find(|film| film.name == name).unwrap_or_else(|| panic!("no film {name}"))
}

/// Cues within segments and over a cut, some with letters that WebVTT must escape.
const SUBRIP: &str = "1\n00:00:01,000 --> 00:00:01,500\n<i>First</i> at A&B\n\n\
                      2\n00:00:05,000 --> 00:00:07,250\nOver the cut, 1 < 2\n\n\
                      3\n00:00:07,500 --> 00:00:08,500\nOver the cut of a trimmed film\n\n\
                      4\n00:00:09,125 --> 00:00:09,126\nBrief\n\n\
                      5\n00:00:12,500 --> 00:00:13,900\nLast\nin two lines\n\n";

/// The same in the markup of WebVTT.
const WEBVTT: &str = "WEBVTT\n\n00:01.000 --> 00:01.500\n<i>First</i> at A&amp;B\n\n\
                      00:05.000 --> 00:07.250\nOver the cut, 1 &lt; 2\n\n\
                      00:07.500 --> 00:08.500\nOver the cut of a trimmed film\n\n\
                      00:09.125 --> 00:09.126\nBrief\n\n\
                      00:12.500 --> 00:13.900\nLast\nin two lines\n";

/// How a track is encoded: 14 s, except where it says otherwise; in MP4, whose times are exact.
const TRACKS: &[(&str, &str, &[&str])] = &[
    (
        "h264",
        "testsrc2=size=192x108:rate=24:duration=14",
        &["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "48"],
    ),
    (
        "h264-23.976",
        "testsrc2=size=192x108:rate=24000/1001:duration=14",
        &["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "48"],
    ),
    (
        "h264-29.97",
        "testsrc2=size=192x108:rate=30000/1001:duration=14",
        &["-c:v", "libx264", "-preset", "veryfast", "-bf", "1", "-g", "45"],
    ),
    (
        "h264-50",
        "testsrc2=size=192x108:rate=50:duration=14",
        &["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "100"],
    ),
    (
        "h264-long",
        "testsrc2=size=192x108:rate=25:duration=18",
        &[
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-bf",
            "2",
            "-g",
            "300",
            "-keyint_min",
            "300",
            "-sc_threshold",
            "0",
        ],
    ),
    (
        "hevc",
        "testsrc2=size=192x108:rate=25:duration=14",
        &["-c:v", "libx265", "-preset", "ultrafast", "-g", "50", "-x265-params", "log-level=none:open-gop=0:bframes=2"],
    ),
    (
        "hevc-open",
        "testsrc2=size=192x108:rate=24:duration=14",
        &["-c:v", "libx265", "-preset", "veryfast", "-g", "48", "-x265-params", "log-level=none:open-gop=1:bframes=3"],
    ),
    (
        "av1",
        "testsrc2=size=192x108:rate=24:duration=14",
        &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-b:v", "100k", "-g", "48"],
    ),
    (
        "vp9",
        "testsrc2=size=192x108:rate=30:duration=14",
        &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k", "-g", "60"],
    ),
    ("aac", "sine=frequency=440:beep_factor=4:sample_rate=48000:duration=14", &["-c:a", "aac"]),
    ("aac-short", "sine=frequency=220:sample_rate=48000:duration=5", &["-c:a", "aac"]),
    ("aac-44100", "sine=frequency=330:sample_rate=44100:duration=14", &["-ac", "2", "-c:a", "aac"]),
    ("ac3", "sine=frequency=550:sample_rate=48000:duration=14", &["-ac", "6", "-c:a", "ac3", "-b:a", "256k"]),
    ("eac3", "sine=frequency=660:sample_rate=48000:duration=14", &["-ac", "6", "-c:a", "eac3", "-b:a", "192k"]),
    ("opus", "sine=frequency=770:sample_rate=48000:duration=14", &["-ac", "2", "-c:a", "libopus", "-b:a", "64k"]),
    ("flac", "sine=frequency=880:sample_rate=48000:duration=14", &["-ac", "2", "-c:a", "flac", "-strict", "-2"]),
    ("mp3", "sine=frequency=990:sample_rate=48000:duration=14", &["-ac", "2", "-c:a", "libmp3lame", "-b:a", "96k"]),
    // Twelve seconds of pictures that do not compress; `mux` loops them.
    (
        "noise",
        "testsrc2=size=320x180:rate=24:duration=12,noise=alls=60:allf=t",
        &["-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-b:v", "3M", "-maxrate", "3M", "-bufsize", "3M"],
    ),
];

/// How often [`LONG_FILMS`] repeat their tracks, less one.
const LOOP_COUNT: &str = "6";

/// Where encoded tracks stay, also for the next run.
fn kept() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-tracks");
        std::fs::create_dir_all(&folder).expect("cargo gives a folder to write to");
        let version = run("ffmpeg", &["-version"]);
        let jobs = Mutex::new(TRACKS.iter().collect::<VecDeque<_>>());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(job) = { jobs.lock().expect("nobody panics with the lock").pop_front() } {
                        encode(&folder, job, &version);
                    }
                });
            }
        });
        folder
    })
}

/// Encodes a track unless an earlier run did. Written beside and moved, so that nobody finds half of one.
fn encode(folder: &Path, (name, source, codec): &(&str, &str, &[&str]), version: &str) {
    let mut hasher = DefaultHasher::new();
    (source, codec, version).hash(&mut hasher);
    let (track, recipe) = (folder.join(format!("{name}.mp4")), folder.join(format!("{name}.recipe")));
    let wanted = format!("{:016x}", hasher.finish());
    if track.exists() && std::fs::read_to_string(&recipe).is_ok_and(|made_by| made_by == wanted) {
        return;
    }
    let draft = folder.join(format!("{name}.{}.mp4", std::process::id()));
    ffmpeg(&[&["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p"], *codec, &[argument(&draft)]].concat());
    std::fs::rename(&draft, &track).expect("a file is moved within its folder");
    std::fs::write(&recipe, wanted).expect("a file is written");
}

/// Muxes a film into `folder`.
pub(crate) fn mux(film: &Film, folder: &Path) -> PathBuf {
    for (name, text) in [("text.srt", SUBRIP), ("text.vtt", WEBVTT)] {
        std::fs::write(folder.join(name), text).expect("a file is written");
    }
    let mut inputs: Vec<String> = Vec::new();
    let mut maps: Vec<String> = Vec::new();
    for (at, track) in film.tracks.iter().enumerate() {
        let (name, delay) = track.split_once('@').unwrap_or((track, "0"));
        let file = if name.starts_with("text.") { folder.join(name) } else { kept().join(format!("{name}.mp4")) };
        if film.name.starts_with("long-") {
            inputs.extend(["-stream_loop", LOOP_COUNT].map(str::to_owned));
        }
        inputs.extend(["-itsoffset", delay, "-i", argument(&file)].map(str::to_owned));
        maps.extend(["-map".to_owned(), at.to_string()]);
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let maps: Vec<&str> = maps.iter().map(String::as_str).collect();
    let copy = &["-c", "copy", "-strict", "-2"];
    let file = folder.join(film.name);
    match film.muxer {
        Muxer::Ffmpeg(options) => {
            ffmpeg(&[&inputs, &maps, &copy[..], options, &[argument(&file)]].concat());
        }
        Muxer::FfmpegFrom(start, options) => {
            let whole = folder.join(format!("whole-{}", film.name));
            ffmpeg(&[&inputs, &maps, &copy[..], options, &[argument(&whole)]].concat());
            ffmpeg(&["-ss", start, "-i", argument(&whole), "-map", "0", "-c", "copy", argument(&file)]);
        }
        Muxer::Mkvmerge(options) => {
            let first = folder.join(format!("first-{}", film.name));
            ffmpeg(&[&inputs, &maps, &copy[..], &[argument(&first)]].concat());
            // The options of an input stand before it.
            run("mkvmerge", &[&["-q", "-o", argument(&file)], options, &[argument(&first)]].concat());
        }
    }
    file
}
