//! Which audio stands beside which, what plays by default, and what tracks are called.

use std::collections::BTreeSet;

use super::super::RenditionInfo;
use crate::model::{Codec, TrackInfo, TrackKind};

/// Longest name of a rendition that is shown, in characters.
const MAX_NAME_CHARS: usize = 100;

/// Audio renditions of one codec.
pub(super) struct AudioGroup<'a> {
    pub(super) name: &'static str,
    pub(super) members: Vec<&'a RenditionInfo>,
}

impl AudioGroup<'_> {
    pub(super) fn codecs(&self) -> BTreeSet<&str> {
        self.members.iter().flat_map(|info| info.codec_strings()).collect()
    }

    pub(super) fn largest(&self, rate: impl Fn(&RenditionInfo) -> u64) -> u64 {
        self.members.iter().map(|info| rate(info)).max().unwrap_or(0)
    }
}

/// Groups of audio by codec; the one with the track that the file wants to be chosen comes first.
pub(super) fn group_by_codec<'a>(audio: &[&'a RenditionInfo]) -> Vec<AudioGroup<'a>> {
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
pub(super) fn chosen(members: &[&RenditionInfo]) -> usize {
    let is_plain = |track: &TrackInfo| !track.is_commentary && !track.is_hearing_impaired;
    members
        .iter()
        .position(|info| info.track.is_default && is_plain(&info.track))
        .or_else(|| members.iter().position(|info| is_plain(&info.track)))
        .unwrap_or(0)
}

/// A name for each, as players show it: the file's own, or the language; numbered where two would be the same.
pub(super) fn unique_names(members: &[&RenditionInfo]) -> Vec<String> {
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
