//! Cases of what a player is offered beside the plain film: Dolby Vision, keyframes, times for players built on ffmpeg, large spans.

use std::path::Path;
use std::sync::Arc;

use prostream_core::hls::{HlsProvider, NativePackager, Presentation, Rendition, playlist};
use prostream_core::model::DeviceProfile;

use crate::workshop::{Workshop, memory, packets, present, rendition, source, whole};

/// A Dolby Vision configuration record (Dolby Vision Streams within the ISO Base Media File Format 2.2, section 3.2).
fn dolby_record(profile: u8, level: u8, compatibility: u8) -> Vec<u8> {
    let mut record = vec![1, 0, profile << 1 | level >> 5, (level & 0x1f) << 3 | 0b101, compatibility << 4];
    record.resize(24, 0);
    record
}

/// Puts a Dolby Vision box in the place of the two boxes that muxers write at the end of a sample entry.
fn with_dolby_box(film: &[u8], kind: &[u8; 4], record: &[u8]) -> Vec<u8> {
    let mut film = film.to_vec();
    let pasp = film.windows(4).position(|bytes| bytes == b"pasp").expect("a pixel aspect") - 4;
    let (pasp_size, btrt_size) = (16, 20);
    assert_eq!(film[pasp + pasp_size + 4..pasp + pasp_size + 8], *b"btrt");
    let size = pasp_size + btrt_size;
    let mut written = [&(size as u32).to_be_bytes()[..], kind, record].concat();
    written.resize(size, 0);
    film[pasp..pasp + size].copy_from_slice(&written);
    film
}

/// Puts a BlockAdditionMapping in the place of a track's name of 34 letters.
fn with_dolby_mapping(film: &[u8], kind: &[u8; 4], record: &[u8]) -> Vec<u8> {
    let mut film = film.to_vec();
    let name = [&[0x53, 0x6e, 0x80 | 34][..], &[b'x'; 34]].concat();
    let at = film.windows(name.len()).position(|bytes| bytes == name).expect("the name of the track");
    let mapping = [&[0x41, 0xe4, 0x80 | 34, 0x41, 0xe7, 0x84][..], kind, &[0x41, 0xed, 0x80 | 24], record].concat();
    film[at..at + name.len()].copy_from_slice(&mapping);
    film
}

/// Goal: Dolby Vision is passed on and declared as players of HLS know it: profile 5 by itself, 8.1 and 8.4 beside the HDR10 or HLG that
/// others show. Of profile 7, whose second layer only discs use, the HDR10 base is played, and no more is promised.
/// Method: configuration records put into MP4 and Matroska of each kind of brightness.
#[tokio::test]
async fn case_33_dolby_vision_is_declared_and_passed_on() {
    let workshop = Workshop::new();
    let films =
        [("smpte2084", "bt2020"), ("arib-std-b67", "bt2020"), ("undef", "undef")].map(|(transfer, primaries)| {
            let mp4 = workshop.ffmpeg(&format!(
                "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast \
             -x265-params log-level=none:colorprim={primaries}:transfer={transfer} -tag:v hvc1 \
             -metadata:s:v title={} {transfer}.mp4",
                "x".repeat(34)
            ));
            let mkv = workshop
                .ffmpeg(&format!("-i {transfer}.mp4 -c copy -metadata:s:v title={} {transfer}.mkv", "x".repeat(34)));
            [mp4, mkv].map(|path| std::fs::read(path).unwrap())
        });
    let [hdr10, hlg, plain] = &films;
    for (film, profile, compatibility, codec, supplement, range, kept) in [
        (plain, 5, 0, "dvh1.05.06", None, "PQ", Some((b"dvh1", b"dvcC"))),
        (hdr10, 8, 1, "hvc1.", Some("dvh1.08.06/db1p"), "PQ", Some((b"hvc1", b"dvvC"))),
        (hlg, 8, 4, "hvc1.", Some("dvh1.08.06/db4h"), "HLG", Some((b"hvc1", b"dvvC"))),
        (hdr10, 7, 6, "hvc1.", None, "PQ", None),
    ] {
        let record = dolby_record(profile, 6, compatibility);
        let kind = if profile > 7 { b"dvvC" } else { b"dvcC" };
        for film in [with_dolby_box(&film[0], kind, &record), with_dolby_mapping(&film[1], kind, &record)] {
            let presentation = present(memory(film)).await.unwrap();
            let what = format!("profile {profile}.{compatibility}");
            let playlist = playlist::multivariant(presentation.as_ref());
            for line in ["#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF"] {
                let line = playlist.lines().find(|found| found.starts_with(line)).expect("a variant");
                let value = |name: &str| Some(line.split_once(name)?.1.split(',').next()?.trim_matches('"'));
                assert!(value("CODECS=").unwrap().starts_with(codec), "{what}: {line}");
                assert_eq!(value("SUPPLEMENTAL-CODECS="), supplement, "{what}");
                assert_eq!(value("VIDEO-RANGE="), Some(range), "{what}");
            }
            let init = rendition(&presentation, "video").init().await.unwrap();
            let has = |bytes: &[u8]| init.windows(bytes.len()).any(|found| found == bytes);
            let record_box = [&[0, 0, 0, 32][..], kind, &record].concat();
            assert_eq!(has(&record_box), kept.is_some(), "{what}");
            assert!(has(kept.map_or(b"hvc1", |(entry, _)| entry)) && kept.is_none_or(|(_, kind)| has(kind)), "{what}");
            let track = &presentation.tracks()[0];
            let dolby = track.video.as_ref().unwrap().dolby_vision.expect("it is reported");
            assert_eq!((dolby.profile, dolby.level, dolby.compatibility), (profile, 6, compatibility));
        }
    }
}

/// The presentation of a film for a device of this name.
async fn present_for(film: &Path, device: &str) -> Arc<dyn Presentation> {
    NativePackager::default().open(source(film).await, &DeviceProfile::named(device).unwrap()).await.unwrap()
}

/// The smallest and largest distance of the times that ffprobe reads in a rendition to those in the film, in seconds.
async fn shifts(workshop: &Workshop, film: &Path, stream: &str, rendition: &Arc<dyn Rendition>) -> (f64, f64) {
    let made = workshop.write("made.mp4", &whole(rendition).await.unwrap());
    let (expected, actual) = (packets(film, stream), packets(&made, &stream[..1]));
    assert_eq!(expected.len(), actual.len());
    let shift = expected.iter().zip(&actual).map(|(before, after)| {
        assert_eq!(before.hash, after.hash);
        after.pts_s.unwrap() - before.pts_s.unwrap()
    });
    shift.fold((f64::MAX, f64::MIN), |(least, most), shift| (least.min(shift), most.max(shift)))
}

/// Goal: players built on ffmpeg show pictures late where these are shown before others that precede them: they are given times without that,
/// in which pictures, sound and text keep their distance to each other. Everyone else gets exact times.
/// Method: ffprobe reads both profiles, of Matroska and of MP4 with negative offsets, with closed and open GOPs.
#[tokio::test]
async fn players_built_on_ffmpeg_get_times_without_negative_offsets() {
    let workshop = Workshop::new();
    workshop.write("lines.srt", b"1\n00:00:05,000 --> 00:00:06,000\nLine\n\n");
    let input = "-f lavfi -i testsrc2=s=160x90:r=25:d=14 -f lavfi -i sine=d=14 -i lines.srt -pix_fmt yuv420p -c:a ac3 -c:s srt -g 50";
    let h264 = workshop.ffmpeg(&format!("{input} -c:v libx264 -preset veryfast -bf 3 h264.mkv"));
    let hevc = workshop.ffmpeg(&format!(
        "{input} -c:v libx265 -preset medium -x265-params log-level=none:open-gop=1:bframes=4:keyint=50 hevc.mkv"
    ));
    let signed = workshop.ffmpeg("-i h264.mkv -c copy -c:s mov_text -movflags negative_cts_offsets signed.mp4");
    for film in [h264, hevc, signed] {
        let what = film.display();
        let exact = present_for(&film, "any").await;
        let fallback = present_for(&film, "mpv").await;
        assert_eq!([exact.variant_id(), fallback.variant_id()], ["p3c1", "p3c1t2"]);
        let (video, sound) = (rendition(&fallback, "video"), rendition(&fallback, "audio"));
        let (least, most) = shifts(&workshop, &film, "v:0", video).await;
        let (sound_least, sound_most) = shifts(&workshop, &film, "a:0", sound).await;
        assert!(most - least < 0.0021, "{what}: pictures move by {least} to {most}");
        assert!(
            (sound_least - least).abs() < 0.0021 && (sound_most - most).abs() < 0.0021,
            "{what}: sound {sound_least}"
        );
        let cue = async |presentation: &Arc<dyn Presentation>| {
            let text = rendition(presentation, "text").segment(1).await.unwrap().into_bytes().await.unwrap();
            let text = String::from_utf8(text.to_vec()).unwrap();
            let at = text.find(" --> ").expect("a cue");
            text[at - 6..at].parse::<f64>().unwrap()
        };
        let moved = cue(&fallback).await - cue(&exact).await;
        let delay = (exact.cuts().origin_ns - fallback.cuts().origin_ns) as f64 / 1e9;
        assert!(delay > 0.03 && (moved - delay).abs() < 0.0011, "{what}: text moves by {moved}, all by {delay}");
        // The exact profile is what it is for: ffprobe reads its pictures late, so this test sees a difference.
        let (late, _) = shifts(&workshop, &film, "v:0", rendition(&exact, "video")).await;
        let (on_time, _) = shifts(&workshop, &film, "a:0", rendition(&exact, "audio")).await;
        assert!(late - on_time > 0.03, "{what}: {late} {on_time}");
    }
}

/// Goal: a film at 80 Mbit/s keeps no more than a span in memory: MP4 reads as it is read from, and a span of Matroska ends before 64 MiB wherever
/// a keyframe allows.
/// Method: ten seconds of noise with a keyframe each half second, whose spans of six seconds would pass the limit.
#[tokio::test]
async fn case_40_large_spans_are_bounded() {
    use futures_util::StreamExt;
    const LIMIT: u64 = 64 << 20;
    let workshop = Workshop::new();
    let mp4 = workshop.ffmpeg(
        "-f lavfi -i nullsrc=s=1280x720:r=24:d=10,geq=random(1)*255:128:128 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -qp 12 \
         -g 12 large.mp4",
    );
    let size = std::fs::metadata(&mp4).unwrap().len();
    assert!(size > 100_000_000, "{size} bytes in ten seconds: 80 Mbit/s");
    let mkv = workshop.ffmpeg("-i large.mp4 -c copy large.mkv");
    for film in [mp4, mkv] {
        let source = source(&film).await;
        let presentation = present(source.clone()).await.unwrap();
        let video = rendition(&presentation, "video");
        let count = video.info().listed_durations_s().len();
        let mut total = 0;
        for index in 0..count {
            let before = source.stats().read_bytes;
            let mut segment = video.segment(index as u32).await.unwrap();
            assert!(segment.size_bytes <= LIMIT, "{}: {} bytes", film.display(), segment.size_bytes);
            total += segment.size_bytes;
            if film.extension().is_some_and(|ending| ending == "mp4") {
                segment.body.next().await.unwrap().unwrap();
                let read = source.stats().read_bytes - before;
                assert!(read < 8 << 20, "{read} bytes read for a player that has taken the first piece");
            } else {
                assert!(
                    source.stats().read_bytes - before <= LIMIT + (2 << 20),
                    "what lies behind the span is read too"
                );
            }
        }
        assert!(total > 100_000_000);
    }
}
