//! A torrent as every debrid service's stand-in knows it.

use crate::model::{FileEntry, InfoHash};

/// A torrent that the service can get.
///
/// ```
/// use prostream_core::model::InfoHash;
/// use prostream_core::testing::stand_in::StandInTorrent;
/// let torrent = StandInTorrent::new(InfoHash([1; 20]), "Film.2019.1080p").with_file("Film.2019.1080p/film.mkv", 2_000);
/// assert!(torrent.is_cached);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StandInTorrent {
    /// Which one.
    pub info_hash: InfoHash,
    /// Its name.
    pub name: String,
    /// Its files, paths with `/`, the torrent's own folder included where it has one.
    pub files: Vec<FileEntry>,
    /// It is ready as soon as it is added.
    pub is_cached: bool,
    /// Where it is not: how many status questions it takes to become ready; each sees it further.
    pub steps_to_ready: u32,
    /// It is never ready: the service gives it up as soon as it looks at it.
    pub fails: bool,
    /// What unlocking its files comes to.
    pub unlock: StandInUnlock,
}

/// What unlocking a file comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StandInUnlock {
    /// A direct link.
    #[default]
    Direct,
    /// A link that has to be waited for, ready at the second look.
    Delayed,
    /// A link that is waited for in vain.
    DelayedInVain,
    /// Streams of a video site in several qualities, no file.
    StreamsOnly,
    /// The file is gone.
    Down,
    /// The service does not serve it, for good.
    Blocked,
}

impl StandInTorrent {
    /// A cached torrent without files.
    #[must_use]
    pub fn new(info_hash: InfoHash, name: impl Into<String>) -> Self {
        Self {
            info_hash,
            name: name.into(),
            files: Vec::new(),
            is_cached: true,
            steps_to_ready: 0,
            fails: false,
            unlock: StandInUnlock::Direct,
        }
    }

    /// With one more file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, size_bytes: u64) -> Self {
        self.files.push(FileEntry { path: path.into(), size_bytes });
        self
    }

    /// Not cached: ready after so many status questions.
    #[must_use]
    pub fn ready_after(mut self, steps: u32) -> Self {
        self.is_cached = false;
        self.steps_to_ready = steps;
        self
    }

    /// Not cached, and given up by the service.
    #[must_use]
    pub fn failing(mut self) -> Self {
        self.is_cached = false;
        self.fails = true;
        self
    }

    /// With another outcome of unlocking.
    #[must_use]
    pub fn unlocking(mut self, unlock: StandInUnlock) -> Self {
        self.unlock = unlock;
        self
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }
}
