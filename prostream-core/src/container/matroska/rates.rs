//! Rates of sound whose muxer counted nothing: from the blocks at the start of the file, which are at hand when it is opened.
//!
//! What lies between two cues is known as the sum of all tracks. Where there are several languages, of which a viewer takes one, their shares have
//! to be told apart.

use crate::container::{Boundary, Layout as AnyLayout, MediaIndex, PacketQuery, Step, SyncPoint};
use crate::model::{Codec, Extents, TrackKind};

/// How many places of the start are tried: where all that is muxed before one of them is at hand depends on how far behind its pictures sound lies.
const MAX_TRIES: usize = 4;
/// Of the rate at the start, as much is taken for the whole: what follows may be quieter, and a rate that is subtracted must not be high.
const SHARE_OF_16: u64 = 15;

/// The same index with average rates of sound where they were not known.
pub(super) fn with_rates_of_sound(mut index: MediaIndex, have: &Extents) -> MediaIndex {
    let is_sound = |at: &usize| {
        index.tracks.get(*at).is_some_and(|track| {
            track.info.kind == TrackKind::Audio && track.info.codec != Codec::Other && track.average_bits_per_s == 0
        })
    };
    let sounds: Vec<usize> = (0..index.tracks.len()).filter(is_sound).collect();
    if sounds.len() < 2 {
        return index;
    }
    let rates: Vec<(usize, u64)> =
        sounds.into_iter().filter_map(|at| Some((at, rate_at_start(&index, at, have)?))).collect();
    for (at, rate) in rates {
        if let Some(track) = index.tracks.get_mut(at) {
            track.average_bits_per_s = rate;
        }
    }
    index
}

/// Bits a second of a track from the start of the file up to the last sync point before which all is at hand.
fn rate_at_start(index: &MediaIndex, track_index: usize, have: &Extents) -> Option<u64> {
    let AnyLayout::Matroska(layout) = &index.layout else { return None };
    if layout.grid.is_some() {
        return None;
    }
    let (pictures, points) = index
        .tracks
        .iter()
        .enumerate()
        .map(|(at, track)| (at, &track.sync_points))
        .find(|found| !found.1.is_empty())?;
    let reach = have.end_of_run(layout.clusters.start);
    let place = |point: &SyncPoint| point.offset_bytes.saturating_add(point.block_offset_bytes);
    let near = points.get(1..points.partition_point(|point| place(point) < reach))?;
    near.iter().rev().take(MAX_TRIES).find_map(|point| {
        let to = Boundary { track_index: pictures, point: *point };
        let query = PacketQuery { track_index, from: None, to: Some(to) };
        let Ok(Step::Done(packets)) = super::packets(index, layout, &query, have) else { return None };
        let (first, last) = (packets.first()?, packets.last()?);
        let end = last.pts_ticks.saturating_add(i64::from(last.duration_ticks));
        let ticks = u64::try_from(end.saturating_sub(first.pts_ticks)).ok()?;
        let timescale = u64::from(index.tracks.get(track_index)?.info.timescale);
        let bytes = packets.iter().fold(0u64, |sum, packet| sum.saturating_add(packet.payload.size_bytes()));
        let bits = bytes.saturating_mul(8).saturating_mul(timescale).checked_div(ticks)?;
        (bits / 16).checked_mul(SHARE_OF_16)
    })
}
