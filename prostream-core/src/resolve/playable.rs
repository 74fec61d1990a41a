use std::sync::Arc;
use std::time::Duration;

use super::cached::{FileOf, Seen};
use super::needs::Needs;
use super::race::{Entrant, OnceLink, Outcome, Rules, is_about_the_account};
use super::{Found, Resolver, Viewer, release_key};
use crate::model::{FileEntry, InfoHash, Location, Magnet, MediaId, Playable, ProviderId, Title};
use crate::net::Call;
use crate::provider::debrid::{DebridService, Link, MAX_BATCH, RemoteFile, TorrentId};
use crate::provider::indexer::TorrentLink;
use crate::release::{Candidate, Pick, ReleaseName, Wanted, pick_file};
use crate::{Error, ErrorKind, Result};

/// Longest time for taking away what leads to a release that was given up.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(20);

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
    info_hash: InfoHash,
    needs: Arc<Needs>,
}

impl NewlyAdded {
    pub(super) fn new(
        service: Arc<dyn DebridService>,
        torrent: TorrentId,
        info_hash: InfoHash,
        needs: Arc<Needs>,
    ) -> Self {
        Self { service, torrent, info_hash, needs }
    }

    /// Of torrents of one account: is it the same?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.torrent == other.torrent
    }

    /// Takes it away again: nobody played it. Where another waits for it, it is his from now on.
    pub(crate) async fn remove(&self, call: &Call) {
        let Some(_removal) = self.needs.removal(&self.service, self.info_hash, &self.torrent) else { return };
        remove_added(call, self.service.as_ref(), &self.torrent).await;
    }
}

/// Takes away what we added. What cannot be removed is told in the log: nobody waits for it.
pub(super) async fn remove_added(call: &Call, service: &dyn DebridService, torrent: &TorrentId) {
    if let Err(error) = service.remove(call, torrent).await {
        tracing::warn!(service = %service.id(), %error, "a torrent that we added could not be removed");
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

/// What tells a release that goes with the one before it: viewers stay with a group, its sound and its subtitles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Like {
    info_hash: Option<InfoHash>,
    group: Option<String>,
    resolution: Option<String>,
}

impl Like {
    /// Like the release of this name, whose torrent it is.
    #[must_use]
    pub fn new(info_hash: Option<InfoHash>, name: &str) -> Self {
        let parsed = ReleaseName::parse(name);
        Self { info_hash, group: parsed.group.map(|group| group.to_lowercase()), resolution: parsed.resolution }
    }

    /// 0 for the same torrent, up to 3 for what has nothing in common.
    fn distance(&self, candidate: &Candidate) -> u8 {
        if self.info_hash.is_some() && candidate.release.info_hash == self.info_hash {
            return 0;
        }
        let group = candidate.parsed.group.as_ref().map(|group| group.to_lowercase());
        match (self.group.is_some() && group == self.group, candidate.parsed.resolution == self.resolution) {
            (true, true) => 1,
            (true, false) => 2,
            (false, _) => 3,
        }
    }
}

/// A file of a ready torrent, unlocked.
pub(super) struct Unlocked {
    pub(super) playable: Playable,
    pub(super) path: String,
    pub(super) newly_added: Option<NewlyAdded>,
}

impl Unlocked {
    pub(super) fn new(provider: ProviderId, info_hash: InfoHash, file: &FileEntry, link: Link) -> Self {
        let file_name = link.file_name.unwrap_or_else(|| file.path.rsplit('/').next().unwrap_or(&file.path).to_owned());
        Self {
            playable: Playable {
                location: Location::Link { url: link.url, headers: link.headers },
                file_name,
                size_bytes: link.size_bytes.or(Some(file.size_bytes)),
                info_hash: Some(info_hash),
                provider,
                expires_at: link.expires_at,
            },
            path: file.path.clone(),
            newly_added: None,
        }
    }
}

impl Resolver {
    /// From a media id to bytes: the best candidates that can be played, or the one the caller names. The best one has a head start; the
    /// next ones join when it takes long, and whoever is ready first is played. What the others newly added is taken away again.
    ///
    /// # Errors
    /// `NotFound` when there is no candidate; `NotCached` when no service has any of the best ones; `Ambiguous` when the file cannot be
    /// told in the release that was asked for; otherwise what finding releases answers, or the most telling error of the candidates.
    /// # Cancel safety
    /// Safe to drop: what was newly added is taken away again, behind the caller's back.
    pub async fn resolve(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        release: Option<&str>,
    ) -> Result<Resolution> {
        let found = self.releases_to_play(call, viewer, media_id, release).await?;
        let candidates = chosen(&found, media_id, release)?;
        self.first_playable(call, viewer, &found, candidates).await
    }

    /// As [`Self::resolve`] without a release, what is like another one first: the same torrent, as packs hold many episodes, then its group.
    ///
    /// # Errors
    /// As there.
    /// # Cancel safety
    /// As there.
    pub async fn resolve_like(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        like: &Like,
    ) -> Result<Resolution> {
        let found = self.releases_to_play(call, viewer, media_id, None).await?;
        let mut candidates = chosen(&found, media_id, None)?;
        candidates.sort_by_key(|candidate| like.distance(candidate));
        self.first_playable(call, viewer, &found, candidates).await
    }

    /// As [`Self::resolve`] without a release, of other torrents than these.
    ///
    /// # Errors
    /// As there; `NotFound` too when there is no other.
    /// # Cancel safety
    /// As there.
    pub async fn resolve_another(
        &self,
        call: &Call,
        viewer: &Viewer,
        media_id: &MediaId,
        given_up: &[InfoHash],
    ) -> Result<Resolution> {
        let none = || {
            Error::new(ErrorKind::NotFound, "find another release")
                .detail("no other release can be played")
                .advise("try again later, or choose one from the list")
        };
        let found = self.releases_to_play(call, viewer, media_id, None).await?;
        let is_given_up = |hash: Option<InfoHash>| hash.is_some_and(|hash| given_up.contains(&hash));
        let mut candidates = chosen(&found, media_id, None)?;
        candidates.retain(|candidate| !is_given_up(candidate.release.info_hash));
        if candidates.is_empty() {
            return Err(none());
        }
        let resolution = self.first_playable(call, viewer, &found, candidates).await?;
        // A link may lead to a torrent of which the indexer did not say that it is the same.
        if !is_given_up(resolution.playable.info_hash) {
            return Ok(resolution);
        }
        if let Some(added) = resolution.newly_added {
            let call = Call { deadline: Call::within(CLEAN_UP_LIMIT).deadline, ..call.clone() };
            self.ground.tasks.spawn(async move { added.remove(&call).await });
        }
        Err(none())
    }

    async fn first_playable(
        &self,
        call: &Call,
        viewer: &Viewer,
        found: &Found,
        candidates: Vec<&Candidate>,
    ) -> Result<Resolution> {
        let (candidates, seen) = self.best(call, viewer, &found.wanted, candidates).await;
        let resolution = |at: usize, unlocked: Unlocked, tried: Vec<Tried>| {
            let candidate = candidates.get(at).ok_or_else(|| Error::new(ErrorKind::Internal, "resolve title"))?;
            Ok(Resolution {
                title: Arc::clone(&found.title),
                candidate: (*candidate).clone(),
                playable: unlocked.playable,
                torrent_path: Some(unlocked.path).filter(|path| !path.is_empty()),
                tried,
                newly_added: unlocked.newly_added,
            })
        };
        // What lies ready needs no service; what ranks before it is tried first.
        let ready_at = candidates.iter().position(|candidate| candidate.release.playable.is_some());
        let racing = candidates.get(..ready_at.unwrap_or(candidates.len())).unwrap_or_default();
        let entrants = racing.iter().map(|candidate| self.entrant(viewer, &found.wanted, candidate)).collect();
        let outcome = self.race(call, viewer, entrants, &seen).await;
        let tried = outcome.given_up.into_iter().filter_map(|(at, error)| {
            let candidate = racing.get(at)?;
            tracing::info!(release = %candidate.release.name, %error, "candidate is not playable");
            Some(Tried {
                name: candidate.release.name.clone(),
                release: release_key(&candidate.release),
                error: Arc::new(error),
            })
        });
        let tried: Vec<Tried> = tried.collect();
        if let Some((at, unlocked)) = outcome.winner {
            return resolution(at, unlocked, tried);
        }
        match ready_at.and_then(|at| Some((at, candidates.get(at)?.release.playable.clone()?))) {
            Some((at, playable)) => {
                resolution(at, Unlocked { playable, path: String::new(), newly_added: None }, tried)
            }
            None if viewer.providers.debrid.is_empty() => Err(no_service()),
            None if tried.is_empty() && call.remaining().is_zero() => {
                Err(Error::new(ErrorKind::TimedOut, "resolve title"))
            }
            None => Err(none_playable(&tried)),
        }
    }

    /// Opens a torrent again that was played before: the same file of the same torrent, at whichever service has it first.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    /// # Cancel safety
    /// As [`Self::resolve`].
    pub async fn reopen(&self, call: &Call, viewer: &Viewer, info_hash: InfoHash, path: &str) -> Result<Playable> {
        let wanted = path.to_owned();
        let choose = move |files: &[RemoteFile]| {
            let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            // Services write the folders of a torrent differently: then the name tells, where it is the only one.
            let mut alike = files.iter().enumerate().filter(|(_, file)| name(&file.entry.path) == name(&wanted));
            let only = alike.next().filter(|_| alike.next().is_none()).map(|(at, _)| at);
            files
                .iter()
                .position(|file| file.entry.path == wanted)
                .or(only)
                .ok_or_else(|| Error::new(ErrorKind::NotFound, "find file").detail("the torrent no longer has it"))
        };
        let known = Some(TorrentLink::Magnet(Magnet::from_hash(info_hash)));
        let entrant = Entrant {
            info_hash: Some(info_hash),
            link: Arc::new(OnceLink::new(known, |_| async { Err(Error::new(ErrorKind::Internal, "find torrent")) })),
            choose: Arc::new(choose),
        };
        let seen = self.seen(call, viewer, FileOf::Path(path), &[info_hash]).await;
        let mut outcome = self.race(call, viewer, vec![entrant], &seen).await;
        match (outcome.winner, outcome.given_up.pop()) {
            (Some((_, unlocked)), _) => Ok(unlocked.playable),
            (None, Some((_, error))) => Err(error),
            (None, None) if viewer.providers.debrid.is_empty() => Err(no_service()),
            (None, None) => Err(Error::new(ErrorKind::TimedOut, "open torrent")),
        }
    }

    /// Waits for what is still being taken away at services.
    pub(crate) async fn settle(&self) {
        self.refreshes.end();
        self.ground.tasks.close();
        self.ground.tasks.wait().await;
    }

    /// A candidate as one who takes part in a race.
    pub(super) fn entrant(&self, viewer: &Viewer, wanted: &Arc<Wanted>, candidate: &Candidate) -> Entrant {
        let known = candidate.release.info_hash.map(|info_hash| {
            let name = Some(candidate.release.name.clone());
            TorrentLink::Magnet(Magnet { name, ..Magnet::from_hash(info_hash) })
        });
        let indexers = viewer.providers.indexers.iter();
        let indexer = indexers.clone().find(|indexer| *indexer.id() == candidate.release.indexer).cloned();
        let release = Arc::new(candidate.release.clone());
        let follow = move |call: Call| {
            let (indexer, release) = (indexer.clone(), Arc::clone(&release));
            async move {
                let indexer = indexer.ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, "follow release link").detail("its indexer is gone")
                })?;
                indexer.torrent(&call, &release).await
            }
        };
        let wanted = Arc::clone(wanted);
        Entrant {
            info_hash: candidate.release.info_hash,
            link: Arc::new(OnceLink::new(known, follow)),
            choose: Arc::new(move |files| choose_wanted(files, &wanted)),
        }
    }

    /// The candidates that are worth a try, best first: those that every service is known not to have come after all others, the longer ago
    /// that was seen the sooner, and those that all have refused last.
    async fn best<'a>(
        &self,
        call: &Call,
        viewer: &Viewer,
        wanted: &Wanted,
        candidates: Vec<&'a Candidate>,
    ) -> (Vec<&'a Candidate>, Seen) {
        /// Beyond what any absence comes to.
        const REFUSED: u8 = 12;
        let hashes = candidates.iter().filter_map(|candidate| candidate.release.info_hash).take(MAX_BATCH);
        let seen = self.seen(call, viewer, FileOf::Wanted(wanted), &hashes.collect::<Vec<_>>()).await;
        // 0 for what some service may have.
        let hopelessness = |candidate: &Candidate| {
            let Some(hash) = candidate.release.info_hash.filter(|_| candidate.release.playable.is_none()) else {
                return 0;
            };
            let at_service = |at| match seen.get(&(at, hash)) {
                Some(sighting) if sighting.is_refused() => REFUSED,
                Some(sighting) if !sighting.is_ready() => sighting.tenths().saturating_add(1),
                _ => 0,
            };
            (0..viewer.providers.debrid.len()).map(at_service).min().unwrap_or(0)
        };
        let mut candidates = candidates;
        candidates.sort_by_key(|candidate| hopelessness(candidate));
        candidates.truncate(self.config.max_tries);
        (candidates, seen)
    }

    async fn race(&self, call: &Call, viewer: &Viewer, entrants: Vec<Entrant>, seen: &Seen) -> Outcome {
        let services = &viewer.providers.debrid;
        let rules = Rules {
            head_start: self.config.head_start,
            max_parallel: self.config.max_parallel_tries,
            try_limit: self.config.candidate_deadline,
        };
        super::race::run(call, rules, entrants, services, seen, &self.ground).await
    }
}

/// The wanted film or episode among the files of a release.
pub(super) fn choose_wanted(files: &[RemoteFile], wanted: &Wanted) -> Result<usize> {
    let entries: Vec<FileEntry> = files.iter().map(|file| file.entry.clone()).collect();
    let file_indexes = match pick_file(&entries, wanted) {
        Pick::File { file_index, .. } => return Ok(file_index),
        Pick::Ask { file_indexes } => file_indexes,
    };
    let names: Vec<&str> =
        file_indexes.iter().take(5).filter_map(|at| entries.get(*at)).map(|entry| entry.path.as_str()).collect();
    Err(Error::new(ErrorKind::Ambiguous, "pick file")
        .detail(if names.is_empty() {
            "no file of the release is a video".to_owned()
        } else {
            format!("it could be any of: {}", names.join(", "))
        })
        .advise("choose another release"))
}

pub(super) fn no_service() -> Error {
    Error::new(ErrorKind::NotFound, "unlock release")
        .detail("no debrid service is configured")
        .advise("configure a debrid service, such as Real-Debrid or TorBox, or put files into a local folder")
}

/// All candidates, or the one that the caller named.
pub(super) fn chosen<'a>(found: &'a Found, media_id: &MediaId, release: Option<&str>) -> Result<Vec<&'a Candidate>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceProfile, EpisodeNumber, Release, TitleKind};
    use crate::release::{Preferences, rank};

    /// Goal: the next episode comes from the same torrent, else of the same group in the same size, else of the same group.
    /// Method: releases that rank the other way round.
    #[test]
    fn what_is_like_the_last_one_comes_first() {
        let wanted = Wanted {
            kind: TitleKind::Series,
            names: vec!["Rocket Harbour".to_owned()],
            year: None,
            episode: Some(EpisodeNumber { season: 1, episode: 2 }),
            absolute_episode: None,
            air_date: None,
            runtime_min: None,
        };
        let release = |name: &str, hash: u8| Release {
            indexer: ProviderId::new("shelf"),
            tracker: None,
            name: name.to_owned(),
            info_hash: Some(InfoHash([hash; 20])),
            link: None,
            size_bytes: None,
            seeder_count: None,
            age_days: None,
            playable: None,
        };
        let releases = vec![
            release("Rocket.Harbour.S01E02.2160p.WEB-DL.H.264-OTHER", 1),
            release("Rocket.Harbour.S01E02.1080p.WEB-DL.H.264-QUILL", 2),
            release("Rocket.Harbour.S01E02.720p.WEB-DL.H.264-Quill", 3),
            release("Rocket.Harbour.S01.480p.WEB-DL.H.264-QUILL", 4),
        ];
        let ranking = rank(releases, &wanted, &Preferences::default(), &DeviceProfile::any(), &|_| None);
        let order = |like: Like| {
            let mut candidates: Vec<&Candidate> = ranking.candidates.iter().collect();
            candidates.sort_by_key(|candidate| like.distance(candidate));
            candidates.iter().map(|candidate| candidate.release.info_hash.unwrap().0[0]).collect::<Vec<_>>()
        };
        let name = "Rocket.Harbour.S01E01.720p.WEB-DL.H.264-QUILL.mkv";
        assert_eq!(order(Like::new(Some(InfoHash([4; 20])), name)), [4, 3, 2, 1]);
        assert_eq!(order(Like::new(None, name)), [3, 2, 4, 1]);
        assert_eq!(order(Like::default()), [1, 2, 3, 4]);
    }
}
