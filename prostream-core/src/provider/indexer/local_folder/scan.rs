//! Reads what is in the folder, within limits, without leaving it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::name::{release_name, words};
use crate::{Error, ErrorKind, Result};

/// Most folders between the folder and a file.
pub const MAX_DEPTH: usize = 8;

/// Most files that are offered.
pub const MAX_FILES: usize = 10_000;

/// Most entries that are looked at, of any kind.
const MAX_ENTRIES: usize = 100_000;

/// Extensions of what can be played, in lower case.
const EXTENSIONS: [&str; 5] = ["mp4", "mkv", "webm", "m4v", "mov"];

/// A film of the folder.
#[derive(Debug)]
pub(super) struct LocalFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its own name.
    pub(super) file_name: String,
    /// Its release name.
    pub(super) name: String,
    /// The words of its path, sorted.
    pub(super) words: Vec<String>,
    /// Names it for [`Query::local_id`](super::super::Query::local_id).
    pub(super) local_id: String,
    /// Length in bytes.
    pub(super) size_bytes: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// In order of their paths.
    pub(super) files: Vec<LocalFile>,
    /// A limit was reached, or a folder could not be read.
    pub(super) is_partial: bool,
}

/// A folder that waits to be read, with the names of the folders that lead to it.
struct Waiting {
    path: PathBuf,
    names: Vec<String>,
}

/// Reads the folder. Symbolic links within it are not followed, so every path found lies within it. Blocks.
pub(super) fn scan(root: &Path) -> Result<Scan> {
    let failed = |cause: std::io::Error| {
        let (kind, detail) = match cause.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                (ErrorKind::NotFound, "the folder is not there")
            }
            std::io::ErrorKind::PermissionDenied => (ErrorKind::Forbidden, "this user may not read the folder"),
            _ => (ErrorKind::Storage, "the folder cannot be read"),
        };
        Error::new(kind, "read folder")
            .detail(detail)
            .advise("check that the folder is there, that its disk is mounted, and that it may be read")
            .because(cause)
    };
    let root = root.canonicalize().map_err(failed)?;
    // An unreadable root is a failure; an unreadable folder within it only makes the answer partial.
    std::fs::read_dir(&root).map_err(failed)?;

    let mut scan = Scan::default();
    let mut entry_count: usize = 0;
    let mut waiting = vec![Waiting { path: root.clone(), names: Vec::new() }];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&folder.path) else {
            scan.is_partial = true;
            continue;
        };
        for entry in entries {
            entry_count = entry_count.saturating_add(1);
            if entry_count > MAX_ENTRIES || scan.files.len() >= MAX_FILES {
                scan.is_partial = true;
                return Ok(sorted(scan));
            }
            // The type of the entry itself: that of a link is neither file nor folder.
            let Some((entry, kind)) = entry.ok().and_then(|entry| entry.file_type().ok().map(|kind| (entry, kind)))
            else {
                scan.is_partial = true;
                continue;
            };
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                if folder.names.len() >= MAX_DEPTH {
                    scan.is_partial = true;
                } else {
                    waiting.push(Waiting { path, names: [folder.names.as_slice(), &[name]].concat() });
                }
            } else if kind.is_file() && is_film(&path) {
                let Ok(metadata) = entry.metadata() else { continue };
                scan.files.extend(local_file(&root, path, &folder.names, name, metadata.len()));
            }
        }
    }
    Ok(sorted(scan))
}

fn sorted(mut scan: Scan) -> Scan {
    scan.files.sort_by(|a, b| a.path.cmp(&b.path));
    scan
}

fn is_film(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

fn local_file(root: &Path, path: PathBuf, folders: &[String], file_name: String, size_bytes: u64) -> Option<LocalFile> {
    let within = path.strip_prefix(root).ok()?;
    let local_id = local_id(within);
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let mut words: Vec<String> = folders.iter().chain([&stem]).flat_map(|part| words(part)).collect();
    words.sort_unstable();
    words.dedup();
    let name = release_name(folders, &stem);
    Some(LocalFile { path, file_name, name, words, local_id, size_bytes })
}

/// A name that tells nothing and stays as long as the file is where it is: a hash of its path within the folder.
fn local_id(within: &Path) -> String {
    let mut hasher = Sha256::new();
    for part in within {
        hasher.update(part.as_encoded_bytes());
        hasher.update(b"/");
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"film").unwrap();
    }

    fn names(scan: &Scan) -> Vec<&str> {
        scan.files.iter().map(|file| file.name.as_str()).collect()
    }

    /// Goal: films are found wherever they lie, and nothing else is.
    #[test]
    fn only_films_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b.MKV", "a/c.mp4", "a/c.srt", "a/.hidden.mkv", ".trash/d.mkv", "e.mkv.part", "noext"] {
            put(folder.path(), path);
        }
        std::fs::create_dir(folder.path().join("folder.mkv")).unwrap();
        let scan = scan(folder.path()).unwrap();
        assert_eq!(names(&scan), ["c", "b"]);
        assert_eq!((scan.files[0].size_bytes, scan.is_partial), (4, false));
    }

    /// Goal: no path leads out of the folder, and no ring of links is walked.
    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(outside.path(), "secret.mkv");
        put(folder.path(), "own.mkv");
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link(&outside.path().join("secret.mkv"), "film.mkv");
        link(outside.path(), "folder");
        link(folder.path(), "ring");
        let scan = scan(folder.path()).unwrap();
        assert_eq!(names(&scan), ["own"]);
        let root = folder.path().canonicalize().unwrap();
        assert!(scan.files.iter().all(|file| file.path.starts_with(&root)));
    }

    /// Goal: a film below the limit of depth is left out, and the answer says that something is missing.
    #[test]
    fn the_depth_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "1/2/3/4/5/6/7/8/in.mkv");
        put(folder.path(), "1/2/3/4/5/6/7/8/9/out.mkv");
        let scan = scan(folder.path()).unwrap();
        assert_eq!((names(&scan), scan.is_partial), (vec!["in"], true));
    }

    /// Goal: a file keeps its id where it is, two files never share one.
    #[test]
    fn ids_follow_the_path() {
        let id = |path: &str| local_id(Path::new(path));
        assert_eq!(id("a/b.mkv"), id("a/b.mkv"));
        assert_ne!(id("a/b.mkv"), id("ab.mkv"));
        assert!(format!("local:{}", id("a/b.mkv")).parse::<crate::model::MediaId>().is_ok());
    }

    /// Goal: a folder that is not there is an error with advice.
    #[test]
    fn a_missing_folder_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let error = scan(&folder.path().join("none")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.advice().is_some());
    }
}
