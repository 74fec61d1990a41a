//! Lists of titles: what a search, the trends or some conditions have found; and the genres to ask by.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::pictures::POSTER_SIZE;
use super::{Endpoint, language_of};
use crate::Result;
use crate::model::{Language, MediaId, TitleId, TitleKind, TitleSummary};
use crate::net::Reply;
use crate::provider::lenient::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};
use crate::provider::metadata::MAX_PAGE;

/// Most genres of a kind that are known; there are about twenty.
const MAX_GENRES_OF_KIND: usize = 200;

/// A row of a list. Films have `title` and `release_date`, series `name` and `first_air_date`.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) id: u64,
    #[serde(default, deserialize_with = "lenient::maybe")]
    media_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_title: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    original_language: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    release_date: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    first_air_date: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    pub(super) overview: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    pub(super) poster_path: Option<String>,
}

impl Row {
    pub(super) fn name(&self) -> Option<String> {
        [&self.title, &self.name].into_iter().find_map(|name| lenient::clean_some(name.as_deref(), MAX_NAME_CHARS))
    }

    pub(super) fn original_name(&self) -> Option<String> {
        [&self.original_title, &self.original_name]
            .into_iter()
            .find_map(|name| lenient::clean_some(name.as_deref(), MAX_NAME_CHARS))
    }

    pub(super) fn year(&self) -> Option<u16> {
        [&self.release_date, &self.first_air_date].into_iter().find_map(|date| lenient::year(date.as_deref()))
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(deserialize_with = "lenient::required_list")]
    results: Vec<Row>,
    #[serde(default, deserialize_with = "lenient::number")]
    total_pages: Option<u64>,
}

/// A row of a list of titles.
#[derive(Debug)]
pub(in super::super) struct ListRow {
    pub(in super::super) summary: TitleSummary,
    /// The name is the original one, in a language that was not asked for.
    is_untranslated: bool,
}

/// One page of a list.
#[derive(Debug)]
pub(in super::super) struct ListPage {
    pub(in super::super) rows: Vec<ListRow>,
    pub(in super::super) page_count: u64,
}

impl ListPage {
    /// May the page after this one be asked for?
    pub(in super::super) fn is_followed(&self, page: u32) -> bool {
        u64::from(page) < self.page_count.min(u64::from(MAX_PAGE))
    }

    /// Is there a row that another language may say more about?
    pub(in super::super) fn has_gaps(&self) -> bool {
        self.rows.iter().any(|row| row.summary.overview.is_none() || row.is_untranslated)
    }

    /// Takes from the same page in another language what is missing here.
    pub(in super::super) fn fill_from(&mut self, other: ListPage) {
        let mut others: HashMap<MediaId, ListRow> =
            other.rows.into_iter().map(|row| (row.summary.media_id.clone(), row)).collect();
        for row in &mut self.rows {
            let Some(other) = others.remove(&row.summary.media_id) else { continue };
            row.summary.overview = row.summary.overview.take().or(other.summary.overview);
            if row.is_untranslated && !other.is_untranslated {
                row.summary.name = other.summary.name;
                row.is_untranslated = false;
            }
        }
    }
}

/// Reads a page that was asked for in `language`; persons, collections and whatever comes next are left out. A film or series without a name
/// is one too.
pub(in super::super) fn parse_list(
    endpoint: &Endpoint,
    reply: &Reply,
    kind: Option<TitleKind>,
    language: Option<&Language>,
    operation: &'static str,
) -> Result<ListPage> {
    let page: Page = lenient::json(reply, operation)?;
    let asked = language.map_or("en", Language::primary);
    let row = |row: Row| {
        let kind = match row.media_type.as_deref() {
            Some("movie") => TitleKind::Movie,
            Some("tv") => TitleKind::Series,
            Some(_) => return None,
            None => kind?,
        };
        let (name, original_name) = (row.name(), row.original_name());
        let original_language = row.original_language.as_deref().and_then(language_of);
        let is_foreign = original_language.is_some_and(|original| original.primary() != asked);
        Some(ListRow {
            is_untranslated: is_foreign && original_name.is_some() && (name.is_none() || name == original_name),
            summary: TitleSummary {
                media_id: MediaId::of_title(TitleId::Tmdb(kind, row.id)),
                kind,
                year: row.year(),
                overview: lenient::clean_some(row.overview.as_deref(), MAX_TEXT_CHARS),
                poster_url: endpoint.picture(POSTER_SIZE, row.poster_path.as_deref()),
                name: name.or(original_name)?,
            },
        })
    };
    let mut seen = HashSet::new();
    let rows = page.results.into_iter().filter_map(row).filter(|row| seen.insert(row.summary.media_id.clone()));
    Ok(ListPage { rows: rows.collect(), page_count: page.total_pages.unwrap_or(1) })
}

/// A genre and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Genre {
    pub(in super::super) id: u64,
    pub(in super::super) name: String,
}

#[derive(Debug, Deserialize)]
struct GenresBody {
    #[serde(deserialize_with = "lenient::required_list")]
    genres: Vec<GenreRow>,
}

#[derive(Debug, Deserialize)]
struct GenreRow {
    id: u64,
    name: String,
}

/// Reads the genres of a kind.
pub(in super::super) fn parse_genres(reply: &Reply) -> Result<Vec<Genre>> {
    let body: GenresBody = lenient::json(reply, "list genres")?;
    let genre = |row: GenreRow| Some(Genre { id: row.id, name: lenient::clean_some(Some(&row.name), MAX_NAME_CHARS)? });
    Ok(body.genres.into_iter().filter_map(genre).take(MAX_GENRES_OF_KIND).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: rows are taken as they come: persons and unknown types left out, blank and missing dates and pictures allowed.
    #[test]
    fn search_rows_are_read_leniently() {
        let body = r#"{"page":1,"total_pages":9,"total_results":7,"surprise":{},"results":[
            {"id":1,"media_type":"movie","title":"One","release_date":"1999-03-31","poster_path":"/p.jpg","overview":""},
            {"id":2,"media_type":"tv","name":"Two","first_air_date":"","poster_path":null},
            {"id":3,"media_type":"person","name":"Somebody"},
            {"id":4,"media_type":"collection","title":"Many"},
            {"id":5,"media_type":"movie","title":"","original_title":"Fünf","release_date":null},
            {"id":"six","media_type":"movie","title":"Six"},
            {"id":7,"media_type":"movie","title":7}]}"#;
        let page = parse_list(&endpoint("k"), &Reply::ok(body), None, None, "test").unwrap();
        let titles: Vec<_> = page.rows.iter().map(|row| &row.summary).collect();
        let names: Vec<_> = titles.iter().map(|title| (title.name.as_str(), title.year)).collect();
        assert_eq!(names, [("One", Some(1999)), ("Two", None), ("Fünf", None)]);
        assert_eq!(titles[0].poster_url.as_deref(), Some("https://image.example/t/p/w342/p.jpg"));
        assert_eq!(titles[1].media_id.to_string(), "tmdb:series:2");
        assert_eq!(page.page_count, 9);
    }

    /// Goal: a reply in another language fills what is missing and changes nothing that is there.
    #[test]
    fn other_languages_fill_gaps_only() {
        let german = Language::parse("de").unwrap();
        let list = |rows: &str, language: Option<&Language>| {
            parse_list(&endpoint("k"), &Reply::ok(format!(r#"{{"results":[{rows}]}}"#)), None, language, "test")
                .unwrap()
        };
        let mut page = list(
            r#"{"id":1,"media_type":"movie","title":"紙の船","original_title":"紙の船","original_language":"ja","overview":""},
               {"id":2,"media_type":"tv","name":"Hafen","original_name":"Harbour","original_language":"en","overview":"Deutsch."},
               {"id":3,"media_type":"tv","name":"Dorf","original_name":"Dorf","original_language":"de","overview":""}"#,
            Some(&german),
        );
        assert!(page.has_gaps());
        page.fill_from(list(
            r#"{"id":3,"media_type":"tv","name":"Village","original_name":"Dorf","original_language":"de","overview":"V."},
               {"id":2,"media_type":"tv","name":"Harbour","original_name":"Harbour","original_language":"en","overview":"English."},
               {"id":1,"media_type":"movie","title":"Paper Boats","original_title":"紙の船","original_language":"ja","overview":"B."}"#,
            None,
        ));
        let told: Vec<_> =
            page.rows.iter().map(|row| (row.summary.name.as_str(), row.summary.overview.as_deref().unwrap())).collect();
        assert_eq!(told, [("Paper Boats", "B."), ("Hafen", "Deutsch."), ("Dorf", "V.")]);
        assert!(!page.has_gaps());
    }

    /// Goal: pages end where TMDB's do, whatever it counts.
    #[test]
    fn no_page_beyond_the_last_is_promised() {
        let page = parse_list(&endpoint("k"), &Reply::ok(r#"{"results":[],"total_pages":38102}"#), None, None, "test")
            .unwrap();
        assert!(page.is_followed(499) && !page.is_followed(500));
        let page = parse_list(&endpoint("k"), &Reply::ok(r#"{"results":[]}"#), None, None, "test").unwrap();
        assert!(!page.is_followed(1));
    }
}
