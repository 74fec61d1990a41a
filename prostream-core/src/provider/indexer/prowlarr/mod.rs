//! Prowlarr: asks all indexers that are set up in it, over its JSON API.
//!
//! Each of its indexers is asked for itself: by text and, where it can do it, by outside id at the same time. Those that it leaves alone after
//! failures are not asked. Links are Prowlarr's own and hold its key: they are followed for a release that was picked, never shown.

mod error;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::TryFutureExt;
use futures_util::future::{join, join_all, try_join4};
use serde::Deserialize;
use url::Url;

use super::link::{self, ServerKey};
use super::listing::{Found, Words, at_offset, join_answers, searches, widening};
use super::{Indexer, MAX_MISSING, Missing, Query, Releases, Sharing, TorrentLink, check_endpoint};
use crate::model::{ProviderId, Release};
use crate::net::{Call, HttpClient, Request, Secret, redact_url};
use crate::provider::CheckUp;
use crate::provider::pace::Pace;
use crate::provider::remembered::Remembered;
use crate::{Error, ErrorKind, Result};
use wire::IndexerInfo;

/// How long the list of indexers is believed.
const INDEXER_LIST_LIFE: Duration = Duration::from_secs(600);

/// How long it is believed which of them fail.
const FAILING_LIFE: Duration = Duration::from_secs(60);

/// Longest wait for both lists, and the share of the time there is; without them all indexers are asked together.
const INDEXER_LIST_WAIT: Duration = Duration::from_secs(5);
const INDEXER_LIST_SHARE: f64 = 0.25;

/// Most indexers that are asked.
const MAX_INDEXERS: usize = 50;

/// Most pages of one query at one indexer: the first hold what fits best, and each costs the site a request.
const MAX_PAGES: u32 = 3;

/// How fast one indexer is asked: Prowlarr itself asks a site every two seconds. A search costs one to three requests as a rule, and at most six,
/// each times its pages.
const RATE_PER_MIN: NonZeroU32 = NonZeroU32::new(30).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(12).unwrap();

/// How to reach a Prowlarr.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProwlarrConfig {
    /// Name of this provider. Default: `prowlarr`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// Address, with the URL base if one is set there: `http://192.168.1.5:9696/prowlarr`. An address of the home network has to be an
    /// outbound exception.
    pub url: Url,
    /// API key: Settings, General.
    pub key: Secret,
}

fn default_id() -> ProviderId {
    ProviderId::new("prowlarr")
}

/// A Prowlarr.
pub struct Prowlarr {
    id: ProviderId,
    url: Url,
    key: Secret,
    http: HttpClient,
    indexers: Remembered<Arc<[IndexerInfo]>>,
    failing: Remembered<Arc<[i64]>>,
    /// By number of the indexer.
    paces: Mutex<HashMap<i64, Arc<Pace>>>,
}

impl Prowlarr {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not plain http or https, or an empty key.
    pub fn new(config: ProwlarrConfig, http: HttpClient) -> Result<Self> {
        let ProwlarrConfig { id, url, key } = config;
        check_endpoint(&url).map_err(|error| error.at(id.to_string()))?;
        if key.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "configure indexer")
                .at(id.to_string())
                .detail("the key is empty")
                .advise("copy the key from Prowlarr, Settings, General"));
        }
        let (indexers, failing) = (Remembered::new(INDEXER_LIST_LIFE), Remembered::new(FAILING_LIFE));
        Ok(Self { id, url, key, http, indexers, failing, paces: Mutex::default() })
    }

    async fn ask(&self, call: &Call, request: Request) -> Result<(Found, usize)> {
        let reply = self.http.send(call, request).await?;
        wire::read_releases(&reply, &self.url, &self.id)
    }

    async fn known_indexers(&self, call: &Call) -> Result<Arc<[IndexerInfo]>> {
        let ask = async |call: &Call| {
            let reply = self.http.send(call, wire::list_indexers(&self.url, &self.key)).await?;
            Ok(wire::read_indexers(&reply)?.into())
        };
        self.indexers.read(call, ask).await
    }

    /// Those that Prowlarr leaves alone after failures. Without its word, none.
    async fn failing_indexers(&self, call: &Call) -> Arc<[i64]> {
        let ask = async |call: &Call| {
            let reply = self.http.send(call, wire::list_failing(&self.url, &self.key)).await?;
            Ok(wire::read_failing(&reply, SystemTime::now())?.into())
        };
        self.failing.read(call, ask).await.unwrap_or_else(|error| {
            tracing::debug!(indexer = %self.id, %error, "how its indexers are is not known");
            Arc::default()
        })
    }

    /// How fast one of its indexers is asked, by all that ask this Prowlarr with this key.
    fn pace(&self, indexer: &IndexerInfo) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let part = format!("indexer {}", indexer.id);
            Arc::new(Pace::per_minute(RATE_PER_MIN, BURST).of_account(&self.http, &self.url, &self.key, &part))
        };
        if paces.len() >= MAX_INDEXERS && !paces.contains_key(&indexer.id) {
            paces.clear();
        }
        Arc::clone(paces.entry(indexer.id).or_insert_with(make))
    }

    /// One query at one indexer, page by page where it has pages.
    async fn ask_pages(&self, call: &Call, indexer: &IndexerInfo, request: Request) -> Result<Found> {
        let pace = self.pace(indexer);
        let mut releases = Vec::new();
        for page in 0..MAX_PAGES {
            let answer = async {
                pace.turn(call, "search").await?;
                self.ask(call, at_offset(&request, u64::from(page).saturating_mul(indexer.page_rows.into()))).await
            };
            let ((found, is_cut), row_count) = match answer.await {
                Ok(answer) => answer,
                Err(error) if page == 0 => return Err(error),
                Err(error) => {
                    tracing::debug!(indexer = %self.id, tracker = indexer.name, %error, "a further page is missing");
                    return Ok((releases, true));
                }
            };
            releases.extend(found);
            let is_full = u32::try_from(row_count).unwrap_or(u32::MAX) == indexer.page_rows;
            if is_cut || !indexer.has_pages || !is_full {
                return Ok((releases, is_cut));
            }
        }
        Ok((releases, true))
    }

    /// One indexer by text and, where it lists an id that is known, by that.
    async fn search_at(&self, call: &Call, indexer: &IndexerInfo, query: &Query, texts: &[Words]) -> Result<Releases> {
        let widening = widening(call);
        let by_text = join_all(texts.iter().enumerate().map(|(index, words)| {
            let call = if index == 0 { call } else { &widening };
            let request = wire::words_search_at(&self.url, &self.key, query.kind, words, indexer);
            self.ask_pages(call, indexer, request)
        }));
        let by_id = async {
            let text = wire::id_text(query, indexer)?;
            let request = wire::id_search(&self.url, &self.key, query.kind, &text, indexer);
            Some(self.ask_pages(&widening, indexer, request).await)
        };
        let (by_text, by_id) = join(by_text, by_id).await;
        let was_by_id = by_id.as_ref().is_some_and(Result::is_ok);
        // The first text is what was asked for; the other ones and ids widen it.
        let joined = join_answers(by_text.into_iter().chain(by_id).collect(), &self.id)?;
        Ok(Releases { was_by_id, ..joined })
    }

    /// All of its indexers together, while it does not say which it has: who is left out of that is not told.
    async fn search_together(&self, call: &Call, query: &Query, texts: &[Words]) -> Result<Releases> {
        let widening = widening(call);
        let answers = texts.iter().enumerate().map(|(index, words)| {
            let call = if index == 0 { call } else { &widening };
            let request = wire::text_search(&self.url, &self.key, query.kind, &words.text);
            self.ask(call, request).map_ok(|(found, _)| found)
        });
        join_answers(join_all(answers).await, &self.id)
    }

    /// Asks each of its indexers for itself and at its own pace: none waits for a slower one, and what is missing has a name and a reason.
    async fn list(&self, call: &Call, query: &Query) -> Result<Releases> {
        let texts = searches(query);
        let list_call = call.at_most(INDEXER_LIST_WAIT.min(call.remaining().mul_f64(INDEXER_LIST_SHARE)));
        let (indexers, failing) = join(self.known_indexers(&list_call), self.failing_indexers(&list_call)).await;
        let indexers = match indexers {
            Ok(indexers) if !indexers.is_empty() => indexers,
            Ok(_) => return self.search_together(call, query, &texts).await,
            // What holds for one question holds for the next.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Unauthorized | ErrorKind::RateLimited | ErrorKind::LimitExceeded
                ) =>
            {
                return Err(error);
            }
            Err(error) => {
                tracing::debug!(indexer = %self.id, %error, "its indexers are asked together");
                let found = self.search_together(call, query, &texts).await?;
                return Ok(Releases { is_partial: true, ..found });
            }
        };
        let (left_alone, usable): (Vec<_>, Vec<_>) = indexers.iter().partition(|indexer| failing.contains(&indexer.id));
        let mut missing: Vec<Missing> = left_alone
            .iter()
            .map(|indexer| missed(indexer, "Prowlarr leaves it alone for a while, as it failed".to_owned()))
            .chain(usable.iter().skip(MAX_INDEXERS).map(|one| missed(one, "too many are set up".to_owned())))
            .collect();
        if usable.is_empty() {
            return Err(Error::new(ErrorKind::Unavailable, "search")
                .detail("Prowlarr leaves all of its torrent indexers alone, as they failed")
                .advise("look at the indexers in Prowlarr; it asks them again by itself after a while"));
        }
        // One that is slow ends early enough that the others' answers are told.
        let each = if usable.len() > 1 { widening(call) } else { call.clone() };
        let each = &each;
        let answers = join_all(usable.into_iter().take(MAX_INDEXERS).map(|indexer| {
            let texts = &texts;
            async move { (indexer, self.search_at(each, indexer, query, texts).await) }
        }));
        let (mut found, mut failed, mut was_by_id, mut is_partial) = (Vec::new(), None, false, false);
        for (indexer, answer) in answers.await {
            match answer {
                Ok(answer) => {
                    was_by_id |= answer.was_by_id;
                    is_partial |= answer.is_partial;
                    found.push(Ok((answer.releases, false)));
                }
                Err(error) => {
                    tracing::debug!(indexer = %self.id, tracker = indexer.name, %error, "one of its indexers failed");
                    missing.push(missed(indexer, reason(&error)));
                    failed = failed.or(Some(error));
                }
            }
        }
        if let Some(error) = failed.filter(|_| found.is_empty()) {
            return Err(error);
        }
        let joined = join_answers(found, &self.id)?;
        let is_partial = is_partial || joined.is_partial || !missing.is_empty();
        missing.truncate(MAX_MISSING);
        Ok(Releases { was_by_id, is_partial, missing, ..joined })
    }
}

fn missed(indexer: &IndexerInfo, reason: String) -> Missing {
    Missing { tracker: indexer.name.clone(), reason }
}

/// Why an indexer gave nothing, for people.
fn reason(error: &Error) -> String {
    match error.kind() {
        // Asked alone, one that has reached its limit of queries is told the same way.
        ErrorKind::Unavailable => "it is not available, or has reached its limit of queries".to_owned(),
        ErrorKind::RateLimited => "it was asked too often".to_owned(),
        ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        kind => kind.to_string(),
    }
}

impl fmt::Debug for Prowlarr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prowlarr").field("id", &self.id).field("url", &redact_url(&self.url)).finish_non_exhaustive()
    }
}

#[async_trait]
impl Indexer for Prowlarr {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, call: &Call, query: &Query) -> Result<Releases> {
        self.list(call, query).await.map_err(|error| error.at(self.id.to_string()))
    }

    fn sharing(&self) -> Option<Sharing> {
        Some(Sharing::new("prowlarr", &self.url, &self.key))
    }

    /// Is it a Prowlarr, which indexers does it have, which of them fail, and what does it complain about? All at once.
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        let ask = |path: &'static str| self.http.send(call, wire::api_request(&self.url, &self.key, path));
        let check_up = async {
            let (status, indexers, failing, health) = try_join4(
                ask("/api/v1/system/status"),
                self.http.send(call, wire::list_indexers(&self.url, &self.key)),
                ask("/api/v1/indexerstatus"),
                ask("/api/v1/health"),
            )
            .await?;
            wire::read_check_up(&status, &indexers, &failing, &health, &self.key, SystemTime::now())
        };
        check_up.await.map_err(|error: Error| error.at(self.id.to_string()))
    }

    async fn torrent(&self, call: &Call, release: &Release) -> Result<TorrentLink> {
        let server = ServerKey { url: &self.url, header: wire::KEY_HEADER, key: &self.key };
        link::follow(&self.http, call, release, Some(server), |reply| error::failure(reply, "follow release link"))
            .await
            .map_err(|error| error.at(self.id.to_string()))
    }
}
