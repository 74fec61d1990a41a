//! What a client asks for: types, ids and extra properties as the protocol writes them in a path.

use prostream_core::model::{MediaId, TitleId, TitleKind};

use crate::request::decode;

/// Longest extra properties that are looked at, in bytes.
const MAX_EXTRA_BYTES: usize = 2048;

/// Most digits of a number of rows.
const MAX_SKIP_DIGITS: usize = 6;

/// Most digits of a season's number.
const MAX_SEASON_DIGITS: usize = 6;

/// A title, one of its seasons, or one of its episodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) kind: TitleKind,
    /// The title or the episode.
    pub(crate) media_id: MediaId,
    /// The season, where that alone is named.
    pub(crate) season: Option<u32>,
}

impl Asked {
    /// Reads a type and a decoded id: `tt0133093`, `tt0944947:1:2`, `tmdb:603`, `tmdb:1399:1:2`, our own media ids, and `tt0944947:1` for a
    /// season. `None` for what is not ours.
    pub(crate) fn read(kind: &str, id: &str) -> Option<Self> {
        let kind = match kind {
            "movie" => TitleKind::Movie,
            "series" => TitleKind::Series,
            _ => return None,
        };
        let (media_id, season) = match whole(kind, id) {
            Some(media_id) => (media_id, None),
            None => {
                let (title, season) = id.rsplit_once(':')?;
                let is_number = season.len() <= MAX_SEASON_DIGITS && season.bytes().all(|byte| byte.is_ascii_digit());
                let media_id = whole(kind, title).filter(|media_id| is_number && media_id.episode.is_none())?;
                (media_id, Some(season.parse().ok()?))
            }
        };
        let is_of_kind = match &media_id.title {
            TitleId::Tmdb(own, _) => *own == kind,
            TitleId::Imdb(_) | TitleId::Kitsu(_) | TitleId::Local(_) => true,
        };
        let is_whole = media_id.episode.is_none() && season.is_none();
        let is_sound = is_of_kind && (kind == TitleKind::Series || is_whole);
        is_sound.then_some(Self { kind, media_id, season })
    }

    /// The film or the episode that can be played; `None` for a whole series or season.
    pub(crate) fn playable(&self) -> Option<&MediaId> {
        let is_playable = match self.kind {
            TitleKind::Movie => true,
            TitleKind::Series => self.media_id.episode.is_some(),
        };
        is_playable.then_some(&self.media_id)
    }
}

/// An id without a season of its own. The protocol's TMDB ids leave out the kind, which stands in the path beside them.
fn whole(kind: TitleKind, id: &str) -> Option<MediaId> {
    let number = id.strip_prefix("tmdb:").filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let id = match (number, kind) {
        (Some(rest), TitleKind::Movie) => format!("tmdb:movie:{rest}"),
        (Some(rest), TitleKind::Series) => format!("tmdb:series:{rest}"),
        (None, _) => id.to_owned(),
    };
    id.parse().ok()
}

/// A media id as the protocol writes it.
pub(super) fn protocol_id(media_id: &MediaId) -> String {
    let text = media_id.to_string();
    match text.strip_prefix("tmdb:movie:").or_else(|| text.strip_prefix("tmdb:series:")) {
        Some(rest) => format!("tmdb:{rest}"),
        None => text,
    }
}

/// The text of a search among the extra properties, which are a query string within the path; `None` where there is none, or where more than
/// the first page is asked for: a search has one.
///
/// The segment is split undecoded, so that a value may hold an escaped `&`. A plus is a space, as in queries: clients that mean one escape it.
pub(crate) fn search_text(extra: &str) -> Option<String> {
    let is_first_page = extra_value(extra, "skip").is_none_or(|skip| skip == "0");
    extra_value(extra, "search").filter(|_| is_first_page).map(|text| text.trim().to_owned())
}

/// How many rows of a catalogue the client has already; `None` for what is no number.
pub(crate) fn skipped(extra: &str) -> Option<usize> {
    match extra_value(extra, "skip") {
        None => Some(0),
        Some(skip) if skip.len() <= MAX_SKIP_DIGITS && skip.bytes().all(|byte| byte.is_ascii_digit()) => {
            skip.parse().ok()
        }
        Some(_) => None,
    }
}

/// One of the extra properties, such as `videoHash`.
pub(crate) fn extra_value(extra: &str, name: &str) -> Option<String> {
    if extra.len() > MAX_EXTRA_BYTES {
        return None;
    }
    let decoded = |text: &str| decode(&text.replace('+', " "));
    let mut pairs = extra.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((decoded(key)?, decoded(value)?))
    });
    pairs.find(|(key, _)| key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, id: &str) -> Option<(String, Option<u32>, bool)> {
        let asked = Asked::read(kind, id)?;
        Some((asked.media_id.to_string(), asked.season, asked.playable().is_some()))
    }

    /// Goal: every form that clients send is read as what it means.
    #[test]
    fn ids_are_read_with_their_type() {
        for (kind, id, media_id, season, is_playable) in [
            ("movie", "tt0133093", "tt0133093", None, true),
            ("movie", "tmdb:603", "tmdb:movie:603", None, true),
            ("movie", "tmdb:movie:603", "tmdb:movie:603", None, true),
            ("movie", "local:a-film", "local:a-film", None, true),
            ("series", "tt0944947", "tt0944947", None, false),
            ("series", "tt0944947:1", "tt0944947", Some(1), false),
            ("series", "tt0944947:0", "tt0944947", Some(0), false),
            ("series", "tt0944947:0:3", "tt0944947:0:3", None, true),
            ("series", "tmdb:1399", "tmdb:series:1399", None, false),
            ("series", "tmdb:1399:2", "tmdb:series:1399", Some(2), false),
            ("series", "tmdb:1399:2:5", "tmdb:series:1399:2:5", None, true),
            ("series", "kitsu:12:5", "kitsu:12:5", None, true),
        ] {
            assert_eq!(read(kind, id), Some((media_id.to_owned(), season, is_playable)), "{kind} {id}");
        }
    }

    /// Goal: a number of rows is a number, wherever it stands, and nothing else.
    #[test]
    fn skipped_rows_are_a_number() {
        for (extra, count) in
            [("", Some(0)), ("skip=100", Some(100)), ("genre=Drama&skip=40", Some(40)), ("skip=%31", Some(1))]
        {
            assert_eq!(skipped(extra), count, "{extra}");
        }
        for extra in ["skip=-1", "skip=1e3", "skip=9999999", "skip=x", "skip=%ff&skip=x"] {
            assert_eq!(skipped(extra), None, "{extra}");
        }
    }

    /// Goal: what is not ours is nothing, whatever it is.
    #[test]
    fn hostile_ids_are_nothing() {
        let long = "9".repeat(5_000);
        for (kind, id) in [
            ("movie", ""),
            ("movie", "tt"),
            ("movie", "yt_id:CHANNEL:VIDEO"),
            ("movie", "tt0944947:1:2"),
            ("movie", "tt0944947:1"),
            ("movie", "tmdb:series:1399"),
            ("movie", "tmdb:603:1:2"),
            ("movie", "tmdb:"),
            ("movie", "tmdb:-1"),
            ("movie", "tmdb:99999999999999999999999"),
            ("movie", &long),
            ("movie", "../../etc/passwd"),
            ("movie", "tt0133093.json"),
            ("movie", "local:../x"),
            ("movie", "tt0133093\n"),
            ("series", "tt0944947:1:2:3"),
            ("series", "tt0944947:"),
            ("series", "tt0944947:-1"),
            ("series", "tt0944947:1234567"),
            ("series", "tmdb:movie:603"),
            ("series", "::::"),
            ("channel", "tt0133093"),
            ("", "tt0133093"),
            ("Movie", "tt0133093"),
        ] {
            assert_eq!(read(kind, id), None, "{kind} {id}");
        }
    }

    /// Goal: the ids we give out come back as the same.
    #[test]
    fn ids_survive_the_way_there_and_back() {
        for (kind, id) in [
            ("movie", "tmdb:movie:603"),
            ("series", "tmdb:series:1399:2:5"),
            ("series", "tt0944947:1:2"),
            ("series", "kitsu:12:5"),
            ("movie", "local:a-film"),
        ] {
            let written = protocol_id(&id.parse().unwrap());
            assert_eq!(read(kind, &written).map(|(id, ..)| id), Some(id.to_owned()));
        }
        assert_eq!(protocol_id(&"tmdb:series:1399:2:5".parse().unwrap()), "tmdb:1399:2:5");
    }

    /// Goal: extra properties are split before they are decoded, in any order, and damaged ones are passed over.
    #[test]
    fn a_search_is_read_from_the_path() {
        for (extra, text) in [
            ("search=paper%20lanterns", Some("paper lanterns")),
            ("search=paper+lanterns", Some("paper lanterns")),
            ("search=a%2Bb", Some("a+b")),
            ("search=tom%26jerry%3D1", Some("tom&jerry=1")),
            ("skip=0&search=x", Some("x")),
            ("search=x&search=y", Some("x")),
            ("search=x&skip=100", None),
            ("search=", Some("")),
            ("genre=Action", None),
            ("search", None),
            ("search=%ff", None),
            ("%zz=1&search=x", Some("x")),
            ("", None),
        ] {
            assert_eq!(search_text(extra).as_deref(), text, "{extra}");
        }
        assert_eq!(search_text(&format!("search={}", "x".repeat(5_000))), None);
    }
}
