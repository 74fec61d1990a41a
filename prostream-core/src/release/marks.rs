//! Marks: words of a release name that state a fact about it, kept in tables by subject.
//!
//! A mark is looked up by its letters and digits alone, so `WEB-DL`, `web.dl` and `WEBDL` are one entry.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::tokens::{Token, Tokens};
use super::words::{Beginnings, ShortHash, Sketch};
use super::{audio, edition, languages, quality};

/// How surely a mark is no part of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Also a word or a code of two letters: counts only among other marks, behind the title.
    Tail,
    /// Also a word of titles: counts behind the title, or right before a strong mark.
    Weak,
    /// Ends the title wherever it stands.
    Strong,
}

/// A fact that a mark states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// Nothing worth a field, but no title either: `READNFO`, `INTERNAL`.
    Noise,
    Resolution(&'static str),
    Source(&'static str),
    /// The source where no other is named.
    VagueSource(&'static str),
    /// A copy of a disc's streams.
    Remux,
    Codec(&'static str),
    Depth(u8),
    Hdr(&'static str),
    Stereoscopic,
    Audio(&'static str),
    Channels(&'static str),
    Language(&'static str),
    Subtitle(&'static str),
    MultiAudio,
    MultiSubs,
    Dubbed,
    Subbed,
    Hardcoded,
    Edition(&'static str),
    Proper,
    Repack,
    Revised,
    Container(&'static str),
    Network(&'static str),
    Region(&'static str),
    Complete,
    Retail,
    Convert,
}

impl Fact {
    /// Name of the field that it fills, for the spans; empty for noise.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Noise => "",
            Self::Resolution(_) => "resolution",
            Self::Source(_) | Self::VagueSource(_) => "source",
            Self::Remux => "remux",
            Self::Codec(_) => "video_codec",
            Self::Depth(_) => "bit_depth",
            Self::Hdr(_) => "hdr",
            Self::Stereoscopic => "threed",
            Self::Audio(_) => "audio",
            Self::Channels(_) => "channels",
            Self::Language(_) => "languages",
            Self::Subtitle(_) => "subtitle_languages",
            Self::MultiAudio => "multi_audio",
            Self::MultiSubs => "multi_subs",
            Self::Dubbed => "dubbed",
            Self::Subbed => "subbed",
            Self::Hardcoded => "hardcoded",
            Self::Edition(_) => "edition",
            Self::Proper => "proper",
            Self::Repack => "repack",
            Self::Revised => "revised",
            Self::Container(_) => "container",
            Self::Network(_) => "network",
            Self::Region(_) => "region",
            Self::Complete => "complete",
            Self::Retail => "retail",
            Self::Convert => "convert",
        }
    }
}

/// A row of a table: letters and digits of the mark, how sure it is, what it states.
pub(super) type Row = (&'static str, Strength, &'static [Fact]);

/// A mark found in a name.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) tokens: Range<usize>,
    pub(super) span: Range<usize>,
    pub(super) strength: Strength,
    pub(super) facts: Cow<'static, [Fact]>,
}

impl Mark {
    pub(super) fn states(&self, is: impl Fn(&Fact) -> bool) -> bool {
        self.facts.iter().any(is)
    }

    /// States nothing but languages.
    pub(super) fn is_language(&self) -> bool {
        !self.facts.is_empty() && self.facts.iter().all(|fact| matches!(fact, Fact::Language(_) | Fact::Subtitle(_)))
    }
}

/// Most tokens that one mark is made of: `DTS-HD.MA`, `Dolby Digital Plus`, `The Final Cut`.
const MAX_TOKENS: usize = 4;

/// All tables.
const TABLES: [&[Row]; 4] = [quality::MARKS, audio::MARKS, languages::MARKS, edition::MARKS];

/// How sure a word is, and what it states.
type Stated = (Strength, &'static [Fact]);

static TABLE: LazyLock<HashMap<&'static str, Stated, ShortHash>> =
    LazyLock::new(|| TABLES.into_iter().flatten().map(|(key, strength, facts)| (*key, (*strength, *facts))).collect());

/// The keys of [`TABLE`], by their lengths and by how they begin.
static KEYS: (Sketch, Beginnings) = {
    let (mut sketch, mut beginnings) = (Sketch::EMPTY, Beginnings::EMPTY);
    let mut table = 0;
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            sketch = sketch.with(TABLES[table][row].0);
            beginnings = beginnings.with(TABLES[table][row].0);
            row += 1;
        }
        table += 1;
    }
    (sketch, beginnings)
};

/// What a word states, its letters and digits alone, in lower case.
pub(super) fn look_up(key: &str) -> Option<Stated> {
    if KEYS.0.may_hold(key) { TABLE.get(key).copied() } else { None }
}

/// Finds every mark, the longest at each place.
pub(super) fn find_marks(tokens: &Tokens<'_>) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(tokens.list.len().min(16));
    let mut key = String::with_capacity(64);
    let mut at = 0;
    while at < tokens.list.len() {
        // "Special Extended Edition" is more than "Special".
        let phrase = edition::read(tokens, at);
        let listed = longest(tokens, at, &mut key);
        let end = |mark: &Option<Mark>| mark.as_ref().map(|mark| mark.tokens.end);
        let found = if end(&phrase) > end(&listed) { phrase } else { listed.or_else(|| computed(tokens, at)) };
        match found {
            Some(mark) => {
                at = mark.tokens.end.max(at + 1);
                marks.push(mark);
            }
            None => at += 1,
        }
    }
    marks
}

/// The longest run of tokens from `at` on that a table knows.
fn longest(tokens: &Tokens<'_>, at: usize, key: &mut String) -> Option<Mark> {
    let first = tokens.list.get(at)?;
    if !first.has_apostrophe && !KEYS.1.may_begin(first.folded) {
        return None;
    }
    key.clear();
    let mut found = None;
    for (count, token) in tokens.list.iter().skip(at).take(MAX_TOKENS).enumerate() {
        // "S.W.A.T. HD": a letter with its full stop is no part of a mark.
        let is_initial = token.gap == ". " && key.len() == 1;
        if count > 0 && (!joins(token) || is_initial) {
            break;
        }
        if token.has_apostrophe {
            token.folded.split(['\'', '’']).for_each(|part| key.push_str(part));
        } else {
            key.push_str(token.folded);
        }
        if !KEYS.1.may_begin(key) {
            break;
        }
        if let Some((strength, facts)) = look_up(key) {
            let end = at + count + 1;
            found =
                Some(Mark { tokens: at..end, span: first.span.start..token.span.end, strength, facts: facts.into() });
        }
    }
    let mut mark = found?;
    // "HDR10+" and "DD+" end in a separator.
    let after = tokens.list.get(mark.tokens.end).map_or(tokens.tail, |token| token.gap);
    if after.starts_with('+') {
        let plus_form = key_is_plus_form(tokens, &mark);
        for fact in mark.facts.to_mut() {
            match fact {
                Fact::Hdr("HDR10") => *fact = Fact::Hdr("HDR10+"),
                Fact::Audio("ac3") if plus_form => *fact = Fact::Audio("eac3"),
                _ => {}
            }
        }
    }
    Some(mark)
}

/// `DD+` is another codec; `AC3+` only lists a second one.
fn key_is_plus_form(tokens: &Tokens<'_>, mark: &Mark) -> bool {
    tokens.list.get(mark.tokens.start).is_some_and(|token| matches!(token.folded, "dd" | "dolbydigital"))
}

/// Whether a token may continue the mark before it.
pub(super) fn joins(token: &Token<'_>) -> bool {
    matches!(token.gap, "" | "." | " " | "-" | "_" | "/" | " - " | "&" | ". ")
}

/// Marks that no table can list: numbers within, or several marks in one word.
fn computed(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    quality::read(tokens, at)
        .or_else(|| audio::read(tokens, at))
        .or_else(|| languages::read(tokens, at))
        .or_else(|| cut_short(tokens, at))
}

/// Lists of torrents once cut names after so many letters; accents make the bytes more.
const CUT_NAMES: Range<usize> = 60..72;
/// Fewest letters of a word that was cut off, so that it can still be told.
const MIN_CUT: usize = 4;

/// `Italian Frenc`, `(Serie Com`: a word that the end of the name cuts off, in a name as long as lists once allowed. It has to begin words
/// of languages or of whole works alone, all of which state the same.
fn cut_short(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    let (first, last) = (tokens.list.get(at)?, tokens.list.last()?);
    let words = tokens.list.get(at..).filter(|words| words.len() <= 2)?;
    if !(tokens.tail.is_empty() && CUT_NAMES.contains(&last.span.end) && words.iter().skip(1).all(joins)) {
        return None;
    }
    let key: String = words.iter().map(|token| token.folded).collect();
    if key.len() < MIN_CUT || !KEYS.1.may_begin(&key) {
        return None;
    }
    let mut begun = [languages::MARKS, edition::MARKS].into_iter().flatten().filter(|row| row.0.starts_with(&key));
    let stated = |facts: &[Fact]| {
        let is_told = |fact: &Fact| matches!(fact, Fact::Language(_) | Fact::Complete | Fact::MultiSubs);
        facts.iter().copied().find(is_told)
    };
    let fact = stated(begun.next()?.2)?;
    let is_same = begun.all(|row| stated(row.2) == Some(fact));
    let span = first.span.start..last.span.end;
    is_same.then(|| Mark { tokens: at..tokens.list.len(), span, strength: Strength::Weak, facts: vec![fact].into() })
}
