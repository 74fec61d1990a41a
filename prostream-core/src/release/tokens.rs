//! A name cut into words, with what stands between them and the brackets around them.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::ReleaseName;

/// A word of a release name: a run of letters and digits, apostrophes within it included.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// As written.
    pub(super) text: &'a str,
    /// Lower case, without accents.
    pub(super) folded: &'a str,
    /// An ASCII digit is in it.
    pub(super) has_digit: bool,
    /// An apostrophe is in it.
    pub(super) has_apostrophe: bool,
    /// Its bytes in the name.
    pub(super) span: Range<usize>,
    /// What stands between the token before and this one, brackets included.
    pub(super) gap: &'a str,
    /// Number of the innermost bracket around it, counted from 1 in order of opening; 0 outside.
    pub(super) bracket: usize,
}

impl Token<'_> {
    /// The whole token as a number of at most `digits` digits.
    pub(super) fn number(&self, digits: usize) -> Option<u32> {
        if self.has_digit { number(self.folded, digits) } else { None }
    }

    /// Nothing but one separator stands before it, as in `S01-S02` or `5.1`.
    pub(super) fn tight(&self) -> bool {
        self.gap.chars().count() <= 1
    }

    /// A dash with spaces around it stands before it, as before the title of an episode.
    pub(super) fn is_set_apart(&self) -> bool {
        self.mark() == "-" && !self.tight() || self.gap.ends_with(") - ")
    }

    /// The gap before it without the punctuation that closes what stands before or opens it: `Who? - ¿Qué?` is set apart by a dash.
    pub(super) fn join(&self) -> &str {
        self.gap.trim_start_matches(['!', '?']).trim_end_matches(['¿', '¡', '"', '“', '«', '\''])
    }

    /// The gap before it, spaces aside, and what stands for them: `.-.` is a dash.
    pub(super) fn mark(&self) -> &str {
        let mark = self.join().trim();
        let bare = mark.trim_matches(['.', '_', ' ']);
        if bare.is_empty() { mark } else { bare }
    }

    /// The gap before it opens or closes a bracket.
    pub(super) fn after_bracket(&self) -> bool {
        self.gap.chars().any(|letter| is_opening(letter) || is_closing(letter))
    }
}

/// A pair of brackets: the tokens within, and the bytes from opening to closing, both included.
#[derive(Debug)]
pub(super) struct Bracket {
    pub(super) tokens: Range<usize>,
    pub(super) span: Range<usize>,
    pub(super) opening: char,
}

/// A name in pieces.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pub(super) list: Vec<Token<'a>>,
    /// Bracket `n` of [`Token::bracket`] is the `n - 1`th.
    pub(super) brackets: Vec<Bracket>,
    /// What stands after the last token.
    pub(super) tail: &'a str,
}

/// A number of at most `digits` ASCII digits and nothing else.
pub(super) fn number(text: &str, digits: usize) -> Option<u32> {
    if text.is_empty() || text.len() > digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.bytes().try_fold(0u32, |value, digit| value.checked_mul(10)?.checked_add(u32::from(digit - b'0')))
}

/// Splits the digits off the front.
pub(super) fn leading_number(text: &str, digits: usize) -> Option<(u32, &str)> {
    if !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at_checked(end)?;
    number(run, digits).map(|value| (value, rest))
}

pub(super) fn is_opening(letter: char) -> bool {
    matches!(letter, '[' | '(' | '{' | '【' | '（' | '「' | '『' | '《' | '★')
}

pub(super) fn is_closing(letter: char) -> bool {
    matches!(letter, ']' | ')' | '}' | '】' | '）' | '」' | '』' | '》' | '★')
}

/// Whether a letter belongs to words.
fn is_word(letter: char) -> bool {
    match letter {
        '\0'..='\x7f' => letter.is_ascii_alphanumeric() || letter == '\'',
        // Cyrillic, kana, the common ideograms and Hangul, without a look at the large tables.
        '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}' => true,
        '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fef}' | '\u{ac00}'..='\u{d7a3}' => true,
        _ => letter.is_alphanumeric() || is_combining_mark(letter) || matches!(letter, '’' | 'ª' | 'º'),
    }
}

/// The letter that begins at a byte.
fn letter_at(name: &str, at: usize) -> Option<char> {
    let byte = *name.as_bytes().get(at)?;
    if byte.is_ascii() { Some(char::from(byte)) } else { name.get(at..)?.chars().next() }
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const APOSTROPHE: u8 = 4;

/// What each byte is within a word; 0 where it ends one, or is no ASCII.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'\'' => APOSTROPHE,
            letter if letter.is_ascii_alphabetic() => LETTER,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Where the word ends that goes on at a byte, and what ASCII is in it.
fn word_end(name: &str, from: usize) -> (usize, u8) {
    let (mut end, mut classes) = (from, 0);
    loop {
        for byte in name.as_bytes().iter().skip(end) {
            let class = CLASSES[usize::from(*byte)];
            if class == 0 {
                break;
            }
            classes |= class;
            end += 1;
        }
        match letter_at(name, end) {
            Some(letter) if !letter.is_ascii() && is_word(letter) => end += letter.len_utf8(),
            _ => return (end, classes),
        }
    }
}

/// Lower case without accents; the Cyrillic `х` between digits is the multiplication sign it looks like.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower: String = text
        .chars()
        .flat_map(char::to_lowercase)
        // й and ё are letters of their own, whatever they decompose to.
        .flat_map(|letter| {
            let plain = if matches!(letter, 'й' | 'ё' | 'ї') { None } else { Some(letter) };
            let keep = if plain.is_none() { Some(letter) } else { None };
            plain.into_iter().nfkd().filter(|part| !is_combining_mark(*part)).chain(keep)
        })
        .collect();
    let digits_around = lower.contains('х') && lower.chars().all(|letter| letter.is_ascii_digit() || letter == 'х');
    if digits_around { lower.replace('х', "x") } else { lower }
}

/// Cuts a name into tokens, [`ReleaseName::MAX_WORDS`] at most. Linear in its length. `lower` takes all that is folded, in one piece.
pub(super) fn tokenize<'a>(name: &'a str, lower: &'a mut String) -> Tokens<'a> {
    let is_ascii = name.is_ascii();
    if is_ascii {
        *lower = name.to_ascii_lowercase();
    }
    // Where each token's letters stand in `lower`, if not where they stand in the name.
    let mut places: Vec<Range<usize>> = Vec::new();
    let mut list: Vec<Token<'_>> = Vec::with_capacity((name.len() / 4 + 1).min(ReleaseName::MAX_WORDS));
    let mut brackets: Vec<Bracket> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut gap_start = 0;
    let mut end = 0;
    while let Some(letter) = letter_at(name, end) {
        let start = end;
        if !is_word(letter) {
            end += letter.len_utf8();
            let closes = is_closing(letter) && !(letter == '★' && open.is_empty());
            if closes && !open.is_empty() {
                if let Some(bracket) = open.pop().and_then(|index| brackets.get_mut(index)) {
                    bracket.tokens.end = list.len();
                    bracket.span.end = end;
                }
            } else if is_opening(letter) {
                open.push(brackets.len());
                brackets.push(Bracket { tokens: list.len()..list.len(), span: start..name.len(), opening: letter });
            }
            continue;
        }
        if list.len() == ReleaseName::MAX_WORDS {
            break;
        }
        let (word_end, classes) = word_end(name, start);
        end = word_end;
        let text = name.get(start..end).unwrap_or_default();
        let gap = name.get(gap_start..start).unwrap_or_default();
        let bracket = open.last().map_or(0, |index| index + 1);
        if !is_ascii {
            let place = lower.len();
            lower.push_str(&fold(text));
            places.push(place..lower.len());
        }
        let (has_digit, has_apostrophe) = (classes & DIGIT != 0, classes & APOSTROPHE != 0);
        list.push(Token { text, folded: "", has_digit, has_apostrophe, span: start..end, gap, bracket });
        gap_start = end;
    }
    // Brackets that never close hold the rest.
    for index in open {
        if let Some(bracket) = brackets.get_mut(index) {
            bracket.tokens.end = list.len();
        }
    }
    let lower: &'a str = lower;
    for (at, token) in list.iter_mut().enumerate() {
        let place = places.get(at).unwrap_or(&token.span);
        token.folded = lower.get(place.clone()).unwrap_or_default();
        if !is_ascii {
            // Folding makes plain digits of wide ones.
            token.has_digit = token.folded.bytes().any(|byte| byte.is_ascii_digit());
            token.has_apostrophe = token.folded.contains(['\'', '’']);
        }
    }
    Tokens { list, brackets, tail: name.get(gap_start..).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: words, gaps and brackets together are the whole name.
    /// Method: a name with every kind of separator, put together again.
    #[test]
    fn tokens_and_gaps_are_the_whole_name() {
        let name = "[Grp] Été_2 - D'Or.(S01E02)【1080p] x";
        let mut lower = String::new();
        let tokens = tokenize(name, &mut lower);
        let mut whole: String = tokens.list.iter().flat_map(|token| [token.gap, token.text]).collect();
        whole.push_str(tokens.tail);
        assert_eq!(whole, name);
        let folded: Vec<&str> = tokens.list.iter().map(|token| token.folded).collect();
        assert_eq!(folded, ["grp", "ete", "2", "d'or", "s01e02", "1080p", "x"]);
        let brackets: Vec<usize> = tokens.list.iter().map(|token| token.bracket).collect();
        assert_eq!(brackets, [1, 0, 0, 0, 2, 3, 0]);
        assert_eq!(tokens.brackets[1].tokens, 4..5);
    }
}
