//! Scores the parser and the matcher against public cases that nobody in this project wrote.
//!
//! `tests/data/release_names/` holds cases of two suites (see `LICENCES.md` there): names with the fields that a suite states, and yes/no
//! questions derived from them. A fifth of the names is set aside: the rules of the parser were written without looking at it, so its score
//! tells how they do on names they have never seen. A name is set aside when its FNV-1a hash of 64 bits is divisible by 5.

use std::collections::{BTreeMap, BTreeSet};

use prostream_core::model::{EpisodeNumber, TitleKind};
use prostream_core::release::{ReleaseName, Wanted, matches};
use serde_json::{Map, Value};

const CASES: &str = include_str!("data/release_names/dev.jsonl");
const QUESTIONS: &str = include_str!("data/release_names/match_dev.jsonl");

/// Lowest shares of right fields and answers, in percent, that a change may not fall below.
const LEAST_FIELDS: f64 = 98.8;
const LEAST_SET_ASIDE: f64 = 96.1;
const LEAST_ANSWERS: f64 = 99.0;

/// FNV-1a, 64 bits. Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_set_aside(name: &str) -> bool {
    fnv1a(name.as_bytes()).is_multiple_of(5)
}

/// Lines of a data file as objects.
fn rows(text: &str) -> impl Iterator<Item = Map<String, Value>> + '_ {
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap())
}

fn text_of<'v>(row: &'v Map<String, Value>, key: &str) -> &'v str {
    row[key].as_str().unwrap()
}

/// Letters and digits in lower case without accents; `&` is `and`.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in text.replace('&', " and ").chars().flat_map(char::to_lowercase) {
        let letter = match letter {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            'ł' => 'l',
            'ś' => 's',
            letter => letter,
        };
        if letter.is_alphanumeric() {
            out.push(letter);
        }
    }
    out
}

/// Brings a value of a field into the one spelling that is compared.
fn folded(field: &str, value: &str) -> String {
    let lower = value.to_lowercase();
    let squeezed: String = lower.chars().filter(|letter| letter.is_alphanumeric()).collect();
    match field {
        "title" | "group" => plain(value),
        "resolution" => match lower.as_str() {
            "4k" => "2160p".to_owned(),
            "1080i" | "1920x1080" => "1080p".to_owned(),
            _ => lower,
        },
        "video_codec" => match squeezed.as_str() {
            "x264" | "avc" | "h264" => "h264".to_owned(),
            "x265" | "h265" | "hevc" => "hevc".to_owned(),
            "divx" | "xvid" => "xvid".to_owned(),
            _ => squeezed,
        },
        "source" => squeezed,
        "hdr" => {
            if squeezed == "hdr10" && !value.contains('+') {
                "hdr".to_owned()
            } else {
                lower
            }
        }
        "audio" => match lower.as_str() {
            "dd" => "ac3".to_owned(),
            "ddp" | "dd+" => "eac3".to_owned(),
            _ => lower,
        },
        "languages" => lower.split('-').next().unwrap_or_default().to_owned(),
        _ => lower,
    }
}

/// A value as a set of compared spellings; absent, `false` and empty are all the empty set.
fn set_of(field: &str, value: Option<&Value>) -> BTreeSet<String> {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => BTreeSet::new(),
        Some(Value::Array(values)) => values.iter().flat_map(|value| set_of(field, Some(value))).collect(),
        Some(Value::String(text)) => BTreeSet::from([folded(field, text)]),
        Some(other) => BTreeSet::from([other.to_string()]),
    }
    .into_iter()
    .filter(|value| !(field == "hdr" && value == "sdr"))
    .collect()
}

/// The class of a source, from its name.
fn source_class(source: &str) -> &'static str {
    match source {
        "BluRay REMUX" | "BluRay" | "BDRip" | "BRRip" | "UHDRip" => "bluray",
        "WEB-DL" | "WEBRip" | "WEB" => "web",
        "HDTV" | "PDTV" | "TVRip" | "SATRip" | "SDTV" | "DSR" => "tv",
        "DVD" | "DVDRip" => "dvd",
        "HD-DVD" => "hddvd",
        "HDRip" => "hdrip",
        "PPVRip" => "ppv",
        "VODRip" => "vod",
        "SCR" => "scr",
        "R5" => "r5",
        "TeleCine" => "tc",
        "TeleSync" => "ts",
        "CAM" => "cam",
        "VHSRip" => "vhs",
        "WORKPRINT" => "workprint",
        "LaserDisc" => "laserdisc",
        _ => "",
    }
}

/// Whether a field of an answer is what the suite states.
fn is_right(field: &str, stated: &Value, answer: &Map<String, Value>) -> bool {
    if let Some(field) = field.strip_suffix("_includes") {
        return set_of(field, Some(stated)).is_subset(&set_of(field, answer.get(field)));
    }
    if field == "source_class" {
        let class = answer.get("source").and_then(Value::as_str).map_or("", source_class);
        return class == stated.as_str().unwrap_or_default();
    }
    let found = set_of(field, answer.get(field));
    let wanted = set_of(field, Some(stated));
    // A list of titles means any of them.
    if field == "title" && stated.is_array() { !found.is_disjoint(&wanted) } else { found == wanted }
}

#[derive(Default)]
struct Score {
    right: usize,
    all: usize,
}

impl Score {
    fn count(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }

    fn percent(&self) -> f64 {
        100.0 * self.right as f64 / self.all.max(1) as f64
    }
}

/// Goal: every field of the public cases is read right, on names that the rules were written for and on names they never saw.
/// Method: each stated field of each case compared by the rules of the data; a table for both parts.
#[test]
fn fields_of_public_cases_are_read() {
    let mut scores: BTreeMap<String, [Score; 2]> = BTreeMap::new();
    let mut sum = [Score::default(), Score::default()];
    for row in rows(CASES) {
        let name = text_of(&row, "name");
        let part = usize::from(is_set_aside(name));
        let Value::Object(answer) = serde_json::to_value(ReleaseName::parse(name)).unwrap() else { unreachable!() };
        for (field, stated) in row["expect"].as_object().unwrap() {
            let right = is_right(field, stated, &answer);
            scores.entry(field.clone()).or_default()[part].count(right);
            sum[part].count(right);
            if !right && part == 0 && std::env::var_os("SHOW_MISSES").is_some() {
                println!(
                    "{field}\t{stated}\t{:?}\t{name}\t{}",
                    answer.get(field.trim_end_matches("_includes")),
                    text_of(&row, "suite")
                );
            }
        }
    }
    println!("{:20} {:>18} {:>18}", "field", "worked on", "set aside");
    let line = |field: &str, [worked, aside]: &[Score; 2]| {
        let cell = |score: &Score| format!("{}/{} {:6.1}", score.right, score.all, score.percent());
        println!("{field:20} {:>18} {:>18}", cell(worked), cell(aside));
    };
    scores.iter().for_each(|(field, score)| line(field, score));
    line("all", &sum);
    assert!(sum[0].percent() >= LEAST_FIELDS, "{:.2} % of the fields are right", sum[0].percent());
    assert!(sum[1].percent() >= LEAST_SET_ASIDE, "{:.2} % of the fields set aside are right", sum[1].percent());
}

fn number(row: &Map<String, Value>, key: &str) -> Option<u32> {
    row.get(key).and_then(Value::as_u64).and_then(|value| u32::try_from(value).ok())
}

fn wanted_of(row: &Map<String, Value>) -> Wanted {
    Wanted {
        kind: if text_of(row, "type") == "movie" { TitleKind::Movie } else { TitleKind::Series },
        names: vec![text_of(row, "title").to_owned()],
        year: number(row, "year").and_then(|year| u16::try_from(year).ok()),
        episode: number(row, "season")
            .zip(number(row, "episode"))
            .map(|(season, episode)| EpisodeNumber { season, episode }),
        absolute_episode: number(row, "absolute"),
        air_date: None,
        runtime_min: None,
    }
}

/// Goal: a release is known to hold what is wanted, and known not to.
/// Method: the yes/no questions of the data, both parts apart.
#[test]
fn questions_about_public_names_are_answered() {
    let mut scores = [Score::default(), Score::default()];
    for row in rows(QUESTIONS) {
        let name = text_of(&row, "name");
        let part = usize::from(is_set_aside(name));
        let verdict = matches(&ReleaseName::parse(name), &wanted_of(row["wanted"].as_object().unwrap()));
        let right = verdict.is_match == row["expect"].as_bool().unwrap();
        scores[part].count(right);
        if !right && part == 0 {
            println!("{name}\t{}\t{:?}", row["wanted"], verdict.reasons);
        }
    }
    println!("worked on {:.1} %, set aside {:.1} %", scores[0].percent(), scores[1].percent());
    let right = scores[0].right + scores[1].right;
    let all = scores[0].all + scores[1].all;
    assert!(100.0 * right as f64 / all as f64 >= LEAST_ANSWERS, "{right} of {all} answers are right");
}
