use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::model::AccountId;

/// Longest time a call may take, whatever is asked for.
const MAX_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// A call that may take this long, at most a day.
    #[must_use]
    pub fn within(limit: Duration) -> Self {
        Self { deadline: from_now(limit), account: None, viewer_address: None }
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
        Self { deadline: self.deadline.min(from_now(limit)), ..self.clone() }
    }

    /// Time left; zero when the deadline passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn from_now(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit.min(MAX_LIMIT)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a limit that no clock can hold is a long one, not a panic.
    #[test]
    fn an_endless_limit_is_cut() {
        let call = Call::within(Duration::MAX);
        assert!(call.remaining() <= MAX_LIMIT);
        assert!(!call.remaining().is_zero());
        assert!(call.at_most(Duration::ZERO).remaining().is_zero());
        assert_eq!(call.at_most(Duration::MAX).deadline, call.deadline);
    }
}
