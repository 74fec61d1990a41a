//! What nobody has cached: which services may fetch which releases, best first, and how one is opened when it is there.

use std::sync::Arc;

use super::cached::{FileOf, Sighting};
use super::needs::{Claim, Removal, account};
use super::playable::{NewlyAdded, choose_wanted, chosen, no_service};
use super::race::{ADDING_GRACE, Choose, LinkOf, is_about_the_account, observe, refused_before, tells, unlock_chosen};
use super::{Resolver, Viewer, release_key, wanted};
use crate::model::{InfoHash, Magnet, MediaId, Playable, ProviderId, Title};
use crate::net::Call;
use crate::provider::debrid::{Added, DebridService, MAX_BATCH};
pub(crate) use crate::provider::debrid::{TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::store::records::Availability;
use crate::{Error, ErrorKind, Result};

/// A service that fetches torrents for a viewer.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher(Arc<dyn DebridService>);

impl Fetcher {
    /// The service of this name among those of a viewer.
    pub(crate) fn of(viewer: &Viewer, id: &ProviderId) -> Option<Self> {
        viewer.providers.debrid.iter().find(|service| service.id() == id).cloned().map(Self)
    }

    pub(crate) fn id(&self) -> &ProviderId {
        self.0.id()
    }

    /// Tells one account from another, as long as the service is held.
    pub(crate) fn account(&self) -> usize {
        account(&self.0)
    }

    /// It fetches nothing before the files are chosen.
    pub(crate) fn needs_selection(&self) -> bool {
        self.0.capabilities().needs_selection
    }

    /// Tells of a torrent that an earlier run of the program has newly added.
    pub(crate) fn adopt(&self, torrent: &TorrentId) {
        self.0.adopt(torrent);
    }

    /// How far torrents are, in the order asked: one question for each [`MAX_BATCH`].
    ///
    /// # Errors
    /// As [`DebridService::status`].
    /// # Cancel safety
    /// Safe to drop at any point.
    pub(crate) async fn status(&self, call: &Call, torrents: &[TorrentId]) -> Result<Vec<TorrentState>> {
        let mut states = Vec::with_capacity(torrents.len());
        for batch in torrents.chunks(MAX_BATCH) {
            let answer = self.0.status(call, batch).await?;
            if answer.len() != batch.len() {
                let error = Error::new(ErrorKind::Malformed, "read torrents").at(self.id().to_string());
                return Err(error.detail("it answers for others than it was asked about"));
            }
            states.extend(answer);
        }
        Ok(states)
    }

    /// Takes away what one of us has added; the caller has the right to.
    ///
    /// # Errors
    /// As [`DebridService::remove`].
    pub(crate) async fn remove(&self, call: &Call, torrent: &TorrentId) -> Result<()> {
        self.0.remove(call, torrent).await
    }
}

/// A release that a service may fetch.
pub(crate) struct Fetchable {
    /// Who may.
    pub(crate) service: Fetcher,
    /// Name of the release.
    pub(crate) name: String,
    /// Its key ([`release_key`]).
    pub(crate) release: String,
    link: Arc<dyn LinkOf>,
}

impl Fetchable {
    /// The link to hand to the service.
    pub(crate) async fn link(&self, call: &Call) -> Result<TorrentLink> {
        self.link.link(call).await
    }
}

/// The wanted file of a torrent that was fetched, unlocked.
pub(crate) struct Fetched {
    pub(crate) title: Arc<Title>,
    pub(crate) playable: Playable,
    /// Path of the file within the torrent, as the service names it.
    pub(crate) path: String,
}

impl Resolver {
    /// Where the best releases of a title, or the one that the caller names, may be fetched: by rank, then in the viewer's order of services.
    /// What a service has refused is not among them.
    ///
    /// # Errors
    /// As [`Self::resolve`]; `Refused` when every service has refused all of them.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub(crate) async fn fetchable(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        release: Option<&str>,
    ) -> Result<Vec<Fetchable>> {
        let found = self.releases_to_play(call, viewer, media_id, release).await?;
        let mut candidates = chosen(&found, media_id, release)?;
        candidates.truncate(self.config.max_tries);
        let hashes: Vec<InfoHash> = candidates.iter().filter_map(|candidate| candidate.release.info_hash).collect();
        let seen = self.recalled(viewer, FileOf::Wanted(&found.wanted), &hashes).await;
        let (mut fetchable, mut refusal) = (Vec::new(), None);
        for candidate in candidates.into_iter().filter(|candidate| candidate.release.playable.is_none()) {
            let link = self.entrant(viewer, &found.wanted, candidate).link;
            for (at, service) in viewer.providers.debrid.iter().enumerate() {
                let seen = candidate.release.info_hash.and_then(|hash| seen.get(&(at, hash)));
                if seen.is_some_and(Sighting::is_refused) {
                    refusal = Some(refused_before(service.id()));
                    continue;
                }
                fetchable.push(Fetchable {
                    service: Fetcher(Arc::clone(service)),
                    name: candidate.release.name.clone(),
                    release: release_key(&candidate.release),
                    link: Arc::clone(&link),
                });
            }
        }
        if !fetchable.is_empty() {
            return Ok(fetchable);
        }
        Err(refusal.unwrap_or_else(no_service))
    }

    /// Needs a torrent at a service, from before it is added.
    ///
    /// # Errors
    /// `TimedOut` when what another had added takes too long to be taken away.
    pub(crate) async fn claim(&self, call: &Call, service: &Fetcher, info_hash: InfoHash) -> Result<Claim> {
        let claiming = self.ground.needs.claim(&service.0, info_hash);
        tokio::time::timeout(call.remaining(), claiming).await.map_err(|_| {
            Error::new(ErrorKind::TimedOut, "add torrent").at(service.id().to_string()).detail("it is being removed")
        })
    }

    /// Has a service fetch a torrent, whoever else has added it before. To be run to its end: dropped, nobody knows what was added.
    ///
    /// # Errors
    /// As [`DebridService::add`]; a refusal is remembered.
    pub(crate) async fn add(&self, service: &Fetcher, link: &TorrentLink) -> Result<Added> {
        let limit = self.config.candidate_deadline.saturating_add(ADDING_GRACE);
        let added = service.0.add(&Call::within(limit), link).await;
        if added.as_ref().is_err_and(|error| error.kind() == ErrorKind::Refused) {
            observe(self.records.as_ref(), service.id(), link.info_hash(), &[(None, Availability::Refused)]).await;
        }
        added
    }

    /// The right to take away what one of us has added, unless another needs it.
    pub(crate) fn removal(&self, service: &Fetcher, info_hash: InfoHash, torrent: &TorrentId) -> Option<Removal> {
        self.ground.needs.removal(&service.0, info_hash, torrent)
    }

    /// What one of us has added and gave up, for whoever is to take it away instead.
    pub(crate) fn newly_added(&self, service: &Fetcher, info_hash: InfoHash, torrent: TorrentId) -> NewlyAdded {
        NewlyAdded::new(Arc::clone(&service.0), torrent, info_hash, Arc::clone(&self.ground.needs))
    }

    /// Chooses the wanted file of a torrent that is on its way, at a service that fetches nothing before.
    ///
    /// # Errors
    /// `NotCached` while the service does not know the files; `Ambiguous` when the file cannot be told; otherwise as
    /// [`DebridService::select`].
    pub(crate) async fn select_wanted(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        service: &Fetcher,
        torrent: &TorrentId,
    ) -> Result<()> {
        let (_, choose) = self.choice(call, viewer, media_id).await?;
        let files = service.0.files(call, torrent).await?;
        let file = choose(&files).map(|at| files.get(at))?;
        let file = file.ok_or_else(|| Error::new(ErrorKind::Internal, "pick file"))?;
        service.0.select(call, torrent, std::slice::from_ref(file)).await
    }

    /// The wanted film or episode of a torrent that was fetched.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    /// # Cancel safety
    /// Safe to drop at any point.
    pub(crate) async fn open_fetched(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        service: &Fetcher,
        (torrent, info_hash): (&TorrentId, InfoHash),
    ) -> Result<Fetched> {
        let (title, choose) = self.choice(call, viewer, media_id).await?;
        let service = service.0.as_ref();
        let unlocked = unlock_chosen(call, service, torrent, info_hash, &choose, self.records.as_ref()).await;
        unlocked.map(|unlocked| Fetched { title, playable: unlocked.playable, path: unlocked.path })
    }

    /// The title, and how its file is told.
    async fn choice(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<(Arc<Title>, Choose)> {
        let title = self.title(call, viewer, media_id).await?;
        let wanted = wanted(&title, media_id.episode);
        Ok((title, Arc::new(move |files| choose_wanted(files, &wanted))))
    }
}

/// The link by which a torrent is asked for again after a restart: its name and nothing that is secret.
pub(crate) fn plain_link(info_hash: InfoHash, name: &str) -> TorrentLink {
    TorrentLink::Magnet(Magnet { name: Some(name.to_owned()), ..Magnet::from_hash(info_hash) })
}

/// A walk over services and releases that looks for one who fetches.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Accounts that do not work are not asked again.
    closed: Vec<usize>,
    worst: Option<Error>,
}

impl Walk {
    /// Is it any use to ask this service?
    pub(crate) fn is_open(&self, service: &Fetcher) -> bool {
        !self.closed.contains(&service.account())
    }

    /// A service does not fetch what it was asked for.
    pub(crate) fn failed(&mut self, service: &Fetcher, error: Error) {
        if is_about_the_account(error.kind()) {
            self.closed.push(service.account());
        }
        if self.worst.as_ref().is_none_or(|worst| tells(error.kind()) >= tells(worst.kind())) {
            self.worst = Some(error);
        }
    }

    /// Nobody fetches anything: what a person should read of why.
    pub(crate) fn into_error(self) -> Error {
        self.worst.unwrap_or_else(no_service)
    }
}
