use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    MAX_ALIASES, MAX_HASHES, MAX_LISTED_PLAYBACKS, MAX_OBSERVED_FILES, MAX_PREPARINGS, MediaAlias, Observation,
    ObservedFile, PlaybackRecord, PreparingRecord, Records, StoredIndex, check_index_size, id_is_taken, not_found,
    too_many_preparings,
};
use crate::model::{ContentId, InfoHash, ProviderId};
use crate::{Error, ErrorKind, Result};

/// Most observations that are kept; beyond it the older half goes.
const MAX_OBSERVATIONS: usize = 100_000;

/// Most playbacks that are kept; beyond it no other is added.
const MAX_PLAYBACKS: usize = 10_000;

/// Most bytes of indexes that are kept, whatever the budget: who opens files keeps what is in use beside them.
const MAX_INDEXES_BYTES: u64 = 64 << 20;

/// Records in memory: gone with the process. For tests, the demo, and programs that keep nothing.
#[derive(Default)]
pub struct MemoryRecords {
    tables: Mutex<Tables>,
}

type ObservationKey = (ProviderId, InfoHash, Option<ObservedFile>);

#[derive(Default)]
struct Tables {
    /// Those of one torrent stand together.
    observations: BTreeMap<ObservationKey, Observation>,
    playbacks: HashMap<String, PlaybackRecord>,
    preparings: HashMap<String, PreparingRecord>,
    indexes: HashMap<ContentId, Index>,
    aliases: HashMap<String, Alias>,
}

struct Index {
    format: u32,
    bytes: Bytes,
    used_at_ms: i64,
}

struct Alias {
    content_id: ContentId,
    validator: Option<String>,
    used_at_ms: i64,
}

impl Tables {
    fn add_playback(&mut self, record: &PlaybackRecord) -> Result<()> {
        if self.playbacks.contains_key(&record.id) {
            return Err(id_is_taken("add playback"));
        }
        if self.playbacks.len() >= MAX_PLAYBACKS {
            return Err(Error::new(ErrorKind::LimitExceeded, "add playback").detail("too many playbacks in memory"));
        }
        self.playbacks.insert(record.id.clone(), record.clone());
        Ok(())
    }

    /// What was seen of a torrent and its files.
    fn observations_of(&self, service: &ProviderId, info_hash: InfoHash) -> impl Iterator<Item = &Observation> {
        let from_torrent = self.observations.range((service.clone(), info_hash, None)..).map(|(_, known)| known);
        let is_own = move |known: &&Observation| known.service == *service && known.info_hash == info_hash;
        from_torrent.take_while(is_own)
    }

    fn forget_surplus_files(&mut self, service: &ProviderId, info_hash: InfoHash) {
        let files = self.observations_of(service, info_hash).filter(|known| known.file.is_some());
        let mut files: Vec<(i64, Option<ObservedFile>)> =
            files.map(|known| (known.seen_at_ms, known.file.clone())).collect();
        let surplus = files.len().saturating_sub(MAX_OBSERVED_FILES);
        if surplus > 0 {
            files.sort_unstable();
            for (_, file) in files.into_iter().take(surplus) {
                self.observations.remove(&(service.clone(), info_hash, file));
            }
        }
    }

    fn forget_index(&mut self, content_id: ContentId) {
        self.indexes.remove(&content_id);
        self.aliases.retain(|_, alias| alias.content_id != content_id);
    }
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
            .field("index_count", &tables.indexes.len())
            .finish()
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn observe(&self, observation: &Observation) -> Result<()> {
        let tables = &mut *self.tables();
        let observations = &mut tables.observations;
        let key = (observation.service.clone(), observation.info_hash, observation.file.clone());
        if observations.get(&key).is_some_and(|known| known.seen_at_ms > observation.seen_at_ms) {
            return Ok(());
        }
        observations.insert(key, observation.clone());
        tables.forget_surplus_files(&observation.service, observation.info_hash);
        let observations = &mut tables.observations;
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
            .flat_map(|hash| tables.observations_of(service, *hash))
            .cloned()
            .collect())
    }

    async fn add_playback(&self, record: &PlaybackRecord) -> Result<()> {
        self.tables().add_playback(record)
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

    async fn add_preparing(&self, record: &PreparingRecord) -> Result<()> {
        let preparings = &mut self.tables().preparings;
        if preparings.contains_key(&record.id) {
            return Err(id_is_taken("keep preparing"));
        }
        if preparings.len() >= usize::try_from(MAX_PREPARINGS).unwrap_or(usize::MAX) {
            return Err(too_many_preparings());
        }
        preparings.insert(record.id.clone(), record.clone());
        Ok(())
    }

    async fn note_preparing(&self, id: &str, torrent: &str, was_known: bool) -> Result<()> {
        let mut tables = self.tables();
        let record = tables.preparings.get_mut(id).filter(|record| !record.is_ending);
        let record = record.ok_or_else(|| not_found("keep preparing"))?;
        record.torrent = Some(torrent.to_owned());
        record.was_known = was_known;
        Ok(())
    }

    async fn end_preparing(&self, owner: &str, id: &str) -> Result<()> {
        let mut tables = self.tables();
        let record = tables.preparings.get_mut(id).filter(|record| record.owner == owner && !record.is_ending);
        record.ok_or_else(|| not_found("end preparing"))?.is_ending = true;
        Ok(())
    }

    async fn remove_preparing(&self, id: &str) -> Result<()> {
        self.tables().preparings.remove(id);
        Ok(())
    }

    async fn play_prepared(&self, record: &PlaybackRecord) -> Result<()> {
        let tables = &mut *self.tables();
        let prepared = tables.preparings.get(&record.id);
        if !prepared.is_some_and(|prepared| prepared.owner == record.owner && !prepared.is_ending) {
            return Err(not_found("play prepared"));
        }
        tables.add_playback(record)?;
        tables.preparings.remove(&record.id);
        Ok(())
    }

    async fn preparings(&self) -> Result<Vec<PreparingRecord>> {
        let mut found: Vec<PreparingRecord> = self.tables().preparings.values().cloned().collect();
        found.sort_by(|a, b| a.created_at_ms.cmp(&b.created_at_ms).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    }

    async fn prune(&self, now_ms: i64, observed_before_ms: i64) -> Result<u64> {
        let tables = &mut *self.tables();
        let before = tables.playbacks.len() + tables.observations.len();
        tables.playbacks.retain(|_, record| record.expires_at_ms > now_ms);
        tables.observations.retain(|_, known| known.seen_at_ms >= observed_before_ms);
        let after = tables.playbacks.len() + tables.observations.len();
        Ok(u64::try_from(before - after).unwrap_or(u64::MAX))
    }

    async fn keep_index(&self, index: &StoredIndex, now_ms: i64, budget_bytes: u64) -> Result<()> {
        check_index_size(index)?;
        let tables = &mut *self.tables();
        let kept = Index { format: index.format, bytes: index.bytes.clone(), used_at_ms: now_ms };
        tables.indexes.insert(index.content_id, kept);
        let mut held: Vec<(i64, ContentId, u64)> =
            tables.indexes.iter().map(|(id, index)| (index.used_at_ms, *id, index.bytes.len() as u64)).collect();
        held.sort_unstable();
        let mut total = held.iter().fold(0u64, |sum, (_, _, size)| sum.saturating_add(*size));
        for (_, content_id, size) in held {
            if total <= budget_bytes.min(MAX_INDEXES_BYTES) {
                break;
            }
            tables.forget_index(content_id);
            total = total.saturating_sub(size);
        }
        Ok(())
    }

    async fn index(&self, content_id: ContentId, format: u32, now_ms: i64) -> Result<Option<Bytes>> {
        let tables = &mut *self.tables();
        let Some(index) = tables.indexes.get_mut(&content_id) else { return Ok(None) };
        if index.format != format {
            tables.forget_index(content_id);
            return Ok(None);
        }
        index.used_at_ms = index.used_at_ms.max(now_ms);
        Ok(Some(index.bytes.clone()))
    }

    async fn forget_index(&self, content_id: ContentId) -> Result<()> {
        self.tables().forget_index(content_id);
        Ok(())
    }

    async fn keep_alias(&self, alias: &MediaAlias, now_ms: i64) -> Result<()> {
        let tables = &mut *self.tables();
        if !tables.indexes.contains_key(&alias.content_id) {
            return Ok(());
        }
        let MediaAlias { alias: name, content_id, validator } = alias.clone();
        tables.aliases.insert(name, Alias { content_id, validator, used_at_ms: now_ms });
        let mut own: Vec<(i64, &String)> = tables
            .aliases
            .iter()
            .filter(|(_, other)| other.content_id == content_id)
            .map(|(name, other)| (other.used_at_ms, name))
            .collect();
        own.sort_unstable();
        let surplus = own.len().saturating_sub(usize::try_from(MAX_ALIASES).unwrap_or(usize::MAX));
        let gone: Vec<String> = own.into_iter().take(surplus).map(|(_, name)| name.clone()).collect();
        gone.iter().for_each(|name| {
            tables.aliases.remove(name);
        });
        Ok(())
    }

    async fn alias(&self, alias: &str, now_ms: i64) -> Result<Option<MediaAlias>> {
        let mut tables = self.tables();
        Ok(tables.aliases.get_mut(alias).map(|known| {
            known.used_at_ms = known.used_at_ms.max(now_ms);
            MediaAlias { alias: alias.to_owned(), content_id: known.content_id, validator: known.validator.clone() }
        }))
    }

    async fn forget_alias(&self, alias: &str) -> Result<()> {
        self.tables().aliases.remove(alias);
        Ok(())
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
                file: None,
                availability: Availability::Ready,
                seen_at_ms,
            };
            records.observe(&observation).await.unwrap();
        }
        let left = records.observations(&service, &[hash(0), hash(MAX_OBSERVATIONS)]).await.unwrap();
        assert_eq!(left.iter().map(|known| known.info_hash).collect::<Vec<_>>(), [hash(MAX_OBSERVATIONS)]);
    }
}
