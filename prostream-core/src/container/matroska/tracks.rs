//! Tracks (RFC 9559 section 5.1.4): the header of each track, and what it becomes in the index.

use std::borrow::Cow;

use bytes::Bytes;

use super::ebml::{self, Children, id};
use super::timing::{self, Timing};
use super::{limit_exceeded, malformed, zlib};
use crate::Result;
use crate::container::MAX_TRACKS;
use crate::container::codec::{self, CodecConfig, MatroskaTrack};
use crate::model::{AudioFormat, Codec, ColorInfo, Language, SampleEntry, TrackInfo, TrackKind, VideoFormat};

/// Longest track name that is kept, in characters.
const MAX_NAME_CHARS: usize = 256;
/// Longest `CodecDelay` that is believed: ten seconds.
const MAX_CODEC_DELAY_NS: u64 = 10_000_000_000;

/// How the frames of a track are packed beside their codec (ContentEncodings, RFC 9559 section 5.1.4.1.31).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are.
    Plain,
    /// These bytes were taken from the front of each.
    HeaderStripping(Bytes),
    /// Each is a zlib stream.
    Zlib,
    /// In a way that is not undone here; its name.
    Other(&'static str),
}

impl Encoding {
    /// As much of a frame as `start`, the first bytes of it in the file, tells.
    pub(super) fn start_of_frame<'a>(&self, start: &'a [u8], want: usize) -> Cow<'a, [u8]> {
        match self {
            Encoding::HeaderStripping(prefix) => Cow::Owned([prefix, start].concat()),
            Encoding::Zlib => Cow::Owned(zlib::inflate_start(start, want)),
            Encoding::Plain | Encoding::Other(_) => Cow::Borrowed(start),
        }
    }
}

/// The header of one track.
#[derive(Clone, Debug)]
pub(super) struct TrackHeader {
    pub(super) number: u32,
    /// `TrackUID`, by which Tags name the track; 0 when absent.
    pub(super) uid: u64,
    pub(super) kind: TrackKind,
    pub(super) codec_id: String,
    codec_private: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) default_duration_ns: u64,
    codec_delay_ns: u64,
    language: Option<Language>,
    name: Option<String>,
    is_default: bool,
    is_forced: bool,
    is_hearing_impaired: bool,
    is_commentary: bool,
    width_height: (u32, u32),
    display: Option<(u32, u32)>,
    /// Clockwise rotation for display, in degrees.
    rotation_degrees: u16,
    is_interlaced: bool,
    color: Option<ColorInfo>,
    mastering: (Option<[u8; 24]>, Option<[u8; 4]>),
    dolby_vision: Option<([u8; 4], Vec<u8>)>,
    sample_rates_hz: (f64, f64),
    channel_count: u16,
}

/// Reads the data of Tracks: video, audio and subtitle tracks in order. Tracks of other types, and a second track with a number that is
/// taken, are left out.
///
/// # Errors
/// `Malformed` for broken elements, `LimitExceeded` for more than [`MAX_TRACKS`].
pub(super) fn parse(data: &[u8]) -> Result<Vec<TrackHeader>> {
    let mut tracks: Vec<TrackHeader> = Vec::new();
    let mut count = 0usize;
    for child in Children::new(data) {
        let (child_id, entry) = child?;
        if child_id != id::TRACK_ENTRY {
            continue;
        }
        count = count.saturating_add(1);
        if count > MAX_TRACKS {
            return Err(limit_exceeded("too many tracks"));
        }
        if let Some(track) = parse_entry(entry)?
            && tracks.iter().all(|other| other.number != track.number)
        {
            tracks.push(track);
        }
    }
    Ok(tracks)
}

fn parse_entry(data: &[u8]) -> Result<Option<TrackHeader>> {
    let mut track = TrackHeader {
        number: 0,
        uid: 0,
        kind: TrackKind::Subtitle,
        codec_id: String::new(),
        codec_private: Vec::new(),
        encoding: Encoding::Plain,
        default_duration_ns: 0,
        codec_delay_ns: 0,
        language: None,
        name: None,
        is_default: true,
        is_forced: false,
        is_hearing_impaired: false,
        is_commentary: false,
        width_height: (0, 0),
        display: None,
        rotation_degrees: 0,
        is_interlaced: false,
        color: None,
        mastering: (None, None),
        dolby_vision: None,
        sample_rates_hz: (0.0, 0.0),
        channel_count: 1,
    };
    let mut kind = None;
    // The default of Language (RFC 9559 section 5.1.4.1.19).
    let mut language = "eng".to_owned();
    let mut language_bcp47 = None;
    for child in Children::new(data) {
        let (child_id, value) = child?;
        match child_id {
            // Numbers above 32 bits are no real file: such a track is left out below.
            id::TRACK_NUMBER => track.number = u32::try_from(ebml::uint(value)?).unwrap_or(0),
            id::TRACK_UID => track.uid = ebml::uint(value)?,
            id::TRACK_TYPE => {
                kind = match ebml::uint(value)? {
                    1 => Some(TrackKind::Video),
                    2 => Some(TrackKind::Audio),
                    17 => Some(TrackKind::Subtitle),
                    _ => None,
                }
            }
            id::FLAG_DEFAULT => track.is_default = ebml::uint(value)? != 0,
            id::FLAG_FORCED => track.is_forced = ebml::uint(value)? != 0,
            id::FLAG_HEARING_IMPAIRED => track.is_hearing_impaired = ebml::uint(value)? != 0,
            id::FLAG_COMMENTARY => track.is_commentary = ebml::uint(value)? != 0,
            id::DEFAULT_DURATION => track.default_duration_ns = ebml::uint(value)?,
            id::NAME => {
                let name: String = ebml::text(value).chars().take(MAX_NAME_CHARS).collect();
                track.name = Some(name).filter(|name| !name.trim().is_empty());
            }
            id::LANGUAGE => language = ebml::text(value),
            id::LANGUAGE_BCP47 => language_bcp47 = Some(ebml::text(value)),
            id::CODEC_ID => track.codec_id = ebml::text(value),
            id::CODEC_PRIVATE => track.codec_private = value.to_vec(),
            id::CODEC_DELAY => track.codec_delay_ns = ebml::uint(value)?.min(MAX_CODEC_DELAY_NS),
            id::VIDEO => parse_video(value, &mut track)?,
            id::AUDIO => parse_audio(value, &mut track)?,
            id::CONTENT_ENCODINGS => track.encoding = parse_encodings(value, &mut track.codec_private)?,
            id::BLOCK_ADDITION_MAPPING => {
                if let Some(record) = parse_dolby_vision(value)? {
                    track.dolby_vision = Some(record);
                }
            }
            _ => {}
        }
    }
    // LanguageBCP47, where present, rules (RFC 9559 section 5.1.4.1.20).
    track.language = Language::parse(&language_bcp47.unwrap_or(language));
    Ok(kind.filter(|_| track.number != 0).map(|kind| TrackHeader { kind, ..track }))
}

fn parse_video(data: &[u8], track: &mut TrackHeader) -> Result<()> {
    let mut display = (0u32, 0u32);
    let mut display_unit = 0;
    for child in Children::new(data) {
        let (child_id, value) = child?;
        match child_id {
            // 0 is undetermined, 2 progressive.
            id::FLAG_INTERLACED => track.is_interlaced = ebml::uint(value)? == 1,
            id::PIXEL_WIDTH => track.width_height.0 = small(value)?,
            id::PIXEL_HEIGHT => track.width_height.1 = small(value)?,
            id::DISPLAY_WIDTH => display.0 = small(value)?,
            id::DISPLAY_HEIGHT => display.1 = small(value)?,
            id::DISPLAY_UNIT => display_unit = ebml::uint(value)?,
            id::COLOUR => parse_colour(value, track)?,
            id::PROJECTION => track.rotation_degrees = parse_rotation(value)?,
            _ => {}
        }
    }
    // Unit 0 is pixels: a side that is absent is as long as the coded picture's (RFC 9559 section 5.1.4.1.28.13). In other units, and as
    // a mere aspect ratio (3), both sides have to be there; only their proportion counts. Unit 4 says that nothing is known.
    let (width, height) = track.width_height;
    let shown = match display_unit {
        0 => (if display.0 == 0 { width } else { display.0 }, if display.1 == 0 { height } else { display.1 }),
        1..=3 => display,
        _ => (0, 0),
    };
    track.display = (shown != (width, height) && shown.0 != 0 && shown.1 != 0).then_some(shown);
    Ok(())
}

/// Clockwise rotation in degrees, of a flat picture that is turned by quarters; all other projections are none.
fn parse_rotation(data: &[u8]) -> Result<u16> {
    let (mut kind, mut yaw, mut pitch, mut roll) = (0, 0.0, 0.0, 0.0);
    for child in Children::new(data) {
        let (child_id, value) = child?;
        match child_id {
            id::PROJECTION_TYPE => kind = ebml::uint(value)?,
            id::PROJECTION_POSE_YAW => yaw = ebml::float(value)?,
            id::PROJECTION_POSE_PITCH => pitch = ebml::float(value)?,
            id::PROJECTION_POSE_ROLL => roll = ebml::float(value)?,
            _ => {}
        }
    }
    if (kind, yaw, pitch) != (0, 0.0, 0.0) {
        return Ok(0);
    }
    // The roll counts counter-clockwise (RFC 9559 section 5.1.4.1.28.45).
    let quarters = [(-180.0, 180), (-90.0, 90), (90.0, 270), (180.0, 180)];
    let near = quarters.iter().find(|(quarter, _): &&(f64, u16)| (roll - quarter).abs() < 0.5);
    Ok(near.map_or(0, |(_, degrees)| *degrees))
}

/// A number that must be of 32 bits.
fn small(value: &[u8]) -> Result<u32> {
    u32::try_from(ebml::uint(value)?).map_err(|_| malformed("number out of range"))
}

fn parse_colour(data: &[u8], track: &mut TrackHeader) -> Result<()> {
    // 2 is "unspecified" (RFC 9559 section 5.1.4.1.28.16 and following).
    let mut color = ColorInfo { primaries: 2, transfer: 2, matrix: 2, full_range: false };
    let (mut max_cll, mut max_fall) = (None, None);
    for child in Children::new(data) {
        let (child_id, value) = child?;
        let code = |value| ebml::uint(value).map(|value| u16::try_from(value).unwrap_or(2));
        let light = |value| ebml::uint(value).map(|value| u16::try_from(value).unwrap_or(u16::MAX));
        match child_id {
            id::MATRIX_COEFFICIENTS => color.matrix = code(value)?,
            id::TRANSFER_CHARACTERISTICS => color.transfer = code(value)?,
            id::PRIMARIES => color.primaries = code(value)?,
            id::RANGE => color.full_range = ebml::uint(value)? == 2,
            id::MAX_CLL => max_cll = Some(light(value)?),
            id::MAX_FALL => max_fall = Some(light(value)?),
            id::MASTERING_METADATA => track.mastering.0 = parse_mastering(value)?,
            _ => {}
        }
    }
    let is_known = (color.primaries, color.transfer, color.matrix) != (2, 2, 2) || color.full_range;
    track.color = is_known.then_some(color);
    if let (Some(cll), Some(fall)) = (max_cll, max_fall) {
        let ([a, b], [c, d]) = (cll.to_be_bytes(), fall.to_be_bytes());
        track.mastering.1 = Some([a, b, c, d]);
    }
    Ok(())
}

/// The payload of an `mdcv` box (ISO/IEC 14496-12 section 12.1.6): green, blue, red and white in steps of 0.00002, then the luminances in
/// steps of 0.0001; `None` unless all ten numbers are there.
fn parse_mastering(data: &[u8]) -> Result<Option<[u8; 24]>> {
    let mut numbers = [None::<f64>; 10];
    for child in Children::new(data) {
        let (child_id, value) = child?;
        let slot = child_id.checked_sub(id::PRIMARY_R_CHROMATICITY_X).and_then(|index| usize::try_from(index).ok());
        if let Some(number) = slot.and_then(|index| numbers.get_mut(index)) {
            *number = Some(ebml::float(value)?);
        }
    }
    let [Some(rx), Some(ry), Some(gx), Some(gy), Some(bx), Some(by), Some(wx), Some(wy), Some(max), Some(min)] =
        numbers
    else {
        return Ok(None);
    };
    let mut out = [0u8; 24];
    // A cast from float to integer saturates.
    let chromaticities = [gx, gy, bx, by, rx, ry, wx, wy].map(|number| (number * 50_000.0).round() as u16);
    let luminances = [max, min].map(|number| (number * 10_000.0).round() as u32);
    let bytes =
        chromaticities.into_iter().flat_map(u16::to_be_bytes).chain(luminances.into_iter().flat_map(u32::to_be_bytes));
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = from;
    }
    Ok(Some(out))
}

fn parse_audio(data: &[u8], track: &mut TrackHeader) -> Result<()> {
    for child in Children::new(data) {
        let (child_id, value) = child?;
        match child_id {
            id::SAMPLING_FREQUENCY => track.sample_rates_hz.0 = ebml::float(value)?,
            id::OUTPUT_SAMPLING_FREQUENCY => track.sample_rates_hz.1 = ebml::float(value)?,
            id::CHANNELS => track.channel_count = u16::try_from(ebml::uint(value)?).unwrap_or(0),
            _ => {}
        }
    }
    Ok(())
}

fn parse_encodings(data: &[u8], codec_private: &mut Vec<u8>) -> Result<Encoding> {
    let mut result = Encoding::Plain;
    for child in Children::new(data) {
        let (child_id, encoding) = child?;
        if child_id != id::CONTENT_ENCODING {
            continue;
        }
        // Scope 1 is the frames, 2 the codec's private data; type 0 is compression, 1 encryption.
        let (mut scope, mut kind, mut algorithm, mut settings) = (1, 0, 0, &[][..]);
        for field in Children::new(encoding) {
            let (field_id, value) = field?;
            match field_id {
                id::CONTENT_ENCODING_SCOPE => scope = ebml::uint(value)?,
                id::CONTENT_ENCODING_TYPE => kind = ebml::uint(value)?,
                id::CONTENT_COMPRESSION => {
                    for field in Children::new(value) {
                        match field? {
                            (id::CONTENT_COMP_ALGO, value) => algorithm = ebml::uint(value)?,
                            (id::CONTENT_COMP_SETTINGS, value) => settings = value,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        let this = match (kind, algorithm) {
            (0, 3) => Encoding::HeaderStripping(Bytes::copy_from_slice(settings)),
            (0, 0) => Encoding::Zlib,
            (0, 1) => Encoding::Other("bzip2"),
            (0, 2) => Encoding::Other("lzo"),
            (1, _) => Encoding::Other("encrypted"),
            _ => Encoding::Other("unknown encoding"),
        };
        if scope & 2 != 0 {
            match &this {
                Encoding::HeaderStripping(prefix) => *codec_private = [prefix, codec_private.as_slice()].concat(),
                Encoding::Zlib => *codec_private = zlib::inflate(codec_private)?,
                // Its configuration cannot be read, so neither can its frames.
                _ => scope |= 1,
            }
        }
        if scope & 1 != 0 {
            result = match result {
                Encoding::Plain => this,
                _ => Encoding::Other("several encodings"),
            };
        }
    }
    Ok(result)
}

/// The Dolby Vision record of a BlockAdditionMapping: its four-character code is the mapping's type.
fn parse_dolby_vision(data: &[u8]) -> Result<Option<([u8; 4], Vec<u8>)>> {
    let (mut kind, mut record) = ([0; 4], &[][..]);
    for child in Children::new(data) {
        match child? {
            (id::BLOCK_ADD_ID_TYPE, value) => kind = u32::try_from(ebml::uint(value)?).unwrap_or(0).to_be_bytes(),
            (id::BLOCK_ADD_ID_EXTRA_DATA, value) => record = value,
            _ => {}
        }
    }
    Ok(matches!(&kind, b"dvcC" | b"dvvC" | b"dvwC").then(|| (kind, record.to_vec())))
}

impl TrackHeader {
    /// Reads the codec; `None` when the first frame is needed to tell. Without one at last, or when the header is broken, it is
    /// [`Codec::Other`]: one odd track does not spoil a film.
    pub(super) fn codec(&self, first_frame: Option<&[u8]>) -> Option<CodecConfig> {
        if let Encoding::Other(name) = self.encoding {
            return Some(self.unsupported(&format!("{} ({name})", self.codec_id)));
        }
        if self.encoding == Encoding::Zlib && self.has_inline_webvtt_settings() {
            return Some(self.unsupported(&format!("{} (zlib)", self.codec_id)));
        }
        let track = MatroskaTrack {
            codec_id: &self.codec_id,
            codec_private: &self.codec_private,
            width_height: self.width_height,
            display: self.display,
            color: self.color,
            mastering: self.mastering,
            dolby_vision: self.dolby_vision.as_ref().map(|(kind, record)| (*kind, record.as_slice())),
            sample_rates_hz: self.sample_rates_hz,
            channel_count: self.channel_count,
            codec_delay_ns: self.codec_delay_ns,
        };
        match codec::from_matroska(&track, first_frame) {
            Ok(Some(config)) if !self.is_of_kind(&config) => Some(self.unsupported(&self.codec_id)),
            Ok(config) => config,
            Err(_) => Some(self.unsupported(&self.codec_id)),
        }
    }

    /// Is it what the type of the track says? Text in a track of pictures is neither.
    fn is_of_kind(&self, config: &CodecConfig) -> bool {
        match self.kind {
            _ if config.codec == Codec::Other => true,
            TrackKind::Video => config.video.is_some() && !is_text(config.codec),
            TrackKind::Audio => config.audio.is_some() && !is_text(config.codec),
            TrackKind::Subtitle => is_text(config.codec),
        }
    }

    /// What is left to say of a track whose codec we cannot read: `name` is what it is called.
    pub(super) fn unsupported(&self, name: &str) -> CodecConfig {
        let (width, height) = self.width_height;
        CodecConfig {
            codec: Codec::Other,
            codec_string: name.to_owned(),
            sample_entry: SampleEntry::default(),
            video: (self.kind == TrackKind::Video).then(|| VideoFormat {
                width,
                height,
                color: self.color,
                ..VideoFormat::default()
            }),
            audio: (self.kind == TrackKind::Audio).then(|| AudioFormat {
                // A cast from float to integer saturates; no number is 0.
                sample_rate_hz: self.sample_rates_hz.0.max(self.sample_rates_hz.1).round() as u32,
                channel_count: self.channel_count,
                ..AudioFormat::default()
            }),
            nal_length_size: 0,
        }
    }

    /// Does the header leave the codec's configuration to the frames?
    pub(super) fn has_no_codec_private(&self) -> bool {
        self.codec_private.is_empty()
    }

    /// Does the block hold id and settings before its text? The form of WebM before S_TEXT/WEBVTT (`D_WEBVTT/SUBTITLES`).
    pub(super) fn has_inline_webvtt_settings(&self) -> bool {
        self.codec_id.starts_with("D_WEBVTT")
    }

    /// How times of the file become ticks of this track (PACKAGING 5.3).
    pub(super) fn timing(&self, config: &CodecConfig, first_ns: i64, timestamp_scale_ns: u64) -> Timing {
        let delay_ns = match self.kind {
            TrackKind::Subtitle => 0,
            TrackKind::Video | TrackKind::Audio => i64::try_from(self.codec_delay_ns).unwrap_or(0),
        };
        let free = timing::free_timescale(timestamp_scale_ns);
        let (timescale, step) = match self.kind {
            TrackKind::Video => match timing::frame_rate(self.default_duration_ns).and_then(timing::video_grid) {
                Some((timescale, step)) => (timescale, Some(step)),
                None => (free, None),
            },
            TrackKind::Audio => match &config.audio {
                Some(AudioFormat { sample_rate_hz: rate @ 1.., packet_samples, .. }) => {
                    (*rate, packet_samples.or_else(|| self.default_packet_samples(*rate)))
                }
                _ => (free, None),
            },
            // Cues are in milliseconds nearly everywhere.
            TrackKind::Subtitle if timestamp_scale_ns.is_multiple_of(1_000_000) => (1000, None),
            TrackKind::Subtitle => (free, None),
        };
        Timing::new(timescale, delay_ns, first_ns, step, timestamp_scale_ns)
    }

    /// The samples of a packet by DefaultDuration, where they are a whole number within its rounding to a nanosecond.
    fn default_packet_samples(&self, rate: u32) -> Option<u32> {
        let scaled = u128::from(self.default_duration_ns).checked_mul(u128::from(rate))?;
        let samples = scaled.saturating_add(500_000_000).checked_div(1_000_000_000)?;
        let exact = samples.saturating_mul(1_000_000_000);
        // Off by at most 1 ns: then the scaled number is off by at most the rate.
        if samples == 0 || scaled.abs_diff(exact) > u128::from(rate) {
            return None;
        }
        u32::try_from(samples).ok()
    }

    /// The track as the index names it.
    pub(super) fn into_info(self, config: CodecConfig, timescale: u32) -> TrackInfo {
        let mut video = config.video;
        if let Some(video) = &mut video {
            // What the file says of the rate, even where it follows no usual grid.
            video.frame_rate = timing::frame_rate(self.default_duration_ns).or(video.frame_rate);
            video.rotation_degrees = self.rotation_degrees;
            video.is_interlaced |= self.is_interlaced;
        }
        TrackInfo {
            number: self.number,
            kind: self.kind,
            codec: config.codec,
            codec_string: config.codec_string,
            sample_entry: config.sample_entry,
            timescale,
            language: self.language,
            name: self.name,
            is_default: self.is_default,
            is_forced: self.is_forced,
            is_hearing_impaired: self.is_hearing_impaired,
            is_commentary: self.is_commentary,
            video,
            audio: config.audio,
        }
    }
}

/// Text that is packaged as WebVTT segments.
pub(super) fn is_text(codec: Codec) -> bool {
    matches!(codec, Codec::Text(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
        [id, &[0x40 | (data.len() >> 8) as u8, data.len() as u8], data].concat()
    }

    fn one_track(fields: &[Vec<u8>]) -> TrackHeader {
        let entry = [element(&[0xD7], &[3]), element(&[0x83], &[1]), fields.concat()].concat();
        parse(&element(&[0xAE], &entry)).unwrap().remove(0)
    }

    /// Goal: LanguageBCP47 before Language, English when none is named, nothing for `und`.
    #[test]
    fn languages() {
        let tag = |track: TrackHeader| track.language.map(|language| language.to_string());
        assert_eq!(tag(one_track(&[])).as_deref(), Some("en"));
        let old = element(&[0x22, 0xB5, 0x9C], b"fre");
        let new = element(&[0x22, 0xB5, 0x9D], b"pt-BR");
        assert_eq!(tag(one_track(std::slice::from_ref(&old))).as_deref(), Some("fr"));
        assert_eq!(tag(one_track(&[new, old])).as_deref(), Some("pt-BR"));
        assert_eq!(tag(one_track(&[element(&[0x22, 0xB5, 0x9C], b"und")])), None);
    }

    /// Goal: header stripping is undone, other compressions and encryption are named.
    #[test]
    fn encodings() {
        let encoding = |fields: &[u8]| one_track(&[element(&[0x6D, 0x80], &element(&[0x62, 0x40], fields))]);
        let stripping =
            element(&[0x50, 0x34], &[&element(&[0x42, 0x54], &[3])[..], &element(&[0x42, 0x55], b"ab")].concat());
        assert_eq!(encoding(&stripping).encoding, Encoding::HeaderStripping(Bytes::from_static(b"ab")));
        assert_eq!(encoding(&element(&[0x50, 0x34], &[])).encoding, Encoding::Zlib);
        let lzo = encoding(&element(&[0x50, 0x34], &element(&[0x42, 0x54], &[2])));
        assert_eq!(lzo.encoding, Encoding::Other("lzo"));
        let config = lzo.codec(None).unwrap();
        assert_eq!((config.codec, config.codec_string.as_str()), (Codec::Other, " (lzo)"));
        assert_eq!(encoding(&element(&[0x50, 0x33], &[1])).encoding, Encoding::Other("encrypted"));
    }

    /// Goal: the order of `mdcv` is green, blue, red (ISO/IEC 14496-12), that of Matroska red, green, blue.
    #[test]
    fn mastering_metadata() {
        let numbers = [0.708f32, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329, 1000.0, 0.0001];
        let data: Vec<u8> = (0u8..)
            .zip(numbers)
            .flat_map(|(index, number)| element(&[0x55, 0xD1 + index], &number.to_be_bytes()))
            .collect();
        let record = parse_mastering(&data).unwrap().unwrap();
        assert_eq!(record[..4], [8500u16.to_be_bytes(), 39850u16.to_be_bytes()].concat());
        assert_eq!(record[8..12], [35400u16.to_be_bytes(), 14600u16.to_be_bytes()].concat());
        assert_eq!(record[16..], [10_000_000u32.to_be_bytes(), 1u32.to_be_bytes()].concat());
        assert_eq!(parse_mastering(&data[..72]).unwrap(), None);
    }

    /// Goal: a second track of the same number would make blocks ambiguous: the first stays.
    #[test]
    fn numbers_are_unique() {
        let entry = element(&[0xAE], &[element(&[0xD7], &[1]), element(&[0x83], &[2])].concat());
        assert_eq!(parse(&[entry.clone(), entry].concat()).unwrap().len(), 1);
    }
}
