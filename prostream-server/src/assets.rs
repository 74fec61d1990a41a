//! The files of the page, handed in by whoever builds them in.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// One file of the page.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its name below `/`, such as `app.js`; `index.html` is the page itself.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
    /// Its strong validator, quoted.
    pub etag: String,
}

impl Asset {
    /// A file with its validator.
    #[must_use]
    pub fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { name, content_type, bytes: Bytes::from_static(bytes), etag: format!("\"{hex}\"") }
    }
}

/// All files of the page. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Assets(Arc<[Asset]>);

impl Assets {
    /// These files.
    #[must_use]
    pub fn new(files: Vec<Asset>) -> Self {
        Self(files.into())
    }

    /// A file by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.name == name)
    }
}
