use std::fmt;

use serde::{Deserialize, Serialize};

/// A language as BCP 47 writes it, such as `en`, `pt-BR` or `zh-Hant`; never `und`.
///
/// Three-letter codes of ISO 639-2, as Matroska and MP4 keep them, become the two-letter code where there is one.
///
/// ```
/// use prostream_core::model::Language;
/// assert_eq!(Language::parse("fre").unwrap().as_str(), "fr");
/// assert_eq!(Language::parse("PT-br").unwrap().as_str(), "pt-BR");
/// assert!(Language::parse("und").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// ISO 639-2 (both forms), ISO 639-1 and the English name, for the languages that films carry.
const KNOWN: &[(&str, &str, &str)] = &[
    ("ara", "ar", "Arabic"),
    ("bel", "be", "Belarusian"),
    ("ben", "bn", "Bengali"),
    ("bos", "bs", "Bosnian"),
    ("bul", "bg", "Bulgarian"),
    ("cat", "ca", "Catalan"),
    ("ces", "cs", "Czech"),
    ("cze", "cs", "Czech"),
    ("cym", "cy", "Welsh"),
    ("wel", "cy", "Welsh"),
    ("dan", "da", "Danish"),
    ("deu", "de", "German"),
    ("ger", "de", "German"),
    ("ell", "el", "Greek"),
    ("gre", "el", "Greek"),
    ("eng", "en", "English"),
    ("est", "et", "Estonian"),
    ("eus", "eu", "Basque"),
    ("baq", "eu", "Basque"),
    ("fas", "fa", "Persian"),
    ("per", "fa", "Persian"),
    ("fin", "fi", "Finnish"),
    ("fra", "fr", "French"),
    ("fre", "fr", "French"),
    ("gle", "ga", "Irish"),
    ("glg", "gl", "Galician"),
    ("heb", "he", "Hebrew"),
    ("hin", "hi", "Hindi"),
    ("hrv", "hr", "Croatian"),
    ("hun", "hu", "Hungarian"),
    ("hye", "hy", "Armenian"),
    ("arm", "hy", "Armenian"),
    ("ind", "id", "Indonesian"),
    ("isl", "is", "Icelandic"),
    ("ice", "is", "Icelandic"),
    ("ita", "it", "Italian"),
    ("jpn", "ja", "Japanese"),
    ("kat", "ka", "Georgian"),
    ("geo", "ka", "Georgian"),
    ("kan", "kn", "Kannada"),
    ("kaz", "kk", "Kazakh"),
    ("kor", "ko", "Korean"),
    ("lat", "la", "Latin"),
    ("lav", "lv", "Latvian"),
    ("lit", "lt", "Lithuanian"),
    ("mal", "ml", "Malayalam"),
    ("mar", "mr", "Marathi"),
    ("mkd", "mk", "Macedonian"),
    ("mac", "mk", "Macedonian"),
    ("msa", "ms", "Malay"),
    ("may", "ms", "Malay"),
    ("nld", "nl", "Dutch"),
    ("dut", "nl", "Dutch"),
    ("nob", "nb", "Norwegian Bokmål"),
    ("nor", "no", "Norwegian"),
    ("pan", "pa", "Punjabi"),
    ("pol", "pl", "Polish"),
    ("por", "pt", "Portuguese"),
    ("ron", "ro", "Romanian"),
    ("rum", "ro", "Romanian"),
    ("rus", "ru", "Russian"),
    ("slk", "sk", "Slovak"),
    ("slo", "sk", "Slovak"),
    ("slv", "sl", "Slovenian"),
    ("spa", "es", "Spanish"),
    ("sqi", "sq", "Albanian"),
    ("alb", "sq", "Albanian"),
    ("srp", "sr", "Serbian"),
    ("swe", "sv", "Swedish"),
    ("tam", "ta", "Tamil"),
    ("tel", "te", "Telugu"),
    ("tha", "th", "Thai"),
    ("tur", "tr", "Turkish"),
    ("ukr", "uk", "Ukrainian"),
    ("urd", "ur", "Urdu"),
    ("vie", "vi", "Vietnamese"),
    ("zho", "zh", "Chinese"),
    ("chi", "zh", "Chinese"),
];

impl Language {
    /// Reads a BCP 47 tag or an ISO 639-2 code; `None` for `und`, `mul`, `zxx`, the empty string and what is no tag at all.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut out = String::with_capacity(text.len());
        for (index, part) in text.trim().split(['-', '_']).enumerate() {
            if part.is_empty() || part.len() > 8 || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            if index == 0 {
                let primary = part.to_ascii_lowercase();
                let known = KNOWN.iter().find(|row| row.0 == primary).map(|row| row.1);
                if !(2..=3).contains(&primary.len())
                    || !primary.bytes().all(|byte| byte.is_ascii_alphabetic())
                    || matches!(primary.as_str(), "und" | "mul" | "zxx" | "mis")
                {
                    return None;
                }
                out.push_str(known.unwrap_or(&primary));
            } else {
                out.push('-');
                match part.len() {
                    2 => out.push_str(&part.to_ascii_uppercase()),
                    4 => {
                        out.push_str(&part[..1].to_ascii_uppercase());
                        out.push_str(&part[1..].to_ascii_lowercase());
                    }
                    _ => out.push_str(&part.to_ascii_lowercase()),
                }
            }
        }
        (out.len() <= 35).then_some(Self(out))
    }

    /// The tag, such as `pt-BR`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language without script or region: `pt` of `pt-BR`.
    #[must_use]
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// The English name of the language, or its tag where we know none.
    #[must_use]
    pub fn name(&self) -> &str {
        KNOWN.iter().find(|row| row.1 == self.primary()).map_or(&self.0, |row| row.2)
    }

    /// The three-letter code of ISO 639-2, without script or region: `por` of `pt-BR`; the primary part of the tag where we know none.
    ///
    /// ```
    /// use prostream_core::model::Language;
    /// assert_eq!(Language::parse("de-AT").unwrap().iso_639_2(), "deu");
    /// ```
    #[must_use]
    pub fn iso_639_2(&self) -> &str {
        // Of the two forms that some have, the one for terminology stands first.
        KNOWN.iter().find(|row| row.1 == self.primary()).map_or(self.primary(), |row| row.0)
    }

    /// Finds a language by its English name, in any case: `English`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        KNOWN.iter().find(|row| row.2.eq_ignore_ascii_case(name.trim())).map(|row| Self(row.1.to_owned()))
    }
}

impl TryFrom<String> for Language {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not a BCP 47 language tag"))
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
