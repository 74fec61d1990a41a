use std::sync::Arc;

use super::{Found, Resolver, Viewer, release_key};
use crate::model::{InfoHash, Location, Magnet, MediaId, Playable, Title};
use crate::net::Call;
use crate::provider::debrid::{DebridService, RemoteFile, TorrentId, TorrentState};
use crate::provider::indexer::TorrentLink;
use crate::release::{Candidate, Pick, Wanted, pick_file};
use crate::store::records::{Availability, Observation};
use crate::{Error, ErrorKind, Result};

/// A title that can be played, and how it came to that.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The title.
    pub title: Arc<Title>,
    /// The release that is played.
    pub candidate: Candidate,
    /// Its bytes.
    pub playable: Playable,
    /// Path of the file within the torrent, as the service names it; `None` for a local file.
    pub torrent_path: Option<String>,
    /// Candidates that were tried before it.
    pub tried: Vec<Tried>,
    /// The torrent was not the user's before it was resolved.
    pub(crate) newly_added: Option<NewlyAdded>,
}

/// A torrent that was added on the way.
#[derive(Clone, Debug)]
pub(crate) struct NewlyAdded {
    service: Arc<dyn DebridService>,
    torrent: TorrentId,
}

impl NewlyAdded {
    /// Takes it away again: nobody played it.
    pub(crate) async fn remove(&self, call: &Call) {
        if let Err(error) = self.service.remove(call, &self.torrent).await {
            tracing::warn!(service = %self.service.id(), %error, "a torrent that we added could not be removed");
        }
    }
}

/// A candidate that did not become playable.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Name of the release.
    pub name: String,
    /// Its key ([`release_key`]).
    pub release: String,
    /// Why.
    pub error: Arc<Error>,
}

/// A file of a ready torrent, unlocked.
struct Unlocked {
    playable: Playable,
    path: String,
    newly_added: Option<NewlyAdded>,
}

impl Resolver {
    /// From a media id to bytes: the best candidates one after the other until one can be played, or the one the caller names.
    ///
    /// # Errors
    /// `NotFound` when there is no candidate; `NotCached` when no service has any of the best ones; `Ambiguous` when the file cannot be
    /// told in the release that was asked for; otherwise what finding releases answers, or the error of the only candidate.
    /// # Cancel safety
    /// Not safe: a torrent may stay added at the service.
    pub async fn resolve(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        release: Option<&str>,
    ) -> Result<Resolution> {
        let found = self.find_releases(call, viewer, media_id).await?;
        let candidates = chosen(&found, media_id, release)?;
        let mut tried: Vec<Tried> = Vec::new();
        for candidate in candidates.iter().take(self.config.max_tries) {
            let limit = call.at_most(self.config.candidate_deadline);
            match self.make_playable(&limit, viewer, &found.wanted, candidate).await {
                Ok(unlocked) => {
                    return Ok(Resolution {
                        title: Arc::clone(&found.title),
                        candidate: (*candidate).clone(),
                        playable: unlocked.playable,
                        torrent_path: Some(unlocked.path).filter(|path| !path.is_empty()),
                        tried,
                        newly_added: unlocked.newly_added,
                    });
                }
                Err(error) => {
                    tracing::info!(release = %candidate.release.name, %error, "candidate is not playable");
                    let stop = call.remaining().is_zero() || is_about_the_account(error.kind());
                    tried.push(Tried {
                        name: candidate.release.name.clone(),
                        release: release_key(&candidate.release),
                        error: Arc::new(error),
                    });
                    if stop {
                        break;
                    }
                }
            }
        }
        Err(none_playable(&tried))
    }

    /// Opens a torrent again that was played before: the same file of the same torrent.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub async fn reopen(&self, call: &Call, viewer: &Viewer, info_hash: InfoHash, path: &str) -> Result<Playable> {
        let link = TorrentLink::Magnet(Magnet::from_hash(info_hash));
        let choose = |files: &[RemoteFile]| {
            let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            // Services write the folders of a torrent differently: then the name tells, where it is the only one.
            let mut alike = files.iter().enumerate().filter(|(_, file)| name(&file.entry.path) == name(path));
            let only = alike.next().filter(|_| alike.next().is_none()).map(|(at, _)| at);
            files
                .iter()
                .position(|file| file.entry.path == path)
                .or(only)
                .ok_or_else(|| Error::new(ErrorKind::NotFound, "find file").detail("the torrent no longer has it"))
        };
        self.unlock_at_first(call, viewer, &link, &choose).await.map(|unlocked| unlocked.playable)
    }

    async fn make_playable(
        &self,
        call: &Call,
        viewer: &Viewer,
        wanted: &Wanted,
        candidate: &Candidate,
    ) -> Result<Unlocked> {
        if let Some(playable) = &candidate.release.playable {
            return Ok(Unlocked { playable: playable.clone(), path: String::new(), newly_added: None });
        }
        let link = match candidate.release.info_hash {
            Some(hash) => TorrentLink::Magnet(Magnet {
                info_hash: hash,
                name: Some(candidate.release.name.clone()),
                trackers: Vec::new(),
            }),
            None => {
                let indexer =
                    viewer.providers.indexers.iter().find(|indexer| *indexer.id() == candidate.release.indexer);
                let indexer = indexer.ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, "follow release link").detail("its indexer is gone")
                })?;
                indexer.torrent(call, &candidate.release).await?
            }
        };
        let choose = |files: &[RemoteFile]| {
            let entries: Vec<_> = files.iter().map(|file| file.entry.clone()).collect();
            match pick_file(&entries, wanted) {
                Pick::File { file_index, .. } => Ok(file_index),
                Pick::Ask { file_indexes } => {
                    let names: Vec<&str> = file_indexes
                        .iter()
                        .take(5)
                        .filter_map(|at| entries.get(*at))
                        .map(|entry| entry.path.as_str())
                        .collect();
                    Err(Error::new(ErrorKind::Ambiguous, "pick file")
                        .detail(if names.is_empty() {
                            "no file of the release is a video".to_owned()
                        } else {
                            format!("it could be any of: {}", names.join(", "))
                        })
                        .advise("choose another release"))
                }
            }
        };
        self.unlock_at_first(call, viewer, &link, &choose).await
    }

    /// The first service that has the torrent now serves it.
    async fn unlock_at_first(
        &self,
        call: &Call,
        viewer: &Viewer,
        link: &TorrentLink,
        choose: &(dyn Fn(&[RemoteFile]) -> Result<usize> + Sync),
    ) -> Result<Unlocked> {
        let mut last_error = None;
        let mut left = viewer.providers.debrid.len();
        for service in &viewer.providers.debrid {
            // One that hangs leaves the others their share of the time.
            let limit = call.at_most(call.remaining() / u32::try_from(left).unwrap_or(u32::MAX).max(1));
            left = left.saturating_sub(1);
            match unlock_at(&limit, service, link, choose).await {
                Ok(unlocked) => {
                    self.observe(service.as_ref(), link.info_hash(), Availability::Ready).await;
                    return Ok(unlocked);
                }
                Err(error) => {
                    match error.kind() {
                        ErrorKind::NotCached => {
                            self.observe(service.as_ref(), link.info_hash(), Availability::Absent).await
                        }
                        ErrorKind::Refused => {
                            self.observe(service.as_ref(), link.info_hash(), Availability::Refused).await;
                        }
                        _ => {}
                    }
                    last_error = Some(error);
                }
            }
        }
        Err(last_error.unwrap_or_else(|| {
            Error::new(ErrorKind::NotFound, "unlock release")
                .detail("no debrid service is configured")
                .advise("configure a debrid service, such as AllDebrid, or put files into a local folder")
        }))
    }

    async fn observe(&self, service: &dyn DebridService, info_hash: InfoHash, availability: Availability) {
        let observation =
            Observation { service: service.id().clone(), info_hash, availability, seen_at_ms: crate::store::now_ms() };
        if let Err(error) = self.records.observe(&observation).await {
            tracing::warn!(%error, "observation could not be kept");
        }
    }
}

async fn unlock_at(
    call: &Call,
    service: &Arc<dyn DebridService>,
    link: &TorrentLink,
    choose: &(dyn Fn(&[RemoteFile]) -> Result<usize> + Sync),
) -> Result<Unlocked> {
    let added = service.add(call, link).await?;
    let mut answer = unlock_ready(call, service.as_ref(), link.info_hash(), &added, choose).await;
    if let Ok(unlocked) = &mut answer
        && !added.was_known
    {
        unlocked.newly_added = Some(NewlyAdded { service: Arc::clone(service), torrent: added.torrent.clone() });
    }
    // What we added and cannot play is taken away again; what the user had stays.
    if answer.is_err()
        && !added.was_known
        && let Err(error) = service.remove(call, &added.torrent).await
    {
        tracing::warn!(service = %service.id(), %error, "a torrent that we added could not be removed");
    }
    answer
}

async fn unlock_ready(
    call: &Call,
    service: &dyn DebridService,
    info_hash: InfoHash,
    added: &crate::provider::debrid::Added,
    choose: &(dyn Fn(&[RemoteFile]) -> Result<usize> + Sync),
) -> Result<Unlocked> {
    if !added.is_ready {
        let states = service.status(call, std::slice::from_ref(&added.torrent)).await?;
        match states.into_iter().next() {
            Some(TorrentState::Ready) => {}
            Some(TorrentState::Failed { reason }) => {
                return Err(Error::new(ErrorKind::NotFound, "prepare torrent")
                    .at(service.id().to_string())
                    .detail(reason));
            }
            Some(TorrentState::Preparing { .. }) | None => {
                return Err(Error::new(ErrorKind::NotCached, "prepare torrent")
                    .at(service.id().to_string())
                    .detail("the service would have to fetch it first")
                    .advise("choose a release that is cached"));
            }
        }
    }
    let files = service.files(call, &added.torrent).await?;
    let file = choose(&files).map(|at| files.get(at))?;
    let file = file.ok_or_else(|| Error::new(ErrorKind::Internal, "pick file"))?;
    service.select(call, &added.torrent, std::slice::from_ref(file)).await?;
    let link = service.unlock(call, file).await?;
    let file_name =
        link.file_name.unwrap_or_else(|| file.entry.path.rsplit('/').next().unwrap_or(&file.entry.path).to_owned());
    Ok(Unlocked {
        playable: Playable {
            location: Location::Link { url: link.url, headers: link.headers },
            file_name,
            size_bytes: link.size_bytes.or(Some(file.entry.size_bytes)),
            info_hash: Some(info_hash),
            provider: service.id().clone(),
            expires_at: link.expires_at,
        },
        path: file.entry.path.clone(),
        newly_added: None,
    })
}

/// All candidates, or the one that the caller named.
fn chosen<'a>(found: &'a Found, media_id: &MediaId, release: Option<&str>) -> Result<Vec<&'a Candidate>> {
    let candidates = &found.ranking.candidates;
    if let Some(key) = release {
        return match candidates.iter().find(|candidate| release_key(&candidate.release) == key) {
            Some(candidate) => Ok(vec![candidate]),
            None => Err(Error::new(ErrorKind::NotFound, "find release")
                .advise(format!("list the releases of {media_id} and use the `release` of one of them"))),
        };
    }
    if candidates.is_empty() {
        let rejected_count = found.ranking.rejected.len();
        return Err(Error::new(ErrorKind::NotFound, "find releases")
            .detail(if rejected_count == 0 {
                "no indexer lists a release".to_owned()
            } else {
                format!("{rejected_count} releases were listed, none fits the title and your rules")
            })
            .advise("add an indexer, or loosen your rules"));
    }
    Ok(candidates.iter().collect())
}

/// An account that does not work will not work for the next candidate either.
fn is_about_the_account(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unauthorized | ErrorKind::AccountLimit | ErrorKind::AddressRefused)
}

fn none_playable(tried: &[Tried]) -> Error {
    let Some(last) = tried.last() else {
        return Error::new(ErrorKind::NotFound, "find releases").detail("there is no candidate");
    };
    if tried.len() == 1 || is_about_the_account(last.error.kind()) {
        return super::releases::again(&last.error);
    }
    let all_not_cached = tried.iter().all(|one| one.error.kind() == ErrorKind::NotCached);
    if all_not_cached {
        return Error::new(ErrorKind::NotCached, "resolve title")
            .detail(format!("none of the {} best releases is cached", tried.len()))
            .advise("choose another release from the list");
    }
    let because = tried.iter().rev().find(|one| one.error.kind() != ErrorKind::NotCached).unwrap_or(last);
    super::releases::again(&because.error)
}
