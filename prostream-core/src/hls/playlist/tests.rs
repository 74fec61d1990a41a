use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use std::sync::Arc;

use super::*;
use crate::container::{Boundary, SyncPoint};
use crate::hls::rates::peak_bits_per_s;
use crate::hls::{Change, Cuts, KeyframeInfo, Presentation, Rendition, RenditionInfo, Segment};
use crate::model::{
    AudioFormat, Codec, ColorInfo, DolbyVision, Language, SampleEntry, TextFormat, TrackInfo, TrackKind, VideoFormat,
};
use crate::{Error, ErrorKind};

/// A presentation of plain data: playlists look at nothing else.
#[derive(Debug)]
struct Plain {
    cuts: Cuts,
    renditions: Vec<Arc<dyn Rendition>>,
}

#[derive(Debug)]
struct PlainRendition(RenditionInfo);

#[async_trait]
impl Rendition for PlainRendition {
    fn info(&self) -> &RenditionInfo {
        &self.0
    }
    async fn init(&self) -> crate::Result<Bytes> {
        Ok(Bytes::new())
    }
    async fn segment(&self, _index: u32) -> crate::Result<Segment> {
        Err(Error::new(ErrorKind::NotFound, "read segment"))
    }
}

impl Presentation for Plain {
    fn cuts(&self) -> &Cuts {
        &self.cuts
    }
    fn renditions(&self) -> &[Arc<dyn Rendition>] {
        &self.renditions
    }
    fn tracks(&self) -> Vec<TrackInfo> {
        Vec::new()
    }
    fn variant_id(&self) -> &str {
        "p3c1"
    }
    fn has_independent_segments(&self) -> bool {
        true
    }
}

fn plain(infos: Vec<RenditionInfo>) -> Plain {
    let cuts =
        Cuts { track_index: 0, boundaries: Vec::new(), origin_ns: 0, start_ns: 0, end_ticks: 0, changes: Vec::new() };
    let renditions = infos.into_iter().map(|info| Arc::new(PlainRendition(info)) as Arc<dyn Rendition>).collect();
    Plain { cuts, renditions }
}

fn rendition(name: &str, codec: Codec, codec_string: &str) -> RenditionInfo {
    let kind = match codec {
        Codec::H264 | Codec::Hevc | Codec::Av1 | Codec::Vp9 => TrackKind::Video,
        Codec::Text(_) => TrackKind::Subtitle,
        _ => TrackKind::Audio,
    };
    RenditionInfo {
        name: name.to_owned(),
        track: TrackInfo {
            number: 1,
            kind,
            codec,
            codec_string: codec_string.to_owned(),
            sample_entry: SampleEntry::default(),
            timescale: 1000,
            language: None,
            name: None,
            is_default: false,
            is_forced: false,
            is_hearing_impaired: false,
            is_commentary: false,
            video: (kind == TrackKind::Video).then(|| VideoFormat {
                width: 1920,
                height: 1080,
                frame_rate: Some((24_000, 1001)),
                ..VideoFormat::default()
            }),
            audio: (kind == TrackKind::Audio).then(|| AudioFormat {
                sample_rate_hz: 48_000,
                channel_count: 2,
                ..AudioFormat::default()
            }),
        },
        segment_durations_s: vec![2.0, 6.006, 1.5],
        start_s: 0.0,
        peak_bits_per_s: 1000,
        average_bits_per_s: 800,
        later_codec_strings: Vec::new(),
        keyframes: None,
    }
}

fn lines_with<'a>(playlist: &'a str, start: &str) -> Vec<&'a str> {
    playlist.lines().filter(|line| line.starts_with(start)).collect()
}

/// Goal: the whole of a usual film, word for word.
#[test]
fn multivariant_of_a_usual_film() {
    let mut english = rendition("audio-2", Codec::Aac, "mp4a.40.2");
    english.track.language = Language::parse("en");
    let mut dolby = rendition("audio-3", Codec::Eac3, "ec-3");
    dolby.track.language = Language::parse("en");
    dolby.track.is_default = true;
    dolby.peak_bits_per_s = 5000;
    dolby.track.audio.as_mut().unwrap().joint_object_coding = true;
    let mut text = rendition("text-4", Codec::Text(TextFormat::Srt), "");
    text.track.language = Language::parse("ger");
    text.track.is_forced = true;
    let film = plain(vec![rendition("video-1", Codec::H264, "avc1.640028"), english, dolby, text]);
    let expected = r#"#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="eac3",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="16/JOC",URI="p3c1/audio-3/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="p3c1/audio-2/index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="German",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,URI="p3c1/text-4/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=6000,AVERAGE-BANDWIDTH=1600,CODECS="avc1.640028,ec-3",RESOLUTION=1920x1080,VIDEO-RANGE=SDR,FRAME-RATE=23.976,AUDIO="eac3",SUBTITLES="text",CLOSED-CAPTIONS=NONE
p3c1/video-1/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1600,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,VIDEO-RANGE=SDR,FRAME-RATE=23.976,AUDIO="aac",SUBTITLES="text",CLOSED-CAPTIONS=NONE
p3c1/video-1/index.m3u8
"#;
    assert_eq!(multivariant(&film), expected);
}

/// Goal: a media playlist is complete, and the longest segment of all renditions, rounded, is its target duration.
#[test]
fn media_playlist_is_complete() {
    let mut audio = rendition("audio-2", Codec::Aac, "mp4a.40.2");
    audio.segment_durations_s = vec![2.0213333333, 6.5, 0.0];
    let film = plain(vec![rendition("video-1", Codec::H264, "avc1.640028"), audio]);
    let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGETDURATION:7\n#EXT-X-MEDIA-SEQUENCE:0\n\
                    #EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.021333,\n0.m4s\n#EXTINF:6.500000,\n1.m4s\n#EXT-X-ENDLIST\n";
    assert_eq!(media(&film, film.renditions[1].info()), expected);
    assert!(media(&film, film.renditions[0].info()).contains("#EXTINF:1.500000,\n2.m4s\n"));
}

/// Goal: players that add up lengths to find a time find it, also in sound that begins late (Shaka Player played it too early).
#[test]
fn late_sound_is_listed_from_the_start_of_the_film() {
    let mut late = rendition("audio-2", Codec::Aac, "mp4a.40.2");
    (late.start_s, late.segment_durations_s) = (1.5, vec![0.5, 6.006, 1.5]);
    let film = plain(vec![rendition("video-1", Codec::H264, "avc1.640028"), late]);
    let listed = |index: usize| -> Vec<String> {
        let text = media(&film, film.renditions[index].info());
        lines_with(&text, "#EXTINF").into_iter().map(str::to_owned).collect()
    };
    assert_eq!(listed(0), listed(1));
}

/// Goal: text has no init segment.
#[test]
fn text_playlist_has_no_map() {
    let film = plain(vec![rendition("text-4", Codec::Text(TextFormat::Srt), "")]);
    let playlist = media(&film, film.renditions[0].info());
    assert!(!playlist.contains("EXT-X-MAP") && playlist.contains("\n0.vtt\n"));
}

/// Goal: what a file calls its tracks breaks no line and collides with no other; one of a group is the default.
#[test]
fn names_are_safe_and_unique() {
    let mut audio: Vec<RenditionInfo> = (0..4).map(|_| rendition("audio-2", Codec::Aac, "mp4a.40.2")).collect();
    for info in &mut audio[..3] {
        info.track.name = Some("The \"cut\"\n#EXT-X-ENDLIST".to_owned());
    }
    audio[0].track.is_commentary = true;
    audio[0].track.is_default = true;
    let playlist = multivariant(&plain(audio));
    let media = lines_with(&playlist, "#EXT-X-MEDIA");
    assert_eq!(media.len(), 4);
    assert!(media[1].contains("NAME=\"The 'cut'#EXT-X-ENDLIST (2)\""), "{}", media[1]);
    assert!(media[3].contains("NAME=\"Audio 1\""));
    assert!(media[0].contains("DEFAULT=NO,AUTOSELECT=NO"));
    assert_eq!(playlist.matches("DEFAULT=YES").count(), 1);
}

/// Goal: sound alone is a variant of its own, at the address of the track that plays by default.
#[test]
fn audio_alone_is_a_variant() {
    let mut second = rendition("audio-2", Codec::Opus, "Opus");
    second.track.is_default = true;
    let playlist = multivariant(&plain(vec![rendition("audio-1", Codec::Opus, "Opus"), second]));
    let variant = lines_with(&playlist, "#EXT-X-STREAM-INF");
    assert_eq!(
        variant,
        ["#EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=800,CODECS=\"Opus\",AUDIO=\"opus\",CLOSED-CAPTIONS=NONE"]
    );
    assert!(playlist.ends_with("\np3c1/audio-2/index.m3u8\n"));
    let single = multivariant(&plain(vec![rendition("audio-1", Codec::Opus, "Opus")]));
    assert!(single.ends_with(
        "#EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=800,CODECS=\"Opus\",CLOSED-CAPTIONS=NONE\np3c1/audio-1/index.m3u8\n"
    ));
    assert!(!single.contains("EXT-X-MEDIA"));
}

/// Goal: high dynamic range is declared, with Dolby Vision beside its base layer where players of HLS know the two together.
#[test]
fn video_range_and_dolby_vision() {
    for (profile, compatibility, transfer, expected) in [
        (8, 1, 16, [Some("dvh1.08.06/db1p"), Some("PQ")]),
        (8, 4, 18, [Some("dvh1.08.06/db4h"), Some("HLG")]),
        (8, 2, 1, [None, Some("SDR")]),
        (7, 6, 16, [None, Some("PQ")]),
        (5, 0, 2, [None, Some("PQ")]),
    ] {
        let mut video = rendition("video-1", Codec::Hevc, "hvc1.2.4.L153.B0");
        video.keyframes = Some(keyframe_info(vec![9.506]));
        let format = video.track.video.as_mut().unwrap();
        format.color = Some(ColorInfo { primaries: 9, transfer, matrix: 9, full_range: false });
        format.dolby_vision = Some(DolbyVision { profile, level: 6, compatibility });
        let playlist = multivariant(&plain(vec![video]));
        for start in ["#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF"] {
            let [line] = lines_with(&playlist, start)[..] else { panic!("{playlist}") };
            let value = |name: &str| Some(line.split_once(name)?.1.split(',').next()?.trim_matches('"'));
            assert_eq!([value(",SUPPLEMENTAL-CODECS="), value(",VIDEO-RANGE=")], expected, "{profile}: {line}");
        }
    }
}

fn keyframe_info(durations_s: Vec<f64>) -> KeyframeInfo {
    KeyframeInfo { durations_s, changes: Vec::new(), peak_bits_per_s: 700, average_bits_per_s: 600 }
}

/// Goal: keyframes have a list of their own, which is offered, complete, and as long as its longest says.
#[test]
fn keyframes_are_listed() {
    let mut video = rendition("video-1", Codec::H264, "avc1.640028");
    video.keyframes = Some(keyframe_info(vec![2.0, 4.004, 3.502]));
    let film = plain(vec![video]);
    assert!(multivariant(&film).ends_with(
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=700,AVERAGE-BANDWIDTH=600,CODECS=\"avc1.640028\",RESOLUTION=1920x1080,\
         VIDEO-RANGE=SDR,URI=\"p3c1/video-1/keyframes.m3u8\"\n"
    ));
    let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n\
                    #EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.000000,\nk-0.m4s\n#EXTINF:4.004000,\nk-1.m4s\n\
                    #EXTINF:3.502000,\nk-2.m4s\n#EXT-X-ENDLIST\n";
    assert_eq!(keyframes(film.renditions[0].info()).unwrap(), expected);
    assert_eq!(keyframes(&rendition("audio-2", Codec::Aac, "mp4a.40.2")), None);
}

/// Goal: where the sample description changes, every list is interrupted at the same segment, and only the track that changes has other init
/// segments; variants name the codecs of all.
#[test]
fn changes_interrupt_every_list() {
    let mut video = rendition("video-1", Codec::H264, "avc1.640028");
    video.later_codec_strings = vec!["avc1.64001f".to_owned(), "avc1.640028".to_owned()];
    video.keyframes = Some(KeyframeInfo { changes: vec![3], ..keyframe_info(vec![2.0; 5]) });
    let names = [("audio-2", Codec::Aac, "mp4a.40.2"), ("text-4", Codec::Text(TextFormat::Srt), "")];
    let others = names.map(|(name, codec, string)| rendition(name, codec, string));
    let mut film = plain([vec![video], others.to_vec()].concat());
    film.cuts.changes = [1, 2].map(|segment_index| Change { segment_index, description_index: 0 }).to_vec();
    let shape = |playlist: &str| -> Vec<String> {
        let is_shape = |line: &&str| !line.starts_with("#EXTINF") && !line.contains("VERSION") && !line.contains("M3U");
        let lines = playlist.lines().filter(is_shape).filter(|line| !line.contains("TYPE") && !line.contains("TARGET"));
        lines.filter(|line| !line.contains("SEQUENCE")).map(str::to_owned).collect()
    };
    let map = |name: &str| format!("#EXT-X-MAP:URI=\"{name}\"");
    let (cut, end) = ("#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST");
    let list = |index: usize| shape(&media(&film, film.renditions[index].info()));
    let (first, second, third) = (map("init.mp4"), map("init-1.mp4"), map("init-2.mp4"));
    assert_eq!(list(0), [&first, "0.m4s", cut, &second, "1.m4s", cut, &third, "2.m4s", end]);
    assert_eq!(list(1), [&first, "0.m4s", cut, &first, "1.m4s", cut, &first, "2.m4s", end]);
    assert_eq!(list(2), ["0.vtt", cut, "1.vtt", cut, "2.vtt", end]);
    let frames = shape(&keyframes(film.renditions[0].info()).unwrap());
    let only = "#EXT-X-I-FRAMES-ONLY";
    assert_eq!(frames, [only, &first, "k-0.m4s", "k-1.m4s", "k-2.m4s", cut, &second, "k-3.m4s", "k-4.m4s", end]);
    assert!(multivariant(&film).contains(",CODECS=\"avc1.640028,avc1.64001f,mp4a.40.2\","));
    let found = |path: &str| path.parse::<RenditionFile>().unwrap().find(&film).is_ok();
    assert!(found("p3c1/video-1/init-2.mp4") && !found("p3c1/video-1/init-3.mp4") && !found("p3c1/audio-2/init-1.mp4"));
}

/// Goal: what is forced is chosen by the player, and what a track is for is said in words that players know.
#[test]
fn purposes_of_tracks_are_told() {
    let mut forced = rendition("text-4", Codec::Text(TextFormat::Srt), "");
    (forced.track.is_forced, forced.track.is_commentary) = (true, true);
    let mut deaf = rendition("text-5", Codec::Text(TextFormat::Srt), "");
    deaf.track.is_hearing_impaired = true;
    let mut clear = rendition("audio-3", Codec::Aac, "mp4a.40.2");
    clear.track.is_hearing_impaired = true;
    let mut comment = rendition("audio-2", Codec::Aac, "mp4a.40.2");
    comment.track.is_commentary = true;
    let playlist = multivariant(&plain(vec![comment, clear, forced, deaf]));
    let media = lines_with(&playlist, "#EXT-X-MEDIA");
    let auxiliary = ",CHARACTERISTICS=\"public.auxiliary-content\",";
    assert!(media[0].contains(",DEFAULT=YES,AUTOSELECT=YES,") && media[0].contains(auxiliary), "{}", media[0]);
    assert!(
        media[1].contains(",CHARACTERISTICS=\"public.accessibility.enhances-speech-intelligibility\","),
        "{}",
        media[1]
    );
    assert!(
        media[2].contains(",AUTOSELECT=YES,FORCED=YES,CHARACTERISTICS=\"public.auxiliary-content\","),
        "{}",
        media[2]
    );
    assert!(media[3].contains(
        ",CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound\","
    ));
}

/// Goal: a file of a rendition is found only by its one address and where it exists.
#[test]
fn addresses_are_strict() {
    let film = plain(vec![
        rendition("video-1", Codec::H264, "avc1.640028"),
        rendition("text-4", Codec::Text(TextFormat::Srt), ""),
    ]);
    let found = |path: &str| path.parse::<RenditionFile>().and_then(|file| file.find(&film).map(|_| ())).is_ok();
    for good in ["p3c1/video-1/index.m3u8", "p3c1/video-1/init.mp4", "p3c1/video-1/0.m4s", "p3c1/text-4/12.vtt"] {
        assert!(found(good), "{good}");
        assert_eq!(good.parse::<RenditionFile>().unwrap().to_string(), good);
    }
    for bad in [
        "p2c2/video-1/0.m4s",
        "p3c1/video-2/0.m4s",
        "p3c1/video-1/0.vtt",
        "p3c1/video-1/init-0.mp4",
        "p3c1/video-1/init-1.mp4",
        "p3c1/video-1/init-.mp4",
        "p3c1/video-1/init.m4s",
        "p3c1/video-1/keyframes.m3u8",
        "p3c1/video-1/k-0.m4s",
        "p3c1/video-1/k-.m4s",
        "p3c1/text-4/init.mp4",
        "p3c1/video-1/00.m4s",
        "p3c1/video-1/+1.m4s",
        "p3c1/video-1/-1.m4s",
        "p3c1/video-1/4294967296.m4s",
        "p3c1/video-1",
        "p3c1/video-1/0.m4s/",
        "/p3c1/video-1/0.m4s",
        "p3c1/../0.m4s",
        "",
    ] {
        assert!(!found(bad), "{bad}");
    }
}

/// Goal: the peak is the largest rate over any run of about a target duration, not over a short rest.
#[test]
fn peak_is_measured_over_the_target_duration() {
    assert_eq!(peak_bits_per_s(&[1000, 6000, 900], &[2.0, 6.0, 0.1], 6), 9050);
    assert_eq!(peak_bits_per_s(&[500], &[1.0], 6), 4000);
    assert_eq!(peak_bits_per_s(&[], &[], 6), 0);
}

proptest! {
    /// Goal: the peak is never below the rate of a segment that lasts long enough to count.
    #[test]
    fn peak_is_never_low(segments in prop::collection::vec((0u64..1_000_000, 0.01f64..9.0), 1..40)) {
        let (sizes, durations): (Vec<u64>, Vec<f64>) = segments.into_iter().unzip();
        let peak = peak_bits_per_s(&sizes, &durations, 6);
        for (size, duration) in sizes.iter().zip(&durations) {
            prop_assert!(*duration < 3.0 || peak as f64 >= *size as f64 * 8.0 / duration);
        }
    }
}

/// Goal: a film whose first pictures are cut off by an edit list begins behind them; one whose sound is merely primed does not.
#[test]
fn trimmed_films_begin_where_they_say() {
    let begin = |pts_ticks, start_ns| {
        let mut presentation = plain(vec![rendition("video-1", Codec::H264, "avc1.64000b")]);
        let point = SyncPoint { pts_ticks, sample_index: 0, offset_bytes: 0, block_offset_bytes: 0 };
        presentation.cuts.boundaries = vec![Boundary { track_index: 0, point }];
        presentation.cuts.start_ns = start_ns;
        let text = multivariant(&presentation);
        text.lines().find(|line| line.starts_with("#EXT-X-START:")).map(str::to_owned)
    };
    assert_eq!(begin(-1300, -1_401_333_333).as_deref(), Some("#EXT-X-START:TIME-OFFSET=1.401333,PRECISE=YES"));
    assert_eq!([begin(0, -83_333_333), begin(-42, -83_333_333), begin(500, 0)], [None, None, None]);
}

/// Goal: who goes on in the middle of a film begins there, never before its first picture and never beyond its end.
#[test]
fn wished_starts_lie_within_the_film() {
    let mut film = plain(vec![rendition("video-1", Codec::H264, "avc1.64000b")]);
    let length_s: f64 = film.renditions[0].info().segment_durations_s.iter().sum();
    let begin = |film: &Plain, start_s| {
        let text = multivariant_from(film, start_s);
        let starts = lines_with(&text, "#EXT-X-START");
        assert!(starts.len() <= 1, "{text}");
        starts.first().map(|line| {
            let time =
                line.strip_prefix("#EXT-X-START:TIME-OFFSET=").and_then(|rest| rest.strip_suffix(",PRECISE=YES"));
            time.expect("a precise start").to_owned()
        })
    };
    let written = |seconds: f64| Some(format!("{seconds:.6}"));
    assert_eq!(begin(&film, 2.5), written(2.5));
    assert_eq!([begin(&film, 0.0), begin(&film, -0.0), begin(&film, -9.0)], [written(0.0), written(0.0), written(0.0)]);
    assert_eq!([begin(&film, 1e300), begin(&film, f64::INFINITY)], [written(length_s), written(length_s)]);
    assert_eq!(begin(&film, f64::NAN), None);
    let point = SyncPoint { pts_ticks: -1300, sample_index: 0, offset_bytes: 0, block_offset_bytes: 0 };
    film.cuts.boundaries = vec![Boundary { track_index: 0, point }];
    film.cuts.start_ns = -1_401_333_333;
    assert_eq!([begin(&film, 0.5), begin(&film, 2.5)], [written(1.401333), written(2.5)]);
}
