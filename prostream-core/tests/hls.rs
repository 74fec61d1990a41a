//! The packager from end to end, on files that ffmpeg makes: what a player gets is the film, sample by sample.
//!
//! With `PROSTREAM_HLS_TREE` set to a folder, each film is also left there as a static tree of playlists and segments, beside the file it
//! was made from: for validators and players.

#[path = "support/fragment.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fragment;
#[allow(dead_code, reason = "this host can also fail, which other tests want")]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt;
use prostream_core::hls::playlist::{self, RenditionFile};
use prostream_core::hls::{HlsProvider, NativePackager, PackagerConfig, Presentation, Rendition, RenditionInfo};
use prostream_core::model::{ByteRange, DeviceProfile, TrackKind};
use prostream_core::source::{
    BlockCache, BlockCacheConfig, ByteSource, CachedSource, FileAccess, FileSource, HttpSource, HttpSourceConfig,
    MemorySource,
};
use prostream_core::{ErrorKind, Result, testing};
use support::{Answer, Host, Seen};

/// A film to be muxed from ready-made tracks.
struct Film {
    name: &'static str,
    tracks: &'static [&'static str],
    options: &'static [&'static str],
}

const fn film(name: &'static str, tracks: &'static [&'static str], options: &'static [&'static str]) -> Film {
    Film { name, tracks, options }
}

const FIRST: &[&str] = &["-movflags", "+faststart"];
const CUES_FIRST: &[&str] = &["-cues_to_front", "1"];
const LANGUAGES: &[&str] =
    &["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre", "-disposition:a:1", "0"];

const MP4: &[Film] = &[
    film("h264-aac-first.mp4", &["h264", "aac"], FIRST),
    film("h264-aac-last.mp4", &["h264", "aac"], &[]),
    film("h264-ntsc-ac3.mp4", &["h264-ntsc", "ac3"], FIRST),
    film("h264-aac-eac3-text.mp4", &["h264", "aac", "eac3", "srt"], &["-c:s", "mov_text"]),
    film("h264-two-aac.mp4", &["h264", "aac", "aac-stereo"], LANGUAGES),
    film("intra-aac.mp4", &["intra", "aac"], FIRST),
    film("hevc-eac3.mp4", &["hevc", "eac3"], &["-tag:v", "hvc1"]),
    film("hevc-open-ac3.mp4", &["hevc-open", "ac3"], FIRST),
    film("av1-opus.mp4", &["av1", "opus"], FIRST),
    film("vp9-flac.mp4", &["vp9", "flac"], &[]),
    film("h264-mp3.mp4", &["h264", "mp3"], &[]),
    film("h264-late-audio.mp4", &["h264", "aac-late"], &[]),
    film("h264-short-aac.mp4", &["h264-short", "aac"], &[]),
    film("h264-silent.mp4", &["h264"], FIRST),
    film(
        "h264-fragmented.mp4",
        &["h264", "aac"],
        &["-movflags", "+frag_keyframe+empty_moov+default_base_moof+global_sidx"],
    ),
    film("opus-alone.mp4", &["opus"], &[]),
    film("aac-alone.m4a", &["aac"], &[]),
];

const MATROSKA: &[Film] = &[
    film("h264-aac-last.mkv", &["h264", "aac"], &[]),
    film("h264-aac-first.mkv", &["h264", "aac"], CUES_FIRST),
    film("h264-ntsc-ac3.mkv", &["h264-ntsc", "ac3"], CUES_FIRST),
    film("h264-two-aac-text.mkv", &["h264", "aac", "aac-stereo", "srt"], LANGUAGES),
    film("h264-eac3-text.mkv", &["h264", "eac3", "srt"], CUES_FIRST),
    film("intra-aac.mkv", &["intra", "aac"], &[]),
    film("hevc-eac3.mkv", &["hevc", "eac3"], &[]),
    film("hevc-open-flac.mkv", &["hevc-open", "flac"], CUES_FIRST),
    film("h264-opus-mp3.mkv", &["h264", "opus", "mp3"], &[]),
    film("h264-late-audio.mkv", &["h264", "aac-late"], &[]),
    film("av1-opus.webm", &["av1", "opus"], &[]),
    film("vp9-opus-text.webm", &["vp9", "opus", "srt"], &["-c:s", "webvtt", "-cues_to_front", "1"]),
    film("flac-alone.mka", &["flac"], &[]),
    film("opus-alone.webm", &["opus"], CUES_FIRST),
];

const SUBTITLES: &str = "1\n00:00:01,000 --> 00:00:02,500\n<i>First</i> at A&B\n\n\
                         2\n00:00:05,000 --> 00:00:07,250\nOver the cut\n\n\
                         3\n00:00:12,500 --> 00:00:13,900\nLast\nin two lines\n\n";

/// Runs a tool of the ffmpeg family and gives what it prints.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output = testing::tool::run(Command::new(tool).args(arguments));
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("ffmpeg prints UTF-8")
}

fn ffmpeg(arguments: &[&str]) {
    run("ffmpeg", &[&["-v", "error", "-nostdin", "-y"], arguments].concat());
}

/// Fourteen seconds of each kind of track, made once; in MP4, whose times are exact.
fn tracks() -> &'static Path {
    static TRACKS: OnceLock<tempfile::TempDir> = OnceLock::new();
    TRACKS
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
            std::fs::write(folder.path().join("srt.srt"), SUBTITLES).expect("a file is written");
            let pictures = |name: &str, rate: &str| match name {
                "large" => format!("testsrc2=size=640x360:rate={rate}:duration=14,noise=alls=20"),
                _ => format!("testsrc2=size=192x108:rate={rate}:duration=14"),
            };
            let video: &[(&str, &str, &[&str])] = &[
                ("h264", "24", &["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-sc_threshold", "0"]),
                ("h264-ntsc", "24000/1001", &["-c:v", "libx264", "-preset", "veryfast", "-bf", "2"]),
                ("intra", "24000/1001", &["-c:v", "libx264", "-preset", "veryfast", "-x264-params", "keyint=1"]),
                (
                    "hevc",
                    "25",
                    &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:open-gop=0"],
                ),
                (
                    "hevc-open",
                    "24",
                    &["-c:v", "libx265", "-preset", "medium", "-x265-params", "log-level=none:open-gop=1:bframes=3"],
                ),
                ("av1", "24", &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-b:v", "100k"]),
                ("large", "24", &["-c:v", "libx264", "-preset", "ultrafast", "-crf", "1"]),
                ("vp9", "30", &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k"]),
            ];
            for (name, rate, codec) in video {
                let (source, file) = (pictures(name, rate), path(&format!("{name}.mp4")));
                let gop = ["-g", "48", "-keyint_min", "48", "-pix_fmt", "yuv420p", &file];
                ffmpeg(&[&["-f", "lavfi", "-i", &source], *codec, &gop].concat());
            }
            let audio: &[(&str, &str, &[&str])] = &[
                ("aac", "1", &["-c:a", "aac"]),
                ("aac-stereo", "2", &["-c:a", "aac"]),
                ("ac3", "6", &["-c:a", "ac3", "-b:a", "256k"]),
                ("eac3", "6", &["-c:a", "eac3", "-b:a", "192k"]),
                ("opus", "2", &["-c:a", "libopus", "-b:a", "64k"]),
                ("flac", "2", &["-c:a", "flac", "-strict", "-2"]),
                ("mp3", "2", &["-c:a", "libmp3lame", "-b:a", "96k"]),
            ];
            for (name, channels, codec) in audio {
                let file = path(&format!("{name}.mp4"));
                let source = "sine=frequency=440:beep_factor=4:sample_rate=48000:duration=14";
                ffmpeg(&[&["-f", "lavfi", "-i", source, "-ac", channels], *codec, &[&file]].concat());
            }
            folder
        })
        .path()
}

/// Muxes a film into `folder`.
fn mux(film: &Film, folder: &Path) -> PathBuf {
    let file = folder.join(film.name);
    let mut arguments: Vec<String> = Vec::new();
    for track in film.tracks {
        let (name, delay) = track.strip_suffix("-late").map_or((*track, "0"), |name| (name, "1.5"));
        let (name, length) = name.strip_suffix("-short").map_or((name, "99"), |name| (name, "3.5"));
        let ending = if name == "srt" { "srt" } else { "mp4" };
        let input = tracks().join(format!("{name}.{ending}"));
        arguments.extend(["-itsoffset", delay, "-t", length, "-i", input.to_str().expect("UTF-8")].map(str::to_owned));
    }
    for input in 0..film.tracks.len() {
        arguments.extend(["-map".to_owned(), input.to_string()]);
    }
    arguments.extend(["-c", "copy", "-strict", "-2"].map(str::to_owned));
    arguments.extend(film.options.iter().map(|option| (*option).to_owned()));
    arguments.push(file.to_str().expect("UTF-8").to_owned());
    ffmpeg(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    file
}

/// A packet of a source file as ffprobe reads it.
#[derive(Debug, PartialEq)]
struct Probed {
    pts_s: f64,
    hash: String,
}

/// The packets of one stream in decode order; `stream` counts within its kind, as in `a:1`.
fn probe(file: &Path, stream: &str) -> Vec<Probed> {
    let fields = ["-select_streams", stream, "-show_entries", "packet=pts_time,data_hash", "-show_data_hash", "md5"];
    // One line for each field: side data of a packet would break its line otherwise.
    let form = ["-v", "error", "-of", "default=noprint_wrappers=1", file.to_str().expect("UTF-8")];
    let mut packets = Vec::new();
    let mut pts_s = f64::NAN;
    for line in run("ffprobe", &[&fields[..], &form].concat()).lines() {
        match line.split_once('=') {
            Some(("pts_time", time)) => pts_s = time.parse().expect("a time"),
            Some(("data_hash", hash)) => packets.push(Probed { pts_s, hash: hash.to_owned() }),
            _ => {}
        }
    }
    packets
}

/// Everything a player could fetch of a rendition.
struct Fetched {
    info: RenditionInfo,
    init: Vec<u8>,
    segments: Vec<Vec<u8>>,
}

/// Fetches every segment of every rendition in an order of its own, each as its address says.
async fn fetch_all(presentation: &dyn Presentation, mut seed: u64) -> Result<Vec<Fetched>> {
    let mut order: Vec<RenditionFile> = Vec::new();
    for rendition in presentation.renditions() {
        let info = rendition.info();
        let address = |line: &str| format!("{}/{}/{line}", presentation.variant_id(), info.name).parse();
        let list = playlist::media(presentation, info);
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            order.push(address(line)?);
        }
    }
    for at in (1..order.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (seed >> 33) as usize % (at + 1));
    }
    let mut segments: BTreeMap<(String, u32), Vec<u8>> = BTreeMap::new();
    for file in order {
        let rendition = file.find(presentation)?;
        let index = match file.kind {
            playlist::FileKind::Segment(index) | playlist::FileKind::TextSegment(index) => index,
            other => panic!("{other:?} is no segment"),
        };
        let segment = rendition.segment(index).await?;
        let size_bytes = segment.size_bytes;
        let bytes = segment.into_bytes().await?;
        assert_eq!(bytes.len() as u64, size_bytes, "{file}: length is known before");
        segments.insert((file.rendition.clone(), index), bytes.to_vec());
    }
    let mut fetched = Vec::new();
    for rendition in presentation.renditions() {
        let info = rendition.info().clone();
        let own = segments.iter().filter(|((name, _), _)| *name == info.name).map(|(_, bytes)| bytes.clone()).collect();
        fetched.push(Fetched { init: rendition.init().await?.to_vec(), segments: own, info });
    }
    Ok(fetched)
}

async fn open(file: &Path) -> Result<Arc<dyn Presentation>> {
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(file).await?);
    NativePackager::default().open(source, &DeviceProfile::any()).await
}

/// A cue as it stands in a segment.
fn cues(segments: &[Vec<u8>]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for segment in segments {
        let text = std::str::from_utf8(segment).expect("UTF-8");
        let rest = text.strip_prefix("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n").expect("a header");
        all.extend(rest.split("\n\n").map(|cue| cue.trim().to_owned()).filter(|cue| !cue.is_empty()));
    }
    all.dedup();
    all
}

fn time_s(text: &str) -> f64 {
    text.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().expect("a time"))
}

/// Checks one film in every respect.
async fn check(film: &Film, folder: &Path) {
    let name = film.name;
    let file = mux(film, folder);
    let presentation = open(&file).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let fetched = fetch_all(&*presentation, 1).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let again = fetch_all(&*open(&file).await.unwrap(), 2).await.unwrap();
    let other_source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(std::fs::read(&file).unwrap()));
    let other = NativePackager::default().open(other_source, &DeviceProfile::any()).await.unwrap();
    for third in [again, fetch_all(&*other, 3).await.unwrap()] {
        for (one, two) in fetched.iter().zip(&third) {
            assert!(one.init == two.init && one.segments == two.segments, "{name}: {} has other bytes", one.info.name);
        }
    }
    leave_tree(film, &file, &*presentation, &fetched);
    let is_matroska = !name.contains(".m4a") && !name.contains(".mp4");
    // Matroska keeps milliseconds, which are put back on the grid of the frames.
    let tolerance_s = if is_matroska { 0.002 } else { 0.000_1 };
    let mut offsets: Vec<f64> = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let expected = film.tracks.len();
    assert_eq!(fetched.len(), expected, "{name}: every track is a rendition");
    for rendition in &fetched {
        let what = format!("{name}: {}", rendition.info.name);
        let kind = match rendition.info.track.kind {
            TrackKind::Video => "v",
            TrackKind::Audio => "a",
            TrackKind::Subtitle => continue,
        };
        let nth = counts.entry(kind).or_default();
        let source = probe(&file, &format!("{kind}:{nth}"));
        *nth += 1;
        let joined = folder.join(format!("{name}.{}.mp4", rendition.info.name));
        std::fs::write(&joined, [rendition.init.clone(), rendition.segments.concat()].concat()).unwrap();
        let output = probe(&joined, &format!("{kind}:0"));
        let hashes = |packets: &[Probed]| packets.iter().map(|packet| packet.hash.clone()).collect::<Vec<_>>();
        assert!(hashes(&source) == hashes(&output), "{what}: {} packets became {}", source.len(), output.len());
        assert!(!source.is_empty(), "{what}: no packets");
        check_keyframes(&*presentation, rendition, &source, &joined, &what).await;
        // Without tables, sound is listed before its packets are read.
        let is_listed_before = is_matroska || name.contains("fragmented");
        offsets.extend(
            check_times(rendition, &what, is_listed_before)
                .iter()
                .zip(&source)
                .map(|(time, source)| time - source.pts_s),
        );
    }
    check_bandwidths(&playlist::multivariant(&*presentation), &fetched, name);
    let (least, most) = offsets.iter().fold((f64::MAX, f64::MIN), |(a, b), &offset| (a.min(offset), b.max(offset)));
    assert!(most - least <= tolerance_s, "{name}: times move by {least} to {most}");
    for rendition in fetched.iter().filter(|rendition| rendition.info.track.kind == TrackKind::Subtitle) {
        // Muxers move everything so that nothing begins before 0; MP4 fills the time before the first cue with an empty sample.
        let first_cue = probe(&file, "s:0").into_iter().find(|packet| packet.pts_s > 0.5).expect("a cue");
        check_cues(&cues(&rendition.segments), first_cue.pts_s - 1.0 + f64::midpoint(least, most), name);
    }
}

/// Every keyframe that is listed is a picture of the film by itself, at the time at which it is in the film, and they last as long as that.
/// Method: they are joined to one file; `joined` is the whole rendition.
async fn check_keyframes(
    presentation: &dyn Presentation,
    rendition: &Fetched,
    source: &[Probed],
    joined: &Path,
    what: &str,
) {
    let Some(info) = &rendition.info.keyframes else {
        assert_ne!(rendition.info.track.kind, TrackKind::Video, "{what} has no keyframes");
        return;
    };
    let address = |line: &str| format!("{}/{}/{line}", presentation.variant_id(), rendition.info.name).parse();
    let list = playlist::keyframes(&rendition.info).unwrap();
    let mut bytes = rendition.init.clone();
    let mut times_s = Vec::new();
    let timescale = f64::from(rendition.info.track.timescale);
    let mut largest = 0.0f64;
    for (line, duration_s) in list.lines().filter(|line| !line.starts_with('#')).zip(&info.durations_s) {
        let file: RenditionFile = address(line).unwrap();
        let playlist::FileKind::Keyframe(index) = file.kind else { panic!("{file}") };
        let segment = file.find(presentation).unwrap().keyframe(index).await.unwrap();
        let size_bytes = segment.size_bytes;
        let segment = segment.into_bytes().await.unwrap();
        assert_eq!(segment.len() as u64, size_bytes);
        largest = largest.max(if *duration_s < 0.5 { 0.0 } else { size_bytes as f64 * 8.0 / duration_s });
        let [sample] = &fragment::samples(&segment)[..] else { panic!("{what}: one sample") };
        assert!((sample.duration_ticks as f64 / timescale - duration_s).abs() < 1e-6);
        times_s.push(sample.pts_ticks as f64 / timescale);
        bytes.extend_from_slice(&segment);
    }
    assert!(info.peak_bits_per_s as f64 >= largest, "{what}: {} of {largest}", info.peak_bits_per_s);
    for (pair, duration_s) in times_s.windows(2).zip(&info.durations_s) {
        assert!((pair[1] - pair[0] - duration_s).abs() < 1e-6, "{what}");
    }
    let total: f64 = info.durations_s.iter().sum();
    let listed: f64 = rendition.info.listed_durations_s().iter().sum();
    assert!((total - listed).abs() < 0.001, "{what}: keyframes last {total} of {listed}");
    let alone = joined.with_extension("keyframes.mp4");
    std::fs::write(&alone, bytes).unwrap();
    let keyframes = probe(&alone, "v:0");
    assert_eq!(keyframes.len(), info.durations_s.len(), "{what}");
    let first_s = source.iter().map(|packet| packet.pts_s).fold(f64::MAX, f64::min);
    let begin_s =
        rendition.segments.iter().flat_map(|segment| fragment::samples(segment)).map(|sample| sample.pts_ticks).min();
    let shift_s = begin_s.unwrap() as f64 / timescale - first_s;
    for (keyframe, time_s) in keyframes.iter().zip(times_s) {
        let same = source.iter().find(|packet| (packet.pts_s + shift_s - time_s).abs() < 0.002);
        assert_eq!(same.map(|packet| &packet.hash), Some(&keyframe.hash), "{what}: at {time_s}");
    }
    let alone = alone.to_str().expect("UTF-8");
    let count = ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", alone];
    assert_eq!(run("ffprobe", &count).trim(), info.durations_s.len().to_string(), "{what}: all of them decode");
}

/// Bits a second that a player measures (RFC 8216 section 4.1): the most over any run of half to one and a half target durations, and over all.
fn measured_rates(rendition: &Fetched, target_s: f64) -> (f64, f64) {
    let durations = rendition.info.listed_durations_s();
    let sizes = rendition.segments.iter().map(|segment| segment.len() as f64 * 8.0);
    let segments: Vec<(f64, f64)> = sizes.zip(durations.iter().copied()).collect();
    let total = segments.iter().fold((0.0, 0.0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
    let mut peak = 0.0f64;
    for first in 0..segments.len() {
        let mut sum = (0.0, 0.0);
        for next in &segments[first..] {
            sum = (sum.0 + next.0, sum.1 + next.1);
            if (0.5 * target_s..=1.5 * target_s).contains(&sum.1) {
                peak = peak.max(sum.0 / sum.1);
            }
        }
    }
    (if peak > 0.0 { peak } else { total.0 / total.1 }, total.0 / total.1)
}

/// `BANDWIDTH` of each variant is not below what a player measures of its pictures and the largest sound beside them, and at most a tenth above.
fn check_bandwidths(multivariant: &str, fetched: &[Fetched], name: &str) {
    let longest =
        fetched.iter().flat_map(|rendition| rendition.info.segment_durations_s.iter()).fold(0.0, |a: f64, b| a.max(*b));
    let rates = |rendition: &Fetched| measured_rates(rendition, longest.round().max(1.0));
    let of_kind = |kind: TrackKind| fetched.iter().filter(move |rendition| rendition.info.track.kind == kind);
    for line in multivariant.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:")) {
        let value =
            |name: &str| -> f64 { line.split_once(name).unwrap().1.split(',').next().unwrap().parse().unwrap() };
        let (peak, average) = (value(":BANDWIDTH="), value(",AVERAGE-BANDWIDTH="));
        let is_in = |rendition: &&Fetched| line.contains(rendition.info.track.codec_string.as_str());
        let video = of_kind(TrackKind::Video).map(rates).next().unwrap_or_default();
        let sound = of_kind(TrackKind::Audio).filter(is_in).map(rates);
        let sound = sound.fold((0.0f64, 0.0f64), |most, next| (most.0.max(next.0), most.1.max(next.1)));
        let (real_peak, real_average) = (video.0 + sound.0, video.1 + sound.1);
        println!(
            "{name}: peak {peak} of {real_peak} ({:.3}), average {average} of {real_average} ({:.3})",
            peak / real_peak,
            average / real_average
        );
        assert!(peak >= real_peak, "{name}: BANDWIDTH {peak} is below {real_peak}");
        assert!(peak <= 1.1 * real_peak, "{name}: BANDWIDTH {peak} is far above {real_peak}");
        assert!(
            (average / real_average - 1.0).abs() < 0.1,
            "{name}: AVERAGE-BANDWIDTH {average}, measured {real_average}"
        );
    }
}

/// Segments lie end to end, and last as long as the playlist says. Gives the presentation time of every sample in seconds.
fn check_times(rendition: &Fetched, what: &str, is_listed_before: bool) -> Vec<f64> {
    let segments: Vec<Vec<fragment::Sample>> =
        rendition.segments.iter().map(|segment| fragment::samples(segment)).collect();
    let timescale = f64::from(rendition.info.track.timescale);
    let is_video = rendition.info.track.kind == TrackKind::Video;
    // A segment of video begins with its key picture, where leading pictures are shown before it; one of audio with its first packet.
    let starts: Vec<i64> = segments.iter().map(|samples| samples[0].pts_ticks).collect();
    for (at, pair) in segments.windows(2).enumerate() {
        let last = pair[0].last().unwrap();
        let next = &pair[1][0];
        assert_eq!(last.dts_ticks + last.duration_ticks, next.dts_ticks, "{what}: segments {at} and {} join", at + 1);
        let measured = (starts[at + 1] - starts[at]) as f64 / timescale;
        let listed = rendition.info.segment_durations_s[at];
        // Sound in Matroska is listed before its packets are read: exact where they keep their pace, else within a packet or so.
        let tolerance = if is_listed_before && !is_video { 0.03 } else { 1.5e-6 };
        assert!((measured - listed).abs() < tolerance, "{what}: segment {at} lasts {measured}, listed {listed}");
    }
    let all = || segments.iter().flatten();
    assert!(all().all(|sample| sample.pts_ticks >= 0), "{what}: a sample before the start");
    let end = all().map(|sample| sample.pts_ticks + sample.duration_ticks).max().unwrap();
    let measured = (end - starts[0]) as f64 / timescale;
    let listed: f64 = rendition.info.listed_durations_s().iter().sum();
    let tolerance = if is_video { 0.09 } else { 0.12 };
    // Matroska knows one length for all tracks, the longest: sound that starts late ends late.
    let late = if is_listed_before { 1.6 } else { tolerance };
    assert!((-tolerance..late).contains(&(listed - measured)), "{what}: lasts {measured}, listed {listed}");
    all().map(|sample| sample.pts_ticks as f64 / timescale).collect()
}

fn check_cues(cues: &[String], offset_s: f64, name: &str) {
    let expected =
        [(1.0, 2.5, "<i>First</i> at A&amp;B"), (5.0, 7.25, "Over the cut"), (12.5, 13.9, "Last\nin two lines")];
    assert_eq!(cues.len(), expected.len(), "{name}: {cues:?}");
    for (cue, (start, end, text)) in cues.iter().zip(expected) {
        let (times, body) = cue.split_once('\n').expect("times and text");
        let (from, to) = times.split_once(" --> ").expect("two times");
        assert!((time_s(from) - start - offset_s).abs() < 0.002, "{name}: {cue}");
        assert!((time_s(to) - end - offset_s).abs() < 0.002, "{name}: {cue}");
        assert_eq!(body, text, "{name}");
    }
}

/// Leaves a film as files, where someone asked for it.
fn leave_tree(film: &Film, file: &Path, presentation: &dyn Presentation, fetched: &[Fetched]) {
    let Ok(folder) = std::env::var("PROSTREAM_HLS_TREE") else { return };
    let folder = Path::new(&folder).join(film.name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(file, folder.join(film.name)).unwrap();
    std::fs::write(folder.join(playlist::MULTIVARIANT_NAME), playlist::multivariant(presentation)).unwrap();
    for rendition in fetched {
        let below = folder.join(presentation.variant_id()).join(&rendition.info.name);
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("index.m3u8"), playlist::media(presentation, &rendition.info)).unwrap();
        let is_text = rendition.info.track.kind == TrackKind::Subtitle;
        if !is_text {
            std::fs::write(below.join("init.mp4"), &rendition.init).unwrap();
        }
        for (index, segment) in rendition.segments.iter().enumerate() {
            std::fs::write(below.join(format!("{index}.{}", if is_text { "vtt" } else { "m4s" })), segment).unwrap();
        }
    }
}

async fn check_all(films: &[Film]) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = std::env::var("PROSTREAM_HLS_FILM").unwrap_or_default();
    for film in films.iter().filter(|film| film.name.contains(&wanted)) {
        check(film, folder.path()).await;
    }
}

/// Goal: every MP4 that is packaged comes out as it went in: payload, order, times, text; whatever order segments are asked for in.
/// Method: ffprobe reads the file and the joined segments of each rendition.
#[tokio::test]
async fn mp4_films_come_out_as_they_went_in() {
    check_all(MP4).await;
}

/// Goal: the same for Matroska and WebM.
#[tokio::test]
async fn matroska_films_come_out_as_they_went_in() {
    check_all(MATROSKA).await;
}

/// Goal: a device is offered what it plays, in the same bytes as everyone, and is told why when that is nothing.
#[tokio::test]
async fn devices_are_offered_what_they_play() {
    let folder = tempfile::tempdir().unwrap();
    let file = mux(&film("two.mp4", &["h264", "eac3", "aac"], &[]), folder.path());
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(&file).await.unwrap());
    let packager = NativePackager::default();
    let chromium = DeviceProfile::named("chromium").unwrap();
    let some = packager.open(source.clone(), &chromium).await.unwrap();
    let all = packager.open(source, &DeviceProfile::any()).await.unwrap();
    let names = |presentation: &dyn Presentation| -> Vec<String> {
        presentation.renditions().iter().map(|rendition| rendition.info().name.clone()).collect()
    };
    assert_eq!(names(&*some), ["video-1", "audio-3"]);
    assert_eq!(names(&*all), ["video-1", "audio-2", "audio-3"]);
    let (some, all) = (fetch_all(&*some, 1).await.unwrap(), fetch_all(&*all, 1).await.unwrap());
    assert!(some[1].segments == all[2].segments);
    let file = mux(&film("hevc.mkv", &["hevc", "aac"], &[]), folder.path());
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(&file).await.unwrap());
    let error = packager.open(source, &chromium).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.detail_text().unwrap().contains("hevc") && error.advice().is_some());
}

/// Answers for a range of `file`, or all of it.
fn part(file: &[u8], request: &Seen) -> Answer {
    let Some(range) = request.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
        return Answer::new(200, file);
    };
    let (first, last) = range.split_once('-').unwrap();
    let (start, end) = match first {
        "" => (file.len() - last.parse::<usize>().unwrap(), file.len()),
        first => (first.parse().unwrap(), last.parse().map_or(file.len(), |last: usize| last + 1)),
    };
    let content_range = format!("bytes {start}-{}/{}", end - 1, file.len());
    Answer::new(206, &file[start..end]).header("content-range", content_range).header("etag", "\"film\"")
}

/// Goal: from a link come the same bytes as from disk, for few requests: at most three until all playlists are there, one more for the
/// first segment, two for one far on.
#[tokio::test]
async fn links_cost_few_requests() {
    let folder = tempfile::tempdir().unwrap();
    for film in [
        film("first.mp4", &["large", "aac", "eac3"], FIRST),
        film("last.mp4", &["large", "aac", "eac3"], &[]),
        film("first.mkv", &["large", "aac", "eac3"], CUES_FIRST),
        film("last.mkv", &["large", "aac", "eac3"], &[]),
    ] {
        let path = mux(&film, folder.path());
        let from_disk = fetch_all(&*open(&path).await.unwrap(), 1).await.unwrap();
        let content = std::fs::read(&path).unwrap();
        assert!(content.len() > 10_000_000, "{}: far more than what opening brings along", content.len());
        let host = Host::start(move |request, _| part(&content, request)).await;
        let link =
            HttpSource::open(&host.client(), host.url("/film"), &[], &HttpSourceConfig::default()).await.unwrap();
        let cache = BlockCache::new(BlockCacheConfig::default());
        let source: Arc<dyn ByteSource> = Arc::new(CachedSource::new(Arc::new(link), cache));
        let presentation = NativePackager::default().open(source, &DeviceProfile::any()).await.unwrap();
        let mut seen = 0;
        let mut requests = || {
            let before = std::mem::replace(&mut seen, host.seen().len());
            seen - before
        };
        let playlists = requests();
        assert!(playlists <= 3, "{}: {playlists} requests for the playlists", film.name);
        let video = &presentation.renditions()[0];
        for (index, most) in [(0, 1), (2, 2)] {
            let bytes = video.segment(index).await.unwrap().into_bytes().await.unwrap();
            assert!(bytes == from_disk[0].segments[index as usize], "{}: segment {index}", film.name);
            let count = requests();
            assert!(count <= most, "{}: {count} requests for segment {index}", film.name);
            let sound = presentation.renditions()[1].segment(index).await.unwrap().into_bytes().await.unwrap();
            assert!(sound == from_disk[1].segments[index as usize], "{}: sound of segment {index}", film.name);
            let count = requests();
            assert!(count <= 1, "{}: {count} requests for the sound of segment {index}", film.name);
        }
        let from_link = fetch_all(&*presentation, 2).await.unwrap();
        for (one, two) in from_disk.iter().zip(&from_link) {
            assert!(one.init == two.init && one.segments == two.segments, "{}: {}", film.name, one.info.name);
        }
    }
}

/// Goal: the text of a film too large to be read whole is the same, and costs next to nothing beside the film.
/// Method: an attachment makes a small film large; muxers name text blocks in the Cues.
#[tokio::test]
async fn text_of_a_large_film_is_read_in_small_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let small = mux(&film("small.mkv", &["h264", "aac", "srt"], &[]), folder.path());
    let ballast = folder.path().join("ballast.bin");
    std::fs::write(&ballast, vec![0; 65 << 20]).unwrap();
    let large = folder.path().join("large.mkv");
    let [from, with, to] = [&small, &ballast, &large].map(|path| path.to_str().unwrap());
    let attach = ["-attach", with, "-metadata:s:t", "mimetype=application/octet-stream"];
    ffmpeg(&[&["-i", from, "-map", "0", "-c", "copy"], &attach[..], &[to]].concat());
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(&large).await.unwrap());
    let presentation = NativePackager::default().open(source.clone(), &DeviceProfile::any()).await.unwrap();
    let before = source.stats().read_bytes;
    let text = presentation.renditions().last().unwrap();
    let mut segments = Vec::new();
    for index in 0..text.info().segment_durations_s.len() as u32 {
        segments.push(text.segment(index).await.unwrap().into_bytes().await.unwrap().to_vec());
    }
    let read = source.stats().read_bytes - before;
    assert!(read < 200_000, "{read} bytes for a few lines of text");
    check_cues(&cues(&segments), probe(&large, "s:0")[0].pts_s - 1.0, "large.mkv");
    let of_small = fetch_all(&*open(&small).await.unwrap(), 1).await.unwrap();
    assert!(of_small[2].segments == segments);
}

/// Goal: pictures and sound of a Matroska segment cost one read of what lies between them, whoever asks first, also at the same time; and the
/// bytes are the same.
#[tokio::test]
async fn a_span_is_read_once_for_all_tracks() {
    let folder = tempfile::tempdir().unwrap();
    let film = std::fs::read(mux(&film("span.mkv", &["large", "aac", "aac-stereo"], &[]), folder.path())).unwrap();
    let mut seen = Vec::new();
    for order in ["pictures first", "sound first", "together"] {
        let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(film.clone()));
        let presentation = NativePackager::default().open(source.clone(), &DeviceProfile::any()).await.unwrap();
        let [video, audio, other] = presentation.renditions() else { panic!("three renditions") };
        let before = source.stats().read_bytes;
        let bytes =
            async |rendition: &Arc<dyn Rendition>| rendition.segment(1).await.unwrap().into_bytes().await.unwrap();
        let segments = match order {
            "pictures first" => {
                let video = bytes(video).await;
                [video, bytes(audio).await]
            }
            "sound first" => {
                let audio = bytes(audio).await;
                [bytes(video).await, audio]
            }
            _ => {
                let (audio, video) = tokio::join!(bytes(audio), bytes(video));
                [video, audio]
            }
        };
        let read = source.stats().read_bytes - before;
        let payload = (segments[0].len() + segments[1].len()) as u64;
        // What is read beyond a span (PACKAGING 5.4, case 12) and the second language are the rest.
        assert!(read < payload + payload / 2, "{order}: {read} bytes read for {payload}");
        assert!(!other.segment(1).await.unwrap().into_bytes().await.unwrap().is_empty());
        seen.push(segments);
    }
    assert!(seen.iter().all(|segments| *segments == seen[0]));
}

/// The second segment of a rendition.
async fn second(rendition: &Arc<dyn Rendition>) -> Vec<u8> {
    rendition.segment(1).await.unwrap().into_bytes().await.unwrap().to_vec()
}

/// Goal: the sound of an MP4 segment costs next to nothing after its pictures, whose gaps it lies in; before them, beside them and after
/// pictures that nobody took to their end it costs no more than it lies apart; and the bytes are the same.
#[tokio::test]
async fn sound_of_mp4_is_kept_as_its_pictures_pass() {
    let folder = tempfile::tempdir().unwrap();
    let tracks = &["large", "aac", "aac-stereo"];
    let film = std::fs::read(mux(&film("passing.mp4", tracks, &[]), folder.path())).unwrap();
    let mut seen = Vec::new();
    for order in ["pictures first", "no budget", "sound first", "together", "pictures dropped", "second language"] {
        let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(film.clone()));
        let mut config = PackagerConfig::default();
        if order == "no budget" {
            config.sound_budget_bytes = 0;
        }
        let packager = NativePackager::new(config);
        let presentation = packager.open(source.clone(), &DeviceProfile::any()).await.unwrap();
        let [video, first, other] = presentation.renditions() else { panic!("three renditions") };
        let mut before = source.stats().read_bytes;
        let mut read = || {
            let now = source.stats().read_bytes;
            now - std::mem::replace(&mut before, now)
        };
        match order {
            "sound first" => assert!(!second(first).await.is_empty()),
            "together" => {
                let (sound, pictures) = tokio::join!(second(first), second(video));
                assert!(!sound.is_empty() && !pictures.is_empty());
            }
            "pictures dropped" => {
                let mut body = video.segment(1).await.unwrap().body;
                // The head, and the first piece of the payload.
                assert!(body.next().await.unwrap().is_ok() && body.next().await.unwrap().is_ok());
            }
            // Not one that anybody listens to, until somebody does.
            "second language" => assert!(!other.segment(0).await.unwrap().into_bytes().await.unwrap().is_empty()),
            _ => {}
        }
        if order != "pictures dropped" && order != "sound first" {
            // As it is sent: nobody asks for what comes after the last byte.
            let mut segment = video.segment(1).await.unwrap();
            while segment.size_bytes > 0 {
                segment.size_bytes -= segment.body.next().await.unwrap().unwrap().len() as u64;
            }
        }
        read();
        let sound = second(first).await;
        let cost = read();
        let other = second(other).await;
        let cost_of_other = read();
        let pictures = second(video).await;
        let cost_of_pictures = read();
        assert!(pictures.len() > 1_000_000 && cost_of_pictures < pictures.len() as u64 * 11 / 10, "{order}");
        let (is_kept, is_other_kept) = match order {
            "no budget" | "sound first" | "pictures dropped" => (false, false),
            order => (true, order == "second language"),
        };
        // What lies before the first and behind the last picture is read, with the pictures between that.
        assert_eq!(cost < cost_of_pictures / 10, is_kept, "{order}: {cost} bytes read for {}", sound.len());
        assert_eq!(cost_of_other < cost_of_pictures / 10, is_other_kept, "{order}: {cost_of_other} bytes read");
        assert!(cost < cost_of_pictures * 11 / 10, "{order}: {cost} bytes read");
        seen.push([pictures, sound, other]);
    }
    assert!(seen.iter().all(|segments| *segments == seen[0]));
}

/// Goal: sound from disk is read without the pictures around it, also where the file is mapped.
#[tokio::test]
async fn sound_from_disk_is_read_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = mux(&film("by-itself.mp4", &["large", "aac", "eac3"], &[]), folder.path());
    let memory: Arc<dyn ByteSource> = Arc::new(MemorySource::new(std::fs::read(&path).unwrap()));
    let from_memory = NativePackager::default().open(memory, &DeviceProfile::any()).await.unwrap();
    let expected = fetch_all(&*from_memory, 1).await.unwrap();
    let expected_pictures = &expected[0].segments[1];
    for access in [FileAccess::Copy, FileAccess::Map] {
        let source: Arc<dyn ByteSource> = Arc::new(FileSource::open_for(&path, access).await.unwrap());
        let presentation = NativePackager::default().open(source.clone(), &DeviceProfile::any()).await.unwrap();
        for (rendition, expected) in presentation.renditions().iter().zip(&expected).skip(1) {
            let before = source.stats().read_bytes;
            let sound = second(rendition).await;
            let read = source.stats().read_bytes - before;
            assert!(sound == expected.segments[1], "{access:?}");
            // Not every system can tell what is in memory already.
            if source.copy_ready(ByteRange::new(0, 1), &mut Vec::new()) {
                // Small gaps are read through: the other track's packets.
                let pictures = expected_pictures.len() as u64;
                assert!(read < pictures / 5, "{access:?}: {read} bytes read for {} beside {pictures}", sound.len());
            }
        }
    }
}

/// Goal: a segment beyond the end, and files cut off anywhere, are errors or shorter films: never a panic, never a hang.
#[tokio::test]
async fn broken_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for film in [
        film("whole.mp4", &["h264", "aac", "srt"], &["-c:s", "mov_text"]),
        film("whole.mkv", &["h264", "aac", "srt"], &[]),
    ] {
        let whole = std::fs::read(mux(&film, folder.path())).unwrap();
        for step in 0..40 {
            let end = whole.len() * step / 40;
            let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(whole[..end].to_vec()));
            let Ok(presentation) = NativePackager::default().open(source, &DeviceProfile::any()).await else {
                continue;
            };
            for rendition in presentation.renditions() {
                let count = rendition.info().segment_durations_s.len() as u32;
                for index in 0..count {
                    if let Ok(segment) = rendition.segment(index).await {
                        let _ = segment.into_bytes().await;
                    }
                }
                assert_eq!(rendition.segment(count).await.unwrap_err().kind(), ErrorKind::NotFound);
            }
        }
    }
}
