//! The driver: joins what every part of the parser reads in a name into one [`ReleaseName`].

use std::ops::Range;

use super::ReleaseName;
use super::dates::{self, Year};
use super::group;
use super::languages;
use super::marks::{self, Fact, Mark, Strength};
use super::numbering::{self, Numbers};
use super::title::{self, Stretch};
use super::tokens::{Tokens, tokenize};

/// Extensions of videos, each a container.
const VIDEO_EXTENSIONS: &[&str] = &[
    "mkv", "mp4", "m4v", "avi", "mov", "webm", "ts", "m2ts", "mts", "wmv", "mpg", "mpeg", "vob", "flv", "divx", "rmvb",
    "rm", "ogm", "ogv", "3gp", "asf", "iso",
];
/// Extensions of what lies beside videos.
const OTHER_EXTENSIONS: &[&str] = &[
    "srt", "ass", "ssa", "sub", "idx", "vtt", "sup", "nfo", "torrent", "nzb", "rar", "zip", "7z", "txt", "jpg", "mka",
];
/// Extensions of subtitle files.
const SUBTITLE_EXTENSIONS: &[&str] = &["srt", "ass", "ssa", "sub", "idx", "vtt", "sup"];
/// Countries that scene names put behind the title of a series.
const COUNTRIES: &[&str] = &["US", "UK", "AU", "NZ", "CA"];
/// Words for a whole work that never belong to its title; others do: `Lantern Trilogy`.
const WHOLE_WORKS: &[&str] = &["complete", "integrale", "integral", "completa", "completo"];
/// Sources that say more than any other mark: a screen filmed with a camera stays one, whatever else is claimed.
const EARLY_SOURCES: &[&str] = &["CAM", "TeleSync", "TeleCine", "WORKPRINT", "SCR"];

/// Reads a name of at most [`ReleaseName::MAX_BYTES`].
pub(super) fn read(name: &str) -> ReleaseName {
    let Some(path) = split_path(name) else { return read_one(name, 0) };
    let mut out = read_one(path.file, path.file_start);
    if let Some((folder, start)) = path.folder {
        complete_from_folder(&mut out, read_one(folder, start));
    }
    out
}

/// A path in two: the file and the folder around it.
struct Path<'a> {
    file: &'a str,
    file_start: usize,
    folder: Option<(&'a str, usize)>,
}

/// Tells paths from names that hold slashes: a path ends in a file, and its slashes stand without spaces and outside brackets.
fn split_path(name: &str) -> Option<Path<'_>> {
    let at = name.rfind(['/', '\\'])?;
    let (folders, file) = (name.get(..at)?, name.get(at + 1..)?);
    let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())?;
    let known = [VIDEO_EXTENSIONS, OTHER_EXTENSIONS].iter().any(|list| list.contains(&extension.as_str()));
    let opened = folders.matches(['[', '(']).count() > folders.matches([']', ')']).count();
    if !known || opened || file.starts_with(' ') || folders.ends_with(' ') {
        return None;
    }
    let start = folders.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
    let folder = folders.get(start..).filter(|folder| !folder.is_empty()).map(|folder| (folder, start));
    Some(Path { file, file_start: at + 1, folder })
}

/// The folder fills what the file leaves open.
fn complete_from_folder(out: &mut ReleaseName, folder: ReleaseName) {
    let file_is_bare = out.title.is_empty() || out.resolution.is_none() && out.source.is_none() && out.year.is_none();
    let folder_is_release = folder.resolution.is_some() || folder.source.is_some() || folder.year.is_some();
    if out.seasons.is_empty() && folder.seasons.len() == 1 {
        out.seasons = folder.seasons;
    }
    if out.title.is_empty() || file_is_bare && folder_is_release && !folder.title.is_empty() && out.episodes.is_empty()
    {
        out.title = folder.title;
    }
    if out.year.is_none() {
        out.year = folder.year;
    }
    if out.resolution.is_none() {
        out.resolution = folder.resolution;
    }
    if out.source.is_none() {
        out.source = folder.source;
        out.remux |= folder.remux;
    }
    if out.video_codec.is_none() {
        out.video_codec = folder.video_codec;
    }
    if out.group.is_none() {
        out.group = folder.group;
    }
    if out.audio.is_empty() {
        out.audio = folder.audio;
    }
    if out.channels.is_empty() {
        out.channels = folder.channels;
    }
    if out.hdr.is_empty() {
        out.hdr = folder.hdr;
    }
    if out.languages.is_empty() {
        out.languages = folder.languages;
    }
    if out.edition.is_empty() {
        out.edition = folder.edition;
    }
    let mut spans = folder.spans;
    let stated: Vec<&str> = out.spans.iter().map(|(field, _)| *field).collect();
    spans.retain(|(field, _)| !stated.contains(field));
    spans.append(&mut out.spans);
    out.spans = spans;
}

/// Reads a single name that stands `offset` bytes into the whole.
fn read_one(name: &str, offset: usize) -> ReleaseName {
    let (body, extension) = split_extension(name);
    let tokens = tokenize(body);
    let mut reading = Reading::new(body, &tokens, extension.is_some_and(|text| is_video(text)));
    reading.read();
    let Reading { mut out, mut spans, .. } = reading;
    if let Some(text) = extension {
        let start = name.len() - text.len();
        let text = text.to_ascii_lowercase();
        if is_video(&text) {
            out.container = Some(text.clone());
            spans.push(("container", start..name.len()));
        }
        if SUBTITLE_EXTENSIONS.contains(&text.as_str()) {
            out.subtitle_languages = out.languages.clone();
        }
        out.extension = Some(text);
    }
    out.spans = in_order(spans, offset);
    out
}

fn is_video(extension: &str) -> bool {
    VIDEO_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Cuts a known extension off.
fn split_extension(name: &str) -> (&str, Option<&str>) {
    let known = |extension: &str| {
        is_video(extension) || OTHER_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    match name.rsplit_once('.') {
        Some((body, extension)) if known(extension) => (body, Some(extension)),
        _ => (name, None),
    }
}

/// Spans in the order of the name; of two that overlap, the one that begins first stays.
fn in_order(mut spans: Vec<(&'static str, Range<usize>)>, offset: usize) -> Vec<(&'static str, Range<usize>)> {
    spans.retain(|(field, span)| !field.is_empty() && !span.is_empty());
    spans.sort_by_key(|(_, span)| (span.start, span.end));
    let mut end = 0;
    spans.retain(|(_, span)| {
        let free = span.start >= end;
        if free {
            end = span.end;
        }
        free
    });
    for (_, span) in &mut spans {
        *span = span.start + offset..span.end + offset;
    }
    spans
}

/// A name while it is read.
struct Reading<'t, 'a> {
    name: &'a str,
    tokens: &'t Tokens<'a>,
    is_file: bool,
    /// Which tokens state something and are no title.
    covered: Vec<bool>,
    /// Tokens that open the name without being its title: a group or a site in brackets.
    skipped: usize,
    out: ReleaseName,
    spans: Vec<(&'static str, Range<usize>)>,
}

impl<'t, 'a> Reading<'t, 'a> {
    fn new(name: &'a str, tokens: &'t Tokens<'a>, is_file: bool) -> Self {
        let covered = vec![false; tokens.list.len()];
        Self { name, tokens, is_file, covered, skipped: 0, out: ReleaseName::default(), spans: Vec::new() }
    }

    fn cover(&mut self, tokens: Range<usize>) {
        if let Some(covered) = self.covered.get_mut(tokens) {
            covered.fill(true);
        }
    }

    fn is_covered(&self, at: usize) -> bool {
        self.covered.get(at).copied().unwrap_or(true)
    }

    fn text(&self, span: Range<usize>) -> &'a str {
        self.name.get(span).unwrap_or_default()
    }

    fn bytes(&self, tokens: Range<usize>) -> Range<usize> {
        let list = self.tokens.list.get(tokens).unwrap_or_default();
        match (list.first(), list.last()) {
            (Some(first), Some(last)) => first.span.start..last.span.end,
            _ => 0..0,
        }
    }

    fn read(&mut self) {
        self.read_sites();
        let mut found = marks::find_marks(self.tokens);
        found.retain(|mark| !self.is_covered(mark.tokens.start));
        let leading = self.leading_group(&found);
        for mark in &found {
            if mark.strength == Strength::Strong {
                self.cover(mark.tokens.clone());
            }
        }
        let first_quality = found
            .iter()
            .find(|mark| mark.strength == Strength::Strong && !leading.contains(&mark.tokens.start))
            .map(|mark| mark.tokens.start);
        if let Some(date) = dates::find_date(self.tokens, &self.covered) {
            self.spans.push(("date", self.bytes(date.tokens.clone())));
            self.cover(date.tokens);
            self.out.date = Some(date.text);
        }
        let numbers = numbering::read(self.tokens, &self.covered, !leading.is_empty(), self.is_file);
        found.retain(|mark| {
            mark.strength == Strength::Strong
                || !numbers
                    .spans
                    .iter()
                    .any(|(_, tokens, _)| tokens.start < mark.tokens.end && mark.tokens.start < tokens.end)
        });
        let first_number = numbers.spans.iter().map(|(_, tokens, _)| tokens.start).min();
        self.skipped = leading.end;
        let first_year = self.read_years(&numbers, first_quality, first_number);
        self.take_numbers(numbers);
        let anchor = first_quality.into_iter().chain(first_number).chain(first_year).min();
        let behind_number = first_number.into_iter().chain(first_year).min();
        let accepted = self.accept(&found, first_quality, behind_number, anchor, &leading);
        self.read_group(&leading, anchor, &accepted, &found);
        self.read_title();
        for (mark, accepted) in found.iter().zip(&accepted) {
            if *accepted {
                self.apply(mark);
            }
        }
        self.settle();
    }

    fn read_sites(&mut self) {
        for site in group::find_sites(self.tokens) {
            self.cover(site.tokens);
            if self.out.site.is_none() {
                self.out.site = Some(self.text(site.span.clone()).to_owned());
                self.spans.push(("site", site.span));
            }
        }
        if let Some(at) = group::find_checksum(self.tokens) {
            let span = self.bytes(at..at + 1);
            self.out.episode_code = Some(self.text(span.clone()).to_ascii_uppercase());
            self.spans.push(("episode_code", span));
            self.cover(at..at + 1);
        }
        if let Some(size) = group::find_size(self.tokens) {
            let span = self.bytes(size.clone());
            self.out.size = Some(self.text(span.clone()).replace(' ', ""));
            self.spans.push(("size", span));
            self.cover(size);
        }
    }

    /// The tokens of a bracket that opens the name and holds neither marks nor a site: a group, as anime releases write it.
    fn leading_group(&self, marks: &[Mark]) -> Range<usize> {
        let Some(bracket) = self.tokens.brackets.first() else { return 0..0 };
        let range = bracket.tokens.clone();
        let opens = range.start == 0
            && self.name.get(..bracket.span.start).is_some_and(|before| before.trim().is_empty())
            && bracket.opening != '('
            && bracket.opening != '★';
        let rest = self.name.get(bracket.span.end..).unwrap_or_default();
        let alone = rest.trim().is_empty();
        let marked = marks.iter().any(|mark| {
            let within = mark.tokens.start < range.end;
            // One weak word does not make a group's name a list of marks.
            within && (mark.strength == Strength::Strong || mark.tokens.len() == range.len())
        });
        let numeric = self
            .tokens
            .list
            .get(range.clone())
            .unwrap_or_default()
            .iter()
            .all(|token| token.folded.bytes().all(|byte| byte.is_ascii_digit()) || token.number(2).is_some());
        let sited = (range.clone()).any(|at| self.is_covered(at));
        let numbered =
            self.tokens.list.get(range.clone()).unwrap_or_default().iter().any(|token| {
                token.folded.len() == 4 && token.number(4).is_some_and(|year| dates::YEARS.contains(&year))
            });
        if opens && !alone && !marked && !numeric && !sited && !numbered && !range.is_empty() { range } else { 0..0 }
    }

    /// Chooses the year; covers it and every span of years. Returns the first token of it.
    fn read_years(
        &mut self,
        numbers: &Numbers,
        first_quality: Option<usize>,
        first_number: Option<usize>,
    ) -> Option<usize> {
        let mut taken = self.covered.clone();
        for (_, tokens, _) in &numbers.spans {
            if let Some(taken) = taken.get_mut(tokens.clone()) {
                taken.fill(true);
            }
        }
        let years = dates::find_years(self.tokens, &taken);
        let mut first = None;
        let opening =
            (0..self.tokens.list.len()).find(|at| *at >= self.skipped && !taken.get(*at).copied().unwrap_or(true));
        let (spans, years): (Vec<Year>, Vec<Year>) = years.into_iter().partition(|year| year.last.is_some());
        for span in spans.into_iter().filter(|span| Some(span.tokens.start) != opening) {
            self.cover(span.tokens.clone());
            self.spans.push(("complete", self.bytes(span.tokens.clone())));
            self.out.complete = true;
            first = Some(first.map_or(span.tokens.start, |first: usize| first.min(span.tokens.start)));
        }
        let chosen = self.choose_year(&years, opening, first_quality, first_number, &taken);
        if let Some(year) = chosen {
            self.cover(year.tokens.clone());
            self.spans.push(("year", self.bytes(year.tokens.clone())));
            self.out.year = u16::try_from(year.first).ok();
            first = Some(first.map_or(year.tokens.start, |first: usize| first.min(year.tokens.start)));
        }
        first
    }

    fn choose_year<'y>(
        &self,
        years: &'y [Year],
        opening: Option<usize>,
        first_quality: Option<usize>,
        first_number: Option<usize>,
        taken: &[bool],
    ) -> Option<&'y Year> {
        let token = |year: &Year| self.tokens.list.get(year.tokens.start);
        // A year that opens the name is its title when nothing else could be, or when another year follows.
        let next_free = |year: &Year| !taken.get(year.tokens.end).copied().unwrap_or(true);
        let opens = |year: &Year| Some(year.tokens.start) == opening;
        let own: Vec<&Year> = years
            .iter()
            .filter(|year| {
                let bracketed = token(year).is_some_and(|token| token.bracket > 0);
                !opens(year) || bracketed || years.len() == 1 && next_free(year)
            })
            .filter(|year| {
                let title = years.first().filter(|first| opens(first));
                // "1883.S01E01.1883": the episode bears the title's name.
                title.is_none_or(|title| {
                    title.tokens == year.tokens || title.first != year.first || first_number.is_none()
                })
            })
            .collect();
        let alone_in_bracket = |year: &&&Year| {
            let bracket =
                token(year).and_then(|token| token.bracket.checked_sub(1)).and_then(|at| self.tokens.brackets.get(at));
            bracket.is_some_and(|bracket| bracket.tokens == year.tokens)
        };
        let limit = first_quality.into_iter().chain(first_number).min().unwrap_or(usize::MAX);
        own.iter()
            .find(alone_in_bracket)
            .or_else(|| own.iter().rev().find(|year| year.tokens.start < limit))
            .or_else(|| own.first())
            .copied()
    }

    fn take_numbers(&mut self, mut numbers: Numbers) {
        let dated = self.out.year.is_some();
        for (field, tokens, span) in std::mem::take(&mut numbers.spans) {
            if field == "volumes" && dated {
                continue;
            }
            self.cover(tokens);
            self.spans.push((field, span));
        }
        self.out.seasons = numbers.seasons;
        self.out.episodes = numbers.episodes;
        self.out.absolute_episodes = numbers.absolute;
        self.out.volumes = if dated { Vec::new() } else { numbers.volumes };
        self.out.revised |= numbers.revised;
    }

    /// Decides which marks count: all strong ones, others by where they stand. Covers them.
    fn accept(
        &mut self,
        marks: &[Mark],
        first_quality: Option<usize>,
        behind_number: Option<usize>,
        anchor: Option<usize>,
        leading: &Range<usize>,
    ) -> Vec<bool> {
        let mut accepted: Vec<bool> = marks.iter().map(|mark| mark.strength == Strength::Strong).collect();
        // From the back, so that a run of marks before a strong one is taken whole; then from the front.
        for backwards in [true, false] {
            let mut order: Vec<usize> = (0..marks.len()).collect();
            if backwards {
                order.reverse();
            }
            for index in order {
                let (Some(mark), Some(false)) = (marks.get(index), accepted.get(index)) else { continue };
                if leading.contains(&mark.tokens.start) {
                    continue;
                }
                if self.counts(mark, first_quality, behind_number, anchor)
                    && self.is_language_in_place(mark, marks, &accepted)
                {
                    accepted[index] = true;
                    self.cover(mark.tokens.clone());
                }
            }
        }
        accepted
    }

    /// Whether a weak mark counts where it stands.
    fn counts(
        &self,
        mark: &Mark,
        first_quality: Option<usize>,
        behind_number: Option<usize>,
        anchor: Option<usize>,
    ) -> bool {
        let (start, end) = (mark.tokens.start, mark.tokens.end);
        let at_end = end >= self.tokens.list.len();
        let next_covered = at_end || self.is_covered(end);
        let before_covered = start > self.skipped && self.is_covered(start - 1);
        let behind = |at: Option<usize>| at.is_some_and(|at| start > at);
        let whole_bracket = self.bracket_of(start).is_some_and(|bracket| {
            bracket.len() == mark.tokens.len()
                || bracket.clone().all(|at| self.is_covered(at) || mark.tokens.contains(&at))
        });
        if whole_bracket && start > 0 && !mark.is_language() {
            return true;
        }
        let whole_work = self
            .tokens
            .list
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .any(|token| WHOLE_WORKS.contains(&token.folded.as_str()));
        let collection = mark.states(|fact| *fact == Fact::Complete) && !whole_work;
        match mark.strength {
            Strength::Strong => true,
            _ if collection => false,
            Strength::Weak if behind(first_quality) => true,
            Strength::Weak if behind(behind_number) => {
                next_covered || self.bracket_of(start).is_some() || before_covered && self.shouts(mark)
            }
            Strength::Weak => {
                let year_next = self.out.year.is_some() && self.year_at(end);
                let fits = next_covered
                    && !(mark.is_language()
                        && (year_next || at_end && anchor.is_none() && start == 0 && end == 1 && !self.only_marks()));
                fits && (start > self.skipped || self.only_marks())
            }
            Strength::Tail => {
                behind(first_quality)
                    || whole_bracket && start > 0
                    || behind(behind_number)
                        && next_covered
                        && (before_covered || mark.tokens.len() > 1 || self.shouts(mark))
                    || anchor.is_none() && next_covered && before_covered
                    || next_covered && before_covered
                    || self.only_marks()
                    || next_covered
                        && start > self.skipped
                        && first_quality.is_some_and(|at| at <= end)
                        && self.shouts(mark)
                        && mark.tokens.len() == 1
                        && !self.year_at(end)
            }
        }
    }

    /// The tokens of the bracket around a token.
    fn bracket_of(&self, at: usize) -> Option<Range<usize>> {
        let index = self.tokens.list.get(at)?.bracket.checked_sub(1)?;
        self.tokens.brackets.get(index).map(|bracket| bracket.tokens.clone())
    }

    fn year_at(&self, at: usize) -> bool {
        let year = self.tokens.list.get(at).and_then(|token| token.number(4));
        year.is_some() && year == self.out.year.map(u32::from)
    }

    /// A word in capitals in a name that is not all in capitals.
    fn shouts(&self, mark: &Mark) -> bool {
        let text = self.text(mark.span.clone());
        let upper = |text: &str| text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase);
        upper(text) && !upper(self.name)
    }

    /// Nothing but words that tables know: `Spanish.spa`, `english,russian`.
    fn only_marks(&self) -> bool {
        self.tokens.list.iter().all(|token| {
            marks::look_up(&token.folded).is_some()
                || languages::short_code(&token.folded).is_some()
                || token.folded.bytes().all(|byte| byte.is_ascii_digit())
        })
    }

    /// Codes of two letters are words of every language: they need company.
    fn is_language_in_place(&self, mark: &Mark, marks: &[Mark], accepted: &[bool]) -> bool {
        let short = mark.is_language() && mark.tokens.len() == 1 && mark.span.len() <= 3;
        if !short {
            return true;
        }
        let about_language = |fact: &Fact| {
            matches!(
                fact,
                Fact::Language(_)
                    | Fact::Subtitle(_)
                    | Fact::Subbed
                    | Fact::Dubbed
                    | Fact::MultiAudio
                    | Fact::MultiSubs
            )
        };
        let neighbour = marks.iter().zip(accepted).any(|(other, accepted)| {
            let touches = other.tokens.end == mark.tokens.start || other.tokens.start == mark.tokens.end;
            let both_codes = other.is_language() && other.tokens != mark.tokens;
            touches && (both_codes || *accepted) && other.states(about_language)
        });
        let text = self.text(mark.span.clone());
        let upper = text.chars().all(char::is_uppercase);
        let alone = self.bracket_of(mark.tokens.start).is_some_and(|bracket| bracket.len() == 1);
        let between = self.is_covered(mark.tokens.start.wrapping_sub(1))
            && mark.tokens.start > 0
            && self.is_covered(mark.tokens.end);
        let longer = mark.span.len() == 3;
        let subtitle_file = !self.is_file && self.tokens.list.len() == mark.tokens.end;
        neighbour || longer || upper && (alone || between) || subtitle_file && !upper
    }

    /// Reads the group: behind the last dash, in the bracket that opens the name, or in the last bracket.
    fn read_group(&mut self, leading: &Range<usize>, anchor: Option<usize>, accepted: &[bool], marks: &[Mark]) {
        let (end, tag) = self.before_trailing_brackets();
        let first_mark = anchor.unwrap_or(usize::MAX - 1);
        let strong: Vec<bool> = self
            .covered
            .iter()
            .enumerate()
            .map(|(at, covered)| {
                *covered
                    && marks.iter().zip(accepted).all(|(mark, accepted)| {
                        !(*accepted && mark.tokens.contains(&at))
                            || mark.strength != Strength::Tail
                            || mark.is_language()
                    })
            })
            .collect();
        let group = group::trailing_group(self.tokens, &strong, first_mark, end)
            .or_else(|| Some(leading.clone()).filter(|leading| !leading.is_empty()))
            .or(tag);
        if let Some(range) = group {
            let span = self.bytes(range.clone());
            self.out.group = Some(self.text(span.clone()).trim_matches(['-', '_', '.', ' ']).to_owned());
            self.spans.push(("group", span));
            self.cover(range);
        }
        self.cover(leading.clone());
    }

    /// The index behind the last token that is not in a bracket at the end of the name, and the last bracket that may name a group.
    fn before_trailing_brackets(&mut self) -> (usize, Option<Range<usize>>) {
        let mut end = self.tokens.list.len();
        let mut tag = None;
        for bracket in self.tokens.brackets.iter().rev() {
            let range = bracket.tokens.clone();
            let closes = range.end == end && !range.is_empty() && range.start > 0;
            if !closes {
                continue;
            }
            let free = range.clone().all(|at| !self.is_covered(at));
            let name = self.tokens.list.get(range.start).map_or("", |token| token.folded.as_str());
            let is_tag = range.len() == 1 && group::is_tracker_tag(name);
            if free
                && tag.is_none()
                && !is_tag
                && range.len() <= 3
                && bracket.opening == '['
                && self.has_marks_before(range.start)
            {
                tag = Some(range.clone());
            }
            end = range.start;
            if !free {
                continue;
            }
            self.cover(range);
        }
        (end, tag)
    }

    fn has_marks_before(&self, at: usize) -> bool {
        self.covered.iter().take(at).any(|covered| *covered)
    }

    fn read_title(&mut self) {
        let Some(stretch) = title::find_title(self.name, self.tokens, &self.covered, self.skipped) else { return };
        let stretch = self.without_country(self.without_dangling(stretch));
        let mut titles = title::read_titles(self.name, &stretch);
        self.spans.push(("title", titles.span.clone()));
        self.read_episode_title(&stretch);
        self.out.title = std::mem::take(&mut titles.first);
        self.out.other_titles.append(&mut titles.others);
    }

    /// `The Complete` before a season leaves its article behind; an event's `PPV` is none of its title.
    fn without_dangling(&self, mut stretch: Stretch) -> Stretch {
        while stretch.tokens.len() > 1
            && let Some(last) = self.tokens.list.get(stretch.tokens.end - 1)
            && let Some(before) = self.tokens.list.get(stretch.tokens.end - 2)
        {
            let article = matches!(last.folded.as_str(), "the" | "la") && self.is_covered(stretch.tokens.end);
            if !article || !last.gap.contains(['-', ':']) && !self.is_covered(stretch.tokens.end) {
                break;
            }
            stretch.tokens.end -= 1;
            stretch.span.end = before.span.end;
        }
        stretch
    }

    /// `The Office US` before a season is `The Office`.
    fn without_country(&mut self, mut stretch: Stretch) -> Stretch {
        let numbered = !self.out.seasons.is_empty();
        if let (Some(last), Some(before)) =
            (self.tokens.list.get(stretch.tokens.end - 1), self.tokens.list.get(stretch.tokens.end.wrapping_sub(2)))
            && numbered
            && stretch.tokens.len() > 1
            && COUNTRIES.contains(&last.text)
        {
            self.out.other_titles.push(title::clean(self.text(stretch.span.clone())));
            stretch.tokens.end -= 1;
            stretch.span.end = before.span.end;
        }
        stretch
    }

    /// What stands free right behind the episode number is the episode's title.
    fn read_episode_title(&mut self, title: &Stretch) {
        let last_number = self.spans.iter().filter(|(field, _)| *field == "episodes").map(|(_, span)| span.end).max();
        let Some(end) = last_number else { return };
        let start = self.tokens.list.iter().position(|token| token.span.start >= end);
        let Some(start) = start.filter(|start| !self.is_covered(*start) && *start >= title.tokens.end) else { return };
        let stop = (start..self.tokens.list.len()).find(|at| {
            self.is_covered(*at)
                || self.tokens.list.get(*at).is_some_and(|token| *at > start && token.gap.contains(['[', '【']))
        });
        let stop = stop.unwrap_or(self.tokens.list.len());
        let span = self.bytes(start..stop);
        let text = title::clean(self.text(span.clone()));
        if !text.is_empty() {
            self.out.episode_title = Some(text);
            self.spans.push(("episode_title", span));
        }
    }

    fn apply(&mut self, mark: &Mark) {
        let field = mark.facts.iter().map(|fact| fact.field()).find(|field| !field.is_empty()).unwrap_or("");
        self.spans.push((field, mark.span.clone()));
        for fact in &mark.facts {
            self.apply_fact(*fact, mark.strength);
        }
    }

    fn apply_fact(&mut self, fact: Fact, strength: Strength) {
        let out = &mut self.out;
        let add = |list: &mut Vec<String>, value: &str| {
            if !list.iter().any(|known| known == value) {
                list.push(value.to_owned());
            }
        };
        match fact {
            Fact::Noise => {}
            Fact::Resolution(value) => out.resolution = Some(value.to_owned()),
            Fact::Source(value) => {
                let known = out.source.as_deref();
                let early =
                    EARLY_SOURCES.contains(&value) && !known.is_some_and(|known| EARLY_SOURCES.contains(&known));
                let vague = matches!(known, Some("WEB" | "DVD")) && strength == Strength::Strong;
                if known.is_none() || early || vague {
                    out.source = Some(value.to_owned());
                }
            }
            Fact::Remux => out.remux = true,
            Fact::Codec(value) => {
                out.video_codec.get_or_insert_with(|| value.to_owned());
            }
            Fact::Depth(value) => {
                out.bit_depth.get_or_insert(value);
            }
            Fact::Hdr(value) => add(&mut out.hdr, value),
            Fact::Stereoscopic => out.threed = true,
            Fact::Audio(value) => add(&mut out.audio, value),
            Fact::Channels(value) => add(&mut out.channels, value),
            Fact::Language(value) => add(&mut out.languages, value),
            Fact::Subtitle(value) => add(&mut out.subtitle_languages, value),
            Fact::MultiAudio => out.multi_audio = true,
            Fact::MultiSubs => out.multi_subs = true,
            Fact::Dubbed => out.dubbed = true,
            Fact::Subbed => out.subbed = true,
            Fact::Hardcoded => out.hardcoded = true,
            Fact::Edition(value) => add(&mut out.edition, value),
            Fact::Proper => out.proper = true,
            Fact::Repack => out.repack = true,
            Fact::Revised => out.revised = true,
            Fact::Container(value) => {
                out.container.get_or_insert_with(|| value.to_owned());
            }
            Fact::Network(value) => {
                out.network.get_or_insert_with(|| value.to_owned());
            }
            Fact::Region(value) => {
                out.region.get_or_insert_with(|| value.to_owned());
            }
            Fact::Complete => out.complete = true,
            Fact::Retail => out.retail = true,
            Fact::Convert => out.convert = true,
        }
    }

    /// What follows from several fields together.
    fn settle(&mut self) {
        let out = &mut self.out;
        if out.remux && matches!(out.source.as_deref(), None | Some("BluRay" | "BDRip" | "BRRip")) {
            out.source = Some("BluRay REMUX".to_owned());
        }
        // A collection is one whether or not its word stays in the title.
        let collection = self.tokens.list.iter().enumerate().any(|(at, token)| {
            at >= self.skipped
                && !WHOLE_WORKS.contains(&token.folded.as_str())
                && marks::look_up(&token.folded).is_some_and(|(_, facts)| facts.contains(&Fact::Complete))
        });
        out.complete |= collection;
        if out.threed
            && let Some(title) = out.title.strip_suffix(" 3D")
        {
            out.title = title.to_owned();
        }
        if self
            .tokens
            .list
            .iter()
            .any(|token| token.text.chars().any(|letter| matches!(letter, '\u{3040}'..='\u{30ff}')))
            && !out.languages.iter().any(|known| known == "ja")
        {
            out.languages.push("ja".to_owned());
        }
        let cyrillic = self.tokens.list.iter().any(|token| {
            token.text.chars().filter(|letter| matches!(letter, '\u{430}'..='\u{44f}' | '\u{410}'..='\u{42f}')).count()
                > 2
        });
        if cyrillic && !out.languages.iter().any(|known| known == "ru") {
            out.languages.push("ru".to_owned());
        }
        out.languages.sort_unstable();
    }
}
