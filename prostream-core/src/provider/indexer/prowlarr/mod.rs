//! Prowlarr: asks all indexers that are set up in it, over its JSON API.
//!
//! A search is one text query to all torrent indexers and, at the same time, queries by outside id to those that can do it. Links are
//! Prowlarr's own and hold its key: they are followed for a release that was picked, never shown.

mod error;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::{join, join_all};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::link::{self, ServerKey};
use super::listing::{Listing, search_texts};
use super::{Indexer, Query, Releases, TorrentLink, check_endpoint};
use crate::model::{ProviderId, Release};
use crate::net::{Call, HttpClient, Request, Secret, redact_url};
use crate::{Error, ErrorKind, Result};
use wire::IndexerInfo;

/// How long the list of indexers is believed.
const INDEXER_LIST_LIFE: Duration = Duration::from_secs(600);

/// Longest wait for the list of indexers: the search by text does not wait for it, but its answer does.
const INDEXER_LIST_WAIT: Duration = Duration::from_secs(5);

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
    /// Locked while the list is fetched, so that searches at once fetch it once.
    indexers: Mutex<Option<KnownIndexers>>,
}

struct KnownIndexers {
    read_at: Instant,
    list: Arc<[IndexerInfo]>,
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
        Ok(Self { id, url, key, http, indexers: Mutex::new(None) })
    }

    async fn ask(&self, call: &Call, request: Request) -> Result<(Vec<Release>, bool)> {
        let reply = self.http.send(call, request).await?;
        wire::read_releases(&reply, &self.url, &self.id)
    }

    async fn known_indexers(&self, call: &Call) -> Result<Arc<[IndexerInfo]>> {
        let call = call.at_most(INDEXER_LIST_WAIT);
        let mut known = tokio::time::timeout(call.remaining(), self.indexers.lock())
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "list indexers"))?;
        if let Some(known) = known.as_ref().filter(|known| known.read_at.elapsed() < INDEXER_LIST_LIFE) {
            return Ok(known.list.clone());
        }
        let reply = self.http.send(&call, wire::list_indexers(&self.url, &self.key)).await?;
        let list: Arc<[IndexerInfo]> = wire::read_indexers(&reply)?.into();
        *known = Some(KnownIndexers { read_at: Instant::now(), list: list.clone() });
        Ok(list)
    }

    /// Asks by id where that is possible. No search at all is no failure.
    async fn search_by_id(&self, call: &Call, query: &Query) -> Vec<Result<(Vec<Release>, bool)>> {
        if query.imdb_id.is_none() && query.tmdb_id.is_none() && query.tvdb_id.is_none() {
            return Vec::new();
        }
        let indexers = match self.known_indexers(call).await {
            Ok(indexers) => indexers,
            Err(error) => return vec![Err(error)],
        };
        let plan = wire::plan_id_searches(query, &indexers);
        let requests = plan.iter().map(|by| wire::id_search(&self.url, &self.key, query.kind, by));
        join_all(requests.map(|request| self.ask(call, request))).await
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
        let requests =
            search_texts(query).into_iter().map(|text| wire::text_search(&self.url, &self.key, query.kind, &text));
        let by_text = join_all(requests.map(|request| self.ask(call, request)));
        let (by_text, by_id) = join(by_text, self.search_by_id(call, query)).await;

        let mut listing = Listing::default();
        if by_id.iter().any(Result::is_ok) {
            listing.mark_by_id();
        }
        // The first text is what was asked for; the rest widens it, and without the rest the answer is only partial.
        let mut failed = None;
        for (index, answer) in by_text.into_iter().chain(by_id).enumerate() {
            match answer {
                Ok((releases, is_cut)) => {
                    releases.into_iter().for_each(|release| listing.add(release));
                    if is_cut {
                        listing.mark_partial();
                    }
                }
                Err(error) if index == 0 => failed = Some(error),
                Err(error) => {
                    tracing::debug!(indexer = %self.id, %error, "a query that widens the search failed");
                    listing.mark_partial();
                }
            }
        }
        match failed {
            Some(error) => Err(error.at(self.id.to_string())),
            None => Ok(listing.finish()),
        }
    }

    async fn torrent(&self, call: &Call, release: &Release) -> Result<TorrentLink> {
        let server = ServerKey { url: &self.url, header: wire::KEY_HEADER, key: &self.key };
        link::follow(&self.http, call, release, Some(server), |reply| error::failure(reply, "follow release link"))
            .await
            .map_err(|error| error.at(self.id.to_string()))
    }
}
