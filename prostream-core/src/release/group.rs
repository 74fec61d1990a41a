//! Who made and who listed a release: group, tracker site, checksum, size.

use std::ops::Range;

use super::dates::YEARS;
use super::marks::{Fact, Strength, look_up};
use super::tokens::{Token, Tokens, leading_number, number};
use super::words::Words;

/// Ends of site names; a name with one of them in brackets or behind `www` is a site.
static TOP_LEVELS: Words = Words::new(&[
    "com", "net", "org", "info", "me", "to", "cc", "tv", "io", "ws", "pw", "se", "nl", "ru", "mx", "lt", "am", "ag",
    "re", "cz", "ms", "la", "vip", "nu", "fi", "ch", "li", "club", "xyz", "site", "online", "top", "party", "cam",
    "sbs", "phd", "lat", "tel", "world", "rodeo", "show", "hair", "co", "in", "eu", "pl", "fr", "es", "it", "de", "br",
    "biz", "ai", "app", "pro", "fun", "tf", "bz", "gg", "is", "st", "win", "lol", "mov", "one", "foo", "boo", "cafe",
    "bike", "earth", "fan", "fans", "life", "live", "link", "click", "icu", "rocks", "today", "zone", "space", "ph",
    "sh", "ac", "so", "id", "ir", "cm", "ly", "tk", "ml", "ga", "cf", "gq", "by", "ua", "su", "md", "ro", "hu", "gr",
    "pt", "tr", "jp", "kr", "cn", "tw", "hk", "vn", "sg", "nz", "au", "ca", "cl", "no", "dk", "be", "at", "sk", "si",
    "hr", "rs", "bg", "ee", "lv", "mn", "sc", "asia", "mobi", "tech", "network", "digital", "host", "tube", "website",
    "store", "press", "wtf", "ninja", "pics", "media", "movie", "film", "watch", "cloud", "date", "download", "stream",
    "bid", "bet", "uno", "cool", "blog", "ink", "wiki", "monster", "mom", "buzz", "skin", "quest", "beauty", "autos",
    "ltd", "us", "uk", "im", "sx", "gs", "vc",
]);

/// Ends that no word of a title has: a name before one of them is a site outside brackets, too.
const SURE_ENDS: &[&str] = &["com", "net", "org"];

/// Ends of two words.
const SECOND_LEVELS: &[(&str, &str)] = &[
    ("co", "uk"),
    ("co", "in"),
    ("co", "nz"),
    ("co", "za"),
    ("co", "il"),
    ("co", "kr"),
    ("com", "br"),
    ("com", "ar"),
    ("com", "mx"),
    ("com", "au"),
    ("com", "tr"),
];

/// Marks that trackers put at the end of names; they are neither group nor site.
static TRACKER_TAGS: Words = Words::new(&[
    "rartv", "rarbg", "eztv", "ettv", "tgx", "ethd", "orarbg", "tjet", "utr", "prime", "et", "eztvx", "galaxyrg",
    "pub", "rargb", "cttv", "tbs", "b", "nogrp", "hdo", "hds", "th", "ion10", "i_c", "ic",
]);

/// What programs and uploaders that post a release again put behind its group, in whatever case.
static REPOST_TAGS: Words = Words::new(&[
    "xpost",
    "obfuscated",
    "obfuscation",
    "scrambled",
    "postbot",
    "asrequested",
    "buymore",
    "nzbgeek",
    "reposted",
    "repost",
]);

/// A site's name in the name: its tokens and bytes.
pub(super) struct Site {
    pub(super) tokens: Range<usize>,
    pub(super) span: Range<usize>,
}

/// Finds sites: `www.site.tld`, `[site.tld]`.
pub(super) fn find_sites(tokens: &Tokens<'_>) -> Vec<Site> {
    let mut sites = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.list.get(at) {
        let found = site_at(tokens, at, token);
        at = found.as_ref().map_or(at + 1, |site| site.tokens.end);
        sites.extend(found);
    }
    sites
}

/// The site that opens the name.
pub(super) fn opening_site(tokens: &Tokens<'_>) -> Option<Site> {
    let site = site_at(tokens, 0, tokens.list.first()?)?;
    let bracket = tokens.brackets.first().filter(|bracket| bracket.tokens.start == 0);
    bracket.is_none_or(|bracket| bracket.tokens == site.tokens).then_some(site)
}

fn site_at(tokens: &Tokens<'_>, at: usize, token: &Token<'_>) -> Option<Site> {
    let is_end = |token: &Token<'_>| TOP_LEVELS.contains(token.folded);
    // "电影www.site.tld": what stands before it is no part of the site.
    let glued = token.folded.ends_with("www") && !token.text.is_ascii();
    let from = if glued { token.span.end.saturating_sub(3) } else { token.span.start };
    let span = |end: usize| tokens.list.get(end - 1).map(|last| from..last.span.end);
    // "https://www.site.tld".
    if matches!(token.folded, "http" | "https")
        && let Some(next) = tokens.list.get(at + 1).filter(|next| next.gap == "://")
    {
        let site = site_at(tokens, at + 1, next).or_else(|| {
            let end = tokens.list.get(at + 2).filter(|end| end.gap == "." && is_end(end))?;
            Some(Site { tokens: at + 1..at + 3, span: next.span.start..end.span.end })
        })?;
        return Some(Site { tokens: at..site.tokens.end, span: site.span });
    }
    if matches!(token.folded, "www" | "ww") || glued {
        // "www.site.co.uk".
        let country = tokens.list.get(at + 3).filter(|country| country.gap == ".");
        let under = tokens.list.get(at + 2).map(|end| end.folded).zip(country);
        let is_double = under.is_some_and(|(end, country)| SECOND_LEVELS.contains(&(end, country.folded)));
        if is_double {
            return Some(Site { tokens: at..at + 4, span: span(at + 4)? });
        }
        // "www Site cafe - Title": whatever end it is.
        let is_spaced = at == 0
            && tokens.list.get(3).is_some_and(|next| next.gap == " - ")
            && [1, 2].into_iter().all(|at| tokens.list.get(at).is_some_and(|token| token.gap == " "))
            && tokens.list.get(2).is_some_and(|end| end.text.bytes().all(|byte| byte.is_ascii_lowercase()));
        if is_spaced {
            return Some(Site { tokens: 0..3, span: span(3)? });
        }
        // "Search.WWW.S01": what follows must look like a name and an end.
        for end in at + 2..(at + 5).min(tokens.list.len()) {
            let last = tokens.list.get(end)?;
            let inner = tokens.list.get(at + 1..=end)?;
            if inner.iter().any(|part| !matches!(part.gap, "." | " " | "," | ".-" | "-")) {
                return None;
            }
            let closes =
                tokens.list.get(end + 1).is_none_or(|next| next.gap != "." || token.bracket > 0 || is_end(last));
            if closes
                && last.folded.len() >= 2
                && last.number(9).is_none()
                && (is_end(last) || matches!(last.gap, "." | ",") && at == 0)
            {
                return Some(Site { tokens: at..end + 1, span: span(end + 1)? });
            }
        }
        return None;
    }
    // All others have a full stop before their end.
    if ![at + 1, at + 2].into_iter().any(|end| tokens.list.get(end).is_some_and(|end| end.gap == ".")) {
        return None;
    }
    let is_sure = |end: &Token<'_>| end.gap == "." && SURE_ENDS.contains(&end.folded);
    let is_sure_next = tokens.list.get(at + 1).is_some_and(is_sure);
    // In the middle of a name, outside brackets, the end has to be a sure one.
    if at > 0 && at + 3 < tokens.list.len() && token.bracket == 0 && !is_sure_next {
        return None;
    }
    // "[Lektor.PL]" and "- legendado.br" tell languages, "[XviD.HU]" a codec and one.
    let is_about = |name: &Token<'_>| {
        look_up(name.folded).is_some_and(|(strength, facts)| {
            let says = |fact: &Fact| matches!(fact, Fact::Language(_) | Fact::Dubbed | Fact::Subbed);
            strength == Strength::Strong || facts.iter().any(says)
        })
    };
    // "site.tld - Title".
    let opens = at == 0
        && token.bracket == 0
        && token.folded.len() >= 3
        && tokens.list.get(1).is_some_and(|end| end.gap == "." && is_end(end))
        && tokens.list.get(2).is_some_and(|next| next.is_set_apart() || next.gap.starts_with(" - "));
    if opens && token.folded.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Some(Site { tokens: 0..2, span: span(2)? });
    }
    // "Title 1080p - site.tld".
    let ends = at > 1
        && token.bracket == 0
        && !is_about(token)
        && token.is_set_apart()
        && token.folded.len() >= 3
        && at + 2 == tokens.list.len()
        && tokens.list.get(at + 1).is_some_and(|end| end.gap == "." && is_end(end));
    if ends && tokens.list.iter().filter(|token| token.gap == ".").count() == 1 {
        return Some(Site { tokens: at..at + 2, span: span(at + 2)? });
    }
    // "site.com_Title", "Title.1080p.site.com": between a mark and the end.
    let named = is_sure_next
        && token.bracket == 0
        && token.folded.len() >= 3
        && token.folded.bytes().any(|byte| byte.is_ascii_alphabetic());
    let before = at.checked_sub(1).and_then(|before| tokens.list.get(before));
    let is_mark = |token: &Token<'_>| {
        look_up(token.folded).is_some_and(|(strength, _)| strength == Strength::Strong)
            || token.folded.strip_suffix('p').is_some_and(|rest| number(rest, 4).is_some())
    };
    let behind_mark = || before.is_some_and(is_mark);
    let opens = at == 0
        && tokens.list.get(2).is_some_and(|next| matches!(next.gap, "_" | " " | "-" | "@") && next.number(4).is_none());
    // "Title.1080p.x264-GRP.site.com".
    let behind_group = || {
        before.is_some_and(|before| before.gap == "-")
            && at
                .checked_sub(2)
                .and_then(|mark| tokens.list.get(mark))
                .is_some_and(|mark| look_up(mark.folded).is_some())
    };
    let is_last = at + 2 == tokens.list.len() && token.gap == ".";
    // "Title 2012 site.com 1080p": between a year and a mark.
    let is_year =
        |token: &Token<'_>| token.folded.len() == 4 && token.number(4).is_some_and(|year| YEARS.contains(&year));
    let is_between = || {
        (before.is_some_and(is_year) || behind_mark())
            && tokens.list.get(at + 2).is_some_and(|next| is_mark(next) || next.after_bracket())
    };
    if named && (opens || is_last && (behind_mark() || behind_group()) || is_between() && !is_about(token)) {
        return Some(Site { tokens: at..at + 2, span: span(at + 2)? });
    }
    // "Title 1080p site.tld", "Title 1080p the-site.tld": with a full stop in a name of spaces.
    let stop = if tokens.list.get(at + 1).is_some_and(|part| part.gap == "-") { at + 3 } else { at + 2 };
    let closes = stop == tokens.list.len()
        && tokens.list.get(stop - 1).is_some_and(|end| end.gap == "." && is_end(end) && end.folded.len() > 1);
    if closes && token.bracket == 0 && token.gap == " " && token.folded.len() >= 3 && behind_mark() {
        return Some(Site { tokens: at..stop, span: span(stop)? });
    }
    // A bracket that holds nothing else, or ends with it.
    let bracket = token.bracket.checked_sub(1).and_then(|index| tokens.brackets.get(index))?;
    let name = tokens.list.get(at)?;
    let end = tokens.list.get(at + 1)?;
    // "[site.co.uk]".
    let country = tokens.list.get(at + 2).is_some_and(|country| country.gap == "." && country.folded.len() == 2);
    let is_double = matches!(end.folded, "co" | "com") && country && bracket.tokens.end == at + 3;
    let stop = at + 2 + usize::from(is_double);
    let closes = bracket.tokens.end == stop;
    let sized = name.folded.len() >= 3 && name.folded.bytes().any(|byte| byte.is_ascii_alphabetic());
    let dashed = bracket.tokens.start < at && name.gap == "-";
    let start = if dashed { bracket.tokens.start } else { at };
    let whole = start == bracket.tokens.start || name.gap == " ";
    if closes
        && !is_about(name)
        && end.gap == "."
        && is_end(end)
        && sized
        && whole
        && !name.folded.starts_with(['1', '2'])
    {
        let from = tokens.list.get(start)?.span.start;
        return Some(Site { tokens: start..stop, span: from..span(stop)?.end });
    }
    None
}

/// A token is the end of a site's name.
pub(super) fn is_top_level(tokens: &Tokens<'_>, at: usize) -> bool {
    tokens.list.get(at).is_some_and(|token| TOP_LEVELS.contains(token.folded))
}

/// A tag that trackers add, in whatever case.
pub(super) fn is_tracker_tag(text: &str) -> bool {
    TRACKER_TAGS.contains(text)
}

/// The checksum of an anime release: eight hex digits alone in brackets. Returns its token.
pub(super) fn find_checksum(tokens: &Tokens<'_>) -> Option<usize> {
    (0..tokens.list.len()).rev().find(|at| {
        tokens.list.get(*at).is_some_and(|token| {
            let hex = token.text.len() == 8 && token.text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let alone = token.bracket > 0
                && tokens
                    .brackets
                    .get(token.bracket - 1)
                    .is_some_and(|bracket| bracket.tokens.len() == 1 && bracket.tokens.contains(at));
            let not_a_date = !token.text.starts_with("20") || token.text.bytes().any(|byte| !byte.is_ascii_digit());
            hex && alone && not_a_date
        })
    })
}

/// Nothing but a size stands there: `[1.4GB]`.
pub(super) fn holds_size(tokens: &Tokens<'_>, range: &Range<usize>) -> bool {
    let list = tokens.list.get(range.clone()).unwrap_or_default();
    let unit = list.last().map_or("", |token| token.folded.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    matches!(unit, "gb" | "mb" | "gib" | "mib")
        && list.first().is_some_and(|token| leading_number(token.folded, 5).is_some())
}

/// A size such as `1.4GB`, `950MB`, `700 Mb`: its tokens.
pub(super) fn find_size(tokens: &Tokens<'_>) -> Option<Range<usize>> {
    let unit = |text: &str| matches!(text, "gb" | "mb" | "gib" | "mib");
    for (at, token) in tokens.list.iter().enumerate() {
        let Some((_, rest)) = leading_number(token.folded, 5) else { continue };
        let end = if unit(rest) {
            at + 1
        } else if rest.is_empty() && tokens.list.get(at + 1).is_some_and(|next| next.gap == " " && unit(next.folded)) {
            at + 2
        } else {
            continue;
        };
        let decimal =
            token.gap == "." && at > 0 && tokens.list.get(at - 1).is_some_and(|before| before.number(3).is_some());
        return Some(if decimal { at - 1..end } else { at..end });
    }
    None
}

/// The group behind the last dash: its tokens. `covered` tells which tokens state something else, `first_quality` is the first mark of
/// picture or sound, `end` where trailing brackets begin.
pub(super) fn trailing_group(
    tokens: &Tokens<'_>,
    covered: &[bool],
    first_mark: usize,
    first_quality: Option<usize>,
    end: usize,
) -> Option<Range<usize>> {
    // "…-GRP-sample" says which file of the release it is, "…-GRP-xpost" and "…-GRP.EtHD" who listed it.
    let is_added = |token: &Token<'_>| {
        let word = token.folded;
        word == "sample" && token.gap != " "
            || token.gap == "-" && REPOST_TAGS.contains(word)
            || matches!(token.gap, "." | " ") && word.len() > 3 && is_tracker_tag(word)
    };
    let added = end.checked_sub(1).filter(|at| tokens.list.get(*at).is_some_and(is_added));
    let end = added.unwrap_or(end);
    let start = (first_mark + 1..end).rev().find(|at| {
        tokens
            .list
            .get(*at)
            .is_some_and(|token| token.gap.trim_end_matches([' ', '.']).ends_with('-') && !token.gap.ends_with(" - -"))
    })?;
    // "x264-D-GRP": a letter and a dash are part of the name.
    let is_letter = |at: usize| {
        let token = tokens.list.get(at).filter(|token| token.gap == "-" && token.text.chars().count() == 1);
        token.is_some_and(|token| token.text.chars().all(char::is_alphabetic)) && covered.get(at) == Some(&false)
    };
    let behind_mark = |at: usize| at > 0 && covered.get(at - 1) == Some(&true);
    let start = start.checked_sub(1).filter(|at| is_letter(*at) && behind_mark(*at)).unwrap_or(start);
    let list = tokens.list.get(start..end)?;
    let clean = covered.get(start..end).is_some_and(|covered| covered.iter().all(|covered| !covered));
    let first = list.first()?;
    let numeric = list.iter().all(|token| token.number(9).is_some());
    let one_bracket = list.iter().all(|token| token.bracket == first.bracket);
    // "- Movie with a long comment": groups are short.
    let joined = list.iter().skip(1).all(|token| matches!(token.gap, "." | "_" | "@" | " " | "'" | "+"))
        || list.first().is_some_and(|first| first.text.chars().count() == 1);
    let spaced = list.len() > 3 && list.iter().skip(1).any(|token| token.gap == " ");
    // " - Title" behind a number is the episode's: a dash with spaces needs marks before it.
    let behind_quality = first_quality.is_some_and(|quality| quality < start);
    let before_covered = covered.get(start - 1).copied().unwrap_or(false);
    // "102 - Catch-Up.avi": a word of a title in small letters, in a name of spaces without any mark of picture or sound.
    let hyphenated = list.len() == 1
        && first_quality.is_none_or(|quality| quality > start)
        && first.gap == "-"
        && covered.get(start - 1) == Some(&false)
        && tokens.list.get(start - 1).is_some_and(|before| before.gap.contains(' '))
        && first.text.chars().skip(1).all(|letter| letter.is_lowercase() || !letter.is_alphabetic());
    let spaced_dash =
        first.gap.trim().len() < first.gap.len() && first.gap.ends_with("- ") || first.gap.ends_with(".-.");
    let placed = behind_quality && (before_covered || !spaced_dash) || !spaced_dash && list.len() == 1;
    (placed && !hyphenated && clean && !numeric && one_bracket && joined && !spaced && list.len() <= 6)
        .then_some(start..end)
}
