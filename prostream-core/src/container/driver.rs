use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::sync::Check;
use super::{Layout, MAX_OPEN_BYTES, MAX_OPEN_ROUNDS, MediaIndex, Step, matroska, mp4};
use crate::model::{ByteRange, Extents};
use crate::source::{ByteSource, END_SIZE};
use crate::{Error, ErrorKind, Result};

/// Most reads of one file at the same time.
const MAX_PARALLEL_READS: usize = 4;
/// The same of an MP4 file on this machine, where a round costs microseconds and none is done twice: enough to walk over the fragments of a day.
const MAX_LOCAL_ROUNDS: u32 = 65_536;
/// Enough of the start to know the container: three packets of an MPEG transport stream.
const MAGIC_SIZE: u64 = 3 * 192;

/// How much is read at each place of a local file that is searched for keyframes, in bytes: the head of a cluster and of its first frame.
const SCAN_WINDOW_BYTES: u64 = 4 * 1024;
/// The same of a link, at most: what lies between two places is cheaper to read than another request, up to here.
const MAX_SCAN_WINDOW_BYTES: u64 = 256 * 1024;
/// Most reads of a local file that is searched while somebody waits: ten hours of clusters, and a short file block by block …
const MAX_OPEN_SCAN_READS: u64 = 200_000;
/// … and longest time for it.
const MAX_OPEN_SCAN_TIME: Duration = Duration::from_secs(10);
/// A read that takes this long comes from no disk: a folder that is mounted over the network looks like one …
const SLOW_READ_TIME: Duration = Duration::from_millis(30);
/// … and is given up after so many.
const MAX_SLOW_READS: u32 = 100;
/// How many sync points of a local file are looked at in one go …
const LOOK_BATCH: usize = 128;
/// … in how many rounds of reads, of which the usual file needs two, and one whose Cues do not say where in a cluster as many as there are blocks
/// in front …
const MAX_LOOK_ROUNDS: u32 = 64;
/// … and how long that may take in all. What was not seen by then is believed.
const MAX_LOOK_TIME: Duration = Duration::from_secs(3);
/// Most reads of a file that is searched while nobody waits.
const MAX_SCAN_READS: u64 = 16_000_000;
/// Most bytes of a search that are kept before they are forgotten.
const MAX_SCAN_HELD_BYTES: u64 = 1024 * 1024;

/// Reads the index of a file: recognises the container by its first bytes, then fetches what its reader asks for.
///
/// A usual MP4 or Matroska file needs nothing beyond the head and tail that an HTTP source brings along from opening. A large Matroska file
/// without Cues is searched for its keyframes where it lies on this machine, as long as that does not take long; where that is left undone, the answer is an index whose
/// cuts are a [grid of times](MediaIndex::grid_gop), and [`complete`] makes a better one.
///
/// Sync points are not believed without a look (PACKAGING 5.4): where their pictures are at hand, and in a local file at some that are spread over
/// it, at all of them where one of these is none.
///
/// # Errors
/// `Unsupported` for a container that is not packaged (named in the detail), `Malformed` and `LimitExceeded` for broken or hostile
/// files, and what the source answers.
/// # Cancel safety
/// Safe to drop at any point.
pub async fn open(source: &Arc<dyn ByteSource>) -> Result<MediaIndex> {
    let (have, fetched_bytes) = read_ends(source).await?;
    let first = have.bytes(ByteRange::with_len(0, MAGIC_SIZE.min(source.size_bytes()))).unwrap_or_default();
    let size_bytes = source.size_bytes();
    let ends = have.clone();
    let mut index = match recognise(&first) {
        Kind::Mp4 => read_mp4(source, have, fetched_bytes).await?,
        Kind::Matroska => {
            let reader = |have: &Extents| matroska::read_index(size_bytes, have);
            read_index(source, have, fetched_bytes, MAX_OPEN_ROUNDS, reader).await?
        }
        Kind::Other { name, advice } => {
            return Err(Error::new(ErrorKind::Unsupported, "open file").detail(name).advise(advice));
        }
    };
    check_sync_points(source, &ends, &mut index).await;
    if (index.grid_gop().is_some() || index.has_false_cues()) && source.is_local() {
        let search = search(source, &index, MAX_OPEN_SCAN_READS, MAX_SLOW_READS);
        // What takes too long, or comes to nothing, leaves the index that is there.
        if let Ok(Ok(Some(complete))) = tokio::time::timeout(MAX_OPEN_SCAN_TIME, search).await {
            return Ok(complete);
        }
    }
    Ok(index)
}

/// Looks at sync points, and takes what was seen into the index. What cannot be looked at is believed.
async fn check_sync_points(source: &Arc<dyn ByteSource>, ends: &Extents, index: &mut MediaIndex) {
    let started = Instant::now();
    for mut check in Check::all_of(index) {
        let near = check.near(index, ends);
        check.look(index, &near, ends);
        if source.is_local() {
            let looks = look_around(source, ends, index, &mut check);
            // What was seen until then stays.
            let _ = tokio::time::timeout(MAX_LOOK_TIME.saturating_sub(started.elapsed()), looks).await;
        }
        check.apply(index);
    }
}

/// Looks at some sync points of a local file, and at all where that gives reason to: but for Matroska, whose clusters are searched then.
async fn look_around(source: &Arc<dyn ByteSource>, ends: &Extents, index: &MediaIndex, check: &mut Check) {
    let sample = check.sample();
    if look(source, ends, index, check, &sample).await.is_ok()
        && check.is_doubtful(index)
        && !matches!(index.layout, Layout::Matroska(_))
    {
        let unseen = check.unseen();
        // A place that cannot be read is the affair of whoever plays it.
        let _ = look(source, ends, index, check, &unseen).await;
    }
}

async fn look(
    source: &Arc<dyn ByteSource>,
    ends: &Extents,
    index: &MediaIndex,
    check: &mut Check,
    wanted: &[usize],
) -> Result<()> {
    for batch in wanted.chunks(LOOK_BATCH) {
        let mut have = ends.clone();
        for _ in 0..MAX_LOOK_ROUNDS {
            let missing = check.look(index, batch, &have);
            if missing.is_empty() {
                break;
            }
            read_missing(source, &mut have, &missing, 0).await?;
        }
    }
    Ok(())
}

/// The index of the same file with the keyframes that its clusters show, each looked at: for a file whose index is a
/// [grid of times](MediaIndex::grid_gop), or whose Cues were found to lie. `None` for a file that has no such thing.
///
/// Of MP4 all sync points are looked at; `None` where they are what they should be.
///
/// It takes a small read for each cluster or sync point, some thousands for a film: for the background, and for the next time that the file is
/// opened. Segments of the two indexes must not be mixed.
///
/// # Errors
/// `LimitExceeded` for a file with more keyframes than are kept; what the source answers.
/// # Cancel safety
/// Safe to drop at any point: what was found until then is lost.
pub async fn complete(source: &Arc<dyn ByteSource>, index: &MediaIndex) -> Result<Option<MediaIndex>> {
    if matches!(index.layout, Layout::Matroska(_)) {
        return search(source, index, MAX_SCAN_READS, u32::MAX).await;
    }
    let (ends, fetched_bytes) = read_ends(source).await?;
    let mut complete = read_mp4(source, ends.clone(), fetched_bytes).await?;
    let mut has_false = false;
    for mut check in Check::all_of(&complete) {
        let all = check.unseen();
        look(source, &ends, &complete, &mut check, &all).await?;
        has_false |= check.has_false();
        check.apply(&mut complete);
    }
    Ok(has_false.then_some(MediaIndex { is_completed: true, ..complete }))
}

async fn read_mp4(source: &Arc<dyn ByteSource>, have: Extents, fetched_bytes: u64) -> Result<MediaIndex> {
    let mut reader = mp4::IndexReader::new(source.size_bytes());
    let max_rounds = if source.is_local() { MAX_LOCAL_ROUNDS } else { MAX_OPEN_ROUNDS };
    read_index(source, have, fetched_bytes, max_rounds, |have| reader.read(have)).await
}

async fn search(
    source: &Arc<dyn ByteSource>,
    index: &MediaIndex,
    max_reads: u64,
    max_slow_reads: u32,
) -> Result<Option<MediaIndex>> {
    let window_bytes = if source.is_local() {
        SCAN_WINDOW_BYTES
    } else {
        source.seek_cost_bytes().clamp(SCAN_WINDOW_BYTES, MAX_SCAN_WINDOW_BYTES)
    };
    let Some(mut scan) = matroska::Scan::new(index, window_bytes) else { return Ok(None) };
    let mut have = Extents::new();
    let mut slow_reads = 0u32;
    for _ in 0..max_reads {
        let ranges = match scan.step(&have)? {
            Step::Need(ranges) => ranges,
            Step::Done(()) => {
                let (have, fetched_bytes) = read_ends(source).await?;
                let reader = |have: &Extents| matroska::read_index_after_scan(source.size_bytes(), have, &scan);
                let complete = read_index(source, have, fetched_bytes, MAX_OPEN_ROUNDS, reader).await?;
                return Ok(Some(MediaIndex { is_completed: true, ..complete }));
            }
        };
        if have.len() > MAX_SCAN_HELD_BYTES {
            have = Extents::new();
        }
        let started = Instant::now();
        let read = read_missing(source, &mut have, &ranges, 0).await?;
        slow_reads = slow_reads.saturating_add(u32::from(started.elapsed() > SLOW_READ_TIME));
        if slow_reads > max_slow_reads {
            return Err(limit("it lies too far away to be searched while somebody waits"));
        }
        if read == 0 {
            return Err(Error::new(ErrorKind::Internal, "search keyframes").detail("the reader asks for what it has"));
        }
    }
    Err(limit("it takes more reads to find its keyframes than are made for one file"))
}

/// The head and the tail of a file, and how many bytes that took.
async fn read_ends(source: &Arc<dyn ByteSource>) -> Result<(Extents, u64)> {
    let size_bytes = source.size_bytes();
    let mut have = source.at_hand();
    let mut fetched_bytes = have.len();
    let head = ByteRange::with_len(0, END_SIZE).intersect(ByteRange::new(0, size_bytes));
    let tail = ByteRange::new(size_bytes.saturating_sub(END_SIZE), size_bytes);
    let magic = ByteRange::with_len(0, MAGIC_SIZE).intersect(head);
    if have.rope(magic).is_none() {
        let ends = [head, ByteRange::new(tail.start.max(head.end), size_bytes)];
        fetched_bytes = fetched_bytes.saturating_add(read_missing(source, &mut have, &ends, 0).await?);
    }
    Ok((have, fetched_bytes))
}

/// Asks a reader until it is done, within the limits of opening.
async fn read_index(
    source: &Arc<dyn ByteSource>,
    mut have: Extents,
    mut fetched_bytes: u64,
    max_rounds: u32,
    mut reader: impl FnMut(&Extents) -> Result<Step<MediaIndex>>,
) -> Result<MediaIndex> {
    for _ in 0..max_rounds {
        let ranges = match reader(&have)? {
            Step::Done(index) => return Ok(index),
            Step::Need(ranges) => ranges,
        };
        let wanted: u64 = ranges.iter().fold(0, |sum, range| sum.saturating_add(range.len()));
        if fetched_bytes.saturating_add(wanted) > MAX_OPEN_BYTES {
            return Err(limit("its index asks for more bytes than are fetched for one file"));
        }
        let read = read_missing(source, &mut have, &ranges, 0).await?;
        if read == 0 {
            return Err(Error::new(ErrorKind::Internal, "open file").detail("the reader asks for what it has"));
        }
        fetched_bytes = fetched_bytes.saturating_add(read);
    }
    Err(limit("its index asks for more reads than are made for one file"))
}

fn limit(detail: &'static str) -> Error {
    Error::new(ErrorKind::LimitExceeded, "open file").detail(detail).advise("choose another file")
}

/// Reads those of `ranges` that are not at hand yet, in parallel, ranges that lie at most `gap_bytes` apart in one read. Says how many bytes came.
///
/// # Errors
/// What the source answers; `Malformed` for a range beyond the end of the file.
/// # Cancel safety
/// Safe to drop at any point: what came until then is lost.
pub(crate) async fn read_missing(
    source: &Arc<dyn ByteSource>,
    have: &mut Extents,
    ranges: &[ByteRange],
    gap_bytes: u64,
) -> Result<u64> {
    let mut missing: Vec<ByteRange> = ranges
        .iter()
        .map(|range| ByteRange::new(have.end_of_run(range.start), range.end))
        .filter(|range| !range.is_empty())
        .collect();
    missing.sort_unstable();
    let mut reads: Vec<ByteRange> = Vec::with_capacity(missing.len());
    for range in missing {
        match reads.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap_bytes) => last.end = last.end.max(range.end),
            _ => reads.push(range),
        }
    }
    if reads.last().is_some_and(|range| range.end > source.size_bytes()) {
        return Err(Error::new(ErrorKind::Malformed, "read file").detail("something lies beyond the end of the file"));
    }
    let mut pieces = stream::iter(reads)
        .map(|range| async move { source.read_at(range).await.map(|rope| (range.start, rope)) })
        .buffer_unordered(MAX_PARALLEL_READS);
    let mut count = 0u64;
    while let Some((offset, rope)) = pieces.try_next().await? {
        count = count.saturating_add(rope.len());
        have.insert(offset, rope);
    }
    Ok(count)
}

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Mp4,
    Matroska,
    Other { name: &'static str, advice: &'static str },
}

const CHOOSE: &str = "choose a release in Matroska, WebM or MP4";
const BROKEN_LINK: &str = "the link does not lead to the video: get a new one";

/// Recognises a file by its first bytes; names and endings are not believed.
fn recognise(first: &[u8]) -> Kind {
    if first.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return Kind::Matroska;
    }
    const BOXES: [&[u8; 4]; 10] =
        [b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"styp", b"moof", b"sidx", b"pnot"];
    if BOXES.iter().any(|kind| first.get(4..8) == Some(&kind[..])) {
        return Kind::Mp4;
    }
    let (name, advice) = other_name(first).unwrap_or(("an unknown container", CHOOSE));
    Kind::Other { name, advice }
}

fn other_name(first: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = first.trim_ascii_start();
    // Packets of 188 bytes, or of 192 with a time before each (Blu-ray).
    let is_transport = |start: usize, step: usize| {
        first.get(start..).is_some_and(|packets| packets.iter().step_by(step).take(3).eq(&[0x47; 3]))
    };
    Some(match first {
        [] => ("an empty file", BROKEN_LINK),
        _ if is_transport(0, 188) || is_transport(4, 192) => ("an MPEG transport stream", CHOOSE),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => ("AVI", CHOOSE),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => ("a WAVE file", CHOOSE),
        [0x00, 0x00, 0x01, 0xba, ..] => ("an MPEG program stream", CHOOSE),
        [0x30, 0x26, 0xb2, 0x75, ..] => ("ASF (WMV)", CHOOSE),
        [b'F', b'L', b'V', ..] => ("Flash video", CHOOSE),
        [b'O', b'g', b'g', b'S', ..] => ("Ogg", CHOOSE),
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => ("MPEG audio without a container", CHOOSE),
        [b'f', b'L', b'a', b'C', ..] => ("FLAC without a container", CHOOSE),
        [b'R', b'a', b'r', b'!', ..] => ("a RAR archive", "choose a release that is not packed"),
        [b'P', b'K', 0x03, 0x04, ..] => ("a ZIP archive", "choose a release that is not packed"),
        [b'7', b'z', 0xbc, 0xaf, ..] => ("a 7z archive", "choose a release that is not packed"),
        _ if text.starts_with(b"#EXTM3U") => ("an HLS playlist", "hand the playlist to the player itself"),
        _ if text.starts_with(b"<") => ("a web page", BROKEN_LINK),
        _ if text.starts_with(b"{") => ("a JSON document", BROKEN_LINK),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemorySource;

    fn name_of(first: &[u8]) -> &'static str {
        match recognise(first) {
            Kind::Mp4 => "mp4",
            Kind::Matroska => "matroska",
            Kind::Other { name, .. } => name,
        }
    }

    /// Goal: what is played is recognised, what is not is called by its name.
    #[test]
    fn containers_are_recognised_by_their_first_bytes() {
        assert_eq!(name_of(b"\x1a\x45\xdf\xa3\x01"), "matroska");
        assert_eq!(name_of(b"\0\0\0\x20ftypisom"), "mp4");
        assert_eq!(name_of(b"\0\0\0\x08wide\0\0"), "mp4");
        let mut transport = vec![0u8; 600];
        for n in 0..3 {
            transport[n * 188] = 0x47;
        }
        assert_eq!(name_of(&transport), "an MPEG transport stream");
        assert_eq!(name_of(b"RIFF\0\0\0\0AVI LIST"), "AVI");
        assert_eq!(name_of(b"\n <!DOCTYPE html>"), "a web page");
        assert_eq!(name_of(b"G"), "an unknown container");
        assert_eq!(name_of(b""), "an empty file");
    }

    /// Goal: a file that is not packaged ends in an error that says what it is and what to do, whatever its length.
    #[tokio::test]
    async fn unknown_files_are_refused_with_advice() {
        for content in [&b""[..], b"x", b"Rar!\x1a\x07\x01\0"] {
            let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(content));
            let error = open(&source).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.advice().is_some());
        }
    }

    /// Goal: neighbours cost one read, what is at hand none, and a range beyond the end is an error instead of a read.
    #[tokio::test]
    async fn missing_ranges_are_read_together() {
        let content: Vec<u8> = (0..1000).map(|n| n as u8).collect();
        let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(content.clone()));
        let mut have = Extents::new();
        let ranges = [ByteRange::new(0, 10), ByteRange::new(20, 30), ByteRange::new(500, 510)];
        assert_eq!(read_missing(&source, &mut have, &ranges, 10).await.unwrap(), 40);
        assert_eq!(source.stats().request_count, 2);
        assert_eq!(have.bytes(ByteRange::new(20, 30)).unwrap(), content[20..30]);
        assert_eq!(read_missing(&source, &mut have, &ranges, 10).await.unwrap(), 0);
        let beyond = [ByteRange::new(990, 1001)];
        assert_eq!(read_missing(&source, &mut have, &beyond, 0).await.unwrap_err().kind(), ErrorKind::Malformed);
    }
}
