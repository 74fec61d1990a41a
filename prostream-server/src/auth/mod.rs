//! Who is calling: accounts, sign-in sessions and the tokens of both. The one place that answers it (R1).

mod access_token;
mod addons;
mod keys;
mod password;
mod path_token;
mod recent;
mod store;

use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prostream_core::net::Secret;
use prostream_core::store::sqlite::SqliteDatabase;
use prostream_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use crate::config::Auth;
use access_token::AccessTokens;
use keys::authenticate;
use password::Passwords;
use recent::Recent;
use store::{AccountStore, AddonRow, GrantedBy, Lives, NewUser, Refreshed, UserRow};

pub(crate) use addons::{Addon, AddonSummary};
pub use keys::random_password;
pub(crate) use keys::{Keys, from_hex, random_bytes, to_hex};
pub(crate) use path_token::PathTokens;

/// Longest name of a user, in characters.
const MAX_NAME_CHARS: usize = 64;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Watches.
    User,
    /// Watches, and looks after the server.
    Admin,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }
}

/// A user who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id: random, 128 bits as 32 hex digits.
    pub user_id: String,
    /// Name as the user wrote it.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The sign-in session that the call belongs to.
    pub sign_in_id: String,
}

/// What a sign-in gives.
pub(crate) struct SignIn {
    pub(crate) caller: Caller,
    pub(crate) access_token: String,
    pub(crate) expires_in_s: u64,
    /// Opaque, 256 bits, good once.
    pub(crate) refresh_token: String,
    /// How long the refresh token may rest, in seconds.
    pub(crate) refresh_idle_s: u32,
}

/// All accounts of a data folder.
pub struct Accounts {
    store: AccountStore,
    passwords: Passwords,
    access_tokens: AccessTokens,
    media_tokens: PathTokens,
    addon_tokens: PathTokens,
    refresh_key: [u8; 32],
    records_seal: Secret,
    config: Auth,
    /// Lets its bearer make the first administrator; gone once there is one.
    setup_token: Mutex<Option<String>>,
    recent_sign_ins: Recent<Option<UserRow>>,
    recent_grants: Recent<Option<UserRow>>,
    recent_addons: Recent<Option<AddonRow>>,
}

// Keys lie in it, and the token that makes the first administrator.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl Accounts {
    /// Opens the accounts in a database that is open, with the signing key of the data folder, which must exist. `access_life` is how long access tokens live: the configuration's
    /// `access_token_life_s`, but for a demonstration that prints one.
    ///
    /// # Errors
    /// `Storage`; `InvalidInput` for a signing key that is none.
    pub async fn open(folder: &Path, database: SqliteDatabase, config: &Auth, access_life: Duration) -> Result<Self> {
        let keys = Keys::of_folder(folder)?;
        let store = AccountStore::new(database).await?;
        let setup_token = if store.has_admin().await? { None } else { Some(to_hex(&random_bytes::<16>()?)) };
        Ok(Self {
            store,
            passwords: Passwords::new(config)?,
            access_tokens: AccessTokens::new(&keys, access_life.as_secs()),
            media_tokens: PathTokens::of_media(&keys),
            addon_tokens: PathTokens::of_addons(&keys),
            refresh_key: keys.refresh,
            records_seal: Secret::new(to_hex(&keys.records)),
            config: config.clone(),
            setup_token: Mutex::new(setup_token),
            recent_sign_ins: Recent::new(),
            recent_grants: Recent::new(),
            recent_addons: Recent::new(),
        })
    }

    /// What the records are sealed by ([`SqliteRecords::sealed_by`](prostream_core::store::records::SqliteRecords::sealed_by)): made from the
    /// signing key, so it goes with that. Playbacks of before a new key have to be started again.
    #[must_use]
    pub fn records_seal(&self) -> Secret {
        self.records_seal.clone()
    }

    /// The one-time token that makes the first administrator, as long as there is none (AUTH-08). A new one is drawn at every start.
    #[must_use]
    pub fn setup_token(&self) -> Option<String> {
        self.setup_token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a user; for the command line and the setup. Says the user's id.
    ///
    /// # Errors
    /// `InvalidInput` for a name or password that may not be used, or a name that is taken; `Storage`; `Unavailable`.
    pub async fn add_user(&self, name: &str, password: &str, role: Role) -> Result<String> {
        self.add(name, password, role, false).await
    }

    /// Signs a user in without a password: for a demonstration that prints its token, and for tests. Says the access token.
    ///
    /// # Errors
    /// `NotFound` for an unknown name; `Storage`.
    pub async fn access_token_of(&self, name: &str) -> Result<String> {
        let user = self.store.user_by_name(&canonical(name)).await?;
        let user = user.ok_or_else(|| Error::new(ErrorKind::NotFound, "find user"))?;
        self.begin_session(user).await.map(|sign_in| sign_in.access_token)
    }

    /// Disables or enables a user. Everything the user holds is void within a second.
    ///
    /// # Errors
    /// `NotFound`; `Storage`.
    pub async fn set_disabled(&self, name: &str, is_disabled: bool) -> Result<()> {
        let missing = || Error::new(ErrorKind::NotFound, "find user");
        let user = self.store.user_by_name(&canonical(name)).await?.ok_or_else(missing)?;
        let is_changed = self.store.set_disabled(&user.id, is_disabled).await?;
        self.recent_sign_ins.forget_all();
        self.recent_grants.forget_all();
        self.recent_addons.forget_all();
        if is_changed { Ok(()) } else { Err(missing()) }
    }

    /// Makes an account for whoever asks, where the configuration allows it.
    pub(crate) async fn register(&self, name: &str, password: &str) -> Result<SignIn> {
        if !self.config.is_registration_open {
            return Err(Error::new(ErrorKind::Forbidden, "register")
                .detail("registration is closed")
                .advise("ask the administrator for an account"));
        }
        self.add(name, password, Role::User, false).await?;
        self.login(name, password).await
    }

    /// Makes the first administrator with the one-time token.
    pub(crate) async fn set_up(&self, token: &str, name: &str, password: &str) -> Result<SignIn> {
        let refused = || {
            Error::new(ErrorKind::Forbidden, "set up")
                .detail("the token is wrong, or there is an administrator already")
                .advise("the server prints the token when it starts without an administrator")
        };
        let expected = self.setup_token().ok_or_else(refused)?;
        // Comparing hashes tells nothing by its time.
        if Sha256::digest(token) != Sha256::digest(expected) {
            return Err(refused());
        }
        self.add(name, password, Role::Admin, true).await?;
        *self.setup_token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.login(name, password).await
    }

    /// Signs a user in. Unknown, wrong and disabled answer alike and take alike (AUTH-02).
    pub(crate) async fn login(&self, name: &str, password: &str) -> Result<SignIn> {
        let user = self.store.user_by_name(&canonical(name)).await?;
        let is_right = self.passwords.verify(user.as_ref().map(|user| user.password_hash.as_str()), password).await?;
        let refused = || Error::new(ErrorKind::Unauthorized, "sign in").detail("wrong name or password");
        let user = user.filter(|user| is_right && !user.is_disabled).ok_or_else(refused)?;
        if self.passwords.is_outdated(&user.password_hash) {
            let renewed = self.passwords.hash(&user.name, password).await;
            if let Ok(renewed) = renewed {
                self.store.replace_password_hash(&user.id, &renewed).await?;
            }
        }
        self.begin_session(user).await
    }

    /// Trades a refresh token for a new pair of tokens.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<SignIn> {
        let refused = || Error::new(ErrorKind::Unauthorized, "refresh").advise("sign in again");
        if refresh_token.len() != 64 {
            return Err(refused());
        }
        // The successor follows from the token and a key of ours: asked twice within the grace, the same one is given, and none is stored.
        let successor = to_hex(&authenticate(&self.refresh_key, &[refresh_token.as_bytes()]));
        let (spent, next) = (Sha256::digest(refresh_token), Sha256::digest(&successor));
        match self.store.refresh(&spent, &next, self.lives(), now_ms()).await? {
            Refreshed::Good { sign_in_id, user } => self.signed_in(user, sign_in_id, successor),
            Refreshed::Refused => Err(refused()),
            Refreshed::Reused { sign_in_id, user_id } => {
                tracing::warn!(target: "audit", user_id, sign_in_id, "a spent refresh token came back: its sign-in session was ended");
                self.recent_sign_ins.forget_all();
                self.recent_grants.forget_all();
                Err(refused())
            }
        }
    }

    /// Ends a sign-in session and everything that hangs on it.
    pub(crate) async fn logout(&self, caller: &Caller) -> Result<()> {
        self.store.end_sign_in(&caller.sign_in_id).await?;
        self.recent_sign_ins.forget_all();
        self.recent_grants.forget_all();
        Ok(())
    }

    /// Who holds this access token.
    pub(crate) async fn authenticate(&self, access_token: &str) -> Result<Caller> {
        let claims = self.access_tokens.read(access_token)?;
        let refused = || Error::new(ErrorKind::Unauthorized, "check sign-in session");
        let known = match self.recent_sign_ins.read(&claims.sid) {
            Some(known) => known,
            None => {
                let asked = Instant::now();
                let known = self.store.user_of_sign_in(&claims.sid, now_ms()).await?;
                self.recent_sign_ins.keep(&claims.sid, asked, known.clone());
                known
            }
        };
        let user = known.filter(|user| user.id == claims.sub && user.epoch == claims.epoch).ok_or_else(refused)?;
        Ok(Caller { role: user.role(), user_id: user.id, name: user.name, sign_in_id: claims.sid })
    }

    /// Hands out the token that opens a playback of the caller. Handed out again, it hangs on the sign-in of whoever asked last.
    pub(crate) async fn grant_media(&self, caller: &Caller, playback_id: &str) -> Result<String> {
        let by = GrantedBy::SignIn(&caller.sign_in_id);
        self.store.add_media_grant(playback_id, &caller.user_id, by, now_ms()).await?;
        self.recent_grants.forget_all();
        Ok(self.media_tokens.issue(playback_id))
    }

    /// The token of a playback that was granted before.
    pub(crate) fn media_token_of(&self, playback_id: &str) -> String {
        self.media_tokens.issue(playback_id)
    }

    /// Takes a grant back.
    pub(crate) async fn end_media(&self, playback_id: &str) -> Result<()> {
        self.store.remove_media_grant(playback_id).await?;
        self.recent_grants.forget_all();
        Ok(())
    }

    /// Which playback a media token opens, and of whom.
    ///
    /// # Errors
    /// `NotFound`, whatever is wrong with it.
    pub(crate) async fn open_media(&self, media_token: &str) -> Result<(String, String)> {
        let missing = || Error::new(ErrorKind::NotFound, "open playback");
        let playback_id = self.media_tokens.read(media_token).ok_or_else(missing)?;
        let granted = match self.recent_grants.read(playback_id) {
            Some(granted) => granted,
            None => {
                let asked = Instant::now();
                let granted = self.store.media_grant(playback_id).await?;
                self.recent_grants.keep(playback_id, asked, granted.clone());
                granted
            }
        };
        let user = granted.ok_or_else(missing)?;
        Ok((playback_id.to_owned(), user.id))
    }

    /// Forgets sessions that are over. Called now and then.
    pub(crate) async fn prune(&self) -> Result<u64> {
        self.store.prune(now_ms()).await
    }

    async fn add(&self, name: &str, password: &str, role: Role, must_be_first_admin: bool) -> Result<String> {
        let name = checked_name(name)?;
        let password_hash = self.passwords.hash(name, password).await?;
        let id = to_hex(&random_bytes::<16>()?);
        let canonical_name = canonical(name);
        let user = NewUser {
            id: &id,
            name,
            canonical_name: &canonical_name,
            password_hash: &password_hash,
            role,
            must_be_first_admin,
        };
        if self.store.add_user(&user, now_ms()).await? {
            return Ok(id);
        }
        Err(Error::new(ErrorKind::InvalidInput, "add user")
            .detail("this name cannot be used")
            .advise("choose another name"))
    }

    async fn begin_session(&self, user: UserRow) -> Result<SignIn> {
        let sign_in_id = to_hex(&random_bytes::<16>()?);
        let refresh_token = to_hex(&random_bytes::<32>()?);
        let hash = Sha256::digest(&refresh_token);
        self.store.add_sign_in(&sign_in_id, &user.id, &hash, self.lives(), now_ms()).await?;
        self.signed_in(user, sign_in_id, refresh_token)
    }

    fn signed_in(&self, user: UserRow, sign_in_id: String, refresh_token: String) -> Result<SignIn> {
        let now_s = u64::try_from(now_ms() / 1000).unwrap_or_default();
        Ok(SignIn {
            access_token: self.access_tokens.issue(&user.id, &sign_in_id, user.epoch, now_s)?,
            expires_in_s: self.access_tokens.life_s(),
            refresh_token,
            refresh_idle_s: self.config.refresh_idle_s,
            caller: Caller { role: user.role(), user_id: user.id, name: user.name, sign_in_id },
        })
    }

    fn lives(&self) -> Lives {
        let milliseconds = |seconds: u32| i64::from(seconds) * 1000;
        Lives {
            idle_ms: milliseconds(self.config.refresh_idle_s),
            absolute_ms: milliseconds(self.config.refresh_life_s),
        }
    }
}

/// The form in which names are compared and limited (AUTH-03): compatibility forms, case and outer spaces make no difference.
pub(crate) fn canonical(name: &str) -> String {
    let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
    folded.nfkc().collect::<String>().trim().to_owned()
}

fn checked_name(name: &str) -> Result<&str> {
    let name = name.trim();
    let is_good = !canonical(name).is_empty()
        && name.chars().count() <= MAX_NAME_CHARS
        && !name.chars().any(|character| character.is_control() || is_invisible(character));
    if is_good {
        return Ok(name);
    }
    Err(Error::new(ErrorKind::InvalidInput, "choose name")
        .detail(format!("a name has from 1 to {MAX_NAME_CHARS} visible characters")))
}

/// Characters that show nothing and would make two names look alike: zero-width ones and directional marks (Unicode, general category Cf).
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const PASSWORD: &str = "correct horse battery";

    async fn open(folder: &tempfile::TempDir) -> Accounts {
        let database = SqliteDatabase::open(folder.path().join("prostream.db")).await.unwrap();
        Accounts::open(folder.path(), database, &Auth::default(), Duration::from_secs(900)).await.unwrap()
    }

    async fn accounts() -> (Arc<Accounts>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let accounts = open(&folder).await;
        accounts.add_user("Mia", PASSWORD, Role::User).await.unwrap();
        (Arc::new(accounts), folder)
    }

    fn is_unauthorized<T>(outcome: Result<T>) -> bool {
        outcome.is_err_and(|error| error.kind() == ErrorKind::Unauthorized)
    }

    /// Goal: no key and no token shows where somebody prints what he holds. (The keys of refresh tokens did.)
    #[tokio::test]
    async fn accounts_show_no_key_by_debug() {
        let (accounts, _folder) = accounts().await;
        let shown = format!("{accounts:?}");
        assert!(!shown.contains(&accounts.setup_token().unwrap()));
        assert!(!shown.contains(&format!("{:?}", accounts.refresh_key)), "{shown}");
    }

    /// Goal: one person has one name, however it is typed.
    #[tokio::test]
    async fn auth_03_spellings_are_one_account() {
        let (accounts, _folder) = accounts().await;
        for spelling in ["mia", " MIA ", "Ｍｉａ"] {
            assert!(accounts.login(spelling, PASSWORD).await.is_ok(), "{spelling}");
            assert!(accounts.add_user(spelling, PASSWORD, Role::User).await.is_err());
        }
        for bad in ["", "  ", "a\u{200b}b", "a\nb", &"a".repeat(65)] {
            assert!(accounts.add_user(bad, PASSWORD, Role::User).await.is_err(), "{bad:?}");
        }
    }

    /// Goal: the first administrator needs the token, and there is only one first.
    #[tokio::test]
    async fn auth_08_setup_works_once() {
        let (accounts, folder) = accounts().await;
        let token = accounts.setup_token().unwrap();
        assert!(accounts.set_up("0", "root", PASSWORD).await.is_err());
        let sign_in = accounts.set_up(&token, "root", PASSWORD).await.unwrap();
        assert_eq!(sign_in.caller.role, Role::Admin);
        assert!(accounts.set_up(&token, "other", PASSWORD).await.is_err());
        let again = open(&folder).await;
        assert_eq!(again.setup_token(), None);
    }

    /// Goal: of many at once, all get the same successor, so at most one exists (AUTH-05).
    #[tokio::test]
    async fn auth_05_parallel_refreshes_share_one_successor() {
        let (accounts, _folder) = accounts().await;
        let first = accounts.login("mia", PASSWORD).await.unwrap().refresh_token;
        let tries: Vec<_> = (0..12)
            .map(|_| {
                let (accounts, first) = (Arc::clone(&accounts), first.clone());
                tokio::spawn(async move { accounts.refresh(&first).await.map(|sign_in| sign_in.refresh_token) })
            })
            .collect();
        let mut successors = Vec::new();
        for one in tries {
            successors.push(one.await.unwrap().unwrap());
        }
        successors.dedup();
        assert_eq!(successors.len(), 1);
        assert!(accounts.refresh(&successors[0]).await.is_ok());
        assert!(is_unauthorized(accounts.refresh("0").await));
        assert!(is_unauthorized(accounts.refresh(&"0".repeat(64)).await));
    }

    /// Goal: a spent token that comes back late ends the whole session: access, refresh and media.
    #[tokio::test]
    async fn auth_05_reuse_ends_the_session() {
        let (accounts, _folder) = accounts().await;
        let sign_in = accounts.login("mia", PASSWORD).await.unwrap();
        let media = accounts.grant_media(&sign_in.caller, "00112233445566778899aabbccddeeff").await.unwrap();
        let next = accounts.refresh(&sign_in.refresh_token).await.unwrap();
        assert!(accounts.open_media(&media).await.is_ok());
        accounts.store.shift_spent(11_000).await;
        assert!(is_unauthorized(accounts.refresh(&sign_in.refresh_token).await));
        assert!(is_unauthorized(accounts.refresh(&next.refresh_token).await));
        assert!(is_unauthorized(accounts.authenticate(&next.access_token).await));
        assert!(accounts.open_media(&media).await.is_err());
    }

    /// Goal: logout and disabling act at once on access, refresh and media tokens, and on nobody else's.
    #[tokio::test]
    async fn auth_06_endings_take_effect() {
        let (accounts, _folder) = accounts().await;
        accounts.add_user("Leo", PASSWORD, Role::User).await.unwrap();
        let other = accounts.login("leo", PASSWORD).await.unwrap();
        let first = accounts.login("mia", PASSWORD).await.unwrap();
        let second = accounts.login("mia", PASSWORD).await.unwrap();
        let media = accounts.grant_media(&first.caller, "00112233445566778899aabbccddeeff").await.unwrap();
        assert_eq!(accounts.open_media(&media).await.unwrap().1, first.caller.user_id);

        accounts.logout(&first.caller).await.unwrap();
        assert!(is_unauthorized(accounts.authenticate(&first.access_token).await));
        assert!(is_unauthorized(accounts.refresh(&first.refresh_token).await));
        assert!(accounts.open_media(&media).await.is_err());
        assert!(accounts.authenticate(&second.access_token).await.is_ok());

        accounts.set_disabled("mia", true).await.unwrap();
        assert!(is_unauthorized(accounts.authenticate(&second.access_token).await));
        assert!(is_unauthorized(accounts.refresh(&second.refresh_token).await));
        assert!(is_unauthorized(accounts.login("mia", PASSWORD).await));
        accounts.set_disabled("mia", false).await.unwrap();
        assert!(is_unauthorized(accounts.authenticate(&second.access_token).await));
        assert!(accounts.login("mia", PASSWORD).await.is_ok());
        assert!(accounts.authenticate(&other.access_token).await.is_ok());
    }
}
