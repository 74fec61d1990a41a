//! Where a fragmented MP4 begins on the time line, read from its boxes: what readers add for decoders that need delay must not count.

use crate::Error;

/// When the first of all samples of a segment is presented, in seconds. Source: ISO/IEC 14496-12, `mdhd`, `tfhd`, `tfdt`, `trun`.
///
/// # Errors
/// A box is missing or cut off.
pub fn start_s(init: &[u8], segment: &[u8]) -> Result<f64, Error> {
    let media_header = find(init, &[b"moov", b"trak", b"mdia", b"mdhd"]).ok_or("no mdhd")?;
    let timescale = number(media_header, if media_header.first() == Some(&1) { 20 } else { 12 }, 4)?;
    let fragment = find(segment, &[b"moof", b"traf"]).ok_or("no traf")?;
    let decode_time = find(fragment, &[b"tfdt"]).ok_or("no tfdt")?;
    let mut time = number(decode_time, 4, if decode_time.first() == Some(&1) { 8 } else { 4 })?;
    let header = find(fragment, &[b"tfhd"]).ok_or("no tfhd")?;
    let header_flags = number(header, 0, 4)? & 0xff_ffff;
    let mut at = 8;
    // Base data offset and description index stand before the default duration.
    at += if header_flags & 0x1 != 0 { 8 } else { 0 } + if header_flags & 0x2 != 0 { 4 } else { 0 };
    let usual_duration = if header_flags & 0x8 != 0 { number(header, at, 4)? } else { 0 };

    let run = find(fragment, &[b"trun"]).ok_or("no trun")?;
    let flags = number(run, 0, 4)? & 0xff_ffff;
    let mut at = 8 + if flags & 0x1 != 0 { 4 } else { 0 } + if flags & 0x4 != 0 { 4 } else { 0 };
    let mut first = i64::MAX;
    for _ in 0..number(run, 4, 4)? {
        let mut field = |flag: i64| -> Result<Option<i64>, Error> {
            let value = (flags & flag != 0).then(|| number(run, at, 4)).transpose()?;
            at += if value.is_some() { 4 } else { 0 };
            Ok(value)
        };
        let duration = field(0x100)?.unwrap_or(usual_duration);
        field(0x200)?;
        field(0x400)?;
        // Signed in version 1; in version 0 nobody has offsets of half the range.
        let offset = field(0x800)?.map_or(0, |offset| i64::from(offset as u32 as i32));
        first = first.min(time + offset);
        time += duration;
    }
    Ok(first as f64 / timescale as f64)
}

/// The content of the first box at this path.
fn find<'b>(mut bytes: &'b [u8], path: &[&[u8; 4]]) -> Option<&'b [u8]> {
    let (wanted, rest) = path.split_first()?;
    loop {
        let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let content = bytes.get(8..size)?;
        if bytes.get(4..8)? == wanted.as_slice() {
            return if rest.is_empty() { Some(content) } else { find(content, rest) };
        }
        bytes = &bytes[size..];
    }
}

/// A big-endian number of `size` bytes at `at`.
fn number(bytes: &[u8], at: usize, size: usize) -> Result<i64, Error> {
    let digits = bytes.get(at..at + size).ok_or("a box is cut off")?;
    Ok(digits.iter().fold(0, |number, digit| number << 8 | i64::from(*digit)))
}
