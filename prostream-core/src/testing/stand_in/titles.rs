//! Titles that the stand-ins of metadata providers know, in our words.

/// A film.
///
/// ```
/// use prostream_core::testing::stand_in::StandInMovie;
/// let film = StandInMovie { tmdb_id: 1, title: "Paper Boats".to_owned(), release_date: "2019-05-04".to_owned(), ..Default::default() };
/// assert!(film.imdb_id.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandInMovie {
    /// TMDB number.
    pub tmdb_id: u64,
    /// `tt…`.
    pub imdb_id: Option<String>,
    /// Name in English.
    pub title: String,
    /// Name in the original language, where it is another one.
    pub original_title: Option<String>,
    /// Language it was made in, two letters. Default: none, which is told as `en`.
    pub original_language: String,
    /// `YYYY-MM-DD`; empty for an unknown date.
    pub release_date: String,
    /// Length in minutes; 0 for unknown.
    pub runtime_min: u32,
    /// A few sentences in English.
    pub overview: String,
    /// Genres, in English.
    pub genres: Vec<String>,
    /// `/name.jpg` on the image host.
    pub poster_path: Option<String>,
    /// `/name.jpg` on the image host.
    pub backdrop_path: Option<String>,
    /// Other names, without a language.
    pub other_titles: Vec<String>,
    /// Texts in other languages.
    pub translations: Vec<StandInTranslation>,
}

/// A series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandInSeries {
    /// TMDB number.
    pub tmdb_id: u64,
    /// `tt…`.
    pub imdb_id: Option<String>,
    /// TheTVDB number.
    pub tvdb_id: Option<u64>,
    /// Name in English.
    pub name: String,
    /// Name in the original language, where it is another one.
    pub original_name: Option<String>,
    /// Language it was made in, two letters. Default: none, which is told as `en`.
    pub original_language: String,
    /// `YYYY-MM-DD`; empty for an unknown date.
    pub first_air_date: String,
    /// A few sentences in English.
    pub overview: String,
    /// Genres, in English.
    pub genres: Vec<String>,
    /// `/name.jpg` on the image host.
    pub poster_path: Option<String>,
    /// `/name.jpg` on the image host.
    pub backdrop_path: Option<String>,
    /// Other names, without a language.
    pub other_names: Vec<String>,
    /// Texts in other languages.
    pub translations: Vec<StandInTranslation>,
    /// Seasons; 0 holds the specials.
    pub seasons: Vec<StandInSeason>,
}

/// A season.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandInSeason {
    /// Number.
    pub number: u32,
    /// Name; empty for the usual `Season N`.
    pub name: String,
    /// Episodes, numbered from 1 in this order.
    pub episodes: Vec<StandInEpisode>,
}

/// An episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandInEpisode {
    /// Name.
    pub name: String,
    /// `YYYY-MM-DD`; empty for an unknown date.
    pub air_date: String,
    /// A few sentences.
    pub overview: String,
    /// Length in minutes; 0 for unknown.
    pub runtime_min: u32,
}

/// Name and overview in another language; empty where they are not translated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandInTranslation {
    /// Two letters: `fr`.
    pub language: String,
    /// Two letters: `FR`.
    pub country: String,
    /// Name.
    pub title: String,
    /// Overview.
    pub overview: String,
}

impl StandInSeason {
    pub(super) fn display_name(&self) -> String {
        match (self.name.is_empty(), self.number) {
            (false, _) => self.name.clone(),
            (true, 0) => "Specials".to_owned(),
            (true, number) => format!("Season {number}"),
        }
    }
}

/// Does a name contain all words of what was typed, whatever their case? Near enough to what real catalogues answer.
pub(super) fn is_match<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> bool {
    let typed = typed.to_lowercase();
    names.into_iter().any(|name| {
        let name = name.to_lowercase();
        !typed.trim().is_empty() && typed.split_whitespace().all(|word| name.contains(word))
    })
}
