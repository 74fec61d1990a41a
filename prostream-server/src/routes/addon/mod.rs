//! `/addon/{token}/…`: what other players find, show and play: the Stremio addon protocol (version 3, over HTTP), and lists for players that
//! have no addons. The token in the path is the permission; it opens nothing of the account, and every page may read what lies below it.

mod links;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, LOCATION};
use prostream_core::model::{Language, Title, TitleKind, TitleSummary};
use prostream_core::net::Call;
use prostream_core::playback::{PlaybackSource, StartPlayback};
use prostream_core::provider::metadata::{MAX_QUERY_CHARS, Trending};
use prostream_core::resolve::{SubtitleRequest, Viewer, release_key, subtitle_key};
use prostream_core::{Error, ErrorKind};
use serde::Serialize;
use time::OffsetDateTime;
use warp::reply::Response;

use super::hls::{LIST_TYPE, disposition, multivariant_path};
use super::subtitles::{file_name, webvtt};
use super::table::{Route, get};
use crate::addon::{
    AddonSettings, Asked, BegunKey, Manifest, Meta, MetaPreview, SEARCH_CATALOG, Stream, TRENDING_CATALOG, entries,
    extra_value, file_stem, m3u, search_text, skipped, trouble_stream, type_of,
};
use crate::app::{App, FullHouse};
use crate::auth::{Addon, from_hex};
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, bytes, empty, json, set};
use crate::request::Request;

/// Everything of the addon lies below this.
const PREFIX: &str = "/addon/";

/// Most candidates in an answer (AUTHZ-04).
const MAX_STREAMS: usize = 99;

/// Most subtitles in an answer (AUTHZ-04).
const MAX_SUBTITLES: usize = 99;
/// Rows of a page of what is watched these days: the protocol's habit.
const TRENDING_PAGE: usize = 100;

/// Most rows of that list.
const MAX_TRENDING: usize = 500;

/// Most pages of a provider that are read for it.
const MAX_PROVIDER_PAGES: u32 = 25;

/// Pages of a provider that are asked for at once: as many as a page of ours may take.
const PAGES_AT_ONCE: u32 = 5;

/// Longest wait for another request that begins the same playback.
const BEGIN_LIMIT: Duration = Duration::from_secs(60);

/// The protocol's media type of every answer.
const JSON_TYPE: &str = "application/json; charset=utf-8";

/// How long clients may keep an answer, in seconds: in the header, and in the body as the protocol has it too.
#[derive(Clone, Copy)]
enum Keep {
    /// What a catalogue says: an hour, and longer while it cannot be asked.
    Told,
    /// What holds the token or changes from one minute to the next.
    Nothing,
}

/// An answer of the protocol.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept<T> {
    #[serde(flatten)]
    body: T,
    cache_max_age: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_revalidate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_error: Option<u32>,
}

#[derive(Serialize)]
struct Metas {
    metas: Vec<MetaPreview>,
}

#[derive(Serialize)]
struct MetaOf {
    meta: Meta,
}

#[derive(Serialize)]
struct Streams {
    streams: Vec<Stream>,
}

#[derive(Serialize)]
struct Subtitles {
    subtitles: Vec<Subtitle>,
}

/// Subtitles that do not come with the film.
#[derive(Serialize)]
struct Subtitle {
    id: String,
    url: String,
    /// ISO 639-2.
    lang: String,
}

pub(super) fn routes() -> Vec<Route> {
    const JSON: &[&str] = &["application/json"];
    const AS_TOLD: &str = "as the Stremio addon protocol has it";
    let mut routes = vec![
        get("/addon/{token}/manifest.json", "What the addon is and offers")
            .gives_bytes(200, AS_TOLD, JSON)
            .addon(RateClass::Addon, manifest),
        get("/addon/{token}/catalog/{type}/{id}.json", "Titles of a catalogue: what is watched these days")
            .gives_bytes(200, AS_TOLD, JSON)
            .addon(RateClass::Addon, catalog),
        get(
            "/addon/{token}/catalog/{type}/{id}/{extra}.json",
            "Titles of a catalogue that fit a search, or further ones",
        )
        .gives_bytes(200, AS_TOLD, JSON)
        .addon(RateClass::Search, catalog),
        get("/addon/{token}/meta/{type}/{id}.json", "One title, with its episodes")
            .gives_bytes(200, AS_TOLD, JSON)
            .addon(RateClass::Search, meta),
        get("/addon/{token}/stream/{type}/{id}.json", "What plays a film or an episode, best first")
            .gives_bytes(200, AS_TOLD, JSON)
            .addon(RateClass::Search, streams),
        get("/addon/{token}/subtitles/{type}/{id}.json", "Subtitles that do not come with the film")
            .gives_bytes(200, AS_TOLD, JSON)
            .addon(RateClass::Search, subtitles),
        get("/addon/{token}/subtitles/{type}/{id}/{extra}.json", "The same for a file that the player describes")
            .gives_bytes(200, AS_TOLD, JSON)
            .addon(RateClass::Search, subtitles),
        get("/addon/{token}/subtitles/{subtitle}.vtt", "One of them, as WebVTT")
            .query("language", "its language, which tells its letters where it is not written in Unicode", false)
            .query("frames_per_s", "pictures a second, for a file that counts pictures", false)
            .query("shift_ms", "how much later it is shown, in milliseconds; negative: earlier; at most a day", false)
            .gives_bytes(200, "the subtitle", &["text/vtt"])
            .gives_bytes(304, "it has not changed", &[])
            .addon(RateClass::Search, subtitle),
        get("/addon/{token}/play/{type}/{id}", "Play the best release: leads to its playlist")
            .gives_bytes(302, "`Location` is the multivariant playlist", &[])
            .addon(RateClass::Addon, play),
        get("/addon/{token}/play/{type}/{id}/{release}", "Play this release: leads to its playlist")
            .gives_bytes(302, "`Location` is the multivariant playlist", &[])
            .addon(RateClass::Addon, play),
        get("/addon/{token}/strm/{type}/{id}.strm", "A file of one address, for Kodi")
            .gives_bytes(200, "the file", &["text/plain"])
            .addon(RateClass::Search, strm),
        get("/addon/{token}/m3u/{type}/{id}.m3u", "A film, a season or a series as a list, for VLC and Infuse")
            .gives_bytes(200, "the list", &[LIST_TYPE])
            .addon(RateClass::Search, list),
        get("/addon/{token}/m3u/{type}/{id}.m3u8", "The same list by the name of its encoding")
            .gives_bytes(200, "the list", &[LIST_TYPE])
            .addon(RateClass::Search, list),
    ];
    routes.extend(links::routes());
    routes
}

/// Does a path belong to the addon? Asked of paths that are no route as well: their answers are the protocol's, too.
pub(super) fn is_below(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Address of what lies below a token.
fn path(token: &str, below: &str) -> String {
    format!("{PREFIX}{token}/{below}")
}

async fn manifest(app: Arc<App>, _request: Request, addon: Addon) -> Answer {
    let (settings, viewer) = watching(app.full()?, &addon)?;
    let has_trending = viewer.providers.metadata.iter().any(|provider| provider.capabilities().lists_trending);
    let logo = app.absolute_link("/icon.svg").ok();
    // Settings change under the same address: nobody keeps it.
    let mut response = json(StatusCode::OK, &Manifest::new(&addon.name, &settings, has_trending, logo))?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON_TYPE));
    Ok(response)
}

/// Titles by search, or what is watched these days.
async fn catalog(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let (settings, viewer) = watching(app.full()?, &addon)?;
    let kind = settings.catalogs.iter().find(|kind| type_of((**kind).into()) == request.param("type"));
    let kind = kind.map(|kind| TitleKind::from(*kind)).ok_or_else(Problem::not_found)?;
    match request.param("id") {
        SEARCH_CATALOG => {}
        TRENDING_CATALOG => {
            let call = app.call_of(&addon.user_id, request.client);
            let from = skipped(request.param("extra"));
            return trending(&app, call, &viewer, kind, from).await;
        }
        _ => return Err(Problem::not_found()),
    }
    let is_searchable = |text: &String| {
        !text.is_empty() && text.chars().count() <= MAX_QUERY_CHARS && !text.chars().any(char::is_control)
    };
    let Some(text) = search_text(request.param("extra")).filter(is_searchable) else {
        return told(Metas { metas: Vec::new() }, Keep::Nothing);
    };
    let call = app.call_of(&addon.user_id, request.client);
    let found = app.full()?.engine.search_titles(&call, &viewer, &text).await?;
    let metas: Vec<_> = found.into_iter().filter(|title| title.kind == kind).map(MetaPreview::from).collect();
    let keep = if metas.is_empty() { Keep::Nothing } else { Keep::Told };
    told(Metas { metas }, keep)
}

/// The rows after those that the client has: clients ask for more as long as a page is full. The pages of providers are smaller; they are kept,
/// so that reading them from the first on costs nothing the second time.
async fn trending(app: &App, call: Call, viewer: &Viewer, kind: TitleKind, from: Option<usize>) -> Answer {
    let Some(from) = from.filter(|from| *from < MAX_TRENDING) else {
        return told(Metas { metas: Vec::new() }, Keep::Nothing);
    };
    let until = from + TRENDING_PAGE;
    let full = app.full()?;
    let mut titles: Vec<TitleSummary> = Vec::new();
    let mut first_page = 1;
    while titles.len() < until && first_page <= MAX_PROVIDER_PAGES {
        let pages = (first_page..first_page + PAGES_AT_ONCE).map(|page| {
            let mut asked = Trending::default();
            (asked.kind, asked.page) = (Some(kind), page);
            let call = &call;
            async move { full.engine.trending(call, viewer, &asked).await }
        });
        let pages: Vec<_> = join_all(pages).await;
        let mut has_more = true;
        for page in pages {
            match page {
                Ok(page) => {
                    has_more = page.has_more;
                    for title in page.titles {
                        // A list that moves while it is read names some twice.
                        if !titles.iter().any(|known| known.media_id == title.media_id) {
                            titles.push(title);
                        }
                    }
                }
                Err(error) if titles.is_empty() => return Err(error.into()),
                Err(_) => has_more = false,
            }
            if !has_more {
                break;
            }
        }
        if !has_more {
            break;
        }
        first_page += PAGES_AT_ONCE;
    }
    let metas: Vec<_> = titles.into_iter().skip(from).take(TRENDING_PAGE).map(MetaPreview::from).collect();
    let keep = if metas.is_empty() { Keep::Nothing } else { Keep::Told };
    told(Metas { metas }, keep)
}

async fn meta(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let is_whole = |asked: &Asked| asked.season.is_none() && asked.media_id.episode.is_none();
    let asked = asked(&request).filter(is_whole).ok_or_else(Problem::not_found)?;
    let title = title_of(&app, request.client, &addon, &asked).await?;
    told(MetaOf { meta: Meta::new(&asked.media_id, &title) }, Keep::Told)
}

/// The title that is asked for, if it is of the kind that is asked for.
async fn title_of(app: &App, client: IpAddr, addon: &Addon, asked: &Asked) -> Result<Arc<Title>, Problem> {
    let full = app.full()?;
    let (_, viewer) = watching(full, addon)?;
    let call = app.call_of(&addon.user_id, client);
    let title = full.engine.title(&call, &viewer, &asked.media_id).await?;
    if title.summary.kind == asked.kind { Ok(title) } else { Err(Problem::not_found()) }
}

/// The best that plays, then every candidate, each at an address that begins to play it when it is asked for. What cannot be searched is told as an item that plays nothing:
/// clients show no more of a failure than that there was one.
async fn streams(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let asked = asked(&request);
    let Some((asked, media_id)) = asked.as_ref().and_then(|asked| Some((asked, asked.playable()?))) else {
        return told(Streams { streams: Vec::new() }, Keep::Nothing);
    };
    let full = app.full()?;
    let (_, viewer) = watching(full, &addon)?;
    let call = app.call_of(&addon.user_id, request.client);
    let found = match full.engine.find_releases(&call, &viewer, media_id).await {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            return told(Streams { streams: Vec::new() }, Keep::Nothing);
        }
        Err(error) => {
            tracing::warn!(%error, "releases for an addon cannot be listed");
            let streams = vec![trouble_stream(in_words(&error, &request.id), app.absolute_link("/")?)];
            return told(Streams { streams }, Keep::Nothing);
        }
    };
    let candidates = &found.ranking.candidates;
    if !found.is_partial && !candidates.is_empty() {
        full.engine.prepare(&viewer, media_id);
    }
    let base = path(request.param("token"), &format!("play/{}/{media_id}", type_of(asked.kind)));
    let mut streams = Vec::new();
    if !candidates.is_empty() {
        streams.push(Stream::of_best(app.absolute_link(&base)?));
    }
    for candidate in candidates.iter().take(MAX_STREAMS) {
        let url = app.absolute_link(&format!("{base}/{}", release_key(&candidate.release)))?;
        streams.push(Stream::new(candidate, url));
    }
    told(Streams { streams }, Keep::Nothing)
}

/// What people are told about a failure.
fn in_words(error: &Error, request_id: &str) -> String {
    let problem = Problem::about(error).body(request_id);
    let detail = problem.detail.unwrap_or(problem.title);
    [Some(detail), problem.advice].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// Subtitles from elsewhere, best first, of the title and of the file that the player describes. Those of the file itself stand in its
/// playlist. Clients show nothing of a failure: then there are none.
async fn subtitles(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let full = app.full()?;
    let mut subtitles = Vec::new();
    let asked = asked(&request);
    if let Some(media_id) = asked.as_ref().and_then(Asked::playable)
        && !full.providers.subtitles.is_empty()
    {
        let (_, viewer) = watching(full, &addon)?;
        let mut wanted = SubtitleRequest::of_title(media_id.clone());
        wanted.file_hash = extra_value(request.param("extra"), "videoHash").and_then(|hash| hash.parse().ok());
        let call = app.call_of(&addon.user_id, request.client);
        match full.engine.find_subtitles(&call, &viewer, &wanted).await {
            Ok(found) => {
                for one in found.subtitles.iter().take(MAX_SUBTITLES) {
                    let Some(name) = file_name(one) else { continue };
                    let url = app.absolute_link(&path(request.param("token"), &name))?;
                    let lang = one.language.as_ref().map_or("und", Language::iso_639_2).to_owned();
                    subtitles.push(Subtitle { id: subtitle_key(one), url, lang });
                }
            }
            Err(error) => tracing::warn!(%error, "subtitles for an addon cannot be listed"),
        }
    }
    told(Subtitles { subtitles }, Keep::Nothing)
}

/// One subtitle, at an address that was listed.
async fn subtitle(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let (_, viewer) = watching(app.full()?, &addon)?;
    webvtt(app, request, &viewer).await
}

/// Begins a playback the first time, finds it the next time, and leads to its playlist.
async fn play(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let asked = asked(&request);
    let media_id = asked.as_ref().and_then(Asked::playable).ok_or_else(Problem::not_found)?;
    let release = Some(request.param("release")).filter(|key| !key.is_empty());
    if !release.is_none_or(is_release_key) {
        return Err(Problem::not_found());
    }
    let full = app.full()?;
    let (settings, viewer) = watching(full, &addon)?;
    let place = full.begun.place(BegunKey {
        addon_id: addon.id.clone(),
        media_id: media_id.to_string(),
        release: release.map(str::to_owned),
        device: settings.device().to_owned(),
    });
    let mut begun = tokio::time::timeout(BEGIN_LIMIT, place.lock())
        .await
        .map_err(|_| Error::new(ErrorKind::TimedOut, "begin playback"))?;
    if let Some(playback_id) = begun.as_deref() {
        let token = full.accounts.media_token_of(playback_id);
        // One that has ended, or cannot be opened again, is begun anew.
        if app.open_media(&token).await.is_ok() {
            return Ok(leads_to(&app, &token));
        }
    }
    // Only what begins costs: players ask for one address again and again.
    app.budgets.draw_for_user(RateClass::Search, &addon.user_id)?;
    let mut wish = StartPlayback::new(PlaybackSource::Title(media_id.clone()));
    wish.release = release.map(str::to_owned);
    let call = app.call_of(&addon.user_id, request.client);
    let playback = full.engine.start_playback(&call, &viewer, &wish).await?;
    let token = full.accounts.grant_addon_media(&addon, playback.id()).await?;
    *begun = Some(playback.id().to_owned());
    Ok(leads_to(&app, &token))
}

fn leads_to(app: &App, media_token: &str) -> Response {
    let mut response = empty(StatusCode::FOUND);
    set(&mut response, LOCATION, &app.link(&multivariant_path(media_token, None)));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The forms that keys of releases have.
fn is_release_key(text: &str) -> bool {
    from_hex::<20>(text).is_some() || text.strip_prefix('r').is_some_and(|rest| from_hex::<16>(rest).is_some())
}

/// One address, which media centres keep as a film of their library.
async fn strm(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let asked = asked(&request)
        .filter(|asked| asked.playable().is_some())
        .ok_or_else(|| Problem::not_found().advise("ask for a film or an episode: a season is an .m3u"))?;
    let title = title_of(&app, request.client, &addon, &asked).await?;
    let [entry] = entries(&title, &asked, &today()).try_into().map_err(|_| Problem::not_found())?;
    let address = play_address(&app, &request, &asked, &entry.id)?;
    Ok(file("text/plain; charset=utf-8", format!("{address}\n"), &format!("{}.strm", file_stem(&title, &asked))))
}

/// A list of addresses, each of which plays the best release.
async fn list(app: Arc<App>, request: Request, addon: Addon) -> Answer {
    let asked = asked(&request).ok_or_else(Problem::not_found)?;
    let title = title_of(&app, request.client, &addon, &asked).await?;
    let entries = entries(&title, &asked, &today());
    if entries.is_empty() {
        return Err(Problem::not_found());
    }
    let base = play_address(&app, &request, &asked, "")?;
    let stem = file_stem(&title, &asked);
    let text = m3u(&stem, &entries, |entry| format!("{base}{}", entry.id));
    Ok(file(LIST_TYPE, text, &format!("{stem}.m3u")))
}

fn play_address(app: &App, request: &Request, asked: &Asked, id: &str) -> Result<String, Problem> {
    app.absolute_link(&path(request.param("token"), &format!("play/{}/{id}", type_of(asked.kind))))
}

/// A file to be kept. It holds the token: nobody on the way keeps it.
fn file(content_type: &str, text: String, name: &str) -> Response {
    let mut response = bytes(content_type, text);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    set(&mut response, CONTENT_DISPOSITION, &disposition("attachment", name));
    response
}

/// The date in UTC, `YYYY-MM-DD`.
fn today() -> String {
    let date = OffsetDateTime::now_utc().date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// What the path asks for; `None` for what is not ours, in whichever spelling.
fn asked(request: &Request) -> Option<Asked> {
    Asked::read(request.param("type"), &request.decoded_param("id").ok()?)
}

/// Who watches through a link, and what it is set to.
fn watching(full: &FullHouse, addon: &Addon) -> Result<(AddonSettings, Viewer), Problem> {
    let settings = AddonSettings::of_kept(&addon.settings)?;
    let viewer = settings.apply(full.viewer(&addon.user_id, None));
    Ok((settings, viewer))
}

fn told<T: Serialize>(body: T, keep: Keep) -> Answer {
    let (kept, field) = match keep {
        Keep::Told => {
            let (age, stale, error) = (3_600, 14_400, 604_800);
            let field = format!("private, max-age={age}, stale-while-revalidate={stale}, stale-if-error={error}");
            (Kept { body, cache_max_age: age, stale_revalidate: Some(stale), stale_error: Some(error) }, field)
        }
        Keep::Nothing => {
            let field = "private, no-store".to_owned();
            (Kept { body, cache_max_age: 0, stale_revalidate: None, stale_error: None }, field)
        }
    };
    let mut response = json(StatusCode::OK, &kept)?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON_TYPE));
    set(&mut response, CACHE_CONTROL, &field);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only what names a release goes further.
    #[test]
    fn release_keys_have_two_forms() {
        assert!(is_release_key(&"0a".repeat(20)));
        assert!(is_release_key(&format!("r{}", "0a".repeat(16))));
        for wrong in
            ["", "r", "best", &"0A".repeat(20), &"0a".repeat(19), &"0a".repeat(16), &format!("r{}", "0a".repeat(20))]
        {
            assert!(!is_release_key(wrong), "{wrong}");
        }
    }
}
