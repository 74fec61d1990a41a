use super::Wanted;
use crate::model::FileEntry;

/// Which file of a torrent holds what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// This one, for certain enough.
    File {
        /// Index in the list given.
        file_index: usize,
        /// 0 to 1.
        confidence: f32,
        /// Why, for people.
        reason: String,
    },
    /// Several could be: the caller chooses. Indexes in the list given, likeliest first; empty when none is a video at all.
    Ask {
        /// Candidates.
        file_indexes: Vec<usize>,
    },
}

/// Picks the file of a film or an episode by looking at all names and sizes together.
#[must_use]
pub fn pick_file(files: &[FileEntry], wanted: &Wanted) -> Pick {
    let _ = (files, wanted);
    Pick::Ask { file_indexes: Vec::new() }
}
