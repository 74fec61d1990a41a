//! Reading through the block cache: who fetches what, and how often.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use prostream_core::model::{Extents, Rope};
use prostream_core::source::{ByteStream, SourceStats};
use prostream_core::{Error, Result};
use tokio::sync::Semaphore;

use super::*;

const BLOCK: u64 = 256 << 10;

/// A remote file under a test's control: notes each request, hands out pieces only as permits are given, and may fail.
#[derive(Debug)]
struct Remote {
    file: Bytes,
    asked: Mutex<Vec<ByteRange>>,
    sent_bytes: Arc<Mutex<u64>>,
    /// One for each piece of 64 KiB.
    permits: Arc<Semaphore>,
    fails_at: Mutex<Option<u64>>,
    at_hand: Extents,
    name: String,
    /// Streams that were begun and not dropped.
    open: Arc<()>,
}

impl Remote {
    const PIECE: u64 = 64 << 10;

    fn new(file: &[u8]) -> Arc<Self> {
        Self::with_at_hand(file, Extents::new())
    }

    fn with_at_hand(file: &[u8], at_hand: Extents) -> Arc<Self> {
        Arc::new(Self {
            file: Bytes::copy_from_slice(file),
            asked: Mutex::default(),
            sent_bytes: Arc::default(),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            fails_at: Mutex::default(),
            at_hand,
            name: "remote".to_owned(),
            open: Arc::default(),
        })
    }

    /// Another file with the same bytes.
    fn named(&self, name: String) -> Arc<Self> {
        let remote = Self::new(&[]);
        Arc::new(Self { file: self.file.clone(), name, ..Arc::into_inner(remote).unwrap() })
    }

    /// From now on each piece waits for [`allow`](Self::allow).
    fn hold(&self) {
        self.permits.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn allow(&self, pieces: usize) {
        self.permits.add_permits(pieces);
    }

    fn asked(&self) -> Vec<ByteRange> {
        self.asked.lock().unwrap().clone()
    }

    fn open_count(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }

    fn sent_bytes(&self) -> u64 {
        *self.sent_bytes.lock().unwrap()
    }
}

#[async_trait]
impl ByteSource for Remote {
    fn size_bytes(&self) -> u64 {
        self.file.len() as u64
    }
    fn identity(&self) -> &str {
        &self.name
    }
    async fn read_at(&self, _range: ByteRange) -> Result<Rope> {
        unreachable!("the cache streams")
    }
    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        self.asked.lock().unwrap().push(range);
        let open = self.open.clone();
        Box::pin(futures_util::stream::try_unfold(range.start, move |at| {
            let (remote, _open) = (self.clone(), &open);
            async move {
                if at >= range.end {
                    return Ok(None);
                }
                remote.permits.acquire().await.unwrap().forget();
                if remote.fails_at.lock().unwrap().is_some_and(|fails_at| at >= fails_at) {
                    return Err(Error::new(ErrorKind::Unavailable, "read remote"));
                }
                let end = (at + Self::PIECE).min(range.end);
                *remote.sent_bytes.lock().unwrap() += end - at;
                Ok(Some((remote.file.slice(at as usize..end as usize), end)))
            }
        }))
    }
    fn at_hand(&self) -> Extents {
        self.at_hand.clone()
    }
    fn stats(&self) -> SourceStats {
        SourceStats::default()
    }
}

fn through(cache: &Arc<BlockCache>, remote: &Arc<Remote>) -> Arc<dyn ByteSource> {
    Arc::new(CachedSource::new(remote.clone(), cache.clone()))
}

fn scene(len: usize) -> (Vec<u8>, Arc<Remote>, Arc<BlockCache>, Arc<dyn ByteSource>) {
    let file = film(len);
    let remote = Remote::new(&file);
    let cache = BlockCache::new(BlockCacheConfig::default());
    let source = through(&cache, &remote);
    (file, remote, cache, source)
}

/// Lets tasks that can go on do so.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Goal: whoever reads the same at the same time, each byte is fetched once, in one request.
#[tokio::test]
async fn concurrent_readers_share_one_request() {
    let (file, remote, cache, source) = scene(6_000_000);
    // The first starts it, the others come while it runs; they have sources of their own.
    let ranges = [(0, 5_000_000), (1_000_000, 4_000_000), (4_999_999, 5_000_000), (0, 5_000_000), (300_000, 300_001)];
    let readers = ranges.map(|(start, end)| {
        let source = through(&cache, &remote);
        let file = &file;
        async move {
            let read = source.read_at(ByteRange::new(start, end)).await.unwrap();
            assert!(read.into_bytes() == file[start as usize..end as usize]);
        }
    });
    futures_util::future::join_all(readers).await;
    assert_eq!(remote.asked(), [ByteRange::new(0, 5_000_000_u64.next_multiple_of(BLOCK))]);
    assert!(streamed(&source, ByteRange::new(0, 5_000_000)).await.unwrap() == file[..5_000_000]);
    assert_eq!(remote.asked().len(), 1);
}

/// Goal: a film played in order costs a request for the first segment and one for all others; its audio, which lies between, none.
#[tokio::test]
async fn audio_between_video_is_served_from_the_cache() {
    let (file, remote, _, source) = scene(20_000_000);
    for segment in 0..9_u64 {
        let range = ByteRange::new(segment * 2_000_000, (segment + 1) * 2_000_000);
        assert!(streamed(&source, range).await.unwrap() == file[range.start as usize..range.end as usize]);
        for place in [range.start, range.start + 1_000_000, range.end - 20_000] {
            source.read_at(ByteRange::with_len(place, 30_000)).await.unwrap();
        }
    }
    settle().await;
    assert_eq!(remote.asked().len(), 2, "{:?}", remote.asked());
    assert!(remote.sent_bytes() <= 20_000_000, "{}", remote.sent_bytes());
}

/// Goal: bytes flow to the reader before the rest of his range has come.
#[tokio::test]
async fn the_first_bytes_do_not_wait_for_the_last() {
    let (file, remote, _, source) = scene(4_000_000);
    remote.hold();
    let mut stream = source.clone().stream(ByteRange::new(100, 3_000_000));
    remote.allow(1);
    let first = stream.next().await.unwrap().unwrap();
    assert!(first == file[100..100 + first.len()]);
    assert_eq!(remote.sent_bytes(), Remote::PIECE);
}

/// Goal: who leaves takes nobody's bytes away; when the last has left, the request ends.
#[tokio::test]
async fn a_request_lives_as_long_as_somebody_waits() {
    let (file, remote, _, source) = scene(4_000_000);
    remote.hold();
    let range = ByteRange::new(0, 3_000_000);
    let mut leaves = source.clone().stream(range);
    let mut stays = source.clone().stream(range);
    remote.allow(1);
    leaves.next().await.unwrap().unwrap();
    stays.next().await.unwrap().unwrap();
    drop(leaves);
    remote.allow(10);
    settle().await;
    assert_eq!(remote.sent_bytes(), 11 * Remote::PIECE, "the request goes on for the other");
    drop(stays);
    settle().await;
    remote.allow(1000);
    settle().await;
    assert_eq!(remote.sent_bytes(), 11 * Remote::PIECE, "nobody waits");
    let read = source.read_at(range).await.unwrap();
    assert!(read.into_bytes() == file[..3_000_000]);
    assert_eq!(remote.asked()[1].start, 11 * Remote::PIECE, "what came was kept");
}

/// Goal: a slow reader holds the source back instead of filling the memory.
#[tokio::test]
async fn a_slow_reader_holds_the_source_back() {
    let (file, remote, _, source) = scene(70 << 20);
    let range = ByteRange::new(0, 70 << 20);
    let mut stream = source.clone().stream(range);
    let mut at = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece.unwrap();
        assert!(piece == file[at..at + piece.len()]);
        at += piece.len();
        settle().await;
        assert!(remote.sent_bytes() <= at as u64 + (24 << 20) + BLOCK, "{} at {at}", remote.sent_bytes());
    }
    assert_eq!(at as u64, range.len());
    assert_eq!(remote.asked(), [range]);
}

/// Goal: what opening brought along is never asked for.
#[tokio::test]
async fn what_is_at_hand_is_not_asked_for() {
    let file = film(2_000_000);
    let mut at_hand = Extents::new();
    at_hand.insert(0, Bytes::copy_from_slice(&file[..100_000]).into());
    at_hand.insert(1_900_000, Bytes::copy_from_slice(&file[1_900_000..]).into());
    let remote = Remote::with_at_hand(&file, at_hand);
    let source = through(&BlockCache::new(BlockCacheConfig::default()), &remote);
    source.read_at(ByteRange::new(0, 100_000)).await.unwrap();
    source.read_at(ByteRange::new(1_900_000, 2_000_000)).await.unwrap();
    assert_eq!(remote.asked(), []);
    assert!(source.read_at(ByteRange::new(0, 2_000_000)).await.unwrap().into_bytes() == file);
    assert_eq!(remote.asked(), [ByteRange::new(100_000, 1_900_000)]);
    assert_eq!(source.at_hand().len(), 200_000);
}

/// Goal: a failure reaches all who wait and nobody after: the next read asks anew, from where the bytes ended.
#[tokio::test]
async fn a_failure_is_not_kept() {
    let (file, remote, _, source) = scene(3_000_000);
    *remote.fails_at.lock().unwrap() = Some(10 * Remote::PIECE);
    let range = ByteRange::new(0, 3_000_000);
    let outcomes = futures_util::future::join_all((0..3).map(|_| source.read_at(range))).await;
    for outcome in outcomes {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(remote.asked().len(), 1);
    *remote.fails_at.lock().unwrap() = None;
    assert!(source.read_at(range).await.unwrap().into_bytes() == file);
    assert_eq!(remote.asked(), [range, ByteRange::new(10 * Remote::PIECE, 3_000_000)]);
}

/// Goal: a jump far ahead does not wait for what lies between, and no byte is fetched twice for it.
#[tokio::test]
async fn a_jump_is_a_request_of_its_own() {
    let file = film(60 << 20);
    let remote = Remote::new(&file);
    // Room for all: what one has read is there for the other.
    let config = BlockCacheConfig { file_budget_bytes: 64 << 20, ..BlockCacheConfig::default() };
    let source = through(&BlockCache::new(config), &remote);
    remote.hold();
    let mut plays = source.clone().stream(ByteRange::new(0, 60 << 20));
    remote.allow(1);
    plays.next().await.unwrap().unwrap();
    let start = 40 << 20;
    let mut jumps = source.clone().stream(ByteRange::new(start, 60 << 20));
    let jumped = tokio::spawn(async move { jumps.next().await });
    settle().await;
    remote.allow(2000);
    let piece = jumped.await.unwrap().unwrap().unwrap();
    assert!(piece == file[start as usize..start as usize + piece.len()]);
    let mut at = Remote::PIECE as usize;
    while let Some(piece) = plays.next().await {
        let piece = piece.unwrap();
        assert!(piece == file[at..at + piece.len()]);
        at += piece.len();
    }
    assert_eq!(at, 60 << 20);
    assert_eq!(remote.asked()[1].start, start);
    // The jumper left early: what his request had not brought by then is the only thing asked for again.
    assert_eq!(remote.sent_bytes(), 60 << 20);
}

/// Goal: whatever many readers do at once, stay or leave, each reads the file and nobody is forgotten.
/// Method: 64 readers of random ranges on several threads, a third of which leave in the middle, over a cache that is too small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_come_and_go_read_the_file() {
    let file = film(12_000_000);
    for budget_bytes in [64 << 20, 2 << 20, 0] {
        let remote = Remote::new(&file);
        let cache = BlockCache::new(BlockCacheConfig { budget_bytes, ..BlockCacheConfig::default() });
        let mut readers = tokio::task::JoinSet::new();
        for (number, range) in ranges(12_000_000).into_iter().cycle().take(64).enumerate() {
            let (source, file) = (through(&cache, &remote), remote.file.clone());
            readers.spawn(async move {
                let mut stream = source.stream(range);
                let mut at = range.start as usize;
                let mut pieces = 0;
                while let Some(piece) = stream.next().await {
                    let piece = piece.unwrap();
                    assert!(piece == file[at..at + piece.len()]);
                    at += piece.len();
                    pieces += 1;
                    if number % 3 == 0 && pieces == number / 3 {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                assert_eq!(at as u64, range.end);
            });
        }
        while let Some(reader) = tokio::time::timeout(Duration::from_secs(60), readers.join_next()).await.unwrap() {
            reader.unwrap();
        }
        tokio::time::timeout(Duration::from_secs(10), cache.close()).await.expect("nothing is left behind");
        assert!(cache.used_bytes() <= budget_bytes);
    }
}

/// Goal: the budget holds for all files together.
#[tokio::test]
async fn the_budget_is_kept() {
    let (_, remote, _, _) = scene(8_000_000);
    let cache = BlockCache::new(BlockCacheConfig { budget_bytes: 1 << 20, ..BlockCacheConfig::default() });
    let source = through(&cache, &remote);
    let mut stream = source.clone().stream(ByteRange::new(0, 8_000_000));
    while let Some(piece) = stream.next().await {
        piece.unwrap();
        assert!(cache.used_bytes() <= 1 << 20);
    }
    assert!(cache.used_bytes() > 0);
}

/// Goal: closing ends what runs, tells who waits, and leaves nothing behind.
#[tokio::test]
async fn closing_ends_every_request() {
    let (_, remote, cache, source) = scene(3_000_000);
    remote.hold();
    let waits = tokio::spawn({
        let source = source.clone();
        async move { source.read_at(ByteRange::new(0, 3_000_000)).await }
    });
    settle().await;
    assert_eq!(remote.asked().len(), 1);
    tokio::time::timeout(Duration::from_secs(5), cache.close()).await.expect("closing ends");
    assert_eq!(waits.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let later = source.read_at(ByteRange::new(0, 1)).await.unwrap_err();
    assert_eq!((later.kind(), remote.asked().len()), (ErrorKind::Cancelled, 1));
}

/// Reads segment `number` of `size` bytes as a player does: pictures, and then sound that lies between them.
async fn play(source: &Arc<dyn ByteSource>, file: &[u8], number: u64, size: u64) {
    let range = ByteRange::new(number * size, (number + 1) * size);
    for range in [range, ByteRange::new(range.start + 100, range.end - 500)] {
        assert!(streamed(source, range).await.unwrap() == file[range.start as usize..range.end as usize], "{range:?}");
    }
}

/// Goal: a viewer who plays on costs one stream, what he wants next is there before he asks, and no byte is fetched that he does not get.
/// Method: from the third segment on the remote gives nothing while a segment is read: it must be there already.
#[tokio::test]
async fn what_comes_next_is_there_already() {
    const SEGMENT: u64 = 1 << 20;
    let (file, remote, _, source) = scene(40 << 20);
    for number in 0..2 {
        play(&source, &file, number, SEGMENT).await;
    }
    for number in 2..40 {
        settle().await;
        remote.hold();
        let read = tokio::time::timeout(Duration::from_secs(20), play(&source, &file, number, SEGMENT));
        read.await.unwrap_or_else(|_| panic!("segment {number} was not there"));
        remote.allow(Semaphore::MAX_PERMITS);
    }
    assert_eq!(remote.asked(), [ByteRange::new(0, SEGMENT), ByteRange::new(SEGMENT, 40 << 20)]);
    assert_eq!(remote.sent_bytes(), 40 << 20);
}

/// Goal: a viewer who stops has cost no more than he saw, and at most 24 MiB; one who jumps costs what he asks for.
#[tokio::test]
async fn what_is_read_ahead_is_bounded() {
    const SEGMENT: u64 = 1 << 20;
    for (played, most_ahead) in [(1, 0), (2, 2), (5, 5), (40, 24)] {
        let (file, remote, _, source) = scene(80 << 20);
        for number in 0..played {
            play(&source, &file, number, SEGMENT).await;
        }
        for _ in 0..20 {
            settle().await;
        }
        let ahead = remote.sent_bytes() - played * SEGMENT;
        assert!(ahead <= most_ahead * SEGMENT + BLOCK, "{ahead} ahead after {played}");
        assert!(ahead + BLOCK >= most_ahead * SEGMENT, "{ahead} ahead after {played}");
    }
    let (file, remote, _, source) = scene(80 << 20);
    for number in [70, 10, 50, 30, 20, 60, 0, 40] {
        play(&source, &file, number, SEGMENT).await;
    }
    settle().await;
    assert_eq!((remote.asked().len(), remote.sent_bytes()), (8, 8 * SEGMENT));
}

/// Goal: a viewer who leaves in the middle of a segment is not read ahead of; when he comes back it goes on in the same request.
#[tokio::test]
async fn nothing_is_read_ahead_of_who_leaves() {
    const SEGMENT: u64 = 4 << 20;
    let (file, remote, _, source) = scene(80 << 20);
    for number in 0..2 {
        play(&source, &file, number, SEGMENT).await;
    }
    settle().await;
    remote.hold();
    let far = source.clone().stream(ByteRange::new(4 * SEGMENT, 5 * SEGMENT));
    let mut far = Box::pin(far);
    let wait = tokio::spawn(async move { far.next().await });
    settle().await;
    wait.abort();
    settle().await;
    let before = remote.sent_bytes();
    remote.allow(Semaphore::MAX_PERMITS);
    settle().await;
    assert!(remote.sent_bytes() <= before + BLOCK, "{} more", remote.sent_bytes() - before);
    for number in 2..6 {
        play(&source, &file, number, SEGMENT).await;
    }
    assert!(remote.asked().len() <= 3, "{:?}", remote.asked());
}

/// Goal: viewers a few seconds apart share one stream, whoever is first.
#[tokio::test]
async fn viewers_near_each_other_share_a_stream() {
    const SEGMENT: u64 = 1 << 20;
    let (file, remote, cache, _) = scene(50 << 20);
    let viewers: Vec<_> = (0..20).map(|_| through(&cache, &remote)).collect();
    for round in 0..50_u64 {
        for (behind, viewer) in viewers.iter().enumerate() {
            if let Some(number) = round.checked_sub(behind as u64) {
                play(viewer, &file, number, SEGMENT).await;
            }
        }
    }
    assert_eq!(remote.asked().len(), 2, "{:?}", remote.asked());
    assert_eq!(remote.sent_bytes(), 50 << 20);
}

/// Goal: a viewer who pauses gives his connection back after 30 s and not before, and goes on at the same byte ten minutes later.
#[tokio::test(start_paused = true)]
async fn a_paused_viewer_frees_the_connection_and_goes_on() {
    let (file, remote, _, source) = scene(60 << 20);
    let mut stream = source.clone().stream(ByteRange::new(0, 60 << 20));
    let mut at = 0;
    while at < 1 << 20 {
        at += stream.next().await.unwrap().unwrap().len();
    }
    settle().await;
    let ahead = remote.sent_bytes();
    for (pause_s, open_count) in [(29, 1), (2, 0), (569, 0)] {
        tokio::time::sleep(Duration::from_secs(pause_s)).await;
        settle().await;
        assert_eq!((remote.open_count(), remote.sent_bytes()), (open_count, ahead), "{pause_s} s more");
    }
    while let Some(piece) = stream.next().await {
        let piece = piece.unwrap();
        assert!(piece == file[at..at + piece.len()]);
        at += piece.len();
    }
    assert_eq!(at, 60 << 20);
    assert_eq!(remote.asked(), [ByteRange::new(0, 60 << 20), ByteRange::new(ahead, 60 << 20)]);
    assert_eq!(remote.sent_bytes(), 60 << 20);
}

/// Goal: many requests under way hold no more than the budget together, and each of them goes on.
#[tokio::test]
async fn requests_under_way_share_the_budget() {
    const SEGMENT: u64 = 256 << 10;
    const SMALL_BLOCK: u64 = 16 << 10;
    let (file, remote, ..) = scene(8 << 20);
    let budget_bytes = 24 << 20;
    let cache =
        BlockCache::new(BlockCacheConfig { budget_bytes, block_size: SMALL_BLOCK, ..BlockCacheConfig::default() });
    let remotes: Vec<_> = (0..60).map(|n| remote.named(format!("film {n}"))).collect();
    for number in 0..30 {
        for remote in &remotes {
            play(&through(&cache, remote), &file, number, SEGMENT).await;
            // What the source gives at once, and what lies between the ends of blocks, comes on top.
            assert!(cache.used_bytes() <= budget_bytes + Remote::PIECE, "{} held", cache.used_bytes());
        }
        settle().await;
        assert!(cache.used_bytes() <= budget_bytes + Remote::PIECE, "{} held", cache.used_bytes());
    }
    let under_way: usize = remotes.iter().map(|remote| remote.open_count()).sum();
    assert!(under_way > 30, "{under_way} under way");
}

/// Goal: when nobody has read for a while, memory shrinks to the idle budget, not before and not while somebody reads.
#[tokio::test(start_paused = true)]
async fn an_idle_cache_shrinks() {
    let (file, remote, _, _) = scene(20 << 20);
    let config = BlockCacheConfig { idle_budget_bytes: 4 << 20, ..BlockCacheConfig::default() };
    let cache = BlockCache::new(config);
    let source = through(&cache, &remote);
    for number in 0..10 {
        play(&source, &file, number, 1 << 20).await;
    }
    settle().await;
    assert_eq!(cache.trim_if_idle(), None);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!((cache.trim_if_idle(), cache.used_bytes()), (None, 20 << 20));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((cache.trim_if_idle(), cache.used_bytes()), (Some(16 << 20), 4 << 20));
    assert_eq!((cache.trim_if_idle(), remote.open_count()), (None, 0));
    play(&source, &file, 15, 1 << 20).await;
}

/// Goal: a cache that holds no more than its idle budget says so, too, once after each time that somebody read: what passed through it is
/// free. It said nothing, and a server that had played one film kept 80 MiB from the system for ever.
#[tokio::test(start_paused = true)]
async fn an_idle_cache_within_its_budget_tells_it_once() {
    let (file, remote, _, _) = scene(8 << 20);
    let cache = BlockCache::new(BlockCacheConfig::default());
    let quiet = || tokio::time::sleep(Duration::from_secs(61));
    quiet().await;
    assert_eq!(cache.trim_if_idle(), None, "nobody has read");
    let source = through(&cache, &remote);
    for number in 0..2 {
        play(&source, &file, number, 1 << 20).await;
        settle().await;
        quiet().await;
        assert_eq!([cache.trim_if_idle(), cache.trim_if_idle()], [Some(0), None]);
    }
}
