//! EBML (RFC 8794): element ids, variable-length integers, and a walker over the children of an element that is wholly at hand.

use super::malformed;
use crate::Result;

/// Longest element header that we read: an id of four bytes and a size of eight.
pub(super) const MAX_HEADER_LEN: usize = 12;

/// Element ids of EBML and Matroska (RFC 8794 section 11.2, RFC 9559 section 5.1), marker bits included.
pub(super) mod id {
    pub(in super::super) const EBML: u32 = 0x1A45_DFA3;
    pub(in super::super) const EBML_MAX_ID_LENGTH: u32 = 0x42F2;
    pub(in super::super) const EBML_MAX_SIZE_LENGTH: u32 = 0x42F3;
    pub(in super::super) const DOC_TYPE: u32 = 0x4282;
    pub(in super::super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub(in super::super) const VOID: u32 = 0xEC;
    pub(in super::super) const CRC_32: u32 = 0xBF;

    pub(in super::super) const SEGMENT: u32 = 0x1853_8067;
    pub(in super::super) const SEEK_HEAD: u32 = 0x114D_9B74;
    pub(in super::super) const SEEK: u32 = 0x4DBB;
    pub(in super::super) const SEEK_ID: u32 = 0x53AB;
    pub(in super::super) const SEEK_POSITION: u32 = 0x53AC;
    pub(in super::super) const INFO: u32 = 0x1549_A966;
    pub(in super::super) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub(in super::super) const DURATION: u32 = 0x4489;
    pub(in super::super) const WRITING_APP: u32 = 0x5741;
    pub(in super::super) const TRACKS: u32 = 0x1654_AE6B;
    pub(in super::super) const CUES: u32 = 0x1C53_BB6B;
    pub(in super::super) const ATTACHMENTS: u32 = 0x1941_A469;
    pub(in super::super) const CHAPTERS: u32 = 0x1043_A770;
    pub(in super::super) const TAGS: u32 = 0x1254_C367;

    pub(in super::super) const TAG: u32 = 0x7373;
    pub(in super::super) const TARGETS: u32 = 0x63C0;
    pub(in super::super) const TAG_TRACK_UID: u32 = 0x63C5;
    pub(in super::super) const SIMPLE_TAG: u32 = 0x67C8;
    pub(in super::super) const TAG_NAME: u32 = 0x45A3;
    pub(in super::super) const TAG_STRING: u32 = 0x4487;
    pub(in super::super) const EDITION_ENTRY: u32 = 0x45B9;
    pub(in super::super) const EDITION_FLAG_HIDDEN: u32 = 0x45BD;
    pub(in super::super) const CHAPTER_ATOM: u32 = 0xB6;
    pub(in super::super) const CHAPTER_TIME_START: u32 = 0x91;
    pub(in super::super) const CHAPTER_TIME_END: u32 = 0x92;
    pub(in super::super) const CHAPTER_FLAG_HIDDEN: u32 = 0x98;
    pub(in super::super) const CHAPTER_DISPLAY: u32 = 0x80;
    pub(in super::super) const CHAP_STRING: u32 = 0x85;
    pub(in super::super) const CHAP_LANGUAGE: u32 = 0x437C;
    pub(in super::super) const CHAP_LANGUAGE_BCP47: u32 = 0x437D;
    pub(in super::super) const ATTACHED_FILE: u32 = 0x61A7;
    pub(in super::super) const FILE_NAME: u32 = 0x466E;
    pub(in super::super) const FILE_MEDIA_TYPE: u32 = 0x4660;
    pub(in super::super) const FILE_DATA: u32 = 0x465C;

    pub(in super::super) const CUE_POINT: u32 = 0xBB;
    pub(in super::super) const CUE_TIME: u32 = 0xB3;
    pub(in super::super) const CUE_TRACK_POSITIONS: u32 = 0xB7;
    pub(in super::super) const CUE_TRACK: u32 = 0xF7;
    pub(in super::super) const CUE_CLUSTER_POSITION: u32 = 0xF1;
    pub(in super::super) const CUE_RELATIVE_POSITION: u32 = 0xF0;

    pub(in super::super) const CLUSTER: u32 = 0x1F43_B675;
    pub(in super::super) const TIMESTAMP: u32 = 0xE7;
    pub(in super::super) const SILENT_TRACKS: u32 = 0x5854;
    pub(in super::super) const POSITION: u32 = 0xA7;
    pub(in super::super) const PREV_SIZE: u32 = 0xAB;
    pub(in super::super) const SIMPLE_BLOCK: u32 = 0xA3;
    pub(in super::super) const ENCRYPTED_BLOCK: u32 = 0xAF;
    pub(in super::super) const BLOCK_GROUP: u32 = 0xA0;
    pub(in super::super) const BLOCK: u32 = 0xA1;
    pub(in super::super) const BLOCK_DURATION: u32 = 0x9B;
    pub(in super::super) const REFERENCE_BLOCK: u32 = 0xFB;

    pub(in super::super) const TRACK_ENTRY: u32 = 0xAE;
    pub(in super::super) const TRACK_NUMBER: u32 = 0xD7;
    pub(in super::super) const TRACK_UID: u32 = 0x73C5;
    pub(in super::super) const TRACK_TYPE: u32 = 0x83;
    pub(in super::super) const FLAG_DEFAULT: u32 = 0x88;
    pub(in super::super) const FLAG_FORCED: u32 = 0x55AA;
    pub(in super::super) const FLAG_HEARING_IMPAIRED: u32 = 0x55AB;
    pub(in super::super) const FLAG_COMMENTARY: u32 = 0x55AF;
    pub(in super::super) const DEFAULT_DURATION: u32 = 0x23_E383;
    pub(in super::super) const NAME: u32 = 0x536E;
    pub(in super::super) const LANGUAGE: u32 = 0x22_B59C;
    pub(in super::super) const LANGUAGE_BCP47: u32 = 0x22_B59D;
    pub(in super::super) const CODEC_ID: u32 = 0x86;
    pub(in super::super) const CODEC_PRIVATE: u32 = 0x63A2;
    pub(in super::super) const CODEC_DELAY: u32 = 0x56AA;
    pub(in super::super) const BLOCK_ADDITION_MAPPING: u32 = 0x41E4;
    pub(in super::super) const BLOCK_ADD_ID_TYPE: u32 = 0x41E7;
    pub(in super::super) const BLOCK_ADD_ID_EXTRA_DATA: u32 = 0x41ED;
    pub(in super::super) const VIDEO: u32 = 0xE0;
    pub(in super::super) const FLAG_INTERLACED: u32 = 0x9A;
    pub(in super::super) const PROJECTION: u32 = 0x7670;
    pub(in super::super) const PROJECTION_TYPE: u32 = 0x7671;
    pub(in super::super) const PROJECTION_POSE_YAW: u32 = 0x7673;
    pub(in super::super) const PROJECTION_POSE_PITCH: u32 = 0x7674;
    pub(in super::super) const PROJECTION_POSE_ROLL: u32 = 0x7675;
    pub(in super::super) const PIXEL_WIDTH: u32 = 0xB0;
    pub(in super::super) const PIXEL_HEIGHT: u32 = 0xBA;
    pub(in super::super) const DISPLAY_WIDTH: u32 = 0x54B0;
    pub(in super::super) const DISPLAY_HEIGHT: u32 = 0x54BA;
    pub(in super::super) const DISPLAY_UNIT: u32 = 0x54B2;
    pub(in super::super) const COLOUR: u32 = 0x55B0;
    pub(in super::super) const MATRIX_COEFFICIENTS: u32 = 0x55B1;
    pub(in super::super) const RANGE: u32 = 0x55B9;
    pub(in super::super) const TRANSFER_CHARACTERISTICS: u32 = 0x55BA;
    pub(in super::super) const PRIMARIES: u32 = 0x55BB;
    pub(in super::super) const MAX_CLL: u32 = 0x55BC;
    pub(in super::super) const MAX_FALL: u32 = 0x55BD;
    pub(in super::super) const MASTERING_METADATA: u32 = 0x55D0;
    /// First of ten floats with consecutive ids: x and y of red, green, blue and white, then the greatest and least luminance.
    pub(in super::super) const PRIMARY_R_CHROMATICITY_X: u32 = 0x55D1;
    pub(in super::super) const AUDIO: u32 = 0xE1;
    pub(in super::super) const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub(in super::super) const OUTPUT_SAMPLING_FREQUENCY: u32 = 0x78B5;
    pub(in super::super) const CHANNELS: u32 = 0x9F;
    pub(in super::super) const CONTENT_ENCODINGS: u32 = 0x6D80;
    pub(in super::super) const CONTENT_ENCODING: u32 = 0x6240;
    pub(in super::super) const CONTENT_ENCODING_SCOPE: u32 = 0x5032;
    pub(in super::super) const CONTENT_ENCODING_TYPE: u32 = 0x5033;
    pub(in super::super) const CONTENT_COMPRESSION: u32 = 0x5034;
    pub(in super::super) const CONTENT_COMP_ALGO: u32 = 0x4254;
    pub(in super::super) const CONTENT_COMP_SETTINGS: u32 = 0x4255;

    /// May an element with this id stand directly in the Segment?
    pub(in super::super) const fn is_level_1(id: u32) -> bool {
        matches!(id, SEEK_HEAD | INFO | TRACKS | CUES | ATTACHMENTS | CHAPTERS | TAGS | CLUSTER | VOID | CRC_32)
    }

    /// May an element with this id stand in a Cluster?
    pub(in super::super) const fn is_in_cluster(id: u32) -> bool {
        matches!(
            id,
            TIMESTAMP
                | SILENT_TRACKS
                | POSITION
                | PREV_SIZE
                | SIMPLE_BLOCK
                | ENCRYPTED_BLOCK
                | BLOCK_GROUP
                | VOID
                | CRC_32
        )
    }
}

/// What the first bytes of an element say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// An element.
    Found {
        /// Its id, marker bits included.
        id: u32,
        /// Length of its data, `None` when unknown (RFC 8794 section 6.2).
        size: Option<u64>,
        /// Length of id and size.
        len: u64,
    },
    /// More bytes are needed to tell.
    Short,
    /// No element starts like this.
    Junk,
}

/// Reads an element's id and size.
pub(super) fn parse_header(bytes: &[u8]) -> Header {
    let Some(&first) = bytes.first() else { return Header::Short };
    // An id keeps its marker bit and is at most four bytes long.
    let id_len = coded_len(first);
    if id_len > 4 {
        return Header::Junk;
    }
    let Some(id_bytes) = bytes.get(..id_len) else { return Header::Short };
    let id = id_bytes.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
    match parse_vint(bytes.get(id_len..).unwrap_or_default()) {
        Vint::Found { value, len } => {
            let size = (value != largest_vint(len)).then_some(value);
            Header::Found { id, size, len: id_len.saturating_add(len) as u64 }
        }
        Vint::Short => Header::Short,
        Vint::Junk => Header::Junk,
    }
}

/// A variable-length integer (RFC 8794 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vint {
    /// Its value without the marker bit, and its length in bytes.
    Found {
        /// Without the marker bit.
        value: u64,
        /// In bytes, 1 to 8.
        len: usize,
    },
    /// More bytes are needed.
    Short,
    /// Longer than eight bytes.
    Junk,
}

/// Reads a variable-length integer.
pub(super) fn parse_vint(bytes: &[u8]) -> Vint {
    let Some(&first) = bytes.first() else { return Vint::Short };
    let len = coded_len(first);
    if len > 8 {
        return Vint::Junk;
    }
    let Some(coded) = bytes.get(..len) else { return Vint::Short };
    let with_marker = coded.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    Vint::Found { value: with_marker & largest_vint(len), len }
}

/// The length that a first byte announces by its leading zeros: 1 to 9.
fn coded_len(first: u8) -> usize {
    (first.leading_zeros() as usize).saturating_add(1)
}

/// All value bits set: seven in each byte. A size of this form is unknown.
fn largest_vint(len: usize) -> u64 {
    (0..len).fold(0, |value, _| value << 7 | 0x7F)
}

/// A signed difference of EBML lacing: the value minus half of its range (RFC 9559 section 10.3.3).
pub(super) fn vint_as_signed(value: u64, len: usize) -> i64 {
    // At most 56 bits: both fit.
    (value as i64).saturating_sub((largest_vint(len) >> 1) as i64)
}

/// The children of an element whose data is wholly at hand.
#[derive(Clone, Debug)]
pub(super) struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Children<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }
}

impl<'a> Iterator for Children<'a> {
    /// Id and data; an error when a child breaks its parent, which ends the walk.
    type Item = Result<(u32, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let all = std::mem::take(&mut self.rest);
        let Header::Found { id, size: Some(size), len } = parse_header(all) else {
            return Some(Err(malformed("broken element")));
        };
        let data = all.get(len as usize..).unwrap_or_default();
        match usize::try_from(size).ok().and_then(|size| data.split_at_checked(size)) {
            Some((data, rest)) => {
                self.rest = rest;
                Some(Ok((id, data)))
            }
            None => Some(Err(malformed("element larger than its parent"))),
        }
    }
}

/// An unsigned integer of up to eight bytes; no bytes are 0.
///
/// # Errors
/// `Malformed` when it is longer.
pub(super) fn uint(data: &[u8]) -> Result<u64> {
    if data.len() > 8 {
        return Err(malformed("integer longer than 8 bytes"));
    }
    Ok(data.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// A float of four or eight bytes; no bytes are 0.
///
/// # Errors
/// `Malformed` for any other length.
pub(super) fn float(data: &[u8]) -> Result<f64> {
    if data.is_empty() {
        return Ok(0.0);
    }
    if let Ok(bytes) = <[u8; 4]>::try_from(data) {
        return Ok(f64::from(f32::from_be_bytes(bytes)));
    }
    <[u8; 8]>::try_from(data).map(f64::from_be_bytes).map_err(|_| malformed("float of an odd length"))
}

/// A string up to its first NUL; what is not UTF-8 is replaced.
pub(super) fn text(data: &[u8]) -> String {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    String::from_utf8_lossy(data.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: lengths of 1 to 8 bytes give the same value back; 9 does not exist.
    #[test]
    fn vints_of_every_length() {
        for len in 1..=8usize {
            let mut bytes = vec![0u8; len];
            bytes[0] = 0x80 >> (len - 1);
            bytes[len - 1] |= 5;
            assert_eq!(parse_vint(&bytes), Vint::Found { value: 5, len });
            assert_eq!(parse_vint(&bytes[..len - 1]), Vint::Short);
        }
        assert_eq!(parse_vint(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), Vint::Junk);
    }

    /// Goal: all ones is the unknown size in any length, and nothing else is.
    #[test]
    fn unknown_sizes() {
        for (bytes, size) in [
            (&[0xA3, 0xFF][..], None),
            (&[0xA3, 0xFE], Some(126)),
            (&[0xA3, 0x40, 0x7F], Some(127)),
            (&[0xA3, 0x7F, 0xFF], None),
            (&[0xA3, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], None),
        ] {
            assert_eq!(parse_header(bytes), Header::Found { id: 0xA3, size, len: bytes.len() as u64 });
        }
    }

    /// Goal: an id longer than four bytes, and zeros, are no elements.
    #[test]
    fn junk_is_no_element() {
        assert_eq!(parse_header(&[0; 12]), Header::Junk);
        assert_eq!(parse_header(&[0x08, 1, 2, 3, 4, 0x81]), Header::Junk);
        assert_eq!(parse_header(&[0x1F, 0x43]), Header::Short);
    }

    /// Goal: a child that claims more than its parent holds ends the walk with an error, once.
    #[test]
    fn children_stay_inside() {
        let mut children = Children::new(&[0xE7, 0x81, 7, 0xA3, 0x85, 1]);
        assert_eq!(children.next().unwrap().unwrap(), (id::TIMESTAMP, &[7u8][..]));
        assert!(children.next().unwrap().is_err());
        assert!(children.next().is_none());
    }

    /// Goal: the range of a lace difference is symmetric (RFC 9559 section 10.3.3).
    #[test]
    fn lace_differences() {
        assert_eq!(vint_as_signed(0, 1), -63);
        assert_eq!(vint_as_signed(63, 1), 0);
        assert_eq!(vint_as_signed(0x3FFF, 2), 8192);
    }
}
