//! A check-up: are the providers there, do they take our keys, and, where not, what is wrong in plain words.
//!
//! [`ask`] asks all of them at once, [`judge`] and [`judge_clock`] make [`Finding`]s of what came back; [`check_up`] is both.

mod finding;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};

use crate::model::ProviderId;
use crate::net::Call;
use crate::provider::CheckUp;
use crate::provider::debrid::Account;
use crate::resolve::ProviderSet;
use crate::{Error, ErrorKind, Result};

pub use finding::{Finding, Part, Verdict, judge, judge_clock};

/// Longest wait for one provider: longer than a search waits for it, so that the slow are told from the dead.
pub const PROVIDER_DEADLINE: Duration = Duration::from_secs(15);

/// An indexer that takes longer for these short questions makes searches miss its releases: a third of what a search waits for it
/// ([`crate::resolve::ResolveConfig::indexer_deadline`]), as a search is several questions, and dearer ones.
pub const SLOW_AFTER: Duration = Duration::from_secs(4);

/// What one provider answered.
#[derive(Debug)]
pub struct Outcome {
    /// Who was asked.
    pub provider: ProviderId,
    /// How long it took.
    pub elapsed: Duration,
    /// What was answered.
    pub answer: Answer,
}

/// What a provider answered, by its role.
#[derive(Debug)]
pub enum Answer {
    /// A metadata provider.
    Metadata(Result<CheckUp>),
    /// An indexer.
    Indexer(Result<CheckUp>),
    /// A debrid service.
    Debrid(Result<Account>),
    /// A subtitle provider.
    Subtitles(Result<CheckUp>),
}

/// Asks all providers at once, each within [`PROVIDER_DEADLINE`] and the call's own: one that is dead delays nothing beyond it. The answers
/// stand in the order of the set: metadata, indexers, debrid services, subtitle providers.
///
/// # Cancel safety
/// Safe to drop at any point: nothing changes on any side.
pub async fn ask(call: &Call, providers: &ProviderSet) -> Vec<Outcome> {
    let call = &call.at_most(PROVIDER_DEADLINE);
    let mut asking: Vec<BoxFuture<'_, Outcome>> = Vec::new();
    for one in &providers.metadata {
        let one = Arc::clone(one);
        asking.push(Box::pin(async move {
            let (elapsed, answer) = in_time(call, one.check_up(call)).await;
            Outcome { provider: one.id().clone(), elapsed, answer: Answer::Metadata(answer) }
        }));
    }
    for one in &providers.indexers {
        let one = Arc::clone(one);
        asking.push(Box::pin(async move {
            let (elapsed, answer) = in_time(call, one.check_up(call)).await;
            Outcome { provider: one.id().clone(), elapsed, answer: Answer::Indexer(answer) }
        }));
    }
    for one in &providers.debrid {
        let one = Arc::clone(one);
        asking.push(Box::pin(async move {
            let (elapsed, answer) = in_time(call, one.check_up(call)).await;
            Outcome { provider: one.id().clone(), elapsed, answer: Answer::Debrid(answer) }
        }));
    }
    for one in &providers.subtitles {
        let one = Arc::clone(one);
        asking.push(Box::pin(async move {
            let (elapsed, answer) = in_time(call, one.check_up(call)).await;
            Outcome { provider: one.id().clone(), elapsed, answer: Answer::Subtitles(answer) }
        }));
    }
    join_all(asking).await
}

/// The answer, or that none came in time: a provider of somebody else's may not look at its deadline.
async fn in_time<T>(call: &Call, asked: impl Future<Output = Result<T>>) -> (Duration, Result<T>) {
    let started = Instant::now();
    let answer = tokio::time::timeout(call.remaining(), asked)
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "check up").detail("no answer in time")));
    (started.elapsed(), answer)
}

/// [`ask`] and what came of it, with a word about this machine's clock where the clocks of others say otherwise.
#[cfg(feature = "http")]
pub async fn check_up(call: &Call, providers: &ProviderSet, http: &crate::net::HttpClient) -> Vec<Finding> {
    let started = Instant::now();
    let outcomes = ask(call, providers).await;
    let now = std::time::SystemTime::now();
    let mut findings: Vec<Finding> = outcomes.iter().flat_map(|outcome| judge(outcome, now)).collect();
    findings.extend(judge_clock(&http.clock_offsets_s(started)));
    findings
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::provider::indexer::{Indexer, Query, Releases};
    use crate::provider::metadata::{MetadataProvider, TitleRequest, TitleSearch};

    /// Answers at once, or never, whatever its deadline.
    #[derive(Debug)]
    struct Fake {
        id: ProviderId,
        is_dead: bool,
    }

    impl Fake {
        fn new(name: &str, is_dead: bool) -> Arc<Self> {
            Arc::new(Self { id: ProviderId::new(name), is_dead })
        }

        async fn answer(&self) {
            if self.is_dead {
                std::future::pending::<()>().await;
            }
        }
    }

    #[async_trait]
    impl Indexer for Fake {
        fn id(&self) -> &ProviderId {
            &self.id
        }

        async fn search(&self, _call: &Call, _query: &Query) -> Result<Releases> {
            self.answer().await;
            Ok(Releases::default())
        }
    }

    #[async_trait]
    impl MetadataProvider for Fake {
        fn id(&self) -> &ProviderId {
            &self.id
        }

        async fn search(&self, _call: &Call, _request: &TitleSearch) -> Result<Vec<crate::model::TitleSummary>> {
            self.answer().await;
            Ok(Vec::new())
        }

        async fn title(&self, _call: &Call, _request: &TitleRequest) -> Result<crate::model::Title> {
            Err(Error::new(ErrorKind::NotFound, "find title"))
        }
    }

    /// Goal: whoever is dead is told so when its time is over, and all others as they are, in order.
    /// Method: time that is paused: two dead ones, one after the other, would take twice the deadline.
    #[tokio::test(start_paused = true)]
    async fn the_dead_do_not_delay_the_living() {
        let providers = ProviderSet {
            metadata: vec![Fake::new("silent", true), Fake::new("ready", false)],
            indexers: vec![Fake::new("mute", true), Fake::new("quick", false)],
            ..ProviderSet::default()
        };
        let started = tokio::time::Instant::now();
        let outcomes = ask(&Call::within(Duration::from_secs(600)), &providers).await;
        assert!(started.elapsed() <= PROVIDER_DEADLINE + Duration::from_secs(1), "{:?}", started.elapsed());
        let told: Vec<_> = outcomes
            .iter()
            .map(|outcome| match &outcome.answer {
                Answer::Metadata(answer) | Answer::Indexer(answer) => {
                    (outcome.provider.as_str(), answer.as_ref().err().map(Error::kind))
                }
                Answer::Debrid(_) | Answer::Subtitles(_) => unreachable!("there is none"),
            })
            .collect();
        let dead = Some(ErrorKind::TimedOut);
        assert_eq!(told, [("silent", dead), ("ready", None), ("mute", dead), ("quick", None)]);
    }
}
