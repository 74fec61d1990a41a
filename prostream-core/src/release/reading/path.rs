//! Paths: a file read together with the folders around it.

use std::ops::Range;

use crate::release::ReleaseName;

use super::{OTHER_EXTENSIONS, VIDEO_EXTENSIONS};

/// Most folders around a file that are read, the nearest first: a season's and its show's.
const MAX_FOLDERS: usize = 2;

/// A path in pieces: the file, and the folders around it with where they start.
pub(super) struct Path<'a> {
    pub(super) file: &'a str,
    pub(super) file_start: usize,
    pub(super) folders: Vec<(&'a str, usize)>,
}

impl Path<'_> {
    /// Where the last `text` stands in `span` of the whole, which lies in the file.
    fn find_in(&self, span: Range<usize>, text: &str) -> Option<Range<usize>> {
        let start = span.start.checked_sub(self.file_start)?;
        let inside = self.file.get(start..span.end.checked_sub(self.file_start)?)?;
        let at = span.start + inside.rfind(text)?;
        Some(at..at + text.len())
    }
}

/// Tells paths from names that hold slashes: a path ends in a file, and its slashes stand without spaces and outside brackets.
pub(super) fn split_path(name: &str) -> Option<Path<'_>> {
    let at = name.rfind(['/', '\\'])?;
    let (folders, file) = (name.get(..at)?, name.get(at + 1..)?);
    let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())?;
    let known = [VIDEO_EXTENSIONS, OTHER_EXTENSIONS].iter().any(|list| list.contains(&extension.as_str()));
    let opened = folders.matches(['[', '(']).count() > folders.matches([']', ')']).count();
    if !known || opened || file.starts_with(' ') || folders.ends_with(' ') {
        return None;
    }
    let mut rest = folders;
    let mut list = Vec::new();
    while list.len() < MAX_FOLDERS && !rest.is_empty() {
        let start = rest.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
        list.extend(rest.get(start..).filter(|folder| !folder.is_empty()).map(|folder| (folder, start)));
        rest = rest.get(..start.saturating_sub(1)).unwrap_or_default();
    }
    Some(Path { file, file_start: at + 1, folders: list })
}

/// `Glass.Harbour.S02E05.720p.HDTV.x264-ABC/gh.205.720p-abc.mkv`: the file's name is the folder's in short, so the folder says what it is; where
/// the folder is a whole season, the file's number is the episode.
fn read_short_form(out: &mut ReleaseName, path: &Path<'_>, folder: &ReleaseName) {
    let title_span = out.spans.iter().find(|(field, _)| *field == "title").map(|(_, span)| span.clone());
    // A title that a nearer folder has told is none in short.
    if title_span.as_ref().is_some_and(|span| span.start < path.file_start) {
        return;
    }
    let Some(number) = number_behind_short_form(out, path.file, folder) else { return };
    out.title.clear();
    out.spans.retain(|(field, _)| *field != "title");
    if !out.episodes.is_empty() {
        return;
    }
    match (number.parse::<u32>(), folder.seasons.as_slice()) {
        (Ok(ordinal), [season]) if ordinal / 100 == *season => {
            out.episodes.push(ordinal % 100);
            let digits = title_span.and_then(|span| path.find_in(span, &number));
            out.spans.extend(digits.map(|digits| ("episodes", digits)));
        }
        _ => out.episodes.clone_from(&folder.episodes),
    }
}

/// The digits behind the short form of the folder's title, if the file's title is one.
fn number_behind_short_form(out: &ReleaseName, file: &str, folder: &ReleaseName) -> Option<String> {
    // Scene files are written small; "Glass.2012" in "Glass.Harbour.Trilogy" is another film.
    if folder.title.is_empty() || file.contains(char::is_uppercase) || out.year.is_some() && out.year != folder.year {
        return None;
    }
    let short = letters(&out.title);
    let short = match folder.group.as_deref().map(letters) {
        Some(group) if !group.is_empty() && letters(file).contains(&group) => {
            short.strip_prefix(&group).or_else(|| short.strip_suffix(&group)).unwrap_or(&short).to_owned()
        }
        // "Glass Harbour (2012)/abc-gh.mkv": of a film, the group is told by its file alone.
        None if folder.year.is_some() && folder.seasons.is_empty() && out.year.is_none() && out.episodes.is_empty() => {
            out.title.split_once('-').filter(|(group, _)| !group.contains(' ')).map(|(_, short)| letters(short))?
        }
        _ => return None,
    };
    let (initials, number) = short.split_at(short.find(|letter: char| letter.is_ascii_digit()).unwrap_or(short.len()));
    is_short_for(initials, &letters(&folder.title)).then(|| number.to_owned())
}

/// Letters and digits in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The letters of `short` stand in `whole` in this order, the first one first.
fn is_short_for(short: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    short.chars().next() == whole.chars().next().filter(|_| !short.is_empty())
        && short.chars().all(|letter| rest.any(|other| other == letter))
}

/// The folder fills what the file leaves open.
pub(super) fn complete_from_folder(out: &mut ReleaseName, path: &Path<'_>, folder: ReleaseName) {
    read_short_form(out, path, &folder);
    let file_is_bare =
        out.resolution.is_none() && out.source.is_none() && out.year.is_none() && out.video_codec.is_none();
    let folder_is_release = folder.resolution.is_some() || folder.source.is_some() || folder.year.is_some();
    // "Glass.Harbour.S02E05.720p/34_tam.srt": a file that says nothing else belongs to the folder's episode.
    if out.title.is_empty() && out.seasons.is_empty() && out.episodes.is_empty() && out.date.is_none() {
        out.episodes = folder.episodes;
        out.date = folder.date;
    }
    if out.seasons.is_empty() && folder.seasons.len() == 1 {
        out.seasons = folder.seasons;
    }
    if out.title.is_empty() || file_is_bare && folder_is_release && !folder.title.is_empty() && out.episodes.is_empty()
    {
        out.title = folder.title;
        out.spans.retain(|(field, _)| *field != "title");
    }
    if out.year.is_none() {
        out.year = folder.year;
    }
    if out.resolution.is_none() {
        out.resolution = folder.resolution;
    }
    if out.source.is_none() {
        out.source = folder.source;
        out.remux |= folder.remux;
    }
    if out.video_codec.is_none() {
        out.video_codec = folder.video_codec;
    }
    if out.group.is_none() {
        out.group = folder.group;
    }
    if out.audio.is_empty() {
        out.audio = folder.audio;
    }
    if out.channels.is_empty() {
        out.channels = folder.channels;
    }
    if out.hdr.is_empty() {
        out.hdr = folder.hdr;
    }
    if out.languages.is_empty() {
        out.languages = folder.languages;
    }
    if out.edition.is_empty() {
        out.edition = folder.edition;
    }
    let mut spans = folder.spans;
    let stated: Vec<&str> = out.spans.iter().map(|(field, _)| *field).collect();
    spans.retain(|(field, _)| !stated.contains(field));
    spans.append(&mut out.spans);
    spans.sort_by_key(|(_, span)| span.start);
    out.spans = spans;
}
