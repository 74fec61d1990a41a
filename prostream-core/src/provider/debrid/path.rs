//! Paths of files within a torrent, made harmless: what a service writes may climb, hide or turn text around.

use crate::provider::lenient::{self, MAX_NAME_CHARS};

/// A name below a folder; a name cannot climb out of it or hide folders of its own.
pub(super) fn join(folder: &str, name: &str) -> String {
    let name = lenient::clean(name, MAX_NAME_CHARS).replace(['/', '\\'], "_");
    let name = if matches!(name.as_str(), "" | "." | "..") { "_".to_owned() } else { name };
    if folder.is_empty() { name } else { format!("{folder}/{name}") }
}

/// A path that a service writes as a whole, name by name; slashes at its ends and empty names are left out.
pub(super) fn clean(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.fold(String::new(), |folder, name| join(&folder, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: folders stay folders, and no name climbs.
    #[test]
    fn paths_cannot_climb() {
        assert_eq!(clean("/Show/S01//E01.mkv"), "Show/S01/E01.mkv");
        assert_eq!(clean("../a\u{0}\nb/..\\..\\c/."), "_/a b/.._.._c/_");
        assert_eq!(clean(""), "");
    }
}
