//! A release name from a path: what the file name lacks is often in the names of its folders.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest release name, in characters.
const MAX_NAME_CHARS: usize = 512;

/// The words of a name: lower case, without accents and punctuation.
pub(super) fn words(text: &str) -> Vec<String> {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !matches!(c, '\'' | '’'))
        .flat_map(char::to_lowercase)
        .collect();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The release name of a file: `stem` is its name without extension, `folders` the folders that it lies in, outermost first.
///
/// A stem that tells title and year, or title and episode, is the name. Otherwise the nearest folder that is more than `Season 1` is put
/// in front, if it or the stem says which release or episode it is: `Movies` in front of `Sintel` would only be in the way.
pub(super) fn release_name(folders: &[String], stem: &str) -> String {
    let seasons: Vec<&str> = folders.iter().rev().map(String::as_str).take_while(|folder| is_season(folder)).collect();
    let folder = folders.iter().rev().map(String::as_str).nth(seasons.len());
    let is_needed = !tells_all(stem) && (!seasons.is_empty() || has_mark(stem) || folder.is_some_and(has_mark));
    let name = match folder {
        Some(folder) if is_needed => {
            // `Season 1` is only of use where the stem does not say it again.
            let season = seasons.first().filter(|_| !words(stem).iter().any(|word| is_episode(word)));
            [Some(folder), season.copied(), Some(stem)].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        _ => stem.to_owned(),
    };
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_NAME_CHARS).collect()
}

/// `Season 1`, `S01`, `Specials`
fn is_season(folder: &str) -> bool {
    let words = words(folder);
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["specials"] => true,
        ["season" | "series" | "staffel" | "saison", number] => is_number(number),
        [word] => word.strip_prefix('s').is_some_and(is_number),
        _ => false,
    }
}

/// Has it a mark with a title before it?
fn tells_all(stem: &str) -> bool {
    words(stem).iter().skip(1).any(|word| is_mark(word))
}

fn has_mark(text: &str) -> bool {
    words(text).iter().any(|word| is_mark(word))
}

/// A year, a season or an episode.
fn is_mark(word: &str) -> bool {
    let is_year = word.len() == 4 && is_number(word) && (word.starts_with("19") || word.starts_with("20"));
    is_year || is_episode(word) || word.strip_prefix('s').is_some_and(is_number)
}

/// `s01e02`, `1x02`
fn is_episode(word: &str) -> bool {
    let pair = word.strip_prefix('s').and_then(|rest| rest.split_once('e')).or_else(|| word.split_once('x'));
    pair.is_some_and(|(season, episode)| {
        // A double episode goes on: `s01e02e03`.
        is_number(season)
            && is_number(episode.split('e').next().unwrap_or_default())
            && episode.len() <= 8
            && season.len() <= 2
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a name has what the file name lacks and nothing that is in the way.
    #[test]
    fn names_come_from_file_and_folder_together() {
        let table: [(&[&str], &str, &str); 11] = [
            (&[], "Sintel", "Sintel"),
            (&["Movies"], "Sintel", "Sintel"),
            (&["Movies"], "Sintel.2010.1080p", "Sintel.2010.1080p"),
            (&["Movies", "Sintel (2010)"], "film", "Sintel (2010) film"),
            (&["Movies", "Sintel (2010)"], "Sintel.2010.1080p", "Sintel.2010.1080p"),
            (&["A Show"], "S01E02", "A Show S01E02"),
            (&["A Show", "Season 1"], "S01E02", "A Show S01E02"),
            (&["A Show", "Season 1"], "02 - The Second", "A Show Season 1 02 - The Second"),
            (&["A.Show.S01.1080p-GRP"], "e02", "A.Show.S01.1080p-GRP e02"),
            (&["TV", "A Show"], "A.Show.1x02.Title", "A.Show.1x02.Title"),
            (&["Season 1"], "02", "02"),
        ];
        for (folders, stem, wanted) in table {
            let folders: Vec<String> = folders.iter().map(ToString::to_string).collect();
            assert_eq!(release_name(&folders, stem), wanted);
        }
    }

    /// Goal: a title is found however its accents, case and punctuation are written.
    #[test]
    fn words_are_plain() {
        assert_eq!(words("L’Été d'A-B.C_ﬁn ÄÖ 2010"), ["lete", "da", "b", "c", "fin", "ao", "2010"]);
        assert_eq!(words(" -…- "), Vec::<String>::new());
    }
}
