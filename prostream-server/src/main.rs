//! The `prostream` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use prostream_server::cli::{self, Cli};

/// Of each thread, in bytes: the whole way from a title to a stream is one future, which takes room where nothing is optimised.
const STACK_SIZE: usize = 8 << 20;

fn main() -> ExitCode {
    prostream_server::memory::keep_for_media();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(wrong) => return cli::wrong_arguments(&wrong),
    };
    match tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK_SIZE).enable_all().build() {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => {
            eprintln!("error: no threads can be started: {error}");
            ExitCode::FAILURE
        }
    }
}
