//! One title: which one an outside id stands for, and all that is told of it but its episodes.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::super::names::Localized;
use super::lists::Row;
use super::pictures::{BACKDROP_SIZE, POSTER_SIZE};
use super::{Endpoint, language_of, minutes};
use crate::model::{Language, MediaId, Season, Title, TitleId, TitleKind, TitleSummary};
use crate::net::Reply;
use crate::provider::lenient::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};
use crate::provider::metadata::MAX_OTHER_NAMES;
use crate::{Error, ErrorKind, Result};

/// Most genres that are kept.
const MAX_GENRES: usize = 32;

#[derive(Debug, Deserialize)]
struct FoundId {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct FoundEpisode {
    show_id: u64,
}

#[derive(Debug, Deserialize)]
struct FoundBody {
    #[serde(deserialize_with = "lenient::required_list")]
    movie_results: Vec<FoundId>,
    #[serde(deserialize_with = "lenient::required_list")]
    tv_results: Vec<FoundId>,
    #[serde(default, deserialize_with = "lenient::list")]
    tv_episode_results: Vec<FoundEpisode>,
}

/// What an outside id may stand for, the likeliest first. One id can lead to a film *and* an unrelated series: the wanted kind decides the
/// order, the caller checks the outside id of each. An episode's id leads to its series, and only where nothing else fits.
pub(in super::super) fn parse_find(reply: &Reply, wanted: Option<TitleKind>) -> Result<Vec<(TitleKind, u64)>> {
    let found: FoundBody = lenient::json(reply, "find title")?;
    let movies = found.movie_results.first().map(|row| (TitleKind::Movie, row.id));
    let series = found.tv_results.first().map(|row| (TitleKind::Series, row.id));
    let mut candidates: Vec<_> = match wanted {
        Some(TitleKind::Series) => series.into_iter().collect(),
        Some(TitleKind::Movie) => movies.into_iter().collect(),
        None => movies.into_iter().chain(series).collect(),
    };
    if candidates.is_empty() && wanted != Some(TitleKind::Movie) {
        candidates.extend(found.tv_episode_results.first().map(|row| (TitleKind::Series, row.show_id)));
    }
    Ok(candidates)
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ExternalIds {
    #[serde(default, deserialize_with = "lenient::maybe")]
    imdb_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    tvdb_id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Other {
    #[serde(default, deserialize_with = "lenient::maybe")]
    title: Option<String>,
}

/// Films list them as `titles`, series as `results`.
#[derive(Debug, Default, Deserialize)]
struct OtherNames {
    #[serde(default, deserialize_with = "lenient::list")]
    titles: Vec<Other>,
    #[serde(default, deserialize_with = "lenient::list")]
    results: Vec<Other>,
}

/// A season in the list of a series: no episodes yet.
#[derive(Debug, Deserialize)]
struct SeasonRow {
    season_number: u32,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DetailsBody {
    #[serde(flatten)]
    row: Row,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_language: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    runtime: Option<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    episode_run_time: Vec<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    genres: Vec<Named>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    backdrop_path: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    imdb_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    external_ids: Option<ExternalIds>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    alternative_titles: Option<OtherNames>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    translations: Option<Localized>,
    #[serde(default, deserialize_with = "lenient::list")]
    seasons: Vec<SeasonRow>,
}

/// Reads a title; its seasons come without episodes.
pub(in super::super) fn parse_details(
    endpoint: &Endpoint,
    reply: &Reply,
    kind: TitleKind,
    language: Option<&Language>,
) -> Result<Title> {
    let body: DetailsBody = lenient::json(reply, "describe title")?;
    let translations = body.translations.unwrap_or_default();
    let original_language = body.original_language.as_deref().and_then(language_of);
    let (name, overview) = translations.best(
        language,
        original_language.as_ref(),
        body.row.name(),
        lenient::clean_some(body.row.overview.as_deref(), MAX_TEXT_CHARS),
    );
    let original_name = body.row.original_name();
    let name = name
        .or_else(|| original_name.clone())
        .ok_or_else(|| Error::new(ErrorKind::Malformed, "describe title").detail("the title has no name"))?;
    let external = body.external_ids.unwrap_or_default();
    let imdb_id = [body.imdb_id, external.imdb_id].into_iter().flatten().find(|id| is_imdb_id(id));
    let OtherNames { titles, results } = body.alternative_titles.unwrap_or_default();
    let alternative = titles.into_iter().chain(results).filter_map(|other| other.title);
    let mut seasons: BTreeMap<u32, Season> = BTreeMap::new();
    for row in body.seasons {
        let name = lenient::clean_some(row.name.as_deref(), MAX_NAME_CHARS);
        seasons.entry(row.season_number).or_insert(Season { number: row.season_number, name, episodes: Vec::new() });
    }
    Ok(Title {
        other_names: other_names(&name, original_name.as_deref(), translations.names().chain(alternative)),
        summary: TitleSummary {
            media_id: MediaId::of_title(TitleId::Tmdb(kind, body.row.id)),
            kind,
            name,
            year: body.row.year(),
            overview,
            poster_url: endpoint.picture(POSTER_SIZE, body.row.poster_path.as_deref()),
        },
        original_name,
        original_language,
        runtime_min: body.runtime.or(body.episode_run_time.first().copied()).and_then(minutes),
        genres: body
            .genres
            .iter()
            .filter_map(|genre| lenient::clean_some(genre.name.as_deref(), MAX_NAME_CHARS))
            .take(MAX_GENRES)
            .collect(),
        backdrop_url: endpoint.picture(BACKDROP_SIZE, body.backdrop_path.as_deref()),
        imdb_id,
        tmdb_id: Some(body.row.id),
        tvdb_id: external.tvdb_id,
        seasons: if kind == TitleKind::Series { seasons.into_values().collect() } else { Vec::new() },
    })
}

/// Every name but the two that stand elsewhere, each once whatever its case, at most [`MAX_OTHER_NAMES`].
fn other_names(name: &str, original: Option<&str>, names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: HashSet<String> = [Some(name), original].into_iter().flatten().map(str::to_lowercase).collect();
    names
        .filter_map(|other| lenient::clean_some(Some(&other), MAX_NAME_CHARS))
        .filter(|other| seen.insert(other.to_lowercase()))
        .take(MAX_OTHER_NAMES)
        .collect()
}

fn is_imdb_id(text: &str) -> bool {
    matches!(text.parse::<MediaId>(), Ok(MediaId { title: TitleId::Imdb(_), episode: None }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: an IMDb id that leads to a film and a series is settled by the wanted kind; an episode's id leads to its series.
    #[test]
    fn the_wanted_kind_decides_what_an_id_stands_for() {
        let both = Reply::ok(r#"{"movie_results":[{"id":550}],"tv_results":[{"id":9}],"tv_episode_results":[]}"#);
        assert_eq!(parse_find(&both, Some(TitleKind::Series)).unwrap(), [(TitleKind::Series, 9)]);
        assert_eq!(parse_find(&both, None).unwrap(), [(TitleKind::Movie, 550), (TitleKind::Series, 9)]);
        let episode = Reply::ok(r#"{"movie_results":[],"tv_results":[],"tv_episode_results":[{"id":1,"show_id":7}]}"#);
        assert_eq!(parse_find(&episode, None).unwrap(), [(TitleKind::Series, 7)]);
        let nothing = Reply::ok(r#"{"movie_results":[],"tv_results":[]}"#);
        assert!(parse_find(&nothing, None).unwrap().is_empty());
    }

    /// Goal: where TMDB has no text in the language asked for, English speaks, and all other names are kept once.
    #[test]
    fn texts_fall_back_to_english() {
        let body = r#"{"id":1,"title":"原題","original_title":"原題","original_language":"ja","overview":"","runtime":0,
            "release_date":"2001-07-20","genres":[{"id":1,"name":"Animation"},"odd"],"imdb_id":"",
            "external_ids":{"imdb_id":"tt0245429","tvdb_id":null},
            "alternative_titles":{"titles":[{"title":"Chihiro"},{"title":"CHIHIRO"},{"title":null}]},
            "translations":{"translations":[
                {"iso_639_1":"en","iso_3166_1":"US","data":{"title":"Spirited","overview":"A girl."}},
                {"iso_639_1":"de","iso_3166_1":"DE","data":{"title":"","overview":""}},
                {"iso_639_1":"fr","iso_3166_1":"FR","data":{"title":"Le Voyage","overview":"Une fille."}}]}}"#;
        let german = Language::parse("de").unwrap();
        let title = parse_details(&endpoint("k"), &Reply::ok(body), TitleKind::Movie, Some(&german)).unwrap();
        assert_eq!(title.summary.name, "Spirited");
        assert_eq!(title.summary.overview.as_deref(), Some("A girl."));
        assert_eq!(title.original_name.as_deref(), Some("原題"));
        assert_eq!(title.other_names, ["Le Voyage", "Chihiro"]);
        assert_eq!(title.imdb_id.as_deref(), Some("tt0245429"));
        assert_eq!((title.runtime_min, title.genres), (None, vec!["Animation".to_owned()]));
    }
}
