//! What is known of torrents at the viewer's services: seen by playing, adding and being refused, or said by a service that is asked.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Resolver, Viewer};
use crate::model::InfoHash;
use crate::net::Call;
use crate::provider::debrid::{Cached, MAX_BATCH};
use crate::store::now_ms;
use crate::store::records::{Availability, Observation};

/// What a service has said of its cache is believed for so long before it is asked again.
const SAID_TIME_TO_LIVE: Duration = Duration::from_secs(15 * 60);
/// How long a torrent that was seen ready counts as ready.
const READY_TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Observations as they count now: by service, in the viewer's order, and torrent.
pub(super) type Seen = HashMap<(usize, InfoHash), Availability>;

impl Resolver {
    /// What is known of `hashes` at each service, services that can say so asked where nothing was seen lately.
    pub(super) async fn seen(&self, call: &Call, viewer: &Viewer, hashes: &[InfoHash]) -> Seen {
        let (mut seen, unsure) = self.recalled(viewer, hashes).await;
        let call = call.at_most(self.config.cached_deadline);
        let questions = unsure.into_iter().map(|(at, unsure)| {
            let call = &call;
            async move { (at, self.ask_cached(call, viewer, at, &unsure).await) }
        });
        for (at, said) in join_all(questions).await {
            seen.extend(said.into_iter().map(|(hash, availability)| ((at, hash), availability)));
        }
        seen
    }

    /// What the records say, and for each service that can be asked what it should be asked about.
    pub(super) async fn recalled(&self, viewer: &Viewer, hashes: &[InfoHash]) -> (Seen, Vec<(usize, Vec<InfoHash>)>) {
        let mut hashes = hashes.to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        let now_ms = now_ms();
        let (mut seen, mut unsure) = (Seen::new(), Vec::new());
        for (at, service) in viewer.providers.debrid.iter().enumerate() {
            let mut sure = Vec::new();
            for part in hashes.chunks(500) {
                let observations = match self.records.observations(service.id(), part).await {
                    Ok(observations) => observations,
                    Err(error) => {
                        tracing::warn!(%error, "observations could not be read");
                        continue;
                    }
                };
                for one in observations {
                    let age = Duration::from_millis(u64::try_from(now_ms.saturating_sub(one.seen_at_ms)).unwrap_or(0));
                    let counts = match one.availability {
                        Availability::Ready => age < READY_TIME_TO_LIVE,
                        Availability::Absent => age < self.config.absence_time_to_live,
                        Availability::Refused => true,
                    };
                    if counts {
                        seen.insert((at, one.info_hash), one.availability);
                    }
                    if age < SAID_TIME_TO_LIVE || one.availability == Availability::Refused {
                        sure.push(one.info_hash);
                    }
                }
            }
            if service.capabilities().has_cached_check {
                let open = hashes.iter().filter(|hash| !sure.contains(hash)).take(MAX_BATCH);
                unsure.push((at, open.copied().collect()));
            }
        }
        (seen, unsure)
    }

    /// What one service says; nothing where it does not answer in time.
    async fn ask_cached(
        &self,
        call: &Call,
        viewer: &Viewer,
        at: usize,
        hashes: &[InfoHash],
    ) -> Vec<(InfoHash, Availability)> {
        let Some(service) = viewer.providers.debrid.get(at).filter(|_| !hashes.is_empty()) else { return Vec::new() };
        let answer = match tokio::time::timeout(call.remaining(), service.check_cached(call, hashes)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::debug!(service = %service.id(), %error, "the service does not say what is cached");
                return Vec::new();
            }
            Err(_) => return Vec::new(),
        };
        let mut said = Vec::new();
        for (hash, cached) in hashes.iter().zip(answer) {
            let availability = match cached {
                Cached::Yes => Availability::Ready,
                Cached::No => Availability::Absent,
                Cached::Unknown => continue,
            };
            said.push((*hash, availability));
        }
        let seen_at_ms = now_ms();
        let observations = said.iter().map(|(info_hash, availability)| Observation {
            service: service.id().clone(),
            info_hash: *info_hash,
            availability: *availability,
            seen_at_ms,
        });
        if let Err(error) = self.records.observe_all(&observations.collect::<Vec<_>>()).await {
            tracing::warn!(%error, "what a service said could not be kept");
        }
        said
    }
}
