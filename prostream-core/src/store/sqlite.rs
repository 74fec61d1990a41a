//! One SQLite file, opened the one way we open it: one writer that never loses a commit, readers that cannot write, and
//! migrations that only go forward.
//!
//! Programs that embed the crate may keep tables of their own beside ours: they call [`SqliteDatabase::migrate`] with a
//! table name of their own.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, Sqlite, SqlitePool, Transaction};

use crate::{Error, ErrorKind, Result};

/// Longest wait for another process that writes.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a free connection.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many reads run at once.
pub const MAX_READERS: u32 = 4;

/// What is left of the write-ahead log after a checkpoint, in bytes.
pub const JOURNAL_SIZE_LIMIT_BYTES: u64 = 64 << 20;

/// One step from a schema to the next. Once released it never changes: its checksum is kept in the file.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// From 1, without gaps.
    pub version: i64,
    /// For people.
    pub name: &'static str,
    /// Statements; they run in one transaction.
    pub sql: &'static str,
}

/// An open SQLite file. Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqliteDatabase {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteDatabase {
    /// Opens the file, or makes it; only its owner may read it (mode 0600).
    ///
    /// # Errors
    /// `Storage` when the file cannot be made, is no SQLite file, or its folder is missing.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        make_private(path).await.map_err(|error| {
            failure("open database")(sqlx::Error::Io(error)).advise("check that the data folder exists and is writable")
        })?;
        let common = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("trusted_schema", "OFF");
        let writer = common
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits when the power goes (https://sqlite.org/pragma.html#pragma_synchronous).
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES.to_string());
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(writer)
            .await
            .map_err(failure("open database"))?;
        let readers = SqlitePoolOptions::new()
            // All from the start: SQLite keeps the descriptor of one that is closed while another holds a lock, so fewer would not be less.
            .min_connections(MAX_READERS)
            .max_connections(MAX_READERS)
            // The first read opens the write-ahead log.
            .after_connect(|reader, _| {
                Box::pin(async move { reader.execute("SELECT 1 FROM sqlite_schema LIMIT 1").await.map(drop) })
            })
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(common.read_only(true))
            .await
            .map_err(failure("open database"))?;
        Ok(Self { writer, readers })
    }

    /// The one connection that writes. A single statement is its own transaction; several go through [`Self::begin`].
    #[must_use]
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Connections that cannot write.
    #[must_use]
    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// A transaction that writes: it takes the write lock at once, so it never fails half-way because another process got it
    /// first. Dropped without `commit`, it changes nothing.
    ///
    /// # Errors
    /// `Storage`, also after [`BUSY_TIMEOUT`] behind another process.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure("begin transaction"))
    }

    /// Brings a schema up to date: applies those of `migrations` that the file has not seen, in order, each in one transaction
    /// with its note in `table`. Two processes may do so at once.
    ///
    /// `table` names who the migrations belong to; several sets live in one file.
    ///
    /// # Errors
    /// `InvalidInput` when `table` is no plain name or the versions are not 1, 2, 3…; `Storage` when the file comes from a newer
    /// program, when a migration was changed after its release, or when a statement fails: nothing of that step stays.
    pub async fn migrate(&self, table: &'static str, migrations: &[Migration]) -> Result<()> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let in_order = migrations.iter().zip(1..).all(|(migration, version)| migration.version == version);
        if table.is_empty() || !table.bytes().all(is_plain) || !in_order {
            return Err(Error::new(ErrorKind::InvalidInput, "migrate database")
                .detail("migrations are numbered from 1, their table has a plain name"));
        }
        let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        // `table` was checked above: it is the only text that is put into a statement.
        let create = AssertSqlSafe(format!(
            "CREATE TABLE IF NOT EXISTS {table} (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
             applied_at_ms INTEGER NOT NULL) STRICT"
        ));
        let newest = AssertSqlSafe(format!("SELECT coalesce(max(version), 0) FROM {table}"));
        let seen = format!("SELECT checksum FROM {table} WHERE version = $1");
        let note = format!(
            "INSERT INTO {table} (version, name, checksum, applied_at_ms) VALUES ($1, $2, $3, unixepoch() * 1000)"
        );

        sqlx::query(create).execute(&self.writer).await.map_err(failure("migrate database"))?;
        let newest: i64 =
            sqlx::query_scalar(newest).fetch_one(&self.writer).await.map_err(failure("migrate database"))?;
        if newest > known {
            return Err(Error::new(ErrorKind::Storage, "migrate database")
                .detail(format!("the file has schema {newest}, this program knows schemas up to {known}"))
                .advise("run the newer program that last used this file, or restore a backup made before it"));
        }
        for migration in migrations {
            let checksum = checksum(migration.sql);
            let mut step = self.begin().await?;
            let applied: Option<String> = sqlx::query_scalar(AssertSqlSafe(seen.clone()))
                .bind(migration.version)
                .fetch_optional(&mut *step)
                .await
                .map_err(failure("migrate database"))?;
            match applied {
                Some(applied) if applied == checksum => continue,
                Some(_) => {
                    return Err(Error::new(ErrorKind::Storage, "migrate database")
                        .detail(format!("migration {} is not the one this file was made with", migration.version))
                        .advise("use an official build of the program, or restore a backup"));
                }
                None => {}
            }
            sqlx::raw_sql(migration.sql).execute(&mut *step).await.map_err(failure("migrate database"))?;
            sqlx::query(AssertSqlSafe(note.clone()))
                .bind(migration.version)
                .bind(migration.name)
                .bind(checksum)
                .execute(&mut *step)
                .await
                .map_err(failure("migrate database"))?;
            step.commit().await.map_err(failure("migrate database"))?;
        }
        Ok(())
    }

    /// Closes all connections; the write-ahead log is merged into the file. Later calls fail with `Storage`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Words a failure of SQLite: what was being done, with the cause kept for the log.
pub fn failure(operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |cause| {
        let is_damaged = cause.as_database_error().and_then(|error| error.code()).is_some_and(|code| {
            // SQLITE_CORRUPT and SQLITE_NOTADB, https://sqlite.org/rescode.html
            matches!(code.as_ref(), "11" | "26")
        });
        let error = Error::new(ErrorKind::Storage, operation).at("sqlite").because(cause);
        if is_damaged { error.detail("the file is damaged or no database").advise("restore a backup") } else { error }
    }
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the file, or takes away what others may do with it. SQLite gives the log files beside it the same mode.
async fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    options.mode(0o600);
    let file = options.open(path).await?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).await?;
    }
    drop(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { version: 1, name: "first", sql: "CREATE TABLE a (x INTEGER) STRICT" };
    const SECOND: Migration =
        Migration { version: 2, name: "second", sql: "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE c (x INTEGER)" };

    async fn open() -> (tempfile::TempDir, SqliteDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(folder.path().join("test.db")).await.unwrap();
        (folder, database)
    }

    async fn table_exists(database: &SqliteDatabase, name: &str) -> bool {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema WHERE name = $1")
            .bind(name)
            .fetch_one(database.readers())
            .await
            .unwrap()
            == 1
    }

    /// Goal: each step is applied once, whoever else is at it.
    /// Method: migrate up to 1, then to 2 from two handles of the same file at once, then again.
    #[tokio::test]
    async fn migrations_are_applied_once_and_in_order() {
        let (folder, database) = open().await;
        database.migrate("_test", &[FIRST]).await.unwrap();
        assert!(table_exists(&database, "a").await && !table_exists(&database, "b").await);
        let other = SqliteDatabase::open(folder.path().join("test.db")).await.unwrap();
        let steps = [FIRST, SECOND];
        let (one, two) = tokio::join!(database.migrate("_test", &steps), other.migrate("_test", &steps));
        one.unwrap();
        two.unwrap();
        database.migrate("_test", &steps).await.unwrap();
        assert!(table_exists(&database, "c").await);
    }

    /// Goal: an older program never works on a newer file, and a changed migration is noticed.
    #[tokio::test]
    async fn newer_and_changed_schemas_are_refused() {
        let (_folder, database) = open().await;
        database.migrate("_test", &[FIRST, SECOND]).await.unwrap();
        let older = database.migrate("_test", &[FIRST]).await.unwrap_err();
        assert_eq!(older.kind(), ErrorKind::Storage);
        assert!(older.to_string().contains("schema 2") && older.advice().is_some());
        let changed = Migration { sql: "CREATE TABLE z (x INTEGER) STRICT", ..FIRST };
        let changed = database.migrate("_test", &[changed, SECOND]).await.unwrap_err();
        assert!(changed.to_string().contains("migration 1"));
        assert!(!table_exists(&database, "z").await);
    }

    /// Goal: a step that fails leaves nothing, and the next try starts where it was.
    /// Method: a second step whose second statement is wrong, then the right one.
    #[tokio::test]
    async fn a_failed_step_leaves_nothing() {
        let (_folder, database) = open().await;
        let broken = Migration { sql: "CREATE TABLE b (x INTEGER) STRICT; CREATE NONSENSE", ..SECOND };
        assert_eq!(database.migrate("_test", &[FIRST, broken]).await.unwrap_err().kind(), ErrorKind::Storage);
        assert!(table_exists(&database, "a").await && !table_exists(&database, "b").await);
        database.migrate("_test", &[FIRST, SECOND]).await.unwrap();
        assert!(table_exists(&database, "b").await);
    }

    /// Goal: DATA-01 holds on the connections themselves.
    #[tokio::test]
    async fn connections_have_the_durable_settings() {
        let (_folder, database) = open().await;
        let text = |sql: &'static str| sqlx::query_scalar::<_, String>(sql).fetch_one(database.writer());
        let number = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(database.writer());
        assert_eq!(text("PRAGMA journal_mode").await.unwrap(), "wal");
        assert_eq!(number("PRAGMA synchronous").await.unwrap(), 2, "FULL");
        assert_eq!(number("PRAGMA foreign_keys").await.unwrap(), 1);
        assert_eq!(number("PRAGMA busy_timeout").await.unwrap(), 5_000);
        assert_eq!(number("PRAGMA journal_size_limit").await.unwrap(), 64 << 20);
        let write = sqlx::query("CREATE TABLE t (x INTEGER)").execute(database.readers()).await;
        assert!(write.is_err(), "a reader wrote");
    }

    /// Goal: nobody else on the machine reads the file, even if it was open to them before.
    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        std::fs::write(&path, b"").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let database = SqliteDatabase::open(&path).await.unwrap();
        database.migrate("_test", &[FIRST]).await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        }
    }

    /// Goal: what is no database is an error with advice, and is left as it is.
    #[tokio::test]
    async fn a_foreign_file_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mkv");
        let bytes = vec![7u8; 8192];
        std::fs::write(&path, &bytes).unwrap();
        let error = SqliteDatabase::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.advice().is_some());
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}
