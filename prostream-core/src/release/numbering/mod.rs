//! Seasons, episodes, volumes: everything a name counts with.

mod bare;
mod glued;
mod named;
mod signs;
mod written;

use std::ops::Range;

use super::dates::YEARS;
use super::marks::{Fact, look_up};
use super::tokens::{Token, Tokens};
use super::words::Words;

/// Longest range that is spelled out; the longest-running shows stay below.
const MAX_RANGE: u32 = 3000;

/// What a name counts, and where.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) seasons: Vec<u32>,
    pub(super) episodes: Vec<u32>,
    pub(super) absolute: Vec<u32>,
    pub(super) volumes: Vec<u32>,
    /// An anime `v2` or later behind the episode.
    pub(super) revised: bool,
    /// Seasons are told by their count: `3 Seasons`.
    pub(super) is_whole: bool,
    /// The field, its tokens and its bytes.
    pub(super) spans: Vec<(&'static str, Range<usize>, Range<usize>)>,
}

/// Words between the ends of a range.
static RANGE_WORDS: Words =
    Words::new(&["to", "ao", "a", "à", "al", "bis", "til", "thru", "through", "до", "по", "ate", "至"]);
/// Words between a number and the count of all.
static OF_WORDS: Words = Words::new(&["of", "из", "iz", "sur", "de", "von"]);
/// Reads what the name counts. `taken` tells which tokens are marks of something else; `opens_with_group` that the name begins with a bracket
/// that holds no mark, as anime releases do; `is_file` that it has the extension of a video; `folder_season` which season's folder it lies in.
pub(super) fn read(
    tokens: &Tokens<'_>,
    taken: &[bool],
    opens_with_group: bool,
    is_file: bool,
    folder_season: Option<u32>,
) -> Numbers {
    let is_year =
        |token: &Token<'_>| token.folded.len() == 4 && token.number(4).is_some_and(|year| YEARS.contains(&year));
    let last_year = tokens.list.iter().rposition(is_year);
    let claims = vec![Claim::default(); tokens.list.len() + 1];
    let mut scanner =
        Scanner { tokens, taken, opens_with_group, is_file, folder_season, last_year, claims, out: Numbers::default() };
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

/// A word that says that the whole work is there: `Complete`, `Completa`, `Batch`.
fn states_whole(word: &str) -> bool {
    look_up(word).is_some_and(|(_, facts)| facts.contains(&Fact::Complete))
}

/// How a token stands to what has been claimed: the same as the spans tell, without a search through them.
#[derive(Clone, Copy, Default)]
struct Claim {
    /// It counts something.
    is_held: bool,
    /// It is the first that counts something.
    is_start: bool,
    /// It is the first that counts seasons.
    starts_seasons: bool,
    /// It stands right behind what counts seasons.
    ends_seasons: bool,
}

struct Scanner<'t, 'a> {
    tokens: &'t Tokens<'a>,
    taken: &'t [bool],
    opens_with_group: bool,
    is_file: bool,
    folder_season: Option<u32>,
    /// The last token that looks like a year.
    last_year: Option<usize>,
    /// What is claimed so far, for each token and the place behind the last one.
    claims: Vec<Claim>,
    out: Numbers,
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
        self.token(at).map_or("", |token| token.folded)
    }

    fn claim(&mut self, field: &'static str, tokens: Range<usize>, span: Range<usize>) {
        let is_season = field == "seasons";
        for claim in self.claims.get_mut(tokens.clone()).unwrap_or_default() {
            claim.is_held = true;
        }
        if let Some(start) = self.claims.get_mut(tokens.start) {
            start.is_start = true;
            start.starts_seasons |= is_season;
        }
        if let Some(end) = self.claims.get_mut(tokens.end) {
            end.ends_seasons |= is_season;
        }
        self.out.spans.push((field, tokens, span));
    }

    fn claim_at(&self, at: usize) -> Claim {
        self.claims.get(at).copied().unwrap_or_default()
    }

    fn claim_tokens(&mut self, field: &'static str, tokens: Range<usize>) {
        if let (Some(first), Some(last)) = (self.token(tokens.start), self.token(tokens.end.wrapping_sub(1))) {
            let span = first.span.start..last.span.end;
            self.claim(field, tokens, span);
        }
    }

    /// Counts a season and an episode, each with the tokens that name it.
    fn take_both(&mut self, season: (u32, Range<usize>), episode: (u32, Range<usize>)) {
        self.out.seasons.push(season.0);
        self.claim_tokens("seasons", season.1);
        self.out.episodes.push(episode.0);
        self.claim_tokens("episodes", episode.1);
    }

    /// Steps over `of 16`, `из 20`.
    fn skip_total(&self, end: usize) -> usize {
        let of = OF_WORDS.contains(self.word(end));
        let counted = of && self.token(end + 1).is_some_and(|token| token.number(4).is_some());
        if counted { end + 2 } else { end }
    }

    fn has_year(&self) -> bool {
        self.tokens
            .list
            .iter()
            .skip(1)
            .any(|token| token.folded.len() == 4 && token.number(4).is_some_and(|year| (1900..2100).contains(&year)))
    }
}
