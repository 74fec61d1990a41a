//! Requests: where they go, and what they say.

use super::Endpoint;
use crate::model::{Language, TitleKind};
use crate::net::Request;
use crate::provider::metadata::{Discover, DiscoverSort, OutsideId, Period, TitleSearch, Trending};

/// Most seasons asked for in one request; the service takes 20 appended parts, one is kept free.
pub(in super::super) const SEASONS_PER_REQUEST: usize = 19;

/// Most seasons of a series that are asked for; the rest is named without its episodes.
pub(in super::super) const MAX_SEASONS: usize = 95;

/// Largest body of a title or a group of seasons, in bytes: seasons carry the crew and guests of each episode.
const MAX_TITLE_BYTES: u64 = 16 << 20;

/// Fewest votes of a title in a list by rating: a few friends make no masterpiece.
const MIN_VOTES: &str = "200";

impl Endpoint {
    /// A GET of `path`, with the key as its shape wants it: a token (it has dots) as bearer, a v3 key in the query. The two are not
    /// interchangeable.
    fn get(&self, path: &str, language: Option<&Language>, query: &[(&str, &str)]) -> Request {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        let is_token = self.key.expose().contains('.');
        {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(query);
            if let Some(language) = language {
                pairs.append_pair("language", language.as_str());
            }
            if !is_token {
                pairs.append_pair("api_key", self.key.expose());
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let request = Request::get(url);
        if is_token { request.bearer(self.key.clone()) } else { request }
    }

    /// One page of a search: films and series together unless a kind is asked for; only then the year goes along, as the mixed search
    /// knows no such filter.
    pub(in super::super) fn search(
        &self,
        search: &TitleSearch,
        text: &str,
        page: u32,
        language: Option<&Language>,
    ) -> Request {
        let page = page.to_string();
        let year = search.year.map(|year| year.to_string());
        let mut query = vec![("query", text), ("include_adult", "false"), ("page", page.as_str())];
        let (path, year_name) = match search.kind {
            None => ("/search/multi", None),
            Some(TitleKind::Movie) => ("/search/movie", Some("year")),
            Some(TitleKind::Series) => ("/search/tv", Some("first_air_date_year")),
        };
        if let (Some(name), Some(year)) = (year_name, year.as_deref()) {
            query.push((name, year));
        }
        self.get(path, language, &query)
    }

    /// What the service tells every client; the cheapest question that needs the key.
    pub(in super::super) fn configuration(&self) -> Request {
        self.get("/configuration", None, &[])
    }

    /// Which titles an outside id stands for. Digits alone: nothing a person typed goes into a path.
    pub(in super::super) fn find(&self, id: &OutsideId) -> Request {
        let (text, source) = match id {
            OutsideId::Imdb(digits) => (format!("tt{digits}"), "imdb_id"),
            OutsideId::Tvdb(number) => (number.to_string(), "tvdb_id"),
        };
        self.get(&format!("/find/{text}"), None, &[("external_source", source)])
    }

    /// What is watched these days.
    pub(in super::super) fn trending(&self, request: &Trending, language: Option<&Language>) -> Request {
        let kind = request.kind.map_or("all", path_of);
        let period = match request.period {
            Period::Day => "day",
            Period::Week => "week",
        };
        self.get(&format!("/trending/{kind}/{period}"), language, &[("page", &request.page.to_string())])
    }

    /// Titles that fit some conditions; `genre` is TMDB's number, `today` is `YYYY-MM-DD`.
    pub(in super::super) fn discover(
        &self,
        request: &Discover,
        genre: Option<u64>,
        language: Option<&Language>,
        today: &str,
    ) -> Request {
        let date = match request.kind {
            TitleKind::Movie => "primary_release_date",
            TitleKind::Series => "first_air_date",
        };
        let sort = match request.sort {
            DiscoverSort::Popularity => "popularity.desc".to_owned(),
            DiscoverSort::Rating => "vote_average.desc".to_owned(),
            DiscoverSort::Newest => format!("{date}.desc"),
        };
        let year = request.year.map(|year| (format!("{year:04}-01-01"), format!("{year:04}-12-31")));
        let (from, mut until) = year.unzip();
        if request.sort == DiscoverSort::Newest {
            // Dates in this form are in the order of their letters.
            until = Some(until.map_or(today.to_owned(), |until| until.min(today.to_owned())));
        }
        let (from_name, until_name) = (format!("{date}.gte"), format!("{date}.lte"));
        let (page, genre) = (request.page.to_string(), genre.map(|genre| genre.to_string()));
        let mut query = vec![("sort_by", sort.as_str()), ("include_adult", "false"), ("page", &page)];
        query.extend(genre.as_deref().map(|genre| ("with_genres", genre)));
        query.extend(from.as_deref().map(|from| (from_name.as_str(), from)));
        query.extend(until.as_deref().map(|until| (until_name.as_str(), until)));
        if request.sort == DiscoverSort::Rating {
            query.push(("vote_count.gte", MIN_VOTES));
        }
        self.get(&format!("/discover/{}", path_of(request.kind)), language, &query)
    }

    /// The genres of a kind with their numbers, in English.
    pub(in super::super) fn genres(&self, kind: TitleKind) -> Request {
        self.get(&format!("/genre/{}/list", path_of(kind)), None, &[])
    }

    /// All pictures of a title in the language asked for, without words, and in English: without naming them only those of one language come.
    pub(in super::super) fn pictures(&self, kind: TitleKind, id: u64, language: Option<&Language>) -> Request {
        let mut languages = vec!["null", "en"];
        languages.extend(language.map(Language::primary).filter(|primary| *primary != "en"));
        let query = [("include_image_language", languages.join(","))];
        let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut request = self.get(&format!("/{}/{id}/images", path_of(kind)), None, &query);
        request.max_body_bytes = Some(MAX_TITLE_BYTES);
        request
    }

    /// A title with its outside ids and its names.
    pub(in super::super) fn details(&self, kind: TitleKind, id: u64, language: Option<&Language>) -> Request {
        let parts = "external_ids,alternative_titles,translations";
        let mut request = self.get(&format!("/{}/{id}", path_of(kind)), language, &[("append_to_response", parts)]);
        request.max_body_bytes = Some(MAX_TITLE_BYTES);
        request
    }

    /// Some seasons of a series with their episodes, at most [`SEASONS_PER_REQUEST`].
    pub(in super::super) fn seasons(&self, id: u64, numbers: &[u32], language: Option<&Language>) -> Request {
        let parts: Vec<String> =
            numbers.iter().take(SEASONS_PER_REQUEST).map(|number| format!("season/{number}")).collect();
        let mut request = self.get(&format!("/tv/{id}"), language, &[("append_to_response", &parts.join(","))]);
        request.max_body_bytes = Some(MAX_TITLE_BYTES);
        request
    }
}

fn path_of(kind: TitleKind) -> &'static str {
    match kind {
        TitleKind::Movie => "movie",
        TitleKind::Series => "tv",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;

    /// Goal: a v3 key goes into the query, a token into the header, never both.
    #[test]
    fn the_key_goes_where_its_shape_wants_it() {
        let v3 = endpoint("0123456789abcdef0123456789abcdef").find(&OutsideId::Imdb("0133093".to_owned()));
        assert_eq!(
            v3.url.as_str(),
            "https://api.example/3/find/tt0133093?external_source=imdb_id&api_key=0123456789abcdef0123456789abcdef"
        );
        assert!(v3.bearer.is_none());
        let token = endpoint("eyJ.a.b").find(&OutsideId::Imdb("0133093".to_owned()));
        assert_eq!(token.bearer.unwrap().expose(), "eyJ.a.b");
        assert!(!token.url.as_str().contains("eyJ"));
    }

    /// Goal: what a person typed stays within its parameter.
    #[test]
    fn search_text_is_encoded() {
        let mut search = TitleSearch::new("unused");
        search.kind = Some(TitleKind::Series);
        search.year = Some(2011);
        let url = endpoint("k").search(&search, "a&api_key=b/../c", 2, None).url;
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        assert_eq!(url.path(), "/3/search/tv");
        assert!(pairs.contains(&("query".to_owned(), "a&api_key=b/../c".to_owned())));
        assert!(pairs.contains(&("first_air_date_year".to_owned(), "2011".to_owned())));
        assert!(pairs.contains(&("page".to_owned(), "2".to_owned())));
    }

    /// Goal: a list by conditions asks with the names that TMDB knows: what it does not know it ignores without a word.
    #[test]
    fn conditions_have_tmdbs_names() {
        let query = |discover: &Discover, genre| {
            let url = endpoint("k.k").discover(discover, genre, None, "2024-05-06").url;
            (url.path().to_owned(), url.query().unwrap().to_owned())
        };
        let (path, all) = query(&Discover::new(TitleKind::Movie), None);
        assert_eq!(
            (path.as_str(), all.as_str()),
            ("/3/discover/movie", "sort_by=popularity.desc&include_adult=false&page=1")
        );
        let mut discover = Discover { year: Some(2019), page: 3, ..Discover::new(TitleKind::Series) };
        discover.sort = DiscoverSort::Rating;
        assert_eq!(
            query(&discover, Some(18)),
            (
                "/3/discover/tv".to_owned(),
                "sort_by=vote_average.desc&include_adult=false&page=3&with_genres=18&first_air_date.gte=2019-01-01\
                 &first_air_date.lte=2019-12-31&vote_count.gte=200"
                    .to_owned()
            )
        );
        for (year, until) in [(None, "2024-05-06"), (Some(2024), "2024-05-06"), (Some(2019), "2019-12-31")] {
            let newest = Discover { year, sort: DiscoverSort::Newest, ..Discover::new(TitleKind::Movie) };
            let (_, query) = query(&newest, None);
            assert!(query.starts_with("sort_by=primary_release_date.desc"), "{query}");
            assert!(query.ends_with(&format!("primary_release_date.lte={until}")), "{query}");
        }
    }
}
