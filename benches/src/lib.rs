//! What the benches share: generated files, the programs that are measured, what they are measured with, and how figures are told.
#![forbid(unsafe_code)]

pub mod client;
pub mod ffmpeg;
pub mod figures;
pub mod load;
pub mod media;
pub mod nginx;
pub mod options;
pub mod origin;
pub mod process;
pub mod server;
pub mod target;
pub mod timeline;
pub mod viewers;

/// Anything that ends a bench.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
