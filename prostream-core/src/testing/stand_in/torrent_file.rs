//! What a service does with an uploaded torrent file: takes it out of its form and computes its info hash (BEP 3).

use sha1::{Digest, Sha1};

use super::StandInRequest;
use crate::model::InfoHash;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 32;

/// A file of a `multipart/form-data` body.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) field: String,
    pub(super) file_name: String,
    pub(super) bytes: &'a [u8],
}

/// The files of a form; empty when it is none. Source: RFC 7578.
pub(super) fn multipart(request: &StandInRequest) -> Vec<Part<'_>> {
    let content_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some((_, boundary)) = content_type.and_then(|text| text.split_once("boundary=")) else { return Vec::new() };
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let body = request.body();
    let starts: Vec<usize> = positions(body, delimiter.as_bytes()).collect();
    let part = |span: &[usize]| {
        let &[start, end] = span else { return None };
        let part = body.get(start + delimiter.len()..end)?;
        let head_end = positions(part, b"\r\n\r\n").next()?;
        let head = std::str::from_utf8(&part[..head_end]).ok()?;
        let bytes = &part[head_end + 4..];
        let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        let parameter = |name: &str| {
            let rest = head.split_once(&format!("{name}=\""))?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        Some(Part { field: parameter("; name")?, file_name: parameter("filename").unwrap_or_default(), bytes })
    };
    starts.windows(2).filter_map(part).collect()
}

fn positions<'a>(haystack: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    haystack.windows(needle.len().max(1)).enumerate().filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

/// SHA-1 of the `info` dictionary as it stands in the file.
pub(super) fn info_hash(bytes: &[u8]) -> Option<InfoHash> {
    let mut rest = bytes.strip_prefix(b"d")?;
    while !rest.starts_with(b"e") {
        let (key, after_key) = text(rest)?;
        let after_value = skip(after_key, 0)?;
        if key == b"info" && after_key.starts_with(b"d") {
            let info = &after_key[..after_key.len() - after_value.len()];
            let digest = Sha1::digest(info);
            return Some(InfoHash(digest.as_slice().try_into().ok()?));
        }
        rest = after_value;
    }
    None
}

/// `4:info` and what follows.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    bytes[colon + 1..].split_at_checked(length)
}

/// What follows a value.
fn skip(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    if depth > MAX_DEPTH {
        return None;
    }
    match bytes.first()? {
        b'i' => bytes.iter().position(|byte| *byte == b'e').map(|at| &bytes[at + 1..]),
        b'l' | b'd' => {
            let mut rest = &bytes[1..];
            while rest.first()? != &b'e' {
                rest = skip(rest, depth + 1)?;
            }
            Some(&rest[1..])
        }
        _ => text(bytes).map(|(_, rest)| rest),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Goal: the hash is that of the info dictionary alone, whatever stands around it.
    #[test]
    fn the_info_dictionary_is_hashed() {
        let info = b"d6:lengthi3e4:name1:ae";
        let expected = InfoHash(Sha1::digest(info).as_slice().try_into().unwrap());
        let file = [b"d8:announce3:url4:listl1:a1:be4:info".as_slice(), info, b"e"].concat();
        assert_eq!(info_hash(&file), Some(expected));
        for broken in [&b""[..], b"d", b"d4:info", b"d4:infoi1ee", b"d99999999999:x", b"hello"] {
            assert_eq!(info_hash(broken), None);
        }
    }

    /// Goal: a file comes out of its form as it went in.
    #[test]
    fn files_come_out_of_forms() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.torrent\"\r\n\
                    Content-Type: application/x-bittorrent\r\n\r\nde\r\n--B--\r\n";
        let request = http::Request::post("/").header("content-type", "multipart/form-data; boundary=B");
        let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        let parts = multipart(&request);
        assert_eq!(parts.len(), 1);
        assert_eq!(
            (parts[0].field.as_str(), parts[0].file_name.as_str(), parts[0].bytes),
            ("files[0]", "a.torrent", &b"de"[..])
        );
    }
}
