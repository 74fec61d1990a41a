//! AllDebrid's file trees: a folder is `{n, e: […]}`, a file `{n, s, l}`.

use serde::Deserialize;
use serde_json::Value;

use crate::Result;
use crate::model::FileEntry;
use crate::net::Secret;
use crate::provider::debrid::RemoteFile;
use crate::provider::debrid::tree::{self, Node};
use crate::provider::lenient;

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default, rename = "n", deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, rename = "s", deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, rename = "l", deserialize_with = "lenient::maybe")]
    link: Option<Secret>,
    /// Present in folders only.
    #[serde(default, rename = "e", deserialize_with = "lenient::maybe")]
    entries: Option<Vec<Value>>,
}

/// The files below `nodes` in the order of the tree, with their paths. A file without a link cannot be unlocked and is left out.
///
/// # Errors
/// `LimitExceeded` for a tree too large or too deep.
pub(super) fn flatten(nodes: Vec<Value>) -> Result<Vec<RemoteFile>> {
    let files = tree::flatten(nodes, |node| {
        let entry: Entry = serde_json::from_value(node).ok()?;
        let name = entry.name.unwrap_or_default();
        match (entry.entries, entry.link) {
            (Some(entries), _) => Some(Node::Folder(name, entries)),
            (None, Some(link)) if !link.is_empty() => Some(Node::File(name, (entry.size.unwrap_or(0), link))),
            (None, _) => None,
        }
    })?;
    let file = |(path, (size_bytes, handle))| RemoteFile { entry: FileEntry { path, size_bytes }, handle };
    Ok(files.into_iter().map(file).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(tree: &str) -> Vec<(String, u64)> {
        let nodes: Vec<Value> = serde_json::from_str(tree).unwrap();
        let files = flatten(nodes).unwrap();
        files.into_iter().map(|file| (file.entry.path, file.entry.size_bytes)).collect()
    }

    /// Goal: three folders deep and flat files alike, in the tree's order.
    #[test]
    fn folders_become_paths() {
        let tree = r#"[{"n":"Show","e":[{"n":"S01","e":[{"n":"E01.mkv","s":"15","l":"a"},{"n":"E02.mkv","s":16,"l":"b"}]},
            {"n":"empty","e":[]}]},{"n":"readme.txt","s":4,"l":"c"},{"n":"no link","s":4},"odd"]"#;
        let expected = [("Show/S01/E01.mkv", 15), ("Show/S01/E02.mkv", 16), ("readme.txt", 4)];
        assert_eq!(paths(tree), expected.map(|(path, size)| (path.to_owned(), size)));
    }
}
