//! The files of a torrent, and links to them.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::TorrentRow;
use crate::net::Secret;
use crate::provider::debrid::tree::{self, Node};
use crate::provider::debrid::{Link, TorrentState};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

impl TorrentRow {
    /// The files in the service's order, with their paths where they were asked for as a tree. One without an id cannot be asked for
    /// again and is left out.
    ///
    /// # Errors
    /// `LimitExceeded` for a tree too large or too deep.
    pub(in super::super) fn files(self) -> Result<Vec<TorrentFile>> {
        let is_ready = self.state() == TorrentState::Ready;
        let nodes = tree::flatten(self.files, |node| {
            let entry: Entry = serde_json::from_value(node).ok()?;
            let name = entry.name.unwrap_or_default();
            match (entry.children.or(entry.files), entry.id) {
                (Some(entries), _) => Some(Node::Folder(name, entries)),
                (None, Some(id)) if !id.is_empty() => {
                    let is_whole = entry.download_percent.map_or(is_ready, |percent| percent >= 100.0);
                    let url = entry.download_url.filter(|url| !url.is_empty());
                    Some(Node::File(name, (id, entry.size.unwrap_or(0), url, is_whole)))
                }
                (None, _) => None,
            }
        })?;
        let file = |(path, (id, size_bytes, url, is_whole))| TorrentFile { id, path, size_bytes, url, is_whole };
        Ok(nodes.into_iter().map(file).collect())
    }
}

/// A file, or in a tree a folder. How a folder is written is not documented: whatever holds a list of nodes is one.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, rename = "downloadUrl", deserialize_with = "lenient::maybe")]
    download_url: Option<Secret>,
    #[serde(default, rename = "downloadPercent", deserialize_with = "lenient::maybe")]
    download_percent: Option<f64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    children: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    files: Option<Vec<Value>>,
}

/// A file of a torrent.
#[derive(Debug)]
pub(in super::super) struct TorrentFile {
    pub(in super::super) id: String,
    pub(in super::super) path: String,
    pub(in super::super) size_bytes: u64,
    url: Option<Secret>,
    is_whole: bool,
}

impl TorrentFile {
    /// Its link: works for whoever has it, as long as the service keeps the file.
    pub(in super::super) fn link(&self) -> Result<Link> {
        const OPERATION: &str = "unlock link";
        let Some(address) = &self.url else {
            return Err(if self.is_whole {
                Error::new(ErrorKind::NotFound, OPERATION)
                    .detail("the file has no link any more")
                    .advise("choose another release")
            } else {
                Error::new(ErrorKind::NotCached, OPERATION)
                    .advise("Debrid-Link is still fetching it; try again in a while")
            });
        };
        let wrong = || Error::new(ErrorKind::Malformed, OPERATION).detail("the link is no http address");
        let url = Url::parse(address.expose().trim()).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        Ok(Link {
            url,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: Some(self.size_bytes).filter(|size| *size > 0),
            file_name: self.path.rsplit('/').next().map(str::to_owned),
        })
    }
}

/// What [`files`](super::super::DebridLink) hands out and unlocking takes back: the torrent's id and the file's. Secret, because whoever
/// knows the service's ids can guess its links.
pub(in super::super) fn handle(torrent: &str, file: &str) -> Secret {
    Secret::new(format!("{torrent}/{file}"))
}

/// The ids within a handle.
pub(in super::super) fn ids_of(handle: &Secret) -> Option<(&str, &str)> {
    handle.expose().split_once('/')
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    /// Goal: lists and trees alike; what has no id is left out.
    #[test]
    fn files_come_as_a_list_or_a_tree() {
        let files = |files: &str| {
            let row = row(&format!(r#"{{"status":100,"files":{files}}}"#));
            row.files().unwrap().into_iter().map(|file| (file.path, file.size_bytes)).collect::<Vec<_>>()
        };
        let list =
            r#"[{"id":"a-0","name":"E01.mkv","size":15,"downloadUrl":"https://a.example/1"},{"name":"no id"},5]"#;
        assert_eq!(files(list), [("E01.mkv".to_owned(), 15)]);
        for children in ["children", "files"] {
            let tree = format!(
                r#"[{{"name":"Show","{children}":[{{"name":"S01","{children}":[{{"id":"a-0","name":"E01.mkv","size":"15"}}]}}]}},
                    {{"id":"a-1","name":"../x","size":2}}]"#
            );
            assert_eq!(files(&tree), [("Show/S01/E01.mkv".to_owned(), 15), (".._x".to_owned(), 2)]);
        }
    }

    /// Goal: a link, or why there is none.
    #[test]
    fn files_have_a_link_or_say_why_not() {
        let link = |fields: &str| {
            row(&format!(r#"{{"downloadPercent":50,"files":[{{"id":"a-0",{fields}}}]}}"#)).files().unwrap()[0].link()
        };
        let whole = link(r#""name":"f.mkv","size":9,"downloadUrl":"https://a.example/f.mkv","downloadPercent":100"#);
        let whole = whole.unwrap();
        assert_eq!((whole.size_bytes, whole.file_name.as_deref()), (Some(9), Some("f.mkv")));
        let kind = |fields: &str| link(fields).unwrap_err().kind();
        assert_eq!(kind(r#""downloadUrl":"","downloadPercent":100"#), ErrorKind::NotFound);
        assert_eq!(kind(r#""downloadPercent":40"#), ErrorKind::NotCached);
        assert_eq!(kind(r#""name":"f""#), ErrorKind::NotCached);
        assert_eq!(kind(r#""downloadUrl":"file:///etc/passwd""#), ErrorKind::Malformed);
    }
}
