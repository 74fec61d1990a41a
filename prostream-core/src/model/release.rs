use std::fmt;

use serde::{Deserialize, Serialize};

use super::{InfoHash, Playable, ProviderId};

/// What an indexer lists: a named thing that holds a title.
#[derive(Clone, PartialEq)]
pub struct Release {
    /// Who lists it.
    pub indexer: ProviderId,
    /// Name of the tracker behind an indexer that asks several; the indexer's own name otherwise. For people.
    pub tracker: Option<String>,
    /// Release name: `Show.S02E05.Title.1080p.WEB-DL.H.264-GRP`.
    pub name: String,
    /// Version 1 info hash, where the indexer gives it; otherwise it is found through `link`, as for torrents that have a version 2 hash alone.
    pub info_hash: Option<InfoHash>,
    /// Link that leads to a magnet or a torrent file; may hold a key: never shown, never logged.
    pub link: Option<url::Url>,
    /// Length of all files in bytes, where known.
    pub size_bytes: Option<u64>,
    /// Peers with all of it, where known.
    pub seeder_count: Option<u32>,
    /// Days since it was listed, where known.
    pub age_days: Option<u32>,
    /// Already playable: a file of the local folder.
    pub playable: Option<Playable>,
}

/// Shows of the link only that there is one: it may hold a key.
impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release")
            .field("indexer", &self.indexer)
            .field("tracker", &self.tracker)
            .field("name", &self.name)
            .field("info_hash", &self.info_hash)
            .field("has_link", &self.link.is_some())
            .field("size_bytes", &self.size_bytes)
            .field("seeder_count", &self.seeder_count)
            .field("age_days", &self.age_days)
            .field("playable", &self.playable)
            .finish()
    }
}

/// A file within a torrent or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path with `/`, the torrent's own root folder included where there is one.
    pub path: String,
    /// Length in bytes.
    pub size_bytes: u64,
}

/// Extensions of the files that a film or an episode comes in.
const VIDEO_EXTENSIONS: &[&str] = &[
    "mkv", "mp4", "m4v", "avi", "mov", "webm", "ts", "m2ts", "mts", "wmv", "mpg", "mpeg", "vob", "flv", "divx", "rmvb",
    "ogm", "ogv", "3gp", "asf",
];

pub(crate) fn is_video_extension(extension: &str) -> bool {
    VIDEO_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

impl FileEntry {
    /// Can it hold a film or an episode? Told by the ending of its name.
    ///
    /// ```
    /// use prostream_core::model::FileEntry;
    /// let is_video = |path: &str| FileEntry { path: path.to_owned(), size_bytes: 1 }.is_video();
    /// assert!(is_video("Film/film.MKV") && !is_video("Film.mkv/film.nfo") && !is_video("mkv"));
    /// ```
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| is_video_extension(extension))
    }
}
