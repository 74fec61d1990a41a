//! The files of a torrent: which to choose, and links to them.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use super::super::error::{not_selected, packed, preparing};
use super::reply::malformed;
use super::{Endpoint, Stage, Torrent};
use crate::model::FileEntry;
use crate::net::{Reply, Secret};
use crate::provider::debrid::{Link, RemoteFile, checked_link, path};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

/// The handle of a file that was not chosen: there is no link to it.
const NOT_SELECTED: &str = "not selected";

/// What links to the files of torrents begin with.
const PAGE_LINKS: &str = "https://real-debrid.com/d/";

/// How many letters and digits follow, usually.
const CODE_CHARS: usize = 13;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct FileRow {
    id: u64,
    path: String,
    #[serde(default, deserialize_with = "lenient::number")]
    bytes: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    selected: Option<u64>,
}

impl FileRow {
    fn entry(&self) -> FileEntry {
        FileEntry { path: path::clean(&self.path), size_bytes: self.bytes.unwrap_or(0) }
    }

    fn is_selected(&self) -> bool {
        self.selected.is_some_and(|selected| selected > 0)
    }
}

impl Torrent {
    /// What to choose: every video, as a single file of another kind would have all of them packed into one archive; where there is no
    /// video, the largest file.
    pub(in super::super) fn worth_selecting(&self) -> Vec<u64> {
        let videos: Vec<u64> = self.files.iter().filter(|file| file.entry().is_video()).map(|file| file.id).collect();
        if !videos.is_empty() {
            return videos;
        }
        self.files.iter().max_by_key(|file| file.bytes).map(|file| file.id).into_iter().collect()
    }

    /// Is it ready, and does it lack what [`Self::worth_selecting`] would have chosen? Its files were packed, or a video was left out that is no
    /// mere extra.
    pub(in super::super) fn lacks_files(&self) -> bool {
        /// Extras are smaller than the largest video by so much.
        const EXTRA: u64 = 3;
        let largest = self.files.iter().filter(|file| file.entry().is_video()).filter_map(|file| file.bytes).max();
        let is_left_out = |file: &FileRow| {
            let is_large = file.bytes.zip(largest).is_some_and(|(bytes, largest)| bytes >= largest / EXTRA);
            !file.is_selected() && file.entry().is_video() && is_large
        };
        let is_packed = self.files.iter().filter(|file| file.is_selected()).count() != self.links.len();
        self.is_ready() && (is_packed || self.files.iter().any(is_left_out))
    }

    /// All files; those that were chosen with their links.
    ///
    /// # Errors
    /// `NotCached` when it is not ready, `NotFound` when it has failed, `Unsupported` when its files were packed into an archive.
    pub(in super::super) fn remote_files(&self) -> Result<Vec<RemoteFile>> {
        const OPERATION: &str = "list files";
        match self.stage() {
            Stage::Ready => {}
            Stage::Failed(reason) => {
                return Err(Error::new(ErrorKind::NotFound, OPERATION).detail(reason).advise("choose another release"));
            }
            Stage::Metadata | Stage::Selection | Stage::Preparing => return Err(preparing(OPERATION)),
        }
        let selected: BTreeSet<u64> = self.files.iter().filter(|file| file.is_selected()).map(|file| file.id).collect();
        if selected.len() != self.links.len() {
            return Err(packed(OPERATION));
        }
        // The first link belongs to the chosen file with the lowest id, and so on.
        let links: HashMap<u64, &Secret> = selected.into_iter().zip(&self.links).collect();
        let entries: Vec<FileEntry> = self.files.iter().map(FileRow::entry).collect();
        let root = self.missing_root(&entries);
        let files = self.files.iter().zip(entries).map(|(file, mut entry)| {
            if let Some(root) = &root {
                entry.path = format!("{root}/{}", entry.path);
            }
            let link = links.get(&file.id).map(|link| (*link).clone());
            RemoteFile { entry, handle: link.unwrap_or_else(|| Secret::new(NOT_SELECTED)) }
        });
        Ok(files.collect())
    }

    /// The torrent's own folder, which the service usually leaves out of the paths; `None` where it is there, or where there is none: a
    /// torrent of a single file without a folder is called like the file.
    fn missing_root(&self, entries: &[FileEntry]) -> Option<String> {
        let root = path::join("", self.original_filename.as_deref().filter(|name| !name.is_empty())?);
        let is_there = |entry: &FileEntry| {
            entry.path.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (!entries.iter().any(is_there)).then_some(root)
    }
}

/// Does a link to the file exist? Otherwise it was not chosen when its torrent was added.
pub(in super::super) fn check_selected(file: &RemoteFile, operation: &'static str) -> Result<()> {
    if file.handle.expose() == NOT_SELECTED { Err(not_selected(operation)) } else { Ok(()) }
}

/// A link to a file of a torrent that is longer than usual, as long as usual: the service hands out links that it knows only so. `None` for any
/// other link.
pub(in super::super) fn shortened(link: &Secret) -> Option<Secret> {
    let code = link.expose().strip_prefix(PAGE_LINKS)?;
    let short = code.get(..CODE_CHARS).filter(|short| short.len() < code.len())?;
    code.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| Secret::new(format!("{PAGE_LINKS}{short}")))
}

#[derive(Debug, Deserialize)]
struct UnlockData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    download: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    filesize: Option<u64>,
}

impl Endpoint {
    pub(in super::super) fn parse_unlock(&self, reply: &Reply) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        let data: UnlockData = self.open(reply, OPERATION)?;
        let address = data.download.ok_or_else(|| malformed(OPERATION, "the reply names no link"))?;
        Ok(Link {
            url: checked_link(&address, OPERATION)?,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: data.filesize.filter(|size| *size > 0),
            file_name: lenient::clean_some(data.filename.as_deref(), MAX_NAME_CHARS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, torrent};
    use super::*;

    /// Goal: the first link is that of the first chosen file, whatever stands between them and in whatever order they come.
    #[test]
    fn links_belong_to_the_chosen_files() {
        let files = torrent(
            r#"{"status":"downloaded","original_filename":"Show","links":["l1","l2"],"files":[
                {"id":4,"path":"/b.mkv","bytes":40,"selected":1},{"id":1,"path":"/a.txt","bytes":10,"selected":0},
                {"id":2,"path":"/a.mkv","bytes":20,"selected":1},{"id":3,"path":"/a.nfo","bytes":30,"selected":0}]}"#,
        )
        .remote_files()
        .unwrap();
        let told: Vec<(&str, &str)> =
            files.iter().map(|file| (file.entry.path.as_str(), file.handle.expose())).collect();
        let expected =
            [("Show/b.mkv", "l2"), ("Show/a.txt", NOT_SELECTED), ("Show/a.mkv", "l1"), ("Show/a.nfo", NOT_SELECTED)];
        assert_eq!(told, expected);
        let error = check_selected(&files[1], "test").unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.advice().is_some());
        assert!(check_selected(&files[0], "test").is_ok());
    }

    /// Goal: other counts of links than of chosen files mean an archive.
    #[test]
    fn packed_torrents_are_told() {
        for links in [r#"["l1"]"#, r#"["l1","l2","l3"]"#] {
            let packed = torrent(&format!(
                r#"{{"status":"downloaded","links":{links},"files":[{{"id":1,"path":"/a.mkv","selected":1}},
                    {{"id":2,"path":"/b.srt","selected":1}}]}}"#
            ));
            let error = packed.remote_files().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{links}");
            assert!(error.advice().is_some());
        }
    }

    /// Goal: the torrent's folder is put back where the service left it out, and nowhere else.
    #[test]
    fn the_torrents_folder_is_there_once() {
        let path = |name: &str, path: &str| {
            let body = format!(
                r#"{{"status":"downloaded","original_filename":"{name}","links":["l"],
                    "files":[{{"id":1,"path":"{path}","bytes":1,"selected":1}}]}}"#
            );
            torrent(&body).remote_files().unwrap().remove(0).entry.path
        };
        assert_eq!(path("Show", "/S01/E01.mkv"), "Show/S01/E01.mkv");
        assert_eq!(path("Show", "/Show/E01.mkv"), "Show/E01.mkv");
        assert_eq!(path("Film.mkv", "/Film.mkv"), "Film.mkv");
        assert_eq!(path("Film", "Film.mkv"), "Film/Film.mkv");
        assert_eq!(path("", "/../E01.mkv"), "_/E01.mkv");
    }

    /// Goal: videos are chosen and nothing beside them; without a video the largest file is.
    #[test]
    fn videos_are_chosen() {
        let chosen = |files: &str| {
            torrent(&format!(r#"{{"status":"waiting_files_selection","files":{files}}}"#)).worth_selecting()
        };
        let pack = r#"[{"id":1,"path":"/a.MKV","bytes":9},{"id":2,"path":"/a.srt"},{"id":3,"path":"/b.mp4"}]"#;
        assert_eq!(chosen(pack), [1, 3]);
        assert_eq!(chosen(r#"[{"id":1,"path":"/a.rar","bytes":1},{"id":2,"path":"/b.rar","bytes":2}]"#), [2]);
        assert!(chosen("[]").is_empty());
    }

    /// Goal: only what is one of the service's own links, and longer than usual, is cut.
    #[test]
    fn long_links_are_cut() {
        let cut = |link: &str| shortened(&Secret::new(link)).map(|short| short.expose().to_owned());
        let short = "https://real-debrid.com/d/7AULFT3RUWGL2";
        assert_eq!(cut(&format!("{short}ABC")).as_deref(), Some(short));
        for whole in [
            short,
            "https://real-debrid.com/d/7AULF",
            "https://real-debrid.com/d/",
            "https://real-debrid.com/d/7AULFT3RUWGL2/x",
            "https://real-debrid.com/d/7AULFT3RUWGLé2",
            "https://a.example/d/7AULFT3RUWGL2ABC",
            "",
        ] {
            assert_eq!(cut(whole), None, "{whole}");
        }
    }

    /// Goal: a link, and the ways it must not go.
    #[test]
    fn unlocks_give_a_link_or_say_why_not() {
        let parse = |data: &str| endpoint().parse_unlock(&Reply::of(200, data));
        let link = parse(r#"{"download":"https://a.example/f.mkv","filename":"f.mkv","filesize":9}"#).unwrap();
        assert_eq!((link.size_bytes, link.file_name.as_deref()), (Some(9), Some("f.mkv")));
        for wrong in [r#"{"download":""}"#, r#"{"download":["odd"]}"#, r#"{"download":"file:///etc/passwd"}"#, "{}"] {
            assert_eq!(parse(wrong).unwrap_err().kind(), ErrorKind::Malformed, "{wrong}");
        }
    }
}
