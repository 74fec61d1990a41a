//! Codec configurations: what a track's header says, as the `CODECS` string and the boxes of an init segment.

use crate::model::{AudioFormat, Codec, ColorInfo, SampleEntry, VideoFormat};
use crate::{Error, ErrorKind, Result};

/// What is known of a track from its header.
#[derive(Clone, Debug, PartialEq)]
pub struct CodecConfig {
    /// How the samples are coded.
    pub codec: Codec,
    /// RFC 6381 string; for [`Codec::Other`] the container's own codec name.
    pub codec_string: String,
    /// What the init segment carries.
    pub sample_entry: SampleEntry,
    /// Present for video.
    pub video: Option<VideoFormat>,
    /// Present for audio.
    pub audio: Option<AudioFormat>,
    /// Size in bytes of the length before each NAL unit (H.264, HEVC): 4 passes, 1 and 2 are rewritten; 0 is Annex B.
    pub nal_length_size: u8,
}

/// Reads a sample entry of an `stsd` box: `body` is what follows its size and type.
///
/// # Errors
/// `Malformed` when it breaks its format. A codec that we do not package is no error: its codec is [`Codec::Other`].
pub fn from_sample_entry(_kind: [u8; 4], _body: &[u8]) -> Result<CodecConfig> {
    Err(Error::new(ErrorKind::Unsupported, "read sample entry"))
}

/// The header of a Matroska track (RFC 9559 section 5.1.4), as far as its codec goes.
#[derive(Clone, Debug, Default)]
pub struct MatroskaTrack<'a> {
    /// `CodecID`.
    pub codec_id: &'a str,
    /// `CodecPrivate`, empty when absent.
    pub codec_private: &'a [u8],
    /// `PixelWidth`, `PixelHeight`.
    pub width_height: (u32, u32),
    /// `DisplayWidth`, `DisplayHeight` when their unit is pixels and they differ from the pixel size.
    pub display: Option<(u32, u32)>,
    /// `Colour`.
    pub color: Option<ColorInfo>,
    /// `mdcv` and `clli` payloads made from `MasteringMetadata` and `MaxCLL`/`MaxFALL`.
    pub mastering: (Option<[u8; 24]>, Option<[u8; 4]>),
    /// `BlockAdditionMapping` of type `dvcC`/`dvvC`: four-character code and payload.
    pub dolby_vision: Option<([u8; 4], &'a [u8])>,
    /// `SamplingFrequency`, `OutputSamplingFrequency` in hertz, 0 when absent.
    pub sample_rates_hz: (f64, f64),
    /// `Channels`.
    pub channel_count: u16,
    /// `CodecDelay` in nanoseconds.
    pub codec_delay_ns: u64,
}

/// Reads the codec of a Matroska track. `None`: the first frame of the track is needed to tell (AC-3, E-AC-3, MP3, VP9 without
/// CodecPrivate, AV1 without one).
///
/// # Errors
/// `Malformed` when the header or the first frame breaks its format. A codec that we do not package is no error.
pub fn from_matroska(_track: &MatroskaTrack<'_>, _first_frame: Option<&[u8]>) -> Result<Option<CodecConfig>> {
    Err(Error::new(ErrorKind::Unsupported, "read codec"))
}

/// How many audio samples a packet holds, read from its first bytes where the codec says so (Opus, FLAC, AC-3, E-AC-3, MP3, AAC).
#[must_use]
pub fn packet_samples(_config: &AudioFormat, _codec: Codec, _packet: &[u8]) -> Option<u32> {
    None
}
