//! Files that are played and what players see of them, once for all who play the same: a thousand viewers of one film cost little more than one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::events::Health;
use super::known::Known;
#[cfg(feature = "http")]
use super::remote::RemoteFile;
use crate::Result;
use crate::hls::{CutFindings, Presentation};
use crate::model::DeviceProfile;
use crate::source::ByteSource;

/// Files in use, by the identity of their sources, which tells one set of accounts from another.
#[derive(Debug, Default)]
pub(super) struct FilesInUse {
    files: Mutex<HashMap<String, Weak<OpenFile>>>,
}

impl FilesInUse {
    /// The open file with the identity of this one, which is let go of then; else this one.
    pub(super) fn join(&self, file: OpenFile) -> Arc<OpenFile> {
        let mut files = lock(&self.files);
        let identity = file.source.identity();
        if let Some(open) = files.get(identity).and_then(Weak::upgrade).filter(|open| !open.is_stale()) {
            return open;
        }
        files.retain(|_, file| file.strong_count() > 0);
        let identity = identity.to_owned();
        let file = Arc::new(file);
        files.insert(identity, Arc::downgrade(&file));
        file
    }
}

/// A file that is open, for all who play it.
pub(super) struct OpenFile {
    pub(super) source: Arc<dyn ByteSource>,
    #[cfg(feature = "http")]
    pub(super) remote: Option<Arc<RemoteFile>>,
    /// What is seen of it: as many as there are kinds of players, and indexes that were made one after the other.
    shown: Mutex<Vec<Weak<Shown>>>,
}

impl OpenFile {
    /// A file on this machine.
    pub(super) fn local(source: Arc<dyn ByteSource>) -> Self {
        Self {
            source,
            #[cfg(feature = "http")]
            remote: None,
            shown: Mutex::default(),
        }
    }

    /// A file behind a link, read through `source`.
    #[cfg(feature = "http")]
    pub(super) fn remote(remote: Arc<RemoteFile>, source: Arc<dyn ByteSource>) -> Self {
        Self { source, remote: Some(remote), shown: Mutex::default() }
    }

    /// Another file lies where this one was: it has to be opened anew.
    pub(super) fn is_stale(&self) -> bool {
        #[cfg(feature = "http")]
        return self.remote.as_ref().is_some_and(|remote| remote.has_changed());
        #[cfg(not(feature = "http"))]
        false
    }

    /// Tells when its bytes cannot be had any more, and when they can again; `None` for a file on this machine.
    pub(super) fn health(&self) -> Option<watch::Receiver<Health>> {
        #[cfg(feature = "http")]
        return self.remote.as_ref().map(|remote| remote.health());
        #[cfg(not(feature = "http"))]
        None
    }

    /// What players on `device` see of it by this index, which `present` makes where nobody sees it yet.
    pub(super) fn shown(
        self: &Arc<Self>,
        known: Known,
        device: &DeviceProfile,
        present: impl FnOnce() -> Result<Arc<dyn Presentation>>,
    ) -> Result<Arc<Shown>> {
        // Held while it is planned, which reads nothing: who comes meanwhile sees the same.
        let mut all = lock(&self.shown);
        let is_same = |shown: &Arc<Shown>| Arc::ptr_eq(&shown.known.index, &known.index) && shown.device == *device;
        if let Some(shown) = all.iter().filter_map(Weak::upgrade).find(is_same) {
            return Ok(shown);
        }
        all.retain(|shown| shown.strong_count() > 0);
        let presentation = present()?;
        let (file, device) = (Arc::clone(self), device.clone());
        let shown = Arc::new(Shown { presentation, file, known, device, noted: Mutex::default() });
        all.push(Arc::downgrade(&shown));
        Ok(shown)
    }
}

/// What players of one kind see of a file.
pub(super) struct Shown {
    pub(super) presentation: Arc<dyn Presentation>,
    pub(super) file: Arc<OpenFile>,
    pub(super) known: Known,
    device: DeviceProfile,
    /// What it had shown of its cuts when that was last looked at.
    noted: Mutex<CutFindings>,
}

impl Shown {
    /// What it has shown of its cuts, where that is more than it was the last time.
    pub(super) fn news(&self) -> Option<CutFindings> {
        let found = self.presentation.cut_findings();
        let before = std::mem::replace(&mut *lock(&self.noted), found);
        (found != before && !self.file.is_stale()).then_some(found)
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFile").field("source", &self.source).finish_non_exhaustive()
    }
}

/// What is locked here is whole at every point where a holder could panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
