//! Lists of words that every word of a name is asked for.

use std::hash::{BuildHasherDefault, Hasher};

/// Which words cannot be in a list, told by their first byte and their length: nine of ten words of a name are in none.
pub(super) struct Sketch {
    /// For the lowest five bits of the first byte: a bit for each length, the last one for all that are longer.
    lengths: [u64; 32],
}

impl Sketch {
    pub(super) const EMPTY: Self = Self { lengths: [0; 32] };

    pub(super) const fn with(mut self, word: &str) -> Self {
        let bytes = word.as_bytes();
        let length = if bytes.len() > 63 { 63 } else { bytes.len() };
        if length > 0 {
            self.lengths[(bytes[0] & 31) as usize] |= 1 << length;
        }
        self
    }

    /// Of the words of both.
    pub(super) const fn or(mut self, other: &Self) -> Self {
        let mut at = 0;
        while at < self.lengths.len() {
            self.lengths[at] |= other.lengths[at];
            at += 1;
        }
        self
    }

    pub(super) fn may_hold(&self, word: &str) -> bool {
        let first = word.as_bytes().first();
        first.is_some_and(|first| self.lengths[usize::from(first & 31)] >> word.len().min(63) & 1 == 1)
    }
}

/// How words of a list begin: whether one of them may go on as a word does that was read so far.
pub(super) struct Beginnings {
    /// A bit for what the first three bytes come to.
    bits: [u64; 64],
}

impl Beginnings {
    pub(super) const EMPTY: Self = Self { bits: [0; 64] };

    const fn place(word: &[u8]) -> (usize, u32) {
        let sum = word[0] as usize * 961 + word[1] as usize * 31 + word[2] as usize;
        (sum / 64 % 64, (sum % 64) as u32)
    }

    /// Words of fewer than three bytes begin nothing.
    pub(super) const fn with(mut self, word: &str) -> Self {
        if word.len() > 2 {
            let (at, bit) = Self::place(word.as_bytes());
            self.bits[at] |= 1 << bit;
        }
        self
    }

    /// `false` when no word of three bytes and more begins as this one.
    pub(super) fn may_begin(&self, word: &str) -> bool {
        word.len() < 3 || {
            let (at, bit) = Self::place(word.as_bytes());
            self.bits[at] >> bit & 1 == 1
        }
    }
}

/// Equal; most words of a list are told from another by their first byte.
fn is_same(known: &str, word: &str) -> bool {
    known.as_bytes().first() == word.as_bytes().first() && known == word
}

/// A list of words, none of them empty.
pub(super) struct Words {
    list: &'static [&'static str],
    sketch: Sketch,
}

impl Words {
    pub(super) const fn new(list: &'static [&'static str]) -> Self {
        let mut sketch = Sketch::EMPTY;
        let mut at = 0;
        while at < list.len() {
            sketch = sketch.with(list[at]);
            at += 1;
        }
        Self { list, sketch }
    }

    pub(super) const fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    pub(super) fn contains(&self, word: &str) -> bool {
        self.sketch.may_hold(word) && self.list.iter().any(|known| is_same(known, word))
    }
}

/// Words, none of them empty, and what each stands for.
pub(super) struct Pairs {
    list: &'static [(&'static str, &'static str)],
    sketch: Sketch,
}

impl Pairs {
    pub(super) const fn new(list: &'static [(&'static str, &'static str)]) -> Self {
        let mut sketch = Sketch::EMPTY;
        let mut at = 0;
        while at < list.len() {
            sketch = sketch.with(list[at].0);
            at += 1;
        }
        Self { list, sketch }
    }

    pub(super) fn get(&self, word: &str) -> Option<&'static str> {
        if !self.sketch.may_hold(word) {
            return None;
        }
        self.list.iter().find(|row| is_same(row.0, word)).map(|row| row.1)
    }
}

/// Hashes short words of our own tables: nobody chooses the keys, so nothing has to be kept from colliding.
#[derive(Default)]
pub(super) struct ShortHasher(u64);

impl ShortHasher {
    /// 2^64 divided by the golden ratio, as Fibonacci hashing multiplies (Knuth, The Art of Computer Programming 3, 6.4).
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    fn mix(&mut self, part: u64) {
        self.0 = (self.0.rotate_left(5) ^ part).wrapping_mul(Self::FACTOR);
    }
}

impl Hasher for ShortHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (parts, rest) = bytes.as_chunks::<8>();
        for part in parts {
            self.mix(u64::from_le_bytes(*part));
        }
        let last = rest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        self.mix(last);
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        // The high bits are the well mixed ones, the table takes low and high ones.
        self.0 ^ self.0 >> 32
    }
}

pub(super) type ShortHash = BuildHasherDefault<ShortHasher>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no word is missed for how it begins; what begins like none is told.
    #[test]
    fn beginnings_are_of_words() {
        const BEGUN: Beginnings = Beginnings::EMPTY.with("season").with("сезон").with("se");
        for word in ["", "s", "se", "sea", "seal", "season", "сезонный", "x"] {
            assert!(BEGUN.may_begin(word), "{word}");
        }
        for word in ["sez", "eason", "harbour"] {
            assert!(!BEGUN.may_begin(word), "{word}");
        }
    }

    /// Goal: the sketch only spares work: a list holds its words, whatever their length, and no other.
    #[test]
    fn a_list_holds_its_words_and_no_other() {
        const LONG: &str = "a-word-that-is-longer-than-the-sketch-can-tell-apart-from-other-long-ones";
        static WORDS: Words = Words::new(&["se", "season", "сезон", LONG]);
        for word in WORDS.list {
            assert!(WORDS.contains(word), "{word}");
        }
        for other in ["", "s", "st", "seasom", "3", "сезоны", &LONG[1..], &LONG[..70]] {
            assert!(!WORDS.contains(other), "{other}");
        }
    }
}
