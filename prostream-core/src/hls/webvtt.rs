//! WebVTT segments from subtitle packets. Pure.
//!
//! Sources: WebVTT (W3C), RFC 8216 section 3.5 (`X-TIMESTAMP-MAP`), 3GPP TS 26.245 (`tx3g`), ISO/IEC 14496-30 (`wvtt`).

use std::fmt::Write;

use super::ass;
use crate::model::{Codec, TextFormat, TrackInfo};

/// What every segment begins with: media time 0 is cue time 0, as the fragments of the other renditions begin at 0 (PACKAGING 2).
pub const HEADER: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";
/// Most bytes of one cue that are looked at; the rest is left out.
pub const MAX_CUE_BYTES: usize = 64 * 1024;
/// Longest markup in SubRip text that is taken for a tag.
const MAX_TAG_BYTES: usize = 256;

/// A text that is shown for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// When it appears, in milliseconds of the times of the media segments.
    pub start_ms: u64,
    /// When it goes, in milliseconds of the times of the media segments.
    pub end_ms: u64,
    /// What it says and where.
    pub body: CueBody,
}

/// What a cue says and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CueBody {
    /// Cue settings of WebVTT, such as `line:0`; mostly empty.
    pub settings: String,
    /// Text with the markup of WebVTT; no empty line in it.
    pub text: String,
}

/// The cues of one sample, in the markup of WebVTT. Empty when the sample says nothing, as those that fill the gaps in MP4 do.
///
/// No bytes are an error: what cannot be understood is left out.
#[must_use]
pub fn read_sample(format: TextFormat, sample: &[u8]) -> Vec<CueBody> {
    TextReader::new(format, &[]).read(sample)
}

/// Reads the samples of one track.
#[derive(Clone, Debug)]
pub struct TextReader {
    format: TextFormat,
    /// Styles of ASS.
    script: ass::Script,
}

impl TextReader {
    /// A reader for samples of this format; `header` is what the track says before its first line ([`TrackInfo::text_header`]).
    #[must_use]
    pub fn new(format: TextFormat, header: &[u8]) -> Self {
        let script = if format == TextFormat::Ass { ass::Script::parse(header) } else { ass::Script::default() };
        Self { format, script }
    }

    /// A reader for the samples of a text track.
    #[must_use]
    pub fn of_track(track: &TrackInfo) -> Self {
        let format = match track.codec {
            Codec::Text(format) => format,
            _ => TextFormat::Srt,
        };
        Self::new(format, track.text_header())
    }

    /// The cues of one sample, as [`read_sample`].
    #[must_use]
    pub fn read(&self, sample: &[u8]) -> Vec<CueBody> {
        let sample = sample.get(..MAX_CUE_BYTES).unwrap_or(sample);
        let mut bodies = match self.format {
            TextFormat::Srt => vec![from_srt(&String::from_utf8_lossy(sample))],
            TextFormat::Tx3g => vec![from_tx3g(sample)],
            TextFormat::Ass => vec![self.script.read(sample)],
            TextFormat::WebVtt if is_boxed_webvtt(sample) => from_boxed_webvtt(sample),
            TextFormat::WebVtt => {
                vec![CueBody { settings: String::new(), text: clean_webvtt(&String::from_utf8_lossy(sample)) }]
            }
        };
        for body in &mut bodies {
            body.text = without_empty_lines(&body.text);
        }
        bodies.retain(|body| !body.text.is_empty());
        bodies
    }

    /// Where a sample stood among those of the same time: ASS numbers its events, all others stand as they come.
    pub(super) fn order(&self, sample: &[u8]) -> u64 {
        if self.format == TextFormat::Ass { ass::read_order(sample) } else { 0 }
    }
}

/// Writes the segment that shows `from_ms..to_ms`: every cue that overlaps it, with its full times, so that a cue over a boundary stands
/// in both segments.
#[must_use]
pub fn write_segment<'a>(cues: impl IntoIterator<Item = &'a Cue>, from_ms: u64, to_ms: u64) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(HEADER);
    for cue in cues.into_iter().filter(|cue| cue.start_ms < to_ms && from_ms < cue.end_ms) {
        write_cue(&mut out, cue);
    }
    out
}

/// Writes a whole file for players that load subtitles beside a film: its times are those of the player's clock.
pub(super) fn write_file(cues: impl IntoIterator<Item = Cue>) -> String {
    let mut out = String::from("WEBVTT\n");
    for cue in cues {
        write_cue(&mut out, &cue);
    }
    out
}

fn write_cue(out: &mut String, cue: &Cue) {
    out.push('\n');
    write_time(out, cue.start_ms);
    out.push_str(" --> ");
    write_time(out, cue.end_ms);
    if !cue.body.settings.is_empty() {
        out.push(' ');
        out.push_str(&cue.body.settings);
    }
    out.push('\n');
    out.push_str(&cue.body.text);
    out.push('\n');
}

pub(super) fn write_time(out: &mut String, ms: u64) {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    // Writing to a string does not fail.
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000);
}

/// An empty line ends a cue, so there is none inside.
pub(super) fn without_empty_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

pub(super) fn escape(out: &mut String, letter: char) {
    match letter {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\0' => out.push('\u{fffd}'),
        _ => out.push(letter),
    }
}

/// SubRip: `<b>`, `<i>` and `<u>` stay, other tags go, and of the override codes of ASS, which many files carry, position, bold and italic.
fn from_srt(source: &str) -> CueBody {
    let mut body = CueBody::default();
    let mut rest = source.trim_start_matches('\u{feff}');
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        let skipped = match letter {
            '<' => read_tag(after).inspect(|(tag, _)| body.text.push_str(tag)).map(|(_, rest)| rest),
            '{' => read_override(after, &mut body),
            '&' => read_entity(after).inspect(|(entity, _)| body.text.push_str(entity)).map(|(_, rest)| rest),
            _ => None,
        };
        rest = skipped.unwrap_or_else(|| {
            escape(&mut body.text, letter);
            after
        });
    }
    body
}

/// A tag whose `<` was read: what becomes of it, and what follows. `None` when it is no tag but text, such as in `1 < 2`.
fn read_tag(after: &str) -> Option<(&'static str, &str)> {
    let end = after.find(['>', '<', '\n']).filter(|&end| end <= MAX_TAG_BYTES)?;
    let (tag, rest) = (after.get(..end)?, after.get(end..)?.strip_prefix('>')?);
    let (is_end, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
    if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    let name = name.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
    let kept = match (name, is_end) {
        ("b" | "B", false) => "<b>",
        ("b" | "B", true) => "</b>",
        ("i" | "I", false) => "<i>",
        ("i" | "I", true) => "</i>",
        ("u" | "U", false) => "<u>",
        ("u" | "U", true) => "</u>",
        _ => "",
    };
    Some((kept, rest))
}

/// Override codes of ASS whose `{` was read; answers what follows.
fn read_override<'a>(after: &'a str, body: &mut CueBody) -> Option<&'a str> {
    let codes = after.strip_prefix('\\')?;
    let end = codes.find(['}', '\n']).filter(|&end| end <= MAX_TAG_BYTES)?;
    let rest = codes.get(end..)?.strip_prefix('}')?;
    for code in codes.get(..end)?.split('\\') {
        match code.trim() {
            "b1" => body.text.push_str("<b>"),
            "b0" => body.text.push_str("</b>"),
            "i1" => body.text.push_str("<i>"),
            "i0" => body.text.push_str("</i>"),
            code => {
                if let Some(place) = code.strip_prefix("an").and_then(|digit| digit.parse::<u8>().ok()) {
                    body.settings = place_settings(place);
                }
            }
        }
    }
    Some(rest)
}

/// The nine places of `\an`, laid out as on a number pad, as cue settings; 2, below in the middle, is where cues stand anyway.
pub(super) fn place_settings(place: u8) -> String {
    let line = match place {
        7..=9 => "line:0",
        4..=6 => "line:50%",
        _ => "",
    };
    let align = match place {
        1 | 4 | 7 => "align:start",
        3 | 6 | 9 => "align:end",
        _ => "",
    };
    [line, align].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A character reference whose `&` was read, if it is one that WebVTT knows: files that were made from web pages have them.
fn read_entity(after: &str) -> Option<(&'static str, &str)> {
    ["&amp;", "&lt;", "&gt;", "&nbsp;", "&lrm;", "&rlm;"]
        .into_iter()
        .find_map(|entity| Some((entity, after.strip_prefix(entity.get(1..)?)?)))
}

/// Text that is WebVTT already: its markup stays; nothing in it may look like the times of a cue, and an `&` begins a character reference.
fn clean_webvtt(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let name = part.split_once(';').map_or("", |(name, _)| name.strip_prefix('#').unwrap_or(name));
        let is_reference = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        out.push_str(if is_reference { "&" } else { "&amp;" });
        out.push_str(part);
    }
    out.replace("-->", "--&gt;").replace('\0', "\u{fffd}")
}

/// 3GPP timed text: a length, the text, and boxes with its styles.
fn from_tx3g(sample: &[u8]) -> CueBody {
    let Some((length, rest)) = sample.split_first_chunk::<2>() else { return CueBody::default() };
    let length = usize::from(u16::from_be_bytes(*length));
    let Some((raw, boxes)) = rest.split_at_checked(length) else { return CueBody::default() };
    let text: String = match raw {
        [0xfe, 0xff, wide @ ..] => {
            let units = wide.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
            char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect()
        }
        _ => String::from_utf8_lossy(raw).into_owned(),
    };
    let styles = read_styles(boxes);
    let mut body = CueBody::default();
    let mut open = 0;
    for (at, letter) in text.chars().enumerate() {
        let face = styles.iter().find(|style| (style.start..style.end).contains(&at)).map_or(0, |style| style.face);
        switch_face(&mut body.text, open, face);
        open = face;
        escape(&mut body.text, letter);
    }
    switch_face(&mut body.text, open, 0);
    body
}

/// A run of characters in one face.
struct Style {
    start: usize,
    end: usize,
    face: u8,
}

/// Most styles of one cue that are followed.
const MAX_STYLES: usize = 64;

fn read_styles(boxes: &[u8]) -> Vec<Style> {
    let mut styles = Vec::new();
    for (_, content) in Boxes(boxes).filter(|(kind, _)| kind == b"styl") {
        for record in content.get(2..).unwrap_or_default().chunks_exact(12) {
            if let [start_high, start_low, end_high, end_low, _, _, face, ..] = *record
                && styles.len() < MAX_STYLES
            {
                let start = usize::from(u16::from_be_bytes([start_high, start_low]));
                let end = usize::from(u16::from_be_bytes([end_high, end_low]));
                styles.push(Style { start, end, face: face & 7 });
            }
        }
    }
    styles
}

/// Bits of a face, as timed text has them.
pub(super) const FACE_BOLD: u8 = 1;
pub(super) const FACE_ITALIC: u8 = 2;
pub(super) const FACE_UNDERLINED: u8 = 4;

/// Closes the tags of one face and opens those of another.
pub(super) fn switch_face(out: &mut String, from: u8, to: u8) {
    if from == to {
        return;
    }
    for (bit, tag) in [(FACE_UNDERLINED, "</u>"), (FACE_ITALIC, "</i>"), (FACE_BOLD, "</b>")] {
        if from & bit != 0 {
            out.push_str(tag);
        }
    }
    for (bit, tag) in [(FACE_BOLD, "<b>"), (FACE_ITALIC, "<i>"), (FACE_UNDERLINED, "<u>")] {
        if to & bit != 0 {
            out.push_str(tag);
        }
    }
}

/// Boxes in a sample: kind and content. Ends at the first that is broken.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let size = u32::from_be_bytes(*self.0.first_chunk()?);
        let (whole, rest) = self.0.split_at_checked(usize::try_from(size).ok()?)?;
        let (head, content) = whole.split_at_checked(8)?;
        self.0 = rest;
        Some((*head.last_chunk()?, content))
    }
}

fn is_boxed_webvtt(sample: &[u8]) -> bool {
    matches!(sample.get(4..8), Some(b"vttc" | b"vtte" | b"vtta"))
}

/// WebVTT in MP4: a `vttc` box for each cue, with its text in `payl` and its settings in `sttg`.
fn from_boxed_webvtt(sample: &[u8]) -> Vec<CueBody> {
    let mut bodies = Vec::new();
    for (_, cue) in Boxes(sample).filter(|(kind, _)| kind == b"vttc") {
        let mut body = CueBody::default();
        for (kind, content) in Boxes(cue) {
            let text = String::from_utf8_lossy(content);
            match &kind {
                b"payl" => body.text = clean_webvtt(&text),
                b"sttg" if !text.contains(|letter: char| letter == '>' || letter.is_control()) => {
                    body.settings = text.trim().to_owned()
                }
                _ => {}
            }
        }
        bodies.push(body);
    }
    bodies
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn srt(text: &str) -> String {
        let bodies = read_sample(TextFormat::Srt, text.as_bytes());
        bodies
            .into_iter()
            .map(|body| if body.settings.is_empty() { body.text } else { format!("{}|{}", body.settings, body.text) })
            .collect()
    }

    fn cue(start_ms: u64, end_ms: u64, text: &str) -> Cue {
        Cue { start_ms, end_ms, body: CueBody { settings: String::new(), text: text.to_owned() } }
    }

    /// Goal: markup that WebVTT has stays, other markup goes, and everything else is text.
    #[test]
    fn srt_becomes_webvtt() {
        assert_eq!(srt("<I>Hello</I> <font color=\"#fff\">there</font>"), "<i>Hello</i> there");
        assert_eq!(srt("1 < 2 && <3 --> x"), "1 &lt; 2 &amp;&amp; &lt;3 --&gt; x");
        assert_eq!(srt("Tom &amp; Jerry"), "Tom &amp; Jerry");
        assert_eq!(srt("one\r\n\r\n \ntwo\n"), "one\ntwo");
        assert_eq!(srt("{\\an8}{\\i1}up{\\i0} {not a code}"), "line:0|<i>up</i> {not a code}");
        assert_eq!(srt("{\\pos(1,2)\\an1}left"), "align:start|left");
        assert_eq!(srt(" \n"), "");
    }

    /// Goal: styles of timed text become tags, wide text is read, empty samples say nothing.
    #[test]
    fn tx3g_becomes_webvtt() {
        let mut sample = b"\x00\x06ab & c".to_vec();
        sample.extend(b"\0\0\0\x16styl\0\x01\0\x01\0\x02\0\x01\x03\x12\xff\xff\xff\xff");
        assert_eq!(read_sample(TextFormat::Tx3g, &sample)[0].text, "a<b><i>b</i></b> &amp; c");
        assert_eq!(read_sample(TextFormat::Tx3g, b"\0\x06\xfe\xff\0h\0\xe9")[0].text, "hé");
        assert!(read_sample(TextFormat::Tx3g, b"\0\0").is_empty());
        assert!(read_sample(TextFormat::Tx3g, b"\xff\xffshort").is_empty());
    }

    /// Goal: WebVTT in boxes gives each of its cues with its settings.
    #[test]
    fn boxed_webvtt_is_unpacked() {
        // Settings are one line: a control character, which no setting has, leaves them out.
        assert_eq!(
            read_sample(TextFormat::WebVtt, b"\0\0\0\x22vttc\0\0\0\x0esttg\0line:\0\0\0\x0cpayl<i>x")[0].settings,
            ""
        );
        let sample = b"\0\0\0\x20vttc\0\0\0\x0esttgline:0\0\0\0\x0apaylhi\0\0\0\x14vttc\0\0\0\x0cpayl<i>x";
        let bodies = read_sample(TextFormat::WebVtt, sample);
        let body = |settings: &str, text: &str| CueBody { settings: settings.to_owned(), text: text.to_owned() };
        assert_eq!(bodies, [body("line:0", "hi"), body("", "<i>x")]);
        let plain = read_sample(TextFormat::WebVtt, b"<v Bob>me & you &lt; --> &#64; AT&T");
        assert_eq!(plain[0].text, "<v Bob>me &amp; you &lt; --&gt; &#64; AT&amp;T");
    }

    /// Goal: a cue stands in every segment it overlaps, with the same times; a segment without cues is still one.
    #[test]
    fn cues_are_repeated_over_boundaries() {
        let cues = [cue(1000, 7_000, "over"), cue(6_000, 6_500, "second"), cue(3_600_000, 3_600_001, "late")];
        let segments = [(0, 6000), (6000, 12_000), (12_000, 18_000)].map(|(from, to)| write_segment(&cues, from, to));
        assert_eq!(segments[0], format!("{HEADER}\n00:00:01.000 --> 00:00:07.000\nover\n"));
        assert!(segments[1].contains("over") && segments[1].contains("second"));
        assert_eq!(segments[2], HEADER);
        assert!(write_segment(&cues, 3_600_000, u64::MAX).contains("01:00:00.000 --> 01:00:00.001\nlate"));
    }

    proptest! {
        /// Goal: no sample panics, and none can end its cue early or smuggle in another.
        #[test]
        fn hostile_samples_stay_inside_their_cue(sample in prop::collection::vec(any::<u8>(), 0..300), text in "(<|>|-->|\\{\\\\an8\\}|&|\n|\r|a| ){0,40}") {
            for format in [TextFormat::Srt, TextFormat::Tx3g, TextFormat::WebVtt, TextFormat::Ass] {
                for body in read_sample(format, &sample).into_iter().chain(read_sample(format, text.as_bytes())) {
                    prop_assert!(!body.text.contains("-->"));
                    prop_assert!(!body.settings.contains('\n'));
                    prop_assert!(body.text.lines().all(|line| !line.trim().is_empty()));
                }
            }
        }
    }
}
