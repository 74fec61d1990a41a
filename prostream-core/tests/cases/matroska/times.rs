//! When the frames of Matroska are: units, rates, starts and ends.

use super::*;

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
