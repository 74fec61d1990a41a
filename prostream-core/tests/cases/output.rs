//! Cases of what a player is told: cuts, playlists, times.

use std::path::Path;
use std::sync::Arc;

use prostream_core::hls::{Presentation, playlist};

use crate::workshop::{Workshop, check_copied, packets, present, rendition, source};

const INDEPENDENT: &str = "#EXT-X-INDEPENDENT-SEGMENTS";

/// Lengths of the segments of the pictures, as the playlist lists them, in whole seconds.
fn listed_s(presentation: &Arc<dyn Presentation>) -> Vec<f64> {
    let durations = rendition(presentation, "video").info().listed_durations_s();
    durations.iter().map(|duration| (duration * 1000.0).round() / 1000.0).collect()
}

/// Decodes each segment of the pictures by itself, as a player does after a seek, and says how many of its pictures are shown, out of how many.
async fn shown_alone(workshop: &Workshop, presentation: &Arc<dyn Presentation>) -> Vec<(usize, usize)> {
    let video = rendition(presentation, "video");
    let init = video.init().await.unwrap();
    let mut counts = Vec::new();
    for index in 0..video.info().listed_durations_s().len() {
        let segment = video.segment(index as u32).await.unwrap().into_bytes().await.unwrap();
        let file = workshop.write("alone.mp4", &[init.clone(), segment].concat());
        let count = "-v error -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0";
        let shown = workshop.run("ffprobe", &format!("{count} alone.mp4"));
        counts.push((shown.trim().parse().unwrap(), packets(&file, "v:0").len()));
    }
    counts
}

/// Goal: where the file has IDR pictures near enough, H.264 is cut at them alone: every segment decodes by itself, and the playlist may say so.
/// Method: an open GOP every two seconds, an IDR picture every eight; all of them stand in the table of sync samples.
#[tokio::test]
async fn case_23_h264_is_cut_at_idr_pictures() {
    let workshop = Workshop::new();
    let film = workshop.ffmpeg(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=24 -c:v libx264 -preset veryfast -bf 3 -pix_fmt yuv420p \
         -x264-params keyint=50:min-keyint=50:scenecut=0:b-adapt=0:open-gop=1 \
         -force_key_frames expr:gte(t,n_forced*8) -forced-idr 1 open.mp4",
    );
    assert_eq!(
        packets(&film, "v:0").iter().filter(|packet| packet.is_key).count(),
        12,
        "recovery points are marked too"
    );
    let presentation = present(source(&film).await).await.unwrap();
    assert_eq!(listed_s(&presentation), [8.0, 8.0, 8.0]);
    assert!(playlist::multivariant(presentation.as_ref()).contains(INDEPENDENT));
    for (at, (shown, all)) in shown_alone(&workshop, &presentation).await.into_iter().enumerate() {
        assert_eq!(shown, all, "pictures of segment {at}");
    }
    check_copied(&workshop, &film, "v:0", rendition(&presentation, "video"), 1e-6).await;
}

/// Goal: where there is nowhere else to cut, open GOPs are cut at, their leading pictures are kept, and nobody is told that segments are
/// independent.
/// Method: H.264 whose only IDR picture is the first, and HEVC with CRA pictures, in both containers. That the leading pictures of a segment
/// cannot be decoded from it alone shows that the files are what they should be.
#[tokio::test]
async fn case_23_open_gops_keep_their_leading_pictures() {
    let workshop = Workshop::new();
    for (name, codec) in [
        ("h264", "libx264 -preset veryfast -bf 3 -x264-params keyint=50:min-keyint=50:scenecut=0:b-adapt=0:open-gop=1"),
        (
            "hevc",
            "libx265 -preset medium -x265-params log-level=none:keyint=50:min-keyint=50:scenecut=0:b-adapt=0:open-gop=1:bframes=3",
        ),
    ] {
        let mp4 = format!("{name}.mp4");
        workshop.ffmpeg(&format!("-f lavfi -i testsrc2=s=320x180:r=25:d=24 -pix_fmt yuv420p -c:v {codec} {mp4}"));
        let mkv = workshop.ffmpeg(&format!("-i {mp4} -c copy {name}.mkv"));
        for (film, tolerance_s) in [(workshop.path(&mp4), 1e-6), (mkv, 0.0011)] {
            let what = film.display();
            let presentation = present(source(&film).await).await.unwrap();
            assert_eq!(listed_s(&presentation), [2.0, 4.0, 6.0, 6.0, 6.0], "{what}");
            assert!(!playlist::multivariant(presentation.as_ref()).contains(INDEPENDENT), "{what}");
            let alone = shown_alone(&workshop, &presentation).await;
            assert!(name == "h264" || alone[1..].iter().all(|(shown, all)| shown < all), "{what}: {alone:?}");
            check_copied(&workshop, &film, "v:0", rendition(&presentation, "video"), tolerance_s).await;
        }
    }
}

/// The target duration of a playlist, and the lengths it lists.
fn lengths(playlist: &str) -> (f64, Vec<f64>) {
    let after = |line: &str, tag: &str| line.strip_prefix(tag)?.trim_end_matches(',').parse::<f64>().ok();
    let target = playlist.lines().find_map(|line| after(line, "#EXT-X-TARGETDURATION:")).expect("a target duration");
    (target, playlist.lines().filter_map(|line| after(line, "#EXTINF:")).collect())
}

/// Goal: keyframes that are close are merged to segments of the wanted length, and a GOP that is longer stays whole, with a target duration
/// that says so.
/// Method: twenty-five keyframes a second, and one keyframe in forty seconds, in both containers; whatever the cuts, no picture is lost.
#[tokio::test]
async fn case_24_close_keyframes_are_merged_and_long_gops_stay_whole() {
    let workshop = Workshop::new();
    for (name, length_s, gop, expected, expected_target) in
        [("intra", 20, 1, &[2.0, 4.0, 6.0, 6.0, 2.0][..], 6.0), ("long", 44, 1000, &[40.0, 4.0], 40.0)]
    {
        let mp4 = format!("{name}.mp4");
        workshop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=160x90:r=25:d={length_s} -c:v libx264 -preset veryfast -pix_fmt yuv420p \
             -g {gop} -keyint_min {gop} -sc_threshold 0 {mp4}"
        ));
        let mkv = workshop.ffmpeg(&format!("-i {mp4} -c copy {name}.mkv"));
        for (film, tolerance_s) in [(workshop.path(&mp4), 1e-6), (mkv, 0.0011)] {
            let presentation = present(source(&film).await).await.unwrap();
            let video = rendition(&presentation, "video");
            let (target, mut listed) = lengths(&playlist::media(presentation.as_ref(), video.info()));
            // The first is told from the start of all: pictures that are reordered are decoded before they are shown.
            listed[0] -= video.info().start_s;
            assert_eq!(target, expected_target, "{}", film.display());
            assert_eq!(listed.len(), expected.len(), "{}: {listed:?}", film.display());
            for (listed, expected) in listed.iter().zip(expected) {
                assert!((listed - expected).abs() < 0.002, "{}: {listed} is not {expected}", film.display());
            }
            check_copied(&workshop, &film, "v:0", video, tolerance_s).await;
        }
    }
}

/// Goal: the range of brightness is declared wherever the file says it: in the bitstream, in the container, or in both.
/// Method: HDR10, HLG and plain pictures, with colour in both; then MP4 without `colr`, and Matroska whose Colour alone says it.
#[tokio::test]
async fn case_33_video_range_is_declared() {
    let workshop = Workshop::new();
    let range = async |film: &Path| {
        let playlist = playlist::multivariant(present(source(film).await).await.unwrap().as_ref());
        let variants = playlist.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF"));
        let ranges: Vec<String> = variants
            .map(|line| line.split_once("VIDEO-RANGE=").unwrap().1.split(',').next().unwrap().to_owned())
            .collect();
        ranges.join(" ")
    };
    for (expected, transfer, number) in [("PQ", "smpte2084", 16), ("HLG", "arib-std-b67", 18)] {
        let encode = "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast";
        let params = format!("log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc");
        let tags = format!("-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc");
        let both = workshop.ffmpeg(&format!("{encode} -x265-params {params} {tags} -tag:v hvc1 both.mp4"));
        let matroska = workshop.ffmpeg("-i both.mp4 -c copy both.mkv");
        let mut bytes = std::fs::read(&both).unwrap();
        let colr = bytes.windows(4).position(|bytes| bytes == b"colr").expect("colour of the container");
        bytes[colr..colr + 4].copy_from_slice(b"free");
        let bitstream = workshop.write("bitstream.mp4", &bytes);
        workshop.ffmpeg(&format!("{encode} -x265-params log-level=none plain.mkv"));
        let colour = format!(
            "--colour-primaries 0:9 --colour-transfer-characteristics 0:{number} --colour-matrix-coefficients 0:9"
        );
        workshop.run("mkvmerge", &format!("-q -o container.mkv {colour} plain.mkv"));
        for film in [both, matroska, bitstream, workshop.path("container.mkv")] {
            assert_eq!(range(&film).await, expected, "{}", film.display());
        }
        assert_eq!(range(&workshop.path("plain.mkv")).await, "SDR");
    }
}
