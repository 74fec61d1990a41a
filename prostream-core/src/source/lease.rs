use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use url::Url;

use crate::Result;
use crate::net::{Call, redact_url};

/// An address that serves a file for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct LeasedLink {
    /// The address. It may be a secret: it reaches no log and no client.
    pub url: Url,
    /// Name and value of headers that are sent to the host of `url`, and to no other.
    pub headers: Vec<(String, String)>,
    /// When it ends, where the service says so.
    pub expires_at: Option<SystemTime>,
}

impl fmt::Debug for LeasedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedLink")
            .field("url", &redact_url(&self.url))
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A link with an end that can be had anew: from the debrid service that gave it, or from another that holds the same file.
///
/// A source renews before the link ends and when it answers as links do that have ended (401, 403, 404, 410, 416, HTML in place of media,
/// another length or tag): once for all who read, not again soon after, and it looks at both ends of the file before it reads a byte from the
/// new place. A host that does not serve the file, because it is down or because its fresh link leads to another file, is left for another.
#[async_trait]
pub trait Lease: Send + Sync + fmt::Debug + 'static {
    /// A fresh link to the same file.
    ///
    /// # Errors
    /// Whatever keeps the file from being had; it reaches those who read, so it should say what a person can do.
    /// # Cancel safety
    /// May be dropped at any point, when the last reader leaves.
    async fn renew(&self, call: &Call) -> Result<LeasedLink>;

    /// A link to the same file at another place than that of the last link, which does not serve it; `None` where there is no other, as
    /// there is none by default.
    ///
    /// # Errors
    /// Whatever keeps the file from being had elsewhere.
    /// # Cancel safety
    /// As [`Self::renew`].
    async fn elsewhere(&self, _call: &Call) -> Result<Option<LeasedLink>> {
        Ok(None)
    }
}
