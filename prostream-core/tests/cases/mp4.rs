//! Cases of ISO base media files.

mod muxer;

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prostream_core::ErrorKind;
use prostream_core::container::{self, PacketQuery, Payload};
use prostream_core::hls::playlist;
use prostream_core::model::{Codec, TrackKind};
use prostream_core::source::{ByteSource, HttpSource, HttpSourceConfig};

use crate::support::{Answer, Host, Seen};
use crate::workshop::{
    CUT_AT_ALL, Link, Workshop, check_copied, check_cut_at_idr, index, memory, packets, present, refusal, rendition,
    source, whole,
};

/// Sound of 6 seconds.
const SOUND: &str = "-f lavfi -i sine=r=48000:d=6 -c:a aac -ac 2";

/// Pictures of 6 seconds with a keyframe each second, and B-frames.
const PICTURES: &str =
    "-f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -preset ultrafast -bf 2 -g 25 -pix_fmt yuv420p";

/// Opens boxes along `path`, changes the payload of the last one, and corrects the sizes of those around it. What lies behind moves: files
/// with `moov` at their end stay right.
pub(crate) fn with_box(boxes: &[u8], path: &[&[u8; 4]], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let Some((first, deeper)) = path.split_first() else { return change(boxes) };
    let (mut out, mut rest) = (Vec::new(), boxes);
    while !rest.is_empty() {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let (this, behind) = rest.split_at(size);
        rest = behind;
        if this[4..8] == first[..] {
            out.extend(boxed(first, &with_box(&this[8..], deeper, change)));
        } else {
            out.extend_from_slice(this);
        }
    }
    out
}

/// A box.
pub(crate) fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32 + 8).to_be_bytes()[..], kind, payload].concat()
}

/// Where the sample tables lie.
const STBL: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

/// A file of one track with one box of its sample table changed.
fn with_table(file: &[u8], kind: &[u8; 4], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    with_box(file, &[&STBL[..], &[kind]].concat(), change)
}

/// The part that a request asks for.
fn part(file: &[u8], request: &Seen) -> Answer {
    let (first, last) = request.header("range").unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (start, end) = match first {
        "" => (file.len() - last.parse::<usize>().unwrap(), file.len()),
        _ => (first.parse().unwrap(), last.parse().map_or(file.len(), |last: usize| (last + 1).min(file.len()))),
    };
    let range = format!("bytes {start}-{}/{}", end - 1, file.len());
    Answer::new(206, &file[start..end]).header("content-range", range).header("etag", "\"one\"")
}

/// Goal: a file whose index lies at its end opens with head and tail, asked for side by side; an index larger than the tail costs one more
/// request, not the file.
/// Method: a host that holds the first request back until the second is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn case_01_index_at_the_end_costs_head_and_tail() {
    let shop = Workshop::new();
    let file = std::fs::read(shop.ffmpeg(&format!("{PICTURES} film.mp4"))).unwrap();
    let moov = file.windows(4).position(|window| window == b"moov").unwrap();
    assert!(moov > file.len() / 2);
    let index_size = file.len() - moov + 4;
    for (tail_size, requests) in [(index_size as u64 + 100, 2), (index_size as u64 / 2, 3)] {
        let arrived = Arc::new(AtomicUsize::new(0));
        let (body, counted) = (file.clone(), arrived.clone());
        let host = Host::start(move |request, number| {
            counted.fetch_add(1, Ordering::SeqCst);
            // Serial requests would wait in vain, and be seen below. What else is to be done by this thread, another one does meanwhile.
            let is_joined = tokio::task::block_in_place(|| {
                (0..4000).any(|_| {
                    std::thread::sleep(Duration::from_millis(5));
                    number > 0 || counted.load(Ordering::SeqCst) > 1
                })
            });
            if is_joined { part(&body, request) } else { Answer::hang_up() }
        })
        .await;
        let ends = HttpSourceConfig { head_size: 4096, tail_size, goes_on: false };
        let opened = HttpSource::open(&host.client(), host.url("/film.mp4"), &[], &ends).await.unwrap();
        let remote: Arc<dyn ByteSource> = Arc::new(opened);
        let film = present(remote.clone()).await.unwrap();
        assert_eq!(film.renditions().len(), 1);
        assert_eq!(host.seen().len(), requests, "tail of {tail_size}: {:?}", host.seen());
        assert!(remote.stats().read_bytes <= 4096 + index_size as u64 + 200, "{:?}", remote.stats());
    }
}

/// Goal: the chapters that most writers of MP4 list are there without a further read, before the pictures or behind them.
#[tokio::test]
async fn chapters_of_mp4_are_listed() {
    let workshop = Workshop::new();
    workshop.write(
        "chapters.txt",
        b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4000\ntitle=Eins\n\
          [CHAPTER]\nTIMEBASE=1/1000\nSTART=4000\nEND=9000\ntitle=Zw\xC3\xB6lf\n",
    );
    workshop.ffmpeg(&format!("{PICTURES} pictures.mp4"));
    for options in ["", "-movflags +faststart"] {
        let arguments = "-i pictures.mp4 -i chapters.txt -map_metadata 1 -c copy";
        let path = workshop.ffmpeg(&format!("{arguments} {options} film.mp4"));
        let index = index(&path).await.unwrap();
        let chapters: Vec<_> =
            index.chapters.iter().map(|chapter| (chapter.start_ns / 1_000_000, chapter.title.as_str())).collect();
        assert_eq!(chapters, [(0, "Eins"), (4000, "Zwölf")], "{options}");
        // ffmpeg writes them once more as samples of a text track: those are no subtitles.
        let is_offered =
            |track: &container::Track| track.info.kind == TrackKind::Subtitle && track.info.codec != Codec::Other;
        assert!(!index.tracks.iter().any(is_offered), "{:?}", index.tracks);
    }
}

/// A film of 108 minutes: pictures with B-frames and a keyframe each four seconds, and two tracks of sound.
fn long_film() -> [muxer::Track; 3] {
    // Sizes as they vary in a film, by a fixed random sequence.
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut vary = move |from: u32, to: u32| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + (random >> 33) as u32 % (to - from)
    };
    let mut pictures = Vec::new();
    for n in 0..155_365u32 {
        let is_sync = n % 96 == 0;
        let size = if is_sync { vary(120_000, 250_000) } else { vary(4_000, 40_000) };
        let composition = [2, 4, 2, 0][n as usize % 4] * 1001;
        pictures.push(muxer::Sample { size, duration: 1001, composition, is_sync, ..muxer::Sample::default() });
    }
    let mut sound = || {
        let packet =
            |_| muxer::Sample { size: vary(280, 420), duration: 1024, is_sync: true, ..muxer::Sample::default() };
        let samples = (0..303_750).map(packet).collect();
        muxer::Track { handler: *b"soun", timescale: 48_000, entries: vec![mp4a()], samples, edits: vec![(6480, 1024)] }
    };
    let (first, second) = (sound(), sound());
    let (entries, edits) = (vec![avc1()], vec![(6480, 2002)]);
    [muxer::Track { handler: *b"vide", timescale: 24_000, entries, samples: pictures, edits }, first, second]
}

/// The entry of an AAC track of two channels.
fn mp4a() -> Vec<u8> {
    let esds = [3, 25, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 1, 0xF4, 0, 0, 1, 0xF4, 0, 5, 2, 0x11, 0x90, 6, 1, 2];
    let fixed = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0, 0xBB, 0x80, 0, 0];
    boxed(b"mp4a", &[&fixed[..], &boxed(b"esds", &[&[0; 4], &esds[..]].concat())].concat())
}

/// The entry of an H.264 track of 320 by 180 pictures.
fn avc1() -> Vec<u8> {
    let sps = [
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0x28, 0xf1, 0x42, 0x99, 0x60,
    ];
    let avcc =
        [&[1, 0x64, 0, 0x0c, 0xFF, 0xE1, 0, sps.len() as u8][..], &sps, &[1, 0, 4, 0x68, 0xeb, 0xe3, 0xcb]].concat();
    let mut fixed = vec![0; 78];
    (fixed[7], fixed[24], fixed[25], fixed[27]) = (1, 1, 64, 180);
    boxed(b"avc1", &[fixed, boxed(b"avcC", &avcc)].concat())
}

/// Writes a file whose samples are holes, but for those with bytes: `moov` first, then a hole of its own, sparse behind.
fn write_sparse(shop: &Workshop, name: &str, tracks: &[muxer::Track], hole: u64) -> (std::path::PathBuf, usize) {
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0isom");
    // The second time with the size of moov known; offsets of 4 bytes may have become 8.
    let moov_size = |start: u64| muxer::mux(tracks, start).moov.len() as u64;
    let size = moov_size(ftyp.len() as u64 + 16 + hole + moov_size(hole));
    let start = ftyp.len() as u64 + size + 16;
    let muxed = muxer::mux(tracks, start + hole);
    let path = shop.path(name);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&ftyp).unwrap();
    file.write_all(&muxed.moov).unwrap();
    file.write_all(&[&[0, 0, 0, 1], &b"mdat"[..], &(muxed.end - start + 16).to_be_bytes()].concat()).unwrap();
    for (track, sample, offset) in &muxed.places {
        file.seek(SeekFrom::Start(*offset)).unwrap();
        file.write_all(&tracks[*track].samples[*sample].bytes).unwrap();
    }
    file.set_len(muxed.end).unwrap();
    (path, muxed.moov.len())
}

/// Goal: the index of a film of 108 minutes, of which `moov` takes over 5 MB, stays below 2 MB; of the file no more is read than `moov` and
/// its ends.
#[tokio::test]
async fn case_02_a_large_moov_becomes_a_small_index() {
    let shop = Workshop::new();
    let (path, moov_size) = write_sparse(&shop, "film.mp4", &long_film(), 0);
    assert!(moov_size > 5_000_000, "moov of {moov_size} bytes");
    let film = source(&path).await;
    let index = container::open(&film).await.unwrap();
    assert!(film.stats().read_bytes <= moov_size as u64 + 1024 * 1024, "{:?}", film.stats());
    assert_eq!((index.tracks[0].sync_points.len(), index.duration_ns / 1_000_000_000), (1619, 6480));
    assert!(index.memory_bytes() <= 2_000_000, "{} bytes in memory, moov {moov_size}", index.memory_bytes());
}

/// Answers to requests of one film, which are counted.
async fn host_film(file: Vec<u8>) -> Host {
    Host::start(move |request, _| part(&file, request)).await
}

/// Goal: fragmented files play, exactly, wherever the list of their fragments stands, or nowhere; a listed file costs at most three requests
/// until playlists, one for the first segment and two for one further on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn case_03_fragments_are_packaged() {
    let shop = Workshop::new();
    let long = "-f lavfi -i testsrc2=s=640x360:r=25:d=24 -f lavfi -i sine=r=48000:d=24 -c:v libx264 -preset ultrafast -qp 18 -bf 2 -g 50 \
                -pix_fmt yuv420p -c:a aac -ac 2";
    for (name, flags, is_listed) in [
        ("sidx", "frag_keyframe+empty_moov+dash+global_sidx+skip_trailer", true),
        ("mfra", "frag_keyframe+delay_moov", true),
        ("neither", "frag_keyframe+empty_moov+default_base_moof+skip_trailer", false),
        ("head", "frag_keyframe", false),
        ("separate", "frag_keyframe+empty_moov+separate_moof", true),
    ] {
        let path = shop.ffmpeg(&format!("{long} -movflags {flags} {name}.mp4"));
        let film = present(source(&path).await).await.unwrap();
        let names: Vec<&str> = film.renditions().iter().map(|rendition| rendition.info().name.as_str()).collect();
        assert_eq!(names, ["video-1", "audio-2"], "{name}");
        let video = check_copied(&shop, &path, "v:0", rendition(&film, "video"), 0.000_001).await;
        let audio = check_copied(&shop, &path, "a:0", rendition(&film, "audio"), 0.000_001).await;
        assert!((video - audio).abs() < 0.000_1, "{name}: pictures moved by {video}, sound by {audio}");
        for rendition in film.renditions() {
            let listed_s: f64 = rendition.info().listed_durations_s().iter().sum();
            assert!((listed_s - 24.0).abs() < 0.1, "{name}: {listed_s} s");
            assert!(rendition.info().peak_bits_per_s > 0, "{name}");
        }
        // The same over a link, of which little is at hand.
        let file = std::fs::read(&path).unwrap();
        let count = film.renditions()[0].info().listed_durations_s().len() as u32;
        assert!(file.len() > 6_000_000 && count >= 4, "{name}: {} bytes, {count} segments", file.len());
        let host = host_film(file).await;
        let ends = HttpSourceConfig { head_size: 64 * 1024, tail_size: 64 * 1024, goes_on: false };
        let remote = HttpSource::open(&host.client(), host.url("/film.mp4"), &[], &ends).await.unwrap();
        let linked = present(Arc::new(remote)).await.unwrap();
        let opened = host.seen().len();
        let segment = async |at: u32| {
            let before = host.seen().len();
            let bytes = rendition(&linked, "video").segment(at).await.unwrap().into_bytes().await.unwrap();
            let near = rendition(&film, "video").segment(at).await.unwrap().into_bytes().await.unwrap();
            assert_eq!(bytes, near, "{name}: segment {at} is the same from everywhere");
            host.seen().len() - before
        };
        let (first, further) = (segment(0).await, segment(count * 3 / 4).await);
        if is_listed {
            assert!(opened <= 3, "{name}: {opened} requests");
            assert!(first <= 1 && further <= 2, "{name}: {first} and {further} requests for a segment");
        }
    }
}

/// What is presented: time 0 of each track as ffprobe has it.
async fn check_edits(shop: &Workshop, path: &Path) -> (f64, f64) {
    let film = present(source(path).await).await.unwrap();
    let video = check_copied(shop, path, "v:0", rendition(&film, "video"), 0.000_1).await;
    let audio = check_copied(shop, path, "a:0", rendition(&film, "audio"), 0.000_1).await;
    (video, audio)
}

/// Replaces the edit list of the `number`th track by edits of version 1: seconds, media time, rate.
fn with_edits(file: &[u8], number: usize, edits: &[(f64, i64, u16)]) -> Vec<u8> {
    let mut list = [&[1, 0, 0, 0][..], &(edits.len() as u32).to_be_bytes()].concat();
    for (seconds, media_time, rate) in edits {
        list.extend_from_slice(&((seconds * 1000.0) as u64).to_be_bytes());
        list.extend_from_slice(&media_time.to_be_bytes());
        list.extend_from_slice(&[&rate.to_be_bytes()[..], &[0, 0]].concat());
    }
    let seen = std::cell::Cell::new(0);
    with_box(file, &[b"moov", b"trak", b"edts", b"elst"], &|elst| {
        seen.set(seen.get() + 1);
        if seen.get() == number { list.clone() } else { elst.to_vec() }
    })
}

/// Goal: edit lists are kept: B-frames, priming, a late track, a start in the middle of a GOP, of which the needed pictures stay and which
/// the playlist begins at; what lies whole before or behind the presented part is left out. Edits that cannot be told are played through, and
/// another speed is refused by name.
#[tokio::test]
async fn case_04_edit_lists_move_and_trim() {
    let shop = Workshop::new();
    let plain = shop.ffmpeg(
        &format!("{PICTURES} {SOUND} plain.mp4")
            .replace("-c:v", "-f lavfi -i sine=r=48000:d=6 -c:v")
            .replace("-f lavfi -i sine=r=48000:d=6 -c:a", "-c:a"),
    );
    let late = shop.ffmpeg("-i plain.mp4 -itsoffset 0.7 -i plain.mp4 -map 0:v -map 1:a -c copy late.mp4");
    let trimmed = shop.ffmpeg("-ss 2.48 -i plain.mp4 -c copy trimmed.mp4");
    for path in [&plain, &late, &trimmed] {
        let (video, audio) = check_edits(&shop, path).await;
        assert!((video - audio).abs() < 0.000_1, "{}: {video} and {audio}", path.display());
    }
    let begin_s = |text: String| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix("#EXT-X-START:TIME-OFFSET=").map(str::to_owned))?;
        line.split(',').next()?.parse().ok()
    };
    let main = async |path: &Path| playlist::multivariant(present(source(path).await).await.unwrap().as_ref());
    assert_eq!(begin_s(main(&plain).await), None);
    // Keyframes each second: 0.48 s before the cut.
    let start_s = begin_s(main(&trimmed).await).expect("a start");
    assert!((0.4..0.7).contains(&start_s), "{start_s}");

    // From 3.3 s to 4.8 s of the media, as an editor trims without writing samples anew.
    let file = std::fs::read(&plain).unwrap();
    let (video, audio) = (index(&plain).await.unwrap(), 2);
    let (scale, sound_scale) = (i64::from(video.tracks[0].info.timescale), 48_000);
    let delay = -video.tracks[0].start_ticks.min(video.decode_start_ticks(0));
    let cut = with_edits(&file, 1, &[(1.5, scale * 33 / 10 + delay, 1)]);
    let cut = shop.write("cut.mp4", &with_edits(&cut, audio, &[(1.5, sound_scale * 33 / 10, 1)]));
    let tracks = index(&cut).await.unwrap().tracks;
    let seconds = |ticks: i64, scale: i64| ticks as f64 / scale as f64;
    let (from, to) = (seconds(tracks[0].start_ticks, scale), seconds(tracks[0].end_ticks, scale));
    assert!((-0.31..=-0.29).contains(&from), "pictures from the keyframe at 3 s: {from}");
    assert!((1.49..1.65).contains(&to), "to the cut and what is decoded on the way: {to}");
    let (from, to) = (seconds(tracks[1].start_ticks, sound_scale), seconds(tracks[1].end_ticks, sound_scale));
    assert!((-1.1..=-0.9).contains(&from) && (1.45..1.6).contains(&to), "{from} {to}");
    let film = present(source(&cut).await).await.unwrap();
    let made = shop.write("made.mp4", &whole(rendition(&film, "video")).await.unwrap());
    let copied = packets(&made, "v");
    assert!(copied[0].is_key && (44..=50).contains(&copied.len()), "{} pictures", copied.len());
    let start_s = begin_s(main(&cut).await).expect("a start");
    assert!((0.9..1.1).contains(&start_s), "behind the sound that settles: {start_s}");

    // Two pieces with a gap: played through, from where the first begins. Two that go on from one another: one.
    for (second, end_s) in [(scale * 4, 6.0), (scale * 3 / 2, 3.0)] {
        let pieces = with_edits(&file, 1, &[(1.5, delay, 1), (1.5, second + delay, 1)]);
        let track = &container::open(&memory(pieces)).await.unwrap().tracks[0];
        let end = seconds(track.end_ticks, scale);
        assert!((end_s - 0.1..end_s + 0.2).contains(&end), "{end} for {end_s}");
    }
    let fast = with_edits(&file, 1, &[(3.0, delay, 2)]);
    let tracks = container::open(&memory(fast)).await.unwrap().tracks;
    assert_eq!((tracks[0].info.codec, tracks[1].info.codec), (Codec::Other, Codec::Aac));
    assert!(tracks[0].info.codec_string.contains("another speed"), "{}", tracks[0].info.codec_string);
}

/// Goal: composition offsets below zero are what they are, in version 1, and wrapped in version 0; without an edit list too.
#[tokio::test]
async fn case_05_composition_offsets_have_a_sign() {
    let shop = Workshop::new();
    let negative = shop.ffmpeg(&format!("{PICTURES} -movflags negative_cts_offsets negative.mp4"));
    let bytes = std::fs::read(&negative).unwrap();
    let wrapped = with_table(&bytes, b"ctts", &|ctts| {
        assert_eq!(ctts[0], 1);
        assert!(ctts[8..].chunks(8).any(|entry| entry[4] == 0xFF), "an offset is negative");
        [&[0], &ctts[1..]].concat()
    });
    let wrapped = shop.write("wrapped.mp4", &wrapped);
    let no_edits = shop.ffmpeg(&format!("{PICTURES} -use_editlist 0 no_edits.mp4"));
    for path in [negative, wrapped, no_edits] {
        let film = present(source(&path).await).await.unwrap();
        let video = rendition(&film, "video");
        check_copied(&shop, &path, "v:0", video, 0.000_001).await;
        let length_s: f64 = video.info().listed_durations_s().iter().sum();
        assert!((length_s - 6.0).abs() < 0.2, "{path:?} lasts {length_s} s");
    }
}

/// Goal: tables that say the same in rarer ways lead to the same bytes and times: samples of no length, the last one too, 64-bit offsets, chunks
/// of odd lengths, one size for all, a first description that no chunk uses.
#[tokio::test]
async fn case_06_odd_sample_tables_keep_their_offsets() {
    let shop = Workshop::new();
    let plain = shop.ffmpeg(&format!("{PICTURES} plain.mp4"));
    let bytes = std::fs::read(&plain).unwrap();
    let word = |value: u32| value.to_be_bytes();
    let endless = with_table(&bytes, b"stts", &|stts| {
        let (count, delta) = (u32::from_be_bytes(stts[8..12].try_into().unwrap()), &stts[12..16]);
        [&stts[..4], &word(2), &word(count - 1), delta, &word(1), &word(0)].concat()
    });
    let long_offsets = with_box(&bytes, &STBL, &|stbl| {
        let at = stbl.windows(4).position(|window| window == b"stco").unwrap() - 4;
        let size = u32::from_be_bytes(stbl[at..at + 4].try_into().unwrap()) as usize;
        let offsets = stbl[at + 16..at + size].chunks(4).flat_map(|offset| [&[0; 4], offset].concat());
        let co64 = [&stbl[at + 8..at + 16], &offsets.collect::<Vec<u8>>()].concat();
        [&stbl[..at], &boxed(b"co64", &co64), &stbl[at + size..]].concat()
    });
    let second_of_two =
        with_table(&bytes, b"stsd", &|stsd| [&stsd[..4], &word(2), &boxed(b"mp4v", &[0; 78]), &stsd[8..]].concat());
    let second_of_two = with_table(&second_of_two, b"stsc", &|stsc| {
        let entries = stsc[8..].chunks(12).flat_map(|entry| [&entry[..8], &word(2)].concat());
        [&stsc[..8], &entries.collect::<Vec<u8>>()].concat()
    });
    // Two entries of no length, and one of no samples, in between.
    let empty_runs = with_table(&bytes, b"stts", &|stts| {
        let (count, delta) = (u32::from_be_bytes(stts[8..12].try_into().unwrap()), &stts[12..16]);
        [&stts[..4], &word(3), &word(count - 1), delta, &word(0), &word(7), &word(1), delta].concat()
    });
    for changed in [endless, long_offsets, second_of_two, empty_runs] {
        assert_ne!(changed, bytes);
        let film = present(memory(changed)).await.unwrap();
        let video = rendition(&film, "video");
        check_copied(&shop, &plain, "v:0", video, 0.000_001).await;
        let length_s: f64 = video.info().listed_durations_s().iter().sum();
        assert!((length_s - 6.0).abs() < 0.2, "the last picture lasts too: {length_s} s");
    }
    // Interleaved with video its chunks are uneven; all its frames are of one size.
    let mixed = shop.ffmpeg(
        "-f lavfi -i testsrc2=s=320x180:r=24:d=6 -f lavfi -i sine=r=48000:d=6 -c:v libx264 -preset ultrafast -g 24 -c:a ac3 -ac 2 mixed.mp4",
    );
    let film = present(source(&mixed).await).await.unwrap();
    for (stream, name) in [("v:0", "video"), ("a:0", "audio")] {
        check_copied(&shop, &mixed, stream, rendition(&film, name), 0.000_001).await;
    }
}

/// The samples of a track of a file, with their bytes.
async fn samples_of(file: &[u8], track_index: usize) -> Vec<muxer::Sample> {
    let index = container::open(&memory(file.to_vec())).await.unwrap();
    let query = PacketQuery { track_index, from: None, to: None };
    let sample = |packet: container::Packet| {
        let Payload::InFile(range) = packet.payload else { panic!("tables know where payload lies") };
        let bytes = file[range.start as usize..range.end as usize].to_vec();
        let composition = (packet.pts_ticks - packet.dts_ticks) as i32;
        muxer::Sample {
            size: bytes.len() as u32,
            bytes,
            duration: packet.duration_ticks,
            composition,
            is_sync: packet.is_sync,
            description: 0,
        }
    };
    index.tabled_packets(&query).unwrap().unwrap().into_iter().map(sample).collect()
}

/// The first sample entry of a file, header and all.
fn entry_of(file: &[u8]) -> Vec<u8> {
    let stsd = file.windows(4).position(|window| window == b"stsd").unwrap() + 12;
    let size = u32::from_be_bytes(file[stsd..stsd + 4].try_into().unwrap()) as usize;
    file[stsd..stsd + size].to_vec()
}

/// Goal: where parameter sets change, a player is told: segments begin there, however short the last one is, lists are interrupted, and another init
/// segment holds the sets, with which every picture decodes. Keyframes by themselves likewise.
/// Method: two encodings of the same pictures after each other and the first again; ffmpeg decodes each stretch with its own init segment.
#[tokio::test]
async fn case_28_changed_parameter_sets_are_another_init_segment() {
    let shop = Workshop::new();
    let main = shop.ffmpeg(&format!("{PICTURES} main.mp4"));
    let other = shop.ffmpeg(
        "-i main.mp4 -c:v libx264 -preset ultrafast -profile:v baseline -g 25 -video_track_timescale 12800 other.mp4",
    );
    let (main, other) = (std::fs::read(main).unwrap(), std::fs::read(other).unwrap());
    let mut samples = Vec::new();
    for (film, description) in [(&main, 0), (&other, 1), (&main, 0)] {
        let with = |sample: muxer::Sample| muxer::Sample { description, ..sample };
        samples.extend(samples_of(film, 0).await.into_iter().map(with));
    }
    let count = samples.len();
    let entries = vec![entry_of(&main), entry_of(&other)];
    let track = muxer::Track { handler: *b"vide", timescale: 12_800, entries, samples, edits: Vec::new() };
    let presentation = present(memory(muxer::file(&[track]))).await.unwrap();
    let video = rendition(&presentation, "video");
    let changes: Vec<usize> = presentation.cuts().changes.iter().map(|change| change.segment_index).collect();
    let list = playlist::media(presentation.as_ref(), video.info());
    let keyframes = playlist::keyframes(video.info()).unwrap();
    for list in [&list, &keyframes] {
        let maps: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("#EXT-X-MAP:URI=")).collect();
        assert_eq!(maps, ["\"init.mp4\"", "\"init-1.mp4\"", "\"init-2.mp4\""], "{list}");
        assert_eq!(list.matches("#EXT-X-DISCONTINUITY\n").count(), 2, "{list}");
    }
    let codecs = video.info().codec_strings().collect::<Vec<_>>();
    assert!(codecs.len() == 3 && codecs[0] == codecs[2] && codecs[0] != codecs[1], "{codecs:?}");
    let segment_count = video.info().listed_durations_s().len();
    let bounds = [&[0][..], &changes, &[segment_count]].concat();
    let infos = &video.info().keyframes.as_ref().unwrap();
    let keyframe_bounds = [&[0][..], &infos.changes, &[infos.durations_s.len()]].concat();
    let mut shown = 0;
    for (stretch, (range, keyframes)) in bounds.windows(2).zip(keyframe_bounds.windows(2)).enumerate() {
        let init = video.init_after(stretch as u32).await.unwrap();
        let mut bytes = [init.to_vec(), init.to_vec()];
        for index in range[0]..range[1] {
            bytes[0].extend(video.segment(index as u32).await.unwrap().into_bytes().await.unwrap());
        }
        for index in keyframes[0]..keyframes[1] {
            bytes[1].extend(video.keyframe(index as u32).await.unwrap().into_bytes().await.unwrap());
        }
        let decoded = bytes.map(|bytes| {
            shop.write("stretch.mp4", &bytes);
            let count = "-v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0";
            shop.run("ffmpeg", "-v error -xerror -nostdin -i stretch.mp4 -f null -");
            shop.run("ffprobe", &format!("{count} stretch.mp4")).trim().parse::<usize>().unwrap()
        });
        shown += decoded[0];
        assert_eq!(decoded[1], keyframes[1] - keyframes[0]);
    }
    assert_eq!(shown, count);
    assert!(video.init_after(3).await.is_err());
}

/// Goal: parameter sets that change in the middle of a film are further descriptions of the track, each from its first picture on; the bytes of all
/// pictures stay what they are.
#[tokio::test]
async fn case_06_further_sample_descriptions_are_told() {
    let shop = Workshop::new();
    let main = shop.ffmpeg(&format!("{PICTURES} main.mp4"));
    let other = shop.ffmpeg(
        "-i main.mp4 -c:v libx264 -preset ultrafast -profile:v baseline -g 25 -video_track_timescale 12800 other.mp4",
    );
    let (main, other) = (std::fs::read(main).unwrap(), std::fs::read(other).unwrap());
    let (first, second) = (samples_of(&main, 0).await, samples_of(&other, 0).await);
    let described = |samples: &[muxer::Sample], description: u32| {
        let with = |sample: &muxer::Sample| muxer::Sample { description, ..sample.clone() };
        samples.iter().map(with).collect::<Vec<_>>()
    };
    let entries = vec![entry_of(&main), entry_of(&other), boxed(b"mp4v", &[0; 78])];
    let track = |samples: Vec<muxer::Sample>| muxer::Track {
        handler: *b"vide",
        timescale: 12_800,
        entries: entries.clone(),
        samples,
        edits: Vec::new(),
    };
    let joined = [described(&first, 0), described(&second, 1), described(&first, 0)].concat();
    let file = muxer::file(&[track(joined.clone())]);
    let opened = container::open(&memory(file.clone())).await.unwrap();
    let video = &opened.tracks[0];
    let starts: Vec<u32> = video.descriptions.iter().map(|description| description.from_sample_index).collect();
    assert_eq!(starts, [first.len() as u32, (first.len() + second.len()) as u32]);
    for (description, like) in video.descriptions.iter().zip([&other, &main]) {
        let point = video.sync_points.iter().find(|point| point.sample_index == description.from_sample_index).unwrap();
        assert_eq!(point.pts_ticks, description.from_ticks);
        let alone = &container::open(&memory(like.clone())).await.unwrap().tracks[0].info;
        assert_eq!((&description.sample_entry, &description.codec_string), (&alone.sample_entry, &alone.codec_string));
    }
    assert_ne!(video.descriptions[0].sample_entry, video.info.sample_entry);
    let copied = samples_of(&file, 0).await;
    assert!(copied.iter().map(|sample| &sample.bytes).eq(joined.iter().map(|sample| &sample.bytes)));

    // Two entries that say the same are no change; what no player could follow leaves the track out, with its reason.
    let same = muxer::Track { entries: vec![entry_of(&main), entry_of(&main)], ..track(joined.clone()) };
    assert!(container::open(&memory(muxer::file(&[same]))).await.unwrap().tracks[0].descriptions.is_empty());
    let between = [described(&first[..30], 0), described(&first[30..], 1)].concat();
    let elsewhere = with_box(&main, &[b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"], &|dref| {
        assert_eq!(&dref[12..20], b"url \0\0\0\x01");
        [&dref[..19], &[0], &dref[20..]].concat()
    });
    for (file, why) in [
        (muxer::file(&[track([described(&first, 0), described(&second, 2)].concat())]), "codec changes"),
        (muxer::file(&[track(between)]), "between keyframes"),
        (elsewhere, "another file"),
    ] {
        let track = &container::open(&memory(file.clone())).await.unwrap().tracks[0];
        assert_eq!(track.info.codec, Codec::Other, "{why}");
        assert!(track.info.codec_string.contains(why), "{}", track.info.codec_string);
        assert_eq!(refusal(memory(file)).await.kind(), ErrorKind::Unsupported);
    }
}

/// Goal: a keyframe list that names pictures from which decoding cannot start is not believed where the pictures themselves are at hand; far
/// from an IDR picture they are cut at all the same, and not called independent.
#[tokio::test]
async fn case_23_recovery_points_of_mp4_are_no_keyframes() {
    let shop = Workshop::new();
    for (seconds, cuts, independent) in [(8, 1, true), (24, 24, false)] {
        let path = shop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d={seconds} -c:v libx264 -preset ultrafast -pix_fmt yuv420p \
             -x264-params intra-refresh=1:keyint=25:bframes=0 -movflags +faststart film.mp4"
        ));
        assert_eq!(packets(&path, "v:0").iter().filter(|packet| packet.is_key).count(), seconds);
        let film = index(&path).await.unwrap();
        assert_eq!((film.tracks[0].sync_points.len(), film.tracks[0].has_closed_gops), (cuts, independent));
        let film = present(source(&path).await).await.unwrap();
        assert_eq!(playlist::multivariant(film.as_ref()).contains("INDEPENDENT"), independent);
        check_copied(&shop, &path, "v:0", rendition(&film, "video"), 0.000_001).await;
    }
}

/// Goal: a local file whose table names recovery points among the IDR pictures is cut at IDR pictures alone, wherever they lie, and no other picture
/// is marked as a place to begin; so is one in fragments. Of a link those are known that are at hand, without a request for it, and the rest is found
/// when nobody waits.
#[tokio::test]
async fn case_23_mp4_is_cut_at_idr_pictures_alone() {
    let shop = Workshop::new();
    for (at, options) in CUT_AT_ALL.into_iter().enumerate() {
        let path = shop.ffmpeg(&format!("{options} -movflags frag_keyframe+empty_moov+delay_moov film.mp4"));
        check_cut_at_idr(&shop, &path, 0.000_001).await;
        let path = shop.ffmpeg(&format!("{options} -movflags +faststart film.mp4"));
        check_cut_at_idr(&shop, &path, 0.000_001).await;

        let link = Link::to(&path).await;
        let bytes: Arc<dyn ByteSource> = link.clone();
        let film = container::open(&bytes).await.unwrap();
        assert_eq!(link.requests.load(Ordering::Relaxed), 2, "head and tail");
        let points = &film.tracks[0].sync_points;
        // The table tells of open GOPs; of others it takes the pictures.
        let (count, is_known) = (points.len(), at == 0);
        assert!(if is_known { count == 5 } else { (6..20).contains(&count) }, "{count} places to cut");
        assert_eq!(film.tracks[0].has_closed_gops, is_known);
        assert!(points[1].sample_index > 50, "the first recovery point was at hand");
        let complete = container::complete(&bytes, &film).await.unwrap();
        assert_eq!(complete.is_some(), !is_known, "nothing better is to be had of what is right");
        if let Some(complete) = complete {
            let of_film: Vec<u32> = complete.tracks[0].sync_points.iter().map(|point| point.sample_index).collect();
            assert_eq!(of_film, [0, 200, 400, 600, 800]);
            assert!(complete.tracks[0].has_closed_gops);
        }
    }
}

/// Goal: lengths of NAL units of one, two and three bytes leave as four, and the record says so.
/// Method: an ordinary file with its samples written anew, against the original.
#[tokio::test]
async fn case_29_short_nal_lengths_of_mp4_become_four_bytes() {
    let shop = Workshop::new();
    for (encoder, record) in [
        ("libx264 -preset ultrafast -bf 2", b"avcC"),
        ("libx265 -preset ultrafast -x265-params log-level=none", b"hvcC"),
    ] {
        let path = shop.ffmpeg(&format!(
            "-f lavfi -i color=gray:s=64x64:r=25:d=4 -c:v {encoder} -g 25 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6|39 \
             -video_track_timescale 12800 plain.mp4"
        ));
        let plain = std::fs::read(&path).unwrap();
        for size in [1usize, 2, 3] {
            let mut samples = samples_of(&plain, 0).await;
            for sample in &mut samples {
                let (mut short, mut rest) = (Vec::new(), &sample.bytes[..]);
                while !rest.is_empty() {
                    let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
                    assert!(length < 1 << (8 * size), "a unit of {length} bytes");
                    short.extend_from_slice(&rest[4 - size..4 + length]);
                    rest = &rest[4 + length..];
                }
                (sample.size, sample.bytes) = (short.len() as u32, short);
            }
            let mut entry = entry_of(&plain);
            let at = entry.windows(4).position(|window| window == record).unwrap() + 4;
            let at = at + if record == b"avcC" { 4 } else { 21 };
            assert_eq!(entry[at] & 3, 3);
            entry[at] = entry[at] & !3 | (size as u8 - 1);
            let track =
                muxer::Track { handler: *b"vide", timescale: 12_800, entries: vec![entry], samples, edits: Vec::new() };
            let film = present(memory(muxer::file(&[track]))).await.unwrap();
            let video = rendition(&film, "video");
            check_copied(&shop, &path, "v:0", video, 0.000_001).await;
            let init = video.init().await.unwrap();
            let at = init.windows(4).position(|window| window == record).unwrap() + 4;
            assert_eq!(init[at + if record == b"avcC" { 4 } else { 21 }] & 3, 3);
            let decoded =
                shop.run("ffprobe", "-v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 made.mp4");
            assert_eq!(decoded.trim(), "100", "{size}");
        }
    }
}

/// Goal: of a film whose end is missing all is listed, what is there is served, and each segment beyond ends in the same clean error, at once; a
/// recording in fragments is listed as far as it goes.
#[tokio::test]
async fn case_37_truncated_mp4_plays_as_far_as_it_goes() {
    let shop = Workshop::new();
    let long = "-f lavfi -i testsrc2=s=320x180:r=25:d=20 -f lavfi -i sine=r=48000:d=20 -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p \
                -c:a aac";
    for (flags, is_listed_whole) in [
        ("faststart", true),
        ("frag_keyframe+empty_moov+dash+global_sidx+skip_trailer", false),
        ("frag_keyframe+empty_moov+skip_trailer", false),
    ] {
        let path = shop.ffmpeg(&format!("{long} -movflags {flags} film.mp4"));
        let whole_film = present(source(&path).await).await.unwrap();
        let mut file = std::fs::read(path).unwrap();
        file.truncate(file.len() * 3 / 5);
        let film = present(memory(file)).await.unwrap();
        for name in ["video", "audio"] {
            let (cut, before) = (rendition(&film, name), rendition(&whole_film, name));
            let count = cut.info().listed_durations_s().len() as u32;
            let (mut served, mut refused) = (0, 0);
            for at in 0..count {
                let bytes = match cut.segment(at).await {
                    Ok(segment) => segment.into_bytes().await,
                    Err(error) => Err(error),
                };
                match bytes {
                    Ok(bytes) => {
                        assert_eq!(refused, 0, "{flags}: nothing behind the end");
                        served += 1;
                        if is_listed_whole || at + 1 < count {
                            assert_eq!(
                                bytes,
                                before.segment(at).await.unwrap().into_bytes().await.unwrap(),
                                "{flags} {at}"
                            );
                        }
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Malformed, "{flags}");
                        assert!(error.advice().is_some());
                        refused += 1;
                    }
                }
            }
            assert!(served >= 2, "{flags} {name}: {served} segments");
            assert_eq!(refused > 0, is_listed_whole, "{flags} {name}");
            let listed_s: f64 = cut.info().listed_durations_s().iter().sum();
            let expected_s = if is_listed_whole { 19.5..20.5 } else { 8.0..16.0 };
            assert!(expected_s.contains(&listed_s), "{flags} {name}: {listed_s}");
        }
    }
}

/// Goal: ten hours in ticks beyond 2^32, at offsets beyond 4 GiB, are as exact as a minute is.
/// Method: one second of pictures again and again, each shown for ten seconds, behind a hole of five GiB in a sparse file.
#[tokio::test]
async fn case_41_large_offsets_and_ten_hours() {
    let shop = Workshop::new();
    let second = shop.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=25:d=1 -c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p -video_track_timescale 12800 second.mp4");
    let file = std::fs::read(second).unwrap();
    let once = samples_of(&file, 0).await;
    let timescale = 1_000_000;
    let slow = |sample: &muxer::Sample| muxer::Sample {
        duration: 10 * timescale,
        composition: sample.composition / 512 * 10 * timescale as i32,
        ..sample.clone()
    };
    let samples: Vec<muxer::Sample> = std::iter::repeat_n(&once, 144).flatten().map(slow).collect();
    let count = samples.len();
    let video =
        muxer::Track { handler: *b"vide", timescale, entries: vec![entry_of(&file)], samples, edits: Vec::new() };
    let (path, _) = write_sparse(&shop, "film.mp4", &[video], 5 << 30);
    assert!(std::fs::metadata(&path).unwrap().len() > 5 << 30);
    let film = present(source(&path).await).await.unwrap();
    let pictures = rendition(&film, "video");
    assert_eq!(count, 3600);
    let listed_s: f64 = pictures.info().listed_durations_s().iter().sum();
    assert!((listed_s - 36_000.0).abs() < 25.0, "{listed_s}");
    check_copied(&shop, &path, "v:0", pictures, 0.000_001).await;
    let last = packets(&shop.path("made.mp4"), "v").last().unwrap().pts_s.unwrap();
    assert!(last * f64::from(timescale) > 4_294_967_296.0 * 8.0, "{last}");
}

/// Goal: the film is the film, whatever stands before it: a cover, a time code, chapter titles, and two sounds that are both enabled.
#[tokio::test]
async fn case_07_covers_time_codes_and_chapters_are_no_film() {
    let shop = Workshop::new();
    shop.write("chapters.txt", b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=3\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1\nSTART=3\nEND=6\ntitle=Two\n");
    for (cover, name) in [("mjpeg", "film.mov"), ("png", "png.mov"), ("mjpeg", "film.mp4")] {
        let path = shop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=640x640:r=1:d=1 -f lavfi -i testsrc2=s=320x180:r=25:d=6 -f lavfi -i sine=r=48000:d=6 -i chapters.txt \
             -map 0 -map 1 -map 2 -map 2 -map_chapters 3 -timecode 00:00:00:00 -c:v:0 {cover} -c:v:1 libx264 -preset ultrafast -g 25 \
             -c:a aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=fra -disposition:a default {name}"
        ));
        let bytes = std::fs::read(&path).unwrap();
        for part in [&b"tmcd"[..], b"chap"] {
            assert!(bytes.windows(4).any(|window| window == part), "{name} has {}", String::from_utf8_lossy(part));
        }
        let tracks = index(&path).await.unwrap().tracks;
        assert_eq!((tracks[0].info.kind, tracks[0].info.codec), (TrackKind::Video, Codec::Other), "{name}");
        let film = present(source(&path).await).await.unwrap();
        let names: Vec<&str> = film.renditions().iter().map(|rendition| rendition.info().name.as_str()).collect();
        assert_eq!(names, ["video-2", "audio-3", "audio-4"], "{name}");
        check_copied(&shop, &path, "v:1", rendition(&film, "video"), 0.000_001).await;
        let main = playlist::multivariant(film.as_ref());
        assert_eq!(main.matches("DEFAULT=YES").count(), 1, "{main}");
        assert!(main.contains("RESOLUTION=320x180"), "{main}");
    }
}

/// Goal: a picture is shown as wide and as high, and turned as far, as the file says: pixels that are not square, rows that are cut off, a
/// phone held upright. Pictures of two fields are told, for those who would rather convert them.
#[tokio::test]
async fn case_34_rotation_pixel_aspect_odd_crops_and_fields_are_kept() {
    let shop = Workshop::new();
    let cases = [
        ("setsar=16/11", "yuv420p", "320x180", "465x180"),
        ("crop=318:178", "yuv420p", "320x180", "318x178"),
        ("format=yuv444p,crop=319:177:exact=1", "yuv444p", "320x180", "319x177"),
    ];
    let mut films = Vec::new();
    for (at, (filter, pixels, size, shown)) in cases.into_iter().enumerate() {
        let path = shop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s={size}:r=25:d=3 -vf {filter} -c:v libx264 -preset ultrafast -g 25 -pix_fmt {pixels} {at}.mp4"
        ));
        films.push((path, shown));
    }
    for degrees in [90, 180, 270] {
        let name = format!("turned-{degrees}.mp4");
        let path = shop.ffmpeg(&format!("-i 0.mp4 -c copy -metadata:s:v rotate={degrees} {name}"));
        films.push((path, if degrees == 180 { "465x180" } else { "180x465" }));
    }
    let facts = |path: &std::path::Path| {
        let entries = "stream=width,height,sample_aspect_ratio:stream_side_data=rotation";
        shop.run(
            "ffprobe",
            &format!("-v error -select_streams v -show_entries {entries} -of compact {}", path.display()),
        )
    };
    for (path, shown) in films {
        let film = present(source(&path).await).await.unwrap();
        let main = playlist::multivariant(film.as_ref());
        assert!(main.contains(&format!("RESOLUTION={shown},")), "{shown}: {main}");
        let made = shop.write("made.mp4", &whole(rendition(&film, "video")).await.unwrap());
        assert_eq!(facts(&made), facts(&path), "{}", path.display());
        assert_eq!(facts(&path).contains("rotation"), path.to_string_lossy().contains("turned"));
    }
    for (encoder, field) in [
        ("libx264 -preset ultrafast -flags +ildct+ilme", true),
        ("libx264 -preset ultrafast", false),
        ("libx265 -preset ultrafast -x265-params interlace=tff:log-level=none", true),
        ("libx265 -preset ultrafast -x265-params log-level=none", false),
    ] {
        for name in ["fields.mp4", "fields.mkv"] {
            let path = shop.ffmpeg(&format!(
                "-f lavfi -i testsrc2=s=320x192:r=25:d=3 -c:v {encoder} -g 25 -pix_fmt yuv420p {name}"
            ));
            let film = present(source(&path).await).await.unwrap();
            let format = film.tracks()[0].video.clone().unwrap();
            assert_eq!(format.is_interlaced, field, "{name} {encoder}");
        }
    }
}
