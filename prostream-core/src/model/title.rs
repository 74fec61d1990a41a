use serde::{Deserialize, Serialize};

use super::{EpisodeNumber, Language, MediaId, TitleKind};

/// A title in a list of search results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TitleSummary {
    /// Names it for every other call.
    pub media_id: MediaId,
    /// Film or series.
    pub kind: TitleKind,
    /// Name in the language asked for.
    pub name: String,
    /// Year it came out, or began.
    pub year: Option<u16>,
    /// A few sentences.
    pub overview: Option<String>,
    /// Poster, an https address of the catalogue's image host.
    pub poster_url: Option<String>,
}

/// All that is known of a title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Title {
    /// The short form.
    #[serde(flatten)]
    pub summary: TitleSummary,
    /// Name in the original language.
    pub original_name: Option<String>,
    /// Every other name it is known by, in any language, without duplicates; at most 200.
    pub other_names: Vec<String>,
    /// Language it was made in.
    pub original_language: Option<Language>,
    /// Length of the film, or of a usual episode, in minutes.
    pub runtime_min: Option<u32>,
    /// Genres, for people.
    pub genres: Vec<String>,
    /// Wide picture, an https address.
    pub backdrop_url: Option<String>,
    /// `tt…`, when known.
    pub imdb_id: Option<String>,
    /// TMDB number, when known.
    pub tmdb_id: Option<u64>,
    /// TheTVDB number, when known.
    pub tvdb_id: Option<u64>,
    /// Seasons of a series in order, the specials (0) first; empty for a film.
    pub seasons: Vec<Season>,
}

/// A season.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// Number; 0 holds the specials.
    pub number: u32,
    /// Name, where it has one.
    pub name: Option<String>,
    /// Episodes in order.
    pub episodes: Vec<Episode>,
}

impl Title {
    /// The episode after this one: the next of its season, else the first of the next season. `None` after the last that is known, and after
    /// specials, which have no order.
    #[must_use]
    pub fn episode_after(&self, number: EpisodeNumber) -> Option<EpisodeNumber> {
        if number.season == 0 {
            return None;
        }
        let all = self.seasons.iter().filter(|season| season.number > 0).flat_map(|season| {
            let of_season = |episode: &Episode| EpisodeNumber { season: season.number, episode: episode.number };
            season.episodes.iter().map(of_season)
        });
        all.filter(|other| *other > number).min()
    }
}

/// An episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Number within the season.
    pub number: u32,
    /// Name.
    pub name: Option<String>,
    /// First aired, `YYYY-MM-DD`.
    pub air_date: Option<String>,
    /// A few sentences.
    pub overview: Option<String>,
    /// Length in minutes.
    pub runtime_min: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TitleId;

    /// Goal: after an episode comes the next of its season, then the next season; gaps are stepped over, and specials have no order.
    #[test]
    fn episodes_follow_each_other() {
        let season = |number, episodes: &[u32]| Season {
            number,
            name: None,
            episodes: episodes
                .iter()
                .map(|&number| Episode { number, name: None, air_date: None, overview: None, runtime_min: None })
                .collect(),
        };
        let title = Title {
            summary: TitleSummary {
                media_id: MediaId::of_title(TitleId::Local("harbour".to_owned())),
                kind: TitleKind::Series,
                name: "Rocket Harbour".to_owned(),
                year: None,
                overview: None,
                poster_url: None,
            },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: None,
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: None,
            tmdb_id: None,
            tvdb_id: None,
            seasons: vec![season(3, &[]), season(2, &[2, 1]), season(0, &[1, 2]), season(1, &[1, 3])],
        };
        let after = |season, episode| {
            title.episode_after(EpisodeNumber { season, episode }).map(|next| (next.season, next.episode))
        };
        assert_eq!(after(1, 1), Some((1, 3)));
        assert_eq!(after(1, 3), Some((2, 1)));
        assert_eq!(after(2, 1), Some((2, 2)));
        assert_eq!(after(2, 2), None);
        assert_eq!(after(0, 1), None);
    }
}
