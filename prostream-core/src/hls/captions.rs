//! A text track as WebVTT segments, and as the script it was.
//!
//! How its lines are come by is told in `lines`. The bytes of an answer that is not provisional are a function of the file alone.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::clock::{NS_PER_S, rescale};
use super::copied::short_hex;
use super::lines::{FileText, Line, Lines};
use super::webvtt::{self, Cue, TextReader};
use super::{Rendition, RenditionInfo, Segment, ass};
use crate::container::{Layout, Packet, matroska};
use crate::model::{Codec, TextFormat};
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// Longest that a cue is shown whose length the file does not say: then the next one follows, or nothing.
const MAX_OPEN_CUE_MS: u64 = 5000;
/// How many lines back the same line in another layer is looked for.
const MAX_LAYERS: usize = 64;
/// Media type of a script; not registered, as players know it.
const SCRIPT_TYPE: &str = "text/x-ssa";

/// A rendition of one text track.
#[derive(Debug)]
pub(super) struct TextRendition {
    info: RenditionInfo,
    text: Arc<FileText>,
    source: Arc<dyn ByteSource>,
    /// Index of the track in [`MediaIndex::tracks`](crate::container::MediaIndex::tracks).
    track_index: usize,
    reader: TextReader,
}

#[async_trait]
impl Rendition for TextRendition {
    fn info(&self) -> &RenditionInfo {
        &self.info
    }

    async fn init(&self) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    async fn segment(&self, index: u32) -> Result<Segment> {
        let none = || Error::new(ErrorKind::NotFound, "read segment").detail("beyond the end");
        let at = usize::try_from(index).map_err(|_| none())?;
        let (from_ms, to_ms) = self.window_ms(at).ok_or_else(none)?;
        let Lines { lines, is_complete } = match &self.text.index.layout {
            Layout::Mp4(_) => {
                let is_shown = |packet: &Packet| {
                    let (start_ms, end_ms) = self.span_ms(packet.pts_ticks, packet.duration_ticks, None);
                    start_ms < to_ms && from_ms < end_ms
                };
                let lines = self.text.read_by_tables(&self.source, self.track_index, is_shown).await?;
                Lines { lines, is_complete: true }
            }
            Layout::Fragmented(_) | Layout::Matroska(_) => {
                self.text.of_segment(&self.source, self.track_index, at).await?
            }
        };
        let text = webvtt::write_segment(&self.cues(&lines), from_ms, to_ms);
        Ok(answer(text, "text/vtt", is_complete))
    }

    async fn script(&self) -> Result<Segment> {
        if self.info.track.codec != Codec::Text(TextFormat::Ass) {
            return Err(Error::new(ErrorKind::NotFound, "read script").detail("the track is no script"));
        }
        let Lines { lines, is_complete } = self.text.of_track(&self.source, self.track_index).await?;
        let timed = self.timed(&lines);
        // Drawn by the clock of a player, which counts from the first picture or sound; segments are placed by the times of the media.
        let cuts = &self.text.cuts;
        let before_ms = to_ms(cuts.start_ns.saturating_sub(cuts.origin_ns), NS_PER_S);
        let clock_ms = |media_ms: u64| media_ms.saturating_sub(before_ms);
        let events: Vec<(u64, u64, &[u8])> = timed
            .iter()
            .map(|(start_ms, end_ms, line)| (clock_ms(*start_ms), clock_ms(*end_ms), &line.sample[..]))
            .collect();
        let text = ass::write_script(self.info.track.text_header(), &events);
        Ok(answer(text, SCRIPT_TYPE, is_complete))
    }
}

fn answer(text: String, content_type: &'static str, is_complete: bool) -> Segment {
    let etag = short_hex(&Sha256::digest(text.as_bytes()));
    let segment = Segment::from_pieces(vec![text.into()], etag, content_type);
    Segment { is_provisional: !is_complete, ..segment }
}

impl TextRendition {
    pub(super) fn new(
        info: RenditionInfo,
        text: Arc<FileText>,
        source: Arc<dyn ByteSource>,
        track_index: usize,
    ) -> Self {
        let reader = TextReader::of_track(&info.track);
        Self { info, text, source, track_index, reader }
    }

    /// What a segment shows, in the times of the media segments. The first begins, and the last ends, with everything.
    fn window_ms(&self, at: usize) -> Option<(u64, u64)> {
        let cuts = &self.text.cuts;
        let timescale = self.text.index.tracks.get(cuts.track_index)?.info.timescale;
        let shift = cuts.shift_ticks(timescale);
        let time_ms = |at: usize| {
            let ticks = cuts.boundaries.get(at)?.point.pts_ticks;
            Some(to_ms(ticks.saturating_sub(shift), timescale))
        };
        let from_ms = time_ms(at)?;
        Some((if at == 0 { 0 } else { from_ms }, time_ms(at.saturating_add(1)).unwrap_or(u64::MAX)))
    }

    /// When a line is shown, in the times of the media segments. One whose length the file does not say ends with the next.
    fn span_ms(&self, start_ticks: i64, duration_ticks: u32, next_ticks: Option<i64>) -> (u64, u64) {
        let timescale = self.info.track.timescale;
        let shift = self.text.cuts.shift_ticks(timescale);
        let time_ms = |ticks: i64| to_ms(ticks.saturating_sub(shift), timescale);
        let start_ms = time_ms(start_ticks);
        let end_ms = time_ms(start_ticks.saturating_add(i64::from(duration_ticks)));
        if end_ms > start_ms {
            return (start_ms, end_ms);
        }
        let latest_ms = start_ms.saturating_add(MAX_OPEN_CUE_MS);
        let next_ms = next_ticks.map(time_ms).filter(|next_ms| *next_ms > start_ms);
        (start_ms, next_ms.map_or(latest_ms, |next_ms| next_ms.min(latest_ms)))
    }

    /// Lines in order of their start, those of one start in order of their file, with start and end in milliseconds.
    fn timed<'a>(&self, lines: &'a [Line]) -> Vec<(u64, u64, &'a Line)> {
        let mut sorted: Vec<&Line> = lines.iter().collect();
        sorted.sort_by_key(|line| (line.start_ticks, self.reader.order(&line.sample)));
        // For each, from the back, when the next begins that does not begin together with it; behind the last, as the Cues say.
        let last = sorted.last().map(|line| line.start_ticks);
        let is_any_open = sorted.iter().any(|line| line.duration_ticks == 0);
        let mut at = last
            .filter(|_| is_any_open)
            .and_then(|last| matroska::next_text_start(&self.text.index, self.track_index, last));
        let mut next = at;
        let mut timed = Vec::with_capacity(sorted.len());
        for line in sorted.into_iter().rev() {
            if at != Some(line.start_ticks) {
                next = at;
                at = Some(line.start_ticks);
            }
            let (start_ms, end_ms) = self.span_ms(line.start_ticks, line.duration_ticks, next);
            timed.push((start_ms, end_ms, line));
        }
        timed.reverse();
        timed
    }

    fn cues(&self, lines: &[Line]) -> Vec<Cue> {
        let mut cues: Vec<Cue> = Vec::with_capacity(lines.len());
        let is_layered = self.info.track.codec == Codec::Text(TextFormat::Ass);
        for (start_ms, end_ms, line) in self.timed(lines) {
            for body in self.reader.read(&line.sample) {
                let cue = Cue { start_ms, end_ms, body };
                // Text that lies in several layers, for its border or its shadow, is there once.
                let is_repeated = is_layered && cues.iter().rev().take(MAX_LAYERS).any(|other| *other == cue);
                if !is_repeated {
                    cues.push(cue);
                }
            }
        }
        cues
    }
}

fn to_ms(ticks: i64, timescale: impl Into<u64>) -> u64 {
    u64::try_from(rescale(ticks, timescale.into(), 1000)).unwrap_or(0)
}
