use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::{ByteSource, ByteStream, SourceStats};
use crate::model::{ByteRange, Rope};
use crate::{Error, ErrorKind, Result};

/// A file on this machine.
#[derive(Debug)]
pub struct FileSource {}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` or `Storage`; `InvalidInput` when it is not a regular file.
    pub async fn open(_path: &Path) -> Result<Self> {
        Err(Error::new(ErrorKind::Unsupported, "open file"))
    }
}

#[async_trait]
impl ByteSource for FileSource {
    fn size_bytes(&self) -> u64 {
        0
    }
    fn identity(&self) -> &str {
        ""
    }
    async fn read_at(&self, _range: ByteRange) -> Result<Rope> {
        Err(Error::new(ErrorKind::Unsupported, "read file"))
    }
    fn stream(self: Arc<Self>, _range: ByteRange) -> ByteStream {
        Box::pin(futures_util::stream::empty())
    }
    fn stats(&self) -> SourceStats {
        SourceStats::default()
    }
}
