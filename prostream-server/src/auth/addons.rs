//! Addons: links that other players are given for good, each with a token of its own, settings on the server, and an end of its own. A token
//! lets its bearer search, look titles up and play as its user; it opens nothing of the account. The database has hashes of them alone.

use std::time::Instant;

use prostream_core::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use super::store::{AddonRow, GrantedBy, NewAddonRow};
use super::{Accounts, Caller, checked_name, now_ms, random_bytes, to_hex};

/// Most addons of one user.
const MAX_ADDONS: u32 = 20;

/// How old the note of the last use may become before it is written anew.
const USE_NOTED_MS: i64 = 3_600_000;

/// An addon that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addon {
    /// Random id; not the one in the token.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) user_id: String,
    /// Name that its owner gave it.
    pub(crate) name: String,
    /// Its settings, as they were kept.
    pub(crate) settings: String,
}

/// An addon as its owner sees it: without its token, which is shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddonSummary {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) settings: String,
    pub(crate) created_at_ms: i64,
    /// When it was last used, to the hour.
    pub(crate) used_at_ms: Option<i64>,
}

/// A new addon with its token.
pub(crate) struct NewAddon {
    pub(crate) summary: AddonSummary,
    pub(crate) token: String,
}

impl From<AddonRow> for AddonSummary {
    fn from(row: AddonRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            settings: row.settings,
            created_at_ms: row.created_at_ms,
            used_at_ms: row.used_at_ms,
        }
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "find addon")
}

/// What is kept of a token: whoever reads the database learns no token from it.
fn token_hash(random_id: &str) -> [u8; 32] {
    Sha256::digest(random_id).into()
}

impl Accounts {
    /// Makes an addon of the caller. Its token is in this answer and nowhere else.
    ///
    /// # Errors
    /// `InvalidInput` for a name that may not be used; `LimitExceeded` when the caller has [`MAX_ADDONS`]; `Storage`.
    pub(crate) async fn add_addon(&self, caller: &Caller, name: &str, settings: &str) -> Result<NewAddon> {
        let name = checked_name(name)?;
        let random_id = to_hex(&random_bytes::<16>()?);
        let row = NewAddonRow {
            id: &to_hex(&random_bytes::<16>()?),
            token_hash: &token_hash(&random_id),
            user_id: &caller.user_id,
            name,
            settings,
        };
        let created_at_ms = now_ms();
        if !self.store.add_addon(&row, MAX_ADDONS, created_at_ms).await? {
            return Err(Error::new(ErrorKind::LimitExceeded, "add addon")
                .detail(format!("an account has at most {MAX_ADDONS} links"))
                .advise("revoke one that is not used any more"));
        }
        tracing::info!(target: "audit", user_id = caller.user_id, addon_id = row.id, "an addon link was made");
        // Whatever was just asked about this token is older than the token.
        self.recent_addons.forget_all();
        let summary = AddonSummary {
            id: row.id.to_owned(),
            name: name.to_owned(),
            settings: settings.to_owned(),
            created_at_ms,
            used_at_ms: None,
        };
        Ok(NewAddon { summary, token: self.addon_tokens.issue(&random_id) })
    }

    /// The addons of the caller, newest first.
    pub(crate) async fn addons(&self, caller: &Caller) -> Result<Vec<AddonSummary>> {
        let rows = self.store.addons(&caller.user_id).await?;
        Ok(rows.into_iter().map(AddonSummary::from).collect())
    }

    /// One addon of the caller.
    ///
    /// # Errors
    /// `NotFound`, also for another user's; `Storage`.
    pub(crate) async fn addon(&self, caller: &Caller, addon_id: &str) -> Result<AddonSummary> {
        self.store.addon(&caller.user_id, addon_id).await?.map(AddonSummary::from).ok_or_else(missing)
    }

    /// Gives an addon of the caller another name and other settings; its token stays.
    ///
    /// # Errors
    /// `InvalidInput` for a name that may not be used; `NotFound`, also for another user's; `Storage`.
    pub(crate) async fn change_addon(
        &self,
        caller: &Caller,
        addon_id: &str,
        name: &str,
        settings: &str,
    ) -> Result<AddonSummary> {
        let is_changed = self.store.change_addon(&caller.user_id, addon_id, checked_name(name)?, settings).await?;
        self.recent_addons.forget_all();
        if is_changed { self.addon(caller, addon_id).await } else { Err(missing()) }
    }

    /// Revokes an addon of the caller: from now on its token opens nothing, and what plays through it ends.
    ///
    /// # Errors
    /// `NotFound`, also for another user's; `Storage`.
    pub(crate) async fn revoke_addon(&self, caller: &Caller, addon_id: &str) -> Result<()> {
        let is_gone = self.store.remove_addon(&caller.user_id, addon_id).await?;
        self.recent_addons.forget_all();
        self.recent_grants.forget_all();
        if !is_gone {
            return Err(missing());
        }
        tracing::info!(target: "audit", user_id = caller.user_id, addon_id, "an addon link was revoked");
        Ok(())
    }

    /// The addon that a token opens.
    ///
    /// # Errors
    /// `NotFound`, whatever is wrong with it.
    pub(crate) async fn open_addon(&self, token: &str) -> Result<Addon> {
        let random_id = self.addon_tokens.read(token).ok_or_else(missing)?;
        let hash = token_hash(random_id);
        let key = to_hex(&hash);
        let known = match self.recent_addons.read(&key) {
            Some(known) => known,
            None => {
                let asked = Instant::now();
                let known = self.store.addon_of_token(&hash).await?;
                self.recent_addons.keep(&key, asked, known.clone());
                if let Some(row) = &known {
                    self.note_use(row).await;
                }
                known
            }
        };
        let AddonRow { id, user_id, name, settings, .. } = known.ok_or_else(missing)?;
        Ok(Addon { id, user_id, name, settings })
    }

    /// A note for people: where it cannot be written, the addon works all the same.
    async fn note_use(&self, row: &AddonRow) {
        let now_ms = now_ms();
        if row.used_at_ms.is_some_and(|used_at_ms| now_ms.saturating_sub(used_at_ms) < USE_NOTED_MS) {
            return;
        }
        if let Err(error) = self.store.note_addon_use(&row.id, now_ms).await {
            tracing::warn!(%error, "cannot note that an addon was used");
        }
    }

    /// Hands out the token that opens a playback which an addon began.
    pub(crate) async fn grant_addon_media(&self, addon: &Addon, playback_id: &str) -> Result<String> {
        self.store.add_media_grant(playback_id, &addon.user_id, GrantedBy::Addon(&addon.id), now_ms()).await?;
        self.recent_grants.forget_all();
        Ok(self.media_tokens.issue(playback_id))
    }
}
