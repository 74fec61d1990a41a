use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::{ByteSource, ByteStream, SourceStats};
use crate::model::{ByteRange, Rope};
use crate::net::HttpClient;
use crate::{Error, ErrorKind, Result};

/// How an HTTP source reads.
#[derive(Clone, Debug)]
pub struct HttpSourceConfig {
    /// Size of the first request, from the start of the file. Default: 512 KiB.
    pub head_size: u64,
    /// Size of the second, from its end, sent at the same time. Default: 512 KiB.
    pub tail_size: u64,
}

impl Default for HttpSourceConfig {
    fn default() -> Self {
        Self { head_size: 512 << 10, tail_size: 512 << 10 }
    }
}

/// A file behind an HTTP link that answers ranges (RFC 9110 section 14).
#[derive(Debug)]
pub struct HttpSource {}

impl HttpSource {
    /// Opens a link: head and tail at once, so that the length, the validator and both ends are known after one round trip.
    ///
    /// # Errors
    /// `Forbidden` by the address policy, `NotFound`, `Unauthorized`, `RateLimited`, `Unavailable`, `TimedOut`; `Unsupported` when the host
    /// neither answers ranges nor gives a length.
    pub async fn open(
        _client: &HttpClient,
        _url: Url,
        _headers: &[(String, String)],
        _config: &HttpSourceConfig,
    ) -> Result<Self> {
        Err(Error::new(ErrorKind::Unsupported, "open link"))
    }
}

#[async_trait]
impl ByteSource for HttpSource {
    fn size_bytes(&self) -> u64 {
        0
    }
    fn identity(&self) -> &str {
        ""
    }
    async fn read_at(&self, _range: ByteRange) -> Result<Rope> {
        Err(Error::new(ErrorKind::Unsupported, "read link"))
    }
    fn stream(self: Arc<Self>, _range: ByteRange) -> ByteStream {
        Box::pin(futures_util::stream::empty())
    }
    fn stats(&self) -> SourceStats {
        SourceStats::default()
    }
}
