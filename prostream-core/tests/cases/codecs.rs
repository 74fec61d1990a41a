//! Cases of codecs, colour, geometry and subtitles: what the sample entry and the strings say.

use std::path::Path;

use prostream_core::ErrorKind;
use prostream_core::hls::playlist;
use prostream_core::model::{Codec, HdrKind};

use super::mp4::{boxed, with_box};
use crate::workshop::{Workshop, check_copied, index, memory, packets, present, refusal, rendition, source, whole};

/// An element of Matroska with a size of four bytes.
fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &(data.len() as u32 | 0x1000_0000).to_be_bytes(), data].concat()
}

/// A Matroska file as muxers of today do not write it: one track with this entry (all but its number), and these packets, each a
/// keyframe in a cluster of its own.
fn matroska(entry: &[u8], packets: &[Vec<u8>], packet_ms: f64) -> Vec<u8> {
    let number = |id: &[u8], value: u32| element(id, &value.to_be_bytes());
    let entry = [&number(&[0xD7], 1), &number(&[0x73, 0xC5], 1), entry].concat();
    let length = ((packets.len() as f64 * packet_ms) as f32).to_be_bytes();
    let mut segment = element(&[0x15, 0x49, 0xA9, 0x66], &element(&[0x44, 0x89], &length));
    segment.extend(element(&[0x16, 0x54, 0xAE, 0x6B], &element(&[0xAE], &entry)));
    for (at, packet) in packets.iter().enumerate() {
        let time = number(&[0xE7], (at as f64 * packet_ms).round() as u32);
        let block = element(&[0xA3], &[&[0x81, 0, 0, 0x80], &packet[..]].concat());
        segment.extend(element(&[0x1F, 0x43, 0xB6, 0x75], &[time, block].concat()));
    }
    let head = element(&[0x1A, 0x45, 0xDF, 0xA3], &element(&[0x42, 0x82], b"matroska"));
    [head, element(&[0x18, 0x53, 0x80, 0x67], &segment)].concat()
}

/// The entry of a sound track; an output rate of 0 is not said.
fn sound(codec_id: &str, private: &[u8], rates_hz: [f64; 2], channels: u8) -> Vec<u8> {
    let mut audio = [element(&[0xB5], &rates_hz[0].to_be_bytes()), element(&[0x9F], &[channels])].concat();
    if rates_hz[1] > 0.0 {
        audio.extend(element(&[0x78, 0xB5], &rates_hz[1].to_be_bytes()));
    }
    let mut entry = [element(&[0x83], &[2]), element(&[0x86], codec_id.as_bytes()), element(&[0xE1], &audio)].concat();
    if !private.is_empty() {
        entry.extend(element(&[0x63, 0xA2], private));
    }
    entry
}

/// The frames of an ADTS file, headers and all.
fn adts_frames(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !file.is_empty() {
        let size = usize::from(file[3] & 3) << 11 | usize::from(file[4]) << 3 | usize::from(file[5]) >> 5;
        let (frame, rest) = file.split_at(size);
        frames.push(frame.to_vec());
        file = rest;
    }
    frames
}

/// A box in the init segment of a rendition, header and all.
async fn init_box(film: &std::sync::Arc<dyn prostream_core::hls::Presentation>, name: &str, kind: &[u8; 4]) -> Vec<u8> {
    find_box(&rendition(film, name).init().await.unwrap(), kind)
}

/// The first box of a type, wherever it lies.
fn find_box(bytes: &[u8], kind: &[u8; 4]) -> Vec<u8> {
    let at = bytes.windows(4).position(|window| window == kind);
    let at = at.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(kind))) - 4;
    let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    bytes[at..at + size].to_vec()
}

/// Goal: AAC that says little of itself gets its configuration, rate, channels and packet lengths; ADTS headers are taken off.
#[tokio::test]
async fn case_25_aac_is_configured_from_what_there_is() {
    let shop = Workshop::new();
    let adts = shop.ffmpeg("-f lavfi -i sine=r=48000:d=3 -ac 2 -c:a aac -f adts tone.aac");
    let plain = shop.ffmpeg("-i tone.aac -c copy -bsf:a aac_adtstoasc -use_editlist 0 plain.mp4");
    let with_headers = adts_frames(&std::fs::read(adts).unwrap());
    let bare: Vec<Vec<u8>> = with_headers.iter().map(|frame| frame[7..].to_vec()).collect();
    let lc = [0x11, 0x90];
    let short = [0x11, 0x94];
    // Codec id, private data, rates, frames; then string, rate, samples of a packet.
    let cases = [
        ("A_AAC", &[][..], [48_000.0, 0.0], &with_headers, "mp4a.40.2", 48_000, 1024),
        ("A_AAC/MPEG2/LC", &[], [48_000.0, 0.0], &bare, "mp4a.40.2", 48_000, 1024),
        ("A_AAC/MPEG4/LC/SBR", &[], [24_000.0, 48_000.0], &bare, "mp4a.40.5", 48_000, 2048),
        ("A_AAC", &lc, [48_000.0, 0.0], &bare, "mp4a.40.2", 48_000, 1024),
        ("A_AAC", &[0x13, 0x10], [24_000.0, 48_000.0], &bare, "mp4a.40.5", 48_000, 2048),
        ("A_AAC", &short, [48_000.0, 0.0], &bare, "mp4a.40.2", 48_000, 960),
    ];
    for (id, private, rates, frames, string, rate, samples) in cases {
        let packet_ms = f64::from(samples) / f64::from(rate) * 1000.0;
        let film = present(memory(matroska(&sound(id, private, rates, 2), frames, packet_ms))).await.unwrap();
        let audio = rendition(&film, "audio");
        let track = &audio.info().track;
        let format = track.audio.as_ref().unwrap();
        assert_eq!(
            (track.codec_string.as_str(), format.sample_rate_hz, format.channel_count),
            (string, rate, 2),
            "{id}"
        );
        let made = shop.write("made.mp4", &whole(audio).await.unwrap());
        let (expected, actual) = (packets(&plain, "a:0"), packets(&made, "a"));
        let hashes = |packets: &[crate::workshop::Probed]| packets.iter().map(|p| p.hash.clone()).collect::<Vec<_>>();
        assert_eq!(hashes(&expected), hashes(&actual), "{id}");
        for (at, packet) in actual.iter().enumerate() {
            let exact = at as f64 * packet_ms / 1000.0;
            assert!((packet.pts_s.unwrap() - exact).abs() < 0.000_1, "{id}: {packet:?} at {exact}");
        }
    }
    // Eight channels that no number of a layout names: the configuration holds the list.
    let seven = shop.ffmpeg("-f lavfi -i sine=r=48000:d=3 -af pan=7.1|c0=c0|c4=c0|c7=c0 -c:a aac seven.mkv");
    let film = present(source(&seven).await).await.unwrap();
    assert_eq!(rendition(&film, "audio").info().track.audio.as_ref().unwrap().channel_count, 8);
    let made = shop.write("made.mp4", &whole(rendition(&film, "audio")).await.unwrap());
    let layout = |path: &Path| {
        let entries = "-show_entries stream=profile,channels,channel_layout,sample_rate -of compact";
        shop.run("ffprobe", &format!("-v error {entries} {}", path.display()))
    };
    assert_eq!(layout(&made), layout(&seven));
}

/// Goal: priming is kept, and with it the distance of sound and pictures that the file has; no packet is lost and no time negative. (Of
/// case 26; Opus has no roll group yet.)
#[tokio::test]
async fn case_26_priming_keeps_sound_and_pictures_together() {
    let shop = Workshop::new();
    for (name, codec) in [("aac.mp4", "aac"), ("opus.mp4", "libopus"), ("aac.mkv", "aac"), ("opus.mkv", "libopus")] {
        let path = shop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=r=48000:d=4 -c:v libx264 -preset ultrafast -bf 0 -g 25 \
             -pix_fmt yuv420p -c:a {codec} {name}"
        ));
        let first_s = |stream: &str| packets(&path, stream)[0].pts_s.unwrap();
        assert!(first_s("a:0") < first_s("v:0"), "{name} has priming");
        let film = present(source(&path).await).await.unwrap();
        let audio = check_copied(&shop, &path, "a:0", rendition(&film, "audio"), 0.001).await;
        let first = packets(&shop.path("made.mp4"), "a")[0].pts_s;
        assert!(first.unwrap().abs() < 0.000_001, "{name} begins with its priming: {first:?}");
        let video = check_copied(&shop, &path, "v:0", rendition(&film, "video"), 0.001).await;
        assert!((audio - video).abs() < 0.001_1, "{name}: sound moved by {audio}, pictures by {video}");
    }
}

/// Goal: Dolby sound in Matroska, which says nothing of it, gets the boxes that ffmpeg writes into MP4; dependent substreams and object
/// coding are counted.
#[tokio::test]
async fn case_27_dolby_boxes_come_from_the_first_frame() {
    let shop = Workshop::new();
    for (codec, kind, options) in [
        ("ac3", b"dac3", "-ac 2 -b:a 192k"),
        ("ac3", b"dac3", "-af pan=5.1|c0=c0|c1=c0|c3=c0 -b:a 448k"),
        ("eac3", b"dec3", "-ac 1 -b:a 96k"),
        ("eac3", b"dec3", "-af pan=5.1|c0=c0|c1=c0|c3=c0 -b:a 384k"),
    ] {
        let mkv = shop.ffmpeg(&format!("-f lavfi -i sine=r=48000:d=3 {options} -c:a {codec} sound.mkv"));
        let mp4 = shop.ffmpeg("-i sound.mkv -c copy sound.mp4");
        let film = present(source(&mkv).await).await.unwrap();
        let theirs = find_box(&std::fs::read(mp4).unwrap(), kind);
        assert_eq!(init_box(&film, "audio", kind).await, theirs, "{codec} {options}");
        check_copied(&shop, &mkv, "a:0", rendition(&film, "audio"), 0.001).await;
    }
    // 5.1 and, in the same sample, a dependent frame with the two channels that make it 7.1. Only its header counts: stream type 1, 64
    // bytes, six blocks, two channels, bsid 16, and a channel map with the rear pair.
    let raw = std::fs::read(shop.ffmpeg("-i sound.mkv -c copy -f eac3 sound.eac3")).unwrap();
    let size = (usize::from(raw[2] & 7) << 8 | usize::from(raw[3])) * 2 + 2;
    let mut dependent = [0; 64];
    let header = 0x0B77 << 64 | 0x401F_u128 << 48 | 0x3480 << 32 | 0x1020_0000;
    dependent[..10].copy_from_slice(&header.to_be_bytes()[6..]);
    let frames: Vec<Vec<u8>> = raw.chunks_exact(size).map(|frame| [frame, &dependent].concat()).collect();
    let film = present(memory(matroska(&sound("A_EAC3", &[], [48_000.0, 0.0], 8), &frames, 32.0))).await.unwrap();
    let main = playlist::multivariant(film.as_ref());
    assert_eq!(rendition(&film, "audio").info().track.audio.as_ref().unwrap().channel_count, 8, "{main}");
    // The extension that announces objects, as writers of MP4 append it.
    let file = std::fs::read(shop.path("sound.mp4")).unwrap();
    let stsd = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"];
    let objects = with_box(&file, &stsd, &|stsd| {
        let entry = &stsd[16..];
        let dec3 = find_box(entry, b"dec3");
        let rest = &entry[28 + dec3.len()..];
        let longer = boxed(b"dec3", &[&dec3[8..], &[1, 16]].concat());
        [&stsd[..8], &boxed(b"ec-3", &[&entry[..28], &longer, rest].concat())].concat()
    });
    let film = present(memory(objects)).await.unwrap();
    assert!(rendition(&film, "audio").info().track.audio.as_ref().unwrap().joint_object_coding);
}

/// Goal: HEVC and H.264 whose parameter sets stand in the samples too leave as `hvc1` and `avc1`, the sets in place. (Of case 28; sets that
/// change on the way are not told yet.)
#[tokio::test]
async fn in_band_parameter_sets_leave_under_the_strict_names() {
    let shop = Workshop::new();
    let h264 = "libx264 -preset ultrafast -g 25 -x264-params repeat-headers=1:log=-1";
    let hevc = "libx265 -preset ultrafast -x265-params keyint=25:repeat-headers=1:log-level=none";
    for (encoder, tag, strict) in [(h264, "avc3", "avc1"), (hevc, "hev1", "hvc1")] {
        for name in ["film.mp4", "film.mkv"] {
            let tag = if name.ends_with("mp4") { format!("-tag:v {tag}") } else { String::new() };
            let path = shop.ffmpeg(&format!(
                "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v {encoder} -pix_fmt yuv420p {tag} {name}"
            ));
            let film = present(source(&path).await).await.unwrap();
            let video = rendition(&film, "video");
            let track = &video.info().track;
            assert_eq!(track.sample_entry.kind, strict.as_bytes(), "{name}");
            assert!(track.codec_string.starts_with(&format!("{strict}.")), "{}", track.codec_string);
            check_copied(&shop, &path, "v:0", video, 0.001).await;
            let decoded =
                shop.run("ffprobe", "-v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 made.mp4");
            assert_eq!(decoded.trim(), "100", "{name}");
        }
    }
}

/// Goal: VP9 without a word of its own in the header is named from its first frame, as ffmpeg names it in MP4; hidden frames stay in
/// the packets they came in.
#[tokio::test]
async fn case_30_vp9_is_named_from_its_first_frame() {
    let shop = Workshop::new();
    for (pixels, string) in [("yuv420p", "vp09.00."), ("yuv444p", "vp09.01."), ("yuv420p10le", "vp09.02.")] {
        // Only the second of two passes hides frames.
        let encode = format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -c:v libvpx-vp9 -deadline good -cpu-used 5 -auto-alt-ref 1 -lag-in-frames 16 \
             -g 50 -b:v 200k -pix_fmt {pixels}"
        );
        shop.run("ffmpeg", &format!("-v error -nostdin {encode} -pass 1 -f null -"));
        let path = shop.ffmpeg(&format!("{encode} -pass 2 film.webm"));
        let mp4 = shop.ffmpeg("-i film.webm -c copy film.mp4");
        assert!(!shop.run("mkvinfo", "film.webm").contains("Codec's private data"));
        let film = present(source(&path).await).await.unwrap();
        let track = &rendition(&film, "video").info().track;
        assert!(track.codec_string.starts_with(string), "{}", track.codec_string);
        let theirs = find_box(&std::fs::read(mp4).unwrap(), b"vpcC");
        let ours = init_box(&film, "video", b"vpcC").await;
        // All but how exactly chroma lies, which the bitstream does not say: version, profile, depth and colours.
        assert_eq!((&ours[..13], ours[14] >> 4, &ours[15..]), (&theirs[..13], theirs[14] >> 4, &theirs[15..]));
        check_copied(&shop, &path, "v:0", rendition(&film, "video"), 0.001).await;
        // One line for each frame, hidden ones too.
        let split = |name: &str| {
            shop.run("ffmpeg", &format!("-v error -i {name} -c copy -bsf:v vp9_superframe_split -f framecrc -"))
        };
        let frame_count = |name: &str| split(name).lines().filter(|line| !line.starts_with('#')).count();
        assert!(frame_count("film.webm") > packets(&path, "v:0").len(), "the film has hidden frames");
        assert_eq!(frame_count("film.webm"), frame_count("made.mp4"));
    }
}

/// Goal: AV1 of old writers, with a temporal delimiter in each sample and its sequence header only there, leaves as MP4 wants it.
/// Method: the samples of an IVF file, which has both, against ffmpeg's MP4 of them.
#[tokio::test]
async fn case_31_av1_loses_delimiters_and_gets_a_record() {
    let shop = Workshop::new();
    let ivf = shop.ffmpeg(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -c:v libaom-av1 -usage realtime -cpu-used 8 -g 25 -pix_fmt yuv420p film.ivf",
    );
    let mp4 = shop.ffmpeg("-i film.ivf -c copy film.mp4");
    let file = std::fs::read(ivf).unwrap();
    let (mut frames, mut rest) = (Vec::new(), &file[32..]);
    while !rest.is_empty() {
        let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        frames.push(rest[12..12 + size].to_vec());
        rest = &rest[12 + size..];
    }
    assert!(frames.iter().all(|frame| frame.starts_with(&[0x12, 0])), "each frame has a delimiter");
    let size = [element(&[0xB0], &320u16.to_be_bytes()), element(&[0xBA], &180u16.to_be_bytes())].concat();
    let entry = [element(&[0x83], &[1]), element(&[0x86], b"V_AV1"), element(&[0xE0], &size)].concat();
    let film = present(memory(matroska(&entry, &frames, 40.0))).await.unwrap();
    check_copied(&shop, &mp4, "v:0", rendition(&film, "video"), 0.001).await;
    assert_eq!(init_box(&film, "video", b"av1C").await, find_box(&std::fs::read(mp4).unwrap(), b"av1C"));
}

/// Goal: FLAC with metadata and more than two channels plays; sound that no player of HLS decodes is listed by name and format for a
/// converter, and does not keep the rest from playing.
#[tokio::test]
async fn case_32_flac_plays_and_the_rest_is_listed() {
    let shop = Workshop::new();
    shop.ffmpeg("-f lavfi -i testsrc2=s=64x64:r=1:d=1 -frames:v 1 cover.png");
    shop.ffmpeg("-f lavfi -i sine=r=48000:d=3 -i cover.png -map 0 -map 1 -af pan=5.1|c0=c0|c5=c0 -metadata title=Tone -disposition:v attached_pic tone.flac");
    shop.run("mkvmerge", "-o tone.mkv tone.flac");
    let flac = shop.path("tone.mkv");
    let private_size = shop.run("mkvinfo", "tone.mkv").lines().find_map(|line| {
        let (_, size) = line.split_once("Codec's private data: size ")?;
        size.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<usize>().ok()
    });
    assert!(private_size > Some(100), "STREAMINFO and more: {private_size:?}");
    let film = present(source(&flac).await).await.unwrap();
    let audio = rendition(&film, "audio");
    assert_eq!(audio.info().track.audio.as_ref().unwrap().channel_count, 6);
    assert_eq!(init_box(&film, "audio", b"dfLa").await.len(), 12 + 4 + 34, "STREAMINFO alone");
    check_copied(&shop, &flac, "a:0", audio, 0.001).await;
    let decoded =
        shop.run("ffprobe", "-v error -show_entries stream=codec_name,channels,sample_rate -of csv=p=0 made.mp4");
    assert_eq!(decoded.trim(), "flac,48000,6");

    let sounds = [("pcm_s24le", 2), ("dca", 6), ("truehd", 6), ("libvorbis", 2)];
    let names = ["A_PCM/INT/LIT", "A_DTS", "A_TRUEHD", "A_VORBIS"];
    let mut options = String::from(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -f lavfi -i aevalsrc=0.1|0|0|0|0|0.1:c=5.1:s=48000:d=3 -map 0 ",
    );
    for (at, (codec, channels)) in sounds.iter().enumerate() {
        options.push_str(&format!("-map 1 -c:a:{at} {codec} -ac:a:{at} {channels} "));
    }
    let path =
        shop.ffmpeg(&format!("{options} -strict -2 -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p film.mkv"));
    let film = present(source(&path).await).await.unwrap();
    assert_eq!(film.renditions().len(), 1, "pictures");
    check_copied(&shop, &path, "v:0", rendition(&film, "video"), 0.001).await;
    let tracks = index(&path).await.unwrap().tracks;
    for ((name, (_, channels)), track) in names.iter().zip(sounds).zip(&tracks[1..]) {
        let format = track.info.audio.as_ref().unwrap();
        assert_eq!((track.info.codec, track.info.codec_string.as_str()), (Codec::Other, *name));
        assert_eq!((format.sample_rate_hz, format.channel_count), (48_000, channels), "{name}");
    }
    let sound_only = shop.ffmpeg("-i film.mkv -map 0:a -c copy sound.mkv");
    let error = refusal(source(&sound_only).await).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for name in names {
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Goal: the range and colours of a film reach the player wherever they stand: in the bitstream alone, in the container alone, or in both.
#[tokio::test]
async fn case_33_colours_come_from_container_or_bitstream() {
    let shop = Workshop::new();
    let video = |transfer: &str, name: &str| {
        let colours = if transfer.is_empty() {
            String::new()
        } else {
            format!(":colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc")
        };
        shop.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le \
             -x265-params keyint=25:log-level=none{colours} -f hevc {name}"
        ));
    };
    video("", "none.hevc");
    video("smpte2084", "pq.hevc");
    video("arib-std-b67", "hlg.hevc");
    let said = |transfer: u32| {
        format!("--color-matrix-coefficients 0:9 --color-primaries 0:9 --color-transfer-characteristics 0:{transfer}")
    };
    let light = "--max-content-light 0:1000 --max-frame-light 0:400 --max-luminance 0:1000 --min-luminance 0:0.005 \
                 --chromaticity-coordinates 0:0.708,0.292,0.17,0.797,0.131,0.046 --white-colour-coordinates 0:0.3127,0.329";
    let cases = [
        ("none.hevc", String::new(), "SDR", None),
        ("pq.hevc", String::new(), "PQ", Some(HdrKind::Pq)),
        ("hlg.hevc", String::new(), "HLG", Some(HdrKind::Hlg)),
        ("none.hevc", said(16), "PQ", Some(HdrKind::Pq)),
        ("none.hevc", said(18), "HLG", Some(HdrKind::Hlg)),
        ("pq.hevc", format!("{} {light}", said(16)), "PQ", Some(HdrKind::Pq)),
    ];
    for (stream, options, range, kind) in cases {
        shop.run("mkvmerge", &format!("-o film.mkv {options} {stream}"));
        let film = present(source(&shop.path("film.mkv")).await).await.unwrap();
        let format = rendition(&film, "video").info().track.video.clone().unwrap();
        assert_eq!(format.hdr(), kind, "{stream} {options}");
        let main = playlist::multivariant(film.as_ref());
        assert!(main.contains(&format!("VIDEO-RANGE={range},")), "{stream} {options}: {main}");
        if let Some(kind) = kind {
            let transfer = if kind == HdrKind::Pq { 16 } else { 18 };
            let colr = [&b"nclx\0\x09\0"[..], &[transfer], &b"\0\x09\0"[..]].concat();
            assert_eq!(init_box(&film, "video", b"colr").await, boxed(b"colr", &colr), "{stream} {options}");
        }
        if options.contains("light") {
            assert_eq!(init_box(&film, "video", b"clli").await, boxed(b"clli", &[3, 232, 1, 144]));
            // Green, blue, red, white in 50,000ths, then luminance in 10,000ths of a candela (ISO/IEC 14496-12 section 12.1.7).
            let points: [u16; 8] = [8500, 39_850, 6550, 2300, 35_400, 14_600, 15_635, 16_450];
            let mut mastering: Vec<u8> = points.iter().flat_map(|value| value.to_be_bytes()).collect();
            mastering.extend([10_000_000u32, 50].iter().flat_map(|value| value.to_be_bytes()));
            assert_eq!(init_box(&film, "video", b"mdcv").await, boxed(b"mdcv", &mastering));
        }
    }
}
