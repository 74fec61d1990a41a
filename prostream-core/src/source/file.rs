use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

#[cfg(target_os = "linux")]
use super::mapped::MappedFile;
use super::{ByteSource, ByteStream, SourceStats};
use crate::model::{ByteRange, Rope};
use crate::{Error, ErrorKind, Result};

/// Largest piece that is read at once, in bytes: large enough that waking whoever waits for it costs nothing beside the copy.
const PIECE_SIZE: usize = 1 << 20;
/// Reads from here on borrow a buffer of [`PIECE_SIZE`]; a smaller one gets its own, so that a header does not pin a whole buffer.
const MIN_BORROWED_SIZE: usize = PIECE_SIZE / 8;
/// Longest range that is copied out of the system's memory on the caller's thread; a longer one would keep it from other work for too long.
const MAX_READY_SIZE: u64 = 8 << 20;
/// Most buffers that wait for their next use, over all files.
const MAX_SPARE_BUFFERS: usize = 32;
/// Buffers of [`PIECE_SIZE`] that were read into before and that nobody looks at any more.
static SPARE: SpareBuffers = SpareBuffers(Mutex::new(Vec::new()));

/// Largest piece of a mapped file: bringing it in takes a thread that may wait, which costs nothing beside four megabytes.
#[cfg(target_os = "linux")]
const MAPPED_PIECE_SIZE: usize = 4 << 20;

/// How the bytes of a local file are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileAccess {
    /// Copied into buffers that are used again. A file that changes while it is played is an error, never worse.
    #[default]
    Copy,
    /// Not copied: the file is mapped into memory (Linux; elsewhere as [`FileAccess::Copy`]). Only for
    /// folders whose files nobody writes to in place: a file that is cut short in the very moment its bytes are sent ends the process.
    Map,
}

/// A file on this machine, read at any offset by many at once. What is in memory already is copied at once (Linux); other reads
/// run on threads that may block.
///
/// Buffers are used again as soon as nobody holds their bytes any more: neither clearing nor mapping memory is paid for.
#[derive(Debug)]
pub struct FileSource {
    reader: Arc<Reader>,
    identity: String,
}

#[derive(Debug)]
struct Reader {
    file: PositionedFile,
    #[cfg(target_os = "linux")]
    map: Option<MappedFile>,
    size_bytes: u64,
    request_count: AtomicU64,
    read_bytes: AtomicU64,
}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` or `Storage`; `InvalidInput` when it is not a regular file.
    pub async fn open(path: &Path) -> Result<Self> {
        Self::open_for(path, FileAccess::Copy).await
    }

    /// Opens a file for reading in one of the ways there are.
    ///
    /// # Errors
    /// As [`FileSource::open`]; `Storage` also when the file cannot be mapped.
    pub async fn open_for(path: &Path, access: FileAccess) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || Self::open_blocking(&path, access)).await
    }

    fn open_blocking(path: &Path, access: FileAccess) -> Result<Self> {
        // Looked at before it is opened: opening a pipe waits for its other end.
        require_regular(&std::fs::metadata(path).map_err(|error| failure("open file", error))?)?;
        let file = File::open(path).map_err(|error| failure("open file", error))?;
        let metadata = file.metadata().map_err(|error| failure("open file", error))?;
        require_regular(&metadata)?;
        #[cfg(target_os = "linux")]
        let map = match access {
            FileAccess::Copy => None,
            FileAccess::Map => Some(MappedFile::new(&file).map_err(|error| failure("map file", error))?),
        };
        #[cfg(not(target_os = "linux"))]
        let _ = access;
        let reader = Reader {
            file: PositionedFile::new(file),
            #[cfg(target_os = "linux")]
            map,
            size_bytes: metadata.len(),
            request_count: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
        };
        Ok(Self { reader: Arc::new(reader), identity: identity(path, &metadata) })
    }

    fn check(&self, range: ByteRange) -> Result<()> {
        if range.end > self.reader.size_bytes {
            return Err(Error::new(ErrorKind::InvalidInput, "read file").detail("beyond the end"));
        }
        Ok(())
    }
}

#[async_trait]
impl ByteSource for FileSource {
    fn size_bytes(&self) -> u64 {
        self.reader.size_bytes
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        self.check(range)?;
        let mut rope = Rope::new();
        let mut at = range.start;
        if range.len() <= MAX_READY_SIZE && !self.reader.is_mapped() {
            while let Some(piece) = self.reader.read_ready_piece(at, range.end) {
                at = at.saturating_add(piece.len() as u64);
                rope.push(piece);
            }
        }
        if at >= range.end {
            return Ok(rope);
        }
        let reader = self.reader.clone();
        blocking(move || {
            while at < range.end {
                let piece = reader.read_piece(at, range.end)?;
                at = at.saturating_add(piece.len() as u64);
                rope.push(piece);
            }
            Ok(rope)
        })
        .await
    }

    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        if let Err(error) = self.check(range) {
            return Box::pin(futures_util::stream::once(async { Err(error) }));
        }
        let reader = self.reader.clone();
        Box::pin(futures_util::stream::try_unfold(range.start, move |at| {
            let reader = reader.clone();
            async move {
                if at >= range.end {
                    return Ok(None);
                }
                let piece = match reader.read_ready_piece(at, range.end) {
                    Some(piece) => piece,
                    None => blocking(move || reader.read_piece(at, range.end)).await?,
                };
                let next = at.saturating_add(piece.len() as u64);
                Ok(Some((piece, next)))
            }
        }))
    }

    /// Also of a mapped file, where mapping small parts costs more than to copy them.
    fn copy_ready(&self, range: ByteRange, out: &mut Vec<u8>) -> bool {
        let Ok(len) = usize::try_from(range.len()) else { return false };
        if self.check(range).is_err() {
            return false;
        }
        let start = out.len();
        out.resize(start.saturating_add(len), 0);
        self.reader.request_count.fetch_add(1, Ordering::Relaxed);
        let is_ready = self.reader.file.read_ready(&mut out[start..], range.start).is_ok_and(|count| count == len);
        if is_ready {
            self.reader.read_bytes.fetch_add(range.len(), Ordering::Relaxed);
        } else {
            out.truncate(start);
        }
        is_ready
    }

    fn is_local(&self) -> bool {
        true
    }

    fn stats(&self) -> SourceStats {
        SourceStats {
            request_count: self.reader.request_count.load(Ordering::Relaxed),
            read_bytes: self.reader.read_bytes.load(Ordering::Relaxed),
        }
    }
}

impl Reader {
    /// A buffer for the bytes from `at` up to `end` or the end of a piece, and how many there are.
    fn buffer(&self, at: u64, end: u64) -> (Vec<u8>, usize) {
        let len = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(PIECE_SIZE);
        (if len < MIN_BORROWED_SIZE { vec![0; len] } else { SPARE.take() }, len)
    }

    /// The first `len` bytes of a buffer that was read into.
    fn filled(&self, buffer: Vec<u8>, len: usize) -> Bytes {
        self.read_bytes.fetch_add(len as u64, Ordering::Relaxed);
        if len < MIN_BORROWED_SIZE {
            return buffer.into();
        }
        Bytes::from_owner(BorrowedBuffer { buffer, len })
    }

    /// The next piece if all of it is in memory already, without waiting for a disk: then no other thread has to be woken for it, which
    /// costs more than the copy. `None` when it is not, at the end, and where the system cannot tell.
    fn read_ready_piece(&self, at: u64, end: u64) -> Option<Bytes> {
        if at >= end || self.is_mapped() {
            return None;
        }
        let (mut buffer, len) = self.buffer(at, end);
        self.request_count.fetch_add(1, Ordering::Relaxed);
        if self.file.read_ready(&mut buffer[..len], at).is_ok_and(|count| count == len) {
            return Some(self.filled(buffer, len));
        }
        if len >= MIN_BORROWED_SIZE {
            SPARE.put_back(buffer);
        }
        None
    }

    #[cfg(target_os = "linux")]
    fn is_mapped(&self) -> bool {
        self.map.is_some()
    }

    #[cfg(not(target_os = "linux"))]
    fn is_mapped(&self) -> bool {
        false
    }

    /// The bytes from `at` up to `end` or the end of a piece; at least one.
    fn read_piece(&self, at: u64, end: u64) -> Result<Bytes> {
        #[cfg(target_os = "linux")]
        if let Some(map) = &self.map {
            self.request_count.fetch_add(1, Ordering::Relaxed);
            let range = (usize::try_from(at), usize::try_from(end.saturating_sub(at)));
            let (Ok(at), Ok(len)) = range else { return Err(shorter()) };
            let piece = map.bytes(at, len.min(MAPPED_PIECE_SIZE));
            if piece.is_empty() || !map.is_there(at, piece.len()) {
                return Err(shorter());
            }
            self.read_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
            return Ok(piece);
        }
        let (mut buffer, len) = self.buffer(at, end);
        let mut done = 0;
        while done < len {
            self.request_count.fetch_add(1, Ordering::Relaxed);
            let offset = at.saturating_add(done as u64);
            match self.file.read_at(&mut buffer[done..len], offset) {
                Ok(0) => return Err(shorter()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure("read file", error)),
            }
        }
        Ok(self.filled(buffer, len))
    }
}

/// Buffers that are free. Their content is what was read last.
struct SpareBuffers(Mutex<Vec<Vec<u8>>>);

impl SpareBuffers {
    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(|| vec![0; PIECE_SIZE])
    }

    fn put_back(&self, buffer: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE_BUFFERS {
            spare.push(buffer);
        }
    }
}

/// The bytes of a piece; its buffer goes home with the last [`Bytes`] that looks into it.
struct BorrowedBuffer {
    buffer: Vec<u8>,
    len: usize,
}

impl AsRef<[u8]> for BorrowedBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for BorrowedBuffer {
    fn drop(&mut self) {
        SPARE.put_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(target_os = "linux")]
impl PositionedFile {
    /// Reads what is in memory and waits for nothing (`RWF_NOWAIT`, preadv2(2)).
    fn read_ready(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let mut parts = [io::IoSliceMut::new(buffer)];
        Ok(preadv2(&self.file, &mut parts, offset, ReadWriteFlags::NOWAIT)?)
    }
}

#[cfg(not(target_os = "linux"))]
impl PositionedFile {
    fn read_ready(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A file read at an offset that is part of the call.
#[derive(Debug)]
struct PositionedFile {
    #[cfg(any(unix, windows))]
    file: File,
    #[cfg(not(any(unix, windows)))]
    file: Mutex<File>,
}

#[cfg(unix)]
impl PositionedFile {
    fn new(file: File) -> Self {
        Self { file }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }
}

#[cfg(windows)]
impl PositionedFile {
    fn new(file: File) -> Self {
        Self { file }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)
    }
}

#[cfg(not(any(unix, windows)))]
impl PositionedFile {
    fn new(file: File) -> Self {
        Self { file: Mutex::new(file) }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }
}

/// Names the file and its state without its path: device and file number where there are such, the path hashed elsewhere.
fn identity(path: &Path, metadata: &Metadata) -> String {
    let mut hash = Sha256::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let _ = path;
        hash.update(metadata.dev().to_le_bytes());
        hash.update(metadata.ino().to_le_bytes());
        // A file that was written over within the same second differs in these.
        hash.update(metadata.mtime().to_le_bytes());
        hash.update(metadata.mtime_nsec().to_le_bytes());
    }
    #[cfg(not(unix))]
    {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        hash.update(path.as_os_str().as_encoded_bytes());
        let age = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        hash.update(age.unwrap_or_default().as_nanos().to_le_bytes());
    }
    hash.update(metadata.len().to_le_bytes());
    super::named_by("file", hash)
}

fn require_regular(metadata: &Metadata) -> Result<()> {
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "open file")
            .detail("not a regular file")
            .advise("name a file, not a folder or a device"));
    }
    Ok(())
}

fn shorter() -> Error {
    Error::new(ErrorKind::SourceChanged, "read file").detail("the file became shorter")
}

fn failure(operation: &'static str, error: io::Error) -> Error {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => (ErrorKind::NotFound, "check the path of the file"),
        io::ErrorKind::PermissionDenied => (ErrorKind::Forbidden, "let this program read the file"),
        _ => (ErrorKind::Storage, "check the disk that the file lies on"),
    };
    Error::new(kind, operation).advise(advice).because(error)
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(act).await {
        Ok(outcome) => outcome,
        Err(stopped) => Err(Error::new(ErrorKind::Cancelled, "read file").because(stopped)),
    }
}
