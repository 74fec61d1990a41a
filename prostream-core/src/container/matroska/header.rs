//! The small elements in front: EBML head, SeekHead, Info.

use super::ebml::{self, Children, id};
use super::malformed;
use crate::container::ContainerKind;
use crate::{Error, ErrorKind, Result};

/// Highest `DocTypeReadVersion` that RFC 9559 defines.
const MAX_READ_VERSION: u64 = 4;
/// Most entries of one SeekHead that are looked at.
const MAX_SEEKS: usize = 1024;

/// Reads the data of the EBML element.
///
/// # Errors
/// `Unsupported` when it announces another document type, a newer version, or longer ids and sizes than Matroska has.
pub(super) fn parse_ebml_head(data: &[u8]) -> Result<ContainerKind> {
    let unsupported = |detail: String| Error::new(ErrorKind::Unsupported, "read matroska").detail(detail);
    let mut kind = None;
    for child in Children::new(data) {
        let (child_id, value) = child?;
        match child_id {
            id::DOC_TYPE => {
                kind = Some(match ebml::text(value).as_str() {
                    "matroska" => ContainerKind::Matroska,
                    "webm" => ContainerKind::Webm,
                    other => {
                        let name: String = other.chars().filter(char::is_ascii_graphic).take(32).collect();
                        return Err(unsupported(format!("EBML document of type {name}")));
                    }
                });
            }
            id::DOC_TYPE_READ_VERSION => {
                let version = ebml::uint(value)?;
                if version > MAX_READ_VERSION {
                    return Err(unsupported(format!("document version {version}")));
                }
            }
            id::EBML_MAX_ID_LENGTH if ebml::uint(value)? > 4 => return Err(unsupported("ids over 4 bytes".to_owned())),
            id::EBML_MAX_SIZE_LENGTH if ebml::uint(value)? > 8 => {
                return Err(unsupported("sizes over 8 bytes".to_owned()));
            }
            _ => {}
        }
    }
    kind.ok_or_else(|| malformed("EBML head without a document type"))
}

/// One entry of a SeekHead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seek {
    /// Id of the element.
    pub(super) id: u32,
    /// Where it should begin, relative to the first byte of the Segment's data.
    pub(super) position: u64,
}

/// Reads the data of a SeekHead; entries that are broken in themselves are left out.
pub(super) fn parse_seek_head(data: &[u8]) -> Vec<Seek> {
    Children::new(data)
        .map_while(Result::ok)
        .filter(|(child_id, _)| *child_id == id::SEEK)
        .take(MAX_SEEKS)
        .filter_map(|(_, entry)| {
            let (mut target, mut position) = (None, None);
            for child in Children::new(entry) {
                let (child_id, value) = child.ok()?;
                match child_id {
                    id::SEEK_ID => target = u32::try_from(ebml::uint(value).ok()?).ok(),
                    id::SEEK_POSITION => position = ebml::uint(value).ok(),
                    _ => {}
                }
            }
            Some(Seek { id: target?, position: position? })
        })
        .collect()
}

/// What Info says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Info {
    /// Nanoseconds in one unit of the times in clusters and cues.
    pub(super) timestamp_scale_ns: u64,
    /// Length in those units; `None` when absent or no positive number.
    pub(super) duration: Option<f64>,
    /// The program that wrote the file; empty when it does not say.
    pub(super) writing_app: String,
}

impl Default for Info {
    fn default() -> Self {
        Self { timestamp_scale_ns: 1_000_000, duration: None, writing_app: String::new() }
    }
}

impl Info {
    /// The length in nanoseconds, 0 when unknown.
    pub(super) fn duration_ns(&self) -> i64 {
        /// A year: more is a broken number.
        const MAX_DURATION_NS: f64 = 365.0 * 86_400.0 * 1e9;
        let ns = self.duration.unwrap_or(0.0) * self.timestamp_scale_ns as f64;
        // Checked to be well inside the range of the integer.
        if ns > 0.0 && ns <= MAX_DURATION_NS { ns.round() as i64 } else { 0 }
    }
}

/// Reads the data of Info.
///
/// # Errors
/// `Malformed` when a child breaks it or the `TimestampScale` is 0 or above a second.
pub(super) fn parse_info(data: &[u8]) -> Result<Info> {
    let mut info = Info::default();
    for child in Children::new(data) {
        let (child_id, value) = child?;
        match child_id {
            id::TIMESTAMP_SCALE => {
                info.timestamp_scale_ns = ebml::uint(value)?;
                if info.timestamp_scale_ns == 0 || info.timestamp_scale_ns > 1_000_000_000 {
                    return Err(malformed("timestamp scale out of range"));
                }
            }
            id::WRITING_APP => info.writing_app = ebml::text(value),
            id::DURATION => info.duration = Some(ebml::float(value)?).filter(|value| value.is_finite() && *value > 0.0),
            _ => {}
        }
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: Matroska and WebM are told apart, others refused by name, newer versions too.
    #[test]
    fn document_types() {
        let head = |doc_type: &str, version: u8| {
            let mut data = vec![0x42, 0x82, 0x80 | doc_type.len() as u8];
            data.extend_from_slice(doc_type.as_bytes());
            data.extend_from_slice(&[0x42, 0x85, 0x81, version]);
            parse_ebml_head(&data)
        };
        assert_eq!(head("matroska", 2).unwrap(), ContainerKind::Matroska);
        assert_eq!(head("webm\0\0", 4).unwrap(), ContainerKind::Webm);
        assert_eq!(head("matroska", 5).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(head("other", 1).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(parse_ebml_head(&[]).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: a broken entry does not take the others with it.
    #[test]
    fn seek_entries() {
        let good = [0x4D, 0xBB, 0x8A, 0x53, 0xAB, 0x84, 0x1C, 0x53, 0xBB, 0x6B, 0x53, 0xAC, 0x80];
        let broken = [0x4D, 0xBB, 0x84, 0x53, 0xAB, 0x84, 0x1C];
        assert_eq!(parse_seek_head(&[&broken[..], &good].concat()), [Seek { id: id::CUES, position: 0 }]);
    }

    /// Goal: the scale is never 0, and a duration that is no number is none.
    #[test]
    fn info_numbers() {
        assert!(parse_info(&[0x2A, 0xD7, 0xB1, 0x81, 0]).is_err());
        let nan = [&[0x44, 0x89, 0x88][..], &f64::NAN.to_be_bytes()].concat();
        assert_eq!(parse_info(&nan).unwrap().duration_ns(), 0);
        let huge = [&[0x44, 0x89, 0x88][..], &1e300f64.to_be_bytes()].concat();
        assert_eq!(parse_info(&huge).unwrap().duration_ns(), 0);
        let second = [&[0x44, 0x89, 0x84][..], &1000f32.to_be_bytes()].concat();
        assert_eq!(parse_info(&second).unwrap().duration_ns(), 1_000_000_000);
    }
}
