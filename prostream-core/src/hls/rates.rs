//! How many bits a second a rendition takes: `BANDWIDTH` is never low and at most a tenth high.

use super::{Cuts, RenditionInfo, fmp4};
use crate::container::{Layout, MediaIndex, Track};
use crate::model::{Codec, TrackKind};

/// Size of the header of a Matroska block: its id, a length, and the four bytes before its frame (RFC 9559 section 10.2).
const BLOCK_HEADER_SIZE: u64 = 7;

/// A run of segments shorter than this part of the target duration counts as one: a hostile file has tens of thousands of them, all of which would
/// be compared with each other. No run is longer where films are what they usually are.
const LEAST_PARTS: f64 = 64.0;

/// One segment, or several that are far shorter than the target duration together.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    bytes: u64,
    length_s: f64,
    count: usize,
}

impl Run {
    /// The least that is taken of it where its other segments are not.
    fn least_s(&self) -> f64 {
        if self.count == 1 { self.length_s } else { 0.0 }
    }
}

/// Largest bits a second over any run of segments that lasts between half and one and a half target durations (RFC 8216 section 4.1).
pub(super) fn peak_bits_per_s(sizes: &[u64], durations_s: &[f64], target_s: u64) -> u64 {
    let target = target_s as f64;
    let runs = runs(sizes, durations_s, target / LEAST_PARTS);
    let mut peak = 0;
    for (first, edge) in runs.iter().enumerate() {
        let (mut bytes, mut length, mut between) = (0u64, 0.0, 0.0);
        // Not `skip`, which goes through all that lies before.
        for (at, last) in runs.get(first..).unwrap_or_default().iter().enumerate() {
            bytes = bytes.saturating_add(last.bytes);
            length += last.length_s;
            // As long as all of it, but for what may be missing of both ends.
            let least = if at == 0 { edge.least_s() } else { edge.least_s() + between + last.least_s() };
            if least > 1.5 * target {
                break;
            }
            if length >= 0.5 * target {
                peak = peak.max(rate(bytes, least.max(0.5 * target)));
            }
            between += if at == 0 { 0.0 } else { last.length_s };
        }
    }
    if peak == 0 { rate_of(sizes, durations_s) } else { peak }
}

/// The segments, those below `least_s` joined until they are no longer.
fn runs(sizes: &[u64], durations_s: &[f64], least_s: f64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(sizes.len());
    for (bytes, length_s) in sizes.iter().zip(durations_s) {
        match runs.last_mut() {
            Some(last) if last.length_s < least_s && *length_s < least_s => {
                last.bytes = last.bytes.saturating_add(*bytes);
                last.length_s += length_s;
                last.count = last.count.saturating_add(1);
            }
            _ => runs.push(Run { bytes: *bytes, length_s: *length_s, count: 1 }),
        }
    }
    runs
}

/// Bits a second over all of these.
pub(super) fn rate_of(sizes: &[u64], durations_s: &[f64]) -> u64 {
    rate(sizes.iter().copied().fold(0, u64::saturating_add), durations_s.iter().sum())
}

fn rate(bytes: u64, length_s: f64) -> u64 {
    // The cast saturates.
    if length_s > 0.0 { (bytes as f64 * 8.0 / length_s).ceil() as u64 } else { 0 }
}

/// Fills in the rates of a rendition. MP4 knows every size. Matroska knows how far apart the cuts lie in the file, with all tracks in
/// between: there the rate of the cut track stands for all, less what others are known to take.
pub(super) fn measure(info: &mut RenditionInfo, index: &MediaIndex, cuts: &Cuts, track_index: usize, target_s: u64) {
    let Some(track) = index.tracks.get(track_index) else { return };
    let is_exact = matches!(index.layout, Layout::Mp4(_));
    let is_cut_track = track_index == cuts.track_index;
    if !is_exact && !is_cut_track {
        info.peak_bits_per_s = known_bits_per_s(track);
        info.average_bits_per_s = info.peak_bits_per_s;
        return;
    }
    let durations = info.listed_durations_s();
    let mut sizes = Vec::with_capacity(durations.len());
    for (at, duration) in durations.iter().enumerate() {
        let Some(query) = cuts.query(track_index, at) else { break };
        let count = packet_count(track, cuts, is_cut_track && is_exact, at, *duration);
        let header = fmp4::header_size_bound(track.info.kind, count);
        // What a span holds of block headers is not passed on.
        let left_out = if is_exact { 0 } else { count.saturating_mul(BLOCK_HEADER_SIZE) };
        sizes.push(index.estimate_bytes(&query).saturating_sub(left_out).saturating_add(header));
    }
    let mut peak = peak_bits_per_s(&sizes, durations, target_s);
    let mut average = rate_of(&sizes, durations);
    if !is_exact {
        let others = index.tracks.iter().enumerate().filter(|(at, _)| *at != track_index);
        let known = others.fold(0u64, |sum, (_, other)| sum.saturating_add(span_bits_per_s(other)));
        // Tracks have their peaks at different times, but a span shows only their sum: a little room for that.
        peak = peak.saturating_sub(known).saturating_add(peak / 32);
        average = average.saturating_sub(known);
    }
    info.peak_bits_per_s = peak;
    info.average_bits_per_s = average;
}

/// What a track takes of a span where it is known: its packets and the headers of their blocks.
fn span_bits_per_s(track: &Track) -> u64 {
    let known = known_bits_per_s(track);
    if known == 0 {
        return 0;
    }
    let headers = (usual_packets_per_s(track) * BLOCK_HEADER_SIZE as f64 * 8.0) as u64;
    known.saturating_add(headers)
}

/// How many packets a segment has: counted where samples are numbered, else by their usual length.
fn packet_count(track: &Track, cuts: &Cuts, is_numbered: bool, at: usize, duration_s: f64) -> u64 {
    let point = |at: usize| cuts.boundaries.get(at).map(|boundary| boundary.point.sample_index);
    if is_numbered
        && track.info.kind == TrackKind::Video
        && let (Some(from), Some(to)) = (point(at), point(at.saturating_add(1)))
        && to != u32::MAX
    {
        return u64::from(to.saturating_sub(from));
    }
    (duration_s * usual_packets_per_s(track)).ceil() as u64
}

fn usual_packets_per_s(track: &Track) -> f64 {
    match (&track.info.video, &track.info.audio) {
        (Some(video), _) => video.frame_rate.map_or(25.0, |(frames, per)| f64::from(frames) / f64::from(per.max(1))),
        (_, Some(audio)) => f64::from(audio.sample_rate_hz) / f64::from(audio.packet_samples.unwrap_or(1024).max(1)),
        _ => 1.0,
    }
}

/// The rate of a track where it is known without its samples: as its reader says, or as Dolby audio declares it.
fn known_bits_per_s(track: &Track) -> u64 {
    /// Nominal rates of AC-3 in kbit/s by half their frame size code (ETSI TS 102 366, table 4.13).
    const AC3_KBIT_PER_S: [u64; 19] =
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
    if track.average_bits_per_s > 0 {
        return track.average_bits_per_s;
    }
    let payload = |kind: &[u8; 4]| {
        let config = track.info.sample_entry.boxes.iter().find(|child| child.get(4..8) == Some(&kind[..]))?;
        config.get(8..)
    };
    let kbit_per_s = match track.info.codec {
        // fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5, reserved 5.
        Codec::Ac3 => payload(b"dac3").and_then(|config| match config {
            [_, middle, last, ..] => AC3_KBIT_PER_S.get(usize::from((middle & 3) << 3 | last >> 5)).copied(),
            _ => None,
        }),
        // data_rate 13, then the number of substreams.
        Codec::Eac3 => payload(b"dec3").and_then(|config| match config {
            [high, low, ..] => Some(u64::from(u16::from_be_bytes([*high, *low]) >> 3)),
            _ => None,
        }),
        _ => None,
    };
    kbit_per_s.unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the words of the RFC, every run.
    fn peak_of_all_runs(sizes: &[u64], durations_s: &[f64], target_s: u64) -> u64 {
        let target = target_s as f64;
        let mut peak = 0;
        for first in 0..sizes.len() {
            for end in first + 1..=sizes.len() {
                let length: f64 = durations_s[first..end].iter().sum();
                if (0.5 * target..=1.5 * target).contains(&length) {
                    peak = peak.max(rate(sizes[first..end].iter().sum(), length));
                }
            }
        }
        if peak == 0 { rate_of(sizes, durations_s) } else { peak }
    }

    proptest! {
        /// Goal: the peak is that of the RFC for segments of usual lengths, and never below it for others.
        #[test]
        fn peaks_are_those_of_all_runs(
            usual in prop::collection::vec((1u64..1_000_000, 500u32..9000), 1..40),
            odd in prop::collection::vec((1u64..1_000_000, prop_oneof![0u32..90, 5000u32..9000]), 1..60),
        ) {
            let split = |list: &[(u64, u32)]| -> (Vec<u64>, Vec<f64>) {
                list.iter().map(|(size, ms)| (*size, f64::from(*ms) / 1000.0)).unzip()
            };
            // Sums of other orders differ in their last bits.
            let (sizes, durations) = split(&usual);
            let (ours, wanted) = (peak_bits_per_s(&sizes, &durations, 9), peak_of_all_runs(&sizes, &durations, 9));
            prop_assert!(ours.abs_diff(wanted) <= 1 + wanted / 1_000_000_000, "{ours} {wanted}");
            let (sizes, durations) = split(&odd);
            let (ours, wanted) = (peak_bits_per_s(&sizes, &durations, 9), peak_of_all_runs(&sizes, &durations, 9));
            prop_assert!(ours.saturating_add(1) >= wanted, "{ours} {wanted}");
        }
    }

    /// Goal: 65,536 segments of nothing beside one of three hours are compared in no time: found by the fuzzer, two seconds then.
    #[test]
    fn tens_of_thousands_of_short_segments_are_not_compared_with_each_other() {
        let mut durations = vec![0.000_1; 65_536];
        durations[7] = 10_000.0;
        let runs = runs(&vec![1; 65_536], &durations, 10_000.0 / LEAST_PARTS);
        assert_eq!(runs.len(), 3);
        assert!(peak_bits_per_s(&vec![1; 65_536], &durations, 10_000) > 0);
    }
}
