//! The 42 files that a packager meets (PACKAGING 2.1), each with a test `case_NN_…` that holds it to its "do".
//!
//! `cargo nextest run case_` lists and runs them all. Each file is made here by ffmpeg or mkvmerge, or by editing the bytes of such a file.

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod support;
#[allow(dead_code, reason = "each room of cases uses its part of the workshop")]
mod workshop;

mod codecs;
mod ebml;
mod hosts;
mod matroska;
mod mp4;
mod output;
mod presentation;
mod text;
