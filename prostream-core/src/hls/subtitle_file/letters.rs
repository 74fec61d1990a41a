//! From the bytes of a file to its text. Total: every file is a text in some way.
//!
//! Source: the Encoding Standard (WHATWG), "Names and labels"; the code pages that Windows used for each language, in which subtitles were
//! written for decades.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253,
    WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

use crate::model::Language;

/// Letters of UTF-8 beyond ASCII that outweigh one broken place: text in other letters has hardly any by chance, and a broken one in each word.
const LETTERS_PER_BREAK: usize = 10;

/// The text of a file with `\n` between its lines. A byte order mark tells UTF-8 and UTF-16; without one, what can be UTF-8 is, and what is nearly
/// all of it has a `\u{fffd}` in each broken place; the rest is written in the letters that Windows had for `language`.
pub(super) fn read(bytes: &[u8], language: Option<&Language>) -> String {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark_len)) => {
            encoding.decode_without_bom_handling(bytes.get(mark_len..).unwrap_or_default()).0.into_owned()
        }
        None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) if is_nearly_utf8(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Err(_) => letters_of(language).decode_without_bom_handling(bytes).0.into_owned(),
        },
    };
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// Is it UTF-8 with a few broken places: letters that were cut in half, bytes that were lost?
fn is_nearly_utf8(bytes: &[u8]) -> bool {
    let (mut letter_count, mut break_count) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        letter_count = letter_count.saturating_add(chunk.valid().chars().filter(|letter| !letter.is_ascii()).count());
        break_count = break_count.saturating_add(usize::from(!chunk.invalid().is_empty()));
    }
    letter_count > break_count.saturating_mul(LETTERS_PER_BREAK)
}

/// What a language was written in before Unicode.
fn letters_of(language: Option<&Language>) -> &'static Encoding {
    let Some(language) = language else { return WINDOWS_1252 };
    let tag = language.as_str();
    match language.primary() {
        "sr" if tag.contains("Latn") => WINDOWS_1250,
        "bs" | "cs" | "hr" | "hu" | "pl" | "ro" | "sk" | "sl" | "sq" => WINDOWS_1250,
        "be" | "bg" | "kk" | "mk" | "mn" | "ru" | "sr" | "uk" => WINDOWS_1251,
        "el" => WINDOWS_1253,
        "az" | "tr" => WINDOWS_1254,
        "he" | "yi" => WINDOWS_1255,
        "ar" | "fa" | "ku" | "ur" => WINDOWS_1256,
        "et" | "lt" | "lv" => WINDOWS_1257,
        "vi" => WINDOWS_1258,
        "th" => WINDOWS_874,
        "ja" => SHIFT_JIS,
        "ko" => EUC_KR,
        "yue" => BIG5,
        "zh" if ["Hant", "TW", "HK", "MO"].iter().any(|part| tag.contains(part)) => BIG5,
        "zh" => GB18030,
        _ => WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(bytes: &[u8], language: &str) -> String {
        read(bytes, Language::parse(language).as_ref())
    }

    /// Goal: Unicode is known by its mark, or by being UTF-8, whatever the language is said to be.
    #[test]
    fn unicode_is_known_by_itself() {
        for language in ["", "ru", "zh"] {
            assert_eq!(read_as("né\u{4e2d}".as_bytes(), language), "né\u{4e2d}");
            assert_eq!(read_as(b"\xef\xbb\xbfn\xc3\xa9", language), "né");
            assert_eq!(read_as(b"\xff\xfen\0\xe9\0\x2d\x4e", language), "né\u{4e2d}");
            assert_eq!(read_as(b"\xfe\xff\0n\0\xe9\x4e\x2d", language), "né\u{4e2d}");
        }
        assert_eq!(read(b"a\r\nb\rc\n\r", None), "a\nb\nc\n\n");
        assert_eq!(read(b"\xff\xfea", None), "\u{fffd}", "half a letter");
    }

    /// Goal: a broken byte costs one letter and not the text, wherever it stands and whatever the language is said to be; few letters of UTF-8
    /// prove nothing.
    #[test]
    fn a_broken_byte_breaks_one_letter() {
        let whole = "Été: cœur, où, déjà, là, ça, forêt, œuvre, été";
        let at = whole.find('ê').unwrap();
        for (broken, text) in [
            ([&whole.as_bytes()[..at], b"\xc3", &whole.as_bytes()[at + 2..]].concat(), whole.replace('ê', "\u{fffd}")),
            ([b"\xe9\n", whole.as_bytes()].concat(), format!("\u{fffd}\n{whole}")),
            ([whole.as_bytes(), b"\xc3"].concat(), format!("{whole}\u{fffd}")),
        ] {
            for language in ["", "fr", "ru", "zh"] {
                assert_eq!(read_as(&broken, language), text, "{language}");
            }
        }
        let few = "déjà vu".as_bytes();
        assert_eq!(read(&[few, b"\xe9"].concat(), None), "dÃ©jÃ\u{a0} vué");
        assert_eq!(
            read(&[whole.as_bytes(), b" \xe9", b" \xe9"].concat(), Language::parse("el").as_ref()).chars().next(),
            Some('Γ')
        );
    }

    /// Goal: other files are in the letters of their language; without one in those of Western Europe.
    #[test]
    fn letters_follow_the_language() {
        for (language, bytes, text) in [
            ("", &b"\xe9"[..], "é"),
            ("fr", b"\xe9", "é"),
            ("cs", b"\xec", "ě"),
            ("pl", b"\xb3", "ł"),
            ("ru", b"\xe6", "ж"),
            ("sr", b"\xe6", "ж"),
            ("sr-Latn", b"\xe6", "ć"),
            ("el", b"\xe6", "ζ"),
            ("tr", b"\xfe", "ş"),
            ("he", b"\xf9", "ש"),
            ("ar", b"\xe3", "م"),
            ("lt", b"\xeb", "ė"),
            ("vi", b"\xfe", "₫"),
            ("th", b"\xa1", "ก"),
            ("ja", b"\x82\xa0", "あ"),
            ("ko", b"\xb0\xa1", "가"),
            ("zh", b"\xd6\xd0", "中"),
            ("zh-TW", b"\xa4\xa4", "中"),
            ("zh-Hant-HK", b"\xa4\xa4", "中"),
        ] {
            assert_eq!(read_as(bytes, language), text, "{language}");
        }
    }
}
