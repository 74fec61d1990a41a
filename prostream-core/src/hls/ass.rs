//! Advanced SubStation Alpha, and SubStation Alpha before it, as Matroska keeps them: one event a block, its times those of the block, the
//! script's info and styles in the header of the track. Pure.
//!
//! Sources: Matroska, "Subtitles", SSA/ASS; the tag list of Aegisub; libass for what they leave open.

use std::fmt::Write;

use super::webvtt::{CueBody, FACE_BOLD, FACE_ITALIC, FACE_UNDERLINED, escape, place_settings, switch_face};

/// Most of a header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Most styles that are kept of a header; more are taken for the first.
const MAX_STYLES: usize = 1000;
/// Fields of an event in Matroska: ReadOrder, Layer, Style, Name, MarginL, MarginR, MarginV, Effect, Text.
const FIELD_COUNT: usize = 9;
/// `PlayResY` of a script that does not say.
const DEFAULT_HEIGHT: f32 = 288.0;
/// Below in the middle, on a number pad.
const DEFAULT_PLACE: u8 = 2;
/// A weight of a font from which on it is bold.
const BOLD_WEIGHT: u32 = 600;

/// What the lines of a script need of its header.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Script {
    /// In order of the header; the first is what lines without a known style get.
    styles: Vec<(String, Style)>,
    /// `PlayResY`: what positions count in.
    height: Option<f32>,
}

/// What is kept of a style.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Style {
    /// As [`FACE_BOLD`] and its like.
    face: u8,
    /// 1 to 9, as on a number pad.
    place: u8,
}

impl Default for Style {
    fn default() -> Self {
        Self { face: 0, place: DEFAULT_PLACE }
    }
}

/// Which columns of a `Style:` line hold what.
#[derive(Clone, Copy, Debug)]
struct Columns {
    name: usize,
    bold: usize,
    italic: usize,
    /// SSA has none.
    underline: Option<usize>,
    alignment: usize,
}

impl Columns {
    /// Where the section has no `Format:` line.
    const ASS: Self = Self { name: 0, bold: 7, italic: 8, underline: Some(9), alignment: 18 };
    const SSA: Self = Self { name: 0, bold: 7, italic: 8, underline: None, alignment: 12 };

    fn read(format: &str) -> Option<Self> {
        let find = |wanted: &str| format.split(',').position(|column| column.trim().eq_ignore_ascii_case(wanted));
        Some(Self {
            name: find("Name")?,
            bold: find("Bold")?,
            italic: find("Italic")?,
            underline: find("Underline"),
            alignment: find("Alignment")?,
        })
    }
}

impl Script {
    /// Reads the header of a track. No bytes are an error: what cannot be understood is left out.
    pub(super) fn parse(header: &[u8]) -> Self {
        let header = header.get(..MAX_HEADER_BYTES).unwrap_or(header);
        let text = String::from_utf8_lossy(header);
        let mut script = Self::default();
        let mut columns = None;
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
            if line.starts_with('[') {
                columns = match line.to_ascii_lowercase().as_str() {
                    "[v4+ styles]" | "[v4++ styles]" => Some((Columns::ASS, false)),
                    "[v4 styles]" => Some((Columns::SSA, true)),
                    _ => None,
                };
                continue;
            }
            let Some((key, value)) = line.split_once(':') else { continue };
            match (key.trim(), &mut columns) {
                ("Format", Some((columns, _))) => *columns = Columns::read(value).unwrap_or(*columns),
                ("Style", Some((columns, is_ssa))) if script.styles.len() < MAX_STYLES => {
                    script.styles.extend(read_style(value, *columns, *is_ssa));
                }
                ("PlayResY", None) => script.height = value.trim().parse().ok().filter(|height| *height > 0.0),
                _ => {}
            }
        }
        script
    }

    /// The style of this name; for an unknown one, that called `Default`, else the first.
    fn style(&self, name: &str) -> Style {
        let name = name.trim().trim_start_matches('*');
        let find = |wanted: &str| self.styles.iter().find(|(known, _)| known == wanted);
        let found = find(name).or_else(|| find("Default")).or_else(|| self.styles.first());
        found.map_or_else(Style::default, |(_, style)| *style)
    }

    /// The event of a block as a cue. Empty text for an event that shows none, such as a drawing.
    pub(super) fn read(&self, sample: &[u8]) -> CueBody {
        let sample = String::from_utf8_lossy(sample);
        let Some(event) = Event::parse(&sample) else { return CueBody::default() };
        let style = self.style(event.style);
        let mut reader = Reader { script: self, style, state: State::of(style), out: String::new(), open: 0 };
        let (mut place, mut vertical, mut is_smart_wrap) = (None, None, false);
        let mut rest = event.text;
        // Looked for once: text full of braces that nobody closes is not searched again for each.
        let mut has_end = true;
        while let Some(letter) = rest.chars().next() {
            let after = rest.get(letter.len_utf8()..).unwrap_or_default();
            rest = after;
            match letter {
                '{' if has_end => match after.split_once('}') {
                    Some((block, behind)) => {
                        rest = behind;
                        for tag in Tags(block) {
                            match reader.apply(tag) {
                                // The first of a line rules.
                                Effect::Place(number) => place = place.or(Some(number)),
                                Effect::Vertical(y) => vertical = vertical.or(Some(y)),
                                Effect::Wrap(style) => is_smart_wrap = style != 2,
                                Effect::None => {}
                            }
                        }
                    }
                    None => {
                        has_end = false;
                        reader.push('{');
                    }
                },
                '\\' => {
                    let (shown, skip) = match after.chars().next() {
                        Some('N') => ('\n', 1),
                        Some('n') if is_smart_wrap => (' ', 1),
                        Some('n') => ('\n', 1),
                        Some('h') => ('\u{a0}', 1),
                        Some(brace @ ('{' | '}')) => (brace, 1),
                        _ => ('\\', 0),
                    };
                    reader.push(shown);
                    rest = after.get(skip..).unwrap_or_default();
                }
                _ => reader.push(letter),
            }
        }
        switch_face(&mut reader.out, reader.open, 0);
        let place = place.unwrap_or(style.place);
        let place = vertical.map_or(place, |y| self.row_of(y).saturating_add(place.saturating_sub(1) % 3));
        CueBody { settings: place_settings(place), text: reader.out }
    }

    /// The left place of the row that a vertical position lies in: 1 below, 4 in the middle, 7 above.
    fn row_of(&self, y: f32) -> u8 {
        match y / self.height.unwrap_or(DEFAULT_HEIGHT) {
            share if share < 0.34 => 7,
            share if share < 0.66 => 4,
            _ => 1,
        }
    }
}

fn read_style(value: &str, columns: Columns, is_ssa: bool) -> Option<(String, Style)> {
    let field = |at: usize| value.split(',').nth(at).map(str::trim);
    let is_set = |at: usize| field(at).and_then(|value| value.parse::<i32>().ok()).is_some_and(|value| value != 0);
    let alignment = field(columns.alignment)?.parse::<u8>().ok();
    let place = if is_ssa { alignment.and_then(from_old_alignment) } else { alignment };
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let face = bit(is_set(columns.bold), FACE_BOLD)
        | bit(is_set(columns.italic), FACE_ITALIC)
        | bit(columns.underline.is_some_and(is_set), FACE_UNDERLINED);
    let place = place.filter(|place| (1..=9).contains(place)).unwrap_or(DEFAULT_PLACE);
    Some((field(columns.name)?.trim_start_matches('*').to_owned(), Style { face, place }))
}

/// Alignment as SSA counts it (also `\a`): 1 to 3 below, 5 to 7 above, 9 to 11 in the middle.
fn from_old_alignment(number: u8) -> Option<u8> {
    match number {
        1..=3 => Some(number),
        5..=7 => number.checked_add(2),
        9..=11 => number.checked_sub(5),
        _ => None,
    }
}

/// An event in a block.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event<'a> {
    /// Where it stood in the script, which need not be in order of its times.
    read_order: u64,
    layer: &'a str,
    style: &'a str,
    /// Name, MarginL, MarginR, MarginV, Effect, Text: as they stand in a script, too.
    rest: &'a str,
    text: &'a str,
}

impl<'a> Event<'a> {
    fn parse(sample: &'a str) -> Option<Self> {
        let mut fields = sample.splitn(FIELD_COUNT, ',');
        let (read_order, layer, style) = (fields.next()?, fields.next()?, fields.next()?);
        let text = fields.nth(5)?;
        let rest = sample.splitn(4, ',').nth(3)?;
        Some(Self { read_order: read_order.trim().parse().unwrap_or(0), layer, style, rest, text })
    }
}

/// Where the event of a block stood in its script.
pub(super) fn read_order(sample: &[u8]) -> u64 {
    let number = sample.split(|byte| *byte == b',').next().unwrap_or_default();
    std::str::from_utf8(number).ok().and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// What a tag asks for beside the look of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    None,
    /// 1 to 9.
    Place(u8),
    /// A position, in units of the script.
    Vertical(f32),
    /// `\q`: 2 breaks at `\n` too.
    Wrap(u8),
}

/// How text is shown from here on.
#[derive(Clone, Copy, Debug)]
struct State {
    face: u8,
    /// `\p`: what follows is a drawing.
    is_drawing: bool,
    /// `\alpha&HFF&`: what follows cannot be seen.
    is_invisible: bool,
}

impl State {
    fn of(style: Style) -> Self {
        Self { face: style.face, is_drawing: false, is_invisible: false }
    }
}

struct Reader<'a> {
    script: &'a Script,
    style: Style,
    state: State,
    out: String,
    /// The face whose tags are open.
    open: u8,
}

impl Reader<'_> {
    fn push(&mut self, letter: char) {
        if self.state.is_drawing || (self.state.is_invisible && letter != '\n') {
            return;
        }
        // What ends, ends before a space; what begins, begins behind it.
        let face = if letter.is_whitespace() { self.open & self.state.face } else { self.state.face };
        switch_face(&mut self.out, self.open, face);
        self.open = face;
        escape(&mut self.out, letter);
    }

    fn apply(&mut self, tag: &str) -> Effect {
        if let Some(name) = tag.strip_prefix('r') {
            let style = if name.trim().is_empty() { self.style } else { self.script.style(name) };
            self.state = State { is_drawing: self.state.is_drawing, ..State::of(style) };
            return Effect::None;
        }
        let end = tag.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(tag.len());
        let (name, value) = tag.split_at(end);
        let value = value.trim();
        let number = value.parse::<u32>().ok();
        let own_face = self.style.face;
        let bit = match name {
            "b" => Some((FACE_BOLD, number.map(|weight| weight == 1 || weight >= BOLD_WEIGHT))),
            "i" => Some((FACE_ITALIC, number.map(|flag| flag != 0))),
            "u" => Some((FACE_UNDERLINED, number.map(|flag| flag != 0))),
            _ => None,
        };
        if let Some((bit, is_set)) = bit {
            let is_set = is_set.unwrap_or(own_face & bit != 0);
            self.state.face = if is_set { self.state.face | bit } else { self.state.face & !bit };
            return Effect::None;
        }
        let digit = number.and_then(|number| u8::try_from(number).ok());
        match name {
            "p" => self.state.is_drawing = number.is_some_and(|scale| scale > 0),
            "alpha" => self.state.is_invisible = value.trim_matches(['&', 'H', 'h']).eq_ignore_ascii_case("ff"),
            "an" => return digit.filter(|place| (1..=9).contains(place)).map_or(Effect::None, Effect::Place),
            "a" => return digit.and_then(from_old_alignment).map_or(Effect::None, Effect::Place),
            "q" => return digit.map_or(Effect::None, Effect::Wrap),
            "pos" | "move" => {
                let y = value.trim_start_matches('(').split([',', ')']).nth(1).and_then(|y| y.trim().parse().ok());
                return y.filter(|y: &f32| y.is_finite()).map_or(Effect::None, Effect::Vertical);
            }
            _ => {}
        }
        Effect::None
    }
}

/// The tags of an override block, without their backslashes. Those within the brackets of another (`\t(…)`) belong to it; what stands before
/// the first is a comment.
struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (_, tag) = self.0.split_once('\\')?;
        let mut depth = 0usize;
        let end = tag.bytes().position(|byte| {
            match byte {
                b'(' => depth = depth.saturating_add(1),
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            byte == b'\\' && depth == 0
        });
        let (tag, rest) = tag.split_at(end.unwrap_or(tag.len()));
        self.0 = rest;
        Some(tag)
    }
}

/// What every script has, where the header of its track is missing.
const EMPTY_HEADER: &str = "[Script Info]\r\nScriptType: v4.00+\r\n";

/// Puts a script together again: the header of its track, then its events in the order that they had.
///
/// `events`: start and end in milliseconds, and the block.
pub(super) fn write_script(header: &[u8], events: &[(u64, u64, &[u8])]) -> String {
    let header = String::from_utf8_lossy(header);
    let header = header.trim_start_matches('\u{feff}').trim_end_matches(['\0', '\r', '\n', ' ']);
    let lower = header.to_ascii_lowercase();
    let mut out = String::with_capacity(header.len().saturating_add(events.len().saturating_mul(96)));
    out.push_str(if header.is_empty() { EMPTY_HEADER.trim_end() } else { header });
    out.push_str("\r\n");
    // The header ends within the section of events; where it does not, that section begins here.
    let last_section = lower.lines().rfind(|line| line.starts_with('['));
    if last_section.is_none_or(|line| line.trim() != "[events]") {
        let first = if lower.contains("[v4 styles]") { "Marked" } else { "Layer" };
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "\r\n[Events]\r\nFormat: {first}, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
        );
    }
    let mut sorted: Vec<_> =
        events.iter().map(|(start, end, block)| (read_order(block), *start, *end, *block)).collect();
    sorted.sort_by_key(|(order, start, ..)| (*order, *start));
    for (_, start_ms, end_ms, block) in sorted {
        let block = String::from_utf8_lossy(block);
        let Some(event) = Event::parse(&block) else { continue };
        let (layer, style) = (event.layer, event.style);
        let (start, end) = (Clock(start_ms), Clock(end_ms));
        // A line end within an event would begin another.
        let rest = event.rest.trim_end_matches('\0').replace(['\r', '\n'], " ");
        let _ = write!(out, "Dialogue: {layer},{start},{end},{style},{rest}\r\n");
    }
    out
}

/// Milliseconds as a script writes them: hundredths of a second.
struct Clock(u64);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = self.0.saturating_add(5) / 10;
        let (hours, minutes, seconds) = (hundredths / 360_000, hundredths / 6000 % 60, hundredths / 100 % 60);
        write!(f, "{hours}:{minutes:02}:{seconds:02}.{:02}", hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "\u{feff}[Script Info]\r\nScriptType: v4.00+\r\nPlayResY: 1080\r\n\r\n[V4+ Styles]\r\nFormat: Name, \
        Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
        ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\n\
        Style: Default,Arial,48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1\r\n\
        Style: Top,Arial,48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,-1,0,0,100,100,0,0,1,2,2,8,10,10,10,1\r\n\
        Style: Loud,Arial,48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,-1,0,-1,0,100,100,0,0,1,2,2,2,10,10,10,1\r\n\r\n\
        [Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n";

    fn read(style: &str, text: &str) -> String {
        let body = Script::parse(HEADER.as_bytes()).read(format!("0,0,{style},,0,0,0,,{text}").as_bytes());
        if body.settings.is_empty() { body.text } else { format!("{}|{}", body.settings, body.text) }
    }

    /// Goal: what WebVTT can show stays, everything else goes.
    #[test]
    fn overrides_become_markup() {
        for (text, expected) in [
            ("Hello, there & <you>", "Hello, there &amp; &lt;you&gt;"),
            (r"one\Ntwo\nthree\hfour", "one\ntwo\nthree\u{a0}four"),
            (r"{\q0}one\ntwo", "one two"),
            (r"{\i1}up{\i0} down", "<i>up</i> down"),
            (r"{\b1}{\i1}both{\r} plain", "<b><i>both</i></b> plain"),
            (r"{\b700}heavy{\b400} light{\b} own", "<b>heavy</b> light own"),
            (r"{\rLoud}x{\r}y", "<b><u>x</u></b>y"),
            (r"{\an8}up", "line:0|up"),
            (r"{\a6}up", "line:0|up"),
            (r"{\an8\an2}first rules", "line:0|first rules"),
            (r"{\an1}left", "align:start|left"),
            (r"{\pos(960,100)}sign", "line:0|sign"),
            (r"{\an4\pos(960, 540.5)}sign", "line:50% align:start|sign"),
            (r"{\move(1,1000,1,50)}sign", "sign"),
            (r"{\bord2\blur1\be1\fad(1,2)\1c&H0000FF&\fnArial\fs20\k20}la{\k20}la", "lala"),
            (r"{\t(0,500,\b1\fs20)\i1}x", "<i>x</i>"),
            (r"{a note}text{another}", "text"),
            (r"{\p1}m 0 0 l 10 10{\p0}text", "text"),
            (r"{\p1}m 0 0 l 10 10", ""),
            (r"{\alpha&HFF&}gone{\alpha&H00&}there", "there"),
            (r"\{kept\} {open", "{kept} {open"),
            (r"{\an9}{\i1}{\i0}", "line:0 align:end|"),
        ] {
            assert_eq!(read("Default", text), expected, "{text}");
        }
    }

    /// Goal: a line looks and stands as its style says, unless it says otherwise; unknown styles are the default one.
    #[test]
    fn styles_are_honoured() {
        assert_eq!(read("Top", "sung"), "line:0|<i>sung</i>");
        assert_eq!(read("Top", r"{\an2}below{\i0} plain"), "<i>below</i> plain");
        assert_eq!(read("*Loud", "x"), "<b><u>x</u></b>");
        assert_eq!(read("Nobody", "x"), "x");
        let ssa = "[V4 Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, TertiaryColour, BackColour, Bold, Italic, \
                   BorderStyle, Outline, Shadow, Alignment\nStyle: Mid,Arial,20,1,2,3,4,0,0,1,2,2,10\n";
        let body = Script::parse(ssa.as_bytes()).read(b"3,Marked=0,Mid,,0,0,0,,x");
        assert_eq!(body.settings, "line:50%");
        let bare = "[V4+ Styles]\nStyle: Default,Arial,48,1,2,3,4,-1,0,0,0,100,100,0,0,1,2,2,7,10,10,10,1\n";
        assert_eq!(Script::parse(bare.as_bytes()).style(""), Style { face: FACE_BOLD, place: 7 });
        assert_eq!(Script::parse(b"").read(b"0,0,,,0,0,0,,x").text, "x");
    }

    /// Goal: the script is what it was before it was muxed: header, order, every field.
    #[test]
    fn the_script_is_whole_again() {
        let events: [(u64, u64, &[u8]); 3] = [
            (0, 1500, b"1,0,Default,Bob,0,0,0,,Hi, there"),
            (5, 3_600_004, b"0,2,Top,,1,2,3,Banner;1,{\\an8}Sign\n"),
            (10, 20, b"not an event"),
        ];
        let script = write_script(HEADER.as_bytes(), &events);
        let expected = format!(
            "{}Dialogue: 2,0:00:00.01,1:00:00.00,Top,,1,2,3,Banner;1,{{\\an8}}Sign \r\n\
             Dialogue: 0,0:00:00.00,0:00:01.50,Default,Bob,0,0,0,,Hi, there\r\n",
            HEADER.trim_start_matches('\u{feff}')
        );
        assert_eq!(script, expected);
        assert_eq!(write_script(b"", &events).matches("Dialogue:").count(), 2);
        assert!(write_script(b"[V4 Styles]\nStyle: x", &events).contains("\r\nFormat: Marked, Start"));
    }

    proptest! {
        /// Goal: no header and no block panics; text cannot end its cue; tags are balanced.
        #[test]
        fn hostile_scripts_stay_inside_their_cue(
            header in "(\\[V4\\+ Styles\\]\n|\\[Events\\]\n|Format: Name,Bold,Italic,Alignment\n|Style: a,1,1,8\n|PlayResY: 0\n|,|x|\n){0,12}",
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            text in "(\\{|\\}|\\\\|b1|i1|u1|r|p1|an8|pos\\(|,|\\)|N|<|>|&|-->|\n|a|é| ){0,60}",
        ) {
            let script = Script::parse(header.as_bytes());
            for sample in [bytes, format!("0,0,a,,0,0,0,,{text}").into_bytes()] {
                let body = script.read(&sample);
                prop_assert!(!body.text.contains("-->") && !body.settings.contains('\n'));
                for tag in ["b", "i", "u"] {
                    let count = |mark: &str| body.text.matches(&format!("{mark}{tag}>")).count();
                    prop_assert_eq!(count("<"), count("</"));
                }
                let written = write_script(header.as_bytes(), &[(0, 1, &sample)]);
                prop_assert!(written.matches("\nDialogue: ").count() <= 1);
            }
        }
    }
}
