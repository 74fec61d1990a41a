//! Edit lists (ISO/IEC 14496-12 section 8.6.6): when a track is presented, and what of it.
//!
//! Empty edits delay a track, its first media edit says which media time plays then. Whole pieces of it that are never presented are left out;
//! what decoding needs stays, before time 0 of the presentation: there playback begins (`EXT-X-START`). Edits that go on from one another are
//! one. Others, which cut pieces out of the middle or show them again, are not made: the film is played as it was taken.

use std::ops::Range;

use super::table::SampleTable;
use crate::container::codec::bits::ByteReader;
use crate::model::TrackKind;

/// Most edits that are looked at; editors write a few.
const MAX_EDITS: u32 = 65_536;
/// Sound before the presented part that stays, in seconds: what decoders need to settle, priming included.
const MAX_PRIMING_S: u32 = 1;
/// Less than this behind the presented part stays, in seconds: padding, and what coarse timescales round off.
const MIN_TRIMMED_END_S: u32 = 1;

/// What an edit list comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// Added to every time of the media.
    pub(super) shift_ticks: i64,
    /// When the track is presented from, by the clock of the presentation.
    start_ticks: i64,
    /// When its presentation ends; `None` to its end.
    end_ticks: Option<i64>,
    /// It plays at another speed than it was taken at.
    pub(super) has_other_rate: bool,
    /// There is a media edit.
    is_set: bool,
}

impl Edits {
    /// Reads the payload of `elst`. A broken list is none.
    pub(super) fn parse(elst: &[u8], movie_timescale: u32, timescale: u32) -> Self {
        let mut reader = ByteReader::new(elst);
        let Some((version_flags, count)) = reader.u32().zip(reader.u32()) else { return Self::default() };
        let is_long = version_flags >> 24 == 1;
        let next = |reader: &mut ByteReader<'_>| {
            let times = if is_long {
                (reader.u64()?, reader.i64()?)
            } else {
                (u64::from(reader.u32()?), i64::from(reader.i32()?))
            };
            Some((times.0, times.1, reader.u32()? >> 16))
        };
        let to_ticks = |duration: i128| {
            // To the nearest tick: movie timescales are mostly coarser.
            let scaled = duration.saturating_mul(timescale.into()).saturating_add(i128::from(movie_timescale / 2));
            scaled.checked_div(movie_timescale.into()).unwrap_or(0)
        };
        let (mut delay, mut length) = (0i128, 0i128);
        let mut first: Option<i64> = None;
        let mut edits = Self::default();
        let mut is_one_piece = true;
        for _ in 0..count.min(MAX_EDITS) {
            let Some((duration, media_time, rate)) = next(&mut reader) else { break };
            if media_time < 0 {
                match first {
                    None => delay = delay.saturating_add(duration.into()),
                    // A pause.
                    Some(_) => is_one_piece = false,
                }
                continue;
            }
            // A rate of 0 holds a picture; it is also what careless writers leave.
            edits.has_other_rate |= rate > 1;
            let begun = i128::from(*first.get_or_insert(media_time));
            let goes_on = begun.saturating_add(to_ticks(length));
            // As near as the clock of the movie can tell.
            let tick = timescale.checked_div(movie_timescale).unwrap_or(0).saturating_add(1);
            is_one_piece &= goes_on.abs_diff(media_time.into()) <= tick.into();
            length = length.saturating_add(duration.into());
            // To its end.
            is_one_piece &= duration > 0;
        }
        let Some(media_time) = first else { return edits };
        let cut = |ticks: i128| i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX });
        let delay_ticks = to_ticks(delay);
        edits.shift_ticks = cut(delay_ticks.saturating_sub(media_time.into()));
        edits.start_ticks = cut(delay_ticks);
        edits.end_ticks = is_one_piece.then(|| cut(delay_ticks.saturating_add(to_ticks(length))));
        edits.is_set = true;
        edits
    }

    /// The samples that are presented, and those that are needed for them.
    pub(super) fn presented(&self, table: &SampleTable, kind: TrackKind, timescale: u32) -> Range<u32> {
        let all = 0..table.count();
        if !self.is_set {
            return all;
        }
        let seconds = |count: u32| i64::from(timescale).saturating_mul(count.into());
        let start = match (kind, table.syncs()) {
            (TrackKind::Audio, _) => {
                table.range_by_time(Some(self.start_ticks.saturating_sub(seconds(MAX_PRIMING_S))), None).start
            }
            // From the last sync sample that is not behind the start.
            (_, Some(syncs)) => {
                let is_before =
                    |sync: &&u32| table.sample(**sync).is_some_and(|sample| sample.pts_ticks <= self.start_ticks);
                syncs.iter().take_while(is_before).last().copied().unwrap_or(0)
            }
            // Each sample is one: the one that is shown then.
            (_, None) => table.range_by_time(None, Some(self.start_ticks.saturating_add(1))).end.saturating_sub(1),
        };
        let media_end = table.sample(all.end.saturating_sub(1)).map_or(0, |last| last.dts_ticks);
        let end = self
            .end_ticks
            .filter(|end| media_end.saturating_sub(*end) >= seconds(MIN_TRIMMED_END_S))
            .map_or(all.end, |end| table.range_by_time(None, Some(end)).end);
        // A list that leaves nothing is not believed.
        if start < end { start..end } else { all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elst(version: u8, edits: &[(i64, i64)]) -> Vec<u8> {
        let mut body = vec![version, 0, 0, 0];
        body.extend_from_slice(&(edits.len() as u32).to_be_bytes());
        for (duration, media_time) in edits {
            if version == 1 {
                body.extend_from_slice(&duration.to_be_bytes());
                body.extend_from_slice(&media_time.to_be_bytes());
            } else {
                body.extend_from_slice(&(*duration as u32).to_be_bytes());
                body.extend_from_slice(&(*media_time as i32).to_be_bytes());
            }
            body.extend_from_slice(&[0, 1, 0, 0]);
        }
        body
    }

    fn shift(elst: &[u8], movie_timescale: u32, timescale: u32) -> i64 {
        Edits::parse(elst, movie_timescale, timescale).shift_ticks
    }

    /// Goal: empty edits delay, the first media edit moves, later ones do not; broken ones do nothing.
    #[test]
    fn edit_lists_fold_into_one_shift() {
        assert_eq!(shift(&elst(0, &[(5000, 1024)]), 1000, 48_000), -1024);
        assert_eq!(shift(&elst(0, &[(500, -1), (5000, 1024)]), 1000, 48_000), 24_000 - 1024);
        assert_eq!(shift(&elst(1, &[(500, -1), (250, -1), (9, 0), (9, 777)]), 1000, 48_000), 36_000);
        assert_eq!(shift(&elst(0, &[(700, -1), (5000, 0)]), 1000, 12_288), 8602);
        assert_eq!(shift(&elst(0, &[(500, -1)]), 1000, 48_000), 0);
        assert_eq!(shift(&elst(0, &[(500, -1), (1, 10)]), 0, 48_000), -10);
        assert_eq!(shift(&elst(1, &[(-1, -1), (1, i64::MAX)])[..30], 1, 48_000), 0);
        assert_eq!(shift(&elst(1, &[(i64::MAX, -1), (1, 0)]), 1, u32::MAX), i64::MAX);
    }

    /// Goal: edits that go on from one another have one end; where pieces are left out, repeated or paused, all of it is played.
    #[test]
    fn only_edits_in_one_piece_have_an_end() {
        let end = |edits: &[(i64, i64)]| Edits::parse(&elst(0, edits), 1000, 48_000).end_ticks;
        assert_eq!(end(&[(500, -1), (5000, 1024)]), Some(24_000 + 240_000));
        assert_eq!(end(&[(1000, 1024), (2000, 1024 + 48_000)]), Some(144_000));
        assert_eq!(end(&[(1000, 0), (2000, 96_000)]), None);
        assert_eq!(end(&[(1000, 0), (1000, 0)]), None);
        assert_eq!(end(&[(1000, 0), (500, -1), (1000, 48_000)]), None);
        assert_eq!(end(&[(0, 0)]), None);
    }

    /// Goal: another speed is told; a rate of 0 is not taken for one.
    #[test]
    fn other_rates_are_told() {
        let with_rate = |rate: u8| {
            let mut list = elst(0, &[(5000, 0)]);
            list[17] = rate;
            Edits::parse(&list, 1000, 48_000).has_other_rate
        };
        assert_eq!([with_rate(0), with_rate(1), with_rate(2)], [false, false, true]);
    }
}
