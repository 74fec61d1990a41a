//! Holds what we read of a film to what ffprobe reads.

use std::path::Path;

use bytes::Bytes;
use prostream_core::container::{Boundary, MediaIndex, Packet, PacketQuery, Payload, Step, Track, open};
use prostream_core::hls::plan;
use prostream_core::model::{ByteRange, Extents, Language, TrackKind};
use prostream_core::source::MemorySource;
use sha2::{Digest, Sha256};

use crate::films::{Family, Film};
use crate::probe::{Probe, ProbedPacket, Stream};

/// Rounds of reads that the packets of one segment may take.
const MAX_ROUNDS: usize = 24;
/// ffprobe writes times with six decimals.
const ROUNDING_S: f64 = 0.000_002;
/// Stamps of Matroska that are in milliseconds are put back onto the grid of the track: each moves by at most one.
const SNAPPED_S: f64 = 0.001_01;
/// Of laced frames ffprobe guesses the times, adding up whole milliseconds from the block's.
const LACED_S: f64 = 0.005;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// The film does not open.
    Open,
    Streams,
    Codec,
    PictureSize,
    SampleRate,
    Channels,
    Language,
    Default,
    Forced,
    HearingImpaired,
    Commentary,
    Duration,
    /// How many packets, their sizes and their payloads.
    Payload,
    /// We have one packet more at the end, a text sample without text.
    EmptyTextAtEnd,
    Keyframes,
    /// Presentation times, off by one constant for the film.
    Times,
    /// Decode times, off by the same constant.
    DecodeTimes,
}

/// Something that we read in another way than ffprobe.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) aspect: Aspect,
    /// The stream it is about, as ffprobe counts them.
    pub(crate) stream: Option<usize>,
    /// ffprobe's name of the codec of that stream.
    pub(crate) codec: String,
    pub(crate) detail: String,
}

/// All differences of one film.
pub(crate) async fn compare(film: &Film, path: &Path) -> Vec<Difference> {
    let bytes: Bytes = std::fs::read(path).expect("the film").into();
    let probe = Probe::of(path);
    let mut comparison = Comparison { film, bytes: bytes.clone(), probe: &probe, found: Vec::new() };
    let source: std::sync::Arc<dyn prostream_core::source::ByteSource> = std::sync::Arc::new(MemorySource::new(bytes));
    match open(&source).await {
        Ok(index) => comparison.read(&index),
        Err(error) => comparison.note(Aspect::Open, None, format!("{error} {:?}", error.detail_text())),
    }
    comparison.found
}

struct Comparison<'a> {
    film: &'a Film,
    bytes: Bytes,
    probe: &'a Probe,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn note(&mut self, aspect: Aspect, stream: Option<usize>, detail: String) {
        let codec = stream.map_or_else(String::new, |at| self.probe.streams[at].codec.clone());
        self.found.push(Difference { aspect, stream, codec, detail });
    }

    /// Notes a difference if two values are not the same.
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, aspect: Aspect, stream: usize, ours: T, theirs: T) {
        if ours != theirs {
            self.note(aspect, Some(stream), format!("{ours:?}, ffprobe {theirs:?}"));
        }
    }

    fn read(&mut self, index: &MediaIndex) {
        if index.tracks.len() != self.probe.streams.len() {
            let theirs: Vec<&str> = self.probe.streams.iter().map(|stream| stream.codec.as_str()).collect();
            return self.note(Aspect::Streams, None, format!("{} tracks, ffprobe {theirs:?}", index.tracks.len()));
        }
        let streams = &self.probe.streams;
        for (at, (track, stream)) in index.tracks.iter().zip(streams).enumerate() {
            self.read_facts(at, track, stream);
        }
        self.read_duration(index);
        let cuts = boundaries(index);
        // One constant for the film: that of its first packet.
        let mut shift_s = None;
        for (at, track) in index.tracks.iter().enumerate() {
            if track.info.codec.name() != "other" {
                let packets = self.packets(index, at, &cuts);
                self.read_packets(at, track, &packets, &mut shift_s);
            }
        }
    }

    fn read_facts(&mut self, at: usize, track: &Track, stream: &Stream) {
        let info = &track.info;
        if let (Some(id), Family::Mp4 | Family::Mov | Family::Fragmented) = (stream.id, self.film.wrapper.family) {
            self.same(Aspect::Streams, at, info.number, id);
        }
        let kind = match info.kind {
            TrackKind::Video => "video",
            TrackKind::Audio => "audio",
            TrackKind::Subtitle => "subtitle",
        };
        self.same(Aspect::Streams, at, kind, &*stream.kind);
        let codec = match stream.codec.as_str() {
            "subrip" => "srt",
            "mov_text" => "tx3g",
            "vorbis" | "dts" | "alac" => "other",
            codec => codec,
        };
        self.same(Aspect::Codec, at, info.codec.name(), codec);
        let size = info.video.as_ref().map(|video| (u64::from(video.width), u64::from(video.height)));
        self.same(Aspect::PictureSize, at, size, stream.width_height);
        self.same(Aspect::SampleRate, at, info.audio.as_ref().map(|audio| audio.sample_rate_hz), stream.sample_rate_hz);
        let channels = info.audio.as_ref().map(|audio| u64::from(audio.channel_count));
        self.same(Aspect::Channels, at, channels, stream.channel_count);
        let language = stream.language.as_deref().and_then(Language::parse);
        self.same(Aspect::Language, at, info.language.as_ref(), language.as_ref());
        self.same(Aspect::Default, at, info.is_default, stream.is("default"));
        self.same(Aspect::Forced, at, info.is_forced, stream.is("forced"));
        self.same(Aspect::HearingImpaired, at, info.is_hearing_impaired, stream.is("hearing_impaired"));
        self.same(Aspect::Commentary, at, info.is_commentary, stream.is("comment"));
    }

    /// The length of the film to a packet, which is how far muxers round: in MP4 from its first packet to the end of its last, in
    /// Matroska what the container says.
    fn read_duration(&mut self, index: &MediaIndex) {
        let ours = index.duration_ns as f64 / 1e9;
        let packets = || self.probe.streams.iter().filter(|stream| stream.kind != "subtitle").flat_map(|s| &s.packets);
        let packet_s = self.probe.streams.iter().filter(|stream| stream.kind != "subtitle").map(longest_packet_s);
        let packet_s = packet_s.fold(0.001, f64::max);
        let ends = packets().filter_map(|packet| Some(packet.pts_s? + packet.duration_s.unwrap_or(packet_s)));
        let start = packets().filter_map(|packet| packet.pts_s).fold(f64::MAX, f64::min);
        let theirs = match self.film.wrapper.family {
            Family::Matroska | Family::Webm => self.probe.duration_s,
            _ => Some(ends.fold(0.0, f64::max) - start),
        };
        let tolerance_s = packet_s + SNAPPED_S;
        if !theirs.is_some_and(|theirs| (ours - theirs).abs() <= tolerance_s) {
            self.note(Aspect::Duration, None, format!("{ours} s, ffprobe {theirs:?}"));
        }
    }

    /// All packets of a track, read segment by segment, a segment from each place to decode from to the next, with nothing at hand.
    fn packets(&mut self, index: &MediaIndex, track_index: usize, cuts: &[Boundary]) -> Vec<Packet> {
        let mut all: Vec<Packet> = Vec::new();
        for (k, cut) in cuts.iter().enumerate() {
            let query = PacketQuery { track_index, from: (k > 0).then_some(*cut), to: cuts.get(k + 1).copied() };
            match self.packets_of(index, &query) {
                Ok(packets) => {
                    if let (Some(last), Some(first), true) =
                        (all.last(), packets.first(), index.tracks[track_index].info.kind != TrackKind::Subtitle)
                        && last.dts_ticks + i64::from(last.duration_ticks) != first.dts_ticks
                    {
                        let end = last.dts_ticks + i64::from(last.duration_ticks);
                        let detail = format!("segment {k} begins at {}, the one before ends at {end}", first.dts_ticks);
                        self.note(Aspect::DecodeTimes, Some(track_index), detail);
                    }
                    all.extend(packets);
                }
                Err(why) => self.note(Aspect::Payload, Some(track_index), format!("segment {k}: {why}")),
            }
        }
        all
    }

    fn packets_of(&self, index: &MediaIndex, query: &PacketQuery) -> Result<Vec<Packet>, String> {
        let mut have = Extents::new();
        for _ in 0..MAX_ROUNDS {
            match index.packets(query, &have).map_err(|error| format!("{error} {:?}", error.detail_text()))? {
                Step::Done(packets) => return Ok(packets),
                Step::Need(ranges) => {
                    for range in ranges {
                        have.insert(range.start, self.slice(range).into());
                    }
                }
            }
        }
        Err(format!("more than {MAX_ROUNDS} rounds"))
    }

    fn slice(&self, range: ByteRange) -> Bytes {
        self.bytes.slice(range.start as usize..range.end as usize)
    }

    fn payload(&self, packet: &Packet) -> Bytes {
        match &packet.payload {
            Payload::InFile(range) => self.slice(*range),
            Payload::Prefixed(prefix, range) => [prefix.clone(), self.slice(*range)].concat().into(),
            Payload::Rewritten(bytes) => bytes.clone(),
        }
    }

    fn read_packets(&mut self, at: usize, track: &Track, mut ours: &[Packet], shift_s: &mut Option<f64>) {
        let theirs: &[ProbedPacket] = &self.probe.streams[at].packets;
        if let [whole @ .., last] = ours
            && (whole.len(), self.payload(last).as_ref()) == (theirs.len(), &[0, 0])
        {
            self.note(Aspect::EmptyTextAtEnd, Some(at), format!("{} packets", ours.len()));
            ours = whole;
        }
        let list = |packets: &mut dyn Iterator<Item = (u64, String)>| packets.collect::<Vec<_>>();
        let our_list = list(&mut ours.iter().map(|packet| {
            let payload = self.payload(packet);
            (payload.len() as u64, Sha256::digest(&payload).iter().map(|byte| format!("{byte:02x}")).collect())
        }));
        let their_list = list(&mut theirs.iter().map(|packet| (packet.size, packet.hash.clone())));
        if our_list != their_list {
            let same = our_list.iter().zip(&their_list).take_while(|(our, their)| our == their).count();
            let counts = format!("{} packets, ffprobe {}", our_list.len(), their_list.len());
            let pair = format!("{:?}, ffprobe {:?}", our_list.get(same), their_list.get(same));
            return self.note(Aspect::Payload, Some(at), format!("{counts}; number {same} is {pair}"));
        }
        let keys = |packets: &mut dyn Iterator<Item = bool>| -> Vec<usize> {
            packets.enumerate().filter(|(_, is_key)| *is_key).map(|(at, _)| at).collect()
        };
        let our_keys = keys(&mut ours.iter().map(|packet| packet.is_sync));
        let their_keys = keys(&mut theirs.iter().map(|packet| packet.is_key));
        self.same(Aspect::Keyframes, at, our_keys, their_keys);
        let tolerance_s = match (self.film.wrapper.family, track.info.kind) {
            (Family::Mp4 | Family::Mov | Family::Fragmented, _) => ROUNDING_S,
            (_, TrackKind::Audio) if self.film.may_be_laced() => LACED_S,
            _ => SNAPPED_S,
        };
        let seconds = |ticks: i64| ticks as f64 / f64::from(track.info.timescale);
        let presentation = |our: &Packet, their: &ProbedPacket| Some(their.pts_s? - seconds(our.pts_ticks));
        let decode = |our: &Packet, their: &ProbedPacket| Some(their.dts_s? - seconds(our.dts_ticks));
        let pairs = || ours.iter().zip(theirs);
        let shifts: Vec<f64> = pairs().filter_map(|(our, their)| presentation(our, their)).collect();
        let Some(first) = shifts.first() else { return };
        let shift = *shift_s.get_or_insert(*first);
        if let Some(n) = shifts.iter().position(|one| (one - shift).abs() > tolerance_s) {
            let detail = format!("packet {n} is off by {} s, the film by {shift} s", shifts[n]);
            self.note(Aspect::Times, Some(at), detail);
        }
        // Matroska has no decode times: ffprobe guesses them too.
        if !matches!(self.film.wrapper.family, Family::Matroska | Family::Webm) {
            let shifts: Vec<f64> = pairs().filter_map(|(our, their)| decode(our, their)).collect();
            if let Some(n) = shifts.iter().position(|one| (one - shift).abs() > tolerance_s) {
                let detail = format!("packet {n} is off by {} s, the film by {shift} s", shifts[n]);
                self.note(Aspect::DecodeTimes, Some(at), detail);
            }
        }
        if !ours.is_sorted_by_key(|packet| packet.dts_ticks) {
            self.note(Aspect::DecodeTimes, Some(at), "they fall".to_owned());
        }
        if track.info.kind != TrackKind::Subtitle {
            let start = ours.iter().map(|packet| packet.pts_ticks).min();
            if start.is_some_and(|start| start != track.start_ticks) {
                self.note(Aspect::Times, Some(at), format!("begins at {start:?}, said {}", track.start_ticks));
            }
        }
    }
}

/// As it is declared, or as the packets lie apart: ffprobe does not know all lengths, least those of last packets.
fn longest_packet_s(stream: &Stream) -> f64 {
    let mut times: Vec<f64> = stream.packets.iter().filter_map(|packet| packet.pts_s).collect();
    times.sort_by(f64::total_cmp);
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.chain(stream.packets.iter().filter_map(|packet| packet.duration_s)).fold(0.0, f64::max)
}

/// A cut at every place to decode from of the track that plans are made from; one segment where it has none.
fn boundaries(index: &MediaIndex) -> Vec<Boundary> {
    let selected = plan::select(index);
    let Ok(cuts) = plan::plan(index, &selected) else { return Vec::new() };
    let points = &index.tracks[cuts.track_index].sync_points;
    if points.is_empty() {
        return cuts.boundaries;
    }
    points.iter().map(|point| Boundary { track_index: cuts.track_index, point: *point }).collect()
}
