//! Matroska and WebM files of ffmpeg and mkvmerge, read segment by segment and compared with what ffprobe reads in one go.

mod bounds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use prostream_core::Result;
use prostream_core::container::{Boundary, MediaIndex, Packet, PacketQuery, Payload, Step, matroska};
use prostream_core::model::{ByteRange, Codec, Extents, TrackKind};
use prostream_core::testing::tool;
use sha2::{Digest, Sha256};

/// Rounds of reads that any answer may take here.
const MAX_ROUNDS: usize = 24;

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = tool::run(Command::new(program).args(arguments).current_dir(folder));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn ffmpeg(arguments: &str, folder: &Path) {
    let mut all = vec!["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-threads", "2"];
    all.extend(arguments.split_whitespace());
    run("ffmpeg", &all, folder);
}

const VIDEO: &str = "-f lavfi -i testsrc2=s=320x180:r=24000/1001:d=8";
const AUDIO: &str = "-f lavfi -i sine=f=440:r=48000:d=8";
const H264: &str =
    "-c:v libx264 -preset ultrafast -b:v 300k -g 24 -keyint_min 24 -sc_threshold 0 -bf 3 -pix_fmt yuv420p";
const AAC: &str = "-c:a aac -b:a 96k -ac 2";

/// A file as a source gives it: read by range, in pieces of an odd size.
struct File {
    bytes: Bytes,
    /// Where zeros stand between its bytes, and how many: a large file that takes no memory.
    hole: Option<(u64, u64)>,
}

impl File {
    fn open(path: &Path) -> Self {
        Self { bytes: std::fs::read(path).unwrap().into(), hole: None }
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64 + self.hole.map_or(0, |(_, len)| len)
    }

    /// The bytes from `at` up to `end` at most.
    fn piece(&self, at: u64, end: u64) -> Bytes {
        static ZEROS: [u8; 10_007] = [0; 10_007];
        let (start, len) = self.hole.unwrap_or((u64::MAX, 0));
        let hole_end = start.saturating_add(len);
        let end = end.min(at + ZEROS.len() as u64);
        if at < start {
            self.bytes.slice(at as usize..end.min(start) as usize)
        } else if at < hole_end {
            Bytes::from_static(&ZEROS[..(end.min(hole_end) - at) as usize])
        } else {
            self.bytes.slice((at - len) as usize..(end - len) as usize)
        }
    }

    fn give(&self, have: &mut Extents, range: ByteRange) {
        assert!(!range.is_empty() && range.end <= self.size(), "asked for {range:?} of {}", self.size());
        let mut at = range.start;
        while at < range.end {
            let piece = self.piece(at, range.end);
            let end = at + piece.len() as u64;
            have.insert(at, piece.into());
            at = end;
        }
    }

    /// Calls `read` until it is done; how many rounds of reads that took, and what was read.
    fn drive<T>(&self, mut have: Extents, read: impl Fn(&Extents) -> Result<Step<T>>) -> Result<(T, usize, Extents)> {
        for round in 0..=MAX_ROUNDS {
            match read(&have)? {
                Step::Done(done) => return Ok((done, round, have)),
                Step::Need(ranges) => {
                    assert!(!ranges.is_empty());
                    assert!(
                        ranges.windows(2).all(|pair| pair[0].end < pair[1].start),
                        "in order, not touching: {ranges:?}"
                    );
                    let before = have.len();
                    ranges.iter().for_each(|range| self.give(&mut have, *range));
                    assert!(have.len() > before, "asked for what is at hand: {ranges:?}");
                }
            }
        }
        panic!("more than {MAX_ROUNDS} rounds");
    }

    /// The index from `edge` bytes of head and tail, and the rounds of reads beyond them.
    fn index(&self, edge: u64) -> Result<(MediaIndex, usize)> {
        let mut have = Extents::new();
        self.give(&mut have, ByteRange::new(0, edge.min(self.size())));
        self.give(&mut have, ByteRange::new(self.size().saturating_sub(edge), self.size()));
        let (index, rounds, _) = self.drive(have, |have| matroska::read_index(self.size(), have))?;
        Ok((index, rounds))
    }

    fn payload(&self, packet: &Packet) -> Vec<u8> {
        let part = |range: &ByteRange| &self.bytes[range.start as usize..range.end as usize];
        match &packet.payload {
            Payload::InFile(range) => part(range).to_vec(),
            Payload::Prefixed(prefix, range) => [prefix, part(range)].concat(),
            Payload::Rewritten(bytes) => bytes.to_vec(),
        }
    }

    /// The packets of one segment, read with nothing at hand; every byte they name was asked for.
    fn packets(&self, index: &MediaIndex, query: &PacketQuery) -> (Vec<Packet>, usize) {
        let (packets, rounds, have) = self.drive(Extents::new(), |have| index.packets(query, have)).unwrap();
        for packet in &packets {
            if let Payload::InFile(range) | Payload::Prefixed(_, range) = &packet.payload {
                assert!(have.bytes(*range).is_some(), "payload {range:?} is not at hand");
            }
        }
        (packets, rounds)
    }
}

/// The track that cuts are made from, and a boundary at every `stride`-th of its sync points.
fn boundaries(index: &MediaIndex, stride: usize) -> Vec<Boundary> {
    let track_index = index.tracks.iter().position(|track| !track.sync_points.is_empty()).unwrap();
    let points = &index.tracks[track_index].sync_points;
    assert!(points.windows(2).all(|pair| pair[0].pts_ticks < pair[1].pts_ticks));
    points.iter().step_by(stride).map(|point| Boundary { track_index, point: *point }).collect()
}

/// The queries whose answers, end to end, are the whole track.
fn queries(track_index: usize, boundaries: &[Boundary]) -> Vec<PacketQuery> {
    (0..boundaries.len())
        .map(|k| PacketQuery { track_index, from: (k > 0).then(|| boundaries[k]), to: boundaries.get(k + 1).copied() })
        .collect()
}

#[derive(Debug, PartialEq)]
struct Probed {
    pts_ms: f64,
    size: u64,
    hash: String,
}

/// What ffprobe reads, by stream.
fn probe(path: &Path) -> BTreeMap<usize, Vec<Probed>> {
    let options = ["-v", "error", "-show_packets", "-show_data_hash", "SHA256", "-of", "json"];
    let output = tool::run(Command::new("ffprobe").args(options).arg(path));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut streams: BTreeMap<usize, Vec<Probed>> = BTreeMap::new();
    for packet in json["packets"].as_array().unwrap() {
        let text = |key: &str| packet[key].as_str().unwrap_or_else(|| panic!("{key} of {packet}"));
        streams.entry(packet["stream_index"].as_u64().unwrap() as usize).or_default().push(Probed {
            pts_ms: text("pts_time").parse::<f64>().unwrap() * 1000.0,
            size: text("size").parse().unwrap(),
            hash: text("data_hash").trim_start_matches("SHA256:").to_owned(),
        });
    }
    streams
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads every video and audio track of a file segment by segment and compares what comes out, laid end to end, with ffprobe: nothing
/// lost, nothing twice, same order, bytes and times; decode times without a gap. Answers the index.
fn check(path: &Path) -> MediaIndex {
    check_within(path, EXACT_MS)
}

/// Stamps in milliseconds: snapping moves each by at most one.
const EXACT_MS: f64 = 1.01;
/// Of laced frames ffprobe only guesses the times: whole milliseconds are added up from the block's.
const LACED_MS: f64 = 5.0;

/// As [`check`], with the times of sound within `tolerance_ms`.
fn check_within(path: &Path, tolerance_ms: f64) -> MediaIndex {
    let name = path.file_name().unwrap().to_string_lossy();
    let file = File::open(path);
    let probed = probe(path);
    let (index, rounds) = file.index(512 * 1024).unwrap();
    assert_eq!(rounds, 0, "{name}: reads beyond head and tail");
    let (index_of_little, _) = file.index(4 * 1024).unwrap();
    assert_eq!(
        boundaries(&index, 1).len(),
        boundaries(&index_of_little, 1).len(),
        "{name}: the same whatever is at hand first"
    );
    let mut everything = Extents::new();
    file.give(&mut everything, ByteRange::new(0, file.size()));
    for stride in [1, 3] {
        let boundaries = boundaries(&index, stride);
        for (track_index, track) in index.tracks.iter().enumerate() {
            if track.info.kind == TrackKind::Subtitle {
                continue;
            }
            let of_ffprobe = &probed[&track_index];
            let mut all: Vec<Packet> = Vec::new();
            for (k, query) in queries(track_index, &boundaries).iter().enumerate() {
                let (packets, rounds) = file.packets(&index, query);
                let (same, _, _) = file.drive(everything.clone(), |have| index.packets(query, have)).unwrap();
                assert_eq!(packets, same, "{name}: what is at hand beside does not matter");
                let what = format!("{name}: track {track_index} segment {k}");
                if track.info.kind == TrackKind::Video {
                    assert!(packets[0].is_sync, "{what} starts with a keyframe");
                    let is_declared = track.info.video.as_ref().unwrap().frame_rate.is_some();
                    assert!(rounds == 1 || !is_declared, "{what} took {rounds} rounds");
                }
                let size: u64 = packets.iter().map(|packet| packet.payload.size_bytes()).sum();
                assert!(
                    index.estimate_bytes(query) + 2048 >= size || track.info.kind != TrackKind::Video,
                    "{what}: estimate is low"
                );
                if let (Some(last), Some(first)) = (all.last(), packets.first()) {
                    assert_eq!(
                        last.dts_ticks + i64::from(last.duration_ticks),
                        first.dts_ticks,
                        "{what} follows without a gap"
                    );
                }
                all.extend(packets);
            }
            assert_eq!(all.len(), of_ffprobe.len(), "{name}: packets of track {track_index}, stride {stride}");
            assert!(all.is_sorted_by_key(|packet| packet.dts_ticks));
            for (n, (packet, probed)) in all.iter().zip(of_ffprobe).enumerate() {
                let what = format!("{name}: track {track_index} packet {n}");
                let payload = file.payload(packet);
                assert_eq!(payload.len() as u64, probed.size, "{what}");
                assert_eq!(hash(&payload), probed.hash, "{what}");
                let pts_ms = packet.pts_ticks as f64 * 1000.0 / f64::from(track.info.timescale);
                let tolerance_ms = if track.info.kind == TrackKind::Video { EXACT_MS } else { tolerance_ms };
                assert!((pts_ms - probed.pts_ms).abs() <= tolerance_ms, "{what}: {pts_ms} not {} ms", probed.pts_ms);
            }
            assert_eq!(
                all.iter().map(|packet| packet.pts_ticks).min().unwrap(),
                track.start_ticks,
                "{name}: {track_index} starts"
            );
        }
    }
    index
}

fn base(folder: &Path) -> PathBuf {
    ffmpeg(&format!("{VIDEO} {AUDIO} {H264} {AAC} base.mkv"), folder);
    folder.join("base.mkv")
}

const SRT: &str = "1\n00:00:00,500 --> 00:00:02,500\nfirst <i>cue</i>\n\n2\n00:00:03,000 --> 00:00:03,900\nsecond\n\n3\n00:00:05,100 --> 00:00:07,000\nthird\n\n";

/// Goal: H.264 with B-frames and AAC, from both muxers, with the Cues at the end, in front, and with every block in the Cues.
#[test]
fn cues_last_and_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let last = check(&base(at));
    assert_eq!(last.tracks[0].info.codec, Codec::H264);
    assert_eq!(last.tracks[0].info.video.as_ref().unwrap().frame_rate, Some((24_000, 1001)));
    assert_eq!(last.tracks[0].sync_points.len(), 8);
    ffmpeg("-i base.mkv -c copy -reserve_index_space 65536 front.mkv", at);
    let front = check(&at.join("front.mkv"));
    assert_eq!(front.tracks[0].sync_points.len(), 8);
    ffmpeg("-i base.mkv -c copy -cues_to_front 1 to_front.mkv", at);
    check(&at.join("to_front.mkv"));
    for (name, options) in [
        ("mkvmerge.mkv", &[][..]),
        ("long_clusters.mkv", &["--cluster-length", "30000ms"]),
        ("short_clusters.mkv", &["--cluster-length", "3"]),
        ("microseconds.mkv", &["--timestamp-scale", "10000"]),
    ] {
        run("mkvmerge", &[&["-q", "-o", name][..], options, &["base.mkv"]].concat(), at);
        check_within(&at.join(name), LACED_MS);
    }
    run("mkvmerge", &["-q", "-o", "no_lacing.mkv", "--disable-lacing", "base.mkv"], at);
    check(&at.join("no_lacing.mkv"));
}

/// Goal: stamps of 23.976 frames a second in milliseconds come back as exactly 1001 ticks of 24000 each, sound as 1024 samples.
#[test]
fn stamps_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = base(folder.path());
    let file = File::open(&path);
    let (index, _) = file.index(512 * 1024).unwrap();
    let ticks: Vec<u32> = index.tracks.iter().map(|track| track.info.timescale).collect();
    assert_eq!(ticks, [24_000, 48_000]);
    for (track_index, duration) in [1001, 1024].into_iter().enumerate() {
        for query in queries(track_index, &boundaries(&index, 2)) {
            let (packets, _) = file.packets(&index, &query);
            assert!(packets.iter().all(|packet| packet.duration_ticks == duration), "track {track_index}");
        }
    }
}

/// Goal: every codec that is packaged, as ffmpeg writes it.
#[test]
fn codecs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    base(at);
    for (encoder, codec) in [
        ("ac3", Codec::Ac3),
        ("eac3", Codec::Eac3),
        ("flac", Codec::Flac),
        ("libmp3lame", Codec::Mp3),
        ("libopus", Codec::Opus),
    ] {
        ffmpeg(&format!("-i base.mkv -map 0:v -map 0:a -c:v copy -c:a {encoder} {encoder}.mkv"), at);
        let index = check(&at.join(format!("{encoder}.mkv")));
        assert_eq!(index.tracks[1].info.codec, codec);
    }
    ffmpeg(
        &format!(
            "{VIDEO} {AUDIO} -c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=24:open-gop=1:bframes=4 {AAC} hevc.mkv"
        ),
        at,
    );
    assert_eq!(check(&at.join("hevc.mkv")).tracks[0].info.codec, Codec::Hevc);
    ffmpeg(
        &format!(
            "{VIDEO} {AUDIO} -t 4 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -g 24 -c:a libopus vp9.webm"
        ),
        at,
    );
    assert_eq!(check(&at.join("vp9.webm")).tracks[0].info.codec, Codec::Vp9);
}

/// Goal: where several frames of sound without a fixed length share a block, those behind a cut belong to the segment there, though their
/// block begins before it: none is lost.
#[test]
fn laced_opus_loses_no_packet_at_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    ffmpeg(&format!("{VIDEO} {H264} -t 4 video.mp4"), at);
    ffmpeg(&format!("{AUDIO} -t 4 -c:a libopus -b:a 48k -frame_duration 60 long.opus"), at);
    ffmpeg(&format!("{AUDIO} -t 4 -c:a libopus -b:a 48k short.opus"), at);
    run("mkvmerge", &["-q", "-o", "laced.mkv", "video.mp4", "long.opus", "short.opus"], at);
    check_within(&at.join("laced.mkv"), LACED_MS);
}

/// Goal: files that say little: no Cues, unknown sizes, no DefaultDuration, a start at ten seconds, sound alone.
#[test]
fn odd_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    base(at);
    run("mkvmerge", &["-q", "-o", "no_cues.mkv", "--no-cues", "base.mkv"], at);
    assert_eq!(check_within(&at.join("no_cues.mkv"), LACED_MS).tracks[0].sync_points.len(), 8);
    run("mkvmerge", &["-q", "-o", "dense.mkv", "--cues", "0:all", "--cues", "1:all", "base.mkv"], at);
    assert_eq!(check_within(&at.join("dense.mkv"), LACED_MS).tracks[0].sync_points.len(), 8);
    ffmpeg("-i base.mkv -c copy -f matroska -live 1 live.mkv", at);
    check(&at.join("live.mkv"));
    run("mkvmerge", &["-q", "-o", "no_duration.mkv", "base.mkv"], at);
    let edits =
        ["--edit", "track:1", "--delete", "default-duration", "--edit", "track:2", "--delete", "default-duration"];
    run("mkvpropedit", &[&["-q", "no_duration.mkv"][..], &edits].concat(), at);
    let index = check_within(&at.join("no_duration.mkv"), LACED_MS);
    assert_eq!(index.tracks[0].info.video.as_ref().unwrap().frame_rate, None);
    ffmpeg("-i base.mkv -c copy -output_ts_offset 10 late.mkv", at);
    let late = check(&at.join("late.mkv"));
    assert!(late.tracks[0].start_ticks >= 240_000);
    ffmpeg("-i base.mkv -itsoffset 1.5 -i base.mkv -map 0:v -map 1:a -c copy late_sound.mkv", at);
    check(&at.join("late_sound.mkv"));
    ffmpeg("-i base.mkv -map 0:a -c copy sound.mka", at);
    check(&at.join("sound.mka"));
    // A Duration of 3 s, before the last keyframe.
    let mut short = std::fs::read(at.join("base.mkv")).unwrap();
    let duration = short.windows(3).position(|window| window == [0x44, 0x89, 0x88]).unwrap() + 3;
    short[duration..duration + 8].copy_from_slice(&3000f64.to_be_bytes());
    std::fs::write(at.join("short.mkv"), short).unwrap();
    let short = check(&at.join("short.mkv"));
    assert!((7_900..=8_100).contains(&(short.duration_ns / 1_000_000)), "{} ns", short.duration_ns);
}

/// Goal: text has the same cues whether it is read by segments or through the Cues that index it, from both muxers, and in WebM form.
#[test]
fn text() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    base(at);
    std::fs::write(at.join("s.srt"), SRT).unwrap();
    ffmpeg("-i base.mkv -i s.srt -map 0 -map 1 -c:v copy -c:a copy -c:s srt ffmpeg.mkv", at);
    run("mkvmerge", &["-q", "-o", "mkvmerge.mkv", "base.mkv", "--language", "0:fre", "s.srt"], at);
    run("mkvmerge", &["-q", "-o", "no_cues.mkv", "base.mkv", "--cues", "0:none", "s.srt"], at);
    ffmpeg(&format!("{VIDEO} -i s.srt -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 24 -c:s webvtt vtt.webm"), at);
    for (name, is_indexed) in [("ffmpeg.mkv", true), ("mkvmerge.mkv", true), ("no_cues.mkv", false), ("vtt.webm", true)]
    {
        let path = at.join(name);
        let index = check_within(&path, LACED_MS);
        let file = File::open(&path);
        let track_index = index.tracks.len() - 1;
        assert!(matches!(index.tracks[track_index].info.codec, Codec::Text(_)), "{name}");
        assert_eq!(matroska::text_is_indexed(&index, track_index), is_indexed, "{name}");
        let cues = |packets: &[Packet]| -> Vec<(i64, u32, String)> {
            packets
                .iter()
                .map(|packet| {
                    let text = String::from_utf8(file.payload(packet)).unwrap();
                    (packet.pts_ticks, packet.duration_ticks, text.trim_end().to_owned())
                })
                .collect()
        };
        let (whole, rounds) = file.packets(&index, &PacketQuery { track_index, from: None, to: None });
        assert!(rounds <= 2, "{name}: {rounds} rounds");
        let expected = [(500, 2000, "first <i>cue</i>"), (3000, 900, "second"), (5100, 1900, "third")];
        assert_eq!(cues(&whole), expected.map(|(at, length, text)| (at, length, text.to_owned())), "{name}");
        let by_segment: Vec<Packet> = queries(track_index, &boundaries(&index, 2))
            .iter()
            .flat_map(|query| file.packets(&index, query).0)
            .collect();
        assert_eq!(by_segment, whole, "{name}");
    }
}

/// Goal: a file that was cut off is read to its last whole block, and zeros in its middle cost one cluster, not the film.
#[test]
fn damaged_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let bytes = std::fs::read(base(at)).unwrap();
    std::fs::write(at.join("cut.mkv"), &bytes[..bytes.len() * 6 / 10]).unwrap();
    let file = File::open(&at.join("cut.mkv"));
    let (index, _) = file.index(512 * 1024).unwrap();
    let cuts = boundaries(&index, 1);
    assert!((4..=6).contains(&cuts.len()), "{}", cuts.len());
    let of_ffprobe = probe(&at.join("cut.mkv"));
    for track_index in 0..2 {
        let count: usize = queries(track_index, &cuts).iter().map(|query| file.packets(&index, query).0.len()).sum();
        assert!(of_ffprobe[&track_index].len().abs_diff(count) <= 1, "{count} of {}", of_ffprobe[&track_index].len());
    }

    let mut hole = bytes.clone();
    let middle = bytes.len() / 2;
    hole[middle..middle + 20_000].fill(0);
    std::fs::write(at.join("hole.mkv"), &hole).unwrap();
    let file = File::open(&at.join("hole.mkv"));
    let (index, _) = file.index(64 * 1024).unwrap();
    let cuts = boundaries(&index, 1);
    assert_eq!(cuts.len(), 8);
    let counts: Vec<usize> = queries(0, &cuts).iter().map(|query| file.packets(&index, query).0.len()).collect();
    assert!(counts.iter().filter(|count| **count == 24).count() >= 5, "{counts:?}");
}

/// An element with a size of two bytes.
fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &[0x40 | (data.len() >> 8) as u8, data.len() as u8], data].concat()
}

/// Goal: what today's muxers do not write: stripped headers, clusters and a Segment of unknown size, a SeekHead that lies, Cues that
/// only the tail shows, with places in their clusters that are wrong, and times rounded in another way than those of the blocks.
/// Method: a file made by hand: three clusters of five pictures each, 40 ms apart, every frame stripped of `ab`.
#[test]
fn hand_made_file() {
    for default_duration_ns in [40_000_000, 0] {
        read_hand_made_file(default_duration_ns);
    }
}

fn read_hand_made_file(default_duration_ns: u32) {
    const SEGMENT_UNKNOWN: &[u8] = &[0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    const CLUSTER_UNKNOWN: &[u8] = &[0x1F, 0x43, 0xB6, 0x75, 0xFF];
    let number = |id: &[u8], value: u32| element(id, &value.to_be_bytes());
    let stripping = [number(&[0x42, 0x54], 3), element(&[0x42, 0x55], b"ab")].concat();
    let encodings = element(&[0x6D, 0x80], &element(&[0x62, 0x40], &element(&[0x50, 0x34], &stripping)));
    let entry = [
        number(&[0xD7], 1),
        number(&[0x83], 1),
        element(&[0x86], b"V_TEST"),
        number(&[0x23, 0xE3, 0x83], default_duration_ns),
        encodings,
    ]
    .concat();
    let lie = element(
        &[0x4D, 0xBB],
        &[element(&[0x53, 0xAB], &[0x15, 0x49, 0xA9, 0x66]), number(&[0x53, 0xAC], 200)].concat(),
    );
    let mut segment =
        [element(&[0x11, 0x4D, 0x9B, 0x74], &lie), element(&[0x16, 0x54, 0xAE, 0x6B], &element(&[0xAE], &entry))]
            .concat();
    let mut cues = Vec::new();
    for cluster in 0..3u32 {
        let place = [number(&[0xF7], 1), number(&[0xF1], segment.len() as u32), number(&[0xF0], 17)].concat();
        let point = [number(&[0xB3], cluster * 200 + cluster.min(1)), element(&[0xB7], &place)].concat();
        cues.extend(element(&[0xBB], &point));
        segment.extend(CLUSTER_UNKNOWN);
        segment.extend(number(&[0xE7], cluster * 200));
        for frame in 0..5u8 {
            let block = [0x81, 0, frame * 40, if frame == 0 { 0x80 } else { 0 }, cluster as u8, frame];
            segment.extend(element(&[0xA3], &block));
        }
    }
    segment.extend(element(&[0x1C, 0x53, 0xBB, 0x6B], &cues));
    let head = element(&[0x1A, 0x45, 0xDF, 0xA3], &element(&[0x42, 0x82], b"matroska"));
    let file = File { bytes: [&head, SEGMENT_UNKNOWN, &segment].concat().into(), hole: None };
    let (index, rounds) = file.index(4096).unwrap();
    let timescale = if default_duration_ns == 0 { 90_000 } else { 25_000 };
    assert_eq!((rounds, index.tracks[0].info.timescale), (0, timescale));
    let frame_ticks = i64::from(timescale) / 25;
    let cuts = boundaries(&index, 1);
    assert_eq!(cuts.len(), 3);
    for (k, query) in queries(0, &cuts).iter().enumerate() {
        let (packets, _) = file.packets(&index, query);
        let frames: Vec<_> = packets
            .iter()
            .map(|packet| (packet.pts_ticks, i64::from(packet.duration_ticks), file.payload(packet)))
            .collect();
        let expected: Vec<_> = (0..5u8)
            .map(|n| ((k as i64 * 5 + i64::from(n)) * frame_ticks, frame_ticks, vec![b'a', b'b', k as u8, n]))
            .collect();
        assert_eq!(frames, expected, "segment {k}");
    }
}

/// A small generator of numbers that are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// A file whose pictures are named as they are in AVI: another codec id, and private data of the old kind, both of the same length.
fn from_avi(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|window| window == wanted).unwrap();
    let id = place(&bytes, b"V_MPEG4/ISO/AVC");
    bytes[id..id + 15].copy_from_slice(b"V_MS/VFW/FOURCC");
    let private = place(&bytes, &[0x63, 0xA2]) + 3;
    bytes[private + 16..private + 20].copy_from_slice(b"H264");
    bytes
}

/// Goal: large files without Cues, searched by their clusters or by interpolation, are no way to a panic or an endless search either.
/// Method: 3,000 mutations of clusters behind a hole of 70 MB.
#[test]
fn mutated_clusters_are_searched_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let tiny = "-f lavfi -i testsrc2=s=32x32:r=10:d=40 -f lavfi -i sine=r=48000:d=40";
    ffmpeg(&format!("{tiny} -c:v libx264 -preset ultrafast -g 15 -crf 51 -c:a libopus -b:a 6k a.mkv"), at);
    run("mkvmerge", &["-q", "-o", "b.mkv", "--no-cues", "a.mkv"], at);
    let mut seed = std::fs::read(at.join("b.mkv")).unwrap();
    let segment = seed.windows(4).position(|window| window == [0x18, 0x53, 0x80, 0x67]).unwrap() + 4;
    seed[segment..segment + 8].copy_from_slice(&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    let first = seed.windows(4).position(|window| window == [0x1F, 0x43, 0xB6, 0x75]).unwrap();
    let hole = 70_000_000u64;
    let void = [&[0xEC][..], &(hole | 1 << 56).to_be_bytes()].concat();
    seed.splice(first..first, void);
    let hole = Some((first as u64 + 9, hole));
    let mut numbers = Numbers(0xC1);
    let (mut grids, mut found) = (0, 0);
    let bounds = bounds::Bounds::start();
    for round in 0..3_000 {
        let mut bytes = seed.clone();
        // The first is left as it is.
        for _ in 0..numbers.below(6).min(round) {
            let place = first + 9 + numbers.below(bytes.len() - first - 9 - 40);
            let len = numbers.below(40);
            match numbers.below(4) {
                0 => bytes[place] ^= 1 << numbers.below(8),
                1 => bytes[place..place + len].fill(0),
                2 => {
                    let to = first + 9 + numbers.below(bytes.len() - first - 60);
                    bytes.copy_within(place..place + len, to);
                }
                _ => drop(bytes.drain(place..place + len)),
            }
        }
        let file = File { bytes: bytes.into(), hole };
        let Ok((index, _)) = bounds.check(|| file.index(8 * 1024)) else { continue };
        if index.grid_gop().is_none() {
            continue;
        }
        grids += 1;
        let cuts = boundaries(&index, 1);
        for track_index in 0..index.tracks.len() {
            let query = queries(track_index, &cuts)[numbers.below(cuts.len())];
            let _ = index.estimate_bytes(&query);
            let _ = bounds.check(|| file.drive(Extents::new(), |have| index.packets(&query, have)));
        }
        let search = || {
            let mut scan = matroska::Scan::new(&index, 4096).unwrap();
            let mut have = Extents::new();
            for _ in 0..20_000 {
                match scan.step(&have)? {
                    Step::Done(()) => {
                        return file
                            .drive(Extents::new(), |have| matroska::read_index_after_scan(file.size(), have, &scan));
                    }
                    Step::Need(ranges) => {
                        if have.len() > 100_000 {
                            have = Extents::new();
                        }
                        ranges.iter().for_each(|range| file.give(&mut have, *range));
                    }
                }
            }
            panic!("a search without end");
        };
        if let Ok((index, _, _)) = bounds.check(search) {
            found += 1;
            if round == 0 {
                assert_eq!(index.tracks[0].sync_points.len(), 27);
            }
        }
    }
    bounds.finish();
    assert!(grids > 2_000 && found > 2_000, "{grids} grids, {found} searched");
}

/// Goal: no bytes make the reader panic, ask twice for the same, or go on without end.
/// Method: 100,000 mutations of real headers: bits flipped, bytes set, runs removed, doubled or zeroed; every hundredth is also read into
/// packets.
#[test]
fn mutated_headers_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let tiny = "-f lavfi -i testsrc2=s=64x36:r=24:d=0.5 -f lavfi -i sine=r=48000:d=0.5";
    std::fs::write(at.join("s.srt"), "1\n00:00:00,100 --> 00:00:00,300\nhello\n\n").unwrap();
    ffmpeg(
        &format!(
            "{tiny} -i s.srt -map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -g 4 -c:a ac3 -b:a 64k -c:s srt a.mkv"
        ),
        at,
    );
    ffmpeg(&format!("{tiny} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 4 -c:a libopus b.webm"), at);
    run("mkvmerge", &["-q", "-o", "c.mkv", "a.mkv"], at);
    let zlib = ["--compression", "0:zlib", "--compression", "1:zlib", "--compression", "2:zlib"];
    run("mkvmerge", &[&["-q", "-o", "d.mkv"][..], &zlib, &["a.mkv"]].concat(), at);
    let mut seeds: Vec<Vec<u8>> =
        ["a.mkv", "b.webm", "c.mkv", "d.mkv"].iter().map(|name| std::fs::read(at.join(name)).unwrap()).collect();
    seeds.push(from_avi(&seeds[0]));
    let mut numbers = Numbers(0x5EED);
    let mut readable = 0;
    let bounds = bounds::Bounds::start();
    for round in 0..100_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        let front = bytes.len().min(1500);
        for _ in 0..=numbers.below(4) {
            // Mostly the front, sometimes the Cues at the end or anything.
            let place = match numbers.below(4) {
                0 => bytes.len().saturating_sub(1 + numbers.below(600)),
                1 => numbers.below(bytes.len()),
                _ => numbers.below(front),
            };
            let len = numbers.below(12).min(bytes.len() - place.min(bytes.len()));
            match numbers.below(6) {
                0 => bytes[place] ^= 1 << numbers.below(8),
                1 => bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][numbers.below(5)],
                2 => drop(bytes.drain(place..place + len)),
                3 => {
                    let copy = bytes[place..place + len].to_vec();
                    bytes.splice(place..place, copy);
                }
                4 => bytes[place..place + len].fill(0),
                _ => bytes[place..place + len].fill(0xFF),
            }
        }
        let file = File { bytes: bytes.into(), hole: None };
        let edge = 1024 + numbers.below(2048) as u64;
        let Ok((index, _)) = bounds.check(|| file.index(edge)) else { continue };
        readable += 1;
        if round % 100 != 0 {
            continue;
        }
        let cut = index.tracks.iter().position(|track| !track.sync_points.is_empty());
        let cuts = cut.map_or_else(Vec::new, |_| boundaries(&index, 1));
        for track_index in 0..index.tracks.len() {
            let whole = PacketQuery { track_index, from: None, to: None };
            for query in queries(track_index, &cuts).iter().chain([&whole]) {
                let _ = index.estimate_bytes(query);
                // An error is as good an answer as packets.
                let _ = file.drive(Extents::new(), |have| index.packets(query, have));
            }
        }
    }
    bounds.finish();
    assert!(readable > 20_000, "mutations that leave too little to read test nothing: {readable}");
}
