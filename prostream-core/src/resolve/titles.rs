use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::once::Shelf;
use super::{Resolver, Viewer, again};
use crate::model::{MediaId, Title, TitleSummary};
use crate::net::Call;
use crate::provider::metadata::{MAX_QUERY_CHARS, MetadataProvider, TitleRequest, TitleSearch};
use crate::{Error, ErrorKind, Result};

impl Resolver {
    /// Titles whose name fits what a person typed, best first. A year at the end narrows the search: `Sintel 2010`.
    ///
    /// # Errors
    /// `InvalidInput` for an empty or overlong text; the last provider's error when none answered.
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
        if let Some((name, year)) = split_year(&search.text) {
            search.year = Some(year);
            search.text = name;
        }
        let mut last_error = None;
        for provider in &viewer.providers.metadata {
            let key = format!(
                "search\n{}\n{:?}\n{}\n{:?}",
                provider.id(),
                search.language,
                search.text.to_lowercase(),
                search.year
            );
            let asked = (Arc::clone(provider), search.clone());
            let answer = self.remembered(call, "search titles", key, address(provider), move |call| {
                let (provider, search) = asked.clone();
                async move { provider.search(&call, &search).await }.boxed()
            });
            let answer = answer.await;
            match answer {
                Ok(titles) if !titles.is_empty() => return Ok(titles),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(provider = %provider.id(), %error, "title search failed");
                    last_error = Some(error);
                }
            }
        }
        match last_error {
            Some(error) => Err(error),
            None if viewer.providers.metadata.is_empty() => Err(no_metadata("search titles")),
            None => Ok(Vec::new()),
        }
    }

    /// All that is known of a title.
    ///
    /// # Errors
    /// `NotFound` when no provider knows it; otherwise the last provider's error.
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn title(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Result<Arc<Title>> {
        let mut request = TitleRequest::new(MediaId::of_title(media_id.title.clone()));
        request.language = viewer.language.clone();
        let mut last_error = None;
        for provider in &viewer.providers.metadata {
            let key = format!("title\n{}\n{:?}\n{}", provider.id(), request.language, request.media_id);
            let asked = (Arc::clone(provider), request.clone());
            let answer = self.remembered(call, "describe title", key, address(provider), move |call| {
                let (provider, request) = asked.clone();
                async move { provider.title(&call, &request).await }.boxed()
            });
            match answer.await {
                Ok(title) => return Ok(Arc::new(title)),
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

    /// An answer from the cache, or a fresh one that is kept, asked for once by all who want it: in this process through the provider at
    /// `address`, and among processes that share the cache.
    async fn remembered<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        call: &Call,
        operation: &'static str,
        key: String,
        address: usize,
        ask: impl Fn(Call) -> BoxFuture<'static, Result<T>> + Sync,
    ) -> Result<T> {
        let time_to_live = self.config.metadata_time_to_live;
        let limit = self.config.metadata_deadline;
        let flight = || {
            let shelf = Shelf { cache: Arc::clone(&self.cache), key: key.clone(), seal: None };
            let answer = ask(Call { viewer_address: None, deadline: Call::within(limit).deadline, ..call.clone() });
            async move {
                let fresh = async { Ok(Bytes::from(serde_json::to_vec(&answer.await?).map_err(unreadable)?)) };
                let read =
                    |bytes: &[u8], _| serde_json::from_slice::<T>(bytes).is_ok().then(|| Bytes::copy_from_slice(bytes));
                let written = |bytes: &Bytes| Some((bytes.to_vec(), time_to_live));
                let timed_out = |_| Error::new(ErrorKind::TimedOut, operation);
                tokio::time::timeout(limit, shelf.answer(read, written, fresh)).await.map_err(timed_out)?
            }
            .boxed()
        };
        let answer = self.titles_asked.ask(call, operation, &format!("{address:x}\n{key}"), flight).await;
        answer.map_err(|error| again(&error)).and_then(|bytes| serde_json::from_slice(&bytes).map_err(unreadable))
    }
}

/// Tells providers of one name apart while somebody holds them.
fn address(provider: &Arc<dyn MetadataProvider>) -> usize {
    Arc::as_ptr(provider).addr()
}

fn unreadable(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "keep metadata").because(cause)
}

fn no_metadata(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation)
        .detail("no metadata provider is configured")
        .advise("configure a TMDB key or switch Cinemeta on")
}

/// `Sintel 2010` and `Sintel (2010)` name a year; `2012` alone is a name.
fn split_year(text: &str) -> Option<(String, u16)> {
    let (name, last) = text.rsplit_once(' ')?;
    let digits = last.trim_start_matches('(').trim_end_matches(')');
    if digits.len() != 4 || name.trim().is_empty() {
        return None;
    }
    let year: u16 = digits.parse().ok()?;
    (1888..=2100).contains(&year).then(|| (name.trim().to_owned(), year))
}

#[cfg(test)]
mod tests {
    use super::split_year;

    /// Goal: a year narrows the search, a title that is a number stays a title.
    #[test]
    fn a_year_at_the_end_is_split_off() {
        assert_eq!(split_year("Sintel 2010"), Some(("Sintel".to_owned(), 2010)));
        assert_eq!(split_year("Sintel (2010)"), Some(("Sintel".to_owned(), 2010)));
        assert_eq!(split_year("2012"), None);
        assert_eq!(split_year("Space 1234567"), None);
        assert_eq!(split_year("Blade Runner 9999"), None);
    }
}
