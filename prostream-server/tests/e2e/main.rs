//! The program as its users meet it: started with arguments, spoken to over HTTP, and compared with what ffmpeg reads.
//!
//! Nothing here looks inside. The program is the one that `PROSTREAM_BIN` names, or the one that cargo has just built. The tests need
//! ffmpeg, ffprobe and mkvmerge, and fail without them.

#[path = "../../../prostream-core/tests/support/fragment.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod fragment;

mod bad_input;
mod check;
mod films;
mod links;
mod origin;
mod player;
mod program;
mod reference;
mod requests;
mod subtitles;
mod tool;
mod workshop;
