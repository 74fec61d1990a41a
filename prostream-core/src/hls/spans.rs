//! Spans, read once for all the tracks in them (PACKAGING 5.2).
//!
//! Of MP4 the sound is kept that passes between pictures while they are sent (`passing`). What follows is about Matroska.
//!
//! The samples of a segment lie between those of all other tracks, so whoever asks for one reads the span of all. Who comes while
//! it is read waits for the same read (single flight). When it is there, the samples of the sound that people listen to are copied out
//! and kept: they take little, and a span of pictures is not read again for them. A span is let go as soon as its pictures were taken.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use moka::sync::Cache;
use tokio::sync::OnceCell;

use super::Cuts;
use super::copied::read_packets;
use super::findings::{CutFindings, Findings};
use super::lines::FileText;
use super::passing::{Passed, Passing};
use crate::container::{CutFinding, MediaIndex, Packet, Payload, Step};
use crate::model::{Extents, Rope, TrackKind};
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// Most bytes read for one segment, which are held in memory while it is sent.
const MAX_SEGMENT_BYTES: u64 = 320 * 1024 * 1024;
/// Most bytes of spans that are held for those who have not taken their part yet, over all files …
const MAX_WAITING_BYTES: u64 = 64 * 1024 * 1024;
/// … and most of them: also counts those that are still being read.
const MAX_WAITING_SPANS: usize = 256;
/// Most sound of one span that is kept, in bytes: more is no small track.
const MAX_KEPT_BYTES: u64 = 8 * 1024 * 1024;
/// Most samples of one span that are kept of a track.
const MAX_KEPT_PACKETS: usize = 16 * 1024;
/// How long sound is kept that nobody asks for.
const KEPT_IDLE: Duration = Duration::from_secs(600);
/// How long spans wait when nobody reads any more.
const WAITING_IDLE: Duration = Duration::from_secs(60);

/// The packets of one segment of one track, and all their bytes.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) packets: Vec<Packet>,
    pub(super) have: Extents,
}

impl Samples {
    /// Memory of it, in bytes.
    fn weight(&self) -> u32 {
        let packets = self.packets.len().saturating_mul(size_of::<Packet>().saturating_mul(2));
        u32::try_from(self.have.len().saturating_add(packets as u64)).unwrap_or(u32::MAX)
    }

    /// A copy that holds nothing of the span but these samples; `None` for what is no small track.
    fn copied_out(&self) -> Option<Self> {
        let size = self.packets.iter().fold(0u64, |sum, packet| sum.saturating_add(packet.payload.size_bytes()));
        if size > MAX_KEPT_BYTES || self.packets.len() > MAX_KEPT_PACKETS {
            return None;
        }
        let mut joined = BytesMut::with_capacity(usize::try_from(size).ok()?);
        let mut have = Extents::new();
        for packet in &self.packets {
            let range = match &packet.payload {
                Payload::InFile(range) | Payload::Prefixed(_, range) => *range,
                Payload::Rewritten(_) => continue,
            };
            for piece in self.have.rope(range)?.pieces() {
                joined.extend_from_slice(piece);
            }
            have.insert(range.start, Rope::from(joined.split().freeze()));
        }
        Some(Self { packets: self.packets.clone(), have })
    }
}

/// Which segment of which file, by its [identity](ByteSource::identity) and how it is cut.
type SpanKey = (Arc<str>, usize);
/// A span, once it was read: the pictures, and with their bytes most of the sound.
type SpanCell = Arc<OnceCell<Arc<Samples>>>;

/// What is kept of a track in a span.
#[derive(Clone, Debug)]
enum Kept {
    /// All that was asked for will be found in it (Matroska).
    Samples(Arc<Samples>),
    /// What lay between the pictures (MP4).
    Passed(Arc<Passed>),
}

impl Kept {
    /// Memory of it, in bytes.
    fn weight(&self) -> u32 {
        match self {
            Kept::Samples(samples) => samples.weight(),
            Kept::Passed(passed) => u32::try_from(passed.weight()).unwrap_or(u32::MAX),
        }
    }
}

/// What is held of spans, over all files.
#[derive(Debug)]
pub(super) struct SpanCache {
    /// Spans that are being read or wait for their pictures to be taken, oldest first.
    waiting: Mutex<VecDeque<(SpanKey, SpanCell)>>,
    /// When somebody last asked for one.
    last_join: Mutex<Instant>,
    /// Sound that was copied out, by span and index of its track.
    kept: Cache<(SpanKey, usize), Kept>,
    /// How many bytes are being copied out of pictures on their way.
    passing_bytes: Arc<AtomicU64>,
}

impl SpanCache {
    /// Keeps up to `budget_bytes` of sound.
    pub(super) fn new(budget_bytes: u64) -> Self {
        let kept = Cache::builder()
            .max_capacity(budget_bytes)
            .weigher(|_, kept: &Kept| kept.weight())
            .time_to_idle(KEPT_IDLE)
            .build();
        Self { waiting: Mutex::default(), last_join: Mutex::new(Instant::now()), kept, passing_bytes: Arc::default() }
    }

    /// Drops what is past its time, and all spans when nobody has read for a while: their viewers left without taking the pictures.
    pub(super) fn trim_idle(&self) {
        self.kept.run_pending_tasks();
        let last_join = *self.last_join.lock().unwrap_or_else(PoisonError::into_inner);
        if last_join.elapsed() >= WAITING_IDLE {
            self.lock().clear();
        }
    }

    /// The samples of a track that are kept.
    fn samples(&self, key: &(SpanKey, usize)) -> Option<Arc<Samples>> {
        match self.kept.get(key)? {
            Kept::Samples(samples) => Some(samples),
            Kept::Passed(_) => None,
        }
    }

    fn keep(&self, key: (SpanKey, usize), samples: Samples) {
        self.kept.insert(key, Kept::Samples(Arc::new(samples)));
    }

    /// The place of a span, for all who wait for it.
    fn join(&self, key: &SpanKey) -> SpanCell {
        *self.last_join.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let mut waiting = self.lock();
        if let Some((_, cell)) = waiting.iter().find(|(other, _)| other == key) {
            return cell.clone();
        }
        let size = |(_, cell): &(SpanKey, SpanCell)| cell.get().map_or(0, |span| span.have.len());
        let mut held_bytes = waiting.iter().fold(0u64, |sum, span| sum.saturating_add(size(span)));
        while held_bytes > MAX_WAITING_BYTES || waiting.len() >= MAX_WAITING_SPANS {
            let Some(oldest) = waiting.pop_front() else { break };
            held_bytes = held_bytes.saturating_sub(size(&oldest));
        }
        let cell = SpanCell::default();
        waiting.push_back((key.clone(), cell.clone()));
        cell
    }

    /// Nobody is expected to ask for this span again.
    fn let_go(&self, key: &SpanKey) {
        self.lock().retain(|(other, _)| other != key);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(SpanKey, SpanCell)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a file and its cuts: a file whose index was completed is cut in other places than it was for those who still play it.
fn identity(file: &str, cuts: &Cuts) -> String {
    let points = cuts.boundaries.iter().map(|boundary| boundary.point);
    // FNV-1a.
    let plan = points
        .flat_map(|point| [point.pts_ticks.cast_unsigned(), point.offset_bytes])
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, number| (hash ^ number).wrapping_mul(0x0100_0000_01b3));
    format!("{file}#{plan:x}")
}

/// Reads the spans of one presentation.
#[derive(Debug)]
pub(super) struct SpanReader {
    cache: Arc<SpanCache>,
    index: Arc<MediaIndex>,
    source: Arc<dyn ByteSource>,
    cuts: Arc<Cuts>,
    identity: Arc<str>,
    /// Where the text goes that lies between the pictures.
    text: Arc<FileText>,
    /// For each track of the index: is its sound kept as its spans pass? The first one's is, and each that was asked for.
    is_kept: Vec<AtomicBool>,
    /// What the spans that were read have shown.
    findings: Findings,
}

impl SpanReader {
    pub(super) fn new(
        cache: Arc<SpanCache>,
        source: Arc<dyn ByteSource>,
        text: Arc<FileText>,
        selected: &[usize],
    ) -> Self {
        let (index, cuts) = (text.index.clone(), text.cuts.clone());
        let is_sound = |at: &usize| index.tracks.get(*at).is_some_and(|track| track.info.kind == TrackKind::Audio);
        let first = selected.iter().copied().find(is_sound).filter(|at| *at != cuts.track_index);
        let is_kept = (0..index.tracks.len()).map(|at| AtomicBool::new(Some(at) == first)).collect();
        let identity = identity(source.identity(), &cuts).into();
        let findings = Findings::new(cuts.segment_count());
        if index.has_false_cues() {
            findings.note(0, CutFinding::NotSync);
        }
        Self { cache, identity, index, source, cuts, text, is_kept, findings }
    }

    /// What the spans that were read until now have shown of the cuts.
    pub(super) fn findings(&self) -> CutFindings {
        self.findings.so_far()
    }

    /// The samples of segment `at` of a track.
    ///
    /// # Errors
    /// `NotFound` beyond the last segment; `LimitExceeded` for a span over its limit; what the reader and the source answer.
    /// # Cancel safety
    /// Safe to drop at any point: who waits for the same span reads it then.
    pub(super) async fn samples(&self, track_index: usize, at: usize) -> Result<Arc<Samples>> {
        let key = (self.identity.clone(), at);
        let is_cut_track = track_index == self.cuts.track_index;
        let kept_key = (key, track_index);
        if !is_cut_track {
            if let Some(kept) = self.cache.samples(&kept_key) {
                return Ok(kept);
            }
            self.keep_from_now_on(track_index);
        }
        let key = &kept_key.0;
        let cell = self.cache.join(key);
        let result = cell.get_or_try_init(|| self.read_span(key)).await;
        if is_cut_track || result.is_err() {
            self.cache.let_go(key);
        }
        let mut have = match result {
            Ok(span) if is_cut_track => return Ok(span.clone()),
            Ok(span) => span.have.clone(),
            // Broken pictures do not silence the sound.
            Err(error) if !is_cut_track && error.kind() == ErrorKind::Malformed => self.source.at_hand(),
            Err(error) => return Err(error),
        };
        // Most of the time it was copied out when the span came.
        if let Some(kept) = self.cache.samples(&kept_key) {
            return Ok(kept);
        }
        let packets = self.read(track_index, at, &mut have).await?;
        let samples = Arc::new(Samples { packets, have });
        // Sound that is muxed farther behind than a span reaches.
        if let Some(copy) = samples.copied_out() {
            self.cache.keep(kept_key, copy);
        }
        Ok(samples)
    }

    /// The pictures of a segment (the sound of a file without); the sound that lies between them is copied out and kept.
    async fn read_span(&self, key: &SpanKey) -> Result<Arc<Samples>> {
        let mut have = self.source.at_hand();
        let pictures = self.read(self.cuts.track_index, key.1, &mut have).await?;
        if let Some(finding) = self.index.examine_cut(self.cuts.track_index, &pictures, &have) {
            self.findings.note(key.1, finding);
        }
        for track_index in self.kept_tracks() {
            // What is not all here, or broken, is the affair of whoever asks for it.
            let Some(query) = self.cuts.query(track_index, key.1) else { continue };
            let Ok(Step::Done(packets)) = self.index.packets(&query, &have) else { continue };
            let samples = Samples { packets, have };
            if let Some(copy) = samples.copied_out() {
                self.cache.keep((key.clone(), track_index), copy);
            }
            have = samples.have;
        }
        self.text.span_passed(key.1, &have);
        Ok(Arc::new(Samples { packets: pictures, have }))
    }

    /// The sound that may lie between the pictures of segment `at` of an MP4 file and is not kept yet, by index of its track.
    pub(super) fn passing(&self, at: usize) -> Vec<(usize, Passing)> {
        let mut passing = Vec::new();
        for track_index in self.kept_tracks().filter(|track_index| self.index.is_verbatim(*track_index)) {
            if self.cache.kept.contains_key(&((self.identity.clone(), at), track_index)) {
                continue;
            }
            let Some(query) = self.cuts.query(track_index, at) else { continue };
            let Ok(Step::Done(packets)) = self.index.packets(&query, &Extents::new()) else { continue };
            let found = Passing::new(&packets, MAX_KEPT_BYTES, &self.cache.passing_bytes);
            passing.extend(found.map(|found| (track_index, found)));
        }
        passing
    }

    /// Keeps what passed while all pictures of segment `at` were sent.
    pub(super) fn keep_passed(&self, at: usize, passing: Vec<(usize, Passing)>) {
        for (track_index, found) in passing {
            if let Some(passed) = found.finish() {
                self.cache.kept.insert(((self.identity.clone(), at), track_index), Kept::Passed(Arc::new(passed)));
            }
        }
    }

    /// What passed of segment `at` of a track; from now on all of it that passes is kept.
    pub(super) fn passed(&self, track_index: usize, at: usize) -> Option<Arc<Passed>> {
        self.keep_from_now_on(track_index);
        match self.cache.kept.get(&((self.identity.clone(), at), track_index))? {
            Kept::Passed(passed) => Some(passed),
            Kept::Samples(_) => None,
        }
    }

    fn kept_tracks(&self) -> impl Iterator<Item = usize> {
        let is_kept = |(at, is_kept): (usize, &AtomicBool)| is_kept.load(Ordering::Relaxed).then_some(at);
        self.is_kept.iter().enumerate().filter_map(is_kept)
    }

    fn keep_from_now_on(&self, track_index: usize) {
        if let Some(is_kept) = self.is_kept.get(track_index) {
            is_kept.store(true, Ordering::Relaxed);
        }
    }

    async fn read(&self, track_index: usize, at: usize, have: &mut Extents) -> Result<Vec<Packet>> {
        let none = || Error::new(ErrorKind::NotFound, "read segment").detail("beyond the end");
        let query = self.cuts.query(track_index, at).ok_or_else(none)?;
        read_packets(&self.index, &self.source, &query, have, MAX_SEGMENT_BYTES).await
    }
}
