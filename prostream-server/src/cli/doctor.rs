//! `prostream doctor`: is everything set up right, and if not, what helps?

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use prostream_core::doctor::{self as core_doctor, Part};
use prostream_core::net::Call;
use prostream_core::{Error, ErrorKind, Result};

use super::output::{Output, printable};
use super::serve::load;
use super::settings::SettingsArgs;
use crate::config::Config;
use crate::doctor::{Finding, Report, SETUP_NAMES, Verdict, check_listen, check_setup, missing_providers};
use crate::providers;

/// Longest wait for all together: a little more than for one provider, as they are asked at once.
const LIMIT: Duration = Duration::from_secs(20);

/// Widest column of names.
const MAX_NAME_WIDTH: usize = 32;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing failed (there may be warnings), 1 something failed, 2 wrong arguments.\n\nExamples:\n  \
    prostream doctor                     everything\n  \
    prostream doctor alldebrid           one provider, after its key was changed\n  \
    prostream doctor torznab listen      all Torznab indexers, and where the server listens\n  \
    prostream doctor --json | jq -r '.findings[] | select(.verdict != \"ok\") | .about'\n\n\
    A running server tells its administrators the same at GET /api/v1/doctor."
)]
pub(super) struct DoctorArgs {
    /// Only these: providers by name, such as `torznab` or `torznab:home`, or parts of the set-up, such as `listen` or `data.folder`.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Address and port, in place of `listen.addresses`.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder of the database and the signing key, in place of `data.folder`.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(super) async fn run(args: DoctorArgs, output: &Output) -> Result<ExitCode> {
    let report = Report::new(examine(&args).await?);
    if output.is_json() {
        output.object(&report)?;
    } else {
        output.line(&text(&report, io::stdout().is_terminal()))?;
    }
    Ok(if report.verdict == Verdict::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the names ask for; everything without any.
struct Wanted<'a>(&'a [String]);

impl Wanted<'_> {
    /// A name stands for itself and for all that begins with it: `torznab:home`, `listen.addresses`.
    fn has(&self, about: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|name| Self::stands_for(name, about))
    }

    fn stands_for(name: &str, about: &str) -> bool {
        about.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '.']))
    }

    /// # Errors
    /// `InvalidInput` for a name that stands for nothing, with those that do.
    fn check(&self, known: &[String]) -> Result<()> {
        match self.0.iter().find(|name| !known.iter().any(|about| Self::stands_for(name, about))) {
            None => Ok(()),
            Some(name) => Err(Error::new(ErrorKind::InvalidInput, "read arguments")
                .detail(format!("nothing is called {name}"))
                .advise(format!("there are {}", known.join(", ")))),
        }
    }
}

async fn examine(args: &DoctorArgs) -> Result<Vec<core_doctor::Finding>> {
    let config = match load(&args.settings, args.listen, args.data.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            return Ok(vec![unusable("settings", "they cannot be used, so nothing else was looked at", &error)]);
        }
    };
    let (http, _) = providers::engine(&config)?;
    let providers::Attempts { metadata, indexers, debrid, subtitles } = providers::attempt(&config.providers, &http)?;
    let is_filled = [!metadata.is_empty(), !indexers.is_empty(), !debrid.is_empty()];
    let has_tmdb = config.providers.tmdb.key.as_ref().is_some_and(|key| !key.is_empty());

    let mut set = prostream_core::resolve::ProviderSet::default();
    let mut findings = Vec::new();
    set.metadata = keep(metadata, Part::Metadata, &mut findings);
    set.indexers = keep(indexers, Part::Indexer, &mut findings);
    set.debrid = keep(debrid, Part::Debrid, &mut findings);
    set.subtitles = keep(subtitles, Part::Subtitles, &mut findings);
    findings.extend(missing_providers(is_filled, has_tmdb));

    let wanted = Wanted(&args.names);
    let ids = set.metadata.iter().map(|one| one.id().to_string());
    let ids = ids.chain(set.indexers.iter().map(|one| one.id().to_string()));
    let ids = ids.chain(set.debrid.iter().map(|one| one.id().to_string()));
    let ids = ids.chain(set.subtitles.iter().map(|one| one.id().to_string()));
    let known = findings.iter().map(|finding| finding.about.clone()).chain(ids);
    wanted.check(&known.chain(SETUP_NAMES.map(str::to_owned)).collect::<Vec<_>>())?;
    set.metadata.retain(|one| wanted.has(one.id().as_str()));
    set.indexers.retain(|one| wanted.has(one.id().as_str()));
    set.debrid.retain(|one| wanted.has(one.id().as_str()));
    set.subtitles.retain(|one| wanted.has(one.id().as_str()));

    let call = Call::within(LIMIT);
    let (setup, listen, asked) =
        tokio::join!(check_setup(&config), check_listen(&config), core_doctor::check_up(&call, &set, &http));
    // What was only asked for by its providers concerns the clock as well.
    let (asked, clock): (Vec<_>, Vec<_>) = asked.into_iter().partition(|finding| finding.part != Part::Server);
    let server = ranking(&config).into_iter().chain(setup).chain(listen);
    let mut all: Vec<_> = server.chain(findings).filter(|finding| wanted.has(&finding.about)).collect();
    all.extend(clock);
    all.extend(asked);
    all.sort_by_key(|finding| finding.part);
    Ok(all)
}

/// Those that could be built; why the others could not is a finding.
fn keep<T>(attempts: Vec<Result<T>>, part: Part, findings: &mut Vec<core_doctor::Finding>) -> Vec<T> {
    let mut built = Vec::new();
    for attempt in attempts {
        match attempt {
            Ok(one) => built.push(one),
            Err(error) => {
                let about = error.provider().unwrap_or("settings").to_owned();
                findings.push(core_doctor::Finding::of_error(part, about, &error));
            }
        }
    }
    built
}

fn ranking(config: &Config) -> Option<core_doctor::Finding> {
    config.ranking.file.as_ref()?;
    Some(match config.preferences() {
        Ok(_) => core_doctor::Finding::ok(Part::Server, "ranking.file", "it can be used"),
        Err(error) => unusable("ranking.file", "it cannot be used", &error),
    })
}

fn unusable(about: &str, what: &str, error: &Error) -> core_doctor::Finding {
    let mut finding = core_doctor::Finding::of_error(Part::Server, about, error);
    what.clone_into(&mut finding.what);
    finding
}

/// A table for people: what was found a line each, why and what to do below.
fn text(report: &Report, has_colours: bool) -> String {
    let colour = |verdict| match verdict {
        _ if !has_colours => ("", ""),
        Verdict::Ok => ("\x1b[32m", "\x1b[0m"),
        Verdict::Warning => ("\x1b[33m", "\x1b[0m"),
        Verdict::Failed => ("\x1b[1;31m", "\x1b[0m"),
    };
    let width = report.findings.iter().map(|finding| finding.about.chars().count()).max().unwrap_or(0);
    let width = width.min(MAX_NAME_WIDTH);
    let mut lines = Vec::new();
    for Finding { about, verdict, what, why, advice, retry_after_s, .. } in &report.findings {
        let mark = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        let (on, off) = colour(*verdict);
        lines.push(format!("{on}{mark:<7}{off}  {:<width$}  {}", printable(about), printable(what)));
        if let Some(why) = why {
            lines.push(format!("         why:    {}", printable(why)));
        }
        if let Some(advice) = advice {
            let wait = retry_after_s.map(|wait| format!(" ({})", waiting(wait))).unwrap_or_default();
            lines.push(format!("         advice: {}{wait}", printable(advice)));
        }
    }
    let count = |verdict| report.findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (warnings, failed) = (count(Verdict::Warning), count(Verdict::Failed));
    lines.push(String::new());
    lines.push(match (warnings, failed) {
        (0, 0) => "All is well.".to_owned(),
        (1, 0) => "Nothing failed; 1 warning.".to_owned(),
        (warnings, 0) => format!("Nothing failed; {warnings} warnings."),
        (0, failed) => format!("{failed} failed."),
        (1, failed) => format!("{failed} failed; 1 warning."),
        (warnings, failed) => format!("{failed} failed; {warnings} warnings."),
    });
    lines.join("\n")
}

/// A wait for people: seconds up to two minutes, then minutes, then hours, rounded up.
pub(super) fn waiting(seconds: u64) -> String {
    match seconds {
        0..=120 => format!("{seconds} s"),
        121..=7_200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a name stands for itself and what is below it, not for what merely begins alike; an unknown one is told with the known.
    #[test]
    fn names_stand_for_what_is_below_them() {
        let names = ["torznab".to_owned(), "listen".to_owned()];
        let wanted = Wanted(&names);
        for (about, is_wanted) in [
            ("torznab", true),
            ("torznab:home", true),
            ("listen.addresses", true),
            ("torznabs", false),
            ("tmdb", false),
        ] {
            assert_eq!(wanted.has(about), is_wanted, "{about}");
            assert!(Wanted(&[]).has(about));
        }
        let known = ["torznab:home".to_owned(), "data.folder".to_owned()];
        let error = wanted.check(&known).unwrap_err();
        assert_eq!(error.advice(), Some("there are torznab:home, data.folder"));
        assert!(Wanted(&names[..1]).check(&known).is_ok());
    }

    /// Goal: what comes from outside moves no cursor, and colours are for terminals alone.
    #[test]
    fn the_table_is_plain_text() {
        let finding =
            core_doctor::Finding::failed(Part::Indexer, "torznab:home", "it is\x1b[2J gone", "look\nthere").why("a\tb");
        let report = Report::new(vec![finding, core_doctor::Finding::ok(Part::Debrid, "alldebrid", "it works")]);
        let plain = text(&report, false);
        assert_eq!(
            plain,
            "FAILED   torznab:home  it is [2J gone\n         why:    a b\n         advice: look there\n\
             ok       alldebrid     it works\n\n1 failed."
        );
        let coloured = text(&report, true);
        assert_eq!(coloured.matches('\x1b').count(), 4, "two marks, each switched on and off");
    }

    /// Goal: a wait is told in the unit that a person thinks in, never too short.
    #[test]
    fn waits_are_told_in_round_numbers() {
        assert_eq!([waiting(30), waiting(121), waiting(7_201)], ["30 s", "3 minutes", "3 hours"]);
    }
}
