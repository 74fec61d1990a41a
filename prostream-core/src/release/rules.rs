//! What ranking counts, as data: weights of what is looked at anyway, and rules of people's own.

use serde::{Deserialize, Serialize};

use super::{ReleaseName, comparable};
use crate::{Error, ErrorKind, Result};

/// Most rules of one person.
pub const MAX_RULES: usize = 256;
/// Most words in one list of a rule.
pub const MAX_RULE_WORDS: usize = 64;
/// Most points of a weight or a rule, up or down: sums stay far from the ends of their type.
pub const MAX_POINTS: i32 = 100_000;

/// Points for pictures of at least so many lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinesWeight {
    /// Lines of the picture: 1080 of `1080p`.
    pub lines: u32,
    /// What they add.
    pub points: i32,
}

/// Points for a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceWeight {
    /// As [`ReleaseName::source`] names it: `BluRay`, `WEB-DL`.
    pub source: String,
    /// What it adds.
    pub points: i32,
}

macro_rules! weights {
    ($( $(#[doc = $doc:literal])+ $name:ident = $points:literal; )*) => {
        /// Points of everything that ranking looks at. One step of resolution is about 60; the rest is measured against that.
        ///
        /// What is left out where they are read keeps its default.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Weights {
            $( $(#[doc = $doc])+ pub $name: i32, )*
            /// Picture by lines, tallest first; the first that fits counts.
            pub resolution: Vec<LinesWeight>,
            /// Where the picture came from. Filmed screens stand below everything that is not.
            pub source: Vec<SourceWeight>,
        }

        impl Default for Weights {
            fn default() -> Self {
                Self {
                    $( $name: $points, )*
                    resolution: RESOLUTION.iter().map(|(lines, points)| LinesWeight { lines: *lines, points: *points }).collect(),
                    source: SOURCE
                        .iter()
                        .map(|(source, points)| SourceWeight { source: (*source).to_owned(), points: *points })
                        .collect(),
                }
            }
        }

        impl Weights {
            /// Every weight with its name.
            fn named(&self) -> impl Iterator<Item = (&'static str, i32)> {
                [$( (stringify!($name), self.$name) ),*].into_iter()
            }
        }
    };
}

weights! {
    /// Plays at once: worth more than any step of picture quality.
    ready = 400;
    /// The service would have to fetch it first.
    not_ready = -60;
    /// A file on our own disk: ready, and costs nobody anything.
    local = 450;
    /// No resolution is stated: counts as a little better than standard definition.
    unknown_resolution = 50;
    /// The device cannot decode the picture: conversion would cost a whole machine, so nearly anything else is better.
    video_not_decoded = -500;
    /// Taller than the device shows: wasted bytes, and often a codec that it lacks.
    too_tall = -250;
    /// Washed-out or purple colours on a screen that lacks the kind.
    hdr_not_shown = -200;
    /// Dolby Vision with no other kind named may have no base that others can show (profile 5).
    vision_only = -60;
    /// High dynamic range that the device shows.
    hdr_shown = 20;
    /// Only sound has to be converted, which is cheap.
    audio_not_decoded = -60;
    /// Stutters for certain.
    over_bandwidth = -450;
    /// Far too few bytes for the length and resolution claimed: a fake, a sample or mush.
    implausibly_small = -300;
    /// First language wanted.
    language = 120;
    /// What each later language wanted loses.
    language_step = 20;
    /// Names languages, and none is wanted.
    other_language = -200;
    /// Dubbed only, where the original is wanted.
    dubbed = -80;
    /// Subtitles that cannot be switched off.
    hardcoded = -80;
    /// Two pictures side by side on a flat screen.
    stereoscopic = -400;
    /// Corrects an earlier release.
    revised = 8;
    /// For each doubling of the seeders: health, not quality.
    seeders_doubled = 3;
    /// Most that seeders add.
    seeders_most = 30;
    /// Nobody has all of it.
    no_seeders = -90;
}

/// Defaults of [`Weights::resolution`].
const RESOLUTION: &[(u32, i32)] = &[(2160, 220), (1440, 180), (1080, 160), (720, 100), (480, 40), (0, 0)];
/// Defaults of [`Weights::source`].
const SOURCE: &[(&str, i32)] = &[
    ("BluRay REMUX", 70),
    ("BluRay", 60),
    ("WEB-DL", 60),
    ("WEB", 55),
    ("UHDRip", 50),
    ("BDRip", 45),
    ("BRRip", 45),
    ("WEBRip", 45),
    ("HDTV", 30),
    ("HD-DVD", 30),
    ("HDRip", 20),
    ("VODRip", 20),
    ("PPVRip", 15),
    ("DVD", 10),
    ("DVDRip", 10),
    ("VHSRip", -60),
    ("LaserDisc", -20),
    ("SCR", -250),
    ("R5", -250),
    ("TeleCine", -400),
    ("TeleSync", -700),
    ("WORKPRINT", -700),
    ("CAM", -800),
];

/// A rule of one's own: a release that has one of everything that is listed gets points, or is dropped.
///
/// ```
/// use prostream_core::release::Rule;
/// let rule = Rule { groups: vec!["QWXZ".to_owned()], points: 50, ..Rule::default() };
/// assert!(rule.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Why, for people; made of the lists where it is left out.
    pub text: String,
    /// Words or phrases that stand in the name.
    pub words: Vec<String>,
    /// Release groups.
    pub groups: Vec<String>,
    /// `2160p`, `1080p`.
    pub resolutions: Vec<String>,
    /// `BluRay`, `WEB-DL`.
    pub sources: Vec<String>,
    /// `h264`, `hevc`, `av1`.
    pub codecs: Vec<String>,
    /// `aac`, `eac3`, `truehd`, `atmos`.
    pub audio: Vec<String>,
    /// `DV`, `HDR10`, `HLG`.
    pub hdr: Vec<String>,
    /// Codes of languages: `en`, `pt`.
    pub languages: Vec<String>,
    /// `extended`, `imax`.
    pub editions: Vec<String>,
    /// `Netflix`, `Amazon`.
    pub networks: Vec<String>,
    /// What it adds to the score; may be negative.
    pub points: i32,
    /// Instead of points: the release is left out.
    pub is_dropped: bool,
}

impl Rule {
    fn lists(&self) -> [&[String]; 10] {
        [
            &self.words,
            &self.groups,
            &self.resolutions,
            &self.sources,
            &self.codecs,
            &self.audio,
            &self.hdr,
            &self.languages,
            &self.editions,
            &self.networks,
        ]
    }

    /// Is it a rule that can be kept?
    ///
    /// # Errors
    /// `InvalidInput` for one that names nothing, for more than [`MAX_RULE_WORDS`] in a list, or points beyond [`MAX_POINTS`].
    pub fn check(&self) -> Result<()> {
        if self.lists().iter().all(|list| list.iter().all(|word| word.trim().is_empty())) {
            return Err(wrong("a rule names nothing: it would hold for every release"));
        }
        if self.lists().iter().any(|list| list.len() > MAX_RULE_WORDS) {
            return Err(wrong(format!("a list of a rule has more than {MAX_RULE_WORDS} entries")));
        }
        check_points("a rule", self.points)
    }

    /// What people are told.
    pub(super) fn reason(&self) -> String {
        if self.text.is_empty() {
            let named = self.lists().into_iter().filter(|list| !list.is_empty()).map(|list| list.join(" or "));
            named.collect::<Vec<_>>().join(", ")
        } else {
            self.text.clone()
        }
    }

    /// Its phrases as [`comparable::words`], made once for all releases.
    pub(super) fn phrases(&self) -> Vec<Vec<String>> {
        self.words.iter().map(|phrase| comparable::words(phrase)).collect()
    }

    /// Does it hold for a release? `phrases` are [its own](Self::phrases), `name_words` the [`comparable::words`] of the release's name.
    pub(super) fn holds(&self, parsed: &ReleaseName, phrases: &[Vec<String>], name_words: &[String]) -> bool {
        let is_one = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|known| known.eq_ignore_ascii_case(value)))
        };
        let is_any = |list: &[String], values: &[String]| {
            list.is_empty() || values.iter().any(|value| list.iter().any(|known| known.eq_ignore_ascii_case(value)))
        };
        (self.words.is_empty() || phrases.iter().any(|phrase| comparable::holds_phrase(name_words, phrase)))
            && is_one(&self.groups, parsed.group.as_deref())
            && is_one(&self.resolutions, parsed.resolution.as_deref())
            && is_one(&self.sources, parsed.source.as_deref())
            && is_one(&self.codecs, parsed.video_codec.as_deref())
            && is_any(&self.audio, &parsed.audio)
            && is_any(&self.hdr, &parsed.hdr)
            && is_any(&self.languages, &parsed.languages)
            && is_any(&self.editions, &parsed.edition)
            && is_one(&self.networks, parsed.network.as_deref())
    }
}

/// Checks what was read of weights and rules.
///
/// # Errors
/// `InvalidInput`, naming what is wrong: more than [`MAX_RULES`] rules, a rule that says nothing, points beyond [`MAX_POINTS`].
pub(super) fn check(weights: &Weights, rules: &[Rule]) -> Result<()> {
    if rules.len() > MAX_RULES {
        return Err(wrong(format!("more than {MAX_RULES} rules")));
    }
    if weights.resolution.len().max(weights.source.len()) > MAX_RULE_WORDS {
        return Err(wrong(format!("a list of weights has more than {MAX_RULE_WORDS} entries")));
    }
    rules.iter().try_for_each(Rule::check)?;
    weights.named().try_for_each(|(name, points)| check_points(name, points))?;
    weights.resolution.iter().try_for_each(|one| check_points("resolution", one.points))?;
    weights.source.iter().try_for_each(|one| check_points(&one.source, one.points))
}

fn check_points(what: &str, points: i32) -> Result<()> {
    if (-MAX_POINTS..=MAX_POINTS).contains(&points) {
        Ok(())
    } else {
        Err(wrong(format!("{what} has {points} points, which is beyond {MAX_POINTS}")))
    }
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, "read ranking rules").detail(detail.into())
}
