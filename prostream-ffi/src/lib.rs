//! The C ABI of ProStream.
//!
//! Rules, also at the head of `include/prostream.h`: handles are numbers, checked on every call, never reused; statuses are the numbers of
//! [`prostream_core::ErrorKind`], 0 is success; out-parameters are written only on success; any thread may call anything; a panic never
//! crosses the border. Strings are NUL-terminated UTF-8 and copied before a function returns.
//!
//! `unsafe` stands only where a pointer from C is read or written: in `text.rs`, `out.rs`, `bytes.rs` and the entry points that call them.
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod bytes;
mod config;
mod engine;
mod guard;
mod handle;
mod out;
mod presentation;
mod status;
mod text;
mod version;

pub use bytes::*;
pub use engine::*;
pub use presentation::*;
pub use status::*;
pub use version::*;
