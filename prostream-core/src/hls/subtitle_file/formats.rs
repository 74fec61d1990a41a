//! From the text of a file to its cues. No text is an error: what cannot be understood is left out.

use super::{MAX_CUES, MAX_TIME_MS};
use crate::hls::ass::Script;
use crate::hls::webvtt::{Cue, CueBody, TextReader, without_empty_lines};
use crate::model::TextFormat;

/// Pictures a second where a file counts pictures and nobody knows: those of films.
const USUAL_FRAMES_PER_S: f64 = 24_000.0 / 1_001.0;

/// Pictures a second that are believed.
const FRAME_RATES: std::ops::RangeInclusive<f64> = 1.0..=240.0;

/// Longest that a cue is shown whose end is not told, in milliseconds.
const MAX_OPEN_CUE_MS: u64 = 5_000;

/// Most lines that are looked at to find out what a file is.
const MAX_LOOK_LINES: usize = 100;

/// How many cues back the same line in another layer of a script is looked for.
const MAX_LAYERS: usize = 64;

/// Columns of an event where a script does not say them.
const EVENT_FORMAT: &str = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text";

/// Cue settings of WebVTT that are kept.
const SETTINGS: [&str; 5] = ["vertical:", "line:", "position:", "size:", "align:"];

/// Longest setting, in bytes.
const MAX_SETTING_BYTES: usize = 32;

/// There are more than [`MAX_CUES`].
#[derive(Debug)]
pub(super) struct TooMany;

/// The cues of a file, in the order in which they stand there; none for a format that nobody knows.
pub(super) fn read(text: &str, frames_per_s: Option<f64>) -> Result<Vec<Cue>, TooMany> {
    let mut cues = Cues::default();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let is_section = |line: &str| {
        let line = line.trim().to_ascii_lowercase();
        matches!(line.as_str(), "[script info]" | "[events]" | "[v4 styles]" | "[v4+ styles]")
    };
    if first.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
        read_webvtt(text, &mut cues)?;
    } else if text.lines().take(MAX_LOOK_LINES).any(is_section) {
        read_script(text, &mut cues)?;
    } else if frames(first).is_some() {
        read_microdvd(text, frames_per_s, &mut cues)?;
    } else {
        read_srt(text, &mut cues)?;
    }
    Ok(cues.cues)
}

#[derive(Default)]
struct Cues {
    cues: Vec<Cue>,
}

impl Cues {
    /// Adds what says something for a while.
    fn push(&mut self, start_ms: u64, end_ms: u64, body: CueBody) -> Result<(), TooMany> {
        if start_ms >= end_ms || end_ms > MAX_TIME_MS || body.text.is_empty() {
            return Ok(());
        }
        if self.cues.len() >= MAX_CUES {
            return Err(TooMany);
        }
        self.cues.push(Cue { start_ms, end_ms, body });
        Ok(())
    }
}

/// `1:02:03,456`, `02:03.4`, `00:00:01`: hours may be missing, and thousandths are as many digits as there are.
fn time_ms(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once([',', '.']).unwrap_or((text, ""));
    let number = |digits: &str| -> Option<u64> {
        let is_number = !digits.is_empty() && digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let mut seconds = 0_u64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(number(part.trim())?)?;
    }
    if !(2..=3).contains(&clock.split(':').count()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let thousandths = thousandths
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0'))));
    seconds.checked_mul(1_000)?.checked_add(thousandths).filter(|ms| *ms <= MAX_TIME_MS)
}

/// Start and end of a line of times, and what follows them.
fn times(line: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = line.split_once("-->")?;
    let rest = rest.trim_start();
    let (end, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    Some((time_ms(start.trim())?, time_ms(end.trim())?, rest))
}

/// What one cue says, in the markup of WebVTT.
fn body(reader: &TextReader, text: &str) -> CueBody {
    reader.read(text.as_bytes()).into_iter().next().unwrap_or_default()
}

/// SubRip. Between two lines of times stands the text of a cue, and the number of the next: empty lines are no sign, as some texts have
/// them, and some files none.
fn read_srt(text: &str, cues: &mut Cues) -> Result<(), TooMany> {
    let reader = TextReader::new(TextFormat::Srt, &[]);
    let mut open: Option<(u64, u64)> = None;
    let mut lines: Vec<&str> = Vec::new();
    let is_number = |line: &&str| !line.trim().is_empty() && line.trim().bytes().all(|byte| byte.is_ascii_digit());
    for line in text.lines() {
        let Some((start_ms, end_ms, _)) = times(line) else {
            if open.is_some() {
                lines.push(line);
            }
            continue;
        };
        if lines.last().is_some_and(is_number) {
            lines.pop();
        }
        if let Some((start_ms, end_ms)) = open.replace((start_ms, end_ms)) {
            cues.push(start_ms, end_ms, body(&reader, &lines.join("\n")))?;
        }
        lines.clear();
    }
    match open {
        Some((start_ms, end_ms)) => cues.push(start_ms, end_ms, body(&reader, &lines.join("\n"))),
        None => Ok(()),
    }
}

/// WebVTT: blocks between empty lines, of which those with times are cues.
fn read_webvtt(text: &str, cues: &mut Cues) -> Result<(), TooMany> {
    let reader = TextReader::new(TextFormat::WebVtt, &[]);
    let mut lines = text.lines().skip_while(|line| !line.is_empty()).peekable();
    while lines.peek().is_some() {
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        // Before its times a cue may have a name.
        let found = block.iter().take(2).enumerate().find_map(|(at, line)| times(line).map(|times| (at, times)));
        let Some((at, (start_ms, end_ms, rest))) = found else { continue };
        let text = block.get(at.saturating_add(1)..).unwrap_or_default().join("\n");
        let body = CueBody { settings: settings(rest), ..body(&reader, &text) };
        cues.push(start_ms, end_ms, body)?;
    }
    Ok(())
}

/// The settings of a cue that WebVTT knows; anything else could end its line.
fn settings(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'%' | b'.' | b',' | b'-');
    let is_kept = |setting: &&str| {
        setting.len() <= MAX_SETTING_BYTES
            && setting.bytes().all(is_plain)
            && !setting.contains("--")
            && SETTINGS.iter().any(|known| setting.starts_with(known))
    };
    text.split_ascii_whitespace().filter(is_kept).take(SETTINGS.len()).collect::<Vec<_>>().join(" ")
}

/// SubStation Alpha, as a file: its events name their times, and say in which columns.
fn read_script(text: &str, cues: &mut Cues) -> Result<(), TooMany> {
    let script = Script::parse(text.as_bytes());
    let mut columns = Columns::read(EVENT_FORMAT);
    let mut is_among_events = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with('[') {
            is_among_events = line.trim_end().eq_ignore_ascii_case("[events]");
            continue;
        }
        let Some((key, value)) = line.split_once(':').filter(|_| is_among_events) else { continue };
        match key.trim_end() {
            "Format" => columns = Columns::read(value).or(columns),
            "Dialogue" => {
                let Some((start_ms, end_ms, style, text)) = columns.as_ref().and_then(|columns| columns.event(value))
                else {
                    continue;
                };
                let mut body = script.read(format!("0,0,{style},,0,0,0,,{text}").as_bytes());
                body.text = without_empty_lines(&body.text);
                // Text that lies in several layers, for its border or its shadow, is there once.
                let is_there = |cue: &Cue| cue.start_ms == start_ms && cue.end_ms == end_ms && cue.body == body;
                if !cues.cues.iter().rev().take(MAX_LAYERS).any(is_there) {
                    cues.push(start_ms, end_ms, body)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Which columns of an event hold what; the text is the last, and may have commas.
struct Columns {
    count: usize,
    start: usize,
    end: usize,
    style: Option<usize>,
}

impl Columns {
    fn read(format: &str) -> Option<Self> {
        let find = |wanted: &str| format.split(',').position(|column| column.trim().eq_ignore_ascii_case(wanted));
        let count = format.split(',').count();
        let is_text_last = find("Text").and_then(|at| at.checked_add(1)) == Some(count);
        Some(Self { count, start: find("Start")?, end: find("End")?, style: find("Style") }).filter(|_| is_text_last)
    }

    /// Start, end, style and text of an event.
    fn event<'a>(&self, value: &'a str) -> Option<(u64, u64, &'a str, &'a str)> {
        let fields: Vec<&str> = value.splitn(self.count, ',').collect();
        let field = |at: usize| fields.get(at).map(|field| field.trim());
        let text = fields.get(self.count.checked_sub(1)?)?;
        Some((time_ms(field(self.start)?)?, time_ms(field(self.end)?)?, self.style.and_then(field).unwrap_or(""), text))
    }
}

/// First and last picture of a line of MicroDVD, and what follows: `{10}{25}text`.
fn frames(line: &str) -> Option<(u64, Option<u64>, &str)> {
    let (start, rest) = line.trim_start().strip_prefix('{')?.split_once('}')?;
    let (end, rest) = rest.strip_prefix('{')?.split_once('}')?;
    let number = |digits: &str| -> Option<u64> {
        let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let end = if end.is_empty() { None } else { Some(number(end)?) };
    Some((number(start)?, end, rest))
}

/// MicroDVD counts pictures: its first line may say how many there are in a second.
fn read_microdvd(text: &str, frames_per_s: Option<f64>, cues: &mut Cues) -> Result<(), TooMany> {
    let reader = TextReader::new(TextFormat::Srt, &[]);
    let mut lines = text.lines().filter_map(frames).peekable();
    let told = lines.peek().filter(|(start, ..)| *start <= 1).and_then(|(_, _, text)| text.trim().parse::<f64>().ok());
    let rate = [told, frames_per_s].into_iter().flatten().find(|rate| FRAME_RATES.contains(rate));
    let rate = rate.unwrap_or(USUAL_FRAMES_PER_S);
    if told.is_some() {
        lines.next();
    }
    // Nine digits of pictures at one a second are no overflow.
    let ms = |frame: u64| (frame as f64 * 1_000.0 / rate).round() as u64;
    while let Some((start, end, text)) = lines.next() {
        let start_ms = ms(start);
        let end_ms = end.map(ms).unwrap_or_else(|| {
            let next_ms = lines.peek().map(|(next, ..)| ms(*next)).filter(|next_ms| *next_ms > start_ms);
            let latest_ms = start_ms.saturating_add(MAX_OPEN_CUE_MS);
            next_ms.map_or(latest_ms, |next_ms| next_ms.min(latest_ms))
        });
        let lines: Vec<String> = text.split('|').map(plain_microdvd).collect();
        cues.push(start_ms, end_ms, body(&reader, &lines.join("\n")))?;
    }
    Ok(())
}

/// A line without its codes (`{y:i}`, `{c:$0000ff}`); of them, that for italics is kept.
fn plain_microdvd(line: &str) -> String {
    let mut rest = line.trim_start();
    let mut is_italic = false;
    while let Some((code, behind)) = rest.strip_prefix('{').and_then(|code| code.split_once('}')) {
        let Some((name, value)) = code.split_once(':') else { break };
        is_italic |= name.eq_ignore_ascii_case("y") && value.contains('i');
        rest = behind;
    }
    let rest = rest.strip_prefix('/').inspect(|_| is_italic = true).unwrap_or(rest);
    if is_italic { format!("<i>{rest}</i>") } else { rest.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str, frames_per_s: Option<f64>) -> Vec<(u64, u64, String)> {
        let cues = read(text, frames_per_s).unwrap();
        let told = |cue: Cue| match cue.body.settings.is_empty() {
            true => (cue.start_ms, cue.end_ms, cue.body.text),
            false => (cue.start_ms, cue.end_ms, format!("{}|{}", cue.body.settings, cue.body.text)),
        };
        cues.into_iter().map(told).collect()
    }

    fn cue(start_ms: u64, end_ms: u64, text: &str) -> (u64, u64, String) {
        (start_ms, end_ms, text.to_owned())
    }

    /// Goal: times are read in all the ways in which they are written; what is none is none.
    #[test]
    fn times_are_read_in_their_forms() {
        for (text, ms) in [
            ("00:00:01,000", 1_000),
            ("1:02:03.456", 3_723_456),
            ("02:03,4", 123_400),
            ("00:00:01", 1_000),
            ("0:00:01.25", 1_250),
            ("00:00:01,2345", 1_234),
            ("00: 00: 01,5", 1_500),
            ("100:00:00,000", MAX_TIME_MS),
        ] {
            assert_eq!(time_ms(text), Some(ms), "{text}");
        }
        for wrong in
            ["", "1", "1,5", "a:b", ":", "1:", "-1:00", "00:00:00:01", "100:00:00,001", "9999999:00", "00:01,x", "٠:١"]
        {
            assert_eq!(time_ms(wrong), None, "{wrong}");
        }
    }

    /// Goal: SubRip as it is found: without numbers, with empty lines in texts or none between cues, with places, texts that are numbers.
    #[test]
    fn srt_is_read_as_it_is_found() {
        let text = "junk\n\n7\n00:00:01,000 --> 00:00:02,000 X1:1 X2:2\n1984\n\nwas a year\n8\n0:00:03.0-->0:00:04\n{\\an8}up\n\n\n\
                    00:00:05,000 --> 00:00:06,000\n42\n\n9\n00:00:08,000 --> 00:00:07,000\nbackwards\n\n10\n00:00:09,000 --> x\nno time\n\
                    \n11\n00:00:10,000 --> 00:00:11,000\n\n12\n00:00:12,000 --> 00:00:13,000\nlast";
        let expected = [
            cue(1_000, 2_000, "1984\nwas a year"),
            cue(3_000, 4_000, "line:0|up"),
            cue(5_000, 6_000, "42"),
            cue(12_000, 13_000, "last"),
        ];
        assert_eq!(read_all(text, None), expected);
    }

    /// Goal: WebVTT keeps its settings as far as they are some; notes, styles and regions are no cues.
    #[test]
    fn webvtt_keeps_its_settings() {
        let text = "WEBVTT - a title\nKind: captions\n\nREGION\nid:a\n\nNOTE\nnothing\n\nname\n00:01.000 --> 00:02.000 align:start line:0 region:a \
                    position:50%,center size:\u{7}\n<v Ann>a & b</v>\n\n\n\n00:03.000 --> 00:04.000\nx\n00:05.000 --> 00:06.000\n";
        let expected = [
            cue(1_000, 2_000, "align:start line:0 position:50%,center|<v Ann>a &amp; b</v>"),
            cue(3_000, 4_000, "x\n00:05.000 --&gt; 00:06.000"),
        ];
        assert_eq!(read_all(text, None), expected);
        assert!(read_all("WEBVTTX\n\n00:01.000 -> 00:02.000\nx\n", None).is_empty());
    }

    /// Goal: columns stand where a script says; styles count; what is no event is left out.
    #[test]
    fn scripts_are_read_by_their_columns() {
        let text = "; a note\n[Script Info]\n[V4 Styles]\nFormat: Name, Bold, Italic, Alignment\nStyle: Top,0,-1,6\n[Fonts]\nDialogue: 0,0:00:01.00,0:00:02.00,no\n\
                    [Events]\nFormat: Start, End, Style, Text\nDialogue: 0:00:01.00,0:00:02.00,Top,a, b\nDialogue: soon,0:00:02.00,Top,x\n\
                    Dialogue: 0:00:03.00\nFormat: Text, Start, End\nDialogue: 0:00:05.00,0:00:06.00,,{\\p1}m 0 0{\\p0}\\N\\Nc\n";
        let expected = [cue(1_000, 2_000, "line:0|<i>a, b</i>"), cue(5_000, 6_000, "line:0|<i>c</i>")];
        assert_eq!(read_all(text, None), expected);
    }

    /// Goal: pictures become times by the rate that the file says, else by that of the film, else by that of films.
    #[test]
    fn microdvd_counts_pictures() {
        let text =
            "{0}{0}25\n{25}{50}{c:$ff}one|/two\n{100}{}open\n{125}{150}{not a code}\nno line\n{9999999999}{1}x\n";
        let expected =
            [cue(1_000, 2_000, "one\n<i>two</i>"), cue(4_000, 5_000, "open"), cue(5_000, 6_000, "{not a code}")];
        assert_eq!(read_all(text, Some(10.0)), expected);
        assert_eq!(read_all("{100}{200}x", Some(25.0)), [cue(4_000, 8_000, "x")]);
        assert_eq!(read_all("{24}{}x", Some(f64::NAN)), [cue(1_001, 6_001, "x")]);
    }
}
