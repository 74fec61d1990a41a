//! The files of a torrent, cached or in the user's cloud, and links to them.

use serde::Deserialize;
use serde_json::Value;

use super::super::error::NEXT;
use super::reply::malformed;
use super::{Endpoint, gone_error};
use crate::model::{FileEntry, InfoHash};
use crate::net::{Reply, Secret};
use crate::provider::debrid::{Link, MAX_FILES, RemoteFile, checked_link, path};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

pub(super) const OPERATION_FILES: &str = "list files";

const OPERATION_UNLOCK: &str = "unlock link";

impl Endpoint {
    /// The files of a cached torrent; one that is a single file may come without a list.
    pub(in super::super) fn parse_direct(&self, reply: &Reply, operation: &'static str) -> Result<Vec<Item>> {
        let data: DirectData = self.open(reply, operation)?;
        let content = data.content.unwrap_or_default();
        if content.len() > MAX_FILES {
            return Err(too_many_files());
        }
        let mut items: Vec<Item> =
            content.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).filter(Item::is_whole).collect();
        if items.is_empty() {
            let single = Item { path: data.filename.unwrap_or_default(), size: data.filesize, link: data.location };
            items.extend(Some(single).filter(Item::is_whole));
        }
        if items.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, operation).detail("the torrent has no files").advise(NEXT));
        }
        Ok(items)
    }

    pub(in super::super) fn parse_folder(&self, reply: &Reply) -> Result<Folder> {
        self.open(reply, OPERATION_FILES)
    }

    /// A file in the user's cloud; `path` is its name.
    pub(in super::super) fn parse_item(&self, reply: &Reply, operation: &'static str) -> Result<Item> {
        let entry: Entry = self.open(reply, operation)?;
        let item = Item { path: entry.name.unwrap_or_default(), size: entry.size, link: entry.link };
        Some(item).filter(Item::is_whole).ok_or_else(|| malformed(operation, "the file has no name or no link"))
    }
}

pub(in super::super) fn too_many_files() -> Error {
    Error::new(ErrorKind::LimitExceeded, OPERATION_FILES).detail("the torrent has too many files")
}

#[derive(Debug, Deserialize)]
struct DirectData {
    #[serde(default)]
    content: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    location: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::text")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    filesize: Option<u64>,
}

/// A file with its link. Of the two links this is the original's; `stream_link` is a converted copy.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Item {
    /// Path as the service writes it: with the torrent's root folder, or without.
    pub(in super::super) path: String,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(in super::super) size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<Secret>,
}

impl Item {
    /// It can be named and unlocked.
    fn is_whole(&self) -> bool {
        !path::clean(&self.path).is_empty() && self.link.as_ref().is_some_and(|link| !link.expose().trim().is_empty())
    }

    /// # Errors
    /// `Malformed` for a link that is none.
    pub(in super::super) fn link(&self) -> Result<Link> {
        let address = self.link.as_ref().map_or("", |link| link.expose());
        let name = path::clean(&self.path);
        Ok(Link {
            url: checked_link(address, OPERATION_UNLOCK)?,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: self.size.filter(|size| *size > 0),
            file_name: name.rsplit('/').next().filter(|name| !name.is_empty()).map(ToOwned::to_owned),
        })
    }
}

/// A folder of the user's cloud.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Folder {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(in super::super) name: Option<String>,
    #[serde(deserialize_with = "lenient::required_list")]
    pub(in super::super) content: Vec<Entry>,
}

/// A file or a folder of the user's cloud.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Entry {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(in super::super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(in super::super) name: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(in super::super) size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<Secret>,
}

impl Entry {
    pub(in super::super) fn is_folder(&self) -> bool {
        self.kind.as_deref() == Some("folder")
    }
}

const CLOUD: &str = "cloud";

/// What a handle says: where its file is.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Handle<'a> {
    /// In the cache: the torrent, and the path as the service writes it.
    Cached(InfoHash, &'a str),
    /// In the user's cloud: the service's number of the file.
    Cloud(&'a str),
}

impl<'a> Handle<'a> {
    pub(in super::super) fn read(handle: &'a Secret) -> Option<Self> {
        let (place, rest) = handle.expose().split_once(':')?;
        if place == CLOUD { Some(Self::Cloud(rest)) } else { Some(Self::Cached(place.parse().ok()?, rest)) }
    }
}

/// The files of a cached torrent, in the service's order.
pub(in super::super) fn cached_files(hash: InfoHash, items: &[Item]) -> Vec<RemoteFile> {
    let file = |item: &Item| RemoteFile {
        entry: FileEntry { path: path::clean(&item.path), size_bytes: item.size.unwrap_or(0) },
        handle: Secret::new(format!("{hash}:{}", item.path)),
    };
    items.iter().map(file).collect()
}

/// The file of a cached torrent at `path`, as the service writes it.
pub(in super::super) fn find<'a>(items: &'a [Item], path: &str) -> Result<&'a Item> {
    items.iter().find(|item| item.path == path).ok_or_else(|| gone_error(OPERATION_UNLOCK))
}

/// A file of the user's cloud.
pub(in super::super) fn cloud_file(id: &str, path: String, size: Option<u64>) -> RemoteFile {
    let entry = FileEntry { path, size_bytes: size.unwrap_or(0) };
    RemoteFile { entry, handle: Secret::new(format!("{CLOUD}:{id}")) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HASH, endpoint, success};
    use super::*;

    /// Goal: a list, and a single file without one; what has no path or no link is left out, and nothing at all is no torrent.
    #[test]
    fn direct_links_come_in_two_shapes() {
        let files = |fields: &str| {
            let items = endpoint().parse_direct(&success(fields), "test")?;
            Ok::<_, Error>(cached_files(HASH, &items).into_iter().map(|file| file.entry.path).collect::<Vec<_>>())
        };
        let list = r#""content":[{"path":"/Root/a.mkv","size":"5","link":"https://a.example/a"},{"path":"b","link":null},
            {"path":"c","link":""},{"path":"/","link":"https://a.example/d"},{"link":"https://a.example/e"},7]"#;
        assert_eq!(files(list).unwrap(), ["Root/a.mkv"]);
        let single = r#""location":"https://a.example/a","filename":"a.mkv","filesize":5"#;
        assert_eq!(files(single).unwrap(), ["a.mkv"]);
        assert_eq!(files(&format!(r#"{single},"content":[]"#)).unwrap(), ["a.mkv"]);
        assert_eq!(files(r#""content":[]"#).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(files(&format!(r#"{single},"content":"odd""#)).unwrap_err().kind(), ErrorKind::Malformed);
    }

    /// Goal: the handle of a file leads to it again, to the original and not to its converted copy.
    #[test]
    fn handles_lead_back_to_their_file() {
        let fields = r#""content":[{"path":"/Root/a:b.mkv","size":5,"link":"https://a.example/a","stream_link":"https://a.example/s"}]"#;
        let items = endpoint().parse_direct(&success(fields), "test").unwrap();
        let file = cached_files(HASH, &items).remove(0);
        let Some(Handle::Cached(hash, path)) = Handle::read(&file.handle) else { panic!("no handle") };
        assert_eq!(hash, HASH);
        let link = find(&items, path).unwrap().link().unwrap();
        assert_eq!((link.url.as_str(), link.file_name.as_deref()), ("https://a.example/a", Some("a:b.mkv")));
        assert_eq!(find(&items, "other").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(Handle::read(&cloud_file("x:y", "a".to_owned(), None).handle), Some(Handle::Cloud("x:y")));
        for wrong in ["", "a", "nohash:a"] {
            assert_eq!(Handle::read(&Secret::new(wrong)), None);
        }
        let odd = r#""content":[{"path":"a","link":"file:///etc/passwd"}]"#;
        let items = endpoint().parse_direct(&success(odd), "test").unwrap();
        assert_eq!(items[0].link().unwrap_err().kind(), ErrorKind::Malformed);
    }
}
