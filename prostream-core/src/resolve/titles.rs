use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Resolver, Viewer};
use crate::model::{MediaId, Title, TitleSummary};
use crate::net::Call;
use crate::provider::metadata::{MAX_QUERY_CHARS, TitleRequest, TitleSearch};
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
            let answer = self.remembered(&key, || provider.search(call, &search)).await;
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
            match self.remembered(&key, || provider.title(call, &request)).await {
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

    /// An answer from the cache, or a fresh one that is kept. A cache that fails costs time, not the answer.
    async fn remembered<T, F, Fut>(&self, key: &str, ask: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        match self.cache.read(key).await {
            Ok(Some(bytes)) => {
                if let Ok(value) = serde_json::from_slice(&bytes) {
                    return Ok(value);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "cache read failed"),
        }
        let value = ask().await?;
        if let Ok(text) = serde_json::to_vec(&value)
            && let Err(error) = self.cache.write(key, Bytes::from(text), self.config.metadata_time_to_live).await
        {
            tracing::debug!(%error, "cache write failed");
        }
        Ok(value)
    }
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
