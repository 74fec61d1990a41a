//! The rules of [`prostream_core::store::cache::Cache`], over every implementation.

mod memory {
    use prostream_core::store::cache::MemoryCache;

    prostream_core::cache_suite!(async { ((), MemoryCache::default()) });
}

#[cfg(feature = "redis")]
#[path = "support/redis.rs"]
mod redis_process;

#[cfg(feature = "redis")]
mod redis {
    use std::time::Duration;

    use prostream_core::ErrorKind;
    use prostream_core::net::Secret;
    use prostream_core::store::cache::{Cache, MAX_VALUE_BYTES, RedisCache};
    use prostream_core::store::redis::{PREFIX, Redis, RedisConfig};

    use super::redis_process::RedisProcess;

    const LONG: Duration = Duration::from_secs(600);

    /// Patient with a busy machine, and soon back after a failure.
    fn cache_of(redis: &RedisProcess) -> RedisCache {
        let url = Secret::new(redis.url());
        let config = RedisConfig { deadline: Duration::from_secs(10), rest: Duration::ZERO, ..RedisConfig::new(url) };
        RedisCache::new(Redis::new(&config).unwrap())
    }

    async fn start() -> (RedisProcess, RedisCache) {
        let process = RedisProcess::start();
        let cache = cache_of(&process);
        (process, cache)
    }

    prostream_core::cache_suite!(start());

    /// Goal: what lies in a Redis tells nobody what people look for, ends by itself and cannot grow.
    /// Method: a plain value, a sealed one and a claim, all with telling names; then everything in it is looked at.
    #[tokio::test]
    async fn keys_are_hashed_and_expire_and_sealed_values_are_unreadable() {
        let (process, cache) = start().await;
        cache.write("search\npaper lanterns", "[]".into(), Duration::MAX).await.unwrap();
        let secret = "http://indexer.example/dl?passkey=k3y";
        cache.write_sealed("releases\npaper lanterns", secret.into(), LONG, &Secret::new("seal")).await.unwrap();
        assert!(cache.claim("releases\npaper lanterns", "owner", LONG).await.unwrap());

        let keys = process.ask(&["KEYS", "*"]);
        assert_eq!(keys.len(), 3, "{keys:?}");
        for key in &keys {
            let (kind, hash) = key.strip_prefix(PREFIX).and_then(|name| name.split_once(':')).unwrap();
            assert!(["value", "claim"].contains(&kind) && hash.len() == 64, "{key}");
            let left_s: u64 = process.ask(&["TTL", key])[0].parse().unwrap();
            assert!((1..=7 * 24 * 3600).contains(&left_s), "{key}: {left_s}");
            let value = process.ask(&["GET", key]).join("\n");
            assert!(
                !value.contains("passkey") && !value.contains("indexer") && !value.contains("k3y"),
                "{key}: {value}"
            );
        }
    }

    /// Goal: a value that was moved, cut or made larger than any of ours by somebody else is none.
    #[tokio::test]
    async fn what_others_did_to_values_is_noticed() {
        let (process, cache) = start().await;
        let seal = Secret::new("seal");
        cache.write_sealed("a", "of a".into(), LONG, &seal).await.unwrap();
        let a = process.ask(&["KEYS", "*"]).remove(0);
        cache.write_sealed("b", "of b".into(), LONG, &seal).await.unwrap();
        let b = process.ask(&["KEYS", "*"]).into_iter().find(|key| *key != a).unwrap();
        process.ask(&["COPY", &a, &b, "REPLACE"]);
        assert_eq!(cache.read_sealed("b", &seal).await.unwrap(), None);
        assert_eq!(cache.read_sealed("a", &seal).await.unwrap(), Some("of a".into()));

        process.ask(&["SET", &a, "p"]);
        process.ask(&["SETRANGE", &a, &(MAX_VALUE_BYTES + 1).to_string(), "x"]);
        assert_eq!(cache.read("a").await.unwrap(), None);
        process.ask(&["DEL", &a]);
        process.ask(&["LPUSH", &a, "x"]);
        assert_eq!(cache.read("a").await.unwrap_err().kind(), ErrorKind::Storage);
        cache.write("a", "again".into(), LONG).await.unwrap();
        assert_eq!(cache.read("a").await.unwrap(), Some("again".into()));
    }

    /// Goal: a Redis that is away is an error, and one that came back is used again.
    #[tokio::test]
    async fn it_may_go_and_come_back() {
        let (mut process, cache) = start().await;
        cache.write("key", "value".into(), LONG).await.unwrap();
        process.end();
        assert_eq!(cache.read("key").await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(cache.claim("key", "one", LONG).await.unwrap_err().kind(), ErrorKind::Unavailable);
        process.start_again();
        assert_eq!(cache.read("key").await.unwrap(), None);
        assert!(cache.claim("key", "one", LONG).await.unwrap());
    }

    /// Goal: one that takes questions and does not answer costs a deadline, and then nothing for a while.
    /// Method: a Redis that is stopped, a deadline of 100 ms, and a rest of an hour; a hundred questions after the first take no time, so
    /// that even the sum of their deadlines, 10 s, is far away.
    #[tokio::test]
    async fn a_slow_one_costs_one_deadline() {
        let process = RedisProcess::start();
        let config = RedisConfig {
            deadline: Duration::from_millis(100),
            rest: Duration::from_secs(3600),
            ..RedisConfig::new(Secret::new(process.url()))
        };
        let cache = RedisCache::new(Redis::new(&config).unwrap());
        process.freeze();
        let first = cache.read("key").await.unwrap_err();
        assert_eq!((first.kind(), first.detail_text()), (ErrorKind::Unavailable, Some("no answer in time")));
        for _ in 0..100 {
            let later = cache.read("key").await.unwrap_err();
            assert_eq!((later.kind(), later.detail_text()), (ErrorKind::Unavailable, None), "nothing was asked");
        }
        process.wake();
    }
}
