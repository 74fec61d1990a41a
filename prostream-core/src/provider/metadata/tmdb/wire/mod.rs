//! TMDB's wire format: requests out, replies in; pure. Source: developer.themoviedb.org, API version 3.

mod lists;
mod pictures;
mod requests;
mod seasons;
mod title;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

pub(super) use self::lists::{Genre, ListPage, parse_genres, parse_list};
pub(super) use self::pictures::parse_pictures;
pub(super) use self::requests::{MAX_SEASONS, SEASONS_PER_REQUEST};
pub(super) use self::seasons::{fill_seasons, has_text_gaps};
pub(super) use self::title::{parse_details, parse_find};
use crate::Result;
use crate::model::Language;
use crate::net::{Reply, Secret};
use crate::provider::lenient;

/// Where and with which key requests go.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) image_base_url: Url,
    pub(super) key: Secret,
}

/// Is this TMDB's answer to every client? What stands in it is not used.
pub(super) fn parse_configuration(reply: &Reply) -> Result<()> {
    let Configuration { images } = lenient::json(reply, "check up")?;
    lenient::part::<Map<String, Value>>(images, "check up").map(drop)
}

#[derive(Debug, Deserialize)]
struct Configuration {
    images: Value,
}

/// TMDB writes 0 for an unknown length.
fn minutes(minutes: u64) -> Option<u32> {
    u32::try_from(minutes).ok().filter(|minutes| *minutes > 0)
}

/// TMDB writes `xx` for "no language" and `cn` for Cantonese. Source: `/configuration/languages`.
fn language_of(code: &str) -> Option<Language> {
    match code {
        "xx" => None,
        "cn" => Language::parse("yue"),
        code => Language::parse(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::model::{Season, TitleKind};

    pub(super) fn endpoint(key: &str) -> Endpoint {
        Endpoint {
            base_url: "https://api.example/3/".parse().unwrap(),
            image_base_url: "https://image.example/t/p".parse().unwrap(),
            key: Secret::new(key),
        }
    }

    /// Goal: only TMDB's own answer passes for one.
    #[test]
    fn a_check_up_knows_the_answer() {
        assert!(parse_configuration(&Reply::ok(r#"{"images":{"base_url":"x"},"change_keys":[]}"#)).is_ok());
        for other in ["{}", r#"{"images":"odd"}"#, "[]", r#"{"images":{"#] {
            assert_eq!(parse_configuration(&Reply::ok(other)).unwrap_err().kind(), ErrorKind::Malformed, "{other}");
        }
        assert_eq!(parse_configuration(&Reply::ok("<html>")).unwrap_err().kind(), ErrorKind::Unavailable);
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let search =
            r#"{"total_pages":2,"results":[{"id":1,"media_type":"tv","name":"Two","first_air_date":"2001-01-01"}]}"#;
        let find = r#"{"movie_results":[{"id":550}],"tv_results":[{"id":9}],"tv_episode_results":[{"show_id":3}]}"#;
        let details = r#"{"id":7,"name":"Show","runtime":5,"seasons":[{"season_number":1,"name":"x"}],"translations":
            {"translations":[{"iso_639_1":"en","data":{"name":"a"}}]},"external_ids":{"imdb_id":"tt0944947","tvdb_id":5}}"#;
        let seasons = r#"{"id":7,"season/1":{"episodes":[{"episode_number":2,"air_date":"2001-01-01","runtime":5}]}}"#;
        let genres = r#"{"genres":[{"id":28,"name":"Action"}]}"#;
        let pictures =
            r#"{"posters":[{"file_path":"/p.jpg","iso_639_1":"de","width":1000}],"backdrops":[],"logos":[]}"#;
        let cut = proptest::prop_oneof![proptest::strategy::Just(0usize), 0usize..200];
        proptest::proptest!(|(at: usize, byte: u8, cut in cut)| {
            let _ = parse_list(&endpoint("k"), &Reply::damaged(search, at, byte, cut), None, None, "test");
            let _ = parse_genres(&Reply::damaged(genres, at, byte, cut));
            let _ = parse_pictures(&endpoint("k"), &Reply::damaged(pictures, at, byte, cut), None);
            let _ = parse_find(&Reply::damaged(find, at, byte, cut), None);
            let _ = parse_details(&endpoint("k"), &Reply::damaged(details, at, byte, cut), TitleKind::Series, None);
            let mut season = [Season { number: 1, name: None, episodes: Vec::new() }];
            let _ = fill_seasons(&Reply::damaged(seasons, at, byte, cut), &mut season);
        });
    }
}
