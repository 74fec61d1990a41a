//! What all indexers do with a query and with the rows that come back.

use std::collections::HashSet;

use super::{MAX_RELEASES, Query, Releases};
use crate::Result;
use crate::model::{ProviderId, Release, TitleKind};
use crate::net::{Call, Request};

/// Longest search text that is sent, in characters.
const MAX_SEARCH_CHARS: usize = 200;

/// Texts to search for, the most exact first: `Title 2010`; for an episode `Title S01E02`, then `Title S01` for season packs.
pub(super) fn search_texts(query: &Query) -> Vec<String> {
    let name = search_name(query);
    match (query.kind, query.episode, query.year) {
        (TitleKind::Series, Some(number), _) => {
            vec![format!("{name} S{:02}E{:02}", number.season, number.episode), format!("{name} S{:02}", number.season)]
        }
        (TitleKind::Movie, _, Some(year)) => vec![format!("{name} {year}")],
        _ => vec![name],
    }
}

/// The best name as a search text, as release names write it: without apostrophes (`Oceans`), other punctuation as spaces. Braces would start a Prowlarr id token; quotes and a leading minus are operators at many sites.
pub(super) fn search_name(query: &Query) -> String {
    let name = query.names.first().map(String::as_str).unwrap_or_default();
    let spaced: String = name
        .chars()
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
    use crate::model::{EpisodeNumber, InfoHash};
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

    /// Goal: an episode is also found in a season pack, a film by its year.
    #[test]
    fn texts_go_from_exact_to_wide() {
        let mut query = Query::new(TitleKind::Series, "A Show");
        assert_eq!(search_texts(&query), ["A Show"]);
        query.episode = Some(EpisodeNumber { season: 1, episode: 2 });
        assert_eq!(search_texts(&query), ["A Show S01E02", "A Show S01"]);
        let film = Query { year: Some(2010), ..Query::new(TitleKind::Movie, "Sintel") };
        assert_eq!(search_texts(&film), ["Sintel 2010"]);
    }

    /// Goal: a name is only a name, whatever operators or tokens it looks like.
    #[test]
    fn names_hold_no_operators() {
        let query = Query::new(TitleKind::Movie, " -Face/Off {ImdbId:tt1} \"x\"\n* Ocean's ");
        assert_eq!(search_name(&query), "Face Off ImdbId tt1 x Oceans");
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
