//! A Redis, or what speaks like one (Valkey), as several processes share it: a cache ([`super::cache::RedisCache`]) and the pace of
//! accounts ([`RedisBudget`]).
//!
//! It is never needed. Each question has a deadline; after one that passed, or a connection that broke, nothing is asked for a short
//! while, so that an engine with a dead Redis is as fast as one without. Every key begins with [`PREFIX`], has 128 or more bits of a
//! hash for a name, and expires.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisError};

use crate::model::AccountId;
use crate::net::{Rate, Secret, SharedBudget, Turn};
use crate::{Error, ErrorKind, Result};

/// What every key begins with; the number changes with the meaning of what is kept.
pub const PREFIX: &str = "prostream:1:";

/// Longest life of any key.
pub const MAX_TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often it is said that a Redis fails.
const WARNED_EACH: Duration = Duration::from_secs(60);

/// How to reach a Redis.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`, or `redis+unix:///path`. The connection is not encrypted: it should not leave
    /// a network that one trusts.
    pub url: Secret,
    /// Longest wait for an answer, connecting included. Default: 500 ms.
    pub deadline: Duration,
    /// How long nothing is asked after a question without an answer. Default: 2 s.
    pub rest: Duration,
}

impl RedisConfig {
    /// With the default limits.
    #[must_use]
    pub fn new(url: Secret) -> Self {
        Self { url, deadline: Duration::from_millis(500), rest: Duration::from_secs(2) }
    }
}

/// A Redis. Clones share its one connection, which is made when it is needed.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    deadline: Duration,
    rest: Duration,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    troubles: Mutex<Troubles>,
}

impl Redis {
    /// Nothing is connected yet: a Redis that is away now may come later.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is none of Redis.
    pub fn new(config: &RedisConfig) -> Result<Self> {
        let wrong = |detail: &'static str| {
            Error::new(ErrorKind::InvalidInput, "set up Redis")
                .detail(detail)
                .advise("write redis://host:6379, or redis+unix:///path/of/the/socket")
        };
        // What cannot be read is not shown: it may hold a password.
        let info = config.url.expose().into_connection_info().map_err(|_| wrong("its address cannot be read"))?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(wrong("encrypted connections are not offered"));
        }
        let client = Client::open(info).map_err(|_| wrong("its address cannot be used"))?;
        let shared = Shared {
            client,
            deadline: config.deadline,
            rest: config.rest,
            connection: tokio::sync::Mutex::default(),
            troubles: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Sends a command and waits for its answer within the deadline.
    ///
    /// # Errors
    /// `Unavailable` when none came, at once while the last one that did not come is a short while ago; `Storage` for a complaint.
    /// # Cancel safety
    /// Safe to drop at any point; the command may be carried out.
    pub(super) async fn ask<T: FromRedisValue>(&self, operation: &'static str, command: &Cmd) -> Result<T> {
        if self.with_troubles(|troubles| troubles.is_resting(Instant::now())) {
            return Err(away(operation));
        }
        let exchange = async {
            let mut connection = self.connection().await?;
            command.query_async(&mut connection).await
        };
        match tokio::time::timeout(self.shared.deadline, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if is_complaint(&error) => {
                let error = Error::new(ErrorKind::Storage, operation).at("redis").because(error);
                self.warn(&error);
                Err(error)
            }
            Ok(Err(error)) => Err(self.failed(away(operation).because(error)).await),
            Err(_) => Err(self.failed(away(operation).detail("no answer in time")).await),
        }
    }

    async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut connection = self.shared.connection.lock().await;
        if let Some(connection) = connection.as_ref() {
            return Ok(connection.clone());
        }
        // The deadline of whoever asks holds for everything.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let made = self.shared.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(connection.insert(made).clone())
    }

    /// Nobody is asked for a while, and then over a new connection.
    async fn failed(&self, error: Error) -> Error {
        self.with_troubles(|troubles| troubles.rest_until = Instant::now().checked_add(self.shared.rest));
        // Held by one who connects: then it is replaced already.
        if let Ok(mut connection) = self.shared.connection.try_lock() {
            *connection = None;
        }
        self.warn(&error);
        error
    }

    fn warn(&self, error: &Error) {
        if self.with_troubles(|troubles| troubles.is_to_be_told(Instant::now())) {
            tracing::warn!(%error, "Redis fails: this process goes on alone, as if nothing was kept there");
        }
    }

    fn with_troubles<T>(&self, act: impl FnOnce(&mut Troubles) -> T) -> T {
        act(&mut self.shared.troubles.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The address may hold a password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("deadline", &self.shared.deadline).finish_non_exhaustive()
    }
}

fn away(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation).at("redis")
}

/// An answer, though not the one that was hoped for: full, read only, of another type.
fn is_complaint(error: &RedisError) -> bool {
    error.code().is_some() && !error.is_unrecoverable_error()
}

/// A duration as a key's time to live, in milliseconds: at least one, at most [`MAX_TIME_TO_LIVE`].
pub(super) fn expiry_ms(time_to_live: Duration) -> u64 {
    u64::try_from(time_to_live.min(MAX_TIME_TO_LIVE).as_millis()).unwrap_or(u64::MAX).max(1)
}

#[derive(Debug, Default)]
struct Troubles {
    rest_until: Option<Instant>,
    told_at: Option<Instant>,
}

impl Troubles {
    fn is_resting(&self, now: Instant) -> bool {
        self.rest_until.is_some_and(|until| now < until)
    }

    /// Was it long ago that something was said? Then it is said now.
    fn is_to_be_told(&mut self, now: Instant) -> bool {
        let is_due = self.told_at.is_none_or(|told_at| now.saturating_duration_since(told_at) >= WARNED_EACH);
        if is_due {
            self.told_at = Some(now);
        }
        is_due
    }
}

/// The pace of accounts, for all processes that share a Redis. Its clock is the Redis server's.
#[derive(Clone, Debug)]
pub struct RedisBudget {
    redis: Redis,
}

/// GCRA: what is kept is the time at which the account has rested as long as its requests so far are worth, in microseconds. A request
/// may come `burst - 1` intervals before that. A time further ahead than all turns of a burst can be none that was counted here: the
/// clock was put back.
const TAKE: &str = "
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local rested = tonumber(redis.call('GET', KEYS[1]) or now) or now
rested = math.min(now + interval * burst, math.max(now, rested))
local wait = rested - interval * (burst - 1) - now
if wait > 0 then return math.ceil(wait) end
rested = rested + interval
redis.call('SET', KEYS[1], string.format('%.0f', rested), 'PX', math.ceil((rested - now) / 1000) + 1)
return 0
";

/// Longest time from one request to the next that is counted there: a day.
const MAX_INTERVAL_US: u64 = 86_400_000_000;

impl RedisBudget {
    /// Counts there.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl SharedBudget for RedisBudget {
    async fn take(&self, account: &AccountId, rate: Rate) -> Result<Turn> {
        let mut command = redis::cmd("EVAL");
        command
            .arg(TAKE)
            .arg(1)
            .arg(format!("{PREFIX}pace:{}", account.0))
            .arg(u64::try_from(rate.interval.as_micros()).unwrap_or(u64::MAX).clamp(1, MAX_INTERVAL_US))
            .arg(rate.burst.get());
        let wait_us: u64 = self.redis.ask("take turn", &command).await?;
        Ok(if wait_us == 0 { Turn::Taken } else { Turn::After(Duration::from_micros(wait_us)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an address that cannot work is refused at the start, and shows no password.
    #[test]
    fn addresses_are_checked_and_never_shown() {
        let redis = |url: &str| Redis::new(&RedisConfig::new(Secret::new(url)));
        for good in ["redis://localhost", "redis://:SECRET@127.0.0.1:7000/2", "redis+unix:///run/redis.sock"] {
            let shown = format!("{:?} {:?}", redis(good).unwrap(), RedisConfig::new(Secret::new(good)));
            assert!(!shown.contains("SECRET"), "{shown}");
        }
        for wrong in ["", "localhost", "http://user:SECRET@localhost", "rediss://:SECRET@localhost", "redis://:SECRET@"]
        {
            let error = redis(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
        }
    }

    /// Goal: a Redis that is away for long does not fill the log, and is told of again.
    #[test]
    fn troubles_are_told_once_a_minute() {
        let start = Instant::now();
        let mut troubles = Troubles::default();
        let told = (0..180).filter(|second| troubles.is_to_be_told(start + Duration::from_secs(*second))).count();
        assert_eq!(told, 3);
        assert!(!troubles.is_resting(start));
        troubles.rest_until = Some(start + Duration::from_secs(2));
        assert!(
            troubles.is_resting(start + Duration::from_secs(1)) && !troubles.is_resting(start + Duration::from_secs(2))
        );
    }

    /// Goal: every key expires, none at once.
    #[test]
    fn every_key_expires() {
        assert_eq!(expiry_ms(Duration::from_nanos(1)), 1);
        assert_eq!(expiry_ms(Duration::from_secs(2)), 2_000);
        assert_eq!(expiry_ms(Duration::MAX), 7 * 24 * 3_600_000);
    }
}
