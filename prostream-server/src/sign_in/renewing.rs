//! Renews keys that end, while the server runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prostream_core::net::{Call, Secret};
use prostream_core::provider::debrid::{DebridService, DebridSignIn};
use prostream_core::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;

use super::{HeldKey, KeyPlace, read_key_file};

/// How often key files are looked at: a new sign-in is taken over, and what is due is renewed.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Longest wait for a renewal.
const RENEWAL_LIMIT: Duration = Duration::from_secs(30);

/// Wait after a renewal that failed, where the service names none.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// An account whose key lies in a file with what renews it.
#[derive(Debug)]
pub(crate) struct Renewable {
    pub(crate) vendor: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) service: Arc<dyn DebridService>,
    pub(crate) sign_in: Arc<dyn DebridSignIn>,
}

/// What is remembered between two looks at one file.
#[derive(Default)]
struct Looked {
    /// The key that the service has from us.
    in_use: Option<Secret>,
    /// Renewals that were refused are not tried again: a new sign-in writes another.
    refused: Option<Secret>,
    /// Nothing is tried before.
    not_before: Option<SystemTime>,
}

/// Keeps the keys of all `accounts` fresh until `stop`. A renewal that has begun is brought to its end: the service may take it once.
pub(crate) async fn keep_renewed(accounts: Vec<Renewable>, stop: CancellationToken) {
    futures_util::future::join_all(accounts.iter().map(|account| account.keep(&stop))).await;
}

impl Renewable {
    async fn keep(&self, stop: &CancellationToken) {
        let mut looked = Looked::default();
        loop {
            if let Err(error) = self.look(&mut looked, SystemTime::now()).await {
                let again = format!("prostream sign-in {} --write {}", self.vendor, self.path.display());
                tracing::warn!(provider = %self.service.id(), %error, advice = error.advice(), again, "a key could not be renewed");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self, looked: &mut Looked, now: SystemTime) -> Result<()> {
        let held = self.read().await?;
        self.take_over(looked, &held.key)?;
        let Some(renewal) = held.renewal.filter(|renewal| SystemTime::from(renewal.due_at) <= now) else {
            return Ok(());
        };
        if looked.refused.as_ref() == Some(&renewal.secret) || looked.not_before.is_some_and(|at| now < at) {
            return Ok(());
        }
        // Made before it is asked: what renews a key may be used up by it.
        let path = self.path.clone();
        let place = blocking(move || KeyPlace::new(&path)).await?;
        let grant = match self.sign_in.renew(&Call::within(RENEWAL_LIMIT), &renewal.secret).await {
            Ok(grant) => grant,
            Err(error) => {
                if error.kind().is_transient() {
                    looked.not_before = now.checked_add(error.retry_after().unwrap_or(RETRY_AFTER).max(LOOK_EVERY));
                } else {
                    looked.refused = Some(renewal.secret);
                }
                return Err(error);
            }
        };
        looked.not_before = None;
        let fresh = HeldKey::granted(grant, now);
        self.take_over(looked, &fresh.key)?;
        let vendor = self.vendor;
        blocking(move || place.keep(&fresh, vendor)).await?;
        tracing::info!(provider = %self.service.id(), "a key was renewed");
        Ok(())
    }

    async fn read(&self) -> Result<HeldKey> {
        let (path, vendor) = (self.path.clone(), self.vendor);
        blocking(move || read_key_file(&path, vendor)).await
    }

    fn take_over(&self, looked: &mut Looked, key: &Secret) -> Result<()> {
        if looked.in_use.as_ref() != Some(key) {
            self.service.replace_key(key)?;
            looked.in_use = Some(key.clone());
        }
        Ok(())
    }
}

/// Files may lie on a slow disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(ErrorKind::Internal, "use key file").because(error))?
}
