//! The sample descriptions of a track (`stsd`, ISO/IEC 14496-12 section 8.5.2), and where each begins to apply.

use super::malformed;
use super::table::{SampleTable, description_changes};
use crate::Result;
use crate::container::Description;
use crate::container::codec::boxes::Children;
use crate::container::codec::{CodecConfig, from_sample_entry};
use crate::model::{Codec, TextFormat, TrackKind};

/// Most changes of the description that are followed.
const MAX_CHANGES: usize = 1024;

/// What the samples of a track are, in order.
#[derive(Debug)]
pub(super) struct Descriptions {
    /// Each with the first sample that it applies to; the first one's is 0.
    runs: Vec<(u32, CodecConfig)>,
    /// All samples of a text track are forced.
    pub(super) is_all_forced: bool,
    /// Why the track cannot be packaged as a whole.
    pub(super) refusal: Option<&'static str>,
}

impl Descriptions {
    /// Reads the descriptions that the chunks of a track use; where it has none, the one that its fragments use, counted from 1.
    pub(super) fn parse(minf: &[u8], stbl: &[u8], kind: TrackKind, of_fragments: u32) -> Result<Self> {
        let stsd = Children::find(stbl, *b"stsd")
            .and_then(|body| body.get(8..))
            .ok_or_else(|| malformed("stsd is missing"))?;
        let entries: Vec<_> = Children::of(stsd).take(MAX_CHANGES).collect();
        let mut changes = description_changes(stbl, MAX_CHANGES)?;
        let mut refusal = None;
        if changes.len() >= MAX_CHANGES {
            changes.truncate(1);
            refusal = Some("its sample description changes too often");
        }
        if changes.is_empty() {
            changes.push((0, of_fragments.saturating_sub(1)));
        }
        let mut runs: Vec<(u32, CodecConfig)> = Vec::with_capacity(changes.len());
        let mut is_all_forced = false;
        for (first_sample, number) in changes {
            let entry = usize::try_from(number).ok().and_then(|number| entries.get(number));
            let entry = entry.ok_or_else(|| malformed("no sample description"))?;
            let config = from_sample_entry(entry.kind, entry.body)?;
            if !is_in_this_file(minf, entry.body) {
                refusal = refusal.or(Some("its samples lie in another file"));
            }
            let is_fitting = match kind {
                TrackKind::Video => config.video.is_some(),
                TrackKind::Audio => config.audio.is_some(),
                TrackKind::Subtitle => matches!(config.codec, Codec::Text(_)),
            };
            if !is_fitting && config.codec != Codec::Other {
                refusal = refusal.or(Some("in a track of another kind"));
            }
            // displayFlags of 3GPP TS 26.245 section 5.16; "all samples are forced" is Apple's.
            is_all_forced |= config.codec == Codec::Text(TextFormat::Tx3g)
                && entry.body.get(8..).and_then(|flags| flags.first()).is_some_and(|flags| flags & 0x80 != 0);
            match runs.last() {
                Some((_, last)) if *last == config => {}
                Some((_, last)) if last.codec != config.codec || last.nal_length_size != config.nal_length_size => {
                    refusal = refusal.or(Some("its codec changes on the way"));
                    runs.push((first_sample, config));
                }
                // Text is read sample by sample, whatever its style.
                Some(_) if kind == TrackKind::Subtitle => {}
                _ => runs.push((first_sample, config)),
            }
        }
        Ok(Self { runs, is_all_forced, refusal })
    }

    /// The description of a sample, and those that begin behind it. A change that is not at a sync sample is none that a player could follow: it
    /// refuses the track.
    pub(super) fn from(
        mut self,
        first: u32,
        table: &SampleTable,
    ) -> Result<(CodecConfig, Vec<Description>, Option<&'static str>)> {
        let begun = self.runs.partition_point(|(sample, _)| *sample <= first).saturating_sub(1);
        let mut rest = self.runs.split_off(begun).into_iter();
        let (_, config) = rest.next().ok_or_else(|| malformed("no sample description"))?;
        let mut later = Vec::new();
        for (from_sample_index, config) in rest {
            let Some(sample) = table.sample(from_sample_index) else { break };
            if !sample.is_sync {
                self.refusal = self.refusal.or(Some("its sample description changes between keyframes"));
            }
            later.push(Description {
                from_sample_index,
                from_ticks: sample.pts_ticks,
                sample_entry: config.sample_entry,
                codec_string: config.codec_string,
            });
        }
        Ok((config, later, self.refusal))
    }

    /// The first description.
    pub(super) fn first(&self) -> Option<&CodecConfig> {
        self.runs.first().map(|(_, config)| config)
    }
}

/// Do the samples of a description lie in this file (`dref`, section 8.7.2)? Not said is yes.
fn is_in_this_file(minf: &[u8], entry: &[u8]) -> bool {
    let number =
        entry.get(6..8).and_then(|number| number.first_chunk()).map_or(0, |number| u16::from_be_bytes(*number));
    let dref = Children::find(minf, *b"dinf").and_then(|dinf| Children::find(dinf, *b"dref"));
    let at = usize::from(number).checked_sub(1);
    let reference = at.and_then(|at| Children::of(dref?.get(8..)?).nth(at));
    // A flag says so, in all kinds of references.
    reference.and_then(|reference| reference.body.get(3).copied()).is_none_or(|flags| flags & 1 == 1)
}
