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
    // "05 - Title.mkv": the number stands first, so what follows is the title of the episode.
    let starts = |field: &str| out.spans.iter().find(|(known, _)| *known == field).map(|(_, span)| span.start);
    let mut title_is_episodes = starts("episodes").zip(starts("title")).is_some_and(|(number, title)| number < title);
    for (folder, start) in path.folders {
        let folder = read_one(folder, start);
        if title_is_episodes && !folder.title.is_empty() {
            out.episode_title = Some(std::mem::take(&mut out.title)).filter(|title| !title.is_empty());
            for (field, _) in out.spans.iter_mut().filter(|(field, _)| *field == "title") {
                *field = "episode_title";
            }
            title_is_episodes = false;
        }
        complete_from_folder(&mut out, folder);
    }
    out
}

/// Most folders around a file that are read, the nearest first: a season's and its show's.
const MAX_FOLDERS: usize = 2;

/// A path in pieces: the file, and the folders around it with where they start.
struct Path<'a> {
    file: &'a str,
    file_start: usize,
    folders: Vec<(&'a str, usize)>,
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
    let mut rest = folders;
    let mut list = Vec::new();
    while list.len() < MAX_FOLDERS && !rest.is_empty() {
        let start = rest.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
        list.extend(rest.get(start..).filter(|folder| !folder.is_empty()).map(|folder| (folder, start)));
        rest = rest.get(..start.saturating_sub(1)).unwrap_or_default();
    }
    Some(Path { file, file_start: at + 1, folders: list })
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
    let mut reading = Reading::new(body, &tokens, extension);
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
    is_subtitle: bool,
    /// Which tokens state something and are no title.
    covered: Vec<bool>,
    /// The name holds nothing but words that tables know.
    only_marks: bool,
    /// What stands before the first mark shouts, so capitals tell nothing.
    loud: bool,
    /// Which tokens a table knows, whether or not they count here.
    is_mark: Vec<bool>,
    /// Tokens that open the name without being its title: a group or a site in brackets.
    skipped: usize,
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
        let only_marks = Self::is_only_marks(tokens);
        Self {
            name,
            tokens,
            is_file,
            is_subtitle,
            covered,
            is_mark,
            only_marks,
            loud: false,
            skipped: 0,
            out: ReleaseName::default(),
            spans: Vec::new(),
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

    fn read(&mut self) {
        self.read_sites();
        let mut found = marks::find_marks(self.tokens);
        found.retain(|mark| !self.is_covered(mark.tokens.start));
        let leading = self.leading_bracket();
        let has_group = self.is_group(&leading, &found);
        for mark in &found {
            if let Some(known) = self.is_mark.get_mut(mark.tokens.clone()) {
                known.fill(true);
            }
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
        let numbers = numbering::read(self.tokens, &self.covered, has_group, self.is_file);
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
        let accepted = self.accept(&found, first_quality, behind_number, anchor, has_group.then(|| leading.clone()));
        self.read_group(has_group.then_some(leading), anchor, first_quality, &accepted, &found);
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

    /// The tokens of a square bracket that opens the name with more behind it, unless it holds the title and its year.
    fn leading_bracket(&self) -> Range<usize> {
        let Some(bracket) = self.tokens.brackets.first() else { return 0..0 };
        let range = bracket.tokens.clone();
        let list = self.tokens.list.get(range.clone()).unwrap_or_default();
        let opens = range.start == 0
            && self.name.get(..bracket.span.start).is_some_and(|before| before.trim().is_empty())
            && bracket.opening != '★';
        let alone = range.end == self.tokens.list.len();
        let dated = list.iter().any(|token| token.number(4).is_some_and(|year| dates::YEARS.contains(&year)));
        let numeric = list.iter().all(|token| token.number(3).is_some());
        if opens && !alone && !dated && !numeric && !range.is_empty() { range } else { 0..0 }
    }

    /// Whether the bracket that opens the name holds neither marks nor a site: then it is a group, as anime releases write it.
    fn is_group(&self, leading: &Range<usize>, marks: &[Mark]) -> bool {
        let marked = marks.iter().filter(|mark| leading.contains(&mark.tokens.start)).any(|mark| {
            // One weak word does not make a group's name a list of marks.
            mark.strength == Strength::Strong || mark.tokens.len() == leading.len()
        });
        !leading.is_empty() && !marked && leading.clone().all(|at| !self.is_covered(at))
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
        group: Option<Range<usize>>,
    ) -> Vec<bool> {
        let first = self.tokens.list.get(self.skipped).map_or(0, |first| first.span.start);
        let known = |at: usize| self.is_mark.get(at).copied().unwrap_or(false) || self.is_covered(at);
        let end = (self.skipped..self.tokens.list.len()).find(|at| known(*at));
        let end = end.and_then(|at| self.tokens.list.get(at)).map_or(self.name.len(), |token| token.span.start);
        let known = Counts::new((0..self.tokens.list.len()).map(known));
        self.loud = is_loud(self.text(first..end));
        let in_run = self.language_runs(marks);
        let enclosed = self.enclosed(marks);
        let mut accepted: Vec<bool> = marks.iter().map(|mark| mark.strength == Strength::Strong).collect();
        // From the back, so that a run of marks before a strong one is taken whole; then from the front.
        for backwards in [true, false] {
            let mut order: Vec<usize> = (0..marks.len()).collect();
            if backwards {
                order.reverse();
            }
            for index in order {
                let (Some(mark), Some(false)) = (marks.get(index), accepted.get(index)) else { continue };
                if group.as_ref().is_some_and(|group| group.contains(&mark.tokens.start)) {
                    continue;
                }
                if [&in_run, &enclosed].iter().any(|list| list.get(index).copied().unwrap_or(false)) {
                    accepted[index] = true;
                    self.cover(mark.tokens.clone());
                    continue;
                }
                if self.counts(mark, &known, first_quality, behind_number, anchor)
                    && self.is_language_in_place(index, marks, &accepted)
                {
                    accepted[index] = true;
                    self.cover(mark.tokens.clone());
                }
            }
        }
        accepted
    }

    /// Which marks stand in a run about languages: `Eng, Ger, Cze`, `PT subs`, `Dublado BR`, `IT EN FR`.
    fn language_runs(&self, marks: &[Mark]) -> Vec<bool> {
        let about = |mark: &Mark| {
            mark.is_language()
                || mark.states(|fact| {
                    matches!(fact, Fact::Subbed | Fact::Dubbed | Fact::MultiSubs | Fact::MultiAudio | Fact::Hardcoded)
                })
                || self.text(mark.span.clone()).eq_ignore_ascii_case("language")
        };
        let mut in_run = vec![false; marks.len()];
        let mut start = 0;
        while start < marks.len() {
            let mut end = start + 1;
            while let (Some(last), Some(next)) = (marks.get(end - 1), marks.get(end))
                && about(last)
                && about(next)
                && last.tokens.end == next.tokens.start
                && self.same_place(last.tokens.start, next.tokens.start)
            {
                end += 1;
            }
            let run = marks.get(start..end).unwrap_or_default();
            let opens = run.first().is_some_and(|mark| mark.tokens.start <= self.skipped) && !self.only_marks;
            let states_language = run.iter().any(|mark| mark.states(|fact| matches!(fact, Fact::Language(_))));
            // "de la", "es no": codes in small letters outside brackets are words.
            let written = run.iter().all(|mark| {
                let text = self.text(mark.span.clone());
                let bracketed = self.bracket_of(mark.tokens.start).is_some();
                let long = text.len() > 3 || mark.tokens.len() > 1;
                long || bracketed
                    || text.starts_with(char::is_uppercase)
                    || run.iter().any(|other| other.span.len() > 3)
            });
            let long_enough =
                run.len() > 1 && (!run.iter().all(Mark::is_language) || run.len() > 2 || self.behind_title(run));
            if long_enough && states_language && written && !opens {
                in_run[start..end].fill(true);
            }
            start = end;
        }
        in_run
    }

    /// Which marks stand in an unbroken run of marks behind something that counts and before something that counts or the end:
    /// `2010.UNRATED.DC.1080p`.
    fn enclosed(&self, marks: &[Mark]) -> Vec<bool> {
        let count = self.tokens.list.len();
        let known = |at: usize| self.is_covered(at) || self.is_mark.get(at).copied().unwrap_or(false);
        // For each token: what stands at the left and right end of the run of known tokens around it.
        let mut left = vec![false; count];
        let mut right = vec![false; count];
        for at in 0..count {
            let before =
                at > self.skipped && (self.is_covered(at - 1) || known(at - 1) && left.get(at - 1) == Some(&true));
            left[at] = before;
        }
        for at in (0..count).rev() {
            let after = at + 1 == count || self.is_covered(at + 1) || known(at + 1) && right.get(at + 1) == Some(&true);
            right[at] = after;
        }
        marks
            .iter()
            .map(|mark| {
                let (first, last) = (mark.tokens.start, mark.tokens.end.saturating_sub(1));
                let short = mark.is_language() && mark.span.len() <= 3;
                // At the very end stands the group, whatever it is called.
                let group = mark.tokens.end == count
                    && self.tokens.list.get(first).is_some_and(|token| token.gap.ends_with('-'));
                !short && !group && left.get(first) == Some(&true) && right.get(last) == Some(&true)
            })
            .collect()
    }

    /// Two languages in a row may still be a title: `English German`. Behind a bracket or at the end they are not.
    fn behind_title(&self, run: &[Mark]) -> bool {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return false };
        self.bracket_of(first.tokens.start).is_some()
            || last.tokens.end == self.tokens.list.len()
            || self.is_covered(last.tokens.end)
            || self.covered.iter().take(first.tokens.start).any(|covered| *covered)
    }

    /// Two tokens stand in the same bracket, or both outside.
    fn same_place(&self, one: usize, other: usize) -> bool {
        let bracket = |at: usize| self.tokens.list.get(at).map(|token| token.bracket);
        bracket(one) == bracket(other)
    }

    /// Whether a weak mark counts where it stands.
    fn counts(
        &self,
        mark: &Mark,
        known: &Counts,
        first_quality: Option<usize>,
        behind_number: Option<usize>,
        anchor: Option<usize>,
    ) -> bool {
        let (start, end) = (mark.tokens.start, mark.tokens.end);
        let next_covered = self.is_covered(end);
        let before_covered = start > self.skipped && self.is_covered(start - 1);
        let behind = |at: Option<usize>| at.is_some_and(|at| start > at);
        let whole_bracket = start > 0 && self.bracket_of(start).is_some_and(|bracket| known.all(&bracket));
        if whole_bracket && !mark.is_language() {
            return true;
        }
        let list = self.tokens.list.get(start..end).unwrap_or_default();
        let whole_work = list.iter().any(|token| WHOLE_WORKS.contains(&token.folded.as_str()));
        if mark.states(|fact| *fact == Fact::Complete) && !whole_work {
            return false;
        }
        let opens = start <= self.skipped && !self.only_marks;
        // "Johnny English 2003", "Madame Web 2024": a word before the year is title, unless it shouts.
        let set_apart = list.first().is_some_and(|token| token.gap == " - ");
        let year_next = self.year_at(end) && !whole_work && !set_apart && !self.shouts(mark);
        match mark.strength {
            Strength::Strong => true,
            Strength::Weak if behind(first_quality) => true,
            Strength::Weak if behind(behind_number) => {
                next_covered || self.bracket_of(start).is_some() || before_covered && self.shouts(mark)
            }
            Strength::Weak => next_covered && !opens && !year_next,
            Strength::Tail => {
                let states_nothing =
                    mark.facts.iter().all(|fact| matches!(fact, Fact::Noise | Fact::Retail | Fact::Convert));
                let lone_source = anchor.is_none() && mark.states(|fact| matches!(fact, Fact::Source(_)));
                behind(first_quality)
                    || whole_bracket
                    || self.only_marks
                    || next_covered
                        && (before_covered || behind(behind_number) && (states_nothing || mark.tokens.len() > 1))
                    || next_covered && !opens && self.shouts(mark) && !self.year_at(end)
                    || lone_source && !opens && start > 1 && self.shouts(mark)
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
        is_loud(text) && !self.loud
    }

    /// Nothing but words that tables know: `Spanish.spa`, `english,russian`.
    fn is_only_marks(tokens: &Tokens<'_>) -> bool {
        tokens.list.iter().all(|token| {
            marks::look_up(&token.folded).is_some()
                || languages::short_code(&token.folded).is_some()
                || token.folded.bytes().all(|byte| byte.is_ascii_digit())
        })
    }

    /// Codes of two letters are words of every language: they need company.
    fn is_language_in_place(&self, index: usize, marks: &[Mark], accepted: &[bool]) -> bool {
        let Some(mark) = marks.get(index) else { return false };
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
        let touching = [index.checked_sub(1), Some(index + 1)].into_iter().flatten();
        let neighbour = touching.filter_map(|at| marks.get(at).zip(accepted.get(at))).any(|(other, accepted)| {
            let touches = other.tokens.end == mark.tokens.start || other.tokens.start == mark.tokens.end;
            let near = touches && self.same_place(other.tokens.start, mark.tokens.start);
            near && (other.is_language() || *accepted) && other.states(about_language)
        });
        let token = self.tokens.list.get(mark.tokens.start);
        let is_group = token.is_some_and(|token| token.gap.ends_with('-')) && mark.tokens.end == self.tokens.list.len();
        let alone = self.bracket_of(mark.tokens.start).is_some_and(|bracket| bracket.len() == 1);
        let before_covered = mark.tokens.start > self.skipped && self.is_covered(mark.tokens.start - 1);
        let between = before_covered && self.is_covered(mark.tokens.end);
        let shouts = self.text(mark.span.clone()).chars().all(char::is_uppercase);
        let subtitle = self.is_subtitle && mark.tokens.end == self.tokens.list.len();
        neighbour || subtitle || !is_group && (alone || between) && (shouts || mark.span.len() == 3)
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
        let (end, tag) = self.before_trailing_brackets(first_mark);
        // A group may be called like a weak word.
        let mut stated = self.covered.clone();
        for (mark, _) in marks
            .iter()
            .zip(accepted)
            .filter(|(mark, accepted)| **accepted && mark.strength == Strength::Tail && !mark.is_language())
        {
            if let Some(stated) = stated.get_mut(mark.tokens.clone()) {
                stated.fill(false);
            }
        }
        let group = group::trailing_group(self.tokens, &stated, first_mark, first_quality, end)
            .or_else(|| leading.clone())
            .or(tag);
        if let Some(range) = group {
            let span = self.bytes(range.clone());
            self.out.group = Some(self.text(span.clone()).trim_matches(['-', '_', '.', ' ']).to_owned());
            self.spans.push(("group", span));
            self.cover(range);
        }
    }

    /// The index behind the last token that is not in a bracket at the end of the name, and the last bracket that may name a group.
    fn before_trailing_brackets(&mut self, first_mark: usize) -> (usize, Option<Range<usize>>) {
        let mut end = self.tokens.list.len();
        let is_container = |text: &str| VIDEO_EXTENSIONS.contains(&text);
        if self
            .tokens
            .list
            .last()
            .is_some_and(|token| token.bracket == 0 && token.gap.ends_with(' ') && is_container(&token.folded))
        {
            end -= 1;
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
            if range.clone().any(|at| self.is_covered(at)) {
                continue;
            }
            let name = self.tokens.list.get(range.start).map_or("", |token| token.folded.as_str());
            let is_tag = range.len() == 1 && group::is_tracker_tag(name);
            if tag.is_none()
                && !is_tag
                && range.len() <= 3
                && bracket.opening == '['
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

    fn read_title(&mut self) {
        let Some(stretch) = title::find_title(self.name, self.tokens, &self.covered, self.skipped) else { return };
        let stretch = self.without_country(self.without_dangling(stretch));
        let mut titles = title::read_titles(self.name, &stretch);
        self.spans.push(("title", titles.span.clone()));
        self.read_episode_title(&stretch);
        // The way an event was sold is none of its title.
        self.out.title = std::mem::take(&mut titles.first).replace(" PPV ", " ");
        self.out.other_titles.append(&mut titles.others);
    }

    /// `The Complete` before a season leaves its article behind; an event's `PPV` is none of its title.
    fn without_dangling(&self, mut stretch: Stretch) -> Stretch {
        while stretch.tokens.len() > 1
            && let Some(last) = self.tokens.list.get(stretch.tokens.end - 1)
            && let Some(before) = self.tokens.list.get(stretch.tokens.end - 2)
        {
            let ordinal =
                last.folded.strip_suffix("th").or_else(|| last.folded.strip_suffix("st")).is_some_and(|digits| {
                    digits.bytes().all(|byte| byte.is_ascii_digit())
                        && self.tokens.list.get(stretch.tokens.end).is_some_and(|next| next.folded == "anniversary")
                });
            let article =
                ordinal || matches!(last.folded.as_str(), "the" | "la") && self.is_covered(stretch.tokens.end);
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
                && !(at > 0 && self.tokens.list.get(at - 1).is_some_and(|before| before.folded == "criterion"))
                && !WHOLE_WORKS.contains(&token.folded.as_str())
                && marks::look_up(&token.folded).is_some_and(|(_, facts)| facts.contains(&Fact::Complete))
        });
        let all_of = self.tokens.list.windows(3).any(|words| match words {
            [all, number, seasons] => {
                matches!(all.folded.as_str(), "all" | "full")
                    && number.number(2).is_some()
                    && matches!(seasons.folded.as_str(), "seasons" | "series")
            }
            _ => false,
        });
        out.complete |= collection || all_of;
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
        let han =
            self.tokens.list.iter().any(|token| {
                token.text.chars().filter(|letter| ('\u{4e00}'..='\u{9fff}').contains(letter)).count() > 1
            });
        if han && !out.languages.iter().any(|known| known == "ja" || known == "zh") {
            out.languages.push("zh".to_owned());
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

/// More capitals than small letters: `LIMITED`, and `iTALiAN` too.
fn is_loud(text: &str) -> bool {
    let upper = text.chars().filter(|letter| letter.is_uppercase()).count();
    upper > text.chars().filter(|letter| letter.is_lowercase()).count()
}

/// How many of the first tokens hold, for each length: whether a whole range does is one subtraction.
struct Counts(Vec<usize>);

impl Counts {
    fn new(holds: impl Iterator<Item = bool>) -> Self {
        let mut sum = 0;
        let counts = holds.map(|holds| {
            sum += usize::from(holds);
            sum
        });
        Self(std::iter::once(0).chain(counts).collect())
    }

    fn all(&self, range: &Range<usize>) -> bool {
        let at = |index: usize| self.0.get(index).copied().unwrap_or(0);
        at(range.end).saturating_sub(at(range.start)) == range.len()
    }
}
