//! Subtitle files from outside, whatever their format and letters, as one WebVTT file. Pure.
//!
//! `letters` finds out how a file is written, `formats` reads the cues of SubRip, WebVTT, SubStation Alpha and MicroDVD; what a cue says is
//! read by the same code as that of the tracks in a film.

mod formats;
mod letters;

use super::webvtt::{self, Cue};
use crate::model::Language;
use crate::{Error, ErrorKind, Result};

/// Largest file that is read, in bytes; what is written is never larger, so that it can be read again.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// Most cues of a file: ten times those of a long film in which everybody talks.
pub const MAX_CUES: usize = 20_000;

/// Latest time of a cue, in milliseconds: 100 hours.
pub const MAX_TIME_MS: u64 = 100 * 3_600_000;

/// Furthest that cues are shifted, in milliseconds either way: a day.
pub const MAX_SHIFT_MS: i64 = 24 * 3_600_000;

const OPERATION: &str = "read subtitle file";

/// What is known of a subtitle file beside its bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileHints {
    /// Its language: tells which letters a file has that is not written in Unicode.
    pub language: Option<Language>,
    /// Pictures a second of the film that it was made for, for files that count pictures and do not say themselves.
    pub frames_per_s: Option<f64>,
}

/// A subtitle file as WebVTT, its cues in order of their start and `shift_ms` later; at most [`MAX_SHIFT_MS`] either way.
///
/// A cue that would begin before 0 begins there, one that would end there is left out. What is made of a file is read as itself, so a
/// shifted file can be made of it.
///
/// ```
/// use prostream_core::hls::subtitle_file::{FileHints, to_webvtt};
/// let srt = b"1\r\n00:00:01,500 --> 00:00:03,000\r\nTom & <i>Ann</i>\r\n";
/// let text = to_webvtt(srt, &FileHints::default(), -500).unwrap();
/// assert_eq!(text, "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nTom &amp; <i>Ann</i>\n");
/// ```
///
/// # Errors
/// `Unsupported` for a file of no known format or without any cue; `LimitExceeded` beyond [`MAX_FILE_BYTES`] read or written, or [`MAX_CUES`].
pub fn to_webvtt(bytes: &[u8], hints: &FileHints, shift_ms: i64) -> Result<String> {
    let too_much = |detail: &'static str| Error::new(ErrorKind::LimitExceeded, OPERATION).detail(detail);
    if bytes.len() > MAX_FILE_BYTES {
        return Err(too_much("the file is too large"));
    }
    let text = letters::read(bytes, hints.language.as_ref());
    let mut cues = formats::read(&text, hints.frames_per_s).map_err(|_| too_much("the file has too many cues"))?;
    if cues.is_empty() {
        return Err(Error::new(ErrorKind::Unsupported, OPERATION)
            .detail("no cue of a format that is known")
            .advise("choose another subtitle"));
    }
    cues.sort_by_key(|cue| cue.start_ms);
    let shift_ms = shift_ms.clamp(-MAX_SHIFT_MS, MAX_SHIFT_MS);
    let text = webvtt::write_file(cues.iter().filter_map(|cue| shifted(cue, shift_ms)));
    if text.len() > MAX_FILE_BYTES {
        return Err(too_much("the text is too long"));
    }
    Ok(text)
}

/// The cue at its shifted time; `None` when nothing of it is left.
fn shifted(cue: &Cue, shift_ms: i64) -> Option<Cue> {
    let shift = |ms: u64| ms.saturating_add_signed(shift_ms).min(MAX_TIME_MS);
    let (start_ms, end_ms) = (shift(cue.start_ms), shift(cue.end_ms));
    (start_ms < end_ms).then(|| Cue { start_ms, end_ms, body: cue.body.clone() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn convert(text: &str) -> String {
        to_webvtt(text.as_bytes(), &FileHints::default(), 0).unwrap()
    }

    fn kind(bytes: &[u8]) -> ErrorKind {
        to_webvtt(bytes, &FileHints::default(), 0).unwrap_err().kind()
    }

    /// Goal: every format comes out as the same WebVTT.
    #[test]
    fn every_format_says_the_same() {
        let expected =
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<i>one</i>\ntwo\n\n00:00:03.000 --> 00:00:04.000\nthree\n";
        let srt = "1\n00:00:01,000 --> 00:00:02,500\n<i>one</i>\ntwo\n\n2\n00:00:03,000 --> 00:00:04,000\nthree\n";
        let vtt = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nNOTE a --> b\n\nfirst\n00:01.000 --> 00:02.500\n<i>one</i>\ntwo\n\n\
                   00:00:03.000 --> 00:00:04.000\nthree\n";
        let ass = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Bold, Italic, Alignment\nStyle: Default,0,0,2\n\n\
                   [Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n\
                   Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,three\n\
                   Comment: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,nobody sees this\n\
                   Dialogue: 1,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\i1}one{\\i0}\\Ntwo\n\
                   Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\i1}one{\\i0}\\Ntwo\n";
        let sub = "{1}{1}10\n{10}{25}{y:i}one|two\n{30}{40}three\n";
        for text in [srt, vtt, ass, sub] {
            assert_eq!(convert(text), expected, "{text}");
            assert_eq!(convert(&text.replace('\n', "\r\n")), expected, "{text}");
            assert_eq!(convert(&text.replace('\n', "\r")), expected, "{text}");
            assert_eq!(convert(&format!("\u{feff}{text}")), expected, "{text}");
        }
        assert_eq!(convert(expected), expected, "what is written is read as itself");
    }

    /// Goal: cues move as one; what lies before the beginning is cut, and gone when nothing is left; a shift back and forth is none.
    #[test]
    fn cues_are_shifted_and_cut() {
        let srt = b"1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:00:01,500 --> 00:00:04,000\nb\n";
        let shifted = |by| to_webvtt(srt, &FileHints::default(), by).unwrap();
        assert_eq!(shifted(250), "WEBVTT\n\n00:00:01.250 --> 00:00:02.250\na\n\n00:00:01.750 --> 00:00:04.250\nb\n");
        assert_eq!(shifted(-1_600), "WEBVTT\n\n00:00:00.000 --> 00:00:00.400\na\n\n00:00:00.000 --> 00:00:02.400\nb\n");
        assert_eq!(shifted(-2_000), "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nb\n");
        assert_eq!(shifted(-4_000), "WEBVTT\n");
        let far = shifted(i64::MAX);
        assert_eq!(far, shifted(MAX_SHIFT_MS));
        assert!(far.contains("24:00:01.000 --> 24:00:02.000"), "{far}");
        assert_eq!(shifted(i64::MIN), "WEBVTT\n");
        let there = shifted(5_000);
        assert_eq!(to_webvtt(there.as_bytes(), &FileHints::default(), -5_000).unwrap(), shifted(0));
    }

    /// Goal: what is no subtitle is told as such, and what is too much of one is refused.
    #[test]
    fn limits_are_kept() {
        for nothing in
            [&b""[..], b"WEBVTT", b"Just a text.", b"<html><body>No</body></html>", b"\0\x01\x02\xff", b"PK\x03\x04"]
        {
            assert_eq!(kind(nothing), ErrorKind::Unsupported, "{nothing:?}");
        }
        assert_eq!(kind(&vec![b'a'; MAX_FILE_BYTES + 1]), ErrorKind::LimitExceeded);
        let cues = |count: usize| "00:00:01,000 --> 00:00:02,000\na\n\n".repeat(count);
        assert!(convert(&cues(MAX_CUES)).len() < MAX_FILE_BYTES);
        assert_eq!(kind(cues(MAX_CUES + 1).as_bytes()), ErrorKind::LimitExceeded);
        // Letters that grow when they are written.
        let loud = format!("00:00:01,000 --> 00:00:02,000\n{}\n\n", "&".repeat(60_000)).repeat(20);
        assert_eq!(kind(loud.as_bytes()), ErrorKind::LimitExceeded);
    }

    proptest! {
        /// Goal: no bytes panic; what comes out is WebVTT that is read as itself.
        #[test]
        fn anything_becomes_webvtt_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            text in "(WEBVTT|\n|\n\n|00:00:01,000|00:00:02.5| --> |-->|[Events]\n|Dialogue: 0,0:00:01.00,0:00:02.00,a,,0,0,0,,|\\{1\\}|\\{30\\}|y:i|NOTE|STYLE|line:0|align:start|<i>|&|<|x|é|\\||\\\\N| ){0,40}",
            shift in -5_000_i64..5_000,
        ) {
            for bytes in [bytes, text.into_bytes()] {
                if let Ok(text) = to_webvtt(&bytes, &FileHints::default(), shift) {
                    prop_assert!(text.starts_with("WEBVTT\n") && !text.contains('\r'));
                    if text.contains("-->") {
                        let again = to_webvtt(text.as_bytes(), &FileHints::default(), 0).unwrap();
                        prop_assert_eq!(again, text);
                    }
                }
            }
        }
    }
}
