//! The files of a torrent, and links to them.

use serde::Deserialize;
use url::Url;

use super::super::{FILES, UNLOCK};
use super::{Endpoint, TorrentRow};
use crate::model::FileEntry;
use crate::net::{Reply, Secret};
use crate::provider::debrid::{MAX_FILES, RemoteFile};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

#[derive(Debug, Deserialize)]
pub(super) struct FileRow {
    /// Counts from 0.
    #[serde(default, deserialize_with = "lenient::number")]
    id: Option<u64>,
    /// With the torrent's folder.
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    short_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    infected: Option<bool>,
}

impl TorrentRow {
    /// Its files. What has no number cannot be unlocked, and what the service found a virus in is not offered.
    pub(in super::super) fn files(self) -> Result<Vec<RemoteFile>> {
        let wrong = |kind, detail: &'static str| Error::new(kind, FILES).detail(detail);
        let torrent = self.id.ok_or_else(|| wrong(ErrorKind::Malformed, "the torrent has no id"))?;
        if self.files.len() > MAX_FILES {
            return Err(wrong(ErrorKind::LimitExceeded, "the torrent has too many files"));
        }
        let file = |row: FileRow| {
            let id = row.id.filter(|_| row.infected != Some(true))?;
            let path = path(row.name.as_deref().or(row.short_name.as_deref())?)?;
            let entry = FileEntry { path, size_bytes: row.size.unwrap_or(0) };
            Some(RemoteFile { entry, handle: handle(torrent, id) })
        };
        let files: Vec<RemoteFile> = self.files.into_iter().filter_map(file).collect();
        if files.is_empty() {
            return Err(wrong(ErrorKind::NotFound, "the torrent has no files").advise("choose another release"));
        }
        Ok(files)
    }
}

/// A path below a torrent, which cannot climb out of it.
fn path(name: &str) -> Option<String> {
    let parts = name.split(['/', '\\']).map(|part| lenient::clean(part, MAX_NAME_CHARS));
    let parts: Vec<String> = parts.filter(|part| !matches!(part.as_str(), "" | "." | "..")).collect();
    Some(parts.join("/")).filter(|path| !path.is_empty())
}

/// What a file is unlocked by: torrent and file.
fn handle(torrent: u64, file: u64) -> Secret {
    Secret::new(format!("{torrent}/{file}"))
}

/// The two numbers of a handle; `None` for one that is none of ours.
pub(in super::super) fn read_handle(handle: &Secret) -> Option<(u64, u64)> {
    let (torrent, file) = handle.expose().split_once('/')?;
    Some((torrent.parse().ok()?, file.parse().ok()?))
}

impl Endpoint {
    /// The link alone. What it must not be is the address of a redirect, which has the key in it.
    pub(in super::super) fn parse_link(&self, reply: &Reply) -> Result<Url> {
        let link: String = self.open_as(reply, UNLOCK)?;
        let wrong = |detail: &'static str| Error::new(ErrorKind::Malformed, UNLOCK).detail(detail);
        let url = Url::parse(link.trim()).map_err(|_| wrong("the link is no http address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the link is no http address"));
        }
        if link.contains(self.key.expose()) {
            return Err(wrong("the link holds the key"));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, row, success};
    use super::*;

    /// Goal: a link that holds the key, or is no web address, is not handed out.
    #[test]
    fn links_hold_no_key() {
        let kind = |link: &str| endpoint().parse_link(&success(link)).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind(r#""https://cdn.example/f.mkv?t=1""#), Ok(()));
        for wrong in [
            r#""https://api.example/v1/api/torrents/requestdl?token=k3y&redirect=true""#,
            r#""file:///etc/passwd""#,
            r#""no address""#,
            "null",
            r#"{"url":"https://cdn.example/f"}"#,
        ] {
            assert_eq!(kind(wrong), Err(ErrorKind::Malformed), "{wrong}");
        }
    }

    /// Goal: number 0 is a file; what cannot be unlocked or is infected is left out; no path climbs out.
    #[test]
    fn files_are_read_with_their_numbers() {
        let torrent = row(
            r#""id":7,"files":[{"id":0,"name":"Film/Film.mkv","short_name":"Film.mkv","size":9},{"id":1,"name":"../x\\y.mkv"},
               {"name":"none"},{"id":2,"name":"virus.mkv","infected":true},{"id":3,"short_name":"only.mkv"},"odd"]"#,
        );
        let files = torrent.files().unwrap();
        let read: Vec<_> = files
            .iter()
            .map(|file| (file.entry.path.as_str(), file.entry.size_bytes, read_handle(&file.handle)))
            .collect();
        assert_eq!(
            read,
            [("Film/Film.mkv", 9, Some((7, 0))), ("x/y.mkv", 0, Some((7, 1))), ("only.mkv", 0, Some((7, 3)))]
        );
        assert_eq!(row(r#""id":7,"files":[]"#).files().unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(row(r#""files":[{"id":0,"name":"a"}]"#).files().unwrap_err().kind(), ErrorKind::Malformed);
        for wrong in ["", "1", "1/", "/1", "x/1", "1/1/1"] {
            assert_eq!(read_handle(&Secret::new(wrong)), None, "{wrong}");
        }
    }
}
