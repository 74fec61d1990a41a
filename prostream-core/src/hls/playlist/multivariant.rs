//! The multivariant playlist.

use super::super::extras::CHAPTERS_JSON_NAME;
use super::super::fmp4::display_size;
use super::super::{Presentation, RenditionInfo};
use super::groups::{AudioGroup, chosen, group_by_codec, unique_names};
use super::{FileKind, line, part};
use crate::model::{Codec, HdrKind, TrackInfo, TrackKind, VideoFormat};

const SUBTITLE_GROUP: &str = "text";
/// A picture that is due this long before the file says it begins was cut off by an edit list, and is there only to decode others from.
const MIN_TRIM_S: f64 = 0.1;

/// The multivariant playlist: every rendition, and a variant for each audio codec, so that a player without one takes another.
#[must_use]
pub fn multivariant(presentation: &dyn Presentation) -> String {
    write_multivariant(presentation, None)
}

/// Like [`multivariant`], for a viewer who goes on at `start_s`, in seconds from the start of the presentation: players begin there by
/// themselves (`EXT-X-START`, RFC 8216 section 4.3.5.2).
///
/// A time beyond either end is taken as that end; one that is no number, as none.
#[must_use]
pub fn multivariant_from(presentation: &dyn Presentation, start_s: f64) -> String {
    write_multivariant(presentation, (!start_s.is_nan()).then_some(start_s))
}

fn write_multivariant(presentation: &dyn Presentation, wished_start_s: Option<f64>) -> String {
    let of_kind = |kind: TrackKind| -> Vec<&RenditionInfo> {
        presentation
            .renditions()
            .iter()
            .map(|rendition| rendition.info())
            .filter(|info| info.track.kind == kind)
            .collect()
    };
    let id = presentation.variant_id();
    let (video, audio, text) = (of_kind(TrackKind::Video), of_kind(TrackKind::Audio), of_kind(TrackKind::Subtitle));
    let groups = group_by_codec(&audio);
    let mut out = String::with_capacity(2048);
    out.push_str("#EXTM3U\n#EXT-X-VERSION:7\n");
    if presentation.has_independent_segments() {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    let trimmed_s = video.first().and_then(|video| trimmed_start_s(presentation, video));
    // The sign goes last: a negative zero would read as counted from the end.
    let within = |start_s: f64| start_s.max(trimmed_s.unwrap_or(0.0)).min(length_s(presentation)).abs();
    let wished_s = wished_start_s.map(within);
    if let Some(start_s) = wished_s.or(trimmed_s) {
        line(&mut out, format_args!("#EXT-X-START:TIME-OFFSET={start_s:.6},PRECISE=YES"));
    }
    if !presentation.chapters().is_empty() {
        // RFC 8216 section 4.3.4.4; the id is Apple's.
        line(
            &mut out,
            format_args!("#EXT-X-SESSION-DATA:DATA-ID=\"com.apple.hls.chapters\",URI=\"{CHAPTERS_JSON_NAME}\""),
        );
    }
    // One track alone needs no choice.
    let is_single = video.is_empty() && audio.len() == 1;
    for group in groups.iter().filter(|_| !is_single) {
        let chosen = chosen(&group.members);
        for (at, (info, name)) in group.members.iter().zip(unique_names(&group.members)).enumerate() {
            write_media(&mut out, id, info, group.name, &name, at == chosen);
        }
    }
    for (info, name) in text.iter().zip(unique_names(&text)) {
        write_media(&mut out, id, info, SUBTITLE_GROUP, &name, false);
    }
    let has_text = !text.is_empty();
    match video.first() {
        Some(video) if groups.is_empty() => write_variant(&mut out, id, video, None, has_text),
        Some(video) => groups.iter().for_each(|group| write_variant(&mut out, id, video, Some(group), has_text)),
        None if is_single => audio.iter().for_each(|audio| write_variant(&mut out, id, audio, None, has_text)),
        None => {
            for group in &groups {
                if let Some(main) = group.members.get(chosen(&group.members)) {
                    write_variant(&mut out, id, main, Some(group), has_text);
                }
            }
        }
    }
    if let Some(video) = video.first() {
        write_keyframes(&mut out, id, video);
    }
    out
}

/// Length of the longest rendition in seconds, as its playlist tells it.
#[must_use]
pub fn length_s(presentation: &dyn Presentation) -> f64 {
    let lengths = presentation.renditions().iter().map(|rendition| rendition.info().told_durations_s().sum());
    lengths.fold(0.0, f64::max)
}

/// Where a file begins whose edit list cuts off pictures that others are decoded from, in seconds from the start of the presentation.
///
/// Nothing is dropped (PACKAGING 2.1, case 4): the player decodes them and begins behind them.
fn trimmed_start_s(presentation: &dyn Presentation, video: &RenditionInfo) -> Option<f64> {
    let cuts = presentation.cuts();
    let first_s = cuts.boundaries.first()?.point.pts_ticks as f64 / f64::from(video.track.timescale.max(1));
    (first_s < -MIN_TRIM_S).then(|| cuts.start_ns.saturating_neg().max(0) as f64 / 1e9)
}

fn write_media(out: &mut String, id: &str, info: &RenditionInfo, group: &str, name: &str, is_default: bool) {
    let track = &info.track;
    let is_text = track.kind == TrackKind::Subtitle;
    let kind = if is_text { "SUBTITLES" } else { "AUDIO" };
    part(out, format_args!("#EXT-X-MEDIA:TYPE={kind},GROUP-ID=\"{group}\",NAME=\"{name}\""));
    if let Some(language) = &track.language {
        part(out, format_args!(",LANGUAGE=\"{language}\""));
    }
    let yes_no = |yes: bool| if yes { "YES" } else { "NO" };
    // Subtitles are chosen by the viewer's languages, never by default: nearly every file marks one that nobody asked for. Forced ones are
    // there to be chosen by the player alone (RFC 8216 section 4.3.4.1).
    let is_forced = is_text && track.is_forced;
    let auto = is_default || is_forced || !track.is_commentary;
    part(out, format_args!(",DEFAULT={},AUTOSELECT={}", yes_no(is_default), yes_no(auto)));
    if is_forced {
        out.push_str(",FORCED=YES");
    }
    let characteristics = characteristics(track);
    if !characteristics.is_empty() {
        part(out, format_args!(",CHARACTERISTICS=\"{}\"", characteristics.join(",")));
    }
    if let Some(audio) = track.audio.as_ref().filter(|audio| audio.channel_count > 0) {
        if audio.joint_object_coding {
            out.push_str(",CHANNELS=\"16/JOC\"");
        } else {
            part(out, format_args!(",CHANNELS=\"{}\"", audio.channel_count));
        }
    }
    line(out, format_args!(",URI=\"{id}/{}/{}\"", info.name, FileKind::Playlist));
}

/// What a track is beside its language, in Apple's words (HLS Authoring Specification, media characteristics).
fn characteristics(track: &TrackInfo) -> Vec<&'static str> {
    let mut all = Vec::new();
    if track.is_hearing_impaired {
        all.extend(match track.kind {
            TrackKind::Subtitle => {
                &["public.accessibility.transcribes-spoken-dialog", "public.accessibility.describes-music-and-sound"][..]
            }
            _ => &["public.accessibility.enhances-speech-intelligibility"],
        });
    }
    if track.is_commentary {
        all.push("public.auxiliary-content");
    }
    all
}

/// A variant whose address is that of `main`: the video, or the sound that plays by default where there is only sound.
fn write_variant(out: &mut String, id: &str, main: &RenditionInfo, audio: Option<&AudioGroup<'_>>, has_text: bool) {
    let video = main.track.video.as_ref();
    let own = if video.is_some() || audio.is_none() { Some(main) } else { None };
    let sum = |rate: fn(&RenditionInfo) -> u64| {
        own.map_or(0, rate).saturating_add(audio.map_or(0, |group| group.largest(rate)))
    };
    let peak = sum(|info| info.peak_bits_per_s).max(1);
    let average = sum(|info| info.average_bits_per_s).max(1);
    part(out, format_args!("#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={}", average.min(peak)));
    let audio_codecs = audio.into_iter().flat_map(AudioGroup::codecs);
    write_codecs(out, own.into_iter().flat_map(RenditionInfo::codec_strings).chain(audio_codecs));
    if let Some(format) = video {
        write_picture(out, &main.track, format);
        if let Some((frames, seconds)) = format.frame_rate.filter(|rate| rate.0 > 0 && rate.1 > 0) {
            part(out, format_args!(",FRAME-RATE={:.3}", f64::from(frames) / f64::from(seconds)));
        }
    }
    if let Some(group) = audio {
        part(out, format_args!(",AUDIO=\"{}\"", group.name));
    }
    if has_text {
        part(out, format_args!(",SUBTITLES=\"{SUBTITLE_GROUP}\""));
    }
    out.push_str(",CLOSED-CAPTIONS=NONE\n");
    line(out, format_args!("{id}/{}/{}", main.name, FileKind::Playlist));
}

/// Each once, in the order given.
fn write_codecs<'a>(out: &mut String, codecs: impl Iterator<Item = &'a str>) {
    let mut all: Vec<&str> = Vec::new();
    for codec in codecs {
        if !all.contains(&codec) {
            all.push(codec);
        }
    }
    part(out, format_args!(",CODECS=\"{}\"", all.join(",")));
}

/// What is said of pictures, moving or not.
fn write_picture(out: &mut String, track: &TrackInfo, format: &VideoFormat) {
    if let Some(codec) = dolby_vision_codec(track.codec, format) {
        part(out, format_args!(",SUPPLEMENTAL-CODECS=\"{codec}\""));
    }
    let (width, height) = display_size(format);
    part(out, format_args!(",RESOLUTION={width}x{height}"));
    let range = match format.hdr() {
        None => "SDR",
        Some(HdrKind::Pq) => "PQ",
        Some(HdrKind::Hlg) => "HLG",
    };
    part(out, format_args!(",VIDEO-RANGE={range}"));
}

/// The keyframes of the video, for players that show pictures while someone looks for a place (RFC 8216 section 4.3.4.3).
fn write_keyframes(out: &mut String, id: &str, video: &RenditionInfo) {
    let (Some(format), Some(keyframes)) = (&video.track.video, &video.keyframes) else { return };
    let peak = keyframes.peak_bits_per_s.max(1);
    let average = keyframes.average_bits_per_s.clamp(1, peak);
    part(out, format_args!("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"));
    write_codecs(out, video.codec_strings());
    write_picture(out, &video.track, format);
    line(out, format_args!(",URI=\"{id}/{}/{}\"", video.name, FileKind::KeyframePlaylist));
}

/// `SUPPLEMENTAL-CODECS` of HEVC that also carries Dolby Vision: profile 8 over HDR10 or HLG (Dolby Vision Streams Within HLS, 2.2).
fn dolby_vision_codec(codec: Codec, format: &VideoFormat) -> Option<String> {
    let dolby = format.dolby_vision.filter(|dolby| codec == Codec::Hevc && dolby.profile == 8)?;
    let brand = match dolby.compatibility {
        1 => "db1p",
        4 => "db4h",
        _ => return None,
    };
    Some(format!("dvh1.08.{:02}/{brand}", dolby.level))
}
