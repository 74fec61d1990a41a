//! Where a file says that its fragments lie: `sidx` (ISO/IEC 14496-12 section 8.16.3) and `mfra` (section 8.8.9).

use super::boxes::{File, Read};
use super::table::Budget;
use crate::Result;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;
use crate::model::ByteRange;

/// Size of `mfro`, the last box of `mfra` and of the file.
const MFRO_SIZE: u64 = 16;
/// Largest `mfra` that is read.
const MAX_MFRA_BYTES: u64 = 16 * 1024 * 1024;
/// Most tracks that `mfra` lists.
const MAX_LISTS: usize = 256;

/// A fragment, or several that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Where its first box begins.
    pub(super) offset_bytes: u64,
    /// When it begins, as the list has it.
    pub(super) ticks: i64,
    /// Ticks from there to its first sync sample.
    pub(super) sync_delta_ticks: i64,
    /// The list says that decoding can start with it.
    pub(super) is_sync: bool,
}

/// The fragments of one track.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) track_id: u32,
    /// Ticks a second, where the list has its own.
    pub(super) timescale: Option<u32>,
    /// In order of the file.
    pub(super) entries: Vec<Listed>,
    /// When the last one ends, where the list says.
    pub(super) end_ticks: Option<i64>,
    /// Where the last one ends, likewise.
    pub(super) end_offset: Option<u64>,
}

impl Listing {
    /// Reads the payload of `sidx`, whose places count from `anchor`, the end of the box. `None` where it is broken, or lists further
    /// lists: such a file is read like one without.
    pub(super) fn parse_sidx(body: &[u8], anchor: u64, budget: &mut Budget) -> Result<Option<Self>> {
        let mut reader = ByteReader::new(body);
        let mut head = || {
            let is_long = reader.u32()? >> 24 != 0;
            let (track_id, timescale) = (reader.u32()?, reader.u32()?);
            let mut field = || if is_long { reader.u64() } else { reader.u32().map(u64::from) };
            let (start, first_offset) = (field()?, field()?);
            reader.u16()?;
            Some((track_id, timescale, i64::try_from(start).ok()?, first_offset, reader.u16()?))
        };
        let Some((track_id, timescale, start, first_offset, count)) = head() else { return Ok(None) };
        let Some(references) = reader.rest().get(..usize::from(count).saturating_mul(12)) else { return Ok(None) };
        budget.take::<Listed>(usize::from(count))?;
        let mut entries = Vec::with_capacity(usize::from(count));
        let (mut offset_bytes, mut ticks) = (anchor.saturating_add(first_offset), start);
        for reference in references.chunks_exact(12) {
            let mut reader = ByteReader::new(reference);
            let Some(((size, duration), sap)) = reader.u32().zip(reader.u32()).zip(reader.u32()) else { break };
            if size >> 31 != 0 || size == 0 || timescale == 0 {
                return Ok(None);
            }
            let sync_delta_ticks = i64::from(sap & 0x0FFF_FFFF);
            entries.push(Listed { offset_bytes, ticks, sync_delta_ticks, is_sync: sap >> 31 != 0 });
            offset_bytes = offset_bytes.saturating_add(size.into());
            ticks = ticks.saturating_add(duration.into());
        }
        let timescale = Some(timescale);
        Ok(Some(Self { track_id, timescale, entries, end_ticks: Some(ticks), end_offset: Some(offset_bytes) }))
    }

    /// Reads the payload of `tfra`; `None` where it is broken.
    fn parse_tfra(body: &[u8], budget: &mut Budget) -> Result<Option<Self>> {
        let mut reader = ByteReader::new(body);
        let Some((version_flags, track_id)) = reader.u32().zip(reader.u32()) else { return Ok(None) };
        let Some((lengths, count)) = reader.u32().zip(reader.u32()) else { return Ok(None) };
        let is_long = version_flags >> 24 != 0;
        // The numbers of track fragment, run and sample, in one to four bytes each.
        let numbers = [lengths >> 4, lengths >> 2, lengths].iter().map(|length| (length & 3).saturating_add(1)).sum();
        let entry_size =
            usize::try_from(u32::saturating_add(if is_long { 16 } else { 8 }, numbers)).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let Some(rows) = reader.rest().get(..count.saturating_mul(entry_size)) else { return Ok(None) };
        budget.take::<Listed>(count)?;
        let mut entries: Vec<Listed> = Vec::with_capacity(count);
        for row in rows.chunks_exact(entry_size) {
            let mut reader = ByteReader::new(row);
            let mut field = || if is_long { reader.u64() } else { reader.u32().map(u64::from) };
            let Some((ticks, offset_bytes)) = field().zip(field()) else { break };
            let Ok(ticks) = i64::try_from(ticks) else { return Ok(None) };
            match entries.last() {
                // A further sync sample of the same fragment.
                Some(last) if last.offset_bytes == offset_bytes => {}
                Some(last) if last.offset_bytes > offset_bytes => return Ok(None),
                _ => entries.push(Listed { offset_bytes, ticks, sync_delta_ticks: 0, is_sync: true }),
            }
        }
        Ok(Some(Self { track_id, entries, ..Self::default() }))
    }
}

/// The lists of `mfra` at the end of a file, and where it begins; `None` where there is none that can be read.
pub(super) fn read_mfra(file: &File<'_>, budget: &mut Budget) -> Read<Option<(Vec<Listing>, u64)>> {
    let size_bytes = file.size_bytes;
    let Some(at) = size_bytes.checked_sub(MFRO_SIZE) else { return Ok(None) };
    let last = ByteRange::new(at, size_bytes);
    let Some(bytes) = file.have.bytes(last) else { return Err(super::boxes::Stop::Need(file.missing(last))) };
    let mut reader = ByteReader::new(&bytes);
    let is_mfro = reader.u32() == Some(16) && reader.fourcc() == Some(*b"mfro");
    let Some(length) = reader.u32().and_then(|_| reader.u32()).filter(|_| is_mfro) else { return Ok(None) };
    let length = u64::from(length);
    let Some(at) = size_bytes.checked_sub(length).filter(|_| length <= MAX_MFRA_BYTES) else { return Ok(None) };
    let whole = ByteRange::new(at, size_bytes);
    let Some(bytes) = file.have.bytes(whole) else { return Err(super::boxes::Stop::Need(file.missing(whole))) };
    let Some(mfra) = Children::find(&bytes, *b"mfra") else { return Ok(None) };
    let mut listings = Vec::new();
    for tfra in Children::of(mfra).filter(|child| child.kind == *b"tfra").take(MAX_LISTS) {
        listings.extend(Listing::parse_tfra(tfra.body, budget)?);
    }
    Ok(Some((listings, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Goal: places and times add up from the anchor, in both versions; a list of lists is none that can be used.
    #[test]
    fn segment_indexes_are_added_up() {
        let references = [1000, 90_000, 0x9000_0000, 500, 45_000, 0x2000_0007];
        let short = [&[0, 7, 90_000, 50, 10, 2][..], &references].concat();
        let long = [&[1 << 24, 7, 90_000, 0, 50, 0, 10, 2][..], &references].concat();
        for body in [short, long] {
            let listing = Listing::parse_sidx(&words(&body), 100, &mut Budget::new()).unwrap().unwrap();
            assert_eq!((listing.track_id, listing.timescale), (7, Some(90_000)));
            let expected = [
                Listed { offset_bytes: 110, ticks: 50, sync_delta_ticks: 0, is_sync: true },
                Listed { offset_bytes: 1110, ticks: 90_050, sync_delta_ticks: 7, is_sync: false },
            ];
            assert_eq!(listing.entries, expected);
            assert_eq!((listing.end_ticks, listing.end_offset), (Some(135_050), Some(1610)));
            assert!(Listing::parse_sidx(&words(&body[..body.len() - 1]), 0, &mut Budget::new()).unwrap().is_none());
        }
        let lists = [0, 7, 90_000, 0, 0, 1, 0x8000_0100, 9, 0];
        assert!(Listing::parse_sidx(&words(&lists), 0, &mut Budget::new()).unwrap().is_none());
    }

    /// Goal: random access tables are read with numbers of any length; more than is there is refused before it is allocated.
    #[test]
    fn random_access_tables_are_read() {
        let body = [words(&[0, 3, 0, 2, 5, 100]), vec![1, 1, 1], words(&[9, 200]), vec![1, 1, 1]].concat();
        let listing = Listing::parse_tfra(&body, &mut Budget::new()).unwrap().unwrap();
        let entry = |offset_bytes, ticks| Listed { offset_bytes, ticks, sync_delta_ticks: 0, is_sync: true };
        assert_eq!((listing.track_id, listing.entries), (3, vec![entry(100, 5), entry(200, 9)]));
        let wide = words(&[1 << 24, 3, 0x3F, 1, 0, 5, 1, 0, 1, 1, 1]);
        let listing = Listing::parse_tfra(&wide, &mut Budget::new()).unwrap().unwrap();
        assert_eq!(listing.entries, [entry(1 << 32, 5)]);
        let lie = words(&[0, 3, 0, u32::MAX, 5, 100]);
        assert!(Listing::parse_tfra(&lie, &mut Budget::new()).unwrap().is_none());
    }
}
