//! `/hls/{token}/…`: playlists, segments, and the original file. The token in the path is the permission (MEDIA-01), so nothing here asks who
//! is calling, and every page may read it.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, HOST, HeaderValue, VARY};
use http::uri::Authority;
use prostream_core::hls::playlist::{self, CONTENT_TYPE as PLAYLIST_TYPE, FileKind, RenditionFile};
use prostream_core::hls::{Rendition, Segment};
use prostream_core::model::{TitleKind, TrackKind};
use prostream_core::playback::Playback;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use warp::reply::Response;

use super::table::{Route, get};
use crate::app::App;
use crate::auth::to_hex;
use crate::range::{Content, part_of};
use crate::reply::{Answer, Problem, bytes, set};
use crate::request::Request;

/// Longest name below the token, without its ending (MEDIA-02).
const MAX_NAME_BYTES: usize = 96;

/// Endings of names below the token.
const ENDINGS: [&str; 9] = ["m4s", "mp4", "m3u8", "vtt", "jpg", "json", "ttf", "otf", "ass"];

/// The fixed name of the original file.
const ORIGINAL: &str = "file";

/// The fixed name of the list that hands the original file to a player.
const ORIGINAL_LIST: &str = "file.m3u";

/// Media type of such lists, as players know it; there is no registered one.
pub(super) const LIST_TYPE: &str = "audio/x-mpegurl";

/// Latest start that is taken, in seconds: eleven days, longer than any film.
const MAX_START_S: f64 = 1_000_000.0;

/// A playlist holds the token in its own address: it is kept nowhere.
const PLAYLIST_CACHE: &str = "private, no-store";

/// A segment is a pure function of its address.
const SEGMENT_CACHE: &str = "private, max-age=31536000, immutable";

/// What is not known in full yet is asked for again.
const PROVISIONAL_CACHE: &str = "no-store";

/// The original file may be kept by the player, and asked for again by its validator.
pub(super) const FILE_CACHE: &str = "private, no-cache";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/hls/{token}/main.m3u8", "The multivariant playlist")
            .query("t", "where players are to begin, in seconds (EXT-X-START)", false)
            .gives_bytes(200, "the playlist (RFC 8216)", &[PLAYLIST_TYPE])
            .media(multivariant),
        get("/hls/{token}/file", "The original file, whole or in ranges")
            .gives_bytes(200, "the file", &["application/octet-stream"])
            .gives_bytes(206, "the range", &["application/octet-stream"])
            .gives_bytes(304, "it has not changed", &[])
            .gives_bytes(416, "the range lies beyond the end", &[])
            .media(original),
        get("/hls/{token}/file.m3u", "A list of the original file alone, which desktop players open")
            .query("t", "where players are to begin, in seconds", false)
            .gives_bytes(200, "the list", &[LIST_TYPE])
            .media(original_list),
        get("/hls/{token}/{variant}/{rendition}/{file}", "A media playlist, init segment or segment")
            .gives_bytes(
                200,
                "the playlist or the segment",
                &[PLAYLIST_TYPE, "video/mp4", "audio/mp4", "text/vtt", "text/x-ssa"],
            )
            .gives_bytes(206, "the range of a segment", &["video/mp4", "audio/mp4", "text/vtt", "text/x-ssa"])
            .gives_bytes(304, "it has not changed", &[])
            .gives_bytes(416, "the range lies beyond the end", &[])
            .media(rendition_file),
    ]
}

/// Is this a name that can lie below a token? `^[a-z0-9_/-]{1,96}\.(m4s|mp4|m3u8|vtt|jpg|json|ttf|otf|ass)$`, or a name of the original
/// file's. Asked before anything else happens (MEDIA-02).
pub(super) fn is_media_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'/' | b'-');
    matches!(name, ORIGINAL | ORIGINAL_LIST)
        || name.split_once('.').is_some_and(|(stem, ending)| {
            (1..=MAX_NAME_BYTES).contains(&stem.len()) && stem.bytes().all(is_plain) && ENDINGS.contains(&ending)
        })
}

async fn multivariant(_app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let start_s = asked_start_s(&request)?;
    let presentation = playback.presentation().as_ref();
    let text = match start_s {
        Some(start_s) => playlist::multivariant_from(presentation, start_s),
        None => playlist::multivariant(presentation),
    };
    Ok(playlist_reply(&request, text))
}

/// What else players put into the query is left alone.
#[derive(Deserialize)]
struct StartQuery {
    #[serde(default)]
    t: Option<String>,
}

/// Where players are to begin, as the address says.
fn asked_start_s(request: &Request) -> Result<Option<f64>, Problem> {
    let query: StartQuery = request.query()?;
    let read = |text: String| {
        let start_s = text.parse().map_err(|_| Problem::invalid("t is a number of seconds"))?;
        checked_start_s(start_s)
    };
    query.t.map(read).transpose()
}

/// Address of the multivariant playlist below a token; a start stands in it, so that it survives reloads and other nodes.
pub(super) fn multivariant_path(token: &str, start_s: Option<f64>) -> String {
    format!("/hls/{token}/{}{}", playlist::MULTIVARIANT_NAME, start_query(start_s))
}

fn start_query(start_s: Option<f64>) -> String {
    start_s.map(|start_s| format!("?t={start_s}")).unwrap_or_default()
}

/// Address of the original file below a token.
pub(super) fn original_path(token: &str) -> String {
    format!("/hls/{token}/{ORIGINAL}")
}

/// Address of the list of the original file below a token.
pub(super) fn original_list_path(token: &str, start_s: Option<f64>) -> String {
    format!("/hls/{token}/{ORIGINAL_LIST}{}", start_query(start_s))
}

/// Address of a file of a rendition below a token.
pub(super) fn rendition_path(token: &str, file: &RenditionFile) -> String {
    format!("/hls/{token}/{file}")
}

/// A position in a film as a client may give it.
///
/// # Errors
/// It lies before the film, is longer than any, or is no number.
pub(super) fn checked_start_s(start_s: f64) -> Result<f64, Problem> {
    if (0.0..=MAX_START_S).contains(&start_s) {
        Ok(start_s)
    } else {
        Err(Problem::invalid(format!("a start is a number of seconds from 0 to {MAX_START_S}")))
    }
}

/// A playlist, packed where the client takes that: of all media they alone become smaller.
fn playlist_reply(request: &Request, text: String) -> Response {
    let packed = if request.accepts_encoding("gzip") { gzip(text.as_bytes()) } else { None };
    let is_packed = packed.is_some();
    let mut response = bytes(PLAYLIST_TYPE, packed.unwrap_or_else(|| text.into()));
    let headers = response.headers_mut();
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(PLAYLIST_CACHE));
    response
}

/// Packs bytes; `None` where that makes nothing smaller.
fn gzip(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 4), Compression::fast());
    // Writing into memory does not fail.
    encoder.write_all(content).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < content.len()).map(Bytes::from)
}

async fn rendition_file(_app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let name = ["variant", "rendition", "file"].map(|part| request.param(part)).join("/");
    let file: RenditionFile = name.parse()?;
    let presentation = playback.presentation();
    let rendition = file.find(presentation.as_ref())?;
    match file.kind {
        FileKind::Playlist => Ok(playlist_reply(&request, playlist::media(presentation.as_ref(), rendition.info()))),
        FileKind::KeyframePlaylist => {
            let missing = || prostream_core::Error::new(prostream_core::ErrorKind::NotFound, "find rendition");
            Ok(playlist_reply(&request, playlist::keyframes(rendition.info()).ok_or_else(missing)?))
        }
        FileKind::Init(number) => init(request, rendition.as_ref(), number).await,
        FileKind::Segment(index) | FileKind::TextSegment(index) => {
            // Subtitles are fetched far ahead of where a player is.
            if rendition.info().track.kind != TrackKind::Subtitle {
                playback.note_position(rendition.info(), index);
            }
            let found = rendition.segment(index).await?;
            Ok(segment(&request, found))
        }
        FileKind::Keyframe(index) => {
            let found = rendition.keyframe(index).await?;
            Ok(segment(&request, found))
        }
        FileKind::Script => {
            let found = rendition.script().await?;
            Ok(segment(&request, found))
        }
    }
}

async fn init(request: Request, rendition: &dyn Rendition, change_count: u32) -> Answer {
    let init = rendition.init_after(change_count).await?;
    let content = Content {
        content_type: if rendition.info().track.kind == TrackKind::Audio { "audio/mp4" } else { "video/mp4" },
        etag: short_etag(&init),
        size_bytes: init.len() as u64,
        cache: SEGMENT_CACHE,
    };
    Ok(content.answer(&request, |range| part_of(Box::pin(stream::iter([Ok(init)])), range)))
}

fn segment(request: &Request, segment: Segment) -> Response {
    let Segment { size_bytes, etag, content_type, is_provisional, body } = segment;
    let cache = if is_provisional { PROVISIONAL_CACHE } else { SEGMENT_CACHE };
    let content = Content { content_type, etag: format!("\"{etag}\""), size_bytes, cache };
    content.answer(request, |range| part_of(body, range))
}

/// The original file: nothing is read of it but the range that is asked for.
async fn original(_app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let source = Arc::clone(playback.source());
    let size_bytes = source.size_bytes();
    let content = Content {
        content_type: content_type_of(playback.file_name()),
        etag: short_etag(format!("{size_bytes} {}", source.identity()).as_bytes()),
        size_bytes,
        cache: FILE_CACHE,
    };
    let mut response = content.answer(&request, |range| source.stream(range));
    if response.status().is_success() {
        set(&mut response, CONTENT_DISPOSITION, &disposition("inline", playback.file_name()));
    }
    Ok(response)
}

/// The original file as a list of one entry: a browser hands it to the player that this machine opens lists with.
async fn original_list(app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let start_s = asked_start_s(&request)?;
    let address = app.link(&original_path(request.param("token")));
    // The list is opened from where it was saved, so the address has to be whole: without one of the settings, the one that was called.
    let address = if address.starts_with('/') { called_at(&request, &address) } else { address };
    let length_s = playlist::length_s(playback.presentation().as_ref()).round();
    let plain = |text: &str| text.chars().filter(|letter| !letter.is_control()).collect::<String>();
    let (name, title) = (plain(playback.file_name()), plain(&title_of(&playback)));
    // VLC begins there; others take the line for a comment.
    let start = start_s.map(|start_s| format!("#EXTVLCOPT:start-time={start_s}\n")).unwrap_or_default();
    let text = format!("#EXTM3U\n#EXTENC:UTF-8\n#EXTINF:{length_s},{title}\n{start}{address}\n");
    let mut response = bytes(LIST_TYPE, text);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(PLAYLIST_CACHE));
    set(&mut response, CONTENT_DISPOSITION, &disposition("attachment", &format!("{name}.m3u")));
    Ok(response)
}

/// What people call it: the film, or the name of the file, which says the episode too.
fn title_of(playback: &Playback) -> String {
    match playback.title().map(|title| &title.summary) {
        Some(summary) if summary.kind == TitleKind::Movie => match summary.year {
            Some(year) => format!("{} ({year})", summary.name),
            None => summary.name.clone(),
        },
        _ => playback.file_name().to_owned(),
    }
}

/// The address of a path at the host that the client called; the path alone for a host that is none.
fn called_at(request: &Request, path: &str) -> String {
    let host = request.header(&HOST).and_then(|host| host.parse::<Authority>().ok());
    match host.filter(|host| !host.as_str().contains('@')) {
        Some(host) => format!("http://{host}{path}"),
        None => path.to_owned(),
    }
}

/// A strong validator of a content or of what names it.
pub(super) fn short_etag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    format!("\"{}\"", to_hex(digest.get(..16).unwrap_or_default()))
}

/// The media type of a file by its ending: browsers do not look inside what is marked `nosniff`.
fn content_type_of(file_name: &str) -> &'static str {
    let ending = file_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "mp4" | "m4v" => "video/mp4",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "m4a" => "audio/mp4",
        "mka" => "audio/x-matroska",
        "flac" => "audio/flac",
        "mp3" => "audio/mpeg",
        _ => "application/octet-stream",
    }
}

/// The file's own name for whoever saves it (RFC 6266, RFC 8187); everything but letters and digits is encoded.
pub(super) fn disposition(kind: &str, file_name: &str) -> String {
    let encoded: String = file_name
        .bytes()
        .map(|byte| {
            let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        })
        .collect();
    format!("{kind}; filename*=UTF-8''{encoded}")
}

/// The answer to a name that cannot lie below a token: as for a token that opens nothing.
pub(super) fn no_such_name() -> Problem {
    prostream_core::Error::new(prostream_core::ErrorKind::NotFound, "open playback").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only names we give out go further (MEDIA-02).
    /// Method: our own names, and traversal in twenty-odd spellings.
    #[test]
    fn media_02_names_are_checked_first() {
        for good in [
            "main.m3u8",
            "file",
            "file.m3u",
            "p3c1/video-1/index.m3u8",
            "p3c1/video-1/init.mp4",
            "p3c1/video-1/init-1.mp4",
            "p3c1/video-1/keyframes.m3u8",
            "p3c1/video-1/k-12.m4s",
            "p3c1/audio-2/12.m4s",
            "p3c1/text-3/0.vtt",
            "p3c1/text-3/script.ass",
            "chapters.json",
            "chapters.vtt",
            "fonts.json",
            "fonts/1.ttf",
            "fonts/12.otf",
        ] {
            assert!(is_media_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "/..",
            "../main.m3u8",
            "p3c1/../main.m3u8",
            "..%2fmain.m3u8",
            "%2e%2e/main.m3u8",
            "..%252fmain.m3u8",
            "..\\main.m3u8",
            "%5c..%5cmain.m3u8",
            "..%c0%afmain.m3u8",
            "p3c1/video-1/12.m4s.mp4",
            "p3c1/video-1/.m4s/../x",
            ".m3u8",
            "main.m3u8/",
            "main.m3u8%00",
            "main.m3u8%0a",
            "MAIN.m3u8",
            "main.M3U8",
            "file.mkv",
            "main.m3u",
            "file.m3u/",
            "file/",
            "file%20",
            "fonts/1.woff",
            "fonts/../file",
            "fonts/Arial.ttf",
            "etc/passwd",
            "main.sh",
            "m\u{e4}in.m3u8",
            "main m.m3u8",
        ] {
            assert!(!is_media_name(bad), "{bad}");
        }
        assert!(is_media_name(&format!("{}.m4s", "a".repeat(96))));
        assert!(!is_media_name(&format!("{}.m4s", "a".repeat(97))));
    }

    /// Goal: a hostile file name cannot add a header or break out of its own.
    #[test]
    fn file_names_are_encoded() {
        assert_eq!(disposition("inline", "A film (1).mkv"), "inline; filename*=UTF-8''A%20film%20%281%29.mkv");
        assert_eq!(disposition("attachment", "a\"\r\nX: y"), "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20y");
    }
}
