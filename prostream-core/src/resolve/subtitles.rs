//! Subtitles of a title or of a file that is played: every provider is asked, the answers are put in order, and what was fetched is kept,
//! as fetching counts against quotas.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::once::Shelf;
use super::{Resolver, Viewer, again, is_playable_id};
use crate::model::{EpisodeNumber, FileHash, Language, MediaId, TitleId, TitleKind};
use crate::net::Call;
use crate::provider::subtitles::{MAX_LANGUAGES, Subtitle, SubtitleId, SubtitleProvider, SubtitleSearch};
use crate::release::ReleaseName;
use crate::{Error, ErrorKind, Result};

/// Most subtitles in the answer, over all providers (AUTHZ-04).
pub const MAX_FOUND_SUBTITLES: usize = 200;

const FIND: &str = "find subtitles";
const FETCH: &str = "fetch subtitle";

/// Which subtitles are wanted. What is known of title and file is told; at least one of the first three has to be.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SubtitleRequest {
    /// The film or episode.
    pub media_id: Option<MediaId>,
    /// The file that is played.
    pub file_hash: Option<FileHash>,
    /// Its name, which tells the title where no media id does.
    pub file_name: Option<String>,
    /// Only these languages, the preferred one first; empty: all. At most [`MAX_LANGUAGES`] are looked for.
    pub languages: Vec<Language>,
}

impl SubtitleRequest {
    /// Subtitles of a film or an episode in all languages.
    #[must_use]
    pub fn of_title(media_id: MediaId) -> Self {
        Self { media_id: Some(media_id), ..Self::default() }
    }
}

/// Subtitles that were found, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundSubtitles {
    /// They; at most [`MAX_FOUND_SUBTITLES`].
    pub subtitles: Vec<Subtitle>,
    /// A provider failed or did not answer in time.
    pub is_partial: bool,
}

/// Names a subtitle towards clients: its provider and its id there.
#[must_use]
pub fn subtitle_key(subtitle: &Subtitle) -> String {
    format!("{}-{}", subtitle.provider, subtitle.id.as_str())
}

impl Resolver {
    /// Subtitles for what is asked for, from all providers of the viewer, each within
    /// [`ResolveConfig::subtitles_deadline`](super::ResolveConfig::subtitles_deadline). Those that were made for the very file come first,
    /// then by language, as preferred; then whole ones before those of foreign parts, people's before machines', trusted before others,
    /// and what others fetched most. An answer of the last hour is given again without asking.
    ///
    /// # Errors
    /// `InvalidInput` for a series without an episode; `NotFound` where no provider is set up; what finding the title answers, where nothing
    /// else tells what to look for; the providers' error when all of them failed.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn find_subtitles(
        &self,
        call: &Call,
        viewer: &Viewer,
        request: &SubtitleRequest,
    ) -> Result<FoundSubtitles> {
        let providers = &viewer.providers.subtitles;
        if providers.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, FIND)
                .detail("no subtitle provider is configured")
                .advise("configure OpenSubtitles"));
        }
        let search = Arc::new(self.subtitle_search(call, viewer, request).await?);
        let asked = providers.iter().map(|provider| self.ask_subtitles(call, provider, &search));
        let mut found = FoundSubtitles::default();
        let mut last_error = None;
        for (provider, answer) in providers.iter().zip(join_all(asked).await) {
            match answer {
                Ok(subtitles) => found.subtitles.extend(subtitles),
                Err(error) => {
                    tracing::warn!(provider = %provider.id(), %error, "subtitles cannot be searched");
                    found.is_partial = true;
                    last_error = Some(error);
                }
            }
        }
        match last_error {
            Some(error) if found.subtitles.is_empty() => return Err(error),
            _ => {}
        }
        rank(&mut found.subtitles, &request.languages);
        found.subtitles.truncate(MAX_FOUND_SUBTITLES);
        Ok(found)
    }

    /// The file of one subtitle by its [`subtitle_key`], as it was fetched: once for all who want it, and kept for
    /// [`ResolveConfig::subtitle_files_time_to_live`](super::ResolveConfig::subtitle_files_time_to_live). What is made of it is its reader's
    /// matter: however many ways there are to read it, one fetch counts.
    ///
    /// # Errors
    /// `NotFound` for a key of no provider of the viewer; what the provider answers.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn subtitle_file(&self, call: &Call, viewer: &Viewer, key: &str) -> Result<Bytes> {
        let (provider, id) = viewer
            .providers
            .subtitles
            .iter()
            .find_map(|provider| {
                let id = key.strip_prefix(provider.id().as_str())?.strip_prefix('-')?;
                Some((Arc::clone(provider), SubtitleId::new(id)?))
            })
            .ok_or_else(|| Error::new(ErrorKind::NotFound, FETCH).advise("list the subtitles again"))?;
        let question = Question {
            operation: FETCH,
            key: format!("subtitle 1\n{key}"),
            address: address(&provider),
            time_to_live: self.config.subtitle_files_time_to_live,
            is_answer: |_| true,
        };
        let ask = move |call: Call| {
            let (provider, id) = (Arc::clone(&provider), id.clone());
            async move { Ok(provider.fetch(&call, &id).await?.bytes) }.boxed()
        };
        self.kept_subtitles(call, question, ask).await
    }

    /// What a provider is asked: all that is known of title and file.
    async fn subtitle_search(&self, call: &Call, viewer: &Viewer, request: &SubtitleRequest) -> Result<SubtitleSearch> {
        let mut search = SubtitleSearch { file_hash: request.file_hash, ..SubtitleSearch::default() };
        // Which languages, not in which order: whoever prefers another one shares the answer.
        search.languages = request.languages.iter().take(MAX_LANGUAGES).cloned().collect();
        search.languages.sort_unstable();
        search.languages.dedup();
        let Some(media_id) = &request.media_id else {
            tell_by_name(&mut search, request.file_name.as_deref().unwrap_or_default());
            let is_told = search.file_hash.is_some() || search.name.is_some();
            return if is_told { Ok(search) } else { Err(nothing_told()) };
        };
        search.episode = media_id.episode;
        match (&media_id.title, self.title(call, viewer, media_id).await) {
            (_, Ok(title)) => {
                search.kind = Some(title.summary.kind);
                search.name = title.original_name.clone().or_else(|| Some(title.summary.name.clone()));
                search.year = title.summary.year;
                search.imdb_id.clone_from(&title.imdb_id);
                search.tmdb_id = title.tmdb_id;
            }
            // An id of a catalogue that subtitles are listed by is enough.
            (TitleId::Imdb(digits), Err(_)) => search.imdb_id = Some(format!("tt{digits}")),
            (TitleId::Tmdb(kind, number), Err(_)) => {
                search.kind = Some(*kind);
                search.tmdb_id = Some(*number);
            }
            (_, Err(error)) if search.file_hash.is_none() => return Err(error),
            (_, Err(_)) => {}
        }
        if let Some(kind) = search.kind
            && !is_playable_id(media_id, kind)
        {
            return Err(Error::new(ErrorKind::InvalidInput, FIND)
                .detail("a series needs a season and an episode")
                .advise(format!("ask for {media_id}:1:1, or whichever episode you want")));
        }
        Ok(search)
    }

    async fn ask_subtitles(
        &self,
        call: &Call,
        provider: &Arc<dyn SubtitleProvider>,
        search: &Arc<SubtitleSearch>,
    ) -> Result<Vec<Subtitle>> {
        let asked = serde_json::to_string(search.as_ref()).map_err(unreadable)?;
        let key = format!("subtitles 1\n{}\n{asked}", provider.id());
        let question = (Arc::clone(provider), Arc::clone(search));
        let ask = move |call: Call| {
            let (provider, search) = question.clone();
            async move { Ok(Bytes::from(serde_json::to_vec(&provider.search(&call, &search).await?).map_err(unreadable)?)) }
                .boxed()
        };
        let question = Question {
            operation: FIND,
            key,
            address: address(provider),
            time_to_live: self.config.subtitles_time_to_live,
            is_answer: |bytes| serde_json::from_slice::<Vec<Subtitle>>(bytes).is_ok(),
        };
        let bytes = self.kept_subtitles(call, question, ask).await?;
        serde_json::from_slice(&bytes).map_err(unreadable)
    }

    /// An answer from the cache, or a fresh one that is kept, asked for once by all who want it: in this process through the provider at
    /// the question's address, and among processes that share the cache.
    async fn kept_subtitles(
        &self,
        call: &Call,
        question: Question,
        ask: impl Fn(Call) -> BoxFuture<'static, Result<Bytes>> + Sync,
    ) -> Result<Bytes> {
        let Question { operation, key, address, time_to_live, is_answer } = question;
        let limit = self.config.subtitles_deadline;
        let flight = || {
            let shelf = Shelf { cache: Arc::clone(&self.cache), key: key.clone(), seal: None };
            let answer = ask(Call { viewer_address: None, deadline: Call::within(limit).deadline, ..call.clone() });
            async move {
                let read = |bytes: &[u8], _| is_answer(bytes).then(|| Bytes::copy_from_slice(bytes));
                let written = |bytes: &Bytes| Some((bytes.to_vec(), time_to_live));
                let timed_out = |_| Error::new(ErrorKind::TimedOut, operation);
                tokio::time::timeout(limit, shelf.answer(read, written, answer)).await.map_err(timed_out)?
            }
            .boxed()
        };
        let answer = self.subtitles_asked.ask(call, operation, &format!("{address:x}\n{key}"), flight).await;
        answer.map_err(|error| again(&error))
    }
}

/// A question to a subtitle provider, and how its answer is kept.
struct Question {
    operation: &'static str,
    key: String,
    /// Tells providers of one name apart.
    address: usize,
    time_to_live: Duration,
    /// Is what lies in the cache an answer? Anything else is asked for anew.
    is_answer: fn(&[u8]) -> bool,
}

/// What the name of a file tells of its title.
fn tell_by_name(search: &mut SubtitleSearch, file_name: &str) {
    let name = ReleaseName::parse(file_name);
    if name.title.is_empty() {
        return;
    }
    let episode = match (name.seasons.as_slice(), name.episodes.as_slice()) {
        ([season], [episode]) => Some(EpisodeNumber { season: *season, episode: *episode }),
        _ => None,
    };
    search.kind = Some(if episode.is_some() { TitleKind::Series } else { TitleKind::Movie });
    search.year = name.year;
    search.episode = episode;
    search.name = Some(name.title);
}

/// Best first; those that nothing tells apart stay in the order of their providers.
fn rank(subtitles: &mut [Subtitle], languages: &[Language]) {
    // At which place the language stands, and whether only another region of it does.
    let preferred = |language: Option<&Language>| {
        let Some(language) = language else { return (usize::MAX, false) };
        let exact = languages.iter().position(|wanted| wanted == language).map(|at| (at, false));
        let near = || languages.iter().position(|wanted| wanted.primary() == language.primary()).map(|at| (at, true));
        exact.or_else(near).unwrap_or((usize::MAX, false))
    };
    subtitles.sort_by_key(|one| {
        (
            !one.is_hash_match,
            preferred(one.language.as_ref()),
            one.is_foreign_parts_only,
            one.is_machine_translated,
            !one.is_trusted,
            Reverse(one.download_count),
        )
    });
}

/// Tells providers of one name apart while somebody holds them.
fn address(provider: &Arc<dyn SubtitleProvider>) -> usize {
    Arc::as_ptr(provider).addr()
}

fn unreadable(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "keep subtitles").because(cause)
}

fn nothing_told() -> Error {
    Error::new(ErrorKind::InvalidInput, FIND).detail("nothing tells which film it is").advise("give a media id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProviderId;

    fn subtitle(id: &str, language: &str) -> Subtitle {
        Subtitle {
            provider: ProviderId::new("test"),
            id: SubtitleId::new(id).unwrap(),
            language: Language::parse(language),
            release_name: None,
            is_hash_match: false,
            is_hearing_impaired: false,
            is_foreign_parts_only: false,
            is_machine_translated: false,
            is_trusted: false,
            download_count: 0,
            frames_per_s: None,
        }
    }

    /// Goal: the very file first, then the language as preferred, then what is whole, human, trusted, and fetched most.
    /// Method: one subtitle for each step, handed over the wrong way round.
    #[test]
    fn subtitles_stand_best_first() {
        let best_first = [
            Subtitle { is_hash_match: true, ..subtitle("hash-de", "de") },
            Subtitle { is_hash_match: true, is_machine_translated: true, ..subtitle("hash-fr", "fr") },
            Subtitle { is_trusted: true, ..subtitle("trusted", "de") },
            Subtitle { download_count: 9, ..subtitle("fetched", "de") },
            Subtitle { is_hearing_impaired: true, download_count: 8, ..subtitle("impaired", "de") },
            Subtitle { is_machine_translated: true, is_trusted: true, download_count: 99, ..subtitle("machine", "de") },
            Subtitle { is_foreign_parts_only: true, is_trusted: true, download_count: 99, ..subtitle("foreign", "de") },
            subtitle("exact", "pt-BR"),
            Subtitle { is_trusted: true, ..subtitle("near", "pt-PT") },
            subtitle("other", "fr"),
            subtitle("unknown", ""),
        ];
        let languages: Vec<Language> = ["de", "pt-BR", "pt"].iter().filter_map(|tag| Language::parse(tag)).collect();
        let mut subtitles: Vec<Subtitle> = best_first.iter().rev().cloned().collect();
        // Of those that nobody asked for nothing is preferred: they stay as they came.
        subtitles.swap(0, 1);
        rank(&mut subtitles, &languages);
        let ids = |subtitles: &[Subtitle]| subtitles.iter().map(|one| one.id.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&subtitles), ids(&best_first));
    }

    /// Goal: the name of a file tells its film or episode; a pack and a name that tells nothing tell no episode, or nothing.
    #[test]
    fn names_of_files_tell_titles() {
        let told = |file_name: &str| {
            let mut search = SubtitleSearch::default();
            tell_by_name(&mut search, file_name);
            (search.name, search.year, search.episode.map(|number| (number.season, number.episode)))
        };
        assert_eq!(told("Paper.Boats.2019.1080p.WEB.mkv"), (Some("Paper Boats".into()), Some(2019), None));
        assert_eq!(told("Paper.Harbour.S02E03.720p.mkv"), (Some("Paper Harbour".into()), None, Some((2, 3))));
        assert_eq!(told("Paper.Harbour.S02.720p.mkv").2, None);
        assert_eq!(told(""), (None, None, None));
    }
}
