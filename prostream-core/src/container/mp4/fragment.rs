//! One movie fragment: `moof` as samples (ISO/IEC 14496-12 section 8.8).

use super::table::Sample;
use super::{malformed, most_packets, too_many_packets};
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::{Error, ErrorKind, Result};

/// Largest `moof` that is read: one that holds a whole film takes about half of it.
pub(super) const MAX_MOOF_BYTES: u64 = 16 * 1024 * 1024;
/// Most fragments of tracks in a fragment; usual ones have one for each track.
const MAX_TRACK_FRAGMENTS: usize = 4096;
/// Largest time in ticks that is believed, as in sample tables (PARSE-03).
const MAX_TICKS: u64 = 1 << 53;

/// `sample_is_non_sync_sample` (section 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

const TFHD_BASE_OFFSET: u32 = 0x01;
const TFHD_DESCRIPTION: u32 = 0x02;
const TFHD_DURATION: u32 = 0x08;
const TFHD_SIZE: u32 = 0x10;
const TFHD_FLAGS: u32 = 0x20;
const TFHD_BASE_IS_MOOF: u32 = 0x02_0000;
const TRUN_DATA_OFFSET: u32 = 0x01;
const TRUN_FIRST_FLAGS: u32 = 0x04;
const TRUN_DURATION: u32 = 0x100;
const TRUN_SIZE: u32 = 0x200;
const TRUN_FLAGS: u32 = 0x400;
const TRUN_COMPOSITION: u32 = 0x800;

/// What samples of a track have that say nothing else: `trex` (section 8.8.3), then `tfhd` (section 8.8.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) track_id: u32,
    /// From 1.
    pub(super) description: u32,
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

impl Defaults {
    /// Reads the payload of `trex`.
    pub(super) fn parse(trex: &[u8]) -> Option<Self> {
        let mut reader = ByteReader::new(trex);
        reader.u32()?;
        let (track_id, description) = (reader.u32()?, reader.u32()?);
        Some(Self { track_id, description, duration: reader.u32()?, size: reader.u32()?, flags: reader.u32()? })
    }
}

/// The track whose samples are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) track_id: u32,
    /// Added to every time: the edit list.
    pub(super) shift_ticks: i64,
    /// Every sample is one that decoding can start at, whatever its flags say: sound and text.
    pub(super) is_all_sync: bool,
    /// The description that the track was opened with; another is refused.
    pub(super) description: u32,
    /// Decode time, without shift, where the fragment names none.
    pub(super) next_dts_ticks: Option<u64>,
    /// Length of the file: samples beyond it are left out, so that a recording that was cut off plays as far as it goes.
    pub(super) size_bytes: u64,
}

/// Reads the samples of a track from the payload of a `moof` whose header begins at `moof_at`; adds them to `out`.
pub(super) fn read_samples(
    moof: &[u8],
    moof_at: u64,
    defaults: &[Defaults],
    wanted: &Wanted,
    out: &mut Vec<Sample>,
) -> Result<()> {
    let mut track_fragments = 0usize;
    let mut next_dts = wanted.next_dts_ticks;
    // Data of a track fragment that says nothing begins where that of the one before ends; at `moof` for the first.
    let mut data_end = moof_at;
    for traf in Children::of(moof).filter(|child| child.kind == *b"traf") {
        track_fragments = track_fragments.saturating_add(1);
        if track_fragments > MAX_TRACK_FRAGMENTS {
            let error = Error::new(ErrorKind::LimitExceeded, "read mp4");
            return Err(error.detail("too many tracks in a fragment"));
        }
        let tfhd = Children::find(traf.body, *b"tfhd").ok_or_else(|| malformed("tfhd is missing"))?;
        let header = Header::parse(tfhd, defaults, moof_at, data_end).ok_or_else(|| malformed("tfhd is cut short"))?;
        let is_wanted = header.defaults.track_id == wanted.track_id;
        if is_wanted {
            if let Some(tfdt) = Children::find(traf.body, *b"tfdt") {
                next_dts = Some(parse_tfdt(tfdt).ok_or_else(|| malformed("tfdt is cut short"))?);
            }
            let has_samples = Children::find(traf.body, *b"trun").is_some();
            if has_samples && header.defaults.description != wanted.description {
                return Err(
                    Error::new(ErrorKind::Unsupported, "read mp4").detail("sample descriptions of fragments change")
                );
            }
        }
        let mut at = header.base;
        for trun in Children::of(traf.body).filter(|child| child.kind == *b"trun") {
            let run =
                Run::parse(trun.body, &header.defaults).ok_or_else(|| malformed("trun is shorter than it says"))?;
            if let Some(offset) = run.data_offset {
                at = header
                    .base
                    .checked_add_signed(offset.into())
                    .ok_or_else(|| malformed("trun points before the file"))?;
            }
            if is_wanted {
                let dts = next_dts.ok_or_else(|| malformed("a fragment does not say when it begins (tfdt)"))?;
                next_dts = Some(run.push_samples(at, dts, wanted, out)?);
            }
            at = at.saturating_add(run.data_size());
        }
        data_end = at;
    }
    Ok(())
}

/// `tfdt` (section 8.8.12).
fn parse_tfdt(body: &[u8]) -> Option<u64> {
    let mut reader = ByteReader::new(body);
    if reader.u32()? >> 24 == 1 { reader.u64() } else { reader.u32().map(u64::from) }
}

/// `tfhd`.
struct Header {
    defaults: Defaults,
    /// What offsets of data count from.
    base: u64,
}

impl Header {
    fn parse(body: &[u8], all: &[Defaults], moof_at: u64, data_end: u64) -> Option<Self> {
        let mut reader = ByteReader::new(body);
        let flags = reader.u32()? & 0xFF_FFFF;
        let track_id = reader.u32()?;
        let known = all.iter().find(|one| one.track_id == track_id);
        let mut defaults = known.copied().unwrap_or(Defaults { track_id, description: 1, ..Defaults::default() });
        let base = if flags & TFHD_BASE_OFFSET != 0 {
            reader.u64()?
        } else if flags & TFHD_BASE_IS_MOOF != 0 {
            moof_at
        } else {
            data_end
        };
        let mut field = |flag: u32, value: &mut u32| {
            if flags & flag != 0 {
                *value = reader.u32()?;
            }
            Some(())
        };
        field(TFHD_DESCRIPTION, &mut defaults.description)?;
        field(TFHD_DURATION, &mut defaults.duration)?;
        field(TFHD_SIZE, &mut defaults.size)?;
        field(TFHD_FLAGS, &mut defaults.flags)?;
        Some(Self { defaults, base })
    }
}

/// `trun` (section 8.8.8).
struct Run<'a> {
    flags: u32,
    count: u32,
    data_offset: Option<i32>,
    first_flags: Option<u32>,
    defaults: &'a Defaults,
    entries: std::slice::ChunksExact<'a, u8>,
}

/// One sample as its run says.
struct Entry {
    duration: u32,
    size: u32,
    flags: u32,
    composition: i32,
}

impl<'a> Run<'a> {
    fn parse(body: &'a [u8], defaults: &'a Defaults) -> Option<Self> {
        let mut reader = ByteReader::new(body);
        let flags = reader.u32()? & 0xFF_FFFF;
        let count = reader.u32()?;
        let data_offset = if flags & TRUN_DATA_OFFSET != 0 { Some(reader.i32()?) } else { None };
        let first_flags = if flags & TRUN_FIRST_FLAGS != 0 { Some(reader.u32()?) } else { None };
        let fields = (flags & (TRUN_DURATION | TRUN_SIZE | TRUN_FLAGS | TRUN_COMPOSITION)).count_ones();
        let entry_size = usize::try_from(fields).ok()?.saturating_mul(4);
        let size = usize::try_from(count).ok()?.checked_mul(entry_size)?;
        let entries = reader.take(size)?.chunks_exact(entry_size.max(1));
        Some(Self { flags, count, data_offset, first_flags, defaults, entries })
    }

    fn entry(&self, bytes: &[u8], is_first: bool) -> Entry {
        let mut reader = ByteReader::new(bytes);
        // Entries are as long as their fields: none is missing.
        let mut field = |flag: u32, default: u32| {
            if self.flags & flag != 0 { reader.u32().unwrap_or(default) } else { default }
        };
        let duration = field(TRUN_DURATION, self.defaults.duration);
        let size = field(TRUN_SIZE, self.defaults.size);
        let flags = field(TRUN_FLAGS, self.defaults.flags);
        // With a sign in either version, as in `ctts`.
        let composition = field(TRUN_COMPOSITION, 0).cast_signed();
        let flags = self.first_flags.filter(|_| is_first).unwrap_or(flags);
        Entry { duration, size, flags, composition }
    }

    /// How many bytes of the file its samples take.
    fn data_size(&self) -> u64 {
        if self.flags & TRUN_SIZE == 0 {
            return u64::from(self.count).saturating_mul(self.defaults.size.into());
        }
        let sizes = self.entries.clone().map(|bytes| self.entry(bytes, false).size);
        sizes.fold(0, |sum, size| sum.saturating_add(size.into()))
    }

    /// Adds its samples, of which the first lies at `at` and is decoded at `dts`; says when the one behind them is.
    fn push_samples(&self, at: u64, dts: u64, wanted: &Wanted, out: &mut Vec<Sample>) -> Result<u64> {
        // Where they have no fields of their own, nothing else bounds what their count says.
        let all = u64::try_from(out.len()).unwrap_or(u64::MAX).saturating_add(self.count.into());
        if all > most_packets(wanted.size_bytes).into() {
            return Err(too_many_packets());
        }
        let (mut at, mut dts) = (at, dts);
        let mut entries = self.entries.clone();
        for index in 0..self.count {
            let entry = self.entry(entries.next().unwrap_or_default(), index == 0);
            if dts > MAX_TICKS {
                return Err(malformed("sample times beyond all time"));
            }
            let dts_ticks = i64::try_from(dts).unwrap_or(i64::MAX).saturating_add(wanted.shift_ticks);
            let offset_bytes = at;
            at = at.saturating_add(entry.size.into());
            dts = dts.saturating_add(entry.duration.into());
            if at > wanted.size_bytes {
                continue;
            }
            out.push(Sample {
                index: 0,
                dts_ticks,
                pts_ticks: dts_ticks.saturating_add(entry.composition.into()),
                duration_ticks: entry.duration,
                size_bytes: entry.size,
                offset_bytes,
                is_sync: wanted.is_all_sync || entry.flags & NON_SYNC == 0,
            });
        }
        Ok(dts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::codec::boxes::write_box;

    fn full(kind: [u8; 4], flags: u32, words: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = [flags].iter().chain(words).flat_map(|word| word.to_be_bytes()).collect();
        write_box(kind, &body).to_vec()
    }

    fn traf(children: &[Vec<u8>]) -> Vec<u8> {
        write_box(*b"traf", &children.concat()).to_vec()
    }

    const WANTED: Wanted = Wanted {
        track_id: 2,
        shift_ticks: -5,
        is_all_sync: false,
        description: 1,
        next_dts_ticks: None,
        size_bytes: u64::MAX,
    };

    /// Decode and presentation time, size, place and sync flag.
    type Fields = (i64, i64, u32, u64, bool);

    fn read(moof: &[Vec<u8>], wanted: &Wanted) -> Result<Vec<Fields>> {
        let defaults = [Defaults { track_id: 2, description: 1, duration: 10, size: 7, flags: NON_SYNC }];
        let mut out = Vec::new();
        read_samples(&moof.concat(), 1000, &defaults, wanted, &mut out)?;
        let fields = |s: &Sample| (s.dts_ticks, s.pts_ticks, s.size_bytes, s.offset_bytes, s.is_sync);
        Ok(out.iter().map(fields).collect())
    }

    /// Goal: runs follow each other, in data and in time; the first sample may have flags of its own; offsets have a sign.
    #[test]
    fn runs_of_a_track_fragment_follow_each_other() {
        let moof = [traf(&[
            full(*b"tfhd", TFHD_BASE_IS_MOOF, &[2]),
            full(*b"tfdt", 0, &[100]),
            full(*b"trun", TRUN_DATA_OFFSET | TRUN_FIRST_FLAGS, &[2, 300, 0]),
            full(*b"trun", TRUN_SIZE | TRUN_COMPOSITION, &[2, 9, 20, 11, 0xFFFF_FFF6]),
        ])];
        let expected = [
            (95, 95, 7, 1300, true),
            (105, 105, 7, 1307, false),
            (115, 135, 9, 1314, false),
            (125, 115, 11, 1323, false),
        ];
        assert_eq!(read(&moof, &WANTED).unwrap(), expected);
        let cut_off = Wanted { size_bytes: 1322, ..WANTED };
        assert_eq!(read(&moof, &cut_off).unwrap(), expected[..2], "of a file that ends within the third");
        let all_sync = Wanted { is_all_sync: true, ..WANTED };
        assert!(read(&moof, &all_sync).unwrap().iter().all(|sample| sample.4));
    }

    /// Goal: data counts from where the file says: the fragment, an offset of its own, or the end of the track before.
    #[test]
    fn data_lies_where_the_track_fragment_says() {
        let other = traf(&[full(*b"tfhd", TFHD_SIZE, &[9, 40]), full(*b"trun", TRUN_DATA_OFFSET, &[3, 500])]);
        let mine = |flags: u32, words: &[u32]| {
            traf(&[full(*b"tfhd", flags, words), full(*b"tfdt", 1 << 24, &[0, 5]), full(*b"trun", 0, &[1])])
        };
        let place = |mine: Vec<u8>| read(&[other.clone(), mine], &WANTED).unwrap()[0].3;
        assert_eq!(place(mine(0, &[2])), 1000 + 500 + 120);
        assert_eq!(place(mine(TFHD_BASE_IS_MOOF, &[2])), 1000);
        assert_eq!(place(mine(TFHD_BASE_OFFSET, &[2, 1, 0])), 1 << 32);
    }

    /// Goal: samples without bytes and fields of their own take no memory that is out of all proportion to their file. A run once said that there
    /// were a million, and a file of 3 KB took 100 MB.
    #[test]
    fn samples_of_nothing_do_not_fill_memory() {
        let run = |count: u32| {
            let tfhd = full(*b"tfhd", TFHD_BASE_IS_MOOF | TFHD_SIZE, &[2, 0]);
            [traf(&[tfhd, full(*b"tfdt", 0, &[0]), full(*b"trun", 0, &[count])])]
        };
        let small = Wanted { size_bytes: 3000, ..WANTED };
        assert_eq!(read(&run(1_000_000), &small).unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert_eq!(read(&run(3000), &small).unwrap().len(), 3000);
        let large = Wanted { size_bytes: 200_000, ..WANTED };
        assert_eq!(read(&run(200_000), &large).unwrap().len(), 200_000);
    }

    /// Goal: what cannot be timed, fills memory from nothing or changes its description is an error of its own.
    #[test]
    fn broken_fragments_are_refused() {
        let moof = |trun: Vec<u8>, more: &[Vec<u8>]| {
            [traf(&[&[full(*b"tfhd", TFHD_BASE_IS_MOOF, &[2])], more, &[trun]].concat())]
        };
        let kind = |moof: &[Vec<u8>], wanted: &Wanted| read(moof, wanted).unwrap_err().kind();
        let one = full(*b"trun", 0, &[1]);
        assert_eq!(kind(&moof(one.clone(), &[]), &WANTED), ErrorKind::Malformed);
        assert!(read(&moof(one.clone(), &[]), &Wanted { next_dts_ticks: Some(0), ..WANTED }).is_ok());
        let tfdt = [full(*b"tfdt", 0, &[0])];
        assert_eq!(kind(&moof(full(*b"trun", 0, &[u32::MAX]), &tfdt), &WANTED), ErrorKind::LimitExceeded);
        assert_eq!(kind(&moof(full(*b"trun", TRUN_SIZE, &[3, 1]), &tfdt), &WANTED), ErrorKind::Malformed);
        let late = [full(*b"tfdt", 1 << 24, &[u32::MAX, 0])];
        assert_eq!(kind(&moof(one.clone(), &late), &WANTED), ErrorKind::Malformed);
        assert_eq!(kind(&moof(one, &tfdt), &Wanted { description: 2, ..WANTED }), ErrorKind::Unsupported);
    }
}
