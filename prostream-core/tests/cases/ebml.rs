//! Elements of Matroska, found in the bytes of a file and changed there.

use std::path::{Path, PathBuf};

use super::workshop::Workshop;

/// Where an element's header begins, its data begins, and its data ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) id: u32,
    pub(crate) start: usize,
    pub(crate) data: usize,
    pub(crate) end: usize,
}

/// The elements that lie directly in `bytes[start..end]`.
pub(crate) fn elements(bytes: &[u8], start: usize, end: usize) -> Vec<Place> {
    let mut places = Vec::new();
    let mut at = start;
    while at < end {
        let id_len = bytes[at].leading_zeros() as usize + 1;
        let id = bytes[at..at + id_len].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let size_at = at + id_len;
        let size_len = bytes[size_at].leading_zeros() as usize + 1;
        let size = bytes[size_at..size_at + size_len].iter().fold(0u64, |size, byte| size << 8 | u64::from(*byte));
        let data = size_at + size_len;
        let size = (size & ((1 << (7 * size_len)) - 1)) as usize;
        places.push(Place { id, start: at, data, end: data + size });
        at = data + size;
    }
    places
}

/// The elements of the Segment; the first is the Segment itself.
pub(crate) fn segment_elements(bytes: &[u8]) -> Vec<Place> {
    let segment = elements(bytes, 0, bytes.len()).into_iter().find(|place| place.id == SEGMENT).unwrap();
    [vec![segment], elements(bytes, segment.data, segment.end)].concat()
}

pub(crate) fn find(places: &[Place], id: u32) -> Place {
    *places.iter().find(|place| place.id == id).unwrap_or_else(|| panic!("no element {id:x}"))
}

/// Writes Void over an element.
pub(crate) fn blank(bytes: &mut [u8], place: Place) {
    let size = (place.end - place.start - 9) as u64 | 1 << 56;
    bytes[place.start] = 0xEC;
    bytes[place.start + 1..place.start + 9].copy_from_slice(&size.to_be_bytes());
}

/// Makes an element's size unknown: all its bits are ones.
pub(crate) fn make_unknown(bytes: &mut [u8], place: Place) {
    let size_at = place.start + bytes[place.start].leading_zeros() as usize + 1;
    let size_len = place.data - size_at;
    bytes[size_at] = 0xFF >> (size_len - 1);
    bytes[size_at + 1..place.data].fill(0xFF);
}

pub(crate) const SEGMENT: u32 = 0x1853_8067;
pub(crate) const SEEK_HEAD: u32 = 0x114D_9B74;
pub(crate) const INFO: u32 = 0x1549_A966;
pub(crate) const TRACKS: u32 = 0x1654_AE6B;
pub(crate) const CLUSTER: u32 = 0x1F43_B675;
pub(crate) const CUES: u32 = 0x1C53_BB6B;

/// A film too large to be read through, made of `film`, of which one cue names no keyframe but a picture of its cluster behind it.
pub(crate) fn lying(workshop: &Workshop, film: &Path, cue: usize, picture: usize) -> PathBuf {
    let mut bytes = std::fs::read(film).unwrap();
    let places = segment_elements(&bytes);
    let cues = find(&places, CUES);
    let point = elements(&bytes, cues.data, cues.end).into_iter().filter(|place| place.id == 0xBB).nth(cue).unwrap();
    let fields = elements(&bytes, point.data, point.end);
    let positions = elements(&bytes, find(&fields, 0xB7).data, find(&fields, 0xB7).end);
    let value =
        |place: Place| bytes[place.data..place.end].iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
    let cluster = places.iter().find(|it| it.start == places[0].data + value(find(&positions, 0xF1))).unwrap();
    let inner = elements(&bytes, cluster.data, cluster.end);
    let pictures: Vec<&Place> = inner.iter().filter(|it| it.id == 0xA3 && bytes[it.data] == 0x81).collect();
    let behind = pictures[picture];
    let time =
        value(find(&inner, 0xE7)) + usize::from(bytes[behind.data + 2]) + usize::from(bytes[behind.data + 1]) * 256;
    for (place, value) in [(find(&fields, 0xB3), time), (find(&positions, 0xF0), behind.start - cluster.data)] {
        let len = place.end - place.data;
        bytes[place.data..place.end].copy_from_slice(&value.to_be_bytes()[8 - len..]);
    }
    // Too large to be read through, by what follows the Cues.
    make_unknown(&mut bytes, places[0]);
    let size = bytes.len() as u64;
    bytes.push(0xEC);
    bytes.extend((80u64 << 20 | 1 << 56).to_be_bytes());
    let lying = workshop.write("lying.mkv", &bytes);
    std::fs::File::options().write(true).open(&lying).unwrap().set_len(size + 9 + (80 << 20)).unwrap();
    lying
}
