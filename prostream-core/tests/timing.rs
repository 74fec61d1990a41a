//! Properties of plans and timelines, over films of every shape that tables can describe (PACKAGING 5.3).

use std::sync::Arc;

use proptest::prelude::*;
use prostream_core::hls::{HlsProvider, NativePackager, Presentation, Rendition};
use prostream_core::model::{DeviceProfile, TrackKind};
use prostream_core::source::{ByteSource, MemorySource};

/// A sequence parameter set and a picture parameter set of x264, 320x180.
const AVC_RECORD: &[u8] = &[
    1, 0x64, 0, 0x0c, 0xff, 0xe1, 0, 26, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00,
    0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x28, 0xf1, 0x42, 0x99, 0x60, 1, 0, 4, 0x68, 0xeb, 0xe3, 0xcb,
];

/// Descriptor of AAC-LC, 48 kHz, stereo.
const ESDS: &[u8] = &[0, 0, 0, 0, 3, 22, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x90];

fn written(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

/// A box of numbers behind its version and flags.
fn numbers(kind: &[u8; 4], version: u8, values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let head = u32::from(version) << 24;
    let content: Vec<u8> = std::iter::once(head).chain(values).flat_map(u32::to_be_bytes).collect();
    written(kind, &content)
}

/// One sample of a track that is made up.
#[derive(Clone, Debug)]
struct Made {
    duration: u32,
    composition: i32,
    size: u32,
    is_sync: bool,
}

/// A track that is made up.
#[derive(Clone, Debug)]
struct MadeTrack {
    is_video: bool,
    timescale: u32,
    /// Media time at which its presentation begins, and how long nothing is shown before, in thousandths.
    media_time: u32,
    delay_ms: u32,
    samples: Vec<Made>,
}

impl MadeTrack {
    fn trak(&self, id: u32, first_byte: u64) -> Vec<u8> {
        let handler: &[u8; 4] = if self.is_video { b"vide" } else { b"soun" };
        let entry = if self.is_video {
            let mut head = vec![0, 0, 0, 0, 0, 0, 0, 1];
            head.resize(24, 0);
            head.extend_from_slice(&[1, 64, 0, 180]);
            head.resize(78, 0);
            written(b"avc1", &[head, written(b"avcC", AVC_RECORD)].concat())
        } else {
            let head = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0];
            written(b"mp4a", &[&head[..], &written(b"esds", ESDS)].concat())
        };
        let count = self.samples.len() as u32;
        let each = |value: fn(&Made) -> u32| self.samples.iter().flat_map(move |sample| [1, value(sample)]);
        let sizes = self.samples.iter().map(|sample| sample.size);
        let place = |at: &mut u32, size: u32| {
            *at += size;
            Some(*at - size)
        };
        let places: Vec<u32> = sizes.clone().scan(first_byte as u32, place).collect();
        let syncs: Vec<u32> = (1..).zip(&self.samples).filter(|(_, sample)| sample.is_sync).map(|(at, _)| at).collect();
        let mut stbl = [
            numbers(b"stsd", 0, [1]),
            numbers(b"stts", 0, std::iter::once(count).chain(each(|sample| sample.duration))),
            numbers(b"ctts", 1, std::iter::once(count).chain(each(|sample| sample.composition as u32))),
            numbers(b"stsc", 0, [1, 1, 1, 1]),
            numbers(b"stsz", 0, [0, count].into_iter().chain(sizes)),
            numbers(b"stco", 0, std::iter::once(count).chain(places)),
        ];
        let size = stbl[0].len() + entry.len();
        stbl[0].extend_from_slice(&entry);
        stbl[0][..4].copy_from_slice(&(size as u32).to_be_bytes());
        let mut stbl = stbl.concat();
        if self.is_video {
            stbl.extend(numbers(b"stss", 0, std::iter::once(syncs.len() as u32).chain(syncs)));
        }
        let mdhd = numbers(b"mdhd", 0, [0, 0, self.timescale, 0, 0x55c4_0000]);
        let hdlr = [&[0; 8][..], handler, &[0; 13]].concat();
        let minf = written(b"minf", &written(b"stbl", &stbl));
        let mdia = written(b"mdia", &[mdhd, written(b"hdlr", &hdlr), minf].concat());
        let tkhd = numbers(
            b"tkhd",
            0,
            [0, 0, id, 0, 0, 0, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000, 320 << 16, 180 << 16],
        );
        let total: u64 = self.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let shown_ms = (total * 1000 / u64::from(self.timescale)) as u32;
        let mut edits = Vec::new();
        if self.delay_ms > 0 {
            edits.push([self.delay_ms, u32::MAX, 0x1_0000]);
        }
        edits.push([shown_ms, self.media_time, 0x1_0000]);
        let count = edits.len() as u32;
        let elst = numbers(b"elst", 0, std::iter::once(count).chain(edits.into_iter().flatten()));
        written(b"trak", &[tkhd, written(b"edts", &elst), mdia].concat())
    }
}

/// A film of these tracks, one after the other, and the payload of each.
fn film(tracks: &[MadeTrack]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut file = written(b"ftyp", b"isom\0\0\0\0");
    let mut payloads = Vec::new();
    let mut places = Vec::new();
    let mut at = file.len() as u64 + 8;
    let mut seed = 1u32;
    for track in tracks {
        let size: u32 = track.samples.iter().map(|sample| sample.size).sum();
        places.push(at);
        at += u64::from(size);
        let byte = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        payloads.push((0..size).map(byte).collect::<Vec<u8>>());
    }
    file.extend(written(b"mdat", &payloads.concat()));
    let mvhd = numbers(b"mvhd", 0, [0, 0, 1000, 0].into_iter().chain([0; 21]));
    let traks = tracks.iter().zip(1..).zip(&places).map(|((track, id), place)| track.trak(id, *place));
    let traks: Vec<u8> = traks.collect::<Vec<_>>().concat();
    file.extend(written(b"moov", &[mvhd, traks].concat()));
    (file, payloads)
}

/// Video whose GOPs are `pictures` long; each picture but the first of a GOP may be shown after later ones.
fn video() -> impl Strategy<Value = MadeTrack> {
    let timescales =
        prop_oneof![Just((24_000, 1001)), Just((90_000, 3003)), Just((25, 1)), Just((1000, 41)), Just((12_288, 512))];
    let gops = prop::collection::vec((1usize..200, 0usize..4), 1..14);
    (timescales, gops, prop::collection::vec(0u32..3, 16), 1u32..40, prop::bool::ANY, 0u32..2).prop_map(
        |((timescale, step), gops, jitter, size, is_signed, delay)| {
            let mut samples = Vec::new();
            for (pictures, held) in gops {
                // When each is shown: a reference picture, and then those that are shown before it.
                let mut order = vec![0];
                while order.len() < pictures {
                    let next = order.len();
                    let before = held.min(pictures - next - 1);
                    order.push(next + before);
                    order.extend(next..next + before);
                }
                for (at, order) in order.into_iter().enumerate() {
                    // As muxers do it: without a sign every picture is held back, and the edit list takes that off again.
                    let held_back = if is_signed { 0 } else { 3 };
                    let composition = (order as i32 - at as i32 + held_back) * step as i32;
                    samples.push(Made { duration: step, composition, size: size + at as u32 % 7, is_sync: at == 0 });
                }
            }
            // A rate that varies, where nothing is reordered.
            if samples.iter().all(|sample| sample.composition == samples[0].composition) {
                for (sample, more) in samples.iter_mut().zip(jitter.iter().cycle()) {
                    sample.duration += more * (step / 3);
                }
            }
            let media_time = if is_signed { 0 } else { 3 * step };
            MadeTrack { is_video: true, timescale, media_time, delay_ms: delay * 80, samples }
        },
    )
}

/// Sound of some length with a priming that its edit list takes off.
fn sound() -> impl Strategy<Value = MadeTrack> {
    let kinds = prop_oneof![Just((48_000, 1024)), Just((44_100, 1024)), Just((90_000, 1920))];
    (kinds, 1usize..1500, 0u32..3, 1u32..9, 0u32..3).prop_map(|((timescale, duration), count, priming, size, delay)| {
        let sample = |at| Made { duration, composition: 0, size: size + at as u32 % 3, is_sync: true };
        let samples = (0..count.max(priming as usize + 1)).map(sample).collect();
        MadeTrack { is_video: false, timescale, media_time: priming * duration, delay_ms: delay * 500, samples }
    })
}

/// A sample as a segment declares it.
#[derive(Debug, PartialEq)]
struct Sample {
    dts: i64,
    pts: i64,
    duration: i64,
    size: usize,
}

fn child<'a>(mut bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    while bytes.len() >= 8 {
        let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        if bytes[4..8] == *kind {
            return &bytes[8..size];
        }
        bytes = &bytes[size..];
    }
    panic!("no {kind:?}")
}

/// The samples of a segment, and its payload.
fn read(segment: &[u8]) -> (Vec<Sample>, &[u8]) {
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let traf = child(child(segment, b"moof"), b"traf");
    let (tfhd, tfdt, trun) = (child(traf, b"tfhd"), child(traf, b"tfdt"), child(traf, b"trun"));
    let mut dts = i64::from_be_bytes(tfdt[4..12].try_into().unwrap());
    let mut default_at = 8;
    let mut default = |flag: u32| {
        let is_there = word(tfhd, 0) & flag != 0;
        default_at += if is_there { 4 } else { 0 };
        is_there.then(|| word(tfhd, default_at - 4))
    };
    let (default_duration, default_size) = (default(8), default(16));
    let flags = word(trun, 0) & 0xff_ffff;
    let mut at = if flags & 4 == 0 { 12 } else { 16 };
    let mut samples = Vec::new();
    for _ in 0..word(trun, 4) {
        let mut field = |flag: u32| {
            let is_there = flags & flag != 0;
            at += if is_there { 4 } else { 0 };
            is_there.then(|| word(trun, at - 4))
        };
        let duration = i64::from(field(0x100).or(default_duration).unwrap());
        let size = field(0x200).or(default_size).unwrap() as usize;
        field(0x400);
        let offset = field(0x800).map_or(0, |offset| i64::from(offset as i32));
        samples.push(Sample { dts, pts: dts + offset, duration, size });
        dts += duration;
    }
    (samples, child(segment, b"mdat"))
}

/// All segments of a rendition, each read.
fn segments(runtime: &tokio::runtime::Runtime, rendition: &Arc<dyn Rendition>) -> Vec<(Vec<Sample>, Vec<u8>)> {
    let fetch = |index| async move { rendition.segment(index).await.unwrap().into_bytes().await.unwrap() };
    let count = rendition.info().listed_durations_s().len() as u32;
    let segment = |index| {
        let bytes = runtime.block_on(fetch(index));
        let (samples, payload) = read(&bytes);
        (samples, payload.to_vec())
    };
    (0..count).map(segment).collect()
}

fn open(runtime: &tokio::runtime::Runtime, file: &[u8], device: &DeviceProfile) -> Arc<dyn Presentation> {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(file.to_vec()));
    runtime.block_on(NativePackager::default().open(source, device)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Goal: whatever the tables say: every sample is in exactly one segment, in order; segments join to the tick; lengths that are listed add up to
    /// what is there, within a tick; all renditions are cut at the same places; nothing lies before 0. The fallback profile shows the same pictures
    /// at the same distance to the sound, and none before it is decoded.
    #[test]
    fn both_profiles_are_whole((video, sounds) in (prop::option::weighted(0.9, video()), prop::collection::vec(sound(), 1..3))) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tracks: Vec<MadeTrack> = video.into_iter().chain(sounds).collect();
        let (file, payloads) = film(&tracks);
        let exact = open(&runtime, &file, &DeviceProfile::any());
        let fallback = open(&runtime, &file, &DeviceProfile::named("mpv").unwrap());
        prop_assert_eq!(exact.renditions().len(), tracks.len());
        let mut delays_s: Vec<f64> = Vec::new();
        let mut starts_s: Vec<Vec<f64>> = Vec::new();
        for (at, rendition) in exact.renditions().iter().enumerate() {
            let (track, info) = (&tracks[at], rendition.info());
            let timescale = f64::from(info.track.timescale);
            let all = segments(&runtime, rendition);
            let payload: Vec<u8> = all.iter().flat_map(|(_, payload)| payload.clone()).collect();
            prop_assert!(payload == payloads[at], "payload of track {at}");
            let samples: Vec<&Sample> = all.iter().flat_map(|(samples, _)| samples).collect();
            prop_assert_eq!(samples.len(), track.samples.len());
            for (made, sample) in track.samples.iter().zip(&samples) {
                prop_assert_eq!((i64::from(made.duration), made.size as usize), (sample.duration, sample.size));
                prop_assert!(sample.pts >= 0 && sample.dts >= 0);
            }
            // To the tick, over segments without samples too.
            for pair in samples.windows(2) {
                prop_assert_eq!(pair[0].dts + pair[0].duration, pair[1].dts);
            }
            let first = if track.is_video { samples[0].pts } else { samples.iter().map(|sample| sample.pts).min().unwrap() };
            let end = samples.iter().map(|sample| sample.pts + sample.duration).max().unwrap();
            let listed: f64 = info.segment_durations_s.iter().sum();
            let measured = (end - first) as f64 / timescale;
            prop_assert!((listed - measured).abs() <= 1.0 / timescale + 1e-9, "track {at} lasts {measured}, listed {listed}");
            starts_s.push(all.iter().filter_map(|(samples, _)| Some(samples.first()?.pts as f64 / timescale)).collect());
            let other = segments(&runtime, &fallback.renditions()[at]);
            let others: Vec<&Sample> = other.iter().flat_map(|(samples, _)| samples).collect();
            prop_assert_eq!(others.len(), samples.len());
            for (one, two) in samples.iter().zip(&others) {
                delays_s.push((two.pts - one.pts) as f64 / timescale);
                prop_assert!(two.pts >= two.dts && two.dts >= 0);
            }
            for pair in others.windows(2) {
                prop_assert_eq!(pair[0].dts + pair[0].duration, pair[1].dts);
            }
            prop_assert!(all.iter().map(|(_, payload)| payload).eq(other.iter().map(|(_, payload)| payload)));
        }
        // Each delay is rounded to ticks of its track, the coarsest of which is a twenty-fifth of a second.
        let (least, most) = delays_s.iter().fold((f64::MAX, f64::MIN), |(a, b), &delay| (a.min(delay), b.max(delay)));
        prop_assert!(most - least < 0.0006, "{least} to {most}");
        // A segment of sound begins with the first packet at or after the cut.
        let is_video = exact.renditions()[0].info().track.kind == TrackKind::Video;
        for (at, starts) in starts_s.iter().enumerate().skip(1).filter(|_| is_video) {
            let packet_s = f64::from(tracks[at].samples[0].duration) / f64::from(tracks[at].timescale);
            // The origin is rounded to the ticks of each track.
            let half_ticks_s = 0.5 / f64::from(tracks[0].timescale) + 0.5 / f64::from(tracks[at].timescale) + 1e-6;
            let ends_s = starts.last().copied().unwrap_or(0.0);
            for (cut, start) in starts_s[0].iter().zip(starts).skip(1).filter(|(cut, _)| **cut < ends_s) {
                let first_of_all = starts[0];
                prop_assert!(*start >= cut - half_ticks_s, "sound {start} before the cut {cut}");
                prop_assert!(*start < cut.max(first_of_all) + packet_s + half_ticks_s, "sound {start} long after the cut {cut}");
            }
        }
    }
}
