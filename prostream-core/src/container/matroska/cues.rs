//! Cues (RFC 9559 section 5.1.5): where the blocks of interest lie.

use super::ebml::{self, Children, id};
use super::limit_exceeded;
use crate::Result;

/// Most entries of the Cues of one file: 32 MiB of index memory (PARSE-01). A film of three hours with every subtitle indexed has 5,000.
const MAX_CUES: usize = 1_000_000;

/// One place in the file, as the Cues name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cue {
    /// `CueTime`, in units of `TimestampScale`.
    pub(super) time: u64,
    /// `CueClusterPosition`, relative to the first byte of the Segment's data.
    pub(super) cluster_position: u64,
    /// `CueRelativePosition`, relative to the first byte of the cluster's data; 0 when absent, as no block can be there.
    pub(super) relative_position: u64,
    /// `CueTrack`.
    pub(super) track: u64,
}

/// Reads the data of a Cues element. A point that is broken in itself ends the list: what stands before it is good.
///
/// # Errors
/// `LimitExceeded` for more than [`MAX_CUES`].
pub(super) fn parse(data: &[u8]) -> Result<Vec<Cue>> {
    let mut cues = Vec::new();
    for child in Children::new(data) {
        let Ok((child_id, point)) = child else { break };
        if child_id == id::CUE_POINT && parse_point(point, &mut cues).is_none() {
            break;
        }
        if cues.len() > MAX_CUES {
            return Err(limit_exceeded("too many cues"));
        }
    }
    Ok(cues)
}

fn parse_point(point: &[u8], cues: &mut Vec<Cue>) -> Option<()> {
    let mut time = None;
    // The time may follow the positions: they are completed at the end.
    let first = cues.len();
    for child in Children::new(point) {
        let (child_id, data) = child.ok()?;
        match child_id {
            id::CUE_TIME => time = Some(ebml::uint(data).ok()?),
            id::CUE_TRACK_POSITIONS => {
                let mut cue = Cue { time: 0, cluster_position: 0, relative_position: 0, track: 0 };
                for field in Children::new(data) {
                    let (field_id, value) = field.ok()?;
                    match field_id {
                        id::CUE_TRACK => cue.track = ebml::uint(value).ok()?,
                        id::CUE_CLUSTER_POSITION => cue.cluster_position = ebml::uint(value).ok()?,
                        id::CUE_RELATIVE_POSITION => cue.relative_position = ebml::uint(value).ok()?,
                        _ => {}
                    }
                }
                cues.push(cue);
            }
            _ => {}
        }
    }
    match time {
        Some(time) => cues.iter_mut().skip(first).for_each(|cue| cue.time = time),
        None => cues.truncate(first),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a point may name several tracks, the time may stand last, and a cut list keeps its good part.
    #[test]
    fn points_of_several_tracks() {
        let data = [
            0xBB, 0x8E, 0xB7, 0x86, 0xF7, 0x81, 1, 0xF1, 0x81, 40, 0xB7, 0x82, 0xF7, 0x80, 0xB3, 0x80, // time 0
            0xBB, 0x8E, 0xB3, 0x81, 9, 0xB7, 0x89, 0xF7, 0x81, 1, 0xF1, 0x81, 80, 0xF0, 0x81, 4, // time 9
        ];
        let cues = parse(&data).unwrap();
        assert_eq!(cues.len(), 3);
        assert_eq!(cues[0], Cue { time: 0, cluster_position: 40, relative_position: 0, track: 1 });
        assert_eq!(cues[2], Cue { time: 9, cluster_position: 80, relative_position: 4, track: 1 });
        assert_eq!(parse(&data[..data.len() - 1]).unwrap().len(), 2);
    }
}
