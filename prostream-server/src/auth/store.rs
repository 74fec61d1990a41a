//! The server's own tables: users, sign-in sessions, refresh tokens, addons, and whose a playback is. They lie in the engine's database file, with
//! migrations of their own. Times are milliseconds since 1970-01-01 UTC.

use prostream_core::Result;
use prostream_core::store::sqlite::{Migration, SqliteDatabase, failure as failed};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::Role;

/// The migrations of these tables, oldest first. Never changed once released, only added to.
const MIGRATIONS: [Migration; 2] = [
    Migration { version: 1, name: "accounts", sql: include_str!("migrations/1_accounts.sql") },
    Migration { version: 2, name: "addons", sql: include_str!("migrations/2_addons.sql") },
];

/// Their own record of what was applied: the engine's migrations in the same file have theirs.
const MIGRATIONS_TABLE: &str = "_prostream_server_migrations";

/// How long a spent refresh token still answers, with the successor it already had: a reply that was lost on the way can be asked for again.
const GRACE_MS: i64 = 10_000;

/// A user as kept. Without `Debug`: a hash of the password is in it.
#[derive(Clone)]
pub(super) struct UserRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) password_hash: String,
    pub(super) role: String,
    pub(super) epoch: i64,
    pub(super) is_disabled: bool,
}

impl<'r> FromRow<'r, SqliteRow> for UserRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            password_hash: row.try_get("password_hash")?,
            role: row.try_get("role")?,
            epoch: row.try_get("epoch")?,
            is_disabled: row.try_get("is_disabled")?,
        })
    }
}

impl UserRow {
    pub(super) fn role(&self) -> Role {
        if self.role == Role::Admin.as_str() { Role::Admin } else { Role::User }
    }
}

/// A new user.
pub(super) struct NewUser<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) canonical_name: &'a str,
    pub(super) password_hash: &'a str,
    pub(super) role: Role,
    /// Only if there is no administrator yet.
    pub(super) must_be_first_admin: bool,
}

/// An addon as kept.
#[derive(Clone, Debug)]
pub(super) struct AddonRow {
    pub(super) id: String,
    pub(super) user_id: String,
    pub(super) name: String,
    pub(super) settings: String,
    pub(super) created_at_ms: i64,
    pub(super) used_at_ms: Option<i64>,
}

impl<'r> FromRow<'r, SqliteRow> for AddonRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            name: row.try_get("name")?,
            settings: row.try_get("settings")?,
            created_at_ms: row.try_get("created_at_ms")?,
            used_at_ms: row.try_get("used_at_ms")?,
        })
    }
}

/// A new addon.
pub(super) struct NewAddonRow<'a> {
    pub(super) id: &'a str,
    pub(super) token_hash: &'a [u8],
    pub(super) user_id: &'a str,
    pub(super) name: &'a str,
    pub(super) settings: &'a str,
}

/// With what a playback ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum GrantedBy<'a> {
    /// This sign-in session.
    SignIn(&'a str),
    /// This addon.
    Addon(&'a str),
}

/// What came of a refresh token.
pub(super) enum Refreshed {
    /// It was good; its successor is in force.
    Good { sign_in_id: String, user: UserRow },
    /// It is unknown, or its session ended.
    Refused,
    /// It was spent before: the whole session is ended now (AUTH-05).
    Reused { sign_in_id: String, user_id: String },
}

/// When sessions end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lives {
    pub(super) idle_ms: i64,
    pub(super) absolute_ms: i64,
}

#[derive(Debug)]
pub(super) struct AccountStore {
    database: SqliteDatabase,
}

impl AccountStore {
    /// Keeps the tables in a database that is open, beside those of the engine.
    ///
    /// # Errors
    /// `Storage`.
    pub(super) async fn new(database: SqliteDatabase) -> Result<Self> {
        database.migrate(MIGRATIONS_TABLE, &MIGRATIONS).await?;
        Ok(Self { database })
    }

    pub(super) async fn has_admin(&self) -> Result<bool> {
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM users WHERE role = 'admin'")
            .fetch_one(self.database.readers())
            .await
            .map_err(failed("count administrators"))?;
        Ok(count > 0)
    }

    /// Adds a user. False when the name is taken, or when the first administrator was wanted and there is one.
    pub(super) async fn add_user(&self, user: &NewUser<'_>, now_ms: i64) -> Result<bool> {
        let added = sqlx::query(
            "INSERT INTO users (id, name, canonical_name, password_hash, role, epoch, is_disabled, created_at_ms) \
             SELECT $1, $2, $3, $4, $5, 0, FALSE, $6 \
             WHERE NOT $7 OR NOT EXISTS (SELECT 1 FROM users WHERE role = 'admin') \
             ON CONFLICT (canonical_name) DO NOTHING",
        )
        .bind(user.id)
        .bind(user.name)
        .bind(user.canonical_name)
        .bind(user.password_hash)
        .bind(user.role.as_str())
        .bind(now_ms)
        .bind(user.must_be_first_admin)
        .execute(self.database.writer())
        .await
        .map_err(failed("add user"))?;
        Ok(added.rows_affected() == 1)
    }

    pub(super) async fn user_by_name(&self, canonical_name: &str) -> Result<Option<UserRow>> {
        sqlx::query_as("SELECT id, name, password_hash, role, epoch, is_disabled FROM users WHERE canonical_name = $1")
            .bind(canonical_name)
            .fetch_optional(self.database.readers())
            .await
            .map_err(failed("find user"))
    }

    /// The user of a sign-in session that is in force.
    pub(super) async fn user_of_sign_in(&self, sign_in_id: &str, now_ms: i64) -> Result<Option<UserRow>> {
        sqlx::query_as(
            "SELECT u.id, u.name, u.password_hash, u.role, u.epoch, u.is_disabled \
             FROM sign_ins s JOIN users u ON u.id = s.user_id \
             WHERE s.id = $1 AND NOT s.is_revoked AND s.expires_at_ms > $2 AND NOT u.is_disabled",
        )
        .bind(sign_in_id)
        .bind(now_ms)
        .fetch_optional(self.database.readers())
        .await
        .map_err(failed("find sign-in"))
    }

    pub(super) async fn replace_password_hash(&self, user_id: &str, password_hash: &str) -> Result<()> {
        sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
            .bind(user_id)
            .bind(password_hash)
            .execute(self.database.writer())
            .await
            .map_err(failed("renew password hash"))?;
        Ok(())
    }

    /// Disables or enables a user; either way every token issued so far is void from now on.
    pub(super) async fn set_disabled(&self, user_id: &str, is_disabled: bool) -> Result<bool> {
        let changed = sqlx::query("UPDATE users SET is_disabled = $2, epoch = epoch + 1 WHERE id = $1")
            .bind(user_id)
            .bind(is_disabled)
            .execute(self.database.writer())
            .await
            .map_err(failed("disable user"))?;
        Ok(changed.rows_affected() == 1)
    }

    /// Begins a session with its first refresh token.
    pub(super) async fn add_sign_in(
        &self,
        sign_in_id: &str,
        user_id: &str,
        token_hash: &[u8],
        lives: Lives,
        now_ms: i64,
    ) -> Result<()> {
        let failed = failed("begin sign-in session");
        let mut transaction = self.database.begin().await?;
        sqlx::query(
            "INSERT INTO sign_ins (id, user_id, created_at_ms, used_at_ms, expires_at_ms, is_revoked) \
             VALUES ($1, $2, $3, $3, $4, FALSE)",
        )
        .bind(sign_in_id)
        .bind(user_id)
        .bind(now_ms)
        .bind(now_ms.saturating_add(lives.absolute_ms))
        .execute(&mut *transaction)
        .await
        .map_err(&failed)?;
        insert_refresh_token(&mut transaction, token_hash, sign_in_id).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// Spends a refresh token for its successor, both in one transaction: a crash leaves the old one good or the new one, never two.
    pub(super) async fn refresh(
        &self,
        token_hash: &[u8],
        successor_hash: &[u8],
        lives: Lives,
        now_ms: i64,
    ) -> Result<Refreshed> {
        type Found = (String, Option<i64>, bool, i64, i64, String);
        let failed = failed("refresh sign-in");
        let mut transaction = self.database.begin().await?;
        let row: Option<Found> = sqlx::query_as(
            "SELECT t.sign_in_id, t.spent_at_ms, s.is_revoked, s.used_at_ms, s.expires_at_ms, s.user_id \
             FROM refresh_tokens t JOIN sign_ins s ON s.id = t.sign_in_id WHERE t.hash = $1",
        )
        .bind(token_hash)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(&failed)?;
        let Some((sign_in_id, spent_at_ms, is_revoked, used_at_ms, expires_at_ms, user_id)) = row else {
            return Ok(Refreshed::Refused);
        };
        let user: UserRow =
            sqlx::query_as("SELECT id, name, password_hash, role, epoch, is_disabled FROM users WHERE id = $1")
                .bind(&user_id)
                .fetch_one(&mut *transaction)
                .await
                .map_err(&failed)?;
        let is_over = now_ms >= expires_at_ms || now_ms >= used_at_ms.saturating_add(lives.idle_ms);
        if is_revoked || is_over || user.is_disabled {
            return Ok(Refreshed::Refused);
        }
        match spent_at_ms {
            None => {
                sqlx::query("UPDATE refresh_tokens SET spent_at_ms = $2 WHERE hash = $1")
                    .bind(token_hash)
                    .bind(now_ms)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&failed)?;
                insert_refresh_token(&mut transaction, successor_hash, &sign_in_id).await.map_err(&failed)?;
                sqlx::query("UPDATE sign_ins SET used_at_ms = $2 WHERE id = $1")
                    .bind(&sign_in_id)
                    .bind(now_ms)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&failed)?;
            }
            Some(spent_at_ms) if now_ms.saturating_sub(spent_at_ms) <= GRACE_MS => {}
            Some(_) => {
                sqlx::query("UPDATE sign_ins SET is_revoked = TRUE WHERE id = $1")
                    .bind(&sign_in_id)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&failed)?;
                transaction.commit().await.map_err(&failed)?;
                return Ok(Refreshed::Reused { sign_in_id, user_id });
            }
        }
        transaction.commit().await.map_err(&failed)?;
        Ok(Refreshed::Good { sign_in_id, user })
    }

    pub(super) async fn end_sign_in(&self, sign_in_id: &str) -> Result<()> {
        sqlx::query("UPDATE sign_ins SET is_revoked = TRUE WHERE id = $1")
            .bind(sign_in_id)
            .execute(self.database.writer())
            .await
            .map_err(failed("end sign-in"))?;
        Ok(())
    }

    /// Notes whose a playback is and in which session, or through which addon, it began.
    pub(super) async fn add_media_grant(
        &self,
        playback_id: &str,
        user_id: &str,
        by: GrantedBy<'_>,
        now_ms: i64,
    ) -> Result<()> {
        let (sign_in_id, addon_id) = match by {
            GrantedBy::SignIn(id) => (Some(id), None),
            GrantedBy::Addon(id) => (None, Some(id)),
        };
        sqlx::query(
            "INSERT INTO media_grants (playback_id, user_id, sign_in_id, addon_id, created_at_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (playback_id) DO UPDATE SET sign_in_id = excluded.sign_in_id, addon_id = excluded.addon_id \
             WHERE user_id = excluded.user_id",
        )
        .bind(playback_id)
        .bind(user_id)
        .bind(sign_in_id)
        .bind(addon_id)
        .bind(now_ms)
        .execute(self.database.writer())
        .await
        .map_err(failed("grant playback"))?;
        Ok(())
    }

    /// Whose a playback is, as long as its session was not ended, its addon not revoked and its user not disabled (MEDIA-01).
    pub(super) async fn media_grant(&self, playback_id: &str) -> Result<Option<UserRow>> {
        sqlx::query_as(
            "SELECT u.id, u.name, u.password_hash, u.role, u.epoch, u.is_disabled FROM media_grants g \
             JOIN users u ON u.id = g.user_id \
             LEFT JOIN sign_ins s ON s.id = g.sign_in_id LEFT JOIN addons a ON a.id = g.addon_id \
             WHERE g.playback_id = $1 AND NOT u.is_disabled AND (NOT s.is_revoked OR a.epoch = u.epoch)",
        )
        .bind(playback_id)
        .fetch_optional(self.database.readers())
        .await
        .map_err(failed("find playback"))
    }

    pub(super) async fn remove_media_grant(&self, playback_id: &str) -> Result<()> {
        sqlx::query("DELETE FROM media_grants WHERE playback_id = $1")
            .bind(playback_id)
            .execute(self.database.writer())
            .await
            .map_err(failed("end playback"))?;
        Ok(())
    }

    /// Adds an addon. False when the user has `most` already.
    pub(super) async fn add_addon(&self, addon: &NewAddonRow<'_>, most: u32, now_ms: i64) -> Result<bool> {
        let added = sqlx::query(
            "INSERT INTO addons (id, token_hash, user_id, epoch, name, settings, created_at_ms) \
             SELECT $1, $2, u.id, u.epoch, $4, $5, $6 FROM users u \
             WHERE u.id = $3 AND (SELECT COUNT(*) FROM addons WHERE user_id = $3) < $7",
        )
        .bind(addon.id)
        .bind(addon.token_hash)
        .bind(addon.user_id)
        .bind(addon.name)
        .bind(addon.settings)
        .bind(now_ms)
        .bind(most)
        .execute(self.database.writer())
        .await
        .map_err(failed("add addon"))?;
        Ok(added.rows_affected() == 1)
    }

    /// The addons of a user, newest first.
    pub(super) async fn addons(&self, user_id: &str) -> Result<Vec<AddonRow>> {
        sqlx::query_as("SELECT * FROM addons WHERE user_id = $1 ORDER BY created_at_ms DESC, id")
            .bind(user_id)
            .fetch_all(self.database.readers())
            .await
            .map_err(failed("list addons"))
    }

    /// An addon of a user.
    pub(super) async fn addon(&self, user_id: &str, addon_id: &str) -> Result<Option<AddonRow>> {
        sqlx::query_as("SELECT * FROM addons WHERE user_id = $1 AND id = $2")
            .bind(user_id)
            .bind(addon_id)
            .fetch_optional(self.database.readers())
            .await
            .map_err(failed("find addon"))
    }

    /// The addon of a token, as long as its user was not disabled since it was made.
    pub(super) async fn addon_of_token(&self, token_hash: &[u8]) -> Result<Option<AddonRow>> {
        sqlx::query_as(
            "SELECT a.* FROM addons a JOIN users u ON u.id = a.user_id \
             WHERE a.token_hash = $1 AND a.epoch = u.epoch AND NOT u.is_disabled",
        )
        .bind(token_hash)
        .fetch_optional(self.database.readers())
        .await
        .map_err(failed("find addon"))
    }

    /// Changes an addon of a user. False when there is none.
    pub(super) async fn change_addon(&self, user_id: &str, addon_id: &str, name: &str, settings: &str) -> Result<bool> {
        let changed = sqlx::query("UPDATE addons SET name = $3, settings = $4 WHERE user_id = $1 AND id = $2")
            .bind(user_id)
            .bind(addon_id)
            .bind(name)
            .bind(settings)
            .execute(self.database.writer())
            .await
            .map_err(failed("change addon"))?;
        Ok(changed.rows_affected() == 1)
    }

    /// Removes an addon of a user, with the grants of what plays through it. False when there is none.
    pub(super) async fn remove_addon(&self, user_id: &str, addon_id: &str) -> Result<bool> {
        let gone = sqlx::query("DELETE FROM addons WHERE user_id = $1 AND id = $2")
            .bind(user_id)
            .bind(addon_id)
            .execute(self.database.writer())
            .await
            .map_err(failed("remove addon"))?;
        Ok(gone.rows_affected() == 1)
    }

    /// Notes when an addon was last used.
    pub(super) async fn note_addon_use(&self, addon_id: &str, now_ms: i64) -> Result<()> {
        sqlx::query("UPDATE addons SET used_at_ms = $2 WHERE id = $1")
            .bind(addon_id)
            .bind(now_ms)
            .execute(self.database.writer())
            .await
            .map_err(failed("note addon use"))?;
        Ok(())
    }

    /// Forgets sessions that ended before `before_ms`, with their tokens and grants.
    pub(super) async fn prune(&self, before_ms: i64) -> Result<u64> {
        let gone = sqlx::query("DELETE FROM sign_ins WHERE expires_at_ms < $1")
            .bind(before_ms)
            .execute(self.database.writer())
            .await
            .map_err(failed("prune sign-ins"))?;
        Ok(gone.rows_affected())
    }
}

async fn insert_refresh_token(
    transaction: &mut sqlx::Transaction<'_, sqlx::Sqlite>,
    hash: &[u8],
    sign_in_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO refresh_tokens (hash, sign_in_id, spent_at_ms) VALUES ($1, $2, NULL)")
        .bind(hash)
        .bind(sign_in_id)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

#[cfg(test)]
impl AccountStore {
    /// Makes every spent token look spent that much earlier.
    pub(super) async fn shift_spent(&self, by_ms: i64) {
        sqlx::query("UPDATE refresh_tokens SET spent_at_ms = spent_at_ms - $1")
            .bind(by_ms)
            .execute(self.database.writer())
            .await
            .unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a folder of the first schema is upgraded, and what was granted in it still plays (DATA-05).
    #[tokio::test]
    async fn data_05_grants_survive_the_second_schema() {
        let folder = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(folder.path().join("prostream.db")).await.unwrap();
        database.migrate(MIGRATIONS_TABLE, &MIGRATIONS[..1]).await.unwrap();
        sqlx::raw_sql(
            "INSERT INTO users VALUES ('u', 'Mia', 'mia', '', 'user', 0, FALSE, 1);
             INSERT INTO sign_ins VALUES ('s', 'u', 1, 1, 9, FALSE);
             INSERT INTO media_grants VALUES ('p', 'u', 's', 1);",
        )
        .execute(database.writer())
        .await
        .unwrap();
        let store = AccountStore::new(database).await.unwrap();
        assert_eq!(store.media_grant("p").await.unwrap().map(|user| user.id).as_deref(), Some("u"));
        store.end_sign_in("s").await.unwrap();
        assert!(store.media_grant("p").await.unwrap().is_none());
    }
}
