//! Reads the fragments that the packager makes. Not with ffprobe, which moves the times of fragments with negative composition offsets.

/// A sample as a segment declares it, in ticks of its track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) dts_ticks: i64,
    pub(crate) pts_ticks: i64,
    pub(crate) duration_ticks: i64,
    pub(crate) is_sync: bool,
    pub(crate) size: usize,
}

/// The boxes in `bytes`: kind and content.
fn boxes(mut bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut out = Vec::new();
    while bytes.len() >= 8 {
        let size = word(bytes, 0) as usize;
        assert!((8..=bytes.len()).contains(&size), "a box of {size} bytes in {}", bytes.len());
        out.push((bytes[4..8].try_into().expect("four bytes"), &bytes[8..size]));
        bytes = &bytes[size..];
    }
    assert!(bytes.is_empty(), "{} bytes after the last box", bytes.len());
    out
}

fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    let found = boxes(bytes).into_iter().find(|found| found.0 == *kind);
    found.unwrap_or_else(|| panic!("no box {:?}", String::from_utf8_lossy(kind))).1
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Ticks a second, from the init segment.
pub(crate) fn timescale(init: &[u8]) -> u32 {
    let mdhd = child(child(child(child(init, b"moov"), b"trak"), b"mdia"), b"mdhd");
    let is_long = mdhd[0] == 1;
    word(mdhd, if is_long { 20 } else { 12 })
}

/// What the samples of a segment hold, one after the other.
pub(crate) fn payload(segment: &[u8]) -> &[u8] {
    child(segment, b"mdat")
}

/// Where a segment begins to decode, in ticks of its track.
pub(crate) fn decode_start_ticks(segment: &[u8]) -> i64 {
    let tfdt = child(child(child(segment, b"moof"), b"traf"), b"tfdt");
    assert_eq!(tfdt[0], 1, "decode times are of 64 bits");
    i64::from_be_bytes(tfdt[4..12].try_into().expect("eight bytes"))
}

/// The samples that a segment declares, and that it holds their bytes.
pub(crate) fn samples(segment: &[u8]) -> Vec<Sample> {
    let moof = child(segment, b"moof");
    let traf = child(moof, b"traf");
    let (tfhd, trun) = (child(traf, b"tfhd"), child(traf, b"trun"));
    let mut dts_ticks = decode_start_ticks(segment);
    // Defaults follow the track id, each where its flag says so (ISO/IEC 14496-12 section 8.8.7).
    let tfhd_flags = word(tfhd, 0) & 0xff_ffff;
    assert!(tfhd_flags & 1 == 0 && tfhd_flags & 0x2_0000 != 0, "offsets count from the moof");
    let mut defaults = [0u32; 3];
    let mut at = if tfhd_flags & 2 == 0 { 8 } else { 12 };
    for (field, flag) in defaults.iter_mut().zip([0x8, 0x10, 0x20]) {
        if tfhd_flags & flag != 0 {
            *field = word(tfhd, at);
            at += 4;
        }
    }
    let [default_duration, default_size, default_flags] = defaults;
    let flags = word(trun, 0) & 0xff_ffff;
    let mut at = 8 + 4 * [1, 4].iter().filter(|flag| flags & *flag != 0).count();
    let first_flags = (flags & 4 != 0).then(|| word(trun, at - 4));
    let mut total = 0;
    let mut out = Vec::new();
    for number in 0..word(trun, 4) {
        let mut field = |flag: u32| {
            (flags & flag != 0).then(|| {
                at += 4;
                word(trun, at - 4)
            })
        };
        let duration_ticks = i64::from(field(0x100).unwrap_or(default_duration));
        let size = field(0x200).unwrap_or(default_size) as usize;
        total += size;
        let own_flags = field(0x400).or(first_flags.filter(|_| number == 0)).unwrap_or(default_flags);
        let offset = field(0x800).map_or(0, |offset| i64::from(offset.cast_signed()));
        out.push(Sample {
            dts_ticks,
            pts_ticks: dts_ticks + offset,
            duration_ticks,
            is_sync: own_flags & 0x1_0000 == 0,
            size,
        });
        dts_ticks += duration_ticks;
    }
    assert_eq!(payload(segment).len(), total, "a fragment holds its samples and nothing else");
    out
}
