//! A search over many indexers: when does a person see the first releases, when the whole list, and what does a dead indexer cost?
//!
//! Eight indexers in this process list 500 releases together, one after the other at their own pace; then the same with a ninth that never
//! answers. Told are, over many searches: the time from the first answer to the first ranked list, from the last answer to the whole list,
//! and how long whoever waits for one answer is kept by the dead one beyond the soft deadline. Indexers are plain Rust, so nothing but the
//! engine is measured.
//!
//! ```text
//! cargo bench --locked -p prostream-benches --bench search_many
//! ```
//! Run as a test (`cargo test --bench search_many`) it makes three searches, looks whether the lists are whole, and judges no time.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt;
use prostream_benches::Error;
use prostream_benches::figures::{Figure, ms, percentile, print_table};
use prostream_core::model::{InfoHash, MediaId, ProviderId, Release, Title, TitleKind, TitleSummary};
use prostream_core::net::Call;
use prostream_core::provider::indexer::{Indexer, Query, Releases};
use prostream_core::provider::metadata::{MetadataProvider, TitleRequest, TitleSearch};
use prostream_core::resolve::{ProviderSet, ReleaseEvent, ResolveConfig, Viewer};
use prostream_core::{ProStream, Result};

/// From the first answer to the first ranked list.
const MOST_FIRST: Duration = Duration::from_millis(50);
/// From the last answer to the whole list.
const MOST_LAST: Duration = Duration::from_millis(25);
const RELEASE_COUNT: u32 = 500;
const INDEXER_COUNT: u32 = 8;
/// How long one answer is waited for beside a dead indexer.
const SOFT_DEADLINE: Duration = Duration::from_millis(400);
/// Beyond it: what a busy machine may add.
const MOST_BEYOND: Duration = Duration::from_millis(50);

/// When answers were given.
type Answers = Arc<Mutex<Vec<Instant>>>;

/// One title, whatever is asked for.
#[derive(Debug)]
struct Catalogue(ProviderId);

#[async_trait]
impl MetadataProvider for Catalogue {
    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn search(&self, _: &Call, _: &TitleSearch) -> Result<Vec<TitleSummary>> {
        Ok(Vec::new())
    }

    async fn title(&self, _: &Call, request: &TitleRequest) -> Result<Title> {
        Ok(Title {
            summary: TitleSummary {
                media_id: request.media_id.clone(),
                kind: TitleKind::Movie,
                name: "Paper Lanterns at Noon".to_owned(),
                year: Some(2019),
                overview: None,
                poster_url: None,
            },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: Some(104),
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: None,
            tmdb_id: None,
            tvdb_id: None,
            seasons: Vec::new(),
        })
    }
}

/// Lists its share of the releases after a while, or never.
#[derive(Debug)]
struct Shelf {
    id: ProviderId,
    number: u32,
    after: Option<Duration>,
    answers: Answers,
}

#[async_trait]
impl Indexer for Shelf {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, _: &Call, _: &Query) -> Result<Releases> {
        let Some(after) = self.after else { return std::future::pending().await };
        let share = (0..RELEASE_COUNT).filter(|at| at % INDEXER_COUNT == self.number);
        let releases = share.map(|at| release(&self.id, at)).collect();
        tokio::time::sleep(after).await;
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        Ok(Releases { releases, ..Releases::default() })
    }
}

fn release(indexer: &ProviderId, at: u32) -> Release {
    let pick = |list: &[&'static str], by: u32| list[(at / by) as usize % list.len()];
    let name = format!(
        "Paper.Lanterns.at.Noon.2019.{}.{}.{}.{}-GRP{at}",
        pick(&["2160p", "1080p", "720p", "480p"], 1),
        pick(&["BluRay", "WEB-DL", "WEBRip", "HDTV", "BluRay.REMUX"], 4),
        pick(&["DDP5.1", "AAC2.0", "DTS-HD.MA.7.1", "TrueHD.Atmos"], 20),
        pick(&["H.264", "HEVC.10bit.HDR10", "x265", "AV1"], 80),
    );
    let mut hash = [7; 20];
    hash[..4].copy_from_slice(&at.to_be_bytes());
    Release {
        indexer: indexer.clone(),
        tracker: None,
        name,
        info_hash: Some(InfoHash(hash)),
        link: None,
        size_bytes: Some(2_000_000_000 + u64::from(at) * 10_000_000),
        seeder_count: Some(at % 200),
        age_days: None,
        playable: None,
    }
}

fn viewer(has_dead_one: bool) -> (Viewer, Answers) {
    let answers = Answers::default();
    let shelf = |number: u32, after| -> Arc<dyn Indexer> {
        let id = ProviderId::new(["a", "b", "c", "d", "e", "f", "g", "h", "dead"][number as usize]);
        Arc::new(Shelf { id, number, after, answers: Arc::clone(&answers) })
    };
    let mut indexers: Vec<Arc<dyn Indexer>> = (0..INDEXER_COUNT)
        .map(|number| shelf(number, Some(Duration::from_millis(20 + 15 * u64::from(number)))))
        .collect();
    if has_dead_one {
        indexers.push(shelf(INDEXER_COUNT, None));
    }
    let metadata: Vec<Arc<dyn MetadataProvider>> = vec![Arc::new(Catalogue(ProviderId::new("catalogue")))];
    let providers = ProviderSet { metadata, indexers, ..ProviderSet::default() };
    (Viewer::new("somebody", Arc::new(providers)), answers)
}

/// One search of a fresh engine: from the first answer to the first list, and from the last answer to the whole list.
async fn search(id: &MediaId) -> std::result::Result<(Duration, Duration), Error> {
    let engine = ProStream::builder().build()?;
    let (viewer, answers) = viewer(false);
    let mut events = std::pin::pin!(engine.releases(&Call::within(Duration::from_secs(30)), &viewer, id));
    let (mut first, mut last, mut listed) = (None, None, 0);
    while let Some(event) = events.next().await {
        if let ReleaseEvent::Ranked(ranking) = event {
            first.get_or_insert_with(Instant::now);
            last = Some(Instant::now());
            listed = ranking.candidates.len();
        }
    }
    if listed != RELEASE_COUNT as usize {
        return Err(format!("{listed} of {RELEASE_COUNT} releases were listed").into());
    }
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(first), Some(last), [first_answer, .., last_answer]) = (first, last, answers.as_slice()) else {
        return Err("no list came".into());
    };
    Ok((first.saturating_duration_since(*first_answer), last.saturating_duration_since(*last_answer)))
}

/// How long one answer takes beside an indexer that never answers, beyond the soft deadline.
async fn beside_a_dead_one(id: &MediaId) -> std::result::Result<Duration, Error> {
    let engine = ProStream::builder()
        .resolve(ResolveConfig { soft_deadline: SOFT_DEADLINE, ..ResolveConfig::default() })
        .build()?;
    let (viewer, _) = viewer(true);
    let started = Instant::now();
    let found = engine.find_releases(&Call::within(Duration::from_secs(30)), &viewer, id).await?;
    if found.ranking.candidates.len() != RELEASE_COUNT as usize || !found.is_partial {
        return Err("the list beside a dead indexer is not whole, or does not say that one is missing".into());
    }
    Ok(started.elapsed().saturating_sub(SOFT_DEADLINE))
}

#[tokio::main]
async fn main() -> std::result::Result<ExitCode, Error> {
    // Cargo says `--bench` when it is to be measured.
    let is_short = !std::env::args().any(|argument| argument == "--bench");
    let rounds = if is_short { 3 } else { 50 };
    let id: MediaId = "tt7000001".parse()?;
    let (mut first, mut last, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (to_first, to_last) = search(&id).await?;
        first.push(to_first);
        last.push(to_last);
        beyond.push(beside_a_dead_one(&id).await?);
    }
    let figure = |name: &str, times: &[Duration], share, at_most: Duration| Figure {
        name: name.to_owned(),
        ours: ms(percentile(times, share)),
        at_most: Some(ms(at_most)),
        peer: None,
        unit: "ms",
    };
    let is_good = print_table(
        &format!("{RELEASE_COUNT} releases of {INDEXER_COUNT} indexers, {rounds} searches"),
        &[
            figure("first answer to first list, median", &first, 0.5, MOST_FIRST),
            figure("first answer to first list, 95 of 100", &first, 0.95, MOST_FIRST),
            figure("last answer to whole list, median", &last, 0.5, MOST_LAST),
            figure("last answer to whole list, 95 of 100", &last, 0.95, MOST_LAST),
            figure("beside a dead indexer, beyond the soft deadline, 95 of 100", &beyond, 0.95, MOST_BEYOND),
        ],
    );
    // A short run on a busy machine shows that it works, and judges no time.
    Ok(if is_good || is_short { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
