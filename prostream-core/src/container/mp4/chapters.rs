//! Chapters of MP4 as Nero's programs and most others list them: `udta`/`chpl` in `moov`. No standard describes it; ffmpeg and GPAC write and
//! read it so: version and flags, four bytes more from version 1 on, a count in one byte, then for each the start in units of 100 ns and a
//! title in UTF-8 with its length in one byte. Chapters that are samples of a text track (QuickTime) are not read: their bytes lie anywhere.

use crate::container::Chapter;
use crate::container::codec::bits::ByteReader;
use crate::container::codec::boxes::Children;

/// Nanoseconds of a unit.
const UNIT_NS: u64 = 100;

/// The chapters that the payload of `moov` lists, by their start; none where the list is broken at its head, those before where it is later.
pub(super) fn parse(moov: &[u8]) -> Vec<Chapter> {
    let list = Children::find(moov, *b"udta").and_then(|udta| Children::find(udta, *b"chpl"));
    let mut chapters = list.and_then(read_list).unwrap_or_default();
    chapters.sort_by_key(|chapter| chapter.start_ns);
    chapters
}

fn read_list(list: &[u8]) -> Option<Vec<Chapter>> {
    let mut reader = ByteReader::new(list);
    let version = reader.u32()? >> 24;
    if version > 0 {
        reader.u32()?;
    }
    let count = reader.u8()?;
    let mut chapters = Vec::new();
    for _ in 0..count {
        let Some((start, length)) = reader.u64().zip(reader.u8()) else { break };
        let Some(title) = reader.take(length.into()) else { break };
        let title = String::from_utf8_lossy(title).trim_end_matches('\0').to_owned();
        chapters.push(Chapter { start_ns: start.saturating_mul(UNIT_NS), end_ns: None, title, language: None });
    }
    Some(chapters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::codec::boxes::{write_box, write_full_box};

    fn movie(list: &[u8]) -> Vec<u8> {
        write_box(*b"udta", &write_full_box(*b"chpl", 1, list)).to_vec()
    }

    fn entry(start: u64, title: &[u8]) -> Vec<u8> {
        [&start.to_be_bytes()[..], &[title.len() as u8], title].concat()
    }

    /// Goal: chapters come in order of time with their titles; a list that ends early keeps those before; lies cost nothing.
    #[test]
    fn lists_are_read_as_far_as_they_go() {
        let (second, first) = (entry(125_000_000, "Zwölf".as_bytes()), entry(0, b""));
        let whole = [&[0, 0, 0, 0, 2][..], &second, &first].concat();
        let chapters = parse(&movie(&whole));
        let read: Vec<_> = chapters.iter().map(|chapter| (chapter.start_ns, chapter.title.as_str())).collect();
        assert_eq!(read, [(0, ""), (12_500_000_000, "Zwölf")]);
        assert_eq!(parse(&movie(&whole[..whole.len() - 1])).len(), 1);
        assert_eq!(parse(&movie(&[0, 0, 0, 0, 255])), []);
        assert_eq!(parse(&movie(&[0, 0])), []);
        assert_eq!(parse(&[]), []);
        let far = [&[0, 0, 0, 0, 1][..], &entry(u64::MAX, b"x\0")].concat();
        assert_eq!(
            parse(&movie(&far))[0],
            Chapter { start_ns: u64::MAX, end_ns: None, title: "x".into(), language: None }
        );
    }
}
