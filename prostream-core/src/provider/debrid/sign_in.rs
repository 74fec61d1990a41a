//! Sign-in without a key: the service shows a page where its owner types a short code (OAuth device flow, or a PIN).

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use url::Url;

use crate::Result;
use crate::net::{Call, Secret};
#[cfg(feature = "http")]
use crate::{Error, ErrorKind};

/// What the owner of an account has to do, and how to ask whether it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInPrompt {
    /// Code to be typed.
    pub user_code: String,
    /// Page where it is typed; where the service has one, with the code in it.
    pub url: Url,
    /// What [`DebridSignIn::poll`] wants to hear.
    pub device_code: Secret,
    /// Shortest time between two polls.
    pub interval: Duration,
    /// When the code ends.
    pub expires_at: SystemTime,
}

/// A credential that the owner has granted.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// Works as the key of the vendor's settings.
    pub key: Secret,
    /// When it ends; `None` for one that lasts until it is withdrawn.
    pub expires_at: Option<SystemTime>,
    /// What [`DebridSignIn::renew`] wants to hear; `None` where there is nothing to renew.
    pub renewal: Option<Secret>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// How far a sign-in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInState {
    /// The owner has not yet agreed: ask again after the prompt's interval.
    Waiting,
    /// The owner has agreed.
    Granted(Grant),
}

/// Signs a user in at a debrid service without a key being copied.
#[async_trait]
pub trait DebridSignIn: Send + Sync + fmt::Debug + 'static {
    /// Asks for a code.
    ///
    /// # Errors
    /// `RateLimited`, `Unavailable`, `TimedOut`; `Unauthorized` where this program is not known to the service.
    /// # Cancel safety
    /// Safe to drop at any point: a code that nobody types ends by itself.
    async fn begin(&self, call: &Call) -> Result<SignInPrompt>;

    /// Asks once whether the owner has agreed; the caller keeps the prompt's interval.
    ///
    /// # Errors
    /// `Unauthorized`, with advice, for a code that has ended or was declined: begin again; otherwise as [`Self::begin`].
    /// # Cancel safety
    /// Not safe: a service may hand a grant out only once.
    async fn poll(&self, call: &Call, prompt: &SignInPrompt) -> Result<SignInState>;

    /// A fresh grant for one that ends.
    ///
    /// # Errors
    /// `Unsupported` where grants do not end; `Unauthorized` when it was withdrawn; otherwise as [`Self::begin`].
    /// # Cancel safety
    /// Not safe: the old renewal may be used up.
    async fn renew(&self, call: &Call, renewal: &Secret) -> Result<Grant>;
}

/// The moment that lies this far ahead; what no clock can hold is now.
#[cfg(feature = "http")]
pub(super) fn expires_in(life: Duration) -> SystemTime {
    let now = SystemTime::now();
    now.checked_add(life).unwrap_or(now)
}

/// The page of a prompt, which is shown to its owner as a link: an answer may name `javascript:` or a file as well (OUT-05).
///
/// # Errors
/// `Malformed` for anything but an http or https page without user info.
#[cfg(feature = "http")]
pub(super) fn checked_page(url: Url) -> Result<Url> {
    if matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    Err(Error::new(ErrorKind::Malformed, "begin sign-in").detail("its page is no http or https address"))
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::*;

    /// Goal: what an owner is sent to is a page, whatever the service answers.
    #[test]
    fn only_pages_are_shown() {
        let checked = |text: &str| checked_page(text.parse().unwrap());
        assert_eq!(
            checked("https://service.example/pin?code=A1").unwrap().as_str(),
            "https://service.example/pin?code=A1"
        );
        for wrong in
            ["javascript:alert(1)", "data:text/html,a", "file:///etc/passwd", "https://service.example@b.example/"]
        {
            assert_eq!(checked(wrong).unwrap_err().kind(), ErrorKind::Malformed, "{wrong}");
        }
    }
}
