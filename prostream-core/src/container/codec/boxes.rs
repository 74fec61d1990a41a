//! Boxes of ISO/IEC 14496-12 section 4.2: walking the children of one, and writing small ones.

use bytes::Bytes;

use super::bits::ByteReader;

/// A box inside another: type and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::container) struct Child<'a> {
    /// Four-character code.
    pub(in crate::container) kind: [u8; 4],
    /// What follows the header.
    pub(in crate::container) body: &'a [u8],
}

/// The children of a box, in order.
///
/// The walk ends at the first one that does not fit: trailing zeros and rubbish are common in real files, and a box that is
/// needed and not found is an error where it is needed.
#[derive(Clone, Debug)]
pub(in crate::container) struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Children<'a> {
    /// Walks the payload of a box.
    pub(in crate::container) fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The payload of the first child of a type.
    pub(in crate::container) fn find(body: &'a [u8], kind: [u8; 4]) -> Option<&'a [u8]> {
        Self::of(body).find_map(|child| (child.kind == kind).then_some(child.body))
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Child<'a>;

    fn next(&mut self) -> Option<Child<'a>> {
        let mut reader = ByteReader::new(self.rest);
        let size = reader.u32()?;
        let kind = reader.fourcc()?;
        let (size, header_size) = match size {
            0 => (self.rest.len() as u64, 8),
            1 => (reader.u64()?, 16),
            size => (u64::from(size), 8),
        };
        let body_size = usize::try_from(size.checked_sub(header_size)?).ok()?;
        let Some(body) = reader.take(body_size) else {
            self.rest = &[];
            return None;
        };
        self.rest = reader.rest();
        Some(Child { kind, body })
    }
}

/// A complete box around `payload`, which is a codec header and small.
pub(in crate::container) fn write_box(kind: [u8; 4], payload: &[u8]) -> Bytes {
    let size = u32::try_from(payload.len().saturating_add(8)).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(payload.len().saturating_add(8));
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(payload);
    out.into()
}

/// A complete full box: version, no flags, `payload`.
pub(in crate::container) fn write_full_box(kind: [u8; 4], version: u8, payload: &[u8]) -> Bytes {
    let mut body = Vec::with_capacity(payload.len().saturating_add(4));
    body.extend_from_slice(&[version, 0, 0, 0]);
    body.extend_from_slice(payload);
    write_box(kind, &body)
}

/// A four-character code as text for people: what is not printable shows as `?`.
pub(in crate::container) fn fourcc_text(kind: [u8; 4]) -> String {
    kind.iter().map(|&byte| if (0x20..0x7F).contains(&byte) { char::from(byte) } else { '?' }).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is written is read back; a box that claims more than is there ends the walk.
    #[test]
    fn children_end_at_the_first_that_does_not_fit() {
        let mut body = write_box(*b"abcd", b"12").to_vec();
        body.extend_from_slice(&write_full_box(*b"efgh", 1, b"3"));
        body.extend_from_slice(&[0, 0, 0, 99]);
        body.extend_from_slice(b"longer");
        let all: Vec<_> = Children::of(&body).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].kind, all[0].body), (*b"abcd", &b"12"[..]));
        assert_eq!((all[1].kind, all[1].body), (*b"efgh", &[1, 0, 0, 0, b'3'][..]));
        assert_eq!(Children::find(&body, *b"none"), None);
    }

    /// Goal: sizes 0 (to the end) and 1 (64 bit) are understood, sizes below the header end the walk.
    #[test]
    fn special_sizes_are_understood() {
        let long = [&[0, 0, 0, 1][..], b"wide", &17u64.to_be_bytes(), b"x", &[0, 0, 0, 0], b"last", b"rest"].concat();
        let all: Vec<_> = Children::of(&long).map(|child| child.body).collect();
        assert_eq!(all, [&b"x"[..], b"rest"]);
        assert_eq!(Children::of(&[0, 0, 0, 7, b'a', b'b', b'c', b'd']).count(), 0);
    }
}
