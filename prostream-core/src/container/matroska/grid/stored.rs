//! A grid in a stored index: what a search needs. What searches have found is found again.

use std::sync::OnceLock;

use super::Grid;
use crate::Result;
use crate::container::Track;
use crate::container::matroska::scan::CutTrack;
use crate::container::matroska::stored::inconsistent;
use crate::container::matroska::tracks::Encoding;
use crate::container::stored::{Reader, Writer};

impl Grid {
    pub(in crate::container::matroska) fn write(&self, writer: &mut Writer) {
        let Self { track_index, cut, takes_marked, longest_gop_ns, usual_cluster_bytes, first_ns, end_ns, found: _ } =
            self;
        let CutTrack { number, is_video, codec, nal_length_size, encoding } = cut;
        writer.number(*track_index as u64);
        writer.number(*number);
        writer.flag(*is_video);
        writer.codec(*codec);
        writer.byte(*nal_length_size);
        match encoding {
            Encoding::Plain => writer.byte(0),
            Encoding::HeaderStripping(prefix) => {
                writer.byte(1);
                writer.bytes(prefix);
            }
            Encoding::Zlib => writer.byte(2),
            // No such track is cut.
            Encoding::Other(_) => writer.byte(3),
        }
        writer.flag(*takes_marked);
        writer.signed(*longest_gop_ns);
        writer.number(*usual_cluster_bytes);
        writer.signed(*first_ns);
        writer.signed(*end_ns);
    }

    pub(in crate::container::matroska) fn read(reader: &mut Reader<'_>, tracks: &[Track]) -> Result<Self> {
        let track_index: usize = reader.small()?;
        let cut = CutTrack {
            number: reader.number()?,
            is_video: reader.flag()?,
            codec: reader.codec()?,
            nal_length_size: reader.byte()?,
            encoding: match reader.byte()? {
                0 => Encoding::Plain,
                1 => Encoding::HeaderStripping(reader.bytes()?),
                2 => Encoding::Zlib,
                _ => return Err(inconsistent("an unknown encoding")),
            },
        };
        let points = tracks.get(track_index).map(|track| track.sync_points.len());
        let point_count = points.ok_or_else(|| inconsistent("a grid of no track"))?;
        let grid = Self {
            track_index,
            cut,
            takes_marked: reader.flag()?,
            longest_gop_ns: reader.signed()?,
            usual_cluster_bytes: reader.number()?,
            first_ns: reader.signed()?,
            end_ns: reader.signed()?,
            found: std::iter::repeat_with(OnceLock::new).take(point_count).collect(),
        };
        if grid.usual_cluster_bytes > super::MAX_PROBE_WINDOW_BYTES {
            return Err(inconsistent("clusters that are too large"));
        }
        Ok(grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::SyncPoint;
    use crate::model::{Codec, SampleEntry, TrackInfo, TrackKind};

    fn track(point_count: usize) -> Track {
        let point = |at| SyncPoint { pts_ticks: at as i64, sample_index: 0, offset_bytes: 0, block_offset_bytes: 0 };
        Track {
            info: TrackInfo {
                number: 1,
                kind: TrackKind::Video,
                codec: Codec::H264,
                codec_string: String::new(),
                sample_entry: SampleEntry::default(),
                timescale: 1000,
                language: None,
                name: None,
                is_default: false,
                is_forced: false,
                is_hearing_impaired: false,
                is_commentary: false,
                video: None,
                audio: None,
            },
            start_ticks: 0,
            end_ticks: 0,
            sync_points: (0..point_count).map(point).collect(),
            has_closed_gops: false,
            average_bits_per_s: 0,
            descriptions: Vec::new(),
        }
    }

    /// Goal: a grid comes back as it was before anything was searched, for every kind of track; one of no track is refused.
    #[test]
    fn grids_come_back() {
        for encoding in [Encoding::Plain, Encoding::Zlib, Encoding::HeaderStripping(vec![1, 2].into())] {
            let cut = CutTrack { number: 7, is_video: true, codec: Codec::H264, nal_length_size: 4, encoding };
            let grid = Grid {
                track_index: 0,
                cut,
                takes_marked: true,
                longest_gop_ns: 9_000_000_000,
                usual_cluster_bytes: 1 << 20,
                first_ns: -5,
                end_ns: 1 << 40,
                found: std::iter::repeat_with(OnceLock::new).take(3).collect(),
            };
            let mut writer = Writer::default();
            grid.write(&mut writer);
            let bytes = writer.into_bytes();
            let back = Grid::read(&mut Reader::new(&bytes), &[track(3)]).unwrap();
            assert_eq!(format!("{back:?}"), format!("{grid:?}"));
            assert!(Grid::read(&mut Reader::new(&bytes), &[]).is_err());
        }
    }
}
