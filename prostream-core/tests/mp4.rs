//! The MP4 reader against ffprobe: every packet of files that ffmpeg wrote, and headers with flipped bits.

mod bounds;

use std::path::{Path, PathBuf};
use std::process::Command;

use prostream_core::ErrorKind;
use prostream_core::container::codec::{MatroskaTrack, from_matroska, is_random_access, packet_samples};
use prostream_core::container::{Boundary, MAX_OPEN_ROUNDS, MediaIndex, Packet, PacketQuery, Payload, Step, mp4};
use prostream_core::model::{ByteRange, Codec, Extents, Rope, TextFormat, TrackKind};
use prostream_core::testing::tool;

/// What an HTTP source brings along.
const EDGE: u64 = 512 * 1024;

const VIDEO: &str = "testsrc2=s=320x180:r=25:d=4,format=yuv420p";
const SOUND: &str = "sine=frequency=440:r=48000:d=4";

/// Runs ffmpeg on generated pictures and sound.
fn encode(folder: &Path, name: &str, args: &str) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", VIDEO, "-f", "lavfi", "-i", SOUND]);
    command.args(args.split_whitespace()).args(["-fflags", "+bitexact", "-t", "4"]).env("SVT_LOG", "0").arg(&path);
    let output = tool::run(&command);
    assert!(output.status.success(), "ffmpeg {args}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

/// A file of which only some bytes are at hand until they are asked for.
struct Remote {
    bytes: Vec<u8>,
    have: Extents,
    asked: Vec<ByteRange>,
}

impl Remote {
    fn with_edges(bytes: Vec<u8>, edge: u64) -> Self {
        let len = bytes.len() as u64;
        let mut remote = Self { bytes, have: Extents::new(), asked: Vec::new() };
        remote.fetch(ByteRange::new(0, edge.min(len)));
        remote.fetch(ByteRange::new(len.saturating_sub(edge), len));
        remote
    }

    fn fetch(&mut self, range: ByteRange) {
        let piece = bytes::Bytes::copy_from_slice(&self.bytes[range.start as usize..range.end as usize]);
        self.have.insert(range.start, Rope::from(piece));
    }

    /// Opens the file; each round must ask for bytes that were missing, within the file and in order.
    fn open(&mut self) -> prostream_core::Result<MediaIndex> {
        let mut reader = mp4::IndexReader::new(self.bytes.len() as u64);
        self.drive(|have| reader.read(have))
    }

    /// The packets of a query, with all bytes that it takes.
    fn packets(&mut self, index: &MediaIndex, query: &PacketQuery) -> prostream_core::Result<Vec<Packet>> {
        self.drive(|have| index.packets(query, have))
    }

    fn drive<T>(
        &mut self,
        mut read: impl FnMut(&Extents) -> prostream_core::Result<Step<T>>,
    ) -> prostream_core::Result<T> {
        let size = self.bytes.len() as u64;
        for _ in 0..MAX_OPEN_ROUNDS {
            let ranges = match read(&self.have)? {
                Step::Done(answer) => return Ok(answer),
                Step::Need(ranges) => ranges,
            };
            assert!(!ranges.is_empty());
            assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for range in ranges {
                assert!(!range.is_empty() && range.end <= size);
                assert!(self.have.rope(ByteRange::with_len(range.start, 1)).is_none(), "asked twice: {range:?}");
                self.fetch(range);
                self.asked.push(range);
            }
        }
        Err(prostream_core::Error::new(ErrorKind::LimitExceeded, "open").detail("too many rounds"))
    }
}

fn open(path: &Path) -> MediaIndex {
    Remote::with_edges(std::fs::read(path).unwrap(), EDGE).open().unwrap()
}

fn all_packets(index: &MediaIndex, track_index: usize) -> Vec<Packet> {
    packets(index, &PacketQuery { track_index, from: None, to: None })
}

fn packets(index: &MediaIndex, query: &PacketQuery) -> Vec<Packet> {
    match index.packets(query, &Extents::new()).unwrap() {
        Step::Done(packets) => packets,
        Step::Need(ranges) => panic!("an MP4 needs no bytes for its packets: {ranges:?}"),
    }
}

fn ffprobe(path: &Path, options: &[&str]) -> serde_json::Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_packets", "-show_streams"]).args(options).arg(path);
    let output = tool::run(&command);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &serde_json::Value) -> i64 {
    match value {
        serde_json::Value::String(text) => text.parse().unwrap(),
        other => other.as_i64().unwrap(),
    }
}

/// Compares every packet of every track with ffprobe: times, size, place, flag.
fn assert_like_ffprobe(path: &Path, index: &MediaIndex) {
    let mut remote = Remote::with_edges(std::fs::read(path).unwrap(), 0);
    let probe = ffprobe(path, &[]);
    let mut compared = 0;
    for (track_index, track) in index.tracks.iter().enumerate() {
        let number_in_file = format!("0x{:x}", track.info.number);
        let stream = probe["streams"].as_array().unwrap().iter().find(|s| s["id"] == number_in_file.as_str()).unwrap();
        assert_eq!(stream["time_base"], format!("1/{}", track.info.timescale));
        let expected: Vec<_> = probe["packets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|packet| packet["stream_index"] == stream["index"])
            .map(|packet| {
                let is_key = packet["flags"].as_str().unwrap().starts_with('K');
                (
                    number(&packet["pts"]),
                    number(&packet["dts"]),
                    number(&packet["size"]),
                    number(&packet["pos"]),
                    is_key,
                )
            })
            .collect();
        let query = PacketQuery { track_index, from: None, to: None };
        let found: Vec<_> = remote
            .packets(index, &query)
            .unwrap()
            .into_iter()
            .map(|packet| {
                let Payload::InFile(range) = packet.payload else { panic!("MP4 payload is in the file") };
                (packet.pts_ticks, packet.dts_ticks, range.len() as i64, range.start as i64, packet.is_sync)
            })
            .collect();
        assert_eq!(found.len(), expected.len(), "{} packets", track.info.codec_string);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{}", track.info.codec_string);
        }
        assert_eq!(track.start_ticks, expected.iter().map(|packet| packet.0).min().unwrap());
        compared += found.len();
    }
    assert!(compared > 0);
}

/// Goal: H.264 with B-frames and AAC, `moov` in front and behind, reads as ffprobe reads it, without a request.
#[test]
fn h264_and_aac_read_like_ffprobe() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = "-c:v libx264 -preset veryfast -g 30 -bf 3 -c:a aac -ac 2 -metadata:s:a:0 language=ger";
    for (name, flags) in [("first.mp4", "-movflags +faststart"), ("last.mp4", ""), ("quicktime.mov", "")] {
        let path = encode(folder.path(), name, &format!("{codecs} {flags}"));
        let mut remote = Remote::with_edges(std::fs::read(&path).unwrap(), EDGE);
        let index = remote.open().unwrap();
        assert_eq!(remote.asked, []);
        assert_like_ffprobe(&path, &index);
        let (video, sound) = (&index.tracks[0], &index.tracks[1]);
        assert_eq!((video.info.codec, sound.info.codec), (Codec::H264, Codec::Aac));
        assert!(video.info.codec_string.starts_with("avc1.6400"), "{}", video.info.codec_string);
        assert_eq!(sound.info.codec_string, "mp4a.40.2");
        assert_eq!(sound.info.language.as_ref().unwrap().as_str(), "de");
        let format = video.info.video.as_ref().unwrap();
        assert_eq!((format.width, format.height, format.frame_rate), (320, 180, Some((25, 1))));
        assert!(video.has_closed_gops && video.info.is_default && sound.info.is_default);
        assert_eq!(video.sync_points.len(), 4);
    }
}

/// Goal: the other codecs of the packager, with the strings that players expect.
#[test]
fn all_codecs_read_like_ffprobe() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args, strings) in [
        (
            "hevc.mp4",
            "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=25 -c:a ac3 -ac 2",
            ["hvc1.1.6.L60.90", "ac-3"],
        ),
        (
            "hev1.mp4",
            "-c:v libx265 -tag:v hev1 -preset ultrafast -x265-params log-level=error -c:a eac3 -ac 2",
            ["hvc1.1.6.L60.90", "ec-3"],
        ),
        ("av1.mp4", "-c:v libsvtav1 -preset 12 -g 25 -c:a libopus -b:a 64k", ["av01.0.00M.08", "Opus"]),
        (
            "vp9.mp4",
            "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime -g 25 -c:a flac -strict -2",
            ["vp09.00.11.08", "fLaC"],
        ),
        ("mp3.mp4", "-c:v libx264 -preset ultrafast -c:a libmp3lame", ["avc1.", "mp4a.40.34"]),
        ("mp3.mov", "-c:v libx264 -preset ultrafast -c:a libmp3lame", ["avc1.", "mp4a.40.34"]),
    ] {
        let path = encode(folder.path(), name, args);
        let index = open(&path);
        assert_like_ffprobe(&path, &index);
        for (track, string) in index.tracks.iter().zip(strings) {
            assert!(track.info.codec_string.starts_with(string), "{name}: {} for {string}", track.info.codec_string);
            assert_ne!(track.info.sample_entry.kind, [0; 4], "{name}");
        }
    }
}

/// Goal: what is told from the bytes of packets agrees with what the tables of ffmpeg say of them.
/// Method: random access against sync samples, packet lengths against durations, and the sample entry made from the first frame alone,
/// as a bare Matroska header needs it, against the one made from ffmpeg's boxes.
#[test]
fn packets_tell_what_the_tables_say() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args, codec_ids) in [
        ("a.mp4", "-c:v libx264 -preset veryfast -g 20 -bf 2 -c:a ac3 -ac 6", ["", "A_AC3"]),
        (
            "b.mp4",
            "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=20 -c:a eac3 -ac 6",
            ["", "A_EAC3"],
        ),
        ("c.mp4", "-c:v libsvtav1 -preset 12 -g 20 -c:a libmp3lame -ac 2 -ar 22050", ["V_AV1", "A_MPEG/L3"]),
        ("d.mp4", "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime -g 20 -c:a flac -strict -2", ["V_VP9", ""]),
        ("e.mp4", "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 20 -c:a libopus -ac 2", ["V_AV1", ""]),
    ] {
        let path = encode(folder.path(), name, args);
        let bytes = std::fs::read(&path).unwrap();
        let index = open(&path);
        for ((track_index, track), codec_id) in index.tracks.iter().enumerate().zip(codec_ids) {
            let info = &track.info;
            let packets = all_packets(&index, track_index);
            let payload = |packet: &Packet| match &packet.payload {
                Payload::InFile(range) => bytes[range.start as usize..range.end as usize].to_vec(),
                other => panic!("MP4 payload is in the file: {other:?}"),
            };
            for packet in &packets {
                if let Some(audio) = &info.audio {
                    let samples = packet_samples(audio, info.codec, &payload(packet)).unwrap();
                    let expected = i64::from(packet.duration_ticks) * i64::from(audio.sample_rate_hz);
                    // The last packet may be declared shorter than it is: padding.
                    let is_last = packet == packets.last().unwrap();
                    let found = i64::from(samples) * i64::from(info.timescale);
                    assert!(found == expected || is_last && found > expected, "{name}: {samples}");
                } else {
                    assert_eq!(is_random_access(info.codec, 4, &payload(packet)), Some(packet.is_sync), "{name}");
                }
            }
            if !codec_id.is_empty() {
                let track = MatroskaTrack { codec_id, ..MatroskaTrack::default() };
                let config = from_matroska(&track, Some(&payload(&packets[0]))).unwrap().unwrap();
                assert_eq!(config.codec_string, info.codec_string, "{name}");
                assert_eq!(config.sample_entry.kind, info.sample_entry.kind, "{name}");
                if let (Some(mine), Some(theirs)) = (&config.video, &info.video) {
                    assert_eq!(
                        (mine.width, mine.height, mine.bit_depth),
                        (theirs.width, theirs.height, theirs.bit_depth)
                    );
                }
                if info.audio.is_some() {
                    assert_eq!(config.sample_entry, info.sample_entry, "{name}");
                    assert_eq!(config.audio, info.audio, "{name}");
                }
            }
        }
    }
}

/// Goal: a film whose `moov` is larger than what is at hand costs one request, wherever it lies.
#[test]
fn a_large_moov_costs_one_request() {
    let folder = tempfile::tempdir().unwrap();
    for (name, flags) in [("first.mp4", "-movflags +faststart"), ("last.mp4", "")] {
        let path = encode(folder.path(), name, &format!("-c:v libx264 -preset ultrafast -b:v 4M -c:a aac {flags}"));
        let bytes = std::fs::read(&path).unwrap();
        let mut remote = Remote::with_edges(bytes, 64);
        let index = remote.open().unwrap();
        // With 64 bytes at either end even the header of moov behind the payload has to be found.
        assert!(remote.asked.len() <= 2, "{name}: {:?}", remote.asked);
        assert_like_ffprobe(&path, &index);
    }
}

/// Goal: segments laid end to end give each packet once, for the cut track by decode order and for the others by start time.
#[test]
fn segments_tile_every_track() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "film.mp4", "-c:v libx264 -preset veryfast -g 20 -bf 3 -c:a aac");
    let index = open(&path);
    let cuts: Vec<Boundary> =
        index.tracks[0].sync_points.iter().skip(1).map(|point| Boundary { track_index: 0, point: *point }).collect();
    assert!(cuts.len() >= 4);
    for track_index in 0..index.tracks.len() {
        let mut joined = Vec::new();
        let ends = cuts.iter().copied().map(Some).chain([None]);
        let starts = [None].into_iter().chain(cuts.iter().copied().map(Some));
        for (from, to) in starts.zip(ends) {
            let query = PacketQuery { track_index, from, to };
            let part = packets(&index, &query);
            assert_eq!(
                part.iter().map(|packet| packet.payload.size_bytes()).sum::<u64>(),
                index.estimate_bytes(&query)
            );
            if let (0, Some(_)) = (track_index, from) {
                assert!(part[0].is_sync);
            } else if let Some(from) = from {
                // Starts at or after the cut, compared across the timescales without rounding.
                let (track, cut) = (&index.tracks[track_index].info, &index.tracks[0].info);
                let first = i128::from(part[0].pts_ticks) * i128::from(cut.timescale);
                assert!(first >= i128::from(from.point.pts_ticks) * i128::from(track.timescale));
            }
            joined.extend(part);
        }
        assert_eq!(joined, all_packets(&index, track_index));
    }
}

/// Goal: a late track and one without edit list keep their place; several tracks keep language, name and choice.
#[test]
fn delays_and_track_facts_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.mp4");
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", VIDEO])
        .args(["-itsoffset", "0.5", "-f", "lavfi", "-i", SOUND, "-f", "lavfi", "-i", SOUND])
        .args(["-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3"])
        .args([
            "-metadata:s:a:0",
            "language=eng",
            "-metadata:s:a:1",
            "handler_name=Director",
            "-disposition:a:1",
            "default",
        ])
        .arg(&path);
    let output = tool::run(&command);
    assert!(output.status.success());
    let index = open(&path);
    assert_like_ffprobe(&path, &index);
    let (late, other) = (&index.tracks[1], &index.tracks[2]);
    // The encoder's priming of 256 samples stays in front; delays are written in milliseconds.
    assert!((late.start_ticks - (24_000 - 256)).abs() <= 48, "{}", late.start_ticks);
    assert_eq!(other.start_ticks, -256);
    assert_eq!((late.info.kind, late.info.language.as_ref().unwrap().as_str()), (TrackKind::Audio, "en"));
    assert_eq!(other.info.name.as_deref(), Some("Director"));
    assert!(!(late.info.is_default && other.info.is_default));
    assert!((4_450_000_000..4_550_000_000).contains(&index.duration_ns), "{}", index.duration_ns);
}

/// Goal: subtitles are tracks with their cues; chapter titles are none that a player is offered.
#[test]
fn subtitles_and_chapters_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (cues, chapters) = (folder.path().join("cues.srt"), folder.path().join("chapters.txt"));
    std::fs::write(&cues, "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:03,500\nBye\n")
        .unwrap();
    let chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4000\ntitle=One\n";
    std::fs::write(&chapters, format!(";FFMETADATA1\n{chapter}")).unwrap();
    let args = format!(
        "-i {} -i {} -map 0 -map 1 -map 2 -map_metadata 3 -c:v libx264 -preset ultrafast -c:a aac -c:s mov_text \
         -metadata:s:s:0 language=fre",
        cues.display(),
        chapters.display()
    );
    let path = encode(folder.path(), "film.mp4", &args);
    let index = open(&path);
    let kinds: Vec<_> = index.tracks.iter().map(|track| (track.info.kind, track.info.codec)).collect();
    let text = Codec::Text(TextFormat::Tx3g);
    let subtitle = TrackKind::Subtitle;
    let expected =
        [(TrackKind::Video, Codec::H264), (TrackKind::Audio, Codec::Aac), (subtitle, text), (subtitle, Codec::Other)];
    assert_eq!(kinds, expected);
    assert_eq!(index.tracks[3].info.codec_string, "text (chapters)");
    let track = &index.tracks[2];
    assert_eq!(track.info.language.as_ref().unwrap().as_str(), "fr");
    let bytes = std::fs::read(&path).unwrap();
    // Gaps between cues are samples without text: a length of 0.
    let cues: Vec<_> = all_packets(&index, 2)
        .into_iter()
        .filter_map(|packet| {
            let Payload::InFile(range) = packet.payload else { panic!("MP4 payload is in the file") };
            let sample = &bytes[range.start as usize..range.end as usize];
            let len = usize::from(u16::from_be_bytes(sample[..2].try_into().unwrap()));
            let text = String::from_utf8(sample[2..2 + len].to_vec()).unwrap();
            let ms = |ticks: i64| ticks * 1000 / i64::from(track.info.timescale);
            (len > 0).then(|| (ms(packet.pts_ticks), ms(packet.duration_ticks.into()), text))
        })
        .collect();
    assert_eq!(cues, [(1000, 1500, "Hello".to_owned()), (3000, 500, "Bye".to_owned())]);
}

/// Goal: open GOPs are told from closed ones; in H.264 recovery points are no cuts where IDR pictures are near.
#[test]
fn open_gops_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args, is_closed, sync_count) in [
        ("open.mp4", "-c:v libx265 -x265-params log-level=error:keyint=24:open-gop=1:bframes=3:scenecut=0", false, 5),
        ("closed.mp4", "-c:v libx265 -x265-params log-level=error:keyint=24:open-gop=0:bframes=3:scenecut=0", true, 5),
        ("recovery.mp4", "-c:v libx264 -x264-params keyint=24:open-gop=1:bframes=3:scenecut=0", true, 1),
    ] {
        let path = encode(folder.path(), name, &format!("{args} -preset ultrafast -b_strategy 0 -an"));
        let index = open(&path);
        assert_like_ffprobe(&path, &index);
        assert_eq!(
            (index.tracks[0].has_closed_gops, index.tracks[0].sync_points.len()),
            (is_closed, sync_count),
            "{name}"
        );
    }
}

/// How ffmpeg writes fragments, and whether their list is found without a walk.
const FRAGMENTED: [(&str, &str); 9] = [
    ("sidx.mp4", "-movflags frag_keyframe+empty_moov+dash+global_sidx+skip_trailer"),
    ("mfra.mp4", "-movflags frag_keyframe+empty_moov"),
    ("neither.mp4", "-movflags frag_keyframe+empty_moov+skip_trailer"),
    ("each.mp4", "-movflags frag_keyframe+empty_moov+dash+skip_trailer"),
    ("base.mp4", "-movflags frag_keyframe+empty_moov+default_base_moof"),
    ("separate.mp4", "-movflags frag_keyframe+empty_moov+separate_moof"),
    ("edits.mp4", "-movflags frag_keyframe+delay_moov"),
    ("head.mp4", "-movflags frag_keyframe"),
    ("lying.mp4", "-frag_duration 300000 -movflags empty_moov"),
];

/// Goal: fragments of every kind read as ffprobe reads them, and segments laid end to end give each packet once, each of pictures beginning
/// with a sync sample: whatever the list of the file says.
#[test]
fn fragmented_files_read_like_ffprobe() {
    let folder = tempfile::tempdir().unwrap();
    for (name, flags) in FRAGMENTED {
        let path =
            encode(folder.path(), name, &format!("-c:v libx264 -preset veryfast -g 20 -bf 3 -c:a aac -ac 2 {flags}"));
        let bytes = std::fs::read(&path).unwrap();
        let mut remote = Remote::with_edges(bytes.clone(), EDGE);
        let index = remote.open().unwrap();
        assert!(matches!(index.layout, prostream_core::container::Layout::Fragmented(_)), "{name}");
        assert_like_ffprobe(&path, &index);
        assert!(index.tracks[0].sync_points.len() >= 4, "{name}: {:?}", index.tracks[0].sync_points);
        assert_eq!(index.tracks[0].info.video.as_ref().unwrap().frame_rate, Some((25, 1)), "{name}");
        for track_index in 0..2 {
            let all = remote.packets(&index, &PacketQuery { track_index, from: None, to: None }).unwrap();
            let track = &index.tracks[track_index];
            let end = all.iter().map(|packet| packet.pts_ticks + i64::from(packet.duration_ticks)).max().unwrap();
            assert_eq!(track.end_ticks, end, "{name}");
            let cuts: Vec<Boundary> = index.tracks[0].sync_points[1..]
                .iter()
                .map(|point| Boundary { track_index: 0, point: *point })
                .collect();
            let mut joined = Vec::new();
            let ends = cuts.iter().copied().map(Some).chain([None]);
            let starts = [None].into_iter().chain(cuts.iter().copied().map(Some));
            for (from, to) in starts.zip(ends) {
                let mut fresh = Remote::with_edges(bytes.clone(), 64);
                let part = fresh.packets(&index, &PacketQuery { track_index, from, to }).unwrap();
                assert!(track_index != 0 || part.first().is_none_or(|packet| packet.is_sync), "{name}");
                joined.extend(part);
            }
            assert_eq!(joined.len(), all.len(), "{name} {track_index}");
            assert_eq!(joined, all, "{name} {track_index}");
        }
    }
}

/// Goal: what cannot be packaged says so.
#[test]
fn cut_files_and_segments_alone_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "whole.mp4", "-c:v libx264 -preset ultrafast -c:a aac");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    let error = Remote::with_edges(bytes, EDGE).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let path =
        encode(folder.path(), "frag.mp4", "-c:v libx264 -preset ultrafast -an -movflags frag_keyframe+empty_moov");
    let bytes = std::fs::read(&path).unwrap();
    let moof = bytes.windows(4).position(|window| window == b"moof").unwrap() - 4;
    let error = Remote::with_edges(bytes[moof..].to_vec(), EDGE).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.detail_text().unwrap().contains("init segment"));
}

/// Goal: a sample beyond the end of the file is an error when it is asked for, not before.
#[test]
fn samples_beyond_the_end_fail_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = encode(folder.path(), "cut.mp4", "-c:v libx264 -preset ultrafast -g 25 -c:a aac -movflags +faststart");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    let index = Remote::with_edges(bytes, EDGE).open().unwrap();
    let point = index.tracks[0].sync_points[1];
    let to = Some(Boundary { track_index: 0, point });
    assert!(!packets(&index, &PacketQuery { track_index: 0, from: None, to }).is_empty());
    let error = index.packets(&PacketQuery { track_index: 0, from: to, to: None }, &Extents::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

/// Goal: no byte of a header can make the reader panic, loop or ask for what it has.
/// Method: 100,000 copies of real headers with up to eight bytes changed, cut or grown by a fixed random sequence, opened and walked.
#[test]
fn mutated_headers_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let short = "-t 0.4 -g 4";
    let seeds: Vec<Vec<u8>> = [
        ("a.mp4", "-c:v libx264 -preset ultrafast -bf 2 -b_strategy 0 -c:a aac"),
        ("b.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=error -c:a eac3 -movflags +faststart"),
        ("c.mov", "-c:v libx264 -preset ultrafast -c:a aac"),
        ("d.mp4", "-c:v libsvtav1 -preset 12 -c:a libopus -movflags +faststart"),
        ("e.mp4", "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime -c:a flac -strict -2"),
        ("f.mp4", "-c:v libx264 -preset ultrafast -c:a aac -movflags frag_keyframe+delay_moov"),
        ("g.mp4", "-c:v libx264 -preset ultrafast -c:a aac -movflags frag_keyframe+empty_moov+dash+global_sidx"),
        ("h.mp4", "-c:v libx264 -preset ultrafast -c:a aac -movflags frag_keyframe+skip_trailer"),
    ]
    .iter()
    .map(|(name, args)| {
        let bytes = std::fs::read(encode(folder.path(), name, &format!("{args} {short}"))).unwrap();
        without_payload(&bytes)
    })
    .collect();
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut below = move |limit: usize| {
        // xorshift64*: small, fixed, good enough.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    };
    let (mut opened, mut refused) = (0u32, 0u32);
    let bounds = bounds::Bounds::start();
    for round in 0..100_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=below(8) {
            let at = below(bytes.len());
            match below(8) {
                0 => bytes[at] = 0xFF,
                1 => bytes[at] = 0,
                2 => bytes[at] ^= 1 << below(8),
                3 => bytes[at] = bytes[at].wrapping_add(1),
                4 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xFF),
                5 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0),
                6 => bytes[at] = below(256) as u8,
                _ if below(8) == 0 => bytes.truncate(at + 1),
                _ => bytes[at] ^= 0x80,
            }
        }
        let mut remote = Remote::with_edges(bytes, if round % 2 == 0 { EDGE } else { 200 });
        match bounds.check(|| remote.open()) {
            Err(error) => {
                assert!(matches!(
                    error.kind(),
                    ErrorKind::Malformed | ErrorKind::Unsupported | ErrorKind::LimitExceeded
                ));
                refused += 1;
            }
            Ok(index) => {
                opened += 1;
                for track_index in 0..index.tracks.len() {
                    let point = index.tracks[0].sync_points.last().copied();
                    let cut = point.map(|point| Boundary { track_index: 0, point });
                    for (from, to) in [(None, cut), (cut, None)] {
                        let query = PacketQuery { track_index, from, to };
                        // Walking ten million claimed samples is bounded, but not what this test has time for.
                        if index.estimate_bytes(&query) < 1 << 20 {
                            let _ = bounds.check(|| remote.packets(&index, &query));
                        }
                    }
                }
            }
        }
    }
    bounds.finish();
    assert!(opened > 10_000 && refused > 10_000, "{opened} opened, {refused} refused");
}

/// The file with its `mdat` emptied, so that changes hit headers.
fn without_payload(file: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = file;
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let (this, tail) = rest.split_at(size);
        match &this[4..8] {
            b"mdat" => out.extend_from_slice(&[0, 0, 0, 8, b'm', b'd', b'a', b't']),
            _ => out.extend_from_slice(this),
        }
        rest = tail;
    }
    out
}
