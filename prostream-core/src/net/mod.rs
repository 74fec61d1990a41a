//! The one outgoing HTTP client: deadlines, body caps, address policy, redaction, retries.

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

mod call;
#[cfg(feature = "http")]
mod client;
mod policy;
mod redact;

pub use call::Call;
#[cfg(feature = "http")]
pub use client::{Body, HttpClient, HttpClientConfig, Reply, Request, StreamReply};
pub use policy::{AddressPolicy, AllowedHost};
pub use redact::{Secret, redact_url};
