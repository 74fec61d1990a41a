//! The rooms of the crate and what each may import: data flows one way.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room and what it may import, besides itself and `error`. The picture stands in ARCHITECTURE.md.
const ALLOWED: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("model", &[]),
    ("release", &["model"]),
    ("net", &["model"]),
    ("provider", &["model", "net"]),
    ("store", &["model", "net"]),
    ("resolve", &["model", "net", "release", "provider", "store"]),
    ("doctor", &["model", "net", "provider", "resolve"]),
    ("source", &["model", "net"]),
    // Only the driver sees a source: checked below.
    ("container", &["model", "source"]),
    ("hls", &["model", "container", "source"]),
    ("playback", &["model", "net", "resolve", "source", "container", "hls", "store"]),
];

/// Files that may import from everywhere.
const FREE: &[&str] = &["lib", "engine", "testing"];

/// Names at the top of the crate that are no rooms.
const TOP: &[&str] = &["Error", "ErrorKind", "Result", "BoxError", "error", "ProStream", "ProStreamBuilder"];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The paths after each `crate::`, groups spelled out: `crate::{a, b::{c, d}}` gives `a`, `b::c`, `b::d`.
fn crate_paths(code: &str) -> BTreeSet<String> {
    fn read(rest: &str, prefix: &str, found: &mut BTreeSet<String>) -> usize {
        if let Some(inner) = rest.strip_prefix('{') {
            let mut at = 1;
            while !rest[at..].starts_with('}') {
                let skip = inner[at - 1..].len() - inner[at - 1..].trim_start_matches([' ', ',', '\n']).len();
                at += skip;
                if rest[at..].starts_with('}') {
                    break;
                }
                at += read(&rest[at..], prefix, found);
            }
            return at + 1;
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let path = format!("{prefix}{}", &rest[..end]);
        if rest[end..].starts_with("::") && end > 0 {
            return end + 2 + read(&rest[end + 2..], &format!("{path}::"), found);
        }
        found.insert(path);
        end.max(1)
    }
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        read(&code[at + "crate::".len()..], "", &mut found);
    }
    found
}

/// Goal: data flows one way, so that a room can be understood and changed alone.
/// Method: every `crate::` path of every source file is compared with the table above.
#[test]
fn rooms_import_only_what_they_may() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    assert!(files.len() > 20, "the source files were not found");
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
        let room = name.split(['/', '.']).next().unwrap().to_owned();
        if FREE.contains(&room.as_str()) {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(known, _)| *known == room).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{name}: room {room} is not in the table"));
        seen.insert(room.clone());
        for path in crate_paths(&code(&fs::read_to_string(&file).unwrap())) {
            let target = path.split("::").next().unwrap_or_default();
            let is_fine = target == room
                || TOP.contains(&target)
                || (allowed.contains(&target)
                    && (room != "container" || target != "source" || name.ends_with("driver.rs")));
            if !is_fine {
                wrong.push(format!("{name} imports {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that go the wrong way:\n{}", wrong.join("\n"));
    for (room, _) in ALLOWED {
        assert!(seen.contains(*room), "room {room} of the table has no file");
    }
}

/// Goal: a vendor can be changed or removed without reading another.
#[test]
fn vendors_do_not_import_each_other() {
    let provider = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/provider");
    for role in ["metadata", "indexer", "debrid", "subtitles"] {
        let vendors: Vec<String> = fs::read_dir(provider.join(role))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert!(!vendors.is_empty(), "role {role} has no vendor");
        for vendor in &vendors {
            let mut files = Vec::new();
            rust_files(&provider.join(role).join(vendor), &mut files);
            for file in files {
                let text = code(&fs::read_to_string(&file).unwrap());
                for other in vendors.iter().filter(|other| *other != vendor) {
                    let is_named =
                        text.contains(&format!("{role}::{other}")) || text.contains(&format!("super::{other}"));
                    assert!(!is_named, "{} imports {other}", file.display());
                }
            }
        }
    }
}

/// Goal: the test above cannot pass because it reads nothing.
#[test]
fn groups_of_imports_are_spelled_out() {
    let found = crate_paths("use crate::{Error, model::{Rope, ids::X}};\nlet a = crate::hls::plan();");
    let expected = ["Error", "hls::plan", "model::Rope", "model::ids::X"];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
}
