//! Timelines by their properties: films of any frame lengths, GOPs, reordering, delays and time scales, packaged and read back.
//!
//! The films are MP4 files written here table by table, so that every time in them is known exactly; what the packager made is read by a
//! reader of fragments that knows ISO/IEC 14496-12 and nothing of ours.

#[path = "support/fragment.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fragment;

use std::sync::Arc;

use proptest::prelude::*;
use prostream_core::hls::{HlsProvider, NativePackager, Rendition, playlist};
use prostream_core::model::DeviceProfile;
use prostream_core::source::{ByteSource, MemorySource};

/// Ticks a second of the movie header and of edit lists.
const MOVIE_TIMESCALE: u32 = 1000;
/// Content of `stsd` entries of H.264 (64x64) and AAC-LC (48 kHz stereo), as ffmpeg writes them.
const AVC_RECORD: &str = "0164000affe100176764000aacd9496c0440000003004000000c83c489658001000468ef8fcbfdf8f800";
const AAC_ENTRY: &str = "00000000000000010000000000000000000200100000\
0000bb800000000000366573647300000000038080802500010004808080174015000000000075e4000075e40580808005119056e500068080800102";

/// A track as it is written into a file.
#[derive(Clone, Debug)]
struct Written {
    is_video: bool,
    timescale: u32,
    /// In decode order.
    samples: Vec<Sample>,
    /// What the edit list cuts off at the start, in ticks; `None` for no edit list.
    media_time: Option<i32>,
    /// How much later than the film it begins, in ticks of the movie.
    late: u32,
}

/// Times in ticks of the track, before edit lists.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    dts: i64,
    offset: i32,
    duration: u32,
    is_sync: bool,
    payload: Vec<u8>,
}

impl Written {
    /// By how much the edit list moves all times, in seconds.
    fn edit_s(&self) -> f64 {
        let late_s = if self.media_time.is_some() { f64::from(self.late) / f64::from(MOVIE_TIMESCALE) } else { 0.0 };
        late_s - f64::from(self.media_time.unwrap_or(0)) / f64::from(self.timescale)
    }
}

/// A video track: GOPs of these lengths, frames of these lengths in turn, pictures reordered in groups of three or not.
fn video(timescale: u32, gops: &[usize], lengths: &[u32], is_reordered: bool, has_edits: bool, late: u32) -> Written {
    let count: usize = gops.iter().sum();
    let length = |at: usize| lengths[at % lengths.len()];
    // When the picture shown as number `at` appears, and when the sample decoded as number `at` is decoded.
    let starts: Vec<i64> =
        (0..=count).scan(0i64, |time, at| Some(std::mem::replace(time, *time + i64::from(length(at))))).collect();
    let mut shown = Vec::with_capacity(count);
    let mut first = 0;
    for gop in gops {
        shown.push(first);
        let mut at = 1;
        while at < *gop {
            // P first, then the two B that are shown before it.
            let group = if is_reordered { 3.min(gop - at) } else { 1 };
            shown.push(first + at + group - 1);
            shown.extend((0..group - 1).map(|b| first + at + b));
            at += group;
        }
        first += gop;
    }
    let delay = (0..count).map(|at| starts[at] - starts[shown[at]]).max().unwrap_or(0);
    let firsts: Vec<usize> = gops.iter().scan(0, |sum, gop| Some(std::mem::replace(sum, *sum + gop))).collect();
    let samples = (0..count).map(|at| Sample {
        dts: starts[at],
        offset: i32::try_from(starts[shown[at]] - starts[at] + delay).unwrap(),
        duration: length(at),
        is_sync: firsts.contains(&at),
        // One NAL unit: an IDR slice or another, and a number.
        payload: [&[0, 0, 0, 5, if firsts.contains(&at) { 0x65 } else { 0x41 }], &(at as u32).to_be_bytes()[..]]
            .concat(),
    });
    let media_time = has_edits.then(|| i32::try_from(delay).unwrap());
    Written { is_video: true, timescale, samples: samples.collect(), media_time, late }
}

fn audio(count: usize, priming: Option<i32>, late: u32) -> Written {
    let samples = (0..count).map(|at| Sample {
        dts: at as i64 * 1024,
        offset: 0,
        duration: 1024,
        is_sync: true,
        payload: vec![0x21; 1 + at % 7].into_iter().chain((at as u32).to_be_bytes()).collect(),
    });
    Written { is_video: false, timescale: 48_000, samples: samples.collect(), media_time: priming, late }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, &body].concat()
}

fn words(values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    values.into_iter().flat_map(u32::to_be_bytes).collect()
}

/// A table: version and flags, the number of its rows, and the rows.
fn table(kind: &[u8; 4], version: u8, rows: &[Vec<u32>]) -> Vec<u8> {
    let head = words([u32::from(version) << 24, rows.len() as u32]);
    boxed(kind, &[&head, &words(rows.iter().flatten().copied())])
}

/// The file: payload first, samples of the tracks in turn, then the tables.
fn write(tracks: &[Written]) -> Vec<u8> {
    let mut file = boxed(b"ftyp", &[b"isom\0\0\0\0isom"]);
    let mut payload = Vec::new();
    let mut places: Vec<Vec<u32>> = vec![Vec::new(); tracks.len()];
    for at in 0..tracks.iter().map(|track| track.samples.len()).max().unwrap() {
        for (track, places) in tracks.iter().zip(&mut places) {
            if let Some(sample) = track.samples.get(at) {
                places.push((file.len() + 8 + payload.len()) as u32);
                payload.extend(&sample.payload);
            }
        }
    }
    file.extend(boxed(b"mdat", &[&payload]));
    let movie = boxed(b"mvhd", &[&words([0, 0, 0, MOVIE_TIMESCALE, 0, 0x1_0000]), &[0; 76]]);
    let traks: Vec<Vec<u8>> =
        tracks.iter().zip(&places).zip(1u32..).map(|((track, places), id)| write_track(track, places, id)).collect();
    file.extend(boxed(b"moov", &[&movie, &traks.concat()]));
    file
}

fn write_track(track: &Written, places: &[u32], id: u32) -> Vec<u8> {
    let length: u32 = track.samples.iter().map(|sample| sample.duration).sum();
    let header = boxed(b"tkhd", &[&words([3, 0, 0, id, 0, 0]), &[0; 52], &words([64 << 16, 64 << 16])]);
    let edits = track.media_time.map_or_else(Vec::new, |media_time| {
        let in_movie = (u64::from(length) * u64::from(MOVIE_TIMESCALE)).div_ceil(u64::from(track.timescale)) as u32;
        let late = (track.late > 0).then(|| vec![track.late, u32::MAX, 0x1_0000]);
        let rows: Vec<Vec<u32>> = late.into_iter().chain([vec![in_movie, media_time as u32, 0x1_0000]]).collect();
        boxed(b"edts", &[&table(b"elst", 0, &rows)])
    });
    let media = boxed(b"mdhd", &[&words([0, 0, 0, track.timescale, length, 0x55C4_0000])]);
    let kind: &[u8; 4] = if track.is_video { b"vide" } else { b"soun" };
    let handler = boxed(b"hdlr", &[&words([0, 0]), kind, &[0; 13]]);
    let entry = if track.is_video {
        let picture = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 16], &[0, 64, 0, 64], &[0; 50]].concat();
        boxed(b"avc1", &[&picture, &boxed(b"avcC", &[&hex(AVC_RECORD)])])
    } else {
        boxed(b"mp4a", &[&hex(AAC_ENTRY)])
    };
    let sync: Vec<Vec<u32>> = (1u32..).zip(&track.samples).filter(|(_, s)| s.is_sync).map(|(n, _)| vec![n]).collect();
    let samples = || track.samples.iter();
    let sizes = words([0, 0, track.samples.len() as u32].into_iter().chain(samples().map(|s| s.payload.len() as u32)));
    let tables = [
        boxed(b"stsd", &[&words([0, 1]), &entry]),
        table(b"stts", 0, &samples().map(|sample| vec![1, sample.duration]).collect::<Vec<_>>()),
        table(b"ctts", 1, &samples().map(|sample| vec![1, sample.offset as u32]).collect::<Vec<_>>()),
        table(b"stss", 0, &sync),
        table(b"stsc", 0, &[vec![1, 1, 1]]),
        boxed(b"stsz", &[&sizes]),
        table(b"stco", 0, &places.iter().map(|place| vec![*place]).collect::<Vec<_>>()),
    ];
    let tables = boxed(b"stbl", &[&tables.concat()]);
    boxed(b"trak", &[&header, &edits, &boxed(b"mdia", &[&media, &handler, &boxed(b"minf", &[&tables])])])
}

async fn segments(rendition: &Arc<dyn Rendition>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    // From the last to the first: none depends on those before it.
    for at in (0..rendition.info().listed_durations_s().len()).rev() {
        all.push(rendition.segment(at as u32).await.unwrap().into_bytes().await.unwrap().to_vec());
    }
    all.reverse();
    all
}

async fn check(tracks: &[Written]) -> Result<(), TestCaseError> {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(write(tracks)));
    let film = NativePackager::default().open(source, &DeviceProfile::any()).await.unwrap();
    prop_assert_eq!(film.renditions().len(), tracks.len());
    let mut shifts_s: Vec<(f64, f64)> = Vec::new();
    // What all lists count from, as each segment behind the first has it.
    let mut begins_s: Vec<(f64, f64)> = Vec::new();
    let mut earliest_s = f64::MAX;
    for (rendition, track) in film.renditions().iter().zip(tracks) {
        let info = rendition.info();
        let seconds = |ticks: i64| ticks as f64 / f64::from(track.timescale);
        prop_assert_eq!(info.track.timescale, track.timescale);
        let segments = segments(rendition).await;
        let fragments: Vec<(i64, Vec<fragment::Sample>)> = segments
            .iter()
            .map(|segment| (fragment::decode_start_ticks(segment), fragment::samples(segment)))
            .collect();
        let durations = info.listed_durations_s();
        let mut listed_s = 0.0;
        for (k, ((start, samples), told_s)) in fragments.iter().zip(info.told_durations_s()).enumerate() {
            if let Some((next, _)) = fragments.get(k + 1) {
                let length: i64 = samples.iter().map(|sample| sample.duration_ticks).sum();
                prop_assert_eq!(start + length, *next, "segment {} ends where the next begins", k);
            }
            prop_assert!(*start >= 0 && samples.iter().all(|sample| sample.pts_ticks >= 0), "a time below zero");
            prop_assert!(!track.is_video || samples.first().is_none_or(|sample| sample.is_sync), "no keyframe first");
            // Shaka Player places the decode time of a segment where the list has it, Chromium its first picture, hls.js goes by pictures.
            if let Some(first) = samples.first().filter(|_| k > 0) {
                begins_s.push((seconds(first.pts_ticks) - listed_s, seconds(1)));
                prop_assert_eq!(*start, first.pts_ticks, "segment {} is decoded when it is shown", k);
            }
            listed_s += told_s;
        }
        let payload = segments.iter().map(|segment| fragment::payload(segment).to_vec()).collect::<Vec<_>>().concat();
        let played: Vec<&fragment::Sample> = fragments.iter().flat_map(|(_, samples)| samples).collect();
        prop_assert_eq!(played.len(), track.samples.len(), "packets lost or shown twice");
        prop_assert!(payload == track.samples.iter().map(|one| &one.payload[..]).collect::<Vec<_>>().concat());
        let first = played.iter().map(|sample| sample.pts_ticks).min().unwrap();
        prop_assert_eq!(played[0].dts_ticks, first, "decoding begins with the first picture");
        let shown = |sample: &Sample| sample.dts + i64::from(sample.offset);
        let shift = played[0].pts_ticks - shown(&track.samples[0]);
        for (played, sample) in played.iter().zip(&track.samples) {
            prop_assert_eq!(played.size, sample.payload.len());
            prop_assert_eq!(played.is_sync, sample.is_sync);
            prop_assert_eq!(
                played.dts_ticks - sample.dts,
                first - track.samples[0].dts,
                "one shift for all decode times"
            );
            prop_assert_eq!(played.pts_ticks - shown(sample), shift, "and one for all presentation times");
        }
        // What the edit list says of this track is kept: the rest of the shift is the same for all tracks, to the rounding of each.
        shifts_s.push((seconds(shift) - track.edit_s(), 1.0 / f64::from(track.timescale)));
        let listed: f64 = durations.iter().sum();
        earliest_s = earliest_s.min(seconds(first));
        let last = played.iter().map(|sample| sample.pts_ticks + sample.duration_ticks).max().unwrap();
        let told = seconds(last - first);
        let tick = 1.0 / f64::from(track.timescale) + 1e-9;
        prop_assert!((listed - told).abs() <= tick, "segments of {} s, samples of {} s", listed, told);
        let text = playlist::media(film.as_ref(), info);
        let target: f64 = text.lines().find_map(|l| l.strip_prefix("#EXT-X-TARGETDURATION:")).unwrap().parse().unwrap();
        prop_assert!(durations.iter().all(|duration| *duration > 0.0 && duration.round() <= target));
    }
    for (shift_s, tick_s) in &shifts_s {
        let (first, first_tick) = shifts_s[0];
        // An edit list counts in milliseconds, and the origin of a film is rounded to ticks of each track.
        prop_assert!(
            (shift_s - first).abs() <= tick_s + first_tick + 1e-9,
            "tracks move against each other: {:?}",
            shifts_s
        );
    }
    for (begin_s, tick_s) in &begins_s {
        let (first, first_tick) = begins_s[0];
        prop_assert!(
            (begin_s - first).abs() <= tick_s + first_tick + 1e-9,
            "lists count from different places: {:?}",
            begins_s
        );
    }
    // The origin is the earliest time of all: something begins at zero.
    prop_assert!(earliest_s <= 1.0 / 600.0, "nothing before {} s", earliest_s);
    Ok(())
}

fn any_video() -> impl Strategy<Value = Written> {
    let timescale = prop::sample::select(vec![1000u32, 600, 12_800, 24_000, 30_000, 90_000]);
    let gops = prop::collection::vec(1usize..14, 1..12);
    // Frames of 8 to 500 ms, all alike or not.
    let lengths = prop::collection::vec(8u32..500, 1..5);
    (timescale, gops, lengths, any::<bool>(), any::<bool>(), prop_oneof![Just(0u32), 1u32..3000]).prop_map(
        |(timescale, gops, lengths, is_reordered, has_edits, late)| {
            let lengths: Vec<u32> = lengths.iter().map(|ms| (ms * timescale / 1000).max(1)).collect();
            video(timescale, &gops, &lengths, is_reordered, has_edits, if has_edits { late } else { 0 })
        },
    )
}

fn any_audio() -> impl Strategy<Value = Written> {
    let priming = prop_oneof![Just(None), Just(Some(0)), Just(Some(1024)), Just(Some(2112))];
    (1usize..900, priming, prop_oneof![Just(0u32), 1u32..2000]).prop_map(|(count, priming, late)| {
        let late = if priming.is_some() { late } else { 0 };
        audio(count.max(8), priming, late)
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Goal: a last segment that is one short picture is told as short as it is, though no frame rate is known.
#[test]
fn a_last_picture_is_as_short_as_it_is() {
    runtime().block_on(check(&[video(1000, &[2, 1], &[3000, 3000, 23], false, false, 0)])).unwrap();
}

/// Goal: of pictures that are decoded before they are shown, with sound that encoders put something in front of, each segment is listed
/// where it is decoded and shown: a seek into the end of the first leads to no hole in front of the second.
#[test]
fn pictures_decoded_ahead_are_listed_where_they_are_shown() {
    let pictures = video(12_288, &[48; 12], &[41], true, true, 0);
    runtime().block_on(check(&[pictures, audio(900, Some(1024), 0)])).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Goal: whatever the timing of a film, its segments hold each packet once, in order, as it was; they join to the tick; nothing is before
    /// zero; tracks keep their offsets to each other; playlists say how long it is.
    #[test]
    fn timelines_are_kept(picture in any_video(), sounds in prop::collection::vec(any_audio(), 0..3)) {
        let tracks: Vec<Written> = [picture].into_iter().chain(sounds).collect();
        runtime().block_on(check(&tracks))?;
    }

    /// Goal: so it is of sound alone.
    #[test]
    fn timelines_of_sound_are_kept(sound in any_audio()) {
        runtime().block_on(check(&[sound]))?;
    }
}
