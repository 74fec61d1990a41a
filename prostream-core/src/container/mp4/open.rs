//! The index of a fragmented file: from `sidx` behind `moov`, else from `mfra` at the end, else from a walk over all fragments.
//!
//! Besides that list, the first fragment is looked into, and the last: they tell when each track begins and ends, and how fast it runs.

use std::collections::BTreeMap;

use super::boxes::{File, HEADER_READ_BYTES, Read, Stop};
use super::facts::TableFacts;
use super::fragment;
use super::fragments::{FragmentedLayout, Place, WINDOW_BYTES, read_moof};
use super::listing::{Listed, Listing, read_mfra};
use super::movie::Movie;
use super::table::Sample;
use super::{limit_exceeded, malformed};
use crate::container::{Layout, MediaIndex, SyncPoint};
use crate::model::{ByteRange, Codec, TrackKind};

/// Most boxes between `moov` and the first fragment.
const MAX_BOXES: u32 = 10_000;
/// Most lists in front of the first fragment: one for each track.
const MAX_LISTINGS: usize = 256;
/// Most fragments that are looked into at either end of a file.
const MAX_LOOKS: u32 = 64;
/// Most fragments of a file that lists none.
const MAX_FRAGMENTS: usize = 1_000_000;
/// Most samples that a walk passes (PARSE-02).
const MAX_WALKED_SAMPLES: u64 = 10_000_000;
/// What is asked for of a fragment that is walked over; the last one's size says it better.
const MIN_WALK_WINDOW: u64 = 1024;

/// A fragmented file in the making: what it knows stays from one round of reads to the next, so that a walk looks at each fragment once.
#[derive(Debug)]
pub(super) struct Opening {
    movie: Movie,
    /// Where `moov` ends.
    at: u64,
    boxes: u32,
    listings: Vec<Listing>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// On the way to the first fragment.
    Front,
    /// At the first fragment, which lies here.
    List(u64),
    /// These fragments, of the track of this index.
    Ends { extent: ByteRange, main: usize, listing: Listing },
    /// Over all fragments.
    Walk(Box<Walk>),
}

/// What is found.
#[derive(Debug)]
pub(super) enum Found {
    /// There are fragments.
    Fragmented(MediaIndex),
    /// There are none: the tables of `moov` are all there is.
    Plain(Movie),
}

impl Opening {
    pub(super) fn new(movie: Movie, movie_end: u64) -> Self {
        Self { movie, at: movie_end, boxes: 0, listings: Vec::new(), phase: Phase::Front }
    }

    /// Goes on with the bytes at hand.
    pub(super) fn read(&mut self, file: &File<'_>) -> Read<Found> {
        loop {
            match &mut self.phase {
                Phase::Front => match self.find_first_fragment(file)? {
                    Some(first) => self.phase = Phase::List(first),
                    None => return Ok(Found::Plain(std::mem::take(&mut self.movie))),
                },
                Phase::List(first) => {
                    let first = *first;
                    self.phase = self.choose(file, first)?;
                }
                Phase::Ends { extent, main, listing } => {
                    let (extent, main) = (*extent, *main);
                    let seen = look_at_ends(file, &self.movie, extent, &listing.entries)?;
                    let listing = std::mem::take(listing);
                    return finish_listed(
                        std::mem::take(&mut self.movie),
                        extent,
                        main,
                        listing,
                        seen,
                        file.size_bytes,
                    );
                }
                Phase::Walk(walk) => {
                    walk.read(file, &self.movie)?;
                    let walk = std::mem::take(walk);
                    return finish_walked(std::mem::take(&mut self.movie), *walk, file.size_bytes);
                }
            }
        }
    }

    /// Where the first fragment begins; `None` where the file ends before one.
    fn find_first_fragment(&mut self, file: &File<'_>) -> Read<Option<u64>> {
        loop {
            let Some(found) = file.header(self.at, HEADER_READ_BYTES)? else { return Ok(None) };
            self.boxes = self.boxes.saturating_add(1);
            if self.boxes > MAX_BOXES {
                return Err(limit_exceeded("over 10,000 boxes before the first fragment").into());
            }
            match &found.kind {
                b"moof" => return Ok(Some(self.at)),
                b"sidx" if self.listings.len() < MAX_LISTINGS => {
                    let body = file.body(&found, 0)?;
                    let listing = Listing::parse_sidx(&body, found.body.end, &mut self.movie.budget)?;
                    self.listings.extend(listing);
                }
                _ => {}
            }
            self.at = found.body.end;
        }
    }

    /// Decides what the index is made from.
    fn choose(&mut self, file: &File<'_>, first: u64) -> Read<Phase> {
        let main = self.movie.main_track().ok_or_else(|| malformed("no track of fragments that can be packaged"))?;
        let main_id = self.movie.fragment_tracks.get(main).map_or(0, |track| track.track_id);
        let has_one = self.movie.tracks.len() == 1;
        let is_main = |listing: &Listing| listing.track_id == main_id || has_one;
        let is_sidx =
            |listing: &&mut Listing| is_main(listing) && covers_all(file, listing) && !listing.entries.is_empty();
        if let Some(listing) = self.listings.iter_mut().find(is_sidx) {
            let mut listing = std::mem::take(listing);
            let mut end = listing.end_offset.unwrap_or(file.size_bytes);
            // Of a file that is cut off, what is whole.
            while end > file.size_bytes {
                let Some(last) = listing.entries.pop() else { break };
                (end, listing.end_ticks) = (last.offset_bytes, Some(last.ticks));
            }
            if let Some(start) = listing.entries.first().map(|entry| entry.offset_bytes) {
                return Ok(Phase::Ends { extent: ByteRange::new(start.min(first), end), main, listing });
            }
        }
        if let Some((listings, at)) = read_mfra(file, &mut self.movie.budget)? {
            let extent = ByteRange::new(first, at);
            let lies_in = |entry: &Listed| extent.start <= entry.offset_bytes && entry.offset_bytes < extent.end;
            let chosen = listings.into_iter().find(|listing| is_main(listing) && !listing.entries.is_empty());
            // The first fragment is one of those that are listed; a list that does not know it is of another file.
            if let Some(listing) = chosen.filter(|listing| listing.entries.iter().all(lies_in))
                && listing.entries.first().is_some_and(|entry| entry.offset_bytes == first)
            {
                return Ok(Phase::Ends { extent, main, listing });
            }
        }
        Ok(Phase::Walk(Box::new(Walk { at: first, start: first, main, window: HEADER_READ_BYTES, ..Walk::default() })))
    }
}

/// Does a `sidx` go to the end of the fragments? Some files have one for each fragment. What stands behind it is at hand where it is near the
/// end of the file.
fn covers_all(file: &File<'_>, listing: &Listing) -> bool {
    let Some(end) = listing.end_offset else { return false };
    if file.size_bytes.saturating_sub(end) < 8 {
        return true;
    }
    let is_at_hand = file.have.end_of_run(end) >= end.saturating_add(8);
    is_at_hand
        && matches!(file.header(end, 8), Ok(Some(found)) if !matches!(&found.kind, b"moof" | b"sidx" | b"styp" | b"mdat"))
}

/// What fragments tell of a track.
#[derive(Debug, Default)]
struct Seen {
    first: Option<Sample>,
    start_ticks: i64,
    end_ticks: i64,
    count: u32,
    bytes: u64,
    /// Sum of the durations of all samples, and the bounds of those of all but the last.
    ticks: u64,
    durations: Option<(u32, u32)>,
    last_duration: Option<u32>,
}

impl Seen {
    fn add(&mut self, sample: &Sample) {
        let end = sample.pts_ticks.saturating_add(sample.duration_ticks.into());
        if self.first.is_none() {
            self.first = Some(*sample);
            (self.start_ticks, self.end_ticks) = (sample.pts_ticks, end);
        }
        self.start_ticks = self.start_ticks.min(sample.pts_ticks);
        self.end_ticks = self.end_ticks.max(end);
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(sample.size_bytes.into());
        self.ticks = self.ticks.saturating_add(sample.duration_ticks.into());
        if let Some(last) = self.last_duration.replace(sample.duration_ticks) {
            let (least, most) = self.durations.unwrap_or((last, last));
            self.durations = Some((least.min(last), most.max(last)));
        }
    }

    fn bits_per_s(&self, timescale: u32) -> u64 {
        let bits = u128::from(self.bytes).saturating_mul(8).saturating_mul(timescale.into());
        bits.checked_div(self.ticks.into()).and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }

    fn facts(&self, timescale: u32) -> TableFacts {
        let ticks = i64::try_from(self.ticks).unwrap_or(i64::MAX);
        TableFacts::of_fragments(timescale, self.durations, self.count, ticks, (self.start_ticks, self.end_ticks))
    }
}

/// What the ends of a file tell.
#[derive(Debug, Default)]
struct Ends {
    /// For each track.
    head: Vec<Seen>,
    tail: Vec<Seen>,
    /// First sync sample of the main track behind the last place, and what else its time could be taken for.
    last_times: Vec<i64>,
}

fn look_at_ends(file: &File<'_>, movie: &Movie, extent: ByteRange, entries: &[Listed]) -> Read<Ends> {
    let mut need = Vec::new();
    let mut ends = Ends::default();
    match look(file, movie, extent.start, extent.end, true) {
        Ok((seen, _)) => ends.head = seen,
        Err(Stop::Need(ranges)) => need.extend(ranges),
        Err(stop) => return Err(stop),
    }
    let last = entries.last().map_or(extent.start, |entry| entry.offset_bytes);
    match look(file, movie, last, extent.end, false) {
        Ok((seen, times)) => (ends.tail, ends.last_times) = (seen, times),
        Err(Stop::Need(ranges)) => need.extend(ranges),
        // A file that is cut off plays as far as it goes.
        Err(Stop::Failed(_)) => {}
    }
    if need.is_empty() {
        return Ok(ends);
    }
    need.sort_unstable();
    let mut joined: Vec<ByteRange> = Vec::with_capacity(need.len());
    for range in need {
        match joined.last_mut() {
            Some(before) if range.start <= before.end => before.end = before.end.max(range.end),
            _ => joined.push(range),
        }
    }
    Err(Stop::Need(joined))
}

/// Looks into fragments from `at` on: until each track was seen, or to `end`. Also gives the times that the first of them could be listed
/// under: of its first sync sample, its first sample, and its earliest.
fn look(file: &File<'_>, movie: &Movie, at: u64, end: u64, until_seen: bool) -> Read<(Vec<Seen>, Vec<i64>)> {
    let mut seen: Vec<Seen> = movie.fragment_tracks.iter().map(|_| Seen::default()).collect();
    let mut times = Vec::new();
    let (mut at, mut looks) = (at, 0u32);
    let main = movie.main_track();
    while at < end && looks < MAX_LOOKS {
        looks = looks.saturating_add(1);
        let Some(found) = file.header(at, WINDOW_BYTES)? else { break };
        at = found.body.end;
        if &found.kind != b"moof" {
            continue;
        }
        let body = read_moof(file, &found)?;
        for (track_index, seen) in seen.iter_mut().enumerate() {
            let samples = samples_of(movie, track_index, &body, found.at, None, file.size_bytes)?;
            samples.iter().for_each(|sample| seen.add(sample));
            if Some(track_index) == main && times.is_empty() && !samples.is_empty() {
                times.extend(samples.iter().find(|sample| sample.is_sync).map(|sample| sample.pts_ticks));
                times.extend(samples.first().map(|sample| sample.pts_ticks));
                times.extend(samples.iter().map(|sample| sample.pts_ticks).min());
            }
        }
        let is_done = seen.iter().enumerate().all(|(at, seen)| seen.first.is_some() || !movie.is_timed(at));
        if until_seen && is_done {
            break;
        }
    }
    Ok((seen, times))
}

fn samples_of(
    movie: &Movie,
    track_index: usize,
    moof: &[u8],
    at: u64,
    next: Option<u64>,
    size_bytes: u64,
) -> Read<Vec<Sample>> {
    let mut samples = Vec::new();
    if let Some(track) = movie.fragment_tracks.get(track_index).filter(|_| movie.is_packaged(track_index)) {
        fragment::read_samples(moof, at, &movie.defaults, &track.wanted(next, size_bytes), &mut samples)?;
    }
    Ok(samples)
}

/// The index of a file whose fragments are listed.
fn finish_listed(
    mut movie: Movie,
    extent: ByteRange,
    main: usize,
    listing: Listing,
    ends: Ends,
    size_bytes: u64,
) -> Read<Found> {
    let timescale = movie.tracks.get(main).map_or(1, |track| track.info.timescale);
    let list_timescale = listing.timescale.unwrap_or(timescale);
    let rescale = |ticks: i64| rescale(ticks, list_timescale, timescale);
    // Some writers list times of the media, some those of the presentation: the last fragment tells which. One that matches none of its times
    // is off by what the first sync sample is.
    let last = listing.entries.last().map_or(0, |entry| rescale(entry.ticks.saturating_add(entry.sync_delta_ticks)));
    let candidates = ends.last_times.iter().map(|time| time.saturating_sub(last));
    let off = candidates.min_by_key(|off| off.saturating_abs()).unwrap_or(0);
    let off =
        if off.saturating_abs() <= 1 { 0 } else { ends.last_times.first().map_or(0, |time| time.saturating_sub(last)) };
    let has_sync_flags = listing.entries.iter().any(|entry| entry.is_sync);
    let first_ticks = ends.head.get(main).and_then(|seen| seen.first).map(|first| first.pts_ticks);
    let mut places = Vec::with_capacity(listing.entries.len());
    let mut points: Vec<SyncPoint> = Vec::new();
    for (at, entry) in listing.entries.iter().enumerate() {
        let ticks = rescale(entry.ticks.saturating_add(entry.sync_delta_ticks)).saturating_add(off);
        // What a writer does not put below zero it puts at zero: the fragment itself knows better.
        let ticks = first_ticks.filter(|_| at == 0 && entry.offset_bytes == extent.start).unwrap_or(ticks);
        places.push(Place { offset_bytes: entry.offset_bytes, ticks });
        let is_rising = points.last().is_none_or(|last| last.pts_ticks < ticks);
        if is_rising && (entry.is_sync || !has_sync_flags) {
            points.push(SyncPoint {
                pts_ticks: ticks,
                sample_index: 0,
                offset_bytes: entry.offset_bytes,
                block_offset_bytes: 0,
            });
        }
    }
    let listed_end = listing.end_ticks.map(|end| rescale(end).saturating_add(off));
    for (track_index, track) in movie.tracks.iter_mut().enumerate() {
        let Some((head, tail)) =
            ends.head.get(track_index).zip(ends.tail.get(track_index).or(ends.head.get(track_index)))
        else {
            continue;
        };
        let own = track.info.timescale;
        let is_listed = track_index == main;
        track.start_ticks = if track.end_ticks > track.start_ticks { track.start_ticks } else { head.start_ticks };
        let listed = listed_end.map(|end| self::rescale(end, timescale, own));
        let seen_end = Some(tail.end_ticks).filter(|_| tail.first.is_some() && !ends.tail.is_empty());
        track.end_ticks = seen_end.or(listed).unwrap_or(0).max(head.end_ticks).max(track.start_ticks);
        track.average_bits_per_s = head.bits_per_s(own).max(tail.bits_per_s(own));
        movie_facts(track, head);
        if is_listed && track.info.kind == TrackKind::Video {
            let mut all = std::mem::take(&mut track.sync_points);
            let last = all.last().map_or(i64::MIN, |point| point.pts_ticks);
            all.extend(points.iter().filter(|point| last < point.pts_ticks));
            track.sync_points = all;
        }
        track.has_closed_gops = track.info.kind == TrackKind::Audio;
    }
    finish(movie, &ends.head, extent, places, timescale, size_bytes)
}

/// What a fragment tells of the format.
fn movie_facts(track: &mut crate::container::Track, seen: &Seen) {
    let facts = seen.facts(track.info.timescale);
    if let Some(video) = &mut track.info.video {
        video.frame_rate = facts.frame_rate().or(video.frame_rate);
    }
    if let Some(audio) = &mut track.info.audio {
        super::track::complete_audio(audio, &facts, track.info.timescale);
    }
}

/// The index of a file whose fragments were all walked over.
fn finish_walked(mut movie: Movie, walk: Walk, size_bytes: u64) -> Read<Found> {
    let main = walk.main;
    let timescale = movie.tracks.get(main).map_or(1, |track| track.info.timescale);
    for (track_index, track) in movie.tracks.iter_mut().enumerate() {
        let Some(seen) = walk.seen.get(track_index).filter(|seen| seen.first.is_some()) else { continue };
        let own = track.info.timescale;
        track.start_ticks = if track.end_ticks > track.start_ticks { track.start_ticks } else { seen.start_ticks };
        track.end_ticks = seen.end_ticks.max(track.end_ticks);
        track.average_bits_per_s = seen.bits_per_s(own);
        movie_facts(track, seen);
        track.has_closed_gops = true;
        if track_index == main && track.info.kind == TrackKind::Video {
            let mut facts = seen.facts(own);
            facts.judge_fragments(&walk.points, walk.earliest.clone(), track.info.codec);
            let mut all = std::mem::take(&mut track.sync_points);
            track.has_closed_gops = facts.has_closed_gops && all.is_empty();
            let last = all.last().map_or(i64::MIN, |point| point.pts_ticks);
            all.extend(facts.sync_points.iter().filter(|point| last < point.pts_ticks));
            track.sync_points = all;
        }
    }
    let extent = ByteRange::new(walk.start, walk.at.min(size_bytes));
    finish(movie, &walk.seen, extent, walk.places, timescale, size_bytes)
}

fn finish(
    mut movie: Movie,
    seen: &[Seen],
    extent: ByteRange,
    places: Vec<Place>,
    timescale: u32,
    size_bytes: u64,
) -> Read<Found> {
    if places.is_empty() {
        return Err(malformed("no fragment of the main track").into());
    }
    for (track_index, track) in movie.tracks.iter_mut().enumerate() {
        let head = movie.tables.get(track_index).and_then(|table| table.sample(0));
        let first = head.or_else(|| seen.get(track_index).and_then(|seen| seen.first));
        let is_timed = matches!(track.info.kind, TrackKind::Video | TrackKind::Audio);
        match (first, movie.fragment_tracks.get_mut(track_index)) {
            (Some(first), Some(fragment)) => fragment.decode_start_ticks = first.dts_ticks,
            // Text may begin later than is looked.
            _ if is_timed && track.info.codec != Codec::Other => {
                super::track::refuse_track(&mut track.info, "no samples")
            }
            _ => {}
        }
        // A second video track has no list of its own.
    }
    let (tracks, heads) = (std::mem::take(&mut movie.fragment_tracks), std::mem::take(&mut movie.tables));
    let defaults = std::mem::take(&mut movie.defaults);
    let layout = FragmentedLayout { tracks, heads, defaults, extent, places, timescale };
    Ok(Found::Fragmented(movie.into_index(size_bytes, Layout::Fragmented(layout))))
}

/// To the nearest tick.
fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    let from = i128::from(from.max(1));
    let scaled = i128::from(ticks).saturating_mul(to.into()).saturating_add(from / 2).div_euclid(from);
    i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
}

/// A walk over all fragments.
#[derive(Debug, Default)]
struct Walk {
    start: u64,
    at: u64,
    main: usize,
    window: u64,
    samples: u64,
    seen: Vec<Seen>,
    /// Decode time behind the last fragment of each track, for those that name none.
    next_dts: BTreeMap<usize, u64>,
    places: Vec<Place>,
    points: Vec<SyncPoint>,
    /// For each of `points`, the earliest picture from it to the next.
    earliest: Vec<i64>,
}

impl Walk {
    fn read(&mut self, file: &File<'_>, movie: &Movie) -> Read<()> {
        self.seen.resize_with(movie.fragment_tracks.len(), Seen::default);
        loop {
            let Some(found) = file.header(self.at, self.window)? else { return Ok(()) };
            if &found.kind == b"mfra" {
                return Ok(());
            }
            if &found.kind == b"moof" {
                let body = match read_moof(file, &found) {
                    Err(Stop::Failed(_)) if found.body.end > file.size_bytes => return Ok(()),
                    body => body?,
                };
                self.add(movie, &body, found.at, file.size_bytes)?;
                // Fragments are much alike: with this much of the next one, the one behind it is found too.
                self.window = found.body.len().saturating_add(256).clamp(MIN_WALK_WINDOW, WINDOW_BYTES);
            }
            self.at = found.body.end;
        }
    }

    fn add(&mut self, movie: &Movie, moof: &[u8], at: u64, size_bytes: u64) -> Read<()> {
        for track_index in 0..self.seen.len() {
            let next = self.next_dts.get(&track_index).copied();
            let samples = samples_of(movie, track_index, moof, at, next, size_bytes)?;
            let Some(last) = samples.last() else { continue };
            self.samples = self.samples.saturating_add(samples.len() as u64);
            if self.samples > MAX_WALKED_SAMPLES || self.places.len() >= MAX_FRAGMENTS {
                return Err(limit_exceeded("over 10 million samples in fragments").into());
            }
            let shift = movie.fragment_tracks.get(track_index).map_or(0, |track| track.shift_ticks);
            let end = last.dts_ticks.saturating_add(last.duration_ticks.into()).saturating_sub(shift);
            self.next_dts.extend(u64::try_from(end).ok().map(|end| (track_index, end)));
            if track_index == self.main {
                self.add_main(&samples, at);
            }
            if let Some(seen) = self.seen.get_mut(track_index) {
                samples.iter().for_each(|sample| seen.add(sample));
            }
        }
        Ok(())
    }

    fn add_main(&mut self, samples: &[Sample], at: u64) {
        let mut is_first = true;
        for sample in samples {
            let is_rising = self.points.last().is_none_or(|last| last.pts_ticks < sample.pts_ticks);
            if sample.is_sync && is_first && is_rising {
                is_first = false;
                let (pts_ticks, offset_bytes) = (sample.pts_ticks, at);
                self.points.push(SyncPoint { pts_ticks, sample_index: 0, offset_bytes, block_offset_bytes: 0 });
                self.earliest.push(pts_ticks);
            }
            if let Some(earliest) = self.earliest.last_mut() {
                *earliest = sample.pts_ticks.min(*earliest);
            }
        }
        let ticks = samples.iter().map(|sample| sample.pts_ticks).min().unwrap_or(0);
        self.places.push(Place { offset_bytes: at, ticks });
    }
}
