//! From a title to something playable: metadata, indexers, ranking, debrid services. Sees roles, never vendors.

mod answers;
mod cached;
mod fading;
mod fetch;
mod kept;
mod merged;
mod needs;
mod once;
mod playable;
mod query;
mod race;
mod releases;
#[cfg(test)]
mod silent;
mod subtitles;
mod titles;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache as MokaCache;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

use crate::model::{DeviceProfile, EpisodeNumber, Language, MediaId, Release, Title, TitleKind};
use crate::provider::debrid::DebridService;
use crate::provider::indexer::{Indexer, Releases};
use crate::provider::metadata::MetadataProvider;
use crate::provider::subtitles::SubtitleProvider;
use crate::release::{Preferences, Ranking, Wanted};
use crate::store::cache::Cache;
use crate::store::records::Records;
use kept::{Clock, Refreshes};
use once::Flights;
use race::Ground;

pub(crate) use fading::words;
pub(crate) use fetch::{Fetchable, Fetcher, TorrentId, TorrentState, Walk, plain_link};
pub(crate) use needs::{Claim, Removal};
pub(crate) use playable::NewlyAdded;
pub use playable::{Like, Resolution, Tried};
pub use releases::ReleaseEvent;
pub(crate) use releases::again;
pub use subtitles::{FoundSubtitles, MAX_FOUND_SUBTITLES, SubtitleRequest, subtitle_key};

/// The providers of one viewer, each role in order of preference.
#[derive(Clone, Debug, Default)]
pub struct ProviderSet {
    /// The first that knows a title describes it; the others fill what it lacks.
    pub metadata: Vec<Arc<dyn MetadataProvider>>,
    /// Asked all at once.
    pub indexers: Vec<Arc<dyn Indexer>>,
    /// Tried in order.
    pub debrid: Vec<Arc<dyn DebridService>>,
    /// Asked all at once.
    pub subtitles: Vec<Arc<dyn SubtitleProvider>>,
}

/// On whose behalf a call is made: whose providers, keys, device and preferences are used.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Opaque name of the embedding program's user: what belongs to one is never shown to another.
    pub id: String,
    /// Whose services.
    pub providers: Arc<ProviderSet>,
    /// What the viewer prefers.
    pub preferences: Preferences,
    /// What the viewer's device plays.
    pub device: DeviceProfile,
    /// Language of names and texts.
    pub language: Option<Language>,
}

impl Viewer {
    /// A viewer with default preferences and a device that plays everything.
    #[must_use]
    pub fn new(id: impl Into<String>, providers: Arc<ProviderSet>) -> Self {
        Self {
            id: id.into(),
            providers,
            preferences: Preferences::default(),
            device: DeviceProfile::any(),
            language: None,
        }
    }
}

/// Limits of a [`Resolver`].
#[derive(Clone, Debug)]
pub struct ResolveConfig {
    /// How long whoever wants one answer waits for indexers once another one has listed releases. Default: 4 s. Whoever follows the events
    /// hears of late ones.
    pub soft_deadline: Duration,
    /// Longest wait for an indexer before the answer goes on without it. Default: 12 s.
    pub indexer_deadline: Duration,
    /// Longest wait for a metadata provider before the next one is asked. Default: 20 s.
    pub metadata_deadline: Duration,
    /// Longest wait for one candidate to become playable. Default: 10 s.
    pub candidate_deadline: Duration,
    /// Most candidates tried for one playback. Default: 5.
    pub max_tries: usize,
    /// How long a candidate is tried alone before the next one joins it. Default: 1.5 s.
    pub head_start: Duration,
    /// Most candidates, or services of one, tried at the same time. Default: 3.
    pub max_parallel_tries: usize,
    /// Longest wait for services that say what is cached before the order is made without them. Default: 1.5 s.
    pub cached_deadline: Duration,
    /// How long a list of releases is used again. Default: 10 minutes.
    pub releases_time_to_live: Duration,
    /// How long metadata is used again without asking. Default: 6 hours.
    pub metadata_time_to_live: Duration,
    /// How long after that metadata is still given at once while it is refreshed in the background, and kept while it cannot be refreshed.
    /// Default: 6 days.
    pub metadata_stale_time_to_live: Duration,
    /// How long what is watched these days, and other lists of titles, are used again without asking. Default: 1 hour; then as metadata.
    pub lists_time_to_live: Duration,
    /// How long what one metadata provider found waits for what others add to it. Default: 1.5 s.
    pub metadata_patience: Duration,
    /// How long an observed absence of a torrent, or of the file, keeps it at the back of the list. Default: 6 hours. A readiness counts for 7
    /// days, a play for 30 days, and a refusal for 90 days; each counts less the older it is.
    pub absence_time_to_live: Duration,
    /// Longest wait for a subtitle provider, for a list or a file. Default: 10 s.
    pub subtitles_deadline: Duration,
    /// How long a list of subtitles is used again. Default: 1 h.
    pub subtitles_time_to_live: Duration,
    /// How long a fetched subtitle is used again, as fetching counts against quotas. Default: 24 h.
    pub subtitle_files_time_to_live: Duration,
}

impl Default for ResolveConfig {
    fn default() -> Self {
        Self {
            soft_deadline: Duration::from_secs(4),
            indexer_deadline: Duration::from_secs(12),
            metadata_deadline: Duration::from_secs(20),
            candidate_deadline: Duration::from_secs(10),
            max_tries: 5,
            head_start: Duration::from_millis(1500),
            max_parallel_tries: 3,
            cached_deadline: Duration::from_millis(1500),
            releases_time_to_live: Duration::from_secs(600),
            metadata_time_to_live: Duration::from_secs(6 * 3600),
            metadata_stale_time_to_live: Duration::from_secs(6 * 24 * 3600),
            lists_time_to_live: Duration::from_secs(3600),
            metadata_patience: Duration::from_millis(1500),
            absence_time_to_live: Duration::from_secs(6 * 3600),
            subtitles_deadline: Duration::from_secs(10),
            subtitles_time_to_live: Duration::from_secs(3600),
            subtitle_files_time_to_live: Duration::from_secs(24 * 3600),
        }
    }
}

/// What was found for a media id, judged for one viewer.
#[derive(Clone, Debug)]
pub struct Found {
    /// The title.
    pub title: Arc<Title>,
    /// What a release has to hold.
    pub wanted: Arc<Wanted>,
    /// The releases.
    pub ranking: Arc<Ranking>,
    /// An indexer failed or did not answer in time.
    pub is_partial: bool,
}

/// Turns titles into playables. Cheap to clone; clones share what was learned.
#[derive(Clone)]
pub struct Resolver {
    config: Arc<ResolveConfig>,
    records: Arc<dyn Records>,
    cache: Arc<dyn Cache>,
    found: MokaCache<String, Found>,
    ground: Ground,
    /// Questions to metadata providers; the answers as JSON.
    titles_asked: Flights<Bytes>,
    /// Answers of theirs that are being refreshed.
    refreshes: Refreshes,
    /// The time of day by which their answers age.
    now_s: Clock,
    /// Questions to indexers.
    releases_asked: Flights<Arc<Releases>>,
    /// Questions to subtitle providers; lists as JSON, subtitles as their files.
    subtitles_asked: Flights<Bytes>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that remembers in these stores. At most 1,000 lists of releases are held in memory.
    #[must_use]
    pub fn new(config: ResolveConfig, records: Arc<dyn Records>, cache: Arc<dyn Cache>) -> Self {
        let found = MokaCache::builder().max_capacity(1_000).time_to_live(config.releases_time_to_live).build();
        let ground = Ground { records: Arc::clone(&records), tasks: TaskTracker::new(), needs: Arc::default() };
        Self {
            config: Arc::new(config),
            records,
            cache,
            found,
            ground,
            titles_asked: Flights::new(),
            refreshes: Refreshes::default(),
            now_s: kept::clock(),
            releases_asked: Flights::new(),
            subtitles_asked: Flights::new(),
        }
    }

    /// Everything that changes the ranking, or the texts of the title, stands in the key.
    fn found_key(viewer: &Viewer, media_id: &MediaId) -> String {
        let asked = (&viewer.preferences, &viewer.device, &viewer.language);
        let preferences = serde_json::to_string(&asked).unwrap_or_default();
        let digest = Sha256::digest(preferences.as_bytes());
        format!("{}\n{media_id}\n{}", viewer.id, hex(&digest[..8]))
    }
}

/// What a release must hold for `media_id`, from all that is known of the title.
#[must_use]
pub fn wanted(title: &Title, episode: Option<EpisodeNumber>) -> Wanted {
    let mut names = vec![title.summary.name.clone()];
    for name in title.original_name.iter().chain(&title.other_names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let found = episode.and_then(|number| {
        let season = title.seasons.iter().find(|season| season.number == number.season)?;
        season.episodes.iter().find(|episode| episode.number == number.episode)
    });
    let absolute_episode = episode.and_then(|number| absolute_episode(title, number));
    Wanted {
        kind: title.summary.kind,
        names,
        year: title.summary.year,
        episode,
        absolute_episode,
        air_date: found.and_then(|episode| episode.air_date.clone()),
        runtime_min: found.and_then(|episode| episode.runtime_min).or(title.runtime_min),
    }
}

/// The number of an episode counted through all seasons: the specials do not count. Some catalogues go on counting from season to season: a
/// season that begins beyond the last number of those before it is counted through already. Without the episodes of an earlier season nobody knows.
fn absolute_episode(title: &Title, number: EpisodeNumber) -> Option<u32> {
    if number.season == 0 || title.seasons.is_empty() {
        return None;
    }
    let (mut count, mut last, mut season_count) = (0_u32, 0_u32, 0_u32);
    for season in title.seasons.iter().filter(|season| season.number > 0 && season.number < number.season) {
        last = last.max(season.episodes.iter().map(|episode| episode.number).max()?);
        count = count.saturating_add(u32::try_from(season.episodes.len()).unwrap_or(u32::MAX));
        season_count = season_count.saturating_add(1);
    }
    // A season that is not even listed has no episodes known either.
    if season_count < number.season.saturating_sub(1) {
        return None;
    }
    let season = title.seasons.iter().find(|season| season.number == number.season);
    let first = season.and_then(|season| season.episodes.iter().map(|episode| episode.number).min());
    let is_counted_through = count > 0 && first.is_some_and(|first| first > last);
    Some(if is_counted_through { number.episode } else { count.saturating_add(number.episode) })
}

/// Names a release towards clients without giving its link away: the info hash, or a hash of what the indexer said.
#[must_use]
pub fn release_key(release: &Release) -> String {
    if let Some(hash) = release.info_hash {
        return hash.to_string();
    }
    let mut hasher = Sha256::new();
    hasher.update(release.indexer.as_str());
    hasher.update([0]);
    hasher.update(&release.name);
    hasher.update([0]);
    hasher.update(release.size_bytes.unwrap_or(0).to_be_bytes());
    if let Some(playable) = &release.playable {
        hasher.update(&playable.file_name);
    }
    format!("r{}", hex(&hasher.finalize()[..16]))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Does the id name something that plays by itself: a film, or an episode?
pub(crate) fn is_playable_id(media_id: &MediaId, kind: TitleKind) -> bool {
    kind == TitleKind::Movie || media_id.episode.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Episode, Season, TitleSummary};

    /// A series with these numbers of seasons and their episodes.
    pub(super) fn series(seasons: &[(u32, std::ops::RangeInclusive<u32>)]) -> Title {
        let episode = |number| Episode { number, name: None, air_date: None, overview: None, runtime_min: None };
        let season = |(number, episodes): &(u32, std::ops::RangeInclusive<u32>)| Season {
            number: *number,
            name: None,
            episodes: episodes.clone().map(episode).collect(),
        };
        Title {
            summary: TitleSummary {
                media_id: "tmdb:tv:7".parse().unwrap(),
                kind: TitleKind::Series,
                name: "Harbor Lights".to_owned(),
                year: Some(1999),
                overview: None,
                poster_url: None,
            },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: None,
            genres: Vec::new(),
            backdrop_url: None,
            imdb_id: None,
            tmdb_id: Some(7),
            tvdb_id: None,
            seasons: seasons.iter().map(season).collect(),
        }
    }

    fn absolute(title: &Title, season: u32, episode: u32) -> Option<u32> {
        wanted(title, Some(EpisodeNumber { season, episode })).absolute_episode
    }

    /// Goal: a number that the catalogue counts through all seasons is not added to those before it once more; specials count nowhere.
    #[test]
    fn absolute_numbers_are_counted_once() {
        let anew = series(&[(0, 1..=9), (1, 1..=61), (2, 1..=16)]);
        assert_eq!(absolute(&anew, 1, 5), Some(5));
        assert_eq!(absolute(&anew, 2, 1), Some(62));
        assert_eq!(absolute(&anew, 0, 1), None);
        let through = series(&[(0, 1..=9), (1, 1..=61), (2, 62..=77), (3, 78..=80)]);
        assert_eq!(absolute(&through, 1, 5), Some(5));
        assert_eq!(absolute(&through, 2, 62), Some(62));
        assert_eq!(absolute(&through, 3, 80), Some(80));
    }

    /// Goal: without the episodes of a season before it, no number is made up.
    #[test]
    fn without_all_seasons_there_is_no_absolute_number() {
        let mut empty = series(&[(1, 1..=1), (2, 1..=16)]);
        empty.seasons[0].episodes.clear();
        assert_eq!(absolute(&empty, 2, 3), None);
        assert_eq!(absolute(&empty, 1, 3), Some(3));
        assert_eq!(absolute(&series(&[(2, 1..=16)]), 2, 3), None, "the first is not even listed");
        assert_eq!(absolute(&series(&[(2024, 1..=200)]), 2024, 3), None, "a year is no season among others");
        assert_eq!(absolute(&series(&[]), 1, 3), None);
    }

    /// Goal: what was found for one language is not given to another: it holds the name of the title.
    #[test]
    fn what_was_found_belongs_to_a_language() {
        let media_id: MediaId = "tt7650001".parse().unwrap();
        let key = |language: Option<&str>| {
            let mut viewer = Viewer::new("one", Arc::default());
            viewer.language = language.and_then(Language::parse);
            Resolver::found_key(&viewer, &media_id)
        };
        assert_eq!(key(Some("de")), key(Some("de")));
        assert_ne!(key(Some("de")), key(Some("fr")));
        assert_ne!(key(Some("de")), key(None));
    }
}
