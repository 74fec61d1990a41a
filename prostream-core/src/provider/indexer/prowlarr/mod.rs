//! Prowlarr: asks all indexers that are set up in it, over its JSON API.
//!
//! A search is one text query to all torrent indexers and, at the same time, queries by outside id to those that can do it. Links are
//! Prowlarr's own and hold its key: they are followed for a release that was picked, never shown.

mod error;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::{join, join_all, try_join4};
use serde::Deserialize;
use url::Url;

use super::link::{self, ServerKey};
use super::listing::{Found, join_answers, search_texts, widening};
use super::{Indexer, Query, Releases, Sharing, TorrentLink, check_endpoint};
use crate::model::{ProviderId, Release};
use crate::net::{Call, HttpClient, Request, Secret, redact_url};
use crate::provider::CheckUp;
use crate::provider::remembered::Remembered;
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
    indexers: Remembered<Arc<[IndexerInfo]>>,
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
        Ok(Self { id, url, key, http, indexers: Remembered::new(INDEXER_LIST_LIFE) })
    }

    async fn ask(&self, call: &Call, request: Request) -> Result<Found> {
        let reply = self.http.send(call, request).await?;
        wire::read_releases(&reply, &self.url, &self.id)
    }

    async fn known_indexers(&self, call: &Call) -> Result<Arc<[IndexerInfo]>> {
        let ask = async |call: &Call| {
            let reply = self.http.send(call, wire::list_indexers(&self.url, &self.key)).await?;
            Ok(wire::read_indexers(&reply)?.into())
        };
        self.indexers.read(&call.at_most(INDEXER_LIST_WAIT), ask).await
    }

    /// Asks by id where that is possible. No search at all is no failure.
    async fn search_by_id(&self, call: &Call, query: &Query) -> Vec<Result<Found>> {
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
        let widening = widening(call);
        let texts = search_texts(query);
        let by_text = join_all(texts.iter().enumerate().map(|(index, text)| {
            let call = if index == 0 { call } else { &widening };
            self.ask(call, wire::text_search(&self.url, &self.key, query.kind, text))
        }));
        let (by_text, by_id) = join(by_text, self.search_by_id(&widening, query)).await;

        let was_by_id = by_id.iter().any(Result::is_ok);
        let answers = by_text.into_iter().chain(by_id).collect();
        // The first text is what was asked for; season packs and ids widen it.
        let joined = join_answers(answers, &self.id).map_err(|error| error.at(self.id.to_string()))?;
        Ok(Releases { was_by_id, ..joined })
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
                ask("/api/v1/indexer"),
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
