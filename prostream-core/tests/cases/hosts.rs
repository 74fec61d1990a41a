//! Hosts that fail, lie and are busy: cases 37 to 39, and 41 where it concerns links.
//!
//! Whatever a host does, a film that is read from it is the film, or reading ends with an error that says why: never other bytes, and
//! never a loop.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use prostream_core::hls::{Presentation, Rendition};
use prostream_core::model::ByteRange;
use prostream_core::net::Call;
use prostream_core::source::{
    BlockCache, BlockCacheConfig, ByteSource, CachedSource, HttpSource, HttpSourceConfig, Lease, LeasedLink,
};
use prostream_core::{Error, ErrorKind, Result};

use super::support::{Answer, Host, Seen};
use super::workshop::{Workshop, present, source};

/// Longest that any film here may take: whoever takes longer loops or waits for nothing.
const LONGEST: Duration = Duration::from_secs(120);
const MB: u64 = 1 << 20;

/// A film of about 20 MB with pictures, two kinds of sound and a subtitle.
fn make_film(workshop: &Workshop, name: &str) -> PathBuf {
    workshop.write("lines.srt", b"1\n00:00:01,000 --> 00:00:04,000\nOne\n\n2\n00:00:14,000 --> 00:00:17,000\nTwo\n");
    let pictures = "-f lavfi -i testsrc2=s=640x360:r=24:d=20,noise=alls=40:allf=t";
    let sound = "-f lavfi -i sine=f=440:d=20 -f lavfi -i sine=f=880:d=20 -i lines.srt";
    let video = "-map 0 -map 1 -map 2 -map 3 -c:v libx264 -preset ultrafast -b:v 8M -g 48";
    let text = if name.ends_with("mp4") { "mov_text" } else { "srt" };
    workshop.ffmpeg(&format!("{pictures} {sound} {video} -c:a:0 aac -c:a:1 ac3 -c:s {text} {name}"))
}

/// The range that a request asks for, open ends closed.
fn asked(request: &Seen, size: u64) -> Option<ByteRange> {
    let (first, last) = request.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
    Some(match first {
        "" => ByteRange::new(size - last.parse::<u64>().unwrap().min(size), size),
        first => ByteRange::new(first.parse().unwrap(), last.parse().map_or(size, |last: u64| (last + 1).min(size))),
    })
}

/// The part that a request asks for, as a well-behaved host gives it.
fn part(file: &[u8], request: &Seen) -> Answer {
    let size = file.len() as u64;
    let Some(range) = asked(request, size) else { return Answer::new(200, file).header("etag", "\"film\"") };
    Answer::new(206, &file[range.start as usize..range.end as usize])
        .header("content-range", format!("bytes {}-{}/{size}", range.start, range.end - 1))
        .header("etag", "\"film\"")
        .header("content-type", "video/mp4")
}

async fn host_of(file: &Arc<Vec<u8>>, change: impl Fn(&Seen, usize, Answer) -> Answer + Send + Sync + 'static) -> Host {
    let file = file.clone();
    Host::start(move |request, number| change(request, number, part(&file, request))).await
}

/// A link as the engine reads it: through a cache.
async fn open(host: &Host) -> Result<Arc<dyn ByteSource>> {
    open_with(host, &HttpSourceConfig::default()).await
}

/// With a request for every part, where requests are counted.
async fn open_by_parts(host: &Host) -> Result<Arc<dyn ByteSource>> {
    open_with(host, &HttpSourceConfig { goes_on: false, ..HttpSourceConfig::default() }).await
}

async fn open_with(host: &Host, config: &HttpSourceConfig) -> Result<Arc<dyn ByteSource>> {
    let link = HttpSource::open(&host.client(), host.url("/film"), &[], config).await?;
    Ok(cached(link, &BlockCache::new(BlockCacheConfig::default())))
}

fn cached(link: HttpSource, cache: &Arc<BlockCache>) -> Arc<dyn ByteSource> {
    Arc::new(CachedSource::new(Arc::new(link), cache.clone()))
}

async fn segment(rendition: &Arc<dyn Rendition>, index: usize) -> Result<Vec<u8>> {
    rendition.segment(index as u32).await?.into_bytes().await.map(|bytes| bytes.to_vec())
}

/// All segments of all renditions, as one viewer asks for them: segment by segment, each of all renditions.
async fn played(presentation: &Arc<dyn Presentation>) -> Result<Vec<Vec<Vec<u8>>>> {
    let renditions = presentation.renditions();
    let count = |rendition: &Arc<dyn Rendition>| rendition.info().segment_durations_s.len();
    let mut all = vec![Vec::new(); renditions.len()];
    for index in 0..renditions.iter().map(count).max().unwrap_or(0) {
        for (at, rendition) in renditions.iter().enumerate().filter(|(_, rendition)| index < count(rendition)) {
            all[at].push(segment(rendition, index).await?);
        }
    }
    Ok(all)
}

/// A film, and what a viewer gets of it from disk.
struct Film {
    bytes: Arc<Vec<u8>>,
    segments: Vec<Vec<Vec<u8>>>,
}

/// One of each container.
async fn films() -> Vec<(&'static str, Film)> {
    let workshop = Workshop::new();
    let mut films = Vec::new();
    for name in ["film.mp4", "film.mkv"] {
        let path = make_film(&workshop, name);
        let segments = played(&present(source(&path).await).await.unwrap()).await.unwrap();
        assert_eq!(segments.len(), 4, "{name}: pictures, two of sound, text");
        let bytes = Arc::new(std::fs::read(&path).unwrap());
        assert!(bytes.len() as u64 > 16 * MB, "{name}: {} bytes", bytes.len());
        films.push((name, Film { bytes, segments }));
    }
    films
}

impl Film {
    /// Plays the film from a source that reads it from a host, and holds what comes to the undisturbed run.
    async fn plays_from(&self, source: Arc<dyn ByteSource>, what: &str) {
        let playing = async {
            let presentation = present(source).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            played(&presentation).await.unwrap_or_else(|error| panic!("{what}: {error}"))
        };
        let segments = tokio::time::timeout(LONGEST, playing).await.unwrap_or_else(|_| panic!("{what}: too long"));
        assert!(segments == self.segments, "{what}: other bytes");
    }
}

/// Goal (must-show 5): a link that dies at 20 places in the middle of a film, a host that answers 429 twice, and one that grants two
/// connections or only one: what a viewer gets is, byte for byte, the undisturbed run. And what it costs is known: a request for each
/// connection that died.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disturbed_film_is_the_same_film() {
    for (name, film) in films().await {
        let size = film.bytes.len() as u64;

        let deaths: BTreeSet<u64> = (1..=20).map(|n| MB + (size - 2 * MB) * n / 21 + n * 7).collect();
        let left = Arc::new(Mutex::new(deaths));
        let dies = left.clone();
        let host = host_of(&film.bytes, move |request, _, answer| {
            let range = asked(request, size).unwrap();
            let mut left = dies.lock().unwrap();
            let Some(&death) = left.range(range.start + 1..range.end).next() else { return answer };
            left.remove(&death);
            Answer { cut_after: Some((death - range.start) as usize), ..answer }
        })
        .await;
        film.plays_from(open(&host).await.unwrap(), &format!("{name} from a link that dies")).await;
        assert!(left.lock().unwrap().is_empty(), "{name}: not all of the deaths were met: {left:?}");
        let count = host.seen().len();
        assert!(count <= 20 + 8, "{name}: {count} requests");

        for (retry_after, least) in [("1", Duration::from_secs(1)), ("0", Duration::ZERO)] {
            let host = host_of(&film.bytes, move |_, number, answer| match number {
                3 | 4 => Answer::new(429, "").header("retry-after", retry_after),
                _ => answer,
            })
            .await;
            let began = Instant::now();
            let source = open_by_parts(&host).await.unwrap();
            film.plays_from(source, &format!("{name} from a host that answers 429 twice")).await;
            assert!(host.seen().len() > 5 && began.elapsed() >= 2 * least, "{name}: {:?}", began.elapsed());
        }

        for (limit, status) in [(2, 503), (2, 429), (2, 0), (1, 503), (1, 429), (1, 0)] {
            let refused = Arc::new(AtomicUsize::new(0));
            let refusals = refused.clone();
            let host = host_of(&film.bytes, move |request, _, answer| match request.others {
                others if others < limit => answer,
                _ => {
                    refusals.fetch_add(1, Ordering::SeqCst);
                    Answer::new(status, "")
                }
            })
            .await;
            let what = format!("{name} from a host that grants {limit} and answers {status}");
            film.plays_from(open(&host).await.unwrap(), &what).await;
            let refused = refused.load(Ordering::SeqCst);
            assert!(refused <= 4, "{what}: refused {refused} times");
        }
    }
}

/// Goal (PACKAGING 5.7): a film that is played costs three requests beyond its opening, whatever its length: for the first segment, for sound
/// that reaches beyond it, and for all that follows. Nothing is fetched twice, and what comes next is there before it is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_that_is_played_costs_one_stream() {
    for (name, film) in films().await {
        let host = host_of(&film.bytes, |_, _, answer| answer).await;
        let link =
            HttpSource::open(&host.client(), host.url("/film"), &[], &HttpSourceConfig::default()).await.unwrap();
        let link = Arc::new(link);
        let source: Arc<dyn ByteSource> =
            Arc::new(CachedSource::new(link.clone(), BlockCache::new(BlockCacheConfig::default())));
        let presentation = present(source).await.unwrap();
        let opened = host.seen().len();
        let mut served = 0;
        for index in 0..film.segments[0].len() {
            for (rendition, expected) in presentation.renditions().iter().zip(&film.segments) {
                let before = link.stats();
                let bytes = segment(rendition, index).await.unwrap();
                assert!(bytes == expected[index], "{name}: segment {index}");
                served += bytes.len() as u64;
                if index > 2 {
                    assert_eq!(link.stats().request_count, before.request_count, "{name}: asked for segment {index}");
                }
            }
            // A viewer watches what he has: time in which the next one comes.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let seen = host.seen();
        assert!(
            seen.len() - opened <= 3,
            "{name}: {:?}",
            seen.iter().map(|one| one.header("range")).collect::<Vec<_>>()
        );
        let pulled = link.stats().read_bytes;
        assert!(
            pulled * 100 <= served * 102,
            "{name}: {pulled} bytes pulled for {served}: {:?}",
            seen.iter().map(|one| one.header("range")).collect::<Vec<_>>()
        );
    }
}

/// Goal: two viewers who pause hold both connections of a link; a third one opens the film and plays nevertheless, at once.
#[tokio::test]
async fn paused_viewers_keep_nobody_out() {
    let file: Arc<Vec<u8>> = Arc::new((0..128 * MB as u32).map(|n| (n ^ (n >> 11)) as u8).collect());
    let host = host_of(&file, |_, _, answer| answer).await;
    let cache = BlockCache::new(BlockCacheConfig::default());
    let (client, config) = (host.client(), HttpSourceConfig::default());
    let open = async || cached(HttpSource::open(&client, host.url("/film"), &[], &config).await.unwrap(), &cache);
    let mut paused = Vec::new();
    for (source, start) in [open().await, open().await].into_iter().zip([MB, 64 * MB]) {
        let mut stream = source.stream(ByteRange::new(start, start + 60 * MB));
        stream.next().await.unwrap().unwrap();
        paused.push(stream);
    }
    // Each has read as far ahead as it may, and waits for its viewer.
    let read_ahead = async {
        while cache.used_bytes() < 2 * 23 * MB {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONGEST, read_ahead).await.expect("both read ahead");
    let began = Instant::now();
    let read = open().await.read_at(ByteRange::new(110 * MB, 111 * MB)).await.unwrap().into_bytes();
    assert!(read == file[110 * MB as usize..111 * MB as usize]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for (mut stream, start) in paused.into_iter().zip([MB, 64 * MB]) {
        let mut at = start as usize + stream.next().await.unwrap().unwrap().len();
        while let Some(piece) = stream.next().await {
            at += piece.unwrap().len();
        }
        assert!(at as u64 > start + 59 * MB, "they play on");
    }
}

/// Goal: three viewers in three places of a link that grants two connections, and then one, all get their bytes; nobody waits until another
/// has seen his film, and the host never sees more than it grants.
///
/// Viewers look at a pace, as players do: read as fast as the loopback brings it, a film is over before a host that refused has been
/// asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_take_turns_on_a_link() {
    const BYTES_PER_SECOND: f64 = 15e6;
    let file: Arc<Vec<u8>> = Arc::new((0..96 * MB as u32).map(|n| (n ^ (n >> 11)) as u8).collect());
    for limit in [2, 1] {
        let host = host_of(&file, move |request, _, answer| match request.others < limit {
            true => answer,
            false => Answer::new(503, ""),
        })
        .await;
        let source = open(&host).await.unwrap();
        let finished = AtomicUsize::new(0);
        let viewers = (0..3_u64).map(|n| {
            let (source, file, finished) = (source.clone(), &file, &finished);
            async move {
                let range = ByteRange::with_len(n * 32 * MB + MB, 30 * MB);
                let mut stream = source.stream(range);
                let mut at = range.start as usize;
                let mut first = None;
                while let Some(piece) = stream.next().await {
                    let piece = piece.unwrap();
                    assert!(piece == file[at..at + piece.len()]);
                    at += piece.len();
                    first.get_or_insert_with(|| finished.load(Ordering::SeqCst));
                    tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / BYTES_PER_SECOND)).await;
                }
                assert_eq!(at as u64, range.end);
                finished.fetch_add(1, Ordering::SeqCst);
                first
            }
        });
        let firsts = tokio::time::timeout(LONGEST, join_all(viewers)).await.expect("nobody waits for ever");
        assert!(firsts.iter().all(|first| *first == Some(0)), "limit {limit}: {firsts:?} had finished before");
        let refused = host.seen().iter().filter(|request| request.others >= limit).count();
        // A host may take a moment to notice that a connection was left.
        assert!(refused <= host.seen().len() / 2, "limit {limit}: refused {refused} times");
        // Turns are short while viewers are comfortable, and yet each brings a megabyte and more.
        assert!(host.seen().len() as u64 * MB <= file.len() as u64, "limit {limit}: {} requests", host.seen().len());
    }
}

/// Goal: a host that grants one connection opens like any other. The reply that brought the head, and goes on, once kept its connection
/// from the request for the tail until that had waited half a minute for it.
#[tokio::test]
async fn the_head_does_not_keep_the_tail_waiting() {
    let file: Arc<Vec<u8>> = Arc::new((0..32 * MB as u32).map(|n| (n ^ (n >> 11)) as u8).collect());
    let is_first = AtomicBool::new(true);
    let is_tail = |request: &Seen| request.header("range").is_some_and(|range| range.starts_with("bytes=-"));
    let host =
        host_of(&file, move |request, _, answer| match is_tail(request) && is_first.swap(false, Ordering::SeqCst) {
            true => Answer::new(503, ""),
            false => answer,
        })
        .await;
    open(&host).await.unwrap();
    // Who waits in vain gives the tail up, and asks for it later as for any other part.
    assert_eq!(host.seen().iter().filter(|request| is_tail(request)).count(), 2);
}

/// Goal: a host that ignores ranges, caps its parts, or gives another file halfway: the film, or one error that says what is wrong; and
/// no more than a few requests for it.
#[tokio::test]
async fn case_37_hosts_that_ignore_ranges_cap_parts_or_change_the_file() {
    let (name, film) = films().await.remove(0);
    let size = film.bytes.len();
    // Parts of at most 1 MB, as some hosts cap them.
    let host = host_of(&film.bytes, move |request, _, mut answer| {
        let range = asked(request, size as u64).unwrap();
        let end = (range.start + MB).min(range.end);
        answer.body.truncate((end - range.start) as usize);
        answer.headers.retain(|(name, _)| name != "content-range");
        answer.header("content-range", format!("bytes {}-{}/{size}", range.start, end - 1))
    })
    .await;
    film.plays_from(open(&host).await.unwrap(), "capped parts").await;
    assert!(host.seen().len() <= size / MB as usize + 8, "{} requests", host.seen().len());

    // Ranges ignored: small enough to be read whole. Later refused to a film that is open.
    let host = host_of(&film.bytes, |_, _, answer| answer).await;
    let whole = film.bytes.clone();
    let ignores = Host::start(move |_, _| Answer::new(200, whole.to_vec())).await;
    film.plays_from(open(&ignores).await.unwrap(), "ranges ignored").await;
    drop(host);

    type Bend = fn(Answer, usize) -> Answer;
    let bends: [(&str, ErrorKind, Bend); 5] = [
        ("ranges ignored halfway", ErrorKind::Unsupported, |_, size| {
            Answer::new(200, vec![7; size]).header("etag", "\"film\"")
        }),
        ("another tag", ErrorKind::SourceChanged, |mut answer, _| {
            answer.headers.retain(|(name, _)| name != "etag");
            answer.header("etag", "\"other\"")
        }),
        ("another size", ErrorKind::SourceChanged, |mut answer, size| {
            let (_, value) = answer.headers.iter_mut().find(|(name, _)| name == "content-range").unwrap();
            *value = value.replace(&format!("/{size}"), &format!("/{}", size + 1));
            answer
        }),
        ("all of another file", ErrorKind::SourceChanged, |_, size| {
            Answer::new(200, vec![7; size + 5]).header("etag", "\"other\"")
        }),
        ("shorter than the part", ErrorKind::SourceChanged, |_, _| {
            Answer::new(416, "").header("content-range", "bytes */1000")
        }),
    ];
    for (what, kind, bend) in bends {
        let halfway = size as u64 / 2;
        let host = host_of(&film.bytes, move |request, _, answer| {
            let range = asked(request, size as u64).unwrap();
            match range.start {
                start if start >= halfway && range.end < size as u64 - MB => bend(answer, size),
                start if start >= halfway && start < size as u64 - MB => bend(answer, size),
                start if start < halfway && range.end > halfway => {
                    Answer { cut_after: Some((halfway - range.start) as usize), ..answer }
                }
                _ => answer,
            }
        })
        .await;
        let presentation = present(open(&host).await.unwrap()).await.unwrap();
        let pictures = &presentation.renditions()[0];
        let (mut good, mut errors) = (0, Vec::new());
        for (index, expected) in film.segments[0].iter().enumerate() {
            let before = host.seen().len();
            match segment(pictures, index).await {
                Ok(bytes) => {
                    assert!(bytes == *expected, "{name}, {what}: segment {index} has other bytes");
                    good += 1;
                }
                Err(error) => errors.push(error.kind()),
            }
            let count = host.seen().len() - before;
            assert!(count <= 4, "{name}, {what}: {count} requests for segment {index}");
        }
        assert!(good >= 1, "{name}, {what}: the first half is good");
        assert!(!errors.is_empty() && errors.iter().all(|error| *error == kind), "{name}, {what}: {errors:?}");
    }
}

/// A service that gives links of the form `/link-1`, `/link-2`, …
#[derive(Debug)]
struct Service {
    host: url::Url,
    given: AtomicUsize,
    lifetime: Option<Duration>,
    fails: bool,
}

impl Service {
    fn new(host: &Host) -> Self {
        Self { host: host.url("/"), given: AtomicUsize::new(1), lifetime: None, fails: false }
    }

    fn link(&self, number: usize) -> LeasedLink {
        LeasedLink {
            url: self.host.join(&format!("link-{number}?key=SECRET")).unwrap(),
            headers: Vec::new(),
            expires_at: self.lifetime.map(|lifetime| SystemTime::now() + lifetime),
        }
    }

    async fn open(self: &Arc<Self>, host: &Host) -> Result<Arc<dyn ByteSource>> {
        // The host counts what is asked for: all that it will ever give must not be gone with the first request.
        let config = HttpSourceConfig { goes_on: false, ..HttpSourceConfig::default() };
        let link = self.link(1);
        assert!(!format!("{link:?}").contains("SECRET"));
        let source = HttpSource::open_leased(&host.client(), link, self.clone(), "film", &config).await?;
        Ok(cached(source, &BlockCache::new(BlockCacheConfig::default())))
    }

    fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Lease for Service {
    async fn renew(&self, _call: &Call) -> Result<LeasedLink> {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        // Long enough for others to come meanwhile.
        tokio::time::sleep(Duration::from_millis(50)).await;
        match self.fails {
            true => Err(Error::new(ErrorKind::AccountLimit, "renew link").advise("the account is used up")),
            false => Ok(self.link(number)),
        }
    }
}

fn number_of(request: &Seen) -> usize {
    request.path.trim_start_matches("/link-").split('?').next().unwrap().parse().unwrap()
}

/// Goal: a link that redirects to an address with an end is followed anew when that has ended; a busy host is asked again when it says;
/// and a link that has ended for good is had anew from its service: once for all who read, on at the same byte, and only if it is the
/// same file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_38_links_that_end_and_hosts_that_are_busy() {
    let films = films().await;
    for (name, film) in &films {
        let size = film.bytes.len() as u64;
        // A redirect to an address that serves four requests, and breaks off each of them.
        let (bytes, signed) = (film.bytes.clone(), Arc::new(AtomicUsize::new(0)));
        let host = Host::start(move |request, _| match request.path.strip_prefix("/signed/") {
            None => Answer::new(302, "").header("location", format!("/signed/{}", signed.load(Ordering::SeqCst) / 4)),
            Some(token) if token.parse::<usize>().unwrap() != signed.load(Ordering::SeqCst) / 4 => Answer::new(403, ""),
            Some(_) => {
                signed.fetch_add(1, Ordering::SeqCst);
                let answer = part(&bytes, request);
                Answer { cut_after: Some(answer.body.len().min(3_000_000)), ..answer }
            }
        })
        .await;
        film.plays_from(open(&host).await.unwrap(), &format!("{name} behind redirects that end")).await;

        // Every link dies for good after 5 MB, and says so in one way or another; each host calls the file by another tag.
        for (status, is_html) in [(401, false), (403, false), (404, false), (410, false), (200, true)] {
            let served = Arc::new(Mutex::new((1, 0_u64)));
            let bytes = film.bytes.clone();
            let host = Host::start(move |request, _| {
                let mut served = served.lock().unwrap();
                let number = number_of(request);
                if number > served.0 {
                    *served = (number, 0);
                }
                if number < served.0 || served.1 >= 5 * MB {
                    let answer = Answer::new(status, "<html>gone</html>");
                    return if is_html { answer.header("content-type", "text/html") } else { answer };
                }
                let mut answer = part(&bytes, request);
                answer.headers.retain(|(name, _)| name != "etag");
                let len = (answer.body.len() as u64).min(5 * MB - served.1.min(5 * MB)).max(1);
                served.1 += len;
                answer.cut_after = Some(len as usize);
                answer.header("etag", format!("\"{number}\""))
            })
            .await;
            let service = Arc::new(Service::new(&host));
            // The cool-down between two renewals is for links that do not work at all; here a film is read faster than it is played.
            let source = service.open(&host).await.unwrap();
            let what = format!("{name} from links that end with {status}");
            let at = size / 3;
            let reads = (0..6).map(|n| source.read_at(ByteRange::with_len(at + n * 100, 6 * MB)));
            for (n, read) in join_all(reads).await.into_iter().enumerate() {
                let start = at as usize + n * 100;
                let read = read.unwrap_or_else(|error| panic!("{what}: {error}")).into_bytes();
                assert!(read == film.bytes[start..start + 6 * MB as usize], "{what}: other bytes");
            }
            assert_eq!(service.given(), 2, "{what}: one fresh link for all");
        }
    }
    let (_, film) = &films[0];
    let size = film.bytes.len() as u64;
    let range = ByteRange::new(size / 2, size / 2 + 1000);

    // A fresh link to another file: as long, with the same head; longer; and none at all.
    let mut other_tail = film.bytes.to_vec();
    *other_tail.last_mut().unwrap() ^= 1;
    let longer = [&film.bytes[..], &[0]].concat();
    for (what, other) in [("another tail", other_tail), ("another length", longer)] {
        let bytes = film.bytes.clone();
        let host = Host::start(move |request, number| match number_of(request) {
            1 if number < 2 => part(&bytes, request),
            1 => Answer::new(410, ""),
            number => {
                let mut answer = part(&other, request);
                answer.headers.retain(|(name, _)| name != "etag");
                answer.header("etag", format!("\"{number}\""))
            }
        })
        .await;
        let service = Arc::new(Service::new(&host));
        let source = service.open(&host).await.unwrap();
        assert_eq!(source.read_at(range).await.unwrap_err().kind(), ErrorKind::SourceChanged, "{what}");
        let count = host.seen().len();
        assert!(source.read_at(range).await.is_err(), "{what}: not a byte of it");
        assert!(service.given() == 2 && host.seen().len() <= count + 1, "{what}: not asked for again so soon");
    }
    for (fails, kind) in [(true, ErrorKind::AccountLimit), (false, ErrorKind::Forbidden)] {
        let bytes = film.bytes.clone();
        let host = Host::start(move |request, number| match number {
            0 | 1 => part(&bytes, request),
            _ => Answer::new(403, ""),
        })
        .await;
        let service = Arc::new(Service { fails, ..Service::new(&host) });
        let source = service.open(&host).await.unwrap();
        let mut kinds = Vec::new();
        for _ in 0..5 {
            kinds.push(source.read_at(range).await.unwrap_err().kind());
        }
        assert_eq!((kinds[0], service.given()), (kind, 2), "one fresh link, and none so soon after: {kinds:?}");
        assert!(host.seen().len() <= 8, "{} requests", host.seen().len());
    }

    // A link that is about to end is renewed before it does: no request is refused.
    let bytes = film.bytes.clone();
    let host = Host::start(move |request, _| part(&bytes, request)).await;
    let service = Arc::new(Service { lifetime: Some(Duration::from_secs(30)), ..Service::new(&host) });
    let source = service.open(&host).await.unwrap();
    let read = source.read_at(range).await.unwrap().into_bytes();
    assert!(read == film.bytes[range.start as usize..range.end as usize]);
    assert_eq!((service.given(), number_of(host.seen().last().unwrap())), (2, 2));
}

/// Goal: who leaves in the middle, jumps, or asks for several segments at once costs what he gets: no request for nobody, one for all who
/// wait, and reading goes on for who stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_39_viewers_who_leave_jump_and_ask_at_once() {
    for (name, film) in films().await {
        let host = host_of(&film.bytes, |_, _, answer| answer).await;
        let presentation = present(open(&host).await.unwrap()).await.unwrap();
        let pictures = presentation.renditions()[0].clone();
        let opened = host.seen().len();
        let count = film.segments[0].len();
        assert!(count >= 4, "{name}: {count} segments");

        // Twenty viewers ask for the same, and most of them leave in the middle.
        let viewers = (0..20).map(|n| {
            let pictures = pictures.clone();
            tokio::spawn(async move {
                let mut body = pictures.segment(1).await?.body;
                if n % 4 != 0 {
                    body.next().await;
                    return Ok(None);
                }
                let pieces: Vec<Bytes> = body.try_collect().await?;
                Ok::<_, Error>(Some(pieces.concat()))
            })
        });
        let mut stayed = 0;
        for viewer in join_all(viewers).await {
            let Some(bytes) = viewer.unwrap().unwrap() else { continue };
            assert!(bytes == film.segments[0][1], "{name}: segment 1");
            stayed += 1;
        }
        assert_eq!(stayed, 5);
        let seen = host.seen().len() - opened;
        assert!(seen <= 2, "{name}: {seen} requests for one segment");

        // A burst, in any order, and sound with it.
        let sound = presentation.renditions()[1].clone();
        let (pictures_ref, sound_ref) = (&pictures, &sound);
        let burst = [3, 2, 1].map(|index| async move {
            let (pictures, sound) = tokio::join!(segment(pictures_ref, index), segment(sound_ref, index));
            (index, pictures.unwrap(), sound.unwrap())
        });
        for (index, pictures, sound) in join_all(burst).await {
            assert!(pictures == film.segments[0][index] && sound == film.segments[1][index], "{name}: segment {index}");
        }
        let seen = host.seen().len() - opened;
        assert!(seen <= 6, "{name}: {seen} requests for a burst");

        // Jumps, each left at once for the next; then the film.
        for index in [count - 1, 0, count / 2, 1] {
            if let Ok(mut segment) = pictures.segment(index as u32).await {
                segment.body.next().await;
            }
        }
        let segments = tokio::time::timeout(LONGEST, played(&presentation)).await.expect("the film ends").unwrap();
        assert!(segments == film.segments, "{name}: other bytes");
    }
}

/// Goal: offsets beyond 4 GiB, and 2^40, are asked for and read as they are.
/// Method: a host whose file is made up as it is asked for: each byte is a function of its offset.
#[tokio::test]
async fn case_41_links_beyond_four_gib() {
    fn byte(offset: u64) -> u8 {
        (offset ^ (offset >> 8) ^ (offset >> 32).wrapping_mul(31)) as u8
    }
    for size in [(5 << 30) + 12_345_u64, (1 << 40) + 7] {
        let host = Host::start(move |request, _| {
            let range = asked(request, size).unwrap();
            let end = range.end.min(range.start + MB);
            let body: Vec<u8> = (range.start..end).map(byte).collect();
            Answer::new(206, body)
                .header("content-range", format!("bytes {}-{}/{size}", range.start, end - 1))
                .header("etag", "\"large\"")
        })
        .await;
        let source = open(&host).await.unwrap();
        assert_eq!(source.size_bytes(), size);
        let border = 1 << 32;
        for start in [border - 5, border - MB - 1, border + 17, size - 600_000, size - 10, size / 2] {
            let range = ByteRange::new(start, (start + 300_000).min(size));
            let expected: Vec<u8> = (range.start..range.end).map(byte).collect();
            assert!(source.read_at(range).await.unwrap().into_bytes() == expected, "{start}");
            let pieces: Vec<Bytes> = source.clone().stream(range).try_collect().await.unwrap();
            assert!(pieces.concat() == expected, "{start}");
        }
        assert!(host.seen().len() <= 20, "{} requests", host.seen().len());
    }
}
