//! The title among everything else.

use std::ops::Range;

use super::tokens::{Tokens, is_closing, is_opening};

/// A title and its translations given in the same place.
#[derive(Debug, Default)]
pub(super) struct Titles {
    pub(super) first: String,
    pub(super) others: Vec<String>,
    pub(super) span: Range<usize>,
}

/// What kinds of letters a text has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Script {
    latin: bool,
    cyrillic: bool,
    other: bool,
}

/// Nothing of a text is in Latin letters.
pub(super) fn is_foreign(text: &str) -> bool {
    script(text).foreign()
}

fn script(text: &str) -> Script {
    if text.is_ascii() {
        return Script { latin: text.bytes().any(|byte| byte.is_ascii_alphabetic()), ..Script::default() };
    }
    let mut script = Script::default();
    for letter in text.chars() {
        match letter {
            // Signs among the letters; Roman numerals stand in titles of every script.
            '×' | '÷' | 'ª' | 'º' | '\u{482}'..='\u{489}' | '\u{2160}'..='\u{2188}' => {}
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => script.latin = true,
            '\0'..='\u{bf}' => script.other |= letter == 'µ',
            '\u{400}'..='\u{52f}' => script.cyrillic = true,
            _ => script.other = script.other || letter.is_alphabetic(),
        }
    }
    script
}

impl Script {
    fn only_latin(self) -> bool {
        self.latin && !self.cyrillic && !self.other
    }

    fn foreign(self) -> bool {
        !self.latin && (self.cyrillic || self.other)
    }
}

/// Where a stretch of free tokens stands.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) tokens: Range<usize>,
    pub(super) span: Range<usize>,
}

/// Finds the stretch of the name that is its title: the first free tokens behind what opens the name.
///
/// `covered` tells which tokens state something else, `skipped` how many tokens open the name without being its title (group, site).
pub(super) fn find_title(name: &str, tokens: &Tokens<'_>, covered: &[bool], skipped: usize) -> Option<Stretch> {
    let stretches = stretches(name, tokens, covered, skipped);
    let first = stretches.first()?.clone();
    let text = |stretch: &Stretch| name.get(stretch.span.clone()).unwrap_or_default();
    // "(500) Harbours of Glass": the number belongs to what follows.
    let is_number = |stretch: &Stretch| {
        let token = tokens.list.get(stretch.tokens.start).filter(|token| stretch.tokens.len() == 1 && token.gap == "(");
        token.is_some_and(|token| token.number(4).is_some())
    };
    if is_number(&first)
        && let Some(next) = stretches.get(1).filter(|next| next.tokens.start == first.tokens.end)
    {
        return Some(Stretch { tokens: first.tokens.start..next.tokens.end, span: first.span.start..next.span.end });
    }
    let in_bracket = |stretch: &Stretch| tokens.list.get(stretch.tokens.start).is_some_and(|token| token.bracket > 0);
    // Everything in brackets: the title is the last bracket in Latin letters before the numbers, or else the last one.
    if in_bracket(&first) {
        let mut run: Vec<&Stretch> = Vec::new();
        for stretch in &stretches {
            // A bracket that holds a number beside the title does not end the run: "[第3季]".
            let same = |at: usize, other: usize| {
                tokens.list.get(at).map(|token| token.bracket) == tokens.list.get(other).map(|token| token.bracket)
            };
            let follows = run.last().is_none_or(|last| {
                (last.tokens.end..stretch.tokens.start)
                    .all(|at| same(at, last.tokens.start) || same(at, stretch.tokens.start))
            });
            if !in_bracket(stretch) || !follows {
                break;
            }
            run.push(stretch);
        }
        // "[S01-S02+OVA]": what stands behind a number in its bracket is none.
        let opens_bracket = |stretch: &&&Stretch| {
            let before = stretch.tokens.start.checked_sub(1).and_then(|at| tokens.list.get(at));
            let own = tokens.list.get(stretch.tokens.start).map(|token| token.bracket);
            before.map(|token| token.bracket) != own
        };
        let is_latin = |stretch: &&&Stretch| script(text(stretch)).latin;
        let latin = run.iter().rev().filter(opens_bracket).find(is_latin).or_else(|| run.iter().rev().find(is_latin));
        let outside = stretches.iter().find(|stretch| !in_bracket(stretch));
        return match (latin, outside) {
            (None, Some(outside)) if script(text(outside)).latin => Some(outside.clone()),
            (Some(latin), _) => Some((*latin).clone()),
            _ => run.last().map(|last| (*last).clone()),
        };
    }
    // A Chinese or Arabic title in front of the Latin one.
    if script(text(&first)).foreign() && script(text(&first)).other {
        let latin = stretches.iter().skip(1).find(|stretch| !in_bracket(stretch) && script(text(stretch)).latin);
        return Some(latin.cloned().unwrap_or(first));
    }
    Some(first)
}

/// Stretches of tokens that nothing covers. Square brackets cut, round ones that hold only free tokens do not.
fn stretches(name: &str, tokens: &Tokens<'_>, covered: &[bool], skipped: usize) -> Vec<Stretch> {
    let mut sum = 0;
    let sums = covered.iter().map(|covered| {
        sum += usize::from(*covered);
        sum
    });
    let before: Vec<usize> = std::iter::once(0).chain(sums).collect();
    let covered_in = |range: &Range<usize>| before.get(range.end) != before.get(range.start);
    let cutting: Vec<bool> =
        tokens.brackets.iter().map(|bracket| bracket.opening != '(' || covered_in(&bracket.tokens)).collect();
    let mut found: Vec<Stretch> = Vec::new();
    let mut current: Option<Stretch> = None;
    for (at, token) in tokens.list.iter().enumerate().skip(skipped) {
        let is_covered = covered.get(at).copied().unwrap_or(true);
        let cuts = token.bracket.checked_sub(1).and_then(|index| cutting.get(index)).copied().unwrap_or(false);
        let same_bracket = current
            .as_ref()
            .and_then(|stretch| tokens.list.get(stretch.tokens.start))
            .is_none_or(|first| first.bracket == token.bracket || !cuts && first.bracket == 0);
        let leaves_square = token.after_bracket() && token.gap.contains([']', '】', '}', '★', '[', '【', '{']);
        if is_covered || !same_bracket || leaves_square {
            found.extend(current.take());
        }
        if is_covered {
            continue;
        }
        let start = token.span.start;
        match &mut current {
            Some(stretch) => {
                stretch.tokens.end = at + 1;
                stretch.span.end = token.span.end;
            }
            None => {
                // A round bracket that opens the stretch belongs to it.
                let opens = token.gap.ends_with('(') && !cuts;
                current = Some(Stretch { tokens: at..at + 1, span: start - usize::from(opens)..token.span.end });
            }
        }
    }
    found.extend(current.take());
    // What closes a stretch belongs to it: "Who?", "Show!!", "(Other Name)".
    for stretch in &mut found {
        let tail = name.get(stretch.span.end..).unwrap_or_default();
        let open = name.get(stretch.span.clone()).is_some_and(|text| text.contains('('));
        let more: usize = tail
            .chars()
            .take_while(|letter| matches!(letter, '!' | '?') || (open && *letter == ')'))
            .map(char::len_utf8)
            .sum();
        stretch.span.end += more;
    }
    found
}

/// Reads the titles of a stretch: separators become spaces, translations are told apart.
pub(super) fn read_titles(name: &str, stretch: &Stretch) -> Titles {
    let text = name.get(stretch.span.clone()).unwrap_or_default();
    let parts: Vec<&str> = split_parts(text);
    let latin_exists = parts.iter().any(|part| script(part).latin && !is_mostly_foreign(part));
    let foreign_exists = parts.iter().any(|part| is_mostly_foreign(part));
    let mut others = Vec::new();
    let first = if parts.len() > 1 && foreign_exists && latin_exists {
        others.extend(parts.iter().filter(|part| is_mostly_foreign(part)).map(|part| clean(part)));
        let latin: Vec<String> = parts.iter().filter(|part| !is_mostly_foreign(part)).map(|part| clean(part)).collect();
        if text.contains(" / ") { latin.join(" / ") } else { latin.into_iter().next().unwrap_or_default() }
    } else {
        clean(text)
    };
    let before_square = name.get(stretch.span.end..).is_some_and(|rest| rest.trim_start().starts_with('['));
    let first = if before_square { without_person(first) } else { first };
    let first = without_remark(first, parts.len() > 1, &mut others);
    let first = without_foreign_ends(first, &mut others);
    let first = without_alias(first, &mut others);
    let first = without_brackets_around(first);
    for mark in [" / ", " | "] {
        if first.contains(['/', '|']) && first.contains(mark) {
            others.extend(first.split(mark).map(clean));
        }
    }
    others.retain(|other| !other.is_empty() && *other != first);
    Titles { first, others, span: stretch.span.clone() }
}

/// In other letters but for a numeral or a mark: `Солнце 3D`, `Рокки II`.
fn is_mostly_foreign(part: &str) -> bool {
    if part.is_ascii() {
        return false;
    }
    let is_sign = |word: &str| word.len() <= 3 && !word.contains(char::is_lowercase);
    let mut words = part.split_whitespace().filter(|word| script(word).latin);
    script(part).foreign() || script(part).cyrillic && words.all(is_sign)
}

/// Parts between slashes, if there is one; a slash without spaces only parts different scripts.
fn split_parts(text: &str) -> Vec<&str> {
    if !text.contains(['/', '|', '／']) {
        return Vec::new();
    }
    if text.contains(" / ") || text.contains(" | ") {
        return text.split(" / ").flat_map(|part| part.split(" | ")).collect();
    }
    let parts: Vec<&str> = text.split(['/', '／']).collect();
    let mixed = parts.iter().any(|part| script(part).foreign());
    if mixed { parts } else { vec![text] }
}

/// `Glass Harbour AKA Port de Verre`: the first title, the other one beside it.
fn without_alias(title: String, others: &mut Vec<String>) -> String {
    if !title.bytes().any(|byte| matches!(byte, b'k' | b'K')) {
        return title;
    }
    let lower = title.to_ascii_lowercase();
    let found =
        [" (aka ", " aka ", " a.k.a. ", " a k a "].iter().find_map(|mark| lower.find(mark).map(|at| (at, mark.len())));
    let Some((at, length)) = found else { return title };
    let (Some(front), Some(back)) = (title.get(..at), title.get(at + length..)) else { return title };
    let bracketed = lower.get(at..).is_some_and(|mark| mark.starts_with(" ("));
    others.push(clean(if bracketed { back.trim_end_matches(')') } else { back }));
    clean(front)
}

/// `Огни (Иван Смирнов) [2021, …]`: whoever directed it stands in round brackets before the square ones, by two names or more.
fn without_person(title: String) -> String {
    let Some((front, rest)) = title.rsplit_once(" (") else { return title };
    let inner = rest.strip_suffix(')').unwrap_or_default();
    let is_name = |word: &str| word.chars().next().is_some_and(char::is_uppercase) && script(word).foreign();
    let is_person = inner.contains(' ') && inner.split([' ', ',']).filter(|word| !word.is_empty()).all(is_name);
    if is_person && script(front).foreign() { front.trim().to_owned() } else { title }
}

/// `О мышах (Of Mice)`: the other script in round brackets is the title; behind slashes brackets hold people.
fn without_remark(title: String, has_parts: bool, others: &mut Vec<String>) -> String {
    if !title.contains('(') {
        return title;
    }
    let Some((front, rest)) = title.split_once(" (") else { return title };
    let inner = rest.split(')').next().unwrap_or_default();
    if has_parts {
        // People stand there, or the rest of a title.
        if script(inner).only_latin() {
            others.push(title.clone());
        }
        return front.trim().to_owned();
    }
    if script(front).foreign() && script(inner).only_latin() {
        others.push(front.trim().to_owned());
        return inner.trim().to_owned();
    }
    if script(front).only_latin() && script(inner).foreign() && rest.trim_end().ends_with(')') {
        others.push(inner.trim().to_owned());
        return front.trim().to_owned();
    }
    others.push(front.trim().to_owned());
    title
}

/// `劇場版 ペンギン Penguin Film`, `О мышах - Of Mice`: what stands in other letters before or behind a Latin title.
fn without_foreign_ends(title: String, others: &mut Vec<String>) -> String {
    let letters = script(&title);
    if !letters.latin || letters.only_latin() {
        return title;
    }
    let is_latin = |word: &&str| script(word).latin;
    let words: Vec<&str> = title.split(' ').collect();
    let (first, last) = (words.iter().position(is_latin), words.iter().rposition(is_latin));
    let Some((first, last)) = first.zip(last) else { return title };
    // Words without letters belong to what stands before them: "Part 2".
    let foreign_from = words.iter().skip(last + 1).position(|word| script(word).foreign()).map(|at| last + 1 + at);
    let is_front_foreign = words.iter().take(first).any(|word| script(word).foreign());
    // "Солнце 91 Nights": the number is the Latin title's, unless that one has the same at its end.
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let before = first.checked_sub(1).and_then(|at| words.get(at)).filter(|word| is_number(word));
    let own = before.filter(|number| words.last() != Some(number)).map_or(first, |_| first - 1);
    let start = if is_front_foreign { own } else { 0 };
    let part = |range: Range<usize>| clean(&words.get(range).unwrap_or_default().join(" "));
    let latin = part(start..foreign_from.unwrap_or(words.len()));
    if !is_title_of_its_own(&latin, letters.cyrillic) {
        return title;
    }
    others.push(part(0..start));
    others.extend(foreign_from.map(|from| part(from..words.len())));
    latin
}

/// `(Glass Harbour)`, bracketed as a whole.
fn without_brackets_around(title: String) -> String {
    let inner = title.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).map(str::to_owned).unwrap_or(title)
}

/// Numerals and initials stand in titles of every script: `Рокки II`.
fn is_title_of_its_own(latin: &str, is_beside_cyrillic: bool) -> bool {
    let letters = |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).count();
    let is_word = |word: &str| letters(word) >= 3 && word.chars().any(char::is_lowercase);
    letters(latin) >= 2 && (!is_beside_cyrillic || latin.split(' ').any(is_word))
}

/// Separators become spaces, and nothing but the title remains at its ends.
pub(super) fn clean(text: &str) -> String {
    let spaced = text.contains(' ');
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let space = match letter {
            '_' | '\t' | '*' => true,
            // In names with spaces a full stop is one; otherwise it is the separator, but for "S.W.A.T.".
            '.' => {
                !spaced
                    || letters.peek().is_some_and(|next| next.is_alphanumeric())
                        && !out.ends_with(char::is_alphanumeric)
            }
            _ => letter.is_whitespace(),
        };
        if !space {
            out.push(letter);
        } else if !out.ends_with(' ') && !out.is_empty() {
            out.push(' ');
        }
    }
    let mut text = out.trim();
    loop {
        let trimmed = text.trim_matches(|c: char| {
            c.is_whitespace()
                || matches!(c, '-' | ',' | ':' | ';' | '/' | '|' | '~' | '+' | '–' | '—' | '#' | '@' | '&' | '•')
        });
        let (opened, closed) = trimmed.chars().fold((0_usize, 0_usize), |(opened, closed), letter| {
            (opened + usize::from(is_opening(letter)), closed + usize::from(is_closing(letter)))
        });
        let trimmed = match (opened, closed) {
            (opened, closed) if opened > closed => trimmed.trim_end_matches(is_opening),
            (opened, closed) if opened < closed => trimmed.trim_start_matches(is_closing),
            _ => trimmed,
        };
        if trimmed == text {
            break;
        }
        text = trimmed;
    }
    text.to_owned()
}
