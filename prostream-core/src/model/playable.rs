use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use url::Url;

use super::{InfoHash, ProviderId};

/// Bytes that can be read now, wherever they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playable {
    /// Where they lie.
    pub location: Location,
    /// Name of the file, for people.
    pub file_name: String,
    /// Length in bytes, where it is known.
    pub size_bytes: Option<u64>,
    /// The torrent it comes from.
    pub info_hash: Option<InfoHash>,
    /// Who serves it.
    pub provider: ProviderId,
    /// When the link ends, where the service says so.
    pub expires_at: Option<SystemTime>,
}

/// Where bytes lie.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// On this machine.
    File(PathBuf),
    /// Behind a link, with headers that must be sent along. Both are secret: they never reach a log or a client.
    Link {
        /// The address.
        url: Url,
        /// Name and value of each header.
        headers: Vec<(String, String)>,
    },
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => f.debug_tuple("File").field(path).finish(),
            Location::Link { url, .. } => {
                write!(f, "Link({}://{}/…)", url.scheme(), url.host_str().unwrap_or_default())
            }
        }
    }
}
