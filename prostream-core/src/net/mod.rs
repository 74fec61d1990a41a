//! The one outgoing HTTP client: deadlines, body caps, address policy, redaction, retries.

mod call;
#[cfg(feature = "http")]
mod client;
mod policy;
mod redact;

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

use crate::Result;

pub use call::Call;
#[cfg(feature = "http")]
pub use client::{Body, HttpClient, HttpClientConfig, Reply, Request, StreamReply};
pub use policy::{AddressPolicy, AllowedHost};
pub use redact::{Secret, redact_url};

/// Bytes as they come, in pieces; ends after the first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send + 'static>>;
