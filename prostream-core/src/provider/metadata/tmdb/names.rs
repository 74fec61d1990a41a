//! Which of TMDB's translations speaks: the language asked for, then English, then the original.

use serde::Deserialize;

use crate::model::Language;
use crate::provider::lenient::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};

/// The `translations` part of a title.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Localized {
    #[serde(default, deserialize_with = "lenient::list")]
    translations: Vec<Translation>,
}

#[derive(Debug, Deserialize)]
struct Translation {
    #[serde(default, deserialize_with = "lenient::maybe")]
    iso_639_1: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    iso_3166_1: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    data: Option<Texts>,
}

/// Films have a `title`, series a `name`; it is blank where it equals the original one.
#[derive(Debug, Deserialize)]
struct Texts {
    #[serde(default, deserialize_with = "lenient::maybe")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    overview: Option<String>,
}

impl Translation {
    fn name(&self) -> Option<String> {
        let texts = self.data.as_ref()?;
        lenient::clean_some(texts.title.as_deref().or(texts.name.as_deref()), MAX_NAME_CHARS)
    }

    fn overview(&self) -> Option<String> {
        lenient::clean_some(self.data.as_ref()?.overview.as_deref(), MAX_TEXT_CHARS)
    }

    fn speaks(&self, language: &Language) -> bool {
        self.iso_639_1.as_deref() == Some(language.primary())
    }
}

impl Localized {
    /// Every translated name, English first.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let is_english = |translation: &&Translation| translation.iso_639_1.as_deref() == Some("en");
        let english = self.translations.iter().filter(is_english);
        let others = self.translations.iter().filter(move |translation| !is_english(translation));
        english.chain(others).filter_map(Translation::name)
    }

    /// The name and overview to show. `name` and `overview` are what TMDB answered for the language: for a name that is not translated it
    /// answers with the original, for an overview with nothing.
    pub(super) fn best(
        &self,
        language: Option<&Language>,
        original: Option<&Language>,
        name: Option<String>,
        overview: Option<String>,
    ) -> (Option<String>, Option<String>) {
        let English { name: english_name, overview: english_overview } = self.english();
        let is_translated = match language {
            // TMDB's default is English already.
            None => true,
            Some(language) => {
                original.is_some_and(|original| original.primary() == language.primary())
                    || self.translations.iter().any(|one| one.speaks(language) && one.name().is_some())
            }
        };
        let name = if is_translated { name.or(english_name) } else { english_name.or(name) };
        (name, overview.or(english_overview))
    }

    fn english(&self) -> English {
        let mut rows: Vec<&Translation> =
            self.translations.iter().filter(|one| one.iso_639_1.as_deref() == Some("en")).collect();
        rows.sort_by_key(|one| one.iso_3166_1.as_deref() != Some("US"));
        English { name: rows.iter().find_map(|one| one.name()), overview: rows.iter().find_map(|one| one.overview()) }
    }
}

struct English {
    name: Option<String>,
    overview: Option<String>,
}
