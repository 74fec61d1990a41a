//! Paths: a file read together with the folders around it.

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

/// The folder fills what the file leaves open.
pub(super) fn complete_from_folder(out: &mut ReleaseName, folder: ReleaseName) {
    let file_is_bare = out.title.is_empty() || out.resolution.is_none() && out.source.is_none() && out.year.is_none();
    let folder_is_release = folder.resolution.is_some() || folder.source.is_some() || folder.year.is_some();
    if out.seasons.is_empty() && folder.seasons.len() == 1 {
        out.seasons = folder.seasons;
    }
    if out.title.is_empty() || file_is_bare && folder_is_release && !folder.title.is_empty() && out.episodes.is_empty()
    {
        out.title = folder.title;
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
    out.spans = spans;
}
