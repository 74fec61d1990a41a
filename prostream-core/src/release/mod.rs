//! Release names: reading them, judging whether a release holds what is wanted, ranking, and picking the file of an episode. Pure.

mod comparable;
mod matching;
mod name;
mod pick;
mod rank;

pub use matching::{Verdict, Wanted, matches};
pub use name::ReleaseName;
pub use pick::{Pick, pick_file};
pub use rank::{Candidate, Preferences, Ranking, Reason, Rejected, rank};
