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

/// Goal: a film without an index is read through for one: same cuts, same packets, no grid of equal lengths.
#[tokio::test]
async fn case_08_no_cues() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let without = merged(&workshop, "--no-cues --disable-lacing", "without.mkv");
    assert!(!segment_elements(&std::fs::read(&without).unwrap()).iter().any(|place| place.id == CUES));
    check_film(&workshop, &film, &without).await;
    let of = async |path: &Path| lengths(&present(source(path).await).await.unwrap(), "video");
    assert_eq!(of(&film).await, of(&without).await);
}

/// A film of ten minutes with GOPs of odd lengths, up to 4 s.
fn long_film(workshop: &Workshop) -> PathBuf {
    workshop.ffmpeg(
        "-f lavfi -i testsrc2=s=64x36:r=24000/1001:d=600 -f lavfi -i sine=f=330:r=48000:d=600 -c:v libx264 -preset ultrafast -g 96 \
         -force_key_frames expr:gte(t,n_forced*3.3) -bf 2 -c:a aac -ac 2 -b:a 48k film.mkv",
    )
}

/// A film with a hole of 80 MiB before its first cluster, which takes no space: larger than what is read through for an index.
fn with_hole(workshop: &Workshop, film: &Path, name: &str) -> PathBuf {
    const HOLE: u64 = 80 << 20;
    let mut bytes = std::fs::read(film).unwrap();
    let places = segment_elements(&bytes);
    let (segment, first) = (places[0], find(&places, CLUSTER).start);
    make_unknown(&mut bytes, segment);
    let path = workshop.path(name);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&bytes[..first]).unwrap();
    file.write_all(&[0xEC]).unwrap();
    file.write_all(&(HOLE | 1 << 56).to_be_bytes()).unwrap();
    file.seek(SeekFrom::Current(HOLE as i64)).unwrap();
    file.write_all(&bytes[first..]).unwrap();
    path
}

/// Goal: a large file without an index, on this machine: the heads of its clusters give the cuts that Cues would have given, for a few bytes
/// of each.
#[tokio::test]
async fn case_08_no_cues_in_a_large_local_file() {
    let workshop = Workshop::new();
    let film = long_film(&workshop);
    for (options, name) in [("", "heads.mkv"), ("--cluster-length 32000ms", "long.mkv")] {
        let without = merged(&workshop, &format!("--no-cues --disable-lacing {options}"), name);
        let large = with_hole(&workshop, &without, "large.mkv");
        let read = source(&large).await;
        let index = prostream_core::container::open(&read).await.unwrap();
        assert_eq!(index.grid_gop(), None, "{name}");
        let clusters = segment_elements(&std::fs::read(&without).unwrap()).iter().filter(|it| it.id == CLUSTER).count();
        let stats = read.stats();
        assert!(stats.request_count < 1500 + clusters as u64 * 2, "{name}: {stats:?} for {clusters} clusters");
        let times = |index: &MediaIndex| -> Vec<i64> {
            index.tracks[0].sync_points.iter().map(|point| point.pts_ticks).collect()
        };
        assert_eq!(times(&index), times(&self::index(&film).await.unwrap()), "{name}");
        check_film(&workshop, &film, &large).await;
    }
}

/// Goal: the same through a link: playlists at once on a grid of times, and segments that are found in the file: nothing lost, nothing twice,
/// whatever was asked for before; and an index for the next time.
#[tokio::test]
async fn case_08_no_cues_through_a_link() {
    let workshop = Workshop::new();
    let film = long_film(&workshop);
    let without = merged(&workshop, "--no-cues --disable-lacing", "without.mkv");
    let large = with_hole(&workshop, &without, "large.mkv");
    let link = Link::to(&large).await;
    let presentation = present(link.clone()).await.unwrap();
    let opening = link.requests.load(Ordering::Relaxed);
    assert!(opening <= 4, "{opening} requests to open");
    let lengths = lengths(&presentation, "video");
    assert_eq!(lengths.len(), 100);
    assert!(lengths[..99].iter().all(|length| (length - 6.0).abs() < 0.05), "nominal: {lengths:?}");
    let sum: f64 = lengths.iter().sum();
    assert!((sum - 600.0).abs() < 0.1, "{sum}");
    for (stream, name) in [("v:0", "video"), ("a:0", "audio")] {
        check_copied(&workshop, &film, stream, rendition(&presentation, name), MILLISECOND_S).await;
    }
    // Each segment starts with the first keyframe at or past its time, so that no error adds up.
    let keyframes: Vec<f64> =
        packets(&film, "v:0").iter().filter(|packet| packet.is_key).filter_map(|packet| packet.pts_s).collect();
    for (at, name) in [(70u32, "video"), (13, "audio"), (99, "video"), (14, "audio"), (3, "video"), (71, "video")] {
        let fresh = Link::to(&large).await;
        let alone = present(fresh.clone()).await.unwrap();
        let opening = fresh.requests.load(Ordering::Relaxed);
        let bytes = rendition(&alone, name).segment(at).await.unwrap().into_bytes().await.unwrap();
        let requests = fresh.requests.load(Ordering::Relaxed) - opening;
        assert!(requests <= 10, "{requests} requests for segment {at} of {name} alone");
        let same = rendition(&presentation, name).segment(at).await.unwrap().into_bytes().await.unwrap();
        assert_eq!(bytes, same, "segment {at} of {name} is a function of the file");
        if name == "video" {
            let init = rendition(&alone, name).init().await.unwrap();
            let made = workshop.write("one.mp4", &[init, bytes].concat());
            let first = packets(&made, "v:0")[0].pts_s.unwrap();
            let expected = keyframes.iter().find(|time| **time >= f64::from(at) * 6.0 - 0.001).unwrap();
            assert!((first - expected).abs() < 0.1, "segment {at} starts at {first}, not {expected}");
        }
    }
    let source: Arc<dyn ByteSource> = link;
    let nominal = prostream_core::container::open(&source).await.unwrap();
    assert!(nominal.grid_gop().is_some());
    let complete = prostream_core::container::complete(&source, &nominal).await.unwrap().unwrap();
    assert_eq!(complete.grid_gop(), None);
    assert_eq!(complete.tracks[0].sync_points.len(), keyframes.len());
}

/// Goal: wherever the Cues stand, and whichever blocks they name, cuts are made at the keyframes of the pictures.
#[tokio::test]
async fn case_09_cues_of_every_kind() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let expected = lengths(&present(source(&film).await).await.unwrap(), "video");
    let keyframes = packets(&film, "v:0").iter().filter(|packet| packet.is_key).count();
    let mut films = vec![film.clone(), workshop.ffmpeg("-i film.mkv -c copy -cues_to_front 1 front.mkv")];
    for (options, name) in [
        ("--cues 0:none --cues 1:all", "sound.mkv"),
        ("--cues 0:all --cues 1:all", "dense.mkv"),
        ("--cues 0:iframes", "usual.mkv"),
    ] {
        films.push(merged(&workshop, &format!("--disable-lacing {options}"), name));
    }
    for path in films {
        assert_eq!(index(&path).await.unwrap().tracks[0].sync_points.len(), keyframes, "{path:?}");
        let lengths = lengths(&present(source(&path).await).await.unwrap(), "video");
        let is_near = |(own, expected): (&f64, &f64)| (own - expected).abs() <= MILLISECOND_S;
        assert_eq!(lengths.len(), expected.len(), "{path:?}");
        assert!(lengths.iter().zip(&expected).all(is_near), "{path:?}: {lengths:?}");
        check_film(&workshop, &film, &path).await;
    }
}

/// Goal: pictures that stand in the Cues without being keyframes are no cuts, where nothing in the order of the Cues shows it either.
#[tokio::test]
async fn case_09_every_picture_in_the_cues() {
    let workshop = Workshop::new();
    let film = workshop.ffmpeg(&format!("{PICTURES} {SOUND} {ENCODED} -g 40 -bf 0 film.mkv"));
    let dense = merged(&workshop, "--disable-lacing --cues 0:all", "dense.mkv");
    let keyframes = packets(&film, "v:0").iter().filter(|packet| packet.is_key).count();
    assert_eq!(index(&dense).await.unwrap().tracks[0].sync_points.len(), keyframes);
    check_film(&workshop, &film, &dense).await;
}

/// What each segment shows of its cut, if the film is cut at every sync point.
async fn findings(path: &Path, index: &MediaIndex) -> Vec<Option<CutFinding>> {
    let bytes = source(path).await;
    let boundary =
        |at: usize| index.tracks[0].sync_points.get(at).map(|point| Boundary { track_index: 0, point: *point });
    let mut findings = Vec::new();
    for at in 0..index.tracks[0].sync_points.len() {
        let query = PacketQuery { track_index: 0, from: boundary(at).filter(|_| at > 0), to: boundary(at + 1) };
        let mut have = Extents::new();
        let packets = loop {
            match index.packets(&query, &have).unwrap() {
                Step::Done(packets) => break packets,
                Step::Need(ranges) => {
                    for range in ranges {
                        have.insert(range.start, bytes.read_at(range).await.unwrap());
                    }
                }
            }
        };
        findings.push(index.examine_cut(0, &packets, &have));
    }
    findings
}

/// Goal: a cue that names a picture in the middle of a GOP is taken at its word when a link is opened, seen when the picture passes, and gone from
/// the index that is made then; a file on this machine is looked into when it is opened.
#[tokio::test]
async fn case_09_cues_that_lie_are_seen() {
    let workshop = Workshop::new();
    let film = noisy_film(&workshop);
    let lying = lying(&workshop, &film, 12, 9);
    // On this machine it is seen at once.
    let seen = self::index(&lying).await.unwrap();
    assert_eq!(findings(&lying, &seen).await, [Some(CutFinding::Closed); 20]);
    let bytes: Arc<dyn ByteSource> = Link::to(&lying).await;
    let index = prostream_core::container::open(&bytes).await.unwrap();
    assert_eq!((index.tracks[0].sync_points.len(), index.has_false_cues()), (20, false));
    let mut expected = vec![Some(CutFinding::Closed); 20];
    expected[12] = Some(CutFinding::NotSync);
    assert_eq!(findings(&lying, &index).await, expected);
    let complete = prostream_core::container::complete(&bytes, &index).await.unwrap().unwrap();
    assert_eq!(findings(&lying, &complete).await, [Some(CutFinding::Closed); 20]);
    // The presentation sees it in the segment that begins there, when it is read.
    let presentation = present(bytes.clone()).await.unwrap();
    let cut =
        presentation.cuts().boundaries.iter().position(|boundary| boundary.point == index.tracks[0].sync_points[12]);
    assert!(cut.is_some());
    let video = rendition(&presentation, "video");
    for at in 0..lengths(&presentation, "video").len() {
        drop(video.segment(at as u32).await.unwrap());
        assert_eq!(presentation.cut_findings().has_false_cut, cut.is_some_and(|cut| cut <= at), "after segment {at}");
    }
    let times = |places: Vec<(i64, u64)>| places.into_iter().map(|(time, _)| time).collect::<Vec<_>>();
    assert_eq!(times(keyframe_places(&complete)), times(keyframe_places(&self::index(&film).await.unwrap())));
    check_film(&workshop, &film, &lying).await;
    // Of a film that does not lie, all are known to be closed once all were seen.
    let presentation = present(source(&film).await).await.unwrap();
    assert_eq!(presentation.cut_findings(), CutFindings::default());
    whole(rendition(&presentation, "video")).await.unwrap();
    assert_eq!(presentation.cut_findings(), CutFindings { are_all_closed: true, has_false_cut: false });
}

/// Goal: pictures tell whether their GOP is open, and whether H.264 names a recovery point a keyframe; recovery points are cut at no longer
/// once the clusters were searched.
#[tokio::test]
async fn case_23_open_gops_are_seen_as_they_pass() {
    let workshop = Workshop::new();
    let encoded = |options: &str, name: &str| {
        workshop.ffmpeg(&format!("{PICTURES} -vf noise=alls=10:allf=t -t 12 -bf 3 -g 24 {options} {name}"))
    };
    let h264 = "-c:v libx264 -preset veryfast -x264-params scenecut=0:b-adapt=0:";
    let hevc = "-c:v libx265 -preset ultrafast -x265-params log-level=none:scenecut=0:bframes=3:b-adapt=0:keyint=24:";
    for (options, name, kinds) in [
        (format!("{h264}open-gop=0"), "closed264.mkv", &[CutFinding::Closed][..]),
        (format!("{h264}open-gop=1"), "open264.mkv", &[CutFinding::Closed, CutFinding::NotSync]),
        (format!("{hevc}open-gop=0"), "closed265.mkv", &[CutFinding::Closed]),
        (format!("{hevc}open-gop=1"), "open265.mkv", &[CutFinding::Closed, CutFinding::Open]),
    ] {
        let path = encoded(&options, name);
        let bytes: Arc<dyn ByteSource> = Link::to(&path).await;
        let index = prostream_core::container::open(&bytes).await.unwrap();
        let found = findings(&path, &index).await;
        assert_eq!(found.len(), 12, "{name}");
        for kind in kinds {
            assert!(found.contains(&Some(*kind)), "{name}: {found:?}");
        }
        assert!(found.iter().flatten().all(|kind| kinds.contains(kind)), "{name}: {found:?}");
        assert_eq!(index.has_false_cues(), kinds.contains(&CutFinding::NotSync), "{name}");
        let complete = prostream_core::container::complete(&bytes, &index).await.unwrap().unwrap();
        let expected = found.iter().filter(|found| **found != Some(CutFinding::NotSync)).count();
        assert_eq!(complete.tracks[0].sync_points.len(), expected, "{name}");
    }
}

/// Goal: a local file whose Cues name recovery points among the IDR pictures is cut at IDR pictures alone, and no other picture is marked as a
/// place to begin. A link is taken at its word for the same few requests, but what is at hand says so at once, and only what it is cut at is marked
/// beside the IDR pictures.
#[tokio::test]
async fn case_23_matroska_is_cut_at_idr_pictures_alone() {
    let workshop = Workshop::new();
    for options in CUT_AT_ALL {
        let path = workshop.ffmpeg(&format!("{options} film.mkv"));
        check_cut_at_idr(&workshop, &path, MILLISECOND_S).await;

        let link = Link::to(&path).await;
        let bytes: Arc<dyn ByteSource> = link.clone();
        let index = prostream_core::container::open(&bytes).await.unwrap();
        assert_eq!(link.requests.load(Ordering::Relaxed), 2, "head and tail");
        assert_eq!((index.tracks[0].sync_points.len(), index.has_false_cues()), (20, true));
        let presentation = present(bytes.clone()).await.unwrap();
        assert!(presentation.cut_findings().has_false_cut);
        let video = rendition(&presentation, "video");
        check_copied(&workshop, &path, "v:0", video, MILLISECOND_S).await;
        let (starts, marked) = marked(&std::fs::read(workshop.path("made.mp4")).unwrap());
        assert!(!starts.iter().all(|start| start % 200 == 0), "it is cut at recovery points");
        let mut expected: Vec<usize> = starts.into_iter().chain([0, 200, 400, 600, 800]).collect();
        expected.sort_unstable();
        expected.dedup();
        assert!(expected.len() < 20, "but not at all of them");
        assert_eq!(marked, expected);
        let complete = prostream_core::container::complete(&bytes, &index).await.unwrap().unwrap();
        assert_eq!((complete.tracks[0].sync_points.len(), complete.has_false_cues()), (5, false));
    }
}

/// Moves the blocks of a film into clusters of `count` each, wherever their keyframes fall, and writes Cues for them. `relative` makes
/// the CueRelativePosition from the true one; `None` leaves it out.
fn recluster(film: &Path, count: usize, relative: impl Fn(usize) -> Option<usize>) -> Vec<u8> {
    let bytes = std::fs::read(film).unwrap();
    let places = segment_elements(&bytes);
    let mut blocks = Vec::new();
    for cluster in places.iter().filter(|place| place.id == CLUSTER) {
        let inner = elements(&bytes, cluster.data, cluster.end);
        let time = find(&inner, 0xE7);
        let time = bytes[time.data..time.end].iter().fold(0i64, |time, byte| time << 8 | i64::from(*byte));
        for place in inner.into_iter().filter(|place| place.id == 0xA3) {
            let data = bytes[place.data..place.end].to_vec();
            blocks.push((time + i64::from(i16::from_be_bytes([data[1], data[2]])), data));
        }
    }
    let first = find(&places, CLUSTER).start;
    let mut segment = bytes[places[0].data..first].to_vec();
    let head = find(&places, SEEK_HEAD);
    let segment_data = places[0].data;
    blank(&mut segment, Place { start: head.start - segment_data, end: head.end - segment_data, ..head });
    let mut cues = Vec::new();
    for group in blocks.chunks_mut(count) {
        let time = group[0].0;
        let mut data = number(0xE7, time as u64);
        for (at, block) in group {
            block[1..3].copy_from_slice(&i16::try_from(*at - time).unwrap().to_be_bytes());
            if block[0] == 0x81 && block[3] & 0x80 != 0 {
                let place = relative(data.len()).map(|place| number(0xF0, place as u64)).unwrap_or_default();
                let track = [number(0xF7, 1), number(0xF1, segment.len() as u64), place].concat();
                cues.extend(element(0xBB, &[number(0xB3, *at as u64), element(0xB7, &track)].concat()));
            }
            data.extend(element(0xA3, block));
        }
        segment.extend(element(CLUSTER, &data));
    }
    segment.extend(element(CUES, &cues));
    [bytes[..places[0].start].to_vec(), element(SEGMENT, &segment)].concat()
}

/// Goal: a place in the cluster that is missing, or that lies, is found by reading the cluster.
#[tokio::test]
async fn case_10_relative_positions() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    // Missing; between blocks; in the middle of a block; far beyond the file.
    let relatives: [fn(usize) -> Option<usize>; 4] =
        [|_| None, |place| Some(place + 1), |place| Some(place + 300), |_| Some(1 << 40)];
    for relative in relatives {
        let path = workshop.write("edited.mkv", &recluster(&film, 150, relative));
        assert_eq!(index(&path).await.unwrap().tracks[0].sync_points.len(), 20);
        check_film(&workshop, &film, &path).await;
    }
}

/// Goal: many keyframes in one cluster: a segment reads its own blocks, not the cluster.
#[tokio::test]
async fn case_11_long_clusters() {
    let workshop = Workshop::new();
    let film = noisy_film(&workshop);
    let long = workshop.write("long.mkv", &recluster(&film, usize::MAX, Some));
    check_film(&workshop, &film, &long).await;
    let bytes = source(&long).await;
    let presentation = present(bytes.clone()).await.unwrap();
    let before = bytes.stats().read_bytes;
    let segment = rendition(&presentation, "video").segment(2).await.unwrap().into_bytes().await.unwrap();
    let read = bytes.stats().read_bytes - before;
    let size = segment.len() as u64;
    assert!(size > 1_000_000, "{size}: too small to tell");
    // The sound of the same time lies between, and what goes with the last pictures lies behind.
    assert!(read <= size * 13 / 10, "{read} bytes read for a segment of {size}");
}

/// Goal: keyframes and sound lie in clusters that begin with neither: no packet is lost or doubled at a seam.
#[tokio::test]
async fn case_12_clusters_across_seams() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let short = workshop.write("short.mkv", &recluster(&film, 11, Some));
    let points = index(&short).await.unwrap().tracks.remove(0).sync_points;
    assert!(points.iter().filter(|point| point.block_offset_bytes > 64).count() >= 5, "keyframes within clusters");
    check_film(&workshop, &film, &short).await;
    // Each segment by itself, in another order, from a source that remembers nothing.
    let presentation = present(source(&short).await).await.unwrap();
    for name in ["video", "audio"] {
        let rendition = rendition(&presentation, name);
        let all = whole(rendition).await.unwrap();
        let mut parts = Vec::new();
        for at in (0..lengths(&presentation, name).len()).rev() {
            parts.push(rendition.segment(at as u32).await.unwrap().into_bytes().await.unwrap());
        }
        parts.push(rendition.init().await.unwrap());
        parts.reverse();
        assert_eq!(parts.concat(), all, "{name}");
    }
}

/// Goal: a Segment and clusters whose sizes nobody knows end where the next element of their kind begins.
#[tokio::test]
async fn case_13_unknown_sizes() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let unknown = edited(&workshop, &film, |bytes| {
        let places = segment_elements(bytes);
        for place in places.into_iter().filter(|place| matches!(place.id, SEGMENT | CLUSTER)) {
            make_unknown(bytes, place);
        }
    });
    check_film(&workshop, &film, &unknown).await;
    // Without the Cues there is only the walk.
    let walked = edited(&workshop, &unknown, |bytes| {
        let original = std::fs::read(&film).unwrap();
        let places = segment_elements(&original);
        blank(bytes, find(&places, CUES));
        blank(bytes, find(&places, SEEK_HEAD));
    });
    check_film(&workshop, &film, &walked).await;
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

/// Goal: frames that share a block come out one by one, each with its own time, in every form of lacing.
#[tokio::test]
async fn case_16_lacing() {
    let workshop = Workshop::new();
    let original = workshop.ffmpeg(&format!("{SOUND} -c:a aac -ac 2 -b:a 160k sound.mkv"));
    let frames = adts_frames(&std::fs::read(workshop.ffmpeg("-i sound.mkv -c copy sound.aac")).unwrap());
    for lacing in [1, 3, 2] {
        let mut clusters = Vec::new();
        for (at, group) in frames.chunks(8).enumerate() {
            let mut group = group.to_vec();
            if lacing == 2 {
                // Of one size, so that it can be told from the others: what follows an AAC frame is not looked at by a copier.
                let longest = group.iter().map(Vec::len).max().unwrap();
                group.iter_mut().for_each(|frame| frame.resize(longest, 0));
            }
            let time_ms = (at as u64 * 8 * 1024 * 1000 + 24_000) / 48_000;
            clusters.push((time_ms, laced_block(0, lacing, &group)));
        }
        let laced = sound_file(1_000_000, &aac(), &clusters);
        let presentation = present(memory(laced)).await.unwrap();
        let made = workshop.write("made.mp4", &whole(rendition(&presentation, "audio")).await.unwrap());
        let (expected, actual) = (packets(&original, "a:0"), packets(&made, "a:0"));
        assert_eq!(actual.len(), frames.len(), "lacing {lacing}");
        if lacing != 2 {
            let hashes = |packets: &[Probed]| packets.iter().map(|packet| packet.hash.clone()).collect::<Vec<_>>();
            assert_eq!(hashes(&actual), hashes(&expected), "lacing {lacing}");
        }
        for (at, packet) in actual.iter().enumerate() {
            let seconds = at as f64 * 1024.0 / 48_000.0;
            assert!((packet.pts_s.unwrap() - seconds).abs() < 2e-6, "lacing {lacing}: {:?} at {at}", packet.pts_s);
        }
    }
}

/// Compression of the frames of a track.
fn encoding(algorithm: u64, settings: &[u8]) -> Vec<u8> {
    let compression = element(0x5034, &[number(0x4254, algorithm), element(0x4255, settings)].concat());
    element(0x6D80, &element(0x6240, &compression))
}

/// Goal: bytes that were stripped from each frame come back.
#[tokio::test]
async fn case_17_header_stripping() {
    let workshop = Workshop::new();
    let original = workshop.ffmpeg(&format!("{SOUND} -c:a ac3 -ac 2 -b:a 192k sound.mkv"));
    let stream = std::fs::read(workshop.ffmpeg("-i sound.mkv -c copy sound.ac3")).unwrap();
    // 192 kbit/s at 48 kHz: 768 bytes for each 32 ms (ATSC A/52 table 5.18).
    let clusters: Vec<_> = stream
        .chunks(768)
        .enumerate()
        .map(|(at, frame)| (at as u64 * 32, laced_block(0, 0, &[frame[2..].to_vec()])))
        .collect();
    let entry = [element(0x86, b"A_AC3"), encoding(3, &stream[..2])];
    let presentation = present(memory(sound_file(1_000_000, &entry, &clusters))).await.unwrap();
    check_copied(&workshop, &original, "a:0", rendition(&presentation, "audio"), MILLISECOND_S).await;
}

/// Goal: what cannot be undone is refused by name, and is not served as if it were plain.
#[tokio::test]
async fn case_17_other_compressions() {
    for (algorithm, name) in [(1, "bzip2"), (2, "lzo"), (9, "unknown encoding")] {
        let entry = [aac(), vec![encoding(algorithm, &[])]].concat();
        let clusters = [(0, laced_block(0, 0, &[vec![1; 100]]))];
        let bytes = memory(sound_file(1_000_000, &entry, &clusters));
        let index = prostream_core::container::open(&bytes).await.unwrap();
        assert_eq!(index.tracks[0].info.codec, Codec::Other);
        assert_eq!(index.tracks[0].info.codec_string, format!("A_AAC ({name})"));
        assert_eq!(refusal(bytes).await.kind(), ErrorKind::Unsupported, "{name}");
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Goal: pictures, sound and text that were compressed one by one come out as they were.
#[tokio::test]
async fn case_17_zlib() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    workshop.write("lines.srt", b"1\n00:00:01,000 --> 00:00:02,000\nA line of text, a line of text, a line of text.\n");
    let options = "--disable-lacing --compression 0:zlib --compression 1:zlib --compression 2:zlib";
    workshop.run("mkvmerge", &format!("-q -o packed.mkv {options} film.mkv --compression 0:zlib lines.srt"));
    let packed = workshop.path("packed.mkv");
    assert_eq!(workshop.run("mkvinfo", "packed.mkv").matches("Content compression").count(), 3);
    check_film(&workshop, &film, &packed).await;
    let presentation = present(source(&packed).await).await.unwrap();
    let text = whole(rendition(&presentation, "text")).await.unwrap();
    assert!(String::from_utf8(text).unwrap().contains("A line of text, a line"));
}

/// Goal: a few bytes that claim to be many megabytes are refused where they stand, and cost the film nothing.
#[tokio::test]
async fn case_17_zlib_bombs() {
    let bomb = deflated(&vec![0; 30_000_000]);
    let frame = deflated(&[1; 100]);
    let entry = [aac(), vec![encoding(0, &[])]].concat();
    let clusters: Vec<(u64, Vec<u8>)> = (0..600u64)
        .map(|at| (at * 21, laced_block(0, 0, &[if at == 150 { bomb.clone() } else { frame.clone() }])))
        .collect();
    let presentation = present(memory(sound_file(1_000_000, &entry, &clusters))).await.unwrap();
    let sound = rendition(&presentation, "audio");
    let error = sound.segment(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    for at in [0, 2] {
        assert!(sound.segment(at).await.unwrap().into_bytes().await.unwrap().len() > 5000);
    }
}

/// A film of one video track, made by hand: `entry` completes its TrackEntry; its pictures are 40 ms apart, and each keyframe begins a cluster.
fn video_file(entry: &[Vec<u8>], frames: &[(bool, Vec<u8>)]) -> Vec<u8> {
    let size = element(0xE0, &[number(0xB0, 128), number(0xBA, 72)].concat());
    let rate = number(0x23_E383, 40_000_000);
    let track = element(0xAE, &[number(0xD7, 1), number(0x83, 1), rate, size, entry.concat()].concat());
    let mut segment = [element(INFO, &number(0x2A_D7B1, 1_000_000)), element(TRACKS, &track)].concat();
    let mut cluster: (usize, Vec<u8>) = (0, Vec::new());
    let mut finish = |cluster: &mut (usize, Vec<u8>), next: usize| {
        if !cluster.1.is_empty() {
            segment.extend(element(CLUSTER, &[number(0xE7, cluster.0 as u64 * 40), cluster.1.clone()].concat()));
        }
        *cluster = (next, Vec::new());
    };
    for (at, (is_key, frame)) in frames.iter().enumerate() {
        if *is_key {
            finish(&mut cluster, at);
        }
        let time = i16::try_from((at - cluster.0) * 40).unwrap().to_be_bytes();
        let flags = if *is_key { 0x80 } else { 0 };
        cluster.1.extend(element(0xA3, &[&[0x81, time[0], time[1], flags], &frame[..]].concat()));
    }
    finish(&mut cluster, 0);
    [element(0x1A45_DFA3, &element(0x4282, b"matroska")), element(SEGMENT, &segment)].concat()
}

/// Goal: NAL units with lengths of one, two and three bytes, and with start codes under both of their names, leave with lengths of four.
/// Method: the pictures of one film, whose slices are short enough for a length of one byte, written in each form.
#[tokio::test]
async fn case_29_nal_units_of_every_form() {
    let workshop = Workshop::new();
    // Parameter sets in front of each keyframe, as Annex B has them.
    let film = workshop.ffmpeg(
        "-f lavfi -i testsrc2=s=128x72:r=25:d=9 -c:v libx264 -preset ultrafast -bf 0 -g 25 -crf 40 -pix_fmt yuv420p \
         -x264-params repeat-headers=1:slice-max-size=200:log=-1 film.mkv",
    );
    let bytes = std::fs::read(&film).unwrap();
    let places = segment_elements(&bytes);
    let tracks = find(&places, TRACKS);
    let entry = find(&elements(&bytes, tracks.data, tracks.end), 0xAE);
    let private = find(&elements(&bytes, entry.data, entry.end), 0x63A2);
    let record = bytes[private.data..private.end].to_vec();
    let mut frames: Vec<(bool, Vec<Vec<u8>>)> = Vec::new();
    for cluster in places.iter().filter(|place| place.id == CLUSTER) {
        for block in elements(&bytes, cluster.data, cluster.end).iter().filter(|place| place.id == 0xA3) {
            let mut rest = &bytes[block.data + 4..block.end];
            let mut units = Vec::new();
            while let Some((length, behind)) = rest.split_first_chunk::<4>() {
                let (unit, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
                // All but the encoder's signature, which is too long for one byte.
                if unit[0] & 0x1F != 6 {
                    units.push(unit.to_vec());
                }
                rest = behind;
            }
            frames.push((bytes[block.data + 3] & 0x80 != 0, units));
        }
    }
    let with_lengths = |size: usize| -> Vec<(bool, Vec<u8>)> {
        let join = |units: &Vec<Vec<u8>>| {
            assert!(units.iter().all(|unit| size > 1 || unit.len() < 256));
            let unit = |unit: &Vec<u8>| [&(unit.len() as u32).to_be_bytes()[4 - size..], unit].concat();
            units.iter().flat_map(unit).collect()
        };
        frames.iter().map(|(is_key, units)| (*is_key, join(units))).collect()
    };
    let start_codes = || -> Vec<(bool, Vec<u8>)> {
        let join = |units: &Vec<Vec<u8>>| {
            let code = |at| if at == 0 { &[0, 0, 0, 1][..] } else { &[0, 0, 1] };
            units.iter().enumerate().flat_map(|(at, unit)| [code(at), unit].concat()).collect()
        };
        frames.iter().map(|(is_key, units)| (*is_key, join(units))).collect()
    };
    let avc = |size: u8| {
        let mut record = record.clone();
        record[4] = record[4] & 0xFC | (size - 1);
        vec![element(0x86, b"V_MPEG4/ISO/AVC"), element(0x63A2, &record)]
    };
    let plain = workshop.write("plain.mkv", &video_file(&avc(4), &with_lengths(4)));
    let bitmap = [&[40, 0, 0, 0][..], &[0; 12], b"H264", &[0; 20]].concat();
    let vfw = |private: &[u8]| vec![element(0x86, b"V_MS/VFW/FOURCC"), element(0x63A2, private)];
    for (name, file) in [
        ("one byte", video_file(&avc(1), &with_lengths(1))),
        ("two bytes", video_file(&avc(2), &with_lengths(2))),
        ("three bytes", video_file(&avc(3), &with_lengths(3))),
        ("start codes", video_file(&[element(0x86, b"V_MPEG4/ISO/AVC")], &start_codes())),
        ("start codes from AVI", video_file(&vfw(&bitmap), &start_codes())),
        ("a record from AVI", video_file(&vfw(&[bitmap.clone(), avc(2)[1][6..].to_vec()].concat()), &with_lengths(2))),
        ("zlib and two bytes", {
            let frames = with_lengths(2).into_iter().map(|(is_key, frame)| (is_key, deflated(&frame)));
            video_file(&[avc(2), vec![encoding(0, &[])]].concat(), &frames.collect::<Vec<_>>())
        }),
    ] {
        let presentation = present(memory(file)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let video = rendition(&presentation, "video");
        assert_eq!(video.info().track.codec, Codec::H264, "{name}");
        assert_eq!(video.info().listed_durations_s().len(), 3, "{name}");
        check_copied(&workshop, &plain, "v:0", video, 1e-6).await;
        let counted =
            workshop.run("ffprobe", "-v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 made.mp4");
        assert_eq!(counted.trim(), "225", "{name}: all pictures decode");
    }
}

/// Goal: the shape of a pixel, a quarter turn and interlacing are told as the header says them, and reach the init segment.
#[tokio::test]
async fn case_34_geometry_of_matroska() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let format = async |path: &Path| index(path).await.unwrap().tracks[0].info.video.clone().unwrap();
    let plain = format(&film).await;
    assert_eq!((plain.pixel_aspect, plain.rotation_degrees, plain.is_interlaced), (None, 0, false));
    for (roll, degrees) in [(-90, 90), (90, 270), (180, 180), (-180, 180), (0, 0), (30, 0)] {
        let turned = merged(&workshop, &format!("--projection-type 0:0 --projection-pose-roll 0:{roll}"), "turned.mkv");
        assert_eq!(format(&turned).await.rotation_degrees, degrees, "a roll of {roll}");
        if degrees == 90 || degrees == 270 {
            let presentation = present(source(&turned).await).await.unwrap();
            workshop.write("made.mp4", &whole(rendition(&presentation, "video")).await.unwrap());
            let rotation = |name: &str| {
                let entries = "-v error -select_streams v -show_entries stream_side_data=rotation -of csv=p=0";
                workshop.run("ffprobe", &format!("{entries} {name}")).trim().parse::<i32>().unwrap()
            };
            assert_eq!(rotation("made.mp4"), rotation("turned.mkv"), "a roll of {roll}");
        }
    }
    let wide = merged(&workshop, "--display-dimensions 0:192x72", "wide.mkv");
    assert_eq!(format(&wide).await.pixel_aspect, Some((3, 2)));
    let interlaced = merged(&workshop, "", "interlaced.mkv");
    workshop.run("mkvpropedit", "-q interlaced.mkv --edit track:v1 --set interlaced=1");
    assert!(format(&interlaced).await.is_interlaced);
    // An aspect ratio instead of pixels.
    let bytes = std::fs::read(&wide).unwrap();
    let ratio = |width: u64, height: u64, unit: u64| {
        let size = [number(0xB0, 128), number(0xBA, 72), number(0x54B0, width), number(0x54BA, height)].concat();
        let tracks = find(&segment_elements(&bytes), TRACKS);
        let entry = find(&elements(&bytes, tracks.data, tracks.end), 0xAE);
        let keep = |place: &Place| !matches!(place.id, 0xE0);
        let rest = elements(&bytes, entry.data, entry.end).into_iter().filter(keep);
        let mut entry: Vec<u8> = rest.flat_map(|place| bytes[place.start..place.end].to_vec()).collect();
        entry.extend(element(0xE0, &[size, number(0x54B2, unit)].concat()));
        let block = element(CLUSTER, &[number(0xE7, 0), element(0xA3, &[0x81, 0, 0, 0x80, 0, 0, 0, 1, 0x65])].concat());
        let segment = [element(INFO, &number(0x2A_D7B1, 1_000_000)), element(TRACKS, &element(0xAE, &entry)), block];
        memory([element(0x1A45_DFA3, &element(0x4282, b"matroska")), element(SEGMENT, &segment.concat())].concat())
    };
    for (width, height, unit, aspect) in
        [(16, 9, 3, None), (4, 3, 3, Some((3, 4))), (40, 30, 1, Some((3, 4))), (4, 3, 4, None), (4, 0, 3, None)]
    {
        let index = prostream_core::container::open(&ratio(width, height, unit)).await.unwrap();
        let aspect_of = index.tracks[0].info.video.as_ref().unwrap().pixel_aspect;
        assert_eq!(aspect_of, aspect, "{width}:{height} in unit {unit}");
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

/// A film of ten hours that takes no space: a keyframe of 400 KB every two seconds, four clusters in a row to the Cues, in units of 1 us. All
/// but headers are holes. Bytes beyond 4 GiB from the middle on.
fn ten_hours(workshop: &Workshop, name: &str, with_cues: bool) -> (PathBuf, usize) {
    const COUNT: usize = 18_000;
    const FRAME: u64 = 400_000;
    let size = element(0xE0, &[number(0xB0, 64), number(0xBA, 36)].concat());
    // Profile 0, level 1, 8 bits: what VP9 says in WebM.
    let vp9 = [element(0x86, b"V_VP9"), element(0x63A2, &[1, 1, 0, 2, 1, 10, 3, 1, 8, 4, 1, 1])].concat();
    let track =
        element(0xAE, &[number(0xD7, 1), number(0x83, 1), number(0x23_E383, 1_000_000_000), size, vp9].concat());
    let duration = element(DURATION, &(COUNT as f64 * 2e6).to_be_bytes());
    let info = element(INFO, &[number(0x2A_D7B1, 1000), duration].concat());
    let front = [info, element(TRACKS, &track)].concat();
    let head = [element(0x1A45_DFA3, &element(0x4282, b"matroska")), vec![0x18, 0x53, 0x80, 0x67, 0xFF]].concat();
    let path = workshop.path(name);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&[head.clone(), front].concat()).unwrap();
    let mut cues = Vec::new();
    for at in 0..COUNT {
        let position = file.stream_position().unwrap() - head.len() as u64;
        let time = at as u64 * 2_000_000;
        let track = [number(0xF7, 1), number(0xF1, position), number(0xF0, 13)].concat();
        cues.extend(element(0xBB, &[number(0xB3, time), element(0xB7, &track)].concat()));
        let block = |len: u64| [&[0xA3][..], &(0x1000_0000 | len as u32).to_be_bytes()].concat();
        let second = [block(5), vec![0x81, 0, 0, 0, 7]].concat();
        let length = (13 + 5 + FRAME + second.len() as u64) as u32;
        file.write_all(&CLUSTER.to_be_bytes()).unwrap();
        file.write_all(&(0x1000_0000 | length).to_be_bytes()).unwrap();
        file.write_all(&number(0xE7, time)).unwrap();
        file.write_all(&[block(FRAME), vec![0x81, 0, 0, 0x80]].concat()).unwrap();
        // The number of the picture at the end of its hole.
        file.seek(SeekFrom::Current(FRAME as i64 - 8)).unwrap();
        file.write_all(&(at as u32).to_be_bytes()).unwrap();
        file.write_all(&second).unwrap();
    }
    if with_cues {
        file.write_all(&element(CUES, &cues)).unwrap();
    }
    (path, COUNT)
}

/// Goal: ten hours in seven gigabytes, in microseconds: every segment is where it should be, with Cues, without, and through a link; the index
/// without Cues is there within a second, in less than 1 MB.
#[tokio::test]
async fn case_41_ten_hours_beyond_four_gigabytes() {
    let workshop = Workshop::new();
    let (indexed, count) = ten_hours(&workshop, "indexed.mkv", true);
    assert!(std::fs::metadata(&indexed).unwrap().len() > 7_000_000_000);
    let (without, _) = ten_hours(&workshop, "without.mkv", false);
    let read = source(&without).await;
    let index = prostream_core::container::open(&read).await.unwrap();
    assert_eq!((index.grid_gop(), index.tracks[0].sync_points.len()), (None, count));
    assert!(read.stats().request_count < count as u64 * 3 / 2, "{:?}", read.stats());
    assert!(read.stats().read_bytes < 100_000_000, "{:?}", read.stats());
    assert!(index.memory_bytes() < 1_000_000, "{} bytes of memory", index.memory_bytes());
    let link = Link::to(&without).await;
    let nominal = present(link.clone()).await.unwrap();
    for presentation in [present(source(&indexed).await).await.unwrap(), present(read).await.unwrap(), nominal] {
        let lengths = lengths(&presentation, "video");
        assert!((lengths.iter().sum::<f64>() - 36_000.0).abs() < 1.5, "{}", lengths.len());
        let requests = link.requests.load(Ordering::Relaxed);
        for at in [1u32, 2500, 5998] {
            let bytes = rendition(&presentation, "video").segment(at).await.unwrap().into_bytes().await.unwrap();
            // From the second segment on, each lasts six seconds and holds three keyframes: the first cut is at 2 s, the next at 6 s.
            let first = (at as usize - 1) * 3;
            let first = if at == 1 { 1 } else { first };
            let pictures = if at == 1 { 2 } else { 3 };
            assert_eq!(bytes.len() / 400_000, pictures, "segment {at}");
            let number = (first as u32).to_be_bytes();
            let mdat = bytes.windows(4).position(|window| window == b"mdat").unwrap() + 4;
            assert_eq!(bytes[mdat + 400_000 - 8..][..4], number, "segment {at}");
            let tfdt = bytes.windows(4).position(|window| window == b"tfdt").unwrap();
            let time = u64::from_be_bytes(bytes[tfdt + 8..][..8].try_into().unwrap());
            let timescale = rendition(&presentation, "video").info().track.timescale;
            assert_eq!(time, first as u64 * 2 * u64::from(timescale), "segment {at}");
        }
        let requests = link.requests.load(Ordering::Relaxed) - requests;
        assert!(requests <= 3 * 10, "{requests} requests for three segments");
    }
}

/// Goal: stamps in whole milliseconds give the exact rate back: no picture of 41 or 42 ms, no drift, exact lengths.
#[tokio::test]
async fn case_18_millisecond_stamps() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let presentation = present(source(&film).await).await.unwrap();
    let video = rendition(&presentation, "video");
    assert_eq!(video.info().track.video.as_ref().unwrap().frame_rate, Some((24_000, 1001)));
    let made = workshop.write("made.mp4", &whole(video).await.unwrap());
    let stamps = |path: &Path| {
        let mut all: Vec<f64> = packets(path, "v:0").iter().filter_map(|packet| packet.pts_s).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let first = stamps(&made)[0];
    for (at, seconds) in stamps(&made).into_iter().enumerate() {
        assert!((seconds - first - at as f64 * 1001.0 / 24_000.0).abs() < 2e-6, "picture {at} at {seconds}");
    }
    let frame_s = 1001.0 / 24_000.0;
    let lengths = lengths(&presentation, "video");
    assert!(lengths.iter().all(|length| ((length / frame_s).round() * frame_s - length).abs() < 1e-9), "{lengths:?}");
    assert!((lengths.iter().sum::<f64>() - stamps(&made).len() as f64 * frame_s).abs() < 1e-6);
    let sound = lengths_of_packets(&workshop, &presentation, "audio").await;
    assert!(sound.iter().all(|length| (length - 1024.0 / 48_000.0).abs() < 2e-6));
}

/// Time from each packet of a rendition to the next, in seconds.
async fn lengths_of_packets(workshop: &Workshop, presentation: &Arc<dyn Presentation>, name: &str) -> Vec<f64> {
    let made = workshop.write("made.mp4", &whole(rendition(presentation, name)).await.unwrap());
    let times: Vec<f64> = packets(&made, &name[..1]).iter().filter_map(|packet| packet.pts_s).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Goal: without a DefaultDuration each picture lasts until the next, over the seams of segments too, and the last as long as the one before.
#[tokio::test]
async fn case_19_no_default_duration() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let without = merged(&workshop, "--disable-lacing", "without.mkv");
    workshop.run(
        "mkvpropedit",
        "-q without.mkv --edit track:1 --delete default-duration --edit track:2 --delete default-duration",
    );
    check_film(&workshop, &film, &without).await;
    let bytes = std::fs::read(&without).unwrap();
    let index = index(&without).await.unwrap();
    let mut have = Extents::new();
    have.insert(0, bytes::Bytes::from(bytes).into());
    let seam = Some(Boundary { track_index: 0, point: index.tracks[0].sync_points[7] });
    let mut all = Vec::new();
    for (from, to) in [(None, seam), (seam, None)] {
        match index.packets(&PacketQuery { track_index: 0, from, to }, &have).unwrap() {
            Step::Done(packets) => all.extend(packets),
            Step::Need(ranges) => panic!("needs {ranges:?}"),
        }
    }
    assert_eq!(all.len(), packets(&film, "v:0").len());
    for pair in all.windows(2) {
        let end = pair[0].dts_ticks + i64::from(pair[0].duration_ticks);
        assert_eq!(end, pair[1].dts_ticks, "decode times lie end to end");
    }
    let last_ms = all.last().unwrap().duration_ticks * 1000 / index.tracks[0].info.timescale;
    assert!((40..=43).contains(&last_ms), "the last picture lasts {last_ms} ms");
}

/// Goal: pictures at odd times keep them.
#[tokio::test]
async fn case_20_variable_rate() {
    let workshop = Workshop::new();
    let film = workshop.ffmpeg(&format!(
        "{PICTURES} {SOUND} -vf select=not(mod(n\\,5))+not(mod(n\\,3)) -vsync vfr {ENCODED} film.mkv"
    ));
    let stamps: Vec<f64> = packets(&film, "v:0").iter().filter_map(|packet| packet.pts_s).collect();
    let mut sorted = stamps.clone();
    sorted.sort_by(f64::total_cmp);
    let mut steps: Vec<i64> = sorted.windows(2).map(|pair| ((pair[1] - pair[0]) * 20.0).round() as i64).collect();
    steps.sort_unstable();
    steps.dedup();
    assert!(steps.len() > 1, "the rate does vary");
    check_film(&workshop, &film, &film).await;
}

/// Goal: units of 1 ns and of 10 us count exactly.
#[tokio::test]
async fn case_20_fine_timestamp_scales() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let fine = merged(&workshop, "--disable-lacing --timestamp-scale 10000", "fine.mkv");
    check_film(&workshop, &film, &fine).await;
    let frames = adts_frames(&std::fs::read(workshop.ffmpeg("-i film.mkv -map 0:a -c copy sound.aac")).unwrap());
    // Ten hours into the file: 3.6e13 units.
    let start_ns = 36_000_000_000_000u64;
    let clusters: Vec<_> = frames
        .iter()
        .enumerate()
        .map(|(at, frame)| {
            (start_ns + at as u64 * 1024 * 1_000_000_000 / 48_000, laced_block(0, 0, std::slice::from_ref(frame)))
        })
        .collect();
    let presentation = present(memory(sound_file(1, &aac(), &clusters))).await.unwrap();
    let steps = lengths_of_packets(&workshop, &presentation, "audio").await;
    assert_eq!(steps.len() + 1, frames.len());
    assert!(steps.iter().all(|step| (step - 1024.0 / 48_000.0).abs() < 2e-6));
}

/// Goal: wherever times begin, before 0 or late, all tracks move by one and the same offset, to 0.
#[tokio::test]
async fn case_21_late_and_negative_starts() {
    let workshop = Workshop::new();
    // Without B-frames: ffprobe moves pictures whose composition offsets are negative.
    let plain = workshop.ffmpeg(&format!("{PICTURES} {SOUND} {ENCODED} -bf 0 film.mkv"));
    let late = workshop.ffmpeg("-i film.mkv -c copy -output_ts_offset 10 late.mkv");
    let late_sound = workshop.ffmpeg("-i film.mkv -itsoffset 1.5 -i film.mkv -map 0:v -map 1:a -c copy late_sound.mkv");
    let delayed = workshop.ffmpeg("-i film.mkv -c:v copy -c:a libopus delayed.mkv");
    assert!(packets(&delayed, "a:0")[0].pts_s.unwrap() < 0.0, "sound before 0");
    for (film, at) in [(&plain, 0.0), (&late, 10.0), (&late_sound, 0.0), (&delayed, 0.0)] {
        let (pictures, sound) = check_film(&workshop, film, film).await;
        assert!((pictures - sound).abs() <= MILLISECOND_S, "{film:?}: {pictures} {sound}");
        let first = |stream| packets(film, stream).iter().filter_map(|packet| packet.pts_s).fold(f64::MAX, f64::min);
        let first = first("v:0").min(first("a:0"));
        assert!(first >= at - 0.05, "{first}");
        assert!((first + pictures).abs() <= MILLISECOND_S, "{film:?} begins at {}", first + pictures);
    }
}

/// Goal: a length that is too short, 0 or absent does not cost the end of the film.
#[tokio::test]
async fn case_22_wrong_duration() {
    let workshop = Workshop::new();
    let film = film(&workshop);
    let frames = packets(&film, "v:0").len() as f64;
    for value in [Some(3000f64), Some(0.0), None] {
        let wrong = edited(&workshop, &film, |bytes| {
            let info = find(&segment_elements(bytes), INFO);
            let duration = find(&elements(bytes, info.data, info.end), DURATION);
            match value {
                Some(value) => bytes[duration.data..duration.end].copy_from_slice(&value.to_be_bytes()),
                None => blank(bytes, duration),
            }
        });
        check_film(&workshop, &film, &wrong).await;
        let lengths = lengths(&present(source(&wrong).await).await.unwrap(), "video");
        assert!(lengths.iter().all(|length| *length > 0.0), "{lengths:?}");
        let sum: f64 = lengths.iter().sum();
        assert!((sum - frames * 1001.0 / 24_000.0).abs() < 0.05, "{value:?}: {sum}");
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

/// Goal: sound that ends before the pictures is listed to its own end, where the muxer's statistics tell, and not where they are stale.
#[tokio::test]
async fn case_22_sound_that_ends_early() {
    let workshop = Workshop::new();
    let film = workshop.ffmpeg(&format!("{PICTURES} -f lavfi -i sine=f=330:r=48000:d=9 {ENCODED} film.mkv"));
    let merged = merged(&workshop, "--disable-lacing", "merged.mkv");
    let expected = packets(&film, "a:0").len() as f64 * 1024.0 / 48_000.0;
    for path in [&film, &merged] {
        check_film(&workshop, &film, path).await;
        let sum: f64 = lengths(&present(source(path).await).await.unwrap(), "audio").iter().sum();
        assert!((sum - expected).abs() < 1024.0 / 48_000.0, "{path:?}: {sum}, not {expected}");
    }
    let rate = index(&merged).await.unwrap().tracks[1].average_bits_per_s;
    assert!((10_000..100_000).contains(&rate), "{rate}");
    workshop.run("mkvpropedit", "-q merged.mkv --edit info --set writing-application=other");
    let stale = index(&merged).await.unwrap();
    assert!((10_000..100_000).contains(&stale.tracks[1].average_bits_per_s), "judged by the first packets");
    check_film(&workshop, &film, &merged).await;
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
