//! Sample entries of ISO base media and QuickTime files.

use super::aac::{self, Esds};
use super::bits::ByteReader;
use super::boxes::{Children, fourcc_text};
use super::visual::Picture;
use super::{CodecConfig, av1, avc, dolby, flac, hevc, malformed, opus, vp9};
use crate::Result;
use crate::model::{AudioFormat, Codec, TextFormat};

/// Reads a sample entry of an `stsd` box: `body` is what follows its size and type.
///
/// # Errors
/// `Malformed` when it breaks its format. A codec that we do not package is no error: its codec is [`Codec::Other`].
/// Source: ISO/IEC 14496-12 section 8.5.2, ISO/IEC 14496-15, QuickTime File Format "Sample descriptions".
pub fn from_sample_entry(kind: [u8; 4], body: &[u8]) -> Result<CodecConfig> {
    match &kind {
        b"avc1" | b"avc3" | b"dvav" | b"dva1" | b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" | b"av01" | b"dav1" | b"vp09" => {
            from_visual(kind, body)
        }
        b"mp4a" | b".mp3" | b"ac-3" | b"ec-3" | b"Opus" | b"fLaC" => from_audio(kind, body),
        b"tx3g" => Ok(CodecConfig::without_entry(Codec::Text(TextFormat::Tx3g), "tx3g".to_owned())),
        b"wvtt" => Ok(CodecConfig::without_entry(Codec::Text(TextFormat::WebVtt), "wvtt".to_owned())),
        // Sound descriptions of codecs that are not packaged still say rate and channels.
        b"alac" | b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" | b"dtsx" | b"mlpa" | b"lpcm" | b"sowt" | b"twos" | b"in24"
        | b"ipcm" | b"samr" | b"enca" => {
            let audio = SoundDescription::parse(body).map(|sound| sound.format());
            Ok(CodecConfig { audio, ..CodecConfig::other(fourcc_text(kind)) })
        }
        b"mp4v" | b"vp08" | b"jpeg" | b"mjpa" | b"mjpb" | b"png " | b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h"
        | b"encv" | b"vvc1" | b"vvi1" | b"s263" | b"mjp2" => {
            let picture = Picture::from_sample_entry(body).map(|(picture, _)| picture).unwrap_or_default();
            Ok(picture.other(fourcc_text(kind)))
        }
        _ => Ok(CodecConfig::other(fourcc_text(kind))),
    }
}

fn from_visual(kind: [u8; 4], body: &[u8]) -> Result<CodecConfig> {
    let (picture, boxes) =
        Picture::from_sample_entry(body).ok_or_else(|| malformed("visual sample entry is cut short"))?;
    let record = |kind, missing| Children::find(boxes, kind).ok_or_else(|| malformed(missing));
    match &kind {
        b"avc1" | b"avc3" | b"dvav" | b"dva1" => avc::configure(record(*b"avcC", "avcC is missing")?, picture),
        b"av01" | b"dav1" => av1::configure(record(*b"av1C", "av1C is missing")?, picture),
        b"vp09" => Ok(vp9::Record::from_vpcc(record(*b"vpcC", "vpcC is missing")?)?.configure(picture)),
        _ => hevc::configure(record(*b"hvcC", "hvcC is missing")?, picture),
    }
}

/// The fixed part of an audio sample entry in any of its three versions, and the boxes behind it.
struct SoundDescription<'a> {
    sample_rate_hz: u32,
    channel_count: u16,
    boxes: &'a [u8],
}

impl<'a> SoundDescription<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = ByteReader::new(body);
        reader.take(8)?;
        let version = reader.u16()?;
        reader.take(6)?;
        let channel_count = reader.u16()?;
        reader.take(6)?;
        let sample_rate_hz = reader.u32()? >> 16;
        let after = reader.rest();
        match version {
            // QuickTime version 1 has four more fields; version 1 of ISO/IEC 14496-12 has none.
            1 => {
                let boxes = after.get(16..).filter(|_| !looks_like_boxes(after)).unwrap_or(after);
                Some(Self { sample_rate_hz, channel_count, boxes })
            }
            2 => {
                reader.take(4)?;
                let rate = f64::from_bits(reader.u64()?);
                let channels = reader.u32()?;
                reader.take(20)?;
                Some(Self {
                    // Casting saturates, and NaN is 0: not said.
                    sample_rate_hz: rate as u32,
                    channel_count: u16::try_from(channels).ok()?,
                    boxes: reader.rest(),
                })
            }
            _ => Some(Self { sample_rate_hz, channel_count, boxes: after }),
        }
    }

    /// A box of the entry, or of the `wave` box that QuickTime puts around it.
    fn find(&self, kind: [u8; 4]) -> Option<&'a [u8]> {
        Children::find(self.boxes, kind)
            .or_else(|| Children::find(self.boxes, *b"wave").and_then(|wave| Children::find(wave, kind)))
    }

    fn format(&self) -> AudioFormat {
        AudioFormat {
            sample_rate_hz: self.sample_rate_hz,
            channel_count: self.channel_count,
            packet_samples: None,
            joint_object_coding: false,
        }
    }
}

/// Does a plausible box begin here?
fn looks_like_boxes(bytes: &[u8]) -> bool {
    Children::of(bytes).next().is_some_and(|child| child.kind.iter().all(|byte| (0x20..0x7F).contains(byte)))
}

fn from_audio(kind: [u8; 4], body: &[u8]) -> Result<CodecConfig> {
    let sound = SoundDescription::parse(body).ok_or_else(|| malformed("audio sample entry is cut short"))?;
    let record = |kind, missing| sound.find(kind).ok_or_else(|| malformed(missing));
    match &kind {
        b".mp3" => Ok(aac::configure_mp3(sound.format())),
        b"ac-3" => dolby::configure_ac3(record(*b"dac3", "dac3 is missing")?),
        b"ec-3" => dolby::configure_eac3(record(*b"dec3", "dec3 is missing")?, None),
        b"Opus" => opus::configure(record(*b"dOps", "dOps is missing")?),
        b"fLaC" => {
            let body = record(*b"dfLa", "dfLa is missing")?;
            flac::configure(body.get(4..).unwrap_or_default())
        }
        _ => {
            let esds = Esds::parse(record(*b"esds", "esds is missing")?).ok_or_else(|| malformed("esds is broken"))?;
            match esds.object_type {
                // MPEG-4 AAC; MPEG-2 AAC main, low complexity and scalable.
                aac::OTI_AAC | 0x66..=0x68 => aac::configure(&esds, (sound.sample_rate_hz, sound.channel_count)),
                aac::OTI_MP3 | 0x69 => Ok(aac::configure_mp3(sound.format())),
                other => {
                    let audio = Some(sound.format());
                    Ok(CodecConfig { audio, ..CodecConfig::other(format!("mp4a.{other:02X}")) })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::boxes::{write_box, write_full_box};
    use super::*;

    fn sound(version: u16, more: &[u8], boxes: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 0, 0, 0, 0, 0, 0, 1];
        body.extend_from_slice(&version.to_be_bytes());
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0, 0xAC, 0x44, 0, 0]);
        body.extend_from_slice(more);
        body.extend_from_slice(boxes);
        body
    }

    const ESDS: &[u8] =
        &[3, 25, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 1, 0xF4, 0, 0, 1, 0xF4, 0, 5, 2, 0x12, 0x10, 6, 1, 2];

    /// Goal: the same stream is found in all three versions of the sound description, inside `wave` too.
    #[test]
    fn sound_descriptions_of_all_versions_are_read() {
        let esds = write_full_box(*b"esds", 0, ESDS);
        let wave = write_box(*b"wave", &[&write_box(*b"frma", b"mp4a")[..], &esds, &[0, 0, 0, 8, 0, 0, 0, 0]].concat());
        let mut v2 = vec![0, 0, 0, 72];
        v2.extend_from_slice(&44_100f64.to_bits().to_be_bytes());
        v2.extend_from_slice(&[0, 0, 0, 2, 0x7F, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
        for body in [
            sound(0, &[], &esds),
            sound(1, &[], &esds),
            sound(1, &[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], &wave),
            sound(2, &v2, &esds),
        ] {
            let config = from_sample_entry(*b"mp4a", &body).unwrap();
            let format = config.audio.unwrap();
            assert_eq!(
                (config.codec_string.as_str(), format.sample_rate_hz, format.channel_count),
                ("mp4a.40.2", 44_100, 2)
            );
        }
    }

    /// Goal: MP3 in either dress becomes `mp4a` with its object type; other streams in `mp4a` are named, not guessed.
    #[test]
    fn object_types_are_told_apart() {
        let with_type = |kind: u8| {
            let mut esds = ESDS.to_vec();
            esds[7] = kind;
            from_sample_entry(*b"mp4a", &sound(0, &[], &write_full_box(*b"esds", 0, &esds))).unwrap()
        };
        let mp3 = with_type(0x6B);
        assert_eq!((mp3.codec, mp3.codec_string.as_str()), (Codec::Mp3, "mp4a.40.34"));
        assert_eq!(from_sample_entry(*b".mp3", &sound(0, &[], &[])).unwrap(), mp3);
        let dts = with_type(0xA9);
        assert_eq!((dts.codec, dts.codec_string.as_str()), (Codec::Other, "mp4a.A9"));
    }

    /// Goal: a needed box that is missing is an error, an unknown codec is none.
    #[test]
    fn missing_boxes_are_errors_and_unknown_codecs_are_not() {
        assert!(from_sample_entry(*b"mp4a", &sound(0, &[], &[])).is_err());
        assert!(from_sample_entry(*b"avc1", &[0; 78]).is_err());
        assert!(from_sample_entry(*b"avc1", &[0; 10]).is_err());
        assert_eq!(from_sample_entry(*b"dtsc", &sound(0, &[], &[])).unwrap().audio.unwrap().sample_rate_hz, 44_100);
        assert_eq!(from_sample_entry([0, 1, b'a', b'b'], &[]).unwrap().codec_string, "??ab");
        let tx3g = from_sample_entry(*b"tx3g", &[]).unwrap();
        assert_eq!((tx3g.codec, tx3g.sample_entry.kind), (Codec::Text(TextFormat::Tx3g), [0; 4]));
        assert_eq!(from_sample_entry(*b"wvtt", &[]).unwrap().codec, Codec::Text(TextFormat::WebVtt));
        for kind in [*b"stpp", *b"c608", *b"c708", *b"mp4s", *b"sbtt"] {
            let other = from_sample_entry(kind, &[]).unwrap();
            assert_eq!((other.codec, other.codec_string.as_bytes()), (Codec::Other, &kind[..]));
        }
    }
}
