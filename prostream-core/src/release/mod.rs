//! Release names: reading them, judging whether a release holds what is wanted, ranking, and picking the file of an episode. Pure.

mod audio;
mod comparable;
mod dates;
mod edition;
mod group;
mod languages;
mod marks;
mod matching;
mod name;
mod numbering;
mod pick;
mod quality;
mod rank;
mod reading;
mod rules;
mod scripts;
mod title;
mod tokens;
mod words;

pub use matching::{Verdict, Wanted, matches};
pub use name::ReleaseName;
pub use pick::{Pick, pick_file};
pub use rank::{Candidate, Preferences, Ranker, Ranking, Readiness, Reason, Rejected, rank};
pub use rules::{LinesWeight, MAX_POINTS, MAX_RULE_WORDS, MAX_RULES, Rule, SourceWeight, Weights};
