//! One `trak` box: what the track is, and where it begins and ends.

use std::collections::BTreeSet;
use std::ops::Range;

use super::descriptions::Descriptions;
use super::edits::Edits;
use super::facts::TableFacts;
use super::fragment::Defaults;
use super::malformed;
use super::table::{Budget, SampleTable};
use crate::Result;
use crate::container::Track;
use crate::container::codec::CodecConfig;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::model::{AudioFormat, Codec, Language, TrackInfo, TrackKind};

/// Longest name of a track that is kept, in characters.
const MAX_NAME_CHARS: usize = 256;
/// Timescale of tracks that name none and are not packaged.
const FALLBACK_TIMESCALE: u32 = 1000;

/// What a track must know of the movie.
#[derive(Debug)]
pub(super) struct MovieFacts {
    /// Ticks a second of edit list durations; may be 0 in a broken file.
    pub(super) timescale: u32,
    /// Tracks that hold chapter titles of others.
    pub(super) chapter_tracks: BTreeSet<u32>,
    /// What fragments of its tracks have that say nothing else.
    pub(super) defaults: Vec<Defaults>,
}

/// A track as `trak` has it.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) track: Track,
    pub(super) table: SampleTable,
    /// The samples of the table that are presented, or needed for those that are.
    pub(super) shown: Range<u32>,
    /// What its edit list adds to every time.
    pub(super) shift_ticks: i64,
    /// Size of the lengths before NAL units, where it is not 4.
    pub(super) odd_nal_length_size: Option<u8>,
}

/// The tracks that a `trak` names as its chapters (`tref/chap`, QuickTime File Format "Chapter lists").
pub(super) fn chapter_ids(trak: &[u8]) -> Vec<u32> {
    let chap = Children::find(trak, *b"tref").and_then(|tref| Children::find(tref, *b"chap")).unwrap_or_default();
    chap.chunks_exact(4).filter_map(|id| id.first_chunk()).map(|id| u32::from_be_bytes(*id)).collect()
}

/// Reads the payload of `trak`; `None` for what is neither pictures, sound nor subtitles (time codes, hints, metadata).
pub(super) fn parse(trak: &[u8], movie: &MovieFacts, budget: &mut Budget) -> Result<Option<Parsed>> {
    let mdia = Children::find(trak, *b"mdia").ok_or_else(|| malformed("mdia is missing"))?;
    let hdlr = Children::find(mdia, *b"hdlr").ok_or_else(|| malformed("hdlr is missing"))?;
    let kind = match hdlr.get(8..12) {
        Some(b"vide") => TrackKind::Video,
        Some(b"soun") => TrackKind::Audio,
        Some(b"text" | b"sbtl" | b"subt" | b"subp" | b"clcp") => TrackKind::Subtitle,
        _ => return Ok(None),
    };
    let header =
        Children::find(trak, *b"tkhd").and_then(TrackHeader::parse).ok_or_else(|| malformed("tkhd is broken"))?;
    let media =
        Children::find(mdia, *b"mdhd").and_then(MediaHeader::parse).ok_or_else(|| malformed("mdhd is broken"))?;
    let minf = Children::find(mdia, *b"minf").ok_or_else(|| malformed("minf is missing"))?;
    let stbl = Children::find(minf, *b"stbl").ok_or_else(|| malformed("stbl is missing"))?;
    let of_fragments = movie.defaults.iter().find(|defaults| defaults.track_id == header.track_id);
    let of_fragments = of_fragments.map_or(1, |defaults| defaults.description);
    let mut descriptions = Descriptions::parse(minf, stbl, kind, of_fragments)?;
    let is_all_forced = descriptions.is_all_forced;
    let edits = Children::find(trak, *b"edts").and_then(|edts| Children::find(edts, *b"elst"));
    let edits = edits.map(|elst| Edits::parse(elst, movie.timescale, media.timescale)).unwrap_or_default();
    if movie.chapter_tracks.contains(&header.track_id) {
        descriptions.refusal = Some("chapters");
    } else if edits.has_other_rate {
        descriptions.refusal = descriptions.refusal.or(Some("played at another speed"));
    }
    let is_packaged =
        descriptions.refusal.is_none() && descriptions.first().is_some_and(|config| config.codec != Codec::Other);
    if is_packaged && media.timescale == 0 {
        return Err(malformed("a track with a timescale of 0"));
    }
    let (mut table, mut shown) = (SampleTable::default(), 0..0);
    if is_packaged {
        table = SampleTable::parse(stbl, edits.shift_ticks, budget)?;
        shown = edits.presented(&table, kind, media.timescale);
    }
    let (mut config, later, refusal) = descriptions.from(shown.start, &table)?;
    if let Some(why) = refusal {
        refuse(&mut config, why);
        (table, shown) = (SampleTable::default(), 0..0);
    }
    let odd_nal_length_size = Some(config.nal_length_size)
        .filter(|size| (1..4).contains(size) && matches!(config.codec, Codec::H264 | Codec::Hevc));
    let facts = TableFacts::of(&table, &shown, config.codec, media.timescale, budget)?;
    if let Some(video) = &mut config.video {
        video.rotation_degrees = header.rotation_degrees;
        video.frame_rate = facts.frame_rate();
    }
    if let Some(audio) = &mut config.audio {
        complete_audio(audio, &facts, media.timescale);
    }
    let roles = Roles::parse(trak);
    let info = TrackInfo {
        number: header.track_id,
        kind,
        codec: config.codec,
        codec_string: config.codec_string,
        sample_entry: config.sample_entry,
        timescale: if media.timescale == 0 { FALLBACK_TIMESCALE } else { media.timescale },
        language: Children::find(mdia, *b"elng").and_then(parse_elng).or(media.language),
        name: parse_name(trak, hdlr),
        is_default: header.is_enabled,
        is_forced: is_all_forced || roles.is_forced,
        is_hearing_impaired: roles.is_hearing_impaired,
        is_commentary: roles.is_commentary,
        video: config.video,
        audio: config.audio,
    };
    let average_bits_per_s = facts.average_bits_per_s(&table, &shown);
    let track = Track {
        info,
        start_ticks: facts.start_ticks,
        end_ticks: facts.end_ticks,
        sync_points: facts.sync_points,
        descriptions: if refusal.is_some() { Vec::new() } else { later },
        has_closed_gops: facts.has_closed_gops,
        average_bits_per_s,
    };
    Ok(Some(Parsed { track, table, shown, shift_ticks: edits.shift_ticks, odd_nal_length_size }))
}

/// A track that is shown and not packaged, and why.
fn refuse(config: &mut CodecConfig, why: &str) {
    config.codec = Codec::Other;
    config.codec_string = format!("{} ({why})", config.codec_string);
    config.sample_entry = crate::model::SampleEntry::default();
}

/// The same of a track that was read already.
pub(super) fn refuse_track(info: &mut TrackInfo, why: &str) {
    info.codec = Codec::Other;
    info.codec_string = format!("{} ({why})", info.codec_string);
    info.sample_entry = crate::model::SampleEntry::default();
}

/// `tkhd` (ISO/IEC 14496-12 section 8.3.2).
struct TrackHeader {
    is_enabled: bool,
    track_id: u32,
    rotation_degrees: u16,
}

impl TrackHeader {
    fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = ByteReader::new(body);
        let version_flags = reader.u32()?;
        let is_long = version_flags >> 24 == 1;
        reader.take(if is_long { 16 } else { 8 })?;
        let track_id = reader.u32()?;
        // Reserved, duration; then reserved, layer, group, volume, reserved.
        reader.take(if is_long { 12 } else { 8 })?;
        reader.take(16)?;
        let (a, b) = (reader.i32()?, reader.i32()?);
        reader.take(4)?;
        let (c, d) = (reader.i32()?, reader.i32()?);
        // A quarter turn each; mirrored and skewed pictures are shown as they are coded.
        let rotation_degrees = match (a.signum(), b.signum(), c.signum(), d.signum()) {
            (0, 1, -1, 0) => 90,
            (-1, 0, 0, -1) => 180,
            (0, -1, 1, 0) => 270,
            _ => 0,
        };
        Some(Self { is_enabled: version_flags & 1 == 1, track_id, rotation_degrees })
    }
}

/// `mdhd` (section 8.4.2).
struct MediaHeader {
    timescale: u32,
    language: Option<Language>,
}

impl MediaHeader {
    fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = ByteReader::new(body);
        let is_long = reader.u32()? >> 24 == 1;
        reader.take(if is_long { 16 } else { 8 })?;
        let timescale = reader.u32()?;
        reader.take(if is_long { 8 } else { 4 })?;
        Some(Self { timescale, language: parse_packed_language(reader.u16()?) })
    }
}

/// Three letters of five bits each; below the first of them, a number of QuickTime's own list (QuickTime File Format, "Language code
/// values") of which the common ones are known. 0, its English, is what careless writers leave, and says nothing.
fn parse_packed_language(packed: u16) -> Option<Language> {
    const QUICKTIME: [(u16, &str); 24] = [
        (1, "fr"),
        (2, "de"),
        (3, "it"),
        (4, "nl"),
        (5, "sv"),
        (6, "es"),
        (7, "da"),
        (8, "pt"),
        (9, "no"),
        (10, "he"),
        (11, "ja"),
        (12, "ar"),
        (13, "fi"),
        (14, "el"),
        (17, "tr"),
        (18, "hr"),
        (19, "zh-Hant"),
        (21, "hi"),
        (22, "th"),
        (23, "ko"),
        (25, "pl"),
        (26, "hu"),
        (32, "ru"),
        (33, "zh-Hans"),
    ];
    if packed < 0x400 {
        return QUICKTIME.iter().find(|row| row.0 == packed).and_then(|row| Language::parse(row.1));
    }
    let letter = |shift: u32| u8::try_from((packed >> shift) & 0x1F).ok().map(|five| char::from(five | 0x60));
    let text: String = [letter(10)?, letter(5)?, letter(0)?].iter().collect();
    Language::parse(&text)
}

/// `elng` (section 8.4.6): a BCP 47 tag.
fn parse_elng(body: &[u8]) -> Option<Language> {
    Language::parse(until_nul(body.get(4..)?)?)
}

fn until_nul(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
}

/// The title of a track: `udta/name`, else what the handler is called, unless that is the usual name of a writer.
fn parse_name(trak: &[u8], hdlr: &[u8]) -> Option<String> {
    let tidy = |text: &str| {
        let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
        (!text.is_empty()).then_some(text)
    };
    let udta = Children::find(trak, *b"udta").unwrap_or_default();
    let named = Children::find(udta, *b"name").and_then(until_nul).and_then(tidy);
    named.or_else(|| {
        let rest = hdlr.get(24..)?;
        // QuickTime counts the characters in front.
        let text = match rest.split_first() {
            Some((&len, text)) if usize::from(len) == text.len() => text,
            _ => rest,
        };
        let is_writer = |text: &str| {
            let lower = text.to_ascii_lowercase();
            ["handler", "core media", "apple ", "gpac", "l-smash", "iso media", "mainconcept"]
                .iter()
                .any(|word| lower.contains(word))
        };
        until_nul(text).filter(|text| !is_writer(text)).and_then(tidy)
    })
}

/// `udta/kind` (section 8.10.4) with the roles of DASH.
#[derive(Default)]
struct Roles {
    is_forced: bool,
    is_hearing_impaired: bool,
    is_commentary: bool,
}

impl Roles {
    fn parse(trak: &[u8]) -> Self {
        let mut roles = Self::default();
        let udta = Children::find(trak, *b"udta").unwrap_or_default();
        for kind in Children::of(udta).filter(|child| child.kind == *b"kind") {
            let mut texts = kind.body.get(4..).unwrap_or_default().split(|byte| *byte == 0);
            match (texts.next(), texts.next()) {
                (Some(b"urn:mpeg:dash:role:2011"), Some(b"forced-subtitle")) => roles.is_forced = true,
                (Some(b"urn:mpeg:dash:role:2011"), Some(b"caption")) => roles.is_hearing_impaired = true,
                (Some(b"urn:mpeg:dash:role:2011"), Some(b"commentary")) => roles.is_commentary = true,
                _ => {}
            }
        }
        roles
    }
}

/// The length of packets where the codec leaves it open and the table has all of them the same, in ticks that are samples.
pub(super) fn complete_audio(audio: &mut AudioFormat, facts: &TableFacts, timescale: u32) {
    if audio.packet_samples.is_none()
        && audio.sample_rate_hz == timescale
        && let Some((least, most)) = facts.durations
        && least == most
        && least > 0
    {
        audio.packet_samples = Some(least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::codec::boxes::{write_box, write_full_box};

    /// Goal: matrices of a quarter turn are told, everything else is upright.
    #[test]
    fn rotation_comes_from_the_matrix() {
        let rotation = |a: i32, b: i32, c: i32, d: i32| {
            let mut body = vec![0, 0, 0, 1];
            body.resize(40, 0);
            body[12..16].copy_from_slice(&7u32.to_be_bytes());
            for value in [a, b, 0, c, d, 0, 0, 0, 0x4000_0000] {
                body.extend_from_slice(&value.to_be_bytes());
            }
            let header = TrackHeader::parse(&body).unwrap();
            assert_eq!((header.track_id, header.is_enabled), (7, true));
            header.rotation_degrees
        };
        let one = 0x1_0000;
        assert_eq!([rotation(one, 0, 0, one), rotation(0, one, -one, 0)], [0, 90]);
        assert_eq!([rotation(-one, 0, 0, -one), rotation(0, -one, one, 0), rotation(-one, 0, 0, one)], [180, 270, 0]);
    }

    /// Goal: languages in both dresses; unspecified ones are none.
    #[test]
    fn languages_are_unpacked() {
        let text = |packed| parse_packed_language(packed).map(|language| language.as_str().to_owned());
        assert_eq!(text(0x15C7).as_deref(), Some("en"));
        assert_eq!(text(2).as_deref(), Some("de"));
        assert_eq!((text(0x55C4), text(0), text(0x7FFF)), (None, None, None));
        assert_eq!(parse_elng(b"\0\0\0\0pt-BR\0").unwrap().as_str(), "pt-BR");
    }

    /// Goal: a title is kept, what a writer calls its handler is not.
    #[test]
    fn names_of_writers_are_no_titles() {
        let hdlr = |name: &[u8]| [&[0; 8][..], b"soun", &[0; 12], name].concat();
        assert_eq!(parse_name(&[], &hdlr(b"SoundHandler\0")), None);
        assert_eq!(parse_name(&[], &hdlr(b"\x0bSurround 51")).as_deref(), Some("Surround 51"));
        let trak = write_box(*b"udta", &write_box(*b"name", b"Director"));
        assert_eq!(parse_name(&trak, &hdlr(b"Surround\0")).as_deref(), Some("Director"));
    }

    /// Goal: roles of DASH mark forced, captions and commentaries.
    #[test]
    fn roles_are_read() {
        let kind = write_full_box(*b"kind", 0, b"urn:mpeg:dash:role:2011\0caption\0");
        let roles = Roles::parse(&write_box(*b"udta", &kind));
        assert!(roles.is_hearing_impaired && !roles.is_forced && !roles.is_commentary);
    }
}
