//! What every [`Cache`] keeps to: [`cache_suite!`](crate::cache_suite) makes a test of each rule.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::net::Secret;
use crate::store::cache::{Cache, MAX_VALUE_BYTES};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

/// A test for each rule of this module. `$start` is an expression that gives `(guard, impl Cache)` of an empty cache when awaited;
/// the guard lives as long as the test.
#[macro_export]
macro_rules! cache_suite {
    ($start:expr) => {
        $crate::cache_suite!(@ $start;
            gives_back_what_was_written a_later_value_replaces_an_earlier_one forgets_what_is_removed forgets_in_time
            a_value_with_no_time_is_not_kept too_large_a_value_is_not_kept
            a_sealed_value_is_read_with_its_seal_alone a_claim_is_one_owners a_claim_ends_in_time
            a_claim_is_released_by_its_owner_alone of_many_claims_at_once_one_holds);
    };
    (@ $start:expr; $($rule:ident)*) => { $(
        #[tokio::test]
        async fn $rule() {
            let (_guard, cache) = $start.await;
            $crate::testing::cache::$rule(&cache).await;
        }
    )* };
}

/// Goal: bytes of any kind come back, under their own key only.
pub async fn gives_back_what_was_written(cache: &impl Cache) {
    let value = Bytes::from_static(b"\0\xff bytes \r\n");
    cache.write("a key: with 'odd' text", value.clone(), LONG).await.unwrap();
    cache.write("empty", Bytes::new(), LONG).await.unwrap();
    assert_eq!(cache.read("a key: with 'odd' text").await.unwrap(), Some(value));
    assert_eq!(cache.read("empty").await.unwrap(), Some(Bytes::new()));
    assert_eq!(cache.read("a key").await.unwrap(), None);
}

/// Goal: the last value counts, and its time with it.
pub async fn a_later_value_replaces_an_earlier_one(cache: &impl Cache) {
    cache.write("key", "first".into(), Duration::from_millis(20)).await.unwrap();
    cache.write("key", "second".into(), LONG).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(cache.read("key").await.unwrap(), Some("second".into()));
}

/// Goal: what is removed is gone; removing nothing is no error.
pub async fn forgets_what_is_removed(cache: &impl Cache) {
    cache.write("key", "value".into(), LONG).await.unwrap();
    cache.remove("key").await.unwrap();
    cache.remove("key").await.unwrap();
    assert_eq!(cache.read("key").await.unwrap(), None);
}

/// Goal: no answer is older than its time to live.
/// Method: wait for longer than it; that the value is there before is not asserted, as the machine may be slow.
pub async fn forgets_in_time(cache: &impl Cache) {
    cache.write("short", "value".into(), Duration::from_millis(30)).await.unwrap();
    cache.write("long", "value".into(), LONG).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(cache.read("short").await.unwrap(), None);
    assert!(cache.read("long").await.unwrap().is_some());
}

/// Goal: a value without time is not kept, and neither is the one it replaces.
pub async fn a_value_with_no_time_is_not_kept(cache: &impl Cache) {
    cache.write("key", "first".into(), LONG).await.unwrap();
    cache.write("key", "second".into(), Duration::ZERO).await.unwrap();
    assert_eq!(cache.read("key").await.unwrap(), None);
}

/// Goal: the largest value is kept; one byte more is not, nor is the value it replaces.
pub async fn too_large_a_value_is_not_kept(cache: &impl Cache) {
    let largest = Bytes::from(vec![1; MAX_VALUE_BYTES]);
    cache.write("key", largest.clone(), LONG).await.unwrap();
    assert_eq!(cache.read("key").await.unwrap(), Some(largest));
    cache.write("key", vec![2; MAX_VALUE_BYTES + 1].into(), LONG).await.unwrap();
    assert_eq!(cache.read("key").await.unwrap(), None);
}

/// Goal: what holds secrets is read by those alone who have its seal, and there is one value for a key, however it was written.
pub async fn a_sealed_value_is_read_with_its_seal_alone(cache: &impl Cache) {
    let (seal, other) = (Secret::new("the seal"), Secret::new("another"));
    let value = Bytes::from_static(b"https://indexer.example/get?passkey=secret \0\xff");
    cache.write_sealed("key", value.clone(), LONG, &seal).await.unwrap();
    assert_eq!(cache.read_sealed("key", &seal).await.unwrap(), Some(value.clone()));
    assert_eq!(cache.read_sealed("key", &other).await.unwrap(), None);
    assert_eq!(cache.read("key").await.unwrap(), None, "sealed is not plain");
    assert_eq!(cache.read_sealed("other key", &seal).await.unwrap(), None);

    cache.write("key", value.clone(), LONG).await.unwrap();
    assert_eq!(cache.read_sealed("key", &seal).await.unwrap(), None, "plain is not sealed");
    cache.write_sealed("key", value.clone(), LONG, &seal).await.unwrap();
    cache.remove("key").await.unwrap();
    assert_eq!(cache.read_sealed("key", &seal).await.unwrap(), None);

    let largest = Bytes::from(vec![1; MAX_VALUE_BYTES]);
    cache.write_sealed("key", largest.clone(), LONG, &seal).await.unwrap();
    assert_eq!(cache.read_sealed("key", &seal).await.unwrap(), Some(largest));
    cache.write_sealed("key", vec![2; MAX_VALUE_BYTES + 1].into(), LONG, &seal).await.unwrap();
    assert_eq!(cache.read_sealed("key", &seal).await.unwrap(), None);
    cache.write_sealed("key", value, Duration::ZERO, &seal).await.unwrap();
    assert_eq!(cache.read_sealed("key", &seal).await.unwrap(), None);
}

/// Goal: one is at work on a thing; claims and values do not meet.
pub async fn a_claim_is_one_owners(cache: &impl Cache) {
    cache.write("key", "value".into(), LONG).await.unwrap();
    assert!(cache.claim("key", "one", LONG).await.unwrap());
    assert!(!cache.claim("key", "two", LONG).await.unwrap());
    assert!(cache.claim("key", "one", LONG).await.unwrap(), "the owner may say so again");
    assert!(cache.claim("other key", "two", LONG).await.unwrap());
    cache.remove("key").await.unwrap();
    assert!(!cache.claim("key", "two", LONG).await.unwrap());
}

/// Goal: whoever died at work is not waited for forever, and a claim that is said again lasts.
pub async fn a_claim_ends_in_time(cache: &impl Cache) {
    assert!(cache.claim("short", "one", Duration::from_millis(30)).await.unwrap());
    assert!(cache.claim("long", "one", Duration::from_millis(30)).await.unwrap());
    assert!(cache.claim("long", "one", LONG).await.unwrap());
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(cache.claim("short", "two", LONG).await.unwrap());
    assert!(!cache.claim("long", "two", LONG).await.unwrap());
    assert!(!cache.claim("short", "one", LONG).await.unwrap(), "who was too slow learns of it");
}

/// Goal: one whose claim ended while he worked does not end that of his successor.
pub async fn a_claim_is_released_by_its_owner_alone(cache: &impl Cache) {
    cache.release("key", "one").await.unwrap();
    assert!(cache.claim("key", "one", LONG).await.unwrap());
    cache.release("key", "two").await.unwrap();
    assert!(!cache.claim("key", "two", LONG).await.unwrap());
    cache.release("key", "one").await.unwrap();
    assert!(cache.claim("key", "two", LONG).await.unwrap());
}

/// Goal: a claim is given once, however many ask together.
pub async fn of_many_claims_at_once_one_holds(cache: &impl Cache) {
    let owners: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let claims = join_all(owners.iter().map(|owner| cache.claim("key", owner, LONG))).await;
    let held_count = claims.into_iter().filter(|claim| *claim.as_ref().unwrap()).count();
    assert_eq!(held_count, 1);
}
