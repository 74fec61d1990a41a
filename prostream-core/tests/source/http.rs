//! Links whose hosts fail, redirect and lie.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prostream_core::Result;
use prostream_core::source::{HttpSource, HttpSourceConfig};

use super::support::{Answer, Host, Seen};
use super::*;

const ENDS: HttpSourceConfig = HttpSourceConfig { head_size: 100_000, tail_size: 50_000, goes_on: false };

/// The part that a request asks for, as a well-behaved host gives it.
fn part(file: &[u8], request: &Seen) -> Answer {
    let Some(range) = request.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
        return Answer::new(200, file).header("etag", "\"one\"");
    };
    let (first, last) = range.split_once('-').unwrap();
    let (start, end) = match first {
        "" => (file.len().saturating_sub(last.parse().unwrap()), file.len()),
        first => (first.parse().unwrap(), last.parse().map_or(file.len(), |last: usize| (last + 1).min(file.len()))),
    };
    if start >= end {
        return Answer::new(416, "").header("content-range", format!("bytes */{}", file.len()));
    }
    Answer::new(206, &file[start..end])
        .header("content-range", format!("bytes {start}-{}/{}", end - 1, file.len()))
        .header("etag", "\"one\"")
        .header("content-type", "video/mp4")
}

fn is_suffix(request: &Seen) -> bool {
    request.header("range").is_some_and(|range| range.starts_with("bytes=-"))
}

async fn open(host: &Host) -> Result<Arc<dyn ByteSource>> {
    let source = HttpSource::open(&host.client(), host.url("/film?key=SECRET"), &[], &ENDS).await?;
    assert!(!format!("{source:?}").contains("SECRET"));
    Ok(Arc::new(source))
}

/// A host of `file` whose answers `change` bends.
async fn host_of(file: &[u8], change: impl Fn(&Seen, usize, Answer) -> Answer + Send + Sync + 'static) -> Host {
    let file = file.to_vec();
    Host::start(move |request, number| change(request, number, part(&file, request))).await
}

#[tokio::test]
async fn http_keeps_the_rules() {
    let file = film(FILM_SIZE);
    let host = host_of(&file, |_, _, answer| answer).await;
    keeps_the_rules(open(&host).await.unwrap(), &file).await;
    let source = open(&host).await.unwrap();
    keeps_the_rules(cached(source, 64 << 20), &file).await;
}

/// Goal: opening is one round trip of two requests, what it brought is not fetched again, and a read is one request.
#[tokio::test]
async fn opening_brings_head_and_tail() {
    let file = film(FILM_SIZE);
    let host = host_of(&file, |_, _, answer| answer).await;
    let source = open(&host).await.unwrap();
    assert_eq!(host.seen().len(), 2);
    assert_eq!(source.at_hand().len(), 150_000);
    source.read_at(ByteRange::new(10, 100_000)).await.unwrap();
    source.read_at(ByteRange::new(FILM_SIZE as u64 - 50_000, FILM_SIZE as u64)).await.unwrap();
    assert_eq!(source.stats().request_count, 2);
    let read = source.read_at(ByteRange::new(99_000, 2_000_000)).await.unwrap();
    assert!(read.into_bytes() == file[99_000..2_000_000]);
    assert_eq!(source.stats().request_count, 3);
    let last = host.seen().pop().unwrap();
    assert_eq!(last.header("range"), Some("bytes=100000-1999999"));
    assert_eq!(last.header("if-range"), Some("\"one\""));
    assert_eq!(source.stats().read_bytes, 150_000 + 1_900_000);
}

/// Goal: who goes on behind the head reads on from the first request, again and again; who jumps leaves it to others; a reply that its host
/// has given up meanwhile is asked for again at the same byte.
#[tokio::test]
async fn the_first_request_goes_on() {
    let file = film(FILM_SIZE);
    let goes_on = HttpSourceConfig { goes_on: true, ..ENDS };
    let host = host_of(&file, |_, _, answer| answer).await;
    let open = async |host: &Host| HttpSource::open(&host.client(), host.url("/film"), &[], &goes_on).await.unwrap();
    let read = async |source: &HttpSource, from: usize, to: usize| {
        let bytes = source.read_at(ByteRange::new(from as u64, to as u64)).await.unwrap().into_bytes();
        assert!(bytes == file[from..to], "{from} to {to}");
    };
    let source = open(&host).await;
    assert_eq!(source.at_hand().len(), 150_000);
    assert!(host.seen().iter().any(|request| request.header("range") == Some("bytes=0-")));
    for (from, to) in [(90_000, 300_000), (300_000, 300_001), (1_000_000, 1_000_100), (300_001, 900_000)] {
        read(&source, from, to).await;
    }
    assert_eq!(source.stats().request_count, 3, "one for the jump");
    assert_eq!(source.stats().read_bytes, 150_000 + 200_000 + 1 + 100 + 599_999);

    // Two jumps at once take both connections.
    tokio::join!(read(&source, 1_200_000, 1_300_000), read(&source, 1_400_000, 1_500_000));
    read(&source, 900_000, 1_000_000).await;
    assert!(source.stats().request_count <= 6, "{:?}", source.stats());

    // Hosts that close what rests.
    let cut = Host::start({
        let file = file.clone();
        move |request, number| {
            let answer = part(&file, request);
            if number < 2 && !is_suffix(request) { Answer { cut_after: Some(120_000), ..answer } } else { answer }
        }
    })
    .await;
    let source = open(&cut).await;
    read(&source, 90_000, 300_000).await;
    assert_eq!(source.stats().request_count, 3);
}

/// Goal: a reply that nobody reads for ten seconds is let go; who comes later asks at the same byte.
#[tokio::test]
async fn a_reply_that_rests_is_let_go() {
    let file = film(FILM_SIZE);
    let goes_on = HttpSourceConfig { goes_on: true, ..ENDS };
    let host = host_of(&file, |_, _, answer| answer).await;
    for (rest_s, request_count) in [(9, 2), (11, 3)] {
        let source = HttpSource::open(&host.client(), host.url("/film"), &[], &goes_on).await.unwrap();
        // Whoever looks at the clock must have begun, and gets the time to see it.
        tokio::task::yield_now().await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(rest_s)).await;
        tokio::task::yield_now().await;
        tokio::time::resume();
        let read = source.read_at(ByteRange::new(100_000, 200_000)).await.unwrap();
        assert!(read.into_bytes() == file[100_000..200_000]);
        assert_eq!(source.stats().request_count, request_count, "{rest_s} s");
    }
}

/// Goal: a file no longer than the head is read once; an empty one is empty.
#[tokio::test]
async fn small_files_are_read_once() {
    for len in [1, 49_999, 50_000, 99_999, 100_000, 100_001] {
        let file = film(len);
        let host = host_of(&file, |_, _, answer| answer).await;
        let source = open(&host).await.unwrap();
        assert!(source.read_at(ByteRange::new(0, len as u64)).await.unwrap().into_bytes() == file);
        assert!(host.seen().len() <= 2, "{len}");
    }
}

/// Goal: hosts that do not know suffix ranges, or send everything, serve the same bytes where they can.
#[tokio::test]
async fn hosts_without_suffix_or_ranges_are_served_by_other_means() {
    let file = film(FILM_SIZE);
    for status in [400, 416, 429, 501] {
        let host = host_of(&file, move |request, _, answer| match is_suffix(request) {
            true => Answer::new(status, ""),
            false => answer,
        })
        .await;
        gives_back_the_file(open(&host).await.unwrap(), &file).await;
    }
    let whole = file.clone();
    let host = Host::start(move |_, _| Answer::new(200, whole.clone())).await;
    let source = open(&host).await.unwrap();
    let requests = host.seen().len();
    gives_back_the_file(source, &file).await;
    assert_eq!(host.seen().len(), requests, "it lies in memory");
    // Too long to be read whole; the body that follows does not matter.
    let host = Host::start(|_, _| Answer {
        claimed_length: Some(65 << 20),
        cut_after: Some(200_000),
        ..Answer::new(200, vec![0; 200_001])
    })
    .await;
    assert_eq!(open(&host).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

/// Goal: wherever a connection breaks, the bytes are those of the undisturbed run.
/// Method: one read for each of 20 offsets at which its first reply ends: by a broken connection, or by a part that is shorter than asked.
#[tokio::test]
async fn a_cut_connection_is_resumed_at_the_exact_byte() {
    let file = film(600_000);
    for cut in 0..20_usize {
        let at = cut * 20_000 + cut;
        let host = host_of(&file, move |_, number, answer| match number {
            2 if cut % 2 == 0 => Answer { cut_after: Some(at), ..answer },
            2 => Answer::new(206, &answer.body[..at])
                .header("content-range", format!("bytes 110000-{}/600000", 110_000 + at - 1)),
            _ => answer,
        })
        .await;
        let source = open(&host).await.unwrap();
        let range = ByteRange::new(110_000, 540_000);
        let read = source.read_at(range).await.unwrap();
        assert!(read.into_bytes() == file[110_000..540_000], "cut at {at}");
        assert_eq!(source.stats().request_count, 4, "cut at {at}");
        let resumed = host.seen().pop().unwrap();
        assert_eq!(resumed.header("range").unwrap(), format!("bytes={}-539999", 110_000 + at));
    }
}

/// Goal: a host that caps its parts, or breaks after each, is read to the end; one that serves nothing is given up.
#[tokio::test]
async fn resumption_goes_on_while_bytes_come() {
    let file = film(600_000);
    let host = host_of(&file, |_, _, answer| Answer { cut_after: Some(40_000), ..answer }).await;
    gives_back_the_file(open(&host).await.unwrap(), &file).await;
    let (whole, count) = (file.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    let host = Host::start(move |request, number| match number {
        0 | 1 => part(&whole, request),
        _ => {
            counted.fetch_add(1, Ordering::Relaxed);
            Answer::hang_up()
        }
    })
    .await;
    let source = open(&host).await.unwrap();
    let error = source.read_at(ByteRange::new(200_000, 300_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // The first try and three more; the connector itself tries a kept connection once more.
    assert!((4..=5).contains(&count.load(Ordering::Relaxed)), "{count:?}");
}

/// Goal: a wait that the host asks for is kept when it is short, and an error when it is long.
#[tokio::test]
async fn retry_after_is_obeyed_within_limits() {
    let file = film(600_000);
    for (wait, is_fine) in [("0", true), ("11", false)] {
        let host = host_of(&file, move |_, number, answer| match number {
            2 => Answer::new(429, "").header("retry-after", wait),
            _ => answer,
        })
        .await;
        match open(&host).await.unwrap().read_at(ByteRange::new(200_000, 300_000)).await {
            Ok(read) => assert!(is_fine && read.into_bytes() == file[200_000..300_000]),
            Err(error) => {
                assert_eq!((error.kind(), is_fine), (ErrorKind::RateLimited, false));
                assert_eq!(error.retry_after(), Some(Duration::from_secs(11)));
            }
        }
    }
}

/// Goal: another file, another part or something else than media is never read as if it were the file.
#[tokio::test]
async fn replies_that_are_not_the_file_are_errors() {
    let file = film(600_000);
    let other_size =
        |answer: Answer| Answer { headers: Vec::new(), ..answer }.header("content-range", "bytes 200000-299999/600001");
    type Bend = Box<dyn Fn(Answer) -> Answer + Send + Sync>;
    let html =
        || -> Bend { Box::new(|_| Answer::new(200, "<html>").header("content-type", "Text/HTML; charset=utf-8")) };
    let cases: Vec<(&str, Bend, ErrorKind)> = vec![
        (
            "tag",
            Box::new(|mut answer| {
                answer.headers.retain(|(name, _)| name != "etag");
                answer.header("etag", "\"two\"")
            }),
            ErrorKind::SourceChanged,
        ),
        ("size", Box::new(other_size), ErrorKind::SourceChanged),
        ("whole", Box::new(|_| Answer::new(200, film(600_000)).header("etag", "\"two\"")), ErrorKind::SourceChanged),
        ("416", Box::new(|_| Answer::new(416, "")), ErrorKind::SourceChanged),
        ("no ranges", Box::new(|_| Answer::new(200, film(600_000)).header("etag", "\"one\"")), ErrorKind::Unsupported),
        (
            "start",
            Box::new(|answer| {
                Answer { headers: Vec::new(), ..answer }.header("content-range", "bytes 200001-299999/600000")
            }),
            ErrorKind::Malformed,
        ),
        ("no range", Box::new(|answer| Answer { headers: Vec::new(), ..answer }), ErrorKind::Malformed),
        ("gzip", Box::new(|answer| answer.header("content-encoding", "gzip")), ErrorKind::Malformed),
        ("html", html(), ErrorKind::Unavailable),
        ("401", Box::new(|_| Answer::new(401, "")), ErrorKind::Unauthorized),
        ("403", Box::new(|_| Answer::new(403, "")), ErrorKind::Forbidden),
        ("404", Box::new(|_| Answer::new(404, "")), ErrorKind::NotFound),
        ("410", Box::new(|_| Answer::new(410, "")), ErrorKind::NotFound),
    ];
    for (name, bend, kind) in cases {
        let host = host_of(&file, move |_, number, answer| if number < 2 { answer } else { bend(answer) }).await;
        let source = open(&host).await.unwrap();
        let error = source.read_at(ByteRange::new(200_000, 300_000)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
    }
    for (bend, kind) in [(html(), ErrorKind::Unavailable), (Box::new(|_| Answer::new(404, "")), ErrorKind::NotFound)] {
        let host = host_of(&file, move |_, _, answer| bend(answer)).await;
        assert_eq!(open(&host).await.unwrap_err().kind(), kind);
    }
    let host = host_of(&file, |request, _, answer| match is_suffix(request) {
        true => Answer { headers: Vec::new(), ..answer }.header("content-range", "bytes 550001-600000/600001"),
        false => answer,
    })
    .await;
    assert_eq!(open(&host).await.unwrap_err().kind(), ErrorKind::SourceChanged);
}

/// Goal: a host that answers every condition with the whole file is read without conditions.
#[tokio::test]
async fn a_host_that_misreads_if_range_is_asked_without() {
    let file = film(600_000);
    let whole = file.clone();
    let host = host_of(&file, move |request, _, answer| match request.header("if-range") {
        Some(_) => Answer::new(200, whole.clone()).header("etag", "\"one\""),
        None => answer,
    })
    .await;
    gives_back_the_file(open(&host).await.unwrap(), &file).await;
    assert_eq!(host.seen().iter().filter(|request| request.header("if-range").is_some()).count(), 1);
}

/// Goal: however many read, a link sees two requests at a time.
/// Method: bodies that do not come while five read; whoever sent a third request would be seen.
#[tokio::test]
async fn a_link_has_two_connections() {
    let file = film(600_000);
    let host = host_of(&file, |_, number, answer| match number {
        0 | 1 => answer,
        _ => Answer { pause: Duration::from_secs(600), ..answer },
    })
    .await;
    let source = open(&host).await.unwrap();
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..5 {
        let source = source.clone();
        readers.spawn(async move { source.read_at(ByteRange::with_len(200_000 + n, 10)).await });
    }
    let all_are_there = async {
        while host.seen().len() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_are_there).await.expect("two readers get a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(host.seen().len(), 4);
}

/// Goal: where redirects ended is asked directly, without what was meant for the first host, until it refuses; then the original
/// leads on.
#[tokio::test]
async fn the_final_address_is_kept_until_it_refuses() {
    let file = film(600_000);
    let whole = file.clone();
    let host = Host::start(move |request, number| match request.path.as_str() {
        "/film?key=SECRET" if number < 4 => Answer::new(302, "").header("location", "/old"),
        "/film?key=SECRET" => Answer::new(302, "").header("location", "/new"),
        "/old" if number >= 5 => Answer::new(410, ""),
        _ => part(&whole, request),
    })
    .await;
    let source = open(&host).await.unwrap();
    source.read_at(ByteRange::new(200_000, 200_001)).await.unwrap();
    let read = source.read_at(ByteRange::new(200_000, 300_000)).await.unwrap();
    assert!(read.into_bytes() == file[200_000..300_000]);
    let paths: Vec<String> = host.seen().into_iter().skip(4).map(|request| request.path).collect();
    assert_eq!(paths, ["/old", "/old", "/film?key=SECRET", "/new"]);
}
