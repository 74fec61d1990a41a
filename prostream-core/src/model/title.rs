use serde::{Deserialize, Serialize};

use super::{Language, MediaId, TitleKind};

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
