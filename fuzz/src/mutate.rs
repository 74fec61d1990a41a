//! Mutations that know what a file is made of: boxes and elements are doubled, dropped, swapped, moved, renamed and nested, their sizes and
//! counts told wrong, their content handed to libFuzzer. What stays whole around them is what lets a file be read far enough.

/// Deepest nesting that is taken apart.
const MAX_DEPTH: usize = 12;
/// Most changes of one mutation.
const MAX_CHANGES: u32 = 3;
/// Numbers at which counts, sizes and times break.
const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0xFFFF,
    0x10_0000,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    0xFF_FFFF_FFFF_FFFF,
    0x7FFF_FFFF_FFFF_FFFF,
    u64::MAX,
];

/// A kind of file that is made of named parts.
pub(crate) struct Format {
    /// The part at the front of bytes: its name, how its size is written, and where its content begins and ends.
    read: fn(&[u8]) -> Option<Head>,
    /// What stands before the parts in the content of this part; `None` where there are no parts in it.
    prefix_of: fn(&[u8], &[u8]) -> Option<usize>,
    write: fn(&mut Vec<u8>, &[u8], Size),
    /// Names that parts are given.
    names: &'static [&'static [u8]],
}

struct Head {
    name: Vec<u8>,
    size: SizeForm,
    body: std::ops::Range<usize>,
}

/// How a size is written.
#[derive(Clone, Copy, Debug)]
enum SizeForm {
    /// As short as usual.
    Usual,
    /// In as many bytes as there are.
    Long,
    /// "To the end" (0 in MP4, all ones in EBML).
    Open,
}

/// The size that is told, and how.
#[derive(Clone, Copy, Debug)]
struct Size {
    bytes: u64,
    form: SizeForm,
}

#[derive(Clone, Debug)]
struct Part {
    name: Vec<u8>,
    form: SizeForm,
    /// Told instead of the true size.
    lie: Option<u64>,
    prefix: Vec<u8>,
    parts: Vec<Part>,
    /// What is no part, at the end; the whole content of a part without parts.
    rest: Vec<u8>,
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Changes a file; `None` when nothing in it is a part. `plain` changes bytes in place: of a buffer, of which so much is used, up to so much.
pub(crate) fn mutate(
    format: &Format,
    file: &[u8],
    seed: u32,
    plain: impl Fn(&mut [u8], usize, usize) -> usize,
) -> Option<Vec<u8>> {
    let mut chance = Chance(u64::from(seed) << 20 | 0x5_EED1);
    let (mut parts, rest) = read_parts(format, file, 0);
    if parts.is_empty() {
        return None;
    }
    for _ in 0..=chance.next() as u32 % MAX_CHANGES {
        change(format, &mut parts, &mut chance, &plain);
        if parts.is_empty() {
            break;
        }
    }
    let mut out = Vec::with_capacity(file.len() + 64);
    parts.iter().for_each(|part| write_part(format, &mut out, part));
    out.extend(rest);
    Some(out)
}

fn read_parts(format: &Format, bytes: &[u8], depth: usize) -> (Vec<Part>, Vec<u8>) {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while depth < MAX_DEPTH
        && let Some(head) = (format.read)(rest)
    {
        let body = &rest[head.body.clone()];
        let prefix = (format.prefix_of)(&head.name, body).filter(|prefix| *prefix <= body.len());
        let mut part = Part {
            name: head.name,
            form: head.size,
            lie: None,
            prefix: body[..prefix.unwrap_or(0)].to_vec(),
            parts: Vec::new(),
            rest: Vec::new(),
        };
        match prefix {
            Some(prefix) => (part.parts, part.rest) = read_parts(format, &body[prefix..], depth + 1),
            None => part.rest = body.to_vec(),
        }
        parts.push(part);
        rest = &rest[head.body.end..];
    }
    (parts, rest.to_vec())
}

fn write_part(format: &Format, out: &mut Vec<u8>, part: &Part) {
    let mut body = part.prefix.clone();
    part.parts.iter().for_each(|child| write_part(format, &mut body, child));
    body.extend(&part.rest);
    let bytes = part.lie.unwrap_or(body.len() as u64);
    (format.write)(out, &part.name, Size { bytes, form: part.form });
    out.extend(body);
}

/// Goes down to a list of parts, each level with the same chance.
fn some_list<'a>(parts: &'a mut Vec<Part>, chance: &mut Chance) -> &'a mut Vec<Part> {
    let inner: Vec<usize> = (0..parts.len()).filter(|at| !parts[*at].parts.is_empty()).collect();
    if inner.is_empty() || chance.below(5) == 0 {
        return parts;
    }
    let at = inner[chance.below(inner.len())];
    some_list(&mut parts[at].parts, chance)
}

fn change(
    format: &Format,
    parts: &mut Vec<Part>,
    chance: &mut Chance,
    plain: &impl Fn(&mut [u8], usize, usize) -> usize,
) {
    let list = some_list(parts, chance);
    let at = chance.below(list.len());
    match chance.below(14) {
        0 => {
            let copy = list[at].clone();
            list.insert(chance.below(list.len() + 1), copy);
        }
        1 if list.len() > 1 => drop(list.remove(at)),
        2 => {
            let other = chance.below(list.len());
            list.swap(at, other);
        }
        3 => {
            let moved = list[at].clone();
            let target = some_list(parts, chance);
            target.insert(chance.below(target.len() + 1), moved);
        }
        4 => list[at].name = format.names[chance.below(format.names.len())].to_vec(),
        5 => {
            let inner = list[at].clone();
            list[at].parts = vec![inner];
            list[at].rest.clear();
        }
        6 => {
            let edge = EDGES[chance.below(EDGES.len())];
            let near = (list[at].rest.len() as u64).wrapping_add(chance.below(33) as u64).wrapping_sub(16);
            list[at].lie = Some(if chance.below(2) == 0 { edge } else { near });
        }
        7 => list[at].form = [SizeForm::Usual, SizeForm::Long, SizeForm::Open][chance.below(3)],
        8 => {
            let part = &mut list[at];
            part.rest.truncate(chance.below(part.rest.len() + 1));
        }
        9 | 10 => set_number(&mut list[at], chance),
        11 => {
            let part = &mut list[at];
            let copy = part.rest[..chance.below(part.rest.len() + 1)].to_vec();
            part.rest.extend(copy);
        }
        _ => {
            let part = &mut list[at];
            let bytes = if part.rest.is_empty() { &mut part.prefix } else { &mut part.rest };
            let size = bytes.len();
            let most = size + 16;
            bytes.resize(most, 0);
            let changed = if size == 0 { 0 } else { plain(bytes, size, most) };
            bytes.truncate(changed);
        }
    }
}

/// Writes a number that breaks things over one of 1, 2, 4 or 8 bytes, mostly near the front, where counts stand.
fn set_number(part: &mut Part, chance: &mut Chance) {
    let bytes = if part.rest.is_empty() { &mut part.prefix } else { &mut part.rest };
    let width = [1, 2, 4, 8][chance.below(4)].min(bytes.len());
    if width == 0 {
        return;
    }
    let reach = if chance.below(2) == 0 { bytes.len().min(24) } else { bytes.len() };
    let at = chance.below(reach.saturating_sub(width) + 1);
    let value = EDGES[chance.below(EDGES.len())].wrapping_add(chance.below(3) as u64).wrapping_sub(1);
    bytes[at..at + width].copy_from_slice(&value.to_be_bytes()[8 - width..]);
}

/// ISO base media.
pub(crate) const BOXES: Format = Format {
    read: read_box,
    prefix_of: |name, body| match name {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"dinf" | b"edts" | b"udta" | b"mvex" | b"moof" | b"traf"
        | b"mfra" | b"wave" | b"sinf" | b"schi" => Some(0),
        // QuickTime has it without version and flags.
        b"meta" => Some(if body.get(4..8) == Some(b"hdlr") { 0 } else { 4 }),
        b"stsd" | b"dref" => Some(8),
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"dvh1" | b"av01" | b"vp09" => Some(78),
        b"mp4a" | b".mp3" | b"ac-3" | b"ec-3" | b"Opus" | b"fLaC" => Some(28),
        _ => None,
    },
    write: write_box_head,
    names: &[
        b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"elst", b"stsd", b"stts", b"ctts", b"stsc", b"stsz",
        b"stz2", b"stco", b"co64", b"stss", b"sdtp", b"sgpd", b"sbgp", b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"udta",
        b"meta", b"mdat", b"free", b"moof", b"traf", b"tfhd", b"tfdt", b"trun", b"sidx", b"mfra", b"tfra", b"mfro",
        b"mvex", b"trex", b"mehd", b"esds", b"avcC", b"hvcC", b"av1C", b"vpcC", b"dOps", b"dfLa", b"dac3", b"dec3",
        b"colr", b"pasp", b"elng", b"kind", b"chpl", b"tref", b"chap", b"cslg", b"wave", b"uuid", b"dvcC", b"dvvC",
        b"mdcv", b"clli", b"btrt", b"tx3g", b"mp4a",
    ],
};

fn read_box(bytes: &[u8]) -> Option<Head> {
    let size = u64::from(u32::from_be_bytes(*bytes.first_chunk::<4>()?));
    let name = bytes.get(4..8)?.to_vec();
    let (size, form, start) = match size {
        0 => (bytes.len() as u64, SizeForm::Open, 8),
        1 => (u64::from_be_bytes(*bytes.get(8..)?.first_chunk::<8>()?), SizeForm::Long, 16),
        size => (size, SizeForm::Usual, 8),
    };
    let end = usize::try_from(size).ok().filter(|end| (start..=bytes.len()).contains(end))?;
    Some(Head { name, size: form, body: start..end })
}

fn write_box_head(out: &mut Vec<u8>, name: &[u8], size: Size) {
    match size.form {
        SizeForm::Usual => {
            out.extend((size.bytes.wrapping_add(8) as u32).to_be_bytes());
            out.extend(name);
        }
        SizeForm::Long => {
            out.extend(1u32.to_be_bytes());
            out.extend(name);
            out.extend(size.bytes.wrapping_add(16).to_be_bytes());
        }
        SizeForm::Open => {
            out.extend(0u32.to_be_bytes());
            out.extend(name);
        }
    }
}

/// Matroska.
pub(crate) const ELEMENTS: Format = Format {
    read: read_element,
    prefix_of: |name, _| {
        let is_master = matches!(
            name,
            [0x1A, 0x45, 0xDF, 0xA3]
                | [0x18, 0x53, 0x80, 0x67]
                | [0x11, 0x4D, 0x9B, 0x74]
                | [0x4D, 0xBB]
                | [0x15, 0x49, 0xA9, 0x66]
                | [0x16, 0x54, 0xAE, 0x6B]
                | [0xAE]
                | [0xE0]
                | [0xE1]
                | [0x55, 0xB0]
                | [0x55, 0xD0]
                | [0x6D, 0x80]
                | [0x62, 0x40]
                | [0x50, 0x34]
                | [0x41, 0xE4]
                | [0x1C, 0x53, 0xBB, 0x6B]
                | [0xBB]
                | [0xB7]
                | [0x1F, 0x43, 0xB6, 0x75]
                | [0xA0]
                | [0x75, 0xA1]
                | [0xA6]
                | [0x10, 0x43, 0xA7, 0x70]
                | [0x45, 0xB9]
                | [0xB6]
                | [0x80]
                | [0x12, 0x54, 0xC3, 0x67]
                | [0x73, 0x73]
                | [0x63, 0xC0]
                | [0x67, 0xC8]
                | [0x19, 0x41, 0xA4, 0x69]
                | [0x61, 0xA7]
        );
        is_master.then_some(0)
    },
    write: write_element_head,
    names: &[
        &[0x18, 0x53, 0x80, 0x67],
        &[0x11, 0x4D, 0x9B, 0x74],
        &[0x4D, 0xBB],
        &[0x53, 0xAB],
        &[0x53, 0xAC],
        &[0x15, 0x49, 0xA9, 0x66],
        &[0x2A, 0xD7, 0xB1],
        &[0x44, 0x89],
        &[0x16, 0x54, 0xAE, 0x6B],
        &[0xAE],
        &[0xD7],
        &[0x83],
        &[0x86],
        &[0x63, 0xA2],
        &[0x23, 0xE3, 0x83],
        &[0x56, 0xAA],
        &[0x56, 0xBB],
        &[0xE0],
        &[0xB0],
        &[0xBA],
        &[0x54, 0xB0],
        &[0x54, 0xBA],
        &[0x54, 0xB2],
        &[0x55, 0xB0],
        &[0xE1],
        &[0xB5],
        &[0x78, 0xB5],
        &[0x9F],
        &[0x6D, 0x80],
        &[0x62, 0x40],
        &[0x50, 0x34],
        &[0x42, 0x54],
        &[0x42, 0x55],
        &[0x1C, 0x53, 0xBB, 0x6B],
        &[0xBB],
        &[0xB3],
        &[0xB7],
        &[0xF7],
        &[0xF1],
        &[0xF0],
        &[0x1F, 0x43, 0xB6, 0x75],
        &[0xE7],
        &[0xA3],
        &[0xA0],
        &[0xA1],
        &[0x9B],
        &[0xFB],
        &[0x75, 0xA2],
        &[0xEC],
        &[0xBF],
        &[0x10, 0x43, 0xA7, 0x70],
        &[0x12, 0x54, 0xC3, 0x67],
        &[0x19, 0x41, 0xA4, 0x69],
        &[0x41, 0xE4],
        &[0x22, 0xB5, 0x9C],
        &[0x22, 0xB5, 0x9D],
        &[0x88],
        &[0x55, 0xAA],
        &[0x1A, 0x45, 0xDF, 0xA3],
    ],
};

fn read_element(bytes: &[u8]) -> Option<Head> {
    let id_len = bytes.first()?.leading_zeros() as usize + 1;
    let name = bytes.get(..id_len).filter(|_| id_len <= 4)?.to_vec();
    let after = &bytes[id_len..];
    let size_len = after.first()?.leading_zeros() as usize + 1;
    let digits = after.get(..size_len).filter(|_| size_len <= 8)?;
    let raw = digits.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let most = (1u64 << (7 * size_len)) - 1;
    let value = raw & most;
    let start = id_len + size_len;
    let (end, form) = match value == most {
        true => (bytes.len(), SizeForm::Open),
        false => {
            let end = usize::try_from(value).ok()?.checked_add(start).filter(|end| *end <= bytes.len())?;
            (end, if size_len == 8 { SizeForm::Long } else { SizeForm::Usual })
        }
    };
    Some(Head { name, size: form, body: start..end })
}

fn write_element_head(out: &mut Vec<u8>, name: &[u8], size: Size) {
    out.extend(name);
    let value = size.bytes & 0xFF_FFFF_FFFF_FFFF;
    match size.form {
        SizeForm::Open => out.push(0xFF),
        SizeForm::Usual if value < 0x7F => out.push(0x80 | value as u8),
        SizeForm::Usual if value < 0x3FFF => out.extend((0x4000 | value as u16).to_be_bytes()),
        SizeForm::Usual if value < 0x0FFF_FFFF => out.extend((0x1000_0000 | value as u32).to_be_bytes()),
        SizeForm::Usual | SizeForm::Long => out.extend((1 << 56 | value).to_be_bytes()),
    }
}
