use serde::{Deserialize, Serialize};

use super::Language;

/// What a picture shows of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// Upright, with the name on it.
    Poster,
    /// Wide, a scene.
    Backdrop,
    /// The name as it is drawn, on nothing.
    Logo,
}

/// A picture of a title, in the sizes it can be had in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What it shows.
    pub kind: PictureKind,
    /// Language of the words on it; none for a picture without words.
    pub language: Option<Language>,
    /// From the narrowest to the original; never empty.
    pub sizes: Vec<PictureSize>,
}

/// One size of a [`Picture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureSize {
    /// Width in pixels, where it is known.
    pub width: Option<u32>,
    /// An https address of the catalogue's image host.
    pub url: String,
}
