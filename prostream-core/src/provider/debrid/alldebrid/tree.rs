//! Flattens AllDebrid's file trees: a folder is `{n, e: […]}`, a file `{n, s, l}`.

use serde::Deserialize;
use serde_json::Value;

use crate::model::FileEntry;
use crate::net::Secret;
use crate::provider::debrid::path::join;
use crate::provider::debrid::{MAX_FILES, RemoteFile};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;

/// Most nodes, folders included, that are looked at.
const MAX_NODES: usize = 2 * MAX_FILES;

#[derive(Debug, Deserialize)]
struct Node {
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
/// `LimitExceeded` beyond [`MAX_FILES`] files or [`MAX_DEPTH`] folders within each other.
pub(super) fn flatten(nodes: Vec<Value>) -> Result<Vec<RemoteFile>> {
    let exceeded = |detail: &'static str| Error::new(ErrorKind::LimitExceeded, "list files").detail(detail);
    let mut files = Vec::new();
    let mut node_count = 0usize;
    // One open folder a level: its path, and what is left of it.
    let mut open = vec![(String::new(), nodes.into_iter())];
    while let Some((folder, rest)) = open.last_mut() {
        let Some(node) = rest.next() else {
            open.pop();
            continue;
        };
        node_count = node_count.saturating_add(1);
        if node_count > MAX_NODES || files.len() >= MAX_FILES {
            return Err(exceeded("the torrent has too many files"));
        }
        let Ok(node) = serde_json::from_value::<Node>(node) else { continue };
        let path = join(folder, node.name.as_deref().unwrap_or_default());
        match (node.entries, node.link) {
            (Some(entries), _) => {
                if open.len() >= MAX_DEPTH {
                    return Err(exceeded("the torrent has too many folders within each other"));
                }
                open.push((path, entries.into_iter()));
            }
            (None, Some(link)) if !link.is_empty() => {
                files.push(RemoteFile { entry: FileEntry { path, size_bytes: node.size.unwrap_or(0) }, handle: link });
            }
            (None, _) => {}
        }
    }
    Ok(files)
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

    /// Goal: a name stays one name.
    #[test]
    fn names_cannot_climb() {
        let tree = r#"[{"n":"..","e":[{"n":"../../etc/passwd","s":1,"l":"a"},{"n":"a\u0000\nb","s":1,"l":"b"}]}]"#;
        assert_eq!(paths(tree), [("_/.._.._etc_passwd".to_owned(), 1), ("_/a b".to_owned(), 1)]);
    }

    /// Goal: a tree as deep as a file system never is ends in an error, not in a stack.
    #[test]
    fn depth_has_a_limit() {
        let mut node = serde_json::json!({"n": "f", "s": 1, "l": "a"});
        for _ in 0..MAX_DEPTH {
            node = serde_json::json!({"n": "d", "e": [node]});
        }
        assert_eq!(flatten(vec![node]).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}
