//! Cases of Matroska files.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prostream_core::ErrorKind;
use prostream_core::container::{Boundary, CutFinding, MediaIndex, PacketQuery, Step};
use prostream_core::hls::{CutFindings, Presentation};
use prostream_core::model::{Codec, Extents};
use prostream_core::source::ByteSource;

use super::ebml::{
    CLUSTER, CUES, INFO, Place, SEEK_HEAD, SEGMENT, TRACKS, blank, elements, find, lying, make_unknown,
    segment_elements,
};
use super::workshop::{
    CUT_AT_ALL, Link, Probed, Workshop, check_copied, check_cut_at_idr, index, marked, memory, packets, present,
    refusal, rendition, source, whole,
};

mod cuts;
mod frames;
mod times;

/// Stamps of most files are whole milliseconds; a frame may be off by one to either side.
const MILLISECOND_S: f64 = 0.0021;

const PICTURES: &str = "-f lavfi -i testsrc2=s=128x72:r=24000/1001:d=20";
const SOUND: &str = "-f lavfi -i sine=f=330:r=48000:d=20";
const ENCODED: &str = "-c:v libx264 -preset ultrafast -g 24 -bf 2 -c:a aac -ac 2 -b:a 48k";

/// A film of 20 s in 23.976 pictures a second, a keyframe in every second, with B-frames, and AAC.
fn film(workshop: &Workshop) -> PathBuf {
    workshop.ffmpeg(&format!("{PICTURES} {SOUND} {ENCODED} film.mkv"))
}

/// The same with so much noise that its pictures take megabytes.
fn noisy_film(workshop: &Workshop) -> PathBuf {
    workshop.ffmpeg(&format!("{PICTURES} {SOUND} -vf noise=alls=40:allf=t {ENCODED} -qp 20 film.mkv"))
}

/// Rewrites `film.mkv` with mkvmerge.
fn merged(workshop: &Workshop, options: &str, name: &str) -> PathBuf {
    workshop.run("mkvmerge", &format!("-q -o {name} {options} film.mkv"));
    workshop.path(name)
}

/// The film's own bytes, edited.
fn edited(workshop: &Workshop, film: &Path, edit: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = std::fs::read(film).unwrap();
    edit(&mut bytes);
    workshop.write("edited.mkv", &bytes)
}

/// Holds pictures and sound of a film to what ffprobe reads from `original`; gives their shifts in seconds.
async fn check_film(workshop: &Workshop, original: &Path, film: &Path) -> (f64, f64) {
    let presentation = present(source(film).await).await.unwrap();
    let pictures = check_copied(workshop, original, "v:0", rendition(&presentation, "video"), MILLISECOND_S).await;
    let sound = check_copied(workshop, original, "a:0", rendition(&presentation, "audio"), MILLISECOND_S).await;
    (pictures, sound)
}

/// Length of each listed segment in seconds.
fn lengths(presentation: &Arc<dyn Presentation>, name: &str) -> Vec<f64> {
    rendition(presentation, name).info().listed_durations_s().to_vec()
}

fn keyframe_places(index: &MediaIndex) -> Vec<(i64, u64)> {
    index.tracks[0].sync_points.iter().map(|point| (point.pts_ticks, point.offset_bytes)).collect()
}

/// An element of Matroska; its size takes four bytes.
fn element(id: u32, data: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let size = (0x1000_0000 | data.len() as u32).to_be_bytes();
    let skip = id.iter().take_while(|byte| **byte == 0).count();
    [&id[skip..], &size, data].concat()
}

fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

const DURATION: u32 = 0x4489;

/// The frames of an ADTS stream without their headers.
fn adts_frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = bytes;
    while let [_, _, _, a, b, c, ..] = rest {
        let len = usize::from(a & 3) << 11 | usize::from(*b) << 3 | usize::from(c >> 5);
        frames.push(rest[7..len].to_vec());
        rest = &rest[len..];
    }
    frames
}

/// A block of one track with frames in it, 8 at most.
fn laced_block(relative_ms: i16, lacing: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut block = vec![0x81];
    block.extend(relative_ms.to_be_bytes());
    block.push(0x80 | lacing << 1);
    if lacing != 0 {
        block.push(frames.len() as u8 - 1);
    }
    let sized = &frames[..frames.len() - 1];
    match lacing {
        1 => {
            for frame in sized {
                block.extend(vec![255; frame.len() / 255]);
                block.push((frame.len() % 255) as u8);
            }
        }
        3 => {
            let mut before = None;
            for frame in sized {
                let coded = match before {
                    None => frame.len(),
                    // Half of the range of two bytes is 0.
                    Some(before) => frame.len() + 8191 - before,
                };
                block.extend((0x4000 | coded as u16).to_be_bytes());
                before = Some(frame.len());
            }
        }
        _ => {}
    }
    block.extend(frames.concat());
    element(0xA3, &block)
}

/// A file of one track of sound: `entry` completes its TrackEntry, each cluster has its time and its blocks.
fn sound_file(scale_ns: u64, entry: &[Vec<u8>], clusters: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let audio = element(0xE1, &[element(0xB5, &48_000f64.to_be_bytes()), number(0x9F, 2)].concat());
    let track = element(0xAE, &[number(0xD7, 1), number(0x83, 2), audio, entry.concat()].concat());
    let mut segment = [element(INFO, &number(0x2A_D7B1, scale_ns)), element(TRACKS, &track)].concat();
    for (time, blocks) in clusters {
        segment.extend(element(CLUSTER, &[number(0xE7, *time), blocks.clone()].concat()));
    }
    [element(0x1A45_DFA3, &element(0x4282, b"matroska")), element(SEGMENT, &segment)].concat()
}

fn aac() -> Vec<Vec<u8>> {
    vec![element(0x86, b"A_AAC"), element(0x63A2, &[0x11, 0x90])]
}

fn seek(id: u32, position: usize) -> Vec<u8> {
    element(0x4DBB, &[element(0x53AB, &id.to_be_bytes()), number(0x53AC, position as u64)].concat())
}

/// Goal: no SeekHead, one that leads to the wrong places, and one that leads to another: the same index.
#[tokio::test]
async fn case_14_seek_heads() {
    let workshop = Workshop::new();
    let film = noisy_film(&workshop);
    let expected = keyframe_places(&index(&film).await.unwrap());
    let absent = edited(&workshop, &film, |bytes| {
        let head = find(&segment_elements(bytes), SEEK_HEAD);
        blank(bytes, head);
    });
    assert_eq!(keyframe_places(&index(&absent).await.unwrap()), expected);
    let lying = edited(&workshop, &film, |bytes| {
        let places = segment_elements(bytes);
        let head = find(&places, SEEK_HEAD);
        // Each entry leads to where the next one should.
        let lies = [seek(TRACKS, 0), seek(INFO, 5000), seek(CUES, head.end - places[0].data)].concat();
        let lies = element(SEEK_HEAD, &lies);
        replace_head(bytes, &lies);
    });
    assert_eq!(keyframe_places(&index(&lying).await.unwrap()), expected);
    check_film(&workshop, &film, &lying).await;
    // The Cues lie far from the end, where only the second SeekHead knows of them.
    let chained = edited(&workshop, &film, |bytes| {
        let places = segment_elements(bytes);
        let cues = find(&places, CUES);
        bytes.extend(element(0xEC, &vec![0; 3_000_000]));
        let second = bytes.len() - places[0].data;
        bytes.extend(element(SEEK_HEAD, &seek(CUES, cues.start - places[0].data)));
        replace_head(bytes, &element(SEEK_HEAD, &seek(SEEK_HEAD, second)));
        make_unknown(bytes, places[0]);
    });
    let bytes = source(&chained).await;
    let chained = prostream_core::container::open(&bytes).await.unwrap();
    assert_eq!(keyframe_places(&chained), expected);
    assert!(bytes.stats().read_bytes < bytes.size_bytes() / 4, "not read through: {:?}", bytes.stats());
}

/// Puts another SeekHead in the place of the first and of the Void behind it.
fn replace_head(bytes: &mut [u8], new: &[u8]) {
    let places = segment_elements(bytes);
    let head = places.iter().position(|place| place.id == SEEK_HEAD).unwrap();
    let end = if places[head + 1].id == 0xEC { places[head + 1].end } else { places[head].end };
    let start = places[head].start;
    bytes[start..start + new.len()].copy_from_slice(new);
    let rest = Place { id: 0xEC, start: start + new.len(), data: 0, end };
    blank(bytes, rest);
}

/// Goal: fonts of 20 MB and a hole of 300 KB before the first cluster are passed over, not read.
#[tokio::test]
async fn case_15_far_first_cluster() {
    let workshop = Workshop::new();
    let film = noisy_film(&workshop);
    workshop.write("font.ttf", &vec![7; 20_000_000]);
    let attached =
        merged(&workshop, "--disable-lacing --attachment-mime-type font/ttf --attach-file font.ttf", "attached.mkv");
    let hole = workshop.ffmpeg("-i film.mkv -c copy -reserve_index_space 307200 hole.mkv");
    for path in [attached, hole] {
        let bytes = std::fs::read(&path).unwrap();
        let first_cluster = find(&segment_elements(&bytes), CLUSTER).start;
        assert!(first_cluster > 300_000, "{first_cluster}");
        let read = source(&path).await;
        let presentation = present(read.clone()).await.unwrap();
        let opened = read.stats().read_bytes;
        assert!(opened < 1_500_000, "{opened} bytes to open {path:?}");
        check_copied(&workshop, &film, "v:0", rendition(&presentation, "video"), MILLISECOND_S).await;
    }
}

/// Goal: 64 KiB of zeros in the middle cost one segment at most a part of itself, and no other anything; a file that was cut off plays to its
/// last whole picture. All of it in one go: no read is tried again.
#[tokio::test]
async fn case_37_zeros_and_a_missing_end() {
    let workshop = Workshop::new();
    let film = noisy_film(&workshop);
    let size = std::fs::metadata(&film).unwrap().len() as usize;
    assert!(size > 4_000_000, "{size}: the zeros are a small part");
    let undisturbed = present(source(&film).await).await.unwrap();
    let middle = size / 2;
    let zeros = edited(&workshop, &film, |bytes| bytes[middle..middle + (64 << 10)].fill(0));
    for name in ["video", "audio"] {
        let read = source(&zeros).await;
        let presentation = present(read.clone()).await.unwrap();
        assert_eq!(lengths(&presentation, name), lengths(&undisturbed, name));
        let mut damaged = 0;
        for at in 0..lengths(&presentation, name).len() as u32 {
            let before = rendition(&undisturbed, name).segment(at).await.unwrap().into_bytes().await.unwrap();
            let requests = read.stats().request_count;
            let answer = async { rendition(&presentation, name).segment(at).await?.into_bytes().await };
            match tokio::time::timeout(Duration::from_secs(5), answer).await.expect("an answer in time") {
                Ok(bytes) if bytes == before => {}
                Ok(bytes) => {
                    damaged += 1;
                    assert!(bytes.len() < before.len() && bytes.len() > before.len() / 4, "what is whole of it");
                }
                Err(error) => {
                    damaged += 1;
                    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
                }
            }
            let requests = read.stats().request_count - requests;
            assert!(requests < 30, "{requests} reads for segment {at} of {name}");
        }
        assert_eq!(damaged, 1, "segments of {name}");
    }
    let cut = edited(&workshop, &film, |bytes| bytes.truncate(size * 6 / 10));
    let presentation = present(source(&cut).await).await.unwrap();
    for (stream, name) in [("v:0", "video"), ("a:0", "audio")] {
        let made = workshop.write("made.mp4", &whole(rendition(&presentation, name)).await.unwrap());
        let (expected, actual) = (packets(&film, stream), packets(&made, &stream[..1]));
        let hashes = |packets: &[Probed]| packets.iter().map(|packet| packet.hash.clone()).collect::<Vec<_>>();
        assert!(actual.len() * 10 > expected.len() * 5, "{} of {} packets of {name}", actual.len(), expected.len());
        assert_eq!(hashes(&actual), hashes(&expected[..actual.len()]), "{name}");
    }
}

/// Goal: Cues of more than a megabyte, with every block of sound in them, are read in one piece and hold no memory afterwards.
#[tokio::test]
async fn case_36_large_cues() {
    let workshop = Workshop::new();
    workshop.ffmpeg(
        "-f lavfi -i testsrc2=s=32x32:r=5:d=150 -f lavfi -i sine=r=48000:d=150 -c:v libx264 -preset ultrafast -g 10 -c:a libopus -frame_duration 2.5 -b:a 32k film.mkv",
    );
    let indexed = merged(&workshop, "--disable-lacing --cues 0:iframes --cues 1:all", "indexed.mkv");
    let bytes = std::fs::read(&indexed).unwrap();
    let cues = find(&segment_elements(&bytes), CUES);
    assert!(cues.end - cues.data > 1_000_000, "{cues:?}");
    let read: Arc<dyn ByteSource> = Link::to(&indexed).await;
    let index = prostream_core::container::open(&read).await.unwrap();
    assert_eq!(index.tracks[0].sync_points.len(), 75);
    assert!(read.stats().request_count <= 5, "{:?}", read.stats());
    assert!(read.stats().read_bytes < (cues.end - cues.data) as u64 + 600_000, "{:?}", read.stats());
    assert!(index.memory_bytes() < 100_000, "{}", index.memory_bytes());
}

/// Goal: sizes of 2^56, counts that lie and deep nesting are answered at once, and with no memory that the bytes do not justify.
#[tokio::test]
async fn case_42_hostile_sizes() {
    let workshop = Workshop::new();
    let original = std::fs::read(film(&workshop)).unwrap();
    let places = segment_elements(&original);
    let huge = |place: Place| {
        let mut bytes = original.clone();
        let id_len = bytes[place.start].leading_zeros() as usize + 1;
        bytes.splice(place.start + id_len..place.data, [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]);
        bytes
    };
    for id in [SEEK_HEAD, INFO, TRACKS] {
        let answer = tokio::time::timeout(Duration::from_secs(5), present(memory(huge(find(&places, id))))).await;
        let error = answer.expect("an answer in time").expect_err("the file is refused");
        assert_eq!(error.kind(), ErrorKind::Malformed, "{id:x}: {error}");
    }
    // A block of 2^56 bytes: what stands elsewhere can be played, what is in it cannot be read.
    let cluster = places.iter().filter(|place| place.id == CLUSTER).nth(1).copied().unwrap();
    let block = elements(&original, cluster.data, cluster.end).into_iter().find(|place| place.id == 0xA3).unwrap();
    for id in [block, find(&places, CUES)] {
        let read = async { whole(rendition(&present(memory(huge(id))).await?, "video")).await };
        let made = tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer in time");
        assert!(made.is_err() || made.unwrap().len() < original.len() * 2);
    }
    // 256 frames in 20 bytes.
    for lacing in [1, 2, 3] {
        let mut block = laced_block(0, lacing, &[vec![3; 10], vec![3; 10]]);
        let count = block.len() - 20 - [0, 1, 0, 2][usize::from(lacing)] - 1;
        block[count] = 255;
        let good = laced_block(40, 0, &[vec![3; 10]]);
        let file = sound_file(1_000_000, &aac(), &[(0, [block, good].concat())]);
        let read = async { whole(rendition(&present(memory(file)).await?, "audio")).await };
        let made = tokio::time::timeout(Duration::from_secs(5), read).await.expect("an answer in time");
        assert!(made.is_err() || made.unwrap().len() < 4096, "lacing {lacing}");
    }
    // A thousand groups in one another.
    let deep = (0..1000).fold(vec![0; 4], |inner, _| element(0xA0, &inner));
    let file = sound_file(1_000_000, &aac(), &[(0, deep)]);
    let read = async { whole(rendition(&present(memory(file)).await?, "audio")).await };
    let made = tokio::time::timeout(Duration::from_secs(5), read).await.expect("an answer in time");
    assert!(made.is_err() || made.unwrap().len() < 4096, "no frames, no sound");
}

/// Goal: the pictures between two cuts can be told from the sound beside them, whoever wrote the file: the rate of each sound track is known to a
/// tenth, and what is left of a span is never below its pictures and at most a tenth above.
#[tokio::test]
async fn case_36_rates_of_tracks_beside_each_other() {
    let workshop = Workshop::new();
    let sounds = ["-c:a:0 aac -b:a:0 160k", "-c:a:1 ac3 -b:a:1 384k", "-c:a:2 libopus -b:a:2 96k"];
    for count in 1..=3 {
        let maps: String = std::iter::repeat_n(" -map 1", count).collect();
        workshop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=30,noise=alls=20:allf=t -f lavfi -i anoisesrc=r=48000:d=30:a=0.2 -map 0{maps} -ac 2 \
             -c:v libx264 -preset ultrafast -g 25 -crf 30 {} film.mkv",
            sounds[..count].join(" ")
        ));
        let merged = merged(&workshop, "--disable-lacing", "merged.mkv");
        for path in [workshop.path("film.mkv"), merged] {
            let index = index(&path).await.unwrap();
            let rate_of = |stream: &str| {
                let bytes: u64 = packets(&path, stream).iter().map(|packet| packet.size).sum();
                bytes as f64 * 8.0 / 30.0
            };
            for track in 1..=count {
                let ratio = index.tracks[track].average_bits_per_s as f64 / rate_of(&format!("a:{}", track - 1));
                assert!((0.9..1.1).contains(&ratio), "{path:?}: sound {track} of {count}: {ratio:.3}");
            }
            let sound: u64 = index.tracks[1..].iter().map(|track| track.average_bits_per_s).sum();
            let points = &index.tracks[0].sync_points;
            let pictures = packets(&path, "v:0");
            for (at, pair) in points.windows(7).step_by(6).enumerate() {
                let boundary = |point| Some(Boundary { track_index: 0, point });
                let query = PacketQuery { track_index: 0, from: boundary(pair[0]), to: boundary(pair[6]) };
                let estimate = index.estimate_bytes(&query) as f64 * 8.0 / 6.0 - sound as f64;
                let real: u64 = pictures[at * 150..(at + 1) * 150].iter().map(|picture| picture.size).sum();
                let ratio = estimate / (real as f64 * 8.0 / 6.0);
                assert!((0.99..1.1).contains(&ratio), "{path:?}: pictures beside {count} sounds: {ratio:.3}");
            }
        }
    }
}

/// Goal: chapters and fonts are named, without a read more than opening takes.
#[tokio::test]
async fn case_15_chapters_and_fonts() {
    let workshop = Workshop::new();
    film(&workshop);
    workshop.write("font.ttf", &[7; 5000]);
    workshop.write(
        "chapters.txt",
        b"CHAPTER01=00:00:00.000\nCHAPTER01NAME=Start\nCHAPTER02=00:00:12.500\nCHAPTER02NAME=The end\n",
    );
    let options =
        "--chapter-language fre --chapters chapters.txt --attachment-mime-type font/ttf --attach-file font.ttf";
    let path = merged(&workshop, options, "extras.mkv");
    let index = index(&path).await.unwrap();
    let chapters: Vec<_> =
        index.chapters.iter().map(|chapter| (chapter.start_ns / 1_000_000, chapter.title.as_str())).collect();
    assert_eq!(chapters, [(0, "Start"), (12_500, "The end")]);
    assert_eq!(index.chapters[0].language.as_ref().map(ToString::to_string).as_deref(), Some("fr"));
    let [font] = index.attachments.as_slice() else { panic!("{:?}", index.attachments) };
    assert_eq!((font.name.as_str(), font.media_type.as_str()), ("font.ttf", "font/ttf"));
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes[font.range.start as usize..font.range.end as usize], [7; 5000]);
}
