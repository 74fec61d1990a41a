//! What every [`Cache`] keeps to: [`cache_suite!`](crate::cache_suite) makes a test of each rule.

use std::time::Duration;

use bytes::Bytes;

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
            a_value_with_no_time_is_not_kept too_large_a_value_is_not_kept);
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
