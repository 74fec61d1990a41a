//! Where Matroska is cut: Cues of every kind and none, clusters of every size, and the seams between segments.

use super::*;

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
