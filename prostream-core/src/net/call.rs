use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::model::AccountId;

/// On whose behalf and until when something is asked of the outside. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use prostream_core::net::Call;
/// let call = Call::within(Duration::from_secs(5));
/// assert!(call.remaining() <= Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Whose account: budgets and limits are kept by it.
    pub account: Option<AccountId>,
    /// The viewer's address, where the viewer fetches by himself; never sent otherwise.
    pub viewer_address: Option<IpAddr>,
}

impl Call {
    /// A call that may take this long.
    #[must_use]
    pub fn within(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, account: None, viewer_address: None }
    }

    /// The same for an account.
    #[must_use]
    pub fn for_account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// The same with an earlier end, if `limit` from now is earlier.
    #[must_use]
    pub fn at_most(&self, limit: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + limit), ..self.clone() }
    }

    /// Time left; zero when the deadline passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
