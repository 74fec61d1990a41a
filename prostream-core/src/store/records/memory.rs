use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{MAX_HASHES, MAX_LISTED_PLAYBACKS, Observation, PlaybackRecord, Records, not_found};
use crate::model::{InfoHash, ProviderId};
use crate::{Error, ErrorKind, Result};

/// Most observations that are kept; beyond it the older half goes.
const MAX_OBSERVATIONS: usize = 100_000;

/// Most playbacks that are kept; beyond it no other is added.
const MAX_PLAYBACKS: usize = 10_000;

/// Records in memory: gone with the process. For tests, the demo, and programs that keep nothing.
#[derive(Default)]
pub struct MemoryRecords {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    observations: HashMap<(ProviderId, InfoHash), Observation>,
    playbacks: HashMap<String, PlaybackRecord>,
}

impl MemoryRecords {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables. They are whole at every point where a holder could panic, so a poisoned lock is no reason to stop.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.tables();
        f.debug_struct("MemoryRecords")
            .field("observation_count", &tables.observations.len())
            .field("playback_count", &tables.playbacks.len())
            .finish()
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn observe(&self, observation: &Observation) -> Result<()> {
        let observations = &mut self.tables().observations;
        let key = (observation.service.clone(), observation.info_hash);
        if observations.get(&key).is_some_and(|known| known.seen_at_ms > observation.seen_at_ms) {
            return Ok(());
        }
        observations.insert(key, observation.clone());
        if observations.len() > MAX_OBSERVATIONS {
            let mut times: Vec<i64> = observations.values().map(|known| known.seen_at_ms).collect();
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            // Those seen at the same moment as the middle one go with it, so that the limit holds in any case.
            observations.retain(|_, known| known.seen_at_ms > median);
        }
        Ok(())
    }

    async fn observations(&self, service: &ProviderId, hashes: &[InfoHash]) -> Result<Vec<Observation>> {
        if hashes.len() > MAX_HASHES {
            return Err(Error::new(ErrorKind::LimitExceeded, "read observations"));
        }
        let tables = self.tables();
        let mut seen = std::collections::HashSet::new();
        Ok(hashes
            .iter()
            .filter(|hash| seen.insert(**hash))
            .filter_map(|hash| tables.observations.get(&(service.clone(), *hash)).cloned())
            .collect())
    }

    async fn add_playback(&self, record: &PlaybackRecord) -> Result<()> {
        let playbacks = &mut self.tables().playbacks;
        if playbacks.contains_key(&record.id) {
            return Err(Error::new(ErrorKind::InvalidInput, "add playback").detail("the id is there already"));
        }
        if playbacks.len() >= MAX_PLAYBACKS {
            return Err(Error::new(ErrorKind::LimitExceeded, "add playback").detail("too many playbacks in memory"));
        }
        playbacks.insert(record.id.clone(), record.clone());
        Ok(())
    }

    async fn playback(&self, owner: &str, id: &str, now_ms: i64) -> Result<PlaybackRecord> {
        self.tables()
            .playbacks
            .get(id)
            .filter(|record| record.owner == owner && record.expires_at_ms > now_ms)
            .cloned()
            .ok_or_else(|| not_found("read playback"))
    }

    async fn playbacks(&self, owner: &str, now_ms: i64, limit: u32) -> Result<Vec<PlaybackRecord>> {
        let mut found: Vec<PlaybackRecord> = self
            .tables()
            .playbacks
            .values()
            .filter(|record| record.owner == owner && record.expires_at_ms > now_ms)
            .cloned()
            .collect();
        found.sort_by(|a, b| b.created_at_ms.cmp(&a.created_at_ms).then_with(|| a.id.cmp(&b.id)));
        found.truncate(usize::try_from(limit.min(MAX_LISTED_PLAYBACKS)).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn extend_playback(&self, id: &str, expires_at_ms: i64) -> Result<()> {
        let mut tables = self.tables();
        let record = tables.playbacks.get_mut(id).ok_or_else(|| not_found("extend playback"))?;
        record.expires_at_ms = expires_at_ms;
        Ok(())
    }

    async fn remove_playback(&self, owner: &str, id: &str) -> Result<()> {
        let playbacks = &mut self.tables().playbacks;
        if playbacks.get(id).is_some_and(|record| record.owner == owner) {
            playbacks.remove(id);
            return Ok(());
        }
        Err(not_found("remove playback"))
    }

    async fn prune(&self, now_ms: i64, observed_before_ms: i64) -> Result<u64> {
        let tables = &mut *self.tables();
        let before = tables.playbacks.len() + tables.observations.len();
        tables.playbacks.retain(|_, record| record.expires_at_ms > now_ms);
        tables.observations.retain(|_, known| known.seen_at_ms >= observed_before_ms);
        let after = tables.playbacks.len() + tables.observations.len();
        Ok(u64::try_from(before - after).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::Availability;

    /// Goal: memory has a limit, and what is forgotten first is what is oldest.
    /// Method: one observation more than the limit, each a millisecond later.
    #[tokio::test]
    async fn the_oldest_observations_give_way() {
        let records = MemoryRecords::new();
        let service = ProviderId::new("alldebrid");
        let hash = |number: usize| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
            InfoHash(bytes)
        };
        for number in 0..=MAX_OBSERVATIONS {
            let seen_at_ms = number as i64;
            let observation = Observation {
                service: service.clone(),
                info_hash: hash(number),
                availability: Availability::Ready,
                seen_at_ms,
            };
            records.observe(&observation).await.unwrap();
        }
        let left = records.observations(&service, &[hash(0), hash(MAX_OBSERVATIONS)]).await.unwrap();
        assert_eq!(left.iter().map(|known| known.info_hash).collect::<Vec<_>>(), [hash(MAX_OBSERVATIONS)]);
    }
}
