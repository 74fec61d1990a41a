use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{ByteRange, Extents, Rope};

/// Which file: the identity of its source.
pub(super) type FileName = Arc<str>;

type Key = (FileName, u64);

/// Blocks of files in memory, least recently used ones dropped first. A block may be there in part: what was fetched is kept as
/// it came, and nothing is fetched only to fill a block.
#[derive(Debug)]
pub(super) struct Blocks {
    block_size: u64,
    budget_bytes: u64,
    /// Of one file.
    file_budget_bytes: u64,
    used_bytes: u64,
    uses: u64,
    by_key: HashMap<Key, Block>,
    /// By the number of the last use; the first is the oldest.
    by_use: BTreeMap<u64, Key>,
    files: HashMap<FileName, Holding>,
}

/// What is held of one file.
#[derive(Debug, Default)]
struct Holding {
    used_bytes: u64,
    /// Its blocks by the number of their last use.
    by_use: BTreeMap<u64, u64>,
}

#[derive(Debug, Default)]
struct Block {
    have: Extents,
    len: u64,
    last_use: u64,
}

impl Blocks {
    pub(super) fn new(block_size: u64, budget_bytes: u64, file_budget_bytes: u64) -> Self {
        Self {
            block_size,
            budget_bytes,
            file_budget_bytes,
            used_bytes: 0,
            uses: 0,
            by_key: HashMap::new(),
            by_use: BTreeMap::new(),
            files: HashMap::new(),
        }
    }

    /// The end of the block that holds the byte at `offset`.
    pub(super) fn end_of_block(&self, offset: u64) -> u64 {
        (offset / self.block_size).saturating_add(1).saturating_mul(self.block_size)
    }

    /// The bytes from the start of `range` that are here, at most to the end of their block; `None` when not one is.
    pub(super) fn read(&mut self, file: &FileName, range: ByteRange) -> Option<Rope> {
        let key = (file.clone(), range.start / self.block_size);
        let block = self.by_key.get_mut(&key)?;
        let end = block.have.end_of_run(range.start).min(range.end);
        let rope = block.have.rope(ByteRange::new(range.start, end)).filter(|rope| !rope.is_empty())?;
        let before = block.last_use;
        self.uses = self.uses.saturating_add(1);
        block.last_use = self.uses;
        self.renew(key, before);
        Some(rope)
    }

    /// The first offset after the start of `range` at which something is here; the end of `range` when nothing is.
    pub(super) fn next_start(&self, file: &FileName, range: ByteRange) -> u64 {
        let mut at = range.start;
        while at < range.end {
            let key = (file.clone(), at / self.block_size);
            let start = self
                .by_key
                .get(&key)
                .and_then(|block| block.have.iter().map(|(start, _)| start).find(|&start| start > range.start));
            if let Some(start) = start {
                return start.min(range.end);
            }
            at = self.end_of_block(at);
        }
        range.end
    }

    /// Keeps bytes that lie within one block, and drops the oldest blocks beyond the budget.
    pub(super) fn insert(&mut self, file: &FileName, offset: u64, rope: Rope) {
        let key = (file.clone(), offset / self.block_size);
        let block = self.by_key.entry(key.clone()).or_default();
        block.have.insert(offset, rope);
        let (len, len_before, before) = (block.have.len(), block.len, block.last_use);
        self.uses = self.uses.saturating_add(1);
        (block.len, block.last_use) = (len, self.uses);
        self.renew(key, before);
        let add = |sum: u64| sum.saturating_sub(len_before).saturating_add(len);
        self.used_bytes = add(self.used_bytes);
        let holding = self.files.entry(file.clone()).or_default();
        holding.used_bytes = add(holding.used_bytes);
        while let Some(holding) = self.files.get(file).filter(|file| file.used_bytes > self.file_budget_bytes) {
            let Some((&oldest, _)) = holding.by_use.first_key_value() else { break };
            self.drop_used_at(oldest);
        }
        while self.used_bytes > self.budget_bytes {
            let Some((&oldest, _)) = self.by_use.first_key_value() else { break };
            self.drop_used_at(oldest);
        }
    }

    /// A block that was used at `before` was used now.
    fn renew(&mut self, key: Key, before: u64) {
        let holding = self.files.entry(key.0.clone()).or_default();
        holding.by_use.remove(&before);
        holding.by_use.insert(self.uses, key.1);
        self.by_use.remove(&before);
        self.by_use.insert(self.uses, key);
    }

    /// Drops the block that was used last at this number.
    fn drop_used_at(&mut self, last_use: u64) {
        let Some(key) = self.by_use.remove(&last_use) else { return };
        let len = self.by_key.remove(&key).map_or(0, |block| block.len);
        self.used_bytes = self.used_bytes.saturating_sub(len);
        if let Some(holding) = self.files.get_mut(&key.0) {
            holding.by_use.remove(&last_use);
            holding.used_bytes = holding.used_bytes.saturating_sub(len);
            if holding.by_use.is_empty() {
                self.files.remove(&key.0);
            }
        }
    }

    /// Bytes held.
    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn rope(len: usize) -> Rope {
        Bytes::from(vec![7; len]).into()
    }

    /// Goal: the budget holds at every moment, and what was used last stays.
    #[test]
    fn the_least_recently_used_block_goes_first() {
        let mut blocks = Blocks::new(10, 30, u64::MAX);
        let file: FileName = "a".into();
        for n in 0..3 {
            blocks.insert(&file, n * 10, rope(10));
        }
        assert!(blocks.read(&file, ByteRange::new(0, 10)).is_some());
        blocks.insert(&file, 30, rope(10));
        assert_eq!(blocks.used_bytes(), 30);
        assert!(blocks.read(&file, ByteRange::new(10, 20)).is_none(), "the oldest");
        for start in [0, 20, 30] {
            assert!(blocks.read(&file, ByteRange::new(start, start + 10)).is_some(), "{start}");
        }
        assert!(blocks.read(&"b".into(), ByteRange::new(0, 10)).is_none(), "another file");
        assert_eq!(blocks.by_key.len(), blocks.by_use.len());
    }

    /// Goal: one film that is read from end to end drops its own oldest blocks, not those of another.
    #[test]
    fn a_file_has_a_budget_of_its_own() {
        let mut blocks = Blocks::new(10, 100, 30);
        let (film, other): (FileName, FileName) = ("film".into(), "other".into());
        blocks.insert(&other, 0, rope(10));
        for n in 0..20 {
            blocks.insert(&film, n * 10, rope(10));
        }
        assert_eq!(blocks.used_bytes(), 40);
        assert!(blocks.read(&other, ByteRange::new(0, 10)).is_some());
        assert!(blocks.read(&film, ByteRange::new(160, 170)).is_none());
        for start in [170, 180, 190] {
            assert!(blocks.read(&film, ByteRange::new(start, start + 10)).is_some(), "{start}");
        }
        assert_eq!((blocks.by_key.len(), blocks.by_use.len()), (4, 4));
        assert_eq!(blocks.files.values().map(|holding| holding.by_use.len()).sum::<usize>(), 4);
    }

    /// Goal: parts of a block count and are found as what they are.
    #[test]
    fn a_block_may_be_there_in_part() {
        let mut blocks = Blocks::new(10, 30, u64::MAX);
        let file: FileName = "a".into();
        blocks.insert(&file, 14, rope(3));
        blocks.insert(&file, 17, rope(2));
        blocks.insert(&file, 14, rope(3));
        assert_eq!(blocks.used_bytes(), 5);
        assert_eq!(blocks.read(&file, ByteRange::new(15, 30)).map(|rope| rope.len()), Some(4));
        assert!(blocks.read(&file, ByteRange::new(13, 15)).is_none());
        assert_eq!(blocks.next_start(&file, ByteRange::new(3, 40)), 14);
        assert_eq!(blocks.next_start(&file, ByteRange::new(3, 12)), 12);
        assert_eq!(blocks.next_start(&file, ByteRange::new(14, 40)), 40);
        assert_eq!(blocks.end_of_block(14), 20);
        assert_eq!(blocks.end_of_block(20), 30);
    }

    /// Goal: a budget too small for one block keeps none, and nothing breaks.
    #[test]
    fn a_budget_of_nothing_keeps_nothing() {
        let mut blocks = Blocks::new(10, 0, u64::MAX);
        let file: FileName = "a".into();
        blocks.insert(&file, 0, rope(10));
        assert_eq!(blocks.used_bytes(), 0);
        assert!(blocks.by_key.is_empty() && blocks.by_use.is_empty());
    }
}
