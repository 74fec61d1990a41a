use bytes::Bytes;

use super::fragment::{NON_SYNC_FLAGS, SYNC_FLAGS, TRUN_DATA_OFFSET, TRUN_FLAGS};
use super::*;
use crate::ErrorKind;
use crate::container::{Packet, Payload};
use crate::model::{AudioFormat, ByteRange, Codec, Language, SampleEntry, TrackInfo, TrackKind, VideoFormat};

fn track(kind: TrackKind) -> TrackInfo {
    let is_video = kind == TrackKind::Video;
    TrackInfo {
        number: 1,
        kind,
        codec: if is_video { Codec::H264 } else { Codec::Aac },
        codec_string: String::new(),
        sample_entry: SampleEntry {
            kind: if is_video { *b"avc1" } else { *b"mp4a" },
            boxes: vec![Bytes::from_static(b"\0\0\0\x09avcC\x01")],
        },
        timescale: 24_000,
        language: Language::parse("pt-BR"),
        name: None,
        is_default: true,
        is_forced: false,
        is_hearing_impaired: false,
        is_commentary: false,
        video: is_video.then(|| VideoFormat {
            width: 720,
            height: 576,
            pixel_aspect: Some((16, 15)),
            rotation_degrees: 90,
            ..VideoFormat::default()
        }),
        audio: (!is_video).then(|| AudioFormat { sample_rate_hz: 48_000, channel_count: 6, ..AudioFormat::default() }),
    }
}

fn packet(pts_ticks: i64, dts_ticks: i64, size: u64, is_sync: bool) -> Packet {
    let payload = Payload::InFile(ByteRange::with_len(1000, size));
    Packet { pts_ticks, dts_ticks, duration_ticks: 1001, is_sync, payload }
}

/// The children of a run of boxes: kind and content.
fn boxes(mut bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        out.push((bytes[4..8].try_into().unwrap(), &bytes[8..size]));
        bytes = &bytes[size..];
    }
    out
}

fn descend<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
    path.iter().fold(bytes, |inside, kind| boxes(inside).into_iter().find(|found| found.0 == **kind).unwrap().1)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Goal: the picture is declared as it is shown: square pixels, turned by the matrix.
#[test]
fn init_declares_shape_and_rotation() {
    let init = init_segment(&track(TrackKind::Video), 48_000).unwrap();
    let tkhd = descend(&init, &[b"moov", b"trak", b"tkhd"]);
    let matrix: Vec<i32> = (0..9).map(|n| word(tkhd, 40 + n * 4) as i32 >> 16).collect();
    assert_eq!(matrix, [0, 1, 0, -1, 0, 0, 576, 0, 0x4000]);
    assert_eq!((word(tkhd, 76) >> 16, word(tkhd, 80) >> 16), (768, 576));
    assert_eq!(display_size(track(TrackKind::Video).video.as_ref().unwrap()), (576, 768));
    let stsd = descend(&init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]);
    let entry = boxes(&stsd[8..])[0];
    assert_eq!(entry.0, *b"avc1");
    assert_eq!(boxes(&entry.1[78..]), [(*b"avcC", &[1u8][..])]);
    assert_eq!(descend(&init, &[b"moov", b"mvex", b"mehd"])[4..], 2000u64.to_be_bytes());
}

/// Goal: audio declares its channels and rate, and its language by its full tag.
#[test]
fn init_declares_audio() {
    let init = init_segment(&track(TrackKind::Audio), 0).unwrap();
    let stsd = descend(&init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]);
    let entry = boxes(&stsd[8..])[0].1;
    assert_eq!(entry[16..18], 6u16.to_be_bytes());
    assert_eq!(word(entry, 24), 48_000 << 16);
    assert_eq!(descend(&init, &[b"moov", b"trak", b"mdia", b"elng"])[4..], *b"pt-BR\0");
}

/// Goal: a track that cannot be written is refused, not written wrong.
#[test]
fn init_refuses_a_track_without_entry() {
    let mut text = track(TrackKind::Audio);
    text.sample_entry = SampleEntry::default();
    assert_eq!(init_segment(&text, 0).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// Goal: times, sizes and flags of a usual video segment, with everything common written once.
#[test]
fn fragment_describes_its_samples() {
    let packets = [packet(2002, 1001, 500, true), packet(1001, 2002, 70, false), packet(5005, 3003, 80, false)];
    let header = fragment_header(&track(TrackKind::Video), 4, &packets, 1001, 0).unwrap();
    assert_eq!(header.payload_size, 650);
    let moof = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof"]);
    assert_eq!(word(descend(moof, &[b"mfhd"]), 4), 5);
    assert_eq!(descend(moof, &[b"traf", b"tfdt"])[4..], 0u64.to_be_bytes());
    let tfhd = descend(moof, &[b"traf", b"tfhd"]);
    assert_eq!([word(tfhd, 0), word(tfhd, 8), word(tfhd, 12)], [0x02_0028, 1001, NON_SYNC_FLAGS]);
    let trun = descend(moof, &[b"traf", b"trun"]);
    assert_eq!(word(trun, 0), 0x0100_0a05);
    assert_eq!(word(trun, 4), 3);
    assert_eq!(word(trun, 8) as usize, moof.len() + 8 + 8);
    assert_eq!(word(trun, 12), SYNC_FLAGS);
    let samples: Vec<(u32, i32)> = (0..3).map(|n| (word(trun, 16 + n * 8), word(trun, 20 + n * 8) as i32)).collect();
    assert_eq!(samples, [(500, 1001), (70, -1001), (80, 2002)]);
    assert_eq!(header.bytes[header.bytes.len() - 8..], *b"\0\0\x02\x92mdat");
}

/// Goal: equal samples cost nothing each; mixed flags are written for each.
#[test]
fn common_values_are_hoisted() {
    let equal: Vec<Packet> = (0..100).map(|n| packet(n * 1001, n * 1001, 64, true)).collect();
    let header = fragment_header(&track(TrackKind::Video), 0, &equal, 0, 0).unwrap();
    assert!(header.bytes.len() < 150, "{}", header.bytes.len());
    let mixed = [packet(0, 0, 1, true), packet(1001, 1001, 1, false), packet(2002, 2002, 1, true)];
    let header = fragment_header(&track(TrackKind::Video), 0, &mixed, 0, 0).unwrap();
    let trun = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof", b"traf", b"trun"]);
    assert_eq!(word(trun, 0) & 0xffff, TRUN_DATA_OFFSET | TRUN_FLAGS);
    assert_eq!([word(trun, 12), word(trun, 16), word(trun, 20)], [SYNC_FLAGS, NON_SYNC_FLAGS, SYNC_FLAGS]);
}

/// Goal: payload over 4 GiB has its size in 64 bits and is pointed at behind it.
#[test]
fn large_payload_has_a_long_size() {
    let packets = [packet(0, 0, 3 << 30, true), packet(1001, 1001, 3 << 30, false)];
    let header = fragment_header(&track(TrackKind::Video), 0, &packets, 0, 0).unwrap();
    let tail = header.bytes.len() - 16;
    assert_eq!(header.bytes[tail..tail + 8], *b"\0\0\0\x01mdat");
    assert_eq!(header.bytes[tail + 8..], ((6u64 << 30) + 16).to_be_bytes());
    let moof = descend(&header.bytes[..tail], &[b"moof"]);
    assert_eq!(word(descend(moof, &[b"traf", b"trun"]), 8) as usize, moof.len() + 8 + 16);
}

/// Goal: a segment without packets still says where it lies.
#[test]
fn empty_segment_keeps_its_time() {
    let header = fragment_header(&track(TrackKind::Video), 0, &[], 100, 700).unwrap();
    let moof = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof"]);
    assert_eq!(descend(moof, &[b"traf", b"tfdt"])[4..], 600u64.to_be_bytes());
}

/// Goal: the size that bandwidths count on is never below the size written.
#[test]
fn header_bound_holds() {
    for kind in [TrackKind::Video, TrackKind::Audio] {
        let is_video = kind == TrackKind::Video;
        let mut packets: Vec<Packet> = (0..144)
            .map(|n| {
                let offset = if is_video { n % 3 } else { 0 };
                packet(n * 1001 + offset, n * 1001, 100 + n as u64, !is_video || n % 48 == 0)
            })
            .collect();
        packets[7].duration_ticks = 1002;
        packets[0].payload = Payload::InFile(ByteRange::with_len(0, 4_000_000_000));
        packets[1].payload = packets[0].payload.clone();
        let header = fragment_header(&track(kind), 0, &packets, 0, 0).unwrap();
        let bound = header_size_bound(kind, 144);
        assert!((header.bytes.len() as u64..=header.bytes.len() as u64 + 24).contains(&bound), "{bound}");
    }
}

/// Goal: sound whose packets overlap says how far back decoding begins, once in the init segment and for all samples of each fragment; other
/// tracks say nothing.
#[test]
fn overlapping_sound_has_a_pre_roll() {
    let stbl = |track: &TrackInfo| {
        let init = init_segment(track, 0).unwrap();
        descend(&init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl"]).to_vec()
    };
    let groups = |bytes: &[u8], kind: &[u8; 4]| boxes(bytes).into_iter().filter(|found| found.0 == *kind).count();
    for (codec, packet_samples, expected) in [
        (Codec::Aac, Some(1024), -1i16),
        (Codec::Opus, Some(960), -4),
        (Codec::Opus, Some(2880), -2),
        (Codec::Opus, None, -4),
    ] {
        let mut sound = track(TrackKind::Audio);
        sound.codec = codec;
        sound.audio.as_mut().unwrap().packet_samples = packet_samples;
        let stbl = stbl(&sound);
        let group = descend(&stbl, &[b"sgpd"]);
        assert_eq!((&group[4..8], word(group, 8), word(group, 12)), (&b"roll"[..], 2, 1));
        assert_eq!(group[16..], expected.to_be_bytes());
        let packets: Vec<Packet> = (0..7).map(|n| packet(n * 1001, n * 1001, 64, true)).collect();
        let header = fragment_header(&sound, 0, &packets, 0, 0).unwrap();
        let traf = descend(&header.bytes[..header.bytes.len() - 8], &[b"moof", b"traf"]);
        let group = descend(traf, &[b"sbgp"]);
        assert_eq!((&group[4..8], word(group, 8), word(group, 12), word(group, 16)), (&b"roll"[..], 1, 7, 1));
        assert_eq!(group.len() as u64 + 8, roll::GROUP_SIZE);
        let silent = fragment_header(&sound, 0, &[], 0, 0).unwrap();
        assert_eq!(groups(descend(&silent.bytes[..silent.bytes.len() - 8], &[b"moof", b"traf"]), b"sbgp"), 0);
    }
    let mut other = track(TrackKind::Audio);
    other.codec = Codec::Ac3;
    for track in [other, track(TrackKind::Video)] {
        assert_eq!(groups(&stbl(&track), b"sgpd"), 0);
    }
}
