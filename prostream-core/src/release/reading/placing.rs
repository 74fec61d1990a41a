//! Which weak marks count: words of titles and short codes mean something only in the right place.

use std::ops::Range;

use crate::release::languages;
use crate::release::marks::{self, Fact, Mark, Strength};
use crate::release::tokens::Token;
use crate::release::words::Words;

use super::{Reading, WHOLE_WORKS};

/// Codes of two letters that say something else where they stand alone: `2018.SE.1080p` is a special edition.
/// `CN.WEB-DL` a broadcaster.
const NEEDS_COMPANY: &[&str] = &["se", "cn"];
/// Codes of three letters that are words, names or abbreviations too: `[Fin]` is the last episode.
static WORDS_TOO: Words = Words::new(&["fin", "per", "may", "ben", "dan", "est", "ice", "tel", "mal", "mar", "pun"]);

/// Where a language of subtitles is spoken, told behind it: `French Canada.srt`.
static REGIONS: Words = Words::new(&[
    "brazil",
    "portugal",
    "spain",
    "castilian",
    "european",
    "europe",
    "latin",
    "america",
    "american",
    "mexico",
    "canada",
    "canadian",
    "uk",
    "us",
    "usa",
    "taiwan",
    "hong",
    "kong",
    "simplified",
    "traditional",
    "cyrillic",
]);

/// Codes of two letters that are no words of English.
const CLEAR_CODES: &[&str] = &["pl", "fr", "cz", "hu", "nl", "pt", "ru", "ro"];

impl Reading<'_, '_> {
    /// Decides which marks count: all strong ones, others by where they stand. Covers them.
    pub(super) fn accept(
        &mut self,
        marks: &[Mark],
        first_quality: Option<usize>,
        behind_number: Option<usize>,
        anchor: Option<usize>,
        group: Option<Range<usize>>,
    ) -> Vec<bool> {
        if marks.iter().all(|mark| mark.strength == Strength::Strong) {
            return vec![true; marks.len()];
        }
        let first = self.tokens.list.get(self.skipped).map_or(0, |first| first.span.start);
        let known = |at: usize| self.is_mark.get(at).copied().unwrap_or(false) || self.is_covered(at);
        let end = (self.skipped..self.tokens.list.len()).find(|at| known(*at));
        let end = end.and_then(|at| self.tokens.list.get(at)).map_or(self.name.len(), |token| token.span.start);
        let known = Counts::new((0..self.tokens.list.len()).map(known));
        if is_loud(self.text(first..end)) {
            // "The.OA.1x08.Quiet.Harbour.ITA": a short title shouts where the name does not.
            self.loud_up_to = self.loudness();
        }
        self.is_small = !self.name.contains(char::is_uppercase);
        let in_run = self.language_runs(marks, group.is_some());
        let enclosed = self.enclosed(marks);
        let mut accepted: Vec<bool> = marks.iter().map(|mark| mark.strength == Strength::Strong).collect();
        // From the back, so that a run of marks before a strong one is taken whole; then from the front.
        for backwards in [true, false] {
            for step in 0..marks.len() {
                let index = if backwards { marks.len() - 1 - step } else { step };
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
                    && self.is_language_in_place(index, marks, &accepted, first_quality)
                {
                    accepted[index] = true;
                    self.cover(mark.tokens.clone());
                }
            }
        }
        accepted
    }

    /// Which marks stand in a run about languages: `Eng, Ger, Cze`, `PT subs`, `Dublado BR`, `IT EN FR`.
    fn language_runs(&self, marks: &[Mark], has_group: bool) -> Vec<bool> {
        let about = |mark: &Mark| {
            mark.is_language()
                || mark.states(|fact| {
                    matches!(fact, Fact::Subbed | Fact::Dubbed | Fact::MultiSubs | Fact::MultiAudio | Fact::Hardcoded)
                })
                || self.text(mark.span.clone()).eq_ignore_ascii_case("language")
        };
        let first_covered = self.covered.iter().position(|covered| *covered).unwrap_or(usize::MAX);
        let mut in_run = vec![false; marks.len()];
        let mut start = 0;
        while start < marks.len() {
            let mut end = start + 1;
            while let (Some(last), Some(next)) = (marks.get(end - 1), marks.get(end))
                && about(last)
                && about(next)
                && (last.tokens.end == next.tokens.start || self.is_remark(last.tokens.end, next.tokens.start))
                && self.same_place(last.tokens.start, next.tokens.start)
                && self.text(last.span.clone()).is_ascii() == self.text(next.span.clone()).is_ascii()
            {
                end += 1;
            }
            let run = marks.get(start..end).unwrap_or_default();
            if run.len() < 2 {
                start = end;
                continue;
            }
            let opens = !self.only_marks
                && run.first().is_some_and(|mark| {
                    mark.tokens.start == self.skipped || has_group && mark.tokens.start < self.skipped
                });
            let states_language = run.iter().any(|mark| mark.states(|fact| matches!(fact, Fact::Language(_))));
            // "de la", "es no": codes in small letters outside brackets are words.
            // "2018 eng ita 1080p": two of three letters between what counts are no words, either.
            let between = run.first().zip(run.last()).is_some_and(|(first, last)| {
                self.is_covered_before(first.tokens.start)
                    && (self.is_covered(last.tokens.end) || last.tokens.end == self.tokens.list.len())
            });
            let codes = (run.len() > 2 || between) && run.iter().all(|mark| mark.span.len() > 2);
            // "Fr Eng" has a longer code beside it, "en/fr" a slash.
            let beside = run.iter().any(|mark| {
                let code = self.text(mark.span.clone()).to_ascii_lowercase();
                code.len() > 2 && !WORDS_TOO.contains(code.as_str())
            });
            let has_long = run.iter().any(|mark| mark.span.len() > 3);
            let slashed = run.iter().skip(1).all(|mark| {
                let gap = self.tokens.list.get(mark.tokens.start).map_or("", |token| token.gap);
                gap == "/" || run.len() > 2 && gap == ","
            });
            let written = codes
                || has_long
                || slashed
                || run.iter().all(|mark| {
                    let text = self.text(mark.span.clone());
                    let bracketed = self.bracket_of(mark.tokens.start).is_some();
                    let long = text.len() > 3 || mark.tokens.len() > 1;
                    // "No.Se.Puede": codes of two letters are written in capitals, or they are words.
                    let is_code = if text.len() > 2 || beside {
                        text.starts_with(char::is_uppercase)
                    } else {
                        text.chars().all(char::is_uppercase)
                    };
                    long || bracketed || is_code
                });
            let long_enough =
                !run.iter().all(Mark::is_language) || run.len() > 2 || self.behind_title(run, first_covered);
            if long_enough && states_language && written && !opens {
                in_run[start..end].fill(true);
            }
            start = end;
        }
        in_run
    }

    /// `[RUS(ext), ENG]`: one word in a bracket of its own stands before `next`.
    fn is_remark(&self, at: usize, next: usize) -> bool {
        let bracket = |at: usize| self.tokens.list.get(at).map_or(0, |token| token.bracket);
        at + 1 == next && bracket(next) > 0 && bracket(at) > bracket(next)
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
    fn behind_title(&self, run: &[Mark], first_covered: usize) -> bool {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return false };
        self.bracket_of(first.tokens.start).is_some()
            || last.tokens.end == self.tokens.list.len()
            || self.is_covered(last.tokens.end)
            || first_covered < first.tokens.start
    }

    /// Two tokens stand in the same bracket, or both outside.
    pub(super) fn same_place(&self, one: usize, other: usize) -> bool {
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
        let before_covered = self.is_covered_before(start);
        let behind = |at: Option<usize>| at.is_some_and(|at| start > at);
        let whole_bracket = start > 0 && self.bracket_of(start).is_some_and(|bracket| known.all(&bracket));
        if whole_bracket && !mark.is_language() {
            return true;
        }
        let is_placed = start > self.skipped || self.only_marks;
        if self.is_subtitle && mark.is_language() && is_placed && self.ends_subtitle(end) {
            return true;
        }
        let list = self.tokens.list.get(start..end).unwrap_or_default();
        let whole_work = list.iter().any(|token| WHOLE_WORKS.contains(token.folded));
        if mark.states(|fact| *fact == Fact::Complete) && !whole_work {
            return false;
        }
        // "x264-MAX": at the very end stands the group, whatever it is called.
        let is_group = mark.strength == Strength::Tail
            && end == self.tokens.list.len()
            && list.len() == 1
            && before_covered
            && list.iter().all(|token| token.gap == "-" && token.bracket == 0)
            && mark.states(|fact| matches!(fact, Fact::Network(_) | Fact::Edition(_) | Fact::Noise));
        if is_group {
            return false;
        }
        let opens = start <= self.skipped && !self.only_marks;
        // "Johnny English 2003", "Madame Web 2024": a word before the year is title, unless it shouts.
        let set_apart = list.first().is_some_and(Token::is_set_apart);
        // Of an edition there is no doubt: "Film Extended 2012".
        let is_edition = mark.strength == Strength::Weak && mark.states(|fact| matches!(fact, Fact::Edition(_)));
        let year_next = self.year_at(end) && !whole_work && !set_apart && !is_edition && !self.shouts(mark);
        match mark.strength {
            Strength::Strong => true,
            Strength::Weak if behind(first_quality) => true,
            // Only an episode has another title behind its number.
            Strength::Weak if behind(behind_number) && self.out.episodes.is_empty() => true,
            Strength::Weak if behind(behind_number) => {
                next_covered || self.bracket_of(start).is_some() || before_covered && self.shouts(mark)
            }
            Strength::Weak => next_covered && !opens && !year_next || self.ends_apart(mark),
            Strength::Tail => {
                let states_nothing = mark
                    .facts
                    .iter()
                    .all(|fact| matches!(fact, Fact::Noise | Fact::Retail | Fact::Convert | Fact::VagueSource(_)));
                let lone_source = anchor.is_none() && mark.states(|fact| matches!(fact, Fact::Source(_)));
                behind(first_quality)
                    || whole_bracket
                    || self.only_marks
                    || next_covered
                        && (before_covered || behind(behind_number) && (states_nothing || mark.tokens.len() > 1))
                    || next_covered
                        && !opens
                        && self.shouts(mark)
                        && (!self.year_at(end) || mark.states(|fact| matches!(fact, Fact::Edition(_))))
                    || lone_source && !opens && start > 1 && self.shouts(mark)
                    || self.ends_apart(mark)
                    // "Film Dual 1080p", "Film 2014 Dual".
                    || mark.states(|fact| *fact == Fact::MultiAudio)
                        && self.out.episodes.is_empty()
                        && !opens
                        && (first_quality == Some(end) || behind(behind_number))
            }
        }
    }

    /// `Film - ITA.avi`, `Film - Dual.avi`, `Short _ Adult Swim.mp4`: a language, the sound or who showed it, told at the very end behind a dash.
    fn ends_apart(&self, mark: &Mark) -> bool {
        // Behind an episode's number the last words are its title.
        let is_sound =
            || self.out.episodes.is_empty() && mark.states(|fact| matches!(fact, Fact::Dubbed | Fact::MultiAudio));
        let is_network = mark.strength == Strength::Weak && mark.states(|fact| matches!(fact, Fact::Network(_)));
        let is_told = mark.is_language() && self.shouts(mark) || is_sound() || is_network;
        let is_apart = |token: &Token<'_>| token.is_set_apart() || is_network && matches!(token.gap, " _ " | " | ");
        // "102 - IT.avi": the only word is the title.
        let has_title = || (self.skipped..mark.tokens.start).any(|at| !self.is_covered(at));
        mark.tokens.end == self.tokens.list.len()
            && is_told
            && self.tokens.list.get(mark.tokens.start).is_some_and(|token| is_apart(token) && token.bracket == 0)
            && has_title()
    }

    /// Is what stands before a token a mark, and neither the start of the title nor what is left out before it?
    fn is_covered_before(&self, at: usize) -> bool {
        at > 0 && at != self.skipped && self.is_covered(at - 1)
    }

    /// Nothing but brackets and marks follow in the name of a subtitle file: `Film - Chinese (Traditional).ass`.
    fn ends_subtitle(&self, at: usize) -> bool {
        let may_end = |at: usize| {
            let token = self.tokens.list.get(at);
            self.is_covered(at) || token.is_some_and(|token| token.bracket > 0 || REGIONS.contains(token.folded))
        };
        // What is covered stays so: what has been cut off once is not looked at again.
        let mut end = self.subtitle_end.get();
        while end > 0 && may_end(end - 1) {
            end -= 1;
        }
        self.subtitle_end.set(end);
        at >= end
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
        let is_name_loud = || self.loud_up_to.get(mark.tokens.start).copied().unwrap_or(false);
        is_loud(self.text(mark.span.clone())) && !is_name_loud()
    }

    /// For each token: what stands before it shouts.
    fn loudness(&self) -> Vec<bool> {
        let (mut upper, mut lower) = (0, 0);
        let before = self.tokens.list.iter().enumerate().map(|(at, token)| {
            let is_loud = upper > lower;
            if at >= self.skipped {
                upper += token.text.chars().filter(|letter| letter.is_uppercase()).count();
                lower += token.text.chars().filter(|letter| letter.is_lowercase()).count();
            }
            is_loud
        });
        before.collect()
    }

    /// Nothing but words that tables know: `Spanish.spa`, `english,russian`.
    pub(super) fn is_only_marks<'k>(mut tokens: impl Iterator<Item = &'k Token<'k>>) -> bool {
        tokens.all(|token| {
            marks::look_up(token.folded).is_some()
                || languages::short_code(token.folded).is_some()
                || token.folded.bytes().all(|byte| byte.is_ascii_digit())
        })
    }

    /// Codes of two letters are words of every language: they need company.
    fn is_language_in_place(
        &self,
        index: usize,
        marks: &[Mark],
        accepted: &[bool],
        first_quality: Option<usize>,
    ) -> bool {
        let Some(mark) = marks.get(index) else { return false };
        if !mark.is_language() || mark.tokens.len() != 1 {
            return true;
        }
        let code = self.text(mark.span.clone()).to_ascii_lowercase();
        let is_code = mark.span.len() <= 3 || languages::short_code(&code).is_some();
        if !is_code {
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
        // "-Ro[site.tld]" as well.
        let ends = self.tokens.list.get(mark.tokens.end).is_none_or(|next| next.bracket > 0 && next.gap == "[");
        let is_group = token.is_some_and(|token| token.gap.ends_with('-') && token.bracket == 0) && ends
            || token.is_some_and(|token| token.gap.ends_with('-')) && mark.tokens.end == self.tokens.list.len();
        let alone = self.bracket_of(mark.tokens.start).is_some_and(|bracket| bracket.len() == 1);
        // "[DVDRip-ITA]" opens the name.
        let closes = self
            .bracket_of(mark.tokens.start)
            .is_some_and(|bracket| bracket.end == mark.tokens.end && bracket.end == self.skipped);
        let between = self.is_covered_before(mark.tokens.start) && (closes || self.is_covered(mark.tokens.end));
        // "720p.es[www.site.tld]": no title reaches between two marks.
        let is_behind_quality = first_quality.is_some_and(|quality| quality < mark.tokens.start)
            && self.text(mark.span.clone()).chars().all(char::is_lowercase);
        let is_clear = CLEAR_CODES.contains(&code.as_str());
        let shouts = self.text(mark.span.clone()).chars().all(char::is_uppercase)
            // In a name without any capital a code has none either.
            || between && (self.is_small || is_clear || is_behind_quality);
        let subtitle = self.is_subtitle && self.ends_subtitle(mark.tokens.end);
        // "AC3.iTA-GRP": between a mark and the group.
        let before_group = self.is_covered_before(mark.tokens.start)
            && self.tokens.list.get(mark.tokens.end).is_some_and(|next| next.gap == "-" && next.bracket == 0)
            && self.tokens.list.get(mark.tokens.end + 1).is_none_or(|behind| behind.bracket > 0);
        // "S02E05 Title PL": in capitals at the very end of a name that is not.
        let is_written = |token: &Token<'_>| matches!(token.gap, " " | ".") && token.bracket == 0;
        let closes_name = mark.tokens.end == self.tokens.list.len()
            && token.is_some_and(is_written)
            && (!self.out.episodes.is_empty()
                || is_clear
                || mark.span.len() == 3 && !WORDS_TOO.contains(code.as_str()))
            && self.shouts(mark)
            && shouts;
        // "Title ITA 1080p", "S01E05.Tytul.PL.1080p": in capitals before a mark.
        let clear = mark.span.len() == 3 && code.is_ascii() || is_clear && !self.out.episodes.is_empty();
        let before_mark = clear
            && self.is_covered(mark.tokens.end)
            && mark.tokens.end < self.tokens.list.len()
            && mark.tokens.start > self.skipped
            && !self.year_at(mark.tokens.end)
            && self.shouts(mark);
        // Codes that are words as well have to be written as codes.
        let is_word = WORDS_TOO.contains(code.as_str());
        // "XviD ITA by Someone": in capitals behind a mark.
        let behind_mark = clear
            && !is_word
            && shouts
            && self.is_covered_before(mark.tokens.start)
            && token.is_some_and(is_written)
            && self.tokens.list.get(mark.tokens.end).is_some_and(is_written);
        let ends_apart = self.ends_apart(mark) && (clear || is_clear) && !is_word;
        let placed = alone || between || before_group || before_mark || behind_mark || ends_apart;
        let lone = NEEDS_COMPANY.contains(&code.as_str());
        // "[Sp]".
        let is_spanish = self.text(mark.span.clone()) == "Sp" && (alone || between);
        let written = is_spanish || shouts && !lone || mark.span.len() == 3 && (!is_word || before_group);
        // "En-AC3": the language of a sound track.
        let names_sound = token
            .is_some_and(|token| !token.gap.ends_with('-') && token.text.starts_with(char::is_uppercase))
            && self.tokens.list.get(mark.tokens.end).is_some_and(|next| next.gap == "-")
            && marks.get(index + 1).is_some_and(|sound| {
                sound.tokens.start == mark.tokens.end
                    && sound.states(|fact| matches!(fact, Fact::Audio(_) | Fact::Channels(_)))
            });
        neighbour || subtitle || names_sound || !is_group && (placed && written || closes_name)
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
