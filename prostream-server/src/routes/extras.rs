//! `/hls/{token}/…` beside the streams: chapters, and the fonts that a file carries for its styled subtitles.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_DISPOSITION;
use prostream_core::hls::extras::{self, CHAPTERS_JSON_NAME, CHAPTERS_VTT_NAME, Chapter, Font};
use prostream_core::model::ByteRange;
use prostream_core::playback::Playback;
use serde::Serialize;
use utoipa::ToSchema;

use super::hls::{FILE_CACHE, disposition, short_etag};
use super::table::{Route, get};
use crate::app::App;
use crate::range::{Content, part_of};
use crate::reply::{Answer, Problem, set};
use crate::request::Request;

/// Name of the list of fonts, below the token.
const FONTS_NAME: &str = "fonts.json";

/// How much of a font is looked at before it is called one.
const FONT_HEAD_SIZE: u64 = 4;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/hls/{token}/chapters.json", "The chapters, as Apple's players read them")
            .gives_bytes(200, "the chapters", &["application/json"])
            .gives_bytes(304, "they have not changed", &[])
            .media(chapters_json),
        get("/hls/{token}/chapters.vtt", "The chapters as WebVTT")
            .gives_bytes(200, "the chapters", &["text/vtt"])
            .gives_bytes(304, "they have not changed", &[])
            .media(chapters_vtt),
        get("/hls/{token}/fonts.json", "The fonts that the file carries for its styled subtitles")
            .gives::<FontList>(200, "the fonts")
            .gives_bytes(304, "they have not changed", &[])
            .media(font_list),
        get("/hls/{token}/fonts/{font}", "A font that the file carries")
            .gives_bytes(200, "the font", &["font/ttf", "font/otf"])
            .gives_bytes(206, "the range", &["font/ttf", "font/otf"])
            .gives_bytes(304, "it has not changed", &[])
            .gives_bytes(416, "the range lies beyond the end", &[])
            .media(font),
    ]
}

/// A named part of a film.
#[derive(Serialize, ToSchema)]
#[schema(as = Chapter)]
pub(super) struct ChapterOut {
    /// Where it begins, in seconds.
    start_s: f64,
    /// Where it ends, in seconds.
    end_s: f64,
    /// Its name.
    title: String,
    /// Language of the name (BCP 47), where it is known.
    language: Option<String>,
}

impl From<Chapter> for ChapterOut {
    fn from(chapter: Chapter) -> Self {
        let language = chapter.language.map(|language| language.to_string());
        Self { start_s: chapter.start_s, end_s: chapter.end_s, title: chapter.title, language }
    }
}

/// A font that a file carries.
#[derive(Serialize, ToSchema)]
#[schema(as = Font)]
pub(super) struct FontOut {
    /// Its name, as the file says.
    name: String,
    /// `font/ttf` or `font/otf`.
    media_type: &'static str,
    /// Its length in bytes.
    size_bytes: u64,
    /// Where it is to be had.
    url: String,
}

impl FontOut {
    /// A font below a token.
    pub(super) fn below(app: &App, token: &str, font: &Font) -> Self {
        Self {
            name: font.name.clone(),
            media_type: font.media_type,
            size_bytes: font.range.len(),
            url: app.link(&format!("/hls/{token}/fonts/{}", font.file_name())),
        }
    }
}

/// All fonts of a file.
#[derive(Serialize, ToSchema)]
pub(super) struct FontList {
    fonts: Vec<FontOut>,
}

/// Address of the list of fonts below a token.
pub(super) fn fonts_path(token: &str) -> String {
    format!("/hls/{token}/{FONTS_NAME}")
}

/// Address of the chapters below a token, as JSON and as WebVTT.
pub(super) fn chapter_paths(token: &str) -> [String; 2] {
    [CHAPTERS_JSON_NAME, CHAPTERS_VTT_NAME].map(|name| format!("/hls/{token}/{name}"))
}

async fn chapters_json(_app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let text = extras::chapters_json(&playback.presentation().chapters());
    Ok(small(&request, "application/json", text))
}

async fn chapters_vtt(_app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    Ok(small(&request, "text/vtt", extras::chapters_vtt(&playback.presentation().chapters())))
}

async fn font_list(app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let token = request.param("token").to_owned();
    let fonts = playback.presentation().all_fonts().await?;
    let list = FontList { fonts: fonts.iter().map(|font| FontOut::below(&app, &token, font)).collect() };
    let text = serde_json::to_string(&list).map_err(|error| {
        prostream_core::Error::new(prostream_core::ErrorKind::Internal, "write answer").because(error)
    })?;
    Ok(small(&request, "application/json", text))
}

/// Something small that is made anew each time, with a validator of its own.
pub(super) fn small(request: &Request, content_type: &'static str, text: String) -> warp::reply::Response {
    let body = Bytes::from(text);
    let content = Content { content_type, etag: short_etag(&body), size_bytes: body.len() as u64, cache: FILE_CACHE };
    content.answer(request, |range| part_of(Box::pin(stream::iter([Ok(body)])), range))
}

/// A font, straight from the file. What only calls itself one is not there.
async fn font(_app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let name = request.param("font").to_owned();
    let is_it = |font: &&Font| font.file_name() == name;
    let presentation = playback.presentation();
    // Those that are known already need no look behind them.
    let font = match presentation.fonts().iter().find(is_it).cloned() {
        Some(font) => font,
        None => presentation.all_fonts().await?.iter().find(is_it).cloned().ok_or_else(Problem::not_found)?,
    };
    let source = Arc::clone(playback.source());
    let first = source.read_at(ByteRange::with_len(font.range.start, font.range.len().min(FONT_HEAD_SIZE))).await?;
    if !Font::is_font(&first.into_bytes()) {
        return Err(Problem::not_found());
    }
    let size_bytes = font.range.len();
    let named = format!("{} {} {}", source.identity(), font.range.start, size_bytes);
    let content =
        Content { content_type: font.media_type, etag: short_etag(named.as_bytes()), size_bytes, cache: FILE_CACHE };
    let start = font.range.start;
    let mut response = content.answer(&request, |range| {
        source.stream(ByteRange::new(start.saturating_add(range.start), start.saturating_add(range.end)))
    });
    if response.status().is_success() {
        set(&mut response, CONTENT_DISPOSITION, &disposition("attachment", &font.name));
    }
    Ok(response)
}
