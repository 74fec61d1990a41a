//! Languages told by the letters in which something of a name is written.

use super::tokens::Tokens;

/// Scripts that tell their language: first and last letter, the language, and how many letters a word needs of it, so that a sign or an initial
/// tells nothing.
const SCRIPTS: &[(char, char, &str, usize)] = &[
    ('\u{0370}', '\u{03ff}', "el", 3),
    ('\u{0590}', '\u{05ff}', "he", 2),
    ('\u{0600}', '\u{077f}', "ar", 2),
    ('\u{0900}', '\u{097f}', "hi", 2),
    ('\u{0980}', '\u{09ff}', "bn", 2),
    ('\u{0a00}', '\u{0a7f}', "pa", 2),
    ('\u{0a80}', '\u{0aff}', "gu", 2),
    ('\u{0b80}', '\u{0bff}', "ta", 2),
    ('\u{0c00}', '\u{0c7f}', "te", 2),
    ('\u{0c80}', '\u{0cff}', "kn", 2),
    ('\u{0d00}', '\u{0d7f}', "ml", 2),
    ('\u{0e00}', '\u{0e7f}', "th", 2),
    ('\u{1100}', '\u{11ff}', "ko", 2),
    ('\u{ac00}', '\u{d7af}', "ko", 2),
];

/// Letters that Ukrainian has and Russian has not, and the other way round.
const UKRAINIAN: &[char] = &['і', 'ї', 'є', 'ґ', 'І', 'Ї', 'Є', 'Ґ'];
const RUSSIAN: &[char] = &['ы', 'э', 'ъ', 'ё', 'Ы', 'Э', 'Ъ', 'Ё'];

/// Letters that Persian has and Arabic has not, and Persian's own forms of two others.
const PERSIAN: &[char] = &['گ', 'چ', 'پ', 'ژ', 'ی', 'ک'];

/// Languages of the scripts in a name. Russian stands for all in Cyrillic that is not Ukrainian, Arabic for all in Arabic, as release names
/// use them.
pub(super) fn languages_of(tokens: &Tokens<'_>) -> Vec<&'static str> {
    if tokens.list.iter().all(|token| token.text.is_ascii()) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut add = |language: &'static str| {
        if !out.contains(&language) {
            out.push(language);
        }
    };
    // Kana and the ideograms beside them are Japanese; ideograms that stand apart are Chinese.
    let (mut has_kana, mut has_han) = (false, false);
    let has_letter = |letters: &[char]| tokens.list.iter().any(|token| token.text.contains(letters));
    let is_ukrainian = has_letter(UKRAINIAN) && !has_letter(RUSSIAN);
    let is_persian = has_letter(PERSIAN);
    for token in &tokens.list {
        // "日本語吹替" is no name, and of another language than its signs would tell.
        let is_kana = token.text.contains("日本語")
            || token.text.contains("吹替")
            || token.text.chars().any(|letter| matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}'));
        let is_han = |letter: &char| matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}');
        let han = token.text.chars().filter(is_han).count();
        let goes_on = token.gap.trim().is_empty() && (is_kana || han > 0);
        if !goes_on {
            if has_han && !has_kana {
                add("zh");
            }
            (has_kana, has_han) = (false, false);
        }
        if is_kana {
            add("ja");
        }
        has_kana |= is_kana;
        has_han |= han > 1;
        let count = |from: char, to: char| token.text.chars().filter(|letter| (from..=to).contains(letter)).count();
        if count('\u{410}', '\u{44f}') > 2 {
            add(if is_ukrainian { "uk" } else { "ru" });
        }
        // None of them has letters before the first.
        let is_other =
            token.text.chars().any(|letter| letter >= '\u{370}' && !('\u{400}'..='\u{52f}').contains(&letter));
        for (from, to, language, least) in SCRIPTS {
            if is_other && count(*from, *to) >= *least {
                add(if *language == "ar" && is_persian { "fa" } else { language });
            }
        }
    }
    if has_han && !has_kana {
        add("zh");
    }
    out
}
