use super::ReleaseName;
use crate::model::{EpisodeNumber, TitleKind};

/// What a release should hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Film or series.
    pub kind: TitleKind,
    /// Every name of the title; never empty.
    pub names: Vec<String>,
    /// Year of a film, or of the first season.
    pub year: Option<u16>,
    /// The episode.
    pub episode: Option<EpisodeNumber>,
    /// Its number counted through all seasons, where the metadata tells.
    pub absolute_episode: Option<u32>,
    /// Its first airing, `YYYY-MM-DD`, for daily shows.
    pub air_date: Option<String>,
    /// Length of the film or episode in minutes.
    pub runtime_min: Option<u32>,
}

/// Whether a release holds what is wanted, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// It does.
    pub is_match: bool,
    /// Short sentences for people: `title matches`, `season 2 is wanted, the name says 3`.
    pub reasons: Vec<String>,
}

/// Judges a release by its name.
#[must_use]
pub fn matches(name: &ReleaseName, wanted: &Wanted) -> Verdict {
    let _ = (name, wanted);
    Verdict { is_match: false, reasons: Vec::new() }
}
