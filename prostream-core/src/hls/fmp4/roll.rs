//! How far before a sample decoding has to begin for it to sound right (ISO/IEC 14496-12 section 10.1, CMAF section 10.3): sample groups of type
//! `roll`, for sound whose packets overlap.

use super::writer::BoxWriter;
use crate::model::{Codec, TrackInfo};

/// How long an Opus decoder runs in, in milliseconds (RFC 7845 section 4.6; the SeekPreRoll of Matroska).
const OPUS_PRE_ROLL_MS: u32 = 80;
/// Samples of an Opus packet where the file does not say: 20 ms at 48 kHz.
const USUAL_OPUS_SAMPLES: u32 = 960;

/// How many packets before each are decoded and not heard; `None` for a codec without overlap, and for video.
pub(super) fn distance(track: &TrackInfo) -> Option<i16> {
    let audio = track.audio.as_ref()?;
    match track.codec {
        // The overlap of its transform reaches one frame back.
        Codec::Aac => Some(-1),
        Codec::Opus => {
            let samples = audio.packet_samples.filter(|samples| *samples > 0).unwrap_or(USUAL_OPUS_SAMPLES);
            // Times of Opus count in 48 kHz, whatever it was made from.
            let count = OPUS_PRE_ROLL_MS.saturating_mul(48).div_ceil(samples);
            i16::try_from(count).ok().map(i16::saturating_neg)
        }
        _ => None,
    }
}

/// The description of the group, for the sample table of the init segment.
pub(super) fn write_description(out: &mut BoxWriter, distance: i16) {
    out.write_full(*b"sgpd", 1, 0, |out| {
        out.bytes(b"roll");
        out.u32(2); // length of each entry
        out.u32(1);
        out.bytes(&distance.to_be_bytes());
    });
}

/// All samples of a fragment belong to it.
pub(super) fn write_group(out: &mut BoxWriter, sample_count: u32) {
    out.write_full(*b"sbgp", 0, 0, |out| {
        out.bytes(b"roll");
        out.u32(1);
        out.u32(sample_count);
        out.u32(1); // the one description of the init segment
    });
}

/// Size of what [`write_group`] writes.
pub(super) const GROUP_SIZE: u64 = 28;
