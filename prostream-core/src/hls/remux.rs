use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::captions::TextRendition;
use super::clock::seconds;
use super::copied::CopiedRendition;
use super::extras::{self, Font};
use super::keyframes::Keyframes;
use super::lines::TextShelf;
use super::playlist::{length_s, target_duration_s};
use super::spans::{SpanCache, SpanReader};
use super::{
    CUT_RULE, CutFindings, Cuts, HlsProvider, PACKAGER_VERSION, Presentation, Rendition, RenditionInfo, fmp4, plan,
    rates, timing,
};
use crate::container::{self, Attachment, MediaIndex, Step, Track, matroska, read_missing};
use crate::model::{Codec, DeviceProfile, TrackInfo, TrackKind};
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// Most steps in which attachments are looked for, two for each.
const MAX_ATTACHMENT_READS: usize = 512;

/// What the variant id of the fallback timing profile ends with (PACKAGING 5.3).
const FALLBACK_TIMING: &str = "t2";

/// Settings of the packager.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackagerConfig {
    /// Memory for sound that was read along with the pictures around it, in bytes, over all files: a minute takes about a megabyte. Beside
    /// it up to 64 MiB of spans of Matroska wait for their readers, and up to 16 MiB of sound of MP4 is being copied out at a time.
    /// Default: 64 MiB.
    pub sound_budget_bytes: u64,
}

impl Default for PackagerConfig {
    fn default() -> Self {
        Self { sound_budget_bytes: 64 << 20 }
    }
}

/// Packages MP4 and Matroska by copying samples: no ffmpeg, no temporary file.
#[derive(Debug)]
pub struct NativePackager {
    spans: Arc<SpanCache>,
    texts: TextShelf,
}

impl Default for NativePackager {
    fn default() -> Self {
        Self::new(PackagerConfig::default())
    }
}

impl NativePackager {
    /// A packager with these settings.
    #[must_use]
    pub fn new(config: PackagerConfig) -> Self {
        Self { spans: Arc::new(SpanCache::new(config.sound_budget_bytes)), texts: TextShelf::default() }
    }

    /// Lets go of what was read for viewers who have left. To be called now and then.
    pub fn trim_idle(&self) {
        self.spans.trim_idle();
    }

    /// A presentation of a file whose index is known: nothing is read.
    ///
    /// Cuts and times are the same for every device; only which tracks are offered differs. Offered are the main video, every audio track
    /// that the device plays, and every text track.
    ///
    /// # Errors
    /// `Unsupported` when there is neither video nor audio that can be packaged, when the device does not play the video, or when there
    /// is only audio and it plays none of it; `Malformed` and `LimitExceeded` for hostile tables.
    pub fn present(
        &self,
        index: Arc<MediaIndex>,
        source: Arc<dyn ByteSource>,
        device: &DeviceProfile,
    ) -> Result<Arc<dyn Presentation>> {
        let selected = plan::select(&index);
        if selected.is_empty() {
            return Err(nothing_to_play(&index));
        }
        let offered = offer(&index, &selected, device)?;
        let mut cuts = plan::plan(&index, &selected)?;
        // Where an index gives way to a better one, its URLs are not those of the better one.
        let kind = match index.grid_gop() {
            Some(_) => "g",
            None if index.is_completed => "s",
            None => "",
        };
        let mut variant_id = format!("p{PACKAGER_VERSION}c{CUT_RULE}{kind}");
        let mut delay_ticks = 0;
        if !device.takes_negative_offsets {
            variant_id.push_str(FALLBACK_TIMING);
            delay_ticks = timing::delay_ticks(&index, &cuts)?;
            timing::delay_all(&index, &mut cuts, delay_ticks);
        }
        let cuts = Arc::new(cuts);
        let drafts = offered
            .into_iter()
            .map(|(track_index, track)| Draft::new(&index, &cuts, track_index, track))
            .collect::<Result<Vec<Draft>>>()?;
        let text = self.texts.of_file(source.identity(), &index, &cuts);
        let spans = SpanReader::new(self.spans.clone(), source.clone(), text.clone(), &selected);
        let spans = Arc::new(spans);
        let target_s = target_duration_s(drafts.iter().map(|draft| &draft.info));
        let mut renditions: Vec<Arc<dyn Rendition>> = Vec::with_capacity(drafts.len());
        for mut draft in drafts {
            // A track without a single packet has no rendition.
            if draft.info.listed_durations_s().is_empty() {
                continue;
            }
            rates::measure(&mut draft.info, &index, &cuts, draft.track_index, target_s);
            let mut copied = draft.copy(&index, &source, &spans, &cuts, &variant_id)?;
            copied.delay_ticks = if copied.track_index == cuts.track_index { delay_ticks } else { 0 };
            renditions.push(Arc::new(copied));
        }
        if renditions.is_empty() {
            return Err(nothing_to_play(&index));
        }
        for (track_index, track) in index.tracks.iter().enumerate() {
            if matches!(track.info.codec, Codec::Text(_)) {
                let info = text_info(&index, &cuts, track);
                renditions.push(Arc::new(TextRendition::new(info, text.clone(), source.clone(), track_index)));
            }
        }
        let cut_track = index.tracks.get(cuts.track_index);
        let has_independent_segments =
            cut_track.is_some_and(|track| track.info.kind == TrackKind::Audio || track.has_closed_gops);
        let packaged = Packaged {
            index,
            source,
            cuts,
            renditions,
            variant_id,
            has_independent_segments,
            spans,
            fonts: OnceCell::new(),
        };
        Ok(Arc::new(packaged))
    }
}

#[async_trait]
impl HlsProvider for NativePackager {
    async fn open(&self, source: Arc<dyn ByteSource>, device: &DeviceProfile) -> Result<Arc<dyn Presentation>> {
        let index = Arc::new(container::open(&source).await?);
        self.present(index, source, device)
    }
}

/// The tracks of a plan that a device plays.
fn offer<'a>(index: &'a MediaIndex, selected: &[usize], device: &DeviceProfile) -> Result<Vec<(usize, &'a Track)>> {
    let mut offered = Vec::new();
    let mut refusal = None;
    for &at in selected {
        let Some(track) = index.tracks.get(at) else { continue };
        match device.why_not(&track.info) {
            None => offered.push((at, track)),
            Some(why) if track.info.kind == TrackKind::Video => return Err(not_played(why)),
            Some(why) => refusal = refusal.or(Some(why)),
        }
    }
    match refusal {
        Some(why) if offered.is_empty() => Err(not_played(why)),
        _ => Ok(offered),
    }
}

fn not_played(why: String) -> Error {
    Error::new(ErrorKind::Unsupported, "open presentation")
        .detail(why)
        .advise("choose another release, or a player that takes this one")
}

fn nothing_to_play(index: &MediaIndex) -> Error {
    let codecs: Vec<&str> = index
        .tracks
        .iter()
        .filter(|track| track.info.kind != TrackKind::Subtitle)
        .map(|track| track.info.codec_string.as_str())
        .collect();
    let detail = if codecs.is_empty() {
        "no video and no audio".to_owned()
    } else {
        format!("no track that can be packaged without conversion ({})", codecs.join(", "))
    };
    Error::new(ErrorKind::Unsupported, "open presentation").detail(detail).advise("choose another release")
}

/// A rendition in the making.
struct Draft {
    info: RenditionInfo,
    track_index: usize,
    starts: Vec<i64>,
    /// Length of the whole presentation in ticks of the track.
    duration_ticks: u64,
    keyframes: Option<Keyframes>,
}

impl Draft {
    fn new(index: &MediaIndex, cuts: &Cuts, track_index: usize, track: &Track) -> Result<Self> {
        let starts = plan::segment_starts(index, cuts, track_index)?;
        let timescale = track.info.timescale;
        let length = |pair: &[i64]| match pair {
            [from, to] => seconds(to.saturating_sub(*from), timescale),
            _ => 0.0,
        };
        let shift = cuts.shift_ticks(timescale);
        let end = starts.last().copied().unwrap_or(0).saturating_sub(shift);
        let start = starts.first().map_or(0, |first| cuts.since_start(*first, timescale));
        let kind = if track.info.kind == TrackKind::Video { "video" } else { "audio" };
        let keyframes = Keyframes::choose(index, cuts, track_index, &starts);
        let later = later_tracks(cuts, track_index, track);
        let info = RenditionInfo {
            name: format!("{kind}-{}", track.info.number),
            segment_durations_s: starts.windows(2).map(length).collect(),
            start_s: seconds(start, timescale),
            track: track.info.clone(),
            peak_bits_per_s: 0,
            average_bits_per_s: 0,
            later_codec_strings: later.map(|track| track.codec_string).collect(),
            keyframes: keyframes.as_ref().map(|keyframes| keyframes.info(index, cuts, track_index)),
        };
        Ok(Self { info, track_index, starts, duration_ticks: u64::try_from(end).unwrap_or(0), keyframes })
    }

    fn copy(
        self,
        index: &Arc<MediaIndex>,
        source: &Arc<dyn ByteSource>,
        spans: &Arc<SpanReader>,
        cuts: &Arc<Cuts>,
        variant_id: &str,
    ) -> Result<CopiedRendition> {
        let track = index.tracks.get(self.track_index);
        let later = track.into_iter().flat_map(|track| later_tracks(cuts, self.track_index, track));
        let inits = std::iter::once(self.info.track.clone())
            .chain(later)
            .map(|track| fmp4::init_segment(&track, self.duration_ticks))
            .collect::<Result<Vec<Bytes>>>()?;
        Ok(CopiedRendition {
            inits,
            delay_ticks: 0,
            lead_ticks: timing::decode_lead_ticks(index, self.track_index),
            keyframes: self.keyframes,
            info: self.info,
            index: index.clone(),
            source: source.clone(),
            spans: spans.clone(),
            cuts: cuts.clone(),
            variant_id: variant_id.to_owned(),
            track_index: self.track_index,
            starts: self.starts,
        })
    }
}

/// What a track is after each change of its sample description.
fn later_tracks<'a>(cuts: &'a Cuts, track_index: usize, track: &'a Track) -> impl Iterator<Item = TrackInfo> + 'a {
    let changes = cuts.changes.iter().filter(move |_| track_index == cuts.track_index);
    changes.filter_map(|change| {
        let description = track.descriptions.get(change.description_index)?;
        Some(TrackInfo {
            sample_entry: description.sample_entry.clone(),
            codec_string: description.codec_string.clone(),
            ..track.info.clone()
        })
    })
}

/// What a text rendition is: its segments span exactly what the cuts say.
fn text_info(index: &MediaIndex, cuts: &Cuts, track: &Track) -> RenditionInfo {
    let timescale = index.tracks.get(cuts.track_index).map_or(1, |cut| cut.info.timescale);
    let times = cuts.boundaries.iter().map(|boundary| boundary.point.pts_ticks);
    let first = times.clone().next().unwrap_or(0);
    let ends = times.clone().skip(1).chain([cuts.end_ticks]);
    let durations = times.zip(ends).map(|(from, to)| seconds(to.saturating_sub(from), timescale)).collect();
    RenditionInfo {
        name: format!("text-{}", track.info.number),
        track: track.info.clone(),
        segment_durations_s: durations,
        start_s: seconds(cuts.since_start(first, timescale), timescale),
        peak_bits_per_s: 0,
        average_bits_per_s: 0,
        later_codec_strings: Vec::new(),
        keyframes: None,
    }
}

/// What a player sees of a file that is packaged here.
#[derive(Debug)]
struct Packaged {
    index: Arc<MediaIndex>,
    cuts: Arc<Cuts>,
    renditions: Vec<Arc<dyn Rendition>>,
    variant_id: String,
    has_independent_segments: bool,
    source: Arc<dyn ByteSource>,
    /// All fonts, once somebody asked.
    fonts: OnceCell<Vec<Font>>,
    spans: Arc<SpanReader>,
}

impl Packaged {
    /// The attachments that lie behind those which opening showed: their headers are read, their bytes passed over.
    async fn later_attachments(&self) -> Result<Vec<Attachment>> {
        let Some(last) = self.index.attachments.last() else { return Ok(Vec::new()) };
        let (mut at, mut later) = (last.range.end, Vec::new());
        let mut have = self.source.at_hand();
        for _ in 0..MAX_ATTACHMENT_READS {
            match matroska::attachment_behind(&self.index, at, &have)? {
                Step::Done(None) => break,
                Step::Done(Some(next)) => {
                    later.extend(next.attachment);
                    at = next.end;
                }
                Step::Need(ranges) => {
                    read_missing(&self.source, &mut have, &ranges, 0).await?;
                }
            }
        }
        Ok(later)
    }
}

/// Counts attachments from 1, and picks out the fonts.
fn fonts<'a>(attachments: impl Iterator<Item = &'a Attachment>) -> Vec<Font> {
    (1..).zip(attachments).filter_map(|(number, attachment)| Font::of(number, attachment)).collect()
}

#[async_trait]
impl Presentation for Packaged {
    fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    fn renditions(&self) -> &[Arc<dyn Rendition>] {
        &self.renditions
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        self.index.tracks.iter().map(|track| track.info.clone()).collect()
    }

    fn variant_id(&self) -> &str {
        &self.variant_id
    }

    fn has_independent_segments(&self) -> bool {
        self.has_independent_segments
    }

    fn chapters(&self) -> Vec<extras::Chapter> {
        extras::chapters(&self.index.chapters, &self.cuts, length_s(self))
    }

    fn fonts(&self) -> Vec<Font> {
        fonts(self.index.attachments.iter())
    }

    async fn all_fonts(&self) -> Result<Vec<Font>> {
        let all = self.fonts.get_or_try_init(|| async {
            let later = self.later_attachments().await?;
            Ok::<_, Error>(fonts(self.index.attachments.iter().chain(&later)))
        });
        all.await.cloned()
    }

    fn cut_findings(&self) -> CutFindings {
        self.spans.findings()
    }
}
