//! HLS: the plan of segments, the playlists, fragmented MP4 and WebVTT, and the packager that joins them to a source.
//!
//! * Pure: `plan` (where a film is cut, by its index alone), `timing` (how decode times are told), `rates` (bandwidths), `playlist`, `fmp4` (init
//!   segments and heads of fragments), `webvtt`, `subtitle_file` (subtitles from outside), `clock` (exact conversion of times),
//!   `extras` (chapters, fonts).
//! * `remux`: an index and a device into a presentation. `copied`: segments whose payload comes from the source as it is. `keyframes`: pictures
//!   by themselves. `spans`: the bytes between samples, read once for all tracks; `passing`: of MP4, as its pictures are sent. `captions`: text as segments; `lines`: how it is come by; `ass`:
//!   styled scripts.
//! * `findings`: what the pictures show of the cuts as they pass.
//!
//! A segment is a pure function of file, track and number: from disk or from a link, in whatever order, on whatever node, it is the same bytes.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod ass;
mod captions;
mod clock;
mod copied;
pub mod extras;
mod findings;
pub mod fmp4;
mod keyframes;
mod lines;
mod passing;
pub mod plan;
pub mod playlist;
mod rates;
mod remux;
mod spans;
pub mod subtitle_file;
mod timing;
pub mod webvtt;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::model::{DeviceProfile, TrackInfo};
use crate::source::{ByteSource, ByteStream};
use crate::{Error, ErrorKind, Result};

pub use findings::CutFindings;
pub use keyframes::KeyframeInfo;
pub use plan::{CUT_RULE, Change, Cuts};
pub use remux::{NativePackager, PackagerConfig};

/// Version of the bytes that the packager makes; part of every URL. Raised whenever the same input would give other bytes.
pub const PACKAGER_VERSION: u32 = 3;

/// Makes presentations of files.
#[async_trait]
pub trait HlsProvider: Send + Sync + fmt::Debug + 'static {
    /// Opens a file for a device: reads its index, plans the cuts, chooses the renditions.
    ///
    /// # Errors
    /// `Unsupported` for a container or codecs that cannot be packaged, `Malformed` for a broken file, and what the source answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn open(&self, source: Arc<dyn ByteSource>, device: &DeviceProfile) -> Result<Arc<dyn Presentation>>;
}

/// What a player sees of a file: plain data and renditions. Playlists are pure functions of it ([`playlist`]).
#[async_trait]
pub trait Presentation: Send + Sync + fmt::Debug + 'static {
    /// The plan all renditions share.
    fn cuts(&self) -> &Cuts;

    /// All renditions: the video first where there is one, then audio, then subtitles, in order of the file.
    fn renditions(&self) -> &[Arc<dyn Rendition>];

    /// Every track of the file, also those that no rendition carries, for people who ask why.
    fn tracks(&self) -> Vec<TrackInfo>;

    /// Part of every URL below it: packager version, cut rule and timing profile, such as `p3c1`, or `p3c1t2` for the fallback profile of
    /// PACKAGING 5.3. Same id and file: same bytes.
    fn variant_id(&self) -> &str;

    /// Every segment starts with a picture that needs nothing before it, for certain.
    fn has_independent_segments(&self) -> bool;

    /// The chapters of the file, in order.
    fn chapters(&self) -> Vec<extras::Chapter> {
        Vec::new()
    }

    /// The fonts that the file carries, as far as opening it showed them.
    fn fonts(&self) -> Vec<extras::Font> {
        Vec::new()
    }

    /// All fonts that the file carries: looks behind those that are known already, a small read for each, the first time it is asked for.
    ///
    /// # Errors
    /// What the source answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn all_fonts(&self) -> Result<Vec<extras::Font>> {
        Ok(self.fonts())
    }

    /// What the segments that were read until now have shown of the cuts, where the file itself did not say.
    fn cut_findings(&self) -> CutFindings {
        CutFindings::default()
    }
}

/// What a rendition is, as playlists need it.
#[derive(Clone, Debug, PartialEq)]
pub struct RenditionInfo {
    /// Name in the URL, unique in the presentation: `video-1`, `audio-2`, `text-3` (kind and track number).
    pub name: String,
    /// The track behind it.
    pub track: TrackInfo,
    /// Length of each segment in seconds, exact in the rendition's own timescale; one for each cut. 0 where the track has ended: such a
    /// segment is not listed.
    pub segment_durations_s: Vec<f64>,
    /// When the first segment begins, in seconds from where all playlists count ([`Cuts::start_ns`]): 0 for pictures, more for a track that
    /// begins later, a little less for sound that begins before the first picture.
    pub start_s: f64,
    /// Largest bits a second over any segment; never low, at most 10 % high.
    pub peak_bits_per_s: u64,
    /// Bits a second over the whole.
    pub average_bits_per_s: u64,
    /// `CODECS` strings of the sample descriptions after the first, one for each of [`Cuts::changes`] that is a change of this track: for each
    /// there is an init segment.
    pub later_codec_strings: Vec<String>,
    /// The keyframes that can be had by themselves; only video has them.
    pub keyframes: Option<KeyframeInfo>,
}

impl RenditionInfo {
    /// Every `CODECS` string of the rendition; the same one may come twice.
    pub fn codec_strings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.track.codec_string).chain(&self.later_codec_strings).map(String::as_str)
    }

    /// How many init segments there are; 1 for nearly every file.
    #[must_use]
    pub fn init_count(&self) -> u32 {
        u32::try_from(self.later_codec_strings.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The lengths of the segments that exist as a playlist tells them, in seconds: the first from where all playlists count, at least half of it.
    pub fn told_durations_s(&self) -> impl Iterator<Item = f64> {
        let late = std::iter::once(self.start_s).chain(std::iter::repeat(0.0));
        self.listed_durations_s().iter().zip(late).map(|(duration, late)| (duration + late).max(duration / 2.0))
    }

    /// The segments that exist: a track that ends before the others has no packets for the last cuts, whose durations are 0.
    #[must_use]
    pub fn listed_durations_s(&self) -> &[f64] {
        let count = self
            .segment_durations_s
            .iter()
            .rposition(|&duration| duration > 0.0)
            .map_or(0, |last| last.saturating_add(1));
        self.segment_durations_s.get(..count).unwrap_or_default()
    }
}

/// One stream of segments: one track, copied, converted or drawn from text.
#[async_trait]
pub trait Rendition: Send + Sync + fmt::Debug + 'static {
    /// What it is.
    fn info(&self) -> &RenditionInfo;

    /// The init segment; the same bytes for all segments, unless the sample description changes. Empty for text.
    ///
    /// # Errors
    /// What the source answers.
    async fn init(&self) -> Result<Bytes>;

    /// The init segment after so many changes of sample description; after none it is [`init`](Self::init).
    ///
    /// # Errors
    /// `NotFound` for [`RenditionInfo::init_count`] and above; what the source answers.
    async fn init_after(&self, change_count: u32) -> Result<Bytes> {
        if change_count == 0 { self.init().await } else { Err(Error::new(ErrorKind::NotFound, "read init segment")) }
    }

    /// Keyframe `index` by itself, counted from 0, as a segment: a pure function of file, track and index.
    ///
    /// # Errors
    /// As [`segment`](Self::segment); `NotFound` for a rendition without ([`RenditionInfo::keyframes`]).
    /// # Cancel safety
    /// Safe to drop at any point; the body too.
    async fn keyframe(&self, index: u32) -> Result<Segment> {
        let _ = index;
        Err(Error::new(ErrorKind::NotFound, "read keyframe"))
    }

    /// Segment `index`, counted from 0: a pure function of file, track and index.
    ///
    /// # Errors
    /// `NotFound` beyond the last segment; what the source answers; `Malformed` when the file is broken at this place.
    /// # Cancel safety
    /// Safe to drop at any point; the body too.
    async fn segment(&self, index: u32) -> Result<Segment>;

    /// The whole track as a script of its own format, for players that draw it as it was meant; its times are those of a player's
    /// clock, which counts from [`Cuts::start_ns`].
    ///
    /// # Errors
    /// `NotFound` for a track that is no [`TextFormat::Ass`](crate::model::TextFormat::Ass); what the source answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    async fn script(&self) -> Result<Segment> {
        Err(crate::Error::new(crate::ErrorKind::NotFound, "read script"))
    }
}

/// One media segment on its way.
pub struct Segment {
    /// Length of the body in bytes, known before its first byte is read.
    pub size_bytes: u64,
    /// Strong validator without quotes.
    pub etag: String,
    /// `video/mp4`, `audio/mp4`, `text/vtt` or `text/x-ssa`.
    pub content_type: &'static str,
    /// Not all that belongs into it was known yet: asked for again it may hold more, so nobody should keep it.
    pub is_provisional: bool,
    /// The bytes.
    pub body: ByteStream,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("size_bytes", &self.size_bytes)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

impl Segment {
    /// A segment that is already in memory.
    #[must_use]
    pub fn from_pieces(pieces: Vec<Bytes>, etag: String, content_type: &'static str) -> Self {
        let size_bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        let body = Box::pin(futures_util::stream::iter(pieces.into_iter().map(Ok)));
        Self { size_bytes, etag, content_type, is_provisional: false, body }
    }

    /// The whole body in one piece.
    ///
    /// # Errors
    /// What the source answers.
    pub async fn into_bytes(self) -> Result<Bytes> {
        use futures_util::TryStreamExt;
        let pieces: Vec<Bytes> = self.body.try_collect().await?;
        let mut rope = crate::model::Rope::new();
        pieces.into_iter().for_each(|piece| rope.push(piece));
        Ok(rope.into_bytes())
    }
}
