//! A text track as WebVTT segments.
//!
//! A player may ask for all text from the start, so text is never paid for with the pictures around it where the file allows
//! (PACKAGING 5.5): MP4 knows each sample by its tables; a small Matroska file is read once as a whole; of a larger one, a segment
//! takes the cues that begin in it or in the one before: in small ranges where the file's Cues name them, else from the spans, which the pictures
//! of these segments need too. Which of these is a function of the file, so the bytes of a segment are too.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::clock::rescale;
use super::copied::{read_packets, short_hex};
use super::webvtt::{self, Cue};
use super::{Cuts, Rendition, RenditionInfo, Segment};
use crate::container::{Layout, MediaIndex, Packet, PacketQuery, Payload, read_missing};
use crate::model::{ByteRange, Codec, Extents, TextFormat};
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// A file up to this size is read whole for its text.
const MAX_SMALL_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Most bytes read for one segment of text from the spans around it.
const MAX_WINDOW_BYTES: u64 = 256 * 1024 * 1024;
/// Most bytes of text that are kept of one track.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// How long a cue is shown whose length the file does not say.
const OPEN_CUE_MS: u64 = 5000;
/// Text samples that lie at most this far apart are read together.
const GAP_BYTES: u64 = 64 * 1024;

/// A rendition of one text track.
#[derive(Debug)]
pub(super) struct TextRendition {
    pub(super) info: RenditionInfo,
    pub(super) index: Arc<MediaIndex>,
    pub(super) source: Arc<dyn ByteSource>,
    pub(super) cuts: Arc<Cuts>,
    /// Index of the track in [`MediaIndex::tracks`].
    pub(super) track_index: usize,
    /// All cues, where the track is read as a whole: once for everyone who waits.
    pub(super) whole: OnceCell<Vec<Cue>>,
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
        let text = match (&self.index.layout, self.is_read_whole()) {
            (Layout::Mp4(_), _) => webvtt::write_segment(&self.read_by_tables(from_ms, to_ms).await?, from_ms, to_ms),
            (_, true) => {
                let cues = self.whole.get_or_try_init(|| self.read_whole()).await?;
                webvtt::write_segment(cues, from_ms, to_ms)
            }
            (_, false) => webvtt::write_segment(&self.read_near(at).await?, from_ms, to_ms),
        };
        let etag = short_hex(&Sha256::digest(text.as_bytes()));
        Ok(Segment::from_pieces(vec![text.into()], etag, "text/vtt"))
    }
}

impl TextRendition {
    /// Is the text of the track read at once, for all segments?
    fn is_read_whole(&self) -> bool {
        self.index.size_bytes <= MAX_SMALL_FILE_BYTES
    }

    /// What a segment shows, on the time line of the presentation. The first begins, and the last ends, with everything.
    fn window_ms(&self, at: usize) -> Option<(u64, u64)> {
        let timescale = self.index.tracks.get(self.cuts.track_index)?.info.timescale;
        let shift = self.cuts.shift_ticks(timescale);
        let time_ms = |at: usize| {
            let ticks = self.cuts.boundaries.get(at)?.point.pts_ticks;
            Some(to_ms(ticks.saturating_sub(shift), timescale))
        };
        let from_ms = time_ms(at)?;
        Some((if at == 0 { 0 } else { from_ms }, time_ms(at.saturating_add(1)).unwrap_or(u64::MAX)))
    }

    fn span(&self, packet: &Packet) -> (u64, u64) {
        let timescale = self.info.track.timescale;
        let start = packet.pts_ticks.saturating_sub(self.cuts.shift_ticks(timescale));
        let start_ms = to_ms(start, timescale);
        let end_ms = to_ms(start.saturating_add(i64::from(packet.duration_ticks)), timescale);
        (start_ms, if end_ms > start_ms { end_ms } else { start_ms.saturating_add(OPEN_CUE_MS) })
    }

    /// MP4: the tables say which samples are shown when; only those are read.
    async fn read_by_tables(&self, from_ms: u64, to_ms: u64) -> Result<Vec<Cue>> {
        let all = PacketQuery { track_index: self.track_index, from: None, to: None };
        let mut have = Extents::new();
        let mut packets = read_packets(&self.index, &self.source, &all, &mut have, 0).await?;
        packets.retain(|packet| {
            let (start_ms, end_ms) = self.span(packet);
            start_ms < to_ms && from_ms < end_ms
        });
        let ranges: Vec<ByteRange> = packets
            .iter()
            .filter_map(|packet| match &packet.payload {
                Payload::InFile(range) if range.len() <= webvtt::MAX_CUE_BYTES as u64 => Some(*range),
                _ => None,
            })
            .collect();
        if ranges.iter().fold(0u64, |sum, range| sum.saturating_add(range.len())) > MAX_TEXT_BYTES as u64 {
            return Err(too_much());
        }
        read_missing(&self.source, &mut have, &ranges, GAP_BYTES).await?;
        self.read_cues(&packets, &have)
    }

    /// Matroska: every cue of the track.
    async fn read_whole(&self) -> Result<Vec<Cue>> {
        let query = PacketQuery { track_index: self.track_index, from: None, to: None };
        let mut have = self.source.at_hand();
        let packets = read_packets(&self.index, &self.source, &query, &mut have, MAX_SMALL_FILE_BYTES).await?;
        self.read_cues(&packets, &have)
    }

    /// Matroska: the cues that begin in a segment or in the one before.
    async fn read_near(&self, at: usize) -> Result<Vec<Cue>> {
        let own = self.cuts.query(self.track_index, at);
        let before = at.checked_sub(1).and_then(|before| self.cuts.query(self.track_index, before));
        let Some(own) = own else { return Ok(Vec::new()) };
        let query = PacketQuery { from: before.map_or(own.from, |before| before.from), ..own };
        let mut have = self.source.at_hand();
        let packets = read_packets(&self.index, &self.source, &query, &mut have, MAX_WINDOW_BYTES).await?;
        self.read_cues(&packets, &have)
    }

    /// The cues of packets whose bytes are at hand, in order of their start.
    fn read_cues(&self, packets: &[Packet], have: &Extents) -> Result<Vec<Cue>> {
        let format = match self.info.track.codec {
            Codec::Text(format) => format,
            _ => TextFormat::Srt,
        };
        let mut cues = Vec::with_capacity(packets.len());
        let mut text_bytes = 0usize;
        for packet in packets {
            let sample = match &packet.payload {
                Payload::InFile(range) => have.bytes(first_bytes(*range)).unwrap_or_default(),
                Payload::Prefixed(prefix, range) => {
                    [prefix.clone(), have.bytes(first_bytes(*range)).unwrap_or_default()].concat().into()
                }
                Payload::Rewritten(bytes) => bytes.clone(),
            };
            let (start_ms, end_ms) = self.span(packet);
            for body in webvtt::read_sample(format, &sample) {
                text_bytes = text_bytes.saturating_add(body.text.len());
                cues.push(Cue { start_ms, end_ms, body });
            }
            if text_bytes > MAX_TEXT_BYTES {
                return Err(too_much());
            }
        }
        cues.sort_by_key(|cue| cue.start_ms);
        Ok(cues)
    }
}

fn too_much() -> Error {
    Error::new(ErrorKind::LimitExceeded, "read subtitles").detail("too much text")
}

fn first_bytes(range: ByteRange) -> ByteRange {
    ByteRange::with_len(range.start, range.len().min(webvtt::MAX_CUE_BYTES as u64))
}

fn to_ms(ticks: i64, timescale: u32) -> u64 {
    u64::try_from(rescale(ticks, u64::from(timescale), 1000)).unwrap_or(0)
}
