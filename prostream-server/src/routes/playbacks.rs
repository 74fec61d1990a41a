//! `/api/v1/playbacks`: start playing, see what plays, hear what becomes of it, end it.
//!
//! What no service has cached is fetched for who says `prepare`: [`super::preparing`].
//!
//! Events of a playback: `next {playback, start_s, because}` when its file cannot be had any more and another release goes on, which is the
//! last one; `failed {error}` when there is no other, now.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use prostream_core::hls::playlist::{FileKind, RenditionFile};
use prostream_core::model::{Codec, DeviceProfile, MediaId, TextFormat, TrackInfo, TrackKind};
use prostream_core::playback::{
    Playback, PlaybackEvent, PlaybackSource, Preparing, PreparingState, StartPlayback, Started,
};
use prostream_core::resolve::Viewer;
use prostream_core::store::records::PlaybackRecord;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::events;
use super::extras::{ChapterOut, FontOut, chapter_paths, fonts_path};
use super::hls::{checked_start_s, multivariant_path, original_list_path, original_path, rendition_path};
use super::preparing::{self, PreparingOut};
use super::table::{Route, delete, get, post};
use crate::app::{App, FullHouse};
use crate::auth::{Caller, from_hex};
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, ProblemBody, empty, json};
use crate::request::Request;

/// Most playbacks in a list (AUTHZ-04).
const MAX_LISTED: u32 = 100;

/// Longest address or path that is taken, in bytes.
const MAX_ADDRESS_BYTES: usize = 4096;

/// Exactly one of `media_id`, `url` and `path`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPlayback {
    /// A film or an episode: it is searched, ranked, picked and opened.
    #[serde(default)]
    #[schema(example = "tt0944947:1:2")]
    media_id: Option<String>,
    /// A link to a file.
    #[serde(default)]
    url: Option<String>,
    /// A file of the library on the server.
    #[serde(default)]
    path: Option<String>,
    /// With a media id: this release and no other, as the list of releases names it.
    #[serde(default)]
    release: Option<String>,
    /// What plays it: the name of a profile or a profile itself. Default: `any`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    device: Option<Device>,
    /// Where to begin, in seconds. It stands in `hls_url` as `t`: players go there by themselves.
    #[serde(default)]
    start_s: Option<f64>,
    /// With a media id: where no service has it, one fetches it, which uses up what the account may fetch. Default: false.
    #[serde(default)]
    prepare: bool,
}

/// A device by name, or described.
struct Device(DeviceProfile);

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let value = serde_json::Value::deserialize(deserializer)?;
        match value.as_str() {
            Some(name) => DeviceProfile::named(name)
                .map(Self)
                .ok_or_else(|| D::Error::custom("device is not the name of a profile")),
            None => {
                serde_json::from_value(value).map(Self).map_err(|error| D::Error::custom(format!("device: {error}")))
            }
        }
    }
}

/// A ready-made device profile.
///
/// # Errors
/// There is none of this name.
pub(super) fn named_device(name: &str) -> Result<DeviceProfile, Problem> {
    DeviceProfile::named(name).ok_or_else(|| {
        Problem::invalid("device is not the name of a profile")
            .advise("any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc or ffplay")
    })
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It plays now.
    Ready,
}

/// Something that plays.
#[derive(Serialize, ToSchema)]
#[schema(as = Playback)]
pub(super) struct PlaybackOut {
    /// Random id.
    id: String,
    /// Whether it plays.
    state: State,
    /// Name of the release or the file.
    name: String,
    /// The film or episode, where it came from one.
    media_id: Option<String>,
    /// The release that was picked.
    release: Option<String>,
    /// Address of the multivariant playlist. Whoever has it can play: share it as you would a key.
    hls_url: String,
    /// Address of the original file, for players that take it as it is.
    file_url: String,
    /// Address of a list of that file alone (`.m3u`), which desktop players open.
    m3u_url: String,
    /// When it ends if nobody uses it (RFC 3339).
    expires_at: String,
    /// Where to begin, in seconds, as asked for.
    start_s: Option<f64>,
    /// Every track of the file.
    tracks: Vec<Track>,
    /// The chapters of the film, in order; empty where the file has none.
    chapters: Vec<ChapterOut>,
    /// Address of the chapters as Apple's players read them (JSON).
    chapters_json_url: Option<String>,
    /// Address of the chapters as WebVTT.
    chapters_vtt_url: Option<String>,
    /// Fonts that the file carries for its styled subtitles, as far as opening it showed them.
    fonts: Vec<FontOut>,
    /// Address of the list of all its fonts, where it has some.
    fonts_url: Option<String>,
    /// Why this release and these tracks, for people.
    why: Vec<String>,
}

/// What stands under an id.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum PlaybackOrPreparing {
    Playback(Box<PlaybackOut>),
    Preparing(Box<PreparingOut>),
}

#[derive(Serialize, ToSchema)]
struct Track {
    /// Number in the file.
    number: u32,
    /// `video`, `audio` or `subtitle`.
    kind: &'static str,
    /// `h264`, `aac`, `srt`, …; `other` for what is not packaged.
    codec: &'static str,
    /// As RFC 6381 writes it.
    codec_string: String,
    /// BCP 47.
    language: Option<String>,
    /// Title that the file gives it.
    name: Option<String>,
    /// The file marks it as the one to choose.
    is_default: bool,
    /// Shown even when subtitles are off.
    is_forced: bool,
    /// Width in pixels.
    width: Option<u32>,
    /// Height in pixels.
    height: Option<u32>,
    /// Channels, 6 for 5.1.
    channel_count: Option<u16>,
    /// Why players are not offered it; absent for what they are.
    left_out: Option<String>,
    /// Styled subtitles: address of the whole script (`.ass`), for players that draw it as it was meant.
    script_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Listed {
    /// Random id.
    id: String,
    /// Name of the release or the file.
    name: String,
    /// The film or episode, where it came from one.
    media_id: Option<String>,
    /// When it began (RFC 3339).
    created_at: String,
    /// When it ends if nobody uses it (RFC 3339).
    expires_at: String,
    /// Address of the multivariant playlist.
    hls_url: String,
    /// Address of the original file.
    file_url: String,
    /// Address of a list of that file alone (`.m3u`).
    m3u_url: String,
}

#[derive(Serialize, ToSchema)]
struct PlaybackList {
    /// Newest first, at most 100.
    playbacks: Vec<Listed>,
    /// What services fetch for the caller, newest first.
    preparing: Vec<PreparingOut>,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/v1/playbacks", "Start playing")
            .takes::<NewPlayback>()
            .gives::<PlaybackOut>(201, "it plays; `Location` names it")
            .gives::<PreparingOut>(202, "a service fetches it first, as `prepare` wished; `Location` names it")
            .user(RateClass::Search, start),
        get("/api/v1/playbacks", "What the caller plays")
            .gives::<PlaybackList>(200, "the playbacks")
            .user(RateClass::Api, list),
        get("/api/v1/playbacks/{id}", "One playback")
            .gives::<PlaybackOrPreparing>(200, "the playback, or how far the service is that fetches it")
            .owner(RateClass::Api, show),
        get("/api/v1/playbacks/{id}/events", "What becomes of a playback, as events")
            .gives_bytes(
                200,
                "`next` with another release that goes on when the file is lost, `failed` without; before it plays `preparing`, \
                 and `ready` with the playback",
                &[events::TYPE],
            )
            .owner(RateClass::Api, follow),
        post("/api/v1/playbacks/{id}/next", "Make the next episode ready, from the same pack or group where that can be played")
            .gives::<NextEpisode>(200, "which it is; start it as any other")
            .owner(RateClass::Search, next_episode),
        delete("/api/v1/playbacks/{id}", "End a playback: its addresses open nothing any more")
            .gives_bytes(204, "ended", &[])
            .owner(RateClass::Api, end),
    ]
}

async fn start(app: Arc<App>, mut request: Request, caller: Caller) -> Answer {
    let input: NewPlayback = request.json(&app.config.limits).await?;
    let mut wish = StartPlayback::new(source(&input)?);
    if (input.release.is_some() || input.prepare) && input.media_id.is_none() {
        return Err(Problem::invalid("release and prepare go with media_id"));
    }
    input.start_s.map(checked_start_s).transpose()?;
    wish.release = input.release;
    wish.start_s = input.start_s;
    wish.prepares = input.prepare;
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, input.device.map(|device| device.0));
    let started = full.engine.start_or_prepare(&app.call(&caller, request.client), &viewer, &wish).await?;
    let (id, mut response) = match &started {
        Started::Playing(playback) => {
            let token = full.accounts.grant_media(&caller, playback.id()).await?;
            (playback.id(), json(StatusCode::CREATED, &shown(&app, playback, &token))?)
        }
        Started::Preparing(preparing) => {
            // From now on, for when it plays.
            full.accounts.grant_media(&caller, preparing.id()).await?;
            (preparing.id(), json(StatusCode::ACCEPTED, &PreparingOut::new(preparing, &request.id))?)
        }
    };
    if let Ok(location) = HeaderValue::from_str(&app.link(&format!("/api/v1/playbacks/{id}"))) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn source(input: &NewPlayback) -> Result<PlaybackSource, Problem> {
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_ADDRESS_BYTES);
    if is_long(&input.url) || is_long(&input.path) {
        return Err(Problem::invalid(format!("url and path have at most {MAX_ADDRESS_BYTES} bytes")));
    }
    match (&input.media_id, &input.url, &input.path) {
        (Some(media_id), None, None) => Ok(PlaybackSource::Title(media_id.parse::<MediaId>()?)),
        (None, Some(url), None) => Ok(PlaybackSource::Url(url.parse().map_err(|_| {
            Problem::invalid("url is not an http or https address").advise("write it as https://host/path")
        })?)),
        (None, None, Some(path)) => Ok(PlaybackSource::Path(PathBuf::from(path))),
        _ => Err(Problem::invalid("give exactly one of media_id, url and path")
            .advise("send {\"media_id\": \"tt1254207\"}, or a url, or a path of the library")),
    }
}

async fn list(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, None);
    let records = full.engine.playbacks().list(&viewer, MAX_LISTED).await?;
    let listed = |record: PlaybackRecord| {
        let token = full.accounts.media_token_of(&record.id);
        Listed {
            hls_url: app.link(&multivariant_path(&token, None)),
            file_url: app.link(&original_path(&token)),
            m3u_url: app.link(&original_list_path(&token, None)),
            created_at: moment(record.created_at_ms),
            expires_at: moment(record.expires_at_ms),
            media_id: record.media_id.map(|media_id| media_id.to_string()),
            name: record.name,
            id: record.id,
        }
    };
    let preparing = full.engine.playbacks().preparings(&viewer);
    let preparing = preparing.iter().map(|one| PreparingOut::new(one, &request.id)).collect();
    json(StatusCode::OK, &PlaybackList { playbacks: records.into_iter().map(listed).collect(), preparing })
}

async fn show(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let id = playback_id(&request)?;
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, None);
    if let Some(preparing) = being_prepared(full, &viewer, id).await {
        return json(
            StatusCode::OK,
            &PlaybackOrPreparing::Preparing(Box::new(PreparingOut::new(&preparing, &request.id))),
        );
    }
    let playback = full.engine.playbacks().playback(&app.call(&caller, request.client), &viewer, id).await?;
    let token = full.accounts.media_token_of(id);
    json(StatusCode::OK, &PlaybackOrPreparing::Playback(Box::new(shown(&app, &playback, &token))))
}

/// What does not play yet, or has failed.
async fn being_prepared(full: &FullHouse, viewer: &Viewer, id: &str) -> Option<Preparing> {
    let preparing = full.engine.playbacks().preparing(viewer, id).await.ok()?;
    (!matches!(preparing.state(), PreparingState::Ready)).then_some(preparing)
}

/// The episode after the one that plays.
#[derive(Serialize, ToSchema)]
struct NextEpisode {
    /// The episode; none after the last one, and for what is no episode.
    media_id: Option<String>,
}

async fn next_episode(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let id = playback_id(&request)?;
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, None);
    let next = full.engine.playbacks().prepare_next(&app.call(&caller, request.client), &viewer, id).await?;
    json(StatusCode::OK, &NextEpisode { media_id: next.map(|media_id| media_id.to_string()) })
}

/// Another release goes on.
#[derive(Serialize)]
struct NextOut {
    playback: PlaybackOut,
    start_s: f64,
    because: ProblemBody,
}

#[derive(Serialize)]
pub(super) struct FailedOut {
    pub(super) error: ProblemBody,
}

async fn follow(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let id = playback_id(&request)?.to_owned();
    let full = app.full()?;
    let viewer = full.viewer(&caller.user_id, None);
    let playbacks = full.engine.playbacks().clone();
    let call = app.call(&caller, request.client);
    let Ok(preparing) = playbacks.preparing(&viewer, &id).await else {
        let happens = playbacks.events(&call, &viewer, &id).await?;
        return events::answer(&app, written(Arc::clone(&app), caller, request.id, happens));
    };
    let told = preparing::told(Arc::clone(&app), caller.clone(), request.client, preparing.clone(), request.id.clone());
    let asked = Arc::clone(&app);
    let then = stream::once(async move {
        let is_ready = matches!(preparing.state(), PreparingState::Ready);
        let happens = if is_ready { playbacks.events(&call, &viewer, &id).await.ok() } else { None };
        stream::iter(happens.map(|happens| written(asked, caller, request.id, happens))).flatten()
    });
    events::answer(&app, told.chain(then.flatten()))
}

/// What happens to a playback, as it goes over the wire.
fn written(
    app: Arc<App>,
    caller: Caller,
    request_id: String,
    happens: impl Stream<Item = PlaybackEvent> + Send,
) -> impl Stream<Item = Bytes> + Send {
    happens.filter_map(move |event| {
        let (app, caller, request_id) = (Arc::clone(&app), caller.clone(), request_id.clone());
        async move {
            match event {
                PlaybackEvent::Next(next) => {
                    // Nothing is granted to who has signed out meanwhile.
                    let granted = app.full().ok()?.accounts.grant_media(&caller, next.playback.id()).await;
                    let token = granted.inspect_err(|error| tracing::info!(%error, "nobody listens any more")).ok()?;
                    let playback = shown(&app, &next.playback, &token);
                    let because = events::problem(&next.because, &request_id);
                    events::message("next", &NextOut { playback, start_s: next.start_s, because })
                }
                PlaybackEvent::Failed(error) => {
                    events::message("failed", &FailedOut { error: events::problem(&error, &request_id) })
                }
                _ => None,
            }
        }
    })
}

async fn end(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let id = playback_id(&request)?;
    let full = app.full()?;
    full.engine.playbacks().end(&full.viewer(&caller.user_id, None), id).await?;
    full.accounts.end_media(id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// What cannot be an id is as missing as what is none.
pub(super) fn playback_id(request: &Request) -> Result<&str, Problem> {
    let id = request.param("id");
    from_hex::<16>(id)
        .map(|_| id)
        .ok_or_else(|| prostream_core::Error::new(prostream_core::ErrorKind::NotFound, "find playback").into())
}

pub(super) fn shown(app: &App, playback: &Playback, token: &str) -> PlaybackOut {
    let record = playback.record();
    let start_s = playback.start_s();
    let presentation = playback.presentation();
    let (chapters, fonts) = (presentation.chapters(), presentation.fonts());
    let chapter_urls = chapter_paths(token).map(|path| (!chapters.is_empty()).then(|| app.link(&path)));
    let [chapters_json_url, chapters_vtt_url] = chapter_urls;
    PlaybackOut {
        id: record.id.clone(),
        state: State::Ready,
        name: record.name.clone(),
        media_id: record.media_id.as_ref().map(ToString::to_string),
        release: playback.release().map(str::to_owned),
        hls_url: app.link(&multivariant_path(token, start_s)),
        file_url: app.link(&original_path(token)),
        m3u_url: app.link(&original_list_path(token, start_s)),
        expires_at: moment(record.expires_at_ms),
        start_s,
        tracks: tracks(app, playback, token),
        chapters: chapters.into_iter().map(ChapterOut::from).collect(),
        chapters_json_url,
        chapters_vtt_url,
        fonts_url: (!fonts.is_empty()).then(|| app.link(&fonts_path(token))),
        fonts: fonts.iter().map(|font| FontOut::below(app, token, font)).collect(),
        why: playback.why().to_vec(),
    }
}

/// Every track, with what became of it.
fn tracks(app: &App, playback: &Playback, token: &str) -> Vec<Track> {
    let presentation = playback.presentation();
    let of_track = |info: TrackInfo| {
        let mut renditions = presentation.renditions().iter().map(|rendition| rendition.info());
        let rendition = renditions.find(|rendition| rendition.track.number == info.number);
        let script_url = rendition.filter(|_| info.codec == Codec::Text(TextFormat::Ass)).map(|rendition| {
            let variant_id = presentation.variant_id().to_owned();
            let file = RenditionFile { variant_id, rendition: rendition.name.clone(), kind: FileKind::Script };
            app.link(&rendition_path(token, &file))
        });
        let note = format!("track {} is left out: ", info.number);
        let reason = playback.why().iter().find_map(|why| why.strip_prefix(&note));
        let left_out = rendition.is_none().then(|| reason.unwrap_or("another track is played instead").to_owned());
        Track { left_out, script_url, ..Track::from(info) }
    };
    presentation.tracks().into_iter().map(of_track).collect()
}

pub(super) fn moment(at_ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

impl From<TrackInfo> for Track {
    fn from(track: TrackInfo) -> Self {
        Self {
            number: track.number,
            kind: match track.kind {
                TrackKind::Video => "video",
                TrackKind::Audio => "audio",
                TrackKind::Subtitle => "subtitle",
            },
            codec: track.codec.name(),
            codec_string: track.codec_string,
            language: track.language.map(|language| language.to_string()),
            name: track.name,
            is_default: track.is_default,
            is_forced: track.is_forced,
            width: track.video.as_ref().map(|video| video.width),
            height: track.video.as_ref().map(|video| video.height),
            channel_count: track.audio.as_ref().map(|audio| audio.channel_count),
            left_out: None,
            script_url: None,
        }
    }
}
