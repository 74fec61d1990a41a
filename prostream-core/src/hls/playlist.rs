//! Playlists (RFC 8216): pure functions of a presentation.
//!
//! The multivariant playlist lies at [`MULTIVARIANT_NAME`]; everything else lies below it, at `{variant_id}/{rendition}/…`
//! ([`RenditionFile`]).

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use super::extras::CHAPTERS_JSON_NAME;
use super::fmp4::display_size;
use super::{Presentation, Rendition, RenditionInfo};
use crate::model::{Codec, HdrKind, TrackInfo, TrackKind};
use crate::{Error, ErrorKind};

/// Name of the multivariant playlist.
pub const MULTIVARIANT_NAME: &str = "main.m3u8";
/// Media type of playlists.
pub const CONTENT_TYPE: &str = "application/vnd.apple.mpegurl";
/// Longest name of a rendition that is shown, in characters.
const MAX_NAME_CHARS: usize = 100;
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
    out
}

/// Length of the longest rendition in seconds, as its playlist tells it.
#[must_use]
pub fn length_s(presentation: &dyn Presentation) -> f64 {
    let lengths = presentation.renditions().iter().map(|rendition| rendition.info().listed_durations_s().iter().sum());
    lengths.fold(0.0, f64::max)
}

/// Where a file begins whose edit list cuts off pictures that others are decoded from, in seconds from the start of the presentation.
///
/// Nothing is dropped (PACKAGING 2.1, case 4): the player decodes them and begins behind them.
fn trimmed_start_s(presentation: &dyn Presentation, video: &RenditionInfo) -> Option<f64> {
    let cuts = presentation.cuts();
    let first_s = cuts.boundaries.first()?.point.pts_ticks as f64 / f64::from(video.track.timescale.max(1));
    (first_s < -MIN_TRIM_S).then(|| cuts.origin_ns.saturating_neg() as f64 / 1e9)
}

/// The media playlist of one rendition, complete from the start.
#[must_use]
pub fn media(presentation: &dyn Presentation, rendition: &RenditionInfo) -> String {
    let target = target_duration_s(presentation.renditions().iter().map(|rendition| rendition.info()));
    let is_text = rendition.track.kind == TrackKind::Subtitle;
    let durations = rendition.listed_durations_s();
    let mut out = String::with_capacity(durations.len().saturating_mul(32).saturating_add(200));
    out.push_str("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n");
    line(&mut out, format_args!("#EXT-X-TARGETDURATION:{target}"));
    out.push_str("#EXT-X-MEDIA-SEQUENCE:0\n");
    if !is_text {
        out.push_str("#EXT-X-MAP:URI=\"init.mp4\"\n");
    }
    let ending = if is_text { "vtt" } else { "m4s" };
    for (index, duration) in durations.iter().enumerate() {
        line(&mut out, format_args!("#EXTINF:{duration:.6},\n{index}.{ending}"));
    }
    out.push_str("#EXT-X-ENDLIST\n");
    out
}

/// The longest segment of all renditions, rounded to the nearest second (RFC 8216 section 4.3.3.1); the same for all of them.
pub(super) fn target_duration_s<'a>(renditions: impl Iterator<Item = &'a RenditionInfo>) -> u64 {
    let longest = renditions.flat_map(|info| info.segment_durations_s.iter().copied()).fold(0.0, f64::max);
    // Written with six decimals, so rounded from those.
    ((longest * 1e6).round() / 1e6).round().max(1.0) as u64
}

/// Largest bits a second over any run of segments that lasts between half and one and a half target durations (RFC 8216 section 4.1).
pub(super) fn peak_bits_per_s(sizes: &[u64], durations_s: &[f64], target_s: u64) -> u64 {
    let target = target_s as f64;
    let segments = || sizes.iter().zip(durations_s);
    let rate = |bytes: u64, length: f64| if length > 0.0 { (bytes as f64 * 8.0 / length).ceil() as u64 } else { 0 };
    let mut peak = 0;
    for first in 0..sizes.len() {
        let (mut bytes, mut length) = (0u64, 0.0);
        for (size, duration) in segments().skip(first) {
            bytes = bytes.saturating_add(*size);
            length += duration;
            if length > 1.5 * target {
                break;
            }
            if length >= 0.5 * target {
                peak = peak.max(rate(bytes, length));
            }
        }
    }
    if peak == 0 { rate(sizes.iter().sum(), durations_s.iter().sum()) } else { peak }
}

/// Audio renditions of one codec.
struct AudioGroup<'a> {
    name: &'static str,
    members: Vec<&'a RenditionInfo>,
}

impl AudioGroup<'_> {
    fn codecs(&self) -> BTreeSet<&str> {
        self.members.iter().map(|info| info.track.codec_string.as_str()).collect()
    }

    fn largest(&self, rate: impl Fn(&RenditionInfo) -> u64) -> u64 {
        self.members.iter().map(|info| rate(info)).max().unwrap_or(0)
    }
}

/// Groups of audio by codec; the one with the track that the file wants to be chosen comes first.
fn group_by_codec<'a>(audio: &[&'a RenditionInfo]) -> Vec<AudioGroup<'a>> {
    let mut groups: Vec<AudioGroup<'a>> = Vec::new();
    for &info in audio {
        let name = match info.track.codec {
            Codec::Aac => "aac",
            Codec::Ac3 => "ac3",
            Codec::Eac3 => "eac3",
            Codec::Opus => "opus",
            Codec::Flac => "flac",
            Codec::Mp3 => "mp3",
            _ => "audio",
        };
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.members.push(info),
            None => groups.push(AudioGroup { name, members: vec![info] }),
        }
    }
    // Stable: otherwise the order of the file.
    groups.sort_by_key(|group| !group.members.iter().any(|info| info.track.is_default && !info.track.is_commentary));
    groups
}

/// Which of a group plays unless someone chooses: the first default of the file, else the first that is no commentary.
fn chosen(members: &[&RenditionInfo]) -> usize {
    let is_plain = |track: &TrackInfo| !track.is_commentary && !track.is_hearing_impaired;
    members
        .iter()
        .position(|info| info.track.is_default && is_plain(&info.track))
        .or_else(|| members.iter().position(|info| is_plain(&info.track)))
        .unwrap_or(0)
}

/// A name for each, as players show it: the file's own, or the language; numbered where two would be the same.
fn unique_names(members: &[&RenditionInfo]) -> Vec<String> {
    let mut used = BTreeSet::new();
    members
        .iter()
        .map(|info| {
            let track = &info.track;
            let own = track.name.as_deref().map(quotable).filter(|name| !name.trim().is_empty());
            let name = own.or_else(|| track.language.as_ref().map(|language| language.name().to_owned()));
            let base = name.unwrap_or_else(|| match track.kind {
                TrackKind::Video => format!("Video {}", track.number),
                TrackKind::Audio => format!("Audio {}", track.number),
                TrackKind::Subtitle => format!("Subtitles {}", track.number),
            });
            let mut name = base.clone();
            let mut count = 1u32;
            while !used.insert(name.clone()) {
                count = count.saturating_add(1);
                name = format!("{base} ({count})");
            }
            name
        })
        .collect()
}

/// Text as a quoted string holds it (RFC 8216 section 4.2): no quotes, no line ends.
fn quotable(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .map(|letter| if letter == '"' { '\'' } else { letter })
        .take(MAX_NAME_CHARS)
        .collect()
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
    // Subtitles are chosen by the viewer's languages, never by default: nearly every file marks one that nobody asked for.
    let auto = is_default || !track.is_commentary;
    part(out, format_args!(",DEFAULT={},AUTOSELECT={}", yes_no(is_default), yes_no(auto)));
    if is_text && track.is_forced {
        out.push_str(",FORCED=YES");
    }
    if is_text && track.is_hearing_impaired {
        out.push_str(
            ",CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound\"",
        );
    }
    if let Some(audio) = track.audio.as_ref().filter(|audio| audio.channel_count > 0) {
        if audio.joint_object_coding {
            out.push_str(",CHANNELS=\"16/JOC\"");
        } else {
            part(out, format_args!(",CHANNELS=\"{}\"", audio.channel_count));
        }
    }
    line(out, format_args!(",URI=\"{id}/{}/index.m3u8\"", info.name));
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
    let codecs: Vec<&str> = own
        .map(|info| info.track.codec_string.as_str())
        .into_iter()
        .chain(audio.into_iter().flat_map(AudioGroup::codecs))
        .collect();
    part(out, format_args!(",CODECS=\"{}\"", codecs.join(",")));
    if let Some(format) = video {
        if let Some(codec) = dolby_vision_codec(&main.track) {
            part(out, format_args!(",SUPPLEMENTAL-CODECS=\"{codec}\""));
        }
        let (width, height) = display_size(format);
        part(out, format_args!(",RESOLUTION={width}x{height}"));
        if let Some((frames, seconds)) = format.frame_rate.filter(|rate| rate.0 > 0 && rate.1 > 0) {
            part(out, format_args!(",FRAME-RATE={:.3}", f64::from(frames) / f64::from(seconds)));
        }
        let range = match format.hdr() {
            None => "SDR",
            Some(HdrKind::Pq) => "PQ",
            Some(HdrKind::Hlg) => "HLG",
        };
        part(out, format_args!(",VIDEO-RANGE={range}"));
    }
    if let Some(group) = audio {
        part(out, format_args!(",AUDIO=\"{}\"", group.name));
    }
    if has_text {
        part(out, format_args!(",SUBTITLES=\"{SUBTITLE_GROUP}\""));
    }
    out.push_str(",CLOSED-CAPTIONS=NONE\n");
    line(out, format_args!("{id}/{}/index.m3u8", main.name));
}

/// `SUPPLEMENTAL-CODECS` of HEVC that also carries Dolby Vision: profile 8 over HDR10 or HLG (Dolby Vision Streams Within HLS, 2.2).
fn dolby_vision_codec(track: &TrackInfo) -> Option<String> {
    if track.codec != Codec::Hevc {
        return None;
    }
    let record = track.sample_entry.boxes.iter().find(|child| child.get(4..8) == Some(b"dvvC"))?;
    // Versions, then profile in 7 bits, level in 6, three flags, compatibility in 4.
    let fields = u32::from_be_bytes(record.get(10..14)?.try_into().ok()?);
    let (profile, level, compatibility) = (fields >> 25, fields >> 19 & 0x3f, fields >> 12 & 0xf);
    let brand = match compatibility {
        1 => "db1p",
        4 => "db4h",
        _ => return None,
    };
    (profile == 8).then(|| format!("dvh1.{profile:02}.{level:02}/{brand}"))
}

fn part(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

fn line(out: &mut String, text: fmt::Arguments<'_>) {
    part(out, text);
    out.push('\n');
}

/// A file below the multivariant playlist, as its relative address names it.
///
/// ```
/// use prostream_core::hls::playlist::{FileKind, RenditionFile};
/// let file: RenditionFile = "p1c1/video-1/12.m4s".parse().unwrap();
/// assert_eq!((file.variant_id.as_str(), file.rendition.as_str()), ("p1c1", "video-1"));
/// assert_eq!(file.kind, FileKind::Segment(12));
/// assert_eq!(file.to_string(), "p1c1/video-1/12.m4s");
/// assert!("p1c1/../12.m4s".parse::<RenditionFile>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionFile {
    /// [`Presentation::variant_id`].
    pub variant_id: String,
    /// [`RenditionInfo::name`].
    pub rendition: String,
    /// Which of its files.
    pub kind: FileKind,
}

/// The files of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `index.m3u8`.
    Playlist,
    /// `init.mp4`.
    Init,
    /// `12.m4s`: a segment of video or audio, counted from 0.
    Segment(u32),
    /// `12.vtt`: a segment of text, counted from 0.
    TextSegment(u32),
    /// `script.ass`: the whole of a text track as the script it was.
    Script,
}

impl RenditionFile {
    /// The rendition it belongs to.
    ///
    /// # Errors
    /// `NotFound` for another variant, an unknown rendition, or a file that a rendition of this kind does not have.
    pub fn find<'a>(&self, presentation: &'a dyn Presentation) -> Result<&'a Arc<dyn Rendition>, Error> {
        let found = presentation.renditions().iter().find(|rendition| rendition.info().name == self.rendition);
        found
            .filter(|_| self.variant_id == presentation.variant_id())
            .filter(|rendition| {
                let is_text = rendition.info().track.kind == TrackKind::Subtitle;
                match self.kind {
                    FileKind::Playlist => true,
                    FileKind::Init | FileKind::Segment(_) => !is_text,
                    FileKind::TextSegment(_) | FileKind::Script => is_text,
                }
            })
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "find rendition"))
    }
}

impl FromStr for RenditionFile {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::NotFound, "read rendition address");
        let is_name = |name: &str| {
            (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let mut parts = path.split('/');
        let (Some(variant_id), Some(rendition), Some(file), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        if !is_name(variant_id) || !is_name(rendition) {
            return Err(wrong());
        }
        let kind = match file {
            "index.m3u8" => FileKind::Playlist,
            "init.mp4" => FileKind::Init,
            "script.ass" => FileKind::Script,
            _ => {
                let (stem, ending) = file.split_once('.').ok_or_else(wrong)?;
                let index: u32 = stem.parse().map_err(|_| wrong())?;
                // One address for one segment: no sign, no leading zeros.
                if index.to_string() != stem {
                    return Err(wrong());
                }
                match ending {
                    "m4s" => FileKind::Segment(index),
                    "vtt" => FileKind::TextSegment(index),
                    _ => return Err(wrong()),
                }
            }
        };
        Ok(Self { variant_id: variant_id.to_owned(), rendition: rendition.to_owned(), kind })
    }
}

impl fmt::Display for RenditionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.variant_id, self.rendition)?;
        match self.kind {
            FileKind::Playlist => f.write_str("index.m3u8"),
            FileKind::Init => f.write_str("init.mp4"),
            FileKind::Segment(index) => write!(f, "{index}.m4s"),
            FileKind::TextSegment(index) => write!(f, "{index}.vtt"),
            FileKind::Script => f.write_str("script.ass"),
        }
    }
}

#[cfg(test)]
mod tests;
