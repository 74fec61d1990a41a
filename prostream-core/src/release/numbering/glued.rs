//! Numbers written in one word with what they count: `Season1Episode9`, `2сезон`, `Eps01`, `1ao12`.

use crate::release::tokens::{leading_number, number};

use super::named::{EPISODE_WORDS, SEASON_WORDS};
use super::{Scanner, range};

impl Scanner<'_, '_> {
    /// Numbers that a word holds with its letters.
    pub(super) fn glued(&mut self, at: usize, had_episodes: bool) {
        let word = self.word(at);
        if let Some((season, episode)) = glued_words(word).filter(|_| !had_episodes) {
            self.take_both((season, at..at + 1), (episode, at..at + 1));
        } else if let Some(season) = number_glued_before(word).filter(|_| self.out.seasons.is_empty()) {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at..at + 1);
        } else if let Some((prefix, value)) = glued_word(word) {
            if SEASON_WORDS.contains(prefix) && self.out.seasons.is_empty() {
                // "Sn1-Sn3", "Sn1-3".
                let last = self.token(at + 1).filter(|next| matches!(next.gap, "-" | "~" | " - "));
                let last = last.and_then(|next| {
                    let same = glued_word(next.folded).filter(|word| word.0 == prefix);
                    same.map(|word| word.1).or_else(|| next.number(2).filter(|_| next.tight()))
                });
                let all = last.and_then(|last| range(value, last));
                let end = at + 1 + usize::from(all.is_some());
                match all {
                    Some(all) => self.out.seasons.extend(all),
                    None => self.out.seasons.push(value),
                }
                self.claim_tokens("seasons", at..end);
            } else if EPISODE_WORDS.contains(prefix) && prefix.len() > 2 && self.out.episodes.is_empty() {
                // "Eps01-12".
                let last = self.token(at + 1).filter(|next| matches!(next.gap, "-" | "~") && self.free(at + 1));
                let all = last.and_then(|last| range(value, last.number(4)?));
                let end = at + 1 + usize::from(all.is_some());
                match all {
                    Some(all) => self.out.episodes.extend(all),
                    None => self.out.episodes.push(value),
                }
                self.claim_tokens("episodes", at..end);
            }
        } else if let Some(all) = glued_range(word).filter(|_| !had_episodes && self.free(at)) {
            self.out.episodes.extend(all);
            self.claim_tokens("episodes", at..at + 1);
        }
    }
}

/// `3ªTemporada`, `2сезон`: a season word with its number in front.
fn number_glued_before(word: &str) -> Option<u32> {
    let (season, rest) = leading_number(word, 2).filter(|(_, rest)| rest.len() > 3)?;
    let is_word = |rest: &str| rest.chars().count() > 3 && SEASON_WORDS.contains(rest);
    let ordinal = ["st", "nd", "rd", "th", "a", "o", "й"].into_iter().find_map(|ending| rest.strip_prefix(ending));
    (is_word(rest) || ordinal.is_some_and(is_word)).then_some(season)
}

/// `1ao12`: a range in one word, as Portuguese lists write it.
fn glued_range(word: &str) -> Option<impl Iterator<Item = u32> + use<>> {
    let (first, rest) = leading_number(word, 3)?;
    range(first, number(rest.strip_prefix("ao")?, 3)?)
}

/// `Season1Episode9`: season and episode in one word.
fn glued_words(word: &str) -> Option<(u32, u32)> {
    let digits = word.find(|letter: char| letter.is_ascii_digit())?;
    let (season_word, rest) = word.split_at_checked(digits)?;
    let (season, rest) = leading_number(rest, 2)?;
    let (episode_word, episode) = glued_word(rest)?;
    (SEASON_WORDS.contains(season_word) && EPISODE_WORDS.contains(episode_word)).then_some((season, episode))
}

/// `season2`, `temporada01`, `episode05`, `sn4`: a word with its number.
fn glued_word(word: &str) -> Option<(&str, u32)> {
    let at = word.find(|letter: char| letter.is_ascii_digit())?;
    let (prefix, digits) = word.split_at_checked(at)?;
    number(digits, 3).filter(|_| prefix.len() > 1).map(|value| (prefix, value))
}
