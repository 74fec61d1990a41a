//! `prostream parse`: what release names say.

use clap::Args;
use prostream_core::release::ReleaseName;
use prostream_core::{Error, ErrorKind, Result};

use super::lines;
use super::output::{Output, printable};

/// Arguments of `parse`.
#[derive(Debug, Args)]
pub(super) struct ParseArgs {
    /// Release names; without any they are read from standard input, one a line.
    names: Vec<String>,
    /// Answer each line of standard input with one JSON object on a line.
    #[arg(long)]
    jsonl: bool,
}

pub(super) fn run(args: ParseArgs, output: &Output) -> Result<()> {
    if !args.names.is_empty() {
        return args.names.iter().try_for_each(|name| show(name, args.jsonl, output));
    }
    lines::answer_each(ReleaseName::parse)
}

fn show(name: &str, is_jsonl: bool, output: &Output) -> Result<()> {
    let parsed = ReleaseName::parse(name);
    if is_jsonl || output.is_json() {
        return output.object(&parsed);
    }
    output.line(&printable(name))?;
    let fields =
        serde_json::to_value(&parsed).map_err(|error| Error::new(ErrorKind::Internal, "print").because(error))?;
    for (field, value) in fields.as_object().into_iter().flatten() {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(", "),
            other => other.to_string(),
        };
        output.line(&format!("  {field:<20} {}", printable(&text)))?;
    }
    Ok(())
}
