//! What the benches share: generated files.
#![forbid(unsafe_code)]

pub mod media;

/// Anything that ends a bench.
pub type Error = Box<dyn std::error::Error>;
