//! How decode times are told (PACKAGING 5.3).
//!
//! A track is decoded from the time of its first picture on, which takes negative composition offsets, as CMAF has it (ISO/IEC 23000-19,
//! brand `cmf2`): what players read as the time of a segment, decode time or presentation, is then the time at which playlists have it.
//! Players built on ffmpeg show a track with such offsets late, by as much as its most negative one. For them there is the fallback
//! profile: everything, subtitles included, comes later by D, but for decode times, so that no picture is shown before it is decoded.

use super::Cuts;
use super::clock::{NS_PER_S, rescale, rescale_up};
use crate::Result;
use crate::container::{Layout, MediaIndex, Packet, Track};
use crate::model::Codec;

/// Pictures that are taken to be decoded ahead where the bitstream does not say: the most that usual encoders do.
const USUAL_REORDER_COUNT: u8 = 4;
/// Most that are believed: the most that H.264 and HEVC hold back.
const MAX_REORDER_COUNT: u8 = 16;

/// How long before its first picture a track of MP4 begins to decode, in its ticks: by as much its decode times are told later. 0 for
/// Matroska, whose decode times are made so.
pub(super) fn decode_lead_ticks(index: &MediaIndex, track_index: usize) -> i64 {
    let start_ticks = index.tracks.get(track_index).map_or(0, |track| track.start_ticks);
    start_ticks.saturating_sub(index.decode_start_ticks(track_index))
}

/// Packets with decode times later by so much.
pub(super) fn decoded_later(packets: &[Packet], lead_ticks: i64) -> Vec<Packet> {
    let later = |packet: &Packet| Packet { dts_ticks: packet.dts_ticks.saturating_add(lead_ticks), ..packet.clone() };
    packets.iter().map(later).collect()
}

/// By how much the fallback profile moves everything, in ticks of the track that was cut: by the most negative offset where tables tell it, else
/// by the reorder depth in pictures. 0 where no picture is shown before others that precede it, so that nothing has to move.
///
/// # Errors
/// What the tables of an MP4 file say.
pub(super) fn delay_ticks(index: &MediaIndex, cuts: &Cuts) -> Result<i64> {
    let Some(track) = index.tracks.get(cuts.track_index) else { return Ok(0) };
    if let Layout::Mp4(_) = index.layout {
        return deepest_offset(index, cuts);
    }
    Ok(reorder_ticks(track))
}

/// The most negative composition offset of a track, as a positive number.
fn deepest_offset(index: &MediaIndex, cuts: &Cuts) -> Result<i64> {
    let lead_ticks = decode_lead_ticks(index, cuts.track_index);
    let mut deepest = 0;
    // A segment at a time: all packets of a film at once take much memory.
    for at in 0..cuts.segment_count() {
        let Some(query) = cuts.query(cuts.track_index, at) else { break };
        if let Some(packets) = index.tabled_packets(&query)? {
            let offsets = packets.iter().map(|packet| packet.dts_ticks.saturating_sub(packet.pts_ticks));
            deepest = offsets.map(|offset| offset.saturating_add(lead_ticks)).fold(deepest, i64::max);
        }
    }
    Ok(deepest)
}

/// The reorder depth of a track in ticks, rounded up.
fn reorder_ticks(track: &Track) -> i64 {
    let Some(video) = &track.info.video else { return 0 };
    let usual = match track.info.codec {
        Codec::H264 | Codec::Hevc => USUAL_REORDER_COUNT,
        // A packet of these holds what is decoded ahead, and is shown at once.
        _ => 0,
    };
    let count = i64::from(video.reorder_count.unwrap_or(usual).min(MAX_REORDER_COUNT));
    let (frames, per) = video.frame_rate.filter(|rate| rate.0 > 0).unwrap_or((24, 1));
    rescale_up(count.saturating_mul(i64::from(per)), u64::from(frames), u64::from(track.info.timescale))
}

/// Moves the origin, so that everything comes later by the delay.
pub(super) fn delay_all(index: &MediaIndex, cuts: &mut Cuts, delay_ticks: i64) {
    let timescale = index.tracks.get(cuts.track_index).map_or(1, |track| track.info.timescale);
    cuts.origin_ns = cuts.origin_ns.saturating_sub(rescale(delay_ticks, u64::from(timescale), NS_PER_S));
}

/// The packets of a segment with decode times earlier by the delay, or by more where a picture would still be shown before it is decoded. The
/// segment begins and ends when it did, less the delay: neighbours still join.
pub(super) fn decoded_earlier(packets: &[Packet], delay_ticks: i64) -> Vec<Packet> {
    let mut out = packets.to_vec();
    let mut next = packets
        .last()
        .map_or(0, |last| last.dts_ticks.saturating_add(i64::from(last.duration_ticks)).saturating_sub(delay_ticks));
    let mut earliest = i64::MAX;
    for packet in out.iter_mut().rev() {
        earliest = earliest.min(packet.pts_ticks);
        packet.dts_ticks = packet.dts_ticks.saturating_sub(delay_ticks).min(earliest);
        packet.duration_ticks = u32::try_from(next.saturating_sub(packet.dts_ticks).max(0)).unwrap_or(u32::MAX);
        next = packet.dts_ticks;
    }
    out
}
