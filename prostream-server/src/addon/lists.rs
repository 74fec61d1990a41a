//! Titles as lists that players without addons open: `.m3u` of a film, a season or a series.

use prostream_core::model::{Episode, MediaId, Season, Title, TitleKind};

use super::Asked;
use super::asked::protocol_id;

/// Most entries of a list.
const MAX_ENTRIES: usize = 2_000;

/// Longest name of a file, in characters, without its ending.
const MAX_STEM_CHARS: usize = 120;

/// One film or episode of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As the protocol writes it.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) length_s: Option<u64>,
}

/// What was asked for, in the order it is watched: specials last, and nothing that is aired after `today` (`YYYY-MM-DD`).
pub(crate) fn entries(title: &Title, asked: &Asked, today: &str) -> Vec<Entry> {
    let length_s = |minutes: Option<u32>| minutes.map(|minutes| u64::from(minutes) * 60);
    if asked.kind == TitleKind::Movie {
        let id = protocol_id(&asked.media_id);
        return vec![Entry { id, name: file_stem(title, asked), length_s: length_s(title.runtime_min) }];
    }
    let is_asked = |season: u32, episode: u32| match (asked.media_id.episode, asked.season) {
        (Some(number), _) => (number.season, number.episode) == (season, episode),
        (None, Some(number)) => number == season,
        (None, None) => true,
    };
    let series = MediaId::of_title(asked.media_id.title.clone());
    let of_episode = |season: u32, episode: &Episode| {
        let media_id = series.with_episode(season, episode.number);
        let name = format!("{} S{season:02}E{:02}", plain(&title.summary.name), episode.number);
        Entry {
            id: protocol_id(&media_id),
            name: episode.name.as_deref().map_or(name.clone(), |own| format!("{name} {}", plain(own))),
            length_s: length_s(episode.runtime_min.or(title.runtime_min)),
        }
    };
    let (specials, usual): (Vec<&Season>, Vec<&Season>) = title.seasons.iter().partition(|season| season.number == 0);
    let is_aired = |episode: &&Episode| episode.air_date.as_deref().is_none_or(|date| date <= today);
    usual
        .into_iter()
        .chain(specials)
        .flat_map(|season| {
            let wanted = season.episodes.iter().filter(move |episode| is_asked(season.number, episode.number));
            wanted.filter(is_aired).map(move |episode| of_episode(season.number, episode))
        })
        .take(MAX_ENTRIES)
        .collect()
}

/// A list in UTF-8, with an address for each entry.
pub(crate) fn m3u(name: &str, entries: &[Entry], address_of: impl Fn(&Entry) -> String) -> String {
    let mut text = format!("#EXTM3U\n#EXTENC:UTF-8\n#PLAYLIST:{name}\n");
    for entry in entries {
        let length_s = entry.length_s.map_or("-1".to_owned(), |length_s| length_s.to_string());
        text += &format!("#EXTINF:{length_s},{}\n{}\n", entry.name, address_of(entry));
    }
    text
}

/// What a file of it is called, as media centres read it: `A Film (2020)`, `A Show S01E02`, `A Show S01`.
pub(crate) fn file_stem(title: &Title, asked: &Asked) -> String {
    let name = plain(&title.summary.name);
    match (asked.media_id.episode, asked.season, title.summary.year) {
        (Some(number), ..) => format!("{name} S{:02}E{:02}", number.season, number.episode),
        (None, Some(season), _) => format!("{name} S{season:02}"),
        (None, None, Some(year)) => format!("{name} ({year})"),
        (None, None, None) => name,
    }
}

/// A name on one line, and not a long one.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(MAX_STEM_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use prostream_core::model::TitleSummary;

    use super::*;

    fn title(kind: TitleKind, seasons: Vec<Season>) -> Title {
        Title {
            summary: TitleSummary {
                media_id: "tt7654321".parse().unwrap(),
                kind,
                name: "A\nShow, again".to_owned(),
                year: Some(2020),
                overview: None,
                poster_url: None,
            },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: Some(40),
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: None,
            tmdb_id: None,
            tvdb_id: None,
            seasons,
        }
    }

    fn series() -> Title {
        let episode = |number, air_date: &str| Episode {
            number,
            name: Some(format!("Part\r{number}")),
            air_date: (!air_date.is_empty()).then(|| air_date.to_owned()),
            overview: None,
            runtime_min: (number == 1).then_some(50),
        };
        let season = |number, episodes| Season { number, name: None, episodes };
        let seasons = vec![
            season(0, vec![episode(1, "2020-01-01")]),
            season(1, vec![episode(1, "2020-01-01"), episode(2, "")]),
            season(2, vec![episode(1, "2021-01-01"), episode(2, "2021-01-08")]),
        ];
        title(TitleKind::Series, seasons)
    }

    fn ids(title: &Title, kind: &str, id: &str) -> Vec<String> {
        let asked = Asked::read(kind, id).unwrap();
        entries(title, &asked, "2021-01-07").into_iter().map(|entry| entry.id).collect()
    }

    /// Goal: a list has what was asked for in the order it is watched, and nothing that cannot be watched yet.
    #[test]
    fn lists_have_what_was_asked_for() {
        let series = series();
        assert_eq!(ids(&series, "series", "tt7654321:1"), ["tt7654321:1:1", "tt7654321:1:2"]);
        assert_eq!(ids(&series, "series", "tt7654321:2"), ["tt7654321:2:1"], "one is not aired yet");
        assert_eq!(ids(&series, "series", "tt7654321:1:2"), ["tt7654321:1:2"]);
        assert_eq!(
            ids(&series, "series", "tmdb:7"),
            ["tmdb:7:1:1", "tmdb:7:1:2", "tmdb:7:2:1", "tmdb:7:0:1"],
            "specials come last"
        );
        assert!(ids(&series, "series", "tt7654321:9").is_empty());
        assert_eq!(ids(&title(TitleKind::Movie, Vec::new()), "movie", "tt7654321"), ["tt7654321"]);
    }

    /// Goal: names cannot break a line or a file name's length, and lengths are told where they are known.
    #[test]
    fn lists_are_one_line_an_entry() {
        let series = series();
        let asked = Asked::read("series", "tt7654321:1").unwrap();
        let stem = file_stem(&series, &asked);
        let text =
            m3u(&stem, &entries(&series, &asked, "2021-01-07"), |entry| format!("https://tv.example/{}", entry.id));
        assert_eq!(
            text,
            "#EXTM3U\n#EXTENC:UTF-8\n#PLAYLIST:AShow, again S01\n\
             #EXTINF:3000,AShow, again S01E01 Part1\nhttps://tv.example/tt7654321:1:1\n\
             #EXTINF:2400,AShow, again S01E02 Part2\nhttps://tv.example/tt7654321:1:2\n"
        );
        let film = title(TitleKind::Movie, Vec::new());
        assert_eq!(file_stem(&film, &Asked::read("movie", "tt7654321").unwrap()), "AShow, again (2020)");
        assert_eq!(file_stem(&film, &Asked::read("series", "tt7654321:1:2").unwrap()), "AShow, again S01E02");
        assert_eq!(plain(&"x".repeat(5_000)).len(), MAX_STEM_CHARS);
    }

    /// Goal: a list ends at its limit.
    #[test]
    fn long_series_end_at_the_limit() {
        let episode = |number| Episode { number, name: None, air_date: None, overview: None, runtime_min: None };
        let season = Season { number: 1, name: None, episodes: (1..=5_000).map(episode).collect() };
        assert_eq!(ids(&title(TitleKind::Series, vec![season]), "series", "tt7654321").len(), MAX_ENTRIES);
    }
}
