//! The program as its users meet it: started with arguments, spoken to over HTTP, and compared with what ffmpeg reads.
//!
//! Nothing here looks inside. The program is the one that `PROSTREAM_BIN` names, or the one that cargo has just built. The tests need
//! ffmpeg, ffprobe, mkvmerge and redis-server, and fail without them.

#[path = "../../../prostream-core/tests/support/fragment.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod fragment;

#[path = "../../../prostream-core/tests/support/redis.rs"]
mod redis;

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
mod together;
mod tool;
mod workshop;
