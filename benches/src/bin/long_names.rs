//! The longest release names: what the worst of them costs. Hostile indexers list what they like, and every search reads hundreds.
//!
//! Names of 4 KiB are made by repeating one piece: each word of the public names with twelve kinds of separators, each public name as a whole, and
//! pairs of what numbers, brackets and marks are made of. Of each the fastest of some readings counts, on one thread: what is slower than
//! that is the machine's doing.
//!
//! ```text
//! cargo run --release -p prostream-benches --bin long_names [--short]
//! ```
//! `--short` reads every sixteenth shape. The exit code is 1 when a name takes more than a millisecond.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use prostream_benches::figures::{Figure, median, ms, print_table};
use prostream_core::release::ReleaseName;

/// Names of real releases, one JSON object a line; where they come from stands beside the file.
const CASES: &str = include_str!("../../../prostream-core/tests/data/release_names/dev.jsonl");
/// How a word is repeated; `*` stands for it.
const FORMS: &[&str] = &["* ", "*.", "[*]", "-*", "*, ", "(*) ", "*_", "*+", "* & ", "www.*.", "* - ", "*/"];
/// What numbers, brackets and marks are made of: each is repeated with each of the second list behind it.
const FIRST: &[&str] = &[
    "a",
    "s",
    "e",
    "x",
    "1",
    "2",
    "01",
    "1x1",
    "1x",
    "s01",
    "e01",
    "第",
    "季",
    "第1季",
    "全12話",
    "3기",
    "[",
    "]",
    "(",
    ")",
    "【",
    "】",
    "★",
    "'",
    "’",
    "-",
    ".",
    "_",
    ",",
    "&",
    "+",
    "/",
    "|",
    "~",
    "–",
    "#",
    "№",
    "º",
    "ª",
    "\u{301}",
    "ß",
    "İ",
    "ﬁ",
    "１",
    "х",
    "5.1",
    "cd1",
    "and",
    "to",
    "of",
    "al",
    "2019-01-01",
    "1jan2019",
    "480",
    "720p",
    "eng",
    "sub",
    "www",
    "http",
    "season",
    "сезон",
    "aka",
];
const SECOND: &[&str] =
    &["", "a", "1", "01", "s01", "e01", "-", ".", "_", ",", "&", "+", "/", "of", "to", "and", "[", "(", "x", "p"];
/// Most that one name may take.
const MOST_MS: f64 = 1.0;
/// Readings of each name.
const READINGS: usize = 5;
/// A name that took too long is read again so often, so many times with a pause between, before it is believed: neighbours of a rented machine
/// take seconds of it.
const MORE_READINGS: usize = 100;
const MOST_TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);
/// Every so many shapes are read with `--short`.
const SHORT_STEP: usize = 16;

/// All shapes, in an order that is always the same.
fn pieces() -> Vec<String> {
    let mut pieces = BTreeSet::new();
    for line in CASES.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a line is an object");
        let name = case["name"].as_str().expect("it has a name");
        for word in name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
            pieces.extend(FORMS.iter().map(|form| form.replace('*', word)));
        }
        pieces.insert(name.to_owned());
    }
    for first in FIRST {
        for second in SECOND {
            pieces.extend(["", " ", "."].map(|between| format!("{first}{between}{second}{between}")));
        }
    }
    pieces.into_iter().collect()
}

/// The fastest reading of a name.
fn fastest(name: &str, readings: usize) -> Duration {
    let times = (0..readings).map(|_| {
        let start = Instant::now();
        black_box(ReleaseName::parse(black_box(name)));
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

fn main() -> ExitCode {
    let is_short = std::env::args().any(|argument| argument == "--short");
    let step = if is_short { SHORT_STEP } else { 1 };
    let mut times = Vec::new();
    let mut worst = (Duration::ZERO, String::new());
    for piece in pieces().into_iter().step_by(step) {
        let name = piece.repeat(ReleaseName::MAX_BYTES / piece.len() + 1);
        let mut time = fastest(&name, READINGS);
        for _ in 0..MOST_TRIES {
            if ms(time) <= MOST_MS {
                break;
            }
            std::thread::sleep(PAUSE);
            time = time.min(fastest(&name, MORE_READINGS));
        }
        times.push(time);
        if time > worst.0 {
            worst = (time, piece);
        }
    }
    let (worst_time, worst_piece) = worst;
    let figures = [
        Figure {
            name: format!("the worst, {worst_piece:?} repeated"),
            ours: ms(worst_time),
            at_most: Some(MOST_MS),
            peer: None,
            unit: "ms",
        },
        Figure { name: "the middle one".to_owned(), ours: ms(median(&times)), at_most: None, peer: None, unit: "ms" },
    ];
    let title = format!("Release names of {} bytes, {} shapes", ReleaseName::MAX_BYTES, times.len());
    if print_table(&title, &figures) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
