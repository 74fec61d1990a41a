//! The one outgoing HTTP client: deadlines, body caps, address policy, redaction, retries.
//!
//! `policy.rs` judges addresses, `own.rs` knows this machine's, `resolve.rs` judges names, `client.rs` sends what `request.rs` describes,
//! `retry.rs` knows when to try again, `trouble.rs` words why a connection failed, `host.rs` keeps what is known of each host,
//! `health.rs` decides by it, `lane.rs` how many requests go at a time, and `clock.rs` tells its time; `budget.rs` is the role of what counts for several processes. Nothing here
//! follows the environment: no proxy, no cookies, no redirects but those of media links.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod budget;
mod call;
#[cfg(feature = "http")]
mod client;
#[cfg(feature = "http")]
mod clock;
#[cfg(feature = "http")]
mod health;
#[cfg(feature = "http")]
mod host;
#[cfg(feature = "http")]
mod lane;
#[cfg(feature = "http")]
mod own;
mod policy;
mod redact;
#[cfg(feature = "http")]
mod request;
#[cfg(feature = "http")]
mod resolve;
#[cfg(feature = "http")]
pub(crate) mod retry;
#[cfg(feature = "http")]
mod trouble;

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

use crate::Result;

pub use budget::{Rate, SharedBudget, Turn};
pub use call::Call;
#[cfg(feature = "http")]
pub use client::{HttpClient, HttpClientConfig};
pub use policy::{AddressPolicy, AllowedHost};
pub use redact::{Secret, redact_url};
#[cfg(feature = "http")]
pub use request::{Body, Reply, Request, StreamReply};
#[cfg(all(feature = "http", feature = "testing"))]
pub use resolve::{StagedLookup, StagedNames};

/// What errors name as their operation when no answer came, as opposed to one that displeased.
pub(crate) const SEND_OPERATION: &str = "send request";

/// Bytes as they come, in pieces; ends after the first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send + 'static>>;
