//! Lists of segments and of keyframes.

use super::super::{Presentation, RenditionInfo};
use super::{FileKind, line};
use crate::model::TrackKind;

/// The media playlist of one rendition, complete from the start.
#[must_use]
pub fn media(presentation: &dyn Presentation, rendition: &RenditionInfo) -> String {
    let target = target_duration_s(presentation.renditions().iter().map(|rendition| rendition.info()));
    let is_text = rendition.track.kind == TrackKind::Subtitle;
    let changes: Vec<usize> = presentation.cuts().changes.iter().map(|change| change.segment_index).collect();
    let durations_s: Vec<f64> = rendition.told_durations_s().collect();
    let mut list = List::new(target, &durations_s, &changes);
    list.init_count = if is_text { 0 } else { rendition.init_count() };
    list.write("", |index| if is_text { FileKind::TextSegment(index) } else { FileKind::Segment(index) })
}

/// The list of the keyframes of a rendition, each of which is shown until the next; `None` for one without
/// ([`RenditionInfo::keyframes`]).
#[must_use]
pub fn keyframes(rendition: &RenditionInfo) -> Option<String> {
    let keyframes = rendition.keyframes.as_ref()?;
    let mut durations_s = keyframes.durations_s.clone();
    if let Some(first) = durations_s.first_mut() {
        *first += rendition.start_s.max(0.0);
    }
    let mut list = List::new(target_duration_s_of(durations_s.iter().copied()), &durations_s, &keyframes.changes);
    list.init_count = rendition.init_count();
    Some(list.write("#EXT-X-I-FRAMES-ONLY\n", FileKind::Keyframe))
}

/// A list of files of one rendition that are shown one after the other.
struct List<'a> {
    target_s: u64,
    durations_s: &'a [f64],
    /// Which of them come after a change of sample description, rising.
    changes: &'a [usize],
    /// How many init segments there are: 0 for text.
    init_count: u32,
}

impl<'a> List<'a> {
    fn new(target_s: u64, durations_s: &'a [f64], changes: &'a [usize]) -> Self {
        Self { target_s, durations_s, changes, init_count: 0 }
    }

    fn write(&self, tags: &str, name: impl Fn(u32) -> FileKind) -> String {
        let mut out = String::with_capacity(self.durations_s.len().saturating_mul(32).saturating_add(200));
        out.push_str("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n");
        line(&mut out, format_args!("#EXT-X-TARGETDURATION:{}", self.target_s));
        out.push_str("#EXT-X-MEDIA-SEQUENCE:0\n");
        out.push_str(tags);
        self.write_map(&mut out, 0);
        let mut change_count = 0u32;
        for ((at, duration), index) in self.durations_s.iter().enumerate().zip(0u32..) {
            if self.changes.contains(&at) {
                // In every rendition at the same time, whether it changes or not: players keep their parts in step by it.
                change_count = change_count.saturating_add(1);
                out.push_str("#EXT-X-DISCONTINUITY\n");
                self.write_map(&mut out, change_count);
            }
            line(&mut out, format_args!("#EXTINF:{duration:.6},\n{}", name(index)));
        }
        out.push_str("#EXT-X-ENDLIST\n");
        out
    }

    fn write_map(&self, out: &mut String, change_count: u32) {
        if let Some(last) = self.init_count.checked_sub(1) {
            line(out, format_args!("#EXT-X-MAP:URI=\"{}\"", FileKind::Init(change_count.min(last))));
        }
    }
}

/// The longest segment of all renditions, as told and as it is, rounded to the nearest second (RFC 8216 section 4.3.3.1); the same for all of
/// them.
pub(in crate::hls) fn target_duration_s<'a>(renditions: impl Iterator<Item = &'a RenditionInfo>) -> u64 {
    let longest = |info: &RenditionInfo| {
        target_duration_s_of(info.told_durations_s().chain(info.listed_durations_s().iter().copied()))
    };
    renditions.map(longest).max().unwrap_or(1)
}

/// The longest of these lengths, rounded to the nearest second; at least 1.
pub(in crate::hls) fn target_duration_s_of(durations_s: impl Iterator<Item = f64>) -> u64 {
    let longest = durations_s.fold(0.0, f64::max);
    // Written with six decimals, so rounded from those.
    ((longest * 1e6).round() / 1e6).round().max(1.0) as u64
}
