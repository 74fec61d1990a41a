use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

/// Film or series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleKind {
    /// A film.
    Movie,
    /// A series.
    Series,
}

/// Season and episode as the metadata numbers them; season 0 holds the specials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpisodeNumber {
    /// Season.
    pub season: u32,
    /// Episode, from 1.
    pub episode: u32,
}

/// Which title, in the numbering of one outside catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TitleId {
    /// IMDb: the digits of `tt0133093`, kept with their leading zeros.
    Imdb(String),
    /// TMDB: `tmdb:movie:603`, `tmdb:series:1399`.
    Tmdb(TitleKind, u64),
    /// Kitsu: `kitsu:12`.
    Kitsu(u64),
    /// A file or folder of the local library: `local:` and an opaque name of letters, digits, `-` and `_`.
    Local(String),
}

/// Names a title or an episode: `tt0133093`, `tt0944947:1:2`, `tmdb:movie:603`, `tmdb:series:1399:1:2`, `kitsu:12:5`, `local:…`.
///
/// ```
/// use prostream_core::model::MediaId;
/// let id: MediaId = "tt0944947:1:2".parse().unwrap();
/// assert_eq!(id.episode.unwrap().episode, 2);
/// assert_eq!(id.to_string(), "tt0944947:1:2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaId {
    /// The title.
    pub title: TitleId,
    /// The episode, for a series.
    pub episode: Option<EpisodeNumber>,
}

impl MediaId {
    /// A whole title.
    #[must_use]
    pub fn of_title(title: TitleId) -> Self {
        Self { title, episode: None }
    }

    /// The same title with an episode.
    #[must_use]
    pub fn with_episode(&self, season: u32, episode: u32) -> Self {
        Self { title: self.title.clone(), episode: Some(EpisodeNumber { season, episode }) }
    }
}

impl FromStr for MediaId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::InvalidInput, "read media id")
                .advise("write tt0133093, tt0944947:1:2, tmdb:movie:603, tmdb:series:1399:1:2 or local:NAME")
        };
        if text.len() > 200 {
            return Err(wrong());
        }
        let number = |part: &str| -> Result<u32, Error> {
            let digits = !part.is_empty() && part.len() <= 6 && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let big = |part: &str| {
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok()).flatten().ok_or_else(wrong)
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (title, rest) = match parts.as_slice() {
            ["tmdb", kind, id, rest @ ..] => {
                let kind = match *kind {
                    "movie" => TitleKind::Movie,
                    "series" | "tv" => TitleKind::Series,
                    _ => return Err(wrong()),
                };
                (TitleId::Tmdb(kind, big(id)?), rest)
            }
            ["kitsu", id, rest @ ..] => (TitleId::Kitsu(big(id)?), rest),
            ["local", name, rest @ ..] => {
                let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                if name.is_empty() || name.len() > 128 || !name.bytes().all(good) {
                    return Err(wrong());
                }
                (TitleId::Local((*name).to_owned()), rest)
            }
            [imdb, rest @ ..] => {
                let digits = imdb.strip_prefix("tt").ok_or_else(wrong)?;
                if !(5..=12).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(wrong());
                }
                (TitleId::Imdb(digits.to_owned()), rest)
            }
            [] => return Err(wrong()),
        };
        let episode = match rest {
            [] => None,
            [episode] if matches!(title, TitleId::Kitsu(_)) => {
                Some(EpisodeNumber { season: 1, episode: number(episode)? })
            }
            [season, episode] => Some(EpisodeNumber { season: number(season)?, episode: number(episode)? }),
            _ => return Err(wrong()),
        };
        Ok(Self { title, episode })
    }
}

impl fmt::Display for TitleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TitleId::Imdb(digits) => write!(f, "tt{digits}"),
            TitleId::Tmdb(TitleKind::Movie, id) => write!(f, "tmdb:movie:{id}"),
            TitleId::Tmdb(TitleKind::Series, id) => write!(f, "tmdb:series:{id}"),
            TitleId::Kitsu(id) => write!(f, "kitsu:{id}"),
            TitleId::Local(name) => write!(f, "local:{name}"),
        }
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        match (&self.title, self.episode) {
            (TitleId::Kitsu(_), Some(number)) => write!(f, ":{}", number.episode),
            (_, Some(number)) => write!(f, ":{}:{}", number.season, number.episode),
            (_, None) => Ok(()),
        }
    }
}

impl TryFrom<String> for MediaId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<MediaId> for String {
    fn from(id: MediaId) -> String {
        id.to_string()
    }
}
