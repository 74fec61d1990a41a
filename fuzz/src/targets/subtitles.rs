//! Samples of text and whole files of it, and the WebVTT that is made of them.

use prostream_core::hls::subtitle_file::{FileHints, to_webvtt};
use prostream_core::hls::webvtt::{Cue, CueBody, HEADER, TextReader, read_sample, write_segment};
use prostream_core::model::{Language, TextFormat};

pub(super) fn srt(sample: &[u8]) {
    run(TextFormat::Srt, sample);
}

pub(super) fn webvtt(sample: &[u8]) {
    run(TextFormat::WebVtt, sample);
}

pub(super) fn tx3g(sample: &[u8]) {
    run(TextFormat::Tx3g, sample);
}

/// The script's header and an event, a zero between them.
pub(super) fn ass(bytes: &[u8]) {
    let (header, event) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (&[][..], bytes),
    };
    check(TextReader::new(TextFormat::Ass, header).read(event));
}

/// Longest file of which the text of each cue is certain to be read whole again, escapes and all.
const MAX_REREAD_BYTES: usize = 8 * 1024;
const SHIFT_MS: i64 = 1500;

/// A file from outside, in letters of the West and of the East.
pub(super) fn file(bytes: &[u8]) {
    for language in [None, Language::parse("ru"), Language::parse("ja")] {
        let hints = FileHints { language, frames_per_s: Some(25.0) };
        let Ok(text) = to_webvtt(bytes, &hints, 0) else { continue };
        let count = check_blocks(text.strip_prefix("WEBVTT\n").expect("a header"));
        let plain = FileHints::default();
        if count == 0 || bytes.len() > MAX_REREAD_BYTES {
            continue;
        }
        assert_eq!(to_webvtt(text.as_bytes(), &plain, 0).ok().as_ref(), Some(&text), "it is read as itself");
        // Nothing near the latest time: that is where later cues end.
        if !text.contains("\n99:59:5") && !text.contains("> 99:59:5") && !text.contains("100:00:00") {
            let later = to_webvtt(text.as_bytes(), &plain, SHIFT_MS).expect("later is no less");
            assert_eq!(to_webvtt(later.as_bytes(), &plain, -SHIFT_MS).ok().as_ref(), Some(&text), "there and back");
        }
    }
}

fn run(format: TextFormat, sample: &[u8]) {
    check(read_sample(format, sample));
}

fn check(bodies: Vec<CueBody>) {
    let count = bodies.len();
    let cues: Vec<Cue> = bodies.into_iter().map(|body| Cue { start_ms: 1000, end_ms: 4_000_000, body }).collect();
    let segment = write_segment(&cues, 0, 6000);
    assert_eq!(check_segment(&segment), count, "each cue is one cue: {segment:?}");
    assert_eq!(write_segment(&cues, 0, 1000), HEADER, "nothing before its time");
}

/// Reads a segment as a player does, and says how many cues it has: blocks parted by empty lines, each a line of times and text.
pub(super) fn check_segment(segment: &str) -> usize {
    check_blocks(segment.strip_prefix(HEADER).expect("a header"))
}

fn check_blocks(blocks: &str) -> usize {
    assert!(!blocks.contains(['\r', '\0']), "a letter that WebVTT reads as another");
    let mut count = 0;
    for block in blocks.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty()) {
        let (times, text) = block.split_once('\n').expect("times and text");
        let (start, rest) = times.split_once(" --> ").expect("times");
        let end = rest.split(' ').next().unwrap_or_default();
        assert!(time_ms(start) < time_ms(end), "{times:?}");
        assert!(!text.contains("-->"), "times within the text: {text:?}");
        count += 1;
    }
    count
}

fn time_ms(text: &str) -> u64 {
    let (clock, thousandths) = text.split_once('.').expect("thousandths");
    let parts: Vec<u64> = clock.split(':').map(|part| part.parse().expect("a number")).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("no time: {text:?}") };
    assert!(minutes < 60 && seconds < 60 && thousandths.len() == 3, "{text:?}");
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths.parse::<u64>().expect("a number")
}
