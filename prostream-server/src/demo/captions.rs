//! What the demo's OpenSubtitles has: captions for one film, some of them made for its very file.

use std::fmt::Write as _;

use bytes::Bytes;
use prostream_core::model::FileHash;
use prostream_core::testing::stand_in::{OpenSubtitlesStandIn, StandInSubtitle};

use super::titles::DemoTitle;

/// How many captions a file has, one every two seconds, each shown for one and a half.
const COUNT: u32 = 29;

/// Gives `service` three files for `title`: in English for the very file, in French for another release, in German by a machine.
pub(super) fn describe(service: OpenSubtitlesStandIn, title: &DemoTitle, film: &[u8]) -> OpenSubtitlesStandIn {
    let subtitle = |number: u64, language: &str, words: &str| StandInSubtitle {
        number,
        imdb_id: Some(title.imdb_id()),
        tmdb_id: Some(title.tmdb_id),
        title: title.name.to_owned(),
        language: language.to_owned(),
        release: title.releases.first().map(|release| release.name.to_owned()).unwrap_or_default(),
        bytes: captions(words),
        ..StandInSubtitle::default()
    };
    let exact = StandInSubtitle {
        file_hash: hash(film),
        download_count: 1_204,
        is_trusted: true,
        ..subtitle(1, "en", "Lantern")
    };
    let other = StandInSubtitle {
        release: format!("{} DVDRip", title.name),
        download_count: 310,
        is_hearing_impaired: true,
        ..subtitle(2, "fr", "Lanterne")
    };
    let machine = StandInSubtitle { is_machine_translated: true, ..subtitle(3, "de", "Laterne") };
    service.with_subtitle(exact).with_subtitle(other).with_subtitle(machine)
}

/// Names the file to the service, unless it is too small for that.
fn hash(film: &[u8]) -> Option<String> {
    let first = film.first_chunk::<{ FileHash::END_BYTES }>()?;
    let last = film.last_chunk::<{ FileHash::END_BYTES }>()?;
    FileHash::of(film.len() as u64, first, last).map(|hash| hash.to_string())
}

/// A file of captions in SubRip: the word and a number.
fn captions(words: &str) -> Bytes {
    let mut text = String::new();
    for number in 1..=COUNT {
        let second = number * 2;
        let next = second + 1;
        let _ = write!(text, "{number}\n00:00:{second:02},000 --> 00:00:{next:02},500\n{words} {number}\n\n");
    }
    text.into()
}
