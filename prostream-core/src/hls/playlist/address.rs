//! Addresses of the files below the multivariant playlist.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::super::{Presentation, Rendition};
use crate::model::TrackKind;
use crate::{Error, ErrorKind};

/// A file below the multivariant playlist, as its relative address names it.
///
/// ```
/// use prostream_core::hls::playlist::{FileKind, RenditionFile};
/// let file: RenditionFile = "p3c1/video-1/12.m4s".parse().unwrap();
/// assert_eq!((file.variant_id.as_str(), file.rendition.as_str()), ("p3c1", "video-1"));
/// assert_eq!(file.kind, FileKind::Segment(12));
/// assert_eq!(file.to_string(), "p3c1/video-1/12.m4s");
/// assert!("p3c1/../12.m4s".parse::<RenditionFile>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionFile {
    /// [`Presentation::variant_id`].
    pub variant_id: String,
    /// [`RenditionInfo::name`](crate::hls::RenditionInfo::name).
    pub rendition: String,
    /// Which of its files.
    pub kind: FileKind,
}

/// The files of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `index.m3u8`.
    Playlist,
    /// `keyframes.m3u8`: the list of its keyframes.
    KeyframePlaylist,
    /// `init.mp4`; after the first change of sample description `init-1.mp4`, and so on.
    Init(u32),
    /// `12.m4s`: a segment of video or audio, counted from 0.
    Segment(u32),
    /// `k-12.m4s`: a keyframe by itself, counted from 0.
    Keyframe(u32),
    /// `12.vtt`: a segment of text, counted from 0.
    TextSegment(u32),
    /// `script.ass`: the whole of a text track as the script it was.
    Script,
}

impl RenditionFile {
    /// The rendition it belongs to.
    ///
    /// # Errors
    /// `NotFound` for another variant, an unknown rendition, or a file that a rendition of this kind does not have.
    pub fn find<'a>(&self, presentation: &'a dyn Presentation) -> Result<&'a Arc<dyn Rendition>, Error> {
        let found = presentation.renditions().iter().find(|rendition| rendition.info().name == self.rendition);
        found
            .filter(|_| self.variant_id == presentation.variant_id())
            .filter(|rendition| {
                let info = rendition.info();
                let is_text = info.track.kind == TrackKind::Subtitle;
                match self.kind {
                    FileKind::Playlist => true,
                    FileKind::Init(number) => !is_text && number < info.init_count(),
                    FileKind::Segment(_) => !is_text,
                    FileKind::KeyframePlaylist | FileKind::Keyframe(_) => info.keyframes.is_some(),
                    FileKind::TextSegment(_) | FileKind::Script => is_text,
                }
            })
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "find rendition"))
    }
}

impl FromStr for FileKind {
    type Err = Error;

    /// Reads the last part of an address.
    fn from_str(name: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::NotFound, "read rendition address");
        // One address for one file: no sign, no leading zeros.
        let number = |text: &str| text.parse().ok().filter(|number: &u32| number.to_string() == text);
        let (stem, ending) = name.split_once('.').ok_or_else(wrong)?;
        let kind = match (stem, ending) {
            ("index", "m3u8") => Some(Self::Playlist),
            ("keyframes", "m3u8") => Some(Self::KeyframePlaylist),
            ("script", "ass") => Some(Self::Script),
            ("init", "mp4") => Some(Self::Init(0)),
            (_, "mp4") => stem.strip_prefix("init-").and_then(number).filter(|number| *number > 0).map(Self::Init),
            (_, "m4s") => match stem.strip_prefix("k-") {
                Some(stem) => number(stem).map(Self::Keyframe),
                None => number(stem).map(Self::Segment),
            },
            (_, "vtt") => number(stem).map(Self::TextSegment),
            _ => None,
        };
        kind.ok_or_else(wrong)
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Playlist => f.write_str("index.m3u8"),
            Self::KeyframePlaylist => f.write_str("keyframes.m3u8"),
            Self::Init(0) => f.write_str("init.mp4"),
            Self::Init(number) => write!(f, "init-{number}.mp4"),
            Self::Segment(index) => write!(f, "{index}.m4s"),
            Self::Keyframe(index) => write!(f, "k-{index}.m4s"),
            Self::TextSegment(index) => write!(f, "{index}.vtt"),
            Self::Script => f.write_str("script.ass"),
        }
    }
}

impl FromStr for RenditionFile {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::NotFound, "read rendition address");
        let is_name = |name: &str| {
            (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let mut parts = path.split('/');
        let (Some(variant_id), Some(rendition), Some(file), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        if !is_name(variant_id) || !is_name(rendition) {
            return Err(wrong());
        }
        Ok(Self { variant_id: variant_id.to_owned(), rendition: rendition.to_owned(), kind: file.parse()? })
    }
}

impl fmt::Display for RenditionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.variant_id, self.rendition, self.kind)
    }
}
