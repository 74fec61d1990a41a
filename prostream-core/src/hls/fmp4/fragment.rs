//! Movie fragments.

use bytes::Bytes;

use super::TRACK_ID;
use super::roll;
use super::writer::BoxWriter;
use crate::container::Packet;
use crate::model::{TrackInfo, TrackKind};
use crate::{Error, ErrorKind, Result};

/// Sample flags (ISO/IEC 14496-12, 8.8.3.1) of a sample that needs no other.
pub(super) const SYNC_FLAGS: u32 = 0x0200_0000;
/// Sample flags of a sample that needs others: depends on others, not a sync sample.
pub(super) const NON_SYNC_FLAGS: u32 = 0x0101_0000;

const TFHD_DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
const TFHD_DEFAULT_DURATION: u32 = 0x08;
const TFHD_DEFAULT_SIZE: u32 = 0x10;
const TFHD_DEFAULT_FLAGS: u32 = 0x20;
pub(super) const TRUN_DATA_OFFSET: u32 = 0x01;
const TRUN_FIRST_SAMPLE_FLAGS: u32 = 0x04;
const TRUN_DURATION: u32 = 0x100;
const TRUN_SIZE: u32 = 0x200;
pub(super) const TRUN_FLAGS: u32 = 0x400;
const TRUN_COMPOSITION_OFFSET: u32 = 0x800;

/// The head of a media segment: everything before the payload, which follows packet by packet in the order given.
#[derive(Clone, Debug)]
pub struct FragmentHeader {
    /// `styp`, `moof` and the header of `mdat`.
    pub bytes: Bytes,
    /// Bytes of payload that follow.
    pub payload_size: u64,
}

/// What a fragment has in common over its samples, and so writes once.
struct Shape {
    duration: Option<u32>,
    size: Option<u32>,
    flags: Flags,
    has_offsets: bool,
    payload_size: u64,
}

enum Flags {
    All(u32),
    FirstIsSync,
    Each,
}

impl Shape {
    fn of(packets: &[Packet]) -> Result<Self> {
        let mut shape = Self {
            duration: packets.first().map(|packet| packet.duration_ticks),
            size: packets.first().map(sample_size).transpose()?,
            flags: Flags::Each,
            has_offsets: false,
            payload_size: 0,
        };
        let mut sync_count = 0usize;
        for packet in packets {
            let size = sample_size(packet)?;
            shape.payload_size = shape.payload_size.saturating_add(u64::from(size));
            if shape.size != Some(size) {
                shape.size = None;
            }
            if shape.duration != Some(packet.duration_ticks) {
                shape.duration = None;
            }
            shape.has_offsets |= packet.pts_ticks != packet.dts_ticks;
            sync_count = sync_count.saturating_add(usize::from(packet.is_sync));
        }
        shape.flags = match sync_count {
            count if count == packets.len() => Flags::All(SYNC_FLAGS),
            0 => Flags::All(NON_SYNC_FLAGS),
            1 if packets.first().is_some_and(|packet| packet.is_sync) => Flags::FirstIsSync,
            _ => Flags::Each,
        };
        Ok(shape)
    }
}

fn sample_size(packet: &Packet) -> Result<u32> {
    u32::try_from(packet.payload.size_bytes())
        .map_err(|_| Error::new(ErrorKind::LimitExceeded, "write segment").detail("sample over 4 GiB"))
}

/// The head of the segment `index` of a track that holds `packets`, whose times are moved back by `shift_ticks`.
///
/// `start_ticks` (unshifted) is where a segment without packets lies.
///
/// # Errors
/// `LimitExceeded` for a sample over 4 GiB; `Malformed` when a composition offset does not fit into 32 bits.
pub fn fragment_header(
    track: &TrackInfo,
    index: u32,
    packets: &[Packet],
    shift_ticks: i64,
    start_ticks: i64,
) -> Result<FragmentHeader> {
    let shape = Shape::of(packets)?;
    let mut out = BoxWriter::with_capacity(packets.len().saturating_mul(16).saturating_add(160));
    out.write(*b"styp", |out| {
        out.bytes(b"msdh");
        out.u32(0);
        out.bytes(b"msdhmsix");
    });
    let moof = out.out.len();
    let first_dts = packets.first().map_or(start_ticks, |packet| packet.dts_ticks);
    let mut data_offset = 0;
    let mut written = Ok(());
    out.write(*b"moof", |out| {
        out.write_full(*b"mfhd", 0, 0, |out| out.u32(index.saturating_add(1)));
        out.write(*b"traf", |out| {
            write_tfhd(out, &shape);
            // Never negative: the origin is the earliest time there is.
            let time = u64::try_from(first_dts.saturating_sub(shift_ticks)).unwrap_or(0);
            out.write_full(*b"tfdt", 1, 0, |out| out.u64(time));
            (data_offset, written) = write_trun(out, &shape, packets);
            if let (Some(_), Ok(count @ 1..)) = (roll::distance(track), u32::try_from(packets.len())) {
                roll::write_group(out, count);
            }
        });
    });
    written?;
    let has_long_size = shape.payload_size.saturating_add(8) > u64::from(u32::MAX);
    let mdat_header: u32 = if has_long_size { 16 } else { 8 };
    let moof_size = u32::try_from(out.out.len().saturating_sub(moof)).unwrap_or(u32::MAX);
    out.patch(data_offset, moof_size.saturating_add(mdat_header));
    if has_long_size {
        out.u32(1);
        out.bytes(b"mdat");
        out.u64(shape.payload_size.saturating_add(16));
    } else {
        out.u32(u32::try_from(shape.payload_size.saturating_add(8)).unwrap_or(u32::MAX));
        out.bytes(b"mdat");
    }
    Ok(FragmentHeader { bytes: out.finish(), payload_size: shape.payload_size })
}

fn write_tfhd(out: &mut BoxWriter, shape: &Shape) {
    let default_flags = match shape.flags {
        Flags::All(flags) => Some(flags),
        Flags::FirstIsSync => Some(NON_SYNC_FLAGS),
        Flags::Each => None,
    };
    let mut flags = TFHD_DEFAULT_BASE_IS_MOOF;
    flags |= shape.duration.map_or(0, |_| TFHD_DEFAULT_DURATION);
    flags |= shape.size.map_or(0, |_| TFHD_DEFAULT_SIZE);
    flags |= default_flags.map_or(0, |_| TFHD_DEFAULT_FLAGS);
    out.write_full(*b"tfhd", 0, flags, |out| {
        out.u32(TRACK_ID);
        for value in [shape.duration, shape.size, default_flags].into_iter().flatten() {
            out.u32(value);
        }
    });
}

/// Writes the samples and says where the data offset stands, which is known once the `moof` is complete.
fn write_trun(out: &mut BoxWriter, shape: &Shape, packets: &[Packet]) -> (usize, Result<()>) {
    let mut flags = TRUN_DATA_OFFSET;
    flags |= if shape.duration.is_none() { TRUN_DURATION } else { 0 };
    flags |= if shape.size.is_none() { TRUN_SIZE } else { 0 };
    flags |= if shape.has_offsets { TRUN_COMPOSITION_OFFSET } else { 0 };
    flags |= match shape.flags {
        Flags::All(_) => 0,
        Flags::FirstIsSync => TRUN_FIRST_SAMPLE_FLAGS,
        Flags::Each => TRUN_FLAGS,
    };
    let mut data_offset = 0;
    let mut written = Ok(());
    out.write_full(*b"trun", 1, flags, |out| {
        out.u32(u32::try_from(packets.len()).unwrap_or(u32::MAX));
        data_offset = out.out.len();
        out.u32(0);
        if matches!(shape.flags, Flags::FirstIsSync) {
            out.u32(SYNC_FLAGS);
        }
        for packet in packets {
            if shape.duration.is_none() {
                out.u32(packet.duration_ticks);
            }
            if shape.size.is_none() {
                // Shape::of has seen that it fits.
                out.u32(u32::try_from(packet.payload.size_bytes()).unwrap_or(u32::MAX));
            }
            if matches!(shape.flags, Flags::Each) {
                out.u32(if packet.is_sync { SYNC_FLAGS } else { NON_SYNC_FLAGS });
            }
            if shape.has_offsets {
                match i32::try_from(packet.pts_ticks.saturating_sub(packet.dts_ticks)) {
                    Ok(offset) => out.bytes(&offset.to_be_bytes()),
                    Err(_) => written = Err(ErrorKind::Malformed),
                }
            }
        }
    });
    let written = written
        .map_err(|kind| Error::new(kind, "write segment").detail("presentation and decode time lie too far apart"));
    (data_offset, written)
}

/// Most bytes that the head of a segment with so many packets takes: for bandwidths, where none is written.
#[must_use]
pub fn header_size_bound(kind: TrackKind, packet_count: u64) -> u64 {
    // For each sample its size and duration; for video also flags and composition offset.
    let (each, once): (u64, u64) = if kind == TrackKind::Video { (16, 144) } else { (8, 144 + roll::GROUP_SIZE) };
    packet_count.saturating_mul(each).saturating_add(once)
}
