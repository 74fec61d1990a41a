//! Cases of ISO base media files.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prostream_core::hls::playlist;
use prostream_core::model::{Codec, TrackKind};
use prostream_core::source::{ByteSource, HttpSource, HttpSourceConfig};

use crate::support::{Answer, Host, Seen};
use crate::workshop::{Workshop, check_copied, index, memory, present, rendition, source, whole};

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
            // Serial requests would wait in vain, and be seen below.
            for _ in 0..400 {
                if number > 0 || counted.load(Ordering::SeqCst) > 1 {
                    return part(&body, request);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Answer::hang_up()
        })
        .await;
        let ends = HttpSourceConfig { head_size: 4096, tail_size };
        let opened = HttpSource::open(&host.client(), host.url("/film.mp4"), &[], &ends).await.unwrap();
        let remote: Arc<dyn ByteSource> = Arc::new(opened);
        let film = present(remote.clone()).await.unwrap();
        assert_eq!(film.renditions().len(), 1);
        assert_eq!(host.seen().len(), requests, "tail of {tail_size}");
        assert!(remote.stats().read_bytes <= 4096 + index_size as u64 + 200, "{:?}", remote.stats());
    }
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

/// Goal: tables that say the same in rarer ways lead to the same bytes and times: a last sample of no length, 64-bit offsets, chunks of odd
/// lengths, one size for all, a first description that no chunk uses. (Of case 6; descriptions that alternate are refused by name.)
#[tokio::test]
async fn odd_sample_tables_keep_their_offsets() {
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
    for changed in [endless, long_offsets, second_of_two] {
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
/// phone held upright. (Of case 34; interlaced pictures are not told yet.)
#[tokio::test]
async fn rotation_pixel_aspect_and_odd_crops_are_kept() {
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
}
