//! Torznab as pure functions: requests out, capabilities and feeds in. Source: Newznab's API description and the Torznab draft, as
//! Jackett and Prowlarr speak it.

use std::collections::HashSet;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use url::Url;

use super::super::link::{choose_way, parse_hash, parse_link, parse_magnet};
use super::super::listing::{Found, imdb_digits, searches};
use super::super::{MAX_RELEASES, MAX_TORRENT_BYTES, Query};
use super::error::failure;
use super::xml::{Element, Sink, decode_references, walk};
use crate::Result;
use crate::model::{ProviderId, Release, TitleKind};
use crate::net::{Reply, Request, Secret};
use crate::provider::{CheckUp, Trouble, lenient};

/// Rows of a page where the capabilities do not say: what Newznab gives when it is not told how many.
const DEFAULT_PAGE_SIZE: u32 = 100;

/// Largest page that is asked for.
const MAX_PAGE_SIZE: u32 = 500;

/// Most pages of one query: the first hold what fits best, and each costs the site a request.
const MAX_PAGES: u32 = 3;

/// Most categories kept of the capabilities, and sent along.
const MAX_CATEGORIES: usize = 100;

/// Largest feed, in bytes: an exception to the limit of API replies (OUT-04), as Jackett gives the rows of all its trackers at once.
const MAX_FEED_BYTES: u64 = 16 << 20;

/// Longest text of an element that is kept, in bytes: a magnet with its trackers.
const MAX_VALUE_BYTES: usize = 16 * 1024;

/// What an indexer can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Rows that one page holds, where it says so.
    page_size: Option<u32>,
    search: Mode,
    series: Mode,
    movie: Mode,
    categories: Vec<u32>,
}

/// A search function. Without parameters it is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mode {
    params: Vec<String>,
}

impl Mode {
    fn of(params: &[&str]) -> Self {
        Self { params: params.iter().map(|param| (*param).to_owned()).collect() }
    }

    fn knows(&self, param: &str) -> bool {
        self.params.iter().any(|known| known == param)
    }
}

/// The requests of a search: the first is the search, the others widen it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) requests: Vec<Request>,
    /// The last of them searches by an outside id.
    pub(super) is_by_id: bool,
}

pub(super) fn read_capabilities_request(base: &Url, key: &Secret) -> Request {
    request(base, key, &[("t", "caps")])
}

/// Plans a search: by words ([`searches`]), and by id where the indexer lists one that is known.
pub(super) fn plan(query: &Query, capabilities: &Capabilities, base: &Url, key: &Secret) -> Plan {
    let (function, mode) = match query.kind {
        TitleKind::Movie => ("movie", &capabilities.movie),
        TitleKind::Series => ("tvsearch", &capabilities.series),
    };
    let categories = capabilities.categories_for(query.kind);
    let limit = capabilities.page_size.map(|size| size.to_string());
    let mut common = vec![("cat", categories.as_str()), ("extended", "1")];
    // Who names no limit may have none, and would cut to ours what it gives at once.
    if let Some(limit) = &limit {
        common.extend([("limit", limit.as_str()), ("offset", "0")]);
    }
    let with_common = |pairs: &[(&str, &str)]| {
        let mut request = request(base, key, &[pairs, &common].concat());
        request.max_body_bytes = Some(MAX_FEED_BYTES);
        request
    };

    let numbers = query.episode.map(|number| (number.season.to_string(), number.episode.to_string()));
    let numbers: Vec<(&str, &str)> = numbers
        .as_ref()
        .map(|(season, episode)| vec![("season", season.as_str()), ("ep", episode.as_str())])
        .unwrap_or_default();
    let knows_numbers = numbers.iter().all(|(name, _)| mode.knows(name));

    let (imdb, tmdb, tvdb) =
        (imdb_digits(query), query.tmdb_id.map(|id| id.to_string()), query.tvdb_id.map(|id| id.to_string()));
    let ids = match query.kind {
        TitleKind::Movie => [("imdbid", &imdb), ("tmdbid", &tmdb), ("tvdbid", &None)],
        TitleKind::Series => [("tvdbid", &tvdb), ("imdbid", &imdb), ("tmdbid", &tmdb)],
    };
    let id = ids
        .into_iter()
        .find_map(|(name, id)| Some((name, id.as_deref()?)).filter(|_| mode.knows(name) && knows_numbers));

    let mut requests = Vec::new();
    let has_numbers = mode.knows("q") && mode.knows("season") && mode.knows("ep");
    for words in searches(query) {
        // Numbers of their own find an episode however its name writes it. Packs carry no episode, so they are found by text.
        if let Some((season, episode)) = words.part.numbers().filter(|_| has_numbers) {
            let pairs = [("t", function), ("q", &words.name), ("season", &season), ("ep", &episode)];
            requests.push(with_common(&pairs));
        } else if capabilities.search.knows("q") {
            requests.push(with_common(&[("t", "search"), ("q", &words.text)]));
        } else if mode.knows("q") {
            requests.push(with_common(&[("t", function), ("q", &words.text)]));
        }
    }
    if let Some(id) = id {
        requests.push(with_common(&[&[("t", function), id], numbers.as_slice()].concat()));
    }
    Plan { requests, is_by_id: id.is_some() }
}

/// The key stands in the address, as the protocol wants it: such an address is never logged.
fn request(base: &Url, key: &Secret, pairs: &[(&str, &str)]) -> Request {
    let mut url = base.clone();
    url.query_pairs_mut().extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    if !key.is_empty() {
        url.query_pairs_mut().append_pair("apikey", key.expose());
    }
    Request::get(url)
}

/// Reads the answer to `t=caps`.
pub(super) fn read_capabilities(reply: &Reply, key: &Secret) -> Result<Capabilities> {
    let mut sink = CapabilitiesSink::default();
    read_document(reply, "caps", &mut sink, key, "read capabilities")?;
    Ok(sink.finish())
}

/// Rows of one query, page by page.
#[derive(Debug, Default)]
pub(super) struct Pages {
    releases: Vec<Release>,
    /// What tells rows of several pages apart: their guids, or else their names.
    seen: HashSet<String>,
    item_count: u64,
    page_count: u32,
    is_cut: bool,
}

/// A page as it came.
#[derive(Debug)]
pub(super) struct Page {
    rows: Vec<(String, Release)>,
    item_count: u64,
    offset: u64,
    total: Option<u64>,
    is_cut: bool,
}

impl Pages {
    /// Takes a page, and says where the next one begins if one is to be asked for: up to [`MAX_PAGES`], and only as long as each brings something
    /// new. Some indexers give all they have at once, others the same page whatever is asked for. Who tells no `page_size` and no total, fills one
    /// page of the usual size and has nothing behind it was cut there, or has just as many: the answer is not called whole.
    pub(super) fn take(&mut self, page: Page, page_size: Option<u32>) -> Option<u64> {
        // Rows of one page are never the same one: what has no guid may look alike.
        let (ids, releases): (Vec<String>, Vec<Release>) =
            page.rows.into_iter().filter(|(id, _)| !self.seen.contains(id)).unzip();
        let has_news = !ids.is_empty();
        self.seen.extend(ids);
        self.releases.extend(releases);
        self.page_count = self.page_count.saturating_add(1);
        // Not all say where a page begins; one that brings nothing new begins where it says.
        let begin = if has_news { page.offset.max(self.item_count) } else { page.offset };
        self.item_count = self.item_count.saturating_add(page.item_count);
        let is_told = page.total.map(|total| total > begin.saturating_add(page.item_count));
        // A page that is larger than was asked for is no page.
        let full = u64::from(page_size.unwrap_or(DEFAULT_PAGE_SIZE));
        let has_more = is_told.unwrap_or(has_news && page.item_count == full);
        let is_over = self.page_count >= MAX_PAGES || self.releases.len() >= MAX_RELEASES || !has_news;
        let ends_oddly = page_size.is_none() && page.total.is_none() && page.item_count == 0 && self.page_count == 2;
        self.is_cut |= page.is_cut || (has_more && is_over) || ends_oddly;
        (has_more && !is_over).then_some(self.item_count)
    }

    /// What was found; `failed` when a page is missing.
    pub(super) fn finish(self, failed: bool) -> Found {
        (self.releases, self.is_cut || failed)
    }
}

/// Reads a page of results; `now` tells the age of a release.
pub(super) fn read_page(
    reply: &Reply,
    base: &Url,
    key: &Secret,
    indexer: &ProviderId,
    now: SystemTime,
) -> Result<Page> {
    let mut sink = FeedSink::default();
    read_document(reply, "rss", &mut sink, key, "search")?;
    let is_cut = usize::try_from(sink.item_count).is_ok_and(|count| count > sink.items.len());
    let row = |(number, item): (usize, Item)| {
        let id = item.guid.clone().or(item.link.clone()).unwrap_or_else(|| number.to_string());
        let release = item.into_release(base, indexer, now)?;
        Some((format!("{id}\n{}", release.name), release))
    };
    let rows = sink.items.into_iter().enumerate().filter_map(row).collect();
    Ok(Page { rows, item_count: sink.item_count, offset: sink.offset, total: sink.total, is_cut })
}

fn read_document(reply: &Reply, root: &str, sink: &mut impl Sink, key: &Secret, operation: &'static str) -> Result<()> {
    walk(&reply.body, root, sink).map_err(|trouble| failure(reply, &trouble, key, operation))?;
    if reply.status.is_success() { Ok(()) } else { Err(super::error::status_failure(reply, operation)) }
}

impl Capabilities {
    /// Rows that one page holds, where it says so.
    pub(super) fn page_size(&self) -> Option<u32> {
        self.page_size
    }

    /// Can titles of this kind be found by their names, as [`plan`] does it?
    fn finds(&self, kind: TitleKind) -> bool {
        let mode = match kind {
            TitleKind::Movie => &self.movie,
            TitleKind::Series => &self.series,
        };
        self.search.knows("q") || mode.knows("q")
    }

    /// A kind of titles that can be found by name.
    pub(super) fn searchable(&self) -> Option<TitleKind> {
        [TitleKind::Movie, TitleKind::Series].into_iter().find(|kind| self.finds(*kind))
    }

    /// What a person should know of an indexer that offers this.
    pub(super) fn check_up(&self) -> CheckUp {
        const OTHER: &str = "use another indexer for them, or an address that answers `t=caps` with a search function";
        let check_up = CheckUp::well("it searches");
        match (self.finds(TitleKind::Movie), self.finds(TitleKind::Series)) {
            (true, true) => check_up,
            (false, true) => check_up.with(Trouble::warning("it offers no search for films", OTHER)),
            (true, false) => check_up.with(Trouble::warning("it offers no search for series", OTHER)),
            (false, false) => check_up.with(
                Trouble::failure(
                    "it offers no search for films or series",
                    "use another indexer, or check the address",
                )
                .why("its capabilities name no search function that takes a text"),
            ),
        }
    }

    /// The parent with those of its children that the indexer has: not every site takes the parent for all of them.
    fn categories_for(&self, kind: TitleKind) -> String {
        let (parent, children) = match kind {
            TitleKind::Movie => (2_000, 2_001..3_000),
            TitleKind::Series => (5_000, 5_001..6_000),
        };
        let children = self.categories.iter().filter(|id| children.contains(*id));
        let ids = std::iter::once(&parent).chain(children).map(ToString::to_string);
        ids.collect::<Vec<_>>().join(",")
    }
}

#[derive(Default)]
struct CapabilitiesSink {
    page_size: Option<u32>,
    search: Option<Mode>,
    series: Option<Mode>,
    movie: Option<Mode>,
    categories: Vec<u32>,
}

impl CapabilitiesSink {
    /// Whatever is missing has its usual value.
    fn finish(self) -> Capabilities {
        Capabilities {
            page_size: self.page_size,
            search: self.search.unwrap_or(Mode::of(&["q"])),
            series: self.series.unwrap_or_default(),
            movie: self.movie.unwrap_or_default(),
            categories: self.categories,
        }
    }
}

impl Sink for CapabilitiesSink {
    fn open(&mut self, _depth: usize, element: &Element) {
        let mode = |default: &[&str]| {
            let is_there = element.attribute("available").is_none_or(|available| !available.eq_ignore_ascii_case("no"));
            let params = element.attribute("supportedparams").map(|params| {
                params
                    .split(',')
                    .map(|param| param.trim().to_ascii_lowercase())
                    .filter(|param| !param.is_empty())
                    .collect()
            });
            Some(match (is_there, params) {
                (false, _) => Mode::default(),
                (true, Some(params)) => Mode { params },
                (true, None) => Mode::of(default),
            })
        };
        match element.name.as_str() {
            "limits" => {
                let limit = |name| element.attribute(name).and_then(|text| text.trim().parse::<u32>().ok());
                let limit = limit("max").filter(|limit| *limit > 0).or(limit("default")).filter(|limit| *limit > 0);
                self.page_size = limit.map(|limit| limit.min(MAX_PAGE_SIZE));
            }
            "search" => self.search = mode(&["q"]),
            "tv-search" => self.series = mode(&["q", "season", "ep"]),
            "movie-search" => self.movie = mode(&["q"]),
            "category" | "subcat" if self.categories.len() < MAX_CATEGORIES => {
                self.categories.extend(element.attribute("id").and_then(|id| id.trim().parse::<u32>().ok()));
            }
            _ => {}
        }
    }

    fn text(&mut self, _depth: usize, _text: &str) {}

    fn close(&mut self, _depth: usize) {}
}

#[derive(Default)]
struct FeedSink {
    items: Vec<Item>,
    item_count: u64,
    offset: u64,
    total: Option<u64>,
    /// The item that is open, and its depth.
    open: Option<(usize, Item)>,
    /// The element whose text is being read, with its depth.
    field: Option<(usize, Field)>,
    text: String,
}

/// What of an item is read from an element's text.
#[derive(Clone, Copy)]
enum Field {
    Title,
    Guid,
    Link,
    Size,
    Date,
    Tracker,
    Magnet,
    Hash,
}

/// An item as it stands.
#[derive(Default)]
struct Item {
    title: Option<String>,
    guid: Option<String>,
    link: Option<String>,
    size: Option<String>,
    date: Option<String>,
    tracker: Option<String>,
    magnet: Option<String>,
    hash: Option<String>,
    attr_size: Option<String>,
    seeders: Option<String>,
    torrent_enclosure: Option<Enclosure>,
    is_usenet: bool,
}

#[derive(Default)]
struct Enclosure {
    url: String,
    length: Option<String>,
}

impl Sink for FeedSink {
    fn open(&mut self, depth: usize, element: &Element) {
        let Some((_, item)) = &mut self.open else {
            match element.name.as_str() {
                "item" => self.open = Some((depth, Item::default())),
                "response" => {
                    let number = |name| element.attribute(name).and_then(|text| text.trim().parse().ok());
                    self.offset = number("offset").unwrap_or_default();
                    self.total = number("total");
                }
                _ => {}
            }
            return;
        };
        // Matched by name in whatever namespace: some feeds use that of newznab, some declare none.
        match element.name.as_str() {
            "attr" => item.read_attr(element),
            "enclosure" => item.read_enclosure(element),
            name => {
                let field = match (name, element.has_prefix) {
                    ("title", false) => Field::Title,
                    ("guid", false) => Field::Guid,
                    ("link", false) => Field::Link,
                    ("size", false) => Field::Size,
                    ("pubdate", false) => Field::Date,
                    ("prowlarrindexer" | "jackettindexer", _) => Field::Tracker,
                    ("magneturi", _) => Field::Magnet,
                    ("infohash", _) => Field::Hash,
                    _ => return,
                };
                self.field = Some((depth, field));
                self.text.clear();
            }
        }
    }

    fn text(&mut self, depth: usize, text: &str) {
        let is_wanted = self.field.is_some_and(|(field_depth, _)| field_depth == depth);
        if is_wanted && self.text.len().saturating_add(text.len()) <= MAX_VALUE_BYTES {
            self.text.push_str(text);
        }
    }

    fn close(&mut self, depth: usize) {
        if let (Some((_, item)), Some((_, field))) =
            (&mut self.open, self.field.take_if(|(field_depth, _)| *field_depth == depth))
        {
            let slot = match field {
                Field::Title => &mut item.title,
                Field::Guid => &mut item.guid,
                Field::Link => &mut item.link,
                Field::Size => &mut item.size,
                Field::Date => &mut item.date,
                Field::Tracker => &mut item.tracker,
                Field::Magnet => &mut item.magnet,
                Field::Hash => &mut item.hash,
            };
            slot.get_or_insert_with(|| std::mem::take(&mut self.text));
        }
        if let Some((_, item)) = self.open.take_if(|(item_depth, _)| *item_depth == depth) {
            self.item_count = self.item_count.saturating_add(1);
            if self.items.len() < MAX_RELEASES {
                self.items.push(item);
            }
        }
    }
}

impl Item {
    fn read_attr(&mut self, element: &Element) {
        let (Some(name), Some(value)) = (element.attribute("name"), element.attribute("value")) else { return };
        let slot = match name.to_ascii_lowercase().as_str() {
            "size" => &mut self.attr_size,
            "seeders" => &mut self.seeders,
            "infohash" => &mut self.hash,
            "magneturl" => &mut self.magnet,
            _ => return,
        };
        if !value.trim().is_empty() && value.len() <= MAX_VALUE_BYTES {
            *slot = Some(value.to_owned());
        }
    }

    fn read_enclosure(&mut self, element: &Element) {
        let kind = element.attribute("type").unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("application/x-nzb") {
            self.is_usenet = true;
            return;
        }
        let Some(url) = element.attribute("url") else { return };
        let enclosure = Enclosure { url: url.to_owned(), length: element.attribute("length").map(str::to_owned) };
        if self.torrent_enclosure.is_none() || kind == "application/x-bittorrent" {
            self.torrent_enclosure = Some(enclosure);
        }
    }

    /// `None` for usenet, and for what has no name or leads nowhere.
    fn into_release(self, base: &Url, indexer: &ProviderId, now: SystemTime) -> Option<Release> {
        if self.is_usenet && self.torrent_enclosure.is_none() {
            return None;
        }
        let enclosure = self.torrent_enclosure.unwrap_or_default();
        // More than one enclosure is allowed, so the magnet may stand in any of these.
        let places = [self.magnet.as_deref(), self.guid.as_deref(), Some(enclosure.url.as_str()), self.link.as_deref()];
        let (info_hash, v2) = self.hash.as_deref().map(parse_hash).unwrap_or_default();
        let magnet = places.into_iter().flatten().find_map(parse_magnet).or(v2);
        let link = parse_link(&enclosure.url, base).or_else(|| parse_link(self.link.as_deref()?, base));
        let (info_hash, link) = choose_way(info_hash, magnet, link)?;
        // The length of an enclosure may be that of the torrent file: believed only where it cannot be.
        let number =
            |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok()).filter(|size| *size > 0);
        let size_bytes = number(self.attr_size.as_deref())
            .or_else(|| number(self.size.as_deref()))
            .or_else(|| number(enclosure.length.as_deref()).filter(|length| *length > MAX_TORRENT_BYTES));
        // Titles are often escaped twice.
        let title = self.title.map(|title| decode_references(&title));
        let seeder_count = self.seeders.and_then(|count| count.trim().parse::<u64>().ok());
        Some(Release {
            indexer: indexer.clone(),
            tracker: lenient::clean_some(self.tracker.as_deref(), lenient::MAX_NAME_CHARS),
            name: lenient::clean_some(title.as_deref(), lenient::MAX_NAME_CHARS)?,
            info_hash,
            link,
            size_bytes,
            seeder_count: seeder_count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            age_days: self.date.and_then(|date| age_days(&date, now)),
            playable: None,
        })
    }
}

/// Whole days from a date to `now`. A date that cannot be read is unknown; one in the future is today.
fn age_days(date: &str, now: SystemTime) -> Option<u32> {
    const SECONDS_PER_DAY: u64 = 86_400;
    let date = date.trim();
    let date = OffsetDateTime::parse(date, &Rfc2822).or_else(|_| OffsetDateTime::parse(date, &Rfc3339)).ok()?;
    let age = now.duration_since(SystemTime::from(date)).unwrap_or_default();
    u32::try_from(age.as_secs() / SECONDS_PER_DAY).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;
    use crate::model::EpisodeNumber;

    const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    /// 2024-05-13 12:00:00 UTC.
    const NOW_S: u64 = 1_715_601_600;

    fn base() -> Url {
        Url::parse("http://jackett.example:9117/api").unwrap()
    }

    /// Goal: an indexer without a search for films, series or both is told from one that has it.
    #[test]
    fn missing_searches_are_told() {
        let told = |searching: &str| {
            let caps = format!("<caps><searching>{searching}</searching></caps>");
            let capabilities = read_capabilities(&Reply::ok(&caps), &Secret::new("")).unwrap();
            let troubles = capabilities.check_up().troubles;
            (troubles.first().map(|one| (one.what.to_string(), one.is_failure)), capabilities.searchable())
        };
        let off = r#"<search available="no"/>"#;
        assert_eq!(told(""), (None, Some(TitleKind::Movie)));
        let films = told(&format!(r#"{off}<movie-search available="yes" supportedParams="q"/>"#));
        assert_eq!(films, (Some(("it offers no search for series".to_owned(), false)), Some(TitleKind::Movie)));
        let series = told(&format!(r#"{off}<tv-search available="yes"/>"#));
        assert_eq!(series, (Some(("it offers no search for films".to_owned(), false)), Some(TitleKind::Series)));
        let ids = told(&format!(r#"{off}<movie-search available="yes" supportedParams="imdbid"/>"#));
        assert_eq!(ids, (Some(("it offers no search for films or series".to_owned(), true)), None));
    }

    fn page(items: &str) -> Result<Found> {
        let body = format!(
            "<rss version='2.0' xmlns:t='http://torznab.com/schemas/2015/feed'><channel><title>Site</title><link>http://site.example/</link>{items}</channel></rss>"
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S);
        let page = read_page(&Reply::ok(&body), &base(), &Secret::new("k3y"), &ProviderId::new("torznab"), now)?;
        let mut pages = Pages::default();
        let next = pages.take(page, Some(100));
        Ok(pages.finish(next.is_some()))
    }

    /// A page of `count` rows from `first` on.
    fn rows(first: u64, count: u64, total: Option<u64>) -> Page {
        let row = |number: u64| {
            let fields =
                format!("<item><title>A</title><guid>{number}</guid><link>http://x.example/{number}</link></item>");
            fields
        };
        let told = total.map(|total| format!("<n:response offset='{first}' total='{total}'/>")).unwrap_or_default();
        let items: String = (first..first + count).map(row).collect();
        let body = format!("<rss><channel>{told}{items}</channel></rss>");
        read_page(&Reply::ok(&body), &base(), &Secret::new(""), &ProviderId::new("torznab"), SystemTime::now()).unwrap()
    }

    /// Goal: pages are read until there are no more, none brings anything new, or the limit is reached; the outcome says whether that was all.
    #[test]
    fn pages_are_read_to_their_end_or_the_limit() {
        /// Takes the pages in turn: where the next ones begin, how many rows were found, and whether some are missing.
        fn read(pages: Vec<Page>) -> (Vec<Option<u64>>, usize, bool) {
            let mut all = Pages::default();
            let next = pages.into_iter().map(|page| all.take(page, Some(100))).collect();
            let (releases, is_cut) = all.finish(false);
            (next, releases.len(), is_cut)
        }
        assert_eq!(read(vec![rows(0, 100, None), rows(100, 40, None)]), (vec![Some(100), None], 140, false));
        assert_eq!(
            read(vec![rows(0, 100, None), rows(0, 100, None)]),
            (vec![Some(100), None], 100, false),
            "always the same"
        );
        assert_eq!(read(vec![rows(0, 140, None)]), (vec![None], 140, false), "all at once");
        assert_eq!(read(vec![rows(0, 100, Some(100))]), (vec![None], 100, false));
        assert_eq!(read(vec![rows(0, 60, Some(100)), rows(60, 40, Some(100))]), (vec![Some(60), None], 100, false));
        let endless = (0..3).map(|page| rows(page * 100, 100, Some(5_000))).collect();
        assert_eq!(read(endless), (vec![Some(100), Some(200), None], 300, true));
        assert_eq!(read(vec![rows(0, 100, Some(200)), rows(0, 100, Some(200))]), (vec![Some(100), None], 100, true));
        assert_eq!(read(vec![rows(0, 0, Some(7))]), (vec![None], 0, true), "it counts what it does not give");
    }

    /// Goal: who names no limit is not given one, as it would cut to it; what stops at the usual size of a page without a word is not called
    /// whole.
    #[test]
    fn without_limits_nothing_is_cut_in_silence() {
        let silent = Capabilities { page_size: None, ..capabilities("<caps/>") };
        let plan = plan(&Query::new(TitleKind::Movie, "Sintel"), &silent, &base(), &Secret::new("k3y"));
        assert_eq!(plan.requests[0].url.query(), Some("t=search&q=Sintel&cat=2000&extended=1&apikey=k3y"));
        assert_eq!(plan.requests[0].max_body_bytes, Some(MAX_FEED_BYTES));
        let read = |pages: Vec<Page>| {
            let mut all = Pages::default();
            let next: Vec<Option<u64>> = pages.into_iter().map(|page| all.take(page, None)).collect();
            let (releases, is_cut) = all.finish(false);
            (next, releases.len(), is_cut)
        };
        assert_eq!(read(vec![rows(0, 140, None)]), (vec![None], 140, false));
        assert_eq!(read(vec![rows(0, 0, None)]), (vec![None], 0, false));
        assert_eq!(read(vec![rows(0, 100, None), rows(100, 0, None)]), (vec![Some(100), None], 100, true));
        assert_eq!(read(vec![rows(0, 100, None), rows(0, 100, None)]), (vec![Some(100), None], 100, false), "no pages");
        assert_eq!(read(vec![rows(0, 100, None), rows(100, 7, None)]), (vec![Some(100), None], 107, false));
        let three = vec![rows(0, 100, None), rows(100, 100, None), rows(200, 0, None)];
        assert_eq!(read(three), (vec![Some(100), Some(200), None], 200, false), "it has pages, and this is their end");
        assert_eq!(read(vec![rows(0, 100, Some(100))]), (vec![None], 100, false));
    }

    fn item(fields: &str) -> Release {
        let (mut releases, _) = page(&format!("<item><title>A</title>{fields}</item>")).unwrap();
        assert_eq!(releases.len(), 1, "{fields}");
        releases.remove(0)
    }

    fn capabilities(xml: &str) -> Capabilities {
        read_capabilities(&Reply::ok(xml), &Secret::new("")).unwrap()
    }

    /// Goal: capabilities are read as they stand, and what is missing has its usual value.
    #[test]
    fn capabilities_have_usual_values() {
        let full = capabilities(
            r#"<caps><server title="Example"/><limits max="60" default="25"/><searching><search available="yes" supportedParams="q"/>
               <tv-search available="yes"/><movie-search available="yes" supportedParams="q, imdbId"/><book-search available="no"/></searching>
               <categories><category id="2000" name="Movies"><subcat id="2040" name="HD"/></category><category id="100017"/><category id="x"/></categories></caps>"#,
        );
        let wanted = Capabilities {
            page_size: Some(60),
            search: Mode::of(&["q"]),
            series: Mode::of(&["q", "season", "ep"]),
            movie: Mode::of(&["q", "imdbid"]),
            categories: vec![2_000, 2_040, 100_017],
        };
        assert_eq!(full, wanted);
        let empty = capabilities("<caps><limits max='0'/></caps>");
        assert_eq!((empty.page_size, &empty.search, &empty.movie), (None, &Mode::of(&["q"]), &Mode::default()));
        assert_eq!(
            capabilities("<caps><searching><tv-search available='no' supportedParams='q'/></searching></caps>").series,
            Mode::default()
        );
    }

    fn planned(query: &Query, capabilities: &Capabilities) -> Vec<String> {
        let plan = plan(query, capabilities, &base(), &Secret::new("k3y"));
        plan.requests
            .iter()
            .map(|request| request.url.query().unwrap().replace("&extended=1&limit=100&offset=0&apikey=k3y", ""))
            .collect()
    }

    /// Goal: an id is sent only where the capabilities list it, and text search always stands beside it.
    #[test]
    fn searches_follow_the_capabilities() {
        let able = Capabilities {
            page_size: Some(100),
            search: Mode::of(&["q"]),
            series: Mode::of(&["q", "season", "ep", "tvdbid"]),
            movie: Mode::of(&["q", "imdbid"]),
            categories: vec![2_000, 2_040, 5_000],
        };
        let plain =
            Capabilities { series: Mode::default(), movie: Mode::default(), categories: vec![], ..able.clone() };
        let film =
            Query { year: Some(2010), imdb_id: Some("tt1727587".into()), ..Query::new(TitleKind::Movie, "Sintel") };
        assert_eq!(
            planned(&film, &able),
            ["t=search&q=Sintel+2010&cat=2000%2C2040", "t=movie&imdbid=1727587&cat=2000%2C2040"]
        );
        assert_eq!(planned(&film, &plain), ["t=search&q=Sintel+2010&cat=2000"]);
        let episode = Query {
            episode: Some(EpisodeNumber { season: 1, episode: 2 }),
            tvdb_id: Some(7),
            ..Query::new(TitleKind::Series, "A Show")
        };
        let wanted = [
            "t=tvsearch&q=A+Show&season=1&ep=2&cat=5000",
            "t=search&q=A+Show+S01&cat=5000",
            "t=tvsearch&tvdbid=7&season=1&ep=2&cat=5000",
        ];
        assert_eq!(planned(&episode, &able), wanted);
        assert_eq!(planned(&episode, &plain), ["t=search&q=A+Show+S01E02&cat=5000", "t=search&q=A+Show+S01&cat=5000"]);
        let daily = Query { air_date: Some("2024-05-31".into()), ..episode };
        assert_eq!(planned(&daily, &able)[2], "t=tvsearch&q=A+Show&season=2024&ep=05%2F31&cat=5000");
        assert_eq!(planned(&daily, &plain)[2], "t=search&q=A+Show+2024+05+31&cat=5000");
    }

    /// Goal: each datum is taken from the best place that has it.
    #[test]
    fn each_datum_comes_from_its_best_place() {
        let magnet = format!("magnet:?xt=urn:btih:{HASH}");
        let whole = item(&format!(
            r#"<guid>https://site.example/t/1</guid><pubDate>Wed, 01 May 2024 12:00:00 +0000</pubDate><size>5</size><link>https://site.example/dl</link>
               <enclosure url="https://site.example/dl/1.torrent" length="7" type="application/x-bittorrent"/>
               <t:attr name="SIZE" value="129302391"/><t:attr name="seeders" value="25"/><t:attr name="peers" value="28"/>
               <t:attr name="infohash" value="{}"/><prowlarrindexer id="3">Example</prowlarrindexer>"#,
            HASH.to_uppercase()
        ));
        assert_eq!((whole.size_bytes, whole.seeder_count, whole.age_days), (Some(129_302_391), Some(25), Some(12)));
        assert_eq!(whole.info_hash.unwrap().to_string(), HASH);
        assert_eq!(
            (whole.link.unwrap().as_str(), whole.tracker.as_deref()),
            ("https://site.example/dl/1.torrent", Some("Example"))
        );
        // A torrent of version 2 alone is its magnet, whether the hash or the magnet is told.
        let v2 = "ab".repeat(32);
        for fields in [
            format!("<t:attr name='infohash' value='{v2}'/>"),
            format!("<t:attr name='magneturl' value='magnet:?xt=urn:btmh:1220{v2}'/><link>http://x.example/1</link>"),
        ] {
            let release = item(&fields);
            assert_eq!(
                (release.info_hash, release.link.unwrap().as_str()),
                (None, format!("magnet:?xt=urn:btmh:1220{v2}").as_str())
            );
        }
        // A magnet, wherever it stands, and attributes of another or of no namespace.
        for fields in [
            format!(
                "<x:attr xmlns:x='http://www.newznab.com/DTD/2010/feeds/attributes/' name='magneturl' value='{magnet}'/>"
            ),
            format!("<attr name='magneturl' value='{magnet}'/>"),
            format!("<guid>{magnet}</guid><link>https://site.example/1</link>"),
            format!("<enclosure url='{magnet}' type='application/x-bittorrent;x-scheme-handler/magnet'/>"),
            format!("<link><![CDATA[{magnet}&dn=a]]></link>"),
        ] {
            let release = item(&fields);
            assert_eq!(release.info_hash.unwrap().to_string(), HASH, "{fields}");
            assert_eq!(release.link.unwrap().scheme(), "magnet", "{fields}");
            assert_eq!((release.seeder_count, release.size_bytes), (None, None));
        }
        assert_eq!(
            item("<link>/dl/2?a=1&b=2</link>").link.unwrap().as_str(),
            "http://jackett.example:9117/dl/2?a=1&b=2"
        );
        let size = |length: &str| item(&format!("<enclosure url='http://x.example/1' length='{length}'/>")).size_bytes;
        assert_eq!((size("129302391"), size("103641"), size("0"), size("big")), (Some(129_302_391), None, None, None));
    }

    /// Goal: dates are read in every form in use; a broken date costs the date, not the item.
    #[test]
    fn dates_are_read_in_every_form() {
        for date in [
            "Wed, 01 May 2024 12:00:00 +0000",
            "Wed, 01 May 2024 12:00:00 GMT",
            "1 May 2024 14:00 +0200",
            "2024-05-01T12:00:00Z",
        ] {
            assert_eq!(
                item(&format!("<link>http://x.example/1</link><pubDate>{date}</pubDate>")).age_days,
                Some(12),
                "{date}"
            );
        }
        assert_eq!(item("<link>http://x.example/1</link><pubDate>soon</pubDate>").age_days, None);
        assert_eq!(item("<link>http://x.example/1</link><pubDate>2030-01-01T00:00:00Z</pubDate>").age_days, Some(0));
    }

    /// Goal: names lose double escapes and control characters; useless items go and leave the others.
    #[test]
    fn items_are_cleaned_and_useless_ones_go() {
        let link = "<link>http://x.example/1</link>";
        let (releases, has_more) = page(&format!(
            "<item><title>Tom &amp;amp; Jerry &#x202e;\u{8} 1080p</title>{link}</item><item>{link}</item><item><title>No way</title></item>
             <item><title>News</title><enclosure url='http://x.example/1' type='application/x-nzb'/>{link}</item>
             <item><title>F</title><link>javascript:alert(1)</link></item>"
        ))
        .unwrap();
        assert_eq!(releases.iter().map(|release| release.name.as_str()).collect::<Vec<_>>(), ["Tom & Jerry  1080p"]);
        assert!(!has_more);
        assert_eq!(page("").unwrap(), (vec![], false));
    }

    /// Goal: a page that is not all of it says so.
    #[test]
    fn more_pages_are_noticed() {
        let item = "<item><title>A</title><link>http://x.example/1</link></item>";
        assert!(page(&format!("<n:response offset='0' total='2'/>{item}")).unwrap().1);
        assert!(!page(&format!("<n:response offset='1' total='2'/>{item}")).unwrap().1);
        assert!(page(&item.repeat(100)).unwrap().1, "a full page");
        assert!(!page(&item.repeat(101)).unwrap().1, "more than a page");
        assert!(!page(&item.repeat(99)).unwrap().1);
        let (releases, has_more) = page(&format!("<n:response total='1500'/>{}", item.repeat(1_500))).unwrap();
        assert_eq!((releases.len(), has_more), (MAX_RELEASES, true));
    }

    /// Goal: an error document is an error with any status; so are other bodies, each of its kind.
    #[test]
    fn other_bodies_are_errors() {
        let kind = |status: u16, body: &str| {
            let read = read_page(
                &Reply::of(status, body),
                &base(),
                &Secret::new("k3y"),
                &ProviderId::new("torznab"),
                SystemTime::now(),
            );
            read.unwrap_err().kind()
        };
        assert_eq!(kind(200, "<error code='100' description='Invalid API Key'/>"), ErrorKind::Unauthorized);
        assert_eq!(kind(400, "<error code='203' description=''/>"), ErrorKind::Unsupported);
        assert_eq!(kind(401, ""), ErrorKind::Unauthorized);
        assert_eq!(kind(404, "{}"), ErrorKind::NotFound);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(503, "<!doctype html><html>"), ErrorKind::Unavailable);
        assert_eq!(kind(403, "<html>checking your browser"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<rss><channel><item><title>A"), ErrorKind::Malformed);
        assert_eq!(kind(500, "<rss><channel/></rss>"), ErrorKind::Unavailable);
    }

    proptest! {
        /// Goal: no feed makes the reader panic or gives a release without a way to it.
        #[test]
        fn any_feed_is_survived(items in r#"(<item>|</item>|<title>|</title>|<link>|</link>|<attr name="(size|infohash|seeders|magneturl)" value="|"/>|magnet:\?xt=urn:btih:|http://x\.example/|-?[0-9]{1,25}|&amp;|.){0,60}"#) {
            if let Ok((releases, _)) = page(&items) {
                for release in releases {
                    prop_assert!(release.info_hash.is_some() || release.link.is_some());
                }
            }
        }
    }
}
