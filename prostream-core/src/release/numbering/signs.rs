//! Numbers of East Asian names, told by signs or syllables within a word: `第2季`, `全12話`, `3기`.

use crate::release::tokens::{leading_number, number};

use super::{Scanner, range};

/// What counts episodes in Chinese and Japanese.
const EPISODE_IDEOGRAMS: [char; 4] = ['话', '話', '集', '回'];

/// The Korean word for a season, as written: folding takes syllables apart.
pub(super) const HANGUL_SEASON: &str = "시즌";

impl Scanner<'_, '_> {
    /// Numbers told by signs or syllables in a word: `第2季`, `全12話`, `3기`. `false` when there are none.
    pub(super) fn signs(&mut self, at: usize, had_episodes: bool) -> bool {
        let word = self.word(at);
        if let Some(season) = ideogram_number(word, &['季', '期']) {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at..at + 1);
        } else if let Some(episode) = ideogram_number(word, &EPISODE_IDEOGRAMS)
            && !had_episodes
        {
            self.out.episodes.push(episode);
            self.claim_tokens("episodes", at..at + 1);
        } else if let Some(seasons) = self.ideogram_range(at, &['季', '期']) {
            self.out.seasons.extend(seasons);
            self.claim_tokens("seasons", at..at + 2);
        } else if let Some(episodes) = self.ideogram_range(at, &EPISODE_IDEOGRAMS).filter(|_| !had_episodes) {
            self.out.episodes.extend(episodes);
            self.claim_tokens("episodes", at..at + 2);
        } else if let Some(episodes) = self.ideogram_count(at).filter(|_| self.out.episodes.is_empty()) {
            self.out.episodes.extend(episodes);
            self.claim_tokens("episodes", at..at + 1);
        } else if let Some(episode) = numbered_ideogram(word).filter(|_| !had_episodes) {
            let all = self.range_before(at, episode, 4);
            let (episodes, start) = all.unwrap_or((vec![episode], at));
            self.out.episodes.extend(episodes);
            self.claim_tokens("episodes", start..at + 1);
        } else if let Some(season) = self.token(at).and_then(|token| hangul_season(token.text)) {
            self.out.seasons.push(season);
            self.claim_tokens("seasons", at..at + 1);
        } else if let Some(episode) = self.token(at).and_then(|token| hangul_number(token.text))
            && !had_episodes
        {
            let all = self.range_before(at, episode, 4);
            let (episodes, start) = all.unwrap_or((vec![episode], at));
            self.out.episodes.extend(episodes);
            self.claim_tokens("episodes", start..at + 1);
        } else {
            return false;
        }
        true
    }

    /// `全12話`: so many in all.
    fn ideogram_count(&self, at: usize) -> Option<impl Iterator<Item = u32> + use<>> {
        let (last, rest) = leading_number(self.word(at).strip_prefix('全')?, 4)?;
        rest.starts_with(EPISODE_IDEOGRAMS).then(|| range(1, last)).flatten()
    }

    /// `第01-12話`, `第1-3季`.
    fn ideogram_range(&self, at: usize, signs: &[char]) -> Option<impl Iterator<Item = u32> + use<>> {
        let first = number(self.word(at).strip_prefix('第')?, 4)?;
        let next = self.token(at + 1).filter(|next| next.tight() && matches!(next.gap, "-" | "~"))?;
        let (last, rest) = leading_number(next.folded, 4)?;
        rest.starts_with(signs).then(|| range(first, last)).flatten()
    }
}

/// `5화`, `제5회`: an episode in Korean, as written, because folding takes syllables apart.
fn hangul_number(text: &str) -> Option<u32> {
    let (episode, rest) = leading_number(text.strip_prefix('제').unwrap_or(text), 4)?;
    rest.starts_with(['화', '회']).then_some(episode)
}

/// `05集`, `12話`: an episode without the sign for its order.
fn numbered_ideogram(word: &str) -> Option<u32> {
    let (episode, rest) = leading_number(word, 4)?;
    let mut signs = rest.chars();
    (signs.next().is_some_and(|sign| EPISODE_IDEOGRAMS.contains(&sign)) && signs.next().is_none()).then_some(episode)
}

/// `시즌2`: a season in Korean, as written.
fn hangul_season(text: &str) -> Option<u32> {
    // "3기" is the third.
    let counted = || leading_number(text, 2).filter(|(_, rest)| *rest == "기").map(|(season, _)| season);
    text.strip_prefix(HANGUL_SEASON).and_then(|digits| number(digits, 2)).or_else(counted)
}

/// `第3季`, `第02话`, `第二季`: the number of a word that ends in one of `endings`.
fn ideogram_number(word: &str, endings: &[char]) -> Option<u32> {
    const NUMERALS: [char; 10] = ['一', '二', '三', '四', '五', '六', '七', '八', '九', '十'];
    let at = word.find('第')?;
    let behind = word.get(at + '第'.len_utf8()..)?;
    let (value, rest) = leading_number(behind, 4).or_else(|| {
        let numeral = behind.chars().next()?;
        let index = NUMERALS.iter().position(|known| *known == numeral)?;
        Some((u32::try_from(index + 1).ok()?, behind.get(numeral.len_utf8()..)?))
    })?;
    rest.starts_with(endings).then_some(value)
}
