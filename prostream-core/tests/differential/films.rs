//! The films: number `n` is a function of `n` alone.
//!
//! Streams are encoded once and put into many wrappers: what readers stumble over is how a file is laid out, not what is in the pictures.
//! Each wrapper comes once in [`WRAPPERS`] films, so that the first of them are a spread over all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use prostream_core::testing::tool;

/// How many films there are.
pub(crate) const FILM_COUNT: usize = 9 * WRAPPERS.len();
/// How many of them stand for all: each wrapper once.
pub(crate) const SPREAD_COUNT: usize = WRAPPERS.len();

/// Which program puts streams into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Muxer {
    Ffmpeg,
    Mkvmerge,
}

/// What a wrapper can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Mp4,
    /// QuickTime: the codecs that ffmpeg writes into it.
    Mov,
    /// MP4 in fragments.
    Fragmented,
    Matroska,
    Webm,
}

/// A way to write a file.
#[derive(Debug)]
pub(crate) struct Wrapper {
    pub(crate) muxer: Muxer,
    pub(crate) family: Family,
    pub(crate) extension: &'static str,
    /// For the whole file.
    pub(crate) options: &'static str,
    /// Of mkvmerge, for each input; its only track has the number 0.
    pub(crate) track_options: &'static str,
}

const fn ffmpeg(family: Family, extension: &'static str, options: &'static str) -> Wrapper {
    Wrapper { muxer: Muxer::Ffmpeg, family, extension, options, track_options: "" }
}

const fn mkvmerge(options: &'static str, track_options: &'static str) -> Wrapper {
    Wrapper { muxer: Muxer::Mkvmerge, family: Family::Matroska, extension: "mkv", options, track_options }
}

pub(crate) const WRAPPERS: [Wrapper; 40] = [
    ffmpeg(Family::Mp4, "mp4", ""),
    ffmpeg(Family::Matroska, "mkv", ""),
    mkvmerge("", ""),
    ffmpeg(Family::Webm, "webm", ""),
    ffmpeg(Family::Fragmented, "mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof"),
    ffmpeg(Family::Mov, "mov", ""),
    ffmpeg(Family::Mp4, "mp4", "-movflags +faststart"),
    mkvmerge("--disable-lacing", ""),
    ffmpeg(Family::Matroska, "mkv", "-reserve_index_space 4096"),
    ffmpeg(Family::Fragmented, "mp4", "-movflags +dash+global_sidx+delay_moov+frag_keyframe"),
    ffmpeg(Family::Mp4, "mp4", "-use_editlist 0"),
    mkvmerge("--cluster-length 2", ""),
    ffmpeg(Family::Matroska, "mkv", "-cues_to_front 1"),
    mkvmerge("--timestamp-scale 10000", ""),
    ffmpeg(Family::Mp4, "mp4", "-movflags +negative_cts_offsets"),
    mkvmerge("--no-cues", ""),
    ffmpeg(Family::Fragmented, "mp4", "-movflags +frag_keyframe"),
    ffmpeg(Family::Matroska, "mkv", "-live 1"),
    ffmpeg(Family::Mp4, "mp4", "-video_track_timescale 90000"),
    mkvmerge("", "--cues 0:all"),
    ffmpeg(Family::Webm, "webm", "-cluster_time_limit 400 -write_crc32 0"),
    mkvmerge("--engage no_simpleblocks", ""),
    ffmpeg(Family::Fragmented, "mp4", "-movflags +frag_every_frame+delay_moov+omit_tfhd_offset"),
    mkvmerge("", "--compression 0:zlib"),
    ffmpeg(Family::Matroska, "mkv", "-cluster_time_limit 150"),
    ffmpeg(Family::Mp4, "mp4", "-moov_size 40000"),
    mkvmerge("--engage lacing_xiph", ""),
    ffmpeg(Family::Mov, "mov", "-movflags +faststart -video_track_timescale 600"),
    mkvmerge("--engage lacing_ebml --enable-durations", ""),
    ffmpeg(Family::Fragmented, "mp4", "-movflags +frag_keyframe+empty_moov+separate_moof+skip_trailer"),
    ffmpeg(Family::Matroska, "mkv", "-cluster_size_limit 3000 -write_crc32 0"),
    mkvmerge("--cluster-length 30000ms", "--cues 0:iframes"),
    ffmpeg(Family::Mp4, "mp4", "-brand mp42 -movflags +use_metadata_tags+write_colr"),
    mkvmerge("--clusters-in-meta-seek --engage write_headers_twice", ""),
    ffmpeg(Family::Fragmented, "mp4", "-movflags +cmaf+delay_moov -frag_duration 500000"),
    mkvmerge("--timestamp-scale 1000000 --engage no_cue_duration --engage no_cue_relative_position", ""),
    ffmpeg(Family::Matroska, "mkv", "-default_mode infer -output_ts_offset 7.5"),
    Wrapper { family: Family::Webm, extension: "webm", ..mkvmerge("--webm", "") },
    ffmpeg(Family::Mp4, "mp4", "-output_ts_offset 3 -movflags +faststart"),
    mkvmerge("--disable-language-ietf --disable-track-statistics-tags", ""),
];

/// A stream that is encoded once.
#[derive(Debug)]
pub(crate) struct Source {
    /// Name of the file it is kept in.
    pub(crate) file: &'static str,
    /// ffmpeg's name of the codec.
    pub(crate) codec: &'static str,
    input: &'static str,
    encoder: &'static str,
}

const fn source(file: &'static str, codec: &'static str, input: &'static str, encoder: &'static str) -> Source {
    Source { file, codec, input, encoder }
}

const PICTURES: [Source; 20] = [
    source(
        "b3.mp4",
        "h264",
        "testsrc2=s=96x64:r=24000/1001:d=2.2",
        "libx264 -preset veryfast -g 24 -bf 3 -b_strategy 0",
    ),
    source(
        "hevc.mp4",
        "hevc",
        "testsrc2=s=96x64:r=24:d=2",
        "libx265 -preset ultrafast -x265-params log-level=error:pools=1:keyint=24:open-gop=0:bframes=0",
    ),
    source("svt.mp4", "av1", "testsrc2=s=96x64:r=25:d=2", "libsvtav1 -preset 12 -g 25"),
    source("vp9.mp4", "vp9", "testsrc2=s=96x64:r=30:d=1.5", "libvpx-vp9 -cpu-used 8 -deadline realtime -g 15"),
    source("b0.mp4", "h264", "testsrc2=s=96x64:r=25:d=1.6", "libx264 -preset ultrafast -g 12 -bf 0"),
    source(
        "open.mp4",
        "h264",
        "testsrc2=s=96x64:r=24:d=2.5",
        "libx264 -preset veryfast -x264-params open-gop=1:keyint=20:bframes=3:scenecut=0",
    ),
    source(
        "cra.mp4",
        "hevc",
        "testsrc2=s=96x64:r=24000/1001:d=2.5",
        "libx265 -preset ultrafast -x265-params log-level=error:pools=1:keyint=20:open-gop=1:bframes=4",
    ),
    source("intra.mp4", "h264", "testsrc2=s=64x48:r=12:d=1", "libx264 -preset ultrafast -g 1"),
    source("aom.mp4", "av1", "testsrc2=s=96x64:r=24000/1001:d=1.2", "libaom-av1 -cpu-used 8 -usage realtime -g 10"),
    source("long.mp4", "h264", "testsrc2=s=96x64:r=50:d=3", "libx264 -preset veryfast -g 500 -bf 2"),
    source(
        "hidden.mp4",
        "vp9",
        "testsrc2=s=96x64:r=24:d=2",
        "libvpx-vp9 -cpu-used 5 -auto-alt-ref 1 -lag-in-frames 12 -g 24",
    ),
    source(
        "vfr.mp4",
        "h264",
        "testsrc2=s=96x64:r=30:d=2.2,select=not(eq(mod(n\\,5)\\,2))",
        "libx264 -preset veryfast -g 20 -fps_mode vfr",
    ),
    source(
        "ten.mp4",
        "hevc",
        "testsrc2=s=96x64:r=60000/1001:d=1.5,format=yuv420p10",
        "libx265 -preset ultrafast -x265-params log-level=error:pools=1:keyint=30:bframes=3",
    ),
    source(
        "refresh.mp4",
        "h264",
        "testsrc2=s=96x64:r=25:d=2",
        "libx264 -preset veryfast -x264-params intra-refresh=1:keyint=20:bframes=0",
    ),
    source(
        "pyramid.mp4",
        "h264",
        "testsrc2=s=96x64:r=60000/1001:d=2",
        "libx264 -preset veryfast -g 40 -bf 7 -b-pyramid normal -b_strategy 0",
    ),
    source("deep.mp4", "h264", "testsrc2=s=96x64:r=24:d=1.2,format=yuv420p10", "libx264 -preset veryfast -g 12"),
    source(
        "wide.mp4",
        "h264",
        "testsrc2=s=90x62:r=24:d=1.2,setsar=16/11",
        "libx264 -preset veryfast -g 12 -color_primaries bt709 -color_trc bt709 -colorspace bt709",
    ),
    source(
        "hev1.mp4",
        "hevc",
        "testsrc2=s=96x64:r=25:d=1.2",
        "libx265 -preset ultrafast -tag:v hev1 -x265-params log-level=error:pools=1:keyint=10",
    ),
    source(
        "fields.mp4",
        "h264",
        "testsrc2=s=96x64:r=50:d=1.2,interlace",
        "libx264 -preset veryfast -flags +ildct+ilme -g 12",
    ),
    source(
        "vp92.mp4",
        "vp9",
        "testsrc2=s=96x64:r=25:d=1.2,format=yuv420p10",
        "libvpx-vp9 -profile:v 2 -cpu-used 8 -deadline realtime -g 10",
    ),
];

const SOUNDS: [Source; 20] = [
    source("aac.m4a", "aac", "sine=f=440:r=48000:d=2", "aac -ac 2"),
    source("opus.opus", "opus", "sine=f=440:r=48000:d=2", "libopus -b:a 48k -ac 2"),
    source("ac3.ac3", "ac3", "sine=f=440:r=48000:d=2", "ac3 -ac 6 -b:a 192k"),
    source("mp3.mp3", "mp3", "sine=f=440:r=44100:d=2", "libmp3lame -ac 2"),
    source("eac3.eac3", "eac3", "sine=f=440:r=48000:d=1.8", "eac3 -ac 2 -b:a 96k"),
    source("mono.m4a", "aac", "sine=f=440:r=22050:d=1.6", "aac -ac 1"),
    source("flac.flac", "flac", "sine=f=440:r=44100:d=1.6", "flac -ac 2"),
    source("six.m4a", "aac", "sine=f=440:r=44100:d=1.4", "aac -ac 6 -b:a 128k"),
    source("six.opus", "opus", "sine=f=440:r=48000:d=1.4", "libopus -b:a 128k -ac 6 -mapping_family 1"),
    source("stereo.ac3", "ac3", "sine=f=440:r=44100:d=2", "ac3 -ac 2 -b:a 96k"),
    source("vorbis.ogg", "vorbis", "sine=f=440:r=48000:d=1", "libvorbis -ac 2"),
    source("fine.m4a", "aac", "sine=f=440:r=96000:d=1", "aac -ac 2"),
    source("low.mp3", "mp3", "sine=f=440:r=22050:d=1.5", "libmp3lame -ac 1"),
    source("six.eac3", "eac3", "sine=f=440:r=48000:d=1.5", "eac3 -ac 6 -b:a 192k"),
    source("long.opus", "opus", "sine=f=440:r=48000:d=2", "libopus -b:a 24k -ac 1 -frame_duration 60"),
    source("fine.flac", "flac", "sine=f=440:r=96000:d=1", "flac -ac 1 -sample_fmt s32"),
    source("dts.dts", "dts", "sine=f=440:r=48000:d=1", "dca -strict -2 -ac 2"),
    source("rare.m4a", "aac", "sine=f=440:r=32000:d=1.5", "aac -ac 2"),
    source("alac.m4a", "alac", "sine=f=440:r=44100:d=1", "alac -ac 2"),
    source("low.ac3", "ac3", "sine=f=440:r=32000:d=1.5", "ac3 -ac 1 -b:a 64k"),
];

/// A track of sound or text.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its stream, or the file with its cues.
    pub(crate) file: &'static str,
    pub(crate) codec: &'static str,
    /// As a person writes it for the muxer.
    pub(crate) language: Option<&'static str>,
    pub(crate) is_default: bool,
    /// One of `forced`, `hearing_impaired`, `comment`.
    pub(crate) role: Option<&'static str>,
    /// How much later than the film it begins.
    pub(crate) late_ms: u32,
}

/// A film that can be made.
#[derive(Debug)]
pub(crate) struct Film {
    pub(crate) number: usize,
    pub(crate) wrapper: &'static Wrapper,
    pub(crate) picture: Option<&'static Source>,
    pub(crate) sounds: Vec<Part>,
    pub(crate) texts: Vec<Part>,
}

/// A number that looks like chance and is the same on every run.
fn chance(number: usize, what: u64, below: usize) -> usize {
    // SplitMix64 (Steele, Lea, Flood 2014).
    let mut value = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(what << 32 | what);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((value ^ (value >> 31)) >> 8) as usize % below
}

const LANGUAGES: [Option<&str>; 9] =
    [Some("eng"), Some("ger"), None, Some("fre"), Some("jpn"), Some("por"), Some("zho"), Some("und"), Some("spa")];

impl Film {
    /// Film number `n`, below [`FILM_COUNT`].
    pub(crate) fn number(n: usize) -> Self {
        let wrapper = &WRAPPERS[n % WRAPPERS.len()];
        let is_fit = |source: &&'static Source| wrapper.holds(source.codec);
        let pictures: Vec<&'static Source> = PICTURES.iter().filter(is_fit).collect();
        let sounds: Vec<&'static Source> = SOUNDS.iter().filter(is_fit).collect();
        let round = n / WRAPPERS.len();
        // Each round takes the next picture and sound, so that over the rounds a wrapper meets many.
        let at = n % WRAPPERS.len() + round * 3;
        let picture = (chance(n, 1, 12) > 0).then(|| pictures[at % pictures.len()]);
        let sound_count = match (picture, chance(n, 2, 8)) {
            (Some(_), 0) => 0,
            (Some(_), 1 | 2) => 2,
            (Some(_), 3) => 3,
            (None, 1) => 2,
            _ => 1,
        };
        let chosen = chance(n, 3, sound_count + 1);
        let sounds = (0..sound_count).map(|k| {
            let source = sounds[(at + k * 5 + round) % sounds.len()];
            Part {
                file: source.file,
                codec: source.codec,
                language: LANGUAGES[chance(n, 10 + k as u64, LANGUAGES.len())],
                is_default: k == chosen,
                role: (k > 0 && chance(n, 20 + k as u64, 3) == 0).then_some("comment"),
                late_ms: [0, 0, 0, 0, 500, 80][chance(n, 30 + k as u64, 6)],
            }
        });
        let sounds: Vec<Part> = sounds.collect();
        let formats = wrapper.text_formats();
        let text_count = if picture.is_none() || formats.is_empty() { 0 } else { [0, 0, 1, 1, 2][chance(n, 4, 5)] };
        let texts = (0..text_count).map(|k| {
            let (file, codec) = formats[chance(n, 40 + k as u64, formats.len())];
            Part {
                file,
                codec,
                language: LANGUAGES[chance(n, 50 + k as u64, LANGUAGES.len())],
                is_default: chance(n, 60 + k as u64, 4) == 0,
                role: [None, None, Some("forced"), Some("hearing_impaired")][chance(n, 70 + k as u64, 4)],
                late_ms: 0,
            }
        });
        Self { number: n, wrapper, picture, texts: texts.collect(), sounds }
    }

    /// In one line, to find it again.
    pub(crate) fn describe(&self) -> String {
        let picture = self.picture.map_or("no picture", |picture| picture.file);
        let parts: Vec<&str> = self.sounds.iter().chain(&self.texts).map(|part| part.file).collect();
        let Wrapper { muxer, extension, options, track_options, .. } = self.wrapper;
        format!(
            "film {}: {picture} + {} in {extension} by {muxer:?} {options} {track_options}",
            self.number,
            parts.join(" + ")
        )
    }

    /// The sounds and texts in the order of their tracks.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.sounds.iter().chain(&self.texts)
    }

    /// Could mkvmerge put several frames into a block of this film? Of those ffprobe only guesses the times.
    pub(crate) fn may_be_laced(&self) -> bool {
        self.wrapper.muxer == Muxer::Mkvmerge && !self.wrapper.options.contains("--disable-lacing")
    }

    /// Makes the film.
    pub(crate) fn make(&self, studio: &Studio) -> PathBuf {
        let path = studio.path(&format!("film-{}.{}", self.number, self.wrapper.extension));
        match self.wrapper.muxer {
            Muxer::Ffmpeg => self.mux_with_ffmpeg(studio, &path),
            Muxer::Mkvmerge => self.mux_with_mkvmerge(studio, &path),
        }
        path
    }

    fn mux_with_ffmpeg(&self, studio: &Studio, path: &Path) {
        let mut arguments: Vec<String> = words("-v error -nostdin -y -fflags +bitexact");
        if let Some(picture) = self.picture {
            arguments.extend(["-i".to_owned(), studio.stream(picture.file)]);
        }
        for part in self.parts() {
            if part.late_ms > 0 {
                arguments.extend(["-itsoffset".to_owned(), format!("{}ms", part.late_ms)]);
            }
            arguments.extend(["-i".to_owned(), studio.stream(part.file)]);
        }
        let count = usize::from(self.picture.is_some()) + self.parts().count();
        arguments.extend((0..count).flat_map(|input| ["-map".to_owned(), input.to_string()]));
        arguments.extend(words("-c copy -strict -2 -map_metadata -1 -flags +bitexact"));
        for (kind, parts) in [("a", &self.sounds), ("s", &self.texts)] {
            for (at, part) in parts.iter().enumerate() {
                if kind == "s" {
                    arguments.extend([format!("-c:s:{at}"), self.wrapper.text_encoder(part.codec).to_owned()]);
                }
                if let Some(language) = part.language {
                    arguments.extend([format!("-metadata:s:{kind}:{at}"), format!("language={language}")]);
                }
                let flags = [part.is_default.then_some("default"), part.role];
                let flags: Vec<&str> = flags.into_iter().flatten().collect();
                let flags = if flags.is_empty() { "0".to_owned() } else { flags.join("+") };
                arguments.extend([format!("-disposition:{kind}:{at}"), flags]);
            }
        }
        arguments.extend(words(self.wrapper.options));
        arguments.push(path.to_string_lossy().into_owned());
        run("ffmpeg", &arguments);
    }

    fn mux_with_mkvmerge(&self, studio: &Studio, path: &Path) {
        let mut arguments = vec!["-q".to_owned(), "-o".to_owned(), path.to_string_lossy().into_owned()];
        arguments.extend(words(self.wrapper.options));
        if let Some(picture) = self.picture {
            arguments.extend(words(self.wrapper.track_options));
            arguments.push(studio.stream(picture.file));
        }
        for part in self.parts() {
            arguments.extend(words(self.wrapper.track_options));
            if let Some(language) = part.language {
                arguments.extend(["--language".to_owned(), format!("0:{language}")]);
            }
            arguments.extend(["--default-track-flag".to_owned(), format!("0:{}", u8::from(part.is_default))]);
            let flag = match part.role {
                Some("forced") => Some("--forced-display-flag"),
                Some("hearing_impaired") => Some("--hearing-impaired-flag"),
                Some(_) => Some("--commentary-flag"),
                None => None,
            };
            arguments.extend(flag.into_iter().flat_map(|flag| [flag.to_owned(), "0:1".to_owned()]));
            if part.late_ms > 0 {
                arguments.extend(["--sync".to_owned(), format!("0:{}", part.late_ms)]);
            }
            arguments.push(studio.stream(part.file));
        }
        run("mkvmerge", &arguments);
    }
}

impl Wrapper {
    fn holds(&self, codec: &str) -> bool {
        match self.family {
            Family::Mp4 => !matches!(codec, "vorbis" | "dts"),
            // ffmpeg describes Dolby sound by its packets, so the header has to wait for some.
            Family::Fragmented if matches!(codec, "ac3" | "eac3") => self.options.contains("delay_moov"),
            Family::Fragmented => !matches!(codec, "vorbis" | "dts"),
            Family::Mov => matches!(codec, "h264" | "hevc" | "aac" | "ac3" | "mp3" | "alac" | "eac3"),
            Family::Matroska => true,
            Family::Webm => matches!(codec, "vp9" | "av1" | "opus" | "vorbis"),
        }
    }

    /// Files with cues, and what their format is called in this wrapper.
    fn text_formats(&self) -> &'static [(&'static str, &'static str)] {
        match (self.family, self.muxer) {
            (Family::Mp4 | Family::Mov, _) => &[("cues.srt", "mov_text")],
            (Family::Fragmented, _) => &[],
            (Family::Matroska, _) => &[("cues.srt", "subrip"), ("cues.ass", "ass"), ("cues.vtt", "webvtt")],
            (Family::Webm, Muxer::Ffmpeg) => &[("cues.vtt", "webvtt")],
            (Family::Webm, Muxer::Mkvmerge) => &[],
        }
    }

    fn text_encoder(&self, codec: &'static str) -> &'static str {
        if codec == "subrip" { "srt" } else { codec }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn run(program: &str, arguments: &[String]) -> Vec<u8> {
    let output = tool::run(Command::new(program).args(arguments).env("SVT_LOG", "0"));
    // mkvmerge ends with 1 where it only warned.
    let is_fine = output.status.success() || (program == "mkvmerge" && output.status.code() == Some(1));
    let said = [&output.stderr[..], if program == "mkvmerge" { &output.stdout } else { b"" }].concat();
    assert!(is_fine, "{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&said));
    output.stdout
}

const SRT: &str = "1\n00:00:00,300 --> 00:00:00,900\nfirst <i>cue</i>\n\n2\n00:00:01,000 --> 00:00:01,400\nsecond & last\nof two lines\n\n";
const VTT: &str = "WEBVTT\n\nthe-id\n00:00.250 --> 00:00.800 line:0 align:start\nfirst <i>cue</i>\n\n00:01.000 --> 00:01.400\nsecond &amp; last\n\n";
const ASS: &str = "[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\nStyle: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:00.30,0:00:00.90,Default,,0,0,0,,first {\\i1}cue{\\i0}, with a comma\nDialogue: 1,0:00:01.00,0:00:01.40,Default,,0,0,0,,{\\an8}second\\Nline\n";

/// Where streams are encoded, each once, and films are made. Gone when it is dropped.
pub(crate) struct Studio {
    folder: tempfile::TempDir,
    streams: Mutex<HashMap<&'static str, Arc<OnceLock<String>>>>,
}

impl Studio {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), streams: Mutex::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of a stream, encoded when it is first asked for.
    fn stream(&self, file: &'static str) -> String {
        let cell = self.streams.lock().expect("lock").entry(file).or_default().clone();
        cell.get_or_init(|| self.encode(file)).clone()
    }

    fn encode(&self, file: &str) -> String {
        let path = self.path(file);
        let text =
            [("cues.srt", SRT), ("cues.vtt", VTT), ("cues.ass", ASS)].into_iter().find(|(name, _)| *name == file);
        let name = path.to_string_lossy().into_owned();
        if let Some((_, text)) = text {
            std::fs::write(&path, text).expect("a file is written");
            return name;
        }
        let source = PICTURES.iter().chain(&SOUNDS).find(|source| source.file == file).expect("a stream of this name");
        let is_picture = PICTURES.iter().any(|source| source.file == file);
        let mut input = source.input.to_owned();
        if is_picture && !input.contains("format=") {
            input.push_str(",format=yuv420p");
        }
        let mut arguments = words("-v error -nostdin -y -threads 1 -f lavfi -i");
        arguments.extend([input, if is_picture { "-c:v".to_owned() } else { "-c:a".to_owned() }]);
        arguments.extend(words(source.encoder));
        arguments.extend(words("-fflags +bitexact -flags +bitexact -strict -2"));
        arguments.push(name.clone());
        run("ffmpeg", &arguments);
        name
    }
}
