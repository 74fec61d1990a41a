//! The driver: joins what every part of the parser reads in a name into one [`ReleaseName`].

mod path;
mod placing;

use std::cell::Cell;
use std::ops::Range;

use super::ReleaseName;
use super::dates::{self, Year};
use super::group;
use super::marks::{self, Fact, Mark, Strength};
use super::numbering::{self, Numbers};
use super::scripts;
use super::title::{self, Stretch};
use super::tokens::{Tokens, is_closing, is_opening, number, tokenize};
use super::words::{Pairs, Words};

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
static WHOLE_WORKS: Words = Words::new(&[
    "complete",
    "integrale",
    "integral",
    "l'integrale",
    "l’integrale",
    "lintegrale",
    "completa",
    "completo",
    "kolekcja",
    "komplett",
    "komplette",
]);
/// What kind of work it is, alone in a bracket: no group.
const KINDS: &[&str] = &["tv", "ova", "oad", "ona", "movie", "special", "specials"];
/// Sources that say more than any other mark: a screen filmed with a camera stays one, whatever else is claimed.
const EARLY_SOURCES: &[&str] = &["CAM", "TeleSync", "TeleCine", "WORKPRINT", "SCR"];

/// Most sites that may open a name, one behind the other.
const MOST_SITES: usize = 3;

/// Words that count seasons, and the language that they are of.
static COUNTED_IN: Pairs =
    Pairs::new(&[("temporada", "es"), ("temporadas", "es"), ("saison", "fr"), ("saisons", "fr"), ("integrale", "fr")]);

/// Reads a name of at most [`ReleaseName::MAX_BYTES`].
pub(super) fn read(name: &str) -> ReleaseName {
    let Some(path) = path::split_path(name) else { return read_one(name, 0, None, MOST_SITES) };
    let folders = path.folders.iter().map(|(folder, start)| read_one(folder, *start, None, MOST_SITES));
    let folders: Vec<ReleaseName> = folders.collect();
    let season = folders.first().and_then(|folder| <[u32; 1]>::try_from(folder.seasons.as_slice()).ok());
    let mut out = read_one(path.file, path.file_start, season.map(|[season]| season), MOST_SITES);
    // "05 - Title.mkv": the number stands first, so what follows is the title of the episode.
    let starts = |field: &str| out.spans.iter().find(|(known, _)| *known == field).map(|(_, span)| span.start);
    let mut title_is_episodes = starts("episodes").zip(starts("title")).is_some_and(|(number, title)| number < title);
    for folder in folders {
        if title_is_episodes && !folder.title.is_empty() {
            out.episode_title = Some(std::mem::take(&mut out.title)).filter(|title| !title.is_empty());
            for (field, _) in out.spans.iter_mut().filter(|(field, _)| *field == "title") {
                *field = "episode_title";
            }
            title_is_episodes = false;
        }
        path::complete_from_folder(&mut out, &path, folder);
    }
    out
}

/// Reads a single name that stands `offset` bytes into the whole, in the folder of a season if there is one, behind at most `sites` sites.
fn read_one(name: &str, offset: usize, folder_season: Option<u32>, sites: usize) -> ReleaseName {
    let (body, extension) = split_extension(name);
    let spaced = spaced(body);
    let body = spaced.as_deref().unwrap_or(body);
    let mut lower = String::new();
    let tokens = tokenize(body, &mut lower);
    if let Some(site) = group::opening_site(&tokens).filter(|_| sites > 0) {
        // "www.site.tld - [Grp] Title": what stands behind it is read by itself.
        let end =
            tokens.brackets.first().filter(|bracket| bracket.tokens == site.tokens).map(|bracket| bracket.span.end);
        let end = end.unwrap_or(site.span.end);
        let rest = name.get(end..).unwrap_or_default();
        let rest = rest.trim_start_matches(|letter: char| !letter.is_alphanumeric() && !is_opening(letter));
        if !split_extension(rest).0.is_empty() {
            let mut out = read_one(rest, offset + name.len() - rest.len(), folder_season, sites - 1);
            let span = site.span.start + offset..site.span.end + offset;
            // What the site says of itself stands first.
            out.spans.retain(|(field, _)| *field != "site");
            out.spans.insert(0, ("site", span));
            out.site = body.get(site.span).map(str::to_owned);
            return out;
        }
    }
    let mut reading = Reading::new(body, &tokens, extension);
    // "34_tam.srt": numbered among the subtitles of one film or episode.
    let is_track = || name.split_once('_').is_some_and(|(track, _)| number(track, 3).is_some());
    if reading.is_subtitle && reading.only_marks && tokens.list.len() > 1 && is_track() {
        reading.cover(0..1);
    }
    reading.read(folder_season);
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

/// `Show_-_05_[720p]`: a name whose underscores stand for spaces, with spaces. They are as long, so that places stay. Between digits they are
/// marks of their own: `show_03_19`.
fn spaced(name: &str) -> Option<String> {
    if name.contains(' ') {
        return None;
    }
    // As addresses write them.
    for mark in ["%20", "+"] {
        let is_there = mark.as_bytes().first().is_some_and(|first| name.as_bytes().contains(first));
        if is_there && name.matches(mark).count() > 1 && !name.contains(['.', '_']) {
            return Some(name.replace(mark, " ".repeat(mark.len()).as_str()));
        }
    }
    if name.matches('_').count() < 2 {
        return None;
    }
    let mut out = name.to_owned();
    for (at, _) in name.match_indices('_') {
        let is_digit = |at: usize| name.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        if !(at > 0 && is_digit(at - 1) && is_digit(at + 1)) {
            out.replace_range(at..at + 1, " ");
        }
    }
    Some(out)
}

fn is_video(extension: &str) -> bool {
    VIDEO_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Cuts a known extension off.
fn split_extension(name: &str) -> (&str, Option<&str>) {
    let known = |extension: &str| {
        is_video(extension) || OTHER_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    // ".MD.TS" ends in a mark; files are called ".ts".
    let is_mark = |body: &str, extension: &str| extension == "TS" && body.contains(char::is_lowercase);
    match name.rsplit_once('.') {
        Some((body, extension)) if known(extension) && !is_mark(body, extension) => (body, Some(extension)),
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
    is_subtitle: bool,
    /// Which tokens state something and are no title.
    covered: Vec<bool>,
    /// The name holds nothing but words that tables know.
    only_marks: bool,
    /// Where what stands before the first mark shouts: for each token, whether all before it does, so that capitals tell nothing.
    loud_up_to: Vec<bool>,
    /// No capital is in the name; told when marks are placed.
    is_small: bool,
    /// How many of the first tokens are left when what may end the name of a subtitle file is cut off its end.
    subtitle_end: Cell<usize>,
    /// Which tokens a table knows, whether or not they count here.
    is_mark: Vec<bool>,
    /// Tokens that open the name without being its title: a group or a site in brackets.
    skipped: usize,
    vague_source: Option<&'static str>,
    out: ReleaseName,
    spans: Vec<(&'static str, Range<usize>)>,
}

impl<'t, 'a> Reading<'t, 'a> {
    fn new(name: &'a str, tokens: &'t Tokens<'a>, extension: Option<&str>) -> Self {
        let is_file = extension.is_some_and(is_video);
        let is_subtitle = extension
            .is_some_and(|extension| SUBTITLE_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)));
        let covered = vec![false; tokens.list.len()];
        let is_mark = covered.clone();
        // "Portuguese (Brazil).srt".
        let outside = tokens.list.iter().filter(|token| token.bracket == 0);
        let only_marks = Self::is_only_marks(tokens.list.iter()) || is_subtitle && Self::is_only_marks(outside);
        Self {
            name,
            tokens,
            is_file,
            is_subtitle,
            covered,
            is_mark,
            only_marks,
            loud_up_to: Vec::new(),
            is_small: false,
            subtitle_end: Cell::new(tokens.list.len()),
            skipped: 0,
            vague_source: None,
            out: ReleaseName::default(),
            spans: Vec::with_capacity(16),
        }
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

    fn read(&mut self, folder_season: Option<u32>) {
        self.read_sites();
        let mut found = marks::find_marks(self.tokens);
        found.retain(|mark| !self.is_covered(mark.tokens.start));
        let leading = self.leading_bracket(&found);
        found.retain(|mark| !self.opens_title(mark, leading.end));
        let has_group = self.is_group(&leading, &found);
        for mark in &found {
            if let Some(known) = self.is_mark.get_mut(mark.tokens.clone()) {
                known.fill(true);
            }
            if mark.strength == Strength::Strong {
                self.cover(mark.tokens.clone());
            }
        }
        let first_strong = |found: &[Mark], from: usize| {
            let strong = found.iter().filter(|mark| mark.strength == Strength::Strong);
            strong.map(|mark| mark.tokens.start).find(|at| *at >= from && !leading.contains(at))
        };
        let first_quality = first_strong(&found, 0);
        if let Some(date) = dates::find_date(self.tokens, &self.covered) {
            self.spans.push(("date", self.bytes(date.tokens.clone())));
            self.cover(date.tokens);
            self.out.date = Some(date.text);
        }
        let numbers = numbering::read(self.tokens, &self.covered, has_group, self.is_file, folder_season);
        // "[S0.E04]" counts.
        let has_group = has_group && !numbers.spans.iter().any(|(_, tokens, _)| leading.contains(&tokens.start));
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
        // What opens the name stands before its title: "2008 French Harbour", "[中文字幕].French.Harbour.2008".
        let opening = self.opening();
        let behind_number = first_number.into_iter().chain(first_year).filter(|at| *at >= opening).min();
        let quality_behind = if opening == 0 { first_quality } else { first_strong(&found, opening) };
        let accepted = self.accept(&found, quality_behind, behind_number, anchor, has_group.then(|| leading.clone()));
        self.read_group(has_group.then_some(leading), anchor, first_quality, &accepted, &found);
        self.read_title(&found);
        for (index, mark) in found.iter().enumerate().filter(|(index, _)| accepted.get(*index) == Some(&true)) {
            self.apply(mark);
            self.read_subtitles(index, &found);
        }
        self.settle();
    }

    /// Where the title begins, if something that counts stands before it; 0 otherwise.
    fn opening(&self) -> usize {
        let first = self.tokens.list.get(self.skipped).filter(|first| first.text.is_ascii() && first.bracket == 0);
        if first.is_some() && !self.is_covered(self.skipped) {
            return 0;
        }
        let title = title::find_title(self.name, self.tokens, &self.covered, self.skipped);
        let title = title.map_or(0..0, |stretch| stretch.tokens);
        let has_word = title.clone().any(|at| self.is_mark.get(at) == Some(&false));
        if has_word && title.start > self.skipped { title.start } else { 0 }
    }

    /// `Atmos.Story.2018`, `Remux.2018`: a word that opens the name is its title, where one of sources or languages may be put before it.
    fn opens_title(&self, mark: &Mark, opening: usize) -> bool {
        let is_other = |fact: &Fact| matches!(fact, Fact::Hdr(_) | Fact::Audio(_) | Fact::Remux);
        let (Some(word), Some(next)) = (self.tokens.list.get(mark.tokens.start), self.tokens.list.get(mark.tokens.end))
        else {
            return false;
        };
        mark.tokens == (opening..opening + 1)
            && mark.strength == Strength::Strong
            && mark.facts.iter().all(is_other)
            && word.text.bytes().all(|byte| byte.is_ascii_alphabetic())
            && matches!(next.gap, "." | " " | "_")
            && marks::look_up(next.folded).is_none()
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

    /// The tokens of a square bracket that opens the name with more behind it, unless it holds the title and its year.
    fn leading_bracket(&self, marks: &[Mark]) -> Range<usize> {
        let Some(bracket) = self.tokens.brackets.first() else { return 0..0 };
        let range = bracket.tokens.clone();
        let list = self.tokens.list.get(range.clone()).unwrap_or_default();
        let opens = range.start == 0
            && self.name.get(..bracket.span.start).is_some_and(|before| before.trim().is_empty())
            && bracket.opening != '★';
        let alone = range.end == self.tokens.list.len();
        let dated = list.iter().any(|token| token.number(4).is_some_and(|year| dates::YEARS.contains(&year)));
        let numeric = list.iter().all(|token| token.number(3).is_some());
        let is_title = range.len() > 1 && self.is_rest_told(range.end, marks);
        if opens && !alone && !dated && !numeric && !is_title && !range.is_empty() { range } else { 0..0 }
    }

    /// Nothing but a year and marks stand from `at` on: `[Glass Harbour] 2012 1080p`.
    fn is_rest_told(&self, at: usize, marks: &[Mark]) -> bool {
        let mut is_mark = vec![false; self.tokens.list.len()];
        for mark in marks {
            is_mark.get_mut(mark.tokens.clone()).unwrap_or_default().fill(true);
        }
        let mut years = 0;
        let is_told = self.tokens.list.iter().zip(&is_mark).skip(at).all(|(token, is_mark)| {
            let is_year = token.number(4).is_some_and(|year| dates::YEARS.contains(&year));
            years += usize::from(is_year);
            is_year || *is_mark
        });
        is_told && years == 1
    }

    /// Whether the bracket that opens the name holds neither marks nor a site: then it is a group, as anime releases write it.
    fn is_group(&self, leading: &Range<usize>, marks: &[Mark]) -> bool {
        let marked = marks.iter().filter(|mark| leading.contains(&mark.tokens.start)).any(|mark| {
            // One weak word does not make a group's name a list of marks.
            mark.strength == Strength::Strong || mark.tokens.len() == leading.len()
        });
        // "[Official Eng Sub]" says what it is.
        let about = |fact: &Fact| matches!(fact, Fact::Language(_) | Fact::Subbed | Fact::Dubbed | Fact::MultiSubs);
        let inside = marks.iter().filter(|mark| leading.contains(&mark.tokens.start));
        let marked = marked || inside.filter(|mark| mark.states(about)).count() > 1;
        let is_kind = leading.len() == 1
            && self.tokens.list.get(leading.start).is_some_and(|token| KINDS.contains(&token.folded));
        // "[標題].Title.2018": the same title in other letters, joined with a full stop like the words of the name.
        let is_title = title::is_foreign(self.text(self.bytes(leading.clone())))
            && self.tokens.list.get(leading.end).is_some_and(|next| next.gap.ends_with("]."));
        !leading.is_empty() && !marked && !is_kind && !is_title && leading.clone().all(|at| !self.is_covered(at))
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
        let mut years = dates::find_years(self.tokens, &taken);
        if years.is_empty() {
            return None;
        }
        let mut first = None;
        let opening =
            (0..self.tokens.list.len()).find(|at| *at >= self.skipped && !taken.get(*at).copied().unwrap_or(true));
        for span in years.iter().filter(|year| year.last.is_some() && Some(year.tokens.start) != opening) {
            self.cover(span.tokens.clone());
            self.spans.push(("complete", self.bytes(span.tokens.clone())));
            self.out.complete = true;
            first = Some(first.map_or(span.tokens.start, |first: usize| first.min(span.tokens.start)));
        }
        years.retain(|year| year.last.is_none());
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
        self.out.complete |= numbers.is_whole;
    }

    /// Reads the group: behind the last dash, in the bracket that opens the name, or in the last bracket.
    fn read_group(
        &mut self,
        leading: Option<Range<usize>>,
        anchor: Option<usize>,
        first_quality: Option<usize>,
        accepted: &[bool],
        marks: &[Mark],
    ) {
        let first_mark = anchor.unwrap_or(usize::MAX - 1);
        let (end, tag) = self.before_trailing_brackets(first_mark, first_quality);
        // A group may be called like a weak word.
        let mut stated = self.covered.clone();
        for (mark, _) in marks.iter().zip(accepted).filter(|(mark, accepted)| {
            let says_more = mark.states(|fact| matches!(fact, Fact::Language(_) | Fact::Subbed | Fact::Dubbed));
            **accepted && mark.strength == Strength::Tail && mark.tokens.len() == 1 && !says_more
        }) {
            if let Some(stated) = stated.get_mut(mark.tokens.clone()) {
                stated.fill(false);
            }
        }
        let group = group::trailing_group(self.tokens, &stated, first_mark, first_quality, end)
            .filter(|range| !self.is_only_title(range))
            .or_else(|| leading.clone())
            .or(tag)
            .or_else(|| self.last_word(end, marks))
            .or_else(|| self.behind_seasons(end, first_mark));
        if let Some(range) = group {
            let span = self.bytes(range.clone());
            self.out.group = Some(self.text(span.clone()).trim_matches(['-', '_', '.', ' ']).to_owned());
            self.spans.push(("group", span));
            self.cover(range);
        }
    }

    /// `S01E01-Harbour [47C8F23B]`: a word written like one, with nothing else that could be the title before it.
    fn is_only_title(&self, range: &Range<usize>) -> bool {
        let [word] = self.tokens.list.get(range.clone()).unwrap_or_default() else { return false };
        let mut letters = word.text.chars();
        let is_written = letters.next().is_some_and(char::is_uppercase)
            && word.text.chars().count() > 2
            && letters.all(char::is_lowercase);
        is_written && (self.skipped..range.start).all(|at| self.is_covered(at))
    }

    /// `H 264 Qwxz EZTV`: one word right behind the codec or the sound, at the very end but for who listed it.
    fn last_word(&self, end: usize, marks: &[Mark]) -> Option<Range<usize>> {
        let is_tag = |at: usize| self.tokens.list.get(at).is_some_and(|token| group::is_tracker_tag(token.folded));
        let at = (0..end).rev().find(|at| !is_tag(*at))?;
        let token = self.tokens.list.get(at).filter(|_| !self.is_covered(at))?;
        let about = |fact: &Fact| matches!(fact, Fact::Codec(_) | Fact::Audio(_) | Fact::Channels(_));
        let is_behind_mark = marks.iter().any(|mark| mark.tokens.end == at && mark.states(about));
        let is_name = token.text.len() > 2
            && token.bracket == 0
            && matches!(token.gap, " " | ".")
            && token.text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && token.text.contains(|letter: char| letter.is_ascii_alphabetic());
        (is_behind_mark && is_name && marks::look_up(token.folded).is_none()).then_some(at..at + 1)
    }

    /// `Seasons 1-7 + Movies - qwxz`: one word in small letters behind the last dash; a season's own title begins with a capital.
    fn behind_seasons(&self, end: usize, first_mark: usize) -> Option<Range<usize>> {
        let at = end.checked_sub(1).filter(|at| *at > first_mark + 1 && !self.is_covered(*at))?;
        let token = self.tokens.list.get(at)?;
        let is_name = token.text.len() > 2 && token.text.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_pack = !self.out.seasons.is_empty() && self.out.episodes.is_empty();
        (is_pack && is_name && token.gap == " - " && token.bracket == 0).then_some(at..end)
    }

    /// The index behind the last token that is not in a bracket at the end of the name, and the last bracket that may name a group.
    fn before_trailing_brackets(
        &mut self,
        first_mark: usize,
        first_quality: Option<usize>,
    ) -> (usize, Option<Range<usize>>) {
        let mut end = self.tokens.list.len();
        let is_container = |text: &str| VIDEO_EXTENSIONS.contains(&text);
        if self
            .tokens
            .list
            .last()
            .is_some_and(|token| token.bracket == 0 && token.gap.ends_with(' ') && is_container(token.folded))
        {
            end -= 1;
        }
        // "…-GRP.site.tld".
        let site = self.spans.iter().find(|(field, _)| *field == "site").map(|(_, span)| span.clone());
        if let Some(site) = site.filter(|site| self.tokens.list.last().is_some_and(|last| last.span.end == site.end)) {
            let start = self.tokens.list.iter().rposition(|token| token.span.start == site.start && token.bracket == 0);
            end = start.unwrap_or(end);
        }
        let mut tag = None;
        // In names that are all brackets, the title is one of them.
        if self.tokens.list.iter().skip(self.skipped).all(|token| token.bracket > 0) {
            return (end, tag);
        }
        for bracket in self.tokens.brackets.iter().rev() {
            let range = bracket.tokens.clone();
            if range.end != end || range.is_empty() || range.start <= first_mark {
                continue;
            }
            end = range.start;
            if range.clone().any(|at| self.is_covered(at)) || group::holds_size(self.tokens, &range) {
                self.cover(range);
                continue;
            }
            let name = self.tokens.list.get(range.start).map_or("", |token| token.folded);
            // "[eztv re]": with the end of its site.
            let is_site =
                range.len() == 2 && group::is_tracker_tag(name) && group::is_top_level(self.tokens, range.end - 1);
            let is_tag = range.len() == 1 && (group::is_tracker_tag(name) || KINDS.contains(&name)) || is_site;
            // "(Qwxz-Raws)": in round brackets a name is one word, behind what tells of picture or sound.
            let is_one_word = || {
                let list = self.tokens.list.get(range.clone()).unwrap_or_default();
                list.iter().skip(1).all(|token| matches!(token.gap, "-" | "_"))
                    && list.iter().any(|token| token.number(9).is_none())
                    && first_quality.is_some_and(|quality| quality < range.start)
                    && self.text(bracket.span.clone()).ends_with(is_closing)
            };
            if tag.is_none()
                && !is_tag
                && range.len() <= 3
                && (bracket.opening == '[' || bracket.opening == '(' && is_one_word())
                && self.has_marks_before(range.start)
            {
                tag = Some(range.clone());
            }
            self.cover(range);
        }
        (end, tag)
    }

    fn has_marks_before(&self, at: usize) -> bool {
        self.covered.iter().take(at).any(|covered| *covered)
    }

    /// `GlassHarbour2012M1080.www.site.tld`: the title, and the year, stand in one word with the first mark.
    fn read_glued_title(&mut self, marks: &[Mark]) -> bool {
        let first = self.tokens.list.get(self.skipped);
        let glued = marks.iter().find(|mark| mark.tokens.start == self.skipped && mark.strength == Strength::Strong);
        let Some((first, mark)) = first.zip(glued).filter(|(first, mark)| mark.span.start > first.span.start) else {
            return false;
        };
        let mut end = mark.span.start;
        let year_start = end.saturating_sub(4);
        let year = number(self.text(year_start..end), 4).filter(|year| dates::YEARS.contains(year));
        if let Some(year) = year.filter(|_| year_start > first.span.start && self.out.year.is_none()) {
            self.out.year = u16::try_from(year).ok();
            self.spans.push(("year", year_start..end));
            end = year_start;
        }
        self.out.title = title::clean(self.text(first.span.start..end));
        self.spans.push(("title", first.span.start..end));
        true
    }

    fn read_title(&mut self, marks: &[Mark]) {
        // "GlassHarbour720p_105_www.site.tld": a number alone is no title beside it.
        let is_title = |stretch: &Stretch| {
            let list = self.tokens.list.get(stretch.tokens.clone()).unwrap_or_default();
            stretch.tokens.start == self.skipped || list.iter().any(|token| token.number(4).is_none())
        };
        let found = title::find_title(self.name, self.tokens, &self.covered, self.skipped);
        if !found.as_ref().is_some_and(is_title) && self.read_glued_title(marks) {
            return;
        }
        let Some(stretch) = found else { return };
        let stretch = self.without_country(self.without_dangling(stretch));
        let mut titles = title::read_titles(self.name, &stretch);
        self.spans.push(("title", titles.span.clone()));
        self.read_episode_title(&stretch);
        // The way an event was sold is none of its title.
        let title = std::mem::take(&mut titles.first);
        self.out.title = if title.contains("PPV") { title.replace(" PPV ", " ") } else { title };
        self.out.other_titles.append(&mut titles.others);
    }

    /// `The Complete` before a season leaves its article behind; an event's `PPV` is none of its title.
    fn without_dangling(&self, mut stretch: Stretch) -> Stretch {
        while stretch.tokens.len() > 1
            && let Some(last) = self.tokens.list.get(stretch.tokens.end - 1)
            && let Some(before) = self.tokens.list.get(stretch.tokens.end - 2)
        {
            let before_whole = || {
                let next = self.tokens.list.get(stretch.tokens.end).map_or("", |next| next.folded);
                self.is_covered(stretch.tokens.end) && WHOLE_WORKS.contains(next)
            };
            let article = matches!(last.folded, "the" | "la") && self.is_covered(stretch.tokens.end)
                // "All 7 Seasons".
                || matches!(last.folded, "all" | "full")
                    && self.is_covered(stretch.tokens.end)
                    && self.tokens.list.get(stretch.tokens.end).is_some_and(|count| count.number(2).is_some())
                // "Die komplette 2. Staffel"; elsewhere it is the English word.
                || last.folded == "die" && before_whole();
            // "Harbour, The" is how catalogues sort it.
            if !article
                || last.gap.starts_with(',') && !before_whole()
                || !last.gap.contains(['-', ':']) && !self.is_covered(stretch.tokens.end)
            {
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
        for fact in mark.facts.iter() {
            self.apply_fact(*fact, mark.strength);
        }
    }

    /// `Arabic Subs`, `Sub Ita Eng`: which languages a lone word for subtitles means.
    fn read_subtitles(&mut self, index: usize, marks: &[Mark]) {
        let is_word = |mark: &Mark| {
            mark.states(|fact| *fact == Fact::Subbed) && !mark.states(|fact| matches!(fact, Fact::Language(_)))
        };
        let Some(word) = marks.get(index).filter(|mark| is_word(mark)) else { return };
        let touches = |one: &Mark, other: &Mark| {
            one.tokens.end == other.tokens.start && self.same_place(one.tokens.start, other.tokens.start)
        };
        let before = index
            .checked_sub(1)
            .and_then(|at| marks.get(at))
            .filter(|before| before.is_language() && touches(before, word));
        // "Audio ENG Subs ITA": what stands before the word was said of the sound.
        let is_sound =
            before.is_some_and(|before| self.is_behind_audio(before)) && self.has_language_behind(index, marks);
        let mut meant: Vec<&Mark> = before.into_iter().filter(|_| !is_sound).collect();
        if meant.is_empty() {
            let mut last = word;
            for mark in marks.iter().skip(index + 1).take_while(|mark| mark.is_language()) {
                if !touches(last, mark) {
                    break;
                }
                meant.push(mark);
                last = mark;
            }
        }
        for fact in meant.iter().flat_map(|mark| mark.facts.iter()) {
            if let Fact::Language(language) = fact
                && !self.out.subtitle_languages.iter().any(|known| known == language)
            {
                self.out.subtitle_languages.push((*language).to_owned());
            }
        }
    }

    /// The word `audio` stands right before a mark.
    fn is_behind_audio(&self, mark: &Mark) -> bool {
        let before = mark.tokens.start.checked_sub(1).and_then(|at| self.tokens.list.get(at));
        before.is_some_and(|token| token.folded == "audio")
    }

    /// A language stands right behind a mark.
    fn has_language_behind(&self, index: usize, marks: &[Mark]) -> bool {
        let pair = marks.get(index).zip(marks.get(index.saturating_add(1)));
        pair.is_some_and(|(word, next)| next.is_language() && word.tokens.end == next.tokens.start)
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
            Fact::VagueSource(value) => self.vague_source = Some(value),
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
        out.source = out.source.take().or(self.vague_source.map(str::to_owned));
        if out.remux && matches!(out.source.as_deref(), None | Some("BluRay" | "BDRip" | "BRRip")) {
            out.source = Some("BluRay REMUX".to_owned());
        }
        // A collection is one whether or not its word stays in the title.
        let collection = self.tokens.list.iter().enumerate().any(|(at, token)| {
            at >= self.skipped
                && !(at > 0 && self.tokens.list.get(at - 1).is_some_and(|before| before.folded == "criterion"))
                && !WHOLE_WORKS.contains(token.folded)
                && marks::look_up(token.folded).is_some_and(|(_, facts)| facts.contains(&Fact::Complete))
        });
        let all_of = self.tokens.list.windows(3).any(|words| match words {
            [all, number, seasons] => {
                matches!(all.folded, "all" | "full")
                    && number.number(2).is_some()
                    && matches!(seasons.folded, "seasons" | "series")
            }
            _ => false,
        });
        out.complete |= collection || all_of;
        if out.threed
            && let Some(title) = out.title.strip_suffix(" 3D")
        {
            out.title = title.to_owned();
        }
        for language in scripts::languages_of(self.tokens) {
            if !out.languages.iter().any(|known| known == language) {
                out.languages.push(language.to_owned());
            }
        }
        // Whoever counts seasons in a language speaks it; Portuguese has the Spanish word.
        for token in &self.tokens.list {
            let told = COUNTED_IN.get(token.folded);
            if let Some(language) = told
                && !out.languages.iter().any(|known| known == language || language == "es" && known == "pt")
            {
                out.languages.push(language.to_owned());
            }
        }
        out.languages.sort_unstable();
    }
}
