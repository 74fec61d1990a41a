//! A debrid service that has nothing to say, for unit tests of this room that need one to be there.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::model::{FileEntry, InfoHash, ProviderId};
use crate::net::{Call, Secret};
use crate::provider::debrid::{
    Account, Added, Cached, Capabilities, DebridService, Link, RemoteFile, TorrentId, TorrentState,
};
use crate::provider::indexer::TorrentLink;
use crate::{Error, ErrorKind, Result};

/// Fails whatever it is asked but for the files that it was given, which every torrent holds.
#[derive(Debug)]
pub(super) struct Silent {
    id: ProviderId,
    files: Vec<(RemoteFile, Option<ErrorKind>)>,
    unlock_count: AtomicUsize,
}

fn silence<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Internal, "test"))
}

impl Silent {
    pub(super) fn new(id: &str) -> Self {
        Self { id: ProviderId::new(id), files: Vec::new(), unlock_count: AtomicUsize::new(0) }
    }

    /// Holds this file, and gives a link to it unless it fails so.
    pub(super) fn with_file(mut self, path: String, failure: Option<ErrorKind>) -> Self {
        let handle = Secret::new(path.as_str());
        let file = RemoteFile { entry: FileEntry { path, size_bytes: 1 << 30 }, handle };
        self.files.push((file, failure));
        self
    }

    /// How often a link was asked for.
    pub(super) fn unlock_count(&self) -> usize {
        self.unlock_count.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl DebridService for Silent {
    fn id(&self) -> &ProviderId {
        &self.id
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }
    async fn account(&self, _: &Call) -> Result<Account> {
        silence()
    }
    async fn check_cached(&self, _: &Call, _: &[InfoHash]) -> Result<Vec<Cached>> {
        silence()
    }
    async fn add(&self, _: &Call, _: &TorrentLink) -> Result<Added> {
        silence()
    }
    async fn status(&self, _: &Call, _: &[TorrentId]) -> Result<Vec<TorrentState>> {
        silence()
    }
    async fn files(&self, _: &Call, _: &TorrentId) -> Result<Vec<RemoteFile>> {
        if self.files.is_empty() {
            return silence();
        }
        Ok(self.files.iter().map(|(file, _)| file.clone()).collect())
    }
    async fn unlock(&self, _: &Call, file: &RemoteFile) -> Result<Link> {
        self.unlock_count.fetch_add(1, Ordering::Relaxed);
        match self.files.iter().find(|(held, _)| held.handle == file.handle) {
            None => silence(),
            Some((_, Some(kind))) => Err(Error::new(*kind, "test")),
            Some((_, None)) => Ok(Link {
                url: "https://files.example/film.mkv".parse().unwrap(),
                expires_at: None,
                headers: Vec::new(),
                size_bytes: None,
                file_name: None,
            }),
        }
    }
    async fn remove(&self, _: &Call, _: &TorrentId) -> Result<()> {
        silence()
    }
}
