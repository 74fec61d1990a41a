//! What indexers are asked for: a title under the name that releases bear, whatever language its viewer reads.

use std::sync::Arc;

use super::{Resolver, Viewer};
use crate::model::{MediaId, Title, TitleId};
use crate::net::Call;
use crate::provider::indexer::Query;
use crate::release::Wanted;

/// Most episodes of a season of which one comes each week. Where a season has more, one comes each day, and releases bear its date.
const MAX_WEEKLY_EPISODES: usize = 60;

impl Resolver {
    /// The query for a title. Releases bear English names: a title that was described in another language is asked for in English too, which is
    /// kept as any description is. That is waited for as long as for anything that providers add
    /// ([`super::ResolveConfig::metadata_patience`]); then the name that is there has to do.
    pub(super) async fn query(
        &self,
        call: &Call,
        viewer: &Viewer,
        title: &Title,
        wanted: &Wanted,
        media_id: &MediaId,
    ) -> Query {
        let english = self.english(call, viewer, media_id).await;
        query(title, english.as_deref(), wanted, media_id)
    }

    /// The title in English; `None` where it was described so, and where it cannot be had.
    async fn english(&self, call: &Call, viewer: &Viewer, media_id: &MediaId) -> Option<Arc<Title>> {
        let is_english = viewer.language.as_ref().is_none_or(|language| language.primary() == "en");
        let speaks_others = viewer.providers.metadata.iter().any(|one| one.capabilities().speaks_languages);
        if is_english || !speaks_others {
            return None;
        }
        let reader = Viewer { language: None, ..viewer.clone() };
        let title = self.title(&call.at_most(self.config.metadata_patience), &reader, media_id).await;
        title.inspect_err(|error| tracing::debug!(%error, "the name that releases bear is not known")).ok()
    }
}

/// The query for `title`; `english` is the same in English, where it was described in another language.
fn query(title: &Title, english: Option<&Title>, wanted: &Wanted, media_id: &MediaId) -> Query {
    let named = english.unwrap_or(title);
    let mut query = Query::new(title.summary.kind, named.summary.name.clone());
    // In the order of the English title, so that viewers of all languages ask the same.
    let names = super::wanted(named, None).names.into_iter().chain(wanted.names.iter().cloned());
    for name in names {
        if !query.names.contains(&name) {
            query.names.push(name);
        }
    }
    query.original_name.clone_from(&named.original_name);
    query.year = wanted.year;
    query.episode = wanted.episode;
    query.imdb_id.clone_from(&title.imdb_id);
    query.tmdb_id = title.tmdb_id;
    query.tvdb_id = title.tvdb_id;
    if let TitleId::Local(name) = &media_id.title {
        query.local_id = Some(name.clone());
    }
    let is_japanese = title.original_language.as_ref().is_some_and(|language| language.primary() == "ja");
    let is_anime = is_japanese && named.genres.iter().any(|genre| genre.eq_ignore_ascii_case("animation"));
    let season =
        title.seasons.iter().find(|season| wanted.episode.is_some_and(|number| number.season == season.number));
    let is_daily = season.is_some_and(|season| season.episodes.len() > MAX_WEEKLY_EPISODES);
    if is_anime {
        query.absolute_episode = wanted.absolute_episode;
    } else if is_daily {
        query.air_date.clone_from(&wanted.air_date);
    }
    query
}

#[cfg(test)]
mod tests {
    use super::super::tests::series;
    use super::super::wanted;
    use super::*;
    use crate::model::{EpisodeNumber, Language};

    fn asked(title: &Title, english: Option<&Title>, season: u32, episode: u32) -> Query {
        let wanted = wanted(title, Some(EpisodeNumber { season, episode }));
        query(title, english, &wanted, &title.summary.media_id)
    }

    /// Goal: indexers are asked by the name that releases bear, also by local folders under all others, and in one way for all viewers.
    #[test]
    fn the_name_of_releases_stands_first() {
        let mut english = series(&[(1, 1..=3)]);
        english.original_name = Some("Les Feux du port".to_owned());
        english.other_names = vec!["Hafenlichter".to_owned()];
        let mut german = english.clone();
        german.summary.name = "Hafenlichter".to_owned();
        german.other_names = vec!["Harbor Lights".to_owned()];
        let query = asked(&german, Some(&english), 1, 2);
        assert_eq!(query.names, ["Harbor Lights", "Les Feux du port", "Hafenlichter"]);
        assert_eq!(query.original_name.as_deref(), Some("Les Feux du port"));
        assert_eq!(query, asked(&english, None, 1, 2), "as who reads English");
        assert_eq!(asked(&german, None, 1, 2).names[0], "Hafenlichter", "without the English name there is only this");
    }

    /// Goal: the date is asked for where releases bear it, and so is the absolute number: neither costs other titles a request.
    #[test]
    fn only_daily_shows_have_dates_and_only_anime_absolute_numbers() {
        let dated = |count: u32| {
            let mut title = series(&[(1, 1..=70), (2, 1..=count)]);
            for episode in title.seasons.iter_mut().flat_map(|season| &mut season.episodes) {
                episode.air_date = Some("2024-05-31".to_owned());
            }
            title
        };
        let told = |title: &Title| {
            let query = asked(title, None, 2, 3);
            (query.air_date, query.absolute_episode)
        };
        assert_eq!(told(&dated(60)), (None, None));
        assert_eq!(told(&dated(61)), (Some("2024-05-31".to_owned()), None));
        let mut anime = dated(61);
        anime.original_language = Language::parse("ja");
        assert_eq!(told(&anime), (Some("2024-05-31".to_owned()), None), "it may be a show with people");
        anime.genres = vec!["Animation".to_owned()];
        assert_eq!(told(&anime), (None, Some(73)));
    }
}
