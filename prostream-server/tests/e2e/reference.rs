//! What ffprobe and ffmpeg read in a film: the other opinion that everything is compared with.

use std::path::Path;

use crate::tool::{argument, ffmpeg, run};

/// Edit lists are folded into the times and nothing is left out. ffmpeg's own way (`advanced_editlist`) drops packets that an edit list
/// hides, and moves a trimmed start to the next picture.
const EVERY_PACKET: [&str; 2] = ["-advanced_editlist", "0"];

/// One audio or video stream as ffprobe reads it.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Length of a tick in seconds, as a fraction.
    pub(crate) time_base: (i64, i64),
    /// In decode order.
    pub(crate) packets: Vec<Packet>,
}

/// One packet of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) pts_ticks: i64,
    /// MD5 of its payload.
    pub(crate) hash: String,
}

/// A text that is shown for a while.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cue {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// Markup as in WebVTT.
    pub(crate) text: String,
}

fn is_mp4(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "mp4" || ending == "m4a")
}

fn options(file: &Path) -> &'static [&'static str] {
    if is_mp4(file) { &EVERY_PACKET } else { &[] }
}

/// The streams of one kind: `v`, `a` or `s`.
pub(crate) fn stream_count(file: &Path, kind: &str) -> usize {
    let arguments = ["-v", "error", "-select_streams", kind, "-show_entries", "stream=index", "-of", "csv=p=0"];
    run("ffprobe", &[&arguments[..], &[argument(file)]].concat()).lines().filter(|line| !line.is_empty()).count()
}

/// Reads a stream; `stream` counts within its kind, as in `a:1`.
pub(crate) fn stream(file: &Path, stream: &str) -> Stream {
    let entries = "stream=time_base:packet=pts,data_hash";
    // One line for each field: side data of a packet would break its line otherwise.
    let form = ["-v", "error", "-of", "default=noprint_wrappers=1", "-show_data_hash", "md5"];
    let selected = ["-select_streams", stream, "-show_entries", entries, argument(file)];
    let mut found = Stream { time_base: (0, 1), packets: Vec::new() };
    let mut pts_ticks = None;
    for line in run("ffprobe", &[options(file), &form, &selected].concat()).lines() {
        match line.split_once('=') {
            Some(("time_base", fraction)) => {
                let (ticks, seconds) = fraction.split_once('/').expect("a fraction");
                found.time_base = (ticks.parse().expect("a number"), seconds.parse().expect("a number"));
            }
            Some(("pts", ticks)) => pts_ticks = ticks.parse().ok(),
            Some(("data_hash", hash)) => {
                let pts_ticks = pts_ticks.take().unwrap_or_else(|| panic!("{stream}: a packet without a time"));
                found.packets.push(Packet { pts_ticks, hash: hash.to_owned() });
            }
            _ => {}
        }
    }
    assert!(!found.packets.is_empty(), "{}: {stream}: no packets", file.display());
    found
}

/// The hashes of the packets of a rendition: its init segment and all its segments in one file.
pub(crate) fn joined_hashes(file: &Path) -> Vec<String> {
    let arguments = ["-v", "error", "-of", "default=noprint_wrappers=1:nokey=1", "-show_data_hash", "md5"];
    let selected = ["-show_entries", "packet=data_hash", argument(file)];
    run("ffprobe", &[&arguments[..], &selected].concat()).lines().map(str::to_owned).collect()
}

/// The cues of a subtitle stream, counted within its kind, as ffmpeg extracts them.
pub(crate) fn cues(file: &Path, number: usize) -> Vec<Cue> {
    let map = format!("0:s:{number}");
    // Without `-copyts` ffmpeg would let the film begin at 0.
    let arguments = ["-copyts", "-i", argument(file), "-map", &map, "-f", "webvtt", "-"];
    read_webvtt(&ffmpeg(&[options(file), &arguments].concat()))
}

/// The cues of a WebVTT file. Settings are left out.
pub(crate) fn read_webvtt(text: &str) -> Vec<Cue> {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| block.contains(" --> "));
    blocks
        .map(|block| {
            let (times, text) = block.split_once('\n').expect("times and a text");
            let (start, end) = times.split_once(" --> ").expect("two times");
            let end = end.split(' ').next().unwrap_or_default();
            Cue { start_ms: time_ms(start), end_ms: time_ms(end), text: text.to_owned() }
        })
        .collect()
}

/// `01:02.003` or `00:01:02.003`.
fn time_ms(text: &str) -> i64 {
    let (seconds, ms) = text.trim().split_once('.').expect("milliseconds");
    let seconds = seconds.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("a number"));
    seconds * 1000 + ms.parse::<i64>().expect("a number")
}
