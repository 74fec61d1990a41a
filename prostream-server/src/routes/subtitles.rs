//! Subtitles that do not come with the film: found for what plays, and given as WebVTT.

use std::sync::Arc;

use http::StatusCode;
use prostream_core::hls::subtitle_file::{FileHints, MAX_SHIFT_MS};
use prostream_core::model::Language;
use prostream_core::playback::{Playback, SubtitleWish};
use prostream_core::provider::subtitles::{MAX_LANGUAGES, Subtitle};
use prostream_core::resolve::{Viewer, subtitle_key};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::ToSchema;

use super::extras::small;
use super::hls::is_media_name;
use super::playbacks::playback_id;
use super::table::{Route, get};
use crate::app::App;
use crate::auth::Caller;
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, json};
use crate::request::Request;

/// The media type of every subtitle that is given.
const WEBVTT_TYPE: &str = "text/vtt";

/// A subtitle that does not come with the film.
#[derive(Serialize, ToSchema)]
#[schema(as = Subtitle)]
struct SubtitleOut {
    /// Names it.
    id: String,
    /// Who has it: `opensubtitles`.
    provider: String,
    /// BCP 47, where it is known.
    language: Option<String>,
    /// Name of the release that it was made for.
    release_name: Option<String>,
    /// It was made for the very file that plays.
    is_hash_match: bool,
    /// It tells sounds too, for those who do not hear them.
    is_hearing_impaired: bool,
    /// Only what is not spoken in the language of the film.
    is_foreign_parts_only: bool,
    /// A machine wrote it.
    is_machine_translated: bool,
    /// Its uploader is known for good work.
    is_trusted: bool,
    /// How often it was fetched by others.
    download_count: u64,
    /// Address of it as WebVTT, at the times of the player's clock; `&shift_ms=` shows it later, or earlier.
    vtt_url: String,
}

#[derive(Serialize, ToSchema)]
struct SubtitleList {
    /// Best first: those made for the very file, then by language, as asked for.
    subtitles: Vec<SubtitleOut>,
    /// A provider failed or did not answer in time.
    is_partial: bool,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/playbacks/{id}/subtitles", "Subtitles from outside for what plays, best first")
            .query(
                "language",
                "only these, the preferred one first: BCP 47 tags with commas between, at most 20",
                false,
            )
            .gives::<SubtitleList>(200, "the subtitles")
            .owner(RateClass::Search, list),
        get("/hls/{token}/subtitles/{subtitle}.vtt", "A subtitle from outside, as WebVTT")
            .query("language", "its language, which tells its letters where it is not written in Unicode", false)
            .query("frames_per_s", "pictures a second, for a file that counts pictures", false)
            .query("shift_ms", "how much later it is shown, in milliseconds; negative: earlier; at most a day", false)
            .gives_bytes(200, "the subtitle", &[WEBVTT_TYPE])
            .gives_bytes(304, "it has not changed", &[])
            .media(one),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    #[serde(default)]
    language: Option<String>,
}

/// Language tags with commas between.
fn languages(text: &str) -> Result<Vec<Language>, Problem> {
    let wrong = || Problem::invalid("language is BCP 47 tags with commas between, at most 20").advise("write en,pt-BR");
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    let languages: Vec<Language> =
        tags.take(MAX_LANGUAGES + 1).map(|tag| Language::parse(tag).ok_or_else(wrong)).collect::<Result<_, _>>()?;
    if languages.len() > MAX_LANGUAGES { Err(wrong()) } else { Ok(languages) }
}

async fn list(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let id = playback_id(&request)?;
    let query: ListQuery = request.query()?;
    let languages = languages(query.language.as_deref().unwrap_or_default())?;
    let full = app.full()?;
    let (call, viewer) = (app.call(&caller, request.client), full.viewer(&caller.user_id, None));
    let playbacks = full.engine.playbacks();
    let playback = playbacks.playback(&call, &viewer, id).await?;
    let found = playbacks.find_subtitles(&call, &viewer, &playback, &languages).await?;
    let token = full.accounts.media_token_of(id);
    let subtitles = found.subtitles.iter().filter_map(|subtitle| {
        let name = file_name(subtitle)?;
        Some(SubtitleOut {
            id: subtitle_key(subtitle),
            provider: subtitle.provider.to_string(),
            language: subtitle.language.as_ref().map(ToString::to_string),
            release_name: subtitle.release_name.clone(),
            is_hash_match: subtitle.is_hash_match,
            is_hearing_impaired: subtitle.is_hearing_impaired,
            is_foreign_parts_only: subtitle.is_foreign_parts_only,
            is_machine_translated: subtitle.is_machine_translated,
            is_trusted: subtitle.is_trusted,
            download_count: subtitle.download_count,
            vtt_url: app.link(&format!("/hls/{token}/{name}")),
        })
    });
    json(StatusCode::OK, &SubtitleList { subtitles: subtitles.collect(), is_partial: found.is_partial })
}

/// Name of a subtitle below a token, with what is known of its file; `None` for one whose name could not lie there.
pub(super) fn file_name(subtitle: &Subtitle) -> Option<String> {
    let name = format!("subtitles/{}.vtt", subtitle_key(subtitle));
    if !is_media_name(&name) {
        return None;
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(language) = &subtitle.language {
        query.append_pair("language", language.as_str());
    }
    if let Some(rate) = subtitle.frames_per_s {
        query.append_pair("frames_per_s", &rate.to_string());
    }
    // Never without one, so that whoever adds a shift has only to append it.
    let query = query.finish();
    Some(if query.is_empty() { format!("{name}?shift_ms=0") } else { format!("{name}?{query}") })
}

async fn one(app: Arc<App>, request: Request, playback: Arc<Playback>) -> Answer {
    let owner = playback.record().owner.as_str();
    // The address is the permission; what it asks of outside services counts to whom the playback belongs.
    app.budgets.draw_for_user(RateClass::Search, owner)?;
    let viewer = app.full()?.viewer(owner, None);
    webvtt(app, request, &viewer).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WishQuery {
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    frames_per_s: Option<String>,
    #[serde(default)]
    shift_ms: Option<String>,
}

/// The subtitle that the path names, as the query wishes it.
pub(super) async fn webvtt(app: Arc<App>, request: Request, viewer: &Viewer) -> Answer {
    let mut wish = SubtitleWish::new(request.param("subtitle"));
    let query: WishQuery = request.query()?;
    wish.hints = FileHints {
        // A language that nobody knows tells nothing of the letters.
        language: query.language.as_deref().and_then(Language::parse),
        frames_per_s: number(query.frames_per_s, "frames_per_s is a number")?,
    };
    let shift_ms: Option<i64> = number(query.shift_ms, "shift_ms is a whole number of milliseconds")?;
    wish.shift_ms = shift_ms.unwrap_or(0);
    if !(-MAX_SHIFT_MS..=MAX_SHIFT_MS).contains(&wish.shift_ms) {
        return Err(Problem::invalid(format!("shift_ms is at most {MAX_SHIFT_MS} either way")));
    }
    let call = app.call_of(&viewer.id, request.client);
    let text = app.full()?.engine.playbacks().subtitle(&call, viewer, &wish).await?;
    Ok(small(&request, WEBVTT_TYPE, text))
}

fn number<T: std::str::FromStr>(text: Option<String>, what: &'static str) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| Problem::invalid(what))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: tags in any number up to the limit; what is none is told.
    #[test]
    fn languages_are_read() {
        let read = |text: &str| languages(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(read("pt-br, EN,,ger").unwrap(), ["pt-BR", "en", "de"]);
        assert!(read("").unwrap().is_empty());
        assert!(read(&["en"; MAX_LANGUAGES].join(",")).is_ok());
        for wrong in ["english!", "x", "und", &["en"; MAX_LANGUAGES + 1].join(",")] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
