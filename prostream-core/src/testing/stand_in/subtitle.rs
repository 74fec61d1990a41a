//! Subtitles that the stand-ins of subtitle providers have, in our words.

use bytes::Bytes;

/// A subtitle.
///
/// ```
/// use prostream_core::testing::stand_in::StandInSubtitle;
/// let subtitle = StandInSubtitle { number: 7, language: "en".to_owned(), ..Default::default() };
/// assert!(subtitle.episode.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandInSubtitle {
    /// Number of its file.
    pub number: u64,
    /// `tt…` of its film or series.
    pub imdb_id: Option<String>,
    /// TMDB number of its film or series.
    pub tmdb_id: Option<u64>,
    /// Name of its film or series.
    pub title: String,
    /// Year of the title.
    pub year: u16,
    /// Season and episode, for a series.
    pub episode: Option<(u32, u32)>,
    /// Language, as services write it: `en`, `pt-BR`; empty for one that is not known.
    pub language: String,
    /// Release that it was made for.
    pub release: String,
    /// Hash of the file that it was made for, 16 hex digits.
    pub file_hash: Option<String>,
    /// How often it was fetched.
    pub download_count: u64,
    /// Tells sounds too.
    pub is_hearing_impaired: bool,
    /// Tells only what is not spoken in the language of the film.
    pub is_foreign_parts_only: bool,
    /// A machine wrote it.
    pub is_machine_translated: bool,
    /// Its uploader is trusted.
    pub is_trusted: bool,
    /// Pictures a second; 0 for unknown.
    pub frames_per_s: f64,
    /// The file itself.
    pub bytes: Bytes,
}
