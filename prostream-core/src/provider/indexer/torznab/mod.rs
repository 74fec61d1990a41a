//! Torznab: the feed that Jackett, Prowlarr's single indexers, Zilean and others speak.
//!
//! The capabilities are read first: an id that an indexer does not list gets an error from some and an empty feed from others.

mod error;
mod wire;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::Deserialize;
use url::Url;

use super::link;
use super::listing::{Found, at_offset, join_answers, widening};
use super::{CHECK_UP_WORD, Indexer, Query, Releases, Sharing, TorrentLink, check_endpoint};
use crate::model::{ProviderId, Release, TitleKind};
use crate::net::{Call, HttpClient, Request, Secret, redact_url};
use crate::provider::CheckUp;
use crate::provider::remembered::Remembered;
use crate::{Error, ErrorKind, Result};
use wire::{Capabilities, Pages};

/// How long the capabilities are believed.
const CAPABILITIES_LIFE: Duration = Duration::from_secs(3_600);

/// How to reach a Torznab indexer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorznabConfig {
    /// Name of this provider. Default: `torznab`; several need instances, such as `torznab:home`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// Address without a query, normally ending in `/api`. An address of the home network has to be an outbound exception.
    pub url: Url,
    /// API key. Default: none, for indexers that want none.
    #[serde(default = "no_key")]
    pub key: Secret,
}

fn default_id() -> ProviderId {
    ProviderId::new("torznab")
}

fn no_key() -> Secret {
    Secret::new("")
}

/// A Torznab indexer.
pub struct Torznab {
    id: ProviderId,
    url: Url,
    key: Secret,
    http: HttpClient,
    capabilities: Remembered<Arc<Capabilities>>,
}

impl Torznab {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not plain http or https.
    pub fn new(config: TorznabConfig, http: HttpClient) -> Result<Self> {
        let TorznabConfig { id, url, key } = config;
        check_endpoint(&url).map_err(|error| error.at(id.to_string()))?;
        Ok(Self { id, url, key, http, capabilities: Remembered::new(CAPABILITIES_LIFE) })
    }

    async fn known_capabilities(&self, call: &Call) -> Result<Arc<Capabilities>> {
        let ask = async |call: &Call| self.ask_capabilities(call).await.map(Arc::new);
        self.capabilities.read(call, ask).await
    }

    async fn ask_capabilities(&self, call: &Call) -> Result<Capabilities> {
        let reply = self.http.send(call, wire::read_capabilities_request(&self.url, &self.key)).await?;
        wire::read_capabilities(&reply, &self.key)
    }

    /// Asks page by page. What is there when a later one fails is an answer that is not whole.
    async fn ask(&self, call: &Call, request: Request, page_size: Option<u32>) -> Result<Found> {
        let mut pages = Pages::default();
        let mut offset = 0;
        loop {
            let page = async {
                let reply = self.http.send(call, at_offset(&request, offset)).await?;
                wire::read_page(&reply, &self.url, &self.key, &self.id, SystemTime::now())
            };
            match page.await {
                Ok(page) => match pages.take(page, page_size) {
                    Some(next) => offset = next,
                    None => return Ok(pages.finish(false)),
                },
                Err(error) if offset == 0 => return Err(error),
                Err(error) => {
                    tracing::debug!(indexer = %self.id, %error, "a further page is missing");
                    return Ok(pages.finish(true));
                }
            }
        }
    }

    async fn list(&self, call: &Call, query: &Query) -> Result<Releases> {
        let capabilities = self.known_capabilities(call).await?;
        let plan = wire::plan(query, &capabilities, &self.url, &self.key);
        if plan.requests.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, "search").detail("the indexer offers no search for this"));
        }
        let widening = widening(call);
        let mut answers = join_all(plan.requests.into_iter().enumerate().map(|(index, request)| {
            let call = if index == 0 { call } else { &widening };
            self.ask(call, request, capabilities.page_size())
        }))
        .await;

        // Some list what the site behind them cannot look up, an id or a day, and say so only when they are asked: nothing is missing then.
        let is_refused = |answer: &Result<Found>| matches!(answer, Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput));
        let was_by_id = plan.is_by_id && answers.last().is_some_and(Result::is_ok);
        for answer in answers.iter_mut().skip(1).filter(|answer| is_refused(answer)) {
            *answer = Ok((Vec::new(), false));
        }
        let joined = join_answers(answers, &self.id)?;
        Ok(Releases { was_by_id, ..joined })
    }
}

impl fmt::Debug for Torznab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Torznab").field("id", &self.id).field("url", &redact_url(&self.url)).finish_non_exhaustive()
    }
}

#[async_trait]
impl Indexer for Torznab {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn search(&self, call: &Call, query: &Query) -> Result<Releases> {
        self.list(call, query).await.map_err(|error| error.at(self.id.to_string()))
    }

    fn sharing(&self) -> Option<Sharing> {
        Some(Sharing::new("torznab", &self.url, &self.key))
    }

    /// The capabilities, and one search: many answer the first to anybody, whatever the key.
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        let check_up = async {
            let capabilities = self.ask_capabilities(call).await?;
            let check_up = capabilities.check_up();
            if check_up.troubles.iter().any(|trouble| trouble.is_failure) {
                return Ok(check_up);
            }
            let kind = capabilities.searchable().unwrap_or(TitleKind::Movie);
            let plan = wire::plan(&Query::new(kind, CHECK_UP_WORD), &capabilities, &self.url, &self.key);
            if let Some(search) = plan.requests.into_iter().next() {
                self.ask(call, search, capabilities.page_size()).await?;
            }
            Ok(check_up)
        };
        check_up.await.map_err(|error: Error| error.at(self.id.to_string()))
    }

    async fn torrent(&self, call: &Call, release: &Release) -> Result<TorrentLink> {
        link::follow(&self.http, call, release, None, |reply| error::status_failure(reply, "follow release link"))
            .await
            .map_err(|error| error.at(self.id.to_string()))
    }
}
