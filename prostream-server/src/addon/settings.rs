//! What an addon link is set to. It is kept on the server under the link's token: the address says nothing but the token.

use prostream_core::model::{DeviceProfile, Language};
use prostream_core::resolve::Viewer;
use prostream_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reply::Problem;

/// Most languages of the sound.
const MAX_LANGUAGES: usize = 8;

/// Lines of a picture that can be asked for.
const RESOLUTIONS: std::ops::RangeInclusive<u32> = 240..=4320;

/// The players that take addons are built on ffmpeg, and are given the times that it understands.
const USUAL_DEVICE: &str = "vlc";

/// A catalogue that the addon offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CatalogKind {
    /// Films, by search.
    Movie,
    /// Series, by search.
    Series,
}

/// Settings of an addon link. What is left out keeps its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AddonSettings {
    /// Language of names and texts (BCP 47). Default: the catalogue's own.
    #[schema(example = "pt-BR")]
    language: Option<String>,
    /// Catalogues that are offered for search. Default: both.
    pub(crate) catalogs: Vec<CatalogKind>,
    /// Languages of the sound, best first; at most 8. Default: those of the server.
    sound_languages: Vec<String>,
    /// Tallest picture wanted, in lines, from 240 to 4320. Default: that of the server.
    #[schema(example = 1080)]
    max_resolution: Option<u32>,
    /// Largest file wanted, in bytes. Default: that of the server.
    max_size_bytes: Option<u64>,
    /// Name of the device profile that plays: any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay. Default: vlc.
    device: Option<String>,
}

impl Default for AddonSettings {
    fn default() -> Self {
        Self {
            language: None,
            catalogs: vec![CatalogKind::Movie, CatalogKind::Series],
            sound_languages: Vec::new(),
            max_resolution: None,
            max_size_bytes: None,
            device: None,
        }
    }
}

impl AddonSettings {
    /// Reads what was kept.
    ///
    /// # Errors
    /// `Storage`: it was checked before it was kept.
    pub(crate) fn of_kept(text: &str) -> Result<Self, Problem> {
        let unreadable = |error| Problem::from(Error::new(ErrorKind::Storage, "read addon settings").because(error));
        serde_json::from_str(text).map_err(unreadable)
    }

    /// What is kept.
    pub(crate) fn to_kept(&self) -> Result<String, Problem> {
        let unwritten = |error| Problem::from(Error::new(ErrorKind::Internal, "write addon settings").because(error));
        serde_json::to_string(self).map_err(unwritten)
    }

    /// Can these be used?
    ///
    /// # Errors
    /// `InvalidInput`, naming what is wrong.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let is_language = |text: &String| Language::parse(text).is_some();
        if !self.language.iter().chain(&self.sound_languages).all(is_language) {
            return Err(Problem::invalid("language and sound_languages are BCP 47 tags, such as en or pt-BR"));
        }
        if self.sound_languages.len() > MAX_LANGUAGES || self.catalogs.len() > 2 {
            return Err(Problem::invalid(format!("at most {MAX_LANGUAGES} sound_languages and 2 catalogs")));
        }
        if self.max_resolution.is_some_and(|lines| !RESOLUTIONS.contains(&lines)) {
            let (least, most) = (RESOLUTIONS.start(), RESOLUTIONS.end());
            return Err(Problem::invalid(format!("max_resolution is from {least} to {most}")));
        }
        if self.max_size_bytes == Some(0) {
            return Err(Problem::invalid("max_size_bytes is more than 0"));
        }
        if DeviceProfile::named(self.device()).is_none() {
            return Err(Problem::invalid("device is not the name of a profile"));
        }
        Ok(())
    }

    /// Name of the device profile.
    pub(crate) fn device(&self) -> &str {
        self.device.as_deref().unwrap_or(USUAL_DEVICE)
    }

    /// Makes a viewer one who watches through this link.
    pub(crate) fn apply(&self, mut viewer: Viewer) -> Viewer {
        if let Some(device) = DeviceProfile::named(self.device()) {
            viewer.device = device;
        }
        viewer.language = self.language.as_deref().and_then(Language::parse);
        let preferences = &mut viewer.preferences;
        if !self.sound_languages.is_empty() {
            preferences.languages = self.sound_languages.iter().filter_map(|text| Language::parse(text)).collect();
        }
        preferences.max_resolution = self.max_resolution.or(preferences.max_resolution);
        preferences.max_size_bytes = self.max_size_bytes.or(preferences.max_size_bytes);
        viewer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prostream_core::resolve::ProviderSet;

    use super::*;

    fn read(text: &str) -> Result<AddonSettings, String> {
        let settings: AddonSettings = serde_json::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map_err(|problem| problem.body("id").detail.unwrap_or_default())?;
        Ok(settings)
    }

    /// Goal: what is kept is what was set, and it decides what its viewer gets.
    #[test]
    fn settings_are_kept_and_applied() {
        let settings = read(
            r#"{"language": "pt-br", "sound_languages": ["fre", "en"], "max_resolution": 720, "device": "apple_tv"}"#,
        )
        .unwrap();
        assert_eq!(AddonSettings::of_kept(&settings.to_kept().unwrap()).unwrap(), settings);
        let mut usual = Viewer::new("mia", Arc::new(ProviderSet::default()));
        usual.preferences.max_size_bytes = Some(7);
        let viewer = settings.apply(usual.clone());
        assert_eq!(viewer.language.map(|language| language.to_string()).as_deref(), Some("pt-BR"));
        assert_eq!(viewer.preferences.languages.len(), 2);
        assert_eq!(viewer.preferences.max_resolution, Some(720));
        assert_eq!(viewer.preferences.max_size_bytes, Some(7), "what is left out stays as the server has it");
        assert_eq!(viewer.device.name, "apple_tv");
        assert_eq!(AddonSettings::default().apply(usual).device.name, "vlc");
    }

    /// Goal: what makes no sense is refused, and unknown names are not passed over.
    #[test]
    fn senseless_settings_are_refused() {
        for wrong in [
            r#"{"language": "!"}"#,
            r#"{"sound_languages": ["und"]}"#,
            r#"{"sound_languages": ["en","en","en","en","en","en","en","en","en"]}"#,
            r#"{"catalogs": ["movie", "movie", "movie"]}"#,
            r#"{"catalogs": ["anime"]}"#,
            r#"{"max_resolution": 1}"#,
            r#"{"max_size_bytes": 0}"#,
            r#"{"device": "toaster"}"#,
            r#"{"debrid_key": "x"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read("{}").is_ok_and(|settings| settings == AddonSettings::default()));
    }
}
