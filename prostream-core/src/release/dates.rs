//! Dates of daily shows, and years.

use std::ops::Range;

use super::tokens::{Token, Tokens, leading_number, number};

/// Years that films and shows can have: the first films are of 1888, and a number far ahead is part of a title.
pub(super) const YEARS: Range<u32> = 1888..2036;

/// Months by name, their beginnings in English.
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A date found: its text and tokens.
pub(super) struct Date {
    pub(super) text: String,
    pub(super) tokens: Range<usize>,
}

/// The first date of the name: `2019.10.25`, `25-10-2019`, `10-25-2019`, `9th Dec 2019`, `Dec 9, 2019`, `16-Feb-17`, `20141017`, `18.09.00`,
/// `2019年10月25日`, `191025`.
pub(super) fn find_date(tokens: &Tokens<'_>, taken: &[bool]) -> Option<Date> {
    let free = |range: Range<usize>| taken.get(range).is_some_and(|taken| taken.iter().all(|taken| !taken));
    // A whole year makes a date surer than two digits, wherever it stands.
    let long = (0..tokens.list.len()).find_map(|at| long_date(tokens, at).filter(|date| free(date.tokens.clone())));
    let short = |read: fn(&Tokens<'_>, usize) -> Option<Date>| {
        (0..tokens.list.len()).find_map(|at| read(tokens, at).filter(|date| free(date.tokens.clone())))
    };
    // "Show.191025.720p": six digits are a date right before a mark.
    let is_before_mark = |date: &Date| taken.get(date.tokens.end) == Some(&true);
    long.or_else(|| short(short_date)).or_else(|| short(six_digits).filter(is_before_mark))
}

fn date(year: u32, month: u32, day: u32, tokens: Range<usize>) -> Option<Date> {
    let good = YEARS.contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    good.then(|| Date { text: format!("{year:04}-{month:02}-{day:02}"), tokens })
}

/// Three tokens with one and the same separator between them.
fn three<'t, 'a>(tokens: &'t Tokens<'a>, at: usize) -> Option<[&'t Token<'a>; 3]> {
    let [one, two, three] = tokens.list.get(at..at + 3)? else { return None };
    let tight = two.gap.chars().count() == 1 && !two.after_bracket();
    (two.gap == three.gap && tight).then_some([one, two, three])
}

fn month_by_name(text: &str) -> Option<u32> {
    let known = text.len() >= 3
        && (text.len() <= 4
            || matches!(
                text,
                "january"
                    | "february"
                    | "march"
                    | "april"
                    | "june"
                    | "july"
                    | "august"
                    | "september"
                    | "october"
                    | "november"
                    | "december"
            ));
    let index = MONTHS.iter().position(|month| known && text.starts_with(month))?;
    u32::try_from(index + 1).ok()
}

/// `15Jan2024`, `2024年01月15日`: a date in one word.
fn joined_date(text: &str) -> Option<(u32, u32, u32)> {
    let (first, rest) = leading_number(text, 4)?;
    let end = rest.find(|letter: char| letter.is_ascii_digit())?;
    let (middle, rest) = rest.split_at_checked(end)?;
    if let Some(month) = month_by_name(middle) {
        return number(rest, 4).filter(|_| first < 100 && rest.len() == 4).map(|year| (year, month, first));
    }
    let (month, rest) = leading_number(rest, 2).filter(|_| middle == "年")?;
    let (day, rest) = leading_number(rest.strip_prefix('月')?, 2)?;
    matches!(rest, "" | "日").then_some((first, month, day))
}

/// `240115`, as Korean broadcasts are dated: outside brackets, behind the title.
fn six_digits(tokens: &Tokens<'_>, at: usize) -> Option<Date> {
    let token = tokens.list.get(at).filter(|token| at > 0 && token.folded.len() == 6 && token.bracket == 0)?;
    let whole = token.number(6)?;
    date(2000 + whole / 10_000, whole / 100 % 100, whole % 100, at..at + 1)
}

fn long_date(tokens: &Tokens<'_>, at: usize) -> Option<Date> {
    let first = tokens.list.get(at)?;
    // One word with a number in it, or three of which the last two have one: "Jan 15 2024", "9th Dec 2019".
    if !first.has_digit && !tokens.list.get(at + 2).is_some_and(|last| last.has_digit) {
        return None;
    }
    if let Some((year, month, day)) = joined_date(first.folded) {
        return date(year, month, day, at..at + 1);
    }
    if first.folded.len() == 8 {
        let whole = first.number(8)?;
        // Eight digits are a date only if they can be nothing else: a year that has passed for shows on air.
        return date(whole / 10_000, whole / 100 % 100, whole % 100, at..at + 1)
            .filter(|_| (1950..2100).contains(&(whole / 10_000)) && !first.gap.is_empty());
    }
    let [one, two, three] = match three(tokens, at) {
        Some(found) => found,
        None => {
            let [one, two, three] = tokens.list.get(at..at + 3)? else { return None };
            [one, two, three]
        }
    };
    if let Some((day, rest)) = leading_number(one.folded, 2)
        && matches!(rest, "" | "st" | "nd" | "rd" | "th")
        && let Some(month) = month_by_name(two.folded)
        && let Some(year) = three.number(4)
        && !two.after_bracket()
        && !three.after_bracket()
    {
        let year = if three.folded.len() == 2 { century(year) } else { year };
        return date(year, month, day, at..at + 3);
    }
    // "Jan 15 2024", "January 15, 2024"; at the start, or before another year, it is a title.
    let is_title =
        at == 0 || tokens.list.get(at + 3).and_then(|next| next.number(4)).is_some_and(|year| YEARS.contains(&year));
    if !is_title
        && let Some(month) = month_by_name(one.folded)
        && let Some((day, "" | "st" | "nd" | "rd" | "th")) = leading_number(two.folded, 2)
        && let Some(year) = three.number(4).filter(|_| three.folded.len() == 4)
        && two.tight()
        && (three.tight() || three.gap == ", ")
        && !two.after_bracket()
        && !three.after_bracket()
    {
        return date(year, month, day, at..at + 3);
    }
    if two.gap != three.gap || two.gap.chars().count() != 1 {
        return None;
    }
    let (a, b, c) = (one.number(4)?, two.number(2)?, three.number(4)?);
    if one.folded.len() == 4 && three.folded.len() <= 2 {
        return date(a, b, c, at..at + 3).or_else(|| date(a, c, b, at..at + 3));
    }
    if three.folded.len() == 4 && one.folded.len() <= 2 {
        return day_and_month(a, b, two.gap).and_then(|(day, month)| date(c, month, day, at..at + 3));
    }
    None
}

/// Two digits of the year, last: only where nothing else fits the three numbers.
fn short_date(tokens: &Tokens<'_>, at: usize) -> Option<Date> {
    if !tokens.list.get(at)?.has_digit {
        return None;
    }
    let [one, two, three] = three(tokens, at)?;
    let whole = tokens.list.get(at + 3).is_some_and(|next| next.number(4).is_some_and(|year| YEARS.contains(&year)));
    let four_in_row = tokens.list.get(at + 3).is_some_and(|next| next.gap == two.gap && next.number(4).is_some());
    // "18 09 00": with spaces it has to be clear which one is the day.
    let is_spaced = at > 0 && two.gap == " " && [one, two].iter().any(|token| token.number(2) > Some(12));
    if whole || four_in_row || !(matches!(two.gap, "-" | "." | "/") || is_spaced) || three.folded.len() != 2 {
        return None;
    }
    if two.folded.len() != 2 || one.folded.len() != 2 || one.folded == two.folded && two.folded == three.folded {
        return None;
    }
    let (a, b, year) = (one.number(2)?, two.number(2)?, three.number(2)?);
    let (day, month) = day_and_month(a, b, two.gap)?;
    date(century(year), month, day, at..at + 3)
}

/// Which of two numbers is the day: the one past 12; written with full stops the first, otherwise the second, as in American names.
fn day_and_month(a: u32, b: u32, separator: &str) -> Option<(u32, u32)> {
    match (a, b) {
        (13..=31, 1..=12) => Some((a, b)),
        (1..=12, 13..=31) => Some((b, a)),
        (1..=12, 1..=12) if separator == "." => Some((a, b)),
        (1..=12, 1..=12) => Some((b, a)),
        _ => None,
    }
}

fn century(year: u32) -> u32 {
    if year < 50 { 2000 + year } else { 1900 + year }
}

/// A year, or a span of years.
pub(super) struct Year {
    pub(super) first: u32,
    /// Last year of `2002-2011`.
    pub(super) last: Option<u32>,
    pub(super) tokens: Range<usize>,
}

/// The year at a token: `1999`, `2006г`.
fn year_at(token: &Token<'_>) -> Option<u32> {
    let (year, rest) = leading_number(token.folded, 4)?;
    (token.folded.len() >= 4 && YEARS.contains(&year) && matches!(rest, "" | "г" | "год")).then_some(year)
}

/// Every year of the name that may be its own, in order; `taken` tokens are left out.
pub(super) fn find_years(tokens: &Tokens<'_>, taken: &[bool]) -> Vec<Year> {
    let mut years = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.list.get(at) {
        let free = |at: usize| taken.get(at).is_some_and(|taken| !taken);
        if let Some(first) = year_at(token).filter(|_| free(at)) {
            let next = tokens.list.get(at + 1).filter(|next| matches!(next.mark(), "-" | "–" | "~") && free(at + 1));
            let last = next.and_then(|next| match next.folded.len() {
                // "2008 - 12" is followed by an episode.
                2 => next.number(2).filter(|_| next.tight()).map(|short| first / 100 * 100 + short),
                _ => year_at(next),
            });
            let last = last.filter(|last| *last > first && last - first < 120);
            let end = at + 1 + usize::from(last.is_some());
            years.push(Year { first, last, tokens: at..end });
            at = end;
        } else {
            at += 1;
        }
    }
    years
}
