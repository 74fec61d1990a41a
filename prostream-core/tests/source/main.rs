//! Every byte source against the same rules, and the remote ones against hosts that fail and lie.

#[cfg(feature = "http")]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
#[path = "../support/mod.rs"]
mod support;

mod cache;
#[cfg(feature = "http")]
mod http;

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use prostream_core::ErrorKind;
use prostream_core::model::ByteRange;
use prostream_core::source::{
    BlockCache, BlockCacheConfig, ByteSource, CachedSource, FileAccess, FileSource, MemorySource,
};

/// A file in which every place looks different.
fn film(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Ranges of all sizes and places, the same at each run; the ends and the empty range among them.
fn ranges(len: u64) -> Vec<ByteRange> {
    let mut out = vec![
        ByteRange::new(0, 0),
        ByteRange::new(0, 1),
        ByteRange::new(len - 1, len),
        ByteRange::new(len, len),
        ByteRange::new(0, len),
    ];
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..30 {
        let start = next(len);
        let longest = [64, 40_000, 1_500_000][next(3) as usize];
        out.push(ByteRange::new(start, (start + next(longest)).min(len)));
    }
    out
}

async fn streamed(source: &Arc<dyn ByteSource>, range: ByteRange) -> prostream_core::Result<Vec<u8>> {
    let pieces: Vec<Bytes> = source.clone().stream(range).try_collect().await?;
    Ok(pieces.concat())
}

/// Goal: a source is its file, however it is read, and nothing beyond the file.
async fn gives_back_the_file(source: Arc<dyn ByteSource>, file: &[u8]) {
    let len = file.len() as u64;
    assert_eq!(source.size_bytes(), len);
    assert!(!source.identity().is_empty());
    for range in ranges(len) {
        let expected = &file[range.start as usize..range.end as usize];
        let rope = source.read_at(range).await.unwrap();
        assert_eq!(rope.len(), range.len());
        assert!(rope.into_bytes() == expected, "read {range:?}");
        assert!(streamed(&source, range).await.unwrap() == expected, "stream {range:?}");
    }
    for (at, part) in source.at_hand().iter() {
        let part = part.clone().into_bytes();
        assert!(part == file[at as usize..at as usize + part.len()], "at hand {at}");
    }
    for range in [ByteRange::new(0, len + 1), ByteRange::new(len, len + 1), ByteRange::new(u64::MAX - 1, u64::MAX)] {
        assert_eq!(source.read_at(range).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{range:?}");
        assert_eq!(streamed(&source, range).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{range:?}");
    }
}

/// Goal: many who read at once disturb nobody.
async fn serves_many_at_once(source: Arc<dyn ByteSource>, file: &[u8]) {
    let readers = ranges(file.len() as u64).into_iter().map(|range| {
        let source = source.clone();
        async move {
            assert!(
                source.read_at(range).await.unwrap().into_bytes() == file[range.start as usize..range.end as usize]
            );
            assert!(streamed(&source, range).await.unwrap() == file[range.start as usize..range.end as usize]);
        }
    });
    futures_util::future::join_all(readers).await;
}

async fn keeps_the_rules(source: Arc<dyn ByteSource>, file: &[u8]) {
    gives_back_the_file(source.clone(), file).await;
    serves_many_at_once(source, file).await;
}

fn cached(inner: Arc<dyn ByteSource>, budget_bytes: u64) -> Arc<dyn ByteSource> {
    let cache = BlockCache::new(BlockCacheConfig { budget_bytes, ..BlockCacheConfig::default() });
    Arc::new(CachedSource::new(inner, cache))
}

const FILM_SIZE: usize = 3_000_001;

#[tokio::test]
async fn memory_keeps_the_rules() {
    let file = film(FILM_SIZE);
    keeps_the_rules(Arc::new(MemorySource::new(file.clone())), &file).await;
}

#[tokio::test]
async fn file_keeps_the_rules() {
    let file = film(FILM_SIZE);
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(&file).unwrap();
    keeps_the_rules(Arc::new(FileSource::open(on_disk.path()).await.unwrap()), &file).await;
    keeps_the_rules(Arc::new(FileSource::open_for(on_disk.path(), FileAccess::Map).await.unwrap()), &file).await;
}

/// Goal: the cache changes no byte, whether all of the file fits, some of it, or nothing.
#[tokio::test]
async fn cached_keeps_the_rules() {
    let file = film(FILM_SIZE);
    for budget_bytes in [64 << 20, 1 << 20, 0] {
        keeps_the_rules(cached(Arc::new(MemorySource::new(file.clone())), budget_bytes), &file).await;
    }
}

/// Goal: only a regular file is one, and a file that is replaced or cut is not read as if nothing had happened.
#[tokio::test]
async fn file_notices_what_is_not_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    assert_eq!(FileSource::open(&path).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(FileSource::open(folder.path()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    std::fs::write(&path, film(2_000_000)).unwrap();
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(&path).await.unwrap());
    let mapped: Arc<dyn ByteSource> = Arc::new(FileSource::open_for(&path, FileAccess::Map).await.unwrap());
    let again = FileSource::open(&path).await.unwrap();
    assert_eq!(source.identity(), again.identity());
    assert!(!source.identity().contains("film"));
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1_500_000).unwrap();
    assert_ne!(FileSource::open(&path).await.unwrap().identity(), source.identity());
    let whole = ByteRange::new(0, 2_000_000);
    assert_eq!(source.read_at(whole).await.unwrap_err().kind(), ErrorKind::SourceChanged);
    assert_eq!(streamed(&source, whole).await.unwrap_err().kind(), ErrorKind::SourceChanged);
    assert_eq!(mapped.read_at(whole).await.unwrap_err().kind(), ErrorKind::SourceChanged);
    assert_eq!(streamed(&mapped, whole).await.unwrap_err().kind(), ErrorKind::SourceChanged);
    assert_eq!(mapped.read_at(ByteRange::new(0, 1_400_000)).await.unwrap().len(), 1_400_000);
    assert_eq!(source.read_at(ByteRange::new(0, 1_500_000)).await.unwrap().len(), 1_500_000);
}
