//! Subtitle providers: find subtitles of a title or of a film file, and fetch them as the files they are.

#[cfg(feature = "http")]
pub mod opensubtitles;

use std::fmt;
#[cfg(feature = "http")]
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::model::{EpisodeNumber, FileHash, Language, ProviderId, TitleKind};
use crate::net::Call;
#[cfg(feature = "http")]
use crate::net::HttpClient;
use crate::provider::CheckUp;

/// Most subtitles in the answer to a search.
pub const MAX_SUBTITLES: usize = 120;

/// Most languages that are asked for at once; those of a viewer are few.
pub const MAX_LANGUAGES: usize = 20;

/// Largest subtitle file that is fetched, in bytes: the text of a long film takes 200 KB, typeset scripts a few times that.
pub const MAX_SUBTITLE_BYTES: u64 = 2 << 20;

/// What errors name as their operation when a user and password were not taken, as opposed to a key.
pub(crate) const SIGN_IN_OPERATION: &str = "sign in";

/// One configured provider, of whichever vendor: `vendor = "opensubtitles"` and that vendor's settings beside it.
#[cfg(feature = "http")]
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "vendor", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubtitlesConfig {
    /// OpenSubtitles, with a key and, for fetching, a user.
    #[serde(rename = "opensubtitles")]
    OpenSubtitles(opensubtitles::OpenSubtitlesConfig),
}

#[cfg(feature = "http")]
impl SubtitlesConfig {
    /// The provider with these settings, asking through `http`.
    ///
    /// # Errors
    /// `InvalidInput` for settings that cannot work: an empty key, a user without a password, an address that is none of http or https.
    pub fn build(self, http: &HttpClient) -> Result<Arc<dyn SubtitleProvider>> {
        Ok(match self {
            SubtitlesConfig::OpenSubtitles(config) => {
                Arc::new(opensubtitles::OpenSubtitles::new(config, http.clone())?)
            }
        })
    }
}

/// A question for subtitles. What is known of title and file is told; a vendor uses what it can.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SubtitleSearch {
    /// Film or series.
    pub kind: Option<TitleKind>,
    /// Name of the title, for a vendor that finds it by no id.
    pub name: Option<String>,
    /// Year it came out, or began.
    pub year: Option<u16>,
    /// `tt…`; of an episode, that of its series.
    pub imdb_id: Option<String>,
    /// TMDB number; of an episode, that of its series.
    pub tmdb_id: Option<u64>,
    /// The episode, for a series.
    pub episode: Option<EpisodeNumber>,
    /// The file that is played.
    pub file_hash: Option<FileHash>,
    /// Only these languages, at most [`MAX_LANGUAGES`]; empty: all. One without a region stands for all its regions.
    pub languages: Vec<Language>,
}

impl SubtitleSearch {
    /// A question about a title by its name, in all languages.
    #[must_use]
    pub fn of_name(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// A question about a file, whatever it holds, in all languages.
    #[must_use]
    pub fn of_file(file_hash: FileHash) -> Self {
        Self { file_hash: Some(file_hash), ..Self::default() }
    }
}

/// Names a subtitle at the provider that found it; opaque, at most 64 letters, digits, `-` and `_`.
///
/// ```
/// use prostream_core::provider::subtitles::SubtitleId;
/// assert_eq!(SubtitleId::new("7157051").unwrap().as_str(), "7157051");
/// assert!(SubtitleId::new("../7157051").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubtitleId(String);

impl SubtitleId {
    /// The id that is written so; `None` for what is none.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (!text.is_empty() && text.len() <= 64 && text.bytes().all(is_plain)).then_some(Self(text))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SubtitleId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::new(text).ok_or("a subtitle id is at most 64 letters, digits, '-' and '_'")
    }
}

impl From<SubtitleId> for String {
    fn from(id: SubtitleId) -> String {
        id.0
    }
}

/// A subtitle that a provider has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subtitle {
    /// Who has it.
    pub provider: ProviderId,
    /// What [`SubtitleProvider::fetch`] wants to hear.
    pub id: SubtitleId,
    /// Language, where the provider says which.
    pub language: Option<Language>,
    /// Name of the release that it was made for, as its uploader wrote it.
    pub release_name: Option<String>,
    /// It was made for the very file that was asked about.
    pub is_hash_match: bool,
    /// It tells sounds too, for those who do not hear them.
    pub is_hearing_impaired: bool,
    /// Only what is not spoken in the language of the film: signs, and tongues nobody is meant to know.
    pub is_foreign_parts_only: bool,
    /// A machine wrote it.
    pub is_machine_translated: bool,
    /// Its uploader is known for good work.
    pub is_trusted: bool,
    /// How often it was fetched by others.
    pub download_count: u64,
    /// Pictures a second of the film that it was made for; formats that count pictures need it.
    pub frames_per_s: Option<f64>,
}

/// A subtitle as it was fetched: what its bytes mean is not yet known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtitleFile {
    /// Name of the file, where the provider says it.
    pub name: Option<String>,
    /// Its bytes, at most [`MAX_SUBTITLE_BYTES`].
    pub bytes: Bytes,
}

/// Finds subtitles and fetches them.
#[async_trait]
pub trait SubtitleProvider: Send + Sync + fmt::Debug + 'static {
    /// Vendor and instance, for configuration, logs and metrics: `opensubtitles`.
    fn id(&self) -> &ProviderId;

    /// Subtitles of the title or file asked for, in no particular order, each a single whole file; empty when there are none, and for a
    /// question that tells nothing the vendor could look for. At most [`MAX_SUBTITLES`].
    ///
    /// # Errors
    /// `Unauthorized` for a bad key; `RateLimited`, `Unavailable` or `TimedOut` when worth another try; `Malformed` for a reply that breaks
    /// its format.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn search(&self, call: &Call, request: &SubtitleSearch) -> Result<Vec<Subtitle>>;

    /// One subtitle. It may count against a quota of the account, so keep what was fetched.
    ///
    /// # Errors
    /// `NotFound` when the vendor does not have it (any more); `AccountLimit`, with the wait where it is known, for a quota that is used up;
    /// `LimitExceeded` for a file over [`MAX_SUBTITLE_BYTES`]; otherwise as [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point; it may have been counted.
    async fn fetch(&self, call: &Call, id: &SubtitleId) -> Result<SubtitleFile>;

    /// Is it there, does it take our key, and will it let us fetch?
    ///
    /// # Errors
    /// As [`Self::search`].
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn check_up(&self, call: &Call) -> Result<CheckUp>;
}
