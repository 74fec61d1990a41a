//! `prostream match`: does a release hold what is wanted?

use clap::Args;
use prostream_core::model::{EpisodeNumber, TitleKind};
use prostream_core::release::{ReleaseName, Wanted, matches};
use prostream_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::lines;
use super::output::{Output, printable};

/// Arguments of `match`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 3 when no name holds it, unless --json or --jsonl tells.\n\nExamples:\n  \
    prostream match --title 'Big Buck Bunny' --year 2008 Big.Buck.Bunny.2008.1080p.WEB-DL\n  \
    prostream match --title 'Glass Harbour' --season 2 --episode 5 Glass.Harbour.S02.1080p.WEB-DL\n  \
    echo '{\"name\": \"Glass.Harbour.S02E05.720p\", \"wanted\": {\"type\": \"episode\", \"title\": \"Glass Harbour\", \"season\": 2, \"episode\": 5}}' | prostream match --jsonl")]
pub(super) struct MatchArgs {
    /// Release names.
    #[arg(required_unless_present = "jsonl")]
    names: Vec<String>,
    /// Answer each line of standard input, `{"name": …, "wanted": {"type": "movie" or "episode", "title": …, "year": …, "season": …,
    /// "episode": …, "absolute": …}}`, with one JSON object on a line.
    #[arg(long, conflicts_with_all = ["names", "titles", "year", "season", "episode", "absolute"])]
    jsonl: bool,
    /// The title that is wanted; may be given several times, for each of its names.
    #[arg(long = "title", value_name = "TITLE", required_unless_present = "jsonl")]
    titles: Vec<String>,
    /// Year of the film, or of the first season.
    #[arg(long)]
    year: Option<u16>,
    /// Season of the episode that is wanted; without season, episode and absolute a film is.
    #[arg(long, requires = "episode")]
    season: Option<u32>,
    /// Its number in the season.
    #[arg(long, requires = "season")]
    episode: Option<u32>,
    /// Its number counted through all seasons.
    #[arg(long)]
    absolute: Option<u32>,
}

/// A line of standard input.
#[derive(Debug, Deserialize)]
struct Question {
    name: String,
    wanted: Asked,
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(rename = "type")]
    kind: AskedKind,
    title: Titles,
    year: Option<u16>,
    season: Option<u32>,
    episode: Option<u32>,
    absolute: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskedKind {
    Movie,
    Episode,
}

/// One name of a title, or all of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Titles {
    One(String),
    All(Vec<String>),
}

#[derive(Debug, Serialize)]
struct Answer {
    #[serde(rename = "match")]
    is_match: bool,
    /// Short sentences for people.
    reasons: Vec<String>,
}

impl Asked {
    fn wanted(self) -> Wanted {
        Wanted {
            kind: match self.kind {
                AskedKind::Movie => TitleKind::Movie,
                AskedKind::Episode => TitleKind::Series,
            },
            names: match self.title {
                Titles::One(title) => vec![title],
                Titles::All(titles) => titles,
            },
            year: self.year,
            episode: self.season.zip(self.episode).map(|(season, episode)| EpisodeNumber { season, episode }),
            absolute_episode: self.absolute,
            air_date: None,
            runtime_min: None,
        }
    }
}

pub(super) fn run(args: MatchArgs, output: &Output) -> Result<()> {
    if args.jsonl {
        return lines::answer_each(answer_line);
    }
    let is_episode = args.season.is_some() || args.absolute.is_some();
    let asked = Asked {
        kind: if is_episode { AskedKind::Episode } else { AskedKind::Movie },
        title: Titles::All(args.titles),
        year: args.year,
        season: args.season,
        episode: args.episode,
        absolute: args.absolute,
    };
    let wanted = asked.wanted();
    let mut is_any = false;
    for name in &args.names {
        let answer = judge(name, &wanted);
        is_any |= answer.is_match;
        if output.is_json() {
            output.object(&answer)?;
            continue;
        }
        output.line(&format!("{}  {}", if answer.is_match { "yes" } else { "no " }, printable(name)))?;
        for reason in &answer.reasons {
            output.line(&format!("     {}", printable(reason)))?;
        }
    }
    if is_any || output.is_json() { Ok(()) } else { Err(none_matches()) }
}

fn none_matches() -> Error {
    Error::new(ErrorKind::NotFound, "match release names").detail("no name holds what is wanted")
}

fn judge(name: &str, wanted: &Wanted) -> Answer {
    let verdict = matches(&ReleaseName::parse(name), wanted);
    Answer { is_match: verdict.is_match, reasons: verdict.reasons }
}

/// A line that is no question is answered with no, and why: the lines behind it stay where they belong.
fn answer_line(line: &str) -> Answer {
    match serde_json::from_str::<Question>(line) {
        Ok(question) => judge(&question.name, &question.wanted.wanted()),
        Err(error) => Answer { is_match: false, reasons: vec![format!("not a question: {error}")] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: questions of the public data are answered as its description says, and a broken line does not lose its place.
    #[test]
    fn each_line_has_its_answer() {
        let wanted = r#"{"type": "episode", "title": "Glass Harbour", "season": 2, "episode": 5}"#;
        let ask =
            |name: &str| answer_line(&format!(r#"{{"suite": "own", "name": "{name}", "wanted": {wanted}}}"#)).is_match;
        assert!(ask("Glass.Harbour.S02E05.720p") && ask("Glass.Harbour.S02.720p") && !ask("Glass.Harbour.S02E06.720p"));
        let film = r#"{"name": "Glass Harbour (2012)", "wanted": {"type": "movie", "title": ["Port de Verre", "Glass Harbour"], "year": 2012}}"#;
        assert!(answer_line(film).is_match);
        for broken in ["", "{}", "[1]", r#"{"name": 1}"#, r#"{"name": "x", "wanted": {"type": "song", "title": "x"}}"#]
        {
            let answer = answer_line(broken);
            assert!(!answer.is_match && answer.reasons[0].starts_with("not a question"), "{broken}");
        }
    }
}
