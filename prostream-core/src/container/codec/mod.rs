//! Codec configurations: what a track's header says, as the `CODECS` string and the boxes of an init segment.
//!
//! One file for each family of codecs reads its records and bitstream headers; [`from_sample_entry`] and [`from_matroska`] find the
//! right one. Files lie: what is optional (VUI, extensions) is left out when broken, what an init segment needs is an error.

mod aac;
mod av1;
mod avc;
pub(super) mod bits;
pub(super) mod boxes;
mod dolby;
mod flac;
mod hevc;
mod matroska;
mod mp3;
pub(super) mod nal;
mod opus;
mod sample_entry;
mod visual;
mod vp9;

use bytes::Bytes;

use crate::model::{AudioFormat, Codec, SampleEntry, VideoFormat};
use crate::{Error, ErrorKind};

pub use aac::adts_header_size;
pub use av1::delimiter_size;
pub use matroska::{MatroskaTrack, from_matroska};
pub use sample_entry::from_sample_entry;

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
    /// Size in bytes of the length before each NAL unit (H.264, HEVC): 4 passes, 1 to 3 are rewritten; 0 is Annex B.
    pub nal_length_size: u8,
}

impl CodecConfig {
    /// A codec that is recognised and not packaged.
    fn other(codec_string: String) -> Self {
        Self::without_entry(Codec::Other, codec_string)
    }

    /// Subtitles and what is not packaged: nothing for an init segment.
    fn without_entry(codec: Codec, codec_string: String) -> Self {
        Self { codec, codec_string, sample_entry: SampleEntry::default(), video: None, audio: None, nal_length_size: 0 }
    }

    /// An audio track whose sample entry holds one box.
    fn audio(codec: Codec, codec_string: String, kind: [u8; 4], record: Bytes, format: AudioFormat) -> Self {
        Self {
            audio: Some(format),
            sample_entry: SampleEntry { kind, boxes: vec![record] },
            ..Self::without_entry(codec, codec_string)
        }
    }
}

fn malformed(detail: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "read codec header").detail(detail)
}

/// How many audio samples a packet holds, in samples of the format's rate; read from its first bytes where the codec says so (Opus,
/// FLAC, E-AC-3, MP3), else from the format (AAC, AC-3).
///
/// E-AC-3 needs the whole packet, which may hold several frames; a few bytes are enough for the others. `None` when the bytes are not
/// of that codec or do not say.
#[must_use]
pub fn packet_samples(config: &AudioFormat, codec: Codec, packet: &[u8]) -> Option<u32> {
    match codec {
        Codec::Aac => config.packet_samples,
        Codec::Ac3 => Some(dolby::AC3_SAMPLES),
        Codec::Eac3 => dolby::samples(packet),
        Codec::Opus => opus::samples(packet),
        Codec::Flac => flac::samples(packet),
        Codec::Mp3 => mp3::parse_frame(packet).and_then(|format| format.packet_samples),
        _ => None,
    }
}

/// Can decoding start at this packet by the rule of PACKAGING 5.4: IDR for H.264, IDR, CRA or BLA for HEVC, a key frame for AV1 and VP9?
///
/// The first few hundred bytes of the packet are usually enough. `None` when they do not say: no slice among them, or another codec.
/// `nal_length_size` is that of [`CodecConfig`].
#[must_use]
pub fn is_random_access(codec: Codec, nal_length_size: u8, packet: &[u8]) -> Option<bool> {
    let is_start = match codec {
        Codec::H264 => avc::is_idr,
        Codec::Hevc => hevc::is_irap,
        Codec::Av1 => return av1::is_key_frame(packet),
        Codec::Vp9 => return vp9::is_key_frame(packet),
        _ => return None,
    };
    in_first_slice(nal_length_size, packet, is_start)
}

/// Is this a picture of HEVC that is shown before the random access picture in front of it and needs what stands before that (RASL)? `None` as
/// for [`is_random_access`].
#[must_use]
pub fn is_skipped_leading(codec: Codec, nal_length_size: u8, packet: &[u8]) -> Option<bool> {
    match codec {
        Codec::Hevc => in_first_slice(nal_length_size, packet, hevc::is_rasl),
        _ => None,
    }
}

/// What the first slice says: all slices of a picture agree. `read` answers `None` for a NAL unit that is no slice.
fn in_first_slice(nal_length_size: u8, packet: &[u8], read: fn(&[u8]) -> Option<bool>) -> Option<bool> {
    if nal_length_size == 0 {
        return avc::annex_b_units(packet).find_map(read);
    }
    let mut rest = packet;
    loop {
        let (length, body) = rest.split_at_checked(usize::from(nal_length_size.min(4)))?;
        if let Some(answer) = read(body) {
            return Some(answer);
        }
        let length = length.iter().fold(0usize, |value, byte| (value << 8) | usize::from(*byte));
        rest = body.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the first slice decides, whatever stands before it and however lengths are written.
    #[test]
    fn the_first_slice_tells_random_access() {
        let idr = [&[0, 0, 0, 2, 0x09, 0xF0][..], &[0, 0, 0, 2, 0x65, 0x88]].concat();
        assert_eq!(is_random_access(Codec::H264, 4, &idr), Some(true));
        assert_eq!(is_random_access(Codec::H264, 4, &idr[..6]), None);
        assert_eq!(is_random_access(Codec::H264, 2, &[0, 2, 0x41, 0x9A]), Some(false));
        assert_eq!(is_random_access(Codec::H264, 0, &[0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x65, 0x88]), Some(true));
        // A CRA picture behind an SEI message; a trailing picture.
        assert_eq!(is_random_access(Codec::Hevc, 4, &[0, 0, 0, 2, 0x4E, 1, 0, 0, 0, 9, 0x2A, 1]), Some(true));
        assert_eq!(is_random_access(Codec::Hevc, 4, &[0, 0, 0, 9, 0x02, 1]), Some(false));
        assert_eq!(is_random_access(Codec::H264, 4, &[0xFF; 9]), None);
        assert_eq!(is_random_access(Codec::Aac, 0, &[0x21]), None);
        let leading = |nal: u8| is_skipped_leading(Codec::Hevc, 4, &[0, 0, 0, 9, nal << 1, 1]);
        assert_eq!([6, 8, 9, 21].map(leading), [Some(false), Some(true), Some(true), Some(false)]);
        assert_eq!(is_skipped_leading(Codec::H264, 4, &idr), None);
    }
}
