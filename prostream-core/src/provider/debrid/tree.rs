//! Flattens file trees that services write as nodes within nodes, each in its own words.

use serde_json::Value;

use super::MAX_FILES;
use super::path::join;
use crate::{Error, ErrorKind, Result};

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;

/// Most nodes, folders included, that are looked at.
const MAX_NODES: usize = 2 * MAX_FILES;

/// What a node is, in our words.
#[derive(Debug)]
pub(super) enum Node<F> {
    /// A folder, and the nodes in it.
    Folder(String, Vec<Value>),
    /// A file, and what its service says of it.
    File(String, F),
}

/// The files below `nodes` in the order of the tree, with their paths. What `read` does not take is left out.
///
/// # Errors
/// `LimitExceeded` beyond [`MAX_FILES`] files or [`MAX_DEPTH`] folders within each other.
pub(super) fn flatten<F>(nodes: Vec<Value>, read: impl Fn(Value) -> Option<Node<F>>) -> Result<Vec<(String, F)>> {
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
        match read(node) {
            Some(Node::Folder(name, entries)) => {
                let path = join(folder, &name);
                if open.len() >= MAX_DEPTH {
                    return Err(exceeded("the torrent has too many folders within each other"));
                }
                open.push((path, entries.into_iter()));
            }
            Some(Node::File(name, file)) => files.push((join(folder, &name), file)),
            None => {}
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Lists are folders called `d`, texts are files.
    fn read(node: Value) -> Option<Node<()>> {
        match node {
            Value::Array(entries) => Some(Node::Folder("d".to_owned(), entries)),
            Value::String(name) => Some(Node::File(name, ())),
            _ => None,
        }
    }

    fn paths(nodes: Value) -> Vec<String> {
        let Value::Array(nodes) = nodes else { panic!("no list") };
        flatten(nodes, read).unwrap().into_iter().map(|(path, ())| path).collect()
    }

    /// Goal: folders become paths in the tree's order, odd nodes are left out.
    #[test]
    fn folders_become_paths() {
        assert_eq!(paths(json!([[["a", 5], "b", []], "c"])), ["d/d/a", "d/b", "c"]);
    }

    /// Goal: a name stays one name.
    #[test]
    fn names_cannot_climb() {
        assert_eq!(paths(json!([["../../etc/passwd", "..", "a\u{0}\nb"]])), ["d/.._.._etc_passwd", "d/_", "d/a b"]);
    }

    /// Goal: a tree as deep as a file system never is ends in an error, not in a stack.
    #[test]
    fn depth_has_a_limit() {
        let deep = (0..MAX_DEPTH).fold(json!("f"), |node, _| json!([node]));
        assert_eq!(flatten(vec![deep], read).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    /// Goal: more files than any torrent has are an error.
    #[test]
    fn files_have_a_limit() {
        let nodes = vec![json!("f"); MAX_FILES + 1];
        assert_eq!(flatten(nodes, read).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}
