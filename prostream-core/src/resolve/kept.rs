//! What metadata providers answered, as it is kept: for a while it is fresh, then it is still good enough to be given at once while a new
//! answer is fetched in the background. Who is away takes nothing from anybody who was answered before.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::once::Shelf;
use super::{Resolver, again};
use crate::net::Call;
use crate::provider::metadata::MetadataProvider;
use crate::store::now_ms;
use crate::{Error, ErrorKind, Result};

/// How long after a refresh that failed the next one is tried, at the earliest; longer where the provider asks for more.
const REFRESH_REST: Duration = Duration::from_secs(60);

/// Most refreshes of this process at a time; what is stale beyond is refreshed when it is asked for again.
const MAX_REFRESHES: usize = 64;

/// How far the clock of another process may be ahead before its answers are not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// Bytes of an entry before its answer: when it was asked for, and when another try is due.
const HEADER_BYTES: usize = 16;

/// How long answers of one sort live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lives {
    /// How long they are given without asking anybody.
    pub(super) fresh: Duration,
    /// How long after that they are given while they are refreshed.
    pub(super) stale: Duration,
}

/// An answer as JSON, with its times in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    asked_at_s: u64,
    retry_at_s: u64,
    json: Bytes,
}

impl Entry {
    fn new(now_s: u64, json: Vec<u8>) -> Self {
        Self { asked_at_s: now_s, retry_at_s: 0, json: json.into() }
    }

    /// An entry that is still of use at `now_s`; nothing for anything else.
    fn read(bytes: &Bytes, now_s: u64, lives: Lives) -> Option<Self> {
        let (asked_at, rest) = bytes.split_first_chunk::<8>()?;
        let (retry_at, _) = rest.split_first_chunk::<8>()?;
        let (asked_at_s, retry_at_s) = (u64::from_be_bytes(*asked_at), u64::from_be_bytes(*retry_at));
        let is_believed = asked_at_s <= now_s.saturating_add(CLOCK_TOLERANCE.as_secs());
        let entry = Self { asked_at_s, retry_at_s, json: bytes.slice(HEADER_BYTES..) };
        (is_believed && !entry.left(now_s, lives).is_zero()).then_some(entry)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES.saturating_add(self.json.len()));
        bytes.extend(self.asked_at_s.to_be_bytes());
        bytes.extend(self.retry_at_s.to_be_bytes());
        bytes.extend_from_slice(&self.json);
        bytes
    }

    fn age(&self, now_s: u64) -> Duration {
        Duration::from_secs(now_s.saturating_sub(self.asked_at_s))
    }

    /// How long it is still of use.
    fn left(&self, now_s: u64, lives: Lives) -> Duration {
        lives.fresh.saturating_add(lives.stale).saturating_sub(self.age(now_s))
    }

    /// Should a new answer be fetched now?
    fn is_due(&self, now_s: u64, lives: Lives) -> bool {
        self.age(now_s) >= lives.fresh && now_s >= self.retry_at_s
    }

    /// The same after a refresh that failed.
    fn after_failure(&self, now_s: u64, error: &Error) -> Self {
        let rest = error.retry_after().unwrap_or_default().max(REFRESH_REST);
        Self { retry_at_s: now_s.saturating_add(rest.as_secs()), ..self.clone() }
    }
}

/// The time of day in seconds since 1970; tests bring their own.
pub(super) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

pub(super) fn clock() -> Clock {
    Arc::new(|| u64::try_from(now_ms()).unwrap_or(0) / 1_000)
}

/// What is being refreshed in this process.
#[derive(Clone, Default)]
pub(super) struct Refreshes {
    under_way: Arc<Mutex<HashSet<String>>>,
    end: CancellationToken,
}

impl Refreshes {
    /// Gives up those under way: nobody waits for them.
    pub(super) fn end(&self) {
        self.end.cancel();
    }

    /// `None` when it is under way already, or too many others are.
    fn begin(&self, key: &str) -> Option<Refresh> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() >= MAX_REFRESHES || !under_way.insert(key.to_owned()) {
            return None;
        }
        Some(Refresh { all: self.clone(), key: key.to_owned() })
    }
}

/// Ends with its refresh, however that ends.
struct Refresh {
    all: Refreshes,
    key: String,
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.all.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Resolver {
    /// The answer of `provider` to what `key` names: the kept one, refreshed behind the caller's back where it is no longer fresh, or else a new
    /// one, asked for once by all who want it: in this process through this very provider, and among processes that share the cache.
    pub(super) async fn kept<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        call: &Call,
        operation: &'static str,
        key: String,
        provider: &Arc<dyn MetadataProvider>,
        lives: Lives,
        ask: impl Fn(Call) -> BoxFuture<'static, Result<T>> + Sync,
    ) -> Result<T> {
        let limit = self.config.metadata_deadline;
        let flight_key = format!("{:x}\n{key}", address(provider));
        let question = || {
            let answer = ask(Call { viewer_address: None, deadline: Call::within(limit).deadline, ..call.clone() });
            async move { serde_json::to_vec(&answer.await?).map_err(unreadable) }.boxed()
        };
        let shelf = || Shelf { cache: Arc::clone(&self.cache), key: key.clone(), seal: None };
        let flight = || {
            let (shelf, question, now_s) = (shelf(), question(), Arc::clone(&self.now_s));
            async move {
                let now = Arc::clone(&now_s);
                let fresh = async { question.await.map(|json| Entry::new(now(), json)) };
                let read = |bytes: &[u8], _| {
                    let entry = Entry::read(&Bytes::copy_from_slice(bytes), now_s(), lives)?;
                    serde_json::from_slice::<T>(&entry.json).is_ok().then_some(entry)
                };
                let written = |entry: &Entry| Some((entry.to_bytes(), entry.left(now_s(), lives)));
                let timed_out = |_| Error::new(ErrorKind::TimedOut, operation);
                let entry =
                    tokio::time::timeout(limit, shelf.answer(read, written, fresh)).await.map_err(timed_out)??;
                Ok(Bytes::from(entry.to_bytes()))
            }
            .boxed()
        };
        let bytes = self.titles_asked.ask(call, operation, &flight_key, flight).await.map_err(|error| again(&error))?;
        // Just asked for, or of use a moment ago: it is given even when nothing is to be kept at all.
        let json = bytes.slice(HEADER_BYTES.min(bytes.len())..);
        let answer = serde_json::from_slice(&json).map_err(unreadable)?;
        if let Some(entry) = Entry::read(&bytes, (self.now_s)(), lives)
            && entry.is_due((self.now_s)(), lives)
            && let Some(refresh) = self.refreshes.begin(&flight_key)
        {
            self.refresh(refresh, shelf(), entry, lives, question());
        }
        Ok(answer)
    }

    /// Fetches a new answer in the background, once among all that share the cache. One that fails leaves the old one where it is.
    fn refresh(
        &self,
        refresh: Refresh,
        shelf: Shelf,
        old: Entry,
        lives: Lives,
        question: BoxFuture<'static, Result<Vec<u8>>>,
    ) {
        let (limit, now_s) = (self.config.metadata_deadline, Arc::clone(&self.now_s));
        let work = async move {
            let _refresh = refresh;
            let asked = async {
                let timed_out = |_| Error::new(ErrorKind::TimedOut, "refresh metadata");
                let answer = tokio::time::timeout(limit, question).await.map_err(timed_out).flatten();
                Ok(match answer {
                    Ok(json) => Entry::new(now_s(), json),
                    Err(error) => {
                        tracing::debug!(%error, "metadata could not be refreshed; the old answer stays");
                        old.after_failure(now_s(), &error)
                    }
                })
            };
            let read = |bytes: &[u8], _| {
                let entry = Entry::read(&Bytes::copy_from_slice(bytes), now_s(), lives)?;
                (!entry.is_due(now_s(), lives)).then_some(entry)
            };
            let written = |entry: &Entry| Some((entry.to_bytes(), entry.left(now_s(), lives)));
            // As long again for another process that is at it.
            let _ = tokio::time::timeout(limit.saturating_mul(2), shelf.answer(read, written, asked)).await;
        };
        self.ground.tasks.spawn(self.refreshes.end.clone().run_until_cancelled_owned(work));
    }
}

/// Tells providers of one name apart while somebody holds them.
fn address(provider: &Arc<dyn MetadataProvider>) -> usize {
    Arc::as_ptr(provider).addr()
}

fn unreadable(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "keep metadata").because(cause)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use async_trait::async_trait;
    use futures_util::future::join_all;

    use super::*;
    use crate::model::{MediaId, ProviderId, Title, TitleKind, TitleSummary};
    use crate::provider::metadata::{TitleRequest, TitleSearch};
    use crate::resolve::{ProviderSet, ResolveConfig, Viewer};
    use crate::store::cache::{Cache, MemoryCache};
    use crate::store::records::MemoryRecords;

    const LIVES: Lives = Lives { fresh: Duration::from_secs(100), stale: Duration::from_secs(1_000) };

    /// Answers a search with the number of the question, after a while, or fails.
    #[derive(Debug)]
    struct Counting {
        id: ProviderId,
        count: AtomicUsize,
        failure: Mutex<Option<ErrorKind>>,
        thinking: Duration,
    }

    impl Counting {
        fn new(thinking: Duration) -> Arc<Self> {
            let id = ProviderId::new("counting");
            Arc::new(Self { id, count: AtomicUsize::new(0), failure: Mutex::new(None), thinking })
        }

        fn fail(&self, kind: Option<ErrorKind>) {
            *self.failure.lock().unwrap() = kind;
        }

        fn count(&self) -> usize {
            self.count.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl MetadataProvider for Counting {
        fn id(&self) -> &ProviderId {
            &self.id
        }

        async fn search(&self, _: &Call, _: &TitleSearch) -> Result<Vec<TitleSummary>> {
            let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::time::sleep(self.thinking).await;
            let failure = *self.failure.lock().unwrap();
            match failure {
                Some(kind) => Err(Error::new(kind, "test")),
                None => Ok(vec![TitleSummary {
                    media_id: MediaId::of_title("tt7654321".parse::<MediaId>().unwrap().title),
                    kind: TitleKind::Movie,
                    name: format!("Answer {number}"),
                    year: None,
                    overview: None,
                    poster_url: None,
                }]),
            }
        }

        async fn title(&self, _: &Call, _: &TitleRequest) -> Result<Title> {
            Err(Error::new(ErrorKind::NotFound, "test"))
        }
    }

    /// A process with its own resolver, at a cache and a time of day that it shares with others.
    struct Process {
        resolver: Resolver,
        viewer: Viewer,
        time_s: Arc<AtomicU64>,
    }

    impl Process {
        fn new(provider: &Arc<Counting>, cache: &MemoryCache, time_s: &Arc<AtomicU64>) -> Self {
            let config = ResolveConfig {
                metadata_time_to_live: LIVES.fresh,
                metadata_stale_time_to_live: LIVES.stale,
                ..ResolveConfig::default()
            };
            let cache: Arc<dyn Cache> = Arc::new(cache.clone());
            let mut resolver = Resolver::new(config, Arc::new(MemoryRecords::new()), cache);
            let time = Arc::clone(time_s);
            resolver.now_s = Arc::new(move || time.load(Ordering::Relaxed));
            let metadata = vec![Arc::clone(provider) as Arc<dyn MetadataProvider>];
            let providers = Arc::new(ProviderSet { metadata, ..ProviderSet::default() });
            Self { resolver, viewer: Viewer::new("one", providers), time_s: Arc::clone(time_s) }
        }

        async fn ask(&self) -> Result<String> {
            let call = Call::within(Duration::from_secs(600));
            let found = self.resolver.search_titles(&call, &self.viewer, "paper").await;
            found.map(|mut titles| titles.remove(0).name)
        }

        fn pass(&self, time_s: u64) {
            self.time_s.fetch_add(time_s, Ordering::Relaxed);
        }

        /// Waits until nothing is refreshed any more.
        async fn settle(&self) {
            while !self.resolver.refreshes.under_way.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    fn process(provider: &Arc<Counting>) -> Process {
        Process::new(provider, &MemoryCache::default(), &Arc::new(AtomicU64::new(1_700_000_000)))
    }

    /// Goal: a fresh answer costs nothing, a stale one is given at once and refreshed behind it, one that is too old is asked for.
    #[tokio::test(start_paused = true)]
    async fn a_stale_answer_is_given_at_once() {
        let provider = Counting::new(Duration::from_secs(5));
        let process = process(&provider);
        assert_eq!(process.ask().await.unwrap(), "Answer 1");
        process.pass(99);
        assert_eq!(process.ask().await.unwrap(), "Answer 1");
        assert_eq!(provider.count(), 1, "fresh");

        process.pass(1);
        let asked_at = tokio::time::Instant::now();
        assert_eq!(process.ask().await.unwrap(), "Answer 1", "stale");
        assert!(asked_at.elapsed() < Duration::from_secs(1), "nobody waits for the refresh");
        process.settle().await;
        assert_eq!((process.ask().await.unwrap(), provider.count()), ("Answer 2".to_owned(), 2));

        process.pass(1_100);
        assert_eq!(process.ask().await.unwrap(), "Answer 3", "too old to be given");
    }

    /// Goal: a provider that is away takes no answer from anybody, and is not asked again and again.
    #[tokio::test(start_paused = true)]
    async fn who_is_away_takes_no_answer() {
        for kind in [ErrorKind::Unavailable, ErrorKind::Unauthorized, ErrorKind::NotFound, ErrorKind::Malformed] {
            let provider = Counting::new(Duration::from_secs(1));
            let process = process(&provider);
            process.ask().await.unwrap();
            provider.fail(Some(kind));
            process.pass(100);
            for _ in 0..5 {
                assert_eq!(process.ask().await.unwrap(), "Answer 1");
                process.settle().await;
            }
            assert_eq!(provider.count(), 2, "one try, then a rest");
            process.pass(60);
            assert_eq!(process.ask().await.unwrap(), "Answer 1");
            process.settle().await;
            assert_eq!(provider.count(), 3, "another try");

            provider.fail(None);
            process.pass(60);
            process.ask().await.unwrap();
            process.settle().await;
            assert_eq!(process.ask().await.unwrap(), "Answer 4", "it is back");

            provider.fail(Some(kind));
            process.pass(1_100);
            assert_eq!(process.ask().await.unwrap_err().kind(), kind, "nothing of use is left");
        }
    }

    /// Goal: however many ask, in however many processes, one of them refreshes.
    #[tokio::test]
    async fn many_refresh_once() {
        let provider = Counting::new(Duration::from_millis(300));
        let (cache, time_s) = (MemoryCache::default(), Arc::new(AtomicU64::new(1_700_000_000)));
        let processes: Vec<Process> = (0..3).map(|_| Process::new(&provider, &cache, &time_s)).collect();
        processes[0].ask().await.unwrap();
        processes[0].pass(100);
        let answers = join_all((0..200).map(|number| processes[number % 3].ask())).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap() == "Answer 1"));
        join_all(processes.iter().map(Process::settle)).await;
        assert_eq!(provider.count(), 2);
        for process in &processes {
            assert_eq!(process.ask().await.unwrap(), "Answer 2");
        }
        assert_eq!(provider.count(), 2);
    }

    /// Goal: not more than so many are refreshed at a time, and each makes room when it ends.
    #[test]
    fn refreshes_are_limited() {
        let all = Refreshes::default();
        let mut held: Vec<Refresh> = (0..MAX_REFRESHES).map(|number| all.begin(&number.to_string()).unwrap()).collect();
        assert!(all.begin("another").is_none() && all.begin("0").is_none());
        held.pop();
        assert!(all.begin("0").is_none(), "it is under way");
        assert!(all.begin("another").is_some());
    }

    /// Goal: whatever lies in the cache is an entry of now, or none; a clock that is ahead or was put back makes no entry eternal.
    #[test]
    fn entries_have_their_times() {
        let now_s = 1_700_000_000;
        let entry = |asked_at_s| Entry { asked_at_s, ..Entry::new(0, b"[]".to_vec()) };
        let read = |asked_at_s, now_s| Entry::read(&entry(asked_at_s).to_bytes().into(), now_s, LIVES);
        assert_eq!(read(now_s, now_s), Some(entry(now_s)));
        assert!(!entry(now_s).is_due(now_s + 99, LIVES) && entry(now_s).is_due(now_s + 100, LIVES));
        assert!(read(now_s, now_s + 1_099).is_some() && read(now_s, now_s + 1_100).is_none());
        assert!(read(now_s + 300, now_s).is_some() && read(now_s + 301, now_s).is_none());
        let waited = Error::new(ErrorKind::RateLimited, "test").after(Duration::from_secs(500));
        let failed = entry(now_s).after_failure(now_s + 100, &waited);
        assert!(!failed.is_due(now_s + 599, LIVES) && failed.is_due(now_s + 600, LIVES));
        for len in 0..HEADER_BYTES {
            assert_eq!(Entry::read(&Bytes::from(vec![0; len]), now_s, LIVES), None, "{len}");
        }
        let json = Bytes::from_static(br#"{"media_id":"tt7654321","name":"x"}"#);
        assert_eq!(Entry::read(&json, now_s, LIVES), None, "an entry of another form");
    }
}
