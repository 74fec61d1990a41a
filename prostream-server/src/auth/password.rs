//! Passwords: argon2id on a small pool of its own (AUTH-01), the same work for names that do not exist (AUTH-02).

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use prostream_core::{Error, ErrorKind, Result};
use tokio::sync::Semaphore;

use super::keys::{random_bytes, to_hex};
use crate::config::Auth;

/// Shortest password, in characters.
pub(crate) const MIN_PASSWORD_CHARS: usize = 12;

/// Longest password, in characters. Nothing is ever cut off.
pub(crate) const MAX_PASSWORD_CHARS: usize = 256;

/// Hashes computed at a time.
const MAX_RUNNING: usize = 2;

/// Hashes that may wait for their turn; more are turned away.
const MAX_WAITING: usize = 32;

/// Makes and checks password hashes.
#[derive(Debug)]
pub(super) struct Passwords {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    entered: Arc<Semaphore>,
    /// Checked for accounts that do not exist; made of a random password with the parameters in use.
    dummy_hash: String,
}

impl Passwords {
    /// # Errors
    /// `InvalidInput` for parameters that argon2 does not know.
    pub(super) fn new(config: &Auth) -> Result<Self> {
        let wrong = |error: argon2::Error| {
            Error::new(ErrorKind::InvalidInput, "read configuration").detail(format!("auth.password_*: {error}"))
        };
        let params = Params::new(config.password_memory_kib, config.password_passes, 1, None).map_err(wrong)?;
        let argon2 = Argon2::from(params);
        let dummy_hash = hash(&argon2, &to_hex(&random_bytes::<32>()?))?;
        Ok(Self {
            argon2,
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            entered: Arc::new(Semaphore::new(MAX_RUNNING + MAX_WAITING)),
            dummy_hash,
        })
    }

    /// The hash to keep of a new password.
    ///
    /// # Errors
    /// `InvalidInput` for a password that may not be used; `Unavailable` when too many wait.
    pub(super) async fn hash(&self, user_name: &str, password: &str) -> Result<String> {
        check_new(user_name, password)?;
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.run(move || hash(&argon2, &password)).await?
    }

    /// Is this the password behind `kept`? `None` stands for an account that does not exist: the same work, never true.
    ///
    /// # Errors
    /// `Unavailable` when too many wait.
    pub(super) async fn verify(&self, kept: Option<&str>, password: &str) -> Result<bool> {
        let is_known = kept.is_some();
        let kept = kept.unwrap_or(&self.dummy_hash).to_owned();
        // A password that no account can have is not worth its hash; its length says nothing about any account.
        if password.chars().count() > MAX_PASSWORD_CHARS {
            return Ok(false);
        }
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        let is_right = self.run(move || argon2.verify_password(password.as_bytes(), kept.as_str()).is_ok()).await?;
        Ok(is_right && is_known)
    }

    /// Was this hash made with other parameters than those in use now?
    pub(super) fn is_outdated(&self, kept: &str) -> bool {
        let kept = PasswordHash::new(kept).ok().and_then(|kept| Params::try_from(&kept).ok());
        kept.is_none_or(|kept| {
            let now = self.argon2.params();
            (kept.m_cost(), kept.t_cost(), kept.p_cost()) != (now.m_cost(), now.t_cost(), now.p_cost())
        })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let closed = |error: tokio::sync::AcquireError| Error::new(ErrorKind::Internal, "hash password").because(error);
        let _entered = self.entered.try_acquire().map_err(|_| {
            Error::new(ErrorKind::Unavailable, "hash password").detail("too many sign in").after(Duration::from_secs(2))
        })?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(closed)?;
        tokio::task::spawn_blocking(move || {
            let _running = running; // held by the work itself: a caller who gives up does not free the place early
            work()
        })
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "hash password").because(error))
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    let hash = argon2.hash_password(password.as_bytes());
    hash.map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| Error::new(ErrorKind::Internal, "hash password").because(error.to_string()))
}

/// Length, and nothing that anyone would try first. No rules of composition (NIST SP 800-63B section 5.1.1.2).
fn check_new(user_name: &str, password: &str) -> Result<()> {
    let wrong = |detail: String| Err(Error::new(ErrorKind::InvalidInput, "choose password").detail(detail));
    let char_count = password.chars().count();
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&char_count) {
        return wrong(format!("a password has from {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"));
    }
    let mut distinct: Vec<char> = password.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 {
        return wrong("this password repeats too few characters".to_owned());
    }
    if user_name.chars().count() >= 4 && password.to_lowercase().contains(&user_name.to_lowercase()) {
        return wrong("the password holds the name of the account".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: length is counted in characters, both ends included, and the obvious is refused.
    #[test]
    fn auth_01_new_passwords_are_checked() {
        let is_good = |password: &str| check_new("mia.smith", password).is_ok();
        assert!(is_good("correct horse"));
        assert!(is_good("пароль из слов"));
        assert!(is_good(&"abcdefgh".repeat(32)));
        assert!(!is_good("short pass1"));
        assert!(!is_good(&("abcdefgh".repeat(32) + "i")));
        assert!(!is_good("aaaaaaaaaaaaaaaa"));
        assert!(!is_good("MIA.Smith and more"));
    }

    /// Goal: only the right password of an account that exists passes, and the queue has an end.
    #[tokio::test]
    async fn auth_01_verification_and_its_queue() {
        let passwords = Passwords::new(&Auth::default()).unwrap();
        let kept = passwords.hash("mia", "correct horse battery").await.unwrap();
        assert!(kept.starts_with("$argon2id$"));
        assert!(passwords.verify(Some(&kept), "correct horse battery").await.unwrap());
        assert!(!passwords.verify(Some(&kept), "correct horse batterz").await.unwrap());
        assert!(!passwords.verify(None, "correct horse battery").await.unwrap());
        let stronger = Passwords::new(&Auth { password_passes: 3, ..Auth::default() }).unwrap();
        assert!(stronger.is_outdated(&kept) && !passwords.is_outdated(&kept));

        let _all = passwords.entered.try_acquire_many(u32::try_from(MAX_RUNNING + MAX_WAITING).unwrap()).unwrap();
        let error = passwords.verify(None, "correct horse battery").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
