use std::ops::Range;

use serde::Serialize;

use super::reading;

/// What a release name says. Fields that the name does not state are `None`, empty or `false`.
///
/// Vocabulary of the texts: `resolution` `1080p`; `source` `WEB-DL`; `video_codec` `h264`, `hevc`, `av1`; `audio` `aac`, `ac3`, `eac3`, `truehd`,
/// `atmos`; `hdr` `DV`, `HDR10`, `HDR10+`, `HLG`; languages ISO 639-1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct ReleaseName {
    /// Title with spaces.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Date of a daily show, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Every season, ranges spelled out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<u32>,
    /// Every episode as the name numbers it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<u32>,
    /// Absolute numbers beside season and episode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absolute_episodes: Vec<u32>,
    /// Disc or book volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<u32>,
    /// Complete series, collection, batch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// `2160p`, `1080p`, `720p`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// `BluRay`, `WEB-DL`, `HDTV`, `CAM`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// An untouched copy of a disc's streams.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub remux: bool,
    /// `h264`, `hevc`, `av1`, `xvid`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// 8, 10 or 12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u8>,
    /// `DV`, `HDR10+`, `HDR10`, `HDR`, `HLG`, `SDR`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hdr: Vec<String>,
    /// Stereoscopic.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub threed: bool,
    /// `aac`, `ac3`, `eac3`, `dts`, `dts-hd`, `truehd`, `atmos`, `flac`, `opus`, `mp3`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audio: Vec<String>,
    /// `7.1`, `5.1`, `2.0`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Every language named, of sound or subtitles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The ones named as subtitles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subtitle_languages: Vec<String>,
    /// MULTi or dual audio.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub multi_audio: bool,
    /// Several subtitles.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub multi_subs: bool,
    /// Dubbed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dubbed: bool,
    /// Has subtitles.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub subbed: bool,
    /// Subtitles burnt in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hardcoded: bool,
    /// Release group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `extended`, `remastered`, `directors_cut`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edition: Vec<String>,
    /// PROPER.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub proper: bool,
    /// REPACK.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repack: bool,
    /// Proper, repack, rerip, real, or an anime `v2`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub revised: bool,
    /// `mkv`, `mp4`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// File extension as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Tracker site that put its name in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Streaming service: `Amazon`, `Netflix`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Checksum in the name of an anime release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode_code: Option<String>,
    /// Title of the episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode_title: Option<String>,
    /// Size as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Disc region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The disc's own edition for sale.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retail: bool,
    /// Converted from another frame rate or format by the group.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub convert: bool,
    /// Further titles beside the first: translations and alternatives given in the name.
    #[serde(skip)]
    pub other_titles: Vec<String>,
    /// The name as it was given.
    #[serde(skip)]
    pub text: String,
    /// Which bytes of the name each field was read from, in order of the name, not overlapping.
    #[serde(skip)]
    pub spans: Vec<(&'static str, Range<usize>)>,
}

impl ReleaseName {
    /// Longest name that is read, in bytes; the rest is ignored.
    pub const MAX_BYTES: usize = 4096;
    /// Most words of a name that are read, each folder of a path by itself; the rest is ignored. Names of real releases have some fifty at most.
    pub const MAX_WORDS: usize = 256;

    /// Does it hold more than one episode?
    #[must_use]
    pub fn is_pack(&self) -> bool {
        self.complete || self.episodes.len() > 1 || (!self.seasons.is_empty() && self.episodes.is_empty())
    }

    /// Reads a release name, or the path of a file. Never fails: what cannot be told is left out. Linear in the length; names over
    /// [`Self::MAX_BYTES`] or [`Self::MAX_WORDS`] are cut there.
    ///
    /// ```
    /// use prostream_core::release::ReleaseName;
    /// let name = ReleaseName::parse("Show.S02E05.Title.1080p.AMZN.WEB-DL.DDP5.1.H.264-GRP");
    /// assert_eq!((name.title.as_str(), name.seasons.as_slice(), name.episodes.as_slice()), ("Show", &[2][..], &[5][..]));
    /// assert_eq!(name.group.as_deref(), Some("GRP"));
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let mut end = name.len().min(Self::MAX_BYTES);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let name = name.get(..end).unwrap_or_default();
        Self { text: name.to_owned(), ..reading::read(name) }
    }
}
