//! What all indexers do with a query and with the rows that come back.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{MAX_RELEASES, Query, Releases};
use crate::Result;
use crate::model::{EpisodeNumber, ProviderId, Release, TitleKind};
use crate::net::{Call, Request};

/// Longest search text that is sent, in characters.
const MAX_SEARCH_CHARS: usize = 200;

/// Most searches by words for one query: the title, its season, its name as it stands, its original name, and its date or absolute number. With the
/// one by id an indexer gets at most one request more, each times its pages. A film whose name is in plain letters costs one.
const MAX_SEARCHES: usize = 5;

/// A search by words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// All of it.
    pub(super) text: String,
    /// The name of the title alone.
    pub(super) name: String,
    /// What stands behind the name, where an indexer may be told it apart from that.
    pub(super) part: Part,
}

/// What of a series is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What the text says.
    Text,
    /// An episode of a season.
    Episode(EpisodeNumber),
    /// What came on a day: year, month and day.
    Day(String, String, String),
}

impl Part {
    /// Season and episode, as indexers write them that take them apart from the name; a day is `2024` and `05/31`.
    pub(super) fn numbers(&self) -> Option<(String, String)> {
        match self {
            Part::Text => None,
            Part::Episode(number) => Some((number.season.to_string(), number.episode.to_string())),
            Part::Day(year, month, day) => Some((year.clone(), format!("{month}/{day}"))),
        }
    }
}

/// Searches by words, the most exact first, the others to widen it: `Title 2010`; for an episode `Title S01E02`, then `Title S01` for season packs.
/// Names are searched for without accents, as most releases bear them and many sites compare letters as they stand; then as they stand, and by the
/// original name where that is in Latin letters. Daily shows are also found by the date, anime by the absolute number. At most [`MAX_SEARCHES`].
pub(super) fn searches(query: &Query) -> Vec<Words> {
    let plain = query.names.first().map(String::as_str).unwrap_or_default();
    let name = search_name(&folded(plain));
    let of_text = |text: String| Words { text, name: name.clone(), part: Part::Text };
    let mut searches = vec![exact(query, &name)];
    let number = query.episode.filter(|_| query.kind == TitleKind::Series);
    searches.extend(number.map(|number| of_text(format!("{name} S{:02}", number.season))));
    let original = query.original_name.as_deref().map(|name| search_name(&folded(name))).filter(|name| is_latin(name));
    for other in [Some(search_name(plain)), original].into_iter().flatten() {
        if searches.iter().all(|known| !known.name.eq_ignore_ascii_case(&other)) {
            searches.push(exact(query, &other));
        }
    }
    if let Some((year, month, day)) = number.and(query.air_date.as_deref()).and_then(read_day) {
        let part = Part::Day(year.to_owned(), month.to_owned(), day.to_owned());
        searches.push(Words { part, ..of_text(format!("{name} {year} {month} {day}")) });
    }
    searches.extend(number.and(query.absolute_episode).map(|number| of_text(format!("{name} {number:02}"))));
    searches.truncate(MAX_SEARCHES);
    searches
}

/// What is asked for, under this name.
fn exact(query: &Query, name: &str) -> Words {
    let (text, part) = match (query.kind, query.episode, query.year) {
        (TitleKind::Series, Some(number), _) => {
            (format!("{name} S{:02}E{:02}", number.season, number.episode), Part::Episode(number))
        }
        (TitleKind::Movie, _, Some(year)) => (format!("{name} {year}"), Part::Text),
        _ => (name.to_owned(), Part::Text),
    };
    Words { text, name: name.to_owned(), part }
}

/// Year, month and day of `2024-05-31`, and nothing but digits.
fn read_day(date: &str) -> Option<(&str, &str, &str)> {
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let is_day = [(year, 4), (month, 2), (day, 2)]
        .iter()
        .all(|(digits, len)| digits.len() == *len && digits.bytes().all(|byte| byte.is_ascii_digit()));
    is_day.then_some((year, month, day))
}

/// Has it letters, and only those that names of releases are written in?
fn is_latin(name: &str) -> bool {
    name.is_ascii() && name.contains(|letter: char| letter.is_ascii_alphabetic())
}

/// A name as release names write it: Latin letters without their accents, `and` for `&`. Other scripts stay as they are.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars().take(MAX_SEARCH_CHARS).nfc() {
        match letter {
            '&' => folded.push_str(" and "),
            'ß' => folded.push_str("ss"),
            'ẞ' => folded.push_str("SS"),
            'æ' => folded.push_str("ae"),
            'Æ' => folded.push_str("Ae"),
            'œ' => folded.push_str("oe"),
            'Œ' => folded.push_str("Oe"),
            'þ' => folded.push_str("th"),
            'Þ' => folded.push_str("Th"),
            'ø' => folded.push('o'),
            'Ø' => folded.push('O'),
            'ł' => folded.push('l'),
            'Ł' => folded.push('L'),
            'đ' | 'ð' => folded.push('d'),
            'Đ' | 'Ð' => folded.push('D'),
            'ı' => folded.push('i'),
            // What is left of an accent that no single letter has.
            _ if is_combining_mark(letter) && folded.ends_with(|last: char| last.is_ascii_alphabetic()) => {}
            _ if letter.is_ascii() || !letter.is_alphabetic() => folded.push(letter),
            _ => {
                let mut parts = std::iter::once(letter).nfkd().peekable();
                match parts.peek() {
                    Some(first) if first.is_ascii_alphabetic() => {
                        folded.extend(parts.filter(|part| !is_combining_mark(*part)));
                    }
                    _ => folded.push(letter),
                }
            }
        }
    }
    folded
}

/// A name as a search text, as release names write it: without apostrophes (`Oceans`), other punctuation as spaces. Braces would start a Prowlarr id token; quotes and a leading minus are operators at many sites.
fn search_name(name: &str) -> String {
    let spaced: String = name
        .nfc()
        .filter(|c| !matches!(c, '\'' | '’' | 'ʼ' | '`'))
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '+' | '!' | '&') { c } else { ' ' })
        .take(MAX_SEARCH_CHARS)
        .collect();
    let words =
        spaced.split_whitespace().map(|word| word.trim_start_matches(['-', '+', '!'])).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The digits of an IMDb id, padded to seven as every indexer writes them.
pub(super) fn imdb_digits(query: &Query) -> Option<String> {
    let digits = query.imdb_id.as_deref()?.trim_start_matches('t');
    let is_number = !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{digits:0>7}"))
}

/// The call for queries that only widen a search: they end early enough that a slow one never costs the answer that is there.
pub(super) fn widening(call: &Call) -> Call {
    /// Share of the time left that they may take.
    const SHARE: f64 = 0.75;
    call.at_most(call.remaining().mul_f64(SHARE))
}

/// The same question for the rows after `offset`.
pub(super) fn at_offset(request: &Request, offset: u64) -> Request {
    let mut next = request.clone();
    next.url.set_query(None);
    let mut is_told = offset == 0;
    let pairs = request.url.query_pairs().map(|(name, value)| match &*name {
        "offset" => {
            is_told = true;
            (name, offset.to_string().into())
        }
        _ => (name, value),
    });
    next.url.query_pairs_mut().extend_pairs(pairs);
    if !is_told {
        next.url.query_pairs_mut().append_pair("offset", &offset.to_string());
    }
    next
}

/// What one query found, and whether more could be had.
pub(super) type Found = (Vec<Release>, bool);

/// Joins the answers to several queries: the first is the search, the others widen it. What failed makes the whole partial.
///
/// # Errors
/// The failure of the first, when the others found nothing either.
pub(super) fn join_answers(answers: Vec<Result<Found>>, indexer: &ProviderId) -> Result<Releases> {
    let mut joined = Releases::default();
    let mut seen = HashSet::new();
    let mut failed = None;
    for (index, answer) in answers.into_iter().enumerate() {
        let (releases, has_more) = match answer {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(%indexer, %error, "one of several queries failed");
                joined.is_partial = true;
                if index == 0 {
                    failed = Some(error);
                }
                continue;
            }
        };
        joined.is_partial |= has_more;
        for release in releases {
            if joined.releases.len() >= MAX_RELEASES {
                joined.is_partial = true;
                break;
            }
            // With a hash, two links to the same thing are one release; without one, the link is all there is to tell them apart.
            let link = release.link.as_ref().filter(|_| release.info_hash.is_none()).map(ToString::to_string);
            if seen.insert((release.name.clone(), release.info_hash, link)) {
                joined.releases.push(release);
            }
        }
    }
    match failed {
        Some(error) if joined.releases.is_empty() => Err(error),
        _ => Ok(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InfoHash;
    use crate::{Error, ErrorKind};

    fn release(name: &str, info_hash: Option<InfoHash>, link: &str) -> Release {
        Release {
            indexer: ProviderId::new("test"),
            tracker: None,
            name: name.to_owned(),
            info_hash,
            link: link.parse().ok(),
            size_bytes: None,
            seeder_count: None,
            age_days: None,
            playable: None,
        }
    }

    fn texts(query: &Query) -> Vec<String> {
        searches(query).into_iter().map(|words| words.text).collect()
    }

    /// Goal: an episode is also found in a season pack, a film by its year; a name in plain letters costs no request more.
    #[test]
    fn texts_go_from_exact_to_wide() {
        let mut query = Query::new(TitleKind::Series, "A Show");
        assert_eq!(texts(&query), ["A Show"]);
        query.episode = Some(EpisodeNumber { season: 1, episode: 2 });
        assert_eq!(texts(&query), ["A Show S01E02", "A Show S01"]);
        let mut film = Query { year: Some(2010), ..Query::new(TitleKind::Movie, "Sintel") };
        assert_eq!(texts(&film), ["Sintel 2010"]);
        film.original_name = Some("SINTEL".to_owned());
        (film.air_date, film.absolute_episode) = (Some("2010-09-27".to_owned()), Some(7));
        assert_eq!(texts(&film), ["Sintel 2010"], "a film has neither");
    }

    /// Goal: sites that compare letters as they stand find a name with accents or `&` as releases write it; the name as it stands is asked for too.
    #[test]
    fn accents_are_left_out_first() {
        let film = |name: &str| texts(&Query { year: Some(2010), ..Query::new(TitleKind::Movie, name) });
        assert_eq!(film("Café Lumières"), ["Cafe Lumieres 2010", "Café Lumières 2010"]);
        assert_eq!(film("Cafe\u{301} To\u{30d}k")[0], "Cafe Tok 2010", "accents that stand for themselves");
        assert_eq!(film("Slow & Calm"), ["Slow and Calm 2010", "Slow & Calm 2010"]);
        assert_eq!(folded("Straße, ŒUVRE, Ægir, Løve, Łódź, Đời, ﬁn"), "Strasse, OeUVRE, Aegir, Love, Lodz, Doi, fin");
        for other in ["Ёлка", "がくせい", "ਪਿੰਡ", "μάχη", "강"] {
            assert_eq!(folded(other), other, "other scripts keep their marks");
            assert_eq!(film(other).len(), 1, "{other}");
        }
    }

    /// Goal: releases that bear the original name are found, as long as they can bear it: in Latin letters.
    #[test]
    fn the_original_name_widens_the_search() {
        let original = |name: &str| {
            let mut query = Query { year: Some(2010), ..Query::new(TitleKind::Movie, "Paper Boats") };
            query.original_name = Some(name.to_owned());
            texts(&query)
        };
        assert_eq!(original("Bâteaux de papier"), ["Paper Boats 2010", "Bateaux de papier 2010"]);
        for same in ["Paper boats?", "紙の船", "Лодка", "2049", ""] {
            assert_eq!(original(same), ["Paper Boats 2010"], "{same}");
        }
    }

    /// Goal: a daily show is found by its date and an anime by its absolute number; what is no date is not sent.
    #[test]
    fn dates_and_absolute_numbers_widen_the_search() {
        let mut query = Query::new(TitleKind::Series, "The Hour");
        query.episode = Some(EpisodeNumber { season: 9, episode: 120 });
        query.air_date = Some("2024-05-31".to_owned());
        assert_eq!(texts(&query), ["The Hour S09E120", "The Hour S09", "The Hour 2024 05 31"]);
        let numbers = searches(&query).last().unwrap().part.numbers();
        assert_eq!(numbers, Some(("2024".to_owned(), "05/31".to_owned())));
        for broken in ["2024-05", "24-05-31", "2024-05-31-1", "2024-0{-31", "2024-5-311"] {
            query.air_date = Some(broken.to_owned());
            assert_eq!(texts(&query).len(), 2, "{broken}");
        }
        for (number, text) in [(5, "The Hour 05"), (1089, "The Hour 1089")] {
            query.absolute_episode = Some(number);
            assert_eq!(texts(&query).last().unwrap(), text);
        }
    }

    /// Goal: whatever is known of a title, the number of requests has an end.
    #[test]
    fn searches_are_counted() {
        let mut query = Query::new(TitleKind::Series, "Café & Co");
        query.original_name = Some("Kissaten".to_owned());
        query.episode = Some(EpisodeNumber { season: 9, episode: 120 });
        (query.air_date, query.absolute_episode) = (Some("2024-05-31".to_owned()), Some(7));
        assert_eq!(searches(&query).len(), MAX_SEARCHES);
    }

    /// Goal: a name is only a name, whatever operators or tokens it looks like.
    #[test]
    fn names_hold_no_operators() {
        let name = " -Face/Off {ImdbId:tt1} \"x\"\n* Ocean's ";
        assert_eq!(search_name(name), "Face Off ImdbId tt1 x Oceans");
    }

    /// Goal: ids are written as indexers read them, and nothing but digits passes.
    #[test]
    fn imdb_ids_become_padded_digits() {
        let digits = |id: &str| imdb_digits(&Query { imdb_id: Some(id.into()), ..Query::new(TitleKind::Movie, "x") });
        assert_eq!(digits("tt133093").as_deref(), Some("0133093"));
        assert_eq!(digits("tt10872600").as_deref(), Some("10872600"));
        assert_eq!(digits("tt1}{Year:1"), None);
        assert_eq!(digits("tt"), None);
    }

    /// Goal: another page is the same question but for where it begins.
    #[test]
    fn pages_differ_in_their_offset_alone() {
        let url = "http://x.example/api?t=search&q=a%26b+c&offset=0&apikey=k".parse().unwrap();
        let next = at_offset(&Request::get(url), 100).url;
        assert_eq!(next.as_str(), "http://x.example/api?t=search&q=a%26b+c&offset=100&apikey=k");
        let without = Request::get("http://x.example/api?t=search&apikey=k".parse().unwrap());
        assert_eq!(at_offset(&without, 0).url, without.url);
        assert_eq!(at_offset(&without, 100).url.as_str(), "http://x.example/api?t=search&apikey=k&offset=100");
    }

    /// Goal: nothing twice, and never more than the limit, said so.
    #[test]
    fn duplicates_go_and_the_limit_holds() {
        let hash = Some(InfoHash([1; 20]));
        let rows = vec![
            release("a", hash, "http://x.example/1"),
            release("a", hash, "http://y.example/1"),
            release("a", None, "http://x.example/1"),
            release("a", None, "http://x.example/2"),
        ];
        let many = (0..MAX_RELEASES).map(|number| release(&format!("b{number}"), hash, "http://x.example/1")).collect();
        let id = ProviderId::new("test");
        let joined = join_answers(vec![Ok((rows.clone(), false)), Ok((rows.clone(), false))], &id).unwrap();
        assert_eq!((joined.releases.len(), joined.is_partial), (3, false));
        let joined = join_answers(vec![Ok((rows, false)), Ok((many, false))], &id).unwrap();
        assert_eq!((joined.releases.len(), joined.is_partial), (MAX_RELEASES, true));
    }

    /// Goal: what widens a search never spoils it, and an answer of nothing is no answer when the search itself failed.
    #[test]
    fn failures_make_an_answer_partial_or_are_the_answer() {
        let failure = || Err(Error::new(ErrorKind::RateLimited, "test"));
        let found = || Ok((vec![release("a", None, "http://x.example/1")], false));
        let nothing = || Ok((Vec::new(), false));
        let join = |answers| join_answers(answers, &ProviderId::new("test"));
        let told = |answer: Result<Releases>| {
            answer.map(|joined| (joined.releases.len(), joined.is_partial)).map_err(|error| error.kind())
        };
        assert_eq!(told(join(vec![found(), failure()])), Ok((1, true)));
        assert_eq!(told(join(vec![nothing(), failure()])), Ok((0, true)));
        assert_eq!(told(join(vec![failure(), found()])), Ok((1, true)));
        assert_eq!(told(join(vec![failure(), nothing()])), Err(ErrorKind::RateLimited));
        assert_eq!(told(join(vec![nothing(), nothing()])), Ok((0, false)));
    }
}
