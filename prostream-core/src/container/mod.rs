//! Containers: bytes in, [`MediaIndex`] out.
//!
//! Readers do no I/O. They are plain functions of the bytes at hand ([`Extents`]) and answer [`Step::Need`] with the
//! ranges they miss; the caller fetches those and calls again. [`open`] is the one driver that sees a source.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod codec;
mod driver;
pub mod matroska;
pub mod mp4;
mod stored;
mod sync;

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::model::{ByteRange, Codec, Extents, Language, SampleEntry, TrackInfo, TrackKind};
use crate::{Error, ErrorKind, Result};

pub(crate) use driver::read_missing;
pub use driver::{complete, open};
pub use stored::STORED_FORMAT;

/// Largest index memory of one file, in bytes (PARSE-01).
pub const MAX_INDEX_BYTES: u64 = 64 * 1024 * 1024;
/// Most bytes fetched while a file is opened (PARSE-02).
pub const MAX_OPEN_BYTES: u64 = 64 * 1024 * 1024;
/// Most rounds of reads while a file is opened (PARSE-02).
pub const MAX_OPEN_ROUNDS: u32 = 64;
/// Deepest nesting of boxes or elements.
pub const MAX_DEPTH: u32 = 32;
/// What to do about a file that cannot be read to its end.
pub(crate) const BROKEN_ADVICE: &str = "the file is broken or incomplete: choose another release";
/// Most tracks of a file that are looked at; more is an error.
pub const MAX_TRACKS: usize = 256;

/// As much of a frame as is looked at for the kind of its picture: parameter sets and messages may stand in front.
const HEAD_BYTES: u64 = 1024;
/// Packets leave with lengths of four bytes, whatever the file has.
const NAL_LENGTH_SIZE: u8 = 4;

/// An answer, or what is missing for it.
#[derive(Debug)]
pub enum Step<T> {
    /// These ranges are needed (clamped to the file, in order, not overlapping, never empty). Asked for again with the same bytes at hand,
    /// the same answer comes back: a caller that already gave them sees a defect of the reader.
    Need(Vec<ByteRange>),
    /// Done.
    Done(T),
}

/// Which container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContainerKind {
    /// ISO base media (MP4, MOV, M4A).
    Mp4,
    /// Matroska.
    Matroska,
    /// WebM.
    Webm,
}

/// Everything that is known of a file without its payload. Immutable, shared by all who play the file.
#[derive(Debug)]
pub struct MediaIndex {
    /// Which container.
    pub container: ContainerKind,
    /// Length of the file in bytes.
    pub size_bytes: u64,
    /// Length in nanoseconds as the container says or, better, as its samples say; 0 when unknown.
    pub duration_ns: u64,
    /// All tracks, supported or not, in order of the file.
    pub tracks: Vec<Track>,
    /// Chapters in order of their start; those inside others and those that are hidden are left out.
    pub chapters: Vec<Chapter>,
    /// Files that are carried along, such as fonts and a cover.
    pub attachments: Vec<Attachment>,
    /// Where the samples lie.
    pub layout: Layout,
    /// It was [made anew](complete): the file may be known by an older index too, which cuts in other places.
    pub is_completed: bool,
}

/// A named part of a film.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// Where it begins, in nanoseconds from the container's time 0.
    pub start_ns: u64,
    /// Where it ends, where the file says so.
    pub end_ns: Option<u64>,
    /// Its name; empty when it has none.
    pub title: String,
    /// Language of the name, where it is known.
    pub language: Option<Language>,
}

/// A file inside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, as the file says: not to be trusted as a path.
    pub name: String,
    /// Its media type, as the file says.
    pub media_type: String,
    /// Where its bytes lie.
    pub range: ByteRange,
}

/// One track and where it begins and ends.
#[derive(Debug)]
pub struct Track {
    /// What it is.
    pub info: TrackInfo,
    /// Presentation time of its earliest sample, in ticks of the track's timescale, edit lists folded in. May be negative.
    pub start_ticks: i64,
    /// Presentation time at which its last sample ends. For Matroska the duration of the file.
    pub end_ticks: i64,
    /// The places where decoding can start, in decode order with strictly rising times: what cuts are made from. For video the sync
    /// samples by PACKAGING 5.4 (H.264 IDR; HEVC IDR and CRA); empty for tracks where every sample is one and a table knows them.
    pub sync_points: Vec<SyncPoint>,
    /// Known that every sync point is a closed one: pictures after it in decode order need nothing before it.
    pub has_closed_gops: bool,
    /// Largest rate of the track over any segment is not known here; average bits a second, 0 when unknown.
    pub average_bits_per_s: u64,
    /// Where other sample descriptions than the first, [`TrackInfo::sample_entry`], begin to apply, in decode order: parameter sets that
    /// change in the middle of a film. Empty for nearly every file.
    pub descriptions: Vec<Description>,
}

/// A further sample description of a track: a player has to be given another init segment from there on.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Decode-order number of the first sample that it applies to.
    pub from_sample_index: u32,
    /// Presentation time of that sample, in ticks of the track.
    pub from_ticks: i64,
    /// What goes into the init segment.
    pub sample_entry: SampleEntry,
    /// `CODECS` string of it.
    pub codec_string: String,
}

/// A place where decoding can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncPoint {
    /// Presentation time in ticks of the track.
    pub pts_ticks: i64,
    /// Decode-order number of the sample (MP4); 0 where samples are not numbered (Matroska).
    pub sample_index: u32,
    /// Where the sample (MP4) or the cluster that holds its block (Matroska) begins in the file.
    pub offset_bytes: u64,
    /// Matroska: where its block begins relative to the first byte of the cluster's data, from CueRelativePosition; 0 when unknown.
    pub block_offset_bytes: u64,
}

impl SyncPoint {
    /// What lies just behind it: between the two lies one sample of its track, whether samples are found by number or by time.
    #[must_use]
    pub fn just_after(&self) -> Self {
        Self { pts_ticks: self.pts_ticks.saturating_add(1), sample_index: self.sample_index.saturating_add(1), ..*self }
    }
}

/// Where the samples lie.
#[derive(Debug)]
#[non_exhaustive]
pub enum Layout {
    /// A table for each track, in the order of [`MediaIndex::tracks`].
    Mp4(mp4::Layout),
    /// Fragments of which only the places are known.
    Fragmented(mp4::FragmentedLayout),
    /// Clusters found through cues.
    Matroska(matroska::Layout),
}

/// Which packets of a track are wanted: those that belong to one segment by the ownership rule of PACKAGING 5.3.
///
/// A video track owns by decode order: from the sync sample at `from` up to, not with, the one at `to`. Any other track owns by start
/// time: packets whose start lies in `[from, to)`. `None` is the beginning or the end of the track: packets before the first boundary
/// belong to the first segment, those after the last to the last.
#[derive(Clone, Copy, Debug)]
pub struct PacketQuery {
    /// Index in [`MediaIndex::tracks`] of the track whose packets are wanted.
    pub track_index: usize,
    /// First boundary, in the words of the reference track.
    pub from: Option<Boundary>,
    /// Boundary of the next segment.
    pub to: Option<Boundary>,
}

/// A cut: a sync point of the reference track, or a time where no track has sync points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// Index in [`MediaIndex::tracks`] of the track that the cut was made from.
    pub track_index: usize,
    /// The sync point itself; for a track without sync points only its time counts.
    pub point: SyncPoint,
}

/// One sample of a track, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// Presentation time in ticks of the track, as in the file (edit list folded in, stamps snapped by PACKAGING 5.3), before any shift.
    pub pts_ticks: i64,
    /// Decode time in ticks of the track, likewise.
    pub dts_ticks: i64,
    /// Ticks until the next sample in decode order begins; for text how long the cue is shown, 0 where the file does not say.
    pub duration_ticks: u32,
    /// Decoding can start here.
    pub is_sync: bool,
    /// Its bytes.
    pub payload: Payload,
}

/// The bytes of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// As they lie in the file.
    InFile(ByteRange),
    /// Bytes that the container stripped from each packet, then the rest from the file (Matroska header stripping).
    Prefixed(Bytes, ByteRange),
    /// Rewritten, by one of the exceptions of PACKAGING 5.3.
    Rewritten(Bytes),
}

impl Payload {
    /// Length in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Payload::InFile(range) => range.len(),
            Payload::Prefixed(prefix, range) => (prefix.len() as u64).saturating_add(range.len()),
            Payload::Rewritten(bytes) => bytes.len() as u64,
        }
    }

    /// Up to `max_bytes` of its start; `None` where they are not at hand.
    fn start(&self, have: &Extents, max_bytes: u64) -> Option<Bytes> {
        let in_file = |range: &ByteRange| have.bytes(ByteRange::with_len(range.start, range.len().min(max_bytes)));
        match self {
            Payload::InFile(range) => in_file(range),
            Payload::Prefixed(prefix, range) => Some([prefix.as_ref(), &in_file(range)?].concat().into()),
            Payload::Rewritten(bytes) => Some(bytes.clone()),
        }
    }
}

/// What the pictures of a segment say of the cut in front of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutFinding {
    /// Decoding can start here, and no picture behind it in decode order needs what stands before.
    Closed,
    /// Decoding can start here, but pictures that are shown earlier need what stands before: an open GOP.
    Open,
    /// Decoding cannot start here, or not in every player: no sync sample by PACKAGING 5.4, whatever the container says.
    NotSync,
}

impl MediaIndex {
    /// Looks at the pictures of a segment, to see whether the index is right that they can be cut there: Cues are taken at their word
    /// until then. A pure function of what [`packets`](Self::packets) gave. `None` when the bytes do not tell, or for no video.
    ///
    /// An index with a cut that is [`CutFinding::NotSync`] should be [completed](complete) before the file is opened the next time; where every
    /// segment was seen to be [`CutFinding::Closed`], all are independent.
    #[must_use]
    pub fn examine_cut(&self, track_index: usize, packets: &[Packet], have: &Extents) -> Option<CutFinding> {
        let codec = self.tracks.get(track_index).filter(|track| track.info.kind == TrackKind::Video)?.info.codec;
        let first = packets.first()?;
        let is_sync = match codec::is_random_access(codec, NAL_LENGTH_SIZE, &first.payload.start(have, HEAD_BYTES)?) {
            Some(is_sync) => is_sync,
            None if matches!(codec, Codec::H264 | Codec::Hevc) => return None,
            None => first.is_sync,
        };
        if !is_sync {
            return Some(CutFinding::NotSync);
        }
        let mut leading = packets.iter().skip(1).filter(|packet| packet.pts_ticks < first.pts_ticks);
        let is_open = codec == Codec::Hevc
            && leading.any(|packet| {
                let start = packet.payload.start(have, HEAD_BYTES).unwrap_or_default();
                codec::is_skipped_leading(codec, NAL_LENGTH_SIZE, &start) != Some(false)
            });
        Some(if is_open { CutFinding::Open } else { CutFinding::Closed })
    }

    /// The packets that `query` names, in decode order.
    ///
    /// MP4 with tables answers at once for tracks that are sent [as they lie in the file](Self::is_verbatim). All else needs bytes of the
    /// file, which hold the payload too: keep them.
    ///
    /// # Errors
    /// `Malformed` when the bytes of the span are broken beyond the next cluster; `LimitExceeded` for a span over its limits.
    pub fn packets(&self, query: &PacketQuery, have: &Extents) -> Result<Step<Vec<Packet>>> {
        if self.tracks.len() <= query.track_index {
            return Err(Error::new(ErrorKind::InvalidInput, "read packets").detail("no such track"));
        }
        let step = match &self.layout {
            // Its table was judged when it was opened; its bytes need not be here.
            Layout::Mp4(layout) => return mp4::packets(self, layout, query, have),
            Layout::Fragmented(layout) => mp4::fragmented_packets(self, layout, query, have),
            Layout::Matroska(layout) => matroska::packets(self, layout, query, have),
        }?;
        let Step::Done(mut packets) = step else { return Ok(step) };
        self.unmark_false_syncs(query.track_index, &mut packets, have);
        Ok(Step::Done(packets))
    }

    /// Pictures that are marked as keyframes and are none lose the mark: players take it at its word when they seek. The first is where the
    /// segment was cut, for whatever reason, and keeps it.
    fn unmark_false_syncs(&self, track_index: usize, packets: &mut [Packet], have: &Extents) {
        let codec = self.tracks.get(track_index).map_or(Codec::Other, |track| track.info.codec);
        if !matches!(codec, Codec::H264 | Codec::Hevc) {
            return;
        }
        for packet in packets.iter_mut().skip(1).filter(|packet| packet.is_sync) {
            let start = packet.payload.start(have, HEAD_BYTES).unwrap_or_default();
            packet.is_sync = codec::is_random_access(codec, NAL_LENGTH_SIZE, &start) != Some(false);
        }
    }

    /// The packet of a sync point alone. Where no table knows it, little more than that packet's own bytes is asked for.
    ///
    /// # Errors
    /// `Malformed` when there is none where the index says.
    pub fn sync_packet(&self, boundary: &Boundary, have: &Extents) -> Result<Step<Packet>> {
        match &self.layout {
            Layout::Mp4(_) => {
                let to = Boundary { point: boundary.point.just_after(), ..*boundary };
                let query = PacketQuery { track_index: boundary.track_index, from: Some(*boundary), to: Some(to) };
                let packets = match self.packets(&query, have)? {
                    Step::Done(packets) => packets,
                    Step::Need(ranges) => return Ok(Step::Need(ranges)),
                };
                let none = || Error::new(ErrorKind::Malformed, "read packets").detail("no sample at a sync point");
                packets.into_iter().next().map(Step::Done).ok_or_else(none)
            }
            Layout::Fragmented(layout) => mp4::fragmented_sync_packet(self, layout, boundary, have),
            Layout::Matroska(layout) => matroska::sync_packet(self, layout, boundary, have),
        }
    }

    /// The packets of a query where tables know them without a byte of the file; payload as it lies there, be it there or not. `None` where
    /// there is no table.
    ///
    /// # Errors
    /// `LimitExceeded` for more packets than are given at once.
    pub fn tabled_packets(&self, query: &PacketQuery) -> Result<Option<Vec<Packet>>> {
        match &self.layout {
            Layout::Mp4(layout) => mp4::tabled_packets(self, layout, query).map(Some),
            _ => Ok(None),
        }
    }

    /// When the first packet of a query is shown, in ticks of its track; `None` where the query has none, and where no table knows it.
    ///
    /// # Errors
    /// `InvalidInput` for a track that does not exist.
    pub(crate) fn first_tabled_ticks(&self, query: &PacketQuery) -> Result<Option<i64>> {
        match &self.layout {
            Layout::Mp4(layout) => mp4::first_tabled_ticks(self, layout, query),
            _ => Ok(None),
        }
    }

    /// Are the packets of a track known without a byte of the file, and sent as they lie in it?
    #[must_use]
    pub fn is_verbatim(&self, track_index: usize) -> bool {
        matches!(&self.layout, Layout::Mp4(layout) if layout.is_verbatim(track_index))
    }

    /// Is it known that decoding can start at every sample of a track?
    #[must_use]
    pub fn is_all_sync(&self, track_index: usize) -> bool {
        matches!(&self.layout, Layout::Mp4(layout) if layout.is_all_sync(track_index))
    }

    /// Decode time of the first sample of a track, in its ticks: what begins first, where pictures are decoded before they are shown.
    #[must_use]
    pub fn decode_start_ticks(&self, track_index: usize) -> i64 {
        let start_ticks = self.tracks.get(track_index).map_or(0, |track| track.start_ticks);
        let known = match &self.layout {
            Layout::Mp4(layout) => layout.decode_start_ticks(track_index),
            Layout::Fragmented(layout) => layout.decode_start_ticks(track_index),
            Layout::Matroska(_) => None,
        };
        known.map_or(start_ticks, |ticks| ticks.min(start_ticks))
    }

    /// Cues were seen to name a picture that decoding cannot start at, and nothing was done about it, because that takes many small reads: such an
    /// index should be [completed](complete) before the file is opened the next time. What is at hand when a file is opened is looked at; segments
    /// tell more as they pass ([`examine_cut`](Self::examine_cut)).
    #[must_use]
    pub fn has_false_cues(&self) -> bool {
        matches!(&self.layout, Layout::Matroska(layout) if layout.has_false_cues)
    }

    /// Nobody knows where the keyframes of this file lie: its cuts are a grid of times, and lengths and rates only nominal. How far apart the
    /// keyframes of the first GOPs are; `None` for every other file. Such an index can be [completed](complete).
    #[must_use]
    pub fn grid_gop(&self) -> Option<Duration> {
        match &self.layout {
            Layout::Mp4(_) | Layout::Fragmented(_) => None,
            Layout::Matroska(layout) => {
                layout.grid_gop_ns().map(|gop_ns| Duration::from_nanos(u64::try_from(gop_ns).unwrap_or(0)))
            }
        }
    }

    /// About how much memory the index takes, in bytes: what caches count with.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let points: usize = self.tracks.iter().map(|track| std::mem::size_of_val(track.sync_points.as_slice())).sum();
        let layout = match &self.layout {
            Layout::Mp4(layout) => layout.memory_bytes(),
            Layout::Fragmented(layout) => layout.memory_bytes(),
            Layout::Matroska(layout) => layout.memory_bytes(),
        };
        let tracks = self.tracks.len().saturating_mul(1024);
        let chapter = |one: &Chapter| std::mem::size_of::<Chapter>().saturating_add(one.title.len());
        let attachment = |one: &Attachment| {
            std::mem::size_of::<Attachment>().saturating_add(one.name.len()).saturating_add(one.media_type.len())
        };
        let chapters = self.chapters.iter().map(chapter).fold(0, usize::saturating_add);
        let attachments = self.attachments.iter().map(attachment).fold(0, usize::saturating_add);
        [tracks, points, chapters, attachments, layout]
            .into_iter()
            .fold(std::mem::size_of::<Self>(), usize::saturating_add)
    }

    /// How many payload bytes of a track the segment between two boundaries holds, as good as known without reading; never low.
    #[must_use]
    pub fn estimate_bytes(&self, query: &PacketQuery) -> u64 {
        match &self.layout {
            Layout::Mp4(layout) => mp4::count_bytes(self, layout, query),
            Layout::Fragmented(layout) => mp4::estimate_fragmented_bytes(self, layout, query),
            Layout::Matroska(layout) => matroska::estimate_bytes(self, layout, query),
        }
    }
}
