//! The key of an account, which a renewed sign-in replaces while the account is in use.

use std::sync::{Arc, PoisonError, RwLock};

use crate::net::Secret;
use crate::{Error, ErrorKind, Result};

/// Shared by all clones: a request takes the key of its moment.
#[derive(Clone, Debug)]
pub(super) struct AccountKey(Arc<RwLock<Secret>>);

impl AccountKey {
    pub(super) fn new(key: Secret) -> Self {
        Self(Arc::new(RwLock::new(key)))
    }

    pub(super) fn now(&self) -> Secret {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// # Errors
    /// `InvalidInput` for an empty key.
    pub(super) fn replace(&self, key: &Secret) -> Result<()> {
        let key = Secret::new(key.expose().trim());
        if key.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "replace key").detail("the key is empty"));
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whoever holds the key sees the new one, an empty one replaces nothing, and none is shown.
    #[test]
    fn all_holders_see_the_new_key() {
        let key = AccountKey::new(Secret::new("0ld"));
        let other = key.clone();
        key.replace(&Secret::new(" n3w\n")).unwrap();
        assert_eq!(key.replace(&Secret::new(" ")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(other.now().expose(), "n3w");
        assert!(!format!("{other:?}").contains("n3w"));
    }
}
