//! Playlists of presentations that no file would give, read back by a checker that knows RFC 8216 and nothing of how they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use prostream_core::container::{Boundary, SyncPoint};
use prostream_core::hls::{Cuts, KeyframeInfo, Presentation, Rendition, RenditionInfo, Segment, playlist};
use prostream_core::model::{
    AudioFormat, Codec, ColorInfo, Language, SampleEntry, TextFormat, TrackInfo, TrackKind, VideoFormat,
};
use prostream_core::{Error, ErrorKind, Result};

use super::Data;

/// Most renditions and segments that the bytes of one run can ask for.
const MAX_RENDITIONS: usize = 12;
const MAX_SEGMENTS: usize = 40;

const CODECS: [(Codec, TrackKind, &str); 14] = [
    (Codec::H264, TrackKind::Video, "avc1.640028"),
    (Codec::Hevc, TrackKind::Video, "hvc1.2.4.L153.B0"),
    (Codec::Av1, TrackKind::Video, "av01.0.04M.08"),
    (Codec::Vp9, TrackKind::Video, "vp09.00.31.08"),
    (Codec::Aac, TrackKind::Audio, "mp4a.40.2"),
    (Codec::Ac3, TrackKind::Audio, "ac-3"),
    (Codec::Eac3, TrackKind::Audio, "ec-3"),
    (Codec::Opus, TrackKind::Audio, "Opus"),
    (Codec::Flac, TrackKind::Audio, "fLaC"),
    (Codec::Mp3, TrackKind::Audio, "mp4a.40.34"),
    (Codec::Text(TextFormat::Srt), TrackKind::Subtitle, "S_TEXT/UTF8"),
    (Codec::Text(TextFormat::WebVtt), TrackKind::Subtitle, "S_TEXT/WEBVTT"),
    (Codec::Text(TextFormat::Tx3g), TrackKind::Subtitle, "tx3g"),
    (Codec::Text(TextFormat::Ass), TrackKind::Subtitle, "S_TEXT/ASS"),
];

/// A presentation of plain data: playlists look at nothing else.
#[derive(Debug)]
struct Made {
    cuts: Cuts,
    renditions: Vec<Arc<dyn Rendition>>,
    is_independent: bool,
}

#[derive(Debug)]
struct MadeRendition(RenditionInfo);

#[async_trait]
impl Rendition for MadeRendition {
    fn info(&self) -> &RenditionInfo {
        &self.0
    }

    async fn init(&self) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    async fn segment(&self, _index: u32) -> Result<Segment> {
        Err(Error::new(ErrorKind::NotFound, "read segment"))
    }
}

impl Presentation for Made {
    fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    fn renditions(&self) -> &[Arc<dyn Rendition>] {
        &self.renditions
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        self.renditions.iter().map(|rendition| rendition.info().track.clone()).collect()
    }

    fn variant_id(&self) -> &str {
        "p1c1"
    }

    fn has_independent_segments(&self) -> bool {
        self.is_independent
    }
}

pub(super) fn run(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let is_independent = data.flag();
    let (origin_ns, start_ns) = (0, data.u64() as i64);
    // Any number, and what is none.
    let start_s = f64::from_bits(data.u64());
    let boundaries = (0..data.byte() % 4).map(|_| Boundary {
        track_index: 0,
        point: SyncPoint {
            pts_ticks: data.u64() as i64,
            sample_index: data.u32(),
            offset_bytes: data.u64(),
            block_offset_bytes: 0,
        },
    });
    let cuts = Cuts {
        track_index: 0,
        boundaries: boundaries.collect(),
        origin_ns,
        start_ns,
        end_ticks: i64::MAX,
        changes: Vec::new(),
    };
    let mut renditions: Vec<Arc<dyn Rendition>> = Vec::new();
    while !data.is_empty() && renditions.len() < MAX_RENDITIONS {
        let number = renditions.len() as u32 + 1;
        renditions.push(Arc::new(MadeRendition(rendition(&mut data, number))));
    }
    check(&Made { cuts, renditions, is_independent }, start_s);
}

fn rendition(data: &mut Data<'_>, number: u32) -> RenditionInfo {
    let (codec, kind, codec_string) = data.pick(&CODECS);
    let flags = data.byte();
    let video = (kind == TrackKind::Video).then(|| VideoFormat {
        width: data.u32(),
        height: data.u32(),
        pixel_aspect: data.flag().then(|| (data.u32(), data.u32())),
        frame_rate: data.flag().then(|| (data.u32(), data.u32())),
        color: data.flag().then(|| ColorInfo {
            primaries: 9,
            transfer: data.pick(&[1, 16, 18]),
            matrix: 9,
            full_range: false,
        }),
        ..VideoFormat::default()
    });
    let audio = (kind == TrackKind::Audio).then(|| AudioFormat {
        sample_rate_hz: data.u32(),
        channel_count: data.u16(),
        joint_object_coding: flags & 32 != 0,
        ..AudioFormat::default()
    });
    let prefix = match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
        TrackKind::Subtitle => "text",
    };
    let record = data.flag().then(|| {
        let body = data.bytes(40);
        Bytes::from([&(body.len() as u32 + 8).to_be_bytes()[..], b"dvvC", body].concat())
    });
    RenditionInfo {
        name: format!("{prefix}-{number}"),
        track: TrackInfo {
            number,
            kind,
            codec,
            codec_string: codec_string.to_owned(),
            sample_entry: SampleEntry { kind: *b"test", boxes: record.into_iter().collect() },
            timescale: data.u32().max(1),
            language: Language::parse(&data.text(20)),
            name: (flags & 16 != 0).then(|| data.text(200)),
            is_default: flags & 1 != 0,
            is_forced: flags & 2 != 0,
            is_hearing_impaired: flags & 4 != 0,
            is_commentary: flags & 8 != 0,
            video,
            audio,
        },
        segment_durations_s: durations(data),
        start_s: f64::from(data.u32()) / 1000.0,
        peak_bits_per_s: data.u64(),
        average_bits_per_s: data.u64(),
        later_codec_strings: Vec::new(),
        keyframes: (kind == TrackKind::Video && data.flag()).then(|| KeyframeInfo {
            durations_s: durations(data),
            changes: Vec::new(),
            peak_bits_per_s: data.u64(),
            average_bits_per_s: data.u64(),
        }),
    }
}

fn durations(data: &mut Data<'_>) -> Vec<f64> {
    (0..usize::from(data.byte()) % MAX_SEGMENTS)
        .map(|_| f64::from(data.u32()) / f64::from(data.pick(&[1u32, 1000, 90_000, 1 << 20])))
        .collect()
}

/// Everything that is written of a presentation, also for a viewer who goes on at `start_s`.
pub(super) fn check(presentation: &dyn Presentation, start_s: f64) {
    let has_any = !presentation.renditions().is_empty();
    check_multivariant(&playlist::multivariant(presentation), has_any);
    check_multivariant(&playlist::multivariant_from(presentation, start_s), has_any);
    for rendition in presentation.renditions() {
        let info = rendition.info();
        check_media(&playlist::media(presentation, info), info.listed_durations_s().len());
        if let (Some(text), Some(keyframes)) = (playlist::keyframes(info), &info.keyframes) {
            check_media(&text, keyframes.durations_s.len());
        }
    }
}

fn lines(text: &str) -> Vec<&str> {
    let body = text.strip_suffix('\n').expect("ends with a line end");
    let lines: Vec<&str> = body.split('\n').collect();
    assert_eq!(lines[0], "#EXTM3U");
    assert!(lines.iter().all(|line| !line.is_empty() && !line.chars().any(char::is_control)), "{text:?}");
    lines
}

/// An attribute list (RFC 8216 section 4.2); no name comes twice.
fn attributes(list: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').unwrap_or_else(|| panic!("no value: {list:?}"));
        assert!(
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
        );
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or_else(|| panic!("an open quote: {list:?}")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        assert!(after.starts_with('"') || !value.contains([' ', '"']) && !value.is_empty(), "{list:?}");
        assert!(found.insert(name, value).is_none(), "{name} comes twice: {list:?}");
        rest = match next.strip_prefix(',') {
            Some(rest) => rest,
            None => {
                assert!(next.is_empty(), "{next:?} behind a value");
                next
            }
        };
    }
    found
}

fn check_multivariant(text: &str, has_any: bool) {
    let lines = lines(text);
    let mut groups: BTreeMap<(&str, &str), Vec<BTreeMap<&str, &str>>> = BTreeMap::new();
    for list in lines.iter().filter_map(|line| line.strip_prefix("#EXT-X-MEDIA:")) {
        let found = attributes(list);
        groups.entry((found["TYPE"], found["GROUP-ID"])).or_default().push(found);
    }
    for (group, members) in &groups {
        let names: BTreeSet<&str> = members.iter().map(|member| member["NAME"]).collect();
        assert_eq!(names.len(), members.len(), "names of {group:?} are not unique: {text}");
        assert!(members.iter().filter(|member| member.get("DEFAULT") == Some(&"YES")).count() <= 1, "{text}");
        for member in members {
            // RFC 8216 section 4.3.4.1.
            assert!(member.get("DEFAULT") != Some(&"YES") || member.get("AUTOSELECT") == Some(&"YES"), "{text}");
            assert!(!member.contains_key("FORCED") || member["TYPE"] == "SUBTITLES", "{text}");
        }
    }
    let mut variant_count = 0;
    for (at, line) in lines.iter().enumerate() {
        if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            let found = attributes(list);
            let number = |name: &str| found[name].parse::<u64>().unwrap_or_else(|_| panic!("{name}: {text}"));
            assert!(number("BANDWIDTH") > 0 && number("AVERAGE-BANDWIDTH") <= number("BANDWIDTH"), "{text}");
            assert!(found["CODECS"].split(',').all(|codec| !codec.is_empty()), "{text}");
            for (name, kind) in [("AUDIO", "AUDIO"), ("SUBTITLES", "SUBTITLES")] {
                assert!(found.get(name).is_none_or(|id| groups.contains_key(&(kind, id))), "{text}");
            }
            if let Some(rate) = found.get("FRAME-RATE") {
                assert!(rate.parse::<f64>().is_ok_and(|rate| rate.is_finite() && rate >= 0.0), "{text}");
            }
            assert!(lines.get(at + 1).is_some_and(|next| !next.starts_with('#')), "no address: {text}");
            variant_count += 1;
        } else if let Some(list) = line.strip_prefix("#EXT-X-START:") {
            let offset: f64 = attributes(list)["TIME-OFFSET"].parse().expect("a number");
            assert!(offset.is_finite() && offset.is_sign_positive(), "{text}");
        } else if !line.starts_with('#') {
            assert!(lines[at - 1].starts_with("#EXT-X-STREAM-INF:"), "an address of nothing: {text}");
        }
    }
    let is_playable = lines.iter().any(|line| line.contains("TYPE=AUDIO") || line.starts_with("#EXT-X-STREAM-INF"));
    assert!(!has_any || !is_playable || variant_count > 0, "nothing to choose: {text}");
}

fn check_media(text: &str, segment_count: usize) {
    let lines = lines(text);
    let target = lines.iter().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:")).expect("a target");
    let target: u64 = target.parse().expect("a whole number");
    let mut count = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix("#EXTINF:") else { continue };
        let (duration, _title) = rest.split_once(',').expect("a comma");
        let duration: f64 = duration.parse().expect("a number");
        assert!(duration.is_finite() && duration >= 0.0 && duration.round() as u64 <= target, "{text}");
        let address = lines[at + 1..].iter().find(|line| !line.starts_with("#EXT-X-BYTERANGE"));
        assert!(address.is_some_and(|address| !address.starts_with('#')), "no address: {text}");
        count += 1;
    }
    assert_eq!(count, segment_count, "{text}");
    assert_eq!(lines.last(), Some(&"#EXT-X-ENDLIST"));
}
