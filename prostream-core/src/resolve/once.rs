//! Questions to the outside that are asked once, however many want the answer: [`Flights`] within this process, [`Shelf`] among all
//! that share a cache.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::hex;
use crate::net::{Call, Secret};
use crate::store::cache::Cache;
use crate::{Error, ErrorKind, Result};

/// Most questions under way whose answers are shared; what is asked beyond is asked for one alone.
const MAX_FLIGHTS: usize = 10_000;

/// How long a process that died at work is waited for.
const CLAIM_TIME_TO_LIVE: Duration = Duration::from_secs(4);

/// How often a claim is prolonged.
const CLAIMED_EACH: Duration = Duration::from_secs(1);

/// How soon it is looked again whether another process has the answer: doubled each time, up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(25);
const LONGEST_LOOK: Duration = Duration::from_millis(200);

/// An answer as all who wait for it get it.
type Answer<T> = Result<T, Arc<Error>>;
type Flight<T> = BoxFuture<'static, Answer<T>>;

/// Questions under way in this process. Nothing runs by itself: those who wait for an answer drive it together, so that it goes on when one
/// of them leaves, and ends when the last one does.
pub(super) struct Flights<T> {
    under_way: Arc<Mutex<UnderWay<T>>>,
}

struct UnderWay<T> {
    by_key: HashMap<String, (u64, WeakShared<Flight<T>>)>,
    last_number: u64,
}

impl<T> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Self { under_way: Arc::clone(&self.under_way) }
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(super) fn new() -> Self {
        Self { under_way: Arc::new(Mutex::new(UnderWay { by_key: HashMap::new(), last_number: 0 })) }
    }

    /// The answer to the question that `key` names: of the one that is under way, or of the one that `ask` begins.
    ///
    /// A question has a deadline of its own, as it is nobody's alone; each caller waits until his. One who came late and sees it run into
    /// its deadline asks again while his own lasts.
    ///
    /// # Errors
    /// `TimedOut` when the call's deadline passed; what the question ended with.
    /// # Cancel safety
    /// Safe to drop at any point: the others go on.
    pub(super) async fn ask(
        &self,
        call: &Call,
        operation: &'static str,
        key: &str,
        ask: impl Fn() -> BoxFuture<'static, Result<T>> + Sync,
    ) -> Answer<T> {
        loop {
            let (flight, is_ours) = self.join(key, &ask);
            match tokio::time::timeout(call.remaining(), flight).await {
                Ok(Err(error)) if !is_ours && error.kind() == ErrorKind::TimedOut && !call.remaining().is_zero() => {}
                Ok(answer) => return answer,
                Err(_) => return Err(Arc::new(Error::new(ErrorKind::TimedOut, operation))),
            }
        }
    }

    /// The flight under this key, and whether it has only begun.
    fn join(&self, key: &str, ask: impl Fn() -> BoxFuture<'static, Result<T>>) -> (Shared<Flight<T>>, bool) {
        // Nothing of a flight is dropped while this is held: what ends a flight takes it as well.
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = under_way.by_key.get(key).and_then(|(_, flight)| flight.upgrade()) {
            return (flight, false);
        }
        under_way.last_number = under_way.last_number.wrapping_add(1);
        let number = under_way.last_number;
        let landing = Landing { under_way: Arc::clone(&self.under_way), key: key.to_owned(), number };
        let question = ask();
        let flight = async move {
            let _landing = landing;
            // A provider that panics is one answer less, not a panic of everybody who waits.
            match AssertUnwindSafe(question).catch_unwind().await {
                Ok(answer) => answer.map_err(Arc::new),
                Err(_) => Err(Arc::new(Error::new(ErrorKind::Internal, "ask provider").detail("it panicked"))),
            }
        };
        let flight = flight.boxed().shared();
        if under_way.by_key.len() < MAX_FLIGHTS
            && let Some(weak) = flight.downgrade()
        {
            under_way.by_key.insert(key.to_owned(), (number, weak));
        }
        (flight, true)
    }
}

/// Takes a flight off the list when it ends, or when nobody waits for it any more.
struct Landing<T> {
    under_way: Arc<Mutex<UnderWay<T>>>,
    key: String,
    number: u64,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // A later flight may have taken the place of one that everybody left.
        if under_way.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            under_way.by_key.remove(&self.key);
        }
    }
}

/// Where the answer to one question is kept for all who share a cache, and where one says that he is asking it.
#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) cache: Arc<dyn Cache>,
    pub(super) key: String,
    /// Keeps what holds secrets from whoever can read the cache but does not know this.
    pub(super) seal: Option<Secret>,
}

impl Shelf {
    /// The answer that lies here, or the one that `ask` gives, which then lies here. Of many processes one asks; the others wait for what it
    /// finds, and when it finds nothing, or dies, the next one asks. A cache that fails costs time, not the answer.
    ///
    /// `read` and `written` are the two directions between answers and bytes; `read` is told whether the answer was waited for, `written`
    /// gives nothing for an answer that is not to be kept.
    ///
    /// # Errors
    /// Those of `ask`. The caller sets the deadline.
    /// # Cancel safety
    /// Safe to drop at any point: a claim is given back behind the caller's back, and ends by itself where that fails.
    pub(super) async fn answer<T>(
        &self,
        read: impl Fn(&[u8], bool) -> Option<T>,
        written: impl Fn(&T) -> Option<(Vec<u8>, Duration)>,
        ask: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let owner = owner();
        let mut look = FIRST_LOOK;
        let mut has_waited = false;
        let claimed = loop {
            if let Some(answer) = self.read().await.and_then(|bytes| read(&bytes, has_waited)) {
                return Ok(answer);
            }
            // Held from before it is asked for: who leaves meanwhile does not hear that it is his.
            let claimed = Claimed::new(self, &owner);
            if self.claim(&owner).await {
                break claimed;
            }
            claimed.forget();
            has_waited = true;
            tokio::time::sleep(look).await;
            look = look.saturating_mul(2).min(LONGEST_LOOK);
        };
        // It may have come between the look and the claim.
        if let Some(answer) = self.read().await.and_then(|bytes| read(&bytes, has_waited)) {
            claimed.release().await;
            return Ok(answer);
        }
        let answer = tokio::select! {
            answer = ask => answer,
            never = self.keep_claim(&owner) => match never {},
        };
        if let Ok(answer) = &answer
            && let Some((bytes, time_to_live)) = written(answer)
        {
            self.write(bytes.into(), time_to_live).await;
        }
        claimed.release().await;
        answer
    }

    async fn keep_claim(&self, owner: &str) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(CLAIMED_EACH).await;
            self.claim(owner).await;
        }
    }

    async fn read(&self) -> Option<Bytes> {
        let read = match &self.seal {
            Some(seal) => self.cache.read_sealed(&self.key, seal).await,
            None => self.cache.read(&self.key).await,
        };
        read.unwrap_or_else(|error| {
            tracing::debug!(%error, "cache read failed");
            None
        })
    }

    async fn write(&self, bytes: Bytes, time_to_live: Duration) {
        let written = match &self.seal {
            Some(seal) => self.cache.write_sealed(&self.key, bytes, time_to_live, seal).await,
            None => self.cache.write(&self.key, bytes, time_to_live).await,
        };
        if let Err(error) = written {
            tracing::debug!(%error, "cache write failed");
        }
    }

    /// Who cannot ask the others asks the outside.
    async fn claim(&self, owner: &str) -> bool {
        self.cache.claim(&self.key, owner, CLAIM_TIME_TO_LIVE).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "work could not be claimed");
            true
        })
    }

    async fn release(&self, owner: &str) {
        if let Err(error) = self.cache.release(&self.key, owner).await {
            tracing::debug!(%error, "a claim ends by itself");
        }
    }
}

/// The work is claimed, as long as this is held: whoever leaves in the middle of it blocks nobody who asks the same.
struct Claimed<'a> {
    shelf: &'a Shelf,
    owner: &'a str,
    is_held: bool,
}

impl<'a> Claimed<'a> {
    fn new(shelf: &'a Shelf, owner: &'a str) -> Self {
        Self { shelf, owner, is_held: true }
    }

    /// It is another's.
    fn forget(mut self) {
        self.is_held = false;
    }

    /// The work is done.
    async fn release(mut self) {
        self.shelf.release(self.owner).await;
        self.is_held = false;
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        // Where the program ends as well, the claim ends by itself.
        if self.is_held
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (shelf, owner) = (self.shelf.clone(), self.owner.to_owned());
            // Nobody waits for it: it takes no longer than the cache's own deadline.
            runtime.spawn(async move { shelf.release(&owner).await });
        }
    }
}

/// A name that nobody else has.
fn owner() -> String {
    let mut bytes = [0; 16];
    // Without randomness all have one name: each takes the claim for its own, and all ask.
    let _ = getrandom::fill(&mut bytes);
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, ready};

    use super::*;
    use crate::store::cache::MemoryCache;

    const LONG: Duration = Duration::from_secs(600);

    fn flights() -> Flights<usize> {
        Flights::new()
    }

    fn wait_for(count: &Arc<AtomicUsize>, time: Duration) -> impl Fn() -> BoxFuture<'static, Result<usize>> {
        let count = Arc::clone(count);
        move || {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                tokio::time::sleep(time).await;
                Ok(number)
            }
            .boxed()
        }
    }

    /// Goal: many who ask the same together cost one question, and the next one to come another.
    #[tokio::test(start_paused = true)]
    async fn many_ask_once() {
        let (flights, count) = (flights(), Arc::default());
        let ask = wait_for(&count, Duration::from_secs(1));
        let call = Call::within(LONG);
        let answers = join_all((0..200).map(|_| flights.ask(&call, "test", "key", &ask))).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(1))));
        assert_eq!(flights.ask(&call, "test", "key", &ask).await.unwrap(), 2);
        assert!(flights.under_way.lock().unwrap().by_key.is_empty());
    }

    /// Goal: whoever leaves first, the one who began or one who came later, the others get their answer; nobody left means nothing left.
    #[tokio::test(start_paused = true)]
    async fn who_leaves_ends_nothing_for_the_others() {
        let (flights, count) = (flights(), Arc::default());
        let ask = wait_for(&count, Duration::from_secs(10));
        let (short, call) = (Call::within(Duration::from_secs(1)), Call::within(LONG));
        // The one who begins has the shortest deadline of all.
        let (first, second, third) = tokio::join!(
            flights.ask(&short, "test", "key", &ask),
            flights.ask(&call, "test", "key", &ask),
            tokio::time::timeout(Duration::from_secs(5), flights.ask(&call, "test", "key", &ask)),
        );
        assert_eq!(first.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(second.unwrap(), 1);
        assert!(third.is_err());

        let left = tokio::time::timeout(Duration::from_secs(5), flights.ask(&call, "test", "key", &ask)).await;
        assert!(left.is_err() && flights.under_way.lock().unwrap().by_key.is_empty());
        assert_eq!(flights.ask(&call, "test", "key", &ask).await.unwrap(), 3);
    }

    /// Goal: one who came late is not cut by the deadline of a question that was there before; what else went wrong is everybody's answer.
    #[tokio::test(start_paused = true)]
    async fn late_comers_ask_again_when_time_ran_out() {
        let (flights, count) = (flights(), Arc::new(AtomicUsize::new(0)));
        let ask = |kind: ErrorKind| {
            let count = Arc::clone(&count);
            move || -> BoxFuture<'static, Result<usize>> {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if number == 1 { Err(Error::new(kind, "test")) } else { Ok(number) }
                }
                .boxed()
            }
        };
        let call = Call::within(LONG);
        let timed_out = ask(ErrorKind::TimedOut);
        let (first, second, third) = tokio::join!(
            flights.ask(&call, "test", "key", &timed_out),
            flights.ask(&call, "test", "key", &timed_out),
            flights.ask(&call, "test", "key", &timed_out),
        );
        assert_eq!(first.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!((second.unwrap(), third.unwrap()), (2, 2));

        count.store(0, Ordering::Relaxed);
        let refused = ask(ErrorKind::RateLimited);
        let (first, second) =
            tokio::join!(flights.ask(&call, "test", "key", &refused), flights.ask(&call, "test", "key", &refused),);
        let kinds = (first.unwrap_err().kind(), second.unwrap_err().kind());
        assert_eq!(kinds, (ErrorKind::RateLimited, ErrorKind::RateLimited));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    /// Goal: a provider that panics fails its question and nothing else.
    #[tokio::test]
    async fn a_panic_is_an_error() {
        let flights = flights();
        let ask = || -> BoxFuture<'static, Result<usize>> { async { panic!("a provider of somebody else") }.boxed() };
        let error = flights.ask(&Call::within(LONG), "test", "key", ask).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        let answer = flights.ask(&Call::within(LONG), "test", "key", || ready(Ok(5)).boxed()).await;
        assert_eq!(answer.unwrap(), 5);
    }

    fn shelf(cache: &MemoryCache) -> Shelf {
        Shelf { cache: Arc::new(cache.clone()), key: "key".into(), seal: Some(Secret::new("seal")) }
    }

    fn written(value: &String) -> Option<(Vec<u8>, Duration)> {
        Some((value.as_bytes().to_vec(), LONG))
    }

    fn read(bytes: &[u8], _: bool) -> Option<String> {
        String::from_utf8(bytes.to_vec()).ok()
    }

    /// Goal: of several processes one asks, and all have its answer.
    /// Method: three shelves of one cache; each question takes longer than a claim lives, so that it has to be prolonged.
    #[tokio::test]
    async fn of_several_processes_one_asks() {
        let (cache, count) = (MemoryCache::default(), AtomicUsize::new(0));
        let shelf = shelf(&cache);
        let ask = || async {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(CLAIM_TIME_TO_LIVE + Duration::from_millis(500)).await;
            Ok("answer".to_owned())
        };
        let answers = join_all((0..3).map(|_| shelf.answer(read, written, ask()))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap() == "answer"));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    /// Goal: who leaves in the middle of a question keeps nobody from asking it: he blocked it until his claim had ended by itself.
    /// Method: the claim is free at once for another, in less time than it lives.
    #[tokio::test(start_paused = true)]
    async fn who_leaves_gives_his_claim_back() {
        let cache = MemoryCache::default();
        let shelf = shelf(&cache);
        let asking = shelf.answer(read, written, std::future::pending());
        let moment = Duration::from_millis(1);
        assert!(tokio::time::timeout(moment, asking).await.is_err());
        // What was begun behind the caller's back has its turn.
        tokio::time::sleep(moment).await;
        assert!(cache.claim("key", "another", CLAIM_TIME_TO_LIVE).await.unwrap());
        // Who merely waited for another has nothing to give back.
        assert!(tokio::time::timeout(moment, shelf.answer(read, written, async { Ok(String::new()) })).await.is_err());
        tokio::time::sleep(moment).await;
        assert!(!cache.claim("key", "a third", CLAIM_TIME_TO_LIVE).await.unwrap());
    }

    /// Goal: an answer that fails, or is not kept, is asked for by the next one.
    #[tokio::test]
    async fn when_one_finds_nothing_the_next_one_asks() {
        let (cache, count) = (MemoryCache::default(), AtomicUsize::new(0));
        let shelf = shelf(&cache);
        let ask = || async {
            tokio::task::yield_now().await;
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::new(ErrorKind::Unavailable, "test")),
                _ => Ok("answer".to_owned()),
            }
        };
        let (first, second) = tokio::join!(shelf.answer(read, |_| None, ask()), shelf.answer(read, |_| None, ask()));
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(second.unwrap(), "answer");
        assert_eq!(shelf.answer(read, written, ask()).await.unwrap(), "answer");
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert_eq!(shelf.answer(read, written, ask()).await.unwrap(), "answer");
        assert_eq!(count.load(Ordering::Relaxed), 3, "now it is kept");
    }

    /// Goal: bytes that are no answer, whoever wrote them, are as if there were none.
    #[tokio::test]
    async fn what_cannot_be_read_is_asked_for() {
        let cache = MemoryCache::default();
        let shelf = shelf(&cache);
        cache.write_sealed("key", Bytes::from_static(b"\xff\xff"), LONG, &Secret::new("seal")).await.unwrap();
        assert_eq!(shelf.answer(read, written, async { Ok("answer".to_owned()) }).await.unwrap(), "answer");
        cache.write("key", "written by somebody without the seal".into(), LONG).await.unwrap();
        assert_eq!(shelf.answer(read, written, async { Ok("answer".to_owned()) }).await.unwrap(), "answer");
    }

    /// Always away.
    #[derive(Debug)]
    struct Away;

    #[async_trait::async_trait]
    impl Cache for Away {
        async fn read(&self, _: &str) -> Result<Option<Bytes>> {
            Err(Error::new(ErrorKind::Unavailable, "test"))
        }
        async fn write(&self, _: &str, _: Bytes, _: Duration) -> Result<()> {
            Err(Error::new(ErrorKind::Unavailable, "test"))
        }
        async fn remove(&self, _: &str) -> Result<()> {
            Err(Error::new(ErrorKind::Unavailable, "test"))
        }
        async fn claim(&self, _: &str, _: &str, _: Duration) -> Result<bool> {
            Err(Error::new(ErrorKind::Unavailable, "test"))
        }
    }

    /// Goal: a cache that fails at everything costs no answer.
    #[tokio::test]
    async fn a_cache_that_fails_costs_no_answer() {
        for seal in [None, Some(Secret::new("seal"))] {
            let shelf = Shelf { cache: Arc::new(Away), key: "key".into(), seal };
            assert_eq!(shelf.answer(read, written, async { Ok("answer".to_owned()) }).await.unwrap(), "answer");
        }
    }
}
