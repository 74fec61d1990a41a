//! A file looked at where the system keeps it, instead of copied. The only module of this crate with unsafe code: mapping a file cannot be
//! proven safe, because another program may cut the file short.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, Mmap};

/// A whole file in the address space of the process.
#[derive(Debug)]
pub(super) struct MappedFile {
    map: Arc<Mmap>,
    whole: Bytes,
}

/// Keeps the file mapped as long as bytes of it are held.
struct Shared(Arc<Mmap>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl MappedFile {
    /// Maps a file for reading; an empty one as well.
    pub(super) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the bytes are only read. Rust wants them never to change, which a file cannot promise: whoever turns this on promises it
        // for the files of the library (`FileAccess::Map`). A file that is written over gives other bytes, which are media payload and are
        // checked as such; one that is cut short is noticed by `is_there` before its bytes are handed on, but for the moment between.
        let map = Arc::new(unsafe { Mmap::map(file)? });
        let whole = Bytes::from_owner(Shared(map.clone()));
        Ok(Self { map, whole })
    }

    /// Brings `len` bytes from `at` into memory and maps them in one go; `false` when they are not there any more. Waits for the disk.
    ///
    /// Source: madvise(2), `MADV_POPULATE_READ`, which answers `EFAULT` where a look would end the process with a signal. Linux before 5.14
    /// does not know it: there the bytes come as they are looked at.
    pub(super) fn is_there(&self, at: usize, len: usize) -> bool {
        match self.map.advise_range(Advice::PopulateRead, at, len) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::InvalidInput,
        }
    }

    /// The bytes from `at`, at most `len` and at most to the end of the file.
    pub(super) fn bytes(&self, at: usize, len: usize) -> Bytes {
        let start = at.min(self.whole.len());
        let end = start.saturating_add(len).min(self.whole.len());
        self.whole.slice(start..end)
    }
}
