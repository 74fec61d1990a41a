//! `prostream search`: titles by name.

use clap::Args;
use prostream_core::Result;
use prostream_core::model::TitleKind;
use serde_json::json;

use super::output::{Output, printable};
use super::settings::{Session, SettingsArgs, ViewerArgs};

/// Arguments of `search`.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Name of a film or a series; a year at its end narrows the search.
    #[arg(required = true, num_args = 1..)]
    text: Vec<String>,
    #[command(flatten)]
    viewer: ViewerArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(super) async fn run(args: SearchArgs, output: &Output) -> Result<()> {
    let session = Session::open(&args.settings, &args.viewer)?;
    let text = args.text.join(" ");
    let titles = session.engine.search_titles(&session.call, &session.viewer, &text).await?;
    if output.is_json() {
        return output.object(&json!({ "titles": titles }));
    }
    if titles.is_empty() {
        return output.line("No title has this name.");
    }
    for title in titles {
        let kind = match title.kind {
            TitleKind::Movie => "film",
            TitleKind::Series => "series",
        };
        let year = title.year.map(|year| format!(" ({year})")).unwrap_or_default();
        output.line(&format!("{:<24} {kind:<7} {}{year}", title.media_id.to_string(), printable(&title.name)))?;
    }
    Ok(())
}
