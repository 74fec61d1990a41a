//! `prostream resolve`: the releases of a title, and what would be played.

use clap::Args;
use prostream_core::model::MediaId;
use prostream_core::release::{Candidate, Rejected};
use prostream_core::resolve::{Found, Resolution, release_key};
use prostream_core::{Error, Result};
use serde_json::{Value, json};

use super::output::{Output, printable};
use super::settings::{Session, SettingsArgs, ViewerArgs};
use crate::size::size;

/// Most releases shown to people; `--json` has them all.
const SHOWN: usize = 15;

/// Arguments of `resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// A film, such as tt1254207, or an episode, such as tt0944947:1:2 or tmdb:series:1399:1:2.
    media_id: MediaId,
    /// Only list the releases; ask no debrid service.
    #[arg(long)]
    list: bool,
    /// This release and no other: a key from the list.
    #[arg(long, value_name = "KEY", conflicts_with = "list")]
    release: Option<String>,
    #[command(flatten)]
    viewer: ViewerArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(super) async fn run(args: ResolveArgs, output: &Output) -> Result<()> {
    let Session { engine, viewer, call } = Session::open(&args.settings, &args.viewer)?;
    let found = engine.find_releases(&call, &viewer, &args.media_id).await?;
    let resolved = if args.list {
        None
    } else {
        Some(engine.resolve(&call, &viewer, &args.media_id, args.release.as_deref()).await)
    };
    if output.is_json() {
        let mut object = json!({
            "media_id": args.media_id,
            "title": found.title.summary,
            "releases": found.ranking.candidates.iter().map(candidate).collect::<Vec<_>>(),
            "rejected": found.ranking.rejected.iter().map(rejected).collect::<Vec<_>>(),
            "is_partial": found.is_partial,
        });
        return match resolved {
            None => output.object(&object),
            Some(Ok(resolution)) => {
                object["chosen"] = chosen(&resolution);
                object["tried"] = tried(&resolution);
                output.object(&object)
            }
            Some(Err(error)) => {
                object["problem"] =
                    json!({ "code": error.kind().code(), "message": error.to_string(), "advice": error.advice() });
                output.object(&object)?;
                Err(quiet(error))
            }
        };
    }
    show(&found, output)?;
    match resolved {
        None => Ok(()),
        Some(resolution) => {
            let resolution = resolution?;
            for one in &resolution.tried {
                output.line(&format!("tried  {}: {}", printable(&one.name), printable(&one.error.to_string())))?;
            }
            output.line(&format!(
                "plays  {} from {}",
                printable(&resolution.playable.file_name),
                resolution.playable.provider
            ))
        }
    }
}

/// The object was printed already: the error only carries the exit code.
fn quiet(error: Error) -> Error {
    Error::new(error.kind(), error.operation()).because(error)
}

fn candidate(candidate: &Candidate) -> Value {
    json!({
        "release": release_key(&candidate.release),
        "name": candidate.release.name,
        "indexer": candidate.release.indexer,
        "size_bytes": candidate.release.size_bytes,
        "seeder_count": candidate.release.seeder_count,
        "score": candidate.score,
        "reasons": candidate.reasons,
        "parsed": candidate.parsed,
    })
}

fn rejected(rejected: &Rejected) -> Value {
    json!({ "name": rejected.release.name, "reason": rejected.reason })
}

fn chosen(resolution: &Resolution) -> Value {
    json!({
        "release": release_key(&resolution.candidate.release),
        "name": resolution.candidate.release.name,
        "file_name": resolution.playable.file_name,
        "size_bytes": resolution.playable.size_bytes,
        "provider": resolution.playable.provider,
    })
}

fn tried(resolution: &Resolution) -> Value {
    let tried = resolution.tried.iter().map(|one| {
        json!({ "name": one.name, "release": one.release, "code": one.error.kind().code(), "message": one.error.to_string() })
    });
    tried.collect()
}

fn show(found: &Found, output: &Output) -> Result<()> {
    let year = found.title.summary.year.map(|year| format!(" ({year})")).unwrap_or_default();
    output.line(&format!("{}{year}", printable(&found.title.summary.name)))?;
    for candidate in found.ranking.candidates.iter().take(SHOWN) {
        let length = candidate.release.size_bytes.map_or_else(|| "?".to_owned(), size);
        output.line(&format!("{:>6}  {:>9}  {}", candidate.score, length, printable(&candidate.release.name)))?;
        let reasons: Vec<String> =
            candidate.reasons.iter().map(|reason| format!("{} {:+}", printable(&reason.text), reason.points)).collect();
        output.line(&format!("                   {}", reasons.join(", ")))?;
        output.line(&format!("                   --release {}", release_key(&candidate.release)))?;
    }
    let more = found.ranking.candidates.len().saturating_sub(SHOWN);
    if more > 0 {
        output.line(&format!("        and {more} more"))?;
    }
    if !found.ranking.rejected.is_empty() {
        output.line(&format!("        {} left out", found.ranking.rejected.len()))?;
    }
    if found.is_partial {
        output.line("        (an indexer did not answer: the list is incomplete)")?;
    }
    Ok(())
}
