use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row as _, Sqlite};

use super::{
    MAX_ALIASES, MAX_HASHES, MAX_LISTED_PLAYBACKS, MAX_OBSERVED_FILES, MAX_PREPARINGS, MediaAlias, Observation,
    ObservedFile, PlaybackRecord, PreparingRecord, Records, StoredIndex, USE_NOTED_EACH_MS, check_index_size,
    id_is_taken, not_found, too_many_preparings,
};
use crate::model::{ContentId, InfoHash, ProviderId};
use crate::net::Secret;
use crate::store::seal;
use crate::store::sqlite::{Migration, SqliteDatabase, failure};
use crate::{Error, ErrorKind, Result};

/// Notes which of our migrations the file has seen.
const MIGRATIONS_TABLE: &str = "_prostream_core_migrations";

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "observations and playbacks",
        sql: include_str!("../../../migrations/sqlite/0001_observations_and_playbacks.sql"),
    },
    Migration {
        version: 2,
        name: "media indexes and start positions",
        sql: include_str!("../../../migrations/sqlite/0002_media_indexes_and_start_positions.sql"),
    },
    Migration { version: 3, name: "preparings", sql: include_str!("../../../migrations/sqlite/0003_preparings.sql") },
    Migration {
        version: 4,
        name: "observed files",
        sql: include_str!("../../../migrations/sqlite/0004_observed_files.sql"),
    },
];

const PLAYBACK: &str = "SELECT id, owner, media_id, name, reopen, start_ms, created_at_ms, expires_at_ms FROM playbacks \
                        WHERE owner = $1 AND id = $2 AND expires_at_ms > $3";
const PLAYBACKS: &str = "SELECT id, owner, media_id, name, reopen, start_ms, created_at_ms, expires_at_ms FROM playbacks \
                         WHERE owner = $1 AND expires_at_ms > $2 ORDER BY created_at_ms DESC, id LIMIT $3";

const PREPARINGS: &str = "SELECT id, owner, media_id, name, release, service, info_hash, torrent, was_known, is_ending, device, \
                          start_ms, created_at_ms FROM preparings ORDER BY created_at_ms, id LIMIT $1";

/// Records in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteRecords {
    database: SqliteDatabase,
    seal: Option<Secret>,
}

impl SqliteRecords {
    /// Opens the file, or makes it, and brings its schema up to date.
    ///
    /// # Errors
    /// `Storage` when the file cannot be used or comes from a newer program.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::new(SqliteDatabase::open(path).await?).await
    }

    /// Keeps its tables in a file that is open already, beside those of others.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn new(database: SqliteDatabase) -> Result<Self> {
        database.migrate(MIGRATIONS_TABLE, MIGRATIONS).await?;
        Ok(Self { database, seal: None })
    }

    /// With what leads to a playback's file ([`PlaybackRecord::reopen`]: perhaps a link with a key in it) encrypted in the file, by a key made of
    /// `seal`. What was written without a seal is read as it is; what another seal has sealed, or a row that was moved to another id or owner,
    /// opens nothing: its playback is there and has to be started again. Default: not encrypted.
    #[must_use]
    pub fn sealed_by(mut self, seal: Secret) -> Self {
        self.seal = Some(seal);
        self
    }

    /// The file, for tables beside ours and for closing.
    #[must_use]
    pub fn database(&self) -> &SqliteDatabase {
        &self.database
    }
}

#[async_trait]
impl Records for SqliteRecords {
    async fn observe(&self, observation: &Observation) -> Result<()> {
        self.observe_all(std::slice::from_ref(observation)).await
    }

    async fn observe_all(&self, observations: &[Observation]) -> Result<()> {
        const OPERATION: &str = "keep observations";
        if observations.len() > MAX_HASHES {
            return Err(Error::new(ErrorKind::LimitExceeded, OPERATION));
        }
        let mut transaction = self.database.writer().begin().await.map_err(failure(OPERATION))?;
        for observation in observations {
            sqlx::query(
                "INSERT INTO observations (service, info_hash, file, availability, seen_at_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (service, info_hash, file) DO UPDATE SET availability = excluded.availability, \
                 seen_at_ms = excluded.seen_at_ms WHERE excluded.seen_at_ms >= observations.seen_at_ms",
            )
            .bind(observation.service.as_str())
            .bind(observation.info_hash.to_string())
            .bind(observation.file.as_ref().map_or("", ObservedFile::as_str))
            .bind(observation.availability.as_str())
            .bind(observation.seen_at_ms)
            .execute(&mut *transaction)
            .await
            .map_err(failure(OPERATION))?;
            if observation.file.is_some() {
                sqlx::query(
                    "DELETE FROM observations WHERE service = $1 AND info_hash = $2 AND file IN (SELECT file FROM observations \
                     WHERE service = $1 AND info_hash = $2 AND file <> '' ORDER BY seen_at_ms DESC, file DESC LIMIT -1 OFFSET $3)",
                )
                .bind(observation.service.as_str())
                .bind(observation.info_hash.to_string())
                .bind(i64::try_from(MAX_OBSERVED_FILES).unwrap_or(i64::MAX))
                .execute(&mut *transaction)
                .await
                .map_err(failure(OPERATION))?;
            }
        }
        transaction.commit().await.map_err(failure(OPERATION))
    }

    async fn observations(&self, service: &ProviderId, hashes: &[InfoHash]) -> Result<Vec<Observation>> {
        const OPERATION: &str = "read observations";
        if hashes.len() > MAX_HASHES {
            return Err(Error::new(ErrorKind::LimitExceeded, OPERATION));
        }
        // One statement whatever the count: the hashes travel as one JSON text.
        let hashes =
            serde_json::to_string(hashes).map_err(|cause| Error::new(ErrorKind::Internal, OPERATION).because(cause))?;
        let rows = sqlx::query(
            "SELECT info_hash, file, availability, seen_at_ms FROM observations \
             WHERE service = $1 AND info_hash IN (SELECT value FROM json_each($2))",
        )
        .bind(service.as_str())
        .bind(hashes)
        .fetch_all(self.database.readers())
        .await
        .map_err(failure(OPERATION))?;
        rows.iter()
            .map(|row| {
                let availability: &str = row.try_get("availability").map_err(failure(OPERATION))?;
                let info_hash: &str = row.try_get("info_hash").map_err(failure(OPERATION))?;
                let file: String = row.try_get("file").map_err(failure(OPERATION))?;
                Ok(Observation {
                    service: service.clone(),
                    info_hash: info_hash.parse().map_err(|cause| damaged(OPERATION, cause))?,
                    file: Some(file).filter(|file| !file.is_empty()).map(ObservedFile),
                    availability: availability.parse().map_err(|cause| damaged(OPERATION, cause))?,
                    seen_at_ms: row.try_get("seen_at_ms").map_err(failure(OPERATION))?,
                })
            })
            .collect()
    }

    async fn add_playback(&self, record: &PlaybackRecord) -> Result<()> {
        insert_playback(self.database.writer(), record, self.seal.as_ref()).await
    }

    async fn playback(&self, owner: &str, id: &str, now_ms: i64) -> Result<PlaybackRecord> {
        let row = sqlx::query(PLAYBACK)
            .bind(owner)
            .bind(id)
            .bind(now_ms)
            .fetch_optional(self.database.readers())
            .await
            .map_err(failure("read playback"))?;
        read_playback(&row.ok_or_else(|| not_found("read playback"))?, self.seal.as_ref())
    }

    async fn playbacks(&self, owner: &str, now_ms: i64, limit: u32) -> Result<Vec<PlaybackRecord>> {
        let rows = sqlx::query(PLAYBACKS)
            .bind(owner)
            .bind(now_ms)
            .bind(i64::from(limit.min(MAX_LISTED_PLAYBACKS)))
            .fetch_all(self.database.readers())
            .await
            .map_err(failure("list playbacks"))?;
        rows.iter().map(|row| read_playback(row, self.seal.as_ref())).collect()
    }

    async fn extend_playback(&self, id: &str, expires_at_ms: i64) -> Result<()> {
        let done = sqlx::query("UPDATE playbacks SET expires_at_ms = $2 WHERE id = $1")
            .bind(id)
            .bind(expires_at_ms)
            .execute(self.database.writer())
            .await
            .map_err(failure("extend playback"))?;
        if done.rows_affected() == 0 { Err(not_found("extend playback")) } else { Ok(()) }
    }

    async fn remove_playback(&self, owner: &str, id: &str) -> Result<()> {
        let done = sqlx::query("DELETE FROM playbacks WHERE owner = $1 AND id = $2")
            .bind(owner)
            .bind(id)
            .execute(self.database.writer())
            .await
            .map_err(failure("remove playback"))?;
        if done.rows_affected() == 0 { Err(not_found("remove playback")) } else { Ok(()) }
    }

    async fn add_preparing(&self, record: &PreparingRecord) -> Result<()> {
        let failed = failure("keep preparing");
        let mut step = self.database.begin().await?;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM preparings").fetch_one(&mut *step).await.map_err(&failed)?;
        if count >= i64::from(MAX_PREPARINGS) {
            return Err(too_many_preparings());
        }
        let done = sqlx::query(
            "INSERT INTO preparings (id, owner, media_id, name, release, service, info_hash, torrent, was_known, is_ending, \
             device, start_ms, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&record.id)
        .bind(&record.owner)
        .bind(record.media_id.to_string())
        .bind(&record.name)
        .bind(&record.release)
        .bind(record.service.as_str())
        .bind(record.info_hash.to_string())
        .bind(&record.torrent)
        .bind(record.was_known)
        .bind(record.is_ending)
        .bind(&record.device)
        .bind(record.start_ms)
        .bind(record.created_at_ms)
        .execute(&mut *step)
        .await
        .map_err(&failed)?;
        if done.rows_affected() == 0 {
            return Err(id_is_taken("keep preparing"));
        }
        step.commit().await.map_err(failed)
    }

    async fn note_preparing(&self, id: &str, torrent: &str, was_known: bool) -> Result<()> {
        let done = sqlx::query("UPDATE preparings SET torrent = $2, was_known = $3 WHERE id = $1 AND is_ending = 0")
            .bind(id)
            .bind(torrent)
            .bind(was_known)
            .execute(self.database.writer())
            .await
            .map_err(failure("keep preparing"))?;
        if done.rows_affected() == 0 { Err(not_found("keep preparing")) } else { Ok(()) }
    }

    async fn end_preparing(&self, owner: &str, id: &str) -> Result<()> {
        let done = sqlx::query("UPDATE preparings SET is_ending = 1 WHERE owner = $1 AND id = $2 AND is_ending = 0")
            .bind(owner)
            .bind(id)
            .execute(self.database.writer())
            .await
            .map_err(failure("end preparing"))?;
        if done.rows_affected() == 0 { Err(not_found("end preparing")) } else { Ok(()) }
    }

    async fn remove_preparing(&self, id: &str) -> Result<()> {
        sqlx::query("DELETE FROM preparings WHERE id = $1")
            .bind(id)
            .execute(self.database.writer())
            .await
            .map(|_| ())
            .map_err(failure("forget preparing"))
    }

    async fn play_prepared(&self, record: &PlaybackRecord) -> Result<()> {
        let failed = failure("play prepared");
        let mut step = self.database.begin().await?;
        let done = sqlx::query("DELETE FROM preparings WHERE owner = $1 AND id = $2 AND is_ending = 0")
            .bind(&record.owner)
            .bind(&record.id)
            .execute(&mut *step)
            .await
            .map_err(&failed)?;
        if done.rows_affected() == 0 {
            return Err(not_found("play prepared"));
        }
        insert_playback(&mut *step, record, self.seal.as_ref()).await?;
        step.commit().await.map_err(failed)
    }

    async fn preparings(&self) -> Result<Vec<PreparingRecord>> {
        let rows = sqlx::query(PREPARINGS)
            .bind(i64::from(MAX_PREPARINGS))
            .fetch_all(self.database.readers())
            .await
            .map_err(failure("list preparings"))?;
        rows.iter().map(read_preparing).collect()
    }

    async fn prune(&self, now_ms: i64, observed_before_ms: i64) -> Result<u64> {
        let failed = failure("prune records");
        let mut step = self.database.begin().await?;
        let playbacks = sqlx::query("DELETE FROM playbacks WHERE expires_at_ms <= $1")
            .bind(now_ms)
            .execute(&mut *step)
            .await
            .map_err(&failed)?;
        let observations = sqlx::query("DELETE FROM observations WHERE seen_at_ms < $1")
            .bind(observed_before_ms)
            .execute(&mut *step)
            .await
            .map_err(&failed)?;
        step.commit().await.map_err(&failed)?;
        Ok(playbacks.rows_affected().saturating_add(observations.rows_affected()))
    }

    async fn keep_index(&self, index: &StoredIndex, now_ms: i64, budget_bytes: u64) -> Result<()> {
        check_index_size(index)?;
        let failed = failure("keep index");
        let mut step = self.database.begin().await?;
        sqlx::query(
            "INSERT INTO media_indexes (content_id, format, bytes, used_at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (content_id) DO UPDATE SET format = excluded.format, bytes = excluded.bytes, \
             used_at_ms = excluded.used_at_ms",
        )
        .bind(index.content_id.to_string())
        .bind(i64::from(index.format))
        .bind(index.bytes.as_ref())
        .bind(now_ms)
        .execute(&mut *step)
        .await
        .map_err(&failed)?;
        // From the one used last on, as many as the budget holds stay. `length` of a blob reads no more than its header.
        sqlx::query(
            "DELETE FROM media_indexes WHERE content_id IN (SELECT content_id FROM (SELECT content_id, \
             sum(length(bytes)) OVER (ORDER BY used_at_ms DESC, content_id DESC) AS so_far FROM media_indexes) \
             WHERE so_far > $1)",
        )
        .bind(i64::try_from(budget_bytes).unwrap_or(i64::MAX))
        .execute(&mut *step)
        .await
        .map_err(&failed)?;
        step.commit().await.map_err(&failed)
    }

    async fn index(&self, content_id: ContentId, format: u32, now_ms: i64) -> Result<Option<Bytes>> {
        let failed = failure("read index");
        let row = sqlx::query("SELECT format, bytes, used_at_ms FROM media_indexes WHERE content_id = $1")
            .bind(content_id.to_string())
            .fetch_optional(self.database.readers())
            .await
            .map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<i64, _>("format").map_err(&failed)? != i64::from(format) {
            self.forget_index(content_id).await?;
            return Ok(None);
        }
        if is_noting_due(row.try_get("used_at_ms").map_err(&failed)?, now_ms) {
            sqlx::query("UPDATE media_indexes SET used_at_ms = $2 WHERE content_id = $1 AND used_at_ms < $2")
                .bind(content_id.to_string())
                .bind(now_ms)
                .execute(self.database.writer())
                .await
                .map_err(&failed)?;
        }
        row.try_get::<Vec<u8>, _>("bytes").map(|bytes| Some(bytes.into())).map_err(failed)
    }

    async fn forget_index(&self, content_id: ContentId) -> Result<()> {
        sqlx::query("DELETE FROM media_indexes WHERE content_id = $1")
            .bind(content_id.to_string())
            .execute(self.database.writer())
            .await
            .map(|_| ())
            .map_err(failure("forget index"))
    }

    async fn keep_alias(&self, alias: &MediaAlias, now_ms: i64) -> Result<()> {
        let failed = failure("keep alias");
        let mut step = self.database.begin().await?;
        sqlx::query(
            "INSERT INTO media_aliases (alias, content_id, validator, used_at_ms) SELECT $1, content_id, $3, $4 \
             FROM media_indexes WHERE content_id = $2 ON CONFLICT (alias) DO UPDATE SET \
             content_id = excluded.content_id, validator = excluded.validator, used_at_ms = excluded.used_at_ms",
        )
        .bind(&alias.alias)
        .bind(alias.content_id.to_string())
        .bind(&alias.validator)
        .bind(now_ms)
        .execute(&mut *step)
        .await
        .map_err(&failed)?;
        sqlx::query(
            "DELETE FROM media_aliases WHERE alias IN (SELECT alias FROM media_aliases WHERE content_id = $1 \
             ORDER BY used_at_ms DESC, alias DESC LIMIT -1 OFFSET $2)",
        )
        .bind(alias.content_id.to_string())
        .bind(i64::from(MAX_ALIASES))
        .execute(&mut *step)
        .await
        .map_err(&failed)?;
        step.commit().await.map_err(&failed)
    }

    async fn alias(&self, alias: &str, now_ms: i64) -> Result<Option<MediaAlias>> {
        const OPERATION: &str = "read alias";
        let failed = failure(OPERATION);
        let row = sqlx::query("SELECT content_id, validator, used_at_ms FROM media_aliases WHERE alias = $1")
            .bind(alias)
            .fetch_optional(self.database.readers())
            .await
            .map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        if is_noting_due(row.try_get("used_at_ms").map_err(&failed)?, now_ms) {
            sqlx::query("UPDATE media_aliases SET used_at_ms = $2 WHERE alias = $1 AND used_at_ms < $2")
                .bind(alias)
                .bind(now_ms)
                .execute(self.database.writer())
                .await
                .map_err(&failed)?;
        }
        let content_id: &str = row.try_get("content_id").map_err(&failed)?;
        Ok(Some(MediaAlias {
            alias: alias.to_owned(),
            content_id: content_id.parse().map_err(|cause| damaged(OPERATION, cause))?,
            validator: row.try_get("validator").map_err(&failed)?,
        }))
    }

    async fn forget_alias(&self, alias: &str) -> Result<()> {
        sqlx::query("DELETE FROM media_aliases WHERE alias = $1")
            .bind(alias)
            .execute(self.database.writer())
            .await
            .map(|_| ())
            .map_err(failure("forget alias"))
    }
}

async fn insert_playback(
    executor: impl Executor<'_, Database = Sqlite>,
    record: &PlaybackRecord,
    secret: Option<&Secret>,
) -> Result<()> {
    let place = sealed_place(&record.owner, &record.id);
    let sealed = secret.map(|secret| seal::seal_text(secret, &place, &record.reopen)).transpose()?;
    let done = sqlx::query(
        "INSERT INTO playbacks (id, owner, media_id, name, reopen, start_ms, created_at_ms, expires_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&record.id)
    .bind(&record.owner)
    .bind(record.media_id.as_ref().map(ToString::to_string))
    .bind(&record.name)
    .bind(sealed.as_ref().unwrap_or(&record.reopen))
    .bind(record.start_ms)
    .bind(record.created_at_ms)
    .bind(record.expires_at_ms)
    .execute(executor)
    .await
    .map_err(failure("add playback"))?;
    if done.rows_affected() == 0 { Err(id_is_taken("add playback")) } else { Ok(()) }
}

fn is_noting_due(used_at_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(used_at_ms) >= USE_NOTED_EACH_MS
}

/// Table, column and row: a sealed text that was moved to another does not open.
fn sealed_place(owner: &str, id: &str) -> String {
    format!("playbacks.reopen\n{owner}\n{id}")
}

fn read_playback(row: &SqliteRow, secret: Option<&Secret>) -> Result<PlaybackRecord> {
    const OPERATION: &str = "read playback";
    let media_id: Option<&str> = row.try_get("media_id").map_err(failure(OPERATION))?;
    let text = |name: &str| row.try_get::<String, _>(name).map_err(failure(OPERATION));
    let (id, owner, kept) = (text("id")?, text("owner")?, text("reopen")?);
    // What does not open stays sealed: whoever wants to play it is told that its record cannot be read.
    let opened = secret.and_then(|secret| seal::open_text(secret, &sealed_place(&owner, &id), &kept));
    Ok(PlaybackRecord {
        id,
        owner,
        media_id: media_id.map(str::parse).transpose().map_err(|cause| damaged(OPERATION, cause))?,
        name: row.try_get("name").map_err(failure(OPERATION))?,
        reopen: opened.unwrap_or(kept),
        start_ms: row.try_get("start_ms").map_err(failure(OPERATION))?,
        created_at_ms: row.try_get("created_at_ms").map_err(failure(OPERATION))?,
        expires_at_ms: row.try_get("expires_at_ms").map_err(failure(OPERATION))?,
    })
}

fn read_preparing(row: &SqliteRow) -> Result<PreparingRecord> {
    const OPERATION: &str = "read preparing";
    let failed = failure(OPERATION);
    let text = |name: &str| row.try_get::<&str, _>(name).map_err(&failed);
    Ok(PreparingRecord {
        id: text("id")?.to_owned(),
        owner: text("owner")?.to_owned(),
        media_id: text("media_id")?.parse().map_err(|cause| damaged(OPERATION, cause))?,
        name: text("name")?.to_owned(),
        release: text("release")?.to_owned(),
        service: text("service")?.parse().map_err(|cause| damaged(OPERATION, cause))?,
        info_hash: text("info_hash")?.parse().map_err(|cause| damaged(OPERATION, cause))?,
        torrent: row.try_get("torrent").map_err(&failed)?,
        was_known: row.try_get("was_known").map_err(&failed)?,
        is_ending: row.try_get("is_ending").map_err(&failed)?,
        device: text("device")?.to_owned(),
        start_ms: row.try_get("start_ms").map_err(&failed)?,
        created_at_ms: row.try_get("created_at_ms").map_err(&failed)?,
    })
}

/// A row that no version of this program writes.
fn damaged(operation: &'static str, cause: Error) -> Error {
    Error::new(ErrorKind::Storage, operation).at("sqlite").detail("a row cannot be read").because(cause)
}
