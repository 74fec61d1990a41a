//! The parser, the matcher and the picker against made-up names with invented groups: sequels, remakes, numbers as titles, languages, packs.

mod languages;
mod marks;
mod matching;
mod numbers;
mod paths;
mod picking;
mod properties;
mod titles;

use proptest::prelude::*;
use prostream_core::model::{EpisodeNumber, TitleKind};
use prostream_core::release::{ReleaseName, Wanted};

/// What a name says, in one line: title, year or date, seasons and episodes, then the given fields.
fn summary(name: &str) -> String {
    let parsed = ReleaseName::parse(name);
    let list = |numbers: &[u32]| match numbers {
        [first, .., last] if numbers.len() > 2 => format!("{first}-{last}"),
        _ => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    };
    let mut out = parsed.title.clone();
    if let Some(year) = parsed.year {
        out += &format!(" ({year})");
    }
    if let Some(date) = &parsed.date {
        out += &format!(" {date}");
    }
    if !parsed.seasons.is_empty() {
        out += &format!(" S{}", list(&parsed.seasons));
    }
    if !parsed.episodes.is_empty() {
        out += &format!(" E{}", list(&parsed.episodes));
    }
    for language in &parsed.languages {
        out += &format!(" {language}");
    }
    if let Some(group) = &parsed.group {
        out += &format!(" -{group}");
    }
    out
}

fn check_spans(name: &str) -> Result<(), TestCaseError> {
    let parsed = ReleaseName::parse(name);
    let mut end = 0;
    for (field, span) in &parsed.spans {
        prop_assert!(span.start >= end && span.start < span.end, "{field} {span:?} after {end}");
        prop_assert!(name.get(span.clone()).is_some(), "{field} {span:?} is not inside");
        end = span.end;
    }
    Ok(())
}

fn film(name: &str, year: u16) -> Wanted {
    Wanted {
        kind: TitleKind::Movie,
        names: vec![name.to_owned()],
        year: Some(year),
        episode: None,
        absolute_episode: None,
        air_date: None,
        runtime_min: None,
    }
}

fn episode(name: &str, season: u32, episode: u32) -> Wanted {
    Wanted { kind: TitleKind::Series, year: None, episode: Some(EpisodeNumber { season, episode }), ..film(name, 0) }
}
