use bytes::Bytes;
use serde::Serialize;

use super::Language;

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles, as text or as pictures.
    Subtitle,
}

/// How the samples of a track are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// H.264 / AVC.
    H264,
    /// H.265 / HEVC.
    Hevc,
    /// AV1.
    Av1,
    /// VP9.
    Vp9,
    /// AAC in any of its profiles.
    Aac,
    /// Dolby Digital.
    Ac3,
    /// Dolby Digital Plus.
    Eac3,
    /// Opus.
    Opus,
    /// FLAC.
    Flac,
    /// MPEG-1/2 audio layer III.
    Mp3,
    /// Subtitles as text.
    Text(TextFormat),
    /// Recognised, but not packaged without conversion; the codec's usual name is in [`TrackInfo::codec_string`].
    Other,
}

impl Codec {
    /// The name in settings and answers: `h264`, `eac3`, `srt`; `other` for what is not packaged.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            Codec::Hevc => "hevc",
            Codec::Av1 => "av1",
            Codec::Vp9 => "vp9",
            Codec::Aac => "aac",
            Codec::Ac3 => "ac3",
            Codec::Eac3 => "eac3",
            Codec::Opus => "opus",
            Codec::Flac => "flac",
            Codec::Mp3 => "mp3",
            Codec::Text(TextFormat::Srt) => "srt",
            Codec::Text(TextFormat::WebVtt) => "webvtt",
            Codec::Text(TextFormat::Tx3g) => "tx3g",
            Codec::Text(TextFormat::Ass) => "ass",
            Codec::Other => "other",
        }
    }
}

impl Serialize for Codec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How subtitle text is written in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextFormat {
    /// SubRip: plain text with a little HTML, one block a cue.
    Srt,
    /// WebVTT: one block a cue, settings beside it.
    WebVtt,
    /// 3GPP timed text as MP4 keeps it.
    Tx3g,
    /// Advanced SubStation Alpha, or SubStation Alpha before it: styled events without their times, one block each.
    Ass,
}

/// Which kind of high dynamic range the pictures use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HdrKind {
    /// PQ transfer (HDR10 and its relatives).
    Pq,
    /// Hybrid log-gamma.
    Hlg,
}

/// Colour as ISO/IEC 23091-2 numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ColorInfo {
    /// Colour primaries, 1 = BT.709, 9 = BT.2020.
    pub primaries: u16,
    /// Transfer, 1 = BT.709, 16 = PQ, 18 = HLG.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Full instead of limited range.
    pub full_range: bool,
}

/// Dolby Vision beside or instead of other colour, as its configuration record says (Dolby Vision Streams within the ISO Base Media File
/// Format 2.2, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DolbyVision {
    /// 5 has colours of its own; 7 has a second layer; 8 lies over what others show as HDR10, SDR or HLG.
    pub profile: u8,
    /// Level, a measure of pixels a second.
    pub level: u8,
    /// What others see in the base layer: 0 nothing right, 1 HDR10, 2 SDR, 4 HLG, 6 HDR10 of a disc.
    pub compatibility: u8,
}

/// What is known of a video track.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VideoFormat {
    /// Coded width in pixels.
    pub width: u32,
    /// Coded height in pixels.
    pub height: u32,
    /// Pixel aspect ratio, horizontal and vertical spacing; `None` is square.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Frames a second as numerator and denominator; `None` when the file does not say or they vary.
    pub frame_rate: Option<(u32, u32)>,
    /// Bits of each component: 8, 10 or 12.
    pub bit_depth: Option<u8>,
    /// Colour description of the container or the bitstream.
    pub color: Option<ColorInfo>,
    /// Clockwise rotation for display, in degrees: 0, 90, 180 or 270.
    pub rotation_degrees: u16,
    /// Dolby Vision, where the file says so.
    pub dolby_vision: Option<DolbyVision>,
    /// Most pictures that precede a picture in decode order and follow it when shown, as the bitstream declares; `None` when it does not.
    #[serde(skip)]
    pub reorder_count: Option<u8>,
    /// The container says that pictures are interlaced: players show combs, a converter can do better.
    pub is_interlaced: bool,
}

impl VideoFormat {
    /// High dynamic range by the transfer function; `None` is standard range. Dolby Vision of profile 5 says nothing there, and is PQ.
    #[must_use]
    pub fn hdr(&self) -> Option<HdrKind> {
        if self.dolby_vision.is_some_and(|dolby| dolby.profile == 5) {
            return Some(HdrKind::Pq);
        }
        match self.color?.transfer {
            16 => Some(HdrKind::Pq),
            18 => Some(HdrKind::Hlg),
            _ => None,
        }
    }
}

/// What is known of an audio track.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AudioFormat {
    /// Samples a second of the decoded sound.
    pub sample_rate_hz: u32,
    /// Number of channels, 6 for 5.1.
    pub channel_count: u16,
    /// Samples (of `sample_rate_hz`) in each packet, where the codec fixes it: 1024 for AAC-LC. `None` when packets vary.
    pub packet_samples: Option<u32>,
    /// E-AC-3 with Atmos objects (JOC).
    pub joint_object_coding: bool,
}

/// The sample entry that the init segment carries for a track: everything of ISO/IEC 14496-12 `stsd` that cannot be derived from the formats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleEntry {
    /// Four-character code to be written: `avc1`, `hvc1`, `av01`, `vp09`, `mp4a`, `ac-3`, `ec-3`, `Opus`, `fLaC`.
    pub kind: [u8; 4],
    /// Complete child boxes (size, type, payload) in the order to be written: `avcC`, `esds`, `dac3`, `colr`, `pasp`, `mdcv`, …
    /// For text, which has no init segment: its header as the file keeps it ([`TrackInfo::text_header`]), if it has one.
    pub boxes: Vec<Bytes>,
}

/// What a track is, without its samples: what a player, a person or the ranking wants to know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrackInfo {
    /// Number the file gives the track (`track_ID`, `TrackNumber`), unique in it.
    pub number: u32,
    /// What it carries.
    pub kind: TrackKind,
    /// How it is coded.
    pub codec: Codec,
    /// `CODECS` string of RFC 6381, such as `avc1.640028`; for [`Codec::Other`] the file's own codec name.
    pub codec_string: String,
    /// What goes into the init segment; its `kind` is zero for text and unsupported tracks.
    #[serde(skip)]
    pub sample_entry: SampleEntry,
    /// Ticks a second of all times of this track as we give them; never 0.
    pub timescale: u32,
    /// Language, where the file names one.
    pub language: Option<Language>,
    /// Title that the file gives the track.
    pub name: Option<String>,
    /// The file marks it as the one to choose.
    pub is_default: bool,
    /// Subtitles that must be shown even when subtitles are off.
    pub is_forced: bool,
    /// Made for the deaf and hard of hearing.
    pub is_hearing_impaired: bool,
    /// A commentary.
    pub is_commentary: bool,
    /// Present for video.
    pub video: Option<VideoFormat>,
    /// Present for audio.
    pub audio: Option<AudioFormat>,
}

impl TrackInfo {
    /// What a text track says before its first line, as the file keeps it: script info and styles of [`TextFormat::Ass`]. Empty where there is
    /// none.
    #[must_use]
    pub fn text_header(&self) -> &[u8] {
        match self.codec {
            Codec::Text(_) => self.sample_entry.boxes.first().map_or(&[], Bytes::as_ref),
            _ => &[],
        }
    }
}
