use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::kept::Lives;
use super::{Resolver, Viewer, merged};
use crate::model::{MediaId, Title, TitleId, TitleSummary};
use crate::net::Call;
use crate::provider::metadata::{
    Discover, FindTitle, MAX_QUERY_CHARS, MetadataProvider, OutsideId, TitlePage, TitleRequest, TitleSearch, Trending,
};
use crate::{Error, ErrorKind, Result};

impl Resolver {
    /// Titles whose name fits what a person typed, best first. A year at the end narrows the search: `Sintel (2010)`. Without parentheses it may
    /// as well belong to the name: both are asked at once, titles that are called just so stand first, those of that year follow. All providers
    /// are asked; the order is that of the first that finds some, and what others know adds to it ([`super::ResolveConfig::metadata_patience`]),
    /// each title once.
    ///
    /// # Errors
    /// `InvalidInput` for an empty or overlong text; the last provider's error when none found anything and one failed.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn search_titles(&self, call: &Call, viewer: &Viewer, text: &str) -> Result<Vec<TitleSummary>> {
        let mut search = TitleSearch::new(text.trim());
        search.language = viewer.language.clone();
        if search.text.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "search titles").detail("the search is empty"));
        }
        if search.text.chars().count() > MAX_QUERY_CHARS {
            return Err(Error::new(ErrorKind::InvalidInput, "search titles").detail("longer than 200 characters"));
        }
        let mut whole = None;
        if let Some((name, year, is_sure)) = split_year(&search.text) {
            whole = (!is_sure).then(|| search.clone());
            search.year = Some(year);
            search.text = name;
        }
        let whole = whole.as_ref();
        let providers = &viewer.providers.metadata;
        if providers.is_empty() {
            return Err(no_metadata("search titles"));
        }
        let mut asked: FuturesUnordered<_> = providers
            .iter()
            .enumerate()
            .map(|(at, provider)| self.search_both(call, provider, &search, whole).map(move |answer| (at, answer)))
            .collect();
        let mut answers: Vec<Option<Vec<TitleSummary>>> = providers.iter().map(|_| None).collect();
        let (mut answered, mut last_error) = (vec![false; providers.len()], None);
        let mut patience_ends = None;
        loop {
            // The first in order that has found something is waited for; from then on the others have little time to add to it.
            let lead = answers.iter().position(Option::is_some);
            if lead.is_some_and(|lead| answered.iter().take(lead).all(|is_answered| *is_answered)) {
                patience_ends.get_or_insert_with(|| Instant::now() + self.config.metadata_patience);
            }
            let next = match patience_ends {
                Some(end) => tokio::time::timeout_at(end, asked.next()).await.ok().flatten(),
                None => asked.next().await,
            };
            let Some((at, answer)) = next else { break };
            if let Some(is_answered) = answered.get_mut(at) {
                *is_answered = true;
            }
            match answer {
                Ok(titles) => {
                    if let Some(slot) = answers.get_mut(at).filter(|_| !titles.is_empty()) {
                        *slot = Some(titles);
                    }
                }
                Err(error) => {
                    if let Some(provider) = providers.get(at) {
                        tracing::warn!(provider = %provider.id(), %error, "title search failed");
                    }
                    last_error = Some(error);
                }
            }
        }
        let mut found = answers.into_iter().zip(providers).filter_map(|(titles, provider)| Some((titles?, provider)));
        let Some((mut titles, lead)) = found.next() else { return last_error.map_or(Ok(Vec::new()), Err) };
        for (more, _) in found {
            let known = self.numbers_at(call, lead, merged::unsure(&titles, &more)).await;
            merged::join(&mut titles, more, &known);
        }
        if let Some(whole) = whole {
            let name = merged::folded(&whole.text);
            titles.sort_by_key(|title| merged::folded(&title.name) != name);
        }
        Ok(titles)
    }

    /// What `search` finds and, behind it, what `whole` finds: the same text where the year at its end may be a part of the name.
    async fn search_both(
        &self,
        call: &Call,
        provider: &Arc<dyn MetadataProvider>,
        search: &TitleSearch,
        whole: Option<&TitleSearch>,
    ) -> Result<Vec<TitleSummary>> {
        let Some(whole) = whole else { return self.search_at(call, provider, search).await };
        let both = join(self.search_at(call, provider, search), self.search_at(call, provider, whole)).await;
        let (mut titles, more) = match both {
            (Ok(titles), Ok(more)) => (titles, more),
            // Half an answer is one, as long as it says something.
            (Ok(titles), Err(_)) | (Err(_), Ok(titles)) if !titles.is_empty() => return Ok(titles),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        merged::add_of_same(&mut titles, more, &whole.text);
        Ok(titles)
    }

    async fn search_at(
        &self,
        call: &Call,
        provider: &Arc<dyn MetadataProvider>,
        search: &TitleSearch,
    ) -> Result<Vec<TitleSummary>> {
        let key = format!(
            "search\n{}\n{:?}\n{}\n{:?}",
            provider.id(),
            search.language,
            search.text.to_lowercase(),
            search.year
        );
        let asked = (Arc::clone(provider), search.clone());
        self.kept(call, "search titles", key, provider, self.metadata_lives(), move |call| {
            let (provider, search) = asked.clone();
            async move { provider.search(&call, &search).await }.boxed()
        })
        .await
    }

    /// What titles of other catalogues are called in that of `provider`, as far as it tells in a short time.
    async fn numbers_at(
        &self,
        call: &Call,
        provider: &Arc<dyn MetadataProvider>,
        ids: Vec<MediaId>,
    ) -> HashMap<MediaId, MediaId> {
        if !provider.capabilities().finds_imdb {
            return HashMap::new();
        }
        let call = call.at_most(self.config.metadata_patience);
        let find = |media_id: MediaId| {
            let call = &call;
            async move {
                let TitleId::Imdb(digits) = &media_id.title else { return None };
                let asked = (Arc::clone(provider), FindTitle::new(OutsideId::Imdb(digits.clone())));
                let key = format!("find\n{}\n{media_id}", provider.id());
                let answer = self.kept(call, "find title", key, provider, self.metadata_lives(), move |call| {
                    let (provider, request) = asked.clone();
                    // That it knows none is an answer that is worth to be kept.
                    async move {
                        match provider.find(&call, &request).await {
                            Ok(title) => Ok(Some(title.media_id)),
                            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                            Err(error) => Err(error),
                        }
                    }
                    .boxed()
                });
                // Unknown there, so none of those that came from there: its own id stands for that.
                answer.await.ok().map(|found: Option<MediaId>| (media_id.clone(), found.unwrap_or(media_id)))
            }
        };
        join_all(ids.into_iter().map(find)).await.into_iter().flatten().collect()
    }

    /// What is watched these days, of the first provider that tells. Texts come in the viewer's language where the request names none.
    ///
    /// # Errors
    /// `InvalidInput` for a page out of bounds; `Unsupported` when no provider has such a list; otherwise the last provider's error.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn trending(&self, call: &Call, viewer: &Viewer, request: &Trending) -> Result<TitlePage> {
        request.check()?;
        let mut request = request.clone();
        request.language = request.language.or_else(|| viewer.language.clone());
        let name = format!("{:?}\n{:?}\n{:?}\n{}", request.language, request.kind, request.period, request.page);
        self.listed(call, viewer, "list trending titles", &format!("trending\n{name}"), |provider, call| {
            let request = request.clone();
            async move { provider.trending(&call, &request).await }.boxed()
        })
        .await
    }

    /// Titles that fit some conditions, of the first provider that can list by them. Language as for [`Self::trending`].
    ///
    /// # Errors
    /// `InvalidInput` for what is out of bounds, and for a genre that the provider does not have; `Unsupported` when no provider can list by
    /// these conditions; otherwise the last provider's error.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn discover(&self, call: &Call, viewer: &Viewer, request: &Discover) -> Result<TitlePage> {
        request.check()?;
        let mut request = request.clone();
        request.language = request.language.or_else(|| viewer.language.clone());
        let Discover { kind, genre, year, sort, page, language } = &request;
        let genre = genre.as_deref().map(str::to_lowercase);
        let name = format!("discover\n{language:?}\n{kind:?}\n{genre:?}\n{year:?}\n{sort:?}\n{page}");
        self.listed(call, viewer, "discover titles", &name, |provider, call| {
            let request = request.clone();
            async move { provider.discover(&call, &request).await }.boxed()
        })
        .await
    }

    /// A list of the first provider that has it. Lists of two providers are in no common order: they are not mixed.
    async fn listed(
        &self,
        call: &Call,
        viewer: &Viewer,
        operation: &'static str,
        name: &str,
        ask: impl Fn(Arc<dyn MetadataProvider>, Call) -> BoxFuture<'static, Result<TitlePage>> + Sync,
    ) -> Result<TitlePage> {
        let lives = Lives { fresh: self.config.lists_time_to_live, ..self.metadata_lives() };
        let mut last_error: Option<Error> = None;
        for provider in &viewer.providers.metadata {
            let key = format!("{name}\n{}", provider.id());
            let answer = self.kept(call, operation, key, provider, lives, |call| ask(Arc::clone(provider), call));
            match answer.await {
                Ok(page) => return Ok(page),
                Err(error) => {
                    tracing::debug!(provider = %provider.id(), %error, "a list could not be had");
                    // That a provider has no such list says less than what went wrong at one that has.
                    if last_error.as_ref().is_none_or(|last| last.kind() == ErrorKind::Unsupported) {
                        last_error = Some(error);
                    }
                }
            }
        }
        Err(last_error.unwrap_or_else(|| no_metadata(operation)))
    }

    /// All that is known of a title: of the first provider that knows it, and what others add to that in a short time.
    ///
    /// # Errors
    /// `NotFound` when no provider knows it; otherwise the last provider's error.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn title(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<Arc<Title>> {
        let mut request = TitleRequest::new(MediaId::of_title(media_id.title.clone()));
        request.language = viewer.language.clone();
        let mut last_error = None;
        let mut providers = viewer.providers.metadata.iter();
        while let Some(provider) = providers.next() {
            match self.title_at(call, provider, &request).await {
                Ok(title) => return Ok(Arc::new(self.filled(call, providers.as_slice(), title, &request).await)),
                Err(error) => {
                    // A provider that does not know a title says less than one that could not be asked.
                    let says_more = last_error.as_ref().is_none_or(|last: &Error| last.kind() == ErrorKind::NotFound);
                    if says_more {
                        last_error = Some(error);
                    }
                }
            }
        }
        Err(last_error.unwrap_or_else(|| no_metadata("describe title")))
    }

    async fn title_at(
        &self,
        call: &Call,
        provider: &Arc<dyn MetadataProvider>,
        request: &TitleRequest,
    ) -> Result<Title> {
        let key = format!("title\n{}\n{:?}\n{}", provider.id(), request.language, request.media_id);
        let asked = (Arc::clone(provider), request.clone());
        self.kept(call, "describe title", key, provider, self.metadata_lives(), move |call| {
            let (provider, request) = asked.clone();
            async move { provider.title(&call, &request).await }.boxed()
        })
        .await
    }

    /// The title with what the other providers know of it, as long as something is missing. They are asked by the id that all of them know.
    async fn filled(
        &self,
        call: &Call,
        others: &[Arc<dyn MetadataProvider>],
        mut title: Title,
        request: &TitleRequest,
    ) -> Title {
        let call = call.at_most(self.config.metadata_patience);
        for provider in others {
            if !merged::has_gaps(&title) || call.remaining().is_zero() {
                break;
            }
            let mut request = request.clone();
            if let Some(media_id) = title.imdb_id.as_ref().and_then(|id| id.parse().ok()) {
                request.media_id = media_id;
            }
            match self.title_at(&call, provider, &request).await {
                Ok(other) => merged::fill(&mut title, &other),
                Err(error) => tracing::debug!(provider = %provider.id(), %error, "nothing could be added to a title"),
            }
        }
        title
    }

    fn metadata_lives(&self) -> Lives {
        Lives { fresh: self.config.metadata_time_to_live, stale: self.config.metadata_stale_time_to_live }
    }
}

fn no_metadata(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation)
        .detail("no metadata provider is configured")
        .advise("configure a TMDB key or switch Cinemeta on")
}

/// `Sintel (2010)` names a year, and `Sintel 2010` may do so: the name, the year, and whether it is sure to be one. `2012` alone is a name.
fn split_year(text: &str) -> Option<(String, u16, bool)> {
    let (name, last) = text.rsplit_once(' ')?;
    let digits = last.trim_start_matches('(').trim_end_matches(')');
    if digits.len() != 4 || name.trim().is_empty() {
        return None;
    }
    let year: u16 = digits.parse().ok()?;
    (1888..=2100).contains(&year).then(|| (name.trim().to_owned(), year, digits.len() < last.len()))
}

#[cfg(test)]
mod tests {
    use super::split_year;

    /// Goal: a year narrows the search, a title that is a number stays a title.
    #[test]
    fn a_year_at_the_end_is_split_off() {
        assert_eq!(split_year("Sintel 2010"), Some(("Sintel".to_owned(), 2010, false)));
        assert_eq!(split_year("Sintel (2010)"), Some(("Sintel".to_owned(), 2010, true)));
        assert_eq!(split_year("2012"), None);
        assert_eq!(split_year("Space 1234567"), None);
        assert_eq!(split_year("Paper Boats 9999"), None);
    }
}
