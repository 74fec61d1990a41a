//! The lines of a file's text tracks, as far as they are known, for everyone who shows them.
//!
//! A player may ask for all text from the start, so text is never paid for with the pictures around it (PACKAGING 5.5). In this order:
//!
//! 1. Spans of pictures that are read for whoever watches are looked through as they pass: text costs nothing then.
//! 2. MP4 knows each sample by its tables or the heads of its fragments, a Matroska file by Cues that name its text: small ranges, one
//!    after the other.
//! 3. A small file is walked through once, in the background. Where seeking is cheap (a disk) the headers of any file are.
//! 4. Otherwise what has passed is all there is to show. Such an answer is provisional.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::Cuts;
use super::clock::rescale;
use super::copied::read_packets;
use crate::container::matroska::{self, TextWalk};
use crate::container::{Boundary, Layout, MediaIndex, Packet, PacketQuery, Payload, Step, read_missing};
use crate::model::{ByteRange, Codec, Extents, Rope};
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// A file up to this size is walked through for its text: the byte budget of that.
const MAX_SMALL_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// How much of it is read at a time.
const WALK_WINDOW_BYTES: u64 = 1024 * 1024;
/// How much is read at a time where only headers are looked at.
const HEADER_WINDOW_BYTES: u64 = 4 * 1024;
/// Most bytes of headers that are read for the text of one segment.
const MAX_HEADER_BYTES: u64 = 32 * 1024 * 1024;
/// Most bytes of small ranges that are read for one answer.
const MAX_INDEXED_BYTES: u64 = 64 * 1024 * 1024;
/// Where a seek costs no more than this many bytes, headers are read one by one.
const MAX_NEAR_SEEK_BYTES: u64 = 64 * 1024;
/// A line that began longer before a segment of a large file than this is not looked for, in milliseconds.
const LOOK_BACK_MS: i64 = 60_000;
/// How long text waits for its pictures to be read: they are mostly asked for at the same time.
const PASSING_WAIT: Duration = Duration::from_secs(1);
/// How long one request for text waits in all. Then it is answered with what is known.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Most bytes of text that are kept of one file.
const MAX_FILE_TEXT_BYTES: usize = 32 * 1024 * 1024;
/// What a line takes beside its bytes.
const LINE_OVERHEAD_BYTES: usize = 96;

/// One sample of a text track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In ticks of the track, unshifted.
    pub(super) start_ticks: i64,
    /// 0 where the file does not say.
    pub(super) duration_ticks: u32,
    pub(super) sample: Bytes,
}

/// Lines, and whether they are all that belong there.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    pub(super) is_complete: bool,
}

/// What lines take, in bytes.
fn memory_of(lines: &[Line]) -> usize {
    let samples = lines.iter().fold(0usize, |sum, line| sum.saturating_add(line.sample.len()));
    samples.saturating_add(lines.len().saturating_mul(LINE_OVERHEAD_BYTES))
}

/// What is known of the text of all files that are open.
#[derive(Debug, Default)]
pub(super) struct TextShelf {
    files: Mutex<HashMap<Arc<str>, Weak<FileText>>>,
}

impl TextShelf {
    /// The text of a file, shared by all its presentations: they have the same cuts.
    pub(super) fn of_file(&self, identity: &str, index: &Arc<MediaIndex>, cuts: &Arc<Cuts>) -> Arc<FileText> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(identity).and_then(Weak::upgrade)
            && known.index.size_bytes == index.size_bytes
            && known.cuts == *cuts
        {
            return known;
        }
        files.retain(|_, text| text.strong_count() > 0);
        let text = Arc::new(FileText::new(index.clone(), cuts.clone()));
        files.insert(identity.into(), Arc::downgrade(&text));
        text
    }
}

/// The walk through a small file.
#[derive(Clone, Debug, Default)]
enum Walk {
    #[default]
    NotBegun,
    Running,
    Done,
    Failed(Arc<Error>),
}

#[derive(Debug, Default)]
struct Known {
    walk: Walk,
    /// What the walk found, by track.
    walked: BTreeMap<usize, Vec<Line>>,
    /// By track and segment: the lines that start in it.
    segments: BTreeMap<(usize, usize), Arc<[Line]>>,
    size_bytes: usize,
}

impl Known {
    /// Takes note of lines, if they are not too many.
    fn has_room(&mut self, lines: &[Line]) -> bool {
        let total = self.size_bytes.saturating_add(memory_of(lines));
        if total <= MAX_FILE_TEXT_BYTES {
            self.size_bytes = total;
        }
        total <= MAX_FILE_TEXT_BYTES
    }

    /// Lets go what a walk found that did not come to its end.
    fn forget_walk(&mut self) {
        let size = self.walked.values().map(|lines| memory_of(lines)).fold(0, usize::saturating_add);
        self.size_bytes = self.size_bytes.saturating_sub(size);
        self.walked.clear();
    }

    fn keep_segment(&mut self, track_index: usize, at: usize, lines: Vec<Line>) {
        if !self.segments.contains_key(&(track_index, at)) && self.has_room(&lines) {
            self.segments.insert((track_index, at), lines.into());
        }
    }

    fn missing(&self, track_index: usize, first: usize, last: usize) -> Vec<usize> {
        (first..=last).filter(|at| !self.segments.contains_key(&(track_index, *at))).collect()
    }

    fn passed(&self, track_index: usize, first: usize, last: usize) -> Vec<Line> {
        let range = self.segments.range((track_index, first)..=(track_index, last));
        range.flat_map(|(_, lines)| lines.iter().cloned()).collect()
    }
}

/// The text of one file.
pub(super) struct FileText {
    pub(super) index: Arc<MediaIndex>,
    pub(super) cuts: Arc<Cuts>,
    text_tracks: Vec<usize>,
    known: Mutex<Known>,
    /// Told each time that more is known.
    changed: Notify,
    /// Text is read by one at a time, so that it never takes both connections of a link.
    reading: tokio::sync::Mutex<()>,
    /// The walk through a small file; ends with the last presentation.
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileText").field("text_tracks", &self.text_tracks).finish_non_exhaustive()
    }
}

impl FileText {
    fn new(index: Arc<MediaIndex>, cuts: Arc<Cuts>) -> Self {
        let is_text =
            |at: &usize| index.tracks.get(*at).is_some_and(|track| matches!(track.info.codec, Codec::Text(_)));
        let text_tracks = (0..index.tracks.len()).filter(is_text).collect();
        Self {
            index,
            cuts,
            text_tracks,
            known: Mutex::default(),
            changed: Notify::new(),
            reading: tokio::sync::Mutex::new(()),
            tasks: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is the whole file walked through for its text?
    fn is_small(&self) -> bool {
        matches!(self.index.layout, Layout::Matroska(_)) && self.index.size_bytes <= MAX_SMALL_FILE_BYTES
    }

    /// Is it known where the text of a track lies: by Cues, or by the heads of fragments?
    fn is_named(&self, track_index: usize) -> bool {
        matches!(self.index.layout, Layout::Fragmented(_)) || matroska::text_is_indexed(&self.index, track_index)
    }

    /// The bytes of a segment's pictures are here: takes out the text between them.
    pub(super) fn span_passed(&self, at: usize, have: &Extents) {
        let is_known = |known: &Known, track: usize| known.segments.contains_key(&(track, at));
        let wanted: Vec<usize> = {
            let known = self.lock();
            if matches!(known.walk, Walk::Done) {
                return;
            }
            self.text_tracks.iter().copied().filter(|track| !is_known(&known, *track)).collect()
        };
        let mut found: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
        let (named, others): (Vec<usize>, Vec<usize>) = wanted.into_iter().partition(|track| self.is_named(*track));
        let walk = others.first().and_then(|first| TextWalk::of_segment(&self.index, self.cuts.query(*first, at)?));
        if let Some(mut walk) = walk
            && let Ok(Step::Done(())) = walk.step(&self.index, have, HEADER_WINDOW_BYTES)
        {
            found.extend(others.iter().map(|track| (*track, Vec::new())));
            for (track_index, packet) in walk.take() {
                if let Some(lines) = found.get_mut(&track_index) {
                    lines.extend(line_of(&packet, have));
                }
            }
        }
        // Those that are named, and all where the span cannot be walked by itself.
        for track_index in named.into_iter().chain(others) {
            let Some(query) = self.cuts.query(track_index, at).filter(|_| !found.contains_key(&track_index)) else {
                continue;
            };
            if let Ok(Step::Done(packets)) = self.index.packets(&query, have) {
                found.insert(track_index, lines_of(&packets, have));
            }
        }
        if !found.is_empty() {
            let mut known = self.lock();
            found.into_iter().for_each(|(track_index, lines)| known.keep_segment(track_index, at, lines));
            drop(known);
            self.changed.notify_waiters();
        }
    }

    /// The lines that a segment of Matroska or fragmented MP4 may show: those that start in it, and those before that may last.
    ///
    /// # Errors
    /// `NotFound` beyond the last segment; what the source answers.
    /// # Cancel safety
    /// Safe to drop at any point: what was found until then is kept.
    pub(super) async fn of_segment(
        self: &Arc<Self>,
        source: &Arc<dyn ByteSource>,
        track_index: usize,
        at: usize,
    ) -> Result<Lines> {
        self.between(source, track_index, self.first_shown(at), at).await
    }

    /// All lines of a track.
    ///
    /// # Errors
    /// What the source answers.
    /// # Cancel safety
    /// As [`of_segment`](Self::of_segment).
    pub(super) async fn of_track(self: &Arc<Self>, source: &Arc<dyn ByteSource>, track_index: usize) -> Result<Lines> {
        if let Layout::Mp4(_) = self.index.layout {
            return Ok(Lines { lines: self.read_by_tables(source, track_index, |_| true).await?, is_complete: true });
        }
        self.between(source, track_index, 0, self.cuts.segment_count().saturating_sub(1)).await
    }

    async fn between(
        self: &Arc<Self>,
        source: &Arc<dyn ByteSource>,
        track_index: usize,
        first: usize,
        last: usize,
    ) -> Result<Lines> {
        let deadline = deadline_in(ANSWER_WAIT);
        let is_near = source.seek_cost_bytes() <= MAX_NEAR_SEEK_BYTES;
        if self.is_small() {
            self.begin_walk(source);
            // Where bytes come slowly, what has passed is answered with after a while: it is nearly all there is.
            let soon = if is_near { deadline } else { deadline_in(PASSING_WAIT) };
            let is_over = |known: &Known| !matches!(known.walk, Walk::Running);
            self.wait(soon, is_over).await;
            self.wait(deadline, |known| is_over(known) || known.missing(track_index, first, last).is_empty()).await;
            let mut known = self.lock();
            if let Walk::Failed(error) = &known.walk {
                // Whoever asks next tries again.
                let error = Error::new(error.kind(), "read subtitles").because(error.clone());
                known.walk = Walk::NotBegun;
                return Err(error);
            }
            let is_complete = matches!(known.walk, Walk::Done);
            let mut lines = known.walked.get(&track_index).cloned().unwrap_or_default();
            if !is_complete {
                let walked: Vec<Line> = std::mem::replace(&mut lines, known.passed(track_index, first, last));
                lines.extend(walked);
                lines.sort_by(|a, b| (a.start_ticks, &a.sample).cmp(&(b.start_ticks, &b.sample)));
                lines.dedup();
            }
            return Ok(Lines { lines, is_complete });
        }
        if !is_near {
            self.wait(deadline_in(PASSING_WAIT), |known| known.segments.contains_key(&(track_index, last))).await;
        }
        if is_near || self.is_named(track_index) {
            // Who waits too long for others, or for the source, is answered with what is known.
            if let Ok(read) = timeout_at(deadline, self.read_missing_segments(source, track_index, first, last)).await {
                read?;
            }
        }
        let known = self.lock();
        let is_complete = known.missing(track_index, first, last).is_empty();
        Ok(Lines { lines: known.passed(track_index, first, last), is_complete })
    }

    /// The first segment whose lines may still be shown in another.
    fn first_shown(&self, at: usize) -> usize {
        let timescale = self.index.tracks.get(self.cuts.track_index).map_or(1, |track| track.info.timescale);
        let time_ms = |boundary: &Boundary| rescale(boundary.point.pts_ticks, u64::from(timescale), 1000);
        let from_ms = self.cuts.boundaries.get(at).map_or(0, time_ms).saturating_sub(LOOK_BACK_MS);
        // The segment that this time lies in.
        let after = self.cuts.boundaries.partition_point(|boundary| time_ms(boundary) <= from_ms);
        after.saturating_sub(1).min(at)
    }

    /// Waits until enough is known, or the time is up.
    async fn wait(&self, deadline: Instant, is_enough: impl Fn(&Known) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking: nothing is missed in between.
            changed.as_mut().enable();
            if is_enough(&self.lock()) || timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }

    /// Reads what is missing of some segments: in small ranges where the Cues name the text, else by headers.
    async fn read_missing_segments(
        &self,
        source: &Arc<dyn ByteSource>,
        track_index: usize,
        first: usize,
        last: usize,
    ) -> Result<()> {
        if self.lock().missing(track_index, first, last).is_empty() {
            return Ok(());
        }
        let _turn = self.reading.lock().await;
        let is_named = self.is_named(track_index);
        // Somebody else may have read it meanwhile.
        let missing = self.lock().missing(track_index, first, last);
        let mut read_bytes = 0u64;
        // The wanted segment before those that only reach into it.
        for at in missing.into_iter().rev() {
            let Some(query) = self.cuts.query(track_index, at) else { continue };
            if is_named {
                let mut have = source.at_hand();
                let packets = self.read_indexed(source, &query, &mut have, &mut read_bytes).await?;
                self.lock().keep_segment(track_index, at, lines_of(&packets, &have));
            } else {
                self.walk_segment(source, query, at).await?;
            }
            self.changed.notify_waiters();
        }
        Ok(())
    }

    /// The packets of a query through the Cues: one small range after the other.
    async fn read_indexed(
        &self,
        source: &Arc<dyn ByteSource>,
        query: &PacketQuery,
        have: &mut Extents,
        read_bytes: &mut u64,
    ) -> Result<Vec<Packet>> {
        loop {
            let ranges = match self.index.packets(query, have)? {
                Step::Done(packets) => return Ok(packets),
                Step::Need(ranges) => ranges,
            };
            let before = *read_bytes;
            for range in ranges {
                *read_bytes = read_bytes.saturating_add(range.len());
                if *read_bytes > MAX_INDEXED_BYTES {
                    return Err(too_much());
                }
                have.insert(range.start, source.read_at(range).await?);
            }
            if *read_bytes == before {
                return Err(Error::new(ErrorKind::Internal, "read subtitles").detail("the reader asks for nothing"));
            }
        }
    }

    /// Reads the headers of a segment's blocks, and the text among them, of all tracks.
    async fn walk_segment(&self, source: &Arc<dyn ByteSource>, query: PacketQuery, at: usize) -> Result<()> {
        let Some(mut walk) = TextWalk::of_segment(&self.index, query) else { return Ok(()) };
        let mut found: BTreeMap<usize, Vec<Line>> = self.text_tracks.iter().map(|track| (*track, Vec::new())).collect();
        let mut reader = WalkReader::new(source.clone(), HEADER_WINDOW_BYTES, MAX_HEADER_BYTES);
        while reader.go_on(&mut walk, &self.index).await? {
            for (track_index, packet) in walk.take() {
                if let Some(lines) = found.get_mut(&track_index) {
                    lines.extend(line_of(&packet, &Extents::new()));
                }
            }
        }
        let mut known = self.lock();
        found.into_iter().for_each(|(track_index, lines)| known.keep_segment(track_index, at, lines));
        Ok(())
    }

    /// Starts the walk through a small file, unless it runs or is done.
    fn begin_walk(self: &Arc<Self>, source: &Arc<dyn ByteSource>) {
        let mut known = self.lock();
        if !matches!(known.walk, Walk::NotBegun) {
            return;
        }
        known.walk = Walk::Running;
        known.forget_walk();
        drop(known);
        let (text, source) = (Arc::downgrade(self), source.clone());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are over.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let result = walk_file(&text, source).await;
            if let Some(text) = text.upgrade() {
                text.lock().walk = result.map_or_else(|error| Walk::Failed(Arc::new(error)), |()| Walk::Done);
                text.changed.notify_waiters();
            }
        });
    }

    /// MP4: the tables say which samples are shown when; only those are read.
    pub(super) async fn read_by_tables(
        &self,
        source: &Arc<dyn ByteSource>,
        track_index: usize,
        is_wanted: impl Fn(&Packet) -> bool,
    ) -> Result<Vec<Line>> {
        let all = PacketQuery { track_index, from: None, to: None };
        let mut have = Extents::new();
        let mut packets = read_packets(&self.index, source, &all, &mut have, 0).await?;
        packets.retain(is_wanted);
        let ranges: Vec<ByteRange> = packets.iter().filter_map(in_file).collect();
        let size = ranges.iter().fold(0u64, |sum, range| sum.saturating_add(range.len()));
        if size > MAX_FILE_TEXT_BYTES as u64 {
            return Err(too_much());
        }
        read_missing(source, &mut have, &ranges, MAX_NEAR_SEEK_BYTES).await?;
        Ok(lines_of(&packets, &have))
    }
}

/// Walks through a small file, as long as somebody has it open.
async fn walk_file(text: &Weak<FileText>, source: Arc<dyn ByteSource>) -> Result<()> {
    let Some((mut walk, index)) =
        text.upgrade().and_then(|text| Some((TextWalk::of_file(&text.index)?, text.index.clone())))
    else {
        return Ok(());
    };
    let mut reader = WalkReader::new(source, WALK_WINDOW_BYTES, MAX_SMALL_FILE_BYTES.saturating_mul(2));
    while reader.go_on(&mut walk, &index).await? {
        let found = walk.take();
        let Some(text) = text.upgrade() else { return Ok(()) };
        let mut known = text.lock();
        for (track_index, packet) in found {
            let Some(line) = line_of(&packet, &Extents::new()) else { continue };
            if !known.has_room(std::slice::from_ref(&line)) {
                return Err(too_much());
            }
            known.walked.entry(track_index).or_default().push(line);
        }
        drop(known);
        text.changed.notify_waiters();
    }
    Ok(())
}

/// Feeds a walk, and forgets what it has passed.
struct WalkReader {
    source: Arc<dyn ByteSource>,
    window_bytes: u64,
    /// How much may still be read.
    left_bytes: u64,
    pieces: Vec<(u64, Rope)>,
    is_over: bool,
}

impl WalkReader {
    fn new(source: Arc<dyn ByteSource>, window_bytes: u64, budget_bytes: u64) -> Self {
        Self { source, window_bytes, left_bytes: budget_bytes, pieces: Vec::new(), is_over: false }
    }

    /// Takes one step; `false` when the walk was over before.
    async fn go_on(&mut self, walk: &mut TextWalk, index: &MediaIndex) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        let mut have = self.source.at_hand();
        self.pieces.iter().for_each(|(offset, rope)| have.insert(*offset, rope.clone()));
        match walk.step(index, &have, self.window_bytes)? {
            Step::Done(()) => self.is_over = true,
            Step::Need(ranges) => {
                let position = walk.position();
                self.pieces.retain(|(offset, rope)| offset.saturating_add(rope.len()) > position);
                for range in ranges {
                    self.left_bytes = self.left_bytes.checked_sub(range.len()).ok_or_else(too_much)?;
                    self.pieces.push((range.start, self.source.read_at(range).await?));
                }
            }
        }
        Ok(true)
    }
}

fn deadline_in(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now)
}

fn too_much() -> Error {
    Error::new(ErrorKind::LimitExceeded, "read subtitles").detail("too much text, or too far apart")
}

fn in_file(packet: &Packet) -> Option<ByteRange> {
    match &packet.payload {
        Payload::InFile(range) | Payload::Prefixed(_, range) => Some(first_bytes(*range)),
        Payload::Rewritten(_) => None,
    }
}

/// As much of a sample as is looked at.
fn first_bytes(range: ByteRange) -> ByteRange {
    ByteRange::with_len(range.start, range.len().min(super::webvtt::MAX_CUE_BYTES as u64))
}

fn lines_of(packets: &[Packet], have: &Extents) -> Vec<Line> {
    packets.iter().filter_map(|packet| line_of(packet, have)).collect()
}

/// A line that holds nothing of the bytes around it.
fn line_of(packet: &Packet, have: &Extents) -> Option<Line> {
    let sample = match &packet.payload {
        Payload::InFile(range) => Bytes::copy_from_slice(&have.bytes(first_bytes(*range))?),
        Payload::Prefixed(prefix, range) => [&prefix[..], &have.bytes(first_bytes(*range))?].concat().into(),
        Payload::Rewritten(bytes) => bytes.clone(),
    };
    Some(Line { start_ticks: packet.pts_ticks, duration_ticks: packet.duration_ticks, sample })
}
