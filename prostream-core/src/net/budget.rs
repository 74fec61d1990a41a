use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::model::AccountId;

/// How fast one account may ask: `burst` at once after a pause, one each `interval` in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Time from one request to the next.
    pub interval: Duration,
    /// Requests at once after a pause.
    pub burst: NonZeroU32,
}

/// What [`SharedBudget::take`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is taken: the request may be sent.
    Taken,
    /// Nothing is taken: there may be one after this time.
    After(Duration),
}

/// Counts the requests of an account for several processes, so that all of them together keep its pace.
#[async_trait]
pub trait SharedBudget: Send + Sync + fmt::Debug + 'static {
    /// Takes a turn of `account`, if one is free now. All that ask for one account give the same rate.
    ///
    /// # Errors
    /// `Unavailable` or `Storage` when turns cannot be counted just now: then each process keeps the pace by itself.
    /// # Cancel safety
    /// Safe to drop at any point; a turn may be used up.
    async fn take(&self, account: &AccountId, rate: Rate) -> Result<Turn>;
}
