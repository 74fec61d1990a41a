//! The command line: arguments in, one command run, an exit code out.

mod demo;
mod doctor;
mod lines;
mod matching;
mod output;
mod parse;
mod play;
mod probe;
mod resolve;
mod search;
mod serve;
mod settings;
mod sign_in;
mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use prostream_core::net::{AddressPolicy, AllowedHost};
use prostream_core::{Error, ErrorKind, Result};

use output::Output;
pub use output::exit_code;

/// From a title to a stream that plays, now.
///
/// `prostream demo` shows everything without any key: a film, indexers and a debrid service played by the program itself.
/// `prostream play FILE` streams one file to a browser. `prostream serve`, the default, is the server; `prostream doctor` says what
/// is wrong with its settings.
#[derive(Debug, Parser)]
#[command(name = "prostream", version, max_term_width = 100, arg_required_else_help = false)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not found, 4 refused or not allowed, 5 not supported or broken file, 6 try again later."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    global: Global,
    /// Without a command: the options of `serve`.
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Args)]
struct Global {
    /// Print JSON for programs: the first line of standard output is one object.
    #[arg(long, global = true)]
    json: bool,
    /// What to log to standard error: error, warn, info, debug, trace, or a filter such as `prostream_core::net=debug`.
    #[arg(long, global = true, env = "PROSTREAM_LOG", default_value = "warn", value_name = "FILTER")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default).
    Serve(serve::ServeArgs),
    /// Show everything on throw-away data: stand-ins of TMDB, Prowlarr, AllDebrid and OpenSubtitles, and a generated film.
    Demo(demo::DemoArgs),
    /// Stream one file or link to a browser or player.
    Play(play::PlayArgs),
    /// Show what a file holds and what reading it cost.
    Probe(probe::ProbeArgs),
    /// Search titles by name.
    Search(search::SearchArgs),
    /// Show the releases of a title, or what would be played.
    Resolve(resolve::ResolveArgs),
    /// Show what release names say.
    Parse(parse::ParseArgs),
    /// Tell whether releases hold a film or an episode.
    Match(matching::MatchArgs),
    /// Check every provider and the set-up, and say in plain words what is wrong and what helps.
    ///
    /// All providers of the settings are asked at once, each with the key that stands there and for at most 15 seconds. Nothing is changed
    /// anywhere: no torrent is added, no folder made, and no key is printed.
    Doctor(doctor::DoctorArgs),
    /// Sign in at a debrid service by a code that you type on its page, in place of copying a key.
    ///
    /// Shows an address and a code, waits until you have agreed there, and says where the key goes. Nothing is kept before; Ctrl+C stops
    /// at any time, and the code ends by itself.
    SignIn(sign_in::SignInArgs),
    /// Manage the people who may sign in.
    User(user::UserArgs),
}

/// Which outside addresses may be reached besides public ones.
#[derive(Debug, Args)]
struct OutboundArgs {
    /// Reach this host although it is not public, such as `192.168.1.5:9696`; may be given several times.
    #[arg(long = "allow-outbound", value_name = "HOST:PORT")]
    allow_outbound: Vec<AllowedHost>,
}

impl OutboundArgs {
    fn policy(&self) -> AddressPolicy {
        AddressPolicy { allow: self.allow_outbound.clone() }
    }
}

/// Where a command that serves listens.
#[derive(Debug, Args)]
struct ListenArgs {
    /// Address and port; port 0 takes a free one. Other machines reach it only if you name an address of the network.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// A file or a link.
#[derive(Clone, Debug)]
enum Target {
    File(PathBuf),
    Link(url::Url),
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http" | "https") => url::Url::parse(text).map(Target::Link).map_err(|error| error.to_string()),
            Some("file") => url::Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Target::File)
                .ok_or_else(|| "not a local file address".to_owned()),
            Some(other) => Err(format!("{other}: links are never read; use a file, http or https")),
            None => Ok(Target::File(PathBuf::from(text))),
        }
    }
}

/// Runs the command that the arguments name.
pub async fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.global.json);
    if let Err(error) = output::start_log(&cli.global.log, cli.global.json) {
        return output.fail(&error);
    }
    let done = match cli.command {
        None => serve::run(cli.serve, &output).await,
        Some(Command::Serve(args)) => serve::run(args, &output).await,
        Some(Command::Demo(args)) => demo::run(args, &output).await,
        Some(Command::Play(args)) => play::run(args, &output).await,
        Some(Command::Probe(args)) => probe::run(args, &output).await,
        Some(Command::Search(args)) => search::run(args, &output).await,
        Some(Command::Resolve(args)) => resolve::run(args, &output).await,
        Some(Command::Parse(args)) => parse::run(args, &output),
        Some(Command::Match(args)) => matching::run(args, &output),
        Some(Command::Doctor(args)) => {
            return doctor::run(args, &output).await.unwrap_or_else(|error| output.fail(&error));
        }
        Some(Command::SignIn(args)) => sign_in::run(args, &output).await,
        Some(Command::User(args)) => user::run(args, &output).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output.fail(&error),
    }
}

/// Says what is wrong with the arguments, or gives the help that was asked for. There is no parsed `--json` yet: it is looked for by name.
#[must_use]
pub fn wrong_arguments(wrong: &clap::Error) -> ExitCode {
    if !wrong.use_stderr() || !std::env::args_os().any(|argument| argument == "--json") {
        // Help goes to standard output; when that is gone, there is nobody to tell.
        let _ = wrong.print();
        return ExitCode::from(u8::try_from(wrong.exit_code()).unwrap_or(2));
    }
    let text = wrong.render().to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let error = Error::new(ErrorKind::InvalidInput, "read arguments").detail(first).advise("see `prostream --help`");
    Output::new(true).fail(&error)
}

/// Waits for SIGINT or SIGTERM.
async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }
            // Without handlers the default action ends the process, which is what a signal asks for.
            _ => std::future::pending().await,
        }
    }
    #[cfg(not(unix))]
    {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
