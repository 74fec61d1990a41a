//! Numbers written with their letters in one word: `S01E02`, `1x02`, `E05`, and what continues them.

use crate::release::tokens::{Token, is_opening, leading_number, number};

use super::named::{AND_WORDS, EPISODE_WORDS, SEASON_WORDS};
use super::{RANGE_WORDS, Scanner, YEARS, range, states_whole};

/// An absolute number is at least so far from the one in its season: as many as the shortest season before has.
const FEWEST_OF_A_SEASON: u32 = 6;

/// More episodes than so many in one file are none where a word follows: `S01E01-91 Nights`.
const MOST_BEFORE_WORDS: u32 = 30;

/// A word such as `s01e02e03`, read.
#[derive(Debug, Default, PartialEq)]
struct Compact {
    season: Option<u32>,
    episodes: Vec<u32>,
    revised: bool,
    /// Bytes of the word before it: `Die` of `DieS01E06`.
    start: usize,
    /// Bytes up to the end of the season.
    season_end: usize,
    /// Digits of the season, for ranges.
    season_digits: usize,
}

impl Compact {
    /// With its places in the token as that is written: folding may have made what stands before them shorter. `None` where they are not found.
    fn placed_in(mut self, token: &Token<'_>) -> Option<Self> {
        let season = token.folded.get(self.start..self.season_end)?;
        let longer = token.text.len().saturating_sub(token.folded.len());
        let is_same = |by: &usize| {
            let written = token.text.get(self.start + by..self.season_end + by);
            written.is_some_and(|written| written.eq_ignore_ascii_case(season))
        };
        let by = [0, longer].into_iter().find(is_same)?;
        self.start += by;
        self.season_end += by;
        Some(self)
    }
}

/// An episode number with what may hang on it: `02`, `02v2`, `23a`, `14` of `14.5`.
pub(super) fn episode_number(text: &str, digits: usize) -> Option<(u32, bool)> {
    let (value, rest) = leading_number(text, digits)?;
    if rest.is_empty() {
        return Some((value, false));
    }
    if let Some(version) = rest.strip_prefix('v').and_then(|rest| number(rest, 1)) {
        return Some((value, version > 1));
    }
    matches!(rest, "a" | "b" | "c" | "end" | "fin").then_some((value, false))
}

/// Reads `s01`, `s01e02`, `s01e02e03`, `s01e02v2`, `s0102`, `t01e02`, `01e02`, `e02`, `ep02` at the start of a word.
fn compact_word(text: &str) -> Option<Compact> {
    let mut out = Compact::default();
    let mut rest = text;
    if let Some(after) = text.strip_prefix(['s', 't']) {
        // "SO3": the letter for the digit.
        let is_season = |rest: &&str| {
            leading_number(rest, 1).is_some_and(|(_, behind)| behind.is_empty() || behind.starts_with(['e', 'x']))
        };
        // "Se1Ep2": with the second letter of the word.
        let is_named = |rest: &&str| leading_number(rest, 2).is_some_and(|(_, behind)| behind.starts_with('e'));
        let after = after.strip_prefix('e').filter(is_named).unwrap_or(after);
        let after = after.strip_prefix('o').filter(is_season).unwrap_or(after);
        let (season, behind) = leading_number(after, 4)?;
        let digits = after.len() - behind.len();
        // "T": no other letter stands for it.
        if text.starts_with("te") {
            return None;
        }
        out.season_digits = digits;
        out.season_end = text.len() - behind.len();
        if text.starts_with('t') && behind.is_empty() {
            return None;
        }
        if behind.is_empty() && digits == 4 && !(1900..2100).contains(&season) {
            out.season = Some(season / 100);
            out.episodes.push(season % 100);
            return Some(out);
        }
        if digits == 4 && !(1900..2100).contains(&season) {
            return None;
        }
        out.season = Some(season);
        rest = behind;
        // "S02EP(01-10)", "S02E 05": the numbers follow.
        if matches!(rest, "" | "e" | "ep" | "eps") {
            return Some(out);
        }
        // "S03D02", "S03P01", "S03V01": of its discs, parts or volumes.
        if digits <= 2 && rest.strip_prefix(['d', 'p', 'v']).is_some_and(|disc| number(disc, 2).is_some()) {
            return Some(out);
        }
        // "T3C04": season and chapter; "S02B05": bölüm.
        let letter = if text.starts_with('s') && digits == 2 { 'b' } else { 'c' };
        if let Some(chapter) = rest.strip_prefix(letter).and_then(|chapter| number(chapter, 3)) {
            out.episodes.push(chapter);
            return Some(out);
        }
        rest = rest.strip_prefix('x').filter(|rest| rest.starts_with('e')).unwrap_or(rest);
    } else if let Some((season, behind)) = leading_number(text, 2)
        && behind.starts_with('e')
        && behind.len() > 2
    {
        out.season = Some(season);
        out.season_end = text.len() - behind.len();
        rest = behind;
    }
    let crossed = |rest: &'_ str, counted: bool| counted && rest.starts_with('x');
    while let Some(after) = rest
        .strip_prefix("ep")
        .or_else(|| rest.strip_prefix('e'))
        .or_else(|| if crossed(rest, out.season.is_some() && !out.episodes.is_empty()) { rest.get(1..) } else { None })
    {
        // "EO5": the letter for the digit.
        let is_digit = |rest: &&str| number(rest, 1).is_some();
        let after = after.strip_prefix('o').filter(is_digit).unwrap_or(after);
        // "S01E12END".
        if !out.episodes.is_empty() && after == "nd" {
            break;
        }
        let (episode, behind) = leading_number(after, 5)?;
        // "E0506" holds two.
        let pair = (after.len() - behind.len() == 4 && after.starts_with('0') && episode % 100 == episode / 100 + 1)
            .then_some([episode / 100, episode % 100]);
        match pair {
            Some(pair) => out.episodes.extend(pair),
            None => out.episodes.push(episode),
        }
        // "S01E11S01E12".
        let again = behind.strip_prefix('s').and_then(|rest| leading_number(rest, 2));
        rest = match again {
            Some((season, more)) if Some(season) == out.season && more.starts_with('e') => more,
            _ => behind,
        };
    }
    let last = *out.episodes.last()?;
    // "S01E01to05", "S01E05and06", "S01E01à03", "S01E01àE03".
    let joined = rest.strip_prefix("to").or_else(|| rest.strip_prefix("and"));
    let joined =
        joined.or_else(|| rest.strip_prefix("ae")).or_else(|| rest.strip_prefix('a').filter(|rest| rest.len() > 1));
    if let Some(more) = joined.and_then(|rest| number(rest, 4)).and_then(|next| range(last, next)) {
        out.episodes.extend(more.skip(1));
        return Some(out);
    }
    match rest {
        "" | "a" | "b" | "c" | "end" => {}
        // "S01E05of12".
        _ if rest.strip_prefix("of").and_then(|total| number(total, 4)).is_some_and(|total| total >= last) => {}
        _ => match rest.strip_prefix('v').and_then(|rest| number(rest, 1)) {
            Some(version) => out.revised = version > 1,
            None => return None,
        },
    }
    Some(out)
}

/// The same inside a longer word, with two digits on both sides so that no other word passes.
fn compact_inside(text: &str) -> Option<Compact> {
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    for (at, _) in text.match_indices('s').filter(|(at, _)| *at > 0) {
        let part = text.get(at..)?;
        let digits = part.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        if let Some(mut found) = compact_word(part)
            && (digits == 2 && (!found.episodes.is_empty() || SEASON_WORDS.contains(text.get(..at)?))
                || part.starts_with("so"))
        {
            found.start = at;
            found.season_end += at;
            return Some(found);
        }
    }
    None
}

/// `1x02`, `06x01`, `3x11m720p`, `castle1x01`: season, episode, start, bytes up to the end of the season.
pub(super) fn crossed_word(text: &str) -> Option<(u32, u32, usize, usize)> {
    let cross = text.find('x')?;
    let (front, back) = (text.get(..cross)?, text.get(cross + 1..)?);
    let digits = front.bytes().rev().take_while(u8::is_ascii_digit).count();
    let start = cross - digits;
    let back_digits = back.bytes().take_while(u8::is_ascii_digit).count();
    // "2024x15": a year of a show, and no picture's size.
    let by_year = number(front, 4).filter(|year| front.len() == 4 && YEARS.contains(year) && back_digits == 2);
    let season = by_year.or_else(|| number(front.get(start..)?, 2))?;
    let (episode, rest) = leading_number(back, 3)?;
    let more =
        rest.strip_prefix(['x', 'e']).is_some_and(|rest| rest.split(['x', 'e']).all(|next| number(next, 3).is_some()));
    let fits = more
        || match rest {
            "" | "a" | "b" => true,
            _ => rest.strip_prefix(['v', 'm']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        };
    (fits && (start == 0 || back_digits == 2)).then_some((season, episode, start, cross))
}

/// `S01S02S03`: seasons in one word.
fn glued_seasons(word: &str) -> Option<Vec<u32>> {
    let parts = word.strip_prefix('s')?.split('s');
    let seasons: Option<Vec<u32>> = parts.map(|part| number(part, 2).filter(|_| part.len() == 2)).collect();
    seasons.filter(|seasons| seasons.len() > 1 && seasons.is_sorted())
}

/// `T02`: a season in Spanish or Portuguese, with its zero.
fn season_of_t(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('t').filter(|digits| digits.len() == 2 && digits.starts_with('0'))?;
    number(digits, 2).filter(|season| *season > 0)
}

/// `с01е05`, typed with the Cyrillic letters that look like `s` and `e`.
fn cyrillic_word(text: &str) -> Option<Compact> {
    if !text.starts_with(['с', 'С']) {
        return None;
    }
    let lower = text.to_lowercase();
    let rest =
        lower.strip_prefix('с').filter(|rest| rest.chars().all(|letter| letter.is_ascii_digit() || letter == 'е'))?;
    let mut found = compact_word(&format!("s{}", rest.replace('е', "e")))?;
    found.season_end += 'с'.len_utf8() - 's'.len_utf8();
    Some(found)
}

impl Scanner<'_, '_> {
    /// `S01E02` and its kin, with what continues them in the next words.
    pub(super) fn compact(&mut self) {
        let mut at = 0;
        while at < self.tokens.list.len() {
            if let Some(end) = self.spelled(at) {
                at = end;
                continue;
            }
            let token = &self.tokens.list[at];
            let found = if self.free(at)
                && let Some(season) = token.folded.strip_prefix('t').and_then(|rest| number(rest, 2))
                && EPISODE_WORDS.contains(self.word(at + 1).trim_end_matches(|letter: char| letter.is_ascii_digit()))
            {
                // "T2 Ep5", "T2 Cap. 5".
                let length = token.folded.len();
                Some(Compact {
                    season: Some(season),
                    season_end: length,
                    season_digits: length - 1,
                    ..Compact::default()
                })
            } else if self.is_season_of_t(at) {
                let season = token.folded.get(1..).and_then(|rest| number(rest, 2));
                let length = token.folded.len();
                Some(Compact { season, season_end: length, season_digits: length - 1, ..Compact::default() })
            } else if token.has_digit && token.folded.is_ascii() && self.free(at) {
                compact_word(token.folded).or_else(|| compact_inside(token.folded))
            } else {
                None
            };
            let found = found.and_then(|found| found.placed_in(token));
            let found = found.or_else(|| if token.text.is_ascii() { None } else { cyrillic_word(token.text) });
            // "-S56" at the very end is a group.
            let ends = self.token(at + 1).is_none_or(|next| next.bracket > 0 && next.gap == "[");
            let last = ends && at > 0 && token.gap == "-" && !self.free(at - 1);
            let Some(found) = found.filter(|found| !(last && found.episodes.is_empty())) else {
                at += 1;
                continue;
            };
            at = match found.season {
                Some(season) if found.episodes.is_empty() => self.seasons_from(at, season, &found),
                Some(season) => {
                    if self.out.episodes.is_empty() {
                        self.absolute_before(at);
                        self.out.seasons.push(season);
                        let start = token.span.start + found.start;
                        let middle = token.span.start + found.season_end;
                        self.claim("seasons", at..at + 1, start..middle.min(token.span.end));
                        self.episodes_from(at, &found, middle)
                    } else {
                        self.out.seasons.push(season);
                        self.out.episodes.extend(&found.episodes);
                        self.claim_tokens("episodes", at..at + 1);
                        at + 1
                    }
                }
                None if self.lone_episode_counts(at, &found) => {
                    if self.out.episodes.is_empty() {
                        self.episodes_from(at, &found, token.span.start)
                    } else {
                        self.out.absolute.extend(&found.episodes);
                        self.claim_tokens("absolute_episodes", at..at + 1);
                        at + 1
                    }
                }
                None => at + 1,
            };
        }
    }

    /// `Show - 20 (S02E08)`, `Show - 020 - S02E08`: counted from the first as well.
    fn absolute_before(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1).filter(|before| *before > 0 && self.free(*before)) else { return };
        let set_apart = |at: usize| self.token(at).is_some_and(Token::is_set_apart);
        let bracketed = self.token(at).is_some_and(|token| token.gap.trim_end_matches(' ').ends_with(is_opening));
        let number = self.token(before).and_then(|token| token.number(4));
        if let Some(number) = number
            && set_apart(before)
            && (bracketed || set_apart(at))
            && !YEARS.contains(&number)
        {
            self.out.absolute.push(number);
            self.claim_tokens("absolute_episodes", before..at);
        }
    }

    /// `Show T02 1080p`, `Show T02 Completa`, `T01 a T03`: two digits, and nothing but marks or another one behind. `T2` is the name of a film.
    fn is_season_of_t(&self, at: usize) -> bool {
        if !self.word(at).starts_with('t') {
            return false;
        }
        let ends = self.token(at + 1).is_none_or(|next| {
            let joined = if RANGE_WORDS.contains(next.folded) { at + 2 } else { at + 1 };
            !self.free(at + 1)
                || next.after_bracket()
                || season_of_t(self.word(joined)).is_some()
                || states_whole(next.folded)
        });
        let is_placed = at > 0 && self.free(at);
        // "T2 Completa": one digit needs the word.
        let is_whole = || {
            let season = self.word(at).strip_prefix('t').and_then(|digits| number(digits, 2));
            season.is_some_and(|season| season > 0) && matches!(self.word(at + 1), "completa" | "completo")
        };
        is_placed && (ends && season_of_t(self.word(at)).is_some() || is_whole() || self.opens_seasons_of_t(at))
    }

    /// `T1-T3`, `T1 a T3`, `T1, T2`, `T1-3 Completa`: a first season and another one behind it.
    fn opens_seasons_of_t(&self, at: usize) -> bool {
        let value = |word: &str| word.strip_prefix('t').and_then(|digits| number(digits, 2));
        let Some(first) = value(self.word(at)).filter(|season| *season > 0) else { return false };
        let joined = if RANGE_WORDS.contains(self.word(at + 1)) { at + 2 } else { at + 1 };
        let Some(next) = self.token(joined).filter(|next| !next.after_bracket()) else { return false };
        let ends = self.token(joined + 1).is_none_or(|then| !self.free(joined + 1) || then.after_bracket());
        let is_numbered = next.gap == "-" && ends && next.folded.len() + 1 == self.word(at).len();
        value(next.folded).or_else(|| next.number(2).filter(|_| is_numbered)).is_some_and(|last| last > first)
    }

    /// `Show S 01 720p`: with its zero, and nothing but marks behind.
    fn is_letter_apart(&self, at: usize) -> bool {
        let padded = self.token(at + 1).is_some_and(|next| {
            matches!(next.gap, " " | "." | "_" | "-") && next.folded.len() == 2 && next.folded.starts_with('0')
        });
        let last = self.token(at + 2).filter(|last| matches!(last.gap, "-" | "~") && last.folded.len() == 2);
        let end = at + 2 + usize::from(last.is_some());
        let ends = self.token(end).is_none_or(|next| !self.free(end) || next.after_bracket());
        at > 0 && self.word(at) == "s" && padded && ends && self.free(at) && self.free(at + 1)
    }

    /// `S 01 E 02`: the letters stand apart from their numbers.
    fn spelled(&mut self, at: usize) -> Option<usize> {
        if !self.word(at).starts_with('s') {
            return None;
        }
        if self.is_letter_apart(at) {
            let season = self.token(at + 1)?.number(2)?;
            let last = self.token(at + 2).filter(|last| matches!(last.gap, "-" | "~")).and_then(|last| last.number(2));
            let all = last.and_then(|last| range(season, last));
            let end = at + 2 + usize::from(all.is_some());
            match all {
                Some(all) => self.out.seasons.extend(all),
                None => self.out.seasons.push(season),
            }
            self.claim_tokens("seasons", at..end);
            return Some(end);
        }
        if let Some(seasons) = glued_seasons(self.word(at)).filter(|_| self.free(at)) {
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", at..at + 1);
            return Some(at + 1);
        }
        let letters = (self.word(at), self.word(at + 2));
        let (season, episode) = (self.token(at + 1)?.number(2)?, self.token(at + 3)?.number(3)?);
        let close = (at + 1..at + 4).all(|at| self.token(at).is_some_and(|token| token.tight() && self.free(at)));
        if !matches!(letters, ("s", "e" | "ep")) || !close {
            return None;
        }
        self.take_both((season, at..at + 2), (episode, at + 2..at + 4));
        Some(at + 4)
    }

    /// `E5` alone: a name such as `E.T.` or a code must not pass.
    fn lone_episode_counts(&self, at: usize, found: &Compact) -> bool {
        let word = self.word(at);
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        digits >= 2
            || word.starts_with("ep")
            || self.tokens.list.len() <= 2
            || !self.out.seasons.is_empty()
            || found.episodes.len() > 1
            || self.opens_range(at)
            || self.token(at).is_some_and(Token::is_set_apart) && self.token(at + 1).is_none_or(Token::is_set_apart)
            // "Show E5 720p": nothing but marks behind it.
            || at > 1 && self.token(at + 1).is_some_and(|next| !self.free(at + 1) && !next.gap.contains('-'))
            || self.is_behind_season(at)
            || compact_word(self.word(at + 1)).is_some_and(|next| next.season.is_some())
    }

    /// `E1~E5`.
    fn opens_range(&self, at: usize) -> bool {
        self.token(at + 1).is_some_and(|next| {
            let is_episode = compact_word(next.folded).is_some_and(|next| next.season.is_none());
            matches!(next.mark(), "-" | "~" | "–") && (is_episode || next.tight() && next.number(3).is_some())
        })
    }

    /// `Season 2 E5`.
    fn is_behind_season(&self, at: usize) -> bool {
        let before = |by: usize| at.checked_sub(by).map_or("", |at| self.word(at));
        number(before(1), 2).is_some() && SEASON_WORDS.contains(before(2))
    }

    /// The season of a word written like the one at `at`: `S02`, or `T02` behind another.
    fn season_like(&self, at: usize, word: &str) -> Option<u32> {
        let found = compact_word(word).filter(|next| next.episodes.is_empty()).and_then(|next| next.season);
        let of_t = || word.strip_prefix('t').and_then(|digits| number(digits, 2)).filter(|season| *season > 0);
        found.or_else(|| of_t().filter(|_| self.word(at).starts_with('t')))
    }

    /// `S01`, `S01-S07`, `S01-09`, `S1+S2`, `S01 / S02`.
    fn seasons_from(&mut self, at: usize, first: u32, found: &Compact) -> usize {
        let start = self.tokens.list[at].span.start + found.start;
        let mut last = first;
        let mut seasons = vec![first];
        let mut end = at + 1;
        while let Some(token) = self.token(end) {
            let next = self.season_like(at, token.folded);
            let digits = found.season_digits;
            let same_width = token.folded.len() == digits && digits < 4;
            match next
                .or_else(|| token.number(3).filter(|_| same_width && matches!(token.gap, "-" | "~") && self.free(end)))
            {
                Some(season)
                    if token.mark().trim_matches('-').is_empty() && token.gap.contains('-')
                        || next.is_some() && token.gap.len() > 1 && token.gap.bytes().all(|byte| byte == b'.')
                        || next.is_some() && matches!(token.mark(), "~" | "–" | "_")
                        || token.gap == "~" =>
                {
                    match range(last, season) {
                        Some(more) => seasons.extend(more),
                        None => break,
                    }
                    last = season;
                }
                Some(season) if next.is_some() && !self.word(end).is_empty() && season != first => {
                    if !matches!(token.mark(), "" | "+" | "&" | "/" | "," | ".") {
                        break;
                    }
                    seasons.push(season);
                    last = season;
                }
                None if matches!(token.mark(), "," | "&" | "+") && same_width && token.number(3) == Some(last + 1) => {
                    seasons.push(last + 1);
                    last += 1;
                }
                None if RANGE_WORDS.contains(token.folded) => {
                    let Some(next) = self.token(end + 1) else { break };
                    let value = self.season_like(at, next.folded);
                    let Some(more) = value.and_then(|season| range(last, season)) else { break };
                    seasons.extend(more);
                    end += 1;
                }
                _ => break,
            }
            end += 1;
        }
        // "S4-24": another width than the season, so an episode; "S01.07.2019": a number before the year.
        if seasons.len() == 1
            && let Some(token) = self.token(end)
            && self.free(end)
            && let Some((episode, revised)) = episode_number(token.folded, 3)
            && (token.gap == "-" && token.folded.len() > found.season_digits
                || token.gap == "." && token.folded.len() == 2 && self.last_year == Some(end + 1))
        {
            self.out.seasons.push(first);
            self.claim("seasons", at..end, start..self.tokens.list[end - 1].span.end);
            self.out.episodes.push(episode);
            self.out.revised |= revised;
            self.claim_tokens("episodes", end..end + 1);
            return end + 1;
        }
        // "S01 x 05".
        let crossed = self.token(end + 1).filter(|episode| {
            seasons.len() == 1 && self.word(end) == "x" && episode.gap == " " && episode.folded.len() >= 2
        });
        if let Some(episode) = crossed.and_then(|episode| episode.number(3)).filter(|_| self.free(end + 1)) {
            self.take_both((first, at..end), (episode, end + 1..end + 2));
            return end + 2;
        }
        // "Seasons S01-S03" says it twice; "Open Season S01" is a title.
        let named = at.checked_sub(1).filter(|named| {
            *named > 0
                && self.free(*named)
                && (self.is_plural(*named) || seasons.len() > 1 && SEASON_WORDS.contains(self.word(*named)))
                && matches!(self.tokens.list[at].gap, " " | ".")
        });
        self.out.seasons.extend(seasons);
        let stop = self.token(end - 1).map_or(start, |token| token.span.end);
        let start = named.and_then(|named| self.token(named)).map_or(start, |token| token.span.start);
        self.claim("seasons", named.unwrap_or(at)..end, start..stop);
        end
    }

    /// The episodes of the word at `at`, and those of the words that continue it.
    fn episodes_from(&mut self, at: usize, found: &Compact, start: usize) -> usize {
        let mut episodes = found.episodes.clone();
        self.out.revised |= found.revised;
        let mut end = at + 1;
        while let Some(token) = self.token(end) {
            let last = episodes.last().copied().unwrap_or(0);
            let marked = compact_word(token.folded).filter(|next| next.season.is_none() || next.season == found.season);
            let dash = token.gap.contains(['-', '~', '–', '—']) || token.gap.contains("..");
            let ranged = RANGE_WORDS.contains(token.folded) && !token.after_bracket();
            if let Some(next) = marked.filter(|next| !next.episodes.is_empty()) {
                if token.after_bracket() || token.span.start - self.tokens.list[end - 1].span.end > 3 {
                    break;
                }
                let first = next.episodes.first().copied().unwrap_or(0);
                match range(last, first).filter(|_| dash) {
                    Some(more) => episodes.extend(more),
                    None => episodes.push(first),
                }
                episodes.extend(next.episodes.iter().skip(1));
                self.out.revised |= next.revised;
            } else if AND_WORDS.contains(token.folded)
                && let Some(next) = self.token(end + 1).and_then(|next| compact_word(next.folded))
                && next.season.is_none_or(|season| Some(season) == found.season)
                && next.episodes == [last + 1]
            {
                // "S01E05 and E06".
                episodes.push(last + 1);
                end += 1;
            } else if AND_WORDS.contains(token.folded)
                && let Some(next) = self.token(end + 1)
                && (crossed_word(next.folded).is_some_and(|(season, episode, start, _)| {
                    Some(season) == found.season && episode == last + 1 && start == 0
                }) || next.folded.len() == 2 && next.number(2) == Some(last + 1) && !next.after_bracket())
                && token.gap == " "
            {
                // "1x05 y 1x06", "1x05 and 06".
                episodes.push(last + 1);
                end += 1;
            } else if dash
                && token.tight()
                && self.free(end)
                && let Some(value) = token.folded.strip_prefix('x').and_then(|rest| number(rest, 3))
                && let Some(more) = range(last, value)
            {
                // "1x05-x07".
                episodes.extend(more);
            } else if ranged
                && let Some(next) = self.token(end + 1)
                && let Some(value) = compact_word(next.folded)
                    .and_then(|next| next.episodes.first().copied())
                    .or_else(|| next.number(4))
                    .or_else(|| {
                        crossed_word(next.folded).filter(|word| Some(word.0) == found.season).map(|word| word.1)
                    })
                && let Some(more) = range(last, value)
            {
                episodes.extend(more);
                end += 1;
            } else if dash
                && (token.tight() || matches!(token.gap, ".." | "..." | " ~ "))
                && self.free(end)
                && let Some((value, revised)) = episode_number(token.folded, 4)
                && token.folded.len() >= 2
                && let Some(more) = range(last, value).filter(|_| value - last <= 400)
                && !(value - last > MOST_BEFORE_WORDS && self.opens_words(end))
            {
                episodes.extend(more);
                self.out.revised |= revised;
            } else if (matches!(token.mark(), "&" | "+" | ",")
                || token.gap == "." && token.folded.len() == 2 && last > 0 && !self.free(end + 1))
                && self.free(end)
                && token.number(3) == Some(last + 1)
            {
                episodes.push(last + 1);
            } else if matches!(token.gap, " " | "_")
                && token.number(2) == Some(last + 1)
                && token.folded.len() == 2
                && self.free(end)
                && !self.free(end + 1)
            {
                // "S02E01 02 720p": nothing but marks behind it, so no title begins with it.
                episodes.push(last + 1);
            } else if token.mark() == "-"
                && !token.tight()
                && !token.after_bracket()
                && token.folded.len() == 2
                && self.free(end)
                && self.token(end + 1).is_none_or(|_| !self.free(end + 1))
                && let Some(value) = token.number(2)
                && (last == 1 || found.season == Some(1) || value.saturating_sub(last) < FEWEST_OF_A_SEASON)
                && let Some(more) = range(last, value)
            {
                // "S02E01 - 10": the same, and no absolute number, as in "S03E05 - 53".
                episodes.extend(more);
            } else if token.gap == "/"
                && self.free(end)
                && token.folded.len() == 2
                && let Some(more) = token.number(2).and_then(|value| range(last, value))
            {
                // "S01E05/06", "S02E01/10".
                episodes.extend(more);
            } else if matches!(token.gap, " " | ".")
                && self.free(end)
                && found.season.is_some()
                && self.tokens.list[at].folded.contains('x')
                && let Some((episode, behind)) = self.crossed_again(end)
                && episode == last + 1
            {
                // "2x01 x02", "2x01 x 02".
                episodes.push(episode);
                end = behind - 1;
            } else if let Some((season, episode, 0, _)) = crossed_word(token.folded).filter(|_| self.free(end))
                && Some(season) == found.season
                && !token.after_bracket()
                && episode > last
            {
                // "1x01-1x03".
                match range(last, episode).filter(|_| dash) {
                    Some(more) => episodes.extend(more),
                    None => episodes.push(episode),
                }
            } else if dash
                && token.tight()
                && self.free(end)
                && let Some(value) = token.number(1)
                && value > last
            {
                episodes.extend(last..=value);
            } else {
                break;
            }
            end += 1;
        }
        end = self.skip_total(end);
        self.out.episodes.append(&mut episodes);
        let stop = self.token(end - 1).map_or(start, |token| token.span.end);
        self.claim("episodes", at..end, start..stop);
        end
    }

    /// `x02` or `x 02`: the episode, and the index behind it.
    fn crossed_again(&self, at: usize) -> Option<(u32, usize)> {
        let digits = self.word(at).strip_prefix('x')?;
        let apart = digits.is_empty();
        let token = if apart { self.token(at + 1).filter(|_| self.free(at + 1))? } else { self.token(at)? };
        let digits = if apart { token.folded } else { digits };
        number(digits, 3).filter(|_| digits.len() > 1).map(|episode| (episode, at + 1 + usize::from(apart)))
    }

    /// `1x02`, `06x01-08`.
    pub(super) fn crossed(&mut self) {
        for at in 0..self.tokens.list.len() {
            let token = &self.tokens.list[at];
            if !token.has_digit {
                continue;
            }
            // "2x 05", "2 x05".
            let apart = |token: &Token<'_>| token.gap == " ";
            let cut = match (token.folded.strip_suffix('x'), self.word(at + 1).strip_prefix('x')) {
                (Some(season), None) => number(season, 2)
                    .zip(self.token(at + 1).filter(|next| next.folded.len() == 2).and_then(|next| next.number(2))),
                (None, Some(episode)) => token.number(2).zip(number(episode, 2).filter(|_| episode.len() == 2)),
                _ => None,
            };
            if let Some((season, episode)) = cut
                && self.token(at + 1).is_some_and(apart)
                && self.free(at)
                && self.free(at + 1)
            {
                self.take_both((season, at..at + 1), (episode, at + 1..at + 2));
                return;
            }
            // "2x(01-04)".
            if let Some(season) = token.folded.strip_suffix('x').and_then(|season| number(season, 2))
                && self.free(at)
                && let Some((episodes, end)) = self.bracketed_after(at)
            {
                self.out.seasons.push(season);
                self.claim_tokens("seasons", at..at + 1);
                self.out.episodes.extend(episodes);
                self.claim_tokens("episodes", at + 1..end);
                return;
            }
            if let (Some(season), "x", Some(episode)) = (
                token.number(2),
                self.word(at + 1),
                self.token(at + 2)
                    .filter(|token| token.gap == " " && token.folded.len() >= 2)
                    .and_then(|token| token.number(3)),
            ) {
                self.take_both((season, at..at + 1), (episode, at + 2..at + 3));
                return;
            }
            // "1×05", with the sign itself.
            if let Some(season) = token.number(2)
                && let Some(next) = self.token(at + 1).filter(|next| next.gap == "×" && next.folded.len() >= 2)
                && let Some(episode) = next.number(3)
            {
                self.take_both((season, at..at + 1), (episode, at + 1..at + 2));
                return;
            }
            if !self.free(at) || !token.folded.is_ascii() || token.folded.len() > 64 {
                continue;
            }
            // "2.0x2" counts sound tracks.
            let decimal = token.gap == "."
                && token.folded.starts_with('0')
                && at > 0
                && self.token(at - 1).is_some_and(|before| before.number(1).is_some());
            let Some((season, episode, start, season_end)) = crossed_word(token.folded).filter(|_| !decimal) else {
                continue;
            };
            // Folding may have made letters before the digits shorter: the digits are looked for where they stand as written.
            let digits = token.folded.get(start..season_end);
            let shifts = [0, token.text.len().saturating_sub(token.folded.len())];
            let Some(shift) = shifts.into_iter().find(|by| token.text.get(start + by..season_end + by) == digits)
            else {
                continue;
            };
            let (start, season_end) = (start + shift, season_end + shift);
            self.out.seasons.push(season);
            self.claim("seasons", at..at + 1, token.span.start + start..token.span.start + season_end);
            // "1x02x03", "1x02e03".
            let more = token.folded.split(['x', 'e']).skip(2).filter_map(|next| number(next, 3));
            let episodes = std::iter::once(episode).chain(more).collect();
            let found = Compact { season: Some(season), episodes, ..Compact::default() };
            // The cross may be the Cyrillic letter, of two bytes.
            let cross_len = token.text.get(season_end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            self.episodes_from(at, &found, token.span.start + season_end + cross_len);
            return;
        }
    }
}
