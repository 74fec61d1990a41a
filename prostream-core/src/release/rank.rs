use serde::{Deserialize, Serialize};

use super::{ReleaseName, Wanted};
use crate::model::{DeviceProfile, Language, Release};

/// What a person prefers. All defaults are sane for a living-room screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Languages of the sound, best first; empty: the original.
    pub languages: Vec<Language>,
    /// Tallest resolution wanted, in lines: 2160, 1080, 720. Default: none.
    pub max_resolution: Option<u32>,
    /// Largest file in bytes. Default: none.
    pub max_size_bytes: Option<u64>,
    /// Releases whose name holds one of these words are dropped.
    pub excluded_words: Vec<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { languages: Vec::new(), max_resolution: None, max_size_bytes: None, excluded_words: Vec::new() }
    }
}

/// One reason of a rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// Short text for people: `1080p`, `already cached`, `chromium does not decode hevc`.
    pub text: String,
    /// What it added to the score; may be negative.
    pub points: i32,
}

/// A release that passed the rules and has a rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The release; equal info hashes from several indexers are merged into the best-described one.
    pub release: Release,
    /// What its name says.
    pub parsed: ReleaseName,
    /// Sum of the reasons.
    pub score: i32,
    /// Why it stands where it does, largest effect first.
    pub reasons: Vec<Reason>,
    /// Known to be ready at some service: `Some(true)`; known not to be: `Some(false)`.
    pub known_ready: Option<bool>,
}

/// A release that was dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// The release.
    pub release: Release,
    /// Why, for people.
    pub reason: String,
}

/// All releases, judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Best first; equal scores keep a stable order (seeders, size, name).
    pub candidates: Vec<Candidate>,
    /// Dropped ones.
    pub rejected: Vec<Rejected>,
}

/// Judges and orders releases. `known_ready` tells what is known of an info hash at the viewer's services.
#[must_use]
pub fn rank(
    releases: Vec<Release>,
    wanted: &Wanted,
    preferences: &Preferences,
    device: &DeviceProfile,
    known_ready: &dyn Fn(&Release) -> Option<bool>,
) -> Ranking {
    let _ = (releases, wanted, preferences, device, known_ready);
    Ranking::default()
}
