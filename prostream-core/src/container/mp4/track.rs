//! One `trak` box: what the track is, its edit list, and where it begins and ends.

use std::collections::BTreeSet;

use super::malformed;
use super::table::{Budget, SampleTable, only_description};
use crate::Result;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::container::codec::{CodecConfig, from_sample_entry};
use crate::container::{SyncPoint, Track};
use crate::model::{AudioFormat, Codec, Language, TextFormat, TrackInfo, TrackKind};

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
}

/// The tracks that a `trak` names as its chapters (`tref/chap`, QuickTime File Format "Chapter lists").
pub(super) fn chapter_ids(trak: &[u8]) -> Vec<u32> {
    let chap = Children::find(trak, *b"tref").and_then(|tref| Children::find(tref, *b"chap")).unwrap_or_default();
    chap.chunks_exact(4).filter_map(|id| id.first_chunk()).map(|id| u32::from_be_bytes(*id)).collect()
}

/// Reads the payload of `trak`; `None` for what is neither pictures, sound nor subtitles (time codes, hints, metadata).
pub(super) fn parse(trak: &[u8], movie: &MovieFacts, budget: &mut Budget) -> Result<Option<(Track, SampleTable)>> {
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
    let stbl = Children::find(mdia, *b"minf")
        .and_then(|minf| Children::find(minf, *b"stbl"))
        .ok_or_else(|| malformed("stbl is missing"))?;
    let (mut config, is_all_forced) = parse_description(stbl, kind)?;
    if movie.chapter_tracks.contains(&header.track_id) {
        refuse(&mut config, "chapters");
    }
    if config.nal_length_size != 4 && matches!(config.codec, Codec::H264 | Codec::Hevc) {
        refuse(&mut config, "NAL lengths of other than 4 bytes");
    }
    if config.codec != Codec::Other && media.timescale == 0 {
        return Err(malformed("a track with a timescale of 0"));
    }
    let mut table = SampleTable::default();
    if config.codec != Codec::Other {
        let shift = Children::find(trak, *b"edts")
            .and_then(|edts| Children::find(edts, *b"elst"))
            .map_or(0, |elst| parse_edit_list(elst, movie.timescale, media.timescale));
        table = SampleTable::parse(stbl, shift, budget)?;
        if table.count() == 0 {
            refuse(&mut config, "no samples");
        }
    }
    let facts = TableFacts::of(&table, kind, budget)?;
    if let Some(video) = &mut config.video {
        video.rotation_degrees = header.rotation_degrees;
        video.frame_rate = facts.frame_rate(media.timescale);
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
    let average_bits_per_s = facts.average_bits_per_s(&table, media.timescale);
    let track = Track {
        info,
        start_ticks: facts.start_ticks,
        end_ticks: facts.end_ticks,
        sync_points: facts.sync_points,
        has_closed_gops: facts.has_closed_gops,
        average_bits_per_s,
    };
    Ok(Some((track, table)))
}

/// A track that is shown and not packaged, and why.
fn refuse(config: &mut CodecConfig, why: &str) {
    config.codec = Codec::Other;
    config.codec_string = format!("{} ({why})", config.codec_string);
    config.sample_entry = crate::model::SampleEntry::default();
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

/// Three letters of five bits each; QuickTime's own numbers, below the first of them, are not read.
fn parse_packed_language(packed: u16) -> Option<Language> {
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

/// The sample description that the chunks use, and whether it says that all its samples are forced.
fn parse_description(stbl: &[u8], kind: TrackKind) -> Result<(CodecConfig, bool)> {
    let stsd =
        Children::find(stbl, *b"stsd").and_then(|body| body.get(8..)).ok_or_else(|| malformed("stsd is missing"))?;
    let several = only_description(stbl)?;
    let index = usize::try_from(several.unwrap_or(0)).unwrap_or(usize::MAX);
    let entry = Children::of(stsd).nth(index).ok_or_else(|| malformed("no sample description"))?;
    let mut config = from_sample_entry(entry.kind, entry.body)?;
    if several.is_none() {
        refuse(&mut config, "several sample descriptions");
    }
    let is_fitting = match kind {
        TrackKind::Video => config.video.is_some(),
        TrackKind::Audio => config.audio.is_some(),
        TrackKind::Subtitle => matches!(config.codec, Codec::Text(_)),
    };
    if !is_fitting && config.codec != Codec::Other {
        refuse(&mut config, "in a track of another kind");
    }
    // displayFlags of 3GPP TS 26.245 section 5.16; "all samples are forced" is Apple's.
    let is_all_forced = config.codec == Codec::Text(TextFormat::Tx3g)
        && entry.body.get(8..).and_then(|flags| flags.first()).is_some_and(|flags| flags & 0x80 != 0);
    Ok((config, is_all_forced))
}

/// What an edit list (section 8.6.6) adds to every time: its empty edits delay the track, its first media edit says which media time
/// plays then. Later edits, which cut inside, are not followed.
fn parse_edit_list(elst: &[u8], movie_timescale: u32, timescale: u32) -> i64 {
    let mut reader = ByteReader::new(elst);
    let parse = |reader: &mut ByteReader<'_>, is_long: bool| {
        let edit =
            if is_long { (reader.u64()?, reader.i64()?) } else { (u64::from(reader.u32()?), i64::from(reader.i32()?)) };
        reader.u32()?;
        Some(edit)
    };
    let Some((version_flags, count)) = reader.u32().zip(reader.u32()) else { return 0 };
    let mut delay = 0i128;
    for _ in 0..count {
        let Some((duration, media_time)) = parse(&mut reader, version_flags >> 24 == 1) else { break };
        if media_time >= 0 {
            let delay_ticks = (delay * i128::from(timescale)).checked_div(i128::from(movie_timescale)).unwrap_or(0);
            return i64::try_from(delay_ticks - i128::from(media_time)).unwrap_or(i64::MIN);
        }
        delay += i128::from(duration);
    }
    0
}

/// What one pass over a table tells.
#[derive(Default)]
struct TableFacts {
    start_ticks: i64,
    end_ticks: i64,
    sync_points: Vec<SyncPoint>,
    has_closed_gops: bool,
    sample_count: u32,
    /// Smallest and largest duration of all samples but the last.
    durations: Option<(u32, u32)>,
    decode_ticks: i64,
}

impl TableFacts {
    fn of(table: &SampleTable, kind: TrackKind, budget: &mut Budget) -> Result<Self> {
        let Some((first, last)) = table.sample(0).zip(table.sample(table.count().saturating_sub(1))) else {
            return Ok(Self::default());
        };
        let mut facts = Self {
            start_ticks: first.pts_ticks,
            end_ticks: last.pts_ticks.saturating_add(last.duration_ticks.into()),
            sample_count: table.count(),
            durations: table.duration_bounds(),
            decode_ticks: last.dts_ticks.saturating_sub(first.dts_ticks),
            has_closed_gops: true,
            ..Self::default()
        };
        let syncs = if kind == TrackKind::Video { table.syncs().unwrap_or_default() } else { &[] };
        budget.take::<SyncPoint>(syncs.len())?;
        facts.sync_points.reserve_exact(syncs.len());
        if table.is_in_order() {
            for sample in syncs.iter().filter_map(|sync| table.sample(*sync)) {
                facts.push_sync(sample.pts_ticks, sample.index, sample.offset_bytes);
            }
            return Ok(facts);
        }
        let mut sync_pts = i64::MIN;
        for sample in table.samples(0..table.count()) {
            facts.start_ticks = facts.start_ticks.min(sample.pts_ticks);
            facts.end_ticks = facts.end_ticks.max(sample.pts_ticks.saturating_add(sample.duration_ticks.into()));
            if sample.is_sync {
                sync_pts = sample.pts_ticks;
                if !syncs.is_empty() {
                    facts.push_sync(sample.pts_ticks, sample.index, sample.offset_bytes);
                }
            }
            // A picture shown before the sync point that it follows: it may need what lies before.
            facts.has_closed_gops &= sample.pts_ticks >= sync_pts;
        }
        Ok(facts)
    }

    /// Times of sync points rise; one that does not is no place to cut.
    fn push_sync(&mut self, pts_ticks: i64, sample_index: u32, offset_bytes: u64) {
        if self.sync_points.last().is_none_or(|last| last.pts_ticks < pts_ticks) {
            self.sync_points.push(SyncPoint { pts_ticks, sample_index, offset_bytes, block_offset_bytes: 0 });
        } else {
            self.has_closed_gops = false;
        }
    }

    /// Frames a second where they are even: all durations the same, or apart by the one tick that a coarse timescale costs.
    fn frame_rate(&self, timescale: u32) -> Option<(u32, u32)> {
        let (least, most) = self.durations.filter(|(least, _)| *least > 0)?;
        if least == most {
            return Some(reduced(timescale, least));
        }
        if most - least > 1 {
            return None;
        }
        let frames = u64::from(self.sample_count.saturating_sub(1));
        let seconds = u64::try_from(self.decode_ticks).ok()?;
        // Within half a thousandth of a rate in use, or in thousandths.
        const IN_USE: [(u32, u32); 9] =
            [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1), (50, 1), (60_000, 1001), (60, 1)];
        let rate = (frames as f64) * f64::from(timescale) / (seconds as f64);
        let near = IN_USE.into_iter().find(|(n, d)| (f64::from(*n) / f64::from(*d) / rate - 1.0).abs() < 0.0005);
        near.or_else(|| rate.is_finite().then(|| reduced((rate * 1000.0).round() as u32, 1000)))
    }

    fn average_bits_per_s(&self, table: &SampleTable, timescale: u32) -> u64 {
        let bits = u128::from(table.size_of(0..table.count())) * 8 * u128::from(timescale);
        let ticks = u128::try_from(self.end_ticks.saturating_sub(self.start_ticks)).unwrap_or(0);
        bits.checked_div(ticks).and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }
}

/// A fraction in lowest terms.
fn reduced(numerator: u32, denominator: u32) -> (u32, u32) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    let divide = |value: u32| value.checked_div(a).unwrap_or(value);
    (divide(numerator), divide(denominator))
}

/// The length of packets where the codec leaves it open and the table has all of them the same, in ticks that are samples.
fn complete_audio(audio: &mut AudioFormat, facts: &TableFacts, timescale: u32) {
    if audio.packet_samples.is_none()
        && audio.sample_rate_hz == timescale
        && let Some((least, most)) = facts.durations
        && least == most
        && least > 0
    {
        audio.packet_samples = Some(least);
    }
}
