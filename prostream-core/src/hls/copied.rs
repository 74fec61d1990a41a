//! A track whose samples are copied: the head of each segment is made here, the payload comes from the source as it is.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, future, stream};
use sha2::{Digest, Sha256};

use super::keyframes::{self, Keyframes};
use super::passing::{Part, Passing, joined_ranges};
use super::spans::{Samples, SpanReader};
use super::timing::{decoded_earlier, decoded_later};
use super::{Cuts, Rendition, RenditionInfo, Segment, fmp4};
use crate::container::{Boundary, MediaIndex, Packet, PacketQuery, Payload, Step, read_missing};
use crate::model::{ByteRange, Extents, TrackKind};
use crate::source::{ByteSource, ByteStream};
use crate::{Error, ErrorKind, Result};

/// Most rounds of reads for one segment: sound that is muxed far from its pictures is read on for in steps.
const MAX_ROUNDS: u32 = 64;
/// Most bytes read for one keyframe: the largest that is believed, and what is read to find it.
const MAX_KEYFRAME_BYTES: u64 = 32 * 1024 * 1024;
/// Most payload that is copied together of small reads before it is sent, in bytes: sound that is in memory already.
const MAX_READY_BYTES: u64 = 4 * 1024 * 1024;
/// Gaps between such reads up to this are read through: a system call takes as long as the copy of about 8 KiB.
const READY_GAP_BYTES: u64 = 4 * 1024;
/// Pieces below this are copied together: a system call for each audio packet costs more than its copy.
const SMALL_PIECE_SIZE: usize = 4 * 1024;
/// How far before the first picture of a segment, or behind the last, the sound of the same time is read along with them, in bytes: of a link
/// it would cost a request of its own after each jump.
const AROUND_BYTES: u64 = 512 * 1024;
/// Size of what small pieces are copied into.
const JOINED_SIZE: usize = 64 * 1024;

/// A rendition that copies the samples of one track.
#[derive(Debug)]
pub(super) struct CopiedRendition {
    pub(super) info: RenditionInfo,
    pub(super) index: Arc<MediaIndex>,
    pub(super) source: Arc<dyn ByteSource>,
    pub(super) cuts: Arc<Cuts>,
    /// Where the samples are found in the bytes between them (Matroska).
    pub(super) spans: Arc<SpanReader>,
    pub(super) variant_id: String,
    /// Index of the track in [`MediaIndex::tracks`].
    pub(super) track_index: usize,
    /// One for each sample description; never empty.
    pub(super) inits: Vec<Bytes>,
    /// By how much decode times are told later than the file says, so that they begin with the first picture, in ticks.
    pub(super) lead_ticks: i64,
    /// By how much they are told earlier than that, in ticks: the fallback timing profile.
    pub(super) delay_ticks: i64,
    /// The pictures that can be had by themselves.
    pub(super) keyframes: Option<Keyframes>,
    /// Where each segment begins, unshifted: where one without packets lies.
    pub(super) starts: Vec<i64>,
}

#[async_trait]
impl Rendition for CopiedRendition {
    fn info(&self) -> &RenditionInfo {
        &self.info
    }

    async fn init(&self) -> Result<Bytes> {
        self.init_after(0).await
    }

    async fn init_after(&self, change_count: u32) -> Result<Bytes> {
        let init = usize::try_from(change_count).ok().and_then(|at| self.inits.get(at));
        init.cloned().ok_or_else(|| Error::new(ErrorKind::NotFound, "read init segment"))
    }

    async fn segment(&self, index: u32) -> Result<Segment> {
        let at = usize::try_from(index).map_err(|_| no_segment())?;
        if at >= self.info.listed_durations_s().len() {
            return Err(no_segment());
        }
        // The tables of an MP4 file know every packet; others are found in the bytes of the span.
        let samples = if self.index.is_verbatim(self.track_index) {
            let query = self.cuts.query(self.track_index, at).ok_or_else(no_segment)?;
            let packets = read_packets(&self.index, &self.source, &query, &mut Extents::new(), 0).await?;
            Arc::new(Samples { packets, have: Extents::new() })
        } else {
            self.spans.samples(self.track_index, at).await?
        };
        let start = self.starts.get(at).copied().unwrap_or(0);
        let packets = match (self.delay_ticks, self.lead_ticks) {
            (0, 0) => Cow::Borrowed(&samples.packets),
            (0, lead_ticks) => Cow::Owned(decoded_later(&samples.packets, lead_ticks)),
            (delay_ticks, lead_ticks) => {
                Cow::Owned(decoded_earlier(&samples.packets, delay_ticks.saturating_sub(lead_ticks)))
            }
        };
        self.fragment(&self.info.name, index, Some(at), &packets, &samples.have, start)
    }

    async fn keyframe(&self, index: u32) -> Result<Segment> {
        let at = usize::try_from(index).map_err(|_| no_segment())?;
        let found = self.keyframes.as_ref().and_then(|keyframes| keyframes.get(at));
        let (point, duration_ticks) = found.ok_or_else(no_segment)?;
        let mut have = Extents::new();
        let packet = read(&self.source, &mut have, MAX_KEYFRAME_BYTES, |have| {
            self.index.sync_packet(&Boundary { track_index: self.track_index, point }, have)
        });
        let packet = keyframes::alone(packet.await?, duration_ticks);
        let name = format!("{} keyframe", self.info.name);
        self.fragment(&name, index, None, &[packet], &have, point.pts_ticks)
    }
}

fn no_segment() -> Error {
    Error::new(ErrorKind::NotFound, "read segment").detail("beyond the end")
}

impl CopiedRendition {
    /// Packets as a media segment; `name` tells segments of one number apart. `span`: which span they are, unless they are a part of one.
    fn fragment(
        &self,
        name: &str,
        index: u32,
        span: Option<usize>,
        packets: &[Packet],
        have: &Extents,
        start_ticks: i64,
    ) -> Result<Segment> {
        let shift = self.cuts.shift_ticks(self.info.track.timescale);
        let header = fmp4::fragment_header(&self.info.track, index, packets, shift, start_ticks)?;
        let etag = self.etag(name, index, &header.bytes, packets);
        let content_type = match self.info.track.kind {
            TrackKind::Video => "video/mp4",
            _ => "audio/mp4",
        };
        let size_bytes = (header.bytes.len() as u64).saturating_add(header.payload_size);
        let body = if self.index.is_verbatim(self.track_index) {
            self.stream_payload(header.bytes, span, packets)?
        } else {
            let pieces = gather(header.bytes, packets, have)?;
            Box::pin(stream::iter(pieces.into_iter().map(Ok)))
        };
        Ok(Segment { size_bytes, etag, content_type, is_provisional: false, body })
    }

    /// The body of a segment of a file whose tables tell where everything is.
    fn stream_payload(&self, header: Bytes, span: Option<usize>, packets: &[Packet]) -> Result<ByteStream> {
        let other = || Error::new(ErrorKind::Internal, "read segment").detail("rewritten samples in MP4");
        let wanted = joined_ranges(packets).ok_or_else(other)?;
        let (source, spans, track_index) = (self.source.clone(), self.spans.clone(), self.track_index);
        let is_cut_track = track_index == self.cuts.track_index;
        // Whoever only looks at the head pays for nothing.
        let payload = future::lazy(move |_| {
            let Some(at) = span else { return Payloads::new(source, vec![Part::InFile(wanted)], None) };
            if is_cut_track {
                let tracks = spans.passing(at);
                let passing = (!tracks.is_empty()).then_some(PassingSound { spans, segment_index: at, tracks });
                return Payloads::new(source, vec![Part::InFile(wanted)], passing);
            }
            let parts = match spans.passed(track_index, at) {
                Some(passed) => passed.split(&wanted),
                None => vec![Part::InFile(wanted)],
            };
            Payloads::new(source, parts, None)
        });
        Ok(Box::pin(stream::once(future::ready(Ok(header))).chain(stream::once(payload).flat_map(Payloads::stream))))
    }

    /// Names the bytes of a segment: which file, which variant, which samples.
    fn etag(&self, name: &str, index: u32, header: &[u8], packets: &[Packet]) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.index.size_bytes.to_be_bytes());
        hasher.update(self.variant_id.as_bytes());
        hasher.update(name.as_bytes());
        hasher.update(index.to_be_bytes());
        hasher.update(header);
        // The header holds sizes and times of all samples; here is where they lie (FNV-1a, for speed).
        let places = packets.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, packet| {
            let start = match &packet.payload {
                Payload::InFile(range) | Payload::Prefixed(_, range) => range.start,
                Payload::Rewritten(bytes) => bytes.len() as u64,
            };
            (hash ^ start).wrapping_mul(0x0100_0000_01b3)
        });
        hasher.update(places.to_be_bytes());
        short_hex(&hasher.finalize())
    }
}

/// The first 16 bytes in hex: an ETag.
pub(super) fn short_hex(digest: &[u8]) -> String {
    digest.iter().take(16).fold(String::with_capacity(32), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The packets of a query, with all bytes that it takes to know them.
///
/// # Errors
/// `LimitExceeded` when that would be more than `max_bytes`; what the reader and the source answer.
pub(super) async fn read_packets(
    index: &MediaIndex,
    source: &Arc<dyn ByteSource>,
    query: &PacketQuery,
    have: &mut Extents,
    max_bytes: u64,
) -> Result<Vec<Packet>> {
    read(source, have, max_bytes, |have| index.packets(query, have)).await
}

/// What a reader makes of the bytes that it asks for.
async fn read<T>(
    source: &Arc<dyn ByteSource>,
    have: &mut Extents,
    max_bytes: u64,
    step: impl Fn(&Extents) -> Result<Step<T>>,
) -> Result<T> {
    let limit = |detail: &'static str| Error::new(ErrorKind::LimitExceeded, "read segment").detail(detail);
    let mut read_bytes = 0u64;
    for _ in 0..MAX_ROUNDS {
        let ranges = match step(have)? {
            Step::Done(done) => return Ok(done),
            Step::Need(ranges) => ranges,
        };
        let wanted = ranges.iter().fold(0u64, |sum, range| sum.saturating_add(range.len()));
        if read_bytes.saturating_add(wanted) > max_bytes {
            return Err(limit("too many bytes for one segment"));
        }
        let count = read_missing(source, have, &ranges, 0).await?;
        if count == 0 {
            return Err(Error::new(ErrorKind::Internal, "read segment").detail("the reader asks for what it has"));
        }
        read_bytes = read_bytes.saturating_add(count);
    }
    Err(limit("too many reads for one segment"))
}

/// The body of a segment whose bytes are all in memory: header, then slices of what the source gave. Only small packets are copied.
fn gather(header: Bytes, packets: &[Packet], have: &Extents) -> Result<Vec<Bytes>> {
    let mut held = Held::new(have);
    let mut body = Body { pieces: vec![header], joined: BytesMut::new() };
    for packet in packets {
        match &packet.payload {
            Payload::InFile(range) => held.slice(*range, &mut body)?,
            Payload::Prefixed(prefix, range) => {
                body.push(prefix.clone());
                held.slice(*range, &mut body)?;
            }
            Payload::Rewritten(bytes) => body.push(bytes.clone()),
        }
    }
    body.flush();
    Ok(body.pieces)
}

/// Pieces of a body in order, small ones joined.
struct Body {
    pieces: Vec<Bytes>,
    joined: BytesMut,
}

impl Body {
    fn push(&mut self, piece: Bytes) {
        if piece.len() >= SMALL_PIECE_SIZE {
            self.flush();
            self.pieces.push(piece);
            return;
        }
        if self.joined.len().saturating_add(piece.len()) > JOINED_SIZE {
            self.flush();
        }
        if self.joined.capacity() < piece.len() {
            self.joined.reserve(JOINED_SIZE);
        }
        self.joined.extend_from_slice(&piece);
    }

    fn flush(&mut self) {
        if !self.joined.is_empty() {
            self.pieces.push(self.joined.split().freeze());
        }
    }
}

/// The pieces of a file that are in memory, walked along in order of the file.
struct Held<'a> {
    /// With the offset of their first byte, rising.
    pieces: Vec<(u64, &'a Bytes)>,
    at: usize,
}

impl<'a> Held<'a> {
    fn new(have: &'a Extents) -> Self {
        let mut pieces = Vec::new();
        for (start, rope) in have.iter() {
            let mut offset = start;
            for piece in rope.pieces() {
                pieces.push((offset, piece));
                offset = offset.saturating_add(piece.len() as u64);
            }
        }
        Self { pieces, at: 0 }
    }

    /// Adds the bytes of `range` to `body`.
    fn slice(&mut self, range: ByteRange, body: &mut Body) -> Result<()> {
        let absent = || Error::new(ErrorKind::Internal, "read segment").detail("a packet was not read");
        if self.pieces.get(self.at).is_none_or(|(start, _)| *start > range.start) {
            self.at = self.pieces.partition_point(|(start, _)| *start <= range.start).saturating_sub(1);
        }
        let mut from = range.start;
        while from < range.end {
            let (start, piece) = self.pieces.get(self.at).ok_or_else(absent)?;
            let end = start.saturating_add(piece.len() as u64);
            if end <= from {
                self.at = self.at.saturating_add(1);
                continue;
            }
            let skip = from.checked_sub(*start).ok_or_else(absent)?;
            let take = end.min(range.end).saturating_sub(from);
            // Both lie within the piece, whose length is a usize.
            let (skip, take) = (skip as usize, take as usize);
            body.push(piece.slice(skip..skip.saturating_add(take)));
            from = from.saturating_add(take as u64);
        }
        Ok(())
    }
}

/// A payload that is read while it is sent: nothing but the piece on its way is held.
struct Payloads {
    source: Arc<dyn ByteSource>,
    parts: VecDeque<Part>,
    cutter: Option<Cutter>,
    /// What may lie between the parts that are read, and where it goes.
    passing: Option<PassingSound>,
}

/// The sound between the pictures of a segment.
struct PassingSound {
    spans: Arc<SpanReader>,
    segment_index: usize,
    tracks: Vec<(usize, Passing)>,
}

impl PassingSound {
    /// From the first byte of it to the last.
    fn extent(&self) -> Option<ByteRange> {
        let extents = self.tracks.iter().filter_map(|(_, track)| track.extent());
        extents.reduce(|all, one| ByteRange::new(all.start.min(one.start), all.end.max(one.end)))
    }
}

impl Payloads {
    fn new(source: Arc<dyn ByteSource>, parts: Vec<Part>, passing: Option<PassingSound>) -> Self {
        Self { source, parts: parts.into(), cutter: None, passing }
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes>> {
        stream::try_unfold(self, |mut payload| async move {
            let piece = payload.next().await?;
            Ok(piece.map(|piece| (piece, payload)))
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(cutter) = &mut self.cutter {
                if let Some(piece) = cutter.next(self.passing.as_mut()).await? {
                    // Who knows the length does not ask whether there is more.
                    if cutter.wanted.is_empty() && self.parts.is_empty() {
                        self.keep();
                    }
                    return Ok(Some(piece));
                }
                self.cutter = None;
            }
            match self.parts.pop_front() {
                None => return Ok(None),
                Some(Part::Held(piece)) => return Ok(Some(piece)),
                Some(Part::InFile(ranges)) => {
                    let mut wanted = VecDeque::from(ranges);
                    let ready = copy_ready(&*self.source, &mut wanted);
                    let around = self.passing.as_ref().and_then(PassingSound::extent);
                    self.cutter = Some(Cutter::new(self.source.clone(), wanted, around));
                    if !ready.is_empty() {
                        return Ok(Some(ready.into()));
                    }
                }
            }
        }
    }

    /// All pictures were sent: what passed is kept.
    fn keep(&mut self) {
        if let Some(PassingSound { spans, segment_index, tracks }) = self.passing.take() {
            spans.keep_passed(segment_index, tracks);
        }
    }
}

/// Ranges joined over gaps of up to `gap` bytes, with the sum of what they hold.
fn runs_over(wanted: &VecDeque<ByteRange>, gap: u64) -> (VecDeque<ByteRange>, u64) {
    let mut runs: VecDeque<ByteRange> = VecDeque::new();
    let mut wanted_bytes = 0u64;
    for range in wanted {
        wanted_bytes = wanted_bytes.saturating_add(range.len());
        match runs.back_mut() {
            Some(run) if run.end <= range.start && range.start.saturating_sub(run.end) <= gap => run.end = range.end,
            _ => runs.push_back(*range),
        }
    }
    (runs, wanted_bytes)
}

/// Takes off the front what is in memory already, if most of what would be read for it is something else: sound among pictures. Where it is
/// not in memory, reading all of it in one go is far better than one wait for the disk after another.
fn copy_ready(source: &dyn ByteSource, wanted: &mut VecDeque<ByteRange>) -> Vec<u8> {
    let mut out = Vec::new();
    let (runs, wanted_bytes) = runs_over(wanted, source.seek_cost_bytes());
    let read_bytes = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.len()));
    if wanted_bytes > MAX_READY_BYTES || read_bytes / 2 < wanted_bytes {
        return out;
    }
    out.reserve(usize::try_from(wanted_bytes).unwrap_or_default());
    let mut run_bytes = Vec::new();
    for run in runs_over(wanted, READY_GAP_BYTES).0 {
        if wanted.front() == Some(&run) {
            if !source.copy_ready(run, &mut out) {
                break;
            }
            wanted.pop_front();
            continue;
        }
        run_bytes.clear();
        if !source.copy_ready(run, &mut run_bytes) {
            break;
        }
        while let Some(range) = wanted.pop_front_if(|range| run.contains_range(*range)) {
            // Both lie within the run, which was just read.
            let from = range.start.saturating_sub(run.start) as usize;
            let to = range.end.saturating_sub(run.start) as usize;
            out.extend_from_slice(run_bytes.get(from..to).unwrap_or_default());
        }
    }
    out
}

/// Cuts the wanted ranges out of longer runs of the file.
struct Cutter {
    source: Arc<dyn ByteSource>,
    /// What goes out, in order.
    wanted: VecDeque<ByteRange>,
    /// What is read, in order: each holds one or more of the wanted ranges.
    runs: VecDeque<ByteRange>,
    upstream: Option<ByteStream>,
    /// Read and not yet cut, at offset `at`.
    piece: Bytes,
    at: u64,
    run_end: u64,
}

impl Cutter {
    /// `around` is read along where it is near and the source is far: what lies before is shown to whoever passes, what lies behind is at hand
    /// for whoever asks next.
    fn new(source: Arc<dyn ByteSource>, wanted: VecDeque<ByteRange>, around: Option<ByteRange>) -> Self {
        let (mut runs, _) = runs_over(&wanted, source.seek_cost_bytes());
        let around = around.filter(|_| !source.is_local());
        let is_near = |distance: Option<u64>| distance.is_some_and(|distance| distance <= AROUND_BYTES);
        if let Some((first, around)) = runs.front_mut().zip(around)
            && is_near(first.start.checked_sub(around.start))
        {
            first.start = around.start;
        }
        if let Some((last, around)) = runs.back_mut().zip(around)
            && is_near(around.end.checked_sub(last.end))
        {
            last.end = around.end;
        }
        Self { source, wanted, runs, upstream: None, piece: Bytes::new(), at: 0, run_end: 0 }
    }

    /// The next piece of what goes out; what is skipped before it is shown to `passing`.
    async fn next(&mut self, mut passing: Option<&mut PassingSound>) -> Result<Option<Bytes>> {
        loop {
            let Some(range) = self.wanted.front_mut() else { return Ok(None) };
            if self.piece.is_empty() {
                if !self.read().await? {
                    return Err(
                        Error::new(ErrorKind::SourceChanged, "read segment").detail("fewer bytes than asked for")
                    );
                }
                continue;
            }
            let skip = range.start.saturating_sub(self.at).min(self.piece.len() as u64);
            if let Some(passing) = passing.as_mut().filter(|_| skip > 0) {
                let skipped = self.piece.get(..skip as usize).unwrap_or_default();
                passing.tracks.iter_mut().for_each(|(_, track)| track.pass(self.at, skipped));
            }
            self.at = self.at.saturating_add(skip);
            self.piece.advance(skip as usize);
            let take = range.end.saturating_sub(self.at).min(self.piece.len() as u64);
            if take == 0 {
                continue;
            }
            range.start = self.at.saturating_add(take);
            if range.start >= range.end {
                self.wanted.pop_front();
            }
            self.at = self.at.saturating_add(take);
            return Ok(Some(self.piece.split_to(take as usize)));
        }
    }

    /// Gets the next piece; `false` when a run ended early or there is none.
    async fn read(&mut self) -> Result<bool> {
        if let Some(upstream) = &mut self.upstream {
            if let Some(piece) = upstream.next().await {
                self.piece = piece?;
                return Ok(true);
            }
            self.upstream = None;
            if self.at < self.run_end {
                return Ok(false);
            }
        }
        let Some(run) = self.runs.pop_front() else { return Ok(false) };
        self.at = run.start;
        self.run_end = run.end;
        self.upstream = Some(self.source.clone().stream(run));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::TryStreamExt;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Rope;
    use crate::source::{MemorySource, SourceStats};

    /// A file whose first bytes are in memory, the rest on a disk.
    #[derive(Debug)]
    struct HalfReady {
        file: Arc<MemorySource>,
        content: Bytes,
        ready_bytes: u64,
        copy_count: AtomicU64,
    }

    impl HalfReady {
        fn new(content: Vec<u8>, ready_bytes: u64) -> Arc<Self> {
            let content = Bytes::from(content);
            let file = Arc::new(MemorySource::new(content.clone()));
            Arc::new(Self { file, content, ready_bytes, copy_count: AtomicU64::new(0) })
        }
    }

    #[async_trait]
    impl ByteSource for HalfReady {
        fn size_bytes(&self) -> u64 {
            self.file.size_bytes()
        }

        fn identity(&self) -> &str {
            self.file.identity()
        }

        async fn read_at(&self, range: ByteRange) -> Result<Rope> {
            self.file.read_at(range).await
        }

        fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
            self.file.clone().stream(range)
        }

        fn copy_ready(&self, range: ByteRange, out: &mut Vec<u8>) -> bool {
            self.copy_count.fetch_add(1, Ordering::Relaxed);
            let is_ready = range.end <= self.ready_bytes;
            if is_ready {
                out.extend_from_slice(&self.content[range.start as usize..range.end as usize]);
            }
            is_ready
        }

        fn stats(&self) -> SourceStats {
            self.file.stats()
        }
    }

    fn packet(range: ByteRange) -> Packet {
        Packet { pts_ticks: 0, dts_ticks: 0, duration_ticks: 1, is_sync: true, payload: Payload::InFile(range) }
    }

    fn expected(file: &[u8], ranges: &[ByteRange]) -> Vec<u8> {
        let cut = |range: &ByteRange| file[range.start as usize..range.end as usize].to_vec();
        b"head".iter().copied().chain(ranges.iter().flat_map(cut)).collect()
    }

    async fn payload(source: &Arc<dyn ByteSource>, packets: &[Packet]) -> Vec<u8> {
        let parts = vec![Part::InFile(joined_ranges(packets).unwrap())];
        let pieces: Vec<Bytes> = Payloads::new(source.clone(), parts, None).stream().try_collect().await.unwrap();
        pieces.concat()
    }

    proptest! {
        /// Goal: wherever the samples lie, in whatever order, near or far, the payload is their bytes: from memory and from the source.
        #[test]
        fn payload_is_the_samples(starts in prop::collection::vec((0u64..300_000, 0u64..9000), 0..30), pieces in prop::collection::vec(1usize..40_000, 1..10)) {
            let file: Vec<u8> = (0..310_000u32).map(|n| (n * 7 + n / 256) as u8).collect();
            let ranges: Vec<ByteRange> = starts.iter().map(|&(start, len)| ByteRange::with_len(start, len)).collect();
            let packets: Vec<Packet> = ranges.iter().map(|range| packet(*range)).collect();
            let mut have = Extents::new();
            let (mut at, mut sizes) = (0, pieces.iter().cycle());
            while at < file.len() {
                let end = (at + sizes.next().unwrap()).min(file.len());
                have.insert(at as u64, Bytes::copy_from_slice(&file[at..end]).into());
                at = end;
            }
            let held: Vec<u8> = gather(Bytes::from_static(b"head"), &packets, &have).unwrap().concat();
            prop_assert!(held == expected(&file, &ranges));
            let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(file.clone()));
            let streamed = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(payload(&source, &packets));
            prop_assert!([b"head", &streamed[..]].concat() == expected(&file, &ranges));
        }
    }

    proptest! {
        /// Goal: samples of which some are in memory already and others on a disk are the same bytes, in any order.
        #[test]
        fn ready_samples_are_the_same(starts in prop::collection::vec((0u64..300_000, 0u64..900), 0..30), is_sorted: bool, ready_bytes in 0u64..400_000) {
            let file: Vec<u8> = (0..310_000u32).map(|n| (n * 7 + n / 256) as u8).collect();
            let mut ranges: Vec<ByteRange> = starts.iter().map(|&(start, len)| ByteRange::with_len(start, len)).collect();
            if is_sorted {
                ranges.sort();
            }
            let packets: Vec<Packet> = ranges.iter().map(|range| packet(*range)).collect();
            let source: Arc<dyn ByteSource> = HalfReady::new(file.clone(), ready_bytes);
            let streamed = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(payload(&source, &packets));
            prop_assert!([b"head", &streamed[..]].concat() == expected(&file, &ranges));
        }
    }

    /// Goal: sound among pictures that is in memory is copied without them, near samples together; from a disk it is read in one go with what
    /// lies between, because each wait costs more than that; and what lies close together anyway is streamed.
    #[tokio::test]
    async fn sound_in_memory_is_copied_without_pictures() {
        let sound: Vec<Packet> =
            [0, 1000, 40_000, 41_000, 80_000].map(|start| packet(ByteRange::with_len(start, 400))).into();
        for (ready_bytes, copy_count, read_bytes) in [(100_000, 3, 0), (50_000, 3, 400), (500, 1, 80_400)] {
            let source = HalfReady::new(vec![1; 100_000], ready_bytes);
            let bytes = payload(&(source.clone() as Arc<dyn ByteSource>), &sound).await;
            assert_eq!(bytes.len(), 2000);
            assert_eq!(source.copy_count.load(Ordering::Relaxed), copy_count, "{ready_bytes}");
            assert_eq!(source.stats().read_bytes, read_bytes, "{ready_bytes}");
        }
        let pictures: Vec<Packet> = [0, 30_000].map(|start| packet(ByteRange::with_len(start, 29_000))).into();
        let source = HalfReady::new(vec![1; 100_000], 100_000);
        assert_eq!(payload(&(source.clone() as Arc<dyn ByteSource>), &pictures).await.len(), 58_000);
        assert_eq!((source.copy_count.load(Ordering::Relaxed), source.stats().request_count), (0, 1));
    }

    /// Goal: samples that lie near each other cost one read, large ones are not copied, small ones are joined.
    #[tokio::test]
    async fn near_samples_share_a_read() {
        let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(vec![1u8; 400_000]));
        let packets = [0, 10_000, 70_000, 200_000].map(|start| packet(ByteRange::with_len(start, 5000)));
        assert_eq!(payload(&source, &packets).await.len(), 20_000);
        assert_eq!(source.stats().request_count, 2);
        let mut have = Extents::new();
        let rope = source.read_at(ByteRange::new(0, 400_000)).await.unwrap();
        let first = rope.pieces()[0].as_ptr();
        have.insert(0, rope);
        let small = [20_000, 20_100, 20_200].map(|start| packet(ByteRange::with_len(start, 50)));
        let pieces = gather(Bytes::new(), &[&packets[..1], &small].concat(), &have).unwrap();
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [0, 5000, 150]);
        assert_eq!(pieces[1].as_ptr(), first);
    }

    /// Goal: of a link, the sound of a segment that lies a little before its pictures or behind them is read along with them, what lies far away
    /// is not; of a local file nothing is.
    #[tokio::test]
    async fn sound_around_the_pictures_is_read_along() {
        let pictures = || VecDeque::from([ByteRange::new(1_000_000, 1_010_000), ByteRange::new(5_000_000, 5_010_000)]);
        let far: Arc<dyn ByteSource> = HalfReady::new(vec![0; 6_000_000], 0);
        let near: Arc<dyn ByteSource> = Arc::new(MemorySource::new(vec![0; 6_000_000]));
        let runs = |source: &Arc<dyn ByteSource>, around| {
            let cutter = Cutter::new(source.clone(), pictures(), around);
            cutter.runs.iter().map(|run| (run.start, run.end)).collect::<Vec<_>>()
        };
        let without = [(1_000_000, 1_010_000), (5_000_000, 5_010_000)];
        assert_eq!(runs(&far, None), without);
        assert_eq!(
            runs(&far, Some(ByteRange::new(990_000, 5_020_000))),
            [(990_000, 1_010_000), (5_000_000, 5_020_000)]
        );
        assert_eq!(runs(&far, Some(ByteRange::new(1_200_000, 4_000_000))), without);
        assert_eq!(runs(&far, Some(ByteRange::new(400_000, 5_900_000))), without);
        assert_eq!(runs(&near, Some(ByteRange::new(990_000, 5_020_000))), without);
        let mut cutter = Cutter::new(far, pictures(), Some(ByteRange::new(990_000, 5_020_000)));
        let mut sizes = 0;
        while let Some(piece) = cutter.next(None).await.unwrap() {
            sizes += piece.len();
        }
        assert_eq!(sizes, 20_000);
    }

    /// Goal: a packet whose bytes are not there is an error, never other bytes.
    #[test]
    fn absent_bytes_are_an_error() {
        let mut have = Extents::new();
        have.insert(100, Bytes::from_static(b"0123456789").into());
        for range in
            [ByteRange::new(90, 95), ByteRange::new(95, 105), ByteRange::new(105, 111), ByteRange::new(200, 201)]
        {
            let error = gather(Bytes::new(), &[packet(range)], &have).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
        }
        assert!(gather(Bytes::new(), &[packet(ByteRange::new(100, 110))], &have).is_ok());
    }
}
