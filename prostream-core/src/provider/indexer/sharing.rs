use sha2::{Digest, Sha256};
use url::Url;

use crate::net::Secret;

/// Who an indexer's answers are for: those who know its address and its key. They could have asked for themselves.
///
/// ```
/// use prostream_core::{net::Secret, provider::indexer::Sharing};
/// let sharing = |key| Sharing::new("torznab", &"http://indexer.example/api".parse().unwrap(), &Secret::new(key));
/// assert_eq!(sharing("k3y").name(), sharing("k3y").name());
/// assert_ne!(sharing("k3y").name(), sharing("another").name());
/// ```
#[derive(Clone, Debug)]
pub struct Sharing {
    secret: Secret,
    has_key: bool,
}

impl Sharing {
    /// Those who ask a vendor's service at `url` with `key`, which may be empty.
    #[must_use]
    pub fn new(vendor: &str, url: &Url, key: &Secret) -> Self {
        Self { secret: Secret::new(format!("{vendor}\n{url}\n{}", key.expose())), has_key: !key.is_empty() }
    }

    /// Names them, and gives neither address nor key away: a hash.
    #[must_use]
    pub fn name(&self) -> String {
        Sha256::digest(format!("sharing\n{}", self.secret.expose())).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What they alone know: answers that leave the memory are sealed with it.
    #[must_use]
    pub fn seal(&self) -> &Secret {
        &self.secret
    }

    /// Is there a key? Without one, whoever guesses the address knows all.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.has_key
    }
}
