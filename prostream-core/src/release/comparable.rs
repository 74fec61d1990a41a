//! Titles made comparable: two spellings of one title give the same words.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest title that is compared, in characters; no real one comes near, and the rest is ignored.
const MAX_TITLE_CHARS: usize = 512;

/// Words that may open a title in one spelling and be missing in the other.
const LEADING_ARTICLES: &[&str] = &[
    "the", "a", "an", "le", "la", "les", "l", "el", "los", "las", "lo", "il", "i", "gli", "der", "die", "das", "ein",
    "eine", "un", "une", "una", "o", "os", "as", "de", "het", "een", "den", "det", "en", "et",
];

/// Number words, where a number is expected: after `part`, `volume`, `chapter` and their kin.
const NUMBER_WORDS: &[(&str, u32)] = &[
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
];

/// Words before a number that name a part of a work.
const PART_WORDS: &[&str] = &["part", "pt", "parte", "partie", "teil", "vol", "volume", "chapter", "episode"];

/// Roman numerals that titles use; a lone `I`, `V` or `X` counts only at the end, since each is a word or a letter too.
const ROMAN: &[(&str, u32)] = &[
    ("ii", 2),
    ("iii", 3),
    ("iv", 4),
    ("vi", 6),
    ("vii", 7),
    ("viii", 8),
    ("ix", 9),
    ("xi", 11),
    ("xii", 12),
    ("xiii", 13),
    ("xiv", 14),
    ("xv", 15),
    ("xvi", 16),
];
const ROMAN_AT_END: &[(&str, u32)] = &[("i", 1), ("v", 5), ("x", 10)];

/// Letters that compatibility decomposition leaves alone, as Latin spellings write them. Cyrillic follows BGN/PCGN, simplified.
fn transliterate(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ł' => "l",
        'ı' => "i",
        '×' => "x",
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ґ' => "g",
        'д' => "d",
        'е' | 'є' | 'э' => "e",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' | 'ы' => "i",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ю' => "yu",
        'я' => "ya",
        _ => return None,
    })
}

/// Words of a text in lower case, without accents and punctuation; `&` and `+` become `and`, apostrophes and full stops
/// within a word vanish (`S.W.A.T.` stays four letters apart and is joined by [`key`]).
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let flush = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    for letter in text.chars().take(MAX_TITLE_CHARS).flat_map(char::to_lowercase).nfkd() {
        match letter {
            '\'' | '’' | '‘' | '`' | '´' | 'ʻ' => {}
            '&' | '+' => {
                flush(&mut word, &mut words);
                words.push("and".to_owned());
            }
            _ if is_combining_mark(letter) => {}
            _ => match transliterate(letter) {
                Some(latin) => word.push_str(latin),
                None if letter.is_alphanumeric() => word.push(letter),
                None => flush(&mut word, &mut words),
            },
        }
    }
    flush(&mut word, &mut words);
    words
}

/// Do these words stand in a text, one after the other? No words never do.
pub(super) fn holds_phrase(text: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && text.windows(phrase.len()).any(|window| window == phrase)
}

/// Letters that German and Danish write with two where they lack the one.
const SPELLED_OUT: &[(char, &str)] = &[('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('ø', "oe"), ('å', "aa")];

/// The [`key`] of a title, and where it has letters that are also spelled out, that of the title so spelled: `Müller`, `Mueller`.
pub(super) fn keys(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let is_spelled = lower.contains(|letter| SPELLED_OUT.iter().any(|(known, _)| *known == letter));
    let spelled = is_spelled.then(|| SPELLED_OUT.iter().fold(lower, |text, (letter, two)| text.replace(*letter, two)));
    std::iter::once(key(text)).chain(spelled.map(|spelled| key(&spelled)))
}

/// What is equal for all spellings of a title: articles, number styles and word breaks no longer show.
pub(super) fn key(text: &str) -> String {
    key_of(words(text))
}

fn key_of(mut words: Vec<String>) -> String {
    let count = words.len();
    let number = |word: &str, index: usize| {
        let find = |table: &[(&str, u32)]| table.iter().find(|row| row.0 == word).map(|row| row.1);
        if index == 0 {
            return None;
        }
        find(ROMAN).or_else(|| if index + 1 == count { find(ROMAN_AT_END) } else { None })
    };
    for index in 0..count {
        let after_part = index > 0 && PART_WORDS.contains(&words[index - 1].as_str());
        let value = number(&words[index], index).or_else(|| {
            let rows = NUMBER_WORDS.iter().chain(ROMAN_AT_END);
            if after_part { rows.into_iter().find(|row| row.0 == words[index]).map(|row| row.1) } else { None }
        });
        if let Some(value) = value {
            words[index] = value.to_string();
        }
    }
    // "Matrix, The" and "The Matrix"; inner "the" comes and goes between catalogues, other articles mean something there.
    // "L.A.M.P." begins with no article.
    let is_spaced_out = words.len() > 1 && words[0].len() == 1 && words[1].len() == 1;
    if words.len() > 1 && !is_spaced_out && LEADING_ARTICLES.contains(&words[0].as_str()) {
        words.remove(0);
    }
    if words.iter().any(|word| word != "the") {
        words.retain(|word| word != "the");
    }
    // A first part is often not counted: "Dune Part One" and "Dune", "Mulan 1" and "Mulan".
    if words.len() > 1 && words.last().is_some_and(|word| word == "1") {
        words.pop();
        if words.len() > 1 && words.last().is_some_and(|word| PART_WORDS.contains(&word.as_str())) {
            words.pop();
        }
    }
    // "Rocket Part 2" is "Rocket 2".
    if let [.., part, number] = words.as_slice()
        && words.len() > 2
        && PART_WORDS.contains(&part.as_str())
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        words.remove(words.len() - 2);
    }
    for word in &mut words {
        match word.as_str() {
            "pt" => *word = "part".to_owned(),
            "volume" => *word = "vol".to_owned(),
            _ => {}
        }
    }
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what people spell differently compares equal.
    /// Method: pairs of one title.
    #[test]
    fn spellings_of_one_title_share_a_key() {
        for (one, other) in [
            ("The Quiet Harbour", "Quiet.Harbour"),
            ("Amélie & Søren", "amelie and soren"),
            ("Harbour, The", "The Harbour"),
            ("Rocket II", "Rocket 2"),
            ("Rocket Part II", "Rocket 2"),
            ("Rocket, Vol. 2", "Rocket 2"),
            ("L.A.M.P.", "LAMP"),
            ("Lantern: Part Two", "Lantern Part II"),
            ("Mulberry 1", "Mulberry"),
            ("Spider-Boy", "Spiderboy"),
            ("D'Artagnan's Return", "DArtagnans return"),
            ("S.H.I.P.", "SHIP"),
            ("Straße nach Łódź", "Strasse nach Lodz"),
            ("Жихарка", "Zhikharka"),
            ("SPY×TEAM", "spy x team"),
        ] {
            assert_eq!(key(one), key(other), "{one} / {other}");
        }
    }

    /// Goal: sequels and other works stay apart.
    /// Method: pairs of two titles.
    #[test]
    fn different_titles_have_different_keys() {
        for (one, other) in [
            ("Rocket", "Rocket 2"),
            ("Rocket 2", "Rocket 3"),
            ("Lantern Part Two", "Lantern Part Three"),
            ("Harbour", "Harbour Nights"),
            ("Vitamin A", "Vitamin"),
            ("The", "A"),
        ] {
            assert_ne!(key(one), key(other), "{one} / {other}");
        }
    }
}
