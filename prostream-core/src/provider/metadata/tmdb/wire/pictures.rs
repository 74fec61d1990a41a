//! Pictures of a title: their addresses, their sizes, and the order they are wanted in.

use serde::Deserialize;

use super::{Endpoint, language_of};
use crate::Result;
use crate::model::{Language, Picture, PictureKind, PictureSize};
use crate::net::Reply;
use crate::provider::lenient;
use crate::provider::metadata::MAX_PICTURES;

/// Widths in pixels that pictures are cut to; the original stands beside them. Source: `/configuration`.
const POSTER_WIDTHS: &[u32] = &[92, 154, 185, 342, 500, 780];

const BACKDROP_WIDTHS: &[u32] = &[300, 780, 1280];

const LOGO_WIDTHS: &[u32] = &[45, 92, 154, 185, 300, 500];

pub(super) const POSTER_SIZE: &str = "w342";

pub(super) const BACKDROP_SIZE: &str = "w1280";

impl Endpoint {
    /// The sizes of a picture, narrowest first: no size is wider than the original, and a drawing (SVG) has no other than that.
    fn sizes(&self, row: &PictureRow, widths: &[u32]) -> Vec<PictureSize> {
        let is_drawing = row.file_path.to_ascii_lowercase().ends_with(".svg");
        let narrower = widths.iter().filter(|width| !is_drawing && row.width.is_none_or(|original| **width < original));
        let sizes = narrower.map(|width| (Some(*width), format!("w{width}")));
        sizes
            .chain([(row.width, "original".to_owned())])
            .filter_map(|(width, size)| Some(PictureSize { width, url: self.picture(&size, Some(&row.file_path))? }))
            .collect()
    }

    /// Address of a picture on the catalogue's image host; `None` unless `path` is the plain `/name.ext` that TMDB writes (OUT-05).
    pub(super) fn picture(&self, size: &str, path: Option<&str>) -> Option<String> {
        let name = path?.strip_prefix('/')?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let is_good = !name.is_empty() && name.len() <= 128 && !name.contains("..") && name.bytes().all(is_plain);
        is_good.then(|| format!("{}/{size}/{name}", self.image_base_url.as_str().trim_end_matches('/')))
    }
}

#[derive(Debug, Deserialize)]
struct PictureRow {
    file_path: String,
    #[serde(default, deserialize_with = "lenient::maybe")]
    iso_639_1: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    width: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct PicturesBody {
    #[serde(deserialize_with = "lenient::required_list")]
    posters: Vec<PictureRow>,
    #[serde(deserialize_with = "lenient::required_list")]
    backdrops: Vec<PictureRow>,
    #[serde(default, deserialize_with = "lenient::list")]
    logos: Vec<PictureRow>,
}

/// Reads the pictures of a title: of each kind those in the language asked for first, then those without words, then the others; among
/// equals TMDB's order.
pub(in super::super) fn parse_pictures(
    endpoint: &Endpoint,
    reply: &Reply,
    language: Option<&Language>,
) -> Result<Vec<Picture>> {
    let body: PicturesBody = lenient::json(reply, "list pictures")?;
    let asked = language.map_or("en", Language::primary);
    let kinds = [
        (PictureKind::Poster, body.posters, POSTER_WIDTHS),
        (PictureKind::Backdrop, body.backdrops, BACKDROP_WIDTHS),
        (PictureKind::Logo, body.logos, LOGO_WIDTHS),
    ];
    let mut pictures = Vec::new();
    for (kind, rows, widths) in kinds {
        let mut found: Vec<Picture> = rows
            .into_iter()
            .take(MAX_PICTURES)
            .filter_map(|row| {
                let sizes = endpoint.sizes(&row, widths);
                let language = row.iso_639_1.as_deref().and_then(language_of);
                (!sizes.is_empty()).then_some(Picture { kind, language, sizes })
            })
            .collect();
        found.sort_by_key(|picture| match &picture.language {
            Some(language) if language.primary() == asked => 0,
            None => 1,
            Some(_) => 2,
        });
        pictures.extend(found);
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;
    use crate::model::TitleKind;

    /// Goal: a path that is not TMDB's plain form makes no picture address.
    #[test]
    fn pictures_stay_on_their_host() {
        let endpoint = endpoint("k");
        for wrong in ["//evil/p.jpg", "/../p.jpg", "/a/b.jpg", "p.jpg", "/", "/p.jpg?x", "javascript:x", "/p\n.jpg"] {
            assert_eq!(endpoint.picture("w342", Some(wrong)), None, "{wrong}");
        }
    }

    /// Goal: pictures come in the order they are wanted in, in sizes that are no wider than themselves.
    #[test]
    fn pictures_come_in_order_and_in_sizes() {
        let body = r#"{"id":1,"backdrops":[{"file_path":"/b.jpg","iso_639_1":null,"width":1280,"height":720}],
            "posters":[{"file_path":"/en.jpg","iso_639_1":"en","width":2000},{"file_path":"/none.jpg","iso_639_1":"xx","width":160},
                {"file_path":"/de.jpg","iso_639_1":"de"},{"file_path":"//evil/x.jpg"},{"iso_639_1":"de"}],
            "logos":[{"file_path":"/l.SVG","iso_639_1":"de","width":500}]}"#;
        let german = Language::parse("de-AT").unwrap();
        let pictures = parse_pictures(&endpoint("k"), &Reply::ok(body), Some(&german)).unwrap();
        let told: Vec<_> = pictures
            .iter()
            .map(|picture| {
                (picture.kind, picture.sizes.last().unwrap().url.rsplit('/').next().unwrap(), picture.sizes.len())
            })
            .collect();
        assert_eq!(
            told,
            [
                (PictureKind::Poster, "de.jpg", 7),
                (PictureKind::Poster, "none.jpg", 3),
                (PictureKind::Poster, "en.jpg", 7),
                (PictureKind::Backdrop, "b.jpg", 3),
                (PictureKind::Logo, "l.SVG", 1),
            ]
        );
        assert_eq!(pictures[1].sizes[0].url, "https://image.example/t/p/w92/none.jpg");
        assert_eq!(
            pictures[1].sizes[2],
            PictureSize { width: Some(160), url: "https://image.example/t/p/original/none.jpg".to_owned() }
        );
        let url = endpoint("k.k").pictures(TitleKind::Movie, 7, Some(&german)).url;
        assert_eq!(url.as_str(), "https://api.example/3/movie/7/images?include_image_language=null%2Cen%2Cde");
    }
}
