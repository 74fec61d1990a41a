//! What lies beside the tracks, as players take it: chapters and embedded fonts. Pure.
//!
//! Sources: Apple, "Providing JavaScript Object Notation (JSON) chapters"; WebVTT (W3C), chapter titles text; RFC 8081 (media types of fonts).

use std::fmt::Write;

use serde::Serialize;

use super::Cuts;
use super::webvtt::{escape, write_time};
use crate::container::{self, Attachment};
use crate::model::{ByteRange, Language};

/// Name of the chapters as JSON, below the token.
pub const CHAPTERS_JSON_NAME: &str = "chapters.json";
/// Name of the chapters as WebVTT, below the token.
pub const CHAPTERS_VTT_NAME: &str = "chapters.vtt";
/// Largest font that is served: the largest for Chinese and Japanese take about half.
const MAX_FONT_BYTES: u64 = 64 * 1024 * 1024;
/// Shortest chapter that is kept, in seconds: others mark nothing.
const MIN_CHAPTER_S: f64 = 0.001;

/// A named part of a presentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chapter {
    /// Where it begins, in seconds from the start of the presentation.
    pub start_s: f64,
    /// Where it ends: as the file says, else with the next one.
    pub end_s: f64,
    /// Its name; `Chapter 3` for one without.
    pub title: String,
    /// Language of the name, where it is known.
    pub language: Option<Language>,
}

/// The chapters of a file on the time line of its presentation, which lasts `length_s`.
#[must_use]
pub(super) fn chapters(chapters: &[container::Chapter], cuts: &Cuts, length_s: f64) -> Vec<Chapter> {
    let time_s = |ns: u64| ((ns as f64 - cuts.start_ns as f64) / 1e9).clamp(0.0, length_s);
    let next_starts = chapters.iter().skip(1).map(|next| time_s(next.start_ns)).chain([length_s]);
    let mut out: Vec<Chapter> = Vec::with_capacity(chapters.len());
    for (chapter, next_s) in chapters.iter().zip(next_starts) {
        let start_s = time_s(chapter.start_ns);
        let end_s = chapter.end_ns.map_or(next_s, |end_ns| time_s(end_ns).min(next_s.max(start_s)));
        let end_s = if end_s - start_s < MIN_CHAPTER_S { next_s } else { end_s };
        if end_s - start_s < MIN_CHAPTER_S {
            continue;
        }
        let title: String = chapter.title.chars().filter(|letter| !letter.is_control()).collect();
        let number = out.len().saturating_add(1);
        let title = if title.trim().is_empty() { format!("Chapter {number}") } else { title.trim().to_owned() };
        out.push(Chapter { start_s, end_s, title, language: chapter.language.clone() });
    }
    out
}

/// Chapters as Apple's players read them (`EXT-X-SESSION-DATA`, `com.apple.hls.chapters`).
#[must_use]
pub fn chapters_json(chapters: &[Chapter]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Entry<'a> {
        chapter: usize,
        start_time: f64,
        duration: f64,
        titles: [Title<'a>; 1],
    }
    #[derive(Serialize)]
    struct Title<'a> {
        language: &'a str,
        title: &'a str,
    }
    // Milliseconds are enough, and read better than what is left of nanoseconds.
    let rounded = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
    let entries: Vec<Entry<'_>> = (1..)
        .zip(chapters)
        .map(|(chapter, part)| Entry {
            chapter,
            start_time: rounded(part.start_s),
            duration: rounded(part.end_s - part.start_s),
            titles: [Title {
                language: part.language.as_ref().map_or("und", |language| language.as_str()),
                title: &part.title,
            }],
        })
        .collect();
    serde_json::to_string(&entries).unwrap_or_else(|_| "[]".to_owned())
}

/// Chapters as a WebVTT file, for a `track` element of kind `chapters` and for players that read nothing else.
#[must_use]
pub fn chapters_vtt(chapters: &[Chapter]) -> String {
    let mut out = String::from("WEBVTT\n");
    // A float to integer cast saturates.
    let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
    for (number, chapter) in (1u32..).zip(chapters) {
        // Writing to a string does not fail.
        let _ = write!(out, "\n{number}\n");
        write_time(&mut out, ms(chapter.start_s));
        out.push_str(" --> ");
        write_time(&mut out, ms(chapter.end_s));
        out.push('\n');
        chapter.title.chars().for_each(|letter| escape(&mut out, letter));
        out.push('\n');
    }
    out
}

/// A font that a file carries for its styled subtitles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Font {
    /// Which attachment of the file it is, counted from 1.
    pub number: u32,
    /// Its name, as the file says: not to be trusted as a path.
    pub name: String,
    /// `font/ttf` or `font/otf`.
    pub media_type: &'static str,
    /// Where its bytes lie in the file.
    pub range: ByteRange,
}

impl Font {
    /// The font that an attachment is; `None` for what is none by its type and name, and for one that is too large.
    #[must_use]
    pub fn of(number: u32, attachment: &Attachment) -> Option<Self> {
        let name = attachment.name.to_ascii_lowercase();
        let by_name = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("ttf" | "ttc") => Some("font/ttf"),
            Some("otf" | "otc") => Some("font/otf"),
            _ => None,
        };
        let media_type = match attachment.media_type.to_ascii_lowercase().as_str() {
            "font/otf" | "application/vnd.ms-opentype" | "application/x-font-otf" | "application/x-font-opentype" => {
                Some("font/otf")
            }
            "font/ttf" | "application/x-truetype-font" | "application/x-font-ttf" | "application/x-font-truetype" => {
                Some("font/ttf")
            }
            "font/sfnt" | "font/collection" | "application/font-sfnt" | "application/x-font" => {
                by_name.or(Some("font/ttf"))
            }
            // Muxers that do not know better.
            "application/octet-stream" | "" => by_name,
            _ => None,
        };
        let range = attachment.range;
        let is_sized = !range.is_empty() && range.len() <= MAX_FONT_BYTES;
        let media_type = media_type.filter(|_| is_sized)?;
        // What its own name says, where it says something: players go by it.
        Some(Self { number, name: attachment.name.clone(), media_type: by_name.unwrap_or(media_type), range })
    }

    /// Its name below the token: built from its number, never from the file's words.
    #[must_use]
    pub fn file_name(&self) -> String {
        let ending = if self.media_type == "font/otf" { "otf" } else { "ttf" };
        format!("{}.{ending}", self.number)
    }

    /// Do these first bytes begin a font? Four are enough.
    #[must_use]
    pub fn is_font(first: &[u8]) -> bool {
        matches!(first.first_chunk::<4>(), Some(b"\0\x01\0\0" | b"OTTO" | b"true" | b"ttcf" | b"typ1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(start_s: u64, end_s: Option<u64>, title: &str) -> container::Chapter {
        let ns = |s: u64| s * 1_000_000_000;
        container::Chapter { start_ns: ns(start_s), end_ns: end_s.map(ns), title: title.to_owned(), language: None }
    }

    fn cuts(start_ns: i64) -> Cuts {
        Cuts {
            track_index: 0,
            boundaries: Vec::new(),
            origin_ns: start_ns,
            start_ns,
            end_ticks: 0,
            changes: Vec::new(),
        }
    }

    /// Goal: chapters lie on the time line of the presentation, one after the other, each with a name.
    #[test]
    fn chapters_follow_each_other() {
        let file = [
            chapter(10, None, "One & <two>"),
            chapter(20, Some(25), ""),
            chapter(30, Some(30), "\u{7}"),
            chapter(99, None, "x"),
        ];
        let chapters = chapters(&file, &cuts(10_000_000_000), 60.0);
        let parts: Vec<_> = chapters.iter().map(|one| (one.start_s, one.end_s, one.title.as_str())).collect();
        assert_eq!(parts, [(0.0, 10.0, "One & <two>"), (10.0, 15.0, "Chapter 2"), (20.0, 60.0, "Chapter 3")]);
        assert_eq!(
            chapters_json(&chapters[..1]),
            r#"[{"chapter":1,"start-time":0.0,"duration":10.0,"titles":[{"language":"und","title":"One & <two>"}]}]"#
        );
        assert_eq!(
            chapters_vtt(&chapters[..2]),
            "WEBVTT\n\n1\n00:00:00.000 --> 00:00:10.000\nOne &amp; &lt;two&gt;\n\n\
             2\n00:00:10.000 --> 00:00:15.000\nChapter 2\n"
        );
        assert_eq!((chapters_json(&[]).as_str(), chapters_vtt(&[]).as_str()), ("[]", "WEBVTT\n"));
    }

    /// Goal: fonts are served, and nothing else that files carry; names are ours.
    #[test]
    fn only_fonts_are_fonts() {
        let font = |name: &str, media_type: &str, size: u64| {
            let range = ByteRange::with_len(100, size);
            Font::of(7, &Attachment { name: name.to_owned(), media_type: media_type.to_owned(), range })
                .map(|font| (font.file_name(), font.media_type))
        };
        let ttf = Some(("7.ttf".to_owned(), "font/ttf"));
        let otf = Some(("7.otf".to_owned(), "font/otf"));
        assert_eq!(font("Arial.TTF", "application/x-truetype-font", 9), ttf);
        assert_eq!(font("../../x", "font/ttf", 9), ttf);
        assert_eq!(font("Noto.otf", "application/x-truetype-font", 9), otf);
        assert_eq!(font("a.otf", "application/vnd.ms-opentype", 9), otf);
        assert_eq!(font("a.ttc", "application/octet-stream", 9), ttf);
        for (name, media_type, size) in [
            ("cover.jpg", "image/jpeg", 9),
            ("cover.ttf", "image/jpeg", 9),
            ("page.html", "text/html", 9),
            ("a.bin", "application/octet-stream", 9),
            ("a.ttf", "font/ttf", 0),
            ("a.ttf", "font/ttf", MAX_FONT_BYTES + 1),
        ] {
            assert_eq!(font(name, media_type, size), None, "{name}");
        }
        assert!(Font::is_font(b"OTTO....") && Font::is_font(&[0, 1, 0, 0]));
        assert!(!Font::is_font(b"<htm") && !Font::is_font(b"OT"));
    }
}
