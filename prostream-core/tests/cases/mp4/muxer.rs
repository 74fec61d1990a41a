//! Writes MP4 files that no muxer at hand writes: several sample descriptions, films of hours, files over 4 GiB.

use super::boxed;

/// One sample. Without bytes its place in the file stays a hole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) size: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) duration: u32,
    pub(crate) composition: i32,
    pub(crate) is_sync: bool,
    /// Which of the track's entries, from 0.
    pub(crate) description: u32,
}

/// One track.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// `vide` or `soun`.
    pub(crate) handler: [u8; 4],
    pub(crate) timescale: u32,
    /// Complete sample entries.
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) samples: Vec<Sample>,
    /// Duration in seconds, media time.
    pub(crate) edits: Vec<(i64, i64)>,
}

/// Samples of a track that lie together.
struct Chunk {
    track: usize,
    first: usize,
    count: usize,
    offset: u64,
}

/// A file in the making: `moov`, and where the samples go.
pub(crate) struct Muxed {
    pub(crate) moov: Vec<u8>,
    /// Track, sample and offset of each sample with bytes.
    pub(crate) places: Vec<(usize, usize, u64)>,
    pub(crate) end: u64,
}

/// Lays samples out as ffmpeg does: in order of their decode times, each run of one track a chunk, the first at `offset`.
pub(crate) fn mux(tracks: &[Track], offset: u64) -> Muxed {
    let mut next: Vec<(usize, u64)> = vec![(0, 0); tracks.len()];
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut places = Vec::new();
    let mut end = offset;
    loop {
        let waiting = (0..tracks.len()).filter(|at| next[*at].0 < tracks[*at].samples.len());
        let earliest =
            waiting.min_by_key(|at| u128::from(next[*at].1) * 1_000_000_000 / u128::from(tracks[*at].timescale));
        let Some(track) = earliest else { break };
        let (index, dts) = next[track];
        let sample = &tracks[track].samples[index];
        let description = |chunk: &Chunk| tracks[track].samples[chunk.first].description;
        match chunks.last_mut() {
            Some(chunk) if chunk.track == track && description(chunk) == sample.description => chunk.count += 1,
            _ => chunks.push(Chunk { track, first: index, count: 1, offset: end }),
        }
        if !sample.bytes.is_empty() {
            places.push((track, index, end));
        }
        end += u64::from(sample.size);
        next[track] = (index + 1, dts + u64::from(sample.duration));
    }
    let mut moov = boxed(b"mvhd", &[&[0; 12][..], &1000u32.to_be_bytes(), &[0; 84]].concat());
    for (at, track) in tracks.iter().enumerate() {
        let own: Vec<&Chunk> = chunks.iter().filter(|chunk| chunk.track == at).collect();
        moov.extend(trak(at as u32 + 1, track, &own));
    }
    Muxed { moov: boxed(b"moov", &moov), places, end }
}

/// A whole file: `ftyp`, `mdat` with all samples, `moov`.
pub(crate) fn file(tracks: &[Track]) -> Vec<u8> {
    let mut out = boxed(b"ftyp", b"isom\0\0\0\0isom");
    let muxed = mux(tracks, out.len() as u64 + 8);
    let start = out.len() as u64 + 8;
    out.extend_from_slice(&((muxed.end - start) as u32 + 8).to_be_bytes());
    out.extend_from_slice(b"mdat");
    for (track, sample, offset) in &muxed.places {
        assert_eq!(*offset, out.len() as u64, "every sample has bytes");
        out.extend_from_slice(&tracks[*track].samples[*sample].bytes);
    }
    out.extend(muxed.moov);
    out
}

fn full(kind: &[u8; 4], version_flags: u32, words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let body: Vec<u8> = [version_flags].into_iter().chain(words).flat_map(u32::to_be_bytes).collect();
    boxed(kind, &body)
}

fn counted<const N: usize>(kind: &[u8; 4], entries: &[[u32; N]]) -> Vec<u8> {
    full(kind, 0, [entries.len() as u32].into_iter().chain(entries.iter().flatten().copied()))
}

/// Runs of equal values, with their lengths in front.
fn runs(values: impl Iterator<Item = u32>) -> Vec<[u32; 2]> {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some([count, last]) if *last == value => *count += 1,
            _ => runs.push([1, value]),
        }
    }
    runs
}

fn trak(number: u32, track: &Track, chunks: &[&Chunk]) -> Vec<u8> {
    let matrix = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
    let tkhd = full(b"tkhd", 3, [0, 0, number, 0, 0, 0, 0, 0, 0].into_iter().chain(matrix).chain([0, 0]));
    let edits = track.edits.iter().flat_map(|(seconds, media_time)| {
        let mut edit = (seconds * 1000).to_be_bytes().to_vec();
        edit.extend_from_slice(&media_time.to_be_bytes());
        edit.extend_from_slice(&[0, 1, 0, 0]);
        edit
    });
    let count = (track.edits.len() as u32).to_be_bytes();
    let elst = boxed(b"elst", &[&[1, 0, 0, 0], &count[..], &edits.collect::<Vec<u8>>()].concat());
    let edts = if track.edits.is_empty() { Vec::new() } else { boxed(b"edts", &elst) };
    let duration: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
    let mdhd =
        full(b"mdhd", 1 << 24, [0, 0, 0, 0, track.timescale, (duration >> 32) as u32, duration as u32, 0x55C4_0000]);
    let hdlr = boxed(b"hdlr", &[&[0; 8][..], &track.handler, &[0; 13]].concat());
    let entries = [&[0, 0, 0, 0][..], &(track.entries.len() as u32).to_be_bytes(), &track.entries.concat()].concat();
    let mut stbl = boxed(b"stsd", &entries);
    let samples = || track.samples.iter();
    stbl.extend(counted(b"stts", &runs(samples().map(|sample| sample.duration))));
    if samples().any(|sample| sample.composition != 0) {
        stbl.extend(counted(b"ctts", &runs(samples().map(|sample| sample.composition as u32))));
    }
    if !samples().all(|sample| sample.is_sync) {
        let syncs: Vec<[u32; 1]> = (1..).zip(samples()).filter(|pair| pair.1.is_sync).map(|pair| [pair.0]).collect();
        stbl.extend(counted(b"stss", &syncs));
    }
    let mut stsc: Vec<[u32; 3]> = Vec::new();
    for (chunk, number) in chunks.iter().zip(1..) {
        let entry = [number, chunk.count as u32, track.samples[chunk.first].description + 1];
        if stsc.last().is_none_or(|last| last[1..] != entry[1..]) {
            stsc.push(entry);
        }
    }
    stbl.extend(counted(b"stsc", &stsc));
    stbl.extend(full(
        b"stsz",
        0,
        [0, track.samples.len() as u32].into_iter().chain(samples().map(|sample| sample.size)),
    ));
    if chunks.last().is_some_and(|chunk| chunk.offset > u64::from(u32::MAX)) {
        let offsets: Vec<[u32; 2]> = chunks.iter().map(|c| [(c.offset >> 32) as u32, c.offset as u32]).collect();
        stbl.extend(counted(b"co64", &offsets));
    } else {
        stbl.extend(counted(b"stco", &chunks.iter().map(|chunk| [chunk.offset as u32]).collect::<Vec<_>>()));
    }
    let minf = boxed(b"minf", &boxed(b"stbl", &stbl));
    let mdia = boxed(b"mdia", &[mdhd, hdlr, minf].concat());
    boxed(b"trak", &[tkhd, edts, mdia].concat())
}
