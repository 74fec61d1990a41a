//! Codec ids and private data of Matroska tracks.

use bytes::Bytes;

use super::visual::{DolbyVisionRecord, Picture, pixel_aspect};
use super::{CodecConfig, aac, av1, avc, dolby, flac, hevc, malformed, mp3, opus, vp9};
use crate::Result;
use crate::model::{AudioFormat, Codec, ColorInfo, SampleEntry, TextFormat};

/// Largest header of a text track that is kept: script info and styles. A larger one carries pictures or fonts, which nobody needs here.
const MAX_TEXT_HEADER_BYTES: usize = 256 * 1024;

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

impl MatroskaTrack<'_> {
    fn picture(&self) -> Picture {
        let (width, height) = self.width_height;
        // Pixel aspect = display aspect / storage aspect; a product beyond 32 bits is no sane size.
        let aspect = self.display.and_then(|(display_width, display_height)| {
            pixel_aspect(display_width.checked_mul(height)?, display_height.checked_mul(width)?)
        });
        Picture {
            width_height: self.width_height,
            pixel_aspect: aspect,
            color: self.color,
            mastering: self.mastering.0,
            light_level: self.mastering.1,
            dolby_vision: self.dolby_vision.and_then(|(_, payload)| DolbyVisionRecord::parse(payload)),
        }
    }

    fn sample_rate_hz(&self) -> u32 {
        // Casting saturates, and NaN is 0: not said.
        self.sample_rates_hz.0.round() as u32
    }

    /// The rate after band replication, where the header declares some.
    fn extended_rate_hz(&self) -> Option<u32> {
        let output = self.sample_rates_hz.1.round() as u32;
        (output > self.sample_rate_hz()).then_some(output)
    }

    /// Recognised, not packaged.
    fn other(&self) -> CodecConfig {
        let name = self.codec_id.to_owned();
        if self.codec_id.starts_with("V_") {
            return self.picture().other(name);
        }
        let audio = self.codec_id.starts_with("A_").then(|| AudioFormat {
            sample_rate_hz: self.extended_rate_hz().unwrap_or(self.sample_rate_hz()),
            channel_count: self.channel_count,
            packet_samples: None,
            joint_object_coding: false,
        });
        CodecConfig { audio, ..CodecConfig::other(name) }
    }
}

/// Reads the codec of a Matroska track. `None`: the first frame of the track is needed to tell (AC-3, E-AC-3, MP3, VP9 without
/// CodecPrivate, AV1, AAC and H.264 without one).
///
/// The frame is whole, with header stripping or compression undone.
///
/// # Errors
/// `Malformed` when the header or the first frame breaks its format. A codec that we do not package is no error.
/// Source: the Matroska codec registry, matroska.org/technical/codec_specs.html.
pub fn from_matroska(track: &MatroskaTrack<'_>, first_frame: Option<&[u8]>) -> Result<Option<CodecConfig>> {
    let private = track.codec_private;
    match track.codec_id {
        "V_MPEG4/ISO/AVC" => match (private.is_empty(), first_frame) {
            (false, _) => avc::configure(private, track.picture()).map(Some),
            (true, None) => Ok(None),
            (true, Some(frame)) => {
                avc::configure_from_annex_b(frame, track.picture()).unwrap_or_else(|| Ok(track.other())).map(Some)
            }
        },
        "V_MS/VFW/FOURCC" => from_bitmap_header(track, first_frame),
        "V_MPEGH/ISO/HEVC" if private.is_empty() => Ok(Some(track.other())),
        "V_MPEGH/ISO/HEVC" => hevc::configure(private, track.picture()).map(Some),
        // Drafts before version 1 of the record are as good as none.
        "V_AV1" if private.first() == Some(&0x81) => av1::configure(private, track.picture()).map(Some),
        "V_AV1" => from_frame(first_frame, "no AV1 sequence header in the first frame", |frame| {
            av1::record_from_frame(frame).map(|record| av1::configure(&record, track.picture()))
        }),
        "V_VP9" => match vp9::Record::from_features(private) {
            Some(record) => Ok(Some(record.configure(track.picture()))),
            None => from_frame(first_frame, "the first VP9 frame is no key frame", |frame| {
                vp9::Record::from_key_frame(frame).map(|record| Ok(record.configure(track.picture())))
            }),
        },
        id if id == "A_AAC" || id.starts_with("A_AAC/") => from_aac(track, first_frame),
        id if id == "A_AC3" || id.starts_with("A_AC3/") => {
            from_frame(first_frame, "the first AC-3 frame has no sync word", |frame| {
                // Dolby Digital Plus under the name of its elder is seen in the wild.
                match dolby::dac3_from_frame(frame) {
                    Some(body) => Some(dolby::configure_ac3(&body)),
                    None => eac3_from_frame(frame),
                }
            })
        }
        "A_EAC3" => from_frame(first_frame, "the first E-AC-3 frame has no sync word", eac3_from_frame),
        id if id == "A_OPUS" || id.starts_with("A_OPUS/") => {
            let body = match private {
                [] => opus::dops_from_delay(track.channel_count, track.codec_delay_ns),
                head => opus::dops_from_head(head),
            };
            opus::configure(&body.ok_or_else(|| malformed("OpusHead is broken"))?).map(Some)
        }
        "A_FLAC" => flac::configure(private.strip_prefix(b"fLaC").unwrap_or(private)).map(Some),
        "A_MPEG/L3" => from_frame(first_frame, "the first MP3 frame has no sync word", |frame| {
            mp3::parse_frame(frame).map(|format| Ok(aac::configure_mp3(format)))
        }),
        "S_TEXT/UTF8" | "S_TEXT/ASCII" => Ok(Some(text(track, TextFormat::Srt))),
        id if id == "S_TEXT/WEBVTT" || id.starts_with("D_WEBVTT/") => Ok(Some(text(track, TextFormat::WebVtt))),
        "S_TEXT/ASS" | "S_TEXT/SSA" | "S_ASS" | "S_SSA" => {
            let header = Some(private).filter(|header| (1..=MAX_TEXT_HEADER_BYTES).contains(&header.len()));
            let boxes = header.map(Bytes::copy_from_slice).into_iter().collect();
            Ok(Some(CodecConfig { sample_entry: SampleEntry { kind: [0; 4], boxes }, ..text(track, TextFormat::Ass) }))
        }
        _ => Ok(Some(track.other())),
    }
}

/// H.264 under the name that it has in AVI: the private data is a `BITMAPINFOHEADER`, perhaps with a configuration or parameter sets
/// behind it, and the frames are Annex B unless the configuration says otherwise.
fn from_bitmap_header(track: &MatroskaTrack<'_>, first_frame: Option<&[u8]>) -> Result<Option<CodecConfig>> {
    /// Length of the header without what follows it.
    const HEADER_SIZE: usize = 40;
    const FOURCC: std::ops::Range<usize> = 16..20;
    let fourcc = track.codec_private.get(FOURCC).unwrap_or_default().to_ascii_uppercase();
    let is_h264 = [b"H264", b"X264", b"AVC1", b"DAVC", b"VSSH"].iter().any(|known| fourcc == known[..]);
    if !is_h264 {
        let mut config = track.other();
        // The name says more than that of the wrapping.
        if fourcc.len() == 4 && fourcc.iter().all(u8::is_ascii_alphanumeric) {
            config.codec_string = format!("{} ({})", track.codec_id, String::from_utf8_lossy(&fourcc));
        }
        return Ok(Some(config));
    }
    let behind = track.codec_private.get(HEADER_SIZE..).unwrap_or_default();
    if behind.first() == Some(&1) {
        return avc::configure(behind, track.picture()).map(Some);
    }
    let Some(frame) = first_frame else { return Ok(None) };
    let stream = [behind, frame].concat();
    avc::configure_from_annex_b(&stream, track.picture()).unwrap_or_else(|| Ok(track.other())).map(Some)
}

fn text(track: &MatroskaTrack<'_>, format: TextFormat) -> CodecConfig {
    CodecConfig::without_entry(Codec::Text(format), track.codec_id.to_owned())
}

/// Asks for the first frame, or reads it: `None` of `read` is an error that `broken` names.
fn from_frame(
    frame: Option<&[u8]>,
    broken: &'static str,
    read: impl FnOnce(&[u8]) -> Option<Result<CodecConfig>>,
) -> Result<Option<CodecConfig>> {
    match frame {
        None => Ok(None),
        Some(frame) => read(frame).unwrap_or_else(|| Err(malformed(broken))).map(Some),
    }
}

fn eac3_from_frame(frame: &[u8]) -> Option<Result<CodecConfig>> {
    let (body, samples) = dolby::dec3_from_packet(frame)?;
    Some(dolby::configure_eac3(&body, samples))
}

fn from_aac(track: &MatroskaTrack<'_>, first_frame: Option<&[u8]>) -> Result<Option<CodecConfig>> {
    let declared = (track.sample_rate_hz(), track.channel_count);
    if !track.codec_private.is_empty() {
        return aac::configure_from_specific(track.codec_private, declared).map(|config| {
            // Signalled by the header alone: the decoder finds out, and the packets last as the header says.
            Some(with_declared_replication(config, track))
        });
    }
    // Old ids say the profile: A_AAC/MPEG2/LC, A_AAC/MPEG4/LC/SBR.
    let Some(frame) = first_frame else { return Ok(None) };
    let extended = track
        .extended_rate_hz()
        .or_else(|| (track.codec_id.ends_with("/SBR")).then(|| declared.0.checked_mul(2)).flatten());
    let specific = aac::specific_from_adts(frame)
        .or_else(|| aac::make_specific(declared.0, declared.1, extended))
        .ok_or_else(|| malformed("AAC without a configuration, rate or channels"))?;
    aac::configure_from_specific(&specific, declared).map(Some)
}

/// Spectral band replication that only `OutputSamplingFrequency` tells: twice the samples at the rate of the output.
fn with_declared_replication(mut config: CodecConfig, track: &MatroskaTrack<'_>) -> CodecConfig {
    if let Some(format) = &mut config.audio
        && config.codec_string == "mp4a.40.2"
        && track.extended_rate_hz() == format.sample_rate_hz.checked_mul(2)
        && track.extended_rate_hz().is_some()
    {
        format.sample_rate_hz = format.sample_rate_hz.saturating_mul(2);
        format.packet_samples = format.packet_samples.map(|samples| samples.saturating_mul(2));
        config.codec_string = "mp4a.40.5".to_owned();
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(track: &MatroskaTrack<'_>, frame: Option<&[u8]>) -> Option<CodecConfig> {
        from_matroska(track, frame).unwrap()
    }

    /// Goal: codecs whose header says nothing ask for a frame, and read it.
    #[test]
    fn bare_headers_ask_for_a_frame() {
        for (id, frame, string) in [
            ("A_AC3", &[0x0b, 0x77, 0xb5, 0x0b, 0x1e, 0x40, 0xeb, 0xf8][..], "ac-3"),
            ("A_EAC3", &[0x0b, 0x77, 0x03, 0x7f, 0x3f, 0x87, 0xc0, 0x00, 0x20], "ec-3"),
            ("A_AC3", &[0x0b, 0x77, 0x03, 0x7f, 0x3f, 0x87, 0xc0, 0x00, 0x20], "ec-3"),
            ("A_MPEG/L3", &[0xFF, 0xFB, 0x54, 0x00], "mp4a.40.34"),
            ("V_VP9", &[0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x36, 0x0c], "vp09.00.11.08"),
            ("A_AAC", &[0xFF, 0xF1, 0x4C, 0x80, 0, 0, 0], "mp4a.40.2"),
        ] {
            let track = MatroskaTrack { codec_id: id, ..MatroskaTrack::default() };
            assert_eq!(read(&track, None), None, "{id}");
            assert_eq!(read(&track, Some(frame)).unwrap().codec_string, string);
            assert!(from_matroska(&track, Some(b"rubbish")).is_err(), "{id}");
        }
    }

    /// Goal: text is told apart, everything else is named.
    #[test]
    fn subtitles_and_unknown_codecs_are_named() {
        let config = |id| read(&MatroskaTrack { codec_id: id, ..MatroskaTrack::default() }, None).unwrap();
        assert_eq!(config("S_TEXT/UTF8").codec, Codec::Text(TextFormat::Srt));
        assert_eq!(config("D_WEBVTT/SUBTITLES").codec, Codec::Text(TextFormat::WebVtt));
        for id in ["S_TEXT/ASS", "S_TEXT/SSA", "S_ASS", "S_SSA"] {
            assert_eq!(config(id).codec, Codec::Text(TextFormat::Ass), "{id}");
            let header: &[u8] = b"[Script Info]";
            let track = MatroskaTrack { codec_id: id, codec_private: header, ..MatroskaTrack::default() };
            assert_eq!(read(&track, None).unwrap().sample_entry.boxes, [header], "{id}");
        }
        for id in ["S_HDMV/PGS", "S_VOBSUB", "S_DVBSUB", "S_KATE", "S_TEXT/USF", "S_ARIBSUB"] {
            assert_eq!((config(id).codec, config(id).codec_string.as_str()), (Codec::Other, id));
        }
        let dts = config("A_DTS");
        assert_eq!((dts.codec, dts.codec_string.as_str(), dts.audio.is_some()), (Codec::Other, "A_DTS", true));
        assert!(config("V_MPEG2").video.is_some());
        assert_eq!(config("S_HDMV/PGS").codec, Codec::Other);
    }

    /// Goal: what AVI wrapped is named by its four-character code; H.264 without its parameter sets anywhere is not packaged.
    #[test]
    fn bitmap_headers_name_the_codec() {
        let header = |fourcc: &[u8; 4]| [&[40, 0, 0, 0][..], &[0; 12], fourcc, &[0; 20]].concat();
        let (mpeg4, h264) = (header(b"XVID"), header(b"h264"));
        let track = |codec_private| MatroskaTrack { codec_id: "V_MS/VFW/FOURCC", codec_private, ..Default::default() };
        assert_eq!(read(&track(&mpeg4), None).unwrap().codec_string, "V_MS/VFW/FOURCC (XVID)");
        assert_eq!(read(&track(&h264), None), None);
        assert_eq!(read(&track(&h264), Some(&[0, 0, 1, 0x65, 0x88])).unwrap().codec, Codec::Other);
        assert_eq!(read(&track(&[1, 2, 3]), None).unwrap().codec_string, "V_MS/VFW/FOURCC");
    }

    /// Goal: HE-AAC that only the track header tells keeps rate and packet size consistent; old ids get a configuration.
    #[test]
    fn declared_band_replication_counts() {
        let mut track = MatroskaTrack {
            codec_id: "A_AAC",
            codec_private: &[0x13, 0x10],
            sample_rates_hz: (24_000.0, 48_000.0),
            channel_count: 2,
            ..MatroskaTrack::default()
        };
        let config = read(&track, None).unwrap();
        let format = config.audio.unwrap();
        assert_eq!((config.codec_string.as_str(), format.sample_rate_hz), ("mp4a.40.5", 48_000));
        assert_eq!(format.packet_samples, Some(2048));
        (track.codec_id, track.codec_private) = ("A_AAC/MPEG4/LC/SBR", &[]);
        assert_eq!(read(&track, Some(&[0x21, 0x10])).unwrap().codec_string, "mp4a.40.5");
        track.sample_rates_hz = (f64::NAN, f64::INFINITY);
        assert!(from_matroska(&track, Some(&[0x21])).is_err());
    }

    /// Goal: a display size becomes a pixel aspect, colour and Dolby Vision reach the sample entry.
    #[test]
    fn pictures_carry_what_the_header_says() {
        let track = MatroskaTrack {
            codec_id: "V_AV1",
            codec_private: &[0x81, 0x08, 0x4C, 0],
            width_height: (720, 576),
            display: Some((1024, 576)),
            color: Some(ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: false }),
            mastering: (Some([7; 24]), Some([1; 4])),
            dolby_vision: Some((*b"dvvC", &[1, 0, 0x10, 0x34, 0x10])),
            ..MatroskaTrack::default()
        };
        let config = read(&track, None).unwrap();
        assert_eq!(config.video.unwrap().pixel_aspect, Some((64, 45)));
        let kinds: Vec<_> = config.sample_entry.boxes.iter().map(|b| b[4..8].to_vec()).collect();
        assert_eq!(kinds, [b"av1C", b"colr", b"pasp", b"mdcv", b"clli", b"dvvC"]);
    }
}
