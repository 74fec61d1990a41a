//! Cases of text: what it is written in, how it is come by, and what lies beside the tracks.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use prostream_core::container;
use prostream_core::hls::{NativePackager, Presentation, playlist};
use prostream_core::model::{ByteRange, Codec, DeviceProfile, Rope, TextFormat, TrackKind};
use prostream_core::source::{ByteSource, ByteStream, MemorySource, SourceStats};

use crate::workshop::{Workshop, check_copied, memory, present, rendition, source};

/// What every segment of text begins with.
const TEXT_HEAD: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";

const LINES: &str =
    "1\n00:00:01,000 --> 00:00:02,500\n<i>First</i> at A&B\n\n2\n00:00:05,000 --> 00:00:07,000\nSecond\n\n";

/// A film with these lines as `codec`.
fn subtitled(workshop: &Workshop, codec: &str, name: &str) -> PathBuf {
    workshop.write("lines.srt", LINES.as_bytes());
    workshop.ffmpeg(&format!(
        "-f lavfi -i testsrc2=s=160x90:r=25:d=12 -i lines.srt -c:v libx264 -preset veryfast -bf 0 -pix_fmt yuv420p \
         -g 50 -c:s {codec} {name}"
    ))
}

/// Every cue of the text, in order, once; a cue that two segments show is written in both.
async fn cues(presentation: &Arc<dyn Presentation>) -> Vec<String> {
    let text = rendition(presentation, "text");
    let mut cues = Vec::new();
    for index in 0..text.info().listed_durations_s().len() {
        let segment = text.segment(index as u32).await.unwrap().into_bytes().await.unwrap();
        let segment = String::from_utf8(segment.to_vec()).unwrap();
        let blocks = segment.strip_prefix(TEXT_HEAD).expect("a head").split("\n\n").map(str::trim);
        cues.extend(blocks.filter(|block| !block.is_empty()).map(str::to_owned));
    }
    cues.dedup();
    cues
}

/// Goal: text of every format that is packaged becomes the same WebVTT, at the same times.
#[tokio::test]
async fn case_35_text_becomes_webvtt() {
    let workshop = Workshop::new();
    for (codec, name) in [("srt", "srt.mkv"), ("webvtt", "vtt.mkv"), ("ass", "ass.mkv"), ("mov_text", "tx3g.mp4")] {
        let film = subtitled(&workshop, codec, name);
        let presentation = present(source(&film).await).await.unwrap();
        let expected =
            ["00:00:01.000 --> 00:00:02.500\n<i>First</i> at A&amp;B", "00:00:05.000 --> 00:00:07.000\nSecond"];
        assert_eq!(cues(&presentation).await, expected, "{name}");
        let listed = rendition(&presentation, "text").info().listed_durations_s();
        assert_eq!(
            listed,
            rendition(&presentation, "video").info().listed_durations_s(),
            "{name}: text spans the film"
        );
    }
}

/// Goal: text of an MP4 file without tables is found through its fragments.
/// Method: ffmpeg, whose fragments do not keep the gap behind a line: it lasts until the next sample.
#[tokio::test]
async fn case_35_text_of_fragments() {
    let workshop = Workshop::new();
    let film = subtitled(&workshop, "mov_text -movflags frag_keyframe+empty_moov+default_base_moof", "film.mp4");
    let presentation = present(source(&film).await).await.unwrap();
    let expected = ["00:00:01.000 --> 00:00:05.000\n<i>First</i> at A&amp;B", "00:00:05.000 --> 00:00:07.000\nSecond"];
    assert_eq!(cues(&presentation).await, expected);
}

/// Goal: a line whose block does not say how long it is shown is shown all the same, for a while.
/// Method: the BlockDuration behind a line of a Matroska file becomes Void.
#[tokio::test]
async fn case_35_a_line_without_duration_is_shown() {
    const BLOCK_DURATION: u8 = 0x9b;
    const VOID: u8 = 0xec;
    let workshop = Workshop::new();
    let mut film = std::fs::read(subtitled(&workshop, "srt", "srt.mkv")).unwrap();
    let end = film.windows(6).position(|bytes| bytes == b"Second").expect("the second line") + 6;
    assert_eq!(film[end], BLOCK_DURATION);
    film[end] = VOID;
    let cues = cues(&present(memory(film)).await.unwrap()).await;
    assert_eq!(cues.last().unwrap(), "00:00:05.000 --> 00:00:10.000\nSecond");
    assert_eq!(cues.len(), 2, "{cues:?}");
}

/// Goal: subtitles that are pictures are reported, and the film plays without them: no empty rendition that a viewer could choose.
/// Method: a PGS stream of one empty composition, made by hand, in a film that also has text.
#[tokio::test]
async fn case_35_bitmap_subtitles_are_reported() {
    let workshop = Workshop::new();
    subtitled(&workshop, "srt", "srt.mkv");
    let mut pgs = Vec::new();
    for (at_s, number) in [(1u32, 0u8), (3, 1)] {
        // A presentation composition without objects, and the end of its display set.
        let composition = [1, 64, 0, 180, 0x10, 0, number, 0x80, 0, 0, 0];
        for (kind, body) in [(0x16, &composition[..]), (0x80, &[])] {
            pgs.extend_from_slice(b"PG");
            pgs.extend_from_slice(&(at_s * 90_000).to_be_bytes());
            pgs.extend_from_slice(&[0; 4]);
            pgs.extend_from_slice(&[kind, 0, body.len() as u8]);
            pgs.extend_from_slice(body);
        }
    }
    workshop.write("pictures.sup", &pgs);
    workshop.run("mkvmerge", "-q -o both.mkv srt.mkv pictures.sup");
    let film = workshop.path("both.mkv");
    let presentation = present(source(&film).await).await.unwrap();
    let reported: Vec<_> =
        presentation.tracks().into_iter().filter(|track| track.kind == TrackKind::Subtitle).collect();
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(matches!(reported[0].codec, Codec::Text(_)));
    assert_eq!(reported[1].codec, Codec::Other);
    assert!(reported[1].codec_string.starts_with("S_HDMV/PGS"), "{reported:?}");
    let playlist = playlist::multivariant(presentation.as_ref());
    assert_eq!(playlist.matches("TYPE=SUBTITLES").count(), 1, "{playlist}");
    assert_eq!(cues(&presentation).await.len(), 2);
    check_copied(&workshop, &film, "v:0", rendition(&presentation, "video"), 0.0011).await;
}

/// A script with all that a player has to understand: styles of its header, overrides, drawings, layers, an order of its own.
const SCRIPT: &str = "[Script Info]\r\nScriptType: v4.00+\r\nPlayResX: 1920\r\nPlayResY: 1080\r\n\r\n[V4+ Styles]\r\n\
    Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
    ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\n\
    Style: Default,Arial,48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1\r\n\
    Style: Song,Arial,48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,-1,0,0,100,100,0,0,1,2,2,8,10,10,10,1\r\n\r\n\
    [Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n\
    Dialogue: 0,0:00:05.00,0:00:07.00,Default,Ann,0,0,0,,Over the cut, {\\b1}loud{\\b0}\\Nand A & B\r\n\
    Dialogue: 0,0:00:01.00,0:00:02.50,Song,,0,0,0,,{\\fad(100,100)}la {\\k20}la\r\n\
    Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 0 10 10{\\p0}\r\n\
    Dialogue: 1,0:00:08.00,0:00:09.00,Default,,0,0,0,,{\\an9}sign\r\n\
    Dialogue: 0,0:00:08.00,0:00:09.00,Default,,0,0,0,,{\\an9\\bord4}sign\r\n";

/// What is to be seen of it.
const SEEN: [&str; 3] = [
    "00:00:01.000 --> 00:00:02.500 line:0\n<i>la la</i>",
    "00:00:05.000 --> 00:00:07.000\nOver the cut, <b>loud</b>\nand A &amp; B",
    "00:00:08.000 --> 00:00:09.000 line:0 align:end\nsign",
];

/// Goal: a styled script becomes WebVTT that says the same in the same places; the script itself is to be had as it was.
/// Method: muxed by mkvmerge, which keeps the order of events and all of the header, and by ffmpeg.
#[tokio::test]
async fn case_35_styled_scripts_become_webvtt() {
    let workshop = Workshop::new();
    workshop.write("script.ass", SCRIPT.as_bytes());
    subtitled(&workshop, "srt", "srt.mkv");
    workshop.run("mkvmerge", "-q -o mkvmerge.mkv -S srt.mkv script.ass");
    workshop.ffmpeg("-i srt.mkv -i script.ass -map 0:v -map 1 -c copy ffmpeg.mkv");
    for name in ["mkvmerge.mkv", "ffmpeg.mkv"] {
        let presentation = present(source(&workshop.path(name)).await).await.unwrap();
        let text = rendition(&presentation, "text");
        assert_eq!(text.info().track.codec, Codec::Text(TextFormat::Ass), "{name}");
        assert_eq!(cues(&presentation).await, SEEN, "{name}");
        let script = text.script().await.unwrap();
        assert_eq!((script.content_type, script.is_provisional), ("text/x-ssa", false), "{name}");
        let script = String::from_utf8(script.into_bytes().await.unwrap().to_vec()).unwrap();
        let events = |script: &str| -> Vec<String> {
            script.lines().filter(|line| line.starts_with("Dialogue:")).map(str::to_owned).collect()
        };
        assert_eq!(events(&script), events(SCRIPT), "{name}");
        assert!(script.contains("Style: Song,Arial,48") && script.contains("PlayResY: 1080"), "{script}");
        // What ffmpeg reads of it is what it reads of the original.
        workshop.write("again.ass", script.as_bytes());
        let decoded = |file: &str| workshop.run("ffmpeg", &format!("-v error -i {file} -f srt -"));
        assert_eq!(decoded("again.ass"), decoded("script.ass"), "{name}");
    }
    let srt = present(source(&workshop.path("srt.mkv")).await).await.unwrap();
    assert!(rendition(&srt, "text").script().await.is_err(), "SubRip is no script");
}

/// Goal: bold and italics of timed text survive MP4.
#[tokio::test]
async fn case_35_timed_text_keeps_its_styles() {
    let workshop = Workshop::new();
    let lines = "1\n00:00:01,000 --> 00:00:02,000\n<b>Bold</b>, <i>italic</i>, <b><i>b&i</i></b>\n\n";
    subtitled(&workshop, "srt", "film.mkv");
    workshop.write("lines.srt", lines.as_bytes());
    let film = workshop.ffmpeg("-i film.mkv -i lines.srt -map 0:v -map 1 -c:v copy -c:s mov_text film.mp4");
    let presentation = present(source(&film).await).await.unwrap();
    let expected = "00:00:01.000 --> 00:00:02.000\n<b>Bold</b>, <i>italic</i>, <b><i>b&amp;i</i></b>";
    assert_eq!(cues(&presentation).await, [expected]);
}

/// A file on a far host, by what it says of itself: here every seek is dear.
#[derive(Debug)]
struct Far(Arc<MemorySource>);

#[async_trait]
impl ByteSource for Far {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }
    fn identity(&self) -> &str {
        self.0.identity()
    }
    async fn read_at(&self, range: ByteRange) -> prostream_core::Result<Rope> {
        self.0.read_at(range).await
    }
    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        self.0.clone().stream(range)
    }
    fn seek_cost_bytes(&self) -> u64 {
        2 << 20
    }
    fn stats(&self) -> SourceStats {
        self.0.stats()
    }
}

/// Half a minute of pictures that do not compress well, with a line every two seconds; larger than what is read whole for its text by the
/// zeros behind its end.
fn large_film(workshop: &Workshop, is_indexed: bool) -> Vec<u8> {
    let line = |at: u32| format!("{at}\n00:00:{:02},000 --> 00:00:{:02},500\nline {at}\n\n", at * 2, at * 2);
    workshop.write("lines.srt", (0..15).map(line).collect::<String>().as_bytes());
    workshop.ffmpeg(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=30,noise=alls=40:allf=t -c:v libx264 -preset ultrafast -qp 20 -bf 0 \
         -pix_fmt yuv420p -g 50 pictures.mkv",
    );
    let cues = if is_indexed { "all" } else { "none" };
    workshop.run("mkvmerge", &format!("-q -o film.mkv pictures.mkv --cues 0:{cues} lines.srt"));
    let mut film = std::fs::read(workshop.path("film.mkv")).unwrap();
    assert!(film.len() > 8 << 20, "pictures are large: {}", film.len());
    film.resize(film.len() + (65 << 20), 0);
    film
}

async fn text_of(presentation: &Arc<dyn Presentation>, index: u32) -> (String, bool) {
    let segment = rendition(presentation, "text").segment(index).await.unwrap();
    let is_provisional = segment.is_provisional;
    (String::from_utf8(segment.into_bytes().await.unwrap().to_vec()).unwrap(), is_provisional)
}

/// Goal: text never costs its pictures. Where nobody has read them yet, and the file says nothing of its text, there is an empty segment that
/// is not to be kept; once they have passed, it is there, and costs nothing.
#[tokio::test]
async fn case_35_text_comes_with_its_pictures() {
    let workshop = Workshop::new();
    let far: Arc<dyn ByteSource> = Arc::new(Far(Arc::new(MemorySource::new(large_film(&workshop, false)))));
    let packager = NativePackager::default();
    let index = Arc::new(container::open(&far).await.unwrap());
    let presentation = packager.present(index.clone(), far.clone(), &DeviceProfile::any()).unwrap();
    let opened = far.stats();
    let (text, is_provisional) = text_of(&presentation, 2).await;
    assert_eq!((text.as_str(), is_provisional), (TEXT_HEAD, true));
    assert_eq!(far.stats(), opened, "nothing is read for text");
    let video = rendition(&presentation, "video");
    for index in [1, 2] {
        video.segment(index).await.unwrap().into_bytes().await.unwrap();
    }
    let watched = far.stats();
    let (text, is_provisional) = text_of(&presentation, 2).await;
    assert!(is_provisional, "what began in the first segment is not known");
    assert_eq!(text.matches("line ").count(), 3, "{text}");
    video.segment(0).await.unwrap().into_bytes().await.unwrap();
    let (again, is_provisional) = text_of(&presentation, 2).await;
    assert_eq!((&again, is_provisional), (&text, false));
    assert!(far.stats().read_bytes - watched.read_bytes < 4 << 20, "only the pictures of the first segment were read");
    // Another viewer of the same file finds the same.
    let before = far.stats();
    let other = packager.present(index, far.clone(), &DeviceProfile::any()).unwrap();
    assert_eq!(text_of(&other, 2).await.0, text);
    assert_eq!(far.stats(), before);
}

/// Goal: where the Cues name the text, it is read in small ranges, each once, however many ask for it at the same time, and whoever stops
/// waiting spoils nothing.
#[tokio::test]
async fn case_39_text_that_is_indexed_is_read_once_in_small_ranges() {
    let workshop = Workshop::new();
    let far = Arc::new(Far(Arc::new(MemorySource::new(large_film(&workshop, true)))));
    let presentation = present(far.clone()).await.unwrap();
    let opened = far.stats();
    let count = rendition(&presentation, "text").info().listed_durations_s().len() as u32;
    // A player that leaves before it is answered.
    let hasty = tokio::time::timeout(std::time::Duration::from_millis(5), text_of(&presentation, count - 1)).await;
    assert!(hasty.is_err());
    let all: Vec<_> = (0..count).flat_map(|index| [index; 4]).map(|index| text_of(&presentation, index)).collect();
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(|(_, is_provisional)| !is_provisional));
    let lines: usize = answers.iter().step_by(4).map(|(text, _)| text.matches("line ").count()).sum();
    assert!(lines >= 15, "every line is shown: {lines}");
    let read = far.stats().read_bytes - opened.read_bytes;
    assert!(read <= 15 * 16 * 1024, "{read} bytes for fifteen lines");
    let requests = far.stats().request_count - opened.request_count;
    assert!(requests <= 2 * 15, "{requests} requests for fifteen lines");
}

/// Goal: on a disk, where seeks are cheap, text of any file is there at once, for the price of headers.
#[tokio::test]
async fn case_35_headers_are_walked_where_seeks_are_cheap() {
    let workshop = Workshop::new();
    let film = large_film(&workshop, false);
    let size = film.len() as u64 - (65 << 20);
    let near = Arc::new(MemorySource::new(film));
    let presentation = present(near.clone()).await.unwrap();
    let opened = near.stats();
    let (text, is_provisional) = text_of(&presentation, 3).await;
    assert!(!is_provisional && text.contains("line "), "{text}");
    let read = near.stats().read_bytes - opened.read_bytes;
    assert!(read < size / 2, "{read} bytes of {size}: headers, not pictures");
    let before = near.stats();
    assert_eq!(text_of(&presentation, 3).await.0, text);
    assert_eq!(near.stats(), before, "known once, known for good");
}

/// Goal: a small file is read once for all its text; a line that lasts over many cuts is in every segment it lasts over; a segment without
/// lines is one all the same.
#[tokio::test]
async fn case_35_a_small_file_is_read_once() {
    let workshop = Workshop::new();
    let lines = "1\n00:00:03,000 --> 00:00:09,000\nlong\n\n2\n00:00:01,000 --> 00:00:01,500\nbrief\n\n";
    subtitled(&workshop, "srt", "base.mkv");
    workshop.write("long.srt", lines.as_bytes());
    workshop.run("mkvmerge", "-q -o film.mkv -S base.mkv --cues 0:none long.srt");
    let film = std::fs::read(workshop.path("film.mkv")).unwrap();
    let size = film.len() as u64;
    let far = Arc::new(Far(Arc::new(MemorySource::new(film))));
    let presentation = present(far.clone()).await.unwrap();
    let opened = far.stats();
    let count = rendition(&presentation, "text").info().listed_durations_s().len() as u32;
    let mut shown = Vec::new();
    for index in 0..count {
        let (text, is_provisional) = text_of(&presentation, index).await;
        assert!(!is_provisional && text.starts_with(TEXT_HEAD));
        shown.push(text.matches("long").count());
    }
    assert_eq!(shown, [0, 1, 1][..count as usize], "cuts at 2 and 6 seconds");
    assert!(far.stats().read_bytes - opened.read_bytes <= size, "each byte at most once");
}

/// Goal: chapters lie on the time line of the presentation, and players are told of them.
#[tokio::test]
async fn chapters_are_told() {
    let workshop = Workshop::new();
    subtitled(&workshop, "srt", "base.mkv");
    let chapters =
        "CHAPTER01=00:00:00.000\nCHAPTER01NAME=Opening\nCHAPTER02=00:00:04.500\nCHAPTER02NAME=Part \"two\"\n";
    workshop.write("chapters.txt", chapters.as_bytes());
    workshop.run("mkvmerge", "-q -o film.mkv --chapters chapters.txt base.mkv");
    let presentation = present(source(&workshop.path("film.mkv")).await).await.unwrap();
    let parts: Vec<_> =
        presentation.chapters().into_iter().map(|one| (one.start_s, one.end_s.round(), one.title)).collect();
    assert_eq!(parts, [(0.0, 5.0, "Opening".to_owned()), (4.5, 12.0, "Part \"two\"".to_owned())]);
    let list = playlist::multivariant(presentation.as_ref());
    assert!(list.contains("#EXT-X-SESSION-DATA:DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters.json\"\n"), "{list}");
    let without = present(source(&workshop.path("base.mkv")).await).await.unwrap();
    assert!(without.chapters().is_empty() && !playlist::multivariant(without.as_ref()).contains("SESSION-DATA"));
}

/// Goal: every font of a file is found, also behind others that are larger than what opening reads, without reading them; nothing else is one.
#[tokio::test]
async fn fonts_are_found_behind_each_other() {
    let workshop = Workshop::new();
    subtitled(&workshop, "srt", "base.mkv");
    let mut arguments = "-q -o film.mkv".to_owned();
    let sizes = [700_000usize, 20, 900_000, 300_000];
    let names = ["a.ttf", "cover.jpg", "b.otf", "c.ttf"];
    let types = ["application/x-truetype-font", "image/jpeg", "application/vnd.ms-opentype", "font/ttf"];
    for ((name, size), media_type) in names.iter().zip(sizes).zip(types) {
        let content: Vec<u8> = [0u8, 1, 0, 0].into_iter().chain((4..size).map(|at| (at % 251) as u8)).collect();
        workshop.write(name, &content);
        arguments += &format!(" --attachment-mime-type {media_type} --attach-file {name}");
    }
    workshop.run("mkvmerge", &format!("{arguments} base.mkv"));
    let film = Arc::new(MemorySource::new(std::fs::read(workshop.path("film.mkv")).unwrap()));
    let presentation = present(film.clone()).await.unwrap();
    let opened = film.stats();
    let known: Vec<String> = presentation.fonts().iter().map(|font| font.file_name()).collect();
    assert_eq!(known.first().map(String::as_str), Some("1.ttf"));
    let fonts = presentation.all_fonts().await.unwrap();
    let found: Vec<_> = fonts.iter().map(|font| (font.file_name(), font.name.as_str())).collect();
    assert_eq!(found, [("1.ttf".to_owned(), "a.ttf"), ("3.otf".to_owned(), "b.otf"), ("4.ttf".to_owned(), "c.ttf")]);
    assert!(film.stats().read_bytes - opened.read_bytes < 512 * 1024, "headers, not fonts");
    for (font, name) in fonts.iter().zip(["a.ttf", "b.otf", "c.ttf"]) {
        let bytes = film.read_at(font.range).await.unwrap().into_bytes();
        assert!(bytes == std::fs::read(workshop.path(name)).unwrap(), "{name}");
    }
    let before = film.stats();
    assert_eq!(presentation.all_fonts().await.unwrap(), fonts);
    assert_eq!(film.stats(), before, "found once, found for good");
}
