//! Samples of fragmented files: found through `moof` boxes, which are read when a segment asks for them.
//!
//! The index holds where fragments begin and when ([`Place`]), from `sidx`, `mfra` or a walk. What such a list says of sync samples is not
//! believed: a boundary is the first sync sample at or behind its place, for the segment before it and for the one after, so segments lie
//! end to end whatever the list says.

use super::boxes::{File, Read, Stop};
use super::fragment::{self, Defaults, MAX_MOOF_BYTES, Wanted};
use super::table::{Sample, SampleTable};
use super::{first_tick_at_or_after, invalid, limit_exceeded, malformed, most_packets, too_many_packets};
use crate::container::{Boundary, MediaIndex, Packet, PacketQuery};
use crate::model::{ByteRange, Extents, TrackKind};

/// Read beyond a span, so that the header of the next fragment is there too; and where a fragment of unknown size is looked into.
pub(super) const WINDOW_BYTES: u64 = 64 * 1024;
/// Windows that lie at most this far apart are asked for in one piece.
const GAP_BYTES: u64 = 128 * 1024;
/// How many fragments are gone back for sound that is muxed ahead of its pictures.
const MAX_LOOK_BACK: usize = 16;
/// How far behind its pictures a sample of another track may lie, in bytes.
const MAX_SKEW_BYTES: u64 = 64 * 1024 * 1024;
/// Most boxes that are stepped over for one segment.
const MAX_BOXES: u32 = 200_000;

/// Where a fragment begins, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset_bytes: u64,
    /// In ticks of the track that was listed.
    pub(super) ticks: i64,
}

/// What a track needs besides its fragments.
#[derive(Debug, Default)]
pub(super) struct FragmentTrack {
    pub(super) track_id: u32,
    pub(super) description: u32,
    pub(super) shift_ticks: i64,
    pub(super) is_all_sync: bool,
    /// Size of the lengths before NAL units, where it is not 4.
    pub(super) odd_nal_length_size: Option<u8>,
    /// Decode time of the first sample.
    pub(super) decode_start_ticks: i64,
}

impl FragmentTrack {
    /// What is read of a fragment for it.
    pub(super) fn wanted(&self, next_dts_ticks: Option<u64>, size_bytes: u64) -> Wanted {
        Wanted {
            track_id: self.track_id,
            shift_ticks: self.shift_ticks,
            is_all_sync: self.is_all_sync,
            description: self.description,
            next_dts_ticks,
            size_bytes,
        }
    }
}

/// Where the samples of a fragmented file lie.
#[derive(Debug)]
pub struct FragmentedLayout {
    /// In the order of [`MediaIndex::tracks`].
    pub(super) tracks: Vec<FragmentTrack>,
    /// Samples that `moov` lists itself, which come before all others; empty tables in most files.
    pub(super) heads: Vec<SampleTable>,
    pub(super) defaults: Vec<Defaults>,
    /// From the first fragment to the end of the last.
    pub(super) extent: ByteRange,
    /// Rising in offset; never empty.
    pub(super) places: Vec<Place>,
    /// Of the times of `places`.
    pub(super) timescale: u32,
}

impl FragmentedLayout {
    /// Memory of the layout, in bytes.
    pub(in crate::container) fn memory_bytes(&self) -> usize {
        let heads = self.heads.iter().map(SampleTable::memory_bytes).fold(0, usize::saturating_add);
        [
            size_of_val(self.tracks.as_slice()),
            size_of_val(self.defaults.as_slice()),
            size_of_val(self.places.as_slice()),
        ]
        .into_iter()
        .fold(heads, usize::saturating_add)
    }

    /// Decode time of the first sample of a track.
    pub(in crate::container) fn decode_start_ticks(&self, track_index: usize) -> Option<i64> {
        self.tracks.get(track_index).map(|track| track.decode_start_ticks)
    }

    /// The last place that begins at or before a time of some timescale.
    fn place_at(&self, ticks: i64, timescale: u32) -> usize {
        let ticks = first_tick_at_or_after(ticks.saturating_add(1), timescale, self.timescale);
        self.places.partition_point(|place| place.ticks < ticks).saturating_sub(1)
    }
}

/// The packets of a query.
pub(super) fn packets(
    index: &MediaIndex,
    layout: &FragmentedLayout,
    query: &PacketQuery,
    have: &Extents,
) -> Read<Vec<Packet>> {
    let track = layout.tracks.get(query.track_index).ok_or_else(|| invalid("no such track"))?;
    let file = File { size_bytes: index.size_bytes, have, whole_gap_bytes: 0 };
    let kind = index.tracks.get(query.track_index).map_or(TrackKind::Subtitle, |track| track.info.kind);
    let reader = Reader { index, layout, track, kind, file };
    let owns_by_file_order = kind == TrackKind::Video
        && query.from.iter().chain(&query.to).all(|boundary| boundary.track_index == query.track_index);
    let samples = if owns_by_file_order { reader.by_file_order(query) } else { reader.by_time(query) }?;
    super::to_packets(&file, samples, track.odd_nal_length_size)
}

/// The first sync sample at or behind a sync point of the same track, alone.
pub(super) fn sync_packet(
    index: &MediaIndex,
    layout: &FragmentedLayout,
    boundary: &Boundary,
    have: &Extents,
) -> Read<Packet> {
    let none = || malformed("no sample at a sync point");
    let track = layout.tracks.get(boundary.track_index).ok_or_else(none)?;
    let kind = index.tracks.get(boundary.track_index).map_or(TrackKind::Subtitle, |track| track.info.kind);
    let file = File { size_bytes: index.size_bytes, have, whole_gap_bytes: 0 };
    let reader = Reader { index, layout, track, kind, file };
    let is_in_head = boundary.point.offset_bytes < layout.extent.start;
    let head = layout.heads.get(boundary.track_index).filter(|_| is_in_head);
    let mut sample = head.and_then(|head| head.sample(boundary.point.sample_index));
    let mut walk = Walk::new(&reader, boundary.point.offset_bytes.max(layout.extent.start));
    let mut found = Vec::new();
    while sample.is_none() {
        walk.next_fragment(&mut found)?.ok_or_else(none)?;
        sample = found.iter().find(|sample| sample.is_sync).copied();
    }
    let packets = super::to_packets(&file, sample.into_iter().collect(), track.odd_nal_length_size)?;
    Ok(packets.into_iter().next().ok_or_else(none)?)
}

/// A byte distance that is never below what the packets of a query take.
pub(super) fn estimate_bytes(index: &MediaIndex, layout: &FragmentedLayout, query: &PacketQuery) -> u64 {
    let place = |boundary: &Boundary| {
        if boundary.point.offset_bytes > 0 {
            return boundary.point.offset_bytes;
        }
        let timescale = index.tracks.get(boundary.track_index).map_or(1, |track| track.info.timescale);
        let at = layout.place_at(boundary.point.pts_ticks, timescale);
        layout.places.get(at).map_or(layout.extent.start, |place| place.offset_bytes)
    };
    let start = query.from.as_ref().map_or(0, place);
    let end = query.to.as_ref().map_or(layout.extent.end, place);
    end.saturating_sub(start)
}

/// Behind the last sync sample: made for tracks that go on longer.
fn is_behind(boundary: &Boundary) -> bool {
    boundary.point.sample_index == u32::MAX
}

struct Reader<'a> {
    index: &'a MediaIndex,
    layout: &'a FragmentedLayout,
    track: &'a FragmentTrack,
    kind: TrackKind,
    file: File<'a>,
}

impl Reader<'_> {
    /// The pictures from one boundary to the next, and with them all bytes in between.
    fn by_file_order(&self, query: &PacketQuery) -> Read<Vec<Sample>> {
        let extent = self.layout.extent;
        let to = query.to.filter(|to| !is_behind(to));
        let mut samples = Vec::new();
        if query.from.is_some_and(|from| is_behind(&from)) {
            return Ok(samples);
        }
        let is_in_head = |boundary: &Boundary| boundary.point.offset_bytes < extent.start;
        if let Some(head) = self.layout.heads.get(query.track_index)
            && query.from.is_none_or(|from| is_in_head(&from))
        {
            let first = query.from.map_or(0, |from| from.point.sample_index);
            let end = to.filter(is_in_head).map_or(head.count(), |to| to.point.sample_index);
            samples.extend(head.samples(first..end));
            if to.is_some_and(|to| is_in_head(&to)) {
                return Ok(samples);
            }
        }
        let from = query.from.filter(|from| !is_in_head(from));
        let start = from.map_or(extent.start, |from| from.point.offset_bytes);
        let end = to.map_or(extent.end, |to| to.point.offset_bytes).clamp(start, extent.end.max(start));
        let hull = ByteRange::new(start, end.saturating_add(WINDOW_BYTES).min(extent.end).max(start));
        let missing = self.file.missing(hull);
        if !missing.is_empty() {
            return Err(Stop::Need(missing));
        }
        let mut walk = Walk::new(self, start);
        let mut is_open = from.is_none();
        let mut found = Vec::new();
        while let Some(at) = walk.next_fragment(&mut found)? {
            for sample in found.drain(..) {
                is_open = is_open || sample.is_sync;
                if at >= end && sample.is_sync {
                    return Ok(samples);
                }
                if is_open {
                    self.push(&mut samples, sample)?;
                }
            }
        }
        Ok(samples)
    }

    /// The samples that begin between two boundaries.
    fn by_time(&self, query: &PacketQuery) -> Read<Vec<Sample>> {
        let timescale_of = |at: usize| self.index.tracks.get(at).map_or(1, |track| track.info.timescale);
        let timescale = timescale_of(query.track_index);
        let convert = |boundary: &Boundary| {
            first_tick_at_or_after(boundary.point.pts_ticks, timescale_of(boundary.track_index), timescale)
        };
        let (from, to) = (query.from.as_ref().map(convert), query.to.as_ref().map(convert));
        let holds = |sample: &Sample| {
            from.is_none_or(|from| from <= sample.pts_ticks) && to.is_none_or(|to| sample.pts_ticks < to)
        };
        let mut samples = Vec::new();
        if let Some(head) = self.layout.heads.get(query.track_index) {
            samples.extend(head.samples(head.range_by_time(from, to)).filter(holds));
        }
        let places = &self.layout.places;
        let first = from.map_or(0, |from| self.layout.place_at(from, timescale));
        let last = to.map_or(places.len(), |to| self.layout.place_at(to, timescale).saturating_add(1));
        self.look_ahead(first, last)?;
        let first = self.go_back(first, from)?;
        let start = places.get(first).map_or(self.layout.extent.start, |place| place.offset_bytes);
        let end = places.get(last).map_or(self.layout.extent.end, |place| place.offset_bytes);
        let mut walk = Walk::new(self, if first == 0 { self.layout.extent.start } else { start });
        let mut found = Vec::new();
        while let Some(at) = walk.next_fragment(&mut found)? {
            let is_past = to.is_some_and(|to| {
                found.first().is_some_and(|sample: &Sample| sample.dts_ticks.min(sample.pts_ticks) >= to)
            });
            if is_past || at > end.saturating_add(MAX_SKEW_BYTES) {
                break;
            }
            for sample in found.drain(..).filter(holds) {
                self.push(&mut samples, sample)?;
            }
        }
        Ok(samples)
    }

    /// Adds a sample to those of a query, if that may have more.
    fn push(&self, samples: &mut Vec<Sample>, sample: Sample) -> Read<()> {
        let most = most_packets(self.file.size_bytes);
        if samples.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(too_many_packets().into());
        }
        samples.push(sample);
        Ok(())
    }

    /// Asks for the headers of all fragments of a query at once.
    fn look_ahead(&self, first: usize, last: usize) -> Read<()> {
        let mut windows: Vec<ByteRange> = Vec::new();
        for place in self.layout.places.get(first..last).unwrap_or_default() {
            let window = ByteRange::with_len(place.offset_bytes, WINDOW_BYTES).intersect(self.layout.extent);
            // Most of them are at hand, with the pictures: the start tells.
            let end_at_hand = self.file.have.end_of_run(window.start);
            if end_at_hand > window.start.saturating_add(16) || window.is_empty() {
                continue;
            }
            match windows.last_mut() {
                Some(before) if window.start <= before.end.saturating_add(GAP_BYTES) => before.end = window.end,
                _ => windows.push(window),
            }
        }
        let missing: Vec<ByteRange> = windows.into_iter().flat_map(|window| self.file.missing(window)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    /// The place from which on no sample of the track from `from` on is missed.
    fn go_back(&self, first: usize, from: Option<i64>) -> Read<usize> {
        let is_sound = self.kind == TrackKind::Audio;
        let Some(from) = from.filter(|_| is_sound) else { return Ok(first) };
        let mut at = first;
        for _ in 0..MAX_LOOK_BACK {
            let Some(place) = self.layout.places.get(at).filter(|_| at > 0) else { break };
            let mut walk = Walk::new(self, place.offset_bytes);
            let mut found = Vec::new();
            let mut earliest = None;
            let end =
                self.layout.places.get(at.saturating_add(1)).map_or(self.layout.extent.end, |next| next.offset_bytes);
            while let Some(fragment) = walk.next_fragment(&mut found)? {
                if fragment >= end {
                    break;
                }
                earliest = found.iter().map(|sample| sample.pts_ticks).min();
                if earliest.is_some() {
                    break;
                }
            }
            if earliest.is_some_and(|earliest| earliest <= from) {
                break;
            }
            at = at.saturating_sub(1);
        }
        Ok(at)
    }
}

/// Fragments one after the other.
struct Walk<'a> {
    reader: &'a Reader<'a>,
    at: u64,
    boxes: u32,
    /// Decode time behind the last fragment, for those that name none.
    next_dts_ticks: Option<u64>,
}

impl<'a> Walk<'a> {
    fn new(reader: &'a Reader<'a>, at: u64) -> Self {
        Self { reader, at, boxes: 0, next_dts_ticks: None }
    }

    /// Puts the samples of the next fragment into `out` in place of what is there, and says where that fragment lies; `None` behind the last.
    fn next_fragment(&mut self, out: &mut Vec<Sample>) -> Read<Option<u64>> {
        let Reader { layout, track, file, .. } = *self.reader;
        out.clear();
        while self.at < layout.extent.end {
            self.boxes = self.boxes.saturating_add(1);
            if self.boxes > MAX_BOXES {
                return Err(limit_exceeded("too many boxes in one segment").into());
            }
            let Some(found) = file.header(self.at, WINDOW_BYTES)? else { return Ok(None) };
            if &found.kind == b"moof" {
                let body = read_moof(&file, &found)?;
                let wanted = track.wanted(self.next_dts_ticks, file.size_bytes);
                fragment::read_samples(&body, found.at, &layout.defaults, &wanted, out)?;
                if let Some(last) = out.last() {
                    let end =
                        last.dts_ticks.saturating_add(last.duration_ticks.into()).saturating_sub(track.shift_ticks);
                    self.next_dts_ticks = u64::try_from(end).ok();
                }
            }
            self.at = found.body.end;
            if &found.kind == b"moof" {
                return Ok(Some(found.at));
            }
        }
        Ok(None)
    }
}

/// The payload of `moof`; with it the header of the box behind is asked for, which leads on.
pub(super) fn read_moof(file: &File<'_>, found: &super::boxes::FileBox) -> Read<bytes::Bytes> {
    if found.body.len() > MAX_MOOF_BYTES {
        return Err(limit_exceeded("moof over 16 MiB").into());
    }
    if found.body.end > file.size_bytes {
        return Err(malformed("the file is cut off inside a fragment").into());
    }
    file.body(found, 16)
}
