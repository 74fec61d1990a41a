//! What a file says beside its tracks: statistics in Tags, chapters, attachments (RFC 9559 sections 5.1.6 to 5.1.8).
//!
//! All of it is optional and read only where it is at hand anyway: nothing here asks for bytes, and nothing broken here spoils a film.

use std::collections::BTreeMap;

use super::cursor::{Cursor, Element, Found, Read, Stop};
use super::ebml::{self, Children, id};
use crate::container::{Attachment, Chapter};
use crate::model::{ByteRange, Language};

/// Largest Tags or Chapters that are read.
const MAX_EXTRAS_BYTES: u64 = 4 * 1024 * 1024;
/// Most chapters that are kept.
const MAX_CHAPTERS: usize = 1000;
/// Most attachments that are kept.
const MAX_ATTACHMENTS: usize = 256;
/// Most fields of an attachment that are looked at.
const MAX_FIELDS: usize = 32;
/// Longest name of an attachment or its type, in bytes.
const MAX_NAME_BYTES: u64 = 4096;
/// Where the bytes of an attachment begin, at most, behind its name, description and type.
const ATTACHMENT_HEAD_BYTES: u64 = 16 * 1024;
/// Longest title of a chapter, in characters.
const MAX_TITLE_CHARS: usize = 256;
/// A year: a longer track, or a later chapter, is a broken number.
const MAX_TIME_NS: u64 = 365 * 86_400 * 1_000_000_000;

/// What the muxer counted of one track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) length: Option<Length>,
    /// Average bits a second, 0 when unknown.
    pub(super) bits_per_s: u64,
}

/// How long a track is, in nanoseconds: each muxer counts in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// From the start of its first block (mkvmerge).
    FromFirst(i64),
    /// From time 0 of the file (ffmpeg).
    FromZero(i64),
}

/// The data of an element that a SeekHead or the front names at `offset`, where all of it is at hand.
pub(super) fn data_at_hand(cursor: &mut Cursor<'_>, offset: u64, wanted: u32) -> Option<bytes::Bytes> {
    match cursor.header(offset) {
        Ok(Found::Element(Element { id, data, end: Some(end), .. }))
            if id == wanted && end.saturating_sub(data) <= MAX_EXTRAS_BYTES =>
        {
            cursor.bytes(ByteRange::new(data, end)).ok()
        }
        _ => None,
    }
}

/// Statistics by `TrackUID` from the data of Tags. They outlive the file they were made for when another program rewrites it, so they are
/// believed only where `writing_app` is the program that counted: ffmpeg writes `DURATION` anew each time, mkvmerge names itself beside.
pub(super) fn parse_statistics(tags: &[u8], writing_app: &str) -> BTreeMap<u64, Statistics> {
    let mut all = BTreeMap::new();
    for (child_id, tag) in Children::new(tags).map_while(Result::ok) {
        if child_id == id::TAG
            && let Some((track_uid, statistics)) = parse_tag(tag, writing_app)
        {
            all.insert(track_uid, statistics);
        }
    }
    all
}

fn parse_tag(tag: &[u8], writing_app: &str) -> Option<(u64, Statistics)> {
    let (mut track_uid, mut duration_ns, mut bits_per_s) = (None, None, 0);
    let mut is_counted_by_writer = false;
    for child in Children::new(tag) {
        match child.ok()? {
            (id::TARGETS, targets) => {
                for field in Children::new(targets) {
                    if let (id::TAG_TRACK_UID, value) = field.ok()? {
                        track_uid = Some(ebml::uint(value).ok()?);
                    }
                }
            }
            (id::SIMPLE_TAG, fields) => {
                let (mut name, mut text) = (String::new(), String::new());
                for field in Children::new(fields) {
                    match field.ok()? {
                        (id::TAG_NAME, value) => name = ebml::text(value),
                        (id::TAG_STRING, value) => text = ebml::text(value),
                        _ => {}
                    }
                }
                match name.as_str() {
                    "DURATION" => duration_ns = parse_clock(&text),
                    "BPS" => bits_per_s = text.parse().unwrap_or(0),
                    "_STATISTICS_WRITING_APP" => is_counted_by_writer = !text.is_empty() && text == writing_app,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let statistics = if is_counted_by_writer {
        Statistics { length: duration_ns.map(Length::FromFirst), bits_per_s }
    } else if writing_app.starts_with("Lavf") {
        Statistics { length: duration_ns.map(Length::FromZero), bits_per_s: 0 }
    } else {
        return None;
    };
    Some((track_uid?, statistics))
}

/// `hh:mm:ss.fffffffff` in nanoseconds; `None` for 0 and for what is no such time.
fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, ':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let whole_s = hours
        .parse::<u64>()
        .ok()?
        .checked_mul(60)?
        .checked_add(minutes.parse().ok()?)?
        .checked_mul(60)?
        .checked_add(seconds.parse().ok()?)?;
    let ns = whole_s.checked_mul(1_000_000_000)?.checked_add(fraction.parse().ok()?)?;
    (1..=MAX_TIME_NS).contains(&ns).then(|| i64::try_from(ns).ok()).flatten()
}

/// The chapters of the first edition that is shown, from the data of Chapters; those inside others are left out.
pub(super) fn parse_chapters(data: &[u8]) -> Vec<Chapter> {
    let editions = Children::new(data).map_while(Result::ok).filter(|(child_id, _)| *child_id == id::EDITION_ENTRY);
    let shown = editions.map(|(_, edition)| edition).find(|edition| !has_flag(edition, id::EDITION_FLAG_HIDDEN));
    let mut chapters: Vec<Chapter> = Children::new(shown.unwrap_or_default())
        .map_while(Result::ok)
        .filter(|(child_id, atom)| *child_id == id::CHAPTER_ATOM && !has_flag(atom, id::CHAPTER_FLAG_HIDDEN))
        .filter_map(|(_, atom)| parse_chapter(atom))
        .take(MAX_CHAPTERS)
        .collect();
    chapters.sort_by_key(|chapter| chapter.start_ns);
    chapters
}

fn has_flag(data: &[u8], flag: u32) -> bool {
    Children::new(data)
        .map_while(Result::ok)
        .any(|(child_id, value)| child_id == flag && matches!(ebml::uint(value), Ok(1)))
}

fn parse_chapter(atom: &[u8]) -> Option<Chapter> {
    let mut start_ns = None;
    let mut end_ns = None;
    let mut name = None;
    for child in Children::new(atom) {
        match child.ok()? {
            (id::CHAPTER_TIME_START, value) => start_ns = ebml::uint(value).ok().filter(|ns| *ns <= MAX_TIME_NS),
            (id::CHAPTER_TIME_END, value) => end_ns = ebml::uint(value).ok(),
            // The first name is the one of the file's own language.
            (id::CHAPTER_DISPLAY, display) if name.is_none() => name = Some(parse_display(display)?),
            _ => {}
        }
    }
    let start_ns = start_ns?;
    let (title, language) = name.unwrap_or_default();
    Some(Chapter { start_ns, end_ns: end_ns.filter(|end| (start_ns..=MAX_TIME_NS).contains(end)), title, language })
}

fn parse_display(display: &[u8]) -> Option<(String, Option<Language>)> {
    let (mut title, mut language, mut language_bcp47) = (String::new(), "eng".to_owned(), None);
    for field in Children::new(display) {
        match field.ok()? {
            (id::CHAP_STRING, value) => title = ebml::text(value).chars().take(MAX_TITLE_CHARS).collect(),
            (id::CHAP_LANGUAGE, value) => language = ebml::text(value),
            (id::CHAP_LANGUAGE_BCP47, value) => language_bcp47 = Some(ebml::text(value)),
            _ => {}
        }
    }
    Some((title, Language::parse(&language_bcp47.unwrap_or(language))))
}

/// The attachments of the Attachments element at `offset`, as far as their headers are at hand: their bytes are passed over.
pub(super) fn read_attachments(cursor: &mut Cursor<'_>, offset: u64) -> Vec<Attachment> {
    let mut attachments = Vec::new();
    let Some(all) = element_within(cursor, offset, cursor.size).filter(|all| all.id == id::ATTACHMENTS) else {
        return attachments;
    };
    let end = all.end.unwrap_or(all.data);
    let mut at = all.data;
    while attachments.len() < MAX_ATTACHMENTS
        && let Some(file) = element_within(cursor, at, end)
    {
        at = file.end.unwrap_or(end);
        if file.id == id::ATTACHED_FILE {
            attachments.extend(read_attachment(cursor, &file));
        }
    }
    attachments
}

/// An attachment that was found behind another.
#[derive(Debug)]
pub(crate) struct NextAttachment {
    /// `None` where it is broken: others may follow.
    pub(crate) attachment: Option<Attachment>,
    /// Where its bytes end.
    pub(crate) end: u64,
}

/// The attachment that follows the bytes of another, which end at `at`.
pub(super) fn attachment_behind(cursor: &mut Cursor<'_>, at: u64) -> Read<Option<NextAttachment>> {
    let mut at = at;
    // First what else the attachment before has.
    for _ in 0..MAX_FIELDS {
        let Found::Element(element) = cursor.header(at)? else { return Ok(None) };
        let Some(end) = element.end.filter(|end| *end <= cursor.size) else { return Ok(None) };
        if element.id == id::ATTACHED_FILE {
            let head = ByteRange::new(at, end.min(element.data.saturating_add(ATTACHMENT_HEAD_BYTES)));
            if cursor.end_of_run(at) < head.end {
                return Err(Stop::Need(vec![head]));
            }
            let attachment = read_attachment(cursor, &element);
            let end = attachment.as_ref().map_or(end, |attachment| attachment.range.end);
            return Ok(Some(NextAttachment { attachment, end }));
        }
        if id::is_level_1(element.id) || end.saturating_sub(at) > MAX_NAME_BYTES {
            return Ok(None);
        }
        at = end;
    }
    Ok(None)
}

fn read_attachment(cursor: &mut Cursor<'_>, file: &Element) -> Option<Attachment> {
    let end = file.end?;
    let (mut name, mut media_type, mut range) = (None, None, None);
    let mut at = file.data;
    for _ in 0..MAX_FIELDS {
        // What follows the bytes is only of use where one of the three is missing.
        if name.is_some() && media_type.is_some() && range.is_some() {
            break;
        }
        let Some(field) = element_within(cursor, at, end) else { break };
        at = field.end?;
        let data = ByteRange::new(field.data, at);
        match field.id {
            id::FILE_NAME => name = Some(read_name(cursor, data)?),
            id::FILE_MEDIA_TYPE => media_type = Some(read_name(cursor, data)?),
            id::FILE_DATA => range = Some(data),
            _ => {}
        }
    }
    Some(Attachment { name: name?, media_type: media_type?, range: range? })
}

fn read_name(cursor: &Cursor<'_>, data: ByteRange) -> Option<String> {
    (data.len() <= MAX_NAME_BYTES).then(|| cursor.bytes(data).ok()).flatten().map(|bytes| ebml::text(&bytes))
}

/// The element at `at` where its header is at hand and it ends by `end`.
fn element_within(cursor: &mut Cursor<'_>, at: u64, end: u64) -> Option<Element> {
    match (at < end).then(|| cursor.header(at))? {
        Ok(Found::Element(element)) => Some(element).filter(|element| element.end.is_some_and(|own| own <= end)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: clocks of both muxers; what is no clock, or 0, is none.
    #[test]
    fn clocks() {
        assert_eq!(parse_clock("00:00:20.041000000"), Some(20_041_000_000));
        assert_eq!(parse_clock("10:00:01.5"), Some(36_001_500_000_000));
        for broken in ["", "00:00:00.000000000", "1:2", "99999999999:00:00", "00:00:-1", "00:00:01.é"] {
            assert_eq!(parse_clock(broken), None, "{broken}");
        }
    }
}
