//! Numbers named by a word: `Season 2`, `2nd Season`, `5-й сезон`, `Episode 5`, `Vol. 3`, `2 of 4`.

use std::ops::Range;

use crate::release::tokens::{Token, leading_number, number};
use crate::release::words::{Sketch, Words};

use super::signs::HANGUL_SEASON;
use super::written::episode_number;
use super::{OF_WORDS, RANGE_WORDS, Scanner, YEARS, range};

/// Seasons in words: `Second Season`, `Tercera Temporada`, `Prima Stagione`, `Первый сезон`; those of one number in each row.
const ORDINALS: &[&[&str]] = &[
    &["first", "primera", "primeira", "prima", "premiere", "erste", "первый", "перший", "pierwszy"],
    &["second", "segunda", "seconda", "deuxieme", "zweite", "второй", "другий", "drugi"],
    &["third", "tercera", "terceira", "terza", "troisieme", "dritte", "третий", "третій", "trzeci"],
    &["fourth", "cuarta", "quarta", "quatrieme", "vierte", "четвертый", "четвёртый", "четвертий", "czwarty"],
    &["fifth", "quinta", "cinquieme", "funfte", "пятый", "п'ятий", "piaty"],
    &["sixth", "sexta", "sesta", "sixieme", "sechste", "шестой", "шостий", "szosty"],
    &["seventh", "septima", "setima", "settima", "septieme", "siebte", "седьмой", "сьомий", "siodmy"],
    &["eighth", "octava", "oitava", "ottava", "huitieme", "achte", "восьмой", "восьмий", "osmy"],
    &["ninth", "novena", "nona", "neuvieme", "neunte", "девятый", "дев'ятий", "dziewiaty"],
    &["tenth", "decima", "dixieme", "zehnte", "десятый", "десятий", "dziesiaty"],
];
const CARDINALS: &[&str] = &[
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// Words that join two numbers.
pub(super) static AND_WORDS: Words = Words::new(&["and", "und", "et", "y", "e", "i", "и"]);

/// What Spanish and French write behind the digits of an ordinal: `1ra`, `2da`, `1ère`.
static ORDINAL_ENDINGS: Words =
    Words::new(&["ra", "era", "da", "nda", "ta", "ma", "va", "na", "er", "ere", "re", "de"]);

/// The number of an ordinal in words.
fn ordinal_number(word: &str) -> Option<u32> {
    ORDINALS.iter().position(|row| row.contains(&word)).and_then(|index| u32::try_from(index + 1).ok())
}

/// The number of a word in a list that counts from one.
fn spelled_number(word: &str, list: &[&str]) -> Option<u32> {
    list.iter().position(|known| *known == word).and_then(|index| u32::try_from(index + 1).ok())
}

/// Words before or after the number of a season.
pub(super) static SEASON_WORDS: Words = Words::new(&[
    "season",
    "seasons",
    "saison",
    "saisons",
    "temporada",
    "temporadas",
    "temp",
    "evad",
    "stagione",
    "stagioni",
    "staffel",
    "staffeln",
    "series",
    "sezon",
    "sezona",
    "seizoen",
    "seizoenen",
    "kaudet",
    "sesong",
    "sasong",
    "sæson",
    "kausi",
    "sezonul",
    "sn",
    "сезон",
    "сезона",
    "сезоны",
    "сезонов",
    "сезони",
    "sezony",
    "sez",
    "сез",
    "musim",
    "stag",
    "se",
    "st",
    "tem",
    "serie",
    "rada",
    "σεζον",
    "κυκλος",
    "الموسم",
    "موسم",
    "فصل",
    "phan",
    "mua",
    "tv",
    "тв",
]);
/// Season words that numbers in words and Roman numerals follow.
static SPELLED_SEASONS: Words =
    Words::new(&["season", "seasons", "series", "saison", "temporada", "stagione", "staffel", "sezon", "сезон"]);
/// Season words that follow their number in their language.
static SEASON_WORDS_AFTER: Words = Words::new(&[
    "evad",
    "sezon",
    "sezony",
    "sez",
    "сезон",
    "сезона",
    "сезоны",
    "сезонов",
    "сезони",
    "сез",
    "sezona",
    "serie",
    "rada",
]);
/// Czech season words that are words of other languages, too: they count behind an ordinal alone, `2. série`.
const SEASON_WORDS_ORDINAL: &[&str] = &["serie", "rada"];
/// Vietnamese words, which count with their accents: without them `Tap 5` is English.
const ACCENTED_WORDS: &[&str] = &["phan", "mua", "tap"];
/// Season words that are words of titles too, and need a number right behind them.
static SEASON_WORDS_DOUBTFUL: Words = Words::new(&["series", "temp", "tv", "sn", "тв", "stag", "se", "st", "tem"]);
/// Abbreviations that are words or codes, too: they count with their full stop or before an episode, `Stag. 2 Ep. 5`, `Se.1 Ep.2`.
const SEASON_ABBREVIATIONS: &[&str] = &["stag", "se", "st", "tem", "temp"];
/// Words before or after the number of an episode.
pub(super) static EPISODE_WORDS: Words = Words::new(&[
    "episode",
    "episodes",
    "ep",
    "eps",
    "epi",
    "episodio",
    "episodios",
    "episodi",
    "episoden",
    "episoade",
    "puntate",
    "odcinki",
    "jaksot",
    "afleveringen",
    "epizody",
    "epizode",
    "capitulo",
    "capitulos",
    "cap",
    "caps",
    "caap",
    "folge",
    "folgen",
    "afl",
    "aflevering",
    "odcinek",
    "odc",
    "bolum",
    "серия",
    "серии",
    "сер",
    "серий",
    "seriya",
    "seria",
    "serija",
    "serii",
    "ser",
    "puntata",
    "avsnitt",
    "afsnit",
    "jakso",
    "episodul",
    "epizoda",
    "resz",
    "e",
    "epizod",
    "выпуск",
    "эпизод",
    "эп",
    "серія",
    "серії",
    "серій",
    "επεισοδιο",
    "الحلقة",
    "حلقة",
    "قسمت",
    "ตอนท",
    "ตอน",
    "tap",
    "dil",
    "diel",
]);
static EPISODE_WORDS_AFTER: Words = Words::new(&[
    "bolum",
    "серия",
    "серии",
    "сер",
    "серий",
    "seriya",
    "seria",
    "serija",
    "serii",
    "ser",
    "выпуск",
    "серія",
    "серії",
    "серій",
    "resz",
    "epizoda",
    "epizod",
    "dil",
    "diel",
]);
/// Words that number the parts of films, too: they count behind a season, or where no year stands.
const EPISODE_OR_PART: &[&str] = &["resz", "dil", "diel"];
/// Words in the case that numbers from five on take: `8 серий` is how many there are.
const COUNTED_EPISODES: &[&str] = &["серий", "серій"];
static VOLUME_WORDS: Words = Words::new(&["vol", "vols", "volume", "volumes", "tome"]);
/// All words that count something.
static COUNTING_WORDS: Sketch =
    Sketch::EMPTY.or(SEASON_WORDS.sketch()).or(EPISODE_WORDS.sketch()).or(VOLUME_WORDS.sketch());
/// Words whose number is no episode.
pub(super) static OTHER_COUNTS: Words = Words::new(&[
    "movie", "film", "part", "pt", "parte", "vol", "volume", "ova", "oad", "cd", "disc", "disk", "chapter",
]);
/// Fewer in all, told behind a slash, may be the parts of a film: `(1/2)`.
const FEWEST_EPISODES: u32 = 4;
/// Words for a part, which counts like an episode where the number of all is told: `Part 2 of 4`.
const PART_WORDS: &[&str] = &["part", "pt", "parte", "chapter"];

impl Scanner<'_, '_> {
    /// Seasons, episodes and volumes named by words.
    pub(super) fn words(&mut self) {
        let had_episodes = !self.out.episodes.is_empty();
        for at in 0..self.tokens.list.len() {
            let Some(Token { text, folded: word, has_digit, .. }) = self.token(at) else { break };
            let (is_plain, word) = (text.is_ascii() && !has_digit, *word);
            if is_plain && !COUNTING_WORDS.may_hold(word) {
                continue;
            }
            if self.is_season_word(at) && self.out.seasons.len() < 2 {
                self.season_word(at);
            } else if EPISODE_WORDS.contains(word) && self.is_accented(at) {
                self.episode_word(at, had_episodes);
            } else if VOLUME_WORDS.contains(word)
                && let Some((volumes, end)) = self.numbers_after(at, 3, true)
            {
                self.out.volumes.extend(volumes);
                self.claim_tokens("volumes", at..end);
            } else if !is_plain && (text.is_ascii() || !self.signs(at, had_episodes)) {
                self.glued(at, had_episodes);
            }
        }
    }

    /// A word that counts seasons, by its letters or, in Korean, as written.
    fn is_season_word(&self, at: usize) -> bool {
        let hangul = self.token(at).is_some_and(|token| token.text == HANGUL_SEASON);
        // "Seria 1 Odcinek 5" is Polish; the Russian word for an episode reads the same.
        let polish = self.word(at) == "seria"
            && number(self.word(at + 1), 2).is_some()
            && EPISODE_WORDS.contains(self.word(at + 2));
        hangul || polish || SEASON_WORDS.contains(self.word(at)) && self.is_accented(at)
    }

    /// A word that counts only with its accents has them.
    fn is_accented(&self, at: usize) -> bool {
        let needs = ACCENTED_WORDS.contains(&self.word(at));
        !needs || self.token(at).is_some_and(|token| !token.text.is_ascii())
    }

    /// A year stands at `at`, outside brackets.
    fn year_follows(&self, at: usize) -> bool {
        let year = self.token(at).filter(|token| token.bracket == 0).and_then(|token| token.number(4));
        year.is_some_and(|year| YEARS.contains(&year))
    }

    /// Nothing of a title stands at `at`: the end, a mark, a bracket, a dash, a number or a word for episodes. Before a year it may be a film's.
    fn ends_words(&self, at: usize) -> bool {
        let Some(token) = self.token(at) else { return true };
        let digits = token.folded.trim_start_matches('e');
        !self.free(at)
            || token.after_bracket()
            || token.is_set_apart()
            || digits.starts_with(|letter: char| letter.is_ascii_digit()) && !self.year_follows(at)
            || EPISODE_WORDS.contains(token.folded)
    }

    /// The number right before a word: `2nd Season`, `10º Temporada`, `5-й сезон`, `09-я серия`.
    fn number_before(&self, at: usize) -> Option<(u32, bool, usize)> {
        let mut before = at.checked_sub(1)?;
        let small =
            |token: &Token<'_>| token.gap.chars().count() <= 2 && token.gap.chars().all(|c| " ._-°^".contains(c));
        if !small(self.token(at)?) {
            return None;
        }
        let mut ordinal = false;
        if matches!(self.word(before), "я" | "й" | "th" | "st" | "nd" | "rd" | "a" | "ª") {
            if !small(self.token(before)?) {
                return None;
            }
            before = before.checked_sub(1)?;
            ordinal = true;
        }
        ordinal |= self.token(at)?.gap.starts_with(['°', '^']);
        let (value, rest) = leading_number(self.word(before), 3)?;
        ordinal |= matches!(
            rest,
            "st" | "nd" | "rd" | "th" | "a" | "o" | "ª" | "º" | "ao" | "aa" | "й" | "я" | "e" | "eme" | "ª." | "ème"
        ) || ORDINAL_ENDINGS.contains(rest);
        let claimed = self.claim_at(before).is_held;
        (rest.is_empty() || ordinal).then_some((value, ordinal, before)).filter(|_| self.free(before) && !claimed)
    }

    /// Numbers behind a word: one, a list or a range; the index behind them.
    fn numbers_after(&self, at: usize, digits: usize, many: bool) -> Option<(Vec<u32>, usize)> {
        // "Stagioni da 1 a 3".
        let from = self.is_plural(at) && matches!(self.word(at + 1), "da" | "dalla" | "von");
        let first_at = at + 1 + usize::from(from);
        let first = self.token(first_at)?;
        if !self.free(first_at) || !first.gap.chars().all(|c| " .:_-(#№[{".contains(c)) || first.gap.chars().count() > 3
        {
            return None;
        }
        // "Season S2" says it twice; "Mini-Series.E02" says something else.
        let letter = if self.is_season_word(at) { 's' } else { 'e' };
        let (value, _) = episode_number(first.folded, digits)
            .or_else(|| first.folded.strip_prefix(letter).and_then(|rest| episode_number(rest, digits)))?;
        let mut numbers = vec![value];
        let mut end = first_at + 1;
        while many && let Some(token) = self.token(end).filter(|_| self.free(end)) {
            let last = numbers.last().copied().unwrap_or(0);
            let mark = token.mark();
            let word = token.folded.strip_prefix('e').unwrap_or(token.folded);
            if let Some((next, _)) = episode_number(word, digits) {
                let joined =
                    mark == "_" && digits == 4 && token.folded.len() >= 3 && token.folded.len() == first.folded.len();
                if matches!(mark, "-" | "~" | "–" | "—" | ":" | "--") || joined {
                    // "Season 22 - 91 Nights": the number opens a title.
                    let Some(more) =
                        range(last, next).filter(|_| token.tight() || self.is_plural(at) || !self.opens_words(end))
                    else {
                        break;
                    };
                    numbers.extend(more);
                } else if (mark.chars().all(|letter| ",&+ .".contains(letter)) || mark == "/" && self.is_plural(at))
                    && mark != "."
                    && next == last + 1
                    && !token.gap.is_empty()
                {
                    numbers.push(next);
                } else if matches!(mark, "&" | "+" | ",")
                    && next > last
                    && self.is_plural(at)
                    && self.ends_words(end + 1)
                    && !EPISODE_WORDS.contains(self.word(end + 1))
                {
                    // "Seasons 1-3 & 5".
                    numbers.push(next);
                } else if matches!(token.gap, "." | "_")
                    && next == last + 1
                    && SEASON_WORDS.contains(self.word(at))
                    && (numbers.len() > 1
                        || self.token(end + 1).is_some_and(|then| then.number(digits) == Some(next + 1)))
                {
                    // "Season.1.2.3": two might be season and episode.
                    numbers.push(next);
                } else {
                    break;
                }
            } else if (RANGE_WORDS.contains(token.folded) || mark == "-" && self.word(at) == token.folded)
                && let Some(last_at) = self.skip_article(end + 1 + usize::from(self.word(end + 1) == self.word(at)))
                && let Some(next) = self.token(last_at).and_then(|next| next.number(digits))
                && !(token.folded == "al" && names_one(first))
                && let Some(more) = range(last, next)
            {
                // "1 to 12", "1 a la 3", "Ep 1 - Ep 12", "Season 1 to Season 5".
                numbers.extend(more);
                end = last_at;
            } else if token.folded == "t"
                && self.word(end + 1) == "m"
                && self.token(end + 1).is_some_and(|token| token.gap == "/")
                && let Some(next) = self.token(end + 2).and_then(|next| next.number(digits))
                && let Some(more) = range(last, next)
            {
                // "Seizoen 1 t/m 3".
                numbers.extend(more);
                end += 2;
            } else if ((AND_WORDS.contains(token.folded) || matches!(mark, "+" | "&" | ","))
                || matches!(token.gap, " " | ".") && self.word(at) == token.folded)
                && let Some(next_at) = self.skip_word(at, end)
                && let Some(next) = self.token(next_at).and_then(|next| next.number(digits))
                && next == last + 1
            {
                // "1 and 2", "Season 1 + Season 2".
                numbers.push(next);
                end = next_at;
            } else {
                break;
            }
            end += 1;
        }
        Some((numbers, end))
    }

    /// `E(01-04)`, `2x[01-12]`: several numbers that fill the bracket right behind a word.
    pub(super) fn bracketed_after(&self, at: usize) -> Option<(Vec<u32>, usize)> {
        let bracket = self.token(at + 1)?.bracket.checked_sub(1).and_then(|index| self.tokens.brackets.get(index))?;
        let opens = bracket.tokens.start == at + 1 && matches!(self.token(at + 1)?.gap, "(" | "[" | " (" | " [");
        let found = self.numbers_after(at, 4, true).filter(|_| opens)?;
        (found.0.len() > 1 && found.1 == bracket.tokens.end).then_some(found)
    }

    /// The token behind what joins it to the one before: `and`, the word at `named` once more, or both.
    fn skip_word(&self, named: usize, joins: usize) -> Option<usize> {
        let behind_and = joins + usize::from(AND_WORDS.contains(self.word(joins)));
        let behind = behind_and + usize::from(self.word(behind_and) == self.word(named));
        (behind > joins).then_some(behind)
    }

    /// `a la 3`: the number stands behind the article.
    fn skip_article(&self, at: usize) -> Option<usize> {
        let at = if matches!(self.word(at), "la" | "las" | "el" | "the") { at + 1 } else { at };
        self.token(at).map(|_| at)
    }

    /// `1st & 2nd Season`, `1ª, 2ª e 3ª Temporada`, `1,2,3 серии`: the first number of the list that ends in the one at `start`, and where it stands.
    fn list_before(&self, start: usize, last: u32) -> Option<(u32, usize)> {
        let mut found: Option<(u32, usize)> = None;
        let is_plain = |at: usize| self.word(at).bytes().all(|byte| byte.is_ascii_digit());
        loop {
            let (number, at) = found.unwrap_or((last, start));
            let behind = match at.checked_sub(1) {
                Some(and) if AND_WORDS.contains(self.word(and)) => and,
                _ => at,
            };
            let listed = |token: &Token<'_>| {
                matches!(token.mark(), "&" | "+" | ",") || matches!(token.gap, " " | "_" | ".") && !is_plain(at)
            };
            let joined = behind < at || self.token(at).is_some_and(listed);
            let before = behind.checked_sub(1).filter(|from| joined && *from > 0 && self.free(*from));
            let Some(from) = before.filter(|from| is_plain(*from) == is_plain(start)) else { return found };
            match leading_number(self.word(from), 2) {
                Some((before, _)) if before.checked_add(1) == Some(number) => found = Some((before, from)),
                _ => return found,
            }
        }
    }

    /// The rest of a range that ends in the number at `start`: `1-4 сезон`, `1 - 4 Temporadas`, `01-16화`.
    pub(super) fn range_before(&self, start: usize, last: u32, digits: usize) -> Option<(Vec<u32>, usize)> {
        let dashed = self.token(start).is_some_and(|token| matches!(token.gap, "-" | "~" | "–" | " - " | ".-."));
        // "1 a 3 Temporada".
        let worded = RANGE_WORDS.contains(self.word(start.checked_sub(1)?));
        let from = if worded { start.checked_sub(2) } else { start.checked_sub(1) };
        let from = from.filter(|at| (dashed || worded) && *at > 0 && self.free(*at))?;
        // "1st-5th Season": both are ordinals, or none.
        let is_plain = |at: usize| self.word(at).bytes().all(|byte| byte.is_ascii_digit());
        let (first, rest) = leading_number(self.word(from), digits)?;
        // "Zone 2 - 04ª Temporada": a title ends in a number.
        let is_apart = self.token(start).is_some_and(|token| !token.tight()) && first > 1 && !is_plain(start);
        let fits = rest.is_empty() && !is_apart || matches!(rest.len(), 1 | 2) && !is_plain(start);
        range(first, last).filter(|_| fits).map(|all| (all.collect(), from))
    }

    /// A word for several seasons.
    pub(super) fn is_plural(&self, at: usize) -> bool {
        matches!(self.word(at), "seasons" | "saisons" | "temporadas" | "stagioni" | "staffeln" | "sezony")
    }

    /// `Season Twelve`, `Seasons One to Three`, `Seasons I-III`: the seasons told in words behind one, and the index behind them.
    fn spelled_after(&self, at: usize) -> Option<(Vec<u32>, usize)> {
        let word = self.word(at);
        let read = |at: usize| spelled_number(self.word(at), CARDINALS).or_else(|| roman(self.word(at)));
        let first = read(at + 1).filter(|_| SPELLED_SEASONS.contains(word))?;
        let dashed = |token: &Token<'_>| matches!(token.mark(), "-" | "~" | "–");
        let last_at = match self.token(at + 2) {
            Some(token) if dashed(token) => at + 2,
            Some(token) if RANGE_WORDS.contains(token.folded) => at + 3,
            _ => at,
        };
        let more = read(last_at).filter(|_| last_at > at).and_then(|last| range(first, last));
        let (seasons, end) = more.map_or((vec![first], at + 2), |all| (all.collect(), last_at + 1));
        // "Series One Hundred" is a title.
        let is_title = word == "series" && (!self.ends_words(end) || roman(self.word(at + 1)).is_some());
        (!is_title).then_some((seasons, end))
    }

    fn season_word(&mut self, at: usize) {
        let word = self.word(at);
        // "2-06. Season of Storms": a title.
        if self.word(at + 1) == "of" && self.token(at + 2).is_some_and(|next| next.number(4).is_none()) {
            return;
        }
        let doubtful = SEASON_WORDS_DOUBTFUL.contains(word);
        let before = self.number_before(at).filter(|found| found.0 < 100);
        let dotted = self.token(at).is_some_and(|token| token.gap.starts_with('.'));
        if SEASON_WORDS_ORDINAL.contains(&word) && !(dotted && before.is_some()) {
            return;
        }
        let prefer_before =
            before.is_some_and(|(_, ordinal, _)| ordinal || !doubtful && SEASON_WORDS_AFTER.contains(word));
        if prefer_before && let Some((season, _, start)) = before {
            // "1ª a 8ª Temporada".
            let mut first = start;
            let mut seasons = vec![season];
            if start >= 2
                && RANGE_WORDS.contains(self.word(start - 1))
                && let Some((from, _)) = leading_number(self.word(start - 2), 2)
                && let Some(all) = range(from, season)
            {
                seasons = all.collect();
                first = start - 2;
            }
            if let Some((all, from)) = self.range_before(start, season, 2) {
                seasons = all;
                first = from;
            }
            if let Some((lowest, from)) = self.list_before(start, season) {
                seasons = (lowest..=season).collect();
                first = from;
            }
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", first..at + 1);
            return;
        }
        // "Second Season 05": the episode follows.
        let ordinal = at.checked_sub(1).and_then(|at| ordinal_number(self.word(at))).filter(|_| word == "season");
        if let Some(season) = ordinal {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at - 1..at + 1);
            return;
        }
        // "Final Season - 05": an episode, as anime releases write it.
        let set_apart = self.token(at + 1).is_some_and(Token::is_set_apart);
        let numbers = self.numbers_after(at, 2, true).filter(|_| !(self.opens_with_group && set_apart));
        if let Some((seasons, end)) = numbers {
            let abbreviation = SEASON_ABBREVIATIONS.contains(&word);
            let is_word_too = abbreviation && word != "temp";
            let abbreviated = abbreviation
                && (word.len() > 2 && self.token(at + 1).is_some_and(|token| token.gap == ". ")
                    || EPISODE_WORDS.contains(self.word(end).trim_end_matches(|letter: char| letter.is_ascii_digit())));
            if doubtful
                && !abbreviated
                && (is_word_too
                    || self.token(at + 1).is_some_and(|token| !token.tight())
                    || (word == "tv" || word == "тв") && self.token(at + 1).is_some_and(|token| token.gap != "-"))
            {
                return;
            }
            let (seasons, end, episode) = self.season_or_episode(at, seasons, end);
            if self.out.seasons.is_empty() || seasons.len() > 1 {
                self.out.seasons.extend(seasons);
            }
            self.claim_tokens("seasons", at..end);
            if let Some(episode) = episode
                && self.out.episodes.is_empty()
                && !self.take(end)
            {
                self.out.episodes.push(episode);
                self.claim_tokens("episodes", end..end + 1);
            }
        } else if let Some((seasons, tokens)) = self.seasons_further_on(at) {
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", tokens);
        } else if let Some((seasons, end)) = self.spelled_after(at) {
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", at..end);
        } else if let Some(season) = at
            .checked_sub(1)
            .and_then(|at| ordinal_number(self.word(at)))
            .filter(|_| !doubtful || word == "series" && self.ends_words(at + 1))
        {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at - 1..at + 1);
        } else if let Some(season) =
            ordinal_number(self.word(at + 1)).filter(|_| word == "stagione" || word == "temporada")
        {
            // "Stagione Terza".
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at..at + 2);
        } else if let Some((season, _, start)) = before.filter(|_| !doubtful) {
            let told = self.range_before(start, season, 2);
            let told =
                told.or_else(|| self.list_before(start, season).map(|(first, at)| ((first..=season).collect(), at)));
            // "3 Seasons" is how many there are, "The 4 Seasons 2012" a film.
            let counted = told.is_none() && self.is_plural(at) && season > 1;
            if counted && self.year_follows(at + 1) {
                return;
            }
            self.out.is_whole |= counted;
            let (seasons, start) =
                told.unwrap_or_else(|| (if counted { (1..=season).collect() } else { vec![season] }, start));
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", start..at + 1);
        }
    }

    /// `Seasons complete 1-4`: the numbers stand some words behind.
    fn seasons_further_on(&self, at: usize) -> Option<(Vec<u32>, Range<usize>)> {
        /// Longest such detour, in words.
        const MOST_WORDS: usize = 3;
        if self.word(at) != "seasons" {
            return None;
        }
        let last = (at + 3..at + 3 + MOST_WORDS).find(|at| {
            self.token(*at).is_some_and(|token| token.gap == "-" && token.number(2).is_some() && self.free(*at))
        })?;
        let (first, end) = (self.token(last - 1)?.number(2)?, self.token(last)?.number(2)?);
        range(first, end).filter(|_| self.free(last - 1)).map(|all| (all.collect(), at..last + 1))
    }

    /// `Season 1 - 4` counts seasons, `Season 3 - 11` and `Season 3 46` name an episode.
    fn season_or_episode(&self, at: usize, seasons: Vec<u32>, end: usize) -> (Vec<u32>, usize, Option<u32>) {
        let plural = self.word(at).ends_with('s') && self.word(at) != "series" || self.word(at) == "stagioni";
        let first = seasons.first().copied().unwrap_or(0);
        let (Some(one), Some(next)) = (self.token(at + 1), self.token(at + 2)) else { return (seasons, end, None) };
        if plural || !self.free(at + 2) {
            return (seasons, end, None);
        }
        let Some((episode, _)) = episode_number(next.folded, 3) else { return (seasons, end, None) };
        let ends = self.token(at + 3).is_none_or(Token::after_bracket);
        let spaced_dash = next.mark() == "-" && next.gap.len() > 1;
        let wider = next.folded.len() > one.folded.len();
        let padded =
            next.folded.starts_with('0') && seasons.len() == 2 || next.folded.len() >= 2 && self.opens_with_group;
        if spaced_dash && (wider || padded) {
            return (vec![first], at + 2, Some(episode));
        }
        // "Season 4.16", "Season 11 01", "Season 3 46".
        let ranged = self.token(at + 3).is_some_and(|last| {
            next.folded.len() >= 2 && matches!(last.mark(), "-" | "~" | "–") && last.number(4) > Some(episode)
        });
        let follows = next.gap == "." && one.folded.len() < 3 && next.folded.len() == 2
            || next.gap == " " && (ends || ranged) && (next.folded.starts_with('0') || episode > first + 1);
        if follows && seasons.len() == 1 {
            return (vec![first], at + 2, Some(episode));
        }
        (seasons, end, None)
    }

    fn episode_word(&mut self, at: usize, had_episodes: bool) {
        // "S 01 E 05" is read.
        if self.claim_at(at).is_held {
            return;
        }
        let word = self.word(at);
        if EPISODE_OR_PART.contains(&word) && self.out.seasons.is_empty() && self.last_year > Some(0) {
            return;
        }
        // "2ª e 3ª" joins two ordinals.
        let counts_before = |ordinal: bool| ordinal && word != "e" || EPISODE_WORDS_AFTER.contains(word);
        let before = self.number_before(at).filter(|(_, ordinal, _)| counts_before(*ordinal));
        // "Bottle.Cap.2014" is of that year; "Serie Cap.2014" and "[Cap.2014]" count.
        let bracket = |at: usize| self.token(at).map_or(0, |token| token.bracket);
        let year = self.token(at + 1).and_then(|next| next.number(4)).filter(|year| YEARS.contains(year));
        let is_counted = matches!(word, "cap" | "caps")
            && self.token(at + 1).is_some_and(|next| next.gap == ".")
            && self.token(at).is_some_and(|token| token.gap != ".");
        let is_own = bracket(at + 1) == 0 || bracket(at + 1) != bracket(at);
        if before.is_none() && year.is_some() && is_own && !is_counted && self.out.seasons.is_empty() {
            return;
        }
        let (episodes, tokens) = if let Some((episode, ordinal, start)) = before {
            // "1-3 серия", "с 1 по 10 серию".
            let ranged = RANGE_WORDS.contains(self.word(start.wrapping_sub(1)));
            let from_at = if ranged { start.checked_sub(2) } else { start.checked_sub(1) };
            let dashed = self.token(start).is_some_and(|token| matches!(token.gap, "-" | "~" | "–" | " - "));
            let from =
                from_at.filter(|at| (ranged || dashed) && self.free(*at)).and_then(|at| self.token(at)?.number(4));
            match from.and_then(|from| range(from, episode)).zip(from_at) {
                Some((all, from_at)) => (all.collect(), from_at..self.skip_total(at + 1)),
                None => {
                    let listed = self.list_before(start, episode);
                    let (first, start) = listed.unwrap_or((episode, start));
                    let counted = listed.is_none() && !ordinal && COUNTED_EPISODES.contains(&word);
                    let first = if counted { 1 } else { first };
                    ((first..=episode).collect(), start..self.skip_total(at + 1))
                }
            }
        } else if word == "e" {
            // "e" alone is a word of many languages: "E 05" needs its zero or a season before it.
            match self.bracketed_after(at).or_else(|| self.numbers_after(at, 4, false)) {
                Some((numbers, end)) if numbers.len() > 1 => (numbers, at..end),
                Some((numbers, end)) if self.word(at + 1).starts_with('0') && !self.out.seasons.is_empty() => {
                    (numbers, at..end)
                }
                _ => return,
            }
        } else if let Some((numbers, end)) = self.numbers_after(at, 4, true) {
            // "Episode 1.05" names both.
            if let ([season], Some(next)) = (numbers.as_slice(), self.token(end))
                && matches!(word, "episode" | "ep")
                && self.out.seasons.is_empty()
                && next.gap == "."
                && next.folded.len() >= 2
                && (1..100).contains(season)
                && let Some(episode) = next.number(3).filter(|_| self.free(end))
            {
                self.take_both((*season, at..at + 2), (episode, end..end + 1));
                return;
            }
            // "EP #1.2" repeats the season.
            if let ([season], Some(next)) = (numbers.as_slice(), self.token(end))
                && self.out.seasons == [*season]
                && next.gap == "."
                && self.token(at + 1).is_some_and(|token| token.gap.ends_with('#'))
                && let Some(episode) = next.number(3)
            {
                (vec![episode], at..end + 1)
            } else {
                (numbers, at..self.skip_total(end))
            }
        } else if let Some(episode) = spelled_number(self.word(at + 1), CARDINALS)
            && word == "episode"
            && !self.out.seasons.is_empty()
        {
            // "Season One Episode Five"; without a season it is the name of a film.
            (vec![episode], at..at + 2)
        } else {
            return;
        };
        if had_episodes {
            self.out.absolute.extend(episodes);
            self.claim_tokens("absolute_episodes", tokens);
        } else {
            self.out.episodes.extend(episodes);
            self.claim_tokens("episodes", tokens);
        }
    }

    /// `2of4`, `(1 of 8)`, `[26 из 26]`, `Part 2 of 4`, `Ep2of4`, `[5/12]`.
    pub(super) fn counted_of(&mut self) {
        if !self.out.episodes.is_empty() {
            return;
        }
        for at in 0..self.tokens.list.len() {
            let other_count = |before: Option<usize>| {
                let word = before.map_or("", |before| self.word(before));
                OTHER_COUNTS.contains(word) && !PART_WORDS.contains(&word)
            };
            let part_word = |before: Option<usize>| before.filter(|before| PART_WORDS.contains(&self.word(*before)));
            let unnamed = |word: &'_ str| {
                let bare = word.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
                let name = word.len() - bare.len();
                if matches!(word.get(..name), Some("e" | "ep" | "pt" | "part")) { name } else { 0 }
            };
            let word = self.word(at);
            if !OF_WORDS.contains(word) && !self.token(at).is_some_and(|token| token.has_digit) {
                continue;
            }
            if let Some((first, rest)) = word.get(unnamed(word)..).and_then(|word| leading_number(word, 3))
                && let Some(total) = rest.strip_prefix("of").and_then(|rest| number(rest, 3))
                && first <= total
                && first > 0
                && !other_count(at.checked_sub(1))
            {
                let start = part_word(at.checked_sub(1)).unwrap_or(at);
                self.out.episodes.push(first);
                self.claim_tokens("episodes", start..at + 1);
                return;
            }
            if let Some(total) =
                self.token(at).filter(|token| token.gap == "/" && at > 0).and_then(|token| token.number(2))
                && total >= FEWEST_EPISODES
                && self.is_whole_bracket(at - 1..at + 1)
                && let Some(first) = number(self.word(at - 1), 2).filter(|first| (1..=total).contains(first))
            {
                self.out.episodes.push(first);
                self.claim_tokens("episodes", at - 1..at + 1);
                return;
            }
            // "[01-08/08]".
            if let [Some(from), Some(last), Some(total)] =
                [at, at + 1, at + 2].map(|at| self.token(at).and_then(|token| token.number(3)))
                && self.token(at + 1).is_some_and(|token| token.gap == "-")
                && self.token(at + 2).is_some_and(|token| token.gap == "/")
                && self.is_whole_bracket(at..at + 3)
                && last <= total
                && let Some(all) = range(from, last)
            {
                self.out.episodes.extend(all);
                self.claim_tokens("episodes", at..at + 3);
                return;
            }
            if OF_WORDS.contains(self.word(at))
                && self.word(at) != "de"
                && at > 0
                && let (Some(before), Some(after)) = (self.token(at - 1), self.token(at + 1))
                && let (Some(first), Some(total)) = (before.number(3), after.number(3))
                && first <= total
                && first > 0
                && self.free(at - 1)
                && total > 1
                && !other_count(at.checked_sub(2))
            {
                let from = at.checked_sub(2).and_then(|from| self.token(from)).and_then(|token| token.number(3));
                let all = from.filter(|_| before.mark() == "-").and_then(|from| range(from, first));
                let start = match part_word(at.checked_sub(2)) {
                    Some(named) => named,
                    None if all.is_some() => at - 2,
                    None => at - 1,
                };
                // "[26 из 26]" is how Russian lists say that they are all there.
                let whole = self.word(at) == "из" && first == total && self.is_whole_bracket(at - 1..at + 2);
                match all {
                    Some(all) => self.out.episodes.extend(all),
                    None if whole => self.out.episodes.extend(1..=first),
                    None => self.out.episodes.push(first),
                }
                self.claim_tokens("episodes", start..at + 2);
                return;
            }
        }
    }
}

/// `cap. 3 al 18`: behind an abbreviation in the singular, with its full stop, the public suites read the one number that it names. A range
/// takes the plural in Spanish, or does without the full stop: `Capítulos 3 al 18`, `Cap 05 al 08`.
fn names_one(number: &Token<'_>) -> bool {
    number.gap == ". "
}

/// Roman numerals of seasons.
fn roman(word: &str) -> Option<u32> {
    const NUMERALS: &[&str] = &["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"];
    spelled_number(word, NUMERALS)
}
