//! The one error type of the crate: a kind that a caller can act on, and the story for the log.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a lower layer, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What went wrong, in words a caller can act on.
///
/// The numbers are part of the C ABI and of the metrics: a number is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// What the caller passed does not make sense: a malformed id, an option out of its range.
    #[error("invalid input")]
    InvalidInput = 1,
    /// The credential is missing, wrong or expired.
    #[error("unauthorized")]
    Unauthorized = 2,
    /// The other side asked us to slow down.
    #[error("rate limited")]
    RateLimited = 3,
    /// It does not exist: a title, a file, a torrent, a segment beyond the end.
    #[error("not found")]
    NotFound = 4,
    /// A policy forbids it: an address that may not be reached, a path outside the library.
    #[error("forbidden")]
    Forbidden = 5,
    /// The other side is down or cannot be reached just now.
    #[error("unavailable")]
    Unavailable = 6,
    /// The deadline of the call passed.
    #[error("timed out")]
    TimedOut = 7,
    /// The service refuses this content. Final: it is shown, never worked around.
    #[error("refused by the service")]
    Refused = 8,
    /// A container or codec that we recognise, or not, but cannot package.
    #[error("unsupported")]
    Unsupported = 9,
    /// Bytes from outside break their own format.
    #[error("malformed data")]
    Malformed = 10,
    /// A documented limit was reached: a body, a table, a queue.
    #[error("limit exceeded")]
    LimitExceeded = 11,
    /// The service has to fetch it first; ask again later.
    #[error("not cached yet")]
    NotCached = 12,
    /// The file behind a link is no longer the file that was opened.
    #[error("source changed")]
    SourceChanged = 13,
    /// The account is expired, out of quota, or on a plan that does not include this.
    #[error("account limit")]
    AccountLimit = 14,
    /// The caller gave up.
    #[error("cancelled")]
    Cancelled = 15,
    /// More than one answer fits, and guessing would be wrong: the caller chooses.
    #[error("ambiguous")]
    Ambiguous = 16,
    /// Reading or writing on this machine failed.
    #[error("storage failure")]
    Storage = 17,
    /// A defect of ours.
    #[error("internal error")]
    Internal = 18,
    /// The service refuses this server's address, whatever is asked for. Shown, never worked around.
    #[error("address refused by the service")]
    AddressRefused = 19,
}

impl ErrorKind {
    /// Every kind, for tables that must be complete.
    pub const ALL: [ErrorKind; 19] = [
        ErrorKind::InvalidInput,
        ErrorKind::Unauthorized,
        ErrorKind::RateLimited,
        ErrorKind::NotFound,
        ErrorKind::Forbidden,
        ErrorKind::Unavailable,
        ErrorKind::TimedOut,
        ErrorKind::Refused,
        ErrorKind::Unsupported,
        ErrorKind::Malformed,
        ErrorKind::LimitExceeded,
        ErrorKind::NotCached,
        ErrorKind::SourceChanged,
        ErrorKind::AccountLimit,
        ErrorKind::Cancelled,
        ErrorKind::Ambiguous,
        ErrorKind::Storage,
        ErrorKind::Internal,
        ErrorKind::AddressRefused,
    ];

    /// The stable name used as problem `code`, C text and metrics label: `rate_limited`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            ErrorKind::InvalidInput => "invalid_input",
            ErrorKind::Unauthorized => "unauthorized",
            ErrorKind::RateLimited => "rate_limited",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::Refused => "refused",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Malformed => "malformed",
            ErrorKind::LimitExceeded => "limit_exceeded",
            ErrorKind::NotCached => "not_cached",
            ErrorKind::SourceChanged => "source_changed",
            ErrorKind::AccountLimit => "account_limit",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Ambiguous => "ambiguous",
            ErrorKind::Storage => "storage",
            ErrorKind::Internal => "internal",
            ErrorKind::AddressRefused => "address_refused",
        }
    }

    /// Is another try, later and unchanged, worth it?
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::NotCached)
    }
}

/// What failed, where, and what to do about it.
///
/// `Display` is one line in lower case without secrets, such as `tmdb: find title: unauthorized`;
/// [`Error::advice`] says what a person can do next; the cause is reached through `source()`.
///
/// ```
/// use prostream_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Unauthorized, "find title").at("tmdb").advise("check the TMDB key");
/// assert_eq!(error.to_string(), "tmdb: find title: unauthorized");
/// assert_eq!(error.advice(), Some("check the TMDB key"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    provider: Option<Cow<'static, str>>,
    detail: Option<Cow<'static, str>>,
    advice: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind` in `operation`, a short verb phrase such as `"unlock link"`.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            provider: None,
            detail: None,
            advice: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Names the provider (or the part of the engine) it happened at.
    #[must_use]
    pub fn at(mut self, provider: impl Into<Cow<'static, str>>) -> Self {
        self.0.provider = Some(provider.into());
        self
    }

    /// Adds what exactly was wrong, safe to show: no secret, no path, no address with a query.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Says what a person can do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Keeps the wait that the other side asked for.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What a caller can act on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// At which provider, if at one.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// What exactly was wrong, safe to show.
    #[must_use]
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What a person can do next.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// How long the other side asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.0.provider {
            write!(f, "{provider}: ")?;
        }
        write!(f, "{}: {}", self.0.operation, self.0.kind)?;
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("provider", &self.0.provider)
            .field("detail", &self.0.detail)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: numbers and codes are an interface: none is shared by two kinds.
    #[test]
    fn kinds_have_distinct_numbers_and_codes() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            for other in &ErrorKind::ALL[..index] {
                assert_ne!(*kind as i32, *other as i32);
                assert_ne!(kind.code(), other.code());
            }
        }
    }
}
