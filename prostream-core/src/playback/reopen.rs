use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
#[cfg(feature = "http")]
use sha2::{Digest, Sha256};
use url::Url;

use crate::model::{ContentId, DeviceProfile, InfoHash, Location};
use crate::resolve::Resolution;
use crate::{Error, ErrorKind, Result};

/// What is needed to open a playback again after a restart: never a link of a service, which ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Reopen {
    /// A file on this machine.
    File {
        /// Its resolved path.
        path: PathBuf,
    },
    /// A link that the viewer gave.
    Link {
        /// The link.
        url: Url,
    },
    /// A file of a torrent: any service that has it.
    Torrent {
        /// The torrent.
        info_hash: InfoHash,
        /// Path of the file as the service names it.
        path: String,
    },
}

/// What a record of a playback says.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) what: Reopen,
    pub(super) device: DeviceProfile,
    /// What was played; nothing in records of before it was kept.
    #[serde(default)]
    content: Option<String>,
}

impl Stored {
    /// Is it the file that was played? What a torrent holds does not change: another file is a service's mistake, and the segments of the two
    /// have the same names.
    pub(super) fn is(&self, content_id: ContentId) -> bool {
        let before = self.content.as_ref().filter(|_| matches!(self.what, Reopen::Torrent { .. }));
        before.is_none_or(|before| *before == content_id.to_string())
    }
}

impl Reopen {
    pub(super) fn file(path: &Path) -> Result<Self> {
        let path = path
            .canonicalize()
            .map_err(|error| Error::new(ErrorKind::NotFound, "open path").detail("the file is gone").because(error))?;
        Ok(Reopen::File { path })
    }

    pub(super) fn of(found: &Resolution) -> Result<Self> {
        match (&found.playable.location, found.playable.info_hash, &found.torrent_path) {
            (Location::File(path), ..) => Self::file(path),
            (Location::Link { .. }, Some(info_hash), Some(path)) => {
                Ok(Reopen::Torrent { info_hash, path: path.clone() })
            }
            (Location::Link { url, .. }, ..) => Ok(Reopen::Link { url: url.clone() }),
        }
    }

    /// What the file behind it is known by: the file of a torrent whoever serves it, a link by its hash. `None` for a file on this machine,
    /// which is known by its state.
    #[cfg(feature = "http")]
    pub(super) fn alias(&self) -> Option<String> {
        match self {
            Reopen::File { .. } => None,
            Reopen::Link { url } => Some(format!("link:{}", hashed(url.as_str()))),
            Reopen::Torrent { info_hash, path } => Some(format!("torrent:{info_hash}:{}", hashed(path))),
        }
    }

    pub(super) fn to_json(&self, device: &DeviceProfile, content_id: ContentId) -> Result<String> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            what: &'a Reopen,
            device: &'a DeviceProfile,
            content: String,
        }
        serde_json::to_string(&Borrowed { what: self, device, content: content_id.to_string() })
            .map_err(|error| Error::new(ErrorKind::Internal, "store playback").because(error))
    }

    pub(super) fn from_json(text: &str) -> Result<Stored> {
        serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::NotFound, "open playback").detail("its record cannot be read").because(error)
        })
    }
}

#[cfg(feature = "http")]
fn hashed(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
