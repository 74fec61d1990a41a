//! What all indexers do with a query and with the rows that come back.

use std::collections::HashSet;

use super::{MAX_RELEASES, Query, Releases};
use crate::model::{Release, TitleKind};

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

/// The best name as a search text. Braces would start a Prowlarr id token; quotes and a leading minus are operators at many sites.
pub(super) fn search_name(query: &Query) -> String {
    let name = query.names.first().map(String::as_str).unwrap_or_default();
    let spaced: String = name
        .chars()
        .map(|c| if c.is_control() || matches!(c, '{' | '}' | '"' | '*' | '|') { ' ' } else { c })
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

/// Gathers rows of several answers: drops what came before, stops at [`MAX_RELEASES`].
#[derive(Debug, Default)]
pub(super) struct Listing {
    answer: Releases,
    seen: HashSet<(String, Option<crate::model::InfoHash>, Option<String>)>,
}

impl Listing {
    pub(super) fn add(&mut self, release: Release) {
        if self.answer.releases.len() >= MAX_RELEASES {
            self.answer.is_partial = true;
            return;
        }
        // With a hash, two links to the same thing are one release; without one, the link is all there is to tell them apart.
        let link = release.link.as_ref().filter(|_| release.info_hash.is_none()).map(ToString::to_string);
        if self.seen.insert((release.name.clone(), release.info_hash, link)) {
            self.answer.releases.push(release);
        }
    }

    /// Something is missing.
    pub(super) fn mark_partial(&mut self) {
        self.answer.is_partial = true;
    }

    /// An outside id was searched for.
    pub(super) fn mark_by_id(&mut self) {
        self.answer.was_by_id = true;
    }

    pub(super) fn finish(self) -> Releases {
        self.answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EpisodeNumber, InfoHash, ProviderId};

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
        assert_eq!(search_name(&query), "Face/Off ImdbId:tt1 x Ocean's");
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

    /// Goal: nothing twice, and never more than the limit, said so.
    #[test]
    fn duplicates_go_and_the_limit_holds() {
        let mut listing = Listing::default();
        let hash = Some(InfoHash([1; 20]));
        listing.add(release("a", hash, "http://x.example/1"));
        listing.add(release("a", hash, "http://y.example/1"));
        listing.add(release("a", None, "http://x.example/1"));
        listing.add(release("a", None, "http://x.example/2"));
        assert_eq!(listing.answer.releases.len(), 3);
        for number in 0..MAX_RELEASES {
            listing.add(release(&format!("b{number}"), hash, "http://x.example/1"));
        }
        let answer = listing.finish();
        assert_eq!((answer.releases.len(), answer.is_partial), (MAX_RELEASES, true));
    }
}
