//! Bare numbers, told by where they stand: `- 08 [`, `[04]`, `102 - Title`, `03x20`.

use std::ops::Range;

use crate::release::tokens::{Token, is_opening, number};

use super::named::OTHER_COUNTS;
use super::written::episode_number;
use super::{Fact, RANGE_WORDS, Scanner, YEARS, look_up, range, states_whole};

/// Fewer than so many from one to another may be films of a series.
const LEAST_EPISODES: u32 = 11;

/// What stands behind the number of the last episode.
fn is_end(word: &str) -> bool {
    matches!(word, "end" | "fin")
}

impl Scanner<'_, '_> {
    /// Numbers without any word, by where they stand.
    pub(super) fn bare(&mut self) {
        if !self.has_free_number() {
            return;
        }
        if self.out.seasons.is_empty() && self.pair() {
            return;
        }
        let _ = self.leading()
            || self.dashed()
            || self.bracketed()
            || self.extra()
            || self.before_bracket()
            || self.padded()
            || self.versioned()
            || self.many_from_one()
            || self.joined()
            || self.trailing()
            || self.hashed()
            || self.in_folder();
        // "S02/205 - Title.mkv" repeats the season.
        if let (Some(season), [episode]) = (self.folder_season, self.out.episodes.as_mut_slice())
            && self.out.seasons.is_empty()
            && *episode / 100 == season
            && *episode % 100 > 0
        {
            *episode %= 100;
        }
    }

    /// Some word has a number in it that nothing has claimed, and that is no year: without one nothing can be counted here.
    fn has_free_number(&self) -> bool {
        let is_year =
            |token: &Token<'_>| token.folded.len() == 4 && token.number(4).is_some_and(|n| (1900..2100).contains(&n));
        self.tokens.list.iter().zip(self.taken).any(|(token, taken)| token.has_digit && !taken && !is_year(token))
    }

    /// `Season 3/12. Title.mkv`, `Season 3/Show 12.mkv`: in the folder of a season a file has a number.
    fn in_folder(&mut self) -> bool {
        if self.folder_season.is_none() || !self.out.seasons.is_empty() {
            return false;
        }
        let last = self.tokens.list.len().saturating_sub(1);
        let is_number = |at: usize| (1..=3).contains(&self.word(at).len()) && self.countable(at).is_some();
        // "show.205.720p.mkv" in the folder of the second season.
        let is_season = |at: &usize| {
            let ordinal = self.token(*at).filter(|token| token.folded.len() == 3).and_then(|token| token.number(3));
            ordinal.is_some_and(|ordinal| Some(ordinal / 100) == self.folder_season) && self.countable(*at).is_some()
        };
        let found = [0, last].into_iter().find(|at| is_number(*at)).or_else(|| (1..last).find(is_season));
        found.is_some_and(|at| self.take(at))
    }

    /// `1-09-70` is some date, no range.
    fn three_in_a_row(&self, at: usize) -> bool {
        let tight = |at| self.token(at).is_some_and(|token| token.tight() && token.number(4).is_some());
        tight(at + 1) && tight(at + 2)
    }

    /// `#36`.
    fn hashed(&mut self) -> bool {
        let found = (1..self.tokens.list.len()).find(|at| {
            self.token(*at).is_some_and(|token| token.gap.ends_with(['#', '№'])) && self.countable(*at).is_some()
        });
        found.is_some_and(|at| self.take(at))
    }

    /// A number that may count episodes: not a year, not taken, not behind `Movie` or `Part`.
    fn countable(&self, at: usize) -> Option<(u32, bool)> {
        let token = self.token(at).filter(|_| self.free(at))?;
        let found = episode_number(token.folded, 4)?;
        if self.claim_at(at).is_held {
            return None;
        }
        // "S01 720": a resolution without its letter, at the end.
        let is_lines = matches!(token.folded, "480" | "720" | "1080" | "2160");
        if is_lines && !self.is_file && at + 1 == self.tokens.list.len() && !self.opens_with_group {
            return None;
        }
        // "3.33" is one number.
        let decimal =
            token.gap == "." && self.token(at.wrapping_sub(1)).is_some_and(|before| before.number(1).is_some());
        // "Film - 05 - Title (2007)" counts films.
        let film = !self.opens_with_group && self.year_behind(at);
        if decimal || film {
            return None;
        }
        let before = self.word(at.wrapping_sub(1));
        let dashed = token.gap.contains('-') && token.gap.len() > 1 && !matches!(before, "movie" | "film");
        let counts_other = at > 0 && OTHER_COUNTS.contains(before) && !dashed && !self.is_extra(before);
        let year = token.folded.len() == 4 && (1900..2100).contains(&found.0);
        (!counts_other && !year).then_some(found)
    }

    /// A year stands somewhere behind a token.
    fn year_behind(&self, at: usize) -> bool {
        self.last_year.is_some_and(|year| year > at)
    }

    /// Takes the number at `at` and the range or list that it opens.
    pub(super) fn take(&mut self, at: usize) -> bool {
        let Some((first, revised)) = self.countable(at) else { return false };
        let mut episodes = vec![first];
        let mut end = at + 1;
        while let Some(token) = self.token(end) {
            let last = episodes.last().copied().unwrap_or(first);
            let text = token.folded.strip_suffix("tv").unwrap_or(token.folded);
            let width_fits = text.len() >= self.word(at).len().min(2);
            let Some((next, _)) = episode_number(text, 4).filter(|_| self.free(end) && width_fits) else {
                let words = RANGE_WORDS.contains(token.folded);
                let Some(more) = self.countable(end + 1).filter(|_| words).and_then(|(next, _)| range(last, next))
                else {
                    break;
                };
                episodes.extend(more);
                end += 2;
                continue;
            };
            if matches!(token.mark(), "-" | "~" | "–" | "_~_" | "_-_") && !token.after_bracket() {
                // "004 - 91 Nights": the number opens a title.
                if !token.tight() && self.opens_words(end) {
                    break;
                }
                let Some(more) = range(last, next) else { break };
                episodes.extend(more);
            } else if matches!(token.mark(), "," | "&" | "+" | "_") && next == last + 1 {
                episodes.push(next);
            } else {
                break;
            }
            end += 1;
        }
        // "05 END" is the last.
        if is_end(self.word(end)) && self.closes(end) {
            end += 1;
        }
        // "05 v2", "05_v2".
        if let Some(version) = self.token(end).filter(|token| matches!(token.gap, " " | "_"))
            && let Some(version) = version.folded.strip_prefix('v').and_then(|digit| number(digit, 1))
        {
            self.out.revised |= version > 1;
            end += 1;
        }
        // "17.5" is a recap between two episodes, "17.5v2" its second version.
        let is_half = |word: &str| word.starts_with('5') && episode_number(word, 1).is_some();
        if self.token(end).is_some_and(|token| token.gap == "." && is_half(token.folded)) {
            end += 1;
        }
        end = self.skip_total(end);
        self.out.episodes.extend(episodes);
        self.out.revised |= revised;
        self.claim_tokens("episodes", at..end);
        true
    }

    /// A word of a title follows the token, with nothing but a space between.
    pub(super) fn opens_words(&self, at: usize) -> bool {
        self.free(at + 1)
            && self.token(at + 1).is_some_and(|next| {
                matches!(next.gap, " " | "." | "_" | "% ")
                    && next.text.chars().all(char::is_alphabetic)
                    && !states_whole(next.folded)
                    && !RANGE_WORDS.contains(next.folded)
                    && !is_end(next.folded)
                    && look_up(next.folded).is_none()
            })
    }

    /// Something ends behind the token: the name, or a bracket opens, or a dash follows.
    fn closes(&self, at: usize) -> bool {
        self.token(at + 1).is_none_or(|next| next.after_bracket() || (next.gap.contains('-') && next.gap.len() > 1))
            || is_end(self.word(at + 1)) && self.token(at + 2).is_none_or(Token::after_bracket)
    }

    /// `- 08`, `_-_19_-_`, `- 01 ~ 12`: the last such number that something ends behind, or else the first.
    fn dashed(&mut self) -> bool {
        let spaced_dash = |token: &Token<'_>| {
            !token.gap.contains(is_opening)
                && token.gap.len() > 1
                && token.gap.contains(['-', '–'])
                && !token.gap.contains('/')
        };
        let candidates: Vec<usize> = (1..self.tokens.list.len())
            .filter(|at| self.token(*at).is_some_and(spaced_dash) && self.countable(*at).is_some())
            .filter(|at| !self.three_in_a_row(*at))
            .collect();
        let long = |at: &usize| self.word(*at).bytes().filter(u8::is_ascii_digit).count() >= 2;
        let closing = candidates.iter().rev().find(|at| {
            let mut end = **at;
            // Step over the rest of a range or a half: "01 - 12", "14.5".
            while self.token(end + 1).is_some_and(|next| {
                (next.number(4).is_some() || RANGE_WORDS.contains(next.folded)) && !next.after_bracket()
            }) {
                end += 1;
            }
            self.closes(end)
        });
        // The first of a range written with spaces: "01 - 12".
        let first_of = |at: usize, is_set_apart: bool| {
            let before = at - 1;
            // "9-1-1 - 23": the last digit of a title.
            if self.token(before).is_some_and(|token| token.gap == "-" || token.gap.ends_with('#')) {
                return at;
            }
            let padded = self.word(before).starts_with('0') && self.word(before).len() == self.word(at).len();
            let placed = padded
                && self.countable(before).is_some_and(|(first, _)| first > 0)
                && self.token(at).is_some_and(|token| token.gap == " - ")
                || is_set_apart && self.token(before).is_some_and(|token| spaced_dash(token) || token.after_bracket());
            // "Show 1 - 12 [1080p]".
            let is_all = self.word(before) == "1" && self.countable(at).is_some_and(|(last, _)| last >= LEAST_EPISODES);
            let placed = placed || is_all && self.token(at).is_some_and(|token| token.gap == " - ");
            let rises = self.countable(before).is_some() && self.countable(before) < self.countable(at);
            if placed && rises { before } else { at }
        };
        let start = closing.map(|at| first_of(*at, true));
        match start.or_else(|| candidates.iter().find(|at| long(at)).map(|at| first_of(*at, false))) {
            Some(at) => self.take(at),
            None => false,
        }
    }

    /// A word for what was made beside the episodes, which anime releases count on its own.
    fn is_extra(&self, word: &str) -> bool {
        self.opens_with_group && matches!(word, "ova" | "oad" | "ona" | "sp" | "special")
    }

    /// `Special 2 [`, `- OVA2 [`, `- SP01 [`: the word stays in the title, so that no episode of the show is meant.
    fn extra(&mut self) -> bool {
        for at in 1..self.tokens.list.len() {
            let word = self.word(at);
            if self.is_extra(word) && self.word(at + 1).len() < 3 && self.closes(at + 1) && self.take(at + 1) {
                return true;
            }
            let name = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
            let counts = self.free(at) && self.is_extra(name) && self.closes(at);
            if let Some(token) = self.token(at).filter(|token| counts && token.text.is_ascii())
                && let Some(episode) = word.get(name.len()..).and_then(|digits| number(digits, 2))
            {
                let digits = token.span.end - (word.len() - name.len())..token.span.end;
                self.out.episodes.push(episode);
                self.claim("episodes", at..at, digits);
                return true;
            }
        }
        false
    }

    /// `[04]`, `(01-12)`, `[0001-1071+Movies]`.
    fn bracketed(&mut self) -> bool {
        for index in 0..self.tokens.brackets.len() {
            let range = self.tokens.brackets[index].tokens.clone();
            let Some(first) = self.token(range.start).filter(|_| !range.is_empty()) else { continue };
            let digits = first.folded.bytes().take_while(u8::is_ascii_digit).count();
            let second_is_number = self.token(range.start + 1).is_some_and(|token| {
                range.len() > 1
                    && episode_number(token.folded.trim_end_matches("tv"), 4).is_some()
                    && matches!(token.mark(), "-" | "~" | "_")
            });
            let titled = self.token(range.start + 1).is_some_and(Token::is_set_apart);
            // "[07(19)]": counted from the first as well.
            let counted_twice = range.len() == 2
                && self.is_whole_bracket(range.clone())
                && self.is_whole_bracket(range.start + 1..range.end);
            let alone =
                range.len() == 1 || counted_twice || range.len() > 1 && (is_end(self.word(range.start + 1)) || titled);
            if range.start > 0 && (digits >= 2 && alone || digits >= 1 && second_is_number) && self.take(range.start) {
                return true;
            }
        }
        false
    }

    /// `Bleach_264_[012073FE]`, `Show 87 (1080p)`: only in names that open with a group.
    fn before_bracket(&mut self) -> bool {
        if !self.opens_with_group {
            return false;
        }
        let start = self.tokens.brackets.first().map_or(0, |bracket| bracket.tokens.end);
        for at in (start + 1)..self.tokens.list.len() {
            let outside = self.token(at).is_some_and(|token| token.bracket == 0);
            // "[Grp] Harbour 51 (Season 2)", "[Grp] Harbour 2202 [BD]": the number of a title, before what tells of the whole.
            let is_titles = self.token(at + 1).is_some_and(|next| {
                let states_disc = look_up(next.folded).is_some_and(|(_, facts)| {
                    facts.iter().any(|fact| matches!(fact, Fact::Source("BluRay" | "BDRip" | "DVD" | "DVDRip")))
                });
                let counts_season = self.claim_at(at + 1).starts_seasons;
                let is_year = next.bracket > 0
                    && next.folded.len() == 4
                    && next.number(4).is_some_and(|year| YEARS.contains(&year));
                let is_batch = (states_disc && !self.is_file || is_year) && !self.word(at).starts_with('0');
                next.after_bracket() && (counts_season || is_batch)
            });
            let is_far = self.word(at).len() == 4 && self.word(at) >= "2000";
            if is_titles || is_far {
                continue;
            }
            let next_opens = self.closes(at);
            let opens_range =
                self.token(at + 1).is_some_and(|next| matches!(next.mark(), "-" | "~" | "–") && !next.after_bracket())
                    && self.countable(at + 1) > self.countable(at)
                    && self.closes(at + 1);
            if opens_range && self.countable(at).is_some() && self.take(at) {
                return true;
            }
            let marked =
                !self.free(at + 1) && self.token(at + 1).is_some_and(|next| next.gap == " " || next.gap == "_");
            if outside && (next_opens || marked) && self.word(at).len() >= 2 && self.take(at) {
                return true;
            }
        }
        false
    }

    /// `102 - The Invitation.avi`, `02 The Invitation.mp4`: files that open with their number.
    fn leading(&mut self) -> bool {
        if self.has_year() {
            return false;
        }
        let group = self.tokens.brackets.first().filter(|_| self.opens_with_group);
        let at = group.map_or(0, |bracket| bracket.tokens.end);
        let first = self.word(at);
        let Some(next) = self.token(at + 1) else { return self.is_file && first.starts_with('0') && self.take(at) };
        // "102 - The Invitation", "04. The Invitation": without the ending of a file, only these two.
        let is_listed = (first.starts_with('0') || first.len() == 3) && next.is_set_apart()
            || first.len() == 2 && first.starts_with('0') && next.join() == ". ";
        let counts = self.is_file || is_listed && !self.opens_with_group && self.free(at + 1);
        if !counts {
            return false;
        }
        let padded = first.starts_with('0') || first.len() == 3;
        let dash = next.gap.contains('-') && next.gap.len() > 1
            || at == 0 && self.token(2).is_some_and(|token| token.is_set_apart() && next.number(4).is_some());
        let spaced = matches!(next.join(), " " | ". " | "_" | "." | "..")
            && padded
            && (first.starts_with('0') || self.tokens.list.len() == at + 2);
        let single = first.len() == 1 && !next.is_set_apart();
        // "[Grp] 86 - 05 [1080p]": the title is a number.
        let is_title =
            self.opens_with_group && next.is_set_apart() && self.closes(at + 1) && self.countable(at + 1).is_some();
        !single && !is_title && (dash || spaced) && self.take(at)
    }

    /// `Show 01-24 Complete`, `Show 05 720p`, `Show 05 Title.mkv`: a zero in front counts episodes wherever it stands.
    fn padded(&mut self) -> bool {
        let found = (1..self.tokens.list.len()).find(|at| {
            let word = self.word(*at);
            let two_digits = word.len() == 2 && word.starts_with('0');
            if self.is_file && matches!(word.len(), 2 | 3) && word.starts_with('0') && self.countable(*at).is_some() {
                return true;
            }
            let ranged = self.token(at + 1).is_some_and(|next| {
                matches!(next.gap, "-" | "~" | " ~ ") && next.number(4).is_some_and(|last| Some(last) > number(word, 2))
            });
            let ranged = ranged
                || RANGE_WORDS.contains(self.word(at + 1))
                    && self.countable(at + 2) > self.countable(*at)
                    && self.word(at + 2).len() >= 2;
            let listed = self.token(at + 1).is_some_and(|next| {
                matches!(next.mark(), "," | "&" | "+")
                    && next.folded.len() == 2
                    && next.number(2) == Some(1 + number(word, 2).unwrap_or(0))
            });
            let ranged = ranged || listed;
            let marked = self.token(at + 1).is_some_and(|next| !self.free(at + 1) && !next.gap.starts_with(','));
            two_digits && (ranged && word.starts_with('0') || marked) && self.countable(*at).is_some()
        });
        found.filter(|_| !self.has_year()).is_some_and(|at| self.take(at))
    }

    /// `Show 12v2 [720p]`: the version is an episode's.
    fn versioned(&mut self) -> bool {
        let is_versioned = |token: &Token<'_>| {
            let digits = token.folded.split_once('v').map_or(0, |(digits, _)| digits.len());
            (2..=4).contains(&digits) && token.bracket == 0
        };
        let found = (1..self.tokens.list.len())
            .find(|at| self.token(*at).is_some_and(is_versioned) && self.countable(*at).is_some() && self.closes(*at));
        found.is_some_and(|at| self.take(at))
    }

    /// `Show 1-26 [480p]`, `Show 001-220`: many, from the first on. A few may be films.
    fn many_from_one(&mut self) -> bool {
        let found = (1..self.tokens.list.len()).find(|at| {
            let dashed = self.token(at + 1).is_some_and(|next| matches!(next.gap, "-" | "~" | " - " | " ~ "));
            // "215 ao 220".
            let worded = RANGE_WORDS.contains(self.word(at + 1)) && matches!(self.word(*at).len(), 1 | 3);
            if !dashed && !worded {
                return false;
            }
            let last_at = if worded { at + 2 } else { at + 1 };
            let ends = self.closes(last_at)
                || !self.free(last_at + 1)
                || states_whole(self.word(last_at + 1))
                || self.claim_at(last_at + 1).is_start
                || self.token(last_at + 1).is_some_and(|next| next.mark() == "+");
            let shown = |at: usize| self.countable(at).map_or(0, |(episode, _)| episode);
            let broadcast = self.word(last_at).strip_suffix("tv").and_then(|last| number(last, 4));
            let (first, last) = (shown(*at), broadcast.unwrap_or_else(|| shown(last_at)));
            let padded = self.word(*at).starts_with('0') && last > first;
            let many = first == 1 && (last >= LEAST_EPISODES || padded) || first >= 100 && last > first;
            ends && many
        });
        let found = found.filter(|at| !self.has_year() && !self.three_in_a_row(*at));
        found.is_some_and(|at| self.take(at))
    }

    /// `show.205.hdtv`: season and episode in one number, as the scene once wrote broadcasts.
    fn joined(&mut self) -> bool {
        let found = (1..self.tokens.list.len()).find(|at| {
            let broadcast = matches!(self.word(at + 1), "hdtv" | "pdtv" | "dsr" | "dsrip" | "tvrip");
            let both = self.countable(*at).filter(|_| matches!(self.word(*at).len(), 3 | 4));
            broadcast && both.is_some_and(|(both, _)| (1..=40).contains(&(both % 100)) && (100..4100).contains(&both))
        });
        let (Some(at), false) = (found, self.has_year() || !self.out.seasons.is_empty()) else { return false };
        // Digits of other scripts are longer than they look.
        let Some(token) = self.token(at).filter(|token| token.text.is_ascii()) else { return false };
        let Some((both, _)) = self.countable(at) else { return false };
        self.out.seasons.push(both / 100);
        self.out.episodes.push(both % 100);
        let middle = token.span.end - 2;
        self.claim("seasons", at..at + 1, token.span.start..middle);
        self.claim("episodes", at..at + 1, middle..token.span.end);
        true
    }

    /// `the-x-files-502.mkv`, `Show S02 03.mkv`: files that end in their number.
    fn trailing(&mut self) -> bool {
        let Some(at) = self.tokens.list.len().checked_sub(1).filter(|at| *at > 0) else { return false };
        let digits = self.word(at).bytes().take_while(u8::is_ascii_digit).count();
        let behind_season = self.claim_at(at).ends_seasons;
        let tight_dash = digits == 3 || digits == 2 && self.word(at).starts_with('0');
        if self.is_file && !self.has_year() && tight_dash || behind_season && digits >= 2 {
            return self.take(at);
        }
        if !self.out.seasons.is_empty() {
            let behind = self.out.spans.iter().find(|(field, ..)| *field == "seasons").map(|(_, tokens, _)| tokens.end);
            let is_range = |at: usize| {
                let (first, last) = (self.token(at).and_then(|first| first.number(3)), self.token(at + 1));
                last.is_some_and(|last| matches!(last.gap, "-" | "~") && last.number(3) > first && first.is_some())
            };
            if let Some(at) = behind
                && (self.word(at).len() == 2 || is_range(at))
                && self.token(at).is_some_and(|token| matches!(token.gap, " " | "." | "_"))
                && self.token(at + 1).is_none_or(|next| next.gap != "." || next.number(2).is_none())
            {
                return self.take(at);
            }
        }
        false
    }

    /// The tokens are all that a bracket holds.
    pub(super) fn is_whole_bracket(&self, tokens: Range<usize>) -> bool {
        let bracket = self.token(tokens.start).and_then(|token| token.bracket.checked_sub(1));
        bracket.and_then(|at| self.tokens.brackets.get(at)).is_some_and(|bracket| bracket.tokens == tokens)
    }

    /// Season and episode as two short numbers: `4-13 Cursed`, `office_03_19.avi`, `[5.01]`, `- 6.01 -`.
    fn pair(&mut self) -> bool {
        for at in 0..self.tokens.list.len().saturating_sub(1) {
            let (one, two) = (&self.tokens.list[at], &self.tokens.list[at + 1]);
            let short = |token: &Token<'_>, digits| token.number(digits).filter(|value| *value > 0);
            let (Some(season), Some(episode)) = (short(one, 2), short(two, 3)) else { continue };
            if !self.free(at) || !self.free(at + 1) || season > 40 || two.folded.len() < 2 {
                continue;
            }
            let third = self.token(at + 2);
            // "Zone.2-04_05": the first number ends the title.
            let is_titles = one.folded.len() == 1
                && third.is_some_and(|third| third.gap == "_" && third.folded.len() == 2 && third.number(2).is_some());
            if is_titles && two.gap != "_" {
                continue;
            }
            let in_row = third.is_some_and(|third| third.number(4).is_some() && third.gap == two.gap)
                || at > 0 && one.tight() && one.gap == two.gap && two.gap == "-";
            let in_bracket = one.bracket > 0 && one.bracket == two.bracket && two.gap == ".";
            let between_dashes =
                two.gap == "." && (at == 0 || one.is_set_apart()) && third.is_none_or(Token::is_set_apart);
            let joined = matches!(two.gap, "-" | "_" | ".")
                && !in_row
                && (two.gap != "."
                    || matches!(one.join(), "." | " " | "_" | "-" | "..")
                        && third.is_none_or(|third| third.gap != " "))
                && (at > 0 || third.is_some_and(|third| third.gap.contains([' ', '.'])));
            // "4-13 Cursed" opens the name; elsewhere only files are numbered so, and a year makes dots and dashes doubtful.
            let opens = at == 0
                && !self.has_year()
                && (two.gap == "-" || between_dashes && third.is_some_and(Token::is_set_apart));
            // "[2.05]", "- 2.05 -": set apart like that, no file is needed.
            let alone = in_bracket && self.is_whole_bracket(at..at + 2) || between_dashes && third.is_some() && at > 0;
            let closes_file = two.gap == " "
                && self.is_file
                && third.is_none()
                && [one, two].iter().all(|token| token.folded.len() == 2);
            // "[Grp] Show - 07-08", "[Grp] Show OVA 01-03".
            let set_apart = (one.is_set_apart() || self.is_extra(self.word(at.wrapping_sub(1))))
                && one.folded.len() == two.folded.len()
                && episode > season;
            let is_range = self.opens_with_group && (one.bracket > 0 || set_apart) && matches!(two.gap, "-" | "_");
            // "2-05.mkv", and nothing else.
            let is_whole_file = at == 0 && third.is_none() && self.is_file && two.gap == "-" && two.folded.len() == 2;
            let plausible = opens
                || alone && (two.folded.len() == 2 || in_bracket) && !self.has_year()
                || self.is_file && (!self.has_year() || two.gap == "_");
            if plausible && !is_range && (in_bracket || between_dashes || joined || closes_file || is_whole_file) {
                self.take_both((season, at..at + 1), (episode, at + 1..at + 2));
                return true;
            }
        }
        false
    }
}
