//! What metadata providers are asked.

use crate::model::{Language, MediaId, TitleKind, TitleSummary};
use crate::{Error, ErrorKind, Result};

/// Last page of a list that is asked for (TMDB's limit, kept for all).
pub const MAX_PAGE: u32 = 500;

/// Longest name of a genre, in characters.
const MAX_GENRE_CHARS: usize = 50;

/// A search by name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TitleSearch {
    /// What the person typed; a year at its end is cut off by the caller into `year`.
    pub text: String,
    /// Only titles of this year.
    pub year: Option<u16>,
    /// Only films or only series.
    pub kind: Option<TitleKind>,
    /// Language of the names in the answer; the vendor's default where it has no such text.
    pub language: Option<Language>,
}

impl TitleSearch {
    /// A search for films and series of any year.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), year: None, kind: None, language: None }
    }
}

/// A question for one title.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TitleRequest {
    /// Which title; an episode in it is ignored: seasons come with the title.
    pub media_id: MediaId,
    /// Language of the texts: where there is none in it, then in any of its regions, then English or the original.
    pub language: Option<Language>,
}

impl TitleRequest {
    /// A question in the vendor's default language.
    #[must_use]
    pub fn new(media_id: MediaId) -> Self {
        Self { media_id, language: None }
    }
}

/// A title's number in a catalogue that is not the provider's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutsideId {
    /// IMDb: the digits of `tt0133093`, kept with their leading zeros.
    Imdb(String),
    /// TheTVDB.
    Tvdb(u64),
}

/// Which title of the provider's own catalogue is this?
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FindTitle {
    /// The number it has elsewhere.
    pub id: OutsideId,
    /// Only a film or only a series: one number may stand for one of each.
    pub kind: Option<TitleKind>,
    /// Language of name and text.
    pub language: Option<Language>,
}

impl FindTitle {
    /// A question for a film or a series.
    #[must_use]
    pub fn new(id: OutsideId) -> Self {
        Self { id, kind: None, language: None }
    }
}

/// How far back [`Trending`] looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Period {
    /// A day.
    Day,
    /// A week.
    #[default]
    Week,
}

/// A question for what is watched these days.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trending {
    /// Only films or only series; otherwise both, mixed.
    pub kind: Option<TitleKind>,
    /// How far back; a vendor that has one list only gives that.
    pub period: Period,
    /// From 1 to [`MAX_PAGE`].
    pub page: u32,
    /// Language of names and texts.
    pub language: Option<Language>,
}

impl Default for Trending {
    fn default() -> Self {
        Self { kind: None, period: Period::default(), page: 1, language: None }
    }
}

/// The order of a [`Discover`] list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiscoverSort {
    /// What most people look at first.
    #[default]
    Popularity,
    /// The best rated first.
    Rating,
    /// The newest first; nothing that is not out yet.
    Newest,
}

/// A question for titles that fit a few conditions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Discover {
    /// Films or series.
    pub kind: TitleKind,
    /// Only of this genre: its English name, in any case.
    pub genre: Option<String>,
    /// Only what came out, or began, in this year.
    pub year: Option<u16>,
    /// In which order.
    pub sort: DiscoverSort,
    /// From 1 to [`MAX_PAGE`].
    pub page: u32,
    /// Language of names and texts.
    pub language: Option<Language>,
}

impl Discover {
    /// The most popular of a kind.
    #[must_use]
    pub fn new(kind: TitleKind) -> Self {
        Self { kind, genre: None, year: None, sort: DiscoverSort::default(), page: 1, language: None }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TitlePage {
    /// In the list's order, none twice; may be empty although more follow.
    pub titles: Vec<TitleSummary>,
    /// The next page may have some.
    pub has_more: bool,
}

fn wrong(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, "list titles").detail(detail)
}

fn check_page(page: u32) -> Result<()> {
    if (1..=MAX_PAGE).contains(&page) { Ok(()) } else { Err(wrong("a page is a number from 1 to 500")) }
}

impl Trending {
    /// That it can be asked.
    ///
    /// # Errors
    /// `InvalidInput` for a page out of bounds.
    pub fn check(&self) -> Result<()> {
        check_page(self.page)
    }
}

impl Discover {
    /// That it can be asked.
    ///
    /// # Errors
    /// `InvalidInput` for a page out of bounds, a year that is none, or an empty or overlong genre.
    pub fn check(&self) -> Result<()> {
        check_page(self.page)?;
        if self.year.is_some_and(|year| !(1870..=2200).contains(&year)) {
            return Err(wrong("a year has four digits, from 1870 to 2200"));
        }
        match self.genre.as_deref().map(|genre| genre.trim().chars().count()) {
            Some(count) if !(1..=MAX_GENRE_CHARS).contains(&count) => Err(wrong("a genre has from 1 to 50 characters")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what no provider could answer is refused before any is asked.
    #[test]
    fn lists_have_bounds() {
        for (page, is_good) in [(0, false), (1, true), (500, true), (501, false)] {
            assert_eq!(Trending { page, ..Trending::default() }.check().is_ok(), is_good, "{page}");
            assert_eq!(Discover { page, ..Discover::new(TitleKind::Movie) }.check().is_ok(), is_good, "{page}");
        }
        for (genre, year, is_good) in [
            (Some("Drama".to_owned()), Some(1999), true),
            (Some("  ".to_owned()), None, false),
            (Some("x".repeat(51)), None, false),
            (None, Some(1), false),
        ] {
            let discover = Discover { genre, year, ..Discover::new(TitleKind::Series) };
            assert_eq!(discover.check().is_ok(), is_good, "{discover:?}");
        }
    }
}
