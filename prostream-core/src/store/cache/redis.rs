use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::cmd;
use sha2::{Digest, Sha256};

use super::{Cache, MAX_VALUE_BYTES};
use crate::net::Secret;
use crate::store::redis::{PREFIX, Redis, expiry_ms};
use crate::store::seal;
use crate::{Error, ErrorKind, Result};

/// First byte of a value that stands as it is, and of one that is sealed.
const PLAIN: u8 = b'p';
const SEALED: u8 = b's';

/// As much of a value as is read: no more than was ever written, whatever lies there.
const MAX_STORED_BYTES: usize = 1 + MAX_VALUE_BYTES + seal::SEAL_BYTES;

/// Takes or prolongs a claim, unless it is another's.
const CLAIM: &str = "
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

/// Ends a claim, unless it is another's.
const RELEASE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
";

/// A cache in a Redis that several processes share. Keys are hashed: what people look for stands in none. Sealed values are encrypted.
///
/// Which values give way when it is full is up to its `maxmemory-policy`, such as `allkeys-lru`.
#[derive(Clone, Debug)]
pub struct RedisCache {
    redis: Redis,
}

impl RedisCache {
    /// Keeps values there.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }

    async fn read_stored(&self, key: &str) -> Result<Vec<u8>> {
        // Nothing, for a key that is not there; values that we wrote are never empty.
        self.redis.ask("read cache", cmd("GETRANGE").arg(key).arg(0).arg(MAX_STORED_BYTES)).await
    }

    async fn write_stored(&self, key: &str, stored: &[u8], time_to_live: Duration) -> Result<()> {
        let expiry_ms = expiry_ms(time_to_live);
        self.redis.ask("write cache", cmd("SET").arg(key).arg(stored).arg("PX").arg(expiry_ms)).await
    }
}

fn value_key(key: &str) -> String {
    hashed("value", key)
}

fn claim_key(key: &str) -> String {
    hashed("claim", key)
}

fn hashed(kind: &str, key: &str) -> String {
    let hex: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{kind}:{hex}")
}

/// What was written before is out of date when this is not kept.
fn is_kept(value: &Bytes, time_to_live: Duration) -> bool {
    value.len() <= MAX_VALUE_BYTES && !time_to_live.is_zero()
}

#[async_trait]
impl Cache for RedisCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let stored = Bytes::from(self.read_stored(&value_key(key)).await?);
        let is_plain = stored.first() == Some(&PLAIN) && stored.len() <= 1 + MAX_VALUE_BYTES;
        Ok(is_plain.then(|| stored.slice(1..)))
    }

    async fn write(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        if !is_kept(&value, time_to_live) {
            return self.remove(key).await;
        }
        self.write_stored(&value_key(key), &[&[PLAIN], &value[..]].concat(), time_to_live).await
    }

    async fn remove(&self, key: &str) -> Result<()> {
        self.redis.ask("remove from cache", cmd("DEL").arg(value_key(key))).await
    }

    async fn read_sealed(&self, key: &str, secret: &Secret) -> Result<Option<Bytes>> {
        let key = value_key(key);
        let stored = self.read_stored(&key).await?;
        let sealed = stored.split_first().filter(|(kind, _)| **kind == SEALED).map(|(_, sealed)| sealed);
        Ok(sealed.and_then(|sealed| seal::open(secret, &key, sealed)).map(Bytes::from))
    }

    async fn write_sealed(&self, key: &str, value: Bytes, time_to_live: Duration, secret: &Secret) -> Result<()> {
        if !is_kept(&value, time_to_live) {
            return self.remove(key).await;
        }
        let key = value_key(key);
        let sealed = seal::seal(secret, &key, &value)?;
        self.write_stored(&key, &[&[SEALED], &sealed[..]].concat(), time_to_live).await
    }

    async fn claim(&self, key: &str, owner: &str, time_to_live: Duration) -> Result<bool> {
        if owner.is_empty() || owner.len() > 64 {
            return Err(Error::new(ErrorKind::InvalidInput, "claim work").detail("an owner's name has 1 to 64 bytes"));
        }
        let expiry_ms = expiry_ms(time_to_live);
        let mut command = cmd("EVAL");
        command.arg(CLAIM).arg(1).arg(claim_key(key)).arg(owner).arg(expiry_ms);
        self.redis.ask("claim work", &command).await
    }

    async fn release(&self, key: &str, owner: &str) -> Result<()> {
        let mut command = cmd("EVAL");
        command.arg(RELEASE).arg(1).arg(claim_key(key)).arg(owner);
        self.redis.ask("release work", &command).await
    }
}
