//! Seasons, episodes, volumes: everything a name counts with.

use std::ops::Range;

use super::tokens::{Token, Tokens, leading_number, number};

/// Longest range that is spelled out; the longest-running shows stay below.
const MAX_RANGE: u32 = 3000;

/// Seasons in words: `Second Season`, `Season Two`.
const ORDINALS: &[&str] =
    &["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const CARDINALS: &[&str] = &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// The number of a word in a list that counts from one.
fn spelled_number(word: &str, list: &[&str]) -> Option<u32> {
    list.iter().position(|known| *known == word).and_then(|index| u32::try_from(index + 1).ok())
}

/// What a name counts, and where.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) seasons: Vec<u32>,
    pub(super) episodes: Vec<u32>,
    pub(super) absolute: Vec<u32>,
    pub(super) volumes: Vec<u32>,
    /// An anime `v2` or later behind the episode.
    pub(super) revised: bool,
    /// The field, its tokens and its bytes.
    pub(super) spans: Vec<(&'static str, Range<usize>, Range<usize>)>,
}

/// Words before or after the number of a season.
const SEASON_WORDS: &[&str] = &[
    "season",
    "seasons",
    "saison",
    "saisons",
    "temporada",
    "temporadas",
    "temp",
    "stagione",
    "stagioni",
    "staffel",
    "staffeln",
    "series",
    "sezon",
    "sezona",
    "seizoen",
    "sesong",
    "sasong",
    "sæson",
    "sn",
    "сезон",
    "сезона",
    "сезоны",
    "sez",
    "сез",
    "tv",
    "тв",
];
/// Season words that follow their number in their language.
const SEASON_WORDS_AFTER: &[&str] = &["sezon", "sez", "сезон", "сезона", "сез", "sezona"];
/// Season words that are words of titles too, and need a number right behind them.
const SEASON_WORDS_DOUBTFUL: &[&str] = &["series", "temp", "tv", "sn", "тв"];
/// Words before or after the number of an episode.
const EPISODE_WORDS: &[&str] = &[
    "episode",
    "episodes",
    "ep",
    "eps",
    "episodio",
    "episodios",
    "capitulo",
    "capitulos",
    "cap",
    "caap",
    "folge",
    "folgen",
    "afl",
    "aflevering",
    "odcinek",
    "odc",
    "bolum",
    "серия",
    "серии",
    "сер",
    "серий",
    "seriya",
    "seria",
    "serii",
    "ser",
    "puntata",
    "avsnitt",
    "e",
    "epizod",
    "выпуск",
    "эпизод",
];
const EPISODE_WORDS_AFTER: &[&str] =
    &["bolum", "серия", "серии", "сер", "серий", "seriya", "seria", "serii", "ser", "выпуск"];
/// Words between the ends of a range.
const RANGE_WORDS: &[&str] = &["to", "ao", "a", "à", "al", "bis", "til", "thru", "до", "по"];
/// Words between a number and the count of all.
const OF_WORDS: &[&str] = &["of", "из", "iz", "sur", "de", "von"];
const VOLUME_WORDS: &[&str] = &["vol", "vols", "volume", "volumes", "tome"];
/// Words whose number is no episode.
const OTHER_COUNTS: &[&str] =
    &["movie", "film", "part", "pt", "parte", "vol", "volume", "ova", "oad", "cd", "disc", "disk", "chapter"];

/// Reads what the name counts. `taken` tells which tokens are marks of something else; `opens_with_group` that the name begins with a bracket
/// that holds no mark, as anime releases do; `is_file` that it has the extension of a video.
pub(super) fn read(tokens: &Tokens<'_>, taken: &[bool], opens_with_group: bool, is_file: bool) -> Numbers {
    let mut scanner = Scanner { tokens, taken, opens_with_group, is_file, out: Numbers::default() };
    scanner.compact();
    if scanner.out.episodes.is_empty() {
        scanner.crossed();
    }
    scanner.words();
    scanner.counted_of();
    if scanner.out.episodes.is_empty() && scanner.out.volumes.is_empty() {
        scanner.bare();
    }
    let Scanner { mut out, .. } = scanner;
    for numbers in [&mut out.seasons, &mut out.episodes, &mut out.absolute, &mut out.volumes] {
        numbers.sort_unstable();
        numbers.dedup();
    }
    out
}

struct Scanner<'t, 'a> {
    tokens: &'t Tokens<'a>,
    taken: &'t [bool],
    opens_with_group: bool,
    is_file: bool,
    out: Numbers,
}

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

/// An episode number with what may hang on it: `02`, `02v2`, `23a`, `14` of `14.5`.
fn episode_number(text: &str, digits: usize) -> Option<(u32, bool)> {
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
        let after = after.strip_prefix('o').filter(|rest| number(rest, 1).is_some()).unwrap_or(after);
        let (season, behind) = leading_number(after, 4)?;
        let digits = after.len() - behind.len();
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
        if rest.is_empty() {
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
        let (episode, behind) = leading_number(after, 5)?;
        // "E0506" holds two.
        let pair = (after.len() - behind.len() == 4 && after.starts_with('0') && episode % 100 == episode / 100 + 1)
            .then_some([episode / 100, episode % 100]);
        match pair {
            Some(pair) => out.episodes.extend(pair),
            None => out.episodes.push(episode),
        }
        rest = behind;
    }
    if out.episodes.is_empty() {
        return None;
    }
    match rest {
        "" | "a" | "b" | "c" | "end" => {}
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
            && ((digits == 2 && !found.episodes.is_empty()) || part.starts_with("so"))
        {
            found.start = at;
            found.season_end += at;
            return Some(found);
        }
    }
    None
}

/// `1x02`, `06x01`, `3x11m720p`, `castle1x01`: season, episode, start, bytes up to the end of the season.
fn crossed_word(text: &str) -> Option<(u32, u32, usize, usize)> {
    let cross = text.find('x')?;
    let (front, back) = (text.get(..cross)?, text.get(cross + 1..)?);
    let digits = front.bytes().rev().take_while(u8::is_ascii_digit).count();
    let start = cross - digits;
    let season = number(front.get(start..)?, 2)?;
    let back_digits = back.bytes().take_while(u8::is_ascii_digit).count();
    let (episode, rest) = leading_number(back, 3)?;
    let more = rest.strip_prefix('x').is_some_and(|rest| number(rest, 3).is_some());
    let fits = more
        || match rest {
            "" | "a" | "b" => true,
            _ => rest.strip_prefix(['v', 'm']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        };
    (fits && (start == 0 || back_digits == 2)).then_some((season, episode, start, cross))
}

/// All numbers from one to another; `None` when they do not rise or are too far apart.
fn range(first: u32, last: u32) -> Option<impl Iterator<Item = u32>> {
    (last > first && last - first <= MAX_RANGE).then_some(first..=last)
}

impl<'t, 'a> Scanner<'t, 'a> {
    fn token(&self, at: usize) -> Option<&'t Token<'a>> {
        self.tokens.list.get(at)
    }

    fn free(&self, at: usize) -> bool {
        self.taken.get(at).is_some_and(|taken| !taken)
    }

    fn word(&self, at: usize) -> &'t str {
        self.token(at).map_or("", |token| token.folded.as_str())
    }

    fn claim(&mut self, field: &'static str, tokens: Range<usize>, span: Range<usize>) {
        self.out.spans.push((field, tokens, span));
    }

    fn claim_tokens(&mut self, field: &'static str, tokens: Range<usize>) {
        if let (Some(first), Some(last)) = (self.token(tokens.start), self.token(tokens.end.wrapping_sub(1))) {
            let span = first.span.start..last.span.end;
            self.claim(field, tokens, span);
        }
    }

    /// `S01E02` and its kin, with what continues them in the next words.
    fn compact(&mut self) {
        let mut at = 0;
        while at < self.tokens.list.len() {
            if let Some(end) = self.spelled(at) {
                at = end;
                continue;
            }
            let token = &self.tokens.list[at];
            let found = if self.free(at)
                && let Some(season) = token.folded.strip_prefix('t').and_then(|rest| number(rest, 2))
                && EPISODE_WORDS.contains(&self.word(at + 1).trim_end_matches(|letter: char| letter.is_ascii_digit()))
            {
                // "T2 Ep5", "T2 Cap. 5".
                let length = token.folded.len();
                Some(Compact {
                    season: Some(season),
                    season_end: length,
                    season_digits: length - 1,
                    ..Compact::default()
                })
            } else if token.folded.is_ascii() && self.free(at) {
                compact_word(&token.folded).or_else(|| compact_inside(&token.folded))
            } else {
                None
            };
            // "-S56" at the very end is a group.
            let last = at + 1 == self.tokens.list.len() && at > 0 && token.gap == "-" && !self.free(at - 1);
            let Some(found) = found.filter(|found| !(last && found.episodes.is_empty())) else {
                at += 1;
                continue;
            };
            at = match found.season {
                Some(season) if found.episodes.is_empty() => self.seasons_from(at, season, &found),
                Some(season) => {
                    if self.out.episodes.is_empty() {
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

    /// `S 01 E 02`: the letters stand apart from their numbers.
    fn spelled(&mut self, at: usize) -> Option<usize> {
        let letters = (self.word(at), self.word(at + 2));
        let (season, episode) = (self.token(at + 1)?.number(2)?, self.token(at + 3)?.number(3)?);
        let close = (at + 1..at + 4).all(|at| self.token(at).is_some_and(|token| token.tight() && self.free(at)));
        if !matches!(letters, ("s", "e" | "ep")) || !close {
            return None;
        }
        self.out.seasons.push(season);
        self.out.episodes.push(episode);
        self.claim_tokens("seasons", at..at + 2);
        self.claim_tokens("episodes", at + 2..at + 4);
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
    }

    /// `S01`, `S01-S07`, `S01-09`, `S1+S2`, `S01 / S02`.
    fn seasons_from(&mut self, at: usize, first: u32, found: &Compact) -> usize {
        let start = self.tokens.list[at].span.start + found.start;
        let mut last = first;
        let mut seasons = vec![first];
        let mut end = at + 1;
        while let Some(token) = self.token(end) {
            let next = compact_word(&token.folded).filter(|next| next.episodes.is_empty()).and_then(|next| next.season);
            let digits = found.season_digits;
            let same_width = token.folded.len() == digits && digits < 4;
            match next.or_else(|| token.number(3).filter(|_| same_width && token.gap == "-" && self.free(end))) {
                Some(season) if token.mark().trim_matches('-').is_empty() && token.gap.contains('-') => {
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
                None if RANGE_WORDS.contains(&token.folded.as_str()) => {
                    let Some(next) = self.token(end + 1) else { break };
                    let value =
                        compact_word(&next.folded).filter(|next| next.episodes.is_empty()).and_then(|next| next.season);
                    let Some(more) = value.and_then(|season| range(last, season)) else { break };
                    seasons.extend(more);
                    end += 1;
                }
                _ => break,
            }
            end += 1;
        }
        // "S4-24": another width than the season, so an episode.
        if seasons.len() == 1
            && let Some(token) = self.token(end)
            && token.gap == "-"
            && self.free(end)
            && let Some((episode, revised)) = episode_number(&token.folded, 3)
            && token.folded.len() > found.season_digits
        {
            self.out.seasons.push(first);
            self.claim("seasons", at..end, start..self.tokens.list[end - 1].span.end);
            self.out.episodes.push(episode);
            self.out.revised |= revised;
            self.claim_tokens("episodes", end..end + 1);
            return end + 1;
        }
        self.out.seasons.extend(seasons);
        let stop = self.token(end - 1).map_or(start, |token| token.span.end);
        self.claim("seasons", at..end, start..stop);
        end
    }

    /// The episodes of the word at `at`, and those of the words that continue it.
    fn episodes_from(&mut self, at: usize, found: &Compact, start: usize) -> usize {
        let mut episodes = found.episodes.clone();
        self.out.revised |= found.revised;
        let mut end = at + 1;
        while let Some(token) = self.token(end) {
            let last = episodes.last().copied().unwrap_or(0);
            let marked =
                compact_word(&token.folded).filter(|next| next.season.is_none() || next.season == found.season);
            let dash = token.gap.contains(['-', '~', '–']);
            let ranged = RANGE_WORDS.contains(&token.folded.as_str()) && !token.after_bracket();
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
            } else if ranged
                && let Some(next) = self.token(end + 1)
                && let Some(value) = compact_word(&next.folded)
                    .and_then(|next| next.episodes.first().copied())
                    .or_else(|| next.number(4))
                    .or_else(|| {
                        crossed_word(&next.folded).filter(|word| Some(word.0) == found.season).map(|word| word.1)
                    })
                && let Some(more) = range(last, value)
            {
                episodes.extend(more);
                end += 1;
            } else if dash
                && token.tight()
                && self.free(end)
                && let Some((value, revised)) = episode_number(&token.folded, 4)
                && token.folded.len() >= 2
                && let Some(more) = range(last, value).filter(|_| value - last <= 400)
            {
                episodes.extend(more);
                self.out.revised |= revised;
            } else if (matches!(token.mark(), "&" | "+" | ",")
                || token.gap == "." && token.folded.len() == 2 && last > 0)
                && self.free(end)
                && token.number(3) == Some(last + 1)
            {
                episodes.push(last + 1);
            } else if let Some((season, episode, 0, _)) = crossed_word(&token.folded).filter(|_| self.free(end))
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

    /// Steps over `of 16`, `из 20`.
    fn skip_total(&self, end: usize) -> usize {
        let of = OF_WORDS.contains(&self.word(end));
        let counted = of && self.token(end + 1).is_some_and(|token| token.number(4).is_some());
        if counted { end + 2 } else { end }
    }

    /// `1x02`, `06x01-08`.
    fn crossed(&mut self) {
        for at in 0..self.tokens.list.len() {
            let token = &self.tokens.list[at];
            if let (Some(season), "x", Some(episode)) = (
                token.number(2),
                self.word(at + 1),
                self.token(at + 2)
                    .filter(|token| token.gap == " " && token.folded.len() >= 2)
                    .and_then(|token| token.number(3)),
            ) {
                self.out.seasons.push(season);
                self.claim_tokens("seasons", at..at + 1);
                self.out.episodes.push(episode);
                self.claim_tokens("episodes", at + 2..at + 3);
                return;
            }
            if !self.free(at) || !token.folded.is_ascii() || token.folded.len() > 64 {
                continue;
            }
            // "2.0x2" counts sound tracks.
            let decimal =
                token.gap == "." && at > 0 && self.token(at - 1).is_some_and(|before| before.number(2).is_some());
            let Some((season, episode, start, season_end)) = crossed_word(&token.folded).filter(|_| !decimal) else {
                continue;
            };
            self.out.seasons.push(season);
            self.claim("seasons", at..at + 1, token.span.start + start..token.span.start + season_end);
            let mut episodes = vec![episode];
            episodes.extend(
                token
                    .folded
                    .rsplit('x')
                    .next()
                    .filter(|_| token.folded.matches('x').count() == 2)
                    .and_then(|last| number(last, 3)),
            );
            let found = Compact { season: Some(season), episodes, ..Compact::default() };
            self.episodes_from(at, &found, token.span.start + season_end + 1);
            return;
        }
    }

    /// Seasons, episodes and volumes named by words.
    fn words(&mut self) {
        let had_episodes = !self.out.episodes.is_empty();
        for at in 0..self.tokens.list.len() {
            let word = self.word(at);
            if SEASON_WORDS.contains(&word) && self.out.seasons.len() < 2 {
                self.season_word(at);
            } else if EPISODE_WORDS.contains(&word) {
                self.episode_word(at, had_episodes);
            } else if VOLUME_WORDS.contains(&word)
                && let Some((volumes, end)) = self.numbers_after(at, 3, true)
            {
                self.out.volumes.extend(volumes);
                self.claim_tokens("volumes", at..end);
            } else if let Some(season) = ideogram_number(word, &['季', '期']) {
                self.out.seasons.push(season);
                self.claim_tokens("seasons", at..at + 1);
            } else if let Some(episode) = ideogram_number(word, &['话', '話', '集', '回'])
                && !had_episodes
            {
                self.out.episodes.push(episode);
                self.claim_tokens("episodes", at..at + 1);
            } else if let Some((prefix, value)) = glued_word(word) {
                if SEASON_WORDS.contains(&prefix) && self.out.seasons.is_empty() {
                    self.out.seasons.push(value);
                    self.claim_tokens("seasons", at..at + 1);
                } else if EPISODE_WORDS.contains(&prefix) && prefix.len() > 2 && self.out.episodes.is_empty() {
                    self.out.episodes.push(value);
                    self.claim_tokens("episodes", at..at + 1);
                }
            }
        }
    }

    /// The number right before a word: `2nd Season`, `10º Temporada`, `5-й сезон`, `09-я серия`.
    fn number_before(&self, at: usize) -> Option<(u32, bool, usize)> {
        let mut before = at.checked_sub(1)?;
        let small =
            |token: &Token<'_>| token.gap.chars().count() <= 2 && token.gap.chars().all(|c| " ._-°".contains(c));
        if !small(self.token(at)?) {
            return None;
        }
        let mut ordinal = false;
        if matches!(self.word(before), "я" | "й" | "th" | "st" | "nd" | "rd" | "a" | "ª") {
            if !small(self.token(before)?) {
                return None;
            }
            before = before.checked_sub(1)?;
            ordinal = true;
        }
        ordinal |= self.token(at)?.gap.starts_with('°');
        let (value, rest) = leading_number(self.word(before), 3)?;
        ordinal |= matches!(
            rest,
            "st" | "nd" | "rd" | "th" | "a" | "o" | "ª" | "º" | "ao" | "aa" | "й" | "я" | "e" | "eme" | "ª." | "ème"
        );
        let claimed = self.out.spans.iter().any(|(_, tokens, _)| tokens.contains(&before));
        (rest.is_empty() || ordinal).then_some((value, ordinal, before)).filter(|_| self.free(before) && !claimed)
    }

    /// Numbers behind a word: one, a list or a range; the index behind them.
    fn numbers_after(&self, at: usize, digits: usize, many: bool) -> Option<(Vec<u32>, usize)> {
        let first = self.token(at + 1)?;
        if !self.free(at + 1) || !first.gap.chars().all(|c| " .:_-(#[{".contains(c)) || first.gap.chars().count() > 3 {
            return None;
        }
        let (value, _) = episode_number(&first.folded, digits)
            .or_else(|| first.folded.strip_prefix(['s', 'e']).and_then(|rest| episode_number(rest, digits)))?;
        let mut numbers = vec![value];
        let mut end = at + 2;
        while many && let Some(token) = self.token(end).filter(|_| self.free(end)) {
            let last = numbers.last().copied().unwrap_or(0);
            let mark = token.mark();
            let word = token.folded.strip_prefix('e').unwrap_or(&token.folded);
            if let Some((next, _)) = episode_number(word, digits) {
                let joined =
                    mark == "_" && digits == 4 && token.folded.len() >= 3 && token.folded.len() == first.folded.len();
                if matches!(mark, "-" | "~" | "–" | "—" | ":" | "--") || joined {
                    let Some(more) = range(last, next) else { break };
                    numbers.extend(more);
                } else if matches!(mark, "," | "&" | "+" | ",&" | ", &" | "")
                    && next == last + 1
                    && !token.gap.is_empty()
                {
                    numbers.push(next);
                } else {
                    break;
                }
            } else if RANGE_WORDS.contains(&token.folded.as_str())
                && let Some(next) = self.token(end + 1).and_then(|next| next.number(digits))
                && let Some(more) = range(last, next)
            {
                numbers.extend(more);
                end += 1;
            } else if matches!(token.folded.as_str(), "and" | "und" | "et" | "y" | "e" | "i")
                && let Some(next) = self.token(end + 1).and_then(|next| next.number(digits))
                && next == last + 1
            {
                numbers.push(next);
                end += 1;
            } else {
                break;
            }
            end += 1;
        }
        Some((numbers, end))
    }

    /// The rest of a range that ends in the number at `start`: `1-4 сезон`, `1 - 4 Temporadas`.
    fn range_before(&self, start: usize, last: u32) -> Option<(Vec<u32>, usize)> {
        let dashed = self.token(start).is_some_and(|token| matches!(token.gap, "-" | "~" | "–" | " - "));
        let from = start.checked_sub(1).filter(|at| dashed && self.free(*at))?;
        range(self.token(from)?.number(2)?, last).map(|all| (all.collect(), from))
    }

    fn season_word(&mut self, at: usize) {
        let word = self.word(at);
        let doubtful = SEASON_WORDS_DOUBTFUL.contains(&word);
        let before = self.number_before(at).filter(|found| found.0 < 100);
        let prefer_before =
            before.is_some_and(|(_, ordinal, _)| ordinal || !doubtful && SEASON_WORDS_AFTER.contains(&word));
        if prefer_before && let Some((season, _, start)) = before {
            // "1ª a 8ª Temporada".
            let mut first = start;
            let mut seasons = vec![season];
            if start >= 2
                && RANGE_WORDS.contains(&self.word(start - 1))
                && let Some((from, _)) = leading_number(self.word(start - 2), 2)
                && let Some(all) = range(from, season)
            {
                seasons = all.collect();
                first = start - 2;
            }
            if let Some((all, from)) = self.range_before(start, season) {
                seasons = all;
                first = from;
            }
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", first..at + 1);
            return;
        }
        if let Some((seasons, end)) = self.numbers_after(at, 2, true) {
            if doubtful
                && (self.token(at + 1).is_some_and(|token| !token.tight())
                    || (word == "tv" || word == "тв") && self.token(at + 1).is_some_and(|token| token.gap != "-"))
            {
                return;
            }
            let (seasons, end, episode) = self.season_or_episode(at, seasons, end);
            if self.out.seasons.is_empty() || seasons.len() > 1 {
                self.out.seasons.extend(seasons);
            }
            self.claim_tokens("seasons", at..end);
            if let Some(episode) = episode
                && self.out.episodes.is_empty()
            {
                self.out.episodes.push(episode);
                self.claim_tokens("episodes", end..end + 1);
            }
        } else if let Some(season) = spelled_number(self.word(at + 1), CARDINALS).filter(|_| word == "season") {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at..at + 2);
        } else if let Some(season) =
            at.checked_sub(1).and_then(|at| spelled_number(self.word(at), ORDINALS)).filter(|_| word == "season")
        {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at - 1..at + 1);
        } else if let Some(season) = roman(self.word(at + 1)).filter(|_| word == "season") {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at..at + 2);
        } else if let Some((season, _, start)) = before.filter(|_| !doubtful) {
            let (seasons, start) = self.range_before(start, season).unwrap_or((vec![season], start));
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", start..at + 1);
        }
    }

    /// `Season 1 - 4` counts seasons, `Season 3 - 11` and `Season 3 46` name an episode.
    fn season_or_episode(&self, at: usize, seasons: Vec<u32>, end: usize) -> (Vec<u32>, usize, Option<u32>) {
        let plural = self.word(at).ends_with('s') && self.word(at) != "series" || self.word(at) == "stagioni";
        let first = seasons.first().copied().unwrap_or(0);
        let (Some(one), Some(next)) = (self.token(at + 1), self.token(at + 2)) else { return (seasons, end, None) };
        if plural || !self.free(at + 2) {
            return (seasons, end, None);
        }
        let Some((episode, _)) = episode_number(&next.folded, 3) else { return (seasons, end, None) };
        let ends = self.token(at + 3).is_none_or(Token::after_bracket);
        let spaced_dash = next.mark() == "-" && next.gap.len() > 1;
        let wider = next.folded.len() > one.folded.len();
        let padded =
            next.folded.starts_with('0') && seasons.len() == 2 || next.folded.len() >= 2 && self.opens_with_group;
        if spaced_dash && (wider || padded) {
            return (vec![first], at + 2, Some(episode));
        }
        // "Season 4.16", "Season 11 01", "Season 3 46".
        let follows = next.gap == "." && one.folded.len() < 3 && next.folded.len() == 2
            || next.gap == " " && ends && (next.folded.starts_with('0') || episode > first + 1);
        if follows && seasons.len() == 1 {
            return (vec![first], at + 2, Some(episode));
        }
        (seasons, end, None)
    }

    fn episode_word(&mut self, at: usize, had_episodes: bool) {
        let word = self.word(at);
        let before = self.number_before(at).filter(|(_, ordinal, _)| *ordinal || EPISODE_WORDS_AFTER.contains(&word));
        let (episodes, tokens) = if let Some((episode, _, start)) = before {
            // "1-3 серия", "с 1 по 10 серию".
            let ranged = RANGE_WORDS.contains(&self.word(start.wrapping_sub(1)));
            let from_at = if ranged { start.checked_sub(2) } else { start.checked_sub(1) };
            let dashed = self.token(start).is_some_and(|token| matches!(token.gap, "-" | "~" | "–" | " - "));
            let from =
                from_at.filter(|at| (ranged || dashed) && self.free(*at)).and_then(|at| self.token(at)?.number(4));
            match from.and_then(|from| range(from, episode)).zip(from_at) {
                Some((all, from_at)) => (all.collect(), from_at..self.skip_total(at + 1)),
                None => (vec![episode], start..self.skip_total(at + 1)),
            }
        } else if word == "e" {
            // "e" alone is a word of many languages: "E 05" needs its zero or a season before it.
            match self.numbers_after(at, 4, false) {
                Some((numbers, end)) if self.word(at + 1).starts_with('0') && !self.out.seasons.is_empty() => {
                    (numbers, at..end)
                }
                _ => return,
            }
        } else if let Some((numbers, end)) = self.numbers_after(at, 4, true) {
            // "EP #1.2" repeats the season.
            if let ([season], Some(next)) = (numbers.as_slice(), self.token(end))
                && self.out.seasons == [*season]
                && next.gap == "."
                && self.token(at + 1).is_some_and(|token| token.gap.ends_with('#'))
                && let Some(episode) = next.number(3)
            {
                (vec![episode], at..end + 1)
            } else {
                (numbers, at..self.skip_total(end))
            }
        } else {
            return;
        };
        if had_episodes {
            self.out.absolute.extend(episodes);
            self.claim_tokens("absolute_episodes", tokens);
        } else {
            self.out.episodes.extend(episodes);
            self.claim_tokens("episodes", tokens);
        }
    }

    /// `2of4`, `(1 of 8)`, `[26 из 26]`.
    fn counted_of(&mut self) {
        if !self.out.episodes.is_empty() {
            return;
        }
        for at in 0..self.tokens.list.len() {
            if let Some((first, rest)) = leading_number(self.word(at), 3)
                && let Some(total) = rest.strip_prefix("of").and_then(|rest| number(rest, 3))
                && first <= total
                && first > 0
            {
                self.out.episodes.push(first);
                self.claim_tokens("episodes", at..at + 1);
                return;
            }
            if OF_WORDS.contains(&self.word(at))
                && self.word(at) != "de"
                && at > 0
                && let (Some(before), Some(after)) = (self.token(at - 1), self.token(at + 1))
                && let (Some(first), Some(total)) = (before.number(3), after.number(3))
                && first <= total
                && first > 0
                && self.free(at - 1)
                && total > 1
                && !(at > 1 && OTHER_COUNTS.contains(&self.word(at - 2)))
            {
                let from = at.checked_sub(2).and_then(|from| self.token(from)).and_then(|token| token.number(3));
                let all = from.filter(|_| before.mark() == "-").and_then(|from| range(from, first));
                let start = if all.is_some() { at - 2 } else { at - 1 };
                match all {
                    Some(all) => self.out.episodes.extend(all),
                    None => self.out.episodes.push(first),
                }
                self.claim_tokens("episodes", start..at + 2);
                return;
            }
        }
    }

    /// Numbers without any word, by where they stand.
    fn bare(&mut self) {
        if self.out.seasons.is_empty() && self.pair() {
            return;
        }
        let _ = self.leading()
            || self.dashed()
            || self.bracketed()
            || self.before_bracket()
            || self.padded()
            || self.joined()
            || self.trailing()
            || self.hashed();
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
        let found = episode_number(&token.folded, 4)?;
        if self.out.spans.iter().any(|(_, tokens, _)| tokens.contains(&at)) {
            return None;
        }
        let before = self.word(at.wrapping_sub(1));
        let dashed = token.gap.contains('-') && token.gap.len() > 1 && !matches!(before, "movie" | "film");
        let counts_other = at > 0 && OTHER_COUNTS.contains(&before) && !dashed;
        let year = token.folded.len() == 4 && (1900..2100).contains(&found.0);
        (!counts_other && !year).then_some(found)
    }

    /// Takes the number at `at` and the range or list that it opens.
    fn take(&mut self, at: usize) -> bool {
        let Some((first, revised)) = self.countable(at) else { return false };
        let mut episodes = vec![first];
        let mut end = at + 1;
        while let Some(token) = self.token(end) {
            let last = episodes.last().copied().unwrap_or(first);
            let text = token.folded.strip_suffix("tv").unwrap_or(&token.folded);
            let width_fits = text.len() >= self.word(at).len().min(2);
            let Some((next, _)) = episode_number(text, 4).filter(|_| self.free(end) && width_fits) else {
                let words = RANGE_WORDS.contains(&token.folded.as_str());
                let Some(more) = self.countable(end + 1).filter(|_| words).and_then(|(next, _)| range(last, next))
                else {
                    break;
                };
                episodes.extend(more);
                end += 2;
                continue;
            };
            if matches!(token.mark(), "-" | "~" | "–" | "_~_" | "_-_") && !token.after_bracket() {
                let Some(more) = range(last, next) else { break };
                episodes.extend(more);
            } else if matches!(token.mark(), "," | "&" | "+") && next == last + 1 {
                episodes.push(next);
            } else {
                break;
            }
            end += 1;
        }
        // "05 END" is the last.
        if matches!(self.word(end), "end" | "fin") && self.closes(end) {
            end += 1;
        }
        // "17.5" is a recap between two episodes.
        if self.token(end).is_some_and(|token| token.gap == "." && token.folded == "5") {
            end += 1;
        }
        end = self.skip_total(end);
        self.out.episodes.extend(episodes);
        self.out.revised |= revised;
        self.claim_tokens("episodes", at..end);
        true
    }

    /// Something ends behind the token: the name, or a bracket opens, or a dash follows.
    fn closes(&self, at: usize) -> bool {
        self.token(at + 1).is_none_or(|next| next.after_bracket() || (next.gap.contains('-') && next.gap.len() > 1))
    }

    /// `- 08`, `_-_19_-_`, `- 01 ~ 12`: the last such number that something ends behind, or else the first.
    fn dashed(&mut self) -> bool {
        let spaced_dash = |token: &Token<'_>| {
            !token.after_bracket() && token.gap.len() > 1 && token.gap.contains(['-', '–']) && !token.gap.contains('/')
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
                (next.number(4).is_some() || RANGE_WORDS.contains(&next.folded.as_str())) && !next.after_bracket()
            }) {
                end += 1;
            }
            self.closes(end)
        });
        // The first of a range written with spaces: "01 - 12".
        let start = closing.map(|at| {
            let before = at - 1;
            if self.countable(before).is_some()
                && self.token(before).is_some_and(|token| spaced_dash(token) || token.after_bracket())
                && self.countable(before) < self.countable(*at)
            {
                before
            } else {
                *at
            }
        });
        match start.or_else(|| candidates.into_iter().find(long)) {
            Some(at) => self.take(at),
            None => false,
        }
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
                    && matches!(token.mark(), "-" | "~")
            });
            let alone = range.len() == 1;
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
            let next_opens = self.closes(at);
            let opens_range =
                self.token(at + 1).is_some_and(|next| matches!(next.mark(), "-" | "~" | "–") && !next.after_bracket())
                    && self.countable(at + 1) > self.countable(at)
                    && self.closes(at + 1);
            if opens_range && self.countable(at).is_some() && self.take(at) {
                return true;
            }
            if outside && next_opens && self.word(at).len() >= 2 && self.take(at) {
                return true;
            }
        }
        false
    }

    /// `102 - The Invitation.avi`, `02 The Invitation.mp4`: files that open with their number.
    fn leading(&mut self) -> bool {
        if !self.is_file || self.has_year() {
            return false;
        }
        let Some(next) = self.token(1) else { return self.word(0).starts_with('0') && self.take(0) };
        let padded = self.word(0).starts_with('0') || self.word(0).len() == 3;
        let dash = next.gap.contains('-') && next.gap.len() > 1
            || self.token(2).is_some_and(|token| token.gap == " - " && next.number(4).is_some());
        let spaced = matches!(next.gap, " " | ". " | "_")
            && padded
            && (self.word(0).starts_with('0') || self.tokens.list.len() == 2);
        self.word(0).len() >= 2 && (dash || spaced) && self.take(0)
    }

    /// `Show 01-24 Complete`, `Show 05 720p`: a zero in front counts episodes wherever it stands.
    fn padded(&mut self) -> bool {
        let found = (1..self.tokens.list.len()).find(|at| {
            let word = self.word(*at);
            let two_digits = word.len() == 2 && word.starts_with('0');
            let ranged = self.token(at + 1).is_some_and(|next| {
                matches!(next.gap, "-" | "~" | " ~ ") && next.number(4).is_some_and(|last| Some(last) > number(word, 2))
            });
            let marked = self.token(at + 1).is_some_and(|next| !self.free(at + 1) && !next.gap.starts_with(','));
            two_digits && (ranged && word.starts_with('0') || marked) && self.countable(*at).is_some()
        });
        found.filter(|_| !self.has_year()).is_some_and(|at| self.take(at))
    }

    /// `show.205.hdtv`: season and episode in one number, as the scene once wrote broadcasts.
    fn joined(&mut self) -> bool {
        let found = (1..self.tokens.list.len()).find(|at| {
            let broadcast = matches!(self.word(at + 1), "hdtv" | "pdtv" | "dsr" | "dsrip" | "tvrip");
            let both = self.countable(*at).filter(|_| self.word(*at).len() == 3);
            broadcast && both.is_some_and(|(both, _)| (1..=40).contains(&(both % 100)) && both >= 100)
        });
        let (Some(at), false) = (found, self.has_year() || !self.out.seasons.is_empty()) else { return false };
        let Some(token) = self.token(at) else { return false };
        let Some((both, _)) = self.countable(at) else { return false };
        self.out.seasons.push(both / 100);
        self.out.episodes.push(both % 100);
        self.claim("seasons", at..at + 1, token.span.start..token.span.start + 1);
        self.claim("episodes", at..at + 1, token.span.start + 1..token.span.end);
        true
    }

    /// `the-x-files-502.mkv`, `Show S02 03.mkv`: files that end in their number.
    fn trailing(&mut self) -> bool {
        let Some(at) = self.tokens.list.len().checked_sub(1).filter(|at| *at > 0) else { return false };
        let digits = self.word(at).bytes().take_while(u8::is_ascii_digit).count();
        let behind_season = self.out.spans.iter().any(|(field, tokens, _)| *field == "seasons" && tokens.end == at);
        let tight_dash = digits == 3 || digits == 2 && self.word(at).starts_with('0');
        if self.is_file && !self.has_year() && tight_dash || behind_season && digits >= 2 {
            return self.take(at);
        }
        if !self.out.seasons.is_empty() {
            let behind = self.out.spans.iter().find(|(field, ..)| *field == "seasons").map(|(_, tokens, _)| tokens.end);
            if let Some(at) = behind
                && self.closes(at)
                && self.word(at).len() >= 2
                && self.token(at).is_some_and(|token| token.gap.trim().is_empty())
            {
                return self.take(at);
            }
        }
        false
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
            let in_row = third.is_some_and(|third| third.number(4).is_some() && third.gap == two.gap)
                || at > 0 && one.tight() && one.gap == two.gap && two.gap == "-";
            let in_bracket = one.bracket > 0 && one.bracket == two.bracket && two.gap == ".";
            let between_dashes =
                two.gap == "." && one.gap.contains(" - ") && third.is_none_or(|third| third.gap.contains(" - "));
            let joined = matches!(two.gap, "-" | "_" | ".")
                && !in_row
                && (two.gap != "." || matches!(one.gap, "." | " ") && third.is_none_or(|third| third.gap != " "))
                && (at > 0 || third.is_some_and(|third| third.gap.contains(' ')));
            // "4-13 Cursed" opens the name; elsewhere only files are numbered so, and a year makes dots and dashes doubtful.
            let opens = at == 0 && two.gap == "-" && !self.has_year();
            let plausible = opens || self.is_file && (!self.has_year() || two.gap == "_");
            if plausible && (in_bracket || between_dashes || joined) {
                self.out.seasons.push(season);
                self.claim_tokens("seasons", at..at + 1);
                self.out.episodes.push(episode);
                self.claim_tokens("episodes", at + 1..at + 2);
                return true;
            }
        }
        false
    }

    fn has_year(&self) -> bool {
        self.tokens
            .list
            .iter()
            .skip(1)
            .any(|token| token.folded.len() == 4 && token.number(4).is_some_and(|year| (1900..2100).contains(&year)))
    }
}

/// Roman numerals of seasons.
fn roman(word: &str) -> Option<u32> {
    const NUMERALS: &[&str] = &["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"];
    spelled_number(word, NUMERALS)
}

/// `第3季`, `第02话`: the number of a word that ends in one of `endings`.
fn ideogram_number(word: &str, endings: &[char]) -> Option<u32> {
    let at = word.find('第')?;
    let (value, rest) = leading_number(word.get(at + '第'.len_utf8()..)?, 4)?;
    rest.starts_with(endings).then_some(value)
}

/// `season2`, `temporada01`, `episode05`, `sn4`: a word with its number.
fn glued_word(word: &str) -> Option<(&str, u32)> {
    let at = word.find(|letter: char| letter.is_ascii_digit())?;
    let (prefix, digits) = word.split_at_checked(at)?;
    number(digits, 3).filter(|_| prefix.len() > 1).map(|value| (prefix, value))
}
