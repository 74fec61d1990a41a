//! A Torznab indexer that behaves like Jackett: errors with status 200, links to its own `/dl/` that redirect to magnets.
//!
//! Source: Jackett's `ResultsController` and `ResultPage`.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::StatusCode;

use super::{Mishap, StandIn, StandInRelease, StandInReply, StandInRequest, wire};

/// A Torznab feed at `/api`.
pub struct TorznabStandIn {
    key: String,
    knows_imdb: bool,
    searches: bool,
    tells_capabilities_to_all: bool,
    page_size: Option<usize>,
    tells_limits: bool,
    refuses_ids: bool,
    releases: Mutex<Vec<StandInRelease>>,
    mishap: Mutex<Option<Mishap>>,
}

impl TorznabStandIn {
    /// One that takes this key and lists nothing.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            knows_imdb: true,
            searches: true,
            tells_capabilities_to_all: false,
            page_size: None,
            tells_limits: true,
            refuses_ids: false,
            releases: Mutex::default(),
            mishap: Mutex::default(),
        }
    }

    /// With texts only: an id is answered with an error.
    #[must_use]
    pub fn without_ids(mut self) -> Self {
        self.knows_imdb = false;
        self
    }

    /// With pages of so many rows, as Newznab sites have them: `limit` and `offset` count, and the feed tells the total. Otherwise everything
    /// comes at once, as from Jackett.
    #[must_use]
    pub fn with_pages(mut self, size: usize) -> Self {
        self.page_size = Some(size);
        self
    }

    /// Its capabilities name no limits. Without pages it is a Jackett that gives all rows of its trackers at once, cut to a `limit` that it is
    /// told; its trackers have no further pages, so nothing stands behind an `offset`.
    #[must_use]
    pub fn without_limits(mut self) -> Self {
        self.tells_limits = false;
        self
    }

    /// Its capabilities list an id that the site behind it refuses.
    #[must_use]
    pub fn with_ids_that_are_refused(mut self) -> Self {
        self.refuses_ids = true;
        self
    }

    /// Without a search for films and series.
    #[must_use]
    pub fn without_search(mut self) -> Self {
        self.searches = false;
        self
    }

    /// Its capabilities are answered whatever the key, as sites of the older kind do.
    #[must_use]
    pub fn with_open_capabilities(mut self) -> Self {
        self.tells_capabilities_to_all = true;
        self
    }

    /// From now on this happens to every request, or nothing.
    pub fn given_mishap(&self, mishap: Option<Mishap>) {
        *self.mishap.lock().unwrap_or_else(PoisonError::into_inner) = mishap;
    }

    /// With a release.
    #[must_use]
    pub fn with_release(self, release: StandInRelease) -> Self {
        self.add_release(release);
        self
    }

    /// Lists a release from now on.
    pub fn add_release(&self, release: StandInRelease) {
        self.releases().push(release);
    }

    /// Lists nothing from now on; links that were given out lead nowhere.
    pub fn clear_releases(&self) {
        self.releases().clear();
    }

    fn releases(&self) -> MutexGuard<'_, Vec<StandInRelease>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn capabilities(&self) -> StandInReply {
        let id = if self.knows_imdb { ",imdbid" } else { "" };
        let available = if self.searches { "yes" } else { "no" };
        let limit = self.page_size.unwrap_or(100);
        let limits =
            if self.tells_limits { format!(r#"<limits max="{limit}" default="{limit}"/>"#) } else { String::new() };
        xml(format!(
            r#"<caps><server title="Jackett"/>{limits}<searching>
<search available="{available}" supportedParams="q"/><tv-search available="{available}" supportedParams="q,season,ep{id}"/>
<movie-search available="{available}" supportedParams="q{id}"/><music-search available="no" supportedParams="q"/></searching>
<categories><category id="2000" name="Movies"><subcat id="2040" name="Movies/HD"/></category><category id="5000" name="TV"><subcat id="5040" name="TV/HD"/></category></categories></caps>"#
        ))
    }

    fn search(&self, request: &StandInRequest, function: &str) -> StandInReply {
        let query = wire::query(request);
        let first = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let has = |name: &str| query.iter().any(|(key, _)| key == name);
        let is_unknown = ["tmdbid", "tvdbid"].into_iter().any(has)
            || (has("imdbid") && !(self.knows_imdb && !self.refuses_ids && function != "search"))
            || ((has("season") || has("ep")) && function != "tvsearch");
        if is_unknown {
            return error(203, "Function Not Available: a parameter is not supported by this indexer");
        }
        let imdb = first("imdbid").map(|id| id.trim_start_matches('t').parse::<u64>().unwrap_or_default());
        let season = first("season").and_then(|value| value.parse().ok());
        let categories: Vec<u32> =
            first("cat").into_iter().flat_map(|list| list.split(',')).filter_map(|id| id.parse().ok()).collect();
        let releases = self.releases();
        let found = releases.iter().enumerate().filter(|(_, release)| {
            release.is_in(&categories)
                && release.matches_text(first("q").unwrap_or_default())
                && imdb.is_none_or(|imdb| release.imdb_number == imdb)
                && release.matches_episode(season, first("ep"))
        });
        let mut found: Vec<_> = found.collect();
        let mut pages = String::new();
        let number = |name: &str| first(name).and_then(|value| value.parse::<usize>().ok());
        if self.page_size.is_none() && !self.tells_limits {
            let limit = if number("offset").unwrap_or(0) > 0 { 0 } else { number("limit").unwrap_or(usize::MAX) };
            found.truncate(limit);
        }
        if let Some(size) = self.page_size {
            let (total, offset) = (found.len(), number("offset").unwrap_or(0));
            found = found.into_iter().skip(offset).take(number("limit").unwrap_or(size).min(size)).collect();
            pages = format!(r#"<torznab:response offset="{offset}" total="{total}"/>"#);
        }
        let mut feed = String::from(
            r#"<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel><atom:link rel="self"/><title>Example</title>"#,
        );
        feed.push_str(&pages);
        for (index, release) in found {
            // Writing to a String cannot fail.
            let _ = self.write_item(&mut feed, request, index, release);
        }
        feed.push_str("</channel></rss>");
        xml(feed)
    }

    fn write_item(
        &self,
        feed: &mut String,
        request: &StandInRequest,
        index: usize,
        release: &StandInRelease,
    ) -> fmt::Result {
        let name = escape(&release.name);
        let host = wire::host(request);
        let link = escape(&format!("http://{host}/dl/example/?jackett_apikey={}&path={index:x}&file=film", self.key));
        let kind = if release.protocol == "torrent" { "application/x-bittorrent" } else { "application/x-nzb" };
        write!(
            feed,
            r#"<item><title>{name}</title><guid>https://tracker.example/t/{index}</guid><jackettindexer id="example">Example</jackettindexer>
<pubDate>Wed, 01 May 2024 12:00:00 +0000</pubDate><size>{size}</size><link>{link}</link><category>{category}</category>
<enclosure url="{link}" length="{size}" type="{kind}"/><torznab:attr name="category" value="{category}"/>"#,
            size = release.size_bytes,
            category = release.category,
        )?;
        if let Some(count) = release.seeder_count {
            write!(
                feed,
                r#"<torznab:attr name="seeders" value="{count}"/><torznab:attr name="peers" value="{}"/>"#,
                count.saturating_add(3)
            )?;
        }
        if release.shows_hash && release.protocol == "torrent" {
            let hash = release.info_hash.to_string().to_uppercase();
            write!(feed, r#"<torznab:attr name="infohash" value="{hash}"/>"#)?;
        }
        if release.imdb_number > 0 {
            write!(feed, r#"<torznab:attr name="imdb" value="{:07}"/>"#, release.imdb_number)?;
        }
        feed.write_str("</item>")
    }

    fn download(&self, request: &StandInRequest) -> StandInReply {
        let query = wire::query(request);
        let first = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let index = first("path").and_then(|path| usize::from_str_radix(path, 16).ok());
        let releases = self.releases();
        match index.and_then(|index| releases.get(index)).filter(|_| first("jackett_apikey") == Some(self.key.as_str()))
        {
            Some(release) => release.download(StatusCode::FOUND),
            // Any failure is this one.
            None => wire::reply(StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
        }
    }
}

/// Shows no key.
impl fmt::Debug for TorznabStandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorznabStandIn").field("release_count", &self.releases().len()).finish_non_exhaustive()
    }
}

impl StandIn for TorznabStandIn {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let right = self.right_reply(request);
        match *self.mishap.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(mishap) => mishap.befall(right),
            None => right,
        }
    }
}

impl TorznabStandIn {
    fn right_reply(&self, request: &StandInRequest) -> StandInReply {
        match request.uri().path() {
            "/dl/example/" => return self.download(request),
            "/api" => {}
            _ => {
                return wire::reply(
                    StatusCode::NOT_FOUND,
                    "text/html",
                    "<!DOCTYPE html><html><body>Not found</body></html>",
                );
            }
        }
        let query = wire::query(request);
        let first = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let is_open = self.tells_capabilities_to_all && first("t") == Some("caps");
        if !is_open && first("apikey") != Some(self.key.as_str()) {
            return error(100, "Invalid API Key");
        }
        match first("t") {
            Some("caps") => self.capabilities(),
            Some(function @ ("search" | "movie" | "tvsearch")) => self.search(request, function),
            Some(_) => error(202, "No such function"),
            None => error(200, "Missing parameter (t)"),
        }
    }
}

fn xml(text: String) -> StandInReply {
    wire::reply(
        StatusCode::OK,
        "application/rss+xml; charset=utf-8",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"),
    )
}

fn error(code: u16, description: &str) -> StandInReply {
    xml(format!(r#"<error code="{code}" description="{}"/>"#, escape(description)))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
