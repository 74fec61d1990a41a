//! The episodes of a series, which come by seasons.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::minutes;
use crate::Result;
use crate::model::{Episode, Season};
use crate::net::Reply;
use crate::provider::lenient::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};
use crate::provider::metadata::MAX_EPISODES;

#[derive(Debug, Deserialize)]
struct EpisodeRow {
    episode_number: u32,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    air_date: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    overview: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    runtime: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct SeasonBody {
    #[serde(default, deserialize_with = "lenient::list")]
    episodes: Vec<EpisodeRow>,
}

/// Puts the episodes of a reply to [`Endpoint::seasons`](super::Endpoint::seasons) into `seasons`; a season that the reply leaves out stays
/// without. What is there already stays: a reply in another language fills gaps.
pub(in super::super) fn fill_seasons(reply: &Reply, seasons: &mut [Season]) -> Result<()> {
    let mut body: Map<String, Value> = lenient::json(reply, "list episodes")?;
    for season in seasons {
        let Some(part) = body.remove(&format!("season/{}", season.number)) else { continue };
        let part: SeasonBody = lenient::part(part, "list episodes")?;
        let mut episodes: BTreeMap<u32, Episode> =
            std::mem::take(&mut season.episodes).into_iter().map(|episode| (episode.number, episode)).collect();
        for row in part.episodes.into_iter().take(MAX_EPISODES) {
            let episode = episodes.entry(row.episode_number).or_insert(Episode {
                number: row.episode_number,
                name: None,
                air_date: None,
                overview: None,
                runtime_min: None,
            });
            let fill = |slot: &mut Option<String>, text: Option<String>, max_chars| {
                *slot = slot.take().or_else(|| lenient::clean_some(text.as_deref(), max_chars));
            };
            fill(&mut episode.name, row.name, MAX_NAME_CHARS);
            fill(&mut episode.overview, row.overview, MAX_TEXT_CHARS);
            episode.air_date = episode.air_date.take().or_else(|| lenient::date(row.air_date.as_deref()));
            episode.runtime_min = episode.runtime_min.or(row.runtime.and_then(minutes));
        }
        season.episodes = episodes.into_values().collect();
    }
    Ok(())
}

/// Is there an episode without a text, which another language may have?
pub(in super::super) fn has_text_gaps(seasons: &[Season]) -> bool {
    seasons.iter().flat_map(|season| &season.episodes).any(|episode| episode.overview.is_none())
}

#[cfg(test)]
mod tests {
    use super::super::parse_details;
    use super::super::tests::endpoint;
    use super::*;
    use crate::model::TitleKind;

    /// Goal: seasons and episodes come sorted and once, those that a reply leaves out stay without episodes.
    #[test]
    fn seasons_are_filled_from_appended_parts() {
        let details = r#"{"id":7,"name":"Show","seasons":[
            {"season_number":2,"name":""},{"season_number":0,"name":"Specials"},{"season_number":1}]}"#;
        let mut title = parse_details(&endpoint("k"), &Reply::ok(details), TitleKind::Series, None).unwrap();
        let numbers: Vec<u32> = title.seasons.iter().map(|season| season.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        let parts = r#"{"id":7,"season/1":{"episodes":[
            {"episode_number":2,"name":"B","air_date":"","runtime":null},
            {"episode_number":1,"name":"A","air_date":"2020-01-01","runtime":50,"episode_type":"novel"},
            {"episode_number":1,"name":"again"}]},"season/2":{"episodes":[]}}"#;
        fill_seasons(&Reply::ok(parts), &mut title.seasons).unwrap();
        let first: Vec<_> =
            title.seasons[1].episodes.iter().map(|episode| (episode.number, episode.runtime_min)).collect();
        assert_eq!(first, [(1, Some(50)), (2, None)]);
        assert!(title.seasons[0].episodes.is_empty());
    }

    /// Goal: a reply in another language fills what is missing and changes nothing that is there.
    #[test]
    fn other_languages_fill_gaps_only() {
        let mut seasons = [Season { number: 1, name: None, episodes: Vec::new() }];
        let part = |rows: &str| Reply::ok(format!(r#"{{"season/1":{{"episodes":[{rows}]}}}}"#));
        fill_seasons(&part(r#"{"episode_number":1,"name":"Eins","overview":""}"#), &mut seasons).unwrap();
        assert!(has_text_gaps(&seasons));
        fill_seasons(&part(r#"{"episode_number":1,"name":"One","overview":"O.","runtime":9}"#), &mut seasons).unwrap();
        let episode = &seasons[0].episodes[0];
        assert_eq!((episode.name.as_deref(), episode.overview.as_deref()), (Some("Eins"), Some("O.")));
        assert!(!has_text_gaps(&seasons) && episode.runtime_min == Some(9));
    }
}
