use std::borrow::Cow;

use super::{ReleaseName, comparable};
use crate::model::{EpisodeNumber, TitleKind};

/// What a release should hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Film or series.
    pub kind: TitleKind,
    /// Every name of the title; never empty.
    pub names: Vec<String>,
    /// Year of a film, or of the first season.
    pub year: Option<u16>,
    /// The episode.
    pub episode: Option<EpisodeNumber>,
    /// Its number counted through all seasons, where the metadata tells.
    pub absolute_episode: Option<u32>,
    /// Its first airing, `YYYY-MM-DD`, for daily shows.
    pub air_date: Option<String>,
    /// Length of the film or episode in minutes.
    pub runtime_min: Option<u32>,
}

/// Whether a release holds what is wanted, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// It does.
    pub is_match: bool,
    /// Short sentences for people: `title matches`, `season 2 is wanted, the name says 3`.
    pub reasons: Vec<String>,
}

/// Years that a film's release name may be off: festivals, countries and catalogues disagree by one.
const YEAR_TOLERANCE: u16 = 1;
/// Most years between two seasons of a running series; a name may carry the year of its season instead of the first.
const YEARS_PER_SEASON: u32 = 3;
/// Most words and blanks of a name that a wanted title is looked for in.
const MAX_TITLE_WORDS: usize = 64;
/// A word that is no mark of any kind.
const PLAIN_TITLE: &str = "Wanted";
/// Country marks that tell remakes apart: `The Office US`.
const COUNTRY_MARKS: &[&str] = &["us", "uk", "au", "nz", "ca"];
/// Owners whose name stands before a title in some catalogues only.
const OWNER_PREFIXES: &[&str] = &["marvels", "marvel", "dcs", "disneys", "disney"];

/// Judges a release by its name.
///
/// Tolerant of articles, accents, punctuation, `&`, number styles and transliteration; strict on sequels, remakes and spin-offs:
/// a title with one word more is another title.
///
/// ```
/// use prostream_core::model::{EpisodeNumber, TitleKind};
/// use prostream_core::release::{ReleaseName, Wanted, matches};
/// let wanted = Wanted {
///     kind: TitleKind::Series,
///     names: vec!["The Quiet Harbour".to_owned()],
///     year: Some(2019),
///     episode: Some(EpisodeNumber { season: 2, episode: 5 }),
///     absolute_episode: None,
///     air_date: None,
///     runtime_min: None,
/// };
/// let name = ReleaseName::parse("Quiet.Harbour.S02E05.1080p.WEB-DL.H.264-GRP");
/// assert!(matches(&name, &wanted).is_match);
/// ```
#[must_use]
pub fn matches(name: &ReleaseName, wanted: &Wanted) -> Verdict {
    let mut reasons = Vec::new();
    let is_match = judge(name, wanted, &mut reasons).is_some();
    Verdict { is_match, reasons }
}

/// Adds a reason for each step; `None` as soon as one says no.
fn judge(name: &ReleaseName, wanted: &Wanted, reasons: &mut Vec<String>) -> Option<()> {
    let (name, spelling) = match title_agreement(name, wanted) {
        Ok(spelling) => (Cow::Borrowed(name), spelling),
        Err(reason) => match read_behind_title(name, wanted) {
            Some(name) => (Cow::Owned(name), Spelling::Same),
            None => {
                reasons.push(reason);
                return None;
            }
        },
    };
    let name = name.as_ref();
    reasons.push(spelling.reason());
    let verdict = match wanted.kind {
        TitleKind::Movie => film_agrees(name, wanted, spelling),
        TitleKind::Series => {
            series_year_agrees(name, wanted, spelling).and_then(|()| episode_agrees(name, wanted).map(|why| vec![why]))
        }
    };
    match verdict {
        Ok(more) => {
            reasons.extend(more);
            Some(())
        }
        Err(reason) => {
            reasons.push(reason);
            None
        }
    }
}

/// How the title agreed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Word for word.
    Same,
    /// The number at its end was read as a year and belongs to the title.
    YearIsTitle,
    /// Only the part before the colon: enough when the year agrees exactly.
    MainPart,
}

impl Spelling {
    fn reason(self) -> String {
        match self {
            Self::Same => "title matches",
            Self::YearIsTitle => "title matches, its number included",
            Self::MainPart => "the main part of the title matches",
        }
        .to_owned()
    }
}

fn title_agreement(name: &ReleaseName, wanted: &Wanted) -> Result<Spelling, String> {
    if name.title.is_empty() {
        return Err("the name states no title".to_owned());
    }
    let mut stated: Vec<String> = Vec::new();
    for title in std::iter::once(&name.title).chain(&name.other_titles) {
        stated.extend(comparable::keys(title));
        // Two titles in one: "Голубая волна / Blue Wave", "Blue Wave aka Ola Azul".
        stated.extend(split_titles(title).flat_map(comparable::keys));
    }
    stated.retain(|key| !key.is_empty());
    let wanted_keys: Vec<String> = wanted.names.iter().flat_map(|name| comparable::keys(name)).collect();
    let same = |stated: &[String]| {
        stated.iter().any(|stated| {
            wanted_keys.iter().any(|wanted| stated == wanted || without_marks(stated, wanted, &name.title))
        })
    };
    if same(&stated) {
        return Ok(Spelling::Same);
    }
    if let Some(year) = name.year {
        let with_year: Vec<String> = stated.iter().map(|key| format!("{key}{year}")).collect();
        if same(&with_year) {
            return Ok(Spelling::YearIsTitle);
        }
    }
    let main_part = wanted.names.iter().filter_map(|name| main_part(name)).any(|part| {
        let part = comparable::key(part);
        stated.contains(&part)
    });
    if main_part && wanted.kind == TitleKind::Movie && name.year.is_some() && name.year == wanted.year {
        return Ok(Spelling::MainPart);
    }
    let wanted_name = wanted.names.first().map_or("", String::as_str);
    Err(format!("{wanted_name} is wanted, the name says {}", name.title))
}

/// A title that looks like marks (`Area 51`, `The Extended Summer`, `Day 2160`) ends too early when it is read without knowing it. Where the
/// whole wanted title stands in the name from where the title begins, what is behind it is read again by itself.
fn read_behind_title(name: &ReleaseName, wanted: &Wanted) -> Option<ReleaseName> {
    let start = name.spans.iter().find(|(field, _)| *field == "title").map_or(0, |(_, span)| span.start);
    let text = name.text.get(start..)?;
    let stated = comparable::key(&name.title);
    wanted.names.iter().find_map(|title| {
        let key = comparable::key(title);
        if key.len() <= stated.len() || !key.starts_with(&stated) {
            return None;
        }
        let ends = text.match_indices(|letter: char| !letter.is_alphanumeric()).map(|(at, _)| at);
        let mut ends = ends.take(MAX_TITLE_WORDS).filter(|at| *at > 0);
        let end = ends.find(|end| text.get(..*end).is_some_and(|title| comparable::key(title) == key))?;
        let mut rest = ReleaseName::parse(&format!("{PLAIN_TITLE}{}", text.get(end..)?));
        // What stands before the title counts as well: "4-13 Harbour HD", "(2000) Harbour HD".
        let stands_before = |field: &str| name.spans.iter().any(|(known, span)| *known == field && span.end <= start);
        if rest.seasons.is_empty() && rest.episodes.is_empty() && ["seasons", "episodes"].into_iter().any(stands_before)
        {
            rest.seasons.clone_from(&name.seasons);
            rest.episodes.clone_from(&name.episodes);
        }
        if rest.year.is_none() && stands_before("year") {
            rest.year = name.year;
        }
        (rest.title == PLAIN_TITLE).then(|| ReleaseName { title: title.clone(), ..rest })
    })
}

/// Titles given side by side in one field.
fn split_titles(title: &str) -> impl Iterator<Item = &str> {
    let by_slash = title.split(" / ").flat_map(|part| part.split(" | "));
    by_slash.flat_map(|part| split_word(part, " aka ")).map(str::trim).filter(|part| !part.is_empty())
}

/// Splits at an ASCII word in any case.
fn split_word<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let lower = text.to_ascii_lowercase();
    let mut parts = Vec::new();
    let mut start = 0;
    while let Some(at) = lower[start..].find(word) {
        parts.push(&text[start..start + at]);
        start += at + word.len();
    }
    parts.push(&text[start..]);
    parts
}

/// Whether two keys differ only by a country mark at the end or an owner at the start.
fn without_marks(stated: &str, wanted: &str, title: &str) -> bool {
    let words = comparable::words(title);
    let country = words.last().filter(|last| words.len() > 1 && COUNTRY_MARKS.contains(&last.as_str()));
    if let Some(country) = country
        && stated.strip_suffix(country.as_str()) == Some(wanted)
    {
        return true;
    }
    OWNER_PREFIXES
        .iter()
        .any(|owner| stated.strip_prefix(owner) == Some(wanted) || wanted.strip_prefix(owner) == Some(stated))
}

/// The title before its subtitle.
fn main_part(name: &str) -> Option<&str> {
    let end = [": ", " - ", " – ", " (", " or "].iter().filter_map(|mark| name.find(mark)).min()?;
    name.get(..end).map(str::trim).filter(|part| !part.is_empty())
}

fn film_agrees(name: &ReleaseName, wanted: &Wanted, spelling: Spelling) -> Result<Vec<String>, String> {
    if !name.seasons.is_empty() || !name.episodes.is_empty() {
        return Err("a film is wanted, the name numbers episodes".to_owned());
    }
    if name.date.is_some() && name.year.is_none() {
        return Err("a film is wanted, the name has the date of a show".to_owned());
    }
    let (Some(stated), Some(year)) = (name.year, wanted.year) else {
        return Ok(vec!["no year to compare".to_owned()]);
    };
    if spelling == Spelling::YearIsTitle {
        return Ok(vec!["the name states no other year".to_owned()]);
    }
    match stated.abs_diff(year) {
        0 => Ok(vec![format!("year {year} matches")]),
        1..=YEAR_TOLERANCE => Ok(vec![format!("year {stated} is one off {year}")]),
        _ => Err(format!("{year} is wanted, the name says {stated}")),
    }
}

/// A series' name may carry the year it began or the year of the season; any other year is a remake.
fn series_year_agrees(name: &ReleaseName, wanted: &Wanted, spelling: Spelling) -> Result<(), String> {
    let (Some(stated), Some(began)) = (name.year, wanted.year) else { return Ok(()) };
    if spelling == Spelling::YearIsTitle {
        return Ok(());
    }
    let aired = wanted.air_date.as_deref().and_then(|date| date.get(..4)).and_then(|year| year.parse::<u16>().ok());
    if aired.is_some_and(|aired| aired.abs_diff(stated) <= YEAR_TOLERANCE) {
        return Ok(());
    }
    let season = wanted.episode.map_or(1, |number| number.season.max(1));
    let latest = u32::from(began) + u32::from(YEAR_TOLERANCE) + YEARS_PER_SEASON * season.saturating_sub(1).min(100);
    let earliest = began.saturating_sub(YEAR_TOLERANCE);
    if stated < earliest || u32::from(stated) > latest {
        return Err(format!("the series of {began} is wanted, the name says {stated}"));
    }
    Ok(())
}

fn episode_agrees(name: &ReleaseName, wanted: &Wanted) -> Result<String, String> {
    let Some(EpisodeNumber { season, episode }) = wanted.episode else {
        return match wanted.absolute_episode {
            Some(number) => absolute_agrees(name, number),
            None => Ok("any part of the series will do".to_owned()),
        };
    };
    if let (Some(stated), Some(aired)) = (&name.date, &wanted.air_date)
        && name.episodes.is_empty()
    {
        return if stated == aired {
            Ok(format!("aired on {aired}"))
        } else {
            Err(format!("the episode of {aired} is wanted, the name says {stated}"))
        };
    }
    if name.seasons.contains(&season) {
        if name.episodes.is_empty() {
            return if name.date.is_some() {
                Err("the name has a date that cannot be compared".to_owned())
            } else {
                Ok(format!("holds all of season {season}"))
            };
        }
        if name.episodes.contains(&episode) || name.episodes.contains(&joined_number(season, episode)) {
            return Ok(format!("season {season}, episode {episode} matches"));
        }
        if let Some(number) = wanted.absolute_episode.filter(|number| *number != episode && season > 1)
            && name.episodes.contains(&number)
        {
            return Ok(format!("episode {number} counted through all seasons matches"));
        }
        return Err(format!("episode {episode} is wanted, the name says {}", list(&name.episodes)));
    }
    if !name.seasons.is_empty() {
        // Season 1 cannot reach a number that is counted through to a later season, so `S01E28` means the 28th of all.
        if let Some(number) = wanted.absolute_episode
            && season > 1
            && name.seasons == [1]
            && name.episodes.contains(&number)
        {
            return Ok(format!("episode {number} counted through all seasons matches"));
        }
        return Err(format!("season {season} is wanted, the name says {}", list(&name.seasons)));
    }
    if name.episodes.is_empty() {
        return if name.complete {
            Ok("holds the whole series".to_owned())
        } else if name.date.is_some() {
            Err("the name has a date that cannot be compared".to_owned())
        } else {
            Err("an episode is wanted, the name numbers none".to_owned())
        };
    }
    if let Some(number) = wanted.absolute_episode
        && name.episodes.contains(&number)
    {
        return Ok(format!("episode {number} counted through all seasons matches"));
    }
    let counted_from_one = season == 1 && wanted.absolute_episode.is_none_or(|number| number == episode);
    if counted_from_one && name.episodes.contains(&episode) {
        return Ok(format!("episode {episode} matches, the name states no season"));
    }
    // `103` for season 1, episode 3; names that open with their group count through instead.
    if name.episodes.contains(&joined_number(season, episode)) && season > 0 && !opens_with_group(name) {
        return Ok(format!("{} is season {season}, episode {episode}", joined_number(season, episode)));
    }
    Err(format!("season {season}, episode {episode} is wanted, the name says episode {}", list(&name.episodes)))
}

fn absolute_agrees(name: &ReleaseName, number: u32) -> Result<String, String> {
    let stated = if name.absolute_episodes.is_empty() { &name.episodes } else { &name.absolute_episodes };
    if stated.contains(&number) {
        Ok(format!("episode {number} matches"))
    } else if stated.is_empty() && name.date.is_none() && (name.complete || name.seasons == [1]) {
        Ok("holds the whole series".to_owned())
    } else if stated.is_empty() {
        Err(format!("episode {number} is wanted, the name numbers none"))
    } else {
        Err(format!("episode {number} is wanted, the name says {}", list(stated)))
    }
}

/// Season and episode written as one number, as old scene names and Spanish ones do: 103, 1103.
pub(super) fn joined_number(season: u32, episode: u32) -> u32 {
    season.saturating_mul(100).saturating_add(episode)
}

/// Anime releases open with the group in brackets and count through all seasons.
fn opens_with_group(name: &ReleaseName) -> bool {
    name.spans.first().is_some_and(|(field, _)| *field == "group")
}

/// Numbers for people, a few at most.
fn list(numbers: &[u32]) -> String {
    match numbers {
        [] => "none".to_owned(),
        [one] => one.to_string(),
        [first, .., last] => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        Wanted {
            kind: TitleKind::Series,
            year: None,
            episode: Some(EpisodeNumber { season, episode }),
            ..film(name, 0)
        }
    }

    fn titled(title: &str, year: Option<u16>) -> ReleaseName {
        ReleaseName { title: title.to_owned(), year, ..ReleaseName::default() }
    }

    fn numbered(title: &str, seasons: &[u32], episodes: &[u32]) -> ReleaseName {
        ReleaseName { seasons: seasons.to_vec(), episodes: episodes.to_vec(), ..titled(title, None) }
    }

    /// Goal: a film's year may be one off, not more; a missing year is no reason to refuse.
    /// Method: one film, names with years around it.
    #[test]
    fn film_years_may_be_one_off() {
        let wanted = film("Quiet Harbour", 2014);
        for (year, is_match) in
            [(Some(2013), true), (Some(2014), true), (Some(2015), true), (Some(2016), false), (None, true)]
        {
            assert_eq!(matches(&titled("The Quiet Harbour", year), &wanted).is_match, is_match, "{year:?}");
        }
    }

    /// Goal: a sequel or spin-off never passes for the first film, and the other way round.
    /// Method: pairs of titles with the same year.
    #[test]
    fn sequels_and_spin_offs_are_other_titles() {
        for (stated, wanted) in [
            ("Rocket 2", "Rocket"),
            ("Rocket", "Rocket 2"),
            ("Rocket Nights", "Rocket"),
            ("Rocket III", "Rocket II"),
            ("Young Rocket", "Rocket"),
        ] {
            assert!(!matches(&titled(stated, Some(2000)), &film(wanted, 2000)).is_match, "{stated} / {wanted}");
        }
    }

    /// Goal: the short form of a title with a subtitle is enough only with the exact year.
    /// Method: the same name with the year equal, one off and missing.
    #[test]
    fn the_main_part_needs_the_exact_year() {
        let wanted = film("Lantern: The Long Way Home", 2011);
        assert!(matches(&titled("Lantern", Some(2011)), &wanted).is_match);
        assert!(!matches(&titled("Lantern", Some(2012)), &wanted).is_match);
        assert!(!matches(&titled("Lantern", None), &wanted).is_match);
    }

    /// Goal: a number that ends a title is no year.
    /// Method: a name whose parser took the number for the year.
    #[test]
    fn a_year_within_the_title_counts_as_title() {
        assert!(matches(&titled("Copper Runner", Some(2049)), &film("Copper Runner 2049", 2017)).is_match);
    }

    /// Goal: a season pack holds each of its episodes and nothing of another season.
    /// Method: a pack of season 3 asked for seasons 3 and 4.
    #[test]
    fn packs_hold_every_episode_of_their_seasons() {
        let pack = numbered("Rocket", &[3], &[]);
        assert!(matches(&pack, &episode("Rocket", 3, 7)).is_match);
        let verdict = matches(&pack, &episode("Rocket", 4, 7));
        assert!(!verdict.is_match);
        assert_eq!(verdict.reasons, ["title matches", "season 4 is wanted, the name says 3"]);
    }

    /// Goal: numbers counted through all seasons find their episode, and season numbers are not mistaken for them.
    /// Method: season 2, episode 3, the 28th of all, against several numberings.
    #[test]
    fn numbers_counted_through_are_understood() {
        let wanted = Wanted { absolute_episode: Some(28), ..episode("Rocket", 2, 3) };
        assert!(matches(&numbered("Rocket", &[], &[28]), &wanted).is_match);
        assert!(matches(&numbered("Rocket", &[1], &[28]), &wanted).is_match);
        assert!(matches(&numbered("Rocket", &[2], &[28]), &wanted).is_match);
        assert!(matches(&numbered("Rocket", &[], &[203]), &wanted).is_match);
        assert!(!matches(&numbered("Rocket", &[], &[3]), &wanted).is_match);
        assert!(!matches(&numbered("Rocket", &[1], &[3]), &wanted).is_match);
    }

    /// Goal: daily shows are matched by their date.
    /// Method: the right date and the day after.
    #[test]
    fn dates_name_episodes_of_daily_shows() {
        let wanted = Wanted { air_date: Some("2020-02-14".to_owned()), ..episode("Late Rocket", 7, 80) };
        let name = |date: &str| ReleaseName { date: Some(date.to_owned()), ..titled("Late Rocket", None) };
        assert!(matches(&name("2020-02-14"), &wanted).is_match);
        assert!(!matches(&name("2020-02-15"), &wanted).is_match);
    }

    /// Goal: a series of the same name and another decade is a remake, a season's own year is not.
    /// Method: years before, at, and after the first season.
    #[test]
    fn remakes_of_a_series_are_told_by_their_year() {
        let wanted = |season| Wanted { year: Some(2004), ..episode("Star Rocket", season, 1) };
        let name = |season, year| ReleaseName { year: Some(year), ..numbered("Star Rocket", &[season], &[1]) };
        assert!(matches(&name(1, 2004), &wanted(1)).is_match);
        assert!(!matches(&name(1, 1978), &wanted(1)).is_match);
        assert!(!matches(&name(1, 2014), &wanted(1)).is_match);
        assert!(matches(&name(4, 2008), &wanted(4)).is_match);
    }

    /// Goal: one name with several titles matches by any of them.
    /// Method: a slash, `aka`, and a title kept beside the first.
    #[test]
    fn any_of_several_titles_will_do() {
        let wanted = film("Blue Wave", 2002);
        assert!(matches(&titled("Голубая волна / Blue Wave", Some(2002)), &wanted).is_match);
        assert!(matches(&titled("Ola Azul AKA Blue Wave", Some(2002)), &wanted).is_match);
        let name = ReleaseName { other_titles: vec!["Blue Wave".to_owned()], ..titled("Golubaya volna", Some(2002)) };
        assert!(matches(&name, &wanted).is_match);
    }

    /// Goal: countries and owners beside a title do not hide it.
    /// Method: both marks on the name only.
    #[test]
    fn countries_and_owners_do_not_hide_a_title() {
        assert!(matches(&numbered("The Desk US", &[1], &[1]), &episode("The Desk", 1, 1)).is_match);
        assert!(matches(&numbered("Marvels Rocket", &[1], &[1]), &episode("Rocket", 1, 1)).is_match);
        assert!(!matches(&numbered("The Desk US", &[1], &[1]), &episode("The Desk UK", 1, 1)).is_match);
    }
}
