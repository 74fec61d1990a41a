//! One title out of what several metadata providers say of it: told to be the same by the ids that they share.

use std::collections::{HashMap, HashSet};

use crate::model::{Episode, MediaId, Season, Title, TitleKind, TitleSummary};
use crate::provider::metadata::{MAX_OTHER_NAMES, MAX_SEARCH_RESULTS};

/// Most rows of a search whose ids are looked up to see whether they are one of those that are there.
pub(super) const MAX_LOOKUPS: usize = 10;

/// What `more` adds to `titles`: rows of the same id or, as the providers number titles differently, of the same kind, name and year fill what is
/// missing; rows of which `known` tells their id in the numbering of `titles` likewise; rows that cannot be one of them follow at the end. What
/// might be one of them, and nobody can tell, is left out: the same title stands there once.
pub(super) fn join(titles: &mut Vec<TitleSummary>, more: Vec<TitleSummary>, known: &HashMap<MediaId, MediaId>) {
    let lead_count = titles.len();
    for row in more {
        match place(titles.get(..lead_count).unwrap_or_default(), &row, known) {
            Place::Same(at) => {
                if let Some(title) = titles.get_mut(at) {
                    title.year = title.year.or(row.year);
                    title.overview = title.overview.take().or(row.overview);
                    title.poster_url = title.poster_url.take().or(row.poster_url);
                }
            }
            Place::Another if titles.len() < MAX_SEARCH_RESULTS => titles.push(row),
            Place::Another | Place::Unsure => {}
        }
    }
}

/// What another search of the same provider adds to `titles`, each title once. Rows that are called just as `name` stand before all others where
/// there is no room for all.
pub(super) fn add_of_same(titles: &mut Vec<TitleSummary>, more: Vec<TitleSummary>, name: &str) {
    let name = folded(name);
    let is_so_called = |row: &TitleSummary| folded(&row.name) == name;
    let known: HashSet<MediaId> = titles.iter().map(|title| title.media_id.clone()).collect();
    titles.extend(more.into_iter().filter(|row| !known.contains(&row.media_id)));
    titles.sort_by_key(|row| !is_so_called(row));
    titles.truncate(MAX_SEARCH_RESULTS);
}

/// The rows of `more` of which only their ids can tell whether they are among `titles`.
pub(super) fn unsure(titles: &[TitleSummary], more: &[TitleSummary]) -> Vec<MediaId> {
    let known = HashMap::new();
    let unsure = more.iter().filter(|row| place(titles, row, &known) == Place::Unsure);
    unsure.map(|row| row.media_id.clone()).take(MAX_LOOKUPS).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is this one.
    Same(usize),
    /// It is none of them.
    Another,
    /// It has another name, but might be one of them: names are written in many ways.
    Unsure,
}

fn place(titles: &[TitleSummary], row: &TitleSummary, known: &HashMap<MediaId, MediaId>) -> Place {
    let by_id = |id: &MediaId| titles.iter().position(|title| title.media_id == *id);
    if let Some(at) = by_id(&row.media_id) {
        return Place::Same(at);
    }
    if let Some(id) = known.get(&row.media_id) {
        return by_id(id).map_or(Place::Another, Place::Same);
    }
    // Years differ by one between catalogues, where a film came out in one country first.
    let is_near = |title: &TitleSummary| {
        title.kind == row.kind && title.year.zip(row.year).is_none_or(|(one, other)| one.abs_diff(other) <= 1)
    };
    let name = folded(&row.name);
    let is_alike = |title: &TitleSummary| is_near(title) && title.year == row.year && folded(&title.name) == name;
    let mut alike = titles.iter().enumerate().filter(|(_, title)| is_alike(title));
    match (alike.next(), alike.next()) {
        (Some((at, _)), None) => Place::Same(at),
        // Two of one name in one year, or one of another name in about that year.
        _ if titles.iter().any(is_near) => Place::Unsure,
        _ => Place::Another,
    }
}

/// Letters and digits in lower case.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Is there something that another provider may know? Other names come with the original language: who knows the one knows the others.
pub(super) fn has_gaps(title: &Title) -> bool {
    let summary = &title.summary;
    let is_empty = |season: &Season| season.episodes.is_empty();
    summary.overview.is_none()
        || summary.poster_url.is_none()
        || summary.year.is_none()
        || title.original_language.is_none()
        || title.runtime_min.is_none()
        || title.backdrop_url.is_none()
        || title.imdb_id.is_none()
        || title.tmdb_id.is_none()
        || title.genres.is_empty()
        || (summary.kind == TitleKind::Series && (title.seasons.is_empty() || title.seasons.iter().any(is_empty)))
}

/// Fills what is missing in `title` from what another provider says, if it speaks of the same title. What is there stays.
pub(super) fn fill(title: &mut Title, other: &Title) {
    fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
        one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
    }
    fn take<T: Clone>(slot: &mut Option<T>, value: &Option<T>) {
        if slot.is_none() {
            slot.clone_from(value);
        }
    }
    let is_another = title.summary.kind != other.summary.kind
        || differ(&title.imdb_id, &other.imdb_id)
        || differ(&title.tmdb_id, &other.tmdb_id);
    if is_another {
        return;
    }
    take(&mut title.summary.year, &other.summary.year);
    take(&mut title.summary.overview, &other.summary.overview);
    take(&mut title.summary.poster_url, &other.summary.poster_url);
    take(&mut title.original_name, &other.original_name);
    take(&mut title.original_language, &other.original_language);
    take(&mut title.runtime_min, &other.runtime_min);
    take(&mut title.backdrop_url, &other.backdrop_url);
    take(&mut title.imdb_id, &other.imdb_id);
    take(&mut title.tmdb_id, &other.tmdb_id);
    take(&mut title.tvdb_id, &other.tvdb_id);
    if title.genres.is_empty() {
        title.genres.clone_from(&other.genres);
    }
    let mut seen: HashSet<String> = [Some(&title.summary.name), title.original_name.as_ref()]
        .into_iter()
        .flatten()
        .chain(&title.other_names)
        .map(|name| name.to_lowercase())
        .collect();
    let names = [&other.summary.name].into_iter().chain(&other.original_name).chain(&other.other_names);
    for name in names {
        if title.other_names.len() < MAX_OTHER_NAMES && seen.insert(name.to_lowercase()) {
            title.other_names.push(name.clone());
        }
    }
    if title.seasons.is_empty() {
        title.seasons.clone_from(&other.seasons);
        return;
    }
    for season in &mut title.seasons {
        if let Some(other) = other.seasons.iter().find(|other| other.number == season.number) {
            fill_season(season, other);
        }
    }
}

/// Catalogues number some seasons differently: an episode is the same where its date says nothing else, and none is added to those there.
fn fill_season(season: &mut Season, other: &Season) {
    if season.name.is_none() {
        season.name.clone_from(&other.name);
    }
    if season.episodes.is_empty() {
        season.episodes.clone_from(&other.episodes);
        return;
    }
    for episode in &mut season.episodes {
        let is_same = |other: &&Episode| {
            let has_one_date =
                episode.air_date.as_ref().zip(other.air_date.as_ref()).is_none_or(|(one, other)| one == other);
            other.number == episode.number && has_one_date
        };
        let Some(other) = other.episodes.iter().find(is_same) else { continue };
        let Episode { name, air_date, overview, runtime_min, number: _ } = other.clone();
        episode.name = episode.name.take().or(name);
        episode.air_date = episode.air_date.take().or(air_date);
        episode.overview = episode.overview.take().or(overview);
        episode.runtime_min = episode.runtime_min.or(runtime_min);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, name: &str, year: Option<u16>) -> TitleSummary {
        let kind = if id.contains("series") { TitleKind::Series } else { TitleKind::Movie };
        TitleSummary {
            media_id: id.parse().unwrap(),
            kind,
            name: name.to_owned(),
            year,
            overview: None,
            poster_url: None,
        }
    }

    fn joined(titles: &[TitleSummary], more: &[TitleSummary], known: &[(&str, &str)]) -> Vec<String> {
        let known = known.iter().map(|(one, other)| (one.parse().unwrap(), other.parse().unwrap())).collect();
        let mut titles = titles.to_vec();
        join(&mut titles, more.to_vec(), &known);
        titles.iter().map(|title| title.media_id.to_string()).collect()
    }

    /// Goal: a title of two catalogues stands there once, whether its id, its name and year, or a look at its ids tells so.
    #[test]
    fn the_same_title_stands_there_once() {
        let lead = [row("tmdb:movie:1", "Paper Boats", Some(2019)), row("tmdb:movie:2", "Papierboote", Some(2012))];
        let more = [
            row("tt0000001", "Paper boats!", Some(2019)),
            row("tt0000002", "Paper Boats of Old", Some(2013)),
            row("tt0000003", "Paper Trains", Some(1999)),
        ];
        assert_eq!(unsure(&lead, &more), ["tt0000002".parse().unwrap()]);
        let both = ["tmdb:movie:1", "tmdb:movie:2"];
        let with_third = ["tmdb:movie:1", "tmdb:movie:2", "tt0000003"];
        assert_eq!(joined(&lead, &more, &[]), with_third, "what nobody can tell is left out");
        assert_eq!(joined(&lead, &more, &[("tt0000002", "tmdb:movie:2")]), with_third);
        let another = joined(&lead, &more, &[("tt0000002", "tmdb:movie:9")]);
        assert_eq!(another, ["tmdb:movie:1", "tmdb:movie:2", "tt0000002", "tt0000003"]);
        assert_eq!(joined(&lead, &lead, &[]), both, "the same ids");
        assert_eq!(joined(&[], &more, &[]).len(), 3);
        let series = [row("tmdb:series:1", "Paper Boats", Some(2019))];
        assert_eq!(joined(&series, &more, &[]).len(), 4, "a film is no series");
        let twins = [row("tmdb:movie:1", "Paper Boats", Some(2019)), row("tmdb:movie:3", "Paper Boats", Some(2019))];
        assert_eq!(unsure(&twins, &more[..1]).len(), 1, "one of two");
        let many: Vec<_> = (0..50).map(|number| row(&format!("tt00001{number:02}"), "Other", None)).collect();
        assert_eq!(unsure(&lead, &many).len(), MAX_LOOKUPS);
    }

    /// Goal: rows of a second catalogue fill gaps and change nothing that is there.
    #[test]
    fn rows_fill_gaps() {
        let mut lead = vec![TitleSummary { overview: Some("First.".into()), ..row("tmdb:movie:1", "A", Some(2019)) }];
        let more = TitleSummary {
            overview: Some("Second.".into()),
            poster_url: Some("https://p.example/1".into()),
            ..row("tt0000001", "A", Some(2019))
        };
        join(&mut lead, vec![more], &HashMap::new());
        assert_eq!(lead[0].overview.as_deref(), Some("First."));
        assert_eq!(lead[0].poster_url.as_deref(), Some("https://p.example/1"));
    }

    fn title(id: &str, imdb_id: Option<&str>, tmdb_id: Option<u64>) -> Title {
        Title {
            summary: row(id, "Show", None),
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: None,
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: imdb_id.map(str::to_owned),
            tmdb_id,
            tvdb_id: None,
            seasons: Vec::new(),
        }
    }

    fn episode(number: u32, air_date: Option<&str>, overview: Option<&str>) -> Episode {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Episode { number, name: None, air_date: text(air_date), overview: text(overview), runtime_min: None }
    }

    /// Goal: details are filled from the second catalogue where the first has none, down to the episodes, and never from another title.
    #[test]
    fn details_are_filled() {
        let season = |number, episodes| Season { number, name: None, episodes };
        let mut first = title("tmdb:series:1", Some("tt0000001"), Some(1));
        first.genres = vec!["Drama".into()];
        first.seasons = vec![
            season(1, vec![episode(1, Some("2020-01-01"), None), episode(2, Some("2020-01-08"), None)]),
            season(2, Vec::new()),
        ];
        let mut second = title("tmdb:series:1", Some("tt0000001"), None);
        second.summary.name = "The Show".into();
        second.summary.overview = Some("O.".into());
        second.runtime_min = Some(50);
        second.genres = vec!["Comedy".into()];
        second.tvdb_id = Some(7);
        second.other_names = vec!["SHOW".into(), "Serie".into()];
        second.seasons = vec![
            season(
                1,
                vec![
                    episode(1, Some("2020-01-01"), Some("one")),
                    episode(2, Some("2021-01-01"), Some("of another numbering")),
                    episode(3, None, Some("more")),
                ],
            ),
            season(2, vec![episode(1, None, Some("two"))]),
        ];
        assert!(has_gaps(&first));
        let before = first.clone();
        fill(&mut first, &second);
        assert_eq!(
            (first.summary.overview.as_deref(), first.runtime_min, first.tvdb_id),
            (Some("O."), Some(50), Some(7))
        );
        assert_eq!((first.genres.as_slice(), first.tmdb_id), (&["Drama".to_owned()][..], Some(1)));
        assert_eq!(first.summary.name, "Show");
        assert_eq!(first.other_names, ["The Show", "Serie"]);
        let texts: Vec<Vec<Option<&str>>> = first
            .seasons
            .iter()
            .map(|season| season.episodes.iter().map(|episode| episode.overview.as_deref()).collect())
            .collect();
        assert_eq!(texts, [vec![Some("one"), None], vec![Some("two")]]);

        for stranger in [
            Title { imdb_id: Some("tt0000009".into()), ..second.clone() },
            Title { tmdb_id: Some(9), ..second.clone() },
            Title { summary: TitleSummary { kind: TitleKind::Movie, ..second.summary.clone() }, ..second.clone() },
        ] {
            let mut unchanged = before.clone();
            fill(&mut unchanged, &stranger);
            assert_eq!(unchanged, before);
        }
    }
}
