//! Whole files: their headers, and all that is made of them.

use std::sync::Arc;

use bytes::Bytes;
use prostream_core::container::{MAX_OPEN_BYTES, MAX_OPEN_ROUNDS, MediaIndex, Step, matroska, mp4, open};
use prostream_core::hls::{HlsProvider, NativePackager, playlist};
use prostream_core::model::{ByteRange, DeviceProfile, Extents, TrackKind};
use prostream_core::source::{ByteSource, MemorySource};
use prostream_core::{ErrorKind, Result};

use super::{assert_boxes, playlists, subtitles};

/// What is at hand before the first request: so little that headers have to be asked for.
const EDGE_BYTES: u64 = 96;
/// Segments of each rendition that are made.
const MAX_SEGMENTS: usize = 4;

type ReadIndex = fn(u64, &Extents) -> Result<Step<MediaIndex>>;

/// Reads the index of an MP4 file, asking for what is missing.
pub(super) fn mp4_header(file: &[u8]) {
    header(file, mp4::read_index);
}

/// Reads the index of a Matroska file, asking for what is missing.
pub(super) fn matroska_header(file: &[u8]) {
    header(file, matroska::read_index);
}

fn header(file: &[u8], read: ReadIndex) {
    let bytes = Bytes::copy_from_slice(file);
    let size = bytes.len() as u64;
    let whole = open_from(&bytes, size, read);
    let parts = open_from(&bytes, EDGE_BYTES, read);
    if let (Ok(whole), Ok(parts)) = (&whole, &parts) {
        assert_eq!(whole.tracks.len(), parts.tracks.len(), "tracks depend on what is at hand");
    }
    for index in [whole, parts].into_iter().flatten() {
        check_index(&index, size);
    }
}

/// Opens a file of which only both ends are at hand: each round must ask for bytes that are missing, within the file and in order.
fn open_from(bytes: &Bytes, edge: u64, read: ReadIndex) -> Result<MediaIndex> {
    let size = bytes.len() as u64;
    let mut have = Extents::new();
    let give = |have: &mut Extents, range: ByteRange| {
        have.insert(range.start, bytes.slice(range.start as usize..range.end as usize).into());
    };
    give(&mut have, ByteRange::new(0, edge.min(size)));
    give(&mut have, ByteRange::new(size.saturating_sub(edge), size));
    let mut asked_bytes = 0;
    for _ in 0..MAX_OPEN_ROUNDS {
        let ranges = match read(size, &have)? {
            Step::Done(index) => return Ok(index),
            Step::Need(ranges) => ranges,
        };
        assert!(!ranges.is_empty(), "asks for nothing");
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "out of order: {ranges:?}");
        let before = have.len();
        for range in ranges {
            assert!(!range.is_empty() && range.end <= size, "asks for {range:?} of {size}");
            asked_bytes += range.len();
            give(&mut have, range);
        }
        assert!(have.len() > before, "asks for what it has");
        if asked_bytes > MAX_OPEN_BYTES {
            break;
        }
    }
    // What the driver answers then: an error, too.
    Err(prostream_core::Error::new(ErrorKind::LimitExceeded, "open file"))
}

fn check_index(index: &MediaIndex, size: u64) {
    assert_eq!(index.size_bytes, size);
    assert!(index.memory_bytes() <= 64 << 20, "the index takes {} bytes", index.memory_bytes());
    for track in &index.tracks {
        assert!(track.info.timescale > 0, "a timescale of 0");
        let is_rising = track.sync_points.windows(2).all(|pair| pair[0].pts_ticks < pair[1].pts_ticks);
        assert!(is_rising, "sync points fall");
        if track.info.kind != TrackKind::Subtitle {
            track.info.sample_entry.boxes.iter().for_each(|one| assert_boxes(one));
        }
    }
    assert!(index.attachments.iter().all(|attachment| attachment.range.end <= size));
}

/// Opens a file as a player does, and makes playlists, init segments and the first segments of every rendition.
pub(super) fn packets(file: &[u8]) {
    thread_local! {
        static PACKAGER: NativePackager = NativePackager::default();
    }
    PACKAGER.with(|packager| wait_for(play(packager, file)));
}

/// Is this a film that opens?
pub(super) fn opens(file: &[u8]) -> bool {
    index_of(file).is_some()
}

/// The index of a film that opens.
pub(super) fn index_of(file: &[u8]) -> Option<MediaIndex> {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(Bytes::copy_from_slice(file)));
    wait_for(open(&source)).ok()
}

pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

async fn play(packager: &NativePackager, file: &[u8]) {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new(Bytes::copy_from_slice(file)));
    match open(&source).await {
        Ok(index) => check_index(&index, file.len() as u64),
        Err(error) => return assert_ne!(error.kind(), ErrorKind::Internal, "{error:?}"),
    }
    let Ok(presentation) = packager.open(source, &DeviceProfile::any()).await else { return };
    playlists::check(presentation.as_ref(), 1.0);
    for rendition in presentation.renditions() {
        let is_text = rendition.info().track.kind == TrackKind::Subtitle;
        if let Ok(init) = rendition.init().await {
            assert_boxes(&init);
        }
        let count = rendition.info().listed_durations_s().len();
        // The first ones and the last.
        for at in (0..count.min(MAX_SEGMENTS)).chain(count.checked_sub(1)) {
            let Ok(segment) = rendition.segment(at as u32).await else { continue };
            let size = segment.size_bytes;
            let Ok(bytes) = segment.into_bytes().await else { continue };
            assert_eq!(bytes.len() as u64, size, "a segment is as long as it was said to be");
            if is_text {
                subtitles::check_segment(std::str::from_utf8(&bytes).expect("text"));
            } else {
                assert_boxes(&bytes);
            }
        }
    }
    let _ = playlist::length_s(presentation.as_ref());
}
