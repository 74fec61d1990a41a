//! From a title to a stream that plays on this device: metadata, indexers, debrid services, and HLS packaged on the fly
//! from the remote file.
#![deny(unsafe_code)]

pub mod container;
pub mod doctor;
mod engine;
mod error;
pub mod hls;
pub mod model;
pub mod net;
pub mod playback;
pub mod provider;
pub mod release;
pub mod resolve;
pub mod source;
pub mod store;
#[cfg(feature = "stand-ins")]
pub mod testing;

pub use engine::{ProStream, ProStreamBuilder};
pub use error::{BoxError, Error, ErrorKind, Result};
