//! Marks of the sound: codecs and channels.

use std::borrow::Cow;

use super::dates::YEARS;
use super::marks::Fact::{self, *};
use super::marks::Strength::*;
use super::marks::{Mark, Row};
use super::tokens::{Tokens, leading_number};

/// Words of the sound.
pub(super) const MARKS: &[Row] = &[
    ("aac", Strong, &[Audio("aac")]),
    ("aaclc", Strong, &[Audio("aac")]),
    ("heaac", Strong, &[Audio("aac")]),
    ("qaac", Strong, &[Audio("aac")]),
    ("ac3", Strong, &[Audio("ac3")]),
    ("ac3d", Strong, &[Audio("ac3")]),
    ("dd", Tail, &[Audio("ac3")]),
    ("dolbyd", Strong, &[Audio("ac3")]),
    ("dolby", Tail, &[Noise]),
    ("dolbydigital", Strong, &[Audio("ac3")]),
    ("eac3", Strong, &[Audio("eac3")]),
    ("ddp", Strong, &[Audio("eac3")]),
    ("ddplus", Strong, &[Audio("eac3")]),
    ("dolbydigitalplus", Strong, &[Audio("eac3")]),
    ("ddpa", Strong, &[Audio("eac3"), Audio("atmos")]),
    ("ddpatmos", Strong, &[Audio("eac3"), Audio("atmos")]),
    ("dts", Strong, &[Audio("dts")]),
    ("dtshd", Strong, &[Audio("dts-hd")]),
    ("dtshdma", Strong, &[Audio("dts-hd")]),
    ("dtsma", Strong, &[Audio("dts-hd")]),
    ("dtshdmaster", Strong, &[Audio("dts-hd")]),
    ("dtshdmasteraudio", Strong, &[Audio("dts-hd")]),
    ("dtshra", Strong, &[Audio("dts")]),
    ("dtshdhr", Strong, &[Audio("dts")]),
    ("dtshdhra", Strong, &[Audio("dts")]),
    ("dtses", Strong, &[Audio("dts")]),
    ("dtsx", Strong, &[Audio("dts:x")]),
    ("dtshdx", Strong, &[Audio("dts:x")]),
    ("dtsex", Strong, &[Audio("dts-hd")]),
    ("truehd", Strong, &[Audio("truehd")]),
    ("dolbytruehd", Strong, &[Audio("truehd")]),
    ("thd", Strong, &[Audio("truehd")]),
    ("atmos", Strong, &[Audio("atmos")]),
    ("dolbyatmos", Strong, &[Audio("atmos")]),
    ("flac", Strong, &[Audio("flac")]),
    ("opus", Weak, &[Audio("opus")]),
    ("mp3", Strong, &[Audio("mp3")]),
    ("mp2", Strong, &[Audio("mp2")]),
    ("mpa", Tail, &[Noise]),
    ("lpcm", Strong, &[Audio("pcm")]),
    ("pcm", Strong, &[Audio("pcm")]),
    ("ogg", Strong, &[Audio("vorbis")]),
    ("vorbis", Strong, &[Audio("vorbis")]),
    ("stereo", Tail, &[Channels("2.0")]),
    ("mono", Tail, &[Channels("1.0")]),
    ("1ch", Strong, &[Channels("1.0")]),
    ("2ch", Strong, &[Channels("2.0")]),
    ("5ch", Strong, &[Channels("5.1")]),
    ("6ch", Strong, &[Channels("5.1")]),
    ("8ch", Strong, &[Channels("7.1")]),
    ("line", Tail, &[Noise]),
    ("audio", Weak, &[Noise]),
    ("commentary", Tail, &[Noise]),
];

/// Codecs that channels are written onto: `DDP5.1`, `AAC2.0`, `FLACx2`.
const CARRIERS: &[(&str, &[Fact])] = &[
    ("dtshdma", &[Audio("dts-hd")]),
    ("hdma", &[Audio("dts-hd")]),
    ("ma", &[Noise]),
    ("mpa", &[Noise]),
    ("truehd", &[Audio("truehd")]),
    ("eac3", &[Audio("eac3")]),
    ("qaac", &[Audio("aac")]),
    ("flac", &[Audio("flac")]),
    ("opus", &[Audio("opus")]),
    ("ddpa", &[Audio("eac3"), Audio("atmos")]),
    ("dtsx", &[Audio("dts:x")]),
    ("lpcm", &[Audio("pcm")]),
    ("aac", &[Audio("aac")]),
    ("ac3", &[Audio("ac3")]),
    ("ddp", &[Audio("eac3")]),
    ("dts", &[Audio("dts")]),
    ("pcm", &[Audio("pcm")]),
    ("mp3", &[Audio("mp3")]),
    ("dd", &[Audio("ac3")]),
    ("dolbyd", &[Audio("ac3")]),
    ("ca", &[Noise]),
    ("", &[]),
];

/// Layouts of speakers.
const LAYOUTS: &[(u32, u32, &str)] = &[
    (1, 0, "1.0"),
    (2, 0, "2.0"),
    (2, 1, "2.1"),
    (4, 0, "4.0"),
    (4, 1, "4.1"),
    (5, 0, "5.0"),
    (5, 1, "5.1"),
    (6, 0, "5.1"),
    (6, 1, "6.1"),
    (7, 1, "7.1"),
    (9, 1, "9.1"),
];

fn layout(front: u32, low: u32) -> Option<&'static str> {
    LAYOUTS.iter().find(|row| (row.0, row.1) == (front, low)).map(|row| row.2)
}

/// Reads codecs with channels behind them, and channels alone.
pub(super) fn read(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    let token = tokens.list.get(at)?;
    let text = token.folded;
    if !token.has_digit {
        return None;
    }
    // The carrier is the letters in front, and may itself end in a digit: "ac3x2", "eac35".
    let first = text.as_bytes().first();
    for (carrier, facts) in CARRIERS.iter().filter(|row| row.0.is_empty() || row.0.as_bytes().first() == first) {
        let Some(rest) = text.strip_prefix(carrier) else { continue };
        let mut facts = Cow::Borrowed(*facts);
        if let Some(count) = rest.strip_prefix('x')
            && !carrier.is_empty()
            && super::tokens::number(count, 1).is_some()
        {
            return Some(Mark { tokens: at..at + 1, span: token.span.clone(), strength: Strong, facts });
        }
        let Some((front, rest)) = leading_number(rest, 1) else { continue };
        let rest = rest.strip_suffix("ch").unwrap_or(rest);
        let next = tokens.list.get(at + 1).filter(|next| matches!(next.gap, "." | " " | "," | "-"));
        let low = next.and_then(|next| leading_number(next.folded, 1));
        if let Some(next) = next
            && let Some((low, behind)) = low
            && rest.is_empty()
            && let Some(layout) = layout(front, low)
            && (behind.is_empty() || is_times(behind) || behind == "ch" || !carrier.is_empty())
        {
            // "5.1" alone needs its full stop, or sound right before it: "Part 5 1" is no layout.
            let follows_sound = at > 0 && is_sound(tokens, at - 1);
            // "7-1" is written in brackets only.
            if carrier.is_empty() {
                let dotted = next.gap == "." || (next.gap == "-" && token.after_bracket() && token.bracket > 0);
                if !dotted && !follows_sound {
                    return None;
                }
                if facts.is_empty() && !follows_sound && !dotted_layout_is_sound(tokens, at) {
                    return None;
                }
            }
            facts.to_mut().push(Channels(layout));
            if behind == "atmos" {
                facts.to_mut().push(Audio("atmos"));
            }
            return Some(Mark { tokens: at..at + 2, span: token.span.start..next.span.end, strength: Strong, facts });
        }
        if !carrier.is_empty() && rest.is_empty() {
            // "DD51", "AAC2": no full stop.
            return Some(Mark { tokens: at..at + 1, span: token.span.clone(), strength: Strong, facts });
        }
        if !carrier.is_empty()
            && let Some((low, "")) = leading_number(rest, 1)
            && let Some(layout) = layout(front, low)
        {
            facts.to_mut().push(Channels(layout));
            return Some(Mark { tokens: at..at + 1, span: token.span.clone(), strength: Strong, facts });
        }
    }
    None
}

/// `x2`, `x3+2`: so many tracks; `x08` numbers an episode.
fn is_times(text: &str) -> bool {
    let digits = text.strip_prefix('x').map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    digits == Some(1)
}

/// A layout opens a name only as a title, and never stands right behind a season or before the year: "5.1 Surround", "S05.1".
fn dotted_layout_is_sound(tokens: &Tokens<'_>, at: usize) -> bool {
    let before_is_number = tokens.list.get(at).is_some_and(|token| token.gap == ".")
        && at > 0
        && tokens.list.get(at - 1).is_some_and(|token| token.number(2).is_some());
    // "Harbour 2.0 (2012)": in front of the year it is the title's.
    let year = tokens.list.get(at + 2).filter(|token| token.folded.len() == 4).and_then(|token| token.number(4));
    let before_year = year.is_some_and(|year| YEARS.contains(&year));
    at > 0 && !before_is_number && !before_year
}

fn is_sound(tokens: &Tokens<'_>, at: usize) -> bool {
    tokens.list.get(at).is_some_and(|token| {
        let text = token.folded.trim_end_matches(|letter: char| letter.is_ascii_digit());
        matches!(
            text,
            "aac"
                | "ac"
                | "eac"
                | "dd"
                | "ddp"
                | "dts"
                | "hd"
                | "ma"
                | "atmos"
                | "truehd"
                | "flac"
                | "opus"
                | "dolbyd"
                | "master"
                | "hr"
                | "hra"
                | "pcm"
                | "lpcm"
                | "x"
        )
    })
}
