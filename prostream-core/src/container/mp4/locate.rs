//! The walk over the boxes of the file to `moov`.

use bytes::Bytes;

use super::boxes::{File, HEADER_READ_BYTES, Read};
use super::malformed;
use crate::container::MAX_INDEX_BYTES;
use crate::{Error, ErrorKind};

/// Most boxes that are stepped over; usual files have three to six.
const MAX_BOXES: u32 = 10_000;

/// The payload of `moov`, and where it ends; or the ranges that are missing to get there.
pub(super) fn find_movie(file: &File<'_>) -> Read<(Bytes, u64)> {
    let mut at = 0u64;
    for _ in 0..MAX_BOXES {
        let Some(found) = file.header(at, HEADER_READ_BYTES)? else {
            return Err(malformed("no moov box: not an MP4, or cut off before its index").into());
        };
        match &found.kind {
            b"moov" if found.body.len() > MAX_INDEX_BYTES => {
                return Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("moov over 64 MiB").into());
            }
            b"moov" => return Ok((file.body(&found, 0)?, found.body.end)),
            b"moof" => {
                let error = Error::new(ErrorKind::Unsupported, "read mp4");
                return Err(error.detail("a media segment without its init segment (moof before moov)").into());
            }
            _ => at = found.body.end,
        }
    }
    Err(Error::new(ErrorKind::LimitExceeded, "read mp4").detail("over 10,000 boxes before moov").into())
}
