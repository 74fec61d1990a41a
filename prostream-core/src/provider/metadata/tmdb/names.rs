//! Which of TMDB's translations speaks: the language asked for, that of its other regions, then English, then the original.

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
}

impl Localized {
    /// Every translated name, English first.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let is_english = |translation: &&Translation| translation.iso_639_1.as_deref() == Some("en");
        let english = self.translations.iter().filter(is_english);
        let others = self.translations.iter().filter(move |translation| !is_english(translation));
        english.chain(others).filter_map(Translation::name)
    }

    /// The name and overview to show: in the language as it is spoken in the region asked for, in any of its regions, in English, and in the
    /// original. `name` and `overview` are what TMDB answered for the language: for a name that is not translated it answers with the
    /// original, for an overview with nothing.
    pub(super) fn best(
        &self,
        language: Option<&Language>,
        original: Option<&Language>,
        name: Option<String>,
        overview: Option<String>,
    ) -> (Option<String>, Option<String>) {
        let english = self.in_language("en", Some("US"));
        let in_original = original.map(|original| self.in_language(original.primary(), None)).unwrap_or_default();
        let english_name = english.iter().find_map(|one| one.name());
        let later_overviews = || english.iter().chain(&in_original).find_map(|one| one.overview());
        // TMDB's default is English already.
        let Some(language) = language else {
            return (name.or(english_name), overview.or_else(later_overviews));
        };
        let asked = self.in_language(language.primary(), region(language));
        let is_original = original.is_some_and(|original| original.primary() == language.primary());
        let best_name = match asked.iter().find_map(|one| one.name()) {
            Some(found) => Some(found),
            None if is_original => name.or(english_name),
            None => english_name.or(name),
        };
        let best_overview = asked.iter().find_map(|one| one.overview()).or(overview).or_else(later_overviews);
        (best_name, best_overview)
    }

    /// The rows of a language, the region asked for first, then the one that the language is named after.
    fn in_language(&self, primary: &str, region: Option<&str>) -> Vec<&Translation> {
        let mut rows: Vec<&Translation> =
            self.translations.iter().filter(|one| one.iso_639_1.as_deref() == Some(primary)).collect();
        rows.sort_by_key(|one| match one.iso_3166_1.as_deref() {
            Some(country) if Some(country) == region => 0,
            Some(country) if country.eq_ignore_ascii_case(primary) => 1,
            _ => 2,
        });
        rows
    }
}

/// `BR` of `pt-BR`.
fn region(language: &Language) -> Option<&str> {
    language.as_str().split('-').skip(1).find(|part| part.len() == 2)
}

/// The languages to ask in when there is no text in `language`: the language of any region, then English. Nothing falls back for English.
pub(super) fn fallbacks(language: Option<&Language>) -> Vec<Language> {
    let Some(language) = language.filter(|language| language.primary() != "en") else { return Vec::new() };
    let base = region(language).and_then(|_| Language::parse(language.primary()));
    base.into_iter().chain(Language::parse("en-US")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn localized(rows: &[(&str, &str, &str, &str)]) -> Localized {
        let rows: Vec<_> = rows
            .iter()
            .map(|(language, country, title, overview)| {
                serde_json::json!({"iso_639_1": language, "iso_3166_1": country, "data": {"title": title, "overview": overview}})
            })
            .collect();
        serde_json::from_value(serde_json::json!({ "translations": rows })).unwrap()
    }

    fn told(localized: &Localized, language: &str, original: &str) -> (Option<String>, Option<String>) {
        let (language, original) = (Language::parse(language), Language::parse(original));
        localized.best(language.as_ref(), original.as_ref(), Some("Original".to_owned()), None)
    }

    /// Goal: the region asked for, then any other of the language, then English, then the original; name and overview each for itself.
    #[test]
    fn texts_fall_back_step_by_step() {
        let texts = |name: &str, overview: &str| (Some(name.to_owned()), Some(overview.to_owned()));
        let all = [
            ("pt", "PT", "Barcos", "de Portugal"),
            ("pt", "BR", "Barquinhos", ""),
            ("en", "US", "Boats", "in English"),
            ("ja", "JP", "", "in Japanese"),
        ];
        let whole = localized(&all);
        assert_eq!(told(&whole, "pt-BR", "ja"), texts("Barquinhos", "de Portugal"));
        assert_eq!(told(&whole, "pt-PT", "ja"), texts("Barcos", "de Portugal"));
        assert_eq!(told(&whole, "pt", "ja"), texts("Barcos", "de Portugal"), "the region it is named after");
        assert_eq!(told(&whole, "pt-AO", "ja"), texts("Barcos", "de Portugal"));
        assert_eq!(told(&whole, "de", "ja"), texts("Boats", "in English"));
        assert_eq!(told(&whole, "ja", "ja"), texts("Original", "in Japanese"));
        let without_english = localized(&[all[3]]);
        assert_eq!(told(&without_english, "de", "ja"), texts("Original", "in Japanese"));
        assert_eq!(told(&localized(&[]), "de", "ja"), (Some("Original".to_owned()), None));
    }

    /// Goal: what is asked again goes from near to far, and English is asked once.
    #[test]
    fn fallbacks_go_from_near_to_far() {
        let told = |language: &str| {
            fallbacks(Language::parse(language).as_ref()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(told("pt-BR"), ["pt", "en-US"]);
        assert_eq!(told("zh-Hant-TW"), ["zh", "en-US"]);
        assert_eq!(told("de"), ["en-US"]);
        assert!(told("en-GB").is_empty() && fallbacks(None).is_empty());
    }
}
