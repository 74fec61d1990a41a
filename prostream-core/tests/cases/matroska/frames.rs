//! What the frames of Matroska are: laced, compressed, stripped, with NAL units of every form; and what their track entry says of them.

use super::*;

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
